//! Values and lists in the words of a dialect: parameters, and what is made ready beside.
//!
//! A NUL ends a text in what older versions of SQLite make of JSON: there it is written as other characters, which
//! the filter puts back. PostgreSQL has no text with a NUL: none is equal to one, and no parameter may hold one. Only
//! what the world knows may, and is refused where that matters.

use std::fmt::Write as _;
use std::sync::Arc;

use super::dialect::Dialect;
use super::filter::{Parameter, Setup};
use super::print::Printer;
use super::tables::Kind;
use super::tree::{Constant, From, Row, Scalar, Source};

impl Printer<'_> {
    pub(super) fn constant(&mut self, value: &Constant) -> String {
        let parameter = match value {
            Constant::Bool(value) => Parameter::Boolean(*value),
            Constant::Long(value) => Parameter::Bigint(*value),
            Constant::Text(text) | Constant::Ip(text) => Parameter::Text(text.clone()),
        };
        let sign = self.parameter(parameter);
        match (self.dialect(), value) {
            (Dialect::Postgres, Constant::Ip(_)) => format!("{sign}::text::inet"),
            // Beside a number of any size it would be taken for one.
            (Dialect::Postgres, Constant::Long(_)) => format!("{sign}::bigint"),
            _ => sign,
        }
    }

    /// Whether this dialect has no such text.
    pub(super) fn is_odd(&self, value: &Constant) -> bool {
        self.dialect() == Dialect::Postgres && value.holds_nul()
    }

    /// Refuses a text that the dialect does not have where it is compared with what the world knows, if there is one
    /// like it.
    pub(super) fn refuse_odd(&mut self, with: &Scalar) {
        let mut is_known = false;
        with.columns(&mut |column| {
            let Some(source) = self.rows().source(column.row) else { return };
            let From::World { columns, rows } = &source.from else { return };
            let at = columns.iter().position(|(name, _)| *name == column.name);
            let rows = self.rows_asked_for(source, columns, rows);
            let mut cells = rows.iter().filter_map(|row| row.get(at?)?.as_ref());
            is_known |= cells.any(|cell| self.is_odd(cell));
        });
        if is_known {
            self.refused = Some(NO_NUL.into());
        }
    }

    /// The sign of a parameter; the same one for the same value.
    pub(super) fn parameter(&mut self, parameter: Parameter) -> String {
        if self.dialect() == Dialect::Postgres && parameter.holds_nul() {
            self.refused = Some(NO_NUL.into());
        }
        let at = match self.parameters.iter().position(|known| *known == parameter) {
            Some(at) => at,
            None => {
                self.parameters.push(parameter);
                self.parameters.len() - 1
            }
        };
        // How it is written is known at the end: see `FilterOptions::written`.
        format!("\0{at}\0")
    }

    /// A list as one parameter. A text that the dialect does not have is NULL in it, as which nothing is.
    pub(super) fn list_parameter(&mut self, list: &[Constant]) -> String {
        let kind = kind_of(list);
        let cells = list.iter().map(|one| (!self.is_odd(one)).then(|| one.clone()));
        let sign = self.parameter(Parameter::cells(cells.collect::<Vec<_>>().into_iter(), kind));
        match (self.dialect(), kind) {
            (Dialect::DuckDb, Kind::Long) => format!("{sign}::BIGINT[]"),
            (Dialect::DuckDb, Kind::Bool) => format!("{sign}::BOOLEAN[]"),
            (Dialect::DuckDb, _) => format!("{sign}::VARCHAR[]"),
            (_, Kind::Long) => format!("{sign}::bigint[]"),
            (_, Kind::Bool) => format!("{sign}::boolean[]"),
            (_, Kind::Ip) => format!("{sign}::text[]::inet[]"),
            _ => format!("{sign}::text[]"),
        }
    }

    /// A query of the values of a list.
    pub(super) fn list(&mut self, list: &[Constant]) -> String {
        match self.dialect() {
            Dialect::Sqlite => {
                let (json, value) = json_list(list);
                format!("SELECT {value} FROM json_each({})", self.parameter(Parameter::Text(json.into())))
            }
            Dialect::Spark => format!("SELECT value FROM {}", self.view(list)),
            Dialect::MariaDb => format!("SELECT `value` FROM {}", self.json_table(list, "j")),
            _ => format!("SELECT unnest({})", self.list_parameter(list)),
        }
    }

    /// A list as a table with a column `value`.
    pub(super) fn list_from(&mut self, list: &[Constant], name: &str) -> String {
        match self.dialect() {
            Dialect::Postgres => format!("unnest({}) AS {name}(\"value\")", self.list_parameter(list)),
            Dialect::DuckDb => {
                format!("(SELECT unnest({}) AS \"value\") AS {name}", self.list_parameter(list))
            }
            Dialect::Sqlite => {
                let (json, value) = json_list(list);
                let each = format!("json_each({})", self.parameter(Parameter::Text(json.into())));
                match value.as_str() {
                    "value" => format!("{each} AS {name}"),
                    value => format!("(SELECT {value} AS value FROM {each}) AS {name}"),
                }
            }
            Dialect::Spark => format!("{} AS {name}", self.view(list)),
            Dialect::MariaDb => self.json_table(list, name),
        }
    }

    /// A list as MariaDB's table with a column `value`.
    fn json_table(&mut self, list: &[Constant], name: &str) -> String {
        let rows: Vec<Cells> = list.iter().map(|one| vec![Some(one.clone())]).collect();
        self.json_rows_table(&[("value".into(), kind_of(list))], &rows, name)
    }

    /// Rows as MariaDB's table: its texts are of the collation that compares bytes.
    fn json_rows_table(&mut self, columns: &[(Arc<str>, Kind)], rows: &[Cells], name: &str) -> String {
        let sign = self.parameter(Parameter::Text(json_rows(rows, &vec![false; columns.len()]).into()));
        let column = |(at, (column, kind)): (usize, &(Arc<str>, Kind))| {
            format!("{} {} PATH '$[{at}]'", self.dialect().quoted(column), self.dialect().type_name(*kind))
        };
        let all: Vec<String> = columns.iter().enumerate().map(column).collect();
        format!("JSON_TABLE({sign}, '$[*]' COLUMNS ({})) AS {name}", all.join(", "))
    }

    /// The name of a temporary view of a list, which is to be set up.
    pub(super) fn view(&mut self, list: &[Constant]) -> String {
        let kind = kind_of(list);
        let rows = list.iter().map(|one| vec![Some(one.clone())]).collect();
        self.view_of(vec![("value".into(), kind)], rows)
    }

    fn view_of(&mut self, columns: Vec<(Arc<str>, Kind)>, rows: Vec<Vec<Option<Constant>>>) -> String {
        let setup = Setup::new(self.dialect(), columns, rows);
        let name = self.dialect().quoted(&setup.view);
        if !self.setup.iter().any(|known| known.view == setup.view) {
            self.setup.push(setup);
        }
        name
    }

    /// The columns of a table that are asked for, and the rows that can be.
    pub(super) fn used_of(
        &self,
        row: Row,
        source: &Source,
        columns: &[(Arc<str>, Kind)],
        rows: &[Cells],
    ) -> (Vec<(Arc<str>, Kind)>, Vec<Cells>) {
        let is_used: Vec<bool> =
            columns.iter().map(|(name, _)| self.used.contains(&(row, name.clone()))).collect();
        let rows = self.rows_asked_for(source, columns, rows);
        (kept(columns, &is_used), rows.into_iter().map(|row| kept(row, &is_used)).collect())
    }

    /// Those rows of the world that can be looked for: not by a text that the dialect does not have.
    fn rows_asked_for<'r>(
        &self,
        source: &Source,
        columns: &[(Arc<str>, Kind)],
        rows: &'r [Cells],
    ) -> Vec<&'r Cells> {
        let by: Vec<usize> =
            (0..columns.len()).filter(|at| self.is_of_tables(source, columns, *at)).collect();
        let is_odd = |row: &Cells, at: usize| matches!(row.get(at), Some(Some(value)) if self.is_odd(value));
        rows.iter().filter(|row| !by.iter().any(|at| is_odd(row, *at))).collect()
    }

    /// Whether rows are looked for by this column with what tables hold, or what is written down.
    fn is_of_tables(&self, source: &Source, columns: &[(Arc<str>, Kind)], at: usize) -> bool {
        let Some((name, _)) = columns.get(at) else { return false };
        let Some((_, value)) = source.key.iter().find(|(column, _)| column == name) else { return false };
        let mut of_tables = true;
        value.rows(&mut |row| {
            let of_world =
                self.rows().source(row).is_some_and(|source| matches!(source.from, From::World { .. }));
            of_tables &= !of_world;
        });
        of_tables
    }

    /// Facts of the world as a table.
    pub(super) fn world_from(
        &mut self,
        columns: &[(Arc<str>, Kind)],
        rows: &[Vec<Option<Constant>>],
        name: &str,
    ) -> String {
        match self.dialect() {
            Dialect::Spark => {
                format!("{} AS {name}", self.view_of(columns.to_vec(), rows.to_vec()))
            }
            Dialect::Sqlite => {
                let escaped: Vec<bool> = (0..columns.len())
                    .map(|at| rows.iter().filter_map(|row| row.get(at)?.as_ref()).any(Constant::holds_nul))
                    .collect();
                let json = Parameter::Text(json_rows(rows, &escaped).into());
                let sign = self.parameter(json);
                let mut select = String::new();
                for (at, ((column, _), escaped)) in columns.iter().zip(&escaped).enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    let quoted = self.dialect().quoted(column);
                    let cell = unescaped(format!("json_extract(value, '$[{at}]')"), *escaped);
                    let _ = write!(select, "{comma}{cell} AS {quoted}");
                }
                format!("(SELECT {select} FROM json_each({sign})) AS {name}")
            }
            Dialect::MariaDb => self.json_rows_table(columns, rows, name),
            Dialect::Postgres | Dialect::DuckDb => {
                let (mut lists, mut names) = (Vec::new(), Vec::new());
                for (at, (column, kind)) in columns.iter().enumerate() {
                    let cells = rows.iter().map(|row| row.get(at).cloned().flatten());
                    let sign = self.parameter(Parameter::cells(cells, *kind));
                    let ty = self.dialect().type_of_list(*kind);
                    lists.push(format!("{sign}::{ty}"));
                    names.push(self.dialect().quoted(column));
                }
                if self.dialect() == Dialect::Postgres {
                    return format!("unnest({}) AS {name}({})", lists.join(", "), names.join(", "));
                }
                let select = lists.iter().zip(&names).map(|(list, name)| format!("unnest({list}) AS {name}"));
                format!("(SELECT {}) AS {name}", select.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Why a text with a NUL in it is refused.
const NO_NUL: &str = "it asks for a text with a NUL in it that the world knows, and PostgreSQL takes none";

type Cells = Vec<Option<Constant>>;

/// What a list holds: values of one kind.
fn kind_of(list: &[Constant]) -> Kind {
    match list.first() {
        Some(Constant::Bool(_)) => Kind::Bool,
        Some(Constant::Long(_)) => Kind::Long,
        Some(Constant::Ip(_)) => Kind::Ip,
        Some(Constant::Text(_)) | None => Kind::Text,
    }
}

fn kept<T: Clone>(all: &[T], keep: &[bool]) -> Vec<T> {
    all.iter().zip(keep).filter(|(_, keep)| **keep).map(|(one, _)| one.clone()).collect()
}

/// A list as JSON, and what SQLite reads each value with.
pub(super) fn json_list(list: &[Constant]) -> (String, String) {
    let escaped = list.iter().any(Constant::holds_nul);
    let all: Vec<serde_json::Value> = list.iter().map(|one| json(one, escaped)).collect();
    (serde_json::Value::from(all).to_string(), unescaped("value".into(), escaped))
}

fn json_rows(rows: &[Cells], escaped: &[bool]) -> String {
    let cell = |(cell, escaped): (&Option<Constant>, &bool)| {
        cell.as_ref().map_or(serde_json::Value::Null, |value| json(value, *escaped))
    };
    let all: Vec<serde_json::Value> =
        rows.iter().map(|row| row.iter().zip(escaped).map(cell).collect()).collect();
    serde_json::Value::from(all).to_string()
}

fn json(value: &Constant, escaped: bool) -> serde_json::Value {
    match value {
        Constant::Bool(value) => (*value).into(),
        Constant::Long(value) => (*value).into(),
        Constant::Text(text) if escaped => text.replace('~', "~1").replace('\0', "~0").into(),
        Constant::Text(text) | Constant::Ip(text) => text.as_ref().into(),
    }
}

/// What puts a NUL back that [`json`] wrote otherwise.
fn unescaped(value: String, escaped: bool) -> String {
    match escaped {
        true => format!("replace(replace({value}, '~0', char(0)), '~1', '~')"),
        false => value,
    }
}
