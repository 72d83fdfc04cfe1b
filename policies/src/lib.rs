//! The access rules of attendance case management, as text: a Cedar schema and one policy a file.
//!
//! This crate holds text and nothing else, so that a tool can read the rules without an engine.
//! Crate `caseward` loads it by default.

/// The Cedar schema: every entity, attribute, action and context that the policies speak of.
pub const SCHEMA: &str = include_str!("../schema.cedarschema");

/// What of each record is shown with which action: the sections, and the content that no rule reads.
pub const CATALOGUE: &str = include_str!("../fields.toml");

/// What annotations may name: the decisions with what they say, the gates and the public sources, in TOML.
pub const ANNOTATIONS: &str = include_str!("../annotations.toml");

/// The people and the situations of the matrix of decisions, in TOML.
pub const MATRIX: &str = include_str!("../matrix.toml");

/// Every policy: its path below the policy folder (`school/S1.cedar`) and its text, by path.
pub const POLICIES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/policies.rs"));

/// Every invariant, what the policies must never allow: its path (`invariants/9-roles.cedar`) and its text, by path.
pub const INVARIANTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/invariants.rs"));

/// Every guarantee, what the policies must always allow: its path (`guarantees/L3-alert.cedar`) and its text, by path.
/// These are claims in the form of permits, and never policies.
pub const GUARANTEES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/guarantees.rs"));

/// Who fits where a record names somebody, as the case store asks it: its path (`fits/P7.cedar`) and its text, by path.
pub const FITS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/fits.rs"));

/// What [`FITS`] are asked: actions that stand in no schema but theirs.
pub const FIT_ACTIONS: &str = include_str!("../fits/actions.cedarschema");
