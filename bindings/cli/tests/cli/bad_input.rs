//! Bad input of every kind, for every verb that asks: an exit code that is no decision, and the thing named.

use std::fs;

use serde_json::json;

use crate::support::{Bench, NOW, world};

const U1: &str = r#"User::"u1""#;
const C1: &str = r#"Case::"c1""#;

/// Every verb that reads data, with a question that is fine.
fn questions() -> [(&'static str, Vec<&'static str>); 4] {
    [
        ("check", vec!["--principal", U1, "--action", "viewSummary", "--resource", C1]),
        ("explain", vec!["--principal", U1, "--action", "viewSummary", "--resource", C1]),
        ("list", vec!["--principal", U1, "--action", "viewSummary", "--type", "Case"]),
        ("actions", vec!["--principal", U1, "--resource", C1]),
    ]
}

/// The question with one flag's value replaced, or added where it lacks the flag.
fn with<'a>(question: &[&'a str], flag: &'a str, value: &'a str) -> Vec<&'a str> {
    let mut question = question.to_vec();
    match question.iter().position(|arg| *arg == flag) {
        Some(at) => question[at + 1] = value,
        None => question.extend([flag, value]),
    }
    question
}

#[test]
fn data_that_cannot_be_used() {
    let mut repeated = world();
    let again = repeated[0].clone();
    repeated.as_array_mut().unwrap().push(again);
    repeated[0]["attrs"]["kind"] = json!("private");
    let mut dangling = world();
    dangling[3]["attrs"]["enrolledAt"]["id"] = json!("s9");
    let mut extra = world();
    extra[4]["attrs"]["colour"] = json!("red");
    let deep = "[".repeat(500_000);
    let texts: [(&[u8], &str); 9] = [
        (b"", "the list"),
        (b"{}", "expected a list"),
        (b"[", "does not end"),
        (b"[1]", "entity 1"),
        (b"[\"\xff\"]", "utf-8"),
        (deep.as_bytes(), "bad.json"),
        (&repeated.to_string().into_bytes(), r#"School::"s1""#),
        (&dangling.to_string().into_bytes(), r#"School::"s9""#),
        (&extra.to_string().into_bytes(), "`colour`"),
    ];
    for (text, thing) in texts {
        let bench = Bench::new();
        bench.write("bad.json", text);
        for (verb, question) in questions() {
            let common = [verb, "--entities", "bad.json", "--now", NOW];
            let ran = bench.run(common.into_iter().chain(question));
            if text.is_empty() {
                ran.fails(1, "bad.json");
            } else {
                ran.fails(1, thing).fails(1, "bad.json");
            }
            assert_eq!(ran.out, "", "{verb}: no answer from bad data");
        }
    }
}

#[test]
fn files_that_cannot_be_read() {
    let bench = Bench::new();
    fs::create_dir(bench.path("folder")).unwrap();
    for (verb, question) in questions() {
        for file in ["none.json", "folder"] {
            bench.run([verb, "--entities", file].into_iter().chain(question.clone())).fails(1, file);
            let policies = [verb, "--entities", "world.json", "--policies", file];
            bench.run(policies.into_iter().chain(question.clone())).fails(1, file);
        }
        let file_as_folder = [verb, "--entities", "world.json", "--policies", "world.json"];
        bench.run(file_as_folder.into_iter().chain(question)).fails(1, "world.json");
    }
    for file in ["none.jsonl", "folder"] {
        bench.ask("check", &["--requests", file]).fails(1, file);
        bench.run(["validate", "--entities", file]).fails(1, file);
    }
    bench.write("p/schema.cedarschema", "entity User;");
    bench.write("p/a.cedar", b"\xff");
    bench.run(["validate", "--policies", "p"]).fails(1, "a.cedar");
}

#[test]
fn requests_that_make_no_sense() {
    let bench = Bench::new();
    for (verb, question) in questions() {
        let ask = |flag: &str, value: &str| bench.ask(verb, &with(&question, flag, value));
        for bad in ["", "u1", "User::u1", "User::\"u1", "User::\"u1\" x", "\u{1b}[31m"] {
            ask("--principal", bad).fails(1, "--principal");
            if verb != "list" {
                ask("--resource", bad).fails(1, "--resource");
            }
        }
        if verb != "actions" {
            ask("--action", "viewSumary").fails(1, "did you mean `viewSummary`?");
            ask("--action", r#"Action::"closeCsae""#).fails(1, "did you mean `Action::\"closeCase\"`?");
            ask("--action", "fly").fails(1, "`fly`");
            ask("--action", "uploadFile").fails(1, "sizeBytes");
            ask("--action", "viewItem").fails(1, "`Case`");
        }
        for (context, thing) in [
            ("", "context"),
            ("{", "context"),
            ("[]", "context"),
            ("null", "context"),
            ("{} {}", "context"),
            (r#"{"colour": 1}"#, "colour"),
            (r#"{"now": "yesterday"}"#, "context"),
            (r#"{"now": true}"#, "context"),
            (r#"{"now": {"__extn": {"fn": "ip", "arg": "::1"}}}"#, "context"),
        ] {
            let ran = ask("--context", context);
            ran.fails(1, thing);
            assert_eq!(ran.out, "");
        }
        let deep = format!("{{\"now\": {}", "[".repeat(100_000));
        ask("--context", &deep).fails(1, "context");
    }
    bench.ask("list", &with(&questions()[2].1, "--type", "Csae")).fails(1, "did you mean `Case`?");
    bench.ask("list", &with(&questions()[2].1, "--type", "Item")).fails(1, "`Item`");
    bench
        .ask("actions", &with(&questions()[3].1, "--context", r#"{"sizeByts": 1}"#))
        .fails(1, "did you mean `sizeBytes`?");
    bench
        .ask("actions", &with(&questions()[3].1, "--context", r#"{"sizeBytes": "big"}"#))
        .fails(1, "sizeBytes");
}

#[test]
fn wrong_usage_is_no_denial() {
    let bench = Bench::new();
    for (args, thing) in [
        (&[][..], "Usage"),
        (&["chekc"], "chekc"),
        (&["check", "--princpal", U1], "--princpal"),
        (&["check", "--entities", "world.json"], "--principal"),
        (&["check", "--entities", "world.json", "--principal", U1, "--action", "viewSummary"], "--resource"),
        (&["check", "--requests", "r"], "--entities"),
        (&["check", "--entities", "world.json", "--requests", "r", "--principal", U1], "--requests"),
        (&["check", "--entities", "world.json", "--requests", "r", "--context", "{}"], "--context"),
        (&["check", "--entities", "world.json", "--requests", "r", "--format", "yaml"], "yaml"),
        (&["list", "--entities", "world.json", "--principal", U1, "--action", "viewSummary"], "--type"),
        (&["actions", "--entities", "world.json", "--principal", U1], "--resource"),
        (&["explain", "--entities", "world.json", "--principal", U1], "--action"),
        (&["validate", "--schema", "x"], "--policies"),
        (&["validate", "extra"], "extra"),
    ] {
        let ran = bench.run(args.iter().copied());
        ran.fails(64, thing);
        assert_eq!(ran.out, "");
    }
    for (verb, question) in questions() {
        bench.ask(verb, &with(&question, "--schema", "x.cedarschema")).fails(64, "--policies");
        for now in ["", "now", "2026-05-11", "2026-13-11T00:00:00Z", "-5"] {
            let args = [verb, "--entities", "world.json", "--now", now];
            bench.run(args.into_iter().chain(question.clone())).fails(64, "--now");
        }
    }
}

#[test]
fn help_and_version_are_answers() {
    let bench = Bench::new();
    assert!(bench.run(["--help"]).ends(0).out.contains("Exit codes:"));
    assert!(bench.run(["help", "check"]).ends(0).out.contains("--requests"));
    assert!(bench.run(["--version"]).ends(0).out.starts_with("caseward "));
    for verb in [
        "validate",
        "fmt",
        "check",
        "list",
        "actions",
        "explain",
        "sample",
        "completions",
        "man",
        "matrix",
        "demo",
    ] {
        assert!(bench.run([verb, "--help"]).ends(0).out.contains("Usage: caseward"), "{verb}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let bench = Bench::new();
    for (verb, question) in questions() {
        let mut command = bench.command();
        command.args([verb, "--entities", "world.json", "--now", NOW]).args(question);
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command.stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{verb}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains("cannot write to standard output"), "{verb}: {err}");
    }
}

#[test]
fn what_is_typed_cannot_steer_the_terminal() {
    let bench = Bench::new();
    let ran = bench.check("User::\"\u{1b}[31m\"", "viewSummary", C1);
    assert_eq!(ran.code, 2);
    let ran_error = bench.check(U1, "\u{1b}[31m", C1);
    for text in [&ran.out, &ran.err, &ran_error.out, &ran_error.err] {
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}

/// What is read of a policy folder or named by an option: no byte order mark, and a MiB at most.
#[test]
fn every_text_is_without_a_byte_order_mark_and_of_a_mib_at_most() {
    let bench = Bench::new();
    bench.run(["init", "p", "-q"]).ends(0);
    bench.write("r.toml", "name = 'a'\nkind = 'anonymised'\ntables = [{ by = [] }]\n");
    bench.write("e.toml", "");
    bench.run(["test", "--policies", "p/policies"]).ends(0);
    let read = |name: &str| std::fs::read(bench.path(name)).unwrap_or_default();
    let test = ["test", "--policies", "p/policies"];
    let coverage = ["coverage", "--policies", "p/policies"];
    let lint = ["lint", "--policies", "p/policies"];
    let matrix = ["matrix", "--policies", "p/policies"];
    let diff = ["diff", "p/policies", "p/policies", "--sample", "1", "--expected", "e.toml"];
    let release =
        ["report", "--entities", "world.json", "--principal", "User::\"u3\"", "--release", "r.toml"];
    for (file, args) in [
        ("p/policies/tests/cases/documents.toml", &test[..]),
        ("p/policies/tests/unreachable.toml", &coverage),
        ("p/policies/annotations.toml", &lint),
        ("p/policies/matrix.toml", &matrix),
        ("p/policies/fields.toml", &lint),
        ("p/policies/schema.cedarschema", &lint),
        ("e.toml", &diff),
        ("r.toml", &release),
    ] {
        let before = std::fs::metadata(bench.path(file)).is_ok().then(|| read(file));
        let text = before.clone().unwrap_or_default();
        let large = [&text[..], b"\n# ", &vec![b'x'; 1 << 20]].concat();
        for (text, why) in
            [([b"\xef\xbb\xbf", &text[..]].concat(), "byte order mark (BOM)"), (large, "more than ")]
        {
            bench.write(file, text);
            let ran = bench.run(args.iter().copied());
            assert!(ran.code != 0 && ran.err.contains(why), "{file}: {}{}", ran.out, ran.err);
        }
        match before {
            Some(before) => bench.write(file, before),
            None => std::fs::remove_file(bench.path(file)).unwrap(),
        }
    }
}

/// What is asked for as it was not meant is refused, or taken as it was.
#[test]
fn what_is_written_otherwise_than_meant() {
    let bench = Bench::new();
    // A secret is in a file of its own.
    bench.run(["bundle", "keygen", "--secret", "-"]).fails(64, "names a file of its own");
    assert!(!bench.path("-").exists());
    // Nothing good is said of policies that nobody named.
    bench.run(["lint", "-q"]).fails(64, "--policies must name");
    assert!(bench.run(["lint", "--list"]).ends(0).out.contains("unknown-name"));
    // What stands around policies does not stand among them.
    bench.run(["init", "p", "-q"]).ends(0);
    let before = std::fs::read_dir(bench.path("p/policies")).unwrap().count();
    bench.run(["init", "p/policies"]).fails(1, "is a folder of policies itself");
    assert_eq!(std::fs::read_dir(bench.path("p/policies")).unwrap().count(), before);
    // An id goes by its whole name too.
    let list = |after: &str| {
        let ran = bench.ask(
            "list",
            &["--principal", "User::\"u1\"", "--action", "viewSummary", "--type", "Case", "--after", after],
        );
        ran.ends(0).out.clone()
    };
    let (first, all) = ("Case::\"c1\"", list(""));
    assert!(all.starts_with("c1\n"), "{all}");
    assert_eq!(list(first), list("c1"));
    assert_ne!(list(first), all);
    // A folder without a catalogue says so.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
    let copied = std::process::Command::new("cp").args(["-r", folder]).arg(bench.path("q")).status().unwrap();
    assert!(copied.success());
    std::fs::remove_file(bench.path("q/fields.toml")).unwrap();
    for kind in ["anonymised", "performance"] {
        let args = ["--policies", "q", "--principal", "User::\"u1\"", "--kind", kind, "--by", "status"];
        bench.ask("report", &args).fails(1, "no catalogue of fields, `fields.toml`");
    }
}
