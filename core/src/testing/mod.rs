//! Worlds, requests and JSON made from bytes, for property tests and fuzzers. Feature `testing`.
//!
//! Everything is made from [`Choices`], a string of bytes: a property-testing library or a fuzzer makes
//! the bytes and shrinks them, and small bytes make small things.

mod choices;
mod json;
pub mod policies;
mod slice;
mod worlds;

pub use choices::Choices;
pub use json::{corrupt, entities_json};
pub use slice::slice_json;
pub use worlds::{Facts, request};
