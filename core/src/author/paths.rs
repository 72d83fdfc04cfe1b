//! The attributes that a policy's text names, with their types.

use std::ops::Range;
use std::sync::Arc;

use super::drafts::Word;
use crate::model::{Attribute, Type};
use crate::ward::Ward;

/// One step of a path such as `resource.student.enrolledAt`, where it stands.
pub(super) struct Path<'a> {
    /// The variable and the names before.
    pub(super) base: Vec<&'a str>,
    pub(super) name: &'a str,
    /// The types that it is an attribute of.
    pub(super) of: Vec<String>,
    pub(super) span: Range<usize>,
    /// Whether whatever has the path before always has the attribute.
    pub(super) is_required: bool,
    /// Other attributes of the same type in the same place.
    pub(super) others: Vec<Arc<str>>,
}

/// Every step of every path in the words that starts from a variable, after `has` too.
pub(super) fn paths<'a>(ward: &Ward, policy: usize, words: &[Word<'a>]) -> Vec<Path<'a>> {
    let mut found = Vec::new();
    let text = |at: usize| words.get(at).map_or("", |word| word.text);
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", text);
        let is_variable = matches!(word.text, "principal" | "resource" | "context");
        if !is_variable || matches!(before, "." | "::") {
            continue;
        }
        let mut types = of_variable(ward, policy, word.text);
        let (mut base, mut at) = (vec![word.text], at);
        while matches!(text(at + 1), "." | "has") && text(at + 3) != "(" {
            let Some(step) = words.get(at + 2) else { break };
            let of_type = |ty| {
                let all = attributes(ward, ty);
                let (_, own) = all.iter().find(|(name, _)| name.as_ref() == step.text)?;
                let own = own.clone();
                Some((all, own))
            };
            let attributes: Vec<_> = types.iter().filter_map(of_type).collect();
            let others = attributes.iter().flat_map(|(all, own)| {
                let alike = all.iter().filter(move |(name, other)| {
                    name.as_ref() != step.text && other.ty == own.ty && (other.required || !own.required)
                });
                alike.map(|(name, _)| name.clone())
            });
            let mut others: Vec<Arc<str>> = others.collect();
            others.sort();
            others.dedup();
            found.push(Path {
                base: base.clone(),
                name: step.text,
                of: types.iter().map(|ty| ward.schema().show(ty)).collect(),
                span: step.span.clone(),
                is_required: attributes.iter().all(|(_, own)| own.required),
                others,
            });
            types = attributes.into_iter().map(|(_, own)| own.ty).collect();
            base.push(step.text);
            at += 2;
        }
    }
    found
}

/// What a variable can be where the policy applies.
fn of_variable(ward: &Ward, policy: usize, variable: &str) -> Vec<Type> {
    let mut types: Vec<Type> = Vec::new();
    for action in ward.schema().actions() {
        for &principal in &action.principals {
            for &resource in &action.resources {
                let entries = &ward.engine.program(principal, action, resource).entries;
                if !entries.iter().any(|entry| entry.policy == policy) {
                    continue;
                }
                let ty = match variable {
                    "principal" => Type::Entity(principal),
                    "resource" => Type::Entity(resource),
                    _ => Type::Record(action.context.clone()),
                };
                if !types.contains(&ty) {
                    types.push(ty);
                }
            }
        }
    }
    types
}

fn attributes(ward: &Ward, ty: &Type) -> Vec<(Arc<str>, Attribute)> {
    match ty {
        Type::Entity(id) => {
            ward.schema().entity_type(*id).map(|ty| ty.attributes.clone()).unwrap_or_default()
        }
        Type::Record(fields) => fields.iter().map(|(name, field)| (name.clone(), field.clone())).collect(),
        _ => Vec::new(),
    }
}
