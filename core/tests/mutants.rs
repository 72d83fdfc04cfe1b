//! The tests are tested: every deliberate bug in the engine is caught by a law, and without one all laws hold.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use caseward::mutants::{Mutant, activate, asked_for};
use caseward::testing::laws::{self, Extent, Law};

/// Mutants with a place in the engine, at least.
const WIRED: usize = 50;

/// Names a mutant to the process that tries it alone.
const ALONE: &str = "CASEWARD_MUTANT_ALONE";

/// Rounds of more and more cases, so that most mutants are found in a moment.
const ROUNDS: [u64; 3] = [1, 4, 12];

fn extent(law: &Law, round: u64) -> Extent {
    // Not made small: that it fails is all that is asked.
    Extent { tries: 0, ..Extent::new((law.few * round).div_ceil(4), 7) }
}

/// Which law caught a mutant when last all were asked, and in which round: `Name law round`, one a line. It is asked
/// first. A line that is missing or no longer right costs time, and decides nothing.
const CAUGHT: &str = include_str!("mutants.txt");

/// The law that caught a mutant before, with the round.
fn caught_before(mutant: Mutant) -> Option<(Law, u64)> {
    let mut lines = CAUGHT.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines.find_map(|line| match line.as_slice() {
        [name, law, round] if *name == mutant.name() => {
            Some((laws::ALL.into_iter().find(|known| known.name == *law)?, round.parse().ok()?))
        }
        _ => None,
    })
}

/// A law that fails, with the round that it fails in.
fn caught_by(mutant: Mutant) -> Option<(&'static str, u64)> {
    let fails = |law: &Law, round| law.holds(&extent(law, round)).is_err();
    let before = caught_before(mutant).filter(|(law, round)| fails(law, *round));
    before.map(|(law, round)| (law.name, round)).or_else(|| {
        ROUNDS.iter().find_map(|&round| {
            let failing = laws::ALL.iter().find(|law| fails(law, round));
            failing.map(|law| (law.name, round))
        })
    })
}

fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Activates one mutant after the other; gives those that no law catches.
fn survivors(mutants: impl Iterator<Item = Mutant>) -> Vec<&'static str> {
    let mut survivors = Vec::new();
    for mutant in mutants {
        let (name, says) = (mutant.name(), mutant.says());
        activate(Some(mutant));
        let caught = caught_by(mutant);
        activate(None);
        match caught {
            Some((law, round)) => say(&format!("caught     {name:<24} {says}: by `{law}` in round {round}")),
            None => {
                say(&format!("SURVIVES   {name:<24} {says}"));
                survivors.push(name);
            }
        }
    }
    survivors
}

/// Runs this test again for a mutant, in a process of its own. Whether it is caught.
fn alone(mutant: Mutant) -> std::io::Result<bool> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["every_mutant_is_caught_by_a_law", "--exact", "--nocapture"]);
    Ok(command.env(ALONE, mutant.name()).stdout(Stdio::null()).status()?.success())
}

/// Tries each mutant alone, as many at once as there are cores: a mutant is active in a whole process, and some take far longer
/// than others. Whether each is caught.
fn each_alone(mutants: &[Mutant]) -> bool {
    let (next, is_any_left) = (AtomicUsize::new(0), AtomicBool::new(false));
    let try_on = || {
        while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
            let is_caught = alone(*mutant).unwrap_or_else(|error| {
                say(&format!("not tried  {:<24} {error}", mutant.name()));
                false
            });
            is_any_left.fetch_or(!is_caught, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(try_on);
        }
    });
    !is_any_left.into_inner()
}

#[test]
fn every_mutant_is_caught_by_a_law() {
    // A mutant that panics is caught too, and says enough in the table.
    std::panic::set_hook(Box::new(|_| {}));
    let named = |names: &str| {
        let is_named = |mutant: &Mutant| names.split(',').any(|name| name == mutant.name());
        Mutant::ALL.iter().copied().filter(is_named).collect::<Vec<_>>()
    };
    if let Ok(name) = std::env::var(ALONE) {
        let survivors = survivors(named(&name).into_iter());
        let _ = std::panic::take_hook();
        assert!(survivors.is_empty(), "no law catches {survivors:?}");
        return;
    }
    let (broken, met) = asked_for(|| laws::ALL.iter().find_map(|law| law.holds(&extent(law, 4)).err()));
    let _ = std::panic::take_hook();
    if let Some(why) = broken {
        panic!("a law fails without a mutant: {why}");
    }
    // Some alone, where their names are given.
    let wanted =
        std::env::var("CASEWARD_MUTANT").map_or_else(|_| Mutant::ALL.to_vec(), |names| named(&names));
    let (placed, lost): (Vec<Mutant>, Vec<Mutant>) =
        wanted.into_iter().partition(|mutant| met.contains(mutant));
    for mutant in lost {
        say(&format!("no place   {:<24} {}", mutant.name(), mutant.says()));
    }
    assert!(each_alone(&placed), "some mutants survive: they are named above");
    say(&format!("{} mutants with a place", met.len()));
    assert!((WIRED..).contains(&met.len()), "only {} mutants have a place in the engine", met.len());
}
