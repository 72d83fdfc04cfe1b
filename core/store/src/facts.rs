//! Facts as the store reads them of a world: entities of a type, references, sets of references.

use caseward::{EntityUid, Value, World};

use crate::error::Error;

/// The entities of a type.
pub(crate) fn uids(world: &World, ty: &str) -> Result<Vec<EntityUid>, Error> {
    Ok(world.ids(ty)?.map(|id| EntityUid::new(ty, id)).collect())
}

/// An attribute that is a reference.
pub(crate) fn entity(world: &World, of: &EntityUid, name: &str) -> Result<Option<EntityUid>, Error> {
    Ok(match world.attribute(of, name)? {
        Some(Value::Entity(uid)) => Some(uid),
        _ => None,
    })
}

/// An attribute that is a set of references.
pub(crate) fn entities<C: FromIterator<EntityUid>>(
    world: &World,
    of: &EntityUid,
    name: &str,
) -> Result<C, Error> {
    let Some(Value::Set(all)) = world.attribute(of, name)? else { return Ok(C::from_iter([])) };
    let each = all.iter().filter_map(|one| match one {
        Value::Entity(uid) => Some(uid.clone()),
        _ => None,
    });
    Ok(each.collect())
}
