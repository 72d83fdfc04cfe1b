//! What a case expects besides the decision: names that must exist, and the condition that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Case;
use crate::explain::Condition;
use crate::model::EntityUid;
use crate::model::suggest::hint;
use crate::ward::Ward;
use crate::world::World;

/// Why the policy does not come out as the case says; `None` where it does.
pub(super) fn failure(ward: &Ward, case: &Case, policy: &str, condition: &str) -> Option<String> {
    let expected = format!("expected `{policy}` to fail at `{condition}`");
    let id: Arc<str> = policy.into();
    let is_asked =
        ward.engine.examine(&case.world, &case.request).is_ok_and(|examined| examined.ready().is_some());
    if !is_asked {
        return Some(format!("{expected}, and it is not asked: the request names what is not there"));
    }
    let reasons = match ward.engine.reasons(&case.world, &case.request, std::iter::once(&id)) {
        Ok(reasons) => reasons,
        Err(error) => return Some(format!("{expected}: {error}")),
    };
    let Some(reason) = reasons.first() else {
        return Some(format!("{expected}, and its head does not match the request"));
    };
    // Evaluation ends at the first that does not hold.
    match reason.failed().next() {
        None => Some(format!("{expected}, and all its conditions hold")),
        Some(failed) if is_called(failed, condition) => None,
        Some(failed) => {
            let called = failed.name.as_deref().map_or_else(|| one_line(&failed.text), str::to_owned);
            Some(format!("{expected}, and it fails at `{called}`"))
        }
    }
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
    let Some(&place) = ward.engine.by_id.get(policy) else { return Ok(()) };
    let names = ward.engine.loaded.conditions(place);
    if names.iter().any(|(name, text)| name.as_deref() == Some(called) || one_line(text) == one_line(called))
    {
        return Ok(());
    }
    let hint = hint(called, names.iter().filter_map(|(name, _)| name.as_deref()));
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
    let ids = world.ids(uid.type_name()).map_err(|error| error.to_string())?;
    let hint = hint(uid.id(), ids.collect::<Vec<_>>());
    Err(format!("{uid} is not in the case's world{hint}; where it is to be absent, name it in `absent`"))
}
