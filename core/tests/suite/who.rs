//! Who may, in particular. The laws compare it with checks.

use caseward::ActionName;
use caseward::Context;
use caseward::testing::asks;
use caseward::testing::asks::who_may;
use caseward::{Changes, EntityUid, Request};

use crate::support::{ATTENDANCE, CLINIC, NOW, at, facts};

fn sample() -> caseward::World {
    caseward::attendance::Sample { cases: 120, seed: 3 }.build(&ATTENDANCE, &mut |_| {}).unwrap()
}

#[test]
fn nobody_may_do_anything_to_what_is_not_there_and_nonsense_is_refused() {
    let world = sample();
    let (at, none) = (at(NOW), EntityUid::new("Case", "none"));
    let found = ATTENDANCE.who(&world, &who_may("viewSummary", &none, "User", &at)).unwrap();
    assert!(found.is_empty() && found.provenance().version == 1 && found.provenance().now == Some(NOW));
    assert_eq!(ATTENDANCE.who_with_reasons(&world, &who_may("viewSummary", &none, "User", &at)).unwrap(), []);
    let case = EntityUid::new("Case", "c0000001");
    for (action, resource, ty, why) in [
        ("viewSumary", &case, "User", "did you mean `viewSummary`?"),
        ("viewSummary", &case, "Usr", "did you mean `User`?"),
        ("viewSummary", &case, "School", "takes no principal of type `School`"),
        ("viewItem", &case, "User", "takes no resource of type `Case`"),
        ("uploadFile", &case, "User", "`sizeBytes` is missing"),
    ] {
        let error = ATTENDANCE.who(&world, &who_may(action, resource, ty, &at)).unwrap_err();
        assert!(error.is_request() && error.to_string().contains(why), "{error}");
    }
    let error = CLINIC.who(&world, &who_may("open", &case, "Clinic::Staff", &at)).unwrap_err();
    assert!(error.is_schema(), "{error}");
}

#[test]
fn an_absent_entity_in_the_context_lets_nobody() {
    let world = sample();
    let mut context = at(NOW);
    context.insert("contact", EntityUid::new("User", "nobody"));
    for case in world.ids("Case").unwrap().take(20) {
        let case = EntityUid::new("Case", case);
        let found =
            ATTENDANCE.who(&world, &who_may("changePrimaryContact", &case, "User", &context)).unwrap();
        assert!(found.is_empty());
    }
}

#[test]
fn the_sample_world_answers_as_checks_do_by_pages_and_after_changes() {
    let world = sample();
    let users: Vec<EntityUid> = world.ids("User").unwrap().map(|id| EntityUid::new("User", id)).collect();
    let compare = |world: &caseward::World, (action, ty): (&str, &str)| {
        let mut found = 0;
        for id in world.ids(ty).unwrap().step_by(9) {
            let resource = EntityUid::new(ty, id);
            let who = ATTENDANCE.who(world, &who_may(action, &resource, "User", &at(NOW))).unwrap();
            let request = |principal: &EntityUid| asks::request(principal, action, &resource, &at(NOW));
            let allowed = |user: &&EntityUid| ATTENDANCE.check(world, &request(user)).unwrap().is_allowed();
            let expected: Vec<EntityUid> = users.iter().filter(allowed).cloned().collect();
            let (mut paged, mut cursor) = (Vec::new(), None);
            loop {
                let page = who.page(cursor, 3).unwrap();
                paged.extend(page.entities);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(paged, expected, "{action} {resource}");
            for one in
                ATTENDANCE.who_with_reasons(world, &who_may(action, &resource, "User", &at(NOW))).unwrap()
            {
                let answer = ATTENDANCE.check(world, &request(&one.principal)).unwrap();
                assert_eq!((one.policies, one.rules), (answer.policies, answer.rules));
            }
            found += expected.len();
        }
        found
    };
    let questions = [
        ("viewSummary", "Case"),
        ("closeCase", "Case"),
        ("receiveAlert", "Case"),
        ("viewRequest", "Request"),
        ("viewItem", "Item"),
        ("viewStaffAccess", "School"),
        ("exportPersonalInformation", "Student"),
    ];
    for question in questions {
        assert!(compare(&world, question) > 0, "{question:?}");
    }
    // Every other login ends, and half of the open cases go to somebody else.
    let mut changes = Changes::new();
    for user in users.iter().step_by(2) {
        changes = changes.set(user, "loginActive", false);
    }
    let planned = world.with(&changes).unwrap();
    let before: Vec<usize> = questions.iter().map(|question| compare(&planned, *question)).collect();
    world.apply(&changes).unwrap();
    let after: Vec<usize> = questions.iter().map(|question| compare(&world, *question)).collect();
    assert_eq!(before, after);
}

#[test]
fn staff_of_a_clinic_are_found_for_its_wards() {
    for seed in 0..40_u8 {
        let bytes: Vec<u8> =
            (0..900_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect();
        let (facts, world) = facts(&CLINIC, &bytes);
        let context = Context::new().with("code", 1);
        for ty in ["Clinic::Staff", "Clinic::Team"] {
            for ward in facts.of_type(CLINIC.schema().type_id("Clinic::Ward").unwrap()) {
                let found = CLINIC.who(&world, &who_may("open", &ward, ty, &context)).unwrap();
                for id in world.ids(ty).unwrap() {
                    let mut request =
                        Request::new(EntityUid::new(ty, id), ActionName::new("open"), ward.clone());
                    request.context = context.clone();
                    let allowed = CLINIC.check(&world, &request).unwrap().is_allowed();
                    assert_eq!(found.contains(&request.principal), allowed);
                }
            }
        }
    }
}
