//! What comes into sight and goes out of it, batch by batch.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use caseward::{ActionName, EntityUid, Query, TypeName};
use caseward_store::{Error, Watch};
use serde_json::json;

use crate::bench::{Bench, NOW};
use crate::dice::Dice;
use crate::story::{PEOPLE, SCHOOLS, STUDENTS, allowed, attempt};

fn person(id: &str) -> EntityUid {
    EntityUid::new("User", id)
}

fn watch(bench: &Bench, id: &str, action: &'static str, ty: &'static str) -> Watch {
    let (action, ty) = (ActionName::from_static(action), TypeName::from_static(ty));
    bench.store().watch(&person(id), &action, &ty).unwrap()
}

fn next(watch: &mut Watch) -> (Vec<String>, Vec<String>) {
    let seen = watch.at_once().unwrap().expect("something was to be seen");
    let names = |all: Vec<EntityUid>| all.iter().map(ToString::to_string).collect();
    (names(seen.came), names(seen.went))
}

/// Whatever happens: the first list with everything that was told of since is the list.
#[test]
fn what_was_told_of_is_the_list_after_every_step() {
    let asked = [("viewSummary", "Case"), ("viewSummary", "Request"), ("viewItem", "Item")];
    let (mut told, mut went) = (0, 0);
    for seed in 0..16 {
        let bench = Bench::new();
        let mut dice = Dice(seed + 31);
        let mut all: BTreeMap<(&str, &str, &str), (Watch, BTreeSet<EntityUid>)> = BTreeMap::new();
        for id in PEOPLE {
            for (action, ty) in asked {
                let watch = watch(&bench, id, action, ty);
                let first = watch.first().iter().cloned().collect();
                all.insert((id, action, ty), (watch, first));
            }
        }
        for number in 0..60 {
            step(&bench, &mut dice, number);
            // What time alone changes shows with the next tick.
            bench.tick(bench.clock());
            let (ward, world) = (bench.store().ward(), bench.store().world());
            let mut last = 0;
            for ((id, action, ty), (watch, seen)) in &mut all {
                while let Some(change) = watch.at_once().unwrap() {
                    for uid in &change.went {
                        assert!(seen.remove(uid), "{uid} went that was not seen");
                    }
                    for uid in change.came {
                        assert!(seen.insert(uid.clone()), "{uid} came that was seen");
                    }
                    assert!(change.version >= last);
                    last = last.max(change.version);
                    (told, went) = (told + 1, went + change.went.len());
                }
                last = 0;
                let query = Query::new(person(id), ActionName::new(*action), TypeName::new(*ty));
                let list = ward.list(world, &query.at(bench.clock())).unwrap();
                assert_eq!(
                    *seen,
                    list.into_iter().collect(),
                    "seed {seed}, step {number}: {id} {action} {ty}"
                );
            }
        }
    }
    assert!(told > 100 && went > 20, "{told} changes, {went} went");
}

fn step(bench: &Bench, dice: &mut Dice, number: usize) {
    if dice.below(12) == 0 {
        let (student, school) = (dice.pick(&STUDENTS), dice.pick(&SCHOOLS));
        let text = format!("student,school,start\n{student},{school},2026-05-{:02}\n", 1 + dice.below(30));
        bench.store().feed_at("enrolment", text.into_bytes(), 0, bench.clock()).unwrap();
    }
    if dice.below(6) == 0 {
        bench.tick(bench.clock() + 7 * 3_600_000);
    }
    let Some(mut command) = attempt(dice, bench.store().world(), number) else { return };
    let now = bench.clock() + 60_000;
    let mut others = 3 * PEOPLE.len();
    while others > 0 && !allowed(bench, &command, now) {
        command["as"] = json!(dice.pick(&PEOPLE));
        others -= 1;
    }
    bench.ask(command);
}

#[test]
fn a_share_that_is_taken_back_shows_at_once() {
    let bench = Bench::with_case();
    let mut lead = watch(&bench, "lead", "viewItem", "Item");
    let mut cases = watch(&bench, "lead", "viewSummary", "Case");
    assert_eq!((lead.first(), cases.first().len()), (&[][..], 1));
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"id": "i1", "data": {"text": "x"}}));
    assert_eq!(lead.at_once().unwrap(), None);
    let school = json!({"context": {"withSchool": {"type": "School", "id": "kauri"}}});
    let shared = bench.does("manager", "shareItem", "Item::\"i1\"", school);
    assert_eq!(next(&mut lead), (vec!["Item::\"i1\"".to_owned()], vec![]));
    let back = bench.does("manager", "unshareItem", "Item::\"i1\"", json!({"data": {"school": "kauri"}}));
    assert!(back.version > shared.version);
    assert_eq!(next(&mut lead), (vec![], vec!["Item::\"i1\"".to_owned()]));
    assert_eq!(cases.at_once().unwrap(), None);
    // The student moves, and the case with them.
    let text = "student,school,start\naroha,rata,2026-05-01\n";
    bench.store().feed_at("enrolment", text.into(), 0, bench.clock()).unwrap();
    assert_eq!(next(&mut cases), (vec![], vec!["Case::\"c1\"".to_owned()]));
    // A login that ends takes everything.
    let mut flow = watch(&bench, "south-flow", "viewSummary", "Case");
    assert_eq!(flow.first().len(), 1);
    let logins = "user,at,active\nsouth-flow,2026-05-01T00:00:00Z,false\n";
    bench.store().feed_at("logins", logins.into(), 0, bench.clock()).unwrap();
    assert_eq!(next(&mut flow), (vec![], vec!["Case::\"c1\"".to_owned()]));
}

#[test]
fn who_falls_behind_is_told_so() {
    let bench = Bench::with_case();
    let query = Query::new(person("manager"), ActionName::new("viewItem"), TypeName::new("Item"));
    let mut slow = bench.store().watch_with(query, 2).unwrap();
    for number in 0..4 {
        let id = format!("i{number}");
        bench.does("manager", "addComment", "Case::\"c1\"", json!({"id": id, "data": {"text": "x"}}));
    }
    assert_eq!(next(&mut slow).0, ["Item::\"i0\""]);
    assert_eq!(next(&mut slow).0, ["Item::\"i1\""]);
    assert!(matches!(slow.at_once(), Err(Error::Behind)), "nothing is left out in silence");
    assert!(matches!(slow.next(), Some(Err(Error::Behind))));
    assert!(slow.next().is_none());
    // Watched anew, it has all of them.
    assert_eq!(watch(&bench, "manager", "viewItem", "Item").first().len(), 4);
}

#[test]
fn a_watch_waits_and_ends_with_the_store() {
    let mut bench = Bench::with_case();
    let mut items = watch(&bench, "manager", "viewItem", "Item");
    assert_eq!(items.within(Duration::from_millis(1)).unwrap(), None);
    let waiting = std::thread::spawn(move || items.collect::<Result<Vec<_>, _>>().unwrap());
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"id": "i1", "data": {"text": "x"}}));
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"id": "i2", "data": {"text": "y"}}));
    bench.store = None;
    let seen = waiting.join().unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen[0].version < seen[1].version);
}

#[test]
fn an_import_shows_to_those_who_watch() {
    let folder = crate::bench::Folder::new();
    let place = folder.path().join("cases.db");
    let policies = caseward_store::PolicySet::attendance();
    let store = caseward_store::Store::init(&place, &policies, &crate::bench::options()).unwrap();
    let action = ActionName::new("viewRegister");
    let mut registers = store.watch(&person("lead"), &action, &TypeName::new("Register")).unwrap();
    assert!(registers.first().is_empty());
    store.import(crate::bench::SMALL).unwrap();
    assert_eq!(next(&mut registers).0.len(), 2);
    let wrong = store.watch(&person("lead"), &ActionName::new("viewRegistr"), &TypeName::new("Register"));
    assert!(wrong.is_err_and(|error| error.to_string().contains("viewRegister")));
    assert!(
        store
            .watch_with(
                Query::new(person("lead"), ActionName::new("viewRegister"), TypeName::new("Register"))
                    .at(NOW),
                0
            )
            .is_ok()
    );
}
