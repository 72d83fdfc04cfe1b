//! Names of entities, in the forms that people write them in.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::{PyString, PyTuple};

use crate::error::OrRaise;

/// The name of an entity: its type and its id, as in `Case::"c1"`.
///
/// Wherever an entity is asked for, the text `'Case::"c1"'` and the pair `("Case", "c1")` do as well.
///
/// >>> case = EntityUid("Case", "c1")
/// >>> str(case)
/// 'Case::"c1"'
/// >>> case == EntityUid.parse('Case::"c1"')
/// True
#[pyclass(frozen, module = "caseward")]
pub(crate) struct EntityUid {
    pub(crate) uid: caseward::EntityUid,
}

impl From<caseward::EntityUid> for EntityUid {
    fn from(uid: caseward::EntityUid) -> Self {
        EntityUid { uid }
    }
}

#[pymethods]
impl EntityUid {
    #[new]
    fn new(r#type: &str, id: &str) -> Self {
        caseward::EntityUid::new(r#type, id).into()
    }

    /// Reads a name in Cedar's syntax. Raises RequestError for anything else.
    #[staticmethod]
    fn parse(py: Python<'_>, text: &str) -> PyResult<Self> {
        text.parse::<caseward::EntityUid>().or_raise(py).map(Self::from)
    }

    /// The entity type, with its namespace.
    #[getter]
    fn r#type(&self) -> &str {
        self.uid.type_name()
    }

    /// The id within the type, without quotes.
    #[getter]
    fn id(&self) -> &str {
        self.uid.id()
    }

    fn __str__(&self) -> String {
        self.uid.to_string()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let quoted = |text: &str| PyString::new(py, text).repr().map(|text| text.to_string());
        Ok(format!("EntityUid({}, {})", quoted(self.uid.type_name())?, quoted(self.uid.id())?))
    }

    fn __richcmp__(&self, other: &Self, op: CompareOp) -> bool {
        op.matches(self.uid.cmp(&other.uid))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.uid.hash(&mut hasher);
        hasher.finish()
    }

    fn __getnewargs__(&self) -> (&str, &str) {
        (self.uid.type_name(), self.uid.id())
    }
}

/// The entity that an argument names.
pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<caseward::EntityUid> {
    if let Ok(uid) = given.cast::<EntityUid>() {
        return Ok(uid.get().uid.clone());
    }
    if let Ok(text) = given.cast::<PyString>() {
        return text.to_str()?.parse::<caseward::EntityUid>().or_raise(given.py());
    }
    match pair(given)? {
        Some(uid) => Ok(uid),
        None => Err(PyTypeError::new_err(format!(
            "expected an entity as EntityUid, as 'User::\"u1\"' or as (\"User\", \"u1\"), found {}",
            given.get_type().name()?
        ))),
    }
}

/// The entity that a tuple of two strings names; `None` for anything else.
pub(crate) fn pair(given: &Bound<'_, PyAny>) -> PyResult<Option<caseward::EntityUid>> {
    let Ok(tuple) = given.cast::<PyTuple>() else { return Ok(None) };
    if tuple.len() != 2 {
        return Ok(None);
    }
    let (ty, id) = (tuple.get_item(0)?, tuple.get_item(1)?);
    match (ty.cast::<PyString>(), id.cast::<PyString>()) {
        (Ok(ty), Ok(id)) => Ok(Some(caseward::EntityUid::new(ty.to_str()?, id.to_str()?))),
        _ => Ok(None),
    }
}
