//! A predicate for the user's own SQL: which rows of their tables may this person do this to?

mod create;
mod dialect;
mod filter;
mod like;
mod mapping;
mod names;
mod print;
mod rows;
mod simplify;
mod tables;
mod translate;
mod tree;

pub use create::{Database, TableRows};
pub use dialect::Dialect;
pub use filter::{Filter, Parameter, Setup, SetupColumn};
pub use mapping::{AncestorPlace, Facts, Form, Mapping, Place, SetPlace, TagPlace, TypeMapping, TypedPlace};
