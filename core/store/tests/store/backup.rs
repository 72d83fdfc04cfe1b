//! Backups, taken while a store is written to, and the way back. On SQLite; PostgreSQL is backed up by its own means.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use caseward::EntityUid;
use caseward_store::{Error, Options, Outcome, PolicySet, Store};
use serde_json::json;

use crate::bench::{Bench, instant, is_on_postgres, lines, options};

const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A store with a case, a comment and a file.
fn bench() -> Option<Bench> {
    if is_on_postgres() {
        return None;
    }
    let bench = Bench::with_case();
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"id": "i1", "data": {"text": "Kōrero mai."}}));
    let file = json!({"id": "i2", "data": {"file": {"base64": "aGVsbG8="}, "fileName": "a.txt", "fileType": "text/plain"}});
    bench.does("manager", "uploadFile", "Case::\"c1\"", file);
    Some(bench)
}

fn opened(place: &Path, bench: &Bench) -> Store {
    Store::open(place, &Options::new().trusting(Some(bench.clock()))).unwrap()
}

#[test]
fn a_backup_is_the_whole_store_and_is_restored() {
    let Some(bench) = bench() else { return };
    let at = |name: &str| bench.folder.path().join(name);
    let made = Store::backup(bench.place(), at("monday")).unwrap();
    let verified = bench.store().verify(Vec::new()).unwrap();
    assert_eq!((made.version, made.entries, &made.root), (7, verified.entries, &verified.root));
    assert_eq!(made.files, [HELLO]);
    assert_eq!(names(&at("monday")), ["backup.json", "cases.db", "cases.db-files"]);
    let restored = Store::restore(at("monday"), at("again.db")).unwrap();
    assert_eq!(restored, made);
    let copy = opened(&at("again.db"), &bench);
    assert_eq!(lines(copy.world()), lines(bench.store().world()));
    assert!(copy.doctor().unwrap().is_sound());
    let item = EntityUid::new("Item", "i2");
    let mut file = copy.download(&item, &EntityUid::new("User", "manager"), None).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file.bytes, &mut text).unwrap();
    assert_eq!(text, "hello");
    let content = copy.contents(vec![(EntityUid::new("Item", "i1"), "text".to_owned())]).unwrap();
    assert_eq!(content, [Some(json!("Kōrero mai."))]);
    // It goes on from there, and knows what was done under a key.
    let line = json!({"command": "addComment", "as": "manager", "on": "Case::\"c1\"", "data": {"text": "x"}, "now": instant(bench.clock() + 60_000)});
    assert_eq!(copy.command(line.to_string()).unwrap().version, 8);
}

#[test]
fn a_backup_is_of_one_instant_while_others_write() {
    let Some(bench) = bench() else { return };
    let at = |name: &str| bench.folder.path().join(name);
    let (store, is_over, clock) = (bench.store().clone(), AtomicBool::new(false), bench.clock());
    let backups: Vec<_> = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0_u32;
            while !is_over.load(Ordering::Relaxed) {
                let bytes = ["aGVsbG8=", "aGVsbG8h", "aGVsbG8/"][written as usize % 3];
                let line = json!({
                    "command": "uploadFile", "as": "manager", "on": "Case::\"c1\"", "now": instant(clock + 60_000),
                    "data": {"file": {"base64": bytes}, "fileName": "a.txt", "fileType": "text/plain"},
                });
                let answer = store.command(line.to_string()).unwrap();
                assert_eq!(answer.outcome, Outcome::Done, "{answer:?}");
                written += 1;
                // Enough to write beside, and not so much that the checks take long.
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            written
        });
        let backups =
            (0..3).map(|number| Store::backup(bench.place(), at(&format!("b{number}"))).unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 3);
        backups
    });
    for (number, made) in backups.iter().enumerate() {
        let place = at(&format!("r{number}.db"));
        Store::restore(at(&format!("b{number}")), &place).unwrap();
        let copy = opened(&place, &bench);
        let (found, verified) = (copy.doctor().unwrap(), copy.verify(Vec::new()).unwrap());
        assert!(found.is_sound() && verified.is_sound(), "{found:?}");
        assert_eq!((copy.version().unwrap(), verified.entries), (made.version, made.entries));
    }
    assert!(backups[0].entries < backups[2].entries, "{backups:?}");
}

#[test]
fn nothing_of_what_was_disposed_of_is_in_a_backup() {
    let Some(bench) = bench() else { return };
    let at = |name: &str| bench.folder.path().join(name);
    bench.does("flow", "closeCase", "Case::\"c1\"", json!({"data": {"closureReason": "done"}}));
    let has = |folder: &Path| {
        let bytes = fs::read(folder.join("cases.db")).unwrap();
        bytes.windows(12).any(|some| some == "Kōrero mai.".as_bytes())
    };
    Store::backup(bench.place(), at("before")).unwrap();
    bench.done(json!({
        "command": "disposeRecords", "as": "privacy", "on": "Student::\"aroha\"",
        "context": {"protectionInstruction": false}, "now": "2038-06-01T00:00:00Z",
    }));
    let after = Store::backup(bench.place(), at("after")).unwrap();
    assert_eq!((has(&at("before")), has(&at("after")), after.files.len()), (true, false, 0));
}

#[test]
fn what_cannot_be_backed_up_is_said_and_leaves_nothing() {
    let Some(mut bench) = bench() else { return };
    let folder = bench.folder.path().to_owned();
    let at = |name: &str| folder.join(name);
    let fails = |place: &Path, to: &str, why: &str| {
        let error = Store::backup(place, at(to)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(!at("b").exists() && !at("b.partial").exists(), "{:?}", names(&folder));
    };
    fails(bench.place(), "cases.db", "is there already");
    fails(&at("none.db"), "b", "there is no store");
    fs::write(at("text.db"), "not a database, but long enough to look like one at first sight").unwrap();
    fails(&at("text.db"), "b", "is no store of caseward");
    fails(bench.place(), "no/b", "cannot make");
    fails(bench.place(), "text.db/b", "cannot make");
    // What a backup that was killed left behind is written over.
    fs::create_dir_all(at("b.partial/cases.db-files")).unwrap();
    fs::write(at("b.partial/cases.db"), "half").unwrap();
    fs::write(at("b.partial/backup-begun"), "").unwrap();
    Store::backup(bench.place(), at("b")).unwrap();
    fs::remove_dir_all(at("b")).unwrap();
    // A store with faults, a file that is not there, and one of other bytes.
    let file = folder.join("cases.db-files").join(&HELLO[..2]).join(HELLO);
    fs::write(&file, "hullo").unwrap();
    fails(bench.place(), "b", "has other bytes");
    fs::remove_file(&file).unwrap();
    fails(bench.place(), "b", "is not there: see `caseward store doctor`");
    fs::write(&file, "hello").unwrap();
    bench.store = None;
    assert_eq!(bench.alter("UPDATE caseward_content SET value = '\"other\"' WHERE field = 'text'"), 1);
    fails(bench.place(), "b", "would not be sound: faults found: 1");
    bench.alter("UPDATE caseward_setting SET value = '99' WHERE name = 'format'");
    fails(bench.place(), "b", "is of version 99");
}

#[test]
fn what_cannot_be_restored_is_said_and_leaves_nothing() {
    let Some(bench) = bench() else { return };
    let at = |name: &str| bench.folder.path().join(name);
    Store::backup(bench.place(), at("b")).unwrap();
    let fails = |to: &str, why: &str| {
        let error = Store::restore(at("b"), at(to)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        let left: Vec<String> =
            names(bench.folder.path()).into_iter().filter(|name| name.starts_with("new.db")).collect();
        assert!(left.iter().all(|name| name == "new.db-lock" || name == "new.db-wal"), "{left:?}");
    };
    assert!(matches!(Store::restore(at("b"), bench.place()), Err(Error::Exists(_))));
    // A write-ahead log of another database would be written into it.
    fs::write(at("new.db-wal"), "").unwrap();
    fails("new.db", "`");
    assert!(
        matches!(Store::restore(at("b"), at("new.db")), Err(Error::Exists(path)) if path == at("new.db-wal"))
    );
    fs::remove_file(at("new.db-wal")).unwrap();
    let error = Store::restore(at("nothing"), at("new.db")).unwrap_err().to_string();
    assert!(error.contains("is no backup of a store: it has no `backup.json`"), "{error}");
    // Other bytes, of a file and of the database; a label of a later form.
    let file = at("b").join("cases.db-files").join(&HELLO[..2]).join(HELLO);
    fs::write(&file, "hullo").unwrap();
    fails("new.db", "is not as it was when the backup was made");
    fs::remove_file(&file).unwrap();
    fails("new.db", "cannot read");
    fs::write(&file, "hello").unwrap();
    let label = fs::read_to_string(at("b/backup.json")).unwrap();
    fs::write(at("b/backup.json"), label.replace("\"form\": 1", "\"form\": 9")).unwrap();
    fails("new.db", "is of form 9");
    fs::write(at("b/backup.json"), "{}").unwrap();
    fails("new.db", "cannot be read");
    fs::write(at("b/backup.json"), &label).unwrap();
    let mut bytes = fs::read(at("b/cases.db")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(at("b/cases.db"), &bytes).unwrap();
    fails("new.db", "is not as it was when the backup was made");
    bytes[last] ^= 1;
    fs::write(at("b/cases.db"), &bytes).unwrap();
    Store::restore(at("b"), at("new.db")).unwrap();
}

#[cfg(feature = "postgres")]
#[test]
fn postgresql_is_backed_up_by_its_own_means() {
    let folder = crate::bench::Folder::new();
    let place = "postgres://somebody:secret@127.0.0.1:1/cases";
    let error = Store::backup(place, folder.path().join("b")).unwrap_err().to_string();
    assert!(error.contains("`pg_dump`") && !error.contains("secret"), "{error}");
    let error = Store::restore(folder.path(), place).unwrap_err().to_string();
    assert!(error.contains("into a file of SQLite") && !error.contains("secret"), "{error}");
}

#[test]
fn a_backup_stays_what_it_was_whoever_looks_at_it() {
    let Some(bench) = bench() else { return };
    let at = |name: &str| bench.folder.path().join(name);
    Store::backup(bench.place(), at("monday")).unwrap();
    let before = fs::read(at("monday/cases.db")).unwrap();
    let copy = opened(&at("monday/cases.db"), &bench);
    assert!(copy.doctor().unwrap().is_sound());
    let line = json!({"command": "addComment", "as": "manager", "on": "Case::\"c1\"", "data": {"text": "x"}, "now": instant(bench.clock())});
    copy.command(line.to_string()).unwrap_err();
    drop(copy);
    assert_eq!(names(&at("monday")), ["backup.json", "cases.db", "cases.db-files"]);
    assert!(fs::read(at("monday/cases.db")).unwrap() == before);
    Store::restore(at("monday"), at("again.db")).unwrap();
}

#[test]
fn a_folder_of_something_else_is_not_emptied_for_a_backup() {
    let Some(bench) = bench() else { return };
    let at = |name: &str| bench.folder.path().join(name);
    fs::create_dir(at("monday.partial")).unwrap();
    fs::write(at("monday.partial/cases.db"), "mine").unwrap();
    let error = Store::backup(bench.place(), at("monday")).unwrap_err().to_string();
    assert!(error.contains("is not what one left"), "{error}");
    assert_eq!(fs::read_to_string(at("monday.partial/cases.db")).unwrap(), "mine");
    // Nor written over for a store.
    Store::backup(bench.place(), at("sunday")).unwrap();
    assert!(!at("sunday/backup-begun").exists());
    #[cfg(unix)]
    {
        fs::create_dir(at("empty")).unwrap();
        std::os::unix::fs::symlink("empty", at("tuesday.partial")).unwrap();
        let error = Store::backup(bench.place(), at("tuesday")).unwrap_err().to_string();
        assert!(error.contains("is not what one left"), "{error}");
        assert!(at("empty").exists() && !at("tuesday").exists());
    }
}

#[test]
fn what_a_backup_says_of_itself_is_held_against_its_database() {
    let Some(bench) = bench() else { return };
    let at = |name: &str| bench.folder.path().join(name);
    let made = Store::backup(bench.place(), at("monday")).unwrap();
    let label = fs::read_to_string(at("monday/backup.json")).unwrap();
    for (from, to) in [
        (format!("\"version\": {}", made.version), "\"version\": 3".to_owned()),
        (format!("\"entries\": {}", made.entries), "\"entries\": 5".to_owned()),
        (made.root.clone(), made.root.replace(['1', '2', '3'], "0")),
        (format!("\"{HELLO}\""), String::new()),
    ] {
        assert!(label.contains(&from), "{from}");
        fs::write(at("monday/backup.json"), label.replace(&from, &to)).unwrap();
        let error = Store::restore(at("monday"), at("again.db")).unwrap_err().to_string();
        assert!(error.contains("is not as it was"), "{from}: {error}");
        assert!(!at("again.db").exists());
    }
}

/// A store is made in a folder of its own, which is cleared where it has its mark.
#[test]
fn nothing_of_somebody_else_is_removed_for_a_store() {
    let Some(bench) = bench() else { return };
    let at = |name: &str| bench.folder.path().join(name);
    Store::backup(bench.place(), at("sunday")).unwrap();
    let attempts = |name: &str| {
        let restored = Store::restore(at("sunday"), at(name)).map(drop);
        let made = Store::init(at(name), &PolicySet::attendance(), &options()).map(drop);
        [restored, made].map(|tried| tried.unwrap_err().to_string())
    };
    // A file, a folder without the mark, and files of a store that is elsewhere beside one with it.
    fs::copy(at("sunday/cases.db"), at("a.db.partial")).unwrap();
    fs::create_dir(at("b.db.partial")).unwrap();
    fs::write(at("b.db.partial/store.db"), "mine").unwrap();
    fs::create_dir(at("c.db-files")).unwrap();
    fs::write(at("c.db-files/mine"), "mine").unwrap();
    fs::create_dir(at("c.db.partial")).unwrap();
    fs::write(at("c.db.partial/store-begun"), "").unwrap();
    let before = fs::read(at("a.db.partial")).unwrap();
    for (name, why) in
        [("a.db", "is not what one left"), ("b.db", "is not what one left"), ("c.db", "c.db-files` is there")]
    {
        for error in attempts(name) {
            assert!(error.contains(why), "{error}");
        }
        assert!(!at(name).exists());
    }
    assert!(fs::read(at("a.db.partial")).unwrap() == before);
    for kept in ["b.db.partial/store.db", "c.db-files/mine"] {
        assert_eq!(fs::read_to_string(at(kept)).unwrap(), "mine");
    }
}

/// Whenever making a store is cut off, the next one makes it, and nothing is left.
#[test]
fn what_was_cut_off_is_cleared_by_the_next() {
    let Some(bench) = bench() else { return };
    let at = |name: &str| bench.folder.path().join(name);
    Store::backup(bench.place(), at("sunday")).unwrap();
    // Before the mark; with half a database; when the files have their name, which the database has not.
    let cut_off = |name: &str, moment: usize| {
        let folder = at(&format!("{name}.partial"));
        fs::create_dir(&folder).unwrap();
        let half = [("store-begun", 1), ("store.db", 2), ("store.db-journal", 2), ("files-named", 3)];
        for (left, _) in half.iter().filter(|(_, from)| *from <= moment) {
            fs::write(folder.join(left), "half").unwrap();
        }
        if moment == 3 {
            fs::create_dir_all(at(&format!("{name}-files/ab"))).unwrap();
            fs::write(at(&format!("{name}-files/ab/abcd")), "half").unwrap();
        }
    };
    for moment in 0..4 {
        let (restored, made) = (format!("r{moment}.db"), format!("i{moment}.db"));
        cut_off(&restored, moment);
        cut_off(&made, moment);
        Store::restore(at("sunday"), at(&restored)).unwrap();
        drop(Store::init(at(&made), &PolicySet::attendance(), &options()).unwrap());
        for name in [restored, made] {
            assert!(opened(&at(&name), &bench).doctor().unwrap().is_sound());
            let left = |end: &str| at(&format!("{name}{end}")).exists();
            assert!(!left(".partial") && !left("-files/ab/abcd"), "{moment}: {name}");
        }
    }
    // After the database has its name, whoever opens it clears the rest, and touches no file of it.
    let files = names(&at("r0.db-files"));
    fs::create_dir(at("r0.db.partial")).unwrap();
    fs::write(at("r0.db.partial/store-begun"), "").unwrap();
    fs::write(at("r0.db.partial/files-named"), "").unwrap();
    assert!(opened(&at("r0.db"), &bench).doctor().unwrap().is_sound());
    assert!(!at("r0.db.partial").exists() && !files.is_empty() && names(&at("r0.db-files")) == files);
}
