//! All actions of principals of a type on resources of a type, to be asked at once.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::ir::{FieldSet, Program};
use crate::model::{Action, TypeId};
use crate::policy::Loaded;

/// The actions that principals of a type can do to resources of a type, ready to be asked at once.
pub(crate) struct Joint {
    pub(crate) groups: Vec<Group>,
}

/// Actions that one context serves.
pub(crate) struct Group {
    pub(crate) program: Program,
    /// The fields of the actions' contexts, and which of them each node of the program asks for.
    pub(crate) fields: Vec<Arc<str>>,
    pub(crate) asked: Vec<FieldSet>,
    pub(crate) parts: Vec<Part>,
}

/// One action in a group.
pub(crate) struct Part {
    /// The action's place.
    pub(crate) action: usize,
    /// The action's id, or its whole name where the id alone is ambiguous.
    pub(crate) name: Arc<str>,
    /// Its policies in the program.
    pub(crate) entries: Range<usize>,
}

impl Joint {
    pub(crate) fn new(loaded: &Loaded, principal: TypeId, resource: TypeId) -> Self {
        let takes =
            |action: &&Action| action.principals.contains(&principal) && action.resources.contains(&resource);
        let actions: Vec<&Action> = loaded.schema.actions().iter().filter(takes).collect();
        // An action whose policies ask for a field that it does not have, or for the whole context, must not see
        // what is given for others.
        let is_plain = |action: &Action| {
            let given = loaded.program(principal, action, resource).given();
            given.is_some_and(|fields| fields.iter().all(|field| action.context.contains_key(*field)))
        };
        let (plain, apart): (Vec<&Action>, Vec<&Action>) =
            actions.into_iter().partition(|action| is_plain(action));
        let group = |actions: &[&Action]| {
            let programs = actions.iter().map(|action| loaded.program(principal, action, resource).as_ref());
            let (program, parts) = Program::joined(programs, &loaded.schema);
            let fields: BTreeSet<&Arc<str>> =
                actions.iter().flat_map(|action| action.context.keys()).collect();
            let fields: Vec<Arc<str>> = fields.into_iter().cloned().collect();
            let part = |(action, entries): (&&Action, Range<usize>)| Part {
                action: action.place,
                name: loaded.schema.action_name(action),
                entries,
            };
            let parts = actions.iter().zip(parts).map(part).collect();
            Group { asked: program.asked(&fields), fields, program, parts }
        };
        let groups = std::iter::once(group(&plain)).chain(apart.iter().map(|action| group(&[action])));
        Joint { groups: groups.collect() }
    }
}
