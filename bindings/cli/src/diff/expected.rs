//! The file of expected changes: what a change of policies is meant to give to whom.

use std::path::Path;

use serde::Deserialize;

use super::report::Line;
use crate::failure::Failure;
use crate::input;

/// Bytes of such a file.
const MAX_BYTES: usize = 1 << 20;

/// Gains that are meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    #[serde(default)]
    pub(crate) gain: Vec<Gain>,
}

/// One gain that is meant; what it leaves out may be anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gain {
    /// Why, for those who read the file.
    pub(crate) reason: String,
    /// The action's id.
    pub(crate) action: Option<String>,
    /// The type of the record.
    #[serde(rename = "type")]
    pub(crate) resource_type: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) policy: Option<String>,
    /// An attribute of the person that names the role.
    pub(crate) role: Option<String>,
    /// Decisions (a person, an action and a record each) that it may come to in one line of the summary.
    pub(crate) at_most: Option<u64>,
}

impl Expected {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = input::text(path, MAX_BYTES)?;
        let refuse =
            |why: String| Failure::other(format!("the expected changes in {}: {why}", input::name(path)));
        let expected: Expected = toml::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        // An announcement of everything announces nothing.
        if expected.gain.iter().any(Gain::is_of_all) {
            return Err(refuse("a [[gain]] names neither action, type, rule, policy nor role".to_owned()));
        }
        Ok(expected)
    }
}

impl Gain {
    fn is_of_all(&self) -> bool {
        [&self.action, &self.resource_type, &self.rule, &self.policy, &self.role]
            .iter()
            .all(|field| field.is_none())
    }

    /// Whether it announces one action of a line.
    pub(crate) fn announces(&self, line: &Line, action: &str) -> bool {
        let fits =
            |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|w| Some(w) == found);
        fits(&self.action, Some(action))
            && fits(&self.resource_type, Some(&line.resource_type))
            && fits(&self.rule, line.rule.as_deref())
            && fits(&self.policy, line.policy.as_deref())
            && self.role.as_deref().is_none_or(|role| line.roles.iter().any(|found| found == role))
            && self.at_most.is_none_or(|most| line.decisions <= most)
    }
}
