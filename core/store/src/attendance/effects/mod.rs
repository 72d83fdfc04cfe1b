//! What each command does: one function each, to be read beside the table of the contract.
//!
//! INVARIANT: nothing here decides who may. What is written are facts; who fits is asked of the policies of `fits`.

mod cases;
mod items;
mod privacy;
mod requests;
mod staff;

pub(super) use cases::{set_case_manager, set_provider};

use super::doing::{Doing, Stop};

/// The effect of a command.
pub(crate) fn apply(doing: &mut Doing<'_, '_>) -> Result<(), Stop> {
    let effect = match doing.checked.spec.name {
        "createRequest" => requests::create,
        "editRequest" => requests::edit,
        "submitRequest" => requests::submit,
        "deleteDraft" => requests::delete_draft,
        "declineRequest" => requests::decline,
        "updateRequest" => requests::update,
        "assignRequest" => requests::assign,
        "allocateRequest" => requests::allocate,
        "acceptRequest" => requests::accept,
        "closeCase" => cases::close,
        "requestAgencyInformation" => cases::request_agency_information,
        "updateWhereabouts" => cases::update_whereabouts,
        "changePrimaryContact" => cases::change_primary_contact,
        "assignCaseManager" => cases::assign_case_manager,
        "addTeamMember" => cases::add_team_member,
        "removeTeamMember" => cases::remove_team_member,
        "notifyProsecution" => cases::notify_prosecution,
        "withdrawProsecution" => cases::withdraw_prosecution,
        "reallocateCase" => cases::reallocate,
        "addComment" => items::add_comment,
        "uploadFile" => items::upload_file,
        "updateRecord" => items::update_record,
        "recordAgencyResponse" => items::record_agency_response,
        "requestAdditionalSupport" => items::request_additional_support,
        "shareItem" => items::share,
        "unshareItem" => items::unshare,
        "labelSensitive" => items::label,
        "unlabelSensitive" => items::unlabel,
        "manageStaffAccess" => staff::manage,
        "recordAttendance" => staff::record_attendance,
        "createReport" => staff::create_report,
        "shareWithThirdParty" | "shareWithAgency" => privacy::share,
        "exportPersonalInformation" => privacy::export,
        "correctPersonalInformation" => privacy::correct,
        "disposeRegister" => privacy::dispose_register,
        "disposeRecords" => privacy::dispose_records,
        // Its note is kept in the log.
        "reviewRequest" => return Ok(()),
        other => return Err(Stop::Invalid(format!("`{other}` has no effect"))),
    };
    effect(doing)
}
