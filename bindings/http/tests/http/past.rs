//! The past, as people are shown it: within what they may see now. And what answers say of versions.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};

use crate::cases::{case, done};
use crate::support::{NOW, ask, command, get_as, stored};

const HOUR: i64 = 3_600_000;

static CLOCK: AtomicI64 = AtomicI64::new(NOW);

fn clock() -> i64 {
    CLOCK.load(Ordering::SeqCst)
}

/// An instant in RFC 3339, some hours after the tests' now.
fn after(hours: i64) -> String {
    assert!((0..10).contains(&hours));
    format!("2026-05-10T2{}:00:00Z", 1 + hours)
}

#[tokio::test]
async fn the_past_is_shown_within_what_a_person_may_see_now() {
    let (service, store) = stored("development = true");
    let router = service.at(clock).router();
    let (id, item) = case(&router).await;
    let on = format!("Case::\"{id}\"");
    let view = format!("/v1/records/Case/{id}");
    let list = "/v1/records/Case?action=viewSummary".to_owned();
    let who = format!("/v1/records/Case/{id}/who?action=viewSummary");
    let item = format!("/v1/records/Item/{item}");
    let past = after(0);
    let as_of = |path: &str| format!("{path}{}as_of={past}", if path.contains('?') { '&' } else { '?' });
    for path in [&view, &list, &item] {
        assert_eq!(get_as(&router, "flow", &as_of(path)).await.status, 200, "{path}");
    }
    // Another provider holds it from the second hour on, and the lead's login ends.
    let line = json!({"command": "reallocateCase", "as": "central", "on": on, "now": after(2),
        "context": {"toProvider": {"type": "Provider", "id": "south"}}});
    assert_eq!(store.command(line.to_string()).unwrap().outcome, caseward_store::Outcome::Done);
    let ended = json!({"user": "lead", "active": "false", "at": after(2)});
    let feed = store.feed_at("logins", ended.to_string().into_bytes(), 0, NOW + 2 * HOUR).unwrap();
    assert!(feed.iter().all(|line| line.outcome == caseward_store::Taken::Done), "{feed:?}");
    CLOCK.store(NOW + 3 * HOUR, Ordering::SeqCst);
    for person in ["flow", "lead"] {
        for path in [&view, &item, &who] {
            let (now, then) =
                (get_as(&router, person, path).await, get_as(&router, person, &as_of(path)).await);
            assert_eq!((now.status, then.status), (404, 404), "{person} {path}: {then:?}");
        }
        let then = get_as(&router, person, &as_of(&list)).await.json();
        assert_eq!((&then["entities"], &then["total"]), (&json!([]), &json!(0)), "{person}: {then}");
        let sorted = get_as(&router, person, &as_of(&format!("{list}&sort=openedAt"))).await;
        assert!(sorted.status == 400 || sorted.json()["total"] == 0, "{person}: {sorted:?}");
    }
    // Whoever sees it now did not see it then.
    let (now, then) =
        (get_as(&router, "south-flow", &view).await, get_as(&router, "south-flow", &as_of(&view)).await);
    assert_eq!((now.status, then.status), (200, 404), "{then:?}");
    // Whoever saw it then and sees it now is shown it as it was.
    let then = get_as(&router, "central", &as_of(&view)).await;
    assert!(then.status == 404 || then.json().to_string().contains("north"), "{then:?}");
    let who = get_as(&router, "privacy", &as_of(&who)).await.json();
    let people = who["people"].as_array().unwrap();
    assert!(people.contains(&json!("flow")) && !people.contains(&json!("south-flow")), "{who}");
}

/// However many ask about the past, what is now goes on; and whoever sees nothing now has nothing worked out for them.
#[tokio::test]
async fn questions_about_the_past_hold_up_nothing_else() {
    let (service, store) = stored("development = true");
    let router = service.at(clock).router();
    let (id, _) = case(&router).await;
    let past = |person: &'static str, second: usize| {
        let (router, id) = (router.clone(), id.clone());
        let path = format!("/v1/records/Case/{id}?as_of=2026-05-10T20:00:{second:02}Z");
        tokio::spawn(async move { get_as(&router, person, &path).await.status })
    };
    let asked: Vec<_> = (0..40).map(|second| past("lead", second)).collect();
    let view = get_as(&router, "lead", &format!("/v1/records/Case/{id}")).await;
    assert_eq!(view.status, 200);
    for asked in asked {
        // One at a time: the others are told to ask again.
        let status = asked.await.unwrap();
        assert!([200, 404, 503].contains(&status), "{status}");
    }
    let before = store.touched().statements;
    assert_eq!(past("south-flow", 50).await.unwrap(), past("south-flow", 51).await.unwrap());
    let of_nobody = store.touched().statements - before;
    let before = store.touched().statements;
    let _ = get_as(&router, "south-flow", &format!("/v1/records/Case/{id}")).await;
    let _ = get_as(&router, "south-flow", &format!("/v1/records/Case/{id}")).await;
    assert_eq!(of_nobody, store.touched().statements - before, "no more than a look at what is now");
}

/// What a view calls its version is what `expect` is held against, also where content alone was written.
#[tokio::test]
async fn a_view_says_the_version_that_a_command_can_expect() {
    let (service, _store) = stored("development = true");
    let router = service.router();
    let (id, _) = case(&router).await;
    let on = format!("Case::\"{id}\"");
    let version = async || {
        let view = get_as(&router, "lead", &format!("/v1/records/Case/{id}")).await.json();
        view["version"].as_u64().unwrap()
    };
    let update = |text: &str, expect: u64| json!({"command": "updateRecord", "on": on, "data": {"narrative": text}, "expect": expect});
    let manager = json!({"assignee": {"type": "User", "id": "manager"}});
    done(&router, "flow", &json!({"command": "assignCaseManager", "on": on, "context": manager})).await;
    let seen = version().await;
    let first = done(&router, "manager", &update("One.", seen)).await;
    assert_eq!(first["version"].as_u64(), Some(seen + 1));
    let lost = command(&router, "manager", &update("Two.", seen)).await;
    assert_eq!((lost.status, lost.json()["outcome"].as_str()), (409, Some("refused")), "{lost:?}");
    assert_eq!(version().await, seen + 1, "content alone was written");
    done(&router, "manager", &update("Three.", version().await)).await;
}

#[tokio::test]
async fn what_is_not_explained_is_a_denied_look() {
    let (service, _store) = stored("development = true");
    let router = service.router();
    let (id, _) = case(&router).await;
    let explain = |rest: &str| format!("/v1/records/Case/{id}/explain?action=viewSummary{rest}");
    assert_eq!(get_as(&router, "rata-lead", &explain("")).await.status, 200);
    assert_eq!(get_as(&router, "office", &explain("&person=lead")).await.status, 400);
    let denied = get_as(&router, "privacy", "/v1/audit/denied?purpose=a%20complaint").await.json();
    let text = denied.to_string();
    for person in ["rata-lead", "office"] {
        assert!(text.contains(&format!("User::\\\"{person}\\\"")), "{person}: {text}");
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_read_is_refused_in_json() {
    let (service, _store) = stored("development = true");
    let router = service.router();
    for path in ["/v1/records/Case/%ff", "/v1/records/%ff?action=viewSummary", "/v1/records/Item/%ff/file"] {
        let got = get_as(&router, "lead", path).await;
        assert_eq!(
            (got.status, got.header("content-type")),
            (400, Some("application/json")),
            "{path}: {got:?}"
        );
        assert!(got.json()["error"].is_string() || got.json()["error"].is_object(), "{got:?}");
    }
}

/// By whatever name HTTP has us called: `Host` once or twice, or the address itself, as HTTP/2 has it.
#[tokio::test]
async fn development_answers_to_names_of_loopback_alone() {
    let (service, _store) = stored("development = true");
    let router = service.router();
    let (id, _) = case(&router).await;
    let path = format!("/v1/records/Case/{id}");
    let status = async |uri: String, hosts: &[&str]| {
        let mut request = Request::get(uri).header("x-caseward-user", "lead");
        for host in hosts {
            request = request.header("host", *host);
        }
        ask(&router, request.body(Body::empty()).unwrap()).await.status
    };
    for name in ["localhost", "localhost:80", "127.0.0.1:18000", "[::1]:80", "LOCALHOST"] {
        assert_eq!(status(path.clone(), &[name]).await, 200, "{name}");
        assert_eq!(status(format!("http://{name}{path}"), &[]).await, 200, "{name}");
    }
    for name in ["evil.example", "evil.example:80", "localhost.evil.example", "10.0.0.1"] {
        assert_eq!(status(path.clone(), &[name]).await, 403, "{name}");
        assert_eq!(status(path.clone(), &["localhost", name]).await, 403, "{name}");
        assert_eq!(status(format!("http://{name}{path}"), &[]).await, 403, "{name}");
        assert_eq!(status(format!("http://{name}{path}"), &["localhost"]).await, 403, "{name}");
    }
}

/// Of the cursor of a list: what is withheld is not counted in it.
#[tokio::test]
async fn a_cursor_tells_nothing_of_what_is_withheld() {
    let (service, _store) = stored("development = true");
    let router = service.router();
    let (id, _) = case(&router).await;
    for text in ["a", "b", "c", "d"] {
        let body = json!({"command": "addComment", "on": format!("Case::\"{id}\""), "data": {"text": text}});
        done(&router, "lead", &body).await;
    }
    let mut after = String::new();
    let mut cursors = Vec::new();
    loop {
        let path = format!("/v1/records/Item?action=viewItem&limit=1{after}");
        let page: Json = get_as(&router, "lead", &path).await.json();
        let Some(next) = page["next"].as_str() else { break };
        cursors.push(next.to_owned());
        after = format!("&after={next}");
    }
    assert_eq!(cursors.len(), 4);
    // Neighbours have nothing in common but their form: of 72 digits some five by chance.
    let same = |a: &str, b: &str| a.bytes().zip(b.bytes()).filter(|(a, b)| a == b).count();
    assert!(cursors.iter().all(|cursor| cursor.len() == 72 && cursor.bytes().all(|b| b.is_ascii_hexdigit())));
    assert!(cursors.windows(2).all(|two| same(&two[0], &two[1]) < 24), "{cursors:?}");
}
