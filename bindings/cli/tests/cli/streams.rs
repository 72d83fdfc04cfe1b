//! What becomes of the output: readers that leave, disks that are full, runs that are interrupted, files without end.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Bench, NOW};

const U1: &str = r#"User::"u1""#;
const U2: &str = r#"User::"u2""#;
const C1: &str = r#"Case::"c1""#;

const SCHEMA: &str =
    "entity User; entity Doc = { open: Bool };\naction read appliesTo { principal: User, resource: Doc };\n";
const CASE: &str = "[world.User.u]\n[world.Doc.d]\n[[case]]\nname = \"all read\"\nprincipal = \"User.u\"\n\
    action = \"read\"\nresource = \"Doc.d\"\nexpect = \"allow\"\n";

/// A folder `p` whose one policy is laid out badly and whose case fails, and one `wide` that allows more.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", SCHEMA);
    bench.write("p/a.cedar", "@id(\"a\") permit(principal,action,resource) when{resource.open};");
    bench.write("p/tests/a.toml", CASE);
    bench.write("p/tests/many.toml", CASE.to_owned() + &CASE[CASE.find("[[").unwrap()..].repeat(200));
    bench.write("wide/schema.cedarschema", SCHEMA);
    bench.write("wide/a.cedar", "@id(\"a\")\npermit (principal, action, resource);\n");
    bench.write("bad/schema.cedarschema", SCHEMA);
    bench.write("bad/a.cedar", "@id(\"a\") permit (principal, action, resource) when { resource.opne };");
    bench.write(
        "docs.json",
        json!([
            {"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []},
            {"uid": {"type": "Doc", "id": "d"}, "attrs": {"open": false}, "parents": []},
        ])
        .to_string(),
    );
    bench.write("stale.md", "stale\n");
    bench
}

/// Runs whose exit code says something, and which; `None` where it is whatever it is with an open output.
fn verdicts() -> Vec<(Vec<&'static str>, Option<i32>)> {
    let ask = |verb, principal| {
        vec![
            verb,
            "--entities",
            "world.json",
            "--now",
            NOW,
            "--principal",
            principal,
            "--action",
            "viewSummary",
        ]
    };
    let of = |mut args: Vec<&'static str>, more: &[&'static str]| {
        args.extend(more);
        args
    };
    let test = ["test", "--policies", "p", "--format"];
    vec![
        (of(test.to_vec(), &["text"]), Some(4)),
        (of(test.to_vec(), &["junit"]), Some(4)),
        (of(test.to_vec(), &["json"]), Some(4)),
        (of(test.to_vec(), &["github"]), Some(4)),
        (vec!["coverage", "--policies", "p", "--fail-under", "100"], Some(4)),
        (vec!["mutate", "--policies", "p", "--no-proof"], None),
        (vec!["validate", "--policies", "bad", "--format", "json"], Some(3)),
        (vec!["validate", "--policies", "wide", "--format", "json"], Some(0)),
        (vec!["diff", "p", "wide", "--world", "docs.json"], Some(4)),
        (vec!["diff", "p", "wide", "--world", "docs.json", "--format", "csv"], Some(4)),
        (vec!["diff", "p", "wide", "--world", "docs.json", "--format", "json"], Some(4)),
        (vec!["ci", "--policies", "p", "--mutants", "0"], None),
        (vec!["prove", "--policies", "p"], None),
        (vec!["docs", "--check", "stale.md"], Some(4)),
        (vec!["matrix", "--check", "stale.md"], Some(4)),
        (vec!["fmt", "--check", "p"], Some(1)),
        (of(ask("check", U2), &["--resource", C1]), Some(2)),
        (of(ask("check", U2), &["--resource", C1, "--format", "json"]), Some(2)),
        (of(ask("check", U1), &["--resource", C1]), Some(0)),
        (of(ask("explain", U2), &["--resource", C1]), Some(2)),
        (of(ask("explain", U2), &["--resource", C1, "--format", "json"]), Some(2)),
        (vec!["report", "--entities", "world.json", "--principal", U2, "--kind", "national"], Some(2)),
        (of(ask("list", U1), &["--type", "Case"]), Some(0)),
    ]
}

#[test]
fn a_reader_that_leaves_changes_no_verdict() {
    let bench = bench();
    for (args, verdict) in verdicts() {
        let verdict = verdict.unwrap_or_else(|| bench.run(args.iter().copied()).code);
        // The reader has left before anything is written.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = bench.command().args(&args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(verdict), "{args:?}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("standard output") && !err.contains("panicked"), "{args:?}: {err}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_makes_a_failure_of_a_success_alone() {
    let bench = bench();
    for (args, verdict) in verdicts() {
        let ran = bench.run(args.iter().copied());
        // What prints nothing there has nothing to lose.
        let (silent, verdict) = (ran.out.is_empty(), verdict.unwrap_or(ran.code));
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = bench.command().args(&args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let expected = if verdict == 0 && !silent { 1 } else { verdict };
        assert_eq!(output.status.code(), Some(expected), "{args:?}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(err.contains("cannot write to standard output"), !silent, "{args:?}: {err}");
    }
}

/// A page that cannot be written is told, and what was checked stands.
#[cfg(target_os = "linux")]
#[test]
fn a_page_that_cannot_be_written_changes_no_verdict() {
    let bench = bench();
    bench.write("fine/schema.cedarschema", SCHEMA);
    bench.write("fine/a.cedar", "@id(\"a\")\npermit (principal, action, resource);\n");
    bench.write("fine/tests/a.toml", CASE);
    for folder in ["p", "fine"] {
        let ci = ["ci", "--policies", folder, "--mutants", "0", "--fail-under", "0", "--allow", "all"];
        let verdict = bench.run(ci.iter().copied().chain(["-o", "page.md"])).code;
        assert_eq!(verdict == 4, folder == "p", "{folder}: {verdict}");
        for place in ["/dev/full", "nowhere/page.md"] {
            let ran = bench.run(ci.iter().copied().chain(["-o", place]));
            assert_eq!(ran.code, if verdict == 0 { 1 } else { verdict }, "{folder} {place}: {}", ran.err);
            assert!(ran.err.contains("cannot write"), "{folder} {place}: {}", ran.err);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_printed_is_no_success() {
    let bench = Bench::new();
    for args in [&["--help"][..], &["--version"], &["help", "check"], &["check", "--help"], &["-h"]] {
        assert!(!bench.run(args.iter().copied()).ends(0).out.is_empty(), "{args:?}");
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = bench.command().args(args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains("cannot write to standard output"), "{args:?}: {err}");
        let mut command = bench.command();
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

#[test]
fn a_name_as_long_as_names_can_be_is_written() {
    let bench = Bench::new();
    for len in [240, 255] {
        let name = format!("{}.json", "x".repeat(len - 5));
        bench.run(["sample", "--cases", "1", "--output", &name]).ends(0);
        bench.run(["snapshot", &name, &name.replace(".json", ".snap")]).ends(0);
    }
    assert_eq!(bench.names().len(), 5, "{:?}", bench.names());
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_half_written() {
    let bench = Bench::new();
    bench.run(["sample", "--cases", "20000", "--output", "old.json"]).ends(0);
    for (signal, args) in [
        ("INT", ["sample", "--cases", "300000", "--output", "new.json"].as_slice()),
        ("TERM", &["sample", "--cases", "300000", "--output", "old.json"]),
        ("INT", &["snapshot", "old.json", "new.snap"]),
    ] {
        let before = fs::metadata(bench.path("old.json")).unwrap().len();
        let mut child = bench.command().args(args).stderr(Stdio::null()).spawn().unwrap();
        // Once its file is there it is at work.
        while !bench.names().iter().any(|name| name.ends_with(".tmp")) {
            assert!(child.try_wait().unwrap().is_none(), "{args:?} ended before it was interrupted");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let sent =
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(child.wait().unwrap().code(), Some(if signal == "INT" { 130 } else { 143 }), "{args:?}");
        assert_eq!(bench.names(), ["old.json", "world.json"]);
        assert_eq!(fs::metadata(bench.path("old.json")).unwrap().len(), before);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn files_without_an_end_are_refused() {
    use std::os::unix::fs::symlink;
    let bench = bench();
    let check = ["check", "--now", NOW, "--principal", U1, "--action", "viewSummary", "--resource", C1];
    bench.run(check.into_iter().chain(["--entities", "/dev/zero"])).fails(1, "/dev/zero");
    bench.ask("check", &["--requests", "/dev/zero"]).fails(1, "/dev/zero").fails(1, "more than");
    for file in ["fields.toml", "b.cedar", "tests/b.toml", "guarantees"] {
        symlink("/dev/zero", bench.path(&format!("p/{file}"))).unwrap();
        bench.run(["test", "--policies", "p"]).fails(1, file);
        fs::remove_file(bench.path(&format!("p/{file}"))).unwrap();
        assert!(Command::new("mkfifo").arg(bench.path(&format!("p/{file}"))).status().unwrap().success());
        bench.run(["test", "--policies", "p"]).fails(1, file);
        fs::remove_file(bench.path(&format!("p/{file}"))).unwrap();
    }
    for verb in [
        &[
            "filter",
            "--principal",
            U1,
            "--action",
            "viewSummary",
            "--type",
            "Case",
            "--entities",
            "world.json",
        ][..],
        &["tables"],
    ] {
        let mapping = ["--dialect", "sqlite", "--mapping", "/dev/zero"];
        bench.run(verb.iter().copied().chain(mapping)).fails(1, "/dev/zero");
    }
    let report = ["--principal", U1, "--kind", "school", "--round-key", "/dev/zero"];
    bench.ask("report", &report).fails(1, "`/dev/zero`: a key for rounding has 4096 bytes at most");
    bench.run(["fmt", "--check", "/dev/zero"]).fails(1, "/dev/zero");
    bench.run(["docs", "--check", "/dev/zero"]).fails(1, "/dev/zero");
}

#[cfg(unix)]
#[test]
fn a_snapshot_is_as_long_as_what_is_read_of_it() {
    let bench = Bench::new();
    bench.run(["snapshot", "world.json", "world.snap"]).ends(0);
    let bytes = fs::read(bench.path("world.snap")).unwrap();
    // Of another schema, and 100 GB by its own account: told by its first bytes.
    let mut other = bytes.clone();
    other[20] ^= 1;
    bench.write("sparse.snap", &other[..100]);
    let file = fs::OpenOptions::new().write(true).open(bench.path("sparse.snap")).unwrap();
    file.set_len(100 << 30).unwrap();
    bench.run(["validate", "--entities", "sparse.snap"]).fails(1, "another schema");
    bench.write("sparse.json", "[");
    let file = fs::OpenOptions::new().write(true).open(bench.path("sparse.json")).unwrap();
    file.set_len(100 << 30).unwrap();
    bench.run(["validate", "--entities", "sparse.json"]).fails(1, "an entity of more than");
    // Whole, or its start alone, with nothing behind it but a length.
    for start in [&bytes[..], &bytes[..64]] {
        bench.write("tail.snap", start);
        let file = fs::OpenOptions::new().write(true).open(bench.path("tail.snap")).unwrap();
        file.set_len(100 << 30).unwrap();
        bench.run(["validate", "--entities", "tail.snap"]).fails(1, "there is something behind its end");
    }
    bench.write("short.snap", &bytes[..bytes.len() - 1]);
    bench.run(["validate", "--entities", "short.snap"]).fails(1, "cut off");
    // As long as it says, and that is too much: 100 GB.
    let mut long = bytes.clone();
    long[44..52].copy_from_slice(&(100_u64 << 30).to_le_bytes());
    bench.write("long.snap", &long);
    let file = fs::OpenOptions::new().write(true).open(bench.path("long.snap")).unwrap();
    file.set_len(100 << 30).unwrap();
    bench.run(["validate", "--entities", "long.snap"]).fails(1, "more than 8589934592 bytes");
    // A pipe says nothing of its length.
    bench.run_with(&bytes, ["validate", "--entities", "-"]).ends(0);
    let more = [&bytes[..], b"x"].concat();
    bench.run_with(&more, ["validate", "--entities", "-"]).fails(1, "there is something behind its end");
}
