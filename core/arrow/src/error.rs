//! What can go wrong with columns.

use arrow_schema::ArrowError;

/// Why a question about columns has no answer. It never becomes an allow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What the library itself reports: of the question, of the world, of an interruption.
    #[error(transparent)]
    Caseward(#[from] caseward::Error),
    /// What is wrong with a frame: it names the column, and the row where there is one.
    #[error("{0}")]
    Frame(String),
    /// Batches of changes came faster than the columns could be gone through.
    #[error("the data changed while the rows were gone through: read them anew")]
    Changed,
}

impl Error {
    pub(crate) fn frame(what: impl Into<String>) -> Self {
        // A consumer in C reads it up to the first zero byte, and may not find one within it.
        Error::Frame(what.into().replace('\0', "\u{fffd}"))
    }

    pub(crate) fn of_column(name: &str, error: &ArrowError) -> Self {
        Error::frame(format!("column `{name}`: {error}"))
    }
}
