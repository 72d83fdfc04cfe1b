//! The circumstances that a kind of request is looked at under.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Action, Attribute, EntityUid, Type, Value};
use crate::ward::Ward;
use crate::world::World;

/// Entities of one type that a circumstance may name: more people than these are not tried as an assignee.
const MOST_ENTITIES: usize = 3;
/// Circumstances that one action is looked at under.
const MOST_CIRCUMSTANCES: usize = 12;

/// Later instants that are looked at besides the one that is given.
const MOST_INSTANTS: usize = 12;

/// The instants that a change is looked at as of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instants {
    /// The one that was asked for, in milliseconds since 1970-01-01T00:00:00Z.
    pub now: i64,
    /// Later ones at which policies of either version compare `now`, and just behind them, in order.
    pub later: Vec<i64>,
    /// How many of such are left out, the last ones.
    pub left_out: usize,
}

impl Instants {
    /// An instant that is gone comes to nobody any more: only later ones are looked at.
    pub(super) fn new(wards: &[&Ward], now: i64) -> Self {
        let named = wards.iter().flat_map(|ward| ward.literals_of(NOW));
        let mut later = BTreeSet::new();
        for at in named.filter_map(|value| if let Value::Datetime(at) = value { Some(at) } else { None }) {
            later.extend([Some(at), at.checked_add(1)].into_iter().flatten().filter(|at| *at > now));
        }
        let left_out = later.len().saturating_sub(MOST_INSTANTS);
        Instants { now, later: later.into_iter().take(MOST_INSTANTS).collect(), left_out }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = i64> + '_ {
        std::iter::once(self.now).chain(self.later.iter().copied())
    }
}

/// The field of a context that is the clock.
pub(super) const NOW: &str = "now";

/// A context.
pub(super) type Circumstance = BTreeMap<Arc<str>, Value>;

/// Contexts of an action, and whether no others come out otherwise.
pub(super) fn circumstances(
    wards: &[&Ward],
    action: &Action,
    is_read: impl Fn(&str) -> bool,
    world: &World,
    now: i64,
) -> (Vec<Circumstance>, bool) {
    let (mut all, mut complete) = (vec![Circumstance::new()], true);
    for (name, field) in action.context.iter() {
        let (mut values, mut no_others) = values(wards, name, field, world, now);
        if !is_read(name) {
            values.truncate(usize::from(field.required));
            no_others = true;
        }
        complete &= no_others;
        let mut wider = Vec::new();
        for circumstance in &all {
            if !field.required {
                wider.push(circumstance.clone());
            }
            for value in &values {
                let mut more = circumstance.clone();
                more.insert(name.clone(), value.clone());
                wider.push(more);
            }
        }
        // Spread over what there is, so that no field keeps one value only.
        if wider.len() > MOST_CIRCUMSTANCES {
            complete = false;
            let step = wider.len().div_ceil(MOST_CIRCUMSTANCES) | 1;
            wider = wider.into_iter().step_by(step).collect();
        }
        all = wider;
    }
    (all, complete)
}

/// Values of a field of a context, and whether there are no others.
fn values(wards: &[&Ward], name: &str, field: &Attribute, world: &World, now: i64) -> (Vec<Value>, bool) {
    match &field.ty {
        Type::Bool => (vec![Value::Bool(true), Value::Bool(false)], true),
        // The one circumstance that is given.
        Type::Datetime if name == NOW => (vec![Value::Datetime(now)], true),
        Type::Entity(of) => {
            let Some(ty) = world.schema().entity_type(*of) else { return (Vec::new(), true) };
            if let Some(choices) = &ty.choices {
                return (
                    choices.iter().map(|id| EntityUid::new(ty.name.clone(), id.clone()).into()).collect(),
                    true,
                );
            }
            let total = world.ids_of(*of).count();
            let step = total.div_ceil(MOST_ENTITIES).max(1);
            let some = world.ids_of(*of).step_by(step).map(|id| EntityUid::new(ty.name.clone(), id).into());
            (some.collect(), total <= MOST_ENTITIES)
        }
        ty => {
            let known = wards.iter().flat_map(|ward| ward.literals_of(name));
            let mut values: BTreeSet<Value> = BTreeSet::new();
            for value in known.filter(|value| ty.has_literal(value)) {
                values.extend(beside(&value));
                values.insert(value);
            }
            values.extend(plain(ty));
            (values.into_iter().collect(), false)
        }
    }
}

/// The values next to one, where its type has such.
fn beside(value: &Value) -> Vec<Value> {
    let both = |n: i64, make: fn(i64) -> Value| [n.checked_sub(1), n.checked_add(1)].map(|n| n.map(make));
    let both = match value {
        Value::Long(n) => both(*n, Value::Long),
        Value::Datetime(n) => both(*n, Value::Datetime),
        Value::Duration(n) => both(*n, Value::Duration),
        Value::Decimal(n) => both(*n, Value::Decimal),
        _ => return Vec::new(),
    };
    both.into_iter().flatten().collect()
}

/// A plain value of a type that policies name no value of.
fn plain(ty: &Type) -> Option<Value> {
    match ty {
        Type::Long => Some(Value::Long(1)),
        Type::String => Some(Value::string("")),
        Type::Set(_) => Some(Value::set([])),
        Type::Decimal => Some(Value::Decimal(0)),
        Type::Datetime => Some(Value::Datetime(0)),
        Type::Duration => Some(Value::Duration(0)),
        Type::Record(fields) => {
            let required = fields.iter().filter(|(_, field)| field.required);
            let values =
                required.map(|(name, field)| Some((name.clone(), plain(&field.ty).or(bool_of(&field.ty))?)));
            values.collect::<Option<BTreeMap<_, _>>>().map(Value::Record)
        }
        Type::Bool | Type::Entity(_) | Type::Ip => None,
    }
}

fn bool_of(ty: &Type) -> Option<Value> {
    matches!(ty, Type::Bool).then_some(Value::Bool(false))
}
