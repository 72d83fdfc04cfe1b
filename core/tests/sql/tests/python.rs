//! Filters on DuckDB and on Spark, by their Python packages, and on a MariaDB that Python starts: `CASEWARD_SQL_PYTHON`
//! names a Python that has them.

use std::collections::BTreeSet;

use caseward::Ward;
use caseward::sql::{Dialect, Filter, TableRows};
use caseward::testing::clinic_sources;
use caseward_sql_tests::{Engine, Python, cases, constructs, domain, many, random};

fn engine(dialect: Dialect) -> Option<Python> {
    let engine = Python::new(dialect).unwrap();
    let required = std::env::var("CASEWARD_REQUIRE_ALL").is_ok_and(|all| all == "1");
    assert!(engine.is_some() || !required, "CASEWARD_SQL_PYTHON names no Python with {dialect}");
    if engine.is_none() {
        eprintln!("SKIPPED: CASEWARD_SQL_PYTHON names no Python with {dialect}");
    }
    engine
}

fn hold(dialect: Dialect, worlds: [u64; 3], questions: usize) {
    let Some(mut engine) = engine(dialect) else { return };
    cases::patterns_and_overflow(&mut engine);
    cases::long_lists(&mut engine);
    if dialect == Dialect::DuckDb {
        cases::timestamps(&mut engine);
    }
    let attendance = domain(&mut engine, &Ward::attendance().unwrap(), many(worlds[0]), questions);
    eprintln!("attendance on {dialect}: {attendance}");
    assert_eq!(attendance.refusals(), 0);
    let clinic = domain(&mut engine, &Ward::new(&clinic_sources()).unwrap(), many(worlds[1]), questions);
    eprintln!("clinic on {dialect}: {clinic}");
    let random = random(&mut engine, many(worlds[2]), questions);
    eprintln!("random on {dialect}: {random}");
    assert!(random.filters > 4 * random.refusals(), "too few questions have a filter");
    assert!(random.some > 0 && attendance.found > 0 && clinic.conditions > 0);
}

fn let_nothing_else_through(dialect: Dialect, wards: u64, each: (usize, usize)) {
    let Some(mut engine) = engine(dialect) else { return };
    let compared = constructs(&mut engine, wards, each);
    eprintln!("every construct on {dialect}: {compared}");
    assert!(compared.filters > compared.refused && compared.some * 4 > compared.filters, "{compared}");
    // Of a few questions, none may turn on what is broken.
    assert!(compared.withheld > 0 || compared.on_broken < 100, "{compared}");
}

#[test]
fn filters_of_every_construct_let_nothing_else_through_on_duckdb() {
    let_nothing_else_through(Dialect::DuckDb, 4, (24, 4));
}

#[test]
fn filters_of_every_construct_let_nothing_else_through_on_spark() {
    let_nothing_else_through(Dialect::Spark, 2, (10, 1));
}

/// The SQLite that Python was built with is older than ours most often.
#[test]
fn filters_of_every_construct_let_nothing_else_through_on_pythons_sqlite() {
    let_nothing_else_through(Dialect::Sqlite, 10, (24, 8));
}

#[test]
fn filters_of_every_construct_let_nothing_else_through_on_mariadb() {
    let_nothing_else_through(Dialect::MariaDb, 8, (24, 4));
}

#[test]
fn filters_are_lists_on_mariadb() {
    hold(Dialect::MariaDb, [4, 8, 20], 20);
}

/// Tables as MariaDB makes them where nobody says otherwise: their columns take `a`, `A` and `a ` for one text.
struct Careless(Python);

impl Engine for Careless {
    fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    fn fill_with(&mut self, create: &[String], tables: &[TableRows]) -> Result<(), String> {
        let careless = |text: &String| {
            let text = text.replace("utf8mb4_nopad_bin", "utf8mb4_general_ci");
            text.replace("PRIMARY KEY (", "KEY (")
        };
        let create: Vec<String> = create.iter().map(careless).collect();
        assert!(create.iter().all(|text| !text.contains("_bin")));
        self.0.fill_with(&create, tables)
    }

    fn prepare(&mut self, select: &str, filter: &Filter) -> Result<(), String> {
        self.0.prepare(select, filter)
    }

    fn ids(&mut self, select: &str, filter: &Filter) -> Result<BTreeSet<String>, String> {
        self.0.ids(select, filter)
    }
}

#[test]
fn filters_are_lists_on_mariadb_whose_columns_compare_otherwise() {
    let Some(engine) = engine(Dialect::MariaDb) else { return };
    let mut engine = Careless(engine);
    cases::patterns_and_overflow(&mut engine);
    let compared = constructs(&mut engine, many(4), (24, 0));
    eprintln!("every construct on careless columns: {compared}");
    assert!(compared.some > 10, "{compared}");
    let random = random(&mut engine, many(10), 20);
    eprintln!("random on careless columns: {random}");
    assert!(random.some > 0);
}

#[test]
fn filters_are_lists_on_duckdb() {
    hold(Dialect::DuckDb, [6, 20, 60], 20);
}

#[test]
fn filters_are_lists_on_spark() {
    hold(Dialect::Spark, [4, 3, 8], 10);
}
