//! What a person may not know of is, by every road that is made for a person, as what is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Extent;
use super::explaining::{all_of, tell};
use super::run::{Counts, over};
use crate::model::{ActionName, EntityUid, Error, Request, Schema, Source, TypeId, Value};
use crate::policy::Sources;
use crate::testing::policies::ward;
use crate::testing::{Choices, Facts, clinic_sources, request};
use crate::ward::Ward;
use crate::world::World;

/// Bytes for the policies, for a catalogue, and for a world with what is asked of it.
pub(super) const POLICIES: usize = 4_000;
pub(super) const CATALOGUE: usize = 300;
pub(super) const WORLD: usize = 4_000;

/// What a drawn catalogue says of a type.
#[derive(Default)]
struct Entry {
    known_by: Vec<String>,
    is_public: bool,
    unlocks: Option<String>,
}

/// Policies with a drawn catalogue; none at all, at times.
pub(super) struct Subject {
    pub(super) sources: Sources,
    pub(super) ward: Ward,
    entries: Option<BTreeMap<Arc<str>, Entry>>,
}

pub(super) fn random(extent: &Extent) -> Result<Counts, String> {
    over(extent, POLICIES + CATALOGUE + WORLD, |bytes| {
        let (first, rest) = bytes.split_at_checked(POLICIES).ok_or("too few bytes")?;
        let mut choices = Choices::new(first);
        let many = 3 + choices.below(8);
        let Some(drawn) = ward(&mut choices, many) else { return Ok(Counts::default()) };
        of_sources(drawn.sources, rest)
    })
}

pub(super) fn domains(extent: &Extent) -> Result<Counts, String> {
    over(extent, CATALOGUE + WORLD, |bytes| {
        let mut counts = of_sources(Sources::attendance(), bytes)?;
        counts.add(&of_sources(clinic_sources(), bytes)?);
        Ok(counts)
    })
}

fn of_sources(sources: Sources, bytes: &[u8]) -> Result<Counts, String> {
    let (first, rest) = bytes.split_at_checked(CATALOGUE).ok_or("too few bytes")?;
    let subject = Subject::new(sources, &mut Choices::new(first))?;
    let mut choices = Choices::new(rest);
    let facts = Facts::sized(&subject.ward, &mut choices, 1, 4);
    let Ok(world) = facts.build() else { return Ok(Counts::default()) };
    let mut counts = Counts { worlds: 1, wards: 1, ..Counts::default() };
    for _ in 0..12 {
        let Some(asked) = request(&subject.ward, &facts, &mut choices) else { continue };
        for viewer in subject.viewers(&asked, &facts, &mut choices) {
            subject
                .compare(&world, &asked, &viewer, &mut counts)
                .map_err(|what| tell(&subject.sources, &facts, &asked, &format!("{viewer}: {what}")))?;
        }
    }
    Ok(counts)
}

impl Subject {
    pub(super) fn new(mut sources: Sources, choices: &mut Choices<'_>) -> Result<Self, String> {
        let text = |e: Error| e.to_string();
        let bare = Ward::new(&sources).map_err(text)?;
        let keeps = choices.chance(1, 2) && sections(bare.schema(), &sources.schema.text).is_some();
        if !keeps {
            sources.schema.text = without_sections(&sources.schema.text).into();
        }
        let of_types = sections(bare.schema(), &sources.schema.text).unwrap_or_default();
        let mut entries = BTreeMap::new();
        let mut catalogue = String::new();
        for (at, ty) in (0u16..).zip(bare.schema().entity_types()) {
            let needed = of_types.get(&ty.name);
            if needed.is_none() && choices.chance(1, 3) {
                continue;
            }
            let takes =
                bare.schema().actions().iter().filter(|action| action.resources.contains(&TypeId(at)));
            let actions: Vec<String> = takes.map(|action| action.uid.to_string()).collect();
            let mut entry = Entry { is_public: choices.chance(1, 5), ..Entry::default() };
            entry.known_by = actions.iter().filter(|_| choices.chance(1, 4)).cloned().collect();
            entry.unlocks = choices.pick(&actions).filter(|_| choices.chance(1, 5)).cloned();
            catalogue += &format!("[{}]\nknown_by = {}\n", quoted(&ty.name), list(&entry.known_by));
            if entry.is_public {
                let names = ty.attributes.iter().map(|(name, _)| name.to_string());
                let names: Vec<String> = names.filter(|_| choices.chance(1, 2)).collect();
                catalogue += &format!("public = {}\n", list(&names));
            }
            if let Some(action) = &entry.unlocks {
                catalogue += &format!("unlocks = {}\n", quoted(action));
            }
            catalogue += &format!("[{}.sections]\n", quoted(&ty.name));
            for section in needed.into_iter().flatten() {
                let action = choices.pick(&actions).map_or("", String::as_str);
                catalogue += &format!("{} = {}\n", quoted(section), quoted(action));
            }
            entries.insert(ty.name.clone(), entry);
        }
        let has_catalogue = choices.chance(9, 10);
        sources.catalogue = has_catalogue.then(|| Source::new("drawn.toml", catalogue));
        let ward = Ward::new(&sources).map_err(text)?;
        Ok(Subject { sources, ward, entries: has_catalogue.then_some(entries) })
    }

    /// Some who could ask, and who ask here.
    fn viewers(&self, asked: &Request, facts: &Facts, choices: &mut Choices<'_>) -> BTreeSet<EntityUid> {
        let types = self.ward.schema().actions().iter().flat_map(|action| action.principals.clone());
        let all: Vec<EntityUid> = types.flat_map(|ty| facts.of_type(ty)).collect();
        let mut viewers: BTreeSet<EntityUid> = (0..2).filter_map(|_| choices.pick(&all).cloned()).collect();
        viewers.insert(asked.principal.clone());
        viewers
    }

    /// Asks the same of each entity that the request names and that the viewer may not know, and of another that is
    /// not there.
    fn compare(
        &self,
        world: &World,
        asked: &Request,
        viewer: &EntityUid,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let mut named = BTreeSet::from([asked.principal.clone(), asked.resource.clone()]);
        asked.context.fields().values().for_each(|value| {
            value.for_each_entity(&mut |uid| {
                named.insert(uid.clone());
            });
        });
        for uid in named {
            if !self.is_unknown(world, asked, viewer, &uid)? {
                continue;
            }
            // Right behind it in any order.
            let never = EntityUid::new(uid.type_name(), format!("{}!", uid.id()));
            let elsewhere = Request {
                principal: swapped(&asked.principal, &uid, &never),
                action: asked.action.clone(),
                resource: swapped(&asked.resource, &uid, &never),
                context: asked
                    .context
                    .fields()
                    .iter()
                    .map(|(n, v)| (n.clone(), renamed(v, &uid, &never)))
                    .collect(),
            };
            let told = |request: &Request| self.told(world, request, viewer);
            let (there, absent) = (told(asked)?, told(&elsewhere)?);
            let absent = absent.replace(&format!("{}!", uid.id()), uid.id());
            if there != absent {
                return Err(format!("{uid} is there:\n{there}\nand one that is not:\n{absent}"));
            }
            let place = if uid == asked.resource {
                "resource"
            } else if uid == asked.principal {
                "principal"
            } else {
                "context"
            };
            *counts.unseen.entry(place).or_default() += 1;
            let has_entry = self.entries.as_ref().is_some_and(|all| all.contains_key(uid.type_name()));
            *counts.unseen.entry(if has_entry { "of a type with entry" } else { "without" }).or_default() +=
                1;
            counts.compared += 1;
        }
        counts.decisions += 1;
        Ok(())
    }

    /// All that the viewer is told by any road, in every form.
    fn told(&self, world: &World, asked: &Request, viewer: &EntityUid) -> Result<String, String> {
        let or_why = |told: Result<String, Error>| told.unwrap_or_else(|error| error.to_string());
        let explained = self.ward.disclosure().and_then(|disclosure| {
            let sight = self.ward.viewer(world, viewer, asked, &disclosure)?;
            Ok(all_of(&self.ward.explain_for(world, asked, &sight)?))
        });
        let json = |view| serde_json::to_string(&view).unwrap_or_default();
        let view = self.ward.engine.view(world, viewer, &asked.resource, asked.context.fields()).map(json);
        // Nobody is told of an entity for which the catalogue names no alert.
        let alert =
            self.ward.engine.alert(world, &asked.resource, None, viewer.type_name(), asked.context.fields());
        let alert = alert.map(|told| serde_json::to_string(&told).unwrap_or_default());
        Ok(format!("{}\n{}\n{}", or_why(explained), or_why(view), or_why(alert)))
    }

    /// Whether the viewer surely may not know of an entity, read from the catalogue that was drawn.
    fn is_unknown(
        &self,
        world: &World,
        asked: &Request,
        viewer: &EntityUid,
        uid: &EntityUid,
    ) -> Result<bool, String> {
        let schema = self.ward.schema();
        let ty = schema.type_id(uid.type_name()).and_then(|id| schema.entity_type(id)).ok_or("no type")?;
        if uid == viewer || ty.choices.is_some() {
            return Ok(false);
        }
        let Some(entries) = &self.entries else { return Ok(true) };
        let Some(entry) = entries.get(uid.type_name()) else { return Ok(true) };
        let unlocks = entries.get(asked.resource.type_name()).and_then(|entry| entry.unlocks.as_ref());
        let may = |action: &String, of: &EntityUid| {
            let Some(known) = schema.action(action) else { return false };
            // What may be done whatever is still given makes a record known, too.
            let anyhow =
                self.ward.engine.actions(world, viewer, of, asked.context.fields()).is_ok_and(|all| {
                    all.iter().any(|one| {
                        schema.action(&one.action).is_some_and(|action| action.place == known.place)
                            && one.answer.as_ref().is_some_and(|answer| answer.is_allowed())
                    })
                });
            if anyhow {
                return true;
            }
            let names_none = |value: &Value| {
                let mut names = false;
                value.for_each_entity(&mut |_| names = true);
                !names
            };
            // With all that the context gives, and with what names no entity.
            [true, false].into_iter().any(|all| {
                let given =
                    asked.context.fields().iter().filter(|(name, value)| {
                        known.context.contains_key(*name) && (all || names_none(value))
                    });
                let context = given.map(|(name, value)| (name.clone(), value.clone())).collect();
                let request = Request {
                    context,
                    ..Request::new(viewer.clone(), ActionName::new(action.as_str()), of.clone())
                };
                self.ward.check(world, &request).is_ok_and(|answer| answer.is_allowed())
            })
        };
        let unlocked = unlocks.is_some_and(|action| may(action, &asked.resource));
        Ok(!entry.is_public && !unlocked && !entry.known_by.iter().any(|action| may(action, uid)))
    }
}

/// The sections of each type that has any; `None` where there is one that no action could show.
fn sections(schema: &Schema, text: &str) -> Option<BTreeMap<Arc<str>, BTreeSet<Arc<str>>>> {
    let mut all: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
    for ((ty, _), section) in crate::cedar::sections(&Source::new("schema", text)) {
        let id = schema.type_id(&ty)?;
        if !schema.actions().iter().any(|action| action.resources.contains(&id)) {
            return None;
        }
        all.entry(ty).or_default().insert(section);
    }
    Some(all)
}

fn without_sections(text: &str) -> String {
    let mut parts = text.split("@section(\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once("\")").map_or("", |(_, rest)| rest))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(all: &[String]) -> String {
    format!("[{}]", all.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn swapped(uid: &EntityUid, from: &EntityUid, to: &EntityUid) -> EntityUid {
    if uid == from { to.clone() } else { uid.clone() }
}

fn renamed(value: &Value, from: &EntityUid, to: &EntityUid) -> Value {
    match value {
        Value::Entity(uid) => Value::Entity(swapped(uid, from, to)),
        Value::Set(all) => Value::set(all.iter().map(|value| renamed(value, from, to))),
        Value::Record(fields) => Value::Record(
            fields.iter().map(|(name, value)| (name.clone(), renamed(value, from, to))).collect(),
        ),
        value => value.clone(),
    }
}
