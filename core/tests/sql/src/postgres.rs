//! PostgreSQL: a server of the tests' own, on a loopback port.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use caseward::sql::{Dialect, Filter, Parameter, TableRows};
use postgres::types::ToSql;
use postgres::{Client, NoTls};

use crate::law::Engine;

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rows that are added at once.
const AT_ONCE: usize = 10_000;

/// A database of the server.
pub struct Postgres {
    /// The connection.
    pub client: Client,
}

/// A running server. It ends when its standard input does: with this process, however that ends.
struct Server {
    port: u16,
    _input: ChildStdin,
}

/// Runs the server until standard input ends, and takes its files away.
const WATCH: &str = r#""$1" -D "$2/data" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c fsync=off -c full_page_writes=off >"$2/log" 2>&1 & server=$!
cat >/dev/null; kill -INT "$server"; wait "$server"; rm -rf "$2""#;

/// Where the programs of PostgreSQL are; `None` where there are none.
///
/// `CASEWARD_POSTGRES` names their folder; else they are looked for in the path and where Debian has them.
fn programs() -> Option<PathBuf> {
    let named = std::env::var_os("CASEWARD_POSTGRES").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").ok();
    let debian = debian.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let mut all: Vec<PathBuf> = named.into_iter().collect();
    all.extend(debian);
    all.extend(std::env::split_paths(&path));
    all.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

impl Server {
    fn start(programs: &Path) -> Result<Self, String> {
        let text = |e: std::io::Error| e.to_string();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(text)?.port();
        let folder = std::env::temp_dir().join(format!("caseward-postgres-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(text)?;
        let user = other_user();
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).map_err(text)?;
        }
        let run = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let data = folder.join("data");
        let made = run(&programs.join("initdb"))
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "-D"])
            .arg(&data)
            .status()
            .map_err(text)?;
        if !made.success() {
            return Err(format!("initdb failed: {made}"));
        }
        let mut child = run(Path::new("sh"))
            .args(["-c", WATCH, "sh"])
            .args([&programs.join("postgres"), &folder])
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .map_err(text)?;
        let input = child.stdin.take().ok_or("no standard input")?;
        Ok(Server { port, _input: input })
    }

    fn connect(&self, database: &str) -> Result<Client, String> {
        let start = Instant::now();
        loop {
            let address = format!("host=127.0.0.1 port={} user=postgres dbname={database}", self.port);
            match Client::connect(&address, NoTls) {
                Ok(client) => return Ok(client),
                Err(error) if start.elapsed() > PATIENCE => return Err(error.to_string()),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

/// The user to run as where these tests run as root, as which PostgreSQL does not run.
fn other_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    let own = std::fs::metadata("/proc/self").map(|m| m.uid()).unwrap_or(1);
    if own != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(|id| id.parse().ok());
        Some((ids.next()??, ids.next()??))
    };
    of("postgres").or_else(|| of("nobody"))
}

impl Postgres {
    /// A new database, of a server that is started for these tests; `None` where there is no PostgreSQL.
    ///
    /// # Errors
    /// What went wrong at the start.
    pub fn new() -> Result<Option<Self>, String> {
        let Some((server, name)) = Self::made()? else { return Ok(None) };
        let client = server.connect(&name)?;
        Ok(Some(Postgres { client }))
    }

    /// As [`Postgres::new`], the database's address.
    ///
    /// # Errors
    /// What went wrong at the start.
    pub fn address() -> Result<Option<String>, String> {
        let made = Self::made()?;
        Ok(made.map(|(server, name)| format!("postgres://postgres@127.0.0.1:{}/{name}", server.port)))
    }

    fn made() -> Result<Option<(&'static Server, String)>, String> {
        static SERVER: OnceLock<Option<Result<Server, String>>> = OnceLock::new();
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let server = match SERVER.get_or_init(|| programs().map(|programs| Server::start(&programs))) {
            None => return Ok(None),
            Some(server) => server.as_ref().map_err(Clone::clone)?,
        };
        let name = format!("tests{}", NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let mut client = server.connect("postgres")?;
        client.batch_execute(&format!("CREATE DATABASE {name}")).map_err(|e| tell(&e))?;
        Ok(Some((server, name)))
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// What the database says.
    pub fn run(&mut self, statement: &str) -> Result<(), String> {
        self.client.batch_execute(statement).map_err(|e| tell(&e))
    }

    /// How a query is run, a line a step.
    ///
    /// # Errors
    /// What the database says.
    pub fn plan(&mut self, query: &str, filter: &Filter) -> Result<Vec<String>, String> {
        let values = values(&filter.params);
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(AsRef::as_ref).collect();
        let rows = self.client.query(&format!("EXPLAIN {query}"), &values).map_err(|e| tell(&e))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

impl Engine for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn fill_with(&mut self, create: &[String], tables: &[TableRows]) -> Result<(), String> {
        let run = |client: &mut Client, statement: &str| {
            client.batch_execute(statement).map_err(|e| format!("{}: {statement}", tell(&e)))
        };
        run(&mut self.client, "BEGIN; DROP SCHEMA public CASCADE; CREATE SCHEMA public")?;
        for statement in create {
            run(&mut self.client, statement)?;
        }
        for table in tables {
            let (into, signs) = table.insert.split_once(" VALUES (").unwrap_or_default();
            for rows in table.rows.chunks(AT_ONCE) {
                let columns: Vec<Column> =
                    (0..rows[0].len()).map(|at| Column::new(rows.iter().map(|row| &row[at]))).collect();
                let lists: Vec<String> =
                    columns.iter().enumerate().map(|(at, c)| format!("${}::{}", at + 1, c.ty)).collect();
                let names: Vec<String> = (1..=columns.len()).map(|n| format!("c{n}")).collect();
                let mut cells = signs.strip_suffix(')').unwrap_or(signs).to_owned();
                for (at, column) in columns.iter().enumerate().rev() {
                    let n = at + 1;
                    let cell = if column.is_empty { "NULL".to_owned() } else { format!("c{n}") };
                    cells = cells.replace(&format!("${n}"), &cell);
                }
                let insert = format!(
                    "{into} SELECT {cells} FROM unnest({}) AS u({})",
                    lists.join(", "),
                    names.join(", ")
                );
                let values: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| c.cells.as_ref()).collect();
                self.client.execute(&insert, &values).map_err(|e| format!("{}: {insert}", tell(&e)))?;
            }
        }
        run(&mut self.client, "COMMIT")
    }

    fn prepare(&mut self, select: &str, filter: &Filter) -> Result<(), String> {
        let query = format!("{select} WHERE {}", filter.sql);
        self.client.prepare(&query).map(|_| ()).map_err(|e| tell(&e))
    }

    fn ids(&mut self, select: &str, filter: &Filter) -> Result<BTreeSet<String>, String> {
        let query = format!("{select} WHERE {}", filter.sql);
        let values = values(&filter.params);
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(AsRef::as_ref).collect();
        let rows = self.client.query(&query, &values).map_err(|e| tell(&e))?;
        Ok(rows.iter().map(|row| row.get::<_, String>(0)).collect())
    }
}

/// The cells of a column as one value.
struct Column {
    ty: &'static str,
    is_empty: bool,
    cells: Box<dyn ToSql + Sync>,
}

impl Column {
    fn new<'a>(cells: impl Iterator<Item = &'a Option<Parameter>> + Clone) -> Self {
        let is_empty = cells.clone().all(Option::is_none);
        let boolean = |cell: &Option<Parameter>| match cell {
            Some(Parameter::Boolean(value)) => Some(*value),
            _ => None,
        };
        let bigint = |cell: &Option<Parameter>| match cell {
            Some(Parameter::Bigint(value)) => Some(*value),
            _ => None,
        };
        let text = |cell: &Option<Parameter>| match cell {
            Some(Parameter::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        let (ty, cells): (_, Box<dyn ToSql + Sync>) = match cells.clone().flatten().next() {
            Some(Parameter::Boolean(_)) => {
                ("boolean[]", Box::new(cells.clone().map(boolean).collect::<Vec<_>>()))
            }
            Some(Parameter::Bigint(_)) => {
                ("bigint[]", Box::new(cells.clone().map(bigint).collect::<Vec<_>>()))
            }
            _ => ("text[]", Box::new(cells.clone().map(text).collect::<Vec<_>>())),
        };
        Column { ty, is_empty, cells }
    }
}

fn values(parameters: &[Parameter]) -> Vec<Box<dyn ToSql + Sync>> {
    parameters
        .iter()
        .map(|parameter| -> Box<dyn ToSql + Sync> {
            match parameter {
                Parameter::Boolean(value) => Box::new(*value),
                Parameter::Bigint(value) => Box::new(*value),
                Parameter::Text(text) => Box::new(text.to_string()),
                Parameter::BooleanList(all) => Box::new(all.clone()),
                Parameter::BigintList(all) => Box::new(all.clone()),
                Parameter::TextList(all) => {
                    Box::new(all.iter().map(|text| text.as_ref().map(|t| t.to_string())).collect::<Vec<_>>())
                }
            }
        })
        .collect()
}

/// What the server says, and not that it said something.
fn tell(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |e| format!("{}: {}", e.code().code(), e.message()))
}
