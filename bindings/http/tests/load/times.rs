//! Whether the time of an answer tells a denied record from an absent one.

use std::time::{Duration, Instant};

use crate::client::{Asked, Client};
use crate::served::{Served, Somebody};

/// Pairs that are asked of each route.
const PAIRS: usize = 1_500;

/// Asks of a record that is denied and one that is not there, in turns whose order changes, and compares the ranks of the times: the
/// share in which denied is slower is a half where nobody can tell. Absent beside absent says how much of it is noise.
pub(crate) fn compare(served: &Served, somebody: &Somebody) {
    println!("\ndenied beside absent, {PAIRS} pairs each on one connection; 0.5 is a coin");
    println!(
        "{:<10} {:>12} {:>12} {:>8} {:>8} {:>14}",
        "route", "denied p50", "absent p50", "share", "z", "absent, again"
    );
    let absent = "c9999999";
    let of = |route: &str, id: &str| match route {
        "view" => Asked::get(&format!("/v1/records/Case/{id}"), &somebody.id, 404, "error"),
        "actions" => Asked::get(&format!("/v1/records/Case/{id}/actions"), &somebody.id, 404, "error"),
        "explain" => {
            let path = format!("/v1/records/Case/{id}/explain?action=viewSummary");
            Asked::get(&path, &somebody.id, 200, "explanation")
        }
        _ => {
            let body =
                format!(r#"{{"command": "addComment", "on": "Case::\"{id}\"", "data": {{"text": "x"}}}}"#);
            Asked::post("/v1/commands", &somebody.id, &body, 403, "denied")
        }
    };
    for route in ["view", "actions", "explain", "command"] {
        let (denied, gone) = (of(route, &somebody.unseen), of(route, absent));
        let other = of(route, "c9999998");
        let (times, same) = served.clients.block_on(async {
            let mut client = Client::new(served.at).await;
            (pairs(&mut client, &denied, &gone).await, pairs(&mut client, &other, &gone).await)
        });
        let ((share, z), (coin, _)) = (ranks(&times.0, &times.1), ranks(&same.0, &same.1));
        let median = |all: &[Duration]| {
            let mut all = all.to_vec();
            all.sort_unstable();
            all[all.len() / 2]
        };
        println!(
            "{route:<10} {:>12.1?} {:>12.1?} {share:>8.3} {z:>8.1} {coin:>14.3}",
            median(&times.0),
            median(&times.1)
        );
    }
}

async fn pairs(client: &mut Client, one: &Asked, other: &Asked) -> (Vec<Duration>, Vec<Duration>) {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for round in 0..PAIRS + 20 {
        let turns = if round % 2 == 0 { [true, false] } else { [false, true] };
        for is_one in turns {
            let begun = Instant::now();
            client.ask(if is_one { one } else { other }).await;
            let took = begun.elapsed();
            // The first are to warm up.
            if round >= 20 {
                if is_one { &mut ones } else { &mut others }.push(took);
            }
        }
    }
    (ones, others)
}

/// In which share of all pairs the first is slower, and how many standard errors that is from a half (Mann and Whitney).
fn ranks(ones: &[Duration], others: &[Duration]) -> (f64, f64) {
    let mut all: Vec<(Duration, bool)> =
        ones.iter().map(|took| (*took, true)).chain(others.iter().map(|took| (*took, false))).collect();
    all.sort_unstable();
    let sum: f64 =
        all.iter().enumerate().filter(|(_, (_, is_one))| *is_one).map(|(rank, _)| rank as f64 + 1.0).sum();
    let (n, m) = (ones.len() as f64, others.len() as f64);
    let greater = sum - n * (n + 1.0) / 2.0;
    let error = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (greater / (n * m), (greater - n * m / 2.0) / error)
}
