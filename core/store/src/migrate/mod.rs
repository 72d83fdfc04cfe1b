//! A store of before that becomes one of now: the store's own tables by version, and the schema's own changes.

mod ever;
pub(crate) mod format;
mod plan;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use caseward::sql::{Database, Mapping};
use caseward::{Schema, Ward, World, WorldBuilder};

use crate::activate::{self, Activation};
use crate::error::Error;
use crate::facts::uids;
use crate::files::Files;
use crate::options::Options;
use crate::place::{database, real, shown};
use crate::policies::PolicySet;
use crate::seal;
use crate::snapshot;
use crate::state::State;
use crate::store::Store;
use crate::time::rfc3339;
pub use plan::Migration;
use plan::{Schemas, plan};

impl Store {
    /// What it would do to put policies with another schema in force. Nothing is written.
    ///
    /// # Errors
    /// [`Error::Engine`] for policies that are not valid; as [`Store::open`].
    pub fn propose(
        place: impl AsRef<Path>,
        policies: &PolicySet,
        options: &Options,
    ) -> Result<Migration, Error> {
        let (mut state, _lock) = opened(place.as_ref(), &options.clone().read_only())?;
        let (ward, fits) = policies.load_whole()?;
        let clock = options.clock().max(state.numbers.clock);
        state.in_force(clock);
        state.proposed((&ward, &fits), clock)
    }

    /// Puts policies with another schema in force, from now on, and makes the data that of the new schema, in one transaction.
    /// Nobody else has the store open. Where anything would be lost, or needs a value, nothing is done.
    ///
    /// # Errors
    /// [`Error::Request`] for what is refused, with the names of what it is about, and where it is not said who approved it or
    /// why; [`Error::Engine`] for policies that are not valid; as [`Store::open`].
    pub fn migrate(
        place: impl AsRef<Path>,
        policies: &PolicySet,
        as_said: &Activation,
        options: &Options,
    ) -> Result<Migration, Error> {
        let (mut state, _lock) = opened(place.as_ref(), options)?;
        let clock = options.clock();
        state.due(clock)?;
        state.migrate(policies, as_said, clock)
    }
}

/// The state of a store, and the lock that is held while it is open.
pub(crate) fn opened(path: &Path, options: &Options) -> Result<(State, Option<File>), Error> {
    let path = &real(path)?;
    let (mut db, lock, is_read_only) = database(path, options.read_only)?;
    format::ready(db.as_mut(), is_read_only).map_err(|error| match error {
        Error::Newer { found, known, .. } => Error::Newer { path: shown(path), found, known },
        error => error,
    })?;
    seal::attach(db.as_mut(), options.key.as_ref(), &shown(path))?;
    // What is in a database elsewhere is not kept here.
    let snapshot = (lock.is_some() || is_read_only).then(|| snapshot::beside(path));
    let state = State::open(db, (Files::beside(path), snapshot), options)?;
    let is_looked_at = is_read_only || !state.has_facts;
    Ok((State { read_only: is_looked_at.then(|| shown(path)), ..state }, lock))
}

/// Whether data of one schema is data of the other.
pub(crate) fn is_same_data(one: &Schema, other: &Schema) -> bool {
    one.entity_types() == other.entity_types()
}

/// The same facts in a world of another schema, without what that schema does not know of.
pub(crate) fn recast(world: &World, schema: &Arc<Schema>) -> Result<World, Error> {
    let mut builder = WorldBuilder::new(schema);
    for ty in world.schema().entity_types() {
        let to = schema.type_id(&ty.name).and_then(|id| schema.entity_type(id));
        let Some(to) = to.filter(|to| to.choices.is_none() && ty.choices.is_none()) else { continue };
        for uid in uids(world, &ty.name)? {
            let attributes = world.attributes(&uid)?.unwrap_or_default();
            let known = attributes.iter().filter(|(name, _)| to.attribute(name).is_some());
            builder.add(&uid, known.map(|(name, value)| (name.as_ref(), value.clone())));
        }
    }
    Ok(builder.finish()?)
}

impl State {
    fn proposed(&mut self, (ward, fits): (&Ward, &Ward), clock: i64) -> Result<Migration, Error> {
        let own = PolicySet::attendance().load()?.0;
        let ours = self.ward.schema().clone();
        let schemas = Schemas { from: &ours, to: ward.schema(), own: own.schema() };
        let mut migration = plan(&schemas, self.db.as_mut(), &self.world)?;
        migration.set = PolicySet::hash(ward, fits);
        migration.is_in_force = migration.set == self.set;
        let later = self.policies.iter().find(|set| set.from > clock && set.set != self.set);
        if let (false, Some(later)) = (migration.steps.is_empty(), later) {
            migration.refused.push(format!(
                "the policies `{}` come into force at {}, and are of today's schema: migrate after that",
                later.set,
                rfc3339(later.from)
            ));
        }
        Ok(migration)
    }

    fn migrate(
        &mut self,
        policies: &PolicySet,
        as_said: &Activation,
        clock: i64,
    ) -> Result<Migration, Error> {
        let (ward, fits) = policies.load_whole()?;
        let clock = clock.max(self.numbers.clock);
        let migration = self.proposed((&ward, &fits), clock)?;
        if !migration.refused.is_empty() {
            return Err(Error::Request(format!("nothing was migrated: {}", migration.refused.join("; "))));
        }
        if migration.steps.is_empty() {
            self.activate(policies, as_said, clock)?;
            return Ok(migration);
        }
        activate::is_said(as_said)?;
        if as_said.at.is_some() {
            return Err(Error::request("another schema is that of the data from now on: no instant is said"));
        }
        self.in_group(|state, group| {
            // What another process wrote meanwhile is there now, and may need what was not proposed.
            if state.proposed((&ward, &fits), clock)? != migration {
                let why = "somebody else wrote meanwhile, and something else is to be done: propose it again";
                return Err(Error::request(why));
            }
            let clock = clock.max(group.numbers.clock);
            let world = recast(&group.seen, ward.schema())?;
            state.reshape(&ward, &world)?;
            let steps = Some(migration.steps.as_slice());
            state.put_in_force(group, (policies, &ward, &fits), as_said, (clock, clock), steps)
        })?;
        // It is of the schema of before.
        self.remove_snapshot()?;
        Ok(migration)
    }

    /// Makes the tables those of another schema, filled with the same facts, and reads them again.
    fn reshape(&mut self, ward: &Ward, world: &World) -> Result<(), Error> {
        let database = Database::new(ward.schema(), &Mapping::default(), self.db.dialect())?;
        let (old, new) = (self.database.create(), database.create());
        let is_table = |statement: &&String| statement.starts_with("CREATE TABLE ");
        let gone: Vec<&String> = old.iter().filter(|statement| !new.contains(statement)).collect();
        let come: Vec<&String> = new.iter().filter(|statement| !old.contains(statement)).collect();
        let made: BTreeSet<&str> = come.iter().copied().filter(is_table).map(|made| named(made)).collect();
        let dropped: BTreeSet<&str> = gone.iter().copied().filter(is_table).map(|gone| named(gone)).collect();
        for index in gone.iter().copied().filter(|statement| !is_table(statement)) {
            self.db.script(&format!("DROP INDEX {}", named(index)))?;
        }
        for table in &dropped {
            self.db.script(&format!("DROP TABLE {table}"))?;
        }
        for table in come.iter().copied().filter(is_table) {
            self.db.script(table)?;
        }
        for table in database.rows(world).filter(|table| made.contains(named(&table.insert))) {
            for row in &table.rows {
                self.db.run(&table.insert, row)?;
            }
        }
        // Those of a table that was made anew went with it.
        for index in new.iter().filter(|statement| !is_table(statement)) {
            if !old.contains(index) || made.contains(on(index)) {
                self.db.script(index)?;
            }
        }
        let db = &mut self.db;
        let rows = database.read(|sql, each| db.rows(sql, &[], each))?;
        match is_same(&rows, world)? {
            true => Ok(()),
            false => {
                Err(Error::Database("the tables of the new schema do not hold the same facts".to_owned()))
            }
        }
    }
}

/// The quoted name that a statement makes, or writes to.
fn named(statement: &str) -> &str {
    statement.split(' ').nth(2).unwrap_or_default()
}

/// The quoted name of the table of an index.
fn on(statement: &str) -> &str {
    statement.split(' ').nth(4).unwrap_or_default()
}

fn is_same(one: &World, other: &World) -> Result<bool, Error> {
    for ty in one.schema().entity_types().iter().filter(|ty| ty.choices.is_none()) {
        if one.count(&ty.name)? != other.count(&ty.name)? {
            return Ok(false);
        }
        for uid in uids(one, &ty.name)? {
            if one.attributes(&uid)? != other.attributes(&uid)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
