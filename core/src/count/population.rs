//! Counts of all records that satisfy conditions, whoever asks: for reports.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::Groups;
use crate::engine::Engine;
use crate::model::{EntityUid, Error, Provenance, Type, Value};
use crate::table::Table;
use crate::table::group::{Group, resolve_path};
#[cfg(feature = "release")]
use crate::table::profile::Profile;
use crate::view::Onlooker;
use crate::world::index::{Path, Walk, key_of_bool};
use crate::world::{Indices, Row, World};

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
    /// Whether the table is to know its records again in other tables.
    pub(crate) marked: bool,
    /// Who is shown the counts as they are, and the context in which they ask: they must see of each record what it
    /// is grouped by. `None` where the counts are protected before anybody is shown them.
    pub(crate) shown_to: Option<(&'a EntityUid, &'a BTreeMap<Arc<str>, Value>)>,
}

impl Engine {
    /// Counts a population by group; `None` where the data is of another version than `version`.
    ///
    /// Whoever calls it has asked whether the table may be seen; here it is asked whether what it is grouped by may.
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
        let groups = Groups::new(world, self.schema().known_type(population.of)?, by)?;
        let indices = groups.paths(world);
        let tell =
            |indices: &Indices, rows: &RoaringBitmap| groups.told(world, indices, rows, population.marked);
        let Some((lines, rows)) = self.of_population(world, version, population, &indices, tell)? else {
            return Ok(None);
        };
        if let Some((principal, context)) = population.shown_to {
            let onlooker = Onlooker { world, principal, context, rows: &rows, version, listed_by: None };
            if !self.require(&groups.needs(self)?, &onlooker)? {
                return Ok(None);
            }
        }
        let provenance = Provenance::new(self.policy_hash().clone(), version, population.now);
        Ok(Some(groups.table(lines, population.of, provenance)))
    }

    /// A population's profiles in any number of groups; `None` where the data is of another version than `version`.
    ///
    /// # Errors
    /// As [`Ward::count_population`], and for more than `most` profiles.
    #[cfg(feature = "release")]
    pub(crate) fn profile_population(
        &self,
        world: &World,
        version: u64,
        population: &Population<'_>,
        (by, most): (&[Group], usize),
    ) -> Result<Option<Vec<Profile>>, Error> {
        self.belongs_to(world)?;
        let groups = Groups::of(world, self.schema().known_type(population.of)?, by)?;
        let tell = |_: &Indices, rows: &RoaringBitmap| groups.profiles(world, rows, most);
        Ok(self.of_population(world, version, population, &[], tell)?.map(|(profiles, _)| profiles))
    }

    /// What is told of a population, and which rows it has.
    fn of_population<T>(
        &self,
        world: &World,
        version: u64,
        population: &Population<'_>,
        paths: &[Path],
        tell: impl FnOnce(&Indices, &RoaringBitmap) -> Result<T, Error>,
    ) -> Result<Option<(T, RoaringBitmap)>, Error> {
        let ty = self.schema().known_type(population.of)?;
        let mut conditions = Vec::new();
        for condition in population.conditions {
            let (path, end) = resolve_path(world.schema(), ty, condition.path)?;
            conditions.push((path, keys(world, &end, &condition.is)));
        }
        let every = Path { start: ty, steps: Vec::new() };
        let of_conditions = conditions.iter().map(|(path, _)| path);
        world.make_indices(paths.iter().chain(of_conditions).chain([&every]))?;
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
        Ok(Some((tell(&indices, &rows)?, rows)))
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
