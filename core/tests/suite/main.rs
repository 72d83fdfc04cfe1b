//! Behaviour of the library as a whole: one binary, a module a subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod author;
mod by_hand;
mod carried;
mod cases;
mod changes;
mod counts;
mod diff;
mod disclosure;
mod editor;
mod errors;
mod explain;
mod fuzz;
mod interrupts;
mod invariants;
mod json;
mod laws;
mod lint;
mod live;
mod loader;
mod made_up;
mod policies;
mod provenance;
mod pseudonyms;
mod ranks;
mod release;
mod reports;
mod shipped;
mod snapshot;
mod sorted;
mod sql;
mod support;
mod unknown;
mod view;
mod visible;
mod who;
mod workspace;
