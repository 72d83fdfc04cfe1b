//! What views never show, because nobody said where.

use std::collections::BTreeSet;

use super::{File, Finding, Lint, Looked};
use crate::cedar::sections;
use crate::model::TypeId;
use crate::policy::Spots;

pub(super) fn lint(looked: &Looked<'_>) -> Vec<Finding> {
    let (ward, sources) = (looked.subject.ward, looked.subject.sources);
    let (Some(catalogue), Some(entries)) = (&sources.catalogue, &ward.engine.catalogue) else {
        return Vec::new();
    };
    let schema = ward.schema();
    let sections = sections(&sources.schema);
    let spots = Spots::of(&sources.schema.text);
    let asked: BTreeSet<TypeId> =
        schema.actions().iter().flat_map(|action| action.resources.iter().copied()).collect();
    let mut found = Vec::new();
    for ty in schema.entity_types() {
        let Some(id) = schema.type_id(&ty.name) else { continue };
        let file = File::of(&sources.schema);
        if asked.contains(&id) && entries.of(id).is_none() {
            let span = spots.entity(&ty.name);
            let message = format!("`{}` has no entry in `{}`", ty.name, catalogue.name);
            found.push(Finding::new(Lint::TypeWithoutEntry, file, span, message).help(format!(
                "say there which sections its records have and which action shows each, under `[{}]`",
                ty.name
            )));
        }
        for (name, _) in &ty.attributes {
            if sections.contains_key(&(ty.name.clone(), name.clone())) {
                continue;
            }
            let span = spots.attribute(&ty.name, name);
            let message = format!("`{name}` of `{}` is in no section, and no view shows it", ty.name);
            found.push(
                Finding::new(Lint::AttributeWithoutSection, file, span, message)
                    .help("put `@section(\"…\")` above it, with a section that the catalogue of fields has"),
            );
        }
    }
    found
}
