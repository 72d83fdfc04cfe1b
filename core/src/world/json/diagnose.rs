//! What is wrong with an entity that Cedar does not take: everything, not just the first thing.

use std::ops::Range;

use serde_json::{Map, Value as Json};

use super::read::is_usual;
use crate::cedar::{EntityParser, Refusal};
use crate::model::{EntityUid, Problem, Schema, Span, TypeId};
use crate::world::WorldBuilder;
use crate::world::build::on;

/// Reports the entity whose JSON is `text`, which Cedar refused.
pub(super) fn diagnose(
    builder: &mut WorldBuilder,
    parser: &EntityParser<'_>,
    (text, number, place): (&str, u64, &dyn Fn(Range<usize>) -> Span),
    refusal: &Refusal,
) {
    let (Refusal::Cedar(why) | Refusal::Unknown(why)) = refusal;
    let json: Option<Json> = match serde_json::from_str(text) {
        Ok(json) => Some(json),
        Err(error) => {
            let at = offset(text, &error);
            let span = place(at..at);
            let why = in_file(&error, &span);
            let problem = Problem::error(format!("entity {number} of the list: {why}"));
            return builder.problem(problem.in_entity(number, span));
        }
    };
    let Some(uid) = json.as_ref().and_then(|json| uid(json.get("uid")?)) else {
        let problem = Problem::error(format!("entity {number} of the list: {why}"));
        return builder.problem(problem.in_entity(number, place(0..text.len())));
    };
    let schema = builder.schema().clone();
    let is_action = uid.type_name().rsplit("::").next() == Some("Action");
    if schema.type_id(uid.type_name()).is_none() && !is_action {
        return builder.unknown_type(&uid, || (number, place(0..text.len())));
    }
    let attributes = json.as_ref().and_then(|json| json.get("attrs")?.as_object());
    let found = match (schema.type_id(uid.type_name()), attributes, refusal) {
        (Some(ty), Some(attributes), Refusal::Cedar(_)) => {
            attribute_problems(&schema, parser, ty, attributes)
        }
        _ => Vec::new(),
    };
    let span = place(0..text.len());
    let messages = if found.is_empty() { vec![why.clone()] } else { found };
    for message in messages {
        match schema.type_id(uid.type_name()) {
            Some(ty) => {
                let row = builder.row(ty, uid.id());
                builder.refuse((ty, row), on(&uid, message).in_entity(number, span));
            }
            None => builder.problem(on(&uid, message).in_entity(number, span)),
        }
    }
}

/// The byte of an entity's text at which its syntax is wrong.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    (before + error.column().saturating_sub(1)).min(text.len())
}

/// What is wrong with the syntax of an entity, at this place of its file.
fn in_file(error: &serde_json::Error, at: &Span) -> String {
    let within = format!(" at line {} column {}", error.line(), error.column());
    let what = error.to_string();
    let what = what.strip_suffix(&within).unwrap_or(&what);
    format!("{what}, at line {} column {}", at.line, at.column)
}

/// The name in either form that Cedar takes.
fn uid(json: &Json) -> Option<EntityUid> {
    let json = json.get("__entity").unwrap_or(json);
    Some(EntityUid::new(json.get("type")?.as_str()?, json.get("id")?.as_str()?))
}

fn attribute_problems(
    schema: &Schema,
    parser: &EntityParser<'_>,
    ty: TypeId,
    attributes: &Map<String, Json>,
) -> Vec<String> {
    let Some(entity_type) = schema.entity_type(ty) else { return Vec::new() };
    let mut problems = Vec::new();
    for (name, attribute) in &entity_type.attributes {
        match attributes.get(name.as_ref()) {
            None if attribute.required => problems.push(format!("attribute `{name}` is missing")),
            Some(value)
                if !is_usual(schema, &attribute.ty, value)
                    && parser.attribute(&entity_type.name, name, value).is_err() =>
            {
                let (expected, found) = (schema.show(&attribute.ty), shorten(&value.to_string()));
                problems.push(format!("attribute `{name}`: expected {expected}, found {found}"));
            }
            _ => {}
        }
    }
    for name in attributes.keys().filter(|name| entity_type.attribute(name).is_none()) {
        problems.push(format!("attribute `{name}` is not in the schema"));
    }
    problems
}

pub(super) fn shorten(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
