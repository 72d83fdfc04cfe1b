//! A client of the language server: it speaks as an editor does, over the command's streams.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than anything takes, on a slow machine in a build that is not optimised.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    heard: Receiver<Value>,
    /// What came while something else was waited for.
    kept: Vec<Value>,
    asked: i64,
    pub(super) root: PathBuf,
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Client {
    /// A server that was not initialized yet.
    pub(super) fn start(root: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caseward"));
        command.arg("lsp").arg("--stdio").current_dir(root);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            loop {
                let mut length = None;
                loop {
                    let mut line = String::new();
                    if out.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    let line = line.trim_end();
                    if line.is_empty() {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("Content-Length: ") {
                        length = Some(value.parse::<usize>().unwrap());
                    }
                }
                let mut body = vec![0; length.unwrap()];
                if out.read_exact(&mut body).is_err()
                    || tell.send(serde_json::from_slice(&body).unwrap()).is_err()
                {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        Client { child, stdin, heard, kept: Vec::new(), asked: 0, root: root.to_owned() }
    }

    /// A server that an editor started for a folder.
    pub(super) fn open(root: &Path) -> Self {
        Client::open_with(root, json!({}))
    }

    pub(super) fn open_with(root: &Path, capabilities: Value) -> Self {
        let mut client = Client::start(root);
        let folder = json!([{ "uri": client.uri(""), "name": "policies" }]);
        client.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities, "workspaceFolders": folder }));
        client.tell("initialized", json!({}));
        client
    }

    pub(super) fn uri(&self, name: &str) -> String {
        let path = if name.is_empty() { self.root.clone() } else { self.root.join(name) };
        format!("file://{}", path.display())
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
        self.stdin.as_mut().unwrap().flush().unwrap();
    }

    pub(super) fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    pub(super) fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The answer, whatever it is.
    pub(super) fn asked(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.wait(&format!("the answer to {method}"), |message| {
            message["id"] == id && message.get("method").is_none()
        })
    }

    /// The result; an error is none.
    #[track_caller]
    pub(super) fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.asked(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The first message that is wanted; what comes before it is kept.
    #[track_caller]
    pub(super) fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&wanted) {
            return self.kept.remove(at);
        }
        let started = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let Ok(message) = self.heard.recv_timeout(left) else {
                panic!("{what} did not come: {:#?}", self.kept)
            };
            if wanted(&message) {
                return message;
            }
            self.kept.push(message);
        }
    }

    /// The messages of problems of a file, once they are what is wanted.
    #[track_caller]
    pub(super) fn problems(&mut self, name: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let uri = self.uri(name);
        let message = self.wait(&format!("problems of {name}"), |message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri.as_str()
                && wanted(message["params"]["diagnostics"].as_array().unwrap())
        });
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    pub(super) fn show(&mut self, name: &str, text: &str) {
        let document = json!({ "uri": self.uri(name), "languageId": "cedar", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Opens a file as it stands on the disk.
    pub(super) fn show_saved(&mut self, name: &str) -> String {
        let text = std::fs::read_to_string(self.root.join(name)).unwrap();
        self.show(name, &text);
        text
    }

    pub(super) fn change(&mut self, name: &str, version: i32, text: &str) {
        let document = json!({ "uri": self.uri(name), "version": version });
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [{ "text": text }] }),
        );
    }

    /// A question about a place.
    #[track_caller]
    pub(super) fn at(&mut self, method: &str, name: &str, place: (usize, usize), more: Value) -> Value {
        let mut params = json!({
            "textDocument": { "uri": self.uri(name) }, "position": { "line": place.0, "character": place.1 }
        });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask(&format!("textDocument/{method}"), params)
    }

    pub(super) fn labels(&mut self, name: &str, place: (usize, usize)) -> Vec<String> {
        let found = self.at("completion", name, place, json!({}));
        found["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["label"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Ends the server as an editor does; its exit code.
    pub(super) fn close(mut self) -> i32 {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.tell("exit", Value::Null);
        self.child.wait().unwrap().code().unwrap()
    }

    /// Leaves without a word; the exit code.
    pub(super) fn leave(mut self) -> i32 {
        self.stdin = None;
        self.child.wait().unwrap().code().unwrap()
    }
}

/// The line and the column, in units of UTF-16, right behind a text that stands there once.
#[track_caller]
pub(super) fn behind(text: &str, what: &str) -> (usize, usize) {
    let at = text.find(what).unwrap_or_else(|| panic!("{what:?} stands nowhere")) + what.len();
    let line = text[..at].matches('\n').count();
    let start = text[..at].rfind('\n').map_or(0, |line| line + 1);
    (line, text[start..at].encode_utf16().count())
}

/// What is left of a text once edits were made in it; columns are in units of UTF-16.
pub(super) fn edited(text: &str, edits: &Value) -> String {
    let byte = |place: &Value| {
        let (line, column) =
            (place["line"].as_u64().unwrap() as usize, place["character"].as_u64().unwrap() as usize);
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let mut units = 0;
        let within = text[start..].char_indices().find(|(_, c)| {
            let is_there = units >= column;
            units += c.len_utf16();
            is_there
        });
        within.map_or(text.len(), |(at, _)| start + at)
    };
    let mut all: Vec<(usize, usize, &str)> = edits
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| {
            (byte(&edit["range"]["start"]), byte(&edit["range"]["end"]), edit["newText"].as_str().unwrap())
        })
        .collect();
    all.sort();
    let mut out = text.to_owned();
    for (start, end, new) in all.into_iter().rev() {
        out.replace_range(start..end, new);
    }
    out
}
