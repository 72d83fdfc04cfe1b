//! What stands where in a folder of policies: the one list that decides which files are policies.
//!
//! INVARIANT: what is in no line of this list is refused. A file that looks like a policy and is passed over would
//! be a policy that nobody misses until it is needed.

use crate::policy::files::Step;

/// What a file of a policy folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilePart {
    /// A policy: a `.cedar` file in the folder or a folder below, as `school/S1.cedar`.
    Policy,
    /// What must never be allowed: a `.cedar` file below `invariants`.
    Invariant,
    /// What must always be allowed: a `.cedar` file below `guarantees`.
    Guarantee,
    /// `schema.cedarschema`.
    Schema,
    /// `fields.toml`, the catalogue of fields.
    Catalogue,
}

/// Folders directly in a folder of policies that hold something else than policies.
const INVARIANTS: &str = "invariants";
const GUARANTEES: &str = "guarantees";
const TESTS: &str = "tests";
/// What a build leaves, copies of the policies among it.
const TARGET: &str = "target";
const RESERVED: [&str; 4] = [INVARIANTS, GUARANTEES, TESTS, TARGET];
/// The code of a crate that carries the policies: files of any kind, and no policies.
const CODE: &str = "src";

const SCHEMA_FILE: &str = "schema.cedarschema";
const CATALOGUE_FILE: &str = "fields.toml";

/// Endings of files that may stand beside policies directly in their folder.
const BESIDE: [&str; 13] =
    ["cedarschema", "csv", "html", "json", "jsonl", "lock", "md", "out", "rs", "svg", "toml", "yaml", "yml"];
/// Names without an ending that may stand there.
const NAMED: [&str; 7] = ["AUTHORS", "CODEOWNERS", "LICENSE", "LICENCE", "Makefile", "NOTICE", "justfile"];

impl FilePart {
    /// What the file of this name is, which is its path below a folder of policies with forward slashes; `None` for
    /// what may stand there and is no part of the policies.
    ///
    /// | place | what may stand there |
    /// |---|---|
    /// | anywhere | policies (`.cedar`), `.md`, and what starts with a dot, which is never read |
    /// | in the folder itself | `schema.cedarschema`, `fields.toml`, and files of their own purpose: `.toml`, `.json`, `.lock`, `.out`, `.rs`, `.yaml`, `.html`, `.csv`, `.svg`, other `.cedarschema`, `LICENSE`, `Makefile`, `CODEOWNERS` |
    /// | `invariants/`, `guarantees/` | what must never, and what must always be allowed (`.cedar`), and `.md` |
    /// | `tests/` | cases |
    /// | `src/` | anything but policies |
    /// | `target/` | anything |
    ///
    /// # Errors
    /// Why it cannot stand there, and what to do.
    ///
    /// # Example
    /// ```
    /// use caseward::FilePart;
    ///
    /// assert_eq!(FilePart::of("school/S1.cedar"), Ok(Some(FilePart::Policy)));
    /// assert_eq!(FilePart::of("invariants/I4.cedar"), Ok(Some(FilePart::Invariant)));
    /// assert_eq!(FilePart::of("README.md"), Ok(None));
    /// assert!(FilePart::of("school/S1.cedar.txt").is_err());
    /// ```
    pub fn of(name: &str) -> Result<Option<Self>, String> {
        let folders: Vec<&str> = name.split('/').collect();
        let (file, folders) = folders.split_last().unwrap_or((&name, &[]));
        for at in 0..folders.len() {
            let below = folders.get(..=at).unwrap_or_default().join("/");
            if folders.get(at).is_some_and(|folder| folder.starts_with('.')) {
                return Ok(None);
            }
            if enters(&below)? == Step::Leave {
                return Ok(None);
            }
        }
        if file.starts_with('.') {
            return hidden(name).map(|()| None);
        }
        let ending = file.rsplit_once('.').map(|(_, ending)| ending);
        match folders.first().copied() {
            Some(CODE) => match ending {
                Some("cedar") => {
                    Err(format!("policies do not stand below `{CODE}`: move it to a folder of its topic"))
                }
                _ => Ok(None),
            },
            Some(INVARIANTS) => named(file, ending, FilePart::Invariant),
            Some(GUARANTEES) => named(file, ending, FilePart::Guarantee),
            Some(_) => named(file, ending, FilePart::Policy),
            None => beside(file, ending),
        }
    }
}

/// Whether a folder of this name is looked into.
pub(super) fn enters(name: &str) -> Result<Step, String> {
    if name == CODE || name.split_once('/').is_some_and(|(first, _)| first == CODE) {
        return Ok(Step::Take);
    }
    if let Some(file) = [SCHEMA_FILE, CATALOGUE_FILE].into_iter().find(|file| name.eq_ignore_ascii_case(file))
    {
        return Err(format!("`{file}` is the name of a file, and this is a folder"));
    }
    if looks_like_a_policy(name) {
        return Err("what ends in `.cedar` is the name of a file, and this is a folder".to_owned());
    }
    let (last, is_top) = name.rsplit_once('/').map_or((name, true), |(_, last)| (last, false));
    let reserved = RESERVED.into_iter().find(|reserved| last.eq_ignore_ascii_case(reserved));
    match reserved {
        Some(TARGET) if last != TARGET || !is_top => Ok(Step::Take),
        Some(reserved) if last != reserved => {
            Err(format!("call it `{reserved}`, or something else if it holds policies"))
        }
        Some(reserved) if !is_top => Err(format!(
            "`{reserved}` stands directly in the folder of policies; call this one something else if it holds policies"
        )),
        Some(TESTS | TARGET) => Ok(Step::Leave),
        _ => Ok(Step::Take),
    }
}

/// Hidden files are for other programs; only what would be a policy but for its dot is refused.
pub(super) fn hidden(name: &str) -> Result<(), String> {
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    // What editors and systems leave beside a file that is open: `.#S1.cedar`, `._S1.cedar`.
    let left_behind = [".#", "._", ".~"].iter().any(|start| file.starts_with(start));
    if file.ends_with(".cedar") && !left_behind {
        return Err("a file whose name starts with a dot is no policy: rename it, or take it away".to_owned());
    }
    Ok(())
}

/// A file where `.cedar` files stand.
fn named(file: &str, ending: Option<&str>, as_part: FilePart) -> Result<Option<FilePart>, String> {
    match ending {
        Some("cedar") => Ok(Some(as_part)),
        Some("md") if !looks_like_a_policy(file) => Ok(None),
        _ => Err(not_understood(file)),
    }
}

/// A file directly in the folder.
fn beside(file: &str, ending: Option<&str>) -> Result<Option<FilePart>, String> {
    for (reserved, part) in [(SCHEMA_FILE, FilePart::Schema), (CATALOGUE_FILE, FilePart::Catalogue)] {
        if file == reserved {
            return Ok(Some(part));
        }
        if file.eq_ignore_ascii_case(reserved) {
            return Err(format!("call it `{reserved}`"));
        }
    }
    if RESERVED.iter().any(|reserved| file.eq_ignore_ascii_case(reserved)) {
        return Err(format!("`{file}` is the name of a folder, and this is a file"));
    }
    match ending {
        Some("cedar") => Ok(Some(FilePart::Policy)),
        _ if looks_like_a_policy(file) => Err(not_understood(file)),
        Some(ending) if BESIDE.contains(&ending) => Ok(None),
        _ if NAMED.contains(&file) => Ok(None),
        _ => Err(not_understood(file)),
    }
}

/// `S1.cedar.bak`, `S1.Cedar`, `S1.cedar~`.
fn looks_like_a_policy(file: &str) -> bool {
    let lower = file.to_ascii_lowercase();
    lower
        .match_indices(".cedar")
        .any(|(at, dot)| lower.get(at + dot.len()..).is_none_or(|rest| rest != "schema"))
}

fn not_understood(file: &str) -> String {
    match looks_like_a_policy(file) {
        true => "it looks like a policy, and only what ends in `.cedar` is one: rename it, or move it away"
            .to_owned(),
        false => {
            "it is no policy (`.cedar`), and no file that may stand beside policies: move it away, or put a \
                  dot before its name"
                .to_owned()
        }
    }
}
