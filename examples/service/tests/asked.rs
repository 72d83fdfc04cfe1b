//! The service, as its callers meet it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use example_service::{App, deliver, router};
use http_body_util::BodyExt as _;
use rusqlite::Connection;
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

const DATA: &str = "
    INSERT INTO team VALUES ('red'), ('blue');
    INSERT INTO user VALUES ('ana', 'red', 1), ('ben', 'red', 0), ('cy', 'blue', 0);
    INSERT INTO session SELECT 'token-' || id, id FROM user;
    INSERT INTO ticket VALUES
      ('t1', 'red', NULL, 1, 0, 'The lift is stuck'), ('t2', 'red', 'cy', 1, 1, 'A word with Cy'),
      ('t3', 'blue', NULL, 1, 0, 'Paint'), ('t4', 'red', 'ben', 0, 0, 'Done long ago');";

fn made(name: &str) -> PathBuf {
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tickets-{name}-{}.db", std::process::id()));
    let _ = std::fs::remove_file(&path);
    open(&path);
    Connection::open(&path).unwrap().execute_batch(DATA).unwrap();
    path
}

fn open(path: &Path) -> App {
    App::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"), path).unwrap()
}

async fn ask(router: &Router, who: &str, method: &str, path: &str) -> (u16, Json) {
    let request =
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer token-{who}"));
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Json::Null))
}

async fn listed(router: &Router, who: &str) -> Vec<String> {
    let (status, body) = ask(router, who, "GET", "/tickets").await;
    assert_eq!(status, 200, "{body}");
    body["tickets"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_by_a_filter_have_what_single_questions_allow() {
    let router = router(open(&made("lists")));
    for (who, expected) in [("ana", &["t1", "t2"][..]), ("ben", &["t1"]), ("cy", &["t2", "t3"])] {
        assert_eq!(listed(&router, who).await, expected, "{who}");
        for id in ["t1", "t2", "t3"] {
            let (status, _) = ask(&router, who, "GET", &format!("/tickets/{id}")).await;
            assert_eq!(status == 200, expected.contains(&id), "{who} {id}");
        }
    }
    let (denied, absent) =
        (ask(&router, "ben", "GET", "/tickets/t3"), ask(&router, "ben", "GET", "/tickets/none"));
    assert_eq!(denied.await, absent.await, "denied is as absent");
    assert_eq!(ask(&router, "nobody", "GET", "/tickets").await.0, 401);
}

#[tokio::test]
async fn a_change_is_in_the_tables_and_in_the_next_answer() {
    let path = made("changes");
    let app = open(&path);
    let router = router(app.clone());
    assert_eq!(ask(&router, "ben", "POST", "/tickets/t1/close").await.0, 403, "he may read it alone");
    assert_eq!(ask(&router, "ben", "POST", "/tickets/t3/close").await.0, 404, "he may not know of it");
    assert_eq!(ask(&router, "ben", "POST", "/tickets/t4/close").await.0, 403, "it is closed");
    assert_eq!(ask(&router, "cy", "POST", "/tickets/t2/close").await.0, 204);
    assert_eq!(ask(&router, "cy", "POST", "/tickets/t2/close").await.0, 403);
    assert_eq!(ask(&router, "ana", "POST", "/tickets/t1/close").await.0, 204);
    assert_eq!(listed(&router, "ana").await, [""; 0]);
    // What others are told stays until it is taken, in order.
    let mut told = Vec::new();
    assert_eq!(deliver(&app, |_| false).await.unwrap(), 0);
    assert_eq!(
        deliver(&app, |one| {
            told.push(one["ticket"].clone());
            true
        })
        .await
        .unwrap(),
        2
    );
    assert_eq!((told, deliver(&app, |_| true).await.unwrap()), (vec![json!("t2"), json!("t1")], 0));
    // Whoever opens it anew reads what was written.
    drop((app, router));
    assert_eq!(
        ask(&example_service::router(open(&path)), "ana", "GET", "/tickets/t1").await.1["open"],
        json!(false)
    );
}

#[tokio::test]
async fn what_fails_changes_nothing() {
    let app = open(&made("fails"));
    let failed = app.change(|db| {
        db.execute("UPDATE ticket SET open = 0", [])?;
        // A ticket that is not there: the world refuses it, and the tables stay as they were.
        let none = caseward::EntityUid::new("Ticket", "none");
        Ok(((), caseward::Changes::new().set(&none, "open", false)))
    });
    assert!(failed.await.is_err());
    assert_eq!(listed(&router(app), "ana").await, ["t1", "t2"]);
}
