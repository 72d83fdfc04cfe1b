//! Where evaluation fails: the records that no policy lets pass, whatever else permits them.

use std::collections::{BTreeMap, BTreeSet};

use super::terms::{Alternative, Term};
use super::{Result, Translation};
use crate::ir::{Binary, Function, Id, Node};
use crate::model::TypeId;
use crate::sql::tree::{Existence, Predicate, RESOURCE, Row, Rows, Scalar};

impl Translation<'_> {
    /// Whether evaluating a node does not fail, save for what [`guards`] sees to.
    ///
    /// Recursion is bounded by the limits on policy text.
    pub(in crate::sql) fn succeeds(&mut self, id: Id) -> Result<Predicate> {
        let program = self.input.program;
        if !program.node_can_fail(id) {
            return Ok(Predicate::Constant(true));
        }
        let succeeds = self.succeeds_at(id)?;
        self.bounded_in_size(id, &succeeds)?;
        Ok(succeeds)
    }

    fn succeeds_at(&mut self, id: Id) -> Result<Predicate> {
        let program = self.input.program;
        match program.node(id) {
            Node::And(a, b) => {
                let (first, then) = (self.succeeds(*a)?, self.succeeds(*b)?);
                self.then(first, *a, false, then)
            }
            Node::Or(a, b) => {
                let (first, then) = (self.succeeds(*a)?, self.succeeds(*b)?);
                self.then(first, *a, true, then)
            }
            Node::If(test, then, or) => {
                let (first, then, or) = (self.succeeds(*test)?, self.succeeds(*then)?, self.succeeds(*or)?);
                if then == or {
                    return Ok(first.and(then));
                }
                let test = self.predicate(*test)?;
                Ok(first.and(test.clone().and(then).or(test.not().and(or))))
            }
            Node::Attr(of, ty, _) => {
                let (of, ty) = (*of, *ty);
                Ok(self.succeeds(of)?.and(self.is_there(id, of, ty)?))
            }
            Node::Tag(of, name) => {
                let (of, name) = (*of, *name);
                let operands = self.succeeds(of)?.and(self.succeeds(name)?);
                match self.input.types.of(of) {
                    Some(crate::model::schema::Type::Entity(ty)) => {
                        Ok(operands.and(self.is_there(id, of, *ty)?))
                    }
                    _ => Ok(operands),
                }
            }
            Node::Neg(_) | Node::Binary(Binary::Add | Binary::Sub | Binary::Mul, ..) => self.fits(id),
            Node::Call(function, args) => match function {
                Function::Offset | Function::DurationSince | Function::ToDate => self.fits(id),
                // A text that is written down and that they do not take.
                Function::Decimal | Function::Ip | Function::Datetime | Function::Duration => {
                    Ok(Predicate::Constant(false))
                }
                _ => self.all_succeed(args),
            },
            Node::Unreachable => Ok(Predicate::Constant(false)),
            node => {
                let mut operands = Vec::new();
                node.operands(&mut |id| operands.push(id));
                self.all_succeed(&operands)
            }
        }
    }

    /// What follows on a condition, unless that decides by itself.
    fn then(&mut self, first: Predicate, of: Id, decides: bool, then: Predicate) -> Result<Predicate> {
        if then == Predicate::Constant(true) {
            return Ok(first);
        }
        let value = self.predicate(of)?;
        let decided = if decides { value } else { value.not() };
        Ok(first.and(decided.or(then)))
    }

    fn all_succeed(&mut self, all: &[Id]) -> Result<Predicate> {
        let all = all.iter().map(|id| self.succeeds(*id)).collect::<Result<Vec<_>>>()?;
        Ok(Predicate::all(all))
    }

    fn fits(&mut self, id: Id) -> Result<Predicate> {
        let mut operands = Vec::new();
        self.input.program.node(id).operands(&mut |id| operands.push(id));
        let operands = self.all_succeed(&operands)?;
        let fits = self.each(id, |this, value| match value {
            Term::Scalar(value, _) => Ok(this.bind(Predicate::Fits(value.clone()))),
            _ => Ok(Predicate::Constant(false)),
        })?;
        Ok(operands.and(fits))
    }

    /// Whether an entity that is not reached from the record is there.
    fn is_there(&mut self, id: Id, of: Id, ty: TypeId) -> Result<Predicate> {
        let mut any = Vec::new();
        for Alternative { when, term } in self.terms(of)? {
            let Term::Scalar(entity, _) = term else { continue };
            let row = self.entity_row(id, ty, &entity)?;
            any.push(when.and(match from_resource(&self.rows, row) {
                true => Predicate::Constant(true),
                false => self.exists(row, Predicate::Constant(true)),
            }));
        }
        Ok(Predicate::any(any))
    }
}

/// Whether a row is found by what the record holds.
fn from_resource(rows: &Rows, row: Row) -> bool {
    let mut found = row == RESOURCE;
    for (_, value) in rows.source(row).iter().flat_map(|source| &source.key) {
        value.rows(&mut |of| found |= from_resource(rows, of));
    }
    found
}

/// That no reference leads nowhere among those that lead from the record to what is read.
pub(in crate::sql) fn guards(rows: &Rows, read: BTreeSet<Row>) -> Predicate {
    let mut below: BTreeMap<Row, BTreeSet<Row>> = BTreeMap::new();
    let mut open: Vec<Row> = read.into_iter().filter(|row| from_resource(rows, *row)).collect();
    while let Some(row) = open.pop() {
        let Some(source) = rows.source(row) else { continue };
        for (_, value) in &source.key {
            value.rows(&mut |above| {
                if below.entry(above).or_default().insert(row) {
                    open.push(above);
                }
            });
        }
    }
    below_of(rows, &below, RESOURCE)
}

/// Recursion is bounded by the length of paths.
fn below_of(rows: &Rows, below: &BTreeMap<Row, BTreeSet<Row>>, above: Row) -> Predicate {
    let mut all = Vec::new();
    for &row in below.get(&above).into_iter().flatten() {
        let Some(source) = rows.source(row) else { continue };
        let inner = below_of(rows, below, row);
        let is_nothing = inner == Predicate::Constant(true);
        let exists = |inner| Predicate::Exists(Existence::Open, row, Box::new(inner));
        if source.entity.is_none() {
            if !is_nothing {
                all.push(exists(Predicate::Constant(true)).not().or(exists(inner)));
            }
            continue;
        }
        let absent = source.key.iter().filter_map(|(_, value)| match value {
            Scalar::Column(column) if column.null.is_allowed() => {
                Some(Predicate::IsPresent(Scalar::Column(column.clone())).not())
            }
            _ => None,
        });
        all.push(Predicate::any(absent).or(exists(inner)));
    }
    Predicate::all(all)
}

/// The predicate once it no longer matters which rows it takes to be there; these are put into `read`.
pub(in crate::sql) fn without_certainty(predicate: Predicate, read: &mut BTreeSet<Row>) -> Predicate {
    let mut each = |all: Vec<Predicate>| -> Vec<Predicate> {
        all.into_iter().map(|one| without_certainty(one, read)).collect()
    };
    match predicate {
        Predicate::All(all) => Predicate::All(each(all)),
        Predicate::Any(all) => Predicate::Any(each(all)),
        Predicate::Not(of) => without_certainty(*of, read).not(),
        Predicate::Exists(existence, row, of) => {
            if existence == Existence::Certain {
                read.insert(row);
            }
            Predicate::Exists(Existence::Open, row, Box::new(without_certainty(*of, read)))
        }
        single => single,
    }
}
