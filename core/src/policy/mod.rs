//! Policies: loading, naming and checking them, lowering them to programs, and Cedar's own authorizer.

#[cfg(feature = "author")]
mod advice;
mod anatomy;
mod annotations;
#[cfg(feature = "author")]
mod atoms;
pub(crate) mod catalogue;
pub mod claims;
mod expansion;
#[cfg(feature = "fs")]
pub mod files;
#[cfg(feature = "fs")]
mod folder;
mod format;
#[cfg(any(feature = "author", feature = "testing"))]
mod literals;
mod load;
mod lower;
mod mistakes;
#[cfg(feature = "author")]
mod mutants;
mod needs;
mod reference;
#[cfg(feature = "author")]
mod spots;
#[cfg(feature = "author")]
mod survey;

#[cfg(feature = "author")]
pub(crate) use anatomy::Term;
pub(crate) use anatomy::{Anatomy, Body, Form, Part, Relation};
#[cfg(all(feature = "author", feature = "fs"))]
pub(crate) use annotations::known_in as known_annotations;
#[cfg(feature = "author")]
pub(crate) use atoms::{Dissection, Skeleton, Structure};
pub(crate) use catalogue::Catalogue;
#[cfg(feature = "fs")]
pub use folder::FilePart;
#[cfg(all(feature = "fs", feature = "author"))]
pub(crate) use folder::{cases, hidden};
pub use format::format;
#[cfg(any(feature = "author", feature = "testing"))]
pub(crate) use literals::Literals;
pub(crate) use load::Loaded;
pub use load::{Policy, Sources};
#[cfg(feature = "author")]
pub(crate) use lower::Environment;
pub(crate) use lower::Spans;
#[cfg(feature = "author")]
pub(crate) use mutants::{Admission, Changed};
pub(crate) use needs::{Need, Roots};
pub(crate) use reference::{Fact, Question};
#[cfg(feature = "author")]
pub(crate) use spots::Spots;
#[cfg(feature = "author")]
pub(crate) use survey::{ClauseText, Survey, tokens};
