//! A small town: what stands in it when a story begins.

use serde_json::{Value as Json, json};

use crate::lines::ROLES;

pub(crate) const SCHOOLS: [&str; 3] = ["kauri", "rata", "totara"];
pub(crate) const PROVIDERS: [&str; 4] = ["north", "south", "inside", "within"];

/// Who works there, in which roles, and where.
pub(crate) const PEOPLE: [(&str, &[(&str, &str)]); 20] = [
    ("lead", &[("attendanceLeadAt", "kauri")]),
    ("contact", &[("primaryContactAt", "kauri")]),
    ("office", &[("officeSupportAt", "kauri"), ("officeSupportAt", "rata")]),
    ("rata-lead", &[("attendanceLeadAt", "rata"), ("primaryContactAt", "kauri")]),
    ("rata-contact", &[("primaryContactAt", "rata"), ("primaryContactAt", "totara")]),
    ("totara-lead", &[("attendanceLeadAt", "totara")]),
    ("totara-office", &[("officeSupportAt", "totara"), ("delegatedAuthoriserAt", "rata")]),
    ("flow", &[("workflowLeadAt", "north")]),
    ("manager", &[("caseManagerAt", "north")]),
    ("second", &[("caseManagerAt", "north"), ("attendanceOfficerAt", "south")]),
    ("both", &[("caseManagerAt", "north"), ("caseManagerAt", "south")]),
    ("south-flow", &[("workflowLeadAt", "south"), ("caseManagerAt", "south")]),
    ("south-manager", &[("caseManagerAt", "south"), ("primaryContactAt", "rata")]),
    ("inside-flow", &[("workflowLeadAt", "inside"), ("workflowLeadAt", "within")]),
    ("inside-manager", &[("caseManagerAt", "inside"), ("caseManagerAt", "south")]),
    ("central", &[("ministryTeams", "centralInvestigation")]),
    ("privacy", &[("ministryTeams", "privacy"), ("ministryTeams", "prosecutions")]),
    ("region", &[("ministryTeams", "regionalOffice"), ("ministryTeams", "nationalContracts")]),
    ("authoriser", &[("delegatedAuthoriserFor", "north"), ("delegatedAuthoriserAt", "kauri")]),
    ("nobody", &[]),
];

pub(crate) const STUDENTS: [&str; 10] =
    ["aroha", "ben", "cara", "dan", "eve", "fetu", "gina", "hemi", "iris", "jack"];

/// What every store begins with: organisations and reports, and some of the people and students.
pub(crate) fn imported() -> Json {
    let one = |ty: &str, id: &str, attributes: Json| json!({"uid": {"type": ty, "id": id}, "attrs": attributes, "parents": []});
    let to = |ty: &str, id: &str| json!({"__entity": {"type": ty, "id": id}});
    let at = |arg: &str| json!({"__extn": {"fn": "datetime", "arg": arg}});
    let mut all = vec![
        one("Provider", "north", json!({"kind": "asp"})),
        one("Provider", "south", json!({"kind": "asp"})),
        one("Provider", "inside", json!({"kind": "isp", "school": to("School", "totara")})),
        one("School", "kauri", json!({"kind": "state", "catchmentProvider": to("Provider", "north")})),
        one("School", "rata", json!({"kind": "state", "catchmentProvider": to("Provider", "south")})),
        one("School", "totara", json!({"kind": "private", "catchmentProvider": to("Provider", "south")})),
        one("Report", "caseload", json!({"kind": "caseload", "provider": to("Provider", "north")})),
        one("Report", "national", json!({"kind": "national"})),
        one("Report", "prosecutions", json!({"kind": "prosecutions"})),
        one(
            "Register",
            "old",
            json!({"school": to("School", "kauri"), "kind": "leavers", "lastEntryAt": at("2015-03-01T00:00:00Z")}),
        ),
        one("Student", "aroha", json!({"nsn": "1", "enrolledAt": to("School", "kauri"), "yearLevel": 9})),
        one("Student", "ben", json!({"nsn": "2", "enrolledAt": to("School", "rata")})),
        one("Student", "dan", json!({"nsn": "4", "lastSchool": to("School", "rata")})),
        one("Student", "eve", json!({"nsn": "5"})),
    ];
    for (name, roles) in PEOPLE.iter().filter(|(name, _)| is_imported(name)) {
        let mut attributes = json!({"loginActive": true, "providerAccessFrom": at("2026-01-05T00:00:00Z")});
        for (role, ty) in ROLES {
            let places = roles.iter().filter(|(held, _)| *held == role).map(|(_, place)| to(ty, place));
            attributes[role] = Json::Array(places.collect());
        }
        all.push(one("User", name, attributes));
    }
    Json::Array(all)
}

/// The others come by feeds.
pub(crate) fn is_imported(name: &str) -> bool {
    ["lead", "contact", "rata-lead", "flow", "manager", "both", "central", "privacy", "region"]
        .contains(&name)
}
