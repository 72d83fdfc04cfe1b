//! `caseward count`: how many records may this person do this to, by group?

use caseward::{Group, Table, Zone, attendance};
use clap::ValueEnum;
use clap::error::ErrorKind;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::question::QueryArgs;
use crate::source::{SourceArgs, Told};
use crate::terminal::Terminal;
use crate::{output, progress};

/// Count the records of a type to which a person may do something, by group.
///
/// What they are grouped by must be what the person may see of each of them: the field's section, by the catalogue of
/// fields. A table tells nothing that views do not show.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    by: ByArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What to group by.
#[derive(clap::Args)]
pub(crate) struct ByArgs {
    /// A path of attributes, such as status or student.enrolledAt, or a period of an instant, such as 'month of
    /// openedAt' (year, quarter, month, day). Several, with commas or given again, make a table of all
    /// combinations. Records without such a value are the group (none), those whose set has no element (empty).
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    by: Vec<String>,
    /// The time zone of periods: UTC, or a rule as in POSIX's TZ. New Zealand's by default.
    #[arg(long, value_name = "RULE")]
    pub(crate) zone: Option<Zone>,
}

impl ByArgs {
    /// The groups as they were given.
    pub(crate) fn texts(&self) -> &[String] {
        &self.by
    }

    pub(crate) fn groups(&self) -> Result<Vec<Group>, Failure> {
        if self.by.iter().any(|text| text.trim().is_empty()) {
            let why = "--by names an empty group; name a path of attributes, such as status, or a period, such as \
                'month of openedAt', or leave --by out";
            return Err(Failure::usage(ErrorKind::InvalidValue, why));
        }
        let zone = self.zone.clone().unwrap_or_else(attendance::zone);
        Ok(self.by.iter().map(|text| Group::parse(text, &zone)).collect::<Result<_, _>>()?)
    }
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

impl Format {
    pub(crate) fn print(self, table: &Table) -> Result<(), Failure> {
        match self {
            Format::Text => output::print(&printable(&table.to_string())),
            Format::Json => output::print_json(table),
            Format::Csv => output::print(&table.to_csv()),
        }
    }
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let groups = args.by.groups()?;
    let source = args.source.open(args.query.context())?;
    let ward = &source.ward;
    let query = args.query.query(ward, source.now)?;
    let world = source.world(terminal)?;
    let spinner = progress::spinner(terminal, &format!("counting {}", args.query.resource_type));
    let table = ward.count_by(&world, &query, &groups);
    spinner.finish_and_clear();
    let table = table?;
    let mut asked = args.query.asked();
    asked.insert("by".to_owned(), json!(args.by.texts()));
    let told = source.counted(&world, &query)?;
    let shown = Told { told, count: table.total().number(), ..Told::new("count", asked) };
    source.tell(shown.by(&query.principal))?;
    args.format.print(&table)?;
    Ok(Exit::Success)
}
