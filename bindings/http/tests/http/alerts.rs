//! Alerts as a stream: to whom the rules say, at least once, behind the last that was had, and audited.

use std::net::SocketAddr;
use std::time::Duration;

use caseward_http::{Right, Service, Settings, new_key};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cases::case;
use crate::serving::run;
use crate::support::{NOW, folder, get_as, stored};

/// Somebody who listens.
struct Listener {
    stream: TcpStream,
    read: String,
}

impl Listener {
    async fn of(at: SocketAddr, headers: &str) -> Self {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let request = format!("GET /v1/alerts?purpose=mail HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Listener { stream, read: String::new() }
    }

    async fn piece(&mut self) -> usize {
        let mut piece = [0; 4_096];
        let read = tokio::time::timeout(Duration::from_secs(30), self.stream.read(&mut piece)).await;
        let count = read.expect("it says something").unwrap();
        self.read.push_str(&String::from_utf8_lossy(&piece[..count]));
        count
    }

    /// Reads until so many alerts came; gives their ids and what they say.
    async fn until(&mut self, count: usize) -> Vec<(String, Json)> {
        // The first id tells nothing but where it begins.
        while self.alerts().len() < count || !self.read.contains("\nid: ") {
            assert!(self.piece().await > 0, "{}", self.read);
        }
        self.alerts()
    }

    fn alerts(&self) -> Vec<(String, Json)> {
        let whole = self.read.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        let events = whole.split("event: alert\nid: ").skip(1);
        let read = events.map(|event| {
            let (id, rest) = event.split_once("\ndata: ").unwrap();
            (id.to_owned(), serde_json::from_str(rest.lines().next().unwrap()).unwrap())
        });
        read.collect()
    }

    /// Where it would go on.
    fn last(&self) -> String {
        self.read.lines().rfind(|line| line.starts_with("id: ")).unwrap()[4..].to_owned()
    }
}

fn person(id: &str) -> String {
    format!("x-caseward-user: {id}\r\n")
}

fn behind(id: &str, last: &str) -> String {
    format!("{}last-event-id: {last}\r\n", person(id))
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_reach_whom_the_rules_say_at_least_once() {
    let (service, store) = stored("development = true\nlisten = \"127.0.0.1:0\"");
    let router = service.router();
    let (case, _) = case(&router).await;
    let running = run(service).await;
    let says = async |text: &str| {
        let on = format!("Case::\"{case}\"");
        let body = json!({"command": "addComment", "as": "lead", "on": on, "data": {"text": text}});
        let store = store.clone();
        let done = tokio::task::spawn_blocking(move || store.command(body.to_string())).await.unwrap();
        assert!(done.unwrap().alerts.contains(&"contact".to_owned()));
    };
    let mut contact = Listener::of(running.at, &person("contact")).await;
    let mut stranger = Listener::of(running.at, &person("rata-lead")).await;
    let (mut author, mut begun) = (Listener::of(running.at, &person("lead")).await, Vec::new());
    for one in [&mut contact, &mut stranger, &mut author] {
        one.until(0).await;
        begun.push(one.last());
    }
    says("one").await;
    says("two").await;
    let told = contact.until(2).await;
    assert_eq!(told[0].1, json!({"at": "2026-05-10T21:00:00Z", "of": {"type": "Case", "id": case}}));
    assert!(!contact.read.contains("one"), "no content is in it");
    // It goes on behind what was had: of what came while nobody listened too.
    drop(contact);
    says("three").await;
    let mut later = Listener::of(running.at, &behind("contact", &told[0].0)).await;
    let all = later.until(2).await;
    assert_eq!((all.len(), all[0].0.as_str()), (2, told[1].0.as_str()));
    // Whoever was cut off before the first alert loses none.
    let mut cut = Listener::of(running.at, &behind("contact", &begun[0])).await;
    assert!(cut.until(3).await.len() >= 3);
    // What was told is in the log, by whom and what for; who did it and who has nothing to do with it were told nothing.
    assert!(stranger.alerts().is_empty() && author.alerts().is_empty());
    let path = format!("/v1/audit/looks?record=Case::%22{case}%22");
    let looks = get_as(&router, "privacy", &path).await.json();
    let looks = looks["looks"].as_array().unwrap();
    let told = looks.iter().filter(|look| look["kind"] == "alerts" && look["purpose"] == "mail").count();
    assert!(told >= 7, "{looks:?}");
    assert!(
        looks.iter().all(|look| look["kind"] != "alerts" || look["by"] == "User::\"contact\""),
        "{looks:?}"
    );
    // Whoever may not know of it any more is not told of it.
    let line = br#"{"user": "contact", "at": "2026-01-01T00:00:00Z", "active": false}"#.to_vec();
    let (feeding, begun) = (store.clone(), begun[0].clone());
    tokio::task::spawn_blocking(move || feeding.feed("logins", line, 0)).await.unwrap().unwrap();
    let mut gone = Listener::of(running.at, &behind("contact", &begun)).await;
    gone.until(0).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    running.end.send(()).unwrap();
    while gone.piece().await > 0 {}
    assert!(gone.alerts().is_empty(), "{}", gone.read);
    while stranger.piece().await > 0 {}
    while author.piece().await > 0 {}
    assert!(stranger.alerts().is_empty() && author.alerts().is_empty());
    drop((later, cut));
    running.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_end_with_the_key_that_began_them() {
    let (first, store) = stored("development = true");
    let (case, _) = case(&first.router()).await;
    let (secret, entry) = new_key("s", &[Right::Read]).unwrap();
    let (_, other) = new_key("other", &[Right::Read]).unwrap();
    let file = folder().join("keys.toml");
    std::fs::write(&file, &entry).unwrap();
    let settings = format!("listen = \"127.0.0.1:0\"\nkeys = {:?}", file.display().to_string());
    let settings = Settings::read(&settings, []).unwrap();
    let service = Service::over_store(store.clone(), settings).unwrap().at(|| NOW);
    let running = run(service.clone()).await;
    let key = format!("{}authorization: Bearer {secret}\r\n", person("contact"));
    let mut listener = Listener::of(running.at, &key).await;
    listener.until(0).await;
    std::fs::write(&file, &other).unwrap();
    service.reload();
    let body = json!({"command": "addComment", "as": "lead", "on": format!("Case::\"{case}\""), "data": {"text": "x"}});
    tokio::task::spawn_blocking(move || store.command(body.to_string())).await.unwrap().unwrap();
    while listener.piece().await > 0 {}
    assert!(listener.read.contains("event: ended") && listener.alerts().is_empty(), "{}", listener.read);
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test]
async fn an_id_that_no_event_has_is_refused() {
    let (service, _store) = stored("development = true");
    let router = service.router();
    for wrong in ["x", "", "1-", "1-1\u{e9}", "-1-1"] {
        let request = axum::http::Request::get("/v1/alerts").header("x-caseward-user", "lead");
        let request = request.header("last-event-id", wrong).body(axum::body::Body::empty()).unwrap();
        let got = crate::support::ask(&router, request).await;
        assert_eq!((got.status, got.json()["error"].is_string()), (400, true), "{wrong}");
    }
}
