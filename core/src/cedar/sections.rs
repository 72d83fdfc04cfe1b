//! What a schema's text says besides types: the sections that its attributes carry, as `@section("…")`, and whether two texts
//! say the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::RawName;
use cedar_policy_core::validator::json_schema::Fragment;
use serde_json::Value as Json;

use super::limits::{self, Language};
use crate::model::Source;

/// By entity type, with its namespace, and attribute.
pub(crate) type Sections = BTreeMap<(Arc<str>, Arc<str>), Arc<str>>;

/// The sections in a schema that was found valid.
///
/// Those of attributes that stand in a type of their own, which several entity types share, are left out.
pub(crate) fn sections(schema: &Source) -> Sections {
    let namespaces = namespaces(schema);
    let mut found = Sections::new();
    let empty = serde_json::Map::new();
    let fields = |json: &'_ Json, name: &str| json.get(name).and_then(Json::as_object).cloned();
    for (namespace, definitions) in namespaces.as_ref().and_then(Json::as_object).unwrap_or(&empty) {
        for (name, entity) in fields(definitions, "entityTypes").unwrap_or_default() {
            let ty: Arc<str> =
                if namespace.is_empty() { name.into() } else { format!("{namespace}::{name}").into() };
            let attributes = entity.get("shape").and_then(|shape| fields(shape, "attributes"));
            for (attribute, about) in attributes.unwrap_or_default() {
                let section =
                    about.get("annotations").and_then(|all| all.get("section")).and_then(Json::as_str);
                if let Some(section) = section {
                    found.insert((ty.clone(), attribute.into()), section.into());
                }
            }
        }
    }
    found
}

/// Whether two schemas say the same: comments, layout and the order of declarations count for nothing, annotations do.
///
/// Of a text that is no schema only itself says the same.
pub(crate) fn same(one: &Source, other: &Source) -> bool {
    let small = |source: &Source| limits::check(&source.text, Language::Schema).is_ok();
    one.text == other.text
        || small(one) && small(other) && namespaces(one).is_some_and(|read| Some(read) == namespaces(other))
}

fn namespaces(schema: &Source) -> Option<Json> {
    let read = Fragment::<RawName>::from_cedarschema_str(&schema.text, Extensions::all_available());
    read.ok().and_then(|(fragment, _)| serde_json::to_value(fragment).ok())
}
