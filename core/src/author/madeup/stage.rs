//! A small piece of data while it is made: what stands firm is firm, all else is still open.
//!
//! INVARIANT: what was put is never changed, so that what was achieved stays so; an attempt that gets stuck is given
//! up as a whole, or goes back to a state that it kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::pool::Pool;
use crate::ir::Pattern;
use crate::model::random::Random;
use crate::model::{Action, Attribute, EntityUid, Schema, Type, TypeId, Value};

/// Where a value can stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Given(Arc<str>),
    Attribute(EntityUid, Arc<str>),
    Tag(EntityUid, Arc<str>),
    Field(Box<Place>, Arc<str>),
}

/// A place with the type of what stands there.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) place: Place,
    pub(super) ty: Type,
    pub(super) required: bool,
}

/// One entity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) attributes: BTreeMap<Arc<str>, Value>,
    pub(crate) parents: BTreeSet<EntityUid>,
    pub(crate) tags: BTreeMap<Arc<str>, Value>,
}

/// What stands firm.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) entities: BTreeMap<EntityUid, Held>,
    pub(super) context: BTreeMap<Arc<str>, Value>,
    /// Places that stay empty.
    absent: BTreeSet<Place>,
    /// Elements that stay out of sets.
    without: BTreeMap<Place, BTreeSet<Value>>,
    /// Sets that take no more elements.
    closed: BTreeSet<Place>,
    /// Places that hold something, whatever it is.
    present: BTreeMap<Place, Spot>,
    /// Patterns that a text matches, or does not.
    likes: BTreeMap<Place, (Spot, Vec<(Pattern, bool)>)>,
    named: usize,
}

/// The making of one piece.
pub(super) struct Stage<'a> {
    pub(super) schema: &'a Schema,
    pub(super) action: &'a Action,
    pub(super) pool: &'a Pool,
    pub(super) random: &'a mut Random,
    /// What the ids of its entities begin with.
    prefix: &'a str,
    /// Entities that policies name, as earlier pieces made them: what stands there is firm.
    earlier: &'a BTreeMap<EntityUid, Held>,
    pub(super) principal: EntityUid,
    pub(super) resource: EntityUid,
    pub(super) state: State,
    /// Steps that are left: a goal that asks for more is given up.
    pub(super) fuel: usize,
}

impl<'a> Stage<'a> {
    /// An empty stage for a kind of request; `None` where a type of it has no entities.
    pub(super) fn new(
        (schema, pool, earlier): (&'a Schema, &'a Pool, &'a BTreeMap<EntityUid, Held>),
        (principal, action, resource): (TypeId, &'a Action, TypeId),
        random: &'a mut Random,
        prefix: &'a str,
    ) -> Option<Self> {
        let nobody = EntityUid::new("", "");
        let mut stage = Stage {
            schema,
            action,
            pool,
            random,
            prefix,
            earlier,
            principal: nobody.clone(),
            resource: nobody,
            state: State::default(),
            fuel: 4_000,
        };
        stage.principal = stage.new_one(principal)?;
        stage.resource = match principal == resource && stage.random.chance(200) {
            true => stage.principal.clone(),
            false => stage.new_one(resource)?,
        };
        Some(stage)
    }

    /// A new entity; of an enumerated type, one of those there are.
    pub(super) fn fresh(&mut self, ty: TypeId) -> Option<EntityUid> {
        let of = self.schema.entity_type(ty)?;
        let uid = match &of.choices {
            Some(choices) => {
                EntityUid::new(of.name.clone(), choices.get(self.random.number(choices.len()))?.clone())
            }
            None => {
                self.state.named += 1;
                EntityUid::new(of.name.clone(), format!("{}{}", self.prefix, self.state.named))
            }
        };
        self.there(&uid);
        Some(uid)
    }

    /// Sees to it that an entity is there.
    pub(super) fn there(&mut self, uid: &EntityUid) {
        let ty = self.schema.type_id(uid.type_name()).and_then(|ty| self.schema.entity_type(ty));
        if ty.is_some_and(|ty| ty.choices.is_none()) && !self.state.entities.contains_key(uid) {
            let held = self.earlier.get(uid).cloned().unwrap_or_default();
            let above: Vec<EntityUid> = held.parents.iter().cloned().collect();
            let mut referred = Vec::new();
            let values = held.attributes.values().chain(held.tags.values());
            values.for_each(|value| entities(value, &mut |uid| referred.push(uid.clone())));
            self.state.entities.insert(uid.clone(), held);
            above.iter().chain(&referred).for_each(|uid| self.there(uid));
        }
    }

    /// One that policies name, now and then, else a new one.
    fn new_one(&mut self, ty: TypeId) -> Option<EntityUid> {
        let name = self.schema.entity_type(ty)?.name.clone();
        match self.pool.named(&name, self.random) {
            Some(uid) => {
                self.there(&uid);
                Some(uid)
            }
            None => self.fresh(ty),
        }
    }

    /// An entity of a type: one that is there already as often as a new one, and one that policies name now and then.
    pub(super) fn some(&mut self, ty: TypeId) -> Option<EntityUid> {
        let name = self.schema.entity_type(ty)?.name.clone();
        if let Some(uid) = self.pool.named(&name, self.random) {
            self.there(&uid);
            return Some(uid);
        }
        let known: Vec<&EntityUid> =
            self.state.entities.keys().filter(|uid| uid.type_name() == name.as_ref()).collect();
        if known.is_empty() || self.random.chance(500) {
            return self.fresh(ty);
        }
        known.get(self.random.number(known.len())).map(|uid| (*uid).clone())
    }

    /// The attribute of an entity as a place.
    pub(super) fn attribute(&self, uid: &EntityUid, name: &Arc<str>, attribute: &Attribute) -> Spot {
        let place = Place::Attribute(uid.clone(), name.clone());
        Spot { place, ty: attribute.ty.clone(), required: attribute.required }
    }

    pub(super) fn get(&self, place: &Place) -> Option<Value> {
        match place {
            Place::Given(name) => self.state.context.get(name).cloned(),
            Place::Attribute(uid, name) => self.state.entities.get(uid)?.attributes.get(name).cloned(),
            Place::Tag(uid, name) => self.state.entities.get(uid)?.tags.get(name).cloned(),
            Place::Field(of, name) => match self.get(of)? {
                Value::Record(fields) => fields.get(name).cloned(),
                _ => None,
            },
        }
    }

    pub(super) fn is_absent(&self, place: &Place) -> bool {
        self.state.absent.contains(place) || matches!(place, Place::Field(of, _) if self.is_absent(of))
    }

    /// Puts a value; whether it can stand there.
    pub(super) fn put(&mut self, spot: &Spot, value: Value) -> bool {
        if let Some(known) = self.get(&spot.place) {
            return known == value;
        }
        if self.is_absent(&spot.place) || !self.fits(spot, &value) {
            return false;
        }
        entities(&value, &mut |uid| self.there(uid));
        self.write(&spot.place, value)
    }

    fn fits(&self, spot: &Spot, value: &Value) -> bool {
        let without = self.state.without.get(&spot.place);
        match value {
            Value::Set(all) => without.is_none_or(|without| without.is_disjoint(all)),
            Value::String(text) => {
                self.state.likes.get(&spot.place).is_none_or(|(_, likes)| matched(likes, text))
            }
            _ => true,
        }
    }

    fn write(&mut self, place: &Place, value: Value) -> bool {
        match place {
            Place::Given(name) => drop(self.state.context.insert(name.clone(), value)),
            Place::Attribute(uid, name) => {
                self.state.entities.entry(uid.clone()).or_default().attributes.insert(name.clone(), value);
            }
            Place::Tag(uid, name) => {
                self.state.entities.entry(uid.clone()).or_default().tags.insert(name.clone(), value);
            }
            Place::Field(of, name) => {
                let mut fields = match self.get(of) {
                    Some(Value::Record(fields)) => fields,
                    Some(_) => return false,
                    None => BTreeMap::new(),
                };
                fields.insert(name.clone(), value);
                return self.write(of, Value::Record(fields));
            }
        }
        true
    }

    /// Makes a place hold something, or nothing for good.
    pub(super) fn presence(&mut self, spot: &Spot, want: bool) -> bool {
        let within = |place: &Place| place.lies_in(&spot.place);
        let is_there = self.get(&spot.place).is_some() || self.state.present.keys().any(within);
        match (is_there, want) {
            (true, want) => want,
            (false, true) => {
                // What it holds is left to what else is asked of it.
                let can = !self.is_absent(&spot.place);
                if can {
                    self.state.present.insert(spot.place.clone(), spot.clone());
                }
                can
            }
            (false, false) if spot.required => false,
            (false, false) => {
                self.state.absent.insert(spot.place.clone());
                true
            }
        }
    }

    /// Makes a text match a pattern, or keeps it from it; whether there is such a text.
    pub(super) fn like(&mut self, spot: &Spot, pattern: &Pattern, want: bool) -> bool {
        let likes = self.state.likes.entry(spot.place.clone()).or_insert_with(|| (spot.clone(), Vec::new()));
        likes.1.push((pattern.clone(), want));
        self.text(spot).is_some()
    }

    /// A text for a place of which patterns are asked.
    fn text(&mut self, spot: &Spot) -> Option<Value> {
        let (_, likes) = self.state.likes.get(&spot.place)?;
        let known = self.pool.of(&name_of(&spot.place), &spot.ty);
        let known =
            known.iter().filter_map(|value| if let Value::String(text) = value { Some(text) } else { None });
        let mut texts: Vec<String> = known.map(ToString::to_string).collect();
        texts.extend(["", "unknown", "x"].map(str::to_owned));
        let wanted: Vec<&Pattern> = likes.iter().filter(|(_, want)| *want).map(|(one, _)| one).collect();
        texts.extend(Pattern::texts(&wanted));
        texts.retain(|text| matched(likes, text));
        texts.get(self.random.number(texts.len())).map(|text| Value::string(text.as_str()))
    }

    /// Makes a set hold an element, or keeps it out for good.
    pub(super) fn element(&mut self, spot: &Spot, element: &Value, want: bool) -> bool {
        let mut set = match self.get(&spot.place) {
            Some(Value::Set(set)) => set,
            Some(_) => return false,
            None => BTreeSet::new(),
        };
        if !want {
            self.state.without.entry(spot.place.clone()).or_default().insert(element.clone());
            return !set.contains(element);
        }
        if set.contains(element) {
            return true;
        }
        let out = self.state.without.get(&spot.place).is_some_and(|without| without.contains(element));
        if out || self.state.closed.contains(&spot.place) || self.is_absent(&spot.place) {
            return false;
        }
        entities(element, &mut |uid| self.there(uid));
        set.insert(element.clone());
        self.write(&spot.place, Value::Set(set))
    }

    /// Leaves a set empty for good; whether it is.
    pub(super) fn close(&mut self, spot: &Spot) -> bool {
        let empty = match self.get(&spot.place) {
            Some(Value::Set(set)) => set.is_empty(),
            Some(_) => false,
            None => self.write(&spot.place, Value::set([])),
        };
        self.state.closed.insert(spot.place.clone());
        empty
    }

    /// Leaves a set as it is for good.
    pub(super) fn keep(&mut self, spot: &Spot) {
        self.state.closed.insert(spot.place.clone());
    }

    /// Makes an entity lie in another.
    pub(super) fn lie_in(&mut self, uid: &EntityUid, above: &EntityUid) -> bool {
        let types = (self.schema.type_id(uid.type_name()), self.schema.type_id(above.type_name()));
        let (Some(of), Some(above_type)) = types else { return false };
        let can = self.schema.entity_type(of).is_some_and(|of| of.ancestors.contains(&above_type));
        // Neither may lie in itself.
        if !can || self.lies_in(above, uid) {
            return false;
        }
        self.there(above);
        self.state.entities.entry(uid.clone()).or_default().parents.insert(above.clone());
        true
    }

    /// Whether an entity is another or lies in it.
    pub(super) fn lies_in(&self, uid: &EntityUid, above: &EntityUid) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![uid]);
        while let Some(uid) = open.pop() {
            if uid == above {
                return true;
            }
            if seen.insert(uid) {
                open.extend(self.state.entities.get(uid).iter().flat_map(|held| &held.parents));
            }
        }
        false
    }

    /// A value for a place: one that matches what is asked of its text.
    pub(super) fn choose_for(&mut self, spot: &Spot) -> Option<Value> {
        match self.state.likes.contains_key(&spot.place) {
            true => self.text(spot),
            false => self.choose(&spot.ty, &name_of(&spot.place)),
        }
    }

    /// An element for a set: the one who asks or what is asked about, where they are of its type, or another.
    pub(super) fn member(&mut self, of: &Type, name: &str) -> Option<Value> {
        if let Type::Entity(ty) = of {
            for uid in [self.principal.clone(), self.resource.clone()] {
                if self.schema.type_id(uid.type_name()) == Some(*ty) && self.random.chance(400) {
                    return Some(Value::Entity(uid));
                }
            }
        }
        self.choose(of, name)
    }

    /// A value of a type for an attribute or a field of this name.
    pub(super) fn choose(&mut self, ty: &Type, name: &str) -> Option<Value> {
        Some(match ty {
            Type::Bool => Value::Bool(self.random.chance(500)),
            Type::Entity(of) => Value::Entity(self.some(*of)?),
            Type::Set(_) => Value::set([]),
            Type::Record(fields) => {
                let mut record = BTreeMap::new();
                for (name, field) in fields.iter().filter(|(_, field)| field.required) {
                    record.insert(name.clone(), self.choose(&field.ty, name)?);
                }
                Value::Record(record)
            }
            ty => self.pool.value(ty, name, self.random),
        })
    }

    /// Another value of the type of `value`.
    pub(super) fn other(&mut self, value: &Value, ty: &Type, name: &str) -> Option<Value> {
        for _ in 0..12 {
            let other = match (value, ty) {
                (Value::Bool(is), _) => Value::Bool(!is),
                (Value::Entity(_), Type::Entity(of)) => {
                    Value::Entity(if self.random.chance(700) { self.fresh(*of)? } else { self.some(*of)? })
                }
                (value, _) if self.random.chance(600) => Pool::near(value, self.random),
                (_, ty) => self.choose(ty, name)?,
            };
            if other != *value {
                return Some(other);
            }
        }
        None
    }

    /// Gives every entity and the context what they must have.
    pub(super) fn complete(&mut self) -> bool {
        // What is made here may need more in its turn.
        for _ in 0..8 {
            // Texts first: whatever record they stand in is made around them.
            let likes = self.state.likes.values().map(|(spot, _)| spot);
            let mut open: Vec<Spot> = likes.filter(|spot| self.get(&spot.place).is_none()).cloned().collect();
            for (name, field) in self.action.context.iter() {
                let place = Place::Given(name.clone());
                self.lacking(&Spot { place, ty: field.ty.clone(), required: field.required }, &mut open);
            }
            for (uid, held) in &self.state.entities {
                let Some(ty) =
                    self.schema.type_id(uid.type_name()).and_then(|ty| self.schema.entity_type(ty))
                else {
                    return false;
                };
                for (name, attribute) in &ty.attributes {
                    self.lacking(&self.attribute(uid, name, attribute), &mut open);
                }
                for name in held.tags.keys() {
                    let place = Place::Tag(uid.clone(), name.clone());
                    let spot = ty.tags.clone().map(|ty| Spot { place, ty, required: false });
                    spot.iter().for_each(|spot| self.lacking(spot, &mut open));
                }
            }
            let present = self.state.present.values();
            open.extend(present.filter(|spot| self.get(&spot.place).is_none()).cloned());
            if open.is_empty() {
                return true;
            }
            for spot in open {
                if self.get(&spot.place).is_some() {
                    continue;
                }
                let value = match &spot.ty {
                    // What nothing asked for is mostly not so.
                    Type::Bool => Some(Value::Bool(self.random.chance(150))),
                    _ => self.choose_for(&spot),
                };
                if !value.is_some_and(|value| self.put(&spot, value)) {
                    return false;
                }
            }
        }
        false
    }

    /// Adds the places that must hold something and do not: this one, or fields of the record that it holds. Recursion
    /// is bounded by the depth of its type.
    fn lacking(&self, spot: &Spot, open: &mut Vec<Spot>) {
        match (self.get(&spot.place), &spot.ty) {
            (None, _) if spot.required => open.push(spot.clone()),
            (Some(Value::Record(_)), Type::Record(fields)) => {
                for (name, field) in fields.iter() {
                    let place = Place::Field(Box::new(spot.place.clone()), name.clone());
                    self.lacking(&Spot { place, ty: field.ty.clone(), required: field.required }, open);
                }
            }
            _ => {}
        }
    }
}

impl Place {
    /// Whether it is a place or one within what stands there.
    fn lies_in(&self, other: &Place) -> bool {
        self == other || matches!(self, Place::Field(of, _) if of.lies_in(other))
    }
}

/// Whether a text is as it is asked to be.
fn matched(likes: &[(Pattern, bool)], text: &str) -> bool {
    likes.iter().all(|(pattern, want)| pattern.matches(text) == *want)
}

/// The name of the attribute, the field or the tag at a place.
pub(super) fn name_of(place: &Place) -> Arc<str> {
    match place {
        Place::Given(name) | Place::Attribute(_, name) | Place::Tag(_, name) | Place::Field(_, name) => {
            name.clone()
        }
    }
}

/// Calls `visit` with every entity in a value.
fn entities(value: &Value, visit: &mut dyn FnMut(&EntityUid)) {
    match value {
        Value::Entity(uid) => visit(uid),
        Value::Set(all) => all.iter().for_each(|value| entities(value, visit)),
        Value::Record(fields) => fields.values().for_each(|value| entities(value, visit)),
        _ => {}
    }
}
