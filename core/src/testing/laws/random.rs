//! Random schemas, random policies that strict validation takes, random worlds.

use std::collections::BTreeSet;

use super::Extent;
use super::run::{Counts, over};
use super::sweep::{Manner, Subject};
use crate::testing::policies::ward;
use crate::testing::{Choices, Facts};

/// Bytes for the policies, and for each world.
const POLICIES: usize = 6_000;
const WORLD: usize = 6_000;
/// Worlds for each set of policies.
const WORLDS: usize = 3;

pub(super) fn run(extent: &Extent) -> Result<Counts, String> {
    over(extent, POLICIES + WORLDS * WORLD, |bytes| {
        let start = std::time::Instant::now();
        let mut counts = Counts::default();
        let (first, rest) = bytes.split_at_checked(POLICIES).ok_or("too few bytes")?;
        let mut choices = Choices::new(first);
        let many = 4 + choices.below(12);
        let Some(drawn) = ward(&mut choices, many) else { return Ok(counts) };
        counts.refused += drawn.refused as u64;
        let subject = Subject::new(drawn.ward, drawn.sources)?;
        subject.count(&mut counts)?;
        counts.whole = start.elapsed();
        let mut deciding = BTreeSet::new();
        for bytes in rest.chunks(WORLD) {
            let mut choices = Choices::new(bytes);
            let facts = Facts::sized(&subject.ward, &mut choices, 1, 14);
            let manner = Manner { contexts: 3, operator: |_| None };
            counts.add(&subject.sweep(&facts, &mut choices, &manner, &mut deciding)?);
        }
        counts.deciding = deciding.len() as u64;
        Ok(counts)
    })
}
