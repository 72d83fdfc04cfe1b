//! Instants and durations: Python's `datetime` and `timedelta`, the crate's milliseconds.
//!
//! INVARIANT: no instant is guessed. A `datetime` without a zone is refused.

use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDelta, PyTzInfo};

const MS_PER_DAY: i64 = 86_400_000;

/// 1970-01-01T00:00:00Z.
fn epoch(py: Python<'_>) -> PyResult<&Bound<'_, PyDateTime>> {
    static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    let make = || {
        let utc = PyTzInfo::utc(py)?;
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(Bound::unbind)
    };
    EPOCH.get_or_try_init(py, make).map(|epoch| epoch.bind(py))
}

/// A millisecond.
fn millisecond(py: Python<'_>) -> PyResult<&Bound<'_, PyDelta>> {
    static MILLISECOND: PyOnceLock<Py<PyDelta>> = PyOnceLock::new();
    let make = || PyDelta::new(py, 0, 0, 1_000, false).map(Bound::unbind);
    MILLISECOND.get_or_try_init(py, make).map(|millisecond| millisecond.bind(py))
}

/// The millisecond in which an instant lies, since 1970-01-01T00:00:00Z.
pub(crate) fn instant(given: &Bound<'_, PyDateTime>) -> PyResult<i64> {
    // Python takes only an aware one from an aware one.
    match given.as_any().sub(epoch(given.py())?) {
        // Such as the NaT of pandas, which is a datetime and no instant.
        Ok(since) if !since.is_instance_of::<PyDelta>() => {
            Err(PyValueError::new_err(format!("{} is no instant", given.str()?.to_string_lossy())))
        }
        Ok(since) => whole_milliseconds(&since),
        Err(_) if given.call_method0(intern!(given.py(), "utcoffset"))?.is_none() => {
            Err(PyValueError::new_err(
                "the datetime is naive: it has no tzinfo, so that it does not say which instant it is; \
            make it aware, as in datetime(2026, 5, 11, 9, tzinfo=ZoneInfo(\"Pacific/Auckland\"))",
            ))
        }
        Err(other) => Err(other),
    }
}

/// Whole milliseconds of a duration, down to the next.
pub(crate) fn milliseconds(given: &Bound<'_, PyDelta>) -> PyResult<i64> {
    whole_milliseconds(given.as_any())
}

fn whole_milliseconds(since: &Bound<'_, PyAny>) -> PyResult<i64> {
    since.floor_div(millisecond(since.py())?)?.extract()
}

/// An instant as a `datetime` in UTC.
pub(crate) fn datetime(py: Python<'_>, ms: i64) -> PyResult<Bound<'_, PyAny>> {
    let outside = |_| {
        PyValueError::new_err(format!(
            "the instant {ms} ms since 1970 is outside the years 1 to 9999, which a datetime can hold"
        ))
    };
    let since = timedelta(py, ms).map_err(outside)?;
    epoch(py)?.as_any().add(since).map_err(outside)
}

/// A duration as a `timedelta`.
pub(crate) fn timedelta(py: Python<'_>, ms: i64) -> PyResult<Bound<'_, PyDelta>> {
    let (days, in_day) = (ms.div_euclid(MS_PER_DAY), ms.rem_euclid(MS_PER_DAY));
    let (seconds, rest) = (in_day / 1_000, in_day % 1_000);
    let parts = (i32::try_from(days), i32::try_from(seconds), i32::try_from(rest * 1_000));
    let (Ok(days), Ok(seconds), Ok(microseconds)) = parts else {
        return Err(PyValueError::new_err(format!("{ms} ms are more than a timedelta can hold")));
    };
    PyDelta::new(py, days, seconds, microseconds, false)
        .map_err(|_| PyValueError::new_err(format!("{ms} ms are more than a timedelta can hold")))
}

/// The `now` of a call: the one that is given, or the clock's.
pub(crate) fn now(given: Option<&Bound<'_, PyAny>>) -> PyResult<i64> {
    match given {
        None => Ok(clock()),
        Some(given) => match given.cast::<PyDateTime>() {
            Ok(given) => instant(given),
            Err(_) => Err(PyTypeError::new_err(format!(
                "now: expected a datetime, found {}",
                given.get_type().name()?
            ))),
        },
    }
}

fn clock() -> i64 {
    let whole = |since: std::time::Duration| i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => -whole(before.duration()),
    }
}
