//! Changed policies: read, validated and lowered as the ward's own are.

use std::collections::HashSet;

use cedar_policy::{PolicyId, PolicySet, Schema as CedarSchema, ValidationMode, Validator};
use cedar_policy_core::ast::{self, Expr};

use super::load::Loaded;
use super::lower::Environment;
use crate::cedar::limits;
use crate::cedar::limits::Language;
use crate::ir::{Builder, Id, Program};
use crate::model::{Effect, Value};

/// Admits changed texts of policies that are valid and say something else than the original.
pub(crate) struct Admission<'a> {
    loaded: &'a Loaded,
    validator: Validator,
    /// What was admitted so far, by policy and condition.
    seen: HashSet<(usize, Effect, Expr)>,
}

/// A changed policy.
pub(crate) struct Changed {
    /// The place of its original among the ward's policies.
    pub(crate) policy: usize,
    pub(crate) effect: Effect,
    condition: Expr,
}

impl<'a> Admission<'a> {
    pub(crate) fn new(loaded: &'a Loaded) -> Self {
        let schema: CedarSchema = loaded.cedar_schema.clone();
        Admission { loaded, validator: Validator::new(schema), seen: HashSet::new() }
    }

    /// Reads the changed source of one policy; `None` where that is no valid policy, or one that was admitted
    /// before, or the original itself.
    pub(crate) fn admit(&mut self, policy: usize, text: &str) -> Option<Changed> {
        let original = self.loaded.policies.get(policy)?;
        limits::check(text, Language::Policy).ok()?;
        let set: PolicySet = text.parse().ok()?;
        let id = original.id.as_ref();
        let changed = set.policies().find(|policy| policy.annotation("id") == Some(id))?.clone();
        let parsed: &ast::Policy = changed.as_ref();
        let (condition, effect) = (parsed.condition(), effect_of(changed.effect()));
        let before = self.loaded.reference.policies().policy(&PolicyId::new(id))?;
        let parsed: &ast::Policy = before.as_ref();
        if parsed.condition() == condition && original.effect == effect {
            return None;
        }
        if !self.seen.insert((policy, effect, condition.clone())) {
            return None;
        }
        let alone = PolicySet::from_policies([changed]).ok()?;
        let valid = self.validator.validate(&alone, ValidationMode::Strict).validation_passed();
        valid.then_some(Changed { policy, effect, condition })
    }
}

fn effect_of(effect: cedar_policy::Effect) -> Effect {
    match effect {
        cedar_policy::Effect::Permit => Effect::Permit,
        cedar_policy::Effect::Forbid => Effect::Forbid,
    }
}

/// Changed policies as one program of an environment.
pub(crate) struct Lowered {
    /// Its entries are those that can hold, by their number.
    pub(crate) program: Program,
    /// Whether each is the same condition there as its original.
    pub(crate) is_original: Vec<bool>,
}

impl Changed {
    /// One program for all of them.
    pub(crate) fn program<'c>(
        loaded: &Loaded,
        all: impl Iterator<Item = &'c Changed>,
        environment: &Environment<'_>,
    ) -> Lowered {
        let mut builder = Builder::new(environment.schema);
        let originals: Vec<Option<Id>> = loaded
            .policies
            .iter()
            .map(|policy| {
                let parsed = loaded.reference.policies().policy(&PolicyId::new(policy.id.as_ref()))?;
                let parsed: &ast::Policy = parsed.as_ref();
                Some(environment.lower(&mut builder, &parsed.condition()).0)
            })
            .collect();
        let mut is_original = Vec::new();
        for (number, changed) in all.enumerate() {
            let (root, _) = environment.lower(&mut builder, &changed.condition);
            is_original.push(originals.get(changed.policy).copied().flatten() == Some(root));
            if builder.constant(root) != Some(&Value::Bool(false)) {
                builder.condition(number, root);
            }
        }
        Lowered { program: builder.finish(), is_original }
    }
}
