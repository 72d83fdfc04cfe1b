//! Cedar's own reading of entities and contexts, for what the fast reader does not recognise.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{Entities, Schema as CedarSchema};
use cedar_policy_core::ast::{EntityUID, PartialValue};
use cedar_policy_core::entities::conformance::typecheck_value_against_schematype;
use cedar_policy_core::entities::{
    AttributeType, ContextJsonParser, ContextSchema, EntityTypeDescription as _, SchemaType,
};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::{EntityTypeDescription, ValidatorSchema, context_schema_for_action};
use smol_str::SmolStr;

use super::value::{from_partial, uid_from_cedar};
use crate::model::{EntityUid, Value};

/// Said of JSON that Cedar has no value for.
pub(crate) const NO_VALUE: &str = "it holds what is no value of Cedar";

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

/// Why one entity's JSON is not taken.
pub(crate) enum Refusal {
    /// Cedar's message.
    Cedar(String),
    /// Cedar takes it, as a value to be filled in later; a world has no such values.
    Unknown(String),
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
    /// Where Cedar does not take the entity, or it holds an unknown.
    pub(crate) fn parse(&self, json: &str) -> Result<Parsed, Refusal> {
        // As a list of one: so it is read at the depth at which it stands in its file.
        let entities = Entities::from_json_str(&format!("[{json}]"), Some(self.schema))
            .map_err(|e| Refusal::Cedar(chain(&e)))?;
        let data = entities.iter().find(|e| {
            let uid: &EntityUID = AsRef::<cedar_policy_core::ast::Entity>::as_ref(*e).uid();
            !uid.is_action()
        });
        let Some(entity) = data else { return Ok(Parsed::Action) };
        let entity: &cedar_policy_core::ast::Entity = entity.as_ref();
        let values = |pairs: &mut dyn Iterator<Item = (&SmolStr, &PartialValue)>| {
            pairs
                .map(|(name, value)| {
                    let unknown =
                        || Refusal::Unknown(format!("`{name}` holds an unknown, which data may not"));
                    Ok((Arc::from(name.as_str()), from_partial(value).ok_or_else(unknown)?))
                })
                .collect::<Result<BTreeMap<_, _>, Refusal>>()
        };
        // Cedar holds them in a hash table, whose order is another at each start.
        let mut parents: Vec<EntityUid> = entity.ancestors().map(uid_from_cedar).collect();
        parents.sort();
        Ok(Parsed::Entity {
            uid: uid_from_cedar(entity.uid()),
            attributes: values(&mut entity.attrs())?,
            parents,
            tags: values(&mut entity.tags())?,
        })
    }

    /// What Cedar makes of the JSON of one attribute; `None` where it is not in the schema, or unknown.
    ///
    /// # Errors
    /// What Cedar has against it.
    pub(crate) fn attribute(
        &self,
        type_name: &str,
        name: &str,
        json: &serde_json::Value,
    ) -> Result<Option<Value>, String> {
        let schema: &ValidatorSchema = self.schema.as_ref();
        let described = type_name.parse().ok().and_then(|ty| EntityTypeDescription::new(schema, &ty));
        let Some(ty) = described.and_then(|described| described.attr_type(name)) else { return Ok(None) };
        // Cedar reads single values only as fields of a context.
        let one = OneField { name, field: AttributeType::required(ty.clone()) };
        let reader = ContextJsonParser::new(Some(&one), Extensions::all_available())
            .from_json_value(serde_json::json!({ name: json }))
            .map_err(|e| chain(&e))?;
        let cedar_policy_core::ast::Context::Value(fields) = reader else { return Ok(None) };
        let Some(value) = fields.get(name) else { return Ok(None) };
        typecheck_value_against_schematype(
            &PartialValue::Value(value.clone()),
            &ty,
            Extensions::all_available(),
        )
        .map_err(|e| chain(&e))?;
        Ok(super::value::from_cedar(value))
    }

    /// Reads the JSON of one field of an action's context, whatever else the context holds.
    ///
    /// # Errors
    /// Cedar's message, where it does not take the field.
    pub(crate) fn field(&self, name: &str, json: &str, action: &EntityUid) -> Result<Value, String> {
        let schema: &ValidatorSchema = self.schema.as_ref();
        let uid = cedar_policy::EntityUid::from_type_name_and_id(
            action.type_name().parse().map_err(|_| format!("{action} is not an action"))?,
            cedar_policy::EntityId::new(action.id()),
        );
        let fields = context_schema_for_action(schema, uid.as_ref()).map(|context| context.context_type());
        let Some(SchemaType::Record { mut attrs, .. }) = fields else {
            return Err(format!("{action} takes no context"));
        };
        let field = attrs.remove(name).ok_or("it is not in the schema")?;
        // Alone: of a whole context Cedar would ask for the other fields too.
        let read = ContextJsonParser::new(Some(&OneField { name, field }), Extensions::all_available())
            .from_json_str(&format!("{{{}:{json}}}", serde_json::Value::from(name)))
            .map_err(|e| chain(&e))?;
        let cedar_policy_core::ast::Context::Value(fields) = read else {
            return Err("it holds an unknown".to_owned());
        };
        fields.get(name).and_then(super::value::from_cedar).ok_or_else(|| "it has no known value".to_owned())
    }
}

/// A context with one field.
struct OneField<'a> {
    name: &'a str,
    field: AttributeType,
}

impl ContextSchema for OneField<'_> {
    fn context_type(&self) -> SchemaType {
        let field = (SmolStr::new(self.name), self.field.clone());
        SchemaType::Record { attrs: BTreeMap::from([field]), open_attrs: false }
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
    let text = text.replace('\n', " ");
    // Cedar says here which of its own types JSON fits none of.
    match text.split_once("data did not match any variant of untagged enum") {
        Some((before, _)) => format!("{before}{NO_VALUE}: null, or a number that is not whole or too large"),
        None => text,
    }
}
