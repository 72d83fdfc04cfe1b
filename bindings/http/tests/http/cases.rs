//! Records as people see them: what they do, and that denied is as absent.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};

use crate::support::{Got, ask, command, get_as, stored};

pub(crate) async fn done(router: &Router, person: &str, body: &Json) -> Json {
    let got = command(router, person, body).await;
    assert_eq!(got.status, 200, "{body}: {got:?}");
    got.json()
}

pub(crate) fn made(answer: &Json) -> String {
    let uid = answer["made"][0].as_str().unwrap();
    uid.split('"').nth(1).unwrap().to_owned()
}

/// An open case of Aroha's, with a comment; the case, and the comment.
pub(crate) async fn case(router: &Router) -> (String, String) {
    let contact = json!({"primaryContact": {"type": "User", "id": "contact"}});
    let create = json!({"command": "createRequest", "on": "Student::\"aroha\"", "context": contact});
    let request = format!("Request::\"{}\"", made(&done(router, "lead", &create).await));
    done(router, "lead", &json!({"command": "submitRequest", "on": request})).await;
    let accepted = done(router, "flow", &json!({"command": "acceptRequest", "on": request})).await;
    let case = made(&accepted);
    let on = format!("Case::\"{case}\"");
    let comment = json!({"command": "addComment", "on": on, "data": {"text": "Back since Monday."}});
    let comment = done(router, "lead", &comment).await;
    (case, made(&comment))
}

#[tokio::test]
async fn commands_views_and_lists_go_together() {
    let (service, store) = stored("development = true");
    let router = service.router();
    let (case, comment) = case(&router).await;
    let got = get_as(&router, "lead", &format!("/v1/records/Case/{case}?purpose=weekly+call")).await;
    assert_eq!(got.status, 200);
    let view = got.json();
    assert!(view.to_string().contains("Back since Monday."), "{view}");
    let list =
        get_as(&router, "lead", "/v1/records/Case?action=viewSummary&where=status%3Dopen&sort=-openedAt")
            .await;
    assert_eq!(list.json()["entities"], json!([{"type": "Case", "id": case}]));
    let actions = get_as(&router, "lead", &format!("/v1/records/Case/{case}/actions")).await.json();
    assert!(actions["actions"].to_string().contains("addComment"), "{actions}");
    // What was looked at is in the log, for whoever may see it.
    let path = format!("/v1/audit/looks?record=Case::%22{case}%22");
    let looks = get_as(&router, "privacy", &path).await.json();
    let kinds: Vec<&str> =
        looks["looks"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    for kind in ["view", "list", "actions"] {
        assert!(kinds.contains(&kind), "{kind}: {looks}");
    }
    assert!(looks.to_string().contains("weekly call"));
    assert_eq!(get_as(&router, "lead", &path).await.status, 404, "the history is not the lead's to see");
    // That the history was looked at is a look too, and that it was denied.
    let again = get_as(&router, "privacy", &format!("{path}&purpose=a+complaint")).await.json().to_string();
    assert!(again.contains("who-looked") && !again.contains("a complaint"), "{again}");
    let again = get_as(&router, "privacy", &path).await.json().to_string();
    assert!(again.contains("a complaint"), "{again}");
    let denied = get_as(&router, "privacy", "/v1/audit/denied").await.json().to_string();
    assert!(denied.contains("who-looked"), "{denied}");
    // Who may is told to whoever may see it.
    let who = format!("/v1/records/Case/{case}/who?action=viewSummary");
    assert!(!get_as(&router, "privacy", &who).await.json()["people"].as_array().unwrap().is_empty());
    assert_eq!(get_as(&router, "lead", &who).await.status, 404);
    let why = get_as(&router, "office", &format!("/v1/records/Case/{case}/explain?action=viewRecord")).await;
    assert_eq!((why.status, why.json()["explanation"]["answer"]["decision"].as_str()), (200, Some("deny")));
    assert!(why.json()["text"].as_str().unwrap().contains("withheld"));
    let item = get_as(&router, "lead", &format!("/v1/records/Item/{comment}")).await;
    assert_eq!(item.status, 200, "{item:?}");
    // Before it was opened there was no such case.
    let past = get_as(&router, "lead", &format!("/v1/records/Case/{case}?as_of=2026-05-01T00:00:00Z")).await;
    assert_eq!(past.status, 404, "{past:?}");
    drop(store);
}

/// Whatever is asked of it: a case that the person may not know of, and one that is not there.
#[tokio::test]
async fn denied_is_as_absent_to_the_last_byte() {
    let (service, _) = stored("development = true");
    let router = service.router();
    let (case, comment) = case(&router).await;
    let absent = |id: &str| "0".repeat(id.len());
    let is_same = |denied: &Got, absent: &Got, ids: (&str, &str), what: &str| {
        let text = |got: &Got| String::from_utf8(got.bytes.clone()).unwrap().replace(ids.0, ids.1);
        assert_eq!(denied.status, absent.status, "{what}");
        assert_eq!(text(denied), text(absent), "{what}");
        let headers = |got: &Got| {
            let mut headers = got.headers.clone();
            headers.remove("x-request-id").expect("it is named");
            headers
        };
        assert_eq!(headers(denied), headers(absent), "{what}");
    };
    for person in ["rata-lead", "nobody", "gone", "south-manager"] {
        for (ty, id, below) in [
            ("Case", &case, ""),
            ("Case", &case, "/actions"),
            ("Case", &case, "/who?action=viewSummary"),
            ("Case", &case, "/explain?action=viewSummary"),
            ("Case", &case, "/file"),
            ("Item", &comment, ""),
            ("Item", &comment, "/file"),
            ("Item", &comment, "/explain?action=viewItem"),
            ("Case", &case, "/explain?action=viewSummary&person=lead"),
        ] {
            let none = absent(id);
            let path = |id: &str| format!("/v1/records/{ty}/{id}{below}");
            let denied = get_as(&router, person, &path(id)).await;
            let absent = get_as(&router, person, &path(&none)).await;
            is_same(&denied, &absent, (id, &none), &format!("{person} {ty}{below}"));
            assert!(below.contains("explain") || denied.status == 404, "{person} {below}: {denied:?}");
        }
        let none = absent(&case);
        let path = |id: &str| format!("/v1/audit/looks?record=Case::%22{id}%22");
        let (denied, gone) =
            (get_as(&router, person, &path(&case)).await, get_as(&router, person, &path(&none)).await);
        is_same(&denied, &gone, (&case, &none), person);
        for (name, data) in
            [("addComment", json!({"text": "x"})), ("closeCase", json!({"closureReason": "x"}))]
        {
            let body = |id: &str| json!({"command": name, "on": format!("Case::\"{id}\""), "data": data});
            let denied = command(&router, person, &body(&case)).await;
            let gone = command(&router, person, &body(&none)).await;
            assert_eq!(denied.json(), json!({"outcome": "denied"}));
            is_same(&denied, &gone, (&case, &none), &format!("{person} {name}"));
        }
    }
}

#[tokio::test]
async fn commands_are_done_on_behalf_of_whoever_asks() {
    let (service, _) = stored("development = true");
    let router = service.router();
    let (case, _) = case(&router).await;
    let on = format!("Case::\"{case}\"");
    let comment = json!({"command": "addComment", "on": on, "data": {"text": "x"}});
    for (name, value) in [
        ("as", json!("flow")),
        ("now", json!("2020-01-01T00:00:00Z")),
        ("id", json!("mine")),
        ("other", json!(1)),
    ] {
        let mut body = comment.clone();
        body[name] = value;
        let got = command(&router, "lead", &body).await;
        assert_eq!((got.status, got.json()["outcome"].as_str()), (400, Some("invalid")), "{name}: {got:?}");
    }
    let mut keyed = comment.clone();
    keyed["as"] = json!("lead");
    keyed["key"] = json!("k");
    assert_eq!(done(&router, "lead", &keyed).await["repeated"], json!(false));
    let again = done(&router, "lead", &keyed).await;
    assert_eq!(again["repeated"], json!(true));
    for told in ["alerts", "policies", "rules", "event"] {
        assert!(again.get(told).is_none(), "{told} is not a person's to know");
    }
    let mut stale = comment.clone();
    stale["expect"] = json!(1);
    assert_eq!(command(&router, "lead", &stale).await.status, 409);
    let batch = json!([comment, {"command": "none"}, 7, {"command": "closeCase", "on": on, "data": {"closureReason": "x"}}]);
    let answers = done(&router, "lead", &batch).await;
    let outcomes: Vec<_> =
        answers.as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["done", "invalid", "invalid", "denied"]);
}

#[tokio::test]
async fn lists_tell_only_of_what_the_person_may_know_of() {
    let (service, _) = stored("development = true");
    let router = service.router();
    case(&router).await;
    for action in ["receiveAlert", "addComment", "fly", "viewItem"] {
        let got = get_as(&router, "lead", &format!("/v1/records/Case?action={action}")).await;
        assert_eq!(got.status, 400, "{action}: {got:?}");
    }
    for bad in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "after=x",
        "sort=none",
        "where=status",
        "as_of=yesterday",
        "search=",
    ] {
        let got = get_as(&router, "lead", &format!("/v1/records/Case?action=viewSummary&{bad}")).await;
        assert_eq!(got.status, 400, "{bad}: {got:?}");
    }
    let none = get_as(&router, "rata-lead", "/v1/records/Case?action=viewSummary").await.json();
    assert_eq!((&none["entities"], &none["total"], &none["next"]), (&json!([]), &json!(0), &Json::Null));
}

#[tokio::test]
async fn files_go_up_and_down_whole_and_in_parts() {
    let (service, _) = stored("development = true");
    let router = service.router();
    let (case, _) = case(&router).await;
    let bytes: Vec<u8> = (0..200_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let upload = |person: &str, bytes: Vec<u8>| {
        Request::post(format!("/v1/records/Case/{case}/file?name=letter%20home.pdf"))
            .header("content-type", "application/pdf")
            .header("x-caseward-user", person)
            .body(Body::from(bytes))
            .unwrap()
    };
    let got = ask(&router, upload("lead", bytes.clone())).await;
    assert_eq!(got.status, 200, "{got:?}");
    let item = made(&got.json());
    assert_eq!(ask(&router, upload("rata-lead", bytes.clone())).await.status, 403);
    let path = format!("/v1/records/Item/{item}/file");
    let whole = get_as(&router, "lead", &path).await;
    assert_eq!((whole.status, whole.bytes == bytes), (200, true));
    assert_eq!(whole.header("content-disposition"), Some("attachment; filename*=UTF-8''letter%20home.pdf"));
    assert_eq!(
        (whole.header("content-type"), whole.header("accept-ranges")),
        (Some("application/pdf"), Some("bytes"))
    );
    let part = |range: &'static str| {
        let request = Request::get(&path).header("x-caseward-user", "lead").header("range", range);
        request.body(Body::empty()).unwrap()
    };
    let got = ask(&router, part("bytes=100000-100009")).await;
    assert_eq!((got.status, &got.bytes[..]), (206, &bytes[100_000..100_010]));
    assert_eq!(got.header("content-range"), Some("bytes 100000-100009/200000"));
    assert_eq!(ask(&router, part("bytes=-5")).await.bytes, bytes[199_995..]);
    let none = ask(&router, part("bytes=200000-")).await;
    assert_eq!((none.status, none.header("content-range")), (416, Some("bytes */200000")));
    // A part of another file is of no use, and what is had already is not sent.
    let tag = whole.header("etag").unwrap().to_owned();
    let with = |name: &'static str, tag: &str| {
        let request = Request::get(&path).header("x-caseward-user", "lead").header("range", "bytes=0-9");
        ask(&router, request.header(name, tag).body(Body::empty()).unwrap())
    };
    assert_eq!(with("if-range", &tag).await.status, 206);
    assert_eq!(with("if-range", "\"another\"").await.status, 200);
    assert_eq!(with("if-none-match", &format!("\"another\", W/{tag}")).await.status, 304);
    assert_eq!(with("if-none-match", "\"another\"").await.status, 206);
    // Above 20 MB the policies deny it, and above the service's limit it is not read.
    let large = ask(&router, upload("lead", vec![0; 20_971_521])).await;
    assert_eq!((large.status, large.json()), (403, json!({"outcome": "denied"})));
    assert_eq!(ask(&router, upload("lead", vec![0; (21 << 20) + 1])).await.status, 413);
}

#[tokio::test]
async fn a_world_without_a_store_shows_records_and_keeps_nothing() {
    let ward = caseward::Ward::attendance().unwrap();
    let world = caseward::attendance::demo_world(&ward, caseward::attendance::Moment::Before).unwrap();
    let live = caseward::Live::new(ward, world).unwrap();
    let settings = caseward_http::Settings::read("development = true", []).unwrap();
    let service = caseward_http::Service::over_world(live, settings).unwrap().at(|| crate::support::NOW);
    let router = service.router();
    let list = get_as(&router, "aroha.ngata", "/v1/records/Case?action=viewSummary").await.json();
    let id = list["entities"][0]["id"].as_str().unwrap();
    assert_eq!(get_as(&router, "aroha.ngata", &format!("/v1/records/Case/{id}")).await.status, 200);
    assert_eq!(get_as(&router, "priya.sharma", &format!("/v1/records/Case/{id}")).await.status, 404);
    assert_eq!(command(&router, "aroha.ngata", &json!({"command": "closeCase"})).await.status, 404);
    assert_eq!(get_as(&router, "aroha.ngata", "/v1/watch?type=Case&action=viewSummary").await.status, 404);
}
