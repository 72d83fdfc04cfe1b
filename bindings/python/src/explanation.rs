//! Why, or why not, for people who write policies or help those who use them.

use pyo3::prelude::*;

use crate::answer::Answer;
use crate::html;
use crate::policy::Policy;
use crate::question::json;

/// An answer with its reasons. It tells everything and is for a trusted caller alone.
///
/// As text it is a report for people.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Explanation {
    pub(crate) explanation: caseward::Explanation,
}

#[pymethods]
impl Explanation {
    /// The answer.
    #[getter]
    fn answer(&self) -> Answer {
        self.explanation.answer.clone().into()
    }

    /// The policies that decided it, as in the answer.
    #[getter]
    fn deciding(&self) -> Vec<Reason> {
        self.explanation.deciding.iter().cloned().map(|reason| Reason { reason }).collect()
    }

    /// For a denial that no policy decided: the permits that came nearest.
    #[getter]
    fn nearest(&self) -> Vec<Reason> {
        self.explanation.nearest.iter().cloned().map(|reason| Reason { reason }).collect()
    }

    /// The explanation in JSON, the same bytes as the crate and the command give.
    fn to_json(&self) -> PyResult<String> {
        json(&self.explanation)
    }

    fn __str__(&self) -> String {
        self.explanation.to_string()
    }

    fn __repr__(&self) -> String {
        let answer = self.answer();
        let nearest = self.explanation.nearest.len();
        format!("<Explanation {}; {nearest} near>", answer.in_words())
    }

    fn _repr_html_(&self) -> String {
        let reasons = self.explanation.deciding.iter().chain(&self.explanation.nearest);
        let rows = reasons.flat_map(|reason| {
            let rule = reason.policy.rule.as_deref().unwrap_or(&reason.policy.id).to_owned();
            let id = reason.policy.id.to_string();
            reason.conditions.iter().map(move |condition| {
                let asks = condition.name.clone().unwrap_or_default();
                [rule.clone(), id.clone(), mark(condition).to_owned(), asks, condition.text.clone()]
            })
        });
        let table = html::table(["rule", "policy", "holds", "asks", "condition"], rows);
        html::titled(&self.answer().in_words(), &table)
    }
}

fn mark(condition: &caseward::Condition) -> &'static str {
    match condition.holds {
        Some(true) => "✔",
        Some(false) => "✘",
        None => "?",
    }
}

/// One policy's part in a decision.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Reason {
    reason: caseward::Reason,
}

#[pymethods]
impl Reason {
    /// The policy.
    #[getter]
    fn policy(&self) -> Policy {
        self.reason.policy.clone().into()
    }

    /// Its conditions in the order of its text.
    #[getter]
    fn conditions(&self) -> Vec<Condition> {
        self.reason.conditions.iter().cloned().map(|condition| Condition { condition }).collect()
    }

    /// The first condition that did not hold; None where all did.
    #[getter]
    fn failed(&self) -> Option<Condition> {
        self.reason.failed().cloned().map(|condition| Condition { condition })
    }

    /// The reason in JSON.
    fn to_json(&self) -> PyResult<String> {
        json(&self.reason)
    }

    fn __repr__(&self) -> String {
        let marks: String = self.reason.conditions.iter().map(mark).collect();
        format!("<Reason {} {marks}>", self.reason.policy.id)
    }
}

/// One condition of a policy and how it came out.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Condition {
    condition: caseward::Condition,
}

#[pymethods]
impl Condition {
    /// How it came out; None where it was not reached or could not be evaluated.
    #[getter]
    fn holds(&self) -> Option<bool> {
        self.condition.holds
    }

    /// Whether it is an `unless` clause, which holds where what its comment names is not so.
    #[getter]
    fn negated(&self) -> bool {
        self.condition.negated
    }

    /// What its clause asks, from the comment above the clause.
    #[getter]
    fn name(&self) -> Option<&str> {
        self.condition.name.as_deref()
    }

    /// Its text.
    #[getter]
    fn text(&self) -> &str {
        &self.condition.text
    }

    /// Where it stands in the policy's source: from and to, in bytes of UTF-8.
    #[getter]
    fn span(&self) -> (usize, usize) {
        (self.condition.span.start, self.condition.span.end)
    }

    /// Why it could not be evaluated.
    #[getter]
    fn error(&self) -> Option<&str> {
        self.condition.error.as_deref()
    }

    /// The condition in JSON.
    fn to_json(&self) -> PyResult<String> {
        json(&self.condition)
    }

    fn __repr__(&self) -> String {
        let text = self.condition.text.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("<Condition {} {text}>", mark(&self.condition))
    }
}
