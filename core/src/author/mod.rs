//! For those who write policies: cases, and what they cover. Feature `author`.

mod cases;

pub use cases::{Case, CaseFile, Mismatch};
