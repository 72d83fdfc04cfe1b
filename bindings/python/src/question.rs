//! What is asked: the circumstances of a question, and requests as values.

use std::collections::BTreeMap;

use caseward::{ActionName, Context, Ward};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use serde::de::IgnoredAny;

use crate::error::{OrRaise, RequestError};
use crate::uid::{self, EntityUid};
use crate::{time, value};

/// The context of an action: a mapping, or Cedar's JSON; at `now`, or by the clock.
pub(crate) fn context(
    ward: &Ward,
    action: &ActionName,
    given: Option<&Bound<'_, PyAny>>,
    now: Option<&Bound<'_, PyAny>>,
    py: Python<'_>,
) -> PyResult<Context> {
    read(given, now, |json| ward.read_context(action, json).or_raise(py))
}

/// The context for every action of two entities' types, in the same forms.
pub(crate) fn context_for(
    ward: &Ward,
    (principal, resource): (&caseward::EntityUid, &caseward::EntityUid),
    given: Option<&Bound<'_, PyAny>>,
    now: Option<&Bound<'_, PyAny>>,
    py: Python<'_>,
) -> PyResult<Context> {
    read(given, now, |json| ward.read_context_for(principal, resource, json).or_raise(py))
}

/// Reads a context; one with a `now` is refused where the call has a `now` of its own, for the context may be written by
/// whoever asks.
fn read(
    given: Option<&Bound<'_, PyAny>>,
    now: Option<&Bound<'_, PyAny>>,
    from_json: impl FnOnce(&str) -> PyResult<Context>,
) -> PyResult<Context> {
    let at = time::now(now)?;
    // Before anything else is looked at.
    let given_once = |has_now: bool| match has_now && now.is_some() {
        true => {
            Err(RequestError::new_err("`now` is in the context, and given by now=: leave one of them out"))
        }
        false => Ok(()),
    };
    let context = match given {
        None => Context::new(),
        Some(given) => match given.cast::<PyString>() {
            Ok(json) => {
                let json = json.to_str()?;
                let fields = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(json);
                given_once(fields.is_ok_and(|fields| fields.contains_key("now")))?;
                from_json(json)?
            }
            Err(_) => {
                let fields = value::fields(given)?;
                given_once(fields.contains_key("now"))?;
                fields.into()
            }
        },
    };
    Ok(context.and_at(at))
}

/// A question as a value: who asks to do what to which record, and under which circumstances.
///
/// `ward.check(world, *request)` asks it.
///
/// >>> request = Request(("User", "u1"), "uploadFile", ("Case", "c1"), {"sizeBytes": 4096})
/// >>> request.context
/// {'sizeBytes': 4096}
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Request {
    pub(crate) request: caseward::Request,
}

#[pymethods]
impl Request {
    #[new]
    #[pyo3(signature = (principal, action, resource, context = None))]
    fn new(
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut request =
            caseward::Request::new(uid::of(principal)?, ActionName::new(action), uid::of(resource)?);
        if let Some(context) = context {
            request.context = value::fields(context)?.into();
        }
        Ok(Request { request })
    }

    /// Who asks.
    #[getter]
    fn principal(&self) -> EntityUid {
        self.request.principal.clone().into()
    }

    /// The action's id or whole name.
    #[getter]
    fn action(&self) -> &str {
        &self.request.action
    }

    /// The record.
    #[getter]
    fn resource(&self) -> EntityUid {
        self.request.resource.clone().into()
    }

    /// The circumstances.
    #[getter]
    fn context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        value::dict(py, self.request.context.fields())
    }

    /// The request in JSON, as `caseward check --requests` reads it, one a line.
    fn to_json(&self) -> PyResult<String> {
        json(&self.request)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let made_of = (self.principal(), self.action(), self.resource(), self.context(py)?);
        (py.get_type::<Self>(), made_of).into_pyobject(py).map(Bound::into_any)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let context = self.context(py)?;
        let parts = (self.principal(), self.action(), self.resource(), context);
        let parts: Bound<'_, PyTuple> = parts.into_pyobject(py)?;
        parts.into_any().try_iter().map(Bound::into_any)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let caseward::Request { principal, action, resource, .. } = &self.request;
        let context = self.context(py)?.repr()?.to_string();
        Ok(format!("Request({principal}, {action}, {resource}, {context})"))
    }
}

/// The crate's own JSON of a result.
pub(crate) fn json(value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))
}
