//! What a case expects besides the decision: names that must exist, and the condition that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Case;
use crate::explain::Condition;
use crate::suggest::hint;
use crate::uid::EntityUid;
use crate::ward::Ward;
use crate::world::World;

/// Why the policy does not come out as the case says; `None` where it does.
pub(super) fn failure(ward: &Ward, case: &Case, policy: &str, condition: &str) -> Option<String> {
    let expected = format!("expected `{policy}` to fail at `{condition}`");
    let id: Arc<str> = policy.into();
    let reasons = match ward.reasons(&case.world, &case.request, std::iter::once(&id)) {
        Ok(reasons) => reasons,
        Err(error) => return Some(format!("{expected}: {error}")),
    };
    if reasons.is_empty() {
        return Some(format!("{expected}, and it is not asked: the request names what is not there"));
    }
    if !applies(ward, case, policy) {
        return Some(format!("{expected}, and its head does not match the request"));
    }
    match reasons.first().map(|reason| reason.failed()) {
        None | Some(None) => Some(format!("{expected}, and all its conditions hold")),
        Some(Some(failed)) if is_called(failed, condition) => None,
        Some(Some(failed)) => {
            let called = failed.name.clone().unwrap_or_else(|| one_line(&failed.text));
            Some(format!("{expected}, and it fails at `{called}`"))
        }
    }
}

/// Whether the policy's head can match the request.
fn applies(ward: &Ward, case: &Case, policy: &str) -> bool {
    let Ok(examined) = ward.examine(&case.world, &case.request) else { return false };
    let Some(ready) = examined.ready() else { return false };
    let program = ward.program(ready.principal.0, ready.action, ready.resource.0);
    let mut entries = program.entries.iter().filter_map(|entry| ward.policies().get(entry.policy));
    entries.any(|entry| entry.id.as_ref() == policy)
}

fn is_called(condition: &Condition, called: &str) -> bool {
    condition.name.as_deref() == Some(called) || one_line(&condition.text) == one_line(called)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether policies of these ids exist.
pub(super) fn known_policy(ward: &Ward, id: &str) -> Result<(), String> {
    if ward.policy(id).is_some() {
        return Ok(());
    }
    let hint = hint(id, ward.policies().iter().map(|policy| policy.id.as_ref()));
    Err(format!("there is no policy `{id}`{hint}"))
}

/// Whether some policy writes down the rule.
pub(super) fn known_rule(ward: &Ward, rule: &str) -> Result<(), String> {
    let rules: BTreeSet<&str> = ward.policies().iter().filter_map(|policy| policy.rule.as_deref()).collect();
    if rules.contains(rule) {
        return Ok(());
    }
    Err(format!("no policy has the rule `{rule}`{}", hint(rule, rules)))
}

/// Whether the policy has a condition that is so called.
pub(super) fn known_condition(ward: &Ward, policy: &str, called: &str) -> Result<(), String> {
    known_policy(ward, policy)?;
    let Some(conditions) = ward.conditions(policy) else { return Ok(()) };
    let names: Vec<(Option<&str>, &str)> = conditions.named().collect();
    if names.iter().any(|(name, text)| *name == Some(called) || one_line(text) == one_line(called)) {
        return Ok(());
    }
    let hint = hint(called, names.iter().filter_map(|(name, _)| *name));
    Err(format!("`{policy}` has no condition `{called}`{hint}"))
}

/// Whether what the request names is in the world, or is said to be absent and is so.
pub(super) fn known_entity(
    world: &World,
    uid: &EntityUid,
    absent: &BTreeMap<EntityUid, bool>,
) -> Result<(), String> {
    if world.contains(uid) || absent.contains_key(uid) {
        return Ok(());
    }
    let ids: Vec<&str> = world.ids(uid.type_name()).collect();
    let hint = hint(uid.id(), ids);
    Err(format!("{uid} is not in the case's world{hint}; where it is to be absent, name it in `absent`"))
}
