//! One decision: may this person do this to that record?

pub(crate) mod actions;
mod decider;
mod reads;
mod request;
pub(crate) mod slice;

pub use decider::{Decider, Decisions, Prepared};
pub use reads::Reads;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::decide::slice::gather;
use crate::engine::Engine;
use crate::ir::graph::Given;
use crate::ir::{Evaluation, Program};
use crate::model::context::Fields;
use crate::model::{
    Action, Answer, Attribute, Decision, Effect, EntityUid, Error, Fault, Provenance, Request, TypeId, Value,
};
use crate::policy::{Question, Roots};
use crate::world::{Place, World, conforms};

impl Engine {
    /// A request's decision, with its context as it is given to the action.
    ///
    /// By what is left of the policies for people such as the principal, where the world is asked often enough for
    /// that to be worth its making.
    pub(crate) fn check(&self, world: &World, request: &Request, context: &Fields) -> Result<Answer, Error> {
        let link = self.links.of_often_asked(&self.loaded, world);
        let decide = || {
            let examined = self.examine_in(world, request, context)?;
            let Some(ready) = examined.ready() else {
                return Ok(self.deny_absent(world, context, examined.absent));
            };
            let Ready { action, principal, resource } = ready;
            let Some(link) = &link else {
                let program = self.program(principal.0, action, resource.0);
                return Ok(self.decide(world, context, program, (principal, resource)));
            };
            let environment = (principal.0, action.place, resource.0);
            let classes = link.classes(environment);
            let compiled = link.compiled(&self.loaded, world, classes, environment, principal);
            let given = Given::new(world, &action.context, Cow::Borrowed(context));
            let places = (principal, resource);
            let decided = match given.is_known() {
                true => compiled.decide(world, places, action, &given),
                false => None,
            };
            Ok(match decided {
                Some((allowed, policies)) => self.decided(world, context, allowed, &policies),
                None => self.decide(world, context, &compiled.program, places),
            })
        };
        let (answer, version) = world.consistent(decide);
        answer.map(|answer| Answer { provenance: Provenance { version, ..answer.provenance }, ..answer })
    }

    pub(crate) fn check_by_reference(&self, world: &World, request: &Request) -> Result<Answer, Error> {
        let _still = world.still();
        let examined = self.examine(world, request)?;
        Ok(match examined.ready() {
            Some(ready) => self.decide_by_reference(world, request, &ready),
            None => self.deny_absent(world, request.context.fields(), examined.absent),
        })
    }

    pub(crate) fn deny_absent(
        &self,
        world: &World,
        context: &BTreeMap<Arc<str>, Value>,
        absent: BTreeSet<EntityUid>,
    ) -> Answer {
        let faults = absent.into_iter().map(Fault::Absent).collect();
        self.answer(world, context, Decision::Deny, Vec::new(), faults)
    }

    /// What a program decides: that of the environment, or what is left of it for some principals, this one
    /// among them.
    fn decide(
        &self,
        world: &World,
        context: &BTreeMap<Arc<str>, Value>,
        program: &Program,
        (principal, resource): (Place, Place),
    ) -> Answer {
        let mut evaluation = Evaluation::new(program, world, principal, Some(resource), context);
        let (mut permits, mut forbids, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        let last = program.entries.len().saturating_sub(1);
        for (at, entry) in program.entries.iter().enumerate() {
            if at == last && mutant!(ForgetLastPolicy) {
                continue;
            }
            let Some(policy) = self.policies().get(entry.policy) else { continue };
            match (evaluation.holds(entry.root), entry.effect) {
                (Ok(false), _) => {}
                (Ok(true), Effect::Forbid) if mutant!(DropForbid) => {}
                (Err(_), _) if mutant!(IgnoreFailure) => {}
                (Err(_), Effect::Forbid) if mutant!(IgnoreForbidFailure) => {}
                (Ok(true), Effect::Permit) => permits.push(policy.id.clone()),
                (Ok(true), Effect::Forbid) => forbids.push(policy.id.clone()),
                (Err(failure), _) => {
                    faults.push(Fault::Policy { id: policy.id.clone(), message: failure.to_string() });
                }
            }
        }
        let allowed = !permits.is_empty() && forbids.is_empty() && faults.is_empty();
        let (decision, policies) = match allowed {
            true => (Decision::Allow, permits),
            false => (Decision::Deny, forbids),
        };
        self.answer(world, context, decision, policies, faults)
    }

    /// The answer that names policies by their places.
    fn decided(&self, world: &World, context: &Fields, allowed: bool, policies: &[usize]) -> Answer {
        let mut ids = Vec::with_capacity(policies.len());
        let mut rules: Vec<Arc<str>> = Vec::with_capacity(policies.len());
        for policy in policies.iter().filter_map(|at| self.policies().get(*at)) {
            ids.push(policy.id.clone());
            match &policy.rule {
                Some(rule) if !rules.contains(rule) => rules.push(rule.clone()),
                _ => {}
            }
        }
        let decision = if allowed { Decision::Allow } else { Decision::Deny };
        let provenance = self.provenance(world.version(), context);
        Answer { decision, policies: ids, rules, errors: Vec::new(), provenance }
    }

    fn decide_by_reference(&self, world: &World, request: &Request, ready: &Ready<'_>) -> Answer {
        let context = Value::Record(request.context.fields().clone());
        let verdict = self.loaded.reference.decide(self.question(world, request, ready, &context));
        let decision = if verdict.allowed { Decision::Allow } else { Decision::Deny };
        let ids = verdict.policies.into_iter().map(Arc::from).collect();
        let faults = verdict.errors.into_iter().map(|(id, message)| Fault::Policy { id: id.into(), message });
        self.answer(world, request.context.fields(), decision, ids, faults.collect())
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
            facts: gather(
                world,
                self.roots(ready),
                ready.principal,
                ready.resource,
                request.context.fields(),
            ),
        }
    }

    pub(crate) fn roots(&self, ready: &Ready<'_>) -> &Roots {
        self.loaded.needs().of(ready.principal.0, &ready.action.uid, ready.resource.0)
    }

    pub(crate) fn answer(
        &self,
        world: &World,
        context: &BTreeMap<Arc<str>, Value>,
        decision: Decision,
        policies: Vec<Arc<str>>,
        errors: Vec<Fault>,
    ) -> Answer {
        let rules = self.rules_of(&policies);
        Answer { decision, policies, rules, errors, provenance: self.provenance(world.version(), context) }
    }

    /// The answer to what is no request.
    pub(crate) fn refused_unread(&self, world: &World, why: String) -> Answer {
        let errors = vec![Fault::Request(why)];
        self.answer(world, &BTreeMap::new(), Decision::Deny, Vec::new(), errors)
    }

    /// The rules that policies write down, each once.
    pub(crate) fn rules_of(&self, policies: &[Arc<str>]) -> Vec<Arc<str>> {
        let mut rules: Vec<Arc<str>> = Vec::new();
        for rule in policies.iter().filter_map(|id| self.policy(id)?.rule.as_ref()) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
        rules
    }

    /// Checks the request against the schema and the data; its context holds the time, where the action asks for it.
    pub(crate) fn examine<'a>(&'a self, world: &World, request: &Request) -> Result<Examined<'a>, Error> {
        self.examine_in(world, request, request.context.fields())
    }

    fn examine_in<'a>(
        &'a self,
        world: &World,
        request: &Request,
        context: &Fields,
    ) -> Result<Examined<'a>, Error> {
        let Request { principal, action, resource, .. } = request;
        let asked = self.examine_asker(world, principal, action, resource.type_name(), context)?;
        let Asker { action, principal, mut absent } = asked;
        let place = world.place(resource);
        if place.is_none() {
            absent.insert(resource.clone());
        }
        Ok(Examined { action, principal, resource: place, absent })
    }

    /// As [`Ward::examine`], for whatever record of a type.
    pub(crate) fn examine_asker<'a>(
        &'a self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Asker<'a>, Error> {
        self.belongs_to(world)?;
        let action = self.action(action)?;
        self.takes(action, "principal", &action.principals, principal.type_name())?;
        self.takes(action, "resource", &action.resources, resource_type)?;
        self.context_conforms(action, context)?;
        let (principal, absent) = look_up(world, principal, context);
        Ok(Asker { action, principal, absent })
    }

    /// As [`Ward::examine`], for whatever person of a type.
    pub(crate) fn examine_asked<'a>(
        &'a self,
        world: &World,
        action: &str,
        resource: &EntityUid,
        principal_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<AskedOf<'a>, Error> {
        self.belongs_to(world)?;
        let action = self.action(action)?;
        self.takes(action, "principal", &action.principals, principal_type)?;
        self.takes(action, "resource", &action.resources, resource.type_name())?;
        self.context_conforms(action, context)?;
        let (resource, absent) = look_up(world, resource, context);
        Ok(AskedOf { action, resource, absent })
    }

    pub(crate) fn belongs_to(&self, world: &World) -> Result<(), Error> {
        // What there is in the data is said by the types alone: actions may differ.
        let same = Arc::ptr_eq(world.schema(), self.schema())
            || world.schema().entity_types() == self.schema().entity_types();
        if same { Ok(()) } else { Err(Error::schema()) }
    }

    /// Whether the action takes an entity of that type there. What the schema lacks, or the action does not take,
    /// makes no sense and is an error; what the data lacks alone is denied.
    pub(crate) fn takes(&self, action: &Action, role: &str, types: &[TypeId], of: &str) -> Result<(), Error> {
        match types.contains(&self.schema().known_type(of)?) {
            true => Ok(()),
            false => Err(Error::request(format!("{} takes no {role} of type `{of}`", action.uid))),
        }
    }

    /// Whether a value is of a field's type.
    pub(crate) fn field_conforms(
        &self,
        action: &Action,
        name: &str,
        field: &Attribute,
        value: &Value,
    ) -> Result<(), Error> {
        conforms(self.schema(), &field.ty, value)
            .map_err(|e| Error::request(format!("the context of {}: `{name}`: {e}", action.uid)))
    }

    pub(crate) fn context_conforms(
        &self,
        action: &Action,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<(), Error> {
        let refuse = |why: String| Error::request(format!("the context of {}: {why}", action.uid));
        for (name, field) in action.context.iter() {
            match context.get(name) {
                Some(value) => self.field_conforms(action, name, field, value)?,
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

/// Where an entity is, and every one that it and the context name and the data lacks.
fn look_up(
    world: &World,
    uid: &EntityUid,
    context: &BTreeMap<Arc<str>, Value>,
) -> (Option<Place>, BTreeSet<EntityUid>) {
    let mut absent = BTreeSet::new();
    let mut look_up = |uid: &EntityUid| {
        let place = world.place(uid);
        if place.is_none() {
            absent.insert(uid.clone());
        }
        place
    };
    let place = look_up(uid);
    for value in context.values() {
        value.for_each_entity(&mut |uid| {
            look_up(uid);
        });
    }
    (place, absent)
}

/// What is asked of a record, by whatever person of a type, looked up in the data.
pub(crate) struct AskedOf<'a> {
    pub(crate) action: &'a Action,
    pub(crate) resource: Option<Place>,
    /// Every entity that resource and context name and the data lacks.
    pub(crate) absent: BTreeSet<EntityUid>,
}

/// Who asks what, of whatever record of a type, looked up in the data.
pub(crate) struct Asker<'a> {
    pub(crate) action: &'a Action,
    pub(crate) principal: Option<Place>,
    /// Every entity that principal and context name and the data lacks.
    pub(crate) absent: BTreeSet<EntityUid>,
}

/// A request that makes sense under the schema, looked up in the data.
pub(crate) struct Examined<'a> {
    pub(crate) action: &'a Action,
    pub(crate) principal: Option<Place>,
    pub(crate) resource: Option<Place>,
    /// Every entity that the request names and the data lacks.
    pub(crate) absent: BTreeSet<EntityUid>,
}

impl<'a> Examined<'a> {
    /// The request, if all that it names is there.
    pub(crate) fn ready(&self) -> Option<Ready<'a>> {
        match (self.principal, self.resource) {
            (Some(principal), Some(resource)) if self.absent.is_empty() => {
                Some(Ready { action: self.action, principal, resource })
            }
            _ => None,
        }
    }
}

/// A request whose every entity is in the data.
pub(crate) struct Ready<'a> {
    pub(crate) action: &'a Action,
    pub(crate) principal: Place,
    pub(crate) resource: Place,
}
