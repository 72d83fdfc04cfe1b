//! How databases run filters: by index, and never with a look at every record.
//!
//! `CASEWARD_PLAN_CASES=1000000` looks at plans over a million cases.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::attendance::Sample;
use caseward::sql::{Database, Filter, Mapping};
use caseward::{EntityUid, Value, Ward, World};
use caseward_sql_tests::{Engine, Postgres, Sqlite};

/// 2026-05-11T09:00:00+12:00
const NOW: i64 = 1_778_446_800_000;

fn world(ward: &Ward) -> World {
    let cases = std::env::var("CASEWARD_PLAN_CASES").map_or(20_000, |n| n.parse().unwrap());
    Sample { cases, seed: 1 }.build(ward, &mut |_| {}).unwrap()
}

fn count(world: &World, user: &EntityUid, attribute: &str) -> usize {
    match world.attribute(user, attribute) {
        Some(Value::Set(all)) => all.len(),
        _ => 0,
    }
}

/// Somebody with one role alone, and many cases for it.
fn people(ward: &Ward, world: &World) -> Vec<(&'static str, EntityUid)> {
    let roles =
        ["caseManagerAt", "attendanceLeadAt", "workflowLeadAt", "officeSupportAt", "primaryContactAt"];
    let of_role = |role: &'static str| {
        let users = world.ids("User").map(|id| EntityUid::new("User", id));
        let alone = users.filter(|user| {
            let others = roles.iter().filter(|other| **other != role);
            count(world, user, role) > 0 && others.map(|other| count(world, user, other)).sum::<usize>() == 0
        });
        let found = |user: &EntityUid| ward.count(world, user, "viewSummary", "Case", &context()).unwrap();
        let best = alone.take(200).max_by_key(found).unwrap();
        assert!(found(&best) > 0, "nobody with {role} sees anything");
        (role, best)
    };
    roles.into_iter().take(3).map(of_role).collect()
}

fn context() -> BTreeMap<Arc<str>, Value> {
    BTreeMap::from([("now".into(), Value::Datetime(NOW))])
}

/// The filters of people of several roles, with and without references that are known to hold.
fn each<E: Engine>(
    engine: &mut E,
    run: impl Fn(&mut E, &str) -> Result<(), String>,
    mut look: impl FnMut(&mut E, &str, &str, &Filter),
) {
    let ward = Ward::attendance().unwrap();
    let world = world(&ward);
    for foreign_keys in [false, true] {
        let mapping = Mapping { foreign_keys, ..Mapping::default() };
        let database = Database::new(ward.schema(), &mapping, engine.dialect()).unwrap();
        if !foreign_keys {
            engine.fill(&database, &world).unwrap();
            run(engine, "ANALYZE").unwrap();
        }
        for (who, user) in people(&ward, &world) {
            let filter = ward.filter(&world, &user, "viewSummary", "Case", &context(), &database).unwrap();
            let select = database.select("Case").unwrap();
            let list = ward.list(&world, &user, "viewSummary", "Case", &context()).unwrap();
            let ids = engine.ids(&select, &filter).unwrap();
            assert_eq!(ids, list.iter().map(|uid| uid.id().to_owned()).collect(), "{who}");
            look(engine, who, &format!("{select} WHERE {}", filter.sql), &filter);
        }
    }
}

#[test]
fn sqlite_looks_cases_up() {
    each(
        &mut Sqlite::new().unwrap(),
        |engine, statement| engine.run(statement),
        |engine, who, query, filter| {
            let plan = engine.plan(query, filter).unwrap();
            let shown = format!("{who}\n{query}\n{:?}\n{}", filter.params, plan.join("\n"));
            assert!(plan.iter().any(|step| step.starts_with("SEARCH case USING")), "{shown}");
            let scans = |step: &&String| step.starts_with("SCAN ") && !step.contains("json_each");
            let scanned: Vec<&String> = plan.iter().filter(scans).collect();
            assert!(scanned.is_empty(), "{scanned:?}: {shown}");
            eprintln!("{who}, SQLite:\n{query}\n{}\n", plan.join("\n"));
        },
    );
}

#[test]
fn postgres_looks_cases_up() {
    let Some(mut engine) = Postgres::new().unwrap() else { return };
    // Of few cases it would look at all: what counts is that it need not.
    engine.run("SET enable_seqscan = off").unwrap();
    each(
        &mut engine,
        |engine, statement| engine.run(statement),
        |engine, who, query, filter| {
            let plan = engine.plan(query, filter).unwrap();
            let shown = format!("{who}\n{query}\n{:?}\n{}", filter.params, plan.join("\n"));
            assert!(!plan.iter().any(|step| step.contains("Seq Scan on \"case\"")), "{shown}");
            eprintln!("{who}, PostgreSQL:\n{query}\n{}\n", plan.join("\n"));
        },
    );
}
