//! One entity, as the log tells of it.

use std::collections::BTreeSet;

use caseward::{EntityUid, World};
use serde_json::{Map, Value as Json, json};

use crate::draft::uid_json;

/// JSON in one order: names, and with `sets` the members of lists, which are sets of an attribute.
pub(super) fn normal(json: &Json, sets: bool) -> Json {
    match json {
        Json::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            let of = |name: &String| fields.get(name).map(|value| (name.clone(), normal(value, sets)));
            Json::Object(names.into_iter().filter_map(of).collect())
        }
        Json::Array(all) => {
            let mut all: Vec<Json> = all.iter().map(|one| normal(one, sets)).collect();
            if sets {
                all.sort_by_key(Json::to_string);
            }
            Json::Array(all)
        }
        other => other.clone(),
    }
}

/// What is known of an entity.
#[derive(Default)]
pub(super) struct Entity {
    /// `None` where it is not there.
    attrs: Option<Map<String, Json>>,
    /// Attributes that an entry wrote which was disposed of.
    unknown: BTreeSet<String>,
    /// Whether such an entry wrote it as a whole.
    is_unknown: bool,
}

/// What an entry changes of an entity.
pub(super) enum Changed {
    Whole,
    Names(BTreeSet<String>),
}

impl Entity {
    pub(super) fn of(world: &World, uid: &EntityUid) -> Self {
        let attrs = world.attributes(uid).ok().flatten().map(|attrs| match normal(&json!(attrs), true) {
            Json::Object(attrs) => attrs,
            _ => Map::new(),
        });
        Entity { attrs, ..Entity::default() }
    }

    /// The value of an attribute; the outer `None` where it is not known.
    pub(super) fn get(&self, name: &str) -> Option<Option<&Json>> {
        let is_known = !self.is_unknown && !self.unknown.contains(name);
        is_known.then(|| self.attrs.as_ref().and_then(|attrs| attrs.get(name)))
    }

    /// The change that takes it back; `None` where it is not known.
    pub(super) fn undo(&self, uid: &EntityUid, name: &str) -> Option<Json> {
        let of = uid_json(uid);
        let undo = match (name, &self.attrs) {
            ("", _) if self.is_unknown || !self.unknown.is_empty() => return None,
            ("", Some(attrs)) => json!({"put": {"uid": of, "attrs": attrs}}),
            ("", None) => json!({"remove": {"uid": of}}),
            _ => match self.get(name)? {
                Some(value) => json!({"set": {"uid": of, "name": name, "value": value}}),
                None => json!({"unset": {"uid": of, "name": name}}),
            },
        };
        Some(normal(&undo, true))
    }

    pub(super) fn put(&mut self, attrs: Option<Map<String, Json>>) {
        *self = Entity { attrs, ..Entity::default() };
    }

    pub(super) fn set(&mut self, name: &str, value: Option<Json>) {
        self.unknown.remove(name);
        let attrs = self.attrs.get_or_insert_default();
        match value {
            Some(value) => drop(attrs.insert(name.to_owned(), value)),
            None => drop(attrs.remove(name)),
        }
    }

    /// What an entry wrote that was disposed of.
    pub(super) fn forget(&mut self, name: &str) {
        match name {
            "" => (self.attrs, self.is_unknown) = (None, true),
            name => drop(self.unknown.insert(name.to_owned())),
        }
    }

    /// What differs from another reading of it, by name; an empty name where one of them is not there.
    pub(super) fn differs(&self, other: &Entity) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        if self.is_unknown {
            return names;
        }
        let (ours, theirs) = match (&self.attrs, &other.attrs) {
            (Some(ours), Some(theirs)) => (ours, theirs),
            (None, None) => return names,
            _ => return BTreeSet::from([String::new()]),
        };
        for name in ours.keys().chain(theirs.keys()) {
            if !self.unknown.contains(name) && ours.get(name) != theirs.get(name) {
                names.insert(name.clone());
            }
        }
        names
    }
}
