//! Same-run comparisons: caseward beside what else answers the same question, with the answers asserted.
//!
//! The binary `report` measures and writes `report.json`; the Criterion bench `engine` times the same
//! functions on a small world. What is compared:
//! - [`floor`]: the rules written by hand in Rust, the least that a check or a list can cost;
//! - [`peers`]: other engines, each with the same rules and the facts that it needs;
//! - [`check`], [`list`], [`who`], [`count`], [`batch`], [`memory`], [`reload`], [`entities`], [`change`] and
//!   [`store`]: the rows.
//!
//! To add an implementation of a decision, give [`compare::compare`] one more [`compare::Candidate`]: a name,
//! which share of the requests it gets, and a closure from a [`compare::Pair`] (numbers, in the order of
//! `World::ids`) to yes or no; where it needs more than numbers, one closure that prepares a request, which
//! is not timed, and one that decides it. What takes any action goes into `check::Engines::candidates`, and
//! then stands in every row of `check_hot` and `check_cold`. To add an implementation of a list, add a
//! closure that makes it and says how long it is to the table in `list::rows`; other work is timed in the same
//! way by [`compare::compare_work`].

pub mod batch;
pub mod change;
pub mod check;
pub mod compare;
pub mod count;
pub mod entities;
pub mod filter;
pub mod floor;
pub mod list;
pub mod memory;
pub mod pairs;
pub mod peers;
pub mod random;
pub mod reload;
pub mod report;
pub mod store;
pub mod who;
pub mod world;

/// What a bench can fail with: anything, with its words.
pub type Failure = Box<dyn std::error::Error>;
