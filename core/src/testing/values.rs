//! The expressions that are no conditions: what the request leads to, what is computed, what is written down.

use super::operators::{DURATION, TEXTS};
use super::writer::{Guarded, Writer};
use crate::model::Type;

impl Writer<'_, '_> {
    /// An expression of type `ty`: something that the request leads to, or one that is made.
    pub(super) fn value(&mut self, ty: &Type, depth: usize) -> Guarded {
        if depth > 0 && !self.choices.chance(11, 12) {
            return self.through(ty, depth - 1);
        }
        if self.choices.chance(3, 4) {
            let places = self.places(|of| of == ty);
            if let Some((_, place)) = self.choices.pick(&places) {
                return place.clone();
            }
        }
        match ty {
            Type::Long if depth > 0 && self.choices.chance(2, 3) => self.long(depth),
            Type::Datetime if depth > 0 && self.choices.chance(1, 2) => {
                let method = self.one(&["offset", "offset", "toDate"]);
                self.datetime(method)
            }
            Type::Duration if depth > 0 && self.choices.chance(1, 2) => {
                let method = self.one(&["durationSince", "durationSince", "toTime"]);
                self.duration(method)
            }
            Type::Set(element) if self.choices.chance(1, 2) => self.set_of(element, depth),
            Type::Record(_) if self.choices.chance(1, 2) => self.record_of(ty, depth),
            _ => self.literal(ty),
        }
    }

    /// A value that comes out of a record that the policy makes, or out of an `if`.
    fn through(&mut self, ty: &Type, depth: usize) -> Guarded {
        let value = self.value(ty, depth);
        if self.choices.chance(1, 2) {
            return value.map(|value| format!("{{k: {value}, l: resource}}.k"));
        }
        let test = self.atom();
        let or = self.value(ty, depth);
        value.with(or, |then, or| format!("(if {test} then {then} else {or})"))
    }

    /// A condition of few words.
    pub(super) fn atom(&mut self) -> String {
        match self.choices.below(4) {
            0 => self.value(&Type::Bool, 0).condition(),
            1 => self.has(),
            _ => {
                let operator = self.one(&["<", ">=", "==", "!="]);
                self.pair(&Type::Long, 0, operator)
            }
        }
    }

    fn long(&mut self, depth: usize) -> Guarded {
        match self.choices.below(6) {
            0 => {
                let method = self.one(&DURATION);
                self.value(&Type::Duration, 0).map(|duration| format!("{duration}.{method}()"))
            }
            1 => self.value(&Type::Long, depth - 1).map(|n| format!("(-({n}))")),
            _ => {
                let operator = self.one(&["+", "-", "*"]);
                let (a, b) = (self.value(&Type::Long, depth - 1), self.value(&Type::Long, depth - 1));
                a.with(b, |a, b| format!("({a} {operator} {b})"))
            }
        }
    }

    pub(super) fn datetime(&mut self, method: &str) -> Guarded {
        let at = self.value(&Type::Datetime, 0);
        if method == "toDate" {
            return at.map(|at| format!("{at}.toDate()"));
        }
        let by = self.value(&Type::Duration, 0);
        at.with(by, |at, by| format!("{at}.{method}({by})"))
    }

    pub(super) fn duration(&mut self, method: &str) -> Guarded {
        let at = self.value(&Type::Datetime, 0);
        if method == "toTime" {
            return at.map(|at| format!("{at}.toTime()"));
        }
        let since = self.value(&Type::Datetime, 0);
        at.with(since, |at, since| format!("{at}.{method}({since})"))
    }

    /// A set that the policy makes.
    pub(super) fn set_of(&mut self, element: &Type, depth: usize) -> Guarded {
        let mut set = self.value(element, depth.saturating_sub(1));
        for _ in 0..self.choices.below(3) {
            let one = self.value(element, depth.saturating_sub(1));
            set = set.with(one, |set, one| format!("{set}, {one}"));
        }
        set.map(|all| format!("[{all}]"))
    }

    /// A record that the policy makes.
    pub(super) fn record_of(&mut self, ty: &Type, depth: usize) -> Guarded {
        let Type::Record(fields) = ty else { return self.literal(ty) };
        let mut record = Guarded::plain("");
        // Strict validation compares records of the same fields only: those that may be absent are left out.
        for (name, field) in fields.iter().filter(|(_, field)| field.required) {
            let value = self.value(&field.ty, depth.saturating_sub(1));
            record = record.with(value, |all, value| {
                let comma = if all.is_empty() { "" } else { ", " };
                format!("{all}{comma}{name}: {value}")
            });
        }
        record.map(|all| format!("{{{all}}}"))
    }

    pub(super) fn literal(&mut self, ty: &Type) -> Guarded {
        let mut one = |all: &[&'static str]| self.one(all).to_owned();
        Guarded::plain(match ty {
            Type::Bool => one(&["true", "false"]),
            Type::Long => one(&LONGS),
            Type::String => one(&["\"\"", "\"a\"", "\"b\"", "\"unknown\"", "\"a*\""]),
            Type::Decimal => self.constructed("decimal"),
            Type::Ip => self.constructed("ip"),
            Type::Datetime => self.constructed("datetime"),
            Type::Duration => self.constructed("duration"),
            Type::Entity(of) => {
                let id = one(&["0", "1", "2", "nowhere"]);
                let Some(of) = self.schema.entity_type(*of) else { return Guarded::plain("principal") };
                let id = match &of.choices {
                    Some(all) => self.choices.pick(all).map_or(id, ToString::to_string),
                    None => id,
                };
                format!("{}::\"{id}\"", of.name)
            }
            Type::Set(element) => {
                let len = 1 + self.choices.below(3);
                let all: Vec<String> = (0..len).map(|_| self.literal(element).text).collect();
                format!("[{}]", all.join(", "))
            }
            Type::Record(fields) => {
                let given: Vec<_> = fields.iter().filter(|(_, f)| f.required).collect();
                let all = given.into_iter().map(|(name, f)| format!("{name}: {}", self.literal(&f.ty).text));
                format!("{{{}}}", all.collect::<Vec<_>>().join(", "))
            }
        })
    }

    /// A call of a constructor with a text that it takes.
    pub(super) fn constructed(&mut self, constructor: &str) -> String {
        let all = TEXTS.iter().find(|(name, _)| *name == constructor).map_or(&[""][..], |(_, all)| all);
        format!("{constructor}(\"{}\")", self.one(all))
    }
}

/// Numbers next to where arithmetic goes over, and small ones.
const LONGS: [&str; 12] = [
    "0",
    "1",
    "-1",
    "2",
    "7",
    "100",
    "-100",
    "3037000500",
    "4611686018427387904",
    "9223372036854775806",
    "9223372036854775807",
    "-9223372036854775808",
];
