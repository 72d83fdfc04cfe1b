//! Who asks to do what to which record, and under which circumstances.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::policy::{EntityParser, NO_VALUE};
use crate::schema::{Action, Type};
use crate::suggest::hint;
use crate::time;
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::conforms;
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

carried!(struct Request { principal, action, resource, context });

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
        let refuse = |why: &str| Err(Error::request(format!("not a request in JSON: {why}")));
        match json.trim_start().chars().next() {
            Some('{') => {}
            // A list would be taken for the fields in their order.
            Some('[') => {
                return refuse(
                    "a request is an object with `principal`, `action` and `resource`, not a list",
                );
            }
            Some('\u{feff}') => return refuse("it starts with a byte order mark (BOM)"),
            _ => return refuse("a request is an object with `principal`, `action` and `resource`"),
        }
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
        let refuse = |why: String| Error::request(format!("the context of {}: {why}", action.uid));
        let mut fields = BTreeMap::new();
        for (name, value) in distinct_fields(json).map_err(refuse)? {
            fields.insert(Arc::from(name.as_str()), self.read_field(action, &name, value).map_err(refuse)?);
        }
        fill_now(action, &mut fields, now);
        Ok(fields)
    }

    /// Reads a context that serves every action of the two types: each field as an action that knows it reads it.
    ///
    /// `now` becomes the field of that name where some action asks for it and the JSON lacks it.
    ///
    /// # Errors
    /// [`Error::is_request`]
    pub fn read_context_for(
        &self,
        principal: &EntityUid,
        resource: &EntityUid,
        json: &str,
        now: i64,
    ) -> Result<BTreeMap<Arc<str>, Value>, Error> {
        let refuse = |why: String| Error::request(format!("the context: {why}"));
        let actions: Vec<&Action> = self.actions_for(principal, resource).collect();
        let mut fields = BTreeMap::new();
        for (name, value) in distinct_fields(json).map_err(refuse)? {
            let reader = actions.iter().find(|action| action.context.contains_key(name.as_str()));
            let reader = reader.ok_or_else(|| {
                let known = actions.iter().flat_map(|action| action.context.keys());
                refuse(format!(
                    "no action here takes a field `{name}`{}",
                    hint(&name, known.map(AsRef::as_ref))
                ))
            })?;
            fields.insert(Arc::from(name.as_str()), self.read_field(reader, &name, value).map_err(refuse)?);
        }
        for action in actions {
            fill_now(action, &mut fields, now);
        }
        Ok(fields)
    }

    /// Gives a context the `now` that it lacks, in milliseconds since 1970-01-01T00:00:00Z, where the action asks
    /// for one.
    ///
    /// # Errors
    /// [`Error::is_request`] for an action that the schema lacks.
    pub fn fill_now(
        &self,
        action: &str,
        context: &mut BTreeMap<Arc<str>, Value>,
        now: i64,
    ) -> Result<(), Error> {
        fill_now(self.action(action)?, context, now);
        Ok(())
    }

    /// As [`Ward::fill_now`], where any action that takes the two types asks for a `now`.
    pub fn fill_now_for(
        &self,
        principal: &EntityUid,
        resource: &EntityUid,
        context: &mut BTreeMap<Arc<str>, Value>,
        now: i64,
    ) {
        for action in self.actions_for(principal, resource) {
            fill_now(action, context, now);
        }
    }

    /// The actions that take a principal and a resource of these types.
    pub(crate) fn actions_for(
        &self,
        principal: &EntityUid,
        resource: &EntityUid,
    ) -> impl Iterator<Item = &Action> {
        let types =
            (self.schema().type_id(principal.type_name()), self.schema().type_id(resource.type_name()));
        self.schema().actions().iter().filter(move |action| {
            types.0.is_some_and(|ty| action.principals.contains(&ty))
                && types.1.is_some_and(|ty| action.resources.contains(&ty))
        })
    }

    /// Reads one field of an action's context.
    fn read_field(&self, action: &Action, name: &str, value: &RawValue) -> Result<Value, String> {
        if !action.context.contains_key(name) {
            let known = action.context.keys().map(AsRef::as_ref);
            return Err(format!("`{name}` is not in the schema{}", hint(name, known)));
        }
        // As people write instants, besides Cedar's own forms.
        if name == "now"
            && takes_now(action)
            && let Some(at) =
                serde_json::from_str(value.get()).ok().and_then(|text: String| time::instant(&text))
        {
            return Ok(Value::Datetime(at));
        }
        let alone = format!("{{{}:{value}}}", serde_json::Value::from(name));
        let usual = context_fields(self.schema(), &action.context, &alone);
        if let Some(value) = usual.and_then(|mut fields| fields.remove(name)) {
            return Ok(value);
        }
        serde_json::from_str::<Distinct>(value.get()).map_err(|e| format!("`{name}`: {e}"))?;
        let parser = EntityParser::new(&self.inner.loaded.cedar_schema);
        let read =
            parser.field(name, value.get(), &action.uid).map_err(|why| match action.context.get(name) {
                Some(field) if why.contains(NO_VALUE) => {
                    format!("`{name}`: expected {}, found {value}", self.schema().show(&field.ty))
                }
                _ => format!("`{name}`: {why}"),
            })?;
        if let Some(field) = action.context.get(name) {
            conforms(self.schema(), &field.ty, &read).map_err(|why| format!("`{name}`: {why}"))?;
        }
        Ok(read)
    }

    pub(crate) fn action(&self, name: &str) -> Result<&Action, Error> {
        self.schema().known_action(name)
    }
}

/// The fields of a JSON record, none of them twice: of two, a reader could take the one that another ignores.
pub(crate) fn distinct_fields(json: &str) -> Result<Vec<(String, &RawValue)>, String> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let fields = DistinctFields.deserialize(&mut deserializer).map_err(|e| e.to_string())?;
    deserializer.end().map_err(|e| e.to_string())?;
    Ok(fields)
}

struct DistinctFields;

impl<'de> DeserializeSeed<'de> for DistinctFields {
    type Value = Vec<(String, &'de RawValue)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DistinctFields {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Vec<(String, &RawValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom(format!("`{name}` is given twice")));
            }
            fields.push((name, value));
        }
        Ok(fields)
    }
}

/// Any JSON in which no record has two fields of one name, at any depth.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Distinct)
    }
}

macro_rules! any_scalar {
    ($($visit:ident: $ty:ty),*) => {
        $(fn $visit<E>(self, _: $ty) -> Result<Self, E> {
            Ok(self)
        })*
    };
}

impl<'de> Visitor<'de> for Distinct {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    any_scalar!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Distinct>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, Distinct)) = map.next_entry::<String, Distinct>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("`{name}` is given twice")));
            }
        }
        Ok(self)
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
