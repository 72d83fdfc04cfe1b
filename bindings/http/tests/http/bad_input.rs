//! Input that means harm: a clear answer, and nothing let in.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::support::{ask, get_as, over, stored};

fn router() -> axum::Router {
    let schema = "entity U; action go appliesTo { principal: U, resource: U };";
    let policies = r#"@id("all") permit (principal, action, resource);"#;
    let entities = json!([{"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []}]);
    over(schema, policies, &entities, "development = true\n[limits]\nbody = 4096\nseconds = 1").router()
}

async fn status(body: impl Into<Body>) -> u16 {
    let request = Request::post("/access/v1/evaluation").header("content-type", "application/json");
    ask(&router(), request.body(body.into()).unwrap()).await.status
}

const GOOD: &str = r#"{"subject": {"type": "U", "id": "u"}, "action": {"name": "go"}, "resource": {"type": "U", "id": "u"}}"#;

#[tokio::test]
async fn bodies_that_mean_harm() {
    assert_eq!(status(GOOD).await, 200);
    for (name, body) in [
        ("a key twice", GOOD.replacen('{', r#"{"subject": {"type": "U", "id": "v"}, "#, 1)),
        ("a key twice, within", GOOD.replace(r#""id": "u""#, r#""id": "v", "id": "u""#)),
        ("a key twice, spelt otherwise", GOOD.replace(r#""id": "u""#, r#""id": "v", "\u0069d": "u""#)),
        ("a lone surrogate", GOOD.replace("\"u\"", r#""\ud800""#)),
        ("something behind it", format!("{GOOD} {GOOD}")),
        ("a comment", format!("// {GOOD}\n{GOOD}")),
        ("a byte order mark", format!("\u{feff}{GOOD}")),
        ("not a number", GOOD.replacen('{', r#"{"context": {"a": NaN}, "#, 1)),
    ] {
        assert_eq!(status(body).await, 400, "{name}");
    }
    assert_eq!(status(GOOD.replace("\"u\"", "\"\\u0000\u{202e}\"")).await, 200, "an id that is nobody's");
    assert_eq!(status(GOOD.as_bytes().iter().map(|_| 0xff).collect::<Vec<u8>>()).await, 400);
    assert_eq!(status(format!("{}{}", "[".repeat(2_000), "]".repeat(2_000))).await, 400);
    assert_eq!(status("x".repeat(5_000)).await, 413);
    assert_eq!(status(format!("{GOOD}{}", " ".repeat(5_000))).await, 413);
}

#[tokio::test]
async fn a_body_that_is_said_to_be_huge_is_refused_before_it_is_read() {
    let request = Request::post("/access/v1/evaluation")
        .header("content-type", "application/json")
        .header("content-length", "1073741824");
    assert_eq!(ask(&router(), request.body(Body::empty()).unwrap()).await.status, 413);
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let (_sender, body) = http_body_util::channel::Channel::<axum::body::Bytes, std::io::Error>::new(1);
    assert!([408, 503].contains(&status(Body::new(body)).await));
}

/// Whatever is escaped in parameters is text, on every route that has any.
#[tokio::test]
async fn parameters_that_are_no_text_are_refused() {
    let (service, _) = stored("development = true");
    let router = service.router();
    for (path, parameters) in [
        ("/v1/records/Case", "action=viewSummary&"),
        ("/v1/records/Case/c", ""),
        ("/v1/records/Case/c/actions", ""),
        ("/v1/records/Case/c/who", "action=viewSummary&"),
        ("/v1/records/Case/c/explain", "action=viewSummary&"),
        ("/v1/records/Item/c/file", ""),
        ("/v1/reports/national", ""),
        ("/v1/watch", "type=Case&action=viewSummary&"),
        ("/v1/alerts", ""),
    ] {
        for wrong in ["%ff", "%c3%28", "a%ff", "%", "%f", "%zz", "%ed%a0%80", "%+1"] {
            let got = get_as(&router, "lead", &format!("{path}?{parameters}purpose={wrong}")).await;
            assert_eq!((got.status, got.json()["error"].is_string()), (400, true), "{path} {wrong}: {got:?}");
        }
        let got = get_as(&router, "lead", &format!("{path}?{parameters}%ff=x")).await;
        assert_eq!(got.status, 400, "{path}");
    }
    for path in ["/v1/audit/looks?record=%ff", "/v1/audit/looked?person=%ff", "/v1/audit/denied?%ff"] {
        assert_eq!(get_as(&router, "privacy", path).await.status, 400, "{path}");
    }
    for (path, kind) in
        [("/v1/records/Case/c/file?name=%ff", "text/plain"), ("/v1/feeds/logins?delay=%ff", "text/csv")]
    {
        let request = Request::post(path).header("content-type", kind).header("x-caseward-user", "lead");
        let got = ask(&router, request.body(Body::from("x")).unwrap()).await;
        assert_eq!((got.status, got.json()["error"].is_string()), (400, true), "{path}");
    }
    let good = "/v1/records/Case?action=viewSummary&purpose=%c4%81+weekly%20call%25";
    assert_eq!(get_as(&router, "lead", good).await.status, 200);
}

#[tokio::test]
async fn paths_lead_nowhere_but_to_routes() {
    let (service, _) = stored("development = true");
    let router = service.router();
    for path in [
        "/v1/records/Case/..%2f..%2fhealthz",
        "/v1/records/Case/%00",
        "/v1/records/../../etc/passwd",
        "//v1/watch",
        "/v1/records/Case/c1/file/../view",
        "/v1/records/Case/%c3%28",
        "/V1/records/Case",
        "/access/v1/evaluation/",
    ] {
        let got = get_as(&router, "lead", path).await;
        assert!([400, 404].contains(&got.status), "{path}: {got:?}");
    }
    assert_eq!(get_as(&router, "lead", "/access/v1/evaluation").await.status, 405);
    assert_eq!(get_as(&router, "lead", "/v1/records/Case?action=viewSummary&action=x").await.status, 400);
    assert_eq!(get_as(&router, "lead", "/v1/records/Case?action=viewSummary&secret=x").await.status, 400);
}

#[tokio::test]
async fn headers_that_stand_twice_or_mean_another_are_refused() {
    let (service, _) = stored("development = true");
    let router = service.router();
    let request = || Request::get("/v1/records/Case?action=viewSummary");
    let twice = request().header("x-caseward-user", "lead").header("x-caseward-user", "privacy");
    assert_eq!(ask(&router, twice.body(Body::empty()).unwrap()).await.status, 400);
    let nobody = request().body(Body::empty()).unwrap();
    assert_eq!(ask(&router, nobody).await.status, 400);
    let credential = request().header("authorization", "Bearer x").header("x-caseward-user", "lead");
    assert_eq!(
        ask(&router, credential.body(Body::empty()).unwrap()).await.status,
        401,
        "no credential is better than one"
    );
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]:80"] {
        let named = request().header("x-caseward-user", "lead").header("host", host);
        assert_eq!(ask(&router, named.body(Body::empty()).unwrap()).await.status, 403, "{host}");
    }
    for host in ["localhost:8180", "127.0.0.1", "[::1]:8180", "LOCALHOST"] {
        let named = request().header("x-caseward-user", "lead").header("host", host);
        assert_eq!(ask(&router, named.body(Body::empty()).unwrap()).await.status, 200, "{host}");
    }
}
