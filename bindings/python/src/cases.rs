//! Policy cases as core reads them, for `caseward.testing`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use caseward::Decision;
use caseward::author::CasePath;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyFrozenSet, PyTuple};

use crate::answer::word;
use crate::error::OrRaise;
use crate::gate::released;
use crate::pickle;
use crate::question::Request;
use crate::ward::Ward;
use crate::world::World;

/// A file of policy cases in TOML: small worlds, requests and what is expected of them.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct CaseFile {
    file: caseward::author::CaseFile,
}

#[pymethods]
impl CaseFile {
    /// Reads a file of cases called `name`: TOML, or with `expect`, "allow" or "deny", one case in JSON whose sentence
    /// is the name without its ending. Raises DataError, naming the case and what is wrong in it.
    #[staticmethod]
    #[pyo3(signature = (ward, name, text, expect = None))]
    fn read(
        py: Python<'_>,
        ward: &Bound<'_, Ward>,
        name: &str,
        text: &str,
        expect: Option<&str>,
    ) -> PyResult<Self> {
        let ward = &ward.get().ward;
        let expect = expect.map(decision).transpose()?;
        let read = || match expect {
            None => caseward::author::CaseFile::read(ward, name, text),
            Some(expect) => {
                let sentence = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
                caseward::author::CaseFile::read_json(ward, name, &sentence, expect, text)
            }
        };
        released(py, read).or_raise(py).map(|file| CaseFile { file })
    }

    /// The files of cases at a path: itself, or those below it, each with what its folder expects of a case in JSON,
    /// "allow" or "deny", or None for TOML. Raises ReadError for what looks like a case and would not be run.
    #[staticmethod]
    fn find(py: Python<'_>, path: PathBuf) -> PyResult<Vec<(PathBuf, Option<&'static str>)>> {
        let found = released(py, || CasePath::find(&path)).or_raise(py)?;
        Ok(found.into_iter().map(|found| (found.path, found.expect.map(word))).collect())
    }

    /// What the file is called.
    #[getter]
    fn name(&self) -> &str {
        &self.file.name
    }

    /// The cases, in the order of the file.
    #[getter]
    fn cases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let cases = self.file.cases.iter().map(|case| Bound::new(py, Case { case: case.clone() }));
        PyTuple::new(py, cases.collect::<PyResult<Vec<_>>>()?)
    }

    /// Runs one of its cases; None where it comes out as expected.
    fn run_case(
        &self,
        py: Python<'_>,
        ward: &Bound<'_, Ward>,
        case: &Bound<'_, Case>,
    ) -> PyResult<Option<Mismatch>> {
        let (ward, case) = (&ward.get().ward, &case.get().case);
        let ran = released(py, || self.file.run_case(ward, case)).or_raise(py)?;
        Ok(ran.map(|mismatch| Mismatch { mismatch }))
    }

    /// Runs every case; what is returned came out otherwise than expected.
    fn run(&self, py: Python<'_>, ward: &Bound<'_, Ward>) -> PyResult<Vec<Mismatch>> {
        let ward = &ward.get().ward;
        let ran = released(py, || self.file.run(ward)).or_raise(py)?;
        Ok(ran.into_iter().map(|mismatch| Mismatch { mismatch }).collect())
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("CaseFile", "another process reads its own")
    }

    fn __repr__(&self) -> String {
        format!("<CaseFile {}: {} cases>", self.file.name, self.file.cases.len())
    }
}

fn decision(text: &str) -> PyResult<Decision> {
    match text {
        "allow" => Ok(Decision::Allow),
        "deny" => Ok(Decision::Deny),
        _ => Err(PyValueError::new_err(format!("`{text}` is neither \"allow\" nor \"deny\""))),
    }
}

/// One case: a world, a request and what is expected.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Case {
    case: caseward::author::Case,
}

#[pymethods]
impl Case {
    /// A sentence.
    #[getter]
    fn name(&self) -> &str {
        &self.case.name
    }

    /// The data.
    #[getter]
    fn world(&self) -> World {
        self.case.world.clone().into()
    }

    /// The question.
    #[getter]
    fn request(&self) -> Request {
        Request { request: self.case.request.clone() }
    }

    /// The decision that the rules ask for: "allow" or "deny".
    #[getter]
    fn expect(&self) -> &'static str {
        word(self.case.expect)
    }

    /// Ids of exactly the policies that must decide, where the case says so.
    #[getter]
    fn policies<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyFrozenSet>>> {
        let set = |ids: &BTreeSet<String>| PyFrozenSet::new(py, ids);
        self.case.policies.as_ref().map(set).transpose()
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Case", "it holds a world; another process reads its own `CaseFile`")
    }

    fn __repr__(&self) -> String {
        format!("<Case {}>", self.case.name)
    }
}

/// A case that came out otherwise. As text it is a report for people.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Mismatch {
    pub(crate) mismatch: caseward::author::Mismatch,
}

#[pymethods]
impl Mismatch {
    /// The file and the case.
    #[getter]
    fn case(&self) -> &str {
        &self.mismatch.case
    }

    /// What differs.
    #[getter]
    fn difference(&self) -> &str {
        &self.mismatch.difference
    }

    /// The explanation of the actual answer.
    #[getter]
    fn explanation(&self) -> &str {
        &self.mismatch.explanation
    }

    fn __str__(&self) -> String {
        let caseward::author::Mismatch { case, difference, explanation, .. } = &self.mismatch;
        let explanation = explanation.trim_end().replace('\n', "\n  ");
        format!("{case}\n{difference}\n  {explanation}")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.mismatch)
    }

    fn __repr__(&self) -> String {
        format!("<Mismatch {}: {}>", self.mismatch.case, self.mismatch.difference)
    }
}
