//! Which records may this person do this to? And, from the other side, who may do this to that record?

mod find;
mod set;
mod show;
#[cfg(feature = "author")]
mod touched;
mod watch;
mod who;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::cache::plan;
use crate::cache::plan::Plan;
use find::Finder;
use roaring::RoaringBitmap;
use serde::ser::{Serialize, SerializeStruct, Serializer};
#[cfg(feature = "author")]
pub(crate) use touched::Asking;
pub use watch::{Sighted, Watched};
pub use who::Granted;

use crate::decide::Asker;
use crate::engine::Engine;
use crate::ir::Evaluation;
use crate::model::sealed::Sealed;
use crate::model::{Action, EntityUid, Error, Provenance, TypeId, Value, interrupt};
use crate::world::index::Path;
use crate::world::{Handle, Indices, Place, Row, World};

/// The entities of one type to which a person may do something, found at one version of the data.
///
/// It stays what it is when the data changes. They are in the world's order: that in which ids were first named.
#[derive(Clone)]
pub struct Visible {
    world: World,
    ty: TypeId,
    rows: RoaringBitmap,
    provenance: Provenance,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Page {
    /// The entities, in the world's order.
    pub entities: Vec<EntityUid>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

carried!(struct Page { entities, next });

/// A place in a list: behind the last entity of a page.
///
/// It stays valid when the data changes: the next page is exact for the data as it is then, and no entity that
/// an earlier page had comes again. As text it is safe to hand to a browser: it is sealed, and tells nothing of how
/// many entities there are that the person may not know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    last: Sealed<4>,
}

carried!(struct Cursor { last });

impl Engine {
    pub(crate) fn list(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Vec<EntityUid>, Error> {
        Ok(self.visible(world, principal, action, resource_type, context)?.iter().collect())
    }

    pub(crate) fn count(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<usize, Error> {
        Ok(self.visible(world, principal, action, resource_type, context)?.len())
    }

    pub(crate) fn visible(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Visible, Error> {
        let ty = self.schema().known_type(resource_type)?;
        let (asker, version) =
            world.consistent(|| self.examine_asker(world, principal, action, resource_type, context));
        let Asker { action, principal, absent } = asker?;
        let (rows, version) = match principal {
            Some(principal) if absent.is_empty() || mutant!(AbsentResourceAsks) => {
                let search = Search { open: Open::Resource, known: principal, action, ty, context };
                self.find(world, &search, |rows, _| rows)?
            }
            _ => (RoaringBitmap::new(), version),
        };
        Ok(self.found(world, ty, rows, context, version))
    }

    /// What was found, with what it was made from.
    pub(crate) fn found(
        &self,
        world: &World,
        ty: TypeId,
        rows: RoaringBitmap,
        context: &BTreeMap<Arc<str>, Value>,
        version: u64,
    ) -> Visible {
        Visible { world: world.clone(), ty, rows, provenance: self.provenance(version, context) }
    }

    pub(crate) fn make_indices(&self, world: &World) -> Result<(), Error> {
        self.belongs_to(world)?;
        let mut paths = BTreeSet::new();
        for action in self.schema().actions() {
            for &principal in &action.principals {
                for &resource in &action.resources {
                    let program = self.program(principal, action, resource);
                    paths.extend(plan::paths_of(program, resource, self.schema()));
                    let mirrored = program.mirrored(self.schema());
                    paths.extend(plan::paths_of(&mirrored, principal, self.schema()));
                }
            }
        }
        world.make_indices(paths.iter().chain(self.catalogue_paths()))
    }

    /// What `then` makes of the rows while the data is held still, and the version of the data.
    pub(crate) fn find<T>(
        &self,
        world: &World,
        search: &Search<'_>,
        then: impl Fn(RoaringBitmap, &Indices) -> T,
    ) -> Result<(T, u64), Error> {
        let Search { known, context, .. } = *search;
        world.undisturbed(|| {
            let plan = self.list_plan(world, search);
            let ways = if world.is_overlaid() { plan.ways() } else { None };
            let of_ways: Vec<Path> = ways.iter().flatten().flat_map(Path::prefixes).collect();
            world.make_indices(plan.paths.iter().chain(&of_ways))?;
            interrupt::ask()?;
            let indices = world.still();
            // A batch may have come in since the plan was made.
            if !plan.made_from.is_unchanged_since(plan.version, world) {
                return Ok(None);
            }
            if !is_still_there(world, known, context) {
                return Ok(Some((then(RoaringBitmap::new(), &indices), world.version())));
            }
            let mut finder = Finder::new(&plan, world, &indices, known, context);
            let found = finder.allowed();
            finder.pulse.result()?;
            let rows = if world.is_overlaid() {
                Overlaid { plan: &plan, world, known, context }.corrected(found.into_bitmap(), ways, &indices)
            } else {
                found.into_bitmap()
            };
            Ok(Some((then(rows, &indices), world.version())))
        })
    }

    fn list_plan(&self, world: &World, search: &Search<'_>) -> Arc<Plan> {
        let Search { open, known, action, ty, context } = *search;
        let link = self.link(world);
        let (environment, plans) = match open {
            Open::Resource => ((known.0, action.place, ty), &link.plans),
            Open::Principal => ((ty, action.place, known.0), &link.plans_of_records),
        };
        plans.of(world, environment, known, context, |version| {
            let residual = match open {
                Open::Resource => {
                    let classes = link.classes(environment);
                    let specialise = || {
                        let compiled = link.compiled(&self.loaded, world, classes, environment, known);
                        compiled.program.specialise(world, known, context)
                    };
                    let mut residual = world.consistent(specialise).0;
                    residual.made_from.types.extend(link.reads(&self.loaded, world, known.0));
                    residual
                }
                Open::Principal => {
                    let program = link.mirrored(&self.loaded, environment);
                    world.consistent(|| program.specialise(world, known, context)).0
                }
            };
            Plan::new(residual, world, known, ty, context, version)
        })
    }
}

/// The side of an action that is open: whose entities are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    Resource,
    /// The program is mirrored: to it, the record is the principal, and people are resources.
    Principal,
}

/// What is looked for: the entities of a type on the open side of an action, the other side being known.
pub(crate) struct Search<'a> {
    pub(crate) open: Open,
    pub(crate) known: Place,
    pub(crate) action: &'a Action,
    pub(crate) ty: TypeId,
    pub(crate) context: &'a BTreeMap<Arc<str>, Value>,
}

/// Whether what is known and what the context names, which were there, were not removed since.
fn is_still_there(world: &World, known: Place, context: &BTreeMap<Arc<str>, Value>) -> bool {
    let mut all = world.has(known) || mutant!(AbsentResourceAsks);
    for value in context.values() {
        value.for_each_entity(&mut |uid| all &= world.contains(uid) || mutant!(AbsentResourceAsks));
    }
    all
}

/// A list over a world that is seen through changes: what the indices find is right for every row from which no
/// path leads to a changed entity; the others are decided one by one.
struct Overlaid<'a> {
    plan: &'a Plan,
    world: &'a World,
    known: Place,
    context: &'a BTreeMap<Arc<str>, Value>,
}

impl Overlaid<'_> {
    fn corrected(
        &self,
        mut rows: RoaringBitmap,
        ways: Option<BTreeSet<Path>>,
        indices: &crate::world::Indices,
    ) -> RoaringBitmap {
        let concerned = match ways {
            Some(ways) => self.concerned(&ways, indices),
            None => (1..self.world.end(self.plan.ty)).collect(),
        };
        let mut evaluation = Evaluation::new(&self.plan.residual, self.world, self.known, None, self.context);
        for row in &concerned {
            let place = (self.plan.ty, Row(row));
            evaluation.turn_to(place);
            if self.world.has(place) && evaluation.allows() {
                rows.insert(row);
            } else {
                rows.remove(row);
            }
        }
        rows
    }

    /// The rows from which a path that is read leads to a changed entity.
    fn concerned(&self, ways: &BTreeSet<Path>, indices: &crate::world::Indices) -> RoaringBitmap {
        let mut rows = RoaringBitmap::new();
        for place in self.world.changed() {
            if place.0 == self.plan.ty {
                rows.insert(place.1.0);
            }
            if mutant!(OverlayForgetsOthers) {
                continue;
            }
            let prefixes = ways.iter().flat_map(Path::prefixes);
            for path in prefixes.filter(|path| path.target(self.world.schema()) == Some(place.0)) {
                indices.each_under(self.world, &path, place.1.0, &mut |row| {
                    rows.insert(row);
                });
            }
        }
        rows
    }
}

impl Visible {
    /// Those that are in another set of the same type too.
    pub(crate) fn also_in(mut self, other: &Visible) -> Self {
        self.rows &= &other.rows;
        self
    }

    /// Those of them of whom something holds.
    pub(crate) fn filtered(
        mut self,
        mut holds: impl FnMut(EntityUid) -> Result<bool, Error>,
    ) -> Result<Self, Error> {
        let mut rows = RoaringBitmap::new();
        for row in &self.rows {
            if holds(self.world.uid((self.ty, Row(row))))? {
                rows.insert(row);
            }
        }
        self.rows = rows;
        Ok(self)
    }

    /// Nobody, found in the same way.
    pub(crate) fn none(mut self) -> Self {
        self.rows.clear();
        self
    }

    /// The type that all of them are of.
    pub(crate) fn type_id(&self) -> TypeId {
        self.ty
    }

    /// Whether they were found in this world, or in one that goes back to it.
    pub(crate) fn is_of(&self, world: &World) -> bool {
        self.world.epoch() == world.epoch()
    }

    /// How many entities these are.
    pub fn len(&self) -> usize {
        usize::try_from(self.rows.len()).unwrap_or(usize::MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether the entity is one of them.
    pub fn contains(&self, uid: &EntityUid) -> bool {
        self.world.named(uid).is_some_and(|(ty, row)| ty == self.ty && self.rows.contains(row.0))
    }

    /// The type that all of them are of.
    pub fn type_name(&self) -> &str {
        self.world.schema().entity_type(self.ty).map_or("", |ty| ty.name.as_ref())
    }

    /// What the entities of this type with these ids are numbered as, as [`Handle::number`] gives it; `None` for an id
    /// that none ever had. For columns of ids: [`Visible::contains_number`] says whether one is among these.
    ///
    /// Ids that are looked up together wait for memory together: some hundreds at once are best.
    pub fn numbers(&self, ids: &[&str]) -> Vec<Option<u32>> {
        self.world.numbers_of_ids(self.ty, ids)
    }

    /// Whether the entity of that number is one of them.
    #[inline]
    pub fn contains_number(&self, number: u32) -> bool {
        self.rows.contains(number)
    }

    /// The names of the entities, in the world's order.
    pub fn iter(&self) -> impl Iterator<Item = EntityUid> + '_ {
        self.world.uids(self.ty, &self.rows)
    }

    /// The ids of the entities, in the world's order.
    pub fn ids(&self) -> impl Iterator<Item = &str> + '_ {
        self.rows.iter().map(|row| self.world.id((self.ty, Row(row))))
    }

    /// The entities as handles, in the world's order.
    pub fn handles(&self) -> impl Iterator<Item = Handle> + '_ {
        let epoch = self.world.epoch();
        self.rows.iter().map(move |row| Handle { epoch, ty: self.ty, row: Row(row) })
    }

    /// The entities as a compressed bitmap of their numbers in the world, which [`Handle::number`] gives too.
    pub fn bitmap(&self) -> &RoaringBitmap {
        &self.rows
    }

    /// Up to `most` entities behind `cursor`, or the first ones; one at least.
    ///
    /// # Errors
    /// [`Error::is_request`] for a cursor of another world, and for `most` 0: a page of nothing would look like the last.
    pub fn page(&self, cursor: Option<Cursor>, most: usize) -> Result<Page, Error> {
        if most == 0 {
            return Err(Error::request("a page has one record at least"));
        }
        let last = match cursor {
            Some(cursor) => cursor.last.open(self.world.epoch()).ok_or_else(of_another_world)?,
            None => [0; 4],
        };
        let last = u32::from_le_bytes(last);
        let mut behind = self.rows.range((std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded));
        let rows: Vec<u32> = behind.by_ref().take(most).collect();
        let next = match (rows.last(), behind.next()) {
            (Some(last), Some(_)) => {
                Some(Cursor { last: Sealed::new(self.world.epoch(), last.to_le_bytes()) })
            }
            _ => None,
        };
        Ok(Page { entities: self.world.uids(self.ty, rows).collect(), next })
    }

    /// What it was made from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}

/// The ids in the world's order, how many, and what they were found from.
impl Serialize for Visible {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Visible", 5)?;
        fields.serialize_field("ids", &self.ids().collect::<Vec<_>>())?;
        fields.serialize_field("count", &self.len())?;
        self.provenance.beside(&mut fields)?;
        fields.end()
    }
}

impl fmt::Debug for Visible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.world.schema().entity_type(self.ty).map_or("?", |ty| ty.name.as_ref());
        write!(f, "Visible {{ {} of type {name}, version: {} }}", self.len(), self.provenance.version)
    }
}

/// What a cursor is refused by that this world did not seal.
pub(crate) fn of_another_world() -> Error {
    Error::request("the cursor is of another world")
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.last)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// # Errors
    /// [`Error::is_request`] for a text that is no cursor.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(Cursor { last: text.parse()? })
    }
}
