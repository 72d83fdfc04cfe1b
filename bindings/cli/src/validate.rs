//! `caseward validate`: are policies, schema, claims and data fit for use?

use std::path::PathBuf;

use caseward::{Problem, Source, Sources, Ward};

use crate::cases::UNREACHABLE;
use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::lint::{LevelArgs, Linted};
use crate::load::{DataArgs, PolicyArgs};
use crate::problems::{Form, Told, or_told};
use crate::report::{Report, draw_all};
use crate::terminal::{Terminal, say};
use crate::{input, output};

/// The folder of cases in a policy folder.
const TESTS: &str = "tests";

/// Validate policies, schema and claims, and data where --entities is given.
///
/// Every problem is shown at its place, and so is what lints find (`caseward lint`). Invariants are validated as
/// `prove` takes them, and so are the conditions in `tests/unreachable.toml`. Exit code 3 says that policies, schema
/// or claims were refused, 1 that the data was.
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
    #[command(flatten)]
    levels: LevelArgs,
    /// How to answer: reports on standard error; a list of problems, or annotations of GitHub's workflows, on
    /// standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

/// A problem, the file that it is in where that is known, and how it is drawn.
struct Found {
    /// The lint that found it, where one did.
    lint: Option<&'static str>,
    problem: Problem,
    file: Option<String>,
    report: Report,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    or_told(validate(args, terminal), args.format)
}

fn validate(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    // Data can be held to the policies that come with the command; nobody asks whether these are valid.
    if args.entities.is_none() {
        args.policies.own()?;
    }
    let levels = args.levels.levels()?;
    let sources = args.policies.sources()?;
    let ward = match Ward::new(&sources) {
        Ok(ward) => ward,
        Err(error) if error.is_policies() => return refused(args, error.problems(), &sources, terminal),
        Err(error) => return Err(error.into()),
    };
    let mut found = find(args, ward.warnings(), &sources);
    found.extend(find(args, &ward.advice(), &sources));
    let mut said =
        vec![format!("{} valid", counted(ward.policies().len(), "policy").replace("policys", "policies"))];
    // What stands beside them is written in the same words, and mistyped as easily.
    let mut beside = Vec::new();
    for (sources, what) in args.policies.beside()? {
        match Ward::new(&sources) {
            Ok(ward) => {
                found.extend(find(args, ward.warnings(), &sources));
                beside.push((ward, sources.clone()));
            }
            Err(error) if error.is_policies() => return refused(args, error.problems(), &sources, terminal),
            Err(error) => return Err(error.into()),
        }
        if !sources.policies.is_empty() {
            said.push(format!("{} valid", counted(sources.policies.len(), what)));
        }
    }
    match unreachable(args, &ward)? {
        Ok(0) => {}
        Ok(n) => said.push(counted(n, "unreachable condition") + " there"),
        Err(problems) => {
            show(args, &problems, terminal)?;
            return Ok(Exit::Invalid);
        }
    }
    let linted = Linted::look(&args.policies, &ward, &sources, &beside, None, &levels)?;
    found.extend(linted.told(&args.policies).map(|told| Found {
        lint: Some(told.lint.name()),
        problem: told.problem,
        file: told.file,
        report: told.report,
    }));
    let is_refused = linted.is_refused() || args.deny_warnings && !found.is_empty();
    let mut exit = if is_refused { Exit::Invalid } else { Exit::Success };
    if let Some(entities) = &args.entities {
        match (DataArgs { entities: entities.clone() }).load(&ward, terminal) {
            Ok(world) => said.push(format!("{} entities valid", world.len())),
            Err(Failure::Data { problems, .. }) => {
                // As it can be opened; what comes by standard input is in no file.
                let file = (!input::is_dash(entities)).then(|| entities.display().to_string());
                found.extend(problems.into_iter().map(|problem| Found {
                    lint: None,
                    file: file.clone(),
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
    if args.format == Form::Text && exit == Exit::Success {
        output::print(&format!("{}\n", said.join(", ")))?;
    }
    Ok(exit)
}

impl Found {
    fn told(&self) -> Told<'_> {
        Told { lint: self.lint, problem: &self.problem, file: self.file.as_deref() }
    }
}

fn find(args: &Args, problems: &[Problem], sources: &Sources) -> Vec<Found> {
    let reports = args.policies.reports(problems, sources).into_iter();
    let of = |(problem, report): (&Problem, Report)| Found {
        lint: None,
        file: args.policies.file(problem, sources),
        problem: problem.clone(),
        report,
    };
    problems.iter().zip(reports).map(of).collect()
}

/// How many conditions are said to be unreachable, each of them there; what is said of them is proved elsewhere.
fn unreachable(args: &Args, ward: &Ward) -> Result<Result<usize, Vec<Found>>, Failure> {
    let Some(file) = args.policies.folder().map(|folder| folder.join(TESTS).join(UNREACHABLE)) else {
        return Ok(Ok(0));
    };
    if !input::is_there(&file)? {
        return Ok(Ok(0));
    }
    let source = Source::new(file.display().to_string(), input::text(&file, input::MAX_WRITTEN)?);
    Ok(ward.coverage([])?.excuse(&source.name, &source.text).map(|claims| claims.len()).map_err(|error| {
        let problems = error.problems().iter().map(|problem| Found {
            lint: None,
            report: Report::in_text(problem, &source, &source.name),
            file: Some(source.name.to_string()),
            problem: problem.clone(),
        });
        problems.collect()
    }))
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
        Form::Json => output::print_json(&found.iter().map(Found::told).collect::<Vec<_>>()),
        Form::Github => {
            let mut out = String::new();
            found.iter().for_each(|found| found.told().annotate(&mut out));
            output::print(&out)
        }
        Form::Text => {
            draw_all(found.iter().map(|found| &found.report), terminal);
            if !found.is_empty() {
                say(&counted(found.len(), "problem"));
            }
            Ok(())
        }
    }
}
