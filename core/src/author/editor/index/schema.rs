//! The names in a schema: what it declares, and what it uses of that.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::types::inside;
use super::{Index, Symbol};
use crate::cedar::limits::{Token, Tokens};
use crate::model::Schema;
use crate::policy::Spots;

pub(super) fn read(text: &str, schema: Option<&Schema>, index: &mut Index) {
    for (ty, attribute, span) in Spots::of(text).all() {
        index.define(
            match attribute {
                None => Symbol::Type(ty.into()),
                Some(name) => Symbol::Attribute(ty.into(), name.into()),
            },
            span,
        );
    }
    let tokens: Vec<Token<'_>> = Tokens::new(text).collect();
    let mut reading =
        Reading { tokens: &tokens, schema, index, space: String::new(), shared: BTreeMap::new() };
    let mut waiting = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "namespace" => {
                reading.space = reading.until(at + 1, &["{"]).into_iter().map(|t| t.text).collect()
            }
            "type" if reading.text(at + 2) == "=" => {
                let fields = reading.fields(at + 3);
                reading.shared.insert(reading.text(at + 1).to_owned(), fields);
            }
            "action" => waiting.extend(reading.action(at)),
            "@" if reading.text(at + 1) == "section" => reading.section(at + 3),
            _ => {}
        }
        reading.uses(at);
        at += 1;
    }
    // A context may be declared behind what has it.
    for (action, shared) in waiting {
        for (name, span) in reading.shared.get(&shared).cloned().unwrap_or_default() {
            reading.index.define(Symbol::Field(action.as_str().into(), name.into()), span);
        }
    }
}

type Fields = Vec<(String, Range<usize>)>;

struct Reading<'a, 't> {
    tokens: &'a [Token<'t>],
    schema: Option<&'a Schema>,
    index: &'a mut Index,
    space: String,
    /// The fields of types of their own.
    shared: BTreeMap<String, Fields>,
}

impl<'a, 't> Reading<'a, 't> {
    fn text(&self, at: usize) -> &'t str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn until(&self, from: usize, ends: &[&str]) -> Vec<&'a Token<'t>> {
        let tokens = self.tokens.get(from..).unwrap_or_default();
        tokens.iter().take_while(|token| !ends.contains(&token.text)).collect()
    }

    /// The names of the fields of a record that starts at a token; none where there is no record.
    fn fields(&self, at: usize) -> Fields {
        let mut fields = Fields::new();
        let mut depth = 0_i32;
        for (n, token) in self.tokens.iter().enumerate().skip(at) {
            match token.text {
                "{" | "<" => depth += 1,
                "}" | ">" => depth -= 1,
                _ => {}
            }
            let follows = self.text(n + 1) == ":" || self.text(n + 1) == "?" && self.text(n + 2) == ":";
            if depth == 1 && follows {
                fields.push((token.text.trim_matches('"').to_owned(), token.span.clone()));
            }
            if depth <= 0 {
                break;
            }
        }
        fields
    }

    /// Defines what `action a, b … appliesTo {…}` declares. Where the context is a type of its own, its name for each.
    fn action(&mut self, at: usize) -> Vec<(String, String)> {
        let declared = self.until(at + 1, &["in", "appliesTo", ";", "{"]);
        let all = self.until(at + 1, &[";"]);
        let mut names = Vec::new();
        for token in declared.iter().filter(|token| token.text != ",") {
            let id = token.text.trim_matches('"');
            let uid = match self.space.as_str() {
                "" => format!("Action::{id:?}"),
                space => format!("{space}::Action::{id:?}"),
            };
            let span = if token.text.starts_with('"') { inside(token) } else { token.span.clone() };
            self.index.define(Symbol::Action(uid.as_str().into()), span);
            names.push(uid);
        }
        let Some(context) = all.iter().position(|token| token.text == "context") else { return Vec::new() };
        // Behind the colon.
        let starts = at + 1 + context + 2;
        let fields = self.fields(starts);
        for (name, span) in &fields {
            for uid in &names {
                let symbol = Symbol::Field(uid.as_str().into(), name.as_str().into());
                self.index.define(symbol, span.clone());
            }
        }
        match self.text(starts) {
            "{" => Vec::new(),
            shared => names.into_iter().map(|name| (name, shared.to_owned())).collect(),
        }
    }

    fn section(&mut self, at: usize) {
        if let Some(token) = self.tokens.get(at).filter(|token| token.text.starts_with('"')) {
            let section = token.text.trim_matches('"');
            self.index.refer(Symbol::Section(section.into()), inside(token));
        }
    }

    /// A type that is used: what stands behind a colon, in `Set<…>`, in `in [...]` or in a list.
    fn uses(&mut self, at: usize) {
        let Some(token) = self.tokens.get(at) else { return };
        let before = at.checked_sub(1).map_or("", |at| self.text(at));
        if ![":", "<", "[", ",", "in"].contains(&before) || ["enum"].contains(&token.text) {
            return;
        }
        let full = format!("{}::{}", self.space, token.text);
        let known = |name: &str| self.schema.is_some_and(|schema| schema.type_id(name).is_some());
        let name = if known(&full) { full } else { token.text.to_owned() };
        let defines = |one: &super::Occurrence| one.start == token.span.start && one.is_definition;
        if known(&name) && !self.index.occurrences.iter().any(defines) {
            self.index.refer(Symbol::Type(name.into()), token.span.clone());
        }
    }
}
