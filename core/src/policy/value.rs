//! Values between Cedar's form and this crate's.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use cedar_policy_core::ast::{
    EntityUID, Expr, ExprKind, Literal, Name, PartialValue, RestrictedExpr, Value as CedarValue, ValueKind,
};
use cedar_policy_core::evaluator::RestrictedEvaluator;
use cedar_policy_core::extensions::Extensions;

use crate::error::Error;
use crate::time;
use crate::uid::EntityUid;
use crate::value::{Ip, Value};

pub(super) fn uid_from_cedar(uid: &EntityUID) -> EntityUid {
    let id: &str = uid.eid().as_ref();
    EntityUid::new(uid.entity_type().to_string(), id)
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
pub(super) fn to_cedar(value: &Value, uids: &impl Fn(&EntityUid) -> EntityUID) -> CedarValue {
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
            evaluate(extension(value))
        }
    }
}

/// The call that makes an extension value.
fn extension(value: &Value) -> RestrictedExpr {
    let call = |function: &str, text: String| call(function, vec![RestrictedExpr::val(text)]);
    match value {
        Value::Decimal(v) => call("decimal", decimal_text(*v)),
        Value::Ip(ip) => call("ip", format!("{}/{}", ip.address, ip.prefix)),
        Value::Duration(ms) => call("duration", format!("{ms}ms")),
        Value::Datetime(ms) => match time::format(*ms) {
            Some(text) => call("datetime", text),
            None => {
                let parts = vec![extension(&Value::Datetime(0)), extension(&Value::Duration(*ms))];
                self::call("offset", parts)
            }
        },
        _ => RestrictedExpr::val(false),
    }
}

fn call(function: &str, args: Vec<RestrictedExpr>) -> RestrictedExpr {
    match Name::parse_unqualified_name(function) {
        Ok(name) => RestrictedExpr::call_extension_fn(name, args),
        Err(_) => RestrictedExpr::val(false),
    }
}

/// The value of a call whose arguments this crate wrote, and which therefore has one.
fn evaluate(expr: RestrictedExpr) -> CedarValue {
    let evaluator = RestrictedEvaluator::new(Extensions::all_available());
    evaluator.interpret(expr.as_borrowed()).unwrap_or_else(|_| CedarValue::from(false))
}

pub(crate) fn decimal_text(ten_thousandths: i64) -> String {
    let (sign, digits) = (if ten_thousandths < 0 { "-" } else { "" }, ten_thousandths.unsigned_abs());
    format!("{sign}{}.{:04}", digits / 10_000, digits % 10_000)
}

/// This crate's form of a value that Cedar made; `None` for what no world holds, such as an unknown.
pub(super) fn from_cedar(value: &CedarValue) -> Option<Value> {
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

pub(super) fn from_partial(value: &PartialValue) -> Option<Value> {
    match value {
        PartialValue::Value(value) => from_cedar(value),
        PartialValue::Residual(_) => None,
    }
}

/// Asks the value itself what it is, since its parts are private to Cedar.
fn extension_from_cedar(value: &CedarValue) -> Option<Value> {
    let ask = |method: &str, args: Vec<RestrictedExpr>| {
        let evaluator = RestrictedEvaluator::new(Extensions::all_available());
        evaluator.interpret(call(method, args).as_borrowed()).ok()
    };
    let milliseconds = |value: CedarValue| match ask("toMilliseconds", vec![value.into()])?.value {
        ValueKind::Lit(Literal::Long(ms)) => Some(ms),
        _ => None,
    };
    let epoch = extension(&Value::Datetime(0));
    if let Some(since_epoch) = ask("durationSince", vec![value.clone().into(), epoch]) {
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
    let evaluator = RestrictedEvaluator::new(Extensions::all_available());
    let expr = call(function, vec![RestrictedExpr::val(text)]);
    from_cedar(&evaluator.interpret(expr.as_borrowed()).ok()?)
}
