//! The database behind a store, as the store speaks to it.
//!
//! Statements are written with `?1`, `?2` …; a database that numbers otherwise rewrites them.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::sql::{Dialect, Parameter, Statement};

use crate::error::Error;
use crate::layout::Layout;
use crate::seal::Seal;
use crate::touched::Counter;

/// A value of a row, or what is bound to a parameter; `None` for NULL.
pub(crate) type Cell = Option<Parameter>;

/// What is given each row of a query.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&[Cell]) -> Result<(), Error>;

/// A connection that one thread writes through.
pub(crate) trait Db: Send {
    /// Whose SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// What counts how often it is asked, and the rows that it gives.
    fn counter(&self) -> Counter;

    /// What its values are encrypted with.
    fn seal(&self) -> Seal;

    /// Encrypts with this from now on.
    fn set_seal(&mut self, seal: Seal);

    /// Several statements without parameters.
    fn script(&mut self, sql: &str) -> Result<(), Error>;

    /// Makes the tables that this database alone has.
    fn tables(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Keeps the bytes of a file, where that is the database's business; says whether it is.
    fn keep_file(&mut self, _hash: &str, _bytes: &[u8]) -> Result<bool, Error> {
        Ok(false)
    }

    /// The bytes of a file, where that is the database's business; `None` in it where it is not there.
    fn file(&mut self, _hash: &str) -> Result<Option<Option<Vec<u8>>>, Error> {
        Ok(None)
    }

    /// The names of all files, where that is the database's business.
    fn file_names(&mut self) -> Result<Option<Vec<Arc<str>>>, Error> {
        Ok(None)
    }

    /// What is wrong with the database's own pages and indices, as far as it can tell.
    fn damage(&mut self) -> Result<Vec<Arc<str>>, Error> {
        Ok(Vec::new())
    }

    /// What acts or stands in for a table by itself, and is none of the store's: triggers and views, each with its kind.
    fn strangers(&mut self) -> Result<Vec<Arc<str>>, Error> {
        Ok(Vec::new())
    }

    /// Which tables, columns and indices there are.
    fn layout(&mut self) -> Result<Layout, Error>;

    /// Tables that [`Db::tables`] makes, each with its columns and their places in its key.
    fn own_tables(&self) -> BTreeMap<String, BTreeMap<String, i64>> {
        BTreeMap::new()
    }

    /// Removes a file, where that is the database's business; says whether it is.
    fn remove_file(&mut self, _hash: &str) -> Result<bool, Error> {
        Ok(false)
    }

    /// Whether other processes write to it too, while this one has it open.
    fn is_shared(&self) -> bool {
        false
    }

    /// Begins a transaction that nobody else writes beside; where it [is shared](Db::is_shared), from [`Db::lock`] on.
    fn begin(&mut self) -> Result<(), Error>;

    /// Waits until no other process writes to the store of this transaction; from then on it sees what they wrote.
    fn lock(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Begins a transaction that writes nothing and sees one state of the data; where nobody else writes, there is no need.
    fn begin_to_read(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Ends what [`Db::begin_to_read`] began.
    fn end_reading(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Refuses where there is hardly any room left to write to, as far as that is known here.
    fn has_room(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Tells other processes of an entry, once it is durable.
    fn announce(&mut self, _event: u64) -> Result<(), Error> {
        Ok(())
    }

    /// Makes what was written durable.
    fn commit(&mut self) -> Result<(), Error>;

    /// Takes back what was written since [`Db::begin`].
    fn rollback(&mut self) -> Result<(), Error>;

    /// Leaves nothing of what was deleted in the database's own files, as far as that is in its hands.
    fn scrub(&mut self) -> Result<(), Error>;

    /// A statement that gives no rows; says how many it changed.
    fn run(&mut self, sql: &str, params: &[Cell]) -> Result<usize, Error>;

    /// The rows of a query, one after the other.
    fn rows(&mut self, sql: &str, params: &[Cell], each: Each<'_>) -> Result<(), Error>;
}

impl dyn Db + '_ {
    /// The one row of a query, if there is one.
    pub(crate) fn row(&mut self, sql: &str, params: &[Cell]) -> Result<Option<Vec<Cell>>, Error> {
        let mut found = None;
        self.rows(sql, params, &mut |row| {
            found = Some(row.to_vec());
            Ok(())
        })?;
        Ok(found)
    }

    /// The first column of a query's rows.
    pub(crate) fn texts(&mut self, sql: &str, params: &[Cell]) -> Result<Vec<Arc<str>>, Error> {
        let mut found = Vec::new();
        self.rows(sql, params, &mut |row| {
            found.extend(row.first().and_then(as_text));
            Ok(())
        })?;
        Ok(found)
    }

    /// Statements of [`caseward::sql::Database::upkeep`].
    pub(crate) fn all(&mut self, statements: &[Statement]) -> Result<(), Error> {
        statements.iter().try_for_each(|statement| self.run(&statement.sql, &statement.params).map(drop))
    }
}

/// The table that a query reads first.
pub(crate) fn table_of(sql: &str) -> &str {
    sql.split_once(" FROM ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("of a query")
}

/// A text to bind.
pub(crate) fn text(text: impl Into<Arc<str>>) -> Cell {
    Some(Parameter::Text(text.into()))
}

/// A number to bind.
pub(crate) fn number(n: i64) -> Cell {
    Some(Parameter::Bigint(n))
}

/// The text in a cell.
pub(crate) fn as_text(cell: &Cell) -> Option<Arc<str>> {
    match cell {
        Some(Parameter::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

/// The number in a cell that counts something.
pub(crate) fn as_count(cell: &Cell) -> Option<u64> {
    as_number(cell).and_then(|n| u64::try_from(n).ok())
}

/// The number in a cell.
pub(crate) fn as_number(cell: &Cell) -> Option<i64> {
    match cell {
        Some(Parameter::Bigint(n)) => Some(*n),
        _ => None,
    }
}
