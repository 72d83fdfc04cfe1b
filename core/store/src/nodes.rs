//! Several processes with one database: how each follows the others, and how a read waits for what it must see.

use std::sync::RwLockReadGuard;
use std::time::{Duration, Instant};

use caseward::{Ward, World};

use crate::beside::Held;
use crate::error::Error;
use crate::store::Store;

/// How long a store that does not follow others waits before it looks again.
const PAUSE: Duration = Duration::from_millis(50);

/// The policies and the facts of one moment of a store: while it is held, nothing that is committed is seen.
///
/// Drop it before you hand a command in: the command waits for it.
pub struct Reading<'a> {
    held: RwLockReadGuard<'a, Held>,
    ward: Ward,
    world: &'a World,
}

impl Reading<'_> {
    /// The policies in force.
    pub fn ward(&self) -> &Ward {
        &self.ward
    }

    /// The facts.
    pub fn world(&self) -> &World {
        self.world
    }

    /// The version of the data, as answers to commands have it.
    pub fn version(&self) -> u64 {
        self.held.version
    }
}

impl Store {
    /// The policies and the facts of this moment, which go together: also while commands are done, policies are put in force
    /// and other processes write.
    ///
    /// # Example
    /// ```
    /// use caseward::{ActionName, EntityUid, Request};
    /// # use caseward_store::{Options, PolicySet, Store};
    /// # let folder = std::env::temp_dir().join(format!("caseward-doc-nodes-{}", std::process::id()));
    /// # std::fs::create_dir(&folder)?;
    /// # let options = Options::new().trusting(Some(1_778_446_800_000));
    /// # let store = Store::init(folder.join("cases.db"), &PolicySet::attendance(), &options)?;
    /// # store.import(&include_bytes!("../tests/data/small.json")[..])?;
    /// let aroha = EntityUid::new("Student", "aroha");
    /// let lead = EntityUid::new("User", "lead");
    /// let asked = Request::new(lead, ActionName::new("createRequest"), aroha).at(store.now()?);
    /// let now = store.reading();
    /// assert!(!now.ward().check(now.world(), &asked)?.is_allowed(), "without a contact");
    /// # drop(now);
    /// # drop(store);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reading(&self) -> Reading<'_> {
        // The policies are replaced only by whoever holds this for writing.
        let held = self.beside().read();
        Reading { held, ward: self.ward(), world: self.world() }
    }

    /// As [`Store::reading`], of this version of the data or a later one, such as that of an answer that another process gave:
    /// waits until it is seen here.
    ///
    /// # Errors
    /// [`Error::NotYet`] where it is not seen within this time, which says how far this store is; [`Error::Stopped`],
    /// [`Error::PutBack`].
    pub fn at_least(&self, version: u64, within: Duration) -> Result<Reading<'_>, Error> {
        let until = Instant::now() + within;
        let mut why = String::new();
        loop {
            if self.beside().wait(version, Duration::ZERO) {
                return Ok(self.reading());
            }
            match self.run(|state, clock| state.follow(clock)) {
                Ok(()) => why.clear(),
                Err(error @ (Error::Stopped | Error::PutBack(_))) => return Err(error),
                Err(error) => why = format!(" ({error})"),
            }
            let left = until.saturating_duration_since(Instant::now());
            if self.beside().wait(version, left.min(PAUSE)) {
                return Ok(self.reading());
            }
            if left.is_zero() {
                let has = self.beside().read().version;
                return Err(Error::NotYet { wanted: version, has, why });
            }
        }
    }
}

#[cfg(feature = "postgres")]
pub(crate) use following::Follower;

#[cfg(feature = "postgres")]
mod following {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
    use std::thread::JoinHandle;
    use std::time::{Duration, Instant};

    use crate::beside::Beside;
    use crate::error::Error;
    use crate::postgres::{Heard, Listener};
    use crate::writer::Job;

    /// How long it takes at most until the thread sees that the store is closed.
    const SLICE: Duration = Duration::from_millis(50);
    /// How often it is looked for commits of which nothing was heard.
    const POLL: Duration = Duration::from_secs(2);

    /// A thread that has the writer see what others commit; it ends when this is dropped.
    pub(crate) struct Follower {
        is_closed: Arc<AtomicBool>,
        thread: Option<JoinHandle<()>>,
    }

    impl Follower {
        pub(crate) fn new(address: &str, jobs: SyncSender<Job>, beside: Beside) -> Result<Self, Error> {
            let listener = Listener::new(address)?;
            let is_closed = Arc::new(AtomicBool::new(false));
            let closed = is_closed.clone();
            let thread = std::thread::Builder::new()
                .name("caseward-follower".to_owned())
                .spawn(move || follow(listener, &closed, &jobs, &beside))
                .map_err(|error| Error::Database(format!("no thread can be started: {error}")))?;
            Ok(Follower { is_closed, thread: Some(thread) })
        }
    }

    impl Drop for Follower {
        fn drop(&mut self) {
            self.is_closed.store(true, Ordering::Release);
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
        }
    }

    fn follow(mut listener: Listener, is_closed: &AtomicBool, jobs: &SyncSender<Job>, beside: &Beside) {
        let mut last = Instant::now();
        while !is_closed.load(Ordering::Acquire) {
            let is_behind = match listener.hear(SLICE) {
                Heard::Nothing => last.elapsed() > POLL,
                Heard::Committed(event) => event > beside.event(),
                // What was committed while nothing could be heard was not heard of.
                Heard::Connected => true,
            };
            if is_behind {
                last = Instant::now();
                let (reply, done) = mpsc::channel();
                let work = Box::new(move |state: &mut crate::state::State, clock| {
                    let _ = reply.send(state.follow(clock));
                });
                if jobs.send(Job::Other(work)).is_err() {
                    return;
                }
                // A failure is met again by whoever asks, and by the next look.
                while matches!(done.recv_timeout(SLICE), Err(RecvTimeoutError::Timeout)) {
                    if is_closed.load(Ordering::Acquire) {
                        return;
                    }
                }
            }
        }
    }
}
