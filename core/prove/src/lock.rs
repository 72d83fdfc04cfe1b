//! The lock file of proofs: what was proved of exactly these policies, invariants and solver, and need not be again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The form of the file.
const VERSION: u32 = 2;

const HEAD: &str = "\
# What was found proved, and on what: the SHA-256 of schema, policies, claim and the solver's version behind each.
# `caseward prove` writes what is under [proved], `caseward coverage --prove` what is under [unreachable]. A line that
# no longer fits is proved again; `--locked` fails instead, `caseward prove --no-lock` proves everything again.
";

/// Claims that hold, each with the hash of all that this follows from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
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
pub enum Part {
    /// Claims.
    Proved,
    /// Conditions that can never decide one way.
    Unreachable,
}

impl Lock {
    /// Reads the text of a lock file. What an earlier form says was proved counts for nothing.
    ///
    /// # Errors
    /// [`Error::Other`], with the place of what is wrong.
    pub fn read(text: &str) -> Result<Self, Error> {
        let refuse = |error: &toml::de::Error| {
            let place = caseward::Span::of(text, error.span().unwrap_or(0..0));
            let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            Error::Other(format!("line {}, column {}: {message}", place.line, place.column))
        };
        let table: toml::Table = toml::from_str(text).map_err(|e| refuse(&e))?;
        match table.get("version").and_then(toml::Value::as_integer) {
            Some(version) if version == i64::from(VERSION) => {}
            Some(version) if version < i64::from(VERSION) => return Ok(Lock::default()),
            Some(version) => {
                let why = format!("it is of version {version}; this command knows {VERSION}");
                return Err(Error::Other(why));
            }
            None => return Err(Error::Other("it does not say of which version it is".to_owned())),
        }
        toml::from_str(text).map_err(|e| refuse(&e))
    }

    /// A lock to be written with a new `part`, by a solver of this name and version; the other part stays, where it
    /// was proved by the same.
    pub fn anew(&self, part: Part, solver: &str) -> Self {
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
    pub fn solver(&self) -> &str {
        &self.solver
    }

    /// Whether a claim was proved, with all that follows from being what `key` is the hash of.
    pub fn has(&self, part: Part, claim: &str, key: &str) -> bool {
        self.part(part).get(claim).is_some_and(|proved| proved == key)
    }

    /// Adds a claim that is proved.
    pub fn add(&mut self, part: Part, claim: &str, key: String) {
        self.part_mut(part).insert(claim.to_owned(), key);
    }

    /// The lock without the lines of a part that `base` does not have.
    pub fn within(&self, base: &Lock, part: Part) -> Self {
        let mut known = self.clone();
        known.part_mut(part).retain(|claim, key| base.has(part, claim, key));
        known
    }

    /// The claims of a part that neither `base` nor `proved` has as they stand here.
    pub fn beyond<'a>(
        &'a self,
        part: Part,
        base: &'a Lock,
        proved: &'a Lock,
    ) -> impl Iterator<Item = &'a str> {
        let lines = self.part(part).iter();
        let is_known =
            move |claim: &str, key: &str| [base, proved].iter().any(|lock| lock.has(part, claim, key));
        lines.filter(move |(claim, key)| !is_known(claim, key)).map(|(claim, _)| claim.as_str())
    }

    fn part(&self, part: Part) -> &BTreeMap<String, String> {
        match part {
            Part::Proved => &self.proved,
            Part::Unreachable => &self.unreachable,
        }
    }

    fn part_mut(&mut self, part: Part) -> &mut BTreeMap<String, String> {
        match part {
            Part::Proved => &mut self.proved,
            Part::Unreachable => &mut self.unreachable,
        }
    }

    /// The text of the file.
    ///
    /// # Errors
    /// [`Error::Other`], never for names and hashes.
    pub fn text(&self) -> Result<String, Error> {
        let text = toml::to_string(self).map_err(|e| Error::Other(e.to_string()))?;
        Ok(format!("{HEAD}{text}"))
    }
}
