//! Files by the hash of their bytes, beside the database.
//!
//! INVARIANT: a file that the database speaks of is there, whole: it is on disk before the transaction commits.

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use caseward::EntityUid;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::db::{Db, as_text};
use crate::error::Error;
use crate::ids::hex;
use crate::seal::Place;
use crate::state::State;

/// Bytes of a file that are read at once.
const PIECE: usize = 64 << 10;

/// The folder of a store's files.
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    /// The files of the store at `path`: in a folder of its name with `-files`.
    pub(crate) fn beside(path: &Path) -> Self {
        Files { folder: beside(path, "-files") }
    }

    /// The files in a folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Files { folder: folder.to_owned() }
    }

    /// Where a file is to be, in a folder that is there.
    pub(crate) fn place(&self, hash: &str) -> Result<PathBuf, Error> {
        let path = self.path(hash);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(|e| Error::file("make", folder, e))?;
        Ok(path)
    }

    pub(crate) fn path(&self, hash: &str) -> PathBuf {
        self.folder.join(hash.get(..2).unwrap_or("")).join(hash)
    }

    /// Keeps bytes under their hash, on disk.
    pub(crate) fn keep(&self, hash: &str, bytes: &[u8]) -> Result<(), Error> {
        if self.path(hash).exists() {
            return Ok(());
        }
        write_whole(&self.place(hash)?, bytes)
    }

    /// Opens a file to be read, if it is there.
    pub(crate) fn open(&self, hash: &str) -> Result<Option<File>, Error> {
        let path = self.path(hash);
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", &path, error)),
        }
    }

    /// The names of all files.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let listed = |folder: &Path| -> Result<Vec<PathBuf>, Error> {
            match fs::read_dir(folder) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
                entries => entries
                    .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
                    .map_err(|error| Error::file("read", folder, error)),
            }
        };
        let mut names = Vec::new();
        for folder in listed(&self.folder)?.iter().filter(|path| path.is_dir()) {
            let all = listed(folder)?;
            names
                .extend(all.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())));
        }
        names.sort();
        Ok(names)
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

/// A path of the same name with an end.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// Makes durable what a file is called.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Error::file("write", folder, error))
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

/// The SHA-256 of bytes, as they are read.
pub(crate) fn hashed(bytes: &mut dyn Read) -> std::io::Result<String> {
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        let count = bytes.read(&mut piece)?;
        match piece.get(..count) {
            Some(bytes) if count > 0 => hasher.update(bytes),
            _ => return Ok(hex(&hasher.finalize())),
        }
    }
}

/// The files that a database speaks of: by items, their hashes.
pub(crate) fn documents(db: &mut dyn Db) -> Result<Vec<(EntityUid, String)>, Error> {
    let (mut found, seal) = (Vec::new(), db.seal());
    let sql = "SELECT type, id, value FROM caseward_content WHERE field = 'document' ORDER BY type, id";
    db.rows(sql, &[], &mut |row| {
        let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
        let value = seal.open(Place::Content(&cell(0), &cell(1), "document"), cell(2))?;
        if let Some(hash) = serde_json::from_str(&value).ok().as_ref().and_then(hash_of) {
            found.push((EntityUid::new(cell(0), cell(1)), hash.to_owned()));
        }
        Ok(())
    })?;
    Ok(found)
}

/// The hash that content names a file by.
pub(crate) fn hash_of(document: &Json) -> Option<&str> {
    document.as_str()?.strip_prefix("sha256:")
}

impl State {
    /// The bytes of a file, one piece after the other; `None` where it is not there.
    pub(crate) fn open_file(&mut self, hash: &str) -> Result<Option<Box<dyn Read + Send>>, Error> {
        let seal = self.db.seal();
        let name = seal.name(hash);
        let whole = |bytes| -> Result<Box<dyn Read + Send>, Error> {
            Ok(Box::new(std::io::Cursor::new(seal.open_file(&name, bytes)?)))
        };
        if let Some(bytes) = self.db.file(&name)? {
            return bytes.map(whole).transpose();
        }
        let Some(mut file) = self.files.open(&name)? else { return Ok(None) };
        if !seal.is_on() {
            return Ok(Some(Box::new(file)));
        }
        // None of it is given before all of it is known to be what was kept.
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| Error::file("read", &self.files.path(&name), error))?;
        whole(bytes).map(Some)
    }

    /// The hash of the bytes that a file has.
    pub(crate) fn file_hash(&mut self, hash: &str) -> Result<Option<String>, Error> {
        let Some(mut file) = self.open_file(hash)? else { return Ok(None) };
        hashed(&mut file).map(Some).map_err(|error| Error::file("read", Path::new(hash), error))
    }

    /// The names of all files that are kept.
    pub(crate) fn file_names(&mut self) -> Result<Vec<String>, Error> {
        match self.db.file_names()? {
            Some(names) => Ok(names.iter().map(ToString::to_string).collect()),
            None => self.files.names(),
        }
    }
}
