//! Where a store is: a file of SQLite, which one process writes to, or a database of PostgreSQL.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::db::Db;
use crate::error::Error;
use crate::files::{beside, sync_folder};
#[cfg(feature = "postgres")]
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;

/// How long another process is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the folder of a backup says of itself.
pub(crate) const LABEL: &str = "backup.json";
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

/// The one name of a store's file, which its lock and its files stand beside: where a link leads to. What is not there, or is an
/// address, stays as it was said.
///
/// # Errors
/// [`Error::Request`] for a file that has a second name: whoever opens it by that one has another lock and other files.
pub(crate) fn real(path: &Path) -> Result<PathBuf, Error> {
    if address(path).is_some() || !path.exists() {
        return Ok(path.to_owned());
    }
    let real = match path.is_symlink() {
        true => path.canonicalize().map_err(|error| Error::file("open", path, error))?,
        false => path.to_owned(),
    };
    let about = real.metadata().map_err(|error| Error::file("open", path, error))?;
    if is_mounted(&real) {
        return Err(Error::request(format!(
            "`{}` is mounted by itself: its lock, its log and its files stand beside it under another name; mount the folder that \
             the store is in",
            path.display()
        )));
    }
    if about.is_file() && has_other_names(&about) {
        return Err(Error::request(format!(
            "`{}` has a second name, a hard link: a store is one file of one name, with its lock and its files beside it; remove the \
             other name, or make the copy with `caseward store backup`",
            path.display()
        )));
    }
    Ok(real)
}

/// Whether a file is mounted without the folder that it is in, as a container may have it.
fn is_mounted(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    // Elsewhere there is no such list, and no file that is mounted by itself.
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut places = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    places.any(|place| Path::new(&unescaped(place)) == path)
}

/// A path as the list of mounts writes it: blanks and the like as three octal digits.
fn unescaped(text: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(text.to_owned(), |text, (escape, is)| text.replace(escape, is))
}

#[cfg(unix)]
fn has_other_names(about: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(about) > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &std::fs::Metadata) -> bool {
    false
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

/// Makes a file of SQLite where there is none, and has it filled.
pub(crate) fn make_database(
    path: &Path,
    fill: impl FnOnce(&mut Sqlite) -> Result<(), Error>,
) -> Result<(), Error> {
    let is_free = || match path.symlink_metadata() {
        Ok(_) => Err(Error::Exists(path.to_owned())),
        Err(_) => Ok(()),
    };
    // The database is closed once it is filled: what stood in the write-ahead log is in the file.
    make(path, is_free, |database, _| Sqlite::create(database).and_then(|mut db| fill(&mut db)))
}

/// Makes a store's file, and the folder of its files where `fill` makes one: they have their names once both are whole.
pub(crate) fn make(
    path: &Path,
    is_free: impl Fn() -> Result<(), Error>,
    fill: impl FnOnce(&Path, &Path) -> Result<(), Error>,
) -> Result<(), Error> {
    is_free()?;
    // Whoever makes one there at the same time, or opens it too early, waits.
    let _held = lock(path)?;
    is_free()?;
    let (database, files) = (beside(path, ".partial"), beside(path, "-files.partial"));
    is_left_of_this(&database, &files)?;
    let remove = || {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&database, end));
        }
        let _ = fs::remove_dir_all(&files);
    };
    remove();
    let name = |from: &Path, to: &Path| fs::rename(from, to).map_err(|error| Error::file("make", to, error));
    let made = fill(&database, &files).and_then(|()| {
        if files.exists() {
            name(&files, &beside(path, "-files"))?;
        }
        // The database comes last: without it there is no store.
        name(&database, path)?;
        sync_folder(path)
    });
    if made.is_err() {
        remove();
    }
    made
}

pub(crate) fn not_left(path: &Path) -> Error {
    Error::request(format!(
        "`{}` is there, and is not what one left that was cut off: move it away, or give another name",
        path.display()
    ))
}

/// Refuses what stands where a store is made, before it has its name, and was not left by one that was cut off.
fn is_left_of_this(database: &Path, files: &Path) -> Result<(), Error> {
    if let Ok(about) = database.symlink_metadata()
        && !(about.is_file() && (about.len() == 0 || is_database(database).is_ok()))
    {
        return Err(not_left(database));
    }
    if let Ok(about) = files.symlink_metadata() {
        // A folder for the first two digits of the hashes in it.
        let of_hashes = |name: &std::ffi::OsStr| {
            name.len() == 2 && name.to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        let is_ours = about.is_dir()
            && fs::read_dir(files)
                .is_ok_and(|mut all| all.all(|one| one.is_ok_and(|one| of_hashes(&one.file_name()))));
        if !is_ours {
            return Err(not_left(files));
        }
    }
    Ok(())
}

/// Refuses a file of something else, before anything is written beside it.
pub(crate) fn is_database(path: &Path) -> Result<(), Error> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD.len() as u64).read_to_end(&mut start));
    read.map_err(|error| Error::file("open", path, error))?;
    let why = match start.as_slice() {
        HEAD => return Ok(()),
        [] => "it is empty",
        _ => "it is no database of SQLite",
    };
    Err(Error::NotAStore { path: path.to_owned(), why: why.to_owned() })
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
