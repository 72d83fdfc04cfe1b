//! Entities that policies name, which made-up data has to have: a permit for one of them shows nowhere else.

use std::collections::BTreeMap;

use super::stage::Held;
use super::variety::known;
use crate::model::EntityUid;
use crate::ward::Ward;
use crate::world::World;

/// Entities that some of the wards name and the data lacks, each like another of its type.
pub(super) fn named(world: &World, wards: &[&Ward]) -> BTreeMap<EntityUid, Held> {
    let mut made = BTreeMap::new();
    for uid in wards.iter().flat_map(|ward| ward.named()) {
        let schema = world.schema();
        let ty = schema.type_id(uid.type_name()).and_then(|ty| schema.entity_type(ty));
        let Some(ty) = ty.filter(|ty| ty.choices.is_none() && world.place(uid).is_none()) else { continue };
        if let Some(like) = known(world, ty).into_iter().next() {
            made.insert(uid.clone(), like);
        }
    }
    made
}
