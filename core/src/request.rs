//! Who asks to do what to which record, and under which circumstances.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::error::Error;
use crate::policy::EntityParser;
use crate::schema::{Action, Type};
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::json::context_fields;

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
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The JSON form of a request, one a line in a file of requests.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    principal: String,
    action: String,
    resource: String,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

impl Ward {
    /// Reads a request: `{"principal": "User::\"u1\"", "action": "Action::\"viewSummary\"", "resource":
    /// "Case::\"c1\"", "context": {…}}`, the context in Cedar's JSON.
    ///
    /// Where the action's context has a `now` that is a datetime and the JSON lacks it, it becomes `now`,
    /// in milliseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`Error::is_request`]
    pub fn read_request(&self, json: &str, now: i64) -> Result<Request, Error> {
        let line: Line<'_> =
            serde_json::from_str(json).map_err(|e| Error::request(format!("not a request in JSON: {e}")))?;
        Ok(Request {
            principal: line.principal.parse()?,
            resource: line.resource.parse()?,
            context: self.read_context(&line.action, line.context.map_or("{}", RawValue::get), now)?,
            action: line.action.into(),
        })
    }

    /// Reads a context in Cedar's JSON; `now` as in [`Ward::read_request`].
    ///
    /// # Errors
    /// [`Error::is_request`]
    pub fn read_context(
        &self,
        action: &str,
        json: &str,
        now: i64,
    ) -> Result<BTreeMap<Arc<str>, Value>, Error> {
        let action = self.action(action)?;
        if let Some(mut fields) = context_fields(self.schema(), &action.context, json) {
            fill_now(action, &mut fields, now);
            return Ok(fields);
        }
        let refuse =
            |why: &dyn std::fmt::Display| Error::request(format!("the context of {}: {why}", action.uid));
        let mut object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(json).map_err(|e| refuse(&e))?;
        if takes_now(action) && !object.contains_key("now") {
            let now = serde_json::to_value(Value::Datetime(now)).map_err(|e| refuse(&e))?;
            object.insert("now".to_owned(), now);
        }
        let text = serde_json::to_string(&object).map_err(|e| refuse(&e))?;
        let parser = EntityParser::new(&self.inner.loaded.cedar_schema);
        match parser.context(&text, &action.uid).map_err(|e| refuse(&e))? {
            Value::Record(fields) => Ok(fields),
            _ => Err(refuse(&"not a record")),
        }
    }

    pub(crate) fn action(&self, name: &str) -> Result<&Action, Error> {
        self.schema().action(name).ok_or_else(|| Error::request(format!("the schema has no action `{name}`")))
    }
}

fn takes_now(action: &Action) -> bool {
    action.context.get("now").is_some_and(|field| field.ty == Type::Datetime)
}

fn fill_now(action: &Action, context: &mut BTreeMap<Arc<str>, Value>, now: i64) {
    if takes_now(action) {
        context.entry("now".into()).or_insert(Value::Datetime(now));
    }
}
