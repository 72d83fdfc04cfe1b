//! Data of any schema: entities of every type, references among them, values that policies compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::pool::Pool;
use super::stage::Held;
use crate::model::random::Random;
use crate::model::{Attribute, EntityType, EntityUid, Schema, Type, TypeId, Value};

/// Elements of a set, at most.
const MOST_ELEMENTS: usize = 3;

/// How many entities there are of each type, by its place.
pub(super) struct Sizes(Vec<usize>);

impl Sizes {
    /// `size` of each type that requests are about; a tenth as many of those who ask; a twentieth of what is only
    /// referred to.
    pub(super) fn of(schema: &Schema, size: usize) -> Self {
        let all = |of: fn(&crate::model::Action) -> &Vec<TypeId>| -> BTreeSet<TypeId> {
            schema.actions().iter().flat_map(|action| of(action).iter().copied()).collect()
        };
        let (askers, records) = (all(|action| &action.principals), all(|action| &action.resources));
        let counts = schema.entity_types().iter().map(|ty| {
            let id = schema.type_id(&ty.name);
            let is_in = |types: &BTreeSet<TypeId>| id.is_some_and(|id| types.contains(&id));
            match (&ty.choices, is_in(&askers), is_in(&records)) {
                (Some(_), ..) => 0,
                (None, true, _) => (size / 10).clamp(12, 12_000),
                (None, false, true) => size.max(1),
                (None, false, false) => (size / 20).clamp(6, 5_000),
            }
        });
        Sizes(counts.collect())
    }

    fn count(&self, ty: TypeId) -> usize {
        self.0.get(ty.index()).copied().unwrap_or(0)
    }
}

/// Makes the entities of a schema one by one.
pub(super) struct Base<'a> {
    pub(super) schema: &'a Schema,
    pub(super) pool: &'a Pool,
    pub(super) sizes: Sizes,
    pub(super) random: Random,
}

impl Base<'_> {
    /// Calls `put` with every entity, type by type.
    pub(super) fn make(&mut self, put: &mut dyn FnMut(&EntityUid, Held)) {
        for (place, ty) in self.schema.entity_types().iter().enumerate() {
            let Ok(id) = u16::try_from(place).map(TypeId) else { continue };
            for number in 0..self.sizes.count(id) {
                let mut held = Held { parents: self.parents(ty, (id, number)), ..Held::default() };
                for (name, attribute) in &ty.attributes {
                    if let Some(value) = self.attribute(name, attribute) {
                        held.attributes.insert(name.clone(), value);
                    }
                }
                if let Some(of) = &ty.tags {
                    for name in ["a", "b"].iter().take(self.random.number(3)) {
                        if let Some(value) = self.value(name, of) {
                            held.tags.insert(Arc::from(*name), value);
                        }
                    }
                }
                put(&uid(ty, number), held);
            }
        }
    }

    fn attribute(&mut self, name: &str, attribute: &Attribute) -> Option<Value> {
        if !attribute.required && self.random.chance(250) {
            return None;
        }
        self.value(name, &attribute.ty)
    }

    fn value(&mut self, name: &str, ty: &Type) -> Option<Value> {
        Some(match ty {
            Type::Entity(of) => Value::Entity(self.entity(*of)?),
            Type::Set(element) => {
                let some = if self.random.chance(350) { 0 } else { 1 + self.random.number(MOST_ELEMENTS) };
                Value::set((0..some).filter_map(|_| self.value(name, element)))
            }
            Type::Record(fields) => {
                let mut record = BTreeMap::new();
                for (name, field) in fields.iter() {
                    if let Some(value) = self.attribute(name, field) {
                        record.insert(name.clone(), value);
                    }
                }
                Value::Record(record)
            }
            Type::Bool => Value::Bool(self.random.chance(700)),
            ty => self.pool.value(ty, name, &mut self.random),
        })
    }

    fn entity(&mut self, ty: TypeId) -> Option<EntityUid> {
        let of = self.schema.entity_type(ty)?;
        match &of.choices {
            Some(choices) => {
                let id = choices.get(self.random.number(choices.len()))?;
                Some(EntityUid::new(of.name.clone(), id.clone()))
            }
            None => Some(uid(of, self.random.number(self.sizes.count(ty)))),
        }
    }

    /// What an entity lies in, never in itself: where types can lie in each other, those made before alone are taken.
    fn parents(&mut self, ty: &EntityType, (id, number): (TypeId, usize)) -> BTreeSet<EntityUid> {
        let mut parents = BTreeSet::new();
        for &above in &ty.ancestors {
            let Some(of) = self.schema.entity_type(above) else { continue };
            let both_ways = above == id || of.ancestors.contains(&id);
            let count = match (both_ways, above.cmp(&id)) {
                (false, _) | (true, std::cmp::Ordering::Less) => self.sizes.count(above),
                (true, std::cmp::Ordering::Equal) => number,
                (true, std::cmp::Ordering::Greater) => 0,
            };
            if count > 0 && self.random.chance(600) {
                parents.insert(uid(of, self.random.number(count)));
            }
        }
        parents
    }
}

/// The entity of a type with this number.
fn uid(ty: &EntityType, number: usize) -> EntityUid {
    let stem = ty.name.rsplit("::").next().unwrap_or_default().to_lowercase();
    EntityUid::new(ty.name.clone(), format!("{stem}{:04}", number + 1))
}
