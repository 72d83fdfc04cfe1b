//! `cedar-policy`'s own authorizer, with the facts of each request ready.

use std::str::FromStr;

use caseward::testing::slice_json;
use caseward::{Request, Ward};
use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Entities, EntityUid, Policy, PolicyId, PolicySet,
    ResourceConstraint,
};

use crate::Failure;
use crate::world::Data;

/// A request in Cedar's form, with the slice that it needs.
pub struct Ready {
    request: cedar_policy::Request,
    entities: Entities,
}

/// Makes a request ready.
///
/// # Errors
/// Never for a request that caseward takes.
pub fn ready(data: &Data, request: &Request) -> Result<Ready, Failure> {
    let uid = |uid: &caseward::EntityUid| -> Result<EntityUid, Failure> { Ok(uid.to_string().parse()?) };
    let context = Context::from_json_str(&serde_json::to_string(&request.context)?, None)?;
    let action = EntityUid::from_str(&format!("Action::\"{}\"", request.action))?;
    let (principal, resource) = (uid(&request.principal)?, uid(&request.resource)?);
    Ok(Ready {
        request: cedar_policy::Request::new(principal, action, resource, context, None)?,
        entities: Entities::from_json_str(&slice_json(&data.ward, &data.world, request)?, None)?,
    })
}

/// An authorizer with its policies.
pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
}

impl Cedar {
    /// Has all policies.
    ///
    /// # Errors
    /// Never for policies that caseward took.
    pub fn new(ward: &Ward) -> Result<Self, Failure> {
        Self::with(ward, |_| true)
    }

    /// Has only the policies that can apply to the action on records of the type.
    ///
    /// # Errors
    /// As [`Cedar::new`].
    pub fn applicable(ward: &Ward, action: &str, resource_type: &str) -> Result<Self, Failure> {
        let action = EntityUid::from_str(&format!("Action::\"{action}\""))?;
        Self::with(ward, |policy| {
            let is_asked = match policy.action_constraint() {
                ActionConstraint::Any => true,
                ActionConstraint::Eq(one) => one == action,
                ActionConstraint::In(all) => all.contains(&action),
            };
            let is_about = match policy.resource_constraint() {
                ResourceConstraint::Is(ty) => ty.to_string() == resource_type,
                _ => true,
            };
            is_asked && is_about
        })
    }

    fn with(ward: &Ward, is_wanted: impl Fn(&Policy) -> bool) -> Result<Self, Failure> {
        let mut policies = PolicySet::new();
        for policy in ward.policies() {
            let text = ward.source(&policy.id).map_or("", |source| &source.text);
            let policy = Policy::parse(Some(PolicyId::new(policy.id.as_ref())), text)?;
            if is_wanted(&policy) {
                policies.add(policy)?;
            }
        }
        Ok(Cedar { authorizer: Authorizer::new(), policies })
    }

    /// How many policies it has.
    pub fn len(&self) -> usize {
        self.policies.policies().count()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decides a request.
    pub fn allows(&self, ready: &Ready) -> bool {
        let answer = self.authorizer.is_authorized(&ready.request, &self.policies, &ready.entities);
        answer.decision() == Decision::Allow
    }
}
