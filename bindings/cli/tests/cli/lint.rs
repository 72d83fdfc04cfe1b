//! `lint`, what `validate` and `ci` tell of it, and `init`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Bench, Ran};

const SCHEMA: &str = "entity User = { active: Bool };
entity Doc = { status: String };
action view appliesTo { principal: User, resource: Doc, context: { now: datetime } };
";
const DATED: &str = "@id(\"a\")
permit (principal, action == Action::\"view\", resource is Doc)
// begun
when { context.now >= datetime(\"2026-02-28\") }
// open
when { resource.status == \"opn\" || resource.status == \"shut\" || \"shut\" == resource.status };
";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", SCHEMA);
    bench.write("p/a.cedar", DATED);
    bench
}

fn lint(bench: &Bench, args: &[&str]) -> Ran {
    bench.run(["lint", "--policies", "p"].into_iter().chain(args.iter().copied()))
}

#[test]
fn lint_tells_name_place_and_help_in_every_form() {
    let bench = bench();
    let ran = lint(&bench, &[]);
    assert_eq!(ran.code, 0);
    for told in
        ["date-without-time: ", "p/a.cedar:4:", "midnight in UTC", "+1300", "lonely-text: ", "2 findings"]
    {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    let json = lint(&bench, &["--format", "json"]).json();
    let names: Vec<&str> = json.as_array().unwrap().iter().map(|one| one["lint"].as_str().unwrap()).collect();
    assert_eq!(names, ["date-without-time", "lonely-text"]);
    assert_eq!(
        (json[0]["severity"].as_str(), json[0]["source"].as_str()),
        (Some("warning"), Some("a.cedar"))
    );
    assert_eq!(json[0]["file"], "p/a.cedar");
    // `validate` tells them under their names, too, with the words of `lint`.
    let validated = bench.run(["validate", "--policies", "p", "--format", "json"]).json();
    let found: Vec<_> =
        validated.as_array().unwrap().iter().filter(|one| one.get("lint").is_some()).collect();
    assert_eq!(found, json.as_array().unwrap().iter().collect::<Vec<_>>());
    let github = lint(&bench, &["--format", "github", "--deny", "lonely-text"]);
    assert_eq!(github.code, 4);
    let lines: Vec<&str> = github.out.lines().collect();
    for (line, start, rest) in [
        (
            lines[0],
            "::warning file=p/a.cedar,line=4,col=",
            ",title=date-without-time::`datetime(\"2026-02-28\")`",
        ),
        (lines[1], "::error file=p/a.cedar,line=6,col=", ",title=lonely-text::"),
    ] {
        assert!(line.starts_with(start) && line.contains(rest), "{line}");
    }
    assert_eq!(lines[2], "::notice::2 findings, 1 of them denied");
}

#[test]
fn what_asks_nothing_or_matches_nothing_is_found() {
    let bench = bench();
    let lints = |text: String| {
        bench.write("p/a.cedar", text);
        let json = lint(&bench, &["--format", "json"]).json();
        let of = |one: &serde_json::Value| one["lint"].as_str().unwrap().to_owned();
        json.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let permit = |when: &str| {
        format!(
            "@id(\"a\")\npermit (principal, action == Action::\"view\", resource is Doc)\nwhen {{ {when} }};\n"
        )
    };
    for when in [
        "true",
        "principal == principal",
        "resource in resource",
        "principal.active == principal.active",
        "!(resource.status != resource.status) || principal.active",
        "context.now <= context.now",
    ] {
        assert_eq!(lints(permit(when)), ["unconditional-permit"], "{when}");
    }
    let status = |like: &str| {
        permit(&format!(
            "resource.status == \"shut\" || \"shut\" == resource.status || resource.status like \"{like}\""
        ))
    };
    for (like, expected) in [
        ("op*n", vec!["lonely-text"]),
        ("open", vec!["lonely-text"]),
        ("s*", vec![]),
        ("*", vec!["unconditional-permit"]),
        ("shut", vec![]),
    ] {
        assert_eq!(lints(status(like)), expected, "{like}");
    }
    // Of what is compared with nothing, nobody knows what it can be.
    assert!(lints(permit("resource.status like \"op*n\"")).is_empty());
}

/// Whatever is wrong has its place for programs, too, also where policies or cases cannot be used at all.
#[test]
fn what_cannot_be_used_is_told_to_programs() {
    let bench = bench();
    bench.write("p/tests/a.toml", "[[case]]\nname = \"x\"\nexpect = \"maybe\"\n");
    let text = bench.read("p/a.cedar");
    let tell = |file: &str, broken: &[u8], verbs: &[&str], code: i32, line: Option<u64>| {
        let before = std::fs::read(bench.path(file)).ok();
        bench.write(file, broken);
        for verb in verbs {
            let ran = bench.run([*verb, "--policies", "p", "--format", "json"]);
            assert_eq!(ran.code, code, "{verb} {file}: {}{}", ran.out, ran.err);
            let problem = ran.json()[0].clone();
            assert_eq!(problem["severity"], "error", "{problem}");
            assert_eq!(problem.get("line").and_then(serde_json::Value::as_u64), line, "{verb}: {problem}");
            let named = [&problem["file"], &problem["source"]];
            let is_named = named
                .iter()
                .any(|name| name.as_str().is_some_and(|name| file.ends_with(name) && !name.is_empty()));
            assert!(is_named, "{verb}: {problem}");
            let ran = bench.run([*verb, "--policies", "p", "--format", "github"]);
            let place = line.map_or_else(String::new, |line| format!(",line={line},"));
            let start = format!("::error file={file}{place}");
            assert!(ran.code == code && ran.out.starts_with(&start), "{verb}: {}{}", ran.out, ran.err);
        }
        match before {
            Some(before) => bench.write(file, before),
            None => fs::remove_file(bench.path(file)).unwrap(),
        }
    };
    tell("p/tests/a.toml", bench.read("p/tests/a.toml").as_bytes(), &["test"], 1, Some(1));
    let broken = text.replace("resource.status == \"opn\"", "resource.nothing");
    tell("p/a.cedar", broken.as_bytes(), &["validate", "lint", "test"], 3, Some(6));
    tell(
        "p/a.cedar",
        b"\xef\xbb\xbfpermit (principal, action, resource);",
        &["validate", "lint", "test"],
        1,
        None,
    );
    tell("p/gates/a.cedar.txt", b"", &["validate", "lint", "test"], 1, None);
    tell("p/annotations.toml", b"[decision]\nD1 = 1\n", &["validate", "lint"], 3, Some(2));
    bench.write("p/matrix.out", "Made by `caseward matrix`\n");
    tell("p/matrix.toml", b"now = 1\n", &["validate", "lint"], 1, Some(1));
    fs::remove_file(bench.path("p/matrix.out")).unwrap();
    let data = |text: &str| {
        bench.write("data.json", text);
        let ran = bench.run([
            "validate",
            "--policies",
            "p",
            "--entities",
            "data.json",
            "--format",
            "json",
            "--allow",
            "all",
        ]);
        let problem = ran.json()[0].clone();
        (problem["file"].clone(), problem["line"].as_u64(), problem["column"].as_u64())
    };
    for (text, line, column) in [("\n{\"a\":1}", 2, 1), ("", 1, 1), ("[]\n x", 2, 2), ("[\n1 2]", 2, 1)] {
        assert_eq!(data(text), ("data.json".into(), Some(line), Some(column)), "{text}");
    }
}

#[test]
fn levels_are_chosen_and_lints_explained() {
    let bench = bench();
    lint(&bench, &["--deny", "lonely-text", "--allow", "lonely-text"])
        .fails(64, "`lonely-text` has two levels");
    lint(&bench, &["--deny", "all", "--warn", "all"]).fails(64, "`all` has two levels");
    assert_eq!(lint(&bench, &["--deny", "all"]).code, 4);
    assert_eq!(
        lint(&bench, &["--deny", "all", "--allow", "lonely-text", "--allow", "date-without-time"]).code,
        0
    );
    assert_eq!(lint(&bench, &["--allow", "all"]).out, "nothing found\n");
    lint(&bench, &["--deny", "lonly-text"])
        .fails(1, "there is no lint `lonly-text`; did you mean `lonely-text`?");
    lint(&bench, &["--explain", "lonly-text"]).fails(1, "did you mean `lonely-text`?");
    let told = lint(&bench, &["--explain", "lonely-text"]).out;
    assert!(told.starts_with("lonely-text: An attribute is compared with a text"), "{told}");
    let list = lint(&bench, &["--list", "--deny", "stale-page"]).out;
    assert!(
        list.contains("stale-page                 deny ")
            && list.contains("unconditional-permit       warn "),
        "{list}"
    );
    // A policy takes itself out.
    bench.write(
        "p/a.cedar",
        DATED.replace("@id(\"a\")", "@id(\"a\")\n@allow(\"lonely-text, date-without-time\")"),
    );
    lint(&bench, &["--deny", "all"]).ends(0);
}

#[test]
fn validate_and_ci_tell_what_lints_find() {
    let bench = bench();
    let ran = bench.run(["validate", "--policies", "p"]);
    assert!(
        ran.code == 0 && ran.err.contains("date-without-time: ") && ran.err.contains("2 problems"),
        "{}",
        ran.err
    );
    assert_eq!(bench.run(["validate", "--policies", "p", "--deny-warnings"]).code, 3);
    assert_eq!(bench.run(["validate", "--policies", "p", "--deny", "lonely-text"]).code, 3);
    bench.run(["validate", "--policies", "p", "--allow", "all"]).ends(0);
    bench.write("p/tests/a.toml", "[world.User.ana]\n[world.Doc.d]\nstatus = \"opn\"\n[[case]]\nname = \"a\"\nprincipal = \"User.ana\"\naction = \"view\"\nresource = \"Doc.d\"\nnow = \"2026-05-01T00:00:00Z\"\nexpect = \"allow\"\n");
    let ci = |args: &[&str]| {
        bench.run(
            ["ci", "--policies", "p", "--mutants", "0", "--fail-under", "0"]
                .into_iter()
                .chain(args.iter().copied()),
        )
    };
    let page = ci(&[]).out;
    assert!(
        page.contains("| ✔ lints | 2 findings |") && page.contains("date-without-time: a.cedar"),
        "{page}"
    );
    let page = ci(&["--deny", "all"]).out;
    assert!(page.contains("✘ lints") && page.contains("**Not to be signed off as it is:**"), "{page}");
}

#[test]
fn validate_refuses_what_prove_refuses() {
    let bench = bench();
    bench.write(
        "p/a.cedar",
        "@id(\"a\")\npermit (principal, action, resource)\n// active\nwhen { principal.active };\n",
    );
    let invariant = |annotations: &str, effect: &str| {
        let text = format!(
            "@id(\"invariants.i\") @invariant(\"1\") @description(\"Never.\") {annotations}\n{effect} (principal, action, resource);\n"
        );
        bench.write("p/invariants/i.cedar", text);
    };
    for (annotations, effect, why) in [
        ("", "permit", "written as a `forbid`"),
        ("@chnage(\"User.active shrinks\")", "forbid", "did you mean `@change`?"),
        ("@change(\"User.actve shrinks\")", "forbid", "`User.active`?"),
        ("@implies(\"veiw\")", "forbid", "did you mean `view`?"),
        ("@rule(\"S1\")", "forbid", "`@rule` is no annotation of an invariant"),
    ] {
        invariant(annotations, effect);
        bench.run(["validate", "--policies", "p"]).fails(3, why);
        bench.run(["prove", "--policies", "p"]).fails(3, why);
    }
    invariant("@change(\"User.active shrinks\") @x_owner(\"me\")", "forbid");
    bench.run(["validate", "--policies", "p"]).ends(0);
    // What is said to be unreachable names policies and conditions.
    let unreachable = |policy: &str, condition: &str| {
        bench.write("p/tests/unreachable.toml", format!("[[unreachable]]\npolicy = \"{policy}\"\ncondition = \"{condition}\"\ndecides = false\nwhy = \"so\"\n"));
    };
    unreachable("a", "principal.active");
    let ran = bench.run(["validate", "--policies", "p"]);
    assert_eq!(ran.out, "1 policy valid, 1 invariant valid, 1 unreachable condition there\n");
    unreachable("b", "principal.active");
    bench.run(["validate", "--policies", "p"]).fails(3, "there is no policy `b`; did you mean `a`?");
    unreachable("a", "principal.actve");
    bench.run(["validate", "--policies", "p"]).fails(3, "`a` has no condition `principal.actve`");
}

#[test]
fn decisions_and_pages_are_compared_with_the_folder() {
    let bench = bench();
    let text = "@id(\"a\")\n@decision(\"D1, D61\")\npermit (principal, action, resource)\n// active\nwhen { principal.active };\n";
    bench.write("p/a.cedar", text);
    lint(&bench, &[]).ends(0);
    bench
        .write("p/annotations.toml", "[decision.D6]\nreading = \"Withheld.\"\n[decision]\nD1 = \"Leads.\"\n");
    bench.write(
        "p/annotations.toml",
        "[decision]\nD1 = \"Leads.\"\nD6 = { question = \"And sensitive?\", reading = \"Withheld.\" }\n",
    );
    lint(&bench, &[]).fails(4, "names `D61`, which is not known; did you mean `D6`?");
    bench.run(["validate", "--policies", "p"]).fails(3, "D61");
    bench.write("p/annotations.toml", "[decision]\nD1 = 1\n");
    lint(&bench, &[]).fails(3, "`D1` is what it says");
    bench.write("p/annotations.toml", "[decision]\nD1 = \"Leads.\"\nD61 = \"Whatever.\"\n");
    let page = bench.run(["docs", "--policies", "p"]).out;
    bench.write("p/RULES.md", &page);
    lint(&bench, &["--deny", "all"]).ends(0);
    bench.write("p/RULES.md", page.replace("`a`", "`b`"));
    lint(&bench, &["--deny", "all"]).fails(4, "stale-page: ");
    // A page of one's own that is called so is none of ours.
    bench.write("p/RULES.md", "# Our rules\n");
    lint(&bench, &["--deny", "all"]).ends(0);
}

#[test]
fn what_changed_under_one_description_is_told_against_a_base() {
    let bench = bench();
    let text = "@id(\"a\")\n@description(\"Active people.\")\npermit (principal, action, resource)\n// active\nwhen { principal.active };\n";
    bench.write("p/a.cedar", text.replace("{ principal", "{ !principal"));
    bench.write("old/schema.cedarschema", SCHEMA);
    bench.write("old/a.cedar", text);
    let ran = lint(&bench, &["--base", "old"]);
    assert!(ran.err.contains("stale-description: ") && ran.err.contains("Active people."), "{}", ran.err);
    lint(&bench, &[]).ends(0);
    // What is claimed of them goes by its description, too, in a folder and in a revision of git.
    bench.write("p/a.cedar", text);
    let claim = "@id(\"invariants.i\")\n@invariant(\"1\")\n@description(\"Never.\")\nforbid (principal, action, resource)\n// it\nwhen { principal.active };\n";
    bench.write("old/invariants/i.cedar", claim);
    bench.write("p/invariants/i.cedar", claim.replace("{ principal", "{ !principal"));
    let ran = lint(&bench, &["--base", "old"]);
    assert!(ran.err.contains("`invariants.i` was changed, and its description was not"), "{}", ran.err);
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
        let done = Command::new("git").arg("-C").arg(bench.path(".")).args(who).args(args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    bench.write("p/invariants/i.cedar", claim);
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    lint(&bench, &["--base", "HEAD"]).ends(0);
    bench.write("p/invariants/i.cedar", claim.replace("{ principal", "{ !principal"));
    let ran = lint(&bench, &["--base", "HEAD"]);
    assert!(ran.err.contains("`invariants.i` was changed, and its description was not"), "{}", ran.err);
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn what_init_writes_is_whole_from_the_first_minute() {
    let bench = Bench::new();
    let ran = bench.run(["init", "new"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains("kept"), "{}", ran.out);
    let at = |args: &[&str]| {
        let mut command = bench.command();
        command.current_dir(bench.path("new")).args(args);
        let done = command.output().unwrap();
        (
            done.status.code().unwrap(),
            String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap(),
        )
    };
    for args in [
        &["validate", "--policies", "policies", "--deny-warnings", "--deny", "all"][..],
        &["fmt", "--check", "policies"],
        &["lint", "--policies", "policies", "--deny", "all"],
        &["test", "--policies", "policies"],
        &["coverage", "--policies", "policies", "--fail-under", "100"],
        &["docs", "--policies", "policies", "--check", "policies/RULES.md"],
        &["decision", "D1", "--policies", "policies"],
        &["tables", "--policies", "policies", "--dialect", "sqlite"],
    ] {
        let (code, told) = at(args);
        assert_eq!(code, 0, "{args:?}: {told}");
    }
    if Command::new("cvc5").arg("--version").output().is_ok_and(|done| done.status.success()) {
        for args in [
            &["prove", "--policies", "policies", "--strict"][..],
            &["mutate", "--policies", "policies"],
            &["ci", "--policies", "policies"],
        ] {
            let (code, told) = at(args);
            assert_eq!(code, 0, "{args:?}: {told}");
        }
    }
}

#[test]
fn init_overwrites_nothing() {
    let bench = Bench::new();
    bench.write("own/policies/mine.txt", "mine");
    bench.write("own/.githooks/pre-commit", "mine");
    bench.write("own/.vscode/settings.json", "{}");
    let ran = bench.run(["init", "own"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for name in ["policies", ".githooks/pre-commit", ".vscode/settings.json"] {
        assert!(ran.out.contains(&format!("kept     {name}\n")), "{}", ran.out);
    }
    assert_eq!(bench.read("own/.githooks/pre-commit"), "mine");
    assert_eq!(bench.read("own/.vscode/settings.json"), "{}");
    assert_eq!(files(&bench.path("own/policies")).len(), 1);
    let again = bench.run(["init", "own"]);
    assert!(again.code == 0 && !again.out.contains("written"), "{}", again.out);
    bench.write("file", "");
    bench.run(["init", "file"]).fails(1, "cannot write");
}

#[test]
fn what_init_writes_is_what_the_examples_show() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/ci");
    for name in ["policies.yml", "pre-commit"] {
        let example = fs::read_to_string(format!("{root}/{name}")).unwrap();
        let template =
            fs::read_to_string(format!("{}/templates/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(example == template, "examples/ci/{name} and bindings/cli/templates/{name} differ");
    }
}
