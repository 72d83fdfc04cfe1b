//! Lists by content, and a search for people.

use caseward::{ActionName, EntityUid, Listing, Query, TypeName};
use caseward_store::Store;
use serde_json::json;

use crate::bench::{Bench, contact};

fn query(bench: &Bench, id: &str, action: &str, ty: &str) -> Query {
    Query::new(EntityUid::new("User", id), ActionName::new(action), TypeName::new(ty)).at(bench.clock())
}

fn feed(bench: &Bench, lines: &[(&str, &str, &str)]) {
    let mut text = "type,id,field,value\n".to_owned();
    for (id, field, value) in lines {
        text += &format!("Student,{id},{field},{value}\n");
    }
    let answers = bench.store().feed_at("content", text.into_bytes(), 0, bench.clock()).unwrap();
    assert!(answers.iter().all(|answer| answer.why.is_none()), "{answers:?}");
}

/// Requests r-aroha, r-ben by the lead of kauri; cara's by the lead of totara.
fn town() -> Bench {
    let bench = Bench::new();
    for (person, student) in [("lead", "aroha"), ("lead", "ben"), ("totara-lead", "cara")] {
        let on = format!("Student::\"{student}\"");
        let id = format!("r-{student}");
        bench.does(person, "createRequest", &on, json!({"id": id, "context": contact(person)}));
        bench.does(person, "submitRequest", &format!("Request::\"{id}\""), json!({}));
    }
    feed(
        &bench,
        &[("aroha", "name", "Ngaio Ātahu"), ("ben", "name", "āio Brown"), ("cara", "name", "Aio Smith")],
    );
    bench
}

fn ids(store: &Store, query: &Query, listing: &Listing) -> Vec<String> {
    store.list(query, listing).unwrap().iter().map(|uid| uid.id().to_owned()).collect()
}

fn found(bench: &Bench, id: &str, action: &str, ty: &str, text: &str) -> Vec<String> {
    let sorted = bench.store().search(&query(bench, id, action, ty), text, &Listing::new()).unwrap();
    sorted.iter().map(|uid| uid.id().to_owned()).collect()
}

#[test]
fn lists_go_by_a_students_name() {
    let bench = town();
    let requests = query(&bench, "central", "viewSummary", "Request");
    let by = Listing::new().by("student.name");
    assert_eq!(ids(bench.store(), &requests, &by), ["r-ben", "r-cara", "r-aroha"]);
    assert_eq!(ids(bench.store(), &requests, &by.clone().descending()), ["r-aroha", "r-cara", "r-ben"]);
    assert_eq!(ids(bench.store(), &requests, &by.clone().beginning("student.name", "ĀIO b")), ["r-ben"]);
    assert_eq!(ids(bench.store(), &requests, &by.clone().only("student.name", "AIO SMITH")), ["r-cara"]);
    // What is fed and written later is held too; of what has no name, last.
    feed(&bench, &[("ben", "name", "Zoe")]);
    assert_eq!(ids(bench.store(), &requests, &by), ["r-cara", "r-aroha", "r-ben"]);
    bench.does("region", "createRequest", "Student::\"eve\"", json!({"id": "r-eve"}));
    bench.does("region", "submitRequest", "Request::\"r-eve\"", json!({}));
    assert_eq!(ids(bench.store(), &requests, &by), ["r-cara", "r-aroha", "r-ben", "r-eve"]);
    // By what the store sets itself.
    let submitted = Listing::new().by("submittedAt").descending();
    assert_eq!(ids(bench.store(), &requests, &submitted), ["r-eve", "r-cara", "r-ben", "r-aroha"]);
    // By what they do not see of every one, and by what is not there, nobody sorts.
    for (path, why) in [
        ("reasonForRequest", "is not shown"),
        ("student.gender", "is not shown"),
        ("student.nme", "no attribute"),
    ] {
        let refused =
            bench.store().list(&query(&bench, "region", "viewSummary", "Request"), &Listing::new().by(path));
        let refused = refused.map(|sorted| sorted.len());
        match path {
            // The maker sees all of their own.
            "reasonForRequest" => assert_eq!(refused.unwrap(), 1),
            _ => assert!(refused.unwrap_err().to_string().contains(why), "{path}"),
        }
    }
}

#[test]
fn pages_by_name_are_of_one_order() {
    let bench = town();
    let requests = query(&bench, "central", "viewSummary", "Request");
    let by = Listing::new().by("student.name");
    let first = bench.store().list(&requests, &by).unwrap().page(None, 1).unwrap();
    let rest = bench.store().list(&requests, &by).unwrap().page(first.next, 5).unwrap();
    assert_eq!((first.entities.len(), rest.entities.len(), rest.next), (1, 2, None));
    // Somebody is called otherwise, and would never come: no fact changed, and yet it is seen.
    feed(&bench, &[("aroha", "name", "Aaron")]);
    let refused = bench.store().list(&requests, &by).unwrap().page(first.next, 5);
    assert!(refused.is_err_and(|error| error.to_string().contains("list anew")));
}

#[test]
fn people_are_found_by_their_names() {
    let bench = town();
    let all = |text: &str| found(&bench, "central", "viewSummary", "Request", text);
    assert_eq!(all("aio"), ["r-ben", "r-cara"]);
    assert_eq!(all("ĀIO"), ["r-ben", "r-cara"]);
    assert_eq!(all("brown āi"), ["r-ben"]);
    assert_eq!(all("atahu, ngaio"), ["r-aroha"]);
    assert_eq!(all("n a"), ["r-aroha"]);
    assert_eq!((all("tahu"), all("aio jones")), (vec![], vec![]));
    // Among what one sees alone: cara is at another school, and not found as one who is not there.
    let mine = |text: &str| found(&bench, "lead", "viewSummary", "Request", text);
    assert_eq!(mine("aio"), ["r-ben"]);
    assert_eq!((mine("aio smith"), mine("nobody at all")), (vec![], vec![]));
    // Called otherwise.
    feed(&bench, &[("ben", "name", "Rangi Brown")]);
    assert_eq!((mine("aio"), mine("rangi")), (vec![], vec!["r-ben".to_owned()]));
    let refuse = |ty: &str, text: &str| {
        bench
            .store()
            .search(&query(&bench, "central", "viewSummary", ty), text, &Listing::new())
            .unwrap_err()
            .to_string()
    };
    assert!(refuse("Request", " - ").contains("nothing is looked for"));
    let registers =
        bench.store().search(&query(&bench, "lead", "viewRegister", "Register"), "x", &Listing::new());
    assert!(registers.unwrap_err().to_string().contains("of no student"));
}

#[test]
fn people_are_found_by_their_nsn_by_those_who_see_it() {
    let bench = Bench::with_case();
    feed(&bench, &[("aroha", "name", "Aroha Ngata")]);
    let cases = |id: &str, text: &str| found(&bench, id, "viewSummary", "Case", text);
    assert_eq!(cases("manager", "100000001"), ["c1"]);
    assert_eq!(cases("manager", "1000 0000"), ["c1"]);
    assert_eq!(cases("manager", "100000002"), [""; 0]);
    // The school sees the case and the name, and no NSN with it.
    assert_eq!((cases("lead", "aroha"), cases("lead", "100000001")), (vec!["c1".to_owned()], vec![]));
    // Items are of the case's student.
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"id": "i1", "data": {"text": "x"}}));
    assert_eq!(found(&bench, "manager", "viewItem", "Item", "ngata"), ["i1"]);
    assert_eq!(found(&bench, "privacy", "exportPersonalInformation", "Student", "ngata"), ["aroha"]);
}

#[test]
fn two_students_who_seem_one_person_are_told_of() {
    let bench = Bench::new();
    feed(
        &bench,
        &[
            ("aroha", "name", "Aroha Ngāta"),
            ("aroha", "dateOfBirth", "2012-03-04"),
            ("ben", "name", "aroha NGATA"),
            ("ben", "dateOfBirth", "2012-03-04"),
            ("cara", "name", "Aroha Ngata"),
            ("cara", "dateOfBirth", "2012-03-05"),
        ],
    );
    let found = bench.store().doctor().unwrap();
    let told: Vec<_> = found.findings.iter().filter(|one| one.kind == "one-person").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].about.as_deref(), Some("Student::\"ben\""));
    assert!(told[0].what.contains("the date of birth of Student::\"aroha\"") && !told[0].is_fault);
    assert_eq!(bench.store().world().count("Student").unwrap(), 5);
}

/// Prints how long lists, searches and watches take; run by hand.
#[test]
#[ignore = "it measures"]
fn how_long_it_takes() {
    let ward = caseward::Ward::attendance().unwrap();
    let world = caseward::attendance::Sample { cases: 100_000, seed: 7 }.build(&ward, &mut |_| {}).unwrap();
    let mut json = Vec::new();
    world.write_json(&mut json).unwrap();
    let bench = Bench::with_data(&json);
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let begun = std::time::Instant::now();
        work();
        println!("{what}: {:?}", begun.elapsed());
    };
    let names = ["Aroha", "Āio", "Ben", "Cara", "Dan", "Ngaio", "Rangi", "Tāne", "Zoe", "Hemi"];
    let mut text = "type,id,field,value\n".to_owned();
    for (at, id) in world.ids("Student").unwrap().enumerate() {
        let (first, second) = (names[at % 10], names[at / 10 % 10]);
        text += &format!("Student,{id},name,{first} {second}{at}\n");
    }
    timed(&format!("{} names fed", world.count("Student").unwrap()), &mut || {
        bench.store().feed_at("content", text.clone().into_bytes(), 0, bench.clock()).unwrap();
    });
    let cases = query(&bench, "u00001", "viewSummary", "Case");
    let by = Listing::new().by("student.name").only("status", "open");
    let page = |listing: &Listing| bench.store().list(&cases, listing).unwrap().page(None, 50).unwrap();
    timed("by name, the first time", &mut || assert_eq!(page(&by).entities.len(), 50));
    timed("by name, 100 pages", &mut || (0..100).for_each(|_| drop(page(&by))));
    let beginning = by.clone().beginning("student.name", "aio");
    timed("by name, with a beginning, 100 pages", &mut || (0..100).for_each(|_| drop(page(&beginning))));
    let search = |text: &str| bench.store().search(&cases, text, &Listing::new()).unwrap().len();
    timed("a search, the first time", &mut || assert!(search("aio cara") > 0));
    timed("a search, 100 times", &mut || (0..100).for_each(|_| assert!(search("aio cara1") > 0)));
    timed("a search that finds a tenth, 10 times", &mut || (0..10).for_each(|_| assert!(search("aio") > 0)));
    let person = |at: usize| EntityUid::new("User", format!("u{at:05}"));
    let (action, ty) = (ActionName::new("viewItem"), TypeName::new("Item"));
    let comments = |count: usize, from: usize| {
        // Whoever may comment on something.
        let lines = (0..count).map(|at| {
            let number = from + at;
            json!({"command": "addComment", "as": "u00002", "on": format!("Case::\"c{:07}\"", number % 1_000 + 1),
                   "data": {"text": "x"}, "now": crate::bench::instant(bench.clock())})
            .to_string()
        });
        let pending: Vec<_> = lines.map(|line| bench.store().submit(line).unwrap()).collect();
        pending
            .into_iter()
            .filter(|_| true)
            .map(|one| one.wait().unwrap())
            .filter(|one| one.event.is_some())
            .count()
    };
    let mut watches = Vec::new();
    for (count, from) in [(0, 0), (1, 2_000), (100, 4_000)] {
        while watches.len() < count {
            watches.push(bench.store().watch(&person(watches.len() + 1), &action, &ty).unwrap());
        }
        timed(&format!("2000 commands with {count} watches"), &mut || {
            comments(2_000, from);
        });
    }
    // Batches that everybody's decisions are looked at for.
    let students: Vec<String> = world.ids("Student").unwrap().take(1_000).map(str::to_owned).collect();
    let schools: Vec<String> = world.ids("School").unwrap().map(str::to_owned).collect();
    let moves = |school: &str| {
        let mut text = "student,school,start\n".to_owned();
        students.iter().for_each(|student| text += &format!("{student},{school},2026-05-01\n"));
        bench.store().feed_at("enrolment", text.into_bytes(), 0, bench.clock()).unwrap();
    };
    timed("1000 students move, 100 watches", &mut || moves(&schools[0]));
    watches.clear();
    timed("1000 students move, no watch", &mut || moves(&schools[1]));
}
