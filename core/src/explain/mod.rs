//! Why, or why not, and what would turn it?
//!
//! An explanation is made from the facts of one version of the data. For a viewer it is made from the decision
//! and from what they may see, and from nothing else: facts that they may not see can change as they like without
//! changing a byte of it, as long as the decision stays. The decision itself can tell a fact: a verdict on somebody
//! else is told to nobody who may not see who may do what to the record.
//!
//! `judge` tells how conditions come out, `reason` writes them down, `roles` ranks permits by the person's roles,
//! `suggest` and `search` look for the smallest change, as far as the `gate` lets them, `instead` finds who could do it,
//! `sight` says what a viewer may see, `story` and `text` show it all to people.

mod disclosure;
mod gate;
mod instead;
mod judge;
#[cfg(feature = "testing")]
mod proof;
mod reason;
mod roles;
mod search;
mod shown;
mod sight;
mod step;
mod story;
mod suggest;
mod text;
mod turn;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use instead::{Grant, Instead};
pub use reason::{Composition, Condition, Operand, Reason};
pub use shown::Shown;
pub use sight::{Disclosure, Sight, Viewer};
pub use turn::{Deed, Edit, Kept, Turn};

use self::gate::{Gate, Reach};
use self::judge::{Judge, Scene, Truth};
use self::reason::{Writer, text_of};
use self::roles::{Own, own};
use self::search::{Found, Search};
use self::sight::Lens;
use self::story::story;
use crate::decide::Ready;
use crate::engine::Engine;
use crate::ir::Supposed;
use crate::model::{Answer, Decision, Effect, Error, Fault, Request};
use crate::policy::{Anatomy, Body};
use crate::world::World;

/// Said to a viewer who asks about somebody else without the right to.
const OF_OTHERS: &str = "what is decided of somebody else is told only to whoever may see who may do what to the \
    record, by the action that the catalogue of fields names as `unlocks`: let one of them be the viewer, or the person \
    whose request it is";
/// Nearest permits that an explanation of a denial shows.
const NEAREST: usize = 5;
/// Policies of each other kind that it shows.
const SHOWN: usize = 20;

/// An answer with its reasons, for people who write policies or help those who use them.
///
/// One made by [`Ward::explain`](crate::Ward::explain) tells everything and is for a trusted caller alone; one made by
/// [`Ward::explain_for`](crate::Ward::explain_for) withholds what its viewer may not see.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// The answer. For a viewer it names only policies whose part in it follows from what they may see.
    pub answer: Answer,
    /// Who asks what about what, a sentence each: what a help desk reads out first. Empty where something is absent.
    pub story: Vec<String>,
    /// The policies that decided it, as in the answer: the first of them, with their conditions.
    pub deciding: Vec<Reason>,
    /// The policies that could not be evaluated, as in the answer: the first of them, with the place in their text.
    pub failed: Vec<Reason>,
    /// For a denial that no policy decided: the permits that came nearest. Those for a role that the person has come
    /// before those for no role, and these before those for roles of others; then those with the fewest tests to come
    /// out otherwise.
    pub nearest: Vec<Reason>,
    /// Permits that could apply to these types and are not shown.
    pub more: usize,
    /// Whether more was to be said that the viewer may not see.
    pub withheld: bool,
    /// The smallest change of facts that would turn the decision.
    pub turn: Turn,
    /// For a denial: who could do it instead; `None` where the viewer may not see who may do what to the record.
    pub instead: Option<Instead>,
}

carried!(struct Explanation {
    answer, story, deciding, failed, nearest, more, withheld, turn, instead,
});

impl Engine {
    pub(crate) fn explain(&self, world: &World, request: &Request) -> Result<Explanation, Error> {
        self.explanation(world, request, None)
    }

    pub(crate) fn explain_for(
        &self,
        world: &World,
        request: &Request,
        sight: &dyn Sight,
    ) -> Result<Explanation, Error> {
        self.explanation(world, request, Some(sight))
    }

    fn explanation(
        &self,
        world: &World,
        request: &Request,
        sight: Option<&dyn Sight>,
    ) -> Result<Explanation, Error> {
        let may_see_who = sight.is_none_or(|sight| sight.may_see_who(&request.resource));
        // INVARIANT: said before anything is looked at, so that nothing of it shows.
        if !may_see_who && !sight.is_some_and(|sight| sight.is_of(&request.principal)) {
            return Err(Error::request(OF_OTHERS));
        }
        world.undisturbed(|| {
            let mut explanation = self.explained(world, request, sight)?;
            let is_asked = explanation.answer.decision == Decision::Deny && !explanation.story.is_empty();
            if !is_asked || !may_see_who {
                return Ok(Some(explanation));
            }
            let (instead, version) = self.instead(world, request, sight)?;
            // All of it is to be of one version of the data.
            if [version, world.version()] != [explanation.answer.provenance.version; 2] {
                return Ok(None);
            }
            explanation.instead = Some(instead);
            Ok(Some(explanation))
        })
    }

    fn explained(
        &self,
        world: &World,
        request: &Request,
        sight: Option<&dyn Sight>,
    ) -> Result<Explanation, Error> {
        // Batches wait, so that all of it is said of one version.
        let _still = world.still();
        let mut examined = self.examine(world, request)?;
        if let Some(sight) = sight {
            let mut named = BTreeSet::from([&request.principal, &request.resource]);
            request.context.fields().values().for_each(|value| {
                value.for_each_entity(&mut |uid| {
                    named.insert(uid);
                });
            });
            examined.absent.extend(named.into_iter().filter(|uid| !sight.may_know(uid)).cloned());
        }
        let Some(ready) = examined.ready() else {
            // INVARIANT: of what a viewer may not know of it says what it says of what is not there.
            let fault = if sight.is_some() { Fault::Unseen } else { Fault::Absent };
            let faults = examined.absent.into_iter().map(fault).collect();
            let answer = self.answer(world, request.context.fields(), Decision::Deny, Vec::new(), faults);
            return Ok(Explanation::of_absent(answer));
        };
        let answer = self.check(world, request, request.context.fields())?;
        let anatomy = self.loaded.anatomy(ready.principal.0, ready.action, ready.resource.0);
        let lens = Lens::new(world, sight);
        let scene = Scene::new(world, &anatomy, &ready, &lens);
        let turn = self.turn(request, &ready, scene, answer.decision);
        Ok(self.written(request, scene, &anatomy, answer, turn))
    }

    /// How the conditions of the policies with these ids come out, of those that can apply.
    #[cfg(any(feature = "attendance", feature = "author"))]
    pub(crate) fn reasons<'a>(
        &self,
        world: &World,
        request: &Request,
        ids: impl Iterator<Item = &'a Arc<str>>,
    ) -> Result<Vec<Reason>, Error> {
        let _still = world.still();
        let Some(ready) = self.examine(world, request)?.ready() else { return Ok(Vec::new()) };
        let anatomy = self.loaded.anatomy(ready.principal.0, ready.action, ready.resource.0);
        let lens = Lens::new(world, None);
        let scene = Scene::new(world, &anatomy, &ready, &lens);
        let supposed = Supposed::new();
        let mut judge = Judge::new(scene, request.context.fields(), &supposed);
        let reasons = ids.filter_map(|id| {
            let place = *self.by_id.get(id)?;
            let body = anatomy.bodies.iter().find(|body| body.policy == place)?;
            self.reason(&mut judge, body)
        });
        Ok(reasons.collect())
    }

    fn reason(&self, judge: &mut Judge<'_>, body: &Body) -> Option<Reason> {
        let policy = self.policies().get(body.policy)?;
        let text = text_of(self.source(&policy.id));
        Some(Writer { judge, text }.reason(policy, body))
    }

    fn turn<'a>(&'a self, request: &'a Request, ready: &Ready<'a>, scene: Scene<'a>, now: Decision) -> Turn {
        let goal = match now {
            Decision::Allow => Decision::Deny,
            Decision::Deny => Decision::Allow,
        };
        let gate = |reach| self.gate(scene.world, request, ready, scene).reaching(reach);
        let found = |reach| Search::new(self, request, gate(reach), scene, goal).run();
        let none = match found(Reach::Proposed) {
            Found::Steps(steps) => return Turn::found(scene.world, request, steps),
            Found::None => Turn::NoneFound,
            Found::GaveUp => Turn::GaveUp,
        };
        match found(Reach::Kept) {
            Found::Steps(steps) => Turn::kept(scene.world, request, steps, &gate(Reach::Kept)),
            Found::None | Found::GaveUp => none,
        }
    }

    /// What a change of the facts behind a request may touch.
    fn gate<'a>(
        &'a self,
        world: &'a World,
        request: &'a Request,
        ready: &Ready<'a>,
        scene: Scene<'a>,
    ) -> Gate<'a> {
        let catalogue = self.catalogue.as_ref();
        Gate::new(world, request, ready.action, scene.program, scene.principal, catalogue)
    }

    fn written(
        &self,
        request: &Request,
        scene: Scene<'_>,
        anatomy: &Anatomy,
        mut answer: Answer,
        turn: Turn,
    ) -> Explanation {
        let supposed = Supposed::new();
        let mut judge = Judge::new(scene, request.context.fields(), &supposed);
        let truths: Vec<Truth> = anatomy.bodies.iter().map(|body| judge.truth(body.root)).collect();
        let judged = || anatomy.bodies.iter().zip(truths.iter().copied());
        let is_hidden = truths.contains(&Truth::Hidden);
        if is_hidden {
            let known = |id: &Arc<str>, is: fn(Truth) -> bool| {
                let place = self.by_id.get(id);
                judged().any(|(body, truth)| Some(&body.policy) == place && is(truth))
            };
            answer.policies.retain(|id| known(id, |truth| truth == Truth::True));
            answer.errors.retain(|fault| match fault {
                Fault::Policy { id, .. } => known(id, |truth| matches!(truth, Truth::Failed(_))),
                _ => true,
            });
            answer.rules = self.rules_of(&answer.policies);
        }
        let mut reason = |body: &Body| self.reason(&mut judge, body);
        let decides = match answer.decision {
            Decision::Allow => Effect::Permit,
            Decision::Deny => Effect::Forbid,
        };
        let deciding = judged().filter(|(body, truth)| body.effect == decides && *truth == Truth::True);
        let deciding: Vec<Reason> = deciding.filter_map(|(body, _)| reason(body)).take(SHOWN).collect();
        let failing = judged().filter(|(_, truth)| matches!(truth, Truth::Failed(_)));
        let failed: Vec<Reason> = failing.filter_map(|(body, _)| reason(body)).take(SHOWN).collect();
        let (mut nearest, mut more) = (Vec::new(), 0);
        if answer.decision == Decision::Deny && deciding.is_empty() && failed.is_empty() {
            let permits =
                judged().filter(|(body, truth)| body.effect == Effect::Permit && *truth != Truth::True);
            let mut near: Vec<(Own, Reason)> = permits
                .filter_map(|(body, _)| Some((own(&mut judge, body), self.reason(&mut judge, body)?)))
                .collect();
            // Nearest: of the person's own roles; the fewest tests to turn; then the least withheld, then the most that
            // held.
            near.sort_by_cached_key(|(own, r)| {
                (*own, r.distance(), r.withheld(), usize::MAX - r.held(), r.policy.id.clone())
            });
            more = near.len().saturating_sub(NEAREST);
            nearest = near.into_iter().take(NEAREST).map(|(_, reason)| reason).collect();
        }
        let turn = match turn {
            Turn::NoneFound | Turn::GaveUp if is_hidden => Turn::Withheld,
            turn => turn,
        };
        let (story, instead) = (story(&scene, request), None);
        Explanation { answer, story, deciding, failed, nearest, more, withheld: is_hidden, turn, instead }
    }
}

impl Explanation {
    fn of_absent(answer: Answer) -> Self {
        Explanation {
            answer,
            story: Vec::new(),
            deciding: Vec::new(),
            failed: Vec::new(),
            nearest: Vec::new(),
            more: 0,
            withheld: false,
            turn: Turn::NotSought,
            instead: None,
        }
    }
}
