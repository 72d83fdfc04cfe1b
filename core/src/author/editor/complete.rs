//! What may be written at a place: attributes by the type of what stands before the dot, actions, types, annotations and
//! what they may name, names of conditions, words of the language.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::index::{Symbol, symbols_of};
use super::sketch::Sketch;
use super::types::{Asked, Holder, Step, attributes, methods, walk};
use super::{Folder, is_policies};
use crate::author::Lint;
use crate::cedar::limits::{Token, Tokens};
use crate::model::{Schema, Type};
use crate::policy::{FilePart, known_annotations};

/// Something that may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// As it is shown, and written.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// In a few words: the type of an attribute.
    pub detail: Option<String>,
    /// In Markdown.
    pub documentation: Option<String>,
    /// What was typed of it, and gives way to it. In bytes.
    pub span: Range<usize>,
}

/// What a completion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    /// A word of the language, or a key of a file.
    Word,
    /// A variable of a policy.
    Variable,
    /// An entity type.
    Type,
    /// An action.
    Action,
    /// An attribute, or a field.
    Attribute,
    /// A call.
    Call,
    /// An annotation.
    Annotation,
    /// What an annotation names, a section, a text that an attribute is compared with.
    Value,
    /// A policy or a rule.
    Policy,
    /// The name of a condition.
    Condition,
    /// An entity.
    Entity,
}

const WORDS: [&str; 13] =
    ["permit", "forbid", "when", "unless", "if", "then", "else", "in", "has", "like", "is", "true", "false"];
const FUNCTIONS: [(&str, &str); 4] = [
    ("datetime", "(text): an instant"),
    ("duration", "(text): such as \"1d\""),
    ("decimal", "(text)"),
    ("ip", "(text): an address or a range"),
];
const SCHEMA_WORDS: [&str; 11] = [
    "entity",
    "action",
    "type",
    "namespace",
    "appliesTo",
    "principal",
    "resource",
    "context",
    "in",
    "enum",
    "tags",
];
const SCHEMA_TYPES: [&str; 8] =
    ["Bool", "Long", "String", "Set", "datetime", "duration", "decimal", "ipaddr"];

impl Folder {
    /// What may be written at a place of a file, in the order in which it is of use.
    pub fn complete(&self, file: &str, at: usize) -> Vec<Completion> {
        let Some(own) = self.files.get(file) else { return Vec::new() };
        let at = own.text.floor_char_boundary(at.min(own.text.len()));
        let mut found = Offer { all: Vec::new(), span: typed(&own.text, at) };
        match own.part {
            part if is_policies(part) => self.in_policy(file, &own.text, at, &mut found),
            FilePart::Schema | FilePart::FitActions => self.in_schema(&own.text, at, &mut found),
            FilePart::Case | FilePart::Catalogue | FilePart::Unreachable => {
                self.in_table(file, at, &mut found)
            }
            _ => {}
        }
        let mut seen = BTreeSet::new();
        found.all.retain(|one| seen.insert(one.label.clone()));
        found.all
    }

    fn in_policy(&self, file: &str, text: &str, at: usize, found: &mut Offer) {
        if let Some(start) = comment_at(text, at) {
            found.span = start..at;
            return self.conditions(found);
        }
        let tokens: Vec<Token<'_>> = Tokens::new(text.get(..at).unwrap_or_default()).collect();
        let is_typing = tokens.last().is_some_and(|token| token.span.end == at && found.span.start < at);
        let before =
            if is_typing { tokens.split_last().map_or(&[][..], |(_, rest)| rest) } else { &tokens[..] };
        let word =
            |back: usize| before.len().checked_sub(back).and_then(|at| before.get(at)).map_or("", |t| t.text);
        let part = self.part(file).unwrap_or(FilePart::Policy);
        if let Some(open) = tokens.last().filter(|token| is_open_text(token, text, at)) {
            let before = tokens.split_last().map_or(&[][..], |(_, rest)| rest);
            return self.in_text(part, text, before, open, at, found);
        }
        let Some(schema) = self.schema_of(part) else { return found.words(&WORDS, CompletionKind::Word) };
        match word(1) {
            "@" => {
                let kinds = known_annotations(file).iter();
                kinds.for_each(|name| found.add(name, CompletionKind::Annotation, None, None));
            }
            "." | "has" => self.behind(schema, text, before, found),
            "is" => self.types(schema, found),
            "::" if word(2) == "Action" => {
                for action in schema.actions() {
                    found.add(
                        &format!("{:?}", action.uid.id()),
                        CompletionKind::Action,
                        None,
                        self.told_action(&action.uid.to_string(), part),
                    );
                }
            }
            _ => {
                for (variable, ty) in [
                    ("principal", "who asks"),
                    ("action", "what for"),
                    ("resource", "of what"),
                    ("context", "in which circumstances"),
                ] {
                    found.add(variable, CompletionKind::Variable, Some(ty.to_owned()), None);
                }
                found.words(&WORDS, CompletionKind::Word);
                for (name, says) in FUNCTIONS {
                    found.add(name, CompletionKind::Call, Some(says.to_owned()), None);
                }
                found.add("Action", CompletionKind::Type, None, None);
                self.types(schema, found);
            }
        }
    }

    /// Attributes and calls behind a dot, attributes behind `has`.
    fn behind(&self, schema: &Schema, text: &str, before: &[Token<'_>], found: &mut Offer) {
        let sketch = Sketch::of(text);
        let end = before.last().map_or(0, |token| token.span.end);
        let Some(policy) = sketch.policy_at(end) else { return };
        let asked = Asked::of(sketch.part(&policy.head), schema);
        let own: Vec<Token<'_>> =
            before.iter().filter(|token| token.span.start >= policy.span.start).cloned().collect();
        let walked = walk(&own, &asked, schema);
        let Some(step) = walked.steps.last().filter(|step| step.at == end) else { return };
        self.attributes_of(step, schema, found);
        if !step.is_has {
            for (name, says) in step.of.iter().flat_map(|holder| methods(holder, schema)) {
                found.add(name, CompletionKind::Call, Some((*says).to_owned()), None);
            }
        }
    }

    fn attributes_of(&self, step: &Step, schema: &Schema, found: &mut Offer) {
        let mut by_name: BTreeMap<&str, (BTreeSet<String>, Vec<Holder>, bool)> = BTreeMap::new();
        for holder in &step.of {
            for (name, attribute) in attributes(holder, schema) {
                let (types, of, is_required) =
                    by_name.entry(name).or_insert_with(|| (BTreeSet::new(), Vec::new(), true));
                types.insert(schema.show(&attribute.ty));
                of.push(holder.clone());
                *is_required &= attribute.required;
            }
        }
        for (name, (types, of, is_required)) in by_name {
            let types: Vec<String> = types.into_iter().collect();
            let optional = if is_required { "" } else { " (optional)" };
            let comment =
                symbols_of(&of, name, schema).iter().find_map(|symbol| self.comment_of(symbol, name));
            found.add(
                name,
                CompletionKind::Attribute,
                Some(format!("{}{optional}", types.join(" | "))),
                comment,
            );
        }
    }

    /// Within quotation marks.
    fn in_text(
        &self,
        part: FilePart,
        text: &str,
        before: &[Token<'_>],
        open: &Token<'_>,
        at: usize,
        found: &mut Offer,
    ) {
        let word =
            |back: usize| before.len().checked_sub(back).and_then(|at| before.get(at)).map_or("", |t| t.text);
        let start = open.span.start + 1;
        found.span = start..at;
        let schema = self.schema_of(part);
        match (word(3), word(2), word(1)) {
            ("@", name, "(") => {
                // Of a list, the last.
                let list = text.get(start..at).unwrap_or_default();
                let last = list.rfind(',').map_or(0, |comma| comma + 1);
                let blank = list.get(last..).map_or(0, |rest| rest.len() - rest.trim_start().len());
                found.span = start + last + blank..at;
                self.annotated(name, schema, found);
            }
            (_, "Action", "::") => {
                for action in schema.into_iter().flat_map(|schema| schema.actions()) {
                    found.add(
                        action.uid.id(),
                        CompletionKind::Action,
                        None,
                        self.told_action(&action.uid.to_string(), part),
                    );
                }
            }
            (_, ty, "::") => {
                let choices =
                    schema.and_then(|schema| schema.entity_type(schema.type_id(ty)?)?.choices.as_ref());
                for choice in choices.into_iter().flatten() {
                    found.add(choice, CompletionKind::Entity, Some(ty.to_owned()), None);
                }
            }
            (".", attribute, "==" | "!=") => {
                let all = self.policies().flat_map(|(_, file)| &file.index.texts);
                let texts: BTreeSet<&str> =
                    all.filter(|(of, _)| of.as_ref() == attribute).map(|(_, text)| text.as_ref()).collect();
                texts.into_iter().for_each(|text| {
                    found.add(text, CompletionKind::Value, Some(attribute.to_owned()), None)
                });
            }
            _ => {}
        }
    }

    fn annotated(&self, name: &str, schema: Option<&Schema>, found: &mut Offer) {
        match name {
            "allow" => {
                for lint in Lint::ALL {
                    found.add(lint.name(), CompletionKind::Value, None, Some(lint.explanation().to_owned()));
                }
            }
            "implies" => {
                for action in schema.into_iter().flat_map(|schema| schema.actions()) {
                    found.add(action.uid.id(), CompletionKind::Action, None, None);
                }
            }
            _ => {
                let known = self.known.as_ref().and_then(|known| known.of(name)).unwrap_or_default();
                for value in known {
                    let says = value.question.as_ref().unwrap_or(&value.reading).to_string();
                    found.add(
                        &value.name,
                        CompletionKind::Value,
                        Some(says),
                        Some(value.reading.to_string()),
                    );
                }
            }
        }
    }

    /// The names that conditions have elsewhere.
    pub(super) fn conditions(&self, found: &mut Offer) {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for one in self.policies().flat_map(|(_, file)| &file.index.occurrences) {
            if let (Symbol::Condition(name), true) = (&one.symbol, one.is_definition) {
                *names.entry(name).or_default() += 1;
            }
        }
        for (name, count) in names {
            let detail = format!("a condition of {count} {}", if count == 1 { "policy" } else { "policies" });
            found.add(name, CompletionKind::Condition, Some(detail), None);
        }
    }

    pub(super) fn types(&self, schema: &Schema, found: &mut Offer) {
        for ty in schema.entity_types() {
            let comment = self.comment_of(&Symbol::Type(ty.name.clone()), &ty.name);
            found.add(&ty.name, CompletionKind::Type, None, comment);
        }
    }

    pub(super) fn told_action(&self, uid: &str, part: FilePart) -> Option<String> {
        self.describe(&Symbol::Action(uid.into()), "", part)
    }

    fn in_schema(&self, text: &str, at: usize, found: &mut Offer) {
        if comment_at(text, at).is_some() {
            return;
        }
        let tokens: Vec<Token<'_>> = Tokens::new(text.get(..at).unwrap_or_default()).collect();
        let open = tokens.last().filter(|token| is_open_text(token, text, at));
        let word =
            |back: usize| tokens.len().checked_sub(back).and_then(|at| tokens.get(at)).map_or("", |t| t.text);
        if let Some(open) = open {
            if (word(4), word(3), word(2)) == ("@", "section", "(") {
                found.span = open.span.start + 1..at;
                self.sections(found);
            }
            return;
        }
        let is_typing = tokens.last().is_some_and(|token| token.span.end == at && found.span.start < at);
        match word(if is_typing { 2 } else { 1 }) {
            "@" => found.add(
                "section",
                CompletionKind::Annotation,
                Some("the section that shows it".to_owned()),
                None,
            ),
            ":" | "<" | "[" => {
                found.words(&SCHEMA_TYPES, CompletionKind::Type);
                self.schema.as_deref().into_iter().for_each(|schema| self.types(schema, found));
            }
            _ => {
                found.words(&SCHEMA_WORDS, CompletionKind::Word);
                found.words(&SCHEMA_TYPES, CompletionKind::Type);
                self.schema.as_deref().into_iter().for_each(|schema| self.types(schema, found));
            }
        }
    }

    pub(super) fn sections(&self, found: &mut Offer) {
        let catalogue = self.of_part(FilePart::Catalogue).flat_map(|(_, file)| &file.index.occurrences);
        let names: BTreeSet<&str> = catalogue
            .filter_map(|one| match &one.symbol {
                Symbol::Section(name) if one.is_definition => Some(name.as_ref()),
                _ => None,
            })
            .collect();
        names.into_iter().for_each(|name| {
            found.add(
                name,
                CompletionKind::Value,
                None,
                self.describe(&Symbol::Section(name.into()), "", FilePart::Schema),
            )
        });
    }
}

/// What is offered.
pub(super) struct Offer {
    pub(super) all: Vec<Completion>,
    /// What gives way to it.
    pub(super) span: Range<usize>,
}

impl Offer {
    pub(super) fn add(
        &mut self,
        label: &str,
        kind: CompletionKind,
        detail: Option<String>,
        documentation: Option<String>,
    ) {
        self.all.push(Completion {
            label: label.to_owned(),
            kind,
            detail,
            documentation,
            span: self.span.clone(),
        });
    }

    pub(super) fn words(&mut self, words: &[&str], kind: CompletionKind) {
        words.iter().for_each(|word| self.add(word, kind, None, None));
    }
}

/// The word that ends at a place.
fn typed(text: &str, at: usize) -> Range<usize> {
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_');
    let start = start.map_or(0, |start| {
        start + before.get(start..).and_then(|c| c.chars().next()).map_or(1, char::len_utf8)
    });
    start..at
}

/// Where the text of the comment that a place is in starts.
fn comment_at(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let start = before.rfind('\n').map_or(0, |line| line + 1);
    let mut in_text = false;
    let mut escaped = false;
    for (n, c) in before.get(start..)?.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '/' if !in_text && before.get(start + n..).is_some_and(|rest| rest.starts_with("//")) => {
                let rest = before.get(start + n + 2..)?;
                return Some(at - rest.trim_start().len());
            }
            _ => {}
        }
    }
    None
}

/// Whether a text is open at a place: it starts before it and ends behind it, or nowhere in its line.
fn is_open_text(token: &Token<'_>, text: &str, at: usize) -> bool {
    let own = token.text;
    let is_closed = own.len() > 1 && own.ends_with('"') && !own.ends_with("\\\"");
    let _ = text;
    own.starts_with('"') && token.span.end == at && !is_closed && !own.contains('\n')
}

/// Whether values of a type go by the id of an entity.
pub(super) fn entity_in(ty: &Type) -> Option<crate::model::TypeId> {
    match ty {
        Type::Entity(ty) => Some(*ty),
        Type::Set(element) => entity_in(element),
        _ => None,
    }
}
