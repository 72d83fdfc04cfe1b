//! Policies, tables, and the world that policies are asked about.
//!
//! INVARIANT: the world has what the tables have. Both change in [`App::change`] alone, under one lock.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use caseward::sql::{Database, Dialect, Mapping, Parameter};
use caseward::{Changes, Ward, World};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Transaction};
use serde_json::json;

/// What every handler has. Cloning shares it.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    ward: Ward,
    world: World,
    /// Where the tables have what the schema speaks of.
    tables: Database,
    db: Mutex<Connection>,
}

/// What is answered where there is no answer.
#[derive(Debug)]
pub struct Failure(pub StatusCode, pub String);

impl Failure {
    /// There is no such record, or it is not to be seen: both are answered alike.
    pub fn unseen() -> Self {
        Failure(StatusCode::NOT_FOUND, "it is not there, or not to be seen".to_owned())
    }

    /// Something failed here; what it was is for the log, and not for whoever asks.
    fn here(why: &dyn std::fmt::Display) -> Self {
        eprintln!("{why}");
        Failure(StatusCode::INTERNAL_SERVER_ERROR, "it failed here".to_owned())
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::here(&error)
    }
}

impl From<caseward::Error> for Failure {
    fn from(error: caseward::Error) -> Self {
        Failure::here(&error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl App {
    /// Reads the policies of a folder, and opens the tables, which are made where there are none.
    ///
    /// # Errors
    /// A [`Failure`], whose reason is printed.
    pub fn open(policies: &Path, db: &Path) -> Result<Self, Failure> {
        let ward = Ward::from_folder(policies)?;
        let connection = Connection::open(db)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.execute_batch(include_str!("tables.sql"))?;
        // SQLite enforces that references lead somewhere, so that filters need not look.
        let mapping = Mapping { foreign_keys: true, ..Mapping::default() };
        let tables = Database::new(ward.schema(), &mapping, Dialect::Sqlite)?;
        let world = tables.read(|sql, each| read(&connection, sql, each))?;
        Ok(App(Arc::new(Inner { ward, world, tables, db: Mutex::new(connection) })))
    }

    pub(crate) fn ward(&self) -> &Ward {
        &self.0.ward
    }

    pub(crate) fn world(&self) -> &World {
        &self.0.world
    }

    pub(crate) fn tables(&self) -> &Database {
        &self.0.tables
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.0.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the tables, on a thread that may wait.
    pub(crate) async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&app.db())).await;
        done.unwrap_or_else(|error| Err(Failure::here(&error)))
    }

    /// Changes the tables, and the world by what the work says that it changed. The work asks the policies itself: between its
    /// question and the commit nothing else changes. Where anything fails, nothing is changed.
    ///
    /// # Errors
    /// What the work reports, or the database.
    pub async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<(T, Changes), Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut db = app.db();
            let transaction = db.transaction()?;
            let (told, changes) = work(&transaction)?;
            // Whether they are changes that a world can hold is found out before they are written.
            app.world().with(&changes)?;
            transaction.commit()?;
            app.world().apply(&changes)?;
            Ok(told)
        });
        done.await.unwrap_or_else(|error| Err(Failure::here(&error)))
    }
}

/// What is given each row of a query.
type Each<'a> = &'a mut dyn FnMut(&[Option<Parameter>]) -> Result<(), Failure>;

/// The rows of a query, as caseward reads them.
fn read(db: &Connection, sql: &str, each: Each<'_>) -> Result<(), Failure> {
    let mut statement = db.prepare(sql)?;
    let count = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let cell = |at| match row.get_ref(at)? {
            ValueRef::Integer(number) => Ok(Some(Parameter::Bigint(number))),
            ValueRef::Text(_) => Ok(Some(Parameter::Text(row.get::<_, String>(at)?.into()))),
            _ => Ok(None),
        };
        let cells: Result<Vec<_>, rusqlite::Error> = (0..count).map(cell).collect();
        each(&cells?)?;
    }
    Ok(())
}

/// What is bound to a parameter of a filter; SQLite takes a list as JSON.
pub(crate) fn bound(parameter: &Parameter) -> Value {
    match parameter {
        Parameter::Boolean(is) => Value::Integer(i64::from(*is)),
        Parameter::Bigint(number) => Value::Integer(*number),
        Parameter::Text(text) => Value::Text(text.to_string()),
        Parameter::BooleanList(all) => Value::Text(json!(all).to_string()),
        Parameter::BigintList(all) => Value::Text(json!(all).to_string()),
        Parameter::TextList(all) => {
            Value::Text(json!(all.iter().map(Option::as_deref).collect::<Vec<_>>()).to_string())
        }
    }
}
