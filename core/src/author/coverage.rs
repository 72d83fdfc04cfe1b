//! Which conditions of the policies were seen to decide, both ways.
//!
//! A *condition* is an operand of `&&`, `||`, `!` or `if` in a `when` or `unless` clause that is none of these
//! itself, and no literal. In one request it *decides* where
//!
//! 1. the policy's head matches,
//! 2. the condition was evaluated, and
//! 3. were its value the opposite, the policy would come out otherwise, all other conditions being as they are in
//!    that request. A condition that has no value then, such as one that reads the attribute whose presence the
//!    condition asks for, may be either.
//!
//! It is covered when it decided by being true in one request and by being false in one (masking MC/DC). What a
//! condition does to one policy counts, not what that policy does to the decision: the policies beside it do
//! not hide it.

use std::collections::HashMap;
use std::sync::Arc;

use super::cases::Case;
use crate::ir::{Evaluation, Id};
use crate::model::{Error, Span, TypeId};
use crate::policy::{Dissection, Environment, Policy, Skeleton, Structure};
use crate::ward::Ward;

/// What cases cover of every policy.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Coverage {
    /// In the order of their ids.
    pub policies: Vec<PolicyCoverage>,
}

/// What cases cover of one policy.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PolicyCoverage {
    /// The policy.
    pub policy: Policy,
    /// Requests that its head matched.
    pub asked: usize,
    /// Requests for which it held.
    pub held: usize,
    /// Its conditions, in the order of its text.
    pub conditions: Vec<ConditionCoverage>,
}

/// What cases cover of one condition.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ConditionCoverage {
    /// Where it stands in the policy's source.
    #[serde(flatten)]
    pub span: Span,
    /// Its text.
    pub text: String,
    /// What its clause asks, from the comment above the clause.
    pub clause: Option<Arc<str>>,
    /// How it was seen being true.
    pub when_true: Side,
    /// How it was seen being false.
    pub when_false: Side,
}

/// How a condition was seen with one of its values.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Side {
    /// Requests for which it had the value.
    pub seen: usize,
    /// Requests in which it decided by that.
    pub decided: usize,
    /// The first case in which it decided.
    pub by: Option<String>,
    /// Why it can never decide by that, where a file of what is unreachable says so.
    pub unreachable: Option<String>,
}

impl Side {
    /// Whether it decided, or need not.
    pub fn is_covered(&self) -> bool {
        self.decided > 0 || self.unreachable.is_some()
    }
}

impl ConditionCoverage {
    /// The side with the value.
    pub fn side(&self, value: bool) -> &Side {
        if value { &self.when_true } else { &self.when_false }
    }

    pub(super) fn side_mut(&mut self, value: bool) -> &mut Side {
        if value { &mut self.when_true } else { &mut self.when_false }
    }
}

impl PolicyCoverage {
    /// How many of the policy's sides are covered, and of how many.
    ///
    /// Each condition has two; that the policy held once is one more.
    pub fn sides(&self) -> (usize, usize) {
        let of = |condition: &ConditionCoverage| {
            usize::from(condition.when_true.is_covered()) + usize::from(condition.when_false.is_covered())
        };
        let covered = self.conditions.iter().map(of).sum::<usize>() + usize::from(self.held > 0);
        (covered, 2 * self.conditions.len() + 1)
    }
}

impl Coverage {
    /// How many sides are covered, and of how many, over all policies.
    pub fn sides(&self) -> (usize, usize) {
        let all = self.policies.iter().map(PolicyCoverage::sides);
        all.fold((0, 0), |(covered, sides), (c, s)| (covered + c, sides + s))
    }

    /// Whether every side is covered.
    pub fn is_complete(&self) -> bool {
        let (covered, sides) = self.sides();
        covered == sides
    }
}

impl Ward {
    /// What the cases cover of every condition of the policies; see [`Coverage`].
    ///
    /// Cost: an evaluation of every condition that can apply, for each case.
    ///
    /// # Errors
    /// As [`Ward::check`].
    pub fn coverage<'c>(&self, cases: impl IntoIterator<Item = &'c Case>) -> Result<Coverage, Error> {
        let structures = self.engine.loaded.structures();
        let mut coverage = Coverage {
            policies: self.policies().iter().zip(&structures).map(|(p, a)| nothing(self, p, a)).collect(),
        };
        let mut dissections: HashMap<(TypeId, usize, TypeId), Arc<Dissection>> = HashMap::new();
        for case in cases {
            let Some(ready) = self.engine.examine(&case.world, &case.request)?.ready() else { continue };
            let (principal, action, resource) = (ready.principal.0, ready.action, ready.resource.0);
            let dissection = dissections.entry((principal, action.place, resource)).or_insert_with(|| {
                let environment = Environment::new(self.schema(), principal, action, resource);
                Arc::new(Dissection::new(&structures, &environment))
            });
            let mut evaluation = Evaluation::new(
                &dissection.program,
                &case.world,
                ready.principal,
                Some(ready.resource),
                case.request.context.fields(),
            );
            for part in &dissection.parts {
                if let (Some(covered), Some(structure)) =
                    (coverage.policies.get_mut(part.policy), structures.get(part.policy))
                {
                    look(&mut evaluation, part.scope, &part.atoms, structure, covered, &case.name);
                }
            }
        }
        Ok(coverage)
    }
}

fn nothing(ward: &Ward, policy: &Policy, structure: &Structure) -> PolicyCoverage {
    let source = ward.source(&policy.id);
    let conditions = structure.atoms.iter().map(|atom| ConditionCoverage {
        span: Span::of(source.map_or("", |source| &source.text), atom.span.clone()),
        text: source.and_then(|s| s.text.get(atom.span.clone())).unwrap_or_default().to_owned(),
        clause: atom.clause.clone(),
        when_true: Side::default(),
        when_false: Side::default(),
    });
    PolicyCoverage { policy: policy.clone(), asked: 0, held: 0, conditions: conditions.collect() }
}

/// How a condition comes out; `None` where it has no value.
type Truth = Option<bool>;

fn look(
    evaluation: &mut Evaluation<'_>,
    scope: Id,
    atoms: &[Id],
    structure: &Structure,
    covered: &mut PolicyCoverage,
    case: &str,
) {
    if evaluation.holds(scope) != Ok(true) {
        return;
    }
    covered.asked += 1;
    let Some(skeleton) = &structure.skeleton else {
        covered.held += 1;
        return;
    };
    let mut values: Vec<Option<Truth>> = vec![None; atoms.len()];
    let mut value_of = |at: usize| atoms.get(at).and_then(|&id| evaluation.holds(id).ok());
    let outcome = strictly(skeleton, &mut |at| {
        let value = value_of(at);
        if let Some(slot) = values.get_mut(at) {
            *slot = Some(value);
        }
        value
    });
    covered.held += usize::from(outcome == Some(true));
    for (at, condition) in covered.conditions.iter_mut().enumerate() {
        let Some(Some(Some(value))) = values.get(at).copied() else { continue };
        let side = condition.side_mut(value);
        side.seen += 1;
        let opposite =
            loosely(skeleton, &mut |other| if other == at { Some(!value) } else { value_of(other) });
        // Where the policy could not be evaluated as it is, nothing is said of what decided.
        if outcome.is_some() && opposite != outcome {
            side.decided += 1;
            side.by.get_or_insert_with(|| case.to_owned());
        }
    }
}

/// As Cedar evaluates: from left to right, as far as needed; what has no value ends it.
fn strictly(skeleton: &Skeleton, value: &mut impl FnMut(usize) -> Truth) -> Truth {
    match skeleton {
        Skeleton::Atom(at) => value(*at),
        Skeleton::Literal(value) => Some(*value),
        Skeleton::Not(inner) => strictly(inner, value).map(|v| !v),
        Skeleton::And(left, right) => match strictly(left, value)? {
            true => strictly(right, value),
            false => Some(false),
        },
        Skeleton::Or(left, right) => match strictly(left, value)? {
            true => Some(true),
            false => strictly(right, value),
        },
        Skeleton::If(test, then, or) => match strictly(test, value)? {
            true => strictly(then, value),
            false => strictly(or, value),
        },
    }
}

/// Where what has no value may be either: `None` where the outcome depends on it.
fn loosely(skeleton: &Skeleton, value: &mut impl FnMut(usize) -> Truth) -> Truth {
    match skeleton {
        Skeleton::Atom(at) => value(*at),
        Skeleton::Literal(value) => Some(*value),
        Skeleton::Not(inner) => loosely(inner, value).map(|v| !v),
        Skeleton::And(left, right) => match loosely(left, value) {
            Some(false) => Some(false),
            left => match loosely(right, value) {
                Some(false) => Some(false),
                right => left.and(right),
            },
        },
        Skeleton::Or(left, right) => match loosely(left, value) {
            Some(true) => Some(true),
            left => match loosely(right, value) {
                Some(true) => Some(true),
                right => left.and(right),
            },
        },
        Skeleton::If(test, then, or) => match loosely(test, value) {
            Some(true) => loosely(then, value),
            Some(false) => loosely(or, value),
            None => {
                let (then, or) = (loosely(then, value), loosely(or, value));
                if then == or { then } else { None }
            }
        },
    }
}
