//! What a check answers.

use std::sync::Arc;

use caseward::Decision;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::question::json;
use crate::view::Need;
use crate::{html, pickle, time};

/// The answer to a check: a decision, who made it and what it was made from.
///
/// A denial is a value. An answer is true where it is allowed and false where it is not, so that
/// `if ward.check(…):` fails closed.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) answer: caseward::Answer,
}

impl From<caseward::Answer> for Answer {
    fn from(answer: caseward::Answer) -> Self {
        Answer { answer }
    }
}

/// Texts as a tuple of `str`.
pub(crate) fn texts<'py>(py: Python<'py>, all: &[Arc<str>]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, all.iter().map(AsRef::as_ref).collect::<Vec<&str>>())
}

/// The word for a decision.
pub(crate) fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Deny => "deny",
    }
}

#[pymethods]
impl Answer {
    /// Whether the policies allow it.
    #[getter]
    fn allowed(&self) -> bool {
        self.answer.is_allowed()
    }

    /// "allow" or "deny".
    #[getter]
    fn decision(&self) -> &'static str {
        word(self.answer.decision)
    }

    /// Ids of the deciding policies: the permits that allowed it or the forbids that fired. Empty where nothing
    /// permitted it.
    #[getter]
    fn policies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, &self.answer.policies)
    }

    /// The rules that these policies write down, each once.
    #[getter]
    fn rules<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, &self.answer.rules)
    }

    /// Why it was denied without the policies' word: an entity that is absent, a policy that could not be
    /// evaluated.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.answer.errors.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    /// SHA-256 of schema and policies.
    #[getter]
    fn policy_hash(&self) -> &str {
        &self.answer.provenance.policy_hash
    }

    /// The version of the data.
    #[getter]
    fn version(&self) -> u64 {
        self.answer.provenance.version
    }

    /// The `now` that it was made with, in UTC; None where the action takes none.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.answer.provenance.now.map(|ms| time::datetime(py, ms)).transpose()
    }

    /// The answer in JSON, the same bytes as the crate and the command give.
    fn to_json(&self) -> PyResult<String> {
        json(&self.answer)
    }

    fn __bool__(&self) -> bool {
        self.answer.is_allowed()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::answer(py, &self.answer)
    }

    pub(crate) fn __repr__(&self) -> String {
        format!("<Answer {}>", self.in_words())
    }

    fn _repr_html_(&self) -> String {
        html::titled(&self.in_words(), "")
    }
}

impl Answer {
    /// The decision and who made it, on a line.
    pub(crate) fn in_words(&self) -> String {
        let faults = self.answer.errors.iter().map(ToString::to_string);
        let reasons: Vec<String> =
            faults.chain(self.answer.policies.iter().map(|id| id.to_string())).collect();
        let decision = word(self.answer.decision);
        match reasons.is_empty() {
            true => format!("{decision}: no policy permits it"),
            false => format!("{decision}: {}", reasons.join(", ")),
        }
    }
}

/// What is known about one action on one record: true where it is known to be allowed, false otherwise.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct ActionAnswer {
    pub(crate) answer: caseward::ActionAnswer,
}

#[pymethods]
impl ActionAnswer {
    /// The action's id, or its whole name where the id alone is ambiguous.
    #[getter]
    fn action(&self) -> &str {
        &self.answer.action
    }

    /// The answer, where it is allowed as it is, or nothing that the context could still be given would change it.
    #[getter]
    fn answer(&self) -> Option<Answer> {
        self.answer.answer.clone().map(Answer::from)
    }

    /// Whether it is known to be allowed.
    #[getter]
    fn allowed(&self) -> bool {
        self.answer.answer.as_ref().is_some_and(caseward::Answer::is_allowed)
    }

    /// What the action's context needs, where it is possible and depends on that.
    #[getter]
    fn needs(&self) -> Vec<Need> {
        Need::all(&self.answer.needs)
    }

    /// What is known in JSON, the same bytes as the crate gives.
    fn to_json(&self) -> PyResult<String> {
        json(&self.answer)
    }

    fn __bool__(&self) -> bool {
        self.allowed()
    }

    fn __copy__<'py>(this: Bound<'py, Self>) -> Bound<'py, Self> {
        this
    }

    fn __deepcopy__<'py>(this: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        this
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.answer)
    }

    fn __repr__(&self) -> String {
        let known = match &self.answer.answer {
            Some(answer) => Answer::from(answer.clone()).in_words(),
            None => {
                let needs: Vec<&str> = self.answer.needs.iter().map(|need| need.field.as_ref()).collect();
                format!("needs {}", needs.join(", "))
            }
        };
        format!("<ActionAnswer {}: {known}>", self.answer.action)
    }
}
