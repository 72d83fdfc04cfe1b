//! The log told again, from what was imported on, and held against everything that the store keeps: facts, their history,
//! content, feeds, roles, keys, the outbox, policies and settings.
//!
//! Disposal takes payloads away. What such an entry wrote is not known; what remains is compared. A record that was disposed
//! of is not told of.

mod content;
mod entity;
mod facts;
mod feeds;
mod policies;
mod settings;
mod tables;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use caseward::{EntityUid, World};
use serde_json::Value as Json;

use crate::db::{Db, as_count, as_number, as_text, number};
use crate::doctor::Checkup;
use crate::error::Error;
use crate::log::{self, as_i64};
use crate::state::State;
use content::Content;
use facts::Facts;
use feeds::Feeds;
use policies::InForce;
use settings::Settings;
use tables::Tables;

/// Entries that are read at once.
const AT_ONCE: u64 = 1_000;

/// One entry of the log, as far as it is still there.
struct Told {
    event: u64,
    version: u64,
    recorded: i64,
    kind: Arc<str>,
    /// `None` where it was disposed of.
    payload: Option<Json>,
}

/// What was disposed of.
#[derive(Default)]
struct Gone {
    /// Entities of which nothing stays, and the entry that says so.
    entities: HashMap<EntityUid, u64>,
    /// Of whom records were disposed of last, and by which entry.
    of: HashMap<EntityUid, u64>,
    /// Whom an entry speaks of whose payload is gone.
    partly: HashSet<EntityUid>,
    /// The entries whose payload is gone, and the versions that they wrote.
    blank: BTreeSet<u64>,
    versions: BTreeSet<u64>,
}

/// SHA-256 of a value of content.
pub(crate) fn hash(value: &Json) -> String {
    crate::ids::sha256(entity::normal(value, false).to_string().as_bytes())
}

/// An entity, as a change or content names it: `{"type": …, "id": …}`.
fn uid_of(json: &Json) -> Option<EntityUid> {
    let text = |name: &str| json.get(name).and_then(Json::as_str);
    Some(EntityUid::new(text("type")?, text("id")?))
}

fn says<'a>(payload: &'a Json, path: &str) -> &'a str {
    payload.pointer(path).and_then(Json::as_str).unwrap_or_default()
}

fn list<'a>(payload: &'a Json, name: &str) -> &'a [Json] {
    payload.get(name).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

impl State {
    /// Tells the log again, and holds what is kept against it; `rows` are the facts as the tables have them, where they can be read, `clock` is the
    /// machine's, which the store's own may be ahead of.
    pub(crate) fn refold(
        &mut self,
        checkup: &mut Checkup,
        rows: Option<&World>,
        (now, clock): (i64, i64),
    ) -> Result<(), Error> {
        let gone = gone(self.db.as_mut())?;
        let base = match rows {
            Some(rows) => facts::imported(self, checkup, rows, &gone)?,
            None => None,
        };
        let mut facts = Facts::new(base.as_ref());
        let (mut content, mut feeds) = (Content::default(), Feeds::read(self.db.as_mut())?);
        let mut tables = Tables::read(self.db.as_mut())?;
        let in_force = InForce::read(checkup, self.db.as_mut())?;
        let mut settings = Settings::default();
        let (mut event, mut version) = (0, 0);
        while event < self.numbers.event {
            let page = page(self.db.as_mut(), event)?;
            let Some(last) = page.last() else { break };
            let mut history = facts::history(self.db.as_mut(), (version, last.version))?;
            event = last.event;
            for told in &page {
                feeds.entry(checkup, &gone, told, &mut facts);
                if told.version > version {
                    let was = history.remove(&told.version).unwrap_or_default();
                    facts.version(checkup, &gone, told, was);
                    (version, checkup.versions) = (told.version, checkup.versions + 1);
                }
                content.entry(told);
                tables.entry(checkup, told, now);
                in_force.entry(checkup, told);
                settings.entry(told);
                facts.after(&gone, told);
            }
            for left in history.keys() {
                checkup.fault(
                    "history",
                    None,
                    format!("version {left} is kept, and no entry of the log wrote it"),
                );
            }
        }
        if version != self.numbers.version {
            let what = format!("the store says version {}, and its log {version}", self.numbers.version);
            checkup.fault("log", None, what);
        }
        if let Some(rows) = rows {
            facts.compare(checkup, rows)?;
        }
        let done = content.compare(checkup, self.db.as_mut());
        checkup.reading(done)?;
        let done = feeds.compare(checkup, &self.ward, &gone, self.db.as_mut(), now);
        checkup.reading(done)?;
        let done = tables.compare(checkup, &gone, self.db.as_mut());
        checkup.reading(done)?;
        // A store that takes its callers' time is at none of the machine's.
        let clock = (!self.trust_now).then_some(clock);
        settings.compare(checkup, self.db.as_mut(), clock)?;
        self.policies_are_told(checkup)
    }
}

/// The entries after one, so many at most.
fn page(db: &mut dyn Db, event: u64) -> Result<Vec<Told>, Error> {
    let (mut page, seal) = (Vec::new(), db.seal());
    let sql = "SELECT event, version, recorded, kind, payload FROM caseward_log \
               WHERE event > ?1 AND event <= ?2 ORDER BY event";
    db.rows(sql, &[number(as_i64(event)), number(as_i64(event + AT_ONCE))], &mut |row| {
        let count = |at: usize| row.get(at).and_then(as_count).unwrap_or(0);
        page.push(Told {
            event: count(0),
            version: count(1),
            recorded: row.get(2).and_then(as_number).unwrap_or(0),
            kind: row.get(3).and_then(as_text).unwrap_or_default(),
            payload: log::payload_in(&seal, row, 0, 4)?
                .map(|text| serde_json::from_str(&text).unwrap_or_default()),
        });
        Ok(())
    })?;
    Ok(page)
}

/// What the log says was disposed of.
fn gone(db: &mut dyn Db) -> Result<Gone, Error> {
    let (mut gone, seal) = (Gone::default(), db.seal());
    let sql = "SELECT event, payload FROM caseward_log WHERE kind = 'disposal' ORDER BY event";
    db.rows(sql, &[], &mut |row| {
        let event = row.first().and_then(as_count).unwrap_or(0);
        let payload = log::payload_in(&seal, row, 0, 1)?;
        let payload: Json = payload.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let entities = list(&payload, "entities").iter().filter_map(|uid| uid.as_str()?.parse().ok());
        gone.entities.extend(entities.map(|uid: EntityUid| (uid, event)));
        gone.of.extend(says(&payload, "/of").parse().ok().map(|uid: EntityUid| (uid, event)));
        Ok(())
    })?;
    let sql = "SELECT l.event, l.version, a.type, a.id FROM caseward_log l \
               LEFT JOIN caseward_log_about a ON a.event = l.event WHERE l.payload IS NULL";
    db.rows(sql, &[], &mut |row| {
        gone.blank.extend(row.first().and_then(as_count));
        gone.versions.extend(row.get(1).and_then(as_count));
        if let (Some(ty), Some(id)) = (row.get(2).and_then(as_text), row.get(3).and_then(as_text)) {
            gone.partly.insert(EntityUid::new(ty, id));
        }
        Ok(())
    })?;
    Ok(gone)
}
