//! Whole numbers that are given: what is none, or too small or large, is refused by the name of its place.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::error::RequestError;

/// A whole number from `least` to `most`, of a question: outside of them it makes no sense.
pub(crate) fn asked(given: &Bound<'_, PyAny>, name: &str, least: u64, most: u64) -> PyResult<u64> {
    number(given, name, (least, most), RequestError::new_err::<String>)
}

/// As [`asked`], of anything else.
pub(crate) fn given(given: &Bound<'_, PyAny>, name: &str, least: u64, most: u64) -> PyResult<u64> {
    number(given, name, (least, most), PyValueError::new_err::<String>)
}

fn number(
    given: &Bound<'_, PyAny>,
    name: &str,
    (least, most): (u64, u64),
    refuse: fn(String) -> PyErr,
) -> PyResult<u64> {
    // A bool is an int in Python, and none here.
    let index = (!given.is_instance_of::<PyBool>()).then(|| given.call_method0("__index__").ok()).flatten();
    let Some(index) = index else {
        let found = given.get_type().name()?;
        return Err(PyTypeError::new_err(format!("{name}: expected an int, found {found}")));
    };
    match index.extract::<u64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => {
            let found: String = index.str()?.to_string_lossy().chars().take(40).collect();
            Err(refuse(format!("{name}: expected a whole number from {least} to {most}, found {found}")))
        }
    }
}
