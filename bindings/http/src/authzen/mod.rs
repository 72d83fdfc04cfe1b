//! OpenID AuthZEN Authorization API 1.0, over policies and data.
//!
//! A subject and a resource are entities, by their type and id; an action is one by its name. A denial is an answer, and so
//! is a name that nobody knows. What cannot be read is an error.

pub(crate) mod asked;
pub(crate) mod discovery;
pub(crate) mod evaluation;
mod facts;
pub(crate) mod held;
pub(crate) mod search;

use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

/// The fields of an object.
pub(crate) type Fields = Map<String, Json>;

/// An entity of a request: a subject or a resource.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) entity_type: String,
    /// Absent where it is what is looked for.
    pub(crate) id: Option<String>,
    pub(crate) properties: Option<Fields>,
}

/// An action of a request.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) name: String,
    pub(crate) properties: Option<Fields>,
}

/// The answer to one evaluation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Decision {
    /// Whether it is permitted.
    pub(crate) decision: bool,
    /// What the decision was made by and from.
    pub(crate) context: DecisionContext,
}

/// What a decision was made by and from.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct DecisionContext {
    /// The rules that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) rules: Option<Vec<std::sync::Arc<str>>>,
    /// The policies that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) policies: Option<Vec<std::sync::Arc<str>>>,
    /// SHA-256 of schema, policies and catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) policy_hash: Option<std::sync::Arc<str>>,
    /// The version of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_version: Option<u64>,
    /// The instant that was taken for now, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) now: Option<std::sync::Arc<str>>,
    /// Why, or why not: for callers whose key says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) reasons: Option<Json>,
    /// Why it could not be decided, where it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ItemError>,
}

/// Why an evaluation could not be decided.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemError {
    /// The status that it would have had alone.
    pub(crate) status: u16,
    /// What is wrong.
    pub(crate) message: String,
}

impl Decision {
    /// What could not be decided is denied.
    pub(crate) fn undecided(message: String) -> Self {
        let error = Some(ItemError { status: 400, message });
        Decision { decision: false, context: DecisionContext { error, ..DecisionContext::default() } }
    }
}

/// The object that a request is.
pub(crate) fn object(body: Json) -> Result<Fields, String> {
    match body {
        Json::Object(fields) => Ok(fields),
        _ => Err("the body is a JSON object".to_owned()),
    }
}

/// Reads a subject or a resource.
pub(crate) fn named(what: &str, value: Option<&Json>, has_id: bool) -> Result<Named, String> {
    let fields = fields(what, value)?;
    let entity_type = text(what, fields, "type")?;
    let id = if has_id { Some(text(what, fields, "id")?) } else { None };
    Ok(Named { entity_type, id, properties: properties(what, fields)? })
}

/// Reads an action.
pub(crate) fn act(value: Option<&Json>) -> Result<Act, String> {
    let fields = fields("action", value)?;
    Ok(Act { name: text("action", fields, "name")?, properties: properties("action", fields)? })
}

/// Reads a context: a missing one and an empty one are alike.
pub(crate) fn context(value: Option<&Json>) -> Result<Fields, String> {
    match value {
        None => Ok(Fields::new()),
        Some(Json::Object(fields)) => Ok(fields.clone()),
        Some(_) => Err("`context` is an object".to_owned()),
    }
}

fn fields<'a>(what: &str, value: Option<&'a Json>) -> Result<&'a Fields, String> {
    match value {
        Some(Json::Object(fields)) => Ok(fields),
        Some(_) => Err(format!("`{what}` is an object")),
        None => Err(format!("`{what}` is missing")),
    }
}

fn text(what: &str, fields: &Fields, name: &str) -> Result<String, String> {
    match fields.get(name) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("`{name}` of `{what}` is a text")),
        None => Err(format!("`{name}` of `{what}` is missing")),
    }
}

fn properties(what: &str, fields: &Fields) -> Result<Option<Fields>, String> {
    match fields.get("properties") {
        None => Ok(None),
        Some(Json::Object(properties)) => Ok(Some(properties.clone())),
        Some(_) => Err(format!("`properties` of `{what}` is an object")),
    }
}
