//! Past moments: what held at one, as far as it was known at another.
//!
//! Where people are enrolled and what they are is worked out anew from what was known; fields of cases, requests and items
//! stand as they were written. A correction changes what held, never what was done because of it.

use std::collections::VecDeque;

use caseward::{Changes, EntityUid, Ward, World, WorldBuilder};

use crate::db::{as_count, as_text, number, text};
use crate::error::Error;
use crate::facts::uids;
use crate::feed;
use crate::history;
use crate::log::as_i64;
use crate::migrate::{is_same_data, recast};
use crate::policies::PolicySet;
use crate::state::State;
use crate::time;

/// Types whose entities stand as they were written; others are taken to have been there all along.
const WRITTEN: [&str; 3] = ["Case", "Request", "Item"];
/// What commands write of a student.
const OF_CASES: [&str; 3] = ["currentProvider", "currentCaseManager", "lastCaseClosedAt"];
/// Past moments whose worlds are kept.
const KEPT: usize = 4;

/// A moment in the past of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moment {
    /// What held at this instant, in milliseconds since 1970; `None` for `known_at`, or else the store's clock.
    pub as_of: Option<i64>,
    /// As far as it was known at this instant; `None` for the store's clock.
    pub known_at: Option<i64>,
    /// By today's policies, instead of those that were in force at `as_of`.
    pub todays_policies: bool,
}

impl Moment {
    /// What held at an instant, as it is known now.
    pub fn as_of(at: i64) -> Self {
        Moment { as_of: Some(at), ..Moment::default() }
    }

    /// As far as it was known at an instant.
    #[must_use]
    pub fn known_at(mut self, at: i64) -> Self {
        self.known_at = Some(at);
        self
    }

    /// By the policies that are in force now.
    #[must_use]
    pub fn by_todays_policies(mut self) -> Self {
        self.todays_policies = true;
        self
    }
}

/// A past moment, ready to be asked about: its policies, its facts, and the `now` of its questions.
#[derive(Clone)]
#[non_exhaustive]
pub struct Past {
    /// The policies.
    pub ward: Ward,
    /// The facts.
    pub world: World,
    /// The `now` of questions about it, in milliseconds since 1970.
    pub now: i64,
}

/// Worlds by their moments, the last one asked about first.
#[derive(Default)]
pub(crate) struct Pasts(VecDeque<(Key, World)>);

/// As of, known at, the version in which what had been known had been written, and whether it is of today's schema.
type Key = (i64, i64, u64, bool);

impl Pasts {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn get(&mut self, key: &Key) -> Option<World> {
        let at = self.0.iter().position(|(of, _)| of == key)?;
        let found = self.0.remove(at)?;
        let world = found.1.clone();
        self.0.push_front(found);
        Some(world)
    }

    fn keep(&mut self, key: Key, world: World) {
        self.0.truncate(KEPT - 1);
        self.0.push_front((key, world));
    }
}

impl State {
    /// A past moment, by a clock.
    pub(crate) fn past(&mut self, moment: Moment, clock: i64) -> Result<Past, Error> {
        let clock = clock.max(self.numbers.clock);
        self.in_force(clock);
        let known_at = moment.known_at.unwrap_or(clock);
        let as_of = moment.as_of.unwrap_or(known_at);
        for (what, at) in [("known-at", known_at), ("as-of", as_of)] {
            if at > clock {
                let (at, clock) = (time::rfc3339(at), time::rfc3339(clock));
                return Err(Error::request(format!("{what} {at} lies ahead of the store's clock, {clock}")));
            }
        }
        if known_at == clock && as_of == clock {
            return Ok(Past { ward: self.ward.clone(), world: self.world.clone(), now: clock });
        }
        let ward = match moment.todays_policies {
            true => self.ward.clone(),
            false => self.ward_at(as_of)?,
        };
        let is_todays = is_same_data(ward.schema(), self.world.schema());
        let key = (as_of, known_at, self.version_at(known_at)?, is_todays);
        let world = match self.pasts.get(&key) {
            Some(world) => world,
            None => {
                let mut world = self.world_at(as_of, known_at)?;
                if !is_todays {
                    world = recast(&world, ward.schema()).map_err(|error| {
                        Error::request(format!("what held then is not of the schema of then: {error}"))
                    })?;
                }
                self.pasts.keep(key, world.clone());
                world
            }
        };
        Ok(Past { ward, world, now: as_of })
    }

    /// The version of the data at the end of an instant.
    pub(crate) fn version_at(&mut self, at: i64) -> Result<u64, Error> {
        // An entry of what was not done may say a later instant than the next that was.
        let sql = "SELECT MAX(version) FROM caseward_log WHERE recorded <= ?1";
        let row = self.db.row(sql, &[number(at)])?;
        Ok(row.and_then(|row| as_count(row.first()?)).unwrap_or(0))
    }

    /// The policies that were in force.
    fn ward_at(&mut self, at: i64) -> Result<Ward, Error> {
        let sql = "SELECT t.policy_hash, t.sources FROM caseward_policies p JOIN caseward_policy_text t ON t.hash = p.hash \
                   WHERE p.from_at <= ?1 ORDER BY p.from_at DESC, p.event DESC LIMIT 1";
        let row = self.db.row(sql, &[number(at)])?.unwrap_or_default();
        match (row.first().and_then(as_text), row.get(1).and_then(as_text)) {
            (Some(hash), _) if hash == *self.ward.policy_hash() => Ok(self.ward.clone()),
            (_, Some(sources)) => Ok(Ward::new(&PolicySet::from_text(&sources)?.sources)?),
            _ => Err(Error::Database("it has no policies".to_owned())),
        }
    }

    /// The policies of a hash that were in force once.
    pub(crate) fn ward_of_hash(&mut self, hash: &str) -> Result<Ward, Error> {
        let sql = "SELECT sources FROM caseward_policy_text WHERE policy_hash = ?1";
        let sources = self.db.texts(sql, &[text(hash)])?.into_iter().next();
        let sources = sources.ok_or_else(|| Error::Database(format!("it has no policies `{hash}`")))?;
        Ok(Ward::new(&PolicySet::from_text(&sources)?.sources)?)
    }

    fn world_at(&mut self, as_of: i64, known_at: i64) -> Result<World, Error> {
        let stays = |ty: &str| !WRITTEN.contains(&ty);
        let (last, written) = (self.numbers.version, self.version_at(as_of.min(known_at))?);
        let known = self.version_at(known_at)?.max(written);
        let imported = self.imported_in()?;
        if known < imported {
            return Ok(WorldBuilder::new(self.ward.schema()).finish()?.counting_from(written));
        }
        let mut world = World::from_bytes(self.ward.schema(), &self.world.to_bytes())?;
        let unknown = history::undo(self.db.as_mut(), (&self.ward, &world), (known, last), |_| false)?;
        world.apply(&unknown)?;
        if written < imported {
            world = unwritten(&world)?;
        }
        let later = history::undo(self.db.as_mut(), (&self.ward, &world), (written, known), stays)?;
        world.apply(&later)?;
        let new = match written < imported {
            true => uids(&world, "Student")?,
            false => self.came_after(written)?,
        };
        world.apply(&of_cases(&world, &new)?)?;
        let changes = feed::known(self.db.as_mut(), &self.ward, &world, (as_of, known_at))?;
        world.apply(&changes)?;
        Ok(world.counting_from(written))
    }

    /// The version that an import wrote; 0 where there was none.
    fn imported_in(&mut self) -> Result<u64, Error> {
        let row = self.db.row("SELECT version FROM caseward_log WHERE kind = 'import' LIMIT 1", &[])?;
        Ok(row.and_then(|row| as_count(row.first()?)).unwrap_or(0))
    }

    /// The students who came after a version.
    fn came_after(&mut self, version: u64) -> Result<Vec<EntityUid>, Error> {
        let sql = "SELECT id FROM caseward_history WHERE version > ?1 AND type = 'Student' AND name = ''";
        let ids = self.db.texts(sql, &[number(as_i64(version))])?;
        Ok(ids.into_iter().map(|id| EntityUid::new("Student", id)).collect())
    }
}

/// Takes out what commands wrote of students: before that it was not so.
fn of_cases(world: &World, students: &[EntityUid]) -> Result<Changes, Error> {
    let mut changes = Changes::new();
    for student in students.iter().filter(|student| world.contains(student)) {
        for name in OF_CASES {
            if world.attribute(student, name)?.is_some() {
                changes = changes.unset(student, name);
            }
        }
    }
    Ok(changes)
}

/// A world as it was before anything was written down: of people, places and students alone.
fn unwritten(world: &World) -> Result<World, Error> {
    let mut builder = WorldBuilder::new(world.schema());
    for ty in world.schema().entity_types() {
        if ty.choices.is_some() || WRITTEN.contains(&&*ty.name) {
            continue;
        }
        for uid in uids(world, &ty.name)? {
            let attributes = world.attributes(&uid)?.unwrap_or_default();
            builder.add(&uid, attributes.iter().map(|(name, value)| (name.as_ref(), value.clone())));
        }
    }
    Ok(builder.finish()?)
}
