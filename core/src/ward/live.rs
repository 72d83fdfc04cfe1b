//! Policies and data that are replaced while requests are answered.
//!
//! A [`Live`] holds the [`Generation`] in force. A request takes it once and keeps it to its end, so that it
//! is answered by one set of policies, on data of its schema. A reload makes the next generation beside the
//! one in force and puts it in its place as a whole, or leaves everything as it was.
//!
//! INVARIANT: the policies and the data of a generation have one schema.
//! INVARIANT: a batch that was applied is in the data of every later generation.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::model::{AttrId, Error, Schema, TypeId};
use crate::policy::Sources;
use crate::ward::Ward;
use crate::world::{Changes, Place, World, WorldBuilder};

/// The policies and the data in force, for a service that reloads policies while it answers. Cloning shares
/// it.
///
/// # Example
/// ```
/// use caseward::attendance::Sample;
/// use caseward::{ActionName, Changes, EntityUid, Live, Query, Sources, TypeName, Value, Ward};
///
/// let ward = Ward::attendance()?;
/// let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
/// let live = Live::new(ward, world)?;
///
/// // A request takes what is in force, once, and asks that alone.
/// let in_force = live.now();
/// let user = EntityUid::new("User", "u00001");
/// let cases = Query::new(user, ActionName::new("viewSummary"), TypeName::new("Case")).at(1_778_446_800_000);
/// let cases = in_force.ward().count(in_force.world(), &cases)?;
///
/// // Meanwhile the policies are reloaded, and the data changes.
/// assert_eq!(live.reload(&Sources::attendance())?, 2);
/// live.apply(&Changes::new().put(&EntityUid::new("School", "new"), [("kind", Value::from("state"))]))?;
/// assert_eq!((in_force.number(), live.now().number()), (1, 2));
/// # let _ = cases;
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    /// Locked for as long as it takes to copy a pointer.
    now: RwLock<Generation>,
    /// Held by the one reload that goes on.
    reload: Mutex<()>,
}

/// Policies and data that belong together: what a request is answered from, to its end. Cloning shares it.
///
/// The policies never change. The data follows the batches that are applied, as every [`World`] does; where a
/// reload brings another schema it stays as it is from then on.
#[derive(Clone)]
pub struct Generation {
    inner: Arc<Pair>,
}

struct Pair {
    ward: Ward,
    world: World,
    number: u64,
}

impl Generation {
    /// The policies.
    pub fn ward(&self) -> &Ward {
        &self.inner.ward
    }

    /// The data. What is to be changed goes through [`Live::apply`].
    pub fn world(&self) -> &World {
        &self.inner.world
    }

    /// 1 for what a [`Live`] was made of, one more for each reload since.
    pub fn number(&self) -> u64 {
        self.inner.number
    }
}

impl Live {
    /// Puts policies and data in force.
    ///
    /// # Errors
    /// [`Error::is_schema`] for data of another schema; [`Error::is_request`] for a world that [`World::with`]
    /// gave.
    pub fn new(ward: Ward, world: World) -> Result<Self, Error> {
        ward.engine.belongs_to(&world)?;
        if world.is_overlaid() {
            return Err(Error::request("a world seen through changes cannot be put in force"));
        }
        let first = Pair { ward: ward.with_schema(world.schema()), world, number: 1 };
        let now = RwLock::new(Generation { inner: Arc::new(first) });
        Ok(Live { inner: Arc::new(Inner { now, reload: Mutex::new(()) }) })
    }

    /// What is in force. A request takes it once and asks nothing else.
    ///
    /// Cost: some nanoseconds; it waits for no reload and no batch.
    pub fn now(&self) -> Generation {
        self.inner.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads policies and puts them in force, all or nothing; gives the number of the new generation.
    ///
    /// Requests are answered by the old policies meanwhile, and to their end where they began with them. One
    /// reload runs at a time.
    ///
    /// Where the schema says the same as before, the data stays: handles, cursors and indices too. Where it
    /// says something else, the data is moved to the new schema, entity by entity, in the old order and with
    /// the version that it had; it is another world with an epoch of its own. Batches wait until it is done,
    /// and nothing is left out: an attribute or a type that the new schema lacks is an error where an entity has
    /// it. What decides quickly ([`Decider`](crate::Decider), handles) is made anew for each generation.
    ///
    /// Lists find the indices that the new policies ask for, where the old data had any.
    ///
    /// Cost: some tens of milliseconds for a hundred policies; with another schema besides, about that of
    /// reading the data, and the memory for it twice until the last request lets go of the old one.
    ///
    /// # Errors
    /// What was in force stays in force. [`Error::is_policies`], as [`Ward::new`]; [`Error::is_data`], naming
    /// every entity and attribute that the new schema does not take.
    pub fn reload(&self, sources: &Sources) -> Result<u64, Error> {
        let _reload = self.inner.reload.lock().unwrap_or_else(PoisonError::into_inner);
        let ward = Ward::new(sources)?;
        let before = self.now();
        let world = before.world();
        if ward.schema() == world.schema() {
            let ward = ward.with_schema(world.schema());
            prepare(&ward, world, world)?;
            return Ok(self.replace(ward, world.clone(), before.number() + 1));
        }
        world.hand_over(|| {
            let moved = moved(world, ward.schema())?;
            prepare(&ward, world, &moved)?;
            Ok(self.replace(ward, moved, before.number() + 1))
        })
    }

    fn replace(&self, ward: Ward, world: World, number: u64) -> u64 {
        let next = Generation { inner: Arc::new(Pair { ward, world, number }) };
        let mut now = self.inner.now.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *now, next);
        drop(now);
        // It may be the last to hold the old data: nobody is to wait while it is freed.
        drop(before);
        number
    }

    /// Applies a batch to the data in force, as [`World::apply`], and gives the version that it made.
    ///
    /// While a reload moves the data to another schema it waits, and then changes the new data: no batch is
    /// lost. Versions count on from one generation to the next. ([`World::apply`] on data that was moved is an
    /// error.)
    ///
    /// # Errors
    /// As [`World::apply`].
    pub fn apply(&self, changes: &Changes) -> Result<u64, Error> {
        loop {
            let now = self.now();
            match now.world().apply(changes) {
                Err(error) if !error.is_interrupted() && self.has_moved_from(&now) => {}
                done => return done,
            }
        }
    }

    /// Waits until the data in force is at least of `version`, which [`Live::apply`] gave; gives what is in
    /// force then, for the request to go on with.
    ///
    /// Where a reload moves the data to another schema meanwhile, the wait begins again.
    ///
    /// # Errors
    /// [`Error::is_timeout`] where that version has not come after `patience`.
    pub fn at_least(&self, version: u64, patience: Duration) -> Result<Generation, Error> {
        loop {
            let now = self.now();
            match now.world().at_least(version, patience) {
                Err(error) if !error.is_interrupted() && self.has_moved_from(&now) => {}
                done => return done.map(|_| now),
            }
        }
    }

    fn has_moved_from(&self, generation: &Generation) -> bool {
        self.now().world().epoch() != generation.world().epoch()
    }
}

/// Makes the indices that lists need, where `before` had any.
fn prepare(ward: &Ward, before: &World, world: &World) -> Result<(), Error> {
    let had_any = !before.still().sizes().is_empty();
    if had_any { ward.make_indices(world) } else { Ok(()) }
}

/// The same entities in a world of another schema.
fn moved(world: &World, schema: &Arc<Schema>) -> Result<World, Error> {
    let mut builder = WorldBuilder::new(schema);
    let is_enumerated = |schema: &Schema, name: &str| {
        let ty = schema.type_id(name).and_then(|ty| schema.entity_type(ty));
        ty.is_some_and(|ty| ty.choices.is_some())
    };
    let types = world.schema().entity_types();
    // Enumerated entities come with the schema.
    let held = || {
        let is_held = |name: &str| !is_enumerated(world.schema(), name) || !is_enumerated(schema, name);
        (0u16..).map(TypeId).zip(types).filter(move |(_, ty)| is_held(&ty.name))
    };
    for (from, ty) in held() {
        let Some(to) = schema.type_id(&ty.name) else { continue };
        for row in world.rows(from) {
            builder.row(to, world.id((from, row)));
        }
    }
    for (ty, _) in held() {
        world.rows(ty).for_each(|row| add(&mut builder, world, (ty, row)));
    }
    Ok(builder.finish()?.counting_from(world.version()))
}

fn add(builder: &mut WorldBuilder, world: &World, place: Place) {
    let Some(ty) = world.schema().entity_type(place.0) else { return };
    let attributes = (0u16..).zip(&ty.attributes).filter_map(|(at, (name, _))| {
        let value = world.value(place.0, place.1, AttrId(at))?;
        Some((name.as_ref(), value))
    });
    let parents = world.parents(place).iter().map(|&parent| world.uid(parent));
    let tags = world.tags(place).cloned().unwrap_or_default();
    builder.add_whole(&world.uid(place), attributes, parents, tags);
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("now", &self.now()).finish()
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Generation {{ number: {}, {:?}, {:?} }}", self.number(), self.ward(), self.world())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;

    fn sources(schema: &str) -> Sources {
        let policy = Source::new("all", "@id(\"all\") permit (principal, action, resource);");
        Sources { schema: Source::new("schema", schema), policies: vec![policy], catalogue: None }
    }

    const SCHEMA: &str = "entity User; action view appliesTo { principal: User, resource: User };";

    #[test]
    fn a_schema_that_says_the_same_is_the_same_object() {
        let ward = Ward::new(&sources(SCHEMA)).unwrap();
        let world = WorldBuilder::new(Ward::new(&sources(SCHEMA)).unwrap().schema()).finish().unwrap();
        let live = Live::new(ward, world).unwrap();
        let is_one = |now: &Generation| Arc::ptr_eq(now.ward().schema(), now.world().schema());
        assert!(is_one(&live.now()));
        live.reload(&sources(&format!("// The same.\n{SCHEMA}"))).unwrap();
        assert!(is_one(&live.now()));
        live.reload(&sources(&format!("entity Doc; {SCHEMA}"))).unwrap();
        assert!(is_one(&live.now()));
    }

    #[test]
    fn a_world_is_handed_over_once_and_only_if_another_was_made() {
        let ward = Ward::new(&sources(SCHEMA)).unwrap();
        let world = WorldBuilder::new(ward.schema()).finish().unwrap();
        assert!(world.hand_over(|| Err::<(), _>(Error::schema())).is_err());
        assert_eq!(world.apply(&Changes::new()).unwrap(), 2);
        assert!(world.hand_over(|| Ok(())).is_ok());
        assert!(world.hand_over(|| Ok(())).is_err());
        assert!(world.apply(&Changes::new()).unwrap_err().is_request());
        assert_eq!(world.version(), 2);
    }
}
