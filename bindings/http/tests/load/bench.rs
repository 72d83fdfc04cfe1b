//! How much there can be, and how long it takes, beside an empty handler of the same router.

use std::time::Duration;

use crate::client::{Asked, closed, paced};
use crate::served::{Changing, Served, Somebody};
use crate::times;

/// Connections that ask at once.
const CONNECTIONS: usize = 64;
/// Changes a second, beside the load.
const CHANGES: u32 = 1_000;
/// Rounds with changes and without, in turns.
const ROUNDS: usize = 3;

pub(crate) fn measure(cases: usize, time: Duration) {
    let served = Served::with(cases, "");
    let ward = served.store.ward();
    let somebody = Somebody::of(&ward, served.store.world());
    println!(
        "{cases} cases; {} sees {} and more of them; {CONNECTIONS} connections, {time:?} each\n",
        somebody.id,
        somebody.seen.len()
    );
    println!(
        "{:<20} {:>10} {:>9} {:>10} {:>10} | {:>10} {:>10} {:>10} | {:>10}",
        "", "a second", "of empty", "p50", "p99", "at half", "p50", "p99", "alone p50"
    );
    let mut empty = 0.0;
    for (name, all) in [
        ("empty handler", vec![Asked::get("/healthz", &somebody.id, 200, "ok")]),
        ("evaluation", somebody.evaluations()),
        ("evaluations of 100", somebody.hundred()),
        ("search", somebody.search()),
        ("list", somebody.lists()),
        ("view", somebody.views()),
        ("command", somebody.commands()),
    ] {
        let (full, half, alone) = served.clients.block_on(async {
            closed(served.at, CONNECTIONS, Duration::from_millis(500), &all).await;
            let full = closed(served.at, CONNECTIONS, time, &all).await;
            let rate = (full.a_second() / 2.0).max(1.0);
            let half = paced(served.at, (CONNECTIONS, rate), time, &all).await;
            (full, half, closed(served.at, 1, time / 4, &all).await)
        });
        if name == "empty handler" {
            empty = full.a_second();
        }
        println!(
            "{name:<20} {:>10.0} {:>9.2} {:>10.1?} {:>10.1?} | {:>10.0} {:>10.1?} {:>10.1?} | {:>10.1?}",
            full.a_second(),
            full.a_second() / empty,
            full.within(50),
            full.within(99),
            half.a_second(),
            half.within(50),
            half.within(99),
            alone.within(50)
        );
    }
    beside_changes(&served, &somebody, time);
    times::compare(&served, &somebody);
}

/// Evaluations at a third of what there can be, with changes beside and without, in turns.
fn beside_changes(served: &Served, somebody: &Somebody, time: Duration) {
    let all = somebody.evaluations();
    let most = served.clients.block_on(closed(served.at, CONNECTIONS, time / 2, &all)).a_second();
    println!("\nevaluations at {:.0} a second, alone and beside {CHANGES} changes a second", most / 3.0);
    for round in 1..=ROUNDS {
        let alone = served.clients.block_on(paced(served.at, (CONNECTIONS, most / 3.0), time, &all));
        let changing = Changing::at(&served.store, somebody, CHANGES);
        let beside = served.clients.block_on(paced(served.at, (CONNECTIONS, most / 3.0), time, &all));
        let done = changing.done() as f64 / time.as_secs_f64();
        drop(changing);
        println!(
            "round {round}: p50 {:.1?} and {:.1?}, p99 {:.1?} and {:.1?}; {done:.0} changes a second were done",
            alone.within(50),
            beside.within(50),
            alone.within(99),
            beside.within(99)
        );
    }
}
