//! A program of which all is known but some fields of the context.
//!
//! A button is shown before it is pressed: the person and the record are there, what is to be uploaded or whom
//! to assign is not. Conditions that do not ask for it are evaluated; those that do are folded as far as they go.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::eval::KnownValue;
use super::{Builder, Entry, Evaluation, Failure, Id, Node, Program};
use crate::model::{Schema, Value};
use crate::world::{Place, World};

/// The evaluation of a program for one principal, resource and what is given of the context.
pub(crate) struct Opening<'a> {
    program: &'a Program,
    schema: &'a Schema,
    evaluation: Evaluation<'a>,
    /// Which fields of the context a node's value depends on, by number.
    asked: &'a [FieldSet],
    missing: FieldSet,
}

/// Some fields of a context, a bit each; those beyond the 63rd share one, and are taken for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet(u64);

impl FieldSet {
    /// Those of `fields` for which `is` holds.
    pub(crate) fn of(fields: &[Arc<str>], is: impl Fn(&Arc<str>) -> bool) -> Self {
        let bits =
            fields.iter().enumerate().filter(|(_, field)| is(field)).map(|(at, _)| 1_u64 << at.min(63));
        FieldSet(bits.fold(0, |all, bit| all | bit))
    }
}

impl Program {
    /// Which of `fields` each node asks for, by number.
    pub(crate) fn asked(&self, fields: &[Arc<str>]) -> Vec<FieldSet> {
        let mut all: Vec<FieldSet> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let mut asked = match node {
                Node::Given(name) | Node::IsGiven(name) => FieldSet::of(fields, |field| field == name).0,
                Node::Context => u64::MAX,
                _ => 0,
            };
            node.operands(&mut |id| asked |= all.get(id.index()).map_or(u64::MAX, |of| of.0));
            all.push(FieldSet(asked));
        }
        all
    }
}

impl<'a> Opening<'a> {
    pub(crate) fn new(
        program: &'a Program,
        world: &'a World,
        (principal, resource): (Place, Place),
        context: &'a BTreeMap<Arc<str>, Value>,
        (asked, missing): (&'a [FieldSet], FieldSet),
    ) -> Self {
        let evaluation = Evaluation::new(program, world, principal, Some(resource), context);
        Opening { program, schema: world.schema(), evaluation, asked, missing }
    }

    /// Whether a condition asks for what is not given.
    pub(crate) fn is_open(&self, id: Id) -> bool {
        self.asked.get(id.index()).is_none_or(|asked| asked.0 & self.missing.0 != 0)
    }

    /// Whether a condition holds where what is not given is absent.
    pub(crate) fn holds(&mut self, id: Id) -> Result<bool, Failure> {
        self.evaluation.holds(id)
    }

    /// Whether a condition does not hold whatever is given: it is false, or cannot be evaluated. It may also be so
    /// where this does not find it.
    pub(crate) fn is_never(&mut self, id: Id) -> bool {
        if !self.is_open(id) {
            return self.evaluation.holds(id) != Ok(true);
        }
        match *self.program.node(id) {
            Node::And(a, b) => self.is_never(a) || self.is_never(b),
            Node::Or(a, b) => self.is_never(a) && self.is_never(b),
            _ => false,
        }
    }

    /// What is left of some policies: none whose condition is false whatever is given.
    ///
    /// It decides as they do, with the same principal and resource, for every context that adds to this one.
    pub(crate) fn residual(&mut self, entries: &[Entry]) -> Program {
        let mut builder = Builder::new(self.schema);
        let mut memo = HashMap::new();
        for entry in entries {
            let root = self.folded(entry.root, &mut builder, &mut memo);
            builder.policy(entry.policy, entry.effect, root);
        }
        builder.finish().pruned()
    }

    /// The node in the residual. Recursion is bounded by the limits on policy text.
    fn folded(&mut self, id: Id, builder: &mut Builder<'_>, memo: &mut HashMap<Id, Id>) -> Id {
        if let Some(&known) = memo.get(&id) {
            return known;
        }
        let program = self.program;
        let node = program.node(id);
        let known = if self.is_open(id) { None } else { self.evaluation.known_value(id) };
        let new = match (known, node) {
            (Some(KnownValue::Value(value)), _) => builder.add(Node::Const(value)),
            // The right side is asked for only where the left does not say it all.
            (_, Node::And(a, b)) => self.either(*a, *b, false, builder, memo, Node::And),
            (_, Node::Or(a, b)) => self.either(*a, *b, true, builder, memo, Node::Or),
            (_, Node::If(test, then, or)) => {
                let test = self.folded(*test, builder, memo);
                match builder.constant(test) {
                    Some(Value::Bool(true)) => self.folded(*then, builder, memo),
                    Some(Value::Bool(false)) => self.folded(*or, builder, memo),
                    _ => {
                        let (then, or) = (self.folded(*then, builder, memo), self.folded(*or, builder, memo));
                        builder.add(Node::If(test, then, or))
                    }
                }
            }
            _ => {
                let mut operands = Vec::new();
                node.operands(&mut |id| operands.push(id));
                for operand in operands {
                    self.folded(operand, builder, memo);
                }
                builder.add(node.with_operands(|id| memo.get(&id).copied().unwrap_or(id)))
            }
        };
        memo.insert(id, new);
        new
    }

    fn either(
        &mut self,
        a: Id,
        b: Id,
        enough: bool,
        builder: &mut Builder<'_>,
        memo: &mut HashMap<Id, Id>,
        node: fn(Id, Id) -> Node,
    ) -> Id {
        let a = self.folded(a, builder, memo);
        if builder.constant(a) == Some(&Value::Bool(enough)) {
            return a;
        }
        let b = self.folded(b, builder, memo);
        builder.add(node(a, b))
    }
}
