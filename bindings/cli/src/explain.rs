//! `caseward explain`: why, or why not, and what would turn it?

use caseward::Query;
use caseward::TypeName;
use caseward::{EntityUid, Error, Explanation, Request, Sight as _, Ward, World};
use clap::ValueEnum;
use serde_json::json;

use crate::check::decision;
use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::output;
use crate::question::{QuestionArgs, uid};
use crate::source::{SourceArgs, Told};
use crate::terminal::Terminal;

/// Say why a person may or may not do something to a record, and the smallest change that would turn it.
///
/// Without --viewer it tells everything and is for people who write policies or help those who use them. Exit
/// codes as of `check`: 0 is allow, 2 is deny; 1 where the viewer is told nothing of it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    question: QuestionArgs,
    /// Withhold what this person may not see, such as 'User::"u1"'. Of somebody else's request they are told only if
    /// they may see who may do what to the record: what `unlocks` in `fields.toml` names.
    #[arg(long, value_name = "UID", conflicts_with = "plan")]
    viewer: Option<String>,
    /// Show instead what the policies come to for this person and action, on any record of the type.
    #[arg(long, conflicts_with = "format")]
    plan: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How an explanation is shown.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Sentences for people.
    #[default]
    Text,
    /// The conditions as trees: ✔ holds, ✘ does not, ! has no value, ? is open or withheld.
    Tree,
    /// For programs.
    Json,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let source = args.source.open(args.question.question().context)?;
    let ward = &source.ward;
    let request = args.question.question().request(ward, source.now)?;
    let viewer = args.viewer.as_deref().map(|text| uid("--viewer", text)).transpose()?;
    let world = source.world(terminal)?;
    if args.plan {
        return show_plan(ward, &world, &request);
    }
    let (explanation, is_known) = match &viewer {
        None => (Ok(ward.explain(&world, &request)?), world.contains(&request.resource)),
        Some(viewer) => explain_for(ward, &world, &request, viewer)?,
    };
    let asked = json!({
        "principal": request.principal.to_string(), "action": args.question.action,
        "context": args.question.question().context
    });
    // What is not there for the viewer, or is not told them, is a denied look.
    let is_denied = explanation.is_err() || !is_known;
    let told = if is_denied { Vec::new() } else { vec![request.resource.clone()] };
    let told = Told { by: viewer.as_ref(), told, is_denied, ..Told::new("explain", asked) };
    source.tell(told.on(&request.resource))?;
    let explanation = explanation?;
    match args.format {
        Format::Text => output::print(&coloured(&explanation, &explanation.to_string(), terminal))?,
        Format::Tree => output::print(&coloured(&explanation, &explanation.tree(), terminal))?,
        Format::Json => output::print_json(&explanation)?,
    }
    Ok(explanation.answer.decision.into())
}

/// What a viewer is told, if anything, and whether they may know of the record.
fn explain_for(
    ward: &Ward,
    world: &World,
    request: &Request,
    viewer: &EntityUid,
) -> Result<(Result<Explanation, Failure>, bool), Failure> {
    let unknown = |error: Error| {
        let why = "--viewer: nothing says what may be shown to whom under these policies";
        Failure::other(format!("{why}: {error}"))
    };
    let disclosure = ward.disclosure().map_err(unknown)?;
    let sight = ward.viewer(world, viewer, request, &disclosure).map_err(unknown)?;
    let is_known = sight.may_know(&request.resource) && world.contains(&request.resource);
    let told = ward.explain_for(world, request, &sight);
    Ok((told.map_err(|error| Failure::other(format!("--viewer: {error}"))), is_known))
}

fn show_plan(ward: &Ward, world: &World, request: &Request) -> Result<Exit, Failure> {
    let Request { principal, action, resource, context, .. } = request;
    let query = Query::new(principal.clone(), action.clone(), TypeName::new(resource.type_name()));
    let plan = ward.plan_for(world, &query.in_context(context.clone()))?;
    output::print(if plan.is_empty() { "deny: no policy can apply\n" } else { &plan })?;
    Ok(Exit::Success)
}

/// The text with its decision in colour, and nothing that could steer the terminal.
pub(crate) fn coloured(explanation: &Explanation, text: &str, terminal: &Terminal) -> String {
    let decided = explanation.answer.decision;
    let rest = text.strip_prefix(&decided.to_string()).unwrap_or(text);
    format!("{}{}", decision(decided, terminal.palette()), printable(rest))
}
