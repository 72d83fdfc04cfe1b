//! A store that is encrypted: what can be read without its key, what is noticed, and that it does all that another does.

use std::path::Path;

use caseward::{ActionName, EntityUid, Listing, Query, TypeName};
use caseward_store::{Error, Moment, Options, PolicySet, Read, Store, StoreKey, Taken};
use serde_json::{Value as Json, json};

use crate::bench::{Bench, Folder, NOW, instant, is_on_postgres, options};

/// Words of content, of a file, of answers and of what was asked: none of them is to be read without the key.
const SECRETS: [&str; 7] =
    ["Ngaio-Ngata", "panuitia", "taha-hauora", "puka-huna", "whakaaro", "putanga-iho", "2001-02-03"];
/// What the file holds.
const FILE: &str = "puka-huna";
const CASE: &str = "Case::\"c1\"";
const AROHA: &str = "Student::\"aroha\"";

/// Something of all that content is in.
fn story(bench: &Bench) {
    bench.makes_case();
    let feed = |kind: &str, text: &str| {
        let now = bench.clock() + 60_000;
        let answers = bench.store().feed_at(kind, text.as_bytes().to_vec(), 172_800_000, now).unwrap();
        assert!(answers.iter().all(|answer| answer.outcome == Taken::Done), "{answers:?}");
        bench.tick(now);
    };
    feed(
        "content",
        "type,id,field,value\nStudent,aroha,name,Ngaio-Ngata\nStudent,aroha,dateOfBirth,2001-02-03\nStudent,ben,name,Zed\n",
    );
    feed("attendance", "student,date,code,attended,open\naroha,2026-05-04,panuitia,2,2\n");
    bench.does(
        "manager",
        "addComment",
        CASE,
        json!({"id": "i1", "data": {"text": "taha-hauora"}, "key": "k1"}),
    );
    let base64 = "cHVrYS1odW5h";
    let file = json!({"id": "i2", "data": {"file": {"base64": base64}, "fileName": "a.txt", "fileType": "text/plain"}});
    bench.does("manager", "uploadFile", CASE, file);
    bench.does("manager", "updateRecord", CASE, json!({"data": {"narrative": "whakaaro"}}));
    bench.does("manager", "updateRecord", CASE, json!({"data": {"outcome": "putanga-iho"}}));
    bench.does("privacy", "exportPersonalInformation", AROHA, json!({"key": "k2"}));
}

fn encrypted() -> Bench {
    let bench = Bench::encrypted();
    story(&bench);
    bench
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => all.extend(files(&entry.path())),
            false => {
                let bytes = std::fs::read(entry.path()).unwrap();
                all.push((entry.path().to_string_lossy().into_owned(), bytes));
            }
        }
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|some| some == text.as_bytes())
}

/// What of the secrets is in files below a folder.
fn read_in(folder: &Path) -> Vec<(String, &'static str)> {
    let all = files(folder);
    let found = |(name, bytes): &(String, Vec<u8>)| {
        let those = SECRETS.into_iter().filter(|secret| holds(bytes, secret));
        those.map(|secret| (name.clone(), secret)).collect::<Vec<_>>()
    };
    all.iter().flat_map(found).collect()
}

fn hash() -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(FILE).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn content_is_nowhere_to_be_read_without_the_key() {
    let mut bench = encrypted();
    bench.store = None;
    for (table, column, those) in [
        ("caseward_content", "value", ""),
        ("caseward_log", "payload", "AND payload IS NOT NULL"),
        ("caseward_log", "salt", "AND salt IS NOT NULL"),
        ("caseward_answer", "answer", ""),
        ("caseward_feed", "line", "AND kind IN ('content', 'attendance')"),
    ] {
        let count = |like: &str| {
            bench.number(&format!("SELECT count(*) FROM {table} WHERE {column} {like} '~1.%' {those}"))
        };
        assert!(count("LIKE") > 0 && count("NOT LIKE") == 0, "{table}.{column}");
    }
    // Facts are read as ever: filters read them.
    assert_eq!(bench.text("SELECT status FROM \"case\" WHERE id = 'c1'"), "open");
    if is_on_postgres() {
        assert_eq!(bench.number(&format!("SELECT count(*) FROM caseward_file WHERE hash = '{}'", hash())), 0);
        assert_eq!(
            bench.number("SELECT count(*) FROM caseward_file WHERE position('puka'::bytea IN bytes) > 0"),
            0
        );
    } else {
        assert_eq!(read_in(bench.folder.path()), []);
        let named = files(bench.folder.path()).into_iter().any(|(name, _)| name.contains(&hash()));
        assert!(!named, "a file is called by the hash of its bytes");
    }
    // As it is where nothing is encrypted: so is it told.
    if !is_on_postgres() {
        let mut plain = Bench::new();
        story(&plain);
        plain.store = None;
        let found = read_in(plain.folder.path());
        assert!(SECRETS.iter().all(|secret| found.iter().any(|(_, one)| one == secret)), "{found:?}");
    }
}

#[test]
fn it_is_opened_with_its_own_key_alone() {
    let mut bench = encrypted();
    bench.store = None;
    let open = |key: Option<StoreKey>| Store::open(bench.place(), &options().with_key(key)).map(drop);
    let refused = |result: Result<(), Error>, why: &str| {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Sealed(_)) && error.to_string().contains(why), "{error}");
    };
    let name = bench.key.as_ref().unwrap().name();
    refused(open(None), &format!("is encrypted: give its key, `{name}`"));
    refused(open(Some(StoreKey::generate().unwrap())), &format!("is encrypted with the key `{name}`"));
    open(bench.key.clone()).unwrap();
    let mut plain = Bench::new();
    plain.store = None;
    let result = Store::open(plain.place(), &options().with_key(bench.key.clone())).map(drop);
    refused(result, "is not encrypted, and a key was given");
    if !is_on_postgres() {
        let folder = bench.folder.path();
        refused(Store::backup(bench.place(), folder.join("monday")).map(drop), "give its key");
        assert!(!folder.join("monday").exists() && !folder.join("monday.partial").exists());
    }
}

#[test]
fn it_does_all_that_another_does() {
    let mut bench = encrypted();
    let plain = Bench::new();
    story(&plain);
    assert_eq!(bench.exported(), plain.exported());
    // The log is the same to the byte: what is in it is hashed before it is encrypted.
    let roots = [&bench, &plain].map(|one| {
        let found = one.store().verify(Vec::new()).unwrap();
        assert!(found.is_sound(), "{found:?}");
        found.root
    });
    assert_eq!(roots[0], roots[1]);
    let before = bench.clock() - 90_000;
    for _ in 0..2 {
        let store = bench.store();
        let content = |uid: &str, field: &str| {
            store.contents(vec![(uid.parse().unwrap(), field.to_owned())]).unwrap().remove(0)
        };
        assert_eq!(content(AROHA, "name"), Some(json!("Ngaio-Ngata")));
        assert_eq!(content(CASE, "narrative"), Some(json!("whakaaro")));
        assert_eq!(content(AROHA, "attendanceCodes"), Some(json!({"2026-05-04": "panuitia"})));
        let past = store.past_at(Moment::as_of(before), bench.clock()).unwrap();
        let then = store.past_contents(&past, vec![(CASE.parse().unwrap(), "outcome".to_owned())]).unwrap();
        assert_eq!(then, [None]);
        let flow = EntityUid::new("User", "flow");
        let query =
            Query::new(flow.clone(), ActionName::new("viewSummary"), TypeName::new("Case")).at(bench.clock());
        let listing = Listing::new().by("student.name").beginning("student.name", "NGAIO");
        assert_eq!(store.list(&query, &listing).unwrap().len(), 1);
        assert_eq!(store.list(&query, &Listing::new().beginning("student.name", "zed")).unwrap().len(), 0);
        assert_eq!(store.search(&query, "ngaio", &Listing::new()).unwrap().len(), 1);
        let mut file =
            store.download(&EntityUid::new("Item", "i2"), &EntityUid::new("User", "manager"), None).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file.bytes, &mut text).unwrap();
        assert_eq!((text.as_str(), file.sha256), (FILE, hash()));
        let looked = store.who_looked(&AROHA.parse().unwrap(), &EntityUid::new("User", "privacy")).unwrap();
        assert!(looked.iter().any(|one| one.kind == "exportPersonalInformation"), "{looked:?}");
        let replayed = store.replay(None).unwrap();
        assert!(replayed.commands > 8 && replayed.differing.is_empty(), "{replayed:?}");
        let mut read = Read::new("view", bench.clock());
        (read.by, read.on) = (Some(flow), Some(CASE.parse().unwrap()));
        store.audit(read).unwrap();
        let found = store.doctor().unwrap();
        assert!(found.is_sound() && found.files == 1 && found.fields > 10, "{found:?}");
        // What was done under a key is done once, and a line that was taken stays so.
        let again = json!({"id": "i1", "data": {"text": "taha-hauora"}, "key": "k1"});
        assert!(bench.does("manager", "addComment", CASE, again).repeated);
        let other = bench.tries("manager", "addComment", CASE, json!({"data": {"text": "x"}, "key": "k1"}));
        assert!(other.errors[0].contains("was another command's"), "{other:?}");
        let line = b"type,id,field,value\nStudent,aroha,name,Ngaio-Ngata\n".to_vec();
        let fed = bench.store().feed_at("content", line, 172_800_000, bench.clock()).unwrap();
        assert_eq!(fed[0].outcome, Taken::Unchanged);
        // And after it was closed.
        bench.reopen_at(bench.clock());
    }
}

#[test]
fn what_was_moved_altered_or_not_encrypted_is_noticed() {
    let noticed = |sql: &str, kind: &str| {
        let mut bench = encrypted();
        bench.store = None;
        assert!(bench.alter(sql) >= 1, "{sql}");
        bench.reopen_at(bench.clock());
        let found = bench.store().doctor().unwrap();
        let fault =
            found.findings.iter().find(|one| one.is_fault && one.what.contains("cannot be decrypted"));
        assert!(fault.is_some_and(|one| one.kind == kind), "{sql}: {:?}", found.findings);
        bench
    };
    let content = |bench: &Bench, uid: &str, field: &str| {
        bench.store().contents(vec![(uid.parse().unwrap(), field.to_owned())])
    };
    // Of another row, of another column, and what somebody wrote who does not have the key.
    let moved = "UPDATE caseward_content SET value = (SELECT value FROM caseward_content WHERE id = 'ben' AND field = 'name') \
                 WHERE id = 'aroha' AND field = 'name'";
    let bench = noticed(moved, "content");
    let error = content(&bench, AROHA, "name").unwrap_err();
    assert!(
        matches!(&error, Error::Unreadable(what) if what.contains("`name` of Student::\"aroha\"")),
        "{error}"
    );
    assert_eq!(content(&bench, "Student::\"ben\"", "name").unwrap(), [Some(json!("Zed"))]);
    noticed(
        "UPDATE caseward_content SET value = '\"mine\"' WHERE id = 'c1' AND field = 'narrative'",
        "content",
    );
    // In the log it is told by its entry.
    let mut bench = encrypted();
    bench.store = None;
    bench.alter("UPDATE caseward_log SET payload = (SELECT payload FROM caseward_log WHERE event = 3) WHERE event = 4");
    bench.reopen_at(bench.clock());
    let found = bench.store().verify(Vec::new()).unwrap();
    let told =
        |problem: &caseward_store::Problem| problem.event == Some(4) && problem.what.contains("decrypted");
    assert!(!found.is_sound() && found.problems.iter().any(told), "{found:?}");
    if !is_on_postgres() {
        let folder = bench.folder.path().join("cases.db-files");
        let (file, mut bytes) = files(&folder).remove(0);
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(file, bytes).unwrap();
        let got =
            bench.store().download(&EntityUid::new("Item", "i2"), &EntityUid::new("User", "manager"), None);
        assert!(matches!(got.map(drop), Err(Error::Unreadable(_))));
    }
}

#[test]
fn its_key_is_changed_and_backups_stay_under_the_old_one() {
    let mut bench = encrypted();
    let old = bench.key.clone().unwrap();
    let monday = bench.folder.path().join("monday");
    if !is_on_postgres() {
        let made = Store::backup_with(bench.place(), &monday, Some(&old)).unwrap();
        assert!(made.files.len() == 1 && made.files[0] != hash(), "{made:?}");
        assert_eq!(read_in(&monday), []);
    }
    bench.store = None;
    let new = StoreKey::generate().unwrap();
    let other = StoreKey::generate().unwrap();
    assert!(matches!(Store::rekey(bench.place(), &other, &new), Err(Error::Sealed(_))));
    Store::rekey(bench.place(), &old, &new).unwrap();
    assert!(matches!(Store::rekey(bench.place(), &old, &new), Err(Error::Sealed(_))));
    let open = |place: &Path, key: &StoreKey| {
        Store::open(place, &Options::new().trusting(Some(bench.clock())).with_key(Some(key.clone())))
    };
    assert!(matches!(open(bench.place(), &old).map(drop), Err(Error::Sealed(_))));
    let says = |store: &Store| store.contents(vec![(AROHA.parse().unwrap(), "name".to_owned())]).unwrap();
    let store = open(bench.place(), &new).unwrap();
    assert_eq!(says(&store), [Some(json!("Ngaio-Ngata"))]);
    assert!(store.doctor().unwrap().is_sound());
    drop(store);
    if is_on_postgres() {
        return;
    }
    // A restore needs no key: every byte is held against its hash.
    let again = bench.folder.path().join("again.db");
    Store::restore(&monday, &again).unwrap();
    let store = open(&again, &old).unwrap();
    assert_eq!(says(&store), [Some(json!("Ngaio-Ngata"))]);
    assert!(store.doctor().unwrap().is_sound());
    let (file, mut bytes) = files(&monday.join("cases.db-files")).remove(0);
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(file, bytes).unwrap();
    let error = Store::restore(&monday, bench.folder.path().join("third.db")).unwrap_err().to_string();
    assert!(error.contains("is not as it was"), "{error}");
}

#[test]
fn nodes_of_one_store_follow_each_other() {
    if !is_on_postgres() {
        return;
    }
    let bench = encrypted();
    let other = Store::open(bench.place(), &options().with_key(bench.key.clone())).unwrap();
    let query =
        Query::new(EntityUid::new("User", "flow"), ActionName::new("viewSummary"), TypeName::new("Case"));
    let called = |name: &str| {
        let listing = Listing::new().by("student.name").beginning("student.name", name);
        other.list(&query.clone().at(bench.clock()), &listing).unwrap().len()
    };
    assert_eq!((called("ngaio"), called("aroha")), (1, 0));
    let text = json!({"id": "i9", "data": {"text": "Back."}});
    bench.does("manager", "addComment", CASE, text);
    let data = json!({"data": {"field": "name", "value": "Aroha"}});
    let version = bench.does("privacy", "correctPersonalInformation", AROHA, data).version;
    other.at_least(version, std::time::Duration::from_secs(20)).unwrap();
    assert_eq!((called("ngaio"), called("aroha")), (0, 1));
    let text = other.contents(vec![(EntityUid::new("Item", "i9"), "text".to_owned())]).unwrap();
    assert_eq!(text, [Some(json!("Back."))]);
}

#[test]
fn what_is_disposed_of_is_gone() {
    let bench = encrypted();
    bench.does("flow", "closeCase", CASE, json!({"data": {"closureReason": "done"}}));
    bench.tick(bench.clock() + 60_000);
    bench.done(json!({
        "command": "disposeRecords", "as": "privacy", "on": AROHA,
        "context": {"protectionInstruction": false}, "now": "2038-06-01T00:00:00Z",
    }));
    let left = "SELECT count(*) FROM caseward_content WHERE id IN ('aroha', 'c1', 'i1', 'i2')";
    assert_eq!(bench.number(left), 0);
    assert!(bench.store().verify(Vec::new()).unwrap().is_sound());
    let found = bench.store().doctor().unwrap();
    assert!(
        found.is_sound() && found.files == 0 && found.findings.iter().all(|one| one.kind != "files"),
        "{found:?}"
    );
    if !is_on_postgres() {
        assert_eq!(files(&bench.folder.path().join("cases.db-files")).len(), 0);
    }
}

#[test]
fn a_store_is_encrypted_from_its_making() {
    let bench = Bench::encrypted();
    assert_eq!(bench.number("SELECT count(*) FROM caseward_log WHERE payload NOT LIKE '~1.%'"), 0);
    let made: Json = serde_json::from_str(&bench.exported()).unwrap();
    assert!(made.as_array().unwrap().len() > 20);
    assert_eq!(bench.clock(), NOW);
    let folder = bench.folder.path().join("other.db");
    let key = StoreKey::generate().unwrap();
    Store::init(&folder, &PolicySet::attendance(), &options().with_key(Some(key))).unwrap();
}

#[test]
fn a_store_that_is_not_becomes_one_of_a_backup() {
    if is_on_postgres() {
        return;
    }
    let bench = Bench::new();
    story(&bench);
    let now = bench.clock();
    let before = bench.store().verify(Vec::new()).unwrap();
    let (plain, made) = (bench.folder.path().join("plain"), Folder::new());
    Store::backup(bench.place(), &plain).unwrap();
    let (key, place) = (StoreKey::generate().unwrap(), made.path().join("new.db"));
    Store::restore_under(&plain, &place, Some(&key)).unwrap();
    assert_eq!(read_in(made.path()), []);
    assert!(!files(made.path()).into_iter().any(|(name, _)| name.contains(&hash())));
    let without = Store::open(&place, &options());
    assert!(matches!(without.map(drop), Err(Error::Sealed(_))));
    let store = Store::open(&place, &Options::new().trusting(Some(now)).with_key(Some(key.clone()))).unwrap();
    let after = store.verify(Vec::new()).unwrap();
    assert!(after.is_sound() && (after.entries, &after.root) == (before.entries, &before.root), "{after:?}");
    let found = store.doctor().unwrap();
    assert!(found.is_sound() && found.files == 1, "{found:?}");
    let says = |uid: &str, field: &str| {
        store.contents(vec![(uid.parse().unwrap(), field.to_owned())]).unwrap().remove(0)
    };
    assert_eq!(says(AROHA, "name"), Some(json!("Ngaio-Ngata")));
    assert_eq!(says("Item::\"i1\"", "text"), Some(json!("taha-hauora")));
    // What was done under a key is known, and so is which line was taken.
    let again = json!({"command": "addComment", "as": "manager", "on": CASE, "key": "k1",
        "id": "i1", "data": {"text": "taha-hauora"}, "now": instant(now)});
    let done = store.command(again.to_string()).unwrap();
    assert!(done.repeated, "{done:?}");
    let text = "student,date,code,attended,open\naroha,2026-05-04,panuitia,2,2\n";
    let answers = store.feed_at("attendance", text.as_bytes().to_vec(), 172_800_000, now).unwrap();
    assert_eq!(answers[0].outcome, Taken::Unchanged);
    drop(store);
    // One that is encrypted already is not encrypted again.
    let sealed = made.path().join("sealed");
    Store::backup_with(&place, &sealed, Some(&key)).unwrap();
    let twice = Store::restore_under(&sealed, made.path().join("twice.db"), Some(&key));
    assert!(matches!(twice, Err(Error::Sealed(_))), "{twice:?}");
    let left = |name: &str| {
        files(made.path())
            .into_iter()
            .any(|(file, _)| file.contains(&format!("{name}.")) && !file.ends_with("-lock"))
    };
    assert!(!left("twice"));
    // A file that is not as it was makes no store.
    let (file, mut bytes) = files(&plain.join("cases.db-files")).remove(0);
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(file, bytes).unwrap();
    let error =
        Store::restore_under(&plain, made.path().join("third.db"), Some(&key)).unwrap_err().to_string();
    assert!(error.contains("is not as it was") && !made.path().join("third.db").exists(), "{error}");
}
