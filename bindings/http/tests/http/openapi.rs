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
    for path in ["/access/v1/evaluation", "/v1/commands", "/v1/records/{type}/{id}", "/v1/watch", "/healthz"]
    {
        assert!(read["paths"].get(path).is_some(), "{path}");
    }
}
