//! What explanations may show of attendance records: which action shows which attribute.

use std::sync::Arc;

use crate::explain::Disclosure;

/// Entity type, action, and the attributes that it shows.
const SHOWS: [(&str, &str, &[&str]); 14] = [
    (
        "Case",
        "viewSummary",
        &["student", "status", "openedAt", "closedAt", "provider", "caseManager", "primaryContact"],
    ),
    ("Case", "viewDemographics", &["school"]),
    ("Case", "viewRecord", &["team", "prosecutionNotified"]),
    ("Request", "viewSummary", &["student", "status", "provider", "caseManager", "primaryContact"]),
    ("Request", "viewRequest", &["school", "createdBy"]),
    ("Item", "viewItem", &["case", "kind", "author", "writtenAt", "sharedWith", "sensitive"]),
    ("Student", "viewDemographics", &["enrolledAt", "lastSchool"]),
    ("Student", "viewPersonalDetails", &["nsn"]),
    ("Student", "viewAttendancePattern", &["yearLevel", "attendanceRate"]),
    ("Student", "viewRecord", &["currentProvider", "currentCaseManager", "lastCaseClosedAt"]),
    ("Register", "viewRegister", &["school", "kind", "lastEntryAt"]),
    ("Report", "viewReport", &["kind", "owner", "school", "provider"]),
    ("School", "", &["kind", "catchmentProvider"]),
    ("Provider", "", &["kind", "school"]),
];

/// Entity type, and the actions any of which lets a person know that a record of it is there.
const KNOWS: [(&str, &[&str]); 6] = [
    ("Case", &["viewSummary"]),
    ("Request", &["viewSummary"]),
    ("Item", &["viewItem"]),
    ("Student", &["createRequest", "viewAttendancePattern", "exportPersonalInformation"]),
    ("Register", &["viewRegister", "recordAttendance"]),
    ("Report", &["viewReport"]),
];

/// What an explanation may show to whom, for [`Ward::viewer`](crate::Ward::viewer).
///
/// An attribute of a record is shown by the action that shows its section. What organisations are is open; what a
/// person's roles are is shown to that person alone. Whoever may view the access history of a record may see all
/// that an explanation about it says.
pub fn disclosure() -> Disclosure {
    let mut disclosure = Disclosure { unlocks: Some("viewAccessHistory".into()), ..Disclosure::default() };
    for (ty, action, attributes) in SHOWS {
        for attribute in attributes {
            let key = (Arc::from(ty), Arc::from(*attribute));
            match action {
                "" => {
                    disclosure.open.insert(key);
                }
                action => {
                    disclosure.shows.insert(key, action.into());
                }
            }
        }
    }
    for (ty, actions) in KNOWS {
        disclosure.knows.insert(ty.into(), actions.iter().map(|action| Arc::from(*action)).collect());
    }
    disclosure
}
