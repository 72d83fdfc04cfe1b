//! Files that are replaced whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;

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
}

impl Replacement {
    /// Opens the file beside `path`, with the permissions of what is there.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
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
                return Ok(Replacement { out: BufWriter::with_capacity(1 << 16, out), beside: None, target });
            }
            _ => {}
        }
        let (beside, out) = create_beside(&target)?;
        let replacement =
            Replacement { out: BufWriter::with_capacity(1 << 16, out), beside: Some(beside), target };
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
            fs::rename(beside, &self.target)?;
            self.beside = None;
        }
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let _ = fs::remove_file(beside);
        }
    }
}

fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let Some(name) = target.file_name() else { return Err(io::Error::other("it names no file")) };
    for attempt in 0..TRIES {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{attempt}.tmp", process::id()));
        let beside = target.with_file_name(hidden);
        match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Ok(file) => return Ok((beside, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no free name beside it"))
}
