//! How many records a person may do something to, by group.
//!
//! Where indices hold the groups and there are few of them, the records are met with the rows under each key; else
//! each record's keys are read. Which it is, is a matter of cost alone: both count the same.
//!
//! INVARIANT: what is counted and what it is grouped by are of one version of the data.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::group::{By, Group, Resolved, resolve_path};
use super::tally::Tally;
use super::{Open, Search};
use crate::decide::Asker;
use crate::error::Error;
use crate::schema::{Type, TypeId};
use crate::table::{Count, Key, Line, Table};
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::index::{Keys, Path, Walk, key_of_bool};
use crate::world::{Indices, Row, World};

/// Groups of one table.
pub(super) const GROUPS: usize = 4;
/// Lines of one table.
const LINES: usize = 2_000_000;

impl Ward {
    /// How many entities of type `resource_type` there are to which `principal` may do `action`, in each group and
    /// in all.
    ///
    /// It counts exactly what [`Ward::list`] gives. Several groups make a table of all their combinations, with the
    /// totals over each. An entity whose attribute is absent is in a group of its own, [`Key::Absent`]; one with a
    /// set counts in each of the set's elements. A principal who is not in the data has an empty table.
    ///
    /// Cost: as [`Ward::visible`], and a look at each group where indices have them and they are few, at each
    /// entity that is counted otherwise.
    ///
    /// # Errors
    /// As [`Ward::list`]; and [`Error::is_request`] for a group that the schema does not have or that cannot be
    /// grouped by, more than four groups, a group twice, more than two million lines.
    ///
    /// # Example
    /// ```
    /// # use std::collections::BTreeMap;
    /// use caseward::attendance::{Sample, zone};
    /// use caseward::{EntityUid, Group, Unit, Value, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 300, seed: 7 }.build(&ward, &mut |_| {})?;
    /// let now = BTreeMap::from([("now".into(), Value::Datetime(1_778_446_800_000))]);
    /// let person = EntityUid::new("User", "u00001");
    /// let by = [Group::of("status"), Group::period(Unit::Month, "openedAt", &zone())];
    /// let table = ward.count_by(&world, &person, "viewSummary", "Case", &now, &by)?;
    /// let all = ward.count(&world, &person, "viewSummary", "Case", &now)?;
    /// assert_eq!(table.total().number(), Some(all as u64));
    /// println!("{table}");
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn count_by(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
        by: &[Group],
    ) -> Result<Table, Error> {
        let ty = self.schema().known_type(resource_type)?;
        let (asker, version) =
            world.consistent(|| self.examine_asker(world, principal, action, resource_type, context));
        let Asker { action, principal, absent } = asker?;
        let groups = Groups::new(world, ty, by)?;
        world.make_indices(groups.paths(world).iter());
        let count = |rows: RoaringBitmap, indices: &Indices| groups.lines(world, indices, &rows);
        let (lines, version) = match principal {
            Some(known) if absent.is_empty() => {
                self.find(world, &Search { open: Open::Resource, known, action, ty, context }, count)?
            }
            _ => (groups.lines(world, &world.still(), &RoaringBitmap::new()), version),
        };
        let now = match context.get("now") {
            Some(Value::Datetime(ms)) => Some(*ms),
            _ => None,
        };
        Ok(groups.table(lines?, Made { of: resource_type, policy_hash: self.policy_hash(), version, now }))
    }
}

/// What a table is made from.
struct Made<'a> {
    of: &'a str,
    policy_hash: &'a Arc<str>,
    version: u64,
    now: Option<i64>,
}

/// The groups of one table.
pub(super) struct Groups {
    pub(super) ty: TypeId,
    names: Vec<Arc<str>>,
    pub(super) all: Vec<Resolved>,
}

impl Groups {
    fn new(world: &World, ty: TypeId, by: &[Group]) -> Result<Self, Error> {
        if by.len() > GROUPS {
            return Err(Error::request(format!("a table has at most {GROUPS} groups")));
        }
        let names: Vec<Arc<str>> = by.iter().map(Group::name).collect();
        for (at, name) in names.iter().enumerate() {
            if names.iter().take(at).any(|other| other == name) {
                return Err(Error::request(format!("the group `{name}` is given twice")));
            }
        }
        let all = by.iter().map(|group| group.resolve(world.schema(), ty)).collect::<Result<_, _>>()?;
        Ok(Groups { ty, names, all })
    }

    /// The paths for which an index is worth making: those whose keys are known to be few.
    fn paths(&self, world: &World) -> Vec<Path> {
        /// Rows to a key at least.
        const MANY: u32 = 64;
        let few = |path: &Path| match path.keys(world.schema()) {
            Some(Keys::Rows(ty)) => world.end(ty).saturating_mul(MANY) <= world.end(self.ty),
            Some(Keys::Bools) => true,
            _ => false,
        };
        self.all.iter().map(|group| &group.path).filter(|path| few(path)).cloned().collect()
    }

    /// The counts of all groups, and all of their totals.
    fn lines(&self, world: &World, indices: &Indices, rows: &RoaringBitmap) -> Result<Vec<Line>, Error> {
        let all: Vec<usize> = (0..self.all.len()).collect();
        let mut lines = self.counted(world, indices, rows, &all)?;
        let whole = lines.len();
        // Every subset of the groups, from the larger to the smaller.
        let mut subsets: Vec<Vec<usize>> = (0..(1_u32 << all.len()).saturating_sub(1))
            .map(|bits| all.iter().copied().filter(|at| bits >> at & 1 != 0).collect())
            .collect();
        subsets.sort_by(|a: &Vec<usize>, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        for subset in subsets.iter().filter(|subset| !subset.is_empty()) {
            let dropped_sets = all.iter().any(|at| !subset.contains(at) && self.is_set(*at));
            let totals = if dropped_sets {
                // A record counts once, however many of the values left out it has.
                self.counted(world, indices, rows, subset)?
            } else {
                summed(lines.get(..whole).unwrap_or_default(), subset)
            };
            lines.extend(totals);
            if lines.len() > LINES {
                return Err(too_many());
            }
        }
        if !all.is_empty() {
            lines.push(Line { keys: vec![Key::All; all.len()], count: Count::Exact(rows.len()) });
        }
        Ok(lines)
    }

    fn is_set(&self, at: usize) -> bool {
        self.all.get(at).is_some_and(|group| group.is_set)
    }

    /// The counts by some of the groups, in the order of their keys; the keys of the others are all.
    fn counted(
        &self,
        world: &World,
        indices: &Indices,
        rows: &RoaringBitmap,
        subset: &[usize],
    ) -> Result<Vec<Line>, Error> {
        if subset.is_empty() {
            return Ok(vec![Line { keys: vec![Key::All; self.all.len()], count: Count::Exact(rows.len()) }]);
        }
        let chosen: Vec<&Resolved> = subset.iter().filter_map(|at| self.all.get(*at)).collect();
        let mut tally =
            Tally::new(world, self.ty, &chosen, LINES).ok_or_else(|| Error::request("no such group"))?;
        tally.count(indices, rows).map_err(|()| too_many())?;
        let mut lines: Vec<Line> = tally
            .counts()
            .into_iter()
            .map(|(found, count)| {
                let mut keys = vec![Key::All; self.all.len()];
                for (at, key) in subset.iter().zip(found) {
                    keys.iter_mut().skip(*at).take(1).for_each(|slot| *slot = key.clone());
                }
                Line { keys, count: Count::Exact(count) }
            })
            .collect();
        lines.sort_by(|a, b| a.keys.cmp(&b.keys));
        Ok(lines)
    }

    fn table(&self, mut lines: Vec<Line>, made: Made<'_>) -> Table {
        let whole = lines.iter().take_while(|line| line.keys.iter().all(|key| *key != Key::All)).count();
        let totals = if self.all.is_empty() { lines.split_off(0) } else { lines.split_off(whole) };
        Table {
            of: made.of.into(),
            by: self.names.clone(),
            overlaps: self.all.iter().any(|group| group.is_set),
            cells: lines,
            totals,
            protected: None,
            policy_hash: made.policy_hash.clone(),
            version: made.version,
            now: made.now,
        }
    }
}

fn too_many() -> Error {
    Error::request(format!("the table has more than {LINES} lines; group by fewer things"))
}

/// The totals by a subset of the groups.
fn summed(lines: &[Line], subset: &[usize]) -> Vec<Line> {
    let mut sums: HashMap<Vec<Key>, u64> = HashMap::new();
    for Line { keys, count } in lines {
        let kept = keys.iter().enumerate();
        let kept = kept.map(|(at, key)| if subset.contains(&at) { key.clone() } else { Key::All });
        *sums.entry(kept.collect()).or_default() += count.number().unwrap_or(0);
    }
    let mut totals: Vec<Line> =
        sums.into_iter().map(|(keys, count)| Line { keys, count: Count::Exact(count) }).collect();
    totals.sort_by(|a, b| a.keys.cmp(&b.keys));
    totals
}

/// A condition on records: what a path of theirs leads to is one of some values.
pub(crate) struct Condition<'a> {
    pub(crate) path: &'a str,
    pub(crate) is: Vec<Value>,
}

/// Records of a type that satisfy conditions, whoever asks.
pub(crate) struct Population<'a> {
    pub(crate) of: &'a str,
    pub(crate) conditions: &'a [Condition<'a>],
    pub(crate) now: Option<i64>,
}

impl Ward {
    /// Counts a population by group; `None` where the data is of another version than `version`.
    ///
    /// It asks no policy: whoever calls it has asked whether the table may be seen.
    ///
    /// # Errors
    /// As [`Ward::count_by`], and for conditions that the schema does not have.
    pub(crate) fn count_population(
        &self,
        world: &World,
        version: u64,
        population: &Population<'_>,
        by: &[Group],
    ) -> Result<Option<Table>, Error> {
        self.belongs_to(world)?;
        let ty = self.schema().known_type(population.of)?;
        let groups = Groups::new(world, ty, by)?;
        let mut conditions = Vec::new();
        for condition in population.conditions {
            let (path, end) = resolve_path(world.schema(), ty, condition.path)?;
            conditions.push((path, keys(world, &end, &condition.is)));
        }
        let every = Path { start: ty, steps: Vec::new() };
        let of_conditions = conditions.iter().map(|(path, _)| path);
        world.make_indices(groups.paths(world).iter().chain(of_conditions).chain([&every]));
        let indices = world.still();
        if world.version() != version {
            return Ok(None);
        }
        let mut rows =
            match indices.of(&every).and_then(|index| index.rows(1)).filter(|_| !world.is_overlaid()) {
                Some(all) => all.rows().map_or_else(Clone::clone, |rows| rows.iter().copied().collect()),
                None => world.rows(ty).map(|row| row.0).collect(),
            };
        for (path, keys) in &conditions {
            rows = kept(world, &indices, rows, (path, keys))?;
        }
        let lines = groups.lines(world, &indices, &rows)?;
        let made = Made { of: population.of, policy_hash: self.policy_hash(), version, now: population.now };
        Ok(Some(groups.table(lines, made)))
    }
}

/// The keys of values in an index of a path that ends in a type; what the data never had has none.
fn keys(world: &World, end: &Type, values: &[Value]) -> Vec<u32> {
    let key = |value: &Value| match (value, end) {
        (Value::Entity(uid), Type::Entity(of)) => {
            world.named(uid).filter(|(ty, _)| ty == of).map(|(_, row)| row.0)
        }
        (Value::String(text), Type::String) => world.string_number(text),
        (Value::Bool(truth), Type::Bool) => Some(key_of_bool(*truth)),
        _ => None,
    };
    values.iter().filter_map(key).collect()
}

/// Those of the rows whose path leads to one of the keys.
fn kept(
    world: &World,
    indices: &Indices,
    rows: RoaringBitmap,
    (path, keys): (&Path, &[u32]),
) -> Result<RoaringBitmap, Error> {
    if !world.is_overlaid() && indices.of(path).is_some() {
        let mut found = RoaringBitmap::new();
        for key in keys {
            if let Some(posting) = indices.of(path).and_then(|index| index.rows(*key)) {
                found |= posting.meet(&rows);
            }
        }
        return Ok(found);
    }
    let walk =
        Walk::new(world, path).ok_or_else(|| Error::request("no index can hold a condition's path"))?;
    let is_it = |row: &u32| {
        let mut is = false;
        walk.each_key(world, *row, |key| is |= keys.contains(&key));
        is && world.has((path.start, Row(*row)))
    };
    Ok(rows.iter().filter(is_it).collect())
}

impl Resolved {
    /// Whether an index could hold it.
    pub(super) fn is_keyed(&self) -> bool {
        matches!(self.by, By::Key)
    }
}
