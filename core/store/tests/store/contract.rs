//! What the model of the contract found: each as one small case.

use caseward_store::{LineAnswer, Outcome, Taken};
use serde_json::json;

use crate::bench::{Bench, user};

const HOURS: i64 = 3_600_000;

fn feed(bench: &Bench, kind: &str, text: &str) -> Vec<LineAnswer> {
    bench.store().feed_at(kind, text.as_bytes().to_vec(), 48 * HOURS, bench.clock()).unwrap()
}

/// Midnight in New Zealand, in milliseconds since 1970.
fn midnight(day: &str) -> i64 {
    caseward::instant(&format!("{day}T00:00:00+12:00")).unwrap()
}

/// What the tables hold that keep what was said.
fn kept(bench: &Bench, text: &str) -> Vec<&'static str> {
    let tables = [
        ("caseward_log", "payload"),
        ("caseward_content", "value"),
        ("caseward_answer", "answer"),
        ("caseward_feed", "line"),
        ("caseward_feed_taken", "line"),
    ];
    let holds = |(table, column): &(&str, &str)| {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%{text}%'");
        bench.number(&sql) > 0
    };
    tables.iter().filter(|one| holds(one)).map(|(table, _)| *table).collect()
}

#[test]
fn a_year_level_holds_from_its_day_and_goes_with_its_line() {
    let bench = Bench::new();
    let level = || bench.get("Student::\"aroha\"", "yearLevel");
    let header = "student,school,start,end,yearLevel";
    feed(&bench, "enrolment", &format!("{header}\naroha,rata,2026-06-08,,10\n"));
    assert_eq!(level().as_deref(), Some("9"));
    bench.tick(midnight("2026-06-08"));
    assert_eq!(level().as_deref(), Some("10"));
    feed(&bench, "enrolment", &format!("{header}\naroha,rata,2026-06-08,2026-06-08,10\n"));
    assert_eq!(level().as_deref(), Some("9"));
}

#[test]
fn the_last_school_is_the_one_attended_last() {
    let bench = Bench::new();
    // Two begin together while the first one goes on.
    let lines = "student,school,start\neve,kauri,2026-02-01\neve,rata,2026-05-01\neve,totara,2026-05-01\n";
    feed(&bench, "enrolment", &lines.replace("eve", "aroha"));
    feed(&bench, "enrolment", lines);
    for student in ["aroha", "eve"] {
        let of = |name: &str| bench.get(&format!("Student::\"{student}\""), name);
        assert_eq!((of("enrolledAt"), of("lastSchool").as_deref()), (None, Some("kauri")), "{student}");
    }
}

#[test]
fn content_that_is_so_already_is_no_change() {
    let bench = Bench::with_case();
    let says = |text: &str| json!({"data": {"narrative": text}});
    let first = bench.does("manager", "updateRecord", "Case::\"c1\"", says("a"));
    let again = bench.does("manager", "updateRecord", "Case::\"c1\"", says("a"));
    assert_eq!(again.version, first.version);
    let phone = json!({"context": {"contact": user("contact")}, "data": {"primaryContactPhone": "1"}});
    let told = bench.does("lead", "changePrimaryContact", "Case::\"c1\"", phone.clone());
    assert_eq!(told.alerts, ["contact", "manager"]);
    let again = bench.does("lead", "changePrimaryContact", "Case::\"c1\"", phone);
    assert_eq!((again.version, again.alerts.len()), (told.version, 0));
    // Nor is a term that changes nobody's rate.
    feed(&bench, "attendance", "student,date,attended,open\naroha,2026-05-04,2,2\n");
    let before = bench.does("lead", "addComment", "Case::\"c1\"", json!({"data": {"text": "x"}})).version;
    feed(&bench, "terms", "term,start,end\n2026-4,2026-10-12,2026-12-18\n");
    let after = bench.does("lead", "addComment", "Case::\"c1\"", json!({"data": {"text": "x"}})).version;
    assert_eq!(after, before + 1);
}

#[test]
fn a_bad_line_is_bad_each_time_that_it_stands() {
    let bench = Bench::new();
    let answers = feed(
        &bench,
        "enrolment",
        "student,school,start\nben,nowhere,2026-05-01\nben,nowhere,2026-05-01\nben,rata,2026-05-01\nben,rata,2026-05-01\n",
    );
    let outcomes: Vec<Taken> = answers.iter().map(|answer| answer.outcome).collect();
    assert_eq!(outcomes, [Taken::Bad, Taken::Bad, Taken::Done, Taken::Unchanged]);
    assert!(answers[1].why.as_deref().unwrap().contains("nowhere"));
}

#[test]
fn what_makes_no_sense_is_invalid_whoever_asks() {
    let bench = Bench::with_case();
    for (command, on, rest) in [
        (
            "shareWithThirdParty",
            "Case::\"c1\"",
            json!({"context": {"consent": true}, "data": {"recipient": "x", "fields": ["attendanceRate"]}}),
        ),
        (
            "correctPersonalInformation",
            "Student::\"aroha\"",
            json!({"data": {"field": "nothing", "value": "x"}}),
        ),
        ("addComment", "Request::\"r1\"", json!({"data": {"text": "x"}})),
    ] {
        let answer = bench.tries("totara-lead", command, on, rest);
        assert_eq!((answer.outcome, answer.event), (Outcome::Invalid, None), "{command}: {answer:?}");
    }
}

#[test]
fn nothing_falls_due_for_a_command_that_makes_no_sense() {
    let bench = Bench::with_case();
    feed(&bench, "enrolment", "student,school,start\naroha,rata,2026-06-08\n");
    let late = "2026-06-09T09:00:00+12:00";
    for wrong in [
        json!({"command": "shareItem", "as": "lead", "on": "Item::\"i\"", "now": late}),
        json!({"command": "closeCase", "as": "lead", "on": "Item::\"i\"", "data": {"closureReason": "x"}, "now": late}),
    ] {
        assert_eq!(bench.ask(wrong).outcome, Outcome::Invalid);
        assert_eq!(bench.get("Student::\"aroha\"", "enrolledAt").as_deref(), Some("kauri"));
    }
}

#[test]
fn an_absent_person_in_the_data_is_denied_as_one_in_the_context() {
    let bench = Bench::new();
    bench.does("region", "createRequest", "Student::\"eve\"", json!({"id": "r1"}));
    let answer = bench.tries(
        "region",
        "editRequest",
        "Request::\"r1\"",
        json!({"data": {"primaryContact": "nobody"}}),
    );
    assert_eq!((answer.outcome, answer.policies.len()), (Outcome::Denied, 0), "{answer:?}");
    assert!(answer.errors[0].contains("User::\"nobody\" is not in the data"), "{answer:?}");
}

#[test]
fn an_export_tells_to_whom_it_went_and_what_was_said_of_it() {
    let bench = Bench::with_case();
    let share =
        json!({"context": {"consent": true}, "data": {"recipient": "a food bank", "fields": ["name"]}});
    bench.does("manager", "shareWithThirdParty", "Case::\"c1\"", share);
    let statement = json!({"data": {"field": "homeAddress", "statement": "never lived there"}});
    bench.does("privacy", "correctPersonalInformation", "Student::\"aroha\"", statement);
    let told = |on: &str| {
        let answer = bench.does("privacy", "exportPersonalInformation", on, json!({}));
        answer.exported.unwrap()
    };
    let exported = told("Student::\"aroha\"");
    assert_eq!(exported["disclosures"][0]["recipient"], "a food bank");
    assert_eq!(exported["statements"][0]["statement"], "never lived there");
    let other = told("Student::\"ben\"");
    assert_eq!((&other["disclosures"], &other["statements"]), (&json!([]), &json!([])));
}

#[test]
fn disposal_reaches_what_commands_and_feeds_said_of_a_student() {
    let bench = Bench::with_case();
    let name = "type,id,field,value\nStudent,aroha,name,Aroha Ngata\n";
    let days = "student,date,code,attended,open\naroha,2026-05-04,Ngata-code,1,2\n";
    let term = "term,start,end\n2026-2,2026-04-20,2026-07-03\n2033-2,2033-05-20,2033-07-03\n";
    for (kind, text) in [("content", name), ("attendance", days), ("terms", term)] {
        feed(&bench, kind, text);
    }
    let correct = json!({"data": {"field": "homeAddress", "value": "1 Ngata Road"}});
    bench.does("privacy", "correctPersonalInformation", "Student::\"aroha\"", correct);
    bench.does("manager", "closeCase", "Case::\"c1\"", json!({"data": {"closureReason": "Ngata is back"}}));
    let in_time = "2033-06-01T00:00:00Z";
    let export = json!({"key": "k1", "now": in_time});
    bench.does("privacy", "exportPersonalInformation", "Student::\"aroha\"", export);
    assert!(!kept(&bench, "Ngata").is_empty());
    let dispose = json!({"context": {"protectionInstruction": false}, "now": in_time});
    let done = bench.does("privacy", "disposeRecords", "Student::\"aroha\"", dispose.clone());
    assert_eq!(kept(&bench, "Ngata"), [""; 0]);
    // It is so already; what was said since goes too.
    let statement = json!({"data": {"field": "name", "statement": "Ngata it is"}, "now": in_time});
    bench.does("privacy", "correctPersonalInformation", "Student::\"aroha\"", statement);
    let again = bench.does("privacy", "disposeRecords", "Student::\"aroha\"", dispose);
    assert_eq!((again.version, kept(&bench, "Ngata")), (done.version, vec![]));
    // Days before it are not taken again; what they said does not come back with another day.
    let at = caseward::instant(in_time).unwrap();
    let again = |kind: &str, text: &str| {
        bench.store().feed_at(kind, text.as_bytes().to_vec(), 48 * HOURS, at).unwrap()[0].outcome
    };
    assert_eq!(again("attendance", days), Taken::Unchanged);
    assert_eq!(again("attendance", "student,date,attended,open\naroha,2033-05-31,1,2\n"), Taken::Unchanged);
    assert_eq!(again("attendance", "student,date,attended,open\naroha,2033-06-02,1,2\n"), Taken::Done);
    assert_eq!(kept(&bench, "Ngata"), [""; 0]);
    assert_eq!(bench.get("Student::\"aroha\"", "attendanceRate").as_deref(), Some("500"));
    // Nothing is left by which the line of a name could be known again.
    assert_eq!(again("content", name), Taken::Done);
}

#[test]
fn an_id_is_not_used_again() {
    let bench = Bench::new();
    let draft = || bench.tries("region", "createRequest", "Student::\"eve\"", json!({"id": "r1"}));
    assert_eq!(draft().outcome, Outcome::Done);
    bench.does("region", "deleteDraft", "Request::\"r1\"", json!({}));
    let again = draft();
    assert_eq!(again.outcome, Outcome::Refused, "{again:?}");
    assert!(again.errors[0].contains("an id is not used again"), "{again:?}");
}

#[test]
fn an_answer_is_kept_for_thirty_days() {
    let bench = Bench::with_case();
    let comment = |text: &str, now: &str| json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": text}, "key": "k1", "now": now});
    let mut other = comment("one", "2026-05-11T12:00:00Z");
    other["key"] = json!("k0");
    bench.done(other);
    let first = bench.done(comment("one", "2026-05-12T00:00:00Z"));
    assert!(bench.done(comment("one", "2026-06-10T23:59:59Z")).repeated);
    let later = bench.done(comment("two", "2026-06-11T00:00:01Z"));
    assert!(!later.repeated && later.made != first.made, "{later:?}");
    let count = "SELECT count(*) FROM caseward_answer";
    // The other key is gone, with the first answer under this one.
    assert_eq!(bench.number(count), 1);
}

#[test]
fn of_one_midnight_everything_holds_before_anybody_is_taken_out_or_told() {
    let bench = Bench::with_case();
    // The contact goes with Aroha, and the case manager to the provider that she is routed to.
    let staff = "user,role,at,from,until\n\
                 contact,primaryContactAt,kauri,2026-05-01,2026-06-08\ncontact,primaryContactAt,rata,2026-06-08,\n\
                 manager,caseManagerAt,north,2026-05-01,2026-06-08\nmanager,caseManagerAt,south,2026-06-08,\n";
    assert!(feed(&bench, "staff", staff).iter().all(|answer| answer.outcome == Taken::Done));
    feed(&bench, "enrolment", "student,school,start\naroha,rata,2026-06-08\n");
    let of = |name: &str| bench.get("Case::\"c1\"", name);
    assert_eq!(of("primaryContact").as_deref(), Some("contact"));
    bench.tick(midnight("2026-06-08"));
    assert_eq!((of("school").as_deref(), of("provider").as_deref()), (Some("rata"), Some("south")));
    assert_eq!(of("primaryContact").as_deref(), Some("contact"));
    assert_eq!(of("caseManager").as_deref(), Some("manager"));
    assert_eq!(bench.get("Student::\"aroha\"", "currentCaseManager").as_deref(), Some("manager"));
    for person in ["contact", "manager"] {
        let sql = format!(
            "SELECT count(*) FROM caseward_outbox o JOIN caseward_log l ON l.event = o.event \
             WHERE l.kind = 'due' AND o.person = '{person}'"
        );
        assert_eq!(bench.number(&sql), 1, "{person}");
    }
}

#[test]
fn of_lines_of_content_nothing_stays_after_disposal_from_which_it_could_be_guessed() {
    let bench = Bench::with_case();
    let attendance = "student,date,code,attended,open\naroha,2026-05-11,X9,1,2\n";
    let content = "type,id,field,value\nStudent,aroha,name,Roha\n";
    feed(&bench, "attendance", attendance);
    feed(&bench, "content", content);
    let count =
        || bench.number("SELECT count(*) FROM caseward_feed_taken WHERE kind IN ('attendance', 'content')");
    assert_eq!(count(), 2);
    bench.does("flow", "closeCase", "Case::\"c1\"", json!({"data": {"closureReason": "done"}}));
    bench.tick(bench.clock() + 60_000);
    bench.done(json!({
        "command": "disposeRecords", "as": "privacy", "on": "Student::\"aroha\"",
        "context": {"protectionInstruction": false}, "now": "2038-06-01T00:00:00Z",
    }));
    assert_eq!(count(), 0);
    // The file of days, fed again, brings nothing back.
    let now = 2_159_000_000_000;
    let again = bench.store().feed_at("attendance", attendance.as_bytes().to_vec(), 0, now).unwrap();
    assert_eq!(again[0].outcome, Taken::Unchanged);
    assert_eq!(again[0].why.as_deref(), Some("the day lies before its records were disposed of"));
    assert_eq!(kept(&bench, "X9"), [""; 0]);
    let later = "student,date,code,attended,open\naroha,2038-06-02,X9,1,2\n";
    let later = bench.store().feed_at("attendance", later.as_bytes().to_vec(), 0, now).unwrap();
    assert_eq!(later[0].outcome, Taken::Done);
}

#[test]
fn what_the_data_keeps_is_asked_of_an_import() {
    let refused = |change: &dyn Fn(&mut Vec<serde_json::Value>), says: &str| {
        let mut all: Vec<serde_json::Value> = serde_json::from_slice(crate::bench::SMALL).unwrap();
        change(&mut all);
        let folder = crate::bench::Folder::new();
        let options = crate::bench::options();
        let store = caseward_store::Store::init(
            folder.path().join("cases.db"),
            &caseward_store::PolicySet::attendance(),
            &options,
        );
        let error = store.unwrap().import(json!(all).to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
        assert!(
            error.starts_with("the data is not what a store keeps true, and nothing is imported\n"),
            "{error}"
        );
    };
    let to = |ty: &str, id: &str| json!({"__entity": {"type": ty, "id": id}});
    let case = |id: &str, more: serde_json::Value| {
        let mut attrs = json!({
            "student": to("Student", "aroha"), "status": "open", "team": [], "prosecutionNotified": false,
            "school": to("School", "kauri"), "provider": to("Provider", "north"),
            "openedAt": {"__extn": {"fn": "datetime", "arg": "2026-05-01T00:00:00Z"}},
        });
        attrs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"uid": {"type": "Case", "id": id}, "attrs": attrs, "parents": []})
    };
    let held = |all: &mut Vec<serde_json::Value>, name: &str, value: serde_json::Value| {
        let aroha = all.iter_mut().find(|one| one["uid"]["id"] == "aroha").unwrap();
        aroha["attrs"][name] = value;
    };
    refused(
        &|all| {
            held(all, "currentProvider", to("Provider", "north"));
            all.extend([case("a", json!({})), case("b", json!({}))]);
        },
        "open-case: Student::\"aroha\": Case::\"a\" and Case::\"b\" are both open",
    );
    refused(
        &|all| all.push(case("a", json!({}))),
        "open-case: Case::\"a\": its provider is not the student's",
    );
    refused(
        &|all| {
            held(all, "currentProvider", to("Provider", "north"));
            all.push(case("a", json!({"school": to("School", "rata")})));
        },
        "open-case: Case::\"a\": its school is not the student's",
    );
    refused(
        &|all| {
            held(all, "currentProvider", to("Provider", "north"));
            all.push(case("a", json!({"primaryContact": to("User", "rata-lead"), "team": [to("User", "both"), to("User", "lead")]})));
        },
        "fits: Case::\"a\": User::\"lead\" does not fit as its team member",
    );
    refused(
        &|all| held(all, "currentProvider", to("Provider", "north")),
        "student: Student::\"aroha\": a currentProvider without an open case",
    );
    refused(
        &|all| held(all, "lastSchool", to("School", "rata")),
        "student: Student::\"aroha\": a school attended last while enrolled",
    );
}

#[test]
fn a_line_that_makes_no_sense_is_told_in_short() {
    let bench = Bench::with_case();
    let twice = |line: &str, says: &str| {
        let answer = bench.store().command(line).unwrap();
        assert_eq!(answer.outcome, Outcome::Invalid, "{answer:?}");
        assert!(answer.errors[0].contains(says), "{answer:?}");
        answer
    };
    let comment =
        |rest: &str| format!(r#"{{"command": "addComment", "as": "lead", "on": "Case::\"c1\"", {rest}}}"#);
    twice(&comment(r#""data": {"text": "a", "text": "b"}"#), "`text` stands twice in one object");
    twice(&comment(r#""context": {"a": {"b": 1, "b": 2}}"#), "`b` stands twice in one object");
    twice(&comment(r#""on": "Case::\"c2\"""#), "`on` stands twice in one object");
    let long =
        twice(&format!(r#"{{"command": "{}", "as": "lead", "on": "x"}}"#, "é".repeat(1 << 20)), "more bytes");
    assert!(long.errors[0].len() < 2_000, "{}", long.errors[0].len());
    // What a command does not take.
    let decline = json!({"context": {"primaryContact": user("contact")}, "data": {"declineReason": "no"}});
    let answer = bench.tries("lead", "createRequest", "Student::\"ben\"", decline);
    assert_eq!(answer.outcome, Outcome::Invalid, "{answer:?}");
}

#[test]
fn what_feeds_say_that_cannot_be_so_is_told() {
    let bench = Bench::new();
    let training = "user,passedAt\nlead,2026-05-01T00:00:00Z\n".as_bytes().to_vec();
    for hours in [0, 23, 49] {
        let error =
            bench.store().feed_at("training", training.clone(), hours * HOURS, bench.clock()).unwrap_err();
        assert!(error.to_string().contains("24 to 48 hours"), "{error}");
    }
    // Twice at one school is at one school.
    let twice =
        feed(&bench, "enrolment", "student,school,start\naroha,rata,2026-05-01\naroha,rata,2026-05-04\n");
    assert!(twice.iter().all(|answer| answer.why.is_none()), "{twice:?}");
    let terms = feed(&bench, "terms", "term,start,end\na,2026-01-27,2026-04-02\nb,2026-04-02,2026-07-03\n");
    assert_eq!(terms[0].why.as_deref(), Some("terms overlap: a and b"));
    let mended = feed(&bench, "terms", "term,start,end\nb,2026-04-20,2026-07-03\n");
    assert_eq!(mended[0].why, None);
}
