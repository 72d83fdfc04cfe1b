//! The case store from the command line, and what a kill in mid-write leaves.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

const SMALL: &str = include_str!("../../../../core/store/tests/data/small.json");
pub(crate) const TRUSTING: [&str; 3] = ["--trust-now", "--now", "2026-05-11T09:00:00+12:00"];

pub(crate) fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("small.json", SMALL);
    let init = bench.run(["store", "init", "--db", "cases.db"]);
    assert_eq!((init.code, init.out.as_str()), (0, "A store without data: `cases.db`\n"), "{}", init.err);
    let import = bench
        .run(["store", "import", "--db", "cases.db", "--entities", "small.json"].into_iter().chain(TRUSTING));
    assert_eq!((import.code, import.out.as_str()), (0, "Entities imported: 30\n"), "{}", import.err);
    bench
}

pub(crate) fn does(bench: &Bench, lines: &[Value]) -> Ran {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    bench.run_with(text, ["do", "--db", "cases.db"].into_iter().chain(TRUSTING))
}

pub(crate) fn user(id: &str) -> Value {
    json!({"type": "User", "id": id})
}

pub(crate) fn request(id: &str) -> Value {
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
    for answer in ran.json_lines() {
        for name in ["policies", "rules", "errors", "version", "made", "alerts", "policy_hash", "repeated"] {
            assert!(answer.get(name).is_some(), "{answer} has no `{name}`");
        }
    }
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
pub(crate) fn kills() -> usize {
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
        // The tree verifies, the rows are the world, and what the data keeps is kept.
        let doctor = bench.run(["store", "doctor", "--db", "cases.db"].into_iter().chain(TRUSTING));
        assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);
        assert!(doctor.out.contains("; 0 faults,"), "{}", doctor.out);
    }
    assert!(!answered.is_empty(), "no kill came after an answer");
}

/// A case, and the arguments of a verb that is asked about it.
fn with_case() -> Bench {
    let bench = bench();
    let lines = [
        request("r1"),
        json!({"command": "submitRequest", "as": "lead", "on": "Request::\"r1\""}),
        json!({"command": "acceptRequest", "as": "flow", "on": "Request::\"r1\"", "id": "c1"}),
    ];
    assert_eq!(does(&bench, &lines).code, 0);
    bench
}

fn asks(bench: &Bench, args: &[&'static str]) -> Ran {
    let later = ["--trust-now", "--now", "2026-05-20T09:00:00+12:00"];
    bench.run(args.iter().copied().chain(["--db", "cases.db"]).chain(later))
}

#[test]
fn a_store_is_asked_as_a_file_is() {
    let bench = with_case();
    let export = bench.run(["store", "export", "--db", "cases.db"].into_iter().chain(TRUSTING));
    bench.write("out.json", &export.out);
    let on = ["--principal", "User::\"flow\"", "--resource", "Case::\"c1\""];
    let flow = ["--principal", "User::\"flow\"", "--action", "viewSummary"];
    for question in [
        [&["check", "--action", "addComment"], on.as_slice()].concat(),
        [&["actions"], on.as_slice()].concat(),
        [&["explain", "--action", "viewSummary"], on.as_slice()].concat(),
        [&["list", "--type", "Case"], flow.as_slice()].concat(),
        [&["count", "--type", "Case", "--by", "status"], flow.as_slice()].concat(),
        vec!["who", "--action", "viewSummary", "--resource", "Case::\"c1\""],
        vec!["alert", "--resource", "Case::\"c1\""],
    ] {
        let stored = asks(&bench, &question);
        let file = ["--entities", "out.json", "--now", "2026-05-20T09:00:00+12:00"];
        let plain = bench.run(question.iter().copied().chain(file));
        assert_eq!((stored.code, &stored.out), (plain.code, &plain.out), "{question:?}: {}", stored.err);
        assert!(!plain.out.is_empty() && plain.code == 0, "{question:?}: {}", plain.err);
    }
    // A view shows content too, as it stands, to whom its section is shown.
    let viewed = asks(&bench, &[&["view"], on.as_slice()].concat());
    assert!(viewed.code == 0 && viewed.out.contains("number: C0000001"), "{}{}", viewed.out, viewed.err);
    assert!(!viewed.out.contains("(kept by the service)"), "{}", viewed.out);
    let json = asks(&bench, &[&["view", "--format", "json"], on.as_slice()].concat()).json();
    let fields =
        json["sections"].as_array().unwrap().iter().flat_map(|one| one["fields"].as_array().unwrap());
    let numbers: Vec<_> =
        fields.filter(|field| field["name"] == "number").map(|field| &field["value"]).collect();
    assert_eq!(numbers, [&json!("C0000001")]);
    let past = asks(&bench, &[&["view", "--as-of", "2026-05-11T21:00:00Z"], on.as_slice()].concat());
    assert!(past.code == 0 && past.out.contains("number: C0000001"), "{}", past.out);
    assert!(!past.out.contains("(kept by the service)"), "{}", past.out);
    // What is said of a store is not passed over where there is none.
    for option in [&["--as-of", "2026-05-11T21:00:00Z"][..], &["--trust-now"], &["--purpose", "x"]] {
        let of_file = ["--entities", "out.json", "--now", "2026-05-20T09:00:00+12:00"];
        let question = ["check", "--action", "viewSummary"].into_iter().chain(on);
        bench.run(question.chain(of_file).chain(option.iter().copied())).fails(64, option[0]);
    }
    // What a person is shown is audited before it is shown; a `check` shows nothing of the record.
    let looked = asks(&bench, &["audit", "who-looked", "Case::\"c1\"", "--principal", "User::\"privacy\""]);
    let kinds: Vec<&str> = looked.out.lines().filter_map(|line| line.split("  ").nth(2)).collect();
    let kinds: Vec<&str> = kinds.iter().filter_map(|kind| kind.split([' ', ',']).next()).collect();
    assert_eq!(
        kinds,
        ["export", "explain", "list", "count", "who", "alert", "view", "view", "view"],
        "{}",
        looked.out
    );
    let again = asks(&bench, &["audit", "who-looked", "Case::\"c1\"", "--principal", "User::\"privacy\""]);
    assert!(again.out.contains("User::\"privacy\"  who-looked"), "{}", again.out);
    asks(&bench, &["audit", "looked-at", "User::\"flow\"", "--principal", "User::\"office\""])
        .fails(1, "may not see the access history");
    // The policies are the store's, and so is the time.
    let two = ["list", "--policies", ".", "--db", "cases.db"];
    assert_eq!(bench.run([&two[..], &flow[..], &["--type", "Case"]].concat()).code, 64);
    let now =
        [&["list", "--db", "cases.db", "--type", "Case"], &flow[..], &["--now", "2026-05-20T09:00:00Z"]];
    bench.run(now.concat()).fails(64, "--trust-now takes it from the caller");
    let context =
        [&["list", "--db", "cases.db", "--type", "Case"], &flow[..], &["--context", "{\"now\": 1}"]];
    bench.run(context.concat()).fails(1, "the store's clock says it");
    bench.run([&["list", "--type", "Case"], &flow[..]].concat()).fails(64, "--entities");
}

#[test]
fn a_past_moment_is_asked() {
    let bench = with_case();
    bench.write("moves.csv", "student,school,start\naroha,rata,2026-05-12\n");
    let feed = [
        "feed",
        "enrolment",
        "moves.csv",
        "--db",
        "cases.db",
        "--trust-now",
        "--now",
        "2026-05-20T09:00:00+12:00",
    ];
    assert_eq!(bench.run(feed).code, 0);
    let who = |more: &[&'static str]| {
        let question = ["who", "--action", "viewSummary", "--resource", "Case::\"c1\""];
        asks(&bench, &[&question, more].concat()).out.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let before = who(&["--as-of", "2026-05-11T12:00:00+12:00"]);
    assert!(before.contains("lead") && !before.contains("rata-lead"), "{before:?}");
    let held = who(&["--as-of", "2026-05-15T12:00:00+12:00"]);
    assert!(!held.contains("lead"), "{held:?}");
    let known = who(&["--as-of", "2026-05-15T12:00:00+12:00", "--known-at", "2026-05-15T12:00:00+12:00"]);
    assert_eq!(known, before);
    let question =
        ["who", "--action", "viewSummary", "--resource", "Case::\"c1\"", "--as-of", "2027-01-01T00:00:00Z"];
    asks(&bench, &question).fails(1, "lies ahead of the store's clock");
}

#[test]
fn the_log_is_verified_and_proved() {
    let bench = with_case();
    let keys = bench.run(["audit", "keygen", "--name", "cases.example.org/1", "--secret", "log.key"]);
    assert_eq!(keys.code, 0, "{}", keys.err);
    bench.write("log.pub", &keys.out);
    bench.run(["audit", "keygen", "--name", "x", "--secret", "log.key"]).fails(1, "log.key");
    let sound = bench.run(["audit", "verify", "--db", "cases.db"]);
    assert_eq!(sound.code, 0, "{}{}", sound.out, sound.err);
    assert!(
        sound.out.contains("4 entries read") && sound.out.contains("not excluded: that entries were cut")
    );
    let signed = bench.run(["audit", "checkpoint", "--db", "cases.db", "--secret", "log.key", "-o", "note"]);
    assert_eq!(signed.code, 0, "{}", signed.err);
    let against = ["audit", "verify", "--db", "cases.db", "--checkpoint", "note", "--trust", "log.pub"];
    let sound = bench.run(against);
    assert!(sound.code == 0 && !sound.out.contains("not excluded"), "{}{}", sound.out, sound.err);
    let proof =
        bench.run(["audit", "prove", "3", "--db", "cases.db", "--checkpoint", "note", "--trust", "log.pub"]);
    assert_eq!(proof.code, 0, "{}", proof.err);
    bench.write("proof", &proof.out);
    let shown = bench.run(["audit", "check", "proof", "--trust", "log.pub"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(shown.json()["payload"]["command"]["command"], json!("submitRequest"));
    bench.write("forged", proof.out.replace("index 2", "index 1"));
    bench
        .run(["audit", "check", "forged", "--trust", "log.pub"])
        .fails(4, "is not in the log of the checkpoint");
    let replayed = bench.run(["audit", "replay", "--db", "cases.db"]);
    assert_eq!(
        (replayed.code, replayed.out.as_str()),
        (0, "3 commands decided again, 0 otherwise; 0 disposed of and not replayable; 1 of other kinds\n"),
        "{}",
        replayed.err
    );
    // By other policies: who would have been answered otherwise.
    bench.run(["init"]);
    let others = bench.run(["audit", "replay", "--db", "cases.db", "--policies", "policies"]);
    assert_ne!(others.code, 0, "{}{}", others.out, others.err);
}

#[test]
fn other_policies_are_put_in_force() {
    let bench = with_case();
    bench.run(["init"]);
    let said = ["--approved-by", "the board", "--reason", "a trial"];
    let activate = |more: &[&str]| {
        let args = ["store", "activate", "--db", "cases.db"].into_iter().chain(TRUSTING).chain(said);
        bench.run(args.chain(more.iter().copied()))
    };
    activate(&["--policies", "policies"]).fails(1, "");
    activate(&[]).fails(64, "--policies");
    let before = bench.run(["store", "policies", "--db", "cases.db"]).out;
    assert_eq!(before.lines().count(), 1);
    let hash = before.split(' ').next().unwrap().to_owned();
    let back = activate(&["--hash", &hash]);
    assert_eq!((back.code, back.out), (0, format!("{hash}\n")), "{}", back.err);
    let after = bench.run(["store", "policies", "--db", "cases.db"]).out;
    assert_eq!(after, before, "what is in force is not put in force again");
    activate(&["--hash", "none"]).fails(1, "never had policies `none`");
}

#[test]
fn no_output_takes_the_place_of_a_store_or_of_its_key() {
    let bench = with_case();
    let keygen = ["audit", "keygen", "--name", "x.test/log", "--secret", "log.key"];
    assert_eq!(bench.run(keygen).code, 0);
    bench.write("cases.db-files/18/1800", "a file");
    bench.write(".git/HEAD", "ref: refs/heads/main");
    bench.write("notes-lock", "of something else");
    assert_eq!(bench.run(["sample", "--cases", "1", "-o", "notes-lock"]).code, 0);
    for (new, what) in [
        (".git/hooks-of", "a part of a repository"),
        ("cases.db-files/18/1900", "a part of a store"),
        ("cases.db-journal", "a part of a store"),
    ] {
        bench.run(["sample", "--cases", "1", "-o", new]).fails(1, what);
        assert!(!bench.path(new).exists(), "{new}");
    }
    for (file, what) in [
        ("cases.db", "a database"),
        ("log.key", "a secret key"),
        ("cases.db-lock", "a part of a store"),
        ("cases.db-files/18/1800", "a part of a store"),
        (".git/HEAD", "a part of a repository"),
    ] {
        let before = std::fs::read(bench.path(file)).unwrap();
        for verb in [["sample", "--cases", "1", "-o"].as_slice(), &["snapshot", "small.json"]] {
            let ran = bench.run(verb.iter().copied().chain([file]));
            ran.fails(1, what);
        }
        assert_eq!(std::fs::read(bench.path(file)).unwrap(), before, "{file}");
    }
}

#[test]
fn a_published_report_is_of_now() {
    let bench = with_case();
    let report = ["report", "--principal", "User::\"region\"", "--kind", "anonymised", "--by", "status"];
    let past = asks(&bench, &[&report[..], &["--as-of", "2026-05-11T12:00:00+12:00"]].concat());
    past.fails(64, "a published report is of now");
    assert_ne!(asks(&bench, &report).code, 64);
}

#[test]
fn who_fits_is_validated_with_the_policies() {
    let bench = Bench::new();
    bench.run(["init"]);
    let validate = || bench.run(["validate", "--policies", "policies"]);
    assert_eq!(validate().code, 0, "{}", validate().err);
    bench.write(
        "policies/fits/actions.cedarschema",
        "action fitsHere appliesTo { principal: [User], resource: [Document] };\n",
    );
    let fit = |when: &str| {
        let text = format!(
            "@id(\"fits.here\")\n@rule(\"X\")\n@description(\"x\")\npermit (principal, action == Action::\"fitsHere\", resource)\nwhen {{ {when} }};\n"
        );
        bench.write("policies/fits/here.cedar", text);
        validate()
    };
    let (good, typo) = (fit("true"), fit("principal.nothing"));
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    assert_eq!(typo.code, 3, "{}{}", typo.out, typo.err);
    assert!(typo.err.contains("here.cedar") || typo.out.contains("here.cedar"), "{}{}", typo.out, typo.err);
    bench.write("policies/fits/here.cedar", "permit (");
    assert_eq!(validate().code, 3);
}

#[test]
fn a_file_is_given_and_absent_looks_like_denied() {
    let bench = with_case();
    bench.write("note.txt", "hello");
    let file = json!({"command": "uploadFile", "as": "lead", "on": "Case::\"c1\"", "id": "f1",
        "data": {"file": {"path": "note.txt"}, "fileName": "note.txt", "fileType": "text/plain"}});
    assert_eq!(does(&bench, &[file]).code, 0);
    let get = |item: &'static str, by: &'static str, more: &[&'static str]| {
        let args = ["store", "file", item, "--principal", by, "--purpose", "weekly call"];
        asks(&bench, &[&args, more].concat())
    };
    let given = get("Item::\"f1\"", "User::\"lead\"", &[]);
    assert_eq!((given.code, given.out.as_str()), (0, "hello"), "{}", given.err);
    assert_eq!(get("Item::\"f1\"", "User::\"lead\"", &["-o", "out.txt"]).code, 0);
    assert_eq!(bench.read("out.txt"), "hello");
    let denied = get("Item::\"f1\"", "User::\"rata-lead\"", &[]);
    let absent = get("Item::\"f2\"", "User::\"rata-lead\"", &[]);
    assert_eq!(
        (denied.code, denied.out, denied.err),
        (absent.code, absent.out, absent.err.replace("f2", "f1"))
    );
    let looked = asks(&bench, &["audit", "who-looked", "Item::\"f1\"", "--principal", "User::\"privacy\""]);
    assert_eq!(
        looked.out.matches("  download Item::\"f1\", 1 told of: weekly call").count(),
        2,
        "{}",
        looked.out
    );
    // Other bytes are not given.
    let folder = bench.path("cases.db-files");
    let inner = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(std::fs::read_dir(inner).unwrap().next().unwrap().unwrap().path(), "hullo").unwrap();
    get("Item::\"f1\"", "User::\"lead\"", &[]).fails(1, "has other bytes");
}

#[test]
fn a_key_of_which_the_name_cannot_be_told_is_not_made() {
    let bench = Bench::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = bench.command();
    command.args(["audit", "keygen", "--name", "cases.example.org/1", "--secret", "log.key"]).stdout(full);
    assert_eq!(command.stderr(Stdio::null()).status().unwrap().code(), Some(1));
    assert!(!bench.path("log.key").exists());
}
