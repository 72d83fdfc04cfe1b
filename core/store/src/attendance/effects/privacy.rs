//! What went to others, what is held of a person, corrections and disposal.

use caseward::EntityUid;
use serde_json::{Map, Value as Json, json};

use super::super::doing::{Doing, Making, Stop};
use super::super::spec::biographical;
use crate::db::{as_text, text};
use crate::draft::uid_json;
use crate::error::Error;

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
    let mut records = vec![held(making, &person)?];
    for record in records_of(making, &person)? {
        records.push(held(making, &record)?);
    }
    let disclosures = disclosures(making, &person)?;
    doing.exported = Some(json!({"records": records, "disclosures": disclosures}));
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
    making.db.rows(sql, &[text(uid.type_name()), text(uid.id())], &mut |row| {
        if let [field, value] = row
            && let (Some(field), Some(value)) = (as_text(field), as_text(value))
        {
            content.insert(field.to_string(), serde_json::from_str(&value).unwrap_or(Json::Null));
        }
        Ok(())
    })?;
    Ok(json!({"uid": uid_json(uid), "attrs": attributes, "content": content}))
}

/// What went to whom: the log's entries of it.
fn disclosures(making: &mut Making<'_>, person: &EntityUid) -> Result<Vec<Json>, Error> {
    let sql = "SELECT l.payload FROM caseward_log_about a JOIN caseward_log l ON l.event = a.event \
               WHERE a.type = ?1 AND a.id = ?2 AND l.kind = 'command' AND l.payload IS NOT NULL ORDER BY l.event";
    let payloads = making.db.texts(sql, &[text(person.type_name()), text(person.id())])?;
    let all = payloads.iter().filter_map(|payload| serde_json::from_str::<Json>(payload).ok());
    let told = all.filter(|payload| payload.pointer("/kept/disclosed").is_some());
    Ok(told
        .map(|payload| {
            json!({
                "recipient": payload.pointer("/command/data/recipient"),
                "fields": payload.pointer("/kept/disclosed/fields"),
                "by": payload.pointer("/command/as"),
                "context": payload.pointer("/command/context"),
                "at": payload.pointer("/now"),
            })
        })
        .collect())
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
    for (field, _) in making.ward.content("Student") {
        making.draft.content(&student, field, None);
    }
    Ok(())
}
