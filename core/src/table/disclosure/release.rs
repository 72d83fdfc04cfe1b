//! Tables that are published together and protected as one.
//!
//! What all tables of a release count are the same records, told apart by everything that any of the tables groups
//! them by: their *profiles*. A line of a table is a sum over profiles, and lines of several tables that are sums over
//! the same profiles are one count. What can be worked out from a release is what follows from these sums.
//!
//! *Suppression.* Every count below the threshold is left out. For each count that is left out a *witness* is sought:
//! other numbers of records in the profiles that make every told count what it is, with which this one is further off
//! by the threshold or more. The witness that changes the fewest told counts is found by linear programming; those
//! that it changes are left out too, and must have a witness themselves. A witness is checked against the told counts
//! whatever the solver says of it, so that a fault there can make a release tell less, or be refused, but not more.
//! What is promised, of whoever knows all tables, which profiles there may be and that no listed count is zero but those of profiles that nobody has: what a
//! count that is left out may be, by linear programming, is a stretch as wide as the threshold or more, and never all
//! below it.
//!
//! Where all records of a group are alike in another, profiles that nobody has are taken in, with other keys (`alike`):
//! their counts are zero and are left out, so that the records may be in them as far as can be told. Who knows which
//! profiles there are knows what that hides, and nothing of what else is promised.
//!
//! *Rounding.* The number of records of each profile is rounded by itself, and every count of every table is the sum
//! of these. All that is told follows from numbers that were rounded independently, so that nothing can be worked out
//! but these: up to two either way of each. Counts add up, and those over many small profiles stray further from what
//! they are than in a table by itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

use super::alike::absent;
use super::round::BASE;
use super::{Protected, Protection};
use crate::model::Error;
use crate::table::profile::{Part, Profile, parts};
use crate::table::{Count, Key, Line};

/// Different counts in all tables together, at most, where some are to be suppressed.
const COUNTS: usize = 2_000;
/// Profiles, at most, where counts are to be suppressed.
const PROFILES: usize = 3_000;
/// Lines of one table.
const LINES: usize = 100_000;

/// What it costs to leave out one record more or less of a count of a single group, of a total over one group, and so
/// on; the same for all counts of a kind, so that the choice tells little of how large they are.
const COSTS: [f64; 5] = [1.0, 8.0, 16.0, 32.0, 64.0];
const GRAND: f64 = 256.0;
/// What is no difference, of numbers that a solver found.
const NOTHING: f64 = 1e-6;

/// The tables of a release: what they count, and for each by which of the groups.
pub(crate) struct Together<'a> {
    pub(crate) profiles: &'a [Profile],
    pub(crate) tables: &'a [Vec<usize>],
    /// What the groups are called.
    pub(crate) names: &'a [Arc<str>],
}

/// Lines of one table, cells and then totals.
pub(crate) type Lines = Vec<Line>;

impl Together<'_> {
    /// The lines of each table with counts that tell of nobody, and what was done to them.
    ///
    /// # Errors
    /// [`Error::is_request`] where it cannot be done, which says what can be done instead.
    pub(crate) fn protect(&self, how: &Protection) -> Result<(Vec<Lines>, Protected), Error> {
        let all = |profiles: &[Profile]| -> Result<Vec<Vec<Part>>, Error> {
            self.tables.iter().map(|table| parts(profiles, table, LINES)).collect()
        };
        match how {
            Protection::Suppress { below } => {
                let absent = absent(self.profiles, self.tables, self.names);
                let profiles: Vec<Profile> = self.profiles.iter().cloned().chain(absent).collect();
                let told = suppressed(&profiles, all(&profiles)?, *below)?;
                Ok((told, Protected::Suppressed { below: *below }))
            }
            Protection::Round(key) => {
                let all = all(self.profiles)?;
                let round = |profile: &Profile| key.round(profile.count, profile.mark);
                let rounded: Vec<u64> = self.profiles.iter().map(round).collect();
                let told = |part: Part| {
                    let sum: u64 = part.of.iter().filter_map(|at| rounded.get(*at)).sum();
                    Line { count: Count::Rounded(sum), ..part.line }
                };
                let tables = all.into_iter().map(|table| table.into_iter().map(told).collect());
                Ok((tables.collect(), Protected::Rounded { base: BASE }))
            }
        }
    }
}

fn suppressed(profiles: &[Profile], tables: Vec<Vec<Part>>, below: u64) -> Result<Vec<Lines>, Error> {
    // Lines of the same profiles are one count, left out in all tables or told in all.
    let mut places: BTreeMap<Arc<[usize]>, usize> = BTreeMap::new();
    let mut counts: Vec<Sum> = Vec::new();
    let mut of_lines: Vec<Vec<Option<usize>>> = Vec::new();
    for table in &tables {
        let mut of_table = Vec::with_capacity(table.len());
        for part in table {
            let count = part.line.count.number().unwrap_or(0);
            if part.of.is_empty() {
                // Of nobody: the total of all, where there is nothing.
                of_table.push(None);
                continue;
            }
            let of: Arc<[usize]> = part.of.as_slice().into();
            let cost = cost(&part.line);
            let at = *places.entry(of.clone()).or_insert_with(|| {
                counts.push(Sum { of, count, cost, hidden: false, least: 0.0, most: 0.0 });
                counts.len() - 1
            });
            if let Some(sum) = counts.get_mut(at) {
                sum.cost = sum.cost.max(cost);
            }
            of_table.push(Some(at));
        }
        of_lines.push(of_table);
    }
    let is_small = |sum: &Sum| sum.count < below;
    if counts.iter().any(is_small) && (counts.len() > COUNTS || profiles.len() > PROFILES) {
        return Err(too_large());
    }
    let mut release = Release { profiles, counts, below: below as f64 };
    release.hide()?;
    if release.counts.iter().all(|sum| sum.hidden) && !release.counts.is_empty() {
        return Err(Error::request(
            "the release cannot be protected: all of it would be left out. Publish fewer or coarser tables, or round \
            them",
        ));
    }
    let told = tables.into_iter().zip(of_lines).map(|(table, of_table)| {
        let line = |(part, at): (Part, Option<usize>)| {
            let hidden = at.and_then(|at| release.counts.get(at)).is_some_and(|sum| sum.hidden);
            Line { count: if hidden { Count::Suppressed } else { part.line.count }, ..part.line }
        };
        table.into_iter().zip(of_table).map(line).collect()
    });
    Ok(told.collect())
}

fn too_large() -> Error {
    Error::request(format!(
        "the release cannot be suppressed: its tables have more than {COUNTS} different counts or {PROFILES} \
        combinations together. Publish fewer or coarser tables, or round them"
    ))
}

fn cost(line: &Line) -> f64 {
    let totals = line.keys.iter().filter(|key| **key == Key::All).count();
    match totals == line.keys.len() {
        true => GRAND,
        false => COSTS.get(totals).copied().unwrap_or(GRAND),
    }
}

/// One count: a sum over profiles.
struct Sum {
    of: Arc<[usize]>,
    count: u64,
    cost: f64,
    hidden: bool,
    /// By how much less and more it may be, as far as there are witnesses.
    least: f64,
    most: f64,
}

/// A release that is being suppressed.
struct Release<'a> {
    profiles: &'a [Profile],
    counts: Vec<Sum>,
    below: f64,
}

impl Release<'_> {
    /// Leaves out every small count, and others until each that is left out has its witnesses.
    fn hide(&mut self) -> Result<(), Error> {
        let mut pending = VecDeque::new();
        for (at, sum) in self.counts.iter_mut().enumerate() {
            sum.hidden = (sum.count as f64) < self.below;
            if sum.hidden {
                pending.push_back(at);
            }
        }
        // What is left out later takes no witness away, so that each count is looked at once.
        while let Some(at) = pending.pop_front() {
            if self.is_open(at) {
                continue;
            }
            let records = self.witness(at)?;
            self.take(&records, &mut pending);
            if !self.is_open(at) {
                return Err(unprotected());
            }
        }
        Ok(())
    }

    /// Whether a count that is left out may be so much as is promised.
    fn is_open(&self, at: usize) -> bool {
        self.counts.get(at).is_some_and(|sum| {
            let wide = sum.most - sum.least >= self.below - NOTHING;
            wide && sum.count as f64 + sum.most >= self.below - NOTHING
        })
    }

    /// Takes in a witness: leaves out every told count that it changes, and widens what the others may be.
    fn take(&mut self, records: &[f64], pending: &mut VecDeque<usize>) {
        for (at, sum) in self.counts.iter_mut().enumerate() {
            let number: f64 = sum.of.iter().filter_map(|profile| records.get(*profile)).sum();
            let by = number - sum.count as f64;
            if !sum.hidden && by.abs() > NOTHING {
                sum.hidden = true;
                pending.push_back(at);
            }
            if sum.hidden {
                sum.least = sum.least.min(by);
                sum.most = sum.most.max(by);
            }
        }
    }

    /// Numbers of records in the profiles, none below nought and none of a listed count below one, with which a count
    /// is larger by the threshold, and told counts are changed as little as can be.
    fn witness(&self, wanted: usize) -> Result<Vec<f64>, Error> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let records: Vec<Variable> =
            self.profiles.iter().map(|_| problem.add_var(0.0, (0.0, f64::INFINITY))).collect();
        for (at, sum) in self.counts.iter().enumerate() {
            let count = sum.count as f64;
            let of = sum.of.iter().filter_map(|profile| records.get(*profile).copied());
            let mut terms: Vec<(Variable, f64)> = of.map(|variable| (variable, 1.0)).collect();
            if at == wanted {
                problem.add_constraint(terms, ComparisonOp::Eq, count + self.below);
            } else if sum.hidden {
                problem.add_constraint(terms, ComparisonOp::Ge, count.min(1.0));
            } else {
                terms.push((problem.add_var(sum.cost, (0.0, f64::INFINITY)), -1.0));
                terms.push((problem.add_var(sum.cost, (0.0, (count - 1.0).max(0.0))), 1.0));
                problem.add_constraint(terms, ComparisonOp::Eq, count);
            }
        }
        let solved = problem.solve().ok().and_then(|outcome| outcome.into_solution().ok());
        let solved = solved.ok_or_else(unprotected)?;
        let found: Vec<f64> = records.iter().map(|variable| solved.var_value(*variable).max(0.0)).collect();
        Ok(found)
    }
}

fn unprotected() -> Error {
    Error::request(
        "the release cannot be suppressed: no way was found to leave out enough of it. Publish fewer or coarser tables, \
        or round them",
    )
}
