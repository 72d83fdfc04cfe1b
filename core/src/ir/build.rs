//! Making programs: no node twice, constants folded.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{Binary, Entry, Evaluation, Function, Id, Node, Program};
use crate::model::{Effect, Schema, Value};

/// Makes one program.
pub(crate) struct Builder<'a> {
    pub(super) schema: &'a Schema,
    pub(super) program: Program,
    /// Of the nodes, found by what they are.
    numbers: HashTable<Id>,
    hasher: DefaultHashBuilder,
    /// Whether what a reference leads to is there for certain, as in a world.
    references_hold: bool,
    /// Whether every record has the fields that it must have, as it does in a request that was read.
    records_hold: bool,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(schema: &'a Schema) -> Self {
        Builder {
            schema,
            program: Program::default(),
            numbers: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            references_hold: true,
            records_hold: false,
        }
    }

    /// Makes a program that is looked at and never evaluated: what a schema asks of contexts and records is so.
    #[cfg(feature = "author")]
    pub(crate) fn to_look_at(schema: &'a Schema) -> Self {
        Builder { records_hold: true, ..Self::new(schema) }
    }

    /// Whether a field that its record must have is there for certain.
    pub(crate) fn records_hold(&self) -> bool {
        self.records_hold
    }

    /// Makes a program for data in which a reference may lead nowhere.
    pub(crate) fn for_tables(schema: &'a Schema) -> Self {
        Builder { references_hold: false, ..Self::new(schema) }
    }

    /// Adds a policy, unless its condition is always false; whether it did.
    pub(crate) fn policy(&mut self, policy: usize, effect: Effect, root: Id) -> bool {
        let applies = self.constant(root) != Some(&Value::Bool(false));
        if applies {
            self.program.entries.push(Entry { policy, effect, root });
        }
        applies
    }

    /// Adds a condition whatever it folds to, for those who ask how it comes out.
    #[cfg(feature = "author")]
    pub(crate) fn condition(&mut self, number: usize, root: Id) {
        self.program.entries.push(Entry { policy: number, effect: Effect::Permit, root });
    }

    pub(crate) fn finish(mut self) -> Program {
        self.program.give_slots();
        self.program.can_fail = self.program.entries.iter().any(|entry| self.can_fail(entry.root));
        self.program
    }

    pub(crate) fn constant(&self, id: Id) -> Option<&Value> {
        match self.program.node(id) {
            Node::Const(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is the principal or the resource, which are there and of a known type.
    pub(crate) fn is_variable(&self, id: Id) -> bool {
        matches!(self.program.node(id), Node::Principal | Node::Resource)
    }

    pub(crate) fn is_context(&self, id: Id) -> bool {
        matches!(self.program.node(id), Node::Context)
    }

    pub(crate) fn bool(&mut self, value: bool) -> Id {
        self.add(Node::Const(Value::Bool(value)))
    }

    /// The number of `node`, or of what it folds to.
    pub(crate) fn add(&mut self, node: Node) -> Id {
        if let Some(id) = self.simpler(&node) {
            return id;
        }
        if let Some(id) = self.known(&node) {
            return id;
        }
        let node = match self.folded(&node) {
            Some(value) => {
                let constant = Node::Const(value);
                if let Some(id) = self.known(&constant) {
                    return id;
                }
                constant
            }
            None => node,
        };
        let Ok(number) = u32::try_from(self.program.nodes.len()) else { return Id(0) };
        let of_resource = self.depends_on_resource(&node);
        self.program.of_resource.push(of_resource);
        let can_fail = self.can_fail_itself(&node);
        self.program.fallible.push(can_fail);
        let hash = self.hasher.hash_one(&node);
        self.program.nodes.push(node);
        let Builder { program, numbers, hasher, .. } = self;
        let hash_of = |id: &Id| hasher.hash_one(program.node(*id));
        numbers.insert_unique(hash, Id(number), hash_of);
        Id(number)
    }

    fn known(&self, node: &Node) -> Option<Id> {
        self.numbers.find(self.hasher.hash_one(node), |id| self.program.node(*id) == node).copied()
    }

    fn truth(&self, id: Id) -> Option<bool> {
        match self.constant(id)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn can_fail(&self, id: Id) -> bool {
        self.program.node_can_fail(id)
    }

    /// Whether evaluating it always gives a value, also where references lead nowhere.
    fn always_has_value(&self, id: Id) -> bool {
        !self.can_fail(id) && self.constant(id).is_none() && (self.references_hold || self.is_variable(id))
    }

    /// Whether one is the other's negation, and both always have a value.
    fn is_opposite(&self, a: Id, b: Id) -> bool {
        let negates = |not: Id, of: Id| matches!(self.program.node(not), Node::Not(inner) if *inner == of);
        (negates(a, b) || negates(b, a)) && self.always_has_value(a)
    }

    /// Whether a set that is written out has this very member.
    fn lists(&self, set: Id, one: Id) -> bool {
        let Node::Set(all) = self.program.node(set) else { return false };
        all.contains(&one) && self.always_has_value(one) && !self.can_fail(set)
    }

    /// A node that says the same as the node. Validation has every operand of `&&` and `||` be a Bool.
    fn simpler(&mut self, node: &Node) -> Option<Id> {
        match *node {
            Node::And(a, b) => match (self.truth(a), self.truth(b)) {
                (Some(true), _) => Some(b),
                (Some(false), _) | (_, Some(true)) => Some(a),
                (_, Some(false)) if !self.can_fail(a) || mutant!(FoldFallible) => Some(b),
                _ if a == b => Some(a),
                _ if self.is_opposite(a, b) => Some(self.bool(false)),
                _ => None,
            },
            Node::Or(a, b) => match (self.truth(a), self.truth(b)) {
                (Some(false), _) => Some(b),
                (Some(true), _) | (_, Some(false)) => Some(a),
                (_, Some(true)) if !self.can_fail(a) => Some(b),
                _ if a == b => Some(a),
                _ if self.is_opposite(a, b) => Some(self.bool(true)),
                _ => None,
            },
            Node::If(test, then, or) => match self.truth(test) {
                Some(true) => Some(then),
                Some(false) => Some(or),
                None if then == or && !self.can_fail(test) => Some(then),
                None => None,
            },
            Node::Not(a) => match self.program.node(a) {
                Node::Not(inner) => Some(*inner),
                _ => None,
            },
            // Whatever it is, it is itself.
            Node::Binary(
                op @ (Binary::Eq | Binary::LessEq | Binary::In | Binary::ContainsAll | Binary::Less),
                a,
                b,
            ) if a == b && self.always_has_value(a) => Some(self.bool(op != Binary::Less)),
            Node::Binary(Binary::Contains, set, one) if self.lists(set, one) => Some(self.bool(true)),
            Node::Like(of, ref pattern) if pattern.takes_all() && self.always_has_value(of) => {
                Some(self.bool(true))
            }
            Node::HasAttr(of, ty, attr) if self.always_has_value(of) => {
                let (_, attribute) = self.schema.entity_type(ty)?.attributes.get(attr.index())?;
                attribute.required.then(|| self.bool(true))
            }
            _ => None,
        }
    }

    /// The node's value, where all that it works on is constant and it has one.
    fn folded(&self, node: &Node) -> Option<Value> {
        let reads_data = matches!(
            node,
            Node::Const(_)
                | Node::Attr(..)
                | Node::HasAttr(..)
                | Node::Tag(..)
                | Node::HasTag(..)
                | Node::Unreachable
                | Node::Principal
                | Node::Resource
                | Node::Context
                | Node::Given(_)
                | Node::IsGiven(_)
                | Node::Binary(Binary::In, ..)
        );
        let mut all_constant = !reads_data;
        node.operands(&mut |id| all_constant &= self.constant(id).is_some());
        if all_constant { Evaluation::of_constants(&self.program, self.schema, node) } else { None }
    }

    fn depends_on_resource(&self, node: &Node) -> bool {
        let mut any = *node == Node::Resource;
        node.operands(&mut |id| any |= self.program.of_resource.get(id.index()).copied().unwrap_or(true));
        any
    }

    /// Whether evaluating the node can fail: by itself or in an operand.
    fn can_fail_itself(&self, node: &Node) -> bool {
        let itself = match node {
            // An entity that a policy names need not be there. Else what is read is there: validation has seen
            // to it that whatever is optional is only read behind `has`.
            Node::Attr(of, ..) | Node::Tag(of, _) => self.constant(*of).is_some(),
            Node::Neg(_) | Node::Unreachable => true,
            Node::Binary(op, ..) => matches!(op, Binary::Add | Binary::Sub | Binary::Mul),
            Node::Call(function, _) => matches!(
                function,
                Function::Decimal
                    | Function::Ip
                    | Function::Datetime
                    | Function::Duration
                    | Function::Offset
                    | Function::DurationSince
                    | Function::ToDate
            ),
            _ => false,
        };
        let mut any = itself;
        node.operands(&mut |id| any |= self.can_fail(id));
        any
    }
}

impl Node {
    /// Calls `visit` with each operand.
    pub(crate) fn operands(&self, visit: &mut impl FnMut(Id)) {
        match self {
            Node::Const(_)
            | Node::Principal
            | Node::Resource
            | Node::Context
            | Node::Given(_)
            | Node::IsGiven(_)
            | Node::Unreachable => {}
            Node::Attr(a, ..)
            | Node::HasAttr(a, ..)
            | Node::Field(a, _)
            | Node::HasField(a, _)
            | Node::Not(a)
            | Node::Neg(a)
            | Node::IsEmpty(a)
            | Node::Like(a, _)
            | Node::Is(a, _) => visit(*a),
            Node::Tag(a, b)
            | Node::HasTag(a, b)
            | Node::And(a, b)
            | Node::Or(a, b)
            | Node::Binary(_, a, b) => {
                visit(*a);
                visit(*b);
            }
            Node::If(a, b, c) => {
                visit(*a);
                visit(*b);
                visit(*c);
            }
            Node::Set(all) | Node::Call(_, all) => all.iter().copied().for_each(visit),
            Node::Record(fields) => fields.iter().for_each(|(_, id): &(Arc<str>, Id)| visit(*id)),
        }
    }
}
