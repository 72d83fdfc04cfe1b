//! The audit log: what is altered shows, and what was looked at is told to whoever may know.

use caseward::EntityUid;
use caseward_store::{Checkpoint, LogKey, Outcome, Proof, Read, Verified};
use serde_json::json;

use crate::bench::{Bench, NOW};

/// A case, commands of each outcome, a feed, a read.
fn bench() -> Bench {
    let bench = Bench::with_case();
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": "Back."}, "id": "i1"}));
    assert_eq!(
        bench.tries("rata-lead", "addComment", "Case::\"c1\"", json!({"data": {"text": "?"}})).outcome,
        Outcome::Denied
    );
    let text = "student,school,start\nben,rata,2026-05-20\n";
    bench.store().feed_at("enrolment", text.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    bench.store().audit(read("list", "manager", &["Case::\"c1\"", "Student::\"aroha\""])).unwrap();
    bench
}

fn uid(text: &str) -> EntityUid {
    text.parse().unwrap()
}

fn read(kind: &str, by: &str, told: &[&str]) -> Read {
    let mut read = Read::new(kind, NOW);
    read.by = Some(EntityUid::new("User", by));
    read.told = told.iter().map(|text| uid(text)).collect();
    read
}

/// Closes a store, alters its database, and verifies it.
fn altered(mut bench: Bench, sql: &str, checkpoints: Vec<Checkpoint>) -> Verified {
    bench.store = None;
    assert!(bench.alter(sql) > 0, "{sql}");
    bench.reopen();
    bench.store().verify(checkpoints).unwrap()
}

#[test]
fn what_was_written_verifies() {
    let bench = bench();
    let found = bench.store().verify(Vec::new()).unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert_eq!((found.entries, found.disposed), (9, 0));
    assert_eq!(found.not_excluded.len(), 2, "without a checkpoint a cut tail is not seen");
    let key = LogKey::new("cases.example.org/test").unwrap();
    let note = bench.store().checkpoint(&key).unwrap();
    let checkpoint = Checkpoint::open(&note, &[key.verifier()]).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root.len()), (9, 32));
    let found = bench.store().verify(vec![checkpoint.clone()]).unwrap();
    assert!(found.is_sound() && found.not_excluded.is_empty(), "{found:?}");
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": "Again."}}));
    let found = bench.store().verify(vec![checkpoint]).unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert!(found.not_excluded[0].contains("entries after 9"), "{found:?}");
}

#[test]
fn every_kind_of_tampering_shows() {
    let says = |sql: &str, what: &str| {
        let found = altered(bench(), sql, Vec::new());
        assert!(found.problems.iter().any(|problem| problem.what.contains(what)), "{sql}: {found:#?}");
    };
    let log = |rest: &str| format!("UPDATE caseward_log SET {rest}");
    says(&log("payload = replace(payload, 'Back.', 'Gone.') WHERE event = 6"), "its payload is not the one");
    says(&log("salt = replace(salt, substr(salt, 1, 1), 'z') WHERE event = 4"), "its payload is not the one");
    says(&log("payload = NULL, salt = NULL WHERE event = 6"), "no disposal says so");
    says(&log("payload = NULL WHERE event = 6"), "a salt without payload");
    says(&log("envelope = replace(envelope, 'command', 'commanD') WHERE event = 3"), "says kind `commanD`");
    says(&log("recorded = recorded + 1 WHERE event = 3"), "says recorded");
    says(&log("version = version + 1 WHERE event = 3"), "says version");
    says(&log("kind = 'read' WHERE event = 3"), "says kind");
    says(&log("event = event + 100 WHERE event = 5"), "entries 5 to 5 are missing");
    says("DELETE FROM caseward_log WHERE event = 5", "entries 5 to 5 are missing");
    says(&log("event = -event WHERE event IN (4, 5)"), "has the number -4");
    says(
        &log(
            "envelope = (SELECT envelope FROM caseward_log b WHERE b.event = 5), payload = (SELECT payload FROM \
               caseward_log b WHERE b.event = 5), salt = (SELECT salt FROM caseward_log b WHERE b.event = 5) \
               WHERE event = 4",
        ),
        "says event `5`",
    );
}

/// A log that was cut, or written anew by somebody who has the database and even the key.
#[test]
fn a_cut_tail_and_a_second_history_show_against_a_checkpoint() {
    let key = LogKey::new("cases.example.org/test").unwrap();
    let first = bench();
    let note = first.store().checkpoint(&key).unwrap();
    let checkpoint = || Checkpoint::open(&note, &[key.verifier()]).unwrap();
    // Another history, whole in itself, of as many entries and more, with the same key.
    let second = Bench::with_case();
    for text in ["a", "b", "c", "d", "e"] {
        second.does("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": text}}));
    }
    assert!(second.store().verify(Vec::new()).unwrap().is_sound());
    let found = second.store().verify(vec![checkpoint()]).unwrap();
    assert!(
        found.problems.iter().any(|problem| problem.what.contains("the history was rewritten")),
        "{found:?}"
    );
    // One that ends earlier.
    let short = Bench::with_case();
    let found = short.store().verify(vec![checkpoint()]).unwrap();
    assert!(found.problems.iter().any(|problem| problem.what.contains("the log was cut")), "{found:?}");
    // Cut by hand, and the tree that is kept with it.
    let found = altered(first, "DELETE FROM caseward_log WHERE event = 9", vec![checkpoint()]);
    assert!(found.problems.iter().any(|problem| problem.what.contains("the log was cut")), "{found:?}");
    assert!(found.problems.iter().any(|problem| problem.what.contains("is not that of the 8")), "{found:?}");
}

#[test]
fn a_proof_needs_no_store() {
    let bench = bench();
    let key = LogKey::new("cases.example.org/test").unwrap();
    let note = bench.store().checkpoint(&key).unwrap();
    let trusted = [key.verifier()];
    for event in 1..=9 {
        let text = bench.store().prove(event, &note, &trusted, true).unwrap();
        let proof = Proof::open(&text, &trusted).unwrap();
        assert_eq!((proof.event, proof.size), (event, 9));
        assert_eq!(proof.envelope["event"], json!(event));
        assert!(proof.payload.is_some());
        // Every line of it counts.
        for at in 0..text.lines().count() {
            let lines = text.lines().enumerate().filter(|(number, _)| *number != at);
            let cut: String = lines.map(|(_, line)| format!("{line}\n")).collect();
            assert!(Proof::open(&cut, &trusted).is_err(), "without line {at}: {cut}");
        }
        let index = format!("index {}", event - 1);
        assert!(Proof::open(&text.replace(&index, &format!("index {event}")), &trusted).is_err());
    }
    let comment = Proof::open(&bench.store().prove(6, &note, &trusted, true).unwrap(), &trusted).unwrap();
    assert_eq!(comment.payload.unwrap()["command"]["data"]["text"], json!("Back."));
    let bare = Proof::open(&bench.store().prove(6, &note, &trusted, false).unwrap(), &trusted).unwrap();
    assert_eq!(bare.payload, None);
    let error = bench.store().prove(10, &note, &trusted, true).unwrap_err().to_string();
    assert_eq!(error, "the checkpoint has no entry 10: it has 9, counted from 1");
    // One entry alone.
    let alone = Bench::new();
    let note = alone.store().checkpoint(&key).unwrap();
    let text = alone.store().prove(1, &note, &trusted, true).unwrap();
    assert_eq!(Proof::open(&text, &trusted).unwrap().size, 1);
    let other = key.verifier().to_string().replace("cases", "races").parse::<caseward_store::LogVerifier>();
    assert!(other.is_err());
}

#[test]
fn what_was_disposed_of_still_verifies() {
    let bench = bench();
    bench.does("flow", "closeCase", "Case::\"c1\"", json!({"data": {"closureReason": "done"}}));
    bench.tick(bench.clock() + 60_000);
    bench.done(json!({
        "command": "disposeRecords", "as": "privacy", "on": "Student::\"aroha\"",
        "context": {"protectionInstruction": false}, "now": "2038-06-01T00:00:00Z",
    }));
    let found = bench.store().verify(Vec::new()).unwrap();
    assert!(found.is_sound() && found.disposed >= 6, "{found:?}");
    // The words are nowhere in the file any more.
    for name in ["cases.db", "cases.db-wal"] {
        let bytes = std::fs::read(bench.folder.path().join(name)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("Back."), "{name}");
    }
    // Who looked at it is still told, to whoever may know it of the student.
    let looked = bench.store().who_looked(&uid("Case::\"c1\""), &uid("User::\"privacy\"")).unwrap();
    assert_eq!(looked.len(), 1);
    assert_eq!(looked[0].by.as_deref(), Some("User::\"manager\""));
    // A payload that is brought back shows.
    let put = "UPDATE caseward_log SET payload = '{}', salt = '00' WHERE event = 6";
    let found = altered(bench, put, Vec::new());
    assert!(found.problems.iter().any(|problem| problem.what.contains("and it is there")), "{found:?}");
}

#[test]
fn who_looked_is_told_to_whoever_may_know() {
    let bench = bench();
    let store = bench.store();
    let mut view = read("view", "flow", &["Case::\"c1\"", "Item::\"i1\""]);
    view.on = Some(uid("Case::\"c1\""));
    view.purpose = Some("weekly call".to_owned());
    store.audit(view).unwrap();
    let mut nothing = read("view", "rata-lead", &[]);
    nothing.on = Some(uid("Case::\"c1\""));
    nothing.is_denied = true;
    store.audit(nothing).unwrap();
    let privacy = uid("User::\"privacy\"");
    let looked = store.who_looked(&uid("Case::\"c1\""), &privacy).unwrap();
    let by: Vec<_> =
        looked.iter().map(|one| (one.kind.as_str(), one.by.as_deref().unwrap(), one.told)).collect();
    assert_eq!(
        by,
        [
            ("list", "User::\"manager\"", Some(2)),
            ("view", "User::\"flow\"", Some(2)),
            ("view", "User::\"rata-lead\"", Some(0)),
        ]
    );
    assert_eq!(looked[1].purpose.as_deref(), Some("weekly call"));
    assert_eq!(store.who_looked(&uid("Student::\"aroha\""), &privacy).unwrap().len(), 3);
    assert_eq!(store.who_looked(&uid("Student::\"ben\""), &privacy).unwrap(), []);
    assert_eq!(store.looked_at(&uid("User::\"flow\""), &privacy).unwrap().len(), 1);
    let denied = store.denied(&privacy).unwrap();
    let all: Vec<_> = denied.iter().map(|one| (one.kind.as_str(), one.by.as_deref().unwrap())).collect();
    assert_eq!(all, [("addComment", "User::\"rata-lead\""), ("view", "User::\"rata-lead\"")]);
    // Nobody else is told, nor whether there is such a record.
    let office = uid("User::\"office\"");
    let of = |uid: &EntityUid| store.who_looked(uid, &office).unwrap_err().to_string();
    assert_eq!(of(&uid("Case::\"c1\"")), of(&uid("Case::\"c2\"")).replace("c2", "c1"));
    assert!(store.looked_at(&uid("User::\"flow\""), &office).is_err());
    assert_eq!(store.denied(&office).unwrap(), []);
}

#[test]
fn an_export_is_a_look() {
    let bench = bench();
    bench.does("privacy", "exportPersonalInformation", "Student::\"aroha\"", json!({}));
    let privacy = uid("User::\"privacy\"");
    let looked = bench.store().who_looked(&uid("Student::\"aroha\""), &privacy).unwrap();
    let kinds: Vec<&str> = looked.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["list", "exportPersonalInformation"]);
    assert_eq!(bench.store().looked_at(&privacy, &privacy).unwrap().len(), 1);
}

#[test]
fn a_look_at_a_record_of_a_student_is_a_look_at_the_student() {
    let bench = bench();
    let (student, privacy) = (uid("Student::\"aroha\""), uid("User::\"privacy\""));
    let kinds = |of: &EntityUid| -> Vec<String> {
        let looked = bench.store().who_looked(of, &privacy).unwrap();
        looked.into_iter().map(|one| one.kind).collect()
    };
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"id": "i9", "data": {"text": "x"}}));
    let mut view = read("view", "flow", &["Case::\"c1\""]);
    view.on = Some(uid("Case::\"c1\""));
    bench.store().audit(view).unwrap();
    bench.store().audit(read("explain", "flow", &["Item::\"i9\""])).unwrap();
    bench.store().audit(read("explain", "flow", &["Request::\"r1\""])).unwrap();
    bench.store().audit(read("explain", "flow", &["Student::\"ben\""])).unwrap();
    assert_eq!(kinds(&student), ["list", "view", "explain", "explain"]);
    assert_eq!(kinds(&uid("Case::\"c1\"")), ["list", "view", "explain"]);
    // Also once they are gone.
    bench.does("flow", "closeCase", "Case::\"c1\"", json!({"data": {"closureReason": "done"}}));
    bench.tick(bench.clock() + 60_000);
    bench.done(json!({
        "command": "disposeRecords", "as": "privacy", "on": "Student::\"aroha\"",
        "context": {"protectionInstruction": false}, "now": "2038-06-01T00:00:00Z",
    }));
    assert_eq!(kinds(&student), ["list", "view", "explain", "explain"]);
}

#[test]
fn a_file_is_given_to_whoever_may_view_its_item_and_the_look_is_audited() {
    use std::io::Read as _;
    let bench = bench();
    bench.does("lead", "uploadFile", "Case::\"c1\"", json!({
        "id": "f1", "data": {"file": {"base64": "aGVsbG8="}, "fileName": "a.txt", "fileType": "text/plain"}
    }));
    let get = |item: &str, by: &str| bench.store().download(&uid(item), &uid(by), Some("call".to_owned()));
    let mut file = get("Item::\"f1\"", "User::\"lead\"").unwrap();
    let mut text = String::new();
    file.bytes.read_to_string(&mut text).unwrap();
    assert_eq!(
        (text.as_str(), file.name.as_str(), file.file_type.as_str(), file.size),
        ("hello", "a.txt", "text/plain", 5)
    );
    let says = |item: &str, by: &str| get(item, by).map(|_| ()).unwrap_err().to_string();
    let denied = says("Item::\"f1\"", "User::\"rata-lead\"");
    assert_eq!(denied, says("Item::\"f2\"", "User::\"rata-lead\"").replace("f2", "f1"));
    assert_eq!(denied, says("Item::\"f1\"", "User::\"lead2\"").replace("lead2", "rata-lead"));
    let looked = bench.store().who_looked(&uid("Item::\"f1\""), &uid("User::\"privacy\"")).unwrap();
    let told: Vec<_> =
        looked.iter().map(|one| (one.kind.as_str(), one.told, one.purpose.as_deref())).collect();
    assert_eq!(told[0], ("download", Some(1), Some("call")));
    assert_eq!((told.len(), told[1].1), (3, Some(0)));
}

/// What many look at at once is in the log by fewer transactions than looks, each under a number of its own.
#[test]
fn looks_that_wait_together_are_written_together() {
    let bench = bench();
    let store = bench.store();
    let alone = || {
        let before = store.touched().statements;
        store.audit(read("view", "manager", &["Case::\"c1\""])).unwrap();
        store.touched().statements - before
    };
    alone();
    let (one, begun, before) = (alone(), store.last_entry().unwrap(), store.touched().statements);
    let entries: std::collections::BTreeSet<u64> = std::thread::scope(|scope| {
        let look =
            || (0..50).map(|_| store.audit(read("view", "manager", &["Case::\"c1\""])).unwrap()).collect();
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(move || -> Vec<u64> { look() })).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(entries.iter().copied().eq(begun + 1..=begun + 800), "each has a number of its own");
    let written = store.touched().statements - before;
    assert!(written < 800 * one, "{written} statements for 800 looks, and {one} for one alone");
    assert!(store.verify(Vec::new()).unwrap().problems.is_empty());
}
