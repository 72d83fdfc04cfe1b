//! `ci --base` and `diff` as those read them who sign a change off: nothing that weakens is passed over.

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

#[test]
fn a_weakened_protection_is_told_and_has_to_be_announced() {
    let bench = bench();
    let same = ci(&bench, &[]);
    passes(&same);
    tells(
        &same,
        &[
            "no decision changes for anybody",
            "nothing besides policies is changed",
            "- before: all files `sha256:",
        ],
    );

    // An invariant is taken out, and a field goes where more people see it.
    std::fs::remove_file(bench.path("new/invariants/edit.cedar")).unwrap();
    bench.write("new/fields.toml", FIELDS.replace("notes = \"body\"", "notes = \"head\""));
    let ran = ci(&bench, &[]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(!ran.out.contains("no decision changes for anybody"), "{}", ran.out);
    tells(
        &ran,
        &[
            "**Not to be signed off as it is:** see",
            "invariant `invariants.edit` is taken out",
            "Nobody but the owner edits.",
            "-unless { resource.owner == principal };",
            "**not asked any longer**: `invariants.edit`",
            "catalogue `Doc.notes` is shown otherwise",
            "| `Doc.notes` | section `body`, shown by edit | section `head`, shown by view | teams: ",
        ],
    );
    let announced = "[[invariant]]\nid = \"invariants.edit\"\nreason = \"no longer needed\"\n\
        [[catalogue]]\ntype = \"Doc\"\nfield = \"notes\"\nreason = \"teams read notes\"\n";
    bench.write("expected.toml", announced);
    let ran = ci(&bench, &["--expected", "expected.toml"]);
    passes(&ran);
    tells(&ran, &["Announced: no longer needed", "announced: teams read notes"]);
    // Of one role, and so many records, and no more.
    bench.write("expected.toml", format!("{announced}at_most = 1\n"));
    let ran = ci(&bench, &["--expected", "expected.toml"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    tells(&ran, &["announced as 1 records at most"]);
    bench.write("expected.toml", format!("{announced}role = \"leads\"\n"));
    assert_eq!(ci(&bench, &["--expected", "expected.toml"]).code, 4);
    // What is announced and is as it was is told.
    bench.write(
        "expected.toml",
        format!("{announced}[[guarantee]]\nid = \"guarantees.x\"\nreason = \"no such\"\n"),
    );
    tells(
        &ci(&bench, &["--expected", "expected.toml"]),
        &["nothing is changed of it: guarantee `guarantees.x`: no such"],
    );
    for wrong in [
        "[[invariants]]\nid = \"x\"\nreason = \"x\"\n",
        "[[catalogue]]\ntype = \"Doc\"\nfeild = \"x\"\nreason = \"x\"\n",
    ] {
        bench.write("expected.toml", wrong);
        ci(&bench, &["--expected", "expected.toml"]).fails(1, "unknown field");
    }
}

#[test]
fn an_exception_in_an_invariant_is_a_changed_claim() {
    let bench = bench();
    let excepted =
        INVARIANT.replace("resource.owner == principal", "resource.owner == principal || principal.active");
    bench.write("new/invariants/edit.cedar", &excepted);
    let ran = ci(&bench, &[]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    tells(
        &ran,
        &[
            "invariant `invariants.edit` is written otherwise",
            "-unless { resource.owner == principal };",
            "+unless { resource.owner == principal || principal.active };",
            "of what its text says now, which is not what it said before",
        ],
    );
    assert!(!ran.out.contains("- proved: Nobody but"), "{}", ran.out);
}

#[test]
fn every_other_input_that_is_changed_is_told() {
    let bench = bench();
    bench.write(
        "new/tests/cases.toml",
        CASES.replace("name = \"an owner edits\"", "name = \"an owner may edit\"").replacen(
            "expect = \"deny\"",
            "expect = \"deny\"\npolicies = []",
            1,
        ),
    );
    bench.write("new/schema.cedarschema", SCHEMA.replace("size: Long }", "size: Long, note?: String }"));
    let guarantee = "@id(\"guarantees.see\") @guarantee(\"R\") @description(\"All is seen.\")\n\
        permit (principal, action, resource);";
    bench.write("new/guarantees/see.cedar", guarantee);
    let ran = ci(&bench, &[]);
    tells(
        &ran,
        &[
            "Taken out (1):\n\n- an owner edits",
            "- another team does not see: expected deny, now deny by no policies",
            "New (1):\n\n- an owner may edit",
            "+entity Doc",
            "`guarantees.see` is new",
        ],
    );
    assert!(!ran.out.contains("no decision changes for anybody:"), "{}", ran.out);
    // What applies by the schema alone is a gain as well.
    bench.write("old/edit.cedar", EDIT.replace("action == ", "action in "));
    bench.write("new/edit.cedar", EDIT.replace("action == ", "action in "));
    bench.write(
        "new/schema.cedarschema",
        SCHEMA.replace("action view, edit appliesTo", "action edit appliesTo").replace(
            "action assign",
            "action view in [edit] appliesTo { principal: User, resource: Doc };\naction assign",
        ),
    );
    let ran = ci(&bench, &[]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    let announced = "`[[gain]]` with `policy = \"edit\"`, `action = \"view\"`, `type = \"Doc\"`";
    tells(&ran, &["by the schema, `edit` permits view on Doc", announced]);
    // Announced it is no matter; by how much is not counted, so that no bound is one.
    let gain =
        "[[gain]]\nreason = \"editing is viewing\"\npolicy = \"edit\"\naction = \"view\"\ntype = \"Doc\"\n";
    bench.write("expected.toml", gain);
    let ran = ci(&bench, &["--expected", "expected.toml"]);
    tells(&ran, &["`edit` permits view on Doc (announced: editing is viewing)"]);
    assert!(
        !ran.out.contains("by the schema, ") && !ran.out.contains("nothing that was seen"),
        "{}",
        ran.out
    );
    bench.write("expected.toml", format!("{gain}at_most = 1\n"));
    tells(&ci(&bench, &["--expected", "expected.toml"]), &["by the schema, `edit` permits view on Doc"]);
    // `diff` reads both versions under the newer schema, and says so.
    tells(
        &bench.run(["diff", "old", "new", "--sample", "20"]),
        &["is not told here: `caseward ci --base` tells it"],
    );
}

/// On data that is given, the clock stands at each later instant that the policies name.
#[test]
fn what_comes_later_is_seen_on_data_that_is_given() {
    let bench = bench();
    let red = json!({"__entity": {"type": "Team", "id": "red"}});
    let world = json!([
        {"uid": {"type": "User", "id": "ann"}, "parents": [], "attrs": {"active": true, "teams": [], "leads": [red]}},
        {"uid": {"type": "Doc", "id": "d1"}, "parents": [],
         "attrs": {"owner": {"__entity": {"type": "User", "id": "ann"}}, "team": red, "size": 1}},
    ]);
    bench.write("docs.json", world.to_string());
    let diff = |until: &str, now: &str| {
        let text = format!("principal && context.now < datetime(\"{until}\") }}");
        bench.write("new/own.cedar", OWN.replace("principal }", &text));
        bench.run(["diff", "old", "new", "--world", "docs.json", "--now", now])
    };
    let ran = diff("2027-01-01", "2026-05-11T00:00:00Z");
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    let later = "as of 2026-05-11T00:00:00.000Z, and of the later instants that the policies name: \
        2027-01-01T00:00:00.000Z, 2027-01-01T00:00:00.001Z (where they compare it with what stands in the data";
    tells(&ran, &["## Gained", "| D | `own` |", later]);
    // What is gone comes to nobody any more.
    let ran = diff("2026-01-01", "2026-05-11T00:00:00Z");
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(&ran, &["as of 2026-05-11T00:00:00.000Z alone; the policies name no later instant"]);
    // The clock is of no matter to what differs.
    bench.write("new/own.cedar", OWN);
    bench.write("new/edit.cedar", EDIT.replace("when { resource.owner == principal }", "when { false }"));
    let ran = bench.run(["diff", "old", "new", "--world", "docs.json", "--now", "2026-05-11T00:00:00Z"]);
    tells(&ran, &["as of 2026-05-11T00:00:00.000Z. All 1 people"]);
}

#[test]
fn a_solver_is_asked_for_what_no_data_shows() {
    if !has_solver() {
        println!("skipped: there is no cvc5 on this machine");
        return;
    }
    let bench = bench();
    // On data in which nobody has a team.
    let plain = json!([{"uid": {"type": "User", "id": "eve"}, "parents": [], "attrs": {"active": true, "teams": [], "leads": []}}]);
    bench.write("nobody.json", plain.to_string());
    bench.write(
        "new/edit.cedar",
        EDIT.replace(
            "resource.owner == principal",
            "resource.owner == principal || principal.leads.contains(resource.team)",
        ),
    );
    let ran = ci(&bench, &["--world", "nobody.json"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    tells(
        &ran,
        &[
            "**Gained:** none seen among 1 people and 0 records, on the data given",
            "- **gained**: edit on Doc",
            "asks to edit of",
            "**Not announced:** edit on Doc",
            "- nothing is lost, proved of all data: edit on Doc",
            "+when { resource.owner == principal || principal.leads.contains(resource.team) };",
        ],
    );
    bench.write("expected.toml", "[[gain]]\nreason = \"leads edit\"\npolicy = \"edit\"\nrole = \"leads\"\n");
    let ran = ci(&bench, &["--world", "nobody.json", "--expected", "expected.toml"]);
    assert!(!ran.out.contains("Not announced") && !ran.out.contains("nothing that was seen"), "{}", ran.out);
    // Written otherwise, and the same.
    bench.write("new/edit.cedar", EDIT.replace("resource.owner == principal", "principal == resource.owner"));
    std::fs::remove_file(bench.path("new/invariants/edit.cedar")).unwrap();
    std::fs::remove_file(bench.path("old/invariants/edit.cedar")).unwrap();
    let ran = ci(&bench, &["--world", "nobody.json"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    tells(&ran, &["no decision changes for anybody, proved of all data"]);
}

/// What `diff` says on data that it makes up.
fn diff(bench: &Bench, id: &str, text: &str) -> Ran {
    bench.write("new/own.cedar", OWN);
    bench.write("new/see.cedar", SEE);
    bench.write("new/size.cedar", SIZE);
    bench.write(&format!("new/{id}.cedar"), text);
    bench.run(["diff", "old", "new", "--sample", "100"])
}

#[test]
fn made_up_data_of_any_schema_shows_what_is_changed() {
    let bench = bench();
    let never = "when { false }";
    for (id, text) in [
        // Nobody assigns to themselves: the asker stands in every role of the context.
        ("own", OWN.replace("when { context.subject == principal }", never)),
        // One more, or one less, than the literal of the old version alone.
        ("size", SIZE.replace("context.size > 20971520", "context.size > 20971521")),
        ("size", SIZE.replace("context.size > 20971520", "context.size >= 20971522")),
        ("size", SIZE.replace("when { context.size > 20971520 }", never)),
        // From a day on that is not now.
        ("own", OWN.replace("principal }", "principal && context.now < datetime(\"2027-01-01\") }")),
        // A team that nobody is in, and people who hold two roles.
        ("see", SEE.replace("principal.teams", "resource.team == Team::\"new\" || principal.teams")),
        ("see", SEE.replace("principal.teams.contains(resource.team)", "principal.teams.contains(resource.team) || principal.leads.contains(Team::\"new\") && principal.teams.contains(Team::\"blue\")")),
    ] {
        let ran = diff(&bench, id, &text);
        assert_eq!(ran.code, 4, "{text}{}{}", ran.out, ran.err);
        tells(&ran, &["## Gained", "made-up data"]);
    }
    let ran = diff(
        &bench,
        "see",
        &SEE.replace(
            "principal.teams.contains(resource.team)",
            "[resource.team].containsAny(principal.teams)",
        ),
    );
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    tells(&ran, &["**Gained:** none seen among", "records, on made-up data"]);
    assert!(!ran.out.contains("nothing"), "{}", ran.out);
}

#[test]
fn samples_are_made_for_any_schema() {
    let bench = bench();
    let sample = |seed: &str| {
        bench.run(["sample", "--policies", "new", "--size", "30", "--seed", seed]).ends(0).out.clone()
    };
    assert_eq!(sample("1"), sample("1"));
    assert_ne!(sample("1"), sample("2"));
    bench.write("made.json", sample("1"));
    for (action, allowed) in [("view", true), ("edit", true), ("assign", true)] {
        let world: serde_json::Value = serde_json::from_str(&bench.read("made.json")).unwrap();
        let of = |ty: &str| -> Vec<String> {
            let all = world.as_array().unwrap().iter().filter(|one| one["uid"]["type"] == ty);
            all.map(|one| format!("{ty}::{}", one["uid"]["id"])).collect()
        };
        let (users, docs) = (of("User"), of("Doc"));
        let context = match action {
            "assign" => {
                json!({"now": "2026-05-11T00:00:00Z", "subject": {"__entity": {"type": "User", "id": "user0001"}}, "size": 1})
            }
            _ => json!({}),
        };
        let lines: String = users
            .iter()
            .flat_map(|user| docs.iter().map(move |doc| (user, doc)))
            .map(|(user, doc)| {
                let line = json!({"principal": user, "action": format!("Action::\"{action}\""), "resource": doc, "context": context});
                format!("{line}\n")
            })
            .collect();
        bench.write("asked.jsonl", lines);
        let ran = bench.run([
            "check",
            "--policies",
            "new",
            "--entities",
            "made.json",
            "--requests",
            "asked.jsonl",
            "--format",
            "json",
        ]);
        assert_eq!(ran.out.contains("\"decision\":\"allow\""), allowed, "{action}: {}", ran.err);
    }
}

#[test]
fn all_mutants_of_what_is_changed_are_run() {
    let bench = bench();
    // A policy with a condition that no case looks at, in a folder whose sample of mutants holds none of it.
    bench.write(
        "new/see.cedar",
        SEE.replace(
            "principal.teams.contains(resource.team)",
            "principal.teams.contains(resource.team) && resource.size < 100",
        ),
    );
    let common = ["ci", "--policies", "new", "--quiet", "--fail-under", "0", "--mutants", "1"];
    let ran = bench.run(common.into_iter().chain(["--base", "old"]));
    assert_eq!(ran.code, 4, "{}", ran.out);
    tells(&ran, &["of the policy changed", "what is changed is not tested, `see`", "--- a/see.cedar"]);
    assert!(ran.out.matches("--- a/see.cedar").count() > 3, "{}", ran.out);
}

#[test]
fn announcements_that_fall_short_are_told_as_such() {
    let bench = bench();
    bench.write("new/see.cedar", SEE.replace("principal.teams.contains(resource.team)", "true"));
    let with = |text: &str| {
        bench.write("expected.toml", text);
        bench.run(["diff", "old", "new", "--sample", "50", "--expected", "expected.toml"])
    };
    let gain = "[[gain]]\nreason = \"all see\"\nrule = \"A\"\n";
    assert_eq!(with(gain).code, 0);
    let ran = with(&format!("{gain}at_most = 10\n"));
    assert_eq!(ran.code, 4, "{}", ran.out);
    tells(&ran, &["**Announced as 10 decisions at most, and it is "]);
    assert!(!ran.out.contains("nothing that was seen matches"), "{}", ran.out);
    let ran = with(&gain.replace("\"A\"", "\"Z\""));
    tells(&ran, &["Announced, and nothing that was seen matches it: all see", "**Not announced:** view"]);
    for wrong in ["at_mots = 10", "rolle = \"x\""] {
        with(&format!("{gain}{wrong}\n")).fails(1, "unknown field");
    }
    with("[[gains]]\nreason = \"x\"\nrule = \"A\"\n").fails(1, "unknown field");
}

/// The folders of [`bench`] with notes on documents, which whoever reads them sees, and without anything changed.
fn with_notes() -> Bench {
    let bench = bench();
    let schema = format!(
        "{SCHEMA}entity Note = {{ doc: Doc, @section(\"text\") size: Long }};\n\
         action read, file appliesTo {{ principal: User, resource: Note }};\n\
         action told appliesTo {{ principal: User, resource: Doc }};\n"
    );
    let notes = "@id(\"notes\")\n@description(\"Teams read.\")\npermit (\n  principal,\n  action == Action::\"read\",\n  resource\n)\n// of the team\nwhen { principal.teams.contains(resource.doc.team) };\n";
    let file = "@id(\"file\")\n@description(\"Leads file.\")\npermit (\n  principal,\n  action == Action::\"file\",\n  resource\n)\n// a lead\nwhen { principal.leads.contains(resource.doc.team) };\n";
    let told = "@id(\"told\")\n@description(\"The active are told.\")\npermit (\n  principal,\n  action == Action::\"told\",\n  resource\n)\n// active\nwhen { principal.active };\n";
    for folder in ["old", "new"] {
        bench.write(&format!("{folder}/schema.cedarschema"), &schema);
        for (id, text) in [("notes", notes), ("file", file), ("told", told)] {
            bench.write(&format!("{folder}/{id}.cedar"), text);
        }
        bench.write(&format!("{folder}/fields.toml"), NOTED);
    }
    bench
}

const NOTED: &str = "[Doc]\nknown_by = [\"view\"]\nitems = [{ type = \"Note\", by = \"doc\", action = \"file\" }]\n\
    alert = { action = \"told\", sees = \"edit\" }\n\n[Doc.sections]\nhead = \"view\"\nbody = \"edit\"\n\n\
    [Doc.statistics]\nyearly = [\"team\"]\n\n[Doc.set_by]\nowner = \"the archive\"\n\n\
    [Note]\nknown_by = [\"read\"]\n\n[Note.sections]\ntext = \"read\"\n\n[User]\npublic = []\n";

#[test]
fn every_setting_of_the_catalogue_says_who_sees_what_now() {
    let bench = with_notes();
    passes(&ci(&bench, &[]));
    let everybody = "| everybody, of each of the ";
    let tables = "| not counted: whoever has a table of kind `yearly`, which covers all records | nobody |";
    let explained = "| not counted: whoever is given an explanation that speaks of it | nobody |";
    for (from, to, field, sees) in [
        ("public = []", "public = [\"active\"]", "User.public", everybody),
        ("[Note]\n", "[Note]\npublic = []\n", "Note.public", everybody),
        ("yearly = [\"team\"]", "yearly = [\"team\", \"owner\"]", "Doc.statistics.yearly", tables),
        ("\"the archive\"", "\"anybody\"", "Doc.set_by.owner", explained),
    ] {
        assert_eq!(NOTED.matches(from).count(), 1, "{from}");
        bench.write("new/fields.toml", NOTED.replace(from, to));
        let (ty, name) = field.split_once('.').unwrap();
        let said = format!("[[catalogue]]\ntype = \"{ty}\"\nfield = \"{name}\"\nreason = \"it is meant\"\n");
        let row = |ran: &Ran| {
            let row = ran.out.lines().find(|line| line.starts_with(&format!("| `{field}` |")));
            row.unwrap_or_else(|| panic!("{field}: {}", ran.out)).to_owned()
        };
        for (limits, code, mark) in [
            (None, 4, "**not announced**"),
            (Some("at_most = 0\n"), 4, "**announced within limits, which it does not have**"),
            (Some("at_most = 1000000\n"), 4, "**announced within limits, which it does not have**"),
            (Some("role = \"teams\"\n"), 4, "**announced within limits, which it does not have**"),
            (Some(""), 0, "announced: it is meant"),
        ] {
            bench.write("expected.toml", format!("{said}{}", limits.unwrap_or_default()));
            let announced = ["--expected", "expected.toml"];
            let ran = ci(&bench, if limits.is_some() { &announced } else { &[] });
            if code == 0 {
                passes(&ran)
            } else {
                assert_eq!(ran.code, code, "{field}: {}", ran.out)
            }
            let row = row(&ran);
            assert!(row.contains(sees) && row.ends_with(&format!("{mark} |")), "{row}");
            assert!(!row.contains("nobody seen"), "{row}");
        }
        tells(&ci(&bench, &[]), &["No policy is changed that can apply: no decision was compared."]);
        // The other way round nobody sees more, and that is known.
        bench.write("new/fields.toml", NOTED);
        bench.write("old/fields.toml", NOTED.replace(from, to));
        let ran = ci(&bench, &[]);
        let gained = row(&ran).split('|').nth(4).unwrap().trim().to_owned();
        assert_eq!(gained == "nobody", field != "Doc.set_by.owner", "{field}: {gained}");
        bench.write("old/fields.toml", NOTED);
    }
}

#[test]
fn who_is_told_and_who_sees_entries_is_counted() {
    let bench = with_notes();
    let world = json!([
        {"uid": {"type": "User", "id": "ann"}, "parents": [], "attrs": {"active": true, "teams": [team("red")], "leads": []}},
        {"uid": {"type": "User", "id": "ben"}, "parents": [], "attrs": {"active": false, "teams": [team("red")], "leads": []}},
        {"uid": {"type": "User", "id": "cat"}, "parents": [], "attrs": {"active": true, "teams": [], "leads": [team("red")]}},
        {"uid": {"type": "Doc", "id": "d"}, "parents": [],
         "attrs": {"owner": {"__entity": {"type": "User", "id": "cat"}}, "team": team("red"), "size": 1}},
        {"uid": {"type": "Note", "id": "n1"}, "parents": [], "attrs": {"doc": {"__entity": {"type": "Doc", "id": "d"}}, "size": 1}},
        {"uid": {"type": "Note", "id": "n2"}, "parents": [], "attrs": {"doc": {"__entity": {"type": "Doc", "id": "d"}}, "size": 1}},
    ]);
    bench.write("w.json", world.to_string());
    for (from, to, row) in [
        // Ann is active and sees documents; Ben sees them, and Cat is active and does not: she was told as their owner.
        (
            "sees = \"edit\"",
            "sees = \"view\"",
            "| `Doc.alert` | told and edit | told and view | teams: 1 people, 1 records | no role: 1 people, 1 records |",
        ),
        // Ann and Ben know of the document, and read its notes; Cat files them and does not know of it.
        (
            "action = \"file\"",
            "action = \"read\"",
            "| `Doc.items` | Note by doc, shown by file | Note by doc, shown by read | teams: 2 people, 4 entries | nobody seen |",
        ),
        (
            "known_by = [\"read\"]",
            "known_by = [\"read\", \"file\"]",
            "| leads: 1 people, 2 records | nobody seen |",
        ),
        // Who files reads: the same people.
        (
            "body = \"edit\"",
            "body = \"view\"",
            "section `body`, shown by view | teams: 2 people, 2 records | no role: 1 people",
        ),
    ] {
        assert_eq!(NOTED.matches(from).count(), 1, "{from}");
        bench.write("new/fields.toml", NOTED.replace(from, to));
        let ran = ci(&bench, &["--world", "w.json"]);
        assert_eq!(ran.code, 4, "{}", ran.out);
        tells(&ran, &[row, "3 people were asked about, all that are in the data below"]);
    }
}

fn team(id: &str) -> serde_json::Value {
    json!({"__entity": {"type": "Team", "id": id}})
}

#[test]
fn every_file_of_the_folder_is_compared_and_hashed() {
    let bench = bench();
    for folder in ["old", "new"] {
        bench.write(&format!("{folder}/annotations.toml"), "[decision.D1]\nreading = \"Nobody.\"\n");
        bench.write(&format!("{folder}/README.md"), "# Policies\n");
        bench.write(&format!("{folder}/src/lib.rs"), "// code\n");
    }
    let hash = |ran: &Ran, when: &str| {
        let line = ran.out.lines().find(|line| line.starts_with(&format!("- {when}:"))).unwrap().to_owned();
        line.split("all files `sha256:").nth(1).unwrap()[..64].to_owned()
    };
    let same = ci(&bench, &[]);
    passes(&same);
    assert_eq!(hash(&same, "before"), hash(&same, "now"));
    tells(&same, &["annotations, matrix, pages and proofs are as they were"]);
    for (file, text, told) in [
        ("annotations.toml", "[decision.D1]\nreading = \"All of them.\"\n", "+reading = \"All of them.\""),
        ("matrix.toml", "now = \"2027-05-11T09:00:00+1200\"\n", "+now = \"2027-05-11T09:00:00+1200\""),
        // An entry that nobody has a field in yet, which the table of who sees what cannot show.
        (
            "fields.toml",
            &FIELDS.replace("known_by", "# who\nincludes = [\"owner\"]\nknown_by"),
            "+includes = [\"owner\"]",
        ),
        ("RULES.md", "# Rules\n\none\n", "- `RULES.md` is new: 3 lines more, 0 less"),
    ] {
        let before = std::fs::read(bench.path(&format!("new/{file}"))).ok();
        bench.write(&format!("new/{file}"), text);
        let ran = ci(&bench, &[]);
        passes(&ran);
        tells(&ran, &[told, &format!("changed besides policies: `{file}`")]);
        assert_ne!(hash(&ran, "before"), hash(&ran, "now"), "{file}");
        match before {
            Some(before) => bench.write(&format!("new/{file}"), before),
            None => std::fs::remove_file(bench.path(&format!("new/{file}"))).unwrap(),
        }
    }
    // A page that is gone can no longer be out of date, and that is told.
    for page in ["RULES.md", "matrix.out"] {
        bench.write(&format!("old/{page}"), "# Rules\n\none\n");
        let ran = ci(&bench, &[]);
        passes(&ran);
        tells(&ran, &[&format!("- `{page}` is taken out: 0 lines more, 3 less")]);
        std::fs::remove_file(bench.path(&format!("old/{page}"))).unwrap();
    }
}

#[test]
fn a_reason_that_says_nothing_announces_nothing() {
    let bench = bench();
    std::fs::remove_file(bench.path("new/invariants/edit.cedar")).unwrap();
    for reason in ["", " ", "\\t\\n", "\u{200b}", "…", "-"] {
        for table in [
            "[[invariant]]\nid = \"invariants.edit\"\n",
            "[[guarantee]]\nid = \"guarantees.x\"\n",
            "[[gain]]\naction = \"view\"\n",
            "[[catalogue]]\ntype = \"Doc\"\nfield = \"notes\"\n",
        ] {
            bench.write("expected.toml", format!("{table}reason = \"{reason}\"\n"));
            ci(&bench, &["--expected", "expected.toml"]).fails(1, "a `reason` says nothing");
        }
    }
    bench.write(
        "new/tests/unreachable.toml",
        "[[unreachable]]\npolicy = \"edit\"\ncondition = 'resource.owner == principal'\ndecides = false\nwhy = \" \"\n",
    );
    let ran = bench.run(["coverage", "--policies", "new"]);
    assert!(ran.code != 0 && ran.err.contains("`why` says nothing"), "{}{}", ran.out, ran.err);
    bench.write("new/annotations.toml", "[decision]\nD1 = \" \"\n");
    let ran = bench.run(["lint", "--policies", "new"]);
    assert!(ran.code != 0 && ran.err.contains("`D1` says nothing"), "{}{}", ran.out, ran.err);
}

/// A file whose name nobody can write is not passed over, in a folder or in a revision of git.
#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf_8_is_an_error() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let bench = bench();
    let odd = bench.path("old/tests").join(OsStr::from_bytes(b"ca\xffses.toml"));
    std::fs::write(&odd, CASES).unwrap();
    bench
        .run(["ci", "--policies", "new", "--base", "old", "--mutants", "0"])
        .fails(1, "its name is not UTF-8");
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
        let done = Command::new("git").arg("-C").arg(bench.path(".")).args(who).args(args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    std::fs::copy(&odd, bench.path("new/tests").join(OsStr::from_bytes(b"ca\xffses.toml"))).unwrap();
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    std::fs::remove_file(bench.path("new/tests").join(OsStr::from_bytes(b"ca\xffses.toml"))).unwrap();
    bench
        .run(["ci", "--policies", "new", "--base", "HEAD", "--mutants", "0"])
        .fails(1, "its name is not UTF-8");
    // What a build leaves is not read, whatever it is called; below another folder it is.
    std::fs::remove_file(&odd).unwrap();
    for folder in ["old", "new"] {
        let mark = "Signature: 8a477f597d28d172789f06886806bc55\n";
        bench.write(&format!("{folder}/target/CACHEDIR.TAG"), mark);
        bench.write(&format!("{folder}/target/x.cedar.txt"), "");
    }
    let ran = bench.run(["ci", "--policies", "new", "--base", "old", "--mutants", "0"]);
    assert!(ran.out.contains("nothing besides policies is changed"), "{}{}", ran.out, ran.err);
}

/// What a policy names is in made-up data, whatever the data is drawn from.
#[test]
fn a_back_door_for_one_person_or_one_record_is_seen() {
    let bench = bench();
    let door = |scope: &str, when: &str| {
        format!(
            "@id(\"door\")\n@description(\"A door.\")\npermit (\n  {scope}\n)\n// a door\nwhen {{ {when} }};\n"
        )
    };
    for (scope, when) in [
        ("principal == User::\"backdoor\",\n  action,\n  resource is Doc", "true"),
        ("principal,\n  action,\n  resource == Doc::\"d-77\"", "true"),
        (
            "principal,\n  action == Action::\"view\",\n  resource",
            "resource.size == 7 || principal == User::\"root\"",
        ),
    ] {
        bench.write("new/door.cedar", door(scope, when));
        let ran = bench.run(["diff", "old", "new", "--sample", "60"]);
        assert_eq!(ran.code, 4, "{scope}: {}{}", ran.out, ran.err);
        tells(&ran, &["door"]);
    }
}

/// What is not looked for is not said to be nothing.
#[test]
fn a_changed_schema_alone_is_not_called_nothing() {
    let bench = bench();
    bench.write("new/schema.cedarschema", format!("{SCHEMA}\nentity Thing;\n"));
    let ran = bench.run(["diff", "old", "new", "--sample", "20"]);
    tells(&ran, &["none was looked for", "`caseward ci --base` tells it"]);
    assert!(!ran.out.contains("Gained:** nothing"), "{}", ran.out);
    let json = bench.run(["diff", "old", "new", "--sample", "20", "--format", "json"]).json();
    assert_eq!((&json["schema_is_changed"], &json["catalogue_is_changed"]), (&json!(true), &json!(false)));
}

#[test]
fn a_secret_key_is_never_written_over() {
    let bench = bench();
    bench.run(["bundle", "keygen", "--secret", "s.key"]).ends(0);
    let key = bench.read("s.key");
    for args in [
        vec!["sample", "--cases", "1", "-o", "s.key"],
        vec!["ci", "--policies", "new", "--base", "old", "-o", "s.key"],
    ] {
        let ran = bench.run(args.clone());
        assert!(ran.code != 0 && ran.err.contains("it is a secret key"), "{args:?}: {}", ran.err);
        assert_eq!(bench.read("s.key"), key);
    }
}

/// What was announced of an earlier change, and stands in the file still, announces nothing of this one.
#[test]
fn an_old_announcement_covers_no_new_change() {
    let bench = bench();
    let gain = "[[gain]]\nreason = \"all saw\"\nrule = \"A\"\n";
    let old = format!(
        "{gain}[[invariant]]\nreason = \"we recorded it\"\nid = \"invariants.edit\"\n\
         [[catalogue]]\nreason = \"notes moved\"\ntype = \"Doc\"\nfield = \"notes\"\n"
    );
    bench.write("old/expected.toml", &old);
    bench.write("new/expected.toml", &old);
    std::fs::remove_file(bench.path("new/invariants/edit.cedar")).unwrap();
    bench.write("new/fields.toml", FIELDS.replace("notes = \"body\"", "notes = \"head\""));
    let more = "principal.teams.contains(resource.team) || principal.leads.contains(resource.team)";
    bench.write("new/see.cedar", SEE.replace("principal.teams.contains(resource.team)", more));
    let with = ["--expected", "new/expected.toml"];
    let open = [
        "invariant `invariants.edit` is taken out",
        "catalogue `Doc.notes` is shown otherwise",
        "so that it announces nothing now:",
        "- gain: all saw",
        "- invariant `invariants.edit`: we recorded it",
        "- catalogue `Doc.notes`: notes moved",
    ];
    let ran = ci(&bench, &with);
    assert_eq!(ran.code, 4, "{}", ran.out);
    tells(&ran, &open);
    assert!(!ran.out.contains("Announced: we recorded it"), "{}", ran.out);
    let diff = |bench: &Bench, old: &str, more: &[&str]| {
        let args = ["diff", old, "new", "--sample", "50", "--expected", "new/expected.toml"];
        bench.run(args.into_iter().chain(more.iter().copied()))
    };
    let ran = diff(&bench, "old", &[]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    tells(&ran, &["- gain: all saw", "**Not announced:** view"]);
    let told = diff(&bench, "old", &["--format", "json"]).json()["announced_before"].clone();
    assert_eq!(told[0], "gain: all saw");
    // Announced anew it is, which whoever reviews the file sees.
    bench.write(
        "new/expected.toml",
        old.replace("all saw", "all see").replace("recorded", "record").replace("moved", "move"),
    );
    passes(&ci(&bench, &with));
    assert_eq!(diff(&bench, "old", &[]).code, 0);

    // In a revision of git as in a folder.
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
        let done = Command::new("git").arg("-C").arg(bench.path(".")).args(who).args(args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let changed: Vec<(&str, String)> = ["see.cedar", "fields.toml"]
        .into_iter()
        .map(|name| (name, bench.read(&format!("new/{name}"))))
        .collect();
    bench.write("new/see.cedar", SEE);
    bench.write("new/fields.toml", FIELDS);
    bench.write("new/invariants/edit.cedar", INVARIANT);
    bench.write("new/expected.toml", &old);
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    changed.iter().for_each(|(name, text)| bench.write(&format!("new/{name}"), text));
    std::fs::remove_file(bench.path("new/invariants/edit.cedar")).unwrap();
    let since = |bench: &Bench| {
        let common = ["ci", "--policies", "new", "--quiet", "--fail-under", "0", "--mutants", "0"];
        bench.run(common.into_iter().chain(["--base", "HEAD", "--expected", "new/expected.toml"]))
    };
    let ran = since(&bench);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(&ran, &open);
    let ran = diff(&bench, "git:HEAD:new", &[]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    tells(&ran, &["- gain: all saw"]);
    // A file that was not there before is new.
    std::fs::rename(bench.path("new/expected.toml"), bench.path("new/meant.toml")).unwrap();
    let common = ["ci", "--policies", "new", "--quiet", "--fail-under", "0", "--mutants", "0"];
    passes(&bench.run(common.into_iter().chain(["--base", "HEAD", "--expected", "new/meant.toml"])));
    // One that was no TOML: nobody knows which are new.
    bench.write("old/expected.toml", "[[");
    bench.write("new/expected.toml", &old);
    ci(&bench, &with).fails(1, "it is not known which are new");
}

/// Links are followed in a revision of git as in a folder, and do not lead out of it.
#[cfg(unix)]
#[test]
fn links_in_a_revision_are_followed_within_it() {
    use std::os::unix::fs::symlink;
    let bench = bench();
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
        let done = Command::new("git").arg("-C").arg(bench.path(".")).args(who).args(args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let commit = |message: &str| {
        git(&["add", "-A"]);
        git(&["commit", "-q", "--allow-empty", "-m", message]);
    };
    git(&["init", "-q"]);
    // A forbid in a folder of its own, a policy behind two links, cases and invariants through links.
    bench.write("shared/gates/own.cedar", OWN.replace("@id(\"own\")", "@id(\"gates.own\")"));
    std::fs::remove_file(bench.path("new/own.cedar")).unwrap();
    std::fs::rename(bench.path("new/see.cedar"), bench.path("shared/see.cedar")).unwrap();
    for folder in ["invariants", "tests"] {
        std::fs::rename(bench.path(&format!("new/{folder}")), bench.path(&format!("shared/{folder}")))
            .unwrap();
        symlink(format!("../shared/{folder}"), bench.path(&format!("new/{folder}"))).unwrap();
    }
    symlink("../shared/gates", bench.path("new/gates")).unwrap();
    symlink("shared", bench.path("linked")).unwrap();
    symlink("./../linked//see.cedar", bench.path("new/see.cedar")).unwrap();
    commit("links");
    let since = |bench: &Bench| {
        let common = ["ci", "--policies", "new", "--quiet", "--fail-under", "0", "--mutants", "0"];
        bench.run(common.into_iter().chain(["--base", "HEAD"]))
    };
    let same = since(&bench);
    passes(&same);
    tells(&same, &["no decision changes for anybody", "nothing besides policies is changed"]);
    let hash = |when: &str| {
        let line = same.out.lines().find(|line| line.starts_with(&format!("- {when}:"))).unwrap();
        line.split("all files `sha256:").nth(1).unwrap()[..64].to_owned()
    };
    assert_eq!(hash("before"), hash("now"));
    // What stands behind a link is compared.
    std::fs::remove_file(bench.path("shared/invariants/edit.cedar")).unwrap();
    bench.write(
        "shared/gates/own.cedar",
        OWN.replace("@id(\"own\")", "@id(\"gates.own\")")
            .replace("when { context", "when { false && context"),
    );
    let ran = since(&bench);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(&ran, &["invariant `invariants.edit` is taken out", "`gates.own` | denies | rewritten"]);
    let ran = bench.run(["diff", "git:HEAD:new", "new", "--sample", "50"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(&ran, &["gates.own"]);
    git(&["checkout", "-q", "HEAD", "--", "."]);

    // What does not end in the revision is named.
    let outside = std::env::temp_dir().display().to_string();
    for (target, why) in [
        ("../../gates", "new/gates` of HEAD is a link to `../../gates`, which is not there in the revision"),
        (outside.as_str(), "which is not there in the revision: links are followed within"),
        ("../nowhere", "which is not there in the revision"),
        ("../new", "it is a link back to a folder that it stands in"),
        (".", "it is a link back to a folder that it stands in"),
        ("gates", "which is not there in the revision"),
    ] {
        std::fs::remove_file(bench.path("new/gates")).unwrap();
        symlink(target, bench.path("new/gates")).unwrap();
        commit(target);
        std::fs::remove_file(bench.path("new/gates")).unwrap();
        let ran = since(&bench);
        assert_eq!(ran.code, 1, "{target}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(why), "{target}: {}", ran.err);
        symlink("../shared/gates", bench.path("new/gates")).unwrap();
    }
    // What needs no reading may lead anywhere.
    commit("as before");
    symlink("nowhere", bench.path("new/README.md")).unwrap();
    commit("a page");
    std::fs::remove_file(bench.path("new/README.md")).unwrap();
    passes(&since(&bench));
}
