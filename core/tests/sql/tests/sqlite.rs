//! Filters on SQLite.

use caseward::Ward;
use caseward::testing::clinic_sources;
use caseward_sql_tests::{Sqlite, cases, constructs, domain, many, random};

#[test]
fn attendance_filters_are_lists() {
    let counts = domain(&mut Sqlite::new().unwrap(), &Ward::attendance().unwrap(), many(40), 60);
    eprintln!("{counts}");
    assert_eq!(counts.refusals(), 0);
}

#[test]
fn clinic_filters_are_lists() {
    let ward = Ward::new(&clinic_sources()).unwrap();
    let counts = domain(&mut Sqlite::new().unwrap(), &ward, many(200), 30);
    eprintln!("{counts}");
    assert!(counts.filters > 1_000 && counts.some * 5 > counts.filters, "{counts}");
}

#[test]
fn filters_of_random_policies_are_lists() {
    let counts = random(&mut Sqlite::new().unwrap(), many(300), 20);
    eprintln!("{counts}");
    assert!(counts.filters > 4 * counts.refusals(), "too few questions have a filter");
    assert!(counts.conditions * 4 > counts.filters && counts.some * 20 > counts.filters, "{counts}");
    assert!(counts.changed > 50, "too few filters saw a change");
}

#[test]
fn filters_of_every_construct_let_nothing_else_through() {
    let compared = constructs(&mut Sqlite::new().unwrap(), 20, 20);
    eprintln!("{compared}");
    assert!(compared.filters > 4 * compared.refused && compared.some * 4 > compared.filters, "{compared}");
    assert!(compared.withheld > 0, "{compared}");
}

#[test]
fn what_random_worlds_do_not_have() {
    let mut engine = Sqlite::new().unwrap();
    cases::patterns_and_overflow(&mut engine);
    cases::long_lists(&mut engine);
    cases::collations(&mut engine, |engine, statement| engine.run(statement));
    cases::dangling(&mut engine, |engine, statement| engine.run(statement));
}
