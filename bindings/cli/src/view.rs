//! `caseward view`: what of that record does this person see, and what may they do next?

use std::fmt::Write as _;

use caseward::ActionQuery;
use caseward::{Need, Next, Section, Value, View};
use serde_json::json;

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::instant;
use crate::output;
use crate::question::{ContextArgs, uid};
use crate::shown::in_a_line as line;
use crate::source::{SourceArgs, Told};
use crate::terminal::{Palette, Terminal};

/// Show what of a record a person sees: sections with their fields, entries, and the actions to take next.
///
/// A record that they may not know of looks like one that is not there.
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

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let source = args.source.open(&args.context.context)?;
    let ward = &source.ward;
    let (principal, resource) = (uid("--principal", &args.principal)?, uid("--resource", &args.resource)?);
    let context = args.context.for_both(ward, (&principal, &resource), source.now)?;
    let world = source.world(terminal)?;
    let query = ActionQuery::new(principal, resource).in_context(context);
    let view = ward.view(&world, &query)?;
    let is_denied = is_nothing(&view);
    let shown = std::iter::once(view.resource()).chain(view.items().iter().map(|item| &item.resource));
    let told = if is_denied { Vec::new() } else { shown.cloned().collect() };
    let asked = Told::new("view", json!({"context": args.context.context}));
    source.tell(Told { told, is_denied, ..asked.by(&query.principal).on(&query.resource) })?;
    match args.format {
        Format::Json => output::print_json(&view)?,
        Format::Text => output::print(&text(&view, terminal.palette()))?,
    }
    Ok(Exit::Success)
}

/// Whether the person sees nothing of it: it is not there, or not to be seen.
fn is_nothing(view: &View) -> bool {
    view.sections().is_empty() && view.withheld().is_empty()
}

fn text(view: &View, palette: Palette) -> String {
    let Palette { dim, reset, .. } = palette;
    if is_nothing(view) {
        return format!("{} is not there, or not to be seen\n", line(&view.resource().to_string()));
    }
    let mut text = String::new();
    sections(view.sections(), "", palette, &mut text);
    if !view.withheld().is_empty() {
        let _ = writeln!(text, "{dim}withheld: {}{reset}", line(&view.withheld().join(", ")));
    }
    for item in view.items() {
        let _ = writeln!(text, "{}", line(&item.resource.to_string()));
        sections(&item.sections, "  ", palette, &mut text);
        next(&item.actions, "  ", &mut text);
    }
    next(view.actions(), "", &mut text);
    text
}

fn sections(sections: &[Section], indent: &str, palette: Palette, text: &mut String) {
    let Palette { dim, reset, .. } = palette;
    for section in sections {
        let _ = writeln!(text, "{indent}{}", line(&section.name));
        for field in &section.fields {
            let value = match &field.value {
                Some(value) => line(&show(value)),
                None if field.content => format!("{dim}(kept by the service){reset}"),
                None => format!("{dim}(none){reset}"),
            };
            let _ = writeln!(text, "{indent}  {}: {value}", line(&field.name));
        }
    }
}

fn next(actions: &[Next], indent: &str, text: &mut String) {
    if actions.is_empty() {
        return;
    }
    let named = |next: &Next| match next.needs.as_slice() {
        [] => next.action.to_string(),
        needs => format!("{} ({})", next.action, needs.iter().map(need).collect::<Vec<_>>().join(", ")),
    };
    let all: Vec<String> = actions.iter().map(named).collect();
    let _ = writeln!(text, "{indent}may: {}", line(&all.join(", ")));
}

/// A field with the values that allow it, where they are known.
pub(crate) fn need(need: &Need) -> String {
    let optional = if need.required { "" } else { "?" };
    match &need.values {
        None => format!("{}{optional}", need.field),
        Some(values) => {
            let values = values.iter().map(|value| serde_json::to_string(value).unwrap_or_default());
            format!("{}{optional} = {}", need.field, values.collect::<Vec<_>>().join(" or "))
        }
    }
}

/// A value for people; sets and records in Cedar's JSON.
fn show(value: &Value) -> String {
    let shown = match value {
        Value::Entity(uid) => Some(uid.to_string()),
        Value::Datetime(ms) => instant::show(*ms),
        _ => None,
    };
    shown.unwrap_or_else(|| serde_json::to_string(value).unwrap_or_default())
}
