//! Values and lists in the words of a dialect: parameters, and what is made ready beside.

use std::fmt::Write as _;
use std::sync::Arc;

use super::dialect::Dialect;
use super::filter::{Parameter, Setup};
use super::print::Printer;
use super::tables::Kind;
use super::tree::{Constant, Row};

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

    /// The sign of a parameter; the same one for the same value.
    pub(super) fn parameter(&mut self, parameter: Parameter) -> String {
        let at = match self.parameters.iter().position(|known| *known == parameter) {
            Some(at) => at,
            None => {
                self.parameters.push(parameter);
                self.parameters.len() - 1
            }
        };
        self.dialect().sign(at + 1)
    }

    pub(super) fn list_parameter(&mut self, list: &[Constant]) -> String {
        let (parameter, ty) = Parameter::list(list);
        let sign = self.parameter(parameter);
        match (self.dialect(), ty) {
            (Dialect::DuckDb, Kind::Long) => format!("{sign}::BIGINT[]"),
            (Dialect::DuckDb, _) => format!("{sign}::VARCHAR[]"),
            (_, Kind::Long) => format!("{sign}::bigint[]"),
            _ => format!("{sign}::text[]"),
        }
    }

    /// A query of the values of a list.
    pub(super) fn list(&mut self, list: &[Constant]) -> String {
        match self.dialect() {
            Dialect::Sqlite => {
                let json = Parameter::Text(json_list(list).into());
                format!("SELECT value FROM json_each({})", self.parameter(json))
            }
            Dialect::Spark => format!("SELECT value FROM {}", self.view(list)),
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
                let json = Parameter::Text(json_list(list).into());
                format!("json_each({}) AS {name}", self.parameter(json))
            }
            Dialect::Spark => format!("{} AS {name}", self.view(list)),
        }
    }

    /// The name of a temporary view of a list, which is to be set up.
    pub(super) fn view(&mut self, list: &[Constant]) -> String {
        let kind = Parameter::list(list).1;
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

    /// The columns of a table that are asked for.
    pub(super) fn used_of(
        &self,
        row: Row,
        columns: &[(Arc<str>, Kind)],
        rows: &[Cells],
    ) -> (Vec<(Arc<str>, Kind)>, Vec<Cells>) {
        let is_used: Vec<bool> =
            columns.iter().map(|(name, _)| self.used.contains(&(row, name.clone()))).collect();
        let cells = |row: &Cells| kept(row, &is_used);
        (kept(columns, &is_used), rows.iter().map(cells).collect())
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
                let json = Parameter::Text(json_rows(rows).into());
                let sign = self.parameter(json);
                let mut select = String::new();
                for (at, (column, _)) in columns.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    let quoted = self.dialect().quoted(column);
                    let _ = write!(select, "{comma}json_extract(value, '$[{at}]') AS {quoted}");
                }
                format!("(SELECT {select} FROM json_each({sign})) AS {name}")
            }
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

type Cells = Vec<Option<Constant>>;

fn kept<T: Clone>(all: &[T], keep: &[bool]) -> Vec<T> {
    all.iter().zip(keep).filter(|(_, keep)| **keep).map(|(one, _)| one.clone()).collect()
}

fn json_list(list: &[Constant]) -> String {
    let all: Vec<serde_json::Value> = list.iter().map(json).collect();
    serde_json::Value::from(all).to_string()
}

fn json_rows(rows: &[Vec<Option<Constant>>]) -> String {
    let cell = |cell: &Option<Constant>| cell.as_ref().map_or(serde_json::Value::Null, json);
    let all: Vec<serde_json::Value> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    serde_json::Value::from(all).to_string()
}

fn json(value: &Constant) -> serde_json::Value {
    match value {
        Constant::Bool(value) => (*value).into(),
        Constant::Long(value) => (*value).into(),
        Constant::Text(text) | Constant::Ip(text) => text.as_ref().into(),
    }
}
