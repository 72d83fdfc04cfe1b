//! How databases run filters: by index, and never with a look at every record.
//!
//! `make plans` looks once more at how a million cases are looked up, and tells how long it takes beside what
//! somebody would write by hand; `CASEWARD_PLAN_CASES` says how many there are to be instead.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use caseward::attendance::Sample;
use caseward::sql::{Database, Dialect, Filter, Mapping, Parameter};
use caseward::testing::asks::query;
use caseward::{EntityUid, Value, Ward, World};
use caseward_sql_tests::{Engine, Postgres, Sqlite};

/// Cases of the ordinary tests.
const FEW: usize = 20_000;
/// How often what is timed is run.
const TURNS: usize = 7;

/// 2026-05-11T09:00:00+12:00
const NOW: i64 = 1_778_446_800_000;

/// Cases of `make plans`.
fn many() -> usize {
    std::env::var("CASEWARD_PLAN_CASES").map_or(1_000_000, |n| n.parse().unwrap())
}

fn count(world: &World, user: &EntityUid, attribute: &str) -> usize {
    match world.attribute(user, attribute) {
        Ok(Some(Value::Set(all))) => all.len(),
        _ => 0,
    }
}

/// Somebody with one role alone, for whom as many others find more cases as find fewer.
fn people(ward: &Ward, world: &World) -> Vec<(&'static str, EntityUid)> {
    let roles =
        ["caseManagerAt", "attendanceLeadAt", "workflowLeadAt", "officeSupportAt", "primaryContactAt"];
    let of_role = |role: &'static str| {
        let users = world.ids("User").unwrap().map(|id| EntityUid::new("User", id));
        let alone = users.filter(|user| {
            let others = roles.iter().filter(|other| **other != role);
            count(world, user, role) > 0 && others.map(|other| count(world, user, other)).sum::<usize>() == 0
        });
        let mut found: Vec<(usize, EntityUid)> = alone
            .take(200)
            .map(|user| (ward.count(world, &query(&user, "viewSummary", "Case", &context())).unwrap(), user))
            .filter(|(found, _)| *found > 0)
            .collect();
        found.sort();
        assert!(!found.is_empty(), "nobody with {role} sees anything");
        (role, found.swap_remove(found.len() / 2).1)
    };
    let looked_at = roles.into_iter().filter(|role| *role != "officeSupportAt");
    looked_at.map(of_role).collect()
}

fn context() -> BTreeMap<Arc<str>, Value> {
    BTreeMap::from([("now".into(), Value::Datetime(NOW))])
}

/// What somebody who knows the role would write.
fn by_hand(role: &str) -> Option<&'static str> {
    Some(match role {
        "caseManagerAt" => include_str!("../by_hand/case_manager.sql"),
        "attendanceLeadAt" => include_str!("../by_hand/attendance_lead.sql"),
        "workflowLeadAt" => include_str!("../by_hand/workflow_lead.sql"),
        _ => return None,
    })
}

/// The filters of people of several roles, with and without references that are known to hold.
fn each<E: Engine>(
    engine: &mut E,
    cases: usize,
    run: impl Fn(&mut E, &str) -> Result<(), String>,
    mut look: impl FnMut(&mut E, &str, &Filter) -> Vec<String>,
) {
    let ward = Ward::attendance().unwrap();
    let world = Sample { cases, seed: 1 }.build(&ward, &mut |_| {}).unwrap();
    let people = people(&ward, &world);
    for foreign_keys in [false, true] {
        let mapping = Mapping { foreign_keys, ..Mapping::default() };
        let database = Database::new(ward.schema(), &mapping, engine.dialect()).unwrap();
        if !foreign_keys {
            engine.fill(&database, &world).unwrap();
            run(engine, "ANALYZE").unwrap();
        }
        for (who, user) in &people {
            let filter =
                ward.filter(&world, &query(user, "viewSummary", "Case", &context()), &database).unwrap();
            let select = database.select("Case").unwrap();
            let list = ward.list(&world, &query(user, "viewSummary", "Case", &context())).unwrap();
            let ids = engine.ids(&select, &filter).unwrap();
            assert_eq!(ids, list.iter().map(|uid| uid.id().to_owned()).collect(), "{who}");
            let query = format!("{select} WHERE {}", filter.sql);
            let plan = look(engine, &query, &filter).join("\n");
            eprintln!("{who}, {}, {} of {cases}:\n{query}\n{plan}\n", engine.dialect(), ids.len());
            let Some(sql) = by_hand(who).filter(|_| cases > FEW) else { continue };
            let sql =
                if engine.dialect() == Dialect::Postgres { sql.replace("?1", "$1") } else { sql.to_owned() };
            let mut theirs = filter.clone();
            (theirs.sql, theirs.params) = (sql, vec![Parameter::Text(user.id().into())]);
            let their_select = "SELECT c.id FROM \"case\" c";
            assert_eq!(engine.ids(their_select, &theirs).unwrap(), ids, "{who}");
            let (ours, theirs) = (timed(engine, &select, &filter), timed(engine, their_select, &theirs));
            eprintln!("{who}, {}: {ours:.3} ms, by hand {theirs:.3} ms\n", engine.dialect());
        }
    }
}

/// How many milliseconds a query takes, its preparation and what it gives included: the median.
fn timed<E: Engine>(engine: &mut E, select: &str, filter: &Filter) -> f64 {
    let mut times: Vec<f64> = (0..TURNS)
        .map(|_| {
            let start = Instant::now();
            engine.ids(select, filter).unwrap();
            start.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[TURNS / 2]
}

fn sqlite(cases: usize) {
    each(
        &mut Sqlite::new().unwrap(),
        cases,
        |engine, statement| engine.run(statement),
        |engine, query, filter| {
            let plan = engine.plan(query, filter).unwrap();
            let shown = format!("{query}\n{:?}\n{}", filter.params, plan.join("\n"));
            assert!(plan.iter().any(|step| step.starts_with("SEARCH case USING")), "{shown}");
            let scans = |step: &&String| step.starts_with("SCAN ") && !step.contains("json_each");
            let scanned: Vec<&String> = plan.iter().filter(scans).collect();
            assert!(scanned.is_empty(), "{scanned:?}: {shown}");
            plan
        },
    );
}

fn postgres(mut engine: Postgres, cases: usize) {
    each(
        &mut engine,
        cases,
        |engine, statement| engine.run(statement),
        |engine, query, filter| {
            let plan = engine.plan(query, filter).unwrap();
            let shown = format!("{query}\n{:?}\n{}", filter.params, plan.join("\n"));
            assert!(!plan.iter().any(|step| step.contains("Seq Scan on \"case\"")), "{shown}");
            let by_index = |step: &String| {
                step.contains("Index Cond")
                    && ["case_manager", "provider", "student", "primary_contact", "id"]
                        .iter()
                        .any(|column| step.contains(&format!("({column} = ")))
            };
            assert!(plan.iter().any(by_index), "{shown}");
            plan
        },
    );
}

#[test]
fn sqlite_looks_cases_up() {
    sqlite(FEW);
}

#[test]
fn postgres_looks_cases_up() {
    let Some(mut engine) = Postgres::new().unwrap() else { return };
    // A scan of so few cases may be cheaper: what counts is that there is another way.
    engine.run("SET enable_seqscan = off").unwrap();
    postgres(engine, FEW);
}

#[test]
#[ignore = "minutes: `make plans`"]
fn sqlite_looks_a_million_cases_up() {
    sqlite(many());
}

#[test]
#[ignore = "minutes: `make plans`"]
fn postgres_looks_a_million_cases_up() {
    let mut engine = Postgres::new().unwrap().expect("there is no PostgreSQL");
    // What a page costs anywhere but on turning disks; all else it chooses as it is.
    engine.run("SET random_page_cost = 1.1").unwrap();
    postgres(engine, many());
}
