//! Counts by group, and what they are asked with.

use caseward::{Group, Protection, RoundingKey, Zone, attendance};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::{Refusal, json};
use crate::texts::split;

/// Counts by group.
#[wasm_bindgen]
pub struct Table(pub(crate) caseward::Table);

#[wasm_bindgen]
impl Table {
    pub fn json(&self) -> Result<String, Refusal> {
        json(&self.0)
    }

    pub fn csv(&self) -> String {
        self.0.to_csv()
    }

    /// For people.
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Groups from their texts, in the zone of a rule or New Zealand's.
pub(crate) fn groups(by: &str, zone: Option<&str>) -> Result<Vec<Group>, Refusal> {
    let zone = zone.map_or_else(|| Ok(attendance::zone()), str::parse::<Zone>)?;
    let mut groups = Vec::new();
    split(by, |text| groups.push(Group::parse(text, &zone)))?;
    Ok(groups.into_iter().collect::<Result<_, _>>()?)
}

/// How counts are kept from telling of anybody, where they are.
pub(crate) fn protection(below: Option<f64>, key: Option<Vec<u8>>) -> Result<Option<Protection>, Refusal> {
    match (below, key) {
        (_, Some(key)) => Ok(Some(Protection::Round(RoundingKey::new(key)?))),
        (Some(below), None) => Ok(Some(Protection::Suppress { below: below as u64 })),
        (None, None) => Ok(None),
    }
}
