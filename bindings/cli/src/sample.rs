//! `caseward sample`: made-up data, for attendance of a country's size and shape, for other policies of any schema.

use std::path::PathBuf;

use caseward::attendance::Sample;
use caseward::author::MadeUp;
use caseward::{Ward, World};

use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::load::PolicyArgs;
use crate::progress;
use crate::save::{Form, Save};
use crate::terminal::Terminal;

/// More would not fit in memory anywhere.
const MAX_CASES: u64 = 10_000_000;
/// The parts of which the generator reports how many are done.
const PARTS: u64 = 1_000;

/// Make sample data: Cedar's entities JSON. Same seed, same bytes.
///
/// For the schema of attendance it is of New Zealand's size and shape; for another it is made of the schema and of what
/// the policies compare with, and has situations that each of them allows.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    /// How many cases, open and closed together; for another schema, how many records of each type.
    #[arg(long, visible_alias = "size", value_name = "N", value_parser = clap::value_parser!(u64).range(0..=MAX_CASES))]
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
    let ward = args.policies.load()?;
    let cases = usize::try_from(args.cases).map_err(|e| Failure::other(format!("--cases: {e}")))?;
    let MadeUpData { world, .. } = made_up(&ward, cases, args.seed, terminal)?;
    save.write(&world, if args.snapshot { Form::Snapshot } else { Form::Json }, terminal)?;
    Ok(Exit::Success)
}

/// Made-up data, and how much there is of it.
pub(crate) struct MadeUpData {
    pub(crate) world: World,
    /// Such as `50 cases`.
    pub(crate) of: String,
}

/// Made-up data for these policies: the sample of attendance, where their schema is of attendance.
pub(crate) fn made_up(
    ward: &Ward,
    size: usize,
    seed: u64,
    terminal: &Terminal,
) -> Result<MadeUpData, Failure> {
    let bar = progress::parts(terminal, "making sample data", PARTS);
    let sample = Sample { cases: size, seed }.build(ward, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    match sample {
        // The schema lacks what the sample needs: it is of another domain.
        Err(error) if error.is_policies() => {
            let of = counted(size, "record") + " of a type";
            Ok(MadeUpData { world: MadeUp { size, seed }.build(ward)?, of })
        }
        sample => Ok(MadeUpData { world: sample?, of: counted(size, "case") }),
    }
}
