//! The routes, and what is so of every one of them.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tracing::Instrument as _;

use crate::app::{App, Backing};
use crate::authzen::{discovery, evaluation, search};
use crate::cases;
use crate::problem::Problem;
use crate::who::Caller;
use crate::{json, openapi, traces};

/// What names a request in logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Streams: they have bounds of their own, of time and of how many there are, and do not count among what is answered at once.
const STREAMS: [&str; 3] = ["/v1/alerts", "/v1/watch", "/v1/feeds/"];

/// Every route of the service.
pub(crate) fn router(app: &App) -> Router {
    let base = app.settings.base_url.as_deref().unwrap_or_default();
    let path = base.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let mut routes = Router::new()
        .route("/access/v1/evaluation", post(evaluation::evaluation))
        .route("/access/v1/evaluations", post(evaluation::evaluations))
        .route("/access/v1/search/subject", post(search::search_subjects))
        .route("/access/v1/search/resource", post(search::search_resources))
        .route("/access/v1/search/action", post(search::search_actions))
        .route(discovery::WELL_KNOWN, get(discovery::metadata))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/openapi.json", get(openapi::text))
        .merge(cases::routes());
    if let Some(path) =
        path.filter(|path| path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b)))
    {
        // The well-known name stands between the host and the path of the base.
        routes = routes.route(&format!("{}/{path}", discovery::WELL_KNOWN), get(discovery::metadata));
    }
    routes
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(app.clone(), limited))
        .layer(from_fn_with_state(app.clone(), told))
        .with_state(app.clone())
}

/// The metrics, on an address of their own.
pub(crate) fn metrics(app: &App) -> Router {
    Router::new().route("/metrics", get(metrics_text)).with_state(app.clone())
}

async fn metrics_text(State(app): State<App>) -> Response {
    let (version, generation) = match &app.backing {
        Backing::World(live) => {
            let now = live.now();
            (now.world().version(), now.number())
        }
        Backing::Store(store) => {
            let touched = store.touched();
            app.metrics.statements.set(touched.statements);
            app.metrics.rows.set(touched.rows);
            (store.reading().version(), 1)
        }
    };
    app.metrics.version.set(version);
    app.metrics.generation.set(generation);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], app.metrics.text()).into_response()
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, description = "It answers")))]
pub(crate) async fn healthz() -> Response {
    json::respond(StatusCode::OK, &serde_json::json!({"status": "ok"}))
}

/// Whether what is asked would be answered: the data is there, what is due was applied, and what is shown can be audited.
#[utoipa::path(
    get, path = "/readyz", tag = "Operations",
    responses((status = 200, description = "It is ready"), (status = 503, description = "It is not"))
)]
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    let (status, text) = match app.is_ready() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    json::respond(status, &serde_json::json!({"status": text}))
}

async fn no_route(_: Caller) -> Problem {
    Problem::no_route(StatusCode::NOT_FOUND, "there is no such route: `/openapi.json` names all there are")
}

async fn no_method(_: Caller) -> Problem {
    Problem::no_route(
        StatusCode::METHOD_NOT_ALLOWED,
        "the route has no such method: `/openapi.json` names those it has",
    )
}

/// What is answered at once, and how long an answer may take.
async fn limited(State(app): State<App>, request: Request, next: Next) -> Response {
    if STREAMS.iter().any(|path| request.uri().path().starts_with(path)) {
        return next.run(request).await;
    }
    let time = app.settings.limits.time();
    let answered = tokio::time::timeout(time, async {
        let Ok(_one) = app.at_once.acquire().await else { return None };
        app.metrics.at_once.inc();
        let _count = Counted(&app);
        Some(next.run(request).await)
    });
    match answered.await {
        Ok(Some(response)) => response,
        Ok(None) => Problem::busy("the service ends").into_response(),
        Err(_) => Problem::busy("there was no answer in time: ask again").into_response(),
    }
}

/// A request that is being answered, also where it is given up.
struct Counted<'a>(&'a App);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.metrics.at_once.dec();
    }
}

/// What every answer has: its name, and that nobody is to keep it; and it is counted.
async fn told(State(app): State<App>, request: Request, next: Next) -> Response {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    let begun = Instant::now();
    let id = request.headers().get(REQUEST_ID).cloned();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.as_deref().unwrap_or("none");
    let span = traces::request(request.method(), route);
    #[cfg(feature = "otel")]
    traces::of_caller(&span, request.headers());
    let mut response = next.run(request).instrument(span.clone()).await;
    traces::answered(&span, response.status());
    app.metrics.answered(route, response.status().as_u16(), begun.elapsed());
    let id = id.or_else(|| {
        // No count that is shown: it would tell how much others ask.
        let number = KEYS.get_or_init(RandomState::new).hash_one(COUNT.fetch_add(1, Ordering::Relaxed));
        let made = format!("{}-{number:016x}", app.mark);
        HeaderValue::from_str(&made).ok()
    });
    let headers = response.headers_mut();
    if let Some(id) = id {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
