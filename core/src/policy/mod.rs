//! Policies and schema: loading, checking, and Cedar's own authorizer.
//!
//! INVARIANT: this is the only module that names `cedar_policy` or `cedar_policy_core`. It hands out
//! this crate's own types, so that a change of Cedar stays in here.

#[cfg(feature = "author")]
mod advice;
mod anatomy;
mod annotations;
#[cfg(feature = "author")]
mod atoms;
pub mod claims;
mod entities;
mod expansion;
#[cfg(feature = "fs")]
mod folder;
mod format;
mod limits;
#[cfg(any(feature = "author", feature = "testing"))]
mod literals;
mod load;
mod lower;
mod mistakes;
#[cfg(feature = "author")]
mod mutants;
mod needs;
mod reference;
mod schema;
mod sections;
#[cfg(feature = "author")]
mod spots;
#[cfg(feature = "author")]
mod survey;
mod value;

#[cfg(feature = "author")]
pub(crate) use anatomy::Term;
pub(crate) use anatomy::{Anatomy, Body, Form, Part, Relation};
#[cfg(feature = "author")]
pub(crate) use atoms::{Dissection, Skeleton, Structure};
pub(crate) use entities::{EntityParser, NO_VALUE, Parsed, Refusal};
#[cfg(feature = "fs")]
pub use folder::FilePart;
pub use format::format;
pub(crate) use limits::MAX_BYTES;
#[cfg(feature = "author")]
pub(crate) use limits::Tokens;
#[cfg(any(feature = "author", feature = "testing"))]
pub(crate) use literals::Literals;
pub(crate) use load::Loaded;
pub use load::{Effect, Policy, Source, Sources};
#[cfg(feature = "author")]
pub(crate) use lower::Environment;
pub(crate) use lower::Spans;
#[cfg(feature = "author")]
pub(crate) use mutants::{Admission, Changed};
pub(crate) use needs::{Need, Roots};
pub(crate) use reference::{Fact, Question};
pub(crate) use sections::{Sections, sections};
#[cfg(feature = "author")]
pub(crate) use spots::Spots;
#[cfg(feature = "author")]
pub(crate) use survey::{ClauseText, Survey, tokens};
pub(crate) use value::{construct, decimal_text, parse_decimal, parse_uid};
