//! What a person may see, as a set.

use caseward::Cursor;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::{Refusal, json};
use crate::texts::join;

/// A set of entities of one type.
#[wasm_bindgen]
pub struct Visible(pub(crate) caseward::Visible);

#[wasm_bindgen]
impl Visible {
    pub fn size(&self) -> usize {
        self.0.len()
    }

    pub fn has(&self, type_name: &str, id: &str) -> bool {
        self.0.contains(&caseward::EntityUid::new(type_name, id))
    }

    /// The ids, in one text.
    pub fn ids(&self) -> Result<String, Refusal> {
        let ids: Vec<&str> = self.0.ids().collect();
        join(ids.iter().copied())
    }

    /// The numbers of the entities in the world.
    pub fn numbers(&self) -> Vec<u32> {
        self.0.bitmap().iter().collect()
    }

    /// `[ids, cursor]` as JSON, the cursor null at the end.
    pub fn page(&self, cursor: Option<String>, most: usize) -> Result<String, Refusal> {
        let cursor = cursor.map(|text| text.parse::<Cursor>()).transpose()?;
        let page = self.0.page(cursor, most)?;
        let ids: Vec<&str> = page.entities.iter().map(caseward::EntityUid::id).collect();
        json(&(ids, page.next.map(|next| next.to_string())))
    }

    pub fn policy_hash(&self) -> String {
        self.0.provenance().policy_hash.to_string()
    }

    pub fn version(&self) -> f64 {
        self.0.provenance().version as f64
    }

    /// Milliseconds since 1970.
    pub fn now(&self) -> Option<f64> {
        self.0.provenance().now.map(|now| now as f64)
    }
}
