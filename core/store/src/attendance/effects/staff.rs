//! Who works where, statutory registers and reports.

use caseward::Value;
use serde_json::{Value as Json, json};

use super::super::doing::{Doing, Stop};
use super::super::fits;
use crate::draft::Mark;

pub(super) fn manage(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let place = doing.on().clone();
    let Some(person) = doing.given("subject") else { return Ok(()) };
    let Some(Value::String(role)) = doing.context.get("role").cloned() else { return Ok(()) };
    let held = doing.data("end").and_then(Json::as_bool) != Some(true);
    // The role is named as the attribute, without `At`.
    let attribute = format!("{role}At");
    let making = &mut *doing.making;
    if making.draft.all(&person, &attribute)?.contains(&place) != held {
        making.draft.hold(&person, &attribute, &place, held)?;
        if !held {
            fits::clear_person(making, &person)?;
        }
    }
    making.draft.mark(Mark { person, role: attribute.into(), place, held });
    Ok(())
}

pub(super) fn record_attendance(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let register = doing.on().clone();
    let now = doing.making.now;
    let entry = json!({
        "entry": doing.data("entry"),
        "by": doing.person().id(),
        "at": doing.making.stamp(),
    });
    doing.append(&register, "entries", entry)?;
    Ok(doing.making.draft.set(&register, "lastEntryAt", Some(Value::Datetime(now)))?)
}

pub(super) fn create_report(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let report = doing.on().clone();
    let title = doing.text("title").map(Json::from);
    let definition = doing.making.draft.seen()?.attributes(&report).map_err(crate::Error::from)?;
    let draft = &mut doing.making.draft;
    if title.is_some() {
        draft.content(&report, "title", title);
    }
    let figures = json!({"definition": definition, "at": crate::time::rfc3339(doing.making.now)});
    doing.making.draft.content(&report, "figures", Some(figures));
    Ok(())
}
