//! What is left of a program once the principal and the context are known.

use super::eval::KnownValue;
use super::{Binary, Builder, Evaluation, Id, Node, Program};
use crate::value::Value;
use crate::world::{Place, World};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Program {
    /// The program for one principal and context: a residual on the resource.
    ///
    /// Everything that does not depend on the resource is computed and folded, which leaves of most programs
    /// the few policies that concern the person. It is evaluated with the same principal and context, against
    /// the same data; it gives the same decision for every resource.
    pub(crate) fn specialise(
        &self,
        world: &World,
        principal: Place,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Program {
        let mut evaluation = Evaluation::new(self, world, principal, None, context);
        let mut builder = Builder::new(world.schema());
        let mut new: Vec<Id> = Vec::with_capacity(self.nodes.len());
        for (number, node) in (0u32..).zip(&self.nodes) {
            let folded = self.known(&mut evaluation, Id(number), node);
            let mapped = |id: Id| new.get(id.index()).copied().unwrap_or(id);
            let id = match folded {
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
        builder.finish()
    }

    /// The node's value, where it needs no resource to have one.
    fn known(&self, evaluation: &mut Evaluation<'_>, id: Id, node: &Node) -> Option<Value> {
        if !self.depends_on_resource(id) {
            return match evaluation.known_value(id)? {
                KnownValue::Value(value) => Some(value),
                KnownValue::Rows { .. } => None,
            };
        }
        // Nothing is in an empty set. What is looked for cannot fail where the program cannot.
        match node {
            Node::Binary(Binary::Contains, set, _) if !self.can_fail && !self.depends_on_resource(*set) => {
                match evaluation.known_value(*set)? {
                    KnownValue::Rows { empty: true } => Some(Value::Bool(false)),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

impl Node {
    /// The node on other operands.
    fn with_operands(&self, map: impl Fn(Id) -> Id) -> Node {
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
