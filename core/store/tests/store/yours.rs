//! Another program's database: its tables, and what it commits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use caseward::sql::{Database, Dialect, Parameter, Statement};
use caseward_sql_tests::Postgres;
use postgres::{Client, NoTls};
use rusqlite::{Connection, params_from_iter};

use crate::bench::{Folder, is_on_postgres};
use crate::tables::bound;

/// How long one writer waits for the other.
const PATIENCE: Duration = Duration::from_secs(20);

/// The database of another program, and its connection.
pub(crate) struct Yours {
    pub(crate) place: PathBuf,
    pub(crate) dialect: Dialect,
    pub(crate) by: By,
    pub(crate) folder: Folder,
}

pub(crate) enum By {
    Sqlite(Connection),
    Postgres(Client),
}

pub(crate) fn connected(place: &Path) -> By {
    match is_on_postgres() {
        true => By::Postgres(Client::connect(place.to_str().unwrap(), NoTls).unwrap()),
        false => {
            let connection = Connection::open(place).unwrap();
            connection.busy_timeout(PATIENCE).unwrap();
            connection
                .execute_batch(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON",
                )
                .unwrap();
            By::Sqlite(connection)
        }
    }
}

impl Yours {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let (place, dialect): (PathBuf, Dialect) = match is_on_postgres() {
            true => (Postgres::address().unwrap().expect("there is no PostgreSQL").into(), Dialect::Postgres),
            false => (folder.path().join("yours.db"), Dialect::Sqlite),
        };
        Yours { by: connected(&place), place, dialect, folder }
    }

    pub(crate) fn run(&mut self, sql: &str) {
        self.by.run(sql);
    }

    pub(crate) fn outbox(&mut self, database: &Database) {
        let outbox = database.outbox().unwrap();
        self.run("BEGIN");
        outbox.statements.iter().for_each(|statement| self.run(statement));
        self.run("COMMIT");
    }

    /// One transaction, committed; its position.
    pub(crate) fn commits(&mut self, statements: &[&str]) -> u64 {
        self.run("BEGIN");
        statements.iter().for_each(|statement| self.run(statement));
        let position = self.by.position();
        self.run("COMMIT");
        position
    }

    pub(crate) fn count(&mut self, sql: &str) -> i64 {
        match &mut self.by {
            By::Sqlite(connection) => connection.query_row(sql, [], |row| row.get(0)).unwrap(),
            By::Postgres(client) => client.query_one(sql, &[]).unwrap().get(0),
        }
    }
}

impl By {
    pub(crate) fn run(&mut self, sql: &str) {
        match self {
            By::Sqlite(connection) => connection.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}")),
            By::Postgres(client) => client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}")),
        }
    }

    pub(crate) fn keep(&mut self, Statement { sql, params }: &Statement) {
        match self {
            By::Sqlite(connection) => {
                connection.execute(sql, params_from_iter(params.iter().map(bound))).unwrap();
            }
            By::Postgres(_) => self.run(&written(sql, params)),
        }
    }

    pub(crate) fn position(&mut self) -> u64 {
        match self {
            By::Sqlite(connection) => {
                let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'caseward_mirror_outbox'";
                connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as u64
            }
            By::Postgres(client) => {
                let row = client.query_one("SELECT pg_current_xact_id()::text", &[]).unwrap();
                row.get::<_, String>(0).parse().unwrap()
            }
        }
    }
}

/// A statement with its values in the text.
fn written(sql: &str, params: &[Option<Parameter>]) -> String {
    let (mut text, mut rest) = (String::new(), sql);
    while let Some((before, after)) = rest.split_once('$') {
        let digits = after.chars().take_while(char::is_ascii_digit).count();
        let number: usize = after[..digits].parse().unwrap();
        text.push_str(before);
        text.push_str(&match &params[number - 1] {
            None => "NULL".to_owned(),
            Some(Parameter::Boolean(is)) => is.to_string(),
            Some(Parameter::Bigint(n)) => format!("({n})"),
            Some(Parameter::Text(text)) => format!("'{}'", text.replace('\'', "''")),
            Some(other) => panic!("{other:?}"),
        });
        rest = &after[digits..];
    }
    text + rest
}
