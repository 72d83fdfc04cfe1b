//! `caseward explain`: why, or why not?

use std::fmt::Write as _;

use caseward::{Effect, Explanation, Reason, Request, Ward, World};

use crate::check::{Format, decision, headline};
use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::instant::NowArgs;
use crate::load::{DataArgs, PolicyArgs};
use crate::output;
use crate::question::{QuestionArgs, note_unknown_types};
use crate::report::Report;
use crate::terminal::{Palette, Terminal};

/// Say why a person may or may not do something to a record.
///
/// It tells everything and is for people who write policies or help those who use them. Exit codes as
/// of `check`: 0 is allow, 2 is deny.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    question: QuestionArgs,
    #[command(flatten)]
    now: NowArgs,
    /// Show instead what the policies come to for this person and action, on any record of the type.
    #[arg(long, conflicts_with = "format")]
    plan: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let now = args.now.ms();
    let ward = args.policies.load()?;
    let request = args.question.question().request(&ward, now)?;
    let world = args.data.load(&ward, terminal)?;
    if args.plan {
        return show_plan(&ward, &world, &request);
    }
    let explanation = ward.explain(&world, &request)?;
    note_unknown_types(&ward, &[&request.principal, &request.resource], terminal);
    let shown = match args.format {
        Format::Text => output::print(&text(&ward, &explanation, terminal)),
        Format::Json => output::print_json(&explanation),
    };
    match shown {
        Ok(()) | Err(Failure::Closed) => Ok(explanation.answer.decision.into()),
        Err(failure) => Err(failure),
    }
}

fn show_plan(ward: &Ward, world: &World, request: &Request) -> Result<Exit, Failure> {
    let plan = ward.plan_for(
        world,
        &request.principal,
        &request.action,
        request.resource.type_name(),
        &request.context,
    )?;
    output::print(if plan.is_empty() { "deny: no policy can apply\n" } else { &plan })?;
    Ok(Exit::Success)
}

pub(crate) fn text(ward: &Ward, explanation: &Explanation, terminal: &Terminal) -> String {
    let Explanation { answer, deciding, nearest } = explanation;
    let palette = terminal.palette();
    let mut out = format!("{}\n", decision(answer.decision, palette));
    for fault in &answer.errors {
        let _ = writeln!(out, "  {}", printable(&fault.to_string()));
    }
    for reason in deciding {
        decided(&mut out, ward, reason, palette);
    }
    if answer.errors.is_empty() && deciding.is_empty() {
        out.push_str("  no policy permits it\n");
    }
    // Where an error denies, the permits are not what is to be looked at.
    if answer.errors.is_empty() && !nearest.is_empty() {
        out.push_str("\nthe permits that came nearest, each with the condition that failed:\n\n");
        for reason in nearest {
            out.push_str(&failed(ward, reason, terminal));
            out.push('\n');
        }
    }
    out
}

/// A policy that decided, with what it asked and found so.
fn decided(out: &mut String, ward: &Ward, reason: &Reason, palette: Palette) {
    let Palette { good, bad, dim, reset } = palette;
    let (colour, verb) = match reason.policy.effect {
        Effect::Permit => (good, "permitted by"),
        Effect::Forbid => (bad, "forbidden by"),
    };
    let _ = writeln!(out, "  {colour}{verb}{reset} {}", headline(ward, &reason.policy.id));
    let mut last = None;
    for condition in &reason.conditions {
        let asked = match (&condition.name, condition.negated) {
            (Some(name), true) => format!("not so: {name}"),
            (Some(name), false) => name.clone(),
            (None, _) => one_line(&condition.text),
        };
        // A clause of several terms has one name; it is said once.
        if last.as_ref() != Some(&asked) {
            let _ = writeln!(out, "    {dim}✔ {}{reset}", printable(&asked));
        }
        last = Some(asked);
    }
}

/// A permit that came near, with the place in its text where it failed.
fn failed(ward: &Ward, reason: &Reason, terminal: &Terminal) -> String {
    let headline = headline(ward, &reason.policy.id);
    let Some(condition) = reason.failed() else {
        return format!("  {headline}\n    its head does not match\n");
    };
    let here = match (&condition.error, &condition.name) {
        (Some(error), _) => format!("could not be evaluated: {error}"),
        (None, Some(name)) if condition.negated => format!("but it is so: {name}"),
        (None, Some(name)) => format!("not so: {name}"),
        (None, None) => "this fails".to_owned(),
    };
    match ward.source(&reason.policy.id) {
        Some(source) => {
            Report::advice(headline, source, &condition.span, printable(&here)).draw(&terminal.drawer_out())
        }
        None => format!("  {headline}\n    {}: {}\n", printable(&here), one_line(&condition.text)),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
