//! Services to ask, and how they are asked.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use caseward::{Live, Source, Sources, Ward};
use caseward_http::{Service, Settings};
use caseward_store::{Options, PolicySet, Store};
use http_body_util::BodyExt as _;
use serde_json::Value as Json;
use tower::ServiceExt as _;

/// 11 May 2026, 9 a.m. in Wellington.
pub(crate) const NOW: i64 = 1_778_446_800_000;

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Got {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) async fn ask(router: &Router, request: Request<Body>) -> Got {
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
    Got { status, headers, bytes }
}

pub(crate) async fn post(router: &Router, path: &str, body: &Json) -> Got {
    let request = Request::post(path).header("content-type", "application/json");
    ask(router, request.body(body.to_string().into()).unwrap()).await
}

/// Asks as a person, in development.
pub(crate) async fn get_as(router: &Router, person: &str, path: &str) -> Got {
    ask(router, Request::get(path).header("x-caseward-user", person).body(Body::empty()).unwrap()).await
}

pub(crate) async fn command(router: &Router, person: &str, body: &Json) -> Got {
    let request = Request::post("/v1/commands").header("content-type", "application/json");
    let request = request.header("x-caseward-user", person);
    ask(router, request.body(body.to_string().into()).unwrap()).await
}

/// What is posted is answered with 200.
pub(crate) async fn ok(router: &Router, path: &str, body: &Json) -> Json {
    let got = post(router, path, body).await;
    assert_eq!(got.status, StatusCode::OK.as_u16(), "{path} {body}: {got:?}");
    got.json()
}

/// A service over policies and data of one's own.
pub(crate) fn over(schema: &str, policies: &str, entities: &Json, settings: &str) -> Service {
    let sources = Sources {
        schema: Source::new("schema", schema),
        policies: vec![Source::new("policies", policies)],
        catalogue: None,
    };
    let ward = Ward::new(&sources).unwrap();
    let world = ward.read_world(entities.to_string().as_bytes()).unwrap();
    let settings = Settings::read(settings, []).unwrap();
    Service::over_world(Live::new(ward, world).unwrap(), settings).unwrap().at(|| NOW)
}

/// A folder of a test's own.
pub(crate) fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("http-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A service over a store with the data of a small world: two schools, a lead, a contact.
pub(crate) fn stored(settings: &str) -> (Service, Store) {
    let store = Store::init(
        folder().join("cases.db"),
        &PolicySet::attendance(),
        &Options::new().trusting(Some(NOW)).seeded(7),
    );
    let store = store.unwrap();
    store.import(&include_bytes!("../../../../core/store/tests/data/small.json")[..]).unwrap();
    let settings = Settings::read(settings, []).unwrap();
    (Service::over_store(store.clone(), settings).unwrap().at(|| NOW), store)
}
