//! The case store from the command line, and what a kill in mid-write leaves.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

const SMALL: &str = include_str!("../../../../core/store/tests/data/small.json");
const TRUSTING: [&str; 3] = ["--trust-now", "--now", "2026-05-11T09:00:00+12:00"];

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("small.json", SMALL);
    let init = bench.run(["store", "init", "--db", "cases.db"]);
    assert_eq!((init.code, init.out.as_str()), (0, "A store without data: `cases.db`\n"), "{}", init.err);
    let import = bench
        .run(["store", "import", "--db", "cases.db", "--entities", "small.json"].into_iter().chain(TRUSTING));
    assert_eq!((import.code, import.out.as_str()), (0, "Entities imported: 30\n"), "{}", import.err);
    bench
}

fn does(bench: &Bench, lines: &[Value]) -> Ran {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    bench.run_with(text, ["do", "--db", "cases.db"].into_iter().chain(TRUSTING))
}

fn user(id: &str) -> Value {
    json!({"type": "User", "id": id})
}

fn request(id: &str) -> Value {
    json!({"command": "createRequest", "as": "lead", "on": "Student::\"aroha\"", "id": id,
           "context": {"primaryContact": user("contact")}})
}

#[test]
fn commands_are_answered_line_by_line() {
    let bench = bench();
    let lines = [
        request("r1"),
        json!({"command": "submitRequest", "as": "lead", "on": "Request::\"r1\""}),
        json!({"command": "acceptRequest", "as": "flow", "on": "Request::\"r1\"", "id": "c1"}),
    ];
    let ran = does(&bench, &lines);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let answers = ran.json_lines();
    assert_eq!(
        answers.iter().map(|answer| answer["version"].as_u64().unwrap()).collect::<Vec<_>>(),
        [2, 3, 4]
    );
    assert_eq!(answers[2]["made"], json!(["Case::\"c1\""]));
    // Denied: 2. One that makes no sense stops no other, and then it is 1.
    let denied =
        json!({"command": "addComment", "as": "rata-lead", "on": "Case::\"c1\"", "data": {"text": "x"}});
    assert_eq!(does(&bench, std::slice::from_ref(&denied)).code, 2);
    bench.write("note.txt", "hello");
    let file = json!({"command": "uploadFile", "as": "lead", "on": "Case::\"c1\"", "id": "f1",
        "data": {"file": {"path": "note.txt"}, "fileName": "note.txt", "fileType": "text/plain"}});
    let mut gone = file.clone();
    gone["data"]["file"]["path"] = json!("gone.txt");
    let text = format!("{denied}\nnonsense\n\n{gone}\n{file}\n");
    let ran = bench.run_with(text, ["do", "--db", "cases.db"].into_iter().chain(TRUSTING));
    let outcomes: Vec<_> =
        ran.json_lines().iter().map(|answer| answer["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        (ran.code, outcomes),
        (1, ["denied", "invalid", "invalid", "done"].map(str::to_owned).to_vec()),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("cannot read `gone.txt`"), "{}", ran.out);
    // What is printed is what `check` reads.
    let export = bench.run(["store", "export", "--db", "cases.db"].into_iter().chain(TRUSTING));
    bench.write("out.json", &export.out);
    let check = [
        "check",
        "--entities",
        "out.json",
        "--principal",
        "User::\"lead\"",
        "--action",
        "viewSummary",
        "--resource",
        "Case::\"c1\"",
        "--now",
        "2026-05-11T09:00:00+12:00",
    ];
    assert_eq!(bench.run(check).code, 0);
}

#[test]
fn feeds_are_answered() {
    let bench = bench();
    bench.write("moves.csv", "student,school,start\naroha,rata,2026-05-01\nben,nowhere,2026-05-01\n");
    let feed = |more: &[&'static str]| {
        let args = ["feed", "enrolment", "moves.csv", "--db", "cases.db"].into_iter().chain(TRUSTING);
        bench.run(args.chain(more.iter().copied()))
    };
    let ran = feed(&[]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (1, "line 3: bad: School::\"nowhere\" is not in the data\n1 done, 0 unchanged, 1 bad\n")
    );
    let again = feed(&["--json"]);
    assert_eq!(again.json_lines()[0], json!({"line": 2, "outcome": "unchanged"}));
    let wrong = bench.run(["feed", "enrolments", "moves.csv", "--db", "cases.db"]);
    wrong.fails(1, "there is no feed `enrolments`");
    bench.run(["feed", "enrolment", "none.csv", "--db", "cases.db"]).fails(1, "none.csv");
}

#[test]
fn what_is_wrong_with_a_store_is_said() {
    let bench = bench();
    bench.run(["store", "init", "--db", "cases.db"]).fails(1, "is there already");
    bench.run(["store", "export", "--db", "none.db"]).fails(1, "there is no store `none.db`");
    bench.run(["store", "export", "--db", "small.json"]).fails(1, "is no store of caseward");
    bench.run(["do", "--db", "cases.db", "--now", "2026-05-11T09:00:00+12:00"]).fails(64, "--trust-now");
    bench
        .run(["store", "import", "--db", "cases.db", "--entities", "small.json"])
        .fails(1, "fills an empty one");
    // An import that fails writes nothing.
    let init = bench.run(["store", "init", "--db", "other.db"]);
    assert_eq!(init.code, 0);
    bench.write("bad.json", SMALL.replacen("\"north\"", "\"norht\"", 1));
    bench.run(["store", "import", "--db", "other.db", "--entities", "bad.json"]).fails(1, "north");
    let export = bench.run(["store", "export", "--db", "other.db"]);
    assert_eq!((export.code, export.out.as_str()), (0, "[]\n"));
}

/// How many kills: 5 unless `CASEWARD_KILLS` says otherwise; `make faults` asks for 200.
fn kills() -> usize {
    std::env::var("CASEWARD_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(5)
}

/// Killed at random moments, it has kept whatever it answered, whole and once.
#[cfg(unix)]
#[test]
fn what_was_answered_outlives_a_kill() {
    let bench = bench();
    assert_eq!(
        does(
            &bench,
            &[
                request("r0"),
                json!({"command": "submitRequest", "as": "lead", "on": "Request::\"r0\""}),
                json!({"command": "acceptRequest", "as": "flow", "on": "Request::\"r0\"", "id": "c0"})
            ]
        )
        .code,
        0
    );
    let mut answered = BTreeSet::new();
    let mut number = 0_u64;
    for kill in 0..kills() {
        let mut child = bench
            .command()
            .args(["do", "--db", "cases.db"].into_iter().chain(TRUSTING))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let from = number;
        let writer = std::thread::spawn(move || {
            for n in from..from + 5_000 {
                let line = json!({"command": "addComment", "as": "lead", "on": "Case::\"c0\"", "id": format!("i{n}"), "data": {"text": format!("comment {n}")}});
                if writeln!(input, "{line}").is_err() {
                    return;
                }
            }
        });
        number += 5_000;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (told, heard) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Ok(answer) = serde_json::from_str::<Value>(&line) {
                    told.send(answer).unwrap();
                }
            }
        });
        // Killed while it opens, or some moments after its first answer.
        let mut answers = Vec::new();
        if kill % 5 != 4 {
            answers.push(heard.recv_timeout(Duration::from_secs(60)).unwrap());
        }
        std::thread::sleep(Duration::from_millis((kill as u64 * 37) % 300));
        child.kill().unwrap();
        child.wait().unwrap();
        writer.join().unwrap();
        reader.join().unwrap();
        answers.extend(heard.try_iter());
        for answer in answers {
            assert_eq!(answer["outcome"], "done", "{answer}");
            answered.insert(answer["made"][0].as_str().unwrap().to_owned());
        }
        let export = bench.run(["store", "export", "--db", "cases.db"].into_iter().chain(TRUSTING));
        assert_eq!(export.code, 0, "{}", export.err);
        let facts: Vec<Value> = serde_json::from_str(&export.out).unwrap();
        let items: BTreeSet<String> = facts
            .iter()
            .filter(|one| one["uid"]["type"] == "Item")
            .map(|one| format!("Item::\"{}\"", one["uid"]["id"].as_str().unwrap()))
            .collect();
        assert!(answered.is_subset(&items), "lost: {:?}", answered.difference(&items).collect::<Vec<_>>());
    }
    assert!(!answered.is_empty(), "no kill came after an answer");
}
