//! The user's tables, resolved: a place for each attribute, or why it has none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::dialect::Dialect;
use super::mapping::{Facts, Form, Mapping, Place, TypeMapping};
use super::names::{Names, snake};
use crate::model::{AttrId, Attribute, EntityType, Error, Problem, Schema, Type, TypeId};

/// A table's name, in parts.
pub(super) type Name = Arc<[Arc<str>]>;

/// Every type's place.
pub(crate) struct Tables {
    pub(super) types: Vec<Table>,
    pub(super) foreign_keys: bool,
    pub(super) collations: bool,
}

/// Where the entities of a type are.
pub(super) struct Table {
    pub(super) name: Name,
    pub(super) id: Arc<str>,
    /// What a query calls the row that is decided.
    pub(super) alias: Option<Arc<str>>,
    pub(super) from_world: bool,
    /// By attribute.
    pub(super) attributes: Vec<(Arc<str>, Field)>,
    pub(super) tags: Option<Tags>,
    /// By the type above.
    pub(super) ancestors: BTreeMap<TypeId, Join>,
}

/// An attribute or a field of a record, and whether it is always there.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) held: Held,
    pub(super) required: bool,
    /// For an optional set or record: a column that says whether it is there.
    pub(super) present: Option<Arc<str>>,
}

/// Where a value is.
#[derive(Clone)]
pub(super) enum Held {
    Column(Column),
    /// Its fields, each in columns or tables of its own.
    Record(BTreeMap<Arc<str>, Field>),
    /// A row for each element.
    Set {
        join: Name,
        owner: Arc<str>,
        element: Box<Held>,
    },
    /// Nowhere.
    Missing(Arc<str>),
}

/// A column with a value that is neither set nor record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Column {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Bool,
    /// A `Long`; a `decimal` in ten-thousandths; a `datetime` or `duration` in milliseconds.
    Long,
    Text,
    /// An entity's id.
    Id(TypeId),
    Ip,
    /// A `datetime` as the database's own timestamp.
    Timestamp,
}

/// A table with a row for each tag, and one for each element of a tag that is a set.
pub(super) struct Tags {
    pub(super) join: Name,
    pub(super) owner: Arc<str>,
    pub(super) tag: Arc<str>,
    pub(super) value: Held,
}

/// A table of pairs.
pub(super) struct Join {
    pub(super) name: Name,
    pub(super) owner: Arc<str>,
    pub(super) value: Arc<str>,
}

impl Tables {
    pub(crate) fn new(schema: &Schema, mapping: &Mapping, dialect: Dialect) -> Result<Self, Error> {
        let mut problems = mapping.bad_names();
        problems.extend(mapping.doubled(schema, |a, b| dialect.is_same_name(a, b)));
        for name in mapping.types.keys() {
            if let Err(unknown) = schema.known_type(name) {
                problems.push(Problem::error(unknown.to_string()));
            }
        }
        let mut names = Names::default();
        // Those that the mapping names keep their names.
        mapping.types.values().filter_map(|ty| ty.table.as_deref()).for_each(|name| names.take(name));
        let standard = TypeMapping::default();
        let mut types = Vec::new();
        for ty in schema.entity_types() {
            let given = mapping.types.get(ty.name.as_ref()).unwrap_or(&standard);
            let mut resolving = Resolving {
                schema,
                given,
                defaults: mapping.defaults,
                timestamps: dialect.has_timestamps(),
                names: &mut names,
                columns: Names::default(),
                used: BTreeSet::new(),
                problems: &mut problems,
            };
            types.push(resolving.table(ty));
        }
        if problems.is_empty() {
            Ok(Tables { types, foreign_keys: mapping.foreign_keys, collations: mapping.collations })
        } else {
            Err(Error::mapping(problems))
        }
    }

    pub(super) fn of(&self, ty: TypeId) -> Option<&Table> {
        self.types.get(ty.index())
    }

    pub(super) fn attribute(&self, ty: TypeId, attr: AttrId) -> Option<&Field> {
        self.of(ty)?.attributes.get(attr.index()).map(|(_, field)| field)
    }
}

/// One type's places, being looked for.
struct Resolving<'a> {
    schema: &'a Schema,
    given: &'a TypeMapping,
    defaults: bool,
    /// Whether the database has a type for them.
    timestamps: bool,
    /// Tables that have a name.
    names: &'a mut Names,
    /// Columns that have one.
    columns: Names,
    /// Attributes that the mapping names and the schema has.
    used: BTreeSet<String>,
    problems: &'a mut Vec<Problem>,
}

impl Resolving<'_> {
    fn table(&mut self, ty: &EntityType) -> Table {
        let given = self.given;
        let name = match &given.table {
            Some(name) => name.clone(),
            None => self.names.new_name(&snake(&ty.name)),
        };
        // `x_id`, in the tables beside it.
        let stem = name.rsplit('.').next().unwrap_or(&name).to_owned();
        let owner = format!("{stem}_id");
        let id = given.id.clone().unwrap_or_else(|| "id".into());
        self.columns.take(&id);
        for place in given.attributes.values() {
            place.column().into_iter().for_each(|column| self.columns.take(column));
        }
        let mut attributes = Vec::new();
        for (attribute, declared) in &ty.attributes {
            let path = Path { shown: attribute.to_string(), snake: snake(attribute) };
            let field = self.field(&ty.name, &path, declared, (&name, &owner));
            attributes.push((attribute.clone(), field));
        }
        for unknown in given.attributes.keys().filter(|path| !self.used.contains(*path)) {
            let known = ty.attributes.iter().map(|(name, _)| name.as_ref());
            let hint = crate::model::suggest::hint(unknown, known);
            self.problems.push(Problem::error(format!(
                "`{}` has no attribute or field `{unknown}` that a column or table can hold{hint}",
                ty.name
            )));
        }
        let tags = ty.tags.as_ref().map(|of| self.tags(of, &name, &owner));
        if ty.tags.is_none() && given.tags.is_some() {
            self.problems.push(Problem::error(format!("`{}` has no tags", ty.name)));
        }
        let ancestors = self.ancestors(ty, &name, &owner);
        Table {
            name: parts(&name),
            id: id.into(),
            alias: given.alias.as_deref().map(Arc::from),
            from_world: given.from == Facts::World,
            attributes,
            tags,
            ancestors,
        }
    }

    fn field(&mut self, of: &str, path: &Path, declared: &Attribute, (table, owner): (&str, &str)) -> Field {
        let given = self.given.attributes.get(&path.shown);
        if given.is_some() {
            self.used.insert(path.shown.clone());
        }
        let held = match (&declared.ty, given) {
            (Type::Record(fields), None) => {
                let fields = fields.iter().map(|(name, field)| {
                    let path = Path {
                        shown: format!("{}.{name}", path.shown),
                        snake: format!("{}_{}", path.snake, snake(name)),
                    };
                    (name.clone(), self.field(of, &path, field, (table, owner)))
                });
                Held::Record(fields.collect())
            }
            (Type::Set(element), None) if self.defaults => {
                let join = self.names.new_name(&format!("{table}_{}", path.snake));
                set(&join, owner, self.element(element, "value"))
            }
            (Type::Set(element), Some(Place::Set(place))) => {
                set(&place.table, &place.id, self.element(element, &place.value))
            }
            (Type::Set(_) | Type::Record(_), Some(_)) | (_, Some(Place::Set(_))) => {
                let shown = self.schema.show(&declared.ty);
                let problem = format!("`{}` of `{of}` is a {shown}, which is not held so", path.shown);
                self.problems.push(Problem::error(problem));
                Held::Missing("it has no place".into())
            }
            (_, None) if !self.defaults => {
                Held::Missing(format!("the mapping has no column for `{}` of `{of}`", path.shown).into())
            }
            (Type::Set(_), None) => {
                Held::Missing(format!("the mapping has no table for `{}` of `{of}`", path.shown).into())
            }
            (ty, given) => self.column(of, path, ty, given),
        };
        let is_compound = matches!(declared.ty, Type::Set(_) | Type::Record(_));
        let present = (is_compound && !declared.required).then(|| {
            let name = self.columns.new_name(&format!("has_{}", path.snake));
            Arc::from(name.as_str())
        });
        Field { held, required: declared.required, present }
    }

    fn column(&mut self, of: &str, path: &Path, ty: &Type, given: Option<&Place>) -> Held {
        let mut kind = kind(ty);
        let name = match given {
            Some(Place::Column(name)) => name.clone(),
            Some(Place::Typed(typed)) => {
                match (typed.form, ty) {
                    (Form::Timestamp, Type::Datetime) if self.timestamps => kind = Some(Kind::Timestamp),
                    (Form::Timestamp, Type::Datetime) => self.problems.push(Problem::error(format!(
                        "`{}` of `{of}` is to be a timestamp, and this database has no type for them",
                        path.shown
                    ))),
                    (Form::Timestamp, _) => self.problems.push(Problem::error(format!(
                        "`{}` of `{of}` is a {}, which no timestamp holds",
                        path.shown,
                        self.schema.show(ty)
                    ))),
                }
                typed.column.clone()
            }
            _ => self.columns.new_name(&path.snake),
        };
        match kind {
            Some(kind) => Held::Column(Column { name: name.into(), kind }),
            None => Held::Missing("it has no place".into()),
        }
    }

    /// Where the elements of a set are, in their table.
    fn element(&self, ty: &Type, name: &str) -> Held {
        match ty {
            Type::Set(_) => Held::Missing("a set of sets has no table".into()),
            Type::Record(fields) => {
                let fields = fields.iter().map(|(field, declared)| {
                    let column = format!("{name}_{}", snake(field));
                    let is_record = matches!(declared.ty, Type::Record(_));
                    let present =
                        (is_record && !declared.required).then(|| Arc::from(format!("has_{column}")));
                    let held = self.element(&declared.ty, &column);
                    (field.clone(), Field { held, required: declared.required, present })
                });
                Held::Record(fields.collect())
            }
            _ => match kind(ty) {
                Some(kind) => Held::Column(Column { name: name.into(), kind }),
                None => Held::Missing("it has no place".into()),
            },
        }
    }

    fn tags(&mut self, of: &Type, table: &str, owner: &str) -> Tags {
        let (join, owner, tag, value): (String, &str, &str, &str) = match &self.given.tags {
            Some(place) => (place.table.clone(), &place.id, &place.tag, &place.value),
            None => (self.names.new_name(&format!("{table}_tags")), owner, "tag", "value"),
        };
        let value = match of {
            _ if !self.defaults && self.given.tags.is_none() => {
                Held::Missing("the mapping has no table for tags".into())
            }
            Type::Set(element) => {
                let join = self.names.new_name(&format!("{join}_values"));
                set(&join, owner, self.element(element, value))
            }
            _ => self.element(of, value),
        };
        Tags { join: parts(&join), owner: owner.into(), tag: tag.into(), value }
    }

    fn ancestors(&mut self, ty: &EntityType, table: &str, owner: &str) -> BTreeMap<TypeId, Join> {
        let mut ancestors = BTreeMap::new();
        for &above in &ty.ancestors {
            let Some(name) = self.schema.entity_type(above).map(|ty| ty.name.clone()) else { continue };
            let join = match self.given.ancestors.get(name.as_ref()) {
                Some(place) => Join {
                    name: parts(&place.table),
                    owner: place.id.as_str().into(),
                    value: place.ancestor.as_str().into(),
                },
                None if self.defaults => Join {
                    name: parts(&self.names.new_name(&format!("{table}_in_{}", snake(&name)))),
                    owner: owner.into(),
                    value: "ancestor_id".into(),
                },
                None => continue,
            };
            ancestors.insert(above, join);
        }
        for name in self.given.ancestors.keys() {
            let above = self.schema.type_id(name);
            if !above.is_some_and(|above| ty.ancestors.contains(&above)) {
                let problem = format!("no entity of type `{}` lies in one of type `{name}`", ty.name);
                self.problems.push(Problem::error(problem));
            }
        }
        ancestors
    }
}

/// An attribute or a field of a record, as messages and as names show it.
struct Path {
    shown: String,
    snake: String,
}

/// What a column of the type holds; `None` for a set or a record.
fn kind(ty: &Type) -> Option<Kind> {
    Some(match ty {
        Type::Bool => Kind::Bool,
        Type::Long | Type::Decimal | Type::Datetime | Type::Duration => Kind::Long,
        Type::String => Kind::Text,
        Type::Entity(of) => Kind::Id(*of),
        Type::Ip => Kind::Ip,
        Type::Set(_) | Type::Record(_) => return None,
    })
}

/// A set in a table, where that can hold all of an element.
fn set(join: &str, owner: &str, element: Held) -> Held {
    match element.missing() {
        Some(why) => Held::Missing(why.clone()),
        None => Held::Set { join: parts(join), owner: owner.into(), element: Box::new(element) },
    }
}

impl Held {
    /// Why some part of it has no place.
    fn missing(&self) -> Option<&Arc<str>> {
        match self {
            Held::Missing(why) => Some(why),
            Held::Record(fields) => fields.values().find_map(|field| field.held.missing()),
            Held::Column(_) | Held::Set { .. } => None,
        }
    }
}

/// The parts of a table's name.
fn parts(name: &str) -> Name {
    name.split('.').map(Arc::from).collect()
}
