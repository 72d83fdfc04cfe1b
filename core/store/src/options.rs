//! How a store is opened.

use std::fmt;
use std::sync::Arc;

use crate::ids::Random;
use crate::seal::StoreKey;
use crate::time;

/// How a store is opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Whether commands may say what time it is, and the ids of what they make: for imports and tests.
    pub trust_now: bool,
    /// What the store's clock is where commands do not say: the machine's where this is `None`. Milliseconds since 1970.
    pub now: Option<i64>,
    /// Whether nothing is written, and no file is made beside the store: for copies, and folders that cannot be written. What
    /// is audited fails. A store whose folder cannot be written is opened so in any case.
    pub read_only: bool,
    /// Whether what other processes write to the database is seen only when the store is asked something that its writer
    /// answers, and not at once: for programs that ask once and end. It concerns PostgreSQL, where several processes may have
    /// one store open.
    pub alone: bool,
    /// A seed of ids and salts, for runs that are compared; else the system's random bytes.
    pub seed: Option<u64>,
    /// The key under which the store is encrypted, if it is.
    pub key: Option<StoreKey>,
    /// Whether a store is opened of which the rows cannot be read: without facts, and nothing is written to it.
    pub(crate) is_for_checkup: bool,
    /// Who is told how far it is opened.
    pub(crate) progress: Option<Progress>,
}

/// Who is told how many rows were read.
#[derive(Clone)]
pub(crate) struct Progress(Arc<dyn Fn(u64) + Send + Sync>);

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// Rows that are counted while a store is opened.
#[derive(Default)]
pub(crate) struct Counted {
    rows: u64,
    progress: Option<Progress>,
}

impl Counted {
    pub(crate) fn one(&mut self) {
        self.rows += 1;
        if let Some(Progress(tell)) = &self.progress
            && self.rows.is_multiple_of(EACH)
        {
            tell(self.rows);
        }
    }
}

/// Rows after which it is told how many there were.
const EACH: u64 = 16_384;

impl Options {
    /// The store's own clock and ids.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the caller's time, and ids; `now` where a command does not say.
    #[must_use]
    pub fn trusting(mut self, now: Option<i64>) -> Self {
        (self.trust_now, self.now) = (true, now);
        self
    }

    /// Writes nothing.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Does not follow what other processes write.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Draws ids and salts from a seed.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// With the key under which the store is encrypted, or is to be where it is made.
    #[must_use]
    pub fn with_key(mut self, key: Option<StoreKey>) -> Self {
        self.key = key;
        self
    }

    /// Has `tell` told how many rows were read, now and then while a store is opened from its rows: each 16,384. Of a small
    /// store, and of one that is opened from its snapshot, nothing is told.
    ///
    /// It is called in the thread that opens the store, which waits for it.
    #[must_use]
    pub fn telling(mut self, tell: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.progress = Some(Progress(Arc::new(tell)));
        self
    }

    pub(crate) fn counted(&self) -> Counted {
        Counted { rows: 0, progress: self.progress.clone() }
    }

    pub(crate) fn random(&self) -> Random {
        match self.seed {
            Some(seed) => Random::Seeded { seed, count: 0 },
            None => Random::System,
        }
    }

    /// The clock, where a command does not say.
    pub(crate) fn clock(&self) -> i64 {
        self.now.filter(|_| self.trust_now).unwrap_or_else(time::machine)
    }
}
