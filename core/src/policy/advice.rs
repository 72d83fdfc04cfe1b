//! Names that validation lets pass, though they are probably mistyped.
//!
//! `has` with an attribute that no entity has is valid Cedar: it is false. A policy so mistyped grants nothing,
//! or forbids nothing, without a word.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use cedar_policy_core::ast::{Expr, ExprKind, Var};

use super::anatomy::span_of;
use super::atoms::Structure;
use super::lower::Environment;
use crate::ir::Builder;
use crate::model::suggest::hint;
use crate::model::{Attribute, Problem, Schema, Severity, Source, Type, Value};

/// What `has` asks at a place: the types of what is asked, by whether they have it.
#[derive(Default)]
struct Asked {
    known: bool,
    types: BTreeSet<String>,
    names: BTreeSet<Arc<str>>,
}

/// One warning for each attribute after `has` that exists wherever the policy applies on no type.
pub(super) fn advice(schema: &Schema, structure: &Structure, source: &Source) -> Vec<Problem> {
    let mut asked: BTreeMap<(usize, String), (Range<usize>, Asked)> = BTreeMap::new();
    for action in schema.actions() {
        for &principal in &action.principals {
            for &resource in &action.resources {
                let environment = Environment::new(schema, principal, action, resource);
                let mut builder = Builder::new(schema);
                let scope = environment.lower(&mut builder, &structure.scope).0;
                if builder.constant(scope) == Some(&Value::Bool(false)) {
                    continue;
                }
                for expr in structure.atoms.iter().flat_map(|atom| atom.expr.subexpressions()) {
                    note(&environment, expr, &mut asked);
                }
            }
        }
    }
    let unknown = asked.into_iter().filter(|(_, (_, asked))| !asked.known && !asked.types.is_empty());
    let problems = unknown.map(|((_, name), (span, asked))| {
        let types: Vec<&str> = asked.types.iter().map(String::as_str).collect();
        let hint = hint(&name, asked.names.iter().map(AsRef::as_ref));
        let what = format!("`{}` never has an attribute `{name}`{hint}", types.join("` and `"));
        Problem {
            severity: Severity::Warning,
            ..Problem::error(what).in_source(&source.name).at(&source.text, span)
        }
    });
    problems.collect()
}

fn note(
    environment: &Environment<'_>,
    expr: &Expr,
    asked: &mut BTreeMap<(usize, String), (Range<usize>, Asked)>,
) {
    let (of, names) = match expr.expr_kind() {
        ExprKind::HasAttr { expr, attr } => (expr, vec![attr.as_str()]),
        ExprKind::ExtHasAttr { expr, attrs } => (expr, attrs.iter().map(|attr| attr.as_str()).collect()),
        _ => return,
    };
    let mut ty = type_of(environment, of);
    let span = span_of(expr);
    for name in names {
        let Some(of) = ty else { return };
        let fields = fields(environment.schema, &of);
        let entry =
            asked.entry((span.start, name.to_owned())).or_insert_with(|| (span.clone(), Asked::default()));
        entry.1.known |= fields.contains_key(name);
        entry.1.types.insert(environment.schema.show(&of));
        entry.1.names.extend(fields.keys().cloned());
        ty = fields.get(name).map(|attribute| attribute.ty.clone());
    }
}

/// The type of a path from a variable.
fn type_of(environment: &Environment<'_>, expr: &Expr) -> Option<Type> {
    match expr.expr_kind() {
        ExprKind::Var(Var::Principal) => Some(Type::Entity(environment.principal)),
        ExprKind::Var(Var::Resource) => Some(Type::Entity(environment.resource)),
        ExprKind::GetAttr { expr, attr } => {
            let of = type_of(environment, expr)?;
            fields(environment.schema, &of).get(attr.as_str()).map(|attribute| attribute.ty.clone())
        }
        _ => None,
    }
}

fn fields(schema: &Schema, ty: &Type) -> BTreeMap<Arc<str>, Attribute> {
    match ty {
        Type::Entity(id) => {
            schema.entity_type(*id).map(|ty| ty.attributes.iter().cloned().collect()).unwrap_or_default()
        }
        Type::Record(fields) => fields.as_ref().clone(),
        _ => BTreeMap::new(),
    }
}
