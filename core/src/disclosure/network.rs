//! What can be worked out of counts that are left out, from those that are told.
//!
//! The counts of a table of one or two groups, its totals among them, are the flow around a network: a node for
//! each row and each column, that of the totals too, and an edge for each count, from its row to its column; the
//! totals run back. What comes into a node goes out of it, for the sums add up. So any other numbers that
//! the counts could be differ by flows around circles of edges that are left out, and how far a count
//! can rise or fall is a matter of the largest flow that leads back from its head to its tail. All is in whole
//! numbers, and what the largest flow says is exact: for every number between the bounds there is a table.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A count: never zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) count: u64,
    /// What it costs to leave it out.
    pub(super) cost: u64,
}

/// The counts of a table.
pub(super) struct Network {
    edges: Vec<Edge>,
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

/// No count that is left out is zero: zeros are told.
const LEAST: u64 = 1;

impl Network {
    pub(super) fn new(nodes: usize, edges: Vec<Edge>) -> Self {
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

    /// Leaves out every count below a number, and others until none of them can be worked out: the numbers that
    /// each of them may be lie as far apart as that number.
    pub(super) fn protect(&mut self, below: u64) {
        let mut pending: VecDeque<usize> = VecDeque::new();
        for (at, edge) in self.edges.clone().iter().enumerate() {
            if edge.count < below && self.hide(at) {
                pending.push_back(at);
            }
        }
        // What is left out later makes no range smaller, so that each count is looked at once.
        while let Some(at) = pending.pop_front() {
            let (fall, rise) = self.range(at, below);
            if fall + rise >= below {
                continue;
            }
            for found in self.circle(at, below - fall) {
                if self.hide(found) {
                    pending.push_back(found);
                }
            }
        }
    }

    /// By how much a count that is left out may be smaller, and by how much larger, for all that is told; both up
    /// to `most` only.
    pub(super) fn range(&mut self, at: usize, most: u64) -> (u64, u64) {
        let Some(&Edge { from, to, count, .. }) = self.edges.get(at) else { return (0, 0) };
        let fall = self.flow(at, (from, to), most.min(count.saturating_sub(LEAST)));
        let rise = self.flow(at, (to, from), most);
        (fall, rise)
    }

    /// How much more can flow from one node to another through counts that are left out, without edge `but`; up to
    /// `most`.
    fn flow(&mut self, but: usize, (from, to): (usize, usize), most: u64) -> u64 {
        if from == to {
            return most;
        }
        let (mut flow, mut used) = (0, Vec::new());
        while flow < most {
            let Some(path) = self.way(but, from, to) else { break };
            let room = |at: &(usize, bool)| self.room(at.0, at.1);
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

    /// By how much an edge's count can still rise or fall.
    fn room(&self, at: usize, ahead: bool) -> u64 {
        let (Some(edge), Some(moved)) = (self.edges.get(at), self.moved.get(at)) else { return 0 };
        match ahead {
            true => u64::MAX,
            false => edge.count.saturating_add_signed(*moved).saturating_sub(LEAST),
        }
    }

    /// A shortest way through edges that are left out and have room; for each edge, whether its count rises.
    fn way(&mut self, but: usize, from: usize, to: usize) -> Option<Vec<(usize, bool)>> {
        self.searches += 1;
        let search = self.searches;
        let mut pending = VecDeque::from([from]);
        *self.seen.get_mut(from)? = (search, usize::MAX);
        while let Some(node) = pending.pop_front() {
            for &at in self.hidden_at.get(node)? {
                let edge = self.edges.get(at)?;
                let ahead = edge.from == node;
                let next = if ahead { edge.to } else { edge.from };
                if at == but || self.seen.get(next)?.0 == search || self.room(at, ahead) == 0 {
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

    /// The edges of the cheapest circle by which a count can rise by so much, if all of them were left out.
    ///
    /// There is one: the totals of its row, of its column and of all can rise with it.
    fn circle(&self, but: usize, by: u64) -> Vec<usize> {
        let Some(&Edge { from: target, to: start, .. }) = self.edges.get(but) else { return Vec::new() };
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
                let has_room = ahead || edge.count.saturating_sub(LEAST) >= by;
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
