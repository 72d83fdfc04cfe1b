//! `EXISTS` for Spark, whose sub-queries see the query around them, but not the one around that.
//!
//! A sub-query within another that speaks of the record's row becomes a join in the outer one: that some row is
//! there of which it holds that some other row is there, is that some pair is.

use super::print::Printer;
use super::tree::{Predicate, Row};

/// Sub-queries that one may be split into.
const MANY: usize = 32;

/// What one sub-query takes rows from, and what must hold of them.
#[derive(Clone)]
struct Join {
    rows: Vec<Row>,
    all: Vec<Predicate>,
}

impl Printer<'_> {
    pub(super) fn joined(&mut self, row: Row, of: &Predicate) -> String {
        let mut joins = Vec::new();
        let start = Join { rows: vec![row], all: Vec::new() };
        if !self.join(start, vec![of.clone()], &mut joins) {
            self.refused = Some("Spark takes no sub-query that speaks of a row two queries up".into());
            return "FALSE".into();
        }
        let texts: Vec<String> = joins.iter().map(|join| self.subquery(join)).collect();
        match texts.as_slice() {
            [only] => only.clone(),
            all => format!("({})", all.join(" OR ")),
        }
    }

    fn subquery(&mut self, join: &Join) -> String {
        let (mut from, mut all) = (Vec::new(), Vec::new());
        for &row in &join.rows {
            let Some(source) = self.rows().source(row).cloned() else { continue };
            from.push(self.source(row, &source));
            all.extend(self.key(row, &source.key));
        }
        let asked = join.all.iter().filter(|one| **one != Predicate::Constant(true));
        all.extend(asked.map(|one| self.beside(one)).collect::<Vec<_>>());
        let from = from.join(", ");
        match all.is_empty() {
            true => format!("EXISTS (SELECT 1 FROM {from})"),
            false => format!("EXISTS (SELECT 1 FROM {from} WHERE {})", all.join(" AND ")),
        }
    }

    /// Adds the joins that come of one with the predicates `open`; false where there is none that says the same.
    ///
    /// Recursion is bounded by the limits on policy text, and by how many joins there may be.
    fn join(&self, mut join: Join, mut open: Vec<Predicate>, joins: &mut Vec<Join>) -> bool {
        while let Some(one) = open.pop() {
            if !self.reaches_out(&one, &join.rows) {
                join.all.push(one);
                continue;
            }
            match one {
                Predicate::All(all) => open.extend(all.into_iter().rev()),
                Predicate::Any(any) => {
                    return any.into_iter().all(|one| {
                        let mut open = open.clone();
                        open.push(one);
                        joins.len() < MANY && self.join(join.clone(), open, joins)
                    });
                }
                Predicate::Exists(_, row, of) if !join.rows.contains(&row) => {
                    join.rows.push(row);
                    open.push(*of);
                }
                _ => return false,
            }
        }
        joins.push(join);
        true
    }

    /// Whether a sub-query within the predicate speaks of rows other than these and its own.
    fn reaches_out(&self, predicate: &Predicate, rows: &[Row]) -> bool {
        match predicate {
            Predicate::All(all) | Predicate::Any(all) => all.iter().any(|one| self.reaches_out(one, rows)),
            Predicate::Not(of) => self.reaches_out(of, rows),
            exists @ Predicate::Exists(..) => self.speaks_of_others(exists, &mut rows.to_vec()),
            _ => false,
        }
    }
}
