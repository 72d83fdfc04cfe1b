//! The small changes that can be made to a policy's text.
//!
//! A draft is made from tokens and the places of conditions, so that the layout stays and a change shows as a
//! short patch. Whether what comes out is a valid policy that says something else is found when it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::paths::{Path, paths};
use crate::cedar::{Tokens, decimal_text, parse_decimal};
use crate::model::{Action, Source};
use crate::policy::{Admission, Structure};
use crate::ward::Ward;

/// What kind of change makes a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `permit` for `forbid`, and the other way round.
    Effect,
    /// The head takes more or fewer actions, or other types.
    Scope,
    /// A whole clause is left out, or `when` is `unless`.
    Clause,
    /// A condition holds always, never, or where it did not.
    Condition,
    /// The same of a condition that guards an optional attribute.
    Guard,
    /// Another operator.
    Operator,
    /// Another constant.
    Constant,
    /// Another attribute of the same type.
    Attribute,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Effect => "effect",
            Kind::Scope => "scope",
            Kind::Clause => "clause",
            Kind::Condition => "condition",
            Kind::Guard => "guard",
            Kind::Operator => "operator",
            Kind::Constant => "constant",
            Kind::Attribute => "attribute",
        })
    }
}

/// A change of one policy's text.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// The policy's place among the ward's.
    pub(super) policy: usize,
    pub(super) kind: Kind,
    /// What is put for what.
    pub(super) edits: Vec<(Range<usize>, String)>,
}

impl Draft {
    /// A change of the policy of that id.
    pub(super) fn of(ward: &Ward, policy: &str, edits: Vec<(Range<usize>, String)>) -> Option<Self> {
        let policy = *ward.engine.by_id.get(policy)?;
        Some(Draft { policy, kind: Kind::Condition, edits })
    }

    /// The changed source, where it is a valid policy.
    pub(super) fn admissible(&self, ward: &Ward) -> Option<Source> {
        let source = ward.source(&ward.policies().get(self.policy)?.id)?;
        let text = self.apply(&source.text);
        Admission::new(&ward.engine.loaded).admit(self.policy, &text)?;
        Some(Source::new(source.name.clone(), text))
    }

    /// The text with the change.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut edits = self.edits.clone();
        edits.sort_by_key(|(span, _)| span.start);
        let (mut changed, mut at) = (String::with_capacity(text.len() + 64), 0);
        for (span, put) in &edits {
            changed.push_str(text.get(at..span.start).unwrap_or_default());
            changed.push_str(put);
            at = span.end;
        }
        changed.push_str(text.get(at..).unwrap_or_default());
        changed
    }
}

/// One token with its place in the source.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
    /// Brackets open around it.
    depth: usize,
}

/// Texts that policies compare with an attribute, by the type that has it and its name.
#[derive(Default)]
pub(super) struct Vocabulary(BTreeMap<(String, String), BTreeSet<String>>);

/// A policy's text in parts.
struct Parts<'a> {
    ward: &'a Ward,
    policy: usize,
    structure: &'a Structure,
    text: &'a str,
    words: Vec<Word<'a>>,
    /// The word `permit` or `forbid`.
    effect: usize,
    /// The word that closes the head.
    head_end: usize,
    drafts: Vec<Draft>,
}

/// Every draft of one policy.
pub(super) fn drafts(ward: &Ward, policy: usize, structure: &Structure, known: &Vocabulary) -> Vec<Draft> {
    let id = ward.policies().get(policy).map(|policy| policy.id.clone()).unwrap_or_default();
    let Some(source) = ward.source(&id) else { return Vec::new() };
    let words = words(&source.text, &structure.span);
    let Some((effect, head_end)) = head(&words) else { return Vec::new() };
    let text = source.text.as_ref();
    let mut parts = Parts { ward, policy, structure, text, words, effect, head_end, drafts: Vec::new() };
    parts.effect();
    parts.scope();
    parts.clauses();
    // Before the conditions: a negated one can be the same as one with the other operator.
    parts.operators();
    parts.conditions();
    parts.constants(known);
    parts.attributes();
    parts.drafts
}

/// The tokens of a part of a text.
pub(super) fn words<'a>(text: &'a str, part: &Range<usize>) -> Vec<Word<'a>> {
    let mut depth = 0_usize;
    let own = text.get(part.clone()).unwrap_or_default();
    let words = Tokens::new(own).map(|token| {
        if matches!(token.text, ")" | "]" | "}") {
            depth = depth.saturating_sub(1);
        }
        let word = Word {
            text: token.text,
            span: part.start + token.span.start..part.start + token.span.end,
            depth,
        };
        if matches!(token.text, "(" | "[" | "{") {
            depth += 1;
        }
        word
    });
    words.collect()
}

/// The words `permit` or `forbid` and `)` of a policy's head.
fn head(words: &[Word<'_>]) -> Option<(usize, usize)> {
    let is_annotation =
        |at: usize| at.checked_sub(1).and_then(|b| words.get(b)).is_some_and(|w| w.text == "@");
    let effect = (0..words.len()).find(|&at| {
        words.get(at).is_some_and(|w| w.depth == 0 && matches!(w.text, "permit" | "forbid"))
            && !is_annotation(at)
    })?;
    let end =
        (effect..words.len()).find(|&at| words.get(at).is_some_and(|w| w.depth == 0 && w.text == ")"))?;
    Some((effect, end))
}

impl Vocabulary {
    /// The texts of all policies.
    pub(super) fn new(ward: &Ward, structures: &[Structure]) -> Self {
        let mut vocabulary = Vocabulary::default();
        for (policy, structure) in structures.iter().enumerate() {
            let id = ward.policies().get(policy).map(|policy| policy.id.clone()).unwrap_or_default();
            let Some(source) = ward.source(&id) else { continue };
            let words = words(&source.text, &structure.span);
            let paths = paths(ward, policy, &words);
            for (at, word) in words.iter().enumerate() {
                for attribute in compared_with(&words, &paths, at) {
                    vocabulary.0.entry(attribute).or_default().insert(word.text.to_owned());
                }
            }
        }
        vocabulary
    }

    /// Texts beside this one that are compared with one of the attributes.
    fn others(&self, attributes: &[(String, String)], text: &str) -> BTreeSet<&String> {
        let known = attributes.iter().filter_map(|attribute| self.0.get(attribute));
        known.flatten().filter(|other| *other != text).collect()
    }
}

fn text_at<'a>(words: &[Word<'a>], at: usize) -> &'a str {
    words.get(at).map_or("", |word| word.text)
}

/// The attribute, by type and name, that the text at `at` is compared with: `status` of a type in
/// `resource.status == "open"` and in `["open", "closed"].contains(resource.status)`.
fn compared_with(words: &[Word<'_>], paths: &[Path<'_>], at: usize) -> Vec<(String, String)> {
    if !text_at(words, at).starts_with('"') || at < 2 {
        return Vec::new();
    }
    let place = match text_at(words, at - 1) {
        "==" | "!=" => Some(at - 2),
        "[" | "," => list_around(words, at).and_then(|(_, close)| {
            let contains = text_at(words, close + 2) == "contains";
            contains.then(|| (close + 4..).step_by(2).find(|&at| text_at(words, at + 1) != "."))?
        }),
        _ => None,
    };
    let Some(word) = place.and_then(|place| words.get(place)) else { return Vec::new() };
    let path = paths.iter().find(|path| path.span == word.span);
    path.map_or_else(Vec::new, |path| path.of.iter().map(|ty| (ty.clone(), path.name.to_owned())).collect())
}

/// The brackets of the list that the word at `at` is an element of.
fn list_around(words: &[Word<'_>], at: usize) -> Option<(usize, usize)> {
    let depth = words.get(at)?.depth;
    let is = |i: usize, text: &str| words.get(i).is_some_and(|w| w.text == text && w.depth + 1 == depth);
    let open = (0..at).rev().find(|&i| is(i, "["))?;
    Some((open, (at..words.len()).find(|&i| is(i, "]"))?))
}

impl<'a> Parts<'a> {
    fn push(&mut self, kind: Kind, span: Range<usize>, put: impl Into<String>) {
        self.drafts.push(Draft { policy: self.policy, kind, edits: vec![(span, put.into())] });
    }

    fn word(&self, at: usize) -> &'a str {
        text_at(&self.words, at)
    }

    fn span(&self, at: usize) -> Range<usize> {
        self.words.get(at).map_or(0..0, |word| word.span.clone())
    }

    /// The text from one word to another, both included.
    fn between(&self, from: usize, to: usize) -> Range<usize> {
        self.span(from).start..self.span(to).end
    }

    fn body(&self) -> Range<usize> {
        self.head_end + 1..self.words.len()
    }

    fn effect(&mut self) {
        let other = if self.word(self.effect) == "permit" { "forbid" } else { "permit" };
        self.push(Kind::Effect, self.span(self.effect), other);
    }

    fn scope(&mut self) {
        let mut arguments = Vec::new();
        let first = self.effect + 2;
        let mut start = first;
        for at in first..=self.head_end {
            let depth = self.words.get(at).map_or(0, |word| word.depth);
            if (depth == 1 && self.word(at) == ",") || at == self.head_end {
                if start < at {
                    arguments.push((start, at - 1));
                }
                start = at + 1;
            }
        }
        for (start, end) in arguments {
            if start == end {
                continue;
            }
            let variable = self.word(start);
            self.push(Kind::Scope, self.between(start, end), variable);
            match (variable, self.word(start + 1)) {
                ("action", "in") if self.word(start + 2) == "[" => self.listed_actions(start + 2, end),
                ("action", "==") => {
                    let named = self.between(start + 2, end);
                    for other in self.actions_beside(start + 2, end) {
                        let list =
                            format!("in [{}, {other}]", self.text.get(named.clone()).unwrap_or_default());
                        self.push(Kind::Scope, self.span(start + 1).start..named.end, list);
                    }
                }
                (_, "is") => {
                    if let Some(at) = (start + 2..end).find(|&at| self.word(at) == "in") {
                        self.push(Kind::Scope, self.between(at, end), "");
                        self.push(Kind::Scope, self.between(start + 1, at - 1), "");
                    }
                }
                ("principal" | "resource", "==") => self.push(Kind::Scope, self.span(start + 1), "in"),
                ("principal" | "resource", "in") => self.push(Kind::Scope, self.span(start + 1), "=="),
                _ => {}
            }
        }
    }

    /// `[A, B]`: each left out, and each other action of the same records put in.
    fn listed_actions(&mut self, open: usize, end: usize) {
        let mut start = open + 1;
        let mut elements = Vec::new();
        for at in open + 1..=end {
            if (self.word(at) == "," || at == end) && start < at {
                elements.push((start, at - 1));
                start = at + 1;
            }
        }
        if elements.len() > 1 {
            for (nth, &(from, to)) in elements.iter().enumerate() {
                // With the comma after it, or before it for the last.
                let span = match elements.get(nth + 1) {
                    Some(&(next, _)) => self.span(from).start..self.span(next).start,
                    None => self.span(from - 1).start..self.span(to).end,
                };
                self.push(Kind::Scope, span, "");
            }
        }
        if let Some(&(_, last)) = elements.last() {
            let place = self.span(last).end;
            for other in self.actions_beside(open, end) {
                self.push(Kind::Scope, place..place, format!(", {other}"));
            }
        }
    }

    /// Actions that the words do not name and that apply to a type of record which a named one applies to.
    fn actions_beside(&self, from: usize, to: usize) -> Vec<String> {
        let names: BTreeSet<&str> = (from..=to).map(|at| self.word(at).trim_matches('"')).collect();
        let all = self.ward.schema().actions();
        let is_named = |action: &&Action| names.contains(action.uid.id());
        let types: BTreeSet<_> = all.iter().filter(is_named).flat_map(|action| &action.resources).collect();
        let beside = all.iter().filter(|action| !is_named(action));
        beside
            .filter(|a| a.resources.iter().any(|ty| types.contains(ty)))
            .map(|a| a.uid.to_string())
            .collect()
    }

    fn clauses(&mut self) {
        for at in self.body() {
            let is_head =
                self.words.get(at).is_some_and(|w| w.depth == 0 && matches!(w.text, "when" | "unless"));
            if !is_head {
                continue;
            }
            let close = (at..self.words.len())
                .find(|&end| self.words.get(end).is_some_and(|w| w.depth == 0 && w.text == "}"));
            let Some(close) = close else { continue };
            self.push(Kind::Clause, self.between(at, close), "");
            let other = if self.word(at) == "when" { "unless" } else { "when" };
            self.push(Kind::Clause, self.span(at), other);
        }
    }

    fn conditions(&mut self) {
        for atom in &self.structure.atoms {
            let text = self.text.get(atom.span.clone()).unwrap_or_default();
            let guards = words(self.text, &atom.span).iter().any(|word| word.text == "has");
            let kind = if guards { Kind::Guard } else { Kind::Condition };
            let drafts = ["true".to_owned(), "false".to_owned(), format!("!({text})")];
            for put in drafts {
                self.drafts.push(Draft { policy: self.policy, kind, edits: vec![(atom.span.clone(), put)] });
            }
        }
    }

    fn operators(&mut self) {
        for at in self.body() {
            let other = match self.word(at) {
                "&&" => "||",
                "||" => "&&",
                "==" => "!=",
                "!=" => "==",
                "<" => "<=",
                "<=" => "<",
                ">" => ">=",
                ">=" => ">",
                "+" => "-",
                "-" => "+",
                "*" => "+",
                "!" => "",
                "in" => "==",
                "containsAll" => "containsAny",
                "containsAny" => "containsAll",
                "lessThan" => "lessThanOrEqual",
                "lessThanOrEqual" => "lessThan",
                "greaterThan" => "greaterThanOrEqual",
                "greaterThanOrEqual" => "greaterThan",
                _ => continue,
            };
            self.push(Kind::Operator, self.span(at), other);
        }
    }

    fn constants(&mut self, known: &Vocabulary) {
        let words = self.words.clone();
        let paths = paths(self.ward, self.policy, &words);
        for at in self.body() {
            let (word, span) = (self.word(at), self.span(at));
            if word.starts_with('"') {
                self.text_constant(at, known, &paths);
            } else if let Ok(number) = word.parse::<i64>() {
                for other in [number.checked_add(1), number.checked_sub(1)].into_iter().flatten() {
                    self.push(Kind::Constant, span.clone(), other.to_string());
                }
            } else if matches!(word, "true" | "false") {
                self.push(Kind::Constant, span, if word == "true" { "false" } else { "true" });
            }
        }
    }

    fn text_constant(&mut self, at: usize, known: &Vocabulary, paths: &[Path<'_>]) {
        let (span, word) = (self.span(at), self.word(at));
        let inside = word.trim_matches('"');
        let function = if self.word(at - 1) == "(" { self.word(at - 2) } else { "" };
        match (self.word(at - 1), function) {
            ("::", _) => {
                for other in self.entities_beside(at, inside) {
                    self.push(Kind::Constant, span.clone(), format!("{other:?}"));
                }
            }
            (_, "datetime") => {
                for shift in ["1ms", "-1ms"] {
                    let end = self.span(at + 1).end;
                    self.push(Kind::Constant, end..end, format!(".offset(duration(\"{shift}\"))"));
                }
            }
            (_, "duration") => {
                let digits = inside.trim_start_matches('-').find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
                let (number, unit) =
                    inside.split_at(inside.len().min(digits + usize::from(inside.starts_with('-'))));
                for other in
                    number.parse::<i64>().into_iter().flat_map(|n| [n.checked_add(1), n.checked_sub(1)])
                {
                    self.push(Kind::Constant, span.clone(), format!("\"{}{unit}\"", other.unwrap_or(0)));
                }
            }
            (_, "decimal") => {
                for other in
                    parse_decimal(inside).into_iter().flat_map(|n| [n.checked_add(1), n.checked_sub(1)])
                {
                    self.push(
                        Kind::Constant,
                        span.clone(),
                        format!("\"{}\"", decimal_text(other.unwrap_or(0))),
                    );
                }
            }
            (_, "ip") => self.push(Kind::Constant, span, "\"192.0.2.1\""),
            ("like", _) => self.push(Kind::Constant, span, "\"*\""),
            _ => {
                self.push(Kind::Constant, span.clone(), format!("\"{inside}~\""));
                let attributes = compared_with(&self.words, paths, at);
                let listed: BTreeSet<&str> = match list_around(&self.words, at) {
                    Some((open, close)) => (open..close).map(|at| self.word(at)).collect(),
                    None => BTreeSet::from([word]),
                };
                let is_last = self.word(at + 1) == "]";
                for other in known.others(&attributes, word) {
                    if listed.contains(other.as_str()) {
                        continue;
                    }
                    self.push(Kind::Constant, span.clone(), other.clone());
                    if is_last {
                        self.push(Kind::Constant, span.clone(), format!("{word}, {other}"));
                    }
                }
            }
        }
    }

    /// Ids of other entities of the type of the one whose id stands at `at`.
    fn entities_beside(&self, at: usize, id: &str) -> Vec<String> {
        let mut start = at - 1;
        while start >= 2 && self.word(start) == "::" {
            start = start.saturating_sub(2);
        }
        let name: String = (start + 1..at - 1).map(|at| self.word(at)).collect();
        let ty = self.ward.schema().type_id(&name).and_then(|ty| self.ward.schema().entity_type(ty));
        match ty.and_then(|ty| ty.choices.as_ref()) {
            Some(all) => all.iter().filter(|one| one.as_ref() != id).map(ToString::to_string).collect(),
            None => vec![format!("{id}~")],
        }
    }

    /// Another attribute of the same type: of an optional one in every place at once, with its guards.
    fn attributes(&mut self) {
        let body = self.body();
        let words = self.words.get(body).unwrap_or_default();
        // By the path, the attribute at its end and the other one.
        type Swap<'a> = (Vec<&'a str>, &'a str, Arc<str>);
        let mut together: BTreeMap<Swap<'_>, Vec<(Range<usize>, String)>> = BTreeMap::new();
        for Path { base, name, span, is_required, others, .. } in paths(self.ward, self.policy, words) {
            for other in others {
                let edit = (span.clone(), other.to_string());
                match is_required {
                    true => self.drafts.push(Draft {
                        policy: self.policy,
                        kind: Kind::Attribute,
                        edits: vec![edit],
                    }),
                    false => together.entry((base.clone(), name, other)).or_default().push(edit),
                }
            }
        }
        for edits in together.into_values() {
            self.drafts.push(Draft { policy: self.policy, kind: Kind::Attribute, edits });
        }
    }
}
