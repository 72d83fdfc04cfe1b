//! Who may do what in which situation.

use pyo3::prelude::*;

use crate::pickle;
use crate::question::json;

/// Who may do what in which situation, as decided by the policies of one ward. As text it is a page for people.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Matrix {
    pub(crate) matrix: caseward::matrix::Matrix,
}

#[pymethods]
impl Matrix {
    /// The matrix in JSON, the same bytes as `caseward matrix --format json` gives.
    fn to_json(&self) -> PyResult<String> {
        json(&self.matrix)
    }

    fn __str__(&self) -> String {
        self.matrix.to_string()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.matrix)
    }

    fn __repr__(&self) -> String {
        format!("<Matrix: {} lines>", self.matrix.to_string().lines().count())
    }

    fn _repr_html_(&self) -> String {
        format!("<pre>{}</pre>", crate::html::Escaped(&self.matrix.to_string()))
    }
}
