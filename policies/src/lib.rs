//! The access rules of attendance case management, as text: a Cedar schema and one policy a file.
//!
//! This crate holds text and nothing else, so that a tool can read the rules without an engine.
//! Crate `caseward` loads it by default.

/// The Cedar schema: every entity, attribute, action and context that the policies speak of.
pub const SCHEMA: &str = include_str!("../schema.cedarschema");

/// What of each record is shown with which action: the sections, and the content that no rule reads.
pub const CATALOGUE: &str = include_str!("../fields.toml");

/// Every policy: its path below the policy folder (`school/S1.cedar`) and its text, by path.
pub const POLICIES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/policies.rs"));

/// What the decisions say that policies name in `@decision`: DECISIONS.md, empty where there is none.
pub const DECISIONS: &str = include_str!(concat!(env!("OUT_DIR"), "/decisions.md"));

/// Every invariant, what the policies must never allow: its path (`invariants/9-roles.cedar`) and its text, by path.
pub const INVARIANTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/invariants.rs"));
