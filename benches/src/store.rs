//! The case store: `store/command/<cases>`, comments by 64 submitters, each decided, audited and durable before it is answered,
//! beside bare rusqlite that inserts the same rows in groups that form in the same way; `store/open/…` from the snapshot and
//! from the rows; `store/as_of/…`, who saw a case a year ago, the first time; an import, and a feed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use caseward::{ActionName, EntityUid, PrincipalQuery, Query, TypeName};
use caseward_store::{Moment, Options, Outcome, PolicySet, Store, Taken};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::Failure;
use crate::random::Random;
use crate::report::{Report, timed};
use crate::world::{Data, NOW};

const DAY: i64 = 86_400_000;
/// When the data was imported: more than a year ago.
const BEGUN: i64 = NOW - 400 * DAY;
/// Those who hand in a command each, and the next once it is answered.
const SUBMITTERS: usize = 64;
/// Commands of each of them.
const EACH: usize = 100;
/// Comments are written on so many cases at most.
const CASES: usize = 512;
/// Groups have no more commands than this.
const GROUP: usize = 256;
/// Lines of the feed.
const MOVES: usize = 20_000;
/// How often each side is measured.
const ROUNDS: usize = 3;
/// How often the store is opened in each way.
const OPENINGS: usize = 5;

/// A folder that goes when this is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A person, and a case that they may comment on.
type Pair = (String, EntityUid);

/// All rows of the store.
///
/// # Errors
/// Where the disk is full.
///
/// # Panics
/// Where an answer is wrong.
pub fn rows(data: &Data, report: &mut Report) -> Result<(), Failure> {
    let folder = Folder(std::env::temp_dir().join(format!("caseward-bench-{}", std::process::id())));
    std::fs::create_dir(&folder.0)?;
    let place = folder.0.join("cases.db");
    imported(data, &place, report)?;
    fed(data, &place, report)?;
    commands(data, &place, report)?;
    opened(data, &place, report)?;
    as_of(data, &place, report)
}

fn at(now: i64) -> Options {
    Options::new().trusting(Some(now))
}

fn imported(data: &Data, place: &Path, report: &mut Report) -> Result<(), Failure> {
    let mut json = Vec::new();
    data.world.write_json(&mut json)?;
    let store = Store::init(place, &PolicySet::attendance(), &at(BEGUN))?;
    let (count, time) = timed(|| store.import(json.as_slice()));
    let name = format!("store/import/{}", data.cases);
    report.record(name, "caseward", "ns", time, format!("{} entities", count?));
    Ok(())
}

/// Students who change school, a line each.
fn fed(data: &Data, place: &Path, report: &mut Report) -> Result<(), Failure> {
    let store = Store::open(place, &at(NOW - 200 * DAY))?;
    let (students, schools) = (data.all("Student"), data.all("School"));
    let moves = MOVES.min(students.len());
    let mut random = Random(5);
    let mut text = String::from("student,school,start\n");
    for student in students.iter().take(moves) {
        text += &format!("{},{},2025-09-01\n", student.id(), schools[random.below(schools.len())].id());
    }
    let (answers, time) = timed(|| store.feed("enrolment", text.into_bytes(), 2 * DAY));
    let answers = answers?;
    assert!(answers.iter().all(|answer| answer.outcome == Taken::Done) && answers.len() == moves);
    let name = format!("store/feed_line/{}", data.cases);
    report.record(name, "caseward", "ns", time / moves as f64, format!("{moves} lines of enrolment"));
    Ok(())
}

/// Who may comment on what, spread over people.
fn pairs(store: &Store) -> Result<Vec<Pair>, Failure> {
    let (ward, world) = (store.ward(), store.world());
    let mut pairs = Vec::new();
    for id in world.ids("User")? {
        let user = EntityUid::new("User", id);
        let query = Query::new(user, ActionName::new("addComment"), TypeName::new("Case")).at(NOW);
        let cases = ward.list(world, &query)?;
        pairs.extend(cases.into_iter().take(4).map(|case| (id.to_owned(), case)));
        if pairs.len() >= CASES {
            break;
        }
    }
    assert!(pairs.len() >= SUBMITTERS, "too few may comment on anything");
    Ok(pairs)
}

/// Rounds of comments, each with the same rows inserted by hand into a copy of the store from before.
fn commands(data: &Data, place: &Path, report: &mut Report) -> Result<(), Failure> {
    let copy = place.with_file_name("bare.db");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let mut groups = (0, 0);
    for round in 0..ROUNDS {
        std::fs::copy(place, &copy)?;
        let store = Store::open(place, &at(NOW))?;
        let pairs = pairs(&store)?;
        let (made, time) = timed(|| by_store(&store, &pairs, round));
        let made = made?;
        drop(store);
        ours.push(time / made.len() as f64);
        let written = written(place, &made)?;
        assert_eq!(written.len(), made.len());
        let (count, time) = timed(|| by_hand(&copy, written));
        bare.push(time / made.len() as f64);
        groups = (groups.0 + made.len(), groups.1 + count?);
        assert_eq!(items(&copy)?, items(place)?, "the same rows");
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(place.with_file_name(format!("bare.db{end}")));
        }
    }
    let name = format!("store/command/{}", data.cases);
    let said = format!("{SUBMITTERS} submitters, {} comments a round", SUBMITTERS * EACH);
    report.record_all(name.clone(), "caseward", "ns", ours, said);
    let said = format!("{:.0} in a group", groups.0 as f64 / groups.1 as f64);
    report.record_all(name.clone(), "rusqlite, the same rows", "ns", bare, said);
    report.print_ratios(&name);
    Ok(())
}

/// Comments of all submitters; gives the entries of the log and the items that they made.
fn by_store(store: &Store, pairs: &[Pair], round: usize) -> Result<Vec<(u64, String)>, Failure> {
    let made = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for submitter in 0..SUBMITTERS {
            let (made, store) = (&made, store.clone());
            scope.spawn(move || {
                for number in 0..EACH {
                    let (person, case) = &pairs[(submitter + number * SUBMITTERS) % pairs.len()];
                    let line = serde_json::json!({
                        "command": "addComment", "as": person, "on": case.to_string(),
                        "data": {"text": format!("comment {round} {submitter} {number}: away since Monday, a call is due")},
                    });
                    let answer = store.command(line.to_string()).expect("the database answers");
                    assert_eq!(answer.outcome, Outcome::Done, "{answer:?}");
                    let item: EntityUid = answer.made[0].parse().expect("an item");
                    let event = answer.event.expect("an entry");
                    made.lock().expect("no panic").push((event, item.id().to_owned()));
                }
            });
        }
    });
    Ok(made.into_inner()?)
}

/// A row to insert.
type Inserted = (usize, Vec<Value>);

/// Tables that a comment writes rows into, and the column by which they are found: an item's id, or the log's number.
const TABLES: [(&str, &str, bool); 7] = [
    ("item", "id", true),
    ("caseward_content", "id", true),
    ("caseward_changed", "id", true),
    ("caseward_history", "id", true),
    ("caseward_log", "event", false),
    ("caseward_log_about", "event", false),
    ("caseward_outbox", "event", false),
];

/// The rows that each command wrote.
fn written(place: &Path, made: &[(u64, String)]) -> Result<Vec<Vec<Inserted>>, Failure> {
    let connection = Connection::open(place)?;
    let mut all = Vec::new();
    let mut in_order = made.to_vec();
    in_order.sort_unstable();
    for (event, item) in in_order {
        let mut rows = Vec::new();
        for (number, (table, column, is_item)) in TABLES.into_iter().enumerate() {
            let mut found =
                connection.prepare_cached(&format!("SELECT * FROM {table} WHERE {column} = ?1"))?;
            let width = found.column_count();
            let key = if is_item { Value::Text(item.clone()) } else { Value::Integer(i64::try_from(event)?) };
            let mut found = found.query([key])?;
            while let Some(row) = found.next()? {
                rows.push((number, (0..width).map(|at| row.get(at)).collect::<Result<_, _>>()?));
            }
        }
        all.push(rows);
    }
    Ok(all)
}

/// Inserts the rows of each command, handed in by as many submitters; whatever waits is one group. Gives how many there were.
fn by_hand(place: &Path, written: Vec<Vec<Inserted>>) -> Result<usize, Failure> {
    let (hand_in, waiting) = channel::<(Vec<Inserted>, Sender<()>)>();
    let commands = Mutex::new(written.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..SUBMITTERS {
            let (commands, hand_in) = (&commands, hand_in.clone());
            scope.spawn(move || {
                loop {
                    let next = commands.lock().expect("no panic").next();
                    let Some(rows) = next else { return };
                    let (done, is_done) = channel();
                    if hand_in.send((rows, done)).is_err() || is_done.recv().is_err() {
                        return;
                    }
                }
            });
        }
        drop(hand_in);
        let connection = Connection::open(place)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        let mut groups = 0;
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            while let (true, Ok(next)) = (group.len() < GROUP, waiting.try_recv()) {
                group.push(next);
            }
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for (table, row) in group.iter().flat_map(|(rows, _)| rows) {
                let places: Vec<String> = (1..=row.len()).map(|at| format!("?{at}")).collect();
                let sql = format!("INSERT INTO {} VALUES ({})", TABLES[*table].0, places.join(", "));
                connection.prepare_cached(&sql)?.execute(params_from_iter(row))?;
            }
            for name in ["version", "event", "tree", "clock"] {
                let sql = "UPDATE caseward_setting SET value = value WHERE name = ?1";
                connection.prepare_cached(sql)?.execute([name])?;
            }
            connection.execute_batch("COMMIT")?;
            groups += 1;
            for (_, done) in group {
                let _ = done.send(());
            }
        }
        Ok(groups)
    })
}

fn items(place: &Path) -> Result<i64, Failure> {
    let sql = "SELECT (SELECT count(*) FROM item) + (SELECT count(*) FROM caseward_log_about)";
    Ok(Connection::open(place)?.query_row(sql, [], |row| row.get(0))?)
}

/// The store opened from its snapshot, and from its rows.
fn opened(data: &Data, place: &Path, report: &mut Report) -> Result<(), Failure> {
    let expected = Store::open(place, &at(NOW))?.world().len();
    let mut times = BTreeMap::<&str, Vec<f64>>::new();
    for _ in 0..OPENINGS {
        for from in ["snapshot", "rows"] {
            // A small store has none.
            let snapshot = place.with_file_name("cases.db-world");
            match (from, snapshot.exists()) {
                ("snapshot", false) => continue,
                ("rows", true) => std::fs::remove_file(snapshot)?,
                _ => {}
            }
            let (store, time) = timed(|| Store::open(place, &at(NOW)));
            assert_eq!(store?.world().len(), expected);
            times.entry(from).or_default().push(time);
        }
    }
    for (from, times) in times {
        let name = format!("store/open/{from}/{}", data.cases);
        report.record_all(name, "caseward", "ns", times, format!("{expected} entities"));
    }
    Ok(())
}

/// Who saw a case a year ago, the first time that it is asked.
fn as_of(data: &Data, place: &Path, report: &mut Report) -> Result<(), Failure> {
    let (mut times, mut said) = (Vec::new(), String::new());
    for _ in 0..OPENINGS {
        let store = Store::open(place, &at(NOW))?;
        let version = store.version()?;
        let case = EntityUid::new("Case", store.world().ids("Case")?.next().ok_or("no case")?);
        let query = |now| {
            let (users, summary) = (TypeName::new("User"), ActionName::new("viewSummary"));
            PrincipalQuery::new(users, summary, case.clone()).at(now)
        };
        let (found, time) = timed(|| -> Result<_, Failure> {
            let past = store.past(Moment::as_of(NOW - 365 * DAY))?;
            let who = past.ward.who(&past.world, &query(past.now))?.len();
            Ok((past, who))
        });
        let (past, who) = found?;
        assert_eq!((past.world.version(), past.world.len() <= store.world().len()), (1, true));
        times.push(time);
        said = format!("{} changes ago, {who} people", version - 1);
    }
    report.record_all(format!("store/as_of/{}", data.cases), "caseward", "ns", times, said);
    Ok(())
}
