//! `prove`: with a solver where the machine has one, and with solvers that lie, hang and die.

use std::process::Command;

use crate::support::{Bench, Ran, all_keys_are_snake_case};

const SCHEMA: &str = "entity Team;
entity User { active: Bool, teams: Set<Team> };
entity Doc { owner: User, team: Team, secret: Bool };
action view, edit appliesTo { principal: User, resource: Doc, context: { now: datetime } };
";
const POLICIES: [(&str, &str); 3] = [
    ("a", "permit (principal, action, resource) when { resource.owner == principal };"),
    (
        "b",
        "permit (principal, action == Action::\"view\", resource)\nwhen { principal.teams.contains(resource.team) && !resource.secret };",
    ),
    ("c", "forbid (principal, action, resource) unless { principal.active };"),
];
const INVARIANTS: [(&str, &str, &str); 4] = [
    (
        "secret",
        "",
        "(principal, action == Action::\"view\", resource) when { resource.secret } unless { resource.owner == principal }",
    ),
    ("teams", "@change(\"User.teams shrinks, User.active shrinks\")", "(principal, action, resource)"),
    ("marked", "@change(\"Doc.secret grows\")", "(principal, action, resource)"),
    ("edit", "@implies(\"view\")", "(principal, action == Action::\"edit\", resource)"),
];

/// A folder `p` of policies that keep their invariants.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", SCHEMA);
    for (id, text) in POLICIES {
        policy(&bench, id, text);
    }
    for (id, annotation, text) in INVARIANTS {
        let head =
            format!("@id(\"invariants.{id}\") @invariant(\"1\") @description(\"About {id}.\") {annotation}");
        bench.write(&format!("p/invariants/{id}.cedar"), format!("{head}\nforbid {text};\n"));
    }
    bench
}

fn policy(bench: &Bench, id: &str, text: &str) {
    bench.write(&format!("p/{id}.cedar"), format!("@id(\"{id}\") @rule(\"{id}\")\n{text}\n"));
}

/// Whether there is a solver to test with; CI has one in the part of `make test` that is about proofs.
fn has_solver() -> bool {
    let has = Command::new("cvc5").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has {
        println!("skipped: there is no cvc5 on this machine");
    }
    has
}

fn prove(bench: &Bench, args: &[&str]) -> Ran {
    bench.run(["prove", "--policies", "p"].into_iter().chain(args.iter().copied()))
}

/// Runs `prove` with a solver that answers `--version` with `version`, what it is called with `info`, the questions
/// whose answers are known rightly, and does `then` at each other question.
#[cfg(unix)]
fn with_fake(bench: &Bench, version: &str, info: &str, then: &str, args: &[&str]) -> Ran {
    use std::os::unix::fs::PermissionsExt as _;
    let script = format!(
        "#!/bin/sh
[ \"$1\" = --version ] && {{ echo '{version}'; exit; }}
n=0
while read -r line; do
  case \"$line\" in
    '(get-info :name)') echo '(:name \"cvc5\")' ;;
    '(get-info :version)') echo '(:version \"{info}\")' ;;
    '(check-sat)') n=$((n + 1)); case $n in 1 | 3) echo unsat ;; 2) echo sat ;; *) {then} ;; esac ;;
  esac
done
"
    );
    bench.write("solver", script);
    std::fs::set_permissions(bench.path("solver"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = bench.command();
    command.args(["prove", "--policies", "p", "--no-lock"]).args(args).env("CVC5", bench.path("solver"));
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn without_a_solver_the_claims_are_tried_and_nothing_is_called_proved() {
    let bench = bench();
    let run = || {
        let mut command = bench.command();
        command.args(["prove", "--policies", "p", "--worlds", "20"]).env("CVC5", "/nowhere/cvc5");
        let output = command.output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, out, err) = run();
    assert_eq!(code, 6, "{out}{err}");
    assert!(err.contains("nothing was proved") && err.contains("/nowhere/cvc5"), "{err}");
    assert!(out.contains("20 random worlds") && out.contains("no proof") && !out.contains('✔'), "{out}");
    assert!(!bench.path("p/proofs.lock").exists());

    // What random worlds refute is refuted.
    policy(
        &bench,
        "b",
        "permit (principal, action == Action::\"view\", resource) when { principal.teams.contains(resource.team) };",
    );
    let (code, out, _) = run();
    assert_eq!(code, 4, "{out}");
    assert!(
        out.contains("✘ invariants.secret: not so: About secret") && out.contains("teams Team1"),
        "{out}"
    );
}

#[cfg(unix)]
#[test]
fn a_solver_that_is_not_what_it_says_is_refused() {
    let bench = bench();
    let fake =
        |version: &str, info: &str, then: &str| with_fake(&bench, version, info, then, &["--worlds", "5"]);
    let good = "This is cvc5 version 1.0.3";
    fake("This is cvc5 version 1.2.0", "1.0.3", "echo unsat").fails(7, "and then");
    fake("This is cvc5 version 0.9.9", "0.9.9", "echo unsat").fails(7, "1.0.3 or newer");
    fake("Z3 version 4.8.12", "4.8.12", "echo unsat").fails(7, "does not say that it is cvc5");
    fake("", "1.0.3", "echo unsat").fails(7, "version");
    let bench_of = |then: &str| {
        with_fake(
            &bench,
            good,
            "1.0.3",
            then,
            &["--only", "invariants.secret", "--limit", "1", "--worlds", "5"],
        )
    };
    assert_eq!(bench_of("exit 3").code, 7);
    assert!(bench_of("exit 3").out.contains("it died"));
    assert!(bench_of("echo maybe").out.contains("it answers `maybe`"));
    assert_eq!(bench_of("echo unknown").code, 5);
}

#[cfg(unix)]
#[test]
fn a_solver_that_answers_wrongly_or_never_is_no_pass() {
    let bench = bench();
    let good = "This is cvc5 version 1.0.3";
    let ran = with_fake(
        &bench,
        good,
        "1.0.3",
        "sleep 60",
        &["--only", "invariants.edit", "--limit", "1", "--worlds", "1"],
    );
    assert_eq!(ran.code, 7, "{}", ran.out);
    assert!(ran.out.contains("it hangs"), "{}", ran.out);
    // It says of everything that it can never be: also of what can.
    let ran = with_fake(&bench, good, "1.0.3", "echo unsat", &[]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    // And of everything that it can be, which the engine does not confirm.
    let ran = with_fake(&bench, good, "1.0.3", "echo sat", &["--only", "invariants.secret", "--worlds", "5"]);
    assert_eq!(ran.code, 7, "{}", ran.out);
}

/// All that is proved of policies alone is no word on what must never be allowed.
#[test]
fn a_folder_that_claims_nothing_is_told() {
    let bench = bench();
    let ran = prove(&bench, &["--locked"]);
    assert!(!ran.out.contains("there are no"), "{}", ran.out);
    // Nobody proved anything yet.
    assert!(
        ran.out.contains("proved: the lock file has no proofs") && !ran.out.contains("proved by"),
        "{}",
        ran.out
    );
    std::fs::remove_dir_all(bench.path("p/invariants")).unwrap();
    let ran = prove(&bench, &["--locked"]);
    assert!(ran.out.contains("! there are no invariants and no guarantees: what must never"), "{}", ran.out);
    let guarantee = "@id(\"guarantees.g\") @guarantee(\"1\") @description(\"Always.\")\npermit (principal, action, resource);\n";
    bench.write("p/guarantees/g.cedar", guarantee);
    let ran = prove(&bench, &["--locked"]);
    assert!(ran.out.contains("! there are no invariants: what must never"), "{}", ran.out);
    let json = prove(&bench, &["--locked", "--format", "json"]).json();
    all_keys_are_snake_case(&json);
    assert_eq!((json["invariants"].as_u64(), json["guarantees"].as_u64()), (Some(0), Some(1)));
}

#[test]
fn what_holds_is_proved_and_kept() {
    if !has_solver() {
        return;
    }
    let bench = bench();
    let ran = prove(&bench, &["--strict"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for (id, ..) in INVARIANTS {
        assert!(ran.out.contains(&format!("✔ invariants.{id}: About {id}")), "{}", ran.out);
    }
    assert!(ran.out.contains("each of 3: policy never errs"), "{}", ran.out);
    assert!(ran.out.contains("each of 2: action on a type of record is allowed"), "{}", ran.out);
    let lock = bench.read("p/proofs.lock");
    let again = prove(&bench, &[]);
    assert!(again.out.contains("0 questions asked"), "{}", again.out);
    assert_eq!(bench.read("p/proofs.lock"), lock);

    // Another policy: what rests on it is asked again, and only that.
    policy(
        &bench,
        "c",
        "forbid (principal, action, resource) unless { principal.active && resource.owner.active };",
    );
    let ran = prove(&bench, &[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(!ran.out.contains("0 questions asked") && !ran.out.contains(", 0 of them before"), "{}", ran.out);
    assert_ne!(bench.read("p/proofs.lock"), lock);

    // What an earlier form of the file says is proved again; a later one is not understood.
    bench.write("p/proofs.lock", "version = 1\n[proved]\n");
    assert_eq!(prove(&bench, &[]).code, 0);
    bench.write("p/proofs.lock", "version = 3\n");
    prove(&bench, &[]).fails(1, "version 3");
    bench.write("p/proofs.lock", "nonsense");
    prove(&bench, &[]).fails(1, "proofs.lock");
}

#[test]
fn what_does_not_hold_is_told_as_a_story_and_saved_as_a_case() {
    if !has_solver() {
        return;
    }
    let bench = bench();
    policy(
        &bench,
        "b",
        "permit (principal, action == Action::\"view\", resource) when { principal.teams.contains(resource.team) };",
    );
    let ran = prove(&bench, &["--no-lock", "--only", "invariants.secret", "--save", "case.toml"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    for told in [
        "✘ invariants.secret: not so",
        "in: view on Doc",
        "asks to view of Doc1, and may: b",
        "secret",
        "active",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    // A file that is there is left as it is, and that is told before anything is proved.
    let before = bench.read("case.toml");
    prove(&bench, &["--no-lock", "--save", "case.toml"])
        .fails(1, "`case.toml` is there already: name a file that is not");
    assert_eq!(bench.read("case.toml"), before);
    // The saved case fails as long as the policies are so, and passes afterwards.
    assert_eq!(bench.run(["test", "--policies", "p", "case.toml"]).code, 4);
    policy(&bench, "b", POLICIES[1].1);
    bench.run(["test", "--policies", "p", "case.toml"]).ends(0);

    // A set that must not be asked about otherwise than by `contains`, to speak of a smaller one.
    policy(
        &bench,
        "b",
        "permit (principal, action == Action::\"view\", resource) when { principal.teams.isEmpty() };",
    );
    let ran = prove(&bench, &["--no-lock", "--only", "invariants.teams"]);
    assert!(ran.code == 5 || ran.code == 4, "{}", ran.out);

    // More for fewer teams: a change that gives somebody something.
    policy(
        &bench,
        "b",
        "permit (principal, action == Action::\"view\", resource) unless { principal.teams.contains(resource.team) };",
    );
    let ran = prove(&bench, &["--no-lock", "--only", "invariants.teams"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(ran.out.contains("teams becomes none") && ran.out.contains("again, and may: b"), "{}", ran.out);

    // Editing without viewing.
    policy(&bench, "b", "permit (principal, action == Action::\"edit\", resource) when { resource.secret };");
    let ran = prove(&bench, &["--no-lock", "--only", "invariants.edit"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(ran.out.contains("asks to view of Doc1, and may not"), "{}", ran.out);
}

#[test]
fn policies_that_err_or_can_decide_nothing_are_told() {
    if !has_solver() {
        return;
    }
    let bench = bench();
    bench.write("p/schema.cedarschema", SCHEMA.replace("secret: Bool", "secret: Bool, size: Long"));
    policy(
        &bench,
        "b",
        "permit (principal, action == Action::\"view\", resource) when { resource.size + 1 > 0 };",
    );
    let ran = prove(&bench, &["--no-lock", "--only", "never errs: b"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(ran.out.contains("could not be evaluated"), "{}", ran.out);
    policy(
        &bench,
        "b",
        "permit (principal, action == Action::\"view\", resource) when { !principal.active };",
    );
    let args = ["--no-lock", "--only", "can decide"];
    let ran = prove(&bench, &args);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("! can decide: b: not so"), "{}", ran.out);
    assert_eq!(prove(&bench, &[&args[..], &["--strict"]].concat()).code, 4);
}

#[test]
fn a_text_that_holds_another_is_decided_and_a_story_has_decimals_as_cedar_writes_them() {
    if !has_solver() {
        return;
    }
    let bench = Bench::new();
    bench.write(
        "p/schema.cedarschema",
        "entity User { active: Bool };\nentity Doc { title: String, limit: decimal, from: ipaddr };\n\
         action view appliesTo { principal: User, resource: Doc };\n",
    );
    policy(
        &bench,
        "a",
        "permit (principal, action, resource) when { resource.title like \"*ticket*\" && resource.limit.lessThan(decimal(\"0.0\")) && resource.from.isLoopback() };",
    );
    let invariant = |text: &str| {
        let head = "@id(\"invariants.t\") @invariant(\"1\") @description(\"About titles.\")";
        bench
            .write("p/invariants/t.cedar", format!("{head}\nforbid (principal, action, resource) {text};\n"));
    };
    invariant("unless { resource.title like \"*tick*\" }");
    let ran = prove(&bench, &["--no-lock"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(!ran.out.contains("it answers"), "{}", ran.out);
    invariant("unless { resource.title like \"*tickets*\" }");
    let ran = prove(&bench, &["--no-lock", "--only", "invariants.t"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(
        ran.out.contains("limit -") && !ran.out.contains("__extn") && ran.out.contains("ticket"),
        "{}",
        ran.out
    );
}

#[test]
fn versions_are_compared() {
    if !has_solver() {
        return;
    }
    let bench = bench();
    for (id, text) in POLICIES {
        bench.write(&format!("old/{id}.cedar"), format!("@id(\"{id}\") @rule(\"{id}\")\n{text}\n"));
    }
    bench.write("old/schema.cedarschema", SCHEMA);
    assert_eq!(prove(&bench, &["--equivalent", "old"]).code, 0);
    policy(&bench, "a", "permit (principal, action, resource) when { principal == resource.owner };");
    assert_eq!(prove(&bench, &["--equivalent", "old"]).code, 0);
    policy(
        &bench,
        "a",
        "permit (principal, action, resource) when { principal == resource.owner && !resource.secret };",
    );
    assert_eq!(prove(&bench, &["--not-more-than", "old"]).code, 0);
    let ran = prove(&bench, &["--equivalent", "old"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(ran.out.contains("In the other version they might: a"), "{}", ran.out);
    policy(&bench, "a", "permit (principal, action, resource);");
    let ran = prove(&bench, &["--not-more-than", "old"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(ran.out.contains("In the other version they might not: no policy permits it"), "{}", ran.out);
    // A schema gives and takes by itself: that is not asked, and nothing is said to be proved as if it were.
    bench.write("old/schema.cedarschema", format!("{SCHEMA}entity Other;\n"));
    for claim in ["--not-more-than", "--equivalent"] {
        prove(&bench, &[claim, "old"]).fails(1, "the schema of `old` is another");
        let ran = prove(&bench, &[claim, "old", "--policies-alone"]);
        assert!(ran.code == 4 && ran.out.contains("under this version's schema, "), "{}", ran.out);
    }
    // A comment and a line's place say nothing.
    let mut lines: Vec<&str> = SCHEMA.lines().collect();
    lines.rotate_left(1);
    bench.write("old/schema.cedarschema", format!("// Reviewed.\n{}\n", lines.join("\n")));
    policy(&bench, "a", "permit (principal, action, resource) when { principal == resource.owner };");
    assert_eq!(prove(&bench, &["--equivalent", "old"]).code, 0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let bench = bench();
    let invariant = |text: &str| bench.write("p/invariants/secret.cedar", text);
    let named = "@id(\"invariants.secret\") @invariant(\"1\") @description(\"x\")";
    for (text, why) in [
        (format!("{named} permit (principal, action, resource);"), "not as a `permit`"),
        (
            "@id(\"invariants.secret\") @invariant(\"1\") forbid (principal, action, resource);".to_owned(),
            "no `@description`",
        ),
        (
            "@id(\"invariants.secret\") @description(\"x\") forbid (principal, action, resource);".to_owned(),
            "no `@invariant`",
        ),
        (format!("{named} @implies(\"veiw\") forbid (principal, action, resource);"), "veiw"),
        (
            format!("{named} @change(\"User.teems shrinks\") forbid (principal, action, resource);"),
            "no such attribute",
        ),
        (format!("{named} @change(\"teams\") forbid (principal, action, resource);"), "is no change such as"),
        (format!("{named} @of(\"resource.owner\") forbid (principal, action, resource);"), "@of"),
    ] {
        invariant(&text);
        prove(&bench, &["--no-lock"]).fails(3, why);
    }
    invariant(&format!("{named} forbid (principal, action, resource) when {{ resource.secrte }};"));
    prove(&bench, &["--no-lock"]).fails(3, "secrte");
    // A mistyped invariant is no valid folder.
    bench.run(["validate", "--policies", "p"]).fails(3, "secrte");
    prove(&bench, &["--not-more-than", "no-such-revision"]).fails(1, "git");
    bench.run(["prove", "--not-more-than", "HEAD"]).fails(64, "--policies");
    prove(&bench, &["--limit", "0"]).fails(64, "--limit");
}
