//! Who is reached by what: indices over paths of attributes, kept up to date with every batch.
//!
//! An index of the path `student.enrolledAt` over a type holds, for each school, the rows from which the path
//! leads to it. It answers in one step what would else be a join; when a student moves, the rows of all their
//! cases move. An index is made when a list first asks for it, for the paths that policies compare.
//!
//! INVARIANT: an index holds exactly the rows that are there, each under every key that its path leads to, or
//! under [`NONE`] where it leads nowhere. Whatever leads to an entity on the way of an index's path can be looked
//! up too, so that a change there finds the rows that it moves.

mod posting;

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;

use super::layout::{Kind, Slot};
use super::overlay::Images;
use super::{Place, Row, World, target};
use crate::model::interrupt::{self, Pulse};
use crate::model::{AttrId, Error, Schema, Type, TypeId};

pub(crate) use posting::Posting;

/// The key of rows whose path leads nowhere.
pub(crate) const NONE: u32 = 0;

/// Attributes one after the other, each but the last of them a reference, from the entities of a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Path {
    pub(crate) start: TypeId,
    pub(crate) steps: Vec<AttrId>,
}

/// What the keys of an index are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Rows of a type; a row of many elements stands under each.
    Rows(TypeId),
    /// Numbers of strings.
    Strings,
    /// [`key_of_bool`]
    Bools,
    /// 1: the path has no steps, and every row stands under it.
    Every,
}

pub(crate) fn key_of_bool(value: bool) -> u32 {
    1 + u32::from(value)
}

impl Path {
    /// The type that each step starts from; the start alone for no steps.
    pub(crate) fn types(&self, schema: &Schema) -> Option<Vec<TypeId>> {
        let mut types = vec![self.start];
        for &step in self.steps.split_last().map_or(&[][..], |(_, before)| before) {
            let (ty, false) = target(schema, (*types.last()?, step))? else { return None };
            types.push(ty);
        }
        Some(types)
    }

    /// What an index of the path is keyed by; `None` where it can have none.
    pub(crate) fn keys(&self, schema: &Schema) -> Option<Keys> {
        let types = self.types(schema)?;
        let Some(&last) = self.steps.last() else { return Some(Keys::Every) };
        let last = (*types.last()?, last);
        if let Some((ty, _)) = target(schema, last) {
            return Some(Keys::Rows(ty));
        }
        match schema.entity_type(last.0)?.attributes.get(last.1.index())?.1.ty {
            Type::String => Some(Keys::Strings),
            Type::Bool => Some(Keys::Bools),
            _ => None,
        }
    }

    /// Whether its last step holds sets.
    pub(crate) fn holds_sets(&self, schema: &Schema) -> bool {
        let last = self.types(schema).and_then(|types| Some((*types.last()?, *self.steps.last()?)));
        last.and_then(|last| target(schema, last)).is_some_and(|(_, many)| many)
    }

    /// The type of the entities that it leads to; `None` where it leads to none, or to sets of them.
    pub(crate) fn target(&self, schema: &Schema) -> Option<TypeId> {
        match self.keys(schema)? {
            Keys::Rows(ty) if !self.holds_sets(schema) => Some(ty),
            _ => None,
        }
    }

    /// The paths of one step and more up to this one.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = Path> + use<> {
        let path = self.clone();
        (1..=self.steps.len()).map(move |steps| path.prefix(steps))
    }

    /// Its first step, and the rest of it from where that leads to; `None` for a path of fewer than two steps.
    fn split(&self, schema: &Schema) -> Option<(Path, Path)> {
        let (_, rest) = self.steps.split_first().filter(|(_, rest)| !rest.is_empty())?;
        let first = self.prefix(1);
        let rest = Path { start: first.target(schema)?, steps: rest.to_vec() };
        Some((first, rest))
    }

    /// The paths that must have an index for this one to be looked up: itself with its prefixes, or its parts.
    ///
    /// An index of a path of several steps answers at once what else takes a look at each entity between; it
    /// costs the more memory the fewer rows stand under one key. It is not worth it where many refer to one in
    /// the first step, and keys are many or the way is long.
    fn indexed(&self, world: &World) -> Vec<Path> {
        /// Rows to an entity of the first step, beyond which the parts are preferred.
        const CROWDED: usize = 3;
        /// Rows to a key, below which they are.
        const THIN: usize = 4_096;
        let schema = world.schema();
        let Some((first, rest)) = self.split(schema) else { return vec![self.clone()] };
        let rows = world.end(self.start) as usize;
        let keys = match self.keys(schema) {
            Some(Keys::Rows(ty)) => world.end(ty) as usize,
            _ => 1,
        };
        let is_crowded = rows > CROWDED * world.end(rest.start) as usize;
        if is_crowded && (rows < THIN * keys || self.steps.len() > 2) {
            return std::iter::once(first).chain(rest.indexed(world)).collect();
        }
        let prefixes = (1..self.steps.len()).flat_map(|steps| self.prefix(steps).indexed(world));
        std::iter::once(self.clone()).chain(prefixes).collect()
    }

    fn prefix(&self, steps: usize) -> Path {
        Path { start: self.start, steps: self.steps.iter().take(steps).copied().collect() }
    }
}

/// The postings of one path.
pub(crate) struct Index {
    path: Path,
    /// The type that each step starts from.
    types: Vec<TypeId>,
    walk: Walk,
    postings: Postings,
}

enum Postings {
    /// By row.
    Dense(Vec<Posting>),
    Sparse(HashMap<u32, Posting>),
}

impl Index {
    /// The index of a path as the data is now; nothing where it can have none.
    ///
    /// # Errors
    /// Where `pulse` is told to end.
    fn new(world: &World, path: &Path, pulse: &Pulse) -> Result<Option<Self>, Error> {
        let Some(mut index) = Index::empty(world, path) else { return Ok(None) };
        let mut keys = Vec::new();
        for row in world.rows(path.start) {
            if row.0 + 1 == world.end(path.start) && mutant!(IndexForgetsLast) {
                break;
            }
            pulse.step()?;
            keys.clear();
            index.keys_of(world, row.0, &mut keys);
            for &(row, key) in &keys {
                index.insert(row, key);
            }
        }
        index.shrink();
        Ok(Some(index))
    }

    fn empty(world: &World, path: &Path) -> Option<Self> {
        let types = path.types(world.schema())?;
        let postings = match path.keys(world.schema())? {
            Keys::Strings => Postings::Sparse(HashMap::new()),
            Keys::Rows(ty) => Postings::Dense(Vec::with_capacity(world.end(ty) as usize)),
            Keys::Bools | Keys::Every => Postings::Dense(Vec::new()),
        };
        let walk = Walk::new(world, path)?;
        Some(Index { path: path.clone(), types, walk, postings })
    }

    fn shrink(&mut self) {
        if let Postings::Dense(all) = &mut self.postings {
            all.shrink_to_fit();
        }
        if self.path.steps.is_empty()
            && let Some(every) = self.posting(1)
        {
            every.span();
        }
    }

    /// The rows under a key.
    pub(crate) fn rows(&self, key: u32) -> Option<&Posting> {
        match &self.postings {
            Postings::Dense(all) => all.get(key as usize),
            Postings::Sparse(all) => all.get(&key),
        }
    }

    /// Every key with its rows, those without rows too.
    pub(crate) fn each(&self, mut visit: impl FnMut(u32, &Posting)) {
        match &self.postings {
            Postings::Dense(all) => (0..).zip(all).for_each(|(key, rows)| visit(key, rows)),
            Postings::Sparse(all) => all.iter().for_each(|(key, rows)| visit(*key, rows)),
        }
    }

    /// Up to how many keys there are.
    pub(crate) fn len(&self) -> usize {
        match &self.postings {
            Postings::Dense(all) => all.len(),
            Postings::Sparse(all) => all.len(),
        }
    }

    fn posting(&mut self, key: u32) -> Option<&mut Posting> {
        match &mut self.postings {
            Postings::Sparse(all) => Some(all.entry(key).or_default()),
            Postings::Dense(all) => {
                let at = key as usize;
                if all.len() <= at {
                    all.resize_with(at + 1, Posting::default);
                }
                all.get_mut(at)
            }
        }
    }

    fn insert(&mut self, row: u32, key: u32) {
        if let Some(posting) = self.posting(key) {
            posting.insert(row);
        }
    }

    fn remove(&mut self, row: u32, key: u32) {
        if let Some(posting) = self.posting(key) {
            posting.remove(row);
        }
    }

    /// Adds the row with each of its keys, as the world has them now; nothing for a row that is not there.
    fn keys_of(&self, world: &World, row: u32, found: &mut Vec<(u32, u32)>) {
        if world.has((self.path.start, Row(row))) {
            self.walk.each_key(world, row, |key| found.push((row, key)));
        }
    }

    /// The rows whose keys a batch may change.
    fn concerned(&self, indices: &Indices, world: &World, images: &Images, found: &mut Vec<u32>) {
        for (place, words) in images {
            if self.path.steps.is_empty() && place.0 == self.path.start {
                found.push(place.1.0);
            }
            for (at, (&step, &ty)) in self.path.steps.iter().zip(&self.types).enumerate() {
                if ty != place.0 || !is_changed(world, *place, words, step) {
                    continue;
                }
                match at {
                    0 => found.push(place.1.0),
                    _ => indices
                        .each_under(world, &self.path.prefix(at), place.1.0, &mut |row| found.push(row)),
                }
            }
        }
        found.sort_unstable();
        found.dedup();
    }

    fn bytes(&self) -> usize {
        let held = |all: &mut dyn Iterator<Item = &Posting>| all.map(Posting::bytes).sum::<usize>();
        match &self.postings {
            Postings::Dense(all) => all.capacity() * size_of::<Posting>() + held(&mut all.iter()),
            Postings::Sparse(all) => all.capacity() * size_of::<(u32, Posting)>() + held(&mut all.values()),
        }
    }
}

/// How to find the keys of a row under a path: the words to read, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    /// The type of the row to read from, and the word.
    steps: Vec<(TypeId, usize)>,
    end: End,
}

/// What the last word of a walk holds.
#[derive(Clone, Copy, Debug)]
enum End {
    /// There is none: the path has no steps.
    Every,
    Number,
    Set,
    Bool {
        bit: u32,
    },
}

impl Walk {
    pub(crate) fn new(world: &World, path: &Path) -> Option<Self> {
        let mut steps = Vec::with_capacity(path.steps.len());
        let mut end = End::Every;
        for (ty, &attr) in path.types(world.schema())?.into_iter().zip(&path.steps) {
            let (word, is) = match world.slot(ty, attr)? {
                Slot::Number { word, kind: Kind::Rows } => (word, End::Set),
                Slot::Number { word, .. } => (word, End::Number),
                Slot::Bool { word, bit } => (word, End::Bool { bit }),
                Slot::Long { .. } => return None,
            };
            steps.push((ty, word));
            end = is;
        }
        Some(Walk { steps, end })
    }

    /// Calls `visit` with every key of a row that is there.
    #[inline]
    pub(crate) fn each_key(&self, world: &World, row: u32, mut visit: impl FnMut(u32)) {
        let mut number = row;
        let steps = self.steps.len() - usize::from(self.steps.len() > 1 && mutant!(WalkStopsEarly));
        for &(ty, word) in self.steps.iter().take(steps) {
            // What is absent is row 0, which has nothing.
            number = world.word((ty, Row(number)), word);
        }
        match self.end {
            End::Every => visit(1),
            End::Number => visit(number),
            End::Bool { bit } if number >> bit & 1 != 0 => visit(key_of_bool(number >> bit & 2 != 0)),
            End::Set => match world.data.pools.sets.get(number) {
                Some(rows) => rows.iter().copied().for_each(visit),
                None => visit(NONE),
            },
            End::Bool { .. } => visit(NONE),
        }
    }
}

/// Whether a batch changes an attribute of an entity, or whether the entity is there.
fn is_changed(world: &World, place: Place, words: &[u32], attr: AttrId) -> bool {
    let new = |at: usize| words.get(at).copied().unwrap_or(0);
    let Some(layout) = world.table(place.0).map(|table| &table.layout) else { return false };
    let was_there = world.has(place);
    let is_there = new(0) & super::DEFINED != 0;
    was_there != is_there || layout.read(attr, new) != world.stored(place, attr)
}

/// The keys of the rows that a batch may move, index by index.
pub(super) type Before = Vec<(Path, Vec<u32>, Vec<(u32, u32)>)>;

/// Every index of a world.
#[derive(Default)]
pub(crate) struct Indices {
    by_path: HashMap<Path, Index>,
}

impl Indices {
    pub(crate) fn of(&self, path: &Path) -> Option<&Index> {
        self.by_path.get(path)
    }

    /// Calls `visit` with every row under a key of a path, in no order; where the path has no index of its
    /// own, through those of its parts. A row is visited once.
    pub(crate) fn each_under(&self, world: &World, path: &Path, key: u32, visit: &mut dyn FnMut(u32)) {
        if let Some(index) = self.of(path) {
            return index.rows(key).into_iter().for_each(|rows| rows.each(&mut *visit));
        }
        let Some((first, rest)) = path.split(world.schema()) else { return };
        let Some(index) = self.of(&first) else { return };
        if key == NONE {
            index.rows(NONE).into_iter().for_each(|rows| rows.each(&mut *visit));
        }
        let mut between = Vec::new();
        self.each_under(world, &rest, key, &mut |row| between.push(row));
        for row in between {
            index.rows(row).into_iter().for_each(|rows| rows.each(&mut *visit));
        }
    }

    /// About how many rows are under a key of a path.
    pub(crate) fn estimate(&self, world: &World, path: &Path, key: u32) -> usize {
        if let Some(index) = self.of(path) {
            return index.rows(key).map_or(0, Posting::len);
        }
        let Some((first, rest)) = path.split(world.schema()) else { return usize::MAX };
        let (rows, targets) = (world.end(path.start) as usize, world.end(rest.start) as usize);
        let none =
            if key == NONE { self.of(&first).and_then(|i| i.rows(NONE)).map_or(0, Posting::len) } else { 0 };
        self.estimate(world, &rest, key).saturating_mul(rows.div_ceil(targets.max(1))).saturating_add(none)
    }

    /// What the indices hold of the rows that a batch may move, before it is stored.
    pub(super) fn keys_of(&self, world: &World, images: &Images) -> Before {
        let mut all = Vec::new();
        for index in self.by_path.values() {
            let (mut rows, mut keys) = (Vec::new(), Vec::new());
            index.concerned(self, world, images, &mut rows);
            if !rows.is_empty() {
                rows.iter().for_each(|&row| index.keys_of(world, row, &mut keys));
                all.push((index.path.clone(), rows, keys));
            }
        }
        all
    }

    /// Moves rows from the keys that they had to those that they have, after a batch was stored.
    pub(super) fn follow(&mut self, world: &World, before: Before) {
        if mutant!(StaleIndex) {
            return;
        }
        for (path, rows, old) in before {
            let Some(index) = self.by_path.get_mut(&path) else { continue };
            let mut new = Vec::with_capacity(old.len());
            rows.iter().for_each(|&row| index.keys_of(world, row, &mut new));
            // Both are in the order of rows and keys.
            for &(row, key) in old.iter().filter(|pair| new.binary_search(pair).is_err()) {
                index.remove(row, key);
            }
            for &(row, key) in new.iter().filter(|pair| old.binary_search(pair).is_err()) {
                index.insert(row, key);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.by_path.values().map(Index::bytes).sum()
    }

    /// The path of each index with the bytes that it takes, in the order of their paths.
    pub(crate) fn sizes(&self) -> Vec<(&Path, usize)> {
        let mut sizes: Vec<_> = self.by_path.iter().map(|(path, index)| (path, index.bytes())).collect();
        sizes.sort();
        sizes
    }
}

impl World {
    /// Makes the indices of these paths, and of their prefixes, that are not there yet.
    ///
    /// Cost of one: a look at every entity of the type that its path starts from. Decisions, lists and batches go on
    /// meanwhile; where batches come in all the time, one is made anew a few times and then while they wait.
    ///
    /// # Errors
    /// [`Error::is_interrupted`]; and [`Error::is_request`] within what a call that holds the data still asks.
    pub(crate) fn make_indices<'p>(&self, paths: impl Iterator<Item = &'p Path>) -> Result<(), Error> {
        let missing: BTreeSet<Path> = {
            let indices = self.still();
            let missing = paths.filter(|path| indices.of(path).is_none()).flat_map(|path| path.indexed(self));
            missing.filter(|path| indices.of(path).is_none()).collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        interrupt::refuse_within("an index that this needs cannot be made")?;
        let base = World { data: self.data.clone(), overlay: None };
        missing.iter().try_for_each(|path| base.make_index(path))
    }

    /// INVARIANT: while the index is made nothing is held that anybody waits for, but whoever makes another. It becomes
    /// one of the world's only where no batch has come since it was begun.
    fn make_index(&self, path: &Path) -> Result<(), Error> {
        let _turn = self.data.making.turn()?;
        for _ in 0..TRIES {
            let version = {
                let indices = self.still();
                if indices.of(path).is_some() {
                    return Ok(());
                }
                self.version()
            };
            let Some(index) = Index::new(self, path, &Pulse::default())? else { return Ok(()) };
            let mut indices = self.data.indices.write().unwrap_or_else(PoisonError::into_inner);
            if self.version() == version {
                indices.by_path.insert(path.clone(), index);
                return Ok(());
            }
        }
        let mut indices = self.data.indices.write().unwrap_or_else(PoisonError::into_inner);
        let made = interrupt::unasked(|| Index::new(self, path, &Pulse::default()))?;
        indices.by_path.extend(made.map(|index| (path.clone(), index)));
        Ok(())
    }
}

/// How often an index is made without holding up batches.
const TRIES: usize = 3;
/// How long one who waits for another index sleeps before asking whether to go on.
const NAP: Duration = Duration::from_millis(20);

/// Whose turn it is to make an index: many who want the same one are not to make it each.
#[derive(Default)]
pub(super) struct Making {
    is_going_on: Mutex<bool>,
    done: Condvar,
}

/// A turn, until it is dropped.
struct Turn<'a>(&'a Making);

impl Making {
    fn turn(&self) -> Result<Turn<'_>, Error> {
        let mut is_going_on = self.is_going_on.lock().unwrap_or_else(PoisonError::into_inner);
        while *is_going_on {
            let waited = self.done.wait_timeout(is_going_on, NAP).unwrap_or_else(PoisonError::into_inner);
            drop(waited);
            interrupt::ask()?;
            is_going_on = self.is_going_on.lock().unwrap_or_else(PoisonError::into_inner);
        }
        *is_going_on = true;
        Ok(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.is_going_on.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.done.notify_all();
    }
}
