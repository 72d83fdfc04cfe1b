//! `caseward matrix`: every role, action and situation with its decision.

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::PolicyArgs;
use crate::terminal::Terminal;
use crate::written::{CheckArgs, Telling};
use crate::{output, progress};

/// The matrix in a policy folder.
pub(crate) const FILE: &str = "matrix.out";
/// What every matrix says that was made here.
pub(crate) const MADE: &str = "Made by `caseward matrix`";

/// Print the matrix of decisions: role × action × situation.
///
/// With --check the matrix is compared with a file, and every difference ends with exit code 1.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    written: CheckArgs,
    /// How to answer; a comparison is of the text alone.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let ward = args.policies.load()?;
    let before = args.written.read()?;
    let spinner = progress::spinner(terminal, "deciding");
    let matrix = caseward::attendance::matrix(&ward);
    spinner.finish_and_clear();
    let matrix = matrix?;
    let Some(before) = before else {
        match args.format {
            Format::Text => output::print(&matrix.to_string())?,
            Format::Json => output::print_json(&matrix)?,
        }
        return Ok(Exit::Success);
    };
    let telling = Telling { context: 2, what: "is not what the policies decide", exit: Exit::Failure };
    before.compare(&matrix.to_string(), &telling)
}
