//! Reports: who has them by the policies alone, and what they count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use caseward::ActionName;
use caseward::attendance::{ReportQuestion, Sample, report, report_kinds, zone};
use caseward::testing::asks::query;
use caseward::{
    Changes, Count, EntityUid, Error, Group, Key, Protected, Protection, Request, RoundingKey, Table, Unit,
    Value, World,
};

use crate::support::{ATTENDANCE, NOW};

fn sample() -> World {
    Sample { cases: 1_500, seed: 5 }.build(&ATTENDANCE, &mut |_| {}).unwrap()
}

static WORLD: LazyLock<World> = LazyLock::new(sample);

static SUPPRESSED: LazyLock<Protection> = LazyLock::new(Protection::default);

fn all(world: &World, ty: &str) -> Vec<EntityUid> {
    world.ids(ty).unwrap().map(|id| EntityUid::new(ty.to_owned(), id)).collect()
}

fn at(world: &World, uid: &EntityUid, path: &str) -> Option<Value> {
    path.split('.').try_fold(Value::Entity(uid.clone()), |value, name| match value {
        Value::Entity(uid) => world.attribute(&uid, name).unwrap(),
        _ => None,
    })
}

fn ask(
    world: &World,
    principal: &EntityUid,
    (kind, report_of): (&str, Option<&EntityUid>),
    by: &[Group],
) -> Result<Option<Table>, Error> {
    let question =
        ReportQuestion { principal, kind, report: report_of, by, now: NOW, protection: &SUPPRESSED };
    report(&ATTENDANCE, world, &question)
}

fn may_view(world: &World, principal: &EntityUid, report: &EntityUid) -> bool {
    let request = Request::new(principal.clone(), ActionName::new("viewReport"), report.clone())
        .with("now", Value::Datetime(NOW));
    ATTENDANCE.check(world, &request).unwrap().is_allowed()
}

/// Whether a report is about a case, written down once more.
fn is_about(world: &World, report: &EntityUid, case: &EntityUid) -> bool {
    let of_report = |path: &str| at(world, report, path);
    let of_case = |path: &str| at(world, case, path);
    let status = of_case("status");
    if status != Some("open".into()) && status != Some("closed".into()) {
        return false;
    }
    let same = |case: &str, report: &str| of_case(case).is_some() && of_case(case) == of_report(report);
    let held = || match of_report("provider.kind") {
        Some(Value::String(kind)) if &*kind == "asp" => same("provider", "provider"),
        Some(Value::String(kind)) if &*kind == "isp" => {
            same("provider", "provider") && same("student.enrolledAt", "provider.school")
        }
        _ => false,
    };
    match of_report("kind") {
        Some(Value::String(kind)) => match &*kind {
            "caseload" => held() && same("caseManager", "owner"),
            "provider" => held(),
            "school" => same("student.enrolledAt", "school"),
            "national" | "performance" | "anonymised" => true,
            "prosecutions" => {
                status == Some("open".into()) && of_case("prosecutionNotified") == Some(true.into())
            }
            _ => false,
        },
        _ => false,
    }
}

fn text(value: Option<Value>) -> String {
    value.map_or_else(|| Key::Absent.to_string(), |value| Key::Value(value).to_string())
}

#[test]
fn a_report_is_for_whom_the_policies_say_and_counts_what_its_kind_is_about() {
    let world = &*WORLD;
    let (people, reports, cases) = (all(world, "User"), all(world, "Report"), all(world, "Case"));
    let by = [Group::of("status"), Group::of("school")];
    let (mut seen, mut passed_over, mut denied, mut counted) =
        (BTreeMap::<String, u64>::new(), 0_usize, 0, 0);
    for report in &reports {
        let Some(Value::String(kind)) = at(world, report, "kind") else { panic!("a kind") };
        let mut expected: Option<BTreeMap<Vec<String>, u64>> = None;
        for person in &people {
            let allowed = may_view(world, person, report);
            // Of those who are denied, some.
            passed_over += usize::from(!allowed);
            if !allowed && !passed_over.is_multiple_of(53) {
                continue;
            }
            let table = ask(world, person, (&kind, Some(report)), &by).unwrap();
            assert_eq!(table.is_some(), allowed, "{person} {report}");
            let Some(table) = table else {
                denied += 1;
                continue;
            };
            *seen.entry(kind.to_string()).or_default() += 1;
            let expected = expected.get_or_insert_with(|| {
                let mut counts = BTreeMap::new();
                for case in cases.iter().filter(|case| is_about(world, report, case)) {
                    let keys = vec![text(at(world, case, "status")), text(at(world, case, "school"))];
                    *counts.entry(keys).or_default() += 1;
                }
                counts
            });
            let is_protected = ["anonymised", "performance"].contains(&&*kind);
            assert_eq!(table.protected().is_some(), is_protected);
            let keys = |line: &caseward::Line| line.keys.iter().map(Key::to_string).collect::<Vec<_>>();
            // Zeros that are not told have lines too.
            let is_there = |line: &&caseward::Line| expected.contains_key(&keys(line));
            let lines: BTreeSet<Vec<String>> = table.cells().iter().filter(is_there).map(keys).collect();
            assert_eq!(lines, expected.keys().cloned().collect(), "{report} of kind {kind}");
            for line in table.cells() {
                let wanted = expected.get(&keys(line)).copied().unwrap_or(0);
                match line.count {
                    Count::Exact(count) if wanted == 0 => panic!("{count} of nobody"),
                    Count::Exact(count) => assert_eq!((count, is_protected && count < 6), (wanted, false)),
                    Count::Suppressed => assert!(is_protected),
                    Count::Rounded(_) => panic!("nothing is rounded"),
                }
                counted += wanted;
            }
            assert_eq!((table.provenance().version, table.provenance().now), (1, Some(NOW)));
            assert_eq!(&table.provenance().policy_hash, ATTENDANCE.policy_hash());
        }
    }
    let kinds: Vec<&str> = seen.keys().map(String::as_str).collect();
    let all: Vec<&str> = report_kinds().iter().map(|kind| kind.name).collect();
    assert_eq!(kinds, all, "somebody has a report of each kind");
    assert!(denied > 300 && counted > 10_000, "{seen:?}, {denied} denied, {counted} cases");
}

/// Somebody who may see a report of a kind, and that report.
fn reader(world: &World, kind: &str) -> (EntityUid, EntityUid) {
    let people = all(world, "User");
    let reports = all(world, "Report");
    let mut of_kind = reports.iter().filter(|report| at(world, report, "kind") == Some(kind.into()));
    let found = of_kind.find_map(|report| {
        let person = people.iter().find(|person| may_view(world, person, report))?;
        Some((person.clone(), report.clone()))
    });
    found.unwrap()
}

#[test]
fn research_sees_no_case_and_has_its_table() {
    let (researcher, anonymised) = reader(&WORLD, "anonymised");
    let now = crate::support::at(NOW);
    for action in ATTENDANCE.schema().actions() {
        let of_case = action.resources.iter().any(|ty| ATTENDANCE.schema().type_id("Case") == Some(*ty));
        if of_case && action.context.len() == 1 {
            let name = action.uid.to_string();
            assert_eq!(
                ATTENDANCE.count(&WORLD, &query(&researcher, &name, "Case", &now)).unwrap(),
                0,
                "{name}"
            );
        }
    }
    let by = [Group::of("provider"), Group::period(Unit::Quarter, "openedAt", &zone())];
    let table = ask(&WORLD, &researcher, ("anonymised", None), &by).unwrap().unwrap();
    assert_eq!(table.total(), Count::Exact(1_500));
    assert_eq!(table.protected(), Some(Protected::Suppressed { below: 6 }));
    assert!(table.cells().iter().any(|line| line.count == Count::Suppressed));
    assert_eq!(ask(&WORLD, &researcher, ("anonymised", Some(&anonymised)), &by).unwrap(), Some(table));
    // By request, rounded: percentages are of what is told.
    let protection = Protection::Round(RoundingKey::new(*b"a key that is told to everybody.").unwrap());
    let question = ReportQuestion {
        principal: &researcher,
        kind: "anonymised",
        report: None,
        by: &by,
        now: NOW,
        protection: &protection,
    };
    let rounded = report(&ATTENDANCE, &WORLD, &question).unwrap().unwrap();
    assert_eq!(rounded.protected(), Some(Protected::Rounded { base: 3 }));
    assert!(rounded.cells().iter().all(|line| line.count.number().unwrap() % 3 == 0));
}

#[test]
fn denied_is_as_absent() {
    let (researcher, anonymised) = reader(&WORLD, "anonymised");
    let (lead, school) = reader(&WORLD, "school");
    let absent = EntityUid::new("Report", "nowhere");
    let nobody = EntityUid::new("User", "nobody");
    for (person, kind, report) in [
        (&researcher, "school", Some(&school)),
        (&researcher, "school", Some(&absent)),
        (&researcher, "school", None),
        (&researcher, "national", None),
        (&lead, "anonymised", Some(&anonymised)),
        (&lead, "anonymised", None),
        (&lead, "anonymised", Some(&absent)),
        (&nobody, "national", None),
        // Of another kind than was asked for, though it may be seen.
        (&lead, "national", Some(&school)),
        (&lead, "school", Some(&lead)),
    ] {
        let found = ask(&WORLD, person, (kind, report), &[Group::of("status")]);
        match found {
            Ok(found) => assert_eq!(found, None, "{person} {kind} {report:?}"),
            Err(error) => assert!(report == Some(&lead) && error.is_request(), "{error}"),
        }
    }
}

#[test]
fn reports_name_no_person_and_no_record() {
    let refused = |kind: &str, group: Group| {
        let (person, _) = reader(&WORLD, "anonymised");
        let error = ask(&WORLD, &person, (kind, None), &[group]).unwrap_err();
        assert!(error.is_request(), "{error}");
        error.to_string()
    };
    for kind in report_kinds().iter().map(|kind| kind.name) {
        for path in
            ["student", "student.nsn", "team", "primaryContact", "student.currentCaseManager", "provder"]
        {
            let message = refused(kind, Group::of(path));
            assert!(message.contains(&format!("is not grouped by `{path}`")), "{message}");
        }
    }
    assert!(refused("school", Group::of("provder")).contains("did you mean `provider`?"));
    assert!(refused("anonymised", Group::of("caseManager")).contains("is not grouped by"));
    let day = Group::period(Unit::Day, "openedAt", &zone());
    assert!(refused("anonymised", day).contains("is not grouped by `day of openedAt`"));
    let unknown = refused("anonymized", Group::of("status"));
    assert!(unknown.contains("did you mean `anonymised`?"), "{unknown}");
    for told in [unknown, refused("", Group::of("status"))] {
        for kind in report_kinds() {
            assert!(told.contains(&format!("`{}` ({})", kind.name, kind.about)), "{told}");
        }
    }
    let (lead, of_provider) = reader(&WORLD, "provider");
    assert!(ask(&WORLD, &lead, ("provider", Some(&of_provider)), &[Group::of("caseManager")]).is_ok());
}

#[test]
fn of_several_reports_one_is_named() {
    let people = all(&WORLD, "User");
    let now = crate::support::at(NOW);
    let of_kind = |person: &EntityUid, kind: &str| {
        let mut found = ATTENDANCE.list(&WORLD, &query(person, "viewReport", "Report", &now)).unwrap();
        found.retain(|report| at(&WORLD, report, "kind") == Some(kind.into()));
        found
    };
    let person = people.iter().find(|person| of_kind(person, "provider").len() > 5).unwrap();
    let error = ask(&WORLD, person, ("provider", None), &[]).unwrap_err();
    assert!(
        error.is_request() && error.to_string().contains("reports of kind `provider`; name one of"),
        "{error}"
    );
    // Where all of them are about the same, any will do.
    let many = people.iter().find(|person| of_kind(person, "performance").len() > 1).unwrap();
    let table = ask(&WORLD, many, ("performance", None), &[]).unwrap().unwrap();
    assert_eq!(table.total(), Count::Exact(1_500));
}

#[test]
fn a_student_who_moves_takes_their_cases_along() {
    let world = sample();
    let (lead, report) = reader(&world, "school");
    let Some(Value::Entity(school)) = at(&world, &report, "school") else { panic!("a school") };
    let total = |world: &World| {
        let table = ask(world, &lead, ("school", Some(&report)), &[Group::of("status")]).unwrap().unwrap();
        (table.total().number().unwrap(), table.provenance().version)
    };
    let cases = all(&world, "Case");
    let of_school = |case: &&EntityUid| at(&world, case, "student.enrolledAt") == Some(school.clone().into());
    let elsewhere = all(&world, "School").into_iter().find(|other| *other != school).unwrap();
    let Some(Value::Entity(student)) = at(&world, cases.iter().find(of_school).unwrap(), "student") else {
        panic!("a student")
    };
    let theirs =
        cases.iter().filter(|case| at(&world, case, "student") == Some(student.clone().into())).count();
    let (before, _) = total(&world);
    let moves = Changes::new().set(&student, "enrolledAt", elsewhere);
    assert_eq!(total(&world.with(&moves).unwrap()).0, before - theirs as u64);
    assert_eq!(total(&world).0, before);
    let version = world.apply(&moves).unwrap();
    assert_eq!(total(&world), (before - theirs as u64, version));
}

#[test]
fn a_report_on_cases_that_are_seen_is_grouped_by_what_is_seen() {
    let refused = |kind: &str, group: &str| {
        let (person, report) = reader(&WORLD, kind);
        let group = Group::parse(group, &zone()).unwrap();
        ask(&WORLD, &person, (kind, Some(&report)), &[group]).map_err(|error| error.to_string())
    };
    for (kind, group) in [
        ("school", "prosecutionNotified"),
        ("national", "prosecutionNotified"),
        ("national", "student.yearLevel"),
    ] {
        let why = refused(kind, group).unwrap_err();
        assert!(why.contains("of every record: it is in the section"), "{why}");
    }
    for (kind, group) in [
        ("school", "day of openedAt"),
        ("national", "student.enrolledAt"),
        ("prosecutions", "student.yearLevel"),
    ] {
        assert!(refused(kind, group).unwrap().is_some(), "{kind} by {group}");
    }
}

#[test]
fn a_published_report_is_by_one_calendar() {
    let (person, _) = reader(&WORLD, "anonymised");
    for (zone, taken) in [(zone(), true), (caseward::Zone::utc(), false), ("AAA-12".parse().unwrap(), false)]
    {
        let by = [Group::period(Unit::Year, "openedAt", &zone), Group::of("provider")];
        let found = ask(&WORLD, &person, ("anonymised", None), &by);
        assert_eq!(found.as_ref().is_ok_and(Option::is_some), taken, "{zone:?}");
        assert!(taken || found.unwrap_err().to_string().contains("in New Zealand's time"));
    }
    // In a zone of one's own are reports on what one sees one by one.
    let (lead, report) = reader(&WORLD, "school");
    let by = [Group::period(Unit::Year, "openedAt", &caseward::Zone::utc())];
    assert!(ask(&WORLD, &lead, ("school", Some(&report)), &by).unwrap().is_some());
}
