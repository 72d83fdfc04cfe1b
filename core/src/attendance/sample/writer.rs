//! Writes entities by number into a world builder.
//!
//! INVARIANT: the n-th entity of a type lies in row n + 1, because entities are named in the order of their
//! numbers. A number is therefore all that one entity needs to refer to another, which may come later.

use std::fmt::Write as _;

use super::vocabulary::Vocabulary;
use crate::model::{AttrId, Error, Schema, TypeId};
use crate::world::{Draft, Row, World, WorldBuilder};

pub(super) struct Writer {
    pub(super) names: Vocabulary,
    builder: WorldBuilder,
    draft: Draft,
    id: String,
}

impl Writer {
    pub(super) fn new(schema: &std::sync::Arc<Schema>) -> Result<Self, Error> {
        let names = Vocabulary::find(schema)?;
        let builder = WorldBuilder::new(schema);
        let draft = builder.draft(names.school.ty, Row(0));
        Ok(Writer { names, builder, draft, id: String::new() })
    }

    /// Begins the entity with this number; its id counts from 1.
    pub(super) fn begin(&mut self, ty: TypeId, prefix: &str, digits: usize, number: usize) {
        self.id.clear();
        let _ = write!(self.id, "{prefix}{:0digits$}", number + 1);
        let row = self.builder.row(ty, &self.id);
        debug_assert_eq!(row, at(number), "{} is out of turn", self.id);
        self.builder.restart(&mut self.draft, ty, row);
    }

    pub(super) fn bool(&mut self, attr: AttrId, value: bool) {
        self.draft.bool(attr, value);
    }

    pub(super) fn long(&mut self, attr: AttrId, value: impl Into<Option<i64>>) {
        if let Some(value) = value.into() {
            self.draft.long(attr, value);
        }
    }

    pub(super) fn text(&mut self, attr: AttrId, value: &str) {
        self.builder.string(&mut self.draft, attr, value);
    }

    pub(super) fn entity(&mut self, attr: AttrId, number: impl Into<Option<usize>>) {
        if let Some(number) = number.into() {
            self.draft.entity(attr, at(number));
        }
    }

    pub(super) fn entities(&mut self, attr: AttrId, numbers: impl IntoIterator<Item = usize>) {
        self.draft.entities(attr, numbers.into_iter().map(at));
    }

    /// A set of ministry teams, by id.
    pub(super) fn teams(&mut self, attr: AttrId, ids: &[&str]) {
        let team = self.names.team;
        let rows: Vec<Row> = ids.iter().map(|id| self.builder.row(team, id)).collect();
        self.draft.entities(attr, rows);
    }

    pub(super) fn take(&mut self) {
        self.builder.take(&self.draft);
    }

    pub(super) fn finish(self) -> Result<World, Error> {
        self.builder.finish()
    }
}

/// A type has fewer than 2³² entities: the builder reports one more.
fn at(number: usize) -> Row {
    Row(number as u32 + 1)
}
