//! Decisions by the column.

use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::error::RequestError;
use crate::{html, uid};

/// Decisions on columns of principals and resources, all made of one version of the data.
///
/// `allowed` holds a byte for each, 1 or 0, in their order: `numpy.frombuffer(d.allowed, dtype=bool)` and
/// `pyarrow` take it as it is, without a copy.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Decisions {
    allowed: Py<PyBytes>,
    policy_hash: String,
    version: u64,
}

impl Decisions {
    pub(crate) fn new(py: Python<'_>, decisions: &caseward::Decisions) -> Self {
        let bytes: Vec<u8> = decisions.allowed.iter().map(|allowed| u8::from(*allowed)).collect();
        Decisions {
            allowed: PyBytes::new(py, &bytes).unbind(),
            policy_hash: decisions.policy_hash.to_string(),
            version: decisions.version,
        }
    }
}

impl Decisions {
    /// The answer to nothing.
    pub(crate) fn none(py: Python<'_>, ward: &caseward::Ward, world: &caseward::World) -> Self {
        let hash = ward.policy_hash().clone();
        Self::new(
            py,
            &caseward::Decisions { allowed: Vec::new(), policy_hash: hash, version: world.version() },
        )
    }
}

#[pymethods]
impl Decisions {
    /// A byte for each, 1 or 0.
    #[getter]
    fn allowed<'py>(&self, py: Python<'py>) -> &Bound<'py, PyBytes> {
        self.allowed.bind(py)
    }

    /// SHA-256 of schema and policies.
    #[getter]
    fn policy_hash(&self) -> &str {
        &self.policy_hash
    }

    /// The version of the data.
    #[getter]
    fn version(&self) -> u64 {
        self.version
    }

    /// How many are allowed.
    fn count(&self, py: Python<'_>) -> usize {
        self.allowed.bind(py).as_bytes().iter().filter(|byte| **byte == 1).count()
    }

    /// The decisions as a list of bool.
    fn to_list(&self, py: Python<'_>) -> Vec<bool> {
        self.allowed.bind(py).as_bytes().iter().map(|byte| *byte == 1).collect()
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.allowed.bind(py).as_bytes().len()
    }

    fn __getitem__(&self, py: Python<'_>, index: isize) -> PyResult<bool> {
        let bytes = self.allowed.bind(py).as_bytes();
        let at = if index < 0 { index.checked_add_unsigned(bytes.len()) } else { Some(index) };
        let found = at.and_then(|at| bytes.get(usize::try_from(at).ok()?));
        found.map(|byte| *byte == 1).ok_or_else(|| PyIndexError::new_err("there are fewer decisions"))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        PyList::new(py, self.to_list(py))?.into_any().try_iter().map(Bound::into_any)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("<Decisions: {} of {} allowed, version {}>", self.count(py), self.__len__(py), self.version)
    }

    fn _repr_html_(&self, py: Python<'_>) -> String {
        let (allowed, len) = (self.count(py), self.__len__(py));
        let row = [allowed.to_string(), (len - allowed).to_string(), self.version.to_string()];
        html::table(["allowed", "denied", "version"], [row])
    }
}

/// Entities of one type: one, or many.
pub(crate) struct Column {
    pub(crate) ty: String,
    pub(crate) ids: Vec<Id>,
    /// Whether it is one entity for all rows.
    pub(crate) is_one: bool,
}

/// An id, where possible in Python's own memory.
pub(crate) enum Id {
    Python(PyBackedStr),
    Own(caseward::EntityUid),
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        match self {
            Id::Python(id) => id,
            Id::Own(uid) => uid.id(),
        }
    }
}

/// Reads one entity, `("Case", ids)`, or a list of entities of one type.
pub(crate) fn column(given: &Bound<'_, PyAny>, what: &str) -> PyResult<Column> {
    if let Some((ty, ids)) = typed(given)? {
        let ids = ids.try_iter()?.map(|id| {
            let id = id?;
            let text = id.cast::<PyString>().map_err(|_| {
                PyTypeError::new_err(format!("{what}: an id is a str, found {}", id.get_type()))
            })?;
            PyBackedStr::try_from(text.clone()).map(Id::Python)
        });
        return Ok(Column { ty, ids: ids.collect::<PyResult<_>>()?, is_one: false });
    }
    if given.is_instance_of::<PyString>() || given.is_instance_of::<PyTuple>() || given.try_iter().is_err() {
        let uid = uid::of(given)?;
        return Ok(Column { ty: uid.type_name().to_owned(), ids: vec![Id::Own(uid)], is_one: true });
    }
    let uids = given.try_iter()?.map(|uid| uid::of(&uid?)).collect::<PyResult<Vec<_>>>()?;
    let ty = uids.first().map_or_else(String::new, |uid| uid.type_name().to_owned());
    if let Some(other) = uids.iter().find(|uid| uid.type_name() != ty) {
        let other = other.type_name();
        return Err(RequestError::new_err(format!(
            "{what}: a column holds entities of one type, and this one holds `{ty}` and `{other}`; ask for each \
            type by itself"
        )));
    }
    Ok(Column { ty, ids: uids.into_iter().map(Id::Own).collect(), is_one: false })
}

/// A type and what holds ids of it, where that is what is given.
fn typed<'py>(given: &Bound<'py, PyAny>) -> PyResult<Option<(String, Bound<'py, PyAny>)>> {
    let Ok(pair) = given.cast::<PyTuple>() else { return Ok(None) };
    if pair.len() != 2 {
        return Ok(None);
    }
    let (ty, ids) = (pair.get_item(0)?, pair.get_item(1)?);
    match ty.cast::<PyString>() {
        Ok(ty) if !ids.is_instance_of::<PyString>() => Ok(Some((ty.to_str()?.to_owned(), ids))),
        _ => Ok(None),
    }
}
