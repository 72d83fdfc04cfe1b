//! Filters on real databases, held against the lists of the engine.

mod law;
mod postgres;
mod sqlite;

pub use law::{Counts, Engine, compare, domain, random};
pub use postgres::Postgres;
pub use sqlite::Sqlite;
