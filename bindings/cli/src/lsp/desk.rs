//! The folders of policies that are open, their files as they stand on the disk and in the editor, and what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caseward::author::Coverage;
use caseward::author::editor::{Folder, Found};
use caseward::{FilePart, Ward, files};

use crate::input::MAX_WRITTEN;

/// The name of a schema, which makes a folder one of policies.
pub(super) const SCHEMA: &str = "schema.cedarschema";

/// A folder of policies that is open.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) folder: Folder,
    /// Counts its changes.
    pub(super) state: u64,
    /// What was found in the policies, and in the cases, when they were looked at last.
    pub(super) found: Vec<Found>,
    pub(super) found_in_cases: Vec<Found>,
    pub(super) ward: Option<Ward>,
    pub(super) coverage: Option<Coverage>,
    /// What was told of each file.
    pub(super) told: BTreeMap<Arc<str>, String>,
}

impl Desk {
    /// Reads a folder; what stands there and cannot be read is told of as a problem of its file.
    pub(super) fn open(root: &Path) -> (Self, Option<String>) {
        let mut desk = Desk::default();
        let trouble = desk.read(root, &BTreeSet::new()).err();
        (desk, trouble)
    }

    /// Reads the folder again but for the files that are open in the editor.
    pub(super) fn read(&mut self, root: &Path, open: &BTreeSet<String>) -> Result<(), String> {
        let found = FilePart::each_in(root).map_err(|error| error.to_string())?;
        let names: BTreeSet<&str> = found.iter().map(|(_, found)| found.name.as_str()).collect();
        let gone: Vec<Arc<str>> = self
            .folder
            .names()
            .filter(|name| !names.contains(name.as_ref()) && !open.contains(name.as_ref()))
            .cloned()
            .collect();
        gone.iter().for_each(|name| self.folder.remove(name));
        let mut texts = Vec::new();
        for (part, found) in &found {
            if open.contains(&found.name) {
                continue;
            }
            match part {
                // It is told why it cannot stand there, whatever it says.
                None => self.folder.set(&found.name, ""),
                Some(_) => match files::read_text(&found.path, MAX_WRITTEN) {
                    Ok(text) => texts.push((found.name.as_str(), Arc::from(text))),
                    Err(error) => self.folder.refuse(&found.name, error.to_string()),
                },
            }
        }
        self.folder.set_all(texts);
        self.state += 1;
        Ok(())
    }

    /// Reads one file again.
    pub(super) fn read_file(&mut self, root: &Path, name: &str) {
        let path = root.join(name);
        match path.is_file() {
            false => self.folder.remove(name),
            true => match files::read_text(&path, MAX_WRITTEN) {
                Ok(text) => self.folder.set(name, text),
                Err(error) => self.folder.refuse(name, error.to_string()),
            },
        }
        self.state += 1;
    }

    /// Everything that was found last, file by file.
    pub(super) fn all_found(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().chain(&self.found_in_cases)
    }
}

/// The folder of policies that a file belongs to, and its name in there: the nearest above it with a schema, or `wanted`
/// where the file is in that.
pub(super) fn home(path: &Path, wanted: Option<&Path>) -> Option<(PathBuf, String)> {
    let own = wanted.filter(|root| path.starts_with(root));
    let root = match own {
        Some(root) => root,
        None => path.ancestors().skip(1).find(|folder| folder.join(SCHEMA).is_file())?,
    };
    let below = path.strip_prefix(root).ok()?;
    let names: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
    Some((root.to_owned(), names?.join("/")))
}

/// Whether it is a folder of policies itself.
pub(super) fn is_home(folder: &Path) -> bool {
    folder.join(SCHEMA).is_file()
}
