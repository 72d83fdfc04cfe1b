//! Batches of changes: what is refused, what is seen by whom, and when.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use caseward::ActionName;
use caseward::Context;
use caseward::attendance::Sample;
use caseward::testing::asks::{environment, query};
use caseward::{Changes, Cursor, EntityUid, Request, Source, Sources, Value, Ward, World, WorldBuilder};

const SCHEMA: &str = r#"
    entity Kind enum ["one", "two"];
    entity User in [Team] = { name?: String, best?: User };
    entity Team in [Team];
    entity Doc = { open: Bool, owner: User, kind: Kind, size?: Long } tags String;
    action read appliesTo { principal: User, resource: Doc };
"#;

fn ward() -> Ward {
    let text = "@id(\"open\") permit (principal, action, resource) when { resource.open };";
    let policies = vec![Source::new("open", text)];
    Ward::new(&Sources { schema: Source::new("schema", SCHEMA), policies, catalogue: None }).unwrap()
}

fn uid(text: &str) -> EntityUid {
    text.parse().unwrap()
}

fn doc(open: bool) -> [(&'static str, Value); 3] {
    [("open", open.into()), ("owner", uid("User::\"u\"").into()), ("kind", uid("Kind::\"one\"").into())]
}

/// A user, two documents of which the first is open, and a team.
fn world(ward: &Ward) -> World {
    let mut builder = WorldBuilder::new(ward.schema());
    builder.add(&uid("User::\"u\""), []);
    builder.add(&uid("Team::\"t\""), []);
    builder.add(&uid("Doc::\"a\""), doc(true));
    builder.add(&uid("Doc::\"b\""), doc(false));
    builder.finish().unwrap()
}

fn text(world: &World) -> String {
    let mut json = Vec::new();
    world.write_json(&mut json).unwrap();
    String::from_utf8(json).unwrap()
}

#[test]
fn what_makes_no_sense_is_refused_and_leaves_the_world_as_it_was() {
    let ward = ward();
    let world = world(&ward);
    let before = text(&world);
    let (u, t, a) = (uid("User::\"u\""), uid("Team::\"t\""), uid("Doc::\"a\""));
    let nobody = uid("User::\"nobody\"");
    // A good change first, so that half a batch would show.
    let good = || Changes::new().set(&u, "name", "Ū\u{0}\"");
    let cases = [
        (good().set(&nobody, "name", "x"), "User::\"nobody\": is not in the data"),
        (good().unset(&uid("Doc::\"z\""), "size"), "is not in the data"),
        (good().remove(&uid("Nothing::\"x\"")), "no entity type `Nothing`"),
        (good().set(&u, "nam", "x"), "`nam` is not in the schema; did you mean `name`?"),
        (good().set(&u, "name", 1), "expected String, found a Long"),
        (good().unset(&a, "open"), "attribute `open` is missing"),
        (good().set(&a, "owner", nobody.clone()), "attribute `owner`: User::\"nobody\" is not in the data"),
        (good().set(&a, "kind", uid("Kind::\"three\"")), "is not one of the schema's"),
        (good().remove(&uid("Kind::\"one\"")), "the schema alone says"),
        (good().remove(&u), "there are still 2 references to it"),
        (good().put(&uid("Doc::\"c\""), []), "attribute `kind` is missing"),
        (good().set_parents(&u, [a.clone()]), "may not lie in Doc::\"a\""),
        (good().set_parents(&u, [uid("Team::\"x\"")]), "parent: Team::\"x\" is not in the data"),
        (good().set_parents(&t, [t.clone()]), "lies in itself"),
        (good().set_tag(&a, "t", 1), "tag `t`: expected String"),
        (good().set_tag(&u, "t", "x"), "the type has no tags"),
    ];
    for (changes, why) in cases {
        let error = world.apply(&changes).unwrap_err();
        let problems = error.to_string().replace("there is still", "there are still");
        assert!(error.is_data() && problems.contains(why), "{why}: {problems}");
        assert!(world.with(&changes).unwrap_err().is_data(), "{why}");
        assert_eq!((text(&world), world.version()), (before.clone(), 1), "{why}");
    }
}

#[test]
fn numbers_and_ids_at_their_edges_survive() {
    let ward = ward();
    let world = world(&ward);
    for (n, id) in ["", "\u{0}", "a\"b\\", "👩‍🏫", "e\u{301}", &"x".repeat(100_000)].into_iter().enumerate()
    {
        let new = EntityUid::new("Doc", id);
        for size in [i64::MIN, -1, 0, i64::MAX] {
            let changes = Changes::new().put(&new, doc(n % 2 == 0)).set(&new, "size", size);
            world.apply(&changes).unwrap();
            assert_eq!(world.attribute(&new, "size").unwrap(), Some(size.into()));
        }
    }
    let again = ward.read_world(text(&world).as_bytes()).unwrap();
    assert_eq!(text(&again), text(&world));
}

#[test]
fn entities_go_and_come_again() {
    let ward = ward();
    let world = world(&ward);
    let (u, v, a, b) = (uid("User::\"u\""), uid("User::\"v\""), uid("Doc::\"a\""), uid("Doc::\"b\""));
    // Two that name each other go together.
    let pair = Changes::new().put(&v, [("best", u.clone().into())]).set(&u, "best", v.clone());
    assert_eq!(world.apply(&pair).unwrap(), 2);
    assert!(world.apply(&Changes::new().remove(&v)).is_err());
    let gone = Changes::new().remove(&v).remove(&u).remove(&a).remove(&b);
    assert_eq!(world.apply(&gone).unwrap(), 3);
    assert_eq!((world.count("User").unwrap(), world.count("Doc").unwrap()), (0, 0));
    let handle = world.handle(&a);
    assert_eq!(handle, None);
    let back = Changes::new().put(&u, []).put(&b, doc(true)).put(&a, doc(true));
    world.apply(&back).unwrap();
    let ids: Vec<&str> = world.ids("Doc").unwrap().collect();
    assert_eq!(ids, ["a", "b"], "who comes again has the place that he had");
}

#[test]
fn a_version_is_waited_for_until_a_deadline() {
    let ward = ward();
    let world = world(&ward);
    let error = world.at_least(2, Duration::from_millis(20)).unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("version 2 has not come"), "{error}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| world.at_least(2, Duration::from_secs(60)));
        let version = world.apply(&Changes::new()).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), version);
    });
    assert_eq!(world.at_least(1, Duration::ZERO).unwrap(), 2);
}

#[test]
fn a_long_column_of_ids_is_decided_as_each_by_itself() {
    let ward = Ward::attendance().unwrap();
    let world = Sample { cases: 300, seed: 5 }.build(&ward, &mut |_| {}).unwrap();
    let (late, gone) = (uid("Case::\"late\""), uid("Case::\"gone\""));
    let like = EntityUid::new("Case", world.ids("Case").unwrap().next().unwrap());
    let attributes = world.attributes(&like).unwrap().unwrap();
    let put =
        |uid| Changes::new().put(uid, attributes.iter().map(|(name, value)| (name.as_ref(), value.clone())));
    world.apply(&put(&late)).unwrap();
    world.apply(&put(&gone)).unwrap();
    world.apply(&Changes::new().remove(&gone)).unwrap();

    let decider = ward.decider(&world, &environment("User", "viewSummary", "Case")).unwrap();
    let now = BTreeMap::from([("now".into(), Value::Datetime(crate::support::NOW))]);
    let context = decider.prepare(&Context::from(now.clone())).unwrap();
    let mut people: Vec<&str> = world.ids("User").unwrap().collect();
    people.extend(["nobody", "", "nobody"]);
    let mut cases: Vec<&str> = world.ids("Case").unwrap().collect();
    cases.extend(["nothing", "gone", "late", "late"]);
    // Runs of one person, of several lengths, and of one case, across the blocks that are looked up together.
    let principals: Vec<&str> = (0..3_000).map(|n| people[(n / (1 + n / 500)) % people.len()]).collect();
    let resources: Vec<&str> = (0..3_000).map(|n| cases[(n * 7 / (1 + n / 1_000)) % cases.len()]).collect();
    let decided = decider.decide_ids(&principals, &resources, &context).unwrap().allowed;
    let by_themselves = principals.iter().zip(&resources).map(|(principal, resource)| {
        let (principal, resource) = (EntityUid::new("User", *principal), EntityUid::new("Case", *resource));
        decider.allows_named(&principal, &resource, &context).unwrap()
    });
    assert_eq!(decided, by_themselves.collect::<Vec<_>>());
    let allowed = decided.iter().filter(|allowed| **allowed).count();
    assert!(allowed > 20, "too few are allowed: {allowed}");
    assert!(decider.decide_ids(&principals, &resources[1..], &context).unwrap_err().is_request());
    assert!(decider.decide_ids(&[], &[], &context).unwrap().allowed.is_empty());
}

#[test]
fn handles_and_cursors_belong_to_their_world() {
    let ward = ward();
    let (one, other) = (world(&ward), world(&ward));
    let (u, a) = (uid("User::\"u\""), uid("Doc::\"a\""));
    let decider = ward.decider(&one, &environment("User", "read", "Doc")).unwrap();
    let context = decider.prepare(&Context::new()).unwrap();
    let (user, doc) = (one.handle(&u).unwrap(), one.handle(&a).unwrap());
    assert!(decider.allows(user, doc, &context).unwrap());
    for (user, doc) in [(other.handle(&u).unwrap(), doc), (doc, user), (doc, doc)] {
        assert!(decider.allows(user, doc, &context).unwrap_err().is_request());
    }
    assert!(decider.decide_columns(&[user], &[], &context).unwrap_err().is_request());
    let elsewhere =
        ward.decider(&other, &environment("User", "read", "Doc")).unwrap().prepare(&Context::new()).unwrap();
    assert!(decider.allows(user, doc, &elsewhere).unwrap_err().is_request());

    one.apply(&Changes::new().set(&uid("Doc::\"b\""), "open", true)).unwrap();
    let list = |world| ward.visible(world, &query(&u, "read", "Doc", &BTreeMap::new())).unwrap();
    let cursor = list(&one).page(None, 1).unwrap().next.unwrap();
    assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
    assert!("12-".parse::<Cursor>().is_err() && "x".parse::<Cursor>().is_err());
    assert_eq!(list(&one).page(Some(cursor), 9).unwrap().entities, [uid("Doc::\"b\"")]);
    assert!(list(&other).page(Some(cursor), 1).unwrap_err().is_request());
    for cursor in [None, Some(cursor)] {
        assert!(list(&one).page(cursor, 0).unwrap_err().is_request());
    }
}

/// Each batch closes one document and opens the other: who sees both or none has seen half of it.
#[test]
fn nobody_sees_half_a_batch() {
    const BATCHES: u64 = 3_000;
    let ward = ward();
    let world = world(&ward);
    let (u, docs) = (uid("User::\"u\""), [uid("Doc::\"a\""), uid("Doc::\"b\"")]);
    let done = AtomicBool::new(false);
    let read = || {
        let decider = ward.decider(&world, &environment("User", "read", "Doc")).unwrap();
        let context = decider.prepare(&Context::new()).unwrap();
        let user = world.handle(&u).unwrap();
        let handles = docs.clone().map(|doc| world.handle(&doc).unwrap());
        let (mut rounds, mut last) = (0_u64, 0);
        while !done.load(Ordering::Relaxed) || rounds < 100 {
            let column = decider.decide_columns(&[user, user], &handles, &context).unwrap();
            assert_eq!(column.allowed.iter().filter(|allowed| **allowed).count(), 1);
            let list = ward.visible(&world, &query(&u, "read", "Doc", &BTreeMap::new())).unwrap();
            assert_eq!(list.len(), 1);
            assert_eq!(list.contains(&docs[0]), list.provenance().version % 2 == 1);
            let answer = ward
                .check(&world, &Request::new(u.clone(), ActionName::new("read"), docs[0].clone()))
                .unwrap();
            assert_eq!(answer.is_allowed(), answer.provenance.version % 2 == 1);
            assert!(
                answer.provenance.version >= last && list.provenance().version <= answer.provenance.version
            );
            last = answer.provenance.version;
            rounds += 1;
        }
        rounds
    };
    std::thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        for n in 0..BATCHES {
            let open = n % 2 == 1;
            world.apply(&Changes::new().set(&docs[0], "open", open).set(&docs[1], "open", !open)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let rounds: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(rounds >= 200);
    });
    assert_eq!(world.version(), BATCHES + 1);
}

#[test]
fn changes_are_read_from_json() {
    let ward = ward();
    let (read, made) = (world(&ward), world(&ward));
    let (u, t, a, c) = (uid("User::\"u\""), uid("Team::\"t\""), uid("Doc::\"a\""), uid("Doc::\"c\""));
    let json = r#"[
        {"put": {"uid": {"type": "Doc", "id": "c"}, "tags": {"n": "1"}, "parents": [], "attrs":
            {"open": true, "owner": {"__entity": {"type": "User", "id": "u"}}, "kind": {"type": "Kind", "id": "one"}}}},
        {"set": {"uid": "User::\"u\"", "name": "name", "value": "Ū\u0000\""}},
        {"set": {"uid": {"__entity": {"type": "Doc", "id": "a"}}, "name": "size", "value": 9007199254740993}},
        {"set": {"uid": "Doc::\"c\"", "name": "size", "value": 1}},
        {"unset": {"uid": "Doc::\"c\"", "name": "size"}},
        {"set_parents": {"uid": "User::\"u\"", "parents": ["Team::\"t\""]}},
        {"set_tag": {"uid": "Doc::\"a\"", "name": "x", "value": "y"}},
        {"set_tag": {"uid": "Doc::\"a\"", "name": "gone", "value": "y"}},
        {"unset_tag": {"uid": "Doc::\"a\"", "name": "gone"}},
        {"remove": {"uid": "Doc::\"b\""}}
    ]"#;
    let tags = BTreeMap::from([("n".into(), Value::from("1"))]);
    let changes = Changes::new()
        .put_whole(&c, doc(true), [], tags)
        .set(&u, "name", "Ū\u{0}\"")
        .set(&a, "size", 9_007_199_254_740_993)
        .set_parents(&u, [t])
        .set_tag(&a, "x", "y")
        .remove(&uid("Doc::\"b\""));
    read.apply(&ward.read_changes(json).unwrap()).unwrap();
    made.apply(&changes).unwrap();
    assert_eq!(text(&read), text(&made));
    assert!(ward.read_changes("[]").unwrap().is_empty());
}

#[test]
fn changes_in_json_that_make_no_sense_are_refused() {
    let ward = ward();
    for (json, why) in [
        ("{}", "not a list of changes in JSON"),
        ("[{}]", "not a list of changes in JSON"),
        (r#"[{"put": {"uid": "User::\"u\""}, "remove": {"uid": "User::\"u\""}}]"#, "not a list of changes"),
        (r#"[{"remove": {"uid": "User::\"u\"", "name": "x"}}]"#, "unknown field `name`"),
        (r#"[{"remove": {"uid": 7}}]"#, "change 1: 7 is not an entity's name"),
        (r#"[{"remove": {"uid": "u"}}]"#, "change 1: `u` is not an entity's name"),
        (r#"[{"remove": {"uid": "X::\"u\""}}]"#, "change 1: X::\"u\": the schema has no entity type `X`"),
        (
            r#"[{"set": {"uid": "User::\"u\"", "name": "nam", "value": ""}}]"#,
            "User::\"u\": attribute `nam` is not in the schema; did you mean `name`?",
        ),
        (
            r#"[{"set": {"uid": "User::\"u\"", "name": "name", "value": 1}}]"#,
            "attribute `name`: expected String, found 1",
        ),
        (
            r#"[{"set": {"uid": "Doc::\"a\"", "name": "size", "value": 9223372036854775808}}]"#,
            "attribute `size`: expected Long, found 9223372036854775808",
        ),
        (r#"[{"set_tag": {"uid": "User::\"u\"", "name": "x", "value": ""}}]"#, "type `User` has no tags"),
        (r#"[{"set_tag": {"uid": "Doc::\"a\"", "name": "x", "value": []}}]"#, "tag `x`: expected String"),
        (r#"[{"put": {"uid": "User::\"u\"", "attrs": {"name": "", "name": ""}}}]"#, "`name`"),
        (r#"[{"put": {"uid": "User::\"u\"", "attrs": []}}]"#, "expected"),
        (r#"[{"put": {"uid": ["User", "u"]}}]"#, "is not an entity's name"),
        (r#"[["put", {"uid": "User::\"u\""}]]"#, "not a list of changes in JSON"),
        (r#"[{"set_parents": {"uid": "User::\"u\"", "parents": [[]]}}]"#, "[] is not an entity's name"),
    ] {
        let error = ward.read_changes(json).unwrap_err();
        assert!(error.is_data() && error.to_string().contains(why), "{json}: {error}");
    }
    // A list where an object belongs is no list of its fields.
    for list in [
        r#"[{"put": ["User::\"u\""]}]"#,
        r#"[{"set": ["User::\"u\"", "name", ""]}]"#,
        r#"[{"unset": ["User::\"u\"", "name"]}]"#,
        r#"[{"set_parents": ["User::\"u\"", []]}]"#,
        r#"[{"set_tag": ["User::\"u\"", "x", ""]}]"#,
        r#"[{"unset_tag": ["User::\"u\"", "x"]}]"#,
        r#"[{"remove": ["User::\"u\""]}]"#,
    ] {
        let error = ward.read_changes(list).unwrap_err().to_string();
        assert!(
            error.contains("invalid type: sequence, expected fields with their names at line 1"),
            "{list}: {error}"
        );
    }
    let both = r#"[{"remove": {"uid": 7}}, {"remove": {"uid": 8}}]"#;
    assert_eq!(ward.read_changes(both).unwrap_err().problems().len(), 2);
    let deep = format!(r#"[{{"remove": {{"uid": {}{}}}}}]"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(ward.read_changes(&deep).unwrap_err().is_data());
}

#[test]
fn decisions_by_number_are_those_by_handle() {
    let ward = ward();
    let world = world(&ward);
    let decider = ward.decider(&world, &environment("User", "read", "Doc")).unwrap();
    let context = decider.prepare(&Context::new()).unwrap();
    let number = |name| world.handle(&uid(name)).unwrap().number();
    let (user, open, closed) = (number("User::\"u\""), number("Doc::\"a\""), number("Doc::\"b\""));
    assert!(decider.allows_numbered(user, open, &context).unwrap());
    for (user, doc) in [(user, closed), (0, open), (user, 0), (user, u32::MAX), (u32::MAX, open), (9, 9)] {
        assert!(!decider.allows_numbered(user, doc, &context).unwrap(), "{user} {doc}");
    }
    let column = decider.decide_numbered(&[user], &[open, closed, 0, open], &context).unwrap();
    assert_eq!(column.allowed, [true, false, false, true]);
    let column = decider.decide_numbered(&[user, 0, user], &[open], &context).unwrap();
    assert_eq!(column.allowed, [true, false, true]);
    assert!(decider.decide_numbered(&[user], &[], &context).unwrap().allowed.is_empty());
    assert!(decider.decide_numbered(&[user, user], &[open, open, open], &context).unwrap_err().is_request());
}

/// A store counts its batches itself, and a world of it says its numbers: whatever the world had counted before, nothing that
/// was known by a number goes on, and nothing is found to have changed that has not.
#[test]
fn a_world_counts_as_it_is_told() {
    let ward = ward();
    let world = world(&ward);
    let (u, b) = (uid("User::\"u\""), uid("Doc::\"b\""));
    let listed = |world: &World| {
        let query = query(&u, "read", "Doc", &BTreeMap::new());
        let ids: Vec<String> = ward.visible(world, &query).unwrap().ids().map(str::to_owned).collect();
        ids
    };
    for n in 0..20 {
        world
            .apply(&Changes::new().set(&b, "size", i64::from(n)).set(&u, "name", format!("{n}").as_str()))
            .unwrap();
        assert_eq!(listed(&world), ["a"]);
    }
    let world = world.counting_from(3);
    assert_eq!((world.version(), listed(&world)), (3, vec!["a".to_owned()]));
    assert!(
        ward.visible(&world, &query(&u, "read", "Doc", &BTreeMap::new())).unwrap().provenance().version == 3
    );
    // One that makes a later version, one that changes nothing, and one that is late.
    assert_eq!(world.apply_as(7, &Changes::new().set(&b, "open", true)).unwrap(), 7);
    assert_eq!((world.version(), listed(&world)), (7, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(world.apply_as(8, &Changes::new()).unwrap(), 8);
    for late in [0, 7, 8] {
        let error = world.apply_as(late, &Changes::new().set(&b, "open", false)).unwrap_err();
        assert!(error.is_request(), "{error}");
    }
    assert_eq!((world.version(), listed(&world)), (8, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(world.apply(&Changes::new().set(&b, "open", false)).unwrap(), 9);
    // A store without a batch has version 0. One that is shared is not counted anew.
    let none = WorldBuilder::new(ward.schema()).finish().unwrap().counting_from(0);
    assert_eq!(World::from_bytes(ward.schema(), &none.to_bytes()).unwrap().version(), 0);
    let shared = world.clone();
    assert_eq!((world.counting_from(1).version(), shared.version()), (9, 9));
}
