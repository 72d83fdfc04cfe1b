//! Files to read, and `-` for standard input.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::failure::Failure;
use crate::shown::in_a_line;

/// Bytes of a text that people write in a folder of policies, or beside it.
pub(crate) const MAX_WRITTEN: usize = 1 << 20;

/// A stream that was opened for reading.
pub(crate) struct Input {
    pub(crate) stream: Box<dyn Read>,
    /// What it is called in messages.
    pub(crate) name: String,
    /// Bytes, where they are known.
    pub(crate) len: Option<u64>,
}

/// Whether the path stands for standard input or output.
pub(crate) fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What a path is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if is_dash(path) { "standard input".to_owned() } else { in_a_line(&format!("`{}`", path.display())) }
}

/// Whether something is there; a failure where that cannot be told, or a link leads nowhere.
pub(crate) fn is_there(path: &Path) -> Result<bool, Failure> {
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    match fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_missing(&error) => match fs::read_link(path) {
            Ok(target) => {
                let target = name(&target);
                Err(Failure::other(format!(
                    "cannot read {}: it is a link to {target}, which is not there",
                    name(path)
                )))
            }
            Err(_) => Ok(false),
        },
        Err(error) => Err(Failure::file("read", name(path), &error)),
    }
}

/// The files that this run has read, by where they really are.
fn all_read() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    static READ: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    READ.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes note that a file is read otherwise than by [`open`].
pub(crate) fn remember(path: &Path) {
    if let Ok(path) = path.canonicalize() {
        all_read().insert(path);
    }
}

/// Whether this run has read the file, by whatever path.
pub(crate) fn was_read(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| all_read().contains(&path))
}

/// Opens a file, or standard input for `-`.
pub(crate) fn open(path: &Path) -> Result<Input, Failure> {
    let name = name(path);
    if is_dash(path) {
        return Ok(Input { stream: Box::new(io::stdin().lock()), name, len: None });
    }
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (about, file) = opened.map_err(|e| Failure::in_file(path, format!("cannot read {name}: {e}")))?;
    if about.is_dir() {
        return Err(Failure::in_file(path, format!("cannot read {name}: it is a folder")));
    }
    remember(path);
    let len = about.is_file().then_some(about.len());
    Ok(Input { stream: Box::new(file), name, len })
}

impl Input {
    /// The first bytes, up to so many, which the stream gives again.
    pub(crate) fn start(&mut self, len: usize) -> Result<Vec<u8>, Failure> {
        let mut start = Vec::new();
        let read = self.stream.by_ref().take(len as u64).read_to_end(&mut start);
        read.map_err(|e| Failure::file("read", &self.name, &e))?;
        let rest = std::mem::replace(&mut self.stream, Box::new(io::empty()));
        self.stream = Box::new(io::Cursor::new(start.clone()).chain(rest));
        Ok(start)
    }
}

/// What is wrong with a text as TOML, in a line.
pub(crate) fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let place = caseward::Span::of(text, error.span().unwrap_or(0..0));
    format!("line {}, column {}: {}", place.line, place.column, in_a_line(error.message()))
}

/// Reads a text of at most `limit` bytes, in UTF-8 without a byte order mark.
pub(crate) fn text(path: &Path, limit: usize) -> Result<String, Failure> {
    let Input { stream, name, .. } = open(path)?;
    let refuse = |why: String| match is_dash(path) {
        true => Failure::other(format!("cannot read {name}: {why}")),
        false => Failure::in_file(path, format!("cannot read {name}: {why}")),
    };
    let mut bytes = Vec::new();
    // One byte more than the limit is enough to know.
    stream.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|e| refuse(e.to_string()))?;
    if bytes.len() > limit {
        return Err(refuse(format!("it has more than {limit} bytes")));
    }
    caseward::files::text(bytes).map_err(refuse)
}
