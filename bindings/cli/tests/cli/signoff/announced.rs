//! What announcements of a change cover, and what they do not.

use super::*;

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

#[test]
fn a_reason_that_says_nothing_announces_nothing() {
    let bench = bench();
    std::fs::remove_file(bench.path("new/invariants/edit.cedar")).unwrap();
    for reason in ["", " ", "\\t\\n", "\u{200b}", "…", "-"] {
        for table in [
            "[[invariant]]\nid = \"invariants.edit\"\n",
            "[[guarantee]]\nid = \"guarantees.x\"\n",
            "[[fit]]\nid = \"fits.x\"\n",
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
    // Another limit, a narrower word or other marks make no other announcement.
    for again in [
        format!("{gain}at_most = 90000000\n"),
        format!("{gain}action = \"view\"\ntype = \"Doc\"\n"),
        format!("{gain}policy = \"see\"\n"),
        gain.replace("all saw", "All  saw."),
        gain.replace("all saw", "all saw\\u202E\\U000E0041"),
    ] {
        bench.write("new/expected.toml", &again);
        let ran = diff(&bench, "old", &[]);
        assert_eq!(ran.code, 4, "{again}: {}", ran.out);
    }
    // Of another policy it is another.
    bench.write("new/expected.toml", gain.replace("\"A\"", "\"B\""));
    let ran = diff(&bench, "old", &[]);
    assert!(!ran.out.contains("announces nothing now"), "{}", ran.out);
    // Announced anew it is, which whoever reviews the file sees.
    bench.write(
        "new/expected.toml",
        old.replace("all saw", "all see").replace("recorded", "record").replace("moved", "move"),
    );
    passes(&ci(&bench, &with));
    assert_eq!(diff(&bench, "old", &[]).code, 0);

    // In a revision of git as in a folder.
    let git = |args: &[&str]| git(&bench, args);
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
    // Nor does it anew under another name, or from somewhere else.
    for (meant, text) in [
        ("new/meant.toml", old.clone()),
        ("elsewhere/meant.toml", old.clone()),
        ("meant.txt", old.clone()),
        (
            "meant.yaml",
            old.replace("reason = \"", "reason = \" \u{ad}").replace(" recorded", "  recorded\u{a0}"),
        ),
        ("meant", old.replace("[[gain]]", "  [[ \"gain\" ]] # once more")),
    ] {
        bench.write(meant, &text);
        let common = ["ci", "--policies", "new", "--quiet", "--fail-under", "0", "--mutants", "0"];
        let ran = bench.run(common.into_iter().chain(["--base", "HEAD", "--expected", meant]));
        assert_eq!(ran.code, 4, "{meant}: {}{}", ran.out, ran.err);
        tells(&ran, &open);
        tells(&ci(&bench, &["--expected", meant]), &open);
        std::fs::remove_file(bench.path(meant)).unwrap();
    }
    // Nor one that had no ending, and tables in a line.
    bench.write("notes", "invariant = [{ reason = 'recorded', id = 'invariants.edit' }]\n");
    git(&["add", "notes"]);
    git(&["commit", "-q", "-m", "notes"]);
    bench.write("meant.toml", "[[invariant]]\nreason = \"recorded\"\nid = \"invariants.edit\"\n");
    let common = ["ci", "--policies", "new", "--quiet", "--fail-under", "0", "--mutants", "0"];
    let ran = bench.run(common.into_iter().chain(["--base", "HEAD", "--expected", "meant.toml"]));
    tells(&ran, &["invariant `invariants.edit` is taken out", "- invariant `invariants.edit`: recorded"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    // Beside the folders as within them.
    for folder in ["a", "b"] {
        std::fs::create_dir(bench.path(folder)).unwrap();
        bench.write(
            &format!("{folder}/said"),
            "invariant = [{ reason = 'recorded', id = 'invariants.edit' }]\n",
        );
    }
    std::fs::rename(bench.path("old"), bench.path("a/p")).unwrap();
    std::fs::rename(bench.path("new"), bench.path("b/p")).unwrap();
    let common = ["ci", "--policies", "b/p", "--quiet", "--fail-under", "0", "--mutants", "0"];
    let ran = bench.run(common.into_iter().chain(["--base", "a/p", "--expected", "b/said"]));
    tells(&ran, &["invariant `invariants.edit` is taken out", "- invariant `invariants.edit`: recorded"]);
    std::fs::rename(bench.path("a/p"), bench.path("old")).unwrap();
    std::fs::rename(bench.path("b/p"), bench.path("new")).unwrap();
    // One that was no TOML: nobody knows which are new.
    bench.write("old/expected.toml", "[[");
    bench.write("new/expected.toml", &old);
    ci(&bench, &with).fails(1, "it is not known which are new");
}

/// Who fits where a record names somebody decides who is taken out of it: as good a protection as any.
#[test]
fn a_change_of_who_fits_has_to_be_announced() {
    let bench = bench();
    let actions = "action fits appliesTo { principal: User, resource: Doc, context: {} };\n";
    let fit = |id: &str, when: &str| {
        format!(
            "@id(\"fits.{id}\")\n@description(\"An owner leads.\")\npermit (\n  principal,\n  action == Action::\"fits\",\n  \
             resource\n)\n// leads\nwhen {{ {when} }};\n"
        )
    };
    let leads = "principal.leads.contains(resource.team)";
    bench.write("new/fits/actions.cedarschema", actions);
    bench.write("new/fits/lead.cedar", fit("lead", leads));
    // The first of them take the place of none.
    let ran = ci(&bench, &[]);
    passes(&ran);
    tells(&ran, &["### Who fits where a record names somebody", "2 fit conditions"]);
    bench.write("old/fits/actions.cedarschema", actions);
    bench.write("old/fits/lead.cedar", fit("lead", leads));
    passes(&ci(&bench, &[]));

    let wider = fit("lead", &format!("{leads} || principal.active"));
    let changes: [(&str, Option<String>, &str); 4] = [
        ("fits/lead.cedar", Some(wider), "fit `fits.lead` is written otherwise"),
        ("fits/lead.cedar", None, "fit `fits.lead` is taken out"),
        ("fits/more.cedar", Some(fit("more", "principal.active")), "fit `fits.more` is new"),
        (
            "fits/actions.cedarschema",
            Some(actions.replace("action fits ", "action fits, suits ")),
            "fit `fits.actions` is written otherwise",
        ),
    ];
    for (file, text, told) in changes {
        let file = format!("new/{file}");
        let before = std::fs::read(bench.path(&file)).ok();
        match &text {
            Some(text) => bench.write(&file, text),
            None => std::fs::remove_file(bench.path(&file)).unwrap(),
        }
        let ran = ci(&bench, &[]);
        assert_eq!(ran.code, 4, "{told}: {}{}", ran.out, ran.err);
        tells(&ran, &[told]);
        let id = told.split('`').nth(1).unwrap();
        bench.write("expected.toml", format!("[[fit]]\nid = \"{id}\"\nreason = \"the active lead, too\"\n"));
        let ran = ci(&bench, &["--expected", "expected.toml"]);
        passes(&ran);
        tells(&ran, &["Announced: the active lead, too"]);
        match before {
            Some(before) => bench.write(&file, before),
            None => std::fs::remove_file(bench.path(&file)).unwrap(),
        }
    }
    // What they are made of is validated and linted with the rest.
    bench.write("new/fits/lead.cedar", fit("lead", "true"));
    for verb in [vec!["lint"], vec!["validate"], vec!["ci", "--fail-under", "0", "--mutants", "0"]] {
        let ran = bench.run(verb.into_iter().chain(["--policies", "new"]));
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("`fits.lead` permits everybody fits on every Doc"), "{said}");
    }
    bench.write("new/fits/lead.cedar", fit("lead", "principal.nobody"));
    let ran = ci(&bench, &[]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    tells(&ran, &["nobody"]);
    bench.write(
        "new/fits/actions.cedarschema",
        "\n\naction fits appliesTo { principal: Usr, resource: Doc };\n",
    );
    let ran = bench.run(["validate", "--policies", "new", "--format", "json"]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    let problem = ran.json()[0].clone();
    assert!(problem["source"].as_str().unwrap().ends_with("new/fits/actions.cedarschema"), "{problem}");
    assert_eq!(problem["line"], 3, "a place in the actions is one in their file: {problem}");
}

/// A solver gives one example; what one announcement covers is taken out before it is asked for the next.
#[test]
fn a_gain_beyond_the_announced_is_found_of_all_data() {
    if !has_solver() {
        println!("skipped: there is no cvc5 on this machine");
        return;
    }
    let bench = bench();
    // On data that shows nothing of it.
    bench.write("nobody.json", nobody());
    let owner = "resource.owner == principal";
    let with = |more: &str| {
        EDIT.replace(owner, &format!("{owner} || principal.leads.contains(resource.team){more}"))
    };
    let extra = "@id(\"extra\")\n@description(\"More.\")\npermit (\n  principal,\n  action == Action::\"edit\",\n  resource\n)\n// small\nwhen { resource.size == 7 && principal.leads.contains(Team::\"blue\") };\n";
    let leads = "[[gain]]\nreason = \"leads edit\"\npolicy = \"edit\"\nrole = \"leads\"\n";
    let of_extra = "[[gain]]\nreason = \"small ones\"\npolicy = \"extra\"\naction = \"edit\"\n";
    for (edit, extra, expected, is_covered) in [
        (with(""), None, leads.to_owned(), true),
        // Others than the role, by the same policy.
        (with(" || principal.active && resource.size == 7"), None, leads.to_owned(), false),
        // The role, by another policy.
        (with(""), Some(extra), leads.to_owned(), false),
        (with(""), Some(extra), format!("{leads}{of_extra}"), true),
        (with(""), Some(extra), leads.replace("policy = \"edit\"\n", ""), true),
        (with(""), Some(extra), of_extra.replace("policy = \"extra\"\n", "rule = \"B\"\n"), false),
    ] {
        bench.write("new/edit.cedar", &edit);
        match extra {
            Some(text) => bench.write("new/extra.cedar", text),
            None => drop(std::fs::remove_file(bench.path("new/extra.cedar"))),
        }
        bench.write("expected.toml", &expected);
        let ran = ci(&bench, &["--world", "nobody.json", "--expected", "expected.toml"]);
        assert_eq!(!ran.out.contains("Not announced"), is_covered, "{expected}{}", ran.out);
        // An invariant says that the owner alone edits, and is proved wrong.
        assert_eq!(ran.code, 4);
    }
}
