//! `caseward filter`: a condition for one's own SQL.

use std::fmt::Write as _;
use std::path::PathBuf;

use caseward::sql::{Database, Dialect, Filter, FilterOptions, Mapping, Parameter, ParameterStyle};
use caseward::{Problem, Ward};
use clap::ValueEnum;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::instant::{self, NowArgs};
use crate::load::{DataArgs, PolicyArgs};
use crate::question::QueryArgs;
use crate::shown::is_plain;
use crate::terminal::Terminal;
use crate::{input, output};

/// Bytes of a mapping.
const MAX_MAPPING: usize = 4 << 20;

/// Print the condition for the rows of one's own tables to which a person may do something.
///
/// The data is asked for what the person has alone; everything else the database looks at when it runs the condition.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    now: NowArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    condition: ConditionArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Whose SQL, and which tables.
#[derive(clap::Args)]
pub(crate) struct DatabaseArgs {
    /// Whose SQL: postgres, sqlite, duckdb, spark or mariadb.
    #[arg(long, value_name = "NAME", value_parser = dialect)]
    dialect: Dialect,
    /// Where one's tables hold what the schema speaks of, in TOML; tables and columns in snake_case by default.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

/// What else is in the query that the condition is for.
#[derive(clap::Args)]
struct ConditionArgs {
    /// The number of the first parameter, where the query has some of its own: 1 unless told.
    #[arg(long, value_name = "N")]
    first_parameter: Option<usize>,
    /// How parameters are written: '$1', '?', '?1', ':1', ':p1', '%s' or '%(p1)s', or the name that DB-API has for it, such
    /// as qmark. As the dialect has them unless told.
    #[arg(long, value_name = "STYLE", value_parser = style)]
    parameter_style: Option<ParameterStyle>,
    /// What the query calls the row: the table's name unless told.
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
}

impl ConditionArgs {
    fn options(&self) -> FilterOptions {
        let mut options = FilterOptions::default();
        if let Some(number) = self.first_parameter {
            options = options.first_parameter(number);
        }
        if let Some(style) = self.parameter_style {
            options = options.style(style);
        }
        if let Some(alias) = &self.alias {
            options = options.alias(alias);
        }
        options
    }
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    /// The condition, and its parameters as comments.
    #[default]
    Text,
    /// For programs.
    Json,
}

fn dialect(text: &str) -> Result<Dialect, String> {
    text.parse().map_err(|error: caseward::Error| error.to_string())
}

fn style(text: &str) -> Result<ParameterStyle, String> {
    text.parse().map_err(|error: caseward::Error| error.to_string())
}

impl DatabaseArgs {
    pub(crate) fn load(&self, ward: &Ward) -> Result<Database, Failure> {
        let (name, mapping) = match &self.mapping {
            None => (String::new(), Mapping::default()),
            Some(path) => {
                let name = path.display().to_string();
                let text = input::text(path, MAX_MAPPING)?;
                let mapping = Mapping::from_toml(&text).map_err(|e| refused(&name, e.problems()))?;
                (name, mapping)
            }
        };
        Database::new(ward.schema(), &mapping, self.dialect).map_err(|e| refused(&name, e.problems()))
    }
}

fn refused(name: &str, problems: &[Problem]) -> Failure {
    let all: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    Failure::lines(&format!("the mapping in {name} cannot be used:"), all.concat())
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let now = args.now.beside(args.query.context())?;
    let ward = args.policies.load()?;
    let query = args.query.query(&ward, now)?;
    let database = args.database.load(&ward)?;
    let world = args.data.load(&ward, terminal)?;
    let filter = ward.filter_with(&world, &query, &database, &args.condition.options())?;
    match args.format {
        Format::Json => output::print_json(&filter)?,
        Format::Text => {
            printable_sql(&[&filter.sql])?;
            output::print(&text(&filter))?;
        }
    }
    Ok(Exit::Success)
}

/// Refuses SQL that cannot be shown as it is: shown otherwise, it would be other SQL.
pub(crate) fn printable_sql(statements: &[impl AsRef<str>]) -> Result<(), Failure> {
    match statements.iter().all(|sql| is_plain(sql.as_ref())) {
        true => Ok(()),
        false => Err(Failure::other(
            "the SQL holds characters that cannot be shown as they are; ask with --format json",
        )),
    }
}

/// The condition with all that it needs, in comments, so that the whole is SQL.
fn text(filter: &Filter) -> String {
    let mut out = String::new();
    let shown = |at: Option<i64>| at.map(|at| instant::show(at).unwrap_or_else(|| format!("{at} ms")));
    if let Some(from) = shown(filter.valid_from) {
        let _ = writeln!(out, "-- from {from}");
    }
    if let Some(until) = shown(filter.valid_until) {
        let _ = writeln!(out, "-- until {until}");
    }
    for setup in &filter.setup {
        let columns: Vec<String> =
            setup.columns.iter().map(|column| format!("{} {}", column.name, column.ty)).collect();
        let _ = writeln!(out, "-- view {} ({}): {} rows", setup.view, columns.join(", "), setup.rows.len());
    }
    let _ = writeln!(out, "{}", filter.sql);
    for (sign, parameter) in filter.signs.iter().zip(&filter.params) {
        let _ = writeln!(out, "-- {sign} = {}", value(parameter));
    }
    out
}

/// A value in one line: a list is JSON.
fn value(parameter: &Parameter) -> String {
    match serde_json::to_value(parameter) {
        Ok(serde_json::Value::Object(fields)) => {
            fields.get("value").map(ToString::to_string).unwrap_or_default()
        }
        _ => String::new(),
    }
}
