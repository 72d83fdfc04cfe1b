//! The store, as programs use it.

mod bench;
mod commands;
mod feeds;
mod opening;
mod tables;
