//! Which single changes could make a test come out otherwise.
//!
//! Each suggestion follows from one test: the other operand of a comparison, or the value next to it; an element to
//! add or to take; a flipped Bool; an optional attribute to drop, or to set to what other tests ask of it; the text
//! of a pattern without its wildcards. Where any other value does, one is made up of what the policies and the
//! facts already name. Never who the principal or which the resource is, never what an entity lies in, no entity that
//! only a policy names, and nothing that the [`Gate`] keeps.

use std::collections::{BTreeMap, BTreeSet};

use super::gate::Gate;
use super::judge::Judge;
use super::step::{Rank, Step, What};
use crate::ir::{Binary, Function, Id, Node, Spot};
use crate::model::{Ip, Type, Value};

/// Elements of a set that are looked at.
const ELEMENTS: usize = 8;
/// Sets larger than this are not copied into other attributes.
const COPIED: usize = 64;
/// Values of each kind that are kept to make others up of.
const KEPT: usize = 8;
/// Suggestions for one test and one way to come out.
const MOST: usize = 32;

/// Values that the policies write down and the request's facts hold, by kind, to make others up of.
#[derive(Default)]
pub(super) struct Pool {
    values: BTreeMap<String, BTreeSet<Value>>,
}

impl Pool {
    pub(super) fn new(judge: &mut Judge<'_>) -> Self {
        let mut pool = Pool::default();
        let program = judge.scene.program;
        for id in program.ids() {
            let is_known = matches!(
                program.node(id),
                Node::Const(_) | Node::Attr(..) | Node::Given(_) | Node::Field(..) | Node::Tag(..)
            );
            if !is_known || judge.reads(id).is_hidden {
                continue;
            }
            let Ok(glimpse) = judge.evaluation.glimpse(id, ELEMENTS / 2) else { continue };
            match glimpse.value {
                Value::Set(all) => all.into_iter().for_each(|value| pool.keep(value)),
                value => pool.keep(value),
            }
        }
        pool
    }

    fn keep(&mut self, value: Value) {
        let kind = match &value {
            Value::Entity(uid) => uid.type_name().to_owned(),
            Value::String(_) => " string".to_owned(),
            _ => return,
        };
        let kept = self.values.entry(kind).or_default();
        if kept.len() < KEPT {
            kept.insert(value);
        }
    }

    fn of<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.values.get(kind).into_iter().flatten()
    }
}

/// Collects suggestions.
pub(super) struct Suggest<'s, 'a> {
    pub(super) judge: &'s mut Judge<'a>,
    pub(super) gate: &'s Gate<'a>,
    pub(super) pool: &'s Pool,
    pub(super) found: BTreeSet<Step>,
    /// Elements of sets that were looked at: what it cost.
    pub(super) looked_at: usize,
}

impl Suggest<'_, '_> {
    /// Suggests for every test below a node, those that are not reached too, to come out otherwise.
    ///
    /// Recursion is bounded by the limits on policy text.
    pub(super) fn under(&mut self, id: Id) {
        let program = self.judge.scene.program;
        match program.node(id) {
            Node::And(a, b) | Node::Or(a, b) => {
                self.under(*a);
                self.under(*b);
            }
            Node::If(a, b, c) => [a, b, c].into_iter().for_each(|part| self.under(*part)),
            Node::Not(a) => self.under(*a),
            _ => self.otherwise(id),
        }
    }

    fn otherwise(&mut self, id: Id) {
        if !self.judge.scene.lens.sees_all() && self.judge.reads(id).is_hidden {
            return;
        }
        match self.judge.evaluation.holds(id) {
            Ok(holds) => self.test(id, !holds),
            Err(_) => {
                self.test(id, true);
                self.test(id, false);
            }
        }
    }

    /// Suggests what makes the test come out as wanted.
    fn test(&mut self, id: Id, wanted: bool) {
        let program = self.judge.scene.program;
        match program.node(id) {
            Node::HasAttr(..) | Node::IsGiven(_) | Node::HasField(..) | Node::HasTag(..) => {
                self.presence(id, wanted);
            }
            Node::Binary(op, a, b) => self.binary(*op, *a, *b, wanted),
            Node::IsEmpty(set) if wanted => {
                self.aim(*set, &Value::set([]), Rank::GivenUp);
                self.take_each(*set);
            }
            Node::IsEmpty(set) => self.add_any(*set),
            Node::Like(text, pattern) if wanted => {
                self.aim(*text, &Value::string(pattern.plainest()), Rank::Asked);
            }
            Node::Like(text, _) => self.any_other(*text),
            Node::Call(function, args) => self.call(*function, args, wanted),
            Node::If(..) | Node::And(..) | Node::Or(..) | Node::Not(_) => self.under(id),
            _ => self.aim(id, &Value::Bool(wanted), Rank::Asked),
        }
    }

    fn presence(&mut self, id: Id, wanted: bool) {
        let Some(spot) = self.judge.evaluation.spot(id) else { return };
        if !wanted {
            return self.suggest(spot, What::Drop, Rank::GivenUp);
        }
        let Some(ty) = self.type_of(&spot) else { return };
        for value in self.made_up(&ty, None) {
            self.suggest(spot.clone(), What::Put(value), Rank::MadeUp);
        }
    }

    fn binary(&mut self, op: Binary, a: Id, b: Id, wanted: bool) {
        match (op, wanted) {
            (Binary::Eq, true) => {
                self.aim_at(a, b, 0);
                self.aim_at(b, a, 0);
            }
            (Binary::Eq, false) => {
                self.any_other(a);
                self.any_other(b);
            }
            // a < b: a to just below b, b to just above a. Otherwise: both to the other's value.
            (Binary::Less, true) | (Binary::LessEq, false) => {
                let step = if op == Binary::Less { 1 } else { -1 };
                self.aim_at(a, b, -step);
                self.aim_at(b, a, step);
            }
            (Binary::Less, false) | (Binary::LessEq, true) => {
                self.aim_at(a, b, 0);
                self.aim_at(b, a, 0);
            }
            (Binary::Contains, true) => {
                if let Some(element) = self.value(b) {
                    self.add(a, element, Rank::Asked);
                }
                for element in self.elements(a) {
                    self.aim(b, &element, Rank::Asked);
                }
            }
            (Binary::Contains, false) => {
                if let Some(element) = self.value(b) {
                    self.take(a, element);
                }
                self.any_other(b);
            }
            (Binary::ContainsAll, true) | (Binary::ContainsAny, true) => {
                self.elements(b).into_iter().for_each(|element| self.add(a, element, Rank::Asked));
                if op == Binary::ContainsAny {
                    self.elements(a).into_iter().for_each(|element| self.add(b, element, Rank::Asked));
                } else {
                    self.aim_at(a, b, 0);
                    self.take_each(b);
                }
            }
            (Binary::ContainsAll, false) => {
                self.take_each(a);
                self.add_any(b);
            }
            (Binary::ContainsAny, false) => {
                self.take_each(a);
                self.take_each(b);
            }
            (Binary::In, true) => {
                for above in self.elements_or_self(b) {
                    self.aim(a, &above, Rank::Asked);
                }
                if let Some(value) = self.value(a) {
                    self.aim(b, &value, Rank::Asked);
                    self.add(b, value, Rank::Asked);
                }
            }
            (Binary::In, false) => {
                self.any_other(a);
                self.any_other(b);
                self.take_each(b);
            }
            (Binary::Add | Binary::Sub | Binary::Mul, _) => {}
        }
    }

    fn call(&mut self, function: Function, args: &[Id], wanted: bool) {
        let two = match args {
            [a, b] => Some((*a, *b)),
            _ => None,
        };
        let ip = |text: &str| text.parse().ok().map(|address| Value::Ip(Ip { address, prefix: 32 }));
        match (function, two) {
            (Function::LessThan | Function::LessThanOrEqual, Some((a, b))) => {
                let op = if function == Function::LessThan { Binary::Less } else { Binary::LessEq };
                self.binary(op, a, b, wanted);
            }
            // a > b as b < a.
            (Function::GreaterThan | Function::GreaterThanOrEqual, Some((a, b))) => {
                let op = if function == Function::GreaterThan { Binary::Less } else { Binary::LessEq };
                self.binary(op, b, a, wanted);
            }
            (Function::IsInRange, Some((a, b))) if wanted => {
                self.aim_at(a, b, 0);
                self.aim_at(b, a, 0);
            }
            (Function::IsInRange, Some((a, _))) => {
                for value in ["10.0.0.1", "192.0.2.1"].into_iter().filter_map(ip) {
                    self.aim(a, &value, Rank::MadeUp);
                }
            }
            (Function::IsLoopback, None) => self.address(args, if wanted { "127.0.0.1" } else { "10.0.0.1" }),
            (Function::IsMulticast, None) => {
                self.address(args, if wanted { "224.0.0.1" } else { "10.0.0.1" })
            }
            (Function::IsIpv4, None) => self.address(args, if wanted { "10.0.0.1" } else { "::1" }),
            (Function::IsIpv6, None) => self.address(args, if wanted { "::1" } else { "10.0.0.1" }),
            _ => {}
        }
    }

    fn address(&mut self, args: &[Id], text: &str) {
        if let (Some(id), Ok(address)) = (args.first(), text.parse::<std::net::IpAddr>()) {
            let prefix = if address.is_ipv4() { 32 } else { 128 };
            self.aim(*id, &Value::Ip(Ip { address, prefix }), Rank::Asked);
        }
    }

    /// Suggests making `a` what `b` is, or the value so many steps from it.
    fn aim_at(&mut self, a: Id, b: Id, step: i64) {
        if let Some(value) = self.value(b).and_then(|value| shifted(value, step)) {
            self.aim(a, &value, Rank::Asked);
        }
    }

    /// Suggests what makes the node come to a value: where it is kept, or through the arithmetic around that.
    ///
    /// Recursion is bounded by the limits on policy text.
    fn aim(&mut self, id: Id, value: &Value, rank: Rank) {
        if let Some(spot) = self.judge.evaluation.spot(id) {
            return self.suggest(spot, What::Put(value.clone()), rank);
        }
        let program = self.judge.scene.program;
        match (program.node(id), value) {
            (Node::Not(inner), Value::Bool(value)) => self.aim(*inner, &Value::Bool(!value), rank),
            (Node::Neg(inner), Value::Long(value)) => self.aim_number(*inner, value.checked_neg(), rank),
            (Node::Binary(Binary::Add, a, b), Value::Long(value)) => {
                let (left, right) = (self.number(*a), self.number(*b));
                self.aim_number(*a, right.and_then(|right| value.checked_sub(right)), rank);
                self.aim_number(*b, left.and_then(|left| value.checked_sub(left)), rank);
            }
            (Node::Binary(Binary::Sub, a, b), Value::Long(value)) => {
                let (left, right) = (self.number(*a), self.number(*b));
                self.aim_number(*a, right.and_then(|right| value.checked_add(right)), rank);
                self.aim_number(*b, left.and_then(|left| left.checked_sub(*value)), rank);
            }
            (Node::Binary(Binary::Mul, a, b), Value::Long(value)) => {
                for (factor, other) in [(*a, *b), (*b, *a)] {
                    let by = self.number(other);
                    // To either side, where it does not come out even.
                    let quotient = by.and_then(|by| value.checked_div_euclid(by));
                    self.aim_number(factor, quotient, rank);
                    self.aim_number(factor, quotient.and_then(|quotient| quotient.checked_add(1)), rank);
                }
            }
            (Node::Call(function, args), value) => self.aim_call(*function, args, value, rank),
            _ => {}
        }
    }

    fn aim_call(&mut self, function: Function, args: &[Id], value: &Value, rank: Rank) {
        let unit = match function {
            Function::ToMilliseconds => 1,
            Function::ToSeconds => 1_000,
            Function::ToMinutes => 60_000,
            Function::ToHours => 3_600_000,
            Function::ToDays => 86_400_000,
            _ => 0,
        };
        match (function, args, value) {
            (_, [of], Value::Long(value)) if unit > 0 => {
                if let Some(value) = value.checked_mul(unit) {
                    self.aim(*of, &Value::Duration(value), rank);
                }
            }
            (Function::Offset, [from, by], Value::Datetime(value)) => {
                if let Some(Value::Duration(by)) = self.value(*by)
                    && let Some(from_value) = value.checked_sub(by)
                {
                    self.aim(*from, &Value::Datetime(from_value), rank);
                }
                if let Some(Value::Datetime(from)) = self.value(*from)
                    && let Some(by_value) = value.checked_sub(from)
                {
                    self.aim(*by, &Value::Duration(by_value), rank);
                }
            }
            (Function::DurationSince, [to, from], Value::Duration(value)) => {
                if let Some(Value::Datetime(from)) = self.value(*from)
                    && let Some(to_value) = value.checked_add(from)
                {
                    self.aim(*to, &Value::Datetime(to_value), rank);
                }
                if let Some(Value::Datetime(to)) = self.value(*to)
                    && let Some(from_value) = to.checked_sub(*value)
                {
                    self.aim(*from, &Value::Datetime(from_value), rank);
                }
            }
            (Function::ToDate, [of], Value::Datetime(_)) | (Function::ToTime, [of], Value::Duration(_)) => {
                let value = match (function, value) {
                    (Function::ToTime, Value::Duration(ms)) => Value::Datetime(*ms),
                    (_, value) => value.clone(),
                };
                self.aim(*of, &value, rank);
            }
            _ => {}
        }
    }

    fn aim_number(&mut self, id: Id, value: Option<i64>, rank: Rank) {
        if let Some(value) = value {
            self.aim(id, &Value::Long(value), rank);
        }
    }

    fn number(&mut self, id: Id) -> Option<i64> {
        match self.value(id)? {
            Value::Long(value) => Some(value),
            _ => None,
        }
    }

    /// Suggests any other value than the node's own.
    fn any_other(&mut self, id: Id) {
        let present = self.value(id);
        match self.judge.evaluation.spot(id) {
            Some(spot) => {
                let Some(ty) = self.type_of(&spot) else { return };
                for value in self.made_up(&ty, present.as_ref()) {
                    self.suggest(spot.clone(), What::Put(value), Rank::MadeUp);
                }
            }
            None => {
                for step in [1, -1] {
                    if let Some(value) = present.clone().and_then(|value| shifted(value, step)) {
                        self.aim(id, &value, Rank::MadeUp);
                    }
                }
            }
        }
    }

    fn add(&mut self, set: Id, element: Value, rank: Rank) {
        if let Some(spot) = self.judge.evaluation.spot(set) {
            if self.judge.evaluation.fails(set) {
                // There is no set yet: one with this element.
                return self.suggest(spot, What::Put(Value::set([element])), rank);
            }
            self.suggest(spot, What::Add(element), rank);
        }
    }

    fn add_any(&mut self, set: Id) {
        let Some(spot) = self.judge.evaluation.spot(set) else { return };
        if let Some(Type::Set(element)) = self.type_of(&spot) {
            for value in self.made_up(&element, None) {
                self.suggest(spot.clone(), What::Add(value), Rank::MadeUp);
            }
        }
    }

    fn take(&mut self, set: Id, element: Value) {
        if let Some(spot) = self.judge.evaluation.spot(set) {
            self.suggest(spot, What::Take(element), Rank::GivenUp);
        }
    }

    fn take_each(&mut self, set: Id) {
        for element in self.elements(set) {
            self.take(set, element);
        }
        // All at once is one change too.
        self.aim(set, &Value::set([]), Rank::MadeUp);
    }

    fn suggest(&mut self, spot: Spot, what: What, rank: Rank) {
        if !self.gate.is_open(&spot.fact) || self.found.len() >= MOST * 64 {
            return;
        }
        let step = Step::new(self.judge.scene.world, rank, spot, what);
        let mut is_known = true;
        if let What::Put(value) | What::Add(value) | What::Take(value) = &step.what {
            value.for_each_entity(&mut |uid| is_known &= self.judge.scene.lens.knows(uid));
        }
        let is_sound = step.is_sound(self.judge.scene.world, &self.gate.action.context);
        if is_known && is_sound && self.gate.takes(&step) {
            self.found.insert(step);
        }
    }

    fn type_of(&self, spot: &Spot) -> Option<Type> {
        Some(spot.attribute(self.judge.scene.world, &self.gate.action.context)?.ty)
    }

    fn value(&mut self, id: Id) -> Option<Value> {
        self.judge.evaluation.whole(id, COPIED)
    }

    /// The first elements of a set.
    fn elements(&mut self, id: Id) -> Vec<Value> {
        match self.glimpse(id) {
            Some(Value::Set(all)) => all.into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn elements_or_self(&mut self, id: Id) -> Vec<Value> {
        match self.glimpse(id) {
            Some(Value::Set(all)) => all.into_iter().collect(),
            value => value.into_iter().collect(),
        }
    }

    fn glimpse(&mut self, id: Id) -> Option<Value> {
        let glimpse = self.judge.evaluation.glimpse(id, ELEMENTS).ok()?;
        self.looked_at += glimpse.left_out;
        Some(glimpse.value)
    }

    /// A few values of a type, other than `not`.
    fn made_up(&self, ty: &Type, not: Option<&Value>) -> Vec<Value> {
        let near = |make: fn(i64) -> Value, present: Option<i64>| match present {
            Some(present) => {
                [present.checked_add(1), present.checked_sub(1)].into_iter().flatten().map(make).collect()
            }
            None => vec![make(0), make(1)],
        };
        let number = match not {
            Some(Value::Long(n) | Value::Decimal(n) | Value::Datetime(n) | Value::Duration(n)) => Some(*n),
            _ => None,
        };
        let mut all: Vec<Value> = match ty {
            Type::Bool => vec![Value::Bool(true), Value::Bool(false)],
            Type::Long => near(Value::Long, number),
            Type::Decimal => near(Value::Decimal, number),
            Type::Datetime => near(Value::Datetime, number),
            Type::Duration => near(Value::Duration, number),
            Type::String => {
                let other = [Value::string(""), Value::string("other")];
                self.pool.of(" string").cloned().chain(other).collect()
            }
            Type::Ip => {
                let of = |last| Value::Ip(Ip { address: [10, 0, 0, last].into(), prefix: 32 });
                vec![of(1), of(2)]
            }
            Type::Entity(of) => self.entities(*of),
            Type::Set(element) => {
                let one = self.made_up(element, None).into_iter().take(2).map(|value| Value::set([value]));
                one.chain([Value::set([])]).collect()
            }
            Type::Record(fields) => {
                let required = fields.iter().filter(|(_, field)| field.required);
                let made = required.map(|(name, field)| {
                    Some((name.clone(), self.made_up(&field.ty, None).into_iter().next()?))
                });
                made.collect::<Option<_>>().map(Value::Record).into_iter().collect()
            }
        };
        all.retain(|value| Some(value) != not);
        all.truncate(KEPT + 2);
        all
    }

    /// Entities of a type that policies or facts name; and two of the data, where all of it may be seen.
    fn entities(&self, of: crate::model::TypeId) -> Vec<Value> {
        let world = self.judge.scene.world;
        let name = world.schema().entity_type(of).map_or("", |ty| ty.name.as_ref());
        let mut all: Vec<Value> = self.pool.of(name).cloned().collect();
        if self.judge.scene.lens.sees_all() {
            let some = world.rows(of).take(3).map(|row| Value::Entity(world.uid((of, row))));
            for value in some {
                if !all.contains(&value) {
                    all.push(value);
                }
            }
        }
        all
    }
}

/// The value so many steps above; `None` for values without an order.
fn shifted(value: Value, step: i64) -> Option<Value> {
    Some(match value {
        value if step == 0 => value,
        Value::Long(n) => Value::Long(n.checked_add(step)?),
        Value::Decimal(n) => Value::Decimal(n.checked_add(step)?),
        Value::Datetime(n) => Value::Datetime(n.checked_add(step)?),
        Value::Duration(n) => Value::Duration(n.checked_add(step)?),
        _ => return None,
    })
}
