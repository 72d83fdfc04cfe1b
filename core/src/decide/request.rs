//! Requests and contexts in JSON.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::cedar::{EntityParser, NO_VALUE};
use crate::engine::Engine;
use crate::model::context::{Fields, NOW};
use crate::model::json::{Distinct, distinct_fields};
use crate::model::suggest::hint;
use crate::model::{Action, ActionName, Context, EntityUid, Error, Request, Value, timestamp};
use crate::world::conforms;
use crate::world::json::context_fields;

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

/// The text of a datetime in one of its usual forms, plain or as a call of the constructor.
fn written_instant(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Written {
        Plain(String),
        Called { __extn: Call },
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Call {
        r#fn: String,
        arg: String,
    }
    match serde_json::from_str(json).ok()? {
        Written::Plain(text) => Some(text),
        Written::Called { __extn: Call { r#fn, arg } } => (r#fn == "datetime").then_some(arg),
    }
}

impl Engine {
    pub(crate) fn read_request(&self, json: &str) -> Result<Request, Error> {
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
        let (principal, resource) = (line.principal.parse()?, line.resource.parse()?);
        let context = self.read_context(&line.action, line.context.map_or("{}", RawValue::get))?;
        Ok(Request::new(principal, ActionName::new(line.action), resource).in_context(context))
    }

    pub(crate) fn read_context(&self, action: &str, json: &str) -> Result<Context, Error> {
        let action = self.action(action)?;
        let refuse = |why: String| Error::request(format!("the context of {}: {why}", action.uid));
        if let Some(fields) = context_fields(self.schema(), &action.context, json)
            && !(action.takes_now() && fields.contains_key(NOW))
        {
            return Ok(fields.into());
        }
        let mut fields = Fields::new();
        for (name, value) in distinct_fields(json).map_err(refuse)? {
            fields.insert(Arc::from(name.as_str()), self.read_field(action, &name, value).map_err(refuse)?);
        }
        Ok(fields.into())
    }

    pub(crate) fn read_context_for(
        &self,
        principal: &EntityUid,
        resource: &EntityUid,
        json: &str,
    ) -> Result<Context, Error> {
        let refuse = |why: String| Error::request(format!("the context: {why}"));
        let actions = || self.schema().actions_for(principal.type_name(), resource.type_name());
        let mut fields = Fields::new();
        for (name, value) in distinct_fields(json).map_err(refuse)? {
            let reader = actions().find(|action| action.context.contains_key(name.as_str()));
            let reader = reader.ok_or_else(|| {
                let known = actions().flat_map(|action| action.context.keys());
                refuse(format!(
                    "no action here takes a field `{name}`{}",
                    hint(&name, known.map(AsRef::as_ref))
                ))
            })?;
            fields.insert(Arc::from(name.as_str()), self.read_field(reader, &name, value).map_err(refuse)?);
        }
        Ok(fields.into())
    }

    /// Reads one field of an action's context.
    fn read_field(&self, action: &Action, name: &str, value: &RawValue) -> Result<Value, String> {
        if !action.context.contains_key(name) {
            let known = action.context.keys().map(AsRef::as_ref);
            return Err(format!("`{name}` is not in the schema{}", hint(name, known)));
        }
        if name == NOW
            && action.takes_now()
            && let Some(text) = written_instant(value.get())
        {
            let at = timestamp::instant(&text).map(Value::Datetime);
            return at.ok_or_else(|| format!("`{name}`: {}", timestamp::not_an_instant(&text)));
        }
        let alone = format!("{{{}:{value}}}", serde_json::Value::from(name));
        let usual = context_fields(self.schema(), &action.context, &alone);
        if let Some(value) = usual.and_then(|mut fields| fields.remove(name)) {
            return Ok(value);
        }
        serde_json::from_str::<Distinct>(value.get()).map_err(|e| format!("`{name}`: {e}"))?;
        let parser = EntityParser::new(&self.loaded.cedar_schema);
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
}
