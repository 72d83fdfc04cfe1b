//! Single changes of facts, and what they make of the data and of a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sight::attribute_name;
use crate::ir::{Fact, Spot, Supposed};
use crate::model::{Attribute, EntityUid, Request, Type, Value};
use crate::world::{Changes, World, conforms};

/// One change of one fact.
///
/// The order is that in which they are tried: what other facts ask for first, what was made up last; then by name,
/// since the numbers of rows follow from facts that a viewer may not see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Step {
    pub(super) rank: Rank,
    /// The entity; `None` for the context.
    pub(super) entity: Option<EntityUid>,
    pub(super) spot: Spot,
    pub(super) what: What,
}

/// How well a change is founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Rank {
    /// The value is the one that a condition asks for.
    Asked,
    /// The value is given up.
    GivenUp,
    /// Any other value does.
    MadeUp,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum What {
    Put(Value),
    Drop,
    Add(Value),
    Take(Value),
}

/// The facts after some steps.
#[derive(Clone, Debug, Default)]
pub(super) struct After {
    pub(super) supposed: Supposed,
    pub(super) context: BTreeMap<Arc<str>, Value>,
    /// Elements of sets that were copied: what making this cost besides.
    pub(super) copied: usize,
}

impl Step {
    pub(super) fn new(world: &World, rank: Rank, spot: Spot, what: What) -> Self {
        let entity = match &spot.fact {
            Fact::Given(_) => None,
            Fact::Attribute(place, _) | Fact::Tag(place, _) | Fact::Above(place) => Some(world.uid(*place)),
        };
        Step { rank, entity, spot, what }
    }

    /// Whether both can be made, in any order and with one result.
    pub(super) fn goes_with(&self, other: &Step) -> bool {
        let (a, b) = (&self.spot, &other.spot);
        if a.fact != b.fact {
            return true;
        }
        if a.fields != b.fields {
            return !a.fields.starts_with(&b.fields) && !b.fields.starts_with(&a.fields);
        }
        match (&self.what, &other.what) {
            (What::Add(a) | What::Take(a), What::Add(b) | What::Take(b)) => a != b,
            _ => false,
        }
    }

    /// Whether it leaves data that its schema takes, with no reference to nothing.
    pub(super) fn is_sound(&self, world: &World, context: &BTreeMap<Arc<str>, Attribute>) -> bool {
        let Some(place) = self.spot.attribute(world, context) else { return false };
        let fits = |ty: &Type, value: &Value| {
            let mut is_there = true;
            value.for_each_entity(&mut |uid| is_there &= world.contains(uid));
            is_there && conforms(world.schema(), ty, value).is_ok()
        };
        match (&self.what, &place.ty) {
            (What::Put(value), ty) => fits(ty, value),
            (What::Drop, _) => !place.required,
            (What::Add(value) | What::Take(value), Type::Set(element)) => fits(element, value),
            _ => false,
        }
    }
}

impl Spot {
    /// What the schema says of the place.
    pub(super) fn attribute(
        &self,
        world: &World,
        context: &BTreeMap<Arc<str>, Attribute>,
    ) -> Option<Attribute> {
        let mut at = match &self.fact {
            Fact::Given(name) => context.get(name)?.clone(),
            Fact::Attribute(place, attr) => {
                world.schema().entity_type(place.0)?.attributes.get(attr.index())?.1.clone()
            }
            Fact::Tag(place, _) => {
                Attribute { ty: world.schema().entity_type(place.0)?.tags.clone()?, required: false }
            }
            Fact::Above(_) => return None,
        };
        for field in &self.fields {
            let Type::Record(fields) = &at.ty else { return None };
            at = fields.get(field)?.clone();
        }
        Some(at)
    }
}

/// What the data and the context hold for a fact.
pub(super) fn held(world: &World, context: &BTreeMap<Arc<str>, Value>, fact: &Fact) -> Option<Value> {
    match fact {
        Fact::Given(name) => context.get(name).cloned(),
        Fact::Attribute((ty, row), attr) => world.value(*ty, *row, *attr),
        Fact::Tag(place, name) => world.tags(*place)?.get(name).cloned(),
        Fact::Above(_) => None,
    }
}

impl After {
    pub(super) fn new(world: &World, request: &Request, steps: &[Step]) -> Self {
        let mut after = After { context: request.context.fields().clone(), ..After::default() };
        for step in steps {
            let fact = &step.spot.fact;
            let mut value = match after.supposed.remove(fact) {
                Some(value) => value,
                None => held(world, &after.context, fact),
            };
            after.copied += match &value {
                Some(Value::Set(all)) => all.len(),
                _ => 0,
            };
            change(&mut value, &step.spot.fields, &step.what);
            match (fact, value) {
                (Fact::Given(name), Some(value)) => {
                    after.context.insert(name.clone(), value);
                }
                (Fact::Given(name), None) => {
                    after.context.remove(name);
                }
                (fact, value) => {
                    after.supposed.insert(fact.clone(), value);
                }
            }
        }
        after
    }

    /// As changes to the data and another request.
    pub(super) fn as_changes(&self, world: &World, request: &Request) -> (Changes, Request) {
        let mut changes = Changes::new();
        for (fact, value) in &self.supposed {
            changes = match (fact, value) {
                (Fact::Attribute(place, attr), value) => {
                    let (uid, name) = (world.uid(*place), attribute_name(world, place.0, *attr));
                    match value {
                        Some(value) => changes.set(&uid, &name, value.clone()),
                        None => changes.unset(&uid, &name),
                    }
                }
                (Fact::Tag(place, name), Some(value)) => {
                    changes.set_tag(&world.uid(*place), name, value.clone())
                }
                (Fact::Tag(place, name), None) => changes.unset_tag(&world.uid(*place), name),
                (Fact::Given(_) | Fact::Above(_), _) => changes,
            };
        }
        (changes, Request { context: self.context.clone().into(), ..request.clone() })
    }
}

fn change(value: &mut Option<Value>, fields: &[Arc<str>], what: &What) {
    if let Some((first, rest)) = fields.split_first() {
        // A field is changed where there is a record; to make one of it is another step.
        if let Some(Value::Record(record)) = value {
            let mut inner = record.remove(first);
            change(&mut inner, rest, what);
            if let Some(inner) = inner {
                record.insert(first.clone(), inner);
            }
        }
        return;
    }
    match (what, value) {
        (What::Put(new), value) => *value = Some(new.clone()),
        (What::Drop, value) => *value = None,
        (What::Add(element), Some(Value::Set(all))) => {
            all.insert(element.clone());
        }
        (What::Take(element), Some(Value::Set(all))) => {
            all.remove(element);
        }
        (What::Add(_) | What::Take(_), _) => {}
    }
}
