//! `caseward demo`: the rules at work, told with people and a student who changes school.

use caseward::Ward;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::{output, progress};

/// Tell what a handful of people may see and do, and why, before and after a student changes school.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let ward = Ward::attendance()?;
    let spinner = progress::spinner(terminal, "deciding");
    let mut story = String::new();
    let told = caseward::attendance::demo(&ward, &mut story);
    spinner.finish_and_clear();
    told?;
    output::print(&story)?;
    Ok(Exit::Success)
}
