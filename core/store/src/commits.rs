//! Whether somebody else wrote to a store's file.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::Error;

/// What tells that another process committed to a store of SQLite: without the store being open, and without holding anybody
/// up.
pub struct Commits {
    connection: Connection,
    seen: i64,
}

impl Commits {
    /// From now on.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Request`] for a store in PostgreSQL; [`Error::Database`].
    pub fn of(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        if path.to_str().is_some_and(|text| text.starts_with("postgres")) {
            return Err(Error::request(
                "a store in PostgreSQL tells nobody beside it of commits: watch it where it is open",
            ));
        }
        if !path.exists() {
            return Err(Error::Missing(path.to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(crate::sqlite::plain(path)?, flags);
        let connection = connection.map_err(|error| Error::Database(error.to_string()))?;
        let mut commits = Commits { connection, seen: 0 };
        commits.more()?;
        Ok(commits)
    }

    /// Whether there was a commit since this was last asked.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn more(&mut self) -> Result<bool, Error> {
        let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        let version = version.map_err(|error| Error::Database(error.to_string()))?;
        Ok(std::mem::replace(&mut self.seen, version) != version)
    }
}
