//! The schema, for whoever makes worlds and requests for any of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::answer::texts;
use crate::error::OrRaise;
use crate::pickle;
use crate::uid::EntityUid;

/// A Cedar schema: which entities, attributes and actions there are.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Schema {
    pub(crate) schema: Arc<caseward::Schema>,
}

#[pymethods]
impl Schema {
    /// Every entity type, by name.
    #[getter]
    fn entity_types(&self) -> Vec<EntityType> {
        self.schema.entity_types().iter().map(|ty| self.of_type(ty)).collect()
    }

    /// Every action, by name.
    #[getter]
    fn actions(&self) -> Vec<Action> {
        self.schema.actions().iter().map(|action| self.of_action(action)).collect()
    }

    /// The entity type of that name. Raises RequestError where there is none.
    fn entity_type(&self, py: Python<'_>, name: &str) -> PyResult<EntityType> {
        let id = self.schema.known_type(name).or_raise(py)?;
        self.schema.entity_type(id).map(|ty| self.of_type(ty)).ok_or_else(|| {
            crate::error::RequestError::new_err(format!("the schema has no entity type `{name}`"))
        })
    }

    /// The action of that name, its id alone or its whole name. Raises RequestError where there is none.
    fn action(&self, py: Python<'_>, name: &str) -> PyResult<Action> {
        self.schema.known_action(name).or_raise(py).map(|action| self.of_action(action))
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Schema", "every process has that of the ward that it loads")
    }

    fn __repr__(&self) -> String {
        let (types, actions) = (self.schema.entity_types().len(), self.schema.actions().len());
        format!("<Schema: {types} entity types, {actions} actions>")
    }
}

impl Schema {
    fn of_type(&self, ty: &caseward::EntityType) -> EntityType {
        EntityType { schema: self.schema.clone(), ty: ty.clone() }
    }

    fn of_action(&self, action: &caseward::Action) -> Action {
        Action { schema: self.schema.clone(), action: action.clone() }
    }
}

fn names<'py>(
    py: Python<'py>,
    schema: &caseward::Schema,
    ids: &[caseward::TypeId],
) -> PyResult<Bound<'py, PyTuple>> {
    let found: Vec<Arc<str>> =
        ids.iter().filter_map(|id| schema.entity_type(*id)).map(|ty| ty.name.clone()).collect();
    texts(py, &found)
}

/// An entity type.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct EntityType {
    schema: Arc<caseward::Schema>,
    ty: caseward::EntityType,
}

#[pymethods]
impl EntityType {
    /// The name, with its namespace.
    #[getter]
    fn name(&self) -> &str {
        &self.ty.name
    }

    /// The attributes by name.
    #[getter]
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        attributes(py, &self.schema, self.ty.attributes.iter().map(|(name, attribute)| (name, attribute)))
    }

    /// The type of the tags; None where the type has no tags.
    #[getter]
    fn tags(&self) -> Option<Type> {
        self.ty.tags.clone().map(|ty| Type { schema: self.schema.clone(), ty })
    }

    /// The types that an entity of this type can lie in, directly or through others.
    #[getter]
    fn ancestors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        names(py, &self.schema, &self.ty.ancestors)
    }

    /// For an enumerated type, every id there is; None for any other.
    #[getter]
    fn choices<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.ty.choices.as_ref().map(|ids| texts(py, ids)).transpose()
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("EntityType", "it is a part of a ward, which has it in every process that loads one")
    }

    fn __repr__(&self) -> String {
        format!("<EntityType {}>", self.ty.name)
    }
}

fn attributes<'py, 'a>(
    py: Python<'py>,
    schema: &Arc<caseward::Schema>,
    all: impl Iterator<Item = (&'a Arc<str>, &'a caseward::Attribute)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, attribute) in all {
        let attribute = Attribute { schema: schema.clone(), attribute: attribute.clone() };
        dict.set_item(name.as_ref(), Bound::new(py, attribute)?)?;
    }
    Ok(dict)
}

/// An attribute of an entity type, or a field of a record.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Attribute {
    schema: Arc<caseward::Schema>,
    attribute: caseward::Attribute,
}

#[pymethods]
impl Attribute {
    /// What it holds.
    #[getter]
    fn r#type(&self) -> Type {
        Type { schema: self.schema.clone(), ty: self.attribute.ty.clone() }
    }

    /// Whether every entity or record of the type has it.
    #[getter]
    fn required(&self) -> bool {
        self.attribute.required
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Attribute", "it is a part of a ward, which has it in every process that loads one")
    }

    fn __repr__(&self) -> String {
        let optional = if self.attribute.required { "" } else { "?" };
        format!("<Attribute{optional} {}>", self.schema.show(&self.attribute.ty))
    }
}

/// The type of a value. As text it is as a schema writes it.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Type {
    schema: Arc<caseward::Schema>,
    ty: caseward::Type,
}

#[pymethods]
impl Type {
    /// "Bool", "Long", "String", "Entity", "Set", "Record", "decimal", "ipaddr", "datetime" or "duration".
    #[getter]
    fn kind(&self) -> &'static str {
        match self.ty {
            caseward::Type::Bool => "Bool",
            caseward::Type::Long => "Long",
            caseward::Type::String => "String",
            caseward::Type::Entity(_) => "Entity",
            caseward::Type::Set(_) => "Set",
            caseward::Type::Record(_) => "Record",
            caseward::Type::Decimal => "decimal",
            caseward::Type::Ip => "ipaddr",
            caseward::Type::Datetime => "datetime",
            caseward::Type::Duration => "duration",
        }
    }

    /// For an entity, the name of its type.
    #[getter]
    fn entity(&self) -> Option<&str> {
        match self.ty {
            caseward::Type::Entity(id) => self.schema.entity_type(id).map(|ty| ty.name.as_ref()),
            _ => None,
        }
    }

    /// For a Set, the type of its elements.
    #[getter]
    fn element(&self) -> Option<Type> {
        match &self.ty {
            caseward::Type::Set(of) => Some(Type { schema: self.schema.clone(), ty: of.as_ref().clone() }),
            _ => None,
        }
    }

    /// For a record, its fields by name.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        match &self.ty {
            caseward::Type::Record(fields) => attributes(py, &self.schema, fields.iter()).map(Some),
            _ => Ok(None),
        }
    }

    fn __str__(&self) -> String {
        self.schema.show(&self.ty)
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Type", "it is a part of a ward, which has it in every process that loads one")
    }

    fn __repr__(&self) -> String {
        format!("<Type {}>", self.schema.show(&self.ty))
    }
}

/// An action: on what, by whom and with which context.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Action {
    schema: Arc<caseward::Schema>,
    action: caseward::Action,
}

#[pymethods]
impl Action {
    /// The name, as in `Action::"viewSummary"`.
    #[getter]
    fn uid(&self) -> EntityUid {
        self.action.uid.clone().into()
    }

    /// The types that may be its principal.
    #[getter]
    fn principals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        names(py, &self.schema, &self.action.principals)
    }

    /// The types that may be its resource.
    #[getter]
    fn resources<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        names(py, &self.schema, &self.action.resources)
    }

    /// The fields of its context by name.
    #[getter]
    fn context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields: &BTreeMap<Arc<str>, caseward::Attribute> = &self.action.context;
        attributes(py, &self.schema, fields.iter())
    }

    /// The action groups it lies in, directly or through others.
    #[getter]
    fn groups(&self) -> Vec<EntityUid> {
        self.action.groups.iter().cloned().map(EntityUid::from).collect()
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Action", "it is a part of a ward, which has it in every process that loads one")
    }

    fn __repr__(&self) -> String {
        format!("<Action {}>", self.action.uid)
    }
}
