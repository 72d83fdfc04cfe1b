//! Policies taken apart: each condition with its place in the text and what it compares, for explanations.
//!
//! One anatomy a request environment, made when it is first asked for. Its program decides as the
//! environment's own one does; it has a node for each part besides.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::PolicySet;
use cedar_policy_core::ast::{self, BinaryOp, Expr, ExprKind, UnaryOp, Var};

use super::load::Policy;
use super::lower::Environment;
use crate::cedar::limits::Tokens;
use crate::ir::{Builder, Id, Program};
use crate::model::{Action, Effect, Schema, Source, TypeId};

/// The policies of one request environment, taken apart.
#[derive(Debug)]
pub(crate) struct Anatomy {
    pub(crate) program: Program,
    /// One for each of the program's policies, in the same order.
    pub(crate) bodies: Vec<Body>,
}

/// One policy.
#[derive(Debug)]
pub(crate) struct Body {
    /// Its place among the ward's policies.
    pub(crate) policy: usize,
    pub(crate) effect: Effect,
    /// Its condition as a whole.
    pub(crate) root: Id,
    /// What must all hold, in the order of its text.
    pub(crate) terms: Vec<Term>,
}

/// One of the conditions that must all hold.
#[derive(Debug)]
pub(crate) struct Term {
    /// The comment line above its clause, which names what the clause asks.
    pub(crate) name: Option<Arc<str>>,
    /// Whether its clause is an `unless`.
    pub(crate) negated: bool,
    pub(crate) part: Part,
}

/// A part of a condition.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) form: Form,
    pub(crate) node: Id,
    /// Where it stands in its source.
    pub(crate) span: Range<usize>,
    /// The text of a path, which stands at the start of its span: Cedar places every step of `a.b.c()` alike.
    pub(crate) path: Option<String>,
    /// Its operands.
    pub(crate) parts: Vec<Part>,
}

/// What a part is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// All parts must hold.
    All,
    /// One part must hold.
    Any,
    Not,
    /// A test, what then, what else.
    If,
    /// A test; its parts are operands.
    Test(Relation),
    /// A value that is written down.
    Literal,
    /// A value that is read where the text says.
    Path,
    /// A value that is computed; its parts are what is read for it.
    Computed,
}

/// What a test asks of its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    True,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    More,
    AtLeast,
    Contains,
    ContainsAll,
    ContainsAny,
    IsEmpty,
    Has,
    HasTag,
    LiesIn,
    Like,
    IsOfType,
    /// An extension function, or anything else that says no more than its text.
    Other,
}

#[cfg(feature = "carry")]
impl Relation {
    /// Every relation.
    pub(crate) const ALL: [Relation; 17] = [
        Relation::True,
        Relation::Equal,
        Relation::NotEqual,
        Relation::Less,
        Relation::LessEqual,
        Relation::More,
        Relation::AtLeast,
        Relation::Contains,
        Relation::ContainsAll,
        Relation::ContainsAny,
        Relation::IsEmpty,
        Relation::Has,
        Relation::HasTag,
        Relation::LiesIn,
        Relation::Like,
        Relation::IsOfType,
        Relation::Other,
    ];
}

/// The conditions of all policies, as they were parsed.
pub(super) struct Trees(Vec<Tree>);

struct Tree {
    policy: usize,
    effect: Effect,
    whole: Expr,
    /// What the head asks of principal and resource, with its place in the text.
    head: Vec<(Expr, Range<usize>)>,
    conditions: Option<Arc<Expr>>,
    clauses: Vec<Clause>,
}

/// A `when` or `unless` clause.
pub(super) struct Clause {
    pub(super) start: usize,
    pub(super) name: Option<Arc<str>>,
    negated: bool,
}

impl Trees {
    /// `policies` in the order of their ids.
    pub(super) fn new(set: &PolicySet, policies: &[Policy], sources: &HashMap<Arc<str>, Source>) -> Self {
        let trees = policies.iter().enumerate().filter_map(|(at, info)| {
            let policy = set.policy(&cedar_policy::PolicyId::new(info.id.as_ref()))?;
            let policy: &ast::Policy = policy.as_ref();
            let text = &sources.get(&info.id)?.text;
            let start = policy.loc().map_or(0, |loc| loc.start());
            let end = policy.loc().map_or(text.len(), |loc| loc.end());
            let (places, clauses) = outline(text, start..end);
            let [principal, resource] = places;
            let head = vec![
                (policy.principal_constraint().as_expr(), principal),
                (policy.resource_constraint().as_expr(), resource),
            ];
            Some(Tree {
                policy: at,
                effect: info.effect,
                whole: policy.condition(),
                head,
                conditions: policy.non_scope_constraints_arc().cloned(),
                clauses,
            })
        });
        Trees(trees.collect())
    }

    /// The comment above its clause and the place of each condition of a policy.
    #[cfg(feature = "author")]
    pub(super) fn conditions(&self, policy: usize) -> impl Iterator<Item = (Option<Arc<str>>, Range<usize>)> {
        let own = self.0.iter().filter(move |tree| tree.policy == policy);
        own.flat_map(|tree| {
            let head = tree.head.iter().map(|(_, span)| (None, span.clone()));
            let asked = |(expr, clause): (&Expr, Option<&Clause>)| {
                (clause.and_then(|clause| clause.name.clone()), span_of(expr))
            };
            head.chain(tree.asked().map(asked))
        })
    }

    /// The policies that can apply in an environment, taken apart.
    pub(super) fn anatomy(
        &self,
        schema: &Schema,
        principal: TypeId,
        action: &Action,
        resource: TypeId,
    ) -> Anatomy {
        let environment = Environment::new(schema, principal, action, resource);
        let mut builder = Builder::new(schema);
        let mut bodies = Vec::new();
        for tree in &self.0 {
            let (root, _) = environment.lower(&mut builder, &tree.whole);
            if builder.policy(tree.policy, tree.effect, root) {
                let terms = tree.terms(&environment, &mut builder);
                bodies.push(Body { policy: tree.policy, effect: tree.effect, root, terms });
            }
        }
        Anatomy { program: builder.finish(), bodies }
    }
}

impl Tree {
    /// The operands of all clauses that must hold, each with its clause.
    fn asked(&self) -> impl Iterator<Item = (&Expr, Option<&Clause>)> {
        let mut conditions = Vec::new();
        if let Some(expr) = &self.conditions {
            operands(expr, false, &mut conditions);
        }
        conditions.into_iter().map(|expr| {
            let clause = self.clauses.iter().rev().find(|clause| clause.start <= span_of(expr).start);
            (expr, clause)
        })
    }

    fn terms(&self, environment: &Environment<'_>, b: &mut Builder<'_>) -> Vec<Term> {
        let mut terms = Vec::new();
        for (expr, span) in &self.head {
            let mut asked = Vec::new();
            operands(expr, false, &mut asked);
            for expr in asked {
                let mut part = environment.dissect(b, expr);
                part.stand_at(span);
                // What the types alone decide is not worth a word.
                if b.constant(part.node).is_none() {
                    terms.push(Term { name: None, negated: false, part });
                }
            }
        }
        terms.extend(self.asked().map(|(expr, clause)| Term {
            name: clause.and_then(|clause| clause.name.clone()),
            negated: clause.is_some_and(|clause| clause.negated),
            part: environment.dissect(b, expr),
        }));
        terms
    }
}

impl Environment<'_> {
    /// Recursion is bounded by the limits on policy text.
    fn dissect(&self, b: &mut Builder<'_>, expr: &Expr) -> Part {
        let span = span_of(expr);
        let made = |form, parts: Vec<&Expr>, b: &mut Builder<'_>| {
            let parts: Vec<Part> = parts.into_iter().map(|part| self.dissect(b, part)).collect();
            // A chain is not lowered link by link: its truth follows from that of its parts.
            let node = parts.first().map_or_else(|| b.bool(true), |part| part.node);
            Part { form, node, span: span.clone(), path: None, parts }
        };
        match expr.expr_kind() {
            ExprKind::And { .. } | ExprKind::Or { .. } => {
                let is_or = matches!(expr.expr_kind(), ExprKind::Or { .. });
                let mut all = Vec::new();
                operands(expr, is_or, &mut all);
                made(if is_or { Form::Any } else { Form::All }, all, b)
            }
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } if !is_written_as_one(expr, arg) => {
                made(Form::Not, vec![arg], b)
            }
            ExprKind::If { test_expr, then_expr, else_expr } => {
                made(Form::If, vec![test_expr, then_expr, else_expr], b)
            }
            _ => {
                let (relation, compared) = compared(expr);
                let parts = compared.into_iter().map(|operand| self.operand(b, operand)).collect();
                let (node, _) = self.lower(b, expr);
                Part { form: Form::Test(relation), node, span, path: None, parts }
            }
        }
    }

    fn operand(&self, b: &mut Builder<'_>, expr: &Expr) -> Part {
        let span = span_of(expr);
        let (node, _) = self.lower(b, expr);
        if is_path(expr) {
            return Part { form: Form::Path, node, span, path: path_text(expr), parts: Vec::new() };
        }
        let mut read = Vec::new();
        paths(expr, &mut read);
        let form = if read.is_empty() { Form::Literal } else { Form::Computed };
        let parts = read.into_iter().map(|path| self.operand(b, path)).collect();
        Part { form, node, span, path: None, parts }
    }
}

impl Part {
    /// Places what the head of a policy says, which carries no place of its own.
    fn stand_at(&mut self, span: &Range<usize>) {
        self.span = span.clone();
        self.parts.iter_mut().for_each(|part| part.stand_at(span));
    }
}

pub(super) fn span_of(expr: &Expr) -> Range<usize> {
    expr.source_loc().map_or(0..0, |loc| loc.start()..loc.end())
}

/// The operands of a chain of `&&`, or of `||`, from left to right.
///
/// Recursion is bounded by the limits on policy text.
pub(super) fn operands<'a>(expr: &'a Expr, is_or: bool, all: &mut Vec<&'a Expr>) {
    match expr.expr_kind() {
        ExprKind::And { left, right } if !is_or => {
            operands(left, is_or, all);
            operands(right, is_or, all);
        }
        ExprKind::Or { left, right } if is_or => {
            operands(left, is_or, all);
            operands(right, is_or, all);
        }
        _ => all.push(expr),
    }
}

/// Whether a negation is Cedar's reading of `!=`, `>` or `>=`, which stand at one place with what they negate.
fn is_written_as_one(not: &Expr, arg: &Expr) -> bool {
    let place = |expr: &Expr| expr.source_loc().map(|loc| (loc.start(), loc.end()));
    let is_comparison = matches!(
        arg.expr_kind(),
        ExprKind::BinaryApp { op: BinaryOp::Eq | BinaryOp::Less | BinaryOp::LessEq, .. }
    );
    is_comparison && place(not).is_some() && place(not) == place(arg)
}

/// What a test asks, and of what.
fn compared(expr: &Expr) -> (Relation, Vec<&Expr>) {
    match expr.expr_kind() {
        ExprKind::BinaryApp { op, arg1, arg2 } => {
            let relation = match op {
                BinaryOp::Eq => Relation::Equal,
                BinaryOp::Less => Relation::Less,
                BinaryOp::LessEq => Relation::LessEqual,
                BinaryOp::In => Relation::LiesIn,
                BinaryOp::Contains => Relation::Contains,
                BinaryOp::ContainsAll => Relation::ContainsAll,
                BinaryOp::ContainsAny => Relation::ContainsAny,
                BinaryOp::HasTag => Relation::HasTag,
                BinaryOp::GetTag => return (Relation::True, vec![expr]),
                BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul => Relation::Other,
            };
            (relation, vec![arg1, arg2])
        }
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } => match compared(arg) {
            (Relation::Equal, operands) => (Relation::NotEqual, operands),
            (Relation::Less, operands) => (Relation::AtLeast, operands),
            (Relation::LessEqual, operands) => (Relation::More, operands),
            (_, operands) => (Relation::Other, operands),
        },
        ExprKind::UnaryApp { op: UnaryOp::IsEmpty, arg } => (Relation::IsEmpty, vec![arg]),
        ExprKind::HasAttr { expr, .. } | ExprKind::ExtHasAttr { expr, .. } => (Relation::Has, vec![expr]),
        ExprKind::Like { expr, .. } => (Relation::Like, vec![expr]),
        ExprKind::Is { expr, .. } => (Relation::IsOfType, vec![expr]),
        ExprKind::ExtensionFunctionApp { args, .. } => (Relation::Other, args.iter().collect()),
        _ => (Relation::True, vec![expr]),
    }
}

/// Whether it is a variable, or what attributes and tags lead to from one.
fn is_path(expr: &Expr) -> bool {
    match expr.expr_kind() {
        ExprKind::Var(_) => true,
        ExprKind::GetAttr { expr, .. } => is_path(expr),
        ExprKind::BinaryApp { op: BinaryOp::GetTag, arg1, arg2 } => {
            is_path(arg1) && matches!(arg2.expr_kind(), ExprKind::Lit(_))
        }
        _ => false,
    }
}

/// How a path is written.
pub(super) fn path_text(expr: &Expr) -> Option<String> {
    match expr.expr_kind() {
        ExprKind::Var(var) => Some(var.to_string()),
        ExprKind::GetAttr { expr, attr } => {
            let of = path_text(expr)?;
            let mut chars = attr.chars();
            let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            let is_plain = starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
            Some(if is_plain { format!("{of}.{attr}") } else { format!("{of}[{attr:?}]") })
        }
        ExprKind::BinaryApp { op: BinaryOp::GetTag, arg1, arg2 } => match arg2.expr_kind() {
            ExprKind::Lit(name) => Some(format!("{}.getTag({name})", path_text(arg1)?)),
            _ => None,
        },
        _ => None,
    }
}

/// The longest paths in an expression, from left to right.
fn paths<'a>(expr: &'a Expr, found: &mut Vec<&'a Expr>) {
    if is_path(expr) {
        if !matches!(expr.expr_kind(), ExprKind::Var(Var::Action)) {
            found.push(expr);
        }
        return;
    }
    match expr.expr_kind() {
        ExprKind::If { test_expr, then_expr, else_expr } => {
            [test_expr, then_expr, else_expr].into_iter().for_each(|part| paths(part, found));
        }
        ExprKind::And { left, right } | ExprKind::Or { left, right } => {
            paths(left, found);
            paths(right, found);
        }
        ExprKind::UnaryApp { arg, .. } => paths(arg, found),
        ExprKind::BinaryApp { arg1, arg2, .. } => {
            paths(arg1, found);
            paths(arg2, found);
        }
        ExprKind::GetAttr { expr, .. }
        | ExprKind::HasAttr { expr, .. }
        | ExprKind::ExtHasAttr { expr, .. }
        | ExprKind::Like { expr, .. }
        | ExprKind::Is { expr, .. } => paths(expr, found),
        ExprKind::ExtensionFunctionApp { args, .. } => args.iter().for_each(|arg| paths(arg, found)),
        ExprKind::Set(all) => all.iter().for_each(|one| paths(one, found)),
        ExprKind::Record(fields) => fields.values().for_each(|field| paths(field, found)),
        ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => {}
    }
}

/// Where the head of one policy speaks of principal and resource, and where each of its clauses begins, with the
/// comment line above it.
pub(super) fn outline(text: &str, policy: Range<usize>) -> ([Range<usize>; 2], Vec<Clause>) {
    let mut clauses = Vec::new();
    let (mut depth, mut end_of_last, mut commas) = (0_i32, 0, 0_usize);
    let mut places = [policy.start..policy.start, policy.start..policy.start];
    for token in Tokens::new(text) {
        let is_here = policy.contains(&token.span.start);
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            "," if is_here && depth == 1 && clauses.is_empty() => commas += 1,
            "when" | "unless" if is_here && depth == 0 => {
                let between = text.get(end_of_last..token.span.start).unwrap_or_default();
                let comment = between.lines().rev().find_map(|line| line.trim().strip_prefix("//"));
                clauses.push(Clause {
                    start: token.span.start,
                    name: comment.map(|comment| comment.trim().into()),
                    negated: token.text == "unless",
                });
            }
            word if is_here && depth > 0 && clauses.is_empty() => {
                let place = match word {
                    "principal" if commas == 0 => Some(0),
                    "resource" if commas == 2 => Some(1),
                    _ => None,
                };
                let last = if commas == 0 { 0 } else { 1 };
                if let Some(place) = place.and_then(|at: usize| places.get_mut(at)) {
                    *place = token.span.clone();
                } else if commas != 1
                    && let Some(place) = places.get_mut(last)
                    && place.end > policy.start
                {
                    place.end = token.span.end;
                }
            }
            _ => {}
        }
        end_of_last = token.span.end;
    }
    (places, clauses)
}
