//! What a store ever held: its facts, and what takes each version back.

use caseward::World;

use crate::db::{Db, text};
use crate::error::Error;
use crate::facts::uids;

pub(super) struct Ever<'a> {
    pub(super) db: &'a mut dyn Db,
    pub(super) world: &'a World,
}

impl Ever<'_> {
    /// Whether there is or was an entity of a type.
    pub(super) fn any(&mut self, ty: &str) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM caseward_history WHERE type = ?1 LIMIT 1";
        Ok(self.world.count(ty)? > 0 || self.db.row(sql, &[text(ty)])?.is_some())
    }

    /// Whether an attribute has or had a value, or a feed says that it is to have one.
    pub(super) fn has(&mut self, ty: &str, name: &str) -> Result<bool, Error> {
        for uid in uids(self.world, ty)? {
            if self.world.attribute(&uid, name)?.is_some() {
                return Ok(true);
            }
        }
        let is_role = ty == "User" && (self.marks(name)? || self.staff(name)?);
        Ok(is_role || self.undoes(ty, name, "{\"set\"", true)?)
    }

    /// Whether an attribute has or had no value somewhere.
    pub(super) fn lacks(&mut self, ty: &str, name: &str) -> Result<bool, Error> {
        for uid in uids(self.world, ty)? {
            if self.world.attribute(&uid, name)?.is_none() {
                return Ok(true);
            }
        }
        self.undoes(ty, name, "{\"unset\"", false)
    }

    /// Whether a change that takes a version back begins so, or puts an entity with (or without) that attribute.
    fn undoes(&mut self, ty: &str, name: &str, begins: &str, with: bool) -> Result<bool, Error> {
        let mut found = false;
        let sql = "SELECT name, undo FROM caseward_history WHERE type = ?1 AND (name = ?2 OR name = '')";
        self.db.rows(sql, &[text(ty), text(name)], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(crate::db::as_text).unwrap_or_default();
            let undo = cell(1);
            found |= match &*cell(0) {
                "" => serde_json::from_str::<serde_json::Value>(&undo)
                    .ok()
                    .and_then(|undo| Some(undo.pointer("/put/attrs")?.get(name).is_some()))
                    .is_some_and(|has| has == with),
                _ => undo.starts_with(begins),
            };
            Ok(())
        })?;
        Ok(found)
    }

    fn marks(&mut self, role: &str) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM caseward_role_mark WHERE role = ?1 LIMIT 1";
        Ok(self.db.row(sql, &[text(role)])?.is_some())
    }

    /// Whether a line of the feed of staff speaks of a role.
    fn staff(&mut self, role: &str) -> Result<bool, Error> {
        let lines = self.db.texts("SELECT line FROM caseward_feed_taken WHERE kind = 'staff'", &[])?;
        Ok(lines.iter().any(|line| line.contains(&format!("\"{role}\""))))
    }
}
