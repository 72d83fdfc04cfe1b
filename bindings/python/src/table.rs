//! Counts by group.

use caseward::{Group, Key, Protection, RoundingKey, attendance};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyCapsule, PyDict, PyEllipsis, PyFrozenSet, PyString, PyTuple};

use crate::answer::texts;
use crate::error::{OrRaise, RequestError};
use crate::gate::released;
use crate::question::json;
use crate::{batches, html, pickle, time, value, whole, zone};

/// Counts of records by group, and all of their totals.
///
/// Groups in which there is nothing are left out. As text it is a table for people; `to_rows()` is for data frames.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Table {
    pub(crate) table: caseward::Table,
}

#[pymethods]
impl Table {
    /// The type of the records that are counted.
    #[getter]
    fn of(&self) -> &str {
        self.table.of()
    }

    /// The names of the groups.
    #[getter]
    fn by<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, self.table.by())
    }

    /// The counts of single groups.
    #[getter]
    fn cells(&self) -> Vec<Line> {
        Line::all(self.table.cells())
    }

    /// The totals over one group, over two …, and of all, which comes last.
    #[getter]
    fn totals(&self) -> Vec<Line> {
        Line::all(self.table.totals())
    }

    /// How many records there are in all; None where that is not told.
    #[getter]
    fn total(&self) -> Option<u64> {
        self.table.total().number()
    }

    /// Whether something was done to the counts so that they tell of nobody.
    #[getter]
    fn protected(&self) -> bool {
        self.table.protected().is_some()
    }

    /// Of a table of a release: what it is called, and its other tables, which it was protected with; None for a table
    /// by itself.
    #[getter]
    fn release(&self) -> Option<(String, Vec<String>)> {
        let part = self.table.release()?;
        Some((part.table.to_string(), part.with.iter().map(ToString::to_string).collect()))
    }

    /// SHA-256 of schema and policies.
    #[getter]
    fn policy_hash(&self) -> &str {
        &self.table.provenance().policy_hash
    }

    /// The version of the data that was counted.
    #[getter]
    fn version(&self) -> u64 {
        self.table.provenance().version
    }

    /// The `now` of the question, in UTC; None where there was none.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.table.provenance().now.map(|ms| time::datetime(py, ms)).transpose()
    }

    /// The same table with counts that tell of nobody: those below `below` are left out, 4 to 1,000, and others
    /// with them. It knows of no other table: several are published with `Ward.release`. To round at random instead, by
    /// which entities are counted, `Ward.count_by` takes a `rounding_key`.
    ///
    /// Raises RequestError for what cannot be protected so.
    #[pyo3(signature = (*, below = None), text_signature = "($self, *, below=6)")]
    fn protect(&self, py: Python<'_>, below: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let how = protection(py, below, None)?.unwrap_or_default();
        released(py, || self.table.protect(&how)).or_raise(py).map(|table| Table { table })
    }

    /// A dict for each group, its names and `count`, without totals: `pandas.DataFrame(table.to_rows())`.
    fn to_rows<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let rows = self.table.cells().iter().map(|line| {
            let row = PyDict::new(py);
            for (name, key) in self.table.by().iter().zip(&line.keys) {
                row.set_item(name.as_ref(), key_to_python(py, key)?)?;
            }
            row.set_item("count", line.count.number())?;
            Ok(row)
        });
        rows.collect()
    }

    /// The counts of single groups by Arrow's interface of C, for frames: `polars.DataFrame(table)`, `pyarrow.table(table)`.
    ///
    /// A column for each group, of Booleans, numbers or text (an entity's id, `2026-05` for a month), and `count`; null
    /// where there is no value or element, and where a count is not told. Raises DataError where a group is called `count`.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let batch = released(py, || caseward_arrow::counts(&self.table)).or_raise(py)?;
        batches::stream_of(py, batch, requested_schema)
    }

    /// The table for spreadsheets.
    fn to_csv(&self) -> String {
        self.table.to_csv()
    }

    /// The table in JSON, the same bytes as the crate and the command give.
    fn to_json(&self) -> PyResult<String> {
        json(&self.table)
    }

    fn __str__(&self) -> String {
        self.table.to_string()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.table)
    }

    fn __repr__(&self) -> String {
        let by: Vec<&str> = self.table.by().iter().map(AsRef::as_ref).collect();
        format!("<Table of {} by {}: {} groups>", self.table.of(), by.join(", "), self.table.cells().len())
    }

    fn _repr_html_(&self) -> String {
        let rows = self.table.cells().iter().chain(self.table.totals()).map(|line| {
            let keys = line.keys.iter().map(ToString::to_string);
            keys.chain([line.count.number().map_or_else(|| "…".to_owned(), |n| n.to_string())])
        });
        html::table(self.table.by().iter().map(AsRef::as_ref).chain(["count"]), rows)
    }
}

/// One count, and of which groups it is.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Line {
    pub(crate) line: caseward::Line,
}

impl Line {
    fn all(lines: &[caseward::Line]) -> Vec<Self> {
        lines.iter().cloned().map(|line| Line { line }).collect()
    }
}

#[pymethods]
impl Line {
    /// For each of the table's groups, which one: a value, the text of a period such as "2026-05", an empty
    /// frozenset for a set without elements, None where there is no such value; in totals, `...` for all.
    #[getter]
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let keys = self.line.keys.iter().map(|key| key_to_python(py, key));
        PyTuple::new(py, keys.collect::<PyResult<Vec<_>>>()?)
    }

    /// How many records; None where that is not told.
    #[getter]
    fn count(&self) -> Option<u64> {
        self.line.count.number()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.line)
    }

    fn __repr__(&self) -> String {
        let keys: Vec<String> = self.line.keys.iter().map(ToString::to_string).collect();
        let count = self.line.count.number().map_or_else(|| "not told".to_owned(), |n| n.to_string());
        format!("<Line {}: {count}>", keys.join(", "))
    }
}

fn key_to_python<'py>(py: Python<'py>, key: &Key) -> PyResult<Bound<'py, PyAny>> {
    match key {
        Key::Value(value) => value::to_python(py, value),
        Key::Period(period) => Ok(PyString::new(py, &period.to_string()).into_any()),
        Key::Empty => Ok(PyFrozenSet::empty(py)?.into_any()),
        Key::Absent => Ok(py.None().into_bound(py)),
        Key::All => Ok(PyEllipsis::get(py).to_owned().into_any()),
    }
}

/// Suppression, or rounding where there is a key for it; nothing where neither is given.
pub(crate) fn protection(
    py: Python<'_>,
    below: Option<&Bound<'_, PyAny>>,
    rounding_key: Option<PyBackedBytes>,
) -> PyResult<Option<Protection>> {
    let below = below.map(|below| whole::asked(below, "below", 0, i64::MAX as u64)).transpose()?;
    match (below, rounding_key) {
        (None, None) => Ok(None),
        (Some(below), None) => Ok(Some(Protection::Suppress { below })),
        (None, Some(key)) => RoundingKey::new(key.to_vec()).or_raise(py).map(Protection::Round).map(Some),
        (Some(_), Some(_)) => Err(RequestError::new_err(
            "`below` and `rounding_key` are given: small counts are left out, or all are rounded, one of both",
        )),
    }
}

/// What to group by: one group or several, periods by a zone's calendar, New Zealand's where none is given.
pub(crate) fn groups(given: &Bound<'_, PyAny>, zone: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Group>> {
    let py = given.py();
    let zone = zone.map_or_else(|| Ok(attendance::zone()), zone::of)?;
    if let Ok(one) = given.cast::<PyString>() {
        return Group::parse(one.to_str()?, &zone).or_raise(py).map(|group| vec![group]);
    }
    let read = |text: Bound<'_, PyAny>| Group::parse(text.cast::<PyString>()?.to_str()?, &zone).or_raise(py);
    given.try_iter()?.map(|text| read(text?)).collect()
}
