//! What protects and is changed: invariants, guarantees, who fits, and every other file of the folder.

use super::*;

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
    // Nothing was compared, so nothing is counted, and nothing is said to be nothing.
    for wrong in ["**Gained:** nothing", "are seen to be gained"] {
        assert!(!ran.out.contains(wrong), "{wrong}: {}", ran.out);
    }
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

/// What a change says in the lock file is believed where the version before says it too, and proved again elsewhere.
#[cfg(unix)]
#[test]
fn a_lock_file_that_comes_with_a_change_is_not_believed() {
    use std::os::unix::fs::PermissionsExt as _;
    if !has_solver() {
        return;
    }
    let bench = bench();
    // What holds is proved of the version before, and that is kept.
    assert_eq!(bench.run(["prove", "--policies", "old"]).code, 0);
    let honest = bench.read("old/proofs.lock");
    let since = |bench: &Bench| {
        let common =
            ["ci", "--policies", "new", "--quiet", "--base", "old", "--fail-under", "0", "--mutants", "0"];
        bench.run(common)
    };
    bench.write("new/proofs.lock", &honest);
    passes(&since(&bench));
    // Somebody edits what is not theirs, against the invariant, and a solver that lies writes the lock.
    let weak = EDIT.replace("when { resource.owner == principal }", "when { principal.active }");
    bench.write("new/edit.cedar", weak);
    let version =
        honest.lines().find_map(|line| line.strip_prefix("solver = \"cvc5 ")?.strip_suffix('"')).unwrap();
    bench.write(
        "liar",
        format!(
            "#!/bin/sh
[ \"$1\" = --version ] && exec cvc5 --version
n=0
while read -r line; do
  case \"$line\" in
    '(get-info :name)') echo '(:name \"cvc5\")' ;;
    '(get-info :version)') echo '(:version \"{version}\")' ;;
    '(check-sat)') n=$((n + 1)); case $n in 2) echo sat ;; *) echo unsat ;; esac ;;
  esac
done
"
        ),
    );
    std::fs::set_permissions(bench.path("liar"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = bench.command();
    let lied = command.args(["prove", "--policies", "new"]).env("CVC5", bench.path("liar")).output().unwrap();
    let line =
        |lock: &str| lock.lines().find(|line| line.starts_with("\"invariants.edit\"")).map(str::to_owned);
    let forged = bench.read("new/proofs.lock");
    assert_ne!(line(&forged), line(&honest), "{}", String::from_utf8_lossy(&lied.stderr));
    let by_hand = bench.run(["prove", "--policies", "new", "--locked"]);
    assert!(!by_hand.out.contains("not so"), "{}{}", by_hand.out, by_hand.err);
    let ran = since(&bench);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(&ran, &["**not so**"]);
    // A line for a version to come is told as long as it is new.
    bench.write("new/edit.cedar", EDIT);
    let planted = honest.replacen("[proved]\n", "[proved]\n\"to come\" = \"00\"\n", 1);
    assert_ne!(planted, honest);
    // Also where the file says that another solver proved it.
    let other = planted.replace("solver = \"cvc5 ", "solver = \"cvc5 9");
    assert_ne!(other, planted);
    for planted in [planted, other] {
        bench.write("new/proofs.lock", &planted);
        let ran = since(&bench);
        assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
        tells(&ran, &["`proofs.lock` says of `to come` what the version before does not say"]);
    }
}

/// A schema that takes an action out of a group takes it out of what the claims of that group speak of.
#[test]
fn a_claim_that_speaks_of_less_by_the_schema_has_to_be_announced() {
    let bench = bench();
    let schema =
        SCHEMA.replace("action view, edit appliesTo", "action seen;\naction view, edit in [seen] appliesTo");
    let claim = INVARIANT.replace("action == Action::\"edit\"", "action in Action::\"seen\"");
    let guarantee = "@id(\"guarantees.own\")\n@guarantee(\"1\")\n@description(\"Owners edit.\")\npermit (\n  principal,\n  action in Action::\"seen\",\n  resource\n)\nwhen { resource.owner == principal };\n";
    for folder in ["old", "new"] {
        bench.write(&format!("{folder}/schema.cedarschema"), &schema);
        bench.write(&format!("{folder}/invariants/edit.cedar"), &claim);
        bench.write(&format!("{folder}/guarantees/own.cedar"), guarantee);
    }
    let narrower = schema.replace("action view, edit in [seen]", "action view, edit");
    assert_ne!(narrower, schema);
    let narrower = narrower.replace(
        "action assign",
        "action other in [seen] appliesTo { principal: User, resource: Doc };\naction assign",
    );
    bench.write("new/schema.cedarschema", &narrower);
    let told = [
        "by the schema, invariant `invariants.edit` no longer speaks of edit on Doc; announced by `[[invariant]]`",
        "invariant `invariants.edit` no longer speaks of view on Doc",
        "by the schema, guarantee `guarantees.own` no longer speaks of edit on Doc",
    ];
    let ran = ci(&bench, &[]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(&ran, &told);
    let announced = "[[invariant]]\nid = \"invariants.edit\"\nreason = \"a group less\"\n[[guarantee]]\nid = \"guarantees.own\"\nreason = \"a group less\"\n";
    bench.write("expected.toml", announced);
    let ran = ci(&bench, &["--expected", "expected.toml"]);
    assert!(!ran.out.contains("by the schema, "), "{}", ran.out);
    tells(&ran, &["no longer speaks of edit on Doc (announced: a group less)"]);
    assert!(!ran.out.contains("nothing is changed of it"), "{}", ran.out);
    // An action that is gone takes from a guarantee what was promised; of an invariant nothing can be broken.
    let gone = schema.replace("action view, edit in [seen]", "action view in [seen]");
    bench.write("new/schema.cedarschema", &gone);
    for folder in ["old", "new"] {
        let seen = EDIT.replace("action == Action::\"edit\"", "action in Action::\"seen\"");
        bench.write(&format!("{folder}/edit.cedar"), seen);
    }
    bench.write("new/fields.toml", FIELDS.replace("body = \"edit\"", "body = \"view\""));
    let seen = CASES.split("[[case]]\nname = \"an owner edits\"").next().unwrap();
    bench.write("new/tests/cases.toml", seen);
    let ran = ci(&bench, &[]);
    tells(&ran, &["by the schema, guarantee `guarantees.own` no longer speaks of edit on Doc"]);
    assert!(!ran.out.contains("invariant `invariants.edit` no longer speaks"), "{}", ran.out);
}

#[test]
fn an_action_of_the_same_name_in_another_namespace_is_another() {
    let bench = bench();
    let schema = |own: &str, base: &str| {
        format!(
            "namespace Base {{ action seen; {base} }}\nnamespace Att {{\nentity User {{ active: Bool }};\nentity Doc {{ owner: User }};\n\
             action reads in [Base::Action::\"seen\"];\naction view in [reads] appliesTo {{ principal: User, resource: Doc }};\n{own}\n}}\n"
        )
    };
    let cases = "[world.\"Att::User\".ann]\nactive = true\n[world.\"Att::Doc\".d]\nowner = \"ann\"\n[[case]]\nname = \"seen\"\n\
        principal = 'Att::User.ann'\naction = 'Att::Action::\"view\"'\nresource = 'Att::Doc.d'\nexpect = \"allow\"\n";
    let group = "action in Base::Action::\"seen\"";
    let see = SEE
        .replace("action == Action::\"view\"", group)
        .replace("principal.teams.contains(resource.team)", "principal.active");
    let claim = INVARIANT.replace("action == Action::\"edit\"", group);
    for folder in ["old", "new"] {
        let _ = std::fs::remove_dir_all(bench.path(folder));
        bench.write(&format!("{folder}/tests/cases.toml"), cases);
        bench.write(&format!("{folder}/see.cedar"), &see);
        let guarantee =
            claim.replace("invariant", "guarantee").replacen("forbid", "permit", 1).replace("unless", "when");
        bench.write(&format!("{folder}/guarantees/edit.cedar"), guarantee);
    }
    let applies = "appliesTo { principal: Att::User, resource: Att::Doc };";
    bench.write("old/schema.cedarschema", schema(&format!("action edit in [reads] {applies}"), ""));
    bench.write("new/schema.cedarschema", schema("", &format!("action edit in [seen] {applies}")));
    let ran = ci(&bench, &[]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(
        &ran,
        &[
            "`see` permits edit on Att::Doc",
            "guarantee `guarantees.edit` no longer speaks of edit on Att::Doc",
        ],
    );
}

#[test]
fn what_a_schema_does_by_itself_is_not_said_to_be_proved() {
    let bench = bench();
    let schema = SCHEMA.replace("\"new\"]", "\"new\", \"guest\"]");
    bench.write("new/schema.cedarschema", schema);
    bench.write("new/see.cedar", SEE.replace("when { principal", "when { true && principal"));
    let ran = ci(&bench, &[]);
    tells(&ran, &["policies under the schema of now: ", "gives or takes by itself was not looked for"]);
    assert!(!ran.out.contains("✔ changes | no decision changes"), "{}", ran.out);
}

#[test]
fn what_the_schema_of_now_does_not_have_has_a_page() {
    let bench = bench();
    let renamed = |text: &str| text.replace("edit", "amend");
    bench.write("new/schema.cedarschema", renamed(SCHEMA));
    bench.write("new/fields.toml", renamed(FIELDS));
    bench.write("new/edit.cedar", EDIT.replace("Action::\"edit\"", "Action::\"amend\""));
    bench.write("new/invariants/edit.cedar", INVARIANT.replace("Action::\"edit\"", "Action::\"amend\""));
    bench.write("new/tests/cases.toml", CASES.replace("action = \"edit\"", "action = \"amend\""));
    let ran = ci(&bench, &[]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(
        &ran,
        &[
            "what the change allows cannot be told",
            "`Action::\"edit\"`",
            "first the schema gets the new name",
        ],
    );
}
