//! Which policies decide, by diagrams of their own: what an answer names beside its decision.

use super::bdd::FALSE;
use super::test::Facts;
use super::{Drawn, Entry, Graph};
use crate::ir::Program;
use crate::model::{Action, Effect, TypeId};
use crate::world::World;

/// A diagram for each policy of a program, laid out as one graph.
#[derive(Debug)]
pub(crate) struct Reasons {
    graph: Graph,
    /// Where it starts that some policy fails.
    fails: u32,
    permits: Conditions,
    forbids: Conditions,
}

/// The policies of one effect.
#[derive(Debug)]
struct Conditions {
    /// Where it starts that any of them holds.
    any: u32,
    /// Each policy's place among all, and where it starts that it holds.
    all: Vec<(usize, u32)>,
}

impl Reasons {
    /// `None` where they would be too large.
    pub(crate) fn new(
        program: &Program,
        world: &World,
        action: &Action,
        types: (TypeId, TypeId),
    ) -> Option<Self> {
        let Drawn { mut diagrams, tests, entries } = Drawn::new(program, world, action, types)?;
        let (mut fail, mut permitted, mut forbidden) = (FALSE, FALSE, FALSE);
        for &Entry { effect, holds, fails, .. } in &entries {
            let any = if effect == Effect::Permit { &mut permitted } else { &mut forbidden };
            *any = diagrams.or(*any, holds)?;
            fail = diagrams.or(fail, fails)?;
        }
        let mut roots = vec![fail, permitted, forbidden];
        roots.extend(entries.iter().map(|entry| entry.holds));
        let (graph, starts) = Graph::lay_out(&diagrams, &roots, &tests);
        let &[fails, permitted, forbidden, ref of_entries @ ..] = starts.as_slice() else { return None };
        let of = |wanted: Effect| {
            let all = entries.iter().zip(of_entries).filter(|(entry, _)| entry.effect == wanted);
            all.map(|(entry, start)| (entry.policy, *start)).collect()
        };
        Some(Reasons {
            fails,
            permits: Conditions { any: permitted, all: of(Effect::Permit) },
            forbids: Conditions { any: forbidden, all: of(Effect::Forbid) },
            graph,
        })
    }

    /// Whether it is allowed, and the places of the policies that decide so; `None` where a policy fails, which has to be
    /// evaluated to say why.
    pub(crate) fn decide(&self, facts: &Facts<'_>) -> Option<(bool, Vec<usize>)> {
        if self.graph.holds_from(self.fails, facts) && !mutant!(ReasonsForgetFailures) {
            return None;
        }
        let forbidden = self.graph.holds_from(self.forbids.any, facts);
        let allowed = !forbidden && self.graph.holds_from(self.permits.any, facts);
        let deciding = match (allowed, forbidden) {
            (true, _) => &self.permits,
            (false, true) => &self.forbids,
            (false, false) => return Some((false, Vec::new())),
        };
        let holding = deciding.all.iter().filter(|(_, start)| self.graph.holds_from(*start, facts));
        let most = if mutant!(ReasonsNameOne) { 1 } else { usize::MAX };
        Some((allowed, holding.map(|(policy, _)| *policy).take(most).collect()))
    }
}
