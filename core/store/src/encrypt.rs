//! A store that is not encrypted becomes one that is: its backup is copied, and encrypted on the way.
//!
//! INVARIANT: nothing that is encrypted in a store is written as it was, in no page of a file, also where the copy is cut off.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::db::{Cell, Db, as_count, as_number, as_text, number, text};
use crate::error::Error;
use crate::feed::CONTENT;
use crate::seal::{self, Place, Seal, StoreKey};
use crate::sqlite::Sqlite;

/// Rows that are read at once.
const AT_ONCE: i64 = 1_000;

/// A table with what is encrypted.
struct Table {
    name: &'static str,
    closed: Closed,
}

/// Of a row, its columns that are written otherwise.
type Closed = fn(&Seal, &Row<'_>) -> Result<Vec<(&'static str, Cell)>, Error>;

/// Every place of [`Place`] that a database has, and what is kept by its hash.
const TABLES: [Table; 5] = [
    Table {
        name: "caseward_content",
        closed: |seal, row| {
            let (ty, id, field) = (row.text("type"), row.text("id"), row.text("field"));
            let value = seal.close(Place::Content(&ty, &id, &field), row.text("value"))?;
            Ok(vec![("value", text(value))])
        },
    },
    Table {
        name: "caseward_log",
        closed: |seal, row| {
            let event = as_count(row.cell("event")).unwrap_or(0);
            let close = |place, column| {
                as_text(row.cell(column)).map_or(Ok(None), |kept| seal.close(place, kept).map(text))
            };
            let (payload, salt) = (Place::Payload(event), Place::Salt(event));
            Ok(vec![("payload", close(payload, "payload")?), ("salt", close(salt, "salt")?)])
        },
    },
    Table {
        name: "caseward_answer",
        closed: |seal, row| {
            let (person, key) = (row.text("person"), row.text("key"));
            let answer = seal.close(Place::Answer(&person, &key), row.text("answer"))?;
            Ok(vec![("answer", text(answer)), ("command", text(seal.digest(&row.text("command"))))])
        },
    },
    Table {
        name: "caseward_feed",
        closed: |seal, row| {
            let (kind, key) = (row.text("kind"), row.text("key"));
            if !CONTENT.contains(&kind.as_ref()) {
                return Ok(Vec::new());
            }
            Ok(vec![("line", text(seal.close(Place::Line(&kind, &key), row.text("line"))?))])
        },
    },
    Table {
        name: "caseward_feed_taken",
        closed: |seal, row| {
            let is_content = CONTENT.contains(&row.text("kind").as_ref());
            Ok(is_content.then(|| ("line", text(seal.digest(&row.text("line"))))).into_iter().collect())
        },
    },
];

/// A row of a table, by the names of its columns.
struct Row<'a> {
    columns: &'a BTreeMap<Arc<str>, usize>,
    cells: &'a [Cell],
}

impl Row<'_> {
    fn cell(&self, column: &str) -> &Cell {
        self.columns.get(column).and_then(|at| self.cells.get(*at)).unwrap_or(&None)
    }

    fn text(&self, column: &str) -> Arc<str> {
        as_text(self.cell(column)).unwrap_or_default()
    }
}

/// Copies a database into one that is made, encrypted under a key that is drawn, which is kept under that of the operator; gives
/// what the store encrypts with.
///
/// # Errors
/// [`Error::Sealed`] for a database that is encrypted; what the databases report. What is left then is no store.
pub(crate) fn copy(from: &Path, to: &Path, key: &StoreKey) -> Result<Seal, Error> {
    let mut plain = Sqlite::open_to_read(from)?;
    if seal::is_sealed(&mut plain)? {
        return Err(Error::Sealed(
            "what is in the backup is encrypted already: restore it as it is, and give it another key with `rekey`"
                .to_owned(),
        ));
    }
    let mut db = Sqlite::create(to)?;
    db.begin()?;
    for statement in statements(&mut plain, "table")? {
        db.script(&statement)?;
    }
    seal::begin(&mut db, key)?;
    let seal = db.seal();
    for name in names(&mut plain)? {
        let table = TABLES.iter().find(|table| table.name == name.as_ref());
        rows(&mut plain, &mut db, &name, |row| {
            table.map_or(Ok(Vec::new()), |table| (table.closed)(&seal, row))
        })?;
    }
    for statement in statements(&mut plain, "index")? {
        db.script(&statement)?;
    }
    db.commit()?;
    db.close()?;
    Ok(seal)
}

/// What made all tables, or all indices that are no keys.
fn statements(db: &mut dyn Db, kind: &str) -> Result<Vec<Arc<str>>, Error> {
    let sql = "SELECT sql FROM sqlite_master WHERE type = ?1 AND sql IS NOT NULL \
               AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY rowid";
    db.texts(sql, &[text(kind)])
}

fn names(db: &mut dyn Db) -> Result<Vec<Arc<str>>, Error> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
    db.texts(sql, &[])
}

/// Copies the rows of a table, with the columns that `closed` gives otherwise.
fn rows(
    from: &mut dyn Db,
    to: &mut dyn Db,
    table: &str,
    closed: impl Fn(&Row<'_>) -> Result<Vec<(&'static str, Cell)>, Error>,
) -> Result<(), Error> {
    let names = from.texts("SELECT name FROM pragma_table_info(?1) ORDER BY cid", &[text(table)])?;
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let (table, columns) = (quoted(table), columns.join(", "));
    let places: Vec<String> = (1..=names.len()).map(|at| format!("?{at}")).collect();
    let read = format!("SELECT rowid, {columns} FROM {table} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2");
    let write = format!("INSERT INTO {table} ({columns}) VALUES ({})", places.join(", "));
    let columns: BTreeMap<Arc<str>, usize> = names.into_iter().zip(0..).collect();
    let mut after = i64::MIN;
    loop {
        let mut page: Vec<Vec<Cell>> = Vec::new();
        from.rows(&read, &[number(after), number(AT_ONCE)], &mut |row| {
            if let Some((rowid, cells)) = row.split_first() {
                after = as_number(rowid).unwrap_or(i64::MAX);
                page.push(cells.to_vec());
            }
            Ok(())
        })?;
        if page.is_empty() {
            return Ok(());
        }
        for mut cells in page {
            for (column, cell) in closed(&Row { columns: &columns, cells: &cells })? {
                if let Some(place) = columns.get(column).and_then(|at| cells.get_mut(*at)) {
                    *place = cell;
                }
            }
            to.run(&write, &cells)?;
        }
    }
}
