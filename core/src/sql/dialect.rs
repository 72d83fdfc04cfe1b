//! The databases, and what each calls things.

use std::fmt;
use std::str::FromStr;

use super::options::ParameterStyle;
use super::tables::Kind;
use crate::model::Error;
use crate::model::suggest::hint;

/// A database's own SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// PostgreSQL and what speaks its language. Parameters are `$1`, `$2` …
    Postgres,
    /// SQLite 3.38 or newer. Parameters are `?1`, `?2` …
    Sqlite,
    /// DuckDB. Parameters are `$1`, `$2` …
    DuckDb,
    /// Spark SQL 3.5 or newer. Parameters are `:p1`, `:p2` …
    Spark,
    /// MariaDB 10.6 or newer. Parameters are `?`
    MariaDb,
}

carried!(enum Dialect { 0 = Postgres {}, 1 = Sqlite {}, 2 = DuckDb {}, 3 = Spark {}, 4 = MariaDb {} });

impl Dialect {
    /// Every dialect.
    pub const ALL: [Dialect; 5] =
        [Dialect::Postgres, Dialect::Sqlite, Dialect::DuckDb, Dialect::Spark, Dialect::MariaDb];

    /// What it is called: `postgres`, `sqlite`, `duckdb`, `spark` or `mariadb`.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Postgres => "postgres",
            Dialect::Sqlite => "sqlite",
            Dialect::DuckDb => "duckdb",
            Dialect::Spark => "spark",
            Dialect::MariaDb => "mariadb",
        }
    }

    /// A name as an identifier, whatever is in it.
    pub(super) fn quoted(self, name: &str) -> String {
        // No database takes a NUL in a name.
        let name = name.replace('\0', "_");
        match self {
            Dialect::Spark | Dialect::MariaDb => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// A column as an expression whose value drivers give as a parameter.
    pub(super) fn cell(self, column: &str, kind: Kind) -> String {
        match (self, kind) {
            (Dialect::Postgres, Kind::Ip) => format!("{column}::text"),
            (Dialect::Postgres, Kind::Timestamp) => format!("(extract(epoch FROM {column}) * 1000)::bigint"),
            (Dialect::DuckDb, Kind::Timestamp) => format!("epoch_ms({column})"),
            (Dialect::Spark, Kind::Timestamp) => format!("unix_millis({column})"),
            _ => column.to_owned(),
        }
    }

    /// The sign of the parameter with this number.
    pub(super) fn sign(self, number: usize) -> String {
        self.style().sign(number)
    }

    /// Whether it takes two names for one: all but PostgreSQL without regard to case.
    pub(super) fn is_same_name(self, a: &str, b: &str) -> bool {
        match self {
            Dialect::Postgres => a == b,
            _ => a.to_lowercase() == b.to_lowercase(),
        }
    }

    /// How its parameters are written unless told otherwise.
    pub(super) fn style(self) -> ParameterStyle {
        match self {
            Dialect::Postgres | Dialect::DuckDb => ParameterStyle::Dollar,
            Dialect::Sqlite => ParameterStyle::NumberedQuestion,
            Dialect::Spark => ParameterStyle::Named,
            Dialect::MariaDb => ParameterStyle::Question,
        }
    }

    /// The milliseconds since 1970 of a timestamp.
    pub(super) fn milliseconds(self, column: &str) -> String {
        match self {
            Dialect::Postgres => format!("floor(extract(epoch FROM {column}) * 1000)"),
            Dialect::Sqlite | Dialect::MariaDb => column.to_owned(),
            Dialect::DuckDb => format!("epoch_ms({column})"),
            Dialect::Spark => format!("unix_millis({column})"),
        }
    }

    /// The type of a column.
    pub(super) fn type_name(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Dialect::Sqlite, Kind::Bool | Kind::Long) => "INTEGER",
            (_, Kind::Bool) => "BOOLEAN",
            (_, Kind::Long) => "BIGINT",
            (Dialect::Postgres, Kind::Ip) => "inet",
            (Dialect::Spark, Kind::Text | Kind::Id(_) | Kind::Ip) => "STRING",
            (Dialect::DuckDb, Kind::Text | Kind::Id(_) | Kind::Ip) => "VARCHAR",
            // Keys and what is looked up are of the type of `key_type`.
            (Dialect::MariaDb, Kind::Text | Kind::Id(_) | Kind::Ip) => {
                "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
            }
            (_, Kind::Text | Kind::Id(_) | Kind::Ip) => "TEXT",
            (Dialect::Spark, Kind::Timestamp) => "TIMESTAMP",
            (_, Kind::Timestamp) => "TIMESTAMPTZ",
        }
    }

    /// The type of a column that an index is on.
    pub(super) fn key_type(self, kind: Kind) -> &'static str {
        match (self, kind) {
            // An index takes so much of a text, and three of them.
            (Dialect::MariaDb, Kind::Text | Kind::Id(_) | Kind::Ip) => {
                "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
            }
            (_, kind) => self.type_name(kind),
        }
    }

    /// Whether it has a type of instants that holds all that there are; else they are numbers of milliseconds.
    pub(super) fn has_timestamps(self) -> bool {
        !matches!(self, Dialect::Sqlite | Dialect::MariaDb)
    }

    /// The type of a list of values of a kind.
    pub(super) fn type_of_list(self, kind: Kind) -> String {
        match kind {
            Kind::Timestamp => "bigint[]".into(),
            Kind::Ip if self == Dialect::Postgres => "text[]::inet[]".into(),
            kind => format!("{}[]", self.type_name(kind)),
        }
    }

    /// Whether it has a type of addresses, with ranges.
    pub(super) fn has_addresses(self) -> bool {
        self == Dialect::Postgres
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = Error;

    /// # Errors
    /// [`Error::is_request`] for a name that is no dialect's.
    fn from_str(text: &str) -> Result<Self, Error> {
        let lower = text.to_lowercase();
        let known = Self::ALL.into_iter().find(|dialect| dialect.name() == lower);
        known.or((lower == "postgresql").then_some(Dialect::Postgres)).ok_or_else(|| {
            let hint = match hint(text, Self::ALL.iter().map(|dialect| dialect.name())) {
                hint if hint.is_empty() => {
                    ": they are postgres, sqlite, duckdb, spark and mariadb".to_owned()
                }
                hint => hint,
            };
            Error::request(format!("there is no dialect `{text}`{hint}"))
        })
    }
}
