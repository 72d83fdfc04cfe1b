//! Coverage beside the policies' text.

use std::fmt::Write as _;

use caseward::Ward;
use caseward::author::{ConditionCoverage, Coverage, PolicyCoverage};

use super::{lines, percent};
use crate::failure::printable;
use crate::terminal::{Palette, Terminal};

pub(super) fn text(ward: &Ward, coverage: &Coverage, all: bool, terminal: &Terminal) -> String {
    let palette = terminal.palette();
    let mut out = String::new();
    for policy in &coverage.policies {
        let (covered, sides) = policy.sides();
        if all || covered < sides {
            show(&mut out, ward, policy, palette);
        }
    }
    let (covered, sides) = coverage.sides();
    let conditions: usize = coverage.policies.iter().map(|policy| policy.conditions.len()).sum();
    let unreachable = coverage.policies.iter().flat_map(|policy| &policy.conditions);
    let unreachable = unreachable.flat_map(|c| [&c.when_true, &c.when_false]);
    let unreachable = unreachable.filter(|side| side.unreachable.is_some()).count();
    let _ = writeln!(
        out,
        "{:.1} % covered: {covered} of {sides}, {conditions} conditions in {} policies, {unreachable} \
         said to be unreachable",
        percent((covered, sides)),
        coverage.policies.len()
    );
    out
}

fn show(out: &mut String, ward: &Ward, policy: &PolicyCoverage, palette: Palette) {
    let Palette { good, bad, dim, reset } = palette;
    let (covered, sides) = policy.sides();
    let id = &policy.policy.id;
    let _ = writeln!(
        out,
        "{} ({id}): {covered} of {sides}, matched {} times, held {}",
        printable(&policy.policy.source),
        policy.asked,
        policy.held
    );
    for (number, start, line) in lines(ward, id) {
        let here: Vec<&ConditionCoverage> = policy
            .conditions
            .iter()
            .filter(|condition| (start..start + line.len() + 1).contains(&condition.span.start))
            .collect();
        let mark = match here.iter().map(|c| missing(c).len()).max() {
            None => " ".to_owned(),
            Some(0) => format!("{good}✔{reset}"),
            Some(_) => format!("{bad}✘{reset}"),
        };
        let _ = writeln!(out, "{dim}{number:>5}{reset} {mark} {}", printable(&line));
        for condition in here {
            for side in missing(condition) {
                let seen = condition.side(side).seen;
                let told = if seen == 0 {
                    format!("never seen being {side}")
                } else {
                    format!("seen being {side} {seen} times, and never decided by it")
                };
                let text = condition.text.split_whitespace().collect::<Vec<_>>().join(" ");
                let _ = writeln!(out, "      {bad}✘{reset} `{}`: {told}", printable(&text));
            }
        }
    }
    out.push('\n');
}

/// The values by which the condition is still to decide.
fn missing(condition: &ConditionCoverage) -> Vec<bool> {
    [true, false].into_iter().filter(|&value| !condition.side(value).is_covered()).collect()
}
