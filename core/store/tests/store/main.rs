//! The store, as programs use it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod activate;
mod audit;
mod backup;
mod bench;
mod commands;
mod contract;
mod dice;
mod doctor;
mod due;
mod engines;
mod feeds;
mod lists;
mod migrate;
mod mirror;
mod nodes;
mod opening;
mod past;
mod sealed;
mod secure;
mod story;
mod tables;
mod watch;
mod yours;
