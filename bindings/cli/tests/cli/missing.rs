//! `mutate --save` and `coverage --save` write the cases that are missing; `test --accept` follows a rename.

#[cfg(feature = "prove")]
use std::process::Command;

use crate::support::Bench;

const SCHEMA: &str = "entity User { active: Bool, teams: Set<String> };
entity Doc { owner: User, status: String, size: Long };
action view, edit appliesTo { principal: User, resource: Doc, context: { now: datetime } };
";
const CASES: &str = "now = \"2026-05-11T09:00:00+12:00\"
[world.User.ana]
active = true
[world.User.ben]
active = true
[world.Doc.d]
owner = \"ana\"
status = \"open\"
size = 5

# What an owner may.
[[case]]
name = \"the owner views it\"       # her own
principal = \"User.ana\"
action = \"view\"
resource = \"Doc.d\"
expect = \"allow\"
policies = [\"owner\"] # by that alone
rules = [\"O\"]

[[case]]
name = \"nobody else does\"
principal = \"User.ben\"
action = [\"view\", \"edit\"]
resource = \"Doc.d\"
expect = \"deny\"
policies = []
fails = { owner = \"the owner\" }
";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", SCHEMA);
    bench.write("p/owner.cedar", owner("owner"));
    bench.write(
        "p/active.cedar",
        "@id(\"active\") @rule(\"A\")\nforbid (principal, action, resource)\n// active\nunless { principal.active };\n",
    );
    bench.write("p/tests/cases.toml", CASES);
    bench
}

fn owner(id: &str) -> String {
    format!(
        "@id(\"{id}\") @rule(\"O\")\npermit (principal, action, resource)\n// the owner\nwhen {{ resource.owner == principal }}\n\
         // open, and of some size\nwhen {{ resource.status == \"open\" && resource.size >= 3 }};\n"
    )
}

#[cfg(feature = "prove")]
fn has_solver() -> bool {
    let has = Command::new("cvc5").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has {
        println!("skipped: there is no cvc5 on this machine");
    }
    has
}

#[test]
#[cfg(feature = "prove")]
fn mutants_that_survive_get_the_cases_that_kill_them() {
    if !has_solver() {
        return;
    }
    let bench = bench();
    let survivors = |paths: &[&str]| {
        let args = ["mutate", "--policies", "p", "--format", "json"].into_iter().chain(paths.iter().copied());
        let json = bench.run(args).json();
        json["all"].as_array().unwrap().iter().filter(|one| one["fate"].get("survived").is_some()).count()
    };
    let before = survivors(&[]);
    assert!(before > 3, "{before}");
    let ran = bench.run(["mutate", "--policies", "p", "--save", "p/tests/found.toml"]);
    assert!(ran.code == 4 && ran.err.contains("written to"), "{}{}", ran.out, ran.err);
    // Every case passes, and none of what was told apart survives.
    bench.run(["test", "--policies", "p"]).ends(0);
    let text = bench.read("p/tests/found.toml");
    assert!(text.contains("[[case]]") && text.contains("policies = ["), "{text}");
    let told = ran.err.matches("no case for").count();
    assert!(
        survivors(&[]) <= told,
        "{} of {before} survive, {told} were not told apart: {}",
        survivors(&[]),
        ran.err
    );
    bench.run(["mutate", "--policies", "p", "--save", "p/tests/found.toml"]).fails(1, "is there already");
}

#[test]
#[cfg(feature = "prove")]
fn conditions_that_nothing_covers_get_the_cases_in_which_they_decide() {
    if !has_solver() {
        return;
    }
    let bench = bench();
    bench.run(["coverage", "--policies", "p", "--fail-under", "100"]).fails(4, "is covered");
    let ran = bench.run(["coverage", "--policies", "p", "--save", "p/tests/found.toml"]);
    assert!(ran.code == 0 && ran.err.contains("written to"), "{}{}", ran.out, ran.err);
    bench.run(["test", "--policies", "p"]).ends(0);
    let ran = bench.run(["coverage", "--policies", "p", "--fail-under", "100"]);
    assert_eq!(ran.code, 0, "{}{}\n{}", ran.out, ran.err, bench.read("p/tests/found.toml"));
    bench.run(["coverage", "--policies", "p", "--save", "p/tests/found.toml"]).fails(1, "is there already");
}

#[test]
fn a_rename_is_accepted_in_place() {
    let bench = bench();
    bench.run(["test", "--policies", "p"]).ends(0);
    let ran = bench.run(["test", "--policies", "p", "--accept"]);
    assert!(ran.code == 0 && ran.err.contains("0 expectations accepted, 0 cases left"), "{}", ran.err);
    assert_eq!(bench.read("p/tests/cases.toml"), CASES);

    std::fs::remove_file(bench.path("p/owner.cedar")).unwrap();
    bench.write("p/docs/owned.cedar", owner("docs.owned"));
    bench.run(["test", "--policies", "p"]).fails(1, "there is no policy `owner`");
    let ran = bench.run(["test", "--policies", "p", "--accept"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for told in [
        "`the owner views it`: policies: `docs.owned` for `owner`",
        "fails: `docs.owned` for `owner`",
        "cases.toml:12",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    let expected =
        CASES.replace("[\"owner\"]", "[\"docs.owned\"]").replace("{ owner =", "{ \"docs.owned\" =");
    assert_eq!(bench.read("p/tests/cases.toml"), expected);
}

#[test]
fn a_rename_is_accepted_in_cases_of_json_too() {
    let bench = bench();
    let case = |policies: &str, more: &str| {
        format!(
            r#"{{
  "now": "2026-05-11T09:00:00+12:00",
  "request": {{"principal": "User::\"ann\"", "action": "view", "resource": "Doc::\"d\""}},
  "entities": [
    {{"uid": {{"type": "User", "id": "ann"}}, "attrs": {{"active": true, "teams": []}}, "parents": []}},
    {{"uid": {{"type": "Doc", "id": "d"}}, "attrs": {{"status": "open", "size": 5, "owner": {{"type": "User", "id": "ann"}}}}, "parents": []}}
  ],
  "policies": [{policies}]{more}
}}
"#
        )
    };
    let (allow, deny) = ("p/tests/ALLOW/the owner sees it.json", "p/tests/DENY/nobody sees it.json");
    bench.write(allow, case("\"owner\"", ""));
    bench.run(["test", "--policies", "p"]).ends(0);
    std::fs::remove_file(bench.path("p/owner.cedar")).unwrap();
    bench.write("p/docs/owned.cedar", owner("docs.owned"));
    bench.run(["test", "--policies", "p"]).fails(1, "there is no policy `owner`");
    let ran = bench.run(["test", "--policies", "p", "--accept"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("`the owner sees it`: policies: `docs.owned` for `owner`"), "{}", ran.err);
    assert_eq!(bench.read(allow), case("\"docs.owned\"", ""));
    // A decision is not accepted, and said to be left.
    bench.write(deny, case("", ", \"fails\": {\"docs.owned\": \"the owner\"}"));
    let ran = bench.run(["test", "--policies", "p", "--accept"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    let left = "nobody sees it.json:1: left: `nobody sees it`: it expects deny, and the decision is allow";
    assert!(
        ran.err.contains(left) && ran.err.contains("0 expectations accepted, 1 case left"),
        "{}",
        ran.err
    );
}

#[test]
fn a_decision_is_never_accepted() {
    let bench = bench();
    bench.write(
        "p/owner.cedar",
        owner("owner").replace("resource.owner == principal", "resource.owner != principal"),
    );
    let ran = bench.run(["test", "--policies", "p", "--accept"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("it expects allow, and the decision is deny"), "{}", ran.err);
    assert!(ran.err.contains("it expects deny, and the decision is allow (by `owner`)"), "{}", ran.err);
    assert!(ran.err.contains("0 expectations accepted, 2 cases left"), "{}", ran.err);
    assert_eq!(bench.read("p/tests/cases.toml"), CASES);

    // A denial by one policy more is the same decision.
    bench.write("p/owner.cedar", owner("owner"));
    bench.write(
        "p/never.cedar",
        "@id(\"never\") @rule(\"N\")\nforbid (principal, action == Action::\"edit\", resource);\n",
    );
    let ran = bench.run(["test", "--policies", "p", "--accept"]);
    assert!(ran.err.contains("its actions are decided by different policies"), "{}", ran.err);
    assert_eq!(ran.code, 4, "{}", ran.out);
    bench.write("p/never.cedar", "@id(\"never\") @rule(\"N\")\nforbid (principal, action, resource) when { resource.owner != principal };\n");
    let ran = bench.run(["test", "--policies", "p", "--accept"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        bench.read("p/tests/cases.toml").contains("expect = \"deny\"\npolicies = [\"never\"]"),
        "{}",
        ran.err
    );
}
