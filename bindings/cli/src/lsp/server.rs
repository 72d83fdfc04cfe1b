//! The state of a server: open files, folders of policies, what was told of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use caseward::Severity;
use caseward::author::editor::Found;
use ls_types::{
    ClientCapabilities, DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, InitializeParams, PublishDiagnosticsParams, ResourceOperationKind,
    TextDocumentItem, Uri,
};
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use serde_json::{Value as Json, json};

use super::desk::{Desk, SCHEMA, home, is_home};
use super::lines::{Columns, Lines};
use super::shapes;
use super::wire::{self, Read};
use super::worker::{Done, Job};
use crate::exit::Exit;

/// What happens to a server.
pub(super) enum Event {
    Read(io::Result<Option<Read>>),
    Done(Done),
}

/// What may be asked now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing but `initialize`.
    New,
    Running,
    /// Nothing but `exit`.
    Over,
}

/// What the client can do.
#[derive(Default)]
pub(super) struct Client {
    pub(super) renames_files: bool,
    pub(super) versions_edits: bool,
    watches: bool,
    refreshes_lenses: bool,
}

/// A file that is open in the editor.
pub(super) struct Document {
    pub(super) root: PathBuf,
    pub(super) name: String,
    pub(super) version: i32,
    text: String,
}

pub(super) struct Server<W> {
    out: W,
    wanted: Option<PathBuf>,
    jobs: Sender<Job>,
    phase: Phase,
    pub(super) client: Client,
    pub(super) columns: Columns,
    /// By URI, as the client writes it.
    pub(super) open: BTreeMap<String, Document>,
    /// Open files that are in no folder of policies: there may be a schema later.
    strays: BTreeMap<String, TextDocumentItem>,
    pub(super) desks: BTreeMap<PathBuf, Desk>,
    asked: i32,
}

impl<W: Write> Server<W> {
    pub(super) fn new(out: W, wanted: Option<PathBuf>, jobs: Sender<Job>) -> Self {
        Server {
            out,
            wanted,
            jobs,
            phase: Phase::New,
            client: Client::default(),
            columns: Columns::default(),
            open: BTreeMap::new(),
            strays: BTreeMap::new(),
            desks: BTreeMap::new(),
            asked: 0,
        }
    }

    /// Does what an event asks for; how the server ends, once it does.
    pub(super) fn take(&mut self, event: Event) -> io::Result<Option<Exit>> {
        match event {
            Event::Read(Ok(Some(Read::Message(message)))) => self.message(message),
            Event::Read(Ok(Some(Read::Garbage(why)))) => {
                wire::write_garbage(&mut self.out, &why).map(|()| None)
            }
            // The editor left without a word.
            Event::Read(Ok(None) | Err(_)) => Ok(Some(self.ended())),
            Event::Done(done) => self.done(done).map(|()| None),
        }
    }

    fn ended(&self) -> Exit {
        if self.phase == Phase::Over { Exit::Success } else { Exit::Failure }
    }

    fn message(&mut self, message: Message) -> io::Result<Option<Exit>> {
        match message {
            Message::Request(request) => self.request(request)?,
            Message::Notification(note) if note.method == "exit" => return Ok(Some(self.ended())),
            Message::Notification(note) if self.phase == Phase::Running => self.notification(note)?,
            Message::Notification(_) | Message::Response(_) => {}
        }
        Ok(None)
    }

    fn request(&mut self, request: Request) -> io::Result<()> {
        let Request { id, method, params } = request;
        let refuse = |code: ErrorCode, why: String| Response::new_err(id.clone(), code as i32, why);
        let response = match (self.phase, method.as_str()) {
            (Phase::New, "initialize") => match serde_json::from_value(params) {
                Ok(params) => Response::new_ok(id, self.initialize(params)),
                Err(error) => refuse(ErrorCode::InvalidParams, error.to_string()),
            },
            (Phase::New, _) => refuse(ErrorCode::ServerNotInitialized, "`initialize` comes first".to_owned()),
            (Phase::Over, _) => refuse(ErrorCode::InvalidRequest, "the server was shut down".to_owned()),
            (Phase::Running, "initialize") => {
                refuse(ErrorCode::InvalidRequest, "the server was initialized before".to_owned())
            }
            (Phase::Running, "shutdown") => {
                self.phase = Phase::Over;
                Response::new_ok(id, Json::Null)
            }
            (Phase::Running, _) => {
                // INVARIANT: a question that goes wrong ends that question alone.
                match catch_unwind(AssertUnwindSafe(|| {
                    if method == "textDocument/rename" {
                        self.read_again(&params);
                    }
                    self.answer(&method, params)
                })) {
                    Ok(Ok(answer)) => Response::new_ok(id, answer),
                    Ok(Err((code, why))) => refuse(code, why),
                    Err(_) => refuse(ErrorCode::InternalError, format!("`{method}` could not be answered")),
                }
            }
        };
        self.send(response.into())
    }

    fn initialize(&mut self, params: InitializeParams) -> Json {
        self.phase = Phase::Running;
        let offered = params.capabilities.general.as_ref().and_then(|all| all.position_encodings.as_deref());
        self.columns = Columns::agree(offered.unwrap_or_default());
        self.client = client(&params.capabilities);
        let mut folders: Vec<PathBuf> = self.wanted.iter().cloned().collect();
        for folder in params.workspace_folders.iter().flatten() {
            let Some(path) = folder.uri.to_file_path() else { continue };
            // The usual places.
            folders
                .extend([path.to_path_buf(), path.join("policies")].into_iter().filter(|path| is_home(path)));
        }
        for root in folders {
            self.open_desk(&root);
        }
        json!({
            "capabilities": shapes::capabilities(self.columns),
            "serverInfo": { "name": "caseward", "version": env!("CARGO_PKG_VERSION") },
        })
    }

    fn notification(&mut self, note: Notification) -> io::Result<()> {
        let Notification { method, params } = note;
        let done = catch_unwind(AssertUnwindSafe(|| match method.as_str() {
            "initialized" => self.initialized(),
            "textDocument/didOpen" => parsed(params).map_or(Ok(()), |params| self.did_open(params)),
            "textDocument/didChange" => parsed(params).map_or(Ok(()), |params| self.did_change(params)),
            "textDocument/didClose" => parsed(params).map_or(Ok(()), |params| self.did_close(&params)),
            "workspace/didChangeWatchedFiles" => {
                parsed(params).map_or(Ok(()), |params| self.did_change_files(&params))
            }
            _ => Ok(()),
        }));
        done.unwrap_or(Ok(()))
    }

    fn initialized(&mut self) -> io::Result<()> {
        if self.client.watches {
            let watchers = json!([{ "globPattern": "**/*.{cedar,cedarschema,toml,json}" }]);
            let method = "workspace/didChangeWatchedFiles";
            let files =
                json!({ "id": "files", "method": method, "registerOptions": { "watchers": watchers } });
            self.ask("client/registerCapability", json!({ "registrations": [files] }))?;
        }
        let roots: Vec<PathBuf> = self.desks.keys().cloned().collect();
        roots.iter().for_each(|root| self.look(root));
        Ok(())
    }

    fn did_open(&mut self, params: DidOpenTextDocumentParams) -> io::Result<()> {
        let document = params.text_document;
        let Some((root, name)) = self.home_of(&document.uri) else {
            self.strays.insert(document.uri.as_str().to_owned(), document);
            return Ok(());
        };
        let trouble = self.open_desk(&root);
        let (version, text) = (document.version, document.text);
        self.open.insert(
            document.uri.as_str().to_owned(),
            Document { root: root.clone(), name: name.clone(), version, text },
        );
        self.edited(document.uri.as_str())?;
        match trouble {
            Some(why) => {
                self.tell("window/showMessage", json!({ "type": 2, "message": format!("caseward: {why}") }))
            }
            None => Ok(()),
        }
    }

    fn did_change(&mut self, params: DidChangeTextDocumentParams) -> io::Result<()> {
        let uri = params.text_document.uri.as_str().to_owned();
        let columns = self.columns;
        let (version, text) = match (self.open.get_mut(&uri), self.strays.get_mut(&uri)) {
            (Some(document), _) => (&mut document.version, &mut document.text),
            (None, Some(stray)) => (&mut stray.version, &mut stray.text),
            (None, None) => return Ok(()),
        };
        *version = params.text_document.version;
        for change in params.content_changes {
            match change.range {
                None => *text = change.text,
                Some(range) => {
                    let lines = Lines::of(text, columns);
                    let (start, end) = (lines.byte(range.start), lines.byte(range.end));
                    text.replace_range(start..end.max(start), &change.text);
                }
            }
        }
        self.edited(&uri)
    }

    fn did_close(&mut self, params: &DidCloseTextDocumentParams) -> io::Result<()> {
        self.strays.remove(params.text_document.uri.as_str());
        let Some(document) = self.open.remove(params.text_document.uri.as_str()) else { return Ok(()) };
        if let Some(desk) = self.desks.get_mut(&document.root) {
            desk.read_file(&document.root, &document.name);
        }
        self.look(&document.root);
        Ok(())
    }

    fn did_change_files(&mut self, params: &DidChangeWatchedFilesParams) -> io::Result<()> {
        let (mut roots, mut has_schema) = (BTreeSet::new(), false);
        for change in &params.changes {
            has_schema |= change.uri.as_str().ends_with(SCHEMA);
            if self.open.contains_key(change.uri.as_str()) {
                continue;
            }
            let Some(path) = change.uri.to_file_path() else { continue };
            let Some((root, name)) = home(&path, self.wanted.as_deref()) else { continue };
            if let Some(desk) = self.desks.get_mut(&root) {
                desk.read_file(&root, &name);
                roots.insert(root);
            }
        }
        roots.iter().for_each(|root| self.look(root));
        if has_schema { self.house() } else { Ok(()) }
    }

    /// Reads the folder of a file again, but for what is open, before a name is looked for in all of it: an edit of what changed on
    /// the disk meanwhile, of which the editor may not have told yet, would damage it.
    fn read_again(&mut self, params: &Json) {
        let uri = params.pointer("/textDocument/uri").and_then(Json::as_str).unwrap_or_default();
        let Some(root) = self.open.get(uri).map(|document| document.root.clone()) else { return };
        let own = self.open.values().filter(|document| document.root == root);
        let open: BTreeSet<String> = own.map(|document| document.name.clone()).collect();
        if let Some(desk) = self.desks.get_mut(&root).filter(|_| root.is_dir()) {
            // What cannot be read stays as it was.
            let _ = desk.read(&root, &open);
        }
        self.look(&root);
    }

    /// Opens again what is in a folder of policies by now, and was in none, or in one of its own.
    fn house(&mut self) -> io::Result<()> {
        let mut moved = Vec::new();
        for (uri, document) in &self.open {
            let Ok(parsed) = uri.parse::<Uri>() else { continue };
            let path = parsed.to_file_path();
            let found = path.and_then(|path| home(&path, self.wanted.as_deref()));
            if found.is_some_and(|(root, _)| root != document.root) {
                let (version, text) = (document.version, document.text.clone());
                moved.push(TextDocumentItem::new(parsed, String::new(), version, text));
            }
        }
        for document in &moved {
            self.open.remove(document.uri.as_str());
        }
        let strays = std::mem::take(&mut self.strays).into_values();
        for text_document in moved.into_iter().chain(strays).collect::<Vec<_>>() {
            self.did_open(DidOpenTextDocumentParams { text_document })?;
        }
        Ok(())
    }

    /// Takes an open file's text for what it is, tells at once what is wrong in it alone, and has the folder looked at.
    fn edited(&mut self, uri: &str) -> io::Result<()> {
        let Some(document) = self.open.get(uri) else { return Ok(()) };
        let (root, name) = (document.root.clone(), document.name.clone());
        let Some(desk) = self.desks.get_mut(&root) else { return Ok(()) };
        desk.folder.set(&name, document.text.as_str());
        desk.state += 1;
        // Cases are many: they wait for the thread.
        if desk.folder.part(&name) != Some(caseward::FilePart::Case) {
            let quick = desk.folder.check_file(&name, None);
            let is_wrong = quick.iter().any(|found| found.problem.severity == Severity::Error);
            desk.found.retain(|found| found.file.as_ref() != name || found.lint.is_some() && !is_wrong);
            desk.found.extend(quick);
            self.publish(&root)?;
        }
        self.look(&root);
        Ok(())
    }

    fn done(&mut self, done: Done) -> io::Result<()> {
        match done {
            Done::Checked { root, state, checked } => {
                let Some(desk) = self.desks.get_mut(&root) else { return Ok(()) };
                if checked.ward.is_some() {
                    desk.ward = checked.ward;
                }
                // It changed since: what was found stands elsewhere.
                if desk.state != state {
                    return Ok(());
                }
                desk.found = checked.found;
                self.publish(&root)
            }
            Done::Cases { root, state, cases } => {
                let Some(desk) = self.desks.get_mut(&root) else { return Ok(()) };
                if desk.state != state {
                    return Ok(());
                }
                desk.found_in_cases = cases.found;
                if cases.coverage.is_some() {
                    desk.coverage = cases.coverage;
                }
                self.publish(&root)?;
                match self.client.refreshes_lenses {
                    true => self.ask("workspace/codeLens/refresh", Json::Null),
                    false => Ok(()),
                }
            }
        }
    }

    /// Tells what was found of each file of which it is something else than before.
    fn publish(&mut self, root: &Path) -> io::Result<()> {
        let Some(desk) = self.desks.get(root) else { return Ok(()) };
        let mut by_file: BTreeMap<Arc<str>, Vec<&Found>> = BTreeMap::new();
        // Of a file that is open it is told that nothing is wrong, too.
        let open = self.open.values().filter(|document| document.root == root);
        for file in desk.told.keys().cloned().chain(open.map(|document| document.name.as_str().into())) {
            by_file.insert(file, Vec::new());
        }
        for found in desk.all_found() {
            by_file.entry(found.file.clone()).or_default().push(found);
        }
        let mut news = Vec::new();
        for (file, all) in by_file {
            let Some((uri, version)) = self.uri_of(root, &file) else { continue };
            let text = desk.folder.text(&file).map_or("", |text| text);
            let lines = Lines::of(text, self.columns);
            let diagnostics = all.iter().map(|found| shapes::diagnostic(found, &lines)).collect();
            let said = serde_json::to_value(PublishDiagnosticsParams::new(uri, diagnostics, version))?;
            news.push((file, said));
        }
        for (file, said) in news {
            let shown = said.get("diagnostics").map(Json::to_string).unwrap_or_default();
            let Some(desk) = self.desks.get_mut(root) else { return Ok(()) };
            if desk.told.insert(file, shown.clone()) != Some(shown) {
                self.tell("textDocument/publishDiagnostics", said)?;
            }
        }
        Ok(())
    }

    /// Has a folder looked at as it stands.
    fn look(&mut self, root: &Path) {
        if let Some(desk) = self.desks.get(root) {
            // Where the thread is gone, answers go on.
            let _ =
                self.jobs.send(Job { root: root.to_owned(), folder: desk.folder.clone(), state: desk.state });
        }
    }

    /// Opens a folder of policies, where it is not open yet; why it could not be read.
    fn open_desk(&mut self, root: &Path) -> Option<String> {
        if self.desks.contains_key(root) {
            return None;
        }
        let (desk, trouble) = if root.is_dir() { Desk::open(root) } else { (Desk::default(), None) };
        self.desks.insert(root.to_owned(), desk);
        trouble
    }

    /// The folder that a file is in and its name there; of a policy that is in none, a folder of its own. Whatever else is in
    /// none is no business of ours.
    fn home_of(&self, uri: &Uri) -> Option<(PathBuf, String)> {
        let path = uri.to_file_path().map(|path| path.to_path_buf());
        if let Some(found) = path.as_ref().and_then(|path| home(path, self.wanted.as_deref())) {
            return Some(found);
        }
        let alone = path.unwrap_or_else(|| PathBuf::from(uri.as_str()));
        let name = alone.file_name()?.to_str()?.to_owned();
        name.ends_with(".cedar").then_some((alone, name))
    }

    /// What a file of a folder is called by the client, with its version where it is open.
    pub(super) fn uri_of(&self, root: &Path, name: &str) -> Option<(Uri, Option<i32>)> {
        let open = self.open.iter().find(|(_, document)| document.root == root && document.name == name);
        match open {
            Some((uri, document)) => Some((uri.parse().ok()?, Some(document.version))),
            None => Some((Uri::from_file_path(root.join(name))?, None)),
        }
    }

    fn send(&mut self, message: Message) -> io::Result<()> {
        wire::write(&mut self.out, message)
    }

    fn tell(&mut self, method: &str, params: Json) -> io::Result<()> {
        self.send(Notification::new(method.to_owned(), params).into())
    }

    /// Asks the client; whatever it answers is passed over.
    fn ask(&mut self, method: &str, params: Json) -> io::Result<()> {
        self.asked += 1;
        self.send(Request::new(RequestId::from(self.asked), method.to_owned(), params).into())
    }
}

/// The parameters of a note; what cannot be read is passed over, for nobody waits for an answer.
fn parsed<P: serde::de::DeserializeOwned>(params: Json) -> Option<P> {
    serde_json::from_value(params).ok()
}

fn client(can: &ClientCapabilities) -> Client {
    let workspace = can.workspace.as_ref();
    let edits = workspace.and_then(|all| all.workspace_edit.as_ref());
    let operations = edits.and_then(|edits| edits.resource_operations.as_deref()).unwrap_or_default();
    let versions_edits = edits.and_then(|edits| edits.document_changes).unwrap_or(false);
    Client {
        renames_files: versions_edits && operations.contains(&ResourceOperationKind::Rename),
        versions_edits,
        watches: workspace
            .and_then(|all| all.did_change_watched_files.as_ref()?.dynamic_registration)
            .unwrap_or(false),
        refreshes_lenses: workspace.and_then(|all| all.code_lens.as_ref()?.refresh_support).unwrap_or(false),
    }
}
