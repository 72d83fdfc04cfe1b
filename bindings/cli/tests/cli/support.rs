//! Running the command, and the small worlds that it runs on.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

/// The instant at which all questions are asked: the rules are rolled out.
pub(crate) const NOW: &str = "2026-05-11T09:00:00+12:00";

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Asserts the exit code and that standard error names `thing`.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, thing: &str) -> &Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        assert!(self.err.contains(thing), "`{thing}` is not named in: {}", self.err);
        self
    }

    /// Asserts the exit code and a silent standard error.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32) -> &Self {
        assert_eq!((self.code, self.err.as_str()), (code, ""), "stdout: {}", self.out);
        self
    }

    /// Standard output as one value of JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// Standard output as lines of JSON.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A folder of its own, which the command runs in; it goes when this is dropped.
pub(crate) struct Bench {
    folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Bench {
    /// A folder with the world in `world.json`.
    pub(crate) fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("caseward-test-{}-{number}", std::process::id());
        let bench = Bench { folder: std::env::temp_dir().join(name) };
        fs::create_dir_all(&bench.folder).unwrap();
        bench.write("world.json", world().to_string());
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names of what lies in the folder, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.folder)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caseward"));
        command.current_dir(&self.folder);
        command
    }

    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ran {
        self.run_with("", args)
    }

    /// Runs the command with `input` on its standard input.
    pub(crate) fn run_with<'a>(
        &self,
        input: impl AsRef<[u8]>,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Ran {
        let mut command = self.command();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.as_ref().to_owned();
        // In a thread: the command may answer before it has read all, and may not read it at all.
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: without_note(&String::from_utf8(output.stderr).unwrap()),
        }
    }

    /// Asks about `world.json` at [`NOW`].
    pub(crate) fn ask(&self, verb: &str, rest: &[&str]) -> Ran {
        let common = [verb, "--entities", "world.json", "--now", NOW];
        self.run(common.into_iter().chain(rest.iter().copied()))
    }

    /// `check` of one question.
    pub(crate) fn check(&self, principal: &str, action: &str, resource: &str) -> Ran {
        self.ask("check", &["--principal", principal, "--action", action, "--resource", resource])
    }

    /// `check --requests` of `lines`, answered as JSON.
    pub(crate) fn batch(&self, lines: impl AsRef<[u8]>) -> Ran {
        self.write("requests.jsonl", lines);
        self.ask("check", &["--requests", "requests.jsonl", "--format", "json"])
    }
}

/// Standard error without the remark that the policies are the command's own, which most runs here get.
fn without_note(err: &str) -> String {
    let note = |line: &&str| line.starts_with("note: these are the policies that come with the command");
    err.split_inclusive('\n').filter(|line| !note(line)).collect()
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An entity in Cedar's JSON.
pub(crate) fn entity(type_name: &str, id: &str, attrs: Value) -> Value {
    json!({"uid": {"type": type_name, "id": id}, "attrs": attrs, "parents": []})
}

pub(crate) fn reference(type_name: &str, id: &str) -> Value {
    json!({"type": type_name, "id": id})
}

/// Someone who leads attendance at school `s1`, or whose login ended.
fn lead(id: &str, login_active: bool) -> Value {
    let mut attrs = json!({"loginActive": login_active, "attendanceLeadAt": [reference("School", "s1")]});
    for empty in [
        "primaryContactAt",
        "officeSupportAt",
        "workflowLeadAt",
        "caseManagerAt",
        "attendanceOfficerAt",
        "delegatedAuthoriserAt",
        "delegatedAuthoriserFor",
        "ministryTeams",
        "monitors",
    ] {
        attrs[empty] = json!([]);
    }
    entity("User", id, attrs)
}

pub(crate) fn case(id: &str, student: &str, status: &str) -> Value {
    let mut attrs = json!({
        "student": reference("Student", student), "status": status, "openedAt": "2026-03-02T10:00:00+1300",
        "team": [], "prosecutionNotified": false,
    });
    if status == "closed" {
        attrs["closedAt"] = json!("2026-04-02");
    }
    entity("Case", id, attrs)
}

/// A lead `u1`, one whose login ended `u2`, and cases of whom `u1` sees `c1` and `c10`.
pub(crate) fn world() -> Value {
    json!([
        entity("School", "s1", json!({"kind": "state"})),
        lead("u1", true),
        lead("u2", false),
        entity("Student", "st1", json!({"nsn": "1", "enrolledAt": reference("School", "s1")})),
        entity("Student", "st2", json!({"nsn": "2"})),
        case("c10", "st1", "closed"),
        case("c1", "st1", "open"),
        case("c2", "st2", "open"),
    ])
}

/// One line of requests.
pub(crate) fn request(principal: &str, action: &str, resource: &str, context: Value) -> String {
    let line = json!({"principal": principal, "action": action, "resource": resource, "context": context});
    format!("{line}\n")
}

/// Makes sure that every key of an answer is in snake_case, as those of all answers are.
pub(crate) fn all_keys_are_snake_case(json: &serde_json::Value) {
    match json {
        serde_json::Value::Array(all) => all.iter().for_each(all_keys_are_snake_case),
        serde_json::Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            assert!(key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "`{key}`");
            all_keys_are_snake_case(value);
        }),
        _ => {}
    }
}
