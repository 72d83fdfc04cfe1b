//! Cases: small worlds, requests and what is expected of them, as files that people read and write.
//!
//! A file of cases is TOML:
//!
//! ```toml
//! now = "2026-05-11T09:00:00+12:00"      # the clock of every case that has no own
//!
//! [world.School.northcote]               # entity type, id, then attributes typed by the schema
//! kind = "state"
//! [world.User.aroha]                     # a required Set left out is empty, a required Bool is false
//! loginActive = true
//! attendanceLeadAt = ["northcote"]       # entities of a known type go by their id alone
//!
//! [[case]]
//! name = "S1: an attendance lead sees the header of a case at her school"
//! principal = "User.aroha"
//! action = "viewSummary"                 # or a list: a case for each, with the fields that its context takes
//! resource = "Case.c1"
//! change = { "Student.tama" = { enrolledAt = "southgate" } }    # for this case alone
//! unset = ["Case.c1.primaryContact"]
//! context = { sizeBytes = 100 }
//! now = "2026-02-20T09:00:00+13:00"
//! expect = "deny"
//! policies = []                          # exactly the policies that decide; or `rules = []`
//! fails = { "school.S3" = "open" }       # the condition at which this policy comes out otherwise
//! absent = ["Case.c2"]                   # what the case names and leaves out of the world on purpose
//! ```
//!
//! `"@parents"` (a list of `Type.id`) and `"@tags"` (a table) say what an entity lies in and its tags. Times
//! are texts in RFC 3339, or milliseconds since 1970. A condition goes by the comment above its clause, or by
//! its text.
//!
//! A case can also be a file of JSON, whose folder is the expectation and whose name is the sentence, as in
//! `DENY/a former school does not see the case.json`:
//!
//! ```json
//! {
//!   "now": "2026-05-11T09:00:00+12:00",
//!   "request": {"principal": "User::\"hana\"", "action": "viewSummary", "resource": "Case::\"c1\""},
//!   "entities": [{"uid": {"type": "School", "id": "northcote"}, "attrs": {"kind": "state"}, "parents": []}],
//!   "policies": [], "rules": [], "fails": {"school.S1": "attendance lead or office support"}, "absent": []
//! }
//! ```
//!
//! `request` is as in [`Ward::read_request`], `entities` as in [`Ward::read_world`]; the last line is optional
//! as a whole and in each part.
//!
//! INVARIANT: a case that names what the schema, the policies or its world lack is refused, never a pass.

mod accept;
mod expect;
#[cfg(feature = "fs")]
mod find;
mod json;
mod toml;
mod values;

#[cfg(feature = "fs")]
pub use find::CasePath;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::explain::Explanation;
use crate::model::{Answer, Decision, Error, Request, Span};
use crate::ward::Ward;
use crate::world::World;

pub use accept::{Acceptance, Accepted, Left};

/// A file of cases.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// What the file is called.
    pub name: String,
    /// Its text, which the places of cases and problems refer to.
    pub text: Arc<str>,
    /// The cases, in the order of the file.
    pub cases: Vec<Case>,
}

/// One case: a world, a request and what is expected.
#[derive(Clone, Debug)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// Where it stands in its file, in bytes.
    pub span: Range<usize>,
    /// The data.
    pub world: World,
    /// The question.
    pub request: Request,
    /// The decision that the rules ask for.
    pub expect: Decision,
    /// Ids of exactly the policies that must decide, where the case says so.
    pub policies: Option<BTreeSet<String>>,
    /// Exactly the rules whose policies must decide, where the case says so.
    pub rules: Option<BTreeSet<String>>,
    /// By policy id, the condition at which that policy must come out otherwise: the comment above its clause,
    /// or its text.
    pub fails: BTreeMap<String, String>,
}

/// A case that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Mismatch {
    /// The file and the case.
    pub case: String,
    /// Where the case stands in its file.
    #[serde(flatten)]
    pub span: Span,
    /// What differs.
    pub difference: String,
    /// The explanation of the actual answer.
    pub explanation: String,
    /// The same, to be shown beside the policies' text; absent where the request could not be answered.
    pub why: Option<Explanation>,
}

carried!(struct Mismatch { case, span, difference, explanation, why });

impl CaseFile {
    /// The keys of a case.
    #[cfg(feature = "fs")]
    pub(super) const KEYS: [&'static str; 13] = toml::CASE;

    /// Reads a TOML file of cases called `name`.
    ///
    /// # Errors
    /// [`Error::is_data`], with every problem: its place in the text and the name that was probably meant.
    pub fn read(ward: &Ward, name: &str, text: &str) -> Result<Self, Error> {
        toml::read(ward, name, text)
    }

    /// Reads a JSON file called `name` that holds one case, called `sentence`.
    ///
    /// # Errors
    /// As [`CaseFile::read`].
    pub fn read_json(
        ward: &Ward,
        name: &str,
        sentence: &str,
        expect: Decision,
        text: &str,
    ) -> Result<Self, Error> {
        json::read(ward, name, sentence, expect, text)
    }

    /// Runs every case through [`Ward::check`]; what is returned came out otherwise than expected.
    ///
    /// # Errors
    /// [`Error::is_interrupted`] alone: what else goes wrong with a case is a mismatch.
    pub fn run(&self, ward: &Ward) -> Result<Vec<Mismatch>, Error> {
        self.cases.iter().filter_map(|case| self.run_case(ward, case).transpose()).collect()
    }

    /// Runs one case of this file.
    ///
    /// # Errors
    /// As [`CaseFile::run`].
    pub fn run_case(&self, ward: &Ward, case: &Case) -> Result<Option<Mismatch>, Error> {
        let difference = match ward.check(&case.world, &case.request) {
            Err(error) if error.is_interrupted() => return Err(error),
            Err(error) => Some(error.to_string()),
            Ok(answer) => difference(ward, case, &answer),
        };
        let Some(difference) = difference else { return Ok(None) };
        match ward.explain(&case.world, &case.request) {
            Err(error) if error.is_interrupted() => Err(error),
            why => Ok(Some(Mismatch {
                case: format!("{}: {}", self.name, case.name),
                span: Span::of(&self.text, case.span.clone()),
                difference,
                explanation: why.as_ref().map_or_else(ToString::to_string, ToString::to_string),
                why: why.ok(),
            })),
        }
    }

    /// The line of a place in the text, from 1.
    pub fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|&byte| byte == b'\n').count()
    }
}

fn difference(ward: &Ward, case: &Case, answer: &Answer) -> Option<String> {
    if answer.decision != case.expect {
        return Some(format!("expected {}, got {}", case.expect, answer.decision));
    }
    let set = |names: &[Arc<str>]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    for (what, expected, got) in
        [("policies", &case.policies, &answer.policies), ("rules", &case.rules, &answer.rules)]
    {
        if let Some(expected) = expected
            && *expected != set(got)
        {
            let (expected, got) = (listed(expected), listed(&set(got)));
            return Some(format!("expected {what} {expected} to decide, got {got}"));
        }
    }
    case.fails.iter().find_map(|(policy, condition)| expect::failure(ward, case, policy, condition))
}

/// The names one after another; `none` where there are none.
fn listed(names: &BTreeSet<String>) -> String {
    match names.len() {
        0 => "none".to_owned(),
        _ => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
