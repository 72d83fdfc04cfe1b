//! Commands as they are written, and their answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::EntityUid;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

/// The longest line that is read: a file of 20 MB in base64, and what stands about it.
pub const MAX_LINE: usize = 32 << 20;

/// One command, as a line of JSON writes it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    pub(crate) command: String,
    #[serde(rename = "as")]
    pub(crate) person: String,
    pub(crate) on: String,
    #[serde(default)]
    pub(crate) context: Map<String, Json>,
    #[serde(default)]
    pub(crate) data: Map<String, Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expect: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) now: Option<String>,
}

impl Command {
    /// Reads a line.
    pub(crate) fn read(line: &str) -> Result<Self, String> {
        if line.len() > MAX_LINE {
            return Err(format!("a command has at most {MAX_LINE} bytes"));
        }
        distinct(line)?;
        serde_json::from_str(line).map_err(|error| error.to_string())
    }
}

/// Refuses a name that stands twice: which of the two counts, programs do not agree on.
fn distinct(line: &str) -> Result<(), String> {
    let _: BTreeMap<String, &RawValue> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    Ok(())
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is done, and durable.
    Done,
    /// The policies do not permit it, or an entity is absent.
    Denied,
    /// The state does not admit it.
    Refused,
    /// It makes no sense; nothing was asked.
    Invalid,
}

/// The answer to a command, for the trusted caller: it tells denied from absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Answer {
    /// What became of it.
    pub outcome: Outcome,
    /// The deciding policies.
    pub policies: Vec<Arc<str>>,
    /// The rules that they write down.
    pub rules: Vec<Arc<str>>,
    /// Why it was not done, a line each.
    pub errors: Vec<String>,
    /// The version of the data after it: how many batches of facts or content were committed.
    pub version: u64,
    /// The number of its entry in the audit log; absent where nothing was audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// The entities that it made.
    pub made: Vec<String>,
    /// Who is to be told of it.
    pub alerts: Vec<String>,
    /// SHA-256 of schema, policies and catalogue that decided it.
    pub policy_hash: Arc<str>,
    /// Whether it was done before, under the same key.
    pub repeated: bool,
    /// What was asked for: all that is held of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<Json>,
}

impl Answer {
    pub(crate) fn new(outcome: Outcome, version: u64, policy_hash: &Arc<str>) -> Self {
        Answer {
            outcome,
            policies: Vec::new(),
            rules: Vec::new(),
            errors: Vec::new(),
            version,
            event: None,
            made: Vec::new(),
            alerts: Vec::new(),
            policy_hash: policy_hash.clone(),
            repeated: false,
            exported: None,
        }
    }

    pub(crate) fn because(mut self, why: impl Into<String>) -> Self {
        self.errors.push(why.into());
        self
    }
}

/// A command that makes sense, ready to be decided.
pub(crate) struct Checked {
    pub(crate) command: Command,
    pub(crate) spec: &'static crate::attendance::Spec,
    pub(crate) person: EntityUid,
    pub(crate) on: EntityUid,
    /// The bytes of a file that it carries.
    pub(crate) file: Option<Vec<u8>>,
}
