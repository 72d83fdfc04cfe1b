//! `caseward sample`: made-up data of a country's size and shape.

use std::path::PathBuf;

use caseward::Ward;
use caseward::attendance::Sample;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress;
use crate::save::{Form, Save};
use crate::terminal::Terminal;

/// More would not fit in memory anywhere.
const MAX_CASES: u64 = 10_000_000;
/// The parts of which the generator reports how many are done.
const PARTS: u64 = 1_000;

/// Make sample data: Cedar's entities JSON. Same seed, same bytes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many cases, open and closed together.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=MAX_CASES))]
    cases: u64,
    /// Another seed makes other data.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The file to write, whole or not at all; `-` for standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Write a snapshot, which is opened in a moment, instead of JSON.
    #[arg(long)]
    snapshot: bool,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let save = Save::begin(&args.output)?;
    let ward = Ward::attendance()?;
    let cases = usize::try_from(args.cases).map_err(|e| Failure::other(format!("--cases: {e}")))?;
    let bar = progress::parts(terminal, "making sample data", PARTS);
    let world = Sample { cases, seed: args.seed }.build(&ward, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    save.write(&world?, if args.snapshot { Form::Snapshot } else { Form::Json }, terminal)?;
    Ok(Exit::Success)
}
