//! What a viewer may see of the facts that an explanation speaks of.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::engine::Engine;
use crate::ir::Fact;
use crate::model::context::Fields;
use crate::model::{ActionName, AttrId, EntityUid, Error, Request, Type, Value};
use crate::world::World;

/// What a viewer may see. An explanation for a viewer is made from that alone, and from the decision.
pub trait Sight {
    /// Whether it is this person's own sight: of their own requests they are told the decision in any case.
    fn is_of(&self, person: &EntityUid) -> bool;
    /// Whether the viewer may know that an entity is there. One that they may not know of is explained as absent.
    fn may_know(&self, entity: &EntityUid) -> bool;
    /// Whether the viewer may see an attribute of an entity: its value, or that there is none.
    fn may_see(&self, entity: &EntityUid, attribute: &str) -> bool;
    /// Whether the viewer may see the tags of an entity and what it lies in.
    fn may_see_whole(&self, entity: &EntityUid) -> bool;
    /// Whether the viewer may see who may do what to a record: not, unless this says so. Whoever may not is told
    /// nothing of what is decided of others.
    fn may_see_who(&self, _record: &EntityUid) -> bool {
        false
    }
}

/// Which actions show what, for [`Ward::viewer`](crate::Ward::viewer); [`Ward::disclosure`](crate::Ward::disclosure) makes it from the catalogue of fields.
///
/// What it does not name is shown to nobody but whom it is about, and to those whom `unlocks` lets see all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disclosure {
    /// By type of the record that is explained, the action that shows all that an explanation says, and who may do
    /// what to it: without it a person is told nothing of what is decided of others.
    pub unlocks: BTreeMap<Arc<str>, Arc<str>>,
    /// By entity type, the actions any of which lets a person know that an entity is there.
    ///
    /// An entity of a type that stands neither here, nor in `unlocks`, nor in `known` is known to nobody but itself;
    /// the entities that the schema lists are known to all.
    pub knows: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// The entity types of whose entities everybody may know, though not what they hold.
    pub known: BTreeSet<Arc<str>>,
    /// By entity type and attribute, the actions any of which shows it: on the entity, where the action takes it;
    /// else on the record that is explained or on what it leads to, where references that are shown lead to the
    /// entity.
    pub shows: BTreeMap<TypeAndAttribute, BTreeSet<Arc<str>>>,
    /// By entity type and attribute, what everybody may see.
    pub open: BTreeSet<TypeAndAttribute>,
}

/// An attribute, by the name of the entity type and its own.
type TypeAndAttribute = (Arc<str>, Arc<str>);

/// References that are followed from a record to find what belongs to it.
const STEPS: usize = 3;

/// What one person may see of what one request is about.
pub struct Viewer<'a> {
    ward: &'a Engine,
    world: &'a World,
    disclosure: &'a Disclosure,
    who: EntityUid,
    record: EntityUid,
    /// What the actions of the disclosure are asked with.
    context: BTreeMap<Arc<str>, Value>,
    /// Entities that the context names and that the viewer may know of.
    named: BTreeSet<EntityUid>,
    sees_all: bool,
    /// What the visible part of the record leads to, the record too.
    belongs: BTreeSet<EntityUid>,
    allowed: RefCell<HashMap<(Arc<str>, EntityUid), bool>>,
}

impl Engine {
    pub(crate) fn viewer<'a>(
        &'a self,
        world: &'a World,
        who: &EntityUid,
        request: &Request,
        disclosure: &'a Disclosure,
    ) -> Result<Viewer<'a>, Error> {
        self.belongs_to(world)?;
        disclosure.check(self)?;
        let mut viewer = Viewer {
            ward: self,
            world,
            disclosure,
            who: who.clone(),
            record: request.resource.clone(),
            context: BTreeMap::new(),
            named: BTreeSet::new(),
            sees_all: false,
            belongs: BTreeSet::from([request.resource.clone()]),
            allowed: RefCell::default(),
        };
        viewer.take(request.context.fields());
        viewer.follow();
        Ok(viewer)
    }

    /// The entities that a context names and of which `who`, who asks about `record`, may not know.
    pub(crate) fn unseen_in(
        &self,
        world: &World,
        (who, record): (&EntityUid, &EntityUid),
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<BTreeSet<EntityUid>, Error> {
        let mut unseen = named_in(context);
        if unseen.is_empty() {
            return Ok(unseen);
        }
        let disclosure = self.disclosure()?;
        // The action is asked by nobody here.
        let request = Request {
            context: context.clone().into(),
            ..Request::new(who.clone(), ActionName::new(""), record.clone())
        };
        let viewer = self.viewer(world, who, &request, &disclosure)?;
        unseen.retain(|uid| !viewer.named.contains(uid));
        Ok(unseen)
    }

    /// As [`Ward::unseen_in`], for all records of a type at once.
    pub(crate) fn unseen_with(
        &self,
        world: &World,
        (who, ty): (&EntityUid, &str),
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Unseen, Error> {
        if named_in(context).is_empty() {
            return Ok(Unseen::default());
        }
        let whole = self.disclosure()?;
        let locked = Disclosure { unlocks: BTreeMap::new(), ..whole.clone() };
        let mut named = named_in(context);
        // Which record it is matters to what is unlocked alone.
        let any = EntityUid::new(ty, "");
        let request = Request::new(who.clone(), ActionName::new(""), any).in_context(context.clone());
        let viewer = self.viewer(world, who, &request, &locked)?;
        named.retain(|uid| !viewer.named.contains(uid));
        let is_unlocked = |uid: &&EntityUid| {
            let name = uid.type_name();
            world.contains(uid) && (whole.knows.contains_key(name) || whole.unlocks.contains_key(name))
        };
        let anyhow = named.iter().filter(|uid| !is_unlocked(uid)).cloned().collect();
        let plain = context.iter().filter(|(_, value)| !names_any(value));
        let plain = plain.map(|(name, value)| (name.clone(), value.clone())).collect();
        let unlocks = whole.unlocks.get(ty).map(|action| (action.clone(), plain));
        Ok(Unseen { locked: named, anyhow, unlocks })
    }
}

/// The entities that a context names and that a person may not know of, who asks about records of one type.
#[derive(Default)]
pub(crate) struct Unseen {
    /// Those that they may not know of where the record does not unlock all.
    pub(crate) locked: BTreeSet<EntityUid>,
    /// Those of them that they may not know of even where it does.
    pub(crate) anyhow: BTreeSet<EntityUid>,
    /// The action that unlocks all of a record, and what of the context it is asked with.
    pub(crate) unlocks: Option<(Arc<str>, Fields)>,
}

fn named_in(context: &BTreeMap<Arc<str>, Value>) -> BTreeSet<EntityUid> {
    let mut named = BTreeSet::new();
    context.values().for_each(|value| {
        value.for_each_entity(&mut |uid| {
            named.insert(uid.clone());
        });
    });
    named
}

fn names_any(value: &Value) -> bool {
    let mut any = false;
    value.for_each_entity(&mut |_| any = true);
    any
}

impl Disclosure {
    fn check(&self, ward: &Engine) -> Result<(), Error> {
        let schema = ward.schema();
        let shows = self.shows.values().flatten();
        for action in self.unlocks.values().chain(self.knows.values().flatten()).chain(shows) {
            schema.known_action(action)?;
        }
        for ty in self.knows.keys().chain(self.unlocks.keys()).chain(&self.known) {
            schema.known_type(ty)?;
        }
        for (ty, attribute) in self.shows.keys().chain(&self.open) {
            let id = schema.known_type(ty)?;
            if schema.entity_type(id).and_then(|ty| ty.attribute(attribute)).is_none() {
                return Err(Error::request(format!("`{ty}` has no attribute `{attribute}`")));
            }
        }
        Ok(())
    }
}

impl Viewer<'_> {
    /// Takes what a context gives for the actions of the disclosure to be asked with.
    ///
    /// INVARIANT: an entity that it names and of which the viewer may not know is as one that is not there. So
    /// that is found out with what names no entity, and only then the rest is given.
    fn take(&mut self, context: &BTreeMap<Arc<str>, Value>) {
        let (world, disclosure) = (self.world, self.disclosure);
        let unlocks = disclosure.unlocks.get(self.record.type_name());
        let mut named = named_in(context);
        let plain = context.iter().filter(|(_, value)| !names_any(value));
        self.context = plain.map(|(name, value)| (name.clone(), value.clone())).collect();
        self.sees_all = unlocks.is_some_and(|action| self.may(action, &self.record));
        if named.is_empty() {
            return;
        }
        named.retain(|uid| world.contains(uid) && self.may_know(uid));
        let is_known = |value: &Value| {
            let mut all = true;
            value.for_each_entity(&mut |uid| all &= named.contains(uid));
            all
        };
        let known = context.iter().filter(|(_, value)| is_known(value));
        self.context = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        self.named = named;
        self.allowed.take();
        self.sees_all = unlocks.is_some_and(|action| self.may(action, &self.record));
    }

    /// Whether the viewer may do this to that entity; never, where the action does not take it.
    fn may(&self, action: &Arc<str>, entity: &EntityUid) -> bool {
        let key = (action.clone(), entity.clone());
        if let Some(allowed) = self.allowed.borrow().get(&key) {
            return *allowed;
        }
        let allowed = self.ask(action, entity);
        self.allowed.borrow_mut().insert(key, allowed);
        allowed
    }

    fn ask(&self, action: &Arc<str>, entity: &EntityUid) -> bool {
        let Ok(known) = self.ward.schema().known_action(action) else { return false };
        let mut request = Request::new(self.who.clone(), ActionName::new(action), entity.clone());
        let given = self.context.iter().filter(|(name, _)| known.context.contains_key(*name));
        request.context = given.map(|(name, value)| (name.clone(), value.clone())).collect();
        // A request that makes no sense, such as an action on a type that it does not take, shows nothing.
        self.ward
            .check(self.world, &request, request.context.fields())
            .is_ok_and(|answer| answer.is_allowed())
    }

    fn takes(&self, action: &str, ty: &str) -> bool {
        let id = self.ward.schema().type_id(ty);
        let action = self.ward.schema().action(action);
        id.is_some_and(|id| action.is_some_and(|action| action.resources.contains(&id)))
    }

    /// Finds what the record leads to along references that the viewer may see.
    fn follow(&mut self) {
        let mut open = vec![self.record.clone()];
        for _ in 0..STEPS {
            let mut next = Vec::new();
            for entity in std::mem::take(&mut open) {
                let Some(id) = self.ward.schema().type_id(entity.type_name()) else { continue };
                let Some(ty) = self.ward.schema().entity_type(id) else { continue };
                let references = ty.attributes.iter().filter(|(_, a)| matches!(a.ty, Type::Entity(_)));
                for (name, _) in references.filter(|(name, _)| self.may_see(&entity, name)) {
                    if let Some(Value::Entity(uid)) = self.world.found(&entity, name) {
                        next.push(uid);
                    }
                }
            }
            open.extend(next.into_iter().filter(|uid| self.belongs.insert(uid.clone())));
        }
    }
}

impl Sight for Viewer<'_> {
    fn is_of(&self, person: &EntityUid) -> bool {
        *person == self.who
    }

    fn may_know(&self, entity: &EntityUid) -> bool {
        let (disclosure, name) = (self.disclosure, entity.type_name());
        // The schema, which is public, lists them.
        let is_listed = || {
            let ty = self.ward.schema().type_id(name).and_then(|id| self.ward.schema().entity_type(id));
            ty.is_some_and(|ty| ty.choices.is_some())
        };
        if *entity == self.who
            || self.named.contains(entity)
            || disclosure.known.contains(name)
            || is_listed()
        {
            return true;
        }
        let actions = disclosure.knows.get(name);
        if self.sees_all && (actions.is_some() || disclosure.unlocks.contains_key(name)) {
            return true;
        }
        actions.is_some_and(|actions| actions.iter().any(|action| self.may(action, entity)))
    }

    fn may_see(&self, entity: &EntityUid, attribute: &str) -> bool {
        let key = (Arc::from(entity.type_name()), Arc::from(attribute));
        if self.may_see_whole(entity) || self.disclosure.open.contains(&key) {
            return true;
        }
        let Some(actions) = self.disclosure.shows.get(&key) else { return false };
        actions.iter().any(|action| {
            if self.takes(action, entity.type_name()) {
                return self.may(action, entity);
            }
            // By reference alone it is part of the record.
            self.belongs.contains(entity) && self.belongs.iter().any(|part| self.may(action, part))
        })
    }

    fn may_see_whole(&self, entity: &EntityUid) -> bool {
        self.sees_all || (*entity == self.who && self.world.contains(entity))
    }

    fn may_see_who(&self, record: &EntityUid) -> bool {
        self.sees_all && *record == self.record
    }
}

/// Looks at facts through what a viewer may see, or at all of them.
pub(super) struct Lens<'a> {
    world: &'a World,
    sight: Option<&'a dyn Sight>,
    seen: RefCell<HashMap<Fact, bool>>,
}

impl<'a> Lens<'a> {
    pub(super) fn new(world: &'a World, sight: Option<&'a dyn Sight>) -> Self {
        Lens { world, sight, seen: RefCell::default() }
    }

    pub(super) fn sees_all(&self) -> bool {
        self.sight.is_none()
    }

    pub(super) fn knows(&self, entity: &EntityUid) -> bool {
        self.sight.is_none_or(|sight| sight.may_know(entity))
    }

    /// What is given stands in the question, which the viewer knows.
    pub(super) fn sees(&self, fact: &Fact) -> bool {
        let Some(sight) = self.sight else { return true };
        if let Some(sees) = self.seen.borrow().get(fact) {
            return *sees;
        }
        let sees = match fact {
            Fact::Given(_) => true,
            Fact::Attribute(place, attr) => {
                sight.may_see(&self.world.uid(*place), &attribute_name(self.world, place.0, *attr))
            }
            Fact::Tag(place, _) | Fact::Above(place) => sight.may_see_whole(&self.world.uid(*place)),
        };
        self.seen.borrow_mut().insert(fact.clone(), sees);
        sees
    }
}

pub(super) fn attribute_name(world: &World, ty: crate::model::TypeId, attr: AttrId) -> Arc<str> {
    let ty = world.schema().entity_type(ty);
    ty.and_then(|ty| ty.attributes.get(attr.index())).map_or_else(|| "".into(), |(name, _)| name.clone())
}
