//! `caseward who` and `caseward alert`: who may do this to that record, and who is told of what happens to it?

use std::fmt::Write as _;

use caseward::ActionName;
use caseward::AlertQuery;
use caseward::PrincipalQuery;
use caseward::TypeName;
use caseward::{EntityUid, Granted, Visible, Ward};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::instant;
use crate::list::{print_ids, used_now};
use crate::output;
use crate::question::{ContextArgs, uid};
use crate::shown::in_a_line;
use crate::source::{SourceArgs, Told};
use crate::terminal::Terminal;

/// List who may do something to a record.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// What they want to do, such as viewSummary.
    #[arg(long, value_name = "NAME")]
    action: String,
    /// The record, such as 'Case::"c1"'.
    #[arg(long, value_name = "UID")]
    resource: String,
    /// The type of those who are looked for, where the action takes several.
    #[arg(long = "type", value_name = "TYPE")]
    principal_type: Option<String>,
    /// Say of each by which policies.
    #[arg(long)]
    reasons: bool,
    #[command(flatten)]
    context: ContextArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// List who is told of what happens to a record: those who are alerted, and may see what they are alerted of.
#[derive(clap::Args)]
pub(crate) struct AlertArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// The record, such as 'Case::"c1"'.
    #[arg(long, value_name = "UID")]
    resource: String,
    /// The entry of the record that it is about, such as 'Item::"i1"'.
    #[arg(long, value_name = "UID")]
    entry: Option<String>,
    /// The type of those who are told.
    #[arg(long = "type", value_name = "TYPE", default_value = "User")]
    principal_type: String,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    /// One id a line, sorted.
    #[default]
    Ids,
    /// How many there are.
    Count,
    /// For programs.
    Json,
}

/// Those who were found, with what they were found by.
#[derive(Serialize)]
struct Found<'a> {
    ids: Vec<&'a str>,
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<&'a [Granted]>,
    policy_hash: &'a str,
    version: u64,
    now: Option<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let source = args.source.open(&args.context.context)?;
    let ward = &source.ward;
    let resource = uid("--resource", &args.resource)?;
    let ty = principal_type(ward, &args.action, args.principal_type.as_deref())?;
    let action = ActionName::new(&args.action);
    let context = args.context.at(ward, &action, source.now)?;
    let query = PrincipalQuery::new(TypeName::new(&ty), action, resource).in_context(context);
    let world = source.world(terminal)?;
    let found = ward.who(&world, &query)?;
    let asked = json!({"action": args.action, "type": ty, "context": args.context.context});
    source.tell(Told { told: found.iter().collect(), ..Told::new("who", asked).on(&query.resource) })?;
    let reasons = match args.reasons {
        true => Some(ward.who_with_reasons(&world, &query)?),
        false => None,
    };
    print(&found, reasons, used_now(ward, &query.action, &query.context), args.format)
}

pub(crate) fn alert(args: &AlertArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let source = args.source.open("{}")?;
    let (ward, now) = (&source.ward, source.now);
    let resource = uid("--resource", &args.resource)?;
    let entry = args.entry.as_deref().map(|entry| uid("--entry", entry)).transpose()?;
    let world = source.world(terminal)?;
    let query = AlertQuery::new(TypeName::new(&args.principal_type), resource).at(now);
    let query = entry.into_iter().fold(query, AlertQuery::about);
    let found = ward.alert(&world, &query)?;
    let asked = json!({"type": args.principal_type, "entry": args.entry});
    source.tell(Told { told: found.iter().collect(), ..Told::new("alert", asked).on(&query.resource) })?;
    print(&found, None, instant::show(now), args.format)
}

/// The type that was asked for, or the only one that the action takes.
fn principal_type(ward: &Ward, action: &str, asked: Option<&str>) -> Result<String, Failure> {
    let action = ward.schema().known_action(action)?;
    let known = action.principals.iter().filter_map(|ty| ward.schema().entity_type(*ty));
    let known: Vec<&str> = known.map(|ty| ty.name.as_ref()).collect();
    match (asked, known.as_slice()) {
        (Some(asked), _) => Ok(asked.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (None, all) => {
            let why = format!("{} is done by several types; --type is one of {}", action.uid, all.join(", "));
            Err(Failure::other(why))
        }
    }
}

fn print(
    found: &Visible,
    reasons: Option<Vec<Granted>>,
    now: Option<String>,
    format: Format,
) -> Result<Exit, Failure> {
    let mut uids: Vec<EntityUid> = found.iter().collect();
    // By id, as lists are.
    uids.sort();
    let reasons = reasons.map(|mut all| {
        all.sort_by(|a, b| a.principal.cmp(&b.principal));
        all
    });
    match (format, &reasons) {
        (Format::Count, _) => output::print(&format!("{}\n", uids.len()))?,
        (Format::Json, _) => output::print_json(&Found {
            ids: uids.iter().map(EntityUid::id).collect(),
            count: uids.len(),
            reasons: reasons.as_deref(),
            policy_hash: &found.provenance().policy_hash,
            version: found.provenance().version,
            now,
        })?,
        (Format::Ids, None) => print_ids(&uids)?,
        (Format::Ids, Some(all)) => output::print(&with_reasons(all))?,
    }
    Ok(Exit::Success)
}

fn with_reasons(all: &[Granted]) -> String {
    let width = all.iter().map(|one| one.principal.id().chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for one in all {
        let line = format!("{:width$}  {}", one.principal.id(), one.policies.join(", "));
        // An id with a line break in it would read as two people.
        let _ = writeln!(text, "{}", in_a_line(&line));
    }
    text
}
