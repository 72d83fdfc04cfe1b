//! Applying batches, and waiting for them.
//!
//! One writer at a time. A batch is checked and turned into rows before anything is touched; then its rows are
//! stored within one odd count of the [sequence](super::sequence), and the indices follow. Lists hold the
//! indices' lock, so that they wait for all of it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;

use super::change::Changes;
use super::overlay::{Images, count, deltas, prepare};
use super::{Data, Place, Row, World};
use crate::model::interrupt::{self, Pulse};
use crate::model::{Error, TypeId};

/// How often what reads more than once is tried again for a batch that came in between, before batches wait for it.
const TRIES: usize = 8;

/// What only the writer needs to know.
#[derive(Default)]
pub(super) struct Writer {
    /// How many references there are to an entity; counted when something is first removed.
    references: Option<HashMap<Place, i64>>,
}

impl Writer {
    /// How many references there are to each entity of `world`. The first time takes a look at all of it.
    pub(super) fn references(&mut self, world: &World) -> Result<&HashMap<Place, i64>, Error> {
        let counted = match self.references.take() {
            Some(counted) => counted,
            None => references(world)?,
        };
        Ok(self.references.insert(counted))
    }

    fn follow(&mut self, deltas: HashMap<Place, i64>) {
        if let Some(references) = &mut self.references {
            for (place, by) in deltas {
                *references.entry(place).or_default() += by;
            }
        }
    }
}

fn references(world: &World) -> Result<HashMap<Place, i64>, Error> {
    let (mut counts, pulse) = (HashMap::new(), Pulse::default());
    for at in 0..world.data.tables.len() {
        let ty = TypeId(at as u16);
        for row in world.rows(ty) {
            pulse.step()?;
            count(world, (ty, row), 1, &mut counts);
        }
    }
    Ok(counts)
}

/// Where those wait who asked for a version that is still to come.
#[derive(Default)]
pub(super) struct Applied {
    lock: Mutex<()>,
    changed: Condvar,
    /// Whether the data was moved to another world, so that a batch would be lost here. Held by whoever applies
    /// or moves.
    has_moved: Mutex<bool>,
}

impl Data {
    pub(super) fn is_there(&self, (ty, Row(row)): Place) -> bool {
        let table = self.tables.get(ty.index());
        table.is_some_and(|table| table.rows.word(row, 0) & super::DEFINED != 0)
    }
}

impl World {
    /// Applies a batch, all of it or nothing, and gives the version of the data that it made.
    ///
    /// Cost: that of the rows that change, and of what the indices hold of them. The first batch ever that
    /// removes an entity counts all references once.
    ///
    /// # Errors
    /// [`Error::is_data`], with every problem, the world being as it was: an entity that is not there, an
    /// attribute of a wrong type or missing, a reference to nothing, a removal of what is referred to, a
    /// hierarchy that goes in a circle, an entity of an enumerated type; [`Error::is_request`] for a world
    /// that [`World::with`] gave, or that [`Live::reload`](crate::Live::reload) moved to another schema;
    /// [`Error::is_interrupted`], the world being as it was.
    pub fn apply(&self, changes: &Changes) -> Result<u64, Error> {
        self.apply_batch(changes, None)
    }

    /// As [`World::apply`], of a batch that makes a version of the data of which others keep count, as a store does: the
    /// world says that version then. It may be of several batches at once, or of none that changes an entity.
    ///
    /// # Errors
    /// As [`World::apply`]; [`Error::is_request`] for a version that is not behind the world's.
    pub fn apply_as(&self, version: u64, changes: &Changes) -> Result<u64, Error> {
        self.apply_batch(changes, Some(version))
    }

    fn apply_batch(&self, changes: &Changes, makes: Option<u64>) -> Result<u64, Error> {
        if self.overlay.is_some() {
            return Err(Error::request("a world seen through changes cannot be changed itself"));
        }
        interrupt::refuse_within("a batch cannot be applied")?;
        let has_moved = self.data.applied.has_moved.lock().unwrap_or_else(PoisonError::into_inner);
        if *has_moved {
            return Err(Error::request(
                "the data was moved to another schema: apply changes to what is in force",
            ));
        }
        let mut writer = self.data.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (version, next) = (self.version(), makes.unwrap_or_else(|| self.version() + 1));
        if next <= version {
            return Err(Error::request(format!(
                "a batch cannot make version {next} of data of version {version}"
            )));
        }
        let mut images = match prepare(self, changes, &mut writer) {
            Err(_) if mutant!(HalfABatch) && changes.len() > 1 => {
                let first = Changes { all: changes.all.iter().take(1).cloned().collect() };
                prepare(self, &first, &mut writer)?
            }
            prepared => prepared?,
        };
        images
            .retain(|&place, words| words.iter().enumerate().any(|(at, &word)| self.word(place, at) != word));
        let deltas = match &writer.references {
            None => HashMap::new(),
            Some(_) => {
                let after = World { data: self.data.clone(), overlay: Some(Arc::new(images.clone())) };
                deltas(self, &after, &images)?
            }
        };
        interrupt::ask()?;
        // INVARIANT: nobody is asked from here on: an interrupted batch has changed nothing.
        writer.follow(deltas);
        let version = self.store(&images, next);
        drop(self.data.applied.lock.lock());
        self.data.applied.changed.notify_all();
        Ok(version)
    }

    /// What `read` gives, which reads the data more than once; `None` says that a batch came in between.
    ///
    /// It is tried a few times, and then while batches wait, so that it ends however many of them come. Nobody is asked
    /// meanwhile whether it is to end: they may want to apply a batch. No lock of the data may be held. What `read`
    /// asks may be undisturbed itself: while batches wait it is done at once.
    pub(crate) fn undisturbed<T>(
        &self,
        mut read: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        for _ in 0..TRIES {
            if let Some(found) = read()? {
                return Ok(found);
            }
        }
        let _writer = self.data.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let found = interrupt::unasked(read)?;
        found.ok_or_else(|| Error::request("the data changed while it was held still"))
    }

    /// Runs `make`, which makes another world of this one. Batches wait; once it is made this world takes none.
    pub(crate) fn hand_over<T>(&self, make: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        interrupt::refuse_within("the data cannot be moved")?;
        let mut has_moved = self.data.applied.has_moved.lock().unwrap_or_else(PoisonError::into_inner);
        if *has_moved {
            return Err(Error::request("the data was moved to another schema already"));
        }
        let made = make()?;
        *has_moved = true;
        Ok(made)
    }

    /// This world as if it had come to `version` by batches, so that its answers say the version of whatever it is the
    /// data of. A world that is shared already, as by a clone, stays as it is.
    #[must_use]
    pub fn counting_from(mut self, version: u64) -> World {
        if let Some(data) = Arc::get_mut(&mut self.data) {
            data.count_from(version);
        }
        self
    }

    /// Stores the rows of a batch that makes a version. The writer's lock is held.
    fn store(&self, images: &Images, version: u64) -> u64 {
        let mut indices = self.data.indices.write().unwrap_or_else(PoisonError::into_inner);
        let before = indices.keys_of(self, images);
        self.data.sequence.write(version, || {
            for (&place, words) in images {
                if let Some(table) = self.table(place.0) {
                    table.rows.set(place.1.0, words);
                }
                self.data.stamps.touch(place, version);
            }
        });
        indices.follow(self, before);
        if mutant!(VersionStays) { version - 1 } else { version }
    }

    /// The world as it would be with these changes, which it does not have: they are looked through, not
    /// applied. A service asks it about the state that its own transaction is about to write.
    ///
    /// It follows the world: a batch that is applied later is seen through it too, except in the entities that
    /// the changes touch. Cost: that of the entities that change; the world is not copied.
    ///
    /// # Errors
    /// As [`World::apply`].
    ///
    /// # Example
    /// ```
    /// use caseward::{Changes, EntityUid, Value, Ward, WorldBuilder};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = WorldBuilder::new(ward.schema()).finish()?;
    /// let school = EntityUid::new("School", "northcote");
    /// let planned = world.with(&Changes::new().put(&school, [("kind", Value::from("state"))]))?;
    /// assert_eq!((planned.count("School")?, world.count("School")?), (1, 0));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn with(&self, changes: &Changes) -> Result<World, Error> {
        interrupt::refuse_within("changes cannot be looked through")?;
        let mut writer = self.data.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let images = prepare(self, changes, &mut writer)?;
        Ok(World { data: self.data.clone(), overlay: Some(Arc::new(images)) })
    }

    /// As [`World::with`], for changes that remove no entity: it waits for no batch that is being made, so that it
    /// can be asked while the data is held still.
    pub(crate) fn supposing(&self, changes: &Changes) -> Result<World, Error> {
        let images = prepare(self, changes, &mut Writer::default())?;
        Ok(World { data: self.data.clone(), overlay: Some(Arc::new(images)) })
    }

    /// Waits until the data is at least of `version`, which [`World::apply`] gave; says which it is.
    ///
    /// Where there are no threads (in WebAssembly) it looks once.
    ///
    /// # Errors
    /// [`Error::is_timeout`] where that version has not come after `patience`.
    pub fn at_least(&self, version: u64, patience: Duration) -> Result<u64, Error> {
        let is_behind = |world: &World| world.version() < version;
        if is_behind(self) && !cfg!(target_family = "wasm") {
            let lock = self.data.applied.lock.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = self.data.applied.changed.wait_timeout_while(lock, patience, |()| is_behind(self));
            drop(wait);
        }
        if is_behind(self) {
            return Err(Error::timeout(version, self.version()));
        }
        Ok(self.version())
    }
}
