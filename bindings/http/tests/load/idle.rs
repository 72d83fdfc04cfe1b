//! Connections that are open and say nothing between requests.

use std::time::{Duration, Instant};

use crate::client::{Client, closed};
use crate::memory;
use crate::served::{Served, Somebody};

/// How many there are to be, where as many files may be open: each is one of the service and one of the client.
const WANTED: u64 = 10_000;
/// Files that are open besides.
const OTHERS: u64 = 512;

/// Ten thousand connections that wait cost some kilobytes each and hold nobody up, and they end when their time is over.
pub(crate) fn connections_that_wait_cost_little() {
    let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
    let raised = rlimit::increase_nofile_limit((2 * WANTED + OTHERS).min(hard)).unwrap();
    let count = (raised.saturating_sub(OTHERS) / 2).min(WANTED);
    assert!(count >= 100, "{raised} files may be open");
    let served = Served::with(200, "[limits]\nseconds = 20\n");
    let ward = served.store.ward();
    let somebody = Somebody::of(&ward, served.store.world());
    let evaluations = somebody.evaluations();
    served.clients.block_on(async {
        let few = closed(served.at, 2, Duration::from_secs(1), &evaluations).await;
        let (before, begun) = (memory(), Instant::now());
        let mut idle = Vec::new();
        for number in 0..count {
            let mut client = Client::new(served.at).await;
            // Half of them asked once, and half have not said anything yet.
            if number % 2 == 0 {
                client.ask(&evaluations[0]).await;
            }
            idle.push(client);
        }
        let opened = begun.elapsed();
        let beside = closed(served.at, 2, Duration::from_secs(1), &evaluations).await;
        println!(
            "{count} idle connections, opened in {opened:.1?}: p99 of two busy ones {:.1?}, without them {:.1?}",
            beside.within(99),
            few.within(99)
        );
        if let (Some((before, _)), Some((after, _))) = (before, memory()) {
            let each = after.saturating_sub(before) / count;
            println!("{each} bytes for each, the client's side included");
            assert!(each < 64 << 10, "{each}");
        }
        assert!(beside.within(99) < Duration::from_secs(2), "{:?}", beside.within(99));
        // The first and the last end, as they have nothing to say.
        let wait = Duration::from_secs(60);
        assert!(idle[0].is_closed(wait).await && idle[1].is_closed(wait).await, "they are held open");
        assert!(idle.last_mut().unwrap().is_closed(wait).await, "it is held open");
        Client::new(served.at).await.ask(&evaluations[0]).await;
    });
}
