//! What a policy's head promises and the schema does not keep, and permits that ask nothing.

use std::collections::BTreeMap;

use super::{Finding, Lint, Looked};
use crate::model::Effect;

pub(super) fn never_applies(looked: &Looked<'_>) -> Vec<Finding> {
    let all = looked.all().flat_map(|one| one.survey.idle.iter().map(move |idle| (one, idle)));
    let found = all.map(|(one, idle)| {
        let message = format!("`{}` never applies to the action `{}` in its list", one.policy.id, idle.action);
        let finding = Finding::new(Lint::ActionNeverApplies, one.file(), idle.span.clone(), message);
        finding.help(match idle.takes.as_slice() {
            [] => "no request can ask for this action: take it out of the list".to_owned(),
            takes => format!(
                "the action takes resources of the type `{}`: take it out of the list, or let the head take that type",
                takes.join("` and `")
            ),
        })
    });
    found.collect()
}

pub(super) fn unconditional(looked: &Looked<'_>) -> Vec<Finding> {
    let permits = looked.all().filter(|one| one.policy.effect == Effect::Permit);
    let found = permits.filter(|one| !one.survey.unconditional.is_empty()).map(|one| {
        let mut by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (action, resource) in &one.survey.unconditional {
            by_type.entry(resource).or_default().push(action);
        }
        let told = by_type.iter().map(|(ty, actions)| match actions.as_slice() {
            [action] => format!("{action} on every {ty}"),
            [action, rest @ ..] => format!("{action} and {} other actions on every {ty}", rest.len()),
            [] => String::new(),
        });
        let told: Vec<String> = told.collect();
        let message = format!("`{}` permits everybody {}", one.policy.id, told.join(", "));
        Finding::new(Lint::UnconditionalPermit, one.file(), Some(one.survey.body.clone()), message)
            .help("say in a `when` clause who may; where everybody is meant, `@allow(\"unconditional-permit\")` says so")
    });
    found.collect()
}
