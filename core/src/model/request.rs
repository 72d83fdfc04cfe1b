//! Who asks to do what to which record, and under which circumstances.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{EntityUid, Value};

/// A question to a [`Ward`]: may `principal` do `action` to `resource`?
///
/// # Example
/// ```
/// use caseward::{EntityUid, Request, Value};
///
/// let request = Request::new(EntityUid::new("User", "aroha"), "uploadFile", EntityUid::new("Case", "c1"))
///     .with("now", Value::Datetime(1_772_190_000_000))
///     .with("sizeBytes", Value::Long(4_096));
/// assert_eq!(request.context.len(), 2);
/// ```
///
/// Serialised it is what [`Ward::read_request`] reads.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Request {
    /// Who asks.
    pub principal: EntityUid,
    /// The action's id (`viewSummary`) or whole name (`Action::"viewSummary"`).
    pub action: Arc<str>,
    /// The record.
    pub resource: EntityUid,
    /// The circumstances, as the action's schema asks for them.
    pub context: BTreeMap<Arc<str>, Value>,
}

impl Request {
    /// A request with an empty context.
    pub fn new(principal: EntityUid, action: impl Into<Arc<str>>, resource: EntityUid) -> Self {
        Request { principal, action: action.into(), resource, context: BTreeMap::new() }
    }

    /// Adds a field to the context.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, value: Value) -> Self {
        self.context.insert(name.into(), value);
        self
    }
}
