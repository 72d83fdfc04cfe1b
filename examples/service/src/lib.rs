//! A service of tickets with tables of its own, which asks caseward who may do what. It is here to be copied.
//!
//! | file | what it shows |
//! |---|---|
//! | `app.rs` | policies, the world that is read from the tables and follows them, and a transaction that changes both |
//! | `asking.rs` | a layer that finds out who asks, and puts the person with their questions into handlers |
//! | `routes.rs` | handlers: a list by a filter in its SQL, a record as absent where it is denied, a change |
//! | `outbox.rs` | what is told to others, at least once |

mod app;
mod asking;
mod outbox;
mod routes;

pub use app::{App, Failure};
pub use outbox::deliver;
pub use routes::router;
