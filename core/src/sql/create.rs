//! A database: a dialect and a mapping; its tables, and how a world fills them.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use super::dialect::Dialect;
use super::filter::Parameter;
use super::keep::Kept;
use super::mapping::Mapping;
use super::rows::{Shape, rows_of, shapes};
use super::tables::{Kind, Name, Tables};
use super::tree::Constant;
use crate::model::{Error, Problem, Schema, TypeId};
use crate::world::World;

/// A user's database, as filters need to know it: whose SQL it speaks and what its tables hold.
pub struct Database {
    pub(super) schema: Arc<Schema>,
    pub(super) tables: Tables,
    pub(super) dialect: Dialect,
    /// The statements that keep the tables of each type, once they are asked for.
    pub(super) kept: OnceLock<Vec<Vec<Kept>>>,
}

/// What a world puts into one table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TableRows {
    /// A statement that adds a row, its parameters the row's values; NULL for those that are absent.
    pub insert: String,
    /// A query of what each row of the table is of, and how many rows it has: the first of a row's values, as often as it
    /// stands first.
    #[serde(skip)]
    pub owners: String,
    /// The rows.
    pub rows: Vec<Vec<Option<Parameter>>>,
}

impl Database {
    /// A database for a schema.
    ///
    /// # Errors
    /// [`Error::is_mapping`], with every problem: types, attributes or fields that the schema lacks, columns that
    /// cannot hold what is said to be in them.
    pub fn new(schema: &Arc<Schema>, mapping: &Mapping, dialect: Dialect) -> Result<Self, Error> {
        if mapping.collations && !matches!(dialect, Dialect::Postgres | Dialect::Sqlite) {
            let why = format!("`collations` is for postgres and sqlite, and this is {dialect}");
            return Err(Error::mapping(vec![Problem::error(why)]));
        }
        let tables = Tables::new(schema, mapping, dialect)?;
        Ok(Database { schema: schema.clone(), tables, dialect, kept: OnceLock::new() })
    }

    /// Whose SQL it speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The statements that make the mapped tables, with indices on all that filters look things up by.
    pub fn create(&self) -> Vec<String> {
        let (mut tables, mut indices) = (Vec::new(), Vec::new());
        for shape in self.types().flat_map(|ty| shapes(&self.tables, ty)) {
            tables.push(self.create_table(&shape));
            if self.dialect != Dialect::Spark {
                indices.extend(self.create_indices(&shape));
            }
        }
        tables.extend(indices);
        tables
    }

    /// A query of the ids of all entities of a type, to which ` WHERE ` and a filter can be added.
    ///
    /// # Errors
    /// [`Error::is_request`] for a type that the schema lacks.
    pub fn select(&self, resource_type: &str) -> Result<String, Error> {
        let ty = self.schema.known_type(resource_type)?;
        let table = self.tables.of(ty).ok_or_else(Error::schema)?;
        let name = self.name(&table.name);
        let row = table.alias.as_ref().or(table.name.last()).map_or("", AsRef::as_ref);
        let row = self.dialect.quoted(row);
        let alias = if table.alias.is_some() { format!(" AS {row}") } else { String::new() };
        Ok(format!("SELECT {row}.{} FROM {name}{alias}", self.dialect.quoted(&table.id)))
    }

    /// What the world puts into the tables.
    ///
    /// Cost: every row is copied, text and all.
    pub fn rows(&self, world: &World) -> impl Iterator<Item = TableRows> {
        let of_world = |ty: &TypeId| self.tables.of(*ty).is_some_and(|table| table.from_world);
        let types: Vec<TypeId> = self.types().filter(|ty| !of_world(ty)).collect();
        types.into_iter().flat_map(move |ty| rows_of(world, &self.tables, ty)).map(|table| {
            let once = self.once(table.columns.iter().map(|(name, _)| name.as_ref()));
            let insert = self.insert(&table.name, &table.columns);
            let cells = |row: &Vec<Option<Constant>>| {
                kept(row, &once).cloned().map(|cell| cell.map(Parameter::one)).collect()
            };
            let owner = table.columns.first().map_or(String::new(), |(name, _)| self.dialect.quoted(name));
            let owners = format!("SELECT {owner}, COUNT(*) FROM {} GROUP BY {owner}", self.name(&table.name));
            TableRows { insert, owners, rows: table.rows.iter().map(cells).collect() }
        })
    }

    /// The statement that adds a row.
    pub(super) fn insert(&self, name: &Name, columns: &[(Arc<str>, Kind)]) -> String {
        let once = self.once(columns.iter().map(|(name, _)| name.as_ref()));
        let columns: Vec<&(Arc<str>, Kind)> = kept(columns, &once).collect();
        let names: Vec<String> = columns.iter().map(|(name, _)| self.dialect.quoted(name)).collect();
        let sign = |(n, (_, kind)): (usize, &&(Arc<str>, Kind))| self.cell_sign(n + 1, *kind);
        let signs: Vec<String> = columns.iter().enumerate().map(sign).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name(name), names.join(", "), signs.join(", "))
    }

    /// Which columns are the first of their name: an id may be an attribute as well.
    pub(super) fn once<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<bool> {
        let mut seen: Vec<&str> = Vec::new();
        let is_new = |name: &'a str| {
            let is_new = !seen.iter().any(|known| self.dialect.is_same_name(known, name));
            seen.push(name);
            is_new
        };
        names.map(is_new).collect()
    }

    /// A parameter that is stored in a column.
    fn cell_sign(&self, number: usize, kind: Kind) -> String {
        let sign = self.dialect.sign(number);
        match (self.dialect, kind) {
            (Dialect::Postgres, Kind::Ip) => format!("{sign}::text::inet"),
            (Dialect::Postgres, Kind::Timestamp) => {
                format!(
                    "to_timestamp({sign}::bigint / 1000) + {sign}::bigint % 1000 * interval '1 millisecond'"
                )
            }
            (Dialect::DuckDb, Kind::Timestamp) => format!("make_timestamptz({sign}::BIGINT * 1000)"),
            (Dialect::Spark, Kind::Timestamp) => format!("timestamp_millis({sign})"),
            _ => sign,
        }
    }

    pub(super) fn types(&self) -> impl Iterator<Item = TypeId> + use<> {
        (0u16..).map(TypeId).take(self.schema.entity_types().len())
    }

    pub(super) fn name(&self, name: &Name) -> String {
        name.iter().map(|part| self.dialect.quoted(part)).collect::<Vec<_>>().join(".")
    }

    fn create_table(&self, shape: &Shape) -> String {
        let mut text = format!("CREATE TABLE {} (", self.name(&shape.name));
        let once = self.once(shape.columns.iter().map(|(name, ..)| name.as_ref()));
        for (at, (name, kind, optional)) in kept(&shape.columns, &once).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let null = if *optional { "" } else { " NOT NULL" };
            let ty = match shape.is_indexed(name) {
                true => self.dialect.key_type(*kind),
                false => self.dialect.type_name(*kind),
            };
            let _ = write!(text, "{comma}\n  {} {ty}{null}", self.dialect.quoted(name));
        }
        if shape.key > 0 && self.dialect != Dialect::Spark {
            let key: Vec<String> =
                shape.columns.iter().take(shape.key).map(|(name, ..)| self.dialect.quoted(name)).collect();
            let _ = write!(text, ",\n  PRIMARY KEY ({})", key.join(", "));
        }
        text.push_str("\n)");
        text
    }

    fn create_indices(&self, shape: &Shape) -> Vec<String> {
        let name = |at: usize| shape.columns.get(at).map(|(name, ..)| name.clone());
        let table: &str = shape.name.last().map_or("", AsRef::as_ref);
        let mut all = Vec::new();
        let is_own = shape.key == 1;
        let mut index = |columns: &[Arc<str>]| {
            let quoted: Vec<String> = columns.iter().map(|name| self.dialect.quoted(name)).collect();
            let name = self.dialect.quoted(&format!("{table}_by_{}", columns.join("_")));
            all.push(format!("CREATE INDEX {name} ON {} ({})", self.name(&shape.name), quoted.join(", ")));
        };
        if shape.key == 0
            && let Some(owner) = name(0)
        {
            index(&[owner]);
        }
        for &at in &shape.looked_up {
            match (name(at), name(0)) {
                (Some(column), Some(owner)) if !is_own && shape.columns.len() == 2 => index(&[column, owner]),
                (Some(column), _) => index(&[column]),
                _ => {}
            }
        }
        all
    }
}

fn kept<'a, T>(all: &'a [T], keep: &'a [bool]) -> impl Iterator<Item = &'a T> {
    all.iter().zip(keep).filter(|(_, keep)| **keep).map(|(one, _)| one)
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database {{ dialect: {}, tables: {} }}", self.dialect, self.tables.types.len())
    }
}
