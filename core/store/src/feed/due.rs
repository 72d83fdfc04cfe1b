//! What falls due: things of people and students that begin or end at an instant, in order of time.
//!
//! INVARIANT: of what falls due at one instant all facts hold before anybody is taken out of a record or told of it.

use caseward::Changes;
use serde_json::json;

use super::subject::Subject;
use super::{GROUP, apply, past, stand};
use crate::attendance::{Making, Stop};
use crate::db::{as_number, as_text, number, text};
use crate::error::Error;
use crate::state::{Group, State};
use crate::time;

impl State {
    /// Applies what is due at an instant or before, in order of time; gives how many batches that was.
    pub(crate) fn due(&mut self, now: i64) -> Result<usize, Error> {
        if self.read_only.is_some() || self.db.is_shared() {
            // Where nothing is due, nothing is to be written, and nobody is to wait.
            let sql = "SELECT 1 FROM caseward_due WHERE at <= ?1 LIMIT 1";
            if self.reading(|state| state.db.row(sql, &[number(now)]))?.is_none() {
                return Ok(0);
            }
        }
        let mut count = 0;
        loop {
            let mut group = self.begin()?;
            match self.due_in(&mut group, now, GROUP) {
                Ok(0) => {
                    self.db.rollback()?;
                    return Ok(count);
                }
                Ok(some) => count += some,
                Err(error) => {
                    self.db.rollback()?;
                    return Err(error);
                }
            }
            self.commit(group)?;
        }
    }

    /// As [`State::due`], in a group that is there, and at most so many.
    pub(crate) fn due_in(&mut self, group: &mut Group, now: i64, most: usize) -> Result<usize, Error> {
        let mut count = 0;
        let mut ahead: Option<(i64, Changes)> = None;
        while count < most {
            let sql = "SELECT at, subject FROM caseward_due WHERE at <= ?1 ORDER BY at, subject LIMIT 1";
            let Some(row) = self.db.row(sql, &[number(now)])? else { break };
            let (Some(at), Some(subject)) = (row.first().and_then(as_number), row.get(1).and_then(as_text))
            else {
                break;
            };
            // Students come before people: where they move, who has a role there from then on has it.
            let people = match ahead.take().filter(|(of, _)| *of == at) {
                Some((_, people)) => people,
                None => past::ahead(self.db.as_mut(), &self.ward, &group.seen, at)?,
            };
            self.fall_due(group, &subject, at, &people)?;
            ahead = Some((at, people));
            group.numbers.clock = group.numbers.clock.max(at);
            count += 1;
        }
        Ok(count)
    }

    fn fall_due(&mut self, group: &mut Group, name: &str, at: i64, people: &Changes) -> Result<(), Error> {
        self.decide_by(at);
        self.db.run("DELETE FROM caseward_due WHERE at = ?1 AND subject = ?2", &[number(at), text(name)])?;
        let subject = Subject::read(self.db.as_mut(), name)?;
        let mut making = self.making(group, at);
        making.ahead = people.clone();
        let applied = match (name, subject.uid.type_name()) {
            ("terms", _) => apply(&mut making, "terms", &subject, &[], at).map(|_| Vec::new()),
            (_, "Student") => again(&mut making, &subject, &["enrolment", "attendance"], at),
            _ => again(&mut making, &subject, &["logins", "staff"], at),
        };
        let flags = match applied {
            Ok(flags) => flags,
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Refused(why) | Stop::Invalid(why)) => {
                return Err(Error::Request(format!("{name}: {why}")));
            }
        };
        let finished = making.draft.finish()?.without_what_is_so(self.db.as_mut())?;
        if !finished.is_nothing() {
            let payload = json!({"due": time::rfc3339(at)});
            self.finish_batch(group, ("due", payload), (&subject, people), &finished, at)?;
        }
        for (kind, flag) in flags {
            self.flag(&subject, kind, flag.as_deref())?;
        }
        Ok(())
    }
}

/// As [`stand`], of several feeds, where they have spoken of the subject.
fn again<'k>(
    making: &mut Making<'_>,
    subject: &Subject,
    kinds: &[&'k str],
    at: i64,
) -> Result<Vec<(&'k str, Option<String>)>, Stop> {
    let mut flags = Vec::new();
    for kind in kinds {
        if !subject.lines(making.db, kind)?.is_empty() {
            flags.push((*kind, stand(making, kind, subject, at)?));
        }
    }
    Ok(flags)
}
