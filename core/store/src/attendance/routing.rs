//! Which provider a request goes to, and what a change of school does.

use caseward::EntityUid;

use super::doing::{Making, Stop};
use super::effects::set_provider;
use super::fits;

/// The provider that a student's request goes to.
pub(crate) fn provider_for(making: &mut Making<'_>, student: &EntityUid) -> Result<Option<EntityUid>, Stop> {
    if let Some(school) = making.draft.entity(student, "enrolledAt")? {
        let mut in_school = Vec::new();
        for provider in making.referring("Provider", "school", &school)? {
            if making.draft.text(&provider, "kind")?.as_deref() == Some("isp") {
                in_school.push(provider);
            }
        }
        return match in_school.as_slice() {
            [one] => Ok(Some(one.clone())),
            _ => Ok(making.draft.entity(&school, "catchmentProvider")?),
        };
    }
    match making.draft.entity(student, "lastSchool")? {
        Some(school) => Ok(making.draft.entity(&school, "catchmentProvider")?),
        None => Ok(None),
    }
}

/// A student comes to be enrolled at a school, or nowhere; with all that follows.
pub(crate) fn change_school(
    making: &mut Making<'_>,
    student: &EntityUid,
    to: Option<&EntityUid>,
) -> Result<(), Stop> {
    let from = making.draft.entity(student, "enrolledAt")?;
    if from.as_ref() == to {
        return Ok(());
    }
    making.draft.refer(student, "enrolledAt", to)?;
    let last = if to.is_some() { None } else { from };
    making.draft.refer(student, "lastSchool", last.as_ref())?;
    if let Some(case) = making.open_case(student)? {
        if to.is_some() {
            making.draft.refer(&case, "school", to)?;
            if let Some(provider) = provider_for(making, student)? {
                set_provider(making, &case, &provider)?;
            }
        }
        fits::clear_case(making, &case)?;
    }
    if to.is_some() {
        for request in making.referring("Request", "student", student)? {
            reroute(making, student, &request)?;
        }
    }
    Ok(())
}

/// A submitted request goes to the provider of the new school; its case manager goes with the old one.
fn reroute(making: &mut Making<'_>, student: &EntityUid, request: &EntityUid) -> Result<(), Stop> {
    if making.draft.text(request, "status")?.as_deref() != Some("submitted") {
        return Ok(());
    }
    let provider = provider_for(making, student)?;
    if making.draft.entity(request, "provider")? != provider {
        making.draft.refer(request, "provider", provider.as_ref())?;
        making.draft.refer(request, "caseManager", None)?;
    }
    fits::clear_request(making, request)
}
