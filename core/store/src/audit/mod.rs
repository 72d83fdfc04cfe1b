//! The audit log as a whole: its tree, its checkpoints, and what is asked of it.

mod note;
mod proof;
mod reads;
mod replay;
mod tree;
mod verify;

pub use note::{Checkpoint, LogKey, LogVerifier};
pub use proof::Proof;
pub use reads::{Looked, Read};
pub use replay::{Differing, Replayed};
pub(crate) use tree::Tree;
pub use verify::{Problem, Verified};
