//! Values between Cedar's form and this crate's.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use cedar_policy_core::ast::{
    EntityUID, Expr, ExprKind, ExtensionFunction, Literal, Name, PartialValue, Value as CedarValue, ValueKind,
};
use cedar_policy_core::extensions::Extensions;

use crate::model::uid::parse_plain;
use crate::model::{EntityUid, Error, Ip, Value, timestamp};

pub(crate) fn uid_from_cedar(uid: &EntityUID) -> EntityUid {
    let id: &str = uid.eid().as_ref();
    EntityUid::new(uid.entity_type().to_string(), id)
}

impl FromStr for EntityUid {
    type Err = Error;

    /// # Errors
    /// [`Error::is_request`] where the text is not a name in Cedar's syntax.
    fn from_str(text: &str) -> Result<Self, Error> {
        match parse_plain(text) {
            Some(uid) => Ok(uid),
            None => parse_uid(text),
        }
    }
}

/// Reads a name in Cedar's syntax, as in `Case::"c1"`.
pub(crate) fn parse_uid(text: &str) -> Result<EntityUid, Error> {
    let refuse =
        |why: &str| Error::request(format!("`{text}` is not an entity's name such as User::\"u1\": {why}"));
    super::limits::check(text, super::limits::Language::Policy).map_err(|p| refuse(&p.message))?;
    let uid: EntityUID =
        text.parse().map_err(|e: cedar_policy_core::parser::err::ParseErrors| refuse(&e.to_string()))?;
    Ok(uid_from_cedar(&uid))
}

/// A Cedar value that this crate made; it evaluates to itself.
pub(crate) fn to_cedar(value: &Value, uids: &impl Fn(&EntityUid) -> EntityUID) -> CedarValue {
    match value {
        Value::Bool(v) => CedarValue::from(*v),
        Value::Long(v) => CedarValue::from(*v),
        Value::String(v) => CedarValue::from(v.as_ref()),
        Value::Entity(uid) => CedarValue::from(uids(uid)),
        Value::Set(values) => CedarValue::set(values.iter().map(|v| to_cedar(v, uids)), None),
        Value::Record(fields) => {
            CedarValue::record(fields.iter().map(|(k, v)| (k.as_ref(), to_cedar(v, uids))), None)
        }
        Value::Decimal(_) | Value::Ip(_) | Value::Datetime(_) | Value::Duration(_) => {
            // What this crate writes is what the constructors take, so there is always a value.
            extension(value).unwrap_or_else(|| CedarValue::from(false))
        }
    }
}

/// The extension functions used here, looked up once: parsing a name costs more than a call.
static FUNCTIONS: LazyLock<HashMap<&'static str, &'static ExtensionFunction>> = LazyLock::new(|| {
    let names = ["decimal", "ip", "datetime", "duration", "offset", "durationSince", "toMilliseconds"];
    let found = names.into_iter().filter_map(|name| {
        let parsed = Name::parse_unqualified_name(name).ok()?;
        Some((name, Extensions::all_available().func(&parsed).ok()?))
    });
    found.collect()
});

/// Calls an extension function; `None` where it does not take the arguments.
fn call(function: &str, args: &[CedarValue]) -> Option<CedarValue> {
    match FUNCTIONS.get(function)?.call(args).ok()? {
        PartialValue::Value(value) => Some(value),
        PartialValue::Residual(_) => None,
    }
}

/// The extension value itself; `None` for a value of another kind.
fn extension(value: &Value) -> Option<CedarValue> {
    let make = |function: &str, text: String| call(function, &[CedarValue::from(text)]);
    match value {
        Value::Decimal(v) => make("decimal", decimal_text(*v)),
        Value::Ip(ip) => make("ip", ip.to_string()),
        Value::Duration(ms) => make("duration", format!("{ms}ms")),
        Value::Datetime(ms) => match timestamp::format(*ms) {
            Some(text) => make("datetime", text),
            None => call("offset", &[extension(&Value::Datetime(0))?, extension(&Value::Duration(*ms))?]),
        },
        _ => None,
    }
}

pub(crate) fn decimal_text(ten_thousandths: i64) -> String {
    let (sign, digits) = (if ten_thousandths < 0 { "-" } else { "" }, ten_thousandths.unsigned_abs());
    format!("{sign}{}.{:04}", digits / 10_000, digits % 10_000)
}

/// This crate's form of a value that Cedar made; `None` for what no world holds, such as an unknown.
pub(crate) fn from_cedar(value: &CedarValue) -> Option<Value> {
    Some(match &value.value {
        ValueKind::Lit(Literal::Bool(v)) => Value::Bool(*v),
        ValueKind::Lit(Literal::Long(v)) => Value::Long(*v),
        ValueKind::Lit(Literal::String(v)) => Value::string(v.as_str()),
        ValueKind::Lit(Literal::EntityUID(uid)) => Value::Entity(uid_from_cedar(uid)),
        ValueKind::Set(set) => Value::Set(set.iter().map(from_cedar).collect::<Option<_>>()?),
        ValueKind::Record(fields) => {
            let fields = fields.iter().map(|(k, v)| Some((Arc::from(k.as_str()), from_cedar(v)?)));
            Value::Record(fields.collect::<Option<BTreeMap<_, _>>>()?)
        }
        ValueKind::ExtensionValue(_) => extension_from_cedar(value)?,
    })
}

pub(crate) fn from_partial(value: &PartialValue) -> Option<Value> {
    match value {
        PartialValue::Value(value) => from_cedar(value),
        PartialValue::Residual(_) => None,
    }
}

/// Asks the value itself what it is, since its parts are private to Cedar.
fn extension_from_cedar(value: &CedarValue) -> Option<Value> {
    let milliseconds = |value: CedarValue| match call("toMilliseconds", &[value])?.value {
        ValueKind::Lit(Literal::Long(ms)) => Some(ms),
        _ => None,
    };
    let epoch = extension(&Value::Datetime(0))?;
    if let Some(since_epoch) = call("durationSince", &[value.clone(), epoch]) {
        return milliseconds(since_epoch).map(Value::Datetime);
    }
    if let Some(ms) = milliseconds(value.clone()) {
        return Some(Value::Duration(ms));
    }
    let expr = Expr::from(value.clone());
    let ExprKind::ExtensionFunctionApp { fn_name, args } = expr.expr_kind() else { return None };
    let [arg] = args.as_slice() else { return None };
    let ExprKind::Lit(Literal::String(text)) = arg.expr_kind() else { return None };
    match fn_name.to_string().as_str() {
        "decimal" => parse_decimal(text).map(Value::Decimal),
        "ip" => parse_ip(text).map(Value::Ip),
        _ => None,
    }
}

/// Reads a decimal that Cedar took: digits, a point and one to four digits.
pub(crate) fn parse_decimal(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !is_number(digits) || !is_number(fraction) || fraction.len() > 4 {
        return None;
    }
    let sign = if whole.starts_with('-') { "-" } else { "" };
    format!("{sign}{digits}{fraction:0<4}").parse().ok()
}

/// Reads an address that Cedar took, with or without a prefix.
fn parse_ip(text: &str) -> Option<Ip> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    Some(Ip { address, prefix: prefix.unwrap_or(longest) })
}

/// Reads the one-argument form of an extension constructor, as in `datetime("2026-02-28")`.
pub(crate) fn construct(function: &str, text: &str) -> Option<Value> {
    from_cedar(&call(function, &[CedarValue::from(text)])?)
}
