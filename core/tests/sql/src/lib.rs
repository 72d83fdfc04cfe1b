//! Filters on real databases, held against the lists of the engine.

pub mod cases;
mod constructs;
mod law;
mod nulls;
mod postgres;
mod python;
mod sqlite;

pub use law::{Counts, Engine, compare, domain, many, random};
pub use nulls::{Compared, constructs};
pub use postgres::Postgres;
pub use python::Python;
pub use sqlite::Sqlite;
