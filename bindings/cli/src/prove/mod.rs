//! `caseward prove`: what holds of every request and all data, asked of a solver.
//!
//! Claims are made of the policies and their invariants (`claim`), put to solver processes as questions
//! (`query`, `solver`), and what the solver finds against them is replayed through the engine before anybody is
//! told (`scene`, `story`). What was proved is kept in a lock file (`lock`); random worlds try the same claims
//! where there is no solver (`random`).

mod apart;
mod claim;
mod compare;
mod equivalence;
mod lock;
mod model;
mod plausible;
mod query;
mod random;
mod report;
mod rewrite;
mod scene;
mod solver;
mod story;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use caseward::{Sources, Ward};
use clap::error::ErrorKind;

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::PolicyArgs;
use crate::replace::Replacement;
use crate::terminal::{Terminal, say};
use crate::unreachable::LOCK;
use crate::{git, input, load, missing, output, progress};

pub(crate) use apart::{Found, Missing, Pair, apart, file as cases_file};
pub(crate) use claim::Stated;
use claim::{Claim, Invariants, Kind, Sides};
pub(crate) use compare::{Compared, compare};
pub(crate) use equivalence::{keys as equivalence_keys, with_prover};
pub(crate) use lock::{Lock, Part};
use model::{Model, Policies};
use query::{Limits, Outcome, Verdict};
pub(crate) use report::{Finding, Report, Standing};
use scene::Scene;
use solver::{Binary, Trouble};

/// Worlds that the claims are tried on where no solver can be asked.
const WORLDS: u64 = 100;

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
    /// Seconds that the solver may spend on one question.
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
    args.save.as_deref().map(missing::is_free).transpose()?;
    let ward = args.policies.load()?;
    let sources = args.policies.sources()?;
    let (kind, other) = match (&args.not_more_than, &args.equivalent) {
        (Some(other), _) => (Some(Kind::NotMore), Some(other)),
        (_, Some(other)) => (Some(Kind::Equivalent), Some(other)),
        _ => (None, None),
    };
    let old = other.map(|other| other_version(other, args.policies.folder(), &sources)).transpose()?;
    let plan = Plan {
        compare: kind,
        only: args.only.clone(),
        limits: Limits { question: Duration::from_secs(args.limit.into()), jobs: args.jobs.into() },
        worlds: args.worlds,
        lock: match (&args.lock, args.policies.folder()) {
            _ if args.no_lock || kind.is_some() => None,
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
    let report = prove(ward, &sources, &stated, old.as_ref(), &plan, terminal)?;
    if let (Some(file), Some(case)) =
        (&args.save, report.findings.iter().find_map(|finding| finding.case.as_ref()))
    {
        save(file, case)?;
        terminal.note(&format!("the first counterexample is a case in {}", input::name(file)));
    }
    match args.format {
        Format::Text => output::print(&report.text(terminal.palette()))?,
        Format::Json => output::print_json(&report)?,
    }
    if let Some(trouble) = &report.trouble {
        say(&format!("error: {trouble}"));
    }
    Ok(report.exit(args.strict))
}

/// The name and version of the solver at hand, or why there is none.
pub(crate) fn solver_name() -> Result<String, String> {
    let binary = Binary::find().map_err(|trouble| match trouble {
        Trouble::Missing(why) | Trouble::Faulty(why) => why,
    })?;
    Ok(binary.name())
}

/// What is to be proved, and how.
pub(crate) struct Plan {
    /// Instead of all else: how this version compares with another.
    compare: Option<Kind>,
    only: Vec<String>,
    limits: Limits,
    worlds: Option<u64>,
    lock: Option<PathBuf>,
    /// Whether only the lock file answers.
    locked: bool,
}

impl Plan {
    /// All that is claimed of a folder, with its lock file.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        Plan {
            compare: None,
            only: Vec::new(),
            limits: Limits { question: Duration::from_secs(20), jobs: 2 },
            worlds: None,
            lock: Some(folder.join(LOCK)),
            locked: false,
        }
    }
}

/// Reads the version that a claim compares with, to be decided under the schema of now.
pub(crate) fn other_version(name: &str, folder: Option<&Path>, now: &Sources) -> Result<Sources, Failure> {
    let path = Path::new(name);
    let old = if path.is_dir() {
        load::read_folder(path)?
    } else {
        let folder = folder.ok_or_else(|| {
            let why = format!("`{name}` is no folder, and for a git revision --policies must name a folder of its repository");
            Failure::usage(ErrorKind::MissingRequiredArgument, why)
        })?;
        git::policies_of_folder(folder, name)?
    };
    Ok(Sources { schema: now.schema.clone(), policies: old.policies, catalogue: None })
}

/// Proves, and replays what speaks against it.
pub(crate) fn prove(
    ward: Ward,
    sources: &Sources,
    stated: &Stated,
    old: Option<&Sources>,
    plan: &Plan,
    terminal: &Terminal,
) -> Result<Report, Failure> {
    let other = |why: String| Failure::other(why);
    let model = Arc::new(Model::new(&sources.schema.text).map_err(other)?);
    let old = old.map(|old| {
        let ward = Ward::new(old)
            .map_err(|e| Failure::lines("the other version, under the schema of this one: ", e))?;
        Policies::new(ward, old).map_err(other)
    });
    let sides = Sides {
        now: Policies::new(ward, sources).map_err(other)?,
        invariants: Invariants::new(stated).map_err(other)?,
        old: old.transpose()?,
        model,
        known: Arc::default(),
    }
    .with_known();
    let mut claims = match (plan.compare, &sides.old) {
        (Some(kind), Some(old)) => vec![claim::compared(&sides, old, kind).map_err(other)?],
        _ => claim::claims(&sides).map_err(other)?,
    };
    if !plan.only.is_empty() {
        claims.retain(|claim| plan.only.iter().any(|text| claim.id.contains(text.as_str())));
        if claims.is_empty() {
            return Err(other(format!("no claim's name contains `{}`", plan.only.join("` or `"))));
        }
    }
    let mut report = match plan.locked {
        true => from_lock(&sides, &claims, plan)?,
        false => match Binary::find() {
            Ok(binary) => with_solver(&sides, &claims, &binary, plan, terminal)?,
            Err(trouble) => Report::without_solver(&claims, trouble),
        },
    };
    if plan.compare.is_none() {
        report.invariants = Some(stated.invariants.policies.len());
        report.guarantees = Some(stated.guarantees.policies.len());
    }
    if !plan.locked {
        try_worlds(&sides, &claims, plan, &mut report, terminal);
    }
    Ok(report)
}

/// What the lock file says, and nothing else.
fn from_lock(sides: &Sides, claims: &[Claim], plan: &Plan) -> Result<Report, Failure> {
    let lock = plan.lock.as_ref().map(|path| Lock::read(path)).transpose()?.unwrap_or_default();
    let mut report = Report::new(lock.solver().to_owned());
    for claim in claims {
        let key = claim.key(&sides.now.schema_text, lock.solver());
        report.findings.push(if lock.has(Part::Proved, &claim.id, &key) {
            Finding::locked(claim)
        } else {
            let mut finding = Finding::new(claim, Vec::new());
            finding.undecided(
                "the lock file does not have it of these policies: prove it without --locked".to_owned(),
            );
            finding
        });
    }
    Ok(report)
}

fn with_solver(
    sides: &Sides,
    claims: &[Claim],
    binary: &Binary,
    plan: &Plan,
    terminal: &Terminal,
) -> Result<Report, Failure> {
    let before = plan.lock.as_ref().map(|path| Lock::read(path)).transpose()?.unwrap_or_default();
    // Its version alone: another machine with the same one answers alike, whoever built it.
    let solver = binary.name();
    let mut after = before.anew(Part::Proved, &solver);
    let keys: Vec<String> = claims.iter().map(|claim| claim.key(&sides.now.schema_text, &solver)).collect();
    let mut open = Vec::new();
    for (at, (claim, key)) in claims.iter().zip(&keys).enumerate() {
        if before.has(Part::Proved, &claim.id, key) {
            after.add(Part::Proved, &claim.id, key.clone());
        } else {
            open.push(at);
        }
    }
    let questions: usize = open.iter().filter_map(|at| claims.get(*at)).map(|claim| claim.parts.len()).sum();
    let bar = progress::parts(terminal, "proving", questions as u64);
    let outcomes = query::ask(sides, claims, &open, binary, plan.limits, &|| bar.inc(1));
    bar.finish_and_clear();
    let mut report = Report::new(binary.name());
    let mut settled = open.iter().zip(outcomes).peekable();
    for (at, (claim, key)) in claims.iter().zip(keys).enumerate() {
        match settled.next_if(|(open, _)| **open == at) {
            Some((_, outcome)) => {
                report.questions += outcome.asked;
                if matches!(outcome.verdict, Verdict::Holds) {
                    after.add(Part::Proved, &claim.id, key);
                }
                report.findings.push(finding(sides, claim, outcome));
            }
            None => report.findings.push(Finding::locked(claim)),
        }
    }
    if let Some(path) = &plan.lock {
        // What was left out by `--only` stays as it was: it is compared with its own hash when it is asked again.
        if plan.only.is_empty() {
            after.write(path, &before)?;
        }
    }
    Ok(report)
}

/// What is told of a claim: counterexamples are replayed first.
fn finding(sides: &Sides, claim: &Claim, outcome: Outcome) -> Finding {
    let mut finding = Finding::new(claim, outcome.places);
    match outcome.verdict {
        Verdict::Holds => finding.standing = Standing::Proved,
        Verdict::Undecided(why) => finding.undecided(why),
        Verdict::Faulty(why) => {
            finding.standing = Standing::SolverFault;
            finding.why = Some(why);
        }
        Verdict::Fails(None) if claim.any => finding.standing = Standing::Refuted,
        Verdict::Fails(None) => {
            finding.standing = Standing::SolverFault;
            finding.why = Some("it says that the claim fails, and then that it holds".to_owned());
        }
        Verdict::Fails(Some(env)) => {
            let steps = match claim.kind {
                Kind::Invariant(at) => sides.invariants.all.get(at).map(|invariant| match &invariant.form {
                    claim::Form::Change(steps, _) => steps.as_slice(),
                    _ => &[],
                }),
                _ => None,
            };
            match Scene::of(&env, steps.unwrap_or_default(), &sides.now.ward) {
                Ok(scene) => tell(sides, claim.kind, scene, &mut finding),
                Err(why) => finding.undecided(format!("the solver's counterexample cannot be read: {why}")),
            }
        }
    }
    finding
}

/// Replays, shrinks and tells a scene.
fn tell(sides: &Sides, kind: Kind, mut scene: Scene, finding: &mut Finding) {
    if scene.replay(kind, sides).is_none() {
        finding.undecided("the solver has a counterexample that the engine does not confirm".to_owned());
        return;
    }
    scene.shrink(kind, sides);
    finding.standing = Standing::Refuted;
    if let Some(replay) = scene.replay(kind, sides) {
        finding.story = Some(story::tell(&scene, &replay, kind, sides));
        finding.case = story::case(&scene, &replay, kind, sides).ok();
    }
}

/// Tries the claims on random worlds: where nothing could be proved, and where it is asked for.
fn try_worlds(sides: &Sides, claims: &[Claim], plan: &Plan, report: &mut Report, terminal: &Terminal) {
    let unproved = report.findings.iter().any(|f| !matches!(f.standing, Standing::Proved | Standing::Locked));
    let worlds = plan.worlds.unwrap_or(if report.trouble.is_some() || unproved { WORLDS } else { 0 });
    if worlds == 0 {
        return;
    }
    let bar = progress::parts(terminal, "trying random worlds", worlds);
    let tried = random::run(sides, worlds, plan.compare, &|| bar.inc(1));
    bar.finish_and_clear();
    report.worlds = tried.worlds;
    report.tried = tried.allowed;
    for (kind, scene) in tried.found {
        let places = claims.iter().zip(&mut report.findings);
        let concerned = places.filter(|(claim, _)| claim.kind == kind).map(|(_, finding)| finding);
        for finding in concerned.filter(|finding| finding.standing != Standing::Refuted) {
            finding.why = None;
            tell(sides, kind, scene.clone(), finding);
        }
    }
}

fn save(path: &Path, case: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    missing::is_free(path)?;
    let refuse = |e: std::io::Error| Failure::file("write", input::name(path), &e);
    let mut file = Replacement::begin(path).map_err(refuse)?;
    file.writer().write_all(case.as_bytes()).map_err(refuse)?;
    file.commit().map_err(refuse)
}
