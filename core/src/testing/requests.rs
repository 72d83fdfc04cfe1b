//! Requests among drawn facts, and changes that follow them.

use std::sync::Arc;

use super::{Choices, Facts};
use crate::model::{ActionName, EntityUid, Fault, Request, TypeId, Value};
use crate::ward::Ward;
use crate::world::{Changes, World};

impl Facts {
    /// The change that makes an entity what it is here.
    pub(super) fn put(&self, changes: Changes, uid: &EntityUid) -> Changes {
        let attributes = self.entities.get(uid).into_iter().flatten();
        changes.put_whole(
            uid,
            attributes.map(|(name, value)| (name.as_ref(), value.clone())),
            self.parents.get(uid).into_iter().flatten().cloned(),
            self.tags.get(uid).cloned().unwrap_or_default(),
        )
    }
}

/// The texts, numbers and times that the policies compare attributes and fields called `name` with.
pub fn compared_with(ward: &Ward, name: &str) -> Vec<Value> {
    ward.literals_of(name)
}

/// What a request is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// It is allowed.
    Allow,
    /// A policy that applies cannot be evaluated.
    Error,
}

/// A request that comes to what is aimed at, among the entities of `facts`, of which `world` was made; `None` where
/// none was found.
///
/// Of each action one context is drawn, and every principal is tried on every resource.
pub fn aimed(
    ward: &Ward,
    world: &World,
    facts: &Facts,
    choices: &mut Choices<'_>,
    aim: Aim,
) -> Option<Request> {
    let actions = ward.schema().actions();
    let first = choices.below(actions.len());
    for action in actions.iter().cycle().skip(first).take(actions.len()) {
        let context = facts.record(ward, choices, &action.context);
        let of = |types: &[TypeId]| types.iter().flat_map(|ty| facts.of_type(*ty)).collect::<Vec<_>>();
        let (principals, resources) = (of(&action.principals), of(&action.resources));
        let many = principals.len() * resources.len();
        let start = choices.below(many);
        for at in (0..many).map(|n| (start + n) % many) {
            let principal = principals.get(at / resources.len().max(1))?.clone();
            let resource = resources.get(at % resources.len().max(1))?.clone();
            let name: Arc<str> = action.uid.to_string().into();
            let request = Request {
                principal,
                action: ActionName::new(name),
                resource,
                context: context.clone().into(),
            };
            let Ok(answer) = ward.check(world, &request) else { continue };
            let is_met = match aim {
                Aim::Allow => answer.is_allowed(),
                Aim::Error => answer.errors.iter().any(|fault| matches!(fault, Fault::Policy { .. })),
            };
            if is_met {
                return Some(request);
            }
        }
    }
    None
}

/// A request that the schema allows, among the entities of `facts`; `None` where there is none.
pub fn request(ward: &Ward, facts: &Facts, choices: &mut Choices<'_>) -> Option<Request> {
    let action = choices.pick(ward.schema().actions())?;
    let (principals, resources) = (*choices.pick(&action.principals)?, *choices.pick(&action.resources)?);
    let principal = choices.pick(&facts.of_type(principals))?.clone();
    let resource = choices.pick(&facts.of_type(resources))?.clone();
    let context = facts.record(ward, choices, &action.context);
    Some(Request {
        principal,
        action: ActionName::new(action.uid.to_string()),
        resource,
        context: context.into(),
    })
}
