//! The types of nodes, as the schema gives them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Binary, Function, Id, Node, Program};
use crate::model::{Action, Attribute, Schema, Type, TypeId, Value};

/// The type of every node of a program, by number; `None` where it cannot be told, as of an empty set.
pub(crate) struct Types(Vec<Option<Type>>);

impl Types {
    /// The types in a program for a principal type, an action and a resource type.
    pub(crate) fn new(
        program: &Program,
        schema: &Schema,
        (principal, action, resource): (TypeId, &Action, TypeId),
    ) -> Self {
        let mut types = Types(Vec::with_capacity(program.nodes.len()));
        for node in &program.nodes {
            let ty = match node {
                Node::Const(value) => of_value(schema, value),
                Node::Principal => Some(Type::Entity(principal)),
                Node::Resource => Some(Type::Entity(resource)),
                Node::Context => Some(Type::Record(action.context.clone())),
                Node::Given(name) => action.context.get(name).map(|field| field.ty.clone()),
                _ => types.of_node(schema, node),
            };
            types.0.push(ty);
        }
        types
    }

    pub(crate) fn of(&self, id: Id) -> Option<&Type> {
        self.0.get(id.index())?.as_ref()
    }

    fn of_node(&self, schema: &Schema, node: &Node) -> Option<Type> {
        match node {
            Node::Attr(_, ty, attr) => {
                let (_, attribute) = schema.entity_type(*ty)?.attributes.get(attr.index())?;
                Some(attribute.ty.clone())
            }
            Node::Field(of, name) => match self.of(*of)? {
                Type::Record(fields) => fields.get(name).map(|field| field.ty.clone()),
                _ => None,
            },
            Node::Tag(of, _) => match self.of(*of)? {
                Type::Entity(ty) => schema.entity_type(*ty)?.tags.clone(),
                _ => None,
            },
            Node::If(_, then, or) => self.of(*then).or_else(|| self.of(*or)).cloned(),
            Node::Neg(_) | Node::Binary(Binary::Add | Binary::Sub | Binary::Mul, ..) => Some(Type::Long),
            Node::Set(all) => {
                let element = all.iter().find_map(|id| self.of(*id))?;
                Some(Type::Set(Box::new(element.clone())))
            }
            Node::Record(fields) => {
                let typed = fields.iter().filter_map(|(name, id)| {
                    let ty = self.of(*id)?.clone();
                    Some((name.clone(), Attribute { ty, required: true }))
                });
                Some(Type::Record(Arc::new(typed.collect())))
            }
            Node::Call(function, _) => Some(function.result()),
            Node::Unreachable => None,
            _ => Some(Type::Bool),
        }
    }
}

impl Function {
    fn result(self) -> Type {
        match self {
            Function::Decimal => Type::Decimal,
            Function::Ip => Type::Ip,
            Function::Datetime | Function::Offset | Function::ToDate => Type::Datetime,
            Function::Duration | Function::DurationSince | Function::ToTime => Type::Duration,
            Function::ToMilliseconds
            | Function::ToSeconds
            | Function::ToMinutes
            | Function::ToHours
            | Function::ToDays => Type::Long,
            _ => Type::Bool,
        }
    }
}

/// The type of a value.
fn of_value(schema: &Schema, value: &Value) -> Option<Type> {
    Some(match value {
        Value::Bool(_) => Type::Bool,
        Value::Long(_) => Type::Long,
        Value::String(_) => Type::String,
        Value::Entity(uid) => Type::Entity(schema.type_id(uid.type_name())?),
        Value::Set(all) => Type::Set(Box::new(all.iter().find_map(|value| of_value(schema, value))?)),
        Value::Record(fields) => {
            let typed: BTreeMap<Arc<str>, Attribute> = fields
                .iter()
                .filter_map(|(name, value)| {
                    let ty = of_value(schema, value)?;
                    Some((name.clone(), Attribute { ty, required: true }))
                })
                .collect();
            Type::Record(Arc::new(typed))
        }
        Value::Decimal(_) => Type::Decimal,
        Value::Ip(_) => Type::Ip,
        Value::Datetime(_) => Type::Datetime,
        Value::Duration(_) => Type::Duration,
    })
}
