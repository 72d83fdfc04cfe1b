//! `caseward actions`: what may this person do to that record?

use std::fmt::Write as _;

use caseward::ActionAnswer;
use caseward::ActionQuery;
use serde::Serialize;

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::instant;
use crate::output;
use crate::question::{ContextArgs, uid};
use crate::source::SourceArgs;
use crate::terminal::{Palette, Terminal};
use crate::view::need;

/// Say of every action whether a person may do it to a record.
///
/// Actions whose context asks for more than --context gives are shown with what they need. It tells a denied record from
/// one that is not there: it is for a trusted caller. What a person may do next is shown to them by `view`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Who asks, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    principal: String,
    /// The record, such as 'Case::"c1"'.
    #[arg(long, value_name = "UID")]
    resource: String,
    #[command(flatten)]
    context: ContextArgs,
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
    let source = args.source.open(&args.context.context)?;
    let ward = &source.ward;
    let principal = uid("--principal", &args.principal)?;
    let resource = uid("--resource", &args.resource)?;
    let context = args.context.for_both(ward, (&principal, &resource), source.now)?;
    let world = source.world(terminal)?;
    let query = ActionQuery::new(principal, resource).in_context(context);
    let actions = ward.actions(&world, &query)?;
    let schema = ward.schema();
    let takes_now =
        actions.iter().filter_map(|one| schema.action(&one.action)).find(|action| action.takes_now());
    if actions.is_empty() {
        terminal.note(&format!(
            "no action is for a {} on a {}",
            printable(query.principal.type_name()),
            printable(query.resource.type_name())
        ));
    }
    match args.format {
        Format::Json => output::print_json(&Answers {
            actions: &actions,
            policy_hash: ward.policy_hash(),
            version: world.version(),
            now: takes_now.and(query.context.now()).and_then(instant::show),
        })?,
        Format::Text => output::print(&text(&actions, terminal.palette()))?,
    }
    Ok(Exit::Success)
}

fn text(actions: &[ActionAnswer], palette: Palette) -> String {
    let Palette { good, bad, dim, reset } = palette;
    let width = actions.iter().map(|a| a.action.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for ActionAnswer { action, answer, needs } in actions {
        let (mark, why) = match answer {
            None => (
                format!("{dim}?{reset}"),
                format!("needs {}", needs.iter().map(need).collect::<Vec<_>>().join(", ")),
            ),
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
