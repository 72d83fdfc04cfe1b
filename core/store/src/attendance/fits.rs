//! Who no longer fits where a record names them is taken out: asked of the policies in `fits`, never decided here.

use caseward::EntityUid;

use super::doing::{Making, Stop};
use super::effects::set_case_manager;

pub(crate) const MEETS_S6: &str = "meetsS6";
pub(crate) const WRITES_FOR_SCHOOL: &str = "writesForSchool";
const CONTACT: &str = "fitsContact";
const CASE_MANAGER: &str = "fitsCaseManager";
const TEAM: &str = "fitsTeam";

/// What is asked of the policies in `fits`.
pub(crate) const ASKED: [&str; 5] = [MEETS_S6, WRITES_FOR_SCHOOL, CONTACT, CASE_MANAGER, TEAM];

/// Takes a person out of the open cases and submitted requests where they no longer fit.
pub(crate) fn clear_person(making: &mut Making<'_>, person: &EntityUid) -> Result<(), Stop> {
    let mut cases = Vec::new();
    for attribute in ["primaryContact", "caseManager", "team"] {
        cases.extend(making.referring("Case", attribute, person)?);
    }
    cases.sort();
    cases.dedup();
    for case in cases {
        clear_case(making, &case)?;
    }
    for request in making.referring("Request", "caseManager", person)? {
        clear_request(making, &request)?;
    }
    Ok(())
}

/// Takes out of an open case who no longer fits.
pub(crate) fn clear_case(making: &mut Making<'_>, case: &EntityUid) -> Result<(), Stop> {
    if making.draft.text(case, "status")?.as_deref() != Some("open") {
        return Ok(());
    }
    if let Some(contact) = making.draft.entity(case, "primaryContact")?
        && !making.fits(&contact, CONTACT, case)?
    {
        making.draft.refer(case, "primaryContact", None)?;
    }
    if let Some(manager) = making.draft.entity(case, "caseManager")?
        && !making.fits(&manager, CASE_MANAGER, case)?
    {
        set_case_manager(making, case, None)?;
    }
    for member in making.draft.all(case, "team")? {
        if !making.fits(&member, TEAM, case)? {
            making.draft.hold(case, "team", &member, false)?;
        }
    }
    Ok(())
}

/// Takes the case manager of a submitted request out who no longer fits.
pub(crate) fn clear_request(making: &mut Making<'_>, request: &EntityUid) -> Result<(), Stop> {
    if making.draft.text(request, "status")?.as_deref() != Some("submitted") {
        return Ok(());
    }
    if let Some(manager) = making.draft.entity(request, "caseManager")?
        && !making.fits(&manager, CASE_MANAGER, request)?
    {
        making.draft.refer(request, "caseManager", None)?;
    }
    Ok(())
}
