//! One decision: may this person do this to that record?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::answer::{Answer, Decision, Fault};
use crate::error::Error;
use crate::policy::{Question, Roots};
use crate::request::Request;
use crate::schema::{Action, TypeId};
use crate::slice::gather;
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::convert::conforms;
use crate::world::{Place, World};

impl Ward {
    /// Decides a request, with Cedar's own authorizer and failing closed.
    ///
    /// A request that names an entity which is not in the data is denied before evaluation. If any policy
    /// that applies cannot be evaluated, permit or forbid, the decision is deny. Cost: one evaluation of
    /// every policy over the facts that they can read.
    ///
    /// # Errors
    /// [`Error::is_request`] for an action that the schema lacks, a principal or resource of a type that
    /// the action does not take, a context of another shape; [`Error::is_schema`] for a world of another schema.
    pub fn check(&self, world: &World, request: &Request) -> Result<Answer, Error> {
        match self.examine(world, request)? {
            Examined::Absent(absent) => {
                Ok(self.answer(world, &request.context, Decision::Deny, Vec::new(), absent))
            }
            Examined::Ready(ready) => Ok(self.decide(world, request, &ready)),
        }
    }

    fn decide(&self, world: &World, request: &Request, ready: &Ready<'_>) -> Answer {
        let context = Value::Record(request.context.clone());
        let verdict = self.inner.loaded.reference.decide(self.question(world, request, ready, &context));
        let decision = if verdict.allowed { Decision::Allow } else { Decision::Deny };
        let ids = verdict.policies.into_iter().map(Arc::from).collect();
        let faults = verdict.errors.into_iter().map(|(id, message)| Fault::Policy { id: id.into(), message });
        self.answer(world, &request.context, decision, ids, faults.collect())
    }

    /// The request with the facts that it depends on.
    pub(crate) fn question<'a>(
        &self,
        world: &World,
        request: &'a Request,
        ready: &Ready<'a>,
        context: &'a Value,
    ) -> Question<'a> {
        Question {
            principal: &request.principal,
            action: &ready.action.uid,
            resource: &request.resource,
            context,
            facts: gather(world, self.roots(ready), ready.principal, ready.resource, &request.context),
        }
    }

    pub(crate) fn roots(&self, ready: &Ready<'_>) -> &Roots {
        self.inner.loaded.needs.of(ready.principal.0, &ready.action.uid, ready.resource.0)
    }

    fn answer(
        &self,
        world: &World,
        context: &BTreeMap<Arc<str>, Value>,
        decision: Decision,
        policies: Vec<Arc<str>>,
        errors: Vec<Fault>,
    ) -> Answer {
        let mut rules: Vec<Arc<str>> = Vec::new();
        for rule in policies.iter().filter_map(|id| self.policy(id)?.rule.as_ref()) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
        let now = match context.get("now") {
            Some(Value::Datetime(ms)) => Some(*ms),
            _ => None,
        };
        Answer {
            decision,
            policies,
            rules,
            errors,
            policy_hash: self.policy_hash().clone(),
            version: world.version(),
            now,
        }
    }

    /// Checks the request against the schema and the data.
    pub(crate) fn examine<'a>(&'a self, world: &World, request: &Request) -> Result<Examined<'a>, Error> {
        self.belongs_to(world)?;
        let action = self.action(&request.action)?;
        self.takes(action, "principal", &action.principals, &request.principal)?;
        self.takes(action, "resource", &action.resources, &request.resource)?;
        self.context_conforms(action, &request.context)?;
        let mut absent = BTreeSet::new();
        let mut look_up = |uid: &EntityUid| {
            let place = world.place(uid);
            if place.is_none() {
                absent.insert(uid.clone());
            }
            place
        };
        let (principal, resource) = (look_up(&request.principal), look_up(&request.resource));
        for value in request.context.values() {
            value.for_each_entity(&mut |uid| {
                look_up(uid);
            });
        }
        match (principal, resource) {
            (Some(principal), Some(resource)) if absent.is_empty() => {
                Ok(Examined::Ready(Ready { action, principal, resource }))
            }
            _ => Ok(Examined::Absent(absent.into_iter().map(Fault::Absent).collect())),
        }
    }

    pub(crate) fn belongs_to(&self, world: &World) -> Result<(), Error> {
        let same = Arc::ptr_eq(world.schema(), self.schema()) || world.schema() == self.schema();
        if same { Ok(()) } else { Err(Error::schema()) }
    }

    /// Whether the action takes an entity of that type there. A type that the schema lacks has no
    /// entities: such a request is denied for its absence, like any other entity that is not there.
    fn takes(&self, action: &Action, role: &str, types: &[TypeId], uid: &EntityUid) -> Result<(), Error> {
        match self.schema().type_id(uid.type_name()) {
            Some(ty) if !types.contains(&ty) => {
                Err(Error::request(format!("{} takes no {role} of type `{}`", action.uid, uid.type_name())))
            }
            _ => Ok(()),
        }
    }

    fn context_conforms(&self, action: &Action, context: &BTreeMap<Arc<str>, Value>) -> Result<(), Error> {
        let refuse = |why: String| Error::request(format!("the context of {}: {why}", action.uid));
        for (name, field) in action.context.iter() {
            match context.get(name) {
                Some(value) => {
                    conforms(self.schema(), &field.ty, value)
                        .map_err(|e| refuse(format!("`{name}`: {e}")))?;
                }
                None if field.required => return Err(refuse(format!("`{name}` is missing"))),
                None => {}
            }
        }
        match context.keys().find(|name| !action.context.contains_key(*name)) {
            Some(name) => Err(refuse(format!("`{name}` is not in the schema"))),
            None => Ok(()),
        }
    }
}

/// A request that makes sense under the schema.
pub(crate) enum Examined<'a> {
    /// Some entity that it names is not in the data.
    Absent(Vec<Fault>),
    Ready(Ready<'a>),
}

/// A request whose every entity is in the data.
pub(crate) struct Ready<'a> {
    pub(crate) action: &'a Action,
    pub(crate) principal: Place,
    pub(crate) resource: Place,
}
