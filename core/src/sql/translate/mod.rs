//! From a residual to a predicate on rows.
//!
//! Conditions become predicates, values become columns and what is computed from them. A row that an expression
//! reads through a reference is looked for where the condition stands that reads it ([`Translation::bind`]).

mod failure;
mod sets;
mod terms;

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::rows::TableRows;
use super::tables::{Kind, Tables};
use super::tree::{
    AddressTest, Comparison, Constant, Existence, Null, Predicate, RESOURCE, Row, Rows, Scalar,
};
use crate::ir::{Binary, Function, Id, Node, Program, Types};
use crate::model::{EntityUid, Schema, TypeId, Value};

pub(super) use failure::{guards, without_certainty};
use terms::{Alternative, Term};

/// Values that one expression may come to by `if`, at most.
const ALTERNATIVES: usize = 64;

/// Conditions of one predicate, at most.
const LARGEST: usize = 20_000;

/// Why there is no exact translation, and of which node.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) node: Id,
    pub(super) why: Arc<str>,
}

pub(super) type Result<T> = std::result::Result<T, Refusal>;

/// What a translation is made from.
pub(super) struct Input<'a> {
    pub(super) program: &'a Program,
    pub(super) schema: &'a Schema,
    pub(super) tables: &'a Tables,
    pub(super) types: &'a Types,
    pub(super) principal: &'a EntityUid,
    /// What the principal lies in.
    pub(super) above_principal: &'a [EntityUid],
    pub(super) resource: TypeId,
    /// The rows of the tables of a type whose facts the world knows.
    pub(super) of_world: &'a dyn Fn(TypeId) -> Vec<TableRows>,
    /// Whether the dialect has addresses.
    pub(super) addresses: bool,
}

/// One translation.
pub(super) struct Translation<'a> {
    input: Input<'a>,
    pub(super) rows: Rows,
    /// Entities whose sets or tags were read without a look at their own rows.
    pub(super) owners: BTreeSet<Row>,
    of_world: HashMap<TypeId, Vec<TableRows>>,
    predicates: HashMap<Id, Predicate>,
}

impl<'a> Translation<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        Translation {
            input,
            rows: Rows::default(),
            owners: BTreeSet::new(),
            of_world: HashMap::new(),
            predicates: HashMap::new(),
        }
    }

    /// The predicate of a condition. Recursion is bounded by the limits on policy text.
    pub(super) fn predicate(&mut self, id: Id) -> Result<Predicate> {
        if let Some(known) = self.predicates.get(&id) {
            return Ok(known.clone());
        }
        let predicate = self.condition(id)?;
        self.bounded_in_size(id, &predicate)?;
        self.predicates.insert(id, predicate.clone());
        Ok(predicate)
    }

    fn condition(&mut self, id: Id) -> Result<Predicate> {
        let program = self.input.program;
        match program.node(id) {
            Node::And(a, b) => Ok(match self.predicate(*a)? {
                Predicate::Constant(false) => Predicate::Constant(false),
                a => a.and(self.predicate(*b)?),
            }),
            Node::Or(a, b) => Ok(match self.predicate(*a)? {
                Predicate::Constant(true) => Predicate::Constant(true),
                a => a.or(self.predicate(*b)?),
            }),
            Node::Not(a) => Ok(self.predicate(*a)?.not()),
            Node::If(test, then, or) => {
                let test = self.predicate(*test)?;
                let then = test.clone().and(self.predicate(*then)?);
                Ok(then.or(test.not().and(self.predicate(*or)?)))
            }
            Node::HasAttr(of, ty, attr) => self.each(*of, |this, entity| {
                let Term::Scalar(entity, _) = entity else { return Ok(Predicate::Constant(false)) };
                let row = this.entity_row(id, *ty, entity)?;
                let Some(field) = this.input.tables.attribute(*ty, *attr) else {
                    return Ok(Predicate::Constant(false));
                };
                let present = this.presence(field, row, Null::Broken);
                Ok(this.exists(row, present))
            }),
            Node::HasField(of, name) => self.each(*of, |this, record| match record {
                Term::Record(fields) => match fields.get(name) {
                    Some((present, _)) => Ok(this.bind(present.clone())),
                    None => Ok(Predicate::Constant(false)),
                },
                other => this.no_value(id, other),
            }),
            Node::HasTag(of, name) => {
                self.each_pair(*of, *name, |this, of, name| match this.tag_row(id, *of.1, of.0, name)? {
                    Some(row) => Ok(this.exists(row, Predicate::Constant(true))),
                    None => Ok(Predicate::Constant(false)),
                })
            }
            Node::IsEmpty(of) => self.each(*of, |this, set| {
                let filled = this.any_element(id, set, &mut |_, _| Ok(Predicate::Constant(true)))?;
                Ok(filled.not())
            }),
            Node::Binary(op, a, b) => self.binary(id, *op, *a, *b),
            Node::Like(of, pattern) => self.each(*of, |this, text| match text {
                Term::Scalar(Scalar::Constant(Constant::Text(text)), _) => {
                    Ok(Predicate::Constant(pattern.matches(text)))
                }
                Term::Scalar(text, _) => Ok(this.bind(Predicate::Like(text.clone(), pattern.clone()))),
                other => this.no_value(id, other),
            }),
            Node::Is(of, ty) => self.each(*of, |this, entity| match entity {
                Term::Scalar(_, Kind::Id(of)) => Ok(Predicate::Constant(of == ty)),
                Term::Unknown => Ok(Predicate::Constant(false)),
                other => this.no_value(id, other),
            }),
            Node::Call(function, args) => self.call(id, *function, args),
            _ => self.each(id, |this, value| this.holds(id, value)),
        }
    }

    /// Whether a Bool is true.
    fn holds(&mut self, id: Id, value: &Term) -> Result<Predicate> {
        match value {
            Term::Bool(predicate) => Ok(predicate.clone()),
            Term::Scalar(Scalar::Constant(Constant::Bool(value)), _) => Ok(Predicate::Constant(*value)),
            Term::Scalar(value, _) => Ok(self.bind(Predicate::Holds(value.clone()))),
            other => self.no_value(id, other),
        }
    }

    fn binary(&mut self, id: Id, op: Binary, a: Id, b: Id) -> Result<Predicate> {
        match op {
            Binary::Add | Binary::Sub | Binary::Mul => Err(self.refuse(id, "a number is no condition")),
            Binary::In if self.is_principal(a) => self.principal_in(id, b),
            _ => self.each_pair_of_terms(a, b, |this, a, b| match op {
                Binary::Eq => this.equal(id, a, b),
                Binary::Less => this.compared(id, Comparison::Less, a, b),
                Binary::LessEq => this.compared(id, Comparison::LessOrEqual, a, b),
                Binary::In => this.lies_in(id, a, b),
                Binary::Contains => this.contains(id, a, b),
                Binary::ContainsAll => this.contains_all(id, a, b),
                Binary::ContainsAny => this.contains_any(id, a, b),
                Binary::Add | Binary::Sub | Binary::Mul => Ok(Predicate::Constant(false)),
            }),
        }
    }

    /// Whether a node is the principal, who stands there by name once they are known.
    fn is_principal(&self, id: Id) -> bool {
        match self.input.program.node(id) {
            Node::Principal => true,
            Node::Const(Value::Entity(uid)) => uid == self.input.principal,
            _ => false,
        }
    }

    fn call(&mut self, id: Id, function: Function, args: &[Id]) -> Result<Predicate> {
        let test = match function {
            Function::IsIpv4 => AddressTest::IsV4,
            Function::IsIpv6 => AddressTest::IsV6,
            Function::IsLoopback => AddressTest::IsLoopback,
            Function::IsMulticast => AddressTest::IsMulticast,
            Function::IsInRange => AddressTest::IsInRange,
            _ => return self.decimals(id, function, args),
        };
        if !self.input.addresses {
            return Err(self.refuse(id, "this database has no type for addresses and ranges of them"));
        }
        let address = |this: &mut Self, of: &Term, range: Option<&Term>| match (of, range) {
            (Term::Scalar(of, _), None) => Ok(this.bind(Predicate::Address(test, of.clone(), None))),
            (Term::Scalar(of, _), Some(Term::Scalar(range, _))) => {
                Ok(this.bind(Predicate::Address(test, of.clone(), Some(range.clone()))))
            }
            _ => this.no_value(id, of),
        };
        match *args {
            [of] => self.each(of, |this, of| address(this, of, None)),
            [of, range] => {
                self.each_pair_of_terms(of, range, |this, of, range| address(this, of, Some(range)))
            }
            _ => Err(self.refuse(id, "it takes other arguments")),
        }
    }

    fn decimals(&mut self, id: Id, function: Function, args: &[Id]) -> Result<Predicate> {
        let &[a, b] = args else { return Err(self.refuse(id, "it has no value that is a condition")) };
        let (comparison, turned) = match function {
            Function::LessThan => (Comparison::Less, false),
            Function::LessThanOrEqual => (Comparison::LessOrEqual, false),
            Function::GreaterThan => (Comparison::Less, true),
            Function::GreaterThanOrEqual => (Comparison::LessOrEqual, true),
            _ => return Err(self.refuse(id, "it has no value that is a condition")),
        };
        self.each_pair_of_terms(a, b, |this, a, b| {
            let (a, b) = if turned { (b, a) } else { (a, b) };
            this.compared(id, comparison, a, b)
        })
    }

    fn compared(&mut self, id: Id, comparison: Comparison, a: &Term, b: &Term) -> Result<Predicate> {
        match (a, b) {
            (
                Term::Scalar(Scalar::Constant(Constant::Long(a)), _),
                Term::Scalar(Scalar::Constant(Constant::Long(b)), _),
            ) => Ok(Predicate::Constant(if comparison == Comparison::Less { a < b } else { a <= b })),
            (Term::Scalar(a, _), Term::Scalar(b, _)) => {
                Ok(self.bind(Predicate::Compare(comparison, a.clone(), b.clone())))
            }
            (Term::Scalar(..), other) | (other, _) => self.no_value(id, other),
        }
    }

    /// A condition on a value, whichever of its alternatives it is.
    fn each(
        &mut self,
        of: Id,
        mut condition: impl FnMut(&mut Self, &Term) -> Result<Predicate>,
    ) -> Result<Predicate> {
        let mut any = Vec::new();
        for Alternative { when, term } in self.terms(of)? {
            let condition = condition(self, &term)?;
            any.push(when.and(condition));
        }
        Ok(Predicate::any(any))
    }

    fn each_pair_of_terms(
        &mut self,
        a: Id,
        b: Id,
        mut condition: impl FnMut(&mut Self, &Term, &Term) -> Result<Predicate>,
    ) -> Result<Predicate> {
        let with = self.terms(b)?;
        self.each(a, |this, a| {
            let mut any = Vec::new();
            for Alternative { when, term } in &with {
                let condition = condition(this, a, term)?;
                any.push(when.clone().and(condition));
            }
            Ok(Predicate::any(any))
        })
    }

    /// As [`Translation::each_pair_of_terms`], of an entity and a text.
    fn each_pair(
        &mut self,
        of: Id,
        name: Id,
        mut condition: impl FnMut(&mut Self, (&Scalar, &Kind), &Scalar) -> Result<Predicate>,
    ) -> Result<Predicate> {
        self.each_pair_of_terms(of, name, |this, of, name| match (of, name) {
            (Term::Scalar(of, kind), Term::Scalar(name, _)) => condition(this, (of, kind), name),
            _ => Ok(Predicate::Constant(false)),
        })
    }

    /// Whether a row is there of which `predicate` holds; nothing is taken to be certain but what leads to it.
    fn exists(&self, row: Row, predicate: Predicate) -> Predicate {
        if row == RESOURCE {
            return predicate;
        }
        self.bind_key(row, Predicate::Exists(Existence::Open, row, Box::new(predicate)))
    }

    /// The predicate within the rows that its values speak of, each of which its key finds.
    fn bind(&self, predicate: Predicate) -> Predicate {
        let mut rows = BTreeSet::new();
        predicate.rows(&mut |row| {
            rows.insert(row);
        });
        self.bind_rows(rows, predicate)
    }

    /// The predicate within the rows that the key of `row` speaks of.
    fn bind_key(&self, row: Row, predicate: Predicate) -> Predicate {
        let mut rows = BTreeSet::new();
        for (_, value) in self.rows.source(row).iter().flat_map(|source| &source.key) {
            value.rows(&mut |row| {
                rows.insert(row);
            });
        }
        self.bind_rows(rows, predicate)
    }

    fn bind_rows(&self, mut rows: BTreeSet<Row>, mut predicate: Predicate) -> Predicate {
        // A key speaks of smaller numbers only: the largest is the innermost.
        while let Some(row) = rows.pop_last() {
            let Some(source) = self.rows.source(row) else { continue };
            // An element is bound where it is looked for.
            if source.unique {
                predicate = Predicate::Exists(Existence::Certain, row, Box::new(predicate));
                source.key.iter().for_each(|(_, value)| {
                    value.rows(&mut |row| {
                        rows.insert(row);
                    });
                });
            }
        }
        predicate
    }

    fn bounded_in_size(&self, id: Id, predicate: &Predicate) -> Result<()> {
        if predicate.size() <= LARGEST {
            return Ok(());
        }
        Err(self.refuse(id, format!("it comes to more than {LARGEST} conditions")))
    }

    fn refuse(&self, node: Id, why: impl Into<Arc<str>>) -> Refusal {
        Refusal { node, why: why.into() }
    }

    /// For a term of another form than the operation takes: one that has no place in the tables is refused.
    fn no_value<T>(&self, node: Id, term: &Term) -> Result<T> {
        Err(match term {
            Term::Missing(why) => self.refuse(node, why.clone()),
            _ => self.refuse(node, "its operands are of other types than it takes"),
        })
    }
}
