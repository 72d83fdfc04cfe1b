//! Policies ready to answer: what was loaded, and what was found out since about them and the worlds that were asked.
//!
//! Every question is a method of [`Engine`], written where the question has its folder; a [`Ward`](crate::Ward) shares
//! one and gives it the world and the question.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::cache::{Link, Links};
use crate::ir::Program;
use crate::model::context::{Fields, now};
use crate::model::{Action, Context, Error, Provenance, Request, Schema, Source, TypeId};
use crate::policy::{Catalogue, Loaded, Policy};
use crate::world::World;

pub(crate) struct Engine {
    pub(crate) loaded: Loaded,
    pub(crate) by_id: HashMap<Arc<str>, usize>,
    pub(crate) links: Links,
    pub(crate) catalogue: Option<Catalogue>,
}

impl Engine {
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.loaded.schema
    }

    pub(crate) fn policies(&self) -> &[Policy] {
        &self.loaded.policies
    }

    pub(crate) fn policy(&self, id: &str) -> Option<&Policy> {
        self.loaded.policies.get(*self.by_id.get(id)?)
    }

    /// The text that a policy was read from.
    pub(crate) fn source(&self, id: &str) -> Option<&Source> {
        self.loaded.sources.get(id)
    }

    pub(crate) fn policy_hash(&self) -> &Arc<str> {
        &self.loaded.hash
    }

    /// What an answer is made from, that is given in a context.
    pub(crate) fn provenance(&self, version: u64, context: &Fields) -> Provenance {
        Provenance::new(self.policy_hash().clone(), version, now(context))
    }

    pub(crate) fn program(&self, principal: TypeId, action: &Action, resource: TypeId) -> &Arc<Program> {
        self.loaded.program(principal, action, resource)
    }

    pub(crate) fn action(&self, name: &str) -> Result<&Action, Error> {
        self.schema().known_action(name)
    }

    /// A context's fields as they are given to an action: with the time, where the action asks for it.
    pub(crate) fn fields<'a>(&self, action: &str, context: &'a Context) -> Result<Cow<'a, Fields>, Error> {
        Ok(context.for_action(self.action(action)?))
    }

    /// A context's fields as they are given to every action of principals and on resources of these types.
    pub(crate) fn fields_for<'a>(
        &self,
        principal: &str,
        resource: &str,
        context: &'a Context,
    ) -> Cow<'a, Fields> {
        context.for_actions(self.schema().actions_for(principal, resource))
    }

    /// A request whose context holds the time, where the action asks for it.
    pub(crate) fn settled<'a>(&self, request: &'a Request) -> Result<Cow<'a, Request>, Error> {
        Ok(match self.fields(&request.action, &request.context)? {
            Cow::Borrowed(_) => Cow::Borrowed(request),
            Cow::Owned(fields) => Cow::Owned(request.clone().in_context(fields)),
        })
    }

    /// What is kept of these policies for a world.
    pub(crate) fn link(&self, world: &World) -> Arc<Link> {
        self.links.of(&self.loaded, world)
    }
}
