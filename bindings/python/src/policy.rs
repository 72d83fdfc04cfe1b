//! Policies and what is wrong with them.

use std::sync::Arc;

use caseward::{Effect, Severity, Source, Sources};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use crate::error::OrRaise;
use crate::gate::released;
use crate::pickle;
use crate::question::json;

/// What a policy text without a name is called in messages.
const UNNAMED: &str = "policies";

/// What is known about a policy.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Policy {
    pub(crate) policy: caseward::Policy,
}

impl From<caseward::Policy> for Policy {
    fn from(policy: caseward::Policy) -> Self {
        Policy { policy }
    }
}

#[pymethods]
impl Policy {
    /// The `@id`.
    #[getter]
    fn id(&self) -> &str {
        &self.policy.id
    }

    /// "permit" or "forbid".
    #[getter]
    fn effect(&self) -> &'static str {
        match self.policy.effect {
            Effect::Permit => "permit",
            Effect::Forbid => "forbid",
        }
    }

    /// The rule that it writes down: `@rule`.
    #[getter]
    fn rule(&self) -> Option<&str> {
        self.policy.rule.as_deref()
    }

    /// What it says, in words for people: `@description`.
    #[getter]
    fn description(&self) -> Option<&str> {
        self.policy.description.as_deref()
    }

    /// Every annotation, `@id` included, by name.
    #[getter]
    fn annotations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, text) in &self.policy.annotations {
            dict.set_item(name.as_ref(), text.as_ref())?;
        }
        Ok(dict)
    }

    /// The name of the source that it was read from.
    #[getter]
    fn source(&self) -> &str {
        &self.policy.source
    }

    /// The policy in JSON.
    fn to_json(&self) -> PyResult<String> {
        json(&self.policy)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.policy)
    }

    fn __repr__(&self) -> String {
        let described = self.description().map_or_else(String::new, |text| format!(": {text}"));
        format!("<Policy {} ({}){described}>", self.id(), self.effect())
    }
}

/// One thing that is wrong, and where.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Problem {
    problem: caseward::Problem,
}

impl From<caseward::Problem> for Problem {
    fn from(problem: caseward::Problem) -> Self {
        Problem { problem }
    }
}

#[pymethods]
impl Problem {
    /// "error", or "warning" for what is worth a look.
    #[getter]
    fn severity(&self) -> &'static str {
        match self.problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }

    /// What is wrong, in a sentence without a full stop.
    #[getter]
    fn message(&self) -> &str {
        &self.problem.message
    }

    /// The source concerned, as it was named when it was given.
    #[getter]
    fn source(&self) -> &str {
        &self.problem.source
    }

    /// The place in that source: from and to, in bytes of UTF-8, as in `text.encode()[slice(*span)]`.
    #[getter]
    fn span(&self) -> Option<(usize, usize)> {
        self.problem.span.map(|span| (span.start, span.end))
    }

    /// The line of that place, from 1.
    #[getter]
    fn line(&self) -> Option<u32> {
        self.problem.span.map(|span| span.line)
    }

    /// Its column in that line, from 1, in characters.
    #[getter]
    fn column(&self) -> Option<u32> {
        self.problem.span.map(|span| span.column)
    }

    /// The line of what follows the place.
    #[getter]
    fn end_line(&self) -> Option<u32> {
        self.problem.span.map(|span| span.end_line)
    }

    /// The column of what follows the place.
    #[getter]
    fn end_column(&self) -> Option<u32> {
        self.problem.span.map(|span| span.end_column)
    }

    /// What to do about it.
    #[getter]
    fn help(&self) -> Option<&str> {
        self.problem.help.as_deref()
    }

    /// For an entity of a list in JSON, which one it is, from 1; then the place is that of the entity in the list's text.
    #[getter]
    fn entity(&self) -> Option<std::num::NonZeroU32> {
        self.problem.entity
    }

    /// The problem in JSON, as `caseward validate --format json` lists it, which has the file of data besides.
    fn to_json(&self) -> PyResult<String> {
        json(&self.problem)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::problem(py, &self.problem)
    }

    fn __str__(&self) -> String {
        self.problem.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Problem {}: {}>", self.severity(), self.problem)
    }
}

/// Policies from a text, or from texts by name; with the schema of attendance where none is given.
pub(crate) fn sources(
    policies: &Bound<'_, PyAny>,
    schema: Option<&str>,
    catalogue: Option<&str>,
) -> PyResult<Sources> {
    let schema = match schema {
        Some(text) => Source::new("schema.cedarschema", text),
        None => Sources::attendance().schema,
    };
    let policies = match (policies.cast::<PyString>(), policies.cast::<PyMapping>()) {
        (Ok(text), _) => vec![Source::new(UNNAMED, text.to_str()?)],
        (_, Ok(texts)) => {
            let read = |pair: Bound<'_, PyAny>| {
                let (name, text): (Bound<'_, PyString>, Bound<'_, PyString>) = pair.extract()?;
                Ok(Source::new(Arc::from(name.to_str()?), text.to_str()?))
            };
            texts.items()?.iter().map(read).collect::<PyResult<_>>()?
        }
        _ => {
            return Err(PyTypeError::new_err(format!(
                "policies: expected a text, or a mapping of names to texts, found {}",
                policies.get_type().name()?
            )));
        }
    };
    let catalogue = catalogue.map(|text| Source::new("fields.toml", text));
    Ok(Sources { schema, policies, catalogue })
}

/// Everything that is wrong with policies and schema, each with its place; empty where they are fit for use.
///
/// `policies` is a text, or a mapping of names to texts: a name that ends in `.cedar` is a path, which the `@id`
/// must be with dots. Without a schema they are looked at under that of attendance.
///
/// >>> [problem] = diagnose('@id("p") permit (principal, action, resource) when { x };')
/// >>> problem.span
/// (53, 54)
#[pyfunction]
#[pyo3(signature = (policies, *, schema = None, catalogue = None))]
pub(crate) fn diagnose(
    py: Python<'_>,
    policies: &Bound<'_, PyAny>,
    schema: Option<&str>,
    catalogue: Option<&str>,
) -> PyResult<Vec<Problem>> {
    let sources = sources(policies, schema, catalogue)?;
    let problems = released(py, || sources.diagnose());
    Ok(problems.into_iter().map(Problem::from).collect())
}

/// Policy text in Cedar's standard layout, comments kept. Raises PolicyError where it is no policy text.
///
/// >>> print(format("permit(principal,action,resource);"), end="")
/// permit (principal, action, resource);
#[pyfunction]
pub(crate) fn format(py: Python<'_>, text: &str) -> PyResult<String> {
    let source = Source::new(UNNAMED, text);
    released(py, || caseward::format(&source)).or_raise(py)
}
