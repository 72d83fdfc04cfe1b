//! The same predicate in fewer words, and so that indices serve it.
//!
//! Only whether a predicate is true matters. Negation is brought down to single conditions, so that everything
//! above them only grows true with them, and may be rewritten for truth alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::tree::{Column, Comparison, Constant, Existence, Predicate, Row, Rows, Scalar};

/// Shortens a predicate. Recursion is bounded by the limits on policy text.
pub(super) fn simplified(predicate: Predicate, rows: &Rows) -> Predicate {
    tidy(normal(predicate, false, rows), rows)
}

/// The predicate, or its negation, with negation at single conditions.
fn normal(predicate: Predicate, negated: bool, rows: &Rows) -> Predicate {
    let each =
        |all: Vec<Predicate>| all.into_iter().map(|one| normal(one, negated, rows)).collect::<Vec<_>>();
    match predicate {
        Predicate::Constant(value) => Predicate::Constant(value != negated),
        Predicate::All(all) if negated => Predicate::any(each(all)),
        Predicate::Any(all) if negated => Predicate::all(each(all)),
        Predicate::All(all) => Predicate::all(each(all)),
        Predicate::Any(all) => Predicate::any(each(all)),
        Predicate::Not(of) => normal(*of, !negated, rows),
        Predicate::Compare(comparison, a, b) if negated => match comparison {
            Comparison::Equal => Predicate::Compare(Comparison::NotEqual, a, b),
            Comparison::NotEqual => Predicate::Compare(Comparison::Equal, a, b),
            Comparison::Less => Predicate::Compare(Comparison::LessOrEqual, b, a),
            Comparison::LessOrEqual => Predicate::Compare(Comparison::Less, b, a),
        },
        Predicate::Exists(existence, row, of) => {
            let is_one = rows.source(row).is_some_and(|source| source.unique);
            let goes_in = negated && is_one && existence == Existence::Certain;
            let of = normal(*of, goes_in, rows);
            let exists = match of {
                Predicate::Constant(false) => Predicate::Constant(false),
                of => Predicate::Exists(existence, row, Box::new(of)),
            };
            if negated && !goes_in { exists.not() } else { exists }
        }
        single if negated => single.not(),
        single => single,
    }
}

fn tidy(predicate: Predicate, rows: &Rows) -> Predicate {
    match predicate {
        Predicate::All(all) => {
            let all = narrowed(with_absent(merged(flat(all, rows, true), rows, true), rows));
            absorbed(without_implied(all, rows), true)
        }
        Predicate::Any(all) => {
            let all = merged(flat(all, rows, false), rows, false);
            let all = without_known(widened(all));
            absorbed(all, false)
        }
        Predicate::Exists(existence, row, of) => match tidy(*of, rows) {
            Predicate::Constant(false) => Predicate::Constant(false),
            of => Predicate::Exists(existence, row, Box::new(of)),
        },
        // Of several rows, and of rows that may not be there.
        Predicate::Not(of) => tidy(*of, rows).not(),
        single => single,
    }
}

/// The operands made short, with those of operands of the same kind, and none twice.
fn flat(all: Vec<Predicate>, rows: &Rows, conjunction: bool) -> Vec<Predicate> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for one in all {
        let parts = match tidy(one, rows) {
            Predicate::All(parts) if conjunction => parts,
            Predicate::Any(parts) if !conjunction => parts,
            other => vec![other],
        };
        kept.extend(parts.into_iter().filter(|part| seen.insert(part.clone())));
    }
    kept
}

/// What is asked of one row is asked within one look for it.
fn merged(all: Vec<Predicate>, rows: &Rows, conjunction: bool) -> Vec<Predicate> {
    let mut kept: Vec<Predicate> = Vec::new();
    for one in all {
        let Predicate::Exists(existence, row, of) = one else {
            kept.push(one);
            continue;
        };
        let is_one = rows.source(row).is_some_and(|source| source.unique);
        let same = kept.iter_mut().find_map(|known| match known {
            Predicate::Exists(known, same, of) if *same == row && (is_one || !conjunction) => {
                Some((known, of))
            }
            _ => None,
        });
        match same {
            Some((known, with)) => {
                if existence == Existence::Certain {
                    *known = existence;
                }
                let first = std::mem::replace(&mut **with, Predicate::Constant(true));
                let both = if conjunction { first.and(*of) } else { first.or(*of) };
                **with = tidy(both, rows);
            }
            None => kept.push(Predicate::Exists(existence, row, of)),
        }
    }
    kept
}

/// That something is not there, asked of a row that is there, is asked within the look for it.
fn with_absent(all: Vec<Predicate>, rows: &Rows) -> Vec<Predicate> {
    let found: BTreeSet<Row> = all
        .iter()
        .filter_map(|one| match one {
            Predicate::Exists(_, row, _) if rows.source(*row).is_some_and(|source| source.unique) => {
                Some(*row)
            }
            _ => None,
        })
        .collect();
    let mut absent: Vec<(Row, Predicate)> = Vec::new();
    let mut kept = Vec::new();
    for one in all {
        match &one {
            Predicate::Not(of) => match &**of {
                Predicate::Exists(_, row, of)
                    if found.contains(row) && matches!(**of, Predicate::IsPresent(_)) =>
                {
                    absent.push((*row, (**of).clone().not()));
                }
                _ => kept.push(one),
            },
            _ => kept.push(one),
        }
    }
    for (at, absent) in absent {
        for one in &mut kept {
            if let Predicate::Exists(_, row, of) = one
                && *row == at
            {
                let asked = std::mem::replace(&mut **of, Predicate::Constant(true));
                **of = tidy(asked.and(absent.clone()), rows);
            }
        }
    }
    kept
}

/// The values that a condition lets a scalar have.
fn allowed(predicate: &Predicate) -> Option<(&Scalar, BTreeSet<&Constant>)> {
    match predicate {
        Predicate::OneOf(scalar, list) => Some((scalar, list.iter().collect())),
        Predicate::Compare(Comparison::Equal, scalar, Scalar::Constant(value)) => {
            Some((scalar, BTreeSet::from([value])))
        }
        _ => None,
    }
}

/// The values that a condition does not let a scalar have.
fn excluded(predicate: &Predicate) -> Option<(&Scalar, BTreeSet<&Constant>)> {
    match predicate {
        Predicate::Not(of) => allowed(of),
        Predicate::Compare(Comparison::NotEqual, scalar, Scalar::Constant(value)) => {
            Some((scalar, BTreeSet::from([value])))
        }
        _ => None,
    }
}

fn one_of(scalar: &Scalar, values: BTreeSet<&Constant>) -> Predicate {
    let mut values: Vec<Constant> = values.into_iter().cloned().collect();
    match (values.len(), values.pop()) {
        (_, None) => Predicate::Constant(false),
        (1, Some(value)) => Predicate::Compare(Comparison::Equal, scalar.clone(), Scalar::Constant(value)),
        (_, Some(value)) => {
            values.push(value);
            Predicate::OneOf(scalar.clone(), Arc::from(values))
        }
    }
}

/// A scalar that must be in two lists is in what they share.
fn narrowed(all: Vec<Predicate>) -> Vec<Predicate> {
    let mut kept: Vec<Predicate> = Vec::new();
    for one in all {
        let joined = kept.iter_mut().find_map(|known| {
            let (scalar, values) = allowed(known)?;
            let both = match (allowed(&one), excluded(&one)) {
                (Some((same, more)), _) if same == scalar => values.intersection(&more).copied().collect(),
                (_, Some((same, less))) if same == scalar => values.difference(&less).copied().collect(),
                _ => return None,
            };
            let joined = one_of(scalar, both);
            *known = joined;
            Some(())
        });
        if joined.is_none() {
            kept.push(one);
        }
    }
    kept
}

/// A scalar that may be in one of two lists is in one of both.
fn widened(all: Vec<Predicate>) -> Vec<Predicate> {
    let mut kept: Vec<Predicate> = Vec::new();
    for one in all {
        let joined = kept.iter_mut().find_map(|known| {
            let (scalar, values) = allowed(known)?;
            let (same, more) = allowed(&one)?;
            if same != scalar {
                return None;
            }
            let joined = one_of(scalar, values.union(&more).copied().collect());
            *known = joined;
            Some(())
        });
        if joined.is_none() {
            kept.push(one);
        }
    }
    kept
}

/// Without questions whether something is there that others ask more of.
fn without_implied(all: Vec<Predicate>, rows: &Rows) -> Vec<Predicate> {
    let mut asked: Vec<BTreeSet<Column>> = all.iter().map(|one| asked_for(one, rows)).collect();
    let mut kept = Vec::new();
    for (at, one) in all.into_iter().enumerate() {
        let by_others = |is: &dyn Fn(&Column) -> bool| {
            let mut others = asked.iter().enumerate().filter(|(other, _)| *other != at);
            others.any(|(_, columns)| columns.iter().any(is))
        };
        let is_implied = match &one {
            Predicate::IsPresent(Scalar::Column(column)) => by_others(&|asked| asked == column),
            Predicate::Exists(_, row, of) if rows.source(*row).is_some_and(|source| source.unique) => {
                match &**of {
                    Predicate::Constant(true) => by_others(&|asked| asked.row == *row),
                    Predicate::IsPresent(Scalar::Column(column)) => by_others(&|asked| asked == column),
                    _ => false,
                }
            }
            _ => false,
        };
        if is_implied {
            // Of two that imply each other, one stays.
            asked.get_mut(at).into_iter().for_each(BTreeSet::clear);
        } else {
            kept.push(one);
        }
    }
    kept
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
            if !matches!(**of, Predicate::Exists(..) | Predicate::IsPresent(_)) {
                columns = asked_for(of, rows);
            }
        }
        Predicate::Exists(_, row, of) => {
            columns = asked_for(of, rows);
            let key = rows.source(*row).into_iter().flat_map(|source| &source.key);
            key.for_each(|(_, value)| columns_of(value, &mut columns));
        }
        Predicate::Compare(_, a, b) | Predicate::Address(_, a, Some(b)) => {
            columns_of(a, &mut columns);
            columns_of(b, &mut columns);
        }
        Predicate::Holds(a)
        | Predicate::OneOf(a, _)
        | Predicate::IsPresent(a)
        | Predicate::Like(a, _)
        | Predicate::Address(_, a, None)
        | Predicate::Fits(a) => columns_of(a, &mut columns),
    }
    columns
}

fn columns_of(scalar: &Scalar, columns: &mut BTreeSet<Column>) {
    scalar.columns(&mut |column| {
        columns.insert(column.clone());
    });
}

/// Beside "it is not there", the others need not ask whether it is.
fn without_known(all: Vec<Predicate>) -> Vec<Predicate> {
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

/// Without those that another one makes superfluous: `a OR (a AND b)` is `a`, `a AND (a OR b)` too.
fn absorbed(all: Vec<Predicate>, conjunction: bool) -> Predicate {
    let single: BTreeSet<&Predicate> = all.iter().collect();
    let parts = |one: &Predicate| match one {
        Predicate::Any(parts) if conjunction => parts.clone(),
        Predicate::All(parts) if !conjunction => parts.clone(),
        _ => Vec::new(),
    };
    let keep: Vec<bool> =
        all.iter().map(|one| !parts(one).iter().any(|part| single.contains(part))).collect();
    let kept = all.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(one, _)| one);
    if conjunction { Predicate::all(kept) } else { Predicate::any(kept) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::tables::Kind;
    use crate::sql::tree::RESOURCE;

    fn column(name: &str) -> Scalar {
        Scalar::Column(Column { row: RESOURCE, name: name.into(), kind: Kind::Text, optional: true })
    }

    fn is(name: &str, value: &str) -> Predicate {
        Predicate::Compare(Comparison::Equal, column(name), Scalar::text(value))
    }

    fn there(name: &str) -> Predicate {
        Predicate::IsPresent(column(name))
    }

    #[test]
    fn fewer_words() {
        let rows = Rows::default();
        for (predicate, expected) in [
            (there("a").and(is("a", "x")), is("a", "x")),
            (there("a").and(is("a", "x")).not(), there("a").not().or(is("a", "x").not())),
            (is("a", "x").and(is("a", "y")), Predicate::Constant(false)),
            (is("a", "x").or(is("b", "y").and(is("a", "x"))), is("a", "x")),
            (is("a", "x").and(is("b", "y").or(is("a", "x"))), is("a", "x")),
            (is("a", "x").not().not(), is("a", "x")),
        ] {
            let expected = simplified(expected, &rows);
            assert_eq!(simplified(predicate.clone(), &rows), expected, "{predicate:?}");
        }
        assert_eq!(
            simplified(is("a", "x").or(is("a", "y")), &rows),
            Predicate::OneOf(
                column("a"),
                Arc::from([Constant::Text("x".into()), Constant::Text("y".into())])
            )
        );
    }
}
