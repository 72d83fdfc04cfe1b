//! Whether values fit types.

use crate::model::{Schema, Type, Value};

/// Says in what way `value` is not of type `ty`.
pub(crate) fn conforms(schema: &Schema, ty: &Type, value: &Value) -> Result<(), String> {
    let fits = match (value, ty) {
        (Value::Bool(_), Type::Bool)
        | (Value::Long(_), Type::Long)
        | (Value::String(_), Type::String)
        | (Value::Decimal(_), Type::Decimal)
        | (Value::Ip(_), Type::Ip)
        | (Value::Datetime(_), Type::Datetime)
        | (Value::Duration(_), Type::Duration) => true,
        (Value::Entity(uid), Type::Entity(of)) => match schema.entity_type(*of) {
            Some(ty) if ty.name.as_ref() == uid.type_name() => match &ty.choices {
                Some(choices) if !choices.iter().any(|c| c.as_ref() == uid.id()) => {
                    return Err(format!("{uid} is not one of the schema's"));
                }
                _ => true,
            },
            _ => false,
        },
        (Value::Set(values), Type::Set(element)) => {
            return values.iter().try_for_each(|v| conforms(schema, element, v));
        }
        (Value::Record(values), Type::Record(fields)) => {
            for (name, field) in fields.iter() {
                match values.get(name) {
                    Some(value) => {
                        conforms(schema, &field.ty, value).map_err(|e| format!("`{name}`: {e}"))?
                    }
                    None if field.required => return Err(format!("`{name}` is missing")),
                    None => {}
                }
            }
            return match values.keys().find(|name| !fields.contains_key(*name)) {
                Some(name) => Err(format!("`{name}` is not in the schema")),
                None => Ok(()),
            };
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("expected {}, found {}", schema.show(ty), kind(value))) }
}

/// What kind of value it is, in words.
fn kind(value: &Value) -> String {
    match value {
        Value::Bool(_) => "a Bool".into(),
        Value::Long(_) => "a Long".into(),
        Value::String(_) => "a String".into(),
        Value::Entity(uid) => uid.to_string(),
        Value::Set(_) => "a set".into(),
        Value::Record(_) => "a record".into(),
        Value::Decimal(_) => "a decimal".into(),
        Value::Ip(_) => "an ipaddr".into(),
        Value::Datetime(_) => "a datetime".into(),
        Value::Duration(_) => "a duration".into(),
    }
}
