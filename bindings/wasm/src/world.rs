//! The data.

use std::cell::RefCell;
use std::collections::BTreeSet;

use caseward::attendance::Sample;
use caseward::{EntityUid, WorldBuilder};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::{Refusal, json};
use crate::texts::{join, split};
use crate::ward::Ward;

/// A world, and the ward whose schema its changes are read by.
#[wasm_bindgen]
pub struct World {
    ward: caseward::Ward,
    pub(crate) world: caseward::World,
    /// What the last batch touched, where somebody follows it.
    pub(crate) touched: RefCell<Vec<EntityUid>>,
}

#[wasm_bindgen]
impl World {
    /// A world without entities.
    pub fn empty(ward: &Ward) -> Result<World, Refusal> {
        Ok(World::of(ward.0.clone(), WorldBuilder::new(ward.0.schema()).finish()?))
    }

    /// A world from Cedar's entities JSON.
    pub fn read(ward: &Ward, entities: &[u8]) -> Result<World, Refusal> {
        Ok(World::of(ward.0.clone(), ward.0.read_world(entities)?))
    }

    /// Sample data of attendance case management.
    pub fn sample(ward: &Ward, cases: u32, seed: u64) -> Result<World, Refusal> {
        let cases = usize::try_from(cases).map_err(Refusal::call)?;
        Ok(World::of(ward.0.clone(), Sample { cases, seed }.build(&ward.0, &mut |_| {})?))
    }

    /// A world from a snapshot.
    pub fn from_bytes(ward: &Ward, snapshot: &[u8]) -> Result<World, Refusal> {
        let world = caseward::World::from_bytes(ward.0.schema(), snapshot)?;
        Ok(World::of(ward.0.clone(), world))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.world.to_bytes()
    }

    /// Cedar's entities JSON, as bytes of UTF-8.
    pub fn to_json(&self) -> Result<Vec<u8>, Refusal> {
        let mut json = Vec::new();
        self.world.write_json(&mut json).map_err(Refusal::call)?;
        Ok(json)
    }

    pub fn version(&self) -> f64 {
        self.world.version() as f64
    }

    pub fn size(&self) -> usize {
        self.world.len()
    }

    pub fn bytes(&self) -> usize {
        self.world.bytes()
    }

    pub fn count(&self, type_name: &str) -> Result<usize, Refusal> {
        Ok(self.world.count(type_name)?)
    }

    /// The ids of a type, in one text.
    pub fn ids(&self, type_name: &str) -> Result<String, Refusal> {
        let ids: Vec<&str> = self.world.ids(type_name)?.collect();
        join(ids.iter().copied())
    }

    /// The number of an entity among those of its type; 0 where it is absent.
    pub fn number(&self, type_name: &str, id: &str) -> Result<u32, Refusal> {
        self.known(type_name)?;
        Ok(self.world.handle(&EntityUid::new(type_name, id)).map_or(0, caseward::Handle::number))
    }

    /// The numbers of entities of one type, 0 for those that are absent.
    pub fn numbers(&self, type_name: &str, ids: &str) -> Result<Vec<u32>, Refusal> {
        self.known(type_name)?;
        let type_name: std::sync::Arc<str> = type_name.into();
        let mut numbers = Vec::new();
        split(ids, |id| {
            let handle = self.world.handle(&EntityUid::new(type_name.clone(), id));
            numbers.push(handle.map_or(0, caseward::Handle::number));
        })?;
        Ok(numbers)
    }

    /// The attributes of an entity in Cedar's JSON; nothing where it is absent.
    pub fn attributes(&self, type_name: &str, id: &str) -> Result<Option<String>, Refusal> {
        let found = self.world.attributes(&EntityUid::new(type_name, id))?;
        found.map(|attributes| json(&attributes)).transpose()
    }

    /// Applies a batch in the form of [`caseward::Ward::read_changes`], and gives the version that it made. What it touched
    /// is kept in mind until the next, where it is `followed`.
    pub fn apply(&self, changes: &str, followed: bool) -> Result<f64, Refusal> {
        let changes = self.ward.read_changes(changes)?;
        let version = self.world.apply(&changes)?;
        let touched: BTreeSet<&EntityUid> = changes.entities().filter(|_| followed).collect();
        self.touched.replace(touched.into_iter().cloned().collect());
        Ok(version as f64)
    }

    /// The world seen through changes that it does not have.
    pub fn through(&self, changes: &str) -> Result<World, Refusal> {
        let world = self.world.with(&self.ward.read_changes(changes)?)?;
        Ok(World::of(self.ward.clone(), world))
    }
}

impl World {
    fn of(ward: caseward::Ward, world: caseward::World) -> World {
        World { ward, world, touched: RefCell::default() }
    }

    /// Refuses a type that the schema lacks.
    fn known(&self, type_name: &str) -> Result<(), Refusal> {
        self.world.schema().known_type(type_name)?;
        Ok(())
    }
}
