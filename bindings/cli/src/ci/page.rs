//! The page for who signs a change off.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use caseward::{Effect, Policy, Sources, Ward};

use super::inputs::patch;
use super::{Change, Step};
use crate::exit::Exit;
use crate::failure::printable;
use crate::git;

/// The page.
pub(super) fn page(change: &Change<'_>, steps: &[Step]) -> String {
    let mut out = String::from("# The policies, for who signs them off\n\n");
    let open: Vec<&Step> = steps.iter().filter(|step| step.exit != Exit::Success).collect();
    let _ = match open.as_slice() {
        [] => writeln!(out, "Everything that was checked is as it should be.\n"),
        open => {
            let names: Vec<&str> = open.iter().map(|step| step.name).collect();
            writeln!(out, "**Not to be signed off as it is:** see {}.\n", names.join(", "))
        }
    };
    if let (Some(base), Some(name)) = (&change.base, &change.args.base) {
        let _ = writeln!(out, "## What is changed since `{}`\n", printable(name));
        out.push_str(&versions(change));
        let _ = writeln!(out, "### Policies\n");
        out.push_str(&rules(base, change));
        if let Some(inputs) = &change.inputs {
            out.push_str(&inputs.markdown(change.expected.as_ref()));
        }
    }
    out.push_str("## What was checked\n\n| | |\n|---|---|\n");
    for step in steps {
        let mark = if step.exit == Exit::Success { "✔" } else { "✘" };
        let _ = writeln!(out, "| {mark} {} | {} |", step.name, step.said.replace('|', "\\|"));
    }
    if change.args.mutants == 0 {
        let _ = writeln!(out, "| – mutants | not tried: `--mutants 0` |");
    }
    out.push('\n');
    for step in steps.iter().filter(|step| !step.details.is_empty()) {
        let title = match step.name {
            "changes" => "Who is affected",
            "inputs" => "Protections that are changed and not announced",
            "proofs" => "What is proved of every request and all data",
            "layout" => "Layout",
            "validation" => "Validation",
            "lints" => "What is valid and probably not meant",
            "cases" => "Cases that come out otherwise",
            "coverage" => "Conditions that no case sees decide",
            _ => "Changes that no case notices",
        };
        // A page of its own becomes a part of this one.
        let details = step.details.replace("\n### ", "\n##### ").replace("\n## ", "\n#### ");
        let details = details.strip_prefix("# ").map_or(details.clone(), |rest| format!("### {rest}"));
        let _ = writeln!(out, "## {title}\n\n{}\n", details.trim_end());
    }
    out
}

/// The rules whose policies were changed, each with its effect and what it says now and said before.
fn rules(base: &Sources, change: &Change<'_>) -> String {
    let (schema, policies) = (change.sources.schema.clone(), base.policies.clone());
    let old_sources = Sources { schema, policies, catalogue: None };
    let Ok(old) = Ward::new(&old_sources) else {
        return "The earlier policies cannot be read under the schema of now.\n\n".to_owned();
    };
    let new = &change.suite.ward;
    let by_id = |ward: &Ward| -> BTreeMap<Arc<str>, Policy> {
        ward.policies().iter().map(|policy| (policy.id.clone(), policy.clone())).collect()
    };
    let (before, after) = (by_id(&old), by_id(new));
    let ids: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut out = String::from("| rule | effect | | what it says |\n|---|---|---|---|\n");
    let (mut any, mut patches) = (false, String::new());
    for id in ids {
        let what = match (before.get(id), after.get(id)) {
            (Some(_), None) => "taken out",
            (None, Some(_)) => "new",
            _ if old.source(id).map(|s| &s.text) == new.source(id).map(|s| &s.text) => continue,
            _ => "rewritten",
        };
        let Some(policy) = after.get(id).or_else(|| before.get(id)) else { continue };
        any = true;
        let text = |ward: &Ward| ward.source(id).map(|source| source.text.clone());
        patches.push_str(&patch(id, text(&old).as_deref(), text(new).as_deref()));
        patches.push('\n');
        let effect = if policy.effect == Effect::Permit { "allows" } else { "denies" };
        let said = |policy: Option<&Policy>| policy.and_then(|p| p.description.as_deref().map(printable));
        let now = said(Some(policy)).unwrap_or_default();
        let was = said(before.get(id)).filter(|was| *was != now);
        let was = was.map_or_else(String::new, |was| format!(" (It said: {was})"));
        let rule = policy.rule.as_deref().unwrap_or("—");
        let _ = writeln!(
            out,
            "| {} `{}` | {effect} | {what} | {} |",
            printable(rule),
            printable(id),
            format!("{now}{was}").replace('|', "\\|")
        );
    }
    if any { format!("{out}\n{patches}") } else { "No policy is changed.\n\n".to_owned() }
}

/// Which versions were compared: commits, and hashes of what was read.
fn versions(change: &Change<'_>) -> String {
    let mut out = String::new();
    if let Some(tree) = &change.base_tree {
        let commit = tree.commit.as_deref().map_or_else(String::new, |commit| format!("commit `{commit}`, "));
        let _ = writeln!(out, "- before: {commit}all files `sha256:{}`", tree.hash());
    }
    let folder = change.folder;
    let head = git::git(folder, ["rev-parse", "HEAD"]).ok();
    let head = head.map(|head| String::from_utf8_lossy(&head).trim().to_owned());
    let dirty = git::git(folder, ["status", "--porcelain", "--", "."]).is_ok_and(|status| !status.is_empty());
    let head = head.map_or_else(String::new, |head| {
        let more = if dirty { " and what is not committed" } else { "" };
        format!("commit `{head}`{more}, ")
    });
    let all = change.tree.hash();
    let hash = change.suite.ward.policy_hash();
    let _ = writeln!(
        out,
        "- now: {head}all files `sha256:{all}`; answers carry the hash `{hash}` of schema, policies and catalogue\n"
    );
    out
}
