//! Whether the log is what was written: every payload is read again.

use std::collections::{BTreeSet, HashMap};

use caseward::EntityUid;
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::note::Checkpoint;
use super::tree::{Hash, Tree};
use crate::db::{Cell, as_count, as_number, as_text, number};
use crate::error::Error;
use crate::ids::hex;
use crate::log::{self, as_i64, hash};
use crate::seal::{Place, Seal};
use crate::state::State;
use crate::time::rfc3339;

/// Problems that are told; of more it is said how many there are.
const TOLD: usize = 100;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The entry's number; absent where it is of the log as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// Entries that were read.
    pub entries: u64,
    /// Of those, how many were disposed of: their payload is gone, and a later entry says so.
    pub disposed: u64,
    /// The root of the tree over them, in hexadecimal digits.
    pub root: String,
    /// How many problems there are.
    pub count: u64,
    /// The first of them.
    pub problems: Vec<Problem>,
    /// What could not be excluded.
    pub not_excluded: Vec<String>,
}

impl Verified {
    /// Of a store that cannot be opened, since its rows are at fault.
    pub(crate) fn of_rows(faults: Vec<(Option<EntityUid>, String)>) -> Self {
        let told = |(about, what): (Option<EntityUid>, String)| match about {
            Some(uid) => format!("{uid}: {what}"),
            None => what,
        };
        let unread = "the store cannot be opened: no entry was read".to_owned();
        let problems: Vec<Problem> =
            faults.into_iter().map(told).chain([unread]).map(|what| Problem { event: None, what }).collect();
        Verified {
            entries: 0,
            disposed: 0,
            root: hex(&Tree::default().root()),
            count: problems.len() as u64,
            problems,
            not_excluded: Vec::new(),
        }
    }

    /// Whether nothing was found.
    pub fn is_sound(&self) -> bool {
        self.count == 0
    }
}

/// One reading of the log.
struct Reading<'a> {
    tree: Tree,
    /// The number of the entry before.
    last: u64,
    checkpoints: &'a [Checkpoint],
    /// Entries without payload.
    blank: BTreeSet<u64>,
    /// Entries of which a disposal says that their payload went.
    disposed: BTreeSet<u64>,
    /// By which records each entry is found.
    about: HashMap<u64, Found>,
    count: u64,
    problems: Vec<Problem>,
    seal: Seal,
}

impl Reading<'_> {
    fn problem(&mut self, event: Option<u64>, what: impl Into<String>) {
        self.count += 1;
        if self.problems.len() < TOLD {
            self.problems.push(Problem { event, what: what.into() });
        }
    }

    fn row(&mut self, row: &[Cell]) {
        let texts: Vec<Option<_>> = (3..7).map(|at| row.get(at).and_then(as_text)).collect();
        let numbers: Vec<Option<i64>> = (0..3).map(|at| row.get(at).and_then(as_number)).collect();
        let ([Some(event), version, recorded], [kind, Some(envelope), payload, salt]) =
            (numbers.as_slice(), texts.as_slice())
        else {
            return self.problem(None, "a row of the log has no number or no envelope");
        };
        let Ok(event) = u64::try_from(*event) else {
            return self.problem(None, format!("an entry has the number {event}"));
        };
        match self.last + 1 {
            next if event < next => self.problem(Some(event), "it stands out of order"),
            next if event > next => {
                self.problem(Some(event), format!("entries {next} to {} are missing before it", event - 1));
            }
            _ => {}
        }
        self.last = event;
        self.compare();
        self.tree.push(envelope.as_bytes());
        let Ok(read) = serde_json::from_str::<Json>(envelope) else {
            return self.problem(Some(event), "its envelope is no JSON");
        };
        let canonical = read.to_string();
        if canonical.as_str() != &**envelope {
            self.problem(Some(event), "its envelope is not in the form that the store writes");
        }
        let says = |name: &str| read.get(name).map(|value| value.to_string().trim_matches('"').to_owned());
        for (name, stands) in [
            ("event", Some(event.to_string())),
            ("version", version.map(|version| version.to_string())),
            ("recorded", recorded.map(rfc3339)),
            ("kind", kind.as_ref().map(ToString::to_string)),
        ] {
            if says(name) != stands {
                let stands = stands.unwrap_or_else(|| "nothing".to_owned());
                let says = says(name).unwrap_or_else(|| "nothing".to_owned());
                self.problem(
                    Some(event),
                    format!("its envelope says {name} `{says}`, and the row `{stands}`"),
                );
            }
        }
        let opened = self
            .seal
            .open_some(Place::Payload(event), payload.clone())
            .and_then(|payload| Ok((payload, self.seal.open_some(Place::Salt(event), salt.clone())?)));
        let (payload, salt) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.about.remove(&event);
                return self.problem(Some(event), format!("its payload: {error}"));
            }
        };
        match (payload, salt) {
            (Some(payload), Some(salt)) => {
                if says("payload") != Some(format!("sha256:{}", hash(&salt, &payload))) {
                    self.problem(
                        Some(event),
                        "its payload is not the one of which its envelope holds the hash",
                    );
                    return;
                }
                let payload: Json = serde_json::from_str(&payload).unwrap_or_default();
                let kind = kind.as_deref().unwrap_or_default();
                if self.about.remove(&event).unwrap_or_default() != found_by(&log::about(kind, &payload)) {
                    let what = "the records by which it is found are not those that it speaks of";
                    self.problem(Some(event), what);
                }
                if kind == "disposal" {
                    self.disposal(&payload);
                }
            }
            (None, None) => {
                self.about.remove(&event);
                self.blank.insert(event);
            }
            _ => self.problem(Some(event), "it has a payload without salt, or a salt without payload"),
        }
    }

    fn disposal(&mut self, payload: &Json) {
        let events = payload.get("events").and_then(Json::as_array);
        self.disposed.extend(events.into_iter().flatten().filter_map(Json::as_u64));
    }

    /// Holds what has been read against the checkpoints that speak of as many entries.
    fn compare(&mut self) {
        let (size, root) = (self.tree.size(), self.tree.root());
        for at in self.checkpoints.iter().filter(|at| at.size == size) {
            if at.root != root {
                self.problem(
                    None,
                    format!(
                        "the first {size} entries are not those of the checkpoint: the history was rewritten"
                    ),
                );
            }
        }
    }

    fn finish(mut self, kept: &Tree) -> Verified {
        self.compare();
        let size = self.tree.size();
        for at in self.checkpoints.iter().filter(|at| at.size > size) {
            let what =
                format!("entries {} to {} of the checkpoint are missing: the log was cut", size + 1, at.size);
            self.problem(None, what);
        }
        if self.tree != *kept {
            let what = format!(
                "the tree that the store keeps, of {} entries, is not that of the {size} that are there",
                kept.size()
            );
            self.problem(None, what);
        }
        let (blank, disposed) = (std::mem::take(&mut self.blank), std::mem::take(&mut self.disposed));
        for event in blank.difference(&disposed) {
            self.problem(Some(*event), "its payload is gone, and no disposal says so");
        }
        for event in disposed.difference(&blank) {
            self.problem(Some(*event), "a disposal says that its payload is gone, and it is there");
        }
        let mut left: Vec<u64> = self.about.keys().copied().collect();
        left.sort_unstable();
        for event in left {
            self.problem(Some(event), "records are kept for it, and it is not there");
        }
        let root: Hash = self.tree.root();
        Verified {
            entries: size,
            disposed: blank.intersection(&disposed).count() as u64,
            root: hex(&root),
            count: self.count,
            problems: self.problems,
            not_excluded: not_excluded(self.checkpoints, size),
        }
    }
}

/// Records by which an entry is found, in short: how many, and a sum of their hashes.
type Found = (u64, u128);

fn found_by(uids: &BTreeSet<EntityUid>) -> Found {
    uids.iter().fold((0, 0), |found, uid| found_too(found, uid.type_name(), uid.id()))
}

fn found_too((count, sum): Found, ty: &str, id: &str) -> Found {
    let hash = Sha256::digest(format!("{ty}\0{id}").as_bytes());
    let half = hash.iter().take(16).fold(0_u128, |half, byte| half << 8 | u128::from(*byte));
    (count + 1, sum.wrapping_add(half))
}

/// What a log alone cannot tell.
fn not_excluded(checkpoints: &[Checkpoint], size: u64) -> Vec<String> {
    match checkpoints.iter().map(|at| at.size).max() {
        None => vec![
            "that entries were cut from the end".to_owned(),
            "that the whole log was rewritten by somebody who can write to the database".to_owned(),
        ],
        Some(known) if known < size => vec![format!(
            "that entries after {known}, the last of the checkpoint, were cut or rewritten by somebody who can write to \
             the database"
        )],
        Some(_) => Vec::new(),
    }
}

impl State {
    /// Reads the whole log again, and holds it against checkpoints from outside.
    pub(crate) fn verify(&mut self, checkpoints: &[Checkpoint]) -> Result<Verified, Error> {
        let mut about: HashMap<u64, Found> = HashMap::new();
        self.db.rows("SELECT event, type, id FROM caseward_log_about", &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
            let found = about.entry(row.first().and_then(as_count).unwrap_or(0)).or_default();
            *found = found_too(*found, &cell(1), &cell(2));
            Ok(())
        })?;
        let mut reading = Reading {
            tree: Tree::default(),
            last: 0,
            checkpoints,
            blank: BTreeSet::new(),
            disposed: BTreeSet::new(),
            about,
            count: 0,
            problems: Vec::new(),
            seal: self.db.seal(),
        };
        let sql =
            "SELECT event, version, recorded, kind, envelope, payload, salt FROM caseward_log ORDER BY event";
        self.db.rows(sql, &[], &mut |row| {
            reading.row(row);
            Ok(())
        })?;
        Ok(reading.finish(&self.tree))
    }

    /// The envelopes of the first so many entries.
    pub(super) fn envelopes(&mut self, size: u64) -> Result<Vec<String>, Error> {
        let sql = "SELECT envelope FROM caseward_log WHERE event <= ?1 ORDER BY event";
        Ok(self.db.texts(sql, &[number(as_i64(size))])?.iter().map(ToString::to_string).collect())
    }
}
