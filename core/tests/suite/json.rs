//! Reading entities and contexts: what is refused, and in which words. The laws compare with Cedar's parser.

use caseward::testing::{Choices, Facts};
use caseward::{EntityUid, Value};

use crate::support::{ATTENDANCE, CLINIC};

fn problems(text: &str) -> Vec<String> {
    let error = ATTENDANCE.read_world(text.as_bytes()).unwrap_err();
    assert!(error.is_data());
    error.problems().iter().map(|p| format!("{}: {}", p.source, p.message)).collect()
}

#[test]
fn every_problem_is_reported_with_entity_and_attribute() {
    let found = problems(
        r#"[
        {"uid": {"type": "School", "id": "a"}, "attrs": {"kind": 3, "colour": "red"}, "parents": []},
        {"uid": {"type": "Student", "id": "t"}, "attrs": {"enrolledAt": {"type": "School", "id": "b"}}, "parents": []},
        {"uid": {"type": "Student", "id": "u"}, "attrs": {"nsn": "1", "enrolledAt": {"type": "School", "id": "c"},
                 "lastSchool": {"type": "School", "id": "a"}}, "parents": []},
        {"uid": {"type": "Teacher", "id": "x"}, "attrs": {}, "parents": []}
        ]"#,
    );
    let expected = [
        "School::\"a\": attribute `kind`: expected String, found 3",
        "School::\"a\": attribute `colour` is not in the schema",
        "Student::\"t\": attribute `nsn` is missing",
        "Student::\"u\": attribute `enrolledAt`: School::\"c\" is not in the data",
    ];
    for line in expected {
        assert!(found.iter().any(|f| f == line), "{line}\nin {found:#?}");
    }
    assert!(found.iter().any(|f| f.starts_with("Teacher::\"x\": ")), "{found:#?}");
    assert_eq!(found.len(), 5, "a refused entity is no dangling reference: {found:#?}");
}

#[test]
fn an_entity_given_twice_must_be_the_same() {
    let school = |kind: &str| {
        format!(r#"{{"uid": {{"type": "School", "id": "a"}}, "attrs": {{"kind": "{kind}"}}, "parents": []}}"#)
    };
    let world =
        ATTENDANCE.read_world(format!("[{}, {}]", school("state"), school("state")).as_bytes()).unwrap();
    assert_eq!(world.count("School"), 1);
    let found = problems(&format!("[{}, {}]", school("state"), school("private")));
    assert_eq!(found, ["School::\"a\": given twice, and not the same"]);
}

#[test]
fn hierarchies_may_not_go_in_circles() {
    let team = |id: &str, parent: &str| {
        format!(
            r#"{{"uid": {{"type": "Clinic::Team", "id": "{id}"}}, "attrs": {{}},
            "parents": [{{"type": "Clinic::Team", "id": "{parent}"}}]}}"#
        )
    };
    let error =
        CLINIC.read_world(format!("[{}, {}]", team("a", "b"), team("b", "a")).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("lies in itself"), "{error}");
}

#[test]
fn text_that_is_no_list_is_refused() {
    for text in ["", "{}", "[", "nonsense", "[{}", "\u{feff}[]", "[1]", "[null]", "[[]]"] {
        assert!(!problems(text).is_empty(), "{text}");
    }
    let error = ATTENDANCE.read_world(&b"[\"\xff\"]"[..]).unwrap_err();
    assert!(error.to_string().contains("utf-8"), "{error}");
    let deep = "[".repeat(100_000);
    assert!(!problems(&deep).is_empty());
    assert!(
        !problems(&format!("[{{\"uid\": {}", "[".repeat(100_000) + &"]".repeat(100_000) + "}]")).is_empty()
    );
}

#[test]
fn instants_outside_four_digit_years_survive() {
    let mut facts = Facts::new(&ATTENDANCE, &mut Choices::new(&[]));
    let register = EntityUid::new("Register", "0");
    for ms in [i64::MAX, i64::MIN, 253_402_300_800_000, -62_167_219_200_001, 0] {
        facts.set(&register, "lastEntryAt", caseward::Value::Datetime(ms));
        let mut json = Vec::new();
        facts.build().unwrap().write_json(&mut json).unwrap();
        let world = ATTENDANCE.read_world(json.as_slice()).unwrap();
        assert_eq!(world.attribute(&register, "lastEntryAt"), Some(caseward::Value::Datetime(ms)));
    }
}

#[test]
fn a_field_in_an_unusual_form_is_read_whatever_else_the_context_asks_for() {
    let read = |json: &str| ATTENDANCE.read_context("uploadFile", json, 7).unwrap();
    let late = r#"{"__extn": {"fn": "offset", "args": [{"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
        {"__extn": {"fn": "duration", "arg": "9223371815929975806ms"}}]}}"#;
    let context = read(&format!(r#"{{"now": {late}, "sizeBytes": 1}}"#));
    assert_eq!(context["now"], Value::Datetime(9_223_371_815_929_975_806));
    assert_eq!(context["sizeBytes"], Value::Long(1));
    // Also where another field is left for the caller to ask for.
    assert_eq!(read(&format!(r#"{{"now": {late}}}"#)).len(), 1);
}

#[test]
fn a_context_may_not_name_a_field_twice() {
    let read = |json: &str| ATTENDANCE.read_context("uploadFile", json, 0);
    assert_eq!(read(r#"{"sizeBytes": 3}"#).unwrap().len(), 2, "`now` is filled in");
    for (json, why) in [
        (r#"{"sizeBytes": 3, "sizeBytes": 99999999}"#, "given twice"),
        (r#"{"sizeBytes": "3"}"#, "sizeBytes"),
        (r#"{"sizeBites": 3}"#, "`sizeBites` is not in the schema"),
        (r#"{"sizeBytes": 3, "now": "soon"}"#, "now"),
        ("[]", "record"),
        ("{", "EOF"),
        (r#"{"sizeBytes": 3} {}"#, "trailing"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.is_request() && error.to_string().contains(why), "{json}: {error}");
    }
    let twice = r#"{"now": "2026-05-11", "from": "10.0.0.1", "extra": {"reason": "a", "reason": "b", "amount": "1.0"}}"#;
    let error = CLINIC.read_context("read", twice, 0).unwrap_err();
    assert!(error.to_string().contains("given twice"), "{error}");
}

#[test]
fn a_stream_that_fails_is_no_syntax_error() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let error = ATTENDANCE.read_world(Broken).unwrap_err();
    assert!(error.is_read() && error.to_string().contains("the disk is gone"), "{error}");
}
