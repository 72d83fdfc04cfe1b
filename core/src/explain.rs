//! Why, or why not?

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use crate::answer::Answer;
use crate::error::Error;
use crate::policy::{Effect, Policy, Truth};
use crate::request::Request;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::World;

/// Nearest permits that an explanation of a denial shows.
const NEAREST: usize = 5;

/// An answer with its reasons, for people who write policies or help those who use them.
///
/// It tells everything and is for a trusted caller alone.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// The answer.
    pub answer: Answer,
    /// The policies that decided it, as in the answer.
    pub deciding: Vec<Reason>,
    /// For a denial that no policy decided: the permits that came nearest, each up to the condition that failed.
    pub nearest: Vec<Reason>,
}

/// One policy's part in a decision.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Reason {
    /// The policy.
    pub policy: Policy,
    /// Its conditions in the order of its text.
    pub conditions: Vec<Condition>,
}

/// One condition of a policy and how it came out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Condition {
    /// `Some(true)`, `Some(false)`, or `None` where it was not reached or could not be evaluated.
    pub holds: Option<bool>,
    /// Whether it is an `unless` clause, which holds where what its comment names is not so.
    pub negated: bool,
    /// What its clause asks, from the comment above the clause.
    pub name: Option<String>,
    /// Its text.
    pub text: String,
    /// Where it stands in the policy's source, in bytes.
    pub span: Range<usize>,
    /// Why it could not be evaluated.
    pub error: Option<String>,
}

impl Reason {
    fn held(&self) -> usize {
        self.conditions.iter().filter(|c| c.holds == Some(true)).count()
    }

    /// The first condition that did not hold.
    pub fn failed(&self) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.holds != Some(true))
    }
}

impl Ward {
    /// Answers a request and says why.
    ///
    /// # Errors
    /// As [`Ward::check`].
    pub fn explain(&self, world: &World, request: &Request) -> Result<Explanation, Error> {
        let _still = world.still();
        let answer = self.check(world, request)?;
        let deciding = self.reasons(world, request, answer.policies.iter())?;
        let mut nearest = Vec::new();
        if !answer.is_allowed() && answer.policies.is_empty() && answer.errors.is_empty() {
            nearest = self.permits_that_failed(world, request)?;
        }
        Ok(Explanation { answer, deciding, nearest })
    }

    fn permits_that_failed(&self, world: &World, request: &Request) -> Result<Vec<Reason>, Error> {
        let Some(ready) = self.examine(world, request)?.ready() else { return Ok(Vec::new()) };
        let applicable = self.roots(&ready).policies.iter();
        let permits = applicable.filter(|id| self.policy(id).is_some_and(|p| p.effect == Effect::Permit));
        let mut reasons = self.reasons(world, request, permits)?;
        // Nearest: fewest conditions left; then the most that held.
        reasons.sort_by_key(|r| (r.conditions.len() - r.held(), usize::MAX - r.held(), r.policy.id.clone()));
        reasons.truncate(NEAREST);
        Ok(reasons)
    }

    /// How the conditions of the policies with these ids come out.
    pub(crate) fn reasons<'a>(
        &self,
        world: &World,
        request: &Request,
        ids: impl Iterator<Item = &'a Arc<str>>,
    ) -> Result<Vec<Reason>, Error> {
        let Some(ready) = self.examine(world, request)?.ready() else { return Ok(Vec::new()) };
        let context = Value::Record(request.context.clone());
        let mut reasons = Vec::new();
        for id in ids {
            let (Some(policy), Some(conditions)) = (self.policy(id), self.conditions(id)) else { continue };
            let question = self.question(world, request, &ready, &context);
            let outcomes = self.inner.loaded.reference.outcomes(conditions, question);
            let conditions = outcomes.into_iter().map(|outcome| Condition {
                holds: match outcome.truth {
                    Truth::True => Some(true),
                    Truth::False => Some(false),
                    Truth::Error(_) | Truth::NotReached => None,
                },
                negated: outcome.negated,
                name: outcome.name,
                text: outcome.text,
                span: outcome.span,
                error: match outcome.truth {
                    Truth::Error(message) => Some(message),
                    _ => None,
                },
            });
            reasons.push(Reason { policy: policy.clone(), conditions: conditions.collect() });
        }
        Ok(reasons)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.answer.decision)?;
        for fault in &self.answer.errors {
            writeln!(f, "  {fault}")?;
        }
        for reason in &self.deciding {
            writeln!(f, "  {}", headline(&reason.policy))?;
        }
        if !self.nearest.is_empty() {
            writeln!(f, "  no policy permits it; the nearest:")?;
        }
        for reason in &self.nearest {
            writeln!(f, "  {}", headline(&reason.policy))?;
            if let Some(failed) = reason.failed() {
                let asked = failed.name.as_deref().unwrap_or("a condition");
                let found = if failed.negated { "✘ unless" } else { "✘" };
                writeln!(f, "    {found} {asked}: {}", one_line(&failed.text))?;
            }
        }
        Ok(())
    }
}

fn headline(policy: &Policy) -> String {
    let mut line = String::new();
    let rule = policy.rule.as_deref().unwrap_or(&policy.id);
    let _ = write!(line, "{rule} ({})", policy.id);
    if let Some(description) = &policy.description {
        let _ = write!(line, ": {description}");
    }
    line
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
