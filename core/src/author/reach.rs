//! Where policies apply, and which decisions shaped them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::Problem;
use crate::policy::Policy;
use crate::ward::Ward;

impl Ward {
    /// Warnings beyond [`Ward::warnings`]: attributes that policies ask for with `has` and that nothing has,
    /// each with the name that was probably meant.
    pub fn advice(&self) -> Vec<Problem> {
        self.engine.loaded.advice()
    }

    /// The actions that a policy can apply to, by the type of their resource.
    pub fn reach(&self, policy: &str) -> BTreeMap<Arc<str>, BTreeSet<Arc<str>>> {
        let mut reach: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        let Some(&at) = self.engine.by_id.get(policy) else { return reach };
        for action in self.schema().actions() {
            for &principal in &action.principals {
                for &resource in &action.resources {
                    let entries = &self.engine.program(principal, action, resource).entries;
                    let ty = self.schema().entity_type(resource).map(|ty| ty.name.clone());
                    if let (true, Some(ty)) = (entries.iter().any(|entry| entry.policy == at), ty) {
                        reach.entry(ty).or_default().insert(action.uid.id().into());
                    }
                }
            }
        }
        reach
    }
}

impl Policy {
    /// The decisions that shaped it: the names in its `@decision`, between commas.
    pub fn decisions(&self) -> impl Iterator<Item = &str> {
        let all = self.annotations.get("decision").map_or("", AsRef::as_ref);
        all.split(',').map(str::trim).filter(|name| !name.is_empty())
    }
}
