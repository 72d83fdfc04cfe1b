//! Whom to tell, keys, which request became which case, and when something changed last, as the log tells of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use caseward::EntityUid;
use serde_json::Value as Json;

use super::{Gone, Told, list, says, uid_of};
use crate::db::{Db, as_count, as_number, as_text};
use crate::doctor::Checkup;
use crate::error::Error;
use crate::run::{KEPT, digest_of};
use crate::seal::{Place, Seal};

/// An answer that is kept under a key.
struct Kept {
    person: String,
    key: String,
    command: String,
    answer: Json,
    recorded: i64,
}

/// What the tables have; what the log tells of is taken out.
pub(super) struct Tables {
    outbox: BTreeMap<u64, BTreeSet<(String, EntityUid)>>,
    answers: HashMap<u64, Kept>,
    /// By person and key: the entry that it was used for last, where its answer is still to be kept.
    keys: BTreeMap<(String, String), u64>,
    became: BTreeMap<String, String>,
    changed: HashMap<EntityUid, u64>,
    seal: Seal,
}

impl Tables {
    pub(super) fn read(db: &mut dyn Db) -> Result<Self, Error> {
        let (mut outbox, mut answers, mut became) = (BTreeMap::new(), HashMap::new(), BTreeMap::new());
        db.rows("SELECT event, person, type, id FROM caseward_outbox", &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
            let told: &mut BTreeSet<_> =
                outbox.entry(row.first().and_then(as_count).unwrap_or(0)).or_default();
            told.insert((cell(1).to_string(), EntityUid::new(cell(2), cell(3))));
            Ok(())
        })?;
        let sql = "SELECT event, person, key, command, answer, recorded FROM caseward_answer";
        let seal = db.seal();
        db.rows(sql, &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default().to_string();
            let answer = as_text(row.get(4).unwrap_or(&None)).unwrap_or_default();
            let answer = seal.open(Place::Answer(&cell(1), &cell(2)), answer)?;
            let kept = Kept {
                person: cell(1),
                key: cell(2),
                command: cell(3),
                answer: serde_json::from_str(&answer).unwrap_or_default(),
                recorded: row.get(5).and_then(as_number).unwrap_or(0),
            };
            answers.insert(row.first().and_then(as_count).unwrap_or(0), kept);
            Ok(())
        })?;
        db.rows("SELECT request, \"case\" FROM caseward_became", &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default().to_string();
            became.insert(cell(0), cell(1));
            Ok(())
        })?;
        Ok(Tables { outbox, answers, keys: BTreeMap::new(), became, changed: HashMap::new(), seal })
    }

    pub(super) fn entry(&mut self, checkup: &mut Checkup, told: &Told, now: i64) {
        let outbox = self.outbox.remove(&told.event).unwrap_or_default();
        let Some(payload) = &told.payload else { return };
        let alerts = alerts(payload);
        for (_, of) in outbox.iter().filter(|one| !alerts.contains(one)) {
            let what =
                format!("the outbox tells somebody of it by entry {}, which told nobody so", told.event);
            checkup.fault("outbox", Some(of), what);
        }
        let uids =
            list(payload, "changes").iter().filter_map(|one| one.as_object()?.values().next()?.get("uid"));
        let uids = uids.chain(list(payload, "content").iter().filter_map(|one| one.get("uid")));
        self.changed.extend(uids.filter_map(uid_of).map(|uid| (uid, told.version)));
        if &*told.kind != "command" || says(payload, "/answer/outcome") != "done" {
            return;
        }
        self.answered(checkup, told, payload, now);
        if says(payload, "/command/command") == "acceptRequest" {
            let parse =
                |text: &str| text.parse().map(|uid: EntityUid| uid.id().to_owned()).unwrap_or_default();
            let case = parse(says(payload, "/answer/made/0"));
            let request = says(payload, "/command/on");
            if self.became.remove(&parse(request)) != Some(case) {
                let about: Option<EntityUid> = request.parse().ok();
                checkup.fault("became", about.as_ref(), "the case that it became is not the one of the log");
            }
        }
    }

    /// An answer that is kept under a key, held against the entry.
    fn answered(&mut self, checkup: &mut Checkup, told: &Told, payload: &Json, now: i64) {
        let key = says(payload, "/command/key");
        let person = says(payload, "/command/as");
        if !key.is_empty() && told.recorded > now.saturating_sub(KEPT) {
            self.keys.insert((person.to_owned(), key.to_owned()), told.event);
        }
        let Some(kept) = self.answers.remove(&told.event) else { return };
        self.keys.remove(&(person.to_owned(), key.to_owned()));
        let command = payload.get("command").cloned().unwrap_or_default();
        let mut answer = kept.answer;
        if let Some(answer) = answer.as_object_mut() {
            for name in ["exported", "event", "repeated"] {
                answer.remove(name);
            }
        }
        let is_so = (kept.person.as_str(), kept.key.as_str(), kept.recorded) == (person, key, told.recorded)
            && kept.command == self.seal.digest(&digest_of(command))
            && Some(&answer) == payload.get("answer");
        if !is_so {
            let what =
                format!("what is kept under the key `{}` is not what entry {} says", kept.key, told.event);
            checkup.fault("keys", Some(&EntityUid::new("User", kept.person)), what);
        }
    }

    pub(super) fn compare(&self, checkup: &mut Checkup, gone: &Gone, db: &mut dyn Db) -> Result<(), Error> {
        for (event, told) in &self.outbox {
            for (_, of) in told {
                checkup.fault(
                    "outbox",
                    Some(of),
                    format!("the outbox tells somebody of it by entry {event}, which is not there"),
                );
            }
        }
        for kept in self.answers.values() {
            let what =
                format!("an answer is kept under the key `{}`, and no entry of the log gave it", kept.key);
            checkup.fault("keys", Some(&EntityUid::new("User", kept.person.as_str())), what);
        }
        for ((person, key), event) in &self.keys {
            let what = format!("the answer of entry {event} is not kept under the key `{key}`");
            checkup.fault("keys", Some(&EntityUid::new("User", person.as_str())), what);
        }
        for request in self.became.keys().map(|id| EntityUid::new("Request", id.as_str())) {
            if !gone.entities.contains_key(&request) {
                checkup.fault(
                    "became",
                    Some(&request),
                    "it is kept that it became a case, and no entry says so",
                );
            }
        }
        let mut left = self.changed.clone();
        db.rows("SELECT type, id, version FROM caseward_changed", &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
            let (uid, version) =
                (EntityUid::new(cell(0), cell(1)), row.get(2).and_then(as_count).unwrap_or(0));
            let told = left.remove(&uid);
            let is_so = told == Some(version)
                || told.is_none_or(|told| told < version) && gone.versions.contains(&version);
            if !is_so {
                checkup.fault(
                    "changed",
                    Some(&uid),
                    format!("version {version}, in which it is kept to have changed last, is not the log's"),
                );
            }
            Ok(())
        })?;
        for uid in left.keys() {
            checkup.fault("changed", Some(uid), "in which version it changed last is not kept");
        }
        Ok(())
    }
}

/// Whom an entry tells, and of what.
fn alerts(payload: &Json) -> BTreeSet<(String, EntityUid)> {
    let people = |all: &Json| -> Vec<String> {
        all.as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect()
    };
    let mut told = BTreeSet::new();
    if let (Some(all), Ok(on)) =
        (payload.pointer("/answer/alerts"), says(payload, "/command/on").parse::<EntityUid>())
    {
        told.extend(people(all).into_iter().map(|person| (person, on.clone())));
    }
    for moved in list(payload, "alerts") {
        let case: Option<EntityUid> = moved.get(0).and_then(Json::as_str).and_then(|uid| uid.parse().ok());
        if let (Some(case), Some(all)) = (case, moved.get(1)) {
            told.extend(people(all).into_iter().map(|person| (person, case.clone())));
        }
    }
    told
}
