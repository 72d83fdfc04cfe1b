//! Files that are replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::failure::Failure;
use crate::input;

/// Names tried for the file beside the target.
const TRIES: u32 = 100;

/// New content for a file, written beside it and put in its place by [`Replacement::commit`].
///
/// Until then the old content stands; dropped without it, the new content is removed.
pub(crate) struct Replacement {
    out: BufWriter<File>,
    /// The file beside the target; `None` where the target is a device or a pipe, which is written as it is.
    beside: Option<PathBuf>,
    target: PathBuf,
    /// Whether the file may be one that this run has read.
    in_place: bool,
}

impl Replacement {
    /// Opens the file beside `path`, with the permissions of what is there.
    ///
    /// INVARIANT: what a run has read it does not write over, be it read before or after this: a file of data, of
    /// policies, a key.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        refuse_input(path)?;
        refuse_secret(path)?;
        Self::open(path, false)
    }

    /// As [`Replacement::begin`], for a file that is read to be written anew.
    pub(crate) fn in_place(path: &Path) -> io::Result<Self> {
        Self::open(path, true)
    }

    fn open(path: &Path, in_place: bool) -> io::Result<Self> {
        // A link keeps pointing where it points.
        let (target, old) = match fs::canonicalize(path) {
            Ok(target) => (target.clone(), Some(fs::metadata(&target)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
            Err(error) => return Err(error),
        };
        match &old {
            Some(about) if about.is_dir() => return Err(io::Error::other("it is a folder")),
            Some(about) if !about.is_file() => {
                let out = OpenOptions::new().write(true).open(&target)?;
                let out = BufWriter::with_capacity(1 << 16, out);
                return Ok(Replacement { out, beside: None, target, in_place });
            }
            _ => {}
        }
        let (beside, out) = create_beside(&target)?;
        let out = BufWriter::with_capacity(1 << 16, out);
        let replacement = Replacement { out, beside: Some(beside), target, in_place };
        if let Some(about) = old {
            replacement.out.get_ref().set_permissions(about.permissions())?;
        }
        Ok(replacement)
    }

    /// Where the new content goes.
    pub(crate) fn writer(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// Puts the new content in the old one's place.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        self.out.flush()?;
        if let Some(beside) = &self.beside {
            self.out.get_ref().sync_all()?;
            if !self.in_place {
                refuse_input(&self.target)?;
            }
            let mut unfinished = unfinished();
            fs::rename(beside, &self.target)?;
            unfinished.retain(|other| other != beside);
            // The name is on disk too. Not every system opens a folder.
            let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
            let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
            self.beside = None;
        }
        Ok(())
    }
}

/// Refuses to write where this run reads.
fn refuse_input(path: &Path) -> io::Result<()> {
    match input::was_read(path) {
        true => Err(io::Error::other("it is read in the same run: name another file to write")),
        false => Ok(()),
    }
}

/// Writes a file that is made anew, whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = Replacement::begin(path).and_then(|mut file| {
        file.writer().write_all(bytes)?;
        file.commit()
    });
    written.map_err(|error| Failure::file("write", input::name(path), &error))
}

/// Refuses to write over a secret key, a store or policies, which nobody makes again. Who formats policies reads them first,
/// and writes them in place.
fn refuse_secret(path: &Path) -> io::Result<()> {
    use std::io::Read as _;
    let refuse = |what: &str| {
        Err(io::Error::other(format!("it is {what}, and there may be no other: name another file to write")))
    };
    if let Some(place) = placed(path) {
        if place.components().any(|part| part.as_os_str() == ".git") {
            return refuse("a part of a repository");
        }
        if is_of_store(&place) {
            return refuse("a part of a store");
        }
    }
    if !fs::metadata(path).is_ok_and(|about| about.is_file()) {
        return Ok(());
    }
    let mut start = Vec::new();
    // A file that cannot be read is for the writing to refuse.
    let _ = File::open(path).and_then(|file| file.take(LONGEST_BLANK).read_to_end(&mut start));
    // Readers of keys pass over blanks.
    let key = start.trim_ascii_start();
    let what = if SECRETS.iter().any(|secret| key.starts_with(secret.as_bytes())) {
        "a secret key"
    } else if start.starts_with(DATABASE.as_bytes()) {
        "a database"
    } else if path.extension().is_some_and(|ending| ending == "cedar" || ending == "cedarschema") {
        "a text of policies"
    } else {
        return Ok(());
    };
    refuse(what)
}

/// Where a file really is, or will be.
fn placed(path: &Path) -> Option<PathBuf> {
    let there = path.canonicalize().ok();
    there.or_else(|| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(folder.canonicalize().ok()?.join(path.file_name()?))
    })
}

/// Whether a file is one of those that stand beside the database of a store.
fn is_of_store(path: &Path) -> bool {
    path.ancestors().filter_map(|part| Some((part, part.file_name()?.to_str()?))).any(|(part, name)| {
        let mut databases = BESIDE.iter().filter_map(|ending| name.strip_suffix(ending));
        databases.any(|database| starts_as_database(&part.with_file_name(database)))
    })
}

fn starts_as_database(path: &Path) -> bool {
    use std::io::Read as _;
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(DATABASE.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == DATABASE.as_bytes()
}

/// What the files beside a database are called, behind its name.
const BESIDE: [&str; 6] = ["-lock", "-wal", "-shm", "-journal", "-world", "-files"];
/// How secret keys begin: of bundles, and of logs.
const SECRETS: [&str; 2] = ["caseward-secret-key-", "PRIVATE+KEY+"];
/// How the file of a store begins.
const DATABASE: &str = "SQLite format 3\0";
/// Bytes of a file in which its beginning is looked for.
const LONGEST_BLANK: u64 = 4_096;

/// Files beside their targets that are not in their places yet. Who makes or moves one holds the lock.
fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From here on an interrupt or a request to end removes what is unfinished, and then ends the run.
#[cfg(unix)]
fn mind_interrupts() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    static MINDED: std::sync::Once = std::sync::Once::new();
    MINDED.call_once(|| {
        // Where it cannot be minded, an interrupt leaves a file behind, and that is all.
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]) else { return };
        std::thread::spawn(move || {
            let Some(signal) = signals.forever().next() else { return };
            // The lock is kept: nothing is begun any more.
            let unfinished = unfinished();
            unfinished.iter().for_each(|path| drop(fs::remove_file(path)));
            // The exit code that shells give a run that a signal ended.
            process::exit(128 + signal);
        });
    });
}

#[cfg(not(unix))]
fn mind_interrupts() {}

impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let mut unfinished = unfinished();
            let _ = fs::remove_file(beside);
            unfinished.retain(|other| other != beside);
        }
    }
}

fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    if target.file_name().is_none() {
        return Err(io::Error::other("it names no file"));
    }
    mind_interrupts();
    let mut unfinished = unfinished();
    for attempt in 0..TRIES {
        // Not of the target's own name, which may be as long as names can be.
        let beside = target.with_file_name(format!(".caseward-{}-{attempt}.tmp", process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Ok(file) => {
                unfinished.push(beside.clone());
                return Ok((beside, file));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no free name beside it"))
}
