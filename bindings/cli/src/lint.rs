//! `caseward lint`: what is valid and probably not meant.

use std::fmt::Write as _;
use std::path::Path;

use caseward::author::{Finding, Known, Level, Levels, Lint, Page, Subject};
use caseward::{FilePart, Problem, Severity, Source, Sources, Ward};
use clap::ValueEnum;

use crate::exit::Exit;
use crate::failure::{Failure, counted, printable};
use crate::github::{annotate, notice};
use crate::load::PolicyArgs;
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
    format: Format,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One value of JSON.
    Json,
    /// Annotations of GitHub's workflows.
    Github,
}

impl LevelArgs {
    /// The levels; where two speak of one lint, the stricter.
    pub(crate) fn levels(&self) -> Result<Levels, Failure> {
        let mut levels = Levels::default();
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
    /// Policies, claims and pages as policies.
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
        claims: &[(Ward, Sources)],
        base: Option<&Base>,
        levels: &Levels,
    ) -> Result<Self, Failure> {
        let known = known(policies)?;
        let pages = pages(policies.folder(), ward)?;
        let wards: Vec<Ward> = claims.iter().map(|(ward, _)| ward.clone()).collect();
        let mut subject = Subject::new(ward, sources).claims(&wards).pages(&pages);
        if let Some(known) = &known {
            subject = subject.known(known);
        }
        if let Some(base) = base {
            subject = subject.base(&base.policies).base_claims(&base.claims);
        }
        let findings = subject.lint(levels);
        let mut texts = sources.clone();
        texts.policies.extend(claims.iter().flat_map(|(_, sources)| sources.policies.iter().cloned()));
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

    /// One annotation of GitHub's workflows for each.
    fn github(&self, policies: &PolicyArgs) -> String {
        let mut out = String::new();
        for Finding { lint, problem } in &self.findings {
            let file = policies.file(problem, &self.texts);
            let help = problem.help.iter().map(|help| format!("\n{help}"));
            let text = format!("{}{}", problem.message, help.collect::<String>());
            annotate(&mut out, problem.severity, file.as_deref(), problem.span, Some(lint.name()), &text);
        }
        notice(&mut out, &self.said());
        out
    }
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
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
    let claims = claims(&args.policies)?;
    let base = match &args.base {
        Some(base) => Some(Base::read(base, &args.policies)?),
        None => None,
    };
    let linted = Linted::look(&args.policies, &ward, &sources, &claims, base.as_ref(), &levels)?;
    match args.format {
        Format::Json => output::print_json(&linted.findings)?,
        Format::Github => output::print(&linted.github(&args.policies))?,
        Format::Text => {
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

/// What is claimed of the policies, with the texts.
pub(crate) fn claims(policies: &PolicyArgs) -> Result<Vec<(Ward, Sources)>, Failure> {
    let all = policies.claims()?.into_iter();
    all.map(|(sources, _)| Ok((policies.load_from(&sources)?, sources))).collect()
}

/// The version that is compared with.
pub(crate) struct Base {
    pub(crate) policies: Sources,
    /// Invariants and guarantees.
    pub(crate) claims: Vec<Sources>,
}

impl Base {
    /// A folder, or the folder of policies as it is in a revision.
    fn read(base: &str, policies: &PolicyArgs) -> Result<Self, Failure> {
        let path = Path::new(base);
        let read = |part: FilePart| -> Result<Sources, Failure> {
            match (path.is_dir(), policies.folder(), part) {
                (true, _, FilePart::Invariant) => Ok(Sources::read_invariants(path, None)?),
                (true, _, FilePart::Guarantee) => Ok(Sources::read_guarantees(path, None)?),
                (true, ..) => Ok(Sources::read_folder(path, None)?),
                (false, Some(folder), part) => git::part_of_folder(folder, base, part),
                (false, None, _) => {
                    Err(Failure::other("--base compares a folder of policies: --policies names it"))
                }
            }
        };
        let claims = [FilePart::Invariant, FilePart::Guarantee].map(read);
        Ok(Base { policies: read(FilePart::Policy)?, claims: claims.into_iter().collect::<Result<_, _>>()? })
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
    // Both pages show it; what is wrong with it is told by `caseward matrix`.
    let decided = matrix::decide(Some(folder), ward);
    if let Some(kept) = rules {
        let made = docs::markdown(ward, decided.as_ref().ok());
        let command = format!("caseward docs --policies {shown} > {shown}/{}", docs::FILE);
        pages.push(Page { name: docs::FILE.to_owned(), kept, made, command });
    }
    if let Some(kept) = table {
        let made = decided?.to_string();
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
    Ok(text.contains(made).then_some(text))
}
