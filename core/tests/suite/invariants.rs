//! The invariants of the access rules, over random worlds with every oddity that the schema allows.

use std::cell::Cell;
use std::collections::BTreeSet;

use caseward::Context;
use caseward::testing::asks;
use caseward::testing::{Choices, Facts};
use caseward::{EntityUid, Request, Value, World};
use proptest::prelude::*;

use crate::support::{ATTENDANCE, Bytes, NOW, at, bytes, config, every_request};

const VIEWS: [&str; 9] = [
    "viewSummary",
    "viewDemographics",
    "viewPersonalDetails",
    "viewSupportPlan",
    "viewRecord",
    "viewAttendance",
    "viewItem",
    "viewRequest",
    "viewAttendancePattern",
];
const SCHOOL_ROLES: [&str; 3] = ["attendanceLeadAt", "primaryContactAt", "officeSupportAt"];
const PROVIDER_ROLES: [&str; 3] = ["workflowLeadAt", "caseManagerAt", "attendanceOfficerAt"];
const ELSE: [&str; 4] = ["delegatedAuthoriserAt", "delegatedAuthoriserFor", "ministryTeams", "monitors"];

/// A random world with questions about it.
struct Scene {
    facts: Facts,
    world: World,
}

impl Scene {
    fn new(bytes: &Bytes) -> Self {
        let mut facts = Facts::new(&ATTENDANCE, &mut Choices::new(bytes));
        let users = facts.of_type(ATTENDANCE.schema().type_id("User").unwrap());
        for (n, user) in users.iter().enumerate() {
            // Most people are active and cleared: else too little is ever allowed.
            if bytes[n] > 40 {
                facts.set(user, "loginActive", Value::Bool(true));
                facts.set(user, "providerAccessFrom", Value::Datetime(NOW - 1));
            }
            // Many act in roles of one kind alone, which the invariants speak of.
            let gone: &[&[&str]] = match bytes[10 + n] % 4 {
                0 => &[&PROVIDER_ROLES, &ELSE],
                1 => &[&SCHOOL_ROLES, &ELSE],
                2 => &[&SCHOOL_ROLES, &PROVIDER_ROLES],
                _ => &[],
            };
            gone.iter().flat_map(|roles| roles.iter()).for_each(|role| facts.set(user, role, Value::set([])));
        }
        give_cases_people(&mut facts, &users, bytes);
        Scene::of(facts)
    }

    fn of(facts: Facts) -> Self {
        let world = facts.build().unwrap();
        Scene { facts, world }
    }

    fn all(&self, ty: &str) -> Vec<EntityUid> {
        self.facts.of_type(ATTENDANCE.schema().type_id(ty).unwrap())
    }

    fn may(&self, user: &EntityUid, action: &str, resource: &EntityUid) -> bool {
        let request = asks::request(user, action, resource, &at(NOW));
        ATTENDANCE.check(&self.world, &request).unwrap().is_allowed()
    }

    fn entity(&self, of: &EntityUid, attribute: &str) -> Option<EntityUid> {
        match self.facts.get(of, attribute) {
            Some(Value::Entity(uid)) => Some(uid.clone()),
            _ => None,
        }
    }

    fn text(&self, of: &EntityUid, attribute: &str) -> String {
        match self.facts.get(of, attribute) {
            Some(Value::String(text)) => text.to_string(),
            _ => String::new(),
        }
    }

    fn set_of(&self, user: &EntityUid, attribute: &str) -> BTreeSet<EntityUid> {
        let Some(Value::Set(all)) = self.facts.get(user, attribute) else { return BTreeSet::new() };
        all.iter().filter_map(|v| if let Value::Entity(uid) = v { Some(uid.clone()) } else { None }).collect()
    }

    fn holds(&self, user: &EntityUid, roles: &[&str]) -> bool {
        roles.iter().any(|role| !self.set_of(user, role).is_empty())
    }

    /// Everything that is allowed now, with contexts from `bytes`.
    fn allowed(&self, bytes: &Bytes) -> Vec<Request> {
        let mut requests = every_request(&ATTENDANCE, &self.facts, &mut Choices::new(bytes));
        requests.retain(|request| ATTENDANCE.check(&self.world, request).unwrap().is_allowed());
        requests
    }

    /// Fails where something is allowed here that was not allowed `before`.
    fn gives_nothing_over(
        &self,
        before: &Scene,
        bytes: &Bytes,
        is_of_interest: impl Fn(&Request) -> bool,
    ) -> u32 {
        let mut compared = 0;
        for request in self.allowed(bytes).iter().filter(|r| is_of_interest(r)) {
            let earlier = ATTENDANCE.check(&before.world, request).unwrap();
            assert!(earlier.is_allowed(), "gained: {request:?}");
            compared += 1;
        }
        compared
    }
}

/// Gives many cases a provider and people who work there, as chance alone seldom does.
fn give_cases_people(facts: &mut Facts, users: &[EntityUid], bytes: &[u8]) {
    let of_type = |facts: &Facts, ty: &str| facts.of_type(ATTENDANCE.schema().type_id(ty).unwrap());
    let providers = of_type(facts, "Provider");
    for (n, case) in of_type(facts, "Case").iter().enumerate() {
        let drawn = usize::from(bytes[20 + n]);
        if drawn % 4 == 0 {
            continue;
        }
        let (user, provider) = (&users[drawn % users.len()], &providers[drawn % providers.len()]);
        facts.set(case, "provider", Value::Entity(provider.clone()));
        facts.set(case, "status", if drawn % 3 == 0 { "closed".into() } else { "open".into() });
        facts.set(case, "caseManager", Value::Entity(user.clone()));
        facts.set(provider, "kind", "asp".into());
        let role = if drawn % 2 == 0 { "workflowLeadAt" } else { "caseManagerAt" };
        facts.set(user, role, Value::set([Value::Entity(provider.clone())]));
    }
    for (n, item) in of_type(facts, "Item").iter().enumerate() {
        if bytes[30 + n].is_multiple_of(2) {
            facts.set(item, "kind", "comment".into());
        }
    }
}

/// Runs `law` over random scenes; it says how often its premise held, which must happen.
fn over_scenes(cases: u32, law: impl Fn(&Scene, &Bytes) -> u32) {
    let held = Cell::new(0);
    proptest!(config(cases), |(bytes in bytes())| {
        held.set(held.get() + law(&Scene::new(&bytes), &bytes));
    });
    println!("the premise held {} times", held.get());
    assert!(held.get() >= 10, "the premise held {} times only", held.get());
}

#[test]
fn invariant_1_sensitive_items_are_for_the_holders_workflow_lead_and_case_manager() {
    over_scenes(300, |scene, _| {
        let mut seen = 0;
        for item in scene.all("Item") {
            if scene.facts.get(&item, "sensitive") != Some(&Value::Bool(true)) {
                continue;
            }
            let case = scene.entity(&item, "case").unwrap();
            for user in scene.all("User").iter().filter(|user| scene.may(user, "viewItem", &item)) {
                let holder = scene.entity(&case, "provider").expect("an allowed case has a provider");
                let cleared = matches!(scene.facts.get(user, "providerAccessFrom"), Some(Value::Datetime(t)) if *t <= NOW);
                let leads = scene.set_of(user, "workflowLeadAt").contains(&holder);
                let manages = scene.set_of(user, "caseManagerAt").contains(&holder)
                    && scene.entity(&case, "caseManager").as_ref() == Some(user);
                assert!(cleared && (leads || manages), "{user} sees {item}");
                seen += 1;
            }
        }
        seen
    });
}

#[test]
fn invariant_2_labelling_an_item_gives_nothing() {
    over_scenes(60, |scene, bytes| {
        let mut compared = 0;
        for item in scene.all("Item") {
            let mut facts = scene.facts.clone();
            facts.set(&item, "sensitive", Value::Bool(true));
            compared += Scene::of(facts).gives_nothing_over(scene, bytes, |r| r.resource == item);
        }
        compared
    });
}

#[test]
fn invariant_2_ending_a_role_or_a_login_gives_nothing_but_alerts_that_pass_on() {
    let is_alert = |request: &Request| request.action.contains("receiveAlert");
    over_scenes(40, |scene, bytes| {
        let users = scene.all("User");
        let user = &users[usize::from(bytes[1]) % users.len()];
        let mut facts = scene.facts.clone();
        let roles = [&SCHOOL_ROLES[..], &PROVIDER_ROLES, &ELSE].concat();
        match roles.get(usize::from(bytes[2]) % (roles.len() + 1)) {
            Some(role) => facts.set(user, role, Value::set([])),
            None => facts.set(user, "loginActive", Value::Bool(false)),
        }
        let after = Scene::of(facts);
        for alert in after.allowed(bytes).iter().filter(|request| is_alert(request)) {
            let (person, case) = (&alert.principal, &alert.resource);
            assert!(scene.may(person, "viewSummary", case), "passes to who could not see it: {alert:?}");
        }
        after.gives_nothing_over(scene, bytes, |request| !is_alert(request))
    });
}

#[test]
fn invariant_2_ending_an_enrolment_lets_nobody_see_more() {
    over_scenes(80, |scene, bytes| {
        let mut compared = 0;
        for student in scene.all("Student") {
            let mut facts = scene.facts.clone();
            let Some(school) = facts.unset(&student, "enrolledAt") else { continue };
            facts.set(&student, "lastSchool", school);
            compared += Scene::of(facts)
                .gives_nothing_over(scene, bytes, |r| VIEWS.iter().any(|v| r.action.contains(v)));
        }
        compared
    });
}

#[test]
fn invariant_3_school_roles_never_see_the_record() {
    over_scenes(300, |scene, _| {
        let mut asked = 0;
        for user in scene.all("User") {
            if !scene.holds(&user, &SCHOOL_ROLES)
                || scene.holds(&user, &PROVIDER_ROLES)
                || scene.holds(&user, &ELSE)
            {
                continue;
            }
            for case in scene.all("Case") {
                for action in ["viewRecord", "viewDemographics", "viewPersonalDetails", "viewAttendance"] {
                    assert!(!scene.may(&user, action, &case), "{user} may {action} on {case}");
                    asked += 1;
                }
            }
        }
        asked
    });
}

/// The student that a record is about.
fn student_of(scene: &Scene, record: &EntityUid) -> Option<EntityUid> {
    match record.type_name() {
        "Student" => Some(record.clone()),
        "Case" | "Request" => scene.entity(record, "student"),
        "Item" => scene.entity(&scene.entity(record, "case")?, "student"),
        _ => None,
    }
}

#[test]
fn invariant_4_another_school_sees_nothing_of_a_student() {
    over_scenes(150, |scene, bytes| {
        let mut asked = 0;
        for request in every_request(&ATTENDANCE, &scene.facts, &mut Choices::new(bytes)) {
            let Some(student) = student_of(scene, &request.resource) else { continue };
            let user = &request.principal;
            let school_sets = [SCHOOL_ROLES[0], SCHOOL_ROLES[1], SCHOOL_ROLES[2], "delegatedAuthoriserAt"];
            let schools: BTreeSet<_> = school_sets.iter().flat_map(|role| scene.set_of(user, role)).collect();
            let only_schools = !scene.holds(user, &PROVIDER_ROLES)
                && !scene.holds(user, &["delegatedAuthoriserFor", "ministryTeams", "monitors"]);
            let elsewhere =
                scene.entity(&student, "enrolledAt").is_none_or(|school| !schools.contains(&school));
            if only_schools && elsewhere && !schools.is_empty() {
                assert!(!ATTENDANCE.check(&scene.world, &request).unwrap().is_allowed(), "{request:?}");
                asked += 1;
            }
        }
        asked
    });
}

#[test]
fn invariant_5_another_provider_sees_nothing_of_an_open_case() {
    over_scenes(150, |scene, bytes| {
        let mut facts = scene.facts.clone();
        // What the data keeps: the student's current provider holds the open case, and the request behind it.
        for case in scene.all("Case").iter().filter(|case| scene.text(case, "status") == "open") {
            let (student, holder) = (scene.entity(case, "student").unwrap(), scene.entity(case, "provider"));
            let Some(holder) = holder else { continue };
            facts.set(&student, "currentProvider", Value::Entity(holder.clone()));
            for request in scene.all("Request").iter().filter(|r| scene.text(r, "status") == "accepted") {
                if scene.entity(request, "student").as_ref() == Some(&student) {
                    facts.set(request, "provider", Value::Entity(holder.clone()));
                }
            }
        }
        let scene = Scene::of(facts);
        let mut asked = 0;
        for request in every_request(&ATTENDANCE, &scene.facts, &mut Choices::new(bytes)) {
            let record = match request.resource.type_name() {
                "Item" => scene.entity(&request.resource, "case").unwrap(),
                _ => request.resource.clone(),
            };
            let behind = record.type_name() == "Case" && scene.text(&record, "status") == "open"
                || record.type_name() == "Request" && scene.text(&record, "status") == "accepted";
            let user = &request.principal;
            let others =
                PROVIDER_ROLES.iter().flat_map(|role| scene.set_of(user, role)).collect::<BTreeSet<_>>();
            let only_providers = !scene.holds(user, &SCHOOL_ROLES) && !scene.holds(user, &ELSE);
            let holds = [
                scene.entity(&record, "provider"),
                scene.entity(&student_of(&scene, &record).unwrap_or(record.clone()), "currentProvider"),
            ];
            if behind
                && only_providers
                && !others.is_empty()
                && holds.iter().flatten().all(|p| !others.contains(p))
            {
                assert!(!ATTENDANCE.check(&scene.world, &request).unwrap().is_allowed(), "{request:?}");
                asked += 1;
            }
        }
        asked
    });
}

#[test]
fn invariant_6_whoever_writes_or_is_alerted_sees_the_summary() {
    over_scenes(100, |scene, bytes| {
        let mut asked = 0;
        for request in scene.allowed(bytes) {
            let case = match request.resource.type_name() {
                "Case" if !request.action.contains("viewAccessHistory") => request.resource.clone(),
                "Item" if request.action.contains("viewItem") => {
                    scene.entity(&request.resource, "case").unwrap()
                }
                _ => continue,
            };
            let mut summary = asks::request(&request.principal, "viewSummary", &case, &Context::new());
            summary.context.extend(request.context.get("now").map(|now| ("now", now.clone())));
            assert!(ATTENDANCE.check(&scene.world, &summary).unwrap().is_allowed(), "{request:?}");
            asked += 1;
        }
        asked
    });
}

#[test]
fn invariant_7_a_closed_case_is_changed_by_nobody() {
    const CHANGES: [&str; 19] = [
        "updateRecord",
        "updateWhereabouts",
        "addComment",
        "closeCase",
        "notifyProsecution",
        "withdrawProsecution",
        "requestAgencyInformation",
        "recordAgencyResponse",
        "receiveAlert",
        "uploadFile",
        "changePrimaryContact",
        "assignCaseManager",
        "addTeamMember",
        "removeTeamMember",
        "reallocateCase",
        "requestAdditionalSupport",
        "shareWithThirdParty",
        "shareItem",
        "unlabelSensitive",
    ];
    over_scenes(150, |scene, bytes| {
        let mut asked = 0;
        for request in every_request(&ATTENDANCE, &scene.facts, &mut Choices::new(bytes)) {
            let case = match request.resource.type_name() {
                "Case" => request.resource.clone(),
                "Item" => scene.entity(&request.resource, "case").unwrap(),
                _ => continue,
            };
            let changes = CHANGES.iter().any(|action| request.action.contains(&format!("\"{action}\"")));
            if changes && scene.text(&case, "status") == "closed" {
                assert!(!ATTENDANCE.check(&scene.world, &request).unwrap().is_allowed(), "{request:?}");
                asked += 1;
            }
        }
        asked
    });
}

#[test]
fn invariant_9_nothing_survives_the_roles() {
    over_scenes(80, |scene, bytes| {
        let mut facts = scene.facts.clone();
        for user in scene.all("User") {
            for role in [&SCHOOL_ROLES[..], &PROVIDER_ROLES, &ELSE].concat() {
                facts.set(&user, role, Value::set([]));
            }
        }
        let bare = Scene::of(facts);
        assert_eq!(bare.allowed(bytes), [], "allowed without any role");
        u32::try_from(scene.allowed(bytes).len()).unwrap()
    });
}
