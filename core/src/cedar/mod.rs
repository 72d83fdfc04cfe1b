//! Between Cedar's forms and this crate's: values, entities and contexts in JSON, the schema; and the limits that keep
//! Cedar's parsers safe.
//!
//! INVARIANT: this folder and `policy`, which walks Cedar's syntax trees, are the only places of the engine that name
//! `cedar_policy` or `cedar_policy_core`; beside it `testing` does, as the witness, and the prover. They hand out this crate's own types, so that a change of Cedar stays in here.

mod entities;
pub(crate) mod limits;
pub(crate) mod schema;
mod sections;
pub(crate) mod value;

pub(crate) use entities::{EntityParser, NO_VALUE, Parsed, Refusal};
#[cfg(feature = "author")]
pub(crate) use limits::Tokens;
pub(crate) use sections::{Sections, same as same_schema, sections};
pub(crate) use value::{construct, decimal_text, parse_decimal};
