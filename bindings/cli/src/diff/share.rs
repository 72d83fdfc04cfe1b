//! The share of real changes that `diff` sees by itself, on made-up data: measured with mutants of our policies.
//!
//! A mutant counts that a solver tells apart from its original. What is seen is told apart; of the rest the solver is
//! asked. `CASEWARD_MUTANTS=N` draws so many, 0 all of them.
#![expect(clippy::unwrap_used, reason = "tests")]

use caseward::attendance::Sample;
use caseward::author::{Diff, Drawing, Fate, Mutant};
use caseward::{Source, Sources, Ward};

use super::compare;
use crate::terminal::Terminal;

/// Mutants that are drawn where none are asked for.
const DRAWN: usize = 60;
/// The seed of the draw.
const SEED: u64 = 12;
/// 11 May 2026, 9 a.m. in Wellington.
const NOW: i64 = 1_778_446_800_000;

/// Whether `diff` sees that a mutant decides otherwise.
fn is_seen(sources: &Sources, mutant: &Mutant) -> bool {
    let put = |source: &Source| match source.name == mutant.changed.name {
        true => mutant.changed.clone(),
        false => source.clone(),
    };
    let changed = Sources { policies: sources.policies.iter().map(put).collect(), ..sources.clone() };
    let diff = Diff::new(sources, &changed).unwrap();
    let world = Sample { cases: 20, seed: 1 }.build(diff.ward(), &mut |_| {}).unwrap();
    let drawn = diff.draw_near(&world, NOW, 1).unwrap();
    // Situations are added only where the versions differ; the rest is for those that none was made for.
    if drawn.people().next().is_some() {
        let made_for = drawn.people().cloned().collect::<Vec<_>>();
        let contexts: Vec<_> =
            diff.changed().iter().map(|of| diff.circumstances(of, &world, NOW).0).collect();
        let of = |person| {
            let contexts = diff.circumstances_for(person, &contexts, Some(&drawn));
            diff.of_person(&world, person, &contexts).unwrap()
        };
        assert!(made_for.iter().any(|person| !of(person).is_empty()), "{mutant:?}: made, and not seen");
        return true;
    }
    let found = compare(&diff, (&world, Some(&drawn)), NOW, None, &Terminal::new(true)).ok().unwrap();
    !found.differences.is_empty()
}

#[test]
fn most_of_what_a_solver_tells_apart_is_seen_without_one() {
    let asked = std::env::var("CASEWARD_MUTANTS").ok().and_then(|n| n.parse::<usize>().ok()).unwrap_or(DRAWN);
    let ward = Ward::attendance().unwrap();
    let sources = Sources::attendance();
    let drawing = Drawing { bounded: (asked > 0).then_some(asked), seed: SEED, ..Drawing::default() };
    let mut mutations = ward.mutate([], &drawing).unwrap();
    let total = mutations.all.len();
    let mut seen = 0;
    mutations.all.retain(|mutation| {
        let is_seen = is_seen(&sources, &mutation.mutant);
        seen += usize::from(is_seen);
        !is_seen
    });
    let unseen = mutations.all.len();
    let asked = crate::prove::with_prover(&sources, |prover| {
        mutations.prove(&ward, |original, changed| prover.proof(original, changed));
        mutations
    });
    let mutations = match asked {
        Ok(mutations) => mutations,
        Err(why) => {
            println!("skipped: {seen} of {total} mutants are seen, and nobody tells the others apart: {why}");
            return;
        }
    };
    let is_missed =
        |fate: &Fate| matches!(fate, Fate::Survived { said: Some(said) } if said.contains("apart"));
    let missed: Vec<_> = mutations.all.iter().filter(|mutation| is_missed(&mutation.fate)).collect();
    for missed in &missed {
        println!("missed: {}", crate::mutate::patch(&ward, missed));
    }
    let (told, equivalent) = (seen + missed.len(), mutations.equivalent());
    println!(
        "of {total} mutants a solver tells {told} apart; `diff` sees {seen} of these by itself, {:.1} %; {equivalent} \
         change nothing, {} are not known",
        100.0 * seen as f64 / told.max(1) as f64,
        unseen - missed.len() - equivalent
    );
    assert!(seen * 100 >= told * 95, "{seen} of {told}");
}
