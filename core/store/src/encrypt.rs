//! A store that is not encrypted becomes one that is: of a backup, before it has its name.
//!
//! INVARIANT: afterwards nothing that is encrypted in a store stands there as it was, in no page of the file.

use std::path::Path;

use crate::db::{Cell, Db, as_count, as_number, as_text, number, text};
use crate::error::Error;
use crate::feed::CONTENT;
use crate::seal::{self, Place, Seal, StoreKey};
use crate::sqlite::Sqlite;

/// Rows that are read at once.
const AT_ONCE: i64 = 1_000;

/// A table with what is encrypted: how its rows are read, after one and so many, and how one is written anew.
struct Table {
    read: &'static str,
    write: &'static str,
    closed: Closed,
}

/// Of a row after its number: what is written; `None` where it stays.
type Closed = fn(&Seal, &[Cell]) -> Result<Option<Vec<Cell>>, Error>;

/// Every place of [`Place`] that a database has, and what is kept by its hash.
const TABLES: [Table; 5] = [
    Table {
        read: "SELECT rowid, type, id, field, value FROM caseward_content WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
        write: "UPDATE caseward_content SET value = ?2 WHERE rowid = ?1",
        closed: |seal, row| {
            let place = Place::Content(&said(row, 0), &said(row, 1), &said(row, 2));
            Ok(Some(vec![text(seal.close(place, said(row, 3))?)]))
        },
    },
    Table {
        read: "SELECT rowid, event, payload, salt FROM caseward_log WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
        write: "UPDATE caseward_log SET payload = ?2, salt = ?3 WHERE rowid = ?1",
        closed: |seal, row| {
            let event = row.first().and_then(as_count).unwrap_or(0);
            let close = |place, at: usize| {
                let kept = row.get(at).and_then(as_text);
                kept.map_or(Ok(None), |kept| seal.close(place, kept).map(text))
            };
            Ok(Some(vec![close(Place::Payload(event), 1)?, close(Place::Salt(event), 2)?]))
        },
    },
    Table {
        read: "SELECT rowid, person, key, answer, command FROM caseward_answer WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
        write: "UPDATE caseward_answer SET answer = ?2, command = ?3 WHERE rowid = ?1",
        closed: |seal, row| {
            let answer = seal.close(Place::Answer(&said(row, 0), &said(row, 1)), said(row, 2))?;
            Ok(Some(vec![text(answer), text(seal.digest(&said(row, 3)))]))
        },
    },
    Table {
        read: "SELECT rowid, kind, key, line FROM caseward_feed WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
        write: "UPDATE caseward_feed SET line = ?2 WHERE rowid = ?1",
        closed: |seal, row| {
            let (kind, key) = (said(row, 0), said(row, 1));
            is_content(&kind)
                .then(|| Ok(vec![text(seal.close(Place::Line(&kind, &key), said(row, 2))?)]))
                .transpose()
        },
    },
    Table {
        read: "SELECT rowid, kind, line FROM caseward_feed_taken WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
        write: "UPDATE caseward_feed_taken SET line = ?2 WHERE rowid = ?1",
        closed: |seal, row| Ok(is_content(&said(row, 0)).then(|| vec![text(seal.digest(&said(row, 1)))])),
    },
];

fn said(row: &[Cell], at: usize) -> std::sync::Arc<str> {
    row.get(at).and_then(as_text).unwrap_or_default()
}

fn is_content(kind: &str) -> bool {
    CONTENT.contains(&kind)
}

/// Encrypts all that a store encrypts of a database that nobody else has, under a key that it draws, which is kept under that of
/// the operator; gives what the store encrypts with.
///
/// # Errors
/// [`Error::Sealed`] for a database that is encrypted; what the database reports. What is left then is no store.
pub(crate) fn all(database: &Path, key: &StoreKey) -> Result<Seal, Error> {
    let mut db = Sqlite::open_alone(database)?;
    if seal::is_sealed(&mut db)? {
        return Err(Error::Sealed(
            "what is in the backup is encrypted already: restore it as it is, and give it another key with `rekey`"
                .to_owned(),
        ));
    }
    db.begin()?;
    seal::begin(&mut db, key)?;
    let seal = db.seal();
    for table in &TABLES {
        rewrite(&mut db, &seal, table)?;
    }
    db.commit()?;
    // What was written over is in no page either.
    db.script("VACUUM")?;
    db.close()?;
    Ok(seal)
}

fn rewrite(db: &mut dyn Db, seal: &Seal, table: &Table) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let mut page: Vec<(i64, Vec<Cell>)> = Vec::new();
        db.rows(table.read, &[number(after), number(AT_ONCE)], &mut |row| {
            if let Some((rowid, rest)) = row.split_first()
                && let Some(rowid) = as_number(rowid)
            {
                page.push((rowid, rest.to_vec()));
            }
            Ok(())
        })?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        for (rowid, row) in &page {
            if let Some(closed) = (table.closed)(seal, row)? {
                db.run(table.write, &[vec![number(*rowid)], closed].concat())?;
            }
        }
    }
}
