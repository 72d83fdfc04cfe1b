//! What an editor asks while somebody writes policies: problems, completion, hover, definitions, references, renames.
//!
//! A [`Folder`] holds the files of a folder of policies as they stand in the editor, saved or not. Nothing here reads a
//! disk, and nothing fails on a text that cannot be parsed: what can be told of it is told. Places are in bytes of UTF-8.
//!
//! # Example
//! ```
//! use caseward::author::editor::Folder;
//!
//! let mut folder = Folder::default();
//! folder.set("schema.cedarschema", "entity User; entity Case = { status: String };\n\
//!     action view appliesTo { principal: User, resource: Case };");
//! let text = "@id(\"open\") permit (principal, action, resource is Case) when { resource. };";
//! folder.set("open.cedar", text);
//!
//! let at = text.find(". }").unwrap_or_default() + 1;
//! let labels: Vec<String> = folder.complete("open.cedar", at).into_iter().map(|one| one.label).collect();
//! assert_eq!(labels, ["status"]);
//! let found = folder.check_file("open.cedar", None);
//! assert!(found[0].problem.message.starts_with("unexpected token"));
//! ```
//!
//! INVARIANT: whatever a text says, asking about it never fails: what is not understood has no answer.

mod complete;
mod describe;
mod index;
mod lens;
mod mend;
mod places;
mod problems;
mod rename;
mod sketch;
mod tables;
mod toml;
mod types;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use self::index::Index;
use super::known::Known;
use crate::cedar::limits::MAX_BYTES;
use crate::model::{Schema, Source};
use crate::policy::{FilePart, Sources};
use crate::ward::Ward;

pub use complete::{Completion, CompletionKind};
pub use describe::Hover;
pub use lens::Lens;
pub use mend::Mending;
pub use problems::{CasesChecked, Checked, Found};
pub use rename::{Renamable, Renaming};

/// The name of the schema's file.
const SCHEMA: &str = "schema.cedarschema";

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, by its path below the folder, with forward slashes.
    pub file: Arc<str>,
    /// In bytes.
    pub span: Range<usize>,
}

impl Place {
    /// By file, then in the order of the text.
    fn order(&self) -> (Arc<str>, usize, usize) {
        (self.file.clone(), self.span.start, self.span.end)
    }
}

/// What is put in the place of a part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The part.
    pub place: Place,
    /// What is put there.
    pub text: String,
}

/// A folder of policies as it stands in an editor. Cloning shares the texts.
#[derive(Clone, Default)]
pub struct Folder {
    files: BTreeMap<Arc<str>, File>,
    /// Why a file cannot stand where it does.
    refused: BTreeMap<Arc<str>, String>,
    /// The schema, and that with the actions of `fits`: each the last that could be read.
    schema: Option<Arc<Schema>>,
    fits: Option<Arc<Schema>>,
    known: Option<Arc<Known>>,
}

#[derive(Clone)]
struct File {
    part: FilePart,
    text: Arc<str>,
    index: Arc<Index>,
}

impl Folder {
    /// Takes the text of a file for what it is now. `name` is its path below the folder, with forward slashes.
    pub fn set(&mut self, name: &str, text: impl Into<Arc<str>>) {
        let (name, text): (Arc<str>, Arc<str>) = (name.into(), text.into());
        self.refused.remove(&name);
        let part = match FilePart::of(&name) {
            Ok(Some(part)) => part,
            Ok(None) => return,
            Err(why) => {
                self.refused.insert(name.clone(), why);
                self.files.remove(&name);
                return;
            }
        };
        let index = Arc::new(self.index(part, &name, &text));
        self.files.insert(name, File { part, text, index });
        self.changed(part);
    }

    /// Takes many files at once, as a folder is opened.
    pub fn set_all<'a>(&mut self, files: impl IntoIterator<Item = (&'a str, Arc<str>)>) {
        for (name, text) in files {
            match FilePart::of(name) {
                Ok(Some(part)) => {
                    self.files.insert(name.into(), File { part, text, index: Arc::default() });
                }
                Ok(None) => {}
                Err(why) => {
                    self.refused.insert(name.into(), why);
                }
            }
        }
        self.read_known();
        self.read_schemas();
        self.index_all();
    }

    /// Takes a file for one that cannot be used, and says why: it is too large, or no text.
    pub fn refuse(&mut self, name: &str, why: impl Into<String>) {
        self.remove(name);
        self.refused.insert(name.into(), why.into());
    }

    /// Takes a file for gone.
    pub fn remove(&mut self, name: &str) {
        self.refused.remove(name);
        if let Some(file) = self.files.remove(name) {
            self.changed(file.part);
        }
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> Option<&Arc<str>> {
        self.files.get(name).map(|file| &file.text)
    }

    /// The files that are part of the policies, by their names.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.files.keys()
    }

    /// Which part of the policies a file is.
    pub fn part(&self, name: &str) -> Option<FilePart> {
        self.files.get(name).map(|file| file.part)
    }

    fn changed(&mut self, part: FilePart) {
        match part {
            FilePart::Schema | FilePart::FitActions => {
                self.read_schemas();
                self.index_all();
            }
            FilePart::Annotations => self.read_known(),
            _ => {}
        }
    }

    fn index(&self, part: FilePart, name: &str, text: &str) -> Index {
        // What is refused for its size is not looked at either.
        match text.len() > MAX_BYTES {
            true => Index::default(),
            false => Index::of(part, name, text, self.schema_of(part)),
        }
    }

    fn index_all(&mut self) {
        let indices: Vec<Arc<Index>> =
            self.files.iter().map(|(name, file)| Arc::new(self.index(file.part, name, &file.text))).collect();
        for (file, index) in self.files.values_mut().zip(indices) {
            file.index = index;
        }
    }

    /// The schema that a part of the policies speaks of.
    fn schema_of(&self, part: FilePart) -> Option<&Schema> {
        let fits = self.fits.as_deref().filter(|_| matches!(part, FilePart::Fit | FilePart::FitActions));
        fits.or(self.schema.as_deref())
    }

    fn read_schemas(&mut self) {
        if let Ok(ward) = Ward::new(&self.sources_without_policies()) {
            self.schema = Some(ward.schema().clone());
        }
        if let Ok(ward) = Ward::new(&self.asked_by_fits(self.sources_without_policies())) {
            self.fits = Some(ward.schema().clone());
        }
    }

    fn read_known(&mut self) {
        match self.source(Known::FILE) {
            None => self.known = None,
            Some(source) => {
                if let Ok(known) = Known::read(&source) {
                    self.known = Some(Arc::new(known));
                }
            }
        }
    }

    fn source(&self, name: &str) -> Option<Source> {
        self.text(name).map(|text| Source::new(name, text.clone()))
    }

    fn sources_without_policies(&self) -> Sources {
        let schema = self.source(SCHEMA).unwrap_or_else(|| Source::new(SCHEMA, ""));
        Sources { schema, policies: Vec::new(), catalogue: None }
    }

    /// With the actions that who fits is asked by.
    fn asked_by_fits(&self, sources: Sources) -> Sources {
        match self.of_part(FilePart::FitActions).next() {
            Some((name, file)) => sources.asked_by(&Source::new(name.clone(), file.text.clone())),
            None => sources,
        }
    }

    fn of_part(&self, part: FilePart) -> impl Iterator<Item = (&Arc<str>, &File)> {
        self.files.iter().filter(move |(_, file)| file.part == part)
    }

    /// The files in the form of policies.
    fn policies(&self) -> impl Iterator<Item = (&Arc<str>, &File)> {
        self.files.iter().filter(|(_, file)| is_policies(file.part))
    }
}

/// Whether it has the form of policies.
fn is_policies(part: FilePart) -> bool {
    matches!(part, FilePart::Policy | FilePart::Invariant | FilePart::Guarantee | FilePart::Fit)
}

/// The comment lines right above the declaration that starts in the line of a place, annotations passed over.
fn comment_above(text: &str, at: usize) -> Option<String> {
    let before = text.get(..at)?;
    let start = before.rfind('\n').map_or(0, |line| line + 1);
    let mut lines: Vec<&str> = Vec::new();
    for line in text.get(..start)?.lines().rev().map(str::trim) {
        match line.strip_prefix("//") {
            Some(comment) => lines.push(comment.trim()),
            None if line.starts_with('@') && lines.is_empty() => {}
            None => break,
        }
    }
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
