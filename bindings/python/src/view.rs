//! What of this record may this person see, and do next? The one answer that is made for the person who asks.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::answer::texts;
use crate::html;
use crate::question::json;
use crate::uid::EntityUid;
use crate::{pickle, time, value};

/// What one person sees of one record: the one answer that may reach the person who asks.
///
/// A record that they may not know of is answered as one that does not exist.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct View {
    pub(crate) view: caseward::View,
}

#[pymethods]
impl View {
    /// The record that was asked for, whether or not it is there.
    #[getter]
    fn resource(&self) -> EntityUid {
        self.view.resource().clone().into()
    }

    /// The sections that the person may see, in the catalogue's order.
    #[getter]
    fn sections(&self) -> Vec<Section> {
        Section::all(self.view.sections())
    }

    /// The section of that name; None where the person may not see it.
    fn section(&self, name: &str) -> Option<Section> {
        self.view.section(name).cloned().map(|section| Section { section })
    }

    /// Names of the sections that are withheld; empty where the person may not know of the record.
    #[getter]
    fn withheld<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, self.view.withheld())
    }

    /// The entries that the person may see, in the world's order.
    #[getter]
    fn items(&self) -> Vec<Item> {
        self.view.items().iter().cloned().map(|item| Item { item }).collect()
    }

    /// What the person may do next, by name.
    #[getter]
    fn actions(&self) -> Vec<Next> {
        Next::all(self.view.actions())
    }

    /// SHA-256 of schema, policies and catalogue.
    #[getter]
    fn policy_hash(&self) -> &str {
        &self.view.provenance().policy_hash
    }

    /// The version of the data that it was made from.
    #[getter]
    fn version(&self) -> u64 {
        self.view.provenance().version
    }

    /// The `now` that it was made with, in UTC; None where there was none.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.view.provenance().now.map(|ms| time::datetime(py, ms)).transpose()
    }

    /// The view in JSON, the same bytes as the crate and the command give: what a service hands to a page.
    fn to_json(&self) -> PyResult<String> {
        json(&self.view)
    }

    fn __bool__(&self) -> bool {
        let View { view } = self;
        !(view.sections().is_empty() && view.items().is_empty() && view.actions().is_empty())
    }

    fn __copy__<'py>(this: Bound<'py, Self>) -> Bound<'py, Self> {
        this
    }

    fn __deepcopy__<'py>(this: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        this
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.view)
    }

    fn __repr__(&self) -> String {
        let names: Vec<&str> = self.view.sections().iter().map(|section| &*section.name).collect();
        format!("<View of {}: {}>", self.view.resource(), names.join(", "))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let mut rows = Vec::new();
        for section in self.view.sections() {
            for field in &section.fields {
                let shown = field.value.as_ref().map_or(Ok(String::new()), |value| html::words(py, value))?;
                rows.push([section.name.to_string(), field.name.to_string(), shown]);
            }
        }
        let table = html::table(["section", "field", "value"], rows);
        Ok(html::titled(&self.view.resource().to_string(), &table))
    }
}

/// A section of a record that is shown.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Section {
    pub(crate) section: caseward::Section,
}

impl Section {
    fn all(sections: &[caseward::Section]) -> Vec<Self> {
        sections.iter().cloned().map(|section| Section { section }).collect()
    }
}

#[pymethods]
impl Section {
    /// Its name in the catalogue.
    #[getter]
    fn name(&self) -> &str {
        &self.section.name
    }

    /// Its fields, those of the record itself first.
    #[getter]
    fn fields(&self) -> Vec<Field> {
        self.section.fields.iter().cloned().map(|field| Field { field }).collect()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.section)
    }

    fn __repr__(&self) -> String {
        format!("<Section {}: {} fields>", self.section.name, self.section.fields.len())
    }
}

/// A field of a section that is shown.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Field {
    pub(crate) field: caseward::Field,
}

#[pymethods]
impl Field {
    /// Its name; that of what the record refers to comes with the reference, as in `student.name`.
    #[getter]
    fn name(&self) -> &str {
        &self.field.name
    }

    /// The entity that has it: the record, or the one that it refers to.
    #[getter]
    fn of(&self) -> EntityUid {
        self.field.of.clone().into()
    }

    /// Whether it is content that no rule reads, which the service fills in from its own store.
    #[getter]
    fn content(&self) -> bool {
        self.field.content
    }

    /// The value, where the world has one.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.field.value.as_ref().map(|value| value::to_python(py, value)).transpose()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.field)
    }

    fn __repr__(&self) -> String {
        format!("<Field {} of {}>", self.field.name, self.field.of)
    }
}

/// An entry of a record that is shown.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Item {
    pub(crate) item: caseward::Item,
}

#[pymethods]
impl Item {
    /// The entry.
    #[getter]
    fn resource(&self) -> EntityUid {
        self.item.resource.clone().into()
    }

    /// Its sections that are shown.
    #[getter]
    fn sections(&self) -> Vec<Section> {
        Section::all(&self.item.sections)
    }

    /// Names of its sections that are not.
    #[getter]
    fn withheld<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, &self.item.withheld)
    }

    /// What the person may do to it.
    #[getter]
    fn actions(&self) -> Vec<Next> {
        Next::all(&self.item.actions)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.item)
    }

    fn __repr__(&self) -> String {
        format!("<Item {}>", self.item.resource)
    }
}

/// An action that the person may take next.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Next {
    pub(crate) next: caseward::Next,
}

impl Next {
    fn all(actions: &[caseward::Next]) -> Vec<Self> {
        actions.iter().cloned().map(|next| Next { next }).collect()
    }
}

#[pymethods]
impl Next {
    /// The action's id, or its whole name where the id alone is ambiguous.
    #[getter]
    fn action(&self) -> &str {
        &self.next.action
    }

    /// What its context still needs; empty where it is allowed as it is.
    #[getter]
    fn needs(&self) -> Vec<Need> {
        Need::all(&self.next.needs)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.next)
    }

    fn __repr__(&self) -> String {
        format!("<Next {}>", self.next.action)
    }
}

/// A field of a context on which an action depends.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Need {
    pub(crate) need: caseward::Need,
}

impl Need {
    pub(crate) fn all(needs: &[caseward::Need]) -> Vec<Self> {
        needs.iter().cloned().map(|need| Need { need }).collect()
    }
}

#[pymethods]
impl Need {
    /// The field's name.
    #[getter]
    fn field(&self) -> &str {
        &self.need.field
    }

    /// Its type, as the schema has it.
    #[getter]
    fn r#type(&self) -> &str {
        &self.need.ty
    }

    /// Whether the action asks for it in any case.
    #[getter]
    fn required(&self) -> bool {
        self.need.required
    }

    /// The values with which the action can be allowed; None where they were not gone through.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        let all = self.need.values.as_ref().map(|all| all.iter().map(|value| value::to_python(py, value)));
        all.map(Iterator::collect).transpose()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.need)
    }

    fn __repr__(&self) -> String {
        format!("<Need {}: {}>", self.need.field, self.need.ty)
    }
}
