//! The facts of one request, for comparison with other authorizers.

use serde_json::{Map, Value as Json, json};

use crate::decide::slice::gather;
use crate::model::{EntityUid, Error, Request};
use crate::ward::Ward;
use crate::world::World;

/// The facts that the policies can read for `request`, as Cedar's entities JSON; no list where an entity
/// that it names is absent. Read it without a schema: attributes that no policy reads are left out.
///
/// # Errors
/// As [`Ward::check`].
pub fn slice_json(ward: &Ward, world: &World, request: &Request) -> Result<String, Error> {
    let Some(ready) = ward.engine.examine(world, request)?.ready() else { return Ok("[]".to_owned()) };
    let facts =
        gather(world, ward.engine.roots(&ready), ready.principal, ready.resource, request.context.fields());
    let uid = |uid: &EntityUid| json!({ "type": uid.type_name(), "id": uid.id() });
    let entities = facts.iter().map(|fact| {
        let object = |pairs: &[(std::sync::Arc<str>, crate::model::Value)]| {
            pairs.iter().map(|(name, v)| (name.to_string(), json!(v))).collect::<Map<String, Json>>()
        };
        let parents: Vec<Json> = fact.ancestors.iter().map(uid).collect();
        let (attrs, tags) = (object(&fact.attributes), object(&fact.tags));
        json!({ "uid": uid(&fact.uid), "attrs": attrs, "parents": parents, "tags": tags })
    });
    Ok(Json::Array(entities.collect()).to_string())
}
