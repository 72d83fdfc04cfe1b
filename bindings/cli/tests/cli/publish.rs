//! Checkpoints that are published outside the database: in a file, and at an address.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::store::{bench, does, request};
use crate::support::{Bench, Ran};

/// What an address holds, and how it behaves.
#[derive(Default)]
struct Held {
    note: Option<String>,
    version: u64,
    /// Somebody else publishes after each GET.
    is_raced: bool,
    /// PUT is answered so.
    refuses: Option<u16>,
    authorization: Option<String>,
}

/// A server that keeps one text, with a version of it.
fn server() -> (String, Arc<Mutex<Held>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/checkpoint", listener.local_addr().unwrap());
    let held = Arc::new(Mutex::new(Held::default()));
    let shared = held.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut headers) = (String::new(), Vec::new());
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 || line.trim().is_empty() {
                    break;
                }
                headers.push(line.trim().to_owned());
            }
            let header = |name: &str| {
                let found = headers.iter().filter_map(|line| line.split_once(": "));
                found
                    .into_iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.to_owned())
            };
            let length = header("content-length").map_or(0, |length| length.parse().unwrap());
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let mut held = shared.lock().unwrap();
            held.authorization = header("authorization");
            let tag = format!("\"{}\"", held.version);
            let (status, text) = if first.starts_with("GET") {
                let text = held.note.clone();
                held.version += u64::from(held.is_raced);
                (if text.is_some() { 200 } else { 404 }, text.unwrap_or_default())
            } else if let Some(status) = held.refuses {
                (status, String::new())
            } else if header("if-match").is_some_and(|wanted| wanted != format!("\"{}\"", held.version))
                || (header("if-none-match").is_some() && held.note.is_some())
            {
                (412, String::new())
            } else {
                held.note = Some(String::from_utf8(body).unwrap());
                held.version += 1;
                (204, String::new())
            };
            let length =
                if status == 204 { String::new() } else { format!("content-length: {}\r\n", text.len()) };
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\netag: {tag}\r\n{length}connection: close\r\n\r\n{text}"
            );
        }
    });
    (address, held)
}

fn with_keys() -> Bench {
    let bench = bench();
    let keys = bench.run(["audit", "keygen", "--name", "cases.example.org/1", "--secret", "log.key"]);
    bench.write("log.pub", &keys.out);
    adds(&bench, "r1");
    bench
}

/// One more entry.
fn adds(bench: &Bench, id: &str) {
    does(
        bench,
        &[request(id), json!({"command": "submitRequest", "as": "lead", "on": format!("Request::\"{id}\"")})],
    );
}

fn publishes(bench: &Bench, place: &str) -> Ran {
    bench.run(["audit", "checkpoint", "--db", "cases.db", "--secret", "log.key", "--publish", place])
}

fn verifies(bench: &Bench, db: &str, place: &str) -> Ran {
    bench.run(["audit", "verify", "--db", db, "--checkpoint", place, "--trust", "log.pub"])
}

/// A store of the same beginning, which goes on otherwise.
fn forks(bench: &Bench) {
    for end in ["", "-files"] {
        let _ = std::fs::rename(bench.path(&format!("cases.db{end}")), bench.path(&format!("kept.db{end}")));
    }
    bench.run(["store", "init", "--db", "cases.db"]);
}

fn holds_at(bench: &Bench, place: &str, read: &dyn Fn() -> String) {
    let first = publishes(bench, place);
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(read(), first.out);
    // What is a continuation takes its place.
    adds(bench, "r2");
    let second = publishes(bench, place);
    assert_eq!(second.code, 0, "{}", second.err);
    assert!(read() == second.out && second.out != first.out);
    let verified = verifies(bench, "cases.db", place);
    assert!(verified.code == 0 && !verified.out.contains("not excluded"), "{}{}", verified.out, verified.err);
    // Another history does not, and what is there stays.
    forks(bench);
    publishes(bench, place).fails(1, "is not signed");
    assert_eq!(read(), second.out);
    verifies(bench, "cases.db", place).ends(4);
    // Nor does it in the place of what nobody signed that is trusted.
    let other = bench.run(["audit", "keygen", "--name", "cases.example.org/2", "--secret", "new.key"]);
    bench.write("new.pub", &other.out);
    let by_new = ["audit", "checkpoint", "--db", "kept.db", "--secret", "new.key", "--publish", place];
    bench.run(by_new).fails(1, "signed with none of the keys that are trusted");
    assert_eq!(read(), second.out);
    let changed = bench.run(by_new.into_iter().chain(["--trust", "log.pub"]));
    assert_eq!(changed.code, 0, "{}", changed.err);
    assert_eq!(read(), changed.out);
}

#[test]
fn a_checkpoint_is_published_in_a_file() {
    let bench = with_keys();
    holds_at(&bench, "published", &|| bench.read("published"));
    bench.write("published", "something else");
    publishes(&bench, "published").fails(1, "it is no checkpoint");
    assert_eq!(bench.read("published"), "something else");
    publishes(&bench, "none/published").fails(1, "none/published-lock");
    publishes(&bench, "-").fails(1, "name one");
    let ran = publishes(&bench, "https://somebody:secret@localhost/a");
    ran.fails(1, "a password does not stand in an address");
    // What is no file stays what it is, and is not waited for.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", bench.path("link")).unwrap();
        publishes(&bench, "link").fails(1, "it is no file");
        assert!(bench.path("link").is_symlink());
        let made = std::process::Command::new("mkfifo").arg(bench.path("pipe")).status().unwrap();
        assert!(made.success());
        publishes(&bench, "pipe").fails(1, "it is no file");
    }
    // A key and a store are no place to publish in.
    publishes(&bench, "log.key").fails(1, "it is no checkpoint");
}

#[test]
fn a_checkpoint_is_published_at_an_address() {
    let bench = with_keys();
    let (address, held) = server();
    verifies(&bench, "cases.db", &address).fails(1, "there is no checkpoint");
    holds_at(&bench, &address, &|| held.lock().unwrap().note.clone().unwrap());
}

#[test]
fn an_address_that_does_not_take_it_is_said() {
    let bench = with_keys();
    let (address, held) = server();
    assert_eq!(publishes(&bench, &address).code, 0);
    let before = held.lock().unwrap().note.clone();
    held.lock().unwrap().is_raced = true;
    publishes(&bench, &address).fails(1, "another checkpoint was published there in the meantime");
    held.lock().unwrap().is_raced = false;
    held.lock().unwrap().refuses = Some(503);
    publishes(&bench, &address).fails(1, "it answered 503 to PUT");
    // Taken, as it seems, and not kept.
    held.lock().unwrap().refuses = Some(200);
    adds(&bench, "r3");
    publishes(&bench, &address).fails(1, "it took the checkpoint, and gives another one");
    assert_eq!(held.lock().unwrap().note, before);
    held.lock().unwrap().refuses = None;
    let mut command = bench.command();
    command.args(["audit", "checkpoint", "--db", "cases.db", "--secret", "log.key", "--publish", &address]);
    assert!(command.env("CASEWARD_PUBLISH_TOKEN", "t-1").output().unwrap().status.success());
    assert_eq!(held.lock().unwrap().authorization.as_deref(), Some("Bearer t-1"));
    for elsewhere in ["http://example.org/x", "ftp://127.0.0.1/x"] {
        publishes(&bench, elsewhere).fails(1, "an address begins with `https://`");
    }
    publishes(&bench, "http://127.0.0.1:1/x").fails(1, "http://127.0.0.1:1/x: ");
}
