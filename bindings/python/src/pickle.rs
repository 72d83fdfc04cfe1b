//! What is pickled and copied: values that answers and errors carry from one process to another.
//!
//! Each is made anew by a function of this module: from what it was made of, or from the crate's own bytes, which say
//! what they are, so that nothing that tells everything comes back as a `View`.

use std::sync::Arc;

use caseward::carried::Carried;
use caseward::{Decision, EntityUid, Fault, Provenance, Severity, Span};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::answer::{ActionAnswer, Answer, word};
use crate::cases::Mismatch;
use crate::changes::Changes;
use crate::decisions::Decisions;
use crate::error::OrRaise;
use crate::explanation::{Condition, Edit, Explanation, Instead, Kept, Operand, Reason};
use crate::filter::{Filter, Setup};
use crate::matrix::Matrix;
use crate::policy::{Policy, Problem};
use crate::sorted::SortedPage;
use crate::table::{Line, Table};
use crate::view::{Field, Item, Need, Next, Section, View};
use crate::visible::{Granted, Page};

/// What pickle takes: the function, by its name in this module, and what it is given.
pub(crate) fn pickled<'py>(
    py: Python<'py>,
    function: &str,
    state: Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let function = py.import("caseward._caseward")?.getattr(function)?;
    (function, state).into_pyobject(py).map(Bound::into_any)
}

/// What pickle takes for what the crate itself has bytes of.
pub(crate) fn carried<'py, T: Carried>(py: Python<'py>, value: &T) -> PyResult<Bound<'py, PyAny>> {
    let bytes = PyBytes::new(py, &value.to_bytes());
    pickled(py, "_carried", (T::NAME, bytes).into_pyobject(py)?)
}

/// What the crate has bytes of, as it was.
#[pyfunction]
pub(crate) fn _carried<'py>(py: Python<'py>, name: &str, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    macro_rules! of {
        ($($class:ident { $field:ident }),* $(,)?) => {
            match name {
                $(stringify!($class) => {
                    let $field = Carried::from_bytes(bytes).or_raise(py)?;
                    Bound::new(py, $class { $field }).map(Bound::into_any)
                })*
                "Changes" => {
                    let changes: caseward::Changes = Carried::from_bytes(bytes).or_raise(py)?;
                    Bound::new(py, Changes::from(changes)).map(Bound::into_any)
                }
                _ => Err(PyValueError::new_err(format!("`{name}` is nothing that caseward pickles"))),
            }
        };
    }
    of! {
        ActionAnswer { answer }, Condition { condition }, Edit { edit }, Explanation { explanation }, Field { field },
        Filter { filter }, Granted { granted }, Instead { instead }, Item { item }, Kept { kept }, Line { line },
        Matrix { matrix }, Mismatch { mismatch }, Need { need }, Next { next }, Operand { operand }, Page { page },
        Policy { policy }, Reason { reason }, Section { section }, Setup { setup }, SortedPage { page }, Table { table }, View { view },
    }
}

/// Why something is neither pickled nor copied, and what to do instead.
pub(crate) fn refused<T>(what: &str, instead: &str) -> PyResult<T> {
    Err(PyTypeError::new_err(format!("a {what} is neither pickled nor copied: {instead}")))
}

/// The kind of a fault, and up to two texts.
type Told = (String, String, String);

fn told(fault: &Fault) -> Told {
    let (kind, one, other) = match fault {
        Fault::Absent(uid) => ("absent", uid.type_name(), uid.id()),
        Fault::Unseen(uid) => ("unseen", uid.type_name(), uid.id()),
        Fault::Policy { id, message } => ("policy", &**id, message.as_str()),
        Fault::Request(message) => ("request", message.as_str(), ""),
    };
    (kind.to_owned(), one.to_owned(), other.to_owned())
}

pub(crate) fn answer<'py>(py: Python<'py>, answer: &caseward::Answer) -> PyResult<Bound<'py, PyAny>> {
    let texts = |all: &[Arc<str>]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    let faults: Vec<Told> = answer.errors.iter().map(told).collect();
    let state = (
        word(answer.decision),
        texts(&answer.policies),
        texts(&answer.rules),
        faults,
        answer.provenance.policy_hash.to_string(),
        answer.provenance.version,
        answer.provenance.now,
    );
    pickled(py, "_answer", state.into_pyobject(py)?)
}

/// An answer as it was.
#[pyfunction]
pub(crate) fn _answer(
    decision: &str,
    policies: Vec<String>,
    rules: Vec<String>,
    faults: Vec<Told>,
    policy_hash: String,
    version: u64,
    now: Option<i64>,
) -> PyResult<Answer> {
    let texts = |all: Vec<String>| all.into_iter().map(Arc::from).collect();
    let fault = |(kind, one, other): Told| match kind.as_str() {
        "absent" => Fault::Absent(EntityUid::new(one, other)),
        "unseen" => Fault::Unseen(EntityUid::new(one, other)),
        "policy" => Fault::Policy { id: one.into(), message: other },
        _ => Fault::Request(one),
    };
    let decision = match decision {
        "allow" => Decision::Allow,
        "deny" => Decision::Deny,
        _ => return Err(PyValueError::new_err(format!("`{decision}` is no decision"))),
    };
    let mut answer = caseward::Answer::new(decision, Provenance::new(policy_hash, version, now));
    (answer.policies, answer.rules) = (texts(policies), texts(rules));
    answer.errors = faults.into_iter().map(fault).collect();
    Ok(Answer::from(answer))
}

type Place = (usize, usize, u32, u32, u32, u32);

pub(crate) fn problem<'py>(py: Python<'py>, problem: &caseward::Problem) -> PyResult<Bound<'py, PyAny>> {
    let place = |span: Span| (span.start, span.end, span.line, span.column, span.end_line, span.end_column);
    let state = (
        problem.severity == Severity::Error,
        problem.message.as_str(),
        problem.source.as_str(),
        problem.span.map(place),
        problem.help.as_deref(),
        problem.entity,
    );
    pickled(py, "_problem", state.into_pyobject(py)?)
}

/// A problem as it was.
#[pyfunction]
#[pyo3(signature = (is_error, message, source, place, help, entity = None))]
pub(crate) fn _problem(
    is_error: bool,
    message: String,
    source: String,
    place: Option<Place>,
    help: Option<String>,
    entity: Option<std::num::NonZeroU32>,
) -> Problem {
    let span = |(start, end, line, column, end_line, end_column)| Span {
        start,
        end,
        line,
        column,
        end_line,
        end_column,
    };
    let severity = if is_error { Severity::Error } else { Severity::Warning };
    Problem::from(caseward::Problem { severity, message, source, span: place.map(span), help, entity })
}

/// Decisions as they were.
#[pyfunction]
pub(crate) fn _decisions(allowed: &Bound<'_, PyBytes>, policy_hash: String, version: u64) -> Decisions {
    Decisions::again(allowed.clone().unbind(), policy_hash, version)
}
