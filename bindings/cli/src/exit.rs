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
    /// What was tested does not hold: a case, coverage, a mutant, a page that is out of date.
    Unmet = 4,
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
