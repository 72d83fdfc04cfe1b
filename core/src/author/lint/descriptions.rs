//! Policies and claims that were changed while what they say of themselves was not.

use std::sync::Arc;

use super::{Finding, Lint, Looked, Looker, lookers};
use crate::model::Effect;
use crate::policy::{Sources, tokens};
use crate::ward::Ward;

/// Annotations of a claim that say what is claimed, with the conditions.
const CLAIMED: [&str; 3] = ["change", "implies", "of"];

pub(super) fn stale(looked: &Looked<'_>) -> Vec<Finding> {
    let subject = looked.subject;
    let of = |now: &[Looker<'_>], base: &Sources| {
        let base = load(subject.ward, subject.sources, base);
        base.map_or_else(Vec::new, |base| changed(now, &lookers(&base)))
    };
    let mut found = subject.base.map_or_else(Vec::new, |base| of(&looked.policies, base));
    found.extend(subject.base_claims.iter().flat_map(|base| of(&looked.claims, base)));
    found
}

fn changed(now: &[Looker<'_>], before: &[Looker<'_>]) -> Vec<Finding> {
    let found = now.iter().filter_map(|now| {
        let before = before.iter().find(|old| old.policy.id == now.policy.id)?;
        let description = now.policy.description.as_deref()?;
        if before.policy.description.as_deref() != Some(description) || says(before) == says(now) {
            return None;
        }
        let message = format!("`{}` was changed, and its description was not", now.policy.id);
        let span = now.survey.annotation("description");
        let finding = Finding::new(Lint::StaleDescription, now.file(), span, message);
        let help = format!("does it still say what is asked? It says: {description}");
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

/// Effect, words of the body and annotations that claim.
type Says = (Effect, Vec<Arc<str>>, Vec<Option<Arc<str>>>);

/// What a policy matches, or a claim claims, without layout and comments.
fn says(one: &Looker<'_>) -> Says {
    let claimed = CLAIMED.map(|name| one.policy.annotations.get(name).cloned());
    let body = tokens(one.text.get(one.survey.body.clone()).unwrap_or_default());
    (one.policy.effect, body, claimed.to_vec())
}
