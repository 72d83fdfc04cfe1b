//! Memory over time, under a load of everything.

use std::time::{Duration, Instant};

use crate::client::{Took, paced};
use crate::memory;
use crate::served::{Served, Somebody};

/// Evaluations, batches, searches, lists, views and commands, the last third of the time beside the first: memory is flat. Content is
/// written, and the facts stay as many as they are; the log grows on the disk.
pub(crate) fn memory_is_flat(time: Duration, cases: usize) {
    let served = Served::with(cases, "");
    let ward = served.store.ward();
    let somebody = Somebody::of(&ward, served.store.world());
    let mut all = somebody.evaluations();
    for more in
        [somebody.hundred(), somebody.search(), somebody.lists(), somebody.views(), somebody.commands()]
    {
        all.extend(more.into_iter().take(40));
    }
    let (begun, disk) = (Instant::now(), served.on_disk());
    let round = (time / 12).max(Duration::from_secs(1));
    let mut resident = Vec::new();
    while begun.elapsed() < time {
        let took: Took = served.clients.block_on(paced(served.at, (16, 150.0), round, &all));
        let Some((now, _)) = memory() else {
            println!("not looked at: the system does not say how much memory there is in use");
            return;
        };
        resident.push(now);
        println!(
            "after {:.0?}: {:.1} MB, {:.0} a second, p99 {:.1?}",
            begun.elapsed(),
            now as f64 / 1e6,
            took.a_second(),
            took.within(99)
        );
    }
    let third = (resident.len() / 3).max(1);
    let most = |of: &[u64]| of.iter().max().copied().unwrap_or_default();
    // The first third makes what is made once.
    let (early, late) = (most(&resident[third..2 * third]), most(&resident[2 * third..]));
    println!(
        "memory {:.1} MB, then {:.1} MB; the database grew by {:.1} MB",
        early as f64 / 1e6,
        late as f64 / 1e6,
        (served.on_disk() - disk) as f64 / 1e6
    );
    assert!(late < early + early / 20 + (4 << 20), "memory grows: {resident:?}");
}
