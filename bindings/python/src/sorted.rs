//! Which records may this person do this to, in an order and by conditions?

use caseward::Listing;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::error::OrRaise;
use crate::question::json;
use crate::uid::EntityUid;
use crate::{pickle, time, whole};

/// Entities of a page, unless told.
const PAGE: u64 = 100;

/// An order and conditions, as they are written.
pub(crate) fn listing(
    py: Python<'_>,
    by: Option<&str>,
    descending: bool,
    conditions: &[String],
) -> PyResult<Listing> {
    let mut listing = Listing::new();
    if let Some(by) = by {
        listing = listing.by(by);
    }
    if descending {
        listing = listing.descending();
    }
    for condition in conditions {
        listing = listing.only_where(condition).or_raise(py)?;
    }
    Ok(listing)
}

/// The entities of one type to which a person may do something, in an order, at one version of the data.
///
/// It stays what it is when the data changes.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Sorted {
    pub(crate) sorted: caseward::Sorted,
}

#[pymethods]
impl Sorted {
    /// Up to `most` entities behind `cursor`, or the first ones; one at least.
    ///
    /// Raises RequestError for a cursor of another question or another world, and for one past which an entity of the list
    /// came since, so that it would come twice or never: begin anew.
    #[pyo3(signature = (cursor = None, *, most = None), text_signature = "($self, cursor=None, *, most=100)")]
    fn page(
        &self,
        py: Python<'_>,
        cursor: Option<&str>,
        most: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<SortedPage> {
        let most = most.map_or(Ok(PAGE), |most| whole::asked(most, "most", 1, u32::MAX.into()))? as usize;
        let cursor = cursor.map(str::parse::<caseward::SortedCursor>).transpose().or_raise(py)?;
        self.sorted.page(cursor, most).or_raise(py).map(|page| SortedPage { page })
    }

    /// SHA-256 of schema and policies.
    #[getter]
    fn policy_hash(&self) -> &str {
        &self.sorted.provenance().policy_hash
    }

    /// The version of the data that it was found in.
    #[getter]
    fn version(&self) -> u64 {
        self.sorted.provenance().version
    }

    /// The `now` that it was found with, in UTC; None where the action takes none.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.sorted.provenance().now.map(|ms| time::datetime(py, ms)).transpose()
    }

    fn __len__(&self) -> usize {
        self.sorted.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all = self.sorted.iter().map(|uid| Bound::new(py, EntityUid::from(uid)));
        PyList::new(py, all.collect::<PyResult<Vec<_>>>()?)?.into_any().try_iter().map(Bound::into_any)
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Sorted", "it holds the data that it was found in; iteration tells what is in it")
    }

    fn __repr__(&self) -> String {
        format!("<Sorted: {} entities, version {}>", self.sorted.len(), self.sorted.provenance().version)
    }
}

/// A part of a list in an order.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct SortedPage {
    pub(crate) page: caseward::SortedPage,
}

#[pymethods]
impl SortedPage {
    /// The entities, in the list's order.
    #[getter]
    fn entities(&self) -> Vec<EntityUid> {
        self.page.entities.iter().cloned().map(EntityUid::from).collect()
    }

    /// Where the next page begins, safe to hand to a browser; None at the end.
    #[getter]
    fn next(&self) -> Option<String> {
        self.page.next.map(|cursor| cursor.to_string())
    }

    /// The page in JSON.
    fn to_json(&self) -> PyResult<String> {
        json(&self.page)
    }

    fn __len__(&self) -> usize {
        self.page.entities.len()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.page)
    }

    fn __repr__(&self) -> String {
        let end = if self.page.next.is_some() { "more follow" } else { "the last" };
        format!("<SortedPage: {} entities, {end}>", self.page.entities.len())
    }
}
