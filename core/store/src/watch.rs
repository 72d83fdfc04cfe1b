//! What comes into a person's sight and goes out of it, batch by batch, while a store is open.
//!
//! The writer's thread follows each list that is watched, right after the world came to see a batch and before the next one.
//!
//! INVARIANT: the list of the beginning, with everything that was told of since, is the list at the version of what was told
//! of last. Nothing is left out: a watcher that falls behind is told so, and is told of nothing any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::Duration;

use caseward::{ActionName, Context, EntityUid, Query, TypeName, Watched};
use serde::Serialize;

use crate::beside::Batch;
use crate::error::Error;
use crate::state::State;
use crate::store::Store;

/// Changes of sight that wait to be taken, where it is not said otherwise.
const WAITING: usize = 1_024;

/// What one batch changed of what a person sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Seen {
    /// The store's version since which it is so.
    pub version: u64,
    /// The store's clock then, in milliseconds since 1970.
    pub now: i64,
    /// What came into sight.
    pub came: Vec<EntityUid>,
    /// What went out of it.
    pub went: Vec<EntityUid>,
}

/// What somebody may do something to, watched: an iterator over what changes of it, which waits for the next.
///
/// It ends when the store is closed. Dropping it ends the watch.
pub struct Watch {
    first: Vec<EntityUid>,
    version: u64,
    seen: Receiver<Seen>,
    is_behind: Arc<AtomicBool>,
    has_ended: bool,
}

/// How a watch is kept.
struct Watcher {
    watched: Watched,
    /// The question's circumstances, but for the time.
    context: Context,
    tell: SyncSender<Seen>,
    is_behind: Arc<AtomicBool>,
}

/// Everything that is watched.
#[derive(Default)]
pub(crate) struct Watchers(Vec<Watcher>);

impl Store {
    /// Watches the records of a type to which somebody may do something: what came into their sight and went out of it with
    /// each batch, in order, from now on.
    ///
    /// It is worked out from what the policies leave for the person and from what the batch touched, not by listing again,
    /// unless the batch changed what the policies leave. Time that passes shows with the next batch or [`Store::tick`].
    ///
    /// Like the world, it is for a trusted caller, and not audited: [`Store::audit`] what is shown of it.
    ///
    /// # Errors
    /// [`Error::Engine`] for an action or a type that the schema lacks; [`Error::Stopped`].
    ///
    /// # Example
    /// ```
    /// use caseward::{ActionName, EntityUid, TypeName};
    /// # use caseward_store::{Options, PolicySet, Store};
    /// # let folder = std::env::temp_dir().join(format!("caseward-doc-watch-{}", std::process::id()));
    /// # std::fs::create_dir(&folder)?;
    /// # let options = Options::new().trusting(Some(1_778_446_800_000));
    /// # let store = Store::init(folder.join("cases.db"), &PolicySet::attendance(), &options)?;
    /// # store.import(&include_bytes!("../tests/data/small.json")[..])?;
    /// let lead = EntityUid::new("User", "lead");
    /// let mut watch = store.watch(&lead, &ActionName::new("viewSummary"), &TypeName::new("Request"))?;
    /// assert!(watch.first().is_empty());
    /// store.command(
    ///     r#"{"command": "createRequest", "as": "lead", "on": "Student::\"aroha\"",
    ///         "context": {"primaryContact": {"type": "User", "id": "lead"}}, "id": "r1"}"#,
    /// )?;
    /// let seen = watch.next().transpose()?.map(|seen| seen.came);
    /// assert_eq!(seen, Some(vec![EntityUid::new("Request", "r1")]));
    /// # drop(store);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn watch(
        &self,
        principal: &EntityUid,
        action: &ActionName,
        resource_type: &TypeName,
    ) -> Result<Watch, Error> {
        let query = Query::new(principal.clone(), action.clone(), resource_type.clone());
        self.watch_with(query, WAITING)
    }

    /// As [`Store::watch`], in circumstances; up to so many changes wait to be taken.
    ///
    /// # Errors
    /// As [`Store::watch`].
    pub fn watch_with(&self, query: Query, waiting: usize) -> Result<Watch, Error> {
        self.run(move |state, clock| state.watch(query, waiting.max(1), clock))
    }
}

impl State {
    fn watch(&mut self, query: Query, waiting: usize, clock: i64) -> Result<Watch, Error> {
        self.due(clock)?;
        let now = clock.max(self.numbers.clock);
        self.in_force(now);
        let context = query.context.clone();
        let watched = self.ward.watch(&self.world, &query.at(now))?;
        let (tell, seen) = sync_channel(waiting);
        let is_behind = Arc::new(AtomicBool::new(false));
        let first = watched.iter().collect();
        self.watchers.0.push(Watcher { watched, context, tell, is_behind: is_behind.clone() });
        Ok(Watch { first, version: self.numbers.version, seen, is_behind, has_ended: false })
    }

    /// Applies what is due by a clock, and tells those who watch what the time changes; gives how many batches that was.
    pub(crate) fn ticked(&mut self, clock: i64) -> Result<usize, Error> {
        let due = self.due(clock)?;
        self.look_again(clock, &[]);
        Ok(due)
    }

    /// Tells those who watch of a batch that the world sees.
    pub(crate) fn in_sight(&mut self, batch: &Batch) {
        if !self.watchers.0.is_empty() {
            self.look(batch.version, batch.now, &batch.touched);
        }
    }

    /// Tells those who watch of what a moment changes, and of a batch that touched these.
    pub(crate) fn look_again(&mut self, clock: i64, touched: &[EntityUid]) {
        let now = clock.max(self.numbers.clock);
        if !self.watchers.0.is_empty() {
            self.in_force(now);
            self.look(self.numbers.version, now, touched);
        }
    }

    fn look(&mut self, version: u64, now: i64, touched: &[EntityUid]) {
        let ward = &self.ward;
        self.watchers.0.retain_mut(|watcher| {
            let context = watcher.context.clone().and_at(now);
            let Ok(sighted) = ward.follow(&mut watcher.watched, touched, &context) else {
                // Nobody is told of what is not known.
                watcher.is_behind.store(true, Ordering::Release);
                return false;
            };
            if sighted.is_nothing() {
                return Arc::strong_count(&watcher.is_behind) > 1;
            }
            let seen = Seen { version, now, came: sighted.came, went: sighted.went };
            match watcher.tell.try_send(seen) {
                Ok(()) => true,
                Err(TrySendError::Full(_)) => {
                    watcher.is_behind.store(true, Ordering::Release);
                    false
                }
                Err(TrySendError::Disconnected(_)) => false,
            }
        });
    }
}

impl Watch {
    /// What was seen when the watch began, in the world's order.
    pub fn first(&self) -> &[EntityUid] {
        &self.first
    }

    /// The store's version then.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The next change, if there is one within this time.
    ///
    /// # Errors
    /// [`Error::Behind`] where more changes came than wait to be taken: those that waited are given first, and then nothing
    /// more is: watch anew. [`Error::Stopped`] once the store is closed.
    pub fn within(&mut self, time: Duration) -> Result<Option<Seen>, Error> {
        match self.seen.recv_timeout(time) {
            Ok(seen) => Ok(Some(seen)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.end()),
        }
    }

    /// The next change, if there is one already.
    ///
    /// # Errors
    /// As [`Watch::within`].
    pub fn at_once(&mut self) -> Result<Option<Seen>, Error> {
        match self.seen.try_recv() {
            Ok(seen) => Ok(Some(seen)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(self.end()),
        }
    }

    fn end(&mut self) -> Error {
        match self.is_behind.load(Ordering::Acquire) {
            true => Error::Behind,
            false => Error::Stopped,
        }
    }
}

impl Iterator for Watch {
    type Item = Result<Seen, Error>;

    /// The next change, when it comes; once [`Error::Behind`], where more came than wait to be taken; nothing once the store
    /// is closed.
    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        if let Ok(seen) = self.seen.recv() {
            return Some(Ok(seen));
        }
        self.has_ended = true;
        match self.end() {
            Error::Behind => Some(Err(Error::Behind)),
            _ => None,
        }
    }
}
