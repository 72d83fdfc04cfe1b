//! Databases that Python brings: DuckDB and Spark by their packages, and the SQLite that it was built with, which is
//! older than ours most often; and a MariaDB that it starts. All are behind `engine.py`.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use caseward::sql::{Dialect, Filter, TableRows};
use serde_json::{Value, json};

use crate::law::Engine;

/// A database in a process of its own.
pub struct Python {
    dialect: Dialect,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Drop for Python {
    fn drop(&mut self) {
        // It ends where nothing is asked any more, and takes what it started with it.
        self.input = None;
        for _ in 0..100 {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Python {
    /// Starts it; `None` where `CASEWARD_SQL_PYTHON` names no Python that has what it needs, or the server is not here.
    ///
    /// # Errors
    /// What went wrong at the start.
    pub fn new(dialect: Dialect) -> Result<Option<Self>, String> {
        let Some(python) = std::env::var_os("CASEWARD_SQL_PYTHON") else { return Ok(None) };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(dialect.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        let mut engine = Python { dialect, child, input: Some(input), output: BufReader::new(output) };
        match engine.answer()?.get("missing") {
            Some(missing) => {
                eprintln!("{dialect}: {missing}");
                Ok(None)
            }
            None => Ok(Some(engine)),
        }
    }

    fn ask(&mut self, question: &Value) -> Result<Value, String> {
        let input = self.input.as_mut().ok_or("it is closed")?;
        writeln!(input, "{question}").map_err(|e| e.to_string())?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|e| e.to_string())?;
        let answer: Value = serde_json::from_str(&line).map_err(|e| format!("{e}: {line}"))?;
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
            None => Ok(answer),
        }
    }
}

impl Engine for Python {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn fill_with(&mut self, create: &[String], tables: &[TableRows]) -> Result<(), String> {
        self.ask(&json!({"create": create, "tables": tables})).map(|_| ())
    }

    fn prepare(&mut self, select: &str, filter: &Filter) -> Result<(), String> {
        let query = format!("{select} WHERE {}", filter.sql);
        self.ask(&json!({"plan": query, "params": filter.params, "setup": filter.setup})).map(|_| ())
    }

    fn ids(&mut self, select: &str, filter: &Filter) -> Result<BTreeSet<String>, String> {
        let query = format!("{select} WHERE {}", filter.sql);
        let answer = self.ask(&json!({"query": query, "params": filter.params, "setup": filter.setup}))?;
        let ids = answer["ids"].as_array().ok_or("no ids")?;
        Ok(ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect())
    }
}
