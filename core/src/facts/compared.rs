//! What the policies compare with: a generator of data has to hit it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{EntityUid, Value};
use crate::policy::Literals;
use crate::ward::Ward;

impl Ward {
    /// The texts, numbers and times that the policies compare attributes and fields with, by the name of these: what a
    /// generator of data has to hit.
    pub fn compared(&self) -> BTreeMap<Arc<str>, Vec<Value>> {
        let all = &self.literals().by_name;
        all.iter().map(|(name, values)| (name.clone(), values.iter().cloned().collect())).collect()
    }

    /// The entities that the policies name, but for actions, in order: what a generator of data has to have.
    pub fn named(&self) -> impl Iterator<Item = &EntityUid> {
        self.literals().named.iter().filter(|uid| self.schema().type_id(uid.type_name()).is_some())
    }

    pub(crate) fn literals(&self) -> &Literals {
        &self.engine.loaded.literals
    }

    /// The texts, numbers and times that the policies compare attributes and fields called `name` with.
    pub(crate) fn literals_of(&self, name: &str) -> Vec<Value> {
        self.literals().by_name.get(name).map(|all| all.iter().cloned().collect()).unwrap_or_default()
    }
}
