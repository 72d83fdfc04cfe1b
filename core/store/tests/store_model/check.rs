//! The store and the model side by side: each answer, and all facts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use caseward_store::{Answer, Options, Outcome, PolicySet, Store, Taken};
use serde_json::{Map, Value as Json};

use crate::facts::{Uid, plain, uid};
use crate::lines::Fields;
use crate::model::{Expected, Model};
use crate::town;
use crate::watching::Watching;

/// How often each command came to each outcome, and each feed.
pub(crate) type Counts = BTreeMap<(String, String), usize>;

pub(crate) struct Sides {
    seed: u64,
    pub(crate) start: i64,
    store: Option<Store>,
    /// Reads what the store has committed.
    reader: rusqlite::Connection,
    folder: PathBuf,
    pub(crate) model: Model,
    pub(crate) step: usize,
    pub(crate) counts: Counts,
    /// What everybody is told of, beside changes of school.
    told: Vec<(String, Uid)>,
    last_event: u64,
    /// When a file was fed last: whether one without a good line is a write is open.
    pub(crate) murky: i64,
    /// Whether each step is printed.
    tells: bool,
    /// Versions that were seen after a step.
    pub(crate) versions: Vec<u64>,
    watching: RefCell<Watching>,
}

impl Sides {
    pub(crate) fn new(seed: u64, start: i64) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        // In memory, where there is such a folder: what a disk does is not what is looked at.
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = base.join(format!("caseward-model-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let options = Options::new().trusting(Some(start)).seeded(seed);
        let store = Store::init(folder.join("cases.db"), &PolicySet::attendance(), &options).unwrap();
        let imported = town::imported();
        store.import(imported.to_string().as_bytes()).unwrap();
        let mut model = Model::new(start, &imported);
        model.note(0, 1);
        Sides {
            seed,
            start,
            watching: RefCell::new(Watching::new(&store)),
            store: Some(store),
            reader: rusqlite::Connection::open(folder.join("cases.db")).unwrap(),
            folder,
            model,
            step: 0,
            counts: Counts::new(),
            told: Vec::new(),
            last_event: 0,
            murky: start,
            tells: std::env::var_os("CASEWARD_TELL").is_some(),
            versions: vec![1],
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// The version of the last entry in the log.
    fn version(&self) -> u64 {
        let mut statement = self.reader.prepare_cached("SELECT max(version) FROM caseward_log").unwrap();
        statement.query_row([], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
    }

    fn count(&mut self, what: &str, how: &str) {
        if self.tells {
            let at = crate::time::written(self.model.clock);
            println!("{} {} {at} {what}: {how}", self.seed, self.step);
        }
        *self.counts.entry((what.to_owned(), how.to_owned())).or_default() += 1;
    }

    pub(crate) fn command(&mut self, line: &Json) -> Answer {
        self.step += 1;
        let before = self.version();
        let answer = self.store().command(line.to_string()).unwrap();
        let after = self.version();
        // What is sent once more is kept once more.
        let text = line.to_string();
        self.model.disposed.retain(|gone| !text.contains(gone.as_str()));
        let expected = self.model.command(line, self.start, (before, after), &answer);
        let said = || {
            format!(
                "seed {} step {}: {line}\nanswered {answer:?}\nexpected {expected:?}",
                self.seed, self.step
            )
        };
        assert_eq!(Some(answer.outcome), expected.outcome, "outcome, {}", said());
        self.agree(&answer, &expected, (before, after), &said);
        if let (false, Some((ty, id))) =
            (answer.repeated, line["on"].as_str().and_then(|on| on.split_once("::\"")))
        {
            let on = uid(ty, id.trim_end_matches('"'));
            self.told.extend(answer.alerts.iter().map(|person| (person.clone(), on.clone())));
        }
        if let (Some(event), false) = (answer.event, answer.repeated) {
            self.last_event = event;
        }
        let outcome = if answer.repeated { "repeated".to_owned() } else { format!("{:?}", answer.outcome) };
        self.count(line["command"].as_str().unwrap_or("none"), &outcome);
        if after > before || self.step.is_multiple_of(8) {
            self.facts_agree(&line.to_string());
        }
        self.comes_to(after);
        answer
    }

    /// What is seen is of the version that the log came to, and says so.
    fn comes_to(&mut self, version: u64) {
        let reading = self.store().reading();
        assert_eq!((reading.version(), reading.world().version()), (version, version));
        drop(reading);
        self.versions.push(version);
    }

    fn agree(
        &self,
        answer: &Answer,
        expected: &Expected,
        (before, after): (u64, u64),
        said: &dyn Fn() -> String,
    ) {
        assert_eq!(answer.repeated, expected.repeated.is_some(), "repeated, {}", said());
        if let Some(first) = &expected.repeated {
            let mut again = answer.clone();
            again.repeated = false;
            assert_eq!(again, *first, "the answer that was done, {}", said());
        } else {
            assert_eq!(answer.version, after, "version, {}", said());
            assert_eq!(answer.made, expected.made, "made, {}", said());
            assert_eq!(sorted(&answer.alerts), sorted(&expected.alerts), "alerts, {}", said());
        }
        let by_due = (after - before).checked_sub(u64::from(expected.moved));
        assert_eq!(by_due.map(|by| by > 0), Some(expected.due), "moved from {before} to {after}, {}", said());
        if answer.outcome == Outcome::Invalid {
            assert_eq!(answer.event, None, "{}", said());
            assert!(!answer.errors.is_empty(), "{}", said());
        } else if !answer.repeated {
            assert!(answer.event.is_some_and(|event| event > self.last_event), "{}", said());
        }
        if let Some(verdict) = expected.verdict.as_ref().filter(|verdict| !verdict.absent) {
            let set =
                |all: &[std::sync::Arc<str>]| all.iter().map(|one| one.to_string()).collect::<BTreeSet<_>>();
            assert_eq!(set(&answer.policies), verdict.policies, "policies, {}", said());
            assert_eq!(set(&answer.rules), verdict.rules, "rules, {}", said());
        }
        let exported = answer.exported.as_ref().filter(|_| !answer.repeated).map(Json::to_string);
        assert_eq!(exported.is_some(), expected.exported.is_some(), "exported, {}", said());
        if let (Some(text), Some((told, untold))) = (exported, &expected.exported) {
            for one in told {
                assert!(text.contains(one.as_str()), "the export lacks {one}: {}", said());
            }
            for one in untold {
                assert!(!text.contains(one.as_str()), "the export tells {one}: {}", said());
            }
        }
    }

    pub(crate) fn feed(&mut self, kind: &str, text: &str, lines: &[Fields], delay: i64, now: i64) {
        self.step += 1;
        let said = || {
            format!(
                "seed {} step {}: feed {kind} at {}\n{text}",
                self.seed,
                self.step,
                crate::time::written(now)
            )
        };
        let before = self.version();
        let answers = self.store().feed_at(kind, text.as_bytes().to_vec(), delay, now);
        if now < self.model.clock && !lines.is_empty() {
            assert!(answers.is_err(), "{}", said());
            return;
        }
        let answers = answers.unwrap();
        self.murky = now;
        let after = self.version();
        let due = self.model.advance(now);
        let expected = self.model.feed(kind, lines, delay, now);
        let taken: Vec<Taken> = answers.iter().map(|answer| answer.outcome).collect();
        assert_eq!(taken, expected, "lines, {}\n{answers:?}", said());
        let moved = self.model.note(before, after) || due;
        assert_eq!(after > before, moved, "moved from {before} to {after}, {}", said());
        for outcome in taken {
            self.count(kind, &format!("{outcome:?}"));
        }
        self.facts_agree(&format!("feed {kind}\n{text}"));
        self.comes_to(after);
    }

    pub(crate) fn tick(&mut self, now: i64) {
        self.step += 1;
        let before = self.version();
        let done = self.store().tick_at(now).unwrap();
        let after = self.version();
        let due = self.model.advance(now);
        self.model.note(before, after);
        assert_eq!(after > before, due, "seed {} step {}: {done} batches", self.seed, self.step);
        self.count("tick", if due { "moved" } else { "still" });
        self.facts_agree("tick");
        self.comes_to(after);
    }

    fn facts_agree(&self, after: &str) {
        let said = || format!("seed {} step {} after {after}", self.seed, self.step);
        self.watching.borrow_mut().agrees(self.store(), &said);
        let mut out = Vec::new();
        self.store().export(&mut out).unwrap();
        let all: Vec<Json> = serde_json::from_slice(&out).unwrap();
        let one = |one: &Json| -> (Uid, Map<String, Json>) {
            let uid = uid(one["uid"]["type"].as_str().unwrap(), one["uid"]["id"].as_str().unwrap());
            let attributes = one["attrs"].as_object().unwrap();
            (uid, attributes.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        };
        let store: BTreeMap<_, _> = all.iter().map(one).collect();
        if store == self.model.facts.all {
            return;
        }
        let mut says = String::new();
        let uids: BTreeSet<&Uid> = store.keys().chain(self.model.facts.all.keys()).collect();
        for uid in uids {
            let (theirs, ours) = (store.get(uid), self.model.facts.all.get(uid));
            let none = Map::new();
            let (theirs, ours) = (theirs.unwrap_or(&none), ours.unwrap_or(&none));
            let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
            for name in names.into_iter().filter(|name| theirs.get(*name) != ours.get(*name)) {
                let text = |value: Option<&Json>| value.map_or("nothing".to_owned(), Json::to_string);
                says += &format!(
                    "{uid:?} {name}: store {} model {}\n",
                    text(theirs.get(name)),
                    text(ours.get(name))
                );
            }
        }
        panic!(
            "seed {} step {} after {after} at {}:\n{says}",
            self.seed,
            self.step,
            crate::time::written(self.model.clock)
        );
    }

    /// What only the database tells: who is to be told of what, and that what was disposed of is gone.
    pub(crate) fn end(mut self) -> Counts {
        let watched = self.watching.borrow();
        assert!(watched.came > 50 && watched.went > 10, "{} came, {} went", watched.came, watched.went);
        drop(watched);
        let found = self.store().doctor().unwrap();
        let faults: Vec<_> = found.findings.iter().filter(|one| one.is_fault).collect();
        assert!(faults.is_empty(), "seed {}: {faults:#?}", self.seed);
        self.store = None;
        let database = rusqlite::Connection::open(self.folder.join("cases.db")).unwrap();
        let mut statement = database.prepare("SELECT person, type, id FROM caseward_outbox").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
        let mut outbox: Vec<(String, Uid)> = rows.map(Result::unwrap).collect();
        let mut told: Vec<(String, Uid)> = [&*self.told, &*self.model.told].concat();
        outbox.sort();
        told.sort();
        assert_eq!(outbox, told, "seed {}: who is told", self.seed);
        let tables = [
            "caseward_content",
            "caseward_log",
            "caseward_answer",
            "caseward_feed",
            "caseward_feed_taken",
            "caseward_feed_base",
            "caseward_flag",
        ];
        for table in tables {
            let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let width = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for at in 0..width {
                    let Ok(text) = row.get::<_, String>(at) else { continue };
                    for gone in &self.model.disposed {
                        assert!(
                            !text.contains(gone.as_str()),
                            "seed {}: {table} keeps {gone}: {text}",
                            self.seed
                        );
                    }
                }
            }
        }
        std::mem::take(&mut self.counts)
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        self.store = None;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn sorted(all: &[String]) -> Vec<String> {
    let mut all = all.to_vec();
    all.sort();
    all
}
