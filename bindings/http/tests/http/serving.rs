//! The service on a socket: TLS, slow clients, metrics, streams, reloads, and how it ends.

use std::net::SocketAddr;
use std::time::Duration;

use caseward_http::{Service, Settings};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{command, folder, over, stored};

/// A service on a free port: where it is, where its metrics are, and how it is ended.
pub(crate) struct Running {
    pub(crate) at: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) end: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<()>,
}

pub(crate) async fn run(service: Service) -> Running {
    let bound = service.bind().await.unwrap();
    let (at, metrics) = bound.addresses().unwrap();
    let (end, ended) = oneshot::channel();
    let served = tokio::spawn(bound.serve(async { drop(ended.await) }));
    Running { at, metrics, end, served }
}

async fn raw(at: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read).await;
    String::from_utf8_lossy(&read).into_owned()
}

pub(crate) async fn get(at: SocketAddr, path: &str) -> String {
    raw(
        at,
        &format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nx-caseward-user: lead\r\nconnection: close\r\n\r\n"
        ),
    )
    .await
}

fn small(settings: &str) -> Service {
    let schema = "entity U; action go appliesTo { principal: U, resource: U };";
    let entities = json!([{"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []}]);
    over(schema, r#"@id("all") permit (principal, action, resource);"#, &entities, settings)
}

const FREE: &str = "development = true\nlisten = \"127.0.0.1:0\"\nmetrics = \"127.0.0.1:0\"\n";

fn evaluation(length: Option<usize>) -> String {
    let body = r#"{"subject": {"type": "U", "id": "u"}, "action": {"name": "go"}, "resource": {"type": "U", "id": "u"}}"#;
    let length = length.unwrap_or(body.len());
    format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_an_address_of_their_own() {
    let running = run(small(FREE)).await;
    assert!(raw(running.at, &evaluation(None)).await.contains("\"decision\":true"));
    assert!(get(running.at, "/metrics").await.starts_with("HTTP/1.1 404"));
    let text = get(running.metrics.unwrap(), "/metrics").await;
    assert!(text.contains("caseward_decisions_total{action=\"go\",outcome=\"allow\"} 1"), "{text}");
    assert!(
        text.contains("route=\"/access/v1/evaluation\",status=\"200\"") && !text.contains("\"u\""),
        "{text}"
    );
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_broken_clients_hold_nobody_up() {
    let running = run(small(&format!("{FREE}[limits]\nseconds = 1\n"))).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(running.at).await.unwrap());
    }
    // Half a head, half a body, and two lengths in one request.
    let half = tokio::spawn(async move { raw(running.at, "GET /healthz HTTP/1.1\r\nhost: lo").await });
    let body = tokio::spawn(async move { raw(running.at, &evaluation(Some(5_000))).await });
    assert!(raw(running.at, &evaluation(None)).await.contains("\"decision\":true"));
    let smuggled = evaluation(None).replace("connection: close", "content-length: 3\r\nconnection: close");
    assert!(raw(running.at, &smuggled).await.starts_with("HTTP/1.1 400"));
    assert!(raw(running.at, "NONSENSE\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    assert!(!half.await.unwrap().contains("200 OK"));
    let body = body.await.unwrap();
    assert!(body.starts_with("HTTP/1.1 408") || body.starts_with("HTTP/1.1 503"), "{body}");
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_before_the_end_is_answered() {
    let running = run(small(FREE)).await;
    let mut asked = TcpStream::connect(running.at).await.unwrap();
    let text = evaluation(None);
    let (head, body) = text.split_at(text.len() - 10);
    asked.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    running.end.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    asked.write_all(body.as_bytes()).await.unwrap();
    let mut read = String::new();
    asked.read_to_string(&mut read).await.unwrap();
    assert!(read.contains("\"decision\":true"), "{read}");
    running.served.await.unwrap();
    assert!(TcpStream::connect(running.at).await.is_err(), "it is not there any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_read_again_all_or_nothing() {
    let root = folder();
    let write = |text: &str| std::fs::write(root.join("all.cedar"), text).unwrap();
    std::fs::write(
        root.join("schema.cedarschema"),
        "entity U; action go appliesTo { principal: U, resource: U };",
    )
    .unwrap();
    write("@id(\"all\") permit (principal, action, resource);");
    let ward = caseward::Ward::from_folder(&root).unwrap();
    let world = ward
        .read_world(r#"[{"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []}]"#.as_bytes())
        .unwrap();
    let settings = format!("{FREE}policies = {:?}", root.display().to_string());
    let live = caseward::Live::new(ward, world).unwrap();
    let service = Service::over_world(live, Settings::read(&settings, []).unwrap()).unwrap();
    let running = run(service).await;
    let decides = async |expected: &str| {
        for _ in 0..200 {
            if raw(running.at, &evaluation(None)).await.contains(&format!("\"decision\":{expected}")) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    };
    assert!(decides("true").await);
    write("@id(\"all\") forbid (principal, action, resource);");
    assert!(decides("false").await);
    write("@id(\"all\") permit (principal, action, resource) when { nonsense");
    for _ in 0..200 {
        let text = get(running.metrics.unwrap(), "/metrics").await;
        if text.contains("outcome=\"refused\"") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        raw(running.at, &evaluation(None)).await.contains("\"decision\":false"),
        "what was in force stays"
    );
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_what_comes_and_goes_and_ends_with_the_service() {
    let (service, _store) = stored(FREE);
    let router = service.router();
    let running = run(service).await;
    let mut stream = TcpStream::connect(running.at).await.unwrap();
    let request = "GET /v1/watch?type=Request&action=viewSummary HTTP/1.1\r\nhost: localhost\r\nx-caseward-user: lead\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let mut until = async |wanted: &str| {
        let mut piece = [0; 4_096];
        while !String::from_utf8_lossy(&read).contains(wanted) {
            let count = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut piece))
                .await
                .unwrap()
                .unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&piece[..count]);
        }
        String::from_utf8_lossy(&read).into_owned()
    };
    assert!(until("\"came\":[]").await.contains("text/event-stream"));
    let create = json!({"command": "createRequest", "on": "Student::\"aroha\"",
        "context": {"primaryContact": {"type": "User", "id": "contact"}}});
    let made: Json = command(&router, "lead", &create).await.json();
    let id = made["made"][0].as_str().unwrap().split('"').nth(1).unwrap().to_owned();
    assert!(until("\"came\":[{").await.contains(&id));
    let gone = json!({"command": "deleteDraft", "on": format!("Request::\"{id}\"")});
    assert_eq!(command(&router, "lead", &gone).await.status, 200);
    assert!(until("\"went\":[{").await.matches(&id).count() > 1);
    drop(router);
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

/// A key is taken away while its stream is open: nothing more is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_the_key_that_began_it() {
    let (secret, entry) = caseward_http::new_key("s", &[caseward_http::Right::Read]).unwrap();
    let (_, other) = caseward_http::new_key("other", &[caseward_http::Right::Read]).unwrap();
    let file = folder().join("keys.toml");
    std::fs::write(&file, &entry).unwrap();
    let settings = format!("listen = \"127.0.0.1:0\"\nkeys = {:?}", file.display().to_string());
    let (service, store) = stored(&settings);
    let running = run(service.clone()).await;
    let mut stream = TcpStream::connect(running.at).await.unwrap();
    let request = format!(
        "GET /v1/watch?type=Request&action=viewSummary HTTP/1.1\r\nhost: localhost\r\nx-caseward-user: lead\r\n\
         authorization: Bearer {secret}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let mut piece = [0; 4_096];
    while !String::from_utf8_lossy(&read).contains("\"came\":[]") {
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..count]);
    }
    std::fs::write(&file, &other).unwrap();
    service.reload();
    let create = json!({"command": "createRequest", "as": "lead", "on": "Student::\"aroha\"",
        "context": {"primaryContact": {"type": "User", "id": "contact"}}});
    let made = tokio::task::spawn_blocking(move || store.command(create.to_string())).await.unwrap().unwrap();
    assert_eq!(made.made.len(), 1);
    let rest = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut read)).await;
    assert!(rest.is_ok(), "the stream ends");
    let told = String::from_utf8_lossy(&read);
    assert!(told.contains("event: ended") && !told.contains("\"came\":[{"), "{told}");
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

/// What says nothing at all holds a place no longer than what says it slowly.
#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_end() {
    let running = run(small(&format!("{FREE}[limits]\nseconds = 1\nconnections = 4\n"))).await;
    let mut silent = Vec::new();
    for start in ["", "P", "PRI * HTTP/2.0\r\n", "G"] {
        let mut stream = TcpStream::connect(running.at).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        silent.push((start, stream));
    }
    // All places are taken: whoever comes waits until one is free, and is answered.
    let answer = tokio::time::timeout(Duration::from_secs(30), raw(running.at, &evaluation(None))).await;
    assert!(answer.unwrap().contains("\"decision\":true"));
    for (start, mut stream) in silent {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{start:?} is held open");
    }
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_taken_where_there_is_a_certificate() {
    let root = folder();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(root.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(root.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let path = |name: &str| format!("{:?}", root.join(name).display().to_string());
    let tls = format!("{FREE}[tls]\ncertificate = {}\nkey = {}\n", path("cert.pem"), path("key.pem"));
    let running = run(small(&tls)).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let stream = TcpStream::connect(running.at).await.unwrap();
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    stream.write_all(evaluation(None).as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read).await;
    assert!(String::from_utf8_lossy(&read).contains("\"decision\":true"));
    assert!(!raw(running.at, &evaluation(None)).await.contains("decision"), "in clear there is nothing");
    assert!(small(&tls.replace("key.pem", "none.pem")).bind().await.is_err());
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}
