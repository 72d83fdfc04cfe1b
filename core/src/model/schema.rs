//! The schema in this crate's own terms: which entities, attributes and actions there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

#[cfg(any(feature = "author", feature = "testing"))]
use crate::model::Value;
use crate::model::suggest::hint;
use crate::model::{EntityUid, Error};

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `Bool`
    Bool,
    /// `Long`
    Long,
    /// `String`
    String,
    /// A reference to an entity of the type with this index in [`Schema::entity_types`].
    Entity(TypeId),
    /// `Set<…>`
    Set(Box<Type>),
    /// A record, its fields by name.
    Record(Arc<BTreeMap<Arc<str>, Attribute>>),
    /// `decimal`
    Decimal,
    /// `ipaddr`
    Ip,
    /// `datetime`
    Datetime,
    /// `duration`
    Duration,
}

#[cfg(any(feature = "author", feature = "testing"))]
impl Type {
    /// Whether a value that a policy may write out is of this type: a text, a number or an extension's value.
    pub(crate) fn has_literal(&self, value: &Value) -> bool {
        matches!(
            (value, self),
            (Value::String(_), Type::String)
                | (Value::Long(_), Type::Long)
                | (Value::Datetime(_), Type::Datetime)
                | (Value::Duration(_), Type::Duration)
                | (Value::Decimal(_), Type::Decimal)
                | (Value::Ip(_), Type::Ip)
        )
    }
}

/// The place of an entity type in [`Schema::entity_types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub(crate) u16);

impl TypeId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The place of an attribute in [`EntityType::attributes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttrId(pub(crate) u16);

impl AttrId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// An attribute of an entity type, or a field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// What it holds.
    pub ty: Type,
    /// Whether every entity or record of the type has it.
    pub required: bool,
}

/// An entity type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityType {
    /// The name, with its namespace.
    pub name: Arc<str>,
    /// The attributes by name, in the order of their names.
    pub attributes: Vec<(Arc<str>, Attribute)>,
    /// The type of the tags, where the type has tags.
    pub tags: Option<Type>,
    /// The types that an entity of this type can lie in, directly or through others.
    pub ancestors: Vec<TypeId>,
    /// For an enumerated type, every id there is. Such entities exist without being loaded.
    pub choices: Option<Vec<Arc<str>>>,
}

impl EntityType {
    /// The attribute called `name`.
    pub fn attribute(&self, name: &str) -> Option<(AttrId, &Attribute)> {
        let at = self.attributes.binary_search_by(|(n, _)| n.as_ref().cmp(name)).ok()?;
        let (_, attribute) = self.attributes.get(at)?;
        Some((AttrId(u16::try_from(at).ok()?), attribute))
    }
}

/// An action: on what, by whom and with which context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The name, as in `Action::"viewSummary"`.
    pub uid: EntityUid,
    /// The types that may be its principal.
    pub principals: Vec<TypeId>,
    /// The types that may be its resource.
    pub resources: Vec<TypeId>,
    /// The fields of its context.
    pub context: Arc<BTreeMap<Arc<str>, Attribute>>,
    /// Its place in [`Schema::actions`].
    pub(crate) place: usize,
    /// The action groups it lies in, directly or through others.
    pub groups: Vec<EntityUid>,
}

/// A Cedar schema, read once.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    entity_types: Vec<EntityType>,
    actions: Vec<Action>,
    type_ids: HashMap<Arc<str>, TypeId>,
    /// The place of each action, by its whole name and by its id; `None` for an id that several have.
    action_names: HashMap<Arc<str>, Option<usize>>,
}

impl Schema {
    /// INVARIANT: `entity_types` and `actions` are in the order of their names.
    pub(crate) fn new(entity_types: Vec<EntityType>, mut actions: Vec<Action>) -> Self {
        actions.iter_mut().enumerate().for_each(|(place, action)| action.place = place);
        let names = entity_types.iter().enumerate();
        let type_ids =
            names.filter_map(|(i, t)| Some((t.name.clone(), TypeId(u16::try_from(i).ok()?)))).collect();
        let mut action_names: HashMap<Arc<str>, Option<usize>> = HashMap::new();
        for (at, action) in actions.iter().enumerate() {
            let by_id = action_names.entry(action.uid.id().into()).or_insert(Some(at));
            if *by_id != Some(at) {
                *by_id = None;
            }
        }
        action_names.extend(actions.iter().enumerate().map(|(at, a)| (a.uid.to_string().into(), Some(at))));
        Schema { entity_types, actions, type_ids, action_names }
    }

    /// Every entity type, by name.
    pub fn entity_types(&self) -> &[EntityType] {
        &self.entity_types
    }

    /// Every action, by name; action groups that apply to nothing are left out.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The place of the entity type called `name`.
    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.type_ids.get(name).copied()
    }

    /// The place of the entity type called `name`.
    ///
    /// # Errors
    /// [`Error::is_request`] where there is none, with the name that was probably meant.
    pub fn known_type(&self, name: &str) -> Result<TypeId, Error> {
        self.type_id(name).ok_or_else(|| {
            let hint = hint(name, self.entity_types.iter().map(|ty| ty.name.as_ref()));
            Error::request(format!("the schema has no entity type `{name}`{hint}"))
        })
    }

    /// The action called `name`, as in [`Schema::action`].
    ///
    /// # Errors
    /// [`Error::is_request`] where there is none, with the name that was probably meant.
    pub fn known_action(&self, name: &str) -> Result<&Action, Error> {
        self.action(name).ok_or_else(|| {
            // In the form in which it was typed: the id alone or the whole name.
            let whole = name.contains("::");
            let names =
                self.actions.iter().map(|a| if whole { a.uid.to_string() } else { a.uid.id().to_owned() });
            let names: Vec<String> = names.collect();
            let hint = hint(name, names.iter().map(String::as_str));
            Error::request(format!("the schema has no action `{name}`{hint}"))
        })
    }

    /// The entity type at `id`, which this schema must have given out.
    pub fn entity_type(&self, id: TypeId) -> Option<&EntityType> {
        self.entity_types.get(id.index())
    }

    /// The action called `name`: its id alone (`viewSummary`) or its whole name (`Action::"viewSummary"`).
    ///
    /// The id alone finds nothing where two namespaces have an action of that id.
    pub fn action(&self, name: &str) -> Option<&Action> {
        let at = match self.action_names.get(name) {
            Some(at) => *at,
            // Cedar takes some names in several spellings; the one that it writes is in the table.
            None => *self.action_names.get(name.parse::<EntityUid>().ok()?.to_string().as_str())?,
        };
        self.actions.get(at?)
    }

    /// The actions that take a principal and a resource of these types; none for a type that there is not.
    pub(crate) fn actions_for(&self, principal: &str, resource: &str) -> impl Iterator<Item = &Action> {
        let types = (self.type_id(principal), self.type_id(resource));
        self.actions.iter().filter(move |action| {
            types.0.is_some_and(|ty| action.principals.contains(&ty))
                && types.1.is_some_and(|ty| action.resources.contains(&ty))
        })
    }

    /// The action's id, or its whole name where the id alone is ambiguous.
    pub(crate) fn action_name(&self, action: &Action) -> Arc<str> {
        match self.action(action.uid.id()) {
            Some(_) => action.uid.id().into(),
            None => action.uid.to_string().into(),
        }
    }

    /// How `ty` is written in a schema.
    pub fn show(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "Bool".into(),
            Type::Long => "Long".into(),
            Type::String => "String".into(),
            Type::Decimal => "decimal".into(),
            Type::Ip => "ipaddr".into(),
            Type::Datetime => "datetime".into(),
            Type::Duration => "duration".into(),
            Type::Entity(id) => self.entity_type(*id).map_or_else(String::new, |t| t.name.to_string()),
            Type::Set(element) => format!("Set<{}>", self.show(element)),
            Type::Record(fields) => {
                let fields = fields.iter().map(|(name, field)| {
                    format!("{name}{}: {}", if field.required { "" } else { "?" }, self.show(&field.ty))
                });
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// A request environment: principal type, the action's place in the schema and resource type.
pub(crate) type Environment = (TypeId, usize, TypeId);
