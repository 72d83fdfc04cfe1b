//! Who looked at what: reads are entries of the log too.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use caseward::{ActionName, EntityUid, Request};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::db::{Cell, as_count, as_number, as_text, text};
use crate::error::Error;
use crate::ids::sha256;
use crate::log::{self, Entry};
use crate::state::{Group, State};
use crate::time::rfc3339;

/// Bytes of names that an entry tells of, at most, once they are unpacked.
const LONGEST: u64 = 1 << 30;

/// Something that was read, to be audited before it is shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Read {
    /// What kind of question it was: `view`, `list`, `count`, `who`, `explain`, `report` …
    pub kind: String,
    /// Who asked; `None` where the question is nobody's of the data.
    pub by: Option<EntityUid>,
    /// The record that it was about, where it was about one.
    pub on: Option<EntityUid>,
    /// What was asked, as the caller keeps it.
    pub asked: Json,
    /// What moment it was about, in milliseconds since 1970.
    pub at: i64,
    /// What for, in free text.
    pub purpose: Option<String>,
    /// The entities that it told of.
    pub told: Vec<EntityUid>,
    /// How many there are, where it does not tell which.
    pub count: Option<u64>,
    /// Whether nothing was shown, because they may not see it or it is not there.
    pub is_denied: bool,
}

impl Read {
    /// A question of a kind, about a moment.
    pub fn new(kind: impl Into<String>, at: i64) -> Self {
        Read {
            kind: kind.into(),
            by: None,
            on: None,
            asked: Json::Null,
            at,
            purpose: None,
            told: Vec::new(),
            count: None,
            is_denied: false,
        }
    }
}

/// A look at a record, or what was denied.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Looked {
    /// The entry's number.
    pub event: u64,
    /// When it was, in RFC 3339.
    pub recorded: String,
    /// What kind of question or command it was.
    pub kind: String,
    /// Who it was; absent where whoever called the store asked for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// How many entities it told of; absent for commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<u64>,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// Names in one text, packed.
fn pack(names: &str) -> Result<String, Error> {
    let failed = |error: std::io::Error| Error::request(error.to_string());
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    packer.write_all(names.as_bytes()).map_err(failed)?;
    Ok(STANDARD.encode(packer.finish().map_err(failed)?))
}

fn unpack(packed: &str) -> Result<String, Error> {
    let damaged = || Error::Database("an entry of the log does not say what it told of".to_owned());
    let bytes = STANDARD.decode(packed).map_err(|_| damaged())?;
    let mut names = String::new();
    ZlibDecoder::new(bytes.as_slice()).take(LONGEST).read_to_string(&mut names).map_err(|_| damaged())?;
    Ok(names)
}

/// An entity's name, in a line.
fn name(uid: &EntityUid) -> String {
    uid.to_string()
}

impl State {
    /// Audits a read; gives the entry's number.
    pub(crate) fn read(&mut self, read: &Read, clock: i64) -> Result<u64, Error> {
        self.in_group(|state, group| state.read_in(group, read, clock))
    }

    /// As [`State::read`], within a group.
    pub(crate) fn read_in(&mut self, group: &mut Group, read: &Read, clock: i64) -> Result<u64, Error> {
        let told: BTreeSet<String> = read.told.iter().map(name).collect();
        let names: Vec<&str> = told.iter().map(String::as_str).collect();
        let names = names.join("\n");
        let payload = json!({
            "read": read.kind,
            "by": read.by.as_ref().map(name),
            "on": read.on.as_ref().map(name),
            "asked": read.asked,
            "at": rfc3339(read.at),
            "purpose": read.purpose,
            "count": read.count.unwrap_or(told.len() as u64),
            "denied": read.is_denied,
            "digest": format!("sha256:{}", sha256(names.as_bytes())),
            "told": pack(&names)?,
            "policy_hash": self.ward.policy_hash(),
            "set": self.set,
        });
        let about: Vec<&EntityUid> = read.by.iter().chain(&read.on).collect();
        let (recorded, version) = (clock.max(group.numbers.clock), group.numbers.version);
        self.audit(group, &Entry { kind: "read", version, recorded, at: read.at, payload, about })
    }

    /// Who looked at a record, oldest first; for a person who may see its access history.
    pub(crate) fn who_looked(
        &mut self,
        of: &EntityUid,
        reader: &EntityUid,
        now: i64,
    ) -> Result<Vec<Looked>, Error> {
        self.may_see_history(of, reader, now)?;
        let all = self.records_of(of)?;
        self.looks(|payload| {
            let on = payload.get("on").and_then(Json::as_str).is_some_and(|on| all.contains(on));
            let everything = payload.pointer("/asked/all") == Some(&json!(true));
            Ok(on || everything || told(payload)?.lines().any(|name| all.contains(name)))
        })
    }

    /// A record and what belongs to it: of a student the requests, cases and items, also those that were disposed of; of a case
    /// its items.
    fn records_of(&mut self, of: &EntityUid) -> Result<BTreeSet<String>, Error> {
        let mut all = BTreeSet::from([name(of)]);
        let mut cases = Vec::new();
        match of.type_name() {
            "Student" => {
                for (ty, attribute) in [("Request", "student"), ("Case", "student")] {
                    let found = self.referring(ty, attribute, of)?;
                    all.extend(found.iter().map(name));
                    cases = found;
                }
                let sql = "SELECT event, payload FROM caseward_log WHERE kind = 'disposal' AND event IN \
                           (SELECT event FROM caseward_log_about WHERE type = ?1 AND id = ?2)";
                for payload in self.payloads(sql, &[text(of.type_name()), text(of.id())])? {
                    let payload: Json = serde_json::from_str(&payload).unwrap_or_default();
                    if payload.get("of").and_then(Json::as_str) == Some(&name(of)) {
                        let gone = payload.get("entities").and_then(Json::as_array).into_iter().flatten();
                        all.extend(gone.filter_map(|uid| uid.as_str().map(str::to_owned)));
                    }
                }
            }
            "Case" => cases.push(of.clone()),
            _ => {}
        }
        for case in cases {
            all.extend(self.referring("Item", "case", &case)?.iter().map(name));
        }
        Ok(all)
    }

    /// The payloads that a query gives, behind their entries' numbers.
    fn payloads(&mut self, sql: &str, params: &[Cell]) -> Result<Vec<Arc<str>>, Error> {
        let (mut found, seal) = (Vec::new(), self.db.seal());
        self.db.rows(sql, params, &mut |row| {
            found.extend(log::payload_in(&seal, row, 0, 1)?);
            Ok(())
        })?;
        Ok(found)
    }

    fn referring(&mut self, ty: &str, attribute: &str, uid: &EntityUid) -> Result<Vec<EntityUid>, Error> {
        let sql = self.database.select_by(ty, attribute)?;
        let ids = self.db.texts(&sql, &[text(uid.id())])?;
        Ok(ids.into_iter().map(|id| EntityUid::new(ty, id)).collect())
    }

    /// What a person looked at, oldest first; for a person who may see that person's access history.
    pub(crate) fn looked_at(
        &mut self,
        by: &EntityUid,
        reader: &EntityUid,
        now: i64,
    ) -> Result<Vec<Looked>, Error> {
        self.may_see_history(by, reader, now)?;
        let by = name(by);
        self.looks(|payload| Ok(payload.get("by").and_then(Json::as_str) == Some(&by)))
    }

    /// The reads of which something holds.
    fn looks(&mut self, is_one: impl Fn(&Json) -> Result<bool, Error>) -> Result<Vec<Looked>, Error> {
        let (mut found, seal) = (Vec::new(), self.db.seal());
        // Of what is encrypted the database cannot tell which command it is.
        let those = if seal.is_on() { "" } else { "AND payload LIKE '%exportPersonalInformation%'" };
        let sql = format!(
            "SELECT event, recorded, payload, kind FROM caseward_log WHERE payload IS NOT NULL \
             AND (kind = 'read' OR kind = 'command' {those}) ORDER BY event"
        );
        self.db.rows(&sql, &[], &mut |row| {
            let payload = log::payload_in(&seal, row, 0, 2)?.unwrap_or_default();
            let payload: Json = serde_json::from_str(&payload).unwrap_or_default();
            let is_read = row.get(3).and_then(as_text).as_deref() == Some("read");
            // Whoever is given all that is held of somebody has looked at it.
            let Some(payload) = (if is_read { Some(payload) } else { exported(&payload) }) else {
                return Ok(());
            };
            if is_one(&payload)? {
                found.push(looked(row, &payload));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// What was denied, oldest first: of records whose access history the person may see.
    pub(crate) fn denied(&mut self, reader: &EntityUid, now: i64) -> Result<Vec<Looked>, Error> {
        let (mut found, seal) = (Vec::new(), self.db.seal());
        let sql = "SELECT event, recorded, payload FROM caseward_log WHERE kind IN ('command', 'read') \
                   AND payload IS NOT NULL ORDER BY event";
        self.db.rows(sql, &[], &mut |row| {
            let payload = log::payload_in(&seal, row, 0, 2)?.unwrap_or_default();
            let payload: Json = serde_json::from_str(&payload).unwrap_or_default();
            let of = |path: &str| payload.pointer(path).and_then(Json::as_str);
            let is_denied =
                of("/answer/outcome") == Some("denied") || payload.get("denied") == Some(&json!(true));
            if is_denied {
                let mut one = looked(row, &payload);
                if let Some(command) = of("/command/command") {
                    one.kind = command.to_owned();
                    one.by = of("/command/as").map(|id| name(&EntityUid::new("User", id)));
                    one.on = of("/command/on").map(str::to_owned);
                    one.told = None;
                    one.purpose = of("/command/purpose").map(str::to_owned);
                }
                found.push(one);
            }
            Ok(())
        })?;
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        let mut shown = Vec::new();
        for one in found {
            let Some(on) = one.on.clone() else { continue };
            let may = match known.get(&on) {
                Some(may) => *may,
                None => {
                    let may = match on.parse() {
                        Ok(on) => self.may_see_history(&on, reader, now).is_ok(),
                        Err(_) => false,
                    };
                    known.insert(on, may);
                    may
                }
            };
            if may {
                shown.push(one);
            }
        }
        Ok(shown)
    }

    /// Refuses a person who may not see the access history of a record; of one that was disposed of, of its student.
    fn may_see_history(&mut self, of: &EntityUid, reader: &EntityUid, now: i64) -> Result<(), Error> {
        let not =
            || Error::request(format!("{reader} may not see the access history of {of}, or it is not there"));
        // It is looked for in either case: how long an answer takes does not tell a record that is there from one that is not.
        let disposed = self.student_of_disposed(of)?;
        let of = match self.world.contains(of) {
            true => of.clone(),
            false => disposed.ok_or_else(not)?,
        };
        let action = ActionName::from_static("viewAccessHistory");
        let request = Request::new(reader.clone(), action, of).at(now);
        match self.ward.check(&self.world, &request) {
            Ok(answer) if answer.is_allowed() => Ok(()),
            Ok(_) => Err(not()),
            Err(error) if error.is_request() => Err(not()),
            Err(error) => Err(error.into()),
        }
    }

    /// Of whom a record was that is gone.
    fn student_of_disposed(&mut self, of: &EntityUid) -> Result<Option<EntityUid>, Error> {
        let of = name(of);
        let mut student = None;
        let sql = "SELECT event, payload FROM caseward_log WHERE kind = 'disposal' ORDER BY event";
        for payload in self.payloads(sql, &[])? {
            let payload: Json = serde_json::from_str(&payload).unwrap_or_default();
            let gone = payload.get("entities").and_then(Json::as_array);
            if gone.into_iter().flatten().any(|uid| uid.as_str() == Some(&of)) {
                student = payload.get("of").and_then(Json::as_str).and_then(|uid| uid.parse().ok());
            }
        }
        Ok(student)
    }
}

/// An export that was done, as a read.
fn exported(payload: &Json) -> Option<Json> {
    let of = |path: &str| payload.pointer(path).and_then(Json::as_str);
    let is_one =
        of("/command/command") == Some("exportPersonalInformation") && of("/answer/outcome") == Some("done");
    is_one.then(|| {
        json!({
            "read": "exportPersonalInformation",
            "by": of("/command/as").map(|id| name(&EntityUid::new("User", id))),
            "on": of("/command/on"),
            "purpose": of("/command/purpose"),
        })
    })
}

/// The names that an entry told of, a line each.
fn told(payload: &Json) -> Result<String, Error> {
    payload.get("told").and_then(Json::as_str).map_or(Ok(String::new()), unpack)
}

fn looked(row: &[crate::db::Cell], payload: &Json) -> Looked {
    let of = |field: &str| payload.get(field).and_then(Json::as_str).map(str::to_owned);
    Looked {
        event: row.first().and_then(as_count).unwrap_or(0),
        recorded: rfc3339(row.get(1).and_then(as_number).unwrap_or(0)),
        kind: of("read").unwrap_or_default(),
        by: of("by"),
        on: of("on"),
        told: payload.get("count").and_then(Json::as_u64),
        purpose: of("purpose"),
    }
}
