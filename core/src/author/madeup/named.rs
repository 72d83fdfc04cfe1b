//! Entities that policies name, which made-up data has to have: a permit for one of them shows nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stage::Held;
use super::variety::known;
use crate::model::{EntityUid, Value};
use crate::ward::Ward;
use crate::world::World;

/// Entities that some of the wards name and the data lacks, each like one of its type that has least besides: what a permit
/// for it alone gives, nothing else gives it.
pub(super) fn named(world: &World, wards: &[&Ward]) -> BTreeMap<EntityUid, Held> {
    let (mut made, mut plain) = (BTreeMap::new(), BTreeMap::new());
    for uid in wards.iter().flat_map(|ward| ward.named()) {
        let schema = world.schema();
        let ty = schema.type_id(uid.type_name()).and_then(|ty| schema.entity_type(ty));
        let Some(ty) = ty.filter(|ty| ty.choices.is_none() && world.place(uid).is_none()) else { continue };
        if let Some(like) = plain.entry(ty.name.clone()).or_insert_with(|| plainest(known(world, ty))) {
            made.insert(uid.clone(), like.clone());
        }
    }
    made
}

/// The entity with the usual truths, which what is always denied hangs on, that has the fewest relations.
fn plainest(all: Vec<Held>) -> Option<Held> {
    let mut truths: BTreeMap<(Arc<str>, bool), usize> = BTreeMap::new();
    let of = |held: &Held| -> Vec<(Arc<str>, bool)> {
        let truth = |(name, value): (&Arc<str>, &Value)| match value {
            Value::Bool(truth) => Some((name.clone(), *truth)),
            _ => None,
        };
        held.attributes.iter().filter_map(truth).collect()
    };
    for truth in all.iter().flat_map(of) {
        *truths.entry(truth).or_default() += 1;
    }
    let unusual = |held: &Held| {
        let rare = |(name, truth): &(Arc<str>, bool)| {
            truths.get(&(name.clone(), !truth)) > truths.get(&(name.clone(), *truth))
        };
        of(held).iter().filter(|truth| rare(truth)).count()
    };
    let relations = |held: &Held| -> usize {
        let of_value = |value: &Value| match value {
            Value::Set(all) => all.len(),
            Value::Entity(_) => 1,
            _ => 0,
        };
        held.attributes.values().map(of_value).sum::<usize>() + held.parents.len()
    };
    all.into_iter().min_by_key(|held| (unusual(held), relations(held)))
}
