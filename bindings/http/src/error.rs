//! What keeps a service from starting.

use std::io;
use std::path::{Path, PathBuf};

/// What keeps a service from starting, or from taking new settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings make no sense.
    #[error("{0}")]
    Settings(String),
    /// A file cannot be used.
    #[error("`{path}`: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The policies or the data.
    #[error(transparent)]
    Engine(#[from] caseward::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] caseward_store::Error),
    /// The network.
    #[error("cannot {what}: {error}")]
    Network {
        /// What was tried.
        what: String,
        /// What the system says.
        error: io::Error,
    },
}

impl Error {
    pub(crate) fn settings(why: impl Into<String>) -> Self {
        Error::Settings(why.into())
    }

    pub(crate) fn file(path: &Path, why: impl ToString) -> Self {
        Error::File { path: path.to_owned(), why: why.to_string() }
    }
}
