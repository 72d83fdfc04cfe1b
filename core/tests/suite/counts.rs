//! Counts by group. The laws compare them with lists, on random worlds.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::attendance::{Sample, zone};
use caseward::testing::asks::query;
use caseward::testing::laws::{self, Extent};
use caseward::{
    Changes, Count, EntityUid, Group, Key, Source, Sources, Table, Unit, Value, Ward, World, WorldBuilder,
    Zone,
};
use serde_json::json;

use crate::support::{ATTENDANCE, CLINIC, NOW, at, facts, number};

/// Everyone may read everything, of records of all kinds.
const SCHEMA: &str = "
    entity User;
    entity Place = { kind: String, above?: Place };
    entity Doc = { @section(\"all\") place?: Place, @section(\"all\") kind: String, @section(\"all\") open: Bool,
        @section(\"all\") size?: Long, @section(\"all\") made: datetime, @section(\"all\") readers: Set<User>,
        @section(\"all\") price?: decimal, @section(\"all\") words: Set<String>, @section(\"all\") from?: ipaddr,
        @section(\"all\") note?: { text: String }, secret?: String };
    action read appliesTo { principal: User, resource: Doc };";

/// Everyone sees all of it, but for a secret that stands in no section.
const CATALOGUE: &str = "
    [Doc]
    known_by = [\"read\"]
    sections = { all = \"read\" }
    [Place]
    public = [\"kind\", \"above\"]";

fn ward() -> Ward {
    let policy = Source::new("all", "@id(\"all\") permit (principal, action, resource);");
    let catalogue = Some(Source::new("fields.toml", CATALOGUE));
    Ward::new(&Sources { schema: Source::new("schema", SCHEMA), policies: vec![policy], catalogue }).unwrap()
}

fn user(id: &str) -> EntityUid {
    EntityUid::new("User", id)
}

fn doc(id: &str) -> EntityUid {
    EntityUid::new("Doc", id)
}

fn place(id: &str) -> EntityUid {
    EntityUid::new("Place", id)
}

/// A document made at an instant, with readers and more.
fn put(builder: &mut WorldBuilder, id: &str, made: i64, readers: &[&str], more: &[(&str, Value)]) {
    let readers = Value::set(readers.iter().map(|id| Value::Entity(user(id))));
    let mut all: BTreeMap<&str, Value> = BTreeMap::from([
        ("made", Value::Datetime(made)),
        ("readers", readers),
        ("kind", "plan".into()),
        ("open", true.into()),
        ("words", Value::set([])),
    ]);
    all.extend(more.iter().cloned());
    builder.add(&doc(id), all);
}

/// 2026-05-31T12:00:00Z, when June begins in Wellington.
const JUNE: i64 = 1_780_228_800_000;

fn world(ward: &Ward) -> World {
    let mut builder = WorldBuilder::new(ward.schema());
    ["ana", "ben"].iter().for_each(|id| builder.add(&user(id), []));
    builder.add(&place("top"), [("kind", "a".into())]);
    builder.add(&place("low"), [("kind", "b".into()), ("above", place("top").into())]);
    put(&mut builder, "d1", JUNE - 1, &["ana", "ben"], &[("place", place("low").into()), ("size", 7.into())]);
    put(
        &mut builder,
        "d2",
        JUNE,
        &["ana"],
        &[("place", place("top").into()), ("price", Value::Decimal(12_500))],
    );
    put(
        &mut builder,
        "d3",
        JUNE,
        &[],
        &[("kind", "note".into()), ("words", Value::set(["x".into(), "y".into()]))],
    );
    builder.finish().unwrap()
}

fn count(ward: &Ward, world: &World, by: &[Group]) -> Table {
    ward.count_by(world, &query(&user("ana"), "read", "Doc", &BTreeMap::new()), by).unwrap()
}

/// The lines of a table, cells and then totals.
#[track_caller]
fn check(table: &Table, expected: &[(&[&str], u64)]) {
    let lines = table.cells().iter().chain(table.totals());
    let found: Vec<(Vec<String>, u64)> = lines
        .map(|line| (line.keys.iter().map(Key::to_string).collect(), line.count.number().unwrap()))
        .collect();
    let expected: Vec<(Vec<String>, u64)> =
        expected.iter().map(|(keys, n)| (keys.iter().map(|key| (*key).to_owned()).collect(), *n)).collect();
    assert_eq!(found, expected);
}

#[test]
fn each_kind_of_value_is_a_group() {
    let ward = ward();
    let world = world(&ward);
    let by = |path: &str| count(&ward, &world, &[Group::of(path)]);
    check(&by("kind"), &[(&["note"], 1), (&["plan"], 2), (&["all"], 3)]);
    check(&by("open"), &[(&["true"], 3), (&["all"], 3)]);
    check(&by("size"), &[(&["7"], 1), (&["(none)"], 2), (&["all"], 3)]);
    check(&by("price"), &[(&["1.2500"], 1), (&["(none)"], 2), (&["all"], 3)]);
    check(&by("from"), &[(&["(none)"], 3), (&["all"], 3)]);
    check(&by("place"), &[(&["low"], 1), (&["top"], 1), (&["(none)"], 1), (&["all"], 3)]);
    // Absent on the way is absent.
    check(&by("place.above.kind"), &[(&["a"], 1), (&["(none)"], 2), (&["all"], 3)]);
    // In each value of a set, and once in all; those whose set is empty are a group, and none without a set.
    check(&by("readers"), &[(&["ana"], 2), (&["ben"], 1), (&["(empty)"], 1), (&["all"], 3)]);
    check(&by("words"), &[(&["x"], 1), (&["y"], 1), (&["(empty)"], 2), (&["all"], 3)]);
    check(&count(&ward, &world, &[]), &[(&[], 3)]);
}

#[test]
fn instants_are_grouped_by_a_zones_calendar() {
    let ward = ward();
    let world = world(&ward);
    let month = |zone: &Zone| count(&ward, &world, &[Group::period(Unit::Month, "made", zone)]);
    check(&month(&Zone::utc()), &[(&["2026-05"], 3), (&["all"], 3)]);
    check(&month(&zone()), &[(&["2026-05"], 1), (&["2026-06"], 2), (&["all"], 3)]);
    let quarter = Group::parse("quarter of made", &zone()).unwrap();
    assert_eq!(quarter.name().as_ref(), "quarter of made");
    check(&count(&ward, &world, &[quarter]), &[(&["2026-Q2"], 3), (&["all"], 3)]);
}

#[test]
fn several_groups_make_a_table_with_its_totals() {
    let ward = ward();
    let world = world(&ward);
    let table = count(&ward, &world, &[Group::of("readers"), Group::of("kind")]);
    // What two read counts twice in its rows, and once in the total of its column.
    let expected: &[(&[&str], u64)] = &[
        (&["ana", "plan"], 2),
        (&["ben", "plan"], 1),
        (&["(empty)", "note"], 1),
        (&["ana", "all"], 2),
        (&["ben", "all"], 1),
        (&["(empty)", "all"], 1),
        (&["all", "note"], 1),
        (&["all", "plan"], 2),
        (&["all", "all"], 3),
    ];
    let mut found: Vec<_> = table.totals().iter().map(|line| line.keys.len()).collect();
    found.dedup();
    assert_eq!(found, [2]);
    check(&table, expected);
    assert_eq!(table.count(&[Key::Value("ana".into()), Key::Absent]), Count::Exact(0));
    assert_eq!(table.percent(Count::Exact(1)), Some(100.0 / 3.0));
}

#[test]
fn a_group_follows_changes_and_what_is_seen_through_them() {
    let ward = ward();
    let world = world(&ward);
    let by = [Group::of("place"), Group::of("place.kind")];
    let before = count(&ward, &world, &by);
    let changes = Changes::new().set(&place("low"), "kind", "c").set(&doc("d2"), "place", place("low"));
    let through = count(&ward, &world.with(&changes).unwrap(), &by);
    check(
        &through,
        &[
            (&["low", "c"], 2),
            (&["(none)", "(none)"], 1),
            (&["low", "all"], 2),
            (&["(none)", "all"], 1),
            (&["all", "c"], 2),
            (&["all", "(none)"], 1),
            (&["all", "all"], 3),
        ],
    );
    assert_eq!(count(&ward, &world, &by), before);
    let version = world.apply(&changes).unwrap();
    let after = count(&ward, &world, &by);
    assert_eq!((after.provenance().version, after.cells()), (version, through.cells()));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let ward = ward();
    let world = world(&ward);
    let refused = |by: &[&str]| {
        let by: Vec<Group> = by.iter().map(|path| Group::of(*path)).collect();
        let error =
            ward.count_by(&world, &query(&user("ana"), "read", "Doc", &BTreeMap::new()), &by).unwrap_err();
        assert!(error.is_request(), "{error}");
        error.to_string()
    };
    let long = ["place"; 3].join(".") + &".above".repeat(40);
    for (by, why) in [
        (vec!["knd"], "`Doc` has no attribute `knd`; did you mean `kind`?"),
        (vec!["place.knd"], "`Place` has no attribute `knd`"),
        (vec![""], "no attribute ``"),
        (vec!["kind."], "no path leads on to ``"),
        (vec!["kind.length"], "no path leads on to `length`"),
        (vec!["readers.name"], "no path leads on to `name`"),
        (vec!["note"], "it is a record"),
        (vec!["note.text"], "no path leads on"),
        (vec!["made"], "as in `month of made`"),
        (vec!["kind", "kind"], "given twice"),
        (vec!["secret"], "nobody may see `secret` of `Doc`"),
        (vec!["kind", "open", "size", "place", "price"], "at most 4 groups"),
        (vec![&long.replace("place.place.place", "place")], "at most 16 attributes"),
    ] {
        let message = refused(&by);
        assert!(message.contains(why), "{message}");
    }
    let month = Group::parse("month of kind", &Zone::utc()).unwrap();
    let error =
        ward.count_by(&world, &query(&user("ana"), "read", "Doc", &BTreeMap::new()), &[month]).unwrap_err();
    assert!(error.to_string().contains("it is no instant"), "{error}");
    let error = Group::parse(" ", &Zone::utc()).unwrap_err();
    assert!(error.to_string().contains("an empty text names none"), "{error}");
    let error = Group::parse("mnth of made", &Zone::utc()).unwrap_err();
    assert!(error.to_string().contains("did you mean `month`?"), "{error}");
    // Nobody is told that they are nobody.
    let nobody =
        ward.count_by(&world, &query(&user("zed"), "read", "Doc", &BTreeMap::new()), &[Group::of("kind")]);
    check(&nobody.unwrap(), &[(&["all"], 0)]);
}

#[test]
fn a_table_is_text_csv_and_json() {
    let ward = ward();
    let world = world(&ward);
    let one = count(&ward, &world, &[Group::of("place")]);
    let text = "place   count      %\nlow         1   33.3\ntop         1   33.3\n(none)      1   33.3\nall         3  100.0\n";
    assert_eq!(one.to_string(), text);
    let csv = "groups,place,count,percent\r\nplace,low,1,33.3\r\nplace,top,1,33.3\r\nplace,,1,33.3\r\n,,3,100.0\r\n";
    assert_eq!(one.to_csv(), csv);
    let two = count(&ward, &world, &[Group::of("place"), Group::of("kind")]);
    let text = "place by kind  note  plan  all\nlow               0     1    1\ntop               0     1    1\n\
        (none)            1     0    1\nall               1     2    3\n";
    assert_eq!(two.to_string(), text);
    let json = serde_json::to_value(&two).unwrap();
    assert_eq!(
        json["cells"][0],
        json!({
            "key": {"place": {"__entity": {"type": "Place", "id": "low"}}, "kind": "plan"}, "count": 1, "percent": 33.3
        })
    );
    assert_eq!(json["cells"][2]["key"], json!({"place": null, "kind": "note"}));
    assert_eq!(
        json["totals"][0],
        json!({
            "key": {"place": {"__entity": {"type": "Place", "id": "low"}}}, "count": 1, "percent": 33.3
        })
    );
    assert_eq!(json["totals"][5], json!({"key": {}, "count": 3, "percent": 100.0}));
    assert_eq!((&json["of"], &json["by"]), (&json!("Doc"), &json!(["place", "kind"])));
    assert_eq!((&json["protected"], &json["version"], &json["now"]), (&json!(null), &json!(1), &json!(null)));
    assert_eq!(json["policy_hash"].as_str().unwrap().len(), 64);
}

#[test]
fn csv_and_text_take_hostile_names() {
    let ward = ward();
    let mut builder = WorldBuilder::new(ward.schema());
    builder.add(&user("ana"), []);
    for (at, kind) in ["=1+1", "a,\"b\"\nc", " x", "\u{1b}[31m"].iter().enumerate() {
        put(&mut builder, &format!("d{at}"), 0, &[], &[("kind", (*kind).into()), ("size", Value::Long(-5))]);
    }
    let world = builder.finish().unwrap();
    let table = count(&ward, &world, &[Group::of("kind"), Group::of("size")]);
    let csv = table.to_csv();
    for line in ["'=1+1,-5,1", "\"a,\"\"b\"\"\nc\",-5,1", "\" x\",-5,1"] {
        assert!(csv.contains(line), "{csv}");
    }
    assert!(!table.to_string().contains('\u{1b}') && table.to_string().lines().count() == 6, "{table}");
}

/// The same counts by the two ways of counting: a table of groups that indices hold, and one more that none can.
#[test]
fn indices_and_rows_count_alike() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 6_000, seed: 3 }.build(ward, &mut |_| {}).unwrap();
    ward.make_indices(&world).unwrap();
    let people: Vec<EntityUid> = world.ids("User").unwrap().map(|id| EntityUid::new("User", id)).collect();
    let now = at(NOW);
    let (mut seen, mut large) = (0, 0);
    for person in people.iter().step_by(41) {
        for paths in [&["status"][..], &["provider"], &["status", "provider"], &["school", "status"]] {
            let ask = |groups: &[Group]| {
                ward.count_by(&world, &query(person, "viewSummary", "Case", &now), groups).unwrap()
            };
            let mut groups: Vec<Group> = paths.iter().map(|path| Group::of(*path)).collect();
            let table = ask(&groups);
            // An instant makes it look at every record.
            groups.push(Group::period(Unit::Quarter, "openedAt", &zone()));
            let longer = ask(&groups);
            let kept = longer.totals().iter().filter(|line| line.keys.last() == Some(&Key::All));
            let shortened = |keys: &[Key]| keys[..keys.len() - 1].to_vec();
            let by_rows: BTreeMap<Vec<Key>, Count> =
                kept.map(|line| (shortened(&line.keys), line.count)).collect();
            let lines = table.cells().iter().chain(table.totals());
            let by_indices: BTreeMap<Vec<Key>, Count> =
                lines.map(|line| (line.keys.clone(), line.count)).collect();
            assert_eq!(by_indices, by_rows, "{person} by {paths:?}");
            seen += by_indices.len();
            large = large.max(table.total().number().unwrap());
        }
    }
    assert!(seen > 500 && large == 6_000, "{seen} lines, up to {large} records");
}

#[test]
fn another_domain_is_counted_too() {
    let (facts, world) = facts(&CLINIC, &[]);
    let staff = facts.of_type(CLINIC.schema().type_id("Clinic::Staff").unwrap())[0].clone();
    let code: BTreeMap<Arc<str>, Value> = [("code".into(), Value::Long(1))].into();
    let by = [Group::of("name")];
    let table = CLINIC.count_by(&world, &query(&staff, "open", "Clinic::Ward", &code), &by).unwrap();
    let listed = CLINIC.list(&world, &query(&staff, "open", "Clinic::Ward", &code)).unwrap();
    assert_eq!(table.total(), Count::Exact(listed.len() as u64));
    let error = CLINIC
        .count_by(&world, &query(&staff, "open", "Clinic::Ward", &code), &[Group::of("home")])
        .unwrap_err();
    assert!(error.to_string().contains("it is a record"), "{error}");
}

/// Somebody of the sample who may do one action on some cases, and another on none of these.
fn who_may_but_not(world: &World, may: &str, not: &str) -> EntityUid {
    let now = at(NOW);
    let of = |person: &EntityUid, action: &str| {
        ATTENDANCE.visible(world, &query(person, action, "Case", &now)).unwrap()
    };
    let people = world.ids("User").unwrap().map(|id| EntityUid::new("User", id)).collect::<Vec<_>>();
    let found = people.into_iter().find(|person| !of(person, may).is_empty() && of(person, not).is_empty());
    found.unwrap()
}

#[test]
fn nobody_groups_by_what_they_do_not_see() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 300, seed: 7 }.build(ward, &mut |_| {}).unwrap();
    let now = at(NOW);
    let ask = |person: &EntityUid, (action, ty): (&str, &str), group: &str| {
        let by = [Group::parse(group, &zone()).unwrap()];
        ward.count_by(&world, &query(person, action, ty, &now), &by).map_err(|error| {
            assert!(error.is_request(), "{error}");
            error.to_string()
        })
    };
    let lead = who_may_but_not(&world, "viewSupportPlan", "viewRecord");
    let cases = ("viewSummary", "Case");
    for group in
        ["status", "provider", "provider.kind", "school.catchmentProvider.kind", "day of openedAt", "student"]
    {
        assert!(ask(&lead, cases, group).is_ok(), "{group}");
    }
    for (group, why) in [
        ("prosecutionNotified", "in the section `record` of `Case`, which `viewRecord` shows"),
        ("team", "in the section `record` of `Case`"),
        ("student.nsn", "in the section `personal` of `Case`, which `viewPersonalDetails` shows"),
        ("student.yearLevel", "in the section `personal`"),
        ("student.attendanceRate", "in the section `pattern`"),
        ("student.enrolledAt.kind", "in the section `demographics`"),
        // Not shown with the case, but on a page of their own.
        ("student.currentProvider", "in the section `cases` of `Student`"),
        ("caseManager.monitors", "in the section `access` of `User`"),
        ("month of caseManager.providerAccessFrom", "in the section `access` of `User`"),
    ] {
        let refused = ask(&lead, cases, group).expect_err(group);
        assert!(refused.contains(why) && refused.contains("of every record"), "{refused}");
        assert!(!refused.contains(char::is_numeric) || refused.contains("u0"), "no count is told: {refused}");
    }
    let items = ("viewItem", "Item");
    assert!(ask(&lead, items, "kind").is_ok());
    for group in ["sharedWith", "sensitive"] {
        let refused = ask(&lead, items, group).expect_err(group);
        assert!(
            refused.contains("in the section `handling` of `Item`, which `unshareItem` shows"),
            "{refused}"
        );
    }
    // Those of which they see the record, they group by what stands in it.
    let manager = who_may_but_not(&world, "viewRecord", "requestAgencyInformation");
    for group in ["prosecutionNotified", "team"] {
        assert!(ask(&manager, ("viewRecord", "Case"), group).is_ok());
    }
    // Of nobody's records nothing is told, and what nobody may ever see is refused all the same.
    let nobody = EntityUid::new("User", "nobody");
    assert_eq!(ask(&nobody, cases, "prosecutionNotified").unwrap().total(), Count::Exact(0));
}

#[test]
fn a_road_that_sorts_or_filters_asks_what_a_count_asks() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 300, seed: 7 }.build(ward, &mut |_| {}).unwrap();
    let now = at(NOW);
    let lead = who_may_but_not(&world, "viewSupportPlan", "viewRecord");
    let cases = ward.visible(&world, &query(&lead, "viewSummary", "Case", &now)).unwrap();
    assert!(ward.require_field(&world, &lead, &cases, "status", &now).is_ok());
    let refused = ward.require_field(&world, &lead, &cases, "prosecutionNotified", &now).unwrap_err();
    assert!(refused.to_string().contains("ask for those on which they may do `viewRecord`"), "{refused}");
    assert!(
        ward.require_field(&world, &lead, &cases, "sttus", &now)
            .unwrap_err()
            .to_string()
            .contains("`status`")
    );
    // Found before a change, they are asked about no more.
    let case = EntityUid::new("Case", "c0000001");
    world.apply(&Changes::new().set(&case, "prosecutionNotified", true)).unwrap();
    let stale = ward.require_field(&world, &lead, &cases, "status", &now).unwrap_err();
    assert!(stale.to_string().contains("find them anew"), "{stale}");
    let other = Sample { cases: 300, seed: 7 }.build(ward, &mut |_| {}).unwrap();
    let strange = ward.require_field(&other, &lead, &cases, "status", &now).unwrap_err();
    assert!(strange.to_string().contains("another world"), "{strange}");
}

#[test]
fn without_a_catalogue_nobody_sees_a_field() {
    let policy = Source::new("all", "@id(\"all\") permit (principal, action, resource);");
    let schema = Source::new("schema", SCHEMA);
    let ward = Ward::new(&Sources { schema, policies: vec![policy], catalogue: None }).unwrap();
    let world = world(&ward);
    check(&count(&ward, &world, &[]), &[(&[], 3)]);
    let error =
        ward.count_by(&world, &query(&user("ana"), "read", "Doc", &BTreeMap::new()), &[Group::of("kind")]);
    assert!(error.unwrap_err().to_string().contains("`fields.toml`"));
}

/// Of no record nothing is withheld: a table that has none says nothing else, whoever asks.
#[test]
fn of_nothing_nothing_is_withheld() {
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 300, seed: 7 }.build(ward, &mut |_| {}).unwrap();
    let lead = who_may_but_not(&world, "viewSupportPlan", "viewRecord");
    let by = |principal: &EntityUid, action: &str| {
        let by = [Group::of("prosecutionNotified")];
        ward.count_by(&world, &query(principal, action, "Case", &at(NOW)), &by)
    };
    assert!(by(&lead, "viewSummary").is_err());
    // They may view nothing by this, nor may somebody who is not there.
    check(&by(&lead, "viewRecord").unwrap(), &[(&["all"], 0)]);
    check(&by(&EntityUid::new("User", "nobody"), "viewSummary").unwrap(), &[(&["all"], 0)]);
}

/// Worlds, persons and groups as chance has them: what a count tells, the views of each record show, and what all of
/// these views show is told. The laws on lists ask that of every list; these are some of their cases.
#[test]
fn counts_tell_what_views_show() {
    let times = u64::from(number("CASEWARD_CASES").unwrap_or(1));
    for (law, cases) in [(&laws::ATTENDANCE, 2), (&laws::CLINIC, 10), (&laws::RANDOM, 40)] {
        let seed = number("CASEWARD_SEED").unwrap_or(77).into();
        let extent = Extent { tries: 0, ..Extent::new(cases * times, seed) };
        let counts = law.holds(&extent).unwrap_or_else(|why| panic!("{why}"));
        assert!(counts.lists > 50, "{}: {counts}", law.name);
    }
}
