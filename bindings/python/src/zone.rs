//! Time zones as Python has them.
//!
//! The crate takes a zone by its rule and asks no database. Python has one, in which each zone ends with the rule
//! that holds from its last change on: that is what a `ZoneInfo` is taken as, for all years.

use std::path::PathBuf;

use caseward::Zone;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyString};

use crate::error::OrRaise;
use crate::time;

/// The zone that is given: a rule as in POSIX's `TZ`, a `zoneinfo.ZoneInfo`, or a `datetime.timezone`.
pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<Zone> {
    let py = given.py();
    if let Ok(rule) = given.cast::<PyString>() {
        return rule.to_str()?.parse::<Zone>().or_raise(py);
    }
    if given.is_instance(&py.import("datetime")?.getattr("timezone")?)? {
        return fixed(&given.call_method1("utcoffset", (py.None(),))?)?.parse::<Zone>().or_raise(py);
    }
    if given.is_instance(&py.import("zoneinfo")?.getattr("ZoneInfo")?)? {
        let key: Option<String> = given.getattr("key")?.extract()?;
        let key = key.ok_or_else(|| PyValueError::new_err("zone: this ZoneInfo has no key"))?;
        return last_rule(py, &key)?.parse::<Zone>().or_raise(py);
    }
    Err(PyTypeError::new_err(format!(
        "zone: expected a ZoneInfo, a timezone, or a rule as in POSIX's TZ, such as \
        \"NZST-12NZDT,M9.5.0,M4.1.0/3\"; found {}",
        given.get_type().name()?
    )))
}

/// The rule of a zone that is always so far from UTC.
fn fixed(offset: &Bound<'_, PyAny>) -> PyResult<String> {
    let ms = time::milliseconds(offset.cast::<PyDelta>()?)?;
    let (minutes, rest) = (ms / 60_000, ms % 60_000);
    if rest != 0 {
        return Err(PyValueError::new_err("zone: an offset is of whole minutes"));
    }
    // POSIX counts westwards.
    let sign = if minutes > 0 { '-' } else { '+' };
    Ok(format!("<zone>{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60))
}

/// The rule with which a zone of Python's database ends.
fn last_rule(py: Python<'_>, key: &str) -> PyResult<String> {
    let refuse = |why: &str| PyValueError::new_err(format!("zone: `{key}` {why}"));
    let folders: Vec<PathBuf> = py.import("zoneinfo")?.getattr("TZPATH")?.extract()?;
    // Systems without a database have the package `tzdata`.
    let of_package =
        py.import("tzdata").and_then(|package| package.getattr("__path__")?.get_item(0)?.extract());
    let of_package = of_package.ok().map(|folder: PathBuf| folder.join("zoneinfo"));
    let files = folders.into_iter().chain(of_package).map(|folder| folder.join(key));
    let bytes = files.filter(|file| file.is_file()).find_map(|file| std::fs::read(file).ok());
    let bytes = bytes.ok_or_else(|| refuse("is in no database of zones"))?;
    // RFC 9636, 3.3: the footer is the rule between two line feeds.
    let footer = bytes.strip_suffix(b"\n").and_then(|bytes| bytes.rsplit(|byte| *byte == b'\n').next());
    match footer.and_then(|footer| std::str::from_utf8(footer).ok()).filter(|rule| !rule.is_empty()) {
        Some(rule) if bytes.starts_with(b"TZif") => Ok(rule.to_owned()),
        _ => Err(refuse("has no rule in its file, which is of an old form")),
    }
}
