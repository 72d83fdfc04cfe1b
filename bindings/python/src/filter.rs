//! Conditions for one's own SQL.

use std::sync::Arc;

use caseward::sql::{self, Dialect, FilterOptions, Mapping, Parameter};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::error::OrRaise;
use crate::gate::released;
use crate::question::json;
use crate::ward::Ward;
use crate::world::World;
use crate::{pickle, time, whole};

/// A database of one's own, as filters need to know it: whose SQL it speaks and what its tables hold.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Database {
    pub(crate) database: sql::Database,
}

#[pymethods]
impl Database {
    /// `dialect` is "postgres", "sqlite", "duckdb", "spark" or "mariadb"; `mapping`, in TOML, says where the tables hold what
    /// the schema speaks of: tables and columns in snake_case where it says nothing.
    ///
    /// Raises MappingError with every problem.
    #[new]
    #[pyo3(signature = (ward, dialect, *, mapping = None))]
    fn new(py: Python<'_>, ward: &Bound<'_, Ward>, dialect: &str, mapping: Option<&str>) -> PyResult<Self> {
        let known = Dialect::ALL.into_iter().find(|known| known.name() == dialect);
        let dialect = known.ok_or_else(|| {
            let names = Dialect::ALL.map(Dialect::name).join(", ");
            PyValueError::new_err(format!("`{dialect}` is no dialect: {names}"))
        })?;
        let mapping = mapping.map_or_else(|| Ok(Mapping::default()), Mapping::from_toml).or_raise(py)?;
        let database = sql::Database::new(ward.get().ward.schema(), &mapping, dialect).or_raise(py)?;
        Ok(Database { database })
    }

    /// Whose SQL it speaks.
    #[getter]
    fn dialect(&self) -> &'static str {
        self.database.dialect().name()
    }

    /// The statements that make the mapped tables, with indices on all that filters look things up by.
    fn create(&self) -> Vec<String> {
        self.database.create()
    }

    /// The statements that make the outbox of the mapped tables and the triggers that write it, for a `Mirror`. Run them in one
    /// transaction; they may be run again. Raises MappingError for a dialect without triggers.
    fn outbox(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.database.outbox().or_raise(py)?.statements)
    }

    /// The start of a query for the ids of a type's rows, to which `WHERE` and a filter are put. Raises RequestError for a type
    /// that the schema lacks.
    fn select(&self, py: Python<'_>, resource_type: &str) -> PyResult<String> {
        self.database.select(resource_type).or_raise(py)
    }

    /// What a world puts into the tables: for each, a statement that adds a row, and the rows.
    ///
    /// `for insert, rows in database.rows(world): connection.executemany(insert, rows)`
    fn rows<'py>(
        &self,
        py: Python<'py>,
        world: &Bound<'py, World>,
    ) -> PyResult<Vec<(String, Vec<Bound<'py, PyTuple>>)>> {
        let world = &world.get().world;
        let tables = released(py, || self.database.rows(world).collect::<Vec<_>>());
        let read = |table: sql::TableRows| Ok((table.insert, rows_to_python(py, &table.rows)?));
        tables.into_iter().map(read).collect()
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Database", "another process makes its own, of its ward and the mapping")
    }

    fn __repr__(&self) -> String {
        format!("<Database: {}>", self.dialect())
    }
}

/// A condition for the `WHERE` of a query of one's own, with all that it was made from.
///
/// It is true for the rows that the person may do the action to, and false or NULL for others: to negate it, write
/// `(…) IS NOT TRUE`.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Filter {
    pub(crate) filter: sql::Filter,
}

#[pymethods]
impl Filter {
    fn __bool__(&self) -> PyResult<bool> {
        Err(PyValueError::new_err(
            "a filter has no truth of its own: it is a condition on rows, for the `WHERE` of a query",
        ))
    }

    /// Whose SQL it is.
    #[getter]
    fn dialect(&self) -> &'static str {
        self.filter.dialect.name()
    }

    /// The condition. Never empty: `FALSE` where nothing is allowed, `TRUE` where everything is.
    #[getter]
    fn sql(&self) -> &str {
        &self.filter.sql
    }

    /// The values of its parameters: bool, int, str, or a list of one of these. In the order of their numbers; where they
    /// have none, in the order in which they stand, so that one value may come more than once.
    #[getter]
    fn params<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let all = self.filter.params.iter().map(|parameter| parameter_to_python(py, parameter));
        PyTuple::new(py, all.collect::<PyResult<Vec<_>>>()?)
    }

    /// How each parameter is written in the condition: "$1", "?", ":p1".
    #[getter]
    fn signs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.filter.signs)
    }

    /// What a DB-API driver takes as parameters of a query that has no others: `params`, or a dict by name where the style
    /// has names.
    #[getter]
    fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let name = |sign: &str| {
            let name = sign.strip_prefix("%(").and_then(|sign| sign.strip_suffix(")s"));
            name.or_else(|| sign.strip_prefix(':').filter(|name| name.starts_with('p'))).map(str::to_owned)
        };
        let names: Option<Vec<String>> = self.filter.signs.iter().map(|sign| name(sign)).collect();
        match names {
            Some(names) if !names.is_empty() => {
                let arguments = PyDict::new(py);
                for (name, parameter) in names.iter().zip(&self.filter.params) {
                    arguments.set_item(name, parameter_to_python(py, parameter)?)?;
                }
                Ok(arguments.into_any())
            }
            _ => Ok(self.params(py)?.into_any()),
        }
    }

    /// Temporary views that are to be made before it runs, for Spark: frames registered under their names.
    #[getter]
    fn setup(&self) -> Vec<Setup> {
        self.filter.setup.iter().cloned().map(|setup| Setup { setup }).collect()
    }

    /// SHA-256 of schema and policies.
    #[getter]
    fn policy_hash(&self) -> &str {
        &self.filter.provenance.policy_hash
    }

    /// The version of the data that the person's own facts were read from.
    #[getter]
    fn version(&self) -> u64 {
        self.filter.provenance.version
    }

    /// The first instant for which it holds; None for any.
    #[getter]
    fn valid_from<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.filter.valid_from.map(|ms| time::datetime(py, ms)).transpose()
    }

    /// The last such instant.
    #[getter]
    fn valid_until<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.filter.valid_until.map(|ms| time::datetime(py, ms)).transpose()
    }

    /// The filter in JSON, the same bytes as the crate and the command give.
    fn to_json(&self) -> PyResult<String> {
        json(&self.filter)
    }

    fn __str__(&self) -> &str {
        &self.filter.sql
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.filter)
    }

    fn __repr__(&self) -> String {
        format!("<Filter for {}: {} parameters>", self.dialect(), self.filter.params.len())
    }
}

/// A temporary view that a filter reads.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Setup {
    pub(crate) setup: sql::Setup,
}

#[pymethods]
impl Setup {
    /// The view's name.
    #[getter]
    fn view(&self) -> &str {
        &self.setup.view
    }

    /// The columns: the name of each, and its type in the dialect.
    #[getter]
    fn columns(&self) -> Vec<(&str, &str)> {
        self.setup.columns.iter().map(|column| (column.name.as_str(), column.ty.as_str())).collect()
    }

    /// The rows, their values in the order of the columns.
    #[getter]
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        rows_to_python(py, &self.setup.rows)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pickle::carried(py, &self.setup)
    }

    fn __repr__(&self) -> String {
        format!("<Setup {}: {} rows>", self.setup.view, self.setup.rows.len())
    }
}

/// How a filter is to be written.
pub(crate) fn options(
    py: Python<'_>,
    first_parameter: Option<&Bound<'_, PyAny>>,
    parameter_style: Option<&str>,
    alias: Option<&str>,
) -> PyResult<FilterOptions> {
    let mut options = FilterOptions::default();
    if let Some(number) = first_parameter {
        // What is too little or too much for a database is refused where the filter is made.
        let number = whole::asked(number, "first_parameter", 0, u32::MAX.into())? as usize;
        options = options.first_parameter(number);
    }
    if let Some(style) = parameter_style {
        options = options.style(style.parse::<sql::ParameterStyle>().or_raise(py)?);
    }
    if let Some(alias) = alias {
        options = options.alias(alias);
    }
    Ok(options)
}

fn rows_to_python<'py>(
    py: Python<'py>,
    rows: &[Vec<Option<Parameter>>],
) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let rows = rows.iter().map(|row| {
        let cells = row.iter().map(|cell| match cell {
            Some(cell) => parameter_to_python(py, cell),
            None => Ok(py.None().into_bound(py)),
        });
        PyTuple::new(py, cells.collect::<PyResult<Vec<_>>>()?)
    });
    rows.collect()
}

fn parameter_to_python<'py>(py: Python<'py>, parameter: &Parameter) -> PyResult<Bound<'py, PyAny>> {
    let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    Ok(match parameter {
        Parameter::Boolean(v) => v.into_pyobject(py)?.to_owned().into_any(),
        Parameter::Bigint(v) => v.into_pyobject(py)?.into_any(),
        Parameter::Text(v) => v.as_ref().into_pyobject(py)?.into_any(),
        Parameter::BooleanList(all) => all.clone().into_pyobject(py)?.into_any(),
        Parameter::BigintList(all) => all.clone().into_pyobject(py)?.into_any(),
        Parameter::TextList(all) => all.iter().map(text).collect::<Vec<_>>().into_pyobject(py)?.into_any(),
    })
}
