//! The tests are tested: every deliberate bug in the engine is caught by a law, and without one all laws hold.

use std::io::Write as _;

use caseward::mutants::{Mutant, activate, asked_for};
use caseward::testing::laws::{self, Extent, Law};

/// Mutants with a place in the engine, at least.
const WIRED: usize = 50;

/// Rounds of more and more cases, so that most mutants are found in a moment.
const ROUNDS: [u64; 3] = [1, 4, 12];

fn extent(law: &Law, round: u64) -> Extent {
    // Not made small: that it fails is all that is asked.
    Extent { tries: 0, ..Extent::new((law.few * round).div_ceil(4), 7) }
}

/// The first law that fails, with the round that it fails in.
fn caught_by() -> Option<(&'static str, u64)> {
    ROUNDS.iter().find_map(|&round| {
        let failing = laws::ALL.iter().find(|law| law.holds(&extent(law, round)).is_err());
        failing.map(|law| (law.name, round))
    })
}

fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

#[test]
fn every_mutant_is_caught_by_a_law() {
    // A mutant that panics is caught too, and says enough in the table.
    std::panic::set_hook(Box::new(|_| {}));
    let (broken, met) = asked_for(|| laws::ALL.iter().find_map(|law| law.holds(&extent(law, 4)).err()));
    if let Some(why) = broken {
        let _ = std::panic::take_hook();
        panic!("a law fails without a mutant: {why}");
    }
    // Some alone, where their names are given.
    let wanted = std::env::var("CASEWARD_MUTANT").unwrap_or_default();
    let mut survivors = Vec::new();
    for &mutant in Mutant::ALL {
        let (name, says) = (mutant.name(), mutant.says());
        if !wanted.is_empty() && !wanted.split(',').any(|one| one == name) {
            continue;
        }
        if !met.contains(&mutant) {
            say(&format!("no place   {name:<24} {says}"));
            continue;
        }
        activate(Some(mutant));
        let caught = caught_by();
        activate(None);
        match caught {
            Some((law, round)) => say(&format!("caught     {name:<24} {says}: by `{law}` in round {round}")),
            None => {
                say(&format!("SURVIVES   {name:<24} {says}"));
                survivors.push(name);
            }
        }
    }
    let _ = std::panic::take_hook();
    say(&format!("{} mutants with a place, {} survive", met.len(), survivors.len()));
    assert!(survivors.is_empty(), "no law catches {survivors:?}");
    assert!((WIRED..).contains(&met.len()), "only {} mutants have a place in the engine", met.len());
}
