//! Filters on PostgreSQL.

use caseward::Ward;
use caseward::testing::clinic_sources;
use caseward_sql_tests::{Postgres, cases, domain, random};

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
    let counts = domain(&mut database, &Ward::attendance().unwrap(), cases(15), 60);
    eprintln!("{counts}");
    assert_eq!(counts.refusals(), 0);
}

#[test]
fn clinic_filters_are_lists() {
    let Some(mut database) = database() else { return };
    let counts = domain(&mut database, &Ward::new(&clinic_sources()).unwrap(), cases(60), 30);
    eprintln!("{counts}");
    assert_eq!(counts.refusals(), 0);
}

#[test]
fn filters_of_random_policies_are_lists() {
    let Some(mut database) = database() else { return };
    let counts = random(&mut database, cases(100), 20);
    eprintln!("{counts}");
}
