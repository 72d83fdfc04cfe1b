//! Making a world, entity by entity.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use super::column::{Cell, Column};
use super::ids::Interner;
use super::{Data, Place, Row, Table, World};
use crate::error::{Error, Problem};
use crate::schema::{AttrId, Attribute, Schema, Type, TypeId};
use crate::uid::EntityUid;
use crate::value::Value;

/// Problems kept of one load; more are counted only.
const MAX_PROBLEMS: usize = 1_000;

/// Makes a [`World`], entity by entity.
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
    schema: Arc<Schema>,
    tables: Vec<Table>,
    strings: Interner,
    problems: Vec<Problem>,
    /// Entities that were refused: a reference to one of them is no problem of its own.
    refused: std::collections::HashSet<Place>,
    more_problems: usize,
}

/// One entity on its way into a world, reused from entity to entity.
///
/// It is the fast way in, for code that makes many entities; [`WorldBuilder::add`] is the plain one.
pub struct Draft {
    place: Place,
    cells: Vec<Held>,
    rows: Vec<u32>,
    parents: Vec<Place>,
    tags: BTreeMap<Arc<str>, Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    Bool(bool),
    Long(i64),
    String(u32),
    Row(u32),
    /// A slice of the draft's `rows`.
    Rows(usize, usize),
    Value(Value),
}

impl Draft {
    /// Sets a `Bool`.
    pub fn bool(&mut self, attr: AttrId, value: bool) -> &mut Self {
        self.put(attr, Held::Bool(value))
    }

    /// Sets a `Long`, or a `datetime` or `duration` in milliseconds, or a `decimal` in ten-thousandths.
    pub fn long(&mut self, attr: AttrId, value: i64) -> &mut Self {
        self.put(attr, Held::Long(value))
    }

    /// Sets a reference; `row` is of the attribute's type, from [`WorldBuilder::row`].
    pub fn entity(&mut self, attr: AttrId, row: Row) -> &mut Self {
        self.put(attr, Held::Row(row.0))
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

    pub(crate) fn string_number(&mut self, attr: AttrId, number: u32) {
        self.put(attr, Held::String(number));
    }

    pub(crate) fn value(&mut self, attr: AttrId, value: Value) {
        self.put(attr, Held::Value(value));
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

    fn cell(&self, attr: AttrId) -> Option<Cell<'_>> {
        Some(match self.cells.get(attr.index())? {
            Held::Nothing => return None,
            Held::Bool(v) => Cell::Bool(*v),
            Held::Long(v) => Cell::Long(*v),
            Held::String(v) => Cell::String(*v),
            Held::Row(v) => Cell::Row(*v),
            Held::Rows(start, end) => Cell::Rows(self.rows.get(*start..*end)?),
            Held::Value(v) => Cell::Value(v),
        })
    }
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
            refused: std::collections::HashSet::new(),
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

    /// Begins the entity at `row`; what an earlier draft held is given back for reuse.
    pub fn draft(&self, ty: TypeId, row: Row) -> Draft {
        let attributes = self.schema.entity_type(ty).map_or(0, |t| t.attributes.len());
        Draft {
            place: (ty, row),
            cells: vec![Held::Nothing; attributes],
            rows: Vec::new(),
            parents: Vec::new(),
            tags: BTreeMap::new(),
        }
    }

    /// Empties `draft` for another entity.
    pub fn restart(&self, draft: &mut Draft, ty: TypeId, row: Row) {
        let attributes = self.schema.entity_type(ty).map_or(0, |t| t.attributes.len());
        draft.place = (ty, row);
        draft.cells.clear();
        draft.cells.resize(attributes, Held::Nothing);
        draft.rows.clear();
        draft.parents.clear();
        draft.tags.clear();
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
            Some(of) => convert::conforms(&self.schema, of, value).map_err(|e| format!("tag `{name}`: {e}")),
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
        convert::conforms(&self.schema, ty, value)?;
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

    fn uid(&self, (ty, row): Place) -> EntityUid {
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
            let mut seen = std::collections::BTreeSet::new();
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

fn sorted(places: &[Place]) -> Vec<Place> {
    let mut places = places.to_vec();
    places.sort_unstable();
    places.dedup();
    places
}

pub(crate) fn on(uid: &EntityUid, message: String) -> Problem {
    Problem::error(message).in_source(&uid.to_string())
}

/// Whether values fit types.
pub(crate) mod convert {
    use super::{Schema, Type, Value};

    /// Says in what way `value` is not of type `ty`.
    pub(crate) fn conforms(schema: &Schema, ty: &Type, value: &Value) -> Result<(), String> {
        let fits = match (value, ty) {
            (Value::Bool(_), Type::Bool)
            | (Value::Long(_), Type::Long)
            | (Value::String(_), Type::String)
            | (Value::Decimal(_), Type::Decimal)
            | (Value::Ip(_), Type::Ip)
            | (Value::Datetime(_), Type::Datetime)
            | (Value::Duration(_), Type::Duration) => true,
            (Value::Entity(uid), Type::Entity(of)) => match schema.entity_type(*of) {
                Some(ty) if ty.name.as_ref() == uid.type_name() => match &ty.choices {
                    Some(choices) if !choices.iter().any(|c| c.as_ref() == uid.id()) => {
                        return Err(format!("{uid} is not one of the schema's"));
                    }
                    _ => true,
                },
                _ => false,
            },
            (Value::Set(values), Type::Set(element)) => {
                return values.iter().try_for_each(|v| conforms(schema, element, v));
            }
            (Value::Record(values), Type::Record(fields)) => {
                for (name, field) in fields.iter() {
                    match values.get(name) {
                        Some(value) => {
                            conforms(schema, &field.ty, value).map_err(|e| format!("`{name}`: {e}"))?
                        }
                        None if field.required => return Err(format!("`{name}` is missing")),
                        None => {}
                    }
                }
                return match values.keys().find(|name| !fields.contains_key(*name)) {
                    Some(name) => Err(format!("`{name}` is not in the schema")),
                    None => Ok(()),
                };
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(format!("expected {}, found {}", schema.show(ty), kind(value))) }
    }

    /// What kind of value it is, in words.
    fn kind(value: &Value) -> String {
        match value {
            Value::Bool(_) => "a Bool".into(),
            Value::Long(_) => "a Long".into(),
            Value::String(_) => "a String".into(),
            Value::Entity(uid) => uid.to_string(),
            Value::Set(_) => "a set".into(),
            Value::Record(_) => "a record".into(),
            Value::Decimal(_) => "a decimal".into(),
            Value::Ip(_) => "an ipaddr".into(),
            Value::Datetime(_) => "a datetime".into(),
            Value::Duration(_) => "a duration".into(),
        }
    }
}
