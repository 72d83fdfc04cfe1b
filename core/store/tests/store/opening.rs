//! Opening stores, and what is no store.

use caseward_store::{Error, Moment, Options, PolicySet, Read, Store};
use serde_json::json;

use crate::bench::{Bench, Folder, NOW, SMALL, is_on_postgres, lines, options};

#[test]
fn what_was_committed_is_there_when_it_is_opened_again() {
    let mut bench = Bench::with_case();
    bench.does("lead", "addComment", "Case::\"c1\"", json!({"id": "i1", "data": {"text": "Back."}}));
    let (before, version) = (
        bench.exported(),
        bench.does("lead", "addComment", "Case::\"c1\"", json!({"id": "i2", "data": {"text": "x"}})).version,
    );
    let after = bench.exported();
    assert_ne!(before, after);
    bench.reopen();
    assert_eq!(bench.exported(), after);
    let next = bench.does("lead", "addComment", "Case::\"c1\"", json!({"data": {"text": "y"}}));
    assert_eq!(next.version, version + 1);
}

#[test]
fn an_import_is_exported_as_it_was() {
    let bench = Bench::new();
    let mut all: Vec<serde_json::Value> = serde_json::from_slice(SMALL).unwrap();
    all.sort_by_key(|one| {
        (one["uid"]["type"].as_str().unwrap().to_owned(), one["uid"]["id"].as_str().unwrap().to_owned())
    });
    let exported: Vec<serde_json::Value> = serde_json::from_str(&bench.exported()).unwrap();
    let uids = |all: &[serde_json::Value]| all.iter().map(|one| one["uid"].clone()).collect::<Vec<_>>();
    assert_eq!(uids(&exported), uids(&all));
    let ward = bench.store().ward();
    let (again, given) =
        (ward.read_world(bench.exported().as_bytes()).unwrap(), ward.read_world(SMALL).unwrap());
    assert_eq!(lines(&again), lines(&given));
    let error = bench.store().import(SMALL).unwrap_err();
    assert!(error.to_string().contains("an import fills an empty one"), "{error}");
}

#[test]
fn what_is_no_store_is_said_to_be_none() {
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    assert!(matches!(Store::open(at("none.db"), &options()), Err(Error::Missing(_))));
    std::fs::write(at("text.db"), "not a database, but long enough to look like one at first sight").unwrap();
    assert!(matches!(Store::open(at("text.db"), &options()), Err(Error::NotAStore { .. })));
    std::fs::write(at("empty.db"), "").unwrap();
    assert!(matches!(Store::open(at("empty.db"), &options()), Err(Error::NotAStore { .. })));
    for name in ["text.db-lock", "empty.db-lock"] {
        assert!(!at(name).exists(), "nothing is left beside a file of something else");
    }
    assert!(matches!(
        Store::init(at("text.db"), &PolicySet::attendance(), &options()),
        Err(Error::Exists(_))
    ));
    rusqlite::Connection::open(at("other.db")).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    assert!(matches!(Store::open(at("other.db"), &options()), Err(Error::NotAStore { .. })));
    let store = Store::init(at("a.db"), &PolicySet::attendance(), &Options::new()).unwrap();
    drop(store);
    let newer = rusqlite::Connection::open(at("a.db")).unwrap();
    newer.execute_batch("UPDATE caseward_setting SET value = '99' WHERE name = 'format'").unwrap();
    drop(newer);
    let error = Store::open(at("a.db"), &Options::new()).err().unwrap();
    assert!(error.to_string().contains("is of version 99"), "{error}");
}

/// The log of a store that was killed holds what it had answered.
#[test]
fn a_store_is_made_where_nothing_of_another_stands() {
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    let init = |name: &str| Store::init(at(name), &PolicySet::attendance(), &options()).map(drop);
    for end in ["-wal", "-shm", "-journal", "-files", "-world"] {
        let there = at(&format!("a.db{end}"));
        std::fs::write(&there, "somebody else's").unwrap();
        assert!(matches!(init("a.db"), Err(Error::Exists(path)) if path == there));
        assert_eq!(std::fs::read_to_string(&there).unwrap(), "somebody else's");
        std::fs::remove_file(there).unwrap();
    }
    for end in ["-wal", "-shm", "-journal", "-files", "-world", "-lock", ".partial", "-files.partial"] {
        let error = init(&format!("a.db{end}")).unwrap_err().to_string();
        assert!(error.contains("a store has such a one beside it"), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    init("a.db").unwrap();
    let error = Store::backup(at("a.db"), at("b.db-wal")).unwrap_err().to_string();
    assert!(error.contains("ends with `-wal`"), "{error}");
    std::fs::create_dir(at("a.db-files")).unwrap();
    let error = Store::backup(at("a.db"), at("a.db-files/b")).unwrap_err().to_string();
    assert!(error.contains("lies in a folder whose name ends with `-files`"), "{error}");
}

#[test]
fn one_process_writes_to_a_file() {
    let bench = Bench::with_case_on(false);
    let error = Store::open(bench.place(), &options()).err().unwrap();
    assert!(matches!(error, Error::InUse(_)), "{error}");
}

/// What is written to a file that is not in its place any more, nobody finds.
#[cfg(unix)]
#[test]
fn nothing_is_written_to_a_store_that_was_moved_away() {
    let mut bench = Bench::with_case_on(false);
    let (place, away) = (bench.place().to_owned(), bench.folder.path().join("away.db"));
    let before = bench.exported();
    std::fs::rename(&place, &away).unwrap();
    let line =
        json!({"command": "addComment", "as": "User::\"lead\"", "on": "Case::\"c1\"", "data": {"text": "x"}});
    let error = bench.store().command(line.to_string()).unwrap_err();
    assert!(error.to_string().contains("was moved or removed while the store was open"), "{error}");
    std::fs::write(&place, "another file").unwrap();
    assert!(bench.store().command(line.to_string()).is_err(), "another file is not the store");
    std::fs::rename(&away, &place).unwrap();
    assert_eq!(bench.exported(), before);
    bench.does("lead", "addComment", "Case::\"c1\"", json!({"data": {"text": "Back in its place."}}));
    bench.reopen();
    assert_ne!(bench.exported(), before);
    // The write-ahead log is a file of it as well.
    let log = bench.folder.path().join(format!("{}-wal", place.file_name().unwrap().to_str().unwrap()));
    std::fs::remove_file(&log).unwrap();
    let error = bench.store().command(line.to_string()).unwrap_err().to_string();
    assert!(error.contains("-wal` was moved or removed while the store was open"), "{error}");
}

/// A container may be given a file without its folder.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_mounted_by_itself_is_refused() {
    let bench = Bench::with_case_on(false);
    let folder = bench.folder.path().join("a folder\\040");
    std::fs::create_dir(&folder).unwrap();
    let mounted = folder.join("cases.db");
    std::fs::write(&mounted, "").unwrap();
    let mount = |command: &str, args: &[&std::path::Path]| {
        std::process::Command::new(command).args(args).status().is_ok_and(|status| status.success())
    };
    if !mount("mount", &[std::path::Path::new("--bind"), bench.place(), &mounted]) {
        println!("not tried: nothing can be mounted here");
        return;
    }
    let error = Store::open(&mounted, &options()).err().map(|error| error.to_string());
    assert!(mount("umount", &[&mounted]));
    assert!(error.as_ref().is_some_and(|error| error.contains("is mounted by itself")), "{error:?}");
}

/// A lock and files stand beside a name: a store has one.
#[cfg(unix)]
#[test]
fn a_store_has_one_name() {
    let mut bench = Bench::with_case_on(false);
    let at = |name: &str| bench.folder.path().join(name);
    let (link, second) = (at("link.db"), at("second.db"));
    std::os::unix::fs::symlink("cases.db", &link).unwrap();
    let error = Store::open(&link, &options()).err().unwrap();
    assert!(matches!(error, Error::InUse(_)), "the lock is that of the file: {error}");
    bench.store = None;
    let store = Store::open(&link, &options()).unwrap();
    assert!(store.doctor().unwrap().is_sound());
    drop(store);
    let beside = |name: &str| {
        std::fs::read_dir(bench.folder.path())
            .unwrap()
            .any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with(name))
    };
    assert!(!beside("link.db-"), "nothing stands beside the link");
    Store::backup(&link, at("kept")).unwrap();
    std::os::unix::fs::symlink("kept/cases.db", at("looked.db")).unwrap();
    let looked = Store::open(at("looked.db"), &options()).unwrap();
    assert!(looked.doctor().unwrap().is_sound());
    drop(looked);
    Store::restore(at("kept"), at("again.db")).unwrap();
    std::fs::hard_link(bench.place(), &second).unwrap();
    for name in [bench.place(), &second] {
        let error = Store::open(name, &options()).err().unwrap().to_string();
        assert!(error.contains("has a second name"), "{error}");
        let error = Store::backup(name, at("other")).unwrap_err().to_string();
        assert!(error.contains("has a second name"), "{error}");
    }
}

#[test]
fn only_who_trusts_the_caller_takes_its_time() {
    let folder = Folder::new();
    let store = Store::init(folder.path().join("a.db"), &PolicySet::attendance(), &Options::new()).unwrap();
    store.import(SMALL).unwrap();
    for field in ["now", "id"] {
        let mut command =
            json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": "x"}});
        command[field] = json!("2026-05-11T09:00:00Z");
        let answer = store.command(command.to_string()).unwrap();
        assert!(answer.errors[0].contains("the store's to say"), "{answer:?}");
    }
}

/// A store of many students, with a case.
fn large() -> Bench {
    let mut all: Vec<serde_json::Value> = serde_json::from_slice(SMALL).unwrap();
    all.extend((0..20_000).map(|number| {
        let nsn = format!("{}", 200_000_000 + number);
        json!({"uid": {"type": "Student", "id": format!("s{number}")}, "attrs": {"nsn": nsn}, "parents": []})
    }));
    let bench = Bench::with_data(&serde_json::to_vec(&all).unwrap());
    bench.makes_case();
    bench
}

#[test]
fn a_snapshot_opens_what_the_rows_hold() {
    if is_on_postgres() {
        return;
    }
    let mut bench = large();
    let path = bench.folder.path().join("cases.db-world");
    bench.reopen();
    assert!(path.exists());
    // What was written since is in the log.
    bench.does("lead", "addComment", "Case::\"c1\"", json!({"id": "i1", "data": {"text": "x"}}));
    bench.tries("rata-lead", "addComment", "Case::\"c1\"", json!({"data": {"text": "x"}}));
    let text = "student,school,start\nben,rata,2026-05-01\n";
    bench.store().feed_at("enrolment", text.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    let now = bench.exported();
    let made = std::fs::read(&path).unwrap();
    bench.reopen();
    assert_eq!(bench.exported(), now, "from the snapshot");
    assert_eq!(std::fs::read(&path).unwrap(), made, "it is not made anew for a few entries");
    // One that is not what the database says is not believed; neither is one that is not there needed.
    for wrong in [&made[..made.len() - 1], b"", b"nonsense"] {
        bench.store = None;
        std::fs::write(&path, wrong).unwrap();
        bench.reopen();
        assert_eq!(bench.exported(), now, "from the rows");
    }
    bench.store = None;
    std::fs::write(&path, &made).unwrap();
    bench.reopen();
    bench.does("flow", "closeCase", "Case::\"c1\"", json!({"data": {"closureReason": "done"}}));
    bench.done(json!({
        "command": "disposeRecords", "as": "privacy", "on": "Student::\"aroha\"",
        "context": {"protectionInstruction": false}, "now": "2038-06-01T00:00:00Z",
    }));
    assert!(!path.exists(), "it holds what was disposed of");
    let now = bench.exported();
    bench.reopen();
    assert_eq!(bench.exported(), now);
}

#[test]
fn who_opens_a_store_from_its_rows_is_told_how_far_it_is() {
    let told = |bench: &mut Bench| {
        bench.store = None;
        let _ = std::fs::remove_file(bench.folder.path().join("cases.db-world"));
        let (send, told) = std::sync::mpsc::channel();
        let options = options().telling(move |rows| send.send(rows).unwrap());
        drop(Store::open(bench.place(), &options).unwrap());
        drop(options);
        told.iter().collect::<Vec<u64>>()
    };
    assert_eq!(told(&mut large()), [16_384]);
    assert!(told(&mut Bench::new()).is_empty());
}

/// Whether files that nobody may write can be written all the same.
fn is_root(folder: &std::path::Path) -> bool {
    std::fs::write(folder.join("try"), "").is_ok()
}

#[test]
fn a_store_that_cannot_be_written_is_read() {
    use std::os::unix::fs::PermissionsExt as _;
    if is_on_postgres() {
        return;
    }
    let mut bench = Bench::with_case();
    bench.store = None;
    let folder = bench.folder.path().to_owned();
    std::fs::remove_file(folder.join("cases.db-lock")).unwrap();
    let names = || {
        let mut names: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|one| one.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let reads = |options: &Options| {
        let store = Store::open(folder.join("cases.db"), options).unwrap();
        assert!(store.verify(Vec::new()).unwrap().is_sound());
        assert!(store.doctor().unwrap().is_sound());
        assert!(store.past(Moment::default()).is_ok() && store.activated().unwrap().len() == 1);
        let says = |error: Error| assert!(error.to_string().contains("nothing is written to it"), "{error}");
        says(store.audit(Read::new("view", NOW)).unwrap_err());
        says(
            store
                .command(
                    r#"{"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": "x"}}"#,
                )
                .unwrap_err(),
        );
        drop(store);
        assert_eq!(names(), before);
    };
    let later = Options::new().trusting(Some(bench.clock() + 60_000));
    reads(&later.clone().read_only());
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    if !is_root(&folder) {
        reads(&later);
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// On a disk that is too small a store is made whole, or nothing stays and the disk is said to be full.
#[cfg(target_os = "linux")]
#[test]
fn a_store_on_a_full_disk_is_whole_or_is_not_there() {
    let folder = Folder::new();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let system = |command: &str, args: &[&str]| {
        let ran = std::process::Command::new(command).args(args).arg(&disk).status();
        ran.is_ok_and(|status| status.success())
    };
    let (mut made, mut full) = (0, 0);
    for size in [100, 300, 500, 600, 640, 660, 680, 700, 800, 1_000, 1_300, 2_000, 8_000] {
        if !system("mount", &["-t", "tmpfs", "-o", &format!("size={size}k"), "tmpfs"]) {
            println!("not tried: nothing can be mounted here");
            return;
        }
        let place = disk.join("cases.db");
        let tried = Store::init(&place, &PolicySet::attendance(), &options()).map(drop);
        let mut left: Vec<_> =
            std::fs::read_dir(&disk).unwrap().map(|one| one.unwrap().file_name()).collect();
        left.retain(|name| name != "cases.db-lock");
        let is_there = place.exists();
        let whole = is_there.then(|| {
            system("mount", &["-o", "remount,size=9m"]);
            Store::open(&place, &options()).and_then(|store| store.doctor())
        });
        assert!(system("umount", &[]));
        match whole {
            Some(found) => assert!(found.as_ref().is_ok_and(|found| found.is_sound()), "{size}k: {found:?}"),
            None => assert!(left.is_empty(), "{size}k: {left:?}"),
        }
        if let Err(error) = &tried {
            let error = error.to_string();
            assert!(error.contains("full"), "{size}k: {error}");
            assert_eq!(error.contains("is made, and cannot be opened yet"), is_there, "{size}k: {error}");
        }
        (made, full) = (made + usize::from(tried.is_ok()), full + usize::from(tried.is_err()));
    }
    assert!(made > 1 && full > 1, "{made} were made, and of {full} the disk was full");
}
