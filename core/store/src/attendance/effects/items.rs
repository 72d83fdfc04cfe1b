//! Entries of a case's record.

use caseward::{EntityUid, Value};
use serde_json::{Value as Json, json};

use super::super::doing::{Doing, Stop};
use super::super::fits;
use super::cases::changed;
use crate::command::Carried;

/// Adds an entry; of a school where its author writes for one.
fn add(doing: &mut Doing<'_, '_>, kind: &str, at_school: bool) -> Result<EntityUid, Stop> {
    let item = doing.new_id("Item")?;
    let (case, author) = (doing.on().clone(), doing.person().clone());
    let making = &mut *doing.making;
    let school = match making.draft.entity(&case, "student")? {
        Some(student) if at_school && making.fits(&author, fits::WRITES_FOR_SCHOOL, &case)? => {
            making.draft.entity(&student, "enrolledAt")?
        }
        _ => None,
    };
    let mut attributes = vec![
        ("case", Value::Entity(case.clone())),
        ("kind", kind.into()),
        ("author", Value::Entity(author)),
        ("sharedWith", Value::set([])),
        ("sensitive", false.into()),
    ];
    attributes.extend(school.map(|school| ("writtenAt", Value::Entity(school))));
    making.draft.make(&item, attributes);
    let stamp = making.stamp();
    making.draft.content(&item, "createdAt", Some(stamp));
    changed(making, &case);
    Ok(item)
}

/// Copies texts of the data to the item's content.
fn keep(doing: &mut Doing<'_, '_>, item: &EntityUid, fields: &[&'static str]) {
    for field in fields {
        if let Some(text) = doing.text(field).map(Json::from) {
            doing.making.draft.content(item, *field, Some(text));
        }
    }
}

pub(super) fn add_comment(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let item = add(doing, "comment", true)?;
    keep(doing, &item, &["text"]);
    Ok(())
}

pub(super) fn upload_file(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let item = add(doing, "file", true)?;
    keep(doing, &item, &["fileName", "fileType"]);
    // The spec asks for a file.
    let Some(Carried { hash, bytes }) = &doing.checked.file else { return Ok(()) };
    let (hash, bytes) = (hash.clone(), bytes.clone());
    let draft = &mut doing.making.draft;
    draft.content(&item, "fileSize", Some(json!(bytes.len())));
    draft.content(&item, "document", Some(json!(format!("sha256:{hash}"))));
    draft.file(hash, bytes);
    Ok(())
}

pub(super) fn update_record(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let case = doing.on().clone();
    let Some(kind) = doing.text("kind").map(str::to_owned) else {
        doing.write_content(&case);
        changed(doing.making, &case);
        return Ok(());
    };
    let item = add(doing, &kind, false)?;
    keep(doing, &item, &["text"]);
    Ok(())
}

pub(super) fn record_agency_response(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let item = add(doing, "agencyResponse", false)?;
    keep(doing, &item, &["agency", "text"]);
    Ok(())
}

pub(super) fn request_additional_support(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let item = add(doing, "serviceReferral", false)?;
    keep(doing, &item, &["agency", "serviceName", "text"]);
    Ok(())
}

pub(super) fn share(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let item = doing.on().clone();
    let Some(school) = doing.given("withSchool") else { return Ok(()) };
    Ok(doing.making.draft.hold(&item, "sharedWith", &school, true)?)
}

pub(super) fn unshare(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let item = doing.on().clone();
    let Some(school) = doing.text("school").map(|id| EntityUid::new("School", id)) else { return Ok(()) };
    Ok(doing.making.draft.hold(&item, "sharedWith", &school, false)?)
}

pub(super) fn label(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let item = doing.on().clone();
    Ok(doing.making.draft.set(&item, "sensitive", Some(true.into()))?)
}

pub(super) fn unlabel(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let item = doing.on().clone();
    Ok(doing.making.draft.set(&item, "sensitive", Some(false.into()))?)
}
