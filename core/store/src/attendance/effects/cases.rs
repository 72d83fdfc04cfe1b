//! Cases, until they are closed.

use caseward::{EntityUid, Value};
use serde_json::{Value as Json, json};

use super::super::doing::{Doing, Making, Stop};
use crate::draft::CHANGED;

/// What every change of a case leaves on it.
pub(super) fn changed(making: &mut Making<'_>, case: &EntityUid) {
    let stamp = making.stamp();
    making.draft.content(case, CHANGED, Some(stamp));
}

pub(super) fn close(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let case = doing.on().clone();
    let now = doing.making.now;
    let (reason, outcome) = (doing.text("closureReason").map(Json::from), doing.data("outcome").cloned());
    let making = &mut *doing.making;
    making.draft.set(&case, "status", Some("closed".into()))?;
    making.draft.set(&case, "closedAt", Some(Value::Datetime(now)))?;
    if let Some(student) = making.draft.entity(&case, "student")? {
        making.draft.refer(&student, "currentProvider", None)?;
        making.draft.refer(&student, "currentCaseManager", None)?;
        making.draft.set(&student, "lastCaseClosedAt", Some(Value::Datetime(now)))?;
    }
    making.draft.content(&case, "closureReason", reason);
    if outcome.is_some() {
        making.draft.content(&case, "outcome", outcome);
    }
    changed(making, &case);
    Ok(())
}

pub(super) fn request_agency_information(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let entry = json!({
        "agency": doing.text("agency"),
        "text": doing.text("text"),
        "by": doing.person().id(),
        "at": doing.making.stamp(),
    });
    let case = doing.on().clone();
    doing.append(&case, "informationRequestsToAgencies", entry)?;
    changed(doing.making, &case);
    Ok(())
}

pub(super) fn update_whereabouts(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let entry = json!({
        "whereabouts": doing.data("whereabouts"),
        "by": doing.person().id(),
        "at": doing.making.stamp(),
    });
    let case = doing.on().clone();
    doing.append(&case, "whereabouts", entry)?;
    changed(doing.making, &case);
    Ok(())
}

pub(super) fn change_primary_contact(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let (case, contact) = (doing.on().clone(), doing.given("contact"));
    doing.making.draft.refer(&case, "primaryContact", contact.as_ref())?;
    doing.write_content(&case);
    changed(doing.making, &case);
    Ok(())
}

pub(super) fn assign_case_manager(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let (case, assignee) = (doing.on().clone(), doing.given("assignee"));
    let making = &mut *doing.making;
    if making.draft.entity(&case, "caseManager")? == assignee {
        return Ok(());
    }
    set_case_manager(making, &case, assignee.as_ref())?;
    if let Some(assignee) = &assignee {
        making.draft.hold(&case, "team", assignee, false)?;
    }
    changed(making, &case);
    Ok(())
}

/// The case manager of an open case, which the student and the request follow.
pub(in super::super) fn set_case_manager(
    making: &mut Making<'_>,
    case: &EntityUid,
    manager: Option<&EntityUid>,
) -> Result<(), Stop> {
    making.draft.refer(case, "caseManager", manager)?;
    if let Some(student) = making.draft.entity(case, "student")? {
        making.draft.refer(&student, "currentCaseManager", manager)?;
    }
    for request in making.requests_of(case)? {
        making.draft.refer(&request, "caseManager", manager)?;
    }
    Ok(())
}

/// The holder of an open case, which the student and the request follow.
pub(in super::super) fn set_provider(
    making: &mut Making<'_>,
    case: &EntityUid,
    provider: &EntityUid,
) -> Result<(), Stop> {
    making.draft.refer(case, "provider", Some(provider))?;
    if let Some(student) = making.draft.entity(case, "student")? {
        making.draft.refer(&student, "currentProvider", Some(provider))?;
    }
    for request in making.requests_of(case)? {
        making.draft.refer(&request, "provider", Some(provider))?;
    }
    Ok(())
}

pub(super) fn add_team_member(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let case = doing.on().clone();
    let Some(member) = doing.given("assignee") else { return Ok(()) };
    team(doing.making, &case, &member, true)
}

pub(super) fn remove_team_member(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let case = doing.on().clone();
    let Some(member) = doing.text("member").map(|id| EntityUid::new("User", id)) else { return Ok(()) };
    team(doing.making, &case, &member, false)
}

fn team(making: &mut Making<'_>, case: &EntityUid, member: &EntityUid, held: bool) -> Result<(), Stop> {
    if making.draft.all(case, "team")?.contains(member) == held {
        return Ok(());
    }
    making.draft.hold(case, "team", member, held)?;
    changed(making, case);
    Ok(())
}

pub(super) fn notify_prosecution(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    prosecution(doing, true)
}

pub(super) fn withdraw_prosecution(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    prosecution(doing, false)
}

fn prosecution(doing: &mut Doing<'_, '_>, is: bool) -> Result<(), Stop> {
    let case = doing.on().clone();
    if doing.making.draft.get(&case, "prosecutionNotified")? == Some(is.into()) {
        return Ok(());
    }
    doing.making.draft.set(&case, "prosecutionNotified", Some(is.into()))?;
    changed(doing.making, &case);
    Ok(())
}

pub(super) fn reallocate(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let case = doing.on().clone();
    let Some(provider) = doing.given("toProvider") else { return Ok(()) };
    let making = &mut *doing.making;
    set_provider(making, &case, &provider)?;
    set_case_manager(making, &case, None)?;
    making.draft.set(&case, "team", Some(Value::set([])))?;
    changed(making, &case);
    Ok(())
}
