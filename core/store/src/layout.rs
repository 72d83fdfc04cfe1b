//! Which tables, columns and indices a database has, held against those that a store makes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use caseward::Schema;
use caseward::sql::{Database, Dialect, Mapping};

use crate::db::{Db, as_number, as_text};
use crate::doctor::Checkup;
use crate::error::Error;
use crate::migrate::format;
use crate::sqlite::Sqlite;

/// Bytes of a name that PostgreSQL keeps.
const NAMED: usize = 63;

/// The shape of a database.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// The columns of each table; of those of its key, which of them it is.
    tables: BTreeMap<String, BTreeMap<String, i64>>,
    indices: BTreeSet<String>,
}

impl Layout {
    /// Reads it by two queries: of table, column and the column's place in the key (0 for none), and of indices that are no key.
    pub(crate) fn read(db: &mut dyn Db, columns: &str, indices: &str) -> Result<Self, Error> {
        let mut layout = Layout::default();
        db.rows(columns, &[], &mut |row| {
            let name = |at: usize| row.get(at).and_then(as_text).unwrap_or_default().to_string();
            let key = row.get(2).and_then(as_number).unwrap_or(0);
            layout.tables.entry(name(0)).or_default().insert(name(1), key);
            Ok(())
        })?;
        layout.indices = db.texts(indices, &[])?.iter().map(ToString::to_string).collect();
        Ok(layout)
    }
}

/// Tells of what a database lacks that a store has, and of what it has that no store makes.
pub(crate) fn is_the_stores(
    checkup: &mut Checkup,
    db: &mut dyn Db,
    schema: &Arc<Schema>,
) -> Result<(), Error> {
    let (mut known, made) = made(schema)?;
    let found = db.layout()?;
    known.tables.extend(db.own_tables());
    for (table, columns) in &known.tables {
        let Some(there) = found.tables.get(table) else {
            checkup.fault("database", None, format!("the table `{table}` is not there"));
            continue;
        };
        for column in columns.keys().filter(|column| !there.contains_key(*column)) {
            checkup.fault("database", None, format!("the table `{table}` has no column `{column}`"));
        }
        if columns.iter().any(|(column, key)| there.get(column).is_some_and(|found| found != key)) {
            let what = format!("the table `{table}` has another primary key than it was made with");
            checkup.fault("database", None, what);
        }
        for column in there.keys().filter(|column| !columns.contains_key(*column)) {
            checkup.notice(
                "database",
                None,
                format!("the column `{column}` of the table `{table}` is none of the store's"),
            );
        }
    }
    for table in found.tables.keys().filter(|table| !known.tables.contains_key(*table)) {
        checkup.notice("database", None, format!("the table `{table}` is none of the store's"));
    }
    for index in known.indices.iter().filter(|index| !found.indices.contains(named(index))) {
        let again = made.iter().find(|sql| sql.contains(index.as_str())).map_or("", AsRef::as_ref);
        let what =
            format!("the index `{index}` is not there, and what it serves is slow: make it again, `{again}`");
        checkup.notice("database", None, what);
    }
    let names: BTreeSet<&str> = known.indices.iter().map(|index| named(index)).collect();
    for index in found.indices.iter().filter(|index| !names.contains(index.as_str())) {
        checkup.notice("database", None, format!("the index `{index}` is none of the store's"));
    }
    Ok(())
}

/// An index's name as every database keeps it.
fn named(index: &str) -> &str {
    index.get(..NAMED).unwrap_or(index)
}

/// What a new store of a schema has, and the statements that make its indices.
fn made(schema: &Arc<Schema>) -> Result<(Layout, Vec<String>), Error> {
    let mut db = Sqlite::in_memory()?;
    format::create(&mut db)?;
    let statements = Database::new(schema, &Mapping::default(), Dialect::Sqlite)?.create();
    for statement in &statements {
        db.script(statement)?;
    }
    let mut indices: Vec<String> =
        statements.into_iter().filter(|sql| sql.starts_with("CREATE INDEX")).collect();
    indices.extend(format::indices().map(str::to_owned));
    Ok((db.layout()?, indices))
}
