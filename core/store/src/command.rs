//! Commands as they are written, and their answers.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use caseward::EntityUid;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
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

/// Refuses a name that stands twice in an object, wherever: which of the two counts, programs do not agree on.
pub(crate) fn distinct(line: &str) -> Result<(), String> {
    serde_json::from_str::<Distinct>(line).map(drop).map_err(|error| error.to_string())
}

/// JSON whose objects have each name once; nothing is kept of it.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Distinct)
    }
}

impl<'de> Visitor<'de> for Distinct {
    type Value = Distinct;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self, A::Error> {
        while all.next_element::<Distinct>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            fields.next_value::<Distinct>()?;
            if let Some(again) = names.replace(name) {
                return Err(A::Error::custom(format!("`{again}` stands twice in one object")));
            }
        }
        Ok(self)
    }
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
        self.errors.push(excerpt(why.into()));
        self
    }
}

/// Bytes of what is said of a line, at most: what is wrong with it is told, not all of it again.
const TOLD: usize = 1_000;

/// A text, or its beginning.
pub(crate) fn excerpt(text: String) -> String {
    if text.len() <= TOLD {
        return text;
    }
    let end = (0..=TOLD).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let rest = text.len() - end;
    format!("{} … and {rest} more bytes", text.get(..end).unwrap_or_default())
}

/// A command that makes sense, ready to be decided.
pub(crate) struct Checked {
    pub(crate) command: Command,
    pub(crate) spec: &'static crate::attendance::Spec,
    pub(crate) person: EntityUid,
    pub(crate) on: EntityUid,
    /// The file that it carries; in its data stand the hash and the size instead.
    pub(crate) file: Option<Carried>,
}

/// A file that a command carries.
pub(crate) struct Carried {
    pub(crate) hash: String,
    pub(crate) bytes: Arc<Vec<u8>>,
}
