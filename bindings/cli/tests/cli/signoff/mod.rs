//! `ci --base` and `diff` as those read them who sign a change off: nothing that weakens is passed over.

mod announced;
mod catalogue;
mod protections;
mod revisions;
mod seen;

use std::process::Command;

use serde_json::json;

use crate::support::{Bench, Ran};

const SCHEMA: &str = "entity Team enum [\"red\", \"blue\", \"new\"];
entity User { active: Bool, teams: Set<Team>, leads: Set<Team> };
entity Doc { @section(\"head\") owner: User, @section(\"head\") team: Team, @section(\"body\") size: Long };
action view, edit appliesTo { principal: User, resource: Doc };
action assign appliesTo { principal: User, resource: Doc, context: { now: datetime, subject: User, size: Long } };
";
const SEE: &str = "@id(\"see\")\n@rule(\"A\")\n@description(\"Teams see.\")\npermit (\n  principal,\n  action == Action::\"view\",\n  resource\n)\n// of the team\nwhen { principal.teams.contains(resource.team) };\n";
const EDIT: &str = "@id(\"edit\")\n@rule(\"B\")\n@description(\"Owners edit.\")\npermit (\n  principal,\n  action == Action::\"edit\",\n  resource\n)\n// the owner\nwhen { resource.owner == principal };\n";
const ASSIGN: &str = "@id(\"assign\")\n@rule(\"C\")\n@description(\"Leads assign.\")\npermit (\n  principal,\n  action == Action::\"assign\",\n  resource\n)\n// a lead\nwhen { principal.leads.contains(resource.team) };\n";
const OWN: &str = "@id(\"own\")\n@rule(\"D\")\n@description(\"Nobody assigns to themselves.\")\nforbid (\n  principal,\n  action == Action::\"assign\",\n  resource\n)\n// to themselves\nwhen { context.subject == principal };\n";
const SIZE: &str = "@id(\"size\")\n@rule(\"E\")\n@description(\"Nothing large.\")\nforbid (\n  principal,\n  action == Action::\"assign\",\n  resource\n)\n// large\nwhen { context.size > 20971520 };\n";
const FIELDS: &str = "[Doc]\nknown_by = [\"view\"]\n\n[Doc.sections]\nhead = \"view\"\nbody = \"edit\"\n\n[Doc.content]\nnotes = \"body\"\n";
const INVARIANT: &str = "@id(\"invariants.edit\")\n@invariant(\"1\")\n@description(\"Nobody but the owner edits.\")\nforbid (\n  principal,\n  action == Action::\"edit\",\n  resource\n)\nunless { resource.owner == principal };\n";

/// Folders `old` and `new` with the same policies, an invariant and a catalogue.
fn bench() -> Bench {
    let bench = Bench::new();
    for folder in ["old", "new"] {
        bench.write(&format!("{folder}/schema.cedarschema"), SCHEMA);
        for (id, text) in [("see", SEE), ("edit", EDIT), ("assign", ASSIGN), ("own", OWN), ("size", SIZE)] {
            bench.write(&format!("{folder}/{id}.cedar"), text);
        }
        bench.write(&format!("{folder}/fields.toml"), FIELDS);
        bench.write(&format!("{folder}/invariants/edit.cedar"), INVARIANT);
        bench.write(&format!("{folder}/tests/cases.toml"), CASES);
    }
    bench
}

const CASES: &str = r#"
[world.User.ann]
teams = ["red"]
leads = ["red"]
[world.User.ben]
[world.Doc.d1]
owner = "ben"
team = "red"
size = 1
[[case]]
name = "a team sees"
principal = "User.ann"
action = "view"
resource = "Doc.d1"
expect = "allow"
policies = ["see"]
[[case]]
name = "another team does not see"
principal = "User.ben"
action = "view"
resource = "Doc.d1"
expect = "deny"
[[case]]
name = "an owner edits"
principal = "User.ben"
action = "edit"
resource = "Doc.d1"
expect = "allow"
[[case]]
name = "another does not edit"
principal = "User.ann"
action = "edit"
resource = "Doc.d1"
expect = "deny"
"#;

fn ci(bench: &Bench, more: &[&str]) -> Ran {
    // What an earlier run proved is a change of the folder.
    let _ = std::fs::remove_file(bench.path("new/proofs.lock"));
    let common =
        ["ci", "--policies", "new", "--quiet", "--base", "old", "--fail-under", "0", "--mutants", "0"];
    bench.run(common.into_iter().chain(more.iter().copied()))
}

/// 0 with a solver and 6 without one: nothing is proved, and nothing else is wrong.
#[track_caller]
fn passes(ran: &Ran) {
    assert!(ran.code == 0 || ran.code == 6, "{}{}", ran.out, ran.err);
}

#[track_caller]
fn tells(ran: &Ran, all: &[&str]) {
    for told in all {
        assert!(ran.out.contains(told), "`{told}` is not told: {}", ran.out);
    }
}

fn has_solver() -> bool {
    Command::new("cvc5").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Runs git in the bench.
fn git(bench: &Bench, args: &[&str]) {
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
    let done = Command::new("git").arg("-C").arg(bench.path(".")).args(who).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Data in which nobody has a team, and there is no document.
fn nobody() -> String {
    let eve = json!({"active": true, "teams": [], "leads": []});
    json!([{"uid": {"type": "User", "id": "eve"}, "parents": [], "attrs": eve}]).to_string()
}
