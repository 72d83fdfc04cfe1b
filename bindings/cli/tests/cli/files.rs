//! Verbs about files: `validate`, `fmt`, `sample`, `completions` and `man`.

use std::fs;
use std::process::Stdio;

use serde_json::json;

use crate::support::{Bench, NOW, names, world};

const SCHEMA: &str =
    "entity User; entity Doc = { open: Bool };\naction read appliesTo { principal: User, resource: Doc };\n";
const TIDY: &str =
    "@id(\"a\")\npermit (principal, action, resource)\n// it is open\nwhen { resource.open };\n";
const UNTIDY: &str = "@id(\"a\") permit(principal,action,resource)\n// it is open\nwhen{resource.open};";

fn with_policies(policies: &[(&str, &str)]) -> Bench {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", SCHEMA);
    for (name, text) in policies {
        bench.write(&format!("p/{name}"), text);
    }
    bench
}

#[test]
fn validate_takes_what_is_valid() {
    let bench = with_policies(&[("a.cedar", TIDY)]);
    assert_eq!(bench.run(["validate", "--policies", "p"]).ends(0).out, "1 policy valid\n");
    let ran = bench.run(["validate", "--entities", "world.json"]);
    assert!(
        ran.ends(0).out.ends_with("guarantees valid, 5 fit conditions valid, 8 entities valid\n"),
        "{}",
        ran.out
    );
    assert_eq!(bench.run(["validate", "--policies", "p", "--format", "json"]).ends(0).json(), json!([]));
    assert_eq!(bench.run_with(world().to_string(), ["validate", "--entities", "-"]).code, 0);
    bench.write("other.cedarschema", SCHEMA);
    fs::remove_file(bench.path("p/schema.cedarschema")).unwrap();
    bench.run(["validate", "--policies", "p", "--schema", "other.cedarschema"]).ends(0);
}

#[test]
fn what_is_said_of_policies_says_of_which() {
    let bench = with_policies(&[("a.cedar", TIDY)]);
    bench.write("policies/tests/a.toml", "");
    for verb in
        [&["validate"][..], &["validate", "--format", "json"], &["test"], &["coverage"], &["mutate"], &["ci"]]
    {
        let ran = bench.run(verb.iter().copied());
        assert_eq!(ran.fails(64, "--policies policies").out, "", "{verb:?}");
    }
    // Where the policies that come with the command are taken, it is said once, and not to who wants no notes.
    let question = ["--principal", "User::\"u1\"", "--action", "viewSummary", "--resource", "Case::\"c1\""];
    for (quiet, said) in [("--no-quiet", 1), ("--quiet", 0)] {
        let mut command = bench.command();
        command.args(["check", "--entities", "world.json", "--now", NOW]).args(question);
        command.args([quiet].iter().filter(|flag| **flag == "--quiet"));
        let err = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert_eq!(err.matches("the policies that come with the command").count(), said, "{err}");
    }
    let own = bench.run(["validate", "--policies", "p"]);
    assert_eq!(own.ends(0).out, "1 policy valid\n");
}

#[test]
fn validate_shows_every_problem_at_its_place() {
    let bench = with_policies(&[
        ("a.cedar", "@id(\"a\")\npermit (principal, action, resource)\nwhen { resource.opne };\n"),
        ("b.cedar", "@id(\"b\")\npermit (principal, action, resource)\nwhen { resource.open > 1 };\n"),
    ]);
    let ran = bench.run(["validate", "--policies", "p"]);
    ran.fails(3, "a.cedar:3:").fails(3, "b.cedar:3:").fails(3, "resource.opne").fails(3, "2 problems");
    assert_eq!(ran.out, "");
    let json = bench.run(["validate", "--policies", "p", "--format", "json"]);
    let problems = json.ends(3).json();
    assert_eq!(problems[0]["source"], "a.cedar");
    assert_eq!(problems[0]["severity"], "error");
    assert_eq!(problems[0]["span"], json!({"start": 53, "end": 66}));
    let place =
        |of: &serde_json::Value| ["line", "column", "end_line", "end_column"].map(|key| of[key].clone());
    assert_eq!(place(&problems[0]), [3, 8, 3, 21]);
    assert_eq!(problems[1]["source"], "b.cedar");
    // The other verbs refuse such policies in the same way.
    let question = ["--principal", "User::\"u\"", "--action", "read", "--resource", "Doc::\"d\""];
    let args = ["check", "--policies", "p", "--entities", "world.json"];
    bench.run(args.into_iter().chain(question)).fails(3, "a.cedar:3:");
}

#[test]
fn validate_annotates_files_for_github() {
    let text = |id: &str| {
        format!("@id(\"{id}\")\npermit (principal, action, resource)\nwhen {{ resource.opne }};\n")
    };
    let bench = with_policies(&[("b/a, b%.cedar", &text("b.a, b%")), ("c.cedar", &text("c"))]);
    let ran = bench.run(["validate", "--policies", "p", "--format", "github"]);
    let lines: Vec<&str> = ran.ends(3).out.lines().collect();
    let files = ["p/b/a%2C b%25.cedar", "p/c.cedar"];
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, file) in lines.iter().zip(files) {
        let start = format!("::error file={file},line=3,col=8,endLine=3,endColumn=21::");
        assert!(line.starts_with(&start) && line.contains("opne"), "{line}");
    }
    bench.write("p/c.cedar", "permit (principal, action, resource);");
    let ran = bench.run(["validate", "--policies", "p", "--format", "github"]);
    assert!(ran.ends(3).out.starts_with("::error file=p/c.cedar::"), "{}", ran.out);
    // Data is named by the file that was given.
    let mut broken = world();
    broken[0]["attrs"]["nothing"] = json!(1);
    bench.write("world.json", broken.to_string());
    let args = ["validate", "--entities", "world.json", "--format", "github"];
    let ran = bench.run(args);
    assert!(ran.ends(1).out.starts_with("::error file=world.json,line=1,col=2,"), "{}", ran.out);
    bench.write("world.json", world().to_string());
    assert_eq!(bench.run(args).ends(0).out, "");
}

#[test]
fn validate_names_what_is_wrong() {
    for (name, text, thing) in [
        ("a.cedar", "permit (principal, action, resource)", "a.cedar"),
        ("a.cedar", "permit (principal, action, resource);", "has no @id"),
        ("a.cedar", "@id(\"b\") permit (principal, action, resource);", "its place asks for `a`"),
        ("a.cedar", "@id(\"a\") permit (principal == ?principal, action, resource);", "template"),
        ("a.cedar", "", "holds 0"),
        ("schema.cedarschema", "entity User = { a: Nothing };", "Nothing"),
        ("schema.cedarschema", "entity", "schema.cedarschema:1:"),
    ] {
        let bench = with_policies(&[("a.cedar", TIDY), (name, text)]);
        bench.run(["validate", "--policies", "p"]).fails(3, thing);
    }
    let bench = with_policies(&[]);
    let deep = format!(
        "@id(\"a\") permit (principal, action, resource) when {{ {}1{} }};",
        "(".repeat(9_999),
        ")".repeat(9_999)
    );
    bench.write("p/a.cedar", deep);
    bench.run(["validate", "--policies", "p"]).fails(3, "nested");
}

#[test]
fn warnings_are_shown_and_refused_on_request() {
    let never = "@id(\"a\")\npermit (principal, action, resource)\nwhen { resource.open && false };\n";
    let bench = with_policies(&[("a.cedar", never)]);
    let ran = bench.run(["validate", "--policies", "p"]);
    ran.fails(0, "a").fails(0, "1 problem");
    assert_eq!(ran.out, "1 policy valid\n");
    assert_eq!(bench.run(["validate", "--policies", "p", "--deny-warnings"]).fails(3, "1 problem").out, "");
    let json = bench.run(["validate", "--policies", "p", "--format", "json"]).ends(0).json();
    assert_eq!(json[0]["severity"], "warning");
}

#[test]
fn validate_lists_all_that_is_wrong_with_data() {
    let bench = Bench::new();
    let mut world = world();
    world[0]["attrs"]["kind"] = json!(1);
    world[3]["attrs"]["enrolledAt"]["id"] = json!("s9");
    bench.write("world.json", world.to_string());
    let ran = bench.run(["validate", "--entities", "world.json"]);
    ran.fails(1, r#"School::"s1""#).fails(1, "`kind`");
    let json = bench.run(["validate", "--entities", "world.json", "--format", "json"]).ends(1).json();
    let of_school = json.as_array().unwrap().iter().find(|p| p["source"] == r#"School::"s1""#).unwrap();
    assert_eq!((&of_school["entity"], &of_school["file"]), (&json!(1), &json!("world.json")));
    assert_eq!((&of_school["line"], &of_school["column"]), (&json!(1), &json!(2)));
    // The place is that of the entity in the file, of its syntax that of what is wrong.
    let pretty = serde_json::to_string_pretty(&world).unwrap();
    bench.write("world.json", pretty.replacen("\"kind\": 1", "\"kind\": 1 1", 1));
    let json = bench.run(["validate", "--entities", "world.json", "--format", "json"]).ends(1).json();
    let (problem, line) =
        (&json[0], pretty.lines().position(|line| line.contains("\"kind\": 1")).unwrap() + 1);
    assert_eq!(
        (&problem["entity"], &problem["line"], &problem["file"]),
        (&json!(1), &json!(line), &json!("world.json"))
    );
    assert!(
        problem["message"].as_str().unwrap().contains(&format!("line {line} column {}", problem["column"]))
    );
    bench.write("world.json", &pretty);
    let json = bench.run(["validate", "--entities", "world.json", "--format", "json"]).ends(1).json();
    let of_school = json.as_array().unwrap().iter().find(|p| p["source"] == r#"School::"s1""#).unwrap();
    let (start, end) =
        (of_school["span"]["start"].as_u64().unwrap(), of_school["span"]["end"].as_u64().unwrap());
    let entity = &pretty[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
    assert!(serde_json::from_str::<serde_json::Value>(entity).unwrap() == world[0], "{entity}");
    let github = bench.run(["validate", "--entities", "world.json", "--format", "github"]).out;
    assert!(github.contains(&format!("file=world.json,line={}", of_school["line"])), "{github}");
    world[0]["attrs"]["kind"] = json!("state");
    bench.write("world.json", world.to_string());
    bench.run(["validate", "--entities", "world.json"]).fails(1, r#"School::"s9""#);
}

#[test]
fn fmt_changes_files_in_place_and_only_once() {
    let bench = with_policies(&[("a.cedar", UNTIDY), ("deep/b.cedar", UNTIDY), ("notes.txt", UNTIDY)]);
    let check = bench.run(["fmt", "--check", "p"]);
    check.fails(1, "a.cedar").fails(1, "b.cedar");
    assert_eq!(bench.read("p/a.cedar"), UNTIDY, "--check changes nothing");
    bench.run(["fmt", "p"]).ends(0);
    let tidy = bench.read("p/a.cedar");
    assert!(tidy != UNTIDY && tidy.contains("// it is open"), "{tidy}");
    assert_eq!(bench.read("p/deep/b.cedar"), tidy);
    assert_eq!(bench.read("p/notes.txt"), UNTIDY);
    bench.run(["fmt", "--check", "p", "p/a.cedar"]).ends(0);
    // A folder without policies is not in the standard layout, nor out of it.
    bench.write("empty/README.md", "");
    for args in [&["fmt", "--check", "empty"][..], &["fmt", "empty"], &["fmt", "--check", "p", "empty"]] {
        bench.run(args.iter().copied()).fails(1, "there is no `.cedar` file below `empty`");
    }
    assert_eq!(bench.run_with(UNTIDY, ["fmt", "-"]).ends(0).out, tidy);
    assert_eq!(bench.run_with(UNTIDY, ["fmt", "-", "--check"]).fails(1, "standard input").out, "");
    bench.run_with(&tidy, ["fmt", "-", "--check"]).ends(0);
    assert_eq!(names(&bench.path("p")), ["a.cedar", "deep", "notes.txt", "schema.cedarschema"]);
}

#[cfg(unix)]
#[test]
fn fmt_keeps_links_and_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = with_policies(&[("a.cedar", UNTIDY)]);
    fs::set_permissions(bench.path("p/a.cedar"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("p/a.cedar", bench.path("link.cedar")).unwrap();
    bench.run(["fmt", "link.cedar"]).ends(0);
    assert!(fs::symlink_metadata(bench.path("link.cedar")).unwrap().is_symlink());
    assert_ne!(bench.read("p/a.cedar"), UNTIDY);
    assert_eq!(fs::metadata(bench.path("p/a.cedar")).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn fmt_leaves_what_it_cannot_read_and_does_the_rest() {
    let bench = with_policies(&[("a.cedar", "permit ("), ("b.cedar", UNTIDY)]);
    bench.run(["fmt", "p"]).fails(3, "a.cedar:1:").fails(3, "left as it is");
    assert_eq!(bench.read("p/a.cedar"), "permit (");
    assert_ne!(bench.read("p/b.cedar"), UNTIDY);
    bench.run(["fmt", "p/none.cedar", "p/b.cedar"]).fails(1, "none.cedar");
    bench.write("p/c.cedar", b"\xff");
    bench.run(["fmt", "p/c.cedar"]).fails(1, "utf-8");
    bench.write("p/c.cedar", vec![b' '; (1 << 20) + 1]);
    bench.run(["fmt", "p/c.cedar"]).fails(1, "more than 1048576 bytes");
    bench.run(["fmt"]).fails(64, "PATH");
}

#[test]
fn sample_writes_the_same_data_again() {
    let bench = Bench::new();
    for file in ["a.json", "b.json"] {
        bench.run(["sample", "--cases", "10", "--seed", "7", "--output", file]).ends(0);
    }
    let text = bench.read("a.json");
    assert!(text == bench.read("b.json"), "same seed, same bytes");
    let stdout = bench.run(["sample", "--cases", "10", "--seed", "7"]);
    assert!(stdout.ends(0).out == text, "a file holds what standard output shows");
    bench.run(["validate", "--entities", "a.json"]).ends(0);
    assert_eq!(bench.names(), ["a.json", "b.json", "world.json"], "nothing else is left behind");
    bench.write("a.json", "old");
    bench.run(["sample", "--cases", "10", "--seed", "7", "-o", "a.json"]).ends(0);
    assert!(bench.read("a.json") == text, "what was there is replaced");
}

#[test]
fn a_snapshot_is_taken_wherever_json_is() {
    let bench = Bench::new();
    bench.run(["snapshot", "world.json", "world.snap"]).ends(0);
    let question = ["--principal", r#"User::"u1""#, "--action", "viewSummary", "--type", "Case"];
    let ask = |file, input: &[u8]| {
        let args = ["list", "--now", NOW, "--entities", file].into_iter().chain(question);
        bench.run_with(input, args).ends(0).out.clone()
    };
    let listed = ask("world.json", b"");
    assert_eq!(listed.lines().count(), 2);
    assert_eq!(ask("world.snap", b""), listed);
    let bytes = fs::read(bench.path("world.snap")).unwrap();
    assert_eq!(ask("-", &bytes), listed);
    // A snapshot of a snapshot is the same.
    bench.run(["snapshot", "world.snap", "again.snap"]).ends(0);
    assert!(fs::read(bench.path("again.snap")).unwrap() == bytes);
    bench.run(["sample", "--cases", "10", "--snapshot", "--output", "sample.snap"]).ends(0);
    bench.run(["sample", "--cases", "10", "--output", "sample.json"]).ends(0);
    let valid = |file| bench.run(["validate", "--entities", file]).ends(0).out.clone();
    assert_eq!(valid("sample.snap"), valid("sample.json"));
}

#[test]
fn a_snapshot_that_cannot_be_opened_is_refused() {
    let bench = with_policies(&[("a.cedar", TIDY)]);
    bench.run(["snapshot", "world.json", "world.snap"]).ends(0);
    let mut bytes = fs::read(bench.path("world.snap")).unwrap();
    bytes[60] ^= 1;
    bench.write("damaged.snap", &bytes);
    bench.write("short.snap", &bytes[..10]);
    let validate = |file| bench.run(["validate", "--entities", file]);
    validate("damaged.snap").fails(1, "damaged.snap").fails(1, "checksum");
    validate("short.snap").fails(1, "cut off");
    let other = ["validate", "--policies", "p", "--entities", "world.snap"];
    bench.run(other).fails(1, "another schema");
    bench.run(["snapshot", "none.json", "out.snap"]).fails(1, "none.json");
    bench.run(["snapshot", "world.json", "none/out.snap"]).fails(1, "none/out.snap");
    bench.run(["snapshot", "world.json"]).fails(64, "OUT");
    assert!(!bench.names().contains(&"out.snap".to_owned()));
}

#[test]
fn sample_refuses_what_it_cannot_do() {
    let bench = Bench::new();
    bench.run(["sample", "--cases", "5", "--output", "none/a.json"]).fails(1, "none/a.json");
    bench.run(["sample", "--cases", "5", "--output", "."]).fails(1, "folder");
    bench.run(["sample"]).fails(64, "--cases");
    bench.run(["sample", "--cases", "-1"]).fails(64, "-1");
    bench.run(["sample", "--cases", "many"]).fails(64, "many");
    bench.run(["sample", "--cases", "99999999999"]).fails(64, "99999999999");
    bench.run(["sample", "--cases", "5", "--seed", "x"]).fails(64, "--seed");
    assert_eq!(bench.names(), ["world.json"]);
}

#[test]
fn completions_and_man_pages_name_every_verb() {
    let bench = Bench::new();
    let verbs = [
        "actions",
        "check",
        "completions",
        "demo",
        "explain",
        "fmt",
        "list",
        "man",
        "matrix",
        "sample",
        "snapshot",
        "validate",
    ];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = bench.run(["completions", shell]);
        assert!(verbs.iter().all(|verb| ran.ends(0).out.contains(verb)), "{shell}");
    }
    let page = bench.run(["man"]);
    assert!(verbs.iter().all(|verb| page.ends(0).out.contains(verb)));
    bench.run(["man", "--output", "pages"]).ends(0);
    let pages = names(&bench.path("pages"));
    for verb in verbs {
        assert!(pages.contains(&format!("caseward-{verb}.1")), "{verb} in {pages:?}");
    }
    bench.run(["completions", "tcsh"]).fails(64, "tcsh");
    bench.run(["completions"]).fails(64, "SHELL");
    bench.run(["man", "--output", "world.json"]).fails(1, "world.json");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let bench = Bench::new();
    for args in [&["man"][..], &["completions", "bash"], &["sample", "--cases", "10"]] {
        let mut command = bench.command();
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(
            told.lines().all(|line| line.starts_with("note: these are the policies that come")),
            "{told}"
        );
    }
}

#[test]
fn no_output_takes_the_place_of_what_is_read() {
    let bench = with_policies(&[("a.cedar", TIDY), ("fields.toml", "[Doc]\nknown_by = [\"read\"]\n")]);
    let ran = bench.run(["bundle", "keygen", "--secret", "k.sec"]);
    bench.write("k.pub", &ran.ends(0).out);
    let build = ["bundle", "build", "--policies", "p", "--secret", "k.sec", "--add", "p/extra.md", "-o"];
    bench.write("p/extra.md", "more\n");
    bench.write("w.json", "[]");
    bench.write("expected.toml", "");
    bench.write("p/tests/a.toml", "[world.User.u]\n[world.Doc.d]\nopen = true\n[[case]]\nname = \"open\"\nprincipal = \"User.u\"\naction = \"read\"\nresource = \"Doc.d\"\nexpect = \"allow\"\n");
    std::fs::create_dir(bench.path("linked")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(bench.path("k.sec"), bench.path("linked/k")).unwrap();
    let inputs = [
        "k.sec",
        "w.json",
        "p/a.cedar",
        "p/schema.cedarschema",
        "p/fields.toml",
        "p/extra.md",
        "expected.toml",
    ];
    let texts = || inputs.map(|name| bench.read(name));
    let before = texts();
    // Read in the same run, or policies.
    let refused = "name another file to write";
    for output in
        ["k.sec", "./p/../k.sec", "p/a.cedar", "p/schema.cedarschema", "p/fields.toml", "p/extra.md"]
    {
        bench.run(build.into_iter().chain([output])).fails(1, refused);
    }
    #[cfg(unix)]
    bench.run(build.into_iter().chain(["linked/k"])).fails(1, refused);
    for output in ["w.json", "p/a.cedar", "p/schema.cedarschema"] {
        bench.run(["snapshot", "--policies", "p", "w.json", output]).fails(1, refused);
        if output != "w.json" {
            bench.run(["sample", "--policies", "p", "--size", "1", "--output", output]).fails(1, refused);
        }
    }
    // Beside another folder of the same texts.
    fs::create_dir(bench.path("old")).unwrap();
    for entry in fs::read_dir(bench.path("p")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), bench.path("old").join(entry.file_name())).unwrap();
        }
    }
    let ci = [
        "ci",
        "--policies",
        "p",
        "--quiet",
        "--mutants",
        "0",
        "--fail-under",
        "0",
        "--base",
        "old",
        "--world",
    ];
    for output in ["w.json", "expected.toml", "p/a.cedar", "p/fields.toml"] {
        bench
            .run(ci.into_iter().chain(["w.json", "--expected", "expected.toml", "-o", output]))
            .fails(1, refused);
    }
    assert_eq!(texts(), before);
    // What was written before is written again.
    for _ in 0..2 {
        bench.run(build.into_iter().chain(["p.bundle"])).ends(0);
        let ran = bench.run(ci.into_iter().chain(["w.json", "-o", "p/page.md"]));
        assert!(matches!(ran.code, 0 | 4 | 6), "{}", ran.err);
    }
    bench.run(["bundle", "verify", "p.bundle", "--trust", "k.pub"]).ends(0);
}
