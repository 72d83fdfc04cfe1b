//! Worlds, requests, policies and JSON made from bytes, and the laws that hold over all of them. Feature `testing`.
//!
//! Everything is made from [`Choices`], a string of bytes: a seed, a property-testing library or a fuzzer makes
//! the bytes and shrinks them, and small bytes make small things.

pub mod asks;
mod cedar;
mod clinic;
mod json;
pub mod laws;
pub mod operators;
pub mod policies;
mod requests;
mod schemas;
mod slice;
#[cfg(not(target_arch = "wasm32"))]
pub mod strategies;
mod tables;
pub mod targets;
mod values;
mod writer;

pub use cedar::{Asked, Cedar, CedarWorld, Verdict, cedar_uid};
pub use clinic::clinic_sources;
pub use json::{corrupt, entities_json, plain_json};
pub use schemas::{schema, schema_with};
pub use slice::slice_json;
pub use tables::table;

pub use crate::facts::{Choices, Facts, bytes};
pub use requests::{Aim, aimed, compared_with, request};

/// Puts the right checksum at the end of a snapshot whose bytes were changed.
pub fn seal(bytes: &mut [u8]) {
    crate::world::snapshot::seal(bytes);
}
