//! The lines of feeds, what is due, and roles, as the log tells of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use caseward::{EntityUid, Ward};
use serde_json::{Value as Json, json};

use super::facts::Facts;
use super::{Gone, Told, list, says};
use crate::db::{Db, as_count, as_number, as_text, number};
use crate::doctor::Checkup;
use crate::error::Error;
use crate::feed::{self, CONTENT, Fields, Kind};
use crate::seal::Seal;
use crate::time;

/// A line that was taken.
struct Line {
    key: String,
    subject: String,
    recorded: i64,
    event: u64,
}

/// A role of somebody, and from when it is so.
type Mark = (String, String, String, i64);

/// What the tables have, and what of it the log told.
pub(super) struct Feeds {
    /// By kind and line.
    taken: BTreeMap<(String, String), Line>,
    told: BTreeSet<(String, String)>,
    bases: BTreeMap<String, BTreeMap<String, String>>,
    /// What is expected of roles; `None` where it is not known whether it was held.
    marks: BTreeMap<Mark, Option<bool>>,
    seal: Seal,
}

impl Feeds {
    pub(super) fn read(db: &mut dyn Db) -> Result<Self, Error> {
        let mut taken = BTreeMap::new();
        let sql = "SELECT kind, line, key, subject, recorded, event FROM caseward_feed_taken";
        db.rows(sql, &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default().to_string();
            let line = Line {
                key: cell(2),
                subject: cell(3),
                recorded: row.get(4).and_then(as_number).unwrap_or(0),
                event: row.get(5).and_then(as_count).unwrap_or(0),
            };
            taken.insert((cell(0), cell(1)), line);
            Ok(())
        })?;
        Ok(Feeds {
            taken,
            told: BTreeSet::new(),
            bases: BTreeMap::new(),
            marks: BTreeMap::new(),
            seal: db.seal(),
        })
    }

    /// What an entry says of feeds, before what it changes is applied.
    pub(super) fn entry(&mut self, checkup: &mut Checkup, gone: &Gone, told: &Told, facts: &mut Facts<'_>) {
        let Some(payload) = &told.payload else { return };
        if &*told.kind == "command" && says(payload, "/command/command") == "manageStaffAccess" {
            self.manage(told, payload);
        }
        if &*told.kind != "feed" {
            return;
        }
        let Some(kind) = Kind::of(says(payload, "/feed")) else { return };
        let of = says(payload, "/of").to_owned();
        for line in list(payload, "lines") {
            let fields: Fields = serde_json::from_value(line.clone()).unwrap_or_default();
            let key = (kind.name.to_owned(), feed::taken(&self.seal, kind, &fields));
            let is_so = self.taken.get(&key).is_some_and(|line| {
                (line.event, line.recorded) == (told.event, told.recorded)
                    && (&line.key, &line.subject) == (&kind.key(&fields), &of)
            });
            if !is_so {
                let what =
                    format!("a line of {} that entry {} took is not kept as it came", kind.name, told.event);
                checkup.fault("feeds", of.parse().ok().as_ref(), what);
            }
            self.told.insert(key);
            if kind.name == "staff" {
                self.first_heard(gone, told, &of, &fields, facts);
            }
        }
        if let Some(base) = payload.get("base") {
            self.bases.insert(of, serde_json::from_value(base.clone()).unwrap_or_default());
        }
    }

    /// A command that gives or ends a role.
    fn manage(&mut self, told: &Told, payload: &Json) {
        let place: Option<EntityUid> = says(payload, "/command/on").parse().ok();
        let Some(place) = place.filter(|_| says(payload, "/answer/outcome") == "done") else { return };
        let subject = payload.pointer("/command/context/subject");
        let id = subject.and_then(|subject| subject.get("id").or_else(|| subject.pointer("/__entity/id")));
        let id = id.and_then(Json::as_str).unwrap_or_default().to_owned();
        let role = format!("{}At", says(payload, "/command/context/role"));
        let held = payload.pointer("/command/data/end") != Some(&json!(true));
        let at = time::read(says(payload, "/now")).unwrap_or(told.recorded);
        self.marks.insert((id, role, place.id().to_owned(), at), Some(held));
    }

    /// What was so of a role before a line first spoke of it.
    fn first_heard(&mut self, gone: &Gone, told: &Told, of: &str, fields: &Fields, facts: &mut Facts<'_>) {
        let Ok(person) = of.parse::<EntityUid>() else { return };
        let cell = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let (id, role, place) = (person.id().to_owned(), cell("role"), cell("at"));
        let from = (id.clone(), role.clone(), place.clone(), i64::MIN);
        let upto = (id, role.clone(), place.clone(), told.recorded);
        if self.marks.range(from.clone()..=upto).next().is_some() {
            return;
        }
        let held = match facts.get(gone, &person, &role) {
            Some(value) => {
                let all = value.as_ref().and_then(Json::as_array).cloned().unwrap_or_default();
                Some(all.iter().any(|one| one.pointer("/__entity/id").and_then(Json::as_str) == Some(&place)))
            }
            None => None,
        };
        self.marks.insert(from, held);
    }

    pub(super) fn compare(
        &self,
        checkup: &mut Checkup,
        ward: &Ward,
        gone: &Gone,
        db: &mut dyn Db,
        now: i64,
    ) -> Result<(), Error> {
        for ((kind, line), at) in &self.taken {
            if !gone.blank.contains(&at.event) && !self.told.contains(&(kind.clone(), line.clone())) {
                let what = format!("a line of {kind} is kept that entry {} did not take", at.event);
                checkup.fault("feeds", at.subject.parse().ok().as_ref(), what);
            }
        }
        self.lines_stand(checkup, db)?;
        self.bases_stand(checkup, gone, db)?;
        self.marks_stand(checkup, gone, db)?;
        flags_stand(checkup, db, now)?;
        self.due_stands(checkup, ward, db, now)
    }

    /// The lines as they stand: of each key the one that was taken last.
    fn lines_stand(&self, checkup: &mut Checkup, db: &mut dyn Db) -> Result<(), Error> {
        let mut last: BTreeMap<(String, String), (u64, &str, &str)> = BTreeMap::new();
        for ((kind, line), at) in &self.taken {
            let one = (at.event, line.as_str(), at.subject.as_str());
            let best = last.entry((kind.clone(), at.key.clone())).or_insert(one);
            *best = one.max(*best);
        }
        db.rows("SELECT kind, key, subject, line FROM caseward_feed", &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
            let (kind, key, subject) = (cell(0), cell(1), cell(2));
            let line = feed::opened(&self.seal, (&kind, &key), cell(3))?;
            let fields: Fields = serde_json::from_str(&line).unwrap_or_default();
            let line = Kind::of(&kind).map(|kind| feed::taken(&self.seal, kind, &fields)).unwrap_or_default();
            let is_so = last
                .remove(&(kind.to_string(), key.to_string()))
                .is_some_and(|(_, taken, of)| (taken, of) == (line.as_str(), &*subject));
            if !is_so {
                let what = format!("the line of {kind} under {key} is not the one that was taken last");
                checkup.fault("feeds", subject.parse().ok().as_ref(), what);
            }
            Ok(())
        })?;
        for ((kind, key), (_, _, subject)) in last {
            let what = format!("the line of {kind} under {key} is gone");
            checkup.fault("feeds", subject.parse().ok().as_ref(), what);
        }
        Ok(())
    }

    /// What was so before the first line about somebody.
    fn bases_stand(&self, checkup: &mut Checkup, gone: &Gone, db: &mut dyn Db) -> Result<(), Error> {
        let mut kept: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        db.rows("SELECT subject, name, value FROM caseward_feed_base", &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default().to_string();
            kept.entry(cell(0)).or_default().insert(cell(1), cell(2));
            Ok(())
        })?;
        let names: BTreeSet<&String> = kept.keys().chain(self.bases.keys()).collect();
        for name in names {
            let about: Option<EntityUid> = name.parse().ok();
            let is_told =
                self.bases.contains_key(name) || !about.as_ref().is_some_and(|uid| gone.partly.contains(uid));
            if is_told && kept.get(name) != self.bases.get(name) {
                let what = "what was so before the first line of a feed is not what the log says";
                checkup.fault("feeds", about.as_ref(), what);
            }
        }
        Ok(())
    }

    fn marks_stand(&self, checkup: &mut Checkup, gone: &Gone, db: &mut dyn Db) -> Result<(), Error> {
        let mut left: BTreeSet<&Mark> = self.marks.keys().collect();
        db.rows("SELECT person, role, place, at, held FROM caseward_role_mark", &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default().to_string();
            let at = row.get(3).and_then(as_number).unwrap_or(0);
            let held = row.get(4).and_then(as_number) == Some(1);
            let mark = (cell(0), cell(1), cell(2), at);
            left.remove(&mark);
            let person = EntityUid::new("User", mark.0.as_str());
            let is_so = match self.marks.get(&mark) {
                Some(expected) => expected.is_none_or(|expected| expected == held),
                None => gone.partly.contains(&person),
            };
            if !is_so {
                let what =
                    format!("what is kept of the role {} at `{}` is not what the log says", mark.1, mark.2);
                checkup.fault("roles", Some(&person), what);
            }
            Ok(())
        })?;
        for (person, role, place, _) in left {
            let what = format!("what the log says of the role {role} at `{place}` is not kept");
            checkup.fault("roles", Some(&EntityUid::new("User", person.as_str())), what);
        }
        Ok(())
    }

    /// What begins or ends later is due then.
    fn due_stands(&self, checkup: &mut Checkup, ward: &Ward, db: &mut dyn Db, now: i64) -> Result<(), Error> {
        let mut due: BTreeSet<(i64, String)> = BTreeSet::new();
        for ((kind, line), at) in self.taken.iter().filter(|((kind, _), _)| !CONTENT.contains(&kind.as_str()))
        {
            let fields: Fields = serde_json::from_str(line).unwrap_or_default();
            let boundaries = feed::boundaries(ward, kind, &fields).into_iter();
            due.extend(
                boundaries.filter(|one| *one > now.max(at.recorded)).map(|one| (one, at.subject.clone())),
            );
        }
        db.rows("SELECT at, subject FROM caseward_due", &[], &mut |row| {
            let at = row.first().and_then(as_number).unwrap_or(0);
            let subject = row.get(1).and_then(as_text).unwrap_or_default().to_string();
            let about: Option<EntityUid> = subject.parse().ok();
            if at > now && !due.remove(&(at, subject)) {
                let what = format!("it is due at {}, and no line says so", time::rfc3339(at));
                checkup.fault("feeds", about.as_ref(), what);
            }
            Ok(())
        })?;
        for (at, subject) in due {
            let what = format!("what is due at {} is not kept", time::rfc3339(at));
            checkup.fault("feeds", subject.parse().ok().as_ref(), what);
        }
        Ok(())
    }
}

/// What lines say that cannot all be so, as they stand: what of a subject is due and not applied yet may be of before.
fn flags_stand(checkup: &mut Checkup, db: &mut dyn Db, now: i64) -> Result<(), Error> {
    let mut said = feed::flags(db, now)?;
    let overdue: BTreeSet<Arc<str>> = db
        .texts("SELECT DISTINCT subject FROM caseward_due WHERE at <= ?1", &[number(now)])?
        .into_iter()
        .collect();
    let mut kept = Vec::new();
    db.rows("SELECT subject, name, says FROM caseward_flag", &[], &mut |row| {
        let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default().to_string();
        kept.push(((cell(0), cell(1)), cell(2)));
        Ok(())
    })?;
    for (key, says) in kept {
        let is_so = said.remove(&key).is_some_and(|said| said == says);
        if !is_so && !overdue.contains(key.0.as_str()) {
            let what = format!("what is kept of its lines of {}, `{says}`, does not follow from them", key.1);
            checkup.fault("feeds", key.0.parse().ok().as_ref(), what);
        }
    }
    for ((subject, kind), says) in said.into_iter().filter(|((of, _), _)| !overdue.contains(of.as_str())) {
        let what = format!("its lines of {kind} cannot all be so, and that is not kept: {says}");
        checkup.fault("feeds", subject.parse().ok().as_ref(), what);
    }
    Ok(())
}
