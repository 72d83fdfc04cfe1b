//! The data: a handle that threads share.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use caseward::attendance::Sample;
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyDelta, PyDict, PyList, PyString};

use crate::changes::Changes;
use crate::error::{OrRaise, RequestError};
use crate::gate::{self, kept, released};
use crate::schema::Schema;
use crate::ward::Ward;
use crate::{pickle, time, uid, value, whole};

/// More cases would not fit in memory anywhere.
const MAX_CASES: u64 = 10_000_000;
/// How long a wait goes on before it looks whether Python wants to end it.
const LOOK_UP: Duration = Duration::from_millis(50);

/// A set of entities that conforms to a schema.
///
/// A handle that threads share: `apply` changes what all see, and every read sees whole batches. Made by
/// `World.from_json`, `World.sample`, `World.from_bytes` or `World.empty`.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct World {
    pub(crate) world: caseward::World,
    /// Who alone changes it, where somebody does.
    keeper: Option<Keeper>,
}

/// Who keeps a world.
#[derive(Clone, Copy)]
enum Keeper {
    Store,
    Mirror,
}

impl From<caseward::World> for World {
    fn from(world: caseward::World) -> Self {
        World { world, keeper: None }
    }
}

impl World {
    /// The world of a store.
    pub(crate) fn kept(world: caseward::World) -> Self {
        World { world, keeper: Some(Keeper::Store) }
    }

    /// The world of a mirror.
    pub(crate) fn mirrored(world: caseward::World) -> Self {
        World { world, keeper: Some(Keeper::Mirror) }
    }

    /// The entity, of a type that the schema has.
    fn known(&self, entity: &Bound<'_, PyAny>) -> PyResult<caseward::EntityUid> {
        let uid = uid::of(entity)?;
        self.world.schema().known_type(uid.type_name()).or_raise(entity.py())?;
        Ok(uid)
    }
}

/// Entities JSON, from where it is given.
enum Json {
    Text(PyBackedStr),
    Bytes(PyBackedBytes),
    File(PathBuf),
}

/// Opens a file as Python does: what goes wrong has its `errno` and the name of the file.
fn open(py: Python<'_>, path: &Path) -> PyResult<File> {
    let opened = File::open(path);
    // A folder can be opened on some systems, and not be read.
    if opened.as_ref().is_ok_and(|file| file.metadata().is_ok_and(|about| about.is_dir())) {
        let number: i32 = py.import("errno")?.getattr("EISDIR")?.extract()?;
        let why = py.import("os")?.call_method1("strerror", (number,))?.extract::<String>()?;
        return Err(PyOSError::new_err((number, why, path.to_path_buf())));
    }
    opened.map_err(|error| match error.raw_os_error() {
        // Made of a number, a text and a name, an OSError is of the class for that number.
        Some(number) => {
            let why =
                py.import("os").and_then(|os| os.call_method1("strerror", (number,))?.extract::<String>());
            PyOSError::new_err((number, why.unwrap_or_else(|_| error.to_string()), path.to_path_buf()))
        }
        None => error.into(),
    })
}

/// The names of attributes; one alone would be its letters.
fn attribute_names(given: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let is_one = given.is_instance_of::<PyString>();
    let read = || given.try_iter()?.map(|name| name?.extract::<String>()).collect::<PyResult<Vec<String>>>();
    match is_one {
        false => read().map_err(|error| match error.is_instance_of::<PyTypeError>(given.py()) {
            true => {
                PyTypeError::new_err(format!("names: expected a list of str: {}", error.value(given.py())))
            }
            false => error,
        }),
        true => {
            Err(PyTypeError::new_err("names: expected a list of str, found str: give a list of one name"))
        }
    }
}

fn json_source(given: &Bound<'_, PyAny>) -> PyResult<Json> {
    if let Ok(text) = given.cast::<PyString>() {
        return PyBackedStr::try_from(text.clone()).map(Json::Text);
    }
    if let Ok(bytes) = given.extract::<PyBackedBytes>() {
        return Ok(Json::Bytes(bytes));
    }
    given.extract::<PathBuf>().map(Json::File).map_err(|_| {
        let kind =
            given.get_type().name().map_or_else(|_| "something else".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("expected JSON as str or bytes, or a path of a file, found {kind}"))
    })
}

#[pymethods]
impl World {
    /// Reads Cedar's entities JSON: a str, bytes, or a path (`pathlib.Path`) of a file.
    ///
    /// Raises DataError with every problem: the entity, the attribute and what is wrong; no world holds a
    /// dangling reference. Raises OSError for a file that cannot be opened.
    #[staticmethod]
    fn from_json(py: Python<'_>, ward: &Bound<'_, Ward>, source: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (ward, source) = (&ward.get().ward, json_source(source)?);
        let file = match &source {
            Json::File(path) => Some(open(py, path)?),
            _ => None,
        };
        let read = released(py, || match (&source, file) {
            (Json::Text(text), _) => ward.read_world(text.as_bytes()),
            (Json::Bytes(bytes), _) => ward.read_world(&bytes[..]),
            (Json::File(_), Some(file)) => ward.read_world(std::io::BufReader::new(file)),
            (Json::File(_), None) => ward.read_world(std::io::empty()),
        });
        read.or_raise(py).map(World::from)
    }

    /// A world of frames: of each type a frame of any kind, an entity a row, an attribute a column. Null is absent.
    ///
    /// `ids` names the column of ids where it is not `id`, by type: `{"Case": "case_id"}`. `columns` names the attribute of
    /// a column that is called otherwise, or None for one that is left out: `{"Case": {"state": "status", "note": None}}`.
    /// A reference is the id of what it refers to, a set a list, an instant a timestamp with a zone, in any unit. What an
    /// entity lies in, and tags, are not in frames.
    ///
    /// Raises DataError for a column that is no attribute, for a cell that does not fit, by column and row, and as
    /// `from_json` for the data as a whole.
    #[staticmethod]
    #[pyo3(signature = (ward, frames, *, ids = None, columns = None),
           text_signature = "(ward, frames, *, ids=None, columns=None)")]
    fn from_arrow<'py>(
        py: Python<'py>,
        ward: &Bound<'py, Ward>,
        frames: &Bound<'py, PyAny>,
        ids: Option<&Bound<'py, PyAny>>,
        columns: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        py.import("caseward._frames")?.call_method1("world", (ward, frames, ids, columns))
    }

    /// Made-up data of New Zealand's size and shape, the same for the same seed; for wards with the attendance
    /// vocabulary. It ends on 11 May 2026.
    #[staticmethod]
    #[pyo3(
        signature = (ward, *, cases = None, seed = None),
        text_signature = "(ward, *, cases=1000, seed=1)"
    )]
    fn sample(
        py: Python<'_>,
        ward: &Bound<'_, Ward>,
        cases: Option<&Bound<'_, PyAny>>,
        seed: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let cases = cases.map_or(Ok(1_000), |cases| whole::given(cases, "cases", 0, MAX_CASES))? as usize;
        let seed = seed.map_or(Ok(1), |seed| whole::given(seed, "seed", 0, u64::MAX))?;
        let ward = &ward.get().ward;
        released(py, || Sample { cases, seed }.build(ward, &mut |_| {})).or_raise(py).map(World::from)
    }

    /// A world without entities, to be filled by `apply`.
    #[staticmethod]
    fn empty(py: Python<'_>, ward: &Bound<'_, Ward>) -> PyResult<Self> {
        caseward::WorldBuilder::new(ward.get().ward.schema()).finish().or_raise(py).map(World::from)
    }

    /// Opens what `to_bytes` gave. Raises SnapshotError for anything else, SchemaError for data of another
    /// schema.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, ward: &Bound<'_, Ward>, snapshot: PyBackedBytes) -> PyResult<Self> {
        let schema = ward.get().ward.schema();
        released(py, || caseward::World::from_bytes(schema, &snapshot)).or_raise(py).map(World::from)
    }

    /// The world as bytes, which `from_bytes` opens in a moment.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let written = released(py, || {
            let mut bytes = Vec::new();
            self.world.write_snapshot(&mut bytes).map(|()| bytes)
        });
        match written {
            Ok(bytes) => Ok(PyBytes::new(py, &bytes)),
            Err(error) => Err(gate::ended_with().unwrap_or_else(|| error.into())),
        }
    }

    /// The same facts under other names, for test data: every id and text is a keyed hash, but for those that the policies
    /// name, and all is decided alike. `key` has 32 bytes at least, drawn at random. Numbers and instants are as they were, so
    /// that it is no way to publish data.
    ///
    /// Raises RequestError where a policy looks into texts by `like`.
    fn pseudonymised(&self, py: Python<'_>, ward: &Bound<'_, Ward>, key: PyBackedBytes) -> PyResult<Self> {
        let (ward, world) = (&ward.get().ward, &self.world);
        let made = released(py, || ward.pseudonymised(world, &caseward::ReleaseKey::new(&key)?));
        made.or_raise(py).map(World::from)
    }

    /// Every entity as Cedar's entities JSON, one a line.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        let written = released(py, || {
            let mut bytes = Vec::new();
            self.world.write_json(&mut bytes).map(|()| String::from_utf8(bytes))
        });
        match written {
            Ok(text) => text.map_err(|error| PyValueError::new_err(error.to_string())),
            Err(error) => Err(gate::ended_with().unwrap_or_else(|| error.into())),
        }
    }

    /// Applies a batch, all of it or nothing, and gives the version of the data that it made. Raises DataError,
    /// with every problem, the world being as it was.
    fn apply(&self, py: Python<'_>, changes: &Bound<'_, Changes>) -> PyResult<u64> {
        match self.keeper {
            None => {}
            Some(Keeper::Store) => {
                let why = "the world is a store's, and follows it: its data is changed by commands and feeds";
                return Err(RequestError::new_err(why));
            }
            Some(Keeper::Mirror) => {
                let why =
                    "the world is a mirror's, and follows tables: its data is changed by who writes them";
                return Err(RequestError::new_err(why));
            }
        }
        let changes = changes.get().copied();
        released(py, || self.world.apply(&changes)).or_raise(py)
    }

    /// The world as it would be with these changes, which it does not have: they are looked through, not applied.
    fn with_(&self, py: Python<'_>, changes: &Bound<'_, Changes>) -> PyResult<Self> {
        let changes = changes.get().copied();
        released(py, || self.world.with(&changes)).or_raise(py).map(World::from)
    }

    /// Waits until the data is at least of `version`, which `apply` gave; says which it is. Raises
    /// VersionTimeoutError where it has not come after `patience`.
    fn at_least(
        &self,
        py: Python<'_>,
        version: &Bound<'_, PyAny>,
        patience: &Bound<'_, PyDelta>,
    ) -> PyResult<u64> {
        let version = whole::given(version, "version", 0, u64::MAX)?;
        let patience = u64::try_from(time::milliseconds(patience)?).unwrap_or(0);
        let (start, patience) = (Instant::now(), Duration::from_millis(patience));
        loop {
            let left = patience.saturating_sub(start.elapsed());
            let reached = released(py, || self.world.at_least(version, left.min(LOOK_UP)));
            if reached.is_ok() || left <= LOOK_UP {
                return reached.or_raise(py);
            }
            py.check_signals()?;
        }
    }

    /// The version of the data: one more for each batch.
    #[getter]
    fn version(&self) -> u64 {
        self.world.version()
    }

    /// The schema that the data conforms to.
    #[getter]
    fn schema(&self) -> Schema {
        Schema { schema: self.world.schema().clone() }
    }

    /// How many entities of a type there are. Raises RequestError for a type that the schema lacks.
    fn count(&self, py: Python<'_>, r#type: &str) -> PyResult<usize> {
        released(py, || self.world.count(r#type)).or_raise(py)
    }

    /// The ids of all entities of a type, in the order in which they were first named. Raises RequestError for a
    /// type that the schema lacks.
    fn ids<'py>(&self, py: Python<'py>, r#type: &str) -> PyResult<Bound<'py, PyList>> {
        let ids = released(py, || self.world.ids(r#type).map(Iterator::collect::<Vec<_>>));
        PyList::new(py, ids.or_raise(py)?)
    }

    /// The value of an entity's attribute; None where the entity or the attribute is absent. Raises RequestError for
    /// a type or an attribute that the schema lacks.
    fn attribute<'py>(
        &self,
        py: Python<'py>,
        entity: &Bound<'py, PyAny>,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let uid = uid::of(entity)?;
        let found = kept(py, || self.world.attribute(&uid, name)).or_raise(py)?;
        found.map(|value| value::to_python(py, &value)).transpose()
    }

    /// Every attribute that an entity has, by name; None where the entity is absent. Raises RequestError for a type
    /// that the schema lacks.
    fn attributes<'py>(
        &self,
        py: Python<'py>,
        entity: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let uid = uid::of(entity)?;
        let found = kept(py, || self.world.attributes(&uid)).or_raise(py)?;
        found.map(|fields| value::dict(py, &fields)).transpose()
    }

    /// The ids of a type's entities, in the order in which they were first named, and a list of values for each of
    /// these attributes, by name, all of one version of the data: None where an entity has no such attribute.
    ///
    /// `ids, columns = world.columns("Case", ["status", "student"])`, and then
    /// `pandas.DataFrame(columns, index=ids)` or `polars.DataFrame({"id": ids, **columns})`.
    /// Without names, all attributes. Raises RequestError for a type or an attribute that the schema lacks.
    #[pyo3(signature = (r#type, names = None))]
    fn columns<'py>(
        &self,
        py: Python<'py>,
        r#type: &str,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyDict>)> {
        let schema = self.world.schema();
        let names = names.map(attribute_names).transpose()?.unwrap_or_else(|| {
            let of = schema.type_id(r#type).and_then(|ty| schema.entity_type(ty));
            of.into_iter().flat_map(|of| of.attributes.iter().map(|(name, _)| name.to_string())).collect()
        });
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = released(py, || self.world.columns(r#type, &asked)).or_raise(py)?;
        let columns = PyDict::new(py);
        for (name, values) in names.iter().zip(&found.values) {
            columns.set_item(name, value::column(py, values)?)?;
        }
        Ok((PyList::new(py, &found.ids)?, columns))
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        released(py, || self.world.len())
    }

    fn __bool__(&self) -> bool {
        true
    }

    fn __contains__(&self, entity: &Bound<'_, PyAny>) -> PyResult<bool> {
        let uid = self.known(entity)?;
        Ok(kept(entity.py(), || self.world.contains(&uid)))
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused(
            "World",
            "`to_bytes` gives a snapshot of it, which `World.from_bytes` opens, and `with_` another one to change",
        )
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("<World: {} entities, version {}>", self.__len__(py), self.world.version())
    }

    fn _repr_html_(&self, py: Python<'_>) -> String {
        let counts = released(py, || {
            let types = self.world.schema().entity_types().iter().filter(|ty| ty.choices.is_none());
            let count = |name: &str| self.world.count(name).unwrap_or(0).to_string();
            types.map(|ty| [ty.name.to_string(), count(&ty.name)]).collect::<Vec<_>>()
        });
        let title = format!("World, version {}", self.world.version());
        crate::html::titled(&title, &crate::html::table(["type", "entities"], counts))
    }
}
