//! A program as a graph of tests: from one to the next until the decision is known.
//!
//! Every policy's condition is turned into diagrams over atoms, one for "it holds" and one for "it fails"; the
//! decision is a diagram too: some permit holds, no forbid does, and none fails. Laid out, it asks nothing twice
//! and nothing that does not matter.

mod bdd;
mod compiled;
mod reasons;
mod test;

pub(crate) use compiled::Compiled;
pub(crate) use test::Given;

use hashbrown::HashMap;

use crate::ir::{Binary, Function, Id, Node, Program};
use crate::model::{Action, Effect, Schema, Type, TypeId, Value};
use crate::world::layout::{Kind, Slot};
use crate::world::{World, target};
use bdd::{Bdd, Branch, Diagrams, FALSE, TRUE};
use test::{Amount, Facts, Of, Plain, Root, Test, Thing, Way};

/// Atoms beyond which a program is evaluated as it is.
const MANY_ATOMS: usize = 400;
/// A decision, in the place of a next step.
const ALLOW: u32 = u32::MAX;
const DENY: u32 = u32::MAX - 1;

/// One step: small, and alike where it can be, since a jump into the unknown costs more than a load.
#[derive(Debug)]
struct Step {
    test: Ask,
    yes: u32,
    no: u32,
}

/// What a step asks.
#[derive(Debug)]
enum Ask {
    /// What most steps ask.
    Plain(Plain),
    /// [`Test::Holds`], what most others ask.
    Holds(Way, Thing),
    /// Any other test, by its place among those of the graph.
    Other(u32),
}

/// The decision of a program.
#[derive(Debug)]
pub(crate) struct Graph {
    steps: Vec<Step>,
    others: Vec<Test>,
    first: u32,
}

impl Graph {
    /// The graph of a program for a request environment; `None` where it would be too large.
    pub(crate) fn new(
        program: &Program,
        world: &World,
        action: &Action,
        types: (TypeId, TypeId),
    ) -> Option<Self> {
        let Drawn { mut diagrams, tests, entries } = Drawn::new(program, world, action, types)?;
        let (mut permitted, mut denied) = (FALSE, FALSE);
        for &Entry { effect, holds, fails, .. } in &entries {
            match effect {
                Effect::Permit => permitted = diagrams.or(permitted, holds)?,
                Effect::Forbid => denied = diagrams.or(denied, holds)?,
            }
            if !mutant!(GraphForgetsFailures) {
                denied = diagrams.or(denied, fails)?;
            }
        }
        let not_denied = diagrams.not(denied)?;
        let allowed = diagrams.and(permitted, not_denied)?;
        let allowed = Exclusion { tests: &tests, memo: HashMap::new() }.apply(&mut diagrams, allowed)?;
        Some(Self::lay_out(&diagrams, &[allowed], &tests).0)
    }

    /// Lays diagrams out as one graph; the places where they start.
    fn lay_out(diagrams: &Diagrams, roots: &[Bdd], tests: &[Test]) -> (Self, Vec<u32>) {
        let mut places: HashMap<Bdd, u32> = HashMap::from([(TRUE, ALLOW), (FALSE, DENY)]);
        let mut order = Vec::new();
        let mut next: Vec<Bdd> = roots.iter().rev().copied().collect();
        // The way on where a test does not hold lies next to it: most tests do not.
        while let Some(bdd) = next.pop() {
            if let (Some(branch), false) = (diagrams.branch(bdd), places.contains_key(&bdd)) {
                places.insert(bdd, order.len() as u32);
                order.push(branch);
                next.extend([branch.yes, branch.no]);
            }
        }
        let place = |bdd: Bdd| places.get(&bdd).copied().unwrap_or(DENY);
        let mut others: Vec<Test> = Vec::new();
        let mut ask = |test: &Test| match (test.plain(), test) {
            (Some(plain), _) => Ask::Plain(plain),
            (None, Test::Holds(way, thing)) => Ask::Holds(*way, *thing),
            (None, _) => {
                let known = others.iter().position(|known| known == test);
                let at = known.unwrap_or(others.len());
                if at == others.len() {
                    others.push(test.clone());
                }
                Ask::Other(at as u32)
            }
        };
        let steps = order.iter().filter_map(|Branch { atom, no, yes }| {
            Some(Step { test: ask(tests.get(*atom as usize)?), yes: place(*yes), no: place(*no) })
        });
        let steps = steps.collect();
        let starts: Vec<u32> = roots.iter().map(|root| place(*root)).collect();
        (Graph { steps, first: starts.first().copied().unwrap_or(DENY), others }, starts)
    }

    #[inline]
    pub(crate) fn allows(&self, facts: &Facts<'_>) -> bool {
        self.holds_from(self.first, facts)
    }

    /// Whether the diagram that starts there holds.
    #[inline]
    fn holds_from(&self, start: u32, facts: &Facts<'_>) -> bool {
        let mut at = start;
        // Steps follow one another in the order of the atoms, so that none comes twice.
        while let Some(step) = self.steps.get(at as usize) {
            let holds = match &step.test {
                Ask::Plain(plain) => plain.holds(facts),
                Ask::Holds(way, thing) => facts.is_held(way, thing),
                Ask::Other(other) => self.others.get(*other as usize).is_some_and(|test| test.holds(facts)),
            };
            at = if holds { step.yes } else { step.no };
        }
        at == ALLOW
    }

    #[cfg(feature = "testing")]
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }
}

/// A policy's condition as diagrams.
struct Entry {
    /// Its place among the policies.
    policy: usize,
    effect: Effect,
    holds: Bdd,
    fails: Bdd,
}

/// The conditions of a program as diagrams over tests.
struct Drawn {
    diagrams: Diagrams,
    /// By the numbers of the diagrams' atoms.
    tests: Vec<Test>,
    entries: Vec<Entry>,
}

impl Drawn {
    /// `None` where they would be too large.
    fn new(program: &Program, world: &World, action: &Action, types: (TypeId, TypeId)) -> Option<Self> {
        let mut atoms = Atoms { program, world, schema: world.schema(), action, types, all: Vec::new() };
        let mut truths = HashMap::new();
        program.entries.iter().try_for_each(|entry| atoms.collect(entry.root, &mut truths))?;
        let order = atoms.order();
        let mut drawing =
            Drawing { truths: &truths, order: &order, diagrams: Diagrams::default(), known: HashMap::new() };
        let mut entries = Vec::with_capacity(program.entries.len());
        for entry in &program.entries {
            let (holds, fails) = drawing.of(entry.root)?;
            entries.push(Entry { policy: entry.policy, effect: entry.effect, holds, fails });
        }
        let mut tests: Vec<Test> = atoms.all.clone();
        order.iter().zip(&atoms.all).for_each(|(at, test)| {
            tests.get_mut(*at as usize).into_iter().for_each(|slot| *slot = test.clone());
        });
        Some(Drawn { diagrams: drawing.diagrams, tests, entries })
    }
}

/// A condition over atoms, by their numbers; how it comes out, or that it fails.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Truth {
    Known(bool),
    /// Never evaluated, or an error.
    Fails,
    Atom {
        holds: u32,
        fails: Option<u32>,
    },
    And(Id, Id),
    Or(Id, Id),
    Not(Id),
    If(Id, Id, Id),
}

/// The truths of a program's conditions, by node; shared parts stand once.
type Truths = HashMap<Id, Truth>;

/// Turns truths into diagrams.
struct Drawing<'a> {
    truths: &'a Truths,
    /// The place of each atom in the order.
    order: &'a [u32],
    diagrams: Diagrams,
    known: HashMap<Id, (Bdd, Bdd)>,
}

impl Drawing<'_> {
    /// Recursion is bounded by the limits on policy text.
    ///
    /// When the condition holds, and when it fails.
    fn of(&mut self, id: Id) -> Option<(Bdd, Bdd)> {
        if let Some(&pair) = self.known.get(&id) {
            return Some(pair);
        }
        let pair = match *self.truths.get(&id)? {
            Truth::Known(value) => (if value { TRUE } else { FALSE }, FALSE),
            Truth::Fails => (FALSE, TRUE),
            Truth::Atom { holds, fails } => {
                let d = &mut self.diagrams;
                let mut atom = |atom: u32| d.atom(*self.order.get(atom as usize)?);
                let holds = atom(holds)?;
                let fails = fails.map_or(Some(FALSE), &mut atom)?;
                let not_fails = self.diagrams.not(fails)?;
                (self.diagrams.and(holds, not_fails)?, fails)
            }
            Truth::Not(a) => {
                let (a, fails) = self.of(a)?;
                let either = self.diagrams.or(a, fails)?;
                (self.diagrams.not(either)?, fails)
            }
            Truth::And(a, b) => {
                let ((a, a_fails), (b, b_fails)) = (self.of(a)?, self.of(b)?);
                let b_fails = self.diagrams.and(a, b_fails)?;
                (self.diagrams.and(a, b)?, self.diagrams.or(a_fails, b_fails)?)
            }
            Truth::Or(a, b) => {
                let ((a, a_fails), (b, b_fails)) = (self.of(a)?, self.of(b)?);
                let seen = self.diagrams.or(a, a_fails)?;
                let goes_on = self.diagrams.not(seen)?;
                let (b, b_fails) = (self.diagrams.and(goes_on, b)?, self.diagrams.and(goes_on, b_fails)?);
                (self.diagrams.or(a, b)?, self.diagrams.or(a_fails, b_fails)?)
            }
            Truth::If(test, then, or) => {
                let (test, test_fails) = self.of(test)?;
                let (then, or) = (self.of(then)?, self.of(or)?);
                let not_fails = self.diagrams.not(test_fails)?;
                let holds = self.diagrams.choose(test, then.0, or.0)?;
                let fails = self.diagrams.choose(test, then.1, or.1)?;
                (self.diagrams.and(not_fails, holds)?, self.diagrams.choose(test_fails, TRUE, fails)?)
            }
        };
        self.known.insert(id, pair);
        Some(pair)
    }
}

/// Finds the atoms of a program.
struct Atoms<'a> {
    program: &'a Program,
    world: &'a World,
    schema: &'a Schema,
    action: &'a Action,
    /// Of the principal and of the resource.
    types: (TypeId, TypeId),
    all: Vec<Test>,
}

impl Atoms<'_> {
    /// Recursion is bounded by the limits on policy text.
    fn collect(&mut self, id: Id, truths: &mut Truths) -> Option<()> {
        if truths.contains_key(&id) {
            return Some(());
        }
        let truth = match *self.program.node(id) {
            Node::Const(Value::Bool(value)) => Truth::Known(value),
            Node::Unreachable => Truth::Fails,
            Node::And(a, b) => Truth::And(a, b),
            Node::Or(a, b) => Truth::Or(a, b),
            Node::Not(a) => Truth::Not(a),
            Node::If(test, then, or) => Truth::If(test, then, or),
            _ => self.atom(id),
        };
        match truth {
            Truth::And(a, b) | Truth::Or(a, b) => {
                self.collect(a, truths)?;
                self.collect(b, truths)?;
            }
            Truth::Not(a) => self.collect(a, truths)?,
            Truth::If(a, b, c) => {
                self.collect(a, truths)?;
                self.collect(b, truths)?;
                self.collect(c, truths)?;
            }
            _ => {}
        }
        truths.insert(id, truth);
        (self.all.len() <= MANY_ATOMS).then_some(())
    }

    fn number(&mut self, test: Test) -> u32 {
        let known = self.all.iter().position(|known| *known == test);
        let at = known.unwrap_or_else(|| {
            self.all.push(test);
            self.all.len() - 1
        });
        at as u32
    }

    fn atom(&mut self, id: Id) -> Truth {
        let (holds, fails) = match self.quick(id) {
            Some(tests) => tests,
            None => {
                let fails = self.program.node_can_fail(id).then_some(Test::Fails(id));
                (Test::Slow(id), fails)
            }
        };
        let holds = self.number(holds);
        Truth::Atom { holds, fails: fails.map(|test| self.number(test)) }
    }

    /// The test of a node by numbers, and the test of whether it fails; `None` where there is none such.
    fn quick(&self, id: Id) -> Option<(Test, Option<Test>)> {
        let sure = |test: Test| Some((test, None));
        match self.program.node(id) {
            Node::Attr(of, ty, attr) => match self.world.slot(*ty, *attr)? {
                Slot::Bool { word, bit } => sure(Test::all(self.way_to(*of, *ty, word)?, 3 << bit)),
                _ => None,
            },
            Node::HasAttr(of, ty, attr) => sure(match self.world.slot(*ty, *attr)? {
                Slot::Bool { word, bit } => Test::some(self.way_to(*of, *ty, word)?, 1 << bit),
                Slot::Long { flags, bit, .. } => Test::some(self.way_to(*of, *ty, flags)?, 1 << bit),
                Slot::Number { word, .. } => Test::some(self.way_to(*of, *ty, word)?, u32::MAX),
            }),
            Node::Given(field) => match self.action.context.get(field)?.ty {
                Type::Bool => sure(Test::GivenTrue(self.field(field)?)),
                _ => None,
            },
            Node::IsGiven(field) => sure(Test::Given(self.field(field)?)),
            Node::Binary(Binary::Eq, a, b) => sure(self.same(*a, *b).or_else(|| self.same(*b, *a))?),
            Node::Binary(Binary::Contains, set, element) => sure(self.contains(*set, *element)?),
            Node::Binary(op @ (Binary::Less | Binary::LessEq), a, b) => {
                let (a, b) = (self.amount(*a)?, self.amount(*b)?);
                let fails = match (a.plus != 0, b.plus != 0) {
                    (false, false) => None,
                    (true, false) => Some(Test::TooLarge(Box::new(a))),
                    (false, true) => Some(Test::TooLarge(Box::new(b))),
                    (true, true) => return None,
                };
                Some((Test::Order { strict: *op == Binary::Less, amounts: Box::new((a, b)) }, fails))
            }
            _ => None,
        }
    }

    fn same(&self, a: Id, b: Id) -> Option<Test> {
        let (way, ty) = self.way(a)?;
        let (thing, other) = self.thing(b)?;
        (ty == other).then_some(Test::Same(way, thing))
    }

    fn contains(&self, set: Id, element: Id) -> Option<Test> {
        let (thing, of) = self.thing(element)?;
        if let Some(Value::Set(all)) = self.program.constant(set) {
            let numbers = all.iter().map(|value| self.number_of(value).filter(|(_, ty)| *ty == of));
            let mut numbers: Vec<u32> = numbers.map(|n| n.map(|(n, _)| n)).collect::<Option<_>>()?;
            numbers.sort_unstable();
            return Some(match (numbers.as_slice(), thing) {
                (&[one], Thing::At(way)) => Test::Same(way, Thing::Number(one)),
                _ => Test::OneOf(numbers.into(), thing),
            });
        }
        let Node::Attr(from, ty, attr) = self.program.node(set) else { return None };
        match (self.world.slot(*ty, *attr)?, target(self.schema, (*ty, *attr))?) {
            (Slot::Number { word, kind: Kind::Rows }, (elements, true)) if of == Type::Entity(elements) => {
                Some(Test::Holds(self.way_to(*from, *ty, word)?, thing))
            }
            _ => None,
        }
    }

    /// An entity or a string, with its type.
    fn thing(&self, id: Id) -> Option<(Thing, Type)> {
        match self.program.node(id) {
            Node::Principal => Some((Thing::Principal, Type::Entity(self.types.0))),
            Node::Resource => Some((Thing::Resource, Type::Entity(self.types.1))),
            Node::Given(field) => match &self.action.context.get(field)?.ty {
                ty @ (Type::Entity(_) | Type::String) => Some((Thing::Given(self.field(field)?), ty.clone())),
                _ => None,
            },
            Node::Const(value) => self.number_of(value).map(|(number, ty)| (Thing::Number(number), ty)),
            _ => self.way(id).map(|(way, ty)| (Thing::At(way), ty)),
        }
    }

    /// The number of a constant, which the data may have yet to use.
    fn number_of(&self, value: &Value) -> Option<(u32, Type)> {
        match value {
            Value::String(text) => Some((self.world.reserve_string(text)?, Type::String)),
            Value::Entity(uid) => {
                let (ty, row) = self.world.reserve_row(uid)?;
                Some((row.0, Type::Entity(ty)))
            }
            _ => None,
        }
    }

    /// The way to an attribute that holds an entity or a string, and the attribute's type.
    fn way(&self, id: Id) -> Option<(Way, Type)> {
        let Node::Attr(of, ty, attr) = self.program.node(id) else { return None };
        let attribute = &self.schema.entity_type(*ty)?.attributes.get(attr.index())?.1;
        match (self.world.slot(*ty, *attr)?, &attribute.ty) {
            (Slot::Number { word, kind: Kind::Row | Kind::String }, ty_of) => {
                Some((self.way_to(*of, *ty, word)?, ty_of.clone()))
            }
            _ => None,
        }
    }

    /// The way to a word of the entity of type `ty` that a node is.
    fn way_to(&self, of: Id, ty: TypeId, word: usize) -> Option<Way> {
        let mut steps = vec![(ty.0, u16::try_from(word).ok()?)];
        let mut id = of;
        let root = loop {
            match self.program.node(id) {
                Node::Principal => break Root::Principal,
                Node::Resource => break Root::Resource,
                Node::Attr(of, ty, attr) => {
                    let Slot::Number { word, kind: Kind::Row } = self.world.slot(*ty, *attr)? else {
                        return None;
                    };
                    steps.push((ty.0, u16::try_from(word).ok()?));
                    id = *of;
                }
                _ => return None,
            }
        };
        steps.reverse();
        Way::new(root, &steps)
    }

    fn field(&self, name: &str) -> Option<u16> {
        u16::try_from(self.action.context.keys().position(|field| field.as_ref() == name)?).ok()
    }

    /// A number that has an order, perhaps with an offset.
    fn amount(&self, id: Id) -> Option<Amount> {
        let plain = |of: Of| Some(Amount { of, plus: 0 });
        match self.program.node(id) {
            Node::Const(Value::Long(v) | Value::Datetime(v) | Value::Duration(v)) => plain(Of::Const(*v)),
            Node::Given(field) => match self.action.context.get(field)?.ty {
                Type::Long | Type::Datetime | Type::Duration => plain(Of::Given(self.field(field)?)),
                _ => None,
            },
            Node::Attr(of, ty, attr) => match self.world.slot(*ty, *attr)? {
                Slot::Long { word, flags, .. } => {
                    plain(Of::Stored { way: self.way_to(*of, *ty, flags)?, low: u16::try_from(word).ok()? })
                }
                _ => None,
            },
            Node::Call(Function::Offset, args) => {
                let &[at, by] = args.as_slice() else { return None };
                let Some(Value::Duration(plus)) = self.program.constant(by) else { return None };
                let amount = self.amount(at).filter(|amount| amount.plus == 0)?;
                Some(Amount { of: amount.of, plus: *plus })
            }
            _ => None,
        }
    }

    /// The place of each atom in the order in which a decision asks them: near ones first.
    fn order(&self) -> Vec<u32> {
        let mut by_distance: Vec<usize> = (0..self.all.len()).collect();
        by_distance.sort_by_key(|&at| self.all.get(at).map_or(0, Test::distance));
        let mut places = vec![0; self.all.len()];
        for (place, at) in (0u32..).zip(by_distance) {
            places.get_mut(at).into_iter().for_each(|slot| *slot = place);
        }
        places
    }
}

/// Leaves out tests whose outcome an earlier one tells: what is one thing is no other.
struct Exclusion<'a> {
    tests: &'a [Test],
    memo: HashMap<Bdd, Bdd>,
}

impl Exclusion<'_> {
    /// Recursion is bounded by the number of atoms.
    fn apply(&mut self, d: &mut Diagrams, bdd: Bdd) -> Option<Bdd> {
        if let Some(&known) = self.memo.get(&bdd) {
            return Some(known);
        }
        let Some(Branch { atom, no, yes }) = d.branch(bdd) else { return Some(bdd) };
        let (mut no, mut yes) = (self.apply(d, no)?, self.apply(d, yes)?);
        let tests = self.tests;
        let Some(test) = tests.get(atom as usize) else { return Some(bdd) };
        for (other, later) in (0u32..).zip(tests).skip(atom as usize + 1) {
            for outcome in [false, true] {
                if let Some(implied) = implied(test, outcome, later) {
                    let side = if outcome { &mut yes } else { &mut no };
                    *side = d.where_is(*side, other, implied, &mut HashMap::new())?;
                }
            }
        }
        let made = d.make(Branch { atom, no, yes })?;
        self.memo.insert(bdd, made);
        Some(made)
    }
}

/// What the outcome of one test says about another, where it says anything.
fn implied(test: &Test, outcome: bool, other: &Test) -> Option<bool> {
    match (test, outcome, other) {
        (Test::Same(way, Thing::Number(a)), true, Test::Same(same, Thing::Number(b))) if way == same => {
            Some(a == b)
        }
        (Test::Same(way, Thing::Number(n)), true, Test::OneOf(all, Thing::At(same))) if way == same => {
            Some(all.binary_search(n).is_ok())
        }
        (Test::OneOf(all, Thing::At(way)), false, Test::Same(same, Thing::Number(n))) if way == same => {
            (all.binary_search(n).is_ok() || mutant!(GraphExcludesTooMuch)).then_some(false)
        }
        (Test::OneOf(all, Thing::At(way)), true, Test::Same(same, Thing::Number(n))) if way == same => {
            all.binary_search(n).is_err().then_some(false)
        }
        (Test::Same(way, _) | Test::OneOf(_, Thing::At(way)), true, other)
            if is_there(other) == Some(way) =>
        {
            Some(true)
        }
        (test, false, Test::Same(same, _)) if is_there(test) == Some(same) => Some(false),
        (test, false, Test::OneOf(_, Thing::At(same))) if is_there(test) == Some(same) => Some(false),
        _ => None,
    }
}

/// The way whose end a test asks to be there, if that is what it asks.
fn is_there(test: &Test) -> Option<&Way> {
    match test {
        Test::Flags { way, mask: u32::MAX, is: 0, not: true } => Some(way),
        _ => None,
    }
}
