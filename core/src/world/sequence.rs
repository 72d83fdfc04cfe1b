//! How readers without a lock see whole batches or none.
//!
//! A counter is odd while a batch is written. A reader notes the counter, reads, and looks again: where it was
//! odd or has moved, what was read is thrown away and read anew. What it guards are atomic cells, so that a
//! torn read is a wrong number and never undefined (Boehm, "Can seqlocks get along with programming language
//! memory models?", 2012).
//!
//! `core/tests/model` checks this file against the memory model, with its own atomics.

use super::atomics::{AtomicU64, Ordering, fence, spin_loop};

/// Counts half batches: even between batches, odd within one.
pub(crate) struct Sequence(AtomicU64);

impl Sequence {
    /// Between two batches, after so many; what a world was loaded with counts as one.
    pub(crate) fn after(batches: u64) -> Self {
        Sequence(AtomicU64::new(batches * 2))
    }

    /// How many batches were written.
    pub(crate) fn batches(&self) -> u64 {
        self.0.load(Ordering::Acquire) / 2
    }

    /// What `read` gives between two batches, and how many were written before it; `None` where a batch came
    /// in between at each of `tries`.
    pub(crate) fn read<T>(&self, tries: usize, mut read: impl FnMut() -> T) -> Option<(T, u64)> {
        for _ in 0..tries {
            let before = self.0.load(Ordering::Acquire);
            if before.is_multiple_of(2) {
                let value = read();
                fence(Ordering::Acquire);
                if self.0.load(Ordering::Relaxed) == before {
                    return Some((value, before / 2));
                }
            }
            spin_loop();
        }
        None
    }

    /// Runs `write`, which stores what brings the count to `batches`, more than there were. One writer at a time: the
    /// caller sees to that.
    pub(crate) fn write(&self, batches: u64, write: impl FnOnce()) {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before + 1, Ordering::Relaxed);
        // No store of the batch comes before the counter is odd.
        fence(Ordering::Release);
        write();
        self.0.store(batches * 2, Ordering::Release);
    }
}
