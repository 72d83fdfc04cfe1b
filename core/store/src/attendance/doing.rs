//! What a command's effect works with: the request as it was decided, the draft, and look-ups.

use std::collections::HashMap;
use std::sync::Arc;

use caseward::sql::Database;
use caseward::{ActionName, Changes, Context, EntityUid, Request, Value, Ward};
use serde_json::Value as Json;

use crate::command::Checked;
use crate::db::{Db, text};
use crate::draft::{Draft, stored};
use crate::error::Error;
use crate::ids::Random;
use crate::state::changed;

/// Why an effect does not come about.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The state does not admit it.
    Refused(String),
    /// The command makes no sense.
    Invalid(String),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

impl From<caseward::Error> for Stop {
    fn from(error: caseward::Error) -> Self {
        Stop::Failed(error.into())
    }
}

/// What is looked up and made while a draft is put together.
pub(crate) struct Making<'a> {
    pub(crate) now: i64,
    pub(crate) ward: &'a Ward,
    pub(crate) fits: &'a Ward,
    pub(crate) database: &'a Database,
    pub(crate) db: &'a mut dyn Db,
    pub(crate) random: &'a mut Random,
    pub(crate) draft: Draft,
    /// What holds of people from this instant on, and is not written yet: of what falls due at one instant all facts hold
    /// before anybody is taken out or told.
    pub(crate) ahead: Changes,
}

/// A command that was allowed.
pub(crate) struct Doing<'a, 'b> {
    pub(crate) making: &'a mut Making<'b>,
    pub(crate) checked: &'a Checked,
    pub(crate) context: &'a Context,
    /// What the log keeps of it beside the command.
    pub(crate) kept: HashMap<&'static str, Json>,
    /// What the answer carries.
    pub(crate) exported: Option<Json>,
}

impl Making<'_> {
    /// Entities of a type that have `uid` as an attribute or in it, as they were before this draft.
    pub(crate) fn referring(
        &mut self,
        ty: &str,
        attribute: &str,
        uid: &EntityUid,
    ) -> Result<Vec<EntityUid>, Error> {
        let sql = self.database.select_by(ty, attribute)?;
        let mut ids = self.db.texts(&sql, &[text(uid.id())])?;
        // In one order, whatever the database.
        ids.sort();
        Ok(ids.into_iter().map(|id| EntityUid::new(ty, id)).collect())
    }

    /// Whether somebody fits, by the policies of `fits`.
    pub(crate) fn fits(
        &mut self,
        person: &EntityUid,
        action: &'static str,
        record: &EntityUid,
    ) -> Result<bool, Error> {
        let request = Request::new(person.clone(), ActionName::from_static(action), record.clone());
        let (fits, seen) = (self.fits, self.draft.seen()?);
        let answer = match self.ahead.is_empty() {
            true => fits.check(seen, &request)?,
            false => fits.check(&seen.with(&self.ahead)?, &request)?,
        };
        Ok(answer.is_allowed())
    }

    /// The student's open case.
    pub(crate) fn open_case(&mut self, student: &EntityUid) -> Result<Option<EntityUid>, Error> {
        for case in self.referring("Case", "student", student)? {
            if self.draft.text(&case, "status")?.as_deref() == Some("open") {
                return Ok(Some(case));
            }
        }
        Ok(None)
    }

    /// The requests that became a case.
    pub(crate) fn requests_of(&mut self, case: &EntityUid) -> Result<Vec<EntityUid>, Error> {
        let sql = "SELECT request FROM caseward_became WHERE \"case\" = ?1 ORDER BY request";
        let ids = self.db.texts(sql, &[text(case.id())])?;
        Ok(ids.into_iter().map(|id| EntityUid::new("Request", id)).collect())
    }

    /// Content as it was before this draft.
    pub(crate) fn content(&mut self, uid: &EntityUid, field: &str) -> Result<Option<Json>, Error> {
        stored(self.db, uid, field)
    }

    /// The next number of a kind of record.
    pub(crate) fn next_number(&mut self, kind: &'static str) -> Result<i64, Error> {
        let row = self.db.row("SELECT value FROM caseward_setting WHERE name = ?1", &[text(kind)])?;
        let last = row
            .and_then(|row| crate::db::as_text(row.first()?))
            .and_then(|n| n.parse().ok())
            .unwrap_or(0_i64);
        self.draft.counter(kind, last + 1);
        Ok(last + 1)
    }

    /// `now` as content writes it.
    pub(crate) fn stamp(&self) -> Json {
        Json::String(crate::time::rfc3339(self.now))
    }
}

impl Doing<'_, '_> {
    /// What the context names.
    pub(crate) fn given(&self, field: &str) -> Option<EntityUid> {
        match self.context.get(field) {
            Some(Value::Entity(uid)) => Some(uid.clone()),
            _ => None,
        }
    }

    /// A text of the data.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.checked.command.data.get(name).and_then(Json::as_str)
    }

    pub(crate) fn data(&self, name: &str) -> Option<&Json> {
        self.checked.command.data.get(name)
    }

    pub(crate) fn on(&self) -> &EntityUid {
        &self.checked.on
    }

    pub(crate) fn person(&self) -> &EntityUid {
        &self.checked.person
    }

    /// The id of what is made: the caller's, or a new one.
    pub(crate) fn new_id(&mut self, ty: &str) -> Result<EntityUid, Stop> {
        let id = match &self.checked.command.id {
            Some(id) => id.clone(),
            None => self.making.random.id(self.making.now)?,
        };
        let uid = EntityUid::new(ty, id);
        if self.making.draft.has(&uid)? {
            return Err(Stop::Refused(format!("{uid} is there already")));
        }
        // Also of what is gone the log speaks by its name.
        if changed(self.making.db, &uid)? > 0 {
            return Err(Stop::Refused(format!("{uid} was there before: an id is not used again")));
        }
        Ok(uid)
    }

    /// Writes the content that the command's data holds.
    pub(crate) fn write_content(&mut self, of: &EntityUid) {
        let checked = self.checked;
        for (field, value) in &checked.command.data {
            if checked.spec.writes(field, self.making.ward) {
                self.making.draft.content(of, field.as_str(), Some(value.clone()));
            }
        }
    }

    /// Adds to content that is a list.
    pub(crate) fn append(&mut self, of: &EntityUid, field: &str, entry: Json) -> Result<(), Error> {
        let mut all = match self.making.content(of, field)? {
            Some(Json::Array(all)) => all,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        all.push(entry);
        self.making.draft.content(of, Arc::from(field), Some(Json::Array(all)));
        Ok(())
    }
}
