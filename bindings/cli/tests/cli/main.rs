//! The command as other programs call it: flags in; standard output, standard error and exit code out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod author;
mod bad_input;
mod batch;
mod change;
#[cfg(feature = "prove")]
mod claims;
mod contract;
mod counts;
mod files;
mod hostile;
#[cfg(feature = "store")]
mod keeping;
mod lint;
mod lsp;
mod missing;
#[cfg(feature = "store")]
mod nodes;
#[cfg(feature = "store")]
mod pages;
#[cfg(feature = "prove")]
mod prove;
#[cfg(feature = "store")]
mod publish;
mod rules;
#[cfg(feature = "serve")]
mod serve;
mod signoff;
mod sql;
#[cfg(feature = "store")]
mod store;
mod story;
mod streams;
mod support;
mod unknown;
#[cfg(not(feature = "prove"))]
mod unproved;
#[cfg(feature = "store")]
mod upkeep;
mod visibility;
mod watching;
