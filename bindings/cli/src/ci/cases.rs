//! Cases of two versions: which came, went or expect something else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use caseward::author::{Case, CaseFile};
use caseward::{Decision, Ward};

use super::tree::{Tree, is_unreachable};
use crate::failure::printable;

/// Cases that are named one by one.
const MOST_CASES: usize = 40;

/// Cases that came, went or expect something else.
#[derive(Default)]
pub(super) struct Cases {
    new: Vec<String>,
    gone: Vec<String>,
    otherwise: Vec<String>,
    rewritten: Vec<String>,
    /// Why those of before cannot be compared.
    unreadable: Option<String>,
}

impl Cases {
    pub(super) fn new(before: &Tree, after: &Tree, old: Option<&Ward>, files: &[CaseFile]) -> Option<Self> {
        if before.below("tests").eq(after.below("tests")) {
            return None;
        }
        let Some(old) = old else {
            let unreadable = Some("the policies of before cannot be read".to_owned());
            return Some(Cases { unreadable, ..Cases::default() });
        };
        let read = before.below("tests").filter(|(name, _)| !is_unreachable(name));
        let read: Result<Vec<CaseFile>, String> =
            read.filter_map(|(name, text)| read_cases(old, name, text)).collect();
        let read = match read {
            Ok(read) => read,
            Err(why) => return Some(Cases { unreadable: Some(why), ..Cases::default() }),
        };
        let (was, is) = (briefs(&read), briefs(files));
        let mut cases = Cases::default();
        for name in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
            match (was.get(name), is.get(name)) {
                (Some(_), None) => cases.gone.push(name.clone()),
                (None, Some(_)) => cases.new.push(name.clone()),
                (Some(was), Some(is)) => {
                    let expects = |all: &[Brief]| all.iter().map(|b| b.expects.clone()).collect::<Vec<_>>();
                    let (before, now) = (expects(was), expects(is));
                    if before != now {
                        let (before, now) = (before.join(" / "), now.join(" / "));
                        cases.otherwise.push(format!("{name}: expected {before}, now {now}"));
                    } else if was != is {
                        cases.rewritten.push(name.clone());
                    }
                }
                (None, None) => {}
            }
        }
        Some(cases)
    }

    pub(super) fn len(&self) -> usize {
        self.new.len() + self.gone.len() + self.otherwise.len() + self.rewritten.len()
    }

    pub(super) fn tell(&self, out: &mut String) {
        let _ = writeln!(out, "### Cases\n");
        if let Some(why) = &self.unreadable {
            let _ = writeln!(out, "**Those of before cannot be compared:** {}\n", printable(why));
        }
        for (title, all) in [
            ("Taken out", &self.gone),
            ("Expect something else", &self.otherwise),
            ("Written otherwise, with the same expectation", &self.rewritten),
            ("New", &self.new),
        ] {
            if all.is_empty() {
                continue;
            }
            let _ = writeln!(out, "{title} ({}):\n", all.len());
            all.iter().take(MOST_CASES).for_each(|case| {
                let _ = writeln!(out, "- {}", printable(case));
            });
            let rest = all.len().saturating_sub(MOST_CASES);
            let _ = if rest > 0 { writeln!(out, "- and {rest} more\n") } else { writeln!(out) };
        }
        if self.len() == 0 && self.unreadable.is_none() {
            let _ =
                writeln!(out, "The files are written otherwise: worlds that cases share, or their layout.\n");
        }
    }
}

/// A case as it is compared.
#[derive(PartialEq, Eq)]
struct Brief {
    expects: String,
    /// Who asks what under which circumstances, of which data.
    asks: String,
    text: String,
}

/// Cases by their name, which several may share.
fn briefs(files: &[CaseFile]) -> BTreeMap<String, Vec<Brief>> {
    let mut all: BTreeMap<String, Vec<Brief>> = BTreeMap::new();
    for file in files {
        for case in &file.cases {
            let text = file.text.get(case.span.clone()).unwrap_or_default().to_owned();
            let asks = serde_json::to_string(&case.request).unwrap_or_default();
            all.entry(case.name.clone()).or_default().push(Brief { expects: expects(case), asks, text });
        }
    }
    all
}

fn expects(case: &Case) -> String {
    let mut said = case.expect.to_string();
    for (what, names) in [("policies", &case.policies), ("rules", &case.rules)] {
        if let Some(names) = names {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let names = if names.is_empty() { "no".to_owned() } else { names.join(", ") };
            let _ = write!(said, " by {names} {what}");
        }
    }
    for (policy, condition) in &case.fails {
        let _ = write!(said, ", `{policy}` at “{condition}”");
    }
    said
}

fn read_cases(ward: &Ward, name: &str, text: &str) -> Option<Result<CaseFile, String>> {
    let refuse = |error: caseward::Error| format!("{name}: {error}");
    if name.ends_with(".toml") {
        return Some(CaseFile::read(ward, name, text).map_err(refuse));
    }
    let mut folders = name.split('/').rev();
    let sentence = folders.next()?.strip_suffix(".json")?;
    let expect = folders.find_map(|folder| match folder {
        "ALLOW" => Some(Decision::Allow),
        "DENY" => Some(Decision::Deny),
        _ => None,
    })?;
    Some(CaseFile::read_json(ward, name, sentence, expect, text).map_err(refuse))
}
