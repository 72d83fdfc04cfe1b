//! Evaluating a program for one principal, resource and context.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::{Binary, Fact, Failure, Id, Node, Program, Supposed};
use crate::model::{AttrId, Effect, EntityUid, Ip, Schema, Type, TypeId, Value};
use crate::world::{Cell, Place, Row, World};

/// A value while it is worked on: as the data holds it, where that is possible.
#[derive(Clone, Debug)]
pub(crate) enum Val<'a> {
    Bool(bool),
    Long(i64),
    String(&'a str),
    Entity(Place),
    /// An entity that is not in the data; it equals itself and lies in nothing else.
    Absent(&'a EntityUid),
    /// A set of entities of one type: rows, ascending.
    Rows(TypeId, &'a [u32]),
    Datetime(i64),
    Duration(i64),
    Decimal(i64),
    Ip(Ip),
    /// A set or a record that the data, the context or the policy holds.
    Held(&'a Value),
    /// A set or a record, or a string in one, that the policy made.
    Made(Rc<Value>),
}

/// What is known of a node without the resource.
pub(super) enum KnownValue {
    Value(Value),
    /// A large set of entities, best left where the data holds it.
    Rows,
}

/// What a node is known to be, to look it up by.
pub(crate) enum Elements {
    One(Value),
    Set(BTreeSet<Value>),
    /// A set of entities of a type.
    Rows(TypeId, Vec<u32>),
}

/// Elements up to which a set of entities is made a constant.
const SMALL: usize = 8;

pub(super) type Result<'a> = std::result::Result<Val<'a>, Failure>;

/// The evaluation of one program for one request. What was computed is kept until it is dropped.
pub(crate) struct Evaluation<'a> {
    pub(super) program: &'a Program,
    schema: &'a Schema,
    /// `None` while constants are folded.
    pub(super) world: Option<&'a World>,
    principal: Option<Place>,
    resource: Option<Place>,
    pub(super) context: &'a BTreeMap<Arc<str>, Value>,
    /// What is taken to be otherwise than the data has it.
    pub(super) supposed: Option<&'a Supposed>,
    known: Vec<Known<'a>>,
    /// Counts the resources that were looked at.
    round: u32,
    /// What was read so far, where that is asked for.
    read: Option<RefCell<Read>>,
}

/// The entities that were read, and the types of those that were looked for and are not there.
type Read = (BTreeSet<Place>, BTreeSet<TypeId>);

/// A result, and the round that it holds in; [`ALWAYS`] where it does not depend on the resource.
#[derive(Clone)]
struct Known<'a> {
    round: u32,
    result: Result<'a>,
}

const ALWAYS: u32 = u32::MAX;
const NEVER: Known<'static> = Known { round: 0, result: Err(Failure::Unreachable) };

static NO_CONTEXT: BTreeMap<Arc<str>, Value> = BTreeMap::new();

impl<'a> Evaluation<'a> {
    pub(crate) fn new(
        program: &'a Program,
        world: &'a World,
        principal: Place,
        resource: Option<Place>,
        context: &'a BTreeMap<Arc<str>, Value>,
    ) -> Self {
        Evaluation {
            program,
            schema: world.schema(),
            world: Some(world),
            principal: Some(principal),
            resource,
            context,
            supposed: None,
            known: vec![NEVER; program.slot_count],
            round: 1,
            read: None,
        }
    }

    /// Notes from now on what is read.
    pub(super) fn recording(mut self) -> Self {
        self.read = Some(RefCell::default());
        self
    }

    /// What was read.
    pub(super) fn into_read(self) -> Read {
        self.read.map(RefCell::into_inner).unwrap_or_default()
    }

    fn note_read(&self, place: Place) {
        if let Some(read) = &self.read {
            read.borrow_mut().0.insert(place);
        }
    }

    /// The place of an entity that is named; one that is not there now may come.
    fn look_up(&self, uid: &EntityUid) -> Option<Place> {
        let place = self.world.and_then(|world| world.place(uid));
        if let (None, Some(read), Some(ty)) = (place, &self.read, self.schema.type_id(uid.type_name())) {
            read.borrow_mut().1.insert(ty);
        }
        place
    }

    /// Goes on to another resource; what does not depend on the resource stays known.
    pub(crate) fn turn_to(&mut self, resource: Place) {
        self.resource = Some(resource);
        self.round += 1;
        if self.round == ALWAYS {
            self.known.fill(NEVER);
            self.round = 1;
        }
    }

    /// The value of a node all of whose operands are constants; `None` where it has none.
    pub(super) fn of_constants(program: &Program, schema: &Schema, node: &Node) -> Option<Value> {
        let mut evaluation = Evaluation {
            program,
            schema,
            world: None,
            principal: None,
            resource: None,
            context: &NO_CONTEXT,
            supposed: None,
            known: vec![NEVER; program.slot_count],
            round: 1,
            read: None,
        };
        let value = evaluation.compute(node).ok()?;
        Some(evaluation.value(&value))
    }

    /// Whether a condition holds.
    pub(crate) fn holds(&mut self, id: Id) -> std::result::Result<bool, Failure> {
        match self.eval(id)? {
            Val::Bool(value) => Ok(value),
            _ => Err(Failure::Unreachable),
        }
    }

    /// Whether the policies allow the resource, failing closed.
    pub(crate) fn allows(&mut self) -> bool {
        let program = self.program;
        let mut permitted = false;
        for entry in &program.entries {
            // A permit adds nothing to another, unless evaluating it could fail.
            if permitted && mutant!(StopAtPermit) {
                break;
            }
            if permitted && entry.effect == Effect::Permit && !program.can_fail() {
                continue;
            }
            match (self.holds(entry.root), entry.effect) {
                (Ok(false), _) => {}
                (Ok(true), Effect::Permit) => permitted = true,
                (Ok(true), Effect::Forbid) | (Err(_), _) => return false,
            }
        }
        permitted
    }

    /// The value of a node that does not depend on the resource, where it has one; and whether it is a set
    /// of entities without elements.
    pub(super) fn known_value(&mut self, id: Id) -> Option<KnownValue> {
        Some(match self.eval(id).ok()? {
            Val::Rows(_, rows) if rows.len() > SMALL => KnownValue::Rows,
            val => KnownValue::Value(self.value(&val)),
        })
    }

    /// What a node is, or what the set that it is holds, where it does not depend on the resource.
    pub(crate) fn known_elements(&mut self, id: Id) -> Option<Elements> {
        Some(match self.eval(id).ok()? {
            Val::Rows(ty, rows) => Elements::Rows(ty, rows.to_vec()),
            val => match self.value(&val) {
                Value::Set(all) => Elements::Set(all),
                value => Elements::One(value),
            },
        })
    }

    /// Recursion is bounded by the limits on policy text.
    pub(super) fn eval(&mut self, id: Id) -> Result<'a> {
        let program = self.program;
        let Some(slot) = program.slot(id) else { return self.compute(program.node(id)) };
        if let Some(known) = self.known.get(slot)
            && (known.round == self.round || known.round == ALWAYS)
        {
            return known.result.clone();
        }
        let result = self.compute(program.node(id));
        let round =
            if program.depends_on_resource(id) && !mutant!(KeepAcrossRecords) { self.round } else { ALWAYS };
        if let Some(slot) = self.known.get_mut(slot) {
            let kept =
                if mutant!(KeepFailures) && result.is_err() { Ok(Val::Bool(false)) } else { result.clone() };
            *slot = Known { round, result: kept };
        }
        result
    }

    fn compute<'n>(&mut self, node: &'n Node) -> Result<'a>
    where
        'n: 'a,
    {
        match node {
            Node::Const(value) => Ok(self.held(value)),
            Node::Principal => self.principal.map(Val::Entity).ok_or(Failure::Unreachable),
            Node::Resource => self.resource.map(Val::Entity).ok_or(Failure::Unreachable),
            Node::Context => Ok(Val::Made(Rc::new(Value::Record(self.context.clone())))),
            Node::Given(name) => match self.context.get(name) {
                Some(value) => Ok(self.held(value)),
                None => Err(Failure::NoAttribute),
            },
            Node::IsGiven(name) => Ok(Val::Bool(self.context.contains_key(name))),
            Node::Attr(of, ty, attr) => self.attribute(*of, *ty, *attr),
            Node::HasAttr(..) if mutant!(HasIsAlways) => Ok(Val::Bool(true)),
            Node::HasAttr(of, ty, attr) => match self.attribute(*of, *ty, *attr) {
                Ok(_) => Ok(Val::Bool(true)),
                Err(_) => self.eval(*of).map(|_| Val::Bool(false)),
            },
            Node::Field(of, name) => {
                let of = self.eval(*of)?;
                self.field(&of, name)?.ok_or(Failure::NoAttribute)
            }
            Node::HasField(of, name) => {
                let of = self.eval(*of)?;
                Ok(Val::Bool(self.field(&of, name)?.is_some()))
            }
            Node::Tag(of, name) => self.tag(*of, *name)?.ok_or(Failure::NoTag),
            Node::HasTag(of, _) if mutant!(HasTagSwallows) && self.eval(*of).is_err() => Ok(Val::Bool(false)),
            Node::HasTag(of, name) => match (self.eval(*of)?, self.eval(*name)?) {
                (Val::Absent(_) | Val::Made(_), _) => Ok(Val::Bool(false)),
                _ => self.tag(*of, *name).map(|tag| Val::Bool(tag.is_some())),
            },
            Node::And(a, b) if mutant!(AndEvaluatesBoth) => Ok(Val::Bool(self.holds(*a)? & self.holds(*b)?)),
            Node::Or(a, b) if mutant!(OrEvaluatesBoth) => Ok(Val::Bool(self.holds(*a)? | self.holds(*b)?)),
            Node::And(a, b) => Ok(Val::Bool(self.holds(*a)? && self.holds(*b)?)),
            Node::Or(a, b) => Ok(Val::Bool(self.holds(*a)? || self.holds(*b)?)),
            Node::If(test, then, or) => {
                if mutant!(IfEvaluatesBoth) {
                    self.eval(*then)?;
                    self.eval(*or)?;
                }
                if self.holds(*test)? { self.eval(*then) } else { self.eval(*or) }
            }
            Node::Not(a) => Ok(Val::Bool(!self.holds(*a)?)),
            Node::Neg(a) if mutant!(NegateWraps) => Ok(Val::Long(self.long(*a)?.wrapping_neg())),
            Node::Neg(a) => self.long(*a)?.checked_neg().map(Val::Long).ok_or(Failure::Overflow),
            Node::IsEmpty(a) => {
                let set = self.eval(*a)?;
                Ok(Val::Bool(self.set_len(&set)? == 0))
            }
            Node::Binary(op, a, b) => {
                let (a, b) = (self.eval(*a)?, self.eval(*b)?);
                self.binary(*op, &a, &b)
            }
            Node::Like(a, pattern) => {
                let value = self.eval(*a)?;
                Ok(Val::Bool(pattern.matches(text(&value)?)))
            }
            Node::Is(a, ty) => match self.eval(*a)? {
                Val::Entity((of, _)) => Ok(Val::Bool(of == *ty || mutant!(IsTakesAny))),
                Val::Absent(uid) => Ok(Val::Bool(self.schema.type_id(uid.type_name()) == Some(*ty))),
                Val::Made(made) => match &*made {
                    Value::Entity(uid) => Ok(Val::Bool(self.schema.type_id(uid.type_name()) == Some(*ty))),
                    _ => Err(Failure::Unreachable),
                },
                _ => Err(Failure::Unreachable),
            },
            Node::Set(all) => {
                let mut set = BTreeSet::new();
                for id in all {
                    let value = self.eval(*id)?;
                    set.insert(self.value(&value));
                }
                Ok(Val::Made(Rc::new(Value::Set(set))))
            }
            Node::Record(fields) => {
                let mut record = BTreeMap::new();
                for (name, id) in fields {
                    let value = self.eval(*id)?;
                    record.insert(name.clone(), self.value(&value));
                }
                Ok(Val::Made(Rc::new(Value::Record(record))))
            }
            Node::Call(function, args) => {
                let args =
                    args.iter().map(|id| self.eval(*id)).collect::<std::result::Result<Vec<_>, _>>()?;
                self.call(*function, &args)
            }
            Node::Unreachable => Err(Failure::Unreachable),
        }
    }

    /// A value of the data, the context or the policy in the form that it is worked on in.
    fn held(&self, value: &'a Value) -> Val<'a> {
        match value {
            Value::Bool(v) => Val::Bool(*v),
            Value::Long(v) => Val::Long(*v),
            Value::String(v) => Val::String(v),
            Value::Entity(uid) => match self.look_up(uid) {
                Some(place) => Val::Entity(place),
                None => Val::Absent(uid),
            },
            Value::Datetime(v) => Val::Datetime(*v),
            Value::Duration(v) => Val::Duration(*v),
            Value::Decimal(v) => Val::Decimal(*v),
            Value::Ip(v) => Val::Ip(*v),
            Value::Set(_) | Value::Record(_) => Val::Held(value),
        }
    }

    /// The value on its own, out of the data.
    pub(super) fn value(&self, val: &Val<'a>) -> Value {
        let uid = |place| self.world.map_or_else(|| EntityUid::new("", ""), |world| world.uid(place));
        match val {
            Val::Bool(v) => Value::Bool(*v),
            Val::Long(v) => Value::Long(*v),
            Val::String(v) => Value::string(*v),
            Val::Entity(place) => Value::Entity(uid(*place)),
            Val::Absent(uid) => Value::Entity((*uid).clone()),
            Val::Rows(ty, rows) => Value::set(rows.iter().map(|row| Value::Entity(uid((*ty, Row(*row)))))),
            Val::Datetime(v) => Value::Datetime(*v),
            Val::Duration(v) => Value::Duration(*v),
            Val::Decimal(v) => Value::Decimal(*v),
            Val::Ip(v) => Value::Ip(*v),
            Val::Held(value) => (*value).clone(),
            Val::Made(value) => (**value).clone(),
        }
    }

    fn attribute(&mut self, of: Id, ty: TypeId, attr: AttrId) -> Result<'a> {
        let place = match self.eval(of)? {
            Val::Entity(place) if place.0 == ty => place,
            Val::Absent(_) => return Err(Failure::NoEntity),
            _ => return Err(Failure::Unreachable),
        };
        let world = self.world.ok_or(Failure::Unreachable)?;
        self.note_read(place);
        if let Some(supposed) = self.supposed.and_then(|all| all.get(&Fact::Attribute(place, attr))) {
            return supposed.as_ref().map(|value| self.held(value)).ok_or(Failure::NoAttribute);
        }
        let (cell, ty) = world.cell(place, attr).ok_or(Failure::NoAttribute)?;
        Ok(match (cell, ty) {
            (Cell::Bool(v), _) => Val::Bool(v),
            (Cell::Long(v), Type::Datetime) => Val::Datetime(v),
            (Cell::Long(v), Type::Duration) => Val::Duration(v),
            (Cell::Long(v), Type::Decimal) => Val::Decimal(v),
            (Cell::Long(v), _) => Val::Long(v),
            (Cell::String(number), _) => Val::String(world.text(number)),
            (Cell::Row(row), Type::Entity(of)) => Val::Entity((*of, Row(row))),
            (Cell::Rows(rows), Type::Set(element)) => match **element {
                Type::Entity(of) => Val::Rows(of, rows),
                _ => return Err(Failure::Unreachable),
            },
            (Cell::Value(value), _) => self.held(value),
            (Cell::Row(_) | Cell::Rows(_), _) => return Err(Failure::Unreachable),
        })
    }

    fn field(&self, of: &Val<'a>, name: &str) -> std::result::Result<Option<Val<'a>>, Failure> {
        match of {
            Val::Held(Value::Record(fields)) => Ok(fields.get(name).map(|value| self.held(value))),
            Val::Made(made) => match &**made {
                Value::Record(fields) => Ok(fields.get(name).map(|value| self.made(value))),
                _ => Err(Failure::Unreachable),
            },
            _ => Err(Failure::Unreachable),
        }
    }

    /// A part of what the policy made, which does not outlive it.
    pub(super) fn made(&self, value: &Value) -> Val<'a> {
        match value {
            Value::Bool(v) => Val::Bool(*v),
            Value::Long(v) => Val::Long(*v),
            Value::Datetime(v) => Val::Datetime(*v),
            Value::Duration(v) => Val::Duration(*v),
            Value::Decimal(v) => Val::Decimal(*v),
            Value::Ip(v) => Val::Ip(*v),
            Value::Entity(uid) => match self.look_up(uid) {
                Some(place) => Val::Entity(place),
                None => Val::Made(Rc::new(value.clone())),
            },
            Value::String(_) | Value::Set(_) | Value::Record(_) => Val::Made(Rc::new(value.clone())),
        }
    }

    fn tag(&mut self, of: Id, name: Id) -> std::result::Result<Option<Val<'a>>, Failure> {
        let (of, name) = (self.eval(of)?, self.eval(name)?);
        let name = text(&name)?;
        match (of, self.world) {
            (Val::Entity(place), Some(world)) => {
                self.note_read(place);
                if let Some(supposed) = self.supposed.and_then(|all| all.get(&Fact::Tag(place, name.into())))
                {
                    return Ok(supposed.as_ref().map(|value| self.held(value)));
                }
                let tag = world.tags(place).and_then(|tags| {
                    if mutant!(TagOfAnyName) { tags.values().next() } else { tags.get(name) }
                });
                Ok(tag.map(|value| self.held(value)))
            }
            (Val::Absent(_), _) => Err(Failure::NoEntity),
            _ => Err(Failure::Unreachable),
        }
    }

    fn long(&mut self, id: Id) -> std::result::Result<i64, Failure> {
        match self.eval(id)? {
            Val::Long(value) => Ok(value),
            _ => Err(Failure::Unreachable),
        }
    }

    fn binary(&self, op: Binary, a: &Val<'a>, b: &Val<'a>) -> Result<'a> {
        let arithmetic = |f: fn(i64, i64) -> Option<i64>| match (a, b) {
            (Val::Long(a), Val::Long(b)) => f(*a, *b).map(Val::Long).ok_or(Failure::Overflow),
            _ => Err(Failure::Unreachable),
        };
        match op {
            Binary::Eq => Ok(Val::Bool(self.equal(a, b))),
            Binary::Less if mutant!(LessIsLessEqual) => Ok(Val::Bool(order(a, b)? != Ordering::Greater)),
            Binary::Add if mutant!(AddWraps) => arithmetic(|a, b| Some(a.wrapping_add(b))),
            Binary::Sub if mutant!(SubtractWraps) => arithmetic(|a, b| Some(a.wrapping_sub(b))),
            Binary::Mul if mutant!(MultiplyWraps) => arithmetic(|a, b| Some(a.wrapping_mul(b))),
            Binary::ContainsAll if mutant!(ContainsAllIsAny) => self.binary(Binary::ContainsAny, a, b),
            Binary::ContainsAll if mutant!(EmptyContainsNothing) && self.set_len(b)? == 0 => {
                Ok(Val::Bool(false))
            }
            Binary::ContainsAny if mutant!(ContainsAnyOfNothing) && self.set_len(b)? == 0 => {
                Ok(Val::Bool(true))
            }
            Binary::Less => Ok(Val::Bool(order(a, b)? == Ordering::Less)),
            Binary::LessEq => Ok(Val::Bool(order(a, b)? != Ordering::Greater)),
            Binary::Add => arithmetic(i64::checked_add),
            Binary::Sub => arithmetic(i64::checked_sub),
            Binary::Mul => arithmetic(i64::checked_mul),
            Binary::In => Ok(Val::Bool(self.lies_in(a, b)?)),
            Binary::Contains => Ok(Val::Bool(self.contains(a, b)?)),
            Binary::ContainsAll => {
                let (a, b) = (self.set(a)?, self.set(b)?);
                Ok(Val::Bool(b.is_subset(&a)))
            }
            Binary::ContainsAny => {
                let (a, b) = (self.set(a)?, self.set(b)?);
                Ok(Val::Bool(!a.is_disjoint(&b)))
            }
        }
    }

    fn equal(&self, a: &Val<'a>, b: &Val<'a>) -> bool {
        match (a, b) {
            (Val::Absent(_), Val::Absent(_)) if mutant!(AbsentEqualsAbsent) => true,
            (Val::Bool(a), Val::Bool(b)) => a == b,
            (Val::Long(a), Val::Long(b))
            | (Val::Datetime(a), Val::Datetime(b))
            | (Val::Duration(a), Val::Duration(b))
            | (Val::Decimal(a), Val::Decimal(b)) => a == b,
            (Val::String(a), Val::String(b)) => a == b,
            (Val::Entity(a), Val::Entity(b)) => a == b,
            (Val::Ip(a), Val::Ip(b)) => a == b,
            (Val::Rows(of, a), Val::Rows(with, b)) if of == with => a == b,
            _ => self.value(a) == self.value(b),
        }
    }

    /// Whether entity `a` is `b`, or lies in it, or in one of its elements.
    fn lies_in(&self, a: &Val<'a>, b: &Val<'a>) -> std::result::Result<bool, Failure> {
        let above: &[Place] = match (a, self.world) {
            (Val::Entity(_), _) if mutant!(InIsEqual) => &[],
            (Val::Entity(place), Some(world)) if mutant!(InParentsAlone) => world.parents(*place),
            (Val::Entity(place), Some(world)) => {
                self.note_read(*place);
                world.ancestors(*place)
            }
            (Val::Absent(_) | Val::Made(_), _) => &[],
            _ => return Err(Failure::Unreachable),
        };
        let is_or_lies_in = |b: &Val<'a>| {
            self.equal(a, b) && !mutant!(InNotItself)
                || matches!(b, Val::Entity(place) if above.binary_search(place).is_ok())
                || mutant!(AbsentLiesInItsType)
                    && matches!((a, b), (Val::Absent(a), Val::Entity((of, _)))
                        if self.schema.type_id(a.type_name()) == Some(*of))
        };
        Ok(match b {
            Val::Rows(ty, rows) => rows.iter().any(|row| is_or_lies_in(&Val::Entity((*ty, Row(*row))))),
            Val::Held(Value::Set(all)) => all.iter().any(|uid| is_or_lies_in(&self.held(uid))),
            Val::Made(made) => match &**made {
                Value::Set(all) => all.iter().any(|uid| is_or_lies_in(&self.made(uid))),
                _ => is_or_lies_in(b),
            },
            _ => is_or_lies_in(b),
        })
    }

    fn contains(&self, set: &Val<'a>, element: &Val<'a>) -> std::result::Result<bool, Failure> {
        /// Up to here a look at every element is cheaper than making a value to search for.
        const FEW: usize = 16;
        match (set, element) {
            (Val::Rows(of, rows), Val::Entity((ty, row))) => {
                Ok(of == ty && rows.binary_search(&row.0).is_ok())
            }
            (Val::Rows(..), Val::Absent(_)) => Ok(false),
            (Val::Held(Value::Set(all)), _) if all.len() <= FEW => {
                Ok(all.iter().any(|one| self.equal(&self.held(one), element)))
            }
            (Val::Held(Value::Set(all)), _) => Ok(all.contains(&self.value(element))),
            _ => Ok(self.set(set)?.contains(&self.value(element))),
        }
    }

    fn set_len(&self, set: &Val<'a>) -> std::result::Result<usize, Failure> {
        match set {
            Val::Rows(_, rows) => Ok(rows.len()),
            Val::Held(Value::Set(all)) => Ok(all.len()),
            _ => Ok(self.set(set)?.len()),
        }
    }

    fn set(&self, val: &Val<'a>) -> std::result::Result<BTreeSet<Value>, Failure> {
        match self.value(val) {
            Value::Set(all) => Ok(all),
            _ => Err(Failure::Unreachable),
        }
    }
}

pub(super) fn text<'v>(val: &'v Val<'_>) -> std::result::Result<&'v str, Failure> {
    match val {
        Val::String(text) => Ok(text),
        Val::Made(made) => match &**made {
            Value::String(text) => Ok(text),
            _ => Err(Failure::Unreachable),
        },
        _ => Err(Failure::Unreachable),
    }
}

/// The order of two values of a type that has one.
fn order(a: &Val<'_>, b: &Val<'_>) -> std::result::Result<Ordering, Failure> {
    match (a, b) {
        (Val::Long(a), Val::Long(b))
        | (Val::Datetime(a), Val::Datetime(b))
        | (Val::Duration(a), Val::Duration(b)) => Ok(a.cmp(b)),
        _ => Err(Failure::Unreachable),
    }
}
