//! The files of a policy folder at one version: all that a change of it can touch.
//!
//! INVARIANT: every file that may stand in the folder is here, but for what is hidden, for code (`src/`), for what a
//! build leaves (`target/`), and for what stands below `tests/` and holds no cases.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use caseward::{FilePart, Source, Sources};

use crate::failure::Failure;
use crate::{fmt, git, input};

/// Folders inside folders; this also ends a walk through linked folders.
const MAX_DEPTH: usize = 16;
const SCHEMA: &str = "schema.cedarschema";
const CATALOGUE: &str = "fields.toml";

/// Files by their path below the folder.
pub(super) struct Tree {
    pub(super) files: BTreeMap<String, String>,
    /// The commit that they were read from, where they were.
    pub(super) commit: Option<String>,
}

impl Tree {
    /// A folder as it is, or as it was in a git revision of the repository that `folder` lies in.
    pub(super) fn read(base: &str, folder: &Path) -> Result<Self, Failure> {
        let path = Path::new(base);
        if path.is_dir() {
            return Self::of_folder(path);
        }
        let (commit, files) = git::files_of_folder(folder, base, &is_input)?;
        Ok(Tree { files: files.into_iter().collect(), commit: Some(commit) })
    }

    /// A folder as it is.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        walk(folder, "", 0, &mut files)?;
        Ok(Tree { files, commit: None })
    }

    /// The text of a file.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(String::as_str)
    }

    pub(super) fn schema(&self) -> Option<&str> {
        self.text(SCHEMA)
    }

    /// The files below a folder of the folder.
    pub(super) fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let is_below = move |name: &str| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .filter(move |(name, _)| is_below(name))
    }

    /// Schema, policies and catalogue.
    pub(super) fn sources(&self) -> Option<Sources> {
        let is_policy = |name: &str| FilePart::of(name) == Ok(Some(FilePart::Policy));
        let policies = self.files.iter().filter(|(name, _)| is_policy(name));
        Some(Sources {
            schema: Source::new(SCHEMA, self.schema()?),
            policies: policies.map(|(name, text)| Source::new(name.as_str(), text.as_str())).collect(),
            catalogue: self.text(CATALOGUE).map(|text| Source::new(CATALOGUE, text)),
        })
    }

    /// The files beside policies, schema, catalogue, claims and cases, such as `annotations.toml`.
    pub(super) fn others(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        all.filter(|(name, _)| is_other(name))
    }

    /// SHA-256 of every file's name and text.
    pub(super) fn hash(&self) -> String {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new();
        for part in self.files.iter().flat_map(|(name, text)| [name, text]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether decisions, proofs or tests are made from a file of this name, or what is read of them; an error where that
/// cannot be told.
fn is_input(name: &str) -> Result<bool, String> {
    if FilePart::of(name)?.is_some() {
        return Ok(true);
    }
    let (first, rest) = name.split_once('/').unwrap_or(("", name));
    Ok(match first {
        _ if name.split('/').any(|part| part.starts_with('.')) => false,
        "tests" => rest.ends_with(".toml") || rest.ends_with(".json"),
        "src" | "target" => false,
        _ => true,
    })
}

/// Whether a file is neither policies, schema, catalogue nor a claim, and holds no cases.
fn is_other(name: &str) -> bool {
    FilePart::of(name) == Ok(None) && !name.starts_with("tests/")
}

fn walk(
    folder: &Path,
    below: &str,
    depth: usize,
    files: &mut BTreeMap<String, String>,
) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::other(format!("{}: more than {MAX_DEPTH} folders deep", input::name(folder))));
    }
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    for entry in entries.map_err(|e| Failure::file("read", input::name(folder), &e))? {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let name = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let path = entry.path();
        if path.is_dir() {
            if !name.split('/').any(|part| part == "target" || part.starts_with('.')) {
                walk(&path, &name, depth + 1, files)?;
            }
        } else if is_input(&name).map_err(|why| Failure::other(format!("{}: {why}", input::name(&path))))? {
            // What was written from the policies, such as the page of an earlier run, may be written again.
            let is_written = is_other(&name) && !name.ends_with(".toml");
            let read = if is_written { input::look } else { input::text };
            let text = read(&path, 16 * fmt::MAX_BYTES)?;
            files.insert(name, text);
        }
    }
    Ok(())
}
