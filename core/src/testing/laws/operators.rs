//! Each operator of the language alone, on values of random worlds.

use std::collections::BTreeSet;

use super::Extent;
use super::run::{Counts, over};
use super::sweep::{Manner, Subject};
use crate::model::Action;
use crate::testing::operators::OPERATORS;
use crate::testing::policies::ward_of_operators;
use crate::testing::{Choices, Facts};

/// Bytes for the policies, and for the world.
const POLICIES: usize = 4_000;
const WORLD: usize = 4_000;

pub(super) fn run(extent: &Extent) -> Result<Counts, String> {
    over(extent, POLICIES + WORLD, |bytes| {
        let start = std::time::Instant::now();
        let mut counts = Counts::default();
        let (first, rest) = bytes.split_at_checked(POLICIES).ok_or("too few bytes")?;
        let Some(drawn) = ward_of_operators(&mut Choices::new(first)) else { return Ok(counts) };
        counts.refused += drawn.refused as u64;
        let subject = Subject::new(drawn.ward, drawn.sources)?;
        subject.count(&mut counts)?;
        counts.whole = start.elapsed();
        let (mut choices, mut deciding) = (Choices::new(rest), BTreeSet::new());
        let facts = Facts::sized(&subject.ward, &mut choices, 3, 6);
        let manner = Manner { contexts: 1, operator: operator_of };
        counts.add(&subject.sweep(&facts, &mut choices, &manner, &mut deciding)?);
        counts.deciding = deciding.len() as u64;
        Ok(counts)
    })
}

/// The operator that is the policy of action `aN`.
fn operator_of(action: &Action) -> Option<&'static str> {
    let n: usize = action.uid.id().strip_prefix('a')?.parse().ok()?;
    OPERATORS.get(n).map(|operator| operator.name)
}
