//! Cases: small worlds, requests and what is expected of them, as TOML that people read and write.
//!
//! ```toml
//! now = "2026-05-11T09:00:00+12:00"      # the clock of every case that has no own
//!
//! [world.School.northcote]               # entity type, id, then attributes typed by the schema
//! kind = "state"
//! [world.User.aroha]                     # a required Set left out is empty, a required Bool is false
//! loginActive = true
//! attendanceLeadAt = ["northcote"]       # entities of a known type go by their id alone
//!
//! [[case]]
//! name = "S1: an attendance lead sees the header of a case at her school"
//! principal = "User.aroha"
//! action = "viewSummary"
//! resource = "Case.c1"
//! change = { "Student.tama" = { enrolledAt = "southgate" } }    # for this case alone
//! unset = ["Case.c1.primaryContact"]
//! context = { sizeBytes = 100 }
//! expect = "allow"
//! policies = ["school.S1"]               # exactly the policies that decide
//! ```
//!
//! `"@parents"` (a list of `Type.id`) and `"@tags"` (a table) say what an entity lies in and its tags.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use toml::{Table, Value as Toml};

use crate::answer::{Answer, Decision};
use crate::error::{Error, Problem};
use crate::policy::{construct, parse_decimal};
use crate::request::Request;
use crate::schema::{Attribute, Schema, Type};
use crate::time;
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::{World, WorldBuilder};

/// A file of cases.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// What the file is called.
    pub name: String,
    /// The cases, in the order of the file.
    pub cases: Vec<Case>,
}

/// One case: a world, a request and what is expected.
#[derive(Clone, Debug)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// The data.
    pub world: World,
    /// The question.
    pub request: Request,
    /// The decision that the rules ask for.
    pub expect: Decision,
    /// Ids of exactly the policies that must decide, where the case says so.
    pub policies: Option<BTreeSet<String>>,
}

/// A case that came out otherwise.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The file and the case.
    pub case: String,
    /// What differs.
    pub difference: String,
    /// The explanation of the actual answer.
    pub explanation: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    now: Option<Toml>,
    #[serde(default)]
    world: BTreeMap<String, BTreeMap<String, Table>>,
    #[serde(default)]
    case: Vec<RawCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    name: String,
    principal: String,
    action: String,
    resource: String,
    #[serde(default)]
    change: BTreeMap<String, Table>,
    #[serde(default)]
    unset: Vec<String>,
    #[serde(default)]
    context: Table,
    now: Option<Toml>,
    expect: Decision,
    policies: Option<BTreeSet<String>>,
}

type Entities = BTreeMap<(String, String), Table>;

impl CaseFile {
    /// Reads a file of cases called `name`.
    ///
    /// # Errors
    /// [`Error::is_data`], naming the case and the entity or attribute that is wrong.
    pub fn read(ward: &Ward, name: &str, text: &str) -> Result<Self, Error> {
        let refuse = |message: String| Error::data(vec![Problem::error(message).in_source(name)]);
        let raw: RawFile = toml::from_str(text).map_err(|e| refuse(e.to_string()))?;
        let mut base = Entities::new();
        for (ty, entities) in raw.world {
            for (id, attributes) in entities {
                base.insert((ty.clone(), id), attributes);
            }
        }
        let mut cases = Vec::new();
        for case in raw.case {
            let title = case.name.clone();
            let read = read_case(ward, &base, raw.now.as_ref(), case);
            cases.push(read.map_err(|why| refuse(format!("case `{title}`: {why}")))?);
        }
        Ok(CaseFile { name: name.to_owned(), cases })
    }

    /// Runs every case through [`Ward::check`]; what is returned came out otherwise than expected.
    pub fn run(&self, ward: &Ward) -> Vec<Mismatch> {
        self.cases.iter().filter_map(|case| self.run_case(ward, case)).collect()
    }

    /// Runs one of the cases; `None` where it comes out as expected.
    pub fn run_case(&self, ward: &Ward, case: &Case) -> Option<Mismatch> {
        let mismatch = |difference: String| {
            let explanation = ward.explain(&case.world, &case.request);
            Some(Mismatch {
                case: format!("{}: {}", self.name, case.name),
                difference,
                explanation: explanation.map_or_else(|e| e.to_string(), |e| e.to_string()),
            })
        };
        match ward.check(&case.world, &case.request) {
            Ok(answer) => difference(case, &answer).and_then(mismatch),
            Err(error) => mismatch(error.to_string()),
        }
    }
}

fn difference(case: &Case, answer: &Answer) -> Option<String> {
    if answer.decision != case.expect {
        return Some(format!("expected {}, got {}", case.expect, answer.decision));
    }
    let deciding: BTreeSet<String> = answer.policies.iter().map(ToString::to_string).collect();
    let expected = case.policies.as_ref()?;
    (deciding != *expected).then(|| format!("expected the policies {expected:?}, got {deciding:?}"))
}

fn read_case(ward: &Ward, base: &Entities, now: Option<&Toml>, case: RawCase) -> Result<Case, String> {
    let mut entities = base.clone();
    for (uid, attributes) in case.change {
        let (ty, id) = split_uid(&uid)?;
        entities.entry((ty.to_owned(), id.to_owned())).or_default().extend(attributes);
    }
    for path in &case.unset {
        let gone = entities.iter_mut().find_map(|((ty, id), attributes)| {
            let attribute = path.strip_prefix(&format!("{ty}.{id}."))?;
            attributes.remove(attribute)
        });
        gone.ok_or_else(|| format!("`unset` names `{path}`, which is not set"))?;
    }
    let world = build(ward, &entities)?;
    let schema = ward.schema();
    let action = ward.action(&case.action).map_err(|e| e.to_string())?;
    let mut context = fields(schema, &action.context, &case.context)?;
    if let Some(now) = case.now.as_ref().or(now)
        && action.context.get("now").is_some_and(|field| field.ty == Type::Datetime)
    {
        context.entry("now".into()).or_insert(value(schema, &Type::Datetime, now)?);
    }
    let uid = |text: &str| split_uid(text).map(|(ty, id)| EntityUid::new(ty, id));
    Ok(Case {
        request: Request {
            principal: uid(&case.principal)?,
            action: case.action.into(),
            resource: uid(&case.resource)?,
            context,
        },
        name: case.name,
        world,
        expect: case.expect,
        policies: case.policies,
    })
}

fn split_uid(text: &str) -> Result<(&str, &str), String> {
    text.split_once('.').ok_or_else(|| format!("`{text}` is not of the form Type.id"))
}

fn build(ward: &Ward, entities: &Entities) -> Result<World, String> {
    let schema = ward.schema();
    let mut builder = WorldBuilder::new(schema);
    for ((ty, id), attributes) in entities {
        let uid = EntityUid::new(ty.as_str(), id.as_str());
        add(&mut builder, schema, &uid, attributes).map_err(|why| format!("{uid}: {why}"))?;
    }
    builder.finish().map_err(|e| e.to_string())
}

fn add(
    builder: &mut WorldBuilder,
    schema: &Arc<Schema>,
    uid: &EntityUid,
    table: &Table,
) -> Result<(), String> {
    let ty = schema.type_id(uid.type_name()).and_then(|id| schema.entity_type(id));
    let ty = ty.ok_or_else(|| format!("the schema has no entity type `{}`", uid.type_name()))?;
    let mut values: Vec<(&str, Value)> = Vec::new();
    for (name, given) in table.iter().filter(|(name, _)| !name.starts_with('@')) {
        let (_, attribute) =
            ty.attribute(name).ok_or_else(|| format!("attribute `{name}` is not in the schema"))?;
        values.push((
            name,
            value(schema, &attribute.ty, given).map_err(|e| format!("attribute `{name}`: {e}"))?,
        ));
    }
    for (name, attribute) in &ty.attributes {
        if attribute.required && !table.contains_key(name.as_ref()) {
            values.extend(default_of(&attribute.ty).map(|value| (name.as_ref(), value)));
        }
    }
    let mut parents = Vec::new();
    for parent in table.get("@parents").and_then(Toml::as_array).into_iter().flatten() {
        let (ty, id) = split_uid(parent.as_str().unwrap_or_default())?;
        parents.push(EntityUid::new(ty, id));
    }
    let mut tags = BTreeMap::new();
    if let (Some(given), Some(of)) = (table.get("@tags").and_then(Toml::as_table), &ty.tags) {
        for (name, given) in given {
            tags.insert(Arc::from(name.as_str()), value(schema, of, given)?);
        }
    }
    builder.add_whole(uid, values, parents, tags);
    Ok(())
}

/// What a required attribute holds where a case says nothing of it.
fn default_of(ty: &Type) -> Option<Value> {
    match ty {
        Type::Bool => Some(Value::Bool(false)),
        Type::Set(_) => Some(Value::set([])),
        _ => None,
    }
}

fn fields(
    schema: &Schema,
    fields: &BTreeMap<Arc<str>, Attribute>,
    table: &Table,
) -> Result<BTreeMap<Arc<str>, Value>, String> {
    let mut values = BTreeMap::new();
    for (name, given) in table {
        let field = fields.get(name.as_str()).ok_or_else(|| format!("`{name}` is not in the schema"))?;
        let value = value(schema, &field.ty, given).map_err(|e| format!("`{name}`: {e}"))?;
        values.insert(Arc::from(name.as_str()), value);
    }
    Ok(values)
}

/// The value that TOML writes, given its type.
fn value(schema: &Schema, ty: &Type, given: &Toml) -> Result<Value, String> {
    let found = match (ty, given) {
        (Type::Bool, Toml::Boolean(v)) => Some(Value::Bool(*v)),
        (Type::Long, Toml::Integer(v)) => Some(Value::Long(*v)),
        (Type::String, Toml::String(v)) => Some(Value::string(v.as_str())),
        (Type::Entity(of), Toml::String(id)) => {
            schema.entity_type(*of).map(|ty| Value::Entity(EntityUid::new(ty.name.clone(), id.as_str())))
        }
        (Type::Set(element), Toml::Array(all)) => {
            let all = all.iter().map(|v| value(schema, element, v));
            Some(Value::Set(all.collect::<Result<_, String>>()?))
        }
        (Type::Record(of), Toml::Table(table)) => Some(Value::Record(fields(schema, of, table)?)),
        (Type::Datetime, Toml::String(text)) => time::parse_rfc3339(text).map(Value::Datetime),
        (Type::Datetime, Toml::Datetime(at)) => time::parse_rfc3339(&at.to_string()).map(Value::Datetime),
        (Type::Duration, Toml::String(text)) => construct("duration", text),
        (Type::Decimal, Toml::String(text)) => parse_decimal(text).map(Value::Decimal),
        (Type::Ip, Toml::String(text)) => construct("ip", text),
        _ => None,
    };
    found.ok_or_else(|| format!("expected {}, found {given}", schema.show(ty)))
}
