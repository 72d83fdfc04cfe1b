//! What is left of a program once some of what it asks is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::eval::KnownValue;
use super::{Binary, Builder, Evaluation, Function, Id, Node, Program};
use crate::model::{Schema, TypeId, Value};
use crate::world::{Place, World};

/// A program for one principal and context: a residual on the resource, and what it was made from.
pub(crate) struct Residual {
    pub(crate) program: Program,
    pub(crate) made_from: MadeFrom,
}

/// What a residual was made from: it holds as long as none of this changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct MadeFrom {
    pub(crate) entities: BTreeSet<Place>,
    /// Types of which an entity was looked for that is not there.
    pub(crate) types: BTreeSet<TypeId>,
    /// By field of the context: the first and the last instant for which comparisons come out as they did.
    pub(crate) windows: BTreeMap<Arc<str>, (i64, i64)>,
}

impl MadeFrom {
    /// Whether all this was last changed at or before `version`.
    pub(crate) fn is_unchanged_since(&self, version: u64, world: &World) -> bool {
        if mutant!(StaleResidual) {
            return true;
        }
        let stamps = world.stamps();
        self.entities.iter().all(|&place| stamps.of(place) <= version)
            && self.types.iter().all(|&ty| stamps.of_type(ty) <= version)
    }

    /// Whether the instants of `context` are within the windows.
    pub(crate) fn is_within(&self, context: &BTreeMap<Arc<str>, Value>) -> bool {
        self.windows.iter().all(|(field, (from, until))| match context.get(field) {
            Some(Value::Datetime(at)) => from <= at && at <= until,
            _ => false,
        })
    }

    /// Narrows the window of a field.
    pub(super) fn narrow(&mut self, field: &Arc<str>, from: i64, until: i64) {
        let window = self.windows.entry(field.clone()).or_insert((i64::MIN, i64::MAX));
        *window = (window.0.max(from), window.1.min(until));
    }
}

impl Program {
    /// The program for one principal and context: a residual on the resource.
    ///
    /// Everything that does not depend on the resource is computed and folded, which leaves of most programs
    /// the few policies that concern the person. It is evaluated with the same principal and context, against
    /// the same data; it gives the same decision for every resource. Instants of the context stay what they
    /// are, but for comparisons that do not depend on the resource: these hold within a window.
    pub(crate) fn specialise(
        &self,
        world: &World,
        principal: Place,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Residual {
        let mut specialising = Specialising {
            program: self,
            evaluation: Evaluation::new(self, world, principal, None, context).recording(),
            context,
            timed: Vec::with_capacity(self.nodes.len()),
            apart: None,
            windows: MadeFrom::default(),
        };
        let mut program = self.rebuilt(world.schema(), |id, node| specialising.known(id, node));
        if self.can_fail && !program.can_fail {
            program = program.without_empty_sets(world.schema());
        }
        let mut made_from = specialising.windows;
        (made_from.entities, made_from.types) = specialising.evaluation.into_read();
        made_from.entities.insert(principal);
        Residual { program, made_from }
    }

    /// The program, which cannot fail, without what is looked for in empty sets.
    fn without_empty_sets(&self, schema: &Schema) -> Program {
        let is_empty = |id: Id| matches!(self.constant(id), Some(Value::Set(all)) if all.is_empty());
        self.rebuilt(schema, |_, node| match node {
            Node::Binary(Binary::Contains, set, _) if is_empty(*set) => Some(Value::Bool(false)),
            _ => None,
        })
    }

    /// The same program with the values that `fold` gives in the places of nodes, and all that follows folded.
    ///
    /// `fold` is asked about the nodes in the order of their numbers.
    pub(crate) fn rebuilt(
        &self,
        schema: &Schema,
        mut fold: impl FnMut(Id, &Node) -> Option<Value>,
    ) -> Program {
        let mut builder = Builder::new(schema);
        let mut new: Vec<Id> = Vec::with_capacity(self.nodes.len());
        for (number, node) in (0u32..).zip(&self.nodes) {
            let mapped = |id: Id| new.get(id.index()).copied().unwrap_or(id);
            let id = match fold(Id(number), node) {
                Some(value) => builder.add(Node::Const(value)),
                None => builder.add(node.with_operands(mapped)),
            };
            new.push(id);
        }
        for entry in &self.entries {
            if let Some(&root) = new.get(entry.root.index()) {
                builder.policy(entry.policy, entry.effect, root);
            }
        }
        // Nodes that nothing leads to any more are left behind.
        builder.finish().pruned()
    }

    /// The program of some of its policies, by their places among the ward's.
    #[cfg(feature = "author")]
    pub(crate) fn only(&self, is_one: impl Fn(usize) -> bool) -> Program {
        let mut program = Program { permitted: None, ..self.clone() };
        program.entries.retain(|entry| is_one(entry.policy));
        program.can_fail = program.entries.iter().any(|entry| self.node_can_fail(entry.root));
        program.pruned()
    }

    /// Whether the policies of another program have the very same conditions and effects, whichever they are.
    #[cfg(feature = "author")]
    pub(crate) fn says_the_same_as(&self, other: &Program) -> bool {
        let mut same = BTreeMap::new();
        let pairs = self.entries.iter().zip(&other.entries);
        self.entries.len() == other.entries.len()
            && pairs
                .into_iter()
                .all(|(a, b)| a.effect == b.effect && self.is_node_of(a.root, other, b.root, &mut same))
    }

    /// Whether a node is another program's, where nodes may have other numbers; `same` are those that are known to
    /// be. Recursion is bounded by the limits on policy text.
    #[cfg(feature = "author")]
    fn is_node_of(&self, id: Id, other: &Program, its: Id, same: &mut BTreeMap<Id, Id>) -> bool {
        if let Some(known) = same.get(&id) {
            return *known == its;
        }
        let operands = |node: &Node| {
            let mut all = Vec::new();
            node.operands(&mut |id| all.push(id));
            all
        };
        let (a, b) = (self.node(id), other.node(its));
        let alike = a.with_operands(|_| Id(0)) == b.with_operands(|_| Id(0));
        let is = alike
            && operands(a).into_iter().zip(operands(b)).all(|(a, b)| self.is_node_of(a, other, b, same));
        if is {
            same.insert(id, its);
        }
        is
    }

    /// Whether it may read this field of the context.
    #[cfg(feature = "author")]
    pub(crate) fn reads_field(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| match node {
            Node::Given(read) | Node::IsGiven(read) => read.as_ref() == name,
            Node::Context => true,
            _ => false,
        })
    }

    /// The program without the nodes that no policy reaches.
    pub(super) fn pruned(&self) -> Program {
        let mut reached = vec![false; self.nodes.len()];
        for root in self.entries.iter().map(|entry| entry.root).chain(self.permitted) {
            reached.get_mut(root.index()).into_iter().for_each(|reached| *reached = true);
        }
        for (at, node) in self.nodes.iter().enumerate().rev() {
            if reached.get(at).copied().unwrap_or(false) {
                node.operands(&mut |id| {
                    reached.get_mut(id.index()).into_iter().for_each(|reached| *reached = true);
                });
            }
        }
        let mut new = Vec::with_capacity(self.nodes.len());
        let mut program = Program { can_fail: self.can_fail, ..Program::default() };
        for (at, node) in self.nodes.iter().enumerate() {
            new.push(Id(u32::try_from(program.nodes.len()).unwrap_or(u32::MAX)));
            if reached.get(at).copied().unwrap_or(false) {
                program.nodes.push(node.with_operands(|id| new.get(id.index()).copied().unwrap_or(id)));
                program.of_resource.push(self.of_resource.get(at).copied().unwrap_or(true));
                program.fallible.push(self.fallible.get(at).copied().unwrap_or(true));
            }
        }
        program.entries = self.entries.clone();
        program.permitted = self.permitted.and_then(|root| new.get(root.index()).copied());
        for entry in &mut program.entries {
            entry.root = new.get(entry.root.index()).copied().unwrap_or(entry.root);
        }
        program.give_slots();
        program
    }
}

/// One run of [`Program::specialise`].
pub(super) struct Specialising<'a> {
    pub(super) program: &'a Program,
    pub(super) evaluation: Evaluation<'a>,
    pub(super) context: &'a BTreeMap<Arc<str>, Value>,
    /// Whether a node depends on an instant of the context, by number.
    pub(super) timed: Vec<bool>,
    /// Where facts of others are left open: whether a node may be looked at, by number.
    pub(super) apart: Option<Vec<bool>>,
    pub(super) windows: MadeFrom,
}

impl Specialising<'_> {
    /// The node's value, where it needs no resource to have one.
    pub(super) fn known(&mut self, id: Id, node: &Node) -> Option<Value> {
        let timed = self.is_timed(node);
        self.timed.push(timed);
        if !self.may_look_at(id) {
            return self.known_anyway(node);
        }
        let known = self.evaluation.known_value(id);
        if !timed {
            return match known? {
                KnownValue::Value(value) => Some(value),
                KnownValue::Rows => None,
            };
        }
        if known.is_none() && self.fails_anyway(node) {
            // It depends on no instant after all.
            self.timed.pop();
            self.timed.push(false);
            return None;
        }
        // What fails now may not fail at another instant, and the other way round.
        match known {
            Some(KnownValue::Value(value @ Value::Bool(_))) => {
                self.note_window(node);
                Some(value)
            }
            _ => {
                if known.is_none() || !matches!(node, Node::Given(_) | Node::Call(..) | Node::Context) {
                    self.fix_instants();
                }
                None
            }
        }
    }

    /// Whether an operand that is always evaluated, and depends on no instant, has no value.
    fn fails_anyway(&mut self, node: &Node) -> bool {
        let mut operands = Vec::new();
        node.operands(&mut |id| operands.push(id));
        if matches!(node, Node::And(..) | Node::Or(..) | Node::If(..)) {
            operands.truncate(1);
        }
        operands.into_iter().any(|id| {
            let timed = self.timed.get(id.index()).copied().unwrap_or(true);
            !timed && self.may_look_at(id) && self.evaluation.known_value(id).is_none()
        })
    }

    fn may_look_at(&self, id: Id) -> bool {
        match &self.apart {
            Some(apart) => apart.get(id.index()).copied().unwrap_or(false),
            None => !self.program.depends_on_resource(id),
        }
    }

    /// A value that the node has whatever the resource is.
    fn known_anyway(&mut self, node: &Node) -> Option<Value> {
        // Nothing is in an empty set. What is looked for cannot fail where the program cannot.
        match node {
            Node::Binary(Binary::Contains, set, of)
                if self.may_look_at(*set)
                    && (!self.program.can_fail
                        || self.apart.is_some() && !self.program.node_can_fail(*of)) =>
            {
                match self.evaluation.known_value(*set)? {
                    KnownValue::Value(Value::Set(all)) if all.is_empty() => Some(Value::Bool(false)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn is_timed(&self, node: &Node) -> bool {
        let mut timed = match node {
            Node::Given(name) => matches!(self.context.get(name), Some(Value::Datetime(_))),
            Node::Context => self.context.values().any(|value| matches!(value, Value::Datetime(_))),
            _ => false,
        };
        node.operands(&mut |id| timed |= self.timed.get(id.index()).copied().unwrap_or(true));
        timed
    }

    /// Notes between which instants a condition, which was just computed, comes out as it did.
    fn note_window(&mut self, node: &Node) {
        match *node {
            // Their operands have noted theirs.
            Node::And(..) | Node::Or(..) | Node::Not(_) | Node::If(..) => {}
            Node::Binary(Binary::Less, a, b) => self.note_comparison(a, b, true),
            Node::Binary(Binary::LessEq, a, b) => self.note_comparison(a, b, false),
            _ => self.fix_instants(),
        }
    }

    /// `a < b` where `strict`, else `a <= b`, one of them `context.field` or `context.field.offset(…)`.
    fn note_comparison(&mut self, a: Id, b: Id, strict: bool) {
        let is_timed = |id: Id| self.timed.get(id.index()).copied().unwrap_or(true);
        let noted = match (is_timed(a), is_timed(b)) {
            (true, false) => self.threshold(a, b).map(|(field, bound)| {
                // field < bound, or field <= bound: the last instant for which it holds.
                let last =
                    if strict && !mutant!(WindowOffByOne) { bound.checked_sub(1) } else { Some(bound) };
                (field, last)
            }),
            (false, true) => self.threshold(b, a).map(|(field, bound)| {
                // bound < field, or bound <= field: the last instant for which it does not hold.
                let last = if strict || mutant!(WindowOffByOne) { Some(bound) } else { bound.checked_sub(1) };
                (field, last)
            }),
            _ => None,
        };
        let Some((field, Some(last))) = noted else { return self.fix_instants() };
        match self.context.get(&field) {
            Some(Value::Datetime(at)) if *at <= last => self.windows.narrow(&field, i64::MIN, last),
            Some(Value::Datetime(_)) => self.windows.narrow(&field, last.saturating_add(1), i64::MAX),
            _ => self.fix_instants(),
        }
    }

    /// The field that `timed` is, and the instant at which that would equal `other`.
    fn threshold(&mut self, timed: Id, other: Id) -> Option<(Arc<str>, i64)> {
        let Some(KnownValue::Value(Value::Datetime(bound))) = self.evaluation.known_value(other) else {
            return None;
        };
        match self.program.node(timed) {
            Node::Given(field) => Some((field.clone(), bound)),
            Node::Call(Function::Offset, args) => {
                let &[at, by] = args.as_slice() else { return None };
                let Node::Given(field) = self.program.node(at) else { return None };
                let Some(KnownValue::Value(Value::Duration(by))) = self.evaluation.known_value(by) else {
                    return None;
                };
                // Another instant could overflow where this one did not.
                let bound = bound.checked_sub(by)?;
                let (from, until) = (i64::MIN.saturating_sub(by.min(0)), i64::MAX.saturating_sub(by.max(0)));
                let field = field.clone();
                self.windows.narrow(&field, from, until);
                Some((field, bound))
            }
            _ => None,
        }
    }

    /// The residual holds for these very instants alone.
    pub(super) fn fix_instants(&mut self) {
        for (field, value) in self.context {
            if let Value::Datetime(at) = value {
                self.windows.narrow(field, *at, *at);
            }
        }
    }
}

impl Node {
    /// The node on other operands.
    pub(crate) fn with_operands(&self, map: impl Fn(Id) -> Id) -> Node {
        match self {
            Node::Const(_)
            | Node::Principal
            | Node::Resource
            | Node::Context
            | Node::Given(_)
            | Node::IsGiven(_)
            | Node::Unreachable => self.clone(),
            Node::Attr(a, ty, attr) => Node::Attr(map(*a), *ty, *attr),
            Node::HasAttr(a, ty, attr) => Node::HasAttr(map(*a), *ty, *attr),
            Node::Field(a, name) => Node::Field(map(*a), name.clone()),
            Node::HasField(a, name) => Node::HasField(map(*a), name.clone()),
            Node::Tag(a, b) => Node::Tag(map(*a), map(*b)),
            Node::HasTag(a, b) => Node::HasTag(map(*a), map(*b)),
            Node::And(a, b) => Node::And(map(*a), map(*b)),
            Node::Or(a, b) => Node::Or(map(*a), map(*b)),
            Node::If(a, b, c) => Node::If(map(*a), map(*b), map(*c)),
            Node::Not(a) => Node::Not(map(*a)),
            Node::Neg(a) => Node::Neg(map(*a)),
            Node::IsEmpty(a) => Node::IsEmpty(map(*a)),
            Node::Binary(op, a, b) => Node::Binary(*op, map(*a), map(*b)),
            Node::Like(a, pattern) => Node::Like(map(*a), pattern.clone()),
            Node::Is(a, ty) => Node::Is(map(*a), *ty),
            Node::Set(all) => Node::Set(all.iter().map(|id| map(*id)).collect()),
            Node::Record(fields) => {
                Node::Record(fields.iter().map(|(name, id)| (name.clone(), map(*id))).collect())
            }
            Node::Call(function, args) => Node::Call(*function, args.iter().map(|id| map(*id)).collect()),
        }
    }
}
