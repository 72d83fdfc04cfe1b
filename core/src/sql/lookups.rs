//! Rows that are looked for: `IN` where an index finds them first, else `EXISTS`.

use super::dialect::Dialect;
use super::print::{Place, Printer};
use super::tables::Kind;
use super::tree::{Column, Comparison, Null, Predicate, RESOURCE, Row, Scalar};

impl Printer<'_> {
    /// A predicate that must hold of the row that is decided, and that no query of ours stands around.
    ///
    /// PostgreSQL finds rows by several indices at once, but not by what a sub-query gives: there each way to a row
    /// is a query of its own.
    pub(super) fn outermost(&mut self, predicate: &Predicate, place: Place) -> String {
        let Predicate::Any(any) = predicate else { return self.at(predicate, place) };
        let by_others = |way: &Predicate| match way {
            Predicate::All(all) => all.iter().any(|one| self.is_found_by_others(one)),
            one => self.is_found_by_others(one),
        };
        let is_spread = any.iter().any(by_others) && any.iter().all(|way| self.is_selective(RESOURCE, way));
        if self.dialect() != Dialect::Postgres || !is_spread {
            return self.at(predicate, place);
        }
        let id = Column { row: RESOURCE, name: self.id.clone(), kind: Kind::Text, null: Null::Never };
        let outer = format!(
            "{}{}",
            self.column(&id),
            self.collation(&Scalar::Column(id.clone()), &Scalar::Column(id.clone()))
        );
        self.in_way = true;
        let (inner, table) = (self.column(&id), self.table(&self.table.clone()));
        let name = format!("{}0", self.stem);
        let way = |way: &Predicate| {
            format!("SELECT {inner} FROM {table} AS {name} WHERE {}", self.at(way, Place::Alone))
        };
        let ways: Vec<String> = any.iter().map(way).collect();
        self.in_way = false;
        format!("{outer} IN ({})", ways.join(" UNION ALL "))
    }

    fn is_found_by_others(&self, predicate: &Predicate) -> bool {
        matches!(predicate, Predicate::Exists(..)) && self.is_selective(RESOURCE, predicate)
    }

    pub(super) fn exists(&mut self, row: Row, of: &Predicate) -> String {
        let Some(source) = self.rows().source(row).cloned() else { return "FALSE".into() };
        let Some(((column, value), others)) = source.key.split_first() else {
            return self.correlated(row, of);
        };
        if self.dialect() == Dialect::Spark
            || matches!(value, Scalar::Constant(_))
            || !self.is_looked_up(row, of)
        {
            return self.correlated(row, of);
        }
        let key = Column { row, name: column.clone(), kind: Kind::Text, null: Null::Never };
        let (value_text, collation) = (self.scalar(value), self.collation(value, value));
        let select = format!("SELECT {} {}", self.column(&key), self.from(row, &source, others, of));
        format!("{value_text}{collation} IN ({select})")
    }

    /// Whether the rows of which something holds are found by an index and without others, so that they are best
    /// found first.
    fn is_looked_up(&self, row: Row, of: &Predicate) -> bool {
        let Some(source) = self.rows().source(row) else { return false };
        let others = source.key.iter().skip(1);
        let is_free =
            others.clone().all(|(_, value)| matches!(value, Scalar::Constant(_))) && !self.is_outer(of, row);
        is_free && self.is_selective(row, of)
    }

    fn is_selective(&self, row: Row, of: &Predicate) -> bool {
        let is_indexed = |scalar: &Scalar| match scalar {
            Scalar::Column(column) => {
                let is_element = self.rows().source(row).is_some_and(|source| !source.unique);
                column.row == row && (is_element || matches!(column.kind, Kind::Id(_)))
            }
            _ => false,
        };
        match of {
            Predicate::All(all) => all.iter().any(|one| self.is_selective(row, one)),
            Predicate::Any(all) => all.iter().all(|one| self.is_selective(row, one)),
            Predicate::OneOf(scalar, _)
            | Predicate::Compare(Comparison::Equal, scalar, Scalar::Constant(_)) => is_indexed(scalar),
            Predicate::Exists(_, inner, of) => {
                let key = self.rows().source(*inner).and_then(|source| source.key.first());
                key.is_some_and(|(_, value)| is_indexed(value)) && self.is_looked_up(*inner, of)
            }
            _ => false,
        }
    }

    pub(super) fn correlated(&mut self, row: Row, of: &Predicate) -> String {
        let Some(source) = self.rows().source(row).cloned() else { return "FALSE".into() };
        if self.dialect() == Dialect::Spark {
            return self.joined(row, of);
        }
        format!("EXISTS (SELECT 1 {})", self.from(row, &source, &source.key, of))
    }

    /// Whether a predicate speaks of rows that are found neither in it nor as `row`.
    pub(super) fn is_outer(&self, predicate: &Predicate, row: Row) -> bool {
        let mut inner = vec![row];
        self.speaks_of_others(predicate, &mut inner)
    }

    /// Whether a predicate speaks of rows that are found neither in it nor among `inner`.
    pub(super) fn speaks_of_others(&self, predicate: &Predicate, inner: &mut Vec<Row>) -> bool {
        match predicate {
            Predicate::All(all) | Predicate::Any(all) => {
                all.iter().any(|one| self.speaks_of_others(one, inner))
            }
            Predicate::Not(of) => self.speaks_of_others(of, inner),
            Predicate::Exists(_, row, of) => {
                let mut outer = false;
                for (_, value) in self.rows().source(*row).iter().flat_map(|source| &source.key) {
                    value.rows(&mut |row| outer |= !inner.contains(&row));
                }
                inner.push(*row);
                outer |= self.speaks_of_others(of, inner);
                inner.pop();
                outer
            }
            single => {
                let mut outer = false;
                single.rows(&mut |row| outer |= !inner.contains(&row));
                outer
            }
        }
    }
}
