//! Filters: rows `filter/<who>/<cases>`, the cases of which people of different roles may `viewSummary`, found by
//! SQLite in the tables of the default mapping.
//!
//! `caseward` is the filter behind `WHERE`, prepared once; `by hand` what somebody who knows the person's role would
//! write there. `caseward, the filter itself` is making it.

use caseward::sql::{Database, Dialect, Filter, Mapping, Parameter};
use caseward::testing::asks::query;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};

use crate::Failure;
use crate::compare::{Work, compare_work};
use crate::floor::{Floor, Lists};
use crate::list::people;
use crate::report::Report;
use crate::world::{Data, NOW, Question};

/// M1.
const NATIONAL: &str = "c.status IN ('open', 'closed')";
/// M5.
const PROSECUTIONS: &str = "c.prosecution_notified AND c.status = 'open'";
/// S1.
const ATTENDANCE_LEAD: &str = include_str!("../../core/tests/sql/by_hand/attendance_lead.sql");
/// P1, P3, P4, P6 of a workflow lead.
const WORKFLOW_LEAD: &str = include_str!("../../core/tests/sql/by_hand/workflow_lead.sql");
/// P2 to P6 of a case manager.
const CASE_MANAGER: &str = include_str!("../../core/tests/sql/by_hand/case_manager.sql");

/// All rows of filters.
///
/// # Errors
/// What SQLite says.
pub fn rows(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    // By hand nobody looks whether references hold.
    let mapping = Mapping { foreign_keys: true, ..Mapping::default() };
    let database = Database::new(data.ward.schema(), &mapping, Dialect::Sqlite)?;
    let connection = filled(data, &database)?;
    let question = Question::new(data, "viewSummary", "Case", NOW);
    let context = question.context();
    let lists = Lists::new(floor);
    for (who, user, _) in people(floor, &lists) {
        let by_hand = match who {
            "new_case_manager" | "busy_case_manager" => CASE_MANAGER,
            "attendance_lead" => ATTENDANCE_LEAD,
            "workflow_lead" => WORKFLOW_LEAD,
            "prosecutions" => PROSECUTIONS,
            _ => NATIONAL,
        };
        let person = question.user(user);
        let make =
            || data.ward.filter(&data.world, &query(&person, "viewSummary", "Case", &context), &database);
        let filter = make()?;
        let expected = lists.view_summary_cases(user, NOW).len() as usize;
        let name = format!("filter/{who}/{}", data.cases);
        let mut ours = connection.prepare(&format!("{} WHERE {}", database.select("Case")?, filter.sql))?;
        let mut theirs = connection.prepare(&format!("SELECT c.id FROM \"case\" c WHERE {by_hand}"))?;
        bind(&mut ours, &filter)?;
        if theirs.parameter_count() > 0 {
            theirs.raw_bind_parameter(1, person.id())?;
        }
        let (mut a, mut b) = (ids(&mut ours)?, ids(&mut theirs)?);
        a.sort_unstable();
        b.sort_unstable();
        assert_eq!(a, b, "{name}");
        let mut all: Vec<(&'static str, Work<'_>)> = vec![
            ("caseward", Box::new(|| count(&mut ours))),
            ("by hand", Box::new(|| count(&mut theirs))),
            ("caseward, the filter itself", Box::new(|| make().map_or(0, |_| expected))),
        ];
        compare_work(report, &name, expected, &mut all);
        report.print_ratios(&name);
    }
    Ok(())
}

/// A database in memory with the tables of the default mapping.
fn filled(data: &Data, database: &Database) -> Result<Connection, Failure> {
    let mut connection = Connection::open_in_memory()?;
    for statement in database.create() {
        connection.execute_batch(&statement)?;
    }
    let transaction = connection.transaction()?;
    for table in database.rows(&data.world) {
        let mut insert = transaction.prepare(&table.insert)?;
        for row in &table.rows {
            insert.execute(params_from_iter(row.iter().map(|cell| cell.as_ref().map(value))))?;
        }
    }
    transaction.execute_batch("ANALYZE")?;
    transaction.commit()?;
    Ok(connection)
}

fn bind(statement: &mut Statement<'_>, filter: &Filter) -> Result<(), Failure> {
    for (at, parameter) in filter.params.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, value(parameter))?;
    }
    Ok(())
}

fn value(parameter: &Parameter) -> Value {
    match parameter {
        Parameter::Boolean(value) => Value::Integer((*value).into()),
        Parameter::Bigint(value) => Value::Integer(*value),
        Parameter::Text(text) => Value::Text(text.to_string()),
        // SQLite's lists are texts.
        _ => Value::Null,
    }
}

fn ids(statement: &mut Statement<'_>) -> Result<Vec<String>, Failure> {
    let mut rows = statement.raw_query();
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(row.get(0)?);
    }
    Ok(ids)
}

/// How many ids a statement gives, each of which is looked at.
fn count(statement: &mut Statement<'_>) -> usize {
    let mut rows = statement.raw_query();
    let mut count = 0;
    while let Ok(Some(row)) = rows.next() {
        count += usize::from(row.get_ref(0).is_ok_and(|id| id.as_bytes().is_ok()));
    }
    count
}
