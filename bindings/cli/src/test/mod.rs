//! `caseward test`: do the cases come out as they say?

mod accept;
mod formats;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use caseward::Source;
use caseward::author::{Case, CaseFile, Mismatch};
use clap::ValueEnum;

use crate::cases::{CaseArgs, Suite};
use crate::exit::Exit;
use crate::explain;
use crate::failure::{Failure, counted, printable};
use crate::output;
use crate::report::Report;
use crate::terminal::{Palette, Terminal};

/// Run cases: small worlds, requests and what is expected of them.
///
/// A case that comes out otherwise is shown with what differs, the explanation and the places in both texts.
/// Exit code 4 says that a case came out otherwise, 1 that a case cannot be used: it names what is not there,
/// or makes no sense.
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

/// One case that was run.
pub(crate) struct Ran<'a> {
    pub(crate) file: &'a CaseFile,
    pub(crate) case: &'a Case,
    pub(crate) mismatch: Option<Mismatch>,
    pub(crate) took: Duration,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let start = Instant::now();
    if args.accept {
        accept::accept(&args.cases)?;
    }
    let suite = args.cases.load()?;
    let ran = run_all(&suite, args.filter.as_deref());
    if ran.is_empty() {
        return Err(Failure::other("no case has such a name"));
    }
    let failed = ran.iter().filter(|ran| ran.mismatch.is_some()).count();
    match args.format {
        Format::Text => output::print(&text(&ran, start.elapsed(), terminal))?,
        Format::Junit => output::print(&formats::junit(&ran))?,
        Format::Json => output::print_json(&formats::json(&ran))?,
        Format::Github => output::print(&formats::github(&ran))?,
    }
    Ok(if failed == 0 { Exit::Success } else { Exit::Unmet })
}

/// Runs the cases whose name contains `filter`.
pub(crate) fn run_all<'a>(suite: &'a Suite, filter: Option<&str>) -> Vec<Ran<'a>> {
    let mut all = Vec::new();
    for file in &suite.files {
        for case in &file.cases {
            if filter.is_none_or(|part| case.name.contains(part)) {
                let start = Instant::now();
                let mismatch = file.run_case(&suite.ward, case);
                all.push(Ran { file, case, mismatch, took: start.elapsed() });
            }
        }
    }
    all
}

fn text(ran: &[Ran<'_>], took: Duration, terminal: &Terminal) -> String {
    let Palette { good, bad, reset, .. } = terminal.palette();
    let mut out = String::new();
    let failed: Vec<&Ran<'_>> = ran.iter().filter(|ran| ran.mismatch.is_some()).collect();
    for ran in &failed {
        if let Some(mismatch) = &ran.mismatch {
            let source = Source::new(ran.file.name.as_str(), ran.file.text.clone());
            let report = Report::failed(
                printable(&ran.case.name),
                &source,
                &ran.case.span,
                printable(&mismatch.difference),
            );
            out.push_str(&report.draw(&terminal.drawer_out()));
            match &mismatch.why {
                Some(why) => out.push_str(&explain::coloured(why, &why.to_string(), terminal)),
                None => out.push_str(&printable(&mismatch.explanation)),
            }
            out.push('\n');
        }
    }
    let passed = ran.len() - failed.len();
    let seconds = took.as_secs_f64();
    let _ = match failed.len() {
        0 => writeln!(out, "{good}{} passed{reset} in {seconds:.2} s", counted(passed, "case")),
        n => writeln!(out, "{bad}{} failed{reset}, {passed} passed in {seconds:.2} s", counted(n, "case")),
    };
    out
}
