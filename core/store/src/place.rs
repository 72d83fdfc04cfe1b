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
use crate::sqlite::{HEAD, Sqlite, is_unfinished, mark_finished};

/// How long another process is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the folder of a backup says of itself.
pub(crate) const LABEL: &str = "backup.json";
/// What SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

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
    make(path, is_free, |database, _| {
        let mut db = Sqlite::create(database)?;
        fill(&mut db)?;
        db.close()?;
        is_whole(database)
    })
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
    clear_left(&database, &files)?;
    let name = |from: &Path, to: &Path| fs::rename(from, to).map_err(|error| Error::file("make", to, error));
    let made = fill(&database, &files).and_then(|()| {
        if files.exists() {
            name(&files, &beside(path, "-files"))?;
        }
        // The database comes last: without it there is no store.
        mark_finished(&database)?;
        name(&database, path)?;
        sync_folder(path)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&files);
        remove_database(&database);
    }
    made
}

pub(crate) fn not_left(path: &Path) -> Error {
    Error::request(format!(
        "`{}` is there, and is not what one left that was cut off: move it away, or give another name",
        path.display()
    ))
}

/// Removes what one left that was cut off where a store is made, before it has its name; whatever else stands there is refused.
fn clear_left(database: &Path, files: &Path) -> Result<(), Error> {
    is_left_of_this(database, files)?;
    if files.exists() {
        fs::remove_dir_all(files).map_err(|error| Error::file("remove", files, error))?;
    }
    remove_database(database);
    match database.symlink_metadata() {
        Ok(_) => Err(not_left(database)),
        Err(_) => Ok(()),
    }
}

/// Refuses what was not left by one that was cut off: an empty file, or a database that is marked as no store yet, is.
fn is_left_of_this(database: &Path, files: &Path) -> Result<(), Error> {
    match database.symlink_metadata() {
        Ok(about) if about.is_file() && is_unfinished(database) => {}
        Ok(about) if !about.is_file() || about.len() > 0 => return Err(not_left(database)),
        // Nothing stands beside what was not begun.
        _ => stands_beside(database).map_or(Ok(()), |beside| Err(not_left(&beside)))?,
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

/// Refuses what was closed and is not all on disk: a disk may be full.
fn is_whole(partial: &Path) -> Result<(), Error> {
    if let Some(left) = stands_beside(partial) {
        return Err(Error::Database(format!(
            "what was written did not all come into `{}`: `{}` is left beside it",
            partial.display(),
            left.display()
        )));
    }
    let what = match Sqlite::open_unfinished(partial).and_then(|mut db| db.damage()) {
        Ok(damage) => match damage.first() {
            None => return Ok(()),
            Some(what) => what.to_string(),
        },
        // Of some damage SQLite gives no list.
        Err(Error::Database(what)) => what,
        Err(error) => return Err(error),
    };
    Err(Error::Database(format!("`{}` was not written whole: {what}", partial.display())))
}

/// Removes a database that is this process's own, and what stands beside it.
pub(crate) fn remove_database(partial: &Path) {
    for path in BESIDE.iter().map(|end| beside(partial, end)).chain([partial.to_owned()]) {
        // The database last: without it nothing says whose the others are.
        let _ = fs::remove_file(path);
    }
}

/// The first of what SQLite keeps beside a database that is there.
pub(crate) fn stands_beside(database: &Path) -> Option<PathBuf> {
    BESIDE.iter().map(|end| beside(database, end)).find(|path| path.symlink_metadata().is_ok())
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{Seek as _, SeekFrom, Write as _};
    use std::path::PathBuf;

    use super::make_database;
    use crate::db::Db as _;
    use crate::error::Error;
    use crate::files::beside;
    use crate::sqlite::Sqlite;

    const TABLE: &str = "CREATE TABLE a (b TEXT NOT NULL); INSERT INTO a VALUES (hex(zeroblob(9000)));";

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("caseward-place-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        folder
    }

    fn names(folder: &PathBuf) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_not_all_on_disk_gets_no_name() {
        let folder = folder("whole");
        let path = folder.join("a.db");
        let partial = beside(&path, ".partial");
        // What a full disk leaves: pages that were not written, or a log that did not come into the file.
        let spoil = |db: &mut Sqlite| -> Result<(), Error> {
            db.script(TABLE)?;
            let mut file = File::options().write(true).open(&partial).unwrap();
            file.seek(SeekFrom::Start(4_096)).unwrap();
            file.write_all(&[0x55; 4_096]).unwrap();
            Ok(())
        };
        let error = make_database(&path, spoil).unwrap_err().to_string();
        assert!(error.contains("was not written whole"), "{error}");
        assert_eq!(names(&folder), ["a.db-lock"]);
        let leave = |db: &mut Sqlite| -> Result<(), Error> {
            db.script(TABLE)?;
            fs::write(beside(&partial, "-wal"), "half").unwrap();
            Ok(())
        };
        let error = make_database(&path, leave).unwrap_err().to_string();
        assert!(error.contains("did not all come into"), "{error}");
        assert_eq!(names(&folder), ["a.db-lock"]);
        make_database(&path, |db| db.script(TABLE)).unwrap();
        Sqlite::open_to_read(&path).unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
