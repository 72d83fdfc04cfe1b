//! Cedar's own reading of entities and contexts, for what the fast reader does not recognise.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{Context, Entities, Schema as CedarSchema};
use cedar_policy_core::ast::EntityUID;

use super::value::{from_partial, uid_from_cedar};
use crate::uid::EntityUid;
use crate::value::Value;

/// What Cedar makes of one entity's JSON.
pub(crate) enum Parsed {
    /// An entity of the data.
    Entity {
        uid: EntityUid,
        attributes: BTreeMap<Arc<str>, Value>,
        parents: Vec<EntityUid>,
        tags: BTreeMap<Arc<str>, Value>,
    },
    /// An action as the schema has it: data may repeat it.
    Action,
}

/// Reads JSON just as Cedar does.
pub(crate) struct EntityParser<'a> {
    schema: &'a CedarSchema,
}

impl<'a> EntityParser<'a> {
    pub(crate) fn new(schema: &'a CedarSchema) -> Self {
        EntityParser { schema }
    }

    /// Reads the JSON text of one entity.
    ///
    /// # Errors
    /// Cedar's message, where it does not take the entity.
    pub(crate) fn parse(&self, json: &str) -> Result<Parsed, String> {
        // As a list of one: so it is read at the depth at which it stands in its file.
        let entities = Entities::from_json_str(&format!("[{json}]"), Some(self.schema)).map_err(|e| chain(&e))?;
        let data = entities.iter().find(|e| {
            let uid: &EntityUID = AsRef::<cedar_policy_core::ast::Entity>::as_ref(*e).uid();
            !uid.is_action()
        });
        let Some(entity) = data else { return Ok(Parsed::Action) };
        let entity: &cedar_policy_core::ast::Entity = entity.as_ref();
        let values = |pairs: &mut dyn Iterator<Item = (&smol_str::SmolStr, &cedar_policy_core::ast::PartialValue)>| {
            pairs
                .map(|(name, value)| {
                    let value = from_partial(value).ok_or_else(|| format!("`{name}` has no known value"))?;
                    Ok((Arc::from(name.as_str()), value))
                })
                .collect::<Result<BTreeMap<_, _>, String>>()
        };
        Ok(Parsed::Entity {
            uid: uid_from_cedar(entity.uid()),
            attributes: values(&mut entity.attrs())?,
            parents: entity.ancestors().map(uid_from_cedar).collect(),
            tags: values(&mut entity.tags())?,
        })
    }

    /// Reads a context's JSON for an action.
    ///
    /// # Errors
    /// Cedar's message, where it does not take the context.
    pub(crate) fn context(&self, json: &str, action: &EntityUid) -> Result<Value, String> {
        let action = cedar_policy::EntityUid::from_type_name_and_id(
            action.type_name().parse().map_err(|_| format!("{action} is not an action"))?,
            cedar_policy::EntityId::new(action.id()),
        );
        let context = Context::from_json_str(json, Some((self.schema, &action))).map_err(|e| chain(&e))?;
        let cedar_policy_core::ast::Context::Value(fields) = AsRef::as_ref(&context) else {
            return Err("the context holds an unknown".to_owned());
        };
        let fields = fields.iter().map(|(name, value)| {
            let value = super::value::from_cedar(value).ok_or_else(|| format!("`{name}` has no known value"))?;
            Ok((Arc::from(name.as_str()), value))
        });
        Ok(Value::Record(fields.collect::<Result<_, String>>()?))
    }
}

/// An error with those behind it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text.replace('\n', " ")
}
