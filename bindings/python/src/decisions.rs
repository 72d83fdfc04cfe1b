//! Decisions by the column.

use std::sync::Arc;

use arrow_schema::{DataType, Field};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList, PyString, PyTuple};
use pyo3_arrow::ffi::to_array_pycapsules;

use crate::error::RequestError;
use crate::pickle::pickled;
use crate::{frames, html, uid};

/// Decisions on columns of principals and resources, all made of one version of the data.
///
/// An array of bool to numpy, pandas, polars and Arrow: `numpy.where(decisions, values, -1)`,
/// `frame[numpy.asarray(decisions)]`, `polars.Series(decisions)`, `pyarrow.array(decisions)`. There is no truth of
/// many: `if decisions:` is a ValueError, as it is with arrays; ask `decisions.all()` or `decisions.any()`.
///
/// `allowed` holds a byte for each, 1 or 0, in their order.
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
            policy_hash: decisions.provenance.policy_hash.to_string(),
            version: decisions.provenance.version,
        }
    }
}

impl Decisions {
    /// The decisions one by one.
    pub(crate) fn to_bools(&self, py: Python<'_>) -> Vec<bool> {
        self.allowed.bind(py).as_bytes().iter().map(|byte| *byte == 1).collect()
    }

    /// Decisions that were made before.
    pub(crate) fn again(allowed: Py<PyBytes>, policy_hash: String, version: u64) -> Self {
        Decisions { allowed, policy_hash, version }
    }

    /// The answer to nothing.
    pub(crate) fn none(py: Python<'_>, ward: &caseward::Ward, world: &caseward::World) -> Self {
        let allowed = PyBytes::new(py, &[]).unbind();
        Decisions { allowed, policy_hash: ward.policy_hash().to_string(), version: world.version() }
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

    /// Whether all are allowed; so they are where there are none.
    fn all(&self, py: Python<'_>) -> bool {
        self.allowed.bind(py).as_bytes().iter().all(|byte| *byte == 1)
    }

    /// Whether one is allowed at least.
    fn any(&self, py: Python<'_>) -> bool {
        self.allowed.bind(py).as_bytes().contains(&1)
    }

    /// How many are allowed.
    fn count(&self, py: Python<'_>) -> usize {
        self.allowed.bind(py).as_bytes().iter().filter(|byte| **byte == 1).count()
    }

    /// The decisions as a list of bool.
    fn to_list(&self, py: Python<'_>) -> Vec<bool> {
        self.allowed.bind(py).as_bytes().iter().map(|byte| *byte == 1).collect()
    }

    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        Err(PyValueError::new_err(format!(
            "{} decisions have no truth of their own: ask `.all()` or `.any()`, or use them as an array",
            self.__len__(py)
        )))
    }

    /// The decisions as numpy's array of bool, which shares their memory and cannot be written to; of another
    /// type, or to be written to, a copy.
    #[pyo3(signature = (dtype = None, copy = None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let numpy = py.import("numpy")?;
        let own = numpy.getattr("dtype")?.call1(("bool",))?;
        let array = match self.__len__(py) {
            0 => numpy.call_method1("empty", (0, &own))?,
            _ => numpy.call_method1("frombuffer", (self.allowed.bind(py), &own))?,
        };
        let wanted = dtype.map(|dtype| numpy.getattr("dtype")?.call1((dtype,))).transpose()?;
        match (wanted, copy) {
            (Some(wanted), Some(false)) if !wanted.eq(&own)? => Err(PyValueError::new_err(format!(
                "decisions are of type bool: as {wanted} they are copied, which `copy=False` forbids"
            ))),
            (Some(wanted), _) if !wanted.eq(&own)? => array.call_method1("astype", (wanted,)),
            (_, Some(true)) => array.call_method0("copy"),
            _ => Ok(array),
        }
    }

    /// What describes them to numpy and whatever reads its arrays.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("shape", (self.__len__(py),))?;
        interface.set_item("typestr", "|b1")?;
        interface.set_item("data", self.allowed.bind(py))?;
        Ok(interface)
    }

    /// The decisions as pyarrow's array of bool.
    #[pyo3(signature = (r#type = None))]
    fn __arrow_array__<'py>(
        &self,
        py: Python<'py>,
        r#type: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let array = py.import("pyarrow")?.call_method1("array", (self.to_list(py), "bool"))?;
        match r#type {
            Some(wanted) => array.call_method1("cast", (wanted,)),
            None => Ok(array),
        }
    }

    /// The decisions by Arrow's C data interface: for polars, pyarrow and whatever else asks for it.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let array = frames::booleans(self.allowed.bind(py).as_bytes());
        let field = Arc::new(Field::new("", DataType::Boolean, false));
        Ok(to_array_pycapsules(py, field, &array, requested_schema)?)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let state = (self.allowed.bind(py), &self.policy_hash, self.version);
        pickled(py, "_decisions", state.into_pyobject(py)?)
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
