//! Files and folders, as everything here reads them: counted, whole, and with nothing passed over in silence.
//!
//! INVARIANT: what cannot be read is an error that names it, never an empty folder. A folder that is missing where
//! policies stand would take its denials with it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::model::Error;

/// Folders inside folders.
const MAX_DEPTH: usize = 16;
/// Names in one walk, folders included.
const MAX_NAMES: usize = 100_000;

/// What stands in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its name starts with a dot, and it is no folder. What else it is was not looked at.
    Hidden,
    /// Its name starts with a dot, and it is a folder, or a link that leads to one.
    HiddenFolder,
    /// A folder, or a link that leads to one.
    Folder,
    /// A file, or a link that leads to one.
    File,
}

/// What a walk does with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The file is listed, the folder is walked.
    Take,
    /// It is left out.
    Leave,
}

/// A file that a walk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder that was walked, with forward slashes on every system.
    pub name: String,
}

/// Lists the files below `folder`, in the order of their names; `step` says of each name what to do with it, or why
/// it must not be there.
///
/// Links are followed. What starts with a dot is neither unless `step` takes it, so that a folder which Kubernetes
/// mounts (`S1.cedar` → `..data/S1.cedar`, `..data` → `..2026_01_01`) is read once.
///
/// # Errors
/// [`Error::is_read`], naming the file or folder: where it cannot be read, is a link that leads nowhere or back to a
/// folder that it stands in, is neither file nor folder, has no name in UTF-8, or where `step` refuses it.
pub fn walk(
    folder: &Path,
    step: &mut dyn FnMut(&str, Kind) -> Result<Step, String>,
) -> Result<Vec<Found>, Error> {
    let mut walk = Walk { step, inside: Vec::new(), names: 0, found: Vec::new() };
    walk.enter(folder, "")?;
    Ok(walk.found)
}

struct Walk<'a> {
    step: &'a mut dyn FnMut(&str, Kind) -> Result<Step, String>,
    /// The folders from the first to this one, by their true paths.
    inside: Vec<PathBuf>,
    names: usize,
    found: Vec<Found>,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &Path, below: &str) -> Result<(), Error> {
        let refuse = |why: &dyn std::fmt::Display| refused(folder, why);
        let place = fs::canonicalize(folder).map_err(|e| refuse(&why_not(folder, &e)))?;
        if self.inside.contains(&place) {
            return Err(refuse(&"it is a link back to a folder that it stands in"));
        }
        if self.inside.len() > MAX_DEPTH {
            return Err(refuse(&format!("it is more than {MAX_DEPTH} folders deep")));
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|e| refuse(&e))? {
            paths.push(entry.map_err(|e| refuse(&e))?.path());
            self.names += 1;
            if self.names > MAX_NAMES {
                return Err(refuse(&format!("there are more than {MAX_NAMES} files")));
            }
        }
        paths.sort();
        self.inside.push(place);
        for path in paths {
            self.visit(path, below)?;
        }
        self.inside.pop();
        Ok(())
    }

    fn visit(&mut self, path: PathBuf, below: &str) -> Result<(), Error> {
        let name = path.file_name().unwrap_or_default();
        let Some(name) = name.to_str() else { return Err(refused(&path, "its name is not UTF-8")) };
        let kind = match name.starts_with('.') {
            false => kind(&path)?,
            // Editors mark open files by links that lead nowhere.
            true if fs::metadata(&path).is_ok_and(|about| about.is_dir()) => Kind::HiddenFolder,
            true => Kind::Hidden,
        };
        let name = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        match (self.step)(&name, kind).map_err(|why| refused(&path, why))? {
            Step::Leave => {}
            Step::Take if matches!(kind, Kind::Folder | Kind::HiddenFolder) => self.enter(&path, &name)?,
            Step::Take => self.found.push(Found { path, name }),
        }
        Ok(())
    }
}

fn kind(path: &Path) -> Result<Kind, Error> {
    let about = fs::metadata(path).map_err(|e| refused(path, why_not(path, &e)))?;
    match (about.is_dir(), about.is_file()) {
        (true, _) => Ok(Kind::Folder),
        (_, true) => Ok(Kind::File),
        _ => Err(refused(path, "it is neither a file nor a folder")),
    }
}

/// Reads a regular file of at most `limit` bytes. What is read counts, not what the file says of its length.
///
/// # Errors
/// [`Error::is_read`], naming the file.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    let refuse = |why: &io::Error| refused(path, why_not(path, why));
    // Before it is opened: a pipe without a writer would be waited for.
    regular(path, &fs::metadata(path).map_err(|e| refuse(&e))?)?;
    let file = File::open(path).map_err(|e| refuse(&e))?;
    regular(path, &file.metadata().map_err(|e| refuse(&e))?)?;
    let mut bytes = Vec::new();
    // One byte more than the limit is enough to know.
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|e| refuse(&e))?;
    if bytes.len() > limit {
        return Err(refused(path, format_args!("it has more than the {limit} bytes that are taken")));
    }
    Ok(bytes)
}

/// Reads a regular file of at most `limit` bytes as text.
///
/// # Errors
/// [`Error::is_read`], naming the file.
pub fn read_text(path: &Path, limit: usize) -> Result<String, Error> {
    text(read(path, limit)?).map_err(|why| refused(path, why))
}

/// The bytes as text.
///
/// # Errors
/// Why they are none: not UTF-8, or with a byte order mark, which Cedar, TOML and JSON would each read otherwise.
pub fn text(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err("it starts with a byte order mark (BOM); save it as UTF-8 without one".to_owned());
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("it is UTF-16, by its byte order mark (BOM); save it as UTF-8 without one".to_owned());
    }
    String::from_utf8(bytes).map_err(|e| format!("it is not UTF-8: {}", e.utf8_error()))
}

fn regular(path: &Path, about: &fs::Metadata) -> Result<(), Error> {
    match (about.is_dir(), about.is_file()) {
        (true, _) => Err(refused(path, "it is a folder")),
        (_, true) => Ok(()),
        _ => Err(refused(path, "it is no regular file")),
    }
}

/// What the system says, and of a link that leads nowhere, where to.
fn why_not(path: &Path, why: &io::Error) -> String {
    match fs::read_link(path) {
        Ok(target) if why.kind() == io::ErrorKind::NotFound => {
            format!("it is a link to `{}`, which is not there", target.display())
        }
        _ => why.to_string(),
    }
}

fn refused(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::read_file(path, why)
}
