//! Which of the user's tables and columns hold what, as the user says it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::object;
use crate::model::{Problem, Schema, Type};

/// Where the user's tables hold what the schema speaks of.
///
/// What it does not name has the place that [the module's page](crate::sql) tells, unless `defaults` is false.
///
/// # Example
/// ```
/// use caseward::sql::{Mapping, Place, TypeMapping};
///
/// let mut mapping = Mapping { foreign_keys: true, ..Mapping::default() };
/// let case = TypeMapping {
///     table: Some("app.cases".into()),
///     attributes: [("student".into(), Place::Column("student_id".into()))].into(),
///     ..TypeMapping::default()
/// };
/// mapping.types.insert("Case".into(), case);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// The database enforces every reference, so that none leads nowhere. Otherwise filters look whether what
    /// they read is there.
    pub foreign_keys: bool,
    /// Columns may be declared to compare texts otherwise than by their bytes: then comparisons say that they are by
    /// bytes, and indices that are not are left unused. For PostgreSQL and SQLite.
    pub collations: bool,
    /// What is not named has its default place; otherwise a policy that reads it is refused.
    pub defaults: bool,
    /// By the name of the entity type.
    #[serde(deserialize_with = "object::map")]
    pub types: BTreeMap<String, TypeMapping>,
}

/// Where the entities of one type are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TypeMapping {
    /// The table, with dots between its parts, as in `app.cases`.
    pub table: Option<String>,
    /// The column with the entity's id.
    pub id: Option<String>,
    /// What the query calls the row that is decided, where it is not the table's name.
    pub alias: Option<String>,
    /// Who knows the facts of these entities.
    pub from: Facts,
    /// By the attribute's name; a field of a record by its path, as in `limits.low`.
    pub attributes: BTreeMap<String, Place>,
    /// Where the tags are.
    #[serde(deserialize_with = "object::option")]
    pub tags: Option<TagPlace>,
    /// Where is held what the entities lie in, at any distance, by the name of the type above.
    #[serde(deserialize_with = "object::map")]
    pub ancestors: BTreeMap<String, AncestorPlace>,
}

impl TypeMapping {
    /// The columns that it names.
    fn columns(&self) -> impl Iterator<Item = &str> {
        let of_attributes = self.attributes.values().flat_map(|place| match place {
            Place::Column(column) => vec![column],
            Place::Set(set) => vec![&set.id, &set.value],
            Place::Typed(typed) => vec![&typed.column],
        });
        let of_tags = self.tags.iter().flat_map(|tags| [&tags.id, &tags.tag, &tags.value]);
        let above = self.ancestors.values().flat_map(|above| [&above.id, &above.ancestor]);
        self.id.iter().chain(of_attributes).chain(of_tags).chain(above).map(String::as_str)
    }
}

impl TypeMapping {
    /// Attributes that are in one column, or in one table of sets.
    fn doubled(
        &self,
        ty: &str,
        id: &str,
        schema: &Schema,
        same: &impl Fn(&str, &str) -> bool,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut told = |problem: String| problems.push(Problem::error(format!("`{ty}`: {problem}")));
        let named: Vec<(&String, &Place)> = self.attributes.iter().collect();
        for (at, (name, place)) in named.iter().enumerate() {
            let others = named.iter().take(at);
            if let Some(column) = place.column() {
                let mut others =
                    others.filter(|(_, other)| other.column().is_some_and(|other| same(other, column)));
                if let Some((other, _)) = others.next() {
                    told(format!("`{other}` and `{name}` are both in the column `{column}`"));
                }
                // The id may be an attribute as well, or name another entity; a number or a date it is not.
                if same(column, id) && !may_be_an_id(schema, ty, name) {
                    told(format!("`{name}` is in the column `{column}`, which holds the ids"));
                }
            } else if let Place::Set(set) = place {
                let is_same = |other: &SetPlace| {
                    same(&other.table, &set.table)
                        && same(&other.id, &set.id)
                        && same(&other.value, &set.value)
                };
                let mut others =
                    others.filter(|(_, other)| matches!(other, Place::Set(other) if is_same(other)));
                if let Some((other, _)) = others.next() {
                    told(format!(
                        "`{other}` and `{name}` are both in the column `{}` of the table `{}`",
                        set.value, set.table
                    ));
                }
                if same(&set.id, &set.value) {
                    told(format!(
                        "`{name}`: whose set it is and what is in it are both in the column `{}`",
                        set.id
                    ));
                }
            }
        }
        if let Some(tags) = &self.tags {
            let mut columns = [("id", &tags.id), ("tag", &tags.tag), ("value", &tags.value)].into_iter();
            while let Some((what, column)) = columns.next() {
                if let Some((other, _)) = columns.clone().find(|(_, other)| same(other, column)) {
                    told(format!("tags: `{what}` and `{other}` are both the column `{column}`"));
                }
            }
        }
        for (above, place) in &self.ancestors {
            if same(&place.id, &place.ancestor) {
                told(format!(
                    "what lies in `{above}`, and in which one, are both in the column `{}`",
                    place.id
                ));
            }
            let others = self.ancestors.iter().take_while(|(other, _)| *other != above);
            let is_same = |other: &AncestorPlace| {
                same(&other.table, &place.table)
                    && same(&other.id, &place.id)
                    && same(&other.ancestor, &place.ancestor)
            };
            if let Some((other, _)) = others.into_iter().find(|(_, other)| is_same(other)) {
                told(format!(
                    "what lies in `{other}` and what lies in `{above}` are both in the column `{}` of the table `{}`",
                    place.ancestor, place.table
                ));
            }
        }
        problems
    }
}

/// Who knows the facts of the entities of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Facts {
    /// The user's tables: a filter reads them when it runs.
    #[default]
    Tables,
    /// The world: a filter is made from them, and holds as long as they stay.
    World,
}

/// Where an attribute is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a place is a column's name, `{ column, as = \"timestamp\" }`, or `{ table, id, value }` for a set"
)]
pub enum Place {
    /// A column of the type's table.
    Column(String),
    /// A set's elements: a table with a row for each.
    #[serde(deserialize_with = "object::one")]
    Set(SetPlace),
    /// A column of another form than the usual one.
    #[serde(deserialize_with = "object::one")]
    Typed(TypedPlace),
}

impl Place {
    /// The column, where it is one.
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            Place::Column(column) => Some(column),
            Place::Typed(typed) => Some(&typed.column),
            Place::Set(_) => None,
        }
    }
}

/// A column that holds an attribute in another form than the usual one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypedPlace {
    /// The column.
    pub column: String,
    /// What it holds.
    #[serde(rename = "as")]
    pub form: Form,
}

/// A form of values in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A `datetime` as the database's own timestamp with time zone, instead of milliseconds.
    Timestamp,
}

/// A table with the elements of a set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPlace {
    /// The table.
    pub table: String,
    /// The column with the id of the entity whose set it is.
    pub id: String,
    /// The column with the element.
    pub value: String,
}

/// Where tags are: a table with a row for each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagPlace {
    /// The table.
    pub table: String,
    /// The column with the entity's id.
    pub id: String,
    /// The column with the tag's name.
    pub tag: String,
    /// The column with its value, where that is not a set.
    pub value: String,
}

/// What entities lie in, at any distance: a table with a row for each pair.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AncestorPlace {
    /// The table.
    pub table: String,
    /// The column with the entity's id.
    pub id: String,
    /// The column with the id of what it lies in.
    pub ancestor: String,
}

impl Default for Mapping {
    fn default() -> Self {
        Mapping { foreign_keys: false, collations: false, defaults: true, types: BTreeMap::new() }
    }
}

impl Mapping {
    /// Reads a mapping from TOML, as [the module's page](crate::sql) tells.
    ///
    /// # Errors
    /// [`Error::is_mapping`](crate::model::Error::is_mapping), with the place in the text.
    pub fn from_toml(text: &str) -> Result<Self, crate::model::Error> {
        toml::from_str(text).map_err(|error| {
            let why = error.message();
            let problem = match error.span() {
                Some(span) => Problem::error(why.to_owned()).at(text, span),
                None => Problem::error(why.to_owned()),
            };
            crate::model::Error::mapping(vec![problem])
        })
    }

    /// What has the place of something else, where both cannot be meant.
    ///
    /// `same` says whether the database takes two names for one. Types whose facts the world knows have no table.
    pub(super) fn doubled(&self, schema: &Schema, same: impl Fn(&str, &str) -> bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut tables: Vec<(&str, &str, &str)> = Vec::new();
        for (ty, of) in &self.types {
            let id = of.id.as_deref().unwrap_or("id");
            if let Some(table) = of.table.as_deref().filter(|_| of.from == Facts::Tables) {
                let other = tables.iter().find(|(_, other, key)| same(other, table) && same(key, id));
                if let Some((other, ..)) = other {
                    problems.push(Problem::error(format!(
                        "`{other}` and `{ty}` are both in the table `{table}`, by the column `{id}`: its rows cannot be \
                         told apart; give each a table or a view of its own"
                    )));
                }
                tables.push((ty, table, id));
            }
            problems.extend(of.doubled(ty, id, schema, &same));
        }
        problems
    }

    /// Names that no database has.
    pub(super) fn bad_names(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (ty, of) in &self.types {
            let mut look = |what: &str, name: &str| {
                if name.is_empty() || name.contains('\0') {
                    problems.push(Problem::error(format!("`{ty}`: `{name}` is no name for {what}")));
                }
            };
            let tables = [of.table.as_deref(), of.tags.as_ref().map(|tags| tags.table.as_str())];
            let of_sets = of.attributes.values().filter_map(|place| match place {
                Place::Set(set) => Some(set.table.as_str()),
                _ => None,
            });
            let above = of.ancestors.values().map(|above| above.table.as_str());
            for table in tables.into_iter().flatten().chain(of_sets).chain(above) {
                table.split('.').for_each(|part| look("a part of a table's name", part));
            }
            of.alias.iter().for_each(|alias| look("what a query calls a row", alias));
            of.columns().for_each(|column| look("a column", column));
        }
        problems
    }
}

/// Whether what an attribute or a field holds may be the entity's own id as well.
fn may_be_an_id(schema: &Schema, ty: &str, path: &str) -> bool {
    let Some(ty) = schema.type_id(ty).and_then(|ty| schema.entity_type(ty)) else { return true };
    let mut names = path.split('.');
    let first = names.next().and_then(|first| ty.attributes.iter().find(|(name, _)| name.as_ref() == first));
    let mut found = first.map(|(_, attribute)| &attribute.ty);
    for name in names {
        found = match found {
            Some(Type::Record(fields)) => fields.get(name).map(|field| &field.ty),
            _ => None,
        };
    }
    // What the schema lacks is told of elsewhere.
    found.is_none_or(|ty| matches!(ty, Type::String | Type::Entity(_)))
}
