//! Decisions by the million: one request environment, entities found beforehand.

use std::borrow::Cow;
use std::sync::Arc;

use crate::cache::{Classes, Link};
use crate::engine::Engine;
use crate::ir::graph::Given;
use crate::model::interrupt::Pulse;
use crate::model::schema::Environment;
use crate::model::{Action, Context, EntityUid, Error, Provenance, RequestEnvironment, TypeId, interrupt};
use crate::world::{Handle, Place, Row, World};

/// Decides requests of one principal type, action and resource type, as fast as can be.
///
/// It gives the decision of [`Ward::check`](crate::Ward::check), without its reasons. It is made once and shared between threads.
///
/// # Example
/// ```
/// use caseward::attendance::Sample;
/// use caseward::{ActionName, Context, EntityUid, RequestEnvironment, TypeName, Ward};
/// # let ward = Ward::attendance()?;
/// # let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
/// let (users, cases) = (TypeName::new("User"), TypeName::new("Case"));
/// let environment = RequestEnvironment::new(users, ActionName::new("viewSummary"), cases);
/// let may_see = ward.decider(&world, &environment)?;
/// let context = may_see.prepare(&Context::at(1_778_446_800_000))?;
/// let (user, case) = (EntityUid::new("User", "u00001"), EntityUid::new("Case", "c0000001"));
/// let (user, case) = (world.handle(&user), world.handle(&case));
/// if let (Some(user), Some(case)) = (user, case) {
///     let _: bool = may_see.allows(user, case, &context)?;
/// }
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone)]
pub struct Decider {
    engine: Arc<Engine>,
    world: World,
    link: Arc<Link>,
    classes: Arc<Classes>,
    environment: Environment,
}

/// A context that one [`Decider`] takes, looked up in its world.
#[derive(Clone, Debug)]
pub struct Prepared {
    given: Given<'static>,
    /// Every entity that it names, where all were there; else it is looked up anew for each decision.
    entities: Option<Vec<Place>>,
    /// The world and the action that it is for.
    belongs_to: (u64, usize),
}

/// Decisions on a column of pairs, all made of one version of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decisions {
    /// Whether each pair is allowed, in their order.
    pub allowed: Vec<bool>,
    /// What they were made from.
    pub provenance: Provenance,
}

impl Engine {
    pub(crate) fn decider(
        self: &Arc<Self>,
        world: &World,
        environment: &RequestEnvironment,
    ) -> Result<Decider, Error> {
        let RequestEnvironment { principal_type, action, resource_type } = environment;
        self.belongs_to(world)?;
        let (principal, resource) =
            (self.schema().known_type(principal_type)?, self.schema().known_type(resource_type)?);
        let action = self.action(action)?;
        self.takes(action, "principal", &action.principals, principal_type)?;
        self.takes(action, "resource", &action.resources, resource_type)?;
        let environment = (principal, action.place, resource);
        let link = self.link(world);
        let classes = link.classes(environment).clone();
        Ok(Decider { engine: self.clone(), world: world.clone(), link, classes, environment })
    }
}

impl Decider {
    fn action(&self) -> Option<&Action> {
        self.engine.schema().actions().get(self.environment.1)
    }

    /// A context for this decider's action.
    ///
    /// # Errors
    /// [`Error::is_request`] for a context of another shape.
    pub fn prepare(&self, context: &Context) -> Result<Prepared, Error> {
        let action = self.action().ok_or_else(Error::schema)?;
        let values = context.for_action(action).into_owned();
        self.engine.context_conforms(action, &values)?;
        let given = Given::new(&self.world, &action.context, Cow::Owned(values));
        let mut entities = Some(Vec::new()).filter(|_| given.is_known());
        for value in given.values.values() {
            value.for_each_entity(&mut |uid| match (self.world.place(uid), &mut entities) {
                (Some(place), Some(entities)) => entities.push(place),
                _ => entities = None,
            });
        }
        Ok(Prepared { given, entities, belongs_to: (self.world.identity(), action.place) })
    }

    /// Whether the policies allow it, failing closed: an entity that is not in the data is denied.
    ///
    /// Takes no lock, and sees whole batches of changes. Cost: some tens of nanoseconds.
    ///
    /// # Errors
    /// [`Error::is_request`] for a handle or a context of another world, or of another type or action.
    #[inline]
    pub fn allows(&self, principal: Handle, resource: Handle, context: &Prepared) -> Result<bool, Error> {
        let (principal, resource) = (self.world.place_of(principal)?, self.world.place_of(resource)?);
        if (principal.0, resource.0) != (self.environment.0, self.environment.2)
            || context.belongs_to != (self.world.identity(), self.environment.1)
        {
            return Err(self.misplaced());
        }
        Ok(self.world.consistent(|| self.decide(principal, resource, context)).0)
    }

    /// As [`Decider::allows`], by name.
    ///
    /// # Errors
    /// As [`Decider::allows`].
    pub fn allows_named(
        &self,
        principal: &EntityUid,
        resource: &EntityUid,
        context: &Prepared,
    ) -> Result<bool, Error> {
        match (self.world.handle(principal), self.world.handle(resource)) {
            (Some(principal), Some(resource)) => self.allows(principal, resource, context),
            _ => Ok(false),
        }
    }

    /// As [`Decider::decide_columns`], by the ids of entities of this decider's types.
    ///
    /// An id that follows itself is looked up once.
    ///
    /// # Errors
    /// [`Error::is_request`] for columns of two lengths and a context of another world or action.
    pub fn decide_ids(
        &self,
        principals: &[&str],
        resources: &[&str],
        context: &Prepared,
    ) -> Result<Decisions, Error> {
        if principals.len() != resources.len() {
            return Err(lengths(principals.len(), resources.len()));
        }
        if context.belongs_to != (self.world.identity(), self.environment.1) {
            return Err(self.misplaced());
        }
        let _still = self.world.still();
        let mut allowed = Vec::with_capacity(principals.len());
        for (principals, resources) in principals.chunks(BLOCK).zip(resources.chunks(BLOCK)) {
            interrupt::ask()?;
            let from = places(&self.world, self.environment.0, principals);
            let to = places(&self.world, self.environment.2, resources);
            allowed.extend(from.into_iter().zip(to).map(|pair| match pair {
                (Some(principal), Some(resource)) => self.decide(principal, resource, context),
                _ => false,
            }));
        }
        Ok(Decisions {
            allowed,
            provenance: self.engine.provenance(self.world.version(), &context.given.values),
        })
    }

    /// Decides a column of pairs, on one version of the data.
    ///
    /// Batches of changes wait until it is done: split a long column where they may not wait for it.
    ///
    /// # Errors
    /// [`Error::is_request`] for columns of two lengths, and as [`Decider::allows`].
    pub fn decide_columns(
        &self,
        principals: &[Handle],
        resources: &[Handle],
        context: &Prepared,
    ) -> Result<Decisions, Error> {
        if principals.len() != resources.len() {
            return Err(lengths(principals.len(), resources.len()));
        }
        let _still = self.world.still();
        let pulse = Pulse::default();
        let pairs = principals.iter().zip(resources);
        let allowed = pairs.map(|(principal, resource)| {
            pulse.step()?;
            self.allows(*principal, *resource, context)
        });
        Ok(Decisions {
            allowed: allowed.collect::<Result<_, _>>()?,
            provenance: self.engine.provenance(self.world.version(), &context.given.values),
        })
    }

    /// As [`Decider::allows`], by the numbers of the two among the entities of their types, as
    /// [`Handle::number`] gives them. A number that no entity has is denied.
    ///
    /// For callers to whom a handle is a number: other languages, columns of data.
    ///
    /// # Errors
    /// [`Error::is_request`] for a context of another world or action.
    #[inline]
    pub fn allows_numbered(&self, principal: u32, resource: u32, context: &Prepared) -> Result<bool, Error> {
        self.allows(
            self.numbered(self.environment.0, principal),
            self.numbered(self.environment.2, resource),
            context,
        )
    }

    /// As [`Decider::decide_columns`], by numbers. A column of one number stands for as many as the other has.
    ///
    /// # Errors
    /// [`Error::is_request`] for columns of two lengths, and as [`Decider::allows_numbered`].
    pub fn decide_numbered(
        &self,
        principals: &[u32],
        resources: &[u32],
        context: &Prepared,
    ) -> Result<Decisions, Error> {
        let len = if principals.len() == 1 { resources.len() } else { principals.len() };
        let handles = |ty: TypeId, numbers: &[u32]| match numbers {
            [only] => vec![self.numbered(ty, *only); len],
            _ => numbers.iter().map(|&number| self.numbered(ty, number)).collect(),
        };
        let (principal, _, resource) = self.environment;
        self.decide_columns(&handles(principal, principals), &handles(resource, resources), context)
    }

    fn numbered(&self, ty: TypeId, number: u32) -> Handle {
        Handle { epoch: self.world.epoch(), ty, row: Row(number) }
    }

    #[inline]
    fn decide(&self, principal: Place, resource: Place, context: &Prepared) -> bool {
        let world = &self.world;
        if !world.has(principal) || !world.has(resource) {
            return false;
        }
        let compiled =
            self.link.compiled(&self.engine.loaded, world, &self.classes, self.environment, principal);
        match &context.entities {
            Some(entities) => {
                entities.iter().all(|&place| world.has(place))
                    && compiled.allows(world, principal, resource, &context.given)
            }
            None => {
                context.given.names_only(|uid| world.contains(uid))
                    && compiled.evaluate(world, principal, resource, &context.given)
            }
        }
    }

    fn misplaced(&self) -> Error {
        let name = |ty| self.engine.schema().entity_type(ty).map_or("?", |ty| ty.name.as_ref());
        let action = self.action().map_or_else(String::new, |action| action.uid.to_string());
        let (principal, resource) = (name(self.environment.0), name(self.environment.2));
        Error::request(format!(
            "this decides for principals of type `{principal}`, {action} and resources of type `{resource}`, \
            with a context that it made"
        ))
    }
}

fn lengths(principals: usize, resources: usize) -> Error {
    Error::request(format!("{principals} principals, and {resources} resources"))
}

/// Rows of a column that are looked up together.
const BLOCK: usize = 256;

/// Where entities of a type are; an id that follows itself is looked up once.
fn places(world: &World, ty: TypeId, ids: &[&str]) -> Vec<Option<Place>> {
    let mut different = ids.to_vec();
    different.dedup();
    let found = world.places_of_ids(ty, &different);
    if different.len() == ids.len() {
        return found;
    }
    let mut found = different.into_iter().zip(found).peekable();
    let place = |id: &&str| {
        while found.peek().is_some_and(|(known, _)| known != id) {
            found.next();
        }
        found.peek().and_then(|(_, place)| *place)
    };
    ids.iter().map(place).collect()
}

impl std::fmt::Debug for Decider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let action = self.action().map(|action| action.uid.to_string());
        f.debug_struct("Decider").field("action", &action).finish_non_exhaustive()
    }
}
