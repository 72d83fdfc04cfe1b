//! A program of which all is known but some fields of the context.
//!
//! A button is shown before it is pressed: the person and the record are there, what is to be uploaded or whom
//! to assign is not. Conditions that do not ask for it are evaluated; those that do are folded as far as they go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

use super::eval::KnownValue;
use super::{Builder, Entry, Evaluation, Failure, Id, Node, Program};
use crate::schema::Schema;
use crate::value::Value;
use crate::world::{Place, World};

/// The evaluation of a program for one principal, resource and what is given of the context.
pub(crate) struct Opening<'a> {
    program: &'a Program,
    schema: &'a Schema,
    evaluation: Evaluation<'a>,
    /// Whether a node's value depends on a field that is not given, by number.
    open: Vec<bool>,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(
        program: &'a Program,
        world: &'a World,
        (principal, resource): (Place, Place),
        context: &'a BTreeMap<Arc<str>, Value>,
        missing: &BTreeSet<Arc<str>>,
    ) -> Self {
        let evaluation = Evaluation::new(program, world, principal, Some(resource), context);
        let mut open: Vec<bool> = Vec::with_capacity(program.nodes.len());
        for node in &program.nodes {
            let mut is_open = match node {
                Node::Given(name) | Node::IsGiven(name) => missing.contains(name),
                Node::Context => !missing.is_empty(),
                _ => false,
            };
            node.operands(&mut |id| is_open |= open.get(id.index()).copied().unwrap_or(true));
            open.push(is_open);
        }
        Opening { program, schema: world.schema(), evaluation, open }
    }

    /// Whether a condition asks for what is not given.
    pub(crate) fn is_open(&self, id: Id) -> bool {
        self.open.get(id.index()).copied().unwrap_or(true)
    }

    /// Whether a condition holds where what is not given is absent.
    pub(crate) fn holds(&mut self, id: Id) -> Result<bool, Failure> {
        self.evaluation.holds(id)
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
