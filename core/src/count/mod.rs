//! How many records a person may do something to, by group.
//!
//! Where indices hold the groups and there are few of them, the records are met with the rows under each key; else
//! each record's keys are read. Which it is, is a matter of cost alone: both count the same.
//!
//! INVARIANT: what is counted and what it is grouped by are of one version of the data.

#[cfg(feature = "attendance")]
mod population;
mod profiles;
mod tally;

use std::sync::Arc;

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use crate::decide::Asker;
use crate::engine::Engine;
use crate::model::context::Fields;
use crate::model::{EntityUid, Error, Provenance, Query, TypeId};
use crate::table::disclosure::Protection;
use crate::table::group::{By, Group, Resolved};
use crate::table::profile::{GROUPS, parts, subsets, too_many};
use crate::table::{Count, Key, Line, Table};
use crate::view::{FieldNeed, Onlooker};
use crate::visible::{Open, Search};
use crate::world::index::{Keys, Path};
use crate::world::{Indices, World};
#[cfg(feature = "attendance")]
pub(crate) use population::{Condition, Population};
use tally::Tally;

/// Lines of one table.
const LINES: usize = 2_000_000;

impl Engine {
    pub(crate) fn count_by(&self, world: &World, counting: &Counting<'_>) -> Result<Table, Error> {
        self.counted(world, counting, Told { seen: true, marked: false })
    }

    /// As [`Ward::count_by`], by whatever there is: for laws on how records are counted.
    #[cfg(feature = "testing")]
    pub(crate) fn count_by_anything(&self, world: &World, counting: &Counting<'_>) -> Result<Table, Error> {
        self.counted(world, counting, Told { seen: false, marked: false })
    }

    fn counted(&self, world: &World, counting: &Counting<'_>, told: Told) -> Result<Table, Error> {
        let Told { seen, marked } = told;
        let Counting { principal, action, of, context, by } = *counting;
        let ty = self.schema().known_type(of)?;
        self.belongs_to(world)?;
        let groups = Groups::new(world, ty, by)?;
        world.make_indices(groups.paths(world).iter())?;
        // What is counted, and what the person sees of it, is to be of one version of the data.
        world.undisturbed(|| {
            let (asker, version) =
                world.consistent(|| self.examine_asker(world, principal, action, of, context));
            let Asker { action, principal: known, absent } = asker?;
            // What is wrong with the question is told before who may see what.
            let needs = if seen { groups.needs(self)? } else { Vec::new() };
            let count =
                |rows: RoaringBitmap, indices: &Indices| (groups.told(world, indices, &rows, marked), rows);
            let ((lines, rows), version) = match known {
                Some(known) if absent.is_empty() => {
                    self.find(world, &Search { open: Open::Resource, known, action, ty, context }, count)?
                }
                _ => (count(RoaringBitmap::new(), &world.still()), version),
            };
            let listed_by = Some(action.place);
            let onlooker = Onlooker { world, principal, context, rows: &rows, version, listed_by };
            if !self.require(&needs, &onlooker)? {
                return Ok(None);
            }
            Ok(Some(groups.table(lines?, of, self.provenance(version, context))))
        })
    }

    pub(crate) fn count_by_protected(
        &self,
        world: &World,
        query: &Counting<'_>,
        protection: &Protection,
    ) -> Result<Table, Error> {
        let is_rounded = matches!(protection, Protection::Round(_));
        self.counted(world, query, Told { seen: true, marked: is_rounded })?.protect(protection)
    }
}

/// How a table is asked for: only by what the person sees, and with what its records are.
#[derive(Clone, Copy)]
struct Told {
    seen: bool,
    marked: bool,
}

/// A question for counts by group.
#[derive(Clone, Copy)]
pub(crate) struct Counting<'a> {
    pub(crate) principal: &'a EntityUid,
    pub(crate) action: &'a str,
    /// The type of the records that are counted.
    pub(crate) of: &'a str,
    pub(crate) context: &'a Fields,
    pub(crate) by: &'a [Group],
}

impl<'a> Counting<'a> {
    /// `context` as it is given to the query's action.
    pub(crate) fn new(query: &'a Query, context: &'a Fields, by: &'a [Group]) -> Self {
        let Query { principal, action, resource_type, .. } = query;
        Counting { principal, action, of: resource_type, context, by }
    }
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
        Groups::of(world, ty, by)
    }

    /// Any number of groups.
    fn of(world: &World, ty: TypeId, by: &[Group]) -> Result<Self, Error> {
        let names: Vec<Arc<str>> = by.iter().map(Group::name).collect();
        for (at, name) in names.iter().enumerate() {
            if names.iter().take(at).any(|other| other == name) {
                return Err(Error::request(format!("the group `{name}` is given twice")));
            }
        }
        let all = by.iter().map(|group| group.resolve(world.schema(), ty)).collect::<Result<_, _>>()?;
        Ok(Groups { ty, names, all })
    }

    /// What the person must be allowed on the records, so that they may see by what they are grouped.
    fn needs(&self, ward: &Engine) -> Result<Vec<FieldNeed>, Error> {
        let mut all = Vec::new();
        for (name, group) in self.names.iter().zip(&self.all) {
            all.extend(ward.field_needs(name.clone(), &group.path)?);
        }
        Ok(all)
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
        for subset in subsets(all.len()).iter().skip(1).filter(|subset| !subset.is_empty()) {
            let dropped_sets = all.iter().any(|at| !subset.contains(at) && self.is_set(*at));
            let totals = if dropped_sets {
                // A record counts once, however many of the values left out it has.
                self.counted(world, indices, rows, subset)?
            } else {
                summed(lines.get(..whole).unwrap_or_default(), subset)
            };
            lines.extend(totals);
            if lines.len() > LINES {
                return Err(too_many(LINES));
            }
        }
        if !all.is_empty() {
            lines.push(Line { keys: vec![Key::All; all.len()], count: Count::Exact(rows.len()) });
        }
        Ok(lines)
    }

    /// The lines, with what their records are where they are marked.
    fn told(
        &self,
        world: &World,
        indices: &Indices,
        rows: &RoaringBitmap,
        marked: bool,
    ) -> Result<(Vec<Line>, Vec<u128>), Error> {
        match marked {
            true => self.marked_lines(world, rows),
            false => Ok((self.lines(world, indices, rows)?, Vec::new())),
        }
    }

    /// The same lines, and which records each counts.
    fn marked_lines(&self, world: &World, rows: &RoaringBitmap) -> Result<(Vec<Line>, Vec<u128>), Error> {
        let all: Vec<usize> = (0..self.all.len()).collect();
        let parts = parts(&self.profiles(world, rows, LINES)?, &all, LINES)?;
        Ok(parts.into_iter().map(|part| (part.line, part.mark)).unzip())
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
        tally.count(indices, rows).map_err(|()| too_many(LINES))?;
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

    fn table(&self, (mut lines, marks): (Vec<Line>, Vec<u128>), of: &str, provenance: Provenance) -> Table {
        let whole = lines.iter().take_while(|line| line.keys.iter().all(|key| *key != Key::All)).count();
        let totals = if self.all.is_empty() { lines.split_off(0) } else { lines.split_off(whole) };
        Table {
            of: of.into(),
            by: self.names.clone(),
            overlaps: self.all.iter().any(|group| group.is_set),
            cells: lines,
            totals,
            marks: marks.into(),
            protected: None,
            release: None,
            provenance,
        }
    }
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

impl Resolved {
    /// Whether an index could hold it.
    pub(super) fn is_keyed(&self) -> bool {
        matches!(self.by, By::Key)
    }
}
