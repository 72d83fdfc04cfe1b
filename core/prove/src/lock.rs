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
const VERSION: u32 = 2;

const HEAD: &str = "\
# What was found proved, and on what: the SHA-256 of schema, policies, claim and the solver's version behind each.
# `caseward prove` writes what is under [proved], `caseward coverage --prove` what is under [unreachable]. A line that
# no longer fits is proved again; `--locked` fails instead, `caseward prove --no-lock` proves everything again.
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
    /// Conditions that can never decide one way.
    #[serde(default)]
    unreachable: BTreeMap<String, String>,
}

/// A part of the lock file; each command writes its own and leaves the other as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Proved,
    Unreachable,
}

impl Lock {
    /// Reads a lock file; an empty one where there is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        if !input::is_there(path)? {
            return Ok(Lock::default());
        }
        let text = input::text(path, MAX_BYTES)?;
        let refuse = |why: String| Failure::other(format!("the lock file {}: {why}", input::name(path)));
        let table: toml::Table = toml::from_str(&text).map_err(|e| refuse(input::not_toml(&text, &e)))?;
        match table.get("version").and_then(toml::Value::as_integer) {
            Some(version) if version == i64::from(VERSION) => {}
            // What an earlier form says was proved is proved again.
            Some(version) if version < i64::from(VERSION) => return Ok(Lock::default()),
            Some(version) => {
                return Err(refuse(format!("it is of version {version}; this command knows {VERSION}")));
            }
            None => return Err(refuse("it does not say of which version it is".to_owned())),
        }
        toml::from_str(&text).map_err(|e| refuse(input::not_toml(&text, &e)))
    }

    /// A lock to be written with a new `part`, by a solver of this name and version; the other part stays, where it
    /// was proved by the same.
    pub(crate) fn anew(&self, part: Part, solver: &str) -> Self {
        let kept = |own: Part, of: &BTreeMap<String, String>| {
            if own == part || self.solver != solver { BTreeMap::new() } else { of.clone() }
        };
        Lock {
            version: VERSION,
            solver: solver.to_owned(),
            proved: kept(Part::Proved, &self.proved),
            unreachable: kept(Part::Unreachable, &self.unreachable),
        }
    }

    /// The name and version of the solver that proved, such as `cvc5 1.0.3`; empty where nothing was proved.
    pub(crate) fn solver(&self) -> &str {
        &self.solver
    }

    pub(crate) fn has(&self, part: Part, claim: &str, key: &str) -> bool {
        let of = match part {
            Part::Proved => &self.proved,
            Part::Unreachable => &self.unreachable,
        };
        of.get(claim).is_some_and(|proved| proved == key)
    }

    pub(crate) fn add(&mut self, part: Part, claim: &str, key: String) {
        let of = match part {
            Part::Proved => &mut self.proved,
            Part::Unreachable => &mut self.unreachable,
        };
        of.insert(claim.to_owned(), key);
    }

    /// Writes the file, where it says something else than `before`.
    pub(crate) fn write(&self, path: &Path, before: &Lock) -> Result<(), Failure> {
        if self == before {
            return Ok(());
        }
        let text = toml::to_string(self).map_err(|e| Failure::other(e.to_string()))?;
        let refuse = |e: std::io::Error| Failure::file("write", input::name(path), &e);
        let mut file = Replacement::in_place(path).map_err(refuse)?;
        file.writer().write_all(format!("{HEAD}{text}").as_bytes()).map_err(refuse)?;
        file.commit().map_err(refuse)
    }
}
