//! Policies and schema: loading, checking, and Cedar's own authorizer.
//!
//! INVARIANT: this is the only module that names `cedar_policy` or `cedar_policy_core`. It hands out
//! this crate's own types, so that a change of Cedar stays in here.

mod anatomy;
mod entities;
#[cfg(feature = "fs")]
mod folder;
mod format;
mod limits;
#[cfg(feature = "testing")]
mod literals;
mod load;
mod lower;
mod needs;
mod reference;
mod schema;
mod sections;
mod value;

pub(crate) use anatomy::{Anatomy, Body, Form, Part, Relation};
pub(crate) use entities::{EntityParser, Parsed, Refusal};
pub use format::format;
pub(crate) use limits::MAX_BYTES;
#[cfg(feature = "testing")]
pub(crate) use literals::Literals;
pub(crate) use load::Loaded;
pub use load::{Effect, Policy, Source, Sources};
pub(crate) use lower::Spans;
pub(crate) use needs::{Need, Roots};
pub(crate) use reference::{Fact, Question};
pub(crate) use sections::{Sections, sections};
pub(crate) use value::{construct, decimal_text, parse_decimal, parse_uid};
