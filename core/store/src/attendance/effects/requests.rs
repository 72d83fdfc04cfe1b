//! Requests, until they are cases.

use caseward::{EntityUid, Value};
use serde_json::{Value as Json, json};

use super::super::doing::{Doing, Stop};
use super::super::{fits, routing};

pub(super) fn create(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let request = doing.new_id("Request")?;
    let (student, maker) = (doing.on().clone(), doing.person().clone());
    let mut attributes = vec![
        ("student", Value::Entity(student.clone())),
        ("createdBy", Value::Entity(maker)),
        ("status", "draft".into()),
    ];
    let school = doing.making.draft.entity(&student, "enrolledAt")?;
    attributes.extend(school.map(|school| ("school", Value::Entity(school))));
    attributes
        .extend(doing.given("primaryContact").map(|contact| ("primaryContact", Value::Entity(contact))));
    doing.making.draft.make(&request, attributes);
    let number = doing.making.next_number("requests")?;
    let stamp = doing.making.stamp();
    let draft = &mut doing.making.draft;
    draft.content(&request, "number", Some(json!(format!("R{number:07}"))));
    draft.content(&request, "type", Some(json!("request")));
    draft.content(&request, "createdAt", Some(stamp));
    doing.write_content(&request);
    Ok(())
}

pub(super) fn edit(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let request = doing.on().clone();
    if let Some(contact) = doing.data("primaryContact") {
        let contact = contact.as_str().map(|id| EntityUid::new("User", id));
        doing.making.draft.refer(&request, "primaryContact", contact.as_ref())?;
    }
    doing.write_content(&request);
    Ok(())
}

pub(super) fn submit(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let request = doing.on().clone();
    let making = &mut *doing.making;
    making.draft.set(&request, "status", Some("submitted".into()))?;
    if let Some(student) = making.draft.entity(&request, "student")? {
        let provider = routing::provider_for(making, &student)?;
        making.draft.refer(&request, "provider", provider.as_ref())?;
    }
    let stamp = making.stamp();
    making.draft.content(&request, "submittedAt", Some(stamp));
    Ok(())
}

pub(super) fn delete_draft(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let request = doing.on().clone();
    doing.making.draft.remove(&request);
    Ok(())
}

pub(super) fn decline(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let request = doing.on().clone();
    let reason = doing.text("declineReason").map(Json::from);
    let stamp = doing.making.stamp();
    let draft = &mut doing.making.draft;
    draft.set(&request, "status", Some("declined".into()))?;
    draft.content(&request, "declineReason", reason);
    draft.content(&request, "decidedAt", Some(stamp));
    Ok(())
}

pub(super) fn update(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let request = doing.on().clone();
    doing.write_content(&request);
    Ok(())
}

pub(super) fn assign(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let (request, assignee) = (doing.on().clone(), doing.given("assignee"));
    Ok(doing.making.draft.refer(&request, "caseManager", assignee.as_ref())?)
}

pub(super) fn allocate(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let (request, provider) = (doing.on().clone(), doing.given("toProvider"));
    doing.making.draft.refer(&request, "provider", provider.as_ref())?;
    Ok(doing.making.draft.refer(&request, "caseManager", None)?)
}

pub(super) fn accept(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let request = doing.on().clone();
    let case = doing.new_id("Case")?;
    let now = doing.making.now;
    let making = &mut *doing.making;
    let Some(student) = making.draft.entity(&request, "student")? else {
        return Err(Stop::Refused("the request has no student".to_owned()));
    };
    let Some(provider) = making.draft.entity(&request, "provider")? else {
        return Err(Stop::Refused("no provider holds the request".to_owned()));
    };
    let manager = making.draft.entity(&request, "caseManager")?;
    let school = making.draft.entity(&student, "enrolledAt")?;
    let contact = match making.draft.entity(&request, "primaryContact")? {
        Some(contact) if making.fits(&contact, fits::MEETS_S6, &request)? => Some(contact),
        _ => None,
    };
    let entity = |name, uid: Option<EntityUid>| uid.map(|uid| (name, Value::Entity(uid)));
    let attributes = [
        Some(("student", Value::Entity(student.clone()))),
        entity("school", school),
        Some(("status", "open".into())),
        Some(("openedAt", Value::Datetime(now))),
        Some(("provider", Value::Entity(provider.clone()))),
        entity("caseManager", manager.clone()),
        Some(("team", Value::set([]))),
        entity("primaryContact", contact),
        Some(("prosecutionNotified", false.into())),
    ];
    making.draft.make(&case, attributes.into_iter().flatten().collect());
    making.draft.set(&request, "status", Some("accepted".into()))?;
    making.draft.refer(&student, "currentProvider", Some(&provider))?;
    making.draft.refer(&student, "currentCaseManager", manager.as_ref())?;
    making.draft.set(&student, "lastCaseClosedAt", None)?;
    making.draft.became(&request, &case);
    for field in ["reasonForRequest", "attendanceActionsToDate"] {
        if let Some(value) = making.content(&request, field)? {
            making.draft.content(&case, field, Some(value));
        }
    }
    let number = making.next_number("cases")?;
    let stamp = making.stamp();
    making.draft.content(&request, "decidedAt", Some(stamp.clone()));
    making.draft.content(&case, "number", Some(json!(format!("C{number:07}"))));
    making.draft.content(&case, "type", Some(json!("case")));
    making.draft.content(&case, "lastChangedAt", Some(stamp));
    Ok(())
}
