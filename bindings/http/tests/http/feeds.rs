//! Feeds over HTTP: every line is answered, and a bad one stops no other.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::channel::Channel;
use serde_json::{Value as Json, json};

use crate::support::{Got, ask, stored};

const LINES: &str =
    "user,at,active\nlead,2026-05-01T00:00:00Z,false\nlead,never,true\nflow,2026-05-01T00:00:00Z,true\n";

async fn fed(router: &Router, kind: &str, content_type: &str, text: impl Into<Body>) -> Got {
    let request = Request::post(format!("/v1/feeds/{kind}")).header("content-type", content_type);
    ask(router, request.body(text.into()).unwrap()).await
}

fn lines(got: &Got) -> Vec<Json> {
    let text = std::str::from_utf8(&got.bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn every_line_is_answered_and_feeding_again_changes_nothing() {
    let (service, store) = stored("development = true");
    let router = service.router();
    let got = fed(&router, "logins", "text/csv", LINES).await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/x-ndjson")), "{got:?}");
    let answers = lines(&got);
    let outcomes: Vec<_> = answers.iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["done", "bad", "done"], "{answers:?}");
    let is_active =
        store.world().attribute(&caseward::EntityUid::new("User", "lead"), "loginActive").unwrap();
    assert_eq!(is_active, Some(caseward::Value::Bool(false)));
    let version = store.version().unwrap();
    let json = r#"{"user": "lead", "at": "2026-05-01T00:00:00Z", "active": false}"#;
    let again = fed(&router, "logins", "application/x-ndjson; charset=utf-8", json).await;
    assert_eq!(lines(&again)[0]["outcome"], json!("unchanged"), "{again:?}");
    assert_eq!(store.version().unwrap(), version);
    // Many lines are many answers, in order.
    let mut many = "user,at,active\n".to_owned();
    for at in 0..3_000 {
        many.push_str(&format!("made-up-{at},2026-05-01T00:00:00Z,true\n"));
    }
    let answers = lines(&fed(&router, "logins", "text/csv", many).await);
    assert_eq!(answers.len(), 3_000);
    assert!(answers.windows(2).all(|two| two[0]["line"].as_u64() < two[1]["line"].as_u64()));
}

#[tokio::test]
async fn what_is_no_file_of_a_feed_is_refused_whole() {
    let (service, store) = stored("development = true\n[limits]\nfeed = 100\nseconds = 1\n");
    let router = service.router();
    let version = store.version().unwrap();
    for (kind, content_type, text, status) in [
        ("none", "text/csv", "a,b\n1,2\n", 400),
        ("logins", "text/csv", "user,at,alive\nlead,2026-05-01T00:00:00Z,true\n", 400),
        ("logins", "text/plain", LINES, 400),
        ("logins", "application/json", LINES, 400),
        ("logins?delay=12", "text/csv", LINES, 400),
        ("logins?later=1", "text/csv", LINES, 400),
        ("logins", "text/csv", &LINES.repeat(3), 413),
    ] {
        let got = fed(&router, kind, content_type, text.to_owned()).await;
        assert_eq!(got.status, status, "{kind} {content_type}: {got:?}");
    }
    // Half a file, from somebody who stops: nothing of it is taken.
    let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(1);
    sender.send_data(Bytes::from_static(b"user,at,active\nlead,2026-05-01T00:00:00Z,fa")).await.unwrap();
    let got = fed(&router, "logins", "text/csv", Body::new(body)).await;
    assert_eq!(got.status, 408, "{got:?}");
    drop(sender);
    assert_eq!(store.version().unwrap(), version);
}
