//! `caseward tables`: the tables that filters speak of, and how data fills them.

use std::path::PathBuf;

use caseward::sql::{Database, TableRows};
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
    /// Print instead the outbox and the triggers on these tables that keep a mirror of them fresh: for a database that has the
    /// tables. They may be run again, such as after the mapping changed.
    #[arg(long, conflicts_with = "entities")]
    triggers: bool,
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
    if args.triggers && args.format == Format::Mermaid {
        let why = "a picture has no triggers: --triggers goes with --format text or json";
        return Err(Failure::usage(ErrorKind::ArgumentConflict, why));
    }
    let ward = args.policies.load()?;
    if args.format == Format::Mermaid {
        output::print(&picture::of(ward.schema()))?;
        return Ok(Exit::Success);
    }
    let database = args.database.load(&ward)?;
    if args.triggers {
        return triggers(&database, args.format);
    }
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

/// Prints the outbox of the tables: as text one transaction, so that nothing is written between its statements.
fn triggers(database: &Database, format: Format) -> Result<Exit, Failure> {
    let outbox = database.outbox()?;
    if format == Format::Json {
        output::print_json(&outbox)?;
        return Ok(Exit::Success);
    }
    printable_sql(&outbox.statements)?;
    let text: Vec<String> = outbox.statements.iter().map(|statement| format!("{statement};\n")).collect();
    output::print(&format!("BEGIN;\n{}COMMIT;\n", text.concat()))?;
    Ok(Exit::Success)
}
