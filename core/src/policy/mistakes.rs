//! What validation refuses, told for the author: one message a cause, in the order of the text, with what to write.
//!
//! Cedar checks a policy in each request environment and keeps what it finds in a set: the same mistake comes several
//! times, in an order that changes from run to run. Its help knows the place of an error and not what stands around it.

use std::collections::{BTreeSet, HashMap};
use std::mem::{Discriminant, discriminant};
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{PolicySet, ValidationError};
use cedar_policy_core::ast::{self, Expr, ExprKind, Literal, UnaryOp};

use super::anatomy::{operands, path_text, span_of};
use super::load::problems_of;
use crate::cedar::value::{construct, parse_uid};
use crate::model::{Problem, Schema, Source};

/// Characters of a text that are written into an advice.
const CHARACTERS: usize = 160;

/// Validation's errors as problems: in the order of the text, the first of each cause.
pub(super) fn problems<'e>(
    errors: impl Iterator<Item = &'e ValidationError>,
    set: &PolicySet,
    sources: &HashMap<Arc<str>, Source>,
    schema: &Schema,
) -> Vec<Problem> {
    let nowhere = Source::new("", "");
    let mut all: Vec<(Problem, Cause)> = Vec::new();
    for error in errors {
        let policy = error.policy_id();
        let source = sources.get(AsRef::<str>::as_ref(policy)).unwrap_or(&nowhere);
        let conditions = set.policy(policy).and_then(|policy| {
            let policy: &ast::Policy = policy.as_ref();
            policy.non_scope_constraints_arc().cloned()
        });
        let around = Around { text: &source.text, conditions: conditions.as_deref(), schema };
        for problem in problems_of(error, source) {
            let policy: &str = policy.as_ref();
            all.push(around.told(error, problem, policy));
        }
    }
    all.sort_by(|(a, _), (b, _)| Problem::order(a, b));
    let mut causes = Vec::new();
    all.retain(|(_, cause)| {
        let is_new = !causes.contains(cause);
        if is_new {
            causes.push(cause.clone());
        }
        is_new
    });
    all.into_iter().map(|(problem, _)| problem).collect()
}

/// The names that a policy's author could have meant by a variable that Cedar does not know.
pub(super) fn of_variable(problem: &mut Problem, schema: &Schema) {
    let Some(name) = problem.message.strip_prefix("invalid variable: ") else { return };
    let mut meant: BTreeSet<&str> = BTreeSet::new();
    for action in schema.actions() {
        if action.context.contains_key(name) {
            meant.insert("context");
        }
        for (variable, types) in [("principal", &action.principals), ("resource", &action.resources)] {
            let mut types = types.iter().filter_map(|ty| schema.entity_type(*ty));
            if types.any(|ty| ty.attribute(name).is_some()) {
                meant.insert(variable);
            }
        }
    }
    if !meant.is_empty() {
        let all: Vec<String> = meant.iter().map(|variable| format!("`{variable}.{name}`")).collect();
        problem.help = Some(format!("did you mean {}?", all.join(" or ")));
    }
}

/// What is to be mended once, where several places show it.
#[derive(Clone, PartialEq)]
struct Cause {
    policy: String,
    kind: Discriminant<ValidationError>,
    /// The place; for an optional attribute, what is read and the `||` behind which it is.
    place: Option<Range<usize>>,
    reads: Option<String>,
}

/// What stands around a mistake.
struct Around<'a> {
    text: &'a str,
    conditions: Option<&'a Expr>,
    schema: &'a Schema,
}

impl Around<'_> {
    fn told(&self, error: &ValidationError, mut problem: Problem, policy: &str) -> (Problem, Cause) {
        let mut cause = Cause {
            policy: policy.to_owned(),
            kind: discriminant(error),
            place: problem.span.map(|span| span.range()),
            reads: None,
        };
        let Some(conditions) = self.conditions else { return (problem, cause) };
        match error {
            ValidationError::UnsafeOptionalAttributeAccess(_) => {
                if let Some(read) = self.read(conditions, &problem) {
                    let (advice, or) = self.guard(conditions, &read);
                    (cause.reads, cause.place) = (Some(read.name()), or);
                    problem.help = Some(advice);
                }
            }
            ValidationError::UnexpectedType(_) | ValidationError::IncompatibleTypes(_) => {
                if let Some(advice) = self.literal(conditions, &problem) {
                    problem.help = Some(advice);
                }
            }
            _ => {}
        }
        (problem, cause)
    }

    /// The attribute that a problem is about: Cedar places every step of `a.b.c` alike, so it goes by its name too.
    fn read(&self, conditions: &Expr, problem: &Problem) -> Option<Read> {
        let named = problem.message.split("attribute ").last()?.split('`').nth(1)?;
        let named = named.rsplit('.').next().unwrap_or(named);
        let at = problem.span.map(|span| span.range());
        conditions.subexpressions().find_map(|expr| match expr.expr_kind() {
            ExprKind::GetAttr { expr: of, attr } if attr == named && Some(span_of(expr)) == at => {
                Some(Read { of: path_text(of)?, attr: attr.to_string(), span: span_of(expr) })
            }
            _ => None,
        })
    }

    /// How to guard it, and where the `||` is that keeps what there is from guarding it.
    fn guard(&self, conditions: &Expr, read: &Read) -> (String, Option<Range<usize>>) {
        let has = format!("{} has {}", read.of, read.attr);
        for or in conditions.subexpressions() {
            let ExprKind::Or { .. } = or.expr_kind() else { continue };
            let mut all = Vec::new();
            operands(or, true, &mut all);
            let Some(at) = all.iter().position(|operand| holds(&span_of(operand), &read.span)) else {
                continue;
            };
            let (before, behind) = all.split_at(at);
            if before.iter().any(|operand| read.is_denied_by(operand)) {
                let rest: Vec<String> = behind.iter().map(|operand| self.negated(operand)).collect();
                let whole = format!("!({has} && {})", rest.join(" && "));
                let written =
                    if whole.chars().count() > CHARACTERS { format!("!({has} && …)") } else { whole };
                let advice = format!("what stands before `||` guards nothing behind it; write `{written}`");
                return (advice, Some(span_of(or)));
            }
        }
        let in_branch = conditions.subexpressions().find(|or| {
            matches!(or.expr_kind(), ExprKind::Or { .. })
                && !holds(&span_of(or), &read.span)
                && or.subexpressions().any(|expr| read.is_tested_by(expr))
        });
        match in_branch {
            Some(or) => (
                format!(
                    "what one branch of `||` tests holds nowhere else; test where it is read: `{has} && …`"
                ),
                Some(span_of(or)),
            ),
            None => (format!("test for it before it is read: `{has} && …`"), None),
        }
    }

    /// The opposite of a condition, as text.
    fn negated(&self, expr: &Expr) -> String {
        let text = |expr: &Expr| {
            let text = self.text.get(span_of(expr)).unwrap_or("…");
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        match expr.expr_kind() {
            // `a != b` is a negation that stands in the place of what it negates.
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } if span_of(arg) != span_of(expr) => text(arg),
            _ => format!("!({})", text(expr)),
        }
    }

    /// What to write for a text that is compared with something that is none.
    fn literal(&self, conditions: &Expr, problem: &Problem) -> Option<String> {
        let span = problem.span?.range();
        let mut texts = Vec::new();
        for expr in conditions.subexpressions() {
            let ExprKind::BinaryApp { arg1, arg2, .. } = expr.expr_kind() else { continue };
            for operand in [arg1, arg2] {
                if span_of(expr) == span || span_of(operand) == span {
                    texts_in(operand, &mut texts);
                }
            }
        }
        texts.into_iter().find_map(|text| self.meant(&text, &problem.message))
    }

    fn meant(&self, text: &str, message: &str) -> Option<String> {
        for (ty, function) in
            [("datetime", "datetime"), ("duration", "duration"), ("decimal", "decimal"), ("ipaddr", "ip")]
        {
            let forms = [text.to_owned(), without_colon(text)];
            let form = forms.into_iter().find(|form| construct(function, form).is_some());
            if message.contains(ty)
                && let Some(form) = form
            {
                return Some(format!("a text is no {ty}: write `{function}({form:?})`"));
            }
        }
        let types = || self.schema.entity_types().iter().map(|ty| ty.name.as_ref());
        if let Ok(uid) = parse_uid(text)
            && types().any(|ty| ty == uid.type_name())
        {
            return Some(format!("a text is no entity: write `{uid}`"));
        }
        // The one type with which it is compared.
        let words: Vec<&str> = message.split(|c: char| c.is_whitespace() || c == '`' || c == ',').collect();
        let ty = types().find(|ty| words.contains(ty))?;
        // A literal without its inner quotes.
        let text = text
            .strip_prefix(ty)
            .and_then(|rest| rest.strip_prefix("::"))
            .unwrap_or(text)
            .trim_matches(['"', '\'']);
        message.contains("String").then(|| format!("a text is no entity: write `{ty}::{text:?}`"))
    }
}

/// An optional attribute that is read.
struct Read {
    /// The path that leads to what has it.
    of: String,
    attr: String,
    span: Range<usize>,
}

impl Read {
    fn name(&self) -> String {
        format!("{}.{}", self.of, self.attr)
    }

    /// Whether an expression tests for the attribute.
    fn is_tested_by(&self, expr: &Expr) -> bool {
        match expr.expr_kind() {
            ExprKind::HasAttr { expr, attr } => {
                *attr == self.attr && path_text(expr).is_some_and(|of| of == self.of)
            }
            ExprKind::ExtHasAttr { expr, attrs } => {
                let Some(mut of) = path_text(expr) else { return false };
                attrs.iter().any(|attr| {
                    let is = of == self.of && *attr == self.attr;
                    of = format!("{of}.{attr}");
                    is
                })
            }
            _ => false,
        }
    }

    /// Whether a condition is that it is absent: `!(x has a)`, or `!(x has a && …)`.
    fn is_denied_by(&self, expr: &Expr) -> bool {
        let ExprKind::UnaryApp { op: UnaryOp::Not, arg } = expr.expr_kind() else { return false };
        let mut all = Vec::new();
        operands(arg, false, &mut all);
        all.into_iter().any(|part| self.is_tested_by(part))
    }
}

fn holds(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// The texts that are written in an expression, alone or in a set.
fn texts_in(expr: &Expr, found: &mut Vec<String>) {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::String(text)) => found.push(text.to_string()),
        ExprKind::Set(all) => all.iter().for_each(|one| texts_in(one, found)),
        _ => {}
    }
}

/// An instant of RFC 3339 as Cedar has it: `+1200` for `+12:00`.
fn without_colon(text: &str) -> String {
    match text.len().checked_sub(3).and_then(|at| text.split_at_checked(at)) {
        Some((head, minutes)) if minutes.starts_with(':') && head.contains('T') => {
            format!("{head}{}", minutes.trim_start_matches(':'))
        }
        _ => text.to_owned(),
    }
}
