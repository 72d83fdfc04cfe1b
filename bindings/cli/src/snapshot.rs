//! `caseward snapshot`: data in the form that is opened fastest.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::{DataArgs, PolicyArgs};
use crate::save::{Form, Save};
use crate::terminal::Terminal;

/// Write data as a snapshot, which every verb takes in the place of JSON and opens in a moment.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    /// The data: Cedar's entities JSON, or `-` for standard input.
    #[arg(value_name = "WORLD")]
    world: PathBuf,
    /// The file to write, whole or not at all; `-` for standard output.
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let save = Save::begin(&args.output)?;
    let ward = args.policies.load()?;
    let world = DataArgs { entities: args.world.clone() }.load(&ward, terminal)?;
    save.write(&world, Form::Snapshot, terminal)?;
    Ok(Exit::Success)
}
