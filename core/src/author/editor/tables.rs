//! What may be written in files of TOML: cases, the catalogue, what is unreachable.

use std::collections::BTreeSet;

use super::Folder;
use super::complete::{CompletionKind, Offer, entity_in};
use super::describe::type_names;
use super::index::Symbol;
use super::sketch::Sketch;
use super::toml::{Leaf, Sort, Spot, SpotKind, leaves, spot};
use crate::author::CaseFile;
use crate::model::{EntityType, Schema, Transform};
use crate::policy::FilePart;

const CATALOGUE: [&str; 11] = [
    "known_by",
    "includes",
    "items",
    "alert",
    "unlocks",
    "public",
    "statistics",
    "sections",
    "content",
    "transforms",
    "set_by",
];
const UNREACHABLE: [&str; 5] = ["policy", "condition", "occurrence", "decides", "why"];

impl Folder {
    pub(super) fn in_table(&self, file: &str, at: usize, found: &mut Offer) {
        let Some(own) = self.files.get(file) else { return };
        let spot = spot(&own.text, at);
        found.span = spot.typed.clone();
        let path: Vec<&str> = spot.path.iter().map(AsRef::as_ref).collect();
        let Some(schema) = self.schema.as_deref() else { return };
        match own.part {
            _ if spot.kind == SpotKind::Nothing => {}
            FilePart::Case => self.in_case(file, &own.text, &spot, &path, schema, found),
            FilePart::Catalogue => self.in_catalogue(&spot, &path, schema, found),
            FilePart::Unreachable => match (path.as_slice(), spot.kind) {
                ([], SpotKind::Head) => found.add("unreachable", CompletionKind::Word, None, None),
                (["unreachable"], SpotKind::Key) => found.words(&UNREACHABLE, CompletionKind::Word),
                (["unreachable", "policy"], _) => self.policies_in(found),
                _ => {}
            },
            _ => {}
        }
    }

    fn in_case(
        &self,
        file: &str,
        text: &str,
        spot: &Spot<'_>,
        path: &[&str],
        schema: &Schema,
        found: &mut Offer,
    ) {
        let key = spot.kind == SpotKind::Key;
        match path {
            [] if spot.kind == SpotKind::Head => found.words(&["case", "world"], CompletionKind::Word),
            [] => found.words(&["now"], CompletionKind::Word),
            ["world"] => self.types(schema, found),
            ["world", ty, _] if key => attributes(ty, schema, found),
            ["world", ty, _, name] if !key => self.values(file, ty, name, schema, found),
            ["case"] if key => found.words(&CaseFile::KEYS, CompletionKind::Word),
            ["case", "action"] => {
                for action in schema.actions() {
                    let name = schema.action_name(action);
                    found.add(
                        &name,
                        CompletionKind::Action,
                        None,
                        self.told_action(&action.uid.to_string(), FilePart::Case),
                    );
                }
            }
            ["case", "principal" | "resource"] | ["case", "change"] => self.entities(file, None, found),
            ["case", "change", of] if key => {
                attributes(of.split_once('.').map_or("", |(ty, _)| ty), schema, found)
            }
            ["case", "change", of, name] if !key => {
                self.values(file, of.split_once('.').map_or("", |(ty, _)| ty), name, schema, found);
            }
            ["case", "expect"] => found.words(&["allow", "deny"], CompletionKind::Word),
            ["case", "policies"] | ["case", "fails"] => self.policies_in(found),
            ["case", "fails", policy] => self.conditions_of(policy, found),
            ["case", "rules"] => self.rules(found),
            ["case", "context"] if key => fields(text, spot, schema, found),
            _ => {}
        }
    }

    fn in_catalogue(&self, spot: &Spot<'_>, path: &[&str], schema: &Schema, found: &mut Offer) {
        match path {
            [] if spot.kind == SpotKind::Head => self.types(schema, found),
            [_] if spot.kind != SpotKind::Value => found.words(&CATALOGUE, CompletionKind::Word),
            [ty, "known_by" | "unlocks"] | [ty, "alert", "action" | "sees"] | [ty, "sections", _] => {
                let takes = schema.type_id(ty);
                for action in schema.actions() {
                    if takes.is_some_and(|ty| action.resources.contains(&ty)) {
                        found.add(
                            action.uid.id(),
                            CompletionKind::Action,
                            None,
                            self.told_action(&action.uid.to_string(), FilePart::Case),
                        );
                    }
                }
            }
            [ty, "includes" | "public"] => attributes(ty, schema, found),
            [ty, "set_by"] if spot.kind == SpotKind::Key => attributes(ty, schema, found),
            [_, "content", _] => self.sections(found),
            [_, "transforms", _] => found.words(&Transform::names(), CompletionKind::Word),
            [_, "items", "type"] => {
                type_names(schema).for_each(|name| found.add(name, CompletionKind::Type, None, None))
            }
            [_, "items"] if spot.kind == SpotKind::Key => {
                found.words(&["type", "by", "action"], CompletionKind::Word)
            }
            [_, "alert"] if spot.kind == SpotKind::Key => {
                found.words(&["action", "sees"], CompletionKind::Word)
            }
            _ => {}
        }
    }

    fn policies_in(&self, found: &mut Offer) {
        for (_, file) in self.of_part(FilePart::Policy) {
            for one in file.index.occurrences.iter().filter(|one| one.is_definition) {
                if let Symbol::Policy(id) = &one.symbol {
                    found.add(
                        id,
                        CompletionKind::Policy,
                        None,
                        self.describe(&one.symbol, "", FilePart::Policy),
                    );
                }
            }
        }
    }

    fn rules(&self, found: &mut Offer) {
        let all = self.of_part(FilePart::Policy).flat_map(|(_, file)| &file.index.occurrences);
        let rules: BTreeSet<&str> = all
            .filter_map(|one| match &one.symbol {
                Symbol::Rule(rule) => Some(rule.as_ref()),
                _ => None,
            })
            .collect();
        rules.into_iter().for_each(|rule| found.add(rule, CompletionKind::Policy, None, None));
    }

    fn conditions_of(&self, policy: &str, found: &mut Offer) {
        let Some(text) = self.file_of(policy).and_then(|file| self.text(file)) else { return };
        for outline in &Sketch::of(text).policies {
            for (name, _) in outline.clauses.iter().filter_map(|clause| clause.name.as_ref()) {
                found.add(name, CompletionKind::Condition, None, None);
            }
        }
    }

    /// The entities of the file's world, as `Type.id`; those of a type by their id.
    fn entities(&self, file: &str, of: Option<&EntityType>, found: &mut Offer) {
        let Some(own) = self.files.get(file) else { return };
        for one in own.index.occurrences.iter().filter(|one| one.is_definition) {
            let Symbol::Entity(name) = &one.symbol else { continue };
            match (of, name.split_once('.')) {
                (None, _) => found.add(name, CompletionKind::Entity, None, None),
                (Some(of), Some((ty, id))) if *ty == *of.name => {
                    found.add(id, CompletionKind::Entity, Some(ty.to_owned()), None)
                }
                _ => {}
            }
        }
    }

    /// The entities that an attribute may refer to.
    fn values(&self, file: &str, ty: &str, name: &str, schema: &Schema, found: &mut Offer) {
        let found_type = schema.type_id(ty).and_then(|ty| schema.entity_type(ty));
        let Some((_, attribute)) = found_type.and_then(|ty| ty.attribute(name)) else { return };
        let Some(of) = entity_in(&attribute.ty).and_then(|ty| schema.entity_type(ty)) else { return };
        for choice in of.choices.iter().flatten() {
            found.add(choice, CompletionKind::Entity, Some(of.name.to_string()), None);
        }
        self.entities(file, Some(of), found);
    }
}

fn attributes(ty: &str, schema: &Schema, found: &mut Offer) {
    let Some(ty) = schema.type_id(ty).and_then(|ty| schema.entity_type(ty)) else { return };
    for (name, attribute) in &ty.attributes {
        found.add(name, CompletionKind::Attribute, Some(schema.show(&attribute.ty)), None);
    }
}

/// The fields of the context of the case's actions.
fn fields(text: &str, spot: &Spot<'_>, schema: &Schema, found: &mut Offer) {
    let all = leaves(text);
    let is_action = |leaf: &&Leaf<'_>| {
        leaf.table == spot.table
            && leaf.sort == Sort::Text
            && leaf.path.iter().map(AsRef::as_ref).eq(["case", "action"])
    };
    for action in all.iter().filter(is_action).filter_map(|leaf| schema.action(&leaf.text)) {
        for (name, field) in action.context.iter() {
            found.add(name, CompletionKind::Attribute, Some(schema.show(&field.ty)), None);
        }
    }
}
