//! The laws at length: over random worlds, random policies and random schemas, not ours alone.

use std::io::Write as _;
use std::str::FromStr as _;

use caseward::ActionName;
use caseward::testing::clinic_sources;
use caseward::testing::laws::{self, Counts, Extent, Law};
use caseward::testing::operators::{BAD_TEXTS, OPERATORS, TEXTS};
use caseward::{Source, Sources, Ward};
use cedar_policy::{Policy, PolicySet, Schema, ValidationMode, Validator};

use crate::support::number;

/// A line for whoever runs the tests: `eprintln` would show it only where one fails.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Runs a law and says what was seen.
fn run(law: &Law, cases: u64) -> Counts {
    let seed = number("CASEWARD_SEED").unwrap_or(1).into();
    let cases = cases * u64::from(number("CASEWARD_CASES").unwrap_or(1));
    let start = std::time::Instant::now();
    let counts = law.holds(&Extent::new(cases, seed)).unwrap_or_else(|why| panic!("{why}"));
    let took = start.elapsed().as_secs_f64();
    say(&format!("law {}, {took:.1} s: {counts}", law.name));
    counts
}

#[test]
fn random_policies_decide_and_list_as_cedar_does() {
    let counts = run(&laws::RANDOM, 600);
    assert!(counts.decisions >= 1_000_000, "too few decisions");
    assert!(counts.allows * 10 >= counts.decisions * 3, "too few allows");
    assert!(counts.errors * 20 >= counts.decisions, "too few policies that could not be evaluated");
    assert!(counts.absent * 50 >= counts.decisions, "too few requests for what is not there");
    assert!(counts.listed * 5 >= counts.decisions, "too little was listed");
    assert!(counts.policies > 10 * counts.refused, "most random policies are to be valid");
    assert!(counts.deciding * 2 > counts.policies, "too few policies ever decide");
    // Cedar's JSON has one name for the attributes of entities and of records.
    let unused = OPERATORS.iter().filter(|op| !op.name.ends_with('.') && !counts.uses.contains_key(op.name));
    let unused: Vec<&str> = unused.map(|operator| operator.name).collect();
    assert!(unused.is_empty(), "operators in no policy: {unused:?}");
}

#[test]
fn every_operator_comes_out_both_ways_as_cedars_does() {
    let counts = run(&laws::OPERATORS, 40);
    let mut failing = 0;
    for operator in &OPERATORS {
        let seen = counts.operators.get(operator.name).copied().unwrap_or_default();
        assert!(seen.yes > 20 && seen.no > 20, "{}: {seen:?}", operator.name);
        assert!(seen.failed > 10 || !operator.fails, "{}: {seen:?}", operator.name);
        failing += usize::from(seen.failed > 0);
    }
    let all = OPERATORS.len();
    say(&format!("{all} operators both ways, {failing} of them in error too"));
    assert!(failing >= 40, "too few operators had an operand without a value");
}

#[test]
fn attendance_decides_and_lists_as_cedar_does() {
    let counts = run(&laws::ATTENDANCE, 80);
    assert!(counts.decisions > 30_000 && counts.allows > 500 && counts.lists > 5_000);
    assert!(counts.deciding * 2 > counts.policies, "too few policies ever decide");
}

#[test]
fn a_clinic_decides_and_lists_as_cedar_does() {
    let counts = run(&laws::CLINIC, 300);
    assert!(counts.decisions > 30_000 && counts.allows * 10 > counts.decisions);
    assert!(counts.errors * 10 > counts.decisions, "too few policies that could not be evaluated");
    assert_eq!(counts.deciding, counts.policies, "every policy decides something");
}

#[test]
fn entities_are_read_as_cedar_reads_them() {
    for (law, cases) in [(&laws::ATTENDANCE_JSON, 60), (&laws::CLINIC_JSON, 150)] {
        let counts = run(law, cases);
        assert_eq!(counts.worlds, cases * u64::from(number("CASEWARD_CASES").unwrap_or(1)));
        let balanced = counts.taken > cases / 4 && counts.not_taken > cases && counts.dangling > 0;
        assert!(balanced, "the corruptions are too much of one kind");
    }
}

/// Whether strict validation takes `constructor("text")`: Cedar's, and this crate's.
fn takes(constructor: &str, text: &str) -> (bool, bool) {
    let policy = format!(
        "@id(\"p\") permit (principal, action, resource) when {{ [{constructor}(\"{text}\")].isEmpty() }};"
    );
    let clinic = clinic_sources();
    let schema = Schema::from_str(&clinic.schema.text).unwrap();
    let set = PolicySet::from_policies([Policy::parse(None, &policy).unwrap()]).unwrap();
    let cedar = Validator::new(schema).validate(&set, ValidationMode::Strict).validation_passed();
    let ours = Ward::new(&Sources { policies: vec![Source::new("p", policy)], ..clinic });
    (cedar, ours.is_ok())
}

#[test]
fn constructors_take_what_cedars_take() {
    for (all, expected) in [(TEXTS, true), (BAD_TEXTS, false)] {
        for (constructor, texts) in all {
            for text in texts {
                assert_eq!(takes(constructor, text), (expected, expected), "{constructor}({text:?})");
            }
        }
    }
}

#[test]
fn the_clinic_of_the_laws_is_the_folder() {
    let folder = crate::support::CLINIC.policy_hash().clone();
    assert_eq!(Ward::new(&clinic_sources()).unwrap().policy_hash(), &folder);
}

#[test]
fn a_world_that_changes_answers_as_one_that_is_made_so() {
    let counts = run(&laws::CHANGES, 250);
    assert!(counts.decisions > 125_000 && counts.listed > 30_000, "{counts}");
    assert!(counts.allows * 20 > counts.decisions && counts.errors * 200 > counts.decisions, "{counts}");
    assert!(counts.not_taken > 200, "too few batches were refused");
}

#[test]
fn what_is_kept_holds_as_long_as_it_is_used() {
    let counts = run(&laws::WINDOWS, 400);
    assert!(counts.decisions > 40_000 && counts.allows * 20 > counts.decisions, "{counts}");
}

#[test]
fn all_actions_at_once_are_each_of_them() {
    let counts = run(&laws::ACTIONS, 300);
    say(&format!("{} open, {} of these allowed", counts.open, counts.opened));
    assert!(counts.decisions > 50_000 && counts.allows * 20 > counts.decisions, "{counts}");
    assert!(counts.open > 2_000 && counts.opened * 10 > counts.open, "{counts:?}");
}

/// Denials of which some change of three facts at most makes an allow, at least so many in a hundred.
fn turns_denials(counts: &Counts, percent: u64) {
    let denials = counts.decisions - counts.allows;
    assert!(counts.denials_turned * 100 >= denials * percent, "too few denials were turned: {counts}");
    assert!(counts.gave_up * 20 <= counts.decisions, "too many searches gave up: {counts}");
}

#[test]
fn what_would_turn_a_decision_turns_it_and_is_the_least() {
    let counts = run(&laws::TURNS, 100);
    assert!(counts.decisions > 2_000 && counts.tried > 20_000, "{counts}");
    turns_denials(&counts, 20);
}

#[test]
fn what_would_turn_a_decision_on_attendance_turns_it() {
    let counts = run(&laws::ATTENDANCE_TURNS, 25);
    assert!(counts.decisions > 250, "{counts}");
    turns_denials(&counts, 50);
}

#[test]
fn what_would_turn_a_decision_in_a_clinic_turns_it() {
    let counts = run(&laws::CLINIC_TURNS, 40);
    assert!(counts.decisions > 400, "{counts}");
    turns_denials(&counts, 40);
}

#[test]
fn a_viewer_learns_nothing_that_they_may_not_see() {
    let counts = run(&laws::VIEWERS, 100);
    assert!(counts.compared > 1_500 && counts.withheld > 500 && counts.turned > 20, "{counts}");
}

/// Pairs of what a person may not know of and what is not there, so many at least wherever they are named.
fn unseen(law: &Law, cases: u64, least: u64) {
    let counts = run(law, cases);
    for place in ["principal", "resource", "context", "of a type with entry", "without"] {
        assert!(counts.unseen.get(place).is_some_and(|n| *n >= least), "{place}: {counts}");
    }
}

#[test]
fn what_nobody_told_you_of_is_not_there_under_any_catalogue() {
    unseen(&laws::UNSEEN, 200, 100);
}

#[test]
fn what_nobody_told_you_of_is_not_there_in_any_domain() {
    unseen(&laws::DOMAINS_UNSEEN, 20, 30);
}

/// Requests of others with two values of a fact that the viewer may not see, so many at least, and decided otherwise.
fn others(law: &Law, cases: u64, least: u64) {
    let counts = run(law, cases);
    assert!(counts.compared > 10 * least && counts.apart >= least, "{counts}");
}

#[test]
fn what_is_decided_of_others_tells_nothing_under_any_catalogue() {
    others(&laws::OTHERS, 150, 40);
}

#[test]
fn what_is_decided_of_others_tells_nothing_in_any_domain() {
    others(&laws::DOMAINS_OTHERS, 20, 20);
}

/// The engine and Cedar's authorizer answer alike to the last word, of errors too.
#[test]
fn both_roads_answer_in_the_same_words() {
    use caseward::testing::{Choices, Facts, bytes};

    let (mut compared, mut in_error) = (0, std::collections::BTreeSet::new());
    for seed in 0..40 {
        let facts = Facts::new(&crate::support::CLINIC, &mut Choices::new(&bytes(seed, 4_000)));
        let Ok(world) = facts.build() else { continue };
        let ward = &*crate::support::CLINIC;
        for request in crate::support::every_request(ward, &facts, &mut Choices::new(&bytes(9, 40_000))) {
            let answer = ward.check(&world, &request).unwrap();
            assert_eq!(answer, ward.check_by_reference(&world, &request).unwrap());
            in_error.extend(
                answer.errors.iter().map(|fault| fault.to_string().rsplit(": ").next().unwrap().to_owned()),
            );
            compared += 1;
        }
    }
    assert!(compared > 500 && in_error.contains("a number is too large"), "{compared} {in_error:?}");
    // Whatever overflows.
    let schema = "entity U = { n: Long, at: datetime, by: duration }; action a appliesTo { principal: U, resource: U };";
    for condition in [
        "principal.n + 1 > 0",
        "principal.n * 2 > 0",
        "-1 - principal.n - 2 > 0",
        "principal.at.offset(principal.by) > principal.at",
        "principal.at.durationSince(datetime(\"1900-01-01\")) > principal.by",
    ] {
        let text = format!("@id(\"p\") permit (principal, action, resource) when {{ {condition} }};");
        let ward = Ward::new(&Sources {
            schema: Source::new("schema", schema),
            policies: vec![Source::new("all", text)],
            catalogue: None,
        })
        .unwrap();
        let most = i64::MAX;
        let uid = caseward::EntityUid::new("U", "u");
        let attributes = [
            ("n", most.into()),
            ("at", caseward::Value::Datetime(most)),
            ("by", caseward::Value::Duration(most)),
        ];
        let world = caseward::WorldBuilder::new(ward.schema()).finish().unwrap();
        let world = world.with(&caseward::Changes::new().put(&uid, attributes)).unwrap();
        let request = caseward::Request::new(uid.clone(), ActionName::new("a"), uid);
        let answer = ward.check(&world, &request).unwrap();
        assert_eq!(answer, ward.check_by_reference(&world, &request).unwrap(), "{condition}");
        assert_eq!(
            answer.errors[0].to_string(),
            "policy `p` could not be evaluated: a number is too large",
            "{condition}"
        );
    }
}

/// What strategies draw is not vacuous: allows and errors are a share of it, as they say.
#[test]
fn strategies_reach_allows_and_errors() {
    use caseward::testing::strategies::requests;
    use proptest::strategy::{Strategy as _, ValueTree as _};
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    for (ward, errors) in [(&*crate::support::ATTENDANCE, 0), (&*crate::support::CLINIC, 15)] {
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let strategy = requests(ward);
        let (mut allowed, mut in_error, mut denied) = (0, 0, 0);
        for _ in 0..300 {
            let (world, request) = strategy.new_tree(&mut runner).unwrap().current();
            let answer = ward.check(&world, &request).unwrap();
            allowed += usize::from(answer.is_allowed());
            in_error += usize::from(!answer.errors.is_empty());
            denied += usize::from(!answer.is_allowed() && answer.errors.is_empty());
        }
        assert!(allowed >= 150 && in_error >= errors && denied >= 30, "{allowed} {in_error} {denied}");
    }
}

/// What a service does with its own policies: strategies draw, and the laws hold.
#[test]
fn strategies_draw_what_ones_own_policies_are_tested_with() {
    use caseward::testing::laws::Own;
    use caseward::testing::strategies::{changes, requests, schemas, worlds};
    use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

    let own = Own::new(caseward::testing::clinic_sources()).unwrap();
    let fail = |why: String| TestCaseError::fail(why);
    let runner = || {
        let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    };
    let (mut seen, mut taken, mut entities) = ([0, 0], [0, 0], 0);
    let counted = std::cell::RefCell::new((&mut seen, &mut taken, &mut entities));
    runner()
        .run(&requests(own.ward()), |(world, request)| {
            let answer = own.ward().check(&world, &request).map_err(|e| fail(e.to_string()))?;
            counted.borrow_mut().0[usize::from(answer.is_allowed())] += 1;
            Ok(())
        })
        .unwrap();
    runner()
        .run(&changes(own.ward()), |(world, batch)| {
            counted.borrow_mut().1[usize::from(world.with(&batch).is_ok())] += 1;
            own.changes_as_made_anew(&world, &batch, &[]).map(|_| ()).map_err(fail)
        })
        .unwrap();
    runner()
        .run(&worlds(own.ward()), |world| {
            let counts = own.answers_as_cedar(&world, &[]).map_err(fail)?;
            *counted.borrow_mut().2 += counts.decisions;
            Ok(())
        })
        .unwrap();
    runner()
        .run(&schemas(), |text| {
            let sources = caseward::Sources {
                schema: caseward::Source::new("schema", text),
                policies: Vec::new(),
                catalogue: None,
            };
            caseward::Ward::new(&sources).map(|_| ()).map_err(|e| fail(e.to_string()))
        })
        .unwrap();
    assert!(seen.iter().chain(&taken).all(|&n| n > 0) && entities > 0, "{seen:?} {taken:?} {entities}");
    own.hold(&caseward::testing::laws::Extent::new(8, 3)).unwrap();
}
