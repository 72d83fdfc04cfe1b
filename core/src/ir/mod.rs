//! The policies as programs: one small typed expression language, one program a request environment.
//!
//! A [`Program`] holds every policy that can apply to a principal type, an action and a resource type.
//! Its expressions form one graph without duplicates: what several policies ask is one node, and an
//! evaluation computes it once. Constants are folded. Semantics are Cedar's, to the letter: an error is a
//! value of its own, `&&`, `||` and `if` evaluate their operands only when they need them.
//!
//! INVARIANT: an operand's number is smaller than that of the node that uses it.

mod apart;
mod build;
mod eval;
mod factor;
mod facts;
mod functions;
pub(crate) mod graph;
mod joint;
mod mirror;
mod narrow;
mod open;
mod pattern;
mod print;
mod questions;
mod specialise;
mod types;

use std::sync::Arc;

pub(crate) use apart::{Apart, Own};
pub(crate) use build::Builder;
pub(crate) use eval::{Elements, Evaluation};
pub(crate) use facts::{Fact, Glimpse, Reads, Spot, Supposed};
pub(crate) use open::{FieldSet, Opening};
pub(crate) use pattern::Pattern;
pub(crate) use print::Printed;
pub(crate) use questions::{Answers, Asked, Questions};
pub(crate) use specialise::{MadeFrom, Residual};
pub(crate) use types::Types;

use crate::model::{AttrId, Effect, TypeId, Value};

/// The number of a node in its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(u32);

impl Id {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// A value; an entity in it need not be in the data.
    Const(Value),
    Principal,
    Resource,
    /// The whole context.
    Context,
    /// A field of the context.
    Given(Arc<str>),
    /// Whether the context has a field.
    IsGiven(Arc<str>),
    /// An attribute of an entity of a known type.
    Attr(Id, TypeId, AttrId),
    HasAttr(Id, TypeId, AttrId),
    /// A field of a record.
    Field(Id, Arc<str>),
    HasField(Id, Arc<str>),
    /// A tag, by a name that is itself computed.
    Tag(Id, Id),
    HasTag(Id, Id),
    And(Id, Id),
    Or(Id, Id),
    If(Id, Id, Id),
    Not(Id),
    Neg(Id),
    IsEmpty(Id),
    Binary(Binary, Id, Id),
    Like(Id, Pattern),
    Is(Id, TypeId),
    Set(Vec<Id>),
    Record(Vec<(Arc<str>, Id)>),
    Call(Function, Vec<Id>),
    /// What validation proved that no evaluation reaches.
    Unreachable,
}

/// An operation on two values, both of which are always evaluated, the left one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Binary {
    Eq,
    Less,
    LessEq,
    Add,
    Sub,
    Mul,
    /// Whether an entity is another, or lies in it, or in one of a set.
    In,
    Contains,
    ContainsAll,
    ContainsAny,
}

/// An extension function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    Decimal,
    Ip,
    Datetime,
    Duration,
    LessThan,
    LessThanOrEqual,
    GreaterThan,
    GreaterThanOrEqual,
    IsIpv4,
    IsIpv6,
    IsLoopback,
    IsMulticast,
    IsInRange,
    Offset,
    DurationSince,
    ToDate,
    ToTime,
    ToMilliseconds,
    ToSeconds,
    ToMinutes,
    ToHours,
    ToDays,
}

impl Function {
    /// Every function with Cedar's name for it.
    pub(crate) const ALL: [(&str, Function); 22] = [
        ("decimal", Function::Decimal),
        ("ip", Function::Ip),
        ("datetime", Function::Datetime),
        ("duration", Function::Duration),
        ("lessThan", Function::LessThan),
        ("lessThanOrEqual", Function::LessThanOrEqual),
        ("greaterThan", Function::GreaterThan),
        ("greaterThanOrEqual", Function::GreaterThanOrEqual),
        ("isIpv4", Function::IsIpv4),
        ("isIpv6", Function::IsIpv6),
        ("isLoopback", Function::IsLoopback),
        ("isMulticast", Function::IsMulticast),
        ("isInRange", Function::IsInRange),
        ("offset", Function::Offset),
        ("durationSince", Function::DurationSince),
        ("toDate", Function::ToDate),
        ("toTime", Function::ToTime),
        ("toMilliseconds", Function::ToMilliseconds),
        ("toSeconds", Function::ToSeconds),
        ("toMinutes", Function::ToMinutes),
        ("toHours", Function::ToHours),
        ("toDays", Function::ToDays),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, function)| *function)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }
}

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Overflow,
    /// A policy reads an entity that it names and that is not in the data.
    NoEntity,
    NoAttribute,
    NoTag,
    /// A constructor such as `decimal` was given a text that it does not take.
    BadText,
    /// Validation proved that this does not happen.
    Unreachable,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Failure::Overflow => "a number is too large",
            Failure::NoEntity => "an entity that it names is not in the data",
            Failure::NoAttribute => "an attribute is absent",
            Failure::NoTag => "a tag is absent",
            Failure::BadText => "a text is not of the form that an extension type takes",
            Failure::Unreachable => "it reached what validation holds to be unreachable",
        })
    }
}

/// A policy in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its place among the ward's policies.
    pub(crate) policy: usize,
    pub(crate) effect: Effect,
    /// Its condition.
    pub(crate) root: Id,
}

/// Every policy that can apply in one request environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Program {
    nodes: Vec<Node>,
    /// Whether a node's value depends on the resource, by number.
    of_resource: Vec<bool>,
    /// Where an evaluation keeps a node's value, by number; `None` where computing it anew costs no more.
    slots: Vec<Option<u32>>,
    slot_count: usize,
    /// Whether evaluating a node can fail, by number.
    fallible: Vec<bool>,
    can_fail: bool,
    /// In the order of the policies' ids.
    pub(crate) entries: Vec<Entry>,
    /// A condition that holds where any permit's does, where it was looked for: what they share stands once.
    pub(crate) permitted: Option<Id>,
}

impl Program {
    pub(crate) fn node(&self, id: Id) -> &Node {
        self.nodes.get(id.index()).unwrap_or(&Node::Unreachable)
    }

    /// The number of the first node.
    pub(crate) fn first(&self) -> Id {
        Id(0)
    }

    /// Every node's number, operands first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> + use<> {
        (0..self.nodes.len() as u32).map(Id)
    }

    pub(crate) fn depends_on_resource(&self, id: Id) -> bool {
        self.of_resource.get(id.index()).copied().unwrap_or(true)
    }

    pub(crate) fn constant(&self, id: Id) -> Option<&Value> {
        match self.node(id) {
            Node::Const(value) => Some(value),
            _ => None,
        }
    }

    /// Whether evaluating the node can fail.
    pub(crate) fn node_can_fail(&self, id: Id) -> bool {
        self.fallible.get(id.index()).copied().unwrap_or(true)
    }

    /// Whether evaluating some policy can fail.
    pub(crate) fn can_fail(&self) -> bool {
        self.can_fail
    }

    /// How many nodes and policies use each node, by number.
    fn uses(&self) -> Vec<u32> {
        let mut uses = vec![0_u32; self.nodes.len()];
        let mut count = |id: Id| {
            if let Some(uses) = uses.get_mut(id.index()) {
                *uses += 1;
            }
        };
        self.nodes.iter().for_each(|node| node.operands(&mut count));
        self.entries.iter().for_each(|entry| count(entry.root));
        uses
    }

    /// Gives a slot to each node whose value an evaluation is to keep.
    fn give_slots(&mut self) {
        let uses = self.uses();
        self.slot_count = 0;
        for ((node, uses), of_resource) in self.nodes.iter().zip(uses).zip(&self.of_resource) {
            let is_at_hand = match node {
                Node::Const(value) => !matches!(value, Value::Entity(_)),
                Node::Principal | Node::Resource | Node::IsGiven(_) | Node::Unreachable => true,
                _ => false,
            };
            // What does not depend on the resource is kept from record to record.
            let keep = !is_at_hand && (uses > 1 || !of_resource);
            self.slots.push(keep.then(|| u32::try_from(self.slot_count).unwrap_or(u32::MAX)));
            self.slot_count += usize::from(keep);
        }
    }

    /// The place of a node's value among [`Program::slot_count`].
    fn slot(&self, id: Id) -> Option<usize> {
        self.slots.get(id.index()).copied().flatten().map(|slot| slot as usize)
    }
}
