//! Who may, what is shown and who is told.

use serde_json::json;

use crate::support::{Bench, entity, reference, world};

const U1: &str = r#"User::"u1""#;
const U2: &str = r#"User::"u2""#;
const C1: &str = r#"Case::"c1""#;

#[test]
fn who_equals_check() {
    let bench = Bench::new();
    for action in ["viewSummary", "viewSupportPlan", "closeCase", "addComment"] {
        for case in [C1, r#"Case::"c2""#, r#"Case::"c10""#] {
            let found = bench.ask("who", &["--action", action, "--resource", case]);
            let ids: Vec<&str> = found.ends(0).out.lines().collect();
            for (user, id) in [(U1, "u1"), (U2, "u2")] {
                let allowed = bench.check(user, action, case).code == 0;
                assert_eq!(ids.contains(&id), allowed, "{user} {action} {case}");
            }
        }
    }
    let question = ["--action", "viewSummary", "--resource", C1];
    let reasons = bench.ask("who", &[&question[..], &["--reasons"]].concat());
    assert_eq!(reasons.ends(0).out, "u1  school.S1\n");
    let count = bench.ask("who", &[&question[..], &["--format", "count"]].concat());
    assert_eq!(count.ends(0).out, "1\n");
    let json = bench.ask("who", &[&question[..], &["--format", "json", "--reasons"]].concat()).ends(0).json();
    assert_eq!((&json["ids"], &json["count"]), (&json!(["u1"]), &json!(1)));
    assert_eq!(json["reasons"][0], json!({"principal": U1, "policies": ["school.S1"], "rules": ["S1"]}));
    assert_eq!(json["version"], 1);
}

#[test]
fn who_refuses_nonsense_and_finds_nobody_for_what_is_not_there() {
    let bench = Bench::new();
    let ask = |action: &str, resource: &str, rest: &[&str]| {
        bench.ask("who", &[&["--action", action, "--resource", resource], rest].concat())
    };
    assert_eq!(ask("viewSummary", r#"Case::"none""#, &[]).ends(0).out, "");
    ask("viewSumary", C1, &[]).fails(1, "did you mean `viewSummary`?");
    ask("viewSummary", "c1", &[]).fails(1, "--resource");
    ask("viewSummary", C1, &["--type", "Usr"]).fails(1, "did you mean `User`?");
    ask("viewSummary", C1, &["--type", "School"]).fails(1, "takes no principal of type `School`");
    ask("viewItem", C1, &[]).fails(1, "takes no resource of type `Case`");
    ask("uploadFile", C1, &[]).fails(1, "`sizeBytes` is missing");
    ask("viewSummary", r#"Cse::"c1""#, &[]).fails(1, "did you mean `Case`?");
}

#[test]
fn view_shows_what_may_be_seen() {
    let bench = Bench::new();
    let ask = |user: &str, case: &str, rest: &[&str]| {
        bench.ask("view", &[&["--principal", user, "--resource", case], rest].concat())
    };
    let text = ask(U1, C1, &[]).ends(0).out.clone();
    assert!(text.starts_with("summary\n  caseManager: (none)\n"), "{text}");
    for part in [
        "\n  status: \"open\"\n",
        "\n  openedAt: 2026-03-01T21:00:00.000Z\n",
        "\n  student: Student::\"st1\"\n",
        "\n  number: (kept by the service)\n",
        "\n  student.name: (kept by the service)\n",
        "\n  provider: (none)\n",
        "\nplan\n  supportPlan: ",
        "\nwithheld: demographics, personal, pattern, attendance, record, history\n",
        "uploadFile (sizeBytes)",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    assert!(!text.contains("nsn") && !text.contains("closeCase") && !text.contains('\u{1b}'), "{text}");

    let json = ask(U1, C1, &["--format", "json"]).ends(0).json();
    assert_eq!(json["resource"], C1);
    assert_eq!(json["sections"][0]["name"], "summary");
    assert_eq!(json["now"], "2026-05-10T21:00:00.000Z");
    let next = |name: &str| json["actions"].as_array().unwrap().iter().find(|a| a["action"] == name).cloned();
    assert_eq!(next("addComment").unwrap()["needs"], json!([]));
    assert_eq!(next("uploadFile").unwrap()["needs"][0]["field"], "sizeBytes");
    assert_eq!(next("viewSummary"), None);
}

#[test]
fn what_may_not_be_known_of_looks_like_nothing() {
    let bench = Bench::new();
    let ask = |user: &str, case: &str, format: &str| {
        let case = format!("Case::\"{case}\"");
        let ran = bench.ask("view", &["--principal", user, "--resource", &case, "--format", format]);
        ran.ends(0).out.clone()
    };
    for format in ["text", "json"] {
        for user in [U1, U2, r#"User::"nobody""#] {
            let (denied, absent) = (ask(user, "c2", format), ask(user, "c9", format));
            assert_eq!(denied, absent.replace("\"c9", "\"c2"));
        }
    }
    assert_eq!(ask(U1, "c2", "text"), "Case::\"c2\" is not there, or not to be seen\n");
    let ask = |resource: &str| bench.ask("view", &["--principal", U1, "--resource", resource]);
    ask(r#"MinistryTeam::"privacy""#).fails(1, "the catalogue shows nothing of a `MinistryTeam`");
    ask(r#"Cse::"c1""#).fails(1, "did you mean `Case`?");
}

#[test]
fn alert_tells_those_who_may_see_it() {
    let bench = Bench::new();
    let mut world = world();
    let contact = world.as_array().unwrap().iter().position(|one| one["uid"]["id"] == "c1").unwrap();
    world[contact]["attrs"]["primaryContact"] = reference("User", "u1");
    let item = |id: &str, sensitive: bool| {
        let attrs = json!({
            "case": reference("Case", "c1"), "kind": "comment", "author": reference("User", "u1"),
            "writtenAt": reference("School", "s1"), "sharedWith": [], "sensitive": sensitive,
        });
        entity("Item", id, attrs)
    };
    world.as_array_mut().unwrap().extend([item("i1", false), item("i2", true)]);
    bench.write("world.json", world.to_string());
    let ask = |rest: &[&str]| bench.ask("alert", &[&["--resource", C1], rest].concat());
    assert_eq!(ask(&[]).ends(0).out, "u1\n");
    assert_eq!(ask(&["--entry", r#"Item::"i1""#]).ends(0).out, "u1\n");
    assert_eq!(ask(&["--entry", r#"Item::"i2""#]).ends(0).out, "");
    assert_eq!(ask(&["--format", "json"]).ends(0).json()["ids"], json!(["u1"]));
    assert_eq!(bench.ask("alert", &["--resource", r#"Case::"c2""#]).ends(0).out, "");
    ask(&["--entry", U1]).fails(1, "a `Case` has no entries of type `User`");
    bench.ask("alert", &["--resource", r#"Item::"i1""#]).fails(1, "tells nobody of a `Item`");
}

#[test]
fn a_catalogue_that_names_what_is_not_there_is_refused_where_it_stands() {
    let bench = Bench::new();
    bench.write(
        "policies/schema.cedarschema",
        "entity User; action see appliesTo { principal: User, resource: User };",
    );
    bench.write("policies/all.cedar", "@id(\"all\") permit (principal, action, resource);");
    bench.write("policies/fields.toml", "[User]\nknown_by = [\"se\"]\n");
    let ran = bench.run(["validate", "--policies", "policies"]);
    ran.fails(3, "did you mean `see`?");
    assert!(ran.err.contains("fields.toml"), "{}", ran.err);
    bench.write("policies/fields.toml", "[User]\nknown_by = [\"see\"]\n");
    assert_eq!(bench.run(["validate", "--policies", "policies"]).code, 0);
}
