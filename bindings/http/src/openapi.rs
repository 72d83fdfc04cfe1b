//! What the routes are, in OpenAPI 3.1, made from their types.

use axum::http::StatusCode;
use axum::response::Response;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, ResponseBuilder};
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

/// What every route may answer beside what it says itself.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, all: &mut utoipa::openapi::OpenApi) {
        for path in all.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
                everywhere(operation);
            }
        }
    }
}

fn everywhere(operation: &mut Operation) {
    let asked = [
        ("400", "It cannot be read"),
        ("401", "It is not known who asks"),
        ("403", "Whoever asks may not ask this"),
        ("429", "The key asks more often than it may"),
        ("500", "It failed here"),
    ];
    let sent = [("408", "It did not come in time"), ("413", "It is larger than is taken")];
    let busy = [("503", "There was no answer in time, or the store does not answer: ask again")];
    let asked = asked.into_iter().filter(|_| operation.security.is_some());
    let sent = sent.into_iter().filter(|_| operation.request_body.is_some());
    let all: Vec<_> = asked.chain(sent).chain(busy).collect();
    for (status, says) in all {
        let content = Content::new(Some(Ref::from_schema_name("ErrorBody")));
        let response = ResponseBuilder::new().description(says).content("application/json", content).build();
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.into());
    }
}

/// The text of OpenAPI, as it is served and committed.
pub(crate) fn document() -> String {
    let mut all = Documented::openapi();
    all.merge(cases::Documented::openapi());
    Everywhere.modify(&mut all);
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
