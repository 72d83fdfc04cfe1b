//! `caseward validate`: are policies, schema and data fit for use?

use std::path::PathBuf;

use caseward::{Problem, Ward};

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::load::{DataArgs, PolicyArgs};
use crate::output;
use crate::report::{Report, draw_all};
use crate::terminal::{Terminal, say};

/// Validate policies and schema, and data where --entities is given.
///
/// Every problem is shown at its place. Exit code 3 says that policies or schema were refused, 1 that
/// the data was.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    /// Data to validate too: Cedar's entities JSON, or `-` for standard input.
    #[arg(long, value_name = "FILE")]
    entities: Option<PathBuf>,
    /// Refuse policies that validation warns of.
    #[arg(long)]
    deny_warnings: bool,
    /// How to answer: reports on standard error, or a list of problems on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let sources = args.policies.sources()?;
    let ward = match Ward::new(&sources) {
        Ok(ward) => ward,
        Err(error) if error.is_policies() => {
            let problems = error.problems();
            show(args, problems, || args.policies.reports(problems, &sources), terminal)?;
            return Ok(Exit::Invalid);
        }
        Err(error) => return Err(error.into()),
    };
    let mut problems = ward.warnings().to_vec();
    problems.extend(ward.advice());
    let mut reports = args.policies.reports(&problems, &sources);
    // What must never or always be allowed is written in the same words, and mistyped as easily.
    let (invariants, guarantees) = (args.policies.invariants()?, args.policies.guarantees()?);
    for stated in [&invariants, &guarantees] {
        match Ward::new(stated) {
            Ok(ward) => {
                reports.extend(args.policies.reports(ward.warnings(), stated));
                problems.extend(ward.warnings().iter().cloned());
            }
            Err(error) if error.is_policies() => {
                let problems = error.problems();
                show(args, problems, || args.policies.reports(problems, stated), terminal)?;
                return Ok(Exit::Invalid);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut exit = if args.deny_warnings && !problems.is_empty() { Exit::Invalid } else { Exit::Success };
    let mut said =
        vec![format!("{} valid", counted(ward.policies().len(), "policy").replace("policys", "policies"))];
    for (stated, what) in [(&invariants, "invariant"), (&guarantees, "guarantee")] {
        if !stated.policies.is_empty() {
            said.push(format!("{} valid", counted(stated.policies.len(), what)));
        }
    }
    if let Some(entities) = &args.entities {
        match (DataArgs { entities: entities.clone() }).load(&ward, terminal) {
            Ok(world) => said.push(format!("{} entities valid", world.len())),
            Err(Failure::Data { problems: found, .. }) => {
                reports.extend(found.iter().map(Report::without_text));
                problems.extend(found);
                if exit == Exit::Success {
                    exit = Exit::Failure;
                }
            }
            Err(failure) => return Err(failure),
        }
    }
    show(args, &problems, || reports, terminal)?;
    if args.format == Format::Text && exit == Exit::Success {
        output::print(&format!("{}\n", said.join(", ")))?;
    }
    Ok(exit)
}

/// Shows the problems in the form that was asked for.
fn show(
    args: &Args,
    problems: &[Problem],
    reports: impl FnOnce() -> Vec<Report>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if args.format == Format::Json {
        return output::print_json(&problems);
    }
    draw_all(&reports(), terminal);
    if !problems.is_empty() {
        say(&counted(problems.len(), "problem"));
    }
    Ok(())
}
