//! What every request is answered from.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use caseward::{EntityUid, Listing, Live, Protection, Ward, World};
use caseward_store::{Read, Store};
use serde_json::Value as Json;
use tokio::sync::Semaphore;

use crate::authzen::held::Searches;
use crate::bundle::Source;
use crate::error::Error;
use crate::hooks::Hook;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::ready::Written;
use crate::settings::Settings;
use crate::tls::Certificates;
use crate::traces;
use crate::turns::Turns;
use crate::who::Who;

/// What is asked: data that was read from a file, or a store.
pub(crate) enum Backing {
    World(Live),
    Store(Store),
}

/// Files of feeds that are taken at once: each is held whole.
const FEEDS: usize = 2;
/// Questions about the past that are asked at once, one a person.
const PASTS: usize = 4;
/// Files that one person hands up at once, and streams that one listens to.
const HANDED: usize = 2;
const STREAMS: usize = 16;

/// Milliseconds since 1970.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
/// Where the service says what happens to it. No name of a person or a record is in it.
pub(crate) type Notes = Arc<dyn Fn(&str) + Send + Sync>;

/// What every request is answered from. Cloning shares it.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) backing: Backing,
    pub(crate) settings: Settings,
    pub(crate) who: Who,
    pub(crate) metrics: Metrics,
    pub(crate) searches: Searches,
    pub(crate) written: Written,
    pub(crate) at_once: Semaphore,
    pub(crate) watchers: Arc<Semaphore>,
    /// Places for files that are handed up.
    pub(crate) uploads: Arc<Semaphore>,
    /// Files of feeds that are taken at once.
    pub(crate) feeding: Arc<Semaphore>,
    /// Questions about the past: each is worked out anew by the store, which writes nothing meanwhile.
    pub(crate) pasts: Turns,
    /// What one person hands up, and what one listens to.
    pub(crate) handing: Turns,
    pub(crate) listening: Turns,
    /// How the counts of published reports are protected.
    pub(crate) protection: Protection,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) clock: Clock,
    pub(crate) notes: Notes,
    /// Set once the service ends: streams end with it.
    pub(crate) end: tokio::sync::watch::Sender<bool>,
    /// What request ids begin with, where callers bring none.
    pub(crate) mark: String,
    /// What TLS is taken with, once addresses are taken.
    pub(crate) tls: OnceLock<Certificates>,
    /// Where requests are taken, once that is known.
    pub(crate) bound: OnceLock<SocketAddr>,
    /// Where policies come from, if that is an address.
    pub(crate) bundle: Option<Source>,
    /// The folder of policies that is looked at again.
    pub(crate) folder: Option<PathBuf>,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The policies and the data of one moment.
pub(crate) struct Moment<'a> {
    pub(crate) ward: &'a Ward,
    pub(crate) world: &'a World,
    /// The version of the data, as answers say it.
    pub(crate) version: u64,
    pub(crate) now: i64,
}

impl App {
    pub(crate) fn new(backing: Backing, settings: Settings, notes: Notes) -> Result<Self, Error> {
        settings.check()?;
        let who = Who::new(&settings)?;
        let folder = settings.policies.clone().filter(|_| settings.bundle.is_none());
        let bundle = settings.bundle.as_ref().map(Source::new).transpose()?;
        if bundle.is_some() && matches!(backing, Backing::Store(_)) {
            return Err(Error::settings("a store has its own policies: leave `bundle` out"));
        }
        let protection = settings.reports.protection()?;
        let hooks = settings.webhook.iter().map(Hook::new).collect::<Result<Vec<_>, _>>()?;
        if !hooks.is_empty() && matches!(backing, Backing::World(_)) {
            return Err(Error::settings(
                "alerts come from a store, and `webhook` is named without one: name `db`",
            ));
        }
        let at_once = Semaphore::new(settings.limits.concurrency);
        let watchers = Arc::new(Semaphore::new(settings.limits.watchers.min(Semaphore::MAX_PERMITS)));
        let uploads = Arc::new(Semaphore::new(settings.limits.uploads.min(Semaphore::MAX_PERMITS)));
        let [a, b] = [random()?, random()?];
        Ok(App(Arc::new(Inner {
            backing,
            settings,
            who,
            metrics: Metrics::new(),
            searches: Searches::new([a, b].concat()),
            written: Written::default(),
            at_once,
            watchers,
            uploads,
            feeding: Arc::new(Semaphore::new(FEEDS)),
            pasts: Turns::new("more questions about the past", PASTS, 1),
            handing: Turns::new("more files are handed up", usize::MAX, HANDED),
            listening: Turns::new("more is listened to", usize::MAX, STREAMS),
            protection,
            hooks,
            clock: Arc::new(machine),
            notes,
            end: tokio::sync::watch::Sender::new(false),
            mark: a.iter().take(6).map(|byte| format!("{byte:02x}")).collect(),
            tls: OnceLock::new(),
            bound: OnceLock::new(),
            bundle,
            folder,
        })))
    }

    /// The same, with a clock of one's own; before it is shared.
    pub(crate) fn with_clock(self, clock: Clock) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => App(Arc::new(Inner { clock, ..inner })),
            Err(shared) => App(shared),
        }
    }

    /// The same, which says what happens to it; before it is shared.
    pub(crate) fn noting(self, notes: Notes) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => App(Arc::new(Inner { notes, ..inner })),
            Err(shared) => App(shared),
        }
    }

    /// Asks the policies and the data of this moment. It is for answers that take microseconds; others go through
    /// [`App::off`].
    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&Moment<'_>) -> T) -> T {
        let now = (self.clock)();
        let _part = traces::part("engine").entered();
        match &self.backing {
            Backing::World(live) => {
                let in_force = live.now();
                let (ward, world) = (in_force.ward(), in_force.world());
                ask(&Moment { ward, world, version: world.version(), now })
            }
            Backing::Store(store) => {
                let reading = store.reading();
                let (ward, world) = (reading.ward(), reading.world());
                ask(&Moment { ward, world, version: reading.version(), now })
            }
        }
    }

    /// Does what may wait, or takes long, on a thread that may wait.
    pub(crate) async fn off<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (app, span) = (self.clone(), tracing::Span::current());
        match tokio::task::spawn_blocking(move || span.in_scope(|| work(&app))).await {
            Ok(done) => done,
            Err(_) => {
                (self.notes)("an answer was not made: it panicked");
                Err(Problem::failed())
            }
        }
    }

    /// The store, where there is one.
    pub(crate) fn store(&self) -> Option<&Store> {
        match &self.backing {
            Backing::World(_) => None,
            Backing::Store(store) => Some(store),
        }
    }

    /// Audits what is about to be shown. Where it cannot be, it is not shown.
    pub(crate) fn audit(&self, read: Read) -> Result<(), Problem> {
        self.audit_and_contents(read, Vec::new()).map(drop)
    }

    /// As [`App::audit`], with the content that is about to be shown, by [`Field::key`](caseward::Field::key).
    pub(crate) fn audit_and_contents(
        &self,
        read: Read,
        of: Vec<(EntityUid, String)>,
    ) -> Result<HashMap<(EntityUid, String), Json>, Problem> {
        let Some(store) = self.store() else { return Ok(HashMap::new()) };
        let _part = traces::part("audit").entered();
        let (_, values) = store.audit_and_contents(read, of.clone()).map_err(|error| self.failed(&error))?;
        self.wrote();
        Ok(of.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect())
    }

    /// What the store could not do: the log is told, and whoever asks is told that it failed.
    pub(crate) fn failed(&self, error: &caseward_store::Error) -> Problem {
        (self.notes)(&format!("the store: {error}"));
        self.doubt();
        Problem::busy("the store does not answer: ask again")
    }

    /// A person, by their id.
    pub(crate) fn person(&self, id: &str) -> EntityUid {
        EntityUid::new(self.settings.person_type.as_str(), id)
    }
}

/// A listing in the order of a field, or with `-` before it the other way round.
pub(crate) fn by(listing: Listing, path: &str) -> Listing {
    match path.strip_prefix('-') {
        Some(path) => listing.by(path).descending(),
        None => listing.by(path),
    }
}

/// Random bytes of the system.
pub(crate) fn random() -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::settings(format!("no random bytes: {error}")))?;
    Ok(bytes)
}

fn machine() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
