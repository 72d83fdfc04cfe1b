//! The data of a world as rows of the mapped tables.

use std::net::IpAddr;
use std::sync::Arc;

use super::tables::{Field, Held, Kind, Name, Table, Tables};
use super::tree::Constant;
use crate::model::{EntityUid, Ip, TypeId, Value};
use crate::world::{Place, World};

/// The rows of one table.
#[derive(Clone, Debug)]
pub(crate) struct TableRows {
    pub(super) name: Name,
    pub(super) columns: Arc<[(Arc<str>, Kind)]>,
    pub(super) rows: Arc<[Vec<Option<Constant>>]>,
}

/// A table while its rows are gathered.
pub(super) struct Shape {
    pub(super) name: Name,
    /// The columns, whether each may be NULL.
    pub(super) columns: Vec<(Arc<str>, Kind, bool)>,
    /// How many of the columns name a row; 0 where they do not.
    pub(super) key: usize,
    /// The column that a row is looked for by, if it is not the first.
    pub(super) looked_up: Vec<usize>,
}

impl Shape {
    /// Whether an index is on a column.
    pub(super) fn is_indexed(&self, column: &str) -> bool {
        let at = self.columns.iter().position(|(name, ..)| **name == *column);
        at.is_some_and(|at| at < self.key.max(1) || self.looked_up.contains(&at))
    }
}

/// The tables of a type: its own, those of its sets, of its tags and of what it lies in.
pub(super) fn shapes(tables: &Tables, ty: TypeId) -> Vec<Shape> {
    let Some(table) = tables.of(ty) else { return Vec::new() };
    let mut own = Shape { name: table.name.clone(), columns: vec![], key: 1, looked_up: vec![] };
    own.columns.push((table.id.clone(), Kind::Id(ty), false));
    let mut all = Vec::new();
    for (_, field) in &table.attributes {
        add_field(&mut own, &mut all, ty, field, false);
    }
    own.looked_up = (1..own.columns.len())
        .filter(|&at| matches!(own.columns.get(at), Some((_, Kind::Id(_), _))))
        .collect();
    all.insert(0, own);
    if let Some(tags) = &table.tags {
        let key = [(tags.owner.clone(), Kind::Id(ty), false), (tags.tag.clone(), Kind::Text, false)];
        let mut of_tags = Shape { name: tags.join.clone(), columns: key.to_vec(), key: 2, looked_up: vec![] };
        match &tags.value {
            Held::Set { join, element, .. } => {
                let mut values =
                    Shape { name: join.clone(), columns: key.to_vec(), key: 0, looked_up: vec![] };
                add_held(&mut values, &mut Vec::new(), ty, element, false);
                all.push(of_tags);
                all.push(values);
            }
            held => {
                add_held(&mut of_tags, &mut Vec::new(), ty, held, false);
                all.push(of_tags);
            }
        }
    }
    for (above, join) in &table.ancestors {
        all.push(Shape {
            name: join.name.clone(),
            columns: vec![
                (join.owner.clone(), Kind::Id(ty), false),
                (join.value.clone(), Kind::Id(*above), false),
            ],
            key: 2,
            looked_up: vec![1],
        });
    }
    all
}

fn add_field(shape: &mut Shape, others: &mut Vec<Shape>, ty: TypeId, field: &Field, optional: bool) {
    if let Some(present) = &field.present {
        shape.columns.push((present.clone(), Kind::Bool, optional));
    }
    add_held(shape, others, ty, &field.held, optional || !field.required);
}

fn add_held(shape: &mut Shape, others: &mut Vec<Shape>, ty: TypeId, held: &Held, optional: bool) {
    match held {
        Held::Column(column) => shape.columns.push((column.name.clone(), column.kind, optional)),
        Held::Record(fields) => {
            fields.values().for_each(|field| add_field(shape, others, ty, field, optional));
        }
        Held::Set { join, owner, element } => {
            let columns = vec![(owner.clone(), Kind::Id(ty), false)];
            let mut set = Shape { name: join.clone(), columns, key: 0, looked_up: vec![1] };
            add_held(&mut set, &mut Vec::new(), ty, element, false);
            if let Held::Column(_) = **element {
                set.key = 2;
            }
            others.push(set);
        }
        Held::Missing(_) => {}
    }
}

/// The rows of a type's tables.
pub(crate) fn rows_of(world: &World, tables: &Tables, ty: TypeId) -> Vec<TableRows> {
    let (Some(table), Some(entity_type)) = (tables.of(ty), world.schema().entity_type(ty)) else {
        return Vec::new();
    };
    let shapes = shapes(tables, ty);
    let mut gathered = Gathered { shapes: &shapes, rows: shapes.iter().map(|_| Vec::new()).collect() };
    match &entity_type.choices {
        Some(choices) => choices.iter().for_each(|id| gathered.entity(world, table, None, id)),
        None => world.rows(ty).for_each(|row| {
            let place = (ty, row);
            gathered.entity(world, table, Some(place), &world.id(place).into());
        }),
    }
    let rows = gathered.rows;
    shapes
        .iter()
        .zip(rows)
        .map(|(shape, rows)| TableRows {
            name: shape.name.clone(),
            columns: shape.columns.iter().map(|(name, kind, _)| (name.clone(), *kind)).collect(),
            rows: rows.into(),
        })
        .collect()
}

/// The rows of one entity in each of its type's tables; of one that is not in the world, none.
pub(super) fn rows_of_entity(
    world: &World,
    tables: &Tables,
    ty: TypeId,
    entity: &EntityUid,
) -> Vec<Vec<Cells>> {
    let shapes = shapes(tables, ty);
    let mut gathered = Gathered { shapes: &shapes, rows: shapes.iter().map(|_| Vec::new()).collect() };
    if let (Some(table), Some(place)) = (tables.of(ty), world.place(entity)) {
        gathered.entity(world, table, Some(place), &entity.id().into());
    }
    gathered.rows
}

type Cells = Vec<Option<Constant>>;

/// Rows by shape.
struct Gathered<'a> {
    shapes: &'a [Shape],
    rows: Vec<Vec<Cells>>,
}

impl Gathered<'_> {
    fn entity(&mut self, world: &World, table: &Table, place: Option<Place>, id: &Arc<str>) {
        let id = Constant::Text(id.clone());
        let mut cells = vec![Some(id.clone())];
        for (at, (_, field)) in (0u16..).zip(&table.attributes) {
            let value = place.and_then(|(ty, row)| world.value(ty, row, crate::model::AttrId(at)));
            self.field(&mut cells, &id, field, value.as_ref());
        }
        self.push(&table.name, cells);
        let Some(place) = place else { return };
        if let (Some(tags), Some(of)) = (world.tags(place), &table.tags) {
            for (name, value) in tags {
                let key = vec![Some(id.clone()), Some(Constant::Text(name.clone()))];
                let mut cells = key.clone();
                if let (Held::Set { join, element, .. }, Value::Set(all)) = (&of.value, value) {
                    for one in all {
                        let mut cells = key.clone();
                        self.held(&mut cells, &id, element, Some(one));
                        self.push(join, cells);
                    }
                } else {
                    self.held(&mut cells, &id, &of.value, Some(value));
                }
                self.push(&of.join, cells);
            }
        }
        for above in world.ancestors(place) {
            if let Some(join) = table.ancestors.get(&above.0) {
                let cells = vec![Some(id.clone()), Some(Constant::Text(world.id(*above).into()))];
                self.push(&join.name, cells);
            }
        }
    }

    fn field(&mut self, cells: &mut Cells, id: &Constant, field: &Field, value: Option<&Value>) {
        if field.present.is_some() {
            cells.push(Some(Constant::Bool(value.is_some())));
        }
        self.held(cells, id, &field.held, value);
    }

    /// Adds what a value puts into the row at hand, and rows of its own for a set.
    fn held(&mut self, cells: &mut Cells, id: &Constant, held: &Held, value: Option<&Value>) {
        match (held, value) {
            (Held::Column(_), value) => cells.push(value.and_then(constant)),
            (Held::Record(fields), value) => {
                for (name, field) in fields {
                    let value = match value {
                        Some(Value::Record(record)) => record.get(name),
                        _ => None,
                    };
                    self.field(cells, id, field, value);
                }
            }
            (Held::Set { join, element, .. }, Some(Value::Set(all))) => {
                for one in all {
                    let mut cells = vec![Some(id.clone())];
                    self.held(&mut cells, id, element, Some(one));
                    self.push(join, cells);
                }
            }
            (Held::Set { .. } | Held::Missing(_), _) => {}
        }
    }

    fn push(&mut self, name: &Name, cells: Cells) {
        for (shape, rows) in self.shapes.iter().zip(&mut self.rows) {
            if shape.name == *name && shape.columns.len() == cells.len() {
                rows.push(cells);
                return;
            }
        }
    }
}

/// The value of a column.
fn constant(value: &Value) -> Option<Constant> {
    Some(match value {
        Value::Bool(v) => Constant::Bool(*v),
        Value::Long(n) | Value::Decimal(n) | Value::Datetime(n) | Value::Duration(n) => Constant::Long(*n),
        Value::String(text) => Constant::Text(text.clone()),
        Value::Entity(uid) => Constant::Text(EntityUid::id(uid).into()),
        Value::Ip(ip) => Constant::Ip(address(ip).into()),
        Value::Set(_) | Value::Record(_) => return None,
    })
}

/// An address as tables hold it: with its prefix always.
pub(super) fn address(ip: &Ip) -> String {
    match ip.address {
        IpAddr::V4(address) => format!("{address}/{}", ip.prefix),
        IpAddr::V6(address) => format!("{address}/{}", ip.prefix),
    }
}
