//! People and records that made-up data lacks: pairs of roles, values that nobody has, kinds that nobody knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::stage::Held;
use crate::model::{EntityType, EntityUid, Schema, Type, Value};
use crate::ward::Ward;
use crate::world::World;

/// Entities of a type that are looked at for one that can be varied.
const LOOKED_AT: usize = 5_000;
/// A text that no policy compares with.
const UNKNOWN: &str = "unknown";

/// Entities that are like others but for one thing.
pub(super) fn variety(world: &World, wards: &[&Ward]) -> BTreeMap<EntityUid, Held> {
    let schema = world.schema().clone();
    // One of a type that the data has: `named` makes it where it is not there.
    let is_made =
        |uid: &EntityUid| schema.type_id(uid.type_name()).is_some_and(|ty| world.ids_of(ty).next().is_some());
    let named: BTreeSet<&EntityUid> =
        wards.iter().flat_map(|ward| ward.named()).filter(|uid| is_made(uid)).collect();
    let mut made = BTreeMap::new();
    let askers: BTreeSet<_> = schema.actions().iter().flat_map(|action| action.principals.clone()).collect();
    for ty in schema.entity_types().iter().filter(|ty| ty.choices.is_none()) {
        let mut varied = Varied { ty, made: &mut made, number: 0 };
        let is_asker = schema.type_id(&ty.name).is_some_and(|id| askers.contains(&id));
        let known = known(world, ty);
        if is_asker {
            varied.pairs(&known);
        }
        varied.choices(&schema, &named, &known);
        varied.unknown(&known);
    }
    made
}

/// Entities of a type that are there, some of many.
pub(super) fn known(world: &World, ty: &EntityType) -> Vec<Held> {
    let Some(of) = world.schema().type_id(&ty.name) else { return Vec::new() };
    let step = (world.ids_of(of).count() / LOOKED_AT).max(1);
    let ids = world.ids_of(of).step_by(step);
    let held = ids.filter_map(|id| {
        let uid = EntityUid::new(ty.name.clone(), id);
        let place = world.place(&uid)?;
        Some(Held {
            attributes: world.all_found(&uid)?,
            parents: world.parents(place).iter().map(|parent| world.uid(*parent)).collect(),
            tags: world.tags(place).cloned().unwrap_or_default(),
        })
    });
    held.collect()
}

struct Varied<'a> {
    ty: &'a EntityType,
    made: &'a mut BTreeMap<EntityUid, Held>,
    number: usize,
}

impl Varied<'_> {
    fn put(&mut self, held: Held) {
        self.number += 1;
        let stem = self.ty.name.rsplit("::").next().unwrap_or_default().to_lowercase();
        self.made.insert(EntityUid::new(self.ty.name.clone(), format!("{stem}-like-{}", self.number)), held);
    }

    /// Somebody who holds two roles, for every two that there are.
    fn pairs(&mut self, known: &[Held]) {
        let is_role =
            |attribute: &Type| matches!(attribute, Type::Set(of) if matches!(**of, Type::Entity(_)));
        let roles: Vec<&Arc<str>> =
            self.ty.attributes.iter().filter(|(_, a)| is_role(&a.ty)).map(|(name, _)| name).collect();
        let holders = |role: &Arc<str>| {
            let held = move |held: &&Held| matches!(held.attributes.get(role), Some(Value::Set(all)) if !all.is_empty());
            known.iter().filter(held).min_by_key(|held| size(held))
        };
        for (at, first) in roles.iter().enumerate() {
            for second in roles.iter().skip(at + 1) {
                let (Some(one), Some(other)) = (holders(first), holders(second)) else { continue };
                let mut both = one.clone();
                // Whatever else the second has, such as what their role asks for, comes along.
                for (name, value) in &other.attributes {
                    match (both.attributes.get_mut(name), value) {
                        (Some(Value::Set(all)), Value::Set(more)) => all.extend(more.iter().cloned()),
                        (Some(_), _) => {}
                        (None, _) => drop(both.attributes.insert(name.clone(), value.clone())),
                    }
                }
                self.put(both);
            }
        }
    }

    /// One for each value of an enumerated type that nobody has, and for each entity that policies name.
    fn choices(&mut self, schema: &Schema, named: &BTreeSet<&EntityUid>, known: &[Held]) {
        for (name, attribute) in &self.ty.attributes {
            let (of, is_set) = match &attribute.ty {
                Type::Entity(of) => (*of, false),
                Type::Set(element) => match **element {
                    Type::Entity(of) => (of, true),
                    _ => continue,
                },
                _ => continue,
            };
            let Some(of) = schema.entity_type(of) else { continue };
            let choices = of.choices.iter().flatten().map(|id| EntityUid::new(of.name.clone(), id.clone()));
            let named = named
                .iter()
                .copied()
                .filter(|uid| uid.type_name() == of.name.as_ref() && of.choices.is_none());
            for uid in choices.chain(named.cloned()).collect::<BTreeSet<_>>() {
                let value = Value::Entity(uid);
                let has = |held: &Held| match held.attributes.get(name) {
                    Some(Value::Set(all)) => all.contains(&value),
                    held => held == Some(&value),
                };
                if known.iter().any(has) {
                    continue;
                }
                let Some(mut like) = known.iter().min_by_key(|held| size(held)).cloned() else { return };
                let value = if is_set { Value::set([value]) } else { value };
                like.attributes.insert(name.clone(), value);
                self.put(like);
            }
        }
    }

    /// One for each text, with another that nobody knows.
    fn unknown(&mut self, known: &[Held]) {
        for (name, attribute) in &self.ty.attributes {
            if attribute.ty != Type::String {
                continue;
            }
            let is_text = |held: &&Held| held.attributes.contains_key(name);
            if let Some(mut like) = known.iter().find(is_text).cloned() {
                like.attributes.insert(name.clone(), Value::string(UNKNOWN));
                self.put(like);
            }
        }
    }
}

/// How many elements the sets of an entity have: a small one shows best what is added.
fn size(held: &Held) -> usize {
    held.attributes.values().map(|value| if let Value::Set(all) = value { all.len() } else { 0 }).sum()
}
