//! `caseward prove`: what holds of every request and all data, asked of a solver.
//!
//! The library `caseward-prove` makes the claims, asks the solver and replays what speaks against them. Here files are
//! read and written, and its report is shown.

mod lock;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use caseward::attendance::names;
use caseward::{Sources, Ward};
use caseward_prove::{Claims, Limits, Report, Solver};
pub(crate) use caseward_prove::{
    Compared, Error, Found, Lock, Missing, NoSolver, Pair, Part, Standing, Stated, cases_file,
    equivalence_keys, with_prover,
};
use clap::error::ErrorKind;

use crate::check::Format;
use crate::earlier::Earlier;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::PolicyArgs;
use crate::replace;
use crate::shown::in_a_line;
use crate::terminal::{Terminal, say};
use crate::unreachable::LOCK;
use crate::{git, input, load, missing, output, progress};

pub(crate) use lock::{Since, believed, unfounded};
pub(crate) use text::exit;

/// Prove what holds of every request and all data, with a solver.
///
/// Each file of the policy folder's `invariants` says what must never be allowed, and each of `guarantees` what
/// must always be; each is proved, or refuted by a counterexample that the engine confirms. So is that no policy errs. Policies that can decide nothing and
/// actions that nobody may ever do are told. Needs cvc5, on the path or named by CVC5; without it they are tried
/// on random worlds, and the exit code says that nothing was proved.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) policies: PolicyArgs,
    /// Prove instead that these policies allow nothing that those of a git revision or another folder do not.
    #[arg(long, value_name = "REV|DIR", conflicts_with = "equivalent")]
    not_more_than: Option<String>,
    /// Prove instead that these policies allow just what those of a git revision or another folder allow.
    #[arg(long, value_name = "REV|DIR")]
    equivalent: Option<String>,
    /// Only the claims whose names contain this.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Seconds that the solver may spend on one question; beside these it has 20 to say who it is.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3600))]
    limit: u32,
    /// Solver processes at once.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// Random worlds to try the claims on besides; 100 where there is no solver.
    #[arg(long, value_name = "N")]
    worlds: Option<u64>,
    /// The lock file of what was proved; `proofs.lock` of the policy folder by default.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Neither read nor write a lock file: prove everything again.
    #[arg(long, conflicts_with = "lock")]
    no_lock: bool,
    /// Compare the policies alone, both under this version's schema, where the schema is changed too.
    #[arg(long)]
    policies_alone: bool,
    /// Ask no solver: what is not in the lock file, proved of just these policies, is not proved.
    #[arg(long, conflicts_with_all = ["no_lock", "not_more_than", "equivalent"])]
    locked: bool,
    /// Write the first counterexample to this new file, as a case in TOML.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Fail for policies that can decide nothing and actions that nobody may do, too.
    #[arg(long)]
    strict: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    args.policies.own()?;
    args.save.as_deref().map(missing::is_free).transpose()?;
    let ward = args.policies.load()?;
    let sources = args.policies.sources()?;
    let other = args.not_more_than.as_ref().or(args.equivalent.as_ref());
    let old = other.map(|other| args.other_version(other, &sources)).transpose()?;
    let plan = Plan {
        limits: Limits { question: Duration::from_secs(args.limit.into()), jobs: args.jobs.into() },
        worlds: args.worlds,
        lock: match (&args.lock, args.policies.folder()) {
            _ if args.no_lock || old.is_some() => None,
            (Some(file), _) => Some(file.clone()),
            (None, folder) => folder.map(|folder| folder.join(LOCK)),
        },
        locked: args.locked,
    };
    if plan.locked && plan.lock.is_none() {
        let why = "--locked needs a lock file: name a folder by --policies, or the file by --lock";
        return Err(Failure::usage(ErrorKind::MissingRequiredArgument, why.to_owned()));
    }
    let stated = Stated { invariants: args.policies.invariants()?, guarantees: args.policies.guarantees()? };
    // Told at their places, as `validate` tells them.
    for claims in [&stated.invariants, &stated.guarantees] {
        args.policies.load_from(claims)?;
    }
    let claims = match &old {
        None => Claims::new(ward, &sources, &stated),
        Some(old) if args.equivalent.is_some() => Claims::equivalent(ward, &sources, &stated, old),
        Some(old) => Claims::not_more_than(ward, &sources, &stated, old),
    };
    let report = prove(claims?.only(&args.only)?, &plan, terminal)?;
    if let (Some(file), Some(case)) =
        (&args.save, report.findings.iter().find_map(|finding| finding.case.as_ref()))
    {
        let saved = save(file, case);
        if saved.is_ok() {
            terminal.note(&format!("the first counterexample is a case in {}", input::name(file)));
        }
        output::besides(saved, terminal);
    }
    match args.format {
        Format::Text => output::print(&text::text(&report, terminal.palette()))?,
        Format::Json => output::print_json(&report)?,
    }
    if let Some(trouble) = &report.trouble {
        say(&format!("error: {trouble}"));
    }
    Ok(exit(&report, args.strict))
}

/// How claims are to be proved.
struct Plan {
    limits: Limits,
    worlds: Option<u64>,
    lock: Option<PathBuf>,
    /// Whether only the lock file answers.
    locked: bool,
}

/// What came of proving.
pub(crate) struct Proved {
    pub(crate) report: Report,
    /// Claims of which the lock file says that they are proved, and which neither the base has nor were proved now.
    pub(crate) unfounded: Vec<String>,
}

/// Everything that is claimed of a folder, with its lock file; of that, what the version before has as well is
/// believed, where there is one.
pub(crate) fn of_folder(
    ward: Ward,
    sources: &Sources,
    stated: &Stated,
    (folder, since): (&Path, Option<&Since>),
    terminal: &Terminal,
) -> Result<Proved, Failure> {
    let lock = Some(folder.join(LOCK));
    let plan = Plan { limits: Limits::default(), worlds: None, lock, locked: false };
    prove_since(Claims::new(ward, sources, stated)?, &plan, since, terminal)
}

/// What a solver says of two versions.
pub(crate) fn compare(
    ward: Ward,
    sources: &Sources,
    old: &Sources,
    terminal: &Terminal,
) -> Result<Vec<Compared>, Error> {
    let bar = progress::parts(terminal, "comparing with a solver", 0);
    let compared = caseward_prove::compare(ward, sources, old, names, &progress::told(&bar));
    bar.finish_and_clear();
    compared
}

/// Looks for a case for each pair, in their order.
pub(crate) fn apart(sources: &Sources, pairs: &[Pair], terminal: &Terminal) -> Result<Vec<Found>, Error> {
    let bar = progress::parts(terminal, "looking for cases", pairs.len() as u64);
    let found = caseward_prove::apart(sources, pairs, names, &progress::told(&bar));
    bar.finish_and_clear();
    found
}

/// The name and version of the solver at hand, or why there is none.
pub(crate) fn solver_name() -> Result<String, String> {
    Solver::find().map(|solver| solver.name()).map_err(|why| why.to_string())
}

/// Reads the lock file; an empty one where there is none.
pub(crate) fn read_lock(path: &Path) -> Result<Lock, Failure> {
    lock::read(path)
}

/// Writes the lock file, where it says something else than `before`.
pub(crate) fn write_lock(path: &Path, after: &Lock, before: &Lock) -> Result<(), Failure> {
    lock::write(path, after, before)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Policies { which: "", error } => error.into(),
            Error::Policies { which, error } => Failure::lines(&format!("{which}: "), error),
            other => Failure::other(in_a_line(&other.to_string())),
        }
    }
}

impl Args {
    /// Reads the version that a claim compares with, to be decided under the schema of now.
    fn other_version(&self, name: &str, now: &Sources) -> Result<Sources, Failure> {
        let old = read_other(name, self.policies.folder())?;
        if !old.has_schema_of(now) && !self.policies_alone {
            let why = format!(
                "the schema of `{name}` is another, and what a schema allows or takes by itself is not asked here: `caseward ci --base` \
                 tells of it; with --policies-alone the policies are compared, both under this version's schema"
            );
            return Err(Failure::other(in_a_line(&why)));
        }
        Ok(Sources { schema: now.schema.clone(), policies: old.policies, catalogue: None })
    }
}

fn read_other(name: &str, folder: Option<&Path>) -> Result<Sources, Failure> {
    Ok(match (folder, Path::new(name)) {
        (Some(folder), _) => match Earlier::named(name, folder)? {
            Earlier::Folder(path) => load::read_folder(path)?,
            Earlier::Revision(revision) => git::policies_of_folder(folder, revision)?,
        },
        (None, path) if path.is_dir() => load::read_folder(path)?,
        (None, _) => {
            let why = format!(
                "`{name}` is no folder, and for a git revision --policies must name a folder of its repository"
            );
            return Err(Failure::usage(ErrorKind::MissingRequiredArgument, why));
        }
    })
}

/// Proves, or reads what was proved; and tries on random worlds what was not.
fn prove(claims: Claims, plan: &Plan, terminal: &Terminal) -> Result<Report, Failure> {
    prove_since(claims, plan, None, terminal).map(|proved| proved.report)
}

fn prove_since(
    claims: Claims,
    plan: &Plan,
    since: Option<&Since>,
    terminal: &Terminal,
) -> Result<Proved, Failure> {
    let claims = claims.with_names(names);
    let lock = plan.lock.as_ref().map(|path| lock::read(path)).transpose()?;
    if plan.locked {
        let report = claims.from_lock(&lock.unwrap_or_default());
        return Ok(Proved { report, unfounded: Vec::new() });
    }
    let mut unfounded = Vec::new();
    let mut report = match Solver::find() {
        Ok(solver) => {
            let bar = progress::parts(terminal, "proving", 0);
            let believed = lock.as_ref().map(|lock| lock::believed(lock, since, Part::Proved));
            let (report, after) =
                claims.prove(&solver, plan.limits, believed.as_ref(), &progress::told(&bar));
            bar.finish_and_clear();
            if let (Some(path), Some(before), Some(after)) = (&plan.lock, &lock, after) {
                unfounded = lock::unfounded(since, &after, Part::Proved);
                output::besides(lock::write(path, &after, before), terminal);
            }
            report
        }
        Err(why) => claims.unasked(why),
    };
    let bar = progress::parts(terminal, "trying random worlds", 0);
    claims.try_worlds(&mut report, plan.worlds, &progress::told(&bar));
    bar.finish_and_clear();
    Ok(Proved { report, unfounded })
}

fn save(path: &Path, case: &str) -> Result<(), Failure> {
    missing::is_free(path)?;
    replace::write(path, case.as_bytes())
}
