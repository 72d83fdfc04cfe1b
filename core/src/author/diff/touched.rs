//! The policies that differ: whether they concern a person, and which of them is responsible.
//!
//! Where a request is decided otherwise, one of the policies that differ holds or fails in one version at least:
//! that none of them can, or that they come to the same, is told after a few conditions, however many other
//! policies there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::circumstances::Circumstance;
use crate::cache::Class;
use crate::ir::{Evaluation, Failure, Program};
use crate::model::{Effect, TypeId};
use crate::visible::Asking;
use crate::ward::Ward;
use crate::world::{Place, Row};

/// Rows up to which they are decided one by one, which is less than to make two lists.
const FEW: u64 = 256;

/// What is left for a class of people of the policies that differ in kinds of request: the old version's first.
#[derive(PartialEq)]
pub(super) struct Touched {
    programs: [Program; 2],
    resource_type: TypeId,
}

/// What is left for one person and circumstance.
pub(super) struct Left {
    programs: [Program; 2],
    /// The rows that one of them holds for, where they can be told.
    held: Option<RoaringBitmap>,
}

/// Rows by the policy that is responsible; `None` where several only together are.
pub(super) type Shares = BTreeMap<Option<Arc<str>>, RoaringBitmap>;

impl Touched {
    /// Those of `policies` in the programs of a class; `None` where no permit is left of either version.
    fn of_class(
        versions: [&Ward; 2],
        programs: [&Program; 2],
        policies: &BTreeSet<Arc<str>>,
        resource_type: TypeId,
    ) -> Option<Self> {
        let permits = |program: &&Program| program.entries.iter().any(|entry| entry.effect == Effect::Permit);
        if !programs.iter().any(permits) {
            return None;
        }
        let [old, new] = versions;
        let [before, after] = programs;
        let programs = [(old, before), (new, after)].map(|(ward, program)| {
            program.only(|at| ward.policies().get(at).is_some_and(|p| policies.contains(&p.id)))
        });
        Some(Touched { programs, resource_type })
    }

    /// What the policies read of a circumstance.
    pub(super) fn read_of(&self, context: &Circumstance) -> Circumstance {
        let is_read = |name: &str| self.programs.iter().any(|program| program.reads_field(name));
        let read = context.iter().filter(|(name, _)| is_read(name));
        read.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// What is left for a person; `None` where that is the same in both versions, or holds nowhere.
    pub(super) fn left(&self, asking: &Asking<'_>, context: &Circumstance) -> Option<Left> {
        let Asking { world, person, .. } = *asking;
        let left = |program: &Program| program.specialise(world, person, context).program;
        let (programs, _) = world.consistent(|| self.programs.each_ref().map(left));
        // They come to the same for the person: mostly to nothing at all.
        let [old, new] = &programs;
        if old.says_the_same_as(new) {
            return None;
        }
        let [old, new] = programs.each_ref().map(|program| asking.held(program, context));
        let held = old.zip(new).map(|(old, new)| old | new);
        let nowhere = held.as_ref().is_some_and(RoaringBitmap::is_empty);
        (!nowhere).then_some(Left { programs, held })
    }
}

/// What was found out for classes of people.
#[derive(Default)]
pub(super) struct Classes(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Each once: many a class and kind of request asks the same.
    all: Vec<Arc<Touched>>,
    /// The place there; `None` where nobody of the class may do anything in either version.
    of: HashMap<Key, Option<usize>>,
}

/// The place of a kind of request, and the person's class in each version.
type Key = (usize, [Class; 2]);

impl Classes {
    /// What differs for the class of a person in the `kind`th kind of request, and its number; `None` where nobody
    /// of the class may do anything in either version.
    pub(super) fn of(
        &self,
        versions: [&Ward; 2],
        asking: &Asking<'_>,
        (kind, policies): (usize, &BTreeSet<Arc<str>>),
    ) -> Option<(usize, Arc<Touched>)> {
        let [old, new] = versions;
        old.engine.with_class(asking, |old_class, before| {
            new.engine.with_class(asking, |new_class, after| {
                let key = (kind, [old_class, new_class]);
                let touched = || Touched::of_class(versions, [before, after], policies, asking.environment.2);
                self.known(key, touched)
            })
        })
    }

    fn known(&self, key: Key, make: impl FnOnce() -> Option<Touched>) -> Option<(usize, Arc<Touched>)> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { all, of } = &mut *known;
        let place = *of.entry(key).or_insert_with(|| {
            let touched = make()?;
            Some(all.iter().position(|known| **known == touched).unwrap_or_else(|| {
                all.push(Arc::new(touched));
                all.len() - 1
            }))
        });
        let place = place?;
        Some((place, all.get(place)?.clone()))
    }
}

impl Left {
    /// The rows that may be decided otherwise, where they are few.
    pub(super) fn few(&self) -> Option<&RoaringBitmap> {
        self.held.as_ref().filter(|rows| rows.len() <= FEW)
    }

    /// Divides rows that are decided otherwise among the policies that are responsible: what is gained, among
    /// permits that hold now and then policies that no longer forbid or fail; what is lost, the other way round.
    pub(super) fn divide(
        &self,
        [old, new]: [&Ward; 2],
        asking: &Asking<'_>,
        context: &Circumstance,
        rows: &RoaringBitmap,
        gained: bool,
    ) -> Shares {
        if rows.is_empty() {
            return Shares::new();
        }
        let [before, after] = &self.programs;
        let [mut old, mut new] = [(before, old), (after, new)].map(|(program, ward)| Version {
            program,
            ward,
            evaluation: Evaluation::new(program, asking.world, asking.person, None, context),
        });
        let different: BTreeSet<&Arc<str>> = old.ids().chain(new.ids()).collect();
        if let (1, Some(&only)) = (different.len(), different.first()) {
            return Shares::from([(Some(only.clone()), rows.clone())]);
        }
        let mut shares = Shares::new();
        for row in rows {
            let [old, new] =
                [&mut old, &mut new].map(|version| version.outcomes((asking.environment.2, Row(row))));
            let responsible = if gained {
                held(&new, &old).or_else(|| denied(&old, &new))
            } else {
                denied(&new, &old).or_else(|| held(&old, &new))
            };
            shares.entry(responsible.cloned()).or_default().insert(row);
        }
        shares
    }
}

/// How a policy comes out for a record.
type Outcome<'a> = (&'a Arc<str>, Effect, Result<bool, Failure>);

/// A permit that holds, and not so in the other version.
fn held<'a>(here: &[Outcome<'a>], there: &[Outcome<'a>]) -> Option<&'a Arc<str>> {
    let holds = |outcome: &&Outcome<'a>| outcome.1 == Effect::Permit && outcome.2 == Ok(true);
    here.iter().filter(holds).find(|outcome| !there.contains(outcome)).map(|(id, ..)| *id)
}

/// A policy that forbids or fails, and not so in the other version.
fn denied<'a>(here: &[Outcome<'a>], there: &[Outcome<'a>]) -> Option<&'a Arc<str>> {
    let denies = |outcome: &&Outcome<'a>| match outcome.2 {
        Ok(holds) => holds && outcome.1 == Effect::Forbid,
        Err(_) => true,
    };
    here.iter().filter(denies).find(|outcome| !there.contains(outcome)).map(|(id, ..)| *id)
}

/// What is left of one version, being evaluated.
struct Version<'a> {
    program: &'a Program,
    ward: &'a Ward,
    evaluation: Evaluation<'a>,
}

impl<'a> Version<'a> {
    fn ids(&self) -> impl Iterator<Item = &'a Arc<str>> + use<'a> {
        let ward = self.ward;
        self.program
            .entries
            .iter()
            .filter_map(|entry| ward.policies().get(entry.policy))
            .map(|policy| &policy.id)
    }

    fn outcomes(&mut self, record: Place) -> Vec<Outcome<'a>> {
        let entries = self.program.entries.iter().zip(self.ids());
        let evaluation = &mut self.evaluation;
        evaluation.turn_to(record);
        entries.map(|(entry, id)| (id, entry.effect, evaluation.holds(entry.root))).collect()
    }
}
