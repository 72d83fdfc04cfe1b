//! Who could do it instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sight::Sight;
use crate::engine::Engine;
use crate::model::{EntityUid, Error, Request};
use crate::world::World;

/// People that are named.
const NAMED: usize = 3;
/// People up to whom it is told by which policies each may.
const TOLD: usize = 2_000;

/// Who may do what the principal of a denied request may not.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Instead {
    /// How many of the principal's type may.
    pub count: usize,
    /// A few of them, in the world's order: those of whom the viewer may know.
    pub people: Vec<EntityUid>,
    /// By policy, those that most may by first; empty where they are too many to be told apart.
    pub by: Vec<Grant>,
}

carried!(struct Instead { count, people, by });

/// How many may by one policy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Grant {
    /// The policy's id.
    pub policy: Arc<str>,
    /// The rule that it writes down.
    pub rule: Option<Arc<str>>,
    /// What it says, in words for people.
    pub description: Option<Arc<str>>,
    /// How many may by it. Somebody who may by several is counted with each.
    pub count: usize,
}

carried!(struct Grant { policy, rule, description, count });

impl Engine {
    /// Who may do it, and of which version of the data.
    pub(super) fn instead(
        &self,
        world: &World,
        request: &Request,
        sight: Option<&dyn Sight>,
    ) -> Result<(Instead, u64), Error> {
        let Request { principal, action, resource, context } = request;
        let ty = principal.type_name();
        let found = self.who(world, action, resource, ty, context.fields())?;
        let mut instead = Instead { count: found.len(), people: Vec::new(), by: Vec::new() };
        let is_known = |uid: &EntityUid| sight.is_none_or(|sight| sight.may_know(uid));
        instead.people = found.iter().take(TOLD).filter(is_known).take(NAMED).collect();
        if found.len() > TOLD {
            return Ok((instead, found.provenance().version));
        }
        let mut by: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for granted in self.who_with_reasons(world, action, resource, ty, context.fields())? {
            for policy in granted.policies {
                *by.entry(policy).or_default() += 1;
            }
        }
        let grant = |(policy, count): (Arc<str>, usize)| {
            let known = self.policy(&policy);
            let rule = known.and_then(|known| known.rule.clone());
            let description = known.and_then(|known| known.description.clone());
            Grant { policy, rule, description, count }
        };
        instead.by = by.into_iter().map(grant).collect();
        instead.by.sort_by_key(|grant| usize::MAX - grant.count);
        Ok((instead, found.provenance().version))
    }
}
