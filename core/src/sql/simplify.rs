//! The same predicate in fewer words, and so that indices serve it.
//!
//! Only whether a predicate is true matters. Negation is brought down to single conditions ([`normal`]), so that
//! everything above them only grows true with them, and may be rewritten for truth alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::implied::{Implied, allowed, excluded, without_known};
use super::normal::normal;
use super::tree::{Comparison, Constant, Existence, Predicate, Row, Rows, Scalar};
use super::ways::together;

/// Shortens a predicate. Recursion is bounded by the limits on policy text.
pub(super) fn simplified(predicate: Predicate, rows: &Rows) -> Predicate {
    tidy(normal(predicate, rows), &Implied::new(rows))
}

fn tidy(predicate: Predicate, known: &Implied<'_>) -> Predicate {
    match predicate {
        Predicate::All(all) => {
            let all = narrowed(with_absent(merged(flat(all, known, true), known, true), known));
            let all = known.without_superfluous(all, true);
            let shorter = known.without_said(&all);
            // Each time it is shorter.
            if shorter == all { Predicate::all(sorted(all)) } else { tidy(Predicate::all(shorter), known) }
        }
        Predicate::Any(all) => {
            let all = without_known(widened(merged(flat(all, known, false), known, false)));
            let all = known.without_superfluous(all, false);
            match together(&all, known) {
                Some(fewer) => tidy(Predicate::any(fewer), known),
                None => Predicate::any(sorted(all)),
            }
        }
        Predicate::Exists(existence, row, of) => match tidy(*of, known) {
            Predicate::Constant(false) => Predicate::Constant(false),
            of => Predicate::Exists(existence, row, Box::new(of)),
        },
        // Of several rows, and of rows that may not be there.
        Predicate::Not(of) => tidy(*of, known).not(),
        single => single,
    }
}

/// What is cheap to look at first.
fn sorted(mut all: Vec<Predicate>) -> Vec<Predicate> {
    all.sort_by_cached_key(|one| (one.lookups(), one.compares_texts()));
    all
}

/// The operands made short, with those of operands of the same kind, and none twice.
fn flat(all: Vec<Predicate>, known: &Implied<'_>, conjunction: bool) -> Vec<Predicate> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for one in all {
        let parts = match tidy(one, known) {
            Predicate::All(parts) if conjunction => parts,
            Predicate::Any(parts) if !conjunction => parts,
            other => vec![other],
        };
        kept.extend(parts.into_iter().filter(|part| seen.insert(part.clone())));
    }
    kept
}

/// What is asked of one row is asked within one look for it.
fn merged(all: Vec<Predicate>, known: &Implied<'_>, conjunction: bool) -> Vec<Predicate> {
    let mut kept: Vec<Predicate> = Vec::new();
    for one in all {
        let Predicate::Exists(existence, row, of) = one else {
            kept.push(one);
            continue;
        };
        let is_one = known.rows.source(row).is_some_and(|source| source.unique);
        let same = kept.iter_mut().find_map(|known| match known {
            Predicate::Exists(certain, same, of) if *same == row && (is_one || !conjunction) => {
                Some((certain, of))
            }
            _ => None,
        });
        match same {
            Some((certain, with)) => {
                if existence == Existence::Certain {
                    *certain = existence;
                }
                let first = std::mem::replace(&mut **with, Predicate::Constant(true));
                let both = if conjunction { first.and(*of) } else { first.or(*of) };
                **with = tidy(both, known);
            }
            None => kept.push(Predicate::Exists(existence, row, of)),
        }
    }
    kept
}

/// That something is not there, asked of a row that is there, is asked within the look for it.
fn with_absent(all: Vec<Predicate>, known: &Implied<'_>) -> Vec<Predicate> {
    let found: BTreeSet<Row> = all
        .iter()
        .filter_map(|one| match one {
            Predicate::Exists(_, row, _) if known.rows.source(*row).is_some_and(|source| source.unique) => {
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
                **of = tidy(asked.and(absent.clone()), known);
            }
        }
    }
    kept
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::tables::Kind;
    use crate::sql::tree::{Column, Null, RESOURCE};

    fn column(name: &str) -> Scalar {
        Scalar::Column(Column { row: RESOURCE, name: name.into(), kind: Kind::Text, null: Null::Absent })
    }

    fn is(name: &str, value: &str) -> Predicate {
        Predicate::Compare(Comparison::Equal, column(name), Scalar::text(value))
    }

    fn there(name: &str) -> Predicate {
        Predicate::IsPresent(column(name))
    }

    fn of(name: &str, id: &str) -> Predicate {
        let kind = Kind::Id(crate::model::TypeId(0));
        let column = Column { row: RESOURCE, name: name.into(), kind, null: Null::Absent };
        Predicate::Compare(Comparison::Equal, Scalar::Column(column), Scalar::text(id))
    }

    #[test]
    fn ways_that_look_for_the_same_rows_are_one() {
        let rows = Rows::default();
        let (kind, same_kind) = (is("k", "x").or(is("l", "y")), is("l", "y").or(is("k", "x")));
        let open = of("p", "1").and(is("s", "open")).and(kind.clone());
        let closed = of("p", "1").and(is("s", "closed")).and(same_kind);
        let both = is("s", "open").or(is("s", "closed"));
        let one = simplified(of("p", "1").and(kind).and(both.clone()), &rows);
        assert_eq!(simplified(open.clone().or(closed), &rows), one);
        // They are looked for by another column: a way of its own.
        let other = of("m", "2").and(is("s", "open"));
        let ways = simplified(open.or(other), &rows);
        assert!(matches!(&ways, Predicate::Any(any) if any.len() == 2), "{ways:?}");
        // What each way asks is not asked once more of all.
        assert_eq!(simplified(ways.clone().and(both), &rows), ways);
        assert_eq!(simplified(ways.clone().and(there("s")), &rows), ways);
        assert_ne!(simplified(ways.clone().and(there("k")), &rows), ways);
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
            (is("a", "x").and(is("a", "y").not()), is("a", "x")),
            (is("a", "x").or(there("a")), there("a")),
            (
                is("a", "x").and(is("b", "y").or(there("a").and(is("c", "z")))),
                is("a", "x").and(is("b", "y").or(is("c", "z"))),
            ),
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
