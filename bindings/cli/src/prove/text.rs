//! A report for people, and its exit code.

use std::fmt::Write as _;

use caseward_prove::{Finding, Report, Standing, Subject};

use crate::exit::Exit;
use crate::failure::{counted, printable};
use crate::terminal::Palette;

/// The exit code; notes count where `strict`.
pub(crate) fn exit(report: &Report, strict: bool) -> Exit {
    let counts = |finding: &&Finding| strict || !finding.subject.is_note();
    let any = |standing| report.findings.iter().filter(counts).any(|finding| finding.standing == standing);
    match () {
        () if any(Standing::Refuted) => Exit::Unmet,
        () if report.trouble.is_some() && !report.is_missing || any(Standing::SolverFault) => {
            Exit::SolverFault
        }
        () if report.is_missing => Exit::NoSolver,
        () if any(Standing::Undecided) || any(Standing::Unasked) => Exit::Undecided,
        () => Exit::Success,
    }
}

/// For people: invariants and guarantees one by one, the rest where there is something to say.
pub(super) fn text(report: &Report, palette: Palette) -> String {
    let mut out = String::new();
    for finding in report.findings.iter().filter(|f| f.is_stated() || f.subject == Subject::Comparison) {
        line(&mut out, finding, palette);
    }
    let groups = [
        (Subject::Precise, "invariant or guarantee", "never errs"),
        (Subject::Sound, "invariant or guarantee", "speaks of something"),
        (Subject::NeverErrs, "policy", "never errs, whatever the data"),
        (Subject::CanDecide, "policy", "can decide something"),
        (Subject::SomebodyMay, "action on a type of record", "is allowed to somebody"),
    ];
    for (subject, thing, says) in groups {
        let all: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.subject == subject).collect();
        let good = all.iter().filter(|finding| finding.holds()).count();
        if good > 0 {
            let _ = writeln!(out, "{}✔{} each of {good}: {thing} {says}", palette.good, palette.reset);
        }
        for finding in all.iter().filter(|finding| !finding.holds() && finding.standing != Standing::Unasked)
        {
            line(&mut out, finding, palette);
        }
    }
    if let Some(nothing) = report.nothing_stated() {
        let _ = writeln!(out, "{}!{} {nothing}", palette.bad, palette.reset);
    }
    let locked = report.findings.iter().filter(|finding| finding.standing == Standing::Locked).count();
    let proved = report.findings.iter().filter(|finding| finding.holds()).count();
    if report.solver.as_deref() == Some("") {
        let _ = writeln!(
            out,
            "none of {} proved: the lock file has no proofs",
            counted(report.findings.len(), "claim")
        );
    } else if let Some(solver) = &report.solver {
        let _ = writeln!(
            out,
            "{proved} of {} proved by {solver}, {locked} of them before; {} asked",
            counted(report.findings.len(), "claim"),
            counted(report.questions, "question"),
        );
    }
    if report.worlds > 0 {
        let found = report.findings.iter().filter(|finding| finding.standing == Standing::Refuted).count();
        let what = if found == 0 {
            "nothing against the claims".to_owned()
        } else {
            counted(found, "claim") + " refuted"
        };
        let _ = writeln!(
            out,
            "tried on {} with {} allowed requests: {what}. That is a test, and no proof",
            counted(usize::try_from(report.worlds).unwrap_or(usize::MAX), "random world"),
            report.tried,
        );
    }
    out
}

fn line(out: &mut String, finding: &Finding, palette: Palette) {
    let (mark, colour) = match finding.standing {
        Standing::Proved | Standing::Locked => ("✔", palette.good),
        Standing::Refuted if finding.subject.is_note() => ("!", palette.bad),
        Standing::Refuted => ("✘", palette.bad),
        Standing::Undecided | Standing::SolverFault | Standing::Unasked => ("?", palette.bad),
    };
    let sentence = printable(finding.sentence.trim_end_matches('.'));
    let not = if finding.standing == Standing::Refuted { "not so: " } else { "" };
    let _ = writeln!(out, "{colour}{mark}{} {}: {not}{sentence}", palette.reset, printable(&finding.claim));
    if !finding.places.is_empty() {
        let _ = writeln!(
            out,
            "    {}in: {}{}",
            palette.dim,
            printable(&finding.places.join(", ")),
            palette.reset
        );
    }
    if let Some(why) = &finding.why {
        let _ = writeln!(out, "    {}", printable(why));
    }
    for told in finding.story.iter().flat_map(|story| story.lines()) {
        let _ = writeln!(out, "    {}", printable(told));
    }
}
