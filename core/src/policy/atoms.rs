//! The atomic conditions of a policy, and how its outcome is made of theirs.
//!
//! A condition is an operand of `&&`, `||`, `!` or `if` in a `when` or `unless` clause that is none of these
//! itself, and no literal. `a != b`, `a > b`, `a >= b` and `a is T in b` are one condition each, though Cedar writes them with
//! two operators.

use std::ops::Range;
use std::sync::Arc;

use cedar_policy_core::ast::{self, Expr, ExprKind, Literal, UnaryOp};

use super::anatomy::{Clause, outline, span_of};
use super::load::Loaded;
use super::lower::Environment;
use crate::cedar::limits::Tokens;
use crate::ir::{Builder, Id, Program};
use crate::model::{Source, Value};

/// A policy taken apart.
pub(crate) struct Structure {
    /// Where the policy stands in its source.
    pub(crate) span: Range<usize>,
    /// Its head, as a condition.
    pub(super) scope: Expr,
    /// How the outcome is made of the atoms'; `None` for a policy without conditions.
    pub(crate) skeleton: Option<Skeleton>,
    pub(crate) atoms: Vec<Atom>,
}

impl Loaded {
    /// Names that are valid and probably mistyped.
    pub(crate) fn advice(&self) -> Vec<crate::model::Problem> {
        let all = self.policies.iter().zip(self.structures());
        let all = all.filter_map(|(policy, structure)| Some((self.sources.get(&policy.id)?, structure)));
        all.flat_map(|(source, structure)| super::advice::advice(&self.schema, &structure, source)).collect()
    }

    /// Every policy taken apart, in the order of their ids.
    pub(crate) fn structures(&self) -> Vec<Structure> {
        let structure = |policy: &super::load::Policy| {
            let parsed =
                self.reference.policies().policy(&cedar_policy::PolicyId::new(policy.id.as_ref()))?;
            Some(Structure::new(parsed.as_ref(), self.sources.get(&policy.id)?))
        };
        self.policies.iter().filter_map(structure).collect()
    }
}

/// An atomic condition.
pub(crate) struct Atom {
    pub(super) expr: Arc<Expr>,
    /// Where it stands in its source.
    pub(crate) span: Range<usize>,
    /// What its clause asks, from the comment above the clause.
    pub(crate) clause: Option<Arc<str>>,
}

/// Operators over atoms, which go by their place in [`Structure::atoms`].
#[derive(Clone, Debug)]
pub(crate) enum Skeleton {
    Atom(usize),
    /// `true` or `false` as the text has it.
    Literal(bool),
    Not(Box<Skeleton>),
    And(Box<Skeleton>, Box<Skeleton>),
    Or(Box<Skeleton>, Box<Skeleton>),
    If(Box<Skeleton>, Box<Skeleton>, Box<Skeleton>),
}

impl Structure {
    pub(super) fn new(policy: &ast::Policy, source: &Source) -> Self {
        let scope = Structure::scope(policy);
        let span = policy.loc().map_or(0..source.text.len(), |loc| loc.start()..loc.end());
        let (_, clauses) = outline(&source.text, span.clone());
        let mut parts = Parts { source, clauses, atoms: Vec::new() };
        let skeleton = policy.non_scope_constraints_arc().map(|conditions| parts.skeleton(conditions));
        Structure { span, scope, skeleton, atoms: parts.atoms }
    }

    /// The head of a policy, as a condition.
    pub(super) fn scope(policy: &ast::Policy) -> Expr {
        let template = policy.template();
        Expr::and(
            Expr::and(template.principal_constraint().as_expr(), template.action_constraint().as_expr()),
            template.resource_constraint().as_expr(),
        )
    }
}

struct Parts<'a> {
    source: &'a Source,
    clauses: Vec<Clause>,
    atoms: Vec<Atom>,
}

impl Parts<'_> {
    /// Recursion is bounded by the limits on policy text.
    fn skeleton(&mut self, expr: &Arc<Expr>) -> Skeleton {
        match expr.expr_kind() {
            ExprKind::And { left, right } if !self.is_one_operator(expr, left) => {
                let left = self.skeleton(left);
                Skeleton::And(Box::new(left), Box::new(self.skeleton(right)))
            }
            ExprKind::Or { left, right } => {
                let left = self.skeleton(left);
                Skeleton::Or(Box::new(left), Box::new(self.skeleton(right)))
            }
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } if !self.is_one_operator(expr, arg) => {
                Skeleton::Not(Box::new(self.skeleton(arg)))
            }
            ExprKind::If { test_expr, then_expr, else_expr } => {
                let (test, then) = (self.skeleton(test_expr), self.skeleton(then_expr));
                Skeleton::If(Box::new(test), Box::new(then), Box::new(self.skeleton(else_expr)))
            }
            ExprKind::Lit(Literal::Bool(value)) => Skeleton::Literal(*value),
            _ => self.atom(expr),
        }
    }

    /// Whether an operator and the one inside it are one in the text: `!=` and the like.
    fn is_one_operator(&self, outer: &Expr, inner: &Expr) -> bool {
        match inner.expr_kind() {
            ExprKind::BinaryApp { arg1, arg2, .. } => {
                let token = operator_between(&self.source.text, &span_of(arg1), &span_of(arg2));
                matches!(outer.expr_kind(), ExprKind::UnaryApp { .. })
                    && span_of(outer) == span_of(inner)
                    && token.is_some_and(|span| matches!(self.source.text.get(span), Some("!=" | ">" | ">=")))
            }
            ExprKind::Is { .. } => {
                matches!(outer.expr_kind(), ExprKind::And { .. }) && span_of(outer) == span_of(inner)
            }
            _ => false,
        }
    }

    fn atom(&mut self, expr: &Arc<Expr>) -> Skeleton {
        let span = span_of(expr);
        let clause = self.clauses.iter().rev().find(|clause| clause.start <= span.start);
        self.atoms.push(Atom {
            expr: expr.clone(),
            clause: clause.and_then(|clause| clause.name.clone()),
            span,
        });
        Skeleton::Atom(self.atoms.len() - 1)
    }
}

/// Where the operator between two operands stands.
pub(super) fn operator_between(
    text: &str,
    left: &Range<usize>,
    right: &Range<usize>,
) -> Option<Range<usize>> {
    let gap = text.get(left.end..right.start)?;
    let token = Tokens::new(gap).find(|token| !matches!(token.text, "(" | ")"))?;
    Some(left.end + token.span.start..left.end + token.span.end)
}

/// The heads and atoms of policies as one program of an environment.
pub(crate) struct Dissection {
    pub(crate) program: Program,
    pub(crate) parts: Vec<Part>,
}

/// One policy whose head can match in the environment.
pub(crate) struct Part {
    /// Its place among the ward's policies.
    pub(crate) policy: usize,
    pub(crate) scope: Id,
    /// Its atoms, in their order.
    pub(crate) atoms: Vec<Id>,
}

impl Dissection {
    /// `policies` in the order of the ward's.
    pub(crate) fn new(policies: &[Structure], environment: &Environment<'_>) -> Self {
        let mut builder = Builder::new(environment.schema);
        let mut parts = Vec::new();
        for (policy, structure) in policies.iter().enumerate() {
            let scope = environment.lower(&mut builder, &structure.scope).0;
            if builder.constant(scope) == Some(&Value::Bool(false)) {
                continue;
            }
            let atoms: Vec<Id> =
                structure.atoms.iter().map(|atom| environment.lower(&mut builder, &atom.expr).0).collect();
            // What is asked for here is kept, as if a policy used it.
            atoms.iter().for_each(|&atom| builder.condition(policy, atom));
            parts.push(Part { policy, scope, atoms });
        }
        Dissection { program: builder.finish(), parts }
    }
}
