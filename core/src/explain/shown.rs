//! Values as explanations show them: short, and not at all where they may not be seen.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::ir::Glimpse;
use crate::model::Value;

/// Elements of a set that are shown.
pub(super) const ELEMENTS: usize = 8;
/// Characters of a string, and of a text of a policy, that are shown.
const CHARACTERS: usize = 200;
/// Values inside values are shown to this depth.
const DEPTH: usize = 4;

/// A value in an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The value; of a large set no more than the first elements.
    Value {
        /// The value, or what is shown of it.
        value: Value,
        /// Elements of the set that are left out.
        left_out: usize,
    },
    /// There is none.
    Absent,
    /// Computing it fails.
    Failed(String),
    /// The viewer may not see it.
    Withheld,
}

carried!(enum Shown {
    0 = Value { value: value, left_out: left_out }, 1 = Absent {}, 2 = Failed { 0: why }, 3 = Withheld {},
});

impl Shown {
    pub(super) fn new(glimpse: Glimpse) -> Self {
        Shown::Value { value: glimpse.value, left_out: glimpse.left_out }
    }

    /// A value, cut to what is shown of it.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Set(all) => Shown::Value {
                value: Value::set(all.iter().take(ELEMENTS).cloned()),
                left_out: all.len().saturating_sub(ELEMENTS),
            },
            value => Shown::Value { value: value.clone(), left_out: 0 },
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Value { value: Value::Set(all), left_out } if *left_out > 0 => {
                f.write_str("{")?;
                for value in all {
                    write_value(f, value, DEPTH)?;
                    f.write_str(", ")?;
                }
                write!(f, "… {left_out} more}}")
            }
            Shown::Value { value, .. } => write_value(f, value, DEPTH),
            Shown::Absent => f.write_str("absent"),
            Shown::Failed(why) => write!(f, "no value: {why}"),
            Shown::Withheld => f.write_str("withheld"),
        }
    }
}

/// `{"value": …}` in Cedar's JSON, with `left_out` where elements are; or the state in a word.
impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Shown::Value { value, left_out } => {
                map.serialize_entry("value", &short(value, DEPTH))?;
                if *left_out > 0 {
                    map.serialize_entry("left_out", left_out)?;
                }
            }
            Shown::Absent => map.serialize_entry("absent", &true)?,
            Shown::Failed(why) => map.serialize_entry("failed", why)?,
            Shown::Withheld => map.serialize_entry("withheld", &true)?,
        }
        map.end()
    }
}

/// The value with long strings and large inner sets cut.
fn short(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) => Value::string(cut(text)),
        Value::Set(all) if depth > 0 => {
            Value::set(all.iter().take(ELEMENTS).map(|value| short(value, depth - 1)))
        }
        Value::Record(fields) if depth > 0 => Value::Record(
            fields.iter().map(|(name, value)| (name.clone(), short(value, depth - 1))).collect(),
        ),
        Value::Set(_) | Value::Record(_) => Value::string("…"),
        value => value.clone(),
    }
}

/// The text on one line, cut where it is long.
pub(super) fn one_line(text: &str) -> String {
    cut(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn write_value(f: &mut fmt::Formatter<'_>, value: &Value, depth: usize) -> fmt::Result {
    match value {
        Value::Bool(value) => write!(f, "{value}"),
        Value::Long(value) => write!(f, "{value}"),
        Value::String(text) => write!(f, "\"{}\"", cut(text).escape_debug()),
        Value::Entity(uid) => write!(f, "{uid}"),
        Value::Datetime(ms) => match crate::model::timestamp::format(*ms) {
            Some(text) => f.write_str(&text),
            None => write!(f, "{ms} ms"),
        },
        Value::Duration(ms) => write!(f, "{ms} ms"),
        Value::Decimal(value) => f.write_str(&crate::cedar::decimal_text(*value)),
        Value::Ip(ip) => write!(f, "{}/{}", ip.address, ip.prefix),
        Value::Set(_) | Value::Record(_) if depth == 0 => f.write_str("…"),
        Value::Set(all) => {
            f.write_str("{")?;
            for (at, value) in all.iter().take(ELEMENTS).enumerate() {
                f.write_str(if at > 0 { ", " } else { "" })?;
                write_value(f, value, depth - 1)?;
            }
            match all.len().saturating_sub(ELEMENTS) {
                0 => f.write_str("}"),
                more => write!(f, ", … {more} more}}"),
            }
        }
        Value::Record(fields) => {
            f.write_str("{")?;
            for (at, (name, value)) in fields.iter().enumerate() {
                write!(f, "{}{name}: ", if at > 0 { ", " } else { "" })?;
                write_value(f, value, depth - 1)?;
            }
            f.write_str("}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ELEMENTS, Shown};
    use crate::model::Value;

    #[test]
    fn large_values_are_shown_shortened_with_a_count() {
        let large = Value::set((0..10_000).map(Value::Long));
        let shown = Shown::of(&large);
        assert_eq!(shown.to_string(), "{0, 1, 2, 3, 4, 5, 6, 7, … 9992 more}");
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json["value"].as_array().unwrap().len(), ELEMENTS);
        assert_eq!(json["left_out"], 9_992);
        let nested = Shown::of(&Value::record([("all", large), ("text", Value::string("é".repeat(1_000)))]));
        assert!(nested.to_string().len() < 600 && serde_json::to_string(&nested).unwrap().len() < 600);
        assert_eq!(Shown::Withheld.to_string(), "withheld");
        assert_eq!(serde_json::to_string(&Shown::Absent).unwrap(), "{\"absent\":true}");
    }
}
