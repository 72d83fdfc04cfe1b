//! Backups: a copy of a store that others may go on writing to, checked before it has its name, and the way back.
//!
//! INVARIANT: what has the name of a backup, or of a restored store, is whole and was checked; nothing that was there is
//! written over.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::db::Db;
use crate::encrypt;
use crate::error::Error;
use crate::files::{Files, beside, documents, hashed, sync_folder, write_whole};
use crate::ids::{hex, sha256};
use crate::migrate::format;
use crate::options::Options;
use crate::place::{LABEL, address, is_a_name, is_whole, make, real, shown};
use crate::seal::{self, Seal, StoreKey};
use crate::sqlite::Sqlite;
use crate::state::counts;
use crate::store::Store;
use crate::time;
use crate::underway::Underway;

/// The database in the folder of a backup; its files lie beside it, as they do in a store.
const DATABASE: &str = "cases.db";
/// The newest form of a backup.
const FORM: u32 = 1;
/// The mark in a folder that is being filled.
const BEGUN: &str = "backup-begun";
/// How often the database is copied anew, where records were disposed of while their files were copied.
const TRIES: usize = 5;
/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// A backup: what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Backup {
    /// The form of the backup.
    form: u32,
    /// When it was made, in RFC 3339.
    pub made: String,
    /// The version of the data.
    pub version: u64,
    /// The entries of the audit log.
    pub entries: u64,
    /// The root of the log's tree, in hexadecimal digits.
    pub root: String,
    /// The SHA-256 of the database.
    pub database: String,
    /// The name of each file: the SHA-256 of its bytes, unless it is encrypted.
    pub files: Vec<String>,
    /// The SHA-256 of the bytes of each file, where they are encrypted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stored: Vec<String>,
}

impl Store {
    /// Writes a backup into a folder that is not there yet, while others may go on writing to the store: the database as it
    /// was at one instant, and its files. What `doctor` calls a fault is looked for in the copy, and with one there is no
    /// backup. No key is in it: a store has none.
    ///
    /// # Errors
    /// [`Error::Request`] for a folder that is there, for a store with faults, and for one in PostgreSQL; what the database and
    /// the system report. Then there is nothing under that name.
    pub fn backup(place: impl AsRef<Path>, folder: impl AsRef<Path>) -> Result<Backup, Error> {
        Self::backup_with(place, folder, None)
    }

    /// As [`Store::backup`], of a store that may be encrypted. So is the backup then, under the same key: what cannot be read
    /// cannot be checked either.
    ///
    /// # Errors
    /// As [`Store::backup`]; [`Error::Sealed`] for another key than the store's.
    pub fn backup_with(
        place: impl AsRef<Path>,
        folder: impl AsRef<Path>,
        key: Option<&StoreKey>,
    ) -> Result<Backup, Error> {
        let (place, folder) = (place.as_ref(), folder.as_ref());
        if address(place).is_some() {
            return Err(Error::request(format!(
                "`{}` is a store in PostgreSQL: its own `pg_dump` backs it up, and the files with it, which are a table of it",
                shown(place).display()
            )));
        }
        if !place.exists() {
            return Err(Error::Missing(place.to_owned()));
        }
        is_a_name(folder)?;
        refuse_if_there(folder)?;
        let place = &real(place)?;
        let underway = Underway::begin(&beside(folder, ".partial"), BEGUN)?;
        let filled =
            fill(place, &underway.path(""), key).and_then(|backup| refuse_if_there(folder).map(|()| backup));
        match filled {
            Ok(backup) => {
                underway.becomes(folder)?;
                sync_folder(folder).map(|()| backup)
            }
            Err(error) => {
                underway.clear();
                Err(error)
            }
        }
    }

    /// Makes a store of a backup, where there is none: every byte is held against what the backup says of itself.
    ///
    /// # Errors
    /// [`Error::Exists`], also where something stands beside the place that a store would take for its own; [`Error::Request`]
    /// for what is no backup, or is not as it was written, and for an address of
    /// PostgreSQL; what the system reports. Then there is no store at the place.
    pub fn restore(folder: impl AsRef<Path>, place: impl AsRef<Path>) -> Result<Backup, Error> {
        Self::restore_under(folder, place, None)
    }

    /// As [`Store::restore`]; with a key, of a backup that is not encrypted a store that is, under that key. Its log, the tree
    /// over it and its proofs stay what they are.
    ///
    /// # Errors
    /// As [`Store::restore`]; with a key, [`Error::Sealed`] for a backup that is encrypted already.
    pub fn restore_under(
        folder: impl AsRef<Path>,
        place: impl AsRef<Path>,
        key: Option<&StoreKey>,
    ) -> Result<Backup, Error> {
        let (folder, place) = (folder.as_ref(), place.as_ref());
        if address(place).is_some() {
            return Err(Error::request(format!(
                "a backup is restored into a file of SQLite, and `{}` is PostgreSQL",
                shown(place).display()
            )));
        }
        let backup = label(folder)?;
        make(place, |database, files| {
            let seal = match key {
                None => copy_back(folder, &backup, database).map(|()| Seal::default())?,
                Some(key) => encrypted_back(folder, &backup, database, key)?,
            };
            files_back(folder, &backup, (&Files::in_folder(files), &seal))
        })?;
        Ok(backup)
    }
}

fn refuse_if_there(folder: &Path) -> Result<(), Error> {
    match folder.symlink_metadata() {
        Ok(_) => Err(Error::request(format!(
            "`{}` is there already: a backup is written where there is nothing",
            folder.display()
        ))),
        Err(_) => Ok(()),
    }
}

/// Writes all of a backup into a folder, and checks it.
fn fill(place: &Path, folder: &Path, key: Option<&StoreKey>) -> Result<Backup, Error> {
    let database = folder.join(DATABASE);
    let from = Files::beside(place);
    for left in (0..TRIES).rev() {
        let mut store = Sqlite::open_beside(place)?;
        let found = format::found(&mut store)?;
        if found > format::FORMAT {
            return Err(Error::Newer { path: place.to_owned(), found, known: format::FORMAT });
        }
        if found < format::FORMAT {
            return Err(Error::request(format!(
                "`{}` is of version {found} of the store, and this caseward backs up version {}: back it up with the caseward that \
                 wrote it, or open it once (`caseward store tick`), which makes one of the other",
                place.display(),
                format::FORMAT
            )));
        }
        seal::attach(&mut store, key, place)?;
        store.copy_into(&database).map_err(|why| cannot_copy(place, folder, &why))?;
        sync(&database)?;
        let mut copied = Sqlite::open_to_read(&database)?;
        copied.set_seal(store.seal());
        let names = speaks_of(&mut copied)?;
        drop(copied);
        let copied = copy_files(&from, &names, (&Files::beside(&database), &store.seal()))?;
        let missing = match copied {
            Ok(stored) => return check(&database, (names, stored), key),
            Err(missing) => missing,
        };
        // It is gone from the store too where its records were disposed of meanwhile: then the copy is of before.
        let is_damage = speaks_of(&mut store)?.contains(&missing);
        if is_damage || left == 0 {
            return Err(Error::request(format!(
                "the file `{missing}` that the store speaks of is not there: see `caseward store doctor`"
            )));
        }
        fs::remove_file(&database).map_err(|error| Error::file("remove", &database, error))?;
    }
    Err(Error::Stopped)
}

fn cannot_copy(place: &Path, folder: &Path, why: &str) -> Error {
    Error::request(format!("cannot copy `{}` into `{}`: {why}", place.display(), folder.display()))
}

/// The names of the files that a database speaks of: the hashes of their bytes, unless they are encrypted.
fn speaks_of(db: &mut dyn Db) -> Result<Vec<String>, Error> {
    let (seal, documents) = (db.seal(), documents(db)?);
    let names: BTreeSet<String> = documents.iter().map(|(_, hash)| seal.name(hash)).collect();
    Ok(names.into_iter().collect())
}

/// Copies files by their names; gives the hashes of the bytes of those that are encrypted, or the first file that is not there.
fn copy_files(
    from: &Files,
    names: &[String],
    (to, seal): (&Files, &Seal),
) -> Result<Result<Vec<String>, String>, Error> {
    let mut stored = Vec::new();
    for name in names {
        let Some(mut file) = from.open(name)? else { return Ok(Err(name.clone())) };
        let path = to.place(name)?;
        let hash = copy(&mut file, &path)?;
        // What is encrypted is held against its hash where the copy is looked at.
        if seal.is_on() {
            stored.push(hash);
        } else if hash != *name {
            return Err(Error::request(format!(
                "the file `{name}` has other bytes than were kept: see `caseward store doctor`"
            )));
        }
    }
    Ok(Ok(stored))
}

/// Copies bytes onto the disk; gives the SHA-256 of what was read.
fn copy(from: &mut File, to: &Path) -> Result<String, Error> {
    let mut run = || -> io::Result<String> {
        let (mut file, mut hasher, mut piece) = (File::create(to)?, Sha256::new(), vec![0; PIECE]);
        loop {
            let count = from.read(&mut piece)?;
            match piece.get(..count) {
                Some(bytes) if count > 0 => {
                    hasher.update(bytes);
                    file.write_all(bytes)?;
                }
                _ => break,
            }
        }
        file.sync_all()?;
        Ok(hex(&hasher.finalize()))
    };
    run().map_err(|error| Error::file("write", to, error))
}

fn sync(path: &Path) -> Result<(), Error> {
    let synced = File::options().write(true).open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::file("write", path, error))
}

/// Looks at everything in a copy, and labels it.
fn check(
    database: &Path,
    (files, stored): (Vec<String>, Vec<String>),
    key: Option<&StoreKey>,
) -> Result<Backup, Error> {
    // At the clock of its last write: what was due and not yet applied is no fault.
    let options = Options::new().trusting(Some(0)).read_only().with_key(key.cloned());
    let copy = Store::open(database, &options)?;
    let found = copy.doctor()?;
    let faults: Vec<_> = found.findings.iter().filter(|finding| finding.is_fault).collect();
    if let Some(first) = faults.first() {
        let about = first.about.as_deref().map_or(String::new(), |about| format!("{about}: "));
        return Err(Error::request(format!(
            "a backup of the store would not be sound: faults found: {}, the first: {about}{}; see `caseward store doctor`",
            faults.len(),
            first.what
        )));
    }
    let verified = copy.verify(Vec::new())?;
    let version = copy.version()?;
    drop(copy);
    let mut file = File::open(database).map_err(|error| Error::file("read", database, error))?;
    let backup = Backup {
        form: FORM,
        made: time::rfc3339(time::machine()),
        version,
        entries: verified.entries,
        root: verified.root,
        database: hashed(&mut file).map_err(|error| Error::file("read", database, error))?,
        files,
        stored,
    };
    let label = serde_json::to_vec_pretty(&backup).map_err(|error| Error::request(error.to_string()))?;
    write_whole(&database.with_file_name(LABEL), &label)?;
    Ok(backup)
}

/// What a backup says of itself.
fn label(folder: &Path) -> Result<Backup, Error> {
    let path = folder.join(LABEL);
    let no = |why: String| Error::request(format!("`{}` is no backup of a store: {why}", folder.display()));
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(no(format!("it has no `{LABEL}`")));
        }
        read => read.map_err(|error| Error::file("read", &path, error))?,
    };
    let json: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|error| no(format!("its `{LABEL}` cannot be read: {error}")))?;
    let form = json.get("form").and_then(serde_json::Value::as_u64);
    if let Some(form) = form.filter(|form| *form != u64::from(FORM)) {
        let why =
            format!("it is of form {form}, and this caseward knows {FORM}: use the caseward that made it");
        return Err(no(why));
    }
    serde_json::from_value(json).map_err(|error| no(format!("its `{LABEL}` cannot be read: {error}")))
}

fn altered(path: &Path) -> Error {
    Error::request(format!("`{}` is not as it was when the backup was made", path.display()))
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|error| Error::file("read", path, error))
}

/// The hashes of the bytes of a backup's files.
fn hashes(backup: &Backup) -> &[String] {
    if backup.stored.is_empty() { &backup.files } else { &backup.stored }
}

/// Copies a backup's database, held against its hash and against what the backup says.
fn copy_back(folder: &Path, backup: &Backup, database: &Path) -> Result<(), Error> {
    let from = folder.join(DATABASE);
    if copy(&mut open(&from)?, database)? != backup.database {
        return Err(altered(&from));
    }
    is_as_said(folder, backup, database)
}

/// As [`copy_back`], encrypted: nothing of it is written as it is.
fn encrypted_back(folder: &Path, backup: &Backup, database: &Path, key: &StoreKey) -> Result<Seal, Error> {
    let from = folder.join(DATABASE);
    let hash = hashed(&mut open(&from)?).map_err(|error| Error::file("read", &from, error))?;
    if hash != backup.database {
        return Err(altered(&from));
    }
    is_as_said(folder, backup, &from)?;
    let seal = encrypt::copy(&from, database, key)?;
    is_whole(database).map(|()| seal)
}

/// Holds what a backup says of its database against what that says itself.
fn is_as_said(folder: &Path, backup: &Backup, database: &Path) -> Result<(), Error> {
    let mut copied = Sqlite::open_to_read(database)?;
    let (numbers, tree) = counts(&mut copied)?;
    let is_so = (numbers.version, numbers.event) == (backup.version, backup.entries)
        && hex(&tree.root()) == backup.root
        // Which files an encrypted one speaks of, it says to the key alone.
        && hashes(backup).len() == backup.files.len()
        && (seal::is_sealed(&mut copied)? || speaks_of(&mut copied)? == backup.files);
    if is_so { Ok(()) } else { Err(altered(&folder.join(LABEL))) }
}

/// Copies a backup's files, each held against its hash; where the store is to be encrypted and the backup is not, encrypted.
fn files_back(folder: &Path, backup: &Backup, (to, seal): (&Files, &Seal)) -> Result<(), Error> {
    let kept = Files::beside(&folder.join(DATABASE));
    for (name, hash) in backup.files.iter().zip(hashes(backup)) {
        let from = kept.path(name);
        if !seal.is_on() {
            if copy(&mut open(&from)?, &to.place(name)?)? != *hash {
                return Err(altered(&from));
            }
            continue;
        }
        let bytes = fs::read(&from).map_err(|error| Error::file("read", &from, error))?;
        if sha256(&bytes) != *hash {
            return Err(altered(&from));
        }
        let name = seal.name(name);
        to.keep(&name, &seal.close_file(&name, &bytes)?)?;
    }
    Ok(())
}
