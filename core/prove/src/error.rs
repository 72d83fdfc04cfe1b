//! Why nothing could be asked.

use std::fmt;

use crate::solver::NoSolver;

/// Why nothing could be asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no solver to ask.
    NoSolver(NoSolver),
    /// The library refuses policies.
    Policies {
        /// Which ones, such as `the other version`; empty for those that are asked about.
        which: &'static str,
        /// What is wrong with them.
        error: caseward::Error,
    },
    /// Anything else, in a line.
    Other(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoSolver(why) => why.fmt(f),
            Error::Policies { which: "", error } => error.fmt(f),
            Error::Policies { which, error } => write!(f, "{which}: {error}"),
            Error::Other(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}

impl From<NoSolver> for Error {
    fn from(why: NoSolver) -> Self {
        Error::NoSolver(why)
    }
}

impl From<String> for Error {
    fn from(why: String) -> Self {
        Error::Other(why)
    }
}

impl From<caseward::Error> for Error {
    fn from(error: caseward::Error) -> Self {
        Error::Policies { which: "", error }
    }
}
