//! What stands in for the prover in a command that was built without it: says what is missing, and how to get it.

use std::ffi::OsString;
use std::path::Path;

use caseward::author::{Coverage, Mutations};
use caseward::{Sources, Ward};
use clap::error::ErrorKind;

use crate::cases::Suite;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Why nothing is proved, and what to do.
pub(crate) const WHY: &str = "this command was built without the prover: install it with \
                              `cargo install --path bindings/cli --features prove`";

/// Prove what holds on all data: not in this build, which is without the prover.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whatever is asked, the answer is how to get the prover.
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    asked: Vec<OsString>,
}

pub(crate) fn run(_: &Args, _: &Terminal) -> Result<Exit, Failure> {
    Err(Failure::usage(ErrorKind::InvalidSubcommand, WHY))
}

/// Before anything is looked for: what `--save` writes is found by the prover.
pub(crate) fn is_free(_: &Path) -> Result<(), Failure> {
    Err(Failure::usage(ErrorKind::InvalidValue, format!("`--save` finds no case: {WHY}")))
}

pub(crate) fn of_mutants(
    path: &Path,
    _: &Mutations,
    _: &Ward,
    _: &Sources,
    _: &Terminal,
) -> Result<(), Failure> {
    is_free(path)
}

pub(crate) fn of_coverage(
    path: &Path,
    _: &Coverage,
    _: &Suite,
    _: &Sources,
    _: &Terminal,
) -> Result<(), Failure> {
    is_free(path)
}
