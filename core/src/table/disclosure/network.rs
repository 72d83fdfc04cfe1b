//! What can be worked out of counts that are left out, from those that are told.
//!
//! The counts of a table of one or two groups, its totals among them, are the flow around a network: a node for
//! each row and each column, that of the totals too, and an edge for each count, from its row to its column; the
//! totals run back. What comes into a node goes out of it, for the sums add up. So any other numbers that
//! the counts could be differ by flows around circles of edges that are left out, and how far a count
//! can rise or fall is a matter of the largest flow that leads back from its head to its tail. All is in whole
//! numbers, and what the largest flow says is exact: for every number between the bounds there is a table.
//!
//! INVARIANT: which counts are left out besides the small ones follows from the order of the keys and from what is
//! small, never from how large a count is that is told so far: who knows the method would learn from the choice.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A count; zero only where it is to be left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) count: u64,
    /// What it costs to leave it out; the same for all counts of a kind.
    pub(super) cost: u64,
}

/// What is known of the counts that are left out, besides what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// That they are not zero, but for those that are.
    NotZero,
    /// Which of them are small, too.
    WhichAreSmall,
}

/// The counts of a table.
pub(super) struct Network {
    edges: Vec<Edge>,
    /// Smaller counts than this are small.
    below: u64,
    hidden: Vec<bool>,
    /// By node, edges that touch it.
    touching: Vec<Vec<usize>>,
    /// By node, edges that touch it and are left out.
    hidden_at: Vec<Vec<usize>>,
    /// Scratch: by edge, by how much more or less flows through it than its count.
    moved: Vec<i64>,
    /// Scratch: by node, the search that saw it, and the edge that it was reached by.
    seen: Vec<(u64, usize)>,
    searches: u64,
}

impl Network {
    pub(super) fn new(nodes: usize, edges: Vec<Edge>, below: u64) -> Self {
        let mut touching = vec![Vec::new(); nodes];
        for (at, edge) in edges.iter().enumerate() {
            for node in [edge.from, edge.to] {
                touching.get_mut(node).into_iter().for_each(|edges: &mut Vec<usize>| edges.push(at));
            }
        }
        Network {
            hidden: vec![false; edges.len()],
            moved: vec![0; edges.len()],
            hidden_at: vec![Vec::new(); nodes],
            seen: vec![(0, 0); nodes],
            searches: 0,
            touching,
            edges,
            below,
        }
    }

    pub(super) fn is_hidden(&self, at: usize) -> bool {
        self.hidden.get(at).copied().unwrap_or(false)
    }

    /// Leaves a count out; whether it was told before.
    pub(super) fn hide(&mut self, at: usize) -> bool {
        let (Some(hidden), Some(edge)) = (self.hidden.get_mut(at), self.edges.get(at)) else { return false };
        if std::mem::replace(hidden, true) {
            return false;
        }
        for node in [edge.from, edge.to] {
            self.hidden_at.get_mut(node).into_iter().for_each(|edges| edges.push(at));
        }
        true
    }

    /// Leaves out every small count, and others until none of them can be worked out.
    pub(super) fn protect(&mut self) {
        let mut pending: VecDeque<usize> = VecDeque::new();
        for at in 0..self.edges.len() {
            if self.is_small(at) && self.hide(at) {
                pending.push_back(at);
            }
        }
        // What is left out later makes no range smaller, so that each count is looked at once.
        while let Some(at) = pending.pop_front() {
            while let Some(known) = self.tells(at) {
                let mut found = self.circle(at, true, known);
                found.retain(|edge| self.hide(*edge));
                if found.is_empty() {
                    found = self.circle(at, false, known);
                    found.retain(|edge| self.hide(*edge));
                }
                if found.is_empty() {
                    // There is nothing left that could be left out.
                    break;
                }
                pending.extend(found);
            }
        }
    }

    fn is_small(&self, at: usize) -> bool {
        self.edges.get(at).is_some_and(|edge| edge.count < self.below)
    }

    /// How far apart the numbers lie at least that a count may be.
    fn apart(&self, known: Known) -> u64 {
        match known {
            // So far beyond what is small that the choices made on the way tell nothing either.
            Known::NotZero => 3 * self.below,
            // Half of all that are small.
            Known::WhichAreSmall => (self.below - 1) / 2,
        }
    }

    /// To whom a count that is left out can be too few numbers.
    fn tells(&mut self, at: usize) -> Option<Known> {
        let all = [Known::NotZero, Known::WhichAreSmall];
        let all = if self.is_small(at) { &all[..] } else { &all[..1] };
        all.iter().copied().find(|&known| {
            let apart = self.apart(known);
            let (fall, rise) = self.range(at, apart, known);
            fall + rise < apart
        })
    }

    /// By how much a count that is left out may be smaller, and by how much larger, for all that is told and
    /// known; both up to `most` only.
    fn range(&mut self, at: usize, most: u64, known: Known) -> (u64, u64) {
        let Some(&Edge { from, to, .. }) = self.edges.get(at) else { return (0, 0) };
        let (down, up) = (self.room(at, false, known), self.room(at, true, known));
        let fall = self.flow(at, (from, to), most.min(down), known);
        let rise = self.flow(at, (to, from), most.min(up), known);
        (fall, rise)
    }

    /// How much more can flow from one node to another through counts that are left out, without edge `but`; up to
    /// `most`.
    fn flow(&mut self, but: usize, (from, to): (usize, usize), most: u64, known: Known) -> u64 {
        if from == to {
            return most;
        }
        let (mut flow, mut used) = (0, Vec::new());
        while flow < most {
            let Some(path) = self.way(but, (from, to), known) else { break };
            let room = |at: &(usize, bool)| self.room(at.0, at.1, known);
            let more = path.iter().map(room).min().unwrap_or(0).min(most - flow);
            if more == 0 {
                break;
            }
            for (at, ahead) in path {
                let by = i64::try_from(more).unwrap_or(i64::MAX);
                self.moved.get_mut(at).into_iter().for_each(|moved| *moved += if ahead { by } else { -by });
                used.push(at);
            }
            flow += more;
        }
        for at in used {
            self.moved.get_mut(at).into_iter().for_each(|moved| *moved = 0);
        }
        flow
    }

    /// By how much a count that is left out can still rise or fall.
    fn room(&self, at: usize, ahead: bool, known: Known) -> u64 {
        let (Some(edge), Some(moved)) = (self.edges.get(at), self.moved.get(at)) else { return 0 };
        let count = edge.count.saturating_add_signed(*moved);
        let one = edge.count.min(1);
        let (least, most) = match (known, self.is_small(at)) {
            (Known::NotZero, _) => (one, u64::MAX),
            (Known::WhichAreSmall, true) => (one, self.below - 1),
            (Known::WhichAreSmall, false) => (self.below, u64::MAX),
        };
        if ahead { most.saturating_sub(count) } else { count.saturating_sub(least) }
    }

    /// A shortest way through edges that are left out and have room; for each edge, whether its count rises.
    fn way(&mut self, but: usize, (from, to): (usize, usize), known: Known) -> Option<Vec<(usize, bool)>> {
        self.searches += 1;
        let search = self.searches;
        let mut pending = VecDeque::from([from]);
        *self.seen.get_mut(from)? = (search, usize::MAX);
        while let Some(node) = pending.pop_front() {
            for &at in self.hidden_at.get(node)? {
                let edge = self.edges.get(at)?;
                let ahead = edge.from == node;
                let next = if ahead { edge.to } else { edge.from };
                if at == but || self.seen.get(next)?.0 == search || self.room(at, ahead, known) == 0 {
                    continue;
                }
                *self.seen.get_mut(next)? = (search, at);
                if next == to {
                    return self.way_back(from, to);
                }
                pending.push_back(next);
            }
        }
        None
    }

    /// The way that the last search found.
    fn way_back(&self, from: usize, to: usize) -> Option<Vec<(usize, bool)>> {
        let (mut node, mut way) = (to, Vec::new());
        while node != from {
            let (_, at) = *self.seen.get(node)?;
            let edge = self.edges.get(at)?;
            let ahead = edge.to == node;
            way.push((at, ahead));
            node = if ahead { edge.from } else { edge.to };
        }
        Some(way)
    }

    /// The edges of the cheapest circle by which a count could rise, or fall; some of them may be told so far.
    ///
    /// One by which it can rise there always is: the totals of its row, of its column and of all rise with it.
    fn circle(&self, but: usize, rising: bool, known: Known) -> Vec<usize> {
        let Some(edge) = self.edges.get(but) else { return Vec::new() };
        let (start, target) = if rising { (edge.to, edge.from) } else { (edge.from, edge.to) };
        let mut best: Vec<Option<(u64, usize)>> = vec![None; self.touching.len()];
        let mut pending = BinaryHeap::from([Reverse((0, start, usize::MAX))]);
        while let Some(Reverse((cost, node, by_edge))) = pending.pop() {
            match best.get_mut(node) {
                Some(slot @ None) => *slot = Some((cost, by_edge)),
                _ => continue,
            }
            if node == target {
                break;
            }
            for &at in self.touching.get(node).into_iter().flatten() {
                let Some(edge) = self.edges.get(at) else { continue };
                let ahead = edge.from == node;
                let next = if ahead { edge.to } else { edge.from };
                // Of what is told so far nothing is asked but whether it is told.
                let has_room = !self.is_hidden(at) || self.room(at, ahead, known) >= self.apart(known);
                if at != but && has_room && best.get(next).is_some_and(Option::is_none) {
                    // Of two ways that leave out the same, the shorter.
                    let more = if self.is_hidden(at) { 1 } else { 1 + 1_000 * edge.cost };
                    pending.push(Reverse((cost.saturating_add(more), next, at)));
                }
            }
        }
        let (mut node, mut found) = (target, Vec::new());
        while node != start {
            let Some(&Some((_, at))) = best.get(node) else { break };
            let Some(edge) = self.edges.get(at) else { break };
            found.push(at);
            node = if edge.to == node { edge.from } else { edge.to };
        }
        found
    }
}
