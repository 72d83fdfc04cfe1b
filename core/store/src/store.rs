//! A store, as programs have it: one writer thread, and readers of the world.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use caseward::{EntityUid, Ward, World};
use serde_json::json;

use crate::activate::{Activated, Activation, Shared};
use crate::audit::{Checkpoint, LogKey, LogVerifier, Looked, Read, Replayed, Verified};
use crate::beside::Beside;
use crate::command::{Answer, Outcome};
use crate::content::Download;
use crate::doctor::Checkup;
use crate::draft::uid_json;
use crate::error::Error;
use crate::feed::{Feeding, LineAnswer};
use crate::migrate::opened;
#[cfg(feature = "postgres")]
use crate::nodes::Follower;
use crate::options::Options;
use crate::past::{Moment, Past};
use crate::place;
#[cfg(feature = "postgres")]
use crate::place::address;
use crate::policies::PolicySet;
#[cfg(feature = "postgres")]
use crate::postgres::Postgres;
use crate::state::State;
use crate::touched::{Counter, Touched};
use crate::writer::{Durable, Job, write};

/// Commands that wait for the writer.
const WAITING: usize = 4_096;

/// An open store. Cloning shares it; the last clone closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    /// Ends before the writer does.
    #[cfg(feature = "postgres")]
    follower: Option<Follower>,
    jobs: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
    ward: Shared,
    world: World,
    beside: Beside,
    counter: Counter,
    /// Held for as long as the store is open.
    _lock: Option<File>,
}

/// An answer that is being made.
pub struct Pending(Receiver<Result<Answer, Error>>);

impl Pending {
    /// Waits for it.
    ///
    /// # Errors
    /// What the database reports; then nothing of the command was done.
    pub fn wait(self) -> Result<Answer, Error> {
        self.0.recv().unwrap_or(Err(Error::Stopped))
    }
}

impl Store {
    /// Makes a store where there is none, without data: a file of SQLite, or with the feature `postgres` a schema of
    /// PostgreSQL by its address, such as `postgres://user@host/database?options=-csearch_path%3Dcases`.
    ///
    /// # Errors
    /// [`Error::Exists`]; [`Error::Engine`] for policies that are not valid; [`Error::Database`].
    pub fn init(path: impl AsRef<Path>, policies: &PolicySet, options: &Options) -> Result<Self, Error> {
        let path = path.as_ref();
        #[cfg(feature = "postgres")]
        if let Some(address) = address(path) {
            State::create(&mut Postgres::create(address)?, policies, options.key.as_ref())?;
            return Self::open(path, options);
        }
        place::make_database(path, |db| State::create(db, policies, options.key.as_ref()))?;
        Self::open(path, options).map_err(|error| match error {
            Error::Database(says) => Error::Database(format!(
                "the store `{}` is made, and cannot be opened yet: {says}",
                path.display()
            )),
            error => error,
        })
    }

    /// Opens a store: reads the world from its rows.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::NotAStore`], [`Error::Newer`], [`Error::InUse`], [`Error::Database`].
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        let path = path.as_ref();
        let (state, lock) = opened(path, options)?;
        let (ward, world) = (state.shared.clone(), state.world.clone());
        let (beside, counter) = (state.beside.clone(), state.db.counter());
        #[cfg(feature = "postgres")]
        let followed = address(path).filter(|_| !options.alone).map(str::to_owned);
        let (jobs, waiting) = mpsc::sync_channel(WAITING);
        let options = options.clone();
        let writer = std::thread::Builder::new()
            .name("caseward-store".to_owned())
            .spawn(move || write(state, &waiting, &options))
            .map_err(|error| Error::file("start a thread for", path, error))?;
        #[cfg_attr(not(feature = "postgres"), expect(unused_mut, reason = "nobody is followed"))]
        let mut inner = Inner {
            #[cfg(feature = "postgres")]
            follower: None,
            jobs: Some(jobs),
            writer: Some(writer),
            ward,
            world,
            beside,
            counter,
            _lock: lock,
        };
        #[cfg(feature = "postgres")]
        if let (Some(address), Some(jobs)) = (followed, &inner.jobs) {
            inner.follower = Some(Follower::new(&address, jobs.clone(), inner.beside.clone())?);
        }
        Ok(Store { inner: Arc::new(inner) })
    }

    /// The policies in force, as of what was last written or asked.
    pub fn ward(&self) -> Ward {
        self.inner.ward.ward()
    }

    /// The facts: a world that follows every committed batch.
    pub fn world(&self) -> &World {
        &self.inner.world
    }

    /// How often its database was asked since the store was opened, and how many rows it gave.
    pub fn touched(&self) -> Touched {
        self.inner.counter.now()
    }

    pub(crate) fn beside(&self) -> &Beside {
        &self.inner.beside
    }

    /// The store's clock, in milliseconds since 1970: never before the last write.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn now(&self) -> Result<i64, Error> {
        self.run(|state, clock| state.reading(|state| Ok(clock.max(state.numbers.clock))))
    }

    /// The version of the data: how many batches were committed.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn version(&self) -> Result<u64, Error> {
        self.run(|state, _| Ok(state.numbers.version))
    }

    /// Hands a command in, as a line of JSON; commands are answered in the order in which they are handed in, and those
    /// that wait at once become durable together.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn submit(&self, line: impl Into<String>) -> Result<Pending, Error> {
        self.hand_in(line.into(), None)
    }

    /// As [`Store::submit`], of a command that carries a file, whose bytes stand beside it and not in its `data`: they are held
    /// once, and not as text.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn submit_with_file(&self, line: impl Into<String>, bytes: Vec<u8>) -> Result<Pending, Error> {
        self.hand_in(line.into(), Some(Arc::new(bytes)))
    }

    fn hand_in(&self, line: String, file: Option<Arc<Vec<u8>>>) -> Result<Pending, Error> {
        let (reply, answer) = mpsc::channel();
        self.send(Job::Durable(Durable::Command { line, file, reply }))?;
        Ok(Pending(answer))
    }

    /// The answer to what is no line of a command, such as bytes that are no text, or a file that cannot be read: *invalid*, and
    /// nothing is asked or audited.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn invalid(&self, why: impl Into<String>) -> Result<Answer, Error> {
        let answer = Answer::new(Outcome::Invalid, self.version()?, self.ward().policy_hash());
        Ok(answer.because(why))
    }

    /// Does a command, and waits for its answer.
    ///
    /// # Errors
    /// What the database reports; then nothing of the command was done.
    pub fn command(&self, line: impl Into<String>) -> Result<Answer, Error> {
        self.submit(line)?.wait()
    }

    /// Fills a store that is empty with Cedar's entities JSON, in one transaction; gives how many entities there are.
    ///
    /// # Errors
    /// [`Error::Request`] where the store is not empty; [`Error::Engine`] for data that the schema does not allow; then
    /// nothing is written.
    pub fn import(&self, mut entities: impl io::Read) -> Result<usize, Error> {
        let mut bytes = Vec::new();
        entities.read_to_end(&mut bytes).map_err(|error| Error::request(error.to_string()))?;
        self.run(move |state, clock| state.import(&bytes, clock))
    }

    /// Takes a file of a feed: CSV with a header, or JSON lines. Every line is answered, in the order of the file, and a bad
    /// one stops no other. `delay` is how long after it is passed the mandatory module is processed, in milliseconds.
    ///
    /// # Errors
    /// [`Error::Request`] for a feed that there is not, a file that has another header, and a clock that goes back; what
    /// the database reports. What was answered before it is kept: feed the file again.
    pub fn feed(&self, kind: &str, text: Vec<u8>, delay: i64) -> Result<Vec<LineAnswer>, Error> {
        self.fed(Feeding::read(kind, &text, delay)?, |_, clock| Ok(clock))
    }

    /// Takes a file some subjects at a time: what others hand in meanwhile is done in between.
    fn fed(
        &self,
        mut file: Feeding,
        at: impl Fn(&State, i64) -> Result<i64, Error> + Copy + Send + 'static,
    ) -> Result<Vec<LineAnswer>, Error> {
        loop {
            file = self.run(move |state, clock| {
                let now = at(state, clock)?;
                state.feed(&mut file, now)?;
                Ok(file)
            })?;
            if file.is_taken() {
                return Ok(file.answered());
            }
        }
    }

    /// As [`Store::feed`], at an instant that the caller says: with [`Options::trusting`] alone.
    ///
    /// # Errors
    /// As [`Store::feed`]; [`Error::Request`] where the store does not trust the caller's time.
    pub fn feed_at(&self, kind: &str, text: Vec<u8>, delay: i64, now: i64) -> Result<Vec<LineAnswer>, Error> {
        self.fed(Feeding::read(kind, &text, delay)?, move |state, _| state.trusting().map(|()| now))
    }

    /// Applies what is due by the store's clock; gives how many batches that was. Whatever opens or serves a store does so
    /// before it reads or writes.
    ///
    /// # Errors
    /// What the database reports.
    pub fn tick(&self) -> Result<usize, Error> {
        self.run(|state, clock| state.ticked(clock))
    }

    /// As [`Store::tick`], at an instant that the caller says: with [`Options::trusting`] alone.
    ///
    /// # Errors
    /// [`Error::Request`] where the store does not trust the caller's time.
    pub fn tick_at(&self, now: i64) -> Result<usize, Error> {
        self.run(move |state, _| state.trusting().and_then(|()| state.ticked(now)))
    }

    /// A past moment, to be asked about: what held at one instant, as far as it was known at another. It costs about as much
    /// as opening the store from a snapshot, and what was written since; the last few are kept.
    ///
    /// # Errors
    /// [`Error::Request`] for a moment ahead of the store's clock; what the database reports.
    pub fn past(&self, moment: Moment) -> Result<Past, Error> {
        self.run(move |state, clock| {
            state.due(clock)?;
            state.reading(|state| state.past(moment, clock))
        })
    }

    /// As [`Store::past`], at a clock that the caller says: with [`Options::trusting`] alone.
    ///
    /// # Errors
    /// As [`Store::past`]; [`Error::Request`] where the store does not trust the caller's time.
    pub fn past_at(&self, moment: Moment, now: i64) -> Result<Past, Error> {
        self.run(move |state, _| {
            state.trusting()?;
            state.due(now)?;
            state.reading(|state| state.past(moment, now))
        })
    }

    /// Puts other policies in force, from now on or from an instant that lies ahead; gives what names the set. What was decided
    /// before stands, and is asked about by the policies of its time.
    ///
    /// # Errors
    /// [`Error::Engine`] for policies that are not valid; [`Error::Request`] for those with other entity types, for an instant
    /// that has passed, and where it is not said who approved it or why.
    pub fn activate(&self, policies: &PolicySet, as_said: &Activation) -> Result<String, Error> {
        let (policies, as_said) = (policies.clone(), as_said.clone());
        self.run(move |state, clock| {
            state.due(clock)?;
            let set = state.activate(&policies, &as_said, clock)?;
            state.look_again(clock, &[]);
            Ok(set)
        })
    }

    /// Puts policies in force again that the store had, by what names the set.
    ///
    /// # Errors
    /// As [`Store::activate`]; [`Error::Request`] for none that it had.
    pub fn roll_back(&self, set: &str, as_said: &Activation) -> Result<String, Error> {
        let (hash, as_said) = (set.to_owned(), as_said.clone());
        self.run(move |state, clock| {
            state.due(clock)?;
            let policies = state.policy_set(&hash)?;
            let set = state.activate(&policies, &as_said, clock)?;
            state.look_again(clock, &[]);
            Ok(set)
        })
    }

    /// Every set of policies that was in force or is to be, in the order of time.
    ///
    /// # Errors
    /// What the database reports.
    pub fn activated(&self) -> Result<Vec<Activated>, Error> {
        self.run(|state, _| state.reading(State::activated))
    }

    /// Looks at everything: whether the data is what the store keeps true, the rows what the world holds and the log what was
    /// written; and what somebody is to see to. It writes nothing.
    ///
    /// # Errors
    /// What the database reports. What is wrong with the data is no error: it is told.
    pub fn doctor(&self) -> Result<Checkup, Error> {
        self.run(|state, clock| {
            if state.read_only.is_none() {
                state.due(clock)?;
            }
            let now = clock.max(state.numbers.clock);
            state.in_force(now);
            state.reading(|state| state.doctor((now, clock)))
        })
    }

    /// As [`Store::open`] and [`Store::doctor`], also of a store that cannot be opened since its rows are at fault: that is told,
    /// and what does not hang on them is looked at.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Store::doctor`].
    pub fn check(place: impl AsRef<Path>, options: &Options) -> Result<Checkup, Error> {
        let options = Options { is_for_checkup: true, ..options.clone() };
        match Self::open(place, &options) {
            Ok(store) => store.doctor(),
            Err(error) => match error.of_rows() {
                Some(faults) => Ok(Checkup::of_rows(faults)),
                None => Err(error),
            },
        }
    }

    /// Fields of content, by entity and name, as they stand; `None` where there is none. Who may see them is the caller's to have
    /// asked, by a [`View`](caseward::View), and the look is the caller's to audit.
    ///
    /// # Errors
    /// What the database reports.
    pub fn contents(&self, of: Vec<(EntityUid, String)>) -> Result<Vec<Option<serde_json::Value>>, Error> {
        self.run(move |state, _| state.contents(&of))
    }

    /// As [`Store::contents`], as they stood at a past moment. What was disposed of since is none.
    ///
    /// # Errors
    /// What the database reports.
    pub fn past_contents(
        &self,
        past: &Past,
        of: Vec<(EntityUid, String)>,
    ) -> Result<Vec<Option<serde_json::Value>>, Error> {
        let version = past.world.version();
        self.run(move |state, _| state.reading(|state| state.past_contents(&of, version)))
    }

    /// The file of an item, for `reader`, who must be permitted to view the item. That they asked is audited before it is given,
    /// and its bytes are held against their hash.
    ///
    /// # Errors
    /// [`Error::Request`], the same whether they may not, there is no such item, or it has no file; what the database reports.
    pub fn download(
        &self,
        item: &EntityUid,
        reader: &EntityUid,
        purpose: Option<String>,
    ) -> Result<Download, Error> {
        let (item, reader) = (item.clone(), reader.clone());
        self.run(move |state, clock| state.download(&item, &reader, purpose, clock))
    }

    /// Audits something that was read, before it is shown; gives the entry's number. What waits at once becomes durable together.
    ///
    /// # Errors
    /// What the database reports; then it is not to be shown.
    pub fn audit(&self, read: Read) -> Result<u64, Error> {
        self.audit_and_contents(read, Vec::new()).map(|(entry, _)| entry)
    }

    /// As [`Store::audit`], of a look that shows fields of content, which are read in the same transaction: one turn of the
    /// writer instead of two. Gives the entry's number, and the fields as [`Store::contents`] does.
    ///
    /// # Errors
    /// As [`Store::audit`].
    pub fn audit_and_contents(
        &self,
        read: Read,
        of: Vec<(EntityUid, String)>,
    ) -> Result<(u64, Vec<Option<serde_json::Value>>), Error> {
        let (reply, look) = mpsc::channel();
        self.send(Job::Durable(Durable::Read { read: Box::new(read), of, reply }))?;
        look.recv().unwrap_or(Err(Error::Stopped))
    }

    /// Reads every entry of the audit log again, and holds the log against checkpoints from outside.
    ///
    /// # Errors
    /// What the database reports. What is wrong with the log is no error: it is told.
    pub fn verify(&self, checkpoints: Vec<Checkpoint>) -> Result<Verified, Error> {
        self.run(move |state, _| state.reading(|state| state.verify(&checkpoints)))
    }

    /// As [`Store::open`] and [`Store::verify`], also of a store that cannot be opened since its rows are at fault: that is told.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Store::verify`].
    pub fn verify_at(
        place: impl AsRef<Path>,
        options: &Options,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Verified, Error> {
        match Self::open(place, options) {
            Ok(store) => store.verify(checkpoints),
            Err(error) => error.of_rows().map(Verified::of_rows).ok_or(error),
        }
    }

    /// A checkpoint: what the log is now, signed, where it verifies.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a log that does not verify; what the database reports.
    pub fn checkpoint(&self, key: &LogKey) -> Result<String, Error> {
        self.checkpoint_after(key, Vec::new())
    }

    /// As [`Store::checkpoint`], of a log that is a continuation of what earlier checkpoints say that it was, such as one that
    /// was published: else nothing is signed.
    ///
    /// # Errors
    /// As [`Store::checkpoint`].
    pub fn checkpoint_after(&self, key: &LogKey, earlier: Vec<Checkpoint>) -> Result<String, Error> {
        let key = key.clone();
        self.run(move |state, _| {
            let found = state.reading(|state| state.verify(&earlier))?;
            match found.problems.first() {
                None => Ok(key.sign(state.tree.size(), &state.tree.root())),
                Some(problem) => {
                    let entry = problem.event.map_or(String::new(), |event| format!("entry {event}: "));
                    Err(Error::Damaged(format!("{entry}{}", problem.what)))
                }
            }
        })
    }

    /// A proof that an entry is in the log of a checkpoint, to be verified with [`Proof::open`](crate::Proof::open) without
    /// any store; with what the entry says, unless it was disposed of or `with_payload` is false.
    ///
    /// # Errors
    /// [`Error::Request`] where the checkpoint has no such entry, or is not of this log.
    pub fn prove(
        &self,
        event: u64,
        note: &str,
        trusted: &[LogVerifier],
        with_payload: bool,
    ) -> Result<String, Error> {
        let checkpoint = Checkpoint::open(note, trusted)?;
        let note = note.to_owned();
        self.run(move |state, _| {
            state.reading(|state| state.prove(event, (&note, &checkpoint), with_payload))
        })
    }

    /// Decides every command of the log again, on the state of its moment: by the policies of that moment, or by others, to
    /// see who would have been answered otherwise.
    ///
    /// # Errors
    /// [`Error::Engine`] for policies that are not valid; what the database reports.
    pub fn replay(&self, others: Option<&PolicySet>) -> Result<Replayed, Error> {
        let others = others.map(|set| Ward::new(&set.sources)).transpose()?;
        self.run(move |state, _| state.reading(|state| state.replay(others.as_ref())))
    }

    /// Who looked at a record, oldest first: for `reader`, who must be permitted to see its access history.
    ///
    /// # Errors
    /// [`Error::Request`] where they are not, or there is no such record.
    pub fn who_looked(&self, of: &EntityUid, reader: &EntityUid) -> Result<Vec<Looked>, Error> {
        let (of, reader) = (of.clone(), reader.clone());
        self.run(move |state, clock| state.reading(|state| state.who_looked(&of, &reader, clock)))
    }

    /// What a person looked at, oldest first: for `reader`, who must be permitted to see their access history.
    ///
    /// # Errors
    /// As [`Store::who_looked`].
    pub fn looked_at(&self, by: &EntityUid, reader: &EntityUid) -> Result<Vec<Looked>, Error> {
        let (by, reader) = (by.clone(), reader.clone());
        self.run(move |state, clock| state.reading(|state| state.looked_at(&by, &reader, clock)))
    }

    /// Commands that were denied and reads that told of nothing, oldest first: of the records whose access history `reader`
    /// may see.
    ///
    /// # Errors
    /// What the database reports.
    pub fn denied(&self, reader: &EntityUid) -> Result<Vec<Looked>, Error> {
        let reader = reader.clone();
        self.run(move |state, clock| state.reading(|state| state.denied(&reader, clock)))
    }

    /// Writes the facts as Cedar's entities JSON, sorted by type and id. Content and files are not in it.
    ///
    /// # Errors
    /// What `output` reports, and the engine.
    pub fn export(&self, mut output: impl Write) -> Result<(), Error> {
        let world = self.world();
        let failed = |error: io::Error| Error::request(format!("cannot write: {error}"));
        let mut separator = "[\n";
        for entity_type in world.schema().entity_types() {
            if entity_type.choices.is_some() {
                continue;
            }
            let mut ids: Vec<&str> = world.ids(&entity_type.name)?.collect();
            ids.sort_unstable();
            for id in ids {
                let uid = EntityUid::new(entity_type.name.clone(), id);
                let attrs = world.attributes(&uid)?;
                let parents: [(); 0] = [];
                let entity = json!({"uid": uid_json(&uid), "attrs": attrs, "parents": parents});
                output.write_all(separator.as_bytes()).map_err(failed)?;
                output.write_all(entity.to_string().as_bytes()).map_err(failed)?;
                separator = ",\n";
            }
        }
        let end = if separator == "[\n" { "[]\n" } else { "\n]\n" };
        output.write_all(end.as_bytes()).map_err(failed)
    }

    /// Runs on the writer's thread, and waits.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut State, i64) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = mpsc::channel();
        self.send(Job::Other(Box::new(move |state, clock| {
            let _ = reply.send(work(state, clock));
        })))?;
        answer.recv().unwrap_or(Err(Error::Stopped))
    }

    fn send(&self, job: Job) -> Result<(), Error> {
        let jobs = self.inner.jobs.as_ref().ok_or(Error::Stopped)?;
        jobs.send(job).map_err(|_| Error::Stopped)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        #[cfg(feature = "postgres")]
        {
            self.follower = None;
        }
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
