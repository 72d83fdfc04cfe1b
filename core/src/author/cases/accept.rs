//! Taking what decides now for what was expected: after policies were renamed or split, not after decisions changed.
//!
//! INVARIANT: `expect` is never rewritten. A case whose decision is another one is left as it is, and said.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::json::Spots;
use super::{Case, CaseFile, expect, json, listed, toml as tables};
use crate::model::{Answer, Decision, Error, Problem};
use crate::ward::Ward;

/// A file of cases with what decides now in place of what was expected to.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Accepted {
    /// The text, with nothing else changed.
    pub text: String,
    /// What was changed in it.
    pub changes: Vec<Acceptance>,
    /// What comes out otherwise all the same, and was left.
    pub left: Vec<Left>,
}

/// One expectation that was rewritten.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Acceptance {
    /// The case.
    pub case: String,
    /// Where it starts, in bytes of the text before.
    pub at: usize,
    /// `policies`, `rules` or `fails`.
    pub what: &'static str,
    /// The names that were expected.
    pub from: String,
    /// The names that are expected now.
    pub to: String,
}

/// A case that was not rewritten though it does not come out as it says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Left {
    /// The case.
    pub case: String,
    /// Where it starts, in bytes of the text before.
    pub at: usize,
    /// Why.
    pub why: String,
}

impl CaseFile {
    /// The TOML file of cases called `name`, with the policies and rules that decide now in place of those that its
    /// cases name, wherever the decision is the one that they expect. Comments and all else stay as they are.
    ///
    /// Policies and rules that do not exist are no error here: a policy that was renamed is why one accepts.
    ///
    /// # Errors
    /// As [`CaseFile::read`], but for the names of policies and rules.
    pub fn accept(ward: &Ward, name: &str, text: &str) -> Result<Accepted, Error> {
        let file = tables::read_unchecked(ward, name, text)?;
        let document = DeTable::parse(text)
            .map_err(|error| Error::data(vec![Problem::error(error.message()).in_source(name)]))?;
        let tables = match document.get_ref().get("case").map(Spanned::get_ref) {
            Some(DeValue::Array(all)) => {
                all.iter().filter_map(|case| Some((case.span(), table(case)?))).collect()
            }
            _ => Vec::new(),
        };
        let groups = tables.iter().map(|(span, keys)| {
            // Several actions make several cases of one text.
            let cases = file.cases.iter().filter(|case| case.span.start == span.start);
            (spots(keys), cases.collect())
        });
        accepted(ward, text, groups.collect(), |name| format!("{name:?}"))
    }

    /// As [`CaseFile::accept`], for a file of JSON that holds one case, called `sentence`.
    ///
    /// # Errors
    /// As [`CaseFile::read_json`], but for the names of policies and rules.
    pub fn accept_json(
        ward: &Ward,
        name: &str,
        sentence: &str,
        expect: Decision,
        text: &str,
    ) -> Result<Accepted, Error> {
        let (file, spots) = json::read_unchecked(ward, name, (sentence, expect), text)?;
        let groups = vec![(spots, file.cases.iter().collect())];
        accepted(ward, text, groups, |name| serde_json::Value::from(name).to_string())
    }
}

/// Where the names of a case in a table stand.
fn spots(keys: &DeTable<'_>) -> Spots {
    let of = |key: &str| keys.get(key).map(Spanned::span);
    let fails = keys.get("fails").and_then(table).into_iter().flat_map(DeTable::iter);
    Spots {
        policies: of("policies"),
        rules: of("rules"),
        fails: fails.map(|(policy, _)| (policy.get_ref().to_string(), policy.span())).collect(),
    }
}

/// Takes what decides now, in the text of cases that come from one place each; `quote` writes a name.
fn accepted(
    ward: &Ward,
    text: &str,
    groups: Vec<(Spots, Vec<&Case>)>,
    quote: fn(&str) -> String,
) -> Result<Accepted, Error> {
    let mut accepting = Accepting { ward, quote, edits: Vec::new(), changes: Vec::new(), left: Vec::new() };
    let (mut renamed, mut answered) = (Renamed::default(), Vec::new());
    for (spots, cases) in groups {
        let answers = cases.iter().map(|case| ward.check(&case.world, &case.request));
        let answers: Vec<Answer> = answers.collect::<Result<_, _>>()?;
        cases.iter().zip(&answers).for_each(|(case, answer)| renamed.learn(ward, case, answer));
        answered.push((spots, cases, answers));
    }
    for (spots, cases, answers) in &answered {
        accepting.case(spots, cases, answers, &renamed);
    }
    let Accepting { mut edits, changes, left, .. } = accepting;
    edits.sort_by_key(|(span, _)| span.start);
    let (mut accepted, mut at) = (String::with_capacity(text.len() + 256), 0);
    for (span, put) in &edits {
        accepted.push_str(text.get(at..span.start).unwrap_or_default());
        accepted.push_str(put);
        at = span.end;
    }
    accepted.push_str(text.get(at..).unwrap_or_default());
    Ok(Accepted { text: accepted, changes, left })
}

/// Which policy a name that is gone stands for now: known where every case that names it says the same.
#[derive(Default)]
struct Renamed(BTreeMap<String, BTreeSet<String>>);

impl Renamed {
    fn learn(&mut self, ward: &Ward, case: &Case, answer: &Answer) {
        let Some(expected) = case.policies.as_ref().filter(|_| case.expect == answer.decision) else {
            return;
        };
        let got = names(&answer.policies);
        let gone: Vec<&String> = expected.iter().filter(|id| ward.policy(id).is_none()).collect();
        let new: Vec<&String> = got.difference(expected).collect();
        if let ([gone], [new]) = (gone.as_slice(), new.as_slice()) {
            self.0.entry((*gone).clone()).or_default().insert((*new).clone());
        }
    }

    fn of(&self, gone: &str) -> Option<&String> {
        self.0.get(gone).filter(|all| all.len() == 1)?.first()
    }
}

struct Accepting<'a> {
    ward: &'a Ward,
    quote: fn(&str) -> String,
    edits: Vec<(Range<usize>, String)>,
    changes: Vec<Acceptance>,
    left: Vec<Left>,
}

impl Accepting<'_> {
    fn case(&mut self, spots: &Spots, cases: &[&Case], answers: &[Answer], renamed: &Renamed) {
        let Some(first) = cases.first() else { return };
        let mut otherwise = cases.iter().zip(answers).filter(|(case, answer)| case.expect != answer.decision);
        if let Some((case, answer)) = otherwise.next() {
            let by = listed(&names(&answer.policies));
            let why =
                format!("it expects {}, and the decision is {} (by {by})", case.expect, answer.decision);
            self.leave(case, why);
            return;
        }
        let policies: Vec<_> = answers.iter().map(|answer| names(&answer.policies)).collect();
        let rules: Vec<_> = answers.iter().map(|answer| names(&answer.rules)).collect();
        self.names(first, ("policies", &spots.policies), first.policies.as_ref(), &policies);
        self.names(first, ("rules", &spots.rules), first.rules.as_ref(), &rules);
        self.fails(cases, &spots.fails, renamed);
    }

    /// The names that one key holds, in place of those that it held.
    fn names(
        &mut self,
        case: &Case,
        (what, spot): (&'static str, &Option<Range<usize>>),
        expected: Option<&BTreeSet<String>>,
        got: &[BTreeSet<String>],
    ) {
        let (Some(given), Some(expected), Some(now)) = (spot, expected, got.first()) else {
            return;
        };
        if got.iter().all(|got| got == expected) {
            return;
        }
        if got.iter().any(|got| got != now) {
            let why = format!("its actions are decided by different {what}: write a case for each");
            return self.leave(case, why);
        }
        let quoted: Vec<String> = now.iter().map(|name| (self.quote)(name)).collect();
        self.edits.push((given.clone(), format!("[{}]", quoted.join(", "))));
        self.accept(case, what, listed(expected), listed(now));
    }

    /// Policies that are gone, in what fails; and what fails at another condition now.
    fn fails(&mut self, cases: &[&Case], fails: &[(String, Range<usize>)], renamed: &Renamed) {
        for (id, span) in fails {
            let Some(first) = cases.first() else { continue };
            match (self.ward.policy(id), renamed.of(id)) {
                (Some(_), _) => {
                    let condition = first.fails.get(id).map_or("", String::as_str);
                    let wrong = cases
                        .iter()
                        .find_map(|case| Some((*case, expect::failure(self.ward, case, id, condition)?)));
                    if let Some((case, why)) = wrong {
                        self.leave(case, why);
                    }
                }
                (None, Some(new)) => {
                    self.edits.push((span.clone(), (self.quote)(new)));
                    self.accept(first, "fails", format!("`{id}`"), format!("`{new}`"));
                }
                (None, None) => {
                    self.leave(first, format!("there is no policy `{id}`, and no case tells its new name"))
                }
            }
        }
    }

    fn accept(&mut self, case: &Case, what: &'static str, from: String, to: String) {
        self.changes.push(Acceptance { case: case.name.clone(), at: case.span.start, what, from, to });
    }

    fn leave(&mut self, case: &Case, why: String) {
        self.left.push(Left { case: case.name.clone(), at: case.span.start, why });
    }
}

fn names(all: &[Arc<str>]) -> BTreeSet<String> {
    all.iter().map(ToString::to_string).collect()
}

fn table<'t, 'i>(value: &'t Spanned<DeValue<'i>>) -> Option<&'t DeTable<'i>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}
