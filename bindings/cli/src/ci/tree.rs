//! The files of a policy folder at one version: all that a change of it can touch.
//!
//! INVARIANT: every file of a purpose ([`FilePart`]) is here: policies, schema, catalogue, claims, cases, annotations, the
//! matrix's people and situations, pages, and what was proved.

use std::collections::BTreeMap;
use std::path::Path;

use caseward::files::Found;
use caseward::{FilePart, Source, Sources};

use crate::earlier::Earlier;
use crate::failure::Failure;
use crate::{git, input};

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
    pub(super) fn read(base: Earlier<'_>, folder: &Path) -> Result<Self, Failure> {
        let revision = match base {
            Earlier::Folder(path) => return Self::of_folder(path),
            Earlier::Revision(revision) => revision,
        };
        let (commit, files) = git::files_of_folder(folder, revision, &is_input)?;
        Ok(Tree { files: files.into_iter().collect(), commit: Some(commit) })
    }

    /// A folder as it is.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        for (_, Found { path, name }) in FilePart::all_in(folder)? {
            files.insert(name, input::text(&path, 16 * input::MAX_WRITTEN)?);
        }
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
        self.part(FilePart::Policy)
    }

    /// What stands beside the policies in their form: invariants, guarantees, and who fits.
    pub(super) fn beside(&self) -> Vec<Sources> {
        let claims = [FilePart::Invariant, FilePart::Guarantee].map(|part| self.part(part));
        claims.into_iter().chain([self.fits()]).flatten().collect()
    }

    /// Who fits where a record names somebody.
    pub(super) fn fits(&self) -> Option<Sources> {
        let fits = Sources { catalogue: None, ..self.part(FilePart::Fit)? };
        let actions =
            self.files.iter().find(|(name, _)| FilePart::of(name) == Ok(Some(FilePart::FitActions)));
        Some(match actions {
            Some((name, text)) => fits.asked_by(&Source::new(name.as_str(), text.as_str())),
            None => fits,
        })
    }

    pub(super) fn part(&self, part: FilePart) -> Option<Sources> {
        let is_part = |name: &str| FilePart::of(name) == Ok(Some(part));
        let policies = self.files.iter().filter(|(name, _)| is_part(name));
        Some(Sources {
            schema: Source::new(SCHEMA, self.schema()?),
            policies: policies.map(|(name, text)| Source::new(name.as_str(), text.as_str())).collect(),
            catalogue: self.text(CATALOGUE).map(|text| Source::new(CATALOGUE, text)),
        })
    }

    /// The files beside policies, schema, claims, who fits and cases: the catalogue, annotations, the matrix, pages that are written
    /// from the policies, and what was proved.
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
    Ok(FilePart::of(name)?.is_some())
}

/// Whether a file of this name says what can never decide.
pub(super) fn is_unreachable(name: &str) -> bool {
    FilePart::of(name) == Ok(Some(FilePart::Unreachable))
}

fn is_other(name: &str) -> bool {
    let others =
        [FilePart::Annotations, FilePart::Catalogue, FilePart::Matrix, FilePart::Page, FilePart::Proofs];
    FilePart::of(name).is_ok_and(|part| part.is_some_and(|part| others.contains(&part)))
}
