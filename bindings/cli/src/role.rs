//! `caseward role`: what does a role let somebody do?

use std::fmt::Write as _;

use caseward::author::{Role, Rule};

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::load::PolicyArgs;
use crate::output;
use crate::terminal::Terminal;

/// Say what a role lets somebody do, with what must hold, and what forbids it.
///
/// It is read off the policies, not tried on data: what the role opens alone, and what nobody may do without it. A
/// role is an attribute of people that is a set of entities, such as officeSupportAt, or an optional reference; where
/// the schema lists the entities, each is one, as ministryTeams:privacy. Without a role, all are listed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The role, such as officeSupportAt or ministryTeams:privacy.
    #[arg(value_name = "ROLE")]
    role: Option<String>,
    #[command(flatten)]
    policies: PolicyArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, _: &Terminal) -> Result<Exit, Failure> {
    let ward = args.policies.load()?;
    let Some(role) = &args.role else {
        let all = ward.roles();
        match args.format {
            Format::Text => {
                output::print(&printable(&all.iter().map(|name| format!("{name}\n")).collect::<String>()))?
            }
            Format::Json => output::print_json(&all)?,
        }
        return Ok(Exit::Success);
    };
    let role = ward.role(role)?;
    match args.format {
        Format::Text => output::print(&printable(&text(&role)))?,
        Format::Json => output::print_json(&role)?,
    }
    Ok(Exit::Success)
}

fn text(role: &Role) -> String {
    let element = role.element.as_ref().map_or_else(String::new, |element| format!(": {element}"));
    let mut out = format!("{} of a {}{element}\n", role.attribute, role.ty);
    if role.may.is_empty() {
        out.push_str("\nopens nothing: no policy asks for it\n");
    }
    rules(&role.may, "may", &mut out);
    rules(&role.never, "never", &mut out);
    out
}

/// Policies by the type of the record: the actions, what the policy says, and what must hold.
fn rules(rules: &[Rule], word: &str, out: &mut String) {
    let mut last = None;
    for rule in rules {
        if last != Some(&rule.resource) {
            let _ = writeln!(out, "\n{word}, on a {}", rule.resource);
        }
        last = Some(&rule.resource);
        let _ = writeln!(out, "  {}", rule.actions.join(", "));
        let name = rule.policy.rule.as_deref().unwrap_or(&rule.policy.id);
        let description =
            rule.policy.description.as_deref().map_or_else(String::new, |text| format!(": {text}"));
        let _ = writeln!(out, "    {name} ({}){description}", rule.policy.id);
        if !rule.gates.is_empty() {
            let _ = writeln!(out, "    gates: {}", rule.gates.join(", "));
        }
        for condition in &rule.when {
            let _ = writeln!(out, "    - {condition}");
        }
    }
}
