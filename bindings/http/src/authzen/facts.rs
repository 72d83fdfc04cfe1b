//! What a request says of its circumstances, as the engine takes it.
//!
//! Callers send more than the policies ask: fields that an action's context does not have are left out, and so is `now`,
//! which the service's clock says. Properties are left out too, unless the settings trust them.

use std::borrow::Cow;

use caseward::{ActionName, Attribute, Context, EntityUid, Schema, Type, Value, Ward, World};
use serde_json::{Value as Json, json};

use super::{Act, Fields, Named};

/// The context of an action, from what the caller says, at the service's `now`.
pub(crate) fn context(
    ward: &Ward,
    act: &Act,
    said: &Fields,
    trusted: bool,
    now: i64,
) -> Result<Context, String> {
    let at_now = Context::at(now);
    let Some(action) = ward.schema().action(&act.name) else { return Ok(at_now) };
    let mut kept = Fields::new();
    let properties = act.properties.iter().filter(|_| trusted).flatten();
    for (name, value) in said.iter().chain(properties) {
        let is_clock = name == "now" && action.takes_now();
        if action.context.contains_key(name.as_str()) && !is_clock && !kept.contains_key(name) {
            kept.insert(name.clone(), value.clone());
        }
    }
    let mut context = at_now;
    for (name, value) in &kept {
        let known = action.context.get(name.as_str()).and_then(|of| plain(ward.schema(), of, value));
        match known {
            Some(value) => context = context.with(name.as_str(), value),
            None => return read(ward, act, kept, now),
        }
    }
    Ok(context)
}

/// Values that need no parser.
fn plain(schema: &Schema, of: &Attribute, value: &Json) -> Option<Value> {
    match (&of.ty, value) {
        (Type::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
        (Type::Long, Json::Number(number)) => number.as_i64().map(Value::Long),
        (Type::String, Json::String(text)) => Some(Value::String(text.as_str().into())),
        (Type::Entity(of), Json::Object(fields)) if fields.len() == 2 => {
            let (ty, id) = (fields.get("type")?.as_str()?, fields.get("id")?.as_str()?);
            (schema.type_id(ty)? == *of).then(|| Value::Entity(EntityUid::new(ty, id)))
        }
        _ => None,
    }
}

fn read(ward: &Ward, act: &Act, kept: Fields, now: i64) -> Result<Context, String> {
    let json = Json::Object(kept).to_string();
    let read = ward.read_context(&ActionName::new(&act.name), &json);
    read.map(|context| context.and_at(now)).map_err(|error| format!("`context`: {error}"))
}

/// The context that serves every action of two types.
pub(crate) fn context_for(
    ward: &Ward,
    (principal, resource): (&EntityUid, &EntityUid),
    said: &Fields,
    now: i64,
) -> Result<Context, String> {
    let schema = ward.schema();
    let types = (schema.type_id(principal.type_name()), schema.type_id(resource.type_name()));
    let takes = |name: &str| {
        schema.actions().iter().any(|action| {
            types.0.is_some_and(|ty| action.principals.contains(&ty))
                && types.1.is_some_and(|ty| action.resources.contains(&ty))
                && action.context.contains_key(name)
        })
    };
    let mut kept = said.clone();
    kept.retain(|name, _| name != "now" && takes(name));
    if kept.is_empty() {
        return Ok(Context::at(now));
    }
    let read = ward.read_context_for(principal, resource, &Json::Object(kept).to_string());
    read.map(|context| context.and_at(now)).map_err(|error| format!("`context`: {error}"))
}

/// The data as it would be with what the caller says of these entities, where that is trusted.
pub(crate) fn overlaid<'a>(
    ward: &Ward,
    world: &'a World,
    of: &[&Named],
    trusted: bool,
) -> Result<Cow<'a, World>, String> {
    let mut changes = Vec::new();
    for named in of.iter().filter(|_| trusted) {
        let (Some(id), Some(properties)) = (&named.id, &named.properties) else { continue };
        let schema = ward.schema();
        let Some(ty) = schema.type_id(&named.entity_type).and_then(|ty| schema.entity_type(ty)) else {
            continue;
        };
        let known: Fields = properties
            .iter()
            .filter(|(name, _)| ty.attribute(name).is_some())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if known.is_empty() || ty.choices.is_some() {
            continue;
        }
        let uid = json!({"type": named.entity_type, "id": id});
        if world.contains(&EntityUid::new(named.entity_type.as_str(), id.as_str())) {
            changes.extend(
                known.iter().map(|(name, value)| json!({"set": {"uid": uid, "name": name, "value": value}})),
            );
        } else {
            changes.push(json!({"put": {"uid": uid, "attrs": known}}));
        }
    }
    if changes.is_empty() {
        return Ok(Cow::Borrowed(world));
    }
    let read = ward.read_changes(&Json::Array(changes).to_string());
    let laid = read.and_then(|changes| world.with(&changes));
    laid.map(Cow::Owned).map_err(|error| format!("`properties`: {error}"))
}
