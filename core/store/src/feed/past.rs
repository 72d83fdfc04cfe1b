//! What feeds say of a past moment, by the lines that were known at another.

use std::collections::{BTreeMap, BTreeSet};

use caseward::{Changes, EntityUid, Value, Ward, World};

use super::read::Fields;
use super::subject::Subject;
use super::{enrolment, people};
use crate::db::{Db, as_number, as_text, number};
use crate::error::Error;
use crate::facts;

/// The kinds of which a past moment is worked out anew.
const KINDS: [&str; 4] = ["enrolment", "logins", "staff", "training"];

/// Lines of a subject by their kind.
type Lines = BTreeMap<String, Vec<Fields>>;

/// What is to be changed in a world that holds what was written at `as_of` or before, so that enrolment, roles, logins and
/// clearing are what they were at `as_of` by what was known at `known_at`.
pub(crate) fn known(
    db: &mut dyn Db,
    ward: &Ward,
    world: &World,
    (as_of, known_at): (i64, i64),
) -> Result<Changes, Error> {
    let mut changes = Changes::new();
    for (name, lines) in lines(db, as_of, known_at)? {
        let subject = Subject::read(db, &name)?;
        if !world.contains(&subject.uid) {
            continue;
        }
        let mut past = Past { world, subject: &subject, at: as_of, changes };
        for (kind, lines) in &lines {
            match kind.as_str() {
                "enrolment" => past.enrolment(lines)?,
                "logins" => {
                    past.set("loginActive", Some(people::is_active(&subject, lines, as_of).into()))?
                }
                "training" => {
                    let from = people::cleared_from(&subject, lines).map(Value::Datetime);
                    past.set("providerAccessFrom", from)?;
                }
                _ => past.roles(db, ward, lines, known_at)?,
            }
        }
        changes = past.changes;
    }
    Ok(changes)
}

/// The lines by their subjects, as they stood at `known_at`: of those of whom a line was learnt after `as_of`, and of all
/// where that lies ahead of what was known. Of others the world holds already what they say.
fn lines(db: &mut dyn Db, as_of: i64, known_at: i64) -> Result<BTreeMap<String, Lines>, Error> {
    let mut by_key: BTreeMap<(String, String, String), Fields> = BTreeMap::new();
    let mut later: BTreeSet<String> = BTreeSet::new();
    let sql = "SELECT subject, kind, key, line, recorded FROM caseward_feed_taken WHERE recorded <= ?1 \
               AND kind IN ('enrolment', 'logins', 'staff', 'training') ORDER BY recorded, event";
    db.rows(sql, &[number(known_at)], &mut |row| {
        let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default().to_string();
        let recorded = row.get(4).and_then(as_number).unwrap_or(i64::MAX);
        if as_of > known_at || recorded > as_of {
            later.insert(cell(0));
        }
        if let Ok(fields) = serde_json::from_str(&cell(3)) {
            by_key.insert((cell(0), cell(1), cell(2)), fields);
        }
        Ok(())
    })?;
    let mut all: BTreeMap<String, Lines> = BTreeMap::new();
    for ((subject, kind, _), fields) in by_key {
        if later.contains(&subject) && KINDS.contains(&kind.as_str()) {
            all.entry(subject).or_default().entry(kind).or_default().push(fields);
        }
    }
    Ok(all)
}

/// What is so of people from an instant on at which something of theirs begins or ends, where something of a student does too.
pub(super) fn ahead(db: &mut dyn Db, ward: &Ward, world: &World, at: i64) -> Result<Changes, Error> {
    let sql = "SELECT subject FROM caseward_due WHERE at = ?1 ORDER BY subject";
    let subjects = db.texts(sql, &[number(at)])?;
    let mut changes = Changes::new();
    if !subjects.first().is_some_and(|subject| subject.starts_with("Student::")) {
        return Ok(changes);
    }
    for name in subjects.iter().filter(|subject| subject.starts_with("User::")) {
        let subject = Subject::read(db, name)?;
        if !world.contains(&subject.uid) {
            continue;
        }
        let (logins, staff) = (subject.lines(db, "logins")?, subject.lines(db, "staff")?);
        let mut past = Past { world, subject: &subject, at, changes };
        if !logins.is_empty() {
            past.set("loginActive", Some(people::is_active(&subject, &logins, at).into()))?;
        }
        past.roles(db, ward, &staff, at)?;
        changes = past.changes;
    }
    Ok(changes)
}

/// One subject at a past moment.
struct Past<'a> {
    world: &'a World,
    subject: &'a Subject,
    at: i64,
    changes: Changes,
}

impl Past<'_> {
    fn set(&mut self, name: &str, value: Option<Value>) -> Result<(), Error> {
        let uid = &self.subject.uid;
        if self.world.attribute(uid, name)? == value {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.changes);
        self.changes = match value {
            Some(value) => changes.set(uid, name, value),
            None => changes.unset(uid, name),
        };
        Ok(())
    }

    fn enrolment(&mut self, lines: &[Fields]) -> Result<(), Error> {
        let (enrolled, last) = enrolment::place(lines, &self.subject.base, self.at);
        self.set("enrolledAt", enrolled.map(Value::Entity))?;
        self.set("lastSchool", last.map(Value::Entity))
    }

    fn roles(&mut self, db: &mut dyn Db, ward: &Ward, lines: &[Fields], known_at: i64) -> Result<(), Error> {
        let mut held: BTreeMap<String, BTreeSet<EntityUid>> = BTreeMap::new();
        for ((role, place), lines) in people::by_place(ward, lines) {
            if !held.contains_key(&role) {
                held.insert(role.clone(), facts::entities(self.world, &self.subject.uid, &role)?);
            }
            let Some(places) = held.get_mut(&role) else { continue };
            let mark = people::mark(db, &self.subject.uid, (&role, &place), self.at.min(known_at))?;
            let mark = mark.unwrap_or((i64::MIN, false));
            match people::is_held_at(&lines, mark, self.at) {
                true => places.insert(place),
                false => places.remove(&place),
            };
        }
        for (role, places) in held {
            self.set(&role, Some(Value::set(places.into_iter().map(Value::Entity))))?;
        }
        Ok(())
    }
}
