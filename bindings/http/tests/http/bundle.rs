//! Policies from an address: signed, newer, whole, or what was in force stays.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use caseward::bundle::{Bundle, SecretKey};
use caseward::{Live, Source, Sources, Ward};
use caseward_http::{Service, Settings};
use serde_json::json;

use crate::serving;
use crate::support::{folder, ok};

const SCHEMA: &str = "entity U; action go appliesTo { principal: U, resource: U };";

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32])
}

fn sources(effect: &str) -> Sources {
    Sources {
        schema: Source::new("schema", SCHEMA),
        policies: vec![Source::new(
            "all.cedar",
            format!("@id(\"all\") {effect} (principal, action, resource);"),
        )],
        catalogue: None,
    }
}

fn bundle(effect: &str, serial: u64, by: u8) -> Vec<u8> {
    Bundle::new(sources(effect), serial, "of May").unwrap().sign(&key(by)).unwrap()
}

/// What is at the address, and how it was asked.
#[derive(Clone, Default)]
struct Address(Arc<Mutex<Has>>);

#[derive(Default)]
struct Has {
    bytes: Vec<u8>,
    given: usize,
    unchanged: usize,
}

impl Address {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/all.bundle", listener.local_addr().unwrap());
        let router = Router::new().route("/all.bundle", get(give)).with_state(self.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        url
    }

    fn put(&self, bytes: Vec<u8>) {
        self.0.lock().unwrap().bytes = bytes;
    }

    /// How often it was given, and how often it was not other.
    fn asked(&self) -> (usize, usize) {
        let has = self.0.lock().unwrap();
        (has.given, has.unchanged)
    }

    /// Waits until what is there was given since.
    async fn until_given(&self) {
        let before = self.0.lock().unwrap().given;
        for _ in 0..400 {
            if self.0.lock().unwrap().given > before + 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it is not asked for");
    }
}

async fn give(State(address): State<Address>, headers: HeaderMap) -> Response {
    let mut has = address.0.lock().unwrap();
    let tag = format!("\"{}\"", has.bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>());
    if has.bytes.is_empty() {
        return StatusCode::NOT_FOUND.into_response();
    }
    if headers.get("if-none-match").is_some_and(|had| had == tag.as_str()) {
        has.unchanged += 1;
        return StatusCode::NOT_MODIFIED.into_response();
    }
    has.given += 1;
    ([("etag", tag)], has.bytes.clone()).into_response()
}

fn service(url: &str, kept: &Path, more: &str) -> Service {
    let settings = format!(
        "development = true\nlisten = \"127.0.0.1:0\"\n[bundle]\nurl = {url:?}\ntrusted = [\"{}\"]\nkept = {:?}\nseconds = 1\n{more}",
        key(1).public(),
        kept.display().to_string()
    );
    // What the data is read with denies.
    let ward = Ward::new(&sources("forbid")).unwrap();
    let entities = json!([{"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []}]);
    let world = ward.read_world(entities.to_string().as_bytes()).unwrap();
    Service::over_world(Live::new(ward, world).unwrap(), Settings::read(&settings, []).unwrap()).unwrap()
}

async fn decision(router: &Router) -> bool {
    let body = json!({"subject": {"type": "U", "id": "u"}, "action": {"name": "go"}, "resource": {"type": "U", "id": "u"}});
    ok(router, "/access/v1/evaluation", &body).await["decision"].as_bool().unwrap()
}

async fn until(router: &Router, expected: bool) {
    for _ in 0..400 {
        if decision(router).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not become {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_from_an_address_are_taken_whole_or_not_at_all() {
    let (address, kept) = (Address::default(), folder().join("kept.bundle"));
    let url = address.start().await;
    let first = service(&url, &kept, "");
    assert!(first.clone().bind().await.is_err(), "without policies nobody is answered");
    address.put(bundle("permit", 3, 1));
    let router = first.router();
    let running = serving::run(first).await;
    assert!(decision(&router).await, "they are in force before anybody is answered");
    // By a key that nobody trusts, older, the same serial with other words, changed, cut off, too large, and none.
    let mut changed = bundle("forbid", 9, 1);
    changed[40] ^= 1;
    let cut = bundle("forbid", 9, 1)[..200].to_vec();
    for bad in
        [bundle("forbid", 9, 2), bundle("forbid", 2, 1), bundle("forbid", 3, 1), changed, cut, b"x".to_vec()]
    {
        address.put(bad);
        address.until_given().await;
        assert!(decision(&router).await, "what was in force stays");
    }
    address.put(bundle("forbid", 4, 1));
    until(&router, false).await;
    // What is not other is not given again.
    let before = address.asked();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let after = address.asked();
    assert!(after.0 <= before.0 + 1 && after.1 > before.1, "{before:?} {after:?}");
    running.end.send(()).unwrap();
    running.served.await.unwrap();
    // A restart goes on with what was taken, while the address is down, and takes nothing that is older.
    let again = service("http://127.0.0.1:9/all.bundle", &kept, "");
    let router = again.router();
    let running = serving::run(again).await;
    assert!(!decision(&router).await);
    assert!(serving::get(running.at, "/readyz").await.starts_with("HTTP/1.1 200"));
    running.end.send(()).unwrap();
    running.served.await.unwrap();
    address.put(bundle("permit", 3, 1));
    let last = service(&url, &kept, "");
    let router = last.router();
    let running = serving::run(last).await;
    address.until_given().await;
    assert!(!decision(&router).await, "an older one is not taken after a restart either");
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test]
async fn a_bundle_that_is_too_large_or_cannot_be_is_refused() {
    let (address, kept) = (Address::default(), folder().join("kept.bundle"));
    let url = address.start().await;
    address.put(bundle("permit", 1, 1));
    assert!(service(&url, &kept, "bytes = 100\n").bind().await.is_err());
    assert!(!kept.exists());
    let public = key(1).public().to_string();
    let good = format!("[bundle]\nurl = \"https://p.example.org/b\"\ntrusted = [\"{public}\"]\n");
    assert!(Settings::read(&good, []).is_ok());
    for bad in [
        good.replace("https", "http"),
        good.replace(&format!("\"{public}\""), ""),
        good.replace("public-key", "secret-key"),
        format!("{good}seconds = 0\n"),
        format!("{good}bytes = 0\n"),
        format!("{good}sha = 1\n"),
        format!("db = \"a.db\"\n{good}"),
    ] {
        assert!(Settings::read(&bad, []).is_err(), "{bad}");
    }
}
