//! How a run ends: the exit codes that callers rely on.

use std::process::ExitCode;

use caseward::Decision;

/// The exit codes, as Cedar's own command has them, and 64 so that a mistyped flag is no denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Allowed, or done.
    Success = 0,
    /// A file, the data or a request cannot be used.
    Failure = 1,
    /// Denied.
    Deny = 2,
    /// Policies or schema were refused.
    Invalid = 3,
    /// What was tested or claimed does not hold: a case, coverage, a mutant, a page that is out of date, an
    /// invariant; or something is gained that nobody announced.
    Unmet = 4,
    /// A claim is neither proved nor refuted: the solver gave up.
    Undecided = 5,
    /// There is no solver on this machine.
    NoSolver = 6,
    /// The solver died, hung, or is not what it says.
    SolverFault = 7,
    /// Flags or their values make no sense (`EX_USAGE`).
    Usage = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

impl From<Decision> for Exit {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow => Exit::Success,
            Decision::Deny => Exit::Deny,
        }
    }
}
