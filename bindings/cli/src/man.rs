//! `caseward man`: the manual, as man pages.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{input, output};

/// Print the man page, or write one page a verb into a folder.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder for the pages; it is made where it is missing.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.build();
    match &args.output {
        Some(folder) => {
            let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
            written.map_err(|e| Failure::file("write", input::name(folder), &e))?;
        }
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page).map_err(|e| Failure::other(e.to_string()))?;
            output::print(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Exit::Success)
}
