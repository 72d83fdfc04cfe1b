//! Tables of one's own that hold a world: what an entity's change makes of them, and the world that they hold.
//!
//! Whoever keeps such tables writes the statements of [`Database::upkeep`] in the transaction that changes the entity,
//! and reads the world with [`Database::read`] when it opens them.
//!
//! INVARIANT: what [`Database::read`] makes of the tables that [`Database::rows`] or [`Database::upkeep`] filled is the
//! world that filled them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::create::Database;
use super::filter::Parameter;
use super::rows::{Shape, rows_of_entity, shapes};
use super::tables::{Field, Held, Kind, Name, Table, Tags};
use crate::model::{EntityType, EntityUid, Error, Ip, Problem, Type, TypeId, Value};
use crate::world::{Changes, World, WorldBuilder};

/// A statement and what is bound to its parameters, in their order; `None` for NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The statement; its text is the same for all entities of a type.
    pub sql: Arc<str>,
    /// What is bound.
    pub params: Vec<Option<Parameter>>,
}

/// What is handed the rows of a query, one after the other.
type Each<'a, E> = &'a mut dyn FnMut(&[Option<Parameter>]) -> Result<(), E>;

/// What runs a query.
type Fetch<'a, E> = &'a mut dyn FnMut(&str, Each<'_, E>) -> Result<(), E>;

/// The statements that keep one table.
pub(super) struct Kept {
    name: Name,
    delete: Arc<str>,
    insert: Arc<str>,
    once: Vec<bool>,
}

impl Database {
    /// What makes the rows of one entity those that `world` has of it: its rows are deleted, and inserted anew where the
    /// entity is in the world. Only tables that hold one of `attributes` are touched, or all where it is `None`.
    ///
    /// Cost: the statements of the tables that are touched; the elements of their sets, one statement each.
    ///
    /// # Errors
    /// [`Error::is_schema`] for a world of another schema; [`Error::is_request`] for a type that the schema lacks.
    pub fn upkeep(
        &self,
        world: &World,
        entity: &EntityUid,
        attributes: Option<&[&str]>,
    ) -> Result<Vec<Statement>, Error> {
        let ty = self.schema.known_type(entity.type_name())?;
        if world.schema().entity_types() != self.schema.entity_types() {
            return Err(Error::schema());
        }
        let table = self.tables.of(ty).ok_or_else(Error::schema)?;
        let id = Some(Parameter::Text(entity.id().into()));
        let mut statements = Vec::new();
        let rows = rows_of_entity(world, &self.tables, ty, entity);
        for (at, kept) in self.kept(ty).iter().enumerate() {
            if attributes.is_some_and(|names| !touches(table, &kept.name, at == 0, names)) {
                continue;
            }
            statements.push(Statement { sql: kept.delete.clone(), params: vec![id.clone()] });
            for row in rows.get(at).into_iter().flatten() {
                let cells = row.iter().zip(&kept.once).filter(|(_, once)| **once);
                let params = cells.map(|(cell, _)| cell.clone().map(Parameter::one)).collect();
                statements.push(Statement { sql: kept.insert.clone(), params });
            }
        }
        Ok(statements)
    }

    /// A query of the ids of all entities of a type that have a given entity, a text or a number as an attribute, or in a
    /// set that is one; its one parameter is that.
    ///
    /// # Errors
    /// [`Error::is_request`] for what the schema lacks, or what no column holds.
    pub fn select_by(&self, resource_type: &str, attribute: &str) -> Result<String, Error> {
        let ty = self.schema.known_type(resource_type)?;
        let table = self.tables.of(ty).ok_or_else(Error::schema)?;
        let field = table.attributes.iter().find(|(name, _)| name.as_ref() == attribute);
        let quoted = |name: &str| self.dialect.quoted(name);
        let (of, id, column) = match field.map(|(_, field)| &field.held) {
            Some(Held::Column(column)) => (&table.name, &table.id, &column.name),
            Some(Held::Set { join, owner, element }) => match element.as_ref() {
                Held::Column(column) => (join, owner, &column.name),
                _ => return Err(Error::request(format!("no column holds `{attribute}`"))),
            },
            _ => return Err(Error::request(format!("no column of `{resource_type}` holds `{attribute}`"))),
        };
        let (id, column, sign) = (quoted(id), quoted(column), self.dialect.sign(1));
        Ok(format!("SELECT {id} FROM {} WHERE {column} = {sign} ORDER BY {id}", self.name(of)))
    }

    fn kept(&self, ty: TypeId) -> &[Kept] {
        let all = self.kept.get_or_init(|| {
            let of = |ty| shapes(&self.tables, ty).iter().map(|shape| self.keeps(shape)).collect();
            self.types().map(of).collect()
        });
        all.get(ty.index()).map_or(&[], Vec::as_slice)
    }

    fn keeps(&self, shape: &Shape) -> Kept {
        let names = || shape.columns.iter().map(|(name, ..)| name.as_ref());
        let kinds: Vec<(Arc<str>, Kind)> =
            shape.columns.iter().map(|(name, kind, _)| (name.clone(), *kind)).collect();
        let owner = shape.columns.first().map_or("", |(name, ..)| name);
        Kept {
            name: shape.name.clone(),
            delete: format!(
                "DELETE FROM {} WHERE {} = {}",
                self.name(&shape.name),
                self.dialect.quoted(owner),
                self.dialect.sign(1)
            )
            .into(),
            insert: self.insert(&shape.name, &kinds).into(),
            once: self.once(names()),
        }
    }

    /// The world that the tables hold. `fetch` runs a query and gives its rows, one after the other, to what it is handed;
    /// Booleans may come as numbers.
    ///
    /// # Errors
    /// What `fetch` and what it is handed report; [`Error::is_data`] for rows that no world can hold, such as a reference
    /// that leads nowhere; [`Error::is_mapping`] where the mapping has no place for something of the schema.
    pub fn read<E: From<Error>>(
        &self,
        mut fetch: impl FnMut(&str, &mut dyn FnMut(&[Option<Parameter>]) -> Result<(), E>) -> Result<(), E>,
    ) -> Result<World, E> {
        let mut builder = WorldBuilder::new(&self.schema);
        for ty in self.types() {
            self.read_type(ty, None, &mut fetch, &mut |whole| {
                builder.add_whole(&whole.uid, whole.attributes, whole.parents, whole.tags);
                Ok(())
            })?;
        }
        builder.finish().map_err(E::from)
    }

    /// What the tables hold of some entities of a type, as a batch that puts each that is there. `ids` is a query of their
    /// ids, all of them texts and none NULL; it may have parameters, which `fetch` binds.
    ///
    /// # Errors
    /// As [`Database::read`]; [`Error::is_request`] for a type that the schema lacks. Whether what an entity refers to is
    /// there is looked at when the batch is applied.
    pub fn read_some<E: From<Error>>(
        &self,
        resource_type: &str,
        ids: &str,
        mut fetch: impl FnMut(&str, &mut dyn FnMut(&[Option<Parameter>]) -> Result<(), E>) -> Result<(), E>,
    ) -> Result<Changes, E> {
        let ty = self.schema.known_type(resource_type).map_err(E::from)?;
        let (mut changes, mut found) = (Changes::new(), HashSet::new());
        self.read_type(ty, Some(ids), &mut fetch, &mut |whole| {
            let Whole { uid, attributes, parents, tags } = whole;
            if !found.insert(uid.clone()) {
                return Err(bad(&format!("there are two rows of {uid}")));
            }
            changes = std::mem::take(&mut changes).put_whole(&uid, attributes, parents, tags);
            Ok(())
        })?;
        Ok(changes)
    }

    /// Gives `take` the entities of a type, or those whose ids a query gives.
    fn read_type<E: From<Error>>(
        &self,
        ty: TypeId,
        ids: Option<&str>,
        fetch: Fetch<'_, E>,
        take: &mut dyn FnMut(Whole<'_>) -> Result<(), Error>,
    ) -> Result<(), E> {
        let (Some(entity_type), Some(table)) = (self.schema.entity_type(ty), self.tables.of(ty)) else {
            return Ok(());
        };
        if entity_type.choices.is_some() {
            return Ok(());
        }
        let shapes = shapes(&self.tables, ty);
        let mut beside: HashMap<Name, Rows> = HashMap::new();
        for shape in shapes.iter().skip(1) {
            let mut rows = Rows::default();
            fetch(&self.select_rows(shape, ids), &mut |row| rows.take(row).map_err(E::from))?;
            beside.insert(shape.name.clone(), rows);
        }
        let Some(own) = shapes.first() else { return Ok(()) };
        let reading = Reading { database: self, entity_type, table, beside: &beside };
        fetch(&self.select_rows(own, ids), &mut |row| {
            reading.entity(row).and_then(&mut *take).map_err(E::from)
        })
    }

    /// A query of all rows of a table, or those of some entities, in the order of the entities that they are of.
    fn select_rows(&self, shape: &Shape, ids: Option<&str>) -> String {
        let cell =
            |(name, kind, _): &(Arc<str>, Kind, bool)| self.dialect.cell(&self.dialect.quoted(name), *kind);
        let columns: Vec<String> = shape.columns.iter().map(cell).collect();
        let owner = self.dialect.quoted(shape.columns.first().map_or("", |(name, ..)| name));
        let of = ids.map_or(String::new(), |ids| format!(" WHERE {owner} IN ({ids})"));
        format!("SELECT {} FROM {}{of} ORDER BY {owner}", columns.join(", "), self.name(&shape.name))
    }
}

/// Whether a table holds one of the attributes.
fn touches(table: &Table, name: &Name, is_own: bool, attributes: &[&str]) -> bool {
    let named = table.attributes.iter().filter(|(attribute, _)| attributes.contains(&attribute.as_ref()));
    named.map(|(_, field)| field).any(|field| field_touches(field, name, is_own))
}

fn field_touches(field: &Field, name: &Name, is_own: bool) -> bool {
    (is_own && field.present.is_some())
        || match &field.held {
            Held::Column(_) => is_own,
            Held::Record(fields) => fields.values().any(|field| field_touches(field, name, is_own)),
            Held::Set { join, .. } => join == name,
            Held::Missing(_) => false,
        }
}

/// The rows of a table beside that of the entities, by the entity.
#[derive(Default)]
struct Rows(HashMap<Arc<str>, Vec<Vec<Option<Parameter>>>>);

impl Rows {
    fn take(&mut self, row: &[Option<Parameter>]) -> Result<(), Error> {
        let Some((Some(Parameter::Text(owner)), rest)) = row.split_first() else {
            return Err(bad("a row does not say whose it is"));
        };
        self.0.entry(owner.clone()).or_default().push(rest.to_vec());
        Ok(())
    }

    fn of(&self, id: &str) -> &[Vec<Option<Parameter>>] {
        self.0.get(id).map_or(&[], Vec::as_slice)
    }
}

/// The entities of one type, as they are read.
struct Reading<'a> {
    database: &'a Database,
    entity_type: &'a EntityType,
    table: &'a Table,
    beside: &'a HashMap<Name, Rows>,
}

/// An entity, as it was read.
struct Whole<'a> {
    uid: EntityUid,
    attributes: Vec<(&'a str, Value)>,
    parents: Vec<EntityUid>,
    tags: BTreeMap<Arc<str>, Value>,
}

/// Cells of a row that were not read yet.
type Cells<'a> = std::slice::Iter<'a, Option<Parameter>>;

impl Reading<'_> {
    fn entity(&self, row: &[Option<Parameter>]) -> Result<Whole<'_>, Error> {
        let mut cells = row.iter();
        let Some(Some(Parameter::Text(id))) = cells.next() else {
            return Err(bad(&format!("a row of `{}` has no id", self.entity_type.name)));
        };
        let uid = EntityUid::new(self.entity_type.name.clone(), id.clone());
        let mut attributes = Vec::new();
        for ((name, field), (_, declared)) in self.table.attributes.iter().zip(&self.entity_type.attributes) {
            let value =
                self.field(id, field, &declared.ty, &mut cells).map_err(|why| of(&uid, name, &why))?;
            attributes.extend(value.map(|value| (name.as_ref(), value)));
        }
        let tags = match &self.table.tags {
            Some(tags) => self.tags(id, tags).map_err(|why| of(&uid, "tags", &why))?,
            None => BTreeMap::new(),
        };
        let schema = &self.database.schema;
        let parents = self.table.ancestors.iter().flat_map(|(above, join)| {
            let rows = self.beside.get(&join.name).map_or(&[][..], |rows| rows.of(id));
            let name = schema.entity_type(*above).map(|ty| ty.name.clone());
            rows.iter().filter_map(move |row| match (row.first(), &name) {
                (Some(Some(Parameter::Text(id))), Some(name)) => {
                    Some(EntityUid::new(name.clone(), id.clone()))
                }
                _ => None,
            })
        });
        Ok(Whole { attributes, parents: parents.collect(), tags, uid })
    }

    fn tags(&self, id: &Arc<str>, tags: &Tags) -> Result<BTreeMap<Arc<str>, Value>, String> {
        let Some(of) = &self.entity_type.tags else { return Ok(BTreeMap::new()) };
        let rows = self.beside.get(&tags.join).map_or(&[][..], |rows| rows.of(id));
        let mut all = BTreeMap::new();
        for row in rows {
            let mut cells = row.iter();
            let Some(Some(Parameter::Text(name))) = cells.next() else {
                return Err("a row does not say which tag it is".to_owned());
            };
            let value = match (&tags.value, of) {
                (Held::Set { join, element, .. }, Type::Set(ty)) => {
                    let rows = self.beside.get(join).map_or(&[][..], |rows| rows.of(id));
                    let is_it = |row: &&Vec<Option<Parameter>>| matches!(row.first(), Some(Some(Parameter::Text(tag))) if tag == name);
                    let each = |row: &Vec<Option<Parameter>>| {
                        self.element(element, ty, row.get(1..).unwrap_or_default())
                    };
                    Some(Value::set(rows.iter().filter(is_it).map(each).collect::<Result<Vec<_>, _>>()?))
                }
                (held, ty) => self.held(id, held, ty, &mut cells)?,
            };
            let value = value.ok_or_else(|| format!("the tag `{name}` has no value"))?;
            all.insert(name.clone(), value);
        }
        Ok(all)
    }

    fn field(
        &self,
        id: &Arc<str>,
        field: &Field,
        ty: &Type,
        cells: &mut Cells<'_>,
    ) -> Result<Option<Value>, String> {
        let is_there = match &field.present {
            Some(_) => truth(cells.next().and_then(Option::as_ref))?.unwrap_or(false),
            None => true,
        };
        let value = self.held(id, &field.held, ty, cells)?;
        Ok(value.filter(|_| is_there))
    }

    fn held(
        &self,
        id: &Arc<str>,
        held: &Held,
        ty: &Type,
        cells: &mut Cells<'_>,
    ) -> Result<Option<Value>, String> {
        match (held, ty) {
            (Held::Column(column), ty) => cells
                .next()
                .and_then(Option::as_ref)
                .map(|cell| self.value(column.kind, ty, cell))
                .transpose(),
            (Held::Record(fields), Type::Record(types)) => {
                let mut record = BTreeMap::new();
                for ((name, field), declared) in fields.iter().zip(types.values()) {
                    let value = self.field(id, field, &declared.ty, cells)?;
                    record.extend(value.map(|value| (name.clone(), value)));
                }
                Ok(Some(Value::Record(record)))
            }
            (Held::Set { join, element, .. }, Type::Set(of)) => {
                let rows = self.beside.get(join).map_or(&[][..], |rows| rows.of(id));
                let all = rows.iter().map(|row| self.element(element, of, row));
                Ok(Some(Value::set(all.collect::<Result<Vec<_>, _>>()?)))
            }
            (Held::Missing(why), _) => Err(why.to_string()),
            _ => Err("the table does not fit the schema".to_owned()),
        }
    }

    fn element(&self, held: &Held, ty: &Type, row: &[Option<Parameter>]) -> Result<Value, String> {
        // No table beside a table is read for an element.
        let value = self.held(&"".into(), held, ty, &mut row.iter())?;
        value.ok_or_else(|| "an element is NULL".to_owned())
    }

    fn value(&self, kind: Kind, ty: &Type, cell: &Parameter) -> Result<Value, String> {
        Ok(match (kind, ty, cell) {
            (Kind::Bool, _, cell) => Value::Bool(truth(Some(cell))?.unwrap_or(false)),
            (Kind::Long | Kind::Timestamp, Type::Datetime, Parameter::Bigint(n)) => Value::Datetime(*n),
            (Kind::Long, Type::Duration, Parameter::Bigint(n)) => Value::Duration(*n),
            (Kind::Long, Type::Decimal, Parameter::Bigint(n)) => Value::Decimal(*n),
            (Kind::Long, _, Parameter::Bigint(n)) => Value::Long(*n),
            (Kind::Text, _, Parameter::Text(text)) => Value::String(text.clone()),
            (Kind::Id(of), _, Parameter::Text(id)) => {
                let name = self.database.schema.entity_type(of).map(|ty| ty.name.clone());
                Value::Entity(EntityUid::new(name.unwrap_or_default(), id.clone()))
            }
            (Kind::Ip, _, Parameter::Text(text)) => {
                Value::Ip(ip(text).ok_or_else(|| format!("`{text}` is no address"))?)
            }
            _ => return Err("a value is of another type than the schema says".to_owned()),
        })
    }
}

/// An address as tables hold it, with its prefix.
fn ip(text: &str) -> Option<Ip> {
    let (address, prefix) = text.split_once('/')?;
    Some(Ip { address: address.parse().ok()?, prefix: prefix.parse().ok()? })
}

/// A Boolean, as databases have it.
fn truth(cell: Option<&Parameter>) -> Result<Option<bool>, String> {
    match cell {
        None => Ok(None),
        Some(Parameter::Boolean(is)) => Ok(Some(*is)),
        Some(Parameter::Bigint(n @ (0 | 1))) => Ok(Some(*n == 1)),
        Some(_) => Err("a Boolean is neither true nor false".to_owned()),
    }
}

fn of(uid: &EntityUid, name: &str, why: &str) -> Error {
    bad(&format!("`{name}` of {uid}: {why}"))
}

fn bad(why: &str) -> Error {
    Error::data(vec![Problem::error(why.to_owned())])
}
