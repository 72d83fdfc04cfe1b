//! Values of attributes and contexts, between Python and the crate.
//!
//! | Cedar | from Python | to Python |
//! |---|---|---|
//! | Bool | `bool` | `bool` |
//! | Long | `int` | `int` |
//! | String | `str` | `str` |
//! | an entity | `EntityUid`, a tuple `(type, id)` | `EntityUid` |
//! | Set | `set`, `frozenset`, `list` | `frozenset`; `list` where its elements are records |
//! | record | a mapping with `str` keys | `dict` |
//! | decimal | `decimal.Decimal` | `decimal.Decimal` |
//! | ipaddr | what `ipaddress` has | an address, or an interface where the prefix is not whole |
//! | datetime | an aware `datetime` | `datetime` in UTC |
//! | duration | `timedelta` | `timedelta` |

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::{Ip, Value};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyDateTime, PyDelta, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyMapping, PySet, PyString,
    PyType,
};

use crate::time;
use crate::uid::{self, EntityUid};

/// Values within values, at most: what lies deeper would be refused by every schema's JSON too.
const MAX_NESTING: usize = 64;

/// The crate's form of a value.
pub(crate) fn from_python(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    value(given, 0)
}

/// A mapping of names to values.
pub(crate) fn fields(given: &Bound<'_, PyAny>) -> PyResult<BTreeMap<Arc<str>, Value>> {
    record(given, 0)
}

fn value(given: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > MAX_NESTING {
        return Err(PyValueError::new_err(format!("a value is nested more than {MAX_NESTING} deep")));
    }
    // Before int: a bool is one in Python, and is none in Cedar.
    if let Ok(given) = given.cast::<PyBool>() {
        return Ok(Value::Bool(given.is_true()));
    }
    if given.is_instance_of::<PyInt>() {
        return long(given);
    }
    if let Ok(given) = given.cast::<PyString>() {
        return Ok(Value::string(given.to_str()?));
    }
    if let Ok(given) = given.cast::<EntityUid>() {
        return Ok(Value::Entity(given.get().uid.clone()));
    }
    if let Ok(given) = given.cast::<PyDateTime>() {
        return time::instant(given).map(Value::Datetime);
    }
    if let Ok(given) = given.cast::<PyDelta>() {
        return time::milliseconds(given).map(Value::Duration);
    }
    if given.is_instance_of::<PyList>()
        || given.is_instance_of::<PySet>()
        || given.is_instance_of::<PyFrozenSet>()
    {
        let all = given.try_iter()?.map(|element| value(&element?, depth + 1));
        return all.collect::<PyResult<_>>().map(Value::Set);
    }
    if given.is_instance_of::<PyDict>() {
        return record(given, depth + 1).map(Value::Record);
    }
    rare(given, depth)
}

/// What is looked for last.
fn rare(given: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if let Some(uid) = uid::pair(given)? {
        return Ok(Value::Entity(uid));
    }
    if given.is_instance(decimal_type(given.py())?)? {
        return decimal(given).map(Value::Decimal);
    }
    if let Some(found) = address(given)? {
        return Ok(found);
    }
    if given.is_instance_of::<PyMapping>() {
        return record(given, depth + 1).map(Value::Record);
    }
    // Numbers of other libraries.
    if !given.is_instance_of::<PyFloat>() && given.hasattr(intern!(given.py(), "__index__"))? {
        return long(given);
    }
    let kind = given.get_type().name()?;
    Err(PyTypeError::new_err(match given.is_none() {
        true => "None is no value: leave out what is absent".to_owned(),
        false => format!(
            "a {kind} is no value: expected bool, int, str, EntityUid or (type, id), set or list, dict, Decimal, \
            an address of ipaddress, an aware datetime or timedelta"
        ),
    }))
}

fn long(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    given.extract::<i64>().map(Value::Long).map_err(|error| {
        if error.is_instance_of::<pyo3::exceptions::PyOverflowError>(given.py()) {
            PyValueError::new_err("an int is outside what a Long can hold, -2**63 to 2**63 - 1")
        } else {
            error
        }
    })
}

fn record(given: &Bound<'_, PyAny>, depth: usize) -> PyResult<BTreeMap<Arc<str>, Value>> {
    let refuse =
        || PyTypeError::new_err("expected a mapping of names to values, such as {\"sizeBytes\": 4096}");
    let mapping = given.cast::<PyMapping>().map_err(|_| refuse())?;
    let mut fields = BTreeMap::new();
    for pair in mapping.items()?.iter() {
        let (name, given) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let name = name.cast::<PyString>().map_err(|_| refuse())?;
        fields.insert(Arc::from(name.to_str()?), value(&given, depth)?);
    }
    Ok(fields)
}

fn decimal_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

/// Ten-thousandths of a `Decimal`.
fn decimal(given: &Bound<'_, PyAny>) -> PyResult<i64> {
    let refuse = || {
        PyValueError::new_err(
            "a Decimal does not fit: a decimal has up to four places and 15 digits before them, \
            -922337203685477.5808 to 922337203685477.5807",
        )
    };
    let parts = given.call_method0(intern!(given.py(), "as_tuple"))?;
    // A NaN and an infinity have no number for an exponent.
    let (is_negative, mut digits, exponent): (i64, Vec<u8>, i64) = parts.extract().map_err(|_| refuse())?;
    let mut shift = exponent.checked_add(4).ok_or_else(refuse)?;
    while digits.last() == Some(&0) && digits.len() > 1 {
        digits.pop();
        shift = shift.checked_add(1).ok_or_else(refuse)?;
    }
    let number = digits.iter().try_fold(0_i64, |n, digit| n.checked_mul(10)?.checked_sub(i64::from(*digit)));
    let number = match number {
        Some(0) => return Ok(0),
        Some(number) => number,
        None => return Err(refuse()),
    };
    // Counted down from 0, where there is room for one more than above it.
    let scale = u32::try_from(shift).ok().and_then(|shift| 10_i64.checked_pow(shift)).ok_or_else(refuse)?;
    let number = number.checked_mul(scale).ok_or_else(refuse)?;
    if is_negative == 1 { Ok(number) } else { number.checked_neg().ok_or_else(refuse) }
}

/// An address or a network of the module `ipaddress`; `None` for anything else.
fn address(given: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    let py = given.py();
    let module = given.get_type().module()?;
    if module.to_str().is_ok_and(|module| module != "ipaddress") {
        return Ok(None);
    }
    let text = given.str()?;
    let text = text.to_str()?;
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, prefix.parse().ok()),
        None => (text, given.getattr(intern!(py, "max_prefixlen"))?.extract::<u8>().ok()),
    };
    let parsed = address.parse().ok().zip(prefix);
    let refuse = || PyValueError::new_err(format!("`{text}` is no address that an ipaddr can hold"));
    let (address, prefix) = parsed.ok_or_else(refuse)?;
    Ok(Some(Value::Ip(Ip { address, prefix })))
}

/// Python's form of a value.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Bool(v) => Ok(PyBool::new(py, *v).to_owned().into_any()),
        Value::Long(v) => Ok(v.into_pyobject(py)?.into_any()),
        Value::String(v) => Ok(PyString::new(py, v).into_any()),
        Value::Entity(uid) => Ok(Bound::new(py, EntityUid::from(uid.clone()))?.into_any()),
        Value::Record(fields) => dict(py, fields).map(Bound::into_any),
        Value::Datetime(ms) => time::datetime(py, *ms),
        Value::Duration(ms) => time::timedelta(py, *ms).map(Bound::into_any),
        Value::Decimal(ten_thousandths) => {
            let unsigned = ten_thousandths.unsigned_abs();
            let sign = if *ten_thousandths < 0 { "-" } else { "" };
            decimal_type(py)?.call1((format!("{sign}{}.{:04}", unsigned / 10_000, unsigned % 10_000),))
        }
        Value::Ip(ip) => {
            let whole = if ip.address.is_ipv4() { 32 } else { 128 };
            let module = py.import(intern!(py, "ipaddress"))?;
            match ip.prefix == whole {
                true => module.call_method1(intern!(py, "ip_address"), (ip.address.to_string(),)),
                false => {
                    let text = format!("{}/{}", ip.address, ip.prefix);
                    module.call_method1(intern!(py, "ip_interface"), (text,))
                }
            }
        }
        Value::Set(values) => {
            let all = values.iter().map(|value| to_python(py, value)).collect::<PyResult<Vec<_>>>()?;
            if values.iter().any(is_unhashable) {
                return Ok(PyList::new(py, all)?.into_any());
            }
            Ok(PyFrozenSet::new(py, all)?.into_any())
        }
    }
}

/// Values as a list, None where there is none.
pub(crate) fn column<'py>(py: Python<'py>, values: &[Option<Value>]) -> PyResult<Bound<'py, PyList>> {
    // Columns repeat themselves: what follows itself is made once.
    let mut last: Option<(&Value, Bound<'py, PyAny>)> = None;
    let list = PyList::empty(py);
    for value in values {
        match (value, &last) {
            (None, _) => list.append(py.None())?,
            (Some(value), Some((known, made))) if *known == value && !is_unhashable(value) => {
                list.append(made)?
            }
            (Some(value), _) => {
                let made = to_python(py, value)?;
                list.append(&made)?;
                last = Some((value, made));
            }
        }
    }
    Ok(list)
}

/// Whether Python could not hold the value in a set.
fn is_unhashable(value: &Value) -> bool {
    match value {
        Value::Record(_) => true,
        Value::Set(values) => values.iter().any(is_unhashable),
        _ => false,
    }
}

/// A record as a `dict`, in the order of its names.
pub(crate) fn dict<'py>(py: Python<'py>, fields: &BTreeMap<Arc<str>, Value>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in fields {
        dict.set_item(name.as_ref(), to_python(py, value)?)?;
    }
    Ok(dict)
}
