//! Policies as far as their text shows them, whether or not they can be parsed: annotations, head, clauses.

use std::ops::Range;

use super::types::inside;
use crate::cedar::limits::{Token, Tokens};

/// A text of policies.
pub(super) struct Sketch<'t> {
    pub(super) tokens: Vec<Token<'t>>,
    pub(super) policies: Vec<Outline<'t>>,
}

/// One policy. Ranges of tokens, where nothing else is said.
#[derive(Default)]
pub(super) struct Outline<'t> {
    pub(super) annotations: Vec<Annotation<'t>>,
    /// What stands between the brackets of the head.
    pub(super) head: Range<usize>,
    /// What stands behind the head.
    pub(super) body: Range<usize>,
    pub(super) clauses: Vec<Clause<'t>>,
    /// In bytes, from the first annotation to the semicolon.
    pub(super) span: Range<usize>,
}

/// `@name("value")`. Places are in bytes.
pub(super) struct Annotation<'t> {
    pub(super) name: &'t str,
    pub(super) value: &'t str,
    /// Where the value stands, without its quotes.
    pub(super) place: Range<usize>,
}

/// A `when` or `unless`. Places are in bytes.
pub(super) struct Clause<'t> {
    /// The comment line above it, without its dashes, and where it stands.
    pub(super) name: Option<(&'t str, Range<usize>)>,
    pub(super) keyword: Range<usize>,
}

impl<'t> Sketch<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let tokens: Vec<Token<'t>> = Tokens::new(text).collect();
        let mut policies = Vec::new();
        let mut from = 0;
        // A semicolon stands in no bracket: where one does, a bracket is missing.
        for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.text == ";") {
            policies.push(outline(text, &tokens, from..at + 1));
            from = at + 1;
        }
        if from < tokens.len() {
            policies.push(outline(text, &tokens, from..tokens.len()));
        }
        Sketch { tokens, policies }
    }

    /// The tokens of a range.
    pub(super) fn part(&self, range: &Range<usize>) -> &[Token<'t>] {
        self.tokens.get(range.clone()).unwrap_or_default()
    }

    /// The policy that a place is in, or the last before it.
    pub(super) fn policy_at(&self, at: usize) -> Option<&Outline<'t>> {
        self.policies.iter().rev().find(|policy| policy.span.start <= at)
    }
}

fn outline<'t>(text: &'t str, tokens: &[Token<'t>], range: Range<usize>) -> Outline<'t> {
    let own = tokens.get(range.clone()).unwrap_or_default();
    let start = own.first().map_or(0, |token| token.span.start);
    let end = own.last().map_or(start, |token| token.span.end);
    let mut policy = Outline { span: start..end, ..Outline::default() };
    let mut at = 0;
    while own.get(at).is_some_and(|token| token.text == "@") {
        let name = own.get(at + 1);
        let value = own.get(at + 3).filter(|value| value.text.starts_with('"'));
        let opens = own.get(at + 2).is_some_and(|token| token.text == "(");
        match (name, value.filter(|_| opens)) {
            (Some(name), Some(value)) => {
                let place = inside(value);
                let value = text.get(place.clone()).unwrap_or_default();
                policy.annotations.push(Annotation { name: name.text, value, place });
                at += if own.get(at + 4).is_some_and(|token| token.text == ")") { 5 } else { 4 };
            }
            _ => at += 2,
        }
    }
    let is_head = own.get(at).is_some_and(|token| ["permit", "forbid"].contains(&token.text));
    let opened = own.iter().skip(at).position(|token| token.text == "(").map_or(own.len(), |open| at + open);
    if !is_head {
        (policy.head, policy.body) = (range.start + at..range.start + at, range.start + at..range.end);
        return policy;
    }
    let mut depth = 0_i32;
    let closed = own.iter().skip(opened).position(|token| {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            // The bracket is not there yet.
            "when" | "unless" => depth = 0,
            _ => {}
        }
        depth == 0
    });
    let closed = closed.map_or(own.len(), |closed| opened + closed);
    policy.head = (range.start + opened + 1).min(range.end)
        ..(range.start + closed).max(range.start + opened + 1).min(range.end);
    policy.body = (range.start + closed).min(range.end)..range.end;
    policy.clauses = clauses(text, own, closed);
    policy
}

fn clauses<'t>(text: &'t str, own: &[Token<'t>], from: usize) -> Vec<Clause<'t>> {
    let mut clauses = Vec::new();
    let mut depth = 0_i32;
    let mut last = own.get(from.saturating_sub(1)).map_or(0, |token| token.span.end);
    for token in own.iter().skip(from) {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            "when" | "unless" if depth <= 0 => {
                clauses.push(Clause {
                    name: comment_before(text, last..token.span.start),
                    keyword: token.span.clone(),
                });
                depth = 0;
            }
            _ => {}
        }
        last = token.span.end;
    }
    clauses
}

/// The last comment line of what stands between two tokens.
fn comment_before(text: &str, between: Range<usize>) -> Option<(&str, Range<usize>)> {
    let mut end = between.end;
    for line in text.get(between)?.split_inclusive('\n').rev() {
        let start = end - line.len();
        end = start;
        let Some(comment) = line.trim_start().strip_prefix("//") else { continue };
        let name = comment.trim();
        let at =
            start + (line.len() - line.trim_start().len()) + 2 + (comment.len() - comment.trim_start().len());
        return Some((name, at..at + name.len()));
    }
    None
}
