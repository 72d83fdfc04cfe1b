//! The crate's errors as exceptions: the same kinds, the same text.

use caseward::ErrorKind;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::gate;
use crate::policy::Problem;

create_exception!(
    caseward,
    CasewardError,
    PyException,
    "Anything that caseward refuses. A denial is never an error: it is an Answer.\n\n\
    `problems` holds what is behind a refusal of policies or data, each with its place."
);
create_exception!(caseward, PolicyError, CasewardError, "Policies or a schema were refused.");
create_exception!(caseward, DataError, CasewardError, "Data was refused.");
create_exception!(caseward, RequestError, CasewardError, "A request makes no sense under the schema.");
create_exception!(
    caseward,
    SchemaError,
    CasewardError,
    "Data and policies that do not belong together were used together."
);
create_exception!(
    caseward,
    SnapshotError,
    CasewardError,
    "A snapshot is damaged, of another format, or none at all."
);
create_exception!(caseward, StoreError, CasewardError, "A store cannot be made, opened or written.");
create_exception!(caseward, ReadError, CasewardError, "A policy file could not be read.");
create_exception!(
    caseward,
    MappingError,
    CasewardError,
    "What is said of one's own tables does not fit the schema."
);
create_exception!(
    caseward,
    TranslationError,
    CasewardError,
    "A policy asks what the database cannot answer exactly, or the mapping has no place for."
);
create_exception!(
    caseward,
    VersionTimeoutError,
    CasewardError,
    "A version of the data that was waited for has not come."
);

/// Raises what the crate reports.
pub(crate) trait OrRaise<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for Result<T, caseward::Error> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error))
    }
}

fn exception(py: Python<'_>, error: &caseward::Error) -> PyErr {
    // Whatever the call made of it: who wants to end the program is not told that their data is wrong.
    if let Some(raised) = gate::ended_with() {
        return raised;
    }
    let text = error.to_string();
    let raised = match error.kind() {
        ErrorKind::Policies => PolicyError::new_err(text),
        ErrorKind::Data => DataError::new_err(text),
        ErrorKind::Request => RequestError::new_err(text),
        ErrorKind::Schema => SchemaError::new_err(text),
        ErrorKind::Snapshot => SnapshotError::new_err(text),
        ErrorKind::Read => ReadError::new_err(text),
        ErrorKind::Mapping => MappingError::new_err(text),
        ErrorKind::Untranslatable => TranslationError::new_err(text),
        ErrorKind::Timeout => VersionTimeoutError::new_err(text),
        // Bundles are not opened here; what Ctrl-C ended was raised above.
        ErrorKind::Bundle | ErrorKind::Interrupted => CasewardError::new_err(text),
    };
    if error.problems().is_empty() {
        return raised;
    }
    let problems = error.problems().iter().map(|problem| Problem::from(problem.clone()));
    let told = PyTuple::new(py, problems.collect::<Vec<_>>())
        .and_then(|all| raised.value(py).setattr("problems", all));
    match told {
        Ok(()) => raised,
        Err(other) => other,
    }
}
