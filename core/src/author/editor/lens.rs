//! How a policy stands: the cases that name it, and how much of it they cover.

use std::ops::Range;
use std::sync::Arc;

use super::index::Symbol;
use super::{Folder, Place, is_policies};
use crate::author::Coverage;
use crate::policy::FilePart;

/// What stands above a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    /// Its id, in bytes.
    pub span: Range<usize>,
    /// Its id.
    pub policy: Arc<str>,
    /// Where cases name it.
    pub cases: Vec<Place>,
    /// How many sides of it are covered, and of how many, where that is known.
    pub covered: Option<(usize, usize)>,
}

impl Folder {
    /// What stands above the policies of a file; `coverage` is the last that was found. None for claims, which no case
    /// names.
    pub fn lenses(&self, file: &str, coverage: Option<&Coverage>) -> Vec<Lens> {
        let Some(own) = self.files.get(file).filter(|file| is_policies(file.part)) else { return Vec::new() };
        if own.part != FilePart::Policy {
            return Vec::new();
        }
        let ids = own.index.occurrences.iter().filter(|one| one.is_definition);
        let lenses = ids.filter_map(|one| {
            let Symbol::Policy(id) = &one.symbol else { return None };
            let named = self.occurrences(file, &one.symbol).map(|(place, _)| place);
            let cases = named.filter(|place| self.part(&place.file) == Some(FilePart::Case));
            let covered = coverage.and_then(|all| all.policies.iter().find(|of| of.policy.id == *id));
            Some(Lens {
                span: one.span(),
                policy: id.clone(),
                cases: cases.collect(),
                covered: covered.map(|of| of.sides()),
            })
        });
        lenses.collect()
    }
}

impl Lens {
    /// In words: `7 cases name it · 12 of 13 sides covered`.
    pub fn title(&self) -> String {
        let named = match self.cases.len() {
            0 => "no case names it".to_owned(),
            1 => "1 case names it".to_owned(),
            n => format!("{n} cases name it"),
        };
        match self.covered {
            None => named,
            Some((covered, sides)) if covered == sides => {
                format!("{named} · covered, {sides} of {sides} sides")
            }
            Some((covered, sides)) => format!("{named} · {covered} of {sides} sides covered"),
        }
    }
}
