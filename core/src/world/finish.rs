//! What can only be said of a world as a whole: no reference dangles, no hierarchy goes in a circle.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use super::apply::{Applied, Writer};
use super::build::{Loading, MAX_PROBLEMS, WorldBuilder, on};
use super::encode::{Pools, each_reference};
use super::hierarchy::{CIRCLE, Closing, Unclosed, too_deep};
use super::ids::{Interner, Names};
use super::index::Making;
use super::order::Orders;
use super::rows::Rows;
use super::sequence::Sequence;
use super::stamps::Stamps;
use super::{Data, Indices, Place, Row, Table, World};
use crate::model::interrupt::Pulse;
use crate::model::{AttrId, EntityType, EntityUid, Error, Problem, Schema, Type, TypeId};

/// What a world begins with.
pub(super) struct Origin {
    pub(super) epoch: u64,
    pub(super) version: u64,
}

impl WorldBuilder {
    /// The world, if nothing is wrong with it.
    ///
    /// # Errors
    /// [`Error::is_data`], with every problem: attributes missing, unknown or of a wrong type, entities
    /// given twice, references to entities that are not there, hierarchies that go in circles;
    /// [`Error::is_interrupted`].
    pub fn finish(mut self) -> Result<World, Error> {
        let refused = std::mem::take(&mut self.refused);
        let unknown = self.unknown_problems();
        let (mut problems, more) = (std::mem::take(&mut self.problems), self.more_problems);
        let WorldBuilder { schema, tables, strings, pools, .. } = self;
        let world = World::assemble(schema, tables, strings, pools);
        problems.extend(world.dangling(&refused)?);
        if problems.is_empty() {
            problems.extend(world.close_hierarchy()?);
        }
        problems.extend(unknown);
        if more > 0 {
            problems.push(Problem::error(format!("and {more} problems more")));
        }
        if problems.is_empty() { Ok(world) } else { Err(Error::data(problems)) }
    }
}

impl World {
    pub(super) fn assemble(
        schema: Arc<Schema>,
        tables: Vec<Loading>,
        strings: Interner,
        pools: Pools,
    ) -> World {
        let tables = tables.into_iter().map(|Loading { ids, layout, mut words }| {
            // Every id has its row, also of an entity that is only named.
            words.resize(ids.end() as usize * layout.words(), 0);
            words.shrink_to_fit();
            Table { names: Names::new(ids), rows: Rows::new(layout.words(), words), layout }
        });
        let origin = Origin { epoch: new_epoch(), version: 1 };
        World::of_parts(schema, tables.collect(), Names::new(strings), pools, origin)
    }

    pub(super) fn of_parts(
        schema: Arc<Schema>,
        tables: Vec<Table>,
        strings: Names,
        pools: Pools,
        Origin { epoch, version }: Origin,
    ) -> World {
        let data = Data {
            tables,
            strings,
            pools,
            sequence: Sequence::after(version),
            stamps: Stamps::new(schema.entity_types().len()),
            epoch,
            identity: new_identity(),
            naming: Mutex::new(()),
            writer: Mutex::new(Writer::default()),
            indices: RwLock::new(Indices::default()),
            making: Making::default(),
            applied: Applied::default(),
            orders: Orders::default(),
            schema,
        };
        World { data: Arc::new(data), overlay: None }
    }

    /// Who names an entity that is not there. What was refused itself is no problem of its own.
    fn dangling(&self, refused: &HashSet<Place>) -> Result<Vec<Problem>, Error> {
        let schema = &self.data.schema;
        let types = || (0u16..).map(TypeId).zip(schema.entity_types());
        let is_whole = |(id, _): (TypeId, &EntityType)| (1..self.end(id)).all(|row| self.has((id, Row(row))));
        let is_strict =
            |ty: &EntityType| ty.tags.is_none() && !ty.attributes.iter().any(|(_, a)| is_loose(&a.ty));
        if mutant!(DanglingIsTaken) || types().all(is_whole) && types().all(|(_, ty)| is_strict(ty)) {
            return Ok(Vec::new());
        }
        let (mut found, mut more, pulse) = (Vec::new(), 0_usize, Pulse::default());
        for (id, _) in types() {
            for row in self.rows(id) {
                pulse.step()?;
                let from = (id, row);
                self.each_named(from, |where_, place, uid| {
                    let is_there = place.is_some_and(|place| self.has(place) || refused.contains(&place));
                    if !is_there && found.len() == MAX_PROBLEMS {
                        more += 1;
                    } else if !is_there {
                        found.push(on(&self.uid(from), format!("{where_}: {uid} is not in the data")));
                    }
                });
            }
        }
        if more > 0 {
            found.push(Problem::error(format!("and {more} references more to what is not in the data")));
        }
        Ok(found)
    }

    /// Calls `visit` with every entity that one names: where, its place if its id was ever named, and its name.
    pub(super) fn each_named(
        &self,
        from: Place,
        mut visit: impl FnMut(&Where<'_>, Option<Place>, &dyn std::fmt::Display),
    ) {
        let Some(ty) = self.data.schema.entity_type(from.0) else { return };
        for (at, (name, attribute)) in (0u16..).zip(&ty.attributes) {
            let Some(stored) = self.stored(from, AttrId(at)) else { continue };
            let where_ = Where::Attribute(name);
            each_reference(&attribute.ty, stored, &self.data.pools, &mut |place| {
                visit(&where_, Some(place), &Named(self, place));
            });
            if is_loose(&attribute.ty)
                && let Some(value) = self.value(from.0, from.1, AttrId(at))
            {
                value.for_each_entity(&mut |uid| visit(&where_, self.named(uid), uid));
            }
        }
        for &place in self.parents(from) {
            visit(&Where::Parent, Some(place), &Named(self, place));
        }
        for (name, value) in self.tags(from).into_iter().flatten() {
            value.for_each_entity(&mut |uid| visit(&Where::Tag(name), self.named(uid), uid));
        }
    }

    /// The place of an id that was ever named, whether the entity is there or not.
    pub(crate) fn named(&self, uid: &EntityUid) -> Option<Place> {
        let ty = self.data.schema.type_id(uid.type_name())?;
        Some((ty, Row(self.table(ty)?.names.find(uid.id())?)))
    }

    /// Fills in ancestors; a hierarchy that goes in a circle, or too deep, is a problem.
    fn close_hierarchy(&self) -> Result<Vec<Problem>, Error> {
        let pools = &self.data.pools;
        let mut closing = Closing::new(pools, |place| self.parents_number(place));
        let of_type = |at: u16| self.rows(TypeId(at)).map(move |row| (TypeId(at), row));
        let has_parents = |table: &Table| table.layout.parents.is_some();
        let lying = (0u16..).zip(&self.data.tables).filter(|(_, table)| has_parents(table));
        if let Some(place) = closing.too_deep(lying.flat_map(|(at, _)| of_type(at))) {
            return Ok(vec![on(&self.uid(place), too_deep())]);
        }
        let (mut problems, pulse) = (Vec::new(), Pulse::default());
        for (at, table) in (0u16..).zip(&self.data.tables) {
            let (Some(parents), Some(ancestors)) = (table.layout.parents, table.layout.ancestors) else {
                continue;
            };
            for row in self.rows(TypeId(at)) {
                pulse.step()?;
                match closing.close(self.word((TypeId(at), row), parents)) {
                    Ok(number) => table.rows.set_word(row.0, ancestors, number),
                    Err(Unclosed::Circle(circle)) => {
                        problems.extend(circle.iter().map(|place| on(&self.uid(*place), CIRCLE.into())));
                    }
                    Err(Unclosed::TooDeep) => {
                        problems.push(on(&self.uid((TypeId(at), row)), too_deep()));
                        return Ok(problems);
                    }
                }
            }
        }
        Ok(problems)
    }

    /// The number of the set of an entity's parents, 0 for none.
    pub(super) fn parents_number(&self, place: Place) -> u32 {
        let at = self.table(place.0).and_then(|table| table.layout.parents);
        at.map_or(0, |at| self.word(place, at))
    }
}

/// Where an entity names another.
pub(super) enum Where<'a> {
    Attribute(&'a str),
    Parent,
    Tag(&'a str),
}

impl std::fmt::Display for Where<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Where::Attribute(name) => write!(f, "attribute `{name}`"),
            Where::Parent => f.write_str("parent"),
            Where::Tag(name) => write!(f, "tag `{name}`"),
        }
    }
}

/// A place by its name, made only where somebody reads it.
struct Named<'a>(&'a World, Place);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.uid(self.1).fmt(f)
    }
}

/// Whether references of that type are held by name, not by row.
pub(super) fn is_loose(ty: &Type) -> bool {
    match ty {
        Type::Record(_) => true,
        Type::Set(element) => !matches!(**element, Type::Entity(_)),
        _ => false,
    }
}

/// What [`World::stir_epochs`] was last given.
static STIRRED: AtomicU64 = AtomicU64::new(0);

impl World {
    /// Draws the epochs of worlds made from now on with the help of `random`.
    ///
    /// For WebAssembly, whose standard library knows no randomness: there every run would draw the same epochs,
    /// and a cursor or handle of one run would be taken in the next. Give it 64 random bits once, at the start.
    pub fn stir_epochs(random: u64) {
        STIRRED.store(random, Ordering::Relaxed);
    }
}

impl Data {
    /// Counts from another version, as a world that was loaded as it is: nothing that is known by version goes on.
    pub(super) fn count_from(&mut self, version: u64) {
        self.sequence = Sequence::after(version);
        self.stamps = Stamps::new(self.schema.entity_types().len());
        self.orders = Orders::default();
        self.identity = new_identity();
    }
}

/// A number that no other world has in this process.
fn new_identity() -> u64 {
    static WORLDS: AtomicU64 = AtomicU64::new(0);
    WORLDS.fetch_add(1, Ordering::Relaxed)
}

/// A number that no other world has, in this process or, but for a chance of one in 2⁶⁴, in another.
fn new_epoch() -> u64 {
    static WORLDS: AtomicU64 = AtomicU64::new(0);
    let world = WORLDS.fetch_add(1, Ordering::Relaxed);
    std::hash::RandomState::new().hash_one((STIRRED.load(Ordering::Relaxed), world))
}
