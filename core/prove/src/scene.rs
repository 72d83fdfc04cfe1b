//! A counterexample as a small world and a request: replayed through the engine, shrunk, told and saved.

use std::collections::{BTreeMap, BTreeSet};

use caseward::claims::{Becomes, Implied, Sort, Step};
use caseward::facts::Facts;
use caseward::{ActionName, Context};
use caseward::{Answer, EntityUid, Fault, Request, Schema, Value, Ward, World};
use serde_json::{Value as Json, json};

use crate::Names;
use crate::claim::{Form, Kind, Sides};
use crate::model::{CedarUid, Ghost};
use crate::plausible::{CONTEXT, Known, OTHER};
use crate::query::Env;

/// Attempts at making a scene smaller.
const MOST_ATTEMPTS: usize = 4_000;
/// Times that people can picture, in milliseconds since 1970: 1 March, 1 June and 1 February 2026, 1 June 2018.
const PLAIN_TIMES: [i64; 4] = [1_772_323_200_000, 1_780_272_000_000, 1_769_904_000_000, 1_527_811_200_000];

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// A world, what changes in it where the claim is about a change, and a request.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) facts: Facts,
    pub(crate) moves: Vec<Move>,
    pub(crate) request: Request,
}

/// One attribute of one entity, before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) uid: EntityUid,
    pub(crate) attribute: String,
    pub(crate) becomes: Option<Value>,
}

/// What the engine says of a scene, on both sides of the claim.
pub(crate) struct Replay {
    /// The answer that should not be.
    pub(crate) wrong: Answer,
    /// The answer to compare it with: of the other version, before the change, or to what is implied.
    pub(crate) beside: Option<(Request, Answer)>,
}

impl Scene {
    /// Reads what the solver found.
    pub(crate) fn of(env: &Env, steps: &[Step], ward: &Ward) -> Result<Self, String> {
        let uid = |uid: Option<&CedarUid>| {
            let uid = uid.ok_or("the solver's request lacks an entity")?;
            let id: &str = uid.id().as_ref();
            Ok::<_, String>(EntityUid::new(uid.type_name().to_string(), id))
        };
        let action = env.request.action().ok_or("the solver's request lacks its action")?.to_string();
        let context = env.request.context().ok_or("the solver's request lacks its context")?;
        let context = context.to_json_value().map_err(|e| e.to_string())?;
        let action = ActionName::new(action);
        let context = ward.read_context(&action, &context.to_string()).map_err(|e| e.to_string())?;
        let (principal, resource) = (uid(env.request.principal())?, uid(env.request.resource())?);
        let request = Request::new(principal, action, resource).in_context(context);
        let mut entities = match env.entities.to_json_value().map_err(|e| e.to_string())? {
            Json::Array(all) => all,
            _ => return Err("the solver's entities are no list".to_owned()),
        };
        let known = |entity: &Json| named(entity.get("uid")).is_some_and(|uid| is_data(ward.schema(), &uid));
        entities.retain(known);
        let ghosts = take_ghosts(&mut entities);
        complete(&mut entities, &request, ward.schema());
        let text = Json::Array(entities).to_string();
        let world = ward.read_world(text.as_bytes()).map_err(|e| e.to_string())?;
        let facts = Facts::of(&world);
        let moves = moves(&facts, steps, &ghosts, ward.schema());
        Ok(Scene { facts, moves, request })
    }

    /// The facts after the change.
    pub(crate) fn after(&self) -> Facts {
        let mut after = self.facts.clone();
        for step in &self.moves {
            match &step.becomes {
                Some(value) => after.set(&step.uid, &step.attribute, value.clone()),
                None => drop(after.unset(&step.uid, &step.attribute)),
            }
        }
        after
    }

    /// What the engine answers, where that goes against the claim; `None` where it does not.
    pub(crate) fn replay(&self, kind: Kind, sides: &Sides) -> Option<Replay> {
        let world = self.facts.build().ok()?;
        let request = &self.request;
        let answer = |ward: &Ward, world: &World, request: &Request| ward.check(world, request).ok();
        match kind {
            Kind::Invariant(at) | Kind::Guarantee(at) => {
                let invariant = sides.invariants.all.get(at)?;
                let fired = answer(&sides.invariants.beside(invariant).ward, &world, request)?;
                if !fired.policies.iter().any(|id| id.as_ref() == invariant.rule.id) {
                    return None;
                }
                let before = answer(&sides.now.ward, &world, request)?;
                match &invariant.form {
                    Form::Always => (!before.is_allowed()).then_some(Replay { wrong: before, beside: None }),
                    Form::Never => before.is_allowed().then_some(Replay { wrong: before, beside: None }),
                    Form::Implies(what) => {
                        let implied = self.implied(&world, what, sides.now.ward.schema())?;
                        let other = answer(&sides.now.ward, &world, &implied)?;
                        (before.is_allowed() && !other.is_allowed())
                            .then_some(Replay { wrong: before, beside: Some((implied, other)) })
                    }
                    Form::Change(_, what) => {
                        let (asked, before) = match what {
                            Some(what) => {
                                let implied = self.implied(&world, what, sides.now.ward.schema())?;
                                let before = answer(&sides.now.ward, &world, &implied)?;
                                (implied, before)
                            }
                            None => (request.clone(), before),
                        };
                        let after = answer(&sides.now.ward, &self.after().build().ok()?, request)?;
                        (after.is_allowed() && !before.is_allowed())
                            .then_some(Replay { wrong: after, beside: Some((asked, before)) })
                    }
                }
            }
            Kind::NotMore | Kind::NotLess | Kind::Equivalent => {
                let (now, old) = (
                    answer(&sides.now.ward, &world, request)?,
                    answer(&sides.old.as_ref()?.ward, &world, request)?,
                );
                let wrong = match kind {
                    Kind::NotMore => now.is_allowed() && !old.is_allowed(),
                    Kind::NotLess => !now.is_allowed() && old.is_allowed(),
                    _ => now.is_allowed() != old.is_allowed(),
                };
                wrong.then(|| Replay { wrong: now, beside: Some((request.clone(), old)) })
            }
            Kind::NeverErrs(at) | Kind::Precise(at) => {
                let (policies, rule) = match kind {
                    Kind::NeverErrs(_) => (&sides.now, sides.now.rules.get(at)?),
                    _ => {
                        let invariant = sides.invariants.all.get(at)?;
                        (sides.invariants.beside(invariant), &invariant.rule)
                    }
                };
                let answer = answer(&policies.ward, &world, request)?;
                let errs =
                    |fault: &Fault| matches!(fault, Fault::Policy { id, .. } if id.as_ref() == rule.id);
                answer.errors.iter().any(errs).then_some(Replay { wrong: answer, beside: None })
            }
            Kind::Sound(_) | Kind::CanDecide(_) | Kind::SomebodyMay(_) => None,
        }
    }

    /// The request that must be allowed too.
    fn implied(&self, world: &World, what: &Implied, schema: &Schema) -> Option<Request> {
        let Implied { action, path } = what;
        let mut resource = self.request.resource.clone();
        for name in path {
            match world.attribute(&resource, name).ok()?? {
                Value::Entity(uid) => resource = uid,
                _ => return None,
            }
        }
        let fields = schema.action(action)?.context.clone();
        let context = self.request.context.fields().iter().filter(|(name, _)| fields.contains_key(*name));
        let context: Context = context.map(|(name, value)| (name.clone(), value.clone())).collect();
        let action = ActionName::new(action.as_str());
        Some(Request::new(self.request.principal.clone(), action, resource).in_context(context))
    }

    /// Drops and plainens what does not matter, and gives people and places names.
    pub(crate) fn shrink(&mut self, kind: Kind, sides: &Sides) {
        let ward = &sides.now.ward;
        let mut left = MOST_ATTEMPTS;
        loop {
            let mut shrunk = false;
            for edit in self.edits(&sides.known) {
                if left == 0 {
                    break;
                }
                left -= 1;
                let mut smaller = self.clone();
                if smaller.make(&edit, ward.schema()).is_some() && smaller.replay(kind, sides).is_some() {
                    *self = smaller;
                    shrunk = true;
                }
            }
            if !shrunk || left == 0 {
                break;
            }
        }
        let mut named = self.clone();
        named.rename(sides.names);
        if named.replay(kind, sides).is_some() {
            *self = named;
        }
    }

    fn edits(&self, known: &Known) -> Vec<Edit> {
        let mut edits: Vec<Edit> = self.moves.iter().cloned().map(Edit::Stay).collect();
        edits.extend(self.facts.entities.keys().cloned().map(Edit::Remove));
        for (uid, attributes) in &self.facts.entities {
            edits.extend(
                self.facts.parents.get(uid).filter(|p| !p.is_empty()).map(|_| Edit::Orphan(uid.clone())),
            );
            edits
                .extend(self.facts.tags.get(uid).filter(|t| !t.is_empty()).map(|_| Edit::Untag(uid.clone())));
            for (name, value) in attributes {
                edits.push(Edit::Unset(uid.clone(), name.to_string()));
                let plainer = plainer(known, uid.type_name(), name, value);
                edits
                    .extend(plainer.into_iter().map(|value| Edit::Set(uid.clone(), name.to_string(), value)));
            }
        }
        for (name, value) in self.request.context.fields() {
            edits.push(Edit::Circumstance(name.to_string(), None));
            let plainer = plainer(known, CONTEXT, name, value);
            edits.extend(plainer.into_iter().map(|value| Edit::Circumstance(name.to_string(), Some(value))));
        }
        edits
    }

    /// Makes the edit; `None` where it changes nothing or cannot be made.
    fn make(&mut self, edit: &Edit, schema: &Schema) -> Option<()> {
        match edit {
            Edit::Stay(step) => {
                let before = self.moves.len();
                self.moves.retain(|other| other != step);
                (self.moves.len() < before).then_some(())
            }
            Edit::Remove(uid) => self.remove(uid, schema),
            Edit::Orphan(uid) => self.facts.parents.remove(uid).map(drop),
            Edit::Untag(uid) => self.facts.tags.remove(uid).map(drop),
            Edit::Unset(uid, name) => {
                let ty = schema.entity_type(schema.type_id(uid.type_name())?)?;
                if ty.attribute(name)?.1.required
                    || self.moves.iter().any(|m| m.uid == *uid && m.attribute == *name)
                {
                    return None;
                }
                self.facts.unset(uid, name).map(drop)
            }
            Edit::Set(uid, name, value) => {
                let moved = self.moves.iter().any(|m| m.uid == *uid && m.attribute == *name);
                let same = self.facts.get(uid, name).is_none_or(|old| old == value);
                (!moved && !same).then(|| self.facts.set(uid, name, value.clone()))
            }
            Edit::Circumstance(name, None) => {
                let required = schema.action(&self.request.action)?.context.get(name.as_str())?.required;
                if required { None } else { self.request.context.remove(name.as_str()).map(drop) }
            }
            Edit::Circumstance(name, Some(value)) => {
                let old = self.request.context.insert(name.as_str(), value.clone())?;
                (old != *value).then_some(())
            }
        }
    }

    /// Removes an entity and what refers to it, where nothing has to.
    fn remove(&mut self, gone: &EntityUid, schema: &Schema) -> Option<()> {
        if *gone == self.request.principal || *gone == self.request.resource {
            return None;
        }
        self.facts.entities.remove(gone)?;
        self.facts.parents.remove(gone);
        self.facts.tags.remove(gone);
        self.moves.retain(|step| step.uid != *gone);
        for (uid, attributes) in &mut self.facts.entities {
            let ty = schema.entity_type(schema.type_id(uid.type_name())?)?;
            let mut unset = Vec::new();
            for (name, value) in attributes.iter_mut().filter(|(_, value)| names(value, gone)) {
                match value {
                    Value::Set(all) => all.retain(|value| !names(value, gone)),
                    _ if ty.attribute(name).is_some_and(|(_, attribute)| !attribute.required) => {
                        unset.push(name.clone());
                    }
                    _ => return None,
                }
            }
            unset.iter().for_each(|name| drop(attributes.remove(name)));
        }
        self.facts.parents.values_mut().for_each(|parents| parents.retain(|parent| parent != gone));
        let mut values = self
            .request
            .context
            .fields()
            .values()
            .chain(self.moves.iter().filter_map(|m| m.becomes.as_ref()));
        let named = values.any(|value| names(value, gone))
            || self.facts.tags.values().flat_map(BTreeMap::values).any(|value| names(value, gone));
        (!named).then_some(())
    }

    /// Gives every entity a name that ends in `n`, so that several scenes fit in one world.
    pub(crate) fn suffix(&mut self, n: usize) {
        let all = self.facts.entities.keys();
        let new = all.map(|uid| (uid.clone(), EntityUid::new(uid.type_name(), format!("{}-{n}", uid.id()))));
        self.rename_to(&new.collect());
    }

    fn rename(&mut self, names: Names) {
        let mut new: BTreeMap<EntityUid, EntityUid> = BTreeMap::new();
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        // Who asks, and for what, come first.
        let first = [&self.request.principal, &self.request.resource];
        for uid in first.into_iter().chain(self.facts.entities.keys()) {
            if new.contains_key(uid) || !self.facts.entities.contains_key(uid) {
                continue;
            }
            let n = taken.entry(uid.type_name().to_owned()).or_default();
            let name = names(uid.type_name()).get(*n).map(ToString::to_string);
            *n += 1;
            let plain =
                || format!("{}{n}", uid.type_name().rsplit("::").next().unwrap_or("x").to_lowercase());
            new.insert(uid.clone(), EntityUid::new(uid.type_name(), name.unwrap_or_else(plain)));
        }
        self.rename_to(&new);
    }

    fn rename_to(&mut self, new: &BTreeMap<EntityUid, EntityUid>) {
        let to = |uid: &EntityUid| new.get(uid).cloned().unwrap_or_else(|| uid.clone());
        let all = |values: &mut BTreeMap<std::sync::Arc<str>, Value>| {
            values.values_mut().for_each(|value| *value = renamed(value, &to));
        };
        let entities = std::mem::take(&mut self.facts.entities);
        self.facts.entities = entities
            .into_iter()
            .map(|(uid, mut a)| {
                all(&mut a);
                (to(&uid), a)
            })
            .collect();
        let parents = std::mem::take(&mut self.facts.parents);
        self.facts.parents =
            parents.into_iter().map(|(uid, p)| (to(&uid), p.iter().map(to).collect())).collect();
        let tags = std::mem::take(&mut self.facts.tags);
        self.facts.tags = tags
            .into_iter()
            .map(|(uid, mut t)| {
                all(&mut t);
                (to(&uid), t)
            })
            .collect();
        for step in &mut self.moves {
            step.uid = to(&step.uid);
            step.becomes = step.becomes.as_ref().map(|value| renamed(value, &to));
        }
        let mut context = self.request.context.fields().clone();
        all(&mut context);
        self.request.context = context.into();
        self.request.principal = to(&self.request.principal);
        self.request.resource = to(&self.request.resource);
    }
}

/// A way to make a scene smaller or plainer.
enum Edit {
    Stay(Move),
    Remove(EntityUid),
    Orphan(EntityUid),
    Untag(EntityUid),
    Unset(EntityUid, String),
    Set(EntityUid, String, Value),
    Circumstance(String, Option<Value>),
}

/// Values that say less, or that people know, in place of one; none in place of the plainest. `owner` is whose
/// attribute it is.
fn plainer(known: &Known, owner: &str, name: &str, value: &Value) -> Vec<Value> {
    // Those before the value itself in the order of plainness, so that shrinking comes to an end.
    let before = |all: Vec<Value>| all.into_iter().take_while(|plain| plain != value).collect();
    match value {
        Value::Set(all) if !all.is_empty() => {
            let without = |gone: &Value| Value::Set(all.iter().filter(|v| *v != gone).cloned().collect());
            [Value::set([])].into_iter().chain(all.iter().map(without)).collect()
        }
        Value::Bool(true) => vec![Value::Bool(false)],
        Value::Long(_) => before(vec![Value::Long(0), Value::Long(1)]),
        Value::Datetime(ms) => {
            let day = ms.checked_sub(ms.rem_euclid(DAY)).unwrap_or(*ms);
            before(PLAIN_TIMES.into_iter().chain([day]).map(Value::Datetime).collect())
        }
        Value::String(_) => {
            let texts: Vec<&str> = known.texts(owner, name).collect();
            let rest = if texts.is_empty() { "" } else { OTHER };
            before(texts.into_iter().chain([rest]).map(Value::string).collect())
        }
        _ => Vec::new(),
    }
}

fn names(value: &Value, uid: &EntityUid) -> bool {
    match value {
        Value::Entity(named) => named == uid,
        Value::Set(all) => all.iter().any(|value| names(value, uid)),
        Value::Record(fields) => fields.values().any(|value| names(value, uid)),
        _ => false,
    }
}

fn renamed(value: &Value, to: &impl Fn(&EntityUid) -> EntityUid) -> Value {
    match value {
        Value::Entity(uid) => Value::Entity(to(uid)),
        Value::Set(all) => Value::Set(all.iter().map(|value| renamed(value, to)).collect()),
        Value::Record(fields) => {
            Value::Record(fields.iter().map(|(name, value)| (name.clone(), renamed(value, to))).collect())
        }
        other => other.clone(),
    }
}

/// The entity that a piece of Cedar's JSON names.
fn named(json: Option<&Json>) -> Option<EntityUid> {
    let json = json?;
    let json = json.get("__entity").unwrap_or(json);
    let fields = json.as_object().filter(|fields| fields.len() == 2)?;
    Some(EntityUid::new(fields.get("type")?.as_str()?, fields.get("id")?.as_str()?))
}

/// Whether entities of its type are data, and not part of the schema.
fn is_data(schema: &Schema, uid: &EntityUid) -> bool {
    let ty = schema.type_id(uid.type_name()).and_then(|ty| schema.entity_type(ty));
    ty.is_some_and(|ty| ty.choices.is_none())
}

type Ghosts = BTreeMap<(EntityUid, String), Json>;

/// Takes what the ghosts of attributes hold out of the entities.
fn take_ghosts(entities: &mut [Json]) -> Ghosts {
    let mut ghosts = Ghosts::new();
    for entity in entities {
        let Some(uid) = named(entity.get("uid")) else { continue };
        let Some(attributes) = entity.get_mut("attrs").and_then(Json::as_object_mut) else { continue };
        attributes.retain(|name, value| match name.strip_prefix(&Ghost::name_of("")) {
            Some(attribute) => {
                ghosts.insert((uid.clone(), attribute.to_owned()), value.take());
                false
            }
            None => true,
        });
    }
    ghosts
}

/// Adds the entities that are named and not there, with as little as the schema asks for.
fn complete(entities: &mut Vec<Json>, request: &Request, schema: &Schema) {
    let mut there: BTreeSet<EntityUid> =
        entities.iter().filter_map(|entity| named(entity.get("uid"))).collect();
    let mut open = BTreeSet::from([request.principal.clone(), request.resource.clone()]);
    entities.iter().for_each(|entity| mentioned(entity, &mut open));
    fn in_value(value: &Value, open: &mut BTreeSet<EntityUid>) {
        match value {
            Value::Entity(uid) => drop(open.insert(uid.clone())),
            Value::Set(all) => all.iter().for_each(|value| in_value(value, open)),
            Value::Record(fields) => fields.values().for_each(|value| in_value(value, open)),
            _ => {}
        }
    }
    request.context.fields().values().for_each(|value| in_value(value, &mut open));
    while let Some(uid) = open.pop_first() {
        if !is_data(schema, &uid) || !there.insert(uid.clone()) {
            continue;
        }
        let Some(ty) = schema.type_id(uid.type_name()).and_then(|ty| schema.entity_type(ty)) else {
            continue;
        };
        let required = ty.attributes.iter().filter(|(_, attribute)| attribute.required);
        let attributes: serde_json::Map<String, Json> =
            required.map(|(name, attribute)| (name.to_string(), least(&attribute.ty, schema))).collect();
        let entity = json!({
            "uid": { "type": uid.type_name(), "id": uid.id() }, "attrs": attributes, "parents": [],
        });
        mentioned(&entity, &mut open);
        entities.push(entity);
    }
}

fn mentioned(json: &Json, open: &mut BTreeSet<EntityUid>) {
    if let Some(uid) = named(Some(json)) {
        open.insert(uid);
        return;
    }
    match json {
        Json::Array(all) => all.iter().for_each(|json| mentioned(json, open)),
        Json::Object(fields) => fields.values().for_each(|json| mentioned(json, open)),
        _ => {}
    }
}

/// The plainest value of a type.
fn least(ty: &caseward::Type, schema: &Schema) -> Json {
    use caseward::Type;
    match ty {
        Type::Bool => json!(false),
        Type::Long => json!(0),
        Type::String => json!(""),
        Type::Set(_) => json!([]),
        Type::Entity(of) => {
            let ty = schema.entity_type(*of);
            let name = ty.map_or_else(String::new, |ty| ty.name.to_string());
            let id = ty.and_then(|ty| ty.choices.as_ref()?.first().map(ToString::to_string));
            json!({ "__entity": { "type": name, "id": id.unwrap_or_else(|| "other".to_owned()) } })
        }
        Type::Record(fields) => {
            let required = fields.iter().filter(|(_, field)| field.required);
            Json::Object(required.map(|(name, field)| (name.to_string(), least(&field.ty, schema))).collect())
        }
        Type::Decimal => json!({ "__extn": { "fn": "decimal", "arg": "0.0" } }),
        Type::Ip => json!({ "__extn": { "fn": "ip", "arg": "127.0.0.1" } }),
        Type::Datetime => json!({ "__extn": { "fn": "datetime", "arg": "2026-03-01" } }),
        Type::Duration => json!({ "__extn": { "fn": "duration", "arg": "0ms" } }),
    }
}

/// What the steps do to these facts, with the ghosts that say to whom.
fn moves(facts: &Facts, steps: &[Step], ghosts: &Ghosts, schema: &Schema) -> Vec<Move> {
    let mut moves = Vec::new();
    for (step, uid) in steps.iter().flat_map(|step| facts.entities.keys().map(move |uid| (step, uid))) {
        if uid.type_name() != step.type_name {
            continue;
        }
        let ghost = ghosts.get(&(uid.clone(), step.attribute.clone()));
        let is_in = |value: &Value| {
            ghost
                .and_then(Json::as_array)
                .is_some_and(|all| all.iter().any(|json| plain(json).as_ref() == Some(value)))
        };
        let is_kept = ghost.and_then(Json::as_bool).unwrap_or(false);
        moves.extend(moved(facts, step, uid, schema, is_kept, &is_in, &|| {
            ghost.and_then(Json::as_array).into_iter().flatten().filter_map(plain).collect()
        }));
    }
    moves
}

/// What a step does to one entity; `None` where it leaves it as it is.
pub(crate) fn moved(
    facts: &Facts,
    step: &Step,
    uid: &EntityUid,
    schema: &Schema,
    truth: bool,
    is_in: &dyn Fn(&Value) -> bool,
    more: &dyn Fn() -> BTreeSet<Value>,
) -> Option<Move> {
    let own = facts.get(uid, &step.attribute);
    let becomes = match (&step.becomes, step.sort(schema)?, own) {
        (Becomes::Less, Sort::Set, Some(Value::Set(all))) => {
            Some(Value::Set(all.iter().filter(|value| is_in(value)).cloned().collect()))
        }
        (Becomes::More, Sort::Set, Some(Value::Set(all))) => {
            Some(Value::Set(all.iter().cloned().chain(more()).collect()))
        }
        (Becomes::Less, Sort::Bool, Some(Value::Bool(own))) => Some(Value::Bool(*own && truth)),
        (Becomes::More, Sort::Bool, Some(Value::Bool(own))) => Some(Value::Bool(*own || truth)),
        (Becomes::Less, Sort::Optional, own) => own.filter(|_| truth).cloned(),
        (Becomes::Absent, ..) => None,
        (Becomes::Truth(truth), ..) => Some(Value::Bool(*truth)),
        (Becomes::What(other), ..) => facts.get(uid, other).cloned(),
        _ => return None,
    };
    (becomes.as_ref() != own).then(|| Move { uid: uid.clone(), attribute: step.attribute.clone(), becomes })
}

fn plain(json: &Json) -> Option<Value> {
    match json {
        Json::Bool(v) => Some(Value::Bool(*v)),
        Json::Number(v) => v.as_i64().map(Value::Long),
        Json::String(v) => Some(Value::string(v.as_str())),
        other => named(Some(other)).map(Value::Entity),
    }
}
