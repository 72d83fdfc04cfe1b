//! A list that is followed from batch to batch: what came into a person's sight, and what went out of it.
//!
//! What is left of the policies for the person says along which paths a record's decision is read. The records from which
//! one of these leads to an entity that a batch touched are decided anew, and no others. Where the batch, or the time,
//! changed what is left itself, the list is made anew.
//!
//! INVARIANT: after every batch the rows are those of the list at that version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{Open, Search, is_still_there};
use crate::cache::plan::Plan;
use crate::decide::Asker;
use crate::engine::Engine;
use crate::ir::Evaluation;
use crate::model::{EntityUid, Error, Query, TypeId, Value};
use crate::world::index::Path;
use crate::world::{Indices, Place, Row, World};

/// A list that is followed: which records of a type a person may do something to, as of the last batch that it was told
/// of. For a trusted caller.
///
/// Made by [`Ward::watch`](crate::Ward::watch).
#[derive(Clone)]
pub struct Watched {
    pub(crate) query: Query,
    world: World,
    ty: TypeId,
    rows: RoaringBitmap,
    version: u64,
    plan: Option<Arc<Plan>>,
    /// How often the list was made, and how many records were decided by themselves.
    lists: u64,
    decided: u64,
}

/// What a batch changed of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Sighted {
    /// What came into sight, in the world's order.
    pub came: Vec<EntityUid>,
    /// What went out of it.
    pub went: Vec<EntityUid>,
}

impl Sighted {
    /// Whether the list is as it was.
    pub fn is_nothing(&self) -> bool {
        self.came.is_empty() && self.went.is_empty()
    }
}

type Context = BTreeMap<Arc<str>, Value>;

/// What was found: the rows, their version, the plan, and how many rows were decided by themselves; `None` for a list.
type Found = (RoaringBitmap, u64, Option<Arc<Plan>>, Option<u64>);

impl Engine {
    pub(crate) fn watch(&self, world: &World, query: &Query, context: &Context) -> Result<Watched, Error> {
        let ty = self.schema().known_type(&query.resource_type)?;
        let mut watched = Watched {
            query: query.clone(),
            world: world.clone(),
            ty,
            rows: RoaringBitmap::new(),
            version: 0,
            plan: None,
            lists: 0,
            decided: 0,
        };
        self.follow(&mut watched, None, context)?;
        Ok(watched)
    }

    pub(crate) fn follow(
        &self,
        watched: &mut Watched,
        touched: Option<&[EntityUid]>,
        context: &Context,
    ) -> Result<Sighted, Error> {
        self.belongs_to(&watched.world)?;
        let world = watched.world.clone();
        let touched: Option<Vec<Place>> =
            touched.map(|all| all.iter().filter_map(|uid| world.named(uid)).collect());
        let (rows, version, plan, decided) =
            world.undisturbed(|| self.followed(watched, touched.as_deref(), context))?;
        let name = |rows: RoaringBitmap| world.uids(watched.ty, &rows).collect();
        let sighted = Sighted { came: name(&rows - &watched.rows), went: name(&watched.rows - &rows) };
        match decided {
            Some(decided) => watched.decided += decided,
            None => watched.lists += 1,
        }
        (watched.rows, watched.version, watched.plan) = (rows, version, plan);
        Ok(sighted)
    }

    /// The rows as they are now; `None` where a batch comes in meanwhile.
    fn followed(
        &self,
        watched: &Watched,
        touched: Option<&[Place]>,
        context: &Context,
    ) -> Result<Option<Found>, Error> {
        let Watched { query, world, ty, .. } = watched;
        let (asker, version) = world.consistent(|| {
            self.examine_asker(world, &query.principal, &query.action, &query.resource_type, context)
        });
        let Asker { action, principal, absent } = asker?;
        let Some(known) = principal.filter(|_| absent.is_empty()) else {
            return Ok(Some((RoaringBitmap::new(), version, None, None)));
        };
        let search = Search { open: Open::Resource, known, action, ty: *ty, context };
        let plan = self.list_plan(world, &search);
        // A hierarchy moves what a batch does not name.
        let is_flat = world.schema().entity_types().iter().all(|ty| ty.ancestors.is_empty());
        let is_as_before = watched.plan.as_ref().is_some_and(|before| Arc::ptr_eq(before, &plan));
        let ways = if is_flat && is_as_before { plan.ways() } else { None };
        let (Some(touched), Some(ways)) = (touched, ways) else {
            let (rows, version) = self.find(world, &search, |rows, _| rows)?;
            return Ok(Some((rows, version, Some(plan), None)));
        };
        let of_ways: Vec<Path> = ways.iter().flat_map(Path::prefixes).collect();
        world.make_indices(of_ways.iter())?;
        let indices = world.still();
        let is_next = world.version() == watched.version + 1 || world.version() == watched.version;
        if !is_next || !plan.made_from.is_unchanged_since(plan.version, world) {
            drop(indices);
            let (rows, version) = self.find(world, &search, |rows, _| rows)?;
            return Ok(Some((rows, version, Some(plan), None)));
        }
        if !is_still_there(world, known, context) {
            return Ok(Some((RoaringBitmap::new(), world.version(), None, None)));
        }
        let concerned = concerned(world, (*ty, &ways), touched, &indices);
        let mut rows = watched.rows.clone();
        let mut evaluation = Evaluation::new(&plan.residual, world, known, None, context);
        for row in &concerned {
            let place = (*ty, Row(row));
            evaluation.turn_to(place);
            if world.has(place) && evaluation.allows() {
                rows.insert(row);
            } else {
                rows.remove(row);
            }
        }
        drop(evaluation);
        Ok(Some((rows, world.version(), Some(plan.clone()), Some(concerned.len()))))
    }
}

/// The rows from which a path that is read leads to an entity that was touched. Where what lies between was touched too, a
/// row is found from there.
fn concerned(
    world: &World,
    (ty, ways): (TypeId, &BTreeSet<Path>),
    touched: &[Place],
    indices: &Indices,
) -> RoaringBitmap {
    let mut rows = RoaringBitmap::new();
    for place in touched {
        if place.0 == ty {
            rows.insert(place.1.0);
        }
        for path in ways.iter().flat_map(Path::prefixes) {
            if path.target(world.schema()) == Some(place.0) {
                indices.each_under(world, &path, place.1.0, &mut |row| {
                    rows.insert(row);
                });
            }
        }
    }
    rows
}

impl Watched {
    /// The records, in the world's order.
    pub fn iter(&self) -> impl Iterator<Item = EntityUid> + '_ {
        self.world.uids(self.ty, &self.rows)
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        usize::try_from(self.rows.len()).unwrap_or(usize::MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The version of the data that it was last told of.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How often the list was made, the first time included, and how many records were decided by themselves since.
    pub fn work(&self) -> (u64, u64) {
        (self.lists, self.decided)
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watched {{ {} records, version: {} }}", self.len(), self.version)
    }
}
