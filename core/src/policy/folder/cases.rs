//! What may stand in a folder of cases.
//!
//! INVARIANT: what looks like a case and would not be run is refused. A case that nobody runs is believed. So is what
//! looks like a policy: one that stands among cases decides nothing.

use super::FilePart;
use super::layout::looks_like_a_policy;
use crate::model::Decision;
use crate::policy::files::Step;

/// Conditions that cannot be reached stand beside the cases, and are none.
pub(crate) const UNREACHABLE: &str = "unreachable.toml";
/// Endings of notes and code, which may stand beside cases.
const BESIDE: [&str; 8] = ["md", "rs", "py", "pyi", "js", "mjs", "ts", "sh"];
/// What Python leaves beside its code.
const COMPILED: &str = "__pycache__";

/// Whether a folder is looked into, by its path below the folder of cases.
pub(crate) fn folder(name: &str) -> Result<Step, String> {
    let last = last(name);
    let mistyped = ["ALLOW", "DENY"].into_iter().find(|it| last.eq_ignore_ascii_case(it) && last != *it);
    match mistyped {
        Some(meant) => Err(format!("its cases would not be run: call the folder `{meant}`")),
        None if looks_like_a_case(last) => Err("it has the name of a file, and is a folder".to_owned()),
        None if looks_like_a_policy(last) => Err(NO_POLICIES.to_owned()),
        None if last == COMPILED => Ok(Step::Leave),
        None => Ok(Step::Take),
    }
}

/// What a file is, by its path below the folder of cases and by what the folders around it expect.
pub(crate) fn file(name: &str, expect: Option<Decision>) -> Result<Option<FilePart>, String> {
    let file = last(name);
    if looks_like_a_policy(file) {
        return Err(NO_POLICIES.to_owned());
    }
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_unreachable = strsim::damerau_levenshtein(&file.to_lowercase(), UNREACHABLE) <= 1;
    match (expect, ending) {
        (Some(_), "json") => Ok(Some(FilePart::Case)),
        (Some(_), "md") if !looks_like_a_case(file) => Ok(None),
        (Some(_), _) => {
            Err("in `ALLOW` and `DENY` only `.json` is a case: rename it, or move it away".to_owned())
        }
        (None, _) if file == UNREACHABLE && file == name => Ok(Some(FilePart::Unreachable)),
        (None, _) if file == UNREACHABLE => {
            Err("it would not be read: it stands in the folder of cases itself".to_owned())
        }
        (None, _) if is_unreachable => Err(format!("it would not be read: call it `{UNREACHABLE}`")),
        (None, "toml") => Ok(Some(FilePart::Case)),
        (None, "json") => {
            Err("it would not be run: a case in JSON stands in a folder `ALLOW` or `DENY`".to_owned())
        }
        (None, _) if looks_like_a_case(file) => {
            Err("it looks like a case and would not be run: rename it to end in `.toml`, or move it away"
                .to_owned())
        }
        (None, ending) if BESIDE.contains(&ending) => Ok(None),
        (None, _) => Err(
            "it would not be run: a case ends in `.toml`, and beside cases only notes (`.md`) and code may \
                          stand: rename it, or move it away"
                .to_owned(),
        ),
    }
}

const NO_POLICIES: &str = "policies do not stand among cases: move it to a folder of its topic";

/// `x.TOML`, `x.toml.bak`, `x.jsonl`.
fn looks_like_a_case(file: &str) -> bool {
    let lower = file.to_ascii_lowercase();
    lower.contains(".toml") || lower.contains(".json")
}

fn last(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

/// What the folders that a name goes through expect; the innermost decides.
pub(crate) fn expected(name: &str) -> Option<Decision> {
    name.rsplit('/').skip(1).find_map(expected_in)
}

/// What a folder expects by its name.
pub(crate) fn expected_in(folder: &str) -> Option<Decision> {
    match folder {
        "ALLOW" => Some(Decision::Allow),
        "DENY" => Some(Decision::Deny),
        _ => None,
    }
}
