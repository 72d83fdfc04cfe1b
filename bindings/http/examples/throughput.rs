//! How many evaluations a second, over loopback with keep-alive, beside an empty handler of the same router; clients and service
//! share the machine. `cargo run --release -p caseward-http --example throughput`

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use axum::routing::post;
use caseward::attendance::Sample;
use caseward::{ActionName, EntityUid, Live, Request, Ward};
use caseward_http::{Service, Settings};
use serde_json::json;

/// Connections at once.
const CONNECTIONS: usize = 8;
/// How long each is measured.
const TIME: Duration = Duration::from_secs(3);

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let ward = Ward::attendance()?;
    let world = Sample { cases: 10_000, seed: 1 }.build(&ward, &mut |_| {})?;
    let now = 1_778_446_800_000;
    let of = |at: usize| {
        (EntityUid::new("User", "u00001"), EntityUid::new("Case", format!("c{:07}", 1 + at % 10_000)))
    };
    let one = |at: usize| {
        let (person, case) = of(at);
        json!({"subject": {"type": "User", "id": person.id()}, "action": {"name": "viewSummary"},
            "resource": {"type": "Case", "id": case.id()}})
    };
    let (person, case) = of(0);
    let expected = ward.check(&world, &Request::new(person, ActionName::new("viewSummary"), case).at(now))?;
    let batch = json!({"evaluations": (0..100).map(one).collect::<Vec<_>>()}).to_string();
    let live = Live::new(ward, world)?;
    let service = Service::over_world(live, Settings::read("development = true", [])?)?.at(move || now);
    let router = service.router().route("/empty", post(async || "{\"decision\":true}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let at = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        tokio::spawn(async { axum::serve(listener, router).await });
        Ok::<_, std::io::Error>(at)
    })?;
    let single = one(0).to_string();
    let wanted = format!("\"decision\":{}", expected.is_allowed());
    for (name, path, body, wanted) in [
        ("empty handler", "/empty", single.as_str(), "true"),
        ("evaluation", "/access/v1/evaluation", single.as_str(), wanted.as_str()),
        ("batch of 100", "/access/v1/evaluations", batch.as_str(), wanted.as_str()),
    ] {
        measure(name, at, (path, body), wanted)?;
    }
    Ok(())
}

fn measure(name: &str, at: SocketAddr, asked: (&str, &str), wanted: &str) -> Result<(), Failed> {
    let begun = Instant::now();
    let mut took: Vec<Duration> = Vec::new();
    std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..CONNECTIONS).map(|_| scope.spawn(move || client(at, asked, wanted, begun))).collect();
        for one in all {
            took.extend(one.join().map_err(|_| "a client panicked")??);
        }
        Ok::<_, Failed>(())
    })?;
    let a_second = took.len() as u64 / TIME.as_secs();
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    println!("{name}: {a_second} a second, median {:?}, p99 {:?}", at(50), at(99));
    Ok(())
}

/// One connection, which asks again as soon as it is answered.
fn client(
    at: SocketAddr,
    (path, body): (&str, &str),
    wanted: &str,
    begun: Instant,
) -> Result<Vec<Duration>, Failed> {
    let stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    let (mut sent, mut answers) = (stream.try_clone()?, BufReader::new(stream));
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let (mut took, mut line, mut answer) = (Vec::new(), String::new(), Vec::new());
    while begun.elapsed() < TIME {
        let asked = Instant::now();
        sent.write_all(request.as_bytes())?;
        let mut length = 0;
        loop {
            line.clear();
            answers.read_line(&mut line)?;
            if let Some(said) = line.strip_prefix("content-length: ") {
                length = said.trim().parse()?;
            }
            if line == "\r\n" || line.is_empty() {
                break;
            }
        }
        answer.resize(length, 0);
        answers.read_exact(&mut answer)?;
        took.push(asked.elapsed());
        let text = std::str::from_utf8(&answer)?;
        if !text.contains(wanted) {
            return Err(format!("{text} is not {wanted}").into());
        }
    }
    Ok(took)
}
