//! PostgreSQL beside SQLite, and what becomes of a connection that is cut. On PostgreSQL alone.

use caseward_store::Moment;
use postgres::{Client, NoTls};
use serde_json::json;

use crate::bench::{Bench, is_on_postgres, lines};

/// Much of what a store does, with ids and salts of a seed.
fn story(bench: &Bench) {
    for (name, end) in [("aroha", "2026-05-30"), ("ben", ""), ("cara", "")] {
        let text = format!("student,school,start,end\n{name},rata,2026-05-20,{end}\n");
        bench.store().feed_at("enrolment", text.into_bytes(), 0, bench.clock()).unwrap();
    }
    let staff = "user,role,at,from,until\nsecond,caseManagerAt,south,2026-05-01,2026-05-25\nnew,caseManagerAt,north,2026-05-01,\n";
    bench.store().feed_at("staff", staff.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    for text in ["Zoë", "öl", "a", "Ω", "b"] {
        let made = bench.does("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": text}}));
        let school = json!({"context": {"withSchool": {"type": "School", "id": "kauri"}}});
        bench.tries("manager", "shareItem", &made.made[0], school);
    }
    bench.tick(bench.clock() + 30 * 86_400_000);
    bench.tries("lead", "addComment", "Case::\"c1\"", json!({"data": {"text": "too late"}}));
}

#[test]
fn every_database_ends_with_the_same_facts_and_the_same_log() {
    if !is_on_postgres() {
        return;
    }
    let (one, other) = (Bench::with_case_on(true), Bench::with_case_on(false));
    story(&one);
    story(&other);
    assert_eq!(one.exported(), other.exported());
    let root = |bench: &Bench| {
        let found = bench.store().verify(Vec::new()).unwrap();
        assert!(found.is_sound(), "{found:?}");
        (found.entries, found.root)
    };
    assert_eq!(root(&one), root(&other));
    let at = one.clock() - 20 * 86_400_000;
    let past = |bench: &Bench| lines(&bench.store().past_at(Moment::as_of(at), bench.clock()).unwrap().world);
    assert_eq!(past(&one), past(&other));
}

#[test]
fn a_connection_that_is_cut_loses_nothing() {
    if !is_on_postgres() {
        return;
    }
    let bench = Bench::with_case();
    let cut = || {
        let mut other = Client::connect(bench.place().to_str().unwrap(), NoTls).unwrap();
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE pid <> pg_backend_pid() AND datname = current_database()";
        let cut: i64 = other.query_one(sql, &[]).unwrap().get(0);
        // That which writes, and that which listens unless it has not come back yet.
        assert!((1..=2).contains(&cut), "{cut}");
    };
    for number in 0..5 {
        cut();
        // The server may take a moment to end it, so that a command has begun: then it fails, and nothing of it is done.
        let line = json!({
            "command": "addComment", "as": "manager", "on": "Case::\"c1\"", "id": format!("i{number}"),
            "data": {"text": "still here"}, "now": crate::bench::instant(bench.clock()),
        });
        let answer = (0..3).find_map(|_| bench.store().command(line.to_string()).ok()).unwrap();
        assert_eq!(answer.outcome, caseward_store::Outcome::Done, "{answer:?}");
        assert!(bench.has(&format!("Item::\"i{number}\"")));
    }
    assert!(bench.store().verify(Vec::new()).unwrap().is_sound());
    let mut bench = bench;
    let before = bench.exported();
    bench.reopen();
    assert_eq!(bench.exported(), before);
}

#[test]
fn what_is_no_address_of_a_store_is_said() {
    if !is_on_postgres() {
        return;
    }
    let bench = Bench::new();
    let open = |place: &str| {
        let options = crate::bench::options();
        caseward_store::Store::open(place, &options).err().unwrap().to_string()
    };
    let place = bench.place().to_str().unwrap().to_owned();
    let elsewhere = format!("{place}?options=-csearch_path%3Dpg_temp");
    assert!(open(&elsewhere).contains("there is no store"), "{}", open(&elsewhere));
    let wrong = open("postgres://somebody:secret@127.0.0.1:1/none");
    assert!(wrong.contains("cannot be connected to") && !wrong.contains("secret"), "{wrong}");
    let made = caseward_store::Store::init(
        &place,
        &caseward_store::PolicySet::attendance(),
        &crate::bench::options(),
    );
    assert!(made.is_err());
}

/// A program of PostgreSQL's own.
fn program(name: &str) -> std::process::Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let places = versions.map(|version| version.unwrap().path().join("bin").join(name));
    let found = places.filter(|path| path.exists()).max();
    std::process::Command::new(found.unwrap_or_else(|| name.into()))
}

/// As the page on operations has it: everything is in the database, files too.
#[test]
fn a_store_is_backed_up_by_pg_dump_while_it_is_open() {
    if !is_on_postgres() {
        return;
    }
    let bench = Bench::with_case();
    let file = json!({"id": "i2", "data": {"file": {"base64": "aGVsbG8="}, "fileName": "a.txt", "fileType": "text/plain"}});
    bench.does("manager", "uploadFile", "Case::\"c1\"", file);
    let dump = bench.folder.path().join("monday.dump");
    let other = caseward_sql_tests::Postgres::address().unwrap().unwrap();
    for (name, args) in [
        ("pg_dump", [bench.place().to_str().unwrap(), "--format=custom", "--file", dump.to_str().unwrap()]),
        ("pg_restore", ["--exit-on-error", "--dbname", &other, dump.to_str().unwrap()]),
    ] {
        let ran = program(name).args(args).output().unwrap();
        assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    let (before, root) = (bench.exported(), bench.store().verify(Vec::new()).unwrap());
    let copy = caseward_store::Store::open(&other, &crate::bench::options()).unwrap();
    let found = copy.doctor().unwrap();
    assert!(found.is_sound() && found.files == 1, "{found:?}");
    assert_eq!(copy.verify(Vec::new()).unwrap(), root);
    let mut exported = Vec::new();
    copy.export(&mut exported).unwrap();
    assert_eq!(String::from_utf8(exported).unwrap(), before);
}
