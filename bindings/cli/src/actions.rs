//! `caseward actions`: what may this person do to that record?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use caseward::{ActionAnswer, EntityUid, Schema, Value, Ward};
use serde::Serialize;
use serde_json::Map;

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::instant::NowArgs;
use crate::list::used_now;
use crate::load::{DataArgs, PolicyArgs};
use crate::question::{ContextArgs, note_unknown_types, uid};
use crate::terminal::{Palette, Terminal};
use crate::{output, suggest};

/// Say of every action whether a person may do it to a record.
///
/// Actions whose context asks for more than --context gives are shown with what they need.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Who asks, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    principal: String,
    /// The record, such as 'Case::"c1"'.
    #[arg(long, value_name = "UID")]
    resource: String,
    #[command(flatten)]
    context: ContextArgs,
    #[command(flatten)]
    now: NowArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The answers, with what they were made from.
#[derive(Serialize)]
struct Answers<'a> {
    actions: &'a [ActionAnswer],
    policy_hash: &'a str,
    version: u64,
    now: Option<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let now = args.now.ms();
    let ward = args.policies.load()?;
    let principal = uid("--principal", &args.principal)?;
    let resource = uid("--resource", &args.resource)?;
    let context = read_context(&ward, &principal, &resource, &args.context.context, now)?;
    let world = args.data.load(&ward, terminal)?;
    note_unknown_types(&ward, &[&principal, &resource], terminal);
    let actions = ward.actions(&world, &principal, &resource, &context)?;
    if actions.is_empty() {
        terminal.note(&format!(
            "no action is for a {} on a {}",
            printable(principal.type_name()),
            printable(resource.type_name())
        ));
    }
    match args.format {
        Format::Json => output::print_json(&Answers {
            actions: &actions,
            policy_hash: ward.policy_hash(),
            version: world.version(),
            now: used_now(&context),
        })?,
        Format::Text => output::print(&text(&actions, terminal.palette()))?,
    }
    Ok(Exit::Success)
}

/// Reads a context that serves several actions: each field as an action that knows it reads it.
fn read_context(
    ward: &Ward,
    principal: &EntityUid,
    resource: &EntityUid,
    json: &str,
    now: i64,
) -> Result<BTreeMap<Arc<str>, Value>, Failure> {
    let given: Map<String, serde_json::Value> = serde_json::from_str(json)
        .map_err(|e| Failure::other(format!("--context: not a record in JSON: {e}")))?;
    let applicable = applicable(ward.schema(), principal, resource);
    let mut context = BTreeMap::new();
    for (name, _) in &applicable {
        // Fills `now` for the actions that ask for it.
        context.extend(ward.read_context(name, "{}", now)?);
    }
    for (field, value) in given {
        let Some((name, _)) =
            applicable.iter().find(|(_, action)| action.context.contains_key(field.as_str()))
        else {
            let fields = applicable.iter().flat_map(|(_, action)| action.context.keys());
            let near = suggest::nearest(&field, fields.map(AsRef::as_ref));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(Failure::other(format!("--context: no action here takes a field `{field}`{hint}")));
        };
        let alone = serde_json::Value::Object(Map::from_iter([(field.clone(), value)]));
        let read = ward.read_context(name, &alone.to_string(), now)?;
        context.extend(read.into_iter().filter(|(name, _)| name.as_ref() == field));
    }
    Ok(context)
}

/// The actions for the two types, each with a name that the library knows it by.
fn applicable<'a>(
    schema: &'a Schema,
    principal: &EntityUid,
    resource: &EntityUid,
) -> Vec<(String, &'a caseward::Action)> {
    let types = (schema.type_id(principal.type_name()), schema.type_id(resource.type_name()));
    let (Some(principal), Some(resource)) = types else { return Vec::new() };
    let here = schema
        .actions()
        .iter()
        .filter(|action| action.principals.contains(&principal) && action.resources.contains(&resource));
    here.map(|action| (action.uid.to_string(), action)).collect()
}

fn text(actions: &[ActionAnswer], palette: Palette) -> String {
    let Palette { good, bad, dim, reset } = palette;
    let width = actions.iter().map(|a| a.action.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for ActionAnswer { action, answer, needs } in actions {
        let (mark, why) = match answer {
            None => (format!("{dim}?{reset}"), format!("needs {}", needs.join(", "))),
            Some(answer) => {
                let faults = answer.errors.iter().map(ToString::to_string);
                let policies = answer.policies.iter().map(ToString::to_string);
                let why = faults.chain(policies).collect::<Vec<_>>().join(", ");
                let mark = if answer.is_allowed() {
                    format!("{good}✔{reset}")
                } else {
                    format!("{bad}✘{reset}")
                };
                (mark, why)
            }
        };
        let line = format!("{mark} {action:width$}  {dim}{}{reset}", printable(&why));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}
