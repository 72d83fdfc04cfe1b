//! The data: every entity, interned and in rows of words.
//!
//! Entities are dense rows per type, references are row numbers ([`layout`] says what a row holds). A [`World`]
//! is a handle that many share: reads see whole batches of [`Changes`] or nothing of them. A [`WorldBuilder`]
//! makes one.
//!
//! INVARIANT: no reference dangles. [`WorldBuilder::finish`] and [`World::apply`] refuse data in which one does.
//! INVARIANT: a row number names one entity for as long as the world lives, removed or not.

mod apply;
mod atomics;
mod between;
pub(crate) mod build;
mod change;
mod conform;
mod draft;
mod encode;
mod finish;
mod hierarchy;
mod ids;
pub(crate) mod index;
pub(crate) mod json;
pub(crate) mod layout;
pub(crate) mod order;
mod overlay;
mod pool;
mod rows;
mod sequence;
pub(crate) mod snapshot;
mod stamps;

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

pub use build::WorldBuilder;
pub use change::Changes;
pub(crate) use conform::conforms;
pub use draft::Draft;
use encode::Pools;
use hashbrown::HashMap;
use ids::Names;
pub(crate) use index::Indices;
use layout::{DEFINED, Kind, Layout, Slot, Stored};
pub use order::Texts;
use rows::Rows;
use sequence::Sequence;
use stamps::Stamps;

use crate::model::interrupt::Pulse;
use crate::model::suggest::hint;
use crate::model::{AttrId, EntityUid, Error, Schema, Type, TypeId, Value};

/// The number of an entity within its type, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(pub(crate) u32);

/// An entity's type and row.
pub(crate) type Place = (TypeId, Row);

/// An entity of one world, found once: as quick to look up as a number. Copying it costs nothing.
///
/// It names the entity for as long as the world lives, also after its removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    pub(crate) epoch: u64,
    pub(crate) ty: TypeId,
    pub(crate) row: Row,
}

impl Handle {
    /// The entity's number among those of its type, from 1.
    pub fn number(self) -> u32 {
        self.row.0
    }
}

/// A set of entities that conforms to a schema.
///
/// Cloning shares it: a batch that one handle applies is seen by all. A single check takes no lock and sees
/// whole batches; a list waits for the batch that is being applied, if there is one.
#[derive(Clone)]
pub struct World {
    data: Arc<Data>,
    /// Rows that are seen instead of the data's own.
    overlay: Option<Arc<HashMap<Place, Box<[u32]>>>>,
}

pub(crate) struct Data {
    schema: Arc<Schema>,
    tables: Vec<Table>,
    strings: Names,
    pools: Pools,
    sequence: Sequence,
    stamps: Stamps,
    epoch: u64,
    identity: u64,
    /// Held while an id or a string gets its number; nothing else is waited for while it is.
    naming: Mutex<()>,
    /// Held while a batch is made ready and applied.
    writer: Mutex<apply::Writer>,
    /// Held for writing while a batch is applied.
    indices: RwLock<Indices>,
    /// Who makes an index.
    making: index::Making,
    /// Told of every batch.
    applied: apply::Applied,
    /// Rows in the order of their values, as lists asked for them.
    orders: order::Orders,
}

/// All entities of one type.
struct Table {
    names: Names,
    layout: Layout,
    rows: Rows,
}

/// Entities of one type with some of their attributes, by the column.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Columns<'a> {
    /// The ids, in the order in which they were first named.
    pub ids: Vec<&'a str>,
    /// For each attribute that was asked for, its value of each entity, `None` where it has none.
    pub values: Vec<Vec<Option<Value>>>,
    /// The version of the data.
    pub version: u64,
}

/// What an attribute holds, in the world's own numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Bool(bool),
    /// A `Long`, or a `datetime`, `duration` or `decimal` as its number.
    Long(i64),
    /// A string's number.
    String(u32),
    /// An entity's row; its type is the attribute's.
    Row(u32),
    /// Rows of a set of entities, ascending, each once.
    Rows(&'a [u32]),
    /// Anything else.
    Value(&'a Value),
}

/// How often a read that a batch came into is tried again before it looks whether it can hold the data still.
const TRIES: usize = 1_000;
/// How often it looks before it waits its turn.
const ROUNDS: usize = 1_000;

impl World {
    /// The schema that the data conforms to.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.data.schema
    }

    /// The version of the data: 1 for a world as it was loaded, unless it is [counted](World::counting_from) otherwise, and
    /// one more for each batch since.
    pub fn version(&self) -> u64 {
        self.data.sequence.batches()
    }

    /// What names this world, and what was opened from its snapshots, as the one that its rows and cursors
    /// belong to.
    pub fn epoch(&self) -> u64 {
        self.data.epoch
    }

    /// What tells this world from every other in this process: worlds opened from one snapshot share an epoch,
    /// and nothing that is kept for the one is true of the other.
    pub(crate) fn identity(&self) -> u64 {
        self.data.identity
    }

    /// How many entities there are, of all types. Enumerated entities are left out: the schema has them.
    pub fn len(&self) -> usize {
        let types = (0u16..).map(TypeId).zip(self.data.schema.entity_types());
        types.filter(|(_, ty)| ty.choices.is_none()).map(|(id, _)| self.rows(id).count()).sum()
    }

    /// Whether there is no entity at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entities of `type_name` there are.
    ///
    /// # Errors
    /// [`Error::is_request`] for a type that the schema lacks, with the one that was probably meant.
    pub fn count(&self, type_name: &str) -> Result<usize, Error> {
        Ok(self.ids(type_name)?.count())
    }

    /// The ids of all entities of `type_name`, in the order in which they were first named.
    ///
    /// # Errors
    /// [`Error::is_request`] for a type that the schema lacks, with the one that was probably meant.
    pub fn ids(&self, type_name: &str) -> Result<impl Iterator<Item = &str> + '_, Error> {
        self.data.schema.known_type(type_name).map(|ty| self.ids_of(ty))
    }

    /// The ids of all entities of a type.
    pub(crate) fn ids_of(&self, ty: TypeId) -> impl Iterator<Item = &str> + '_ {
        self.rows(ty).map(move |row| self.id((ty, row)))
    }

    /// Whether the entity is there: not so for one of a type that the schema lacks, of which there can be none.
    pub fn contains(&self, uid: &EntityUid) -> bool {
        self.place(uid).is_some()
    }

    /// The entity, found once and for all; `None` where it is absent, or of a type that the schema lacks.
    pub fn handle(&self, uid: &EntityUid) -> Option<Handle> {
        self.place(uid).map(|(ty, row)| Handle { epoch: self.data.epoch, ty, row })
    }

    /// The name of an entity.
    ///
    /// # Errors
    /// [`Error::is_request`] for a handle of another world.
    pub fn name(&self, handle: Handle) -> Result<EntityUid, Error> {
        self.place_of(handle).map(|place| self.uid(place))
    }

    /// The place of an entity that is or was there.
    pub(crate) fn place_of(&self, handle: Handle) -> Result<Place, Error> {
        if handle.epoch == self.data.epoch {
            Ok((handle.ty, handle.row))
        } else {
            Err(Error::request("the handle is of another world"))
        }
    }

    /// The value of an entity's attribute; `None` where the entity or the attribute is absent.
    ///
    /// # Errors
    /// [`Error::is_request`] for a type or an attribute that the schema lacks, with the one that was probably meant.
    pub fn attribute(&self, uid: &EntityUid, name: &str) -> Result<Option<Value>, Error> {
        let attr = self.known_attribute(self.data.schema.known_type(uid.type_name())?, name)?;
        Ok(self.value_of(uid, attr))
    }

    /// As [`World::attribute`], where what the schema lacks is absent.
    pub(crate) fn found(&self, uid: &EntityUid, name: &str) -> Option<Value> {
        let ty = self.data.schema.type_id(uid.type_name())?;
        let (attr, _) = self.data.schema.entity_type(ty)?.attribute(name)?;
        self.value_of(uid, attr)
    }

    fn value_of(&self, uid: &EntityUid, attr: AttrId) -> Option<Value> {
        self.consistent(|| {
            let (ty, row) = self.place(uid)?;
            self.value(ty, row, attr)
        })
        .0
    }

    fn known_attribute(&self, ty: TypeId, name: &str) -> Result<AttrId, Error> {
        let of = self.data.schema.entity_type(ty);
        let found = of.and_then(|of| of.attribute(name)).map(|(attr, _)| attr);
        found.ok_or_else(|| {
            let known = of.into_iter().flat_map(|of| of.attributes.iter().map(|(name, _)| name.as_ref()));
            let of = of.map_or("", |of| of.name.as_ref());
            Error::request(format!("`{of}` has no attribute `{name}`{}", hint(name, known)))
        })
    }

    /// Every attribute that an entity has, by name; `None` where the entity is absent.
    ///
    /// # Errors
    /// [`Error::is_request`] for a type that the schema lacks, with the one that was probably meant.
    pub fn attributes(&self, uid: &EntityUid) -> Result<Option<BTreeMap<Arc<str>, Value>>, Error> {
        self.data.schema.known_type(uid.type_name())?;
        Ok(self.all_found(uid))
    }

    /// As [`World::attributes`], where what the schema lacks is absent.
    pub(crate) fn all_found(&self, uid: &EntityUid) -> Option<BTreeMap<Arc<str>, Value>> {
        let ty = self.data.schema.type_id(uid.type_name())?;
        let names = &self.data.schema.entity_type(ty)?.attributes;
        let read = || {
            let (ty, row) = self.place(uid)?;
            let value = |(at, (name, _)): (u16, &(Arc<str>, _))| {
                Some((name.clone(), self.value(ty, row, AttrId(at))?))
            };
            Some((0u16..).zip(names).filter_map(value).collect())
        };
        self.consistent(read).0
    }

    /// The entities of a type with some of their attributes, by the column, all of one version of the data. Batches
    /// of changes wait until it is done.
    ///
    /// # Errors
    /// [`Error::is_request`] for a type or an attribute that the schema lacks, with the one that was probably
    /// meant.
    ///
    /// # Example
    /// ```
    /// use caseward::Ward;
    /// use caseward::attendance::Sample;
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 10, seed: 1 }.build(&ward, &mut |_| {})?;
    /// let cases = world.columns("Case", &["status", "student"])?;
    /// assert_eq!((cases.ids.len(), cases.values.len(), cases.values[0].len()), (10, 2, 10));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn columns(&self, type_name: &str, names: &[&str]) -> Result<Columns<'_>, Error> {
        let ty = self.data.schema.known_type(type_name)?;
        let attribute = |name: &&str| self.known_attribute(ty, name);
        let attributes = names.iter().map(attribute).collect::<Result<Vec<_>, _>>()?;
        let _still = self.still();
        let pulse = Pulse::default();
        let rows: Vec<Row> = self.rows(ty).collect();
        let column = |&attr: &AttrId| {
            let values = rows.iter().map(|&row| pulse.step().map(|()| self.value(ty, row, attr)));
            values.collect::<Result<Vec<_>, _>>()
        };
        Ok(Columns {
            ids: rows.iter().map(|&row| self.id((ty, row))).collect(),
            values: attributes.iter().map(column).collect::<Result<_, _>>()?,
            version: self.version(),
        })
    }

    /// Bytes that rows, ids, indices and what rows share take; what boxed values hold is left out.
    pub fn bytes(&self) -> usize {
        let tables = self.data.tables.iter().map(|t| t.names.bytes() + t.rows.bytes());
        tables.sum::<usize>() + self.data.strings.bytes() + self.data.pools.bytes() + self.still().bytes()
    }

    /// Bytes of id text and unique strings alone.
    pub fn text_bytes(&self) -> usize {
        self.data.tables.iter().map(|t| t.names.text_bytes()).sum::<usize>() + self.data.strings.text_bytes()
    }

    /// Bytes that the ids and unique strings take with what finds them, of [`World::bytes`].
    pub fn id_bytes(&self) -> usize {
        self.data.tables.iter().map(|t| t.names.bytes()).sum::<usize>() + self.data.strings.bytes()
    }

    /// Bytes of the rows of one type, without indices and ids.
    ///
    /// # Errors
    /// [`Error::is_request`] for a type that the schema lacks, with the one that was probably meant.
    pub fn row_bytes(&self, type_name: &str) -> Result<usize, Error> {
        let table = self.table(self.data.schema.known_type(type_name)?);
        Ok(table.map_or(0, |table| table.rows.bytes()))
    }

    fn table(&self, ty: TypeId) -> Option<&Table> {
        self.data.tables.get(ty.index())
    }

    /// What `read` gives of one version of the data, and that version. It may run more than once.
    pub(crate) fn consistent<T>(&self, mut read: impl FnMut() -> T) -> (T, u64) {
        let sequence = &self.data.sequence;
        // Not in the queue of those who change the data: who is before them in it may wait for this thread.
        for _ in 0..ROUNDS {
            if let Some(read) = sequence.read(TRIES, &mut read) {
                return read;
            }
            if let Ok(_still) = self.data.indices.try_read() {
                return (read(), self.version());
            }
        }
        let _still = self.still();
        (read(), self.version())
    }

    /// When entities were last changed.
    pub(crate) fn stamps(&self) -> &Stamps {
        &self.data.stamps
    }

    /// The indices, and the data held still while they are looked at.
    pub(crate) fn still(&self) -> RwLockReadGuard<'_, Indices> {
        self.data.indices.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// One word of an entity's row.
    #[inline]
    fn word(&self, place: Place, at: usize) -> u32 {
        if self.overlay.is_some() {
            return self.word_through_changes(place, at);
        }
        self.data.tables.get(place.0.index()).map_or(0, |table| table.rows.word(place.1.0, at))
    }

    #[cold]
    fn word_through_changes(&self, (ty, row): Place, at: usize) -> u32 {
        match self.overlay.as_ref().and_then(|overlay| overlay.get(&(ty, row))) {
            Some(words) => words.get(at).copied().unwrap_or(0),
            None => self.table(ty).map_or(0, |table| table.rows.word(row.0, at)),
        }
    }

    pub(crate) fn place(&self, uid: &EntityUid) -> Option<Place> {
        self.place_of_id(self.data.schema.type_id(uid.type_name())?, uid.id())
    }

    pub(crate) fn place_of_id(&self, ty: TypeId, id: &str) -> Option<Place> {
        let place = (ty, Row(self.table(ty)?.names.find(id)?));
        self.has(place).then_some(place)
    }

    /// As [`World::place_of_id`], for many ids: what one waits for in memory, all wait for together.
    pub(crate) fn places_of_ids(&self, ty: TypeId, ids: &[&str]) -> Vec<Option<Place>> {
        let Some(table) = self.table(ty) else { return vec![None; ids.len()] };
        let found = table.names.find_all(ids).into_iter();
        found.map(|row| row.map(|row| (ty, Row(row))).filter(|&place| self.has(place))).collect()
    }

    /// The rows of ids that were ever named, there or not.
    pub(crate) fn numbers_of_ids(&self, ty: TypeId, ids: &[&str]) -> Vec<Option<u32>> {
        self.table(ty).map_or_else(|| vec![None; ids.len()], |table| table.names.find_all(ids))
    }

    #[inline]
    pub(crate) fn has(&self, place: Place) -> bool {
        self.word(place, 0) & DEFINED != 0
    }

    /// One more than the last row of a type that was ever named.
    pub(crate) fn end(&self, ty: TypeId) -> u32 {
        self.table(ty).map_or(1, |table| table.names.end())
    }

    pub(crate) fn rows(&self, ty: TypeId) -> impl Iterator<Item = Row> + Clone + '_ {
        (1..self.end(ty)).map(Row).filter(move |&row| self.has((ty, row)))
    }

    /// An entity that is there, of the type of one that may not be: which, its id says, and the same one each time.
    pub(crate) fn picked(&self, by: &EntityUid) -> Option<EntityUid> {
        let ty = self.data.schema.type_id(by.type_name())?;
        let mut hasher = std::hash::DefaultHasher::new();
        by.id().hash(&mut hasher);
        let rows = u64::from(self.end(ty).saturating_sub(1));
        let first = u32::try_from(hasher.finish().checked_rem(rows)?).ok()? + 1;
        let all = (first..self.end(ty)).chain(1..first).map(Row);
        all.map(|row| (ty, row)).find(|place| self.has(*place)).map(|place| self.uid(place))
    }

    pub(crate) fn id(&self, (ty, row): Place) -> &str {
        self.table(ty).map_or("", |t| t.names.text(row.0))
    }

    pub(crate) fn uid(&self, place: Place) -> EntityUid {
        let name = self.data.schema.entity_type(place.0).map_or_else(|| "".into(), |t| t.name.clone());
        EntityUid::new(name, self.id(place))
    }

    /// The names of many rows of one type, in their order.
    pub(crate) fn uids(
        &self,
        ty: TypeId,
        rows: impl IntoIterator<Item = u32>,
    ) -> impl Iterator<Item = EntityUid> {
        let name = self.data.schema.entity_type(ty).map_or_else(|| "".into(), |t| t.name.clone());
        EntityUid::all(name, rows.into_iter().map(move |row| self.id((ty, Row(row)))))
    }

    pub(crate) fn value(&self, ty: TypeId, row: Row, attr: AttrId) -> Option<Value> {
        let (cell, ty) = self.cell((ty, row), attr)?;
        Some(self.materialise(&cell, ty))
    }

    /// What a row holds for an attribute.
    pub(crate) fn stored(&self, place: Place, attr: AttrId) -> Option<Stored> {
        self.table(place.0)?.layout.read(attr, |at| self.word(place, at))
    }

    pub(crate) fn slot(&self, ty: TypeId, attr: AttrId) -> Option<Slot> {
        self.table(ty)?.layout.slot(attr)
    }

    /// What the attribute holds, in the world's own numbers, with its type.
    pub(crate) fn cell(&self, (ty, row): Place, attr: AttrId) -> Option<(Cell<'_>, &Type)> {
        let stored = self.stored((ty, row), attr)?;
        let (_, attribute) = self.data.schema.entity_type(ty)?.attributes.get(attr.index())?;
        let cell = match (stored, self.slot(ty, attr)?) {
            (Stored::Bool(v), _) => Cell::Bool(v),
            (Stored::Long(v), _) => Cell::Long(v),
            (Stored::Number(number), Slot::Number { kind, .. }) => match kind {
                Kind::String => Cell::String(number),
                Kind::Row => Cell::Row(number),
                Kind::Rows => Cell::Rows(self.data.pools.sets.get(number)?),
                Kind::Value => Cell::Value(self.data.pools.values.get(number)?),
            },
            (Stored::Number(_), _) => return None,
        };
        Some((cell, &attribute.ty))
    }

    /// One word of a row as it is stored, 0 for row 0; what a view lays over it is left out.
    #[inline]
    pub(crate) fn stored_word(&self, ty: u16, row: u32, at: u16) -> u32 {
        self.data.tables.get(usize::from(ty)).map_or(0, |table| table.rows.word(row, usize::from(at)))
    }

    /// Whether a row is in the set with this number; nothing is in the set with number 0.
    #[inline]
    pub(crate) fn set_holds(&self, set: u32, row: u32) -> bool {
        /// Up to here a look at every element is faster than a search.
        const FEW: usize = 8;
        match self.data.pools.sets.get(set) {
            Some(rows) if rows.len() <= FEW => rows.contains(&row),
            Some(rows) => rows.binary_search(&row).is_ok(),
            None => false,
        }
    }

    /// Whether this is a world seen through changes that it does not have.
    pub(crate) fn is_overlaid(&self) -> bool {
        self.overlay.is_some()
    }

    /// The places that this world's own changes touch, where it is one seen through changes.
    pub(crate) fn changed(&self) -> impl Iterator<Item = Place> + '_ {
        self.overlay.iter().flat_map(|overlay| overlay.keys().copied())
    }

    /// The number of a string that the data uses, or once did.
    pub(crate) fn string_number(&self, text: &str) -> Option<u32> {
        self.data.strings.find(text)
    }

    /// The number that a string has or will have.
    pub(crate) fn reserve_string(&self, text: &str) -> Option<u32> {
        let _naming = self.data.naming.lock().unwrap_or_else(PoisonError::into_inner);
        self.data.strings.intern(text)
    }

    /// The place that an entity has or will have; `None` for a type that the schema lacks.
    pub(crate) fn reserve_row(&self, uid: &EntityUid) -> Option<Place> {
        let ty = self.data.schema.type_id(uid.type_name())?;
        self.reserve_id(ty, uid.id()).map(|row| (ty, row))
    }

    fn reserve_id(&self, ty: TypeId, id: &str) -> Option<Row> {
        let _naming = self.data.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let table = self.table(ty)?;
        let row = table.names.intern(id)?;
        table.rows.reserve(row);
        Some(Row(row))
    }

    /// The text of a string's number.
    pub(crate) fn text(&self, number: u32) -> &str {
        self.data.strings.text(number)
    }

    /// The entities above this one in the hierarchy, at any distance.
    pub(crate) fn ancestors(&self, place: Place) -> &[Place] {
        self.places(place, |layout| layout.ancestors)
    }

    pub(crate) fn parents(&self, place: Place) -> &[Place] {
        self.places(place, |layout| layout.parents)
    }

    fn places(&self, place: Place, at: impl Fn(&Layout) -> Option<usize>) -> &[Place] {
        let at = self.table(place.0).and_then(|table| at(&table.layout));
        at.and_then(|at| self.data.pools.places.get(self.word(place, at))).map_or(&[], AsRef::as_ref)
    }

    pub(crate) fn tags(&self, place: Place) -> Option<&BTreeMap<Arc<str>, Value>> {
        let at = self.table(place.0)?.layout.tags?;
        self.data.pools.tags_of(self.word(place, at))
    }

    fn materialise(&self, cell: &Cell<'_>, ty: &Type) -> Value {
        match (cell, ty) {
            (Cell::Bool(v), _) => Value::Bool(*v),
            (Cell::Long(v), Type::Datetime) => Value::Datetime(*v),
            (Cell::Long(v), Type::Duration) => Value::Duration(*v),
            (Cell::Long(v), Type::Decimal) => Value::Decimal(*v),
            (Cell::Long(v), _) => Value::Long(*v),
            (Cell::String(n), _) => Value::string(self.text(*n)),
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

/// The type that an attribute refers to, and whether it holds a set of such references.
pub(crate) fn target(schema: &Schema, (ty, attr): (TypeId, AttrId)) -> Option<(TypeId, bool)> {
    let (_, attribute) = schema.entity_type(ty)?.attributes.get(attr.index())?;
    match &attribute.ty {
        Type::Entity(of) => Some((*of, false)),
        Type::Set(element) => match **element {
            Type::Entity(of) => Some((of, true)),
            _ => None,
        },
        _ => None,
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World {{ version: {}, entities: {} }}", self.version(), self.len())
    }
}
