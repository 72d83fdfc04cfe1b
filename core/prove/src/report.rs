//! What is told of the claims, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::claim::{Claim, Kind};
use super::solver::Trouble;
use crate::exit::Exit;
use crate::failure::{counted, printable};
use crate::terminal::Palette;

/// How a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Standing {
    /// It holds of all data.
    Proved,
    /// It was proved before, of the very same policies, by the very same solver.
    Locked,
    /// It does not hold.
    Refuted,
    /// The solver gave up, or the question is beyond it.
    Undecided,
    /// The solver died, hung or spoke nonsense.
    SolverFault,
    /// There was nobody to ask.
    Unasked,
}

/// One claim and how it stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) claim: String,
    pub(crate) sentence: String,
    pub(crate) standing: Standing,
    /// The kinds of request in which it does not hold, or is not known to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) places: Vec<String>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// A counterexample that the engine confirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) story: Option<String>,
    /// The same as a case in TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) case: Option<String>,
    #[serde(skip)]
    kind: Kind,
}

impl Finding {
    pub(crate) fn new(claim: &Claim, places: Vec<String>) -> Self {
        Finding {
            claim: claim.id.clone(),
            sentence: claim.sentence.clone(),
            standing: Standing::Unasked,
            places,
            why: None,
            story: None,
            case: None,
            kind: claim.kind,
        }
    }

    pub(crate) fn locked(claim: &Claim) -> Self {
        Finding { standing: Standing::Locked, ..Finding::new(claim, Vec::new()) }
    }

    pub(crate) fn undecided(&mut self, why: String) {
        self.standing = Standing::Undecided;
        self.why = Some(why);
    }

    pub(crate) fn holds(&self) -> bool {
        matches!(self.standing, Standing::Proved | Standing::Locked)
    }

    /// Whether it is an invariant or a guarantee.
    pub(crate) fn is_stated(&self) -> bool {
        matches!(self.kind, Kind::Invariant(_) | Kind::Guarantee(_))
    }
}

/// How all claims stand.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Who proved, such as `cvc5 1.0.3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) solver: Option<String>,
    /// Why nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<String>,
    #[serde(skip)]
    is_missing: bool,
    /// Questions that the solver's compiler was given.
    pub(crate) questions: usize,
    /// Random worlds that the claims were tried on.
    pub(crate) worlds: u64,
    /// Requests allowed in them.
    pub(crate) tried: usize,
    /// How many invariants and guarantees there are; `None` where two versions are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) invariants: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guarantees: Option<usize>,
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(solver: String) -> Self {
        Report {
            solver: Some(solver),
            trouble: None,
            is_missing: false,
            questions: 0,
            worlds: 0,
            tried: 0,
            invariants: None,
            guarantees: None,
            findings: Vec::new(),
        }
    }

    pub(crate) fn without_solver(claims: &[Claim], trouble: Trouble) -> Self {
        let (is_missing, why) = match trouble {
            Trouble::Missing(why) => (true, format!("nothing was proved: {why}")),
            Trouble::Faulty(why) => (false, format!("the solver is at fault: {why}")),
        };
        let findings = claims.iter().map(|claim| Finding::new(claim, Vec::new())).collect();
        Report { solver: None, trouble: Some(why), is_missing, findings, ..Report::new(String::new()) }
    }

    /// The exit code; notes count where `strict`.
    pub(crate) fn exit(&self, strict: bool) -> Exit {
        let counts = |finding: &&Finding| strict || !finding.kind.is_note();
        let any = |standing| self.findings.iter().filter(counts).any(|finding| finding.standing == standing);
        match () {
            () if any(Standing::Refuted) => Exit::Unmet,
            () if self.trouble.is_some() && !self.is_missing || any(Standing::SolverFault) => {
                Exit::SolverFault
            }
            () if self.is_missing => Exit::NoSolver,
            () if any(Standing::Undecided) || any(Standing::Unasked) => Exit::Undecided,
            () => Exit::Success,
        }
    }

    /// That nobody said what must never be allowed, where that is so: all that was proved is no word on it.
    pub(crate) fn nothing_stated(&self) -> Option<&'static str> {
        (self.invariants == Some(0)).then_some(match self.guarantees {
            Some(0) => {
                "there are no invariants and no guarantees: what must never be allowed, and what must always be, was not \
                 asked (`invariants` and `guarantees` in the policy folder say it)"
            }
            _ => {
                "there are no invariants: what must never be allowed was not asked (`invariants` in the policy folder \
                 says it)"
            }
        })
    }

    /// For people: invariants and guarantees one by one, the rest where there is something to say.
    pub(crate) fn text(&self, palette: Palette) -> String {
        let mut out = String::new();
        for finding in self
            .findings
            .iter()
            .filter(|f| f.is_stated() || matches!(f.kind, Kind::NotMore | Kind::NotLess | Kind::Equivalent))
        {
            line(&mut out, finding, palette);
        }
        type Group = (fn(&Kind) -> bool, &'static str, &'static str);
        let groups: [Group; 5] = [
            (|kind| matches!(kind, Kind::Precise(_)), "invariant or guarantee", "never errs"),
            (|kind| matches!(kind, Kind::Sound(_)), "invariant or guarantee", "speaks of something"),
            (|kind| matches!(kind, Kind::NeverErrs(_)), "policy", "never errs, whatever the data"),
            (|kind| matches!(kind, Kind::CanDecide(_)), "policy", "can decide something"),
            (
                |kind| matches!(kind, Kind::SomebodyMay(_)),
                "action on a type of record",
                "is allowed to somebody",
            ),
        ];
        for (is_of, thing, says) in groups {
            let all: Vec<&Finding> = self.findings.iter().filter(|finding| is_of(&finding.kind)).collect();
            let good = all.iter().filter(|finding| finding.holds()).count();
            if good > 0 {
                let _ = writeln!(out, "{}✔{} each of {good}: {thing} {says}", palette.good, palette.reset);
            }
            for finding in
                all.iter().filter(|finding| !finding.holds() && finding.standing != Standing::Unasked)
            {
                line(&mut out, finding, palette);
            }
        }
        if let Some(nothing) = self.nothing_stated() {
            let _ = writeln!(out, "{}!{} {nothing}", palette.bad, palette.reset);
        }
        let locked = self.findings.iter().filter(|finding| finding.standing == Standing::Locked).count();
        let proved = self.findings.iter().filter(|finding| finding.holds()).count();
        if let Some(solver) = &self.solver {
            let _ = writeln!(
                out,
                "{proved} of {} proved by {solver}, {locked} of them before; {} asked",
                counted(self.findings.len(), "claim"),
                counted(self.questions, "question"),
            );
        }
        if self.worlds > 0 {
            let found = self.findings.iter().filter(|finding| finding.standing == Standing::Refuted).count();
            let what = if found == 0 {
                "nothing against the claims".to_owned()
            } else {
                counted(found, "claim") + " refuted"
            };
            let _ = writeln!(
                out,
                "tried on {} with {} allowed requests: {what}. That is a test, and no proof",
                counted(usize::try_from(self.worlds).unwrap_or(usize::MAX), "random world"),
                self.tried,
            );
        }
        out
    }
}

fn line(out: &mut String, finding: &Finding, palette: Palette) {
    let (mark, colour) = match finding.standing {
        Standing::Proved | Standing::Locked => ("✔", palette.good),
        Standing::Refuted if finding.kind.is_note() => ("!", palette.bad),
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
