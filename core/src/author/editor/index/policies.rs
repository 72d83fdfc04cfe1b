//! The names in policies and claims.

use std::ops::Range;

use super::super::sketch::{Annotation, Sketch};
use super::super::types::{Asked, entities, path_at, walk};
use super::{Index, Symbol, action, listed, symbols_of};
use crate::cedar::limits::{Token, Tokens};
use crate::model::Schema;

pub(super) fn read(sketch: &Sketch<'_>, schema: Option<&Schema>, index: &mut Index) {
    for policy in &sketch.policies {
        let head = sketch.part(&policy.head);
        let asked = schema.map(|schema| Asked::of(head, schema)).unwrap_or_default();
        for annotation in &policy.annotations {
            annotated(annotation, &asked, schema, index);
        }
        for (name, span) in policy.clauses.iter().filter_map(|clause| clause.name.as_ref()) {
            if !name.is_empty() {
                index.define(Symbol::Condition((*name).into()), span.clone());
            }
        }
        for tokens in [head, sketch.part(&policy.body)] {
            names(tokens, schema, index);
        }
        if let Some(schema) = schema {
            paths(sketch.part(&policy.body), &asked, schema, 0, index);
        }
        texts(sketch.part(&policy.body), index);
    }
}

fn annotated(annotation: &Annotation<'_>, asked: &Asked, schema: Option<&Schema>, index: &mut Index) {
    let (value, place) = (annotation.value, annotation.place.clone());
    match annotation.name {
        "id" => index.define(Symbol::Policy(value.into()), place),
        // Whoever looks for a rule wants the policies that write it down.
        "rule" => index.define(Symbol::Rule(value.into()), place),
        "description" | "allow" => {}
        "implies" => index.refer(action(schema, value), place),
        "of" => {
            if let Some(schema) = schema {
                let tokens: Vec<Token<'_>> = Tokens::new(value).collect();
                paths(&tokens, asked, schema, place.start, index);
            }
        }
        "change" => {
            for (step, span) in listed(value, place.start) {
                changed(step, span.start, index);
            }
        }
        name => {
            for (value, span) in listed(value, place.start) {
                index.refer(Symbol::Value(name.into(), value.into()), span);
            }
        }
    }
}

/// `Type.attribute shrinks`, `Type.attribute = Type.other`.
fn changed(step: &str, start: usize, index: &mut Index) {
    let mut at = 0;
    for word in step.split_inclusive(char::is_whitespace) {
        let (begins, word) = (at, word.trim_end());
        at = begins
            + step.get(begins..).and_then(|rest| rest.find(char::is_whitespace).map(|n| n + 1)).unwrap_or(0);
        if let Some((ty, attribute)) = word.rsplit_once('.') {
            let from = start + begins;
            index.refer(Symbol::Type(ty.into()), from..from + ty.len());
            let from = from + ty.len() + 1;
            index.refer(Symbol::Attribute(ty.into(), attribute.into()), from..from + attribute.len());
        }
    }
}

/// Types and actions that are written out.
fn names(tokens: &[Token<'_>], schema: Option<&Schema>, index: &mut Index) {
    for (name, id, at) in entities(tokens) {
        let (_, end) = path_at(tokens, at);
        let place = |at: usize| tokens.get(at).map_or(0..0, |token: &Token<'_>| token.span.clone());
        if name == "Action" || name.ends_with("::Action") {
            let quoted = place(end + 1);
            let inside = quoted.start + 1..quoted.end.saturating_sub(1).max(quoted.start + 1);
            let whole = schema.and_then(|schema| schema.action(&format!("{name}::{id}")));
            let whole = whole.map_or_else(|| format!("{name}::{id}"), |action| action.uid.to_string());
            index.refer(Symbol::Action(whole.into()), inside);
        } else {
            index.refer(Symbol::Type(name.into()), span(tokens, at, end));
        }
    }
    for at in (0..tokens.len()).filter(|at| tokens.get(*at).is_some_and(|token| token.text == "is")) {
        let (name, end) = path_at(tokens, at + 1);
        if !name.is_empty() {
            index.refer(Symbol::Type(name.into()), span(tokens, at + 1, end));
        }
    }
}

/// The place of tokens up to one.
fn span(tokens: &[Token<'_>], from: usize, to: usize) -> Range<usize> {
    let start = tokens.get(from).map_or(0, |token| token.span.start);
    start..tokens.get(to.saturating_sub(1)).map_or(start, |token| token.span.end)
}

fn paths(tokens: &[Token<'_>], asked: &Asked, schema: &Schema, start: usize, index: &mut Index) {
    for read in walk(tokens, asked, schema).reads {
        for symbol in symbols_of(&read.of, &read.name, schema) {
            index.refer(symbol, read.span.start + start..read.span.end + start);
        }
    }
}

/// Texts that attributes are compared with by `==`, `!=` or `contains`.
fn texts(tokens: &[Token<'_>], index: &mut Index) {
    for four in tokens.windows(4) {
        let [dot, attribute, operator, text] = four else { continue };
        let is_closed = text.text.len() > 2 && text.text.starts_with('"') && text.text.ends_with('"');
        if dot.text == "." && ["==", "!="].contains(&operator.text) && is_closed {
            index.texts.push((attribute.text.into(), text.text.trim_matches('"').into()));
        }
    }
}
