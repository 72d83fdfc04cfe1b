//! Writing worlds as Cedar's entities JSON, in the form that needs no schema to be read.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::model::interrupt::Pulse;
use crate::model::{AttrId, EntityUid, Value, timestamp};
use crate::world::{Place, World};

impl World {
    /// Writes every entity as Cedar's entities JSON, one a line, in the order of types and rows.
    ///
    /// Enumerated entities are left out: the schema has them. Batches of changes wait until it is done.
    ///
    /// # Errors
    /// What `output` reports.
    pub fn write_json(&self, mut output: impl Write) -> io::Result<()> {
        let _still = self.still();
        output.write_all(b"[")?;
        let mut separator: &[u8] = b"\n";
        let pulse = Pulse::default();
        for (ty, entity_type) in (0u16..).zip(self.schema().entity_types()) {
            if entity_type.choices.is_some() {
                continue;
            }
            let ty = crate::model::TypeId(ty);
            for row in self.rows(ty) {
                pulse.step().map_err(io::Error::other)?;
                output.write_all(separator)?;
                serde_json::to_writer(&mut output, &Entity { world: self, place: (ty, row) })?;
                separator = b",\n";
            }
        }
        output.write_all(b"\n]\n")
    }
}

struct Entity<'a> {
    world: &'a World,
    place: Place,
}

impl Serialize for Entity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entity { world, place } = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uid", &TypeAndId(&world.uid(place)))?;
        map.serialize_entry("attrs", &Attributes(self))?;
        let parents: Vec<EntityUid> = world.parents(place).iter().map(|&p| world.uid(p)).collect();
        map.serialize_entry("parents", &parents.iter().map(TypeAndId).collect::<Vec<_>>())?;
        if let Some(tags) = world.tags(place) {
            map.serialize_entry("tags", tags)?;
        }
        map.end()
    }
}

struct Attributes<'a>(&'a Entity<'a>);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entity { world, place: (ty, row) } = *self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(entity_type) = world.schema().entity_type(ty) {
            for (at, (name, _)) in (0u16..).zip(&entity_type.attributes) {
                if let Some(value) = world.value(ty, row, AttrId(at)) {
                    map.serialize_entry(name, &value)?;
                }
            }
        }
        map.end()
    }
}

struct TypeAndId<'a>(&'a EntityUid);

impl Serialize for TypeAndId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", self.0.type_name())?;
        map.serialize_entry("id", self.0.id())?;
        map.end()
    }
}

/// The JSON that Cedar reads back as the same value, with or without a schema.
///
/// A record whose only field is called `__entity` or `__extn` has no such form; a schema that declares
/// one is the only way to get it.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Bool(v) => serializer.serialize_bool(*v),
            Value::Long(v) => serializer.serialize_i64(*v),
            Value::String(v) => serializer.serialize_str(v),
            Value::Set(values) => serializer.collect_seq(values),
            Value::Record(fields) => serializer.collect_map(fields),
            Value::Entity(uid) => escaped(serializer, "__entity", &TypeAndId(uid)),
            Value::Decimal(_) | Value::Ip(_) | Value::Duration(_) | Value::Datetime(_) => {
                escaped(serializer, "__extn", &Call(self))
            }
        }
    }
}

fn escaped<S: Serializer>(serializer: S, escape: &str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(escape, value)?;
    map.end()
}

/// The constructor call of an extension value.
struct Call<'a>(&'a Value);

impl Serialize for Call<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        let mut single = |function: &str, argument: String| {
            map.serialize_entry("fn", function)?;
            map.serialize_entry("arg", &argument)
        };
        match self.0 {
            Value::Decimal(v) => single("decimal", crate::cedar::decimal_text(*v))?,
            Value::Ip(ip) => single("ip", ip.to_string())?,
            Value::Duration(ms) => single("duration", format!("{ms}ms"))?,
            Value::Datetime(ms) => match timestamp::format(*ms) {
                Some(text) => single("datetime", text)?,
                None => {
                    map.serialize_entry("fn", "offset")?;
                    map.serialize_entry("args", &[Value::Datetime(0), Value::Duration(*ms)])?;
                }
            },
            _ => {}
        }
        map.end()
    }
}
