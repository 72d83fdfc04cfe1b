//! Policies that were changed while what they say of themselves was not.

use std::sync::Arc;

use super::{Finding, Lint, Looked, Looker, lookers};
use crate::model::Effect;
use crate::policy::{Sources, tokens};
use crate::ward::Ward;

pub(super) fn stale(looked: &Looked<'_>) -> Vec<Finding> {
    let Some(base) =
        looked.subject.base.and_then(|base| load(looked.subject.ward, looked.subject.sources, base))
    else {
        return Vec::new();
    };
    let before = lookers(&base);
    let found = looked.policies.iter().filter_map(|now| {
        let before = before.iter().find(|old| old.policy.id == now.policy.id)?;
        let description = now.policy.description.as_deref()?;
        if before.policy.description.as_deref() != Some(description) || says(before) == says(now) {
            return None;
        }
        let message = format!("`{}` was changed, and its description was not", now.policy.id);
        let span = now.survey.annotation("description");
        let finding = Finding::new(Lint::StaleDescription, now.file(), span, message);
        let help = format!("does it still say what the policy asks? It says: {description}");
        Some(finding.help(help))
    });
    found.collect()
}

/// The earlier policies; under the schema of now where their own does not take them.
fn load(ward: &Ward, sources: &Sources, base: &Sources) -> Option<Ward> {
    let bare = Sources { catalogue: None, ..base.clone() };
    let under_now = || Ward::new(&Sources { schema: sources.schema.clone(), ..bare.clone() });
    let base = Ward::new(&bare).or_else(|_| under_now()).ok()?;
    (base.policy_hash() != ward.policy_hash()).then_some(base)
}

/// What a policy matches, without layout and comments.
fn says(one: &Looker<'_>) -> (Effect, Vec<Arc<str>>) {
    (one.policy.effect, tokens(one.text.get(one.survey.body.clone()).unwrap_or_default()))
}
