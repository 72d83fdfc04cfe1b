//! SQLite, in memory.

use std::collections::BTreeSet;

use caseward::sql::{Dialect, Filter, Parameter, TableRows};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::law::Engine;

/// A database in memory.
pub struct Sqlite {
    /// The connection.
    pub connection: Connection,
}

impl Engine for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn fill_with(&mut self, create: &[String], tables: &[TableRows]) -> Result<(), String> {
        let text = |e: rusqlite::Error| e.to_string();
        self.connection = Connection::open_in_memory().map_err(text)?;
        for statement in create {
            self.connection.execute_batch(statement).map_err(|e| format!("{e}: {statement}"))?;
        }
        let transaction = self.connection.transaction().map_err(text)?;
        for table in tables {
            let mut insert = transaction.prepare(&table.insert).map_err(text)?;
            for row in &table.rows {
                insert
                    .execute(params_from_iter(row.iter().map(value)))
                    .map_err(|e| format!("{e}: {} {row:?}", table.insert))?;
            }
        }
        transaction.commit().map_err(text)
    }

    fn prepare(&mut self, select: &str, filter: &Filter) -> Result<(), String> {
        let query = format!("{select} WHERE {}", filter.sql);
        self.connection.prepare(&query).map(|_| ()).map_err(|e| e.to_string())
    }

    fn ids(&mut self, select: &str, filter: &Filter) -> Result<BTreeSet<String>, String> {
        let query = format!("{select} WHERE {}", filter.sql);
        let mut statement = self.connection.prepare(&query).map_err(|e| e.to_string())?;
        let parameters = filter.params.iter().map(|parameter| value(&Some(parameter.clone())));
        let mut rows = statement.query(params_from_iter(parameters)).map_err(|e| e.to_string())?;
        let mut ids = BTreeSet::new();
        while let Some(row) = rows.next().map_err(|e| e.to_string())? {
            ids.insert(row.get::<_, String>(0).map_err(|e| e.to_string())?);
        }
        Ok(ids)
    }
}

impl Sqlite {
    /// A database without tables.
    pub fn new() -> Result<Self, String> {
        Ok(Sqlite { connection: Connection::open_in_memory().map_err(|e| e.to_string())? })
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// What the database says.
    pub fn run(&mut self, statement: &str) -> Result<(), String> {
        self.connection.execute_batch(statement).map_err(|e| e.to_string())
    }

    /// How a query is run, a line a step.
    pub fn plan(&self, query: &str, filter: &Filter) -> Result<Vec<String>, String> {
        let text = |e: rusqlite::Error| e.to_string();
        let mut statement = self.connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).map_err(text)?;
        let parameters = filter.params.iter().map(|parameter| value(&Some(parameter.clone())));
        let rows = statement.query_map(params_from_iter(parameters), |row| row.get(3)).map_err(text)?;
        rows.collect::<Result<_, _>>().map_err(text)
    }
}

/// A value as SQLite binds it.
fn value(parameter: &Option<Parameter>) -> Value {
    match parameter {
        None => Value::Null,
        Some(Parameter::Boolean(value)) => Value::Integer((*value).into()),
        Some(Parameter::Bigint(value)) => Value::Integer(*value),
        Some(Parameter::Text(text)) => Value::Text(text.to_string()),
        Some(list) => panic!("SQLite binds no list: {list:?}"),
    }
}
