//! New names: for a policy with every case that names it, for a condition, for an entity of a file of cases.

use std::ops::Range;

use super::index::Symbol;
use super::{Folder, Place, Replacement};
use crate::model::Error;
use crate::policy::FilePart;

/// What can be renamed at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamable {
    /// The part of the file that is the name, in bytes.
    pub span: Range<usize>,
    /// The name.
    pub name: String,
}

/// What a new name changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renaming {
    /// What is written elsewhere, by file and place. Files go by the names that they have before the renaming.
    pub edits: Vec<Replacement>,
    /// Files that are called otherwise, from and to.
    pub files: Vec<(String, String)>,
}

impl Folder {
    /// What can be renamed at a place; `None` where nothing can.
    pub fn renamable(&self, file: &str, at: usize) -> Option<Renamable> {
        let index = &self.files.get(file)?.index;
        let one = index.at(at).find(|one| is_renamable(&one.symbol))?;
        let name = self.text(file)?.get(one.span())?.to_owned();
        Some(Renamable { span: one.span(), name })
    }

    /// What a new name for what stands at a place changes. A policy's file is called after its `@id`: it gets its new
    /// name too.
    ///
    /// # Errors
    /// [`Error::is_request`] where nothing can be renamed there, or the name is taken or is none.
    pub fn rename(&self, file: &str, at: usize, name: &str) -> Result<Renaming, Error> {
        let symbols = self.symbols_at(file, at);
        let Some(symbol) = symbols.iter().find(|symbol| is_renamable(symbol)) else {
            let why =
                "only a policy's id, the name of a condition and an entity of a file of cases can be renamed";
            return Err(Error::request(why));
        };
        let mut renaming = Renaming::default();
        match symbol {
            Symbol::Policy(old) => self.policy(old, name, &mut renaming)?,
            Symbol::Condition(old) => {
                one_line(name)?;
                self.is_free(file, (old, name), Symbol::Condition(name.into()))?;
            }
            Symbol::Entity(old) => {
                plain(name)?;
                let (ty, old) = old.split_once('.').unwrap_or_default();
                self.is_free(file, (old, name), Symbol::Entity(format!("{ty}.{name}").into()))?;
            }
            _ => return Err(Error::request("it has no other name")),
        }
        let edits = self.occurrences(file, symbol).map(|(place, _)| {
            let text = self.written(&place, name);
            Replacement { place, text }
        });
        renaming.edits = edits.collect();
        renaming.edits.sort_by_key(|edit| edit.place.order());
        renaming.edits.dedup();
        Ok(renaming)
    }

    /// Refuses a name by which something goes already: the two would be one.
    fn is_free(&self, file: &str, (old, new): (&str, &str), symbol: Symbol) -> Result<(), Error> {
        match old != new && self.occurrences(file, &symbol).next().is_some() {
            true => Err(Error::request(format!("the name `{new}` is taken"))),
            false => Ok(()),
        }
    }

    /// A name as it is written at a place: a key of TOML that was bare takes no dots, and no letters but those of ASCII.
    fn written(&self, place: &Place, name: &str) -> String {
        let before = self.text(&place.file).and_then(|text| text.get(..place.span.start)).unwrap_or_default();
        let is_bare = place.file.ends_with(".toml") && !before.ends_with(['"', '\'']);
        let takes_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if is_bare && !name.chars().all(takes_bare) { format!("\"{name}\"") } else { name.to_owned() }
    }

    fn policy(&self, old: &str, new: &str, renaming: &mut Renaming) -> Result<(), Error> {
        if old == new {
            return Ok(());
        }
        let (from, to) = (path_of(old), path_of(new));
        let is_plain = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        };
        if !new.split('.').all(is_plain) {
            return Err(Error::request(format!(
                "`{new}` is no id of a policy: that is its path with dots, such as `school.S1`"
            )));
        }
        if self.file_of(new).is_some() || self.files.contains_key(to.as_str()) {
            return Err(Error::request(format!("the id `{new}` is taken by `{to}`")));
        }
        let Some(part) = self.part(&from) else { return Ok(()) };
        match FilePart::of(&to) {
            Ok(Some(other)) if other == part => {}
            Ok(_) => {
                return Err(Error::request(format!(
                    "`{to}` would be something else than `{from}`: keep it in a folder of its kind"
                )));
            }
            Err(why) => return Err(Error::request(format!("`{to}` cannot stand there: {why}"))),
        }
        renaming.files.push((from, to));
        Ok(())
    }
}

/// The file that a policy of this id is in.
fn path_of(id: &str) -> String {
    format!("{}.cedar", id.replace('.', "/"))
}

fn is_renamable(symbol: &Symbol) -> bool {
    matches!(symbol, Symbol::Policy(_) | Symbol::Condition(_) | Symbol::Entity(_))
}

fn one_line(name: &str) -> Result<(), Error> {
    match name.trim().is_empty() || name.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
        true => Err(Error::request("a condition's name is a line, without quotation marks")),
        false => Ok(()),
    }
}

fn plain(name: &str) -> Result<(), Error> {
    match name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        true => {
            Err(Error::request("an entity's id is of the letters a to z and A to Z, digits, `-` and `_`"))
        }
        false => Ok(()),
    }
}
