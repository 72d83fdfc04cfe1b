//! The data: every entity, interned and in columns.
//!
//! Entities are dense rows per type, attributes are columns, references are row numbers. A [`World`] is
//! read-only and cheap to clone; a [`WorldBuilder`] makes one.
//!
//! INVARIANT: no reference dangles. [`WorldBuilder::finish`] refuses data in which one does.

pub(crate) mod build;
mod column;
mod conform;
mod draft;
mod finish;
mod ids;
mod index;
pub(crate) mod json;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

pub use build::WorldBuilder;
pub(crate) use column::Cell;
use column::Column;
pub(crate) use conform::conforms;
pub use draft::Draft;
use ids::Interner;
pub(crate) use index::Reverse;

use crate::schema::{AttrId, Schema, Type, TypeId};
use crate::uid::EntityUid;
use crate::value::Value;

/// The number of an entity within its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(pub(crate) u32);

/// An entity's type and row.
pub(crate) type Place = (TypeId, Row);

/// A set of entities that conforms to a schema. Cloning shares the data.
#[derive(Clone)]
pub struct World {
    data: Arc<Data>,
}

pub(crate) struct Data {
    schema: Arc<Schema>,
    tables: Vec<Table>,
    strings: Interner,
    version: u64,
    /// By type and attribute, made when first asked for.
    reverses: Vec<Vec<OnceLock<Reverse>>>,
}

/// All entities of one type.
#[derive(Default)]
struct Table {
    ids: Interner,
    defined: Vec<bool>,
    columns: Vec<Column>,
    /// Direct parents, of those rows that have any.
    parents: HashMap<u32, Vec<Place>>,
    /// Parents of parents too; filled when the world is finished.
    ancestors: HashMap<u32, Vec<Place>>,
    tags: HashMap<u32, BTreeMap<Arc<str>, Value>>,
}

impl Table {
    fn is_defined(&self, row: u32) -> bool {
        self.defined.get(row as usize).copied().unwrap_or(false)
    }

    fn defined_rows(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        (0u32..).zip(&self.defined).filter(|(_, d)| **d).map(|(row, _)| row)
    }
}

impl World {
    /// The schema that the data conforms to.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.data.schema
    }

    /// The version of the data: 1 for a world as it was loaded.
    pub fn version(&self) -> u64 {
        self.data.version
    }

    /// How many entities there are, of all types. Enumerated entities are left out: the schema has them.
    pub fn len(&self) -> usize {
        let loaded = self.data.schema.entity_types().iter().zip(&self.data.tables);
        loaded.filter(|(ty, _)| ty.choices.is_none()).map(|(_, t)| t.defined_rows().count()).sum()
    }

    /// Whether there is no entity at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entities of `type_name` there are; 0 for a type that the schema lacks.
    pub fn count(&self, type_name: &str) -> usize {
        self.ids(type_name).count()
    }

    /// The ids of all entities of `type_name`, in the order in which they were first named.
    pub fn ids(&self, type_name: &str) -> impl Iterator<Item = &str> + '_ {
        let table = self.data.schema.type_id(type_name).and_then(|id| self.table(id));
        table.into_iter().flat_map(|t| t.defined_rows().map(|row| t.ids.text(row)))
    }

    /// Whether the entity is there.
    pub fn contains(&self, uid: &EntityUid) -> bool {
        self.place(uid).is_some()
    }

    /// The value of an entity's attribute; `None` where the entity or the attribute is absent.
    pub fn attribute(&self, uid: &EntityUid, name: &str) -> Option<Value> {
        let (ty, row) = self.place(uid)?;
        let (attr, _) = self.data.schema.entity_type(ty)?.attribute(name)?;
        self.value(ty, row, attr)
    }

    /// Every attribute that an entity has, by name; `None` where the entity is absent.
    pub fn attributes(&self, uid: &EntityUid) -> Option<BTreeMap<Arc<str>, Value>> {
        let (ty, row) = self.place(uid)?;
        let names = self.data.schema.entity_type(ty)?.attributes.iter();
        Some(
            (0u16..)
                .zip(names)
                .filter_map(|(at, (name, _))| Some((name.clone(), self.value(ty, row, AttrId(at))?)))
                .collect(),
        )
    }

    /// Bytes that the columns and ids take; hash tables of parents and tags are left out.
    pub fn bytes(&self) -> usize {
        let tables = self.data.tables.iter().map(|t| {
            t.ids.bytes() + t.defined.capacity() + t.columns.iter().map(Column::bytes).sum::<usize>()
        });
        tables.sum::<usize>() + self.data.strings.bytes()
    }

    /// Bytes of id text and unique strings alone.
    pub fn text_bytes(&self) -> usize {
        self.data.tables.iter().map(|t| t.ids.text_bytes()).sum::<usize>() + self.data.strings.text_bytes()
    }

    fn table(&self, ty: TypeId) -> Option<&Table> {
        self.data.tables.get(ty.index())
    }

    pub(crate) fn place(&self, uid: &EntityUid) -> Option<Place> {
        let ty = self.data.schema.type_id(uid.type_name())?;
        let table = self.table(ty)?;
        let row = table.ids.find(uid.id()).filter(|&row| table.is_defined(row))?;
        Some((ty, Row(row)))
    }

    pub(crate) fn has(&self, (ty, row): Place) -> bool {
        self.table(ty).is_some_and(|table| table.is_defined(row.0))
    }

    pub(crate) fn rows(&self, ty: TypeId) -> impl Iterator<Item = Row> + Clone + '_ {
        self.table(ty).into_iter().flat_map(|t| t.defined_rows().map(Row))
    }

    pub(crate) fn id(&self, (ty, row): Place) -> &str {
        self.table(ty).map_or("", |t| t.ids.text(row.0))
    }

    pub(crate) fn uid(&self, place: Place) -> EntityUid {
        let name = self.data.schema.entity_type(place.0).map_or_else(|| "".into(), |t| t.name.clone());
        EntityUid::new(name, self.id(place))
    }

    pub(crate) fn value(&self, ty: TypeId, row: Row, attr: AttrId) -> Option<Value> {
        let (cell, ty) = self.cell((ty, row), attr)?;
        Some(self.materialise(&cell, ty))
    }

    /// What the attribute holds, in the world's own numbers, with its type.
    pub(crate) fn cell(&self, (ty, row): Place, attr: AttrId) -> Option<(Cell<'_>, &Type)> {
        let cell = self.table(ty)?.columns.get(attr.index())?.cell(row.0)?;
        let (_, attribute) = self.data.schema.entity_type(ty)?.attributes.get(attr.index())?;
        Some((cell, &attribute.ty))
    }

    /// Who refers to whom through an attribute; `None` where it holds no references.
    ///
    /// Made when first asked for, in a time that follows the number of entities of the type.
    pub(crate) fn reverse(&self, (ty, attr): (TypeId, AttrId)) -> Option<&Reverse> {
        let (column, target) = (self.table(ty)?.columns.get(attr.index())?, self.target((ty, attr))?);
        let slot = self.data.reverses.get(ty.index())?.get(attr.index())?;
        let targets = self.table(target)?.ids.len();
        Some(slot.get_or_init(|| Reverse::new(column, self.rows(ty).map(|row| row.0), targets)))
    }

    /// Whether the attribute holds sets.
    pub(crate) fn is_set(&self, (ty, attr): (TypeId, AttrId)) -> bool {
        let ty = self.data.schema.entity_type(ty);
        ty.and_then(|ty| ty.attributes.get(attr.index())).is_some_and(|(_, a)| matches!(a.ty, Type::Set(_)))
    }

    /// How many entities an attribute's references can be to.
    pub(crate) fn reverse_targets(&self, of: (TypeId, AttrId)) -> usize {
        self.target(of).and_then(|ty| self.table(ty)).map_or(0, |table| table.ids.len())
    }

    /// The type that an attribute refers to.
    fn target(&self, (ty, attr): (TypeId, AttrId)) -> Option<TypeId> {
        let (_, attribute) = self.data.schema.entity_type(ty)?.attributes.get(attr.index())?;
        match &attribute.ty {
            Type::Entity(of) => Some(*of),
            Type::Set(element) => match **element {
                Type::Entity(of) => Some(of),
                _ => None,
            },
            _ => None,
        }
    }

    /// The text of a string's number.
    pub(crate) fn text(&self, number: u32) -> &str {
        self.data.strings.text(number)
    }

    /// The entities above this one in the hierarchy, at any distance.
    pub(crate) fn ancestors(&self, (ty, row): Place) -> &[Place] {
        self.table(ty).and_then(|t| t.ancestors.get(&row.0)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn parents(&self, (ty, row): Place) -> &[Place] {
        self.table(ty).and_then(|t| t.parents.get(&row.0)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn tags(&self, (ty, row): Place) -> Option<&BTreeMap<Arc<str>, Value>> {
        self.table(ty)?.tags.get(&row.0)
    }

    fn materialise(&self, cell: &Cell<'_>, ty: &Type) -> Value {
        match (cell, ty) {
            (Cell::Bool(v), _) => Value::Bool(*v),
            (Cell::Long(v), Type::Datetime) => Value::Datetime(*v),
            (Cell::Long(v), Type::Duration) => Value::Duration(*v),
            (Cell::Long(v), Type::Decimal) => Value::Decimal(*v),
            (Cell::Long(v), _) => Value::Long(*v),
            (Cell::String(n), _) => Value::string(self.data.strings.text(*n)),
            (Cell::Row(row), Type::Entity(of)) => Value::Entity(self.uid((*of, Row(*row)))),
            (Cell::Rows(rows), Type::Set(element)) => Value::set(rows.iter().map(|row| match **element {
                Type::Entity(of) => Value::Entity(self.uid((of, Row(*row)))),
                _ => Value::Long(i64::from(*row)),
            })),
            (Cell::Row(row), _) => Value::Long(i64::from(*row)),
            (Cell::Rows(_), _) => Value::set([]),
            (Cell::Value(value), _) => (*value).clone(),
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World {{ version: {}, entities: {} }}", self.version(), self.len())
    }
}
