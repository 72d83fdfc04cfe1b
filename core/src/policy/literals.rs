//! The constants that policies compare with: what a generator of worlds has to hit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::PolicySet;
use cedar_policy_core::ast::{Expr, ExprKind, Literal};
use cedar_policy_core::evaluator::RestrictedEvaluator;
use cedar_policy_core::extensions::Extensions;

use crate::model::{EntityUid, Value};

/// Constants in the policies: those that stand beside an attribute or a field, by its name, and all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Literals {
    pub(crate) by_name: BTreeMap<Arc<str>, BTreeSet<Value>>,
    pub(crate) all: BTreeSet<Value>,
    /// Entities that the policies name, actions too.
    pub(crate) named: BTreeSet<EntityUid>,
}

impl Literals {
    pub(super) fn new(set: &PolicySet) -> Self {
        let mut literals = Literals::default();
        for policy in set.policies() {
            let policy: &cedar_policy_core::ast::Policy = policy.as_ref();
            for expr in policy.template().condition().subexpressions() {
                literals.note(expr);
            }
        }
        literals
    }

    fn note(&mut self, expr: &Expr) {
        self.all.extend(constant(expr));
        if let ExprKind::Lit(Literal::EntityUID(uid)) = expr.expr_kind() {
            self.named.insert(crate::cedar::value::uid_from_cedar(uid));
        }
        if let ExprKind::BinaryApp { arg1, arg2, .. } = expr.expr_kind() {
            for (of, with) in [(arg1, arg2), (arg2, arg1)] {
                if let ExprKind::GetAttr { attr, .. } = of.expr_kind() {
                    let found = with.subexpressions().filter_map(constant);
                    self.by_name.entry(attr.as_str().into()).or_default().extend(found);
                }
            }
        }
    }
}

/// The value of an expression without variables, where it is one value.
fn constant(expr: &Expr) -> Option<Value> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(_)) => None,
        ExprKind::Lit(_) | ExprKind::ExtensionFunctionApp { .. } => {
            let expr = cedar_policy_core::ast::BorrowedRestrictedExpr::new(expr).ok()?;
            let evaluator = RestrictedEvaluator::new(Extensions::all_available());
            crate::cedar::value::from_cedar(&evaluator.interpret(expr).ok()?)
        }
        _ => None,
    }
}
