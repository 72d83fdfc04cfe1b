//! `caseward sample`: made-up data of a country's size and shape.

use std::io::Write as _;
use std::path::PathBuf;

use caseward::Ward;
use caseward::attendance::Sample;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::replace::Replacement;
use crate::terminal::Terminal;
use crate::{input, output, progress};

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
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let refuse = |error: std::io::Error| Failure::file("write", input::name(&args.output), &error);
    // Before the work, which can take long: a wrong path is told at once.
    let replacement = match input::is_dash(&args.output) {
        true => None,
        false => Some(Replacement::begin(&args.output).map_err(refuse)?),
    };
    let ward = Ward::attendance()?;
    let cases = usize::try_from(args.cases).map_err(|e| Failure::other(format!("--cases: {e}")))?;
    let bar = progress::parts(terminal, "making sample data", PARTS);
    let world = Sample { cases, seed: args.seed }.build(&ward, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let world = world?;

    let spinner = progress::spinner(terminal, "writing");
    let written = match replacement {
        Some(mut file) => world.write_json(file.writer()).and_then(|()| file.commit()).map_err(refuse),
        None => {
            let mut out = output::stdout();
            world.write_json(&mut out).and_then(|()| out.flush()).map_err(|e| Failure::output(&e))
        }
    };
    spinner.finish_and_clear();
    written?;
    Ok(Exit::Success)
}
