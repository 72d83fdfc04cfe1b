//! The service under load, over loopback with HTTP/1.1 and keep-alive; clients and service share the process and the machine.
//! Every answer is asserted while it is timed.
//!
//! Without arguments it is a test of a minute and some: a file that is handed up is held once, idle connections cost little, and
//! memory is flat. `bench [CASES] [SECONDS]` measures, `soak SECONDS` goes on for longer: `make load`, `make soak`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

mod bench;
mod client;
mod idle;
mod served;
mod soak;
mod times;
mod upload;

use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut said = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let number = |word: Option<String>, usual: u64| word.and_then(|word| word.parse().ok()).unwrap_or(usual);
    match said.next().as_deref() {
        None => {
            upload::a_file_is_held_once();
            idle::connections_that_wait_cost_little();
            soak::memory_is_flat(Duration::from_secs(60), 300);
        }
        Some("bench") => {
            let (cases, seconds) = (number(said.next(), 10_000), number(said.next(), 5));
            bench::measure(usize::try_from(cases).unwrap(), Duration::from_secs(seconds));
        }
        Some("idle") => idle::connections_that_wait_cost_little(),
        Some("upload") => upload::a_file_is_held_once(),
        Some("soak") => soak::memory_is_flat(Duration::from_secs(number(said.next(), 3_600)), 2_000),
        // The name of another test.
        Some(_) => {}
    }
}

/// Bytes of this process in memory, now and at most; `None` where the system does not say.
fn memory() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}
