//! The lock file of proofs, as a file.

use std::io::Write as _;
use std::path::Path;

use caseward_prove::{Lock, Part};

use crate::failure::Failure;
use crate::input;
use crate::replace::Replacement;
use crate::shown::in_a_line;

/// Bytes of a lock file that are read.
const MAX_BYTES: usize = 8 << 20;

/// Reads a lock file; an empty one where there is none.
pub(crate) fn read(path: &Path) -> Result<Lock, Failure> {
    if !input::is_there(path)? {
        return Ok(Lock::default());
    }
    let text = input::text(path, MAX_BYTES)?;
    let refuse = |why: caseward_prove::Error| {
        Failure::other(format!("the lock file {}: {}", input::name(path), in_a_line(&why.to_string())))
    };
    Lock::read(&text).map_err(refuse)
}

/// Writes the file, where it says something else than `before`.
pub(crate) fn write(path: &Path, after: &Lock, before: &Lock) -> Result<(), Failure> {
    if after == before {
        return Ok(());
    }
    let text = after.text()?;
    let refuse = |e: std::io::Error| Failure::file("write", input::name(path), &e);
    let mut file = Replacement::in_place(path).map_err(refuse)?;
    file.writer().write_all(text.as_bytes()).map_err(refuse)?;
    file.commit().map_err(refuse)
}

/// The lock file of a change, and of the version before it.
pub(crate) struct Since {
    pub(crate) base: Lock,
    /// As it came with the change: a run writes it anew.
    pub(crate) own: Lock,
}

/// What is believed of a lock file: all of it, or where a change comes with it what the version before has as well. A change
/// can write any line there.
pub(crate) fn believed(lock: &Lock, since: Option<&Since>, part: Part) -> Lock {
    since.map_or_else(|| lock.clone(), |since| lock.within(&since.base, part))
}

/// The claims that a change adds to the lock file, and that were not proved with it.
pub(crate) fn unfounded(since: Option<&Since>, proved: &Lock, part: Part) -> Vec<String> {
    let beyond = |since: &Since| since.own.beyond(part, &since.base, proved).map(str::to_owned).collect();
    since.map_or_else(Vec::new, beyond)
}
