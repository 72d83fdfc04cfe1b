//! Entities JSON in all of its forms, and broken in all sorts of ways.

use serde_json::{Map, Value as Json, json};

use super::{Choices, Facts};
use crate::model::{EntityUid, Value};

/// The facts as Cedar's entities JSON, each reference and call in one of the forms that Cedar takes.
pub fn entities_json(facts: &Facts, choices: &mut Choices<'_>) -> String {
    let mut all = Vec::new();
    for (uid, attributes) in &facts.entities {
        let mut entity = Map::new();
        let attributes: Map<String, Json> =
            attributes.iter().map(|(name, value)| (name.to_string(), value_json(value, choices))).collect();
        let parents: Vec<Json> =
            facts.parents.get(uid).into_iter().flatten().map(|p| reference(p, choices)).collect();
        entity.insert("uid".into(), reference(uid, choices));
        entity.insert("attrs".into(), Json::Object(attributes));
        entity.insert("parents".into(), Json::Array(parents));
        if let Some(tags) = facts.tags.get(uid) {
            let tags: Map<_, _> =
                tags.iter().map(|(name, v)| (name.to_string(), value_json(v, choices))).collect();
            entity.insert("tags".into(), Json::Object(tags));
        }
        all.push(Json::Object(entity));
        if choices.chance(1, 20) {
            all.extend(all.last().cloned());
        }
    }
    Json::Array(all).to_string()
}

/// The facts as Cedar's entities JSON, everything in its explicit form.
pub fn plain_json(facts: &Facts) -> Json {
    let uid = |uid: &EntityUid| json!({ "type": uid.type_name(), "id": uid.id() });
    let entities = facts.entities.iter().map(|(of, attributes)| {
        let parents: Vec<Json> = facts.parents.get(of).into_iter().flatten().map(uid).collect();
        let mut entity = json!({ "uid": uid(of), "attrs": attributes, "parents": parents });
        if let (Some(tags), Some(entity)) = (facts.tags.get(of), entity.as_object_mut()) {
            entity.insert("tags".into(), json!(tags));
        }
        entity
    });
    Json::Array(entities.collect())
}

fn reference(uid: &EntityUid, choices: &mut Choices<'_>) -> Json {
    let plain = json!({ "type": uid.type_name(), "id": uid.id() });
    if choices.chance(1, 2) { plain } else { json!({ "__entity": plain }) }
}

/// The value as it stands in a file that was written by hand or by a program that knows the schema.
fn value_json(value: &Value, choices: &mut Choices<'_>) -> Json {
    match value {
        Value::Bool(v) => json!(v),
        Value::Long(v) => json!(v),
        Value::String(v) => json!(v.as_ref()),
        Value::Entity(uid) => reference(uid, choices),
        Value::Set(all) => Json::Array(all.iter().map(|v| value_json(v, choices)).collect()),
        Value::Record(fields) => {
            Json::Object(fields.iter().map(|(name, v)| (name.to_string(), value_json(v, choices))).collect())
        }
        Value::Decimal(_) | Value::Ip(_) | Value::Datetime(_) | Value::Duration(_) => {
            let explicit = serde_json::to_value(value).unwrap_or(Json::Null);
            let call = explicit.get("__extn").cloned().unwrap_or(Json::Null);
            match (choices.below(3), call.get("arg").cloned()) {
                (0, Some(arg)) => arg,
                (1, Some(_)) => call,
                _ => explicit,
            }
        }
    }
}

/// Breaks a text in one place, more or less: a byte, a stretch, a key, a value, a number.
pub fn corrupt(text: &str, choices: &mut Choices<'_>) -> String {
    let swaps = [
        ("\"uid\"", "\"uid\":{\"type\":\"User\",\"id\":\"0\"},\"uid\""),
        ("\"attrs\"", "\"attrs\":{},\"attrs\""),
        ("\"parents\":[]", "\"parents\":[{\"type\":\"User\",\"id\":\"0\"}]"),
        ("\"parents\":[]", "\"parents\":[{\"type\":\"Action\",\"id\":\"viewSummary\"}]"),
        ("\"parents\"", "\"more\":[null,1.5],\"parents\""),
        ("\"parents\":[]", "\"parents\":null"),
        (",\"parents\":[]", ""),
        ("\"id\":\"0\"", "\"id\":\"9\""),
        ("\"id\":\"0\"", "\"id\":0"),
        ("\"id\":\"0\"", "\"id\":\"0\",\"id\":\"0\""),
        ("\"id\":\"0\"", "\"id\":\"0\",\"x\":1"),
        ("\"type\":\"", "\"type\":\" "),
        ("\"type\":\"", "\"type\":\"X::"),
        ("__entity", "__expr"),
        ("__extn", "__entity"),
        ("\"fn\":\"datetime\"", "\"fn\":\"decimal\""),
        ("\"fn\":\"datetime\"", "\"fn\":\"unknown\""),
        ("true", "null"),
        ("true", "1"),
        ("false", "\"false\""),
        ("\"kind\"", "\"kind\":\"x\",\"kind\""),
        ("\"kind\"", "\"kind \""),
        ("\"status\"", "\"nonsense\""),
        ("[{\"", "[1,{\""),
        ("[{\"", "[[],{\""),
        ("Z\"", "\""),
        ("Z\"", "+1300\""),
        (".", ","),
        ("0", "00"),
        ("1", "1e3"),
        ("1", "99999999999999999999"),
        ("[]", "[[[[]]]]"),
    ];
    let byte_at = |choices: &mut Choices<'_>| {
        let mut at = choices.below(text.len().max(1));
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (mut from, mut to) = (byte_at(choices), byte_at(choices));
    if from > to {
        std::mem::swap(&mut from, &mut to);
    }
    let cut = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    match choices.below(8) {
        0 => format!("{}{}", cut(0..from), cut(to..text.len())),
        1 => format!("{}{}{}", cut(0..to), cut(from..to), cut(to..text.len())),
        2 => {
            let noise = ["{", "}", "[", "]", ",", ":", "\"", "\\", " ", "null", "-", "\u{0}", "é"];
            let noise = choices.pick(&noise).copied().unwrap_or_default();
            format!("{}{noise}{}", cut(0..from), cut(from..text.len()))
        }
        _ => {
            let (old, new) = choices.pick(&swaps).copied().unwrap_or_default();
            // From a random place on, so that it is not always the first.
            match cut(from..text.len()).find(old).or_else(|| text.find(old).map(|at| at.wrapping_sub(from))) {
                Some(at) => {
                    let at = from.wrapping_add(at);
                    format!("{}{new}{}", cut(0..at), cut(at + old.len()..text.len()))
                }
                None => text.to_owned(),
            }
        }
    }
}
