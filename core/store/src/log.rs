//! The audit log: every entry an envelope that holds a salted hash of its payload, the leaves of a Merkle tree.
//!
//! INVARIANT: an envelope is never changed. A payload that is disposed of goes with its salt, and the tree still verifies.

use std::collections::BTreeSet;
use std::sync::Arc;

use caseward::EntityUid;
use serde_json::{Value as Json, json};

use crate::db::{Cell, Db, as_count, as_text, number, text};
use crate::error::Error;
use crate::feed::CONTENT;
use crate::ids::{Random, hex, sha256};
use crate::seal::{Place, Seal};
use crate::time::rfc3339;

/// An entry before it has its number.
pub(crate) struct Entry<'a> {
    pub(crate) kind: &'static str,
    pub(crate) version: u64,
    pub(crate) recorded: i64,
    /// From when what it says holds.
    pub(crate) at: i64,
    pub(crate) payload: Json,
    pub(crate) about: Vec<&'a EntityUid>,
}

/// The records that an entry speaks of, by which it is found.
pub(crate) fn about(kind: &str, payload: &Json) -> BTreeSet<EntityUid> {
    let uid = |path: &str| payload.pointer(path).and_then(Json::as_str).and_then(|uid| uid.parse().ok());
    let all = |name: &str| payload.get(name).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let named = |one: &Json| {
        let text = |name: &str| one.get(name).and_then(Json::as_str);
        Some(EntityUid::new(text("type")?, text("id")?))
    };
    let changed =
        all("changes").iter().filter_map(|one| named(one.as_object()?.values().next()?.get("uid")?));
    let written = all("content").iter().filter_map(|one| named(one.get("uid")?));
    match kind {
        "command" => {
            let person = payload.pointer("/command/as").and_then(Json::as_str);
            let person = person.map(|id| EntityUid::new("User", id));
            changed.chain(written).chain(uid("/command/on")).chain(person).collect()
        }
        "feed" | "due" => changed.chain(uid("/of")).collect(),
        "read" => uid("/by").into_iter().chain(uid("/on")).collect(),
        "disposal" => {
            let gone = all("entities").iter().filter_map(|uid| uid.as_str()?.parse().ok());
            gone.chain(uid("/of")).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// The payload in a row of the log, by the cells of its entry's number and of the payload; `None` where it was disposed of.
pub(crate) fn payload(seal: &Seal, event: &Cell, payload: &Cell) -> Result<Option<Arc<str>>, Error> {
    seal.open_some(Place::Payload(as_count(event).unwrap_or(0)), as_text(payload))
}

/// As [`payload`], of the cells of a row by their places.
pub(crate) fn payload_in(
    seal: &Seal,
    row: &[Cell],
    event: usize,
    at: usize,
) -> Result<Option<Arc<str>>, Error> {
    payload(seal, row.get(event).unwrap_or(&None), row.get(at).unwrap_or(&None))
}

/// Entries that stay when what they speak of is disposed of: who looked at it, and that it was disposed of.
const STAY: &str = "('read', 'disposal')";

/// Writes an entry under its number; gives its envelope.
pub(crate) fn append(
    db: &mut dyn Db,
    random: &mut Random,
    event: u64,
    entry: &Entry<'_>,
) -> Result<String, Error> {
    let payload = entry.payload.to_string();
    let salt = hex(&random.bytes::<32>()?);
    let envelope = envelope(event, entry, &hash(&salt, &payload)).to_string();
    let seal = db.seal();
    let (payload, salt) =
        (seal.close(Place::Payload(event), payload)?, seal.close(Place::Salt(event), salt)?);
    db.run(
        "INSERT INTO caseward_log (event, version, recorded, kind, envelope, payload, salt) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            number(as_i64(event)),
            number(as_i64(entry.version)),
            number(entry.recorded),
            text(entry.kind),
            text(envelope.as_str()),
            text(payload),
            text(salt),
        ],
    )?;
    let mut about = entry.about.clone();
    about.sort();
    about.dedup();
    for uid in about {
        db.run(
            "INSERT INTO caseward_log_about (type, id, event) VALUES (?1, ?2, ?3)",
            &[text(uid.type_name()), text(uid.id()), number(as_i64(event))],
        )?;
    }
    Ok(envelope)
}

/// Takes payload and salt from the entries about an entity; gives their numbers.
pub(crate) fn blank(db: &mut dyn Db, uid: &EntityUid) -> Result<Vec<u64>, Error> {
    let mut events = Vec::new();
    let sql = format!(
        "SELECT l.event FROM caseward_log_about a JOIN caseward_log l ON l.event = a.event \
         WHERE a.type = ?1 AND a.id = ?2 AND l.payload IS NOT NULL AND l.kind NOT IN {STAY}"
    );
    db.rows(&sql, &[text(uid.type_name()), text(uid.id())], &mut |row| {
        events.extend(row.first().and_then(as_count));
        Ok(())
    })?;
    blank_all(db, &events)?;
    Ok(events)
}

/// Takes payload and salt from the entries that say something of an entity that stays: commands, and feeds of content; gives
/// their numbers. Where it was, and when, stays with it.
pub(crate) fn unsay(db: &mut dyn Db, uid: &EntityUid) -> Result<Vec<u64>, Error> {
    let (mut events, seal) = (Vec::new(), db.seal());
    let sql = "SELECT l.event, l.kind, l.payload FROM caseward_log_about a JOIN caseward_log l ON l.event = a.event \
               WHERE a.type = ?1 AND a.id = ?2 AND l.payload IS NOT NULL AND l.kind IN ('command', 'feed')";
    db.rows(sql, &[text(uid.type_name()), text(uid.id())], &mut |row| {
        let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
        let payload = payload_in(&seal, row, 0, 2)?.unwrap_or_default();
        let payload: Json = serde_json::from_str(&payload).unwrap_or_default();
        let feed = payload.get("feed").and_then(Json::as_str).unwrap_or_default();
        if cell(1).as_ref() == "command" || CONTENT.contains(&feed) {
            events.extend(row.first().and_then(as_count));
        }
        Ok(())
    })?;
    blank_all(db, &events)?;
    Ok(events)
}

fn blank_all(db: &mut dyn Db, events: &[u64]) -> Result<(), Error> {
    for event in events {
        let sql = "UPDATE caseward_log SET payload = NULL, salt = NULL WHERE event = ?1";
        db.run(sql, &[number(as_i64(*event))])?;
    }
    Ok(())
}

/// The envelope: what the leaf is made of, in the order of its names.
fn envelope(event: u64, entry: &Entry<'_>, payload: &str) -> Json {
    json!({
        "at": rfc3339(entry.at),
        "event": event,
        "kind": entry.kind,
        "payload": format!("sha256:{payload}"),
        "recorded": rfc3339(entry.recorded),
        "version": entry.version,
    })
}

/// The salted hash of a payload.
pub(crate) fn hash(salt: &str, payload: &str) -> String {
    sha256(format!("{salt}\n{payload}").as_bytes())
}

/// Numbers of events and versions as databases hold them.
pub(crate) fn as_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
