//! A second reading of the store's contract, and random stories in which the store has to agree with it.
//!
//! The model keeps facts in plain maps, asks Cedar's own authorizer, and shares no code with the store. After every
//! step the answers agree, and all facts.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod check;
mod commands;
mod draw;
mod effects;
mod facts;
mod feeds;
mod lines;
mod model;
mod story;
mod table;
mod time;
mod town;
mod watching;

use check::Counts;

/// As many as come to everything that [`covered`] asks for.
const STORIES: u64 = 8;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// `CASEWARD_STORIES` takes so many stories; `CASEWARD_SEED` begins at another one; `CASEWARD_TELL` prints each step.
#[test]
fn the_store_agrees_with_its_contract() {
    let stories = number("CASEWARD_STORIES").unwrap_or(STORIES);
    let first = number("CASEWARD_SEED").unwrap_or(1);
    let mut counts = Counts::new();
    for seed in first..first + stories {
        println!("seed {seed}");
        for (what, how_often) in story::tell(seed) {
            *counts.entry(what).or_default() += how_often;
        }
    }
    // Fewer are told to look at one again.
    if stories >= STORIES {
        covered(&counts);
    }
}

/// Each command came to each outcome, and each feed.
fn covered(counts: &Counts) {
    let of = |what: &str, how: &str| counts.get(&(what.to_owned(), how.to_owned())).copied().unwrap_or(0);
    let mut says = String::new();
    for row in table::TABLE {
        let all = ["Done", "Denied", "Refused", "Invalid", "repeated"].map(|how| of(row.name, how));
        says += &format!("{}: {all:?}\n", row.name);
    }
    for kind in story::FEEDS {
        says += &format!("{kind}: {:?}\n", ["Done", "Unchanged", "Bad"].map(|how| of(kind, how)));
    }
    println!("{says}");
    let steps: usize = counts.values().sum();
    println!("{steps} steps");
    for row in table::TABLE {
        let often = if row.name.starts_with("dispose") { 3 } else { 6 };
        assert!(of(row.name, "Done") >= often, "{} is done too seldom:\n{says}", row.name);
        for how in ["Denied", "Refused", "Invalid"] {
            assert!(of(row.name, how) > 0, "{} is never {how}:\n{says}", row.name);
        }
    }
    for kind in story::FEEDS {
        for how in ["Done", "Unchanged", "Bad"] {
            assert!(of(kind, how) > 0, "no line of {kind} is {how}:\n{says}");
        }
    }
}
