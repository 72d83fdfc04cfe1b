//! What each command does, to the word of the contract.

use caseward::EntityUid;
use caseward_store::{AlertPlace, Outcome};
use serde_json::json;

use crate::bench::{Bench, contact, user};

#[test]
fn a_request_becomes_a_case() {
    let bench = Bench::new();
    let made = bench.does(
        "lead",
        "createRequest",
        "Student::\"aroha\"",
        json!({"id": "r1", "context": contact("contact"), "data": {"reasonForRequest": "away since March"}}),
    );
    assert_eq!((made.version, made.event), (2, Some(2)));
    assert_eq!(made.rules, ["Q1".into()]);
    for (name, value) in [
        ("student", "aroha"),
        ("createdBy", "lead"),
        ("status", "draft"),
        ("school", "kauri"),
        ("primaryContact", "contact"),
    ] {
        assert_eq!(bench.get("Request::\"r1\"", name).as_deref(), Some(value), "{name}");
    }
    bench.does("lead", "submitRequest", "Request::\"r1\"", json!({}));
    assert_eq!(bench.get("Request::\"r1\"", "provider").as_deref(), Some("north"));
    bench.does("flow", "assignRequest", "Request::\"r1\"", json!({"context": {"assignee": user("manager")}}));
    let accepted = bench.does("manager", "acceptRequest", "Request::\"r1\"", json!({"id": "c1"}));
    assert_eq!(accepted.made, ["Case::\"c1\""]);
    for (name, value) in [
        ("student", "aroha"),
        ("school", "kauri"),
        ("status", "open"),
        ("provider", "north"),
        ("caseManager", "manager"),
        ("primaryContact", "contact"),
        ("team", "[]"),
        ("prosecutionNotified", "false"),
    ] {
        assert_eq!(bench.get("Case::\"c1\"", name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(bench.get("Student::\"aroha\"", "currentProvider").as_deref(), Some("north"));
    assert_eq!(bench.get("Student::\"aroha\"", "currentCaseManager").as_deref(), Some("manager"));
    assert_eq!(bench.get("Request::\"r1\"", "status").as_deref(), Some("accepted"));
    // One open case a student.
    bench.does(
        "lead",
        "createRequest",
        "Student::\"aroha\"",
        json!({"id": "r2", "context": contact("contact")}),
    );
    bench.does("lead", "submitRequest", "Request::\"r2\"", json!({}));
    let second = bench.tries("flow", "acceptRequest", "Request::\"r2\"", json!({"id": "c2"}));
    assert_eq!((second.outcome, second.rules), (Outcome::Denied, vec!["Q6e".into()]));
    assert!(!bench.has("Case::\"c2\""));
    // Closed, and never opened again.
    let closed = bench.does(
        "manager",
        "closeCase",
        "Case::\"c1\"",
        json!({"data": {"closureReason": "back at school"}}),
    );
    // The contact was told of an open case, and may not see a closed one.
    assert_eq!(closed.alerts, [""; 0]);
    assert_eq!(bench.get("Case::\"c1\"", "status").as_deref(), Some("closed"));
    assert_eq!(bench.get("Student::\"aroha\"", "currentProvider"), None);
    assert!(bench.get("Student::\"aroha\"", "lastCaseClosedAt").is_some());
    bench.does("flow", "acceptRequest", "Request::\"r2\"", json!({"id": "c2"}));
    assert_eq!(bench.get("Student::\"aroha\"", "lastCaseClosedAt"), None);
}

#[test]
fn closing_is_told_to_whoever_sees_it_closed() {
    let bench = Bench::with_case();
    bench.does("lead", "changePrimaryContact", "Case::\"c1\"", json!({"context": {"contact": user("lead")}}));
    let closed =
        bench.does("manager", "closeCase", "Case::\"c1\"", json!({"data": {"closureReason": "done"}}));
    assert_eq!(closed.alerts, ["lead"]);
}

#[test]
fn routing_follows_the_school() {
    let bench = Bench::new();
    // A private school with one in-school provider.
    bench.does("region", "createRequest", "Student::\"cara\"", json!({"id": "rc"}));
    bench.does("region", "submitRequest", "Request::\"rc\"", json!({}));
    assert_eq!(bench.get("Request::\"rc\"", "provider").as_deref(), Some("inside"));
    // Enrolled nowhere: where they were last.
    bench.does("region", "createRequest", "Student::\"dan\"", json!({"id": "rd"}));
    bench.does("region", "submitRequest", "Request::\"rd\"", json!({}));
    assert_eq!(bench.get("Request::\"rd\"", "provider").as_deref(), Some("south"));
    // Never enrolled: central investigation allocates.
    bench.does("region", "createRequest", "Student::\"eve\"", json!({"id": "re"}));
    bench.does("region", "submitRequest", "Request::\"re\"", json!({}));
    assert_eq!(bench.get("Request::\"re\"", "provider"), None);
    let to = json!({"context": {"toProvider": {"type": "Provider", "id": "north"}}});
    bench.does("central", "allocateRequest", "Request::\"re\"", to);
    assert_eq!(bench.get("Request::\"re\"", "provider").as_deref(), Some("north"));
}

#[test]
fn the_outbox_is_read_in_order_and_from_any_entry() {
    let bench = Bench::with_case();
    let begun = bench.store().last_entry().unwrap();
    assert!(bench.store().alerts(begun, 9).unwrap().is_empty());
    let said = |text: &str| {
        bench.does("lead", "addComment", "Case::\"c1\"", json!({"data": {"text": text}})).event.unwrap()
    };
    let (one, two) = (said("one"), said("two"));
    let all = bench.store().alerts(begun, 9).unwrap();
    let read: Vec<_> =
        all.iter().map(|alert| (alert.event, alert.of.to_string(), alert.people.clone())).collect();
    let told = vec!["contact".to_owned(), "manager".to_owned()];
    let case = "Case::\"c1\"".to_owned();
    assert_eq!(read, [(one, case.clone(), told.clone()), (two, case, told)]);
    assert_eq!(bench.store().alerts(begun, 1).unwrap(), all[..1]);
    assert_eq!(bench.store().alerts(one, 9).unwrap(), all[1..]);
    assert!(bench.store().alerts(two, 9).unwrap().is_empty());
    assert_eq!(bench.store().last_entry().unwrap(), two);
}

/// All of it is of one instant, so that places within it are told apart too.
#[test]
fn somebodys_alerts_go_on_behind_any_of_them() {
    let bench = Bench::with_case();
    let store = bench.store();
    let mut own = store.alerts_to("contact", None).unwrap();
    let begun = own.place();
    let says = |text: &str| bench.does("lead", "addComment", "Case::\"c1\"", json!({"data": {"text": text}}));
    let more = ["one", "two", "three"].map(says);
    assert!(more.iter().all(|answer| answer.alerts == ["contact", "manager"]));
    let mut all = Vec::new();
    while !own.is_at_end() {
        all.extend(store.next_alerts(&mut own, 1).unwrap());
    }
    assert!(store.next_alerts(&mut own, 9).unwrap().is_empty());
    assert_eq!(all.iter().map(|(_, of)| of.to_string()).collect::<Vec<_>>(), ["Case::\"c1\""; 3]);
    let from = |place: AlertPlace| {
        let place = place.to_string().parse().unwrap();
        let mut own = store.alerts_to("contact", Some(place)).unwrap();
        let mut found = Vec::new();
        while !own.is_at_end() {
            found.extend(store.next_alerts(&mut own, 2).unwrap());
        }
        found.len()
    };
    // What was of the instant at which it began may come again, and nothing is left out.
    assert!(from(begun) >= 3, "{}", from(begun));
    let whole = from(begun);
    let places: Vec<usize> = all.iter().map(|(place, _)| from(*place)).collect();
    assert_eq!(places, [whole - 1, whole - 2, whole - 3], "{all:?}");
    // Others have others, and a place ahead of the store is none of its own.
    let mut nobody = store.alerts_to("rata-lead", Some(begun)).unwrap();
    assert!(store.next_alerts(&mut nobody, 9).unwrap().is_empty());
    let mut ahead = store.alerts_to("contact", Some("99999999999999-1".parse().unwrap())).unwrap();
    says("four");
    assert_eq!(store.next_alerts(&mut ahead, 9).unwrap().len(), 1);
    for wrong in ["", "-", "1", "1-", "-1-1", "+1-1", "1-x", "99999999999999999999-1"] {
        assert!(wrong.parse::<AlertPlace>().is_err(), "{wrong}");
    }
}

#[test]
fn items_are_shared_labelled_and_told_of() {
    let bench = Bench::with_case();
    let comment = bench.does(
        "lead",
        "addComment",
        "Case::\"c1\"",
        json!({"id": "i1", "data": {"text": "Back since Monday."}}),
    );
    assert_eq!(comment.alerts, ["contact", "manager"]);
    assert_eq!(bench.get("Item::\"i1\"", "writtenAt").as_deref(), Some("kauri"));
    let note = bench.does(
        "manager",
        "addComment",
        "Case::\"c1\"",
        json!({"id": "i2", "data": {"text": "Visited."}}),
    );
    // The contact may not see what is not shared.
    assert_eq!(note.alerts, [""; 0]);
    assert_eq!(bench.get("Item::\"i2\"", "writtenAt"), None);
    let with = json!({"context": {"withSchool": {"type": "School", "id": "kauri"}}});
    let shared = bench.does("manager", "shareItem", "Item::\"i2\"", with.clone());
    assert_eq!(shared.alerts, ["contact"]);
    let again = bench.does("manager", "shareItem", "Item::\"i2\"", with);
    assert_eq!((again.version, again.alerts.len()), (shared.version, 0));
    assert!(again.event > shared.event);
    bench.does("manager", "unshareItem", "Item::\"i2\"", json!({"data": {"school": "kauri"}}));
    assert_eq!(bench.get("Item::\"i2\"", "sharedWith").as_deref(), Some("[]"));
    bench.does("manager", "labelSensitive", "Item::\"i2\"", json!({"data": {"reason": "health"}}));
    assert_eq!(bench.get("Item::\"i2\"", "sensitive").as_deref(), Some("true"));
    let denied = bench.tries("office", "labelSensitive", "Item::\"i2\"", json!({}));
    assert_eq!(denied.outcome, Outcome::Denied);
}

#[test]
fn a_role_that_ends_takes_people_out() {
    let bench = Bench::with_case();
    bench.does("flow", "addTeamMember", "Case::\"c1\"", json!({"context": {"assignee": user("second")}}));
    let again =
        bench.does("flow", "addTeamMember", "Case::\"c1\"", json!({"context": {"assignee": user("second")}}));
    assert_eq!(again.version, 6);
    // The team member becomes the case manager, and leaves the team.
    bench.does("flow", "assignCaseManager", "Case::\"c1\"", json!({"context": {"assignee": user("second")}}));
    assert_eq!(bench.get("Case::\"c1\"", "team").as_deref(), Some("[]"));
    assert_eq!(bench.get("Request::\"r1\"", "caseManager").as_deref(), Some("second"));
    let role = |subject: &str, role: &str, end: bool| json!({"context": {"subject": user(subject), "role": role, "leaderApproved": true}, "data": {"end": end}});
    bench.does("flow", "manageStaffAccess", "Provider::\"north\"", role("second", "caseManager", true));
    assert_eq!(bench.get("Case::\"c1\"", "caseManager"), None);
    assert_eq!(bench.get("Student::\"aroha\"", "currentCaseManager"), None);
    assert_eq!(bench.get("Request::\"r1\"", "caseManager"), None);
    bench.does("lead", "manageStaffAccess", "School::\"kauri\"", role("contact", "primaryContact", true));
    assert_eq!(bench.get("Case::\"c1\"", "primaryContact"), None);
    bench.does("lead", "manageStaffAccess", "School::\"kauri\"", role("contact", "primaryContact", false));
    assert_eq!(
        bench.get("User::\"contact\"", "primaryContactAt").as_deref().map(|all| all.contains("kauri")),
        Some(true)
    );
    // Nobody manages their own access.
    let own =
        bench.tries("lead", "manageStaffAccess", "School::\"kauri\"", role("lead", "primaryContact", false));
    assert_eq!((own.outcome, own.rules), (Outcome::Denied, vec!["T4".into()]));
}

#[test]
fn reallocation_moves_everything_that_follows_the_case() {
    let bench = Bench::with_case();
    let to = json!({"context": {"toProvider": {"type": "Provider", "id": "south"}}});
    let moved = bench.does("central", "reallocateCase", "Case::\"c1\"", to);
    assert_eq!(moved.alerts, ["contact", "south-flow"]);
    for (uid, name, value) in [
        ("Case::\"c1\"", "provider", Some("south")),
        ("Case::\"c1\"", "caseManager", None),
        ("Student::\"aroha\"", "currentProvider", Some("south")),
        ("Student::\"aroha\"", "currentCaseManager", None),
        ("Request::\"r1\"", "provider", Some("south")),
        ("Request::\"r1\"", "caseManager", None),
        ("Case::\"c1\"", "primaryContact", Some("contact")),
    ] {
        assert_eq!(bench.get(uid, name).as_deref(), value, "{uid} {name}");
    }
}

#[test]
fn what_makes_no_sense_is_invalid_and_nothing_is_asked() {
    let bench = Bench::with_case();
    let before = bench.exported();
    for (command, why) in [
        (
            json!({"command": "addComent", "as": "lead", "on": "Case::\"c1\""}),
            "there is no command `addComent`",
        ),
        (json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\""}), "`data` lacks `text`"),
        (
            json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": 1}}),
            "`text` is to be a text",
        ),
        (
            json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": " "}}),
            "`text` is to be a text",
        ),
        (
            json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": "x", "sensitive": true}}),
            "`data` has `sensitive`",
        ),
        (
            json!({"command": "addComment", "as": "lead", "on": "c1", "data": {"text": "x"}}),
            "is not an entity's name",
        ),
        (json!({"command": "addComment", "as": "lead", "on": "Item::\"i1\"", "data": {"text": "x"}}), "Item"),
        (
            json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": "x"}, "expect": -1}),
            "invalid value",
        ),
        (
            json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": "x"}, "nwo": "x"}),
            "unknown field `nwo`",
        ),
        (
            json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": "x"}, "now": "2026"}),
            "is no instant",
        ),
        (
            json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": "x"}, "context": {"now": 1}}),
            "`now` does not stand",
        ),
        (
            json!({"command": "uploadFile", "as": "lead", "on": "Case::\"c1\"", "data": {"file": {"path": "/etc/passwd"}, "fileName": "a", "fileType": "b"}}),
            "`path` is for the command line",
        ),
        (
            json!({"command": "uploadFile", "as": "lead", "on": "Case::\"c1\"", "data": {"file": {"base64": "%"}, "fileName": "a", "fileType": "b"}}),
            "`base64` is none",
        ),
        (json!({"command": "shareItem", "as": "lead", "on": "Item::\"i1\""}), "withSchool"),
        (
            json!({"command": "updateRecord", "as": "manager", "on": "Case::\"c1\"", "data": {"kind": "comment", "text": "x"}}),
            "note, activity or correspondence",
        ),
        (
            json!({"command": "updateRecord", "as": "manager", "on": "Case::\"c1\"", "data": {"number": "C1"}}),
            "`data` has `number`",
        ),
        (
            json!({"command": "shareWithThirdParty", "as": "manager", "on": "Case::\"c1\"", "context": {"consent": true}, "data": {"recipient": "x", "fields": ["attendanceTimes"]}}),
            "no biographical field",
        ),
    ] {
        let answer = bench.ask(command.clone());
        assert_eq!(answer.outcome, Outcome::Invalid, "{command}: {answer:?}");
        assert!(answer.errors[0].contains(why), "{command}: {answer:?}");
        assert_eq!(answer.event, None);
    }
    for line in ["", "{", "[]", "null", "\u{0}", r#"{"command": "addComment", "command": "x"}"#] {
        let answer = bench.store().command(line).unwrap();
        assert_eq!(answer.outcome, Outcome::Invalid, "{line}");
    }
    assert_eq!(bench.exported(), before);
}

#[test]
fn a_key_does_nothing_twice() {
    let bench = Bench::with_case();
    let comment = |text: &str, key: &str| json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": text}, "key": key});
    let first = bench.done(comment("one", "k1"));
    let again = bench.done(comment("one", "k1"));
    assert!(again.repeated && again.made == first.made && again.event == first.event, "{again:?}");
    let other = bench.ask(comment("two", "k1"));
    assert_eq!(other.outcome, Outcome::Invalid);
    assert!(other.errors[0].contains("`k1`"), "{other:?}");
    // A key is one person's, and only what was done is remembered.
    let mut by_another = comment("one", "k1");
    by_another["as"] = json!("contact");
    assert!(!bench.done(by_another).repeated);
    let mut denied = comment("one", "k2");
    denied["as"] = json!("rata-lead");
    assert_eq!(bench.ask(denied.clone()).outcome, Outcome::Denied);
    denied["data"]["text"] = json!("two");
    assert_eq!(bench.ask(denied).outcome, Outcome::Denied);
}

/// A key gives an answer again; what it shows, to whoever may be shown it now, and it is audited each time.
#[test]
fn an_export_is_given_again_to_whoever_may_have_it() {
    let bench = Bench::with_case();
    let line = json!({"command": "exportPersonalInformation", "as": "privacy", "on": "Student::\"aroha\"", "key": "x-1"});
    let first = bench.done(line.clone());
    let again = bench.done(line.clone());
    assert!(again.repeated && again.exported.is_some() && again.exported == first.exported);
    let (privacy, aroha): (EntityUid, EntityUid) =
        ("User::\"privacy\"".parse().unwrap(), "Student::\"aroha\"".parse().unwrap());
    let looks = || bench.store().who_looked(&aroha, &privacy).unwrap().len();
    assert_eq!(looks(), 2);
    let ended = "user,at,active\nprivacy,2026-05-01T00:00:00Z,false\n";
    bench.store().feed_at("logins", ended.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    let late = bench.ask(line.clone());
    assert_eq!((late.outcome, &late.exported), (Outcome::Denied, &None));
    assert!(late.event.is_some());
}

/// Whoever may not, is denied for that, also where what the command names is not there; decided again, for the same.
#[test]
fn what_is_denied_is_denied_again_for_the_same() {
    let bench = Bench::with_case();
    let draft = json!({"id": "r2", "context": contact("contact")});
    bench.does("lead", "createRequest", "Student::\"ben\"", draft);
    let ended = "user,at,active\nlead,2026-05-01T00:00:00Z,false\n";
    bench.store().feed_at("logins", ended.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    let edit = json!({"data": {"primaryContact": "nobody"}});
    let denied = bench.tries("lead", "editRequest", "Request::\"r2\"", edit);
    assert_eq!((denied.outcome, denied.policies.len()), (Outcome::Denied, 1), "{denied:?}");
    let again = bench.store().replay(None).unwrap();
    assert_eq!(again.differing, []);
}

/// The contract takes a case manager into the team; nobody calls the data that this makes a fault.
#[test]
fn a_case_manager_may_be_in_the_team_too() {
    let bench = Bench::with_case();
    bench.does("flow", "addTeamMember", "Case::\"c1\"", json!({"context": {"assignee": user("manager")}}));
    assert!(bench.store().doctor().unwrap().is_sound());
}

#[test]
fn expectations_and_the_clock_refuse() {
    let bench = Bench::with_case();
    let at =
        bench.does("manager", "updateRecord", "Case::\"c1\"", json!({"data": {"narrative": "a"}})).version;
    let expecting = |version: u64| json!({"data": {"narrative": "b"}, "expect": version});
    let late = bench.tries("manager", "updateRecord", "Case::\"c1\"", expecting(at - 1));
    assert_eq!(late.outcome, Outcome::Refused);
    assert!(late.event.is_some() && late.errors[0].contains("was changed in version"), "{late:?}");
    // A version that is to come is none that anybody read: a store that was put back since has others.
    let ahead = bench.tries("manager", "updateRecord", "Case::\"c1\"", expecting(at + 1));
    assert_eq!(ahead.outcome, Outcome::Refused);
    let why = format!("there is no version {} yet: the store is at {at}", at + 1);
    assert!(ahead.event.is_some() && ahead.errors == [why], "{ahead:?}");
    bench.does("manager", "updateRecord", "Case::\"c1\"", expecting(at));
    let mut back =
        json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": "x"}});
    back["now"] = json!("2026-05-10T00:00:00Z");
    let back = bench.ask(back);
    assert_eq!(back.outcome, Outcome::Refused);
    assert!(back.errors[0].contains("the clock goes back"), "{back:?}");
}

#[test]
fn files_are_kept_beside_the_database() {
    let bench = Bench::with_case();
    let file = |bytes: &[u8]| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        // Whatever size the caller says.
        json!({"id": "f1", "context": {"sizeBytes": 1}, "data": {"file": {"base64": text}, "fileName": "a.txt", "fileType": "text/plain"}})
    };
    let large = bench.tries("lead", "uploadFile", "Case::\"c1\"", file(&vec![7; 20_971_521]));
    assert_eq!((large.outcome, large.rules), (Outcome::Denied, vec!["S5b".into()]));
    bench.does("lead", "uploadFile", "Case::\"c1\"", file(b"hello"));
    assert_eq!(bench.get("Item::\"f1\"", "kind").as_deref(), Some("file"));
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(bench.kept(hash).as_deref(), Some(b"hello".as_slice()));
}

#[test]
fn disposal_reaches_records_content_and_files() {
    let bench = Bench::with_case();
    bench.does("lead", "addComment", "Case::\"c1\"", json!({"id": "i1", "data": {"text": "a secret"}}));
    bench.does("manager", "closeCase", "Case::\"c1\"", json!({"data": {"closureReason": "done"}}));
    let early = bench.tries(
        "privacy",
        "disposeRecords",
        "Student::\"aroha\"",
        json!({"context": {"protectionInstruction": false}}),
    );
    assert_eq!(early.outcome, Outcome::Denied);
    let late = json!({"context": {"protectionInstruction": false}, "now": "2033-06-01T00:00:00Z"});
    bench.does("privacy", "disposeRecords", "Student::\"aroha\"", late);
    for gone in ["Case::\"c1\"", "Request::\"r1\"", "Item::\"i1\""] {
        assert!(!bench.has(gone), "{gone}");
    }
    assert!(bench.has("Student::\"aroha\""));
    for (table, column) in [("caseward_log", "payload"), ("caseward_content", "value")] {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%a secret%'");
        assert_eq!(bench.number(&sql), 0, "{table}");
    }
}

#[test]
fn a_key_is_of_the_command_and_not_of_its_spelling() {
    let bench = Bench::with_case();
    let text = |data: &str| {
        format!(
            r#"{{"command": "updateRecord", "as": "manager", "on": "Case::\"c1\"", "key": "k", "data": {data},
                "now": "2026-05-12T00:00:00Z"}}"#
        )
    };
    let first = bench.store().command(text(r#"{"kind": "note", "text": "b"}"#)).unwrap();
    let again = bench.store().command(text(r#"{"text": "b", "kind": "note"}"#)).unwrap();
    assert_eq!(
        (first.outcome, again.outcome, again.repeated),
        (Outcome::Done, Outcome::Done, true),
        "{again:?}"
    );
}
