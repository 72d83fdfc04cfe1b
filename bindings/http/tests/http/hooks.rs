//! Webhooks: signed, in order, at least once, also where a target is down, hangs or fails, and across a restart.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use caseward_http::{Service, Settings};
use caseward_store::Store;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value as Json, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::cases::case;
use crate::support::{NOW, folder, stored};

const SECRET: [u8; 32] = [9; 32];

/// What came to a target: the id, what it says, and how often it was refused before.
#[derive(Clone, Default)]
struct Target(Arc<Mutex<Came>>);

#[derive(Default)]
struct Came {
    taken: Vec<(String, Json)>,
    refused: Vec<String>,
    /// How many posts are refused with a 500.
    to_refuse: usize,
    hangs: bool,
}

impl Target {
    async fn on(&self, listener: TcpListener) -> tokio::task::JoinHandle<()> {
        let router = Router::new().route("/alerts", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
    }

    fn ids(&self) -> Vec<String> {
        self.0.lock().unwrap().taken.iter().map(|(id, _)| id.clone()).collect()
    }

    async fn until(&self, count: usize) -> Vec<(String, Json)> {
        for _ in 0..600 {
            if self.0.lock().unwrap().taken.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let taken = self.0.lock().unwrap().taken.clone();
        assert_eq!(taken.len(), count, "{taken:?}");
        taken
    }
}

async fn take(State(target): State<Target>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let of = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    let (id, at, signature) = (of("webhook-id"), of("webhook-timestamp"), of("webhook-signature"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&SECRET).unwrap();
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&body);
    assert_eq!(signature, format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    assert_eq!(at, (NOW / 1_000).to_string());
    if target.0.lock().unwrap().hangs {
        std::future::pending::<()>().await;
    }
    let mut came = target.0.lock().unwrap();
    if came.to_refuse > 0 {
        came.to_refuse -= 1;
        came.refused.push(id);
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    came.taken.push((id, serde_json::from_slice(&body).unwrap()));
    StatusCode::NO_CONTENT
}

/// A service that posts to targets, by name and port.
fn service(store: &Store, at: &Path, targets: &[(&str, u16)]) -> Service {
    std::fs::write(at.join("secret"), format!("whsec_{}\n", STANDARD.encode(SECRET))).unwrap();
    let mut text = "development = true\nlisten = \"127.0.0.1:0\"\n".to_owned();
    for (name, port) in targets {
        let (secret, position) = (at.join("secret"), at.join(format!("{name}.position")));
        text.push_str(&format!(
            "[[webhook]]\nname = {name:?}\nurl = \"http://127.0.0.1:{port}/alerts\"\nsecret = {:?}\nposition = {:?}\nseconds = 1\n",
            secret.display().to_string(),
            position.display().to_string()
        ));
    }
    Service::over_store(store.clone(), Settings::read(&text, []).unwrap()).unwrap().at(|| NOW)
}

/// A service that goes on until it is told to end.
struct Running(oneshot::Sender<()>, tokio::task::JoinHandle<()>);

impl Running {
    async fn start(service: Service) -> Self {
        let bound = service.bind().await.unwrap();
        let (end, ended) = oneshot::channel();
        Running(end, tokio::spawn(bound.serve(async { drop(ended.await) })))
    }

    async fn end(self) {
        self.0.send(()).unwrap();
        self.1.await.unwrap();
    }
}

fn comment(store: &Store, case: &str, text: &str) -> u64 {
    let command = json!({"command": "addComment", "as": "lead", "on": format!("Case::\"{case}\""), "data": {"text": text}});
    let answer = store.command(command.to_string()).unwrap();
    assert!(!answer.alerts.is_empty(), "{answer:?}");
    answer.event.unwrap()
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Waits until a target's position is that of an entry.
async fn position(at: &Path, name: &str, entry: u64) {
    let path = at.join(format!("{name}.position"));
    for _ in 0..600 {
        if std::fs::read_to_string(&path).is_ok_and(|text| text.trim() == entry.to_string()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name}: {:?}", std::fs::read_to_string(&path));
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_taken_in_order_at_least_once_and_across_a_restart() {
    let (first, store) = stored("development = true");
    let (case, _) = case(&first.router()).await;
    let at = folder();
    let (flaky, hanging, down) = (Target::default(), Target::default(), Target::default());
    flaky.0.lock().unwrap().to_refuse = 2;
    hanging.0.lock().unwrap().hangs = true;
    let ((flaky_at, flaky_port), (hanging_at, hanging_port)) = (listener().await, listener().await);
    let (_flaky, _hanging) = (flaky.on(flaky_at).await, hanging.on(hanging_at).await);
    let (nobody, down_port) = listener().await;
    drop(nobody);
    let targets = [("flaky", flaky_port), ("hanging", hanging_port), ("down", down_port)];
    let begun = store.last_entry().unwrap();
    let running = Running::start(service(&store, &at, &targets)).await;
    for (name, _) in targets {
        // What was before the first start is nobody's to hear of now.
        position(&at, name, begun).await;
    }
    let entries: Vec<u64> = ["one", "two", "three"].map(|text| comment(&store, &case, text)).to_vec();
    // The one that fails is tried again, and the one that hangs holds it up no longer than itself.
    let taken = flaky.until(3).await;
    let ids: Vec<String> = entries.iter().map(|entry| format!("caseward-{entry}-0")).collect();
    assert_eq!(flaky.ids(), ids);
    assert_eq!(flaky.0.lock().unwrap().refused, [ids[0].clone(), ids[0].clone()], "what is behind it waits");
    let (_, said) = &taken[0];
    assert_eq!(said["type"], json!("caseward.alert"));
    assert_eq!(said["data"]["of"], json!({"type": "Case", "id": case}));
    assert!(said["data"]["people"].as_array().unwrap().contains(&json!("contact")), "{said}");
    assert!(!said.to_string().contains("one"), "no content is in it: {said}");
    position(&at, "flaky", entries[2]).await;
    running.end().await;
    // While nobody sends, more is done; the one that hung and the one that was down are there again.
    let later = [comment(&store, &case, "four"), comment(&store, &case, "five")];
    hanging.0.lock().unwrap().hangs = false;
    let _down = down.on(TcpListener::bind(("127.0.0.1", down_port)).await.unwrap()).await;
    let running = Running::start(service(&store, &at, &targets)).await;
    let all: Vec<String> = entries.iter().chain(&later).map(|entry| format!("caseward-{entry}-0")).collect();
    for target in [&flaky, &hanging, &down] {
        target.until(5).await;
        assert_eq!(target.ids(), all);
    }
    for (name, _) in targets {
        position(&at, name, later[1]).await;
    }
    running.end().await;
    // A store that was put back is behind: what it does from now on is told.
    std::fs::write(at.join("flaky.position"), "999999").unwrap();
    let running = Running::start(service(&store, &at, &targets)).await;
    position(&at, "flaky", store.last_entry().unwrap()).await;
    running.end().await;
}

#[tokio::test]
async fn a_webhook_that_cannot_be_is_refused_at_start() {
    let (_, store) = stored("development = true");
    let at = folder();
    let write = |name: &str, text: &str| std::fs::write(at.join(name), text).unwrap();
    write("good", &format!("whsec_{}", STANDARD.encode(SECRET)));
    write("short", &format!("whsec_{}", STANDARD.encode([1; 8])));
    write("plain", "secret");
    write("odd.position", "the last");
    let path = |name: &str| format!("{:?}", at.join(name).display().to_string());
    let hook = |name: &str, url: &str, secret: &str, position: &str| {
        format!(
            "[[webhook]]\nname = {name:?}\nurl = {url:?}\nsecret = {}\nposition = {}\n",
            path(secret),
            path(position)
        )
    };
    let (url, good) = ("https://mail.example.org/alerts", "good");
    let started = |text: &str| {
        let settings = Settings::read(&format!("development = true\n{text}"), [])?;
        Service::over_store(store.clone(), settings).map(drop)
    };
    started(&hook("mail", url, good, "p")).unwrap();
    for bad in [
        hook("mail", "http://mail.example.org/alerts", good, "p"),
        hook("mail", "mail", good, "p"),
        hook("", url, good, "p"),
        hook("mail", url, "none", "p"),
        hook("mail", url, "short", "p"),
        hook("mail", url, "plain", "p"),
        hook("mail", url, good, "odd.position"),
        hook("mail", url, good, "p") + "seconds = 0\n",
        hook("mail", url, good, "p") + "secrets = 1\n",
        hook("mail", url, good, "p") + &hook("mail", url, good, "q"),
        hook("mail", url, good, "p") + &hook("post", url, good, "p"),
    ] {
        let why = started(&bad).expect_err(&bad).to_string();
        assert!(!why.contains(&STANDARD.encode(SECRET)), "{why}");
    }
    let ward = caseward::Ward::attendance().unwrap();
    let world = caseward::WorldBuilder::new(ward.schema()).finish().unwrap();
    let settings =
        Settings::read(&format!("development = true\n{}", hook("mail", url, good, "p")), []).unwrap();
    assert!(
        Service::over_world(caseward::Live::new(ward, world).unwrap(), settings).is_err(),
        "there are no alerts"
    );
}
