//! The facts of one request about a case as nested records, as a service would send them to an engine that
//! keeps no data. What is absent is left out.

use serde_json::{Map, Value as Json, json};

use crate::floor::{
    CENTRAL_INVESTIGATION, Floor, NATIONAL_CONTRACTS, NONE, PROSECUTIONS, Places, ProviderKind,
    REGIONAL_CONTRACTS, Status,
};

const TEAMS: [(u8, &str); 4] = [
    (CENTRAL_INVESTIGATION, "centralInvestigation"),
    (NATIONAL_CONTRACTS, "nationalContracts"),
    (REGIONAL_CONTRACTS, "regionalContracts"),
    (PROSECUTIONS, "prosecutions"),
];

fn user_id(user: u32) -> String {
    format!("u{user}")
}

fn school_id(school: u32) -> String {
    format!("s{school}")
}

fn provider_id(provider: u32) -> String {
    format!("p{provider}")
}

/// The fields that are present.
fn record<const N: usize>(fields: [(&str, Option<Json>); N]) -> Json {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Json::Object(present.collect::<Map<_, _>>())
}

fn provider(floor: &Floor<'_>, number: u32) -> Option<Json> {
    let of = floor.providers.get(number as usize)?;
    let kind = match of.kind {
        ProviderKind::Asp => "asp",
        ProviderKind::Isp => "isp",
        ProviderKind::Unknown => "unknown",
    };
    let school = (of.school != NONE).then(|| json!(school_id(of.school)));
    Some(record([("id", Some(json!(provider_id(number)))), ("kind", Some(json!(kind))), ("school", school)]))
}

fn person(floor: &Floor<'_>, number: u32) -> Json {
    let user = &floor.users[number as usize];
    let ids = |places: Places, id: fn(u32) -> String| {
        Some(Json::Array(floor.places(user, places).iter().map(|n| json!(id(*n))).collect()))
    };
    let teams = TEAMS.iter().filter(|(bit, _)| user.teams & bit != 0).map(|(_, name)| *name);
    record([
        ("id", Some(json!(user_id(number)))),
        ("loginActive", Some(json!(user.active))),
        // In minutes, which some engine's 32 bits hold.
        ("providerAccessFrom", user.access_from().map(|from| json!(from.div_euclid(60_000)))),
        ("attendanceLeadAt", ids(Places::AttendanceLeadAt, school_id)),
        ("primaryContactAt", ids(Places::PrimaryContactAt, school_id)),
        ("officeSupportAt", ids(Places::OfficeSupportAt, school_id)),
        ("workflowLeadAt", ids(Places::WorkflowLeadAt, provider_id)),
        ("caseManagerAt", ids(Places::CaseManagerAt, provider_id)),
        ("monitors", ids(Places::Monitors, provider_id)),
        ("ministryTeams", Some(Json::Array(teams.map(|team| json!(team)).collect()))),
    ])
}

fn case(floor: &Floor<'_>, number: u32) -> Json {
    let case = &floor.cases[number as usize];
    let student = &floor.students[case.student as usize];
    let user = |user: u32| (user != NONE).then(|| json!(user_id(user)));
    let enrolled = (student.enrolled_at != NONE).then(|| json!(school_id(student.enrolled_at)));
    let status = match case.status {
        Status::Open => "open",
        Status::Closed => "closed",
        Status::Unknown => "unknown",
    };
    let team = floor.members(case.team).iter().map(|member| json!(user_id(*member)));
    record([
        ("status", Some(json!(status))),
        ("prosecutionNotified", Some(json!(case.prosecution_notified))),
        ("provider", provider(floor, case.provider)),
        ("caseManager", user(case.case_manager)),
        ("primaryContact", user(case.primary_contact)),
        ("team", Some(Json::Array(team.collect()))),
        (
            "student",
            Some(record([
                ("enrolledAt", enrolled),
                ("currentProvider", provider(floor, student.current_provider)),
                ("currentCaseManager", user(student.current_case_manager)),
            ])),
        ),
    ])
}

/// Who asks, about which case, when: `user`, `case` and `now`, times in minutes.
pub fn facts(floor: &Floor<'_>, user: u32, about: u32, now: i64) -> Json {
    json!({ "user": person(floor, user), "case": case(floor, about), "now": now.div_euclid(60_000) })
}
