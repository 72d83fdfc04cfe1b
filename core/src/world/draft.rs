//! One entity on its way into a world.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::layout::Stored;
use super::{Place, Row};
use crate::model::{AttrId, Value};

/// One entity on its way into a world, reused from entity to entity.
///
/// It is the fast way in, for code that makes many entities; [`WorldBuilder::add`](super::WorldBuilder::add) is the plain one.
pub struct Draft {
    pub(super) place: Place,
    cells: Vec<Held>,
    rows: Vec<u32>,
    pub(super) parents: Vec<Place>,
    pub(super) tags: BTreeMap<Arc<str>, Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Nothing,
    Stored(Stored),
    /// A set of rows: a slice of the draft's `rows`.
    Rows(usize, usize),
}

impl Draft {
    pub(super) fn new(place: Place, attributes: usize) -> Self {
        Draft {
            place,
            cells: vec![Held::Nothing; attributes],
            rows: Vec::new(),
            parents: Vec::new(),
            tags: BTreeMap::new(),
        }
    }

    /// Empties the draft for another entity, keeping its memory.
    pub(super) fn restart(&mut self, place: Place, attributes: usize) {
        self.place = place;
        self.cells.clear();
        self.cells.resize(attributes, Held::Nothing);
        self.rows.clear();
        self.parents.clear();
        self.tags.clear();
    }

    /// Sets a `Bool`.
    pub fn bool(&mut self, attr: AttrId, value: bool) -> &mut Self {
        self.put(attr, Held::Stored(Stored::Bool(value)))
    }

    /// Sets a `Long`, or a `datetime` or `duration` in milliseconds, or a `decimal` in ten-thousandths.
    pub fn long(&mut self, attr: AttrId, value: i64) -> &mut Self {
        self.put(attr, Held::Stored(Stored::Long(value)))
    }

    /// Sets a reference; `row` is of the attribute's type, from [`WorldBuilder::row`](super::WorldBuilder::row).
    pub fn entity(&mut self, attr: AttrId, row: Row) -> &mut Self {
        self.put(attr, Held::Stored(Stored::Number(row.0)))
    }

    /// Sets a set of references; the rows are of its element type, in any order.
    pub fn entities(&mut self, attr: AttrId, rows: impl IntoIterator<Item = Row>) -> &mut Self {
        let start = self.rows.len();
        self.rows.extend(rows.into_iter().map(|row| row.0));
        if let Some(new) = self.rows.get_mut(start..) {
            new.sort_unstable();
        }
        let mut kept = start;
        for at in start..self.rows.len() {
            let repeated = kept > start && self.rows.get(kept - 1) == self.rows.get(at);
            if !repeated {
                self.rows.swap(kept, at);
                kept += 1;
            }
        }
        self.rows.truncate(kept);
        self.put(attr, Held::Rows(start, kept))
    }

    pub(super) fn stored(&mut self, attr: AttrId, stored: Stored) {
        self.put(attr, Held::Stored(stored));
    }

    pub(crate) fn tag(&mut self, name: Arc<str>, value: Value) {
        self.tags.insert(name, value);
    }

    pub(crate) fn parent(&mut self, place: Place) {
        self.parents.push(place);
    }

    pub(crate) fn has(&self, attr: AttrId) -> bool {
        self.cells.get(attr.index()).is_some_and(|held| *held != Held::Nothing)
    }

    fn put(&mut self, attr: AttrId, held: Held) -> &mut Self {
        if self.cells.len() <= attr.index() {
            self.cells.resize(attr.index() + 1, Held::Nothing);
        }
        if let Some(cell) = self.cells.get_mut(attr.index()) {
            *cell = held;
        }
        self
    }

    /// What the draft holds, by attribute.
    pub(super) fn cells(&self) -> impl Iterator<Item = (AttrId, &Held)> {
        (0u16..).map(AttrId).zip(&self.cells).filter(|(_, held)| **held != Held::Nothing)
    }

    /// The rows of a set that the draft holds.
    pub(super) fn rows(&self, start: usize, end: usize) -> &[u32] {
        self.rows.get(start..end).unwrap_or_default()
    }
}
