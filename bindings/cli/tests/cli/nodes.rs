//! The command on a store in PostgreSQL, which several processes have open.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use caseward_sql_tests::Postgres;
use serde_json::{Value, json};

use crate::store::{request, user};
use crate::support::Bench;

const TEN: [&str; 3] = ["--trust-now", "--now", "2026-05-11T10:00:00+12:00"];

/// A database, where there is PostgreSQL.
fn database() -> Option<String> {
    let address = Postgres::address().unwrap();
    let required = std::env::var("CASEWARD_REQUIRE_ALL").is_ok_and(|all| all == "1");
    assert!(address.is_some() || !required, "there is no PostgreSQL here");
    if address.is_none() {
        eprintln!("SKIPPED: there is no PostgreSQL here");
    }
    address
}

#[test]
fn a_watch_stays_open_beside_those_who_write() {
    let Some(place) = database() else { return };
    let bench = Bench::new();
    bench.write("small.json", include_str!("../../../../core/store/tests/data/small.json"));
    let on = |args: &[&'static str]| {
        let db = ["--db", place.as_str()];
        bench.run(
            args.iter()
                .copied()
                .chain(db)
                .chain(if args[1] == "init" { &[][..] } else { &TEN }.iter().copied()),
        )
    };
    assert_eq!(on(&["store", "init"]).code, 0);
    assert_eq!(on(&["store", "import", "--entities", "small.json"]).code, 0);
    let says = |lines: &[Value]| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let ran = bench.run_with(text, ["do", "--db", place.as_str()].into_iter().chain(TEN));
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        ran.json_lines()
    };
    let mut watching = bench
        .command()
        .args(["watch", "--db", &place])
        .args(TEN)
        .args(["--principal", "User::\"lead\"", "--action", "viewSummary", "--type", "Request"])
        .args(["--for", "60s", "--count", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["came"], json!([]));
    // While it watches, two others write at once.
    let answers = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut ben = request("r2");
            ben["on"] = json!("Student::\"ben\"");
            (ben["as"], ben["context"]) = (json!("lead"), json!({"primaryContact": user("contact")}));
            says(&[ben])
        });
        [says(&[request("r1")]), other.join().unwrap()]
    });
    let mut versions: Vec<u64> = answers.iter().map(|one| one[0]["version"].as_u64().unwrap()).collect();
    versions.sort();
    assert_eq!(versions, [2, 3]);
    assert!(next()["came"].as_array().is_some_and(|came| !came.is_empty()));
    assert_eq!(watching.wait().unwrap().code(), Some(0));
    let found = on(&["store", "doctor"]);
    assert_eq!(found.code, 0, "{}{}", found.out, found.err);
    // What is wrong with an address is said without its password.
    let wrong = place.replace("postgres@", "postgres:secret@");
    let ran = bench.run(["store", "export", "--db", &format!("{wrong}?sslmode=verify-ca")]);
    ran.fails(1, "give disable, prefer, require or verify-full");
    assert!(!ran.err.contains("secret"), "{}", ran.err);
}
