//! The names in files of TOML: cases, the catalogue, what annotations name, what is unreachable.

use super::super::toml::{Leaf, Sort, of_table};
use super::super::types::Holder;
use super::{Index, Symbol, action, path_of, symbols_of};
use crate::model::{Action, Attribute, Schema, Type};
use crate::policy::FilePart;

pub(super) fn read(part: FilePart, leaves: &[Leaf<'_>], schema: Option<&Schema>, index: &mut Index) {
    for leaf in leaves {
        match part {
            FilePart::Case => case(leaf, leaves, schema, index),
            FilePart::Catalogue => catalogue(leaf, leaves, schema, index),
            FilePart::Annotations => known(leaf, index),
            FilePart::Unreachable => unreachable(leaf, index),
            _ => {}
        }
    }
}

fn case(leaf: &Leaf<'_>, leaves: &[Leaf<'_>], schema: Option<&Schema>, index: &mut Index) {
    let (text, span) = (leaf.text.as_ref(), leaf.span.clone());
    match (path_of(leaf).as_slice(), leaf.sort) {
        (["world"], Sort::Key) => index.refer(Symbol::Type(text.into()), span),
        (["world", ty], Sort::Key) => index.define(Symbol::Entity(format!("{ty}.{text}").into()), span),
        (["world", ty, _], Sort::Key) => attribute(ty, text, leaf, index),
        (["world", ty, _, name, ..], Sort::Text) => value(ty, name, leaf, schema, index),
        (["case", "action"], Sort::Text) => index.refer(action(schema, text), span),
        (["case", "principal" | "resource" | "absent"], Sort::Text) => entity(leaf, index),
        (["case", "policies"], Sort::Text) => index.refer(Symbol::Policy(text.into()), span),
        (["case", "rules"], Sort::Text) => index.refer(Symbol::Rule(text.into()), span),
        (["case", "fails"], Sort::Key) => index.refer(Symbol::Policy(text.into()), span),
        (["case", "fails", _], Sort::Text) => index.refer(Symbol::Condition(text.into()), span),
        (["case", "change"], Sort::Key) => entity(leaf, index),
        (["case", "change", of], Sort::Key) => {
            attribute(of.split_once('.').map_or("", |(ty, _)| ty), text, leaf, index);
        }
        (["case", "change", of, name, ..], Sort::Text) => {
            value(of.split_once('.').map_or("", |(ty, _)| ty), name, leaf, schema, index);
        }
        (["case", "context"], Sort::Key) => field(leaf, leaves, schema, index),
        (["case", "context", name, ..], Sort::Text) => given(name, leaf, leaves, schema, index),
        (["case", "unset"], Sort::Text) => unset(leaf, index),
        _ => {}
    }
}

/// The actions that the case of a leaf names.
fn actions_of<'s>(leaf: &Leaf<'_>, leaves: &[Leaf<'_>], schema: &'s Schema) -> Vec<&'s Action> {
    let named = of_table(leaves, leaf.table)
        .iter()
        .filter(|other| other.sort == Sort::Text && path_of(other) == ["case", "action"]);
    named.filter_map(|other| schema.action(&other.text)).collect()
}

/// An entity in the context of a case: it goes by its id alone, as that of an attribute does.
fn given(name: &str, leaf: &Leaf<'_>, leaves: &[Leaf<'_>], schema: Option<&Schema>, index: &mut Index) {
    let Some(schema) = schema else { return };
    let fields: Vec<&Attribute> =
        actions_of(leaf, leaves, schema).into_iter().filter_map(|action| action.context.get(name)).collect();
    if let Some(field) = fields.first() {
        refer(&field.ty, leaf, schema, index);
    }
}

/// The field of a context, of every action that the case names.
fn field(leaf: &Leaf<'_>, leaves: &[Leaf<'_>], schema: Option<&Schema>, index: &mut Index) {
    let Some(schema) = schema else { return };
    let holders: Vec<Holder> = actions_of(leaf, leaves, schema)
        .into_iter()
        .map(|action| Holder::Context(action.place))
        .filter(|holder| super::super::types::attributes(holder, schema).contains_key(leaf.text.as_ref()))
        .collect();
    for symbol in symbols_of(&holders, &leaf.text, schema) {
        index.refer(symbol, leaf.span.clone());
    }
}

fn attribute(ty: &str, name: &str, leaf: &Leaf<'_>, index: &mut Index) {
    if !name.starts_with('@') {
        index.refer(Symbol::Attribute(ty.into(), name.into()), leaf.span.clone());
    }
}

/// An entity that goes by its id alone, where the attribute says its type; or by its whole name.
fn value(ty: &str, name: &str, leaf: &Leaf<'_>, schema: Option<&Schema>, index: &mut Index) {
    if name == "@parents" {
        return entity(leaf, index);
    }
    let Some(schema) = schema else { return };
    let found = schema.type_id(ty).and_then(|ty| schema.entity_type(ty)).and_then(|ty| ty.attribute(name));
    if let Some((_, attribute)) = found {
        refer(&attribute.ty, leaf, schema, index);
    }
}

/// An entity by its id, where a value of a type is one, or a set of them.
fn refer(ty: &Type, leaf: &Leaf<'_>, schema: &Schema, index: &mut Index) {
    let mut of = ty;
    while let Type::Set(element) = of {
        of = element;
    }
    if let Type::Entity(of) = of
        && let Some(of) = schema.entity_type(*of)
    {
        index.refer(Symbol::Entity(format!("{}.{}", of.name, leaf.text).into()), leaf.span.clone());
    }
}

/// `Type.id`.
fn entity(leaf: &Leaf<'_>, index: &mut Index) {
    if let Some((ty, _)) = leaf.text.split_once('.') {
        let start = leaf.span.start;
        index.refer(Symbol::Type(ty.into()), start..start + ty.len());
        index.refer(Symbol::Entity(leaf.text.as_ref().into()), start + ty.len() + 1..leaf.span.end);
    }
}

/// `Type.id.attribute`.
fn unset(leaf: &Leaf<'_>, index: &mut Index) {
    let Some((of, name)) = leaf.text.rsplit_once('.') else { return };
    let Some((ty, _)) = of.split_once('.') else { return };
    let start = leaf.span.start;
    index.refer(Symbol::Entity(of.into()), start + ty.len() + 1..start + of.len());
    index.refer(Symbol::Attribute(ty.into(), name.into()), start + of.len() + 1..leaf.span.end);
}

fn catalogue(leaf: &Leaf<'_>, leaves: &[Leaf<'_>], schema: Option<&Schema>, index: &mut Index) {
    let (text, span) = (leaf.text.as_ref(), leaf.span.clone());
    match (path_of(leaf).as_slice(), leaf.sort) {
        ([], Sort::Key) => index.refer(Symbol::Type(text.into()), span),
        ([_, "known_by" | "unlocks"], Sort::Text)
        | ([_, "alert", "action" | "sees"] | [_, "sections", _] | [_, "items", "action"], Sort::Text) => {
            index.refer(action(schema, text), span);
        }
        ([ty, "includes" | "public"], Sort::Text) | ([ty, "set_by"], Sort::Key) => {
            index.refer(Symbol::Attribute((*ty).into(), text.into()), span);
        }
        ([_, "items", "type"], Sort::Text) => index.refer(Symbol::Type(text.into()), span),
        ([_, "items", "by"], Sort::Text) => {
            // The type stands in the same braces.
            let own = of_table(leaves, leaf.table).iter();
            let near = own.filter(|other| path_of(other).ends_with(&["items", "type"]));
            let of = near.min_by_key(|other| other.span.start.abs_diff(leaf.span.start));
            if let Some(of) = of {
                index.refer(Symbol::Attribute(of.text.as_ref().into(), text.into()), span);
            }
        }
        ([_, "sections"], Sort::Key) => index.define(Symbol::Section(text.into()), span),
        ([_, "content", _], Sort::Text) => index.refer(Symbol::Section(text.into()), span),
        _ => {}
    }
}

fn known(leaf: &Leaf<'_>, index: &mut Index) {
    if let ([annotation], Sort::Key) = (path_of(leaf).as_slice(), leaf.sort) {
        index.define(Symbol::Value((*annotation).into(), leaf.text.as_ref().into()), leaf.span.clone());
    }
}

fn unreachable(leaf: &Leaf<'_>, index: &mut Index) {
    if let (["unreachable", "policy"], Sort::Text) = (path_of(leaf).as_slice(), leaf.sort) {
        index.refer(Symbol::Policy(leaf.text.as_ref().into()), leaf.span.clone());
    }
}
