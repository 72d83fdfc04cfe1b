//! Batches of changes from JSON, for callers in other languages.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeSeed as _;
use serde_json::value::RawValue;

use super::diagnose::shorten;
use super::read::{Reference, typed};
use crate::cedar::EntityParser;
use crate::model::json::distinct_fields;
use crate::model::object;
use crate::model::suggest::hint;
use crate::model::{EntityType, EntityUid, Error, Problem, Schema, Type, Value};
use crate::world::Changes;

/// Changes of one batch.
const MAX_CHANGES: usize = 1_000_000;

/// One change, its values still text.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line<'a> {
    #[serde(borrow, deserialize_with = "object::one")]
    Put(Entity<'a>),
    #[serde(borrow, deserialize_with = "object::one")]
    Set(OneValue<'a>),
    #[serde(borrow, deserialize_with = "object::one")]
    Unset(OneName<'a>),
    #[serde(borrow, deserialize_with = "object::one")]
    SetParents(Parents<'a>),
    #[serde(borrow, deserialize_with = "object::one")]
    SetTag(OneValue<'a>),
    #[serde(borrow, deserialize_with = "object::one")]
    UnsetTag(OneName<'a>),
    #[serde(borrow, deserialize_with = "object::one")]
    Remove(One<'a>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entity<'a> {
    #[serde(borrow)]
    uid: &'a RawValue,
    #[serde(borrow, default)]
    attrs: Option<&'a RawValue>,
    #[serde(borrow, default)]
    parents: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    tags: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneValue<'a> {
    #[serde(borrow)]
    uid: &'a RawValue,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneName<'a> {
    #[serde(borrow)]
    uid: &'a RawValue,
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parents<'a> {
    #[serde(borrow)]
    uid: &'a RawValue,
    #[serde(borrow)]
    parents: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One<'a> {
    #[serde(borrow)]
    uid: &'a RawValue,
}

/// Reads a batch of changes.
///
/// # Errors
/// [`Error::is_data`], with every problem: the change, the entity and what is wrong.
pub(crate) fn read_changes(schema: &Schema, parser: EntityParser<'_>, json: &str) -> Result<Changes, Error> {
    let refuse = |why: String| Error::data(vec![Problem::error(why)]);
    let lines: Vec<Line<'_>> =
        serde_json::from_str(json).map_err(|e| refuse(format!("not a list of changes in JSON: {e}")))?;
    if lines.len() > MAX_CHANGES {
        return Err(refuse(format!("{} changes, more than the {MAX_CHANGES} of one batch", lines.len())));
    }
    let reader = Reader { schema, parser };
    let (mut changes, mut problems) = (Changes::new(), Vec::new());
    for (line, number) in lines.iter().zip(1..) {
        match line
            .uid()
            .and_then(|uid| reader.add(changes, &uid, line).map_err(|why| format!("{uid}: {why}")))
        {
            Ok(more) => changes = more,
            Err(why) => {
                // Nothing of a batch is kept where something of it is refused.
                changes = Changes::new();
                problems.push(Problem::error(format!("change {number}: {why}")));
            }
        }
    }
    if problems.is_empty() { Ok(changes) } else { Err(Error::data(problems)) }
}

impl Line<'_> {
    fn uid(&self) -> Result<EntityUid, String> {
        let (Line::Put(Entity { uid, .. })
        | Line::Set(OneValue { uid, .. })
        | Line::Unset(OneName { uid, .. })
        | Line::SetParents(Parents { uid, .. })
        | Line::SetTag(OneValue { uid, .. })
        | Line::UnsetTag(OneName { uid, .. })
        | Line::Remove(One { uid })) = self;
        reference(uid)
    }
}

struct Reader<'a> {
    schema: &'a Schema,
    parser: EntityParser<'a>,
}

impl Reader<'_> {
    /// `changes`, and one more on the entity `uid`.
    fn add(&self, changes: Changes, uid: &EntityUid, line: &Line<'_>) -> Result<Changes, String> {
        let ty = self.schema.type_id(uid.type_name()).and_then(|ty| self.schema.entity_type(ty));
        let ty = ty.ok_or_else(|| format!("the schema has no entity type `{}`", uid.type_name()))?;
        Ok(match line {
            Line::Put(Entity { attrs, parents, tags, .. }) => {
                let attributes = fields(*attrs, |name, value| self.attribute(ty, name, value))?;
                let tags = fields(*tags, |name, value| self.tag(ty, name, value))?;
                let attributes = attributes.iter().map(|(name, value)| (name.as_ref(), value.clone()));
                changes.put_whole(uid, attributes, references(parents)?, tags)
            }
            Line::Set(OneValue { name, value, .. }) => {
                changes.set(uid, name, self.attribute(ty, name, value)?)
            }
            Line::Unset(OneName { name, .. }) => changes.unset(uid, name),
            Line::SetParents(Parents { parents, .. }) => changes.set_parents(uid, references(parents)?),
            Line::SetTag(OneValue { name, value, .. }) => {
                changes.set_tag(uid, name, self.tag(ty, name, value)?)
            }
            Line::UnsetTag(OneName { name, .. }) => changes.unset_tag(uid, name),
            Line::Remove(_) => changes.remove(uid),
        })
    }

    fn attribute(&self, ty: &EntityType, name: &str, value: &RawValue) -> Result<Value, String> {
        let (_, attribute) = ty.attribute(name).ok_or_else(|| {
            let known = ty.attributes.iter().map(|(name, _)| name.as_ref());
            format!("attribute `{name}` is not in the schema{}", hint(name, known))
        })?;
        if let Some(value) = typed(self.schema, &attribute.ty, value) {
            return Ok(value);
        }
        let json = serde_json::from_str(value.get()).map_err(|e| format!("attribute `{name}`: {e}"))?;
        let read = self.parser.attribute(&ty.name, name, &json);
        read.ok().flatten().ok_or_else(|| self.other(&format!("attribute `{name}`"), &attribute.ty, value))
    }

    fn tag(&self, ty: &EntityType, name: &str, value: &RawValue) -> Result<Value, String> {
        let of = ty.tags.as_ref().ok_or_else(|| format!("type `{}` has no tags", ty.name))?;
        typed(self.schema, of, value).ok_or_else(|| self.other(&format!("tag `{name}`"), of, value))
    }

    fn other(&self, what: &str, ty: &Type, found: &RawValue) -> String {
        format!("{what}: expected {}, found {}", self.schema.show(ty), shorten(found.get()))
    }
}

/// The fields of a record as `read` reads them; none where there is no record.
fn fields(
    record: Option<&RawValue>,
    read: impl Fn(&str, &RawValue) -> Result<Value, String>,
) -> Result<BTreeMap<Arc<str>, Value>, String> {
    let fields = record.map_or_else(|| Ok(Vec::new()), |record| distinct_fields(record.get()))?;
    fields.into_iter().map(|(name, value)| Ok((Arc::from(name.as_str()), read(&name, value)?))).collect()
}

fn references(all: &[&RawValue]) -> Result<Vec<EntityUid>, String> {
    all.iter().map(|one| reference(one)).collect()
}

/// An entity's name, as an object or in Cedar's syntax.
fn reference(json: &RawValue) -> Result<EntityUid, String> {
    if let Ok(text) = serde_json::from_str::<String>(json.get()) {
        return text.parse().map_err(|e: Error| e.to_string());
    }
    let read = Reference::Outer.deserialize(&mut serde_json::Deserializer::from_str(json.get()));
    let (type_name, id) = read.map_err(|_| format!("{} is not an entity's name", shorten(json.get())))?;
    Ok(EntityUid::new(type_name, id))
}
