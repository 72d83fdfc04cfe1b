//! What follows from what, by their form alone.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::tree::{Column, Comparison, Constant, Predicate, Rows, Scalar, Values};

/// Looks at pairs of conditions that one simplification takes; what is not looked at is taken not to follow.
const STEPS: usize = 200_000;

/// Looks whether one condition follows from another.
pub(super) struct Implied<'a> {
    pub(super) rows: &'a Rows,
    steps: Cell<usize>,
}

impl<'a> Implied<'a> {
    pub(super) fn new(rows: &'a Rows) -> Self {
        Implied { rows, steps: Cell::new(STEPS) }
    }

    /// Whether `then` is known to be true wherever `first` is.
    ///
    /// Recursion is bounded by the limits on policy text.
    pub(super) fn follows(&self, first: &Predicate, then: &Predicate) -> bool {
        if first == then {
            return true;
        }
        let Some(left) = self.steps.get().checked_sub(1) else { return false };
        self.steps.set(left);
        match (first, then) {
            (Predicate::Constant(false), _) | (_, Predicate::Constant(true)) => true,
            (_, Predicate::All(all)) => all.iter().all(|one| self.follows(first, one)),
            (Predicate::Any(any), _) => any.iter().all(|one| self.follows(one, then)),
            (Predicate::All(all), Predicate::Any(any)) => {
                any.iter().any(|one| self.follows(first, one))
                    || all.iter().any(|one| self.follows(one, then))
            }
            (Predicate::All(all), _) => {
                all.iter().any(|one| self.follows(one, then)) || self.shows(first, then)
            }
            (_, Predicate::Any(any)) => any.iter().any(|one| self.follows(first, one)),
            (Predicate::Exists(_, row, of), Predicate::Exists(_, same, asked)) if row == same => {
                self.follows(of, asked)
            }
            _ => of_values(first, then) || self.shows(first, then),
        }
    }

    /// Whether two are known to be true of the same rows.
    pub(super) fn is_same(&self, a: &Predicate, b: &Predicate) -> bool {
        a == b || self.follows(a, b) && self.follows(b, a)
    }

    /// Whether `first` is only true where that is there which `then` asks to be there.
    fn shows(&self, first: &Predicate, then: &Predicate) -> bool {
        let of_column = |asked: &dyn Fn(&Column) -> bool| asked_for(first, self.rows).iter().any(asked);
        match then {
            Predicate::IsPresent(Scalar::Column(column)) => of_column(&|asked| asked == column),
            Predicate::Exists(_, row, of) if self.rows.source(*row).is_some_and(|source| source.unique) => {
                match &**of {
                    Predicate::Constant(true) => of_column(&|asked| asked.row == *row),
                    Predicate::IsPresent(Scalar::Column(column)) => of_column(&|asked| asked == column),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Without those that others make superfluous: `a AND (a OR b)` is `a`, and `a OR (a AND b)` too.
    pub(super) fn without_superfluous(&self, all: Vec<Predicate>, conjunction: bool) -> Vec<Predicate> {
        let mut keep = vec![true; all.len()];
        for (at, one) in all.iter().enumerate() {
            let is_superfluous = all.iter().zip(&keep).enumerate().any(|(other, (by, kept))| {
                let (first, then) = if conjunction { (by, one) } else { (one, by) };
                other != at && *kept && self.follows(first, then)
            });
            keep.get_mut(at).into_iter().for_each(|keep| *keep = !is_superfluous);
        }
        all.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(one, _)| one).collect()
    }

    /// Alternatives that stand beside other conditions, without what these say already.
    pub(super) fn without_said(&self, all: &[Predicate]) -> Vec<Predicate> {
        let is_said = |part: &Predicate| {
            all.iter().any(|one| !matches!(one, Predicate::Any(_)) && self.follows(one, part))
        };
        let shorter = |one: &Predicate| match one {
            Predicate::All(parts) => Predicate::all(parts.iter().filter(|part| !is_said(part)).cloned()),
            other => other.clone(),
        };
        let within = |one: &Predicate| match one {
            Predicate::Any(any) => Predicate::any(any.iter().map(shorter)),
            other => other.clone(),
        };
        all.iter().map(within).collect()
    }
}

/// Whether one follows from the other by the values that they let a scalar have.
fn of_values(first: &Predicate, then: &Predicate) -> bool {
    let Some((scalar, values)) = allowed(first) else { return false };
    match (allowed(then), excluded(then)) {
        (Some((same, more)), _) => same == scalar && values.is_subset(&more),
        (_, Some((same, less))) => same == scalar && values.is_disjoint(&less),
        _ => false,
    }
}

/// The values that a condition lets a scalar have.
pub(super) fn allowed(predicate: &Predicate) -> Option<(&Scalar, BTreeSet<&Constant>)> {
    match predicate {
        Predicate::OneOf(scalar, list) => Some((scalar, list.iter().collect())),
        Predicate::Compare(Comparison::Equal, scalar, Scalar::Constant(value)) => {
            Some((scalar, BTreeSet::from([value])))
        }
        _ => None,
    }
}

/// The values that a condition does not let a scalar have.
pub(super) fn excluded(predicate: &Predicate) -> Option<(&Scalar, BTreeSet<&Constant>)> {
    match predicate {
        Predicate::Not(of) => allowed(of),
        Predicate::Compare(Comparison::NotEqual, scalar, Scalar::Constant(value)) => {
            Some((scalar, BTreeSet::from([value])))
        }
        _ => None,
    }
}

/// The columns without whose value the predicate is not true.
fn asked_for(predicate: &Predicate, rows: &Rows) -> BTreeSet<Column> {
    let mut columns = BTreeSet::new();
    match predicate {
        Predicate::Constant(_) => {}
        Predicate::All(all) => all.iter().for_each(|one| columns.extend(asked_for(one, rows))),
        Predicate::Any(all) => {
            let mut each = all.iter().map(|one| asked_for(one, rows));
            let first = each.next().unwrap_or_default();
            columns = each.fold(first, |known, more| known.intersection(&more).cloned().collect());
        }
        Predicate::Not(of) => {
            if of.values() == Values::Three {
                columns_of_atom(of, &mut columns);
            }
        }
        Predicate::Exists(_, row, of) => {
            columns = asked_for(of, rows);
            let key = rows.source(*row).into_iter().flat_map(|source| &source.key);
            key.for_each(|(_, value)| columns_of(value, &mut columns));
        }
        single => columns_of_atom(single, &mut columns),
    }
    columns
}

/// The columns of a single condition, which is not true where one of them is NULL; of no other.
fn columns_of_atom(predicate: &Predicate, columns: &mut BTreeSet<Column>) {
    match predicate {
        Predicate::Compare(_, a, b) | Predicate::Address(_, a, Some(b)) => {
            columns_of(a, columns);
            columns_of(b, columns);
        }
        Predicate::Holds(a)
        | Predicate::OneOf(a, _)
        | Predicate::IsPresent(a)
        | Predicate::Like(a, _)
        | Predicate::Address(_, a, None)
        | Predicate::Fits(a) => columns_of(a, columns),
        Predicate::Constant(_)
        | Predicate::All(_)
        | Predicate::Any(_)
        | Predicate::Not(_)
        | Predicate::Exists(..) => {}
    }
}

fn columns_of(scalar: &Scalar, columns: &mut BTreeSet<Column>) {
    scalar.columns(&mut |column| {
        columns.insert(column.clone());
    });
}

/// Beside "it is not there", the others need not ask whether it is.
pub(super) fn without_known(all: Vec<Predicate>) -> Vec<Predicate> {
    let absent: BTreeSet<Predicate> = all
        .iter()
        .filter_map(|one| match one {
            Predicate::Not(of) if matches!(**of, Predicate::IsPresent(_)) => Some((**of).clone()),
            _ => None,
        })
        .collect();
    if absent.is_empty() {
        return all;
    }
    let shorter = |one| match one {
        Predicate::All(parts) => Predicate::all(parts.into_iter().filter(|part| !absent.contains(part))),
        other => other,
    };
    all.into_iter().map(shorter).collect()
}
