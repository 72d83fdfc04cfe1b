//! The service, as its callers meet it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod alerts;
mod bad_input;
mod batch;
mod bundle;
mod cases;
mod certification;
mod deploy;
mod feeds;
mod gone;
mod hooks;
mod interop;
mod openapi;
mod pages;
mod past;
mod ready;
mod reports;
mod search;
mod serving;
mod support;
mod tls;
mod tokens;
mod who;
mod work;
