//! Filling an empty store.

use serde_json::json;

use crate::doctor::Checkup;
use crate::error::Error;
use crate::ids::sha256;
use crate::imported;
use crate::kept;
use crate::log::Entry;
use crate::state::State;

/// Faults that are told; of more it is said how many there are.
const TOLD: usize = 20;

/// What the data is to keep and does not.
fn refused(checkup: &Checkup) -> String {
    let mut text = String::from("the data is not what a store keeps true, and nothing is imported");
    for finding in checkup.findings.iter().take(TOLD) {
        let about = finding.about.as_deref().unwrap_or_default();
        text += &format!("\n{}: {about}: {}", finding.kind, finding.what);
    }
    let more = checkup.findings.len().saturating_sub(TOLD);
    if more > 0 {
        text += &format!("\nand {more} more");
    }
    text
}

/// How many entities there are, without those that the schema names.
fn count(world: &caseward::World) -> Result<usize, Error> {
    let types = world.schema().entity_types().iter().filter(|ty| ty.choices.is_none());
    types.map(|ty| world.count(&ty.name).map_err(Error::from)).sum()
}

impl State {
    /// Writes the entities of a text in Cedar's JSON, in one transaction; gives how many there are.
    pub(crate) fn import(&mut self, entities: &[u8], now: i64) -> Result<usize, Error> {
        self.due(now)?;
        self.is_empty()?;
        let world = self.ward.read_world(entities)?;
        let mut checkup = Checkup::default();
        let open = kept::open_cases(&mut checkup, &self.fits, &world)?;
        kept::students(&mut checkup, &world, &open)?;
        if !checkup.is_sound() {
            return Err(Error::Request(refused(&checkup)));
        }
        let total = count(&world)?;
        self.in_group(|state, group| {
            state.is_empty()?;
            let now = state.agreed(now, group);
            if now < group.numbers.clock {
                return Err(Error::request("the clock goes back: the store was written to later than that"));
            }
            for table in state.database.rows(&world) {
                for row in &table.rows {
                    state.db.run(&table.insert, row)?;
                }
            }
            let facts = imported::keep(state.db.as_mut(), &mut state.random, &world)?;
            group.numbers.version += 1;
            group.numbers.clock = now;
            let entry = Entry {
                kind: "import",
                version: group.numbers.version,
                recorded: now,
                at: now,
                payload: json!({"entities": total, "sha256": sha256(entities), "facts": facts, "set": state.set}),
                about: Vec::new(),
            };
            state.audit(group, &entry)
        })?;
        self.fill(&world)?;
        Ok(total)
    }

    /// Refuses a store that has data.
    fn is_empty(&self) -> Result<(), Error> {
        match count(&self.world)? {
            0 => Ok(()),
            _ => Err(Error::request("the store has data already: an import fills an empty one")),
        }
    }

    /// Lets the world see what an import wrote.
    fn fill(&mut self, from: &caseward::World) -> Result<(), Error> {
        let (mut changes, mut touched) = (caseward::Changes::new(), Vec::new());
        for ty in self.ward.schema().entity_types() {
            if ty.choices.is_some() {
                continue;
            }
            for id in from.ids(&ty.name)? {
                let uid = caseward::EntityUid::new(ty.name.clone(), id);
                let attributes = from.attributes(&uid)?.unwrap_or_default();
                let attributes = attributes.iter().map(|(name, value)| (name.as_ref(), value.clone()));
                changes = changes.put(&uid, attributes);
                touched.push(uid);
            }
        }
        if let Err(error) = self.world.apply_as(self.numbers.version, &changes) {
            self.is_stopped = true;
            return Err(error.into());
        }
        self.see_anew();
        self.look_again(self.numbers.clock, &touched);
        Ok(())
    }
}
