//! What lints look at, read off the policies as they were parsed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use cedar_policy_core::ast::{self, ActionConstraint, Expr, ExprKind, Literal};

use super::anatomy::{outline, span_of};
use super::annotations;
use super::atoms::Structure;
use super::load::{Loaded, Policy};
use super::lower::{Environment, pattern_of};
use crate::cedar::limits::Tokens;
use crate::ir::{Builder, Id, Pattern};
use crate::model::{Action, Schema, Value};

/// One policy, as lints look at it. Spans are places in its source.
pub(crate) struct Survey {
    /// The place of each annotation, by name.
    pub(crate) annotations: Vec<(Arc<str>, Range<usize>)>,
    /// Where the policy stands behind its annotations.
    pub(crate) body: Range<usize>,
    pub(crate) clauses: Vec<ClauseText>,
    /// Texts that stand beside an attribute or a field.
    pub(crate) texts: Vec<Compared>,
    /// The arguments of `datetime(…)` that are texts.
    pub(crate) datetimes: Vec<(Arc<str>, Range<usize>)>,
    /// The actions of a list in its head that it can apply to on no resource and for no principal.
    pub(crate) idle: Vec<Idle>,
    /// The actions that it matches for every principal, on every resource of a type and in every context, with that
    /// type.
    pub(crate) unconditional: BTreeSet<(Arc<str>, Arc<str>)>,
}

/// A `when` or `unless` clause.
pub(crate) struct ClauseText {
    /// The comment above it.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) span: Range<usize>,
    /// Its tokens, without comments.
    pub(crate) tokens: Vec<Arc<str>>,
}

/// A text that is compared.
pub(crate) struct Compared {
    /// The attribute or the field, by its name.
    pub(crate) attribute: Arc<str>,
    /// The text, or the pattern as it is written.
    pub(crate) text: Arc<str>,
    /// What the text has to match, for `like` with a `*`.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) span: Range<usize>,
}

/// An action of a list that the policy cannot apply to.
pub(crate) struct Idle {
    pub(crate) action: Arc<str>,
    /// The types that the action takes.
    pub(crate) takes: Vec<Arc<str>>,
    pub(crate) span: Option<Range<usize>>,
}

impl Loaded {
    /// Every policy, in the order of their ids.
    pub(crate) fn surveys(&self) -> Vec<Survey> {
        let survey = |policy: &Policy| {
            let parsed =
                self.reference.policies().policy(&cedar_policy::PolicyId::new(policy.id.as_ref()))?;
            Some(Survey::new(parsed, &self.sources.get(&policy.id)?.text, &self.schema))
        };
        self.policies.iter().filter_map(survey).collect()
    }
}

impl Survey {
    fn new(policy: &cedar_policy::Policy, text: &str, schema: &Schema) -> Self {
        let whole = annotations::whole(policy).unwrap_or(0..text.len());
        let policy: &ast::Policy = policy.as_ref();
        let place = |of: &ast::Annotation| of.loc.as_ref().map_or(0..0, |loc| loc.start()..loc.end());
        let annotations: Vec<(Arc<str>, Range<usize>)> =
            policy.annotations().map(|(name, of)| (AsRef::<str>::as_ref(name).into(), place(of))).collect();
        let start = annotations.iter().map(|(_, span)| span.end).max().unwrap_or(whole.start);
        let body = start.max(whole.start)..whole.end;
        let (mut texts, mut datetimes) = (Vec::new(), Vec::new());
        if let Some(conditions) = policy.non_scope_constraints_arc() {
            for expr in conditions.subexpressions() {
                note(expr, text, &mut texts, &mut datetimes);
            }
        }
        let scope = Structure::scope(policy);
        let whole = policy.condition();
        Survey {
            clauses: clauses(text, &body),
            idle: idle(policy, &scope, text, &body, schema),
            unconditional: unconditional(&whole, schema),
            annotations,
            body,
            texts,
            datetimes,
        }
    }

    /// Where an annotation stands.
    pub(crate) fn annotation(&self, name: &str) -> Option<Range<usize>> {
        self.annotations.iter().find(|(known, _)| known.as_ref() == name).map(|(_, span)| span.clone())
    }
}

/// The tokens of a part of a text, without comments.
pub(crate) fn tokens(text: &str) -> Vec<Arc<str>> {
    Tokens::new(text).map(|token| token.text.into()).collect()
}

fn clauses(text: &str, policy: &Range<usize>) -> Vec<ClauseText> {
    let (_, clauses) = outline(text, policy.clone());
    let ends = clauses.iter().skip(1).map(|clause| clause.start).chain([policy.end]);
    let text = clauses.iter().zip(ends).map(|(clause, end)| {
        let within = text.get(clause.start..end).unwrap_or_default();
        let mut tokens: Vec<(Arc<str>, usize)> =
            Tokens::new(within).map(|token| (token.text.into(), token.span.end)).collect();
        // The last clause ends with the policy.
        if tokens.last().is_some_and(|(token, _)| token.as_ref() == ";") {
            tokens.pop();
        }
        let end = clause.start + tokens.last().map_or(0, |(_, end)| *end);
        ClauseText {
            name: clause.name.clone(),
            span: clause.start..end,
            tokens: tokens.into_iter().map(|(token, _)| token).collect(),
        }
    });
    text.collect()
}

fn note(expr: &Expr, source: &str, texts: &mut Vec<Compared>, datetimes: &mut Vec<(Arc<str>, Range<usize>)>) {
    match expr.expr_kind() {
        ExprKind::BinaryApp { arg1, arg2, .. } => {
            for (of, with) in [(arg1, arg2), (arg2, arg1)] {
                let ExprKind::GetAttr { attr, .. } = of.expr_kind() else { continue };
                for (text, span) in written(with) {
                    texts.push(Compared { attribute: attr.as_str().into(), text, pattern: None, span });
                }
            }
        }
        ExprKind::Like { expr: of, pattern } => {
            let ExprKind::GetAttr { attr, .. } = of.expr_kind() else { return };
            let pattern = pattern_of(pattern.get_elems());
            let text = pattern.parts().join("*").into();
            let pattern = (pattern.parts().len() > 1).then_some(pattern);
            texts.push(Compared { attribute: attr.as_str().into(), text, pattern, span: span_of(expr) });
        }
        ExprKind::ExtensionFunctionApp { fn_name, args } if fn_name.to_string() == "datetime" => {
            if let Some(ExprKind::Lit(Literal::String(text))) = args.first().map(Expr::expr_kind) {
                datetimes.push((text.as_str().into(), call(source, span_of(expr), text)));
            }
        }
        _ => {}
    }
}

/// The texts that an expression has as its value, or as members of it.
fn written(expr: &Expr) -> Vec<(Arc<str>, Range<usize>)> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::String(text)) => vec![(text.as_str().into(), span_of(expr))],
        ExprKind::Set(members) => members.iter().flat_map(written).collect(),
        ExprKind::If { then_expr, else_expr, .. } => {
            written(then_expr).into_iter().chain(written(else_expr)).collect()
        }
        _ => Vec::new(),
    }
}

/// What an expression is in each kind of request with an action that `wanted` takes: a node and what made it.
fn lowered<'a>(
    expr: &'a Expr,
    schema: &'a Schema,
    wanted: impl Fn(&Action) -> bool + 'a,
) -> impl Iterator<Item = (&'a Action, Arc<str>, Option<bool>)> + 'a {
    let actions = schema.actions().iter().filter(move |action| wanted(action));
    actions.flat_map(move |action| {
        let pairs = action.principals.iter().flat_map(|p| action.resources.iter().map(move |r| (*p, *r)));
        pairs.map(move |(principal, resource)| {
            let mut builder = Builder::to_look_at(schema);
            let (root, _) = Environment::new(schema, principal, action, resource).lower(&mut builder, expr);
            let name = schema.entity_type(resource).map_or_else(|| "".into(), |ty| ty.name.clone());
            (action, name, truth(&builder, root))
        })
    })
}

fn truth(builder: &Builder<'_>, root: Id) -> Option<bool> {
    match builder.constant(root) {
        Some(Value::Bool(truth)) => Some(*truth),
        _ => None,
    }
}

fn idle(policy: &ast::Policy, scope: &Expr, text: &str, body: &Range<usize>, schema: &Schema) -> Vec<Idle> {
    let template = policy.template();
    let ActionConstraint::In(listed) = template.action_constraint() else { return Vec::new() };
    let idle = listed.iter().filter_map(|uid| {
        let name = uid.to_string();
        let lies_in = |action: &Action| {
            action.uid.to_string() == name || action.groups.iter().any(|group| group.to_string() == name)
        };
        let applies = lowered(scope, schema, lies_in).any(|(_, _, truth)| truth != Some(false));
        if applies {
            return None;
        }
        let id: &str = uid.eid().as_ref();
        let takes = schema.actions().iter().filter(|action| lies_in(action));
        let takes = takes.flat_map(|action| action.resources.iter().filter_map(|ty| schema.entity_type(*ty)));
        let takes: BTreeSet<Arc<str>> = takes.map(|ty| ty.name.clone()).collect();
        Some(Idle { action: id.into(), takes: takes.into_iter().collect(), span: quoted(text, body, id) })
    });
    idle.collect()
}

/// Where `datetime("…")` stands in an expression: Cedar places every step of `datetime("…").offset(…)` alike.
fn call(source: &str, span: Range<usize>, argument: &str) -> Range<usize> {
    let within = source.get(span.clone()).unwrap_or_default();
    let tokens: Vec<_> = Tokens::new(within).collect();
    let call = tokens.windows(4).find_map(|four| match four {
        [name, open, text, close]
            if (name.text, open.text, close.text) == ("datetime", "(", ")")
                && text.text.trim_matches('"') == argument =>
        {
            Some(span.start + name.span.start..span.start + close.span.end)
        }
        _ => None,
    });
    call.unwrap_or(span)
}

/// Where a text stands in quotes in a policy's head.
fn quoted(text: &str, body: &Range<usize>, id: &str) -> Option<Range<usize>> {
    let within = text.get(body.clone())?;
    let token = Tokens::new(within).find(|token| token.text == format!("{id:?}"))?;
    Some(body.start + token.span.start..body.start + token.span.end)
}

fn unconditional(whole: &Expr, schema: &Schema) -> BTreeSet<(Arc<str>, Arc<str>)> {
    let all = lowered(whole, schema, |_| true).filter(|(_, _, truth)| *truth == Some(true));
    all.map(|(action, resource, _)| (action.uid.id().into(), resource)).collect()
}
