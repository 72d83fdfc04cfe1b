//! The rules of attendance and those of a clinic, over random worlds.

use std::collections::BTreeSet;

use super::Extent;
use super::run::{Counts, over};
use super::sweep::{Manner, Subject};
use crate::policy::Sources;
use crate::testing::{Choices, Facts, clinic_sources};
use crate::ward::Ward;

/// Bytes for a world and its questions.
const WORLD: usize = 12_000;

pub(super) fn attendance(extent: &Extent) -> Result<Counts, String> {
    domain(extent, Sources::attendance(), 4)
}

pub(super) fn clinic(extent: &Extent) -> Result<Counts, String> {
    domain(extent, clinic_sources(), 10)
}

fn domain(extent: &Extent, sources: Sources, most: usize) -> Result<Counts, String> {
    let ward = Ward::new(&sources).map_err(|e| e.to_string())?;
    let subject = Subject::new(ward, sources)?;
    let mut counts = Counts::default();
    subject.count(&mut counts)?;
    let deciding = std::sync::Mutex::new(BTreeSet::new());
    let seen = over(extent, WORLD, |bytes| {
        let mut choices = Choices::new(bytes);
        let facts = Facts::sized(&subject.ward, &mut choices, 1, most);
        let manner = Manner { contexts: 1, operator: |_| None };
        let mut decided = BTreeSet::new();
        let counts = subject.sweep(&facts, &mut choices, &manner, &mut decided)?;
        if let Ok(mut deciding) = deciding.lock() {
            deciding.extend(decided);
        }
        Ok(counts)
    })?;
    counts.add(&seen);
    counts.deciding = deciding.into_inner().map_or(0, |all| all.len() as u64);
    Ok(counts)
}
