//! Policies reloaded and data changed while requests are answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use caseward::ActionName;
use caseward::Context;
use caseward::testing::asks::{environment, query};
use caseward::{
    Changes, EntityUid, Generation, Live, Request, Source, Sources, Value, Ward, World, WorldBuilder,
};

const SCHEMA: &str = "
    entity Group;
    entity User in [Group] = { age?: Long, boss?: User } tags String;
    entity Doc = { owner: User, about: { level: Long, by?: User }, readers: Set<User> };
    entity Colour enum [\"red\", \"blue\"];
    action x, y appliesTo { principal: User, resource: Doc };";

/// Permits x and forbids y.
const A: (&str, &str) = ("permit (principal, action, resource);", r#"action == Action::"y""#);
/// Permits y and forbids x: of a mixture of both, one could do both or nothing.
const B: (&str, &str) = ("permit (principal is User, action, resource);", r#"action == Action::"x""#);

fn sources(schema: &str, (permit, forbidden): (&str, &str)) -> Sources {
    let forbid = format!("@id(\"no\") forbid (principal, {forbidden}, resource);");
    let policies =
        vec![Source::new("permit", format!("@id(\"yes\") {permit}")), Source::new("forbid", forbid)];
    Sources { schema: Source::new("schema", schema), policies, catalogue: None }
}

fn user(id: &str) -> EntityUid {
    EntityUid::new("User", id)
}

fn doc(id: &str) -> EntityUid {
    EntityUid::new("Doc", id)
}

fn doc_of(owner: &EntityUid) -> Vec<(&'static str, Value)> {
    let about = [("level".into(), Value::Long(3)), ("by".into(), Value::Entity(owner.clone()))].into();
    let readers = Value::set([Value::Entity(user("zoe")), Value::Entity(user("al"))]);
    vec![("owner", Value::Entity(owner.clone())), ("about", Value::Record(about)), ("readers", readers)]
}

/// Policies A, and a little of everything, its ids in no order.
fn live() -> Live {
    let ward = Ward::new(&sources(SCHEMA, A)).unwrap();
    let mut builder = WorldBuilder::new(ward.schema());
    let staff = EntityUid::new("Group", "staff");
    builder.add(&staff, []);
    let tags = BTreeMap::from([("desk".into(), Value::from("4b"))]);
    let boss = ("boss", Value::Entity(user("al")));
    builder.add_whole(&user("zoe"), [("age", Value::Long(41)), boss], [staff], tags);
    builder.add(&user("al"), []);
    builder.add(&doc("d"), doc_of(&user("zoe")));
    Live::new(ward, builder.finish().unwrap()).unwrap()
}

/// Whether x and y are allowed, by checks, decider and lists alike.
fn decisions(now: &Generation) -> (bool, bool) {
    let (ward, world) = (now.ward(), now.world());
    let allows = |action: &str| {
        let answer =
            ward.check(world, &Request::new(user("zoe"), ActionName::new(action), doc("d"))).unwrap();
        assert_eq!(&answer.provenance.policy_hash, ward.policy_hash());
        let decider = ward.decider(world, &environment("User", action, "Doc")).unwrap();
        let context = decider.prepare(&Context::new()).unwrap();
        assert_eq!(decider.allows_named(&user("zoe"), &doc("d"), &context).unwrap(), answer.is_allowed());
        let seen = ward.visible(world, &query(&user("zoe"), action, "Doc", &BTreeMap::new())).unwrap();
        assert_eq!(seen.contains(&doc("d")), answer.is_allowed());
        answer.is_allowed()
    };
    (allows("x"), allows("y"))
}

fn json(world: &World) -> String {
    let mut json = Vec::new();
    world.write_json(&mut json).unwrap();
    String::from_utf8(json).unwrap()
}

#[test]
fn no_decision_is_made_of_two_sets() {
    const RELOADS: u64 = 40;
    let live = live();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut seen = BTreeSet::new();
                while !done.load(Ordering::Relaxed) {
                    let now = live.now();
                    assert_eq!(decisions(&now), (now.number() % 2 == 1, now.number().is_multiple_of(2)));
                    assert!(seen.last().is_none_or(|last| *last <= now.number()));
                    seen.insert(now.number());
                }
            });
        }
        for number in 2..=RELOADS {
            let set = if number % 2 == 1 { A } else { B };
            // One reload in four brings another schema.
            let schema = if number % 8 < 4 { SCHEMA.into() } else { format!("entity Also; {SCHEMA}") };
            assert_eq!(live.reload(&sources(&schema, set)).unwrap(), number);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(live.now().number(), RELOADS);
}

#[test]
fn reloads_at_once_come_one_after_the_other() {
    let live = live();
    let numbers: BTreeSet<u64> = std::thread::scope(|scope| {
        let reload = |set| {
            let live = live.clone();
            scope.spawn(move || {
                (0..5).map(|_| live.reload(&sources(SCHEMA, set)).unwrap()).collect::<Vec<_>>()
            })
        };
        let running = [reload(A), reload(B)];
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(numbers, (2..=11).collect());
}

#[test]
fn a_bad_set_changes_nothing() {
    let live = live();
    let bad = ("permit (principal, action, resource) when { resource.title == 1 };", "action");
    let error = live.reload(&sources(SCHEMA, bad)).unwrap_err();
    assert!(error.is_policies() && error.problems()[0].message.contains("title"), "{error}");
    let error = live.reload(&sources("entity User = { age: Lon };", A)).unwrap_err();
    assert!(error.is_policies() && !error.problems().is_empty(), "{error}");
    assert_eq!((live.now().number(), decisions(&live.now())), (1, (true, false)));
    assert_eq!(live.reload(&sources(SCHEMA, B)).unwrap(), 2);
    assert_eq!(decisions(&live.now()), (false, true));
}

#[test]
fn the_same_schema_keeps_the_world() {
    let live = live();
    let before = live.now();
    let handle = before.world().handle(&user("zoe")).unwrap();
    live.reload(&sources(&format!("// In other words.\n{SCHEMA}"), B)).unwrap();
    live.apply(&Changes::new().set(&user("zoe"), "age", 42)).unwrap();
    let after = live.now();
    assert_eq!(after.world().epoch(), before.world().epoch());
    assert_eq!(after.world().name(handle).unwrap(), user("zoe"));
    assert_eq!(
        before.world().attribute(&user("zoe"), "age").unwrap(),
        Some(Value::Long(42)),
        "the data is shared"
    );
    assert_eq!((decisions(&before), decisions(&after)), ((true, false), (false, true)));
}

#[test]
fn another_schema_that_fits_takes_the_data_with_it() {
    let live = live();
    live.apply(&Changes::new().put(&user("gone"), [])).unwrap();
    live.apply(&Changes::new().remove(&user("gone"))).unwrap();
    let before = live.now();
    let schema = SCHEMA.replace("age?: Long", "age?: Long, phone?: String");
    let schema = format!("entity Also; action z appliesTo {{ principal: User, resource: Also }}; {schema}");
    assert_eq!(live.reload(&sources(&schema, B)).unwrap(), 2);
    let after = live.now();
    let order = |world: &World| world.ids("User").unwrap().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(order(after.world()), order(before.world()));
    let lines = |world: &World| json(world).lines().map(|l| l.trim_end_matches(',').into()).collect();
    let (old, new): (BTreeSet<String>, BTreeSet<String>) = (lines(before.world()), lines(after.world()));
    assert_eq!(new, old);
    assert_eq!((before.world().version(), after.world().version()), (3, 3));
    assert_ne!(before.world().epoch(), after.world().epoch());
    assert_eq!((decisions(&before), decisions(&after)), ((true, false), (false, true)));
    // Who still holds the old data is told so; it stays as it was.
    let changes = Changes::new().set(&user("al"), "phone", "555");
    assert!(before.world().apply(&changes).unwrap_err().is_request());
    assert_eq!(live.apply(&changes).unwrap(), 4);
    let fresh = live.at_least(4, Duration::ZERO).unwrap();
    assert_eq!(fresh.world().attribute(&user("al"), "phone").unwrap(), Some("555".into()));
    assert!(live.at_least(5, Duration::ZERO).unwrap_err().is_timeout());
}

/// Reloads with another schema, which the data does not fit, and says why not.
#[track_caller]
fn refused(schema: &str, why: &[&str]) {
    let live = live();
    let before = live.now();
    let error = live.reload(&sources(schema, B)).unwrap_err();
    assert!(error.is_data(), "{error}");
    let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems, why);
    assert_eq!((live.now().number(), live.now().world().epoch()), (1, before.world().epoch()));
    assert_eq!(live.apply(&Changes::new().set(&user("al"), "age", 7)).unwrap(), 2);
    assert_eq!(decisions(&live.now()), (true, false));
}

#[test]
fn another_schema_that_does_not_fit_is_refused() {
    let zoe = |why: &str| format!("User::\"zoe\": {why}");
    refused(&SCHEMA.replace("age?: Long, ", ""), &[&zoe("attribute `age` is not in the schema")]);
    refused(
        &SCHEMA.replace("age?: Long", "age?: String"),
        &[&zoe("attribute `age`: expected String, found a Long")],
    );
    refused(&SCHEMA.replace("age?: Long", "age: Long"), &["User::\"al\": attribute `age` is missing"]);
    refused(&SCHEMA.replace("tags String", ""), &[&zoe("tag `desk`: the type has no tags")]);
    refused(&SCHEMA.replace(" in [Group]", ""), &[&zoe("may not lie in Group::\"staff\"")]);
    refused(
        &SCHEMA.replace("entity Group;", "").replace(" in [Group]", ""),
        &[
            "Group::\"staff\": the schema has no entity type `Group`",
            &zoe("no such parent: Group::\"staff\""),
        ],
    );
}

#[test]
fn no_batch_is_lost_while_the_data_moves() {
    const RELOADS: u64 = 30;
    let live = live();
    let done = AtomicBool::new(false);
    let write = |name: &str| {
        let mut written = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let id = format!("{name}{}", written.len());
            let version = live.apply(&Changes::new().put(&doc(&id), doc_of(&user("al")))).unwrap();
            written.push((id, version));
        }
        written
    };
    let written: Vec<(String, u64)> = std::thread::scope(|scope| {
        let writers = [scope.spawn(|| write("a")), scope.spawn(|| write("b"))];
        for number in 0..RELOADS {
            let schema = if number % 2 == 1 { SCHEMA.into() } else { format!("entity Also; {SCHEMA}") };
            live.reload(&sources(&schema, A)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let now = live.now();
    assert_eq!(now.world().count("Doc").unwrap(), 1 + written.len());
    assert!(written.iter().all(|(id, _)| now.world().contains(&doc(id))));
    let versions: BTreeSet<u64> = written.iter().map(|(_, version)| *version).collect();
    assert_eq!(versions, (2..2 + written.len() as u64).collect(), "each batch has a version of its own");
    assert_eq!(now.world().version(), 1 + written.len() as u64);
}

#[test]
fn what_does_not_belong_together_is_not_put_in_force() {
    let live = live();
    let now = live.now();
    let other = Ward::new(&sources(&format!("entity Also; {SCHEMA}"), A)).unwrap();
    assert!(Live::new(other, now.world().clone()).unwrap_err().is_schema());
    let planned = now.world().with(&Changes::new().put(&user("new"), [])).unwrap();
    assert!(Live::new(now.ward().clone(), planned).unwrap_err().is_request());
}
