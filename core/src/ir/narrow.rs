//! A residual made ready for indices: what a condition pins down is put in wherever it is asked about.
//!
//! `resource.provider == p && resource.provider.kind == "asp"` is `resource.provider == p` or nothing at all,
//! once it is looked up what `p` is. Where a path can only lead to one of a few, each is looked at in turn.
//! The result says the same of every resource for which no policy fails; where one may, the caller decides by
//! the residual itself.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::{Binary, Builder, Id, MadeFrom, Node, Program};
use crate::model::Value;
use crate::world::World;

/// Values of one path that are looked at in turn.
const FEW: usize = 8;
/// Nodes beyond which nothing more is put in.
const MANY_NODES: usize = 20_000;

/// What paths can lead to where a condition holds.
type Pinned = BTreeMap<Id, BTreeSet<Value>>;

impl Program {
    /// The residual with what its conditions pin down put in; notes the entities that were looked up.
    pub(crate) fn narrowed(&self, world: &World, made_from: &mut MadeFrom) -> Program {
        let mut builder = Builder::new(world.schema());
        let mut new: Vec<Id> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let id = builder.add(node.with_operands(|id| new.get(id.index()).copied().unwrap_or(id)));
            new.push(id);
        }
        let mut narrowing = Narrowing { builder, world, made_from };
        for entry in &self.entries {
            let Some(&root) = new.get(entry.root.index()) else { continue };
            let root = narrowing.narrow(root, &BTreeSet::new());
            narrowing.builder.policy(entry.policy, entry.effect, root);
        }
        let permitted = super::factor::permitted(&mut narrowing.builder);
        let mut program = narrowing.builder.finish();
        program.permitted = permitted;
        program.pruned()
    }

    /// Whether the node is reached from the resource by attributes alone.
    pub(crate) fn is_path(&self, id: Id) -> bool {
        match self.node(id) {
            Node::Resource => true,
            Node::Attr(of, ..) => self.is_path(*of),
            _ => false,
        }
    }

    /// The operands of a chain of `&&`, or of `||`.
    pub(crate) fn chain(&self, id: Id, of: fn(&Node) -> Option<(Id, Id)>) -> Vec<Id> {
        let (mut operands, mut next) = (Vec::new(), vec![id]);
        while let Some(id) = next.pop() {
            match of(self.node(id)) {
                Some((a, b)) => next.extend([b, a]),
                None => operands.push(id),
            }
        }
        operands
    }
}

impl Node {
    pub(crate) fn as_and(&self) -> Option<(Id, Id)> {
        if let Node::And(a, b) = self { Some((*a, *b)) } else { None }
    }

    pub(crate) fn as_or(&self) -> Option<(Id, Id)> {
        if let Node::Or(a, b) = self { Some((*a, *b)) } else { None }
    }
}

struct Narrowing<'a> {
    builder: Builder<'a>,
    world: &'a World,
    made_from: &'a mut MadeFrom,
}

impl Narrowing<'_> {
    /// `done` are the paths that were put in already. Recursion is bounded by the limits on policy text.
    fn narrow(&mut self, id: Id, done: &BTreeSet<Id>) -> Id {
        if self.builder.program.nodes.len() > MANY_NODES {
            return id;
        }
        match *self.builder.program.node(id) {
            Node::And(..) => self.narrow_all(id, done),
            Node::Or(a, b) => {
                let (a, b) = (self.narrow(a, done), self.narrow(b, done));
                self.builder.add(Node::Or(a, b))
            }
            _ => id,
        }
    }

    fn narrow_all(&mut self, id: Id, done: &BTreeSet<Id>) -> Id {
        let conditions = self.builder.program.chain(id, Node::as_and);
        let mut pinned = Pinned::new();
        conditions.iter().for_each(|&id| both(&mut pinned, self.pinned(id)));
        let smallest =
            pinned.into_iter().filter(|(path, _)| !done.contains(path)).min_by_key(|(_, v)| v.len());
        let Some((path, values)) = smallest else {
            let narrowed: Vec<Id> = conditions.iter().map(|&id| self.narrow(id, done)).collect();
            return self.all(&narrowed);
        };
        let mut done = done.clone();
        done.insert(path);
        let mut bodies: Vec<(Id, BTreeSet<Value>)> = Vec::new();
        let values = values.into_iter().take(if mutant!(NarrowTakesFirst) { 1 } else { FEW });
        for value in values {
            let mut memo = HashMap::new();
            let put_in: Vec<Id> =
                conditions.iter().map(|&id| self.put_in(id, path, &value, &mut memo)).collect();
            let body = self.all(&put_in);
            match bodies.iter_mut().find(|(known, _)| *known == body) {
                Some((_, values)) => {
                    values.insert(value);
                }
                None => bodies.push((body, BTreeSet::from([value]))),
            }
        }
        let mut any = self.builder.bool(false);
        for (body, values) in bodies {
            let body = self.narrow(body, &done);
            let is_one = self.is_one_of(path, values);
            let both = self.builder.add(Node::And(is_one, body));
            any = self.builder.add(Node::Or(any, both));
        }
        any
    }

    fn all(&mut self, conditions: &[Id]) -> Id {
        let mut all = self.builder.bool(true);
        for &condition in conditions {
            all = self.builder.add(Node::And(all, condition));
        }
        all
    }

    fn is_one_of(&mut self, path: Id, mut values: BTreeSet<Value>) -> Id {
        if values.len() == 1
            && let Some(value) = values.pop_first()
        {
            let value = self.builder.add(Node::Const(value));
            return self.builder.add(Node::Binary(Binary::Eq, path, value));
        }
        let set = self.builder.add(Node::Const(Value::Set(values)));
        self.builder.add(Node::Binary(Binary::Contains, set, path))
    }

    /// What paths must lead to where the condition holds.
    fn pinned(&self, id: Id) -> Pinned {
        let program = &self.builder.program;
        let path = |id: Id| program.is_path(id) && matches!(program.node(id), Node::Attr(..));
        match *program.node(id) {
            Node::Binary(Binary::Eq, a, b) => match (self.builder.constant(a), self.builder.constant(b)) {
                (None, Some(value)) if path(a) => one(a, value),
                (Some(value), None) if path(b) => one(b, value),
                _ => Pinned::new(),
            },
            Node::Binary(Binary::Contains, set, element) if path(element) => match self.builder.constant(set)
            {
                Some(Value::Set(all)) if all.len() <= FEW => Pinned::from([(element, all.clone())]),
                _ => Pinned::new(),
            },
            Node::And(a, b) => {
                let mut pinned = self.pinned(a);
                both(&mut pinned, self.pinned(b));
                pinned
            }
            Node::Or(a, b) => {
                let (mut a, b) = (self.pinned(a), self.pinned(b));
                a.retain(|path, _| b.contains_key(path));
                for (path, values) in &mut a {
                    values.extend(b.get(path).into_iter().flatten().cloned());
                }
                a.retain(|_, values| values.len() <= FEW);
                a
            }
            _ => Pinned::new(),
        }
    }

    /// The condition where `path` leads to `value`.
    fn put_in(&mut self, id: Id, path: Id, value: &Value, memo: &mut HashMap<Id, Id>) -> Id {
        if id == path {
            return self.builder.add(Node::Const(value.clone()));
        }
        if let Some(&known) = memo.get(&id) {
            return known;
        }
        let node = self.builder.program.node(id).clone();
        let mut operands = Vec::new();
        node.operands(&mut |id| operands.push(id));
        for operand in operands {
            let new = self.put_in(operand, path, value, memo);
            memo.insert(operand, new);
        }
        // What leads to a value is there.
        if let (Node::HasAttr(of, _, attr), Node::Attr(from, _, same)) =
            (&node, self.builder.program.node(path))
            && (of, attr) == (from, same)
        {
            return self.builder.bool(true);
        }
        let looked_up = match node {
            Node::Attr(of, _, attr) if of == path => self.looked_up(value, |world, place| {
                world.value(place.0, place.1, attr).map_or(Node::Unreachable, Node::Const)
            }),
            Node::HasAttr(of, _, attr) if of == path => self.looked_up(value, |world, place| {
                Node::Const(Value::Bool(world.stored(place, attr).is_some()))
            }),
            _ => None,
        };
        let put_in = |id: Id| memo.get(&id).copied().unwrap_or(id);
        let node = looked_up.unwrap_or_else(|| node.with_operands(put_in));
        let new = self.builder.add(node);
        memo.insert(id, new);
        new
    }

    /// What `read` finds of the entity that `value` names; `None` where there is none.
    fn looked_up(
        &mut self,
        value: &Value,
        read: impl Fn(&World, crate::world::Place) -> Node,
    ) -> Option<Node> {
        let Value::Entity(uid) = value else { return None };
        match self.world.place(uid) {
            Some(place) => {
                self.made_from.entities.insert(place);
                Some(read(self.world, place))
            }
            None => {
                self.made_from.types.extend(self.world.schema().type_id(uid.type_name()));
                None
            }
        }
    }
}

fn one(path: Id, value: &Value) -> Pinned {
    Pinned::from([(path, BTreeSet::from([value.clone()]))])
}

/// Both hold.
fn both(pinned: &mut Pinned, more: Pinned) {
    for (path, values) in more {
        match pinned.get_mut(&path) {
            Some(known) => known.retain(|value| values.contains(value)),
            None => {
                pinned.insert(path, values);
            }
        }
    }
}
