//! SQLite: one file, a write-ahead log, every commit on disk before it is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use caseward::sql::{Dialect, Parameter};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OpenFlags, Row, Statement, StatementStatus, ToSql};

use crate::db::{Cell, Db, Each, table_of};
use crate::error::Error;
use crate::files::beside;
use crate::layout::Layout;
use crate::seal::Seal;
use crate::touched::Counter;

/// Bytes of a disk below which a store is not said to be writable: what small commands write may still fit into what its files
/// have already.
const ROOM: u64 = 1 << 20;
/// How long another process that writes is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Statements that are kept prepared.
const PREPARED: usize = 256;
/// `application_id` of a store: "CASE".
const APPLICATION: i64 = 0x4341_5345;
/// How a file of SQLite begins.
pub(crate) const HEAD: &[u8] = b"SQLite format 3\0";

/// How a file is opened that is there and may be written to.
const WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// A connection to a store's file.
pub(crate) struct Sqlite {
    connection: Connection,
    /// The file that is written to.
    file: Option<Written>,
    counter: Counter,
    seal: Seal,
}

/// The files that are written to, each with what tells it from every other: the database, and its write-ahead log.
struct Written([(PathBuf, Option<(u64, u64)>); 2]);

impl Written {
    fn new(path: &Path) -> Result<Self, Error> {
        let database = plain(path)?;
        let log = beside(&database, "-wal");
        let (of_database, of_log) = (identity(&database)?, identity(&log)?);
        Ok(Written([(database, of_database), (log, of_log)]))
    }

    fn database(&self) -> &Path {
        let [(path, _), _] = &self.0;
        path
    }

    /// Refuses a file that is no longer where it was opened: what is written to it nobody finds, and whoever opens the one
    /// in its place, or this one where it is now, has another lock.
    fn is_in_its_place(&self) -> Result<(), Error> {
        let moved = self.0.iter().find(|(path, known)| identity(path).ok() != Some(*known));
        match moved {
            None => Ok(()),
            Some((path, _)) => Err(Error::Database(format!(
                "`{}` was moved or removed while the store was open: nothing more is written to it",
                path.display()
            ))),
        }
    }
}

/// Bytes that are left on the disk of a file; `None` where the system does not say.
#[cfg(unix)]
fn room(path: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(path).ok()?;
    about.f_bavail.checked_mul(about.f_frsize)
}

#[cfg(not(unix))]
fn room(_: &Path) -> Option<u64> {
    None
}

/// What tells a file from every other, whatever it is called; `None` where the system says nothing of the kind.
fn identity(path: &Path) -> Result<Option<(u64, u64)>, Error> {
    let about = path.metadata().map_err(|error| Error::file("open", path, error))?;
    Ok(numbers(&about))
}

#[cfg(unix)]
fn numbers(about: &std::fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((about.dev(), about.ino()))
}

#[cfg(not(unix))]
fn numbers(_: &std::fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// A path that SQLite takes for nothing but a path: `file:a.db` and `:memory:` are more to it.
pub(crate) fn plain(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| Error::file("open", path, error))
}

impl Sqlite {
    /// Makes a file where there is none. Nothing stands beside it: whoever makes it has it alone, and takes it away whole.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open_with_flags(plain(path)?, WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "MEMORY")?;
        connection.pragma_update(None, "application_id", APPLICATION)?;
        Ok(Self::over(connection, None))
    }

    /// A database of nobody's, which is gone with it.
    pub(crate) fn in_memory() -> Result<Self, Error> {
        Ok(Self::over(Connection::open_in_memory()?, None))
    }

    /// Closes a file that was made; what it cannot write any more is an error.
    pub(crate) fn close(self) -> Result<(), Error> {
        Ok(self.connection.close().map_err(|(_, error)| error)?)
    }

    /// Opens a store's file.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::Missing(path.to_owned()));
        }
        let connection = Connection::open_with_flags(plain(path)?, WRITE).map_err(|e| refused(path, e))?;
        has_id(path, &connection)?;
        Self::ready(connection, path)
    }

    /// Opens a store's file to read it alone; no file is made beside it.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, Error> {
        let log = beside(path, "-wal");
        // What still stands in the write-ahead log is read through it; without one the file is all there is.
        let has_log = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let place = path.canonicalize().map_err(|error| Error::file("read", path, error))?;
        let not_text = || Error::NotAStore { path: path.to_owned(), why: "its path is not UTF-8".to_owned() };
        let place = place.to_str().ok_or_else(not_text)?;
        let escaped = place.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let address = format!("file:{escaped}?{}", if has_log { "mode=ro" } else { "immutable=1" });
        let connection = Connection::open_with_flags(address, flags).map_err(|e| refused(path, e))?;
        has_id(path, &connection)?;
        Ok(Self::over(connection, None))
    }

    /// Opens a store's file to read it beside whoever writes to it.
    pub(crate) fn open_beside(path: &Path) -> Result<Self, Error> {
        let opened = Connection::open_with_flags(plain(path)?, WRITE).and_then(|connection| {
            connection.busy_timeout(PATIENCE)?;
            let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
            Ok((connection, id))
        });
        match opened {
            Ok((connection, APPLICATION)) => Ok(Self::over(connection, None)),
            // What is no store is said to be none; of a folder that cannot be written the file alone is read.
            _ => Self::open_to_read(path),
        }
    }

    /// Opens a file of somebody else's to read it, beside whoever writes to it.
    pub(crate) fn open_of_others(path: &Path) -> Result<Self, Error> {
        // What reads a write-ahead log writes its index.
        let connection = Connection::open_with_flags(plain(path)?, WRITE).map_err(|e| refused(path, e))?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Self::over(connection, None))
    }

    /// Writes what the database holds at this instant into a file of its own; nothing of what was deleted is in it.
    pub(crate) fn copy_into(&self, path: &Path) -> Result<(), String> {
        let path = plain(path).map_err(|error| error.to_string())?;
        let path = path.to_str().ok_or("its path is not UTF-8")?;
        self.connection.execute("VACUUM INTO ?1", [path]).map(drop).map_err(|error| error.to_string())
    }

    fn ready(connection: Connection, path: &Path) -> Result<Self, Error> {
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "secure_delete", true)?;
        // The write-ahead log is there once something was read through it.
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(Self::over(connection, Some(Written::new(path)?)))
    }

    fn over(connection: Connection, file: Option<Written>) -> Self {
        connection.set_prepared_statement_cache_capacity(PREPARED);
        Sqlite { connection, file, counter: Counter::default(), seal: Seal::default() }
    }
}

/// Refuses a database of something else.
fn has_id(path: &Path, connection: &Connection) -> Result<(), Error> {
    let id = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
    match id.map_err(|error| refused(path, error))? {
        APPLICATION => Ok(()),
        _ => Err(Error::NotAStore {
            path: path.to_owned(),
            why: "it is a database of something else".to_owned(),
        }),
    }
}

/// What SQLite says of a file: of no database of its own that it is none, of a full disk or a damaged page what it is.
fn refused(path: &Path, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => {
            Error::NotAStore { path: path.to_owned(), why: error.to_string() }
        }
        _ => match Error::from(error) {
            Error::Database(says) => Error::Database(format!("`{}`: {says}", path.display())),
            other => other,
        },
    }
}

impl Db for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn script(&mut self, sql: &str) -> Result<(), Error> {
        Ok(self.connection.execute_batch(sql)?)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.file.as_ref().map_or(Ok(()), Written::is_in_its_place)?;
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    fn has_room(&self) -> Result<(), Error> {
        match self.file.as_ref().and_then(|file| room(file.database())) {
            Some(left) if left < ROOM => Err(Error::Database(format!(
                "the disk is full: {left} bytes are left, and {ROOM} are wanted"
            ))),
            _ => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<(), Error> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    fn rollback(&mut self) -> Result<(), Error> {
        // After some errors SQLite has taken the transaction back itself.
        match self.connection.is_autocommit() {
            true => Ok(()),
            false => Ok(self.connection.execute_batch("ROLLBACK")?),
        }
    }

    fn damage(&mut self) -> Result<Vec<Arc<str>>, Error> {
        let this: &mut dyn Db = self;
        let mut says = this.texts("PRAGMA integrity_check(20)", &[])?;
        says.retain(|line| &**line != "ok");
        Ok(says)
    }

    fn strangers(&mut self) -> Result<Vec<Arc<str>>, Error> {
        let this: &mut dyn Db = self;
        this.texts(
            "SELECT type || ' ' || name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY 1",
            &[],
        )
    }

    fn layout(&mut self) -> Result<Layout, Error> {
        let columns = "SELECT t.name, c.name, c.pk FROM sqlite_master t, pragma_table_xinfo(t.name) c \
                       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'";
        let indices = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
        Layout::read(self, columns, indices)
    }

    fn scrub(&mut self) -> Result<(), Error> {
        // Pages are overwritten as they are freed; what stands in the write-ahead log goes with it. Where somebody reads,
        // it goes at the next checkpoint.
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    fn seal(&self) -> Seal {
        self.seal.clone()
    }

    fn set_seal(&mut self, seal: Seal) {
        self.seal = seal;
    }

    fn counter(&self) -> Counter {
        self.counter.clone()
    }

    fn run(&mut self, sql: &str, params: &[Cell]) -> Result<usize, Error> {
        self.counter.statement();
        let mut statement = self.connection.prepare_cached(sql)?;
        let changed = statement.execute(rusqlite::params_from_iter(params.iter().map(Bound)))?;
        self.counter.steps(steps(&statement));
        Ok(changed)
    }

    fn rows(&mut self, sql: &str, params: &[Cell], each: Each<'_>) -> Result<(), Error> {
        self.counter.statement();
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(params.iter().map(Bound)))?;
        let mut cells = Vec::new();
        while let Some(row) = rows.next()? {
            self.counter.row();
            cells.clear();
            read(row, &mut cells).map_err(|error| match error {
                Error::Unreadable(why) => unreadable(sql, row, &cells, &why),
                error => error,
            })?;
            each(&cells)?;
        }
        drop(rows);
        self.counter.steps(steps(&statement));
        Ok(())
    }
}

/// The steps that a statement took since it was asked for them.
fn steps(statement: &Statement<'_>) -> u64 {
    u64::try_from(statement.reset_status(StatementStatus::VmStep)).unwrap_or(0)
}

/// Which row it is that cannot be read, by its table and its first value.
fn unreadable(sql: &str, row: &Row<'_>, before: &[Cell], why: &str) -> Error {
    let table = table_of(sql);
    let column = row.as_ref().column_name(before.len()).unwrap_or("a column").to_owned();
    let of: Vec<String> = before
        .iter()
        .map(|cell| match cell {
            Some(Parameter::Text(text)) => format!("`{text}`"),
            Some(Parameter::Bigint(n)) => n.to_string(),
            _ => "NULL".to_owned(),
        })
        .take(3)
        .collect();
    let of = if of.is_empty() { String::new() } else { format!(" of {}", of.join(", ")) };
    Error::Unreadable(format!("the table {table}: in the row{of} `{column}` is {why}"))
}

fn read(row: &Row<'_>, cells: &mut Vec<Cell>) -> Result<(), Error> {
    for at in 0..row.as_ref().column_count() {
        cells.push(match row.get_ref(at)? {
            ValueRef::Null => None,
            ValueRef::Integer(n) => Some(Parameter::Bigint(n)),
            ValueRef::Text(text) => {
                let text = std::str::from_utf8(text)
                    .map_err(|_| Error::Unreadable("no text in UTF-8".to_owned()))?;
                Some(Parameter::Text(text.into()))
            }
            ValueRef::Real(_) => return Err(Error::Unreadable("a number with a fraction".to_owned())),
            ValueRef::Blob(_) => return Err(Error::Unreadable("bytes and no text".to_owned())),
        });
    }
    Ok(())
}

struct Bound<'a>(&'a Cell);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            None => ToSqlOutput::Owned(Value::Null),
            Some(Parameter::Boolean(is)) => ToSqlOutput::Owned(Value::Integer(i64::from(*is))),
            Some(Parameter::Bigint(n)) => ToSqlOutput::Owned(Value::Integer(*n)),
            Some(Parameter::Text(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Some(_) => {
                return Err(rusqlite::Error::ToSqlConversionFailure("a list is no value of a column".into()));
            }
        })
    }
}
