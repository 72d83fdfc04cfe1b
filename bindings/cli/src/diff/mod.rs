//! `caseward diff`: what another version of the policies changes in a world, and for whom.

mod expected;
mod report;
#[cfg(all(test, feature = "prove"))]
mod share;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use caseward::author::{Diff, Difference, Drawn};
use caseward::{EntityUid, Error, Sources, World};
use clap::ValueEnum;

use crate::earlier::Earlier;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::instant::NowArgs;
use crate::load::DataArgs;
use crate::sample::{self, MadeUpData};
use crate::terminal::Terminal;
use crate::{git, load, output, progress};

#[cfg(feature = "prove")]
pub(crate) use expected::Limit;
pub(crate) use expected::{Announced, Expected, Gained, Sight, Since};
pub(crate) use report::{Report, Setting, told_before};

/// Cases of the made-up world that is looked at where no other is given.
const SAMPLE: usize = 10_000;

/// Show what a change of the policies changes: who gains and who loses which action on which records.
///
/// A version is a folder, or `git:REV` or `git:REV:PATH` for a folder (`policies` by default, from the root of the
/// repository) as it is in a git revision. Exit code 4 says that something is gained that no file of expected
/// changes announces.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The old version.
    old: String,
    /// The new version.
    new: String,
    /// The data to look at: Cedar's entities JSON or a snapshot.
    #[arg(long, value_name = "FILE", conflicts_with = "sample")]
    world: Option<PathBuf>,
    /// Look at made-up data with so many cases; 10,000 where no --world is given.
    #[arg(long, value_name = "CASES", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    sample: Option<u64>,
    /// Look at no more than so many people, spread over all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    people: Option<u64>,
    #[command(flatten)]
    now: NowArgs,
    /// The gains that are meant, as TOML: `[[gain]]` with `action`, `type`, `rule`, `policy`, `role`, `at_most`.
    /// What stands in the old version as it stands here, in this file or in one of another name, announces nothing now.
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// How many people and records to name for each line of the summary; CSV names all.
    #[arg(long, value_name = "N", default_value_t = 5)]
    list: usize,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How differences are shown.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a review.
    #[default]
    Markdown,
    /// For programs: the summary.
    Json,
    /// For spreadsheets: a line for each person, action and record.
    Csv,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let since = match args.old.strip_prefix("git:") {
        // A revision holds no colon.
        Some(rest) => {
            Since::Revision(Path::new("."), rest.split_once(':').map_or(rest, |(revision, _)| revision))
        }
        None => Since::Folder(Path::new(&args.old), Path::new(&args.new)),
    };
    let expected = args.expected.as_deref().map(|file| Expected::read(file, Some(&since))).transpose()?;
    let (old, new) = (version(&args.old)?, version(&args.new)?);
    let diff = Diff::new(&old, &new).map_err(|e| refused(&args.old, &args.new, &e))?;
    let now = args.now.ms();
    let (world, drawn, generated) = match (&args.world, args.sample) {
        (Some(file), _) => (DataArgs { entities: file.clone() }.load(diff.ward(), terminal)?, None, None),
        (None, cases) => {
            let cases = cases.and_then(|cases| usize::try_from(cases).ok()).unwrap_or(SAMPLE);
            let (MadeUpData { world, of }, drawn) = made_up(&diff, cases, now, terminal)?;
            (world, Some(drawn), Some((cases, of)))
        }
    };
    let most = args.people.and_then(|people| usize::try_from(people).ok());
    let found = compare(&diff, (&world, drawn.as_ref()), now, most, terminal)?;
    let schema_is_changed = !old.has_schema_of(&new);
    let catalogue = |sources: &Sources| sources.catalogue.as_ref().map(|source| source.text.clone());
    let catalogue_is_changed = catalogue(&old) != catalogue(&new);
    let (old, new) = (args.old.clone(), args.new.clone());
    let announced_before = expected.iter().flat_map(Expected::before).cloned().collect();
    let setting = Setting {
        old,
        new,
        generated,
        now,
        schema_is_changed,
        schema_is_told_beside: false,
        catalogue_is_changed,
        announced_before,
    };
    let report = Report::new(&diff, &world, &found, setting, expected.as_ref(), args.list);
    match args.format {
        Format::Markdown => output::print(&report.markdown())?,
        Format::Json => output::print_json(&report)?,
        Format::Csv => report::csv(&diff, &world, &found.differences)?,
    }
    Ok(if report.is_announced() { Exit::Success } else { Exit::Unmet })
}

/// The version that a folder of policies is compared with.
pub(crate) fn since<'a>(base: Earlier<'a>, folder: &'a Path) -> Since<'a> {
    match base {
        Earlier::Folder(path) => Since::Folder(path, folder),
        Earlier::Revision(revision) => Since::Revision(folder, revision),
    }
}

/// Reads one version of policies.
pub(crate) fn version(name: &str) -> Result<Sources, Failure> {
    let Some(rest) = name.strip_prefix("git:") else { return load::read_folder(Path::new(name)) };
    // A revision holds no colon.
    let (revision, path) = rest.split_once(':').unwrap_or((rest, "policies"));
    git::policies(Path::new("."), revision, path.trim_matches('/'))
}

fn refused(old: &str, new: &str, error: &Error) -> Failure {
    Failure::lines(&format!("`{old}` and `{new}`, both under the schema of the latter: "), error)
}

/// Made-up data, drawn towards what the two versions read.
pub(crate) fn made_up(
    diff: &Diff,
    cases: usize,
    now: i64,
    terminal: &Terminal,
) -> Result<(MadeUpData, Drawn), Failure> {
    let made_up = sample::made_up(diff.ward(), cases, 1, terminal)?;
    let spinner = progress::spinner(terminal, "drawing towards what is changed");
    let drawn = diff.draw_near(&made_up.world, now, 1);
    spinner.finish_and_clear();
    Ok((made_up, drawn?))
}

/// What was found, and of whom.
pub(crate) struct Found {
    pub(crate) differences: Vec<Difference>,
    /// People that were looked at, and that there are.
    pub(crate) people: (usize, usize),
    /// For each kind of request that changed: circumstances that were looked at, and whether there are no others.
    pub(crate) circumstances: Vec<(usize, bool)>,
}

/// Compares for everybody, or for so many spread over all.
pub(crate) fn compare(
    diff: &Diff,
    (world, drawn): (&World, Option<&Drawn>),
    now: i64,
    most: Option<usize>,
    terminal: &Terminal,
) -> Result<Found, Failure> {
    let types: std::collections::BTreeSet<&str> =
        diff.changed().iter().map(|c| c.principal_type.as_ref()).collect();
    let mut all: Vec<EntityUid> = Vec::new();
    for ty in types {
        all.extend(world.ids(ty)?.map(|id| EntityUid::new(ty, id)));
    }
    let step = most.map_or(1, |most| all.len().div_ceil(most.max(1))).max(1);
    // Those for whom situations were made are always among them.
    let made_for: std::collections::BTreeSet<&EntityUid> =
        drawn.into_iter().flat_map(Drawn::people).filter(|_| step > 1).collect();
    let spread = all.iter().step_by(step).filter(|person| !made_for.contains(*person));
    let people: Vec<&EntityUid> = made_for.iter().copied().chain(spread).collect();
    let circumstances: Vec<_> =
        diff.changed().iter().map(|changed| diff.circumstances(changed, world, now)).collect();
    let contexts: Vec<_> = circumstances.iter().map(|(contexts, _)| contexts.clone()).collect();
    let bar = progress::parts(terminal, "comparing", people.len() as u64);
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let parts = thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(person) = people.get(at) else { return Ok::<_, Error>(mine) };
                let found =
                    diff.of_person(world, person, &diff.circumstances_for(person, &contexts, drawn))?;
                mine.extend(found.into_iter().map(|difference| (at, difference)));
                bar.inc(1);
            }
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        parts.extend(
            others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
        );
        parts
    });
    bar.finish_and_clear();
    let mut found = Vec::new();
    for part in parts {
        found.extend(part?);
    }
    // Threads finish in any order.
    found.sort_by_key(|(at, _)| *at);
    Ok(Found {
        differences: found.into_iter().map(|(_, difference)| difference).collect(),
        people: (people.len(), all.len()),
        circumstances: circumstances.iter().map(|(contexts, complete)| (contexts.len(), *complete)).collect(),
    })
}
