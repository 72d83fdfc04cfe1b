//! Who asks what about what, in sentences: what a help desk reads out before the reasons.

use crate::ir::Fact;
use crate::model::words::{article, capital, entity, plain};
use crate::model::{AttrId, Request, Value};
use crate::world::Place;

use super::judge::Scene;

/// Facts of one entity that are told.
const FACTS: usize = 16;
/// Elements of a set that are told.
const ELEMENTS: usize = 5;
/// Characters of a text that are told.
const CHARACTERS: usize = 80;

/// The sentences. Facts that the viewer may not see are left out.
pub(super) fn story(scene: &Scene<'_>, request: &Request) -> Vec<String> {
    let mut told = Vec::new();
    let now = request.context.get("now").and_then(|now| match now {
        Value::Datetime(ms) => crate::model::timestamp::format(*ms),
        _ => None,
    });
    told.extend(now.map(|now| format!("It is {now}.")));
    told.push(about(scene, scene.principal));
    if scene.resource != scene.principal {
        told.push(about(scene, scene.resource));
    }
    let given = request.context.fields().iter().filter(|(name, _)| name.as_ref() != "now");
    let given: Vec<String> = given.map(|(name, value)| format!("{} {}", plain(name), shown(value))).collect();
    let with = if given.is_empty() { String::new() } else { format!(" with {}", given.join(", ")) };
    let action = scene.world.schema().action(&request.action);
    let action = action.map_or(request.action.as_ref(), |action| action.uid.id());
    let on = match request.resource == request.principal {
        true => "itself".to_owned(),
        false => entity(&request.resource),
    };
    let who = capital(&entity(&request.principal));
    told.push(format!("{who} asks to {} of {on}{with}.", plain(action)));
    told
}

/// `Aroha is a user: attendance lead at Northcote, login active.`
fn about(scene: &Scene<'_>, place: Place) -> String {
    let world = scene.world;
    let (uid, ty) = (world.uid(place), world.schema().entity_type(place.0));
    let mut said = Vec::new();
    for (at, (name, _)) in (0u16..).zip(ty.into_iter().flat_map(|ty| &ty.attributes)) {
        let attr = AttrId(at);
        if !scene.lens.sees(&Fact::Attribute(place, attr)) {
            continue;
        }
        said.extend(world.value(place.0, place.1, attr).and_then(|value| of_attribute(name, &value)));
    }
    let more = said.len().saturating_sub(FACTS);
    said.truncate(FACTS);
    if more > 0 {
        said.push(format!("and {more} more"));
    }
    let rest = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
    let (name, what) = (entity(&uid), plain(uid.type_name()));
    match name.starts_with(&what) {
        true if rest.is_empty() => format!("{} is {} {what}.", capital(&name), article(&what)),
        true => format!("{}{rest}.", capital(&name)),
        false => format!("{} is {} {what}{rest}.", capital(&name), article(&what)),
    }
}

/// What an attribute says, in words; nothing for empty sets.
fn of_attribute(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Bool(true) => Some(plain(name)),
        Value::Bool(false) => Some(format!("not {}", plain(name))),
        Value::Set(all) if all.is_empty() => None,
        value => {
            let (name, shown) = (plain(name), shown(value));
            // `provider p7` is the provider already.
            Some(if shown.starts_with(&format!("{name} ")) { shown } else { format!("{name} {shown}") })
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Entity(uid) => entity(uid),
        Value::String(text) => format!("“{}”", cut(text).escape_debug()),
        Value::Set(all) if all.is_empty() => "none".to_owned(),
        Value::Set(all) => {
            let mut said: Vec<String> = all.iter().take(ELEMENTS).map(shown).collect();
            if all.len() > ELEMENTS {
                said.push(format!("{} more", all.len() - ELEMENTS));
            }
            said.join(" and ")
        }
        value => super::Shown::of(value).to_string(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
