//! `caseward report`: a table of the cases that a report is about, for those who may have it.

use std::io::Read as _;
use std::path::PathBuf;

use caseward::attendance::{Release, ReportKind, ReportQuestion, release, report};
use caseward::{Group, Protection, RoundingKey, Table};
use clap::error::ErrorKind;
use serde_json::json;

use crate::count::{ByArgs, Format};
use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::question::uid;
use crate::source::{SourceArgs, Told};
use crate::terminal::Terminal;
use crate::{input, output, progress};

/// Bytes of a file with a key, at most.
const LONGEST_KEY: u64 = 4_096;
/// Bytes of a file with a release, at most.
const LONGEST_RELEASE: usize = 65_536;

/// Count the cases that a report is about, by group, for a person who may see the report.
///
/// A report that is denied and one that is not there come out alike, with exit code 2. A report on cases that the person
/// may see is grouped by what they may see of each. In reports that cover cases in aggregate only, small counts are
/// suppressed, and zeros where all of a group would be in another cell, or all counts are rounded by the key in
/// --round-key; what they are grouped by, the catalogue of fields says.
/// Several of these tables are published as a release, in which none tells what another leaves out: tables that are
/// asked for one by one may, and each says so.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Who asks, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    principal: String,
    /// Its kind: caseload, school, provider, national, performance, anonymised or prosecutions. Without one, what each
    /// is about is told.
    #[arg(long, value_name = "KIND", default_value = "", hide_default_value = true)]
    kind: String,
    /// Which report, such as 'Report::"t1"', where the person may see several of the kind.
    #[arg(long, value_name = "UID")]
    report: Option<String>,
    #[command(flatten)]
    by: ByArgs,
    /// Several tables at once, protected together: a file with a name, a kind, a threshold and the groups of each
    /// table, in TOML. The guide of the crate has one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "by", "zone", "below"])]
    release: Option<PathBuf>,
    /// In aggregate, counts below this are suppressed, and others with them.
    #[arg(long, value_name = "COUNT", default_value_t = 6, conflicts_with = "round_key")]
    below: u64,
    /// In aggregate, round counts at random instead: a file with a secret key, 16 to 4,096 bytes drawn at
    /// random.
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
        // One byte more than the limit is enough to know.
        let read = input.stream.take(LONGEST_KEY + 1).read_to_end(&mut bytes);
        read.map_err(|e| Failure::file("read", &input.name, &e))?;
        if bytes.len() as u64 > LONGEST_KEY {
            let why = format!("{}: a key for rounding has {LONGEST_KEY} bytes at most", input.name);
            return Err(Failure::other(why));
        }
        let key =
            RoundingKey::new(bytes).map_err(|error| Failure::other(format!("{}: {error}", input.name)))?;
        Ok(Protection::Round(key))
    }
}

/// What is asked for: one table, or those of a release.
enum Asked {
    Table(Vec<Group>),
    Release(Release),
}

impl Args {
    fn asked(&self) -> Result<Asked, Failure> {
        let kind = self.release.is_none().then(|| ReportKind::named(&self.kind));
        if self.source.is_past() && kind.is_none_or(|kind| kind.is_ok_and(|kind| kind.in_aggregate)) {
            let why = "a published report is of now: it takes no --as-of and no --known-at, since tables of two moments \
                       would tell the cases that changed between them";
            return Err(Failure::usage(ErrorKind::ArgumentConflict, why));
        }
        if let Some(file) = &self.release {
            let text = input::text(file, LONGEST_RELEASE)?;
            let read = Release::read(&text);
            return read
                .map(Asked::Release)
                .map_err(|e| Failure::other(format!("{}: {e}", input::name(file))));
        }
        let kind = ReportKind::named(&self.kind);
        let kind = kind.map_err(|error| Failure::usage(ErrorKind::InvalidValue, error))?;
        if kind.in_aggregate && self.by.zone.is_some() {
            let why = format!(
                "a report of kind `{}` is published, in New Zealand's time: it takes no --zone, since tables by the \
                calendars of two zones would tell the cases between them",
                kind.name
            );
            return Err(Failure::usage(ErrorKind::ArgumentConflict, why));
        }
        Ok(Asked::Table(self.by.groups()?))
    }
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let asked = args.asked()?;
    let protection = args.protection()?;
    let source = args.source.open("{}")?;
    let (ward, now) = (&source.ward, source.now);
    let principal = uid("--principal", &args.principal)?;
    let named = args.report.as_deref().map(|text| uid("--report", text)).transpose()?;
    let world = source.world(terminal)?;
    let question =
        ReportQuestion { report: named.as_ref(), ..ReportQuestion::of(&principal, "", now, &protection) };
    let spinner = progress::spinner(terminal, "counting");
    let tables = match &asked {
        Asked::Table(by) => {
            let question = ReportQuestion { kind: &args.kind, by, ..question };
            report(ward, &world, &question).map(|table| table.map(|table| vec![table]))
        }
        Asked::Release(tables) => release(ward, &world, tables, &question),
    };
    spinner.finish_and_clear();
    let tables = tables?;
    let count =
        tables.iter().flatten().filter_map(|table| table.total().number()).reduce(|a, b| a.saturating_add(b));
    let shown = Told::new("report", json!({"kind": args.kind, "report": args.report, "by": args.by.texts()}));
    source.tell(Told { count, is_denied: tables.is_none(), ..shown.by(&principal) })?;
    // For people it stands below the table.
    let open = tables.iter().flatten().find_map(Table::open).filter(|_| !matches!(args.format, Format::Text));
    open.into_iter().for_each(|open| terminal.note(open));
    match (tables, &asked) {
        (Some(tables), Asked::Table(_)) => tables.iter().try_for_each(|table| args.format.print(table))?,
        (Some(tables), Asked::Release(_)) => print_all(&tables, args.format)?,
        (None, _) => {
            match args.format {
                Format::Text => output::print("no such report\n")?,
                Format::Json => output::print("null\n")?,
                Format::Csv => {}
            }
            return Ok(Exit::Deny);
        }
    }
    Ok(Exit::Success)
}

/// The tables of a release: for people and for spreadsheets each under its name, for programs as one list.
fn print_all(tables: &[Table], format: Format) -> Result<(), Failure> {
    if let Format::Json = format {
        return output::print_json(&tables);
    }
    for (at, table) in tables.iter().enumerate() {
        let name = printable(table.release().map_or("", |part| &part.table));
        let gap = if at == 0 { "" } else { "\n" };
        match format {
            // A line of its own, which no table has.
            Format::Csv => output::print(&format!("{gap}# {}\r\n", name.replace(['\r', '\n'], " ")))?,
            _ => output::print(&format!("{gap}{name}\n"))?,
        }
        format.print(table)?;
    }
    Ok(())
}
