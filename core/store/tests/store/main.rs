//! The store, as programs use it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;
mod commands;
mod feeds;
mod opening;
mod story;
mod tables;
