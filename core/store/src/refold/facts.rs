//! Facts and their history, as the log tells of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use caseward::{EntityUid, World};
use serde_json::Value as Json;

use super::entity::{Changed, Entity, normal};
use super::{Gone, Told, list, uid_of};
use crate::db::{Db, as_count, as_number, as_text, number};
use crate::doctor::Checkup;
use crate::error::Error;
use crate::history;
use crate::imported::{self, RATE};
use crate::log::{self, as_i64};
use crate::state::State;

/// How a version is taken back, by entity and name.
pub(super) type Undo = BTreeMap<(EntityUid, Arc<str>), Arc<str>>;

/// Facts, each from when the log first speaks of it.
pub(super) struct Facts<'a> {
    /// What was imported, where it could be made.
    base: Option<&'a World>,
    all: HashMap<EntityUid, Entity>,
}

/// The changes that an entry tells of, in order.
fn changes(payload: &Json) -> impl Iterator<Item = (&str, EntityUid, &Json)> {
    list(payload, "changes").iter().filter_map(|change| {
        let (what, change) = change.as_object()?.iter().next()?;
        Some((what.as_str(), uid_of(change.get("uid")?)?, change))
    })
}

fn name_of(change: &Json) -> &str {
    change.get("name").and_then(Json::as_str).unwrap_or_default()
}

impl<'a> Facts<'a> {
    pub(super) fn new(base: Option<&'a World>) -> Self {
        Facts { base, all: HashMap::new() }
    }

    fn of(&mut self, gone: &Gone, uid: &EntityUid) -> &mut Entity {
        let base = self.base;
        self.all.entry(uid.clone()).or_insert_with(|| {
            let mut entity = base.map_or_else(Entity::default, |base| Entity::of(base, uid));
            // How it was before is no longer kept.
            if base.is_none() || gone.entities.contains_key(uid) {
                entity.forget("");
            } else if gone.of.contains_key(uid) {
                entity.forget(RATE);
            }
            entity
        })
    }

    /// What is known of an attribute; the outer `None` where nothing is.
    pub(super) fn get(&mut self, gone: &Gone, uid: &EntityUid, name: &str) -> Option<Option<Json>> {
        self.of(gone, uid).get(name).map(|value| value.cloned())
    }

    /// Holds what an entry wrote against how it is taken back, and applies it.
    pub(super) fn version(&mut self, checkup: &mut Checkup, gone: &Gone, told: &Told, mut undo: Undo) {
        let version = told.version;
        let Some(payload) = &told.payload else {
            for ((uid, name), kept) in undo {
                self.taken_back(checkup, gone, told, (&uid, &name), Some(&kept));
                self.of(gone, &uid).forget(&name);
            }
            return;
        };
        let mut changed: BTreeMap<EntityUid, Changed> = BTreeMap::new();
        for (what, uid, change) in changes(payload) {
            if ["put", "remove"].contains(&what) {
                changed.insert(uid, Changed::Whole);
            } else if let Changed::Names(names) =
                changed.entry(uid).or_insert_with(|| Changed::Names(BTreeSet::new()))
            {
                names.insert(name_of(change).to_owned());
            }
        }
        for (uid, names) in &changed {
            let whole = BTreeSet::from([String::new()]);
            let names = match names {
                Changed::Whole => &whole,
                Changed::Names(names) => names,
            };
            for name in names {
                let kept = undo.remove(&(uid.clone(), name.as_str().into()));
                self.taken_back(checkup, gone, told, (uid, name), kept.as_ref());
            }
        }
        for (uid, name) in undo.keys() {
            let what = format!(
                "version {version} is kept to have changed its `{name}`, and the log says nothing of it"
            );
            checkup.fault("history", Some(uid), what);
        }
        for (what, uid, change) in changes(payload) {
            let entity = self.of(gone, &uid);
            match what {
                "put" => {
                    entity.put(normal(change.get("attrs").unwrap_or(&Json::Null), true).as_object().cloned())
                }
                "remove" => entity.put(None),
                "set" => entity.set(name_of(change), change.get("value").map(|value| normal(value, true))),
                _ => entity.set(name_of(change), None),
            }
        }
    }

    /// Holds how one change is taken back against what was so before it.
    fn taken_back(
        &mut self,
        checkup: &mut Checkup,
        gone: &Gone,
        told: &Told,
        (uid, name): (&EntityUid, &str),
        kept: Option<&Arc<str>>,
    ) {
        let expected = self.of(gone, uid).undo(uid, name);
        let is_forgotten = gone.entities.get(uid).is_some_and(|disposal| told.event < *disposal)
            || name == RATE && gone.of.get(uid).is_some_and(|disposal| told.event < *disposal);
        let version = told.version;
        let Some(kept) = kept else {
            if !is_forgotten {
                checkup.fault("history", Some(uid), format!("how version {version} changed it is not kept"));
            }
            return;
        };
        let kept: Option<Json> = serde_json::from_str(kept).ok().map(|kept| normal(&kept, true));
        if is_forgotten || kept.is_none() || expected.is_some_and(|expected| kept != Some(expected)) {
            checkup.fault("history", Some(uid), format!("how it was before version {version} was altered"));
        }
    }

    /// What a disposal leaves known.
    pub(super) fn after(&mut self, gone: &Gone, told: &Told) {
        let Some(payload) = told.payload.as_ref().filter(|_| &*told.kind == "disposal") else { return };
        for uid in list(payload, "entities").iter().filter_map(|uid| uid.as_str()?.parse::<EntityUid>().ok())
        {
            self.of(gone, &uid).put(None);
        }
        if let Ok(uid) = super::says(payload, "/of").parse::<EntityUid>()
            && uid.type_name() == "Student"
        {
            self.of(gone, &uid).set(RATE, None);
        }
    }

    /// Holds the rows against what the log says of them.
    pub(super) fn compare(&self, checkup: &mut Checkup, rows: &World) -> Result<(), Error> {
        for (uid, entity) in &self.all {
            for name in entity.differs(&Entity::of(rows, uid)) {
                let what = match (name.as_str(), rows.contains(uid)) {
                    ("", true) => "it is there, and by the log it is not".to_owned(),
                    ("", false) => "it is gone, and no entry of the log removed it".to_owned(),
                    (name, _) => format!("its `{name}` is not what the log says"),
                };
                checkup.fault("rows", Some(uid), what);
            }
        }
        Ok(())
    }
}

/// How versions are taken back: those after one, up to another.
pub(super) fn history(db: &mut dyn Db, (from, to): (u64, u64)) -> Result<BTreeMap<u64, Undo>, Error> {
    let mut all: BTreeMap<u64, Undo> = BTreeMap::new();
    let sql =
        "SELECT version, type, id, name, undo FROM caseward_history WHERE version > ?1 AND version <= ?2";
    db.rows(sql, &[number(as_i64(from)), number(as_i64(to))], &mut |row| {
        let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
        let version = row.first().and_then(as_count).unwrap_or(0);
        let key = (EntityUid::new(cell(1), cell(2)), cell(3));
        all.entry(version).or_default().insert(key, cell(4));
        Ok(())
    })?;
    Ok(all)
}

/// Tells of what takes a version back that there was not, since what was imported.
fn of_no_version(state: &mut State, checkup: &mut Checkup, from: u64) -> Result<(), Error> {
    let sql =
        "SELECT version, type, id FROM caseward_history WHERE version <= ?1 OR version > ?2 ORDER BY version";
    let bounds = [number(as_i64(from)), number(as_i64(state.numbers.version))];
    state.db.rows(sql, &bounds, &mut |row| {
        let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
        let version = row.first().and_then(as_number).unwrap_or(0);
        let what =
            format!("how it was before version {version} is kept, and no version {version} changed it");
        checkup.fault("history", Some(&EntityUid::new(cell(1), cell(2))), what);
        Ok(())
    })
}

/// The facts as they were imported, made of the rows and of what takes each version back, and held against the import; `None`
/// where they cannot be made.
pub(super) fn imported(
    state: &mut State,
    checkup: &mut Checkup,
    rows: &World,
    gone: &Gone,
) -> Result<Option<World>, Error> {
    let mut import: Option<(u64, String)> = None;
    let sql = "SELECT version, payload, event FROM caseward_log WHERE kind = 'import' ORDER BY event LIMIT 1";
    let seal = state.db.seal();
    state.db.rows(sql, &[], &mut |row| {
        let payload = log::payload_in(&seal, row, 2, 1)?.unwrap_or_default();
        let payload: Json = serde_json::from_str(&payload).unwrap_or_default();
        let facts = super::says(&payload, "/facts").to_owned();
        import = Some((row.first().and_then(as_count).unwrap_or(0), facts));
        Ok(())
    })?;
    let base = World::from_bytes(state.ward.schema(), &rows.to_bytes())?;
    let from = import.as_ref().map_or(0, |(version, _)| *version);
    of_no_version(state, checkup, from)?;
    let undone =
        history::undo(state.db.as_mut(), (&state.ward, &base), (from, state.numbers.version), |_| false)
            .and_then(|undo| Ok(base.apply(&undo)?));
    if let Err(error) = undone {
        checkup.fault("history", None, format!("it cannot be taken back: {error}"));
        return Ok(None);
    }
    let kept = imported::read(state.db.as_mut())?;
    if import.map_or_else(|| !kept.is_empty(), |(_, facts)| facts != imported::over_all(&kept)) {
        checkup.fault("imported", None, "the hashes of what was imported are not those that the log says");
    }
    let mut groups = imported::groups(&base)?;
    for (name, kept) in &kept {
        let hashes = groups.remove(name).unwrap_or_default();
        let about: Option<EntityUid> = name.parse().ok();
        let is_gone = about.as_ref().is_some_and(|uid| gone.of.contains_key(uid));
        match &kept.salt {
            Some(salt) if imported::hash(salt, &hashes) != kept.hash => {
                let what = match &about {
                    Some(_) => {
                        "the facts of it and its records, with all changes taken back, are not those that were imported"
                    }
                    None => &format!(
                        "the facts of the type {name}, with all changes taken back, are not those that were imported"
                    ),
                };
                checkup.fault("rows", about.as_ref(), what);
            }
            None if !is_gone => {
                checkup.fault("imported", about.as_ref(), "its salt is gone, and no disposal says so")
            }
            _ => {}
        }
    }
    for name in groups.keys() {
        let about: Option<EntityUid> = name.parse().ok();
        let what = match &about {
            Some(_) => "of it or its records there is something that nobody imported, and that no entry made",
            None => {
                &format!("of the type {name} there is something that nobody imported, and that no entry made")
            }
        };
        checkup.fault("rows", about.as_ref(), what);
    }
    Ok(Some(base))
}
