//! `caseward lint`: what is valid and probably not meant.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use caseward::author::{Finding, Known, Level, Levels, Lint, Page, Subject};
use caseward::{FilePart, Problem, Severity, Source, Sources, Ward};
use clap::error::ErrorKind;

use crate::earlier::Earlier;
use crate::exit::Exit;
use crate::failure::{Failure, counted, printable};
use crate::github::notice;
use crate::load::PolicyArgs;
use crate::problems::{self, Form, or_told};
use crate::report::{Report, draw_all};
use crate::terminal::{Terminal, say};
use crate::{docs, git, input, matrix, output};

/// Bytes of a page that was made of the policies.
const MAX_PAGE: usize = 4 << 20;

/// Find what is valid and probably not meant: texts that stand nowhere else, pages that are out of date, …
///
/// Each lint has a name, a place, an explanation and help; `--list` tells them all, `--explain` one. A policy takes
/// itself out with `@allow("name")`. Exit code 4 says that something was found that is denied.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    levels: LevelArgs,
    /// The git revision or folder to compare with: policies that were changed since, while their description was not.
    #[arg(long, value_name = "REV|DIR")]
    base: Option<String>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Tell every lint with its level, and look at nothing.
    #[arg(long, conflicts_with = "explain")]
    list: bool,
    /// Tell what a lint finds and why that matters, and look at nothing.
    #[arg(long, value_name = "LINT")]
    explain: Option<String>,
}

/// How much each lint matters.
#[derive(clap::Args)]
pub(crate) struct LevelArgs {
    /// Refuse what this lint finds; `all` stands for those that are not named.
    #[arg(long, value_name = "LINT")]
    deny: Vec<String>,
    /// Tell what this lint finds, and refuse nothing for it.
    #[arg(long, value_name = "LINT")]
    warn: Vec<String>,
    /// Do not tell what this lint finds.
    #[arg(long, value_name = "LINT")]
    allow: Vec<String>,
}

impl LevelArgs {
    /// The levels: one for each lint that is named.
    pub(crate) fn levels(&self) -> Result<Levels, Failure> {
        let mut levels = Levels::default();
        let named: Vec<&String> = [&self.allow, &self.warn, &self.deny]
            .into_iter()
            .flat_map(|names| names.iter().collect::<BTreeSet<_>>())
            .collect();
        if let Some((_, twice)) =
            named.iter().enumerate().find(|(at, name)| named.iter().take(*at).any(|other| other == *name))
        {
            let why = format!("`{twice}` has two levels: name it once, with --deny, --warn or --allow");
            return Err(Failure::usage(ErrorKind::ArgumentConflict, why));
        }
        for (names, level) in
            [(&self.allow, Level::Allow), (&self.warn, Level::Warn), (&self.deny, Level::Deny)]
        {
            for name in names {
                levels = levels.with(name, level)?;
            }
        }
        Ok(levels)
    }
}

/// What was found, and the texts that it was found in.
pub(crate) struct Linted {
    pub(crate) findings: Vec<Finding>,
    /// Policies, what stands beside them in their form, and pages as policies.
    texts: Sources,
}

/// One finding to be told.
pub(crate) struct Told {
    pub(crate) lint: Lint,
    pub(crate) problem: Problem,
    /// The file that it is in, where that is known.
    pub(crate) file: Option<String>,
    /// As it is drawn.
    pub(crate) report: Report,
}

impl Linted {
    /// Looks at a folder of policies, or at those that come with the command.
    pub(crate) fn look(
        policies: &PolicyArgs,
        ward: &Ward,
        sources: &Sources,
        beside: &[(Ward, Sources)],
        base: Option<&Base>,
        levels: &Levels,
    ) -> Result<Self, Failure> {
        let known = known(policies)?;
        let pages = pages(policies.folder(), ward)?;
        let wards: Vec<Ward> = beside.iter().map(|(ward, _)| ward.clone()).collect();
        let mut subject = Subject::new(ward, sources).claims(&wards).pages(&pages);
        if let Some(known) = &known {
            subject = subject.known(known);
        }
        if let Some(base) = base {
            subject = subject.base(&base.policies).base_claims(&base.beside);
        }
        let findings = subject.lint(levels);
        let mut texts = sources.clone();
        texts.policies.extend(beside.iter().flat_map(|(_, sources)| sources.policies.iter().cloned()));
        texts.policies.extend(pages.into_iter().map(|page| Source::new(page.name, page.kept)));
        Ok(Linted { findings, texts })
    }

    /// What was found, each with its file and as it is drawn: under the name of its lint.
    pub(crate) fn told<'a>(&'a self, policies: &'a PolicyArgs) -> impl Iterator<Item = Told> + 'a {
        self.findings.iter().map(|Finding { lint, problem }| {
            let message = format!("{}: {}", lint.name(), problem.message);
            let drawn = Problem { message, ..problem.clone() };
            let report = policies.reports(std::slice::from_ref(&drawn), &self.texts).pop();
            let report = report.unwrap_or_else(|| Report::without_text(&drawn));
            Told { lint: *lint, problem: problem.clone(), file: policies.file(problem, &self.texts), report }
        })
    }

    /// Whether something was found that is denied.
    pub(crate) fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.problem.severity == Severity::Error)
    }

    /// `2 findings` or `nothing found`, with how many are denied.
    pub(crate) fn said(&self) -> String {
        let denied = self.findings.iter().filter(|f| f.problem.severity == Severity::Error).count();
        match (self.findings.len(), denied) {
            (0, _) => "nothing found".to_owned(),
            (all, 0) => counted(all, "finding"),
            (all, denied) => format!("{}, {denied} of them denied", counted(all, "finding")),
        }
    }

    /// Hands over each for programs, with its file.
    fn each(&self, policies: &PolicyArgs, mut take: impl FnMut(problems::Told<'_>)) {
        for Finding { lint, problem } in &self.findings {
            let file = policies.file(problem, &self.texts);
            take(problems::Told { lint: Some(lint.name()), problem, file: file.as_deref() });
        }
    }

    fn json(&self, policies: &PolicyArgs) -> Vec<serde_json::Value> {
        let mut all = Vec::new();
        self.each(policies, |told| all.push(serde_json::json!(told)));
        all
    }

    /// One annotation of GitHub's workflows for each.
    fn github(&self, policies: &PolicyArgs) -> String {
        let mut out = String::new();
        self.each(policies, |told| told.annotate(&mut out));
        notice(&mut out, &self.said());
        out
    }
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    or_told(lint(args, terminal), args.format)
}

fn lint(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let levels = args.levels.levels()?;
    if let Some(name) = &args.explain {
        levels.clone().with(name, Level::Warn)?;
        let told: Vec<String> = Lint::ALL
            .into_iter()
            .filter(|lint| name == "all" || lint.name() == name)
            .map(|lint| format!("{}: {}\n", lint.name(), lint.explanation()))
            .collect();
        output::print(&told.join("\n"))?;
        return Ok(Exit::Success);
    }
    if args.list {
        output::print(&list(&levels))?;
        return Ok(Exit::Success);
    }
    args.policies.own()?;
    let sources = args.policies.sources()?;
    let ward = args.policies.load()?;
    let beside = beside(&args.policies)?;
    let base = match &args.base {
        Some(base) => Some(Base::read(base, &args.policies)?),
        None => None,
    };
    let linted = Linted::look(&args.policies, &ward, &sources, &beside, base.as_ref(), &levels)?;
    match args.format {
        Form::Json => output::print_json(&linted.json(&args.policies))?,
        Form::Github => output::print(&linted.github(&args.policies))?,
        Form::Text => {
            let reports: Vec<Report> = linted.told(&args.policies).map(|told| told.report).collect();
            draw_all(&reports, terminal);
            if linted.findings.is_empty() {
                output::print("nothing found\n")?;
            } else {
                say(&format!("{}; `caseward lint --explain NAME` says why one matters", linted.said()));
            }
        }
    }
    Ok(if linted.is_refused() { Exit::Unmet } else { Exit::Success })
}

fn list(levels: &Levels) -> String {
    let mut out = String::new();
    for lint in Lint::ALL {
        let level = match levels.of(lint) {
            Level::Allow => "allow",
            Level::Warn => "warn",
            Level::Deny => "deny",
        };
        let first = lint.explanation().split_inclusive(". ").next().unwrap_or_default().trim_end();
        let _ = writeln!(out, "{:<26} {level:<5}  {first}", lint.name());
    }
    out
}

/// What stands beside the policies in their form, with the texts.
pub(crate) fn beside(policies: &PolicyArgs) -> Result<Vec<(Ward, Sources)>, Failure> {
    let all = policies.beside()?.into_iter();
    all.map(|(sources, _)| Ok((policies.load_from(&sources)?, sources))).collect()
}

/// The version that is compared with.
pub(crate) struct Base {
    pub(crate) policies: Sources,
    /// Invariants, guarantees, and who fits.
    pub(crate) beside: Vec<Sources>,
}

impl Base {
    /// A folder, or the folder of policies as it is in a revision.
    fn read(base: &str, policies: &PolicyArgs) -> Result<Self, Failure> {
        let folder = policies.own()?;
        policies.goes_with_base(Some(base))?;
        let earlier = Earlier::named(base, folder)?;
        let read = |part: FilePart| -> Result<Sources, Failure> {
            match (earlier, part) {
                (Earlier::Folder(path), FilePart::Invariant) => Ok(Sources::read_invariants(path, None)?),
                (Earlier::Folder(path), FilePart::Guarantee) => Ok(Sources::read_guarantees(path, None)?),
                (Earlier::Folder(path), FilePart::Fit) => Ok(Sources::read_fits(path, None)?),
                (Earlier::Folder(path), _) => Ok(Sources::read_folder(path, None)?),
                (Earlier::Revision(revision), part) => git::part_of_folder(folder, revision, part),
            }
        };
        let beside = [FilePart::Invariant, FilePart::Guarantee, FilePart::Fit].map(read);
        Ok(Base { policies: read(FilePart::Policy)?, beside: beside.into_iter().collect::<Result<_, _>>()? })
    }
}

/// What annotations may name: the folder's list, where it has one.
pub(crate) fn known(policies: &PolicyArgs) -> Result<Option<Known>, Failure> {
    let Some(folder) = policies.folder() else { return Ok(Some(Known::attendance()?)) };
    let file = folder.join(Known::FILE);
    if !input::is_there(&file)? {
        return Ok(None);
    }
    let source = Source::new(file.display().to_string(), input::text(&file, input::MAX_WRITTEN)?);
    match Known::read(&source) {
        Ok(known) => Ok(Some(known)),
        Err(error) => {
            let of = |problem| Report::in_text(problem, &source, &source.name);
            Err(Failure::Policies(error.problems().iter().map(of).collect()))
        }
    }
}

/// The pages in the folder that the command made.
fn pages(folder: Option<&Path>, ward: &Ward) -> Result<Vec<Page>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let shown = printable(&folder.display().to_string());
    let mut pages = Vec::new();
    let (rules, table) = (kept(folder, docs::FILE, docs::MADE)?, kept(folder, matrix::FILE, matrix::MADE)?);
    if rules.is_none() && table.is_none() {
        return Ok(pages);
    }
    // Both pages show it.
    let decided = matrix::decide(Some(folder), ward)?;
    if let Some(kept) = rules {
        let made = docs::markdown(ward, decided.as_ref());
        let command = format!("caseward docs --policies {shown} > {shown}/{}", docs::FILE);
        pages.push(Page { name: docs::FILE.to_owned(), kept, made, command });
    }
    if let Some(kept) = table {
        let made = decided.ok_or_else(|| matrix::missing(Some(folder)))?.to_string();
        let command = format!("caseward matrix --policies {shown} > {shown}/{}", matrix::FILE);
        pages.push(Page { name: matrix::FILE.to_owned(), kept, made, command });
    }
    Ok(pages)
}

/// A file of the folder that says that it was made by the command.
fn kept(folder: &Path, name: &str, made: &str) -> Result<Option<String>, Failure> {
    let file = folder.join(name);
    if !input::is_there(&file)? {
        return Ok(None);
    }
    let text = input::text(&file, MAX_PAGE)?;
    // One that was emptied is out of date too.
    Ok((text.trim().is_empty() || text.contains(made)).then_some(text))
}
