//! The steps that look at one version: layout, validation, cases, coverage, mutants, proofs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use caseward::Ward;
use caseward::author::{Claim, Drawing, Finding, Proof};

use super::tree::Tree;
use super::{Change, Step, step};
use crate::exit::Exit;
use crate::failure::{Failure, counted, printable};
use crate::lint::{self, Base, Linted};
use crate::terminal::Terminal;
use crate::unreachable::{self, Asked, LOCK, Settled};
use crate::{coverage, fmt, input, mutate, test};

pub(super) fn layout(change: &Change<'_>) -> Result<Step, Failure> {
    let files = fmt::walk(change.folder)?;
    let mut wrong = Vec::new();
    for file in &files {
        let text = input::text(file, input::MAX_WRITTEN)?;
        let source = caseward::Source::new(file.display().to_string(), text);
        if caseward::format(&source).ok().as_deref() != Some(source.text.as_ref()) {
            wrong.push(format!("- `{}`", printable(&source.name)));
        }
    }
    Ok(match wrong.len() {
        0 => step(
            "layout",
            Exit::Success,
            format!("{} in the standard layout", counted(files.len(), "file")),
            String::new(),
        ),
        n => {
            let said =
                format!("{} not in the standard layout: `caseward fmt` lays them out", counted(n, "file"));
            step("layout", Exit::Unmet, said, wrong.join("\n"))
        }
    })
}

pub(super) fn validate(change: &Change<'_>) -> Result<Step, Failure> {
    let policies = &change.args.cases.policies;
    let beside = policies.beside()?;
    let ward = &change.suite.ward;
    let mut wrong: Vec<String> =
        ward.warnings().iter().map(|problem| format!("- {}", printable(&problem.to_string()))).collect();
    let mut is_refused = false;
    for (sources, what) in &beside {
        match Ward::new(sources) {
            Ok(ward) => {
                let told = ward.warnings().iter();
                wrong.extend(told.map(|problem| format!("- {}", printable(&problem.to_string()))));
            }
            Err(error) => {
                wrong.push(format!("- the {what}s: {}", printable(&error.to_string())));
                is_refused = true;
            }
        }
    }
    let exit = match (is_refused, wrong.is_empty()) {
        (true, _) => Exit::Invalid,
        (false, true) => Exit::Success,
        (false, false) => Exit::Unmet,
    };
    let said = match wrong.len() {
        0 => {
            let beside = beside.iter().map(|(sources, what)| counted(sources.policies.len(), what));
            let beside: Vec<String> = beside.collect();
            format!("{} policies, {} are valid", ward.policies().len(), beside.join(", "))
        }
        n => counted(n, "problem"),
    };
    Ok(step("validation", exit, said, wrong.join("\n")))
}

pub(super) fn lints(change: &Change<'_>) -> Result<Step, Failure> {
    let policies = &change.args.cases.policies;
    let levels = change.args.levels.levels()?;
    let beside = match lint::beside(policies) {
        Ok(beside) => beside,
        // Validation has told why.
        Err(Failure::Policies(_)) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let (ward, sources) = (&change.suite.ward, &change.sources);
    let before = change.base_tree.as_ref().map_or_else(Vec::new, Tree::beside);
    let base = change.base.clone().map(|policies| Base { policies, beside: before });
    let linted = Linted::look(policies, ward, sources, &beside, base.as_ref(), &levels)?;
    let told =
        |finding: &Finding| format!("- {}: {}", finding.lint.name(), printable(&finding.problem.to_string()));
    let exit = if linted.is_refused() { Exit::Unmet } else { Exit::Success };
    let details: Vec<String> = linted.findings.iter().map(told).collect();
    Ok(step("lints", exit, linted.said(), details.join("\n")))
}

pub(super) fn cases(change: &Change<'_>) -> Result<Step, Failure> {
    let ran = test::run_all(&change.suite, None)?;
    let failed: Vec<String> = ran
        .iter()
        .filter_map(|ran| Some((ran.case, ran.mismatch.as_ref()?)))
        .map(|(case, mismatch)| format!("- {}: {}", printable(&case.name), printable(&mismatch.difference)))
        .collect();
    Ok(match failed.len() {
        0 => step(
            "cases",
            Exit::Success,
            format!("all {} cases come out as they should", ran.len()),
            String::new(),
        ),
        n => step(
            "cases",
            Exit::Unmet,
            format!("{n} of {} cases come out otherwise", ran.len()),
            failed.join("\n"),
        ),
    })
}

pub(super) fn covered(change: &Change<'_>, terminal: &Terminal) -> Result<Step, Failure> {
    let (measured, claims) = coverage::measure(&change.suite, &change.args.cases, None)?;
    let percent = coverage::percent(measured.sides());
    let mut details = Vec::new();
    for policy in &measured.policies {
        let open = policy
            .conditions
            .iter()
            .filter(|condition| !condition.when_true.is_covered() || !condition.when_false.is_covered());
        details
            .extend(open.map(|condition| format!("- {}: `{}`", policy.policy.id, one_line(&condition.text))));
    }
    let mut exit = if percent < change.args.fail_under { Exit::Unmet } else { Exit::Success };
    let mut said = format!("the cases see {percent} % of what can decide a condition");
    if !claims.is_empty() || change.base_tree.is_some() {
        let Claimed { proved, open, unfounded } = claimed(change, &claims, terminal)?;
        if !claims.is_empty() {
            let _ = write!(said, ", {} that cannot decide apart: {proved} of them proved", claims.len());
        }
        if !open.is_empty() && exit == Exit::Success {
            exit = Exit::Undecided;
        }
        if !unfounded.is_empty() {
            exit = Exit::Unmet;
        }
        details.extend(open.into_iter().chain(not_proved_here(&unfounded)));
    }
    Ok(step("coverage", exit, said, details.join("\n")))
}

pub(super) fn mutants(change: &Change<'_>, terminal: &Terminal) -> Result<Step, Failure> {
    let whole = change.changed_policies();
    let drawing = Drawing {
        bounded: Some(change.args.mutants),
        seed: 1,
        whole: whole.iter().map(ToString::to_string).collect(),
        ..Drawing::default()
    };
    let ward = &change.suite.ward;
    let mut mutations = match ward.mutate(change.suite.cases(), &drawing) {
        Ok(mutations) => mutations,
        Err(error) if error.is_data() => {
            return Ok(step("mutants", Exit::Unmet, "not tried, since cases fail".to_owned(), String::new()));
        }
        Err(error) => return Err(error.into()),
    };
    mutate::excuse(&mut mutations, ward, &change.sources, terminal);
    let survived: Vec<String> = mutations
        .survivors()
        .map(|survivor| format!("```diff\n{}```", printable(&mutate::patch(ward, survivor))))
        .collect();
    let is_of_changed = |policy: &std::sync::Arc<str>| whole.contains(policy);
    let tried = mutations.all.len();
    let of_changed = mutations.all.iter().filter(|mutation| is_of_changed(&mutation.mutant.policy)).count();
    let mut looked_at = format!("of {tried} small changes of the policies");
    if !whole.is_empty() {
        let _ = write!(
            looked_at,
            " (all {of_changed} of the {} changed, {} drawn from the others)",
            policies(whole.len()),
            tried - of_changed
        );
    }
    let open = mutations.survivors().filter(|survivor| is_of_changed(&survivor.mutant.policy));
    let open: BTreeSet<&str> = open.map(|survivor| survivor.mutant.policy.as_ref()).collect();
    Ok(match survived.len() {
        0 => {
            let said = format!(
                "{looked_at} none goes unnoticed, but {} that change no decision",
                mutations.equivalent()
            );
            step("mutants", Exit::Success, said, String::new())
        }
        n => {
            let mut said = format!("{looked_at} {n} go unnoticed");
            if !open.is_empty() {
                let names: Vec<String> = open.iter().map(|id| format!("`{}`", printable(id))).collect();
                let _ = write!(said, ": what is changed is not tested, {}", names.join(", "));
            }
            step("mutants", Exit::Unmet, said, survived.join("\n\n"))
        }
    })
}

#[cfg(feature = "prove")]
pub(super) fn proofs(change: &Change<'_>, terminal: &Terminal) -> Result<Step, Failure> {
    use crate::prove::{self, Standing, Stated};
    let policies = &change.args.cases.policies;
    let stated = Stated { invariants: policies.invariants()?, guarantees: policies.guarantees()? };
    let ward = change.suite.ward.clone();
    let since = change.locks();
    let folder = (change.folder, since.as_ref());
    let prove::Proved { report, unfounded } =
        prove::of_folder(ward, &change.sources, &stated, folder, terminal)?;
    let mut details = String::new();
    for finding in report.findings.iter().filter(|finding| finding.is_stated() || !finding.holds()) {
        let mark = match finding.standing {
            Standing::Proved | Standing::Locked => "proved",
            Standing::Refuted => "**not so**",
            Standing::Undecided | Standing::SolverFault | Standing::Unasked => "**not known**",
        };
        let changed = change.inputs.as_ref().and_then(|inputs| inputs.changed_claim(&finding.claim));
        let of = match changed {
            Some(protection) if protection.before.is_some() => {
                " **of what its text says now, which is not what it said before** (see above)"
            }
            Some(_) => " (new)",
            None => "",
        };
        let _ = writeln!(details, "- {mark}{of}: {}", printable(&finding.sentence));
        for told in finding.story.iter().flat_map(|story| story.lines()) {
            let _ = writeln!(details, "  > {}", printable(told));
        }
    }
    let before = change.inputs.iter().flat_map(|inputs| &inputs.protections);
    for gone in before.filter(|protection| protection.after.is_none()) {
        let _ =
            writeln!(details, "- **not asked any longer**: `{}`, which is taken out", printable(&gone.id));
    }
    let proved = report.findings.iter().filter(|finding| finding.holds()).count();
    let said = match &report.trouble {
        Some(trouble) => format!("{trouble}; random worlds were tried instead"),
        None => format!("{proved} of {} are proved of all data", counted(report.findings.len(), "claim")),
    };
    let said = match report.nothing_stated() {
        Some(nothing) => format!("{said}; {nothing}"),
        None => said,
    };
    for line in not_proved_here(&unfounded) {
        let _ = writeln!(details, "{line}");
    }
    let exit = match prove::exit(&report, false) {
        exit if unfounded.is_empty() => exit,
        _ => Exit::Unmet,
    };
    Ok(step("proofs", exit, said, details))
}

#[cfg(not(feature = "prove"))]
pub(super) fn proofs(_: &Change<'_>, _: &Terminal) -> Result<Step, Failure> {
    let said = format!("nothing was proved: {}", crate::unproved::WHY);
    Ok(step("proofs", Exit::NoSolver, said, String::new()))
}

/// What a change says in the lock file that is so neither by its base nor by what was proved with it, a line each.
fn not_proved_here(claims: &[String]) -> impl Iterator<Item = String> {
    claims.iter().map(|claim| {
        let claim = printable(claim);
        format!(
            "- `{LOCK}` says of `{claim}` what the version before does not say and this run did not prove: write it with \
             `caseward prove` and `caseward coverage --prove`, with the solver's version that is asked here"
        )
    })
}

/// How claims of unreachable conditions came out.
struct Claimed {
    proved: usize,
    /// What is to be said of the others.
    open: Vec<String>,
    /// What the change says in the lock file besides.
    unfounded: Vec<String>,
}

fn claimed(change: &Change<'_>, claims: &[Claim], terminal: &Terminal) -> Result<Claimed, Failure> {
    let ward = &change.suite.ward;
    let lock = change.folder.join(LOCK);
    #[cfg(feature = "prove")]
    let since = change.locks();
    let asked = Asked {
        lock: Some(&lock),
        #[cfg(feature = "prove")]
        since: since.as_ref(),
        locked: false,
    };
    let (proofs, unfounded) = match unreachable::settle(ward, &change.sources, claims, asked, terminal)? {
        Settled::Proofs(proofs, unfounded) => (proofs, unfounded),
        Settled::NoSolver(_) if claims.is_empty() => (Vec::new(), Vec::new()),
        Settled::NoSolver(why) => {
            let open = vec![format!("- not proved: {}", printable(&why))];
            return Ok(Claimed { proved: 0, open, unfounded: Vec::new() });
        }
    };
    let not = |(claim, proof): (&Claim, Proof)| match proof {
        Proof::Equivalent => None,
        Proof::Different(how) => Some(format!("- {}: it can decide after all: {how}", claim.policy)),
        Proof::Unknown(why) => Some(format!("- {}: {}", claim.policy, printable(&why))),
    };
    let open: Vec<String> = claims.iter().zip(proofs).filter_map(not).collect();
    Ok(Claimed { proved: claims.len().saturating_sub(open.len()), open, unfounded })
}

fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn policies(n: usize) -> String {
    if n == 1 { "policy".to_owned() } else { format!("{n} policies") }
}
