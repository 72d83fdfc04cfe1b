//! What the bodies of requests look like, for the text of OpenAPI. They are read by hand: whatever AuthZEN does not know is ignored.
#![expect(dead_code, reason = "they are there for their schemas")]

use serde_json::Value as Json;
use utoipa::ToSchema;

use super::Fields;

/// A subject or a resource.
#[derive(ToSchema)]
pub(crate) struct EntityBody {
    /// The type of the entity.
    r#type: String,
    /// Its id; left out where it is what is looked for.
    id: Option<String>,
    /// Facts of this request, where the settings trust them.
    #[schema(value_type = Option<Object>)]
    properties: Option<Fields>,
}

/// An action.
#[derive(ToSchema)]
pub(crate) struct ActionBody {
    /// Its name.
    name: String,
    /// More of its context, where the settings trust it.
    #[schema(value_type = Option<Object>)]
    properties: Option<Fields>,
}

/// An evaluation.
#[derive(ToSchema)]
pub(crate) struct EvaluationBody {
    subject: EntityBody,
    action: ActionBody,
    resource: EntityBody,
    /// The circumstances.
    #[schema(value_type = Option<Object>)]
    context: Option<Fields>,
}

/// An evaluation of many: what it leaves out is the request's.
#[derive(ToSchema)]
pub(crate) struct ItemBody {
    subject: Option<EntityBody>,
    action: Option<ActionBody>,
    resource: Option<EntityBody>,
    /// The circumstances.
    #[schema(value_type = Option<Object>)]
    context: Option<Fields>,
}

/// Many evaluations, or one.
#[derive(ToSchema)]
pub(crate) struct EvaluationsBody {
    subject: Option<EntityBody>,
    action: Option<ActionBody>,
    resource: Option<EntityBody>,
    /// The circumstances.
    #[schema(value_type = Option<Object>)]
    context: Option<Fields>,
    evaluations: Option<Vec<ItemBody>>,
    options: Option<OptionsBody>,
}

/// How many evaluations are gone about.
#[derive(ToSchema)]
pub(crate) struct OptionsBody {
    /// `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`.
    evaluations_semantic: Option<String>,
}

/// Which page of a search.
#[derive(ToSchema)]
pub(crate) struct PageBody {
    /// How many results.
    limit: Option<u64>,
    /// What the last page called `next_token`.
    token: Option<String>,
    /// `order`: an attribute to sort resources by, `-` before it for the other way round.
    #[schema(value_type = Option<Object>)]
    properties: Option<Json>,
}

/// A search: what is looked for has no id, or is left out, as an action. Beside a token all may be left out.
#[derive(ToSchema)]
pub(crate) struct SearchBody {
    subject: Option<EntityBody>,
    action: Option<ActionBody>,
    resource: Option<EntityBody>,
    /// The circumstances.
    #[schema(value_type = Option<Object>)]
    context: Option<Fields>,
    page: Option<PageBody>,
}

/// What was found: an entity by `type` and `id`, or an action by `name`.
#[derive(ToSchema)]
pub(crate) struct FoundBody {
    r#type: Option<String>,
    id: Option<String>,
    name: Option<String>,
}
