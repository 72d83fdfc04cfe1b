//! `caseward ci`: everything that is checked of a change of policies, as one, and one page for who signs it off.

#[cfg(feature = "prove")]
mod beyond;
mod cases;
mod catalogue;
mod changes;
mod inputs;
mod page;
mod steps;
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use caseward::Sources;

use crate::cases::{CaseArgs, Suite};
use crate::earlier::Earlier;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::instant::NowArgs;
use crate::lint::LevelArgs;
use crate::replace;
use crate::terminal::Terminal;
use crate::{diff, git, input, load, output};

use inputs::Inputs;
use tree::Tree;

/// Cases of the made-up world on which a change is shown.
const SAMPLE: usize = 2_000;
/// Mutants that are drawn from those of policies that are not changed.
const MUTANTS: usize = 300;

/// Check a folder of policies in every way, and write one page for who signs the change off.
///
/// Layout, validation, lints, cases, coverage, mutants, proofs and, with --base, what changes for whom, and every other input
/// that is changed: invariants, guarantees, the catalogue, the schema, cases. Exit code 0 says that all of it is as it
/// should be; else it is that of the gravest finding.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    cases: CaseArgs,
    /// The git revision or folder that the change starts from; `git:REV` is a revision for certain, as a script has it.
    #[arg(long, value_name = "REV|DIR")]
    base: Option<String>,
    /// The data on which to show what changes: Cedar's entities JSON or a snapshot; made up by default.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// The gains that are meant, as `caseward diff` takes them, and the protections that are meant to change:
    /// `[[invariant]]`, `[[guarantee]]` and `[[fit]]` with `id`, `[[catalogue]]` with `type`, `field`, `role`, `at_most`, each with
    /// a `reason`. What everybody sees, and what nobody can count, is announced without `role` and `at_most`; so is what a
    /// changed schema gives by itself. What stands in --base as it stands here, in this file or in one of
    /// another name, announced an earlier change, and announces nothing now.
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Percent of conditions that the cases must see decide.
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0)]
    fail_under: f64,
    /// Mutants to draw from policies that are not changed, besides all of those that are; 0 for none at all.
    #[arg(long, value_name = "N", default_value_t = MUTANTS)]
    mutants: usize,
    #[command(flatten)]
    levels: LevelArgs,
    #[command(flatten)]
    now: NowArgs,
    /// Where to write the page; standard output by default.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// How one step came out.
struct Step {
    name: &'static str,
    exit: Exit,
    /// One sentence.
    said: String,
    /// What more there is to say, in Markdown.
    details: String,
}

/// What is checked.
struct Change<'a> {
    args: &'a Args,
    folder: &'a Path,
    sources: Sources,
    suite: Suite,
    base: Option<Sources>,
    /// All files now, and before.
    tree: Tree,
    base_tree: Option<Tree>,
    expected: Option<diff::Expected>,
    /// What is changed besides policies.
    inputs: Option<Inputs>,
}

impl Change<'_> {
    /// Ids of the policies that are new or written otherwise.
    fn changed_policies(&self) -> BTreeSet<Arc<str>> {
        let Some(base) = &self.base else { return BTreeSet::new() };
        let text =
            |source: &str| base.policies.iter().find(|old| old.name.as_ref() == source).map(|old| &old.text);
        let changed = self.suite.ward.policies().iter().filter(|policy| {
            let now = self.suite.ward.source(&policy.id).map(|source| &source.text);
            text(&policy.source) != now
        });
        changed.map(|policy| policy.id.clone()).collect()
    }

    /// The lock files of the change, as it came, and of the version before, where there is one. One that is not there or cannot
    /// be read is empty.
    #[cfg(feature = "prove")]
    fn locks(&self) -> Option<crate::prove::Since> {
        let of = |tree: &Tree| {
            let text = tree.text(crate::unreachable::LOCK).unwrap_or_default();
            crate::prove::Lock::read(text).unwrap_or_default()
        };
        Some(crate::prove::Since { base: of(self.base_tree.as_ref()?), own: of(&self.tree) })
    }
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let folder = args.cases.policies.own()?;
    args.cases.policies.goes_with_base(args.base.as_deref())?;
    // Where nothing is changed it is not read, and no place for the page all the same.
    args.world.iter().for_each(|world| input::remember(world));
    let earlier = args.base.as_deref().map(|base| Earlier::named(base, folder)).transpose()?;
    let since = earlier.map(|base| diff::since(base, folder));
    let expected =
        args.expected.as_deref().map(|file| diff::Expected::read(file, since.as_ref())).transpose()?;
    // What cannot be loaded cannot be checked; that is told in full, as `validate` and `test` tell it.
    let suite = args.cases.load()?;
    let sources = args.cases.policies.sources()?;
    let base = earlier.map(|base| read_base(base, folder)).transpose()?;
    let base_tree = earlier.map(|base| Tree::read(base, folder)).transpose()?;
    let tree = Tree::of_folder(folder)?;
    let inputs = base_tree.as_ref().map(|base| Inputs::new(base, &tree, &suite.ward, &suite.files));
    let mut change = Change { args, folder, sources, suite, base, tree, base_tree, expected, inputs };
    let mut steps = Vec::new();
    let mut timed = |step: &mut dyn FnMut() -> Result<Step, Failure>| {
        let start = Instant::now();
        let step = step()?;
        terminal.note(&format!("{}: {} ({:.1} s)", step.name, step.said, start.elapsed().as_secs_f64()));
        steps.push(step);
        Ok::<(), Failure>(())
    };
    timed(&mut || steps::layout(&change))?;
    timed(&mut || steps::validate(&change))?;
    timed(&mut || steps::lints(&change))?;
    timed(&mut || steps::cases(&change))?;
    timed(&mut || steps::covered(&change, terminal))?;
    if args.mutants > 0 {
        timed(&mut || steps::mutants(&change, terminal))?;
    }
    timed(&mut || steps::proofs(&change, terminal))?;
    if change.base.is_some() {
        timed(&mut || changes::changes(&mut change, terminal))?;
        timed(&mut || changes::inputs(&change))?;
    }
    let page = page::page(&change, &steps);
    if input::is_dash(&args.output) {
        output::print(&page)?;
    } else {
        output::besides(replace::write(&args.output, page.as_bytes()), terminal);
    }
    Ok(gravest(&steps))
}

/// A folder, or the folder as it is in a revision.
fn read_base(base: Earlier<'_>, folder: &Path) -> Result<Sources, Failure> {
    match base {
        Earlier::Folder(path) => load::read_folder(path),
        Earlier::Revision(revision) => git::policies_of_folder(folder, revision),
    }
}

/// What does not hold, before what is not known, before what could not be asked.
fn gravest(steps: &[Step]) -> Exit {
    let order =
        [Exit::Invalid, Exit::Unmet, Exit::Failure, Exit::SolverFault, Exit::Undecided, Exit::NoSolver];
    order.into_iter().find(|exit| steps.iter().any(|step| step.exit == *exit)).unwrap_or(Exit::Success)
}

fn step(name: &'static str, exit: Exit, said: String, details: String) -> Step {
    Step { name, exit, said, details }
}
