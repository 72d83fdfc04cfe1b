//! Files of cases in TOML.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::values::{Key, Wrong, fields, instant, table, text, texts, uid, value};
use super::{Case, CaseFile, expect};
use crate::cedar::limits::taken;
use crate::model::span::Places;
use crate::model::suggest::hint;
use crate::model::{ActionName, Decision, EntityType, EntityUid, Error, Problem, Request, Type, Value};
use crate::ward::Ward;
use crate::world::{World, WorldBuilder};

/// The keys of a file and of a case.
const FILE: [&str; 3] = ["now", "world", "case"];
pub(super) const CASE: [&str; 13] = [
    "name",
    "principal",
    "action",
    "resource",
    "change",
    "unset",
    "context",
    "now",
    "expect",
    "policies",
    "rules",
    "fails",
    "absent",
];

type Given<'t, 'i> = &'t Spanned<DeValue<'i>>;

/// Attributes of an entity by name, as the text gives them.
#[derive(Clone)]
struct Facts<'t, 'i> {
    place: std::ops::Range<usize>,
    attributes: BTreeMap<&'t str, (&'t Key<'i>, Given<'t, 'i>)>,
}

type Entities<'t, 'i> = BTreeMap<EntityUid, Facts<'t, 'i>>;

pub(super) fn read(ward: &Ward, name: &str, text: &str) -> Result<CaseFile, Error> {
    read_with(ward, name, text, true)
}

/// As [`read`], whatever policies and rules the cases name.
pub(super) fn read_unchecked(ward: &Ward, name: &str, text: &str) -> Result<CaseFile, Error> {
    read_with(ward, name, text, false)
}

fn read_with(ward: &Ward, name: &str, text: &str, checks_names: bool) -> Result<CaseFile, Error> {
    let places = Places::new(text);
    let problem = |(message, span): Wrong| Problem::error(message).in_source(name).at_place(&places, span);
    taken(text).map_err(|problem| Error::data(vec![problem.in_source(name)]))?;
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        Error::data(vec![problem((error.message().to_owned(), span))])
    })?;
    let mut reader =
        Reader { ward, checks_names, now: None, base: Entities::new(), wrong: Vec::new(), ended: None };
    let mut cases = reader.file(document.get_ref());
    // The call was to end; nothing need be wrong.
    if let Some(error) = reader.ended {
        return Err(error);
    }
    if !reader.wrong.is_empty() {
        reader.wrong.sort_by_key(|(_, span)| span.start);
        return Err(Error::data(reader.wrong.into_iter().map(problem).collect()));
    }
    // A case reaches up to the next one.
    let ends: Vec<usize> = cases.iter().skip(1).map(|case| case.span.start).chain([text.len()]).collect();
    for (case, end) in cases.iter_mut().zip(ends) {
        let all = text.get(case.span.start..end).unwrap_or_default();
        let own = all.split("\n\n").next().unwrap_or(all).trim_end();
        case.span.end = case.span.start + own.len();
    }
    Ok(CaseFile { name: name.to_owned(), text: text.into(), cases })
}

struct Reader<'a, 't, 'i> {
    ward: &'a Ward,
    /// Whether the policies and rules that cases name must exist.
    checks_names: bool,
    now: Option<Given<'t, 'i>>,
    base: Entities<'t, 'i>,
    wrong: Vec<Wrong>,
    /// Set where the call was to end.
    ended: Option<Error>,
}

impl<'t, 'i> Reader<'_, 't, 'i> {
    fn file(&mut self, file: &'t DeTable<'i>) -> Vec<Case> {
        self.known_keys(file, &FILE);
        self.now = file.get("now");
        if let Some(world) = file.get("world") {
            let read = self.world(world);
            self.note(read);
        }
        let mut cases = Vec::new();
        match file.get("case").map(|cases| (cases.get_ref(), cases.span())) {
            None => {}
            Some((DeValue::Array(all), _)) => {
                for case in all.iter() {
                    if self.ended.is_some() {
                        break;
                    }
                    let read = table(case).map(|case| self.known_keys(case, &CASE));
                    self.note(read);
                    let read = self.cases(case);
                    cases.extend(self.note(read).into_iter().flatten());
                }
            }
            Some((_, at)) => self.wrong.push(("cases are written under [[case]]".to_owned(), at)),
        }
        cases
    }

    fn note<T>(&mut self, read: Result<T, Wrong>) -> Option<T> {
        read.map_err(|wrong| self.wrong.push(wrong)).ok()
    }

    fn known_keys(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for (key, _) in table.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let hint = hint(name, known.iter().copied());
            self.wrong.push((format!("unknown key `{name}`{hint}"), key.span()));
        }
    }

    fn world(&mut self, world: Given<'t, 'i>) -> Result<(), Wrong> {
        for (ty, entities) in table(world)?.iter() {
            let name = ty.get_ref().as_ref();
            self.ward.schema().known_type(name).map_err(|error| (error.to_string(), ty.span()))?;
            for (id, attributes) in table(entities)?.iter() {
                let mut facts = Facts { place: id.span(), attributes: BTreeMap::new() };
                facts.extend(table(attributes)?);
                self.base.insert(EntityUid::new(name, id.get_ref().as_ref()), facts);
            }
        }
        Ok(())
    }

    /// One case, or one for each action where several are listed.
    fn cases(&mut self, given: Given<'t, 'i>) -> Result<Vec<Case>, Wrong> {
        let case = table(given)?;
        let action =
            case.get("action").ok_or_else(|| ("the case has no `action`".to_owned(), given.span()))?;
        let DeValue::Array(actions) = action.get_ref() else { return Ok(vec![self.case(given, action)?]) };
        self.known_fields(case, actions)?;
        let cases = actions.iter().map(|action| {
            let mut case = self.case(given, action)?;
            case.name = format!("{} [{}]", case.name, text(action)?);
            Ok(case)
        });
        cases.collect()
    }

    /// Whether each field of the context is one of some action that is listed.
    fn known_fields(&self, case: &DeTable<'_>, actions: &DeArray<'_>) -> Result<(), Wrong> {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for action in actions.iter() {
            let found = self.ward.schema().known_action(text(action)?);
            let found = found.map_err(|error| (error.to_string(), action.span()))?;
            known.extend(found.context.keys().map(AsRef::as_ref));
        }
        let given = case.get("context").map(table).transpose()?;
        for (name, _) in given.into_iter().flat_map(|fields| fields.iter()) {
            if !known.contains(name.get_ref().as_ref()) {
                let hint = hint(name.get_ref(), known);
                return Err((format!("no action here takes `{}`{hint}", name.get_ref()), name.span()));
            }
        }
        Ok(())
    }

    fn case(&mut self, given: Given<'t, 'i>, action: Given<'t, 'i>) -> Result<Case, Wrong> {
        let case = table(given)?;
        let at = given.span();
        let asked = |key: &str| case.get(key).ok_or_else(|| (format!("the case has no `{key}`"), at.clone()));
        let name = text(asked("name")?)?.to_owned();
        let expect = match text(asked("expect")?)? {
            "allow" => Decision::Allow,
            "deny" => Decision::Deny,
            other => {
                let at = asked("expect")?.span();
                return Err((
                    format!("`{other}` is neither `allow` nor `deny`{}", hint(other, ["allow", "deny"])),
                    at,
                ));
            }
        };
        let entities = self.entities(case)?;
        let world = build(self.ward, &entities).map_err(|unbuilt| match unbuilt {
            Unbuilt::Wrong(message, span) => {
                (format!("case `{name}`: {message}"), span.unwrap_or_else(|| at.clone()))
            }
            Unbuilt::Ended(error) => {
                let told = (error.to_string(), at.clone());
                self.ended = Some(error);
                told
            }
        })?;
        let (request, absent) = self.request(case, action, &asked)?;
        // A request that makes no sense is an error of the case, not a denial.
        let sense = self.ward.engine.examine(&world, &request);
        sense.map_err(|error| (format!("case `{name}`: {error}"), action.span()))?;
        known_entities(&world, &request, case, &absent, &at)?;
        Ok(Case {
            name,
            span: at.clone(),
            world,
            request,
            expect,
            policies: self.names(case.get("policies"), expect::known_policy)?,
            rules: self.names(case.get("rules"), expect::known_rule)?,
            fails: self.fails(case.get("fails"))?,
        })
    }

    /// The entities of the file with the case's own changes.
    fn entities(&self, case: &'t DeTable<'i>) -> Result<Entities<'t, 'i>, Wrong> {
        let mut entities = self.base.clone();
        if let Some(changes) = case.get("change") {
            for (name, attributes) in table(changes)?.iter() {
                let uid = uid(self.ward.schema(), name.get_ref(), name.span())?;
                let new = || Facts { place: name.span(), attributes: BTreeMap::new() };
                entities.entry(uid).or_insert_with(new).extend(table(attributes)?);
            }
        }
        let unset = case.get("unset").map(texts).transpose()?.unwrap_or_default();
        for (path, at) in unset {
            let gone = path.rsplit_once('.').and_then(|(of, attribute)| {
                let (ty, id) = of.split_once('.')?;
                entities.get_mut(&EntityUid::new(ty, id))?.attributes.remove(attribute)
            });
            gone.ok_or_else(|| (format!("`unset` names `{path}`, which is not set"), at))?;
        }
        Ok(entities)
    }

    /// The request, and what it names that is to be absent, with whether it was used.
    fn request(
        &self,
        case: &'t DeTable<'i>,
        named: Given<'t, 'i>,
        asked: &impl Fn(&str) -> Result<Given<'t, 'i>, Wrong>,
    ) -> Result<(Request, BTreeMap<EntityUid, bool>), Wrong> {
        let schema = self.ward.schema();
        let action = schema.known_action(text(named)?).map_err(|error| (error.to_string(), named.span()))?;
        let is_listed = matches!(asked("action")?.get_ref(), DeValue::Array(_));
        let mut context = match case.get("context") {
            Some(given) => fields(schema, &action.context, table(given)?, is_listed)?,
            None => BTreeMap::new(),
        };
        let own = case.get("context").map(table).transpose()?.and_then(|given| given.get("now"));
        if let Some(now) = own.or(case.get("now")).or(self.now)
            && action.takes_now()
        {
            context.insert("now".into(), instant(schema, now)?);
        }
        let uid_of = |key: &str| {
            let given = asked(key)?;
            uid(schema, text(given)?, given.span())
        };
        let mut absent = BTreeMap::new();
        for (name, at) in case.get("absent").map(texts).transpose()?.unwrap_or_default() {
            absent.insert(uid(schema, name, at)?, false);
        }
        let request = Request {
            principal: uid_of("principal")?,
            action: ActionName::new(text(named)?),
            resource: uid_of("resource")?,
            context: context.into(),
        };
        Ok((request, absent))
    }

    fn names(
        &self,
        given: Option<Given<'t, 'i>>,
        known: fn(&Ward, &str) -> Result<(), String>,
    ) -> Result<Option<BTreeSet<String>>, Wrong> {
        let Some(given) = given else { return Ok(None) };
        let mut names = BTreeSet::new();
        for (name, at) in texts(given)? {
            if self.checks_names {
                known(self.ward, name).map_err(|message| (message, at))?;
            }
            names.insert(name.to_owned());
        }
        Ok(Some(names))
    }

    fn fails(&self, given: Option<Given<'t, 'i>>) -> Result<BTreeMap<String, String>, Wrong> {
        let mut fails = BTreeMap::new();
        for (policy, condition) in given.map(table).transpose()?.into_iter().flat_map(|t| t.iter()) {
            let (name, called) = (policy.get_ref().as_ref(), text(condition)?);
            if self.checks_names {
                let known = expect::known_condition(self.ward, name, called);
                known.map_err(|message| (message, policy.span()))?;
            }
            fails.insert(name.to_owned(), called.to_owned());
        }
        Ok(fails)
    }
}

impl<'t, 'i> Facts<'t, 'i> {
    fn extend(&mut self, table: &'t DeTable<'i>) {
        self.attributes.extend(table.iter().map(|(key, value)| (key.get_ref().as_ref(), (key, value))));
    }
}

/// Whether all that the request names is there or meant to be absent.
fn known_entities(
    world: &World,
    request: &Request,
    case: &DeTable<'_>,
    absent: &BTreeMap<EntityUid, bool>,
    at: &std::ops::Range<usize>,
) -> Result<(), Wrong> {
    let place = |key: &str| case.get(key).map_or_else(|| at.clone(), |given| given.span());
    let known = |uid: &EntityUid, key: &str| {
        expect::known_entity(world, uid, absent).map_err(|message| (message, place(key)))
    };
    known(&request.principal, "principal")?;
    known(&request.resource, "resource")?;
    let mut named: Vec<EntityUid> = Vec::new();
    request
        .context
        .fields()
        .values()
        .for_each(|value| value.for_each_entity(&mut |uid| named.push(uid.clone())));
    named.iter().try_for_each(|uid| known(uid, "context"))?;
    for uid in absent.keys() {
        let is_named = *uid == request.principal || *uid == request.resource || named.contains(uid);
        let wrong = match (world.contains(uid), is_named) {
            (true, _) => "is in the world",
            (false, false) => "is not named by the request",
            (false, true) => continue,
        };
        return Err((format!("`absent` names {uid}, which {wrong}"), place("absent")));
    }
    Ok(())
}

/// Why there is no world.
enum Unbuilt {
    /// What is wrong, and where, if that is known.
    Wrong(String, Option<std::ops::Range<usize>>),
    /// The call was to end.
    Ended(Error),
}

fn build(ward: &Ward, entities: &Entities<'_, '_>) -> Result<World, Unbuilt> {
    let wrong = |message: String| Unbuilt::Wrong(message, None);
    let mut builder = WorldBuilder::new(ward.schema());
    for (uid, facts) in entities {
        let ty = ward.schema().known_type(uid.type_name()).map_err(|e| wrong(e.to_string()))?;
        let ty = ward.schema().entity_type(ty).ok_or_else(|| wrong(format!("{uid} has no type")))?;
        add(&mut builder, ward, ty, uid, facts)
            .map_err(|(message, at)| Unbuilt::Wrong(format!("{uid}: {message}"), Some(at)))?;
    }
    builder.finish().map_err(|error| match error.problems() {
        // What is missing in an entity is told at the entity.
        [first, ..] => {
            let at = entities.iter().find(|(uid, _)| first.message.contains(&uid.to_string()));
            Unbuilt::Wrong(first.message.clone(), at.map(|(_, facts)| facts.place.clone()))
        }
        [] if error.is_interrupted() => Unbuilt::Ended(error),
        [] => wrong(error.to_string()),
    })
}

fn add(
    builder: &mut WorldBuilder,
    ward: &Ward,
    ty: &EntityType,
    uid: &EntityUid,
    facts: &Facts<'_, '_>,
) -> Result<(), Wrong> {
    let schema = ward.schema();
    let (mut values, mut parents, mut tags) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (name, (key, given)) in &facts.attributes {
        match (*name, &ty.tags) {
            ("@parents", _) => {
                for (parent, at) in texts(given)? {
                    parents.push(self::uid(schema, parent, at)?);
                }
            }
            ("@tags", Some(of)) => {
                for (tag, given) in table(given)?.iter() {
                    tags.insert(Arc::from(tag.get_ref().as_ref()), value(schema, of, given)?);
                }
            }
            (name, _) => {
                let Some((_, attribute)) = ty.attribute(name) else {
                    let hint = hint(name, ty.attributes.iter().map(|(name, _)| name.as_ref()));
                    return Err((format!("`{}` has no attribute `{name}`{hint}", ty.name), key.span()));
                };
                values.push((name, value(schema, &attribute.ty, given)?));
            }
        }
    }
    for (name, attribute) in &ty.attributes {
        if attribute.required && !facts.attributes.contains_key(name.as_ref()) {
            values.extend(default_of(&attribute.ty).map(|value| (name.as_ref(), value)));
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
