//! The atomics of [`sequence`](super::sequence), by a name of their own so that a model can bring others.

pub(super) use std::hint::spin_loop;
pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};
