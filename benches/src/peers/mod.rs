//! Other engines, each with the rules for `viewSummary` on cases and the facts that a request needs.
//!
//! Every engine gets the fastest of its own ways: parsed and compiled once, facts of a request ready. The
//! rules are translated by hand, rule by rule, with nothing left out that an engine could skip for itself.

pub mod casbin;
pub mod cedar;
pub mod facts;
pub mod rego;
pub mod sqlite;
