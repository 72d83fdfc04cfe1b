//! Lists in an order: compared with what is sorted and filtered by hand, page by page, while the data changes.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use caseward::attendance::Sample;
use caseward::testing::Choices;
use caseward::testing::asks::query;
use caseward::{
    ActionName, Changes, EntityUid, Error, Listing, Query, Sorted, SortedCursor, Texts, TypeName, Value,
    Ward, World, instant,
};
use proptest::prelude::*;

use crate::support::{ATTENDANCE, NOW, at, bytes, config, facts};

/// The value at the end of a path.
fn found(world: &World, record: &EntityUid, path: &str) -> Option<Value> {
    let mut value = Value::Entity(record.clone());
    for name in path.split('.') {
        let Value::Entity(uid) = &value else { return None };
        value = world.attribute(uid, name).unwrap()?;
    }
    Some(value)
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Entity(a), Value::Entity(b)) => a.id().cmp(b.id()),
        (a, b) => a.cmp(b),
    }
}

/// A condition by hand, with the same in a listing.
#[derive(Clone, Debug)]
struct Condition(&'static str, &'static str, String);

impl Condition {
    fn add(&self, listing: Listing) -> Listing {
        let Condition(path, test, value) = self;
        match *test {
            "is" => listing.only(*path, value.as_str()),
            "from" => listing.from(*path, value.as_str()),
            "below" => listing.below(*path, value.as_str()),
            "prefix" => listing.beginning(*path, value.as_str()),
            _ => listing.without(*path),
        }
    }

    fn holds(&self, world: &World, record: &EntityUid) -> bool {
        let Condition(path, test, value) = self;
        let Some(found) = found(world, record, path) else { return *test == "without" };
        let wanted = match &found {
            Value::Bool(_) => Value::Bool(value == "true"),
            Value::Long(_) => Value::Long(value.parse().unwrap()),
            Value::Datetime(_) => Value::Datetime(instant(value).unwrap()),
            Value::Entity(of) => Value::Entity(EntityUid::new(of.type_name().to_owned(), value.as_str())),
            _ => Value::from(value.as_str()),
        };
        let order = compare(&found, &wanted);
        match *test {
            "is" => order == Ordering::Equal,
            "from" => order != Ordering::Less,
            "below" => order == Ordering::Less,
            "prefix" => match (&found, &wanted) {
                (Value::String(found), Value::String(prefix)) => found.starts_with(&**prefix),
                (Value::Entity(found), Value::Entity(prefix)) => found.id().starts_with(prefix.id()),
                _ => false,
            },
            _ => false,
        }
    }
}

const PATHS: [&str; 9] = [
    "status",
    "openedAt",
    "closedAt",
    "school",
    "provider",
    "student.yearLevel",
    "student.enrolledAt",
    "student.enrolledAt.kind",
    "prosecutionNotified",
];

fn condition(choices: &mut Choices<'_>) -> Condition {
    let path = PATHS[choices.below(PATHS.len())];
    let of = |values: &[&str], choices: &mut Choices<'_>| values[choices.below(values.len())].to_owned();
    let value = match path {
        "status" => of(&["open", "closed", "o", ""], choices),
        "openedAt" | "closedAt" => {
            of(&["2026-02-16T00:00:00+13:00", "2025-06-01T00:00:00Z", "1970-01-01T00:00:00Z"], choices)
        }
        "student.yearLevel" => of(&["1", "7", "12"], choices),
        "prosecutionNotified" => of(&["true", "false"], choices),
        "student.enrolledAt.kind" => of(&["state", "private", "st"], choices),
        _ => of(&["s1", "School1", "p1", "s"], choices),
    };
    let tests: &[&str] = match path {
        "prosecutionNotified" => &["is", "without"],
        "openedAt" | "closedAt" | "student.yearLevel" => &["is", "from", "below", "without"],
        _ => &["is", "from", "below", "prefix", "without"],
    };
    Condition(path, tests[choices.below(tests.len())], value)
}

/// The list by hand: in the order of the path, equals by the world's, those without a value last.
fn by_hand(world: &World, listed: &[EntityUid], by: &str, turned: bool, all: &[Condition]) -> Vec<EntityUid> {
    let kept = listed.iter().filter(|uid| all.iter().all(|condition| condition.holds(world, uid)));
    let (mut valued, mut without): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for uid in kept {
        match found(world, uid, by) {
            Some(value) => valued.push((value, uid.clone())),
            None => without.push(uid.clone()),
        }
    }
    valued.sort_by(|a, b| compare(&a.0, &b.0));
    if turned {
        valued.reverse();
    }
    valued.into_iter().map(|(_, uid)| uid).chain(without).collect()
}

fn pages(sorted: &Sorted, most: usize) -> Result<Vec<EntityUid>, Error> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = sorted.page(cursor, most)?;
        assert!(page.entities.len() <= most);
        all.extend(page.entities);
        cursor = match page.next {
            // As text, as a browser has it.
            Some(next) => Some(next.to_string().parse::<SortedCursor>()?),
            None => return Ok(all),
        };
    }
}

fn cases(person: &EntityUid) -> Query {
    query(person, "viewSummary", "Case", &at(NOW))
}

/// Compares one listing with the one by hand; whether it was answered.
fn agrees(ward: &Ward, world: &World, person: &EntityUid, choices: &mut Choices<'_>) -> bool {
    let by = PATHS[choices.below(PATHS.len())];
    let turned = choices.chance(1, 2);
    let conditions: Vec<Condition> = (0..choices.below(3)).map(|_| condition(choices)).collect();
    let listing = if turned { Listing::new().by(by).descending() } else { Listing::new().by(by) };
    let listing = conditions.iter().fold(listing, |listing, condition| condition.add(listing));
    let query = cases(person);
    let (listed, now) = (ward.visible(world, &query).unwrap(), at(NOW));
    let paths: BTreeSet<&str> = listing.paths().collect();
    let may = paths.iter().all(|path| ward.require_field(world, person, &listed, path, &now).is_ok());
    let listed: Vec<EntityUid> = listed.iter().collect();
    match ward.sorted(world, &query, &listing) {
        Ok(sorted) => {
            assert!(may, "{person} is told by {listing} what they do not see");
            let wanted = by_hand(world, &listed, by, turned, &conditions);
            let all: Vec<EntityUid> = sorted.iter().collect();
            assert_eq!((all.len(), &all), (sorted.len(), &wanted), "{person} {listing}");
            assert_eq!(pages(&sorted, 1 + choices.below(9)).unwrap(), wanted, "{person} {listing}");
            !wanted.is_empty()
        }
        Err(error) => {
            assert!(error.is_request() && !may, "{person} {listing}: {error}");
            false
        }
    }
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn a_sorted_list_is_the_list_sorted_by_hand(bytes in bytes()) {
        let (facts, world) = facts(&ATTENDANCE, &bytes);
        let mut choices = Choices::new(&bytes[..200.min(bytes.len())]);
        let user = ATTENDANCE.schema().type_id("User").unwrap();
        for person in facts.of_type(user) {
            for _ in 0..3 {
                agrees(&ATTENDANCE, &world, &person, &mut choices);
            }
        }
    }
}

/// Changes some cases and students, as chance has it.
fn change(world: &World, choices: &mut Choices<'_>, count: usize) -> BTreeSet<EntityUid> {
    let ids: Vec<EntityUid> = world.ids("Case").unwrap().map(|id| EntityUid::new("Case", id)).collect();
    let (mut changes, mut moved) = (Changes::new(), BTreeSet::new());
    for _ in 0..count {
        let case = &ids[choices.below(ids.len())];
        changes = match choices.below(4) {
            0 => {
                changes.set(case, "openedAt", Value::Datetime(NOW - choices.below(1_000) as i64 * 86_400_000))
            }
            1 => changes.set(case, "status", if choices.chance(1, 2) { "open" } else { "closed" }),
            2 => changes.unset(case, "caseManager"),
            _ => {
                let Some(Value::Entity(student)) = world.attribute(case, "student").unwrap() else {
                    continue;
                };
                changes.set(&student, "yearLevel", 1 + choices.below(13) as i64)
            }
        };
        moved.insert(case.clone());
    }
    world.apply(&changes).unwrap();
    moved
}

#[test]
fn orders_follow_what_changes() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 400, seed: 11 }.build(ward, &mut |_| {}).unwrap();
    let drawn = caseward::testing::bytes(5, 20_000);
    let mut choices = Choices::new(&drawn);
    let mut answered = 0;
    for _ in 0..60 {
        change(&world, &mut choices, 3);
        for person in ["u00001", "u00002", "u00010", "u00030"] {
            answered += usize::from(agrees(ward, &world, &EntityUid::new("User", person), &mut choices));
        }
    }
    assert!(answered > 40, "too few were answered: {answered}");
}

#[test]
fn between_pages_each_record_comes_once_or_the_cursor_is_refused() {
    let ward = &*ATTENDANCE;
    let (mut whole, mut refused) = (0, 0);
    for seed in 0..120 {
        let world = Sample { cases: 60, seed: 3 }.build(ward, &mut |_| {}).unwrap();
        let drawn = caseward::testing::bytes(seed, 4_000);
        let mut choices = Choices::new(&drawn);
        let by = ["openedAt", "status", "closedAt"][choices.below(3)];
        let listing = Listing::new().by(by);
        let listing = if choices.chance(1, 2) { listing.descending() } else { listing };
        let query = cases(&EntityUid::new("User", "u00001"));
        let list = || ward.sorted(&world, &query, &listing).unwrap();
        let mut throughout: BTreeSet<EntityUid> = list().iter().collect();
        let (mut given, mut cursor) = (Vec::new(), None);
        let ended = loop {
            let page = match list().page(cursor, 7) {
                Ok(page) => page,
                Err(error) => {
                    assert!(error.to_string().contains("list anew"), "{error}");
                    break false;
                }
            };
            given.extend(page.entities);
            let Some(next) = page.next else { break true };
            cursor = Some(next);
            if choices.chance(1, 2) {
                change(&world, &mut choices, 1);
            }
            throughout.retain(|uid| list().iter().any(|other| other == *uid));
        };
        if ended {
            whole += 1;
            let once: BTreeSet<EntityUid> = given.iter().cloned().collect();
            assert_eq!(once.len(), given.len(), "seed {seed}: one came twice");
            assert!(throughout.is_subset(&once), "seed {seed}: one never came");
        } else {
            refused += 1;
        }
    }
    assert!(whole > 20 && refused > 10, "{whole} whole, {refused} refused");
}

#[test]
fn cursors_go_with_their_question() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 100, seed: 1 }.build(ward, &mut |_| {}).unwrap();
    let (one, other) = (EntityUid::new("User", "u00001"), EntityUid::new("User", "u00002"));
    let listing = Listing::new().by("openedAt");
    let first = ward.sorted(&world, &cases(&one), &listing).unwrap().page(None, 10).unwrap();
    let refuse = |sorted: Sorted, why: &str| {
        let error = sorted.page(first.next, 10).unwrap_err();
        assert!(error.is_request() && error.to_string().contains(why), "{error}");
    };
    refuse(ward.sorted(&world, &cases(&other), &listing).unwrap(), "another question");
    refuse(ward.sorted(&world, &cases(&one), &listing.clone().descending()).unwrap(), "another question");
    refuse(
        ward.sorted(&world, &cases(&one), &listing.clone().only("status", "open")).unwrap(),
        "another question",
    );
    let same = Sample { cases: 100, seed: 1 }.build(ward, &mut |_| {}).unwrap();
    refuse(ward.sorted(&same, &cases(&one), &listing).unwrap(), "another world");
    // The clock goes on between pages.
    let later = query(&one, "viewSummary", "Case", &at(NOW + 60_000));
    assert_eq!(
        ward.sorted(&world, &later, &listing).unwrap().page(first.next, 10).unwrap().entities.len(),
        10
    );
    for text in ["", "x", "1-2-3", "1-2-3-4-5", "1-2-3-100000000"] {
        assert!(text.parse::<SortedCursor>().unwrap_err().is_request(), "{text}");
    }
    assert!(ward.sorted(&world, &cases(&one), &listing).unwrap().page(None, 0).is_err());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 20, seed: 1 }.build(ward, &mut |_| {}).unwrap();
    let query = cases(&EntityUid::new("User", "u00001"));
    let check = |listing: Listing, why: &str| {
        let error = ward.sorted(&world, &query, &listing).unwrap_err();
        assert!(error.is_request() && error.to_string().contains(why), "{listing}: {error}");
    };
    check(Listing::new().by("opendAt"), "`openedAt`");
    check(Listing::new().by("team"), "it is a set");
    check(Listing::new().by("team.loginActive"), "no entity");
    check(Listing::new().by(""), "no attribute");
    check(Listing::new().by("student.name"), "a store alone");
    check(Listing::new().descending(), "in no order");
    check(Listing::new().only("openedAt", "yesterday"), "no instant");
    check(Listing::new().only("prosecutionNotified", "yes"), "neither true nor false");
    check(Listing::new().only("student.yearLevel", "7.5"), "no whole number");
    check(Listing::new().beginning("openedAt", "2026"), "no text");
    check((0..17).fold(Listing::new(), |listing, _| listing.only("status", "open")), "at most 16");
    // What stands in no section, nobody sees.
    check(Listing::new().by("student.currentProvider"), "is not shown");
}

#[test]
fn texts_beside_the_facts_are_sorted_by_as_they_are_folded() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 40, seed: 1 }.build(ward, &mut |_| {}).unwrap();
    let mut texts = Texts::new(str::to_lowercase);
    texts.hold(&world, "Student", "name").unwrap();
    let person = EntityUid::new("User", "u00001");
    let query = cases(&person);
    let all: Vec<EntityUid> = ward.list(&world, &query).unwrap();
    let student = |case: &EntityUid| match world.attribute(case, "student").unwrap() {
        Some(Value::Entity(uid)) => uid,
        _ => panic!("{case} has no student"),
    };
    let name = |texts: &mut Texts, case: &EntityUid, name: Option<&str>| {
        texts.set(world.handle(&student(case)).unwrap(), "name", name);
    };
    name(&mut texts, &all[3], Some("ana"));
    name(&mut texts, &all[5], Some("Zoe"));
    name(&mut texts, &all[1], Some("Bea"));
    let order = |texts: &Texts, listing: Listing| -> Vec<EntityUid> {
        let sorted = ward.sorted_with(&world, &query, &listing, Some(texts)).unwrap();
        assert_eq!(pages(&sorted, 3).unwrap(), sorted.iter().collect::<Vec<_>>());
        sorted.iter().take(3).collect()
    };
    let by = Listing::new().by("student.name");
    let named = |at: [usize; 3]| at.map(|at| all[at].clone()).to_vec();
    assert_eq!(order(&texts, by.clone()), named([3, 1, 5]));
    assert_eq!(order(&texts, by.clone().descending()), named([5, 1, 3]));
    // A cursor past which a name came is refused: no fact changed.
    let cursor = ward.sorted_with(&world, &query, &by, Some(&texts)).unwrap().page(None, 2).unwrap().next;
    name(&mut texts, &all[5], Some("Aaron"));
    assert_eq!(order(&texts, by.clone()), named([5, 3, 1]));
    let sorted = ward.sorted_with(&world, &query, &by, Some(&texts)).unwrap();
    assert!(sorted.page(cursor, 2).unwrap_err().to_string().contains("list anew"));
    let of_a =
        ward.sorted_with(&world, &query, &by.clone().beginning("student.name", "A"), Some(&texts)).unwrap();
    assert_eq!(of_a.iter().collect::<Vec<_>>(), vec![all[5].clone(), all[3].clone()]);
    texts.forget(world.handle(&student(&all[3])).unwrap());
    assert_eq!(order(&texts, by)[..2], [all[5].clone(), all[1].clone()]);
}

#[test]
fn a_list_is_followed_as_it_would_be_made() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 300, seed: 2 }.build(ward, &mut |_| {}).unwrap();
    let drawn = caseward::testing::bytes(9, 60_000);
    let mut choices = Choices::new(&drawn);
    let people: Vec<EntityUid> =
        world.ids("User").unwrap().map(|id| EntityUid::new("User", id)).take(40).collect();
    let actions = [("viewSummary", "Case"), ("viewItem", "Item"), ("viewSummary", "Request")];
    let asked = people.iter().flat_map(|person| actions.map(|of| (person.clone(), of)));
    let query = |person: &EntityUid, action: &str, ty: &str| {
        Query::new(person.clone(), ActionName::new(action), TypeName::new(ty)).at(NOW)
    };
    let mut all: Vec<_> = asked
        .map(|(person, (action, ty))| {
            let query = query(&person, action, ty);
            (ward.watch(&world, &query).unwrap(), query)
        })
        .collect();
    let mut seen = 0;
    for _ in 0..150 {
        let (changes, touched) = move_somebody(&world, &mut choices);
        world.apply(&changes).unwrap();
        for (watched, query) in &mut all {
            let before: BTreeSet<EntityUid> = watched.iter().collect();
            let sighted = ward.follow(watched, &touched, &query.context).unwrap();
            seen += sighted.came.len() + sighted.went.len();
            let mut after: BTreeSet<EntityUid> =
                before.iter().filter(|uid| !sighted.went.contains(uid)).cloned().collect();
            after.extend(sighted.came);
            assert_eq!(after, ward.list(&world, query).unwrap().into_iter().collect(), "{query:?}");
        }
    }
    let (lists, decided): (u64, u64) =
        all.iter().map(|(watched, _)| watched.work()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    assert!(seen > 200, "too little moved: {seen}");
    assert!(lists < all.len() as u64 * 60, "lists are made again too often: {lists} of {}", all.len() * 150);
    assert!(decided > 100, "{decided}");
}

/// A batch: a student moves, an item is shared or taken back, a case goes to somebody else, a role is given or taken.
fn move_somebody(world: &World, choices: &mut Choices<'_>) -> (Changes, Vec<EntityUid>) {
    let all = |ty: &str| -> Vec<EntityUid> {
        world.ids(ty).unwrap().map(|id| EntityUid::new(ty.to_owned(), id)).collect()
    };
    let one = |ty: &str, choices: &mut Choices<'_>| {
        let all = all(ty);
        all[choices.below(all.len())].clone()
    };
    let school = one("School", choices);
    match choices.below(5) {
        0 => {
            let student = one("Student", choices);
            (Changes::new().set(&student, "enrolledAt", Value::Entity(school)), vec![student])
        }
        1 => {
            let item = one("Item", choices);
            let with = if choices.chance(1, 2) { vec![Value::Entity(school)] } else { Vec::new() };
            (Changes::new().set(&item, "sharedWith", Value::set(with)), vec![item])
        }
        2 => {
            let (case, user) = (one("Case", choices), one("User", choices));
            (Changes::new().set(&case, "caseManager", Value::Entity(user)), vec![case])
        }
        3 => {
            let user = EntityUid::new("User", format!("u{:05}", 1 + choices.below(40)));
            let active = choices.chance(1, 2);
            (Changes::new().set(&user, "loginActive", active), vec![user])
        }
        _ => {
            let (case, provider) = (one("Case", choices), one("Provider", choices));
            (Changes::new().set(&case, "provider", Value::Entity(provider)), vec![case])
        }
    }
}

/// Prints how long pages take; run by hand.
#[test]
#[ignore = "it measures"]
fn how_long_a_page_takes() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 100_000, seed: 7 }.build(ward, &mut |_| {}).unwrap();
    ward.make_indices(&world).unwrap();
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let begun = std::time::Instant::now();
        work();
        println!("{what}: {:?}", begun.elapsed());
    };
    let query = cases(&EntityUid::new("User", "u00001"));
    for by in ["openedAt", "status", "closedAt"] {
        let listing = Listing::new().by(by).descending().only("status", "open");
        let page = || ward.sorted(&world, &query, &listing).unwrap().page(None, 50).unwrap();
        timed(&format!("{by}, the first time"), &mut || drop(page()));
        let next = page().next;
        timed(&format!("{by}, a page"), &mut || drop(page()));
        timed(&format!("{by}, 100 pages"), &mut || (0..100).for_each(|_| drop(page())));
        timed(&format!("{by}, 100 second pages"), &mut || {
            (0..100)
                .for_each(|_| drop(ward.sorted(&world, &query, &listing).unwrap().page(next, 50).unwrap()));
        });
        let case = EntityUid::new("Case", "c0000001");
        timed(&format!("{by}, 100 batches with a page after each"), &mut || {
            for at in 0..100 {
                world.apply(&Changes::new().set(&case, "openedAt", Value::Datetime(NOW + at))).unwrap();
                drop(page());
            }
        });
        let all = || drop(ward.list(&world, &query).unwrap());
        timed(&format!("{by}, the list alone"), &mut || all());
        timed("the set alone, 100 times", &mut || {
            (0..100).for_each(|_| drop(ward.visible(&world, &query).unwrap()))
        });
    }
}
