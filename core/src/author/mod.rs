//! For those who write policies: cases, and what they cover. Feature `author`.

mod cases;
mod diff;

pub use cases::{Case, CaseFile, Mismatch};
pub use diff::{Changed, Diff, Difference};
