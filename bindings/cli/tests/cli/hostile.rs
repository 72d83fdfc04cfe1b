//! Ids and texts that steer a terminal, hide, or turn a line around: no verb prints them as they are.

use serde_json::{Value, json};

use crate::support::{Bench, NOW, Ran, case, entity, reference, world};

/// Everything that must not come out raw, in one id.
const EVIL: &str = "x\u{1b}[31m\u{7}\u{7f}\u{9b}2J\u{85}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{200b}\u{200d}\u{feff}\u{ad}\u{e0041}\u{2800}\u{3164}z";

/// Whether text is free of what could steer the terminal that it is printed on.
fn is_harmless(text: &str) -> bool {
    let hides = |c: char| {
        matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{2800}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{e0000}'..='\u{e007f}')
    };
    text.replace("\r\n", "\n").chars().all(|c| c == '\n' || c == '\t' || !c.is_control() && !hides(c))
}

#[track_caller]
fn harmless(ran: &Ran, args: &[&str]) {
    assert!(is_harmless(&ran.out), "{args:?} prints {:?}", ran.out);
    assert!(is_harmless(&ran.err), "{args:?} tells {:?}", ran.err);
}

fn id(of: &str) -> String {
    format!("{of}{EVIL}")
}

/// A lead at a school, a student and a case, all with hostile ids.
fn evil_world() -> Value {
    let mut lead = world()[1].clone();
    lead["uid"]["id"] = json!(id("u"));
    lead["attrs"]["attendanceLeadAt"] = json!([reference("School", &id("s"))]);
    json!([
        entity("School", &id("s"), json!({"kind": "state"})),
        lead,
        entity("Student", &id("st"), json!({"nsn": EVIL, "enrolledAt": reference("School", &id("s"))})),
        case(&id("c"), &id("st"), "open"),
    ])
}

fn uid(ty: &str, of: &str) -> String {
    // As Cedar writes it, but raw: that is how an id comes in on a command line.
    format!("{ty}::\"{}\"", id(of))
}

#[test]
fn hostile_ids_come_out_of_no_verb_raw_and_out_of_json_as_they_were() {
    let bench = Bench::new();
    bench.write("world.json", evil_world().to_string());
    let (user, record, school) = (uid("User", "u"), uid("Case", "c"), uid("School", "s"));
    let asks: Vec<Vec<&str>> = vec![
        vec!["check", "--principal", &user, "--action", "viewSummary", "--resource", &record],
        vec!["explain", "--principal", &user, "--action", "viewSummary", "--resource", &record],
        vec!["explain", "--principal", &user, "--action", "closeCase", "--resource", &record],
        vec![
            "explain",
            "--principal",
            &user,
            "--action",
            "closeCase",
            "--resource",
            &record,
            "--format",
            "tree",
        ],
        vec!["explain", "--principal", &user, "--action", "closeCase", "--resource", &record, "--plan"],
        vec![
            "explain",
            "--principal",
            &user,
            "--action",
            "closeCase",
            "--resource",
            &record,
            "--viewer",
            &user,
        ],
        vec!["list", "--principal", &user, "--action", "viewSummary", "--type", "Case"],
        vec!["list", "--principal", &user, "--action", "viewSummary", "--type", "Case", "--most", "1"],
        vec!["who", "--action", "viewSummary", "--resource", &record],
        vec!["who", "--action", "viewSummary", "--resource", &record, "--reasons"],
        vec!["alert", "--resource", &record],
        vec!["view", "--principal", &user, "--resource", &record],
        vec!["actions", "--principal", &user, "--resource", &record],
        vec!["count", "--principal", &user, "--action", "viewSummary", "--type", "Case", "--by", "student"],
        vec![
            "count",
            "--principal",
            &user,
            "--action",
            "viewSummary",
            "--type",
            "Case",
            "--by",
            "student",
            "--format",
            "csv",
        ],
        vec!["report", "--principal", &user, "--kind", "school", "--by", "student"],
        vec![
            "filter",
            "--principal",
            &user,
            "--action",
            "viewSummary",
            "--type",
            "Case",
            "--dialect",
            "sqlite",
        ],
        vec![
            "filter",
            "--principal",
            &user,
            "--action",
            "viewSummary",
            "--type",
            "Case",
            "--dialect",
            "postgres",
        ],
        // What is typed wrong is repeated, and what is not there is named.
        vec!["check", "--principal", EVIL, "--action", "viewSummary", "--resource", &record],
        vec!["check", "--principal", &user, "--action", EVIL, "--resource", &record],
        vec!["check", "--principal", &user, "--action", "viewSummary", "--resource", &school],
        vec![
            "check",
            "--principal",
            &user,
            "--action",
            "viewSummary",
            "--resource",
            &record,
            "--context",
            EVIL,
        ],
        vec![
            "check",
            "--principal",
            &user,
            "--action",
            "viewSummary",
            "--resource",
            &record,
            "--format",
            EVIL,
        ],
        vec!["list", "--principal", &user, "--action", "viewSummary", "--type", EVIL],
        vec!["view", "--principal", EVIL, "--resource", &record],
        vec!["count", "--principal", &user, "--action", "viewSummary", "--type", "Case", "--by", EVIL],
        vec!["report", "--principal", &user, "--kind", EVIL],
        vec![EVIL],
        vec!["check", EVIL],
    ];
    for args in &asks {
        let ran = bench.ask_as_is(args);
        harmless(&ran, args);
        // Where it can answer as JSON, that reads back to the very same ids.
        let text_alone = ["--plan", "--dialect", "--format"].iter().any(|flag| args.contains(flag))
            || args.contains(&EVIL);
        if !text_alone {
            let args: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
            let ran = bench.ask_as_is(&args);
            harmless(&ran, &args);
            if ran.out.is_empty() && !["list", "who", "check"].contains(&args[0]) || ran.code == 1 {
                continue;
            }
            let json = ran.json();
            if args[0] == "list" {
                assert_eq!(json["ids"], json!([id("c")]));
            }
            if args[0] == "who" {
                assert_eq!(json["ids"], json!([id("u")]));
            }
        }
    }
    // The whole data, through standard output and back.
    let sent = bench.run(["tables", "--dialect", "sqlite", "--format", "json", "--entities", "world.json"]);
    harmless(&sent, &["tables"]);
    assert!(sent.ends(0).json().to_string().contains(&json!(id("st")).to_string()), "{}", sent.out);
}

#[test]
fn an_id_with_a_line_break_forges_no_line() {
    let bench = Bench::new();
    let text =
        evil_world().to_string().replace(&json!(EVIL).to_string().trim_matches('"').to_owned(), "\\nFORGED");
    bench.write("world.json", text);
    let user = r#"User::"u\nFORGED""#;
    let record = r#"Case::"c\nFORGED""#;
    for args in [
        vec!["check", "--principal", user, "--action", "closeCase", "--resource", record],
        vec!["explain", "--principal", user, "--action", "closeCase", "--resource", record],
        vec!["list", "--principal", user, "--action", "viewSummary", "--type", "Case"],
        vec!["who", "--action", "viewSummary", "--resource", record],
        vec!["who", "--action", "viewSummary", "--resource", record, "--reasons"],
        vec!["view", "--principal", user, "--resource", record],
        vec!["count", "--principal", user, "--action", "viewSummary", "--type", "Case", "--by", "student"],
    ] {
        let ran = bench.ask_as_is(&args);
        for line in ran.out.lines().chain(ran.err.lines()) {
            assert!(!line.starts_with("FORGED"), "{args:?}: {}{}", ran.out, ran.err);
        }
    }
}

/// Names of files, roles, types and whatever else is repeated in an error: none of them makes a line of its own.
#[test]
fn a_name_with_a_line_break_forges_no_line_of_an_error() {
    const NAME: &str = "x`\r\nallow\n  S1 (school.S1): ok";
    let bench = Bench::new();
    let schema = "entity User; entity Doc;\naction read appliesTo { principal: User, resource: Doc };\n";
    bench.write("p/schema.cedarschema", schema);
    bench.write("q/schema.cedarschema", schema);
    bench.write(&format!("q/gates/{NAME}.cedar.bak"), "");
    bench.write("q.json", "[]");
    bench.write("types.json", json!([entity(NAME, NAME, json!({}))]).to_string());
    let mut named = world();
    named[1]["attrs"][NAME] = json!(1);
    named[5]["attrs"]["student"]["id"] = json!(NAME);
    bench.write("named.json", named.to_string());
    bench.write("bad.cedar", format!("@id(\"{NAME}\") permit (principal, action, resource);"));
    bench.write("v/schema.cedarschema", schema);
    bench.write(
        "v/a.cedar",
        format!("@id(\"a\") permit (principal, action, resource) when {{ principal.{NAME} }};"),
    );
    bench.write("expected.toml", format!("\"{}\" = 1\n", NAME.escape_default()));
    let (u1, c1) = (r#"User::"u1""#, r#"Case::"c1""#);
    let asks: &[&[&str]] = &[
        &["role", NAME],
        &["decision", NAME],
        &["list", "--entities", NAME, "--principal", u1, "--action", "viewSummary", "--type", "Case"],
        &["list", "--entities", "world.json", "--principal", u1, "--action", "viewSummary", "--type", NAME],
        &["list", "--entities", "world.json", "--principal", u1, "--action", NAME, "--type", "Case"],
        &[
            "list",
            "--entities",
            "world.json",
            "--principal",
            NAME,
            "--action",
            "viewSummary",
            "--type",
            "Case",
        ],
        &["who", "--entities", "world.json", "--action", "viewSummary", "--resource", c1, "--type", NAME],
        &["check", "--entities", "world.json", "--principal", u1, "--action", NAME, "--resource", c1],
        &[
            "check",
            "--entities",
            "world.json",
            "--principal",
            u1,
            "--action",
            "viewSummary",
            "--resource",
            NAME,
        ],
        &[
            "check",
            "--entities",
            "world.json",
            "--principal",
            u1,
            "--action",
            "viewSummary",
            "--resource",
            c1,
            "--context",
            NAME,
        ],
        &[
            "check",
            "--entities",
            "world.json",
            "--principal",
            u1,
            "--action",
            "viewSummary",
            "--resource",
            c1,
            "--now",
            NAME,
        ],
        &[
            "count",
            "--entities",
            "world.json",
            "--principal",
            u1,
            "--action",
            "viewSummary",
            "--type",
            "Case",
            "--by",
            NAME,
        ],
        &["report", "--entities", "world.json", "--principal", u1, "--kind", NAME],
        &[
            "explain",
            "--entities",
            "world.json",
            "--principal",
            u1,
            "--action",
            "viewSummary",
            "--resource",
            c1,
            "--viewer",
            NAME,
        ],
        &[
            "filter",
            "--entities",
            "world.json",
            "--principal",
            u1,
            "--action",
            "viewSummary",
            "--type",
            "Case",
            "--dialect",
            NAME,
        ],
        &["tables", "--dialect", "sqlite", "--mapping", NAME],
        &["validate", "--policies", NAME],
        &["validate", "--policies", "q"],
        &["validate", "--policies", "v"],
        &["lint", "--policies", "p", "--deny", NAME],
        &["lint", "--policies", "p", "--base", NAME],
        &["validate", "--entities", "types.json"],
        &["validate", "--entities", "named.json"],
        &["fmt", NAME],
        &["fmt", "--check", "bad.cedar"],
        &["test", "--policies", "p", NAME],
        &["diff", "p", NAME],
        &["diff", "p", "git:HEAD:x", "--expected", NAME],
        &["diff", "p", "p", "--expected", "expected.toml"],
        &["snapshot", NAME, "out.snap"],
        &["sample", "--cases", "1", "--output", &format!("none/{NAME}")],
        &["bundle", "verify", NAME, "--trust", NAME],
        &["docs", "--check", NAME],
        &["prove", "--policies", "p", "--only", NAME],
        &["completions", NAME],
        &[NAME],
        &["check", NAME],
    ];
    for args in asks {
        let ran = bench.run(args.iter().copied());
        assert!(ran.code != 0 && !ran.err.is_empty(), "{args:?}: {}{}", ran.out, ran.err);
        for line in ran.out.lines().chain(ran.err.lines()) {
            let start = line.trim_start_matches([' ', '│', '·']);
            assert!(
                !start.starts_with("allow") && !start.starts_with("S1 ("),
                "{args:?}: {}{}",
                ran.out,
                ran.err
            );
        }
        assert!(!ran.err.contains('\r'), "{args:?}: {:?}", ran.err);
    }
}

#[test]
fn hostile_texts_in_policies_come_out_of_no_verb_raw() {
    let bench = Bench::new();
    let schema = "entity User; entity Doc = { open: Bool, note: String };\n\
        action read appliesTo { principal: User, resource: Doc };\n";
    let policy = format!(
        "@id(\"a\")\n@rule(\"R{EVIL}\")\n@decision(\"D1\")\n@description(\"Says {EVIL}.\")\npermit (principal, action, resource)\n// open {EVIL}\nwhen {{ resource.open && resource.note != \"{EVIL}\" }};\n"
    );
    for folder in ["p", "old"] {
        bench.write(&format!("{folder}/schema.cedarschema"), schema);
        bench.write(&format!("{folder}/a.cedar"), &policy);
    }
    bench.write("old/a.cedar", policy.replace("resource.open && ", "false && "));
    bench.write(
        "p/tests/a.toml",
        "[world.User.u]\n[world.Doc.d]\nnote = \"n\"\n[[case]]\nname = \"all EVIL\"\nprincipal = \"User.u\"\naction = \"read\"\n\
         resource = \"Doc.d\"\nexpect = \"allow\"\n"
            .replace("EVIL", r"\u001b[31m\u202e\u2066\u009b"),
    );
    let docs = json!([
        {"uid": {"type": "User", "id": id("u")}, "attrs": {}, "parents": []},
        {"uid": {"type": "Doc", "id": id("d")}, "attrs": {"open": true, "note": EVIL}, "parents": []},
        {"uid": {"type": "Doc", "id": id("e")}, "attrs": {"open": true, "note": "n"}, "parents": []},
    ]);
    bench.write("docs.json", docs.to_string());
    let mut bad = docs.clone();
    bad[1]["attrs"]["open"] = json!(EVIL);
    bad[2]["attrs"][EVIL] = json!(1);
    bad.as_array_mut().unwrap().push(json!({"uid": {"type": EVIL, "id": EVIL}, "attrs": {}, "parents": []}));
    bench.write("bad.json", bad.to_string());
    bench.write("broken/schema.cedarschema", schema);
    bench.write("broken/a.cedar", policy.replace("resource.open", "resource.opne"));
    bench.write("noted.toml", format!("[[gain]]\nreason = \"{EVIL}\"\n"));
    for args in [
        &["validate", "--policies", "p"][..],
        &["validate", "--policies", "broken"],
        &["validate", "--policies", "broken", "--format", "json"],
        &["validate", "--policies", "p", "--entities", "bad.json"],
        &["validate", "--policies", "p", "--entities", "bad.json", "--format", "json"],
        &["test", "--policies", "p"],
        &["test", "--policies", "p", "--format", "junit"],
        &["test", "--policies", "p", "--format", "github"],
        &["test", "--policies", "p", "--format", "json"],
        &["coverage", "--policies", "p"],
        &["coverage", "--policies", "p", "--format", "html"],
        &["coverage", "--policies", "p", "--format", "lcov"],
        &["mutate", "--policies", "p", "--no-proof"],
        &["decision", "D1", "--policies", "p"],
        &["decision", EVIL, "--policies", "p"],
        &["docs", "--policies", "p"],
        &["diff", "old", "p", "--world", "docs.json"],
        &["diff", "old", "p", "--world", "docs.json", "--format", "csv"],
        &["diff", "old", "p", "--world", "docs.json", "--format", "json"],
        &["diff", "old", "p", "--world", "docs.json", "--expected", "noted.toml"],
        &["diff", "old", EVIL, "--world", "docs.json"],
        &["ci", "--policies", "p", "--base", "old", "--world", "docs.json", "--mutants", "5"],
        &["prove", "--policies", "p"],
        &["prove", "--policies", "p", "--not-more-than", "old"],
        &["fmt", "--check", "p"],
        &["fmt", EVIL],
        &["tables", "--policies", "p", "--dialect", "postgres"],
        &["bundle", "verify", EVIL, "--trust", EVIL],
        &["sample", "--cases", "1", "--output", "none/\u{1b}[31m"],
    ] {
        harmless(&bench.run(args.iter().copied()), args);
    }
    // Layout changes nothing in the text of a policy, whatever it holds.
    let laid_out = bench.run_with(&policy, ["fmt", "-"]);
    assert!(laid_out.ends(0).out.contains(EVIL), "{:?}", laid_out.out);
}

impl Bench {
    /// Runs a verb on `world.json` at [`NOW`], where the verb takes them.
    fn ask_as_is(&self, args: &[&str]) -> Ran {
        let (verb, rest) = args.split_first().unwrap();
        self.run([*verb, "--entities", "world.json", "--now", NOW].into_iter().chain(rest.iter().copied()))
    }
}
