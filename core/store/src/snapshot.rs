//! A snapshot of the world beside the database, so that a large store opens in a moment.
//!
//! INVARIANT: it is believed only where the database holds its hash, and what was written since is in the log. Otherwise the
//! rows are read. Disposal removes it.

use std::fs;
use std::path::{Path, PathBuf};

use caseward::{Changes, Ward, World};
use serde_json::Value as Json;

use crate::db::{Db, as_text, number};
use crate::error::Error;
use crate::files::{self, write_whole};
use crate::ids::sha256;
use crate::log::{self, as_i64};
use crate::state::{State, get_text, set_text};

/// A store with fewer entities is read from its rows.
const WORTH: usize = 20_000;
/// A snapshot that is behind by more entries is made anew when the store is closed.
const BEHIND: u64 = 20_000;
/// The setting that says which entry a snapshot was made after, and its hash.
const SETTING: &str = "snapshot";

/// Where the snapshot of the store at `path` is.
pub(crate) fn beside(path: &Path) -> PathBuf {
    files::beside(path, "-world")
}

/// The world of a snapshot, with what was written since; `None` where there is none that can be believed.
pub(crate) fn open(db: &mut dyn Db, ward: &Ward, path: &Path) -> Result<Option<World>, Error> {
    let Some((event, hash)) = said(db)? else { return Ok(None) };
    let Ok(bytes) = fs::read(path) else { return Ok(None) };
    if sha256(&bytes) != hash {
        return Ok(None);
    }
    let Ok(world) = World::from_bytes(ward.schema(), &bytes) else { return Ok(None) };
    let Some(changes) = since(db, ward, event)? else { return Ok(None) };
    if !changes.is_empty() {
        world.apply(&changes)?;
    }
    Ok(Some(world))
}

/// After which entry the snapshot was made, and its hash.
fn said(db: &mut dyn Db) -> Result<Option<(u64, String)>, Error> {
    let text = get_text(db, SETTING)?;
    let parts = text.as_deref().and_then(|text| text.split_once(' '));
    Ok(parts.and_then(|(event, hash)| Some((event.parse().ok()?, hash.to_owned()))))
}

/// What was written after an entry; `None` where the log does not have all of it.
fn since(db: &mut dyn Db, ward: &Ward, event: u64) -> Result<Option<Changes>, Error> {
    let mut texts = Vec::new();
    let mut is_whole = true;
    let sql =
        "SELECT kind, payload, event FROM caseward_log WHERE event > ?1 AND kind <> 'read' ORDER BY event";
    let seal = db.seal();
    db.rows(sql, &[number(as_i64(event))], &mut |row| {
        let kind = row.first().and_then(as_text).unwrap_or_default();
        let payload = log::payload_in(&seal, row, 2, 1)?;
        let payload: Option<Json> = payload.and_then(|payload| serde_json::from_str(&payload).ok());
        match (payload, &*kind) {
            (Some(mut payload), "command" | "feed" | "due") => {
                if let Some(Json::Array(all)) = payload.get_mut("changes").map(Json::take) {
                    texts.extend(all.iter().map(Json::to_string));
                }
            }
            // An import, a disposal, or an entry that was disposed of: the rows say what there is.
            _ => is_whole = false,
        }
        Ok(())
    })?;
    if !is_whole {
        return Ok(None);
    }
    Ok(Some(ward.read_changes(&format!("[{}]", texts.join(",")))?))
}

impl State {
    /// Writes a snapshot, where it is worth it and the last one is far behind.
    pub(crate) fn save_snapshot(&mut self) -> Result<(), Error> {
        let Some(path) = self.snapshot.clone() else { return Ok(()) };
        let behind = said(self.db.as_mut())?.map(|(event, _)| self.numbers.event.saturating_sub(event));
        if self.is_stopped
            || self.read_only.is_some()
            || self.world.len() < WORTH
            || behind.is_some_and(|behind| behind < BEHIND)
        {
            return Ok(());
        }
        let bytes = self.world.to_bytes();
        write_whole(&path, &bytes)?;
        let said = format!("{} {}", self.numbers.event, sha256(&bytes));
        self.db.begin()?;
        match set_text(self.db.as_mut(), SETTING, &said) {
            Ok(()) => self.db.commit(),
            Err(error) => {
                self.db.rollback()?;
                Err(error)
            }
        }
    }

    /// Removes the snapshot: it holds what was disposed of.
    pub(crate) fn remove_snapshot(&mut self) -> Result<(), Error> {
        let Some(path) = &self.snapshot else { return Ok(()) };
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("remove", path, error))
            }
            _ => Ok(()),
        }
    }
}
