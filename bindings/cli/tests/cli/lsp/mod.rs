//! `caseward lsp`, asked as editors ask it.

mod client;
mod hostile;
mod renames;
mod speed;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::client::{Client, behind, edited};
use crate::support::Bench;

const SCHEMA: &str = r#"// Schools, as the register has them.
entity School = { kind: String };
// Who works there.
entity User = {
  leads: Set<School>,
  // from when they may
  from?: datetime,
};
entity Team enum ["north", "south"];
entity Case = {
  @section("names")
  school: School,
  // "open" or "closed"
  @section("names")
  status: String,
};
type Call = { now: datetime };
// viewCase: the header
// closeCase: ends it
action viewCase, closeCase
  appliesTo { principal: User, resource: Case, context: Call };
"#;

const POLICY: &str = r#"@id("school.S1")
@rule("S1")
@decision("D1")
@description("A lead sees the cases of their school. Tēnā koe, Māori.")
permit (
  principal,
  action == Action::"viewCase",
  resource is Case
)
// leads the school
when { principal.leads.contains(resource.school) }
// ōpen
when { resource.status == "open" };
"#;

const CASES: &str = r#"now = "2026-05-11T09:00:00+12:00"
[world.School.kauri]
kind = "state"
[world.User.mere]
leads = ["kauri"]
[world.User.hana]
[world.Case.c1]
school = "kauri"
status = "open"

[[case]]
name = "S1: a lead sees the case"
principal = "User.mere"
action = "viewCase"
resource = "Case.c1"
expect = "allow"
policies = ["school.S1"]

[[case]]
name = "S1: nobody else does"
principal = "User.hana"
action = "viewCase"
resource = "Case.c1"
expect = "deny"
fails = { "school.S1" = "leads the school" }
"#;

/// A folder of policies with a rule, cases, a claim, a catalogue and a list of decisions.
fn small() -> (Bench, PathBuf) {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", SCHEMA);
    bench.write("p/school/S1.cedar", POLICY);
    bench.write("p/tests/cases.toml", CASES);
    bench.write("p/annotations.toml", "[decision.D1]\nquestion = \"Who leads?\"\nreading = \"The lead.\"\n");
    bench
        .write("p/fields.toml", "[Case]\nknown_by = [\"viewCase\"]\n[Case.sections]\nnames = \"viewCase\"\n");
    bench.write(
        "p/invariants/1.cedar",
        "@id(\"invariants.1\")\n@invariant(\"1\")\n@description(\"Nobody closes.\")\nforbid (\n  principal,\n  \
         action == Action::\"closeCase\",\n  resource is Case\n)\n// ōpen\nwhen { resource.status == \"open\" };\n",
    );
    let root = bench.path("p").canonicalize().unwrap();
    (bench, root)
}

/// Whether nothing is wrong but what lints say.
fn no_error(problems: &[Value]) -> bool {
    problems.iter().all(|problem| problem["severity"] != 1)
}

fn has(problems: &[Value], text: &str) -> bool {
    problems.iter().any(|problem| problem["message"].as_str().unwrap().contains(text))
}

#[test]
fn a_typo_is_told_and_told_to_be_mended() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    client.show_saved("school/S1.cedar");
    let typo = POLICY.replace("resource.status", "resource.statis");
    client.change("school/S1.cedar", 2, &typo);
    let found = client.problems("school/S1.cedar", |all| has(all, "statis"));
    let problem = found.iter().find(|one| one["message"].as_str().unwrap().contains("statis")).unwrap();
    assert_eq!((&problem["severity"], &problem["source"]), (&json!(1), &json!("caseward")));
    let (line, end) = behind(&typo, "resource.statis");
    assert_eq!(problem["range"]["start"]["line"], line, "{problem}");
    // The fix is at the place.
    let range =
        json!({ "start": { "line": line, "character": end }, "end": { "line": line, "character": end } });
    let uri = client.uri("school/S1.cedar");
    let actions = client.ask(
        "textDocument/codeAction",
        json!({ "textDocument": { "uri": uri }, "range": range, "context": { "diagnostics": [] } }),
    );
    let fix = actions
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["title"] == "write `status`")
        .unwrap_or_else(|| panic!("{actions} {found:?}"));
    assert_eq!(edited(&typo, &fix["edit"]["changes"][&uri]), POLICY);
    client.change("school/S1.cedar", 3, POLICY);
    client.problems("school/S1.cedar", no_error);
    assert_eq!(client.close(), 0);
}

#[test]
fn a_file_that_does_not_parse_keeps_nobody_from_asking() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    let broken = POLICY.replace("resource.status == \"open\" };", "resource.");
    client.show("school/S1.cedar", &broken);
    let found = client.problems("school/S1.cedar", |all| has(all, "unexpected"));
    assert_eq!(found.iter().filter(|one| one["severity"] == 1).count(), 1, "{found:?}");
    assert_eq!(client.labels("school/S1.cedar", behind(&broken, "when { resource.")), ["school", "status"]);
    // Another file has its own problems still.
    client.show(
        "invariants/1.cedar",
        "@id(\"invariants.2\") @invariant(\"1\") forbid (principal, action, resource);",
    );
    let found = client.problems("invariants/1.cedar", |all| has(all, "its place asks for"));
    assert!(has(&found, "`invariants.1`"), "{found:?}");
    // A schema that does not parse leaves the words of the last one.
    client.show("schema.cedarschema", "entity");
    client.problems("schema.cedarschema", |all| !no_error(all));
    assert_eq!(client.labels("school/S1.cedar", behind(&broken, "when { resource.")), ["school", "status"]);
    assert_eq!(client.close(), 0);
}

#[test]
fn cases_that_come_out_otherwise_are_told_where_they_stand() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    let wrong = CASES.replace("expect = \"allow\"\npolicies = [\"school.S1\"]", "expect = \"deny\"");
    client.show("tests/cases.toml", &wrong);
    let found = client.problems("tests/cases.toml", |all| has(all, "comes out otherwise"));
    assert_eq!(
        found[0]["message"],
        "`S1: a lead sees the case` comes out otherwise: expected deny, got allow"
    );
    assert_eq!(found[0]["range"]["start"]["line"], 10);
    let unknown = CASES.replace("[\"school.S1\"]", "[\"school.S2\"]");
    client.change("tests/cases.toml", 2, &unknown);
    client.problems("tests/cases.toml", |all| {
        has(all, "there is no policy `school.S2`; did you mean `school.S1`?")
    });
    client.change("tests/cases.toml", 3, CASES);
    client.problems("tests/cases.toml", <[Value]>::is_empty);
    assert_eq!(client.close(), 0);
}

#[test]
fn what_may_be_written_is_known_by_the_types() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    let file = "school/S1.cedar";
    client.show_saved(file);
    for (typed, expected) in [
        ("when { principal.", vec!["from", "leads"]),
        ("when { principal.le", vec!["from", "leads"]),
        ("when { principal.leads.", vec!["contains", "containsAll", "containsAny", "isEmpty"]),
        ("when { resource.school.", vec!["kind"]),
        ("when { context.", vec!["now"]),
        ("when { principal has ", vec!["from", "leads"]),
        ("when { principal.from.", vec!["offset", "durationSince", "toDate", "toTime"]),
        ("when { resource is ", vec!["Case", "School", "Team", "User"]),
        ("when { Team::\"", vec!["north", "south"]),
        ("when { resource.status == \"", vec!["open"]),
        ("// ", vec!["leads the school", "ōpen"]),
    ] {
        let text = POLICY.replace("when { resource.status == \"open\" };\n", typed);
        client.change(file, 2, &text);
        assert_eq!(client.labels(file, behind(&text, typed)), expected, "{typed}");
    }
    for (at, expected) in [
        ("action == Action::\"", vec!["closeCase", "viewCase"]),
        ("@decision(\"", vec!["D1"]),
        ("@", vec!["id", "rule", "gate", "decision", "description", "source", "allow"]),
    ] {
        assert_eq!(client.labels(file, behind(POLICY, at)), expected, "{at}");
    }
    let detail = client.at("completion", file, behind(POLICY, "principal.leads"), json!({}));
    assert_eq!(detail["items"][1]["detail"], "Set<School>", "{detail}");
    assert_eq!(client.close(), 0);
}

#[test]
fn tables_are_completed_too() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    client.show_saved("tests/cases.toml");
    for (typed, expected) in [
        ("[world.", vec!["Case", "School", "Team", "User"]),
        ("[world.User.tui]\n", vec!["from", "leads"]),
        ("[world.User.tui]\nleads = [\"", vec!["kauri"]),
        ("[[case]]\naction = \"", vec!["closeCase", "viewCase"]),
        ("[[case]]\nprincipal = \"", vec!["School.kauri", "User.mere", "User.hana", "Case.c1"]),
        ("[[case]]\npolicies = [\"", vec!["school.S1"]),
        ("[[case]]\nrules = [\"", vec!["S1"]),
        ("[[case]]\nfails = { \"school.S1\" = \"", vec!["leads the school", "ōpen"]),
        ("[[case]]\naction = \"viewCase\"\ncontext = { ", vec!["now"]),
        ("[[case]]\nexpect = \"", vec!["allow", "deny"]),
    ] {
        let text = format!("{CASES}\n{typed}");
        client.change("tests/cases.toml", 2, &text);
        let at = (text.matches('\n').count(), text.rsplit('\n').next().unwrap().encode_utf16().count());
        assert_eq!(client.labels("tests/cases.toml", at), expected, "{typed}");
    }
    let catalogue = "[Case]\nknown_by = [\"\n";
    client.show("fields.toml", catalogue);
    assert_eq!(client.labels("fields.toml", behind(catalogue, "[\"")), ["closeCase", "viewCase"]);
    let schema = SCHEMA.replace("@section(\"names\")\n  school", "@section(\"\n  school");
    client.show("schema.cedarschema", &schema);
    client.change("fields.toml", 2, "[Case]\n[Case.sections]\nnames = \"viewCase\"\n");
    let at = behind(&schema, "entity Case = {\n  @section(\"");
    assert_eq!(client.labels("schema.cedarschema", at), ["names"]);
    assert_eq!(client.close(), 0);
}

#[test]
fn names_are_explained() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    client.show_saved("school/S1.cedar");
    client.show_saved("tests/cases.toml");
    client.show_saved("fields.toml");
    for (file, text, at, expected) in [
        ("school/S1.cedar", POLICY, "resource.status", vec!["Case.status: String", "\"open\" or \"closed\""]),
        ("school/S1.cedar", POLICY, "principal.leads", vec!["User.leads: Set<School>"]),
        ("school/S1.cedar", POLICY, "when { principal", vec!["principal: User"]),
        (
            "school/S1.cedar",
            POLICY,
            "Action::\"view",
            vec!["resource: Case", "the header", "Named by `school.S1`"],
        ),
        ("school/S1.cedar", POLICY, "resource is Ca", vec!["entity Case", "status: String"]),
        ("school/S1.cedar", POLICY, "@decision(\"D1", vec!["*Who leads?*", "The lead."]),
        (
            "school/S1.cedar",
            POLICY,
            "// ōpe",
            vec!["a condition of `invariants.1`, `school.S1`", "when { resource.status == \"open\" }"],
        ),
        (
            "tests/cases.toml",
            CASES,
            "policies = [\"school.S1",
            vec!["**school.S1** · permit · rule S1", "A lead sees the cases"],
        ),
        ("tests/cases.toml", CASES, "principal = \"User.mere", vec!["**User.mere**", "leads = [\"kauri\"]"]),
        ("tests/cases.toml", CASES, "[world.Case", vec!["entity Case"]),
        ("fields.toml", "[Case]\nknown_by = [\"viewCase\"]", "[\"view", vec!["Action::\"viewCase\""]),
    ] {
        let hover = client.at("hover", file, behind(text, at), json!({}));
        for part in expected {
            assert!(hover["contents"]["value"].as_str().unwrap_or_default().contains(part), "{at}: {hover}");
        }
    }
    assert_eq!(client.at("hover", "school/S1.cedar", (4, 2), json!({})), Value::Null);
    assert_eq!(client.close(), 0);
}

/// Where places lead: the file, the line, and what stands there.
fn places(client: &Client, found: &Value) -> Vec<(String, String)> {
    let root = format!("{}/", client.uri(""));
    let all = found.as_array().unwrap().iter().map(|place| {
        let name = place["uri"].as_str().unwrap().strip_prefix(&root).unwrap().to_owned();
        let text = std::fs::read_to_string(client.root.join(&name)).unwrap();
        let line = text.lines().nth(place["range"]["start"]["line"].as_u64().unwrap() as usize).unwrap();
        let units: Vec<u16> = line.encode_utf16().collect();
        let of = |end: &str| place["range"][end]["character"].as_u64().unwrap() as usize;
        (name, String::from_utf16(&units[of("start")..of("end")]).unwrap())
    });
    all.collect()
}

#[test]
fn definitions_and_uses_are_found_across_files() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    for file in ["school/S1.cedar", "tests/cases.toml", "schema.cedarschema"] {
        client.show_saved(file);
    }
    let place = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    for (file, text, at, expected) in [
        ("school/S1.cedar", POLICY, "resource.status", vec![place("schema.cedarschema", "status")]),
        ("school/S1.cedar", POLICY, "Action::\"viewCase", vec![place("schema.cedarschema", "viewCase")]),
        ("school/S1.cedar", POLICY, "is Case", vec![place("schema.cedarschema", "Case")]),
        ("school/S1.cedar", POLICY, "@decision(\"D1", vec![place("annotations.toml", "D1")]),
        ("tests/cases.toml", CASES, "policies = [\"school.S1", vec![place("school/S1.cedar", "school.S1")]),
        ("tests/cases.toml", CASES, "= \"leads the", vec![place("school/S1.cedar", "leads the school")]),
        ("tests/cases.toml", CASES, "principal = \"User.mere", vec![place("tests/cases.toml", "mere")]),
        ("tests/cases.toml", CASES, "school = \"kauri", vec![place("tests/cases.toml", "kauri")]),
        ("schema.cedarschema", SCHEMA, "@section(\"names", vec![place("fields.toml", "names")]),
    ] {
        let found = client.at("definition", file, behind(text, at), json!({}));
        assert_eq!(places(&client, &found), expected, "{at}");
    }
    let with = json!({ "context": { "includeDeclaration": true } });
    let found = client.at("references", "school/S1.cedar", behind(POLICY, "// ōp"), with.clone());
    assert_eq!(
        places(&client, &found),
        [place("invariants/1.cedar", "ōpen"), place("school/S1.cedar", "ōpen")]
    );
    let found = client.at("references", "school/S1.cedar", behind(POLICY, "@id(\"school"), with);
    let named = places(&client, &found);
    assert_eq!(
        named,
        ["school/S1.cedar", "tests/cases.toml", "tests/cases.toml"].map(|file| place(file, "school.S1"))
    );
    let found = client.at(
        "references",
        "schema.cedarschema",
        behind(SCHEMA, "  status"),
        json!({ "context": { "includeDeclaration": false } }),
    );
    let files: Vec<String> = places(&client, &found).into_iter().map(|(name, _)| name).collect();
    assert_eq!(files, ["invariants/1.cedar", "school/S1.cedar", "tests/cases.toml"]);
    assert_eq!(client.close(), 0);
}

#[test]
fn policies_are_laid_out() {
    let (bench, root) = small();
    let mut client = Client::open(&root);
    let loose = POLICY.replace("permit (\n  principal,\n", "permit(principal,");
    client.show("school/S1.cedar", &loose);
    let asked = json!({ "options": { "tabSize": 2, "insertSpaces": true } });
    let edits = client.at("formatting", "school/S1.cedar", (0, 0), asked.clone());
    bench.write("x.cedar", &loose);
    bench.run(["fmt", "x.cedar"]).ends(0);
    assert_eq!(edited(&loose, &edits), bench.read("x.cedar"));
    client.change("school/S1.cedar", 2, POLICY);
    assert_eq!(client.at("formatting", "school/S1.cedar", (0, 0), asked.clone()), json!([]));
    client.change("school/S1.cedar", 3, "permit (");
    assert_eq!(client.at("formatting", "school/S1.cedar", (0, 0), asked), Value::Null);
    assert_eq!(client.close(), 0);
}

#[test]
fn lenses_say_how_a_policy_stands() {
    let (_bench, root) = small();
    let mut client =
        Client::open_with(&root, json!({ "workspace": { "codeLens": { "refreshSupport": true } } }));
    client.show_saved("school/S1.cedar");
    client.wait("word that lenses changed", |message| message["method"] == "workspace/codeLens/refresh");
    let lenses = client.at("codeLens", "school/S1.cedar", (0, 0), json!({}));
    assert_eq!(lenses[0]["command"]["title"], "2 cases name it · 4 of 5 sides covered");
    let cases = places(&client, &lenses[0]["command"]["arguments"][2]);
    assert_eq!(
        cases,
        [
            ("tests/cases.toml".to_owned(), "school.S1".to_owned()),
            ("tests/cases.toml".to_owned(), "school.S1".to_owned())
        ]
    );
    client.show_saved("invariants/1.cedar");
    assert_eq!(client.at("codeLens", "invariants/1.cedar", (0, 0), json!({})), json!([]));
    assert_eq!(client.close(), 0);
}

#[test]
fn problems_are_mended() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    let fixes = |client: &mut Client, file: &str, text: &str, title: &str, told: &str| {
        client.show(file, text);
        let found = client.problems(file, |all| has(all, told));
        let at = found.iter().find(|one| one["message"].as_str().unwrap().contains(told)).unwrap()["range"]
            .clone();
        let uri = client.uri(file);
        let asked = json!({ "textDocument": { "uri": uri }, "range": at, "context": { "diagnostics": [] } });
        let actions = client.ask("textDocument/codeAction", asked);
        let fix = actions.as_array().unwrap().iter().find(|one| one["title"] == title);
        let fix = fix.unwrap_or_else(|| panic!("{title}: {actions}"));
        client.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
        // The disk has it in order.
        client.problems(file, |all| !has(all, told));
        edited(text, &fix["edit"]["changes"][&uri])
    };
    let wrong = POLICY.replace("school.S1", "school.S2");
    let title = "write `@id(\"school.S1\")`";
    assert_eq!(fixes(&mut client, "school/S1.cedar", &wrong, title, "its place asks for"), POLICY);
    let wrong = POLICY.replace("@id(\"school.S1\")\n", "");
    assert_eq!(fixes(&mut client, "school/S1.cedar", &wrong, title, "its place asks for"), POLICY);
    let wrong = POLICY.replace("@rule", "@rul");
    assert_eq!(fixes(&mut client, "school/S1.cedar", &wrong, "write `rule`", "is no annotation"), POLICY);
    let wrong = POLICY.replace("\"viewCase\"", "\"viewCas\"");
    assert_eq!(
        fixes(&mut client, "school/S1.cedar", &wrong, "write `Action::\"viewCase\"`", "viewCas"),
        POLICY
    );
    let wrong = POLICY
        .replace("when { resource.status == \"open\" };", "when { context.now > datetime(\"2026-02-16\") };");
    let mended = fixes(
        &mut client,
        "school/S1.cedar",
        &wrong,
        "write `datetime(\"2026-02-16T00:00:00+1300\")`: midnight in New Zealand, in summer",
        "is midnight in UTC",
    );
    assert!(mended.contains("datetime(\"2026-02-16T00:00:00+1300\")"), "{mended}");
    let out = fixes(
        &mut client,
        "school/S1.cedar",
        &wrong,
        "take this policy out of `date-without-time`",
        "is midnight in UTC",
    );
    assert!(out.contains("\n@allow(\"date-without-time\")\npermit ("), "{out}");
    let wrong = CASES.replace(
        "\"viewCase\"\nresource = \"Case.c1\"\nexpect = \"allow\"",
        "\"viewCas\"\nresource = \"Case.c1\"\nexpect = \"allow\"",
    );
    assert_eq!(fixes(&mut client, "tests/cases.toml", &wrong, "write `viewCase`", "viewCas"), CASES);
    assert_eq!(client.close(), 0);
}

#[test]
fn the_disk_is_followed_but_for_what_is_open() {
    let (bench, root) = small();
    let mut client = Client::open(&root);
    client.show_saved("school/S1.cedar");
    client.problems("school/S1.cedar", no_error);
    bench.write("p/school/S2.cedar", "permit (");
    bench.write("p/school/S1.cedar", "not this");
    let changes = json!([
        { "uri": client.uri("school/S2.cedar"), "type": 1 }, { "uri": client.uri("school/S1.cedar"), "type": 2 }
    ]);
    client.tell("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
    client.problems("school/S2.cedar", |all| !no_error(all));
    let hover = client.at("hover", "school/S1.cedar", behind(POLICY, "resource.status"), json!({}));
    assert!(hover["contents"]["value"].is_string());
    // Closed without being saved, it is what the disk has.
    let uri = client.uri("school/S1.cedar");
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    client.problems("school/S1.cedar", |all| has(all, "unexpected"));
    std::fs::remove_file(root.join("school/S2.cedar")).unwrap();
    let changes = json!([{ "uri": client.uri("school/S2.cedar"), "type": 3 }]);
    client.tell("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
    client.problems("school/S2.cedar", <[Value]>::is_empty);
    assert_eq!(client.close(), 0);
}

#[test]
fn a_schema_that_comes_later_makes_a_folder_of_what_is_open() {
    let (_bench, root) = small();
    std::fs::rename(root.join("schema.cedarschema"), root.join("kept")).unwrap();
    let mut client = Client::open(&root);
    client.show_saved("school/S1.cedar");
    let cases = client.show_saved("tests/cases.toml");
    client.change(
        "tests/cases.toml",
        2,
        &cases.replace(
            "\"viewCase\"\nresource = \"Case.c1\"\nexpect = \"deny\"",
            "\"viewCas\"\nresource = \"Case.c1\"\nexpect = \"deny\"",
        ),
    );
    let place = behind(POLICY, "resource.status");
    assert_eq!(client.at("hover", "school/S1.cedar", place, json!({})), Value::Null);
    std::fs::rename(root.join("kept"), root.join("schema.cedarschema")).unwrap();
    let changes = json!([{ "uri": client.uri("schema.cedarschema"), "type": 1 }]);
    client.tell("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
    client.problems("tests/cases.toml", |all| has(all, "viewCas"));
    let hover = client.at("hover", "school/S1.cedar", place, json!({}));
    assert!(hover["contents"]["value"].is_string(), "{hover}");
    assert_eq!(client.close(), 0);
}

#[test]
fn ends_of_lines_stay_those_of_the_file() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    let text = POLICY.replace("  resource is Case", "resource   is Case").replace('\n', "\r\n");
    client.show("school/S1.cedar", &text);
    let options = json!({ "options": { "tabSize": 2, "insertSpaces": true } });
    let edits = client.at("formatting", "school/S1.cedar", (0, 0), options);
    assert_eq!(edited(&text, &edits), POLICY.replace('\n', "\r\n"));
    assert_eq!(client.close(), 0);
}

/// The folder of policies that comes with the project.
fn ours() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").canonicalize().unwrap()
}
