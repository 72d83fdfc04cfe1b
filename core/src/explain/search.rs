//! The smallest change of facts that would turn a decision.
//!
//! Changes are sought by their number: one, then two, then three. Whatever turns the decision must touch a fact
//! that a condition in its way reads, so only such changes are tried: those that some policy's tests suggest on
//! the facts as they are, and those that the condition itself suggests on the facts as they are by then. Which facts
//! may be changed at all, the [`Gate`] says.
//!
//! INVARIANT: what is found turns the decision, none of it is without need, and no fewer of the changes that the
//! policies suggest on the facts as they are do it, unless the limit was reached or a policy would come to be in
//! error. A test tries them all.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::gate::Gate;
use super::judge::{Judge, Scene, Truth};
use super::step::{After, Step};
use super::suggest::{Pool, Suggest};
use crate::engine::Engine;
use crate::ir::{Fact, Id, Node};
use crate::model::{Decision, Effect, Request};

/// Changes at most.
pub(super) const MOST: usize = 3;
/// Evaluations at most, copies of large sets counting too.
const EFFORT: usize = 4_000;
/// Elements of a set whose copying counts as much as an evaluation.
const COPIED: usize = 64;
/// Elements of a set looking at which counts as much as an evaluation.
const LOOKED_AT: usize = 512;

/// What came of a search.
#[derive(Debug)]
pub(super) enum Found {
    /// These steps turn it.
    Steps(Vec<Step>),
    /// No steps do.
    None,
    /// None was found before the limit was reached.
    GaveUp,
}

pub(super) struct Search<'a> {
    ward: &'a Engine,
    request: &'a Request,
    gate: Gate<'a>,
    scene: Scene<'a>,
    goal: Decision,
    pool: Pool,
    /// Steps that the policies suggest on the facts as they are, by what they change.
    suggested: BTreeMap<Fact, BTreeSet<Step>>,
    tried: BTreeSet<Vec<Step>>,
    spent: Cell<usize>,
}

impl<'a> Search<'a> {
    /// A search for what would lead to `goal`.
    pub(super) fn new(
        ward: &'a Engine,
        request: &'a Request,
        gate: Gate<'a>,
        scene: Scene<'a>,
        goal: Decision,
    ) -> Self {
        let start = After::new(scene.world, request, &[]);
        let mut judge = Judge::new(scene, &start.context, &start.supposed);
        let pool = Pool::new(&mut judge);
        let mut suggest =
            Suggest { judge: &mut judge, gate: &gate, pool: &pool, found: BTreeSet::new(), looked_at: 0 };
        scene.program.entries.iter().for_each(|entry| suggest.under(entry.root));
        let mut suggested: BTreeMap<Fact, BTreeSet<Step>> = BTreeMap::new();
        for step in suggest.found {
            suggested.entry(step.spot.fact.clone()).or_default().insert(step);
        }
        Search {
            ward,
            request,
            gate,
            scene,
            goal,
            pool,
            suggested,
            tried: BTreeSet::new(),
            spent: Cell::new(0),
        }
    }

    /// Every step that the policies suggest on the facts as they are.
    #[cfg(feature = "testing")]
    pub(super) fn suggested(&self) -> impl Iterator<Item = &Step> {
        self.suggested.values().flatten()
    }

    pub(super) fn run(mut self) -> Found {
        for most in 1..=MOST {
            self.tried.clear();
            if let Some(steps) = self.within(&[], most) {
                return Found::Steps(self.least(steps));
            }
            if self.is_spent() {
                return Found::GaveUp;
            }
        }
        Found::None
    }

    fn is_spent(&self) -> bool {
        self.spent.get() >= EFFORT
    }

    /// Tries what can be reached from `steps` by so many more.
    fn within(&mut self, steps: &[Step], left: usize) -> Option<Vec<Step>> {
        if self.is_spent() {
            return None;
        }
        let after = After::new(self.scene.world, self.request, steps);
        self.spent.set(self.spent.get() + 1 + after.copied / COPIED);
        let mut judge = Judge::new(self.scene, &after.context, &after.supposed);
        if decision(&mut judge) == Some(self.goal) {
            return self.is_verified(&after).then(|| steps.to_vec());
        }
        if left == 0 {
            return None;
        }
        for step in self.ways(&mut judge, left) {
            if !steps.iter().all(|other| other.goes_with(&step)) {
                continue;
            }
            let mut more = steps.to_vec();
            more.push(step);
            more.sort();
            if self.tried.insert(more.clone())
                && let Some(found) = self.within(&more, left - 1)
            {
                return Some(found);
            }
        }
        None
    }

    /// The fewest of the steps that do it as well.
    fn least(&self, steps: Vec<Step>) -> Vec<Step> {
        let mut ways: Vec<Vec<Step>> = (1..1_usize << steps.len())
            .map(|chosen| {
                let kept = steps.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
                kept.map(|(_, step)| step.clone()).collect()
            })
            .collect();
        ways.sort_by_key(Vec::len);
        ways.into_iter().find(|steps| self.turns(steps)).unwrap_or(steps)
    }

    /// Whether these steps turn it.
    pub(super) fn turns(&self, steps: &[Step]) -> bool {
        let after = After::new(self.scene.world, self.request, steps);
        let mut judge = Judge::new(self.scene, &after.context, &after.supposed);
        decision(&mut judge) == Some(self.goal) && self.is_verified(&after)
    }

    /// Whether the whole engine says so too, of data and a request that were changed.
    fn is_verified(&self, after: &After) -> bool {
        let (changes, request) = after.as_changes(self.scene.world, self.request);
        let changed = self.scene.world.supposing(&changes);
        let answer = changed.and_then(|world| self.ward.check(&world, &request, request.context.fields()));
        answer.is_ok_and(|answer| answer.decision == self.goal && answer.errors.is_empty())
    }

    /// Steps one of which must be among those that turn it, the best founded first.
    fn ways(&self, judge: &mut Judge<'a>, left: usize) -> BTreeSet<Step> {
        let entries = &self.scene.program.entries;
        let of = |effect| entries.iter().filter(move |entry| entry.effect == effect);
        let mut ways = BTreeSet::new();
        match self.goal {
            Decision::Allow => {
                // Whatever denies must stop doing so.
                let denies = |judge: &mut Judge<'a>, entry: &crate::ir::Entry| match entry.effect {
                    Effect::Forbid => judge.truth(entry.root) != Truth::False,
                    Effect::Permit => matches!(judge.truth(entry.root), Truth::Failed(_)),
                };
                if let Some(entry) = entries.iter().find(|entry| denies(judge, entry)) {
                    self.touching(judge, entry.root, &mut ways);
                } else {
                    of(Effect::Permit).for_each(|entry| self.towards(judge, entry.root, left, &mut ways));
                }
            }
            Decision::Deny => {
                of(Effect::Forbid).for_each(|entry| self.towards(judge, entry.root, left, &mut ways));
                let permits: Vec<Id> = of(Effect::Permit)
                    .map(|entry| entry.root)
                    .filter(|root| judge.truth(*root) == Truth::True)
                    .collect();
                if self.fewest(judge, &permits).is_some_and(|fewest| fewest <= left)
                    && let Some(first) = permits.first()
                {
                    self.touching(judge, *first, &mut ways);
                }
            }
        }
        ways
    }

    /// Steps one of which must be among those that make a policy apply, where so many can do it.
    fn towards(&self, judge: &mut Judge<'a>, root: Id, left: usize, ways: &mut BTreeSet<Step>) {
        let mut conditions = Vec::new();
        self.conjuncts(root, &mut conditions);
        conditions.retain(|id| judge.truth(*id) != Truth::True);
        if self.fewest(judge, &conditions).is_some_and(|fewest| fewest <= left)
            && let Some(first) = conditions.first()
        {
            self.touching(judge, *first, ways);
        }
    }

    /// The fewest changes that touch all of the conditions, or fewer: conditions that read nothing in common need
    /// one each. `None` where one reads nothing that can be changed.
    fn fewest(&self, judge: &mut Judge<'a>, conditions: &[Id]) -> Option<usize> {
        let mut all: Vec<BTreeSet<Fact>> = Vec::with_capacity(conditions.len());
        for id in conditions {
            let mut facts = judge.reads(*id).facts;
            facts.retain(|fact| self.gate.is_open(fact));
            if facts.is_empty() {
                return None;
            }
            all.push(facts);
        }
        all.sort_by_key(BTreeSet::len);
        let mut apart: Vec<BTreeSet<Fact>> = Vec::new();
        for facts in all {
            if apart.iter().all(|other| other.is_disjoint(&facts)) {
                apart.push(facts);
            }
        }
        Some(apart.len())
    }

    /// The steps that touch what a condition reads, and those that it suggests itself.
    fn touching(&self, judge: &mut Judge<'a>, id: Id, ways: &mut BTreeSet<Step>) {
        for fact in judge.reads(id).facts {
            ways.extend(self.suggested.get(&fact).into_iter().flatten().cloned());
        }
        let (gate, pool) = (&self.gate, &self.pool);
        let mut suggest = Suggest { judge, gate, pool, found: BTreeSet::new(), looked_at: 0 };
        suggest.under(id);
        self.spent.set(self.spent.get() + suggest.looked_at / LOOKED_AT);
        ways.extend(suggest.found);
    }

    /// Recursion is bounded by the limits on policy text.
    fn conjuncts(&self, id: Id, all: &mut Vec<Id>) {
        match self.scene.program.node(id) {
            Node::And(a, b) => {
                self.conjuncts(*a, all);
                self.conjuncts(*b, all);
            }
            _ => all.push(id),
        }
    }
}

/// What the policies come to, where no policy is in error and what may be seen tells.
fn decision(judge: &mut Judge<'_>) -> Option<Decision> {
    let program = judge.scene.program;
    let (mut allowed, mut denied, mut is_open, mut permit_is_open) = (false, false, false, false);
    for entry in &program.entries {
        match (judge.truth(entry.root), entry.effect) {
            (Truth::Failed(_), _) => return None,
            (Truth::True, Effect::Permit) => allowed = true,
            (Truth::True, Effect::Forbid) => denied = true,
            (Truth::False, _) => {}
            (Truth::Hidden, Effect::Permit) => {
                permit_is_open = true;
                is_open |= program.node_can_fail(entry.root);
            }
            (Truth::Hidden, Effect::Forbid) => is_open = true,
        }
    }
    match (denied, is_open) {
        (true, _) => Some(Decision::Deny),
        (false, true) => None,
        (false, false) if allowed => Some(Decision::Allow),
        (false, false) if permit_is_open => None,
        (false, false) => Some(Decision::Deny),
    }
}
