//! PostgreSQL, and what speaks its protocol: a schema of a database, found by the address's search path.
//!
//! Several processes may have it open. Whoever writes holds the lock of one row until it has committed, and tells the others
//! of it. Files are kept in a table.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caseward::sql::{Dialect, Parameter};
use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Row, Statement};

use crate::address::Address;
use crate::db::{Cell, Db, Each};
use crate::error::Error;
use crate::layout::Layout;
use crate::seal::Seal;
use crate::touched::Counter;

/// Statements that are kept prepared.
const PREPARED: usize = 512;
/// What a store has in PostgreSQL beside the tables of its own.
const FILES: &str = "CREATE TABLE caseward_file (hash TEXT NOT NULL PRIMARY KEY, bytes BYTEA NOT NULL)";
/// Holds other writers up until the transaction ends. It is a row, not an advisory lock: what speaks PostgreSQL's protocol has
/// these.
const LOCK: &str = "SELECT value FROM caseward_setting WHERE name = 'event' FOR UPDATE";
/// What a connection is told at once: a writer that stands still does not hold others up for ever, nor is it waited for so
/// long, and what is told to be durable is.
const READY: &str = "SET idle_in_transaction_session_timeout = '5min'; SET lock_timeout = '2min'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
/// Where commits are told of: the schema and the entry.
const CHANNEL: &str = "caseward_store";
/// How long a server that does not answer is tried again, such as one that is restarted.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before a connection is tried again: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A connection to the schema of a store.
pub(crate) struct Postgres {
    address: Address,
    client: Client,
    prepared: HashMap<String, Statement>,
    counter: Counter,
    seal: Seal,
}

/// Whether a place is an address of PostgreSQL.
pub(crate) fn is_address(place: &str) -> bool {
    place.starts_with("postgres://") || place.starts_with("postgresql://")
}

/// An address as messages show it: without the password.
pub(crate) fn shown(address: &str) -> PathBuf {
    let Some((scheme, rest)) = address.split_once("://") else { return PathBuf::from(address) };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = path.split('?').next().unwrap_or_default();
    let shown = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    PathBuf::from(format!("{scheme}://{shown}{path}"))
}

impl Postgres {
    /// Makes room for a store in a schema where there is none.
    pub(crate) fn create(address: &str) -> Result<Self, Error> {
        let mut db = Self::connect(address)?;
        if db.has_store()? {
            return Err(Error::Exists(shown(address)));
        }
        Ok(db)
    }

    /// Opens the store of a schema.
    pub(crate) fn open(address: &str) -> Result<Self, Error> {
        let mut db = Self::connect(address)?;
        if db.has_store()? { Ok(db) } else { Err(Error::Missing(shown(address))) }
    }

    /// Connects to a database, whatever is in it.
    pub(crate) fn connect(address: &str) -> Result<Self, Error> {
        let (at, address) = (shown(address), Address::read(address)?);
        let client = connected(&address).map_err(|error| Error::NotAStore {
            path: at,
            why: format!("it cannot be connected to: {}", tell(&error)),
        })?;
        Ok(Postgres {
            address,
            client,
            prepared: HashMap::new(),
            counter: Counter::default(),
            seal: Seal::default(),
        })
    }

    /// Begins a transaction; where the connection was cut, on another.
    fn begin_as(&mut self, sql: &str) -> Result<(), Error> {
        if self.client.batch_execute(sql).is_ok() {
            return Ok(());
        }
        if self.client.is_closed() {
            let begun = Instant::now();
            let mut pause = PAUSES.0;
            self.client = loop {
                match connected(&self.address) {
                    Ok(client) => break client,
                    Err(error) if begun.elapsed() > PATIENCE || !is_passing(&error) => {
                        return Err(error.into());
                    }
                    Err(_) => std::thread::sleep(pause),
                }
                pause = PAUSES.1.min(pause * 2);
            };
            self.prepared.clear();
        }
        Ok(self.client.batch_execute(sql)?)
    }

    fn has_store(&mut self) -> Result<bool, Error> {
        let sql = "SELECT to_regclass('caseward_setting') IS NOT NULL";
        Ok(self.client.query_one(sql, &[])?.get(0))
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&dollars(sql))?;
        if self.prepared.len() >= PREPARED {
            self.prepared.clear();
        }
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// A connection that is ready.
fn connected(address: &Address) -> Result<Client, postgres::Error> {
    let mut client = address.connect()?;
    client.batch_execute(READY)?;
    Ok(client)
}

/// Whether a failure to connect may pass by itself: the server does not answer, starts, ends, or has too many connections.
fn is_passing(error: &postgres::Error) -> bool {
    error.as_db_error().is_none_or(|said| {
        [
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
        ]
        .contains(said.code())
    })
}

/// What a listener heard.
pub(crate) enum Heard {
    Nothing,
    /// The newest entry that was told of.
    Committed(u64),
    /// There is a connection again.
    Connected,
}

/// A connection that hears of what others commit; one that is cut is made again.
pub(crate) struct Listener {
    address: Address,
    /// With the schema of the store.
    connection: Option<(Client, String)>,
    pause: Duration,
    again: Instant,
}

impl Listener {
    pub(crate) fn new(address: &str) -> Result<Self, Error> {
        let address = Address::read(address)?;
        Ok(Listener { address, connection: None, pause: PAUSES.0, again: Instant::now() })
    }

    /// Listens for so long.
    pub(crate) fn hear(&mut self, within: Duration) -> Heard {
        let Some((client, schema)) = &mut self.connection else { return self.connect(within) };
        let mut heard = None;
        let mut notifications = client.notifications();
        let mut wait = within;
        // Those that came at once are one.
        while let Ok(Some(told)) = notifications.timeout_iter(wait).next() {
            wait = Duration::ZERO;
            if let Some((of, event)) = told.payload().rsplit_once(' ')
                && *of == **schema
            {
                heard = heard.max(event.parse::<u64>().ok());
            }
        }
        drop(notifications);
        if client.is_closed() {
            self.connection = None;
        }
        heard.map_or(Heard::Nothing, Heard::Committed)
    }

    fn connect(&mut self, within: Duration) -> Heard {
        let left = self.again.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            std::thread::sleep(left.min(within));
            return Heard::Nothing;
        }
        match self.listening() {
            Ok(connection) => {
                self.connection = Some(connection);
                self.pause = PAUSES.0;
                Heard::Connected
            }
            Err(_) => {
                self.again = Instant::now() + self.pause;
                self.pause = PAUSES.1.min(self.pause * 2);
                Heard::Nothing
            }
        }
    }

    fn listening(&self) -> Result<(Client, String), postgres::Error> {
        let mut client = connected(&self.address)?;
        client.batch_execute(&format!("LISTEN {CHANNEL}"))?;
        let schema = client.query_one("SELECT current_schema()", &[])?.try_get(0)?;
        Ok((client, schema))
    }
}

/// A statement with `$1` for `?1`; no statement of ours has a question mark in a text.
fn dollars(sql: &str) -> String {
    sql.replace('?', "$")
}

/// What an error says, with what the server says of it.
pub(crate) fn tell(error: &postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        Error::Database(tell(&error))
    }
}

impl Db for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn script(&mut self, sql: &str) -> Result<(), Error> {
        // Texts are in one order in every database, whatever its collation.
        Ok(self.client.batch_execute(&sql.replace(" TEXT", " TEXT COLLATE \"C\""))?)
    }

    fn tables(&mut self) -> Result<(), Error> {
        self.script(FILES)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn strangers(&mut self) -> Result<Vec<Arc<str>>, Error> {
        let this: &mut dyn Db = self;
        let sql = "SELECT 'trigger ' || tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
                   WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace \
                   UNION ALL SELECT 'view ' || viewname::text FROM pg_views WHERE schemaname = current_schema() \
                   UNION ALL SELECT 'rule ' || rulename::text FROM pg_rules WHERE schemaname = current_schema() ORDER BY 1";
        this.texts(sql, &[])
    }

    fn layout(&mut self) -> Result<Layout, Error> {
        // `indkey` counts from 0.
        let columns = "SELECT t.relname::text, a.attname::text, \
                       COALESCE(array_position(i.indkey::int2[], a.attnum) + 1, 0)::bigint \
                       FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped \
                       LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary \
                       WHERE t.relkind IN ('r', 'p') AND t.relnamespace = current_schema()::regnamespace";
        let indices = "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                       WHERE NOT i.indisprimary AND i.indisvalid AND c.relnamespace = current_schema()::regnamespace";
        Layout::read(self, columns, indices)
    }

    fn own_tables(&self) -> BTreeMap<String, BTreeMap<String, i64>> {
        let columns = [("hash", 1), ("bytes", 0)].map(|(name, key)| (name.to_owned(), key));
        BTreeMap::from([("caseward_file".to_owned(), columns.into())])
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.begin_as("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    }

    fn lock(&mut self) -> Result<(), Error> {
        self.client.batch_execute(LOCK).map_err(|error| match error.code() {
            Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                Error::Database("another process has been writing for minutes: try again".to_owned())
            }
            _ => error.into(),
        })
    }

    fn begin_to_read(&mut self) -> Result<(), Error> {
        self.begin_as("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    fn end_reading(&mut self) -> Result<(), Error> {
        self.commit()
    }

    fn announce(&mut self, event: u64) -> Result<(), Error> {
        let sql = "SELECT pg_notify($1, current_schema() || ' ' || $2)";
        self.client.execute(sql, &[&CHANNEL, &event.to_string()])?;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Error> {
        Ok(self.client.batch_execute("COMMIT")?)
    }

    fn rollback(&mut self) -> Result<(), Error> {
        // What a lost connection had begun is taken back by the server.
        match self.client.is_closed() {
            true => Ok(()),
            false => Ok(self.client.batch_execute("ROLLBACK")?),
        }
    }

    fn scrub(&mut self) -> Result<(), Error> {
        // Rows that were deleted go when the server vacuums; its own log and backups are the operator's.
        Ok(self.client.batch_execute("VACUUM caseward_log, caseward_content, caseward_history")?)
    }

    fn seal(&self) -> Seal {
        self.seal.clone()
    }

    fn set_seal(&mut self, seal: Seal) {
        self.seal = seal;
    }

    fn counter(&self) -> Counter {
        self.counter.clone()
    }

    fn run(&mut self, sql: &str, params: &[Cell]) -> Result<usize, Error> {
        self.counter.statement();
        let statement = self.prepared(sql)?;
        let bound: Vec<Bound<'_>> = params.iter().map(Bound).collect();
        let bound: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|one| one as _).collect();
        let count = self.client.execute(&statement, &bound)?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn rows(&mut self, sql: &str, params: &[Cell], each: Each<'_>) -> Result<(), Error> {
        self.counter.statement();
        let counter = self.counter.clone();
        let statement = self.prepared(sql)?;
        let mut rows = self.client.query_raw(&statement, params.iter().map(Bound))?;
        let mut cells = Vec::new();
        while let Some(row) = rows.next()? {
            counter.row();
            cells.clear();
            read(&row, &mut cells)?;
            each(&cells)?;
        }
        Ok(())
    }

    fn keep_file(&mut self, hash: &str, bytes: &[u8]) -> Result<bool, Error> {
        let sql = "INSERT INTO caseward_file (hash, bytes) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
        self.client.execute(sql, &[&hash, &bytes])?;
        Ok(true)
    }

    fn file(&mut self, hash: &str) -> Result<Option<Option<Vec<u8>>>, Error> {
        let row = self.client.query_opt("SELECT bytes FROM caseward_file WHERE hash = $1", &[&hash])?;
        Ok(Some(row.map(|row| row.try_get(0)).transpose()?))
    }

    fn file_names(&mut self) -> Result<Option<Vec<Arc<str>>>, Error> {
        let rows = self.client.query("SELECT hash FROM caseward_file ORDER BY hash", &[])?;
        let names = rows.iter().map(|row| row.try_get::<_, &str>(0).map(Arc::from));
        Ok(Some(names.collect::<Result<_, _>>()?))
    }

    fn remove_file(&mut self, hash: &str) -> Result<bool, Error> {
        self.client.execute("DELETE FROM caseward_file WHERE hash = $1", &[&hash])?;
        Ok(true)
    }
}

fn read(row: &Row, cells: &mut Vec<Cell>) -> Result<(), Error> {
    for (at, column) in row.columns().iter().enumerate() {
        cells.push(match *column.type_() {
            Type::BOOL => row.try_get::<_, Option<bool>>(at)?.map(Parameter::Boolean),
            Type::INT2 => row.try_get::<_, Option<i16>>(at)?.map(|n| Parameter::Bigint(n.into())),
            Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map(|n| Parameter::Bigint(n.into())),
            Type::INT8 => row.try_get::<_, Option<i64>>(at)?.map(Parameter::Bigint),
            Type::TEXT | Type::VARCHAR => {
                row.try_get::<_, Option<&str>>(at)?.map(|text| Parameter::Text(text.into()))
            }
            ref other => {
                let name = column.name();
                return Err(Error::Database(format!("a value of the column `{name}` is of type {other}")));
            }
        });
    }
    Ok(())
}

/// A cell, as the type that the server says the parameter has.
#[derive(Debug)]
struct Bound<'a>(&'a Cell);

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            None => Ok(IsNull::Yes),
            Some(Parameter::Boolean(is)) => is.to_sql(ty, out),
            Some(Parameter::Bigint(n)) if *ty == Type::INT4 => i32::try_from(*n)?.to_sql(ty, out),
            Some(Parameter::Bigint(n)) => n.to_sql(ty, out),
            Some(Parameter::Text(text)) => text.as_ref().to_sql(ty, out),
            Some(_) => Err("a list is no value of a column".into()),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::BOOL | Type::INT4 | Type::INT8 | Type::TEXT | Type::VARCHAR)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn passwords_are_not_shown() {
        for (address, text) in [
            (
                "postgres://u:secret@db.example.org:5432/cases?options=-csearch_path%3Da",
                "postgres://u@db.example.org:5432/cases",
            ),
            ("postgresql://db/cases?password=secret", "postgresql://db/cases"),
            ("postgres://u:a@b@host/x", "postgres://u@host/x"),
        ] {
            assert_eq!(shown(address).display().to_string(), text);
        }
    }
}
