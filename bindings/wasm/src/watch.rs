//! A list that is followed from batch to batch.

use caseward::{Context, EntityUid, Watched};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::{Refusal, json};
use crate::texts::join;
use crate::world::World;

/// What a person may see of a type, as of the last batch that it was told of.
#[wasm_bindgen]
pub struct Watch {
    pub(crate) ward: caseward::Ward,
    pub(crate) watched: Watched,
    /// The question's circumstances, but for the time.
    pub(crate) context: Context,
}

#[wasm_bindgen]
impl Watch {
    /// The ids of what is seen, in one text.
    pub fn ids(&self) -> Result<String, Refusal> {
        let all: Vec<EntityUid> = self.watched.iter().collect();
        join(all.iter().map(EntityUid::id))
    }

    pub fn version(&self) -> f64 {
        self.watched.version() as f64
    }

    /// Follows the world over the batch that it kept in mind, or over the time alone: `[ids, ids]` as JSON, of what came and
    /// of what went; nothing where the list is as it was.
    pub fn follow(&mut self, world: &World, batch: bool, now: f64) -> Result<Option<String>, Refusal> {
        let touched = world.touched.borrow();
        let touched = if batch { touched.as_slice() } else { &[] };
        let context = self.context.clone().and_at(now as i64);
        let sighted = self.ward.follow(&mut self.watched, touched, &context)?;
        if sighted.is_nothing() {
            return Ok(None);
        }
        let ids = |all: &[EntityUid]| all.iter().map(|uid| uid.id().to_owned()).collect::<Vec<_>>();
        json(&(ids(&sighted.came), ids(&sighted.went))).map(Some)
    }
}
