//! `caseward matrix`: every role, action and situation with its decision.

use std::path::PathBuf;

use similar::TextDiff;

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::load::PolicyArgs;
use crate::terminal::{Terminal, say};
use crate::{input, output, progress};

/// Bytes of a matrix to compare with.
const MAX_BYTES: usize = 64 << 20;

/// Print the matrix of decisions: role × action × situation.
///
/// With --check the matrix is compared with a file, and every difference ends with exit code 1.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    /// Print nothing but what differs from this file, or from standard input for `-`.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// How to answer; a comparison is of the text alone.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let ward = args.policies.load()?;
    let expected = match &args.check {
        Some(file) => Some((input::name(file), input::text(file, MAX_BYTES)?)),
        None => None,
    };
    let spinner = progress::spinner(terminal, "deciding");
    let matrix = caseward::attendance::matrix(&ward);
    spinner.finish_and_clear();
    let matrix = matrix?;
    let Some((name, expected)) = expected else {
        match args.format {
            Format::Text => output::print(&matrix.to_string())?,
            Format::Json => output::print_json(&matrix)?,
        }
        return Ok(Exit::Success);
    };
    let matrix = matrix.to_string();
    if matrix == expected {
        return Ok(Exit::Success);
    }
    let diff = TextDiff::from_lines(expected.as_str(), matrix.as_str());
    let shown = diff.unified_diff().context_radius(2).header(&name, "the policies").to_string();
    say(&format!("error: {name} is not what the policies decide"));
    output::print(&printable(&shown))?;
    Ok(Exit::Failure)
}
