//! Negation brought down to single conditions, with regard to what is NULL.
//!
//! A condition on a column that is NULL is neither true nor false, and `AND`, `OR` and `NOT` leave it so. `EXISTS` alone
//! takes what is unknown for false, and `NOT EXISTS` makes it true. So a row may be said not to be there only where
//! nothing that it is looked for by is NULL, and where of each row that is there the condition is certainly false: what
//! stands within is written to be true unless it is.

use std::collections::BTreeSet;

use super::tree::{Column, Comparison, Existence, Null, Predicate, Row, Rows, Scalar, Values};

/// The predicate with negation at single conditions: true where it is certainly true. What was brought into this form
/// stays as it is.
///
/// Recursion is bounded by the limits on policy text.
pub(super) fn normal(predicate: Predicate, rows: &Rows) -> Predicate {
    Reading { rows, within: None }.of(predicate, false)
}

/// What is asked of a predicate.
#[derive(Clone, Copy)]
struct Reading<'a> {
    rows: &'a Rows,
    /// Whether it is certainly true; or, within a row that is said not to be there, whether it is not certainly false:
    /// then that row, and those that are looked for within it.
    within: Option<&'a [Row]>,
}

impl Reading<'_> {
    /// The predicate, or its negation.
    fn of(self, predicate: Predicate, negated: bool) -> Predicate {
        let each = |all: Vec<Predicate>| all.into_iter().map(|one| self.of(one, negated)).collect::<Vec<_>>();
        match predicate {
            Predicate::Constant(value) => Predicate::Constant(value != negated),
            Predicate::All(all) if negated => Predicate::any(each(all)),
            Predicate::Any(all) if negated => Predicate::all(each(all)),
            Predicate::All(all) => Predicate::all(each(all)),
            Predicate::Any(all) => Predicate::any(each(all)),
            Predicate::Not(of) => self.of(*of, !negated),
            Predicate::Exists(existence, row, of) => match (negated, self.within) {
                (false, None) => found(existence, row, self.of(*of, false)),
                (true, None) => self.none_for_certain(existence, row, *of),
                (false, Some(rows)) => self.some_perhaps(rows, existence, row, *of),
                (true, Some(_)) => {
                    found(existence, row, Reading { within: None, ..self }.of(*of, false)).not()
                }
            },
            single => self.unless_unknown(if negated { opposite(single) } else { single }),
        }
    }

    /// That no row is there of which the predicate holds.
    fn none_for_certain(self, existence: Existence, row: Row, of: Predicate) -> Predicate {
        let is_one = self.rows.source(row).is_some_and(|source| source.unique);
        if is_one && existence == Existence::Certain {
            return found(existence, row, self.of(of, true));
        }
        let mut asked = BTreeSet::new();
        for (_, value) in self.rows.source(row).iter().flat_map(|source| &source.key) {
            value.columns(&mut |column| asked.extend(column.null.is_broken().then(|| column.clone())));
        }
        outer(&of, &mut vec![row], self.rows, &mut asked);
        let there = asked.into_iter().map(|column| Predicate::IsPresent(Scalar::Column(column)));
        match found(existence, row, Reading { within: Some(&[row]), ..self }.of(of, false)) {
            Predicate::Constant(found) => Predicate::Constant(!found),
            found => Predicate::all(there.chain([found.not()])),
        }
    }

    /// That a row may be there of which the predicate may hold.
    fn some_perhaps(self, rows: &[Row], existence: Existence, row: Row, of: Predicate) -> Predicate {
        let within: Vec<Row> = rows.iter().copied().chain([row]).collect();
        let found = found(existence, row, Reading { within: Some(&within), ..self }.of(of, false));
        let mut absent = Vec::new();
        for (_, value) in self.rows.source(row).iter().flat_map(|source| &source.key) {
            value.columns(&mut |column| absent.extend(unknown(column, rows)));
        }
        if found == Predicate::Constant(false) {
            found
        } else {
            Predicate::any([found].into_iter().chain(absent))
        }
    }

    /// A single condition; where only what is certainly false counts, it is true as well where it is unknown.
    fn unless_unknown(self, single: Predicate) -> Predicate {
        let Some(rows) = self.within.filter(|_| of_single(&single).values() == Values::Three) else {
            return single;
        };
        let mut absent = Vec::new();
        single.columns(&mut |column| absent.extend(unknown(column, rows)));
        Predicate::any([single].into_iter().chain(absent))
    }
}

/// What a negation is of.
fn of_single(single: &Predicate) -> &Predicate {
    match single {
        Predicate::Not(of) => of,
        single => single,
    }
}

fn opposite(single: Predicate) -> Predicate {
    match single {
        Predicate::Compare(Comparison::Equal, a, b) => Predicate::Compare(Comparison::NotEqual, a, b),
        Predicate::Compare(Comparison::NotEqual, a, b) => Predicate::Compare(Comparison::Equal, a, b),
        Predicate::Compare(Comparison::Less, a, b) => Predicate::Compare(Comparison::LessOrEqual, b, a),
        Predicate::Compare(Comparison::LessOrEqual, a, b) => Predicate::Compare(Comparison::Less, b, a),
        single => single.not(),
    }
}

fn found(existence: Existence, row: Row, of: Predicate) -> Predicate {
    match of {
        Predicate::Constant(false) => Predicate::Constant(false),
        of => Predicate::Exists(existence, row, Box::new(of)),
    }
}

/// That a column is NULL which must not be, among those that are not asked for around the outermost of `rows`.
///
/// A column of a required attribute is read by any condition that it stands in, so that it is asked for once, around
/// all. One of a record's required field is not read where the record is absent, which is looked at within.
fn unknown(column: &Column, rows: &[Row]) -> Option<Predicate> {
    let is_asked = match column.null {
        Null::Broken => rows.contains(&column.row),
        Null::InRecord => true,
        Null::Never | Null::Absent => false,
    };
    is_asked.then(|| Predicate::IsPresent(Scalar::Column(column.clone())).not())
}

/// The columns of required attributes that a predicate reads in other rows than `inner` and those within.
fn outer(predicate: &Predicate, inner: &mut Vec<Row>, rows: &Rows, found: &mut BTreeSet<Column>) {
    let mut note = |column: &Column, inner: &[Row]| {
        if column.null == Null::Broken && !inner.contains(&column.row) {
            found.insert(column.clone());
        }
    };
    match predicate {
        Predicate::All(all) | Predicate::Any(all) => {
            all.iter().for_each(|one| outer(one, inner, rows, found))
        }
        Predicate::Not(of) => outer(of, inner, rows, found),
        Predicate::Exists(_, row, of) => {
            for (_, value) in rows.source(*row).iter().flat_map(|source| &source.key) {
                value.columns(&mut |column| note(column, inner));
            }
            inner.push(*row);
            outer(of, inner, rows, found);
            inner.pop();
        }
        single if single.values() == Values::Three => single.columns(&mut |column| note(column, inner)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::tables::Kind;
    use crate::sql::tree::{From, RESOURCE, Source};

    fn column(row: Row, name: &str, null: Null) -> Scalar {
        Scalar::Column(Column { row, name: name.into(), kind: Kind::Text, null })
    }

    fn absent(of: Scalar) -> Predicate {
        Predicate::IsPresent(of).not()
    }

    /// Rows of a set of the record's, with that of an element.
    fn set() -> (Rows, Row) {
        let mut rows = Rows::default();
        let from = From::Table(["set".into()].into());
        let key = vec![("owner".into(), column(RESOURCE, "id", Null::Never))];
        let row = rows.row(Source { from, key, unique: false, entity: None });
        (rows, row)
    }

    #[test]
    fn what_is_sought_in_a_set_and_not_there_is_not_out_of_it() {
        let (rows, row) = set();
        let element = column(row, "value", Null::Broken);
        for (sought, around, within) in [
            (column(RESOURCE, "a", Null::Broken), true, false),
            (column(RESOURCE, "a", Null::InRecord), false, true),
            // The presence test beside says that it is there.
            (column(RESOURCE, "a", Null::Absent), false, false),
            (Scalar::text("x"), false, false),
        ] {
            let equal = Predicate::Compare(Comparison::Equal, element.clone(), sought.clone());
            let found = Predicate::Exists(Existence::Open, row, Box::new(equal.clone()));
            assert_eq!(normal(found.clone(), &rows), found, "what is found is there");
            let mut perhaps = vec![equal, absent(element.clone())];
            perhaps.extend(within.then(|| absent(sought.clone())));
            let none = Predicate::Exists(Existence::Open, row, Box::new(Predicate::any(perhaps))).not();
            let there = around.then_some(Predicate::IsPresent(sought));
            let expected = Predicate::all(there.into_iter().chain([none]));
            assert_eq!(normal(found.not(), &rows), expected);
        }
    }

    #[test]
    fn what_all_elements_are_asked_is_asked_of_those_that_are_unknown() {
        let (rows, row) = set();
        let element = column(row, "value", Null::Broken);
        let like = Predicate::Holds(element.clone());
        // All are true: none is there that is not.
        let all = Predicate::Exists(Existence::Open, row, Box::new(like.clone().not())).not();
        let perhaps_not = Predicate::any([like.clone().not(), absent(element)]);
        let expected = Predicate::Exists(Existence::Open, row, Box::new(perhaps_not)).not();
        assert_eq!(normal(all.clone(), &rows), expected);
        // Not all are: one is there that certainly is not.
        let not_all = Predicate::Exists(Existence::Open, row, Box::new(like.not()));
        assert_eq!(normal(all.not(), &rows), not_all);
    }

    #[test]
    fn a_normal_predicate_stays_as_it_is_but_for_what_is_said_twice() {
        let (rows, row) = set();
        let equal = Predicate::Compare(
            Comparison::Equal,
            column(row, "value", Null::Broken),
            column(RESOURCE, "a", Null::Broken),
        );
        let none = Predicate::Exists(Existence::Open, row, Box::new(equal)).not();
        let once = crate::sql::simplify::simplified(none, &rows);
        assert_eq!(crate::sql::simplify::simplified(once.clone(), &rows), once);
    }
}
