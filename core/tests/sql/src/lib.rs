//! Filters on real databases, held against the lists of the engine.

mod law;
mod postgres;
mod python;
mod sqlite;

pub use law::{Counts, Engine, cases, compare, domain, random};
pub use postgres::Postgres;
pub use python::Python;
pub use sqlite::Sqlite;
