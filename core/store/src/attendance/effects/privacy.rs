//! What went to others, what is held of a person, corrections and disposal.

use std::collections::BTreeMap;

use caseward::EntityUid;
use serde_json::{Map, Value as Json, json};

use super::super::doing::{Doing, Making, Stop};
use super::super::spec::biographical;
use crate::db::{as_number, as_text, text};
use crate::draft::uid_json;
use crate::error::Error;
use crate::log;
use crate::seal::Place;

pub(super) fn share(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let case = doing.on().clone();
    let Some(student) = doing.making.draft.entity(&case, "student")? else { return Ok(()) };
    let names = doing.data("fields").and_then(Json::as_array).cloned().unwrap_or_default();
    let mut disclosed = Map::new();
    for name in names.iter().filter_map(Json::as_str) {
        let field = biographical(name);
        // What is no attribute is content.
        let value = match doing.making.draft.get(&student, field).ok().flatten() {
            Some(value) => Some(json!(value)),
            None => doing.making.content(&student, field)?,
        };
        disclosed.insert(field.to_owned(), value.unwrap_or(Json::Null));
    }
    doing.kept.insert("disclosed", json!({"of": uid_json(&student), "fields": disclosed}));
    Ok(())
}

pub(super) fn export(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let person = doing.on().clone();
    let making = &mut *doing.making;
    let mut all = vec![person.clone()];
    all.extend(records_of(making, &person)?);
    let mut records = Vec::new();
    let mut logged = BTreeMap::new();
    for record in &all {
        records.push(held(making, record)?);
        logged.extend(payloads(making, record)?);
    }
    let disclosures: Vec<Json> = logged.values().filter_map(disclosure).collect();
    let of_person = |payload: &&Json| payload.pointer("/command/on") == Some(&json!(person.to_string()));
    let statements: Vec<Json> = logged.values().filter(of_person).filter_map(statement).collect();
    doing.exported = Some(json!({"records": records, "disclosures": disclosures, "statements": statements}));
    Ok(())
}

/// Everything about a student that is an entity of its own: requests, cases and their items.
fn records_of(making: &mut Making<'_>, student: &EntityUid) -> Result<Vec<EntityUid>, Error> {
    if student.type_name() != "Student" {
        return Ok(Vec::new());
    }
    let mut records = making.referring("Request", "student", student)?;
    for case in making.referring("Case", "student", student)? {
        records.extend(making.referring("Item", "case", &case)?);
        records.push(case);
    }
    Ok(records)
}

/// The facts and the content of one entity.
fn held(making: &mut Making<'_>, uid: &EntityUid) -> Result<Json, Error> {
    let attributes = making.draft.seen()?.attributes(uid)?;
    let mut content = Map::new();
    let sql = "SELECT field, value FROM caseward_content WHERE type = ?1 AND id = ?2 ORDER BY field";
    let seal = making.db.seal();
    making.db.rows(sql, &[text(uid.type_name()), text(uid.id())], &mut |row| {
        if let [field, value] = row
            && let (Some(field), Some(value)) = (as_text(field), as_text(value))
        {
            let value = seal.open(Place::Content(uid.type_name(), uid.id(), &field), value)?;
            content.insert(field.to_string(), serde_json::from_str(&value).unwrap_or(Json::Null));
        }
        Ok(())
    })?;
    Ok(json!({"uid": uid_json(uid), "attrs": attributes, "content": content}))
}

/// What the log keeps of the commands that were done on something, by their numbers.
fn payloads(making: &mut Making<'_>, uid: &EntityUid) -> Result<BTreeMap<i64, Json>, Error> {
    let sql = "SELECT l.event, l.payload FROM caseward_log_about a JOIN caseward_log l ON l.event = a.event \
               WHERE a.type = ?1 AND a.id = ?2 AND l.kind = 'command' AND l.payload IS NOT NULL";
    let (mut all, seal) = (BTreeMap::new(), making.db.seal());
    making.db.rows(sql, &[text(uid.type_name()), text(uid.id())], &mut |row| {
        if let [event, payload] = row
            && let (Some(event), Some(payload)) = (as_number(event), log::payload(&seal, event, payload)?)
            && let Ok(payload) = serde_json::from_str::<Json>(&payload)
            && payload.pointer("/answer/outcome") == Some(&json!("done"))
        {
            all.insert(event, payload);
        }
        Ok(())
    })?;
    Ok(all)
}

/// What went to whom.
fn disclosure(payload: &Json) -> Option<Json> {
    let fields = payload.pointer("/kept/disclosed/fields")?;
    Some(json!({
        "recipient": payload.pointer("/command/data/recipient"),
        "fields": fields,
        "by": payload.pointer("/command/as"),
        "context": payload.pointer("/command/context"),
        "at": payload.pointer("/now"),
    }))
}

/// What somebody said of what is held of them, which stands beside it.
fn statement(payload: &Json) -> Option<Json> {
    let statement = payload.pointer("/command/data/statement")?;
    Some(json!({
        "field": payload.pointer("/command/data/field"),
        "statement": statement,
        "by": payload.pointer("/command/as"),
        "at": payload.pointer("/now"),
    }))
}

pub(super) fn correct(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let person = doing.on().clone();
    let field = doing.text("field").unwrap_or_default().to_owned();
    // A statement stands in the log alone, beside what it is about.
    if let Some(value) = doing.data("value").cloned() {
        let before = doing.making.content(&person, &field)?;
        doing.kept.insert("before", before.unwrap_or(Json::Null));
        doing.making.draft.content(&person, field, Some(value));
    }
    Ok(())
}

pub(super) fn dispose_register(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let register = doing.on().clone();
    doing.making.draft.dispose(&register);
    Ok(())
}

pub(super) fn dispose_records(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let student = doing.on().clone();
    let making = &mut *doing.making;
    let records = records_of(making, &student)?;
    for request in records.iter().filter(|record| record.type_name() == "Request") {
        if making.draft.text(request, "status")?.as_deref() == Some("submitted") {
            return Err(Stop::Refused(format!("{request} is submitted: it is decided first")));
        }
    }
    for record in &records {
        making.draft.dispose(record);
    }
    // The student stays, with what identifies them; content about them goes.
    // Whatever is there, also what the catalogue no longer names.
    let sql = "SELECT field FROM caseward_content WHERE type = ?1 AND id = ?2";
    for field in making.db.texts(sql, &[text(student.type_name()), text(student.id())])? {
        making.draft.content(&student, field, None);
    }
    making.draft.set(&student, "attendanceRate", None)?;
    making.draft.unsay(&student);
    Ok(())
}
