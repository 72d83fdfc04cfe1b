//! Whoever or whatever lines are about, and what the feeds have said of it.

use std::collections::BTreeMap;

use caseward::EntityUid;

use super::read::Fields;
use crate::db::{Db, as_text, text};
use crate::error::Error;

/// A user, a student, or all organisations.
pub(crate) struct Subject {
    pub(crate) uid: EntityUid,
    pub(crate) name: String,
    /// What was so before the first line.
    pub(crate) base: BTreeMap<String, String>,
    is_new: bool,
}

impl Subject {
    pub(crate) fn read(db: &mut dyn Db, name: &str) -> Result<Self, Error> {
        let uid = name.parse().unwrap_or_else(|_| EntityUid::new("", name));
        let mut base = BTreeMap::new();
        let sql = "SELECT name, value FROM caseward_feed_base WHERE subject = ?1";
        db.rows(sql, &[text(name)], &mut |row| {
            if let [name, value] = row
                && let (Some(name), Some(value)) = (as_text(name), as_text(value))
            {
                base.insert(name.to_string(), value.to_string());
            }
            Ok(())
        })?;
        Ok(Subject { uid, name: name.to_owned(), is_new: base.is_empty(), base })
    }

    /// Whether no feed has spoken of it.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Keeps what was so before the first line.
    pub(crate) fn keep(&mut self, db: &mut dyn Db, base: Vec<(&'static str, String)>) -> Result<(), Error> {
        let sql = "INSERT INTO caseward_feed_base (subject, name, value) VALUES (?1, ?2, ?3)";
        for (name, value) in base.into_iter().chain([(SPOKEN_OF, String::new())]) {
            db.run(sql, &[text(self.name.as_str()), text(name), text(value.as_str())])?;
            self.base.insert(name.to_owned(), value);
        }
        Ok(())
    }

    /// The lines of a feed about it, as they stand.
    pub(crate) fn lines(&self, db: &mut dyn Db, kind: &str) -> Result<Vec<Fields>, Error> {
        // Sorted here: to have them in order, SQLite would read all lines of the kind, by their keys.
        let sql = "SELECT key, line FROM caseward_feed WHERE subject = ?1 AND kind = ?2";
        let (mut lines, seal) = (BTreeMap::new(), db.seal());
        db.rows(sql, &[text(self.name.as_str()), text(kind)], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
            let line = super::opened(&seal, (kind, &cell(0)), cell(1))?;
            lines.insert(cell(0), line);
            Ok(())
        })?;
        Ok(lines.values().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

/// The name under which it is kept that a feed has spoken of a subject.
const SPOKEN_OF: &str = "spoken of";
