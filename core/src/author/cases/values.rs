//! TOML values as values of the schema's types.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cedar::{construct, parse_decimal};
use crate::model::suggest::hint;
use crate::model::{Attribute, EntityUid, Schema, Type, Value, timestamp};

/// What is wrong, and where.
pub(super) type Wrong = (String, Range<usize>);

/// A key as the text has it.
pub(super) type Key<'t> = Spanned<Cow<'t, str>>;

/// The fields of a record or a context; those of other names are refused, or `left_out`.
pub(super) fn fields(
    schema: &Schema,
    fields: &BTreeMap<Arc<str>, Attribute>,
    table: &DeTable<'_>,
    left_out: bool,
) -> Result<BTreeMap<Arc<str>, Value>, Wrong> {
    let mut values = BTreeMap::new();
    for (name, given) in table.iter() {
        let (name, at) = (name.get_ref().as_ref(), name.span());
        let Some(field) = fields.get(name) else {
            if left_out {
                continue;
            }
            let hint = hint(name, fields.keys().map(AsRef::as_ref));
            return Err((format!("the schema has no field `{name}` here{hint}"), at));
        };
        values.insert(Arc::from(name), value(schema, &field.ty, given)?);
    }
    Ok(values)
}

/// The value that TOML writes, given its type.
pub(super) fn value(schema: &Schema, ty: &Type, given: &Spanned<DeValue<'_>>) -> Result<Value, Wrong> {
    let found = match (ty, given.get_ref()) {
        (Type::Bool, DeValue::Boolean(v)) => Some(Value::Bool(*v)),
        (Type::Long, DeValue::Integer(v)) => integer(v).map(Value::Long),
        (Type::String, DeValue::String(v)) => Some(Value::string(v.as_ref())),
        (Type::Entity(of), DeValue::String(id)) => {
            schema.entity_type(*of).map(|ty| Value::Entity(EntityUid::new(ty.name.clone(), id.as_ref())))
        }
        (Type::Set(element), DeValue::Array(all)) => {
            let all = all.iter().map(|v| value(schema, element, v));
            Some(Value::Set(all.collect::<Result<_, _>>()?))
        }
        (Type::Record(of), DeValue::Table(table)) => Some(Value::Record(fields(schema, of, table, false)?)),
        (Type::Datetime, DeValue::String(text)) => timestamp::parse_rfc3339(text).map(Value::Datetime),
        (Type::Datetime, DeValue::Datetime(at)) => {
            timestamp::parse_rfc3339(&at.to_string()).map(Value::Datetime)
        }
        (Type::Datetime, DeValue::Integer(v)) => integer(v).map(Value::Datetime),
        (Type::Duration, DeValue::String(text)) => construct("duration", text),
        (Type::Decimal, DeValue::String(text)) => parse_decimal(text).map(Value::Decimal),
        (Type::Ip, DeValue::String(text)) => construct("ip", text),
        _ => None,
    };
    found.ok_or_else(|| (format!("expected {}", schema.show(ty)), given.span()))
}

/// The instant of a question, which a date alone is not; milliseconds since 1970 are one.
pub(super) fn instant(schema: &Schema, given: &Spanned<DeValue<'_>>) -> Result<Value, Wrong> {
    let text = match given.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(at) => at.to_string(),
        _ => return value(schema, &Type::Datetime, given),
    };
    let at = timestamp::instant(&text).map(Value::Datetime);
    at.ok_or_else(|| (timestamp::not_an_instant(&text), given.span()))
}

fn integer(given: &toml::de::DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(given.as_str(), given.radix()).ok()
}

pub(super) fn text<'t>(given: &'t Spanned<DeValue<'_>>) -> Result<&'t str, Wrong> {
    match given.get_ref() {
        DeValue::String(text) => Ok(text.as_ref()),
        _ => Err(("expected a text".to_owned(), given.span())),
    }
}

pub(super) fn table<'t, 'i>(given: &'t Spanned<DeValue<'i>>) -> Result<&'t DeTable<'i>, Wrong> {
    match given.get_ref() {
        DeValue::Table(table) => Ok(table),
        _ => Err(("expected a table".to_owned(), given.span())),
    }
}

/// A list of texts, each with its place.
pub(super) fn texts<'t>(given: &'t Spanned<DeValue<'_>>) -> Result<Vec<(&'t str, Range<usize>)>, Wrong> {
    let DeValue::Array(all) = given.get_ref() else {
        return Err(("expected a list of texts".to_owned(), given.span()));
    };
    all.iter().map(|one| Ok((text(one)?, one.span()))).collect()
}

/// The entity that `Type.id` names.
pub(super) fn uid(schema: &Schema, text: &str, at: Range<usize>) -> Result<EntityUid, Wrong> {
    let Some((ty, id)) = text.split_once('.') else {
        return Err((format!("`{text}` is not of the form Type.id"), at));
    };
    schema.known_type(ty).map_err(|error| (error.to_string(), at))?;
    Ok(EntityUid::new(ty, id))
}
