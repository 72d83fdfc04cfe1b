//! A world whose people and records nobody knows again, in which all is decided as in the one that it was made of.
//!
//! INVARIANT: no id and no text of the one is in the other, but those that the policies name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Facts;
use crate::ir::Node;
use crate::model::{EntityUid, Error, ReleaseKey, Value};
use crate::ward::Ward;
use crate::world::World;

impl Ward {
    /// The same facts under other names: every id and every text is a keyed hash, but for those that the policies name. For
    /// test data: whoever has it finds the decisions of the real one, and nobody's id.
    ///
    /// Equal texts have equal hashes under one key, so that references and comparisons hold. Numbers, instants, addresses
    /// and the shape of it all are as they were: with few facts they may still tell who somebody is, and this is no way to
    /// publish data. Content is in no world, and so not in this.
    ///
    /// # Errors
    /// [`Error::is_request`] where a policy looks into texts by `like`, which hashes do not have. [`Error::is_schema`] for a
    /// world of another schema.
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{ReleaseKey, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
    /// let key = ReleaseKey::new(&(0..32).collect::<Vec<u8>>())?; // drawn at random, in earnest
    /// let other = ward.pseudonymised(&world, &key)?;
    /// assert_eq!(other.count("Case")?, world.count("Case")?);
    /// assert!(world.ids("User")?.all(|id| other.ids("User").is_ok_and(|mut all| all.all(|other| other != id))));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn pseudonymised(&self, world: &World, key: &ReleaseKey) -> Result<World, Error> {
        self.engine.belongs_to(world)?;
        let naming = Naming { ward: self, key, said: self.said()? };
        let facts = {
            let _still = world.still();
            Facts::of(world)
        };
        let renamed = naming.facts(&facts);
        naming.check(&facts, &renamed)?;
        renamed.build()
    }

    /// What the policies name: texts, and entities.
    fn said(&self) -> Result<Said, Error> {
        let mut said = Said::default();
        let schema = self.schema();
        for action in schema.actions() {
            for (principal, resource) in
                action.principals.iter().flat_map(|from| action.resources.iter().map(move |to| (*from, *to)))
            {
                let program = self.engine.program(principal, action, resource);
                for id in program.ids() {
                    match program.node(id) {
                        Node::Const(value) => said.note(value),
                        Node::Like(..) => {
                            return Err(Error::request(format!(
                                "a policy of `{}` looks into texts by `like`, and hashes have none of their parts",
                                action.uid.id()
                            )));
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(said)
    }
}

#[derive(Default)]
struct Said {
    texts: BTreeSet<Arc<str>>,
    entities: BTreeSet<EntityUid>,
}

impl Said {
    fn note(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                self.texts.insert(text.as_ref().into());
            }
            Value::Entity(uid) => {
                self.entities.insert(uid.clone());
            }
            Value::Set(all) => all.iter().for_each(|value| self.note(value)),
            Value::Record(fields) => fields.values().for_each(|value| self.note(value)),
            _ => {}
        }
    }
}

struct Naming<'a> {
    ward: &'a Ward,
    key: &'a ReleaseKey,
    said: Said,
}

impl Naming<'_> {
    fn facts(&self, of: &Facts) -> Facts {
        let attributes = |all: &BTreeMap<Arc<str>, Value>| {
            all.iter().map(|(name, value)| (name.clone(), self.value(value))).collect()
        };
        let tags = |all: &BTreeMap<Arc<str>, Value>| {
            all.iter().map(|(name, value)| (self.text(name).into(), self.value(value))).collect()
        };
        Facts {
            schema: of.schema.clone(),
            entities: of.entities.iter().map(|(uid, all)| (self.uid(uid), attributes(all))).collect(),
            parents: of
                .parents
                .iter()
                .map(|(uid, all)| (self.uid(uid), all.iter().map(|parent| self.uid(parent)).collect()))
                .collect(),
            tags: of.tags.iter().map(|(uid, all)| (self.uid(uid), tags(all))).collect(),
        }
    }

    /// Whether an entity keeps its name: one that the policies name, and one that the schema has.
    fn is_kept(&self, uid: &EntityUid) -> bool {
        let schema = self.ward.schema();
        let ty = schema.type_id(uid.type_name()).and_then(|ty| schema.entity_type(ty));
        self.said.entities.contains(uid) || ty.is_some_and(|ty| ty.choices.is_some())
    }

    fn uid(&self, uid: &EntityUid) -> EntityUid {
        if self.is_kept(uid) { uid.clone() } else { EntityUid::new(uid.type_name(), self.key.hash(uid.id())) }
    }

    fn text(&self, text: &str) -> String {
        if self.said.texts.contains(text) { text.to_owned() } else { self.key.hash(text) }
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::string(self.text(text)),
            Value::Entity(uid) => Value::Entity(self.uid(uid)),
            Value::Set(all) => Value::Set(all.iter().map(|value| self.value(value)).collect()),
            Value::Record(fields) => {
                Value::Record(fields.iter().map(|(name, value)| (name.clone(), self.value(value))).collect())
            }
            other => other.clone(),
        }
    }

    /// That nothing of the one is in the other, looked at once more and otherwise: name by name.
    fn check(&self, before: &Facts, after: &Facts) -> Result<(), Error> {
        let (was, is) = (Names::of(before), Names::of(after));
        let kept: BTreeSet<&str> = self.said.texts.iter().map(AsRef::as_ref).collect();
        let left = was.texts.intersection(&is.texts).find(|text| !kept.contains(**text));
        let known = was.entities.intersection(&is.entities).find(|uid| !self.is_kept(uid));
        match left.is_some() || known.is_some() {
            true => Err(Error::request("a text or an id is its own hash: draw another key")),
            false => Ok(()),
        }
    }
}

/// All texts and entities of facts.
#[derive(Default)]
struct Names<'a> {
    texts: BTreeSet<&'a str>,
    entities: BTreeSet<&'a EntityUid>,
}

impl<'a> Names<'a> {
    fn of(facts: &'a Facts) -> Self {
        let mut names = Names::default();
        names.entities.extend(facts.entities.keys());
        names.entities.extend(facts.parents.values().flatten());
        facts.entities.values().flat_map(BTreeMap::values).for_each(|value| names.note(value));
        for (name, value) in facts.tags.values().flatten() {
            names.texts.insert(name);
            names.note(value);
        }
        names
    }

    fn note(&mut self, value: &'a Value) {
        match value {
            Value::String(text) => {
                self.texts.insert(text);
            }
            Value::Entity(uid) => {
                self.entities.insert(uid);
            }
            Value::Set(all) => all.iter().for_each(|value| self.note(value)),
            Value::Record(fields) => fields.values().for_each(|value| self.note(value)),
            _ => {}
        }
    }
}
