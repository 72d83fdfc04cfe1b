//! What a check answers.

use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, Serializer};

use crate::model::{EntityUid, Provenance};

/// Allowed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Some policy permits it, none forbids it, and all could be evaluated.
    Allow,
    /// Anything else.
    Deny,
}

carried!(enum Decision { 0 = Allow {}, 1 = Deny {} });

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
        })
    }
}

/// Why a request was denied without the policies' word, or in spite of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The principal, the resource or an entity in the context is not in the data.
    Absent(EntityUid),
    /// Such an entity is not in the data, or the viewer of an explanation may not know of it.
    Unseen(EntityUid),
    /// A policy that applies could not be evaluated.
    Policy {
        /// Its id.
        id: Arc<str>,
        /// What went wrong in it.
        message: String,
    },
    /// The request could not be read or makes no sense under the schema.
    Request(String),
}

carried!(enum Fault {
    0 = Absent { 0: uid }, 1 = Unseen { 0: uid }, 2 = Policy { id: id, message: message }, 3 = Request { 0: message },
});

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Absent(uid) => write!(f, "{uid} is not in the data"),
            Fault::Unseen(uid) => write!(f, "{uid} is not there, or not to be seen"),
            Fault::Policy { id, message } => write!(f, "policy `{id}` could not be evaluated: {message}"),
            Fault::Request(message) => f.write_str(message),
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The answer to a check: a decision, who made it and what it was made from.
///
/// `errors` tell what is denied from what is not there: all but the decision is for a trusted caller.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Answer {
    /// Allowed or not.
    pub decision: Decision,
    /// Ids of the deciding policies, in order: the permits that allowed it or the forbids that fired.
    /// Empty where nothing permitted it.
    pub policies: Vec<Arc<str>>,
    /// The rules that these policies write down, each once, in order.
    pub rules: Vec<Arc<str>>,
    /// Why it was denied without the policies' word.
    pub errors: Vec<Fault>,
    /// What it was made from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

carried!(struct Answer { decision, policies, rules, errors, provenance });

impl Answer {
    /// A decision that nobody is named for yet.
    pub fn new(decision: Decision, provenance: Provenance) -> Self {
        Answer { decision, policies: Vec::new(), rules: Vec::new(), errors: Vec::new(), provenance }
    }

    /// Whether it is an allow.
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allow
    }
}
