//! Filters on SQLite.

use caseward::Ward;
use caseward::testing::clinic_sources;
use caseward_sql_tests::{Sqlite, cases, domain, random};

#[test]
fn attendance_filters_are_lists() {
    let counts = domain(&mut Sqlite::new().unwrap(), &Ward::attendance().unwrap(), cases(40), 60);
    eprintln!("{counts}");
    assert_eq!(counts.refusals(), 0);
}

#[test]
fn clinic_filters_are_lists() {
    let ward = Ward::new(&clinic_sources()).unwrap();
    let counts = domain(&mut Sqlite::new().unwrap(), &ward, cases(200), 30);
    eprintln!("{counts}");
}

#[test]
fn filters_of_random_policies_are_lists() {
    let counts = random(&mut Sqlite::new().unwrap(), cases(300), 20);
    eprintln!("{counts}");
}
