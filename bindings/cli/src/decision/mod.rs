//! `caseward decision`: what a decision says, and what it shaped.

mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use caseward::author::CaseFile;
use caseward::{Policy, Sources, Ward};
use serde::Serialize;

use crate::cases::{CaseArgs, Suite};
use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, counted, printable};
use crate::terminal::Terminal;
use crate::{input, matrix, output};

/// List the policies, invariants, guarantees, cases and rows of the matrix that a decision shaped.
///
/// Policies, invariants and guarantees carry it in `@decision`; cases name it, or one of its policies decides them. What it says
/// is read from `annotations.toml` beside the policies. Without a decision, all are listed with what they say and their
/// policies, D2 before D10.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The decision, such as D6.
    #[arg(value_name = "DECISION")]
    decision: Option<String>,
    #[command(flatten)]
    cases: CaseArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What one decision shaped.
#[derive(Serialize)]
struct Shaped {
    decision: String,
    /// What it says, where `annotations.toml` has it.
    text: Option<String>,
    policies: Vec<Policy>,
    invariants: Vec<Stated>,
    guarantees: Vec<Stated>,
    /// None where there are no cases to look at: those of the policies that come with the command do not.
    cases: Option<Vec<Named>>,
    matrix: Vec<RowOf>,
}

/// An invariant or a guarantee.
#[derive(Clone, Serialize)]
struct Stated {
    id: String,
    description: String,
    source: String,
}

#[derive(Serialize)]
struct Named {
    file: String,
    line: usize,
    name: String,
    expect: caseward::Decision,
}

#[derive(Serialize)]
struct RowOf {
    resource: String,
    situation: String,
    action: String,
    allowed: Vec<String>,
    forbidden: Vec<String>,
}

pub(crate) fn run(args: &Args, _: &Terminal) -> Result<Exit, Failure> {
    let Some(decision) = &args.decision else { return list(args) };
    // Cases are worth having, not needed: a folder of policies may have none.
    let there = args.cases.paths().iter().map(|path| input::is_there(path)).collect::<Result<Vec<_>, _>>()?;
    let suite = if there.contains(&true) {
        args.cases.load()?
    } else {
        Suite { ward: args.cases.policies.load()?, files: Vec::new() }
    };
    let known = by_decision(&suite.ward);
    let carrying = |claims: &[Claim]| -> Vec<Stated> {
        let all = claims.iter().filter(|claim| claim.decisions.contains(decision));
        all.map(|claim| claim.stated.clone()).collect()
    };
    let [invariants, guarantees] = [
        claims(args, &args.cases.policies.invariants()?)?,
        claims(args, &args.cases.policies.guarantees()?)?,
    ];
    let decided = invariants.iter().chain(&guarantees).flat_map(|claim| &claim.decisions);
    let all: BTreeSet<&str> = known.keys().chain(decided).map(String::as_str).collect();
    if !all.contains(decision.as_str()) {
        let mut all: Vec<&str> = all.into_iter().collect();
        all.sort_by(|a, b| in_order(a).cmp(&in_order(b)));
        return Err(Failure::other(format!(
            "no policy, invariant or guarantee has the decision `{decision}`; there are {}",
            all.join(", ")
        )));
    }
    let policies = known.get(decision.as_str()).cloned().unwrap_or_default();
    let text = texts::read(&args.cases.policies)?.remove(decision);
    let ids: BTreeSet<&str> = policies.iter().map(|policy| policy.id.as_ref()).collect();
    let shaped = Shaped {
        decision: decision.clone(),
        text,
        invariants: carrying(&invariants),
        guarantees: carrying(&guarantees),
        cases: match args.cases.policies.folder() {
            None if suite.files.is_empty() => None,
            _ => Some(cases(&suite, decision, &ids)?),
        },
        matrix: rows(args.cases.policies.folder(), &suite.ward, &ids)?,
        policies: policies.into_iter().cloned().collect(),
    };
    match args.format {
        Format::Text => output::print(&shown(&shaped))?,
        Format::Json => output::print_json(&shaped)?,
    }
    Ok(Exit::Success)
}

/// The order of numbers: D2 before D10.
fn in_order(name: &str) -> (&str, u64, &str) {
    let start = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let (letters, rest) = name.split_at(start);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    (letters, digits.parse().unwrap_or(u64::MAX), rest)
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

fn by_decision(ward: &Ward) -> BTreeMap<String, Vec<&Policy>> {
    let mut known: BTreeMap<String, Vec<&Policy>> = BTreeMap::new();
    for policy in ward.policies() {
        for decision in policy.decisions() {
            known.entry(decision.to_owned()).or_default().push(policy);
        }
    }
    known
}

fn list(args: &Args) -> Result<Exit, Failure> {
    let ward = args.cases.policies.load()?;
    let known = by_decision(&ward);
    let mut texts = texts::read(&args.cases.policies)?;
    let mut all: Vec<Listed> = Vec::new();
    for (decision, policies) in known {
        let text = texts.remove(&decision);
        all.push(Listed { decision, text, policies: policies.iter().map(|p| p.id.to_string()).collect() });
    }
    // What no policy of the folder carries is a decision all the same.
    all.extend(texts.into_iter().map(|(decision, text)| Listed {
        decision,
        text: Some(text),
        policies: Vec::new(),
    }));
    all.sort_by(|a, b| in_order(&a.decision).cmp(&in_order(&b.decision)));
    if args.format == Format::Json {
        output::print_json(&all)?;
        return Ok(Exit::Success);
    }
    let mut out = String::new();
    for Listed { decision, text, policies } in all {
        let policies = policies.join(", ");
        match text {
            None => {
                let _ = writeln!(out, "{decision:<4} {policies}");
            }
            Some(text) => {
                let _ = writeln!(out, "{decision:<4} {}", text.replace('\n', "\n     "));
                if !policies.is_empty() {
                    let _ = writeln!(out, "     {policies}");
                }
            }
        }
    }
    output::print(&printable(&out))?;
    Ok(Exit::Success)
}

/// A decision among all.
#[derive(Serialize)]
struct Listed {
    decision: String,
    text: Option<String>,
    policies: Vec<String>,
}

/// An invariant or a guarantee with the decisions that it carries.
struct Claim {
    decisions: BTreeSet<String>,
    stated: Stated,
}

/// The invariants or the guarantees beside the policies.
fn claims(args: &Args, sources: &Sources) -> Result<Vec<Claim>, Failure> {
    let mut found = Vec::new();
    for source in &sources.policies {
        for claim in Sources::annotations(source)? {
            let of = |name: &str| claim.get(name).map(ToString::to_string).unwrap_or_default();
            let decisions =
                names(&of("decision")).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let (id, description) = (of("id"), of("description"));
            let stated = Stated { id, description, source: args.cases.policies.shown(source) };
            found.push(Claim { decisions, stated });
        }
    }
    Ok(found)
}

/// Cases that name the decision or that one of its policies decides.
fn cases(suite: &Suite, decision: &str, ids: &BTreeSet<&str>) -> Result<Vec<Named>, Failure> {
    let mut found = Vec::new();
    let names_it = |name: &str| name.split(|c: char| !c.is_alphanumeric()).any(|word| word == decision);
    for file in &suite.files {
        for case in &file.cases {
            let answer = suite.ward.check(&case.world, &case.request)?;
            if names_it(&case.name) || answer.policies.iter().any(|id| ids.contains(id.as_ref())) {
                found.push(Named {
                    file: file.name.clone(),
                    line: CaseFile::line(file, case.span.start),
                    name: case.name.clone(),
                    expect: case.expect,
                });
            }
        }
    }
    Ok(found)
}

/// Rows of the matrix with an answer that one of the policies decides; none for another domain.
fn rows(folder: Option<&Path>, ward: &Ward, ids: &BTreeSet<&str>) -> Result<Vec<RowOf>, Failure> {
    let mut found = Vec::new();
    let Some(matrix) = matrix::decide(folder, ward)? else { return Ok(found) };
    for row in matrix.rows() {
        let of = |allowed: bool| {
            let decided = row.marks.iter().filter(|mark| mark.allowed == allowed);
            let decided = decided.filter(|mark| mark.policies.iter().any(|id| ids.contains(id.as_ref())));
            decided.map(|mark| mark.role.to_owned()).collect::<Vec<_>>()
        };
        let (allowed, forbidden) = (of(true), of(false));
        if !allowed.is_empty() || !forbidden.is_empty() {
            let (resource, situation) = (row.resource.to_owned(), row.situation.to_owned());
            found.push(RowOf { resource, situation, action: row.action.to_owned(), allowed, forbidden });
        }
    }
    Ok(found)
}

fn shown(shaped: &Shaped) -> String {
    let mut out = format!("{}\n", shaped.decision);
    if let Some(text) = &shaped.text {
        let _ = writeln!(out, "{text}");
    }
    let _ = writeln!(out, "\npolicies ({})", shaped.policies.len());
    for policy in &shaped.policies {
        let description = policy.description.as_deref().unwrap_or_default();
        let _ = writeln!(out, "  {}  {description}", policy.id);
    }
    for (title, all) in [("invariants", &shaped.invariants), ("guarantees", &shaped.guarantees)] {
        let _ = writeln!(out, "\n{title} ({})", all.len());
        for stated in all {
            let _ = writeln!(out, "  {}  {}", stated.id, stated.description);
        }
    }
    let _ = match &shaped.cases {
        Some(cases) => writeln!(out, "\ncases ({})", cases.len()),
        None => writeln!(
            out,
            "\ncases: not looked at, since those of these policies do not come with the command; --policies names a \
             folder that has them"
        ),
    };
    for case in shaped.cases.iter().flatten() {
        let _ = writeln!(out, "  {}:{}  {} ({})", case.file, case.line, case.name, case.expect);
    }
    let _ = writeln!(out, "\n{} of the matrix", counted(shaped.matrix.len(), "row"));
    for row in &shaped.matrix {
        let _ = write!(out, "  {}: {}: {}", row.resource, row.situation, row.action);
        for (mark, roles) in [("✔", &row.allowed), ("✘", &row.forbidden)] {
            if !roles.is_empty() {
                let _ = write!(out, " {mark} {}", roles.join(" "));
            }
        }
        out.push('\n');
    }
    printable(&out)
}
