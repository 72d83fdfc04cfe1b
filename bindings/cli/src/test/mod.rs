//! `caseward test`: do the cases come out as they say?

mod accept;
mod formats;
mod watch;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use caseward::Source;
use caseward::author::{Case, CaseFile, Mismatch};
use clap::ValueEnum;

use crate::cases::{CaseArgs, Suite};
use crate::exit::Exit;
use crate::explain;
use crate::failure::{Failure, counted, in_a_line, printable};
use crate::output;
use crate::problems::{Form, or_told};
use crate::report::Report;
use crate::terminal::{Palette, Terminal};

/// Run cases: small worlds, requests and what is expected of them.
///
/// A case that comes out otherwise is shown with what differs, the explanation and the places in both texts. Of more
/// than ten such cases the text has a summary first, and ten of them; the other formats have all.
/// Exit code 4 says that a case came out otherwise, 1 that a case cannot be used: it names what is not there,
/// or makes no sense, 3 that policies were refused; in JSON these are a list of problems, as `validate` has it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    cases: CaseArgs,
    /// Only cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// First rewrite, in the files, which policies and rules cases expect to decide, where the decision is the one
    /// that they expect: after policies were renamed. Decisions are never rewritten; all that changes is printed.
    #[arg(long, conflicts_with = "filter")]
    accept: bool,
    /// Show every case that comes out otherwise.
    #[arg(long)]
    all: bool,
    /// Run them again whenever policies or cases change, until Ctrl-C.
    #[arg(long, conflicts_with = "accept")]
    watch: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// JUnit's XML.
    Junit,
    /// One value of JSON.
    Json,
    /// Annotations of GitHub's workflows.
    Github,
}

/// Cases that come out otherwise and are shown, where not all are asked for.
const SHOWN: usize = 10;

/// One case that was run.
pub(crate) struct Ran<'a> {
    pub(crate) file: &'a CaseFile,
    pub(crate) case: &'a Case,
    pub(crate) mismatch: Option<Mismatch>,
    pub(crate) took: Duration,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let form = match args.format {
        Format::Text | Format::Junit => Form::Text,
        Format::Json => Form::Json,
        Format::Github => Form::Github,
    };
    if args.watch {
        args.cases.policies.own()?;
        return Ok(watch::watch(&args.cases, terminal, || or_told(test(args, terminal), form)));
    }
    or_told(test(args, terminal), form)
}

fn test(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let start = Instant::now();
    args.cases.policies.own()?;
    if args.accept {
        accept::accept(&args.cases)?;
    }
    let suite = args.cases.load()?;
    let ran = run_all(&suite, args.filter.as_deref())?;
    if ran.is_empty() {
        return Err(Failure::other("no case has such a name"));
    }
    let failed = ran.iter().filter(|ran| ran.mismatch.is_some()).count();
    match args.format {
        Format::Text => output::print(&text(&ran, args.all, start.elapsed(), terminal))?,
        Format::Junit => output::print(&formats::junit(&ran)?)?,
        Format::Json => output::print_json(&formats::json(&ran))?,
        Format::Github => output::print(&formats::github(&ran))?,
    }
    Ok(if failed == 0 { Exit::Success } else { Exit::Unmet })
}

/// Runs the cases whose name contains `filter`.
pub(crate) fn run_all<'a>(suite: &'a Suite, filter: Option<&str>) -> Result<Vec<Ran<'a>>, Failure> {
    let mut all = Vec::new();
    for file in &suite.files {
        for case in &file.cases {
            if filter.is_none_or(|part| case.name.contains(part)) {
                let start = Instant::now();
                let mismatch = file.run_case(&suite.ward, case)?;
                all.push(Ran { file, case, mismatch, took: start.elapsed() });
            }
        }
    }
    Ok(all)
}

fn text(ran: &[Ran<'_>], all: bool, took: Duration, terminal: &Terminal) -> String {
    let Palette { good, bad, reset, .. } = terminal.palette();
    let mut out = String::new();
    let failed: Vec<&Ran<'_>> = ran.iter().filter(|ran| ran.mismatch.is_some()).collect();
    if failed.len() > SHOWN {
        out.push_str(&printable(&summary(&failed)));
        out.push('\n');
    }
    let shown = if all { failed.len() } else { SHOWN };
    for ran in failed.iter().take(shown) {
        if let Some(mismatch) = &ran.mismatch {
            let source = Source::new(ran.file.name.as_str(), ran.file.text.clone());
            let report = Report::failed(&ran.case.name, &source, &ran.case.span, &mismatch.difference);
            out.push_str(&report.draw(&terminal.drawer_out()));
            match &mismatch.why {
                Some(why) => out.push_str(&explain::coloured(why, &why.to_string(), terminal)),
                None => out.push_str(&printable(&mismatch.explanation)),
            }
            out.push('\n');
        }
    }
    match failed.len().saturating_sub(shown) {
        0 => {}
        more => {
            let _ = writeln!(out, "and {}, which --all shows\n", counted(more, "more case"));
        }
    }
    let passed = ran.len() - failed.len();
    let files = counted(ran.chunk_by(|a, b| std::ptr::eq(a.file, b.file)).count(), "file");
    let seconds = took.as_secs_f64();
    let _ = match failed.len() {
        0 => writeln!(out, "{good}{} passed{reset} of {files} in {seconds:.2} s", counted(passed, "case")),
        n => writeln!(
            out,
            "{bad}{} failed{reset}, {passed} passed of {files} in {seconds:.2} s",
            counted(n, "case")
        ),
    };
    out
}

/// How many cases came out otherwise, by file and by the policies that decided them.
fn summary(failed: &[&Ran<'_>]) -> String {
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    let mut policies: BTreeMap<String, usize> = BTreeMap::new();
    for ran in failed {
        *files.entry(ran.file.name.as_str()).or_default() += 1;
        let answer = ran.mismatch.as_ref().and_then(|mismatch| mismatch.why.as_ref()).map(|why| &why.answer);
        let Some(answer) = answer else {
            *policies.entry("(could not be asked)".to_owned()).or_default() += 1;
            continue;
        };
        for policy in &answer.policies {
            *policies.entry(policy.to_string()).or_default() += 1;
        }
        if answer.policies.is_empty() {
            let none = if answer.errors.is_empty() { "(no policy permits it)" } else { "(in error)" };
            *policies.entry(none.to_owned()).or_default() += 1;
        }
    }
    let mut out = format!("{} otherwise than expected\n", counted(failed.len(), "case"));
    let mut table = |title: &str, counts: Vec<(&str, usize)>| {
        let mut counts = counts;
        counts.sort_by_key(|(name, count)| (usize::MAX - count, name.to_owned()));
        let _ = writeln!(out, "\n{title}");
        for (name, count) in counts.iter().take(SHOWN) {
            let _ = writeln!(out, "  {count:>6}  {}", in_a_line(name));
        }
        if counts.len() > SHOWN {
            let _ = writeln!(out, "          and {} more", counts.len() - SHOWN);
        }
    };
    table("by file", files.into_iter().collect());
    table(
        "by the policies that decided",
        policies.iter().map(|(name, count)| (name.as_str(), *count)).collect(),
    );
    out
}
