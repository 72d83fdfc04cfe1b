//! Long calls end where they are told to, and leave everything as it was.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use caseward::author::CaseFile;
use caseward::interrupt::watched;
use caseward::testing::asks::{environment, query, who_may};
use caseward::{
    ActionName, Changes, Context, Decision, EntityUid, Error, Request, Source, Sources, Value, Ward, World,
    WorldBuilder,
};

const SCHEMA: &str = "
    entity Group in [Group];
    entity User in [Group] = { boss?: User };
    entity Doc = { owner: User, readers: Set<User>, open: Bool };
    action read, write appliesTo { principal: User, resource: Doc };";
const POLICIES: &str = r#"
    @id("owner") permit (principal, action, resource) when { resource.owner == principal };
    @id("reader") permit (principal, action == Action::"read", resource) when { resource.readers.contains(principal) };
    @id("boss") permit (principal, action, resource) when { resource.owner has boss && resource.owner.boss == principal };
    @id("open") permit (principal in Group::"g0", action == Action::"read", resource) when { resource.open };
"#;
const DOCS: usize = 3_000;
const USERS: usize = 2_000;

fn ward() -> Ward {
    let policies = vec![Source::new("policies", POLICIES)];
    Ward::new(&Sources { schema: Source::new("schema", SCHEMA), policies, catalogue: None }).unwrap()
}

fn group(n: usize) -> EntityUid {
    EntityUid::new("Group", format!("g{n}"))
}

fn user(n: usize) -> EntityUid {
    EntityUid::new("User", format!("u{n}"))
}

fn doc(n: usize) -> EntityUid {
    EntityUid::new("Doc", format!("d{n}"))
}

fn doc_of(n: usize) -> [(&'static str, Value); 3] {
    let readers = Value::set([user(n % 7), user(n % 11)].map(Value::Entity));
    [
        ("owner", Value::Entity(user(n % USERS))),
        ("readers", readers),
        ("open", Value::Bool(n.is_multiple_of(3))),
    ]
}

fn world(ward: &Ward) -> World {
    let mut builder = WorldBuilder::new(ward.schema());
    for n in 0..50 {
        builder.add_whole(&group(n), [], (n > 0).then(|| group(n / 2)), BTreeMap::new());
    }
    for n in 0..USERS {
        let boss = (n > 0).then(|| ("boss", Value::Entity(user(n / 3))));
        builder.add_whole(&user(n), boss, [group(n % 50)], BTreeMap::new());
    }
    (0..DOCS).for_each(|n| builder.add(&doc(n), doc_of(n)));
    builder.finish().unwrap()
}

fn text(world: &World) -> String {
    let mut bytes = Vec::new();
    world.write_json(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn context() -> Context {
    Context::new()
}

/// A call that is told to end at the first question, at the second, and so on until it is done: what it gave, and how
/// often it was ended.
fn ended_everywhere<T>(work: impl Fn() -> Result<T, Error>, mut after: impl FnMut()) -> (T, usize) {
    for at in 0.. {
        let asked = Rc::new(Cell::new(0));
        let seen = asked.clone();
        let ask = move || {
            seen.set(seen.get() + 1);
            seen.get() > at
        };
        match watched(Rc::new(ask), &work) {
            Ok(done) => {
                assert!(asked.get() <= at);
                return (done, at);
            }
            Err(error) => assert!(error.is_interrupted(), "{error}"),
        }
        after();
    }
    unreachable!()
}

/// Entities come, go and move.
fn batch() -> Changes {
    let mut changes = Changes::new();
    for n in 0..1_500 {
        changes =
            changes.put(&doc(DOCS + n), doc_of(n)).remove(&doc(n)).set(&doc(DOCS - 1 - n), "open", true);
    }
    // Everybody below moves with it.
    changes.set_parents(&group(1), [group(30)]).set_parents(&group(3), [group(0)])
}

#[test]
fn a_batch_that_is_ended_changes_nothing() {
    let ward = ward();
    let (world, other) = (world(&ward), world(&ward));
    ward.make_indices(&world).unwrap();
    let (before, batch) = (text(&world), batch());
    let seen = |world: &World| ward.list(world, &query(&user(5), "read", "Doc", &context())).unwrap();
    let (list, looked) = (seen(&world), Cell::new(0));
    let (version, ended) = ended_everywhere(
        || world.apply(&batch),
        || {
            assert_eq!((world.version(), seen(&world)), (1, list.clone()));
            if looked.replace(looked.get() + 1) % 8 == 0 {
                assert_eq!(text(&world), before);
            }
        },
    );
    assert!(version == 2 && ended > 30, "ended {ended} times");
    // In the end it has done what it does undisturbed, once.
    other.apply(&batch).unwrap();
    assert_eq!(text(&world), text(&other));
    assert_eq!(seen(&world), seen(&other));
    // What is counted of references is right too: those that are still referred to cannot go, and others can.
    for world in [&world, &other] {
        let refused = world.apply(&Changes::new().remove(&user(1)));
        assert!(refused.is_err_and(|error| error.is_data()));
    }
    let owned = Changes::new().put(&user(USERS), []).put(
        &doc(0),
        [("owner", Value::Entity(user(USERS))), ("readers", Value::set([])), ("open", true.into())],
    );
    let (_, ended) = ended_everywhere(|| world.apply(&owned), || {});
    assert!(ended >= 1);
    assert!(world.apply(&Changes::new().remove(&user(USERS))).is_err());
    world.apply(&Changes::new().remove(&doc(0)).remove(&user(USERS))).unwrap();
}

#[test]
fn changes_that_are_looked_through_end_too() {
    let ward = ward();
    let world = world(&ward);
    let batch = batch();
    let (seen, ended) = ended_everywhere(|| world.with(&batch), || assert_eq!(world.version(), 1));
    assert!(ended > 20 && seen.contains(&doc(DOCS + 1)) && !world.contains(&doc(DOCS + 1)), "{ended}");
}

#[test]
fn indices_that_are_not_finished_are_none() {
    let ward = ward();
    let (world, other) = (world(&ward), world(&ward));
    let (cases, people) = ([doc(0), doc(7), doc(2_500)], [user(0), user(3), user(1_500)]);
    let lists = |world: &World| {
        let list = |person| ward.list(world, &query(person, "read", "Doc", &context())).unwrap();
        let who =
            |case| ward.who(world, &who_may("read", case, "User", &context())).unwrap().iter().collect();
        people.iter().map(list).chain(cases.iter().map(who)).collect::<Vec<Vec<_>>>()
    };
    let (_, ended) = ended_everywhere(|| ward.make_indices(&world), || {});
    assert!(ended > 8, "ended {ended} times");
    assert_eq!(lists(&world), lists(&other));
    // One list makes its own.
    let world = self::world(&ward);
    let list = || ward.list(&world, &query(&people[1], "read", "Doc", &context()));
    let (found, ended) = ended_everywhere(list, || {
        let request = Request::new(people[1].clone(), ActionName::new("read"), doc(3));
        assert!(ward.check(&world, &request).unwrap().is_allowed());
    });
    assert!(ended > 5, "ended {ended} times");
    assert_eq!(found, list().unwrap());
}

#[test]
fn snapshots_end_while_they_are_opened_and_written() {
    let ward = ward();
    let world = world(&ward);
    let bytes = world.to_bytes();
    let (opened, ended) = ended_everywhere(|| World::from_bytes(ward.schema(), &bytes), || {});
    assert!(ended > 20, "ended {ended} times");
    assert_eq!(opened.to_bytes(), bytes);
    // Bytes that are given as they are have all that is in them.
    assert_eq!(watched(Rc::new(|| true), || world.to_bytes()), bytes);
    let written = watched(Rc::new(|| true), || world.write_snapshot(std::io::sink()));
    assert!(written.is_err_and(|error| error.to_string().contains("ended before it was done")));
    let builder = || {
        let mut builder = WorldBuilder::new(ward.schema());
        // Loose references, so that all is looked at.
        (0..2_000)
            .for_each(|n| builder.add_whole(&group(n), [], (n > 0).then(|| group(n - 1)), BTreeMap::new()));
        builder.add(&doc(0), doc_of(0));
        (0..12).for_each(|n| builder.add(&user(n), []));
        builder.finish()
    };
    assert!(ended_everywhere(builder, || {}).1 > 2);
}

/// A call that is told to end at one question: an error that says so, and says nothing else to be wrong.
fn is_ended_at<T>(at: usize, work: impl FnOnce() -> Result<T, Error>) -> bool {
    let asked = Cell::new(0);
    let ask = move || {
        asked.set(asked.get() + 1);
        asked.get() > at
    };
    match watched(Rc::new(ask), work) {
        Ok(_) => false,
        Err(error) => {
            assert!(error.is_interrupted() && error.problems().is_empty(), "question {at}: {error}");
            true
        }
    }
}

#[test]
fn an_ended_call_is_told_as_nothing_else() {
    let ward = Ward::attendance().unwrap();
    for at in [0, 1, 2, 20, 500] {
        assert!(is_ended_at(at, || caseward::attendance::matrix(&ward)), "{at}");
    }
    // A world so large that it is asked about, in cases of both forms.
    let ward = self::ward();
    let groups: String =
        (1..3_000).map(|n| format!("[world.Group.g{n}]\n\"@parents\" = [\"Group.g{}\"]\n", n / 2)).collect();
    let users: String = (0..3_000).map(|n| format!("[world.User.u{n}]\n")).collect();
    let doc = "[world.Group.g0]\n[world.Doc.d]\nowner = \"u1\"\nopen = false\n";
    let case = "[[case]]\nname = \"nobody\"\nprincipal = \"User.u2\"\naction = \"read\"\nresource = \"Doc.d\"\nexpect = \"allow\"\n";
    let text = format!("{groups}{users}{doc}{case}");
    let read = || CaseFile::read(&ward, "cases", &text);
    assert!(is_ended_at(0, read) && is_ended_at(1, read));
    let file = read().unwrap();
    let entities = self::text(&file.cases[0].world);
    let request = r#"{"principal": "User::\"u2\"", "action": "read", "resource": "Doc::\"d\""}"#;
    let json = format!(r#"{{"request": {request}, "entities": {entities}}}"#);
    let read = || CaseFile::read_json(&ward, "case.json", "nobody", Decision::Allow, &json);
    assert!(is_ended_at(0, read) && is_ended_at(1, read));
    // It is denied, and explained: who else may do it is looked for among all.
    assert!(is_ended_at(0, || file.run(&ward)));
    assert_eq!(file.run(&ward).unwrap().len(), 1);
}

#[test]
fn whoever_is_asked_may_ask_the_library_and_waits_for_nobody() {
    let ward = Rc::new(ward());
    let world = world(&ward);
    ward.list(&world, &query(&user(1), "read", "Doc", &context())).unwrap();
    let refused = Rc::new(Cell::new(0));
    let ask = {
        let (ward, world, refused) = (ward.clone(), world.clone(), refused.clone());
        move || {
            let request = Request::new(user(1), ActionName::new("read"), doc(2_001));
            assert!(ward.check(&world, &request).unwrap().is_allowed());
            assert!(!ward.list(&world, &query(&user(1), "read", "Doc", &context())).unwrap().is_empty());
            let one = Changes::new().set(&doc(2_001), "open", false);
            for error in [world.apply(&one).unwrap_err(), world.with(&one).err().unwrap()] {
                assert!(
                    error.is_request() && error.to_string().contains("while a call on this thread"),
                    "{error}"
                );
            }
            let error = ward.who(&world, &who_may("write", &doc(2_001), "User", &context())).err();
            assert!(error.is_none_or(|error| error.to_string().contains("an index that this needs")));
            refused.set(refused.get() + 1);
            false
        }
    };
    let pairs: Vec<_> = (0..DOCS).map(|n| (user(n % USERS), doc(n))).collect();
    watched(Rc::new(ask), || {
        let (from, to): (Vec<_>, Vec<_>) =
            pairs.iter().map(|(from, to)| (world.handle(from).unwrap(), world.handle(to).unwrap())).unzip();
        let decider = ward.decider(&world, &environment("User", "read", "Doc")).unwrap();
        decider.decide_columns(&from, &to, &decider.prepare(&context()).unwrap()).unwrap();
        world.apply(&batch()).unwrap();
        ward.make_indices(&world).unwrap();
    });
    assert!(refused.get() > 50, "asked {} times", refused.get());
    assert_eq!(world.version(), 2);
    world.apply(&Changes::new().set(&doc(2_999), "open", false)).unwrap();
}

#[test]
fn indices_are_right_whatever_comes_in_while_they_are_made() {
    let ward = ward();
    // Batches that come in while an index is made: so many that it is made anew, and so many that they have to wait.
    for most in [1, 2, 1_000] {
        let world = world(&ward);
        let (go, gone) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let writer = std::thread::spawn({
            let world = world.clone();
            move || {
                for n in gone {
                    let n: usize = n;
                    let (owner, boss) =
                        (Value::Entity(user(n * 13 % USERS)), Value::Entity(user(n * 5 % USERS)));
                    let batch = Changes::new().set(&doc(n * 7 % DOCS), "owner", owner).set(
                        &user(n % USERS),
                        "boss",
                        boss,
                    );
                    tell.send(world.apply(&batch).unwrap()).unwrap();
                }
            }
        });
        let asked = Rc::new(Cell::new(0));
        let seen = asked.clone();
        watched(
            Rc::new(move || {
                seen.set(seen.get() + 1);
                if seen.get() <= most {
                    // Nothing is held for which a batch would wait.
                    go.send(seen.get()).unwrap();
                    told.recv_timeout(Duration::from_secs(60)).unwrap();
                }
                false
            }),
            || ward.make_indices(&world).unwrap(),
        );
        writer.join().unwrap();
        assert_eq!(world.version(), 1 + most.min(asked.get()) as u64);
        for person in [0, 1, 5, 13, 1_999].map(user) {
            let listed = ward.list(&world, &query(&person, "write", "Doc", &context())).unwrap();
            let allowed = |doc: &EntityUid| {
                let request = Request::new(person.clone(), ActionName::new("write"), doc.clone());
                ward.check(&world, &request).unwrap().is_allowed()
            };
            let checked: Vec<_> = (0..DOCS).map(doc).filter(allowed).collect();
            assert_eq!(listed, checked, "{person} after {most} batches");
        }
    }
}

#[test]
fn many_make_the_same_indices_at_once() {
    let (ward, is_over) = (ward(), AtomicBool::new(false));
    let world = world(&ward);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                world.apply(&Changes::new().set(&doc(1), "open", true)).unwrap();
            }
        });
        let makers = [0; 4].map(|_| scope.spawn(|| ward.make_indices(&world).unwrap()));
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(ward.list(&world, &query(&user(1), "write", "Doc", &context())).unwrap().contains(&doc(1)));
}
