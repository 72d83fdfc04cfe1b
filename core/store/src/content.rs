//! Content and files, as they are read.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read as Bytes;

use caseward::{ActionName, EntityUid, Request};
use serde_json::{Value as Json, json};

use crate::audit::Read;
use crate::db::{Db, as_count, text};
use crate::draft::{stored, uid_json};
use crate::error::Error;
use crate::feed::{self, Fields};
use crate::log;
use crate::state::State;

/// A file of an item, ready to be read: its bytes are those of its hash.
#[non_exhaustive]
pub struct Download {
    /// Its name, as whoever added it said.
    pub name: String,
    /// Its type, as whoever added it said.
    pub file_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Its bytes, one piece after the other.
    pub bytes: Box<dyn Bytes + Send>,
}

impl State {
    /// Fields of content, by entity and name.
    pub(crate) fn contents(&mut self, of: &[(EntityUid, String)]) -> Result<Vec<Option<Json>>, Error> {
        self.reading(|state| state.contents_in(of))
    }

    /// As [`State::contents`], in a transaction that is there.
    pub(crate) fn contents_in(&mut self, of: &[(EntityUid, String)]) -> Result<Vec<Option<Json>>, Error> {
        of.iter().map(|(uid, field)| stored(self.db.as_mut(), uid, field)).collect()
    }

    /// As [`State::contents`], as they stood at a version, as the log tells of it.
    pub(crate) fn past_contents(
        &mut self,
        of: &[(EntityUid, String)],
        version: u64,
    ) -> Result<Vec<Option<Json>>, Error> {
        let mut written: HashMap<&EntityUid, Written> = HashMap::new();
        let mut found = Vec::with_capacity(of.len());
        for (uid, field) in of {
            let written = match written.entry(uid) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Written::read(self.db.as_mut(), uid, version)?),
            };
            found.push(match written.since.contains(field) {
                true => written.by_then.get(field).cloned(),
                false => stored(self.db.as_mut(), uid, field)?,
            });
        }
        Ok(found)
    }

    /// The file of an item, for a person who may view the item; it is audited, also where it is not given.
    pub(crate) fn download(
        &mut self,
        item: &EntityUid,
        reader: &EntityUid,
        purpose: Option<String>,
        clock: i64,
    ) -> Result<Download, Error> {
        self.due(clock)?;
        let now = clock.max(self.numbers.clock);
        self.in_force(now);
        let found = self.reading(|state| match state.may_view(item, reader, now)? {
            true => state.file_of(item),
            false => Ok(None),
        })?;
        let mut read = Read::new("download", now);
        (read.by, read.on, read.asked, read.purpose) =
            (Some(reader.clone()), Some(item.clone()), json!({}), purpose);
        read.is_denied = found.is_none();
        read.told = found.iter().map(|_| item.clone()).collect();
        self.read(&read, clock)?;
        found.ok_or_else(|| {
            Error::request(format!("{item} has no file, or it is not there, or {reader} may not see it"))
        })
    }

    fn may_view(&self, item: &EntityUid, reader: &EntityUid, now: i64) -> Result<bool, Error> {
        let request = Request::new(reader.clone(), ActionName::from_static("viewItem"), item.clone()).at(now);
        match self.ward.check(&self.world, &request) {
            Ok(answer) => Ok(answer.is_allowed()),
            Err(error) if error.is_request() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn file_of(&mut self, item: &EntityUid) -> Result<Option<Download>, Error> {
        let mut text = |field: &str| -> Result<String, Error> {
            Ok(stored(self.db.as_mut(), item, field)?
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default())
        };
        let (name, file_type, document) = (text("fileName")?, text("fileType")?, text("document")?);
        let Some(hash) = document.strip_prefix("sha256:").map(str::to_owned) else { return Ok(None) };
        let size = stored(self.db.as_mut(), item, "fileSize")?.and_then(|size| size.as_u64()).unwrap_or(0);
        let damaged =
            |what: &str| Error::Database(format!("the file of {item} {what}: see `caseward store doctor`"));
        match self.file_hash(&hash)? {
            None => return Err(damaged("is not there")),
            Some(found) if found != hash => return Err(damaged("has other bytes than were kept")),
            Some(_) => {}
        }
        let bytes = self.open_file(&hash)?.ok_or_else(|| damaged("is not there"))?;
        Ok(Some(Download { name, file_type, size, sha256: hash, bytes }))
    }
}

/// What the log tells of an entity's content, before and after a version.
#[derive(Default)]
struct Written {
    /// Fields with what they said then; those without content are not among them.
    by_then: HashMap<String, Json>,
    /// Fields that were written since.
    since: HashSet<String>,
    /// The days of the feed of attendance that were known then, by date.
    days: BTreeMap<String, Fields>,
}

impl Written {
    fn read(db: &mut dyn Db, uid: &EntityUid, version: u64) -> Result<Self, Error> {
        let (mut written, seal) = (Written::default(), db.seal());
        let name = uid_json(uid);
        let sql = "SELECT l.version, l.payload, l.event FROM caseward_log_about a JOIN caseward_log l ON l.event = a.event \
                   WHERE a.type = ?1 AND a.id = ?2 AND l.kind IN ('command', 'feed', 'due') AND l.payload IS NOT NULL \
                   ORDER BY l.event";
        db.rows(sql, &[text(uid.type_name()), text(uid.id())], &mut |row| {
            let is_since = row.first().and_then(as_count).is_none_or(|of| of > version);
            let payload = log::payload_in(&seal, row, 2, 1)?.unwrap_or_default();
            let payload: Json = serde_json::from_str(&payload).unwrap_or_default();
            let all = payload.get("content").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            for one in all.iter().filter(|one| one.get("uid") == Some(&name)) {
                let field = one.get("field").and_then(Json::as_str).unwrap_or_default();
                match is_since {
                    true => drop(written.since.insert(field.to_owned())),
                    false => written.entry(uid, field, one, &payload),
                }
            }
            Ok(())
        })?;
        Ok(written)
    }

    /// Takes what an entry wrote of a field. What feeds wrote, their lines say.
    fn entry(&mut self, uid: &EntityUid, field: &str, one: &Json, payload: &Json) {
        let lines = || -> Vec<Fields> {
            let lines = payload.get("lines").cloned().unwrap_or_default();
            serde_json::from_value(lines).unwrap_or_default()
        };
        let value = match (payload.get("feed").and_then(Json::as_str), one.get("sha256")) {
            (_, None) => one.get("value").cloned(),
            // It was taken away.
            (_, Some(Json::Null)) => None,
            (Some("attendance"), _) => {
                let days = lines().into_iter();
                self.days.extend(days.filter_map(|line| Some((line.get("date")?.clone(), line))));
                let days = feed::days(self.days.values());
                days.into_iter().find(|(name, _)| *name == field).map(|(_, value)| value)
            }
            _ => {
                let is_it = |line: &&Fields| {
                    let says = |name: &str, what: &str| line.get(name).is_some_and(|said| said == what);
                    says("type", uid.type_name()) && says("id", uid.id()) && says("field", field)
                };
                lines().iter().rfind(is_it).map(feed::content_of)
            }
        };
        match value.filter(|value| !value.is_null()) {
            Some(value) => drop(self.by_then.insert(field.to_owned(), value)),
            None => drop(self.by_then.remove(field)),
        }
    }
}
