//! Making conditions come out as wanted, by giving values to what they read and nothing else.
//!
//! It goes from a condition down to what it reads, tries one way after the other where there are several, and takes
//! values from the borders: what is compared with, and next to it. It may fail where there is a way, and what it makes
//! may come out otherwise after all: who asks evaluates what was made, and tries again.

use super::pool::addresses;
use super::stage::{Spot, Stage, name_of};
use super::term::{Term, amounts, moved};
use crate::ir::{Binary, Function, Id, Node, Pattern, Program};
use crate::model::{EntityUid, Type, Value};

const DAY: i64 = 86_400_000;
/// Guesses at a condition that cannot be taken apart.
const GUESSES: usize = 8;

/// One of several ways.
pub(super) type Way<'w> = Box<dyn Fn(&mut Stage<'_>) -> bool + 'w>;

impl Stage<'_> {
    /// Makes a condition of `program` come out as wanted; where it cannot, what was done on the way stays.
    pub(super) fn achieve(&mut self, program: &Program, id: Id, want: bool) -> bool {
        let Some(fuel) = self.fuel.checked_sub(1) else { return false };
        self.fuel = fuel;
        match program.node(id) {
            Node::Const(value) => *value == Value::Bool(want),
            Node::Not(a) => self.achieve(program, *a, !want),
            Node::And(a, b) | Node::Or(a, b) => {
                let (a, b) = (*a, *b);
                // Both, or one of the two.
                if matches!(program.node(id), Node::And(..)) == want {
                    return self.achieve(program, a, want) && self.achieve(program, b, want);
                }
                self.either(vec![
                    Box::new(move |stage| stage.achieve(program, a, want)),
                    Box::new(move |stage| stage.achieve(program, b, want)),
                ])
            }
            Node::If(test, then, or) => {
                let (test, then, or) = (*test, *then, *or);
                self.either(vec![
                    Box::new(move |s| s.achieve(program, test, true) && s.achieve(program, then, want)),
                    Box::new(move |s| s.achieve(program, test, false) && s.achieve(program, or, want)),
                ])
            }
            Node::HasAttr(of, ty, attr) => {
                let named =
                    self.schema.entity_type(*ty).and_then(|ty| ty.attributes.get(attr.index())).cloned();
                let (Some(uid), Some((name, attribute))) = (self.entity(program, *of), named) else {
                    return !want;
                };
                let spot = self.attribute(&uid, &name, &attribute);
                self.presence(&spot, want)
            }
            Node::IsGiven(name) => match self.given(name) {
                Some(spot) => self.presence(&spot, want),
                None => !want,
            },
            Node::HasField(of, name) => match self.field(program, *of, name) {
                Some(spot) => self.presence(&spot, want),
                None => !want,
            },
            Node::HasTag(of, name) => match self.tag(program, *of, *name) {
                Some(spot) => self.presence(&spot, want),
                None => !want,
            },
            Node::Binary(op, a, b) => self.binary(program, *op, (*a, *b), want),
            Node::IsEmpty(set) => self.emptiness(program, *set, want),
            Node::Like(a, pattern) => match self.term(program, *a) {
                Term::Known(Value::String(text)) => pattern.matches(&text) == want,
                Term::Open(spot) => self.like(&spot, pattern, want),
                _ => {
                    let mut texts = Pattern::texts(&[pattern]);
                    texts.extend(["", "unknown", "x"].map(str::to_owned));
                    texts.retain(|text| pattern.matches(text) == want);
                    let at = self.random.number(texts.len());
                    texts.get(at).is_some_and(|text| self.assign(program, *a, &Value::string(text.as_str())))
                }
            },
            Node::Is(a, ty) => {
                let is = self.entity(program, *a).and_then(|uid| self.schema.type_id(uid.type_name()));
                is.is_some_and(|is| (is == *ty) == want)
            }
            Node::Call(function, args) => self.call(program, id, *function, args, want),
            Node::Attr(..) | Node::Given(_) | Node::Field(..) | Node::Tag(..) => {
                match self.term(program, id) {
                    Term::Known(value) => value == Value::Bool(want),
                    Term::Open(spot) => self.put(&spot, Value::Bool(want)),
                    Term::Made => false,
                }
            }
            _ => false,
        }
    }

    /// Takes one way, and where that fails another, from where it began.
    pub(super) fn either(&mut self, mut ways: Vec<Way<'_>>) -> bool {
        self.random.shuffle(&mut ways);
        for way in ways {
            let before = self.state.clone();
            if way(self) {
                return true;
            }
            self.state = before;
        }
        false
    }

    fn binary(&mut self, program: &Program, op: Binary, (a, b): (Id, Id), want: bool) -> bool {
        match op {
            Binary::Eq => self.equal(program, a, b, want),
            Binary::Less | Binary::LessEq => self.order(program, (a, b), op == Binary::Less, want),
            Binary::In => self.lies(program, a, b, want),
            Binary::Contains => self.contains(program, a, b, want),
            Binary::ContainsAll | Binary::ContainsAny => self.overlap(program, op, (a, b), want),
            Binary::Add | Binary::Sub | Binary::Mul => false,
        }
    }

    fn equal(&mut self, program: &Program, a: Id, b: Id, want: bool) -> bool {
        let (x, y) = (self.term(program, a), self.term(program, b));
        let (id, value) = match (x, y) {
            (Term::Known(x), Term::Known(y)) => return (x == y) == want,
            (Term::Open(x), Term::Open(y)) if want && matches!(y.ty, Type::Set(_)) => {
                return self.same_set(&x, &y);
            }
            (Term::Known(x), _) => (b, x),
            (_, Term::Known(y)) => (a, y),
            _ => match self.force(program, b) {
                Some(y) => (a, y),
                None => return false,
            },
        };
        if want { self.assign(program, id, &value) } else { self.assign_other(program, id, &value) }
    }

    /// Makes two sets one and the same, empty or with an element, for good.
    fn same_set(&mut self, one: &Spot, other: &Spot) -> bool {
        let mut all = Vec::new();
        if let (Type::Set(of), true) = (&other.ty, self.random.chance(700)) {
            all.extend(self.member(of, &name_of(&other.place)));
        }
        [one, other].into_iter().all(|spot| {
            let is = self.put(spot, Value::set(all.clone()));
            self.keep(spot);
            is
        })
    }

    /// Gives a term another value than this.
    fn assign_other(&mut self, program: &Program, id: Id, value: &Value) -> bool {
        let (ty, name) = match (self.term(program, id), value) {
            (Term::Known(known), _) => return known != *value,
            // What else is asked of the text is still to come.
            (Term::Open(spot), Value::String(text)) => {
                return self.like(&spot, &Pattern::new(vec![text.to_string()]), false);
            }
            (Term::Open(spot), _) => (Some(spot.ty), name_of(&spot.place)),
            (Term::Made, _) => (None, "".into()),
        };
        let ty = ty.unwrap_or(Type::Long);
        self.other(value, &ty, &name).is_some_and(|other| self.assign(program, id, &other))
    }

    /// Less, or not, mostly by as little as can be.
    fn order(&mut self, program: &Program, (a, b): (Id, Id), strict: bool, want: bool) -> bool {
        let (x, y) = (self.term(program, a), self.term(program, b));
        if let (Term::Known(x), Term::Known(y)) = (&x, &y) {
            return amounts(x, y).is_some_and(|(x, y, _)| (if strict { x < y } else { x <= y }) == want);
        }
        let more = [0, 0, 0, 1, 1_000, DAY].get(self.random.number(6)).copied().unwrap_or(0);
        // How far `a` is above `b`: below where it is to be less, else at it or above.
        let above = match (want, strict) {
            (true, true) => -1 - more,
            (true, false) => -more,
            (false, true) => more,
            (false, false) => 1 + more,
        };
        // What is given a value is to be below the other where `a` is sought and is to be less, or `b` and is not.
        let (id, from, above, is_below) = match x {
            Term::Known(x) => (b, x, -above, !want),
            _ => match self.force(program, b) {
                Some(y) => (a, y, above, want),
                None => return false,
            },
        };
        let next = moved(&from, above);
        // Now and then another value that policies compare with, so that several borders can be on one side.
        let fits = |value: &Value| {
            let sides = amounts(value, &from);
            sides.is_some_and(|(value, from, _)| if is_below { value < from } else { value > from })
        };
        let known = match self.term(program, id) {
            Term::Open(spot) if self.random.chance(500) => self.pool.of(&name_of(&spot.place), &spot.ty),
            Term::Open(_) if self.random.chance(400) => self.pool.times_about(&from),
            _ => Vec::new(),
        };
        let known: Vec<Value> = known.into_iter().filter(fits).collect();
        let other = known.get(self.random.number(known.len())).cloned();
        other.or(next).is_some_and(|value| self.assign(program, id, &value))
    }

    fn lies(&mut self, program: &Program, a: Id, b: Id, want: bool) -> bool {
        let Some(uid) = self.entity(program, a) else { return false };
        if let Some(set) = self.set(program, b) {
            let Some(Value::Set(all)) = self.get(&set.place) else {
                if !want {
                    return true;
                }
                let Type::Set(of) = &set.ty else { return false };
                let one = self.choose(&of.clone(), "");
                return one.is_some_and(|one| {
                    self.element(&set, &one, true) && self.lies_in_value(&uid, &one, true)
                });
            };
            return self.lies_in_some(&uid, all.into_iter().collect(), want);
        }
        match self.force(program, b) {
            Some(Value::Set(all)) => self.lies_in_some(&uid, all.into_iter().collect(), want),
            Some(value) => self.lies_in_value(&uid, &value, want),
            None => false,
        }
    }

    fn lies_in_some(&mut self, uid: &EntityUid, all: Vec<Value>, want: bool) -> bool {
        if !want {
            return all.iter().all(|one| self.lies_in_value(uid, one, false));
        }
        let uid = uid.clone();
        self.either(
            all.into_iter()
                .map(|one| {
                    let uid = uid.clone();
                    Box::new(move |stage: &mut Stage<'_>| stage.lies_in_value(&uid, &one, true)) as Way<'_>
                })
                .collect(),
        )
    }

    fn lies_in_value(&mut self, uid: &EntityUid, above: &Value, want: bool) -> bool {
        let Value::Entity(above) = above else { return false };
        match (self.lies_in(uid, above), want) {
            (is, false) => !is,
            (true, true) => true,
            (false, true) => self.lie_in(uid, above),
        }
    }

    fn contains(&mut self, program: &Program, set: Id, element: Id, want: bool) -> bool {
        if let Some(spot) = self.set(program, set) {
            let held = match self.get(&spot.place) {
                Some(Value::Set(all)) => all,
                _ => Default::default(),
            };
            let value = match self.term(program, element) {
                Term::Known(value) => value,
                Term::Open(of) if want => {
                    let held: Vec<Value> = held.into_iter().collect();
                    let known = held.get(self.random.number(held.len())).cloned();
                    let Some(value) = known.or_else(|| self.choose(&of.ty, &name_of(&of.place))) else {
                        return false;
                    };
                    if !self.put(&of, value.clone()) {
                        return false;
                    }
                    value
                }
                _ => match self.force(program, element) {
                    Some(value) => value,
                    None => return false,
                },
            };
            return self.element(&spot, &value, want);
        }
        if let Node::Set(all) = program.node(set) {
            if !want {
                return all.iter().all(|one| self.equal(program, *one, element, false));
            }
            let ways = all.iter().map(|&one| {
                Box::new(move |stage: &mut Stage<'_>| stage.equal(program, one, element, true)) as Way<'_>
            });
            return self.either(ways.collect());
        }
        let Some(Value::Set(all)) = self.force(program, set) else { return false };
        match (self.term(program, element), want) {
            (Term::Known(value), want) => all.contains(&value) == want,
            (_, true) => {
                let all: Vec<Value> = all.into_iter().collect();
                let at = self.random.number(all.len());
                all.get(at).is_some_and(|value| self.assign(program, element, value))
            }
            (Term::Open(spot), false) => {
                let name = name_of(&spot.place);
                let other =
                    (0..8).find_map(|_| self.choose(&spot.ty, &name).filter(|value| !all.contains(value)));
                let other = other.or_else(|| {
                    matches!(spot.ty, Type::String)
                        .then(|| Value::string("unknown"))
                        .filter(|v| !all.contains(v))
                });
                other.is_some_and(|value| self.put(&spot, value))
            }
            (Term::Made, false) => self.force(program, element).is_some_and(|value| !all.contains(&value)),
        }
    }

    fn overlap(&mut self, program: &Program, op: Binary, (a, b): (Id, Id), want: bool) -> bool {
        let values = |stage: &mut Self, id: Id| match stage.set(program, id) {
            Some(spot) => match stage.get(&spot.place) {
                Some(Value::Set(all)) => all.into_iter().collect(),
                _ => Vec::new(),
            },
            None => match stage.force(program, id) {
                Some(Value::Set(all)) => all.into_iter().collect::<Vec<_>>(),
                _ => Vec::new(),
            },
        };
        let mut elements = values(self, b);
        let open = self.set(program, b);
        let lacks = match op {
            Binary::ContainsAll => !want,
            _ => want,
        };
        // Something that tells: a new element where the right side takes one. All of nothing tells less than all of
        // something.
        let lacks = lacks || (op == Binary::ContainsAll && self.random.chance(500));
        if let (Some(spot), true) = (&open, elements.is_empty() && lacks)
            && let Type::Set(of) = &spot.ty.clone()
        {
            let left = values(self, a);
            let shared =
                left.get(self.random.number(left.len())).cloned().filter(|_| op == Binary::ContainsAny);
            let Some(one) = shared.or_else(|| self.member(of, &name_of(&spot.place))) else {
                return false;
            };
            if !self.element(spot, &one, true) {
                return false;
            }
            elements.push(one);
        }
        let each = match (op, want) {
            (Binary::ContainsAll, true) | (Binary::ContainsAny, false) => {
                return elements.iter().all(|one| self.holds(program, a, one, want));
            }
            (_, want) => want,
        };
        let ways = elements
            .into_iter()
            .map(|one| Box::new(move |stage: &mut Stage<'_>| stage.holds(program, a, &one, each)) as Way<'_>);
        self.either(ways.collect())
    }

    /// Makes a set hold a value, or not.
    fn holds(&mut self, program: &Program, set: Id, value: &Value, want: bool) -> bool {
        match self.set(program, set) {
            Some(spot) => self.element(&spot, value, want),
            None => matches!(self.force(program, set), Some(Value::Set(all)) if all.contains(value) == want),
        }
    }

    fn emptiness(&mut self, program: &Program, set: Id, want: bool) -> bool {
        let Some(spot) = self.set(program, set) else {
            return matches!(self.force(program, set), Some(Value::Set(all)) if all.is_empty() == want);
        };
        match (want, self.get(&spot.place)) {
            (true, _) => self.close(&spot),
            (false, Some(Value::Set(all))) if !all.is_empty() => true,
            (false, _) => {
                let Type::Set(of) = &spot.ty.clone() else { return false };
                let one = self.member(of, &name_of(&spot.place));
                one.is_some_and(|one| self.element(&spot, &one, true))
            }
        }
    }

    fn call(&mut self, program: &Program, id: Id, function: Function, args: &[Id], want: bool) -> bool {
        match (function, args) {
            (Function::LessThan, &[a, b]) => self.order(program, (a, b), true, want),
            (Function::LessThanOrEqual, &[a, b]) => self.order(program, (a, b), false, want),
            (Function::GreaterThan, &[a, b]) => self.order(program, (b, a), true, want),
            (Function::GreaterThanOrEqual, &[a, b]) => self.order(program, (b, a), false, want),
            _ => self.guess(program, id, args, want),
        }
    }

    /// Gives what a condition reads one value after the other, until it comes out as wanted.
    fn guess(&mut self, program: &Program, id: Id, args: &[Id], want: bool) -> bool {
        for _ in 0..GUESSES {
            let before = self.state.clone();
            for arg in args {
                if let Term::Open(spot) = self.term(program, *arg) {
                    let mut values = if matches!(spot.ty, Type::Ip) { addresses() } else { Vec::new() };
                    values.extend(self.choose(&spot.ty, &name_of(&spot.place)));
                    let at = self.random.number(values.len());
                    if let Some(value) = values.get(at) {
                        self.put(&spot, value.clone());
                    }
                }
            }
            if self.force(program, id) == Some(Value::Bool(want)) {
                return true;
            }
            self.state = before;
        }
        false
    }
}
