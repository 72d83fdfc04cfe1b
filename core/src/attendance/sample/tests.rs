//! What is true of every sample, at a size where all of it is looked at.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::people::TEAMS;
use super::{Sample, Sizes, TODAY};
use crate::model::Source;
use crate::policy::Sources;
use crate::{EntityUid, Value, Ward, World};

type Entity = BTreeMap<std::sync::Arc<str>, Value>;

fn sample(cases: usize, seed: u64) -> World {
    let ward = Ward::attendance().expect("the policies load");
    Sample { cases, seed }.build(&ward, &mut |_| {}).expect("a sample passes the builder's checks")
}

/// Every entity of a type, by id.
fn all(world: &World, ty: &str) -> BTreeMap<String, Entity> {
    let uid = |id: &str| EntityUid::new(ty, id);
    world
        .ids(ty)
        .unwrap()
        .map(|id| (id.to_owned(), world.attributes(&uid(id)).unwrap().expect("it is there")))
        .collect()
}

/// The id that an attribute refers to.
fn id<'a>(entity: &'a Entity, name: &str) -> Option<&'a str> {
    match entity.get(name)? {
        Value::Entity(uid) => Some(uid.id()),
        other => panic!("{name} is {other:?}"),
    }
}

fn ids(entity: &Entity, name: &str) -> BTreeSet<String> {
    let Some(Value::Set(values)) = entity.get(name) else { panic!("{name} is no set") };
    let id = |value: &Value| match value {
        Value::Entity(uid) => uid.id().to_owned(),
        other => panic!("{name} holds {other:?}"),
    };
    values.iter().map(id).collect()
}

fn text<'a>(entity: &'a Entity, name: &str) -> &'a str {
    match entity.get(name) {
        Some(Value::String(text)) => text,
        other => panic!("{name} is {other:?}"),
    }
}

fn is(entity: &Entity, name: &str) -> bool {
    entity.get(name) == Some(&Value::Bool(true))
}

fn instant(entity: &Entity, name: &str) -> Option<i64> {
    match entity.get(name)? {
        Value::Datetime(ms) => Some(*ms),
        other => panic!("{name} is {other:?}"),
    }
}

fn holds(people: &BTreeMap<String, Entity>, person: &str, role: &str, place: Option<&str>) -> bool {
    place.is_some_and(|place| ids(&people[person], role).contains(place))
}

#[test]
fn same_seed_same_bytes() {
    let hash = |world: &World| {
        let mut bytes = Vec::new();
        world.write_json(&mut bytes).expect("a buffer takes everything");
        Sha256::digest(&bytes)
    };
    let first = hash(&sample(1_000, 7));
    assert_eq!(first, hash(&sample(1_000, 7)));
    assert_ne!(first, hash(&sample(1_000, 8)));
    // The same on every platform and from release to release, unless the generator changes on purpose.
    let hex: String = first.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "f5638d9008f62cfd");
}

#[test]
fn any_number_of_cases_makes_a_world() {
    for cases in [0, 1, 2, 3, 7, 19, 100] {
        assert_eq!(sample(cases, 3).count("Case").unwrap(), cases);
    }
    // More open cases were wanted than there are students.
    assert_eq!(sample(6_000, 1).count("Case").unwrap(), 6_000);
    let full = Sizes::of(100_000);
    assert_eq!((full.schools, full.providers, full.staff, full.students), (2_500, 80, 12_000, 120_000));
    assert_eq!(Sizes::of(usize::MAX).students, 850_000);
}

#[test]
fn progress_goes_up_to_its_end() {
    let ward = Ward::attendance().expect("the policies load");
    let mut heard = Vec::new();
    Sample { cases: 2_000, seed: 1 }.build(&ward, &mut |done| heard.push(done)).expect("a world");
    assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "{heard:?}");
    assert!(heard.len() > 500 && heard.last() == Some(&1_000));
}

#[test]
fn another_schema_is_refused() {
    let schema = "entity School = { kind: Long }; entity User;\n\
        action read appliesTo { principal: User, resource: School };";
    let ward =
        Ward::new(&Sources { schema: Source::new("other", schema), policies: Vec::new(), catalogue: None })
            .expect("valid");
    let error = Sample { cases: 1_000, seed: 1 }.build(&ward, &mut |_| {}).expect_err("another schema");
    assert!(error.is_policies());
    let said: Vec<&str> = error.problems().iter().map(|p| p.message.as_str()).collect();
    assert!(said.contains(&"the sample needs the entity type `Case`, which the schema lacks"), "{said:?}");
    assert!(said.contains(&"the sample needs `kind` of `School` to be there, of type `String`"), "{said:?}");
}

#[test]
fn students_keep_what_the_store_keeps() {
    let world = sample(4_000, 11);
    let (students, cases) = (all(&world, "Student"), all(&world, "Case"));
    let mut of: BTreeMap<&str, Vec<&Entity>> = BTreeMap::new();
    for case in cases.values() {
        of.entry(id(case, "student").expect("required")).or_default().push(case);
    }
    for (name, student) in &students {
        assert!(!(student.contains_key("enrolledAt") && student.contains_key("lastSchool")), "{name}");
        let theirs = of.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let (open, closed): (Vec<&Entity>, Vec<&Entity>) =
            theirs.iter().partition(|c| text(c, "status") == "open");
        assert!(open.len() <= 1, "{name} has two open cases");
        let open = open.first();
        assert_eq!(id(student, "currentProvider"), open.and_then(|c| id(c, "provider")), "{name}");
        assert_eq!(id(student, "currentCaseManager"), open.and_then(|c| id(c, "caseManager")), "{name}");
        let last = closed.iter().map(|c| instant(c, "closedAt").expect("closed")).max();
        assert_eq!(instant(student, "lastCaseClosedAt"), last.filter(|_| open.is_none()), "{name}");
        let mut spans: Vec<_> =
            theirs.iter().map(|c| (instant(c, "openedAt"), instant(c, "closedAt"))).collect();
        spans.sort();
        for pair in spans.windows(2) {
            assert!(pair[0].1.is_some() && pair[0].1 <= pair[1].0, "cases of {name} overlap: {spans:?}");
        }
    }
}

#[test]
fn cases_keep_what_the_store_keeps() {
    let world = sample(4_000, 12);
    let (students, people) = (all(&world, "Student"), all(&world, "User"));
    let providers = all(&world, "Provider");
    for (name, case) in &all(&world, "Case") {
        let student = &students[id(case, "student").expect("required")];
        let (opened, closed) = (instant(case, "openedAt").expect("required"), instant(case, "closedAt"));
        assert!(opened < closed.unwrap_or(TODAY) && closed.is_none_or(|at| at < TODAY), "{name}");
        assert_eq!(closed.is_some(), text(case, "status") == "closed", "{name}");
        let provider = id(case, "provider").expect("every case has a provider");
        if closed.is_some() {
            continue;
        }
        let school = id(case, "school");
        assert_eq!(school, id(student, "enrolledAt"), "{name} is not where its student is");
        if let Some(only) = id(&providers[provider], "school") {
            assert_eq!(Some(only), school, "{name} is held by the in-school provider of another school");
        }
        if let Some(manager) = id(case, "caseManager") {
            assert!(holds(&people, manager, "caseManagerAt", Some(provider)), "{name}");
        }
        for member in ids(case, "team") {
            assert!(holds(&people, &member, "caseManagerAt", Some(provider)), "{name}");
            assert_ne!(Some(member.as_str()), id(case, "caseManager"), "{name}");
        }
        if let Some(contact) = id(case, "primaryContact") {
            let fits = |role| holds(&people, contact, role, school);
            assert!(fits("primaryContactAt") || fits("attendanceLeadAt"), "{name}");
        }
    }
}

#[test]
fn requests_keep_what_the_store_keeps() {
    let world = sample(4_000, 13);
    let (schools, providers) = (all(&world, "School"), all(&world, "Provider"));
    let in_school: BTreeMap<&str, &str> =
        providers.iter().filter_map(|(name, p)| Some((id(p, "school")?, name.as_str()))).collect();
    let cases = all(&world, "Case");
    let mut submitted = BTreeSet::new();
    for (name, request) in &all(&world, "Request") {
        let school = id(request, "school");
        let status = text(request, "status");
        let case = cases.get(&name.replace('r', "c"));
        assert_eq!(case.is_some(), status == "accepted", "{name}");
        match (status, case) {
            ("accepted", Some(case)) => {
                for same in ["student", "provider", "caseManager"] {
                    assert_eq!(id(request, same), id(case, same), "{same} of {name}");
                }
            }
            ("submitted", _) => {
                assert!(submitted.insert(id(request, "student").expect("required").to_owned()), "{name}");
                let route =
                    school.and_then(|s| in_school.get(s).copied().or(id(&schools[s], "catchmentProvider")));
                assert_eq!(id(request, "provider"), route, "{name}");
            }
            ("draft", _) => assert!(!request.contains_key("provider"), "{name}"),
            _ => {}
        }
    }
}

#[test]
fn every_shape_is_there() {
    let world = sample(1_000, 14);
    let people = all(&world, "User");
    let count =
        |ty: &str, test: &dyn Fn(&Entity) -> bool| all(&world, ty).values().filter(|e| test(e)).count();
    let mut missing = Vec::new();
    let mut expect = |what: String, found: usize| {
        if found == 0 {
            missing.push(what);
        }
    };
    for (ty, attribute, values) in [
        ("School", "kind", &["state", "stateIntegrated", "private"][..]),
        ("Provider", "kind", &["asp", "isp"]),
        ("Case", "status", &["open", "closed"]),
        ("Request", "status", &["draft", "submitted", "accepted", "declined"]),
        (
            "Item",
            "kind",
            &["comment", "file", "note", "activity", "correspondence", "agencyResponse", "serviceReferral"],
        ),
        ("Register", "kind", &["attendance", "admissions", "leavers", "audit"]),
        (
            "Report",
            "kind",
            &["caseload", "school", "provider", "national", "performance", "prosecutions", "anonymised"],
        ),
    ] {
        for value in values {
            expect(format!("{ty} {value}"), count(ty, &|e| text(e, attribute) == *value));
        }
    }
    let roles = ["attendanceLeadAt", "primaryContactAt", "officeSupportAt", "delegatedAuthoriserAt"];
    let others =
        ["workflowLeadAt", "caseManagerAt", "attendanceOfficerAt", "delegatedAuthoriserFor", "monitors"];
    for role in roles.iter().chain(&others) {
        expect((*role).to_owned(), people.values().filter(|p| !ids(p, role).is_empty()).count());
    }
    for team in TEAMS {
        expect(team.to_owned(), people.values().filter(|p| ids(p, "ministryTeams").contains(team)).count());
    }
    let roles_of = |p: &Entity| roles.iter().chain(&others[..4]).filter(|r| !ids(p, r).is_empty()).count();
    let in_provider = |p: &Entity| others[..3].iter().any(|role| !ids(p, role).is_empty());
    let user = |test: &dyn Fn(&Entity) -> bool| people.values().filter(|p| test(p)).count();
    expect("ended login".into(), user(&|p| !is(p, "loginActive")));
    expect("untrained".into(), user(&|p| in_provider(p) && !p.contains_key("providerAccessFrom")));
    expect(
        "in training".into(),
        user(&|p| instant(p, "providerAccessFrom").is_some_and(|from| from > TODAY)),
    );
    expect("several roles".into(), user(&|p| roles_of(p) > 1));
    expect("several schools".into(), user(&|p| roles.iter().any(|role| ids(p, role).len() > 1)));
    expect("school and provider".into(), user(&|p| in_provider(p) && !ids(p, "primaryContactAt").is_empty()));
    expect("several monitored".into(), user(&|p| ids(p, "monitors").len() > 1));
    expect("no role".into(), user(&|p| roles_of(p) == 0 && ids(p, "ministryTeams").is_empty()));
    let student = |test: &dyn Fn(&Entity) -> bool| count("Student", test);
    expect("left school".into(), student(&|s| s.contains_key("lastSchool")));
    expect(
        "never at school".into(),
        student(&|s| !s.contains_key("lastSchool") && !s.contains_key("enrolledAt")),
    );
    expect("no year".into(), student(&|s| !s.contains_key("yearLevel")));
    expect("no rate".into(), student(&|s| !s.contains_key("attendanceRate")));
    let long_ago = TODAY - 2_557 * super::DAY;
    expect(
        "disposable".into(),
        student(&|s| instant(s, "lastCaseClosedAt").is_some_and(|at| at <= long_ago)),
    );
    expect("sensitive".into(), count("Item", &|i| is(i, "sensitive")));
    expect(
        "sensitive, shared".into(),
        count("Item", &|i| is(i, "sensitive") && !ids(i, "sharedWith").is_empty()),
    );
    expect("shared with two".into(), count("Item", &|i| ids(i, "sharedWith").len() > 1));
    expect("written at a school".into(), count("Item", &|i| i.contains_key("writtenAt")));
    expect(
        "notified".into(),
        count("Case", &|c| is(c, "prosecutionNotified") && text(c, "status") == "open"),
    );
    expect("team".into(), count("Case", &|c| !ids(c, "team").is_empty()));
    expect("no manager".into(), count("Case", &|c| !c.contains_key("caseManager")));
    expect("no school".into(), count("Case", &|c| !c.contains_key("school")));
    expect("old register".into(), count("Register", &|r| instant(r, "lastEntryAt") <= Some(long_ago)));
    assert!(missing.is_empty(), "a sample of 1,000 cases has no: {missing:?}");
}

#[test]
fn caseloads_are_skewed() {
    let world = sample(20_000, 15);
    let students = all(&world, "Student");
    let mut caseloads: BTreeMap<String, usize> = BTreeMap::new();
    let (mut moved, mut items) = (0, 0);
    for case in all(&world, "Case").values() {
        if let Some(manager) = id(case, "caseManager") {
            *caseloads.entry(manager.to_owned()).or_default() += 1;
        }
        let now = id(&students[id(case, "student").expect("required")], "enrolledAt");
        moved += usize::from(text(case, "status") == "closed" && id(case, "school") != now);
    }
    let mut sizes: Vec<usize> = caseloads.into_values().collect();
    sizes.sort_unstable();
    let (least, most) = (sizes[sizes.len() / 20], sizes[sizes.len() - 1]);
    assert!(most > 20 * least.max(1), "from {least} to {most}");
    assert!(moved > 2_000, "{moved} closed cases of students who moved");
    items += world.count("Item").unwrap();
    assert!((140_000..160_000).contains(&items), "{items} items");
}
