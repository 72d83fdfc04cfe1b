//! Content and files, as they are read.

use std::io::Read as Bytes;

use caseward::{ActionName, EntityUid, Request};
use serde_json::{Value as Json, json};

use crate::audit::Read;
use crate::draft::stored;
use crate::error::Error;
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
        self.reading(|state| of.iter().map(|(uid, field)| stored(state.db.as_mut(), uid, field)).collect())
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
