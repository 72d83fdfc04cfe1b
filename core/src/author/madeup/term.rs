//! Terms: what they are known to be, where they read it, and how they are given a value.

use std::sync::Arc;

use super::stage::{Place, Spot, Stage};
use crate::ir::{Binary, Builder, Function, Id, Node, Program};
use crate::model::{EntityUid, Schema, Type, Value};

const DAY: i64 = 86_400_000;

/// What is known of a term.
pub(super) enum Term {
    Known(Value),
    /// Nothing stands there yet.
    Open(Spot),
    /// It is computed of something that is open, or it has no value.
    Made,
}

impl Stage<'_> {
    /// Gives a term a value.
    pub(super) fn assign(&mut self, program: &Program, id: Id, value: &Value) -> bool {
        match self.term(program, id) {
            Term::Known(known) => return known == *value,
            Term::Open(spot) => return self.put(&spot, value.clone()),
            Term::Made => {}
        }
        let number = |value: &Value| match value {
            Value::Long(n) | Value::Datetime(n) | Value::Duration(n) => Some(*n),
            _ => None,
        };
        let Some(target) = number(value) else {
            return match (value, program.node(id)) {
                (Value::Bool(want), _) => self.achieve(program, id, *want),
                (_, Node::If(test, then, or)) => {
                    let (test, then, or) = (*test, *then, *or);
                    self.either(vec![
                        Box::new(move |s| s.achieve(program, test, true) && s.assign(program, then, value)),
                        Box::new(move |s| s.achieve(program, test, false) && s.assign(program, or, value)),
                    ])
                }
                _ => self.force(program, id).as_ref() == Some(value),
            };
        };
        match program.node(id) {
            Node::Neg(a) => target.checked_neg().is_some_and(|n| self.assign(program, *a, &Value::Long(n))),
            Node::Binary(Binary::Add, a, b) => self.solve(program, (*a, *b), &|known, first| {
                let _ = first;
                target.checked_sub(known).map(Value::Long)
            }),
            Node::Binary(Binary::Sub, a, b) => self.solve(program, (*a, *b), &|known, first| {
                // The first from the second, or the second from the first.
                if first { target.checked_add(known) } else { known.checked_sub(target) }.map(Value::Long)
            }),
            Node::Binary(Binary::Mul, a, b) => self.solve(program, (*a, *b), &|known, _| {
                target.checked_div(known).filter(|n| n.checked_mul(known) == Some(target)).map(Value::Long)
            }),
            Node::Call(Function::Offset, args) => match args.as_slice() {
                &[at, by] => self.solve(program, (at, by), &|known, first| {
                    let n = target.checked_sub(known)?;
                    Some(if first { Value::Datetime(n) } else { Value::Duration(n) })
                }),
                _ => false,
            },
            Node::Call(Function::DurationSince, args) => match args.as_slice() {
                &[at, since] => self.solve(program, (at, since), &|known, first| {
                    let n = if first { target.checked_add(known) } else { known.checked_sub(target) };
                    n.map(Value::Datetime)
                }),
                _ => false,
            },
            Node::Call(function, args) => {
                let Some(&arg) = args.first() else { return false };
                let of = match function {
                    Function::ToDate => Some(Value::Datetime(target)),
                    Function::ToTime => Some(Value::Datetime(target.saturating_add(1_767_225_600_000))),
                    Function::ToMilliseconds => Some(Value::Duration(target)),
                    Function::ToSeconds => target.checked_mul(1_000).map(Value::Duration),
                    Function::ToMinutes => target.checked_mul(60_000).map(Value::Duration),
                    Function::ToHours => target.checked_mul(3_600_000).map(Value::Duration),
                    Function::ToDays => target.checked_mul(DAY).map(Value::Duration),
                    _ => None,
                };
                of.is_some_and(|of| self.assign(program, arg, &of))
            }
            Node::If(test, then, or) => {
                let (test, then, or) = (*test, *then, *or);
                self.either(vec![
                    Box::new(move |s| s.achieve(program, test, true) && s.assign(program, then, value)),
                    Box::new(move |s| s.achieve(program, test, false) && s.assign(program, or, value)),
                ])
            }
            _ => false,
        }
    }

    /// Gives one of two operands a value, and the other what follows; `then` is told the value and whether it is the
    /// first that is sought.
    fn solve(
        &mut self,
        program: &Program,
        (a, b): (Id, Id),
        then: &dyn Fn(i64, bool) -> Option<Value>,
    ) -> bool {
        let number = |value: Value| match value {
            Value::Long(n) | Value::Datetime(n) | Value::Duration(n) => Some(n),
            _ => None,
        };
        // What is known stays; of two open ones, mostly the second is given a value.
        let first_is_known = matches!(self.term(program, a), Term::Known(_));
        let (given, sought) = if first_is_known { (a, b) } else { (b, a) };
        let Some(known) = self.force(program, given).and_then(number) else { return false };
        then(known, sought == a).is_some_and(|value| self.assign(program, sought, &value))
    }

    /// The value of a term, given one where it is open.
    pub(super) fn force(&mut self, program: &Program, id: Id) -> Option<Value> {
        match self.term(program, id) {
            Term::Known(value) => return Some(value),
            Term::Open(spot) => {
                let value = self.choose_for(&spot)?;
                return self.put(&spot, value.clone()).then_some(value);
            }
            Term::Made => {}
        }
        let node = program.node(id);
        if let Node::If(test, then, or) = node {
            let test = self.force(program, *test)?;
            return self.force(program, if test == Value::Bool(true) { *then } else { *or });
        }
        let mut operands = Vec::new();
        node.operands(&mut |operand| operands.push(operand));
        if operands.is_empty() {
            return None;
        }
        let values: Option<Vec<(Id, Value)>> =
            operands.into_iter().map(|operand| Some((operand, self.force(program, operand)?))).collect();
        folded(self.schema, node, &values?)
    }

    /// What is known of a term, and nothing done to it, but that references lead somewhere.
    pub(super) fn term(&mut self, program: &Program, id: Id) -> Term {
        let node = program.node(id);
        match node {
            Node::Const(value) => return Term::Known(value.clone()),
            Node::Principal => return Term::Known(self.principal.clone().into()),
            Node::Resource => return Term::Known(self.resource.clone().into()),
            _ => {}
        }
        if let Some(spot) = self.spot(program, id) {
            return match self.get(&spot.place) {
                Some(value) => Term::Known(value),
                None if self.is_absent(&spot.place) => Term::Made,
                None => Term::Open(spot),
            };
        }
        if matches!(node, Node::And(..) | Node::Or(..) | Node::If(..) | Node::Binary(Binary::In, ..)) {
            return Term::Made;
        }
        let (mut operands, mut values) = (Vec::new(), Vec::new());
        node.operands(&mut |operand| operands.push(operand));
        for operand in operands {
            match self.term(program, operand) {
                Term::Known(value) => values.push((operand, value)),
                _ => return Term::Made,
            }
        }
        match values.is_empty() {
            true => Term::Made,
            false => folded(self.schema, node, &values).map_or(Term::Made, Term::Known),
        }
    }

    /// The place that a term reads, where it reads one.
    fn spot(&mut self, program: &Program, id: Id) -> Option<Spot> {
        match program.node(id) {
            Node::Given(name) => self.given(name),
            Node::Attr(of, ty, attr) => {
                let (name, attribute) = self.schema.entity_type(*ty)?.attributes.get(attr.index())?.clone();
                let uid = self.entity(program, *of)?;
                Some(self.attribute(&uid, &name, &attribute))
            }
            Node::Field(of, name) => self.field(program, *of, name),
            Node::Tag(of, name) => self.tag(program, *of, *name),
            _ => None,
        }
    }

    /// The place of a set that can still take elements.
    pub(super) fn set(&mut self, program: &Program, id: Id) -> Option<Spot> {
        self.spot(program, id).filter(|spot| matches!(spot.ty, Type::Set(_)))
    }

    pub(super) fn given(&self, name: &Arc<str>) -> Option<Spot> {
        let field = self.action.context.get(name)?;
        Some(Spot { place: Place::Given(name.clone()), ty: field.ty.clone(), required: field.required })
    }

    pub(super) fn field(&mut self, program: &Program, of: Id, name: &Arc<str>) -> Option<Spot> {
        let of = self.spot(program, of)?;
        let Type::Record(fields) = &of.ty else { return None };
        let field = fields.get(name)?;
        let place = Place::Field(Box::new(of.place), name.clone());
        Some(Spot { place, ty: field.ty.clone(), required: field.required })
    }

    pub(super) fn tag(&mut self, program: &Program, of: Id, name: Id) -> Option<Spot> {
        let uid = self.entity(program, of)?;
        let ty = self.schema.entity_type(self.schema.type_id(uid.type_name())?)?.tags.clone()?;
        let Some(Value::String(name)) = self.force(program, name) else { return None };
        Some(Spot { place: Place::Tag(uid, name), ty, required: false })
    }

    /// The entity that a term is: one that is open leads to another from now on.
    pub(super) fn entity(&mut self, program: &Program, id: Id) -> Option<EntityUid> {
        if let Node::If(test, then, or) = program.node(id) {
            let test = self.force(program, *test)?;
            return self.entity(program, if test == Value::Bool(true) { *then } else { *or });
        }
        match self.term(program, id) {
            Term::Known(Value::Entity(uid)) => {
                self.there(&uid);
                Some(uid)
            }
            Term::Open(spot) => {
                let Type::Entity(of) = spot.ty else { return None };
                let uid = self.some(of)?;
                self.put(&spot, Value::Entity(uid.clone())).then_some(uid)
            }
            _ => None,
        }
    }
}

/// The value of an operation on known values.
fn folded(schema: &Schema, node: &Node, values: &[(Id, Value)]) -> Option<Value> {
    let mut builder = Builder::new(schema);
    let ids: Vec<(Id, Id)> =
        values.iter().map(|(id, value)| (*id, builder.add(Node::Const(value.clone())))).collect();
    let to = |id: Id| ids.iter().find(|(from, _)| *from == id).map_or(id, |(_, to)| *to);
    let result = builder.add(node.with_operands(to));
    builder.constant(result).cloned()
}

/// What makes a value of an ordered type.
type Make = fn(i64) -> Value;

/// Two values of one ordered type as numbers, and the type's constructor.
pub(super) fn amounts(a: &Value, b: &Value) -> Option<(i64, i64, Make)> {
    match (a, b) {
        (Value::Long(a), Value::Long(b)) => Some((*a, *b, Value::Long)),
        (Value::Datetime(a), Value::Datetime(b)) => Some((*a, *b, Value::Datetime)),
        (Value::Duration(a), Value::Duration(b)) => Some((*a, *b, Value::Duration)),
        (Value::Decimal(a), Value::Decimal(b)) => Some((*a, *b, Value::Decimal)),
        _ => None,
    }
}

pub(super) fn moved(value: &Value, by: i64) -> Option<Value> {
    let (n, _, make) = amounts(value, value)?;
    n.checked_add(by).map(make)
}
