//! What `Diff` tells of a change is what asking both versions about everything tells.

use std::collections::{BTreeMap, BTreeSet};

use caseward::attendance::Sample;
use caseward::author::Diff;
use caseward::testing::asks;
use caseward::testing::asks::query;
use caseward::{EntityUid, Sources, Ward, World};
use roaring::RoaringBitmap;

use crate::support::{ATTENDANCE, NOW, facts, number};

type Pair = (EntityUid, EntityUid);

/// The rules of attendance without one policy, or with it put otherwise.
fn version(id: &str, change: Option<(&str, &str)>) -> Sources {
    let mut sources = Sources::attendance();
    let at = sources
        .policies
        .iter()
        .position(|source| source.name.replace('/', ".") == format!("{id}.cedar"))
        .unwrap();
    match change {
        None => drop(sources.policies.remove(at)),
        Some((from, to)) => {
            let text = &sources.policies[at].text;
            assert!(text.contains(from), "{id}");
            sources.policies[at].text = text.replacen(from, to, 1).into();
        }
    }
    sources
}

/// Pairs of a person and a record that `ward` allows and `other` does not, under any of the circumstances.
fn gained(
    ward: &Ward,
    other: &Ward,
    world: &World,
    action: &str,
    types: (&str, &str),
    contexts: &[BTreeMap<std::sync::Arc<str>, caseward::Value>],
) -> BTreeSet<Pair> {
    let mut pairs = BTreeSet::new();
    for principal in world.ids(types.0).unwrap().map(|id| EntityUid::new(types.0, id)) {
        for resource in world.ids(types.1).unwrap().map(|id| EntityUid::new(types.1, id)) {
            let differs = contexts.iter().any(|context| {
                let (principal, resource) = (principal.clone(), resource.clone());
                let request = asks::request(&principal, action, &resource, context);
                let may = |ward: &Ward| ward.check(world, &request).unwrap().is_allowed();
                may(ward) && !may(other)
            });
            if differs {
                pairs.insert((principal.clone(), resource));
            }
        }
    }
    pairs
}

#[test]
fn differences_are_those_of_asking_everything() {
    let changes = [
        ("school.S1", None),
        ("providers.P1", None),
        ("gates.G1", None),
        ("requests.Q6d", None),
        ("items.I2", Some(("resource.kind != \"agencyResponse\"", "true"))),
        ("items.I4", Some(("!resource.sensitive &&", ""))),
        ("staff.T4", None),
        ("registers.E4", None),
        ("privacy.V2", Some(("2557", "1"))),
    ];
    let (mut compared, mut told) = (0, 0);
    for (at, (id, change)) in changes.into_iter().enumerate() {
        let diff = Diff::new(&Sources::attendance(), &version(id, change)).unwrap();
        assert!(!diff.changed().is_empty(), "{id}");
        for seed in 0..5 * u64::from(number("CASEWARD_CASES").unwrap_or(1)) {
            let bytes = caseward::testing::bytes(1 + seed + 100 * at as u64, 1_800);
            let (_, world) = facts(&ATTENDANCE, &bytes);
            let contexts: Vec<_> =
                diff.changed().iter().map(|changed| diff.circumstances(changed, &world, NOW).0).collect();
            let mut found: BTreeMap<(usize, bool), BTreeSet<Pair>> = BTreeMap::new();
            for person in world.ids("User").unwrap().map(|id| EntityUid::new("User", id)) {
                for difference in diff.of_person(&world, &person, &contexts).unwrap() {
                    assert_eq!(
                        difference.policy.as_deref(),
                        Some(id),
                        "one policy changed, so it is responsible"
                    );
                    let pairs = found.entry((difference.changed, difference.gained)).or_default();
                    pairs.extend(diff.records(&world, &difference).map(|record| (person.clone(), record)));
                }
            }
            for (place, changed) in diff.changed().iter().enumerate() {
                let types = (changed.principal_type.as_ref(), changed.resource_type.as_ref());
                for action in &changed.actions {
                    for (is_gained, ward, other) in
                        [(true, diff.ward(), diff.old()), (false, diff.old(), diff.ward())]
                    {
                        let expected = gained(ward, other, &world, action, types, &contexts[place]);
                        let found = found.get(&(place, is_gained)).cloned().unwrap_or_default();
                        assert_eq!(found, expected, "{id}: {action} on {}, gained: {is_gained}", types.1);
                        compared += 1;
                        told += expected.len();
                    }
                }
            }
        }
    }
    println!("{compared} comparisons, {told} differences");
    assert!(told > 20, "too little differed: {told}");
}

#[test]
fn differences_among_many_records_are_those_of_two_lists() {
    let mut told = 0;
    for (id, change) in [
        ("gates.G1", None),
        ("items.I5", None),
        ("ministry.M1", None),
        ("providers.P2", Some(("\"open\"", "\"closed\""))),
    ] {
        let diff = Diff::new(&Sources::attendance(), &version(id, change)).unwrap();
        let world = Sample { cases: 2_000, seed: 3 }.build(diff.ward(), &mut |_| {}).unwrap();
        let contexts: Vec<_> =
            diff.changed().iter().map(|changed| diff.circumstances(changed, &world, NOW).0).collect();
        for person in world.ids("User").unwrap().map(|id| EntityUid::new("User", id)) {
            let found = diff.of_person(&world, &person, &contexts).unwrap();
            for (place, changed) in diff.changed().iter().enumerate() {
                let mut expected = <[RoaringBitmap; 2]>::default();
                for context in &contexts[place] {
                    let [old, new] = [diff.old(), diff.ward()].map(|ward| {
                        let (action, ty) = (&changed.actions[0], &changed.resource_type);
                        ward.visible(&world, &query(&person, action, ty, context)).unwrap().bitmap().clone()
                    });
                    expected[0] |= &old - &new;
                    expected[1] |= &new - &old;
                }
                for (gained, expected) in [(false, &expected[0]), (true, &expected[1])] {
                    let of = found.iter().filter(|d| d.changed == place && d.gained == gained);
                    let records = of.fold(RoaringBitmap::new(), |all, d| all | &d.records);
                    assert_eq!(&records, expected, "{id}: {person}, {:?}, gained: {gained}", changed.actions);
                    told += records.len();
                }
            }
        }
    }
    assert!(told > 10_000, "too little differed: {told}");
}

#[test]
fn worlds_take_turns() {
    // More worlds than a ward keeps what it found out for.
    let diff = Diff::new(&Sources::attendance(), &version("school.S1", None)).unwrap();
    let worlds: Vec<World> = (0..10)
        .map(|seed| {
            Sample { cases: 20 + 10 * seed, seed: seed as u64 }.build(diff.ward(), &mut |_| {}).unwrap()
        })
        .collect();
    let told = |world: &World, backwards: bool| -> BTreeMap<EntityUid, RoaringBitmap> {
        let contexts: Vec<_> =
            diff.changed().iter().map(|changed| diff.circumstances(changed, world, NOW).0).collect();
        let mut people: Vec<_> = world.ids("User").unwrap().map(|id| EntityUid::new("User", id)).collect();
        // So that classes are met in another order.
        if backwards {
            people.reverse();
        }
        let found = people.iter().flat_map(|person| diff.of_person(world, person, &contexts).unwrap());
        found.map(|difference| (difference.person, difference.records)).collect()
    };
    let first: Vec<_> = worlds.iter().map(|world| told(world, false)).collect();
    assert!(first.iter().any(|found| !found.is_empty()));
    for (world, first) in worlds.iter().zip(first) {
        assert_eq!(told(world, true), first);
    }
}

#[test]
fn policies_that_are_the_same_change_nothing() {
    let diff = Diff::new(&Sources::attendance(), &Sources::attendance()).unwrap();
    assert!(diff.changed().is_empty());
    // A text that is another and says the same is looked at, and nothing comes of it.
    let same = version("school.S1", Some(("context.now >=", "context.now  >=")));
    let diff = Diff::new(&Sources::attendance(), &same).unwrap();
    assert_eq!(diff.changed().len(), 1);
    let mut choices = [7; 1_800];
    choices[0] = 1;
    let (facts, world) = facts(&ATTENDANCE, &choices);
    let contexts: Vec<_> =
        diff.changed().iter().map(|changed| diff.circumstances(changed, &world, NOW).0).collect();
    for person in facts.of_type(ATTENDANCE.schema().type_id("User").unwrap()) {
        assert!(diff.of_person(&world, &person, &contexts).unwrap().is_empty());
    }
}
