//! What a command or a line of a feed makes of the state, while it is put together.
//!
//! INVARIANT: what is read from a draft is what would be read once it is written.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use caseward::{Changes, EntityUid, Value, World};
use serde_json::{Value as Json, json};

use crate::db::{Db, as_text, text};
use crate::error::Error;
use crate::facts;
use crate::seal::Place;
use crate::touched::Counter;

/// The content that says when a record changed last.
pub(crate) const CHANGED: &str = "lastChangedAt";

/// Facts, content and files that are to be written together.
pub(crate) struct Draft {
    /// The state with everything but `pending`.
    world: World,
    pending: Changes,
    /// Of which entities `pending` is.
    unseen: HashSet<EntityUid>,
    counter: Counter,
    changes: Changes,
    written: Vec<Json>,
    touched: BTreeMap<EntityUid, Touched>,
    content: BTreeMap<(EntityUid, Arc<str>), Option<Json>>,
    made: Vec<EntityUid>,
    became: Option<(EntityUid, EntityUid)>,
    files: Vec<(String, Arc<Vec<u8>>)>,
    disposed: Vec<EntityUid>,
    forgotten: Vec<EntityUid>,
    unsaid: Vec<EntityUid>,
    marks: Vec<Mark>,
    counters: BTreeMap<&'static str, i64>,
}

/// Which rows of an entity are to be written anew.
#[derive(Debug)]
pub(crate) enum Touched {
    Whole,
    Attributes(BTreeSet<Arc<str>>),
}

/// A role that a command gave or took, or that was imported.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) person: EntityUid,
    pub(crate) role: Arc<str>,
    pub(crate) place: EntityUid,
    pub(crate) held: bool,
}

/// All of a draft, to be written.
pub(crate) struct Finished {
    /// The state after it.
    pub(crate) world: World,
    pub(crate) changes: Changes,
    /// The changes of facts, for the log.
    pub(crate) written: Vec<Json>,
    pub(crate) touched: BTreeMap<EntityUid, Touched>,
    pub(crate) content: BTreeMap<(EntityUid, Arc<str>), Option<Json>>,
    pub(crate) made: Vec<EntityUid>,
    pub(crate) became: Option<(EntityUid, EntityUid)>,
    /// Files by the hash of their bytes.
    pub(crate) files: Vec<(String, Arc<Vec<u8>>)>,
    /// Entities that are gone.
    pub(crate) disposed: Vec<EntityUid>,
    /// Those of them of which the log is to keep no payload.
    pub(crate) forgotten: Vec<EntityUid>,
    /// Entities that stay, while what commands and feeds said of them goes.
    pub(crate) unsaid: Vec<EntityUid>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) counters: BTreeMap<&'static str, i64>,
}

impl Finished {
    /// Leaves out content that stands so already, and the stamp of a change where nothing else is left of it.
    pub(crate) fn without_what_is_so(mut self, db: &mut dyn Db) -> Result<Self, Error> {
        let mut left = BTreeMap::new();
        for ((uid, field), value) in self.content {
            let is_so = !self.made.contains(&uid) && stored(db, &uid, &field)? == value;
            if !is_so {
                left.insert((uid, field), value);
            }
        }
        self.content = left;
        if self.content.keys().all(|(_, field)| field.as_ref() == CHANGED) {
            let stamps = std::mem::take(&mut self.content);
            if !self.is_nothing() {
                self.content = stamps;
            }
        }
        Ok(self)
    }

    /// Whether it leaves everything as it was.
    pub(crate) fn is_nothing(&self) -> bool {
        self.changes.is_empty()
            && self.content.is_empty()
            && self.disposed.is_empty()
            && self.files.is_empty()
    }
}

impl Draft {
    pub(crate) fn new(world: &World, counter: Counter) -> Self {
        Draft {
            world: world.clone(),
            pending: Changes::new(),
            unseen: HashSet::new(),
            counter,
            changes: Changes::new(),
            written: Vec::new(),
            touched: BTreeMap::new(),
            content: BTreeMap::new(),
            made: Vec::new(),
            became: None,
            files: Vec::new(),
            disposed: Vec::new(),
            forgotten: Vec::new(),
            unsaid: Vec::new(),
            marks: Vec::new(),
            counters: BTreeMap::new(),
        }
    }

    /// The state with everything so far. Its cost is that of all that the draft changed: of one entity
    /// [`Draft::has`], [`Draft::get`] and the like give the same for less.
    pub(crate) fn seen(&mut self) -> Result<&World, Error> {
        if !self.pending.is_empty() {
            self.counter.layer();
            self.world = self.world.with(&self.pending)?;
            self.pending = Changes::new();
            self.unseen.clear();
        }
        Ok(&self.world)
    }

    /// A state that has everything so far of one entity.
    fn seen_of(&mut self, uid: &EntityUid) -> Result<&World, Error> {
        if self.unseen.contains(uid) { self.seen() } else { Ok(&self.world) }
    }

    /// Whether an entity is there.
    pub(crate) fn has(&mut self, uid: &EntityUid) -> Result<bool, Error> {
        Ok(self.seen_of(uid)?.contains(uid))
    }

    pub(crate) fn finish(mut self) -> Result<Finished, Error> {
        self.seen()?;
        Ok(Finished {
            world: self.world,
            changes: self.changes,
            written: self.written,
            touched: self.touched,
            content: self.content,
            made: self.made,
            became: self.became,
            files: self.files,
            disposed: self.disposed,
            forgotten: self.forgotten,
            unsaid: self.unsaid,
            marks: self.marks,
            counters: self.counters,
        })
    }

    /// Adds an entity, or puts it in the place of the one of that name.
    pub(crate) fn put(&mut self, uid: &EntityUid, attributes: Vec<(&str, Value)>) {
        let attrs: BTreeMap<&str, &Value> = attributes.iter().map(|(name, value)| (*name, value)).collect();
        self.written.push(json!({"put": {"uid": uid_json(uid), "attrs": attrs}}));
        self.touched.insert(uid.clone(), Touched::Whole);
        self.change(uid, |changes| changes.put(uid, attributes.clone()));
    }

    /// As [`Draft::put`], of an entity that did not exist and is told of.
    pub(crate) fn make(&mut self, uid: &EntityUid, attributes: Vec<(&str, Value)>) {
        self.put(uid, attributes);
        self.made.push(uid.clone());
    }

    /// Sets an attribute, or takes it away; where it is so already, nothing is written.
    pub(crate) fn set(&mut self, uid: &EntityUid, name: &str, value: Option<Value>) -> Result<(), Error> {
        if self.get(uid, name)? == value {
            return Ok(());
        }
        let uid_of = uid_json(uid);
        self.written.push(match &value {
            Some(value) => json!({"set": {"uid": uid_of, "name": name, "value": value}}),
            None => json!({"unset": {"uid": uid_of, "name": name}}),
        });
        if let Touched::Attributes(names) =
            self.touched.entry(uid.clone()).or_insert_with(|| Touched::Attributes(BTreeSet::new()))
        {
            names.insert(name.into());
        }
        self.change(uid, |changes| match &value {
            Some(value) => changes.set(uid, name, value.clone()),
            None => changes.unset(uid, name),
        });
        Ok(())
    }

    /// As [`Draft::set`], to an entity or to none.
    pub(crate) fn refer(&mut self, uid: &EntityUid, name: &str, to: Option<&EntityUid>) -> Result<(), Error> {
        self.set(uid, name, to.cloned().map(Value::Entity))
    }

    /// Adds an entity to a set, or takes it out.
    pub(crate) fn hold(
        &mut self,
        uid: &EntityUid,
        name: &str,
        one: &EntityUid,
        held: bool,
    ) -> Result<(), Error> {
        let mut all: BTreeSet<EntityUid> = self.all(uid, name)?.into_iter().collect();
        let changed = if held { all.insert(one.clone()) } else { all.remove(one) };
        match changed {
            true => self.set(uid, name, Some(Value::set(all.into_iter().map(Value::Entity)))),
            false => Ok(()),
        }
    }

    pub(crate) fn remove(&mut self, uid: &EntityUid) {
        self.written.push(json!({"remove": {"uid": uid_json(uid)}}));
        self.touched.insert(uid.clone(), Touched::Whole);
        self.change(uid, |changes| changes.remove(uid));
        self.disposed.push(uid.clone());
    }

    /// As [`Draft::remove`]; and of what the log says of it the payload goes.
    pub(crate) fn dispose(&mut self, uid: &EntityUid) {
        self.remove(uid);
        self.forgotten.push(uid.clone());
    }

    /// What commands and feeds said of an entity goes from wherever it is kept beside content; the entity stays.
    pub(crate) fn unsay(&mut self, uid: &EntityUid) {
        self.unsaid.push(uid.clone());
    }

    fn change(&mut self, uid: &EntityUid, make: impl Fn(Changes) -> Changes) {
        self.unseen.insert(uid.clone());
        self.pending = make(std::mem::take(&mut self.pending));
        self.changes = make(std::mem::take(&mut self.changes));
    }

    /// What a field of content is to be; `None` takes it away.
    pub(crate) fn content(&mut self, uid: &EntityUid, field: impl Into<Arc<str>>, value: Option<Json>) {
        self.content.insert((uid.clone(), field.into()), value);
    }

    pub(crate) fn became(&mut self, request: &EntityUid, case: &EntityUid) {
        self.became = Some((request.clone(), case.clone()));
    }

    pub(crate) fn file(&mut self, hash: String, bytes: Arc<Vec<u8>>) {
        self.files.push((hash, bytes));
    }

    pub(crate) fn mark(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    pub(crate) fn counter(&mut self, name: &'static str, value: i64) {
        self.counters.insert(name, value);
    }

    pub(crate) fn get(&mut self, uid: &EntityUid, name: &str) -> Result<Option<Value>, Error> {
        Ok(self.seen_of(uid)?.attribute(uid, name)?)
    }

    /// An attribute that is a reference.
    pub(crate) fn entity(&mut self, uid: &EntityUid, name: &str) -> Result<Option<EntityUid>, Error> {
        facts::entity(self.seen_of(uid)?, uid, name)
    }

    /// An attribute that is a text.
    pub(crate) fn text(&mut self, uid: &EntityUid, name: &str) -> Result<Option<Arc<str>>, Error> {
        Ok(match self.get(uid, name)? {
            Some(Value::String(text)) => Some(text),
            _ => None,
        })
    }

    /// An attribute that is a set of references.
    pub(crate) fn all(&mut self, uid: &EntityUid, name: &str) -> Result<Vec<EntityUid>, Error> {
        facts::entities(self.seen_of(uid)?, uid, name)
    }
}

/// Content as the database has it.
pub(crate) fn stored(db: &mut dyn Db, uid: &EntityUid, field: &str) -> Result<Option<Json>, Error> {
    let sql = "SELECT value FROM caseward_content WHERE type = ?1 AND id = ?2 AND field = ?3";
    let row = db.row(sql, &[text(uid.type_name()), text(uid.id()), text(field)])?;
    let place = Place::Content(uid.type_name(), uid.id(), field);
    let kept = db.seal().open_some(place, row.and_then(|row| as_text(row.first()?)))?;
    Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
}

/// An entity's name as Cedar's JSON has it.
pub(crate) fn uid_json(uid: &EntityUid) -> Json {
    json!({"type": uid.type_name(), "id": uid.id()})
}
