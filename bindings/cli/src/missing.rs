//! Cases that are missing, written to a file: for mutants that no case notices, and conditions that none sees decide.

use std::path::Path;

use caseward::author::{Claim, Coverage, Mutations};
use caseward::{Source, Sources, Ward};

use crate::cases::Suite;
use crate::failure::{Failure, counted, printable};
use crate::input;
use crate::replace;
use crate::terminal::{Terminal, say};

/// A file that is to hold the cases; one that is there is never overwritten.
pub(crate) fn is_free(path: &Path) -> Result<(), Failure> {
    if input::is_there(path)? {
        let name = input::name(path);
        return Err(Failure::other(format!("{name} is there already: name a file that is not")));
    }
    Ok(())
}

/// Writes a case for each mutant that survived and can be told apart.
pub(crate) fn of_mutants(
    path: &Path,
    mutations: &Mutations,
    ward: &Ward,
    sources: &Sources,
    terminal: &Terminal,
) -> Result<(), Failure> {
    use crate::prove::Pair;
    let pairs = mutations.survivors().filter_map(|mutation| {
        let (mutant, original) = (&mutation.mutant, ward.source(&mutation.mutant.policy)?.clone());
        let title = titled(&mutant.policy, &original, &mutant.changed);
        Some(Pair { original, changed: mutant.changed.clone(), title })
    });
    let pairs: Vec<Pair> = pairs.collect();
    let found = look(&pairs, sources, terminal)?;
    let mut cases = Vec::new();
    for (pair, found) in pairs.iter().zip(found) {
        match found {
            Ok(case) => cases.push(case),
            Err(why) => say(&format!("no case for `{}`: {}", printable(&pair.title), printable(&why))),
        }
    }
    write(
        path,
        "# Cases that `caseward mutate` found missing: each fails with the change that it names.\n",
        cases,
        ward,
    )
}

/// Writes a case for each condition that no case sees decide by one of its values, and that can.
pub(crate) fn of_coverage(
    path: &Path,
    coverage: &Coverage,
    suite: &Suite,
    sources: &Sources,
    terminal: &Terminal,
) -> Result<(), Failure> {
    use crate::prove::{Pair, cases_file};
    let ward = &suite.ward;
    let open = open(coverage);
    let (mut pairs, mut of) = (Vec::new(), Vec::new());
    for (at, (claim, title)) in open.iter().enumerate() {
        let Some(original) = ward.source(&claim.policy) else { continue };
        for changed in claim.changed(ward) {
            pairs.push(Pair { original: original.clone(), changed, title: title.clone() });
            of.push(at);
        }
    }
    let found = look(&pairs, sources, terminal)?;
    let mut cases = Vec::new();
    for (at, (claim, title)) in open.iter().enumerate() {
        let mine = of.iter().zip(&found).filter(|(of, _)| **of == at).map(|(_, found)| found);
        let mut why = "it cannot be changed so that it stays valid".to_owned();
        let mut kept = None;
        for found in mine {
            match found {
                Err(other) => other.clone_into(&mut why),
                Ok(case) => {
                    let (_, read) = cases_file("", vec![case.clone()], ward)?;
                    if decides(&ward.coverage(&read)?, claim) {
                        kept = Some(case.clone());
                        break;
                    }
                    "what tells it apart does not see it decide".clone_into(&mut why);
                }
            }
        }
        match kept {
            Some(case) => cases.push(case),
            None => say(&format!("no case for `{}`: {}", printable(title), printable(&why))),
        }
    }
    write(
        path,
        "# Cases that `caseward coverage` found missing: in each, the condition that it names decides.\n",
        cases,
        ward,
    )
}

/// The sides that nothing covers, as claims that they cannot be covered; with what is missing in words.
fn open(coverage: &Coverage) -> Vec<(Claim, String)> {
    let mut open = Vec::new();
    for policy in &coverage.policies {
        for condition in &policy.conditions {
            for decides in [true, false] {
                if condition.side(decides).is_covered() {
                    continue;
                }
                let text = condition.text.split_whitespace().collect::<Vec<_>>().join(" ");
                let id = policy.policy.id.clone();
                let title = format!("{id}: `{text}` decides by being {decides}");
                let span = condition.span.range();
                open.push((Claim { policy: id, span, decides, why: String::new() }, title));
            }
        }
    }
    open
}

/// Whether the side was seen to decide.
fn decides(coverage: &Coverage, claim: &Claim) -> bool {
    let policy = coverage.policies.iter().find(|policy| policy.policy.id == claim.policy);
    let condition = policy.and_then(|policy| policy.conditions.iter().find(|c| c.span.range() == claim.span));
    condition.is_some_and(|condition| condition.side(claim.decides).decided > 0)
}

/// A mutant by the first line that differs.
fn titled(id: &str, original: &Source, changed: &Source) -> String {
    let lines = original.text.lines().zip(changed.text.lines()).enumerate();
    let first = lines.into_iter().find(|(_, (old, new))| old != new);
    match first {
        Some((n, (_, new))) => format!("{id}: not with `{}` in line {}", new.trim(), n + 1),
        None => format!("{id}: not cut short"),
    }
}

fn look(
    pairs: &[crate::prove::Pair],
    sources: &Sources,
    terminal: &Terminal,
) -> Result<Vec<crate::prove::Found>, Failure> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let found = crate::prove::apart(sources, pairs, terminal);
    found.map_err(|why| Failure::lines("no case can be found: ", why))
}

fn write(path: &Path, head: &str, cases: Vec<crate::prove::Missing>, ward: &Ward) -> Result<(), Failure> {
    if cases.is_empty() {
        say("no case is missing that could be found: nothing was written");
        return Ok(());
    }
    let (text, cases) = crate::prove::cases_file(head, cases, ward)?;
    if cases.is_empty() {
        say("what was found cannot be written as a case: nothing was written");
        return Ok(());
    }
    is_free(path)?;
    replace::write(path, text.as_bytes())?;
    say(&format!(
        "{} written to {}: read each, and name it as a rule",
        counted(cases.len(), "case"),
        input::name(path)
    ));
    Ok(())
}
