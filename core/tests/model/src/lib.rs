//! The protocol by which readers of a world see whole batches or none, checked against the orders in which
//! threads may run, up to a number of interruptions, and every value that the memory model lets a load see.
//!
//! `sequence.rs` is the library's own file; it finds loom's atomics where the library has the standard ones.
//! loom follows the C11 model with fences. What it leaves out is a store that takes effect before a load that
//! stands above it in the same thread (see "Relaxed Memory Ordering" in its documentation): a reader stores
//! nothing, and the writer's loads are of its own counter, so that nothing here depends on it.
//!
//! The tests that must panic break the protocol on purpose, one part at a time: each part is needed, and the
//! model sees it when it is missing.

#![cfg(test)]

mod atomics {
    pub(super) use loom::hint::spin_loop;
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering, fence};
}
mod broken;
#[path = "../../../src/world/sequence.rs"]
mod sequence;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use atomics::{AtomicU64, Ordering::Relaxed};
use sequence::Sequence;

/// Batches that the writer stores: the n-th puts n into both cells.
const BATCHES: u64 = 2;
/// Tries of a reader, few enough that it gives up now and then.
const TRIES: usize = 2;

/// Two cells that a batch changes together.
struct Cells {
    sequence: Sequence,
    cells: [AtomicU64; 2],
}

impl Cells {
    fn new() -> Arc<Self> {
        Arc::new(Cells { sequence: Sequence::after(0), cells: [AtomicU64::new(0), AtomicU64::new(0)] })
    }

    fn write(&self) {
        for batch in 1..=BATCHES {
            self.sequence.write(batch, || self.cells.iter().for_each(|cell| cell.store(batch, Relaxed)));
        }
    }

    /// The version that was read; `None` where the reader gave up.
    fn read(&self, tries: usize) -> Option<u64> {
        let look = || [self.cells[0].load(Relaxed), self.cells[1].load(Relaxed)];
        let (cells, version) = self.sequence.read(tries, look)?;
        assert_eq!(cells, [version; 2], "half a batch");
        Some(version)
    }

    /// What is read after `last` is as new at least.
    fn read_after(&self, last: u64) -> u64 {
        let version = self.read(TRIES).unwrap_or(last);
        assert!(version >= last, "from version {last} back to {version}");
        version
    }
}

/// Runs the orders of one writer and so many readers, each of which runs `read`, in which threads are
/// interrupted so many times at most, and every value that a load may see in each. (Without that bound it would
/// take very long.)
fn check(preemptions: usize, readers: usize, read: impl Fn(&Cells) + Clone + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(move || {
        let cells = Cells::new();
        let reading = (0..readers).map(|_| {
            let (cells, read) = (cells.clone(), read.clone());
            loom::thread::spawn(move || read(&cells))
        });
        let reading: Vec<_> = reading.collect();
        cells.write();
        assert_eq!(cells.read(1), Some(BATCHES), "nobody writes any more");
        reading.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn one_reader_sees_whole_batches_in_their_order() {
    check(2, 1, |cells| {
        let last = cells.read_after(0);
        cells.read_after(last);
    });
}

#[test]
fn two_readers_see_whole_batches() {
    check(1, 2, |cells| {
        cells.read_after(0);
    });
}

#[test]
fn what_was_counted_can_be_read() {
    check(2, 1, |cells| {
        let batches = cells.sequence.batches();
        cells.read_after(batches);
    });
}

#[test]
fn a_reader_gives_up_when_every_try_fails() {
    let (gave_up, has_read) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let seen = (gave_up.clone(), has_read.clone());
    check(2, 1, move |cells| {
        let outcome = if cells.read(1).is_some() { &seen.1 } else { &seen.0 };
        outcome.store(true, SeqCst);
    });
    assert!(gave_up.load(SeqCst) && has_read.load(SeqCst), "both happen");
}

#[test]
fn within_a_batch_nothing_is_read() {
    loom::model(|| {
        let sequence = Sequence::after(3);
        assert_eq!(sequence.read(TRIES, || ()), Some(((), 3)));
        sequence.write(4, || assert_eq!(sequence.read(TRIES, || ()), None));
        assert_eq!((sequence.read(TRIES, || ()), sequence.batches()), (Some(((), 4)), 4));
    });
}
