//! Where a store is: a file of SQLite, which one process writes to, or a database of PostgreSQL.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::backup::LABEL;
use crate::db::Db;
use crate::error::Error;
use crate::files::beside;
#[cfg(feature = "postgres")]
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;

/// How long another process is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How a file of SQLite begins.
const HEAD: &[u8] = b"SQLite format 3\0";

/// A place as messages show it: an address without its password.
pub fn shown(place: &Path) -> PathBuf {
    #[cfg(feature = "postgres")]
    if let Some(address) = address(place) {
        return crate::postgres::shown(address);
    }
    place.to_owned()
}

/// Whether several processes may have the store of a place open at once, and write: where it is an address of PostgreSQL.
pub fn is_shared(place: &Path) -> bool {
    address(place).is_some()
}

/// A database, the lock that is held while it is open, and whether it is opened to be read alone.
pub(crate) type Opened = (Box<dyn Db>, Option<File>, bool);

/// The database of a place, the lock that is held while it is open, and whether it is opened to be read alone.
pub(crate) fn database(path: &Path, read_only: bool) -> Result<Opened, Error> {
    #[cfg(feature = "postgres")]
    if let Some(address) = address(path) {
        return Ok((Box::new(Postgres::open(address)?), None, read_only));
    }
    if !path.exists() {
        return Err(Error::Missing(path.to_owned()));
    }
    is_database(path)?;
    // A backup stays what it was, whoever looks at it.
    if read_only || path.with_file_name(LABEL).exists() {
        return Ok((Box::new(Sqlite::open_to_read(path)?), None, true));
    }
    match lock(path) {
        Ok(lock) => Ok((Box::new(Sqlite::open(path)?), Some(lock), false)),
        Err(Error::File { error, .. })
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Ok((Box::new(Sqlite::open_to_read(path)?), None, true))
        }
        Err(error) => Err(error),
    }
}

/// Refuses a file of something else, before anything is written beside it.
fn is_database(path: &Path) -> Result<(), Error> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD.len() as u64).read_to_end(&mut start));
    read.map_err(|error| Error::file("open", path, error))?;
    // SQLite makes a database of an empty file.
    match start.is_empty() || start == HEAD {
        true => Ok(()),
        false => {
            let why = "it is no database of SQLite".to_owned();
            Err(Error::NotAStore { path: path.to_owned(), why })
        }
    }
}

/// The address of PostgreSQL that a path is.
#[cfg(feature = "postgres")]
pub(crate) fn address(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| crate::postgres::is_address(text))
}

#[cfg(not(feature = "postgres"))]
pub(crate) fn address(_: &Path) -> Option<&str> {
    None
}

/// The one process that writes holds a lock on a file beside the database.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let name = beside(path, "-lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|error| Error::file("open", &name, error))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", &name, error)),
            Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => {
                return Err(Error::InUse(path.to_owned()));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
