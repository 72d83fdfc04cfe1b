//! Why, or why not, for people who write policies or help those who use them.

use std::collections::BTreeMap;

use caseward::{Composition, Deed, Shown, Turn};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::answer::{Answer, texts};
use crate::policy::Policy;
use crate::question::json;
use crate::uid::EntityUid;
use crate::{html, pickle, value};

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

    /// Who asks what about what, a sentence each; empty where something is absent.
    #[getter]
    fn story(&self) -> Vec<String> {
        self.explanation.story.clone()
    }

    /// The policies that decided it, as in the answer.
    #[getter]
    fn deciding(&self) -> Vec<Reason> {
        self.explanation.deciding.iter().cloned().map(|reason| Reason { reason }).collect()
    }

    /// The policies that could not be evaluated, with the place in their text.
    #[getter]
    fn failed(&self) -> Vec<Reason> {
        self.explanation.failed.iter().cloned().map(|reason| Reason { reason }).collect()
    }

    /// For a denial that no policy decided: the permits that came nearest, those for a role of the person's first.
    #[getter]
    fn nearest(&self) -> Vec<Reason> {
        self.explanation.nearest.iter().cloned().map(|reason| Reason { reason }).collect()
    }

    /// Permits that could apply to these types and are not shown.
    #[getter]
    fn more(&self) -> usize {
        self.explanation.more
    }

    /// Whether more was to be said that the viewer may not see.
    #[getter]
    fn withheld(&self) -> bool {
        self.explanation.withheld
    }

    /// The smallest change of facts that would turn the decision, three edits at most; empty where none is known.
    #[getter]
    fn turn(&self) -> Vec<Edit> {
        self.explanation.turn.edits().iter().cloned().map(|edit| Edit { edit }).collect()
    }

    /// Where nothing that can be proposed turns the decision: the facts that it hangs on, and who sets them.
    #[getter]
    fn kept(&self) -> Vec<Kept> {
        match &self.explanation.turn {
            Turn::Kept { facts } => facts.iter().cloned().map(|kept| Kept { kept }).collect(),
            _ => Vec::new(),
        }
    }

    /// For a denial: who could do it instead; None where the viewer may not see who may do what to the record.
    #[getter]
    fn instead(&self) -> Option<Instead> {
        self.explanation.instead.clone().map(|instead| Instead { instead })
    }

    /// The explanation as a tree of conditions, for people.
    fn tree(&self) -> String {
        self.explanation.tree()
    }

    /// The explanation in JSON, the same bytes as the crate and the command give.
    fn to_json(&self) -> PyResult<String> {
        json(&self.explanation)
    }

    fn __bool__(&self) -> bool {
        self.explanation.answer.is_allowed()
    }

    fn __copy__<'py>(this: Bound<'py, Self>) -> Bound<'py, Self> {
        this
    }

    fn __deepcopy__<'py>(this: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        this
    }

    fn __str__(&self) -> String {
        self.explanation.to_string()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.explanation)
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
                let asks = condition.name.as_deref().unwrap_or_default().to_owned();
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
    pub(crate) reason: caseward::Reason,
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

    /// The conditions that do not hold, or have no value.
    #[getter]
    fn failed(&self) -> Vec<Condition> {
        self.reason.failed().cloned().map(|condition| Condition { condition }).collect()
    }

    /// The reason in JSON.
    fn to_json(&self) -> PyResult<String> {
        json(&self.reason)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.reason)
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
    pub(crate) condition: caseward::Condition,
}

#[pymethods]
impl Condition {
    /// Whether it holds; None where it has no value, is withheld, or is only looked at once others hold.
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

    /// Its line in the source, from 1.
    #[getter]
    fn line(&self) -> u32 {
        self.condition.span.line
    }

    /// Its column in that line, from 1, in characters.
    #[getter]
    fn column(&self) -> u32 {
        self.condition.span.column
    }

    /// The line of what follows it.
    #[getter]
    fn end_line(&self) -> u32 {
        self.condition.span.end_line
    }

    /// The column of what follows it.
    #[getter]
    fn end_column(&self) -> u32 {
        self.condition.span.end_column
    }

    /// Whether the viewer may not see how it came out.
    #[getter]
    fn withheld(&self) -> bool {
        self.condition.withheld
    }

    /// How its parts make it up: "all", "any", "not", "if", or "test" for one without parts.
    #[getter]
    fn made_of(&self) -> &'static str {
        match self.condition.made_of {
            Composition::All => "all",
            Composition::Any => "any",
            Composition::Not => "not",
            Composition::If => "if",
            Composition::Test => "test",
        }
    }

    /// Its parts: conditions, too.
    #[getter]
    fn parts(&self) -> Vec<Condition> {
        self.condition.parts.iter().cloned().map(|condition| Condition { condition }).collect()
    }

    /// For a test: what it found, in words, such as "does not contain".
    #[getter]
    fn found(&self) -> Option<&'static str> {
        self.condition.found
    }

    /// For a test: what it compared.
    #[getter]
    fn operands(&self) -> Vec<Operand> {
        Operand::all(&self.condition.operands)
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

    fn __bool__(&self) -> bool {
        self.condition.holds == Some(true)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.condition)
    }

    fn __repr__(&self) -> String {
        let text = self.condition.text.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("<Condition {} {text}>", mark(&self.condition))
    }
}

/// What a test compares.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Operand {
    pub(crate) operand: caseward::Operand,
}

impl Operand {
    fn all(operands: &[caseward::Operand]) -> Vec<Self> {
        operands.iter().cloned().map(|operand| Operand { operand }).collect()
    }
}

#[pymethods]
impl Operand {
    /// Its text.
    #[getter]
    fn text(&self) -> &str {
        &self.operand.text
    }

    /// Where it stands in the policy's source: from and to, in bytes of UTF-8.
    #[getter]
    fn span(&self) -> (usize, usize) {
        (self.operand.span.start, self.operand.span.end)
    }

    /// Its value, no more than the first elements of a large set; None where it has none, it is withheld, or the
    /// text says it.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &self.operand.value {
            Some(shown) => to_python(py, shown),
            None => Ok(None),
        }
    }

    /// For a value that is computed: what is read for it.
    #[getter]
    fn read(&self) -> Vec<Operand> {
        Operand::all(&self.operand.read)
    }

    fn __str__(&self) -> String {
        self.operand.value.as_ref().map_or_else(|| self.operand.text.clone(), ToString::to_string)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.operand)
    }

    fn __repr__(&self) -> String {
        format!("<Operand {}: {}>", self.operand.text, self.__str__())
    }
}

fn to_python<'py>(py: Python<'py>, shown: &Shown) -> PyResult<Option<Bound<'py, PyAny>>> {
    match shown {
        Shown::Value { value, .. } => value::to_python(py, value).map(Some),
        Shown::Absent | Shown::Failed(_) | Shown::Withheld => Ok(None),
    }
}

/// One change of one fact. As text it is a sentence.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Edit {
    pub(crate) edit: caseward::Edit,
}

#[pymethods]
impl Edit {
    /// The entity; None for the context.
    #[getter]
    fn entity(&self) -> Option<EntityUid> {
        self.edit.entity.clone().map(EntityUid::from)
    }

    /// The attribute, the tag or the field of the context, and the fields within it.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, &self.edit.path)
    }

    /// Whether it is a tag.
    #[getter]
    fn is_tag(&self) -> bool {
        self.edit.is_tag
    }

    /// What to do: "set", "remove", "add" an element or "take" one.
    #[getter]
    fn what(&self) -> &'static str {
        match self.edit.what {
            Deed::Set => "set",
            Deed::Remove => "remove",
            Deed::Add => "add",
            Deed::Take => "take",
        }
    }

    /// The value to set, to add or to take; None where the fact is to be removed.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &self.edit.value {
            Some(shown) => to_python(py, shown),
            None => Ok(None),
        }
    }

    /// What the fact is now; None where it is absent.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        to_python(py, &self.edit.now)
    }

    fn __str__(&self) -> String {
        self.edit.to_string()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.edit)
    }

    fn __repr__(&self) -> String {
        format!("<Edit {}>", self.edit)
    }
}

/// A fact on which a decision hangs, and who sets it. As text it is a sentence.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Kept {
    pub(crate) kept: caseward::Kept,
}

#[pymethods]
impl Kept {
    /// The entity; None for the context.
    #[getter]
    fn entity(&self) -> Option<EntityUid> {
        self.kept.entity.clone().map(EntityUid::from)
    }

    /// The attribute, the tag or the field of the context, and the fields within it.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, &self.kept.path)
    }

    /// Whether it is a tag.
    #[getter]
    fn is_tag(&self) -> bool {
        self.kept.is_tag
    }

    /// What the fact is; None where it is absent.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        to_python(py, &self.kept.now)
    }

    /// Who sets it, as the catalogue has it; None where that is not said.
    #[getter]
    fn set_by(&self) -> Option<&str> {
        self.kept.set_by.as_deref()
    }

    fn __str__(&self) -> String {
        self.kept.to_string()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.kept)
    }

    fn __repr__(&self) -> String {
        format!("<Kept {}>", self.kept)
    }
}

/// Who may do what somebody may not.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Instead {
    pub(crate) instead: caseward::Instead,
}

#[pymethods]
impl Instead {
    /// How many of the principal's type may.
    #[getter]
    fn count(&self) -> usize {
        self.instead.count
    }

    /// A few of them.
    #[getter]
    fn people(&self) -> Vec<EntityUid> {
        self.instead.people.iter().cloned().map(EntityUid::from).collect()
    }

    /// How many may by each policy, by its id; empty where they are too many to be told apart.
    #[getter]
    fn by(&self) -> BTreeMap<&str, usize> {
        self.instead.by.iter().map(|grant| (grant.policy.as_ref(), grant.count)).collect()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.instead)
    }

    fn __repr__(&self) -> String {
        format!("<Instead {}>", self.instead.count)
    }
}
