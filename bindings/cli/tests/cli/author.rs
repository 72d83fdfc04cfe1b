//! Verbs for those who write policies: `test`, `coverage`, `mutate`, `docs`, `decision`.

use serde_json::json;

use crate::support::Bench;

const SCHEMA: &str = "
entity Team;
entity User { lead?: Team };
entity Doc { team: Team, kind: String };
action read, write appliesTo { principal: User, resource: Doc, context: {} };";

const READ: &str = r#"@id("docs.read")
@rule("R1")
@decision("D1, D2")
@description("Leads <read> open documents.")
permit (principal, action == Action::"read", resource is Doc)
// the lead of its team
when { principal has lead && principal.lead == resource.team }
// open
when { resource.kind == "open" };
"#;

const CASES: &str = r#"
[world.Team.a]
[world.Team.b]
[world.User.ana]
lead = "a"
[world.User.bo]
[world.Doc.plan]
team = "a"
kind = "open"

[[case]]
name = "the lead reads it (D2)"
principal = "User.ana"
action = "read"
resource = "Doc.plan"
expect = "allow"
rules = ["R1"]

[[case]]
name = "nobody else: <&>"
principal = "User.bo"
action = "read"
resource = "Doc.plan"
expect = "deny"
fails = { "docs.read" = "the lead of its team" }

[[case]]
name = "no other lead"
principal = "User.ana"
action = ["read", "write"]
resource = "Doc.plan"
change = { "User.ana" = { lead = "b" } }
expect = "deny"
"#;

const SHUT: &str = r#"
[[case]]
name = "not when it is shut"
principal = "User.ana"
action = "read"
resource = "Doc.plan"
change = { "Doc.plan" = { kind = "shut" } }
expect = "deny"

[[case]]
name = "she writes nothing"
principal = "User.ana"
action = "write"
resource = "Doc.plan"
expect = "deny"
"#;

fn desk() -> Bench {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", SCHEMA);
    bench.write("p/docs/read.cedar", READ);
    bench.write("p/tests/docs.toml", CASES);
    bench
}

#[test]
fn cases_beside_the_policies_are_run() {
    let bench = desk();
    let ran = bench.run(["test", "--policies", "p"]);
    assert!(ran.ends(0).out.starts_with("4 cases passed of 1 file in "), "{}", ran.out);
    let some = bench.run(["test", "--policies", "p", "--filter", "other lead"]);
    assert!(some.ends(0).out.starts_with("2 cases passed"), "{}", some.out);
    bench.run(["test", "--policies", "p", "--filter", "nothing like it"]).fails(1, "no case");
}

/// A policy among the cases decides nothing, and whoever moved it there would believe that it does.
#[test]
fn what_stands_among_cases_and_is_none_is_an_error_of_every_verb() {
    let verbs = [
        &["validate"][..],
        &["lint"],
        &["test"],
        &["coverage"],
        &["mutate"],
        &["matrix"],
        &["docs"],
        &["ci"],
        &["role"],
        &["decision"],
        &["prove", "--only", "x"],
        &["who", "--entities", "world.json", "--action", "read", "--resource", "Doc::\"plan\""],
    ];
    for (file, told) in [
        ("p/tests/read.cedar", "policies do not stand among cases"),
        ("p/tests/cases/deep/read.cedar", "policies do not stand among cases"),
        ("p/tests/Unreachable.toml", "call it `unreachable.toml`"),
        ("p/tests/.docs.toml", "starts with a dot"),
        ("p/tests/docs.yaml", "a case ends in `.toml`"),
        ("p/.docs/read.cedar", "starts with a dot"),
        ("p/Annotations.toml", "call it `annotations.toml`"),
    ] {
        let bench = desk();
        bench.write(file, READ);
        let named = if file.starts_with("p/.docs") { "p/.docs`" } else { file };
        for verb in verbs {
            let ran = bench.run(verb.iter().copied().chain(["--policies", "p"]));
            assert_eq!(ran.fails(1, told).fails(1, named).out, "", "{verb:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_said_to_be_unreachable_is_read_or_told() {
    let bench = desk();
    std::os::unix::fs::symlink("nowhere", bench.path("p/tests/unreachable.toml")).unwrap();
    for verb in ["validate", "lint", "prove", "matrix", "test", "coverage"] {
        bench
            .run([verb, "--policies", "p"])
            .fails(1, "p/tests/unreachable.toml")
            .fails(1, "`nowhere`, which is not");
    }
}

#[test]
fn a_failing_case_is_no_error_and_shows_both_texts() {
    let bench = desk();
    bench.write(
        "p/tests/docs.toml",
        CASES.replacen("\"allow\"", "\"deny\"", 1).replacen("rules = [\"R1\"]", "", 1),
    );
    let ran = bench.run(["test", "--policies", "p"]);
    ran.ends(4);
    for part in [
        "the lead reads it",
        "docs.toml",
        "expected deny, got allow",
        "R1 (docs.read)",
        "1 case failed, 3 passed",
    ] {
        assert!(ran.out.contains(part), "`{part}` is not in: {}", ran.out);
    }
    bench.write("p/tests/docs.toml", CASES.replacen("User.bo\"\naction", "User.ana\"\naction", 1));
    let ran = bench.run(["test", "--policies", "p"]);
    assert!(ran.ends(4).out.contains("expected deny, got allow"), "{}", ran.out);
    bench.write("p/tests/docs.toml", CASES.replacen("the lead of its team", "open", 1));
    let ran = bench.run(["test", "--policies", "p"]);
    assert!(ran.ends(4).out.contains("it fails at `the lead of its team`"), "{}", ran.out);
    assert!(ran.out.contains("principal has lead"), "the policy's text is shown: {}", ran.out);
}

#[test]
fn cases_that_cannot_be_used_are_never_a_pass() {
    let bench = desk();
    for (was, is, told) in [
        ("User.bo\"", "User.cy\"", "is not in the case's world"),
        ("\"read\"", "\"raed\"", "did you mean `read`?"),
        ("expect", "expct", "did you mean `expect`?"),
        ("[[case]]", "[[case]", "docs.toml"),
    ] {
        bench.write("p/tests/docs.toml", CASES.replacen(was, is, 1));
        for verb in ["test", "coverage", "mutate"] {
            let ran = bench.run([verb, "--policies", "p"]);
            ran.fails(1, told);
            assert_eq!(ran.out, "");
        }
    }
    bench.write("p/tests/docs.toml", "");
    bench.run(["test", "--policies", "p"]).fails(1, "it holds no `[[case]]`");
    bench.run(["test", "--policies", "p", "nowhere"]).fails(1, "nowhere");
    bench.write("p/docs/read.cedar", "permit");
    bench.run(["test", "--policies", "p"]).fails(3, "cannot be used");
}

#[test]
fn folders_of_json_say_what_they_expect() {
    let bench = desk();
    let entities = r#"[{"uid": {"type": "Team", "id": "a"}, "attrs": {}, "parents": []},
        {"uid": {"type": "User", "id": "ana"}, "attrs": {"lead": {"type": "Team", "id": "a"}}, "parents": []},
        {"uid": {"type": "Doc", "id": "d"}, "attrs": {"team": {"type": "Team", "id": "a"}, "kind": "open"}, "parents": []}]"#;
    let request = r#"{"principal": "User::\"ana\"", "action": "read", "resource": "Doc::\"d\""}"#;
    let case = format!(r#"{{"request": {request}, "entities": {entities}}}"#);
    bench.write("cases/ALLOW/the lead reads it.json", &case);
    bench.write("cases/DENY/the lead does not.json", &case);
    let ran = bench.run(["test", "--policies", "p", "cases"]);
    assert!(ran.ends(4).out.contains("the lead does not"), "{}", ran.out);
    assert!(ran.out.contains("1 case failed, 1 passed"), "{}", ran.out);
    bench.run(["test", "--policies", "p", "cases/ALLOW"]).ends(0);
    bench.run(["test", "--policies", "p", "cases/ALLOW/the lead reads it.json"]).ends(0);
    bench.write("cases/ALLOW/the lead reads it.json", case.replace("\"entities\"", "\"entites\""));
    bench.run(["test", "--policies", "p", "cases/ALLOW"]).fails(1, "did you mean `entities`?");
}

#[test]
fn results_come_in_forms_for_programs() {
    let bench = desk();
    bench.write(
        "p/tests/docs.toml",
        CASES.replacen("\"deny\"", "\"allow\"", 1).replacen(
            "fails = { \"docs.read\" = \"the lead of its team\" }",
            "",
            1,
        ),
    );
    let json = bench.run(["test", "--policies", "p", "--format", "json"]).ends(4).json();
    assert_eq!((json["cases"].as_u64(), json["failed"].as_u64()), (Some(4), Some(1)));
    assert_eq!(json["results"][1]["difference"], "expected allow, got deny");
    assert_eq!(json["results"][1]["line"], 19);
    let junit = bench.run(["test", "--policies", "p", "--format", "junit"]).ends(4).out.clone();
    for part in [
        "tests=\"4\"",
        "failures=\"1\"",
        "name=\"nobody else: &lt;&amp;&gt;\"",
        "message=\"expected allow, got deny\"",
    ] {
        assert!(junit.contains(part), "`{part}` is not in: {junit}");
    }
    let github = bench.run(["test", "--policies", "p", "--format", "github"]).ends(4).out.clone();
    assert!(
        github.starts_with(
            "::error file=p/tests/docs.toml,line=19,col=1,endLine=24,title=nobody else%3A <&>::"
        ),
        "{github}"
    );
    assert_eq!(github.lines().count(), 2, "{github}");
}

#[test]
fn coverage_is_shown_and_bounded() {
    let bench = desk();
    let text = bench.run(["coverage", "--policies", "p", "--fail-under", "100"]);
    assert_eq!(text.code, 4);
    assert!(text.err.contains("85.7 %"), "{}", text.err);
    assert!(text.out.contains("`resource.kind == \"open\"`: never seen being false"), "{}", text.out);
    bench.run(["coverage", "--policies", "p", "--fail-under", "85"]).ends(0);
    bench.run(["coverage", "--policies", "p", "--fail-under", "nan"]).fails(64, "from 0 to 100");

    let lcov = bench.run(["coverage", "--policies", "p", "--format", "lcov"]).ends(0).out.clone();
    for line in [
        "SF:p/docs/read.cedar",
        "FN:5,docs.read",
        "FNDA:3,docs.read",
        "BRF:6",
        "BRH:5",
        "DA:9,1",
        "end_of_record",
    ] {
        assert!(lcov.lines().any(|found| found == line), "`{line}` is not in: {lcov}");
    }
    let html = bench.run(["coverage", "--policies", "p", "--format", "html"]).ends(0).out.clone();
    assert!(html.contains("Leads &lt;read&gt; open documents.") && !html.contains("<read>"));
    assert!(html.contains("nobody else: &lt;&amp;&gt;") && html.contains("class=\"part\""));
    assert!(!html.contains("src=") && !html.contains("http"), "the page needs nothing beside it");
    let json = bench.run(["coverage", "--policies", "p", "--format", "json"]).ends(0).json();
    assert_eq!(json["policies"][0]["conditions"][2]["when_false"]["decided"], 0);

    let claim = "[[unreachable]]\npolicy = \"docs.read\"\ncondition = 'resource.kind == \"open\"'\ndecides = false\nwhy = \"so\"\n";
    bench.write("p/tests/unreachable.toml", claim);
    bench.run(["coverage", "--policies", "p", "--fail-under", "100"]).ends(0);
    bench.write("p/tests/unreachable.toml", claim.replace("false", "true"));
    bench.run(["coverage", "--policies", "p"]).fails(1, "the lead reads it");
    bench.write("p/tests/unreachable.toml", "");
    bench.write("p/tests/docs.toml", format!("{CASES}{SHUT}"));
    let all = bench.run(["coverage", "--policies", "p", "--fail-under", "100"]).ends(0).out.clone();
    assert_eq!(all.lines().count(), 1, "{all}");
    let all = bench.run(["coverage", "--policies", "p", "--all"]).ends(0).out.clone();
    assert!(all.contains("✔ when { resource.kind"), "{all}");
}

#[test]
fn survivors_are_shown_as_patches() {
    let bench = desk();
    let ran = bench.run(["mutate", "--policies", "p", "--no-proof"]);
    ran.ends(4);
    assert!(ran.out.contains("--- a/docs/read.cedar\n+++ b/docs/read.cedar\n"), "{}", ran.out);
    assert!(ran.out.contains("-when { resource.kind == \"open\" };\n+when { true };"), "{}", ran.out);
    bench.write("p/tests/docs.toml", format!("{CASES}{SHUT}"));
    let ran = bench.run(["mutate", "--policies", "p", "--no-proof"]);
    assert!(ran.ends(0).out.contains("\n0 of "), "{}", ran.out);
    let few = bench
        .run(["mutate", "--policies", "p", "--no-proof", "--bounded", "3", "--format", "json"])
        .ends(0)
        .json();
    assert_eq!(few["all"].as_array().unwrap().len(), 3);
    bench.run(["mutate", "--policies", "p", "--only", "nothing"]).fails(1, "nothing was tried");
    bench.run(["mutate", "--policies", "p", "--bounded", "x"]).fails(64, "x");
    bench.write(
        "p/tests/docs.toml",
        CASES.replacen("\"allow\"", "\"deny\"", 1).replacen("rules = [\"R1\"]", "", 1),
    );
    bench.run(["mutate", "--policies", "p"]).fails(1, "does not come out as expected");
}

#[test]
fn docs_are_compared_with_a_file() {
    let bench = desk();
    let docs = bench.run(["docs", "--policies", "p"]).ends(0).out.clone();
    assert!(
        docs.contains("| R1 | `docs.read` | Leads &lt;read> open documents. | Doc: read |  | D1, D2 |"),
        "{docs}"
    );
    bench.write("RULES.md", &docs);
    assert_eq!(bench.run(["docs", "--policies", "p", "--check", "RULES.md"]).ends(0).out, "");
    bench.write("p/docs/read.cedar", READ.replace("open documents", "documents"));
    let stale = bench.run(["docs", "--policies", "p", "--check", "RULES.md"]);
    stale.fails(4, "RULES.md");
    assert!(stale.out.contains("-| R1 |") && stale.out.contains("+| R1 |"), "{}", stale.out);
    bench.run(["docs", "--check", "nowhere.md"]).fails(1, "nowhere.md");

    let ours = bench.run(["docs"]).ends(0).out.clone();
    assert!(ours.contains("| viewSummary | L") || ours.contains("| viewSummary | "), "{ours}");
    assert!(ours.contains("S1: "), "the rules that decide are named");
}

#[test]
fn a_decision_lists_what_it_shaped() {
    let bench = desk();
    bench.write(
        "p/invariants/D2.cedar",
        "@id(\"invariants.D2\")\n@decision(\"D2\")\n@description(\"Never.\")\nforbid (principal, action, resource);",
    );
    let ran = bench.run(["decision", "D2", "--policies", "p", "--format", "json"]);
    let json = ran.ends(0).json();
    assert_eq!(json["policies"][0]["id"], "docs.read");
    assert_eq!(json["invariants"][0]["id"], "invariants.D2");
    // Guarantees carry decisions, too, also such as no policy has.
    bench.write(
        "p/guarantees/D3.cedar",
        "@id(\"guarantees.D3\")\n@decision(\"D2, D3\")\n@description(\"Always.\")\npermit (principal, action, resource);",
    );
    let told = bench.run(["decision", "D2", "--policies", "p"]).ends(0).out.clone();
    let stated = "invariants (1)\n  invariants.D2  Never.\n\nguarantees (1)\n  guarantees.D3  Always.\n";
    assert!(told.contains(stated), "{told}");
    let told = bench.run(["decision", "D3", "--policies", "p"]).ends(0).out.clone();
    assert!(told.contains("policies (0)\n\ninvariants (0)\n\nguarantees (1)\n"), "{told}");
    bench.run(["decision", "D9", "--policies", "p"]).fails(1, "there are D1, D2, D3");
    std::fs::remove_file(bench.path("p/guarantees/D3.cedar")).unwrap();
    assert_eq!(json["cases"].as_array().unwrap().len(), 1, "{json}");
    bench.run(["decision", "D9", "--policies", "p"]).fails(1, "there are D1, D2");
    assert_eq!(bench.run(["decision", "--policies", "p"]).ends(0).out, "D1   docs.read\nD2   docs.read\n");
    // In the order of numbers, with what they say.
    bench.write("p/docs/read.cedar", READ.replace("D1, D2", "D10, D2"));
    bench.write(
        "p/annotations.toml",
        "[decision]\nD2 = { question = \"Who leads?\", reading = \"The lead.\" }\nD10 = { question = \"When?\", reading = \"Now\" }\n",
    );
    let all = bench.run(["decision", "--policies", "p"]).ends(0).out.clone();
    assert_eq!(
        all,
        "D2   Who leads?\n     The lead.\n     docs.read\nD10  When?\n     Now\n     docs.read\n"
    );
    let one = bench.run(["decision", "D10", "--policies", "p"]).ends(0).out.clone();
    assert!(one.starts_with("D10\nWhen?\nNow\n"), "{one}");
    let json = bench.run(["decision", "--policies", "p", "--format", "json"]).ends(0).json();
    assert_eq!((&json[0]["decision"], &json[1]["text"]), (&"D2".into(), &"When?\nNow".into()));
    bench.run(["decision", "D9", "--policies", "p"]).fails(1, "there are D2, D10");

    let all = bench.run(["decision"]).ends(0).out.clone();
    let lines = all.lines().filter(|line| line.starts_with('D'));
    let numbers: Vec<u32> =
        lines.map(|line| line[1..].split_whitespace().next().unwrap().parse().unwrap()).collect();
    assert!(numbers.len() >= 27 && numbers.is_sorted() && numbers[..3] == [1, 2, 3], "{numbers:?}");
    let ours = bench.run(["decision", "D6"]).ends(0).out.clone();
    // Nothing is said of cases that were not looked at.
    assert!(ours.contains("cases: not looked at") && !ours.contains("cases (0)"), "{ours}");
    assert_eq!(bench.run(["decision", "D6", "--format", "json"]).ends(0).json()["cases"], json!(null));
    assert!(ours.contains("ministry.M5-item") && ours.contains("viewItem ✔ PR"), "{ours}");
}

#[test]
fn a_role_says_what_it_opens() {
    let bench = desk();
    let ran = bench.run(["role", "lead", "--policies", "p"]);
    let out = &ran.ends(0).out;
    assert_eq!(
        out,
        "lead of a User\n\nmay, on a Doc\n  read\n    R1 (docs.read): Leads <read> open documents.\n    - the lead of its team\n    - open\n"
    );
    let json = bench.run(["role", "lead", "--policies", "p", "--format", "json"]).ends(0).json();
    assert_eq!(json["may"][0]["policy"]["id"], "docs.read");
    assert_eq!(json["may"][0]["when"], serde_json::json!(["the lead of its team", "open"]));
    bench.run(["role", "laed", "--policies", "p"]).fails(1, "did you mean `lead`?");
    assert_eq!(bench.run(["role", "--policies", "p"]).ends(0).out, "lead\n");

    let ours = bench.run(["role", "officeSupportAt"]).ends(0).out.clone();
    for part in ["S1 (school.S1)", "never, on a Case", "G1 (gates.G1)", "gates: G3"] {
        assert!(ours.contains(part), "`{part}` is not in {ours}");
    }
    assert!(!ours.contains("providers.P1") && !ours.contains("viewRecord"), "{ours}");
    let team = bench.run(["role", "ministryTeams:prosecutions"]).ends(0).out.clone();
    assert!(team.contains("ministry.M5") && !team.contains("ministry.M1"), "{team}");
    bench.run(["role", "ministryTeams"]).fails(1, "`ministryTeams:centralInvestigation`");
    bench
        .run(["role", "ministryTeams:centralInvestigations"])
        .fails(1, "did you mean `ministryTeams:centralInvestigation`?");
}

#[test]
fn of_many_failures_there_is_a_summary_first() {
    let bench = desk();
    let one = |n: usize| {
        format!(
            "\n[[case]]\nname = \"case {n}\"\nprincipal = \"User.bo\"\naction = \"read\"\nresource = \"Doc.plan\"\nexpect = \"deny\"\n"
        )
    };
    let cases: String = (0..40).map(one).collect();
    let world = CASES.split("\n[[case]]").next().unwrap();
    bench.write("p/tests/docs.toml", format!("{world}{cases}"));
    bench.write("p/docs/read.cedar", "@id(\"docs.read\") permit (principal, action, resource);\n");
    let ran = bench.run(["test", "--policies", "p"]);
    assert!(ran.ends(4).out.starts_with("40 cases otherwise than expected\n\nby file\n"), "{}", ran.out);
    assert!(ran.out.contains("by the policies that decided\n      40  docs.read\n"), "{}", ran.out);
    assert!(ran.out.contains("and 30 more cases, which --all shows"), "{}", ran.out);
    assert_eq!(ran.out.matches("expected deny, got allow").count(), 10, "{}", ran.out);
    let all = bench.run(["test", "--policies", "p", "--all"]).ends(4).out.clone();
    assert_eq!(all.matches("expected deny, got allow").count(), 40, "{all}");
    let json = bench.run(["test", "--policies", "p", "--format", "json"]).ends(4).out.clone();
    assert!(json.matches("expected deny, got allow").count() >= 40);
}

/// What validation says of a policy, as its problems in JSON.
fn problems_of(bench: &Bench, condition: &str) -> Vec<(String, String)> {
    let schema = "entity Team; entity User { lead?: Team, at: datetime, size?: Long };\nentity Doc { team: Team, kind: String, size?: Long };\naction read, write appliesTo { principal: User, resource: Doc, context: { now: datetime } };";
    bench.write("q/schema.cedarschema", schema);
    bench.write(
        "q/p.cedar",
        format!("@id(\"p\") permit (principal, action, resource) when {{ {condition} }};\n"),
    );
    let first = bench.run(["validate", "--policies", "q", "--format", "json"]);
    for _ in 0..4 {
        assert_eq!(
            first.out,
            bench.run(["validate", "--policies", "q", "--format", "json"]).out,
            "{condition}"
        );
    }
    let json = first.ends(3).json();
    let text = |problem: &serde_json::Value, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    json.as_array().unwrap().iter().map(|problem| (text(problem, "message"), text(problem, "help"))).collect()
}

#[test]
fn one_message_a_cause_says_what_to_write() {
    let bench = Bench::new();
    let helps = |condition: &str| -> Vec<String> {
        problems_of(&bench, condition).into_iter().map(|(_, help)| help).collect()
    };
    // One cause, though it is read twice and in two environments.
    let or = helps("!(resource has size) || resource.size > 1 || resource.size < -1");
    assert_eq!(
        or,
        [
            "what stands before `||` guards nothing behind it; write `!(resource has size && !(resource.size > 1) && !(resource.size < -1))`"
        ]
    );
    let branch = helps(
        "(resource has size || principal has lead) && resource.size == 1 && principal.lead == resource.team",
    );
    assert_eq!(branch.len(), 2, "{branch:?}");
    assert!(
        branch[0].contains("`resource has size && …`") && branch[1].contains("`principal has lead && …`"),
        "{branch:?}"
    );
    assert!(branch[0].starts_with("what one branch of `||` tests holds nowhere else"), "{branch:?}");
    let plain = helps("principal.size == 1 && resource.size == 2 && principal.size == 3");
    assert_eq!(
        plain,
        [
            "test for it before it is read: `principal has size && …`",
            "test for it before it is read: `resource has size && …`",
        ]
    );
    assert_eq!(helps("now > principal.at"), ["did you mean `context.now`?"]);
    assert_eq!(helps("size == 1"), ["did you mean `principal.size` or `resource.size`?"]);
    assert_eq!(
        helps("context.now > \"2026-05-11\""),
        ["a text is no datetime: write `datetime(\"2026-05-11\")`"]
    );
    assert_eq!(
        helps("principal.at == \"2026-05-11T09:00:00+12:00\""),
        ["a text is no datetime: write `datetime(\"2026-05-11T09:00:00+1200\")`"]
    );
    assert_eq!(helps("resource.team == \"Team::\\\"a\\\"\""), ["a text is no entity: write `Team::\"a\"`"]);
    assert_eq!(helps("resource.team == \"a\""), ["a text is no entity: write `Team::\"a\"`"]);
    assert_eq!(helps("resource.team == \"Team::a\""), ["a text is no entity: write `Team::\"a\"`"]);
    assert_eq!(helps("resource.team == \"Team::'a'\""), ["a text is no entity: write `Team::\"a\"`"]);
}

#[test]
fn validate_names_what_was_probably_meant() {
    let bench = desk();
    for (was, is, meant) in [
        ("Action::\"read\"", "Action::\"raed\"", "did you mean `Action::\"read\"`?"),
        ("resource is Doc", "resource is Dco", "did you mean `Doc`?"),
        ("resource.kind", "resource.knid", "did you mean `kind`?"),
        (
            "principal has lead && principal.lead == resource.team",
            "principal has laed",
            "did you mean `lead`?",
        ),
    ] {
        bench.write("p/docs/read.cedar", READ.replace(was, is));
        let ran = bench.run(["validate", "--policies", "p", "--deny-warnings"]);
        ran.fails(3, meant);
    }
}

#[test]
fn what_looks_like_a_case_and_would_not_be_run_is_named() {
    for (file, told) in [
        ("allow/she reads it.json", "call the folder `ALLOW`"),
        ("Deny/she reads it.json", "call the folder `DENY`"),
        ("ALLOW/she reads it.JSON", "only `.json` is a case"),
        ("ALLOW/deep/she reads it", "only `.json` is a case"),
        ("DENY/docs.toml", "only `.json` is a case"),
        ("she reads it.json", "stands in a folder `ALLOW` or `DENY`"),
        ("more/docs.TOML", "it looks like a case"),
        ("docs.toml.bak", "it looks like a case"),
        ("docs.Toml", "it looks like a case"),
        ("docs.jsonl", "it looks like a case"),
        ("deep/unreachable.toml", "stands in the folder of cases itself"),
        ("folder.toml/more.toml", "has the name of a file"),
        ("empty.toml", "holds no `[[case]]`"),
    ] {
        let bench = desk();
        bench.write(&format!("p/tests/{file}"), "");
        let named =
            file.split_once('/').map_or(file, |(first, rest)| match told.contains("call the folder") {
                true => first,
                false => rest.rsplit('/').next().unwrap_or(rest),
            });
        let named = if told.contains("name of a file") { "folder.toml" } else { named };
        for verb in ["test", "coverage", "mutate"] {
            let ran = bench.run([verb, "--policies", "p"]);
            ran.fails(1, told).fails(1, named);
            assert_eq!(ran.out, "", "{file}");
        }
    }
    // Notes and code may stand beside them.
    let bench = desk();
    for file in ["README.md", "run.py", ".docs.toml.swp", "ALLOW/README.md", "unreachable.toml"] {
        bench.write(&format!("p/tests/{file}"), "");
    }
    assert!(bench.run(["test", "--policies", "p"]).ends(0).out.contains("4 cases passed of 1 file"));
}

#[cfg(unix)]
#[test]
fn cases_behind_a_link_are_run_or_told() {
    use std::os::unix::fs::symlink;
    let bench = desk();
    std::fs::create_dir(bench.path("elsewhere")).unwrap();
    std::fs::rename(bench.path("p/tests/docs.toml"), bench.path("elsewhere/docs.toml")).unwrap();
    symlink("../../elsewhere", bench.path("p/tests/cases")).unwrap();
    assert!(bench.run(["test", "--policies", "p"]).ends(0).out.contains("4 cases passed of 1 file"));
    // The folder is copied, and what its link leads to is not there.
    std::fs::rename(bench.path("elsewhere"), bench.path("gone")).unwrap();
    bench.write("p/tests/more.toml", CASES);
    bench.run(["test", "--policies", "p"]).fails(1, "p/tests/cases").fails(1, "which is not there");
    std::fs::remove_file(bench.path("p/tests/cases")).unwrap();
    symlink("nowhere.toml", bench.path("p/tests/again.toml")).unwrap();
    bench.run(["test", "--policies", "p"]).fails(1, "again.toml").fails(1, "which is not there");
}
