//! Where a name is defined, and where it is used.

use super::index::{Occurrence, Symbol};
use super::{Folder, Place};

impl Folder {
    /// Where it is said what the name at a place stands for: the policy, the condition in the policy, the line of the
    /// schema, of `annotations.toml` or of `fields.toml`.
    pub fn definition(&self, file: &str, at: usize) -> Vec<Place> {
        let near = self.policy_of_condition(file, at);
        let mut found = self.places(file, at, |one| one.is_definition);
        // A case says of which policy a condition is.
        if let Some(policy) = near {
            let file = self.file_of(&policy);
            let of = |place: &Place| Some(place.file.as_ref()) == file;
            if found.iter().any(of) {
                found.retain(of);
            }
        }
        found
    }

    /// Everywhere that the name at a place stands; with the places that define it where `with_definition`.
    pub fn references(&self, file: &str, at: usize, with_definition: bool) -> Vec<Place> {
        self.places(file, at, |one| with_definition || !one.is_definition)
    }

    /// What the names at a place stand for.
    pub(super) fn symbols_at(&self, file: &str, at: usize) -> Vec<Symbol> {
        let Some(file) = self.files.get(file) else { return Vec::new() };
        file.index.at(at).map(|one| one.symbol.clone()).collect()
    }

    /// The occurrences of a name in all files, or in its own.
    pub(super) fn occurrences<'a>(
        &'a self,
        own: &'a str,
        symbol: &'a Symbol,
    ) -> impl Iterator<Item = (Place, &'a Occurrence)> + 'a {
        let files = self.files.iter().filter(move |(name, _)| !symbol.is_local() || name.as_ref() == own);
        files.flat_map(move |(name, file)| {
            let found = file.index.occurrences.iter().filter(move |one| one.symbol == *symbol);
            found.map(move |one| (Place { file: name.clone(), span: one.span() }, one))
        })
    }

    /// The file in which a policy is.
    pub(super) fn file_of(&self, policy: &str) -> Option<&str> {
        let symbol = Symbol::Policy(policy.into());
        self.policies().find_map(|(name, file)| {
            let defines = |one: &Occurrence| one.is_definition && one.symbol == symbol;
            file.index.occurrences.iter().any(defines).then_some(name.as_ref())
        })
    }

    fn places(&self, file: &str, at: usize, wanted: impl Fn(&Occurrence) -> bool) -> Vec<Place> {
        let mut found = Vec::new();
        for symbol in self.symbols_at(file, at) {
            let all = self.occurrences(file, &symbol);
            found.extend(all.filter(|(_, one)| wanted(one)).map(|(place, _)| place));
        }
        found.sort_by_key(Place::order);
        found.dedup();
        found
    }

    /// The policy that a case says to fail at the condition at a place: it is named right before it.
    fn policy_of_condition(&self, file: &str, at: usize) -> Option<String> {
        let index = &self.files.get(file)?.index;
        let condition =
            index.at(at).find(|one| matches!(one.symbol, Symbol::Condition(_)) && !one.is_definition)?;
        let before = index.occurrences.iter().rev().filter(|one| one.end <= condition.start);
        before.into_iter().find_map(|one| match &one.symbol {
            Symbol::Policy(id) => Some(id.to_string()),
            _ => None,
        })
    }
}
