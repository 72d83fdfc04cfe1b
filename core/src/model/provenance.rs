//! What an answer was made from.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::model::timestamp;

/// What an answer was made from. As JSON its fields stand beside those of the answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Provenance {
    /// SHA-256 of schema, policies and catalogue.
    pub policy_hash: Arc<str>,
    /// The version of the data.
    pub version: u64,
    /// The `now` of the context, in milliseconds since 1970-01-01T00:00:00Z; an instant of RFC 3339 in JSON.
    #[serde(serialize_with = "as_instant")]
    #[cfg_attr(feature = "schemars", schemars(with = "Option<String>"))]
    pub now: Option<i64>,
}

carried!(struct Provenance { policy_hash, version, now });

impl Provenance {
    /// Of an answer that is made again, such as one that was kept.
    pub fn new(policy_hash: impl Into<Arc<str>>, version: u64, now: Option<i64>) -> Self {
        Provenance { policy_hash: policy_hash.into(), version, now }
    }

    /// The fields, into an answer's own.
    pub(crate) fn beside<F: SerializeStruct>(&self, fields: &mut F) -> Result<(), F::Error> {
        fields.serialize_field("policy_hash", &self.policy_hash)?;
        fields.serialize_field("version", &self.version)?;
        fields.serialize_field("now", &self.now.and_then(timestamp::format))
    }

    /// The fields but for the instant, of an answer that holds at others too.
    pub(crate) fn timeless<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Provenance", 2)?;
        fields.serialize_field("policy_hash", &self.policy_hash)?;
        fields.serialize_field("version", &self.version)?;
        fields.end()
    }
}

fn as_instant<S: Serializer>(now: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    now.and_then(timestamp::format).serialize(serializer)
}
