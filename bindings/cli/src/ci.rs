//! `caseward ci`: everything that is checked of a change of policies, as one, and one page for who signs it off.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use caseward::author::{Claim, Diff, Drawing, Finding, Proof};
use caseward::{Effect, Policy, Sources, Ward, World};
use clap::error::ErrorKind;

use crate::cases::{CaseArgs, Suite};
use crate::exit::Exit;
use crate::failure::{Failure, counted, printable};
use crate::instant::NowArgs;
use crate::lint::{LevelArgs, Linted};
use crate::load::DataArgs;
use crate::replace::Replacement;
use crate::terminal::Terminal;
use crate::unreachable::{self, Asked, LOCK, Settled};
use crate::{coverage, diff, fmt, git, input, lint, mutate, output, test};

/// Cases of the made-up world on which a change is shown.
const SAMPLE: usize = 2_000;
/// Mutants that are drawn.
const MUTANTS: usize = 300;

/// Check a folder of policies in every way, and write one page for who signs the change off.
///
/// Layout, validation, lints, cases, coverage, mutants, proofs and, with --base, what changes for whom. Exit code 0 says
/// that all of it is as it should be; else it is that of the gravest finding.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    cases: CaseArgs,
    /// The git revision or folder that the change starts from.
    #[arg(long, value_name = "REV|DIR")]
    base: Option<String>,
    /// The data on which to show what changes: Cedar's entities JSON or a snapshot; made up by default.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// The gains that are meant; see `caseward diff`.
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Percent of conditions that the cases must see decide.
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0)]
    fail_under: f64,
    /// Mutants to draw; 0 for none.
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
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let folder = args.cases.policies.folder().ok_or_else(|| {
        Failure::usage(ErrorKind::MissingRequiredArgument, "--policies must name the folder to check")
    })?;
    let expected = args.expected.as_deref().map(diff::Expected::read).transpose()?;
    // What cannot be loaded cannot be checked; that is told in full, as `validate` and `test` tell it.
    let suite = args.cases.load()?;
    let sources = args.cases.policies.sources()?;
    let base = args.base.as_deref().map(|base| read_base(base, folder)).transpose()?;
    let change = Change { args, folder, sources, suite, base };
    let mut steps = Vec::new();
    let mut timed = |step: &dyn Fn() -> Result<Step, Failure>| {
        let start = Instant::now();
        let step = step()?;
        terminal.note(&format!("{}: {} ({:.1} s)", step.name, step.said, start.elapsed().as_secs_f64()));
        steps.push(step);
        Ok::<(), Failure>(())
    };
    timed(&|| layout(&change))?;
    timed(&|| validate(&change))?;
    timed(&|| lints(&change))?;
    timed(&|| cases(&change))?;
    timed(&|| covered(&change, terminal))?;
    if args.mutants > 0 {
        timed(&|| mutants(&change, terminal))?;
    }
    timed(&|| proofs(&change, terminal))?;
    if change.base.is_some() {
        timed(&|| changes(&change, expected.as_ref(), terminal))?;
    }
    let page = page(&change, &steps);
    if input::is_dash(&args.output) {
        output::print(&page)?;
    } else {
        use std::io::Write as _;
        let refuse = |e: std::io::Error| Failure::file("write", input::name(&args.output), &e);
        let mut file = Replacement::begin(&args.output).map_err(refuse)?;
        file.writer().write_all(page.as_bytes()).map_err(refuse)?;
        file.commit().map_err(refuse)?;
    }
    Ok(gravest(&steps))
}

/// A folder, or the folder as it is in a revision.
fn read_base(base: &str, folder: &Path) -> Result<Sources, Failure> {
    let path = Path::new(base);
    if path.is_dir() { Ok(Sources::read_folder(path, None)?) } else { git::policies_of_folder(folder, base) }
}

/// What does not hold, before what is not known, before what could not be asked.
fn gravest(steps: &[Step]) -> Exit {
    let order =
        [Exit::Invalid, Exit::Unmet, Exit::Failure, Exit::SolverFault, Exit::Undecided, Exit::NoSolver];
    order.into_iter().find(|exit| steps.iter().any(|step| step.exit == *exit)).unwrap_or(Exit::Success)
}

fn layout(change: &Change<'_>) -> Result<Step, Failure> {
    let mut files = Vec::new();
    fmt::walk(change.folder, 0, &mut files)?;
    let mut wrong = Vec::new();
    for file in &files {
        let text = input::text(file, fmt::MAX_BYTES)?;
        let source = caseward::Source::new(file.display().to_string(), text);
        if caseward::format(&source).ok().as_deref() != Some(source.text.as_ref()) {
            wrong.push(format!("- `{}`", printable(&source.name)));
        }
    }
    Ok(match wrong.len() {
        0 => step(
            "layout",
            Exit::Success,
            format!("{} in the standard layout", counted(files.len(), "file")),
            String::new(),
        ),
        n => {
            let said =
                format!("{} not in the standard layout: `caseward fmt` lays them out", counted(n, "file"));
            step("layout", Exit::Unmet, said, wrong.join("\n"))
        }
    })
}

fn validate(change: &Change<'_>) -> Result<Step, Failure> {
    let invariants = change.args.cases.policies.invariants()?;
    let ward = &change.suite.ward;
    let mut wrong: Vec<String> =
        ward.warnings().iter().map(|problem| format!("- {}", printable(&problem.to_string()))).collect();
    let mut exit = if wrong.is_empty() { Exit::Success } else { Exit::Unmet };
    let guarantees = change.args.cases.policies.guarantees()?;
    for (what, sources) in [("invariants", &invariants), ("guarantees", &guarantees)] {
        if let Err(error) = Ward::new(sources) {
            wrong.push(format!("- the {what}: {}", printable(&error.to_string())));
            exit = Exit::Invalid;
        }
    }
    let said = match wrong.len() {
        0 => format!(
            "{} policies, {} and {} are valid",
            ward.policies().len(),
            counted(invariants.policies.len(), "invariant"),
            counted(guarantees.policies.len(), "guarantee")
        ),
        n => counted(n, "problem"),
    };
    Ok(step("validation", exit, said, wrong.join("\n")))
}

fn lints(change: &Change<'_>) -> Result<Step, Failure> {
    let policies = &change.args.cases.policies;
    let levels = change.args.levels.levels()?;
    let claims = match lint::claims(policies) {
        Ok(claims) => claims,
        // Validation has told why.
        Err(Failure::Policies(_)) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let (ward, sources) = (&change.suite.ward, &change.sources);
    let linted = Linted::look(policies, ward, sources, &claims, change.base.as_ref(), &levels)?;
    let told =
        |finding: &Finding| format!("- {}: {}", finding.lint.name(), printable(&finding.problem.to_string()));
    let exit = if linted.is_refused() { Exit::Unmet } else { Exit::Success };
    let details: Vec<String> = linted.findings.iter().map(told).collect();
    Ok(step("lints", exit, linted.said(), details.join("\n")))
}

fn cases(change: &Change<'_>) -> Result<Step, Failure> {
    let ran = test::run_all(&change.suite, None);
    let failed: Vec<String> = ran
        .iter()
        .filter_map(|ran| Some((ran.case, ran.mismatch.as_ref()?)))
        .map(|(case, mismatch)| format!("- {}: {}", printable(&case.name), printable(&mismatch.difference)))
        .collect();
    Ok(match failed.len() {
        0 => step(
            "cases",
            Exit::Success,
            format!("all {} cases come out as they should", ran.len()),
            String::new(),
        ),
        n => step(
            "cases",
            Exit::Unmet,
            format!("{n} of {} cases come out otherwise", ran.len()),
            failed.join("\n"),
        ),
    })
}

fn covered(change: &Change<'_>, terminal: &Terminal) -> Result<Step, Failure> {
    let (measured, claims) = coverage::measure(&change.suite, &change.args.cases, None)?;
    let percent = coverage::percent(measured.sides());
    let mut details = Vec::new();
    for policy in &measured.policies {
        let open = policy
            .conditions
            .iter()
            .filter(|condition| !condition.when_true.is_covered() || !condition.when_false.is_covered());
        details
            .extend(open.map(|condition| format!("- {}: `{}`", policy.policy.id, one_line(&condition.text))));
    }
    let mut exit = if percent < change.args.fail_under { Exit::Unmet } else { Exit::Success };
    let mut said = format!("the cases see {percent} % of what can decide a condition");
    if !claims.is_empty() {
        let (proved, open) = claimed(change, &claims, terminal)?;
        let _ = write!(said, ", {} that cannot decide apart: {proved} of them proved", claims.len());
        if !open.is_empty() && exit == Exit::Success {
            exit = Exit::Undecided;
        }
        details.extend(open);
    }
    Ok(step("coverage", exit, said, details.join("\n")))
}

fn mutants(change: &Change<'_>, terminal: &Terminal) -> Result<Step, Failure> {
    let drawing = Drawing { bounded: Some(change.args.mutants), seed: 1, policy: None };
    let ward = &change.suite.ward;
    let mut mutations = match ward.mutate(change.suite.cases(), &drawing) {
        Ok(mutations) => mutations,
        Err(error) if error.is_data() => {
            return Ok(step("mutants", Exit::Unmet, "not tried, since cases fail".to_owned(), String::new()));
        }
        Err(error) => return Err(error.into()),
    };
    mutate::excuse(&mut mutations, ward, &change.sources, terminal);
    let survived: Vec<String> = mutations
        .survivors()
        .map(|survivor| format!("```diff\n{}```", printable(&mutate::patch(ward, survivor))))
        .collect();
    let tried = mutations.all.len();
    Ok(match survived.len() {
        0 => {
            let said = format!(
                "of {tried} small changes of the policies none goes unnoticed, but {} that change no decision",
                mutations.equivalent()
            );
            step("mutants", Exit::Success, said, String::new())
        }
        n => step(
            "mutants",
            Exit::Unmet,
            format!("of {tried} small changes of the policies {n} go unnoticed"),
            survived.join("\n\n"),
        ),
    })
}

fn changes(
    change: &Change<'_>,
    expected: Option<&diff::Expected>,
    terminal: &Terminal,
) -> Result<Step, Failure> {
    let Some(base) = &change.base else {
        return Ok(step("changes", Exit::Success, String::new(), String::new()));
    };
    let compared = Diff::new(base, &change.sources)?;
    if compared.changed().is_empty() {
        return Ok(step(
            "changes",
            Exit::Success,
            "no decision changes for anybody".to_owned(),
            String::new(),
        ));
    }
    let (world, generated): (World, _) = match &change.args.world {
        Some(file) => (DataArgs { entities: file.clone() }.load(compared.ward(), terminal)?, None),
        None => (diff::made_up(compared.ward(), SAMPLE, terminal)?, Some(SAMPLE)),
    };
    let now = change.args.now.ms();
    let found = diff::compare(&compared, &world, now, None, terminal)?;
    let setting = diff::Setting {
        old: change.args.base.clone().unwrap_or_default(),
        new: change.folder.display().to_string(),
        generated,
        now,
    };
    let report = diff::Report::new(&compared, &world, &found, setting, expected, 3);
    let total =
        |gained: bool| report.lines.iter().filter(|l| l.gained == gained).map(|l| l.decisions).sum::<u64>();
    let said =
        format!("{} decisions are gained and {} lost on the data looked at", total(true), total(false));
    if report.is_announced() {
        return Ok(step("changes", Exit::Success, said, report.markdown()));
    }
    Ok(step(
        "changes",
        Exit::Unmet,
        format!("{said}, and not all of what is gained was announced"),
        report.markdown(),
    ))
}

fn step(name: &'static str, exit: Exit, said: String, details: String) -> Step {
    Step { name, exit, said, details }
}

#[cfg(feature = "prove")]
fn proofs(change: &Change<'_>, terminal: &Terminal) -> Result<Step, Failure> {
    use crate::prove::{self, Plan, Standing, Stated};
    let plan = Plan::of_folder(change.folder);
    let policies = &change.args.cases.policies;
    let stated = Stated { invariants: policies.invariants()?, guarantees: policies.guarantees()? };
    let report = prove::prove(change.suite.ward.clone(), &change.sources, &stated, None, &plan, terminal)?;
    let mut details = String::new();
    for finding in report.findings.iter().filter(|finding| finding.is_stated() || !finding.holds()) {
        let mark = match finding.standing {
            Standing::Proved | Standing::Locked => "proved",
            Standing::Refuted => "**not so**",
            Standing::Undecided | Standing::SolverFault | Standing::Unasked => "**not known**",
        };
        let _ = writeln!(details, "- {mark}: {}", printable(&finding.sentence));
        for told in finding.story.iter().flat_map(|story| story.lines()) {
            let _ = writeln!(details, "  > {}", printable(told));
        }
    }
    let proved = report.findings.iter().filter(|finding| finding.holds()).count();
    let said = match &report.trouble {
        Some(trouble) => format!("{trouble}; random worlds were tried instead"),
        None => format!("{proved} of {} are proved of all data", counted(report.findings.len(), "claim")),
    };
    Ok(step("proofs", report.exit(false), said, details))
}

#[cfg(not(feature = "prove"))]
fn proofs(_: &Change<'_>, _: &Terminal) -> Result<Step, Failure> {
    let said = "nothing was proved: this command was built without feature `prove`";
    Ok(step("proofs", Exit::NoSolver, said.to_owned(), String::new()))
}

/// How many claims of unreachable conditions are proved, and the others.
fn claimed(
    change: &Change<'_>,
    claims: &[Claim],
    terminal: &Terminal,
) -> Result<(usize, Vec<String>), Failure> {
    let ward = &change.suite.ward;
    let lock = change.folder.join(LOCK);
    let asked = Asked { lock: Some(&lock), locked: false };
    let proofs = match unreachable::settle(ward, &change.sources, claims, asked, terminal)? {
        Settled::Proofs(proofs) => proofs,
        Settled::NoSolver(why) => return Ok((0, vec![format!("- not proved: {}", printable(&why))])),
    };
    let not = |(claim, proof): (&Claim, Proof)| match proof {
        Proof::Equivalent => None,
        Proof::Different(how) => Some(format!("- {}: it can decide after all: {how}", claim.policy)),
        Proof::Unknown(why) => Some(format!("- {}: {}", claim.policy, printable(&why))),
    };
    let open: Vec<String> = claims.iter().zip(proofs).filter_map(not).collect();
    Ok((claims.len().saturating_sub(open.len()), open))
}

fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The page.
fn page(change: &Change<'_>, steps: &[Step]) -> String {
    let mut out = String::from("# The policies, for who signs them off\n\n");
    let open: Vec<&Step> = steps.iter().filter(|step| step.exit != Exit::Success).collect();
    let _ = match open.as_slice() {
        [] => writeln!(out, "Everything that was checked is as it should be.\n"),
        open => {
            let names: Vec<&str> = open.iter().map(|step| step.name).collect();
            writeln!(out, "**Not to be signed off as it is:** see {}.\n", names.join(", "))
        }
    };
    if let (Some(base), Some(name)) = (&change.base, &change.args.base) {
        let _ = writeln!(out, "## What is changed since `{}`\n", printable(name));
        out.push_str(&rules(base, change));
    }
    out.push_str("## What was checked\n\n| | |\n|---|---|\n");
    for step in steps {
        let mark = if step.exit == Exit::Success { "✔" } else { "✘" };
        let _ = writeln!(out, "| {mark} {} | {} |", step.name, step.said.replace('|', "\\|"));
    }
    out.push('\n');
    for step in steps.iter().filter(|step| !step.details.is_empty()) {
        let title = match step.name {
            "changes" => "Who is affected",
            "proofs" => "What is proved of every request and all data",
            "layout" => "Layout",
            "validation" => "Validation",
            "lints" => "What is valid and probably not meant",
            "cases" => "Cases that come out otherwise",
            "coverage" => "Conditions that no case sees decide",
            _ => "Changes that no case notices",
        };
        // A page of its own becomes a part of this one.
        let details = step.details.replace("\n### ", "\n##### ").replace("\n## ", "\n#### ");
        let details = details.strip_prefix("# ").map_or(details.clone(), |rest| format!("### {rest}"));
        let _ = writeln!(out, "## {title}\n\n{}\n", details.trim_end());
    }
    out
}

/// The rules whose policies were changed, each with its effect and what it says now and said before.
fn rules(base: &Sources, change: &Change<'_>) -> String {
    let (schema, policies) = (change.sources.schema.clone(), base.policies.clone());
    let old_sources = Sources { schema, policies, catalogue: None };
    let Ok(old) = Ward::new(&old_sources) else {
        return "The earlier policies cannot be read under the schema of now.\n\n".to_owned();
    };
    let new = &change.suite.ward;
    let by_id = |ward: &Ward| -> BTreeMap<std::sync::Arc<str>, Policy> {
        ward.policies().iter().map(|policy| (policy.id.clone(), policy.clone())).collect()
    };
    let (before, after) = (by_id(&old), by_id(new));
    let ids: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut out = String::from("| rule | effect | | what it says |\n|---|---|---|---|\n");
    let mut any = false;
    for id in ids {
        let what = match (before.get(id), after.get(id)) {
            (Some(_), None) => "taken out",
            (None, Some(_)) => "new",
            _ if old.source(id).map(|s| &s.text) == new.source(id).map(|s| &s.text) => continue,
            _ => "rewritten",
        };
        let Some(policy) = after.get(id).or_else(|| before.get(id)) else { continue };
        any = true;
        let effect = if policy.effect == Effect::Permit { "allows" } else { "denies" };
        let said = |policy: Option<&Policy>| policy.and_then(|p| p.description.as_deref().map(printable));
        let now = said(Some(policy)).unwrap_or_default();
        let was = said(before.get(id)).filter(|was| *was != now);
        let was = was.map_or_else(String::new, |was| format!(" (It said: {was})"));
        let rule = policy.rule.as_deref().unwrap_or("—");
        let _ = writeln!(
            out,
            "| {} `{}` | {effect} | {what} | {} |",
            printable(rule),
            printable(id),
            format!("{now}{was}").replace('|', "\\|")
        );
    }
    if any { out + "\n" } else { "No policy.\n\n".to_owned() }
}
