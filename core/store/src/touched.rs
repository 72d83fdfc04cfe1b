//! What an open store touches: how often its database is asked, and how many rows that gives; and whether it can be written to.
//!
//! It is for metrics, and for tests that hold what is denied to what is absent: a time tells of them only what this tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::store::Store;

impl Store {
    /// Whether it can be written to, by writing: what it knows of itself, as it is, and durably; and whether there is room for
    /// more, of a file.
    ///
    /// # Errors
    /// Why not: [`Error::Database`] (a full disk), [`Error::ReadOnly`], [`Error::File`], [`Error::Stopped`].
    pub fn can_write(&self) -> Result<(), Error> {
        self.run(|state, _| {
            state.in_group(|_, _| Ok(()))?;
            state.db.has_room()
        })
    }
}

/// How often a store's database was asked, since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Touched {
    /// Statements, but for those that begin and end transactions.
    pub statements: u64,
    /// Rows that they gave.
    pub rows: u64,
    /// How often the facts were put together with what was to be written; each costs as much as all that one command or one
    /// subject of a feed changes.
    pub layers: u64,
    /// Steps of SQLite's machine, which grow with what a statement reads, whether or not it gives it; none of PostgreSQL.
    pub steps: u64,
}

/// Counts what a connection is asked. Cloning shares it.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<Counts>);

#[derive(Default)]
struct Counts {
    statements: AtomicU64,
    rows: AtomicU64,
    layers: AtomicU64,
    steps: AtomicU64,
}

impl Counter {
    pub(crate) fn statement(&self) {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn row(&self) {
        self.0.rows.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn layer(&self) {
        self.0.layers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn steps(&self, taken: u64) {
        self.0.steps.fetch_add(taken, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Touched {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Touched {
            statements: of(&self.0.statements),
            rows: of(&self.0.rows),
            layers: of(&self.0.layers),
            steps: of(&self.0.steps),
        }
    }
}
