//! `caseward report`: a table of the cases that a report is about, for those who may have it.

use std::io::Read as _;
use std::path::PathBuf;

use caseward::attendance::{ReportQuestion, report};
use caseward::{Protection, RoundingKey};

use crate::count::{ByArgs, Format};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::instant::NowArgs;
use crate::load::{DataArgs, PolicyArgs};
use crate::question::{note_unknown_types, uid};
use crate::terminal::Terminal;
use crate::{input, output, progress};

/// Bytes of a file with a key, at most.
const LONGEST_KEY: u64 = 4_096;

/// Count the cases that a report is about, by group, for a person who may see the report.
///
/// A report that is denied and one that is not there come out alike, with exit code 2. In reports that cover cases in
/// aggregate only, small counts are suppressed, or all counts rounded by the key in --round-key.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Who asks, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    principal: String,
    /// caseload, school, provider, national, performance, anonymised or prosecutions.
    #[arg(long, value_name = "KIND")]
    kind: String,
    /// Which report, such as 'Report::"t1"', where the person may see several of the kind.
    #[arg(long, value_name = "UID")]
    report: Option<String>,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    now: NowArgs,
    /// In aggregate, counts below this are suppressed, and others with them.
    #[arg(long, value_name = "COUNT", default_value_t = 6, conflicts_with = "round_key")]
    below: u64,
    /// In aggregate, round counts at random instead: a file with a secret key, 16 bytes or more.
    #[arg(long, value_name = "FILE")]
    round_key: Option<PathBuf>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    fn protection(&self) -> Result<Protection, Failure> {
        let Some(file) = &self.round_key else { return Ok(Protection::Suppress { below: self.below }) };
        let input = input::open(file)?;
        let mut bytes = Vec::new();
        let read = input.stream.take(LONGEST_KEY).read_to_end(&mut bytes);
        read.map_err(|e| Failure::file("read", &input.name, &e))?;
        let key =
            RoundingKey::new(bytes).map_err(|error| Failure::other(format!("{}: {error}", input.name)))?;
        Ok(Protection::Round(key))
    }
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let now = args.now.ms();
    let groups = args.by.groups()?;
    let protection = args.protection()?;
    let ward = args.policies.load()?;
    let principal = uid("--principal", &args.principal)?;
    let named = args.report.as_deref().map(|text| uid("--report", text)).transpose()?;
    let world = args.data.load(&ward, terminal)?;
    note_unknown_types(&ward, &[&principal], terminal);
    let question = ReportQuestion {
        principal: &principal,
        kind: &args.kind,
        report: named.as_ref(),
        by: &groups,
        now,
        protection: &protection,
    };
    let spinner = progress::spinner(terminal, "counting");
    let table = report(&ward, &world, &question);
    spinner.finish_and_clear();
    match (table?, args.format) {
        (Some(table), format) => {
            format.print(&table)?;
            return Ok(Exit::Success);
        }
        (None, Format::Text) => output::print("no such report\n")?,
        (None, Format::Json) => output::print("null\n")?,
        (None, Format::Csv) => {}
    }
    Ok(Exit::Deny)
}
