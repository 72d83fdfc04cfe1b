//! The service, as the command starts and ends it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::Bench;

/// A service that listens; it ends when this is dropped.
struct Serving {
    child: Child,
    at: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(bench: &Bench, args: &[&str]) -> Self {
        let mut command = bench.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args).env("TMPDIR", bench.path("."));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let at = line.trim().strip_prefix("listening on http://").map(str::to_owned);
        let at = at.unwrap_or_else(|| {
            let mut err = String::new();
            child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            panic!("{line}{err}")
        });
        Serving { child, at }
    }

    fn ask(&self, method: &str, path: &str, credential: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.at).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             {credential}content-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Tells it to end; gives the exit code, and what it said.
    fn end(&mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (code, err)
    }
}

fn may() -> String {
    json!({"subject": {"type": "User", "id": "ngaire.scott"}, "action": {"name": "viewSummary"},
        "resource": {"type": "Case", "id": "leo-2026"}})
    .to_string()
}

#[test]
fn a_demo_answers_and_leaves_nothing() {
    let bench = Bench::new();
    let mut serving = Serving::start(&bench, &["--demo"]);
    let answer = serving.ask("POST", "/access/v1/evaluation", "", &may());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"decision\":true"), "{answer}");
    let metadata = serving.ask("GET", "/.well-known/authzen-configuration", "", "");
    assert!(metadata.contains(&format!("\"http://{}/access/v1/evaluation\"", serving.at)), "{metadata}");
    let demo = |bench: &Bench| {
        let all = std::fs::read_dir(bench.path(".")).unwrap().flatten();
        all.filter(|one| one.file_name().to_string_lossy().starts_with("caseward-demo-")).count()
    };
    assert_eq!(demo(&bench), 1);
    let (code, err) = serving.end();
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("development: whoever reaches this address"), "{err}");
    assert_eq!(demo(&bench), 0);
}

#[test]
fn a_file_of_data_and_keys_are_served() {
    let bench = Bench::new();
    let made = bench.run(["serve", "--new-key", "intake", "--may", "evaluate"]);
    let (secret, entry) = made.out.split_once("\n\n").unwrap();
    bench.write("keys.toml", entry);
    bench.write("world.json", bench.run(["demo", "--world", "before"]).out);
    bench.write("serve.toml", "entities = \"world.json\"\nkeys = \"keys.toml\"\n");
    let mut serving = Serving::start(&bench, &["--config", "serve.toml", "--quiet"]);
    let bearer = format!("authorization: Bearer {secret}\r\n");
    assert!(serving.ask("POST", "/access/v1/evaluation", "", &may()).starts_with("HTTP/1.1 401"));
    assert!(serving.ask("POST", "/access/v1/evaluation", &bearer, &may()).contains("\"decision\":true"));
    assert!(serving.ask("POST", "/access/v1/search/action", &bearer, &may()).starts_with("HTTP/1.1 403"));
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn what_it_cannot_serve_it_says() {
    let bench = Bench::new();
    bench.write("bad.toml", "lissen = 7\n");
    bench.write("keys.toml", "[[key]]\nname = 7\n");
    let serve = |args: &[&'static str]| bench.run(["serve"].into_iter().chain(args.iter().copied()));
    serve(&[]).fails(64, "--entities or --db");
    serve(&["--entities", "world.json"]).fails(64, "nobody could ask");
    serve(&["--entities", "world.json", "--development", "--listen", "0.0.0.0:0"]).fails(1, "loopback");
    serve(&["--config", "bad.toml"]).fails(1, "lissen");
    serve(&["--entities", "world.json", "--keys", "keys.toml"]).fails(1, "keys.toml");
    serve(&["--entities", "none.json", "--development"]).fails(1, "none.json");
    serve(&["--db", "none.db", "--development"]).fails(1, "none.db");
    serve(&["--new-key", "x", "--may", "rule"]).fails(64, "evaluate, search");
    serve(&["--new-key", "x"]).fails(64, "--may");
    let mut command = bench.command();
    let ran = command.args(["serve", "--demo"]).env("CASEWARD_SERVE_LISTEM", "x").output().unwrap();
    assert!(
        ran.status.code() == Some(1)
            && String::from_utf8_lossy(&ran.stderr).contains("CASEWARD_SERVE_LISTEM")
    );
    let openapi = serve(&["--openapi"]);
    assert_eq!(openapi.code, 0);
    assert!(openapi.out == include_str!("../../../http/openapi.json"), "bindings/http/openapi.json is stale");
}

/// What is sent to a collector: each body that came, until nobody sends any more.
#[cfg(feature = "otel")]
fn collector() -> (String, std::sync::mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut head, mut length) = (String::new(), 0);
            let mut input = BufReader::new(stream.try_clone().unwrap());
            loop {
                let mut line = String::new();
                input.read_line(&mut line).unwrap();
                if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = said.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            input.read_exact(&mut body).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            if tell.send((head, body)).is_err() {
                return;
            }
        }
    });
    (at, told)
}

/// Spans tell routes by their templates, how they were answered, and which trace they are of; and nothing of whom or what they
/// are about.
#[cfg(feature = "otel")]
#[test]
fn spans_are_sent_to_a_collector_and_name_nobody() {
    let (at, told) = collector();
    let bench = Bench::new();
    bench.write("cases.json", "[]");
    let config = format!(
        "entities = \"cases.json\"\ndevelopment = true\n[traces]\nendpoint = \"http://{at}/v1/traces\"\nname = \"pdp\"\n"
    );
    bench.write("service.toml", config);
    let mut serving = Serving::start(&bench, &["--config", "service.toml"]);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let credential = format!("x-caseward-user: u-hidden\r\ntraceparent: 00-{trace}-b7ad6b7169203331-01\r\n");
    let answer = serving.ask("GET", "/v1/records/Case/c-hidden?purpose=hidden", &credential, "");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let answer = serving.ask("POST", "/access/v1/evaluation", "", &may().replace("leo-2026", "c-hidden"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let _ = serving.ask("HIDDEN", "/c-hidden", "", "");
    let (code, err) = serving.end();
    assert_eq!(code, Some(0), "{err}");
    let all: Vec<(String, Vec<u8>)> = told.try_iter().collect();
    assert!(
        !all.is_empty() && all.iter().all(|(head, _)| head.starts_with("POST /v1/traces HTTP/1.1")),
        "{err}"
    );
    let bytes: Vec<u8> = all.into_iter().flat_map(|(_, body)| body).collect();
    let holds = |bytes: &[u8], some: &[u8]| bytes.windows(some.len()).any(|one| one == some);
    for text in ["pdp", "GET /v1/records/{type}/{id}", "POST /access/v1/evaluation", "engine", "_OTHER none"]
    {
        assert!(holds(&bytes, text.as_bytes()), "{text}");
    }
    let id: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&trace[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(holds(&bytes, &id), "the caller's trace");
    for text in ["hidden", "HIDDEN"] {
        assert!(!holds(&bytes, text.as_bytes()), "{text}");
    }
}
