//! `caseward demo`: the rules at work, told with people and a student who changes school.

use caseward::Ward;
use caseward::attendance::{Moment, demo_world};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::{output, progress};

/// Tell what a handful of people may see and do, and why, before and after a student changes school.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print the story's data instead, as Cedar's entities JSON.
    #[arg(long, value_name = "WHEN")]
    world: Option<When>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum When {
    /// Before the student changes school
    Before,
    /// After it
    After,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let ward = Ward::attendance()?;
    if let Some(when) = args.world {
        return print_world(&ward, when);
    }
    let spinner = progress::spinner(terminal, "deciding");
    let mut story = String::new();
    let told = caseward::attendance::demo(&ward, &mut story);
    spinner.finish_and_clear();
    told?;
    output::print(&story)?;
    Ok(Exit::Success)
}

fn print_world(ward: &Ward, when: When) -> Result<Exit, Failure> {
    let moment = match when {
        When::Before => Moment::Before,
        When::After => Moment::After,
    };
    let world = demo_world(ward, moment)?;
    let mut out = output::json();
    world.write_json(&mut out).map_err(|e| Failure::output(&e))?;
    output::finish(out)?;
    Ok(Exit::Success)
}
