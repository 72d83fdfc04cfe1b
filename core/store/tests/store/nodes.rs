//! Several processes with one store in PostgreSQL: each writes, each follows, one is killed, connections are cut.
//!
//! The other process is this program, started again for [`a_node`] alone.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use caseward::{ActionName, EntityUid, Query, Request, Source, TypeName};
use caseward_store::{Activation, Error, Moment, Options, Outcome, PolicySet, Store, Taken};
use postgres::{Client, NoTls};
use serde_json::{Value as Json, json};

use crate::bench::{Bench, is_on_postgres, lines};

const PATIENCE: Duration = Duration::from_secs(30);
/// What the other process is told by, that it is one.
const NODE: &str = "CASEWARD_TEST_NODE";

fn comment(text: &str) -> String {
    let all = json!({
        "command": "addComment", "as": "manager", "on": "Case::\"c1\"", "data": {"text": text}, "key": text,
    });
    all.to_string()
}

/// The comment's id, where it was done.
fn commented(store: &Store, text: &str) -> Result<(String, u64), Error> {
    let answer = store.command(comment(text))?;
    assert_eq!(answer.outcome, Outcome::Done, "{answer:?}");
    Ok((answer.made[0].clone(), answer.version))
}

/// As [`commented`], again where the connection was cut.
fn surely(store: &Store, text: &str) -> (String, u64) {
    let begun = Instant::now();
    loop {
        match commented(store, text) {
            Ok(done) => return done,
            Err(Error::Database(_)) if begun.elapsed() < PATIENCE => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// What all nodes must have alike at a version: facts, the log, its replay, policies, answers by several roads, the past.
fn state(store: &Store, version: u64) -> Json {
    store.at_least(version, PATIENCE).unwrap();
    let found = store.verify(Vec::new()).unwrap();
    assert!(found.is_sound(), "{found:?}");
    let replayed = store.replay(None).unwrap();
    assert!(replayed.differing.is_empty(), "{replayed:?}");
    let past = store.past(Moment::as_of(crate::bench::NOW)).unwrap();
    let now = store.now().unwrap();
    let mut facts = Vec::new();
    store.export(&mut facts).unwrap();
    let reading = store.reading();
    let query = |person: &str, action: &'static str, ty: &str| {
        Query::new(EntityUid::new("User", person), ActionName::new(action), TypeName::new(ty)).at(now)
    };
    let mut answers = Vec::new();
    for person in ["manager", "lead", "flow", "second", "region"] {
        for (action, ty) in [("viewSummary", "Case"), ("viewItem", "Item"), ("addComment", "Case")] {
            let query = query(person, action, ty);
            let list = reading.ward().list(reading.world(), &query).unwrap();
            let mut list: Vec<String> = list.iter().map(|uid| uid.to_string()).collect();
            list.sort();
            answers.push(json!([person, action, list]));
        }
    }
    json!({
        "version": reading.version(), "facts": String::from_utf8(facts).unwrap(),
        "entries": found.entries, "root": found.root, "policies": reading.ward().policy_hash().to_string(),
        "answers": answers, "past": lines(&past.world),
    })
}

/// A loop that reads policies and facts together until it is told to stop, and that no answer is of a mix of them.
fn reads(store: &Store, is_over: &AtomicBool) -> (usize, BTreeSet<String>) {
    let (mut count, mut hashes) = (0, BTreeSet::new());
    let now = store.now().unwrap();
    let case = EntityUid::new("Case", "c1");
    let asked =
        Request::new(EntityUid::new("User", "manager"), ActionName::new("viewSummary"), case.clone()).at(now);
    let listed =
        Query::new(EntityUid::new("User", "manager"), ActionName::new("viewSummary"), TypeName::new("Case"))
            .at(now);
    while !is_over.load(Ordering::Relaxed) {
        let reading = store.reading();
        let answer = reading.ward().check(reading.world(), &asked).unwrap();
        assert!(answer.is_allowed(), "version {}: {answer:?}", reading.version());
        assert!(reading.ward().list(reading.world(), &listed).unwrap().contains(&case));
        hashes.insert(reading.ward().policy_hash().to_string());
        count += 1;
    }
    (count, hashes)
}

/// Policies that forbid what is never so while they are in force: see [`the_turn`].
fn policies(turn: usize) -> PolicySet {
    let mut set = PolicySet::attendance();
    let never = (turn + 1) % 3;
    let text = format!(
        "@id(\"trial.X1\")\n@rule(\"X1\")\n@description(\"Never so.\")\n\
         forbid (principal, action, resource is Case)\n\
         when {{ resource has school && resource.school.kind like \"turn {never} *\" }};\n"
    );
    set.sources.policies.push(Source::new("trial/X1.cedar", text));
    set
}

/// Puts the next policies in force, and then writes the fact that those before forbid: what the policies of one moment
/// forbid never is so then.
fn the_turn(store: &Store, turn: usize) {
    store.activate(&policies(turn % 3), &Activation::now("the board", format!("turn {turn}"))).unwrap();
    fed_kind(store, turn);
}

fn fed_kind(store: &Store, turn: usize) {
    // Each line is another: one that was taken before changes nothing.
    let kind = format!("turn {} {turn}", turn % 3);
    let text = format!("type,id,kind,catchmentProvider\nSchool,kauri,{kind},north\n");
    let answers = store.feed("organisations", text.into_bytes(), 0).unwrap();
    assert_eq!(answers[0].outcome, Taken::Done, "{answers:?}");
}

/// The other process: it does what it reads, a line each, and answers a line each.
#[test]
fn a_node() {
    let Ok(address) = std::env::var(NODE) else { return };
    let store = Store::open(Path::new(&address), &Options::new()).unwrap();
    let say = |line: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "@{line}").unwrap();
        out.flush().unwrap();
    };
    say("open");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut reader = None;
        for line in std::io::stdin().lines() {
            let line = line.unwrap();
            let (what, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match what {
                "comment" => {
                    let (id, version) = surely(&store, rest);
                    say(&json!([id, version]).to_string());
                }
                // Without an end: it is killed.
                "load" => {
                    for number in 0.. {
                        let (id, _) = surely(&store, &format!("{rest}{number}"));
                        say(&id);
                    }
                }
                "turn" => {
                    the_turn(&store, rest.parse().unwrap());
                    say("turned");
                }
                "read" => {
                    let (store, is_over) = (&store, &is_over);
                    reader = Some(scope.spawn(move || reads(store, is_over)));
                }
                "stop" => {
                    is_over.store(true, Ordering::Relaxed);
                    let (count, hashes) = reader.take().unwrap().join().unwrap();
                    say(&json!([count, hashes.len()]).to_string());
                }
                "state" => say(&state(&store, rest.parse().unwrap()).to_string()),
                other => panic!("{other}"),
            }
        }
    });
}

/// Another process with the store.
struct Node {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Node {
    fn start(place: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["nodes::a_node", "--exact", "--nocapture", "--test-threads=1"])
            .env(NODE, place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut node = Node { child, input, output };
        assert_eq!(node.hear().as_deref(), Some("open"));
        node
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// The next answer; `None` once it has ended.
    fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some((_, said)) = line.trim_end().split_once('@') {
                return Some(said.to_owned());
            }
        }
    }

    fn ask(&mut self, line: &str) -> Json {
        self.tell(line);
        let said = self.hear().expect("the other process has ended");
        serde_json::from_str(&said).unwrap_or(Json::String(said))
    }

    /// Ends it at once, as the system does when there is no memory left; gives what it had said.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let said = std::iter::from_fn(|| self.hear()).collect();
        self.child.wait().unwrap();
        said
    }

    fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

/// A store with a case, which this process has open by the machine's clock, and a process beside it.
fn two() -> Option<(Bench, Store, Node)> {
    if !is_on_postgres() {
        return None;
    }
    let mut bench = Bench::with_case();
    bench.store = None;
    let store = Store::open(bench.place(), &Options::new()).unwrap();
    let node = Node::start(bench.place());
    Some((bench, store, node))
}

/// Both have the same, and what was done is there; then they are closed.
fn same(bench: &Bench, store: Store, mut node: Node, done: &BTreeSet<String>) {
    let version = store.at_least(0, PATIENCE).unwrap().version();
    store.tick().unwrap();
    let theirs = node.ask(&format!("state {version}"));
    let version = theirs["version"].as_u64().unwrap();
    let ours = state(&store, version);
    assert_eq!(ours, theirs);
    for id in done {
        assert!(store.world().contains(&id.parse().unwrap()), "{id} was done and is lost");
    }
    let found = store.doctor().unwrap();
    assert!(found.is_sound(), "{found:#?}");
    node.end();
    drop(store);
    let again = Store::open(bench.place(), &Options::new()).unwrap();
    assert_eq!(state(&again, version), ours, "as it is read from its rows");
}

fn comments(bench: &Bench) -> i64 {
    bench.number("SELECT count(*) FROM caseward_content WHERE type = 'Item' AND field = 'text'")
}

#[test]
fn every_node_writes_and_sees_what_others_wrote() {
    let Some((bench, store, mut node)) = two() else { return };
    let mut done = BTreeSet::new();
    for number in 0..10 {
        let (id, version) = commented(&store, &format!("here {number}")).unwrap();
        done.insert(id);
        let theirs = node.ask(&format!("comment there {number}"));
        let (id, later) = (theirs[0].as_str().unwrap().to_owned(), theirs[1].as_u64().unwrap());
        assert_eq!(later, version + 1, "each is decided on what was before it");
        let reading = store.at_least(later, PATIENCE).unwrap();
        assert!(reading.version() >= later && reading.world().contains(&id.parse().unwrap()));
        done.insert(id);
    }
    // At once, from several threads and both processes.
    for number in 0..20 {
        node.tell(&format!("comment at once there {number}"));
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    (0..10).map(|n| surely(store, &format!("at once {thread} {n}")).0).collect::<Vec<_>>()
                })
            })
            .collect();
        done.extend(threads.into_iter().flat_map(|thread| thread.join().unwrap()));
    });
    for _ in 0..20 {
        let said: Json = serde_json::from_str(&node.hear().unwrap()).unwrap();
        done.insert(said[0].as_str().unwrap().to_owned());
    }
    // A key is one in all of them.
    let again = node.ask("comment here 3");
    assert!(done.contains(again[0].as_str().unwrap()));
    assert_eq!((done.len(), comments(&bench)), (80, 80));
    same(&bench, store, node, &done);
}

#[test]
fn a_node_that_is_killed_loses_nothing_that_it_answered() {
    let Some((bench, store, mut node)) = two() else { return };
    let mut done = BTreeSet::new();
    for round in 0..4 {
        node.tell(&format!("load round {round} "));
        for number in 0..10 {
            done.insert(surely(&store, &format!("beside {round} {number}")).0);
        }
        done.extend(node.hear());
        done.extend(node.kill());
        // Nobody waits for one that is gone.
        done.insert(surely(&store, &format!("after {round}")).0);
        node = Node::start(bench.place());
    }
    assert!(comments(&bench) >= i64::try_from(done.len()).unwrap());
    same(&bench, store, node, &done);
}

#[test]
fn connections_that_are_cut_are_made_again() {
    let Some((bench, store, mut node)) = two() else { return };
    let (is_over, cuts) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut done, place) = (BTreeSet::new(), bench.place().to_owned());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut other = Client::connect(place.to_str().unwrap(), NoTls).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                           WHERE pid <> pg_backend_pid() AND datname = current_database()";
                let cut: i64 = other.query_one(sql, &[]).unwrap().get(0);
                cuts.fetch_add(usize::try_from(cut).unwrap(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        for number in 0..15 {
            node.tell(&format!("comment cut there {number}"));
        }
        for number in 0..15 {
            done.insert(surely(&store, &format!("cut here {number}")).0);
        }
        for _ in 0..15 {
            let said: Json = serde_json::from_str(&node.hear().unwrap()).unwrap();
            done.insert(said[0].as_str().unwrap().to_owned());
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(cuts.load(Ordering::Relaxed) > 5, "{cuts:?}");
    assert_eq!((done.len(), comments(&bench)), (30, 30), "each is done once");
    // Nobody asks for it: the connection that listens is made again too.
    let (_, version) = surely(&store, "the last one");
    let theirs = node.ask("comment and theirs")[1].as_u64().unwrap();
    assert_eq!(theirs, version + 1);
    let begun = Instant::now();
    while store.reading().version() < theirs {
        assert!(begun.elapsed() < PATIENCE, "it is not followed");
        std::thread::sleep(Duration::from_millis(5));
    }
    same(&bench, store, node, &done);
}

#[test]
fn policies_are_put_in_force_under_load_and_no_answer_is_of_a_mix() {
    let Some((bench, store, mut node)) = two() else { return };
    the_turn(&store, 0);
    let is_over = AtomicBool::new(false);
    let mut done = BTreeSet::new();
    node.tell("read");
    let (here, hashes) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| reads(&store, &is_over));
        let writer = scope.spawn(|| {
            let mut made = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                made.push(surely(&store, &format!("load {}", made.len())).0);
            }
            made
        });
        for turn in 1..16 {
            match turn % 2 {
                0 => the_turn(&store, turn),
                _ => assert_eq!(node.ask(&format!("turn {turn}")), "turned"),
            }
            let theirs = node.ask(&format!("comment turn {turn}"));
            done.insert(theirs[0].as_str().unwrap().to_owned());
        }
        is_over.store(true, Ordering::Relaxed);
        done.extend(writer.join().unwrap());
        reader.join().unwrap()
    });
    let there = node.ask("stop");
    println!("{here} reads here, {there} there, {} comments", done.len());
    assert!(here > 100 && there[0].as_u64().unwrap() > 100);
    assert_eq!((hashes.len(), &there[1]), (3, &json!(3)), "each saw all policies");
    same(&bench, store, node, &done);
}

#[test]
fn a_read_waits_for_what_it_must_see() {
    if !is_on_postgres() {
        return;
    }
    let mut bench = Bench::with_case();
    bench.store = None;
    let open = |options: Options| Store::open(bench.place(), &options).unwrap();
    let (writer, alone) = (open(Options::new()), open(Options::new().alone()));
    let first = alone.reading().version();
    let (id, version) = commented(&writer, "x").unwrap();
    assert_eq!(alone.reading().version(), first, "it does not follow");
    let reading = alone.at_least(version, PATIENCE).unwrap();
    assert!(reading.version() == version && reading.world().contains(&id.parse().unwrap()));
    drop(reading);
    let error = alone.at_least(version + 1, Duration::from_millis(20)).err().unwrap();
    let Error::NotYet { wanted, has, .. } = &error else { panic!("{error}") };
    assert_eq!((*wanted, *has), (version + 1, version));
    assert!(error.to_string().contains("it did not come in time"), "{error}");
    // Whoever waits sees it once it is there.
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| alone.at_least(version + 1, PATIENCE).map(|reading| reading.version()));
        std::thread::sleep(Duration::from_millis(30));
        commented(&writer, "y").unwrap();
        assert_eq!(waits.join().unwrap().unwrap(), version + 1);
    });
}

#[test]
fn what_the_log_does_not_say_is_read_from_the_rows() {
    if !is_on_postgres() {
        return;
    }
    let bench = Bench::with_case();
    let trusting = Options::new().trusting(Some(crate::bench::NOW)).alone();
    let behind = Store::open(bench.place(), &trusting).unwrap();
    let watcher = |store: &Store| {
        store
            .watch(&EntityUid::new("User", "manager"), &ActionName::new("viewItem"), &TypeName::new("Item"))
            .unwrap()
    };
    let mut watch = watcher(&behind);
    for text in ["a", "b"] {
        bench.does("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": text}}));
    }
    behind.at_least(bench.store().reading().version(), PATIENCE).unwrap();
    let each: Vec<usize> = (0..2).map(|_| watch.at_once().unwrap().unwrap().came.len()).collect();
    assert_eq!(each, [1, 1], "each batch is told of");
    let names = "type,id,field,value\nStudent,aroha,name,Aroha Ngata\n";
    bench.store().feed_at("content", names.into(), 0, bench.clock()).unwrap();
    let closed = json!({"data": {"closureReason": "back"}});
    bench.does("manager", "closeCase", "Case::\"c1\"", closed);
    let dispose = json!({"context": {"protectionInstruction": false}, "now": "2036-06-11T09:00:00+12:00"});
    bench.does("privacy", "disposeRecords", "Student::\"aroha\"", dispose);
    let version = bench.store().reading().version();
    behind.at_least(version, PATIENCE).unwrap();
    let facts = |store: &Store| {
        let mut out = Vec::new();
        store.export(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(facts(&behind), bench.exported());
    assert_eq!(watch.at_once().unwrap().unwrap().went.len(), 2);
    let root = |store: &Store| {
        let found = store.verify(Vec::new()).unwrap();
        assert!(found.is_sound(), "{found:?}");
        found.root
    };
    assert_eq!(root(&behind), root(bench.store()));
    // It goes on from there.
    let line = json!({"command": "createRequest", "as": "lead", "on": "Student::\"ben\"", "id": "r9",
        "context": {"primaryContact": {"type": "User", "id": "contact"}}, "now": "2036-06-12T09:00:00+12:00"});
    assert_eq!(behind.command(line.to_string()).unwrap().outcome, Outcome::Done);
    bench.store().at_least(version + 1, PATIENCE).unwrap();
    assert_eq!(facts(&behind), bench.exported());
}

#[test]
fn a_database_that_was_put_back_is_not_followed() {
    if !is_on_postgres() {
        return;
    }
    let bench = Bench::with_case();
    let mut other = Client::connect(bench.place().to_str().unwrap(), NoTls).unwrap();
    let before: Vec<(String, String)> = other
        .query("SELECT name, value FROM caseward_setting", &[])
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": "x"}}));
    for (name, value) in before {
        other.execute("UPDATE caseward_setting SET value = $2 WHERE name = $1", &[&name, &value]).unwrap();
    }
    other
        .execute("DELETE FROM caseward_log WHERE event = (SELECT max(event) FROM caseward_log)", &[])
        .unwrap();
    let line = json!({"command": "addComment", "as": "manager", "on": "Case::\"c1\"", "data": {"text": "y"}});
    let error = bench.store().command(line.to_string()).unwrap_err().to_string();
    assert!(error.contains("put back") || error.contains("stopped"), "{error}");
    assert!(matches!(bench.store().at_least(99, PATIENCE).err(), Some(Error::Stopped | Error::PutBack(_))));
}
