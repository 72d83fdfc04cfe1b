//! What can go wrong with a store: its file, its data, or what it was asked.

use std::io;
use std::path::{Path, PathBuf};

use caseward::{EntityUid, Problem};

/// What can go wrong with a store. A command that is denied, refused or makes no sense is no error: it is an
/// [`Answer`](crate::Answer).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is there already.
    #[error("`{0}` is there already: a store is made where there is none")]
    Exists(PathBuf),
    /// There is no file.
    #[error("there is no store `{0}`: make one with `caseward store init`")]
    Missing(PathBuf),
    /// The file is a database without a store, or none.
    #[error("`{path}` is no store of caseward: {why}")]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A newer caseward made it.
    #[error(
        "`{path}` is of version {found} of the store, and this caseward knows {known}: use a newer caseward"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// Another process has it open for writing.
    #[error("another process writes to `{0}`: a store of SQLite has one writer")]
    InUse(PathBuf),
    /// It was opened to be read alone, or its folder cannot be written.
    #[error(
        "`{0}` is read alone, or cannot be written: nothing is written to it, and what would be audited is not shown"
    )]
    ReadOnly(PathBuf),
    /// The database refused.
    #[error("the database: {0}")]
    Database(String),
    /// A row holds what no store writes into it.
    #[error("the data cannot be read: {0}")]
    Unreadable(String),
    /// It is encrypted, and there is no key or another one; or it is not, and there is one.
    #[error("{0}")]
    Sealed(String),
    /// The audit log is not what was written.
    #[error("the log is damaged, and is not signed: {0}; see `caseward audit verify`")]
    Damaged(String),
    /// The policies or the data.
    #[error(transparent)]
    Engine(#[from] caseward::Error),
    /// A file beside the database.
    #[error("cannot {what} `{path}`: {error}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Of which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What was asked of the store makes no sense.
    #[error("{0}")]
    Request(String),
    /// A watch was told of more than it took.
    #[error("the watch fell behind: more changed than waits to be taken; watch anew")]
    Behind,
    /// A node does not have the version that it was asked for, and did not get it in time.
    #[error(
        "version {wanted} was asked for, and this store has version {has}: it did not come in time{why}; ask again, or ask where it was written"
    )]
    NotYet {
        /// The version that was asked for.
        wanted: u64,
        /// The version that there is here.
        has: u64,
        /// Why it did not come, where that is known.
        why: String,
    },
    /// A mirror is not as new as it has to be.
    #[error("the mirror of `{place}` {what}")]
    Stale {
        /// The database, without a password.
        place: PathBuf,
        /// What it is instead, and why.
        what: String,
    },
    /// The database is another than the one that was followed.
    #[error("the store stopped, since its database was put back or replaced: {0}; open it again")]
    PutBack(&'static str),
    /// An earlier failure left the data in memory behind the database.
    #[error("the store stopped after a failure: open it again")]
    Stopped,
}

impl Error {
    pub(crate) fn file(what: &'static str, path: &Path, error: io::Error) -> Self {
        Error::File { what, path: path.to_owned(), error }
    }

    /// What is wrong with the rows of the database, where it is they that are at fault: the record, and what is wrong with it.
    pub(crate) fn of_rows(&self) -> Option<Vec<(Option<EntityUid>, String)>> {
        match self {
            Error::Unreadable(what) => Some(vec![(None, what.clone())]),
            Error::Engine(error) if error.is_data() => {
                let of = |problem: &Problem| match problem.source.parse() {
                    Ok(uid) => (Some(uid), problem.message.clone()),
                    Err(_) => (None, problem.to_string()),
                };
                Some(error.problems().iter().map(of).collect())
            }
            _ => None,
        }
    }

    pub(crate) fn request(why: impl Into<String>) -> Self {
        Error::Request(why.into())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        // SQLite says of a full disk that it is one, but for the index of its log, which has to grow in the folder too.
        let code = error.sqlite_error().map(|error| error.extended_code);
        Error::Database(match code {
            Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => {
                format!("{error}: its `-shm` cannot grow, as where the disk is full")
            }
            _ => error.to_string(),
        })
    }
}
