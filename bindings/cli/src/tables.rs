//! `caseward tables`: the tables that filters speak of, and how data fills them.

use std::path::PathBuf;

use caseward::sql::TableRows;
use clap::ValueEnum;
use clap::error::ErrorKind;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::filter::{DatabaseArgs, printable_sql};
use crate::load::{DataArgs, PolicyArgs};
use crate::output;
use crate::picture;
use crate::terminal::Terminal;

/// Print the statements that make the tables of a mapping, with their indices.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Data whose rows are written too, with `--format json`: Cedar's entities JSON or a snapshot.
    #[arg(long, value_name = "FILE")]
    entities: Option<PathBuf>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The statements, each with a semicolon.
    #[default]
    Text,
    /// For programs: the statements; the rows of each table with the statement that adds one.
    Json,
    /// A picture of the data model, as an `erDiagram` of Mermaid: of the schema, whatever the mapping.
    Mermaid,
}

#[derive(Serialize)]
struct Tables {
    create: Vec<String>,
    tables: Vec<TableRows>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.entities.is_some() && args.format != Format::Json {
        let why = "rows are values, not SQL: --entities goes with --format json";
        return Err(Failure::usage(ErrorKind::ArgumentConflict, why));
    }
    let ward = args.policies.load()?;
    if args.format == Format::Mermaid {
        output::print(&picture::of(ward.schema()))?;
        return Ok(Exit::Success);
    }
    let database = args.database.load(&ward)?;
    let create = database.create();
    if args.format == Format::Text {
        printable_sql(&create)?;
        let text: Vec<String> = create.iter().map(|statement| format!("{statement};\n")).collect();
        output::print(&text.concat())?;
        return Ok(Exit::Success);
    }
    let tables = match &args.entities {
        None => Vec::new(),
        Some(file) => {
            let world = DataArgs { entities: file.clone() }.load(&ward, terminal)?;
            database.rows(&world).collect()
        }
    };
    output::print_json(&Tables { create, tables })?;
    Ok(Exit::Success)
}
