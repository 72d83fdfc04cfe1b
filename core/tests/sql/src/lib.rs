//! Filters on real databases, held against the lists of the engine.

pub mod cases;
mod law;
mod postgres;
mod python;
mod sqlite;

pub use law::{Counts, Engine, compare, domain, many, random};
pub use postgres::Postgres;
pub use python::Python;
pub use sqlite::Sqlite;
