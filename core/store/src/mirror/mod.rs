//! A world of somebody else's tables: read through a mapping, and kept fresh from an outbox that triggers on the tables write.
//!
//! INVARIANT: what is seen at once is what the tables held at one moment, between transactions.
//! INVARIANT: nothing is shown of a moment that is longer ago than [`MirrorOptions::stale`].

mod follow;
mod head;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use caseward::sql::Mapping;
use caseward::{Ward, World};

use crate::error::Error;
use crate::place::shown;
use follow::Follower;
use head::Head;

/// The pause before it is looked again for what was not committed yet.
const PAUSE: Duration = Duration::from_millis(10);

/// How a mirror follows its tables.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MirrorOptions {
    /// How often it is looked for what was written: 200 ms unless told.
    pub every: Duration,
    /// How old what is shown may be: 10 s unless told. A mirror that cannot follow for longer shows nothing, and says why.
    pub stale: Duration,
}

impl Default for MirrorOptions {
    fn default() -> Self {
        MirrorOptions { every: Duration::from_millis(200), stale: Duration::from_secs(10) }
    }
}

/// A world of tables that others write. Cloning shares it; the last clone ends it.
///
/// The tables have the triggers that `caseward tables --triggers` prints ([`Database::outbox`](caseward::sql::Database::outbox)).
/// Nothing is written to the database.
#[derive(Clone)]
pub struct Mirror {
    inner: Arc<Inner>,
}

struct Inner {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    world: World,
    shared: Arc<Shared>,
    stale: Duration,
    place: PathBuf,
}

/// What one moment of the tables holds: while it is held, nothing that is committed is seen.
///
/// Drop it before you ask the mirror for another one: that may wait for it.
pub struct Mirrored<'a> {
    held: RwLockReadGuard<'a, Held>,
    world: &'a World,
}

impl Mirrored<'_> {
    /// The facts.
    pub fn world(&self) -> &World {
        self.world
    }

    /// Whether what a transaction wrote is in it, by the transaction's position: see [`Mirror::at_least`].
    pub fn has(&self, position: u64) -> bool {
        self.held.seen.has(position)
    }

    /// When the tables were looked at.
    pub fn looked(&self) -> Instant {
        self.held.looked
    }
}

/// Shared by those who ask and the thread that follows.
struct Shared {
    held: RwLock<Held>,
    looks: Mutex<Looks>,
    moved: Condvar,
}

/// What is seen, and since when.
struct Held {
    seen: Head,
    looked: Instant,
    /// Why it could not be followed lately.
    why: Option<String>,
}

/// Looks at the tables, by number: the newest that was begun, the newest that ended, the newest that was followed.
#[derive(Clone, Copy, Default)]
struct Looks {
    begun: u64,
    ended: u64,
    followed: u64,
}

impl Shared {
    fn new(seen: Head, looked: Instant) -> Self {
        let held = RwLock::new(Held { seen, looked, why: None });
        Shared { held, looks: Mutex::default(), moved: Condvar::new() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something holds of the looks; whether it does.
    fn wait(&self, within: Duration, is_so: impl Fn(&Looks) -> bool) -> bool {
        let waited = self.moved.wait_timeout_while(self.looks(), within, |looks| !is_so(looks));
        is_so(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

impl Mirror {
    /// Reads the world that the tables of a database hold, and follows them from that moment on: a file of SQLite, or with the
    /// feature `postgres` the address of a database of PostgreSQL, 13 or newer, that is no standby.
    ///
    /// # Errors
    /// [`Error::Engine`] for a mapping that does not fit the schema, or tables with what no world can hold; [`Error::Request`]
    /// where the tables lack the triggers of this mapping; [`Error::NotAStore`], [`Error::Database`].
    ///
    /// # Example
    /// ```
    /// use caseward::Ward;
    /// use caseward::sql::{Database, Dialect, Mapping};
    /// use caseward_store::{Mirror, MirrorOptions};
    /// use std::time::Duration;
    ///
    /// let folder = std::env::temp_dir().join(format!("caseward-doc-mirror-{}", std::process::id()));
    /// std::fs::create_dir(&folder)?;
    /// let (ward, mapping) = (Ward::attendance()?, Mapping::default());
    /// let database = Database::new(ward.schema(), &mapping, Dialect::Sqlite)?;
    /// // Your own program, with tables of its own.
    /// let yours = rusqlite::Connection::open(folder.join("yours.db"))?;
    /// for statement in database.create().iter().chain(&database.outbox()?.statements) {
    ///     yours.execute_batch(statement)?;
    /// }
    ///
    /// let mirror = Mirror::open(folder.join("yours.db"), &ward, &mapping, &MirrorOptions::default())?;
    /// yours.execute("INSERT INTO school (id, kind) VALUES ('kauri', 'state')", [])?;
    /// let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'caseward_mirror_outbox'";
    /// let position = yours.query_row(sql, [], |row| row.get::<_, i64>(0))?;
    ///
    /// let seen = mirror.at_least(position as u64, Duration::from_secs(5))?;
    /// assert_eq!(seen.world().count("School")?, 1);
    /// # drop(seen);
    /// # drop(mirror);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(
        place: impl AsRef<Path>,
        ward: &Ward,
        mapping: &Mapping,
        options: &MirrorOptions,
    ) -> Result<Self, Error> {
        let place = place.as_ref();
        let (follower, shared) = Follower::begin(place, ward, mapping)?;
        let (world, every) = (follower.world().clone(), options.every);
        // One that waits is enough: it is looked after it.
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("caseward-mirror".to_owned())
            .spawn(move || follower.run(&woken, every))
            .map_err(|error| Error::file("start a thread for", &shown(place), error))?;
        let inner = Inner {
            wake: Some(wake),
            thread: Some(thread),
            world,
            shared,
            stale: options.stale,
            place: shown(place),
        };
        Ok(Mirror { inner: Arc::new(inner) })
    }

    /// The facts, as they were followed so far, however long ago that was: each question sees one moment. For several
    /// questions about one moment, and for facts that are fresh, see [`Mirror::reading`].
    pub fn world(&self) -> &World {
        &self.inner.world
    }

    /// The facts of one moment, no longer ago than [`MirrorOptions::stale`].
    ///
    /// # Errors
    /// [`Error::Stale`], with why the tables cannot be followed. It passes by itself once they can be.
    pub fn reading(&self) -> Result<Mirrored<'_>, Error> {
        let held = self.inner.shared.read();
        let age = held.looked.elapsed();
        if age > self.inner.stale {
            let what = format!("is as its tables were {} s ago", age.as_secs());
            return Err(self.is_stale(what, held.why.as_deref()));
        }
        Ok(Mirrored { held, world: &self.inner.world })
    }

    /// As [`Mirror::reading`], with what a transaction wrote: waits until it is seen here.
    ///
    /// The position of a transaction is what it asks for before it commits: in PostgreSQL `SELECT pg_current_xact_id()::text`,
    /// in SQLite `SELECT seq FROM sqlite_sequence WHERE name = 'caseward_mirror_outbox'`. One that was taken back is seen too:
    /// there is nothing of it to see.
    ///
    /// # Errors
    /// [`Error::Stale`] where it is not seen within this time.
    pub fn at_least(&self, position: u64, within: Duration) -> Result<Mirrored<'_>, Error> {
        let until = Instant::now() + within;
        while !self.inner.shared.read().seen.has(position) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let what = format!("has not seen position {position}: it did not come in time");
                return Err(self.is_stale(what, self.inner.shared.read().why.as_deref()));
            }
            self.looked_after(left);
            if !self.inner.shared.read().seen.has(position) {
                std::thread::sleep(PAUSE.min(left));
            }
        }
        self.reading()
    }

    /// As [`Mirror::reading`], with everything that was committed before this call.
    ///
    /// # Errors
    /// [`Error::Stale`] where the tables cannot be followed within this time.
    pub fn newest(&self, within: Duration) -> Result<Mirrored<'_>, Error> {
        let (shared, until) = (&self.inner.shared, Instant::now() + within);
        let begun = shared.looks().begun;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            self.looked_after(left);
            if shared.looks().followed > begun {
                return self.reading();
            }
            if left.is_zero() {
                let what = "could not be made new in time".to_owned();
                return Err(self.is_stale(what, shared.read().why.as_deref()));
            }
            std::thread::sleep(PAUSE.min(left));
        }
    }

    /// Has the tables looked at, from now on, and waits for that.
    fn looked_after(&self, within: Duration) {
        let begun = self.inner.shared.looks().begun;
        if let Some(wake) = &self.inner.wake {
            // Where one waits already, it is looked after this.
            let _ = wake.try_send(());
        }
        self.inner.shared.wait(within, |looks| looks.ended > begun);
    }

    fn is_stale(&self, what: String, why: Option<&str>) -> Error {
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        Error::Stale { place: self.inner.place.clone(), what: format!("{what}{why}") }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
