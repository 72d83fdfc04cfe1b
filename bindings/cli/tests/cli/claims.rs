//! What is claimed: guarantees, changes that imply, and counterexamples that people can picture; our own lock file.

use std::path::Path;
use std::process::Command;

use crate::support::{Bench, Ran};

const SCHEMA: &str = "entity Place { kind: String };
entity User { active: Bool, teams: Set<String> };
entity Doc { owner: User, place?: Place, status: String, from: datetime, size: Long };
action view, edit appliesTo { principal: User, resource: Doc, context: { now: datetime } };
";

/// A folder `p` with these files, each a policy, an invariant or a guarantee.
fn bench(files: &[(&str, &str)]) -> Bench {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", SCHEMA);
    for (path, text) in files {
        write(&bench, path, text);
    }
    bench
}

fn write(bench: &Bench, path: &str, text: &str) {
    let id = path.replace('/', ".");
    let head = format!("@id(\"{id}\") @description(\"About {id}.\")");
    let head = match path.split('/').next() {
        Some("invariants") => format!("{head} @invariant(\"1\")"),
        Some("guarantees") => format!("{head} @guarantee(\"R\")"),
        _ => format!("{head} @rule(\"{path}\")"),
    };
    bench.write(&format!("p/{path}.cedar"), format!("{head}\n{text}\n"));
}

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

const OWNER: (&str, &str) =
    ("owner", "permit (principal, action, resource) when { resource.owner == principal };");
const ACTIVE: (&str, &str) = ("active", "forbid (principal, action, resource) unless { principal.active };");
const SEES: (&str, &str) = (
    "guarantees/sees",
    "permit (principal, action == Action::\"view\", resource) when { principal.active && resource.owner == principal };",
);

#[test]
fn a_guarantee_is_no_policy_and_is_tried_without_a_solver() {
    let bench = bench(&[ACTIVE, SEES]);
    assert_eq!(bench.run(["validate", "--policies", "p"]).ends(0).out, "1 policy valid, 1 guarantee valid\n");
    let tried = |bench: &Bench| {
        let mut command = bench.command();
        command.args(["prove", "--policies", "p", "--worlds", "40"]).env("CVC5", "/nowhere/cvc5");
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    // Nothing permits what it says: it grants nothing itself.
    let (code, out) = tried(&bench);
    assert_eq!(code, 4, "{out}");
    assert!(
        out.contains("✘ guarantees.sees: not so") && out.contains("and may not: no policy permits it"),
        "{out}"
    );
    write(&bench, OWNER.0, OWNER.1);
    let (code, out) = tried(&bench);
    assert!(code == 6 && !out.contains("not so"), "{out}");

    for (text, why) in [
        (SEES.1.replace("permit", "forbid"), "written as a `permit`"),
        (format!("@change(\"User.teams shrinks\") {}", SEES.1), "`@change` is no annotation of a guarantee"),
    ] {
        write(&bench, SEES.0, &text);
        prove(&bench, &["--no-lock"]).fails(3, why);
    }
    bench.write(
        "p/guarantees/sees.cedar",
        "@id(\"guarantees.sees\") @description(\"x\") permit (principal, action, resource);",
    );
    prove(&bench, &["--no-lock"]).fails(3, "no `@guarantee`");
}

#[test]
fn a_guarantee_is_proved_or_refuted_as_a_denial() {
    if !has_solver() {
        return;
    }
    let bench = bench(&[OWNER, ACTIVE, SEES]);
    let ran = prove(&bench, &["--strict", "--only", "guarantees"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("✔ guarantees.sees: About guarantees.sees"), "{}", ran.out);

    // A forbid that nobody thought of.
    write(&bench, "closed", "forbid (principal, action, resource) when { resource.status == \"closed\" };");
    let ran = prove(&bench, &["--no-lock", "--only", "guarantees.sees", "--save", "case.toml"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    for told in ["✘ guarantees.sees: not so", "status “closed”", "and may not: closed"] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    assert_eq!(bench.run(["test", "--policies", "p", "case.toml"]).code, 4);
    write(&bench, "closed", "forbid (principal, action, resource) when { resource.status == \"lost\" };");
    bench.run(["test", "--policies", "p", "case.toml"]).ends(0);

    // One that can match nothing guarantees nothing, and is told.
    write(
        &bench,
        SEES.0,
        "permit (principal, action == Action::\"view\", resource) when { principal.active && !principal.active };",
    );
    let ran = prove(&bench, &["--no-lock", "--only", "guarantees.sees"]);
    assert!(ran.code == 4 && ran.out.contains("speaks of something"), "{}", ran.out);
}

#[test]
fn what_a_change_gives_can_imply_what_was_there_before() {
    if !has_solver() {
        return;
    }
    let passes = "permit (principal, action == Action::\"edit\", resource) when { resource.owner == principal } unless { resource.owner.active };";
    let bench = bench(&[
        (
            "owner",
            "permit (principal, action == Action::\"view\", resource) when { resource.owner == principal };",
        ),
        ("passes", passes),
        ("invariants/ends", "@change(\"User.active shrinks\")\nforbid (principal, action, resource);"),
        (
            "invariants/shows",
            "@change(\"User.active shrinks\") @implies(\"view\")\nforbid (principal, action == Action::\"edit\", resource);",
        ),
    ]);
    let ran = prove(&bench, &["--no-lock"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(ran.out.contains("✘ invariants.ends") && ran.out.contains("✔ invariants.shows"), "{}", ran.out);

    write(&bench, "passes", &passes.replace("resource.owner == principal", "principal.teams.isEmpty()"));
    let ran = prove(&bench, &["--no-lock", "--only", "invariants.shows"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    for told in ["asks to view of Doc1, and may not", "asks to edit of Doc1, and may: passes"] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
}

#[test]
fn counterexamples_hold_what_can_be() {
    if !has_solver() {
        return;
    }
    let bench = bench(&[
        (
            "view",
            "permit (principal, action == Action::\"view\", resource) when { resource.from <= context.now && resource.status != \"draft\" };",
        ),
        (
            "edit",
            "permit (principal, action == Action::\"edit\", resource) when { resource has place && resource.place.kind != \"isp\" && resource.size > 7 };",
        ),
        (
            "known",
            "forbid (principal, action == Action::\"edit\", resource) when { [\"asp\", \"open\"].contains(resource.status) };",
        ),
        // None of the times that people know best, and no text that the policies know of this attribute.
        (
            "invariants/late",
            "forbid (principal, action == Action::\"view\", resource) when { resource.from > datetime(\"2030-06-01\") };",
        ),
        (
            "invariants/kind",
            "forbid (principal, action == Action::\"edit\", resource) unless { resource has place && [\"asp\", \"isp\"].contains(resource.place.kind) };",
        ),
        (
            "invariants/size",
            "forbid (principal, action == Action::\"edit\", resource) when { resource.size > 3 };",
        ),
        // Nothing else is so: what is asked for is told, whether it can be or not.
        (
            "invariants/ages",
            "forbid (principal, action == Action::\"view\", resource) when { resource.from < datetime(\"0900-01-01\") };",
        ),
    ]);
    let ran = prove(&bench, &["--no-lock", "--only", "invariants.", "--format", "json"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    let json = ran.json();
    let story = |claim: &str| {
        let all = json["findings"].as_array().unwrap();
        let found = all.iter().find(|finding| finding["claim"] == claim).unwrap();
        assert_eq!(found["standing"], "refuted", "{found}");
        found["story"].as_str().unwrap().to_owned()
    };
    let late = story("invariants.late");
    let year = late.split(" from ").nth(1).unwrap().split(',').next().unwrap().split(' ').nth(2).unwrap();
    assert!((2030..=2040).contains(&year.parse::<u32>().unwrap()), "{late}");
    assert!(!late.contains("after 1970") && !late.contains("status “draft”"), "{late}");
    let kind = story("invariants.kind");
    assert!(kind.contains("kind “other”"), "{kind}");
    let size = story("invariants.size");
    let number = size.split("size ").nth(1).unwrap().split(|c: char| !c.is_ascii_digit()).next().unwrap();
    assert!((8..=1_000_000_000).contains(&number.parse::<u64>().unwrap()), "{size}");
    story("invariants.ages");
}

/// Whoever changes a policy, an invariant or the schema runs `caseward prove` and `caseward coverage --prove`.
#[test]
fn the_lock_file_of_our_policies_is_not_stale() {
    let bench = Bench::new();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let policies = policies.to_str().unwrap();
    let ran = bench.run(["prove", "--policies", policies, "--locked", "--strict"]);
    assert_eq!(ran.code, 0, "run `caseward prove --policies policies`: {}{}", ran.out, ran.err);
    let ran = bench.run(["coverage", "--policies", policies, "--prove", "--locked"]);
    assert_eq!(ran.code, 0, "run `caseward coverage --prove --policies policies`: {}", ran.err);
    bench.run(["prove", "--locked"]).fails(64, "--policies");
}

#[test]
fn a_locked_run_asks_no_solver() {
    let bench = bench(&[OWNER, ACTIVE, SEES]);
    let ran = prove(&bench, &["--locked"]);
    assert!(ran.code == 5 && ran.out.contains("the lock file does not have it"), "{}{}", ran.out, ran.err);
    if !has_solver() {
        return;
    }
    assert_eq!(prove(&bench, &[]).code, 0);
    assert!(bench.read("p/proofs.lock").contains("solver = \"cvc5 "), "{}", bench.read("p/proofs.lock"));
    let lock = bench.read("p/proofs.lock");
    let mut command = bench.command();
    command.args(["prove", "--policies", "p", "--locked"]).env("CVC5", "/nowhere/cvc5");
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    assert_eq!(bench.read("p/proofs.lock"), lock);
    // Another policy, another proof.
    write(&bench, "closed", "forbid (principal, action, resource) when { resource.status == \"closed\" };");
    assert_eq!(prove(&bench, &["--locked"]).code, 5);
}
