//! Facts that can be changed before a world is built of them: drawn from bytes, of any schema and with every oddity that
//! it allows, or read from a world. Feature `author` or `testing`.
//!
//! Everything is drawn from [`Choices`], a string of bytes: a seed, a property-testing library or a fuzzer makes the
//! bytes and shrinks them, and small bytes make small things.
//!
//! # Example
//! ```
//! use caseward::Ward;
//! use caseward::facts::{Choices, Facts, bytes};
//!
//! let ward = Ward::attendance()?;
//! let bytes = bytes(7, 2_400);
//! let facts = Facts::new(&ward, &mut Choices::new(&bytes));
//! let world = facts.build()?;
//! assert_eq!(Facts::of(&world).entities, facts.entities);
//! # Ok::<(), caseward::Error>(())
//! ```

mod choices;
mod compared;
mod pseudonyms;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use choices::{Choices, bytes};

use crate::model::{Attribute, EntityUid, Error, Ip, Schema, Type, TypeId, Value};
use crate::ward::Ward;
use crate::world::{World, WorldBuilder};

/// Entities of a type in one world, at most.
const MAX_OF_A_TYPE: usize = 4;

/// A small world that can be changed before it is built.
#[derive(Clone, Debug)]
pub struct Facts {
    schema: Arc<Schema>,
    /// Attributes by entity, then by name.
    pub entities: BTreeMap<EntityUid, BTreeMap<Arc<str>, Value>>,
    /// Direct parents by entity.
    pub parents: BTreeMap<EntityUid, Vec<EntityUid>>,
    /// Tags by entity, then by name.
    pub tags: BTreeMap<EntityUid, BTreeMap<Arc<str>, Value>>,
}

impl Facts {
    /// Facts of the ward's schema: up to four entities of each type, references among them, strings and
    /// numbers near those that the policies compare with, optional attributes here and there.
    pub fn new(ward: &Ward, choices: &mut Choices<'_>) -> Self {
        Self::sized(ward, choices, 1, MAX_OF_A_TYPE)
    }

    /// As [`Facts::new`], with `least` to `most` entities of each type.
    pub fn sized(ward: &Ward, choices: &mut Choices<'_>, least: usize, most: usize) -> Self {
        let schema = ward.schema().clone();
        let mut facts = Facts {
            schema: schema.clone(),
            entities: BTreeMap::new(),
            parents: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        for ty in schema.entity_types().iter().filter(|ty| ty.choices.is_none()) {
            for n in 0..least + choices.below((most + 1).saturating_sub(least)) {
                facts.entities.insert(EntityUid::new(ty.name.clone(), format!("{n}")), BTreeMap::new());
            }
        }
        let uids: Vec<EntityUid> = facts.entities.keys().cloned().collect();
        for uid in &uids {
            facts.fill(ward, choices, uid);
        }
        facts
    }

    /// No facts at all.
    pub fn empty(schema: &Arc<Schema>) -> Self {
        Facts {
            schema: schema.clone(),
            entities: BTreeMap::new(),
            parents: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    /// The facts of a world.
    pub fn of(world: &World) -> Self {
        let mut facts = Facts::empty(world.schema());
        for ty in world.schema().entity_types().iter().filter(|ty| ty.choices.is_none()) {
            for id in world.ids(&ty.name).into_iter().flatten() {
                let uid = EntityUid::new(ty.name.clone(), id);
                facts.entities.insert(uid.clone(), world.all_found(&uid).unwrap_or_default());
                let Some(place) = world.place(&uid) else { continue };
                let parents = world.parents(place).iter().map(|parent| world.uid(*parent));
                facts.parents.insert(uid.clone(), parents.collect());
                facts.tags.insert(uid, world.tags(place).cloned().unwrap_or_default());
            }
        }
        facts
    }

    pub(crate) fn fill(&mut self, ward: &Ward, choices: &mut Choices<'_>, uid: &EntityUid) {
        let schema = self.schema.clone();
        let Some(ty) = schema.type_id(uid.type_name()).and_then(|ty| schema.entity_type(ty)) else { return };
        for (name, attribute) in &ty.attributes {
            if attribute.required || choices.chance(4, 5) {
                let value = self.value(ward, choices, name, &attribute.ty);
                self.entities.entry(uid.clone()).or_default().insert(name.clone(), value);
            }
        }
        if let Some(of) = &ty.tags {
            for name in ["a", "b"] {
                if choices.chance(1, 2) {
                    let value = self.value(ward, choices, name, of);
                    self.tags.entry(uid.clone()).or_default().insert(name.into(), value);
                }
            }
        }
        // As many parents in a large world as in a small one, about.
        let one_in = 3.max(self.entities.len() / 6);
        for parent in self.entities.keys().cloned().collect::<Vec<_>>() {
            let allowed = schema.type_id(parent.type_name()).is_some_and(|of| ty.ancestors.contains(&of));
            if allowed && choices.chance(1, one_in) && !self.lies_in(&parent, uid) {
                self.parents.entry(uid.clone()).or_default().push(parent);
            }
        }
    }

    /// Whether `uid` is `above` or lies in it: then `above` may not lie in `uid`.
    fn lies_in(&self, uid: &EntityUid, above: &EntityUid) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![uid]);
        while let Some(uid) = open.pop() {
            if uid == above {
                return true;
            }
            if seen.insert(uid) {
                open.extend(self.parents.get(uid).into_iter().flatten());
            }
        }
        false
    }

    /// A value of type `ty` for the attribute or field `name`.
    pub fn value(&self, ward: &Ward, choices: &mut Choices<'_>, name: &str, ty: &Type) -> Value {
        match ty {
            Type::Bool => Value::Bool(choices.chance(1, 2)),
            Type::Entity(of) => match choices.pick(&self.of_type(*of)) {
                Some(uid) => Value::Entity(uid.clone()),
                None => Value::Entity(EntityUid::new("", "")),
            },
            Type::Set(element) => {
                if let Type::Entity(of) = **element {
                    let all = self.of_type(of).into_iter().filter(|_| choices.chance(1, 3));
                    return Value::set(all.map(Value::Entity));
                }
                let len = choices.below(4);
                Value::set((0..len).map(|_| self.value(ward, choices, name, element)))
            }
            Type::Record(fields) => Value::Record(self.record(ward, choices, fields)),
            _ => near(ward, choices, name, ty),
        }
    }

    /// A record with these fields.
    pub fn record(
        &self,
        ward: &Ward,
        choices: &mut Choices<'_>,
        fields: &BTreeMap<Arc<str>, Attribute>,
    ) -> BTreeMap<Arc<str>, Value> {
        let mut record = BTreeMap::new();
        for (name, field) in fields {
            if field.required || choices.chance(4, 5) {
                record.insert(name.clone(), self.value(ward, choices, name, &field.ty));
            }
        }
        record
    }

    /// Every entity, those of enumerated types too.
    pub fn all(&self) -> BTreeSet<EntityUid> {
        let types = (0..self.schema.entity_types().len()).filter_map(|n| u16::try_from(n).ok());
        types.flat_map(|n| self.of_type(TypeId(n))).collect()
    }

    /// Every entity of a type, those of an enumerated type too.
    pub fn of_type(&self, ty: TypeId) -> Vec<EntityUid> {
        let Some(ty) = self.schema.entity_type(ty) else { return Vec::new() };
        match &ty.choices {
            Some(ids) => ids.iter().map(|id| EntityUid::new(ty.name.clone(), id.clone())).collect(),
            None => self.entities.keys().filter(|uid| uid.type_name() == ty.name.as_ref()).cloned().collect(),
        }
    }

    /// Sets one attribute.
    pub fn set(&mut self, uid: &EntityUid, name: &str, value: Value) {
        self.entities.entry(uid.clone()).or_default().insert(name.into(), value);
    }

    /// Removes an entity, with all that it has; what refers to it stays.
    pub fn remove(&mut self, uid: &EntityUid) {
        self.entities.remove(uid);
        self.parents.remove(uid);
        self.tags.remove(uid);
    }

    /// Removes one attribute; returns what it held.
    pub fn unset(&mut self, uid: &EntityUid, name: &str) -> Option<Value> {
        self.entities.get_mut(uid)?.remove(name)
    }

    /// What an attribute holds.
    pub fn get(&self, uid: &EntityUid, name: &str) -> Option<&Value> {
        self.entities.get(uid)?.get(name)
    }

    /// The world of these facts.
    ///
    /// # Errors
    /// As [`WorldBuilder::finish`].
    pub fn build(&self) -> Result<World, Error> {
        let mut builder = WorldBuilder::new(&self.schema);
        for (uid, attributes) in &self.entities {
            builder.add_whole(
                uid,
                attributes.iter().map(|(name, value)| (name.as_ref(), value.clone())),
                self.parents.get(uid).into_iter().flatten().cloned(),
                self.tags.get(uid).cloned().unwrap_or_default(),
            );
        }
        builder.finish()
    }
}

/// A number or text at, or next to, one that policies compare with; or any at all.
fn near(ward: &Ward, choices: &mut Choices<'_>, name: &str, ty: &Type) -> Value {
    let literals = ward.literals();
    let pool = literals.by_name.get(name).filter(|_| choices.chance(9, 10)).unwrap_or(&literals.all);
    let fitting: Vec<&Value> = pool.iter().filter(|value| ty.has_literal(value)).collect();
    let literal = choices.pick(&fitting).copied();
    let step = [0, 0, 1, -1, i64::MAX, i64::MIN].get(choices.below(6)).copied().unwrap_or(0);
    let long = |n: Option<i64>, choices: &mut Choices<'_>| match n {
        Some(n) if choices.chance(9, 10) => n.saturating_add(step),
        _ => choices.long(),
    };
    match (ty, literal) {
        (Type::String, Some(Value::String(text))) if choices.chance(9, 10) => Value::String(text.clone()),
        (Type::String, _) => {
            Value::string(["", "unknown", "é\"\\\n\u{0}*"].get(choices.below(3)).copied().unwrap_or(""))
        }
        (Type::Datetime, Some(Value::Datetime(n))) => Value::Datetime(long(Some(*n), choices)),
        (Type::Duration, Some(Value::Duration(n))) => Value::Duration(long(Some(*n), choices)),
        (Type::Decimal, Some(Value::Decimal(n))) => Value::Decimal(long(Some(*n), choices)),
        (Type::Datetime, _) => Value::Datetime(long(None, choices)),
        (Type::Duration, _) => Value::Duration(long(None, choices)),
        (Type::Decimal, _) => Value::Decimal(long(None, choices)),
        (Type::Ip, Some(ip)) if choices.chance(1, 2) => ip.clone(),
        (Type::Ip, _) => Value::Ip(ip(choices)),
        (_, Some(Value::Long(n))) => Value::Long(long(Some(*n), choices)),
        _ => Value::Long(long(None, choices)),
    }
}

fn ip(choices: &mut Choices<'_>) -> Ip {
    let octet = |choices: &mut Choices<'_>| u8::try_from(choices.below(256)).unwrap_or(0);
    if choices.chance(1, 2) {
        let address = [10, octet(choices), 0, octet(choices)];
        Ip { address: address.into(), prefix: u8::try_from(choices.below(33)).unwrap_or(0) }
    } else {
        let last = u16::from(octet(choices));
        // One in four holds an IPv4 address, which is written in another way elsewhere.
        let address = match last % 4 {
            3 => [0, 0, 0, 0, 0, 0xffff, 0x0a00, last],
            _ => [0x2001, 0xdb8, 0, 0, 0, 0, 0, last],
        };
        Ip { address: address.into(), prefix: u8::try_from(choices.below(129)).unwrap_or(0) }
    }
}
