//! What a person may see, in an order.

use caseward::{Listing, SortedCursor};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::{Refusal, json};
use crate::texts::{join, split};

/// Entities of one type in an order.
#[wasm_bindgen]
pub struct Sorted(pub(crate) caseward::Sorted);

#[wasm_bindgen]
impl Sorted {
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// The ids, in one text.
    pub fn ids(&self) -> Result<String, Refusal> {
        let all: Vec<_> = self.0.iter().collect();
        join(all.iter().map(caseward::EntityUid::id))
    }

    /// `[ids, cursor]` as JSON, the cursor null at the end.
    pub fn page(&self, cursor: Option<String>, most: usize) -> Result<String, Refusal> {
        let cursor = cursor.map(|text| text.parse::<SortedCursor>()).transpose()?;
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

/// An order and conditions; these in one text.
pub(crate) fn listing(by: Option<String>, descending: bool, conditions: &str) -> Result<Listing, Refusal> {
    let mut listing = by.into_iter().fold(Listing::new(), |listing, by| listing.by(by));
    if descending {
        listing = listing.descending();
    }
    let mut all = Vec::new();
    split(conditions, |condition| all.push(condition.to_owned()))?;
    Ok(all.iter().try_fold(listing, |listing, condition| listing.only_where(condition))?)
}
