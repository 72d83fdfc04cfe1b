//! From Cedar's syntax trees to programs.
//!
//! It starts from the policy as written, not from the validator's typed tree: that tree leaves out operands
//! that can be seen to have no influence on the value, though evaluating them may fail. What types are
//! needed here follow from the schema and the request environment.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::PolicySet;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, PatternElem, UnaryOp, Var};

use super::load::Policy;
use crate::cedar::value::uid_from_cedar;
use crate::ir::{Binary, Builder, Function, Id, Node, Pattern, Program};
use crate::model::{Action, Effect, Schema, Type, TypeId, Value};

/// The programs of a set of policies: one for each principal type, action and resource type.
pub(crate) struct Programs {
    /// By principal type, the action's place in the schema, and resource type.
    by_environment: hashbrown::HashMap<(TypeId, usize, TypeId), Arc<Program>>,
    nothing: Arc<Program>,
}

impl Programs {
    /// `policies` in the order of their ids.
    pub(super) fn new(set: &PolicySet, policies: &[Policy], schema: &Schema) -> Self {
        let trees = trees(set, policies);
        let mut by_environment = hashbrown::HashMap::new();
        for (place, action) in schema.actions().iter().enumerate() {
            for &principal in &action.principals {
                for &resource in &action.resources {
                    let environment = Environment { schema, principal, action, resource, places: None };
                    let program = environment.program(Builder::new(schema), &trees);
                    by_environment.insert((principal, place, resource), Arc::new(program));
                }
            }
        }
        Programs { by_environment, nothing: Arc::default() }
    }

    /// The program for an action, by its place in the schema.
    pub(crate) fn of(&self, principal: TypeId, action: usize, resource: TypeId) -> &Arc<Program> {
        self.by_environment.get(&(principal, action, resource)).unwrap_or(&self.nothing)
    }

    /// Every request environment of the schema.
    pub(crate) fn environments(&self) -> impl Iterator<Item = (TypeId, usize, TypeId)> {
        self.by_environment.keys().copied()
    }
}

type Tree = (usize, Effect, Arc<Expr>);

fn trees(set: &PolicySet, policies: &[Policy]) -> Vec<Tree> {
    let tree = |(at, policy): (usize, &Policy)| {
        let parsed = set.policy(&cedar_policy::PolicyId::new(policy.id.as_ref()))?;
        let parsed: &cedar_policy_core::ast::Policy = parsed.as_ref();
        Some((at, policy.effect, Arc::new(parsed.condition())))
    };
    policies.iter().enumerate().filter_map(tree).collect()
}

/// The program of an environment for data in which a reference may lead nowhere, and where its nodes stand.
pub(super) fn for_tables(
    set: &PolicySet,
    policies: &[Policy],
    schema: &Schema,
    (principal, action, resource): (TypeId, &Action, TypeId),
) -> (Program, Spans) {
    let places = Some(RefCell::default());
    let environment = Environment { schema, principal, action, resource, places };
    let program = environment.program(Builder::for_tables(schema), &trees(set, policies));
    (program, environment.places.map(|places| places.into_inner().spans).unwrap_or_default())
}

/// What is known of every request that one program is for.
pub(crate) struct Environment<'a> {
    pub(super) schema: &'a Schema,
    pub(super) principal: TypeId,
    pub(super) action: &'a Action,
    pub(super) resource: TypeId,
    /// Where expressions stand in their policy's text, if that is asked for.
    pub(super) places: Option<RefCell<Places>>,
}

/// The policy whose expressions are lowered, and where each of these stands in its text.
#[derive(Default)]
pub(super) struct Places {
    policy: usize,
    spans: Spans,
}

/// Where the expression that became a node stands in a policy's text, by the policy's place and the node.
pub(crate) type Spans = HashMap<(usize, Id), Range<usize>>;

/// A node with the type of its value; `None` where the type leads no further.
pub(super) type Typed = (Id, Option<Type>);

impl<'a> Environment<'a> {
    pub(crate) fn new(schema: &'a Schema, principal: TypeId, action: &'a Action, resource: TypeId) -> Self {
        Environment { schema, principal, action, resource, places: None }
    }

    fn program(&self, mut builder: Builder<'_>, policies: &[Tree]) -> Program {
        for (at, effect, condition) in policies {
            self.places.iter().for_each(|places| places.borrow_mut().policy = *at);
            let (root, _) = self.lower(&mut builder, condition);
            builder.policy(*at, *effect, root);
        }
        builder.finish()
    }

    pub(super) fn lower(&self, b: &mut Builder<'_>, expr: &Expr) -> Typed {
        let typed = self.lower_expr(b, expr);
        if let (Some(places), Some(at)) = (&self.places, expr.source_loc()) {
            let mut places = places.borrow_mut();
            let key = (places.policy, typed.0);
            places.spans.entry(key).or_insert_with(|| at.start()..at.end());
        }
        typed
    }

    /// Recursion is bounded by the limits on policy text.
    fn lower_expr(&self, b: &mut Builder<'_>, expr: &Expr) -> Typed {
        match expr.expr_kind() {
            ExprKind::Lit(literal) => self.literal(b, literal),
            ExprKind::Var(Var::Principal) => (b.add(Node::Principal), Some(Type::Entity(self.principal))),
            ExprKind::Var(Var::Resource) => (b.add(Node::Resource), Some(Type::Entity(self.resource))),
            ExprKind::Var(Var::Context) => {
                (b.add(Node::Context), Some(Type::Record(self.action.context.clone())))
            }
            ExprKind::Var(Var::Action) => (b.add(Node::Const(Value::Entity(self.action.uid.clone()))), None),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                self.lower_if(b, test_expr, then_expr, else_expr)
            }
            ExprKind::And { left, right } => self.lower_short(b, left, right, false),
            ExprKind::Or { left, right } => self.lower_short(b, left, right, true),
            ExprKind::UnaryApp { op, arg } => {
                let (arg, ty) = self.lower(b, arg);
                match op {
                    UnaryOp::Not => (b.add(Node::Not(arg)), None),
                    UnaryOp::Neg => (b.add(Node::Neg(arg)), ty),
                    UnaryOp::IsEmpty => (b.add(Node::IsEmpty(arg)), None),
                }
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => self.lower_binary(b, *op, arg1, arg2),
            ExprKind::GetAttr { expr, attr } => {
                let of = self.lower(b, expr);
                self.attribute(b, of, attr)
            }
            ExprKind::HasAttr { expr, attr } => {
                let of = self.lower(b, expr);
                (self.has(b, &of, attr), None)
            }
            ExprKind::ExtHasAttr { expr, attrs } => {
                let mut of = self.lower(b, expr);
                let mut all = b.bool(true);
                for attr in attrs {
                    let has = self.has(b, &of, attr);
                    all = b.add(Node::And(all, has));
                    of = self.attribute(b, of, attr);
                }
                (all, None)
            }
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                let args: Vec<Id> = args.iter().map(|arg| self.lower(b, arg).0).collect();
                match Function::named(&fn_name.to_string()) {
                    Some(function) => (b.add(Node::Call(function, args)), None),
                    None => (b.add(Node::Unreachable), None),
                }
            }
            ExprKind::Like { expr, pattern } => {
                let (of, _) = self.lower(b, expr);
                (b.add(Node::Like(of, pattern_of(pattern.get_elems()))), None)
            }
            ExprKind::Is { expr, entity_type } => {
                let (of, ty) = self.lower(b, expr);
                let asked = self.schema.type_id(&entity_type.to_string());
                (self.is(b, of, ty.as_ref(), asked), None)
            }
            ExprKind::Set(elements) => {
                let ids = elements.iter().map(|e| self.lower(b, e).0).collect();
                (b.add(Node::Set(ids)), None)
            }
            ExprKind::Record(fields) => self.lower_record(b, fields),
            ExprKind::Slot(_) | ExprKind::Unknown(_) => (b.add(Node::Unreachable), None),
        }
    }

    fn literal(&self, b: &mut Builder<'_>, literal: &Literal) -> Typed {
        let (value, ty) = match literal {
            Literal::Bool(v) => (Value::Bool(*v), None),
            Literal::Long(v) => (Value::Long(*v), None),
            Literal::String(v) => (Value::string(v.as_str()), None),
            Literal::EntityUID(uid) => {
                let uid = uid_from_cedar(uid);
                let ty = self.schema.type_id(uid.type_name()).map(Type::Entity);
                (Value::Entity(uid), ty)
            }
        };
        (b.add(Node::Const(value)), ty)
    }

    /// `&&` and `||`: the right side is not looked at where the left one alone decides.
    fn lower_short(&self, b: &mut Builder<'_>, left: &Expr, right: &Expr, decides: bool) -> Typed {
        let (left, _) = self.lower(b, left);
        if b.constant(left) == Some(&Value::Bool(decides)) {
            return (left, None);
        }
        let (right, _) = self.lower(b, right);
        (b.add(if decides { Node::Or(left, right) } else { Node::And(left, right) }), None)
    }

    fn lower_if(&self, b: &mut Builder<'_>, test: &Expr, then: &Expr, or: &Expr) -> Typed {
        let (test, _) = self.lower(b, test);
        match b.constant(test) {
            Some(Value::Bool(true)) => self.lower(b, then),
            Some(Value::Bool(false)) => self.lower(b, or),
            _ => {
                let (then, then_type) = self.lower(b, then);
                let (or, or_type) = self.lower(b, or);
                (b.add(Node::If(test, then, or)), then_type.or(or_type))
            }
        }
    }

    fn lower_binary(&self, b: &mut Builder<'_>, op: BinaryOp, left: &Expr, right: &Expr) -> Typed {
        let ((left, left_type), (right, right_type)) = (self.lower(b, left), self.lower(b, right));
        let simple = |b: &mut Builder<'_>, op| (b.add(Node::Binary(op, left, right)), None);
        match op {
            BinaryOp::Eq => {
                // Entities of two types are never the same.
                let differ = matches!((&left_type, &right_type), (Some(Type::Entity(l)), Some(Type::Entity(r))) if l != r);
                if differ { (self.never_equal(b, left, right), None) } else { simple(b, Binary::Eq) }
            }
            BinaryOp::Less => simple(b, Binary::Less),
            BinaryOp::LessEq => simple(b, Binary::LessEq),
            BinaryOp::Add => simple(b, Binary::Add),
            BinaryOp::Sub => simple(b, Binary::Sub),
            BinaryOp::Mul => simple(b, Binary::Mul),
            BinaryOp::In => match self.action_in(b, left, right) {
                Some(folded) => (folded, None),
                None => simple(b, Binary::In),
            },
            BinaryOp::Contains => simple(b, Binary::Contains),
            BinaryOp::ContainsAll => simple(b, Binary::ContainsAll),
            BinaryOp::ContainsAny => simple(b, Binary::ContainsAny),
            BinaryOp::HasTag => (b.add(Node::HasTag(left, right)), None),
            BinaryOp::GetTag => {
                let of = match left_type {
                    Some(Type::Entity(ty)) => self.schema.entity_type(ty),
                    _ => None,
                };
                (b.add(Node::Tag(left, right)), of.and_then(|ty| ty.tags.clone()))
            }
        }
    }

    /// False, after evaluating both for their failures.
    fn never_equal(&self, b: &mut Builder<'_>, left: Id, right: Id) -> Id {
        let no = b.bool(false);
        if mutant!(DifferentTypesDoNotFail) {
            return no;
        }
        let mut result = no;
        for operand in [right, left] {
            let is_itself = b.add(Node::Binary(Binary::Eq, operand, operand));
            result = b.add(Node::And(is_itself, result));
        }
        result
    }

    /// Whether this environment's action lies in actions and groups that the policy names.
    fn action_in(&self, b: &mut Builder<'_>, left: Id, right: Id) -> Option<Id> {
        if b.constant(left) != Some(&Value::Entity(self.action.uid.clone())) {
            return None;
        }
        let lies_in = |value: &Value| match value {
            Value::Entity(uid) => {
                *uid == self.action.uid || (self.action.groups.contains(uid) && !mutant!(GroupsAreForgotten))
            }
            _ => false,
        };
        let folded = match b.constant(right)? {
            Value::Set(all) => all.iter().any(lies_in),
            one => lies_in(one),
        };
        Some(b.bool(folded))
    }

    fn is(&self, b: &mut Builder<'_>, of: Id, ty: Option<&Type>, asked: Option<TypeId>) -> Id {
        match (ty, asked) {
            // A variable is of the environment's type and is there; anything else is looked at.
            (Some(Type::Entity(ty)), Some(asked)) if b.is_variable(of) => b.bool(*ty == asked),
            (_, Some(asked)) => b.add(Node::Is(of, asked)),
            (_, None) => b.bool(false),
        }
    }

    fn attribute(&self, b: &mut Builder<'_>, (of, ty): Typed, name: &str) -> Typed {
        match ty {
            Some(Type::Entity(id)) => {
                let found = self.schema.entity_type(id).and_then(|ty| ty.attribute(name));
                match found {
                    Some((attr, attribute)) => (b.add(Node::Attr(of, id, attr)), Some(attribute.ty.clone())),
                    None => (b.add(Node::Unreachable), None),
                }
            }
            Some(Type::Record(fields)) => {
                let ty = fields.get(name).map(|field| field.ty.clone());
                let node =
                    if b.is_context(of) { Node::Given(name.into()) } else { Node::Field(of, name.into()) };
                (b.add(node), ty)
            }
            _ => (b.add(Node::Unreachable), None),
        }
    }

    fn has(&self, b: &mut Builder<'_>, (of, ty): &Typed, name: &str) -> Id {
        match ty {
            Some(Type::Entity(id)) => match self.schema.entity_type(*id).and_then(|ty| ty.attribute(name)) {
                Some((attr, _)) => b.add(Node::HasAttr(*of, *id, attr)),
                // No entity of the type has it; still its operand may fail.
                None => self.never_equal(b, *of, *of),
            },
            // A context holds no field that the action does not take.
            Some(Type::Record(fields)) if b.is_context(*of) => match fields.get(name) {
                Some(field) if field.required && b.records_hold() => b.bool(true),
                Some(_) => b.add(Node::IsGiven(name.into())),
                None => b.bool(false),
            },
            Some(Type::Record(_)) => b.add(Node::HasField(*of, name.into())),
            _ => b.add(Node::Unreachable),
        }
    }

    fn lower_record(&self, b: &mut Builder<'_>, fields: &BTreeMap<smol_str::SmolStr, Expr>) -> Typed {
        let (mut ids, mut types) = (Vec::new(), BTreeMap::new());
        for (name, expr) in fields {
            let (id, ty) = self.lower(b, expr);
            let name: Arc<str> = name.as_str().into();
            // A type that leads no further is never asked for; Bool stands for all of them.
            let ty = ty.unwrap_or(Type::Bool);
            types.insert(name.clone(), crate::model::Attribute { ty, required: true });
            ids.push((name, id));
        }
        (b.add(Node::Record(ids)), Some(Type::Record(Arc::new(types))))
    }
}

/// The texts between wildcards.
pub(super) fn pattern_of(elements: &[PatternElem]) -> Pattern {
    let mut parts = vec![String::new()];
    for element in elements {
        match (element, parts.last_mut()) {
            (PatternElem::Char(c), Some(part)) => part.push(*c),
            _ => parts.push(String::new()),
        }
    }
    Pattern::new(parts)
}
