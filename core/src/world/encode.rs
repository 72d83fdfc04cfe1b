//! From values to the numbers that rows hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::conform::conforms;
use super::layout::Stored;
use super::pool::Pool;
use super::{Place, Row};
use crate::model::{Schema, Type, TypeId, Value};

/// What rows share: sets of rows, sets of entities of several types, and every other value.
#[derive(Default)]
pub(crate) struct Pools {
    pub(crate) sets: Pool<Box<[u32]>>,
    pub(crate) places: Pool<Box<[Place]>>,
    pub(crate) values: Pool<Value>,
}

impl Pools {
    /// The number of a set of rows, ascending and each once.
    pub(super) fn set(&self, rows: &[u32]) -> Option<u32> {
        self.sets.intern(rows, || rows.into())
    }

    /// The number of a set of entities, 0 for none.
    pub(super) fn places(&self, places: &[Place]) -> Option<u32> {
        if places.is_empty() { Some(0) } else { self.places.intern(places, || places.into()) }
    }

    pub(super) fn value(&self, value: &Value) -> Option<u32> {
        self.values.intern(value, || value.clone())
    }

    /// The number of a record of tags, 0 for none.
    pub(super) fn tags(&self, tags: &BTreeMap<Arc<str>, Value>) -> Option<u32> {
        if tags.is_empty() { Some(0) } else { self.value(&Value::Record(tags.clone())) }
    }

    /// The tags behind a number that [`Pools::tags`] gave.
    pub(super) fn tags_of(&self, number: u32) -> Option<&BTreeMap<Arc<str>, Value>> {
        match self.values.get(number)? {
            Value::Record(tags) => Some(tags),
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let rows: usize = self.sets.iter().map(|set| set.len() * size_of::<u32>()).sum();
        let places: usize = self.places.iter().map(|set| set.len() * size_of::<Place>()).sum();
        rows + places + self.sets.bytes() + self.places.bytes() + self.values.bytes()
    }
}

/// Where ids and strings get their numbers: a world that is being made, or one that is being changed.
pub(super) trait Numbers {
    fn schema(&self) -> &Arc<Schema>;
    fn pools(&self) -> &Pools;
    /// The row of an entity, a new one where it has none; `None` once all are taken.
    fn row(&mut self, ty: TypeId, id: &str) -> Option<u32>;
    fn string(&mut self, text: &str) -> Option<u32>;
}

/// Said of data that is out of numbers, which takes 2³² of something.
pub(super) const TOO_MUCH: &str = "too many different values";

/// What a row holds for `value`, which must be of type `ty`.
pub(super) fn stored(numbers: &mut impl Numbers, ty: &Type, value: &Value) -> Result<Stored, String> {
    conforms(numbers.schema(), ty, value)?;
    let number = match (value, ty) {
        (Value::Bool(v), _) => return Ok(Stored::Bool(*v)),
        (Value::Long(v) | Value::Datetime(v) | Value::Duration(v) | Value::Decimal(v), _) => {
            return Ok(Stored::Long(*v));
        }
        (Value::String(text), _) => numbers.string(text),
        (Value::Entity(uid), Type::Entity(of)) => numbers.row(*of, uid.id()),
        (Value::Set(values), Type::Set(element)) => match **element {
            Type::Entity(of) => {
                let mut rows = Vec::with_capacity(values.len());
                for value in values {
                    if let Value::Entity(uid) = value {
                        rows.push(numbers.row(of, uid.id()).ok_or(TOO_MUCH)?);
                    }
                }
                rows.sort_unstable();
                numbers.pools().set(&rows)
            }
            _ => numbers.pools().value(value),
        },
        _ => numbers.pools().value(value),
    };
    number.map(Stored::Number).ok_or_else(|| TOO_MUCH.to_owned())
}

/// Every entity that a row's numbers refer to, each as often as it does.
pub(super) fn each_reference(ty: &Type, stored: Stored, pools: &Pools, visit: &mut impl FnMut(Place)) {
    let Stored::Number(number) = stored else { return };
    match ty {
        Type::Entity(of) => visit((*of, Row(number))),
        Type::Set(element) => {
            if let Type::Entity(of) = **element {
                let rows = pools.sets.get(number).map_or(&[][..], AsRef::as_ref);
                rows.iter().for_each(|&row| visit((of, Row(row))));
            }
        }
        _ => {}
    }
}
