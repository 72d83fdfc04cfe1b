//! Which facts a change may touch: what it may propose, and what is for others to set.
//!
//! INVARIANT: nothing is proposed that the catalogue says others set (`set_by`), nor that somebody should come to be
//! in a team or a role of which only a policy speaks.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::step::{Step, What, held};
use crate::ir::{Fact, Node, Program};
use crate::model::{Action, EntityUid, Request, Type, Value};
use crate::policy::Catalogue;
use crate::world::{Place, World};

/// How far a search reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// What can be proposed.
    Proposed,
    /// What others set too: what the decision hangs on.
    Kept,
}

/// Which facts may be changed at all.
pub(super) struct Gate<'a> {
    world: &'a World,
    request: &'a Request,
    pub(super) action: &'a Action,
    principal: Place,
    catalogue: Option<&'a Catalogue>,
    reach: Reach,
    /// Entities that the policies name.
    named: BTreeSet<EntityUid>,
}

impl<'a> Gate<'a> {
    pub(super) fn new(
        world: &'a World,
        request: &'a Request,
        action: &'a Action,
        program: &Program,
        principal: Place,
        catalogue: Option<&'a Catalogue>,
    ) -> Self {
        let mut named = BTreeSet::new();
        for id in program.ids() {
            if let Node::Const(value) = program.node(id) {
                value.for_each_entity(&mut |uid| {
                    named.insert(uid.clone());
                });
            }
        }
        Gate { world, request, action, principal, catalogue, reach: Reach::Proposed, named }
    }

    pub(super) fn reaching(self, reach: Reach) -> Self {
        Gate { reach, ..self }
    }

    /// Who sets a fact, where the catalogue says that others do.
    pub(super) fn set_by(&self, fact: &Fact) -> Option<&'a Arc<str>> {
        match fact {
            Fact::Attribute(place, attr) => self.catalogue?.of(place.0)?.set_by.get(attr),
            Fact::Given(_) | Fact::Tag(..) | Fact::Above(_) => None,
        }
    }

    /// Whether a fact may be changed: never the clock (a `datetime` of the context that is called `now`), never what
    /// an entity lies in.
    pub(super) fn is_open(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Given(name) => {
                let is_datetime = self.action.context.get(name).is_some_and(|f| f.ty == Type::Datetime);
                !(name.as_ref() == "now" && is_datetime)
            }
            Fact::Attribute(place, _) => match self.reach {
                Reach::Proposed => self.set_by(fact).is_none(),
                // A role that somebody does not hold anywhere is not what their decision hangs on.
                Reach::Kept => {
                    *place != self.principal || self.set_by(fact).is_none() || !self.is_nothing(fact)
                }
            },
            Fact::Tag(..) => true,
            Fact::Above(_) => false,
        }
    }

    fn is_nothing(&self, fact: &Fact) -> bool {
        match held(self.world, self.request.context.fields(), fact) {
            Some(Value::Set(all)) => all.is_empty(),
            _ => false,
        }
    }

    /// Whether a change may be made: not one by which the person comes to be of something that a policy names.
    pub(super) fn takes(&self, step: &Step) -> bool {
        let is_own = matches!(&step.spot.fact, Fact::Attribute(place, _) | Fact::Tag(place, _) if *place == self.principal);
        if !self.is_open(&step.spot.fact) {
            return false;
        }
        let (What::Put(value) | What::Add(value)) = &step.what else { return true };
        if !is_own {
            return true;
        }
        let mut joins = false;
        value.for_each_entity(&mut |uid| joins |= self.named.contains(uid));
        !joins
    }
}
