//! `caseward view`: what of that record does this person see, and what may they do next?

use std::collections::HashMap;
use std::fmt::Write as _;

use caseward::{ActionQuery, EntityUid, Field, Need, Next, Section, Value, View};
use serde_json::{Value as Json, json};

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::instant;
use crate::output;
use crate::question::{ContextArgs, uid};
use crate::shown::in_a_line as line;
use crate::source::{Source, SourceArgs, Told};
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
    let (is_denied, told) = (view.is_nothing(), view.told().cloned().collect());
    let asked = Told::new("view", json!({"context": args.context.context}));
    source.tell(Told { told, is_denied, ..asked.by(&query.principal).on(&query.resource) })?;
    let content = contents(&source, &view)?;
    match args.format {
        Format::Json => output::print_json(&json(&view, content)?)?,
        Format::Text => output::print(&text(&view, &content, terminal.palette()))?,
    }
    Ok(Exit::Success)
}

/// Content that a view shows, by its entity and name; `None` where the data is no store's.
type Content = Option<HashMap<(EntityUid, String), Json>>;

fn contents(source: &Source, view: &View) -> Result<Content, Failure> {
    let keys: Vec<_> = view.content().map(Field::key).collect();
    let Some(values) = source.contents(keys.clone())? else { return Ok(None) };
    Ok(Some(keys.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect()))
}

fn json(view: &View, content: Content) -> Result<Json, Failure> {
    view.to_json(&content.unwrap_or_default()).map_err(|e| Failure::other(e.to_string()))
}

fn text(view: &View, content: &Content, palette: Palette) -> String {
    let Palette { dim, reset, .. } = palette;
    if view.is_nothing() {
        return format!("{} is not there, or not to be seen\n", line(&view.resource().to_string()));
    }
    let mut text = String::new();
    sections(view.sections(), content, "", palette, &mut text);
    if !view.withheld().is_empty() {
        let _ = writeln!(text, "{dim}withheld: {}{reset}", line(&view.withheld().join(", ")));
    }
    for item in view.items() {
        let _ = writeln!(text, "{}", line(&item.resource.to_string()));
        sections(&item.sections, content, "  ", palette, &mut text);
        next(&item.actions, "  ", &mut text);
    }
    next(view.actions(), "", &mut text);
    text
}

fn sections(sections: &[Section], content: &Content, indent: &str, palette: Palette, text: &mut String) {
    let Palette { dim, reset, .. } = palette;
    for section in sections {
        let _ = writeln!(text, "{indent}{}", line(&section.name));
        for field in &section.fields {
            let value = match (&field.value, content) {
                (Some(value), _) => line(&show(value)),
                (None, Some(content)) if field.content => match content.get(&field.key()) {
                    Some(Json::String(text)) => line(text),
                    Some(other) => line(&other.to_string()),
                    None => format!("{dim}(none){reset}"),
                },
                (None, _) if field.content => format!("{dim}(kept by the service){reset}"),
                (None, _) => format!("{dim}(none){reset}"),
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
