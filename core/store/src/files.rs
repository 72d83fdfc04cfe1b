//! Files by the hash of their bytes, beside the database.
//!
//! INVARIANT: a file that the database speaks of is there, whole: it is on disk before the transaction commits.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The folder of a store's files.
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    /// The files of the store at `path`: in a folder of its name with `-files`.
    pub(crate) fn beside(path: &Path) -> Self {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push("-files");
        Files { folder: path.with_file_name(name) }
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.folder.join(hash.get(..2).unwrap_or("")).join(hash)
    }

    /// Keeps bytes under their hash, on disk.
    pub(crate) fn keep(&self, hash: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(hash);
        if path.exists() {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(|e| Error::file("make", folder, e))?;
        write_whole(&path, bytes)
    }

    /// Whether a file is there.
    pub(crate) fn has(&self, hash: &str) -> bool {
        self.path(hash).is_file()
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, hash: &str) -> Result<(), Error> {
        let path = self.path(hash);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("remove", &path, error))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a file, whole or not at all, on disk before it is there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    // What a kill leaves half written has another name, and is written over.
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|error| Error::file("write", path, error))
}
