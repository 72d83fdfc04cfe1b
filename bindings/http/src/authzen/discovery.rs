//! What the service can be asked, and where: from the address that the settings say, never from a request.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::json;

/// Where it is.
pub(crate) const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

/// What the service can be asked, and where.
#[derive(Serialize, ToSchema)]
pub(crate) struct Metadata {
    policy_decision_point: String,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
    search_subject_endpoint: String,
    search_resource_endpoint: String,
    search_action_endpoint: String,
}

/// What the service can be asked, and where.
#[utoipa::path(
    get, path = "/.well-known/authzen-configuration", tag = "AuthZEN",
    responses((status = 200, description = "The addresses of the service", body = Metadata))
)]
pub(crate) async fn metadata(State(app): State<App>) -> Response {
    let scheme = if app.settings.tls.is_some() { "https" } else { "http" };
    let at = app.bound.get().unwrap_or(&app.settings.listen);
    let base = app.settings.base_url.clone().unwrap_or_else(|| format!("{scheme}://{at}"));
    let at = |path: &str| format!("{base}/access/v1/{path}");
    let metadata = Metadata {
        access_evaluation_endpoint: at("evaluation"),
        access_evaluations_endpoint: at("evaluations"),
        search_subject_endpoint: at("search/subject"),
        search_resource_endpoint: at("search/resource"),
        search_action_endpoint: at("search/action"),
        policy_decision_point: base,
    };
    json::respond(StatusCode::OK, &metadata)
}
