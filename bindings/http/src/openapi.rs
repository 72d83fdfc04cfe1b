//! What the routes are, in OpenAPI 3.1, made from their types.

use axum::http::StatusCode;
use axum::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::problem::ErrorBody;
use crate::{authzen, cases, json, router};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "caseward",
        description = "Who may do what, by Cedar policies: OpenID AuthZEN, and the case store",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        authzen::evaluation::evaluation, authzen::evaluation::evaluations, authzen::search::search_subjects,
        authzen::search::search_resources, authzen::search::search_actions, authzen::discovery::metadata, router::healthz, router::readyz, text,
    ),
    components(schemas(ErrorBody)),
    modifiers(&Bearer)
)]
struct Documented;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, all: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        if let Some(components) = &mut all.components {
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        }
    }
}

/// The text of OpenAPI, as it is served and committed.
pub(crate) fn document() -> String {
    let mut all = Documented::openapi();
    all.merge(cases::Documented::openapi());
    let mut text = all.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// What the routes are.
#[utoipa::path(get, path = "/openapi.json", tag = "Operations", responses((status = 200, description = "OpenAPI 3.1")))]
pub(crate) async fn text() -> Response {
    let read: serde_json::Value = serde_json::from_str(&document()).unwrap_or_default();
    json::respond(StatusCode::OK, &read)
}
