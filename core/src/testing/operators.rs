//! Every operator of the policy language: which a policy uses, and policies that are one operator alone.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::writer::{Guarded, Writer, tag};
use crate::model::Type;

/// The comparisons of decimals.
pub(super) const DECIMAL: [&str; 4] = ["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"];
/// The tests of addresses.
pub(super) const IP: [&str; 5] = ["isInRange", "isIpv4", "isIpv6", "isLoopback", "isMulticast"];
/// A duration in whole units.
pub(super) const DURATION: [&str; 5] = ["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"];

/// Texts that each constructor takes.
pub const TEXTS: [(&str, &[&str]); 4] = [
    ("decimal", &["0.0", "1.5", "-2.25", "922337203685477.5807", "-922337203685477.5808", "0.0001"]),
    (
        "ip",
        &[
            "10.0.0.0/8",
            "127.0.0.1",
            "127.0.0.0/7",
            "::1",
            "::1/127",
            "224.0.0.0/4",
            "224.0.0.0/3",
            "ff00::1",
            "ff00::/7",
            "2001:db8::/32",
            "0.0.0.0/0",
        ],
    ),
    ("datetime", &["2026-02-28", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+0001", "9999-12-31"]),
    ("duration", &["1d2h", "-1ms", "0s", "9223372036854775807ms", "-9223372036854775808ms", "1d"]),
];

/// Texts that a constructor refuses: each is next to one that it takes.
pub const BAD_TEXTS: [(&str, &[&str]); 4] = [
    ("decimal", &["", "1", "1.", ".5", "1.23456", "922337203685477.5808", "+1.0", "1e3", " 1.0", "1.0 "]),
    (
        "ip",
        &["", "10.0.0.256", "10.0.0.0/33", "::1/129", "10.0.0", "10.0.0.0/08", "10.0.0.1/", "::ffff:1.2.3.4"],
    ),
    (
        "datetime",
        &["", "2026-02-29", "2026-13-01", "2026-02-28T24:00:00Z", "2026-02-28T10:00:00", "26-02-28"],
    ),
    ("duration", &["", "1", "1h1d", "1d1d", "9223372036854775808ms", "1.5h", "--1s", "1w", "d"]),
];

/// An operator of the policy language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Cedar's name for it in the JSON form of policies, or a name of its own where that form has none.
    pub name: &'static str,
    /// Whether it has no value for some operands.
    pub fails: bool,
}

const fn total(name: &'static str) -> Operator {
    Operator { name, fails: false }
}

const fn partial(name: &'static str) -> Operator {
    Operator { name, fails: true }
}

/// Every operator there is.
pub const OPERATORS: [Operator; 53] = [
    total("=="),
    total("!="),
    total("<"),
    total("<="),
    total(">"),
    total(">="),
    total("&&"),
    total("||"),
    total("!"),
    total("if-then-else"),
    partial("+"),
    partial("-"),
    partial("*"),
    partial("neg"),
    total("in"),
    total("is"),
    total("is-in"),
    total("has"),
    total("has-path"),
    partial("entity."),
    total("record."),
    total("hasTag"),
    total("getTag"),
    total("contains"),
    total("containsAll"),
    total("containsAny"),
    total("isEmpty"),
    total("like"),
    total("Set"),
    total("Record"),
    total("decimal"),
    total("lessThan"),
    total("lessThanOrEqual"),
    total("greaterThan"),
    total("greaterThanOrEqual"),
    total("ip"),
    total("isInRange"),
    total("isIpv4"),
    total("isIpv6"),
    total("isLoopback"),
    total("isMulticast"),
    total("datetime"),
    partial("offset"),
    partial("durationSince"),
    partial("toDate"),
    total("toTime"),
    total("duration"),
    total("toMilliseconds"),
    total("toSeconds"),
    total("toMinutes"),
    total("toHours"),
    total("toDays"),
    total("unless"),
];

/// Counts the operators that stand in a policy, given in Cedar's JSON form.
pub fn count_operators(policy: &Json, counts: &mut BTreeMap<String, u64>) {
    for clause in policy.get("conditions").and_then(Json::as_array).into_iter().flatten() {
        if clause.get("kind").and_then(Json::as_str) == Some("unless") {
            *counts.entry("unless".into()).or_default() += 1;
        }
        if let Some(body) = clause.get("body") {
            count_in(body, counts);
        }
    }
}

/// Recursion is bounded by the limits on policy text.
fn count_in(expr: &Json, counts: &mut BTreeMap<String, u64>) {
    let Some((name, operands)) = expr.as_object().and_then(|fields| fields.iter().next()) else { return };
    if matches!(name.as_str(), "Value" | "Var" | "Slot") {
        return;
    }
    let name = match name.as_str() {
        "is" if operands.get("in").is_some() => "is-in",
        "has" if operands.get("attr").is_some_and(Json::is_array) => "has-path",
        name => name,
    };
    *counts.entry(name.into()).or_default() += 1;
    match operands {
        Json::Array(all) => all.iter().for_each(|one| count_in(one, counts)),
        Json::Object(fields) => fields.values().for_each(|one| count_in(one, counts)),
        _ => {}
    }
}

impl Writer<'_, '_> {
    /// A condition that is one operator on values; where its result is no Bool, compared with another.
    pub(super) fn of_operator(&mut self, name: &str) -> String {
        match name {
            "==" | "!=" => {
                let ty = self.any_type();
                self.pair(&ty, 0, name)
            }
            "<" | "<=" | ">" | ">=" => {
                let ty = [Type::Long, Type::Datetime, Type::Duration].get(self.choices.below(3)).cloned();
                self.pair(&ty.unwrap_or(Type::Long), 0, name)
            }
            "&&" | "||" => format!("{} {name} {}", self.atom(), self.atom()),
            "!" => format!("!({})", self.atom()),
            "if-then-else" => format!("if {} then {} else {}", self.atom(), self.atom(), self.atom()),
            "+" | "-" | "*" | "neg" => self.arithmetic(name),
            "in" | "is" | "is-in" => self.hierarchy(name),
            "has" | "has-path" => self.has(),
            "entity." | "record." => self.attribute(name == "entity."),
            "hasTag" => self.has_tag(),
            "getTag" => match self.tagged() {
                Some((of, key, ty)) => self.compared(tag(of, key), &ty),
                None => self.has_tag(),
            },
            "contains" | "containsAll" | "containsAny" | "isEmpty" => self.set(name),
            "like" => self.like(),
            "Set" => {
                let element = self.any_type();
                let set = self.set_of(&element, 0);
                self.compared(set, &Type::Set(Box::new(element)))
            }
            "Record" => {
                let records = self.places(|ty| matches!(ty, Type::Record(_)));
                let Some((ty, _)) = self.choices.pick(&records).cloned() else {
                    let (a, b) = (self.value(&Type::Long, 0), self.value(&Type::Long, 0));
                    return a.with(b, |a, b| format!("{{a: {a}, b: 1}} == {{b: 1, a: {b}}}")).condition();
                };
                let record = self.record_of(&ty, 0);
                self.compared(record, &ty)
            }
            _ => self.of_extension(name),
        }
    }

    fn of_extension(&mut self, name: &str) -> String {
        match name {
            "decimal" | "ip" | "datetime" | "duration" => {
                let made = Guarded::plain(self.constructed(name));
                let ty = match name {
                    "decimal" => Type::Decimal,
                    "ip" => Type::Ip,
                    "datetime" => Type::Datetime,
                    _ => Type::Duration,
                };
                self.compared(made, &ty)
            }
            "offset" | "toDate" => {
                let made = self.datetime(name);
                self.compared(made, &Type::Datetime)
            }
            "durationSince" | "toTime" => {
                let made = self.duration(name);
                self.compared(made, &Type::Duration)
            }
            _ if DECIMAL.contains(&name) => self.method(&Type::Decimal, name),
            _ if IP.contains(&name) => self.address(name),
            _ if DURATION.contains(&name) => {
                let made = self.value(&Type::Duration, 0).map(|of| format!("{of}.{name}()"));
                self.compared(made, &Type::Long)
            }
            // `unless`, which stands around the condition.
            _ => self.atom(),
        }
    }

    fn arithmetic(&mut self, name: &str) -> String {
        let a = self.value(&Type::Long, 0);
        let made = if name == "neg" {
            a.map(|a| format!("(-({a}))"))
        } else {
            let b = self.value(&Type::Long, 0);
            a.with(b, |a, b| format!("({a} {name} {b})"))
        };
        self.compared(made, &Type::Long)
    }

    /// An attribute of an entity, the policy's own too, or a field of a record.
    fn attribute(&mut self, of_entity: bool) -> String {
        let all = self.places(|_| true);
        let steps: Vec<_> = all.into_iter().filter(|(_, place)| self.is_step(place, of_entity)).collect();
        match self.choices.pick(&steps).cloned() {
            Some((ty, place)) => self.compared(place, &ty),
            None => self.has(),
        }
    }

    /// Whether the last step of a place is from an entity, or from a record.
    fn is_step(&self, place: &Guarded, from_entity: bool) -> bool {
        let Some((of, _)) = place.text.rsplit_once('.') else { return false };
        if place.text.ends_with(')') {
            return false;
        }
        let from = self.places(|ty| matches!(ty, Type::Entity(_)));
        from.iter().any(|(_, entity)| entity.text == of) == from_entity
    }

    /// A value compared with another of its type.
    fn compared(&mut self, value: Guarded, ty: &Type) -> String {
        let ordered = matches!(ty, Type::Long | Type::Datetime | Type::Duration);
        let operator =
            if ordered { self.one(&["==", "<", "<=", ">", ">="]) } else { self.one(&["==", "!="]) };
        let other = self.value(ty, 0);
        value.with(other, |a, b| format!("{a} {operator} {b}")).condition()
    }
}
