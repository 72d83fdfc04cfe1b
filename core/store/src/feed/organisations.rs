//! Schools and providers, registers, and content that no command writes.

use std::collections::{HashMap, HashSet};

use caseward::{EntityUid, Value, World};
use serde_json::Value as Json;

use super::kind::moment;
use super::read::Fields;
use crate::attendance::{Making, Stop};
use crate::command::distinct;

/// Lines by their numbers.
type Lines = Vec<(usize, Fields)>;

fn of(fields: &Fields, name: &str) -> String {
    fields.get(name).cloned().unwrap_or_default()
}

fn organisation(fields: &Fields) -> EntityUid {
    EntityUid::new(of(fields, "type"), of(fields, "id"))
}

/// What an organisation refers to.
fn refers(fields: &Fields) -> Option<(&'static str, EntityUid)> {
    let school = fields.get("school").map(|id| ("school", EntityUid::new("School", id.as_str())));
    let catchment = fields
        .get("catchmentProvider")
        .map(|id| ("catchmentProvider", EntityUid::new("Provider", id.as_str())));
    school.or(catchment)
}

/// The lines of a file that can be applied together, and what is wrong with the others: what one refers to is in the data
/// or in another line that can be applied.
pub(super) fn sort(making: &mut Making<'_>, mut lines: Lines) -> Result<(Lines, Vec<(usize, String)>), Stop> {
    let mut bad = Vec::new();
    lines.retain(|(number, fields)| match check(fields) {
        Ok(()) => true,
        Err(why) => {
            bad.push((*number, why));
            false
        }
    });
    let (known, seen): (HashSet<EntityUid>, &World) =
        (lines.iter().map(|(_, fields)| organisation(fields)).collect(), making.draft.seen()?);
    // Whoever refers to what is in lines alone goes with it.
    let mut by_referred: HashMap<EntityUid, Vec<usize>> = HashMap::new();
    let mut lost: Vec<(usize, EntityUid)> = Vec::new();
    for (at, (_, fields)) in lines.iter().enumerate() {
        match refers(fields) {
            Some((_, uid)) if seen.contains(&uid) => {}
            Some((_, uid)) if known.contains(&uid) => by_referred.entry(uid).or_default().push(at),
            Some((_, uid)) => lost.push((at, uid)),
            None => {}
        }
    }
    let mut without: HashMap<usize, EntityUid> = HashMap::new();
    while let Some((at, uid)) = lost.pop() {
        without.insert(at, uid);
        let gone = lines.get(at).map(|(_, fields)| organisation(fields));
        let gone = gone.filter(|gone| !seen.contains(gone));
        if let Some((gone, referring)) = gone.and_then(|gone| by_referred.remove_entry(&gone)) {
            lost.extend(referring.into_iter().map(|at| (at, gone.clone())));
        }
    }
    let mut good = Lines::new();
    for (at, (number, fields)) in lines.into_iter().enumerate() {
        match without.get(&at) {
            Some(uid) => bad.push((number, format!("{uid} is not in the data"))),
            None => good.push((number, fields)),
        }
    }
    Ok((good, bad))
}

fn check(fields: &Fields) -> Result<(), String> {
    let has = |name: &str| fields.contains_key(name);
    match of(fields, "type").as_str() {
        "School" if has("school") => Err("a School has no `school`".to_owned()),
        "Provider" if has("catchmentProvider") => Err("a Provider has no `catchmentProvider`".to_owned()),
        "School" | "Provider" => Ok(()),
        other => Err(format!("`type` is School or Provider, not `{other}`")),
    }
}

/// Organisations as the lines have them. Nothing is routed anew for it.
pub(super) fn apply(making: &mut Making<'_>, lines: &[(usize, Fields)]) -> Result<(), Stop> {
    // All are there before one refers to another.
    for (_, fields) in lines {
        let uid = organisation(fields);
        if !making.draft.has(&uid)? {
            making.draft.make(&uid, vec![("kind", Value::from(of(fields, "kind").as_str()))]);
        }
    }
    for (_, fields) in lines {
        let uid = organisation(fields);
        making.draft.set(&uid, "kind", Some(Value::from(of(fields, "kind").as_str())))?;
        let name = if uid.type_name() == "School" { "catchmentProvider" } else { "school" };
        making.draft.refer(&uid, name, refers(fields).map(|(_, uid)| uid).as_ref())?;
    }
    Ok(())
}

/// A register's school, and when its last entry was.
fn register(making: &mut Making<'_>, fields: &Fields) -> Result<(EntityUid, i64), Stop> {
    let school = EntityUid::new("School", of(fields, "school"));
    if !making.draft.has(&school)? {
        return Err(Stop::Invalid(format!("{school} is not in the data")));
    }
    let last = moment(fields, "lastEntryAt").map_err(Stop::Invalid)?;
    let last = last.ok_or_else(|| Stop::Invalid("it lacks `lastEntryAt`".to_owned()))?;
    Ok((school, last))
}

/// What is wrong with a line of a register.
pub(super) fn check_register(making: &mut Making<'_>, fields: &Fields) -> Result<(), Stop> {
    register(making, fields).map(drop)
}

pub(super) fn apply_register(
    making: &mut Making<'_>,
    register: &EntityUid,
    fields: &Fields,
) -> Result<(), Stop> {
    let (school, last) = self::register(making, fields)?;
    let (kind, last) = (Value::from(of(fields, "kind").as_str()), Value::Datetime(last));
    if !making.draft.has(register)? {
        let attributes = vec![("school", Value::Entity(school)), ("kind", kind), ("lastEntryAt", last)];
        making.draft.make(register, attributes);
        return Ok(());
    }
    making.draft.refer(register, "school", Some(&school))?;
    making.draft.set(register, "kind", Some(kind))?;
    Ok(making.draft.set(register, "lastEntryAt", Some(last))?)
}

/// What is wrong with a line of content: of students, users and organisations alone.
pub(super) fn check_content(making: &mut Making<'_>, uid: &EntityUid, fields: &Fields) -> Result<(), Stop> {
    let field = of(fields, "field");
    if !["Student", "User", "School", "Provider"].contains(&uid.type_name()) {
        let why = format!("`type` is Student, User, School or Provider, not `{}`", uid.type_name());
        return Err(Stop::Invalid(why));
    }
    let known = making.ward.content(uid.type_name());
    if field == "accessHistory" || !known.iter().any(|(name, _)| name.as_ref() == field) {
        return Err(Stop::Invalid(format!("`{field}` is no content of a `{}`", uid.type_name())));
    }
    if !making.draft.has(uid)? {
        return Err(Stop::Invalid(format!("{uid} is not in the data")));
    }
    // What is JSON is kept as such, wherever the line came from.
    let value = of(fields, "value");
    match serde_json::from_str::<Json>(&value) {
        Ok(Json::Object(_) | Json::Array(_)) => distinct(&value).map_err(Stop::Invalid),
        _ => Ok(()),
    }
}

pub(super) fn apply_content(making: &mut Making<'_>, uid: &EntityUid, fields: &Fields) -> Result<(), Stop> {
    making.draft.content(uid, of(fields, "field"), Some(content_of(fields)));
    Ok(())
}

/// The content that a line says. Lists and objects of JSON lines come as their text.
pub(crate) fn content_of(fields: &Fields) -> Json {
    let value = of(fields, "value");
    match value.as_bytes().first() {
        Some(b'{' | b'[') => serde_json::from_str(&value).unwrap_or(Json::String(value)),
        _ => Json::String(value),
    }
}
