//! How the claims stand.

use serde::Serialize;

use crate::claim::{Claim, Kind};
use crate::solver::NoSolver;

/// How a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
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

/// What kind of claim it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An invariant or a guarantee.
    Stated,
    /// The policy that an invariant or a guarantee is written as never errs.
    Precise,
    /// It can match.
    Sound,
    /// One version beside another.
    Comparison,
    /// A policy never errs.
    NeverErrs,
    /// A policy can decide something.
    CanDecide,
    /// An action on a type of record is allowed to somebody.
    SomebodyMay,
}

impl Subject {
    /// Whether it is a defect of the text rather than a danger: told, and no reason to fail.
    pub fn is_note(self) -> bool {
        matches!(self, Subject::CanDecide | Subject::SomebodyMay)
    }
}

impl From<Kind> for Subject {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Invariant(_) | Kind::Guarantee(_) => Subject::Stated,
            Kind::Sound(_) => Subject::Sound,
            Kind::Precise(_) => Subject::Precise,
            Kind::NotMore | Kind::NotLess | Kind::Equivalent => Subject::Comparison,
            Kind::NeverErrs(_) => Subject::NeverErrs,
            Kind::CanDecide(_) => Subject::CanDecide,
            Kind::SomebodyMay(_) => Subject::SomebodyMay,
        }
    }
}

/// One claim and how it stands.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The claim's name.
    pub claim: String,
    /// What it says.
    pub sentence: String,
    /// How it stands.
    pub standing: Standing,
    /// The kinds of request in which it does not hold, or is not known to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// A counterexample that the engine confirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub story: Option<String>,
    /// The same as a case in TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// What kind of claim it is.
    #[serde(skip)]
    pub subject: Subject,
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
            subject: claim.kind.into(),
        }
    }

    pub(crate) fn locked(claim: &Claim) -> Self {
        Finding { standing: Standing::Locked, ..Finding::new(claim, Vec::new()) }
    }

    pub(crate) fn undecided(&mut self, why: String) {
        self.standing = Standing::Undecided;
        self.why = Some(why);
    }

    /// Whether it is proved, now or before.
    pub fn holds(&self) -> bool {
        matches!(self.standing, Standing::Proved | Standing::Locked)
    }

    /// Whether it is an invariant or a guarantee.
    pub fn is_stated(&self) -> bool {
        self.subject == Subject::Stated
    }
}

/// How all claims stand.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Who proved, such as `cvc5 1.0.3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solver: Option<String>,
    /// Why nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Whether that is because there is none, and not because it is at fault.
    #[serde(skip)]
    pub is_missing: bool,
    /// Questions that the solver's compiler was given.
    pub questions: usize,
    /// Random worlds that the claims were tried on.
    pub worlds: u64,
    /// Requests allowed in them.
    pub tried: usize,
    /// How many invariants and guarantees there are; `None` where two versions are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invariants: Option<usize>,
    /// As `invariants`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guarantees: Option<usize>,
    /// The claims, in their order.
    pub findings: Vec<Finding>,
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

    pub(crate) fn without_solver(claims: &[Claim], trouble: NoSolver) -> Self {
        let (is_missing, why) = match trouble {
            NoSolver::Missing(why) => (true, format!("nothing was proved: {why}")),
            NoSolver::Faulty(why) => (false, format!("the solver is at fault: {why}")),
        };
        let findings = claims.iter().map(|claim| Finding::new(claim, Vec::new())).collect();
        Report { solver: None, trouble: Some(why), is_missing, findings, ..Report::new(String::new()) }
    }

    /// That nobody said what must never be allowed, where that is so: all that was proved is no word on it.
    pub fn nothing_stated(&self) -> Option<&'static str> {
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
}

#[cfg(test)]
mod tests {
    use super::Standing;

    #[test]
    fn a_standing_is_told_in_snake_case() {
        assert_eq!(
            serde_json::json!([Standing::Proved, Standing::SolverFault]),
            serde_json::json!(["proved", "solver_fault"])
        );
    }
}
