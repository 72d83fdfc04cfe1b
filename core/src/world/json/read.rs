//! Reading entities, fast where their form is the usual one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::diagnose::diagnose;
use super::elements::{Broken, Elements};
use crate::cedar::{EntityParser, Parsed, construct, parse_decimal};
use crate::model::interrupt::Pulse;
use crate::model::{
    AttrId, Attribute, EntityUid, Error, Problem, Schema, Span, Type, TypeId, Value, timestamp,
};
use crate::world::build::on;
use crate::world::{Draft, Row, World, WorldBuilder};

/// Entities between two reports of progress.
const REPORT_EVERY: u64 = 4_096;

/// Reads a world; `progress` hears, now and then, how many bytes were read.
pub(crate) fn read(
    schema: &Arc<Schema>,
    parser: &EntityParser<'_>,
    input: impl Read,
    progress: &mut dyn FnMut(u64),
) -> Result<World, Error> {
    let mut builder = WorldBuilder::new(schema);
    let mut draft = builder.draft(TypeId(0), Row(0));
    let mut elements = Elements::new(input);
    let mut number = 0_u64;
    let pulse = Pulse::default();
    loop {
        pulse.step()?;
        let element = match elements.next() {
            Ok(Some(element)) => element,
            Ok(None) => break,
            Err(Broken::Stream(why)) => return Err(Error::read("the entities", why)),
            Err(Broken::Syntax(why, place)) => {
                let problem = Problem::error(format!("not a list of entities in JSON: {why}"));
                builder.problem(Problem { span: Some(place), ..problem });
                break;
            }
        };
        number += 1;
        let place = |part: Range<usize>| elements.span(element.start + part.start..element.start + part.end);
        let whole = element.end - element.start;
        match std::str::from_utf8(elements.text(&element)) {
            Ok(text) => take(&mut builder, &mut draft, parser, (text, number, &place)),
            Err(error) => {
                let at = error.valid_up_to();
                let problem = Problem::error(format!("entity {number} of the list: {error}"));
                builder.problem(problem.in_entity(number, place(at..whole.min(at + 1))));
            }
        }
        if number.is_multiple_of(REPORT_EVERY) {
            progress(elements.position());
        }
    }
    progress(elements.position());
    builder.finish()
}

/// Takes an entity: its text, its number in the list, and the places of its parts.
fn take(
    builder: &mut WorldBuilder,
    draft: &mut Draft,
    parser: &EntityParser<'_>,
    (text, number, place): (&str, u64, &dyn Fn(Range<usize>) -> Span),
) {
    if take_usual(builder, draft, text).is_some() {
        return builder.take(draft);
    }
    match parser.parse(text) {
        Ok(Parsed::Action) => {}
        Ok(Parsed::Entity { uid, attributes, parents, tags }) => {
            take_parsed(builder, draft, &uid, attributes, &parents, tags);
        }
        Err(refusal) => diagnose(builder, parser, (text, number, place), &refusal),
    }
}

/// Takes what Cedar read. Cedar has checked it all, so that nothing is refused here.
fn take_parsed(
    builder: &mut WorldBuilder,
    draft: &mut Draft,
    uid: &EntityUid,
    attributes: BTreeMap<Arc<str>, Value>,
    parents: &[EntityUid],
    tags: BTreeMap<Arc<str>, Value>,
) {
    let schema = builder.schema().clone();
    let Some((ty, entity_type)) =
        schema.type_id(uid.type_name()).and_then(|ty| Some((ty, schema.entity_type(ty)?)))
    else {
        return builder.problem(on(uid, "its type is not in the schema".into()));
    };
    let row = builder.row(ty, uid.id());
    builder.restart(draft, ty, row);
    for (name, value) in attributes {
        let Some((attr, attribute)) = entity_type.attribute(&name) else { continue };
        if let Err(why) = builder.set_value(draft, attr, &attribute.ty, &value) {
            return builder.refuse((ty, row), on(uid, format!("attribute `{name}`: {why}")));
        }
    }
    for parent in parents {
        if let Some(of) = schema.type_id(parent.type_name()) {
            let row = builder.row(of, parent.id());
            draft.parent((of, row));
        }
    }
    for (name, value) in tags {
        draft.tag(name, value);
    }
    builder.take(draft);
}

/// The parts of an entity, each still text.
#[derive(serde::Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    uid: &'a RawValue,
    #[serde(borrow)]
    attrs: &'a RawValue,
    #[serde(borrow)]
    parents: &'a RawValue,
    #[serde(borrow)]
    tags: Option<&'a RawValue>,
}

/// Reads an entity of the usual form into `draft`; `None` where the form is any other.
fn take_usual(builder: &mut WorldBuilder, draft: &mut Draft, text: &str) -> Option<()> {
    if !text.starts_with('{') {
        return None;
    }
    let parts: Parts<'_> = serde_json::from_str(text).ok()?;
    let schema = builder.schema().clone();
    let (type_name, id) = from_text(Reference::Outer, parts.uid)?;
    let ty = schema.type_id(&type_name)?;
    let entity_type = schema.entity_type(ty)?;
    if parts.tags.is_some() || entity_type.choices.is_some() {
        return None;
    }
    let row = builder.row(ty, &id);
    builder.restart(draft, ty, row);
    let parents = from_text(References, parts.parents)?;
    from_text(Attributes { builder, draft, schema: &schema, ty }, parts.attrs)?;
    for (type_name, id) in parents {
        let of = schema.type_id(&type_name).filter(|of| entity_type.ancestors.contains(of))?;
        let of_type = schema.entity_type(of)?;
        if of_type.choices.is_some() {
            return None;
        }
        let row = builder.row(of, &id);
        draft.parent((of, row));
    }
    let complete =
        (0u16..).zip(&entity_type.attributes).all(|(at, (_, a))| !a.required || draft.has(AttrId(at)));
    complete.then_some(())
}

fn from_text<'a, S: DeserializeSeed<'a>>(seed: S, text: &'a RawValue) -> Option<S::Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text.get());
    seed.deserialize(&mut deserializer).ok()
}

/// Reads the fields of a record whose types are known, in the usual forms; `None` for any other.
pub(crate) fn context_fields(
    schema: &Schema,
    fields: &BTreeMap<Arc<str>, Attribute>,
    text: &str,
) -> Option<BTreeMap<Arc<str>, Value>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Fields { schema, fields }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(read)
}

/// Why a form is not the usual one does not matter: Cedar's parser says what is wrong with it.
fn unusual<E: serde::de::Error>() -> E {
    E::custom("not a usual form")
}

macro_rules! expecting {
    ($what:literal) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str($what)
        }
    };
}

/// `{"type": …, "id": …}`, or the same under `__entity` where it is not that already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    Outer,
    Escaped,
}

impl<'de> DeserializeSeed<'de> for Reference {
    type Value = (Cow<'de, str>, Cow<'de, str>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reference {
    type Value = (Cow<'de, str>, Cow<'de, str>);
    expecting!("an entity reference");

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut type_name, mut id) = (None, None);
        while let Some(key) = map.next_key_seed(Text)? {
            match key.as_ref() {
                "__entity" if self == Reference::Outer && type_name.is_none() && id.is_none() => {
                    let inner = map.next_value_seed(Reference::Escaped)?;
                    return match map.next_key_seed(Text)? {
                        None => Ok(inner),
                        Some(_) => Err(unusual()),
                    };
                }
                "type" if type_name.is_none() => type_name = Some(map.next_value_seed(Text)?),
                "id" if id.is_none() => id = Some(map.next_value_seed(Text)?),
                _ => return Err(unusual()),
            }
        }
        type_name.zip(id).ok_or_else(unusual)
    }
}

/// A list of references.
struct References;

impl<'de> DeserializeSeed<'de> for References {
    type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for References {
    type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;
    expecting!("a list of entity references");

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(reference) = list.next_element_seed(Reference::Outer)? {
            all.push(reference);
        }
        Ok(all)
    }
}

/// A string, borrowed where it has no escapes.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;
    expecting!("a string");

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The attributes of an entity, straight into a draft.
struct Attributes<'a> {
    builder: &'a mut WorldBuilder,
    draft: &'a mut Draft,
    schema: &'a Schema,
    ty: TypeId,
}

impl<'de> DeserializeSeed<'de> for Attributes<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Attributes<'_> {
    type Value = ();
    expecting!("attributes");

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let entity_type = self.schema.entity_type(self.ty).ok_or_else(unusual)?;
        while let Some(name) = map.next_key_seed(Text)? {
            let (attr, attribute) = entity_type.attribute(&name).ok_or_else(unusual)?;
            if self.draft.has(attr) {
                return Err(unusual());
            }
            match &attribute.ty {
                Type::String => {
                    let text = map.next_value_seed(Text)?;
                    self.builder.string(self.draft, attr, &text);
                }
                Type::Entity(of) => {
                    let row = self.row(*of, map.next_value_seed(Reference::Outer)?).ok_or_else(unusual)?;
                    self.draft.entity(attr, row);
                }
                Type::Set(element) if matches!(**element, Type::Entity(_)) => {
                    let Type::Entity(of) = **element else { return Err(unusual()) };
                    let mut rows = Vec::new();
                    for reference in map.next_value_seed(References)? {
                        rows.push(self.row(of, reference).ok_or_else(unusual)?);
                    }
                    self.draft.entities(attr, rows);
                }
                ty => {
                    let value = map.next_value_seed(Typed { schema: self.schema, ty })?;
                    match value {
                        Value::Bool(v) => {
                            self.draft.bool(attr, v);
                        }
                        Value::Long(v) | Value::Datetime(v) | Value::Duration(v) | Value::Decimal(v) => {
                            self.draft.long(attr, v);
                        }
                        value => self.builder.value(self.draft, attr, &value),
                    }
                }
            }
        }
        Ok(())
    }
}

impl Attributes<'_> {
    /// The row of a reference to an entity of type `of`; `None` where it is of another type.
    fn row(&mut self, of: TypeId, (type_name, id): (Cow<'_, str>, Cow<'_, str>)) -> Option<Row> {
        is_of(self.schema, of, &type_name, &id)?;
        Some(self.builder.row(of, &id))
    }
}

/// Whether the name can be of an entity of type `of`.
fn is_of(schema: &Schema, of: TypeId, type_name: &str, id: &str) -> Option<()> {
    let ty = schema.entity_type(of).filter(|ty| ty.name.as_ref() == type_name)?;
    let may_be = ty.choices.as_ref().is_none_or(|choices| choices.iter().any(|c| c.as_ref() == id));
    may_be.then_some(())
}

/// A value whose type is known, in the forms that the type makes usual.
struct Typed<'a> {
    schema: &'a Schema,
    ty: &'a Type,
}

impl<'de> DeserializeSeed<'de> for Typed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.ty {
            Type::Entity(of) => {
                let (type_name, id) = Reference::Outer.deserialize(deserializer)?;
                is_of(self.schema, *of, &type_name, &id).ok_or_else(unusual)?;
                let ty = self.schema.entity_type(*of).ok_or_else(unusual)?;
                Ok(Value::Entity(EntityUid::new(ty.name.clone(), id)))
            }
            Type::Record(fields) => {
                let read = Fields { schema: self.schema, fields }.deserialize(deserializer)?;
                let complete = fields.iter().all(|(name, f)| !f.required || read.contains_key(name));
                if complete { Ok(Value::Record(read)) } else { Err(unusual()) }
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Typed<'_> {
    type Value = Value;
    expecting!("a value");

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        if *self.ty == Type::Bool { Ok(Value::Bool(value)) } else { Err(unusual()) }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if *self.ty == Type::Long { Ok(Value::Long(value)) } else { Err(unusual()) }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.visit_i64(i64::try_from(value).map_err(|_| unusual())?)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        extension(self.ty, text).ok_or_else(unusual)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let Type::Set(element) = self.ty else { return Err(unusual()) };
        let mut all = BTreeSet::new();
        while let Some(value) = list.next_element_seed(Typed { schema: self.schema, ty: element })? {
            all.insert(value);
        }
        Ok(Value::Set(all))
    }

    /// `{"__extn": {"fn": …, "arg": …}}`
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let function = match self.ty {
            Type::Datetime => "datetime",
            Type::Duration => "duration",
            Type::Decimal => "decimal",
            Type::Ip => "ip",
            _ => return Err(unusual()),
        };
        if map.next_key_seed(Text)?.as_deref() != Some("__extn") {
            return Err(unusual());
        }
        let arg = map.next_value_seed(Call { function })?;
        match map.next_key_seed(Text)? {
            None => extension(self.ty, &arg).ok_or_else(unusual),
            Some(_) => Err(unusual()),
        }
    }
}

/// The value of type `ty` that a string stands for: itself, or the constructor's argument.
fn extension(ty: &Type, text: &str) -> Option<Value> {
    match ty {
        Type::String => Some(Value::string(text)),
        Type::Datetime => timestamp::parse(text).map(Value::Datetime),
        Type::Decimal => parse_decimal(text).map(Value::Decimal),
        Type::Duration => construct("duration", text),
        Type::Ip => construct("ip", text),
        _ => None,
    }
}

/// `{"fn": …, "arg": …}` of one known function.
struct Call {
    function: &'static str,
}

impl<'de> DeserializeSeed<'de> for Call {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Call {
    type Value = Cow<'de, str>;
    expecting!("a call of an extension function");

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut function, mut arg) = (None, None);
        while let Some(key) = map.next_key_seed(Text)? {
            match key.as_ref() {
                "fn" if function.is_none() => function = Some(map.next_value_seed(Text)?),
                "arg" if arg.is_none() => arg = Some(map.next_value_seed(Text)?),
                _ => return Err(unusual()),
            }
        }
        arg.filter(|_| function.as_deref() == Some(self.function)).ok_or_else(unusual)
    }
}

/// The fields of a record; which of them must be there is for the caller to check.
struct Fields<'a> {
    schema: &'a Schema,
    fields: &'a BTreeMap<Arc<str>, Attribute>,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = BTreeMap<Arc<str>, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = BTreeMap<Arc<str>, Value>;
    expecting!("a record");

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut read = BTreeMap::new();
        while let Some(name) = map.next_key_seed(Text)? {
            let (name, field) = self.fields.get_key_value(name.as_ref()).ok_or_else(unusual)?;
            let value = map.next_value_seed(Typed { schema: self.schema, ty: &field.ty })?;
            if read.insert(name.clone(), value).is_some() {
                return Err(unusual());
            }
        }
        Ok(read)
    }
}

/// The value that `text` writes in a usual form of type `ty`; `None` for any other form.
pub(super) fn typed(schema: &Schema, ty: &Type, text: &RawValue) -> Option<Value> {
    from_text(Typed { schema, ty }, text)
}

/// Whether the JSON `value` is a usual form of type `ty`.
pub(super) fn is_usual(schema: &Schema, ty: &Type, value: &serde_json::Value) -> bool {
    Typed { schema, ty }.deserialize(value).is_ok()
}
