//! What made-up data and a solver show of a change.

use super::*;

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
    bench.write("nobody.json", nobody());
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

/// References that need not be there lead to what a policy names, too, by whatever way a policy comes to it.
#[test]
fn a_back_door_behind_an_optional_reference_is_seen() {
    let bench = bench();
    let schema = SCHEMA.replace(
        "entity Doc {",
        "entity Firm { boss?: User, part?: Firm };\nentity Doc { firm?: Firm, reader?: User,",
    );
    let door = |scope: &str, when: &str| {
        format!(
            "@id(\"door\")\n@description(\"A door.\")\npermit (\n  {scope}\n)\n// a door\nwhen {{ {when} }};\n"
        )
    };
    for folder in ["old", "new"] {
        bench.write(&format!("{folder}/schema.cedarschema"), &schema);
    }
    for (scope, when) in [
        ("principal,\n  action,\n  resource is Doc", "resource has firm && resource.firm == Firm::\"acme\""),
        (
            "principal,\n  action,\n  resource is Doc",
            "resource has reader && resource.reader == User::\"root\"",
        ),
        (
            "principal == User::\"root\",\n  action,\n  resource is Doc",
            "resource has firm && resource.firm == Firm::\"acme\" && principal.active",
        ),
        (
            "principal,\n  action,\n  resource is Doc",
            "resource has firm && resource.firm has boss && resource.firm.boss == User::\"root\" && principal.leads.contains(resource.team)",
        ),
        (
            "principal,\n  action,\n  resource == Doc::\"d-77\"",
            "resource has firm && resource.firm has part && resource.firm.part == Firm::\"acme\"",
        ),
    ] {
        bench.write("new/door.cedar", door(scope, when));
        let ran = bench.run(["diff", "old", "new", "--sample", "60"]);
        assert_eq!(ran.code, 4, "{when}: {}{}", ran.out, ran.err);
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
