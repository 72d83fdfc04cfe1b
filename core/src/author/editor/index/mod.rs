//! Which names stand where in a file: each occurrence of a policy's id, a condition, a type, an attribute, …
//!
//! Definition, references, hover and rename are all read off these.

mod json;
mod policies;
mod schema;
mod tables;

use std::ops::Range;
use std::sync::Arc;

use super::sketch::Sketch;
use super::toml::Leaf;
use super::types::Holder;
use crate::model::{Schema, Type};
use crate::policy::FilePart;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Symbol {
    /// A policy or a claim, by its id.
    Policy(Arc<str>),
    /// A condition, by the comment above its clause.
    Condition(Arc<str>),
    /// A rule that policies write down.
    Rule(Arc<str>),
    /// What an annotation names, by the annotation.
    Value(Arc<str>, Arc<str>),
    /// An entity type.
    Type(Arc<str>),
    /// An action, as in `Action::"view"`.
    Action(Arc<str>),
    /// An attribute of an entity type.
    Attribute(Arc<str>, Arc<str>),
    /// A field of the context of an action.
    Field(Arc<str>, Arc<str>),
    /// A section of the catalogue.
    Section(Arc<str>),
    /// An entity of a file of cases, as `Type.id`.
    Entity(Arc<str>),
}

impl Symbol {
    /// Whether the name means something in its own file alone.
    pub(super) fn is_local(&self) -> bool {
        matches!(self, Symbol::Entity(_))
    }
}

/// A name at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Occurrence {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) symbol: Symbol,
    /// Whether this is where it is said what it is.
    pub(super) is_definition: bool,
}

impl Occurrence {
    pub(super) fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Every name of a file, by its place.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) occurrences: Vec<Occurrence>,
    /// Texts that attributes are compared with, by attribute.
    pub(super) texts: Vec<(Arc<str>, Arc<str>)>,
}

impl Index {
    /// What stands in a file; `schema` is the last that could be read.
    pub(super) fn of(part: FilePart, name: &str, text: &str, schema: Option<&Schema>) -> Self {
        let mut index = Index::default();
        match part {
            FilePart::Policy | FilePart::Invariant | FilePart::Guarantee | FilePart::Fit => {
                policies::read(&Sketch::of(text), schema, &mut index);
            }
            FilePart::Schema | FilePart::FitActions => schema::read(text, schema, &mut index),
            FilePart::Case if name.ends_with(".json") => json::read(text, &mut index),
            FilePart::Case | FilePart::Catalogue | FilePart::Annotations | FilePart::Unreachable => {
                tables::read(part, &super::toml::leaves(text), schema, &mut index);
            }
            FilePart::Matrix | FilePart::Proofs | FilePart::Page => {}
        }
        index.occurrences.sort();
        index.occurrences.dedup();
        index
    }

    /// The names at a place; a cursor behind the last letter of a name is at it too.
    pub(super) fn at(&self, at: usize) -> impl Iterator<Item = &Occurrence> {
        let all = || self.occurrences.iter().filter(move |one| one.start <= at && at <= one.end);
        // Of names that lie in one another, the shortest.
        let shortest = all().map(|one| one.end - one.start).min();
        all().filter(move |one| Some(one.end - one.start) == shortest)
    }

    fn add(&mut self, symbol: Symbol, span: Range<usize>, is_definition: bool) {
        self.occurrences.push(Occurrence { start: span.start, end: span.end, symbol, is_definition });
    }

    fn define(&mut self, symbol: Symbol, span: Range<usize>) {
        self.add(symbol, span, true);
    }

    fn refer(&mut self, symbol: Symbol, span: Range<usize>) {
        self.add(symbol, span, false);
    }
}

/// The symbols of an attribute or a field that these may have.
pub(super) fn symbols_of(of: &[Holder], name: &str, schema: &Schema) -> Vec<Symbol> {
    let of = of.iter().filter_map(|holder| match holder {
        Holder::Value(Type::Entity(ty)) => {
            Some(Symbol::Attribute(schema.entity_type(*ty)?.name.clone(), name.into()))
        }
        Holder::Context(place) => {
            Some(Symbol::Field(schema.actions().get(*place)?.uid.to_string().into(), name.into()))
        }
        Holder::Value(_) => None,
    });
    of.collect()
}

/// The action that a text names, by its id or its whole name.
fn action(schema: Option<&Schema>, text: &str) -> Symbol {
    let known = schema.and_then(|schema| schema.action(text)).map(|action| action.uid.to_string());
    Symbol::Action(known.unwrap_or_else(|| format!("Action::{text:?}")).into())
}

/// The parts of a list between commas, each with its place in the text that the list starts at.
fn listed(text: &str, start: usize) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut at = start;
    text.split(',').map(move |part| {
        let begins = at + part.len() - part.trim_start().len();
        at += part.len() + 1;
        let part = part.trim();
        (part, begins..begins + part.len())
    })
}

/// Keys and values of a file, as its reader wants them.
fn path_of<'a>(leaf: &'a Leaf<'_>) -> Vec<&'a str> {
    leaf.path.iter().map(AsRef::as_ref).collect()
}
