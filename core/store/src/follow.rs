//! What other processes wrote to the database, as this one comes to see it.
//!
//! Each has the whole world in memory. What was committed is read from the log and applied in its order, with the policies
//! that were put in force between. The tree over what was read must be the database's: then all have one history.
//!
//! INVARIANT: a command is decided on the newest state: whoever writes has caught up within its own transaction, in which
//! nobody else writes.
//! INVARIANT: the policies and the facts that are seen at once were so at one moment of the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use caseward::EntityUid;
use serde_json::Value as Json;

use crate::activate::{self, InForce, same_data};
use crate::audit::Tree;
use crate::beside::Batch;
use crate::db::{as_count, as_number, as_text, number, text};
use crate::draft::stored;
use crate::error::Error;
use crate::log::{self, as_i64};
use crate::state::{Group, Numbers, State, counts};

/// Of more entries than this the rows are read, not each entry.
const FAR: u64 = 20_000;
/// How far the clock of another machine that writes may be ahead of this one's, in milliseconds.
const SKEW: i64 = 10_000;

/// What is seen of one entry of the log.
enum Step {
    Batch(Batch),
    /// Policies that were put in force.
    InForce(InForce),
    /// All policies that are in force now and later.
    Policies(Vec<InForce>),
}

/// What is between what is seen and the database.
struct Ahead {
    numbers: Numbers,
    tree: Tree,
    steps: Vec<Step>,
    /// Whether something was disposed of.
    has_gone: bool,
}

/// An entry, as it is followed.
struct Followed {
    event: u64,
    version: u64,
    recorded: i64,
    kind: Arc<str>,
    envelope: Arc<str>,
    payload: Option<Arc<str>>,
}

impl State {
    /// Does what only reads, on one state of the database that the world is of.
    pub(crate) fn reading<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if !self.db.is_shared() {
            return work(self);
        }
        if self.is_stopped {
            return Err(Error::Stopped);
        }
        self.db.begin_to_read()?;
        match self.catch_up().and_then(|()| work(self)) {
            Ok(done) => self.db.end_reading().map(|()| done),
            Err(error) => {
                self.db.rollback()?;
                Err(error)
            }
        }
    }

    /// Sees what others wrote, and which policies are in force by the clock.
    pub(crate) fn follow(&mut self, clock: i64) -> Result<(), Error> {
        self.reading(|_| Ok(()))?;
        self.look_again(clock, &[]);
        self.in_force(clock.max(self.numbers.clock));
        Ok(())
    }

    /// This process's clock, or the last write's where another process wrote whose clock is a little ahead.
    pub(crate) fn agreed(&self, now: i64, group: &Group) -> i64 {
        let last = group.numbers.clock;
        let is_agreed = self.db.is_shared() && !self.trust_now && last.saturating_sub(now) <= SKEW;
        if is_agreed { now.max(last) } else { now }
    }

    /// Sees what others committed, in a transaction that sees one state of the database.
    pub(crate) fn catch_up(&mut self) -> Result<(), Error> {
        let (numbers, tree) = counts(self.db.as_mut())?;
        if numbers.event == self.numbers.event && tree.root() == self.tree.root() {
            return Ok(());
        }
        let seen = match numbers.event > self.numbers.event {
            true => self.ahead(numbers, tree).and_then(|ahead| self.see_ahead(ahead)),
            false => Err(put_back()),
        };
        if matches!(seen, Err(Error::PutBack(_) | Error::Engine(_))) {
            // What is in memory is not what is in the database.
            self.is_stopped = true;
        }
        seen
    }

    /// Reads what was committed since.
    fn ahead(&mut self, numbers: Numbers, tree: Tree) -> Result<Ahead, Error> {
        if numbers.event - self.numbers.event > FAR {
            return self.ahead_of_rows(numbers, tree);
        }
        let entries = self.entries_after(self.numbers.event)?;
        let mut ahead = Ahead { numbers, tree: self.tree.clone(), steps: Vec::new(), has_gone: false };
        let (mut version, mut content) = (self.numbers.version, BTreeSet::new());
        for entry in entries {
            if entry.event != ahead.tree.size() + 1 {
                return Err(put_back());
            }
            ahead.tree.push(entry.envelope.as_bytes());
            ahead.has_gone |= &*entry.kind == "disposal";
            if &*entry.kind == "activation" {
                let set = activate::by_entry(self.db.as_mut(), entry.event)?.ok_or_else(put_back)?;
                same_data(self.ward.schema(), set.ward.schema()).map_err(|_| other_schema())?;
                ahead.steps.push(Step::InForce(set));
            }
            let is_batch = entry.version > version;
            version = entry.version;
            if is_batch {
                match self.batch(&entry, &mut content)? {
                    Some(batch) => ahead.steps.push(Step::Batch(batch)),
                    None => return self.ahead_of_rows(numbers, tree),
                }
            }
        }
        if ahead.tree.root() != tree.root() {
            return Err(put_back());
        }
        self.with_content(&mut ahead, content)?;
        Ok(ahead)
    }

    fn entries_after(&mut self, event: u64) -> Result<Vec<Followed>, Error> {
        let (mut entries, seal) = (Vec::new(), self.db.seal());
        let sql = "SELECT event, version, recorded, kind, envelope, \
                   CASE WHEN kind IN ('command', 'feed', 'due') THEN payload END \
                   FROM caseward_log WHERE event > ?1 ORDER BY event";
        self.db.rows(sql, &[number(as_i64(event))], &mut |row| {
            let count = |at: usize| row.get(at).and_then(as_count).unwrap_or(0);
            let cell = |at: usize| row.get(at).and_then(as_text);
            entries.push(Followed {
                event: count(0),
                version: count(1),
                recorded: row.get(2).and_then(as_number).unwrap_or(i64::MIN),
                kind: cell(3).unwrap_or_default(),
                envelope: cell(4).unwrap_or_default(),
                payload: log::payload_in(&seal, row, 0, 5)?,
            });
            Ok(())
        })?;
        Ok(entries)
    }

    /// What an entry made; `None` where the log does not say it: an import, and what was disposed of.
    fn batch(
        &self,
        entry: &Followed,
        content: &mut BTreeSet<(EntityUid, Arc<str>)>,
    ) -> Result<Option<Batch>, Error> {
        let payload = entry.payload.as_deref().and_then(|payload| serde_json::from_str::<Json>(payload).ok());
        let Some(Json::Object(mut payload)) = payload else { return Ok(None) };
        let Some(changes) = payload.remove("changes") else { return Ok(None) };
        let (mut touched, mut gone) = (BTreeSet::new(), Vec::new());
        for change in changes.as_array().map_or(&[][..], Vec::as_slice) {
            for (what, change) in change.as_object().into_iter().flatten() {
                let Some(uid) = change.get("uid").and_then(uid) else { return Ok(None) };
                if what == "remove" {
                    gone.push(uid.clone());
                }
                touched.insert(uid);
            }
        }
        for one in payload.get("content").and_then(Json::as_array).into_iter().flatten() {
            let of = one.get("uid").and_then(uid);
            let field = one.get("field").and_then(Json::as_str).map(Arc::from);
            content.extend(of.zip(field));
        }
        Ok(Some(Batch {
            version: entry.version,
            now: entry.recorded,
            changes: self.ward.read_changes(&changes.to_string())?,
            touched: touched.into_iter().collect(),
            content: Vec::new(),
            gone,
        }))
    }

    /// Gives the last batch what content is by now: nobody sees content between.
    fn with_content(
        &mut self,
        ahead: &mut Ahead,
        content: BTreeSet<(EntityUid, Arc<str>)>,
    ) -> Result<(), Error> {
        let last = ahead.steps.iter_mut().rev().find_map(|step| match step {
            Step::Batch(batch) => Some(batch),
            _ => None,
        });
        let Some(last) = last else { return Ok(()) };
        for (uid, field) in content {
            let value = stored(self.db.as_mut(), &uid, &field)?;
            last.content.push((uid, field, value));
        }
        Ok(())
    }

    /// What the rows say otherwise than the world, as one batch.
    fn ahead_of_rows(&mut self, numbers: Numbers, tree: Tree) -> Result<Ahead, Error> {
        let policies = activate::read(self.db.as_mut(), numbers.clock)?;
        if let Some(other) = policies.last() {
            same_data(self.ward.schema(), other.ward.schema()).map_err(|_| other_schema())?;
        }
        let rows = self.database.read(|sql, each| self.db.rows(sql, &[], each))?;
        let changes = self.world.changes_to(&rows)?;
        let touched = changes.entities().cloned().collect();
        let batch = Batch {
            version: numbers.version,
            now: numbers.clock,
            changes,
            touched,
            content: Vec::new(),
            gone: Vec::new(),
        };
        let steps = vec![Step::Policies(policies), Step::Batch(batch)];
        Ok(Ahead { numbers, tree, steps, has_gone: true })
    }

    /// Lets the world see it, one batch after the other, and those who read policies and facts together all at once.
    fn see_ahead(&mut self, ahead: Ahead) -> Result<(), Error> {
        let beside = self.beside.clone();
        let mut held = beside.write();
        self.numbers = ahead.numbers;
        for step in ahead.steps {
            match step {
                Step::InForce(set) => self.has_in_force(set),
                Step::Policies(policies) => {
                    // Content is read again when it is next asked for.
                    *held = crate::beside::Held { version: held.version, ..Default::default() };
                    self.policies = policies;
                }
                Step::Batch(batch) => self.see_under(&mut held, &batch)?,
            }
        }
        if self.decide_by(ahead.numbers.clock) {
            self.shared.replace(&self.ward);
        }
        held.version = ahead.numbers.version;
        drop(held);
        self.tree = ahead.tree;
        if ahead.has_gone {
            self.pasts.clear();
        }
        self.beside.tell(self.numbers.event);
        Ok(())
    }

    /// Whether a group is durable although its commit failed: the connection may have been lost after it.
    pub(crate) fn is_durable(&mut self, group: &Group, error: &Error) -> Result<bool, Error> {
        let Some(last) = group.last.as_deref().filter(|_| self.db.is_shared()) else { return Ok(false) };
        let event = number(as_i64(group.numbers.event));
        let found = self.db.begin().and_then(|()| {
            // What the server is still about to commit holds the lock.
            self.db.lock()?;
            let sql = "SELECT envelope FROM caseward_log WHERE event = ?1 AND envelope = ?2";
            let row = self.db.row(sql, &[event, text(last)])?;
            self.db.rollback().map(|()| row.is_some())
        });
        found.map_err(|_| {
            Error::Database(format!(
                "{error}: it is not known whether it was done; send it again under its key"
            ))
        })
    }
}

/// An entity, as changes name it.
fn uid(json: &Json) -> Option<EntityUid> {
    let text = |name: &str| json.get(name).and_then(Json::as_str);
    Some(EntityUid::new(text("type")?, text("id")?))
}

fn put_back() -> Error {
    Error::PutBack("its log is not the one that this process has followed")
}

fn other_schema() -> Error {
    Error::PutBack("its policies have other entity types by now")
}
