//! Values that matter: the constants that policies compare with, what is next to them, and what is of no kind known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::random::Random;
use crate::model::{EntityUid, Ip, Type, Value};
use crate::ward::Ward;

/// Times that are as good as any: from 1 January 2024 on, in milliseconds since 1970.
const FIRST: i64 = 1_704_067_200_000;
const DAY: i64 = 86_400_000;

/// Constants of one or more versions of policies.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    by_name: BTreeMap<Arc<str>, BTreeSet<Value>>,
    all: BTreeSet<Value>,
    /// The entities that policies name, by type.
    named: BTreeMap<Arc<str>, BTreeSet<EntityUid>>,
}

impl Pool {
    pub(super) fn new(wards: &[&Ward]) -> Self {
        let mut pool = Pool::default();
        for ward in wards {
            let literals = ward.literals();
            pool.all.extend(literals.all.iter().cloned());
            for (name, values) in &literals.by_name {
                pool.by_name.entry(name.clone()).or_default().extend(values.iter().cloned());
            }
            for uid in ward.named() {
                pool.named.entry(uid.type_name().into()).or_default().insert(uid.clone());
            }
        }
        pool
    }

    /// With the clock as one more instant that `now` may be.
    pub(super) fn at(mut self, now: i64) -> Self {
        self.by_name.entry("now".into()).or_default().insert(Value::Datetime(now));
        self
    }

    /// Now and then, one of the entities of a type that policies name.
    pub(super) fn named(&self, type_name: &str, random: &mut Random) -> Option<EntityUid> {
        let named = self.named.get(type_name)?;
        if !random.chance(300) {
            return None;
        }
        named.iter().nth(random.number(named.len())).cloned()
    }

    /// Whether policies name an entity.
    pub(super) fn names(&self, uid: &EntityUid) -> bool {
        self.named.get(uid.type_name()).is_some_and(|named| named.contains(uid))
    }

    /// What an attribute or a field of this name is compared with.
    pub(super) fn of(&self, name: &str, ty: &Type) -> Vec<Value> {
        let known = self.by_name.get(name).into_iter().flatten();
        known.filter(|value| ty.has_literal(value)).cloned().collect()
    }

    /// Instants about another at the times of day that policies name, on its day, the one before and the one after.
    pub(super) fn times_about(&self, instant: &Value) -> Vec<Value> {
        let Value::Datetime(instant) = instant else { return Vec::new() };
        let day = instant.div_euclid(DAY);
        let times = self.all.iter().filter_map(|value| match value {
            Value::Duration(time) if (0..DAY).contains(time) => Some(*time),
            _ => None,
        });
        let about =
            times.chain([0]).flat_map(|time| [-1, 0, 1].map(|day| (time, day))).flat_map(|(time, by)| {
                [-1, 0, 1]
                    .map(|step| day.checked_add(by)?.checked_mul(DAY)?.checked_add(time)?.checked_add(step))
            });
        about.flatten().map(Value::Datetime).collect()
    }

    /// A plain value of a type: mostly one that is compared with, or next to it.
    pub(super) fn value(&self, ty: &Type, name: &str, random: &mut Random) -> Value {
        let mut known = self.of(name, ty);
        if known.is_empty() && random.chance(300) {
            known = self.all.iter().filter(|value| ty.has_literal(value)).cloned().collect();
        }
        match known.get(random.number(known.len())) {
            Some(value) if random.chance(850) => match value {
                Value::String(_) | Value::Ip(_) => value.clone(),
                _ if random.chance(500) => Pool::near(value, random),
                _ => value.clone(),
            },
            _ => plain(ty, random),
        }
    }

    /// A value next to another: one step away, mostly.
    pub(super) fn near(value: &Value, random: &mut Random) -> Value {
        let by = match random.below(8) {
            0..=2 => 1,
            3..=5 => -1,
            6 => 1_000,
            _ => -1_000,
        };
        match value {
            Value::Long(n) => Value::Long(n.saturating_add(by)),
            Value::Datetime(n) => Value::Datetime(n.saturating_add(by)),
            Value::Duration(n) => Value::Duration(n.saturating_add(by)),
            Value::Decimal(n) => Value::Decimal(n.saturating_add(by)),
            Value::String(_) => Value::string("unknown"),
            other => other.clone(),
        }
    }
}

/// A value that nothing is compared with.
fn plain(ty: &Type, random: &mut Random) -> Value {
    match ty {
        Type::Long => Value::Long(random.below(1_000) as i64),
        Type::String => {
            Value::string(["unknown", "other", ""].get(random.number(3)).copied().unwrap_or_default())
        }
        Type::Decimal => Value::Decimal(random.below(100_000) as i64),
        Type::Datetime => Value::Datetime(FIRST + DAY * random.below(1_000) as i64),
        Type::Duration => Value::Duration(DAY * random.below(400) as i64),
        Type::Ip => {
            let address = [10, 0, 0, u8::try_from(random.below(255)).unwrap_or(1)];
            Value::Ip(Ip { address: address.into(), prefix: 32 })
        }
        _ => Value::Bool(random.chance(500)),
    }
}

/// Addresses of every sort that policies tell apart.
pub(super) fn addresses() -> Vec<Value> {
    let v4 = |address: [u8; 4]| Value::Ip(Ip { address: address.into(), prefix: 32 });
    let v6 = |last: u16, first: u16| {
        Value::Ip(Ip { address: [first, 0, 0, 0, 0, 0, 0, last].into(), prefix: 128 })
    };
    vec![
        v4([127, 0, 0, 1]),
        v4([10, 0, 0, 1]),
        v4([224, 0, 0, 1]),
        v4([192, 168, 1, 1]),
        v6(1, 0),
        v6(1, 0xff02),
        v6(1, 0x2001),
    ]
}
