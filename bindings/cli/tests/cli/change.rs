//! `diff`, `bundle`, `ci` and the hook: a change of policies on its way.

use std::process::Command;

use serde_json::json;

use crate::support::{Bench, Ran, all_keys_are_snake_case};

const SCHEMA: &str = "entity Team;
entity User { teams: Set<Team>, bans: Set<Team> };
entity Doc { owner: User, team: Team };
action view, edit appliesTo { principal: User, resource: Doc };
";
const OWNER: &str = "@id(\"a\")\n@rule(\"A\")\n@description(\"Owners see and edit.\")\npermit (principal, action, resource)\n// the owner\nwhen { resource.owner == principal };\n";
const TEAM: &str = "@id(\"b\")\n@rule(\"B\")\n@description(\"Teams see.\")\npermit (\n  principal,\n  action == Action::\"view\",\n  resource\n)\n// of the team\nwhen { principal.teams.contains(resource.team) };\n";
const BAN: &str = "@id(\"c\")\n@rule(\"C\")\n@description(\"Not the banned.\")\nforbid (principal, action, resource)\n// banned\nwhen { principal.bans.contains(resource.team) };\n";

/// Folders `old`, where owners alone see, and `new`, where teams do; and a world of two teams.
fn bench() -> Bench {
    let bench = Bench::new();
    for folder in ["old", "new"] {
        bench.write(&format!("{folder}/schema.cedarschema"), SCHEMA);
        bench.write(&format!("{folder}/a.cedar"), OWNER);
    }
    bench.write("new/b.cedar", TEAM);
    let team = |id: &str| json!({"__entity": {"type": "Team", "id": id}});
    let user = |id: &str, teams: &[&str], bans: &[&str]| {
        let of = |ids: &[&str]| ids.iter().map(|id| team(id)).collect::<Vec<_>>();
        json!({"uid": {"type": "User", "id": id}, "parents": [], "attrs": {"teams": of(teams), "bans": of(bans)}})
    };
    let doc = |id: &str, owner: &str, of: &str| {
        let attrs = json!({"owner": {"__entity": {"type": "User", "id": owner}}, "team": team(of)});
        json!({"uid": {"type": "Doc", "id": id}, "parents": [], "attrs": attrs})
    };
    let plain = |id: &str| json!({"uid": {"type": "Team", "id": id}, "parents": [], "attrs": {}});
    let world = json!([
        plain("red"),
        plain("blue"),
        user("ann", &["red"], &[]),
        user("ben", &["red", "blue"], &["blue"]),
        user("eve", &[], &[]),
        doc("d1", "ann", "red"),
        doc("d2", "ben", "red"),
        doc("d3", "eve", "blue"),
    ]);
    bench.write("docs.json", world.to_string());
    bench
}

fn diff(bench: &Bench, args: &[&str]) -> Ran {
    bench.run(["diff"].into_iter().chain(args.iter().copied()).chain(["--world", "docs.json"]))
}

fn git(bench: &Bench, args: &[&str]) {
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
    let done = Command::new("git").arg("-C").arg(bench.path(".")).args(who).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn diff_tells_who_gains_what() {
    let bench = bench();
    let ran = diff(&bench, &["old", "new", "--format", "csv"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    let mut lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.remove(0), "change,person,action,record,policy,rule,roles,organisations");
    lines.sort_unstable();
    let row = |user: &str, doc: &str, teams: &str| {
        format!("gained,\"User::\"\"{user}\"\"\",view,\"Doc::\"\"{doc}\"\"\",b,B,teams,\"{teams}\"")
    };
    let red = "Team::\"\"red\"\"";
    let both = "Team::\"\"blue\"\" Team::\"\"red\"\"";
    assert_eq!(lines, [row("ann", "d2", red), row("ben", "d1", both), row("ben", "d3", both)]);

    let page = diff(&bench, &["old", "new"]).out;
    assert!(page.contains("| B | `b` | teams | view | Doc | 2 | 3 | 3 |"), "{page}");
    assert!(
        page.contains("All 3 people were looked at")
            && page.contains("**Lost:** none seen among 3 people and 3 records, on the data given."),
        "{page}"
    );
    assert!(page.contains("**1 gain not announced.**"), "{page}");

    // The other way round nothing is gained, and that is no failure.
    let back = diff(&bench, &["new", "old", "--format", "json"]);
    assert_eq!(back.code, 0, "{}", back.err);
    all_keys_are_snake_case(&back.json());
    let line = &back.json()["lines"][0];
    assert_eq!(line["resource_type"], json!("Doc"));
    assert_eq!(
        (&line["gained"], &line["decisions"], &line["policy"]),
        (&json!(false), &json!(3), &json!("b"))
    );
    assert_eq!(diff(&bench, &["new", "new", "--format", "json"]).json()["lines"], json!([]));
}

#[test]
fn a_forbid_that_comes_or_goes_is_named() {
    let bench = bench();
    bench.write("banned/schema.cedarschema", SCHEMA);
    for (id, text) in [("a", OWNER), ("b", TEAM), ("c", BAN)] {
        bench.write(&format!("banned/{id}.cedar"), text);
    }
    for (from, to, gained) in [("new", "banned", false), ("banned", "new", true)] {
        let report = diff(&bench, &[from, to, "--format", "json"]).json();
        let lines = report["lines"].as_array().unwrap();
        assert_eq!(lines.len(), 1, "{report}");
        assert_eq!((&lines[0]["policy"], &lines[0]["gained"]), (&json!("c"), &json!(gained)));
        assert_eq!(lines[0]["organisations"], json!([["Team::\"blue\"", 1]]));
        assert_eq!(lines[0]["examples"], json!([["User::\"ben\"", ["Doc::\"d3\""]]]));
    }
}

#[test]
fn what_is_announced_is_no_failure() {
    let bench = bench();
    let with = |text: &str| {
        bench.write("expected.toml", text);
        diff(&bench, &["old", "new", "--expected", "expected.toml"])
    };
    let gain = "[[gain]]\nreason = \"teams see\"\nrule = \"B\"\naction = \"view\"\n";
    assert_eq!(with(gain).code, 0);
    assert_eq!(with(&format!("{gain}at_most = 3\nrole = \"teams\"\ntype = \"Doc\"\n")).code, 0);
    let short = with(&format!("{gain}at_most = 2\n"));
    assert_eq!(short.code, 4);
    assert!(short.out.contains("**Announced as 2 decisions at most, and it is 3:** view."), "{}", short.out);
    let other = with(&gain.replace("view", "edit"));
    assert_eq!(other.code, 4);
    assert!(other.out.contains("nothing that was seen matches it: teams see"), "{}", other.out);
    with("[[gain]]\nreason = \"all\"\n").fails(1, "names neither");
    with("[[gain]]\nreason = \"all\"\nacton = \"view\"\n").fails(1, "acton");
    diff(&bench, &["old", "new", "--expected", "none.toml"]).fails(1, "none.toml");
}

#[test]
fn a_sample_is_called_one() {
    let bench = bench();
    let page = diff(&bench, &["old", "new", "--people", "2"]).out;
    assert!(page.contains("**A sample: 2 of 3 people were looked at**") && !page.contains("All 3"), "{page}");
    diff(&bench, &["old", "new", "--sample", "10"]).fails(64, "--sample");
    // Data is made up for a schema that is not of attendance, too.
    let page = bench.run(["diff", "old", "new", "--sample", "50"]).out;
    assert!(
        page.contains("On made-up data with 50 records of a type")
            && page.contains("| B | `b` | teams | view"),
        "{page}"
    );
    diff(&bench, &["old", "none"]).fails(1, "none");
}

#[test]
fn revisions_are_read_from_git() {
    let bench = bench();
    git(&bench, &["init", "-q"]);
    bench.write("policies/schema.cedarschema", SCHEMA);
    bench.write("policies/a.cedar", OWNER);
    bench.write("policies/invariants/x.cedar", "not read");
    git(&bench, &["add", "policies"]);
    git(&bench, &["commit", "-qm", "one"]);
    git(&bench, &["tag", "one"]);
    bench.write("policies/b.cedar", TEAM);
    let ran = diff(&bench, &["git:one", "new", "--format", "json"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert_eq!(ran.json()["lines"][0]["decisions"], json!(3));
    assert_eq!(diff(&bench, &["git:one:policies", "old", "--format", "json"]).json()["lines"], json!([]));
    // A reference that puts the new version in the place of the old one is not followed.
    git(&bench, &["add", "policies"]);
    git(&bench, &["commit", "-qm", "two"]);
    git(&bench, &["replace", "one", "HEAD"]);
    assert_eq!(
        diff(&bench, &["git:one", "new", "--format", "json"]).json()["lines"][0]["decisions"],
        json!(3)
    );
    diff(&bench, &["git:two", "new"]).fails(1, "git knows no revision `two`");
    diff(&bench, &["git:--help", "new"]).fails(1, "git");
    diff(&bench, &["git:one:elsewhere", "new"]).fails(1, "elsewhere/schema.cedarschema");
}

#[test]
fn bundles_are_built_and_verified() {
    let bench = bench();
    let public = bench.run(["bundle", "keygen", "--secret", "key"]).ends(0).out.trim().to_owned();
    bench.run(["bundle", "keygen", "--secret", "key"]).fails(1, "key");
    bench.write("fields.toml", "x = 1");
    let build =
        ["bundle", "build", "--policies", "new", "--secret", "key", "--serial", "3", "--label", "May"];
    bench.run(build.into_iter().chain(["--add", "fields.toml", "--output", "b.bundle"])).ends(0);
    let verify = |trust: &str, more: &[&str]| {
        bench.run(["bundle", "verify", "b.bundle", "--trust", trust].into_iter().chain(more.iter().copied()))
    };
    let ran = verify(&public, &[]);
    assert!(
        ran.ends(0).out.starts_with("valid: number 3 “May”, 2 policies, 1 more file, hash "),
        "{}",
        ran.out
    );
    bench.write("trusted", format!("# ours\n{public}\n"));
    assert_eq!(verify("trusted", &["--format", "json"]).ends(0).json()["files"], json!(["fields.toml"]));
    verify(&public, &["--serial", "4"]).fails(1, "number is 3");
    verify(&"1".repeat(64), &[]).fails(1, "");
    verify("abc", &[]).fails(1, "64 hexadecimal digits");
    let mut bytes = std::fs::read(bench.path("b.bundle")).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    bench.write("b.bundle", bytes);
    verify(&public, &[]).fails(1, "it was changed");
    bench.write("b.bundle", "");
    verify(&public, &[]).fails(1, "cut off");
    // Neither is anything written from policies that are not valid, nor with a key that is none.
    bench.write("new/b.cedar", "permit (");
    bench.run(build.into_iter().chain(["--output", "c.bundle"])).fails(3, "b.cedar");
    bench.write("key", "secret!");
    let ran = bench.run(build.into_iter().chain(["--output", "c.bundle"]));
    assert!(!ran.fails(1, "64 hexadecimal digits").err.contains("secret!"), "{}", ran.err);
    // A key that is public signs nothing, by whichever name it is given.
    bench.write("key.pub", format!("{public}\n"));
    let build = ["bundle", "build", "--policies", "old", "--output", "c.bundle", "--secret"];
    bench
        .run(build.into_iter().chain(["key.pub"]))
        .fails(1, "it is a public key, and a secret key is asked for");
    let (_, digits) = public.split_once(':').unwrap();
    bench.write("old.key", digits);
    bench.run(build.into_iter().chain(["old.key"])).fails(1, "does not say which kind of key it is");
    bench.run(["bundle", "keygen", "--secret", "other"]).ends(0);
    verify("other", &[]).fails(1, "it is a secret key, and a public key is asked for");
    verify(digits, &[]).fails(1, "does not say which kind of key it is");
    assert!(!bench.names().contains(&"c.bundle".to_owned()));
}

#[cfg(unix)]
#[test]
fn a_secret_key_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = bench();
    bench.run(["bundle", "keygen", "--secret", "key"]).ends(0);
    let mode = std::fs::metadata(bench.path("key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Cases for the policies of `new`.
const CASES: &str = r#"
[world.Team.red]
[world.Team.blue]
[world.User.ann]
teams = ["red"]
[world.User.ben]
teams = ["blue"]
[world.Doc.d1]
owner = "ben"
team = "red"
[[case]]
name = "a team sees"
principal = "User.ann"
action = "view"
resource = "Doc.d1"
expect = "allow"
policies = ["b"]
[[case]]
name = "a team does not edit"
principal = "User.ann"
action = "edit"
resource = "Doc.d1"
expect = "deny"
[[case]]
name = "an owner edits"
principal = "User.ben"
action = "edit"
resource = "Doc.d1"
expect = "allow"
policies = ["a"]
[[case]]
name = "an owner sees"
principal = "User.ben"
action = "view"
resource = "Doc.d1"
expect = "allow"
policies = ["a"]
[[case]]
name = "another team does not see"
principal = "User.ben"
action = "view"
resource = "Doc.d1"
change = { "Doc.d1" = { owner = "ann" } }
expect = "deny"
"#;

#[test]
fn ci_checks_everything_and_writes_one_page() {
    let bench = bench();
    bench.write("new/tests/cases.toml", CASES);
    let ci = |more: &[&str]| {
        bench.run(["ci", "--policies", "new", "--quiet"].into_iter().chain(more.iter().copied()))
    };
    let ran = ci(&["--base", "old", "--world", "docs.json", "--mutants", "0"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    for told in [
        "**Not to be signed off as it is:**",
        "| B `b` | allows | new | Teams see. |",
        "✔ layout",
        "✔ validation",
        "| ✔ cases | all 5 cases come out as they should |",
        "3 decisions are seen to be gained and 0 lost",
        "not all of what is gained was announced",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    bench.write("expected.toml", "[[gain]]\nreason = \"teams see\"\nrule = \"B\"\n");
    let ran =
        ci(&["--base", "old", "--world", "docs.json", "--expected", "expected.toml", "--output", "page.md"]);
    // 6 where there is no solver: nothing was proved, and nothing else is wrong.
    assert!(ran.code == 0 || ran.code == 6, "{}{}", ran.err, bench.read("page.md"));
    assert!(bench.read("page.md").contains("✔ mutants"), "{}", bench.read("page.md"));

    // A case that fails, a page out of layout.
    bench.write(
        "new/b.cedar",
        TEAM.replace("// of the team\n", "").replace("teams.contains", "bans.contains"),
    );
    let ran = ci(&[]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(ran.out.contains("- a team sees: expected allow, got deny"), "{}", ran.out);
    bench.write("new/b.cedar", "permit (");
    ci(&[]).fails(3, "b.cedar");
    bench.run(["ci"]).fails(64, "--policies");
    bench.write("new/b.cedar", TEAM);
    ci(&["--base", "no-such"]).fails(1, "git");
}

#[cfg(unix)]
#[test]
fn the_hook_keeps_what_is_wrong_from_being_committed() {
    let bench = bench();
    bench.write("policies/schema.cedarschema", SCHEMA);
    bench.write("policies/a.cedar", OWNER);
    bench.write("policies/b.cedar", TEAM);
    bench.write("policies/tests/cases.toml", CASES);
    git(&bench, &["init", "-q"]);
    let hook = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/ci/pre-commit");
    std::fs::copy(hook, bench.path(".git/hooks/pre-commit")).unwrap();
    git(&bench, &["add", "policies"]);
    let commit = || {
        let mut command = Command::new("git");
        command.arg("-C").arg(bench.path(".")).args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
        command.args(["-c", "commit.gpgsign=false", "commit", "-qm", "x"]);
        command.env("CASEWARD", env!("CARGO_BIN_EXE_caseward")).output().unwrap()
    };
    let done = commit();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for (text, why) in [
        ("permit (", "error"),
        (&TEAM.replace("principal.teams.contains", "principal.bans.contains"), "a team sees"),
    ] {
        bench.write("policies/b.cedar", text);
        git(&bench, &["add", "policies"]);
        let done = commit();
        let said =
            [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(!done.status.success(), "{text}: {said}");
        assert!(said.contains(why), "{said}");
    }
    // What is staged counts, and not what lies about: the fault is mended in the folder alone.
    bench.write("policies/b.cedar", TEAM);
    assert!(!commit().status.success());
    git(&bench, &["add", "policies"]);
    // Commits that touch no policy are let through at once.
    bench.write("note.txt", "x");
    git(&bench, &["add", "note.txt"]);
    assert!(commit().status.success());
}
