//! Clients: connections that ask as soon as they are answered, or at times that were set before.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A request as bytes, and what its answer has to say.
#[derive(Clone)]
pub(crate) struct Asked {
    bytes: Arc<[u8]>,
    status: u16,
    wanted: Arc<str>,
}

impl Asked {
    pub(crate) fn get(path: &str, person: &str, status: u16, wanted: &str) -> Self {
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nx-caseward-user: {person}\r\n\r\n");
        Asked { bytes: head.into_bytes().into(), status, wanted: wanted.into() }
    }

    pub(crate) fn post(path: &str, person: &str, body: &str, status: u16, wanted: &str) -> Self {
        let length = body.len();
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-caseward-user: {person}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        Asked { bytes: text.into_bytes().into(), status, wanted: wanted.into() }
    }
}

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Client {
    pub(crate) async fn new(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at).await.expect("a connection");
        stream.set_nodelay(true).unwrap();
        Client { stream: BufReader::new(stream), line: String::new(), body: Vec::new() }
    }

    /// Asks, and holds the answer to what it has to be.
    pub(crate) async fn ask(&mut self, asked: &Asked) {
        let status = self.sent(&asked.bytes).await;
        let body = String::from_utf8_lossy(&self.body);
        assert!(status == asked.status && body.contains(&*asked.wanted), "{status} {body}");
    }

    /// Sends a request; gives the status of its answer.
    pub(crate) async fn sent(&mut self, request: &[u8]) -> u16 {
        self.stream.get_mut().write_all(request).await.unwrap();
        self.answer().await
    }

    /// Sends bytes that are part of a request.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.unwrap();
    }

    /// Reads an answer; gives its status.
    pub(crate) async fn answer(&mut self) -> u16 {
        let (mut status, mut length) = (0, 0);
        loop {
            self.line.clear();
            self.stream.read_line(&mut self.line).await.unwrap();
            let line = self.line.trim_end();
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(said) = line.strip_prefix("content-length: ") {
                length = said.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await.unwrap();
        status
    }

    /// Whether the other side has closed it, within a time.
    pub(crate) async fn is_closed(&mut self, time: Duration) -> bool {
        matches!(tokio::time::timeout(time, self.stream.read(&mut [0])).await, Ok(Ok(0) | Err(_)))
    }
}

/// How long answers took, in order.
pub(crate) struct Took {
    sorted: Vec<Duration>,
    time: Duration,
}

impl Took {
    fn new(mut all: Vec<Duration>, time: Duration) -> Self {
        all.sort_unstable();
        Took { sorted: all, time }
    }

    pub(crate) fn a_second(&self) -> f64 {
        self.sorted.len() as f64 / self.time.as_secs_f64()
    }

    /// The time within which this share of the answers came, in hundredths.
    pub(crate) fn within(&self, hundredths: usize) -> Duration {
        let at = (self.sorted.len() * hundredths / 100).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(at).copied().unwrap_or_default()
    }
}

/// Connections that each ask again as soon as they are answered: how much there can be.
pub(crate) async fn closed(at: SocketAddr, connections: usize, time: Duration, all: &[Asked]) -> Took {
    let begun = Instant::now();
    let clients = (0..connections).map(|number| {
        let all = all.to_vec();
        tokio::spawn(async move {
            let (mut client, mut took) = (Client::new(at).await, Vec::new());
            for asked in all.iter().cycle().skip(number * 7) {
                if begun.elapsed() >= time {
                    break;
                }
                let asked_at = Instant::now();
                client.ask(asked).await;
                took.push(asked_at.elapsed());
            }
            took
        })
    });
    together(clients.collect(), begun).await
}

/// Connections that ask at times that are set before, so many a second in all. An answer's time is from when it was due to be asked:
/// where one is late, those behind it are too.
pub(crate) async fn paced(
    at: SocketAddr,
    (connections, a_second): (usize, f64),
    time: Duration,
    all: &[Asked],
) -> Took {
    let begun = Instant::now() + Duration::from_millis(50);
    let clients = (0..connections).map(|number| {
        let all = all.to_vec();
        tokio::spawn(async move {
            let (mut client, mut took) = (Client::new(at).await, Vec::new());
            let between = connections as f64 / a_second;
            let first = between * number as f64 / connections as f64;
            for (count, asked) in all.iter().cycle().skip(number * 7).enumerate() {
                let due = begun + Duration::from_secs_f64(first + between * count as f64);
                if due.saturating_duration_since(begun) >= time {
                    break;
                }
                tokio::time::sleep_until(due.into()).await;
                client.ask(asked).await;
                took.push(due.elapsed());
            }
            took
        })
    });
    together(clients.collect(), begun).await
}

async fn together(clients: Vec<tokio::task::JoinHandle<Vec<Duration>>>, begun: Instant) -> Took {
    let mut all = Vec::new();
    for client in clients {
        all.extend(client.await.expect("every answer is as it has to be"));
    }
    Took::new(all, begun.elapsed())
}
