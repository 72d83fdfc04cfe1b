//! What is committed of OpenAPI is what the routes are.

use caseward_http::Service;
use serde_json::Value as Json;

/// `CASEWARD_ACCEPT=1` writes it anew.
#[test]
fn the_committed_text_is_not_stale() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = Service::openapi();
    if std::env::var_os("CASEWARD_ACCEPT").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == now, "bindings/http/openapi.json is stale: run this test with CASEWARD_ACCEPT=1");
    let read: Json = serde_json::from_str(&now).unwrap();
    assert_eq!(read["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    for path in [
        "/access/v1/evaluation",
        "/v1/commands",
        "/v1/records/{type}/{id}",
        "/v1/watch",
        "/v1/alerts",
        "/healthz",
    ] {
        assert!(read["paths"].get(path).is_some(), "{path}");
    }
    // What any route may answer stands at each.
    for (path, operations) in read["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let needs = if operation.get("security").is_some() {
                &["400", "401", "403", "429", "503"][..]
            } else {
                &["503"]
            };
            for status in needs {
                assert!(operation["responses"].get(*status).is_some(), "{method} {path}: {status}");
            }
        }
    }
}
