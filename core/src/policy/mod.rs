//! Policies and schema: loading, checking, and Cedar's own authorizer.
//!
//! INVARIANT: this is the only module that names `cedar_policy` or `cedar_policy_core`. It hands out
//! this crate's own types, so that a change of Cedar stays in here.

#[cfg(feature = "author")]
mod advice;
#[cfg(feature = "author")]
mod anatomy;
mod entities;
mod explain;
#[cfg(feature = "fs")]
mod folder;
mod format;
mod limits;
#[cfg(any(feature = "author", feature = "testing"))]
mod literals;
mod load;
mod lower;
#[cfg(feature = "author")]
mod mutants;
mod needs;
mod reference;
mod schema;
mod value;

#[cfg(feature = "author")]
pub(crate) use anatomy::{Anatomy, Dissection, Skeleton};
pub(crate) use entities::{EntityParser, Parsed, Refusal};
pub(crate) use explain::{Conditions, Truth};
pub use format::format;
#[cfg(feature = "author")]
pub(crate) use limits::Tokens;
#[cfg(any(feature = "author", feature = "testing"))]
pub(crate) use literals::Literals;
pub(crate) use load::Loaded;
pub use load::{Effect, Policy, Source, Sources};
#[cfg(feature = "author")]
pub(crate) use lower::Environment;
#[cfg(feature = "author")]
pub(crate) use mutants::{Admission, Changed};
pub(crate) use needs::{Need, Roots};
pub(crate) use reference::{Fact, Question};
pub(crate) use value::{construct, decimal_text, parse_decimal, parse_uid};
