//! Programs as people read them: a line a node that several others use, the rest in place.

use std::fmt;

use super::{Binary, Id, Node, Program};
use crate::model::{Schema, Value};

/// A program with the names of its schema.
pub(crate) struct Printed<'a> {
    pub(crate) program: &'a Program,
    pub(crate) schema: &'a Schema,
    /// Ids of the ward's policies, by place.
    pub(crate) names: &'a dyn Fn(usize) -> String,
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        for (at, _) in shared.iter().enumerate().filter(|(_, shared)| **shared) {
            let Ok(number) = u32::try_from(at) else { continue };
            writeln!(f, "n{number} = {}", self.text(Id(number), &shared, true))?;
        }
        for entry in &self.program.entries {
            let effect = match entry.effect {
                crate::model::Effect::Permit => "permit",
                crate::model::Effect::Forbid => "forbid",
            };
            writeln!(
                f,
                "{effect} {} when {}",
                (self.names)(entry.policy),
                self.text(entry.root, &shared, false)
            )?;
        }
        Ok(())
    }
}

impl Printed<'_> {
    /// Which nodes get a line of their own: those used more than once that are more than a name.
    fn shared(&self) -> Vec<bool> {
        let is_name = |node: &Node| {
            matches!(node, Node::Const(_) | Node::Principal | Node::Resource | Node::Given(_))
                || matches!(node, Node::Attr(of, ..) if matches!(self.program.node(*of), Node::Principal | Node::Resource))
        };
        let uses = self.program.uses();
        uses.iter().zip(&self.program.nodes).map(|(uses, node)| *uses > 1 && !is_name(node)).collect()
    }

    fn text(&self, id: Id, shared: &[bool], spelled_out: bool) -> String {
        if !spelled_out && shared.get(id.index()).copied().unwrap_or(false) {
            return format!("n{}", id.0);
        }
        let t = |id: &Id| self.text(*id, shared, false);
        let list = |ids: &[Id]| ids.iter().map(t).collect::<Vec<_>>().join(", ");
        let attribute = |ty: crate::model::TypeId, attr: crate::model::AttrId| {
            let ty = self.schema.entity_type(ty);
            ty.and_then(|ty| ty.attributes.get(attr.index()))
                .map_or("?", |(name, _)| name.as_ref())
                .to_owned()
        };
        match self.program.node(id) {
            Node::Const(value) => constant(value),
            Node::Principal => "principal".into(),
            Node::Resource => "resource".into(),
            Node::Context => "context".into(),
            Node::Given(name) => format!("context.{name}"),
            Node::IsGiven(name) => format!("(context has {name})"),
            Node::Attr(of, ty, attr) => format!("{}.{}", t(of), attribute(*ty, *attr)),
            Node::HasAttr(of, ty, attr) => format!("({} has {})", t(of), attribute(*ty, *attr)),
            Node::Field(of, name) => format!("{}.{name}", t(of)),
            Node::HasField(of, name) => format!("({} has {name})", t(of)),
            Node::Tag(of, name) => format!("{}.getTag({})", t(of), t(name)),
            Node::HasTag(of, name) => format!("{}.hasTag({})", t(of), t(name)),
            Node::And(a, b) => format!("({} && {})", t(a), t(b)),
            Node::Or(a, b) => format!("({} || {})", t(a), t(b)),
            Node::If(a, b, c) => format!("(if {} then {} else {})", t(a), t(b), t(c)),
            Node::Not(a) => format!("!{}", t(a)),
            Node::Neg(a) => format!("-{}", t(a)),
            Node::IsEmpty(a) => format!("{}.isEmpty()", t(a)),
            Node::Binary(op, a, b) => match op.method() {
                Some(method) => format!("{}.{method}({})", t(a), t(b)),
                None => format!("({} {} {})", t(a), op.sign(), t(b)),
            },
            Node::Like(a, pattern) => format!("({} like {:?})", t(a), pattern.parts().join("*")),
            Node::Is(a, ty) => {
                format!("({} is {})", t(a), self.schema.entity_type(*ty).map_or("?", |ty| ty.name.as_ref()))
            }
            Node::Set(all) => format!("[{}]", list(all)),
            Node::Record(fields) => {
                let fields = fields.iter().map(|(name, id)| format!("{name}: {}", t(id)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            Node::Call(function, args) => format!("{}({})", function.name(), list(args)),
            Node::Unreachable => "unreachable".into(),
        }
    }
}

fn constant(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Entity(uid) => uid.to_string(),
        Value::Set(all) => format!("[{}]", all.iter().map(constant).collect::<Vec<_>>().join(", ")),
        Value::Datetime(ms) => crate::model::timestamp::format(*ms).unwrap_or_else(|| format!("{ms}ms")),
        Value::Duration(ms) => format!("{ms}ms"),
        Value::Bool(v) => v.to_string(),
        Value::Long(v) => v.to_string(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

impl Binary {
    fn sign(self) -> &'static str {
        match self {
            Binary::Eq => "==",
            Binary::Less => "<",
            Binary::LessEq => "<=",
            Binary::Add => "+",
            Binary::Sub => "-",
            Binary::Mul => "*",
            Binary::In => "in",
            Binary::Contains | Binary::ContainsAll | Binary::ContainsAny => "",
        }
    }

    fn method(self) -> Option<&'static str> {
        match self {
            Binary::Contains => Some("contains"),
            Binary::ContainsAll => Some("containsAll"),
            Binary::ContainsAny => Some("containsAny"),
            _ => None,
        }
    }
}
