//! Where a store is: a file of SQLite, which one process writes to, or a database of PostgreSQL.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::db::Db;
use crate::error::Error;
use crate::files::{beside, sync_folder, write_whole};
#[cfg(feature = "postgres")]
use crate::postgres::Postgres;
use crate::sqlite::{HEAD, Sqlite, plain};
use crate::underway::{self, Underway};

/// How long another process is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the folder of a backup says of itself.
pub(crate) const LABEL: &str = "backup.json";
/// What SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// What a store keeps beside it, and belongs to no other.
const OWN: [&str; 2] = [FILES, "-world"];
/// What ends the other names that a store takes beside its own.
const PASSING: [&str; 2] = ["-lock", PARTIAL];
/// What ends the name of the folder of a store's files, and of the folder in which a store is made.
const FILES: &str = "-files";
const PARTIAL: &str = ".partial";
/// The mark of a store that is being made, and that its files were about to be given their name.
const BEGUN: &str = "store-begun";
const FILES_NAMED: &str = "files-named";

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
        Ok(lock) => {
            clear_left(path);
            Ok((Box::new(Sqlite::open(path)?), Some(lock), false))
        }
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
    // The database is closed once it is filled: what stood in the write-ahead log is in the file.
    make(path, |database, _| {
        let mut db = Sqlite::create(database)?;
        fill(&mut db)?;
        db.close()?;
        is_whole(database)
    })
}

/// Makes a store's file, and the folder of its files where `fill` makes one: they have their names once both are whole.
///
/// Nothing stands there, nor beside it: what another store left there, such as the log of one that was killed, is that one's.
pub(crate) fn make(path: &Path, fill: impl FnOnce(&Path, &Path) -> Result<(), Error>) -> Result<(), Error> {
    is_a_name(path)?;
    if !are_files_left(path) {
        // Before anything is written beside what is somebody else's.
        is_free(path)?;
    }
    // Whoever makes one there at the same time, or opens it too early, waits.
    let _held = lock(path)?;
    clear_left(path);
    is_free(path)?;
    let underway = Underway::begin(&beside(path, PARTIAL), BEGUN)?;
    let made = fill_and_name(path, &underway, fill);
    match made {
        Ok(()) => underway.clear(),
        Err(_) => clear_left(path),
    }
    made
}

fn fill_and_name(
    path: &Path,
    underway: &Underway,
    fill: impl FnOnce(&Path, &Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let (database, files) = (underway.path("store.db"), underway.path("files"));
    fill(&database, &files)?;
    let name = |from: &Path, to: &Path| fs::rename(from, to).map_err(|error| Error::file("make", to, error));
    if files.exists() {
        write_whole(&underway.path(FILES_NAMED), b"")?;
        name(&files, &beside(path, FILES))?;
    }
    // The database comes last: without it there is no store.
    name(&database, path)?;
    sync_folder(path)
}

/// Takes away what making a store left that was cut off: also its files, where they had their name and the store had not.
fn clear_left(path: &Path) {
    if are_files_left(path) {
        let _ = fs::remove_dir_all(beside(path, FILES));
    }
    underway::clear_left(&beside(path, PARTIAL), BEGUN);
}

/// Whether making a store was cut off when its files had their name, or were about to have it, and the store had not.
fn are_files_left(path: &Path) -> bool {
    let underway = beside(path, PARTIAL);
    path.symlink_metadata().is_err()
        && underway::is_left(&underway, BEGUN)
        && underway.join(FILES_NAMED).symlink_metadata().is_ok()
}

/// Refuses a place where something stands, or beside which something does that a store would take for its own.
fn is_free(path: &Path) -> Result<(), Error> {
    let beside = BESIDE.iter().chain(&OWN).map(|end| beside(path, end));
    let mut all = std::iter::once(path.to_owned()).chain(beside);
    match all.find(|path| path.symlink_metadata().is_ok()) {
        Some(there) => Err(Error::Exists(there)),
        None => Ok(()),
    }
}

/// Refuses a name that is that of something beside a store, or within its files: whoever opens that store takes it for its own.
///
/// # Errors
/// [`Error::Request`].
pub(crate) fn is_a_name(path: &Path) -> Result<(), Error> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut ends = BESIDE.iter().chain(&OWN).chain(&PASSING);
    let end = ends.find(|end| name(path).ends_with(**end));
    let folder = plain(path)?.parent().map(name).filter(|folder| folder.ends_with(FILES));
    if end.is_none() && folder.is_none() {
        return Ok(());
    }
    Err(Error::request(format!(
        "`{}` {}: a store has such a one beside it, and would take this for its own; give another name",
        path.display(),
        match end {
            Some(end) => format!("ends with `{end}`"),
            None => format!("lies in a folder whose name ends with `{FILES}`"),
        }
    )))
}

/// Refuses what was closed and is not all on disk: a disk may be full.
pub(crate) fn is_whole(partial: &Path) -> Result<(), Error> {
    if let Some(left) = stands_beside(partial) {
        return Err(Error::Database(format!(
            "what was written did not all come into `{}`: `{}` is left beside it",
            partial.display(),
            left.display()
        )));
    }
    let what = match Sqlite::open_to_read(partial).and_then(|mut db| db.damage()) {
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

/// The first of what SQLite keeps beside a database that is there.
fn stands_beside(database: &Path) -> Option<PathBuf> {
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
        let partial = beside(&path, ".partial").join("store.db");
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
