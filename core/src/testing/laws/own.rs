//! The laws over policies of one's own.

use std::collections::{BTreeMap, BTreeSet};

use super::Extent;
use super::changes::Story;
use super::run::{Counts, over};
use super::sweep::{Manner, Subject};
use crate::model::{Error, Problem};
use crate::policy::Sources;
use crate::testing::{Choices, Facts};
use crate::ward::Ward;
use crate::world::{Changes, World};

/// Bytes for a world, its questions and a batch.
const BYTES: usize = 12_000;
/// Entities of each type in a world, at most.
const ENTITIES: usize = 6;

/// Policies to hold the laws to: one's own, beside Cedar's authorizer.
///
/// # Example
/// ```
/// use caseward::Sources;
/// use caseward::testing::laws::{Extent, Own};
///
/// let own = Own::new(Sources::attendance())?;
/// let counts = own.hold(&Extent::new(2, 7)).expect("every law holds");
/// assert!(counts.decisions > 100);
/// # Ok::<(), caseward::Error>(())
/// ```
pub struct Own {
    subject: Subject,
}

impl Own {
    /// Takes policies that are valid.
    ///
    /// # Errors
    /// [`Error::is_policies`] where they are not.
    pub fn new(sources: Sources) -> Result<Self, Error> {
        let ward = Ward::new(&sources)?;
        let subject =
            Subject::new(ward, sources).map_err(|why| Error::policies(vec![Problem::error(why)]))?;
        Ok(Own { subject })
    }

    /// The policies, ready to answer.
    pub fn ward(&self) -> &Ward {
        &self.subject.ward
    }

    /// Everybody asks for everything: checks decide as Cedar's authorizer, failing closed; lists, and who may do
    /// something, hold what checks allow. `draws` are the bytes that contexts are drawn from.
    ///
    /// # Errors
    /// What does not hold.
    pub fn answers_as_cedar(&self, world: &World, draws: &[u8]) -> Result<Counts, String> {
        self.sweep(&Facts::of(world), &mut Choices::new(draws))
    }

    /// A batch is taken or refused as a whole; a world that is seen through it, and then changed by it, answers as
    /// one that is made so. `draws` are the bytes that questions are drawn from.
    ///
    /// # Errors
    /// What does not hold.
    pub fn changes_as_made_anew(
        &self,
        world: &World,
        changes: &Changes,
        draws: &[u8],
    ) -> Result<Counts, String> {
        let mut story = Story {
            ward: self.ward().clone(),
            facts: Facts::of(world),
            world: world.clone(),
            pages: BTreeMap::new(),
        };
        let mut counts = Counts { worlds: 1, ..Counts::default() };
        let Ok(through) = world.with(changes) else {
            return story.refuses(changes).map(|()| counts);
        };
        story.take(changes, Facts::of(&through), &mut Choices::new(draws), &mut counts)?;
        Ok(counts)
    }

    /// Both laws on random worlds and batches; what was seen.
    ///
    /// # Errors
    /// The first world in which one does not hold, made small.
    pub fn hold(&self, extent: &Extent) -> Result<Counts, String> {
        over(extent, BYTES, |bytes| {
            let mut choices = Choices::new(bytes);
            let facts = Facts::sized(self.ward(), &mut choices, 1, ENTITIES);
            // A type may ask for one that has no entities: then no world is whole.
            let Ok(world) = facts.build() else { return Ok(Counts::default()) };
            let mut counts = self.sweep(&facts, &mut choices)?;
            let mut story = Story { ward: self.ward().clone(), facts, world, pages: BTreeMap::new() };
            story.step(&mut choices, &mut counts)?;
            Ok(counts)
        })
    }

    fn sweep(&self, facts: &Facts, choices: &mut Choices<'_>) -> Result<Counts, String> {
        let manner = Manner { contexts: 1, operator: |_| None };
        self.subject.sweep(facts, choices, &manner, &mut BTreeSet::new())
    }
}
