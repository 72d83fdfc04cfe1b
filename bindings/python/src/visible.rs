//! Which records may this person do this to?

use caseward_arrow::{Ids, Rules};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList, PyTuple};

use crate::answer::texts;
use crate::batches::{Batches, stream_of_ids};
use crate::error::{DataError, OrRaise};
use crate::gate::released;
use crate::question::json;
use crate::uid::{self, EntityUid};
use crate::{html, pickle, time, whole};

/// Entities of a page, unless told.
const PAGE: u64 = 100;
/// Entities that a table in a notebook shows.
const SHOWN: usize = 20;

/// The entities of one type to which a person may do something, found at one version of the data.
///
/// It stays what it is when the data changes. Iteration is in the world's order: that in which ids were first
/// named.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Visible {
    pub(crate) visible: caseward::Visible,
    /// Who asked for what; for lists of records alone, whose rules can be told.
    pub(crate) rules: Option<Box<Rules>>,
}

impl From<caseward::Visible> for Visible {
    fn from(visible: caseward::Visible) -> Self {
        Visible { visible, rules: None }
    }
}

impl Visible {
    /// What the column of ids is called: as an attribute that refers to one.
    fn own_name(&self) -> String {
        let name = self.visible.type_name().rsplit("::").next().unwrap_or_default();
        let mut letters = name.chars();
        letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
    }
}

#[pymethods]
impl Visible {
    /// The ids of the entities.
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.visible.ids().collect::<Vec<_>>())
    }

    /// The ids by Arrow's interface of C, as a table of one column that is called as an attribute which refers to such an
    /// entity: `case` for `Case`. For a join in polars, pyarrow, DuckDB, Spark: `lazy.join(pl.LazyFrame(cases), on="case",
    /// how="semi")`.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let ids = Ids::new(self.visible.clone(), &self.own_name(), None).or_raise(py)?;
        stream_of_ids(py, &ids, requested_schema)
    }

    /// The same table with the ids under another name, and on request with the rules behind each in a column `rules`,
    /// as lists of text. It can be read more than once.
    ///
    /// Raises DataError for rules of what `visible` did not find; reading them, where the data has changed since.
    #[pyo3(signature = (name = None, *, rules = false))]
    fn table(&self, py: Python<'_>, name: Option<&str>, rules: bool) -> PyResult<Batches> {
        let rules = match (rules, &self.rules) {
            (false, _) => None,
            (true, Some(rules)) => Some((**rules).clone()),
            (true, None) => {
                let why = "the rules are told of what `visible` finds; for people, ask `who_with_reasons`";
                return Err(DataError::new_err(why));
            }
        };
        let own = self.own_name();
        Ids::new(self.visible.clone(), name.unwrap_or(&own), rules).or_raise(py).map(Batches::ids)
    }

    /// Up to `most` entities behind `cursor`, or the first ones; one at least. Raises RequestError for a cursor of
    /// another world.
    #[pyo3(signature = (cursor = None, *, most = None), text_signature = "($self, cursor=None, *, most=100)")]
    fn page(&self, py: Python<'_>, cursor: Option<&str>, most: Option<&Bound<'_, PyAny>>) -> PyResult<Page> {
        let most = most.map_or(Ok(PAGE), |most| whole::asked(most, "most", 1, u32::MAX.into()))? as usize;
        let cursor = cursor.map(str::parse::<caseward::Cursor>).transpose().or_raise(py)?;
        self.visible.page(cursor, most).or_raise(py).map(|page| Page { page })
    }

    /// SHA-256 of schema and policies.
    #[getter]
    fn policy_hash(&self) -> &str {
        &self.visible.provenance().policy_hash
    }

    /// The version of the data that it was found in.
    #[getter]
    fn version(&self) -> u64 {
        self.visible.provenance().version
    }

    /// The `now` that it was found with, in UTC; None where the action takes none.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.visible.provenance().now.map(|ms| time::datetime(py, ms)).transpose()
    }

    /// The list in JSON: the ids, how many, and what they were found from.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        released(py, || json(&self.visible))
    }

    fn __len__(&self) -> usize {
        self.visible.len()
    }

    fn __contains__(&self, entity: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.visible.contains(&uid::of(entity)?))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all = self.visible.iter().map(|uid| Bound::new(py, EntityUid::from(uid)));
        PyList::new(py, all.collect::<PyResult<Vec<_>>>()?)?.into_any().try_iter().map(Bound::into_any)
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused(
            "Visible",
            "it holds the data that it was found in; `ids` and `to_json` tell what is in it",
        )
    }

    fn __repr__(&self) -> String {
        format!("<Visible: {} entities, version {}>", self.visible.len(), self.visible.provenance().version)
    }

    fn _repr_html_(&self) -> String {
        let rows =
            self.visible.iter().take(SHOWN).map(|uid| [uid.type_name().to_owned(), uid.id().to_owned()]);
        let title = match self.visible.len() {
            len if len > SHOWN => format!("{len} entities, the first {SHOWN}"),
            len => format!("{len} entities"),
        };
        html::titled(&title, &html::table(["type", "id"], rows))
    }
}

/// A part of a list.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Page {
    pub(crate) page: caseward::Page,
}

#[pymethods]
impl Page {
    /// The entities, in the world's order.
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
        format!("<Page: {} entities, {end}>", self.page.entities.len())
    }
}

/// Somebody who may do something to a record, and why. For a trusted caller alone.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Granted {
    pub(crate) granted: caseward::Granted,
}

#[pymethods]
impl Granted {
    /// Who.
    #[getter]
    fn principal(&self) -> EntityUid {
        self.granted.principal.clone().into()
    }

    /// Ids of the policies that permit it, in order.
    #[getter]
    fn policies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, &self.granted.policies)
    }

    /// The rules that these policies write down, each once.
    #[getter]
    fn rules<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, &self.granted.rules)
    }

    /// What is known in JSON.
    fn to_json(&self) -> PyResult<String> {
        json(&self.granted)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.granted)
    }

    fn __repr__(&self) -> String {
        format!("<Granted {}: {}>", self.granted.principal, self.granted.policies.join(", "))
    }
}
