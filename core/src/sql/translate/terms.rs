//! Values: what an expression comes to, in columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ALTERNATIVES, Refusal, Result, Translation};
use crate::ir::{Binary, Function, Id, Node};
use crate::model::{Type, TypeId, Value};
use crate::sql::rows::address;
use crate::sql::tables::{Field, Held, Kind};
use crate::sql::tree::{
    Column, Comparison, Constant, From, Null, Operation, Predicate, RESOURCE, Row, Scalar, Source,
};

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Scalar(Scalar, Kind),
    /// A Bool that is computed.
    Bool(Predicate),
    /// Fields, each with a condition that says whether it is there.
    Record(BTreeMap<Arc<str>, (Predicate, Term)>),
    /// A set of what is written down or computed.
    Elements(Vec<Term>),
    /// A set in a table: the row of an element, and the element in it.
    Stored(Row, Box<Term>),
    /// An entity of a type that the schema lacks.
    Unknown,
    /// It has no place in the tables.
    Missing(Arc<str>),
}

/// What an expression comes to where a condition holds.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    pub(super) when: Predicate,
    pub(super) term: Term,
}

const DAY: i64 = 86_400_000;

impl Translation<'_> {
    /// What an expression can come to; nothing, where it has no value. Recursion is bounded by the limits on policy text.
    pub(super) fn terms(&mut self, id: Id) -> Result<Vec<Alternative>> {
        let program = self.input.program;
        match program.node(id) {
            Node::Const(value) => Ok(one(self.constant(value))),
            Node::Principal => {
                let uid = Value::Entity(self.input.principal.clone());
                Ok(one(self.constant(&uid)))
            }
            Node::Resource => Ok(one(self.resource())),
            // What the principal or the context has was put in: this is absent.
            Node::Attr(of, ..) if matches!(program.node(*of), Node::Principal) => Ok(Vec::new()),
            Node::Context | Node::Given(_) | Node::IsGiven(_) | Node::Unreachable => Ok(Vec::new()),
            Node::Attr(of, ty, attr) => self.map(*of, |this, entity| {
                let Term::Scalar(entity, _) = entity else { return Ok(Vec::new()) };
                let row = this.entity_row(id, *ty, entity)?;
                let tables = this.input.tables;
                let Some(field) = tables.attribute(*ty, *attr) else { return Ok(Vec::new()) };
                Ok(one(this.held(&field.held, row, Null::Broken.of_field(field.required), entity)))
            }),
            Node::Field(of, name) => self.map(*of, |this, record| match record {
                Term::Record(fields) => {
                    Ok(fields.get(name).map_or_else(Vec::new, |(_, term)| one(term.clone())))
                }
                other => this.no_value(id, other),
            }),
            Node::Tag(of, name) => self.tag(id, *of, *name),
            Node::If(test, then, or) if !program.is_condition(id) => {
                let test = self.predicate(*test)?;
                let mut all = Vec::new();
                for (test, of) in [(test.clone(), *then), (test.not(), *or)] {
                    for Alternative { when, term } in self.terms(of)? {
                        all.push(Alternative { when: test.clone().and(when), term });
                    }
                }
                self.bounded(id, all)
            }
            Node::Neg(of) => self.map(*of, |_, of| {
                let zero = Scalar::Constant(Constant::Long(0));
                Ok(arithmetic(Operation::Subtract, &Term::Scalar(zero, Kind::Long), of))
            }),
            Node::Binary(op @ (Binary::Add | Binary::Sub | Binary::Mul), a, b) => {
                let operation = match op {
                    Binary::Add => Operation::Add,
                    Binary::Sub => Operation::Subtract,
                    _ => Operation::Multiply,
                };
                self.map_pair(id, *a, *b, |a, b| arithmetic(operation, a, b))
            }
            Node::Set(all) => self.product(id, all, Term::Elements),
            Node::Record(fields) => {
                let ids: Vec<Id> = fields.iter().map(|(_, id)| *id).collect();
                self.product(id, &ids, |terms| {
                    let names = fields.iter().map(|(name, _)| name.clone());
                    let present = terms.into_iter().map(|term| (Predicate::Constant(true), term));
                    Term::Record(names.zip(present).collect())
                })
            }
            Node::Call(function, args) if !matches!(self.input.types.of(id), Some(Type::Bool)) => {
                self.computed(id, *function, args)
            }
            _ => Ok(one(Term::Bool(self.predicate(id)?))),
        }
    }

    fn computed(&mut self, id: Id, function: Function, args: &[Id]) -> Result<Vec<Alternative>> {
        match (function, args) {
            (Function::Offset, &[a, b]) => self.map_pair(id, a, b, |a, b| arithmetic(Operation::Add, a, b)),
            (Function::DurationSince, &[a, b]) => {
                self.map_pair(id, a, b, |a, b| arithmetic(Operation::Subtract, a, b))
            }
            (Function::ToDate, &[of]) => self.map(of, |_, at| {
                let Term::Scalar(scalar, _) = at else { return Ok(Vec::new()) };
                let over = Scalar::Modulo(Box::new(scalar.clone()), DAY);
                Ok(arithmetic(Operation::Subtract, at, &Term::Scalar(over, Kind::Long)))
            }),
            (Function::ToTime, &[of]) => self.map_number(of, |of| Scalar::Modulo(of, DAY)),
            (Function::ToMilliseconds, &[of]) => self.map_number(of, |of| *of),
            (Function::ToSeconds, &[of]) => self.map_number(of, |of| Scalar::Divided(of, 1_000)),
            (Function::ToMinutes, &[of]) => self.map_number(of, |of| Scalar::Divided(of, 60_000)),
            (Function::ToHours, &[of]) => self.map_number(of, |of| Scalar::Divided(of, 3_600_000)),
            (Function::ToDays, &[of]) => self.map_number(of, |of| Scalar::Divided(of, DAY)),
            // A constructor of a text that it does not take has no value. Validation asks for texts that are
            // written down, which others fold.
            (Function::Decimal | Function::Ip | Function::Datetime | Function::Duration, &[of])
                if self.input.program.constant(of).is_some() =>
            {
                Ok(Vec::new())
            }
            _ => Err(self.refuse(id, "it is computed from what only the database knows")),
        }
    }

    fn map_number(&mut self, of: Id, make: impl Fn(Box<Scalar>) -> Scalar) -> Result<Vec<Alternative>> {
        self.map(of, |_, of| match of {
            Term::Scalar(of, _) => Ok(one(Term::Scalar(make(Box::new(of.clone())), Kind::Long))),
            _ => Ok(Vec::new()),
        })
    }

    fn map(
        &mut self,
        of: Id,
        mut make: impl FnMut(&mut Self, &Term) -> Result<Vec<Alternative>>,
    ) -> Result<Vec<Alternative>> {
        let mut all = Vec::new();
        for Alternative { when, term } in self.terms(of)? {
            for made in make(self, &term)? {
                all.push(Alternative { when: when.clone().and(made.when), term: made.term });
            }
        }
        self.bounded(of, all)
    }

    fn map_pair(
        &mut self,
        id: Id,
        a: Id,
        b: Id,
        make: impl Fn(&Term, &Term) -> Vec<Alternative>,
    ) -> Result<Vec<Alternative>> {
        let with = self.terms(b)?;
        let all = self.map(a, |_, a| {
            let pairs = with.iter().flat_map(|b| {
                let made = make(a, &b.term).into_iter();
                made.map(|made| Alternative { when: b.when.clone().and(made.when), term: made.term })
            });
            Ok(pairs.collect())
        })?;
        self.bounded(id, all)
    }

    /// Every combination of the alternatives of several values.
    fn product(&mut self, id: Id, of: &[Id], make: impl Fn(Vec<Term>) -> Term) -> Result<Vec<Alternative>> {
        let mut all = vec![(Predicate::Constant(true), Vec::new())];
        for &one in of {
            let next = self.terms(one)?;
            let mut longer = Vec::new();
            for (when, terms) in &all {
                for more in &next {
                    let mut terms: Vec<Term> = terms.clone();
                    terms.push(more.term.clone());
                    longer.push((when.clone().and(more.when.clone()), terms));
                }
            }
            all = self.bounded(id, longer)?;
        }
        Ok(all.into_iter().map(|(when, terms)| Alternative { when, term: make(terms) }).collect())
    }

    fn bounded<T>(&self, id: Id, all: Vec<T>) -> Result<Vec<T>> {
        if all.len() <= ALTERNATIVES {
            return Ok(all);
        }
        Err(self.refuse(id, format!("it can come to more than {ALTERNATIVES} values")))
    }

    pub(super) fn resource(&self) -> Term {
        let ty = self.input.resource;
        let name = self.input.tables.of(ty).map_or_else(|| "id".into(), |table| table.id.clone());
        let column = Column { row: RESOURCE, name, kind: Kind::Id(ty), null: Null::Never };
        Term::Scalar(Scalar::Column(column), Kind::Id(ty))
    }

    /// A value that is written down.
    pub(super) fn constant(&self, value: &Value) -> Term {
        let long = |n: i64| Term::Scalar(Scalar::Constant(Constant::Long(n)), Kind::Long);
        match value {
            Value::Bool(v) => Term::Scalar(Scalar::Constant(Constant::Bool(*v)), Kind::Bool),
            Value::Long(n) | Value::Decimal(n) | Value::Datetime(n) | Value::Duration(n) => long(*n),
            Value::String(text) => Term::Scalar(Scalar::text(text.clone()), Kind::Text),
            Value::Entity(uid) => match self.input.schema.type_id(uid.type_name()) {
                Some(ty) => Term::Scalar(Scalar::text(uid.id()), Kind::Id(ty)),
                None => Term::Unknown,
            },
            Value::Ip(ip) => Term::Scalar(Scalar::Constant(Constant::Ip(address(ip).into())), Kind::Ip),
            Value::Set(all) => Term::Elements(all.iter().map(|value| self.constant(value)).collect()),
            Value::Record(fields) => Term::Record(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), (Predicate::Constant(true), self.constant(value))))
                    .collect(),
            ),
        }
    }

    /// What a place in the tables holds for the entity `owner`, whose row is `row`; `null` says when it is NULL.
    fn held(&mut self, held: &Held, row: Row, null: Null, owner: &Scalar) -> Term {
        match held {
            Held::Column(column) => {
                let (name, kind) = (column.name.clone(), column.kind);
                let null = self.null_in(row, null);
                Term::Scalar(Scalar::Column(Column { row, name, kind, null }), kind)
            }
            Held::Record(fields) => {
                let fields = fields.iter().map(|(name, field)| {
                    let term = self.held(&field.held, row, null.of_field(field.required), owner);
                    (name.clone(), (self.presence(field, row, null), term))
                });
                Term::Record(fields.collect())
            }
            Held::Set { join, owner: column, element } => {
                if row != RESOURCE {
                    self.owners.insert(row);
                }
                let from = self.from(self.input.resource, row, join);
                let key = vec![(column.clone(), owner.clone())];
                let element_row = self.rows.row(Source { from, key, unique: false, entity: None });
                let element = self.held(element, element_row, Null::Broken, owner);
                Term::Stored(element_row, Box::new(element))
            }
            Held::Missing(why) => Term::Missing(why.clone()),
        }
    }

    /// Where a table beside that of an entity is: in the database, or where the world knows the facts of `row`.
    fn from(&mut self, resource: TypeId, row: Row, join: &crate::sql::tables::Name) -> From {
        let ty = match self.rows.source(row) {
            Some(source) => source.entity,
            None => Some(resource),
        };
        self.table(ty, join)
    }

    /// A table of a type: in the database, or as the world knows it.
    pub(super) fn table(&mut self, ty: Option<TypeId>, name: &crate::sql::tables::Name) -> From {
        let tables = self.input.tables;
        let of_world = ty.filter(|ty| tables.of(*ty).is_some_and(|table| table.from_world));
        let Some(ty) = of_world else { return From::Table(name.clone()) };
        if !self.of_world.contains_key(&ty) {
            let rows = (self.input.of_world)(ty);
            self.of_world.insert(ty, rows);
        }
        let found = self.of_world.get(&ty).and_then(|all| all.iter().find(|table| table.name == *name));
        match found {
            Some(table) => From::World { columns: table.columns.clone(), rows: table.rows.clone() },
            None => From::Table(name.clone()),
        }
    }

    /// The row of an entity.
    pub(super) fn entity_row(&mut self, id: Id, ty: TypeId, entity: &Scalar) -> Result<Row> {
        let tables = self.input.tables;
        let table = tables.of(ty).ok_or_else(|| self.refuse(id, "its entity type has no table"))?;
        if let (Term::Scalar(resource, Kind::Id(of)), true) = (self.resource(), ty == self.input.resource)
            && of == ty
            && resource == *entity
        {
            return Ok(RESOURCE);
        }
        let key = vec![(table.id.clone(), entity.clone())];
        let from = self.table(Some(ty), &table.name);
        Ok(self.rows.row(Source { from, key, unique: true, entity: Some(ty) }))
    }

    /// The row of a tag; `None` for a type without tags.
    pub(super) fn tag_row(&mut self, id: Id, of: Kind, owner: &Scalar, name: &Scalar) -> Result<Option<Row>> {
        let Kind::Id(ty) = of else { return Ok(None) };
        let tables = self.input.tables;
        let Some(tags) = tables.of(ty).and_then(|table| table.tags.as_ref()) else { return Ok(None) };
        if let Held::Missing(why) = &tags.value {
            return Err(Refusal { node: id, why: why.clone() });
        }
        let key = vec![(tags.owner.clone(), owner.clone()), (tags.tag.clone(), name.clone())];
        let from = self.table(Some(ty), &tags.join);
        Ok(Some(self.rows.row(Source { from, key, unique: true, entity: None })))
    }

    fn tag(&mut self, id: Id, of: Id, name: Id) -> Result<Vec<Alternative>> {
        let names = self.terms(name)?;
        self.map(of, |this, of| {
            let Term::Scalar(owner, kind @ Kind::Id(ty)) = of else { return Ok(Vec::new()) };
            let mut all = Vec::new();
            for Alternative { when, term } in &names {
                let Term::Scalar(name, _) = term else { continue };
                let Some(row) = this.tag_row(id, *kind, owner, name)? else { continue };
                let tables = this.input.tables;
                let Some(tags) = tables.of(*ty).and_then(|table| table.tags.as_ref()) else { continue };
                let term = match &tags.value {
                    Held::Set { join, owner: column, element } => {
                        let from = this.table(Some(*ty), join);
                        let key = vec![(column.clone(), owner.clone()), (tags.tag.clone(), name.clone())];
                        let row = this.rows.row(Source { from, key, unique: false, entity: None });
                        Term::Stored(row, Box::new(this.held(element, row, Null::Broken, owner)))
                    }
                    held => this.held(held, row, Null::Broken, owner),
                };
                all.push(Alternative { when: when.clone(), term });
            }
            Ok(all)
        })
    }

    /// Whether two values are the same.
    pub(super) fn equal(&mut self, id: Id, a: &Term, b: &Term) -> Result<Predicate> {
        Ok(match (a, b) {
            (Term::Unknown, _) | (_, Term::Unknown) => Predicate::Constant(false),
            (Term::Scalar(_, Kind::Id(of)), Term::Scalar(_, Kind::Id(with))) if of != with => {
                Predicate::Constant(false)
            }
            (Term::Scalar(Scalar::Constant(a), _), Term::Scalar(Scalar::Constant(b), _)) => {
                Predicate::Constant(a == b)
            }
            (Term::Scalar(Scalar::Constant(Constant::Bool(value)), _), of)
            | (of, Term::Scalar(Scalar::Constant(Constant::Bool(value)), _)) => {
                let holds = self.holds(id, of)?;
                if *value { holds } else { holds.not() }
            }
            (Term::Scalar(a, _), Term::Scalar(b, _)) if a == b => Predicate::Constant(true),
            (Term::Scalar(a, _), Term::Scalar(b, _)) => {
                let (a, b) = if matches!(a, Scalar::Constant(_)) { (b, a) } else { (a, b) };
                self.bind(Predicate::Compare(Comparison::Equal, a.clone(), b.clone()))
            }
            (Term::Bool(_), _) | (_, Term::Bool(_)) => {
                let (a, b) = (self.holds(id, a)?, self.holds(id, b)?);
                a.clone().and(b.clone()).or(a.not().and(b.not()))
            }
            (Term::Record(a), Term::Record(b)) => self.records(id, a, b)?,
            (Term::Elements(_) | Term::Stored(..), Term::Elements(_) | Term::Stored(..)) => {
                self.contains_all(id, a, b)?.and(self.contains_all(id, b, a)?)
            }
            (Term::Missing(_), _) => return self.no_value(id, a),
            (_, b) => return self.no_value(id, b),
        })
    }

    fn records(
        &mut self,
        id: Id,
        a: &BTreeMap<Arc<str>, (Predicate, Term)>,
        b: &BTreeMap<Arc<str>, (Predicate, Term)>,
    ) -> Result<Predicate> {
        let mut all = Vec::new();
        for (name, (here, of_a)) in a {
            let here = self.bind(here.clone());
            all.push(match b.get(name) {
                None => here.not(),
                Some((there, of_b)) => {
                    let there = self.bind(there.clone());
                    let equal = self.equal(id, of_a, of_b)?;
                    let neither = here.clone().not().and(there.clone().not());
                    here.and(there).and(equal).or(neither)
                }
            });
        }
        for (name, (there, _)) in b {
            if !a.contains_key(name) {
                all.push(self.bind(there.clone()).not());
            }
        }
        Ok(Predicate::all(all))
    }

    /// Whether a field is there in a row, of a record that is absent where `of` is NULL.
    pub(super) fn presence(&self, field: &Field, row: Row, of: Null) -> Predicate {
        match (&field.present, &field.held) {
            _ if field.required => Predicate::Constant(true),
            (Some(name), _) => {
                let (name, kind, null) = (name.clone(), Kind::Bool, self.null_in(row, of.of_field(true)));
                Predicate::Holds(Scalar::Column(Column { row, name, kind, null }))
            }
            (None, Held::Column(column)) => {
                let (name, kind) = (column.name.clone(), column.kind);
                Predicate::IsPresent(Scalar::Column(Column { row, name, kind, null: Null::Absent }))
            }
            _ => Predicate::Constant(true),
        }
    }

    /// When a column of a row is NULL: the world keeps its promises.
    pub(super) fn null_in(&self, row: Row, null: Null) -> Null {
        let of_world = self.rows.source(row).is_some_and(|source| matches!(source.from, From::World { .. }));
        if of_world { null.of_world() } else { null }
    }
}

fn one(term: Term) -> Vec<Alternative> {
    vec![Alternative { when: Predicate::Constant(true), term }]
}

fn arithmetic(operation: Operation, a: &Term, b: &Term) -> Vec<Alternative> {
    match (a, b) {
        (Term::Scalar(a, _), Term::Scalar(b, _)) => {
            let scalar = Scalar::Arithmetic(operation, Box::new(a.clone()), Box::new(b.clone()));
            one(Term::Scalar(scalar, Kind::Long))
        }
        _ => Vec::new(),
    }
}
