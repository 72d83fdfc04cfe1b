//! Conditions that can never decide one way, each with why; a solver can prove them.
//!
//! ```toml
//! [[unreachable]]
//! policy = "school.S2"
//! condition = 'resource.status == "closed"'
//! occurrence = 1                   # which of several that read alike; 1 unless told
//! decides = false                  # the value by which it can never decide
//! why = "every case that is not open is closed, or gates.G4-case denies it"
//! ```

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::coverage::Coverage;
use super::drafts::Draft;
use super::mutation::Proof;
use crate::cedar::limits::taken;
use crate::model::object::Object;
use crate::model::span::Places;
use crate::model::suggest::hint;
use crate::model::{Error, Problem, Source};
use crate::ward::Ward;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    unreachable: Vec<Spanned<Object<Entry>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    policy: String,
    condition: String,
    #[serde(default = "first")]
    occurrence: usize,
    decides: bool,
    why: String,
}

fn first() -> usize {
    1
}

/// Conditions of one policy that may be left open at once.
const MAX_OPEN: usize = 4;

/// The claim that a condition can never decide by one of its values.
///
/// It is so where the policy with the condition put as the opposite is equivalent to the original. Where the
/// condition asks whether an attribute is there, those that read the attribute are open then: they are put both
/// ways.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Claim {
    /// The policy's id.
    pub policy: Arc<str>,
    /// Where the condition stands in its source, in bytes.
    pub span: Range<usize>,
    /// The value by which it can never decide.
    pub decides: bool,
    /// Why, in words.
    pub why: String,
}

impl Claim {
    /// Asks `prove_equivalent` about the original's source and each that was changed; the first that it cannot
    /// prove is the answer.
    pub fn prove(&self, ward: &Ward, mut prove_equivalent: impl FnMut(&Source, &Source) -> Proof) -> Proof {
        let changed = self.changed(ward);
        let Some(original) = ward.source(&self.policy).filter(|_| !changed.is_empty()) else {
            return Proof::Unknown(format!("`{}` cannot be changed so that it stays valid", self.policy));
        };
        let mut proofs = changed.iter().map(|changed| prove_equivalent(original, changed));
        proofs.find(|proof| *proof != Proof::Equivalent).unwrap_or(Proof::Equivalent)
    }

    /// The sources of the policy that are to be equivalent to the original; none where no change is valid.
    pub fn changed(&self, ward: &Ward) -> Vec<Source> {
        let put = (self.span.clone(), (!self.decides).to_string());
        let alone = Draft::of(ward, &self.policy, vec![put.clone()]);
        if let Some(source) = alone.and_then(|draft| draft.admissible(ward)) {
            return vec![source];
        }
        let open = self.open(ward);
        if open.is_empty() || open.len() > MAX_OPEN {
            return Vec::new();
        }
        let variants = 0..1_usize << open.len();
        let sources = variants.map(|ways| {
            let mut edits = vec![put.clone()];
            for (nth, (span, guarded)) in open.iter().enumerate() {
                edits.push((span.clone(), format!("({guarded} else {})", ways >> nth & 1 == 1)));
            }
            Draft::of(ward, &self.policy, edits)?.admissible(ward)
        });
        sources.collect::<Option<Vec<Source>>>().unwrap_or_default()
    }

    /// The conditions that read what this one asks for, each as `if this then that`.
    fn open(&self, ward: &Ward) -> Vec<(Range<usize>, String)> {
        let Some(source) = ward.source(&self.policy) else { return Vec::new() };
        let of = |span: &Range<usize>| source.text.get(span.clone()).unwrap_or_default();
        let guard = of(&self.span);
        let Some(path) = guard.split_once(" has ").map(|(base, name)| format!("{base}.{name}")) else {
            return Vec::new();
        };
        let structures = ward.engine.loaded.structures();
        let own = ward.policies().iter().zip(&structures).find(|(policy, _)| policy.id == self.policy);
        let atoms = own.map_or(&[][..], |(_, structure)| &structure.atoms);
        let reads =
            atoms.iter().filter(|atom| atom.span.start > self.span.end && of(&atom.span).contains(&path));
        reads.map(|atom| (atom.span.clone(), format!("if {guard} then {}", of(&atom.span)))).collect()
    }
}

impl Coverage {
    /// Reads a file of claims called `name` and counts what they name as covered; returns them to be proved.
    ///
    /// # Errors
    /// [`Error::is_data`], with every claim that names what is not there, or that a case refutes.
    pub fn excuse(&mut self, name: &str, text: &str) -> Result<Vec<Claim>, Error> {
        taken(text).map_err(|problem| Error::data(vec![problem.in_source(name)]))?;
        let file: File = toml::from_str(text).map_err(|error| {
            let problem = Problem::error(error.message()).in_source(name);
            Error::data(vec![problem.at(text, error.span().unwrap_or(0..0))])
        })?;
        let places = Places::new(text);
        let (mut claims, mut problems) = (Vec::new(), Vec::new());
        for entry in file.unreachable {
            let span = entry.span();
            match self.claim(entry.into_inner().0) {
                Ok(claim) => claims.push(claim),
                Err(message) => {
                    problems.push(Problem::error(message).in_source(name).at_place(&places, span))
                }
            }
        }
        if problems.is_empty() { Ok(claims) } else { Err(Error::data(problems)) }
    }

    fn claim(&mut self, entry: Entry) -> Result<Claim, String> {
        let Entry { policy: id, condition, occurrence, decides, why } = entry;
        if !why.chars().any(char::is_alphanumeric) {
            return Err("`why` says nothing: say in words why it can never decide so".to_owned());
        }
        let hint = hint(&id, self.policies.iter().map(|policy| policy.policy.id.as_ref()));
        let policy = self.policies.iter_mut().find(|policy| policy.policy.id.as_ref() == id);
        let policy = policy.ok_or_else(|| format!("there is no policy `{id}`{hint}"))?;
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut alike =
            policy.conditions.iter_mut().filter(|found| one_line(&found.text) == one_line(&condition));
        let found = occurrence.checked_sub(1).and_then(|nth| alike.nth(nth));
        let found =
            found.ok_or_else(|| format!("`{id}` has no condition `{condition}`, occurrence {occurrence}"))?;
        let span = found.span.range();
        let side = found.side_mut(decides);
        if let Some(case) = &side.by {
            return Err(format!("`{condition}` of `{id}` decides by being {decides} in case `{case}`"));
        }
        side.unreachable = Some(why.clone());
        Ok(Claim { policy: policy.policy.id.clone(), span, decides, why })
    }
}
