//! The state of an open store: the database, the world that it holds, and the numbers that count.
//!
//! One thread has it. A *group* of commands is one transaction: each is decided on the state that those before it leave,
//! all become durable together, and then the world sees them, one after the other.
//!
//! INVARIANT: nothing is seen in the world, and nothing is answered, before it is durable.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use caseward::sql::{Database, Mapping};
use caseward::{EntityUid, Ward, World, WorldBuilder};

use crate::activate::{self, InForce, Shared};
use crate::audit::Tree;
use crate::beside::{Batch, Beside};
use crate::db::{Db, as_count, as_text, number, text};
use crate::draft::{Finished, Touched, stored};
use crate::error::Error;
use crate::feed::CONTENT;
use crate::files::{Files, documents, hash_of};
use crate::history;
use crate::ids::Random;
use crate::imported;
use crate::log::{self, Entry, as_i64};
use crate::migrate;
use crate::options::Options;
use crate::past::Pasts;
use crate::policies::PolicySet;
use crate::seal::{self, Place, StoreKey};
use crate::snapshot;
use crate::time;
use crate::watch::Watchers;

pub(crate) struct State {
    pub(crate) db: Box<dyn Db>,
    pub(crate) ward: Ward,
    pub(crate) fits: Ward,
    /// What names the set of `ward` and `fits`.
    pub(crate) set: String,
    /// The policies that are in force now and later, in the order of time.
    pub(crate) policies: Vec<InForce>,
    pub(crate) shared: Shared,
    pub(crate) database: Database,
    /// What is durable, which readers see.
    pub(crate) world: World,
    pub(crate) files: Files,
    /// Where a snapshot of the world is kept, if it is.
    pub(crate) snapshot: Option<PathBuf>,
    pub(crate) random: Random,
    pub(crate) trust_now: bool,
    pub(crate) numbers: Numbers,
    /// The tree over the log's envelopes.
    pub(crate) tree: Tree,
    /// Worlds of past moments that were asked about lately.
    pub(crate) pasts: Pasts,
    /// What stands beside the world, for those who list.
    pub(crate) beside: Beside,
    /// Those who watch.
    pub(crate) watchers: Watchers,
    /// Whether the world is behind the database after a failure.
    pub(crate) is_stopped: bool,
    /// Whether the world is that of the rows; else they could not be read, and are only looked at.
    pub(crate) has_facts: bool,
    /// What is told of the store where nothing is written to it.
    pub(crate) read_only: Option<PathBuf>,
}

/// What counts up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) version: u64,
    pub(crate) event: u64,
    /// The last instant at which something was written.
    pub(crate) clock: i64,
}

impl Numbers {
    /// Why nothing can be written at an instant that lies before the last write.
    pub(crate) fn goes_back(&self, now: i64) -> Option<String> {
        let last = time::rfc3339(self.clock);
        (now < self.clock).then(|| format!("the clock goes back: the last write was at {last}"))
    }
}

/// What a group of commands has made so far.
pub(crate) struct Group {
    /// The state after it.
    pub(crate) seen: World,
    batches: Vec<Batch>,
    pub(crate) numbers: Numbers,
    pub(crate) tree: Tree,
    /// Entries whose payload was disposed of.
    pub(crate) blanked: BTreeSet<u64>,
    /// Whether something was disposed of, of which nothing is to stay in the database's files.
    pub(crate) is_disposing: bool,
    /// Files that nothing speaks of any more, once it is durable.
    released: Vec<String>,
    /// The envelope of the last entry.
    pub(crate) last: Option<String>,
}

impl State {
    /// Makes the tables of a new store.
    pub(crate) fn create(db: &mut dyn Db, policies: &PolicySet, key: Option<&StoreKey>) -> Result<(), Error> {
        let (ward, fits) = policies.load_whole()?;
        let database = Database::new(ward.schema(), &Mapping::default(), db.dialect())?;
        db.begin()?;
        let made = (|| {
            migrate::format::create(db)?;
            db.tables()?;
            for statement in database.create() {
                db.script(&statement)?;
            }
            if let Some(key) = key {
                seal::begin(db, key)?;
            }
            activate::keep(db, policies, (&ward, &fits), (i64::MIN, 0))?;
            set(db, "version", 0)?;
            set(db, "event", 0)?;
            set_text(db, "tree", &Tree::default().to_text())?;
            set(db, "clock", i64::MIN)
        })();
        match made {
            Ok(()) => db.commit(),
            Err(error) => {
                db.rollback()?;
                Err(error)
            }
        }
    }

    /// Opens a store that is there.
    pub(crate) fn open(
        mut db: Box<dyn Db>,
        beside: (Files, Option<PathBuf>),
        options: &Options,
    ) -> Result<Self, Error> {
        // What others write while the rows are read is caught up with later.
        db.begin_to_read()?;
        let mut state = Self::read_all(db, beside, options)?;
        state.db.end_reading()?;
        state.see_anew();
        Ok(state)
    }

    fn read_all(
        mut db: Box<dyn Db>,
        (files, snapshot): (Files, Option<PathBuf>),
        options: &Options,
    ) -> Result<Self, Error> {
        let (numbers, tree) = counts(db.as_mut())?;
        let policies = activate::read(db.as_mut(), numbers.clock)?;
        let decides = activate::at(&policies, numbers.clock).cloned();
        let InForce { ward, fits, set, .. } =
            decides.ok_or_else(|| Error::Unreadable("it has no policies that decide".to_owned()))?;
        let database = Database::new(ward.schema(), &Mapping::default(), db.dialect())?;
        let kept = match &snapshot {
            Some(path) => snapshot::open(db.as_mut(), &ward, path)?,
            None => None,
        };
        let mut has_facts = true;
        let world = match kept {
            Some(world) => world,
            None => {
                let mut counted = options.counted();
                let read = database.read(|sql, each| {
                    db.rows(sql, &[], &mut |row| {
                        counted.one();
                        each(row)
                    })
                });
                match read {
                    Err(error) if options.is_for_checkup && error.of_rows().is_some() => {
                        has_facts = false;
                        WorldBuilder::new(ward.schema()).finish()?
                    }
                    read => read?,
                }
            }
        };
        let world = world.counting_from(numbers.version);
        Ok(State {
            db,
            shared: Shared::new(&ward),
            ward,
            fits,
            set,
            policies,
            database,
            world,
            files,
            snapshot,
            random: options.random(),
            trust_now: options.trust_now,
            numbers,
            tree,
            pasts: Pasts::default(),
            beside: Beside::default(),
            watchers: Watchers::default(),
            is_stopped: false,
            has_facts,
            read_only: None,
        })
    }

    /// Whether the caller may say what time it is.
    pub(crate) fn trusting(&self) -> Result<(), Error> {
        match self.trust_now {
            true => Ok(()),
            false => Err(Error::request(
                "the store's clock is its own, unless it trusts the caller's (--trust-now)",
            )),
        }
    }

    /// Begins a group.
    pub(crate) fn begin(&mut self) -> Result<Group, Error> {
        if self.is_stopped {
            return Err(Error::Stopped);
        }
        if let Some(path) = &self.read_only {
            return Err(Error::ReadOnly(path.clone()));
        }
        self.db.begin()?;
        if let Err(error) = self.only_writer() {
            self.db.rollback()?;
            return Err(error);
        }
        Ok(Group {
            seen: self.world.clone(),
            batches: Vec::new(),
            numbers: self.numbers,
            tree: self.tree.clone(),
            blanked: BTreeSet::new(),
            is_disposing: false,
            released: Vec::new(),
            last: None,
        })
    }

    /// Is the one that writes, on the newest state: commands are decided on what others wrote before them.
    fn only_writer(&mut self) -> Result<(), Error> {
        self.db.lock()?;
        if self.db.is_shared() {
            return self.catch_up();
        }
        // A commit of which the answer was lost may have been made; or somebody else wrote.
        if counted(self.db.as_mut(), "event")? != self.numbers.event {
            self.is_stopped = true;
            return Err(Error::Stopped);
        }
        Ok(())
    }

    /// Does work in a group of its own, which becomes durable; where it fails, nothing of it is written.
    pub(crate) fn in_group<T>(
        &mut self,
        work: impl FnOnce(&mut Self, &mut Group) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut group = self.begin()?;
        match work(self, &mut group) {
            Ok(done) => self.commit(group).map(|()| done),
            Err(error) => {
                self.db.rollback()?;
                Err(error)
            }
        }
    }

    /// Makes a group durable, and lets the world see it.
    pub(crate) fn commit(&mut self, mut group: Group) -> Result<(), Error> {
        if let Err(error) = self.write_last(&mut group) {
            self.db.rollback()?;
            return Err(error);
        }
        if let Err(error) = self.db.commit()
            && !self.is_durable(&group, &error)?
        {
            self.db.rollback()?;
            return Err(error);
        }
        self.numbers = group.numbers;
        self.tree = group.tree;
        let decides = (self.ward.clone(), self.fits.clone(), self.set.clone());
        for batch in &group.batches {
            if let Err(error) = self.see(batch) {
                self.is_stopped = true;
                return Err(error);
            }
        }
        // Policies may have come into force after the last batch of the group.
        (self.ward, self.fits, self.set) = decides;
        self.publish();
        self.beside.tell(self.numbers.event);
        if group.is_disposing {
            self.db.scrub()?;
            self.remove_snapshot()?;
        }
        // A file that stays behind harms nobody: `doctor` finds it.
        for hash in &group.released {
            let _ = self.files.remove(hash);
        }
        Ok(())
    }

    /// What is written right before a group becomes durable.
    fn write_last(&mut self, group: &mut Group) -> Result<(), Error> {
        let mut kept = Vec::new();
        for hash in std::mem::take(&mut group.released) {
            if !self.db.remove_file(&hash)? {
                kept.push(hash);
            }
        }
        group.released = kept;
        if group.numbers.event > self.numbers.event {
            self.db.announce(group.numbers.event)?;
        }
        set(self.db.as_mut(), "version", as_i64(group.numbers.version))?;
        set(self.db.as_mut(), "event", as_i64(group.numbers.event))?;
        set_text(self.db.as_mut(), "tree", &group.tree.to_text())?;
        set(self.db.as_mut(), "clock", group.numbers.clock)
    }

    /// Writes what a draft makes of facts, content and files, as the next version; whether there was anything.
    pub(crate) fn write(&mut self, group: &mut Group, now: i64, finished: &Finished) -> Result<bool, Error> {
        for mark in &finished.marks {
            self.db.run(
                "INSERT INTO caseward_role_mark (person, role, place, at, held) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (person, role, place, at) DO UPDATE SET held = excluded.held",
                &[
                    text(mark.person.id()),
                    text(mark.role.clone()),
                    text(mark.place.id()),
                    number(now),
                    number(i64::from(mark.held)),
                ],
            )?;
        }
        // What is said alone is no content, and goes without a version.
        for uid in &finished.unsaid {
            group.blanked.extend(log::unsay(self.db.as_mut(), uid)?);
            self.unfeed(uid)?;
        }
        for uid in finished.unsaid.iter().chain(&finished.forgotten) {
            imported::forget(self.db.as_mut(), uid)?;
        }
        if finished.is_nothing() {
            return Ok(false);
        }
        group.numbers.version += 1;
        let seal = self.db.seal();
        for (hash, bytes) in &finished.files {
            let name = seal.name(hash);
            let bytes = seal.close_file(&name, bytes)?;
            if !self.db.keep_file(&name, &bytes)? {
                self.files.keep(&name, &bytes)?;
            }
        }
        for (uid, touched) in &finished.touched {
            let names: Option<Vec<&str>> = match touched {
                Touched::Whole => None,
                Touched::Attributes(names) => Some(names.iter().map(AsRef::as_ref).collect()),
            };
            let statements = self.database.upkeep(&finished.world, uid, names.as_deref())?;
            self.db.all(&statements)?;
        }
        history::record(self.db.as_mut(), group.numbers.version, &group.seen, finished)?;
        for uid in &finished.unsaid {
            history::forget_one(self.db.as_mut(), uid, imported::RATE)?;
        }
        self.write_content(finished)?;
        for uid in &finished.disposed {
            self.forget_content(group, uid)?;
        }
        for uid in &finished.forgotten {
            history::forget(self.db.as_mut(), uid)?;
            self.pasts.clear();
            group.blanked.extend(log::blank(self.db.as_mut(), uid)?);
        }
        if let Some((request, case)) = &finished.became {
            self.db.run(
                "INSERT INTO caseward_became (request, \"case\") VALUES (?1, ?2)",
                &[text(request.id()), text(case.id())],
            )?;
        }
        for (name, value) in &finished.counters {
            set(self.db.as_mut(), name, *value)?;
        }
        self.write_changed(group.numbers.version, finished)?;
        group.batches.push(Batch::new(group.numbers.version, now, finished));
        if !finished.changes.is_empty() {
            group.seen = finished.world.clone();
        }
        Ok(true)
    }

    /// Forgets the lines of feeds that are content of an entity.
    fn unfeed(&mut self, uid: &EntityUid) -> Result<(), Error> {
        for kind in CONTENT {
            // Also that it was taken: from a hash what is short can be guessed.
            for table in ["caseward_feed", "caseward_feed_taken"] {
                let sql = format!("DELETE FROM {table} WHERE subject = ?1 AND kind = ?2");
                self.db.run(&sql, &[text(uid.to_string()), text(kind)])?;
            }
        }
        Ok(())
    }

    fn write_content(&mut self, finished: &Finished) -> Result<(), Error> {
        for ((uid, field), value) in &finished.content {
            let key = [text(uid.type_name()), text(uid.id()), text(field.clone())];
            match value {
                Some(value) => {
                    let place = Place::Content(uid.type_name(), uid.id(), field);
                    let value = self.db.seal().close(place, value.to_string())?;
                    let [ty, id, field] = key;
                    self.db.run(
                        "INSERT INTO caseward_content (type, id, field, value) VALUES (?1, ?2, ?3, ?4) \
                         ON CONFLICT (type, id, field) DO UPDATE SET value = excluded.value",
                        &[ty, id, field, text(value)],
                    )?;
                }
                None => {
                    let sql = "DELETE FROM caseward_content WHERE type = ?1 AND id = ?2 AND field = ?3";
                    self.db.run(sql, &key)?;
                }
            }
        }
        Ok(())
    }

    fn write_changed(&mut self, version: u64, finished: &Finished) -> Result<(), Error> {
        let mut changed: Vec<_> =
            finished.touched.keys().chain(finished.content.keys().map(|(uid, _)| uid)).collect();
        changed.sort();
        changed.dedup();
        for uid in changed {
            self.db.run(
                "INSERT INTO caseward_changed (type, id, version) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (type, id) DO UPDATE SET version = excluded.version",
                &[text(uid.type_name()), text(uid.id()), number(as_i64(version))],
            )?;
        }
        Ok(())
    }

    /// Removes the content of an entity that is gone, and its file where no other item has it.
    fn forget_content(&mut self, group: &mut Group, uid: &EntityUid) -> Result<(), Error> {
        let document = stored(self.db.as_mut(), uid, "document")?;
        let key = [text(uid.type_name()), text(uid.id())];
        self.db.run("DELETE FROM caseward_content WHERE type = ?1 AND id = ?2", &key)?;
        if let Some(hash) = document.as_ref().and_then(hash_of)
            && !documents(self.db.as_mut())?.iter().any(|(_, kept)| kept == hash)
        {
            group.released.push(self.db.seal().name(hash));
        }
        Ok(())
    }

    /// Puts into the outbox that somebody is to know of what was done to a record.
    pub(crate) fn tell(&mut self, event: u64, person: &str, of: &EntityUid) -> Result<(), Error> {
        self.db.run(
            "INSERT INTO caseward_outbox (event, person, type, id) VALUES (?1, ?2, ?3, ?4)",
            &[number(as_i64(event)), text(person), text(of.type_name()), text(of.id())],
        )?;
        Ok(())
    }

    /// Writes an entry of the audit log; gives its number.
    pub(crate) fn audit(&mut self, group: &mut Group, entry: &Entry<'_>) -> Result<u64, Error> {
        group.numbers.event += 1;
        let envelope = log::append(self.db.as_mut(), &mut self.random, group.numbers.event, entry)?;
        group.tree.push(envelope.as_bytes());
        group.last = Some(envelope);
        Ok(group.numbers.event)
    }
}

/// What the database says of itself: what counts up, and the tree of its log.
pub(crate) fn counts(db: &mut dyn Db) -> Result<(Numbers, Tree), Error> {
    let mut found: HashMap<Arc<str>, Arc<str>> = HashMap::new();
    let sql = "SELECT name, value FROM caseward_setting WHERE name IN ('version', 'event', 'clock', 'tree')";
    db.rows(sql, &[], &mut |row| {
        found.extend(row.first().and_then(as_text).zip(row.get(1).and_then(as_text)));
        Ok(())
    })?;
    let of = |name: &str| found.get(name).map_or("", AsRef::as_ref);
    let numbers = Numbers {
        version: of("version").parse().unwrap_or(0),
        event: of("event").parse().unwrap_or(0),
        clock: of("clock").parse().unwrap_or(i64::MIN),
    };
    let tree = Tree::from_text(of("tree")).filter(|tree| tree.size() == numbers.event);
    let tree =
        tree.ok_or_else(|| Error::Unreadable("the tree of its log is not that of its entries".to_owned()))?;
    Ok((numbers, tree))
}

/// What the settings are called.
pub(crate) const SETTINGS: [&str; 9] =
    ["version", "event", "clock", "tree", "format", "requests", "cases", "snapshot", "sealed"];

/// A number among the settings.
pub(crate) fn get(db: &mut dyn Db, name: &str) -> Result<Option<i64>, Error> {
    Ok(get_text(db, name)?.and_then(|value| value.parse().ok()))
}

pub(crate) fn get_text(db: &mut dyn Db, name: &str) -> Result<Option<Arc<str>>, Error> {
    let row = db.row("SELECT value FROM caseward_setting WHERE name = ?1", &[text(name)])?;
    Ok(row.and_then(|row| as_text(row.first()?)))
}

fn counted(db: &mut dyn Db, name: &str) -> Result<u64, Error> {
    Ok(get(db, name)?.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

pub(crate) fn set(db: &mut dyn Db, name: &str, value: i64) -> Result<(), Error> {
    set_text(db, name, &value.to_string())
}

pub(crate) fn set_text(db: &mut dyn Db, name: &str, value: &str) -> Result<(), Error> {
    db.run(
        "INSERT INTO caseward_setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        &[text(name), text(value)],
    )?;
    Ok(())
}

/// The version in which an entity or its content changed last.
pub(crate) fn changed(db: &mut dyn Db, uid: &EntityUid) -> Result<u64, Error> {
    let sql = "SELECT version FROM caseward_changed WHERE type = ?1 AND id = ?2";
    let row = db.row(sql, &[text(uid.type_name()), text(uid.id())])?;
    Ok(row.and_then(|row| as_count(row.first()?)).unwrap_or(0))
}
