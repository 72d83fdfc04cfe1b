//! Made-up data: of any schema, and drawn towards what policies ask.
//!
//! Data at random seldom meets what a policy asks for: that a person holds a role at just the school of the record's
//! student. So beside a base at random there are *situations*: small pieces of data that are made for a policy, from
//! its conditions down to the values that they read (`goal`), on the borders of what they compare with (`pool`). For two
//! versions of policies these are sought in which one allows what the other denies (`difference`).
//!
//! INVARIANTS: the same schema, policies, size and seed give the same data; every reference leads somewhere.

mod base;
mod difference;
mod goal;
mod named;
mod pool;
mod stage;
mod term;
mod variety;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Base, Sizes};
use difference::{Contest, Situation, situation};
use pool::Pool;
use stage::{Held, Stage};

use super::diff::Diff;
use crate::model::random::Random;
use crate::model::{Effect, EntityUid, Error, Value};
use crate::ward::Ward;
use crate::world::{Changes, World, WorldBuilder};

/// The clock of situations whose policies do not ask for another: 11 May 2026.
const NOW: i64 = 1_778_457_600_000;
/// Situations that are made for each permit and kind of request.
const FOR_EACH_PERMIT: usize = 2;
/// Attempts at one of them.
const ATTEMPTS: usize = 12;

/// Made-up data of any schema.
///
/// # Example
/// ```
/// use caseward::Ward;
/// use caseward::author::MadeUp;
///
/// let ward = Ward::attendance()?;
/// let world = MadeUp { size: 40, seed: 1 }.build(&ward)?;
/// assert!(world.count("Case")? >= 40 && world.count("User")? >= 12);
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeUp {
    /// How many records there are of each type that requests are about; people are a tenth as many. Situations that the
    /// policies allow come on top.
    pub size: usize,
    /// Same seed, same data.
    pub seed: u64,
}

impl MadeUp {
    /// Makes the data for a ward's schema and policies.
    ///
    /// # Errors
    /// [`Error::is_data`], where a type that is required somewhere can have no entities.
    pub fn build(&self, ward: &Ward) -> Result<World, Error> {
        let schema = ward.schema();
        let pool = Pool::new(&[ward]).at(NOW);
        let mut builder = WorldBuilder::new(schema);
        let sizes = Sizes::of(schema, self.size);
        let known = allowed(ward, &pool, &mut Random::new(self.seed, 102));
        let mut base = Base { schema, pool: &pool, sizes, random: Random::new(self.seed, 101) };
        base.make(&mut |uid, held| {
            // A policy may name one of those that are made anyway.
            if !known.contains_key(uid) {
                add(&mut builder, uid, held);
            }
        });
        known.into_iter().for_each(|(uid, held)| add(&mut builder, &uid, held));
        let world = builder.finish()?;
        put(&world, named::named(&world, &[ward]), &pool)?;
        put(&world, variety::variety(&world, &[ward]), &pool)?;
        Ok(world)
    }
}

/// A context.
type Circumstance = BTreeMap<Arc<str>, Value>;

/// Situations that were added to data, and the circumstances under which they are to be looked at.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// By person and the place of the kinds of request in [`Diff::changed`].
    circumstances: BTreeMap<EntityUid, BTreeMap<usize, Vec<Circumstance>>>,
}

impl Drawn {
    /// The people whom situations were made for.
    pub fn people(&self) -> impl Iterator<Item = &EntityUid> {
        self.circumstances.keys()
    }

    /// The circumstances of a person in one kind of request.
    pub(super) fn of(&self, person: &EntityUid, kind: usize) -> &[Circumstance] {
        let found = self.circumstances.get(person).and_then(|kinds| kinds.get(&kind));
        found.map_or(&[], Vec::as_slice)
    }
}

impl Diff {
    /// Adds to made-up data what it may lack to show a difference: people with every two roles, values that nobody has,
    /// and situations in which one version allows what the other denies, as far as such can be made.
    ///
    /// Cost: some tens of attempts for each policy that differs, in each kind of request, both ways.
    ///
    /// # Errors
    /// [`Error::is_schema`] for a world of another schema.
    pub fn draw_near(&self, world: &World, now: i64, seed: u64) -> Result<Drawn, Error> {
        self.ward().engine.belongs_to(world)?;
        let pool = Pool::new(&[self.old(), self.ward()]).at(now);
        let mut random = Random::new(seed, 103);
        let mut drawn = Drawn::default();
        let wards = [self.old(), self.ward()];
        let mut added = variety::variety(world, &wards);
        for (at, (changed, environment)) in self.kinds().enumerate() {
            let (principal, action, resource) = environment;
            let sides = [self.old(), self.ward()]
                .map(|ward| (ward, ward.engine.loaded.programs.of(principal, action, resource).as_ref()));
            let contest = Contest { schema: self.ward().schema(), environment, sides, pool: &pool, now };
            for (which, id) in changed.policies.iter().enumerate() {
                for winner in [0, 1] {
                    let prefix = format!("made-{at}-{which}-{winner}-");
                    for (principal, context) in contest.seek(id, winner, &mut random, &prefix, &mut added) {
                        let kinds = drawn.circumstances.entry(principal).or_default();
                        kinds.entry(at).or_default().push(context);
                    }
                }
            }
        }
        for (uid, held) in named::named(world, &wards) {
            added.entry(uid).or_insert(held);
        }
        put(world, added, &pool)?;
        Ok(drawn)
    }
}

/// Situations in which each permit allows something, in each kind of request, as one piece of data.
fn allowed(ward: &Ward, pool: &Pool, random: &mut Random) -> BTreeMap<EntityUid, Held> {
    let schema = ward.schema();
    let (mut found, mut number) = (BTreeMap::new(), 0);
    for action in schema.actions() {
        let pairs = action.principals.iter().flat_map(|p| action.resources.iter().map(move |r| (*p, *r)));
        for (principal, resource) in pairs {
            let program = ward.engine.loaded.programs.of(principal, action.place, resource);
            for entry in program.entries.iter().filter(|entry| entry.effect == Effect::Permit) {
                let mut made = 0;
                for _ in 0..ATTEMPTS {
                    let prefix = format!("made-{number}-");
                    let kind = (principal, action, resource);
                    let Some(mut stage) = Stage::new((schema, pool, &found), kind, random, &prefix) else {
                        break;
                    };
                    if !stage.achieve(program, entry.root, true) {
                        continue;
                    }
                    for forbid in program.entries.iter().filter(|entry| entry.effect == Effect::Forbid) {
                        stage.achieve(program, forbid.root, false);
                    }
                    let made_up = situation(stage, NOW);
                    let is_allowed = |situation: &Situation| {
                        situation.world(schema).is_some_and(|world| situation.is_allowed(&world, program))
                    };
                    let Some(situation) = made_up.filter(is_allowed) else { continue };
                    // What stood there before stands there still, and maybe more.
                    found.extend(situation.entities);
                    (number, made) = (number + 1, made + 1);
                    if made == FOR_EACH_PERMIT {
                        break;
                    }
                }
            }
        }
    }
    found
}

fn add(builder: &mut WorldBuilder, uid: &EntityUid, held: Held) {
    let attributes = held.attributes.iter().map(|(name, value)| (name.as_ref(), value.clone()));
    builder.add_whole(uid, attributes, held.parents.iter().cloned(), held.tags.clone());
}

/// Puts entities into a world: those that are not there, and those that policies name.
fn put(world: &World, added: BTreeMap<EntityUid, Held>, pool: &Pool) -> Result<(), Error> {
    let mut changes = Changes::new();
    for (uid, held) in added {
        if pool.names(&uid) || world.place(&uid).is_none() {
            let attributes = held.attributes.iter().map(|(name, value)| (name.as_ref(), value.clone()));
            changes = changes.put_whole(&uid, attributes, held.parents.iter().cloned(), held.tags.clone());
        }
    }
    if changes.is_empty() { Ok(()) } else { world.apply(&changes).map(drop) }
}
