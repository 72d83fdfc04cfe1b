//! Searches page by page: exact, in order, and on one version of the data.

use axum::Router;
use caseward::{Changes, EntityUid, Live, Source, Sources, Value, Ward};
use caseward_http::{Service, Settings};
use serde_json::{Value as Json, json};

use crate::support::{NOW, ok, post};

const COUNT: i64 = 25;

fn service() -> (Router, Live) {
    let schema = "entity U; entity R = { rank: Long, open: Bool }; action see appliesTo { principal: U, resource: R };";
    let sources = Sources {
        schema: Source::new("schema", schema),
        policies: vec![Source::new(
            "p",
            r#"@id("open") permit (principal, action, resource) when { resource.open };"#,
        )],
        catalogue: None,
    };
    let ward = Ward::new(&sources).unwrap();
    let mut all = vec![json!({"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []})];
    all.extend((0..COUNT).map(|at| {
        json!({"uid": {"type": "R", "id": format!("r{at:02}")}, "attrs": {"rank": at * 7 % 25, "open": true}, "parents": []})
    }));
    let world = ward.read_world(json!(all).to_string().as_bytes()).unwrap();
    let live = Live::new(ward, world).unwrap();
    let settings = Settings::read("development = true\n[authzen]\npage = 10", []).unwrap();
    (Service::over_world(live.clone(), settings).unwrap().at(|| NOW).router(), live)
}

fn request() -> Json {
    json!({"subject": {"type": "U", "id": "u"}, "action": {"name": "see"}, "resource": {"type": "R"}})
}

async fn resources(router: &Router, request: &Json) -> Json {
    ok(router, "/access/v1/search/resource", request).await
}

fn ids(answer: &Json) -> Vec<String> {
    answer["results"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_are_of_one_version_while_the_data_changes() {
    let (router, live) = service();
    let mut request = request();
    request["page"] = json!({"limit": 4});
    let mut all = Vec::new();
    for page in 0.. {
        let answer = resources(&router, &request).await;
        assert_eq!(answer["page"]["total"], json!(COUNT));
        assert_eq!(answer["page"]["count"], json!(ids(&answer).len()));
        all.extend(ids(&answer));
        let token = answer["page"]["next_token"].as_str().unwrap();
        if token.is_empty() {
            break;
        }
        // Left-out fields are what they were.
        request = if page % 2 == 0 { json!({"page": {"token": token}}) } else { self::request() };
        request["page"] = json!({"token": token});
        let gone = EntityUid::new("R", format!("r{:02}", 24 - page));
        live.apply(&Changes::new().set(&gone, "open", Value::Bool(false))).unwrap();
    }
    let expected: Vec<String> = (0..COUNT).map(|at| format!("r{at:02}")).collect();
    assert_eq!(all, expected);
    assert!(resources(&router, &self::request()).await["page"]["total"].as_i64().unwrap() < COUNT);
}

#[tokio::test]
async fn a_token_goes_with_its_request_and_its_caller() {
    let (router, _) = service();
    let first = resources(&router, &request()).await;
    assert_eq!(ids(&first).len(), 10, "the usual page");
    let token = first["page"]["next_token"].as_str().unwrap();
    let with = |name: &str, value: Json| {
        let mut request = request();
        request[name] = value;
        request["page"] = json!({"token": token});
        request
    };
    for changed in [
        with("subject", json!({"type": "U", "id": "v"})),
        with("action", json!({"name": "other"})),
        with("resource", json!({"type": "U"})),
        with("context", json!({"a": 1})),
        with("subject", json!("u")),
        json!({"page": {"token": token, "properties": {"order": "rank"}}}),
        json!({"page": {"token": format!("{token}A")}}),
        json!({"page": {"token": token.replace('.', "A.")}}),
        json!({"page": {"token": "x"}}),
        json!({"page": {"token": 7}}),
        json!({"page": {"limit": 0}}),
        json!({"page": {"limit": -1}}),
        json!({"page": {"limit": "4"}}),
        json!({"page": []}),
    ] {
        let got = post(&router, "/access/v1/search/resource", &changed).await;
        assert_eq!(got.status, 400, "{changed}");
    }
    let other = post(&router, "/access/v1/search/subject", &json!({"page": {"token": token}})).await;
    assert_eq!(other.status, 400, "a token of another search");
    let (another, _) = service();
    assert_eq!(
        post(&another, "/access/v1/search/resource", &json!({"page": {"token": token}})).await.status,
        400
    );
    let again = resources(&router, &with("action", json!({"name": "see"}))).await;
    assert_eq!(ids(&again)[0], "r10");
    let larger = resources(&router, &json!({"page": {"token": token, "limit": 1_000_000}})).await;
    assert_eq!(ids(&larger).len(), 15);
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused() {
    let (router, _) = service();
    let mut request = request();
    for order in [json!("none"), json!(7), json!(["rank"])] {
        request["page"] = json!({"properties": {"order": order}});
        assert_eq!(post(&router, "/access/v1/search/resource", &request).await.status, 400, "{order}");
    }
    let subjects = json!({"subject": {"type": "U"}, "action": {"name": "see"}, "resource": {"type": "R", "id": "r01"},
        "page": {"properties": {"order": "rank"}}});
    assert_eq!(post(&router, "/access/v1/search/subject", &subjects).await.status, 400);
}

#[tokio::test]
async fn an_order_sorts_what_the_subject_may_see() {
    let ward = Ward::attendance().unwrap();
    let world = caseward::attendance::Sample { cases: 200, seed: 3 }.build(&ward, &mut |_| {}).unwrap();
    let settings = Settings::read("development = true", []).unwrap();
    let live = Live::new(ward, world).unwrap();
    let router = Service::over_world(live, settings).unwrap().at(|| NOW).router();
    let mut request = json!({"subject": {"type": "User", "id": "u00001"}, "action": {"name": "viewSummary"},
        "resource": {"type": "Case"}, "page": {"limit": 7, "properties": {"order": "openedAt"}}});
    let up = all_pages(&router, &mut request.clone()).await;
    request["page"]["properties"]["order"] = json!("-openedAt");
    let down = all_pages(&router, &mut request.clone()).await;
    request["page"] = json!({});
    let mut plain = all_pages(&router, &mut request).await;
    assert!(up.len() > 20 && up != plain && up.first() != down.first());
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all
    };
    plain.sort();
    assert_eq!((sorted(up), sorted(down)), (plain.clone(), plain));
}

async fn all_pages(router: &Router, request: &mut Json) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let answer = resources(router, request).await;
        all.extend(ids(&answer));
        match answer["page"]["next_token"].as_str().unwrap() {
            "" => return all,
            token => *request = json!({"page": {"token": token}}),
        }
    }
}
