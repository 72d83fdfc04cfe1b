//! Counts by group, compared with what is counted by hand in the list, and in what the person's views show.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::count::Counting;
use crate::model::{EntityUid, Schema, Type, TypeId, Unit, Value, Zone};
use crate::table::group::Group;
use crate::table::{Key, Table};
use crate::testing::{Choices, bytes};
use crate::ward::Ward;
use crate::world::World;

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
    let counting = Counting { principal, action, of: ty, context, by: &by };
    let table = ward.engine.count_by_anything(world, &counting).map_err(|e| format!("{by:?}: {e}"))?;
    let facts = |record: &EntityUid, group: &Group| Some(keys(world, record, group));
    let (found, wanted) = (as_text(&table), by_hand(listed, &by, facts).unwrap_or_default());
    if found != wanted {
        return Err(format!("{principal} {action} by {by:?} counts {found:?}; by hand {wanted:?}"));
    }
    for group in &by {
        require_as_counted((ward, world), &Counting { by: std::slice::from_ref(group), ..counting })?;
    }
    // What a person is told, their views show; and what all of their views show, they are told.
    let shown = Shown { ward, world, principal, context, failed: Cell::new(false) };
    let seen = by_hand(listed, &by, |record, group| shown.keys(record, group));
    match (ward.engine.count_by(world, &counting), seen) {
        (Ok(table), Some(seen)) if as_text(&table) == seen => Ok(()),
        // Of no record nothing is told.
        (Err(_), _) if listed.is_empty() => Ok(()),
        (Err(error), None) if error.is_request() => Ok(()),
        // Views ask all actions, and of one of them it makes no sense.
        (Ok(_), None) if shown.failed.get() => Ok(()),
        // A section whose action needs more of a context is withheld, though it may be certain what it would say.
        (Err(_), Some(_)) if shown.lacks_context() => Ok(()),
        (found, seen) => {
            Err(format!("{principal} {action} by {by:?} is told {found:?}; views show {seen:?}"))
        }
    }
}

/// The question of roads of one's own answers as counts by the same group do.
fn require_as_counted((ward, world): (&Ward, &World), counting: &Counting<'_>) -> Result<(), String> {
    let Counting { principal, action, of, context, by } = *counting;
    let Some(path) = by.first().map(Group::path) else { return Ok(()) };
    let ward = &ward.engine;
    let records = ward.visible(world, principal, action, of, context).map_err(|e| e.to_string())?;
    let asked = ward.require_field(world, principal, &records, path, context);
    let counted = ward.count_by(world, counting);
    match asked.is_ok() == counted.is_ok() {
        true => Ok(()),
        false => Err(format!("{principal} {action} by {path}: required {asked:?}; counted {counted:?}")),
    }
}

/// What one person's views show.
struct Shown<'a> {
    ward: &'a Ward,
    world: &'a World,
    principal: &'a EntityUid,
    context: &'a BTreeMap<Arc<str>, Value>,
    /// Whether a view could not be asked for.
    failed: Cell<bool>,
}

impl Shown<'_> {
    /// A record's keys in a group, read from views alone; `None` where they do not show all of the way.
    fn keys(&self, record: &EntityUid, group: &Group) -> Option<Vec<String>> {
        let names: Vec<&str> = group.path().split('.').collect();
        let (mut on, mut value, mut at) = (Some(record.clone()), None, 0);
        let mut ty = self.ward.schema().type_id(record.type_name())?;
        while at < names.len() {
            let (taken, found) = self.step(ty, on.as_ref(), names.get(at..)?)?;
            // The types on the way are the schema's, also where there is nothing on it.
            for name in names.get(at..at + taken)? {
                if let Type::Entity(of) = self.ward.schema().entity_type(ty)?.attribute(name)?.1.ty {
                    ty = of;
                }
            }
            at += taken;
            on = match &found {
                Some(Value::Entity(uid)) => Some(uid.clone()),
                _ => None,
            };
            value = found;
        }
        Some(value.map_or_else(|| vec![Key::Absent.to_string()], |value| texts(value, group)))
    }

    /// What is at the end of one step from an entity, or of two that a view shows together.
    fn step(&self, ty: TypeId, on: Option<&EntityUid>, names: &[&str]) -> Option<(usize, Option<Value>)> {
        let catalogue = self.ward.engine.catalogue.as_ref()?;
        let shown = catalogue.of(ty)?;
        let first = names.first()?;
        let (attr, _) = self.ward.schema().entity_type(ty)?.attribute(first)?;
        if shown.public.as_ref().is_some_and(|public| public.contains(&attr)) {
            return Some((1, on.and_then(|uid| self.world.found(uid, first))));
        }
        let in_section = |name: &str| {
            let of = |shelf: &&crate::policy::catalogue::Shelf| {
                shelf.fields.iter().any(|field| *field.name == *name && field.attribute.is_some())
            };
            shown.sections.iter().find(of).map(|shelf| shelf.name.clone())
        };
        let two = names.get(..2).map(|two| two.join("."));
        let two = two.and_then(|name| Some((2, in_section(&name)?, name)));
        let one = || Some((1, in_section(first)?, (*first).to_owned()));
        let (taken, section, name) = two.or_else(one)?;
        // Of nothing, nothing is withheld but what nobody sees.
        let Some(uid) = on else { return Some((taken, None)) };
        let view = self.ward.engine.view(self.world, self.principal, uid, self.context);
        self.failed.set(self.failed.get() || view.is_err());
        let view = view.ok()?;
        let section = view.section(&section)?;
        let field = section.fields.iter().find(|field| *field.name == *name);
        Some((taken, field.and_then(|field| field.value.clone())))
    }

    /// Whether an action that shows a section needs more than the context.
    fn lacks_context(&self) -> bool {
        let Some(catalogue) = self.ward.engine.catalogue.as_ref() else { return false };
        let shown = catalogue.types().flat_map(|(_, shown)| {
            shown.known_by.iter().copied().chain(shown.sections.iter().map(|shelf| shelf.action))
        });
        let mut actions = shown.filter_map(|place| self.ward.schema().actions().get(place));
        actions.any(|action| {
            action.context.iter().any(|(name, field)| field.required && !self.context.contains_key(name))
        })
    }
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

/// Counts by what `keys` says of each record; `None` where it does not say all.
fn by_hand(
    listed: &[EntityUid],
    by: &[Group],
    keys: impl Fn(&EntityUid, &Group) -> Option<Vec<String>>,
) -> Option<Counts> {
    let mut counts = Counts::new();
    counts.insert(vec![Key::All.to_string(); by.len()], 0);
    for record in listed {
        // Every combination of the record's keys, each of them or all of a group.
        let mut lines = vec![Vec::new()];
        for group in by {
            let mut keys = keys(record, group)?;
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
    Some(counts)
}

/// A record's keys in a group.
fn keys(world: &World, record: &EntityUid, group: &Group) -> Vec<String> {
    let mut value = Value::Entity(record.clone());
    for name in group.path().split('.') {
        let Value::Entity(uid) = &value else { return Vec::new() };
        match world.found(uid, name) {
            Some(next) => value = next,
            None => return vec![Key::Absent.to_string()],
        }
    }
    texts(value, group)
}

/// The keys of a value in a group.
fn texts(value: Value, group: &Group) -> Vec<String> {
    match (value, group.unit()) {
        (Value::Set(values), _) if values.is_empty() => vec![Key::Empty.to_string()],
        (Value::Set(values), _) => values.iter().map(|value| format!("{value:?}")).collect(),
        (Value::Datetime(ms), Some(unit)) => vec![period(ms, unit)],
        (value, _) => vec![format!("{value:?}")],
    }
}

/// The period of an instant in UTC, from how it is written.
fn period(ms: i64, unit: Unit) -> String {
    let Some(text) = crate::model::timestamp::format(ms) else {
        return crate::model::zone::Calendar::new(&Zone::utc(), unit).period(ms).to_string();
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
