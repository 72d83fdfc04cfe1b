//! A residual that leaves the facts of other entities open, for those who keep them elsewhere.
//!
//! Only what the principal has, what the context says and the types that are known anyway are looked at. What is
//! left holds for whatever the others are, and for a window of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::specialise::Specialising;
use super::{Binary, Builder, Evaluation, Id, MadeFrom, Node, Program, Types};
use crate::model::{Action, Schema, TypeId, Value};
use crate::world::{Place, World};

/// Whose facts may be looked at, for a program of one environment.
pub(crate) struct Own<'a> {
    pub(crate) principal: Place,
    pub(crate) context: &'a BTreeMap<Arc<str>, Value>,
    pub(crate) environment: (TypeId, &'a Action, TypeId),
    /// Types all of whose entities may be looked at.
    pub(crate) known: &'a dyn Fn(TypeId) -> bool,
}

/// What is left of a program.
pub(crate) struct Apart {
    /// Its condition `permitted` is made, unless permits are too many.
    pub(crate) program: Program,
    /// The windows alone: what was looked at is the principal and the known types.
    pub(crate) made_from: MadeFrom,
    /// What a node of the whole program became, by number.
    pub(crate) became: Vec<Id>,
}

impl Program {
    /// The program for one principal and context, with the facts of all others left open.
    pub(crate) fn apart(&self, world: &World, own: &Own<'_>) -> Apart {
        let schema = world.schema();
        let mut specialising = Specialising {
            program: self,
            evaluation: Evaluation::new(self, world, own.principal, None, own.context),
            context: own.context,
            timed: Vec::with_capacity(self.nodes.len()),
            apart: Some(self.looked_at(schema, own)),
            windows: MadeFrom::default(),
        };
        let (first, to_first) = {
            let (mut builder, map) = self.rebuilt_apart(schema, |id, node| specialising.known(id, node));
            builder.program.permitted = None;
            (builder.finish(), map)
        };
        let mut made_from = specialising.windows;
        // By now it may stand there by name.
        let is_principal = |node: &Node| match node {
            Node::Principal => true,
            Node::Const(Value::Entity(uid)) => world.place(uid) == Some(own.principal),
            _ => false,
        };
        // What still asks for an instant holds at that very instant.
        let reached = first.reached();
        let (mut builder, to_second) = first.rebuilt_apart(schema, |id, node| {
            let is_reached = reached.get(id.index()).copied().unwrap_or(false);
            let note = |made_from: &mut MadeFrom, name: &Arc<str>, value: &Value| {
                if let (Value::Datetime(at), true) = (value, is_reached) {
                    made_from.narrow(name, *at, *at);
                }
            };
            match node {
                Node::Given(name) => {
                    let value = own.context.get(name)?;
                    note(&mut made_from, name, value);
                    Some(value.clone())
                }
                Node::Context => {
                    own.context.iter().for_each(|(name, value)| note(&mut made_from, name, value));
                    Some(Value::Record(own.context.clone()))
                }
                Node::IsGiven(name) => Some(Value::Bool(own.context.contains_key(name))),
                Node::Attr(of, _, attr) if is_principal(first.node(*of)) => {
                    world.value(own.principal.0, own.principal.1, *attr)
                }
                _ => None,
            }
        });
        let permitted = super::factor::permitted(&mut builder);
        let mut program = builder.finish();
        program.permitted = permitted;
        let step = |id: &Id| to_second.get(id.index()).copied().unwrap_or(*id);
        Apart { program, made_from, became: to_first.iter().map(step).collect() }
    }

    /// Which nodes ask nothing of the resource, nor of others whose facts are left open, by number.
    fn looked_at(&self, schema: &Schema, own: &Own<'_>) -> Vec<bool> {
        let types = Types::new(self, schema, own.environment);
        let mut all: Vec<bool> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let is_own = |of: &Id, ty: Option<TypeId>| {
                matches!(self.node(*of), Node::Principal) || ty.is_some_and(own.known)
            };
            let of_type = |of: &Id| match types.of(*of) {
                Some(crate::model::schema::Type::Entity(ty)) => Some(*ty),
                _ => None,
            };
            let mut may = match node {
                Node::Resource | Node::Unreachable => false,
                Node::Attr(of, ty, _) | Node::HasAttr(of, ty, _) => is_own(of, Some(*ty)),
                Node::Tag(of, _) | Node::HasTag(of, _) | Node::Binary(Binary::In, of, _) => {
                    is_own(of, of_type(of))
                }
                _ => true,
            };
            node.operands(&mut |id| may &= all.get(id.index()).copied().unwrap_or(false));
            all.push(may);
        }
        all
    }

    /// The same program for data in which a reference may lead nowhere, with the values that `fold` gives put in;
    /// and what each node became.
    fn rebuilt_apart<'a>(
        &self,
        schema: &'a Schema,
        mut fold: impl FnMut(Id, &Node) -> Option<Value>,
    ) -> (Builder<'a>, Vec<Id>) {
        let mut builder = Builder::for_tables(schema);
        let mut new: Vec<Id> = Vec::with_capacity(self.nodes.len());
        for (number, node) in (0u32..).zip(&self.nodes) {
            let id = match fold(Id(number), node) {
                Some(value) => builder.add(Node::Const(value)),
                None => builder.add(node.with_operands(|id| new.get(id.index()).copied().unwrap_or(id))),
            };
            new.push(id);
        }
        for entry in &self.entries {
            if let Some(&root) = new.get(entry.root.index()) {
                builder.policy(entry.policy, entry.effect, root);
            }
        }
        (builder, new)
    }

    /// Whether some policy reaches a node, by number.
    fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut open: Vec<Id> = self.entries.iter().map(|entry| entry.root).collect();
        while let Some(id) = open.pop() {
            if let Some(seen) = reached.get_mut(id.index())
                && !std::mem::replace(seen, true)
            {
                self.node(id).operands(&mut |id| open.push(id));
            }
        }
        reached
    }
}
