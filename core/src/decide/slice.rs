//! The facts that one request can depend on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::Value;
use crate::policy::{Fact, Need, Roots};
use crate::world::{Place, World};

/// Gathers what the policies can read of a request's principal, resource and context.
///
/// Its cost follows the attributes that policies read and the size of the sets among them, never the
/// size of the world.
pub(crate) fn gather(
    world: &World,
    roots: &Roots,
    principal: Place,
    resource: Place,
    context: &BTreeMap<Arc<str>, Value>,
) -> Vec<Fact> {
    let mut gathering = Gathering { world, found: HashMap::new() };
    gathering.entity(principal, &roots.principal);
    gathering.entity(resource, &roots.resource);
    for (name, need) in &roots.context.fields {
        if let Some(value) = context.get(name) {
            gathering.value(value, need);
        }
    }
    for (uid, need) in &roots.named {
        if let Some(place) = world.place(uid) {
            gathering.entity(place, need);
        }
    }
    gathering.finish()
}

struct Gathering<'a> {
    world: &'a World,
    found: HashMap<Place, Found>,
}

#[derive(Default)]
struct Found {
    attributes: BTreeMap<Arc<str>, Value>,
    tags: bool,
}

impl Gathering<'_> {
    /// Recursion follows the tree of needs, whose depth the limits on policy text bound.
    fn entity(&mut self, place: Place, need: &Need) {
        if !need.looked_up {
            return;
        }
        let (ty, row) = place;
        self.found.entry(place).or_default().tags |= need.tags.is_some();
        let Some(entity_type) = self.world.schema().entity_type(ty) else { return };
        for (name, inner) in &need.fields {
            let Some((attr, _)) = entity_type.attribute(name) else { continue };
            let Some(value) = self.world.value(ty, row, attr) else { continue };
            self.value(&value, inner);
            if let Some(found) = self.found.get_mut(&place) {
                found.attributes.insert(name.clone(), value);
            }
        }
        if let (Some(inner), Some(tags)) = (&need.tags, self.world.tags(place)) {
            for value in tags.values() {
                self.value(value, inner);
            }
        }
    }

    fn value(&mut self, value: &Value, need: &Need) {
        match value {
            Value::Entity(uid) if need.looked_up => {
                if let Some(place) = self.world.place(uid) {
                    self.entity(place, need);
                }
            }
            Value::Record(fields) => {
                for (name, inner) in &need.fields {
                    if let Some(value) = fields.get(name) {
                        self.value(value, inner);
                    }
                }
            }
            // No policy looks up the elements of a set: Cedar has no way to name one.
            _ => {}
        }
    }

    fn finish(self) -> Vec<Fact> {
        let world = self.world;
        let facts = self.found.into_iter().map(|(place, found)| {
            let tags = if found.tags { world.tags(place) } else { None };
            Fact {
                uid: world.uid(place),
                attributes: found.attributes.into_iter().collect(),
                ancestors: world.ancestors(place).iter().map(|&above| world.uid(above)).collect(),
                tags: tags.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
            }
        });
        facts.collect()
    }
}
