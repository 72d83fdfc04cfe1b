//! What a search claims, tried out at length: for the laws.

use super::search::{Found, MOST, Search};
use super::sight::Lens;
use super::step::Step;
use super::{Judge, Scene, Supposed, Truth};
use crate::engine::Engine;
use crate::model::{Decision, Error, Request};
use crate::world::World;

/// What trying all of it came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Proof {
    /// Edits of the change that was found.
    pub(crate) edits: Option<usize>,
    /// Whether the search gave up.
    pub(crate) gave_up: bool,
    /// Whether some of the edits do it alone.
    pub(crate) needless: bool,
    /// The fewest suggested edits that turn the decision, of those combinations that were tried.
    pub(crate) fewest: Option<usize>,
    /// Combinations that were tried.
    pub(crate) tried: u64,
}

impl Engine {
    /// Searches for what turns a decision, and tries every combination of fewer of the suggested edits, up to
    /// `most` combinations; `None` for a request on something absent.
    pub(crate) fn prove_turn(
        &self,
        world: &World,
        request: &Request,
        most: u64,
    ) -> Result<Option<Proof>, Error> {
        let _still = world.still();
        let Some(ready) = self.examine(world, request)?.ready() else { return Ok(None) };
        let goal = match self.check(world, request, request.context.fields())?.decision {
            Decision::Allow => Decision::Deny,
            Decision::Deny => Decision::Allow,
        };
        let anatomy = self.loaded.anatomy(ready.principal.0, ready.action, ready.resource.0);
        let lens = Lens::new(world, None);
        let scene = Scene::new(world, &anatomy, &ready, &lens);
        let search = || Search::new(self, request, self.gate(world, request, &ready, scene), scene, goal);
        let mut proof = Proof::default();
        let fewer_than = match search().run() {
            Found::Steps(steps) => {
                proof.edits = Some(steps.len());
                proof.needless = subsets(&steps).any(|some| search().turns(&some));
                steps.len()
            }
            Found::GaveUp => {
                proof.gave_up = true;
                return Ok(Some(proof));
            }
            Found::None => MOST + 1,
        };
        let trial = search();
        let suggested: Vec<Step> = trial.suggested().cloned().collect();
        for size in 1..fewer_than {
            let mut chosen = Vec::new();
            if each(&suggested, size, &mut chosen, &mut |steps| {
                proof.tried += 1;
                (proof.tried > most).then_some(false).or_else(|| trial.turns(steps).then_some(true))
            }) == Some(true)
            {
                proof.fewest = Some(size);
                break;
            }
        }
        Ok(Some(proof))
    }

    /// Whether the parts of each policy come out as the policy does, in whatever order they are judged.
    pub(crate) fn judges_alike(&self, world: &World, request: &Request) -> Result<bool, Error> {
        let _still = world.still();
        let Some(ready) = self.examine(world, request)?.ready() else { return Ok(true) };
        let anatomy = self.loaded.anatomy(ready.principal.0, ready.action, ready.resource.0);
        let lens = Lens::new(world, None);
        let scene = Scene::new(world, &anatomy, &ready, &lens);
        let supposed = Supposed::new();
        let mut judge = Judge::new(scene, request.context.fields(), &supposed);
        Ok(anatomy.bodies.iter().all(|body| {
            let truth = judge.truth(body.root);
            let Some(reason) = self.reason(&mut judge, body) else { return false };
            let holds = reason.conditions.iter().all(|condition| condition.holds == Some(true));
            let fails = reason.conditions.iter().any(|condition| condition.error.is_some());
            (holds, fails) == (truth == Truth::True, matches!(truth, Truth::Failed(_)))
                && (truth == Truth::True) == (reason.distance() == 0)
        }))
    }
}

/// Every part of `steps` but the whole and nothing.
fn subsets(steps: &[Step]) -> impl Iterator<Item = Vec<Step>> {
    (1..(1_usize << steps.len()) - 1).map(|chosen| {
        let kept = steps.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
        kept.map(|(_, step)| step.clone()).collect()
    })
}

/// Calls `visit` with every `left` more of `steps` that go together, until it gives something.
fn each(
    steps: &[Step],
    left: usize,
    chosen: &mut Vec<Step>,
    visit: &mut impl FnMut(&[Step]) -> Option<bool>,
) -> Option<bool> {
    if left == 0 {
        return visit(chosen);
    }
    for (at, step) in steps.iter().enumerate() {
        if chosen.iter().all(|other| other.goes_with(step)) {
            chosen.push(step.clone());
            let found = each(steps.get(at + 1..).unwrap_or_default(), left - 1, chosen, visit);
            chosen.pop();
            if found.is_some() {
                return found;
            }
        }
    }
    None
}
