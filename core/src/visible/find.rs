//! Finding the rows for which conditions hold: by index where one can answer, row by row among the few that are
//! left where none can.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::set::{FEW, Set};
use crate::cache::plan::{Lookup, Plan};
use crate::ir::{Evaluation, Id, Node, Program};
use crate::model::interrupt::Pulse;
use crate::model::{Effect, Value};
use crate::world::index::{NONE, Path, Walk};
use crate::world::{Indices, Place, Row, World};

/// One run of a plan, while the data is held still.
pub(super) struct Finder<'a> {
    plan: &'a Plan,
    world: &'a World,
    indices: &'a Indices,
    evaluation: Evaluation<'a>,
    principal: Place,
    context: &'a BTreeMap<Arc<str>, Value>,
    /// Rows that conditions were evaluated for, one by one.
    pub(super) looked_at: usize,
    /// Tells whether what was found is all that there is, or the call was ended.
    pub(super) pulse: Pulse,
}

impl<'a> Finder<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        world: &'a World,
        indices: &'a Indices,
        principal: Place,
        context: &'a BTreeMap<Arc<str>, Value>,
    ) -> Self {
        let evaluation = Evaluation::new(&plan.narrowed, world, principal, None, context);
        Finder { plan, world, indices, evaluation, principal, context, looked_at: 0, pulse: Pulse::default() }
    }

    /// The rows that the policies allow.
    pub(super) fn allowed(&mut self) -> Set<'a> {
        let mut allowed = match self.plan.narrowed.permitted {
            Some(id) => self.all_that(id),
            None => {
                let permits = self.plan.entries(Effect::Permit).map(|id| self.all_that(id));
                permits.fold(Set::EMPTY, Set::or)
            }
        };
        for id in self.plan.entries(Effect::Forbid) {
            if mutant!(ListForgetsForbids) {
                break;
            }
            allowed = self.not(id, allowed);
        }
        // Where a policy can fail, what was found is too much, never too little: the residual decides.
        if self.plan.residual.can_fail() {
            allowed = self.decided(&allowed);
        }
        allowed
    }

    /// The rows that the residual itself allows.
    fn decided(&mut self, rows: &Set<'a>) -> Set<'a> {
        self.looked_at += rows.len();
        let Finder { plan, world, principal, context, ref pulse, .. } = *self;
        let mut evaluation = Evaluation::new(&plan.residual, world, principal, None, context);
        rows.filter(|row| {
            evaluation.turn_to((plan.ty, Row(row)));
            pulse.goes_on() && evaluation.allows()
        })
    }

    fn program(&self) -> &'a Program {
        &self.plan.narrowed
    }

    fn every_row(&self) -> Set<'a> {
        self.posting(&Path { start: self.plan.ty, steps: Vec::new() }, 1)
    }

    fn posting(&self, path: &Path, key: u32) -> Set<'a> {
        if let Some(index) = self.indices.of(path) {
            return index.rows(key).map_or(Set::EMPTY, Set::of);
        }
        let mut rows = Vec::new();
        self.indices.each_under(self.world, path, key, &mut |row| rows.push(row));
        rows.sort_unstable();
        Set::of_rows(rows)
    }

    /// About how many rows a condition holds for, at most.
    pub(super) fn estimate(&self, id: Id) -> usize {
        let all = || self.every_row().len();
        if let Some(lookup) = self.plan.lookup(id) {
            return match lookup {
                Lookup::Keys(path, _, keys) => {
                    keys.iter().map(|&key| self.indices.estimate(self.world, path, key)).sum()
                }
                Lookup::Some(path, _) => all().saturating_sub(self.indices.estimate(self.world, path, NONE)),
                Lookup::Rows(rows) => rows.len(),
            };
        }
        match *self.program().node(id) {
            Node::Const(Value::Bool(false)) => 0,
            Node::And(a, b) => self.estimate(a).min(self.estimate(b)),
            Node::Or(a, b) => self.estimate(a).saturating_add(self.estimate(b)),
            Node::Not(a) if self.plan.lookup(a).is_some() => all().saturating_sub(self.estimate(a)),
            _ => all(),
        }
    }

    /// Every row for which a condition holds. Recursion is bounded by the limits on policy text.
    pub(super) fn all_that(&mut self, id: Id) -> Set<'a> {
        if let Some(lookup) = self.plan.lookup(id) {
            return match lookup {
                Lookup::Keys(path, _, keys) => self.under(path, keys),
                Lookup::Some(path, _) => self.every_row().without(&self.posting(path, NONE)),
                Lookup::Rows(rows) => {
                    let ty = self.plan.ty;
                    let rows: Vec<u32> =
                        rows.iter().copied().filter(|&row| self.world.has((ty, Row(row)))).collect();
                    Set::Few(rows.into())
                }
            };
        }
        match *self.program().node(id) {
            Node::Const(Value::Bool(false)) => Set::EMPTY,
            Node::And(..) => {
                let mut conditions = self.program().chain(id, Node::as_and);
                conditions.sort_by_key(|&id| self.estimate(id));
                let Some((&first, rest)) = conditions.split_first() else { return self.every_row() };
                let mut found = self.all_that(first);
                for &id in rest {
                    found = self.that(id, found);
                }
                found
            }
            Node::Or(..) => {
                let mut found = Set::EMPTY;
                let alternatives = self.program().chain(id, Node::as_or);
                for &id in alternatives.iter().take(if mutant!(OrTakesLeft) { 1 } else { alternatives.len() })
                {
                    found = found.or(self.all_that(id));
                }
                found
            }
            _ => {
                let all = self.every_row();
                self.that(id, all)
            }
        }
    }

    /// Those of `rows` that are under one of several keys.
    fn under_among(&mut self, (path, walk): (&Path, &Walk), keys: &[u32], rows: Set<'a>) -> Set<'a> {
        // Keys that are looked up one after the other.
        const ONE_BY_ONE: usize = 16;
        let at_hand = self.indices.of(path).is_some();
        let estimate = || keys.iter().map(|&key| self.indices.estimate(self.world, path, key)).sum::<usize>();
        if rows.is_listed() || !at_hand && rows.len() <= estimate() {
            return self.walked(walk, &rows, |key| keys.binary_search(&key).is_ok());
        }
        if keys.len() > ONE_BY_ONE {
            return rows.and(&self.under(path, keys));
        }
        // Every row stands under exactly one key, unless the path ends in sets.
        if at_hand
            && keys.len() > 1
            && estimate() == self.every_row().len()
            && !path.holds_sets(self.world.schema())
        {
            return rows;
        }
        let mut found = Set::EMPTY;
        for &key in keys {
            found = found.or(rows.and(&self.posting(path, key)));
        }
        found
    }

    /// Those of `rows` with a key that `is_it`, found by walking their paths.
    fn walked(&mut self, walk: &Walk, rows: &Set<'a>, is_it: impl Fn(u32) -> bool) -> Set<'a> {
        self.looked_at += rows.len();
        let world = self.world;
        rows.filter(|row| {
            let mut found = false;
            if self.pulse.goes_on() {
                walk.each_key(world, row, |key| found |= is_it(key));
            }
            found
        })
    }

    /// The rows under one of several keys of an index.
    fn under(&self, path: &Path, keys: &[u32]) -> Set<'a> {
        if let [key] = keys {
            return self.posting(path, *key);
        }
        let mut bitmap = RoaringBitmap::new();
        let mut few = Set::EMPTY;
        for &key in keys {
            match self.posting(path, key) {
                Set::Bitmap(rows) => bitmap |= rows.as_ref(),
                rows if few.len() + rows.len() <= FEW => few = few.or(rows),
                Set::Few(rows) => bitmap.extend(rows.iter().copied()),
            }
        }
        if bitmap.is_empty() { few } else { Set::Bitmap(Cow::Owned(bitmap)).or(few) }
    }

    /// Those of `rows` for which a condition holds. Recursion is bounded by the limits on policy text.
    fn that(&mut self, id: Id, rows: Set<'a>) -> Set<'a> {
        if rows.is_empty() {
            return rows;
        }
        if let Some(lookup) = self.plan.lookup(id) {
            return match lookup {
                Lookup::Keys(path, walk, keys) => self.under_among((path, walk), keys, rows),
                Lookup::Some(path, _) if !rows.is_listed() && self.indices.of(path).is_some() => {
                    rows.without(&self.posting(path, NONE))
                }
                Lookup::Some(_, walk) => self.walked(walk, &rows, |key| key != NONE),
                Lookup::Rows(few) => rows.filter(|row| few.binary_search(&row).is_ok()),
            };
        }
        match *self.program().node(id) {
            Node::Const(Value::Bool(true)) => rows,
            Node::Const(Value::Bool(false)) => Set::EMPTY,
            Node::Not(a) => self.not(a, rows),
            Node::And(..) => {
                let mut found = rows;
                for id in self.program().chain(id, Node::as_and) {
                    found = self.that(id, found);
                }
                found
            }
            Node::Or(..) => {
                let mut found = Set::EMPTY;
                for id in self.program().chain(id, Node::as_or) {
                    found = found.or(self.that(id, rows.clone()));
                }
                found
            }
            _ => self.evaluated(id, &rows),
        }
    }

    /// Those of `rows` for which a condition does not hold.
    fn not(&mut self, id: Id, rows: Set<'a>) -> Set<'a> {
        match *self.program().node(id) {
            Node::Not(a) => self.that(a, rows),
            Node::Or(..) => {
                let mut left = rows;
                for id in self.program().chain(id, Node::as_or) {
                    left = self.not(id, left);
                }
                left
            }
            _ => {
                let found = self.that(id, rows.clone());
                rows.without(&found)
            }
        }
    }

    /// As [`Finder::that`], row by row.
    fn evaluated(&mut self, id: Id, rows: &Set<'a>) -> Set<'a> {
        self.looked_at += rows.len();
        let (evaluation, ty, pulse) = (&mut self.evaluation, self.plan.ty, &self.pulse);
        rows.filter(|row| {
            evaluation.turn_to((ty, Row(row)));
            pulse.goes_on() && evaluation.holds(id) == Ok(true)
        })
    }
}
