//! Reading entities and contexts: what is refused, and in which words. The laws compare with Cedar's parser.

use caseward::testing::{Choices, Facts};
use caseward::{ActionName, Context};
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
fn what_is_wrong_with_the_text_is_told_where_it_is_in_the_file() {
    let school = r#"{"uid": {"type": "School", "id": "a"}, "attrs": {"kind": "state"}, "parents": []}"#;
    for (text, place) in [
        (format!("[{school},\n {school},\n  {{\"uid\": 1,, }}]"), "line 3 column 13"),
        (format!("[\n{school},\n{{\"uid\":\n{{\"type\" 1}}}}\n]"), "line 4 column 9"),
        (format!("[{school}, {{\"uid\" 1}}]"), &format!("line 1 column {}", school.len() + 11)),
        // Beyond what is read at once.
        (format!("[{}{{\"uid\" 1}}]", format!("{school},\n").repeat(30_000)), "line 30001 column 8"),
    ] {
        let found = problems(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(place), "`{place}` is not in {found:?}");
    }
    // What is no list has its place as the problem's own.
    let error = ATTENDANCE.read_world(format!("[\n\n{school} {school}]").as_bytes()).unwrap_err();
    let place = error.problems()[0].span.map(|span| (span.line, span.column));
    assert_eq!(place, Some((3, school.len() as u32 + 2)), "{error}");
    assert!(
        error.to_string().contains(&format!("line 3, column {}: not a list", school.len() + 2)),
        "{error}"
    );
    for mark in ["\u{feff}[]".as_bytes(), b"\xff\xfe[\0]\0"] {
        let error = ATTENDANCE.read_world(mark).unwrap_err().to_string();
        assert!(error.contains("byte order mark (BOM)"), "{error}");
    }
}

#[test]
fn entities_of_unknown_types_are_told_by_type() {
    let of = |ty: usize, id: usize| {
        format!(r#"{{"uid": {{"type": "Scool{ty}", "id": "{id}"}}, "attrs": {{}}, "parents": []}}"#)
    };
    let many: Vec<String> = (0..20_000).map(|id| of(1, id)).collect();
    let found = problems(&format!("[{}]", many.join(",")));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("Scool1::\"0\": ") && found[0].contains("(and that of 19999 more)"),
        "{found:?}"
    );
    let many: Vec<String> = (0..20_000).map(|ty| of(ty, 0)).collect();
    let found = problems(&format!("[{}]", many.join(",")));
    assert_eq!(found.len(), 21, "{found:?}");
    assert!(found[20].contains("and 19980 entities of other types"), "{found:?}");
    // So are references to what is not there.
    let student = |id: usize| {
        format!(
            r#"{{"uid": {{"type": "Student", "id": "{id}"}}, "parents": [],
            "attrs": {{"nsn": "1", "enrolledAt": {{"type": "School", "id": "s"}}}}}}"#
        )
    };
    let many: Vec<String> = (0..5_000).map(student).collect();
    let found = problems(&format!("[{}]", many.join(",")));
    assert_eq!(found.len(), 1_001);
    assert!(found[1_000].contains("and 4000 references more"), "{}", found[1_000]);
}

#[test]
fn a_chain_of_parents_is_refused_where_it_is_too_long_and_answers_as_cedar_does_where_not() {
    let chain = |length: usize| {
        let team = |n: usize| {
            let above = if n + 1 < length {
                format!(r#"{{"type": "Clinic::Team", "id": "{}"}}"#, n + 1)
            } else {
                String::new()
            };
            format!(
                r#"{{"uid": {{"type": "Clinic::Team", "id": "{n}"}}, "attrs": {{}}, "parents": [{above}]}}"#
            )
        };
        format!("[{}]", (0..length).map(team).collect::<Vec<_>>().join(","))
    };
    assert_eq!(CLINIC.read_world(chain(5_800).as_bytes()).unwrap().count("Clinic::Team").unwrap(), 5_800);
    for length in [20_000, 100_000] {
        let error = CLINIC.read_world(chain(length).as_bytes()).unwrap_err();
        let why = error.to_string();
        assert!(error.is_data() && why.contains("the hierarchy is too deep"), "{why}");
        let what_to_do = "a chain of some 5,800 entities; let fewer lie in one another, or name";
        assert!(why.contains(what_to_do), "{why}");
    }
    // A circle of any length is found, and not all of it told.
    let circle =
        chain(50_000).replace(r#""parents": []"#, r#""parents": [{"type": "Clinic::Team", "id": "0"}]"#);
    let error = CLINIC.read_world(circle.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("lies in itself") && error.problems().len() == 100, "{error}");
}

#[test]
fn an_entity_given_twice_must_be_the_same() {
    let school = |kind: &str| {
        format!(r#"{{"uid": {{"type": "School", "id": "a"}}, "attrs": {{"kind": "{kind}"}}, "parents": []}}"#)
    };
    let world =
        ATTENDANCE.read_world(format!("[{}, {}]", school("state"), school("state")).as_bytes()).unwrap();
    assert_eq!(world.count("School").unwrap(), 1);
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
        assert_eq!(world.attribute(&register, "lastEntryAt").unwrap(), Some(caseward::Value::Datetime(ms)));
    }
}

#[test]
fn a_field_in_an_unusual_form_is_read_whatever_else_the_context_asks_for() {
    let read = |json: &str| ATTENDANCE.read_context(&ActionName::new("uploadFile"), json).unwrap();
    let late = r#"{"__extn": {"fn": "offset", "args": [{"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
        {"__extn": {"fn": "duration", "arg": "9223371815929975806ms"}}]}}"#;
    let context = read(&format!(r#"{{"now": {late}, "sizeBytes": 1}}"#));
    assert_eq!(context.get("now"), Some(&Value::Datetime(9_223_371_815_929_975_806)));
    assert_eq!(context.get("sizeBytes"), Some(&Value::Long(1)));
    // Also where another field is left for the caller to ask for.
    assert_eq!(read(&format!(r#"{{"now": {late}}}"#)).fields().len(), 1);
}

#[test]
fn a_context_may_not_name_a_field_twice() {
    let read = |json: &str| ATTENDANCE.read_context(&ActionName::new("uploadFile"), json);
    assert_eq!(read(r#"{"sizeBytes": 3}"#).unwrap(), Context::new().with("sizeBytes", 3));
    for (json, why) in [
        (r#"{"sizeBytes": 3, "sizeBytes": 99999999}"#, "given twice"),
        (r#"{"sizeBytes": "3"}"#, "sizeBytes"),
        (r#"{"sizeBytes": 1.0}"#, "`sizeBytes`: expected Long, found 1.0"),
        (r#"{"sizeBytes": null}"#, "found a `null`"),
        (r#"{"sizeBytes": 9223372036854775808}"#, "`sizeBytes`: expected Long, found 9223372036854775808"),
        (r#"{"sizeBytes": 3, "now": "2026-05-11T09:00:00Z[Pacific/Auckland]"}"#, "now"),
        (r#"{"sizeBites": 3}"#, "`sizeBites` is not in the schema"),
        (r#"{"sizeBytes": 3, "now": "soon"}"#, "now"),
        ("[]", "record"),
        ("{", "EOF"),
        (r#"{"sizeBytes": 3} {}"#, "trailing"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.is_request() && error.to_string().contains(why), "{json}: {error}");
    }
    let twice = r#"{"now": "2026-05-11T00:00:00Z", "from": "10.0.0.1", "extra": {"reason": "a", "reason": "b", "amount": "1.0"}}"#;
    let error = CLINIC.read_context(&ActionName::new("read"), twice).unwrap_err();
    assert!(error.to_string().contains("given twice"), "{error}");
}

#[test]
fn a_contexts_now_reads_as_the_commands_does() {
    let now = |text: &str| {
        ATTENDANCE
            .read_context(&ActionName::new("viewSummary"), &format!(r#"{{"now": "{text}"}}"#))
            .map(|context| context.get("now").cloned().unwrap())
    };
    for text in [
        "2026-05-11T09:00:00+12:00",
        "2026-05-11T09:00:00+1200",
        "2026-05-10T21:00:00Z",
        "2026-05-10T21:00:00.0009Z",
    ] {
        assert_eq!(now(text).unwrap(), Value::Datetime(caseward::instant(text).unwrap()), "{text}");
    }
    let called = |text: &str| {
        let json = format!(r#"{{"now": {{"__extn": {{"fn": "datetime", "arg": "{text}"}}}}}}"#);
        let context = ATTENDANCE.read_context(&ActionName::new("viewSummary"), &json);
        context.map(|context| context.get("now").cloned().unwrap())
    };
    for text in [
        "2026-05-11T09:00:00+12:00",
        "2026-05-11T09:00:00+23:59",
        "2026-05-11T09:00:00-00:00",
        "2026-05-11T09:00:00.1Z",
        "2026-05-11T09:00:00.123456Z",
        "2026-05-11T09:00:00+1200",
    ] {
        let at = Value::Datetime(caseward::instant(text).unwrap());
        assert_eq!((now(text).unwrap(), called(text).unwrap()), (at.clone(), at), "{text}");
    }
    for text in [
        "2026-05-11T09:00:60Z",
        "2026-05-11T09Z",
        "2026-05-11T09:00:00+25:59",
        "2026-05-11",
        "2026-05-11T09:00:00",
    ] {
        assert!(caseward::instant(text).is_none(), "{text}");
        for read in [now(text), called(text)] {
            let error = read.unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}` is not an instant in RFC 3339")), "{error}");
        }
    }
    assert!(now("2026-05-11").unwrap_err().to_string().contains("a date alone is none"));
    // Where the action is not known, too.
    let (person, case) = (EntityUid::new("User", "u"), EntityUid::new("Case", "c"));
    let any = |text: &str| ATTENDANCE.read_context_for(&person, &case, &format!(r#"{{"now": "{text}"}}"#));
    assert!(any("2026-05-11T09:00:00+12:00").is_ok() && any("2026-05-11").is_err());
}

#[test]
fn a_request_is_an_object() {
    for (line, why) in [
        (r#"["User::\"u\"", "viewSummary", "Case::\"c\""]"#, "not a list"),
        ("\u{feff}{}", "byte order mark (BOM)"),
        ("", "object"),
        ("3", "object"),
    ] {
        let error = ATTENDANCE.read_request(line).unwrap_err();
        assert!(error.is_request() && error.to_string().contains(why), "{line}: {error}");
    }
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

#[test]
fn what_cedar_itself_reads_is_in_the_same_order_each_time() {
    let team = |id: &str| format!(r#"{{"type": "Clinic::Team", "id": "{id}"}}"#);
    let names: Vec<String> = (0..40).map(|n| format!("{n:02}")).collect();
    let parents: Vec<String> = names.iter().rev().map(|n| team(n)).collect();
    // Tags are left to Cedar, which has no order of parents.
    let low = format!(
        r#"{{"uid": {}, "attrs": {{}}, "parents": [{}], "tags": {{}}}}"#,
        team("low"),
        parents.join(",")
    );
    let high = parents.iter().map(|uid| format!(r#", {{"uid": {uid}, "attrs": {{}}, "parents": []}}"#));
    let text = format!("[{low}{}]", high.collect::<String>());
    let world = CLINIC.read_world(text.as_bytes()).unwrap();
    let ids: Vec<&str> = world.ids("Clinic::Team").unwrap().collect();
    assert_eq!(ids[0], "low");
    assert_eq!(ids[1..], names);
}

/// Where an object or a table belongs, a list is refused: serde would take it for the fields in their order.
#[test]
fn a_list_is_never_taken_for_fields_in_their_order() {
    use caseward::attendance::Release;
    use caseward::author::Known;
    use caseward::matrix::Matrix;
    use caseward::sql::Mapping;
    use caseward::{Source, Sources, Ward};

    let ward = &*ATTENDANCE;
    let matrix = |text: &str| {
        let text = format!("title = \"t\"\nprincipal = \"User\"\n{text}");
        Matrix::read(ward, &Source::new("matrix.toml", text)).map(|_| ())
    };
    let catalogue = |text: &str| {
        let sources = Sources { catalogue: Some(Source::new("fields.toml", text)), ..Sources::attendance() };
        Ward::new(&sources).map(|_| ())
    };
    let mapping = |text: &str| Mapping::from_toml(text).map(|_| ());
    let release = |text: &str| Release::read(text).map(|_| ());
    let known = |text: &str| Known::read(&Source::new("annotations.toml", text)).map(|_| ());
    let unreachable = |text: &str| ward.coverage([]).unwrap().excuse("unreachable.toml", text).map(|_| ());
    for (what, read) in [
        ("person = [[\"R\", \"reader\"]]", &matrix as &dyn Fn(&str) -> Result<(), caseward::Error>),
        ("person = [{ heading = \"R\", legend = \"r\" }]\nsituation = [[\"Case it\", \"t\"]]", &matrix),
        ("Case = [[], []]", &catalogue),
        ("[Case]\nitems = [[\"Item\", \"case\", \"viewItem\"]]", &catalogue),
        ("[Case]\nalert = [\"receiveAlert\", \"viewSummary\"]", &catalogue),
        ("types.Case = [\"cases\"]", &mapping),
        ("[types.Case]\ntags = [\"t\", \"i\", \"n\", \"v\"]", &mapping),
        ("[types.Case.ancestors]\nWard = [\"t\", \"i\", \"a\"]", &mapping),
        ("[types.Case.attributes]\nteam = [\"t\", \"i\", \"v\"]", &mapping),
        ("[types.Case.attributes]\nopenedAt = [\"opened_at\", \"timestamp\"]", &mapping),
        ("name = \"r\"\nkind = \"anonymised\"\ntables = [[\"t\", [\"status\"]]]", &release),
        ("[decisions]\nD1 = [\"why?\", \"so\"]", &known),
        ("unreachable = [[\"p\", \"c\", 1, true, \"why\"]]", &unreachable),
    ] {
        let error = read(what).expect_err(what).to_string();
        let is_told = [
            "expected fields with their names",
            "a place is a column's name",
            "as a text, or a table with `reading`",
        ];
        assert!(is_told.iter().any(|words| error.contains(words)), "{what}: {error}");
    }
}
