//! What an evaluation reads, fact by fact, and where a value is kept: for explanations.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::eval::{Val, text};
use super::{Binary, Evaluation, Failure, Id, Node};
use crate::model::{AttrId, Value};
use crate::world::{Place, Row};

/// Something that a policy can read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fact {
    /// A field of the context.
    Given(Arc<str>),
    /// An attribute of an entity.
    Attribute(Place, AttrId),
    /// A tag of an entity.
    Tag(Place, Arc<str>),
    /// What an entity lies in.
    Above(Place),
}

/// Facts that are taken to be otherwise than the data has them; `None` for one that is taken to be absent.
/// What is given is not among them: another context is.
pub(crate) type Supposed = BTreeMap<Fact, Option<Value>>;

/// Where a value is kept: a fact, or a field of the record that it holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Spot {
    pub(crate) fact: Fact,
    pub(crate) fields: Vec<Arc<str>>,
}

/// What evaluating a node reads.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pub(crate) facts: BTreeSet<Fact>,
    /// Whether it reads what may not be seen. What comes after that is not followed.
    pub(crate) is_hidden: bool,
    walked: HashSet<Id>,
}

/// A value, or the first elements of a large set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glimpse {
    pub(crate) value: Value,
    /// Elements of the set that are left out.
    pub(crate) left_out: usize,
}

impl<'a> Evaluation<'a> {
    /// Takes some facts to be otherwise than the data has them.
    pub(crate) fn supposing(mut self, supposed: &'a Supposed) -> Self {
        self.supposed = (!supposed.is_empty()).then_some(supposed);
        self
    }

    /// Adds the facts that evaluating the node reads, in Cedar's order, up to one that `sees` refuses.
    ///
    /// INVARIANT: where the facts that it finds are as they were, the node's value is as it was.
    /// Recursion is bounded by the limits on policy text.
    pub(crate) fn reads(&mut self, id: Id, sees: &dyn Fn(&Fact) -> bool, reads: &mut Reads) {
        if reads.is_hidden || !reads.walked.insert(id) {
            return;
        }
        let program = self.program;
        match program.node(id) {
            Node::And(a, b) => self.reads_short(*a, *b, true, sees, reads),
            Node::Or(a, b) => self.reads_short(*a, *b, false, sees, reads),
            Node::If(test, then, or) => {
                self.reads(*test, sees, reads);
                match (reads.is_hidden, self.holds(*test)) {
                    (false, Ok(true)) => self.reads(*then, sees, reads),
                    (false, Ok(false)) => self.reads(*or, sees, reads),
                    _ => {}
                }
            }
            Node::Attr(of, _, attr) | Node::HasAttr(of, _, attr) => {
                self.reads(*of, sees, reads);
                if !reads.is_hidden
                    && let Some(place) = self.entity(*of)
                {
                    reads.note(Fact::Attribute(place, *attr), sees);
                }
            }
            Node::Tag(of, name) | Node::HasTag(of, name) => {
                self.reads(*of, sees, reads);
                self.reads(*name, sees, reads);
                if !reads.is_hidden
                    && let (Some(place), Some(name)) = (self.entity(*of), self.name(*name))
                {
                    reads.note(Fact::Tag(place, name), sees);
                }
            }
            Node::Given(name) | Node::IsGiven(name) => reads.note(Fact::Given(name.clone()), sees),
            Node::Context => {
                for name in self.context.keys() {
                    reads.note(Fact::Given(name.clone()), sees);
                }
            }
            Node::Binary(Binary::In, a, b) => {
                self.reads(*a, sees, reads);
                self.reads(*b, sees, reads);
                if !reads.is_hidden
                    && let Some(place) = self.entity(*a)
                {
                    reads.note(Fact::Above(place), sees);
                }
            }
            node => node.operands(&mut |operand| self.reads(operand, sees, reads)),
        }
    }

    fn reads_short(&mut self, a: Id, b: Id, goes_on: bool, sees: &dyn Fn(&Fact) -> bool, reads: &mut Reads) {
        self.reads(a, sees, reads);
        if !reads.is_hidden && self.holds(a) == Ok(goes_on) {
            self.reads(b, sees, reads);
        }
    }

    /// The entity that the node is, where it is one of the data.
    pub(crate) fn entity(&mut self, id: Id) -> Option<Place> {
        match self.eval(id).ok()? {
            Val::Entity(place) => Some(place),
            _ => None,
        }
    }

    fn name(&mut self, id: Id) -> Option<Arc<str>> {
        let value = self.eval(id).ok()?;
        text(&value).ok().map(Arc::from)
    }

    /// Where the value of a node is kept, present or not: `None` for what is computed, for an identity, and for
    /// what is only reached from an entity that a policy names.
    pub(crate) fn spot(&mut self, id: Id) -> Option<Spot> {
        let program = self.program;
        let of = |fact| Some(Spot { fact, fields: Vec::new() });
        match program.node(id) {
            Node::Given(name) => of(Fact::Given(name.clone())),
            Node::Attr(from, _, attr) | Node::HasAttr(from, _, attr) => {
                let place = self.is_rooted(*from).then(|| self.entity(*from))??;
                of(Fact::Attribute(place, *attr))
            }
            Node::IsGiven(name) => of(Fact::Given(name.clone())),
            Node::Tag(from, name) | Node::HasTag(from, name) => {
                let place = self.is_rooted(*from).then(|| self.entity(*from))??;
                of(Fact::Tag(place, self.name(*name)?))
            }
            Node::Field(from, name) | Node::HasField(from, name) => {
                if let Node::Record(fields) = program.node(*from) {
                    let (_, field) = fields.iter().find(|(field, _)| field == name)?;
                    return self.spot(*field);
                }
                self.eval(*from).ok()?;
                let mut spot = self.spot(*from)?;
                spot.fields.push(name.clone());
                Some(spot)
            }
            Node::If(test, then, or) => match self.holds(*test) {
                Ok(true) => self.spot(*then),
                Ok(false) => self.spot(*or),
                Err(_) => None,
            },
            _ => None,
        }
    }

    /// Whether the node is reached from the principal, the resource or the context.
    fn is_rooted(&mut self, id: Id) -> bool {
        let program = self.program;
        match program.node(id) {
            Node::Principal | Node::Resource | Node::Given(_) | Node::Context => true,
            Node::Attr(of, ..) | Node::Tag(of, _) => self.is_rooted(*of),
            Node::Field(of, name) => match program.node(*of) {
                Node::Record(fields) => {
                    fields.iter().find(|(field, _)| field == name).is_some_and(|(_, id)| self.is_rooted(*id))
                }
                _ => self.is_rooted(*of),
            },
            Node::If(test, then, or) => match self.holds(*test) {
                Ok(true) => self.is_rooted(*then),
                Ok(false) => self.is_rooted(*or),
                Err(_) => false,
            },
            _ => false,
        }
    }

    /// Whether the node has no value.
    pub(crate) fn fails(&mut self, id: Id) -> bool {
        self.eval(id).is_err()
    }

    /// The node's value, unless it has none or is a set of more than `most` elements.
    pub(crate) fn whole(&mut self, id: Id, most: usize) -> Option<Value> {
        let value = self.eval(id).ok()?;
        let size = match &value {
            Val::Rows(_, rows) => rows.len(),
            Val::Held(Value::Set(all)) => all.len(),
            _ => 0,
        };
        (size <= most).then(|| self.value(&value))
    }

    /// The node's value; of a set no more than the first `most` elements, by name where they are entities.
    pub(crate) fn glimpse(&mut self, id: Id, most: usize) -> Result<Glimpse, Failure> {
        let value = self.eval(id)?;
        let cut = |all: usize| all.saturating_sub(most);
        Ok(match &value {
            Val::Rows(ty, rows) => {
                let mut first = rows.to_vec();
                if let Some(world) = self.world.filter(|_| most > 0 && rows.len() > most) {
                    first.select_nth_unstable_by_key(most - 1, |row| world.id((*ty, Row(*row))));
                }
                first.truncate(most);
                let first = first.into_iter().map(|row| self.value(&Val::Entity((*ty, Row(row)))));
                Glimpse { value: Value::set(first), left_out: cut(rows.len()) }
            }
            Val::Held(Value::Set(all)) => {
                Glimpse { value: Value::set(all.iter().take(most).cloned()), left_out: cut(all.len()) }
            }
            _ => match self.value(&value) {
                Value::Set(all) => {
                    let left_out = cut(all.len());
                    Glimpse { value: Value::Set(all.into_iter().take(most).collect()), left_out }
                }
                value => Glimpse { value, left_out: 0 },
            },
        })
    }
}

impl Reads {
    fn note(&mut self, fact: Fact, sees: &dyn Fn(&Fact) -> bool) {
        if !self.is_hidden && !self.facts.contains(&fact) {
            if sees(&fact) {
                self.facts.insert(fact);
            } else {
                self.is_hidden = true;
            }
        }
    }
}
