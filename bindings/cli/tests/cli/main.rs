//! The command as other programs call it: flags in; standard output, standard error and exit code out.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod bad_input;
mod batch;
mod contract;
mod counts;
mod files;
mod rules;
mod sql;
mod support;
mod visibility;
