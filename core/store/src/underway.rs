//! What is made and has not its name yet: a store, a backup. It is made in a folder of its own, which a mark tells from
//! everybody else's, so that what one left that was cut off is cleared away, and nothing else ever is.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A folder that this process alone fills.
pub(crate) struct Underway {
    folder: PathBuf,
    mark: PathBuf,
    /// Held while it is filled, where folders can be.
    _held: Option<File>,
}

impl Underway {
    /// An empty folder, but for its mark; what one left there that was cut off is gone.
    ///
    /// # Errors
    /// [`Error::Request`] for what is somebody else's, or is being filled; what the system reports.
    pub(crate) fn begin(folder: &Path, mark: &str) -> Result<Self, Error> {
        match make(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::file("make", folder, error));
            }
            _ => {}
        }
        if !is_left(folder, mark) {
            return Err(not_left(folder));
        }
        let held = hold(folder)?;
        // Another may have filled it, given it its name and made way before this one held it.
        empty(folder).map_err(|error| Error::file("empty", folder, error))?;
        let mark = folder.join(mark);
        File::create_new(&mark).map_err(|error| Error::file("write", &mark, error))?;
        Ok(Underway { folder: folder.to_owned(), mark, _held: held })
    }

    /// What is made under a name in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Gives the folder its name.
    pub(crate) fn becomes(self, name: &Path) -> Result<(), Error> {
        fs::remove_file(&self.mark).map_err(|error| Error::file("remove", &self.mark, error))?;
        fs::rename(&self.folder, name).map_err(|error| Error::file("make", name, error))
    }

    /// Takes it away; what cannot be is the next one's to clear.
    pub(crate) fn clear(self) {
        clear(&self.folder, &self.mark);
    }
}

/// Takes away what one left that was cut off.
pub(crate) fn clear_left(folder: &Path, mark: &str) {
    if is_left(folder, mark) {
        clear(folder, &folder.join(mark));
    }
}

/// Whether what stands there was left by one that was cut off: a folder with its mark, or an empty one.
pub(crate) fn is_left(folder: &Path, mark: &str) -> bool {
    let is_folder = folder.symlink_metadata().is_ok_and(|about| about.is_dir());
    let is_marked = || folder.join(mark).symlink_metadata().is_ok_and(|about| about.is_file());
    is_folder && (is_marked() || fs::read_dir(folder).is_ok_and(|mut all| all.next().is_none()))
}

fn not_left(path: &Path) -> Error {
    Error::request(format!(
        "`{}` is there, and is not what one left that was cut off: move it away, or give another name",
        path.display()
    ))
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    // It may hold everything: its owner alone reads it.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn hold(folder: &Path) -> Result<Option<File>, Error> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let held = File::open(folder).map_err(|error| Error::file("open", folder, error))?;
    held.try_lock()
        .map_err(|_| Error::request(format!("another process writes into `{}`", folder.display())))?;
    Ok(Some(held))
}

fn empty(folder: &Path) -> io::Result<()> {
    fs::read_dir(folder)?.try_for_each(|entry| remove(&entry?))
}

fn remove(entry: &fs::DirEntry) -> io::Result<()> {
    match entry.file_type()?.is_dir() {
        true => fs::remove_dir_all(entry.path()),
        false => fs::remove_file(entry.path()),
    }
}

/// The mark last: without it nothing says whose the others are.
fn clear(folder: &Path, mark: &Path) {
    let all = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut others = all.filter(|entry| entry.path() != mark);
    if others.try_for_each(|entry| remove(&entry)).is_ok() {
        let _ = fs::remove_file(mark).and_then(|()| fs::remove_dir(folder));
    }
}
