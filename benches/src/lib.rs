//! Same-run comparisons: caseward beside what else answers the same question, with the answers asserted.
//!
//! The binary `report` measures and writes `report.json`; the Criterion bench `engine` times the same
//! functions on a small world. What is compared:
//! - [`floor`]: the rules written by hand in Rust, the least that a check or a list can cost;
//! - [`peers`]: other engines, each with the same rules and the facts that it needs;
//! - [`check`] and [`list`]: the rows. A new implementation is one more [`compare::Candidate`] there.

pub mod batch;
pub mod check;
pub mod compare;
pub mod floor;
pub mod list;
pub mod pairs;
pub mod peers;
pub mod random;
pub mod report;
pub mod world;

/// What a bench can fail with: anything, with its words.
pub type Failure = Box<dyn std::error::Error>;
