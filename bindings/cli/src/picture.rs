//! The data model as a picture: a diagram of Mermaid, from the schema.

use std::fmt::Write as _;

use caseward::{EntityType, Schema, Type};

/// Entity types with their attributes, and what refers to what.
pub(crate) fn of(schema: &Schema) -> String {
    let mut text = String::from("erDiagram\n");
    let mut references = String::new();
    for ty in schema.entity_types() {
        let _ = writeln!(text, "  {} {{", name(&ty.name));
        for choice in ty.choices.iter().flatten() {
            let _ = writeln!(text, "    choice {}", word(choice));
        }
        for (attribute, declared) in &ty.attributes {
            match referred(schema, &declared.ty) {
                Some((to, is_set)) => {
                    let many = match (is_set, declared.required) {
                        (true, _) => "}o--o{",
                        (false, true) => "}o--||",
                        (false, false) => "}o--o|",
                    };
                    let (from, to) = (name(&ty.name), name(&to.name));
                    let _ = writeln!(references, "  {from} {many} {to} : \"{}\"", said(attribute));
                }
                None => {
                    let optional = if declared.required { "" } else { " \"optional\"" };
                    let _ = writeln!(text, "    {} {}{optional}", plain(&declared.ty), word(attribute));
                }
            }
        }
        text.push_str("  }\n");
        for above in ty.ancestors.iter().filter_map(|id| schema.entity_type(*id)) {
            let _ = writeln!(references, "  {} }}o--o{{ {} : in", name(&ty.name), name(&above.name));
        }
    }
    text + &references
}

/// The entity type that a value refers to, and whether it is a set of such.
fn referred<'a>(schema: &'a Schema, ty: &Type) -> Option<(&'a EntityType, bool)> {
    match ty {
        Type::Entity(id) => Some((schema.entity_type(*id)?, false)),
        Type::Set(element) => referred(schema, element).map(|(to, _)| (to, true)),
        _ => None,
    }
}

/// A type in one word.
fn plain(ty: &Type) -> String {
    match ty {
        Type::Bool => "Bool".to_owned(),
        Type::Long => "Long".to_owned(),
        Type::String => "String".to_owned(),
        Type::Decimal => "decimal".to_owned(),
        Type::Ip => "ipaddr".to_owned(),
        Type::Datetime => "datetime".to_owned(),
        Type::Duration => "duration".to_owned(),
        Type::Set(element) => format!("{}[]", plain(element)),
        Type::Entity(_) | Type::Record(_) => "Record".to_owned(),
    }
}

/// A name of a type; one in a namespace is shown in quotes.
fn name(name: &str) -> String {
    match name.contains(':') {
        true => format!("\"{}\"", said(name)),
        false => name.to_owned(),
    }
}

/// A name as the diagram's language has words: whatever it does not take is a low line.
fn word(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let word: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    match word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => word,
        false => format!("x{word}"),
    }
}

/// A name in quotes.
fn said(name: &str) -> String {
    name.replace(['"', '\n'], "'")
}
