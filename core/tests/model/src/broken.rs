//! The protocol with one part left out: the model must catch each.

use std::sync::Arc;

use super::atomics::{AtomicU64, Ordering, fence};

/// What is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    /// Nothing: this copy is as good as the library's.
    Nothing,
    /// The counter being odd while a batch is stored: it is bumped once, afterwards.
    OddCount,
    /// The fence between the odd count and the batch.
    ReleaseFence,
    /// The release of the batch by the even count.
    ReleaseStore,
    /// The acquisition of the batch by the first look at the counter.
    AcquireLoad,
    /// The fence between reading and the second look at the counter.
    AcquireFence,
    /// The second look itself.
    SecondLook,
}

struct Sequence {
    counter: AtomicU64,
    without: Without,
}

impl Sequence {
    fn read<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        let first = if self.without == Without::AcquireLoad { Ordering::Relaxed } else { Ordering::Acquire };
        let before = self.counter.load(first);
        if before % 2 == 1 {
            return None;
        }
        let value = read();
        if self.without != Without::AcquireFence {
            fence(Ordering::Acquire);
        }
        let is_still = self.without == Without::SecondLook || self.counter.load(Ordering::Relaxed) == before;
        is_still.then_some(value)
    }

    fn write(&self, write: impl FnOnce()) {
        let before = self.counter.load(Ordering::Relaxed);
        if self.without != Without::OddCount {
            self.counter.store(before + 1, Ordering::Relaxed);
        }
        if self.without != Without::ReleaseFence {
            fence(Ordering::Release);
        }
        write();
        let last = if self.without == Without::ReleaseStore { Ordering::Relaxed } else { Ordering::Release };
        self.counter.store(before + 2, last);
    }
}

/// One writer of one batch over two cells, and one reader.
fn check(without: Without) {
    loom::model(move || {
        let sequence = Sequence { counter: AtomicU64::new(0), without };
        let shared = Arc::new((sequence, [AtomicU64::new(0), AtomicU64::new(0)]));
        let reader = shared.clone();
        let reader = loom::thread::spawn(move || {
            let (sequence, cells) = &*reader;
            let read = sequence.read(|| [cells[0].load(Ordering::Relaxed), cells[1].load(Ordering::Relaxed)]);
            assert!(read.is_none_or(|[one, other]| one == other), "half a batch");
        });
        let (sequence, cells) = &*shared;
        sequence.write(|| cells.iter().for_each(|cell| cell.store(1, Ordering::Relaxed)));
        reader.join().unwrap();
    });
}

#[test]
fn the_copy_is_whole_before_it_is_broken() {
    check(Without::Nothing);
}

#[test]
#[should_panic(expected = "half a batch")]
fn the_count_must_be_odd_meanwhile() {
    check(Without::OddCount);
}

#[test]
#[should_panic(expected = "half a batch")]
fn the_writer_must_fence() {
    check(Without::ReleaseFence);
}

#[test]
#[should_panic(expected = "half a batch")]
fn the_writer_must_release() {
    check(Without::ReleaseStore);
}

#[test]
#[should_panic(expected = "half a batch")]
fn the_reader_must_acquire() {
    check(Without::AcquireLoad);
}

#[test]
#[should_panic(expected = "half a batch")]
fn the_reader_must_fence() {
    check(Without::AcquireFence);
}

#[test]
#[should_panic(expected = "half a batch")]
fn the_reader_must_look_again() {
    check(Without::SecondLook);
}
