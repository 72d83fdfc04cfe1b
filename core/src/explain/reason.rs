//! Policies and their conditions, each with how it came out and what it compared.

use std::sync::Arc;

use super::judge::{Judge, Truth};
use super::shown::{ELEMENTS, Shown};
use crate::ir::{Failure, Id};
use crate::model::{Source, Span};
use crate::policy::{Body, Form, Part, Policy, Relation};

/// One policy's part in a decision.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Reason {
    /// The policy.
    pub policy: Policy,
    /// What must all hold for it to apply, in the order of its text.
    pub conditions: Vec<Condition>,
}

carried!(struct Reason { policy, conditions });

/// One condition of a policy, or a part of one, and how it came out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Condition {
    /// Whether it holds; `None` where it has no value, is withheld, or is only looked at once others hold.
    pub holds: Option<bool>,
    /// Whether the viewer may not see how it came out.
    pub withheld: bool,
    /// Why it could not be evaluated.
    pub error: Option<String>,
    /// What its clause asks, from the comment above the clause.
    pub name: Option<Arc<str>>,
    /// Whether its clause is an `unless`, which holds where what its comment names is not so.
    pub negated: bool,
    /// Its text.
    pub text: String,
    /// Where it stands in the policy's source.
    #[serde(flatten)]
    pub span: Span,
    /// How its parts make it up.
    pub made_of: Composition,
    /// Its parts: conditions, too.
    pub parts: Vec<Condition>,
    /// For a test: what it found, in words, such as `does not contain`.
    pub found: Option<&'static str>,
    /// For a test: what it compared.
    pub operands: Vec<Operand>,
}

carried!(struct Condition {
    holds, withheld, error, name, negated, text, span, made_of, parts, found, operands,
});

/// What a condition is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Composition {
    /// All parts must hold.
    All,
    /// One part must hold.
    Any,
    /// Its part must not hold.
    Not,
    /// A test, what is asked where it holds, and what is asked else.
    If,
    /// A test of its own.
    Test,
}

carried!(enum Composition { 0 = All {}, 1 = Any {}, 2 = Not {}, 3 = If {}, 4 = Test {} });

/// What a test compares.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Operand {
    /// Its text.
    pub text: String,
    /// Where it stands in the policy's source.
    #[serde(flatten)]
    pub span: Span,
    /// Its value; `None` where the text says it.
    pub value: Option<Shown>,
    /// For a value that is computed: what is read for it.
    pub read: Vec<Operand>,
}

carried!(struct Operand { text, span, value, read });

impl Reason {
    /// The conditions that do not hold, or have no value.
    pub fn failed(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|condition| condition.holds != Some(true) && !condition.withheld)
    }

    /// How many tests must come out otherwise for the policy to apply.
    pub(super) fn distance(&self) -> usize {
        self.conditions.iter().map(|condition| condition.distance(true)).sum()
    }

    pub(super) fn withheld(&self) -> usize {
        self.conditions.iter().filter(|condition| condition.withheld).count()
    }

    pub(super) fn held(&self) -> usize {
        self.conditions.iter().filter(|condition| condition.holds == Some(true)).count()
    }
}

impl Condition {
    /// The fewest tests in it that must come out otherwise for it to be as wanted.
    fn distance(&self, wanted: bool) -> usize {
        let of = |part: Option<&Condition>, wanted| part.map_or(0, |part| part.distance(wanted));
        let all = |wanted: bool| self.parts.iter().map(move |part| part.distance(wanted));
        let tests = match (self.made_of, wanted) {
            (Composition::All, true) | (Composition::Any, false) => all(wanted).sum(),
            (Composition::All, false) | (Composition::Any, true) => all(wanted).min().unwrap_or(0),
            (Composition::Not, _) => of(self.parts.first(), !wanted),
            (Composition::If, _) => {
                let way = |test, at| of(self.parts.first(), test) + of(self.parts.get(at), wanted);
                way(true, 1).min(way(false, 2))
            }
            (Composition::Test, _) => usize::from(!self.withheld && self.holds != Some(wanted)),
        };
        // What has no value has one test at least that must come out otherwise.
        tests.max(usize::from(self.error.is_some()))
    }
}

/// Makes reasons of the policies of one source at a time.
pub(super) struct Writer<'j, 'a> {
    pub(super) judge: &'j mut Judge<'a>,
    pub(super) text: &'j str,
}

/// A condition with its truth, and whether finding that out could fail.
struct Judged {
    condition: Condition,
    truth: Truth,
    can_fail: bool,
}

impl Writer<'_, '_> {
    pub(super) fn reason(&mut self, policy: &Policy, body: &Body) -> Reason {
        let mut goes_on = true;
        let conditions = body.terms.iter().map(|term| {
            let Judged { mut condition, truth, .. } = self.condition(&term.part, goes_on);
            goes_on &= truth == Truth::True;
            condition.name = term.name.clone();
            condition.negated = term.negated;
            condition
        });
        Reason { policy: policy.clone(), conditions: conditions.collect() }
    }

    /// Recursion is bounded by the limits on policy text.
    fn condition(&mut self, part: &Part, is_reached: bool) -> Judged {
        let mut judged = match part.form {
            Form::All => self.chain(part, is_reached, Truth::True, Composition::All),
            Form::Any => self.chain(part, is_reached, Truth::False, Composition::Any),
            Form::Not => {
                let inner = part.parts.first().map(|inner| self.condition(inner, is_reached));
                let (truth, can_fail) =
                    inner.as_ref().map_or((Truth::Hidden, true), |i| (i.truth.negated(), i.can_fail));
                let parts = inner.into_iter().map(|inner| inner.condition).collect();
                let condition = self.blank(part, Composition::Not, parts);
                Judged { condition, truth, can_fail }
            }
            Form::If => self.choice(part, is_reached),
            Form::Test(relation) => self.test(part, relation, is_reached),
            Form::Literal | Form::Path | Form::Computed => self.test(part, Relation::True, is_reached),
        };
        let condition = &mut judged.condition;
        match judged.truth {
            Truth::True => condition.holds = Some(true),
            Truth::False => condition.holds = Some(false),
            Truth::Hidden => condition.withheld = true,
            Truth::Failed(failure) if is_reached => condition.error = Some(failure.to_string()),
            // Only looked at once those before it hold.
            Truth::Failed(_) => {}
        }
        judged
    }

    fn chain(&mut self, part: &Part, is_reached: bool, goes_on: Truth, made_of: Composition) -> Judged {
        let (mut truth, mut parts) = (goes_on, Vec::new());
        let (mut can_fail, mut hidden_can_fail, mut reaches) = (false, false, is_reached);
        for inner in &part.parts {
            let inner = self.condition(inner, reaches);
            reaches &= inner.truth == goes_on;
            can_fail |= inner.can_fail;
            truth = match truth {
                truth if truth == goes_on => inner.truth,
                // What ends the chain ends it, unless what is hidden before it could fail first.
                Truth::Hidden if !hidden_can_fail && inner.truth == goes_on.negated() => inner.truth,
                truth => truth,
            };
            hidden_can_fail |= inner.truth == Truth::Hidden && inner.can_fail;
            parts.push(inner.condition);
        }
        Judged { condition: self.blank(part, made_of, parts), truth, can_fail }
    }

    fn choice(&mut self, part: &Part, is_reached: bool) -> Judged {
        let mut parts = part.parts.iter();
        let [test, then, or] = [parts.next(), parts.next(), parts.next()];
        let (Some(test), Some(then), Some(or)) = (test, then, or) else {
            return self.test(part, Relation::Other, is_reached);
        };
        let test = self.condition(test, is_reached);
        let then = self.condition(then, is_reached && test.truth == Truth::True);
        let or = self.condition(or, is_reached && test.truth == Truth::False);
        let truth = match test.truth {
            Truth::True => then.truth,
            Truth::False => or.truth,
            Truth::Hidden if then.truth == or.truth && !test.can_fail => then.truth,
            truth => truth,
        };
        let can_fail = test.can_fail || then.can_fail || or.can_fail;
        let parts = vec![test.condition, then.condition, or.condition];
        Judged { condition: self.blank(part, Composition::If, parts), truth, can_fail }
    }

    fn test(&mut self, part: &Part, relation: Relation, is_reached: bool) -> Judged {
        let truth = self.judge.truth(part.node);
        let mut condition = self.blank(part, Composition::Test, Vec::new());
        condition.operands = part.parts.iter().map(|part| self.operand(part, is_reached)).collect();
        condition.found = match truth {
            Truth::True => relation.words(true),
            Truth::False => relation.words(false),
            Truth::Failed(_) | Truth::Hidden => None,
        };
        Judged { condition, truth, can_fail: self.judge.scene.program.node_can_fail(part.node) }
    }

    fn operand(&mut self, part: &Part, is_reached: bool) -> Operand {
        let value = (part.form != Form::Literal).then(|| self.shown(part.node, is_reached));
        let read = part.parts.iter().map(|part| self.operand(part, is_reached)).collect();
        let mut span = part.span.clone();
        let text = match &part.path {
            Some(path) => {
                // The span is that of all that is called on the path, where something is.
                if self.text.get(span.clone()).is_some_and(|text| text.starts_with(path.as_str())) {
                    span.end = span.start + path.len();
                }
                super::shown::one_line(path)
            }
            None => self.text(part),
        };
        Operand { text, span: Span::of(self.text, span), value, read }
    }

    fn shown(&mut self, id: Id, is_reached: bool) -> Shown {
        if !self.judge.scene.lens.sees_all() && self.judge.reads(id).is_hidden {
            return Shown::Withheld;
        }
        match self.judge.evaluation.glimpse(id, ELEMENTS) {
            Ok(glimpse) => Shown::new(glimpse),
            Err(Failure::NoAttribute | Failure::NoTag) => Shown::Absent,
            Err(_) if !is_reached => Shown::Absent,
            Err(failure) => Shown::Failed(failure.to_string()),
        }
    }

    fn blank(&self, part: &Part, made_of: Composition, parts: Vec<Condition>) -> Condition {
        Condition {
            holds: None,
            withheld: false,
            error: None,
            name: None,
            negated: false,
            text: self.text(part),
            span: Span::of(self.text, part.span.clone()),
            made_of,
            parts,
            found: None,
            operands: Vec::new(),
        }
    }

    fn text(&self, part: &Part) -> String {
        super::shown::one_line(self.text.get(part.span.clone()).unwrap_or_default())
    }
}

/// What was found is one of a few texts.
#[cfg(feature = "carry")]
impl crate::model::carried::Wire for &'static str {
    fn write(&self, out: &mut Vec<u8>) {
        crate::model::carried::Wire::write(&(*self).to_owned(), out);
    }

    fn read(from: &mut crate::model::carried::Bytes<'_>) -> Option<Self> {
        let text = <String as crate::model::carried::Wire>::read(from)?;
        let found = Relation::ALL.iter().flat_map(|one| [one.words(true), one.words(false)]);
        found.flatten().find(|words| *words == text)
    }
}

impl Relation {
    /// What was found, in words that stand between the operands, or after the one there is.
    fn words(self, holds: bool) -> Option<&'static str> {
        Some(match (self, holds) {
            (Relation::Equal, true) | (Relation::NotEqual, false) => "is equal to",
            (Relation::Equal, false) | (Relation::NotEqual, true) => "is not equal to",
            (Relation::Less, true) | (Relation::AtLeast, false) => "is less than",
            (Relation::Less, false) | (Relation::AtLeast, true) => "is at least",
            (Relation::LessEqual, true) | (Relation::More, false) => "is at most",
            (Relation::LessEqual, false) | (Relation::More, true) => "is more than",
            (Relation::Contains, true) => "contains",
            (Relation::Contains, false) => "does not contain",
            (Relation::ContainsAll, true) => "contains all of",
            (Relation::ContainsAll, false) => "does not contain all of",
            (Relation::ContainsAny, true) => "contains some of",
            (Relation::ContainsAny, false) => "contains none of",
            (Relation::IsEmpty, true) => "is empty",
            (Relation::IsEmpty, false) => "is not empty",
            (Relation::Has, true) => "has it",
            (Relation::Has, false) => "does not have it",
            (Relation::HasTag, true) => "has the tag",
            (Relation::HasTag, false) => "does not have the tag",
            (Relation::LiesIn, true) => "is in",
            (Relation::LiesIn, false) => "is not in",
            (Relation::Like, true) => "is of the pattern",
            (Relation::Like, false) => "is not of the pattern",
            (Relation::IsOfType, true) => "is of the type",
            (Relation::IsOfType, false) => "is not of the type",
            (Relation::True | Relation::Other, _) => return None,
        })
    }
}

/// The text that a policy was read from; nothing where it is not at hand.
pub(super) fn text_of(source: Option<&Source>) -> &str {
    source.map_or("", |source| &source.text)
}
