//! Filters on PostgreSQL.

use caseward::Ward;
use caseward::testing::clinic_sources;
use caseward_sql_tests::{Postgres, cases, constructs, domain, many, random};

/// A database, or why there is none: `CASEWARD_REQUIRE_ALL=1` asks for one.
fn database() -> Option<Postgres> {
    let database = Postgres::new().unwrap();
    let required = std::env::var("CASEWARD_REQUIRE_ALL").is_ok_and(|all| all == "1");
    assert!(database.is_some() || !required, "there is no PostgreSQL here");
    if database.is_none() {
        eprintln!("SKIPPED: there is no PostgreSQL here");
    }
    database
}

#[test]
fn attendance_filters_are_lists() {
    let Some(mut database) = database() else { return };
    let counts = domain(&mut database, &Ward::attendance().unwrap(), many(15), 60);
    eprintln!("{counts}");
    assert_eq!(counts.refusals(), 0);
}

#[test]
fn clinic_filters_are_lists() {
    let Some(mut database) = database() else { return };
    let counts = domain(&mut database, &Ward::new(&clinic_sources()).unwrap(), many(60), 30);
    eprintln!("{counts}");
    assert_eq!(counts.refusals(), 0);
}

#[test]
fn filters_of_random_policies_are_lists() {
    let Some(mut database) = database() else { return };
    let counts = random(&mut database, many(100), 20);
    eprintln!("{counts}");
    assert!(counts.filters > 4 * counts.refusals(), "too few questions have a filter");
    assert!(counts.conditions * 4 > counts.filters && counts.some * 20 > counts.filters, "{counts}");
    assert!(counts.changed > 10, "too few filters saw a change");
}

#[test]
fn filters_of_every_construct_let_nothing_else_through() {
    let Some(mut database) = database() else { return };
    let compared = constructs(&mut database, 8, 4);
    eprintln!("{compared}");
    assert!(compared.filters > 20 * compared.refused && compared.some * 4 > compared.filters, "{compared}");
    assert!(compared.withheld > 0, "{compared}");
}

#[test]
fn what_random_worlds_do_not_have() {
    let Some(mut database) = database() else { return };
    cases::patterns_and_overflow(&mut database);
    cases::long_lists(&mut database);
    cases::timestamps(&mut database);
    cases::dangling(&mut database, |database, statement| database.run(statement));
}
