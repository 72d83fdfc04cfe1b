//! The lock file of proofs: what was proved of exactly these policies, invariants and solver, and need not be again.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::input;
use crate::replace::Replacement;

/// Bytes of a lock file that are read.
const MAX_BYTES: usize = 8 << 20;
/// The form of the file.
const VERSION: u32 = 1;

const HEAD: &str = "\
# What `caseward prove` found proved, and on what: the SHA-256 of schema, policies, invariant and solver behind each.
# It is written anew; a line that no longer fits is proved again. `caseward prove --no-lock` proves everything again.
";

/// Claims that hold, each with the hash of all that this follows from.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    version: u32,
    #[serde(default)]
    solver: String,
    #[serde(default)]
    proved: BTreeMap<String, String>,
}

impl Lock {
    /// Reads a lock file; an empty one where there is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        if !path.exists() {
            return Ok(Lock::default());
        }
        let text = input::text(path, MAX_BYTES)?;
        let refuse = |why: String| Failure::other(format!("the lock file {}: {why}", input::name(path)));
        let lock: Lock = toml::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        if lock.version != VERSION {
            return Err(refuse(format!("it is of version {}; this command knows {VERSION}", lock.version)));
        }
        Ok(lock)
    }

    pub(crate) fn new(solver: String) -> Self {
        Lock { version: VERSION, solver, proved: BTreeMap::new() }
    }

    pub(crate) fn has(&self, claim: &str, key: &str) -> bool {
        self.proved.get(claim).is_some_and(|proved| proved == key)
    }

    pub(crate) fn add(&mut self, claim: &str, key: String) {
        self.proved.insert(claim.to_owned(), key);
    }

    /// Writes the file, where it says something else than `before`.
    pub(crate) fn write(&self, path: &Path, before: &Lock) -> Result<(), Failure> {
        if self == before {
            return Ok(());
        }
        let text = toml::to_string(self).map_err(|e| Failure::other(e.to_string()))?;
        let refuse = |e: std::io::Error| Failure::file("write", input::name(path), &e);
        let mut file = Replacement::begin(path).map_err(refuse)?;
        file.writer().write_all(format!("{HEAD}{text}").as_bytes()).map_err(refuse)?;
        file.commit().map_err(refuse)
    }
}
