//! Making a world, entity by entity.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::column::Column;
use super::conform::conforms;
use super::draft::Draft;
use super::ids::Interner;
use super::{Place, Row, Table};
use crate::error::Problem;
use crate::schema::{AttrId, Schema, Type, TypeId};
use crate::uid::EntityUid;
use crate::value::Value;

/// Problems kept of one load; more are counted only.
const MAX_PROBLEMS: usize = 1_000;

/// Makes a [`World`](super::World), entity by entity.
///
/// # Example
/// ```
/// use caseward::{EntityUid, Value, Ward, WorldBuilder};
///
/// let ward = Ward::attendance()?;
/// let mut builder = WorldBuilder::new(ward.schema());
/// builder.add(&EntityUid::new("School", "northcote"), [("kind", Value::from("state"))]);
/// let world = builder.finish()?;
/// assert_eq!(world.count("School"), 1);
/// # Ok::<(), caseward::Error>(())
/// ```
pub struct WorldBuilder {
    pub(super) schema: Arc<Schema>,
    pub(super) tables: Vec<Table>,
    pub(super) strings: Interner,
    pub(super) problems: Vec<Problem>,
    /// Entities that were refused: a reference to one of them is no problem of its own.
    pub(super) refused: HashSet<Place>,
    pub(super) more_problems: usize,
}

impl WorldBuilder {
    /// An empty world of `schema`; enumerated entities are there from the start.
    pub fn new(schema: &Arc<Schema>) -> Self {
        let tables = schema.entity_types().iter().map(|ty| {
            let mut table = Table {
                columns: ty.attributes.iter().map(|(_, a)| Column::new(&a.ty)).collect(),
                ..Table::default()
            };
            for id in ty.choices.iter().flatten() {
                table.ids.intern(id);
                table.defined.push(true);
            }
            table
        });
        WorldBuilder {
            tables: tables.collect(),
            schema: schema.clone(),
            strings: Interner::default(),
            problems: Vec::new(),
            refused: HashSet::new(),
            more_problems: 0,
        }
    }

    /// The schema of the world.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The row of the entity `id` of type `ty`, which may come later.
    ///
    /// A type has room for 2³² − 1 entities; one more is reported by [`WorldBuilder::finish`].
    pub fn row(&mut self, ty: TypeId, id: &str) -> Row {
        match self.tables.get_mut(ty.index()).and_then(|table| table.ids.intern(id)) {
            Some(row) => Row(row),
            None => {
                self.problem(Problem::error(format!("too many entities to take `{id}`")));
                Row(0)
            }
        }
    }

    /// Begins the entity at `row`.
    pub fn draft(&self, ty: TypeId, row: Row) -> Draft {
        Draft::new((ty, row), self.attribute_count(ty))
    }

    /// Empties `draft` for another entity.
    pub fn restart(&self, draft: &mut Draft, ty: TypeId, row: Row) {
        draft.restart((ty, row), self.attribute_count(ty));
    }

    fn attribute_count(&self, ty: TypeId) -> usize {
        self.schema.entity_type(ty).map_or(0, |t| t.attributes.len())
    }

    /// Sets a `String` of `draft`.
    pub fn string(&mut self, draft: &mut Draft, attr: AttrId, text: &str) {
        match self.strings.intern(text) {
            Some(number) => draft.string_number(attr, number),
            None => self.problem(Problem::error("too many different strings")),
        }
    }

    /// Takes the entity that `draft` holds.
    ///
    /// An entity given twice is taken once where both are the same, and is a problem where they differ.
    /// What is wrong is reported by [`WorldBuilder::finish`].
    pub fn take(&mut self, draft: &Draft) {
        if let Err(problem) = self.try_take(draft) {
            self.refuse(draft.place, problem);
        }
    }

    /// Takes one entity with these attributes.
    ///
    /// What is wrong with it is reported by [`WorldBuilder::finish`].
    pub fn add<'a>(&mut self, uid: &EntityUid, attributes: impl IntoIterator<Item = (&'a str, Value)>) {
        self.add_with_parents(uid, attributes, []);
    }

    /// As [`WorldBuilder::add`], lying in `parents`.
    pub fn add_with_parents<'a>(
        &mut self,
        uid: &EntityUid,
        attributes: impl IntoIterator<Item = (&'a str, Value)>,
        parents: impl IntoIterator<Item = EntityUid>,
    ) {
        self.add_whole(uid, attributes, parents, BTreeMap::new());
    }

    /// As [`WorldBuilder::add_with_parents`], with tags.
    pub fn add_whole<'a>(
        &mut self,
        uid: &EntityUid,
        attributes: impl IntoIterator<Item = (&'a str, Value)>,
        parents: impl IntoIterator<Item = EntityUid>,
        tags: BTreeMap<Arc<str>, Value>,
    ) {
        let Some(ty) = self.schema.type_id(uid.type_name()) else {
            return self.problem(on(uid, format!("the schema has no entity type `{}`", uid.type_name())));
        };
        let row = self.row(ty, uid.id());
        let mut draft = self.draft(ty, row);
        for (name, value) in attributes {
            if let Err(message) = self.set_named(&mut draft, ty, name, &value) {
                self.refuse((ty, row), on(uid, message));
            }
        }
        for parent in parents {
            match self.schema.type_id(parent.type_name()) {
                Some(of) => {
                    let row = self.row(of, parent.id());
                    draft.parent((of, row));
                }
                None => self.refuse((ty, row), on(uid, format!("no such parent: {parent}"))),
            }
        }
        if let Err(message) = self.tags_conform(ty, &tags) {
            self.refuse((ty, row), on(uid, message));
        }
        draft.tags = tags;
        if !self.refused.contains(&(ty, row)) {
            self.take(&draft);
        }
    }

    fn tags_conform(&self, ty: TypeId, tags: &BTreeMap<Arc<str>, Value>) -> Result<(), String> {
        let of = self.schema.entity_type(ty).and_then(|ty| ty.tags.as_ref());
        tags.iter().try_for_each(|(name, value)| match of {
            Some(of) => conforms(&self.schema, of, value).map_err(|e| format!("tag `{name}`: {e}")),
            None => Err(format!("tag `{name}`: the type has no tags")),
        })
    }

    fn set_named(&mut self, draft: &mut Draft, ty: TypeId, name: &str, value: &Value) -> Result<(), String> {
        let schema = self.schema.clone();
        let found = schema.entity_type(ty).and_then(|t| t.attribute(name));
        let Some((attr, attribute)) = found else {
            return Err(format!("attribute `{name}` is not in the schema"));
        };
        self.set_value(draft, attr, &attribute.ty, value).map_err(|e| format!("attribute `{name}`: {e}"))
    }

    /// Puts `value` into the draft in the column's own form.
    pub(crate) fn set_value(
        &mut self,
        draft: &mut Draft,
        attr: AttrId,
        ty: &Type,
        value: &Value,
    ) -> Result<(), String> {
        conforms(&self.schema, ty, value)?;
        match (value, ty) {
            (Value::Bool(v), _) => {
                draft.bool(attr, *v);
            }
            (Value::Long(v) | Value::Datetime(v) | Value::Duration(v) | Value::Decimal(v), _) => {
                draft.long(attr, *v);
            }
            (Value::String(text), _) => self.string(draft, attr, text),
            (Value::Entity(uid), Type::Entity(of)) => {
                let row = self.row(*of, uid.id());
                draft.entity(attr, row);
            }
            (Value::Set(values), Type::Set(element)) if matches!(**element, Type::Entity(_)) => {
                let Type::Entity(of) = **element else { return Ok(()) };
                let uids = values.iter().filter_map(|v| match v {
                    Value::Entity(uid) => Some(uid.id()),
                    _ => None,
                });
                let rows: Vec<Row> = uids.map(|id| self.row(of, id)).collect();
                draft.entities(attr, rows);
            }
            _ => draft.value(attr, value.clone()),
        }
        Ok(())
    }

    fn try_take(&mut self, draft: &Draft) -> Result<(), Problem> {
        let (ty, row) = draft.place;
        self.check(draft).map_err(|message| on(&self.uid(draft.place), message))?;
        if self.tables.get(ty.index()).is_some_and(|t| t.is_defined(row.0)) {
            return if self.is_same(draft) {
                Ok(())
            } else {
                Err(on(&self.uid(draft.place), "given twice, and not the same".into()))
            };
        }
        let Some(table) = self.tables.get_mut(ty.index()) else { return Ok(()) };
        for (at, column) in (0u16..).zip(&mut table.columns) {
            if let Some(cell) = draft.cell(AttrId(at))
                && !column.set(row.0, &cell)
            {
                return Err(on(&self.uid(draft.place), "too much data of one attribute".into()));
            }
        }
        let at = row.0 as usize;
        if table.defined.len() <= at {
            table.defined.resize(at + 1, false);
        }
        if let Some(defined) = table.defined.get_mut(at) {
            *defined = true;
        }
        if !draft.parents.is_empty() {
            table.parents.insert(row.0, sorted(&draft.parents));
        }
        if !draft.tags.is_empty() {
            table.tags.insert(row.0, draft.tags.clone());
        }
        Ok(())
    }

    /// What the schema says against the draft as a whole: attributes missing, parents of a wrong type.
    fn check(&self, draft: &Draft) -> Result<(), String> {
        let Some(ty) = self.schema.entity_type(draft.place.0) else { return Ok(()) };
        for (at, (name, attribute)) in (0u16..).zip(&ty.attributes) {
            if attribute.required && !draft.has(AttrId(at)) {
                return Err(format!("attribute `{name}` is missing"));
            }
        }
        for &(of, row) in &draft.parents {
            if !ty.ancestors.contains(&of) {
                return Err(format!("may not lie in {}", self.uid((of, row))));
            }
        }
        match &ty.choices {
            Some(choices) if !choices.iter().any(|c| c.as_ref() == self.uid(draft.place).id()) => {
                Err("not one of the schema's".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether the world already holds exactly what the draft says.
    fn is_same(&self, draft: &Draft) -> bool {
        let (ty, row) = draft.place;
        let Some(table) = self.tables.get(ty.index()) else { return false };
        let columns = (0u16..).zip(&table.columns);
        let parents = table.parents.get(&row.0).map_or(&[][..], Vec::as_slice);
        let no_tags = BTreeMap::new();
        columns.into_iter().all(|(at, column)| column.cell(row.0) == draft.cell(AttrId(at)))
            && parents == sorted(&draft.parents)
            && table.tags.get(&row.0).unwrap_or(&no_tags) == &draft.tags
    }

    pub(super) fn uid(&self, (ty, row): Place) -> EntityUid {
        let name = self.schema.entity_type(ty).map_or_else(|| "".into(), |t| t.name.clone());
        EntityUid::new(name, self.tables.get(ty.index()).map_or("", |t| t.ids.text(row.0)))
    }

    pub(crate) fn refuse(&mut self, place: Place, problem: Problem) {
        self.refused.insert(place);
        self.problem(problem);
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more_problems += 1;
        }
    }
}

fn sorted(places: &[Place]) -> Vec<Place> {
    let mut places = places.to_vec();
    places.sort_unstable();
    places.dedup();
    places
}

pub(crate) fn on(uid: &EntityUid, message: String) -> Problem {
    Problem::error(message).in_source(&uid.to_string())
}
