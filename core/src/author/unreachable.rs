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
use super::mutation::Proof;
use crate::error::{Error, Problem};
use crate::policy::Source;
use crate::suggest::hint;
use crate::ward::Ward;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    unreachable: Vec<Spanned<Entry>>,
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

/// The claim that a condition can never decide by one of its values.
///
/// It is so where the policy with the condition put as the opposite is equivalent to the original.
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
    /// Asks `prove_equivalent` about the original's source and the one with the condition put as the opposite.
    pub fn prove(&self, ward: &Ward, mut prove_equivalent: impl FnMut(&Source, &Source) -> Proof) -> Proof {
        match (ward.source(&self.policy), ward.with_condition(&self.policy, &self.span, !self.decides)) {
            (Some(original), Some(changed)) => prove_equivalent(original, &changed),
            _ => Proof::Unknown("the policy is not there".to_owned()),
        }
    }
}

impl Coverage {
    /// Reads a file of claims called `name` and counts what they name as covered; returns them to be proved.
    ///
    /// # Errors
    /// [`Error::is_data`], with every claim that names what is not there, or that a case refutes.
    pub fn excuse(&mut self, name: &str, text: &str) -> Result<Vec<Claim>, Error> {
        let file: File = toml::from_str(text).map_err(|error| {
            let problem = Problem::error(error.message()).in_source(name);
            Error::data(vec![problem.at(error.span().unwrap_or(0..0))])
        })?;
        let (mut claims, mut problems) = (Vec::new(), Vec::new());
        for entry in file.unreachable {
            let span = entry.span();
            match self.claim(entry.into_inner()) {
                Ok(claim) => claims.push(claim),
                Err(message) => problems.push(Problem::error(message).in_source(name).at(span)),
            }
        }
        if problems.is_empty() { Ok(claims) } else { Err(Error::data(problems)) }
    }

    fn claim(&mut self, entry: Entry) -> Result<Claim, String> {
        let Entry { policy: id, condition, occurrence, decides, why } = entry;
        let hint = hint(&id, self.policies.iter().map(|policy| policy.policy.id.as_ref()));
        let policy = self.policies.iter_mut().find(|policy| policy.policy.id.as_ref() == id);
        let policy = policy.ok_or_else(|| format!("there is no policy `{id}`{hint}"))?;
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut alike =
            policy.conditions.iter_mut().filter(|found| one_line(&found.text) == one_line(&condition));
        let found = occurrence.checked_sub(1).and_then(|nth| alike.nth(nth));
        let found =
            found.ok_or_else(|| format!("`{id}` has no condition `{condition}`, occurrence {occurrence}"))?;
        let span = found.span.clone();
        let side = found.side_mut(decides);
        if let Some(case) = &side.by {
            return Err(format!("`{condition}` of `{id}` decides by being {decides} in case `{case}`"));
        }
        side.unreachable = Some(why.clone());
        Ok(Claim { policy: policy.policy.id.clone(), span, decides, why })
    }
}
