//! The rows of a type in the order of what a path leads to, kept beside the data.
//!
//! An order is brought up to date when it is next asked for: the rows whose value a batch may have changed are found by
//! the stamps of what their path goes through, and put where they belong. What their values were before is kept for a
//! while, so that a place in the order can be found again.
//!
//! INVARIANT: an order holds exactly the rows that are there: those with a value, by it and then by their numbers, and
//! after them those without one.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::index::Path;
use super::{Cell, Handle, Place, Row, World};
use crate::model::{AttrId, Error, TypeId};

/// Orders that are kept of a world.
const KEPT: usize = 64;
/// Values of before that an order keeps.
const MOVES: usize = 65_536;

/// Texts that stand beside the facts, such as a case store's content: lists are sorted and filtered by them too.
#[derive(Clone, Debug)]
pub struct Texts {
    fold: fn(&str) -> String,
    changes: u64,
    columns: HashMap<(TypeId, Arc<str>), Column>,
}

/// A field's texts, by row.
type Column = Vec<Option<Arc<str>>>;

impl Texts {
    /// None yet. They are compared as `fold` makes them, so that case and accents need not matter.
    pub fn new(fold: fn(&str) -> String) -> Self {
        Texts { fold, changes: 0, columns: HashMap::new() }
    }

    /// Says that a field of a type is held here, though no entity may have it.
    ///
    /// # Errors
    /// [`Error::is_request`] for a type that the world's schema lacks.
    pub fn hold(&mut self, world: &World, type_name: &str, field: &str) -> Result<(), Error> {
        let ty = world.schema().known_type(type_name)?;
        self.columns.entry((ty, field.into())).or_default();
        Ok(())
    }

    /// Whether a field of a type is held here.
    pub fn holds(&self, world: &World, type_name: &str, field: &str) -> bool {
        let ty = world.schema().type_id(type_name);
        ty.is_some_and(|ty| self.columns.contains_key(&(ty, field.into())))
    }

    /// What an entity's field says; nothing is done about a field that is not held here.
    pub fn set(&mut self, of: Handle, field: &str, text: Option<&str>) {
        let Some(column) = self.columns.get_mut(&(of.ty, Arc::from(field))) else { return };
        let at = of.row.0 as usize;
        if column.len() <= at {
            column.resize(at + 1, None);
        }
        if let Some(slot) = column.get_mut(at) {
            *slot = text.map(|text| (self.fold)(text).into());
            self.changes += 1;
        }
    }

    /// Forgets all that is held of an entity.
    pub fn forget(&mut self, of: Handle) {
        for ((ty, _), column) in &mut self.columns {
            if let Some(slot) = column.get_mut(of.row.0 as usize).filter(|_| *ty == of.ty) {
                *slot = None;
                self.changes += 1;
            }
        }
    }

    pub(crate) fn folded(&self, text: &str) -> String {
        (self.fold)(text)
    }

    fn of(&self, ty: TypeId, field: &str) -> Option<&[Option<Arc<str>>]> {
        self.columns.get(&(ty, Arc::from(field))).map(Vec::as_slice)
    }
}

/// What rows are ordered by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct By {
    /// The references on the way.
    pub(crate) way: Path,
    /// The type that has the value.
    pub(crate) of: TypeId,
    pub(crate) last: Last,
}

/// Where the value is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Last {
    Attribute(AttrId),
    /// A text beside the facts.
    Text(Arc<str>),
}

/// A row's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A `Bool`, a `Long`, or a `datetime`, `duration` or `decimal` as its number.
    Number(i64),
    /// A string's number.
    String(u32),
    /// An entity, by its id.
    Entity(Place),
    Text(Arc<str>),
    /// It has no value.
    Absent,
    /// The row is not there.
    Gone,
}

impl Key {
    fn compare(&self, other: &Key, world: &World) -> Ordering {
        match (self, other) {
            (Key::Number(a), Key::Number(b)) => a.cmp(b),
            (Key::String(a), Key::String(b)) if a == b => Ordering::Equal,
            (Key::String(a), Key::String(b)) => world.text(*a).cmp(world.text(*b)),
            (Key::Entity(a), Key::Entity(b)) if a == b => Ordering::Equal,
            (Key::Entity(a), Key::Entity(b)) => world.id(*a).cmp(world.id(*b)),
            (Key::Text(a), Key::Text(b)) => a.cmp(b),
            _ => self.class().cmp(&other.class()),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Key::Gone => 2,
            Key::Absent => 1,
            _ => 0,
        }
    }

    fn has_value(&self) -> bool {
        self.class() == 0
    }
}

/// A value that rows are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Number(i64),
    Text(Arc<str>),
}

impl Bound {
    /// How a key with a value stands to it.
    fn against(&self, key: &Key, world: &World) -> Ordering {
        match (key, self) {
            (Key::Number(a), Bound::Number(b)) => a.cmp(b),
            (key, Bound::Text(b)) => text(key, world).cmp(b),
            (_, Bound::Number(_)) => Ordering::Less,
        }
    }
}

fn text<'a>(key: &'a Key, world: &'a World) -> &'a str {
    match key {
        Key::String(number) => world.text(*number),
        Key::Entity(place) => world.id(*place),
        Key::Text(text) => text,
        _ => "",
    }
}

/// Which values are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    Is(Bound),
    /// From it on.
    From(Bound),
    Below(Bound),
    /// Texts that begin so.
    Prefix(Arc<str>),
    Absent,
}

/// Rows in the order of their values.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The data's, as of which it is right, and the number of changes of texts.
    version: u64,
    texts: u64,
    /// By row.
    keys: Vec<Key>,
    /// Rows with a value, by it; then those without.
    rows: Vec<u32>,
    /// Of each row, its place among `rows`.
    places: Vec<u32>,
    valued: usize,
    /// What rows had before a moment, oldest first; and the moment since which that is known.
    moves: VecDeque<(u64, u32, Key)>,
    since: u64,
}

/// The orders of a world.
#[derive(Default)]
pub(super) struct Orders {
    all: Mutex<Kept>,
}

/// Each is brought up to date by one at a time, and read by many.
type Kept = HashMap<By, Arc<Mutex<Arc<Order>>>>;

impl World {
    /// Makes an order that is not there yet, so that [`World::order`] need not while the data is held still.
    pub(crate) fn prepare_order(&self, by: &By, texts: Option<&Texts>) {
        if self.is_overlaid() {
            return;
        }
        if self.kept_orders().contains_key(by) {
            return;
        }
        let made = Arc::new(Mutex::new(Arc::new(self.new_order(by, texts))));
        let mut all = self.kept_orders();
        if all.len() >= KEPT
            && let Some(one) = all.keys().next().cloned()
        {
            all.remove(&one);
        }
        all.entry(by.clone()).or_insert(made);
    }

    /// The rows in order, as the data is now. The data is held still.
    pub(crate) fn order(&self, by: &By, texts: Option<&Texts>) -> Arc<Order> {
        let kept = if self.is_overlaid() { None } else { self.kept_orders().get(by).cloned() };
        let Some(kept) = kept else { return Arc::new(self.new_order(by, texts)) };
        let mut order = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.version();
        let changes = texts.map_or(0, |texts| texts.changes);
        if order.version != version || order.texts != changes {
            Arc::make_mut(&mut order).follow(self, by, texts, version);
        }
        order.clone()
    }

    fn kept_orders(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.data.orders.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is read while a batch comes in is stamped with a later version than the order's, and read again.
    fn new_order(&self, by: &By, texts: Option<&Texts>) -> Order {
        let version = self.version();
        let keys = (0..self.end(by.way.start)).map(|row| self.key(by, row, texts)).collect();
        let mut order = Order {
            version,
            texts: texts.map_or(0, |texts| texts.changes),
            keys,
            rows: Vec::new(),
            places: Vec::new(),
            valued: 0,
            moves: VecDeque::new(),
            since: version + texts.map_or(0, |texts| texts.changes),
        };
        let mut rows: Vec<u32> = (1..self.end(by.way.start)).filter(|row| order.is_there(*row)).collect();
        rows.sort_unstable_by(|a, b| order.compare(self, *a, *b));
        order.put(rows);
        order
    }

    fn key(&self, by: &By, row: u32, texts: Option<&Texts>) -> Key {
        let mut place = (by.way.start, Row(row));
        if !self.has(place) {
            return Key::Gone;
        }
        for &step in &by.way.steps {
            let Some((Cell::Row(next), crate::model::Type::Entity(of))) = self.cell(place, step) else {
                return Key::Absent;
            };
            place = (*of, Row(next));
        }
        match &by.last {
            Last::Text(field) => {
                let column = texts.and_then(|texts| texts.of(by.of, field)).unwrap_or_default();
                column.get(place.1.0 as usize).cloned().flatten().map_or(Key::Absent, Key::Text)
            }
            Last::Attribute(attr) => match self.cell(place, *attr) {
                Some((Cell::Bool(is), _)) => Key::Number(is.into()),
                Some((Cell::Long(n), _)) => Key::Number(n),
                Some((Cell::String(number), _)) => Key::String(number),
                Some((Cell::Row(row), crate::model::Type::Entity(of))) => Key::Entity((*of, Row(row))),
                _ => Key::Absent,
            },
        }
    }

    /// Whether something on a row's way was changed after a version.
    fn is_changed_since(&self, by: &By, row: u32, version: u64) -> bool {
        let mut place = (by.way.start, Row(row));
        let stamps = self.stamps();
        for &step in &by.way.steps {
            if stamps.of(place) > version {
                return true;
            }
            match self.cell(place, step) {
                Some((Cell::Row(next), crate::model::Type::Entity(of))) => place = (*of, Row(next)),
                _ => return false,
            }
        }
        stamps.of(place) > version
    }

    /// The entities whose attributes, or whether they are there, an order hangs on.
    fn types_on(&self, by: &By) -> Vec<TypeId> {
        let mut types = vec![by.way.start];
        for &step in &by.way.steps {
            let last = types.last().copied().unwrap_or(by.way.start);
            types.extend(super::target(self.schema(), (last, step)).map(|(ty, _)| ty));
        }
        types
    }
}

impl Order {
    /// A number that grows with every change of facts or texts.
    pub(crate) fn moment(&self) -> u64 {
        self.version + self.texts
    }

    fn is_there(&self, row: u32) -> bool {
        self.keys.get(row as usize).is_some_and(|key| *key != Key::Gone)
    }

    fn key(&self, row: u32) -> &Key {
        self.keys.get(row as usize).unwrap_or(&Key::Gone)
    }

    fn compare(&self, world: &World, a: u32, b: u32) -> Ordering {
        self.key(a).compare(self.key(b), world).then(a.cmp(&b))
    }

    /// Takes rows that are in order.
    fn put(&mut self, rows: Vec<u32>) {
        self.valued = rows.partition_point(|row| self.key(*row).has_value());
        self.places.clear();
        self.places.resize(self.keys.len(), u32::MAX);
        for (place, row) in (0u32..).zip(&rows) {
            if let Some(slot) = self.places.get_mut(*row as usize) {
                *slot = place;
            }
        }
        self.rows = rows;
    }

    /// Goes from its version to that of the data.
    fn follow(&mut self, world: &World, by: &By, texts: Option<&Texts>, version: u64) {
        let end = world.end(by.way.start);
        self.keys.resize(end as usize, Key::Gone);
        let changes = texts.map_or(0, |texts| texts.changes);
        let texts_changed = changes != self.texts && matches!(by.last, Last::Text(_));
        let facts_changed = world.types_on(by).iter().any(|ty| world.stamps().of_type(*ty) > self.version);
        let mut moved = Vec::new();
        if texts_changed || facts_changed {
            for row in 1..end {
                if !texts_changed && !world.is_changed_since(by, row, self.version) {
                    continue;
                }
                let key = world.key(by, row, texts);
                if let Some(slot) = self.keys.get_mut(row as usize).filter(|slot| **slot != key) {
                    let before = std::mem::replace(slot, key);
                    self.moves.push_back((version + changes, row, before));
                    moved.push(row);
                }
            }
        }
        while self.moves.len() > MOVES {
            if let Some((moment, ..)) = self.moves.pop_front() {
                self.since = moment;
            }
        }
        (self.version, self.texts) = (version, changes);
        if moved.is_empty() {
            self.places.resize(self.keys.len(), u32::MAX);
            return;
        }
        // Both are in order: those that stay, and those that move.
        let stay: Vec<u32> = {
            let moved: std::collections::HashSet<u32> = moved.iter().copied().collect();
            self.rows.iter().copied().filter(|row| !moved.contains(row)).collect()
        };
        moved.retain(|row| self.is_there(*row));
        moved.sort_unstable_by(|a, b| self.compare(world, *a, *b));
        let mut rows = Vec::with_capacity(stay.len() + moved.len());
        let mut stay = stay.as_slice();
        for row in moved {
            let before = stay.partition_point(|other| self.compare(world, *other, row) == Ordering::Less);
            let (less, rest) = stay.split_at(before);
            rows.extend_from_slice(less);
            rows.push(row);
            stay = rest;
        }
        rows.extend_from_slice(stay);
        self.put(rows);
    }

    /// The places of the rows whose values are meant.
    pub(crate) fn places_of(&self, range: &Range, world: &World) -> std::ops::Range<u32> {
        let valued = self.rows.get(..self.valued).unwrap_or_default();
        let below = |is_below: &dyn Fn(&Key) -> bool| {
            u32::try_from(valued.partition_point(|row| is_below(self.key(*row)))).unwrap_or(u32::MAX)
        };
        let all = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let valued = u32::try_from(self.valued).unwrap_or(u32::MAX);
        match range {
            Range::Is(bound) => {
                let from = below(&|key| bound.against(key, world) == Ordering::Less);
                from..below(&|key| bound.against(key, world) != Ordering::Greater)
            }
            Range::From(bound) => below(&|key| bound.against(key, world) == Ordering::Less)..valued,
            Range::Below(bound) => 0..below(&|key| bound.against(key, world) == Ordering::Less),
            Range::Prefix(prefix) => {
                let from = below(&|key| text(key, world) < &**prefix);
                from..below(&|key| text(key, world) < &**prefix || text(key, world).starts_with(&**prefix))
            }
            Range::Absent => valued..all,
        }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// The row at a place; `descending` turns the order of those that have a value.
    pub(crate) fn row(&self, place: u32, descending: bool) -> Option<u32> {
        self.rows.get(self.turned(place, descending) as usize).copied()
    }

    /// The place of a row that is there.
    pub(crate) fn place(&self, row: u32, descending: bool) -> u32 {
        let place = self.places.get(row as usize).copied().unwrap_or(u32::MAX);
        self.turned(place, descending)
    }

    fn turned(&self, place: u32, descending: bool) -> u32 {
        let valued = u32::try_from(self.valued).unwrap_or(u32::MAX);
        if descending && place < valued { valued - 1 - place } else { place }
    }

    /// The first place behind a row, which was where it was as of a moment; `None` where it is not known any more where
    /// that was, or where another of the rows that are `listed` has come from before it to behind it since, or the other
    /// way.
    pub(crate) fn behind(
        &self,
        world: &World,
        (row, moment): (u32, u64),
        descending: bool,
        listed: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        if moment < self.since || moment > self.moment() {
            return None;
        }
        let mut before: HashMap<u32, &Key> = HashMap::new();
        for (_, row, key) in self.moves.iter().rev().take_while(|(at, ..)| *at > moment) {
            before.insert(*row, key);
        }
        let last = (before.get(&row).copied().unwrap_or_else(|| self.key(row)), row);
        let is_behind = |(key, row): (&Key, u32)| {
            let order = key.compare(last.0, world).then(row.cmp(&last.1));
            let is_turned = descending && key.has_value() && last.0.has_value();
            (if is_turned { order.reverse() } else { order }) == Ordering::Greater
        };
        let crossed = before.iter().any(|(&other, &old)| {
            let (old, new) = ((old, other), (self.key(other), other));
            // Of the last one itself it is enough that it was given.
            let came = if other == row { is_behind(new) } else { is_behind(old) != is_behind(new) };
            *old.0 != Key::Gone && *new.0 != Key::Gone && came && listed(other)
        });
        if crossed {
            return None;
        }
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.row(middle, descending)?;
            if is_behind((self.key(found), found)) { high = middle } else { low = middle + 1 }
        }
        Some(low)
    }
}
