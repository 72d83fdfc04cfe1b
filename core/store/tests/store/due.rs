//! What somebody is to see to; and many cases that go to somebody else at once.

use caseward::EntityUid;
use caseward_store::{Due, Outcome, Reassignment};
use serde_json::json;

use crate::bench::{Bench, contact, user};

fn person(id: &str) -> EntityUid {
    EntityUid::new("User", id)
}

fn due(bench: &Bench, id: &str, due: Due) -> Vec<String> {
    let all = bench.store().due_of(&person(id), due, bench.clock()).unwrap();
    all.iter().map(|uid| uid.id().to_owned()).collect()
}

#[test]
fn requests_that_wait_come_longest_first() {
    let bench = Bench::new();
    for student in ["ben", "aroha"] {
        let (on, id) = (format!("Student::\"{student}\""), format!("r-{student}"));
        bench.does("lead", "createRequest", &on, json!({"id": id, "context": contact("contact")}));
        bench.does("lead", "submitRequest", &format!("Request::\"{id}\""), json!({}));
    }
    for (id, wanted) in [
        ("flow", &["r-ben", "r-aroha"][..]),
        ("central", &["r-ben", "r-aroha"]),
        ("south-flow", &[]),
        ("lead", &[]),
    ] {
        assert_eq!(due(&bench, id, Due::Requests), wanted, "{id}");
    }
    // A case without a case manager is whoever's who works on it.
    bench.does("flow", "acceptRequest", "Request::\"r-ben\"", json!({"id": "c-ben"}));
    assert_eq!(due(&bench, "flow", Due::Requests), ["r-aroha"]);
    assert_eq!(due(&bench, "flow", Due::Unassigned), ["c-ben"]);
    assert_eq!((due(&bench, "lead", Due::Unassigned), due(&bench, "lead", Due::Contacts)), (vec![], vec![]));
    bench.does(
        "flow",
        "assignCaseManager",
        "Case::\"c-ben\"",
        json!({"context": {"assignee": user("manager")}}),
    );
    assert_eq!(due(&bench, "flow", Due::Unassigned), [""; 0]);
    // The contact goes: whoever sees the case is to see to another.
    let staff = "user,role,at,from,until\ncontact,primaryContactAt,kauri,2026-05-01,2026-05-02\n";
    bench.store().feed_at("staff", staff.into(), 0, bench.clock()).unwrap();
    assert_eq!(due(&bench, "lead", Due::Contacts), ["c-ben"]);
    assert_eq!(due(&bench, "contact", Due::Contacts), [""; 0]);
}

#[test]
fn what_is_due_for_disposal_is_whoever_disposes_of_it() {
    let bench = Bench::with_case();
    assert_eq!(due(&bench, "lead", Due::Registers), ["kauri-2015"]);
    assert_eq!(
        (due(&bench, "flow", Due::Registers), due(&bench, "privacy", Due::Disposal)),
        (vec![], vec![])
    );
    let names: Vec<&str> = Due::ALL.map(Due::name).to_vec();
    assert_eq!(names, ["requests", "unassigned", "contacts", "disposal", "registers"]);
}

/// Cases of three students at north, all of the same case manager.
fn busy() -> Bench {
    let bench = Bench::new();
    for student in ["aroha", "ben"] {
        let (on, id) = (format!("Student::\"{student}\""), format!("r-{student}"));
        let request = format!("Request::\"{id}\"");
        bench.does("lead", "createRequest", &on, json!({"id": id, "context": contact("contact")}));
        bench.does("lead", "submitRequest", &request, json!({}));
        bench.does("flow", "assignRequest", &request, json!({"context": {"assignee": user("manager")}}));
        bench.does("manager", "acceptRequest", &request, json!({"id": format!("c-{student}")}));
    }
    bench
}

#[test]
fn many_cases_go_to_somebody_else_with_an_answer_each() {
    let bench = busy();
    let (flow, manager, second) = (person("flow"), person("manager"), person("second"));
    let now = bench.clock() + 60_000;
    let store = bench.store();
    let cases = store.reassignable(&flow, &manager, &second, now).unwrap();
    assert_eq!(cases, [EntityUid::new("Case", "c-aroha"), EntityUid::new("Case", "c-ben")]);
    // To somebody who does not fit, and by somebody who may not, there is none.
    assert!(store.reassignable(&flow, &manager, &person("south-manager"), now).unwrap().is_empty());
    assert!(store.reassignable(&manager, &manager, &second, now).unwrap().is_empty());

    let mut all = Reassignment::new(flow, second, cases);
    all.cases.insert(1, EntityUid::new("Case", "none"));
    (all.key, all.purpose, all.now) =
        (Some("leave".to_owned()), Some("parental leave".to_owned()), Some(now));
    let answers = store.reassign(&all).unwrap();
    let outcomes: Vec<_> = answers.iter().map(|one| (one.case.id(), one.answer.outcome)).collect();
    assert_eq!(outcomes, [("c-aroha", Outcome::Done), ("none", Outcome::Denied), ("c-ben", Outcome::Done)]);
    assert!(answers[0].answer.alerts.contains(&"second".to_owned()), "{:?}", answers[0].answer);
    assert_eq!(bench.get("Case::\"c-ben\"", "caseManager").as_deref(), Some("second"));
    // Sent again, nothing is done twice.
    let again = store.reassign(&all).unwrap();
    assert!(again[0].answer.repeated && again[2].answer.repeated);
    assert_eq!(again[2].answer.version, answers[2].answer.version);
}
