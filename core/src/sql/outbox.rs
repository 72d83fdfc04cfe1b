//! Triggers on the tables of a mapping, which write down whose rows changed: what keeps a world fresh that is made from them.
//!
//! INVARIANT: every row that is added, changed or removed in a mapped table leaves a row in the outbox, in the same
//! transaction, for each entity whose facts it is part of.

use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::create::Database;
use super::dialect::Dialect;
use super::names::Names;
use super::rows::{Shape, shapes};
use super::tables::Kind;
use crate::model::{Error, Problem};

/// What all that is made begins with.
const STEM: &str = "caseward_mirror";
/// Around the text of a function.
const MARK: &str = "$caseward$";

/// An outbox, and the triggers that write into it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Outbox {
    /// The statements that make it. They may be run again, such as after the mapping changed; run them in one transaction.
    pub statements: Vec<String>,
    /// The names of the triggers.
    pub triggers: Vec<String>,
    /// What names this form of it: the table `caseward_mirror_form` holds it in its one row.
    pub form: String,
}

/// One table, and whose rows are in it.
struct Watched<'a> {
    shape: &'a Shape,
    /// The name of the entity type, as a text of SQL.
    of: String,
    /// What its triggers' names begin with.
    name: String,
}

impl Database {
    /// The outbox of the mapped tables: the table `caseward_mirror_outbox`, whose rows have a `type` and an `id` for each
    /// entity whose rows changed, and triggers that fill it in the transaction that changes them. Without an `id` a row means
    /// that anything of the type may have changed.
    ///
    /// In SQLite `position` counts them. In PostgreSQL, 13 or newer, `xid` is the transaction's own id, since transactions are
    /// not committed in the order of any number that they draw.
    ///
    /// Triggers see what is written to tables, not what a view shows: where a mapping names a view, whoever changes the tables
    /// below it has to write the outbox.
    ///
    /// # Errors
    /// [`Error::is_mapping`] for a dialect without triggers, for types that the world knows (`from = "world"`), and in SQLite
    /// for a table of another database than `main`.
    ///
    /// # Example
    /// ```
    /// use caseward::Ward;
    /// use caseward::sql::{Database, Dialect, Mapping};
    ///
    /// let ward = Ward::attendance()?;
    /// let database = Database::new(ward.schema(), &Mapping::default(), Dialect::Sqlite)?;
    /// let outbox = database.outbox()?;
    /// assert!(outbox.triggers.iter().any(|name| name == "caseward_mirror_case_delete"));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn outbox(&self) -> Result<Outbox, Error> {
        let is_postgres = match self.dialect {
            Dialect::Postgres => true,
            Dialect::Sqlite => false,
            Dialect::MariaDb => {
                return Err(refused("an outbox is for postgres and sqlite, and this is mariadb".to_owned()));
            }
            other => {
                return Err(refused(format!(
                    "{other} has no triggers: an outbox is for postgres and sqlite"
                )));
            }
        };
        let (mut names, mut triggers) = (Names::default(), Vec::new());
        let mut statements = tables(is_postgres);
        for ty in self.types() {
            let (Some(table), Some(of)) = (self.tables.of(ty), self.schema.entity_type(ty)) else { continue };
            if of.choices.is_some() {
                continue;
            }
            if table.from_world {
                let why =
                    format!("`{}`: a mirror takes all facts from tables, and these are the world's", of.name);
                return Err(refused(why));
            }
            for shape in shapes(&self.tables, ty) {
                let table = shape.name.last().map_or("", AsRef::as_ref);
                let name = names.new_name(&format!("{STEM}_{table}"));
                let watched =
                    Watched { shape: &shape, of: format!("'{}'", of.name.replace('\'', "''")), name };
                match is_postgres {
                    true => self.of_postgres(&watched, &mut statements, &mut triggers),
                    false => self.of_sqlite(&watched, &mut statements, &mut triggers)?,
                }
            }
        }
        let mut hash = Sha256::new();
        statements.iter().for_each(|statement| hash.update(format!("{statement};\n")));
        let form = hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        statements.push(format!("DELETE FROM {STEM}_form"));
        statements.push(format!("INSERT INTO {STEM}_form (form) VALUES ('{form}')"));
        Ok(Outbox { statements, triggers, form })
    }

    fn of_sqlite(
        &self,
        watched: &Watched<'_>,
        statements: &mut Vec<String>,
        triggers: &mut Vec<String>,
    ) -> Result<(), Error> {
        let Watched { shape, of, name } = watched;
        let table = match &*shape.name {
            [table] => table,
            [base, table] if base.eq_ignore_ascii_case("main") => table,
            parts => {
                let shown: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
                let why = "a trigger of SQLite writes to its own database alone, which is `main`";
                return Err(refused(format!("`{}`: {why}", shown.join("."))));
            }
        };
        let (table, owner) = (self.dialect.quoted(table), self.owner(shape));
        let tells = |row: &str| format!("INSERT INTO {STEM}_outbox (type, id) VALUES ({of}, {row}.{owner});");
        let both = format!(
            "{} INSERT INTO {STEM}_outbox (type, id) SELECT {of}, NEW.{owner} \
             WHERE NEW.{owner} IS NOT OLD.{owner} COLLATE BINARY;",
            tells("OLD")
        );
        for (event, when, told) in [
            ("insert", String::new(), tells("NEW")),
            ("update", self.differs(shape, "IS NOT", |column, _| format!("{column} COLLATE BINARY")), both),
            ("delete", String::new(), tells("OLD")),
        ] {
            let trigger = format!("{name}_{event}");
            let quoted = self.dialect.quoted(&trigger);
            statements.push(format!("DROP TRIGGER IF EXISTS main.{quoted}"));
            statements.push(format!(
                "CREATE TRIGGER main.{quoted} AFTER {} ON {table} FOR EACH ROW{when}\nBEGIN\n  {told}\nEND",
                event.to_uppercase()
            ));
            triggers.push(trigger);
        }
        Ok(())
    }

    fn of_postgres(&self, watched: &Watched<'_>, statements: &mut Vec<String>, triggers: &mut Vec<String>) {
        let Watched { shape, of, name } = watched;
        let (table, owner, function) = (self.name(&shape.name), self.owner(shape), self.dialect.quoted(name));
        let tells =
            |row: &str| format!("INSERT INTO {STEM}_outbox (type, id) VALUES ({of}, {row}.{owner}::text);");
        let bytes = |row: &str| format!("{row}.{owner}::text COLLATE \"C\"");
        let body = format!(
            "\nBEGIN\n\
             \x20 IF TG_OP = 'TRUNCATE' THEN INSERT INTO {STEM}_outbox (type) VALUES ({of}); RETURN NULL; END IF;\n\
             \x20 IF TG_OP <> 'INSERT' THEN {} END IF;\n\
             \x20 IF TG_OP = 'INSERT' THEN {new}\n\
             \x20 ELSIF TG_OP = 'UPDATE' THEN\n\
             \x20   IF {} IS DISTINCT FROM {} THEN {new} END IF;\n\
             \x20 END IF;\n\
             \x20 RETURN NULL;\n\
             END\n",
            tells("OLD"),
            bytes("NEW"),
            bytes("OLD"),
            new = tells("NEW"),
        );
        let mut mark = MARK.to_owned();
        while body.contains(&mark) || function.contains(&mark) {
            mark.insert(1, 'x');
        }
        // Whoever may write the table may tell of it; and what they have on their search path is not looked at.
        statements.push(format!(
            "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS {mark}{body}{mark}"
        ));
        let name_text = function.replace('\'', "''");
        statements.push(format!(
            "DO {mark}BEGIN EXECUTE format('ALTER FUNCTION %s() SET search_path = %I, pg_temp', \
             '{name_text}', current_schema()); END{mark}"
        ));
        let column = |column: String, kind: Kind| match kind {
            Kind::Text | Kind::Id(_) => format!("{column}::text COLLATE \"C\""),
            _ => column,
        };
        let when = self.differs(shape, "IS DISTINCT FROM", column);
        for (event, what, each) in [
            ("row", "INSERT OR DELETE", "ROW".to_owned()),
            ("update", "UPDATE", format!("ROW{when}")),
            ("all", "TRUNCATE", "STATEMENT".to_owned()),
        ] {
            let trigger = format!("{name}_{event}");
            let quoted = self.dialect.quoted(&trigger);
            statements.push(format!("DROP TRIGGER IF EXISTS {quoted} ON {table}"));
            statements.push(format!(
                "CREATE TRIGGER {quoted} AFTER {what} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()"
            ));
            triggers.push(trigger);
        }
    }

    fn owner(&self, shape: &Shape) -> String {
        self.dialect.quoted(shape.columns.first().map_or("", |(name, ..)| name))
    }

    /// That a row has another value in a mapped column than it had: other columns are nobody's facts.
    fn differs(&self, shape: &Shape, is: &str, column: impl Fn(String, Kind) -> String) -> String {
        let one = |(name, kind, _): &(Arc<str>, Kind, bool)| {
            let name = self.dialect.quoted(name);
            format!("{} {is} {}", column(format!("OLD.{name}"), *kind), column(format!("NEW.{name}"), *kind))
        };
        let all: Vec<String> = shape.columns.iter().map(one).collect();
        format!(" WHEN ({})", all.join(" OR "))
    }
}

/// The tables of an outbox.
fn tables(is_postgres: bool) -> Vec<String> {
    let columns = match is_postgres {
        // A row's number is of no use but to tell rows apart.
        true => {
            "position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
             xid xid8 NOT NULL DEFAULT pg_current_xact_id(), \
             at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), type TEXT NOT NULL, id TEXT"
        }
        false => {
            "position INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL DEFAULT (unixepoch()), \
             type TEXT NOT NULL, id TEXT"
        }
    };
    let mut all = vec![format!("CREATE TABLE IF NOT EXISTS {STEM}_outbox ({columns})")];
    if is_postgres {
        all.push(format!("CREATE INDEX IF NOT EXISTS {STEM}_outbox_by_xid ON {STEM}_outbox (xid)"));
    }
    all.push(format!("CREATE TABLE IF NOT EXISTS {STEM}_form (form TEXT NOT NULL)"));
    all
}

fn refused(why: String) -> Error {
    Error::mapping(vec![Problem::error(why)])
}
