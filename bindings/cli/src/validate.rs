//! `caseward validate`: are policies, schema, claims and data fit for use?

use std::path::PathBuf;

use caseward::{Problem, Source, Sources, Ward};

use crate::cases::UNREACHABLE;
use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::lint::{LevelArgs, Linted};
use crate::load::{DataArgs, PolicyArgs};
use crate::report::{Report, draw_all};
use crate::terminal::{Terminal, say};
use crate::{input, output};

/// Bytes of a file beside the cases.
const MAX_BYTES: usize = 4 << 20;
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
    /// How to answer: reports on standard error, or a list of problems on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    /// The same, as they are drawn.
    reports: Vec<Report>,
    said: Vec<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let levels = args.levels.levels()?;
    let mut found = Found::default();
    // What cannot be loaded is told alone: all else is found with what was loaded.
    let sources = args.policies.sources()?;
    let Some(ward) = found.load(args, &sources)? else { return found.refused(args, terminal) };
    found.said.push(counted(ward.policies().len(), "policy").replace("policys", "policies") + " valid");
    found.tell(args, ward.advice(), &sources);
    let mut claims = Vec::new();
    for (sources, what) in args.policies.claims()? {
        let Some(ward) = found.load(args, &sources)? else { return found.refused(args, terminal) };
        if !sources.policies.is_empty() {
            found.said.push(format!("{} valid", counted(sources.policies.len(), what)));
        }
        claims.push((ward, sources));
    }
    if !found.unreachable(args, &ward)? {
        return found.refused(args, terminal);
    }
    let linted = Linted::look(&args.policies, &ward, &sources, &claims, None, &levels)?;
    found.reports.extend(linted.reports(&args.policies));
    found.problems.extend(linted.findings.iter().map(|finding| finding.problem.clone()));
    let refused = linted.is_refused() || args.deny_warnings && !found.problems.is_empty();
    let mut exit = if refused { Exit::Invalid } else { Exit::Success };
    if let Some(entities) = &args.entities {
        match (DataArgs { entities: entities.clone() }).load(&ward, terminal) {
            Ok(world) => found.said.push(format!("{} entities valid", world.len())),
            Err(Failure::Data { problems, .. }) => {
                found.reports.extend(problems.iter().map(Report::without_text));
                found.problems.extend(problems);
                if exit == Exit::Success {
                    exit = Exit::Failure;
                }
            }
            Err(failure) => return Err(failure),
        }
    }
    found.show(args, terminal)?;
    if args.format == Format::Text && exit == Exit::Success {
        output::print(&format!("{}\n", found.said.join(", ")))?;
    }
    Ok(exit)
}

impl Found {
    /// Loads policies or claims; `None` where they are refused, with why.
    fn load(&mut self, args: &Args, sources: &Sources) -> Result<Option<Ward>, Failure> {
        match Ward::new(sources) {
            Ok(ward) => {
                self.tell(args, ward.warnings().to_vec(), sources);
                Ok(Some(ward))
            }
            Err(error) if error.is_policies() => {
                self.problems.clear();
                self.reports.clear();
                self.tell(args, error.problems().to_vec(), sources);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn tell(&mut self, args: &Args, problems: Vec<Problem>, sources: &Sources) {
        self.reports.extend(args.policies.reports(&problems, sources));
        self.problems.extend(problems);
    }

    /// Whether the conditions that are said to be unreachable are there; what is said of them is proved elsewhere.
    fn unreachable(&mut self, args: &Args, ward: &Ward) -> Result<bool, Failure> {
        let Some(folder) = args.policies.folder() else { return Ok(true) };
        let file = folder.join(TESTS).join(UNREACHABLE);
        if !file.exists() {
            return Ok(true);
        }
        let source = Source::new(file.display().to_string(), input::text(&file, MAX_BYTES)?);
        match ward.coverage([])?.excuse(&source.name, &source.text) {
            Ok(claims) => {
                self.said.push(counted(claims.len(), "unreachable condition") + " there");
                Ok(true)
            }
            Err(error) => {
                let problems = error.problems();
                self.reports = problems.iter().map(|p| Report::in_text(p, &source, &source.name)).collect();
                self.problems = problems.to_vec();
                Ok(false)
            }
        }
    }

    fn refused(&self, args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
        self.show(args, terminal)?;
        Ok(Exit::Invalid)
    }

    /// Shows the problems in the form that was asked for.
    fn show(&self, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
        if args.format == Format::Json {
            return output::print_json(&self.problems);
        }
        draw_all(&self.reports, terminal);
        if !self.problems.is_empty() {
            say(&counted(self.problems.len(), "problem"));
        }
        Ok(())
    }
}
