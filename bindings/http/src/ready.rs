//! Whether the service is ready: what is due was applied, and what is shown can be audited.
//!
//! Whoever asks `/readyz` has nothing written. What was written for others tells that it can be; where nothing was for a while, or
//! the last time failed, the store is written to once, beside the requests.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::app::{App, Backing};
use crate::bundle::Source;

/// How old the last look of a store, and what is known of writing to it, may be, in seconds.
const STALE: u64 = 30;

/// What is known of writing to the store.
#[derive(Default)]
pub(crate) struct Written {
    /// When it last was, in seconds since 1970.
    at: AtomicU64,
    has_failed: AtomicBool,
}

impl App {
    /// Whether what is asked would be answered.
    pub(crate) fn is_ready(&self) -> bool {
        let is_at_head = match self.backing {
            Backing::World(_) => self.bundle.as_ref().is_none_or(Source::is_taken),
            Backing::Store(_) => since_1970().saturating_sub(self.metrics.tick.get()) <= STALE,
        };
        is_at_head && !self.written.has_failed.load(Ordering::Acquire) && !*self.end.borrow()
    }

    /// Applies what is due by the store's clock, where there is a store.
    pub(crate) fn tick(&self) {
        let Some(store) = self.store() else { return };
        match store.tick() {
            Ok(_) => {
                self.metrics.tick.set(since_1970());
            }
            Err(error) => (self.notes)(&format!("what is due was not applied: {error}")),
        }
    }

    /// Something was written to the store.
    pub(crate) fn wrote(&self) {
        self.written.at.store(since_1970(), Ordering::Release);
        if self.written.has_failed.swap(false, Ordering::AcqRel) {
            (self.notes)("the store can be written to again");
        }
    }

    /// Something could not be written: whether anything can be is looked at soon, which a request alone does not say.
    pub(crate) fn doubt(&self) {
        self.written.at.store(0, Ordering::Release);
    }

    /// Writes to the store, where it is not known whether it can be.
    pub(crate) fn look_whether_written(&self) {
        let Some(store) = self.store() else { return };
        let has_failed = self.written.has_failed.load(Ordering::Acquire);
        let age = since_1970().saturating_sub(self.written.at.load(Ordering::Acquire));
        if !has_failed && age < STALE {
            return;
        }
        match store.can_write() {
            Ok(()) => self.wrote(),
            Err(error) => {
                if !has_failed {
                    (self.notes)(&format!(
                        "the store cannot be written to, so that the service is not ready: {error}"
                    ));
                }
                self.written.has_failed.store(true, Ordering::Release);
            }
        }
    }
}

fn since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
