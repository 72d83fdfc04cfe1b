//! `caseward docs`: the rules and their decision tables as Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use caseward::matrix::{Mark, Matrix, Row};
use caseward::{Effect, Policy, Ward};

use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::load::PolicyArgs;
use crate::terminal::Terminal;
use crate::written::{CheckArgs, Telling};
use crate::{matrix, output, progress};

/// Write the rules and the decision tables as Markdown: role × action × situation, with rules and policies.
///
/// With --check the text is compared with a file, and every difference ends with exit code 4.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    written: CheckArgs,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let ward = args.policies.load()?;
    let before = args.written.read()?;
    let spinner = progress::spinner(terminal, "deciding");
    let matrix = matrix::decide(args.policies.folder(), &ward);
    spinner.finish_and_clear();
    // As it is printed, which is what a file holds.
    let text = printable(&markdown(&ward, matrix?.as_ref()));
    let Some(before) = before else {
        output::print(&text)?;
        return Ok(Exit::Success);
    };
    let what = "is not what the policies say; `caseward docs` writes it anew";
    before.compare(&text, &Telling { context: 1, what, exit: Exit::Unmet })
}

/// The whole text.
pub(crate) fn markdown(ward: &Ward, matrix: Option<&Matrix>) -> String {
    let mut out = format!("{TITLE}\n\n{MADE}\n");
    rules(&mut out, ward);
    match matrix {
        Some(matrix) => tables(&mut out, ward, matrix),
        None => {
            out.push_str("\nNo `matrix.toml` names people and situations, so there are none to decide.\n")
        }
    }
    out
}

/// The page in a policy folder.
pub(crate) const FILE: &str = "RULES.md";
/// What every page says that was made here.
pub(crate) const MADE: &str = "<!-- Made by `caseward docs` from the policies; edit those. -->";
const TITLE: &str = "# The rules and what they come to";

fn rules(out: &mut String, ward: &Ward) {
    let mut by_topic: BTreeMap<&str, Vec<&Policy>> = BTreeMap::new();
    for policy in ward.policies() {
        by_topic.entry(policy.id.split('.').next().unwrap_or_default()).or_default().push(policy);
    }
    for (topic, policies) in by_topic {
        let _ = write!(out, "\n## {topic}\n\n| rule | policy | says | on | source | decisions, gates |\n");
        out.push_str("|---|---|---|---|---|---|\n");
        for policy in policies {
            let annotation = |name: &str| policy.annotations.get(name).map_or("", AsRef::as_ref);
            let effect = if policy.effect == Effect::Forbid { "**never:** " } else { "" };
            let decisions: Vec<&str> = [annotation("decision"), annotation("gate")]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect();
            let _ = writeln!(
                out,
                "| {} | `{}` | {effect}{} | {} | {} | {} |",
                cell(policy.rule.as_deref().unwrap_or_default()),
                cell(&policy.id),
                cell(policy.description.as_deref().unwrap_or_default()),
                cell(&reach(ward, &policy.id)),
                cell(annotation("source")),
                cell(&decisions.join(", "))
            );
        }
    }
}

/// The actions that a policy applies to, by type.
fn reach(ward: &Ward, id: &str) -> String {
    let all: BTreeMap<&str, usize> = ward
        .schema()
        .entity_types()
        .iter()
        .map(|ty| (ty.name.as_ref(), actions_on(ward, &ty.name)))
        .collect();
    let parts = ward.reach(id).into_iter().map(|(ty, actions)| {
        let every = all.get(ty.as_ref()) == Some(&actions.len()) && actions.len() > 1;
        let names: Vec<&str> = actions.iter().map(AsRef::as_ref).collect();
        format!("{ty}: {}", if every { "every action".to_owned() } else { names.join(", ") })
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn actions_on(ward: &Ward, ty: &str) -> usize {
    let Some(ty) = ward.schema().type_id(ty) else { return 0 };
    ward.schema().actions().iter().filter(|action| action.resources.contains(&ty)).count()
}

fn tables(out: &mut String, ward: &Ward, matrix: &Matrix) {
    out.push_str("\n# Decisions\n\nEach answer is that of one check, with the rules that decide it.\n\n| | role |\n|---|---|\n");
    for (heading, legend) in matrix.roles() {
        let _ = writeln!(out, "| {} | {} |", cell(heading), cell(legend));
    }
    let rows: Vec<Row<'_>> = matrix.rows().collect();
    for block in rows.chunk_by(|a, b| (a.resource, a.situation) == (b.resource, b.situation)) {
        let Some(first) = block.first() else { continue };
        let _ = write!(out, "\n## {}: {}\n\n", first.resource, first.situation);
        let (nobody, somebody): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
            block.iter().partition(|row| row.marks.iter().all(|mark| !mark.allowed));
        if !somebody.is_empty() {
            out.push_str("| action | may, by rule | may not, by rule |\n|---|---|---|\n");
        }
        for row in somebody {
            let (may, not) = (told(ward, row, true), told(ward, row, false));
            let _ = writeln!(out, "| {} | {may} | {not} |", cell(row.action));
        }
        if !nobody.is_empty() {
            let names: Vec<&str> = nobody.iter().map(|row| row.action).collect();
            let _ = writeln!(out, "\nNobody: {}.", names.join(", "));
        }
    }
}

/// Roles by the rules that decide for them: `S1: AL OS; P1: WL`. A denial that nothing permits has no rule.
fn told(ward: &Ward, row: &Row<'_>, allowed: bool) -> String {
    let mut by_rule: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for mark in row.marks.iter().filter(|mark| mark.allowed == allowed && !mark.policies.is_empty()) {
        by_rule.entry(rules_of(ward, mark)).or_default().push(mark.role);
    }
    let parts = by_rule.into_iter().map(|(rules, roles)| format!("{rules}: {}", roles.join(" ")));
    cell(&parts.collect::<Vec<_>>().join("; "))
}

fn rules_of(ward: &Ward, mark: &Mark<'_>) -> String {
    let rule = |id: &str| ward.policy(id).and_then(|policy| policy.rule.clone()).unwrap_or_else(|| id.into());
    let rules: BTreeSet<_> = mark.policies.iter().map(|id| rule(id)).collect();
    rules.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ")
}

/// The text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace(['\n', '\r'], " ")
}
