//! The thread that follows the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use caseward::sql::{Database, Dialect, Mapping, Outbox};
use caseward::{Changes, EntityUid, Ward, World};

use super::Shared;
use super::head::Head;
use crate::db::{Db, as_text, text};
use crate::error::Error;
use crate::place;
use crate::sqlite::Sqlite;

/// Whoever has not looked for so long reads everything: rows of the outbox may go after a day.
const KEPT: Duration = Duration::from_secs(3_600);
/// The pause before a database that could not be read is tried again: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often it is looked whether the triggers are there.
const CHECKED: Duration = Duration::from_secs(10);

/// What follows the tables of a database.
pub(super) struct Follower {
    place: PathBuf,
    database: Database,
    outbox: Outbox,
    world: World,
    shared: Arc<Shared>,
    /// `None` where it has to be made anew.
    db: Option<Box<dyn Db>>,
    /// The moment that the world is of; `None` where everything has to be read.
    seen: Option<Head>,
    looked: Instant,
    checked: Instant,
    /// The moment that could not be followed, and why: it is not tried again until something changes.
    failed: Option<(Head, String)>,
}

impl Follower {
    /// Reads the tables.
    pub(super) fn begin(place: &Path, ward: &Ward, mapping: &Mapping) -> Result<(Self, Arc<Shared>), Error> {
        let looked = Instant::now();
        let mut db = connected(place)?;
        let database = Database::new(ward.schema(), mapping, db.dialect())?;
        let outbox = database.outbox()?;
        let read = of_one_moment(db.as_mut(), |db| {
            has_triggers(db, &outbox)?;
            Ok((Head::of(db)?, database.read(|sql, each| db.rows(sql, &[], each))?))
        });
        let (seen, world): (Head, World) = read?;
        let shared = Arc::new(Shared::new(seen.clone(), looked));
        let follower = Follower {
            place: place.to_owned(),
            database,
            outbox,
            world,
            shared: shared.clone(),
            db: Some(db),
            seen: Some(seen),
            looked,
            checked: looked,
            failed: None,
        };
        Ok((follower, shared))
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// Looks at the tables now and then, and whenever it is woken; ends when nobody can wake it any more.
    pub(super) fn run(mut self, woken: &Receiver<()>, every: Duration) {
        let mut pause = PAUSES.0;
        while !matches!(woken.recv_timeout(every), Err(RecvTimeoutError::Disconnected)) {
            let number = {
                let mut looks = self.shared.looks();
                looks.begun += 1;
                looks.begun
            };
            let followed = self.follow();
            if let Err(why) = &followed {
                self.shared.write().why = Some(why.clone());
            }
            let mut looks = self.shared.looks();
            looks.ended = number;
            if followed.is_ok() {
                looks.followed = number;
            }
            drop(looks);
            self.shared.moved.notify_all();
            if self.db.is_some() {
                pause = PAUSES.0;
            } else {
                std::thread::sleep(pause);
                pause = PAUSES.1.min(pause * 2);
            }
        }
    }

    /// Sees what was committed since; else why not.
    fn follow(&mut self) -> Result<(), String> {
        let looked = Instant::now();
        let result = self.read().and_then(|(head, changes)| self.see(head, &changes, looked));
        match result {
            Err(error @ Error::Engine(_)) => Err(error.to_string()),
            Err(error) => {
                // Another connection is tried, or triggers may have been away: nothing is known any more.
                (self.db, self.seen, self.failed) = (None, None, None);
                Err(error.to_string())
            }
            Ok(Some(why)) => Err(why),
            Ok(None) => Ok(()),
        }
    }

    /// The newest moment, and what makes the world that of it; or why it cannot be, where that is known already.
    fn read(&mut self) -> Result<(Head, Result<Changes, String>), Error> {
        let mut db = match self.db.take() {
            Some(db) => db,
            None => connected(&self.place)?,
        };
        let read = of_one_moment(db.as_mut(), |db| {
            if self.checked.elapsed() > CHECKED || self.seen.is_none() {
                has_triggers(db, &self.outbox)?;
                self.checked = Instant::now();
            }
            let head = Head::of(db)?;
            match &self.failed {
                Some((failed, why)) if head == *failed => return Ok((head, Err(why.clone()))),
                _ => {}
            }
            let seen = self.seen.as_ref();
            let seen = seen.filter(|seen| !head.is_other(seen) && self.looked.elapsed() < KEPT);
            let changes = match seen {
                Some(seen) if head.is_same(seen) => Ok(Changes::new()),
                Some(seen) => self.told(db, seen),
                None => self.whole(db),
            };
            match changes {
                Err(Error::Engine(error)) => Ok((head, Err(error.to_string()))),
                other => Ok((head, Ok(other?))),
            }
        });
        self.db = Some(db);
        read
    }

    /// Lets the world be what it is at a moment; gives why that cannot be.
    fn see(
        &mut self,
        head: Head,
        changes: &Result<Changes, String>,
        looked: Instant,
    ) -> Result<Option<String>, Error> {
        let shared = self.shared.clone();
        let mut held = shared.write();
        let applied = match changes {
            Ok(changes) if changes.is_empty() => Ok(()),
            Ok(changes) => self.world.apply(changes).map(drop).map_err(|error| error.to_string()),
            Err(why) => Err(why.clone()),
        };
        if let Err(why) = applied {
            self.failed = Some((head, why.clone()));
            return Ok(Some(why));
        }
        (held.seen, held.looked, held.why) = (head.clone(), looked, None);
        (self.seen, self.looked, self.failed) = (Some(head), looked, None);
        Ok(None)
    }

    /// What the outbox tells of since a moment.
    fn told(&self, db: &mut dyn Db, seen: &Head) -> Result<Changes, Error> {
        let (since, after) = seen.since(db.dialect());
        let (mut told, mut is_all) = (BTreeMap::<Arc<str>, BTreeSet<Arc<str>>>::new(), false);
        let sql = format!("SELECT DISTINCT type, id FROM caseward_mirror_outbox WHERE {since}");
        db.rows(&sql, std::slice::from_ref(&after), &mut |row| {
            match (row.first().and_then(as_text), row.get(1).and_then(as_text)) {
                (Some(ty), Some(id)) => {
                    told.entry(ty).or_default().insert(id);
                }
                _ => is_all = true,
            }
            Ok(())
        })?;
        if is_all {
            return self.whole(db);
        }
        let mut changes = Changes::new();
        for (ty, ids) in told {
            // A type of another mapping is nobody's here.
            if !self.world.schema().entity_types().iter().any(|known| known.name == ty) {
                continue;
            }
            let among = format!("SELECT id FROM caseward_mirror_outbox WHERE {since} AND type = ?2");
            let among = match db.dialect() {
                Dialect::Postgres => among.replace('?', "$"),
                _ => among,
            };
            let params = [after.clone(), text(ty.clone())];
            let there = self.database.read_some(&ty, &among, |sql, each| db.rows(sql, &params, each))?;
            let found: BTreeSet<&str> = there.entities().map(EntityUid::id).collect();
            let gone = ids.iter().filter(|id| !found.contains(&***id));
            let gone: Vec<EntityUid> = gone.map(|id| EntityUid::new(ty.clone(), id.clone())).collect();
            changes = changes.then(there);
            changes = gone.iter().filter(|uid| self.world.contains(uid)).fold(changes, Changes::remove);
        }
        Ok(changes)
    }

    /// What the tables hold otherwise than the world.
    fn whole(&self, db: &mut dyn Db) -> Result<Changes, Error> {
        let rows: World = self.database.read(|sql, each| db.rows(sql, &[], each))?;
        Ok(self.world.changes_to(&rows)?)
    }
}

/// A connection to a database of somebody else's.
fn connected(place: &Path) -> Result<Box<dyn Db>, Error> {
    #[cfg(feature = "postgres")]
    if let Some(address) = place::address(place) {
        return Ok(Box::new(crate::postgres::Postgres::connect(address)?));
    }
    if !place.exists() {
        return Err(Error::Request(format!("there is no database `{}`", place.display())));
    }
    place::is_database(place)?;
    Ok(Box::new(Sqlite::open_of_others(place)?))
}

/// Reads in a transaction that sees one moment of the data.
fn of_one_moment<T>(db: &mut dyn Db, work: impl FnOnce(&mut dyn Db) -> Result<T, Error>) -> Result<T, Error> {
    match db.dialect() {
        Dialect::Sqlite => db.script("BEGIN")?,
        _ => db.begin_to_read()?,
    }
    match work(db) {
        Ok(done) => db.commit().map(|()| done),
        Err(error) => db.rollback().and(Err(error)),
    }
}

/// Refuses tables without the triggers of the mapping.
fn has_triggers(db: &mut dyn Db, outbox: &Outbox) -> Result<(), Error> {
    let run = "run what `caseward tables --triggers` prints for this mapping, in one transaction";
    let (all, form) = match db.dialect() {
        Dialect::Sqlite => (
            "SELECT name FROM sqlite_master WHERE type = 'trigger'",
            "SELECT name FROM sqlite_master WHERE name = 'caseward_mirror_form'",
        ),
        _ => (
            "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')",
            "SELECT 'there' WHERE to_regclass('caseward_mirror_form') IS NOT NULL",
        ),
    };
    if db.texts(form, &[])?.is_empty() {
        return Err(Error::Request(format!("the tables have no outbox: {run}")));
    }
    let there: BTreeSet<Arc<str>> = db.texts(all, &[])?.into_iter().collect();
    if let Some(missing) = outbox.triggers.iter().find(|name| !there.contains(name.as_str())) {
        return Err(Error::Request(format!("the tables lack the trigger `{missing}`, or it is off: {run}")));
    }
    let forms = db.texts("SELECT form FROM caseward_mirror_form", &[])?;
    if !matches!(&*forms, [one] if **one == *outbox.form) {
        return Err(Error::Request(format!(
            "the tables have the triggers of another mapping or schema: {run}"
        )));
    }
    Ok(())
}
