//! Counts by group, compared with what is counted by hand in the list.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::schema::{Schema, Type, TypeId};
use crate::table::{Key, Table};
use crate::testing::{Choices, bytes};
use crate::uid::EntityUid;
use crate::value::Value;
use crate::visible::Group;
use crate::ward::Ward;
use crate::world::World;
use crate::zone::{Unit, Zone};

/// Counts by keys, as text.
type Counts = BTreeMap<Vec<String>, u64>;

/// Groups the records of a list as chance has it, and compares the counts with those counted by hand.
///
/// # Errors
/// What differs.
pub(super) fn counted_as_listed(
    (ward, world): (&Ward, &World),
    (principal, action, ty): (&EntityUid, &str, &str),
    context: &BTreeMap<Arc<str>, Value>,
    (listed, seed): (&[EntityUid], u64),
) -> Result<(), String> {
    let drawn = bytes(seed, 64);
    let choices = &mut Choices::new(&drawn);
    let schema = ward.schema();
    let Some(start) = schema.type_id(ty) else { return Ok(()) };
    let mut by: Vec<Group> = Vec::new();
    for _ in 0..choices.below(4) {
        if let Some(group) = group(schema, start, choices)
            && by.iter().all(|other| other.name() != group.name())
        {
            by.push(group);
        }
    }
    let table =
        ward.count_by(world, principal, action, ty, context, &by).map_err(|e| format!("{by:?}: {e}"))?;
    let (found, wanted) = (as_text(&table), by_hand(world, listed, &by));
    if found != wanted {
        return Err(format!("{principal} {action} by {by:?} counts {found:?}; by hand {wanted:?}"));
    }
    Ok(())
}

/// A group that entities of a type can have.
fn group(schema: &Schema, start: TypeId, choices: &mut Choices<'_>) -> Option<Group> {
    let (mut path, mut ty) = (Vec::new(), start);
    for _ in 0..4 {
        let (name, attribute) = choices.pick(&schema.entity_type(ty)?.attributes)?;
        // A name that no path can be written with.
        if name.contains(['.', ' ']) {
            return None;
        }
        path.push(name.as_ref());
        match &attribute.ty {
            Type::Entity(of) if choices.chance(2, 3) => ty = *of,
            Type::Datetime => {
                let units = [Unit::Year, Unit::Quarter, Unit::Month, Unit::Day];
                return Some(Group::period(*choices.pick(&units)?, path.join("."), &Zone::utc()));
            }
            Type::Record(_) => return None,
            Type::Set(element) if matches!(**element, Type::Set(_) | Type::Record(_)) => return None,
            _ => return Some(Group::of(path.join("."))),
        }
    }
    None
}

fn as_text(table: &Table) -> Counts {
    let lines = table.cells().iter().chain(table.totals());
    let text = |key: &Key| match key {
        Key::Value(value) => format!("{value:?}"),
        key => key.to_string(),
    };
    lines.map(|line| (line.keys.iter().map(text).collect(), line.count.number().unwrap_or(0))).collect()
}

fn by_hand(world: &World, listed: &[EntityUid], by: &[Group]) -> Counts {
    let mut counts = Counts::new();
    counts.insert(vec![Key::All.to_string(); by.len()], 0);
    for record in listed {
        // Every combination of the record's keys, each of them or all of a group.
        let mut lines = vec![Vec::new()];
        for group in by {
            let mut keys = keys(world, record, group);
            keys.push(Key::All.to_string());
            let longer = |line: &Vec<String>| {
                let line = line.clone();
                keys.iter().map(move |key| line.iter().chain([key]).cloned().collect()).collect::<Vec<_>>()
            };
            lines = lines.iter().flat_map(longer).collect();
        }
        for line in lines {
            *counts.entry(line).or_default() += 1;
        }
    }
    counts
}

/// A record's keys in a group.
fn keys(world: &World, record: &EntityUid, group: &Group) -> Vec<String> {
    let mut value = Value::Entity(record.clone());
    for name in group.path().split('.') {
        let Value::Entity(uid) = &value else { return Vec::new() };
        match world.attribute(uid, name) {
            Some(next) => value = next,
            None => return vec![Key::Absent.to_string()],
        }
    }
    match (value, group.unit()) {
        (Value::Set(values), _) => values.iter().map(|value| format!("{value:?}")).collect(),
        (Value::Datetime(ms), Some(unit)) => vec![period(ms, unit)],
        (value, _) => vec![format!("{value:?}")],
    }
}

/// The period of an instant in UTC, from how it is written.
fn period(ms: i64, unit: Unit) -> String {
    let Some(text) = crate::time::format(ms) else {
        return crate::zone::Calendar::new(&Zone::utc(), unit).period(ms).to_string();
    };
    let (year, month) = (text.get(..4).unwrap_or_default(), text.get(5..7).unwrap_or_default());
    match unit {
        Unit::Year => year.to_owned(),
        Unit::Quarter => {
            let quarter = match month {
                "01" | "02" | "03" => 1,
                "04" | "05" | "06" => 2,
                "07" | "08" | "09" => 3,
                _ => 4,
            };
            format!("{year}-Q{quarter}")
        }
        Unit::Month => format!("{year}-{month}"),
        Unit::Day => text.get(..10).unwrap_or_default().to_owned(),
    }
}
