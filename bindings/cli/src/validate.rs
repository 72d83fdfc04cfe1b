//! `caseward validate`: are policies, schema and data fit for use?

use std::path::PathBuf;

use caseward::{Problem, Sources, Ward};
use clap::ValueEnum;

use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::github::annotate;
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
    /// How to answer: reports on standard error; a list of problems, or annotations of GitHub's workflows, on
    /// standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How problems are shown.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// Annotations of GitHub's workflows.
    Github,
}

/// A problem, the file that it is in where that is known, and how it is drawn.
struct Found {
    problem: Problem,
    file: Option<String>,
    report: Report,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let sources = args.policies.sources()?;
    let ward = match Ward::new(&sources) {
        Ok(ward) => ward,
        Err(error) if error.is_policies() => return refused(args, error.problems(), &sources, terminal),
        Err(error) => return Err(error.into()),
    };
    let mut found = find(args, ward.warnings(), &sources);
    found.extend(find(args, &ward.advice(), &sources));
    // What must never be allowed is written in the same words, and mistyped as easily.
    let invariants = args.policies.invariants()?;
    match Ward::new(&invariants) {
        Ok(ward) => found.extend(find(args, ward.warnings(), &invariants)),
        Err(error) if error.is_policies() => return refused(args, error.problems(), &invariants, terminal),
        Err(error) => return Err(error.into()),
    }
    let mut exit = if args.deny_warnings && !found.is_empty() { Exit::Invalid } else { Exit::Success };
    let mut said =
        vec![format!("{} valid", counted(ward.policies().len(), "policy").replace("policys", "policies"))];
    if !invariants.policies.is_empty() {
        said.push(format!("{} valid", counted(invariants.policies.len(), "invariant")));
    }
    if let Some(entities) = &args.entities {
        match (DataArgs { entities: entities.clone() }).load(&ward, terminal) {
            Ok(world) => said.push(format!("{} entities valid", world.len())),
            Err(Failure::Data { file, problems }) => {
                found.extend(problems.into_iter().map(|problem| Found {
                    file: Some(file.clone()),
                    report: Report::without_text(&problem),
                    problem,
                }));
                if exit == Exit::Success {
                    exit = Exit::Failure;
                }
            }
            Err(failure) => return Err(failure),
        }
    }
    show(args, &found, terminal)?;
    if args.format == Format::Text && exit == Exit::Success {
        output::print(&format!("{}\n", said.join(", ")))?;
    }
    Ok(exit)
}

fn find(args: &Args, problems: &[Problem], sources: &Sources) -> Vec<Found> {
    let reports = args.policies.reports(problems, sources).into_iter();
    let of = |(problem, report): (&Problem, Report)| Found {
        file: args.policies.file(problem, sources),
        problem: problem.clone(),
        report,
    };
    problems.iter().zip(reports).map(of).collect()
}

fn refused(
    args: &Args,
    problems: &[Problem],
    sources: &Sources,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    show(args, &find(args, problems, sources), terminal)?;
    Ok(Exit::Invalid)
}

/// Shows the problems in the form that was asked for.
fn show(args: &Args, found: &[Found], terminal: &Terminal) -> Result<(), Failure> {
    match args.format {
        Format::Json => output::print_json(&found.iter().map(|found| &found.problem).collect::<Vec<_>>()),
        Format::Github => output::print(&annotations(found)),
        Format::Text => {
            draw_all(found.iter().map(|found| &found.report), terminal);
            if !found.is_empty() {
                say(&counted(found.len(), "problem"));
            }
            Ok(())
        }
    }
}

fn annotations(found: &[Found]) -> String {
    let mut out = String::new();
    for Found { problem, file, .. } in found {
        let help = problem.help.iter().map(|help| format!("\n{help}"));
        // Data is named by its entity, which stands in the file somewhere.
        let named = match &file {
            Some(file) if !file.ends_with(problem.source.as_str()) => format!("{}: ", problem.source),
            None if !problem.source.is_empty() => format!("{}: ", problem.source),
            _ => String::new(),
        };
        let text = format!("{named}{}{}", problem.message, help.collect::<String>());
        annotate(&mut out, problem.severity, file.as_deref(), problem.span, None, &text);
    }
    out
}
