//! Versions of the store's own tables, and how one becomes the next.
//!
//! INVARIANT: a migration that a store was ever made with is not edited: what is to change is another migration. A new store
//! has gone through all of them, so that it is what a migrated one is.

use std::collections::BTreeSet;

use crate::db::{Db, as_number, as_text, number, text};
use crate::doctor::Checkup;
use crate::error::Error;
use crate::state::{get, set};
use crate::time;

/// Each makes the next version of the one before. What they create is written so that [`tables`] reads it: a table's name
/// and its columns on lines of their own.
const MIGRATIONS: [&str; 2] =
    [include_str!("../../migrations/1.sql"), include_str!("../../migrations/2.sql")];

/// The first version that has a table of them.
const TOLD_FROM: i64 = 2;

/// The newest version.
pub(crate) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// The version of a database.
pub(crate) fn found(db: &mut dyn Db) -> Result<i64, Error> {
    Ok(get(db, "format")?.unwrap_or(0))
}

/// Makes the newest tables where there are none; in the caller's transaction.
pub(crate) fn create(db: &mut dyn Db) -> Result<(), Error> {
    up(db, 0)
}

/// Brings a database to the newest version, in one transaction. What was made by a newer caseward, or before there were
/// versions, is refused.
pub(crate) fn ready(db: &mut dyn Db, is_read_only: bool) -> Result<(), Error> {
    let from = found(db)?;
    if from > FORMAT {
        return Err(Error::Newer { path: std::path::PathBuf::new(), found: from, known: FORMAT });
    }
    is_whole(db, from)?;
    if from == FORMAT {
        return Ok(());
    }
    if is_read_only {
        return Err(Error::request(format!(
            "the store is of version {from}, and this caseward reads version {FORMAT}: open it once to be written, which makes one of the other"
        )));
    }
    db.begin()?;
    match up(db, from) {
        Ok(()) => db.commit(),
        Err(error) => {
            db.rollback()?;
            Err(Error::Database(format!(
                "the store is of version {from}, cannot be made version {FORMAT}, and is as it was: {error}"
            )))
        }
    }
}

/// Holds what is kept of the versions that there were against those that there are.
pub(crate) fn is_told(checkup: &mut Checkup, db: &mut dyn Db) -> Result<(), Error> {
    let mut missing: BTreeSet<i64> = (TOLD_FROM..=FORMAT).collect();
    db.rows("SELECT format, recorded, caseward FROM caseward_migration", &[], &mut |row| {
        let number = |at: usize| row.get(at).and_then(as_number).unwrap_or(0);
        let (format, recorded) = (number(0), number(1));
        let by = row.get(2).and_then(as_text).unwrap_or_default();
        let is_version = by.split('.').count() == 3 && by.starts_with(|first: char| first.is_ascii_digit());
        let is_so = is_version && (1..=time::machine()).contains(&recorded);
        if !missing.remove(&format) || !is_so {
            let what = format!(
                "it is kept that version {format} of the store was made at {} by caseward {by}: there was none so",
                time::rfc3339(recorded)
            );
            checkup.fault("migration", None, what);
        }
        Ok(())
    })?;
    for format in missing {
        checkup.fault("migration", None, format!("since when the store is of version {format} is not kept"));
    }
    Ok(())
}

fn up(db: &mut dyn Db, from: i64) -> Result<(), Error> {
    for (to, sql) in (1_i64..).zip(MIGRATIONS).filter(|(to, _)| *to > from) {
        db.script(sql)?;
        if to >= TOLD_FROM {
            db.run(
                "INSERT INTO caseward_migration (format, recorded, caseward) VALUES (?1, ?2, ?3)",
                &[number(to), number(time::machine()), text(env!("CARGO_PKG_VERSION"))],
            )?;
        }
    }
    set(db, "format", FORMAT)
}

/// Refuses a database that has not all that its version has: it is from before there were versions.
fn is_whole(db: &mut dyn Db, version: i64) -> Result<(), Error> {
    let known = usize::try_from(version).unwrap_or(0);
    for sql in MIGRATIONS.iter().take(known) {
        for (table, columns) in tables(sql) {
            let sql = format!("SELECT {} FROM {table} WHERE 1 = 0", columns.join(", "));
            db.rows(&sql, &[], &mut |_| Ok(())).map_err(|error| {
                Error::request(format!(
                    "the store is of before version 1, or its tables were altered ({error}): put a backup back; of one from before \
                     version 1, export the facts with the caseward that made it, and import them into a new store"
                ))
            })?;
        }
    }
    Ok(())
}

/// The statements that make indices of the store's own tables.
pub(crate) fn indices() -> impl Iterator<Item = &'static str> {
    let lines = MIGRATIONS.iter().flat_map(|sql| sql.lines());
    lines.filter(|line| line.starts_with("CREATE INDEX")).map(|line| line.trim_end_matches(';'))
}

/// The tables that a migration makes, each with its columns.
fn tables(sql: &str) -> Vec<(&str, Vec<&str>)> {
    let mut tables: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in sql.lines() {
        if let Some(table) = line.strip_prefix("CREATE TABLE ").and_then(|rest| rest.split(' ').next()) {
            tables.push((table, Vec::new()));
        } else if let (Some(column), Some((_, columns))) = (line.strip_prefix("  "), tables.last_mut()) {
            columns.extend(column.split(' ').next().filter(|name| *name != "PRIMARY"));
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::{FORMAT, MIGRATIONS, tables};
    use crate::ids::sha256;

    /// What stores were made with stays as it was: a change is another migration.
    #[test]
    fn migrations_are_not_edited() {
        let hashes: Vec<String> = MIGRATIONS.iter().map(|sql| sha256(sql.as_bytes())).collect();
        assert_eq!(
            hashes,
            [
                "497796a12fbcbe5b9c2a09a95436bf40548358301f4459aaa5f5cd666a9b7587",
                "0b2fb3c99ed74caa20571558e5072fee9bbd49f656349b9fceacb42bbe51e642",
            ]
        );
    }

    #[test]
    fn tables_are_read_of_their_text() {
        let all: Vec<_> = MIGRATIONS.iter().flat_map(|sql| tables(sql)).collect();
        assert_eq!((FORMAT, all.len()), (2, 19));
        assert!(all.contains(&("caseward_setting", vec!["name", "value"])));
        assert!(all.contains(&("caseward_became", vec!["request", "\"case\""])));
        assert!(all.contains(&("caseward_migration", vec!["format", "recorded", "caseward"])));
        assert!(all.iter().all(|(_, columns)| columns.len() >= 2));
    }
}
