//! What is to change, as a service says it.

use std::sync::{Mutex, PoisonError};

use caseward::Value;
use pyo3::prelude::*;

use std::collections::BTreeMap;
use std::sync::Arc;

type Fields = BTreeMap<Arc<str>, caseward::Value>;
use crate::{pickle, uid, value};

/// A batch of changes: applied as a whole by `World.apply` or not at all, or looked through with `World.with_`.
///
/// Each method adds to the batch and returns it, so that calls can be chained.
///
/// >>> moves = Changes().set(("Student", "tama"), "enrolledAt", ("School", "kauri"))
/// >>> len(moves)
/// 1
#[pyclass(frozen, module = "caseward")]
#[derive(Default)]
pub(crate) struct Changes {
    changes: Mutex<caseward::Changes>,
}

impl From<caseward::Changes> for Changes {
    fn from(changes: caseward::Changes) -> Self {
        Changes { changes: Mutex::new(changes) }
    }
}

impl Changes {
    /// The batch as it is now.
    pub(crate) fn copied(&self) -> caseward::Changes {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, more: impl FnOnce(caseward::Changes) -> caseward::Changes) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        *changes = more(std::mem::take(&mut *changes));
    }
}

#[pymethods]
impl Changes {
    #[new]
    fn new() -> Self {
        Changes::default()
    }

    /// Adds an entity, or puts it in the place of the one of that name: with these attributes, parents and tags
    /// and nothing else.
    #[pyo3(signature = (entity, attributes = None, *, parents = None, tags = None))]
    fn put<'py>(
        this: Bound<'py, Self>,
        entity: &Bound<'py, PyAny>,
        attributes: Option<&Bound<'py, PyAny>>,
        parents: Option<&Bound<'py, PyAny>>,
        tags: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let read = |given: Option<&Bound<'_, PyAny>>| given.map_or(Ok(Fields::new()), value::fields);
        let (uid, attributes, tags) = (uid::of(entity)?, read(attributes)?, read(tags)?);
        let parents = parents.map_or(Ok(Vec::new()), uids)?;
        let attributes: Vec<(&str, Value)> =
            attributes.iter().map(|(name, value)| (name.as_ref(), value.clone())).collect();
        this.get().add(|changes| changes.put_whole(&uid, attributes, parents, tags));
        Ok(this)
    }

    /// Sets one attribute of an entity that is there.
    fn set<'py>(
        this: Bound<'py, Self>,
        entity: &Bound<'py, PyAny>,
        name: &str,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let (uid, value) = (uid::of(entity)?, value::from_python(value)?);
        this.get().add(|changes| changes.set(&uid, name, value));
        Ok(this)
    }

    /// Takes an optional attribute from an entity that is there, if it has it.
    fn unset<'py>(
        this: Bound<'py, Self>,
        entity: &Bound<'py, PyAny>,
        name: &str,
    ) -> PyResult<Bound<'py, Self>> {
        let uid = uid::of(entity)?;
        this.get().add(|changes| changes.unset(&uid, name));
        Ok(this)
    }

    /// Sets what an entity that is there lies in, directly.
    fn set_parents<'py>(
        this: Bound<'py, Self>,
        entity: &Bound<'py, PyAny>,
        parents: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let (uid, parents) = (uid::of(entity)?, uids(parents)?);
        this.get().add(|changes| changes.set_parents(&uid, parents));
        Ok(this)
    }

    /// Sets one tag of an entity that is there.
    fn set_tag<'py>(
        this: Bound<'py, Self>,
        entity: &Bound<'py, PyAny>,
        name: &str,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let (uid, value) = (uid::of(entity)?, value::from_python(value)?);
        this.get().add(|changes| changes.set_tag(&uid, name, value));
        Ok(this)
    }

    /// Takes a tag from an entity that is there, if it has it.
    fn unset_tag<'py>(
        this: Bound<'py, Self>,
        entity: &Bound<'py, PyAny>,
        name: &str,
    ) -> PyResult<Bound<'py, Self>> {
        let uid = uid::of(entity)?;
        this.get().add(|changes| changes.unset_tag(&uid, name));
        Ok(this)
    }

    /// Removes an entity that is there and to which, after the batch, nothing refers.
    fn remove<'py>(this: Bound<'py, Self>, entity: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let uid = uid::of(entity)?;
        this.get().add(|changes| changes.remove(&uid));
        Ok(this)
    }

    fn __len__(&self) -> usize {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.copied() == other.copied()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.copied())
    }

    fn __repr__(&self) -> String {
        format!("<Changes: {}>", self.__len__())
    }
}

fn uids(given: &Bound<'_, PyAny>) -> PyResult<Vec<caseward::EntityUid>> {
    given.try_iter()?.map(|uid| uid::of(&uid?)).collect()
}
