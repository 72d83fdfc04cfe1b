//! The conditions of a policy one by one, and how each comes out.

use std::ops::Range;

use cedar_policy_core::ast::{self, Expr, ExprKind, Literal, SlotEnv, ValueKind};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use super::limits::Tokens;
use super::load::Source;

/// The conditions of one policy: the terms of its `when` and `unless` clauses that must all hold.
pub(crate) struct Conditions {
    terms: Vec<Term>,
}

struct Term {
    expr: Expr,
    /// Where the term stands in its source.
    span: Range<usize>,
    text: String,
    /// The comment line above its clause, which names what the clause asks.
    name: Option<String>,
    negated: bool,
}

/// How one condition came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) truth: Truth,
    pub(crate) span: Range<usize>,
    pub(crate) text: String,
    pub(crate) name: Option<String>,
    /// Whether the clause is an `unless`.
    pub(crate) negated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    /// It could not be evaluated, and why.
    Error(String),
    /// One before it was not true, which ends evaluation.
    NotReached,
}

impl Conditions {
    pub(super) fn new(policy: &cedar_policy::Policy, source: &Source) -> Self {
        let policy: &ast::Policy = policy.as_ref();
        let clauses = clauses(&source.text);
        let mut terms = Vec::new();
        if let Some(conditions) = policy.non_scope_constraints() {
            flatten(conditions, &mut |expr| {
                let span = expr.source_loc().map_or(0..0, |loc| loc.start()..loc.end());
                let clause = clauses.iter().rev().find(|clause| clause.start <= span.start);
                terms.push(Term {
                    expr: expr.clone(),
                    text: source.text.get(span.clone()).unwrap_or_default().to_owned(),
                    name: clause.and_then(|clause| clause.name.clone()),
                    negated: clause.is_some_and(|clause| clause.negated),
                    span,
                });
            });
        }
        Conditions { terms }
    }

    /// The comment above its clause and the text of each condition.
    #[cfg(feature = "author")]
    pub(crate) fn named(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.terms.iter().map(|term| (term.name.as_deref(), term.text.as_str()))
    }

    /// Evaluates the terms in order, up to the first that is not true.
    pub(super) fn evaluate(&self, request: &ast::Request, entities: &Entities) -> Vec<Outcome> {
        let evaluator = Evaluator::new(request.clone(), entities, Extensions::all_available());
        let mut goes_on = true;
        let outcomes = self.terms.iter().map(|term| {
            let truth = if goes_on { truth(&evaluator, &term.expr) } else { Truth::NotReached };
            goes_on &= truth == Truth::True;
            Outcome {
                truth,
                span: term.span.clone(),
                text: term.text.clone(),
                name: term.name.clone(),
                negated: term.negated,
            }
        });
        outcomes.collect()
    }
}

fn truth(evaluator: &Evaluator<'_>, expr: &Expr) -> Truth {
    match evaluator.interpret(expr, &SlotEnv::new()) {
        Ok(value) if matches!(value.value, ValueKind::Lit(Literal::Bool(true))) => Truth::True,
        Ok(_) => Truth::False,
        Err(error) => Truth::Error(error.to_string()),
    }
}

/// Calls `visit` with each operand of a conjunction, from left to right.
fn flatten<'a>(expr: &'a Expr, visit: &mut impl FnMut(&'a Expr)) {
    match expr.expr_kind() {
        ExprKind::And { left, right } => {
            flatten(left, visit);
            flatten(right, visit);
        }
        _ => visit(expr),
    }
}

/// A `when` or `unless` clause.
pub(super) struct ClauseHead {
    pub(super) start: usize,
    pub(super) name: Option<String>,
    negated: bool,
}

/// Where each clause of a policy's text begins, with the comment line above it.
pub(super) fn clauses(text: &str) -> Vec<ClauseHead> {
    let mut heads = Vec::new();
    let (mut depth, mut end_of_last) = (0_i32, 0);
    for token in Tokens::new(text) {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            "when" | "unless" if depth == 0 => {
                let between = text.get(end_of_last..token.span.start).unwrap_or_default();
                let comment = between.lines().rev().find_map(|line| line.trim().strip_prefix("//"));
                heads.push(ClauseHead {
                    start: token.span.start,
                    name: comment.map(|c| c.trim().to_owned()),
                    negated: token.text == "unless",
                });
            }
            _ => {}
        }
        end_of_last = token.span.end;
    }
    heads
}
