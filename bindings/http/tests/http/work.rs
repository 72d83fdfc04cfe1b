//! What is denied does the same work as what is absent: the same statements, that give the same rows.
//!
//! Times would tell only as much of a record as this does, and what the engine does in memory, which is some microseconds beside
//! the audit's write to disk. A time is no measure on a machine that does other things.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use caseward_store::Store;
use serde_json::json;

use crate::cases::case;
use crate::support::{Got, ask, stored};

/// What a request touches of the store, and its answer.
async fn touched(router: &Router, store: &Store, request: Request<Body>) -> ((u64, u64), Got) {
    let before = store.touched();
    let got = ask(router, request).await;
    let after = store.touched();
    ((after.statements - before.statements, after.rows - before.rows), got)
}

fn request(method: &str, person: &str, path: &str, body: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("x-caseward-user", person);
    let kind = if path.contains("/file?") { "text/plain" } else { "application/json" };
    request.header("content-type", kind).body(Body::from(body.to_owned())).unwrap()
}

/// Every route that names a record, with `ID` for the record's: of a case, of its comment and of a report.
const ROUTES: [(&str, &str, &str); 17] = [
    ("case", "GET", "/v1/records/Case/ID"),
    ("case", "GET", "/v1/records/Case/ID/actions"),
    ("case", "GET", "/v1/records/Case/ID/who?action=viewSummary"),
    ("case", "GET", "/v1/records/Case/ID/explain?action=viewSummary"),
    ("case", "GET", "/v1/records/Case/ID/explain?action=viewSummary&person=lead"),
    ("case", "GET", "/v1/records/Case/ID/file"),
    ("case", "POST", "/v1/records/Case/ID/file?name=a.txt"),
    ("case", "GET", "/v1/audit/looks?record=Case::%22ID%22"),
    ("item", "GET", "/v1/records/Item/ID"),
    ("item", "GET", "/v1/records/Item/ID/actions"),
    ("item", "GET", "/v1/records/Item/ID/who?action=viewItem"),
    ("item", "GET", "/v1/records/Item/ID/explain?action=viewItem"),
    ("item", "GET", "/v1/records/Item/ID/file"),
    ("person", "GET", "/v1/audit/looked?person=ID"),
    ("report", "GET", "/v1/records/Report/ID"),
    ("report", "GET", "/v1/reports/provider?by=status&report=Report::%22ID%22"),
    ("report", "GET", "/v1/reports/national?by=status&report=Report::%22ID%22"),
];

#[tokio::test]
async fn what_is_denied_does_the_work_of_what_is_absent() {
    let (service, store) = stored("development = true");
    let router = service.router();
    let (case, comment) = case(&router).await;
    let id = |kind: &str| match kind {
        "case" => case.clone(),
        "item" => comment.clone(),
        "person" => "manager".to_owned(),
        _ => "north-caseload".to_owned(),
    };
    for person in ["rata-lead", "nobody", "gone"] {
        for (kind, method, path) in ROUTES {
            let there = id(kind);
            let absent = "0".repeat(there.len());
            let of = |id: &str| request(method, person, &path.replace("ID", id), "Dear");
            // Whatever is made once is made before it is counted.
            ask(&router, of(&absent)).await;
            let (denied, got) = touched(&router, &store, of(&there)).await;
            let (gone, other) = touched(&router, &store, of(&absent)).await;
            assert_eq!(denied, gone, "{person} {method} {path}: {got:?}");
            assert_eq!(got.status, other.status, "{person} {method} {path}");
            // What is refused before anything is looked at is in no log; nor is who asked for a history.
            let is_logged = !path.starts_with("/v1/audit") && !path.contains("person=");
            assert!(denied.0 > 0 || !is_logged, "{path}: the look is in the log");
        }
        for name in ["addComment", "closeCase", "reallocateCase", "exportFile", "nonsense"] {
            let of = |id: &str| {
                let body = json!({"command": name, "on": format!("Case::\"{id}\""), "data": {"text": "x"}});
                request("POST", person, "/v1/commands", &body.to_string())
            };
            let absent = "0".repeat(case.len());
            ask(&router, of(&absent)).await;
            let (denied, got) = touched(&router, &store, of(&case)).await;
            let (gone, _) = touched(&router, &store, of(&absent)).await;
            assert_eq!(denied, gone, "{person} {name}: {got:?}");
        }
    }
    // It can tell: whoever may see the case has more done.
    let see = |id: &str| request("GET", "lead", &format!("/v1/records/Case/{id}"), "");
    let (seen, got) = touched(&router, &store, see(&case)).await;
    let (absent, _) = touched(&router, &store, see("0")).await;
    assert!(got.status == 200 && seen > absent, "{seen:?} {absent:?}");
}
