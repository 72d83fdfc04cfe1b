//! What can only be said of a world as a whole: no reference dangles, no hierarchy goes in a circle.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::build::{WorldBuilder, on};
use super::column::Cell;
use super::{Data, Place, Row, World};
use crate::error::{Error, Problem};
use crate::schema::{Attribute, Type, TypeId};
use crate::uid::EntityUid;
use crate::value::Value;

impl WorldBuilder {
    /// The world, if nothing is wrong with it.
    ///
    /// # Errors
    /// [`Error::is_data`], with every problem: attributes missing, unknown or of a wrong type, entities
    /// given twice, references to entities that are not there, hierarchies that go in circles.
    pub fn finish(mut self) -> Result<World, Error> {
        self.report_dangling();
        if self.problems.is_empty() {
            self.close_hierarchy();
        }
        if self.more_problems > 0 {
            let more = self.more_problems;
            self.problems.push(Problem::error(format!("and {more} problems more")));
        }
        if !self.problems.is_empty() {
            return Err(Error::data(self.problems));
        }
        for column in self.tables.iter_mut().flat_map(|t| &mut t.columns) {
            column.shrink();
        }
        let WorldBuilder { schema, tables, strings, .. } = self;
        let reverses = tables.iter().map(|t| t.columns.iter().map(|_| OnceLock::new()).collect()).collect();
        Ok(World { data: Arc::new(Data { schema, tables, strings, version: 1, reverses }) })
    }

    /// Finds who names an entity that is not there.
    fn report_dangling(&mut self) {
        if !self.tables.iter().any(|t| t.defined.len() < t.ids.len() || t.defined.contains(&false))
            && !self
                .schema
                .entity_types()
                .iter()
                .any(|t| t.attributes.iter().any(|(_, a)| is_loose(a)) || t.tags.is_some())
        {
            return;
        }
        let mut found = Vec::new();
        for (at, (table, ty)) in (0u16..).zip(self.tables.iter().zip(self.schema.entity_types())) {
            for row in table.defined_rows() {
                let from = (TypeId(at), Row(row));
                let mut report = |where_: &str, missing: EntityUid| {
                    found.push(on(&self.uid(from), format!("{where_}: {missing} is not in the data")));
                };
                for ((name, attribute), column) in ty.attributes.iter().zip(&table.columns) {
                    if let Some(cell) = column.cell(row) {
                        self.each_missing(&cell, attribute, |uid| {
                            report(&format!("attribute `{name}`"), uid)
                        });
                    }
                }
                for &place in table.parents.get(&row).into_iter().flatten() {
                    if self.is_missing(place) {
                        report("parent", self.uid(place));
                    }
                }
                for (name, value) in table.tags.get(&row).into_iter().flatten() {
                    self.each_missing_in(value, &mut |uid| report(&format!("tag `{name}`"), uid));
                }
            }
        }
        for problem in found {
            self.problem(problem);
        }
    }

    fn is_missing(&self, place: Place) -> bool {
        let defined = self.tables.get(place.0.index()).is_some_and(|t| t.is_defined(place.1.0));
        !defined && !self.refused.contains(&place)
    }

    fn each_missing(&self, cell: &Cell<'_>, attribute: &Attribute, mut report: impl FnMut(EntityUid)) {
        let mut check = |of: TypeId, row: u32| {
            let place = (of, Row(row));
            if self.is_missing(place) {
                report(self.uid(place));
            }
        };
        match (cell, &attribute.ty) {
            (Cell::Row(row), Type::Entity(of)) => check(*of, *row),
            (Cell::Rows(rows), Type::Set(element)) => {
                if let Type::Entity(of) = **element {
                    rows.iter().for_each(|&row| check(of, row));
                }
            }
            (Cell::Value(value), _) => self.each_missing_in(value, &mut report),
            _ => {}
        }
    }

    fn each_missing_in(&self, value: &Value, report: &mut impl FnMut(EntityUid)) {
        value.for_each_entity(&mut |uid| {
            let ty = self.schema.type_id(uid.type_name());
            let place = ty.and_then(|ty| {
                let row = self.tables.get(ty.index())?.ids.find(uid.id())?;
                Some((ty, Row(row)))
            });
            if place.is_none_or(|place| self.is_missing(place)) {
                report(uid.clone());
            }
        });
    }

    /// Fills in ancestors; a hierarchy that goes in a circle is a problem.
    fn close_hierarchy(&mut self) {
        let mut closed: HashMap<Place, Vec<Place>> = HashMap::new();
        let starts: Vec<Place> = (0u16..)
            .zip(&self.tables)
            .flat_map(|(at, t)| t.parents.keys().map(move |&row| (TypeId(at), Row(row))))
            .collect();
        for start in starts {
            let mut seen = BTreeSet::new();
            let mut next: Vec<Place> = self.parents_of(start).to_vec();
            while let Some(place) = next.pop() {
                if seen.insert(place) {
                    next.extend_from_slice(self.parents_of(place));
                }
            }
            if seen.contains(&start) {
                let problem = on(&self.uid(start), "lies in itself, through its parents".into());
                self.problem(problem);
            }
            closed.insert(start, seen.into_iter().collect());
        }
        for ((ty, row), ancestors) in closed {
            if let Some(table) = self.tables.get_mut(ty.index()) {
                table.ancestors.insert(row.0, ancestors);
            }
        }
    }

    fn parents_of(&self, (ty, row): Place) -> &[Place] {
        self.tables.get(ty.index()).and_then(|t| t.parents.get(&row.0)).map_or(&[], Vec::as_slice)
    }
}

/// Whether the attribute's references are held by name, not by row.
fn is_loose(attribute: &Attribute) -> bool {
    match &attribute.ty {
        Type::Record(_) => true,
        Type::Set(element) => !matches!(**element, Type::Entity(_)),
        _ => false,
    }
}
