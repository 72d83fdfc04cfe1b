//! A small store, and how the tests speak to it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use caseward::{EntityUid, Value, World};
use caseward_sql_tests::Postgres;
use caseward_store::{Answer, Options, Outcome, PolicySet, Store, StoreKey};
use postgres::{Client, NoTls};
use serde_json::{Value as Json, json};

pub(crate) const SMALL: &[u8] = include_bytes!("../data/small.json");
/// 2026-05-11T09:00:00+12:00.
pub(crate) const NOW: i64 = 1_778_446_800_000;

/// A folder of a test's own, which goes when this is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("caseward-store-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

static IS_THERE: OnceLock<bool> = OnceLock::new();

/// Whether there is a PostgreSQL to run on: `CASEWARD_REQUIRE_ALL=1` asks for one.
fn is_there() -> bool {
    let is_there = Postgres::address().unwrap().is_some();
    let required = std::env::var("CASEWARD_REQUIRE_ALL").is_ok_and(|all| all == "1");
    assert!(is_there || !required, "there is no PostgreSQL here");
    if !is_there {
        eprintln!("SKIPPED: there is no PostgreSQL here; the store is tested on SQLite alone");
    }
    is_there
}

/// Whether the tests are to run on PostgreSQL; on SQLite otherwise.
pub(crate) fn is_on_postgres() -> bool {
    match std::env::var("CASEWARD_STORE_ON").as_deref() {
        Ok("postgres") => *IS_THERE.get_or_init(is_there),
        Ok("sqlite") | Err(_) => false,
        Ok(other) => panic!("CASEWARD_STORE_ON is sqlite or postgres, not `{other}`"),
    }
}

pub(crate) struct Bench {
    /// Closed before its folder goes.
    pub(crate) store: Option<Store>,
    pub(crate) folder: Folder,
    /// A path, or an address.
    place: PathBuf,
    clock: std::cell::Cell<i64>,
    /// Under which it is encrypted, if it is.
    pub(crate) key: Option<StoreKey>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::on(is_on_postgres())
    }

    /// A store of other data.
    pub(crate) fn with_data(entities: &[u8]) -> Self {
        Self::of(is_on_postgres(), entities)
    }

    fn on(is_on_postgres: bool) -> Self {
        Self::of(is_on_postgres, SMALL)
    }

    fn of(is_on_postgres: bool, entities: &[u8]) -> Self {
        Self::under(None, is_on_postgres, entities)
    }

    /// A store that is encrypted.
    pub(crate) fn encrypted() -> Self {
        Self::under(Some(StoreKey::generate().unwrap()), is_on_postgres(), SMALL)
    }

    fn under(key: Option<StoreKey>, is_on_postgres: bool, entities: &[u8]) -> Self {
        let folder = Folder::new();
        let place = match is_on_postgres {
            true => Postgres::address().unwrap().expect("there is no PostgreSQL").into(),
            false => folder.path().join("cases.db"),
        };
        let store = Store::init(&place, &PolicySet::attendance(), &options().with_key(key.clone())).unwrap();
        store.import(entities).unwrap();
        Bench { folder, place, store: Some(store), clock: std::cell::Cell::new(NOW), key }
    }

    /// Where the store is.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// A number that a query of the database gives, asked beside the store.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.one(sql)
    }

    /// A text that a query of the database gives, asked beside the store.
    pub(crate) fn text(&self, sql: &str) -> String {
        self.one(sql)
    }

    fn one<T>(&self, sql: &str) -> T
    where
        T: rusqlite::types::FromSql + for<'a> postgres::types::FromSql<'a>,
    {
        match is_on_postgres() {
            true => {
                let mut client = Client::connect(self.place.to_str().unwrap(), NoTls).unwrap();
                client.query_one(sql, &[]).unwrap().get(0)
            }
            false => {
                rusqlite::Connection::open(&self.place).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
            }
        }
    }

    /// The bytes that are kept of a file.
    pub(crate) fn kept(&self, hash: &str) -> Option<Vec<u8>> {
        if !is_on_postgres() {
            return std::fs::read(self.folder.path().join("cases.db-files").join(&hash[..2]).join(hash)).ok();
        }
        let mut client = Client::connect(self.place.to_str().unwrap(), NoTls).unwrap();
        let row = client.query_opt("SELECT bytes FROM caseward_file WHERE hash = $1", &[&hash]).unwrap();
        row.map(|row| row.get(0))
    }

    /// Alters the closed database by hand; says how many rows.
    pub(crate) fn alter(&self, sql: &str) -> u64 {
        assert!(self.store.is_none(), "the store is open");
        match is_on_postgres() {
            true => {
                let mut client = Client::connect(self.place.to_str().unwrap(), NoTls).unwrap();
                client.execute(sql, &[]).unwrap()
            }
            false => rusqlite::Connection::open(&self.place).unwrap().execute(sql, []).unwrap() as u64,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(&mut self) {
        self.reopen_at(NOW);
    }

    /// Closes the store and opens it again, with another clock.
    pub(crate) fn reopen_at(&mut self, now: i64) {
        self.store = None;
        let options = Options::new().trusting(Some(now)).seeded(8).with_key(self.key.clone());
        self.store = Some(Store::open(&self.place, &options).unwrap());
    }

    /// The clock of the last command, or of what was due.
    pub(crate) fn clock(&self) -> i64 {
        self.clock.get()
    }

    /// What is due at an instant, and the clock with it.
    pub(crate) fn tick(&self, now: i64) -> usize {
        self.clock.set(now);
        self.store().tick_at(now).unwrap()
    }

    /// Does a command, a minute after the last one.
    pub(crate) fn ask(&self, command: Json) -> Answer {
        let mut command = command;
        if command.get("now").is_none() {
            self.clock.set(self.clock.get() + 60_000);
            command["now"] = json!(instant(self.clock.get()));
        }
        self.store().command(command.to_string()).unwrap()
    }

    #[track_caller]
    pub(crate) fn done(&self, command: Json) -> Answer {
        let answer = self.ask(command);
        assert_eq!(answer.outcome, Outcome::Done, "{answer:?}");
        answer
    }

    /// `person` does `command` on `on`.
    #[track_caller]
    pub(crate) fn does(&self, person: &str, command: &str, on: &str, rest: Json) -> Answer {
        self.done(merged(person, command, on, rest))
    }

    pub(crate) fn tries(&self, person: &str, command: &str, on: &str, rest: Json) -> Answer {
        self.ask(merged(person, command, on, rest))
    }

    pub(crate) fn get(&self, uid: &str, name: &str) -> Option<String> {
        let uid: EntityUid = uid.parse().unwrap();
        self.store().world().attribute(&uid, name).unwrap().map(|value| match value {
            Value::Entity(uid) => uid.id().to_owned(),
            Value::String(text) => text.to_string(),
            other => serde_json::to_string(&other).unwrap(),
        })
    }

    pub(crate) fn has(&self, uid: &str) -> bool {
        self.store().world().contains(&uid.parse().unwrap())
    }

    pub(crate) fn exported(&self) -> String {
        let mut out = Vec::new();
        self.store().export(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// An open case of Aroha, at the provider `north`, with a contact and a case manager.
    pub(crate) fn with_case() -> Self {
        Self::with_case_on(is_on_postgres())
    }

    /// As [`Bench::with_case`], on PostgreSQL or on SQLite.
    pub(crate) fn with_case_on(is_on_postgres: bool) -> Self {
        let bench = Bench::on(is_on_postgres);
        bench.makes_case();
        bench
    }

    /// Opens a case of Aroha.
    pub(crate) fn makes_case(&self) {
        let bench = self;
        bench.does(
            "lead",
            "createRequest",
            "Student::\"aroha\"",
            json!({"id": "r1", "context": contact("contact"), "data": {"reasonForRequest": "away"}}),
        );
        bench.does("lead", "submitRequest", "Request::\"r1\"", json!({}));
        bench.does(
            "flow",
            "assignRequest",
            "Request::\"r1\"",
            json!({"context": {"assignee": user("manager")}}),
        );
        bench.does("manager", "acceptRequest", "Request::\"r1\"", json!({"id": "c1"}));
    }
}

/// A world's entities, a line each, in one order.
pub(crate) fn lines(world: &World) -> Vec<String> {
    let mut out = Vec::new();
    world.write_json(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let mut lines: Vec<String> = text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
    lines.sort();
    lines
}

pub(crate) fn options() -> Options {
    Options::new().trusting(Some(NOW)).seeded(7)
}

pub(crate) fn instant(ms: i64) -> String {
    let seconds = ms / 1_000;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days in May and June 2026 are all that the tests need.
    let day = days - 20_573;
    let (month, day) = if day <= 31 { (5, day) } else { (6, day - 31) };
    format!("2026-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

pub(crate) fn user(id: &str) -> Json {
    json!({"type": "User", "id": id})
}

pub(crate) fn contact(id: &str) -> Json {
    json!({"primaryContact": user(id)})
}

fn merged(person: &str, command: &str, on: &str, rest: Json) -> Json {
    let mut all = json!({"command": command, "as": person, "on": on});
    for (name, value) in rest.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}
