//! Coverage in the form of lcov: a line for each that holds a condition, a branch for each side.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use caseward::Ward;
use caseward::author::{ConditionCoverage, Coverage, PolicyCoverage};

use super::lines;

pub(super) fn lcov(ward: &Ward, coverage: &Coverage, folder: Option<&Path>) -> String {
    let mut out = String::new();
    let mut by_source: BTreeMap<&str, Vec<&PolicyCoverage>> = BTreeMap::new();
    for policy in &coverage.policies {
        by_source.entry(&policy.policy.source).or_default().push(policy);
    }
    for (source, policies) in by_source {
        let path = folder.map_or_else(|| source.to_owned(), |f| f.join(source).display().to_string());
        let _ = writeln!(out, "TN:\nSF:{}", path.replace(['\n', '\r'], " "));
        record(&mut out, ward, &policies);
        out.push_str("end_of_record\n");
    }
    out
}

fn record(out: &mut String, ward: &Ward, policies: &[&PolicyCoverage]) {
    let (mut hits, mut branches): (BTreeMap<usize, usize>, Vec<String>) = Default::default();
    let (mut found, mut hit) = (0, 0);
    for policy in policies {
        let lines = lines(ward, &policy.policy.id);
        let line_of =
            |at: usize| lines.iter().rev().find(|(_, start, _)| *start <= at).map_or(1, |line| line.0);
        let text = ward.source(&policy.policy.id).map(|source| source.text.clone()).unwrap_or_default();
        let head = ["permit", "forbid"].iter().filter_map(|effect| text.find(&format!("{effect} ("))).min();
        let head = line_of(head.unwrap_or(0));
        let _ = writeln!(out, "FN:{head},{id}\nFNDA:{},{id}", policy.asked, id = policy.policy.id);
        hits.insert(head, policy.asked);
        for (block, condition) in policy.conditions.iter().enumerate() {
            let line = line_of(condition.span.start);
            let reached = condition.when_true.seen + condition.when_false.seen;
            let slot = hits.entry(line).or_default();
            *slot = (*slot).max(reached);
            for (branch, taken) in sides(condition).into_iter().enumerate() {
                let taken_or_not = if reached == 0 { "-".to_owned() } else { taken.to_string() };
                branches.push(format!("BRDA:{line},{block},{branch},{taken_or_not}"));
                found += 1;
                hit += usize::from(taken > 0);
            }
        }
    }
    let called = policies.iter().filter(|policy| policy.asked > 0).count();
    let _ = writeln!(out, "FNF:{}\nFNH:{called}", policies.len());
    for branch in branches {
        let _ = writeln!(out, "{branch}");
    }
    let _ = writeln!(out, "BRF:{found}\nBRH:{hit}");
    for (line, times) in &hits {
        let _ = writeln!(out, "DA:{line},{times}");
    }
    let _ = writeln!(out, "LF:{}\nLH:{}", hits.len(), hits.values().filter(|times| **times > 0).count());
}

/// How often the condition decided, by being true and by being false. A side that is said to be unreachable is
/// none.
fn sides(condition: &ConditionCoverage) -> Vec<usize> {
    let sides = [&condition.when_true, &condition.when_false];
    sides.into_iter().filter(|side| side.unreachable.is_none()).map(|side| side.decided).collect()
}
