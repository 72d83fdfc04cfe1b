//! Who asks, and what they may ask.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use caseward_http::{Right, Service, new_key};
use serde_json::json;

use crate::support::{Got, ask, folder, over, stored};

fn asked(method: &str, path: &str, secret: Option<&str>, person: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(secret) = secret {
        request = request.header("authorization", format!("Bearer {secret}"));
    }
    if let Some(person) = person {
        request = request.header("x-caseward-user", person);
    }
    let may = json!({"subject": {"type": "User", "id": "lead"}, "action": {"name": "viewSummary"},
        "resource": {"type": "Case", "id": "c"}});
    request.body(Body::from(if method == "POST" { may.to_string() } else { String::new() })).unwrap()
}

const ROUTES: [(&str, &str, Right); 12] = [
    ("POST", "/access/v1/evaluation", Right::Evaluate),
    ("POST", "/access/v1/evaluations", Right::Evaluate),
    ("POST", "/access/v1/search/action", Right::Search),
    ("GET", "/v1/records/Case?action=viewSummary", Right::Read),
    ("GET", "/v1/records/Case/c", Right::Read),
    ("GET", "/v1/records/Item/c/file", Right::Read),
    ("GET", "/v1/alerts?bad=1", Right::Read),
    ("GET", "/v1/watch?bad=1", Right::Read),
    ("POST", "/v1/commands", Right::Command),
    ("GET", "/v1/reports/provider", Right::Read),
    ("POST", "/v1/feeds/logins", Right::Feed),
    ("GET", "/v1/audit/denied", Right::Audit),
];

#[tokio::test]
async fn a_key_may_ask_what_it_is_bound_to() {
    let rights = [Right::Evaluate, Right::Search, Right::Read, Right::Command, Right::Audit, Right::Feed];
    let keys: Vec<_> = rights.iter().map(|right| new_key(right.name(), &[*right]).unwrap()).collect();
    let file = folder().join("keys.toml");
    std::fs::write(&file, keys.iter().map(|(_, entry)| entry.as_str()).collect::<String>()).unwrap();
    let (service, _) = stored(&format!("keys = {:?}", file.display().to_string()));
    let router = service.router();
    for (method, path, needed) in ROUTES {
        let got = ask(&router, asked(method, path, None, Some("lead"))).await;
        assert_eq!((got.status, got.header("www-authenticate").is_some()), (401, true), "{path}");
        for wrong in ["cwk_made-up", "x", "cwk_", "a.b.c"] {
            assert_eq!(
                ask(&router, asked(method, path, Some(wrong), Some("lead"))).await.status,
                401,
                "{path}"
            );
        }
        for (right, (secret, _)) in rights.iter().zip(&keys) {
            let got = ask(&router, asked(method, path, Some(secret), Some("lead"))).await;
            assert_eq!(
                got.status == 403 && is_about_the_key(&got),
                *right != needed,
                "{path} {right:?}: {got:?}"
            );
        }
    }
    // On behalf of nobody there is nothing to see.
    let (secret, _) = &keys[2];
    assert_eq!(ask(&router, asked("GET", "/v1/records/Case/c", Some(secret), None)).await.status, 400);
    for path in ["/healthz", "/readyz", "/.well-known/authzen-configuration", "/openapi.json"] {
        assert_eq!(ask(&router, asked("GET", path, None, None)).await.status, 200, "{path}");
    }
    for path in ["/", "/metrics", "/v2", "/v1/records"] {
        assert_eq!(ask(&router, asked("GET", path, None, None)).await.status, 401, "{path}");
        assert_eq!(ask(&router, asked("GET", path, Some(secret), None)).await.status, 404, "{path}");
    }
}

fn is_about_the_key(got: &Got) -> bool {
    got.json()["error"].as_str().is_some_and(|why| why.contains("credential may not"))
}

fn evaluating(keys: &str) -> (Service, std::path::PathBuf) {
    let file = folder().join("keys.toml");
    std::fs::write(&file, keys).unwrap();
    let schema =
        "entity User; entity Case; action viewSummary appliesTo { principal: User, resource: Case };";
    let settings = format!("keys = {:?}", file.display().to_string());
    (over(schema, r#"@id("a") permit (principal, action, resource);"#, &json!([]), &settings), file)
}

async fn status(router: &Router, secret: &str) -> u16 {
    ask(router, asked("POST", "/access/v1/evaluation", Some(secret), None)).await.status
}

#[tokio::test]
async fn keys_are_rotated_without_a_restart_all_or_nothing() {
    let ((old, first), (new, second)) =
        (new_key("s", &[Right::Evaluate]).unwrap(), new_key("s", &[Right::Evaluate]).unwrap());
    let (service, file) = evaluating(&first);
    let router = service.router();
    assert_eq!((status(&router, &old).await, status(&router, &new).await), (200, 401));
    std::fs::write(&file, format!("{first}{second}")).unwrap();
    service.reload();
    assert_eq!((status(&router, &old).await, status(&router, &new).await), (200, 200));
    std::fs::write(&file, &second).unwrap();
    service.reload();
    assert_eq!((status(&router, &old).await, status(&router, &new).await), (401, 200));
    std::fs::write(&file, format!("{first}\nmay = 7")).unwrap();
    service.reload();
    assert_eq!((status(&router, &old).await, status(&router, &new).await), (401, 200), "it stays as it was");
    std::fs::remove_file(&file).unwrap();
    service.reload();
    assert_eq!(status(&router, &new).await, 200);
}

#[tokio::test]
async fn a_key_asks_as_often_as_its_rate_lets_it() {
    let (secret, entry) = new_key("s", &[Right::Evaluate]).unwrap();
    let (service, _) = evaluating(&format!("{entry}rate = 3\n"));
    let router = service.router();
    let mut all = Vec::new();
    for _ in 0..40 {
        all.push(ask(&router, asked("POST", "/access/v1/evaluation", Some(&secret), None)).await);
    }
    assert!(all.iter().take(3).all(|got| got.status == 200));
    let refused = all.iter().find(|got| got.status == 429).expect("one too many");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // Reading the file again gives nobody more.
    service.reload();
    let after = ask(&router, asked("POST", "/access/v1/evaluation", Some(&secret), None)).await;
    assert!([200, 429].contains(&after.status));
}

#[tokio::test]
async fn reasons_are_for_the_keys_that_say_so() {
    let (with, first) = new_key("with", &[Right::Evaluate]).unwrap();
    let (without, second) = new_key("without", &[Right::Evaluate]).unwrap();
    let (service, _) = evaluating(&format!("{first}reasons = true\n{second}"));
    let router = service.router();
    let reasons = async |secret: &str| {
        let got = ask(&router, asked("POST", "/access/v1/evaluation", Some(secret), None)).await;
        got.json()["context"].get("reasons").is_some()
    };
    assert_eq!((reasons(&with).await, reasons(&without).await), (true, false));
}
