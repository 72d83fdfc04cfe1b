//! The case store: commands, feeds, past moments and the audit log.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use caseward::{ActionName, TypeName};
use caseward_store::{Error, LineAnswer as Told, Moment, Options, PolicySet, StoreKey};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDateTime, PyDelta, PyString};
use serde_json::{Map, Value as Json, json};

use crate::error::{OrRaise, RequestError, StoreError};
use crate::gate::released;
use crate::uid::EntityUid;
use crate::ward::Ward;
use crate::watch::Watch;
use crate::world::World;
use crate::{time, uid, value};

/// Raises what the store reports.
pub(crate) fn raised<T>(py: Python<'_>, result: Result<T, Error>) -> PyResult<T> {
    result.or_else(|error| match error {
        Error::Engine(error) => Err(error).or_raise(py),
        Error::Request(why) => Err(RequestError::new_err(why)),
        other => Err(StoreError::new_err(other.to_string())),
    })
}

/// An instant of a call, where one is given.
fn instant(given: Option<&Bound<'_, PyDateTime>>) -> PyResult<Option<i64>> {
    given.map(time::instant).transpose()
}

/// What a Python value is in JSON.
fn json_of(given: &Bound<'_, PyAny>) -> PyResult<Json> {
    let text: String = match given.cast::<PyString>() {
        Ok(text) => text.to_str()?.to_owned(),
        Err(_) => given.py().import("json")?.call_method1("dumps", (given,))?.extract()?,
    };
    serde_json::from_str(&text).map_err(|error| PyValueError::new_err(format!("data: {error}")))
}

/// What JSON is in Python.
fn python_of<'py>(py: Python<'py>, json: &impl serde::Serialize) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (crate::question::json(json)?,))
}

/// The context of a command, in Cedar's JSON.
fn context_of(given: &Bound<'_, PyAny>) -> PyResult<Json> {
    match given.cast::<PyString>() {
        Ok(_) => json_of(given),
        Err(_) => Ok(json!(value::fields(given)?)),
    }
}

/// A case store: facts, content, files and an audit log in one database, each write decided by its policies.
///
/// `with Store.open("cases.db") as store:` closes it. Threads share it.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Store {
    /// `None` once it is closed.
    store: Mutex<Option<caseward_store::Store>>,
    place: PathBuf,
    /// The process that opened it: a child of a fork has nobody who writes.
    process: u32,
}

impl Store {
    fn of(store: caseward_store::Store, place: PathBuf) -> Self {
        Store { store: Mutex::new(Some(store)), place, process: std::process::id() }
    }

    fn store(&self) -> PyResult<caseward_store::Store> {
        if self.process != std::process::id() {
            let why =
                "the store was opened by the process that forked this one: open it in one of them alone";
            return Err(StoreError::new_err(why));
        }
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.clone().ok_or_else(|| StoreError::new_err("the store is closed"))
    }

    /// Does something with the store, the interpreter released.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&caseward_store::Store) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let store = self.store()?;
        // Moved: where it is the last handle, what closes it waits for the writer.
        raised(py, released(py, move || work(&store)))
    }
}

fn options(
    py: Python<'_>,
    key_file: Option<PathBuf>,
    (trust_now, now, seed): (bool, Option<&Bound<'_, PyDateTime>>, Option<u64>),
) -> PyResult<Options> {
    let now = instant(now)?;
    if !trust_now && (now.is_some() || seed.is_some()) {
        return Err(PyValueError::new_err(
            "now and seed are with trust_now=True: else the store's clock is its own",
        ));
    }
    let options = if trust_now { Options::new().trusting(now) } else { Options::new() };
    let key = raised(py, released(py, || key_file.map(StoreKey::read).transpose()))?;
    let options = options.with_key(key);
    Ok(match seed {
        Some(seed) => options.seeded(seed),
        None => options,
    })
}

/// Lines of a feed: a str, bytes, or a path of a file.
fn lines_of(given: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(text.to_str()?.as_bytes().to_vec());
    }
    if let Ok(bytes) = given.extract::<PyBackedBytes>() {
        return Ok(bytes.to_vec());
    }
    let path: PathBuf = given
        .extract()
        .map_err(|_| PyTypeError::new_err("lines: expected str or bytes, or a path of a file"))?;
    Ok(std::fs::read(path)?)
}

#[pymethods]
impl Store {
    /// Makes a store where there is none: the `path` of a file of SQLite, or an address of PostgreSQL. `policies` is a folder with who fits in its folder `fits`;
    /// without it, those of attendance. With `key_file`, the file of a key of `caseward store keygen`, content
    /// and files are encrypted. Raises StoreError where there is something already.
    #[staticmethod]
    #[pyo3(signature = (path, policies = None, *, key_file = None, trust_now = false, now = None, seed = None))]
    fn init(
        py: Python<'_>,
        path: PathBuf,
        policies: Option<PathBuf>,
        key_file: Option<PathBuf>,
        trust_now: bool,
        now: Option<&Bound<'_, PyDateTime>>,
        seed: Option<u64>,
    ) -> PyResult<Self> {
        let options = options(py, key_file, (trust_now, now, seed))?;
        let place = path.clone();
        let made = released(py, move || {
            let policies = match policies {
                Some(folder) => PolicySet::read_folder(&folder)?,
                None => PolicySet::attendance(),
            };
            caseward_store::Store::init(&path, &policies, &options)
        });
        Ok(Store::of(raised(py, made)?, place))
    }

    /// Opens a store. With `trust_now` the caller says what time it is, and ids: for imports and tests. Raises StoreError where
    /// there is none, it is no store, or another process writes to it.
    #[staticmethod]
    #[pyo3(signature = (path, *, key_file = None, trust_now = false, now = None, seed = None))]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        key_file: Option<PathBuf>,
        trust_now: bool,
        now: Option<&Bound<'_, PyDateTime>>,
        seed: Option<u64>,
    ) -> PyResult<Self> {
        let options = options(py, key_file, (trust_now, now, seed))?;
        let opened = released(py, || caseward_store::Store::open(&path, &options));
        Ok(Store::of(raised(py, opened)?, path))
    }

    /// Closes it. What was answered is on disk all the same.
    fn close(&self, py: Python<'_>) {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).take();
        released(py, move || drop(store));
    }

    /// The policies in force.
    #[getter]
    fn ward(&self) -> PyResult<Ward> {
        Ok(Ward::from(self.store()?.ward()))
    }

    /// The facts: a world that follows every committed batch. It is changed by the store alone.
    #[getter]
    fn world(&self) -> PyResult<World> {
        Ok(World::kept(self.store()?.world().clone()))
    }

    /// The store's clock: never before the last write.
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let now = self.with(py, |store| store.now())?;
        time::datetime(py, now)
    }

    /// Does a command: `principal` does `command` on `on`, with the action's context, in Python's values or in Cedar's JSON,
    /// and what is written. A denial is a value. Raises StoreError where the database fails; then nothing was done.
    #[pyo3(signature = (principal, command, on, context = None, data = None, *, id = None, key = None, expect = None, purpose = None, now = None))]
    #[expect(clippy::too_many_arguments, reason = "a command has as many fields")]
    fn r#do(
        &self,
        py: Python<'_>,
        principal: &Bound<'_, PyAny>,
        command: &str,
        on: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        data: Option<&Bound<'_, PyAny>>,
        id: Option<&str>,
        key: Option<&str>,
        expect: Option<u64>,
        purpose: Option<&str>,
        now: Option<&Bound<'_, PyDateTime>>,
    ) -> PyResult<Done> {
        let person = uid::of(principal)?;
        if person.type_name() != "User" {
            return Err(RequestError::new_err(format!("{person} is no User: a user does a command")));
        }
        let mut line = Map::new();
        line.insert("command".to_owned(), json!(command));
        line.insert("as".to_owned(), json!(person.id()));
        line.insert("on".to_owned(), json!(uid::of(on)?.to_string()));
        for (name, value) in
            [("context", context.map(context_of).transpose()?), ("data", data.map(json_of).transpose()?)]
        {
            line.extend(value.map(|value| (name.to_owned(), value)));
        }
        for (name, text) in [("id", id), ("key", key), ("purpose", purpose)] {
            line.extend(text.map(|text| (name.to_owned(), json!(text))));
        }
        line.extend(expect.map(|expect| ("expect".to_owned(), json!(expect))));
        if let Some(now) = now {
            let text: String =
                time::datetime(py, time::instant(now)?)?.call_method0("isoformat")?.extract()?;
            line.insert("now".to_owned(), json!(text));
        }
        let line = Json::Object(line).to_string();
        let answer = self.with(py, move |store| store.command(line))?;
        Ok(Done { answer })
    }

    /// Takes lines of a feed: CSV with a header or JSON lines, as str, bytes or a path of a file. Every line is answered, in
    /// order. `delay` is how long after it is passed the mandatory module is processed: 24 to 48 hours, and 48 without it.
    #[pyo3(signature = (kind, lines, *, delay = None, now = None))]
    fn feed(
        &self,
        py: Python<'_>,
        kind: &str,
        lines: &Bound<'_, PyAny>,
        delay: Option<&Bound<'_, PyDelta>>,
        now: Option<&Bound<'_, PyDateTime>>,
    ) -> PyResult<Vec<LineAnswer>> {
        let (lines, now) = (lines_of(lines)?, instant(now)?);
        let delay = delay.map_or(Ok(48 * 3_600_000), time::milliseconds)?;
        let kind = kind.to_owned();
        let answers = self.with(py, move |store| match now {
            Some(now) => store.feed_at(&kind, lines, delay, now),
            None => store.feed(&kind, lines, delay),
        })?;
        Ok(answers.into_iter().map(|told| LineAnswer { told }).collect())
    }

    /// Applies what is due by the store's clock; gives how many batches that was.
    #[pyo3(signature = (*, now = None))]
    fn tick(&self, py: Python<'_>, now: Option<&Bound<'_, PyDateTime>>) -> PyResult<usize> {
        let now = instant(now)?;
        self.with(py, move |store| match now {
            Some(now) => store.tick_at(now),
            None => store.tick(),
        })
    }

    /// Fills an empty store with Cedar's entities JSON, as str, bytes or a path of a file; gives how many entities there are.
    fn import_json(&self, py: Python<'_>, source: &Bound<'_, PyAny>) -> PyResult<usize> {
        let source = lines_of(source)?;
        self.with(py, move |store| store.import(source.as_slice()))
    }

    /// A past moment: what held at `at`, as far as it was known at `known_at`, by the policies of that time or today's.
    #[pyo3(signature = (at = None, *, known_at = None, todays_policies = false))]
    fn as_of(
        &self,
        py: Python<'_>,
        at: Option<&Bound<'_, PyDateTime>>,
        known_at: Option<&Bound<'_, PyDateTime>>,
        todays_policies: bool,
    ) -> PyResult<Past> {
        let mut moment = Moment::default();
        (moment.as_of, moment.known_at) = (instant(at)?, instant(known_at)?);
        moment.todays_policies = todays_policies;
        let past = self.with(py, move |store| store.past(moment))?;
        Ok(Past { past })
    }

    /// Watches the records of a type to which `principal` may do `action`: an iterator over what comes into their sight and goes out
    /// of it with each batch, from now on. It is for a trusted caller, and not audited. What time alone changes shows with the next
    /// batch or `tick`.
    fn watch(
        &self,
        py: Python<'_>,
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource_type: &str,
    ) -> PyResult<Watch> {
        let (principal, action) = (uid::of(principal)?, ActionName::new(action));
        let resource_type = TypeName::new(resource_type);
        self.with(py, move |store| store.watch(&principal, &action, &resource_type)).map(Watch::new)
    }

    /// Looks at everything: what is wrong with the data, and what somebody is to see to, as the command's JSON has it.
    fn doctor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.with(py, |store| store.doctor())?;
        python_of(py, &found)
    }

    /// Reads the audit log again, as the command's JSON has it; without checkpoints from outside.
    fn verify<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.with(py, |store| store.verify(Vec::new()))?;
        python_of(py, &found)
    }

    /// Who looked at a record, oldest first: for `reader`, who must be permitted to see its access history. Raises RequestError
    /// where they are not, or there is no such record.
    fn who_looked<'py>(
        &self,
        py: Python<'py>,
        of: &Bound<'py, PyAny>,
        reader: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (of, reader) = (uid::of(of)?, uid::of(reader)?);
        let looked = self.with(py, move |store| store.who_looked(&of, &reader))?;
        python_of(py, &looked)
    }

    /// What a person looked at, oldest first: for `reader`, who must be permitted to see their access history.
    fn looked_at<'py>(
        &self,
        py: Python<'py>,
        by: &Bound<'py, PyAny>,
        reader: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (by, reader) = (uid::of(by)?, uid::of(reader)?);
        let looked = self.with(py, move |store| store.looked_at(&by, &reader))?;
        python_of(py, &looked)
    }

    /// What was denied, oldest first: of the records whose access history `reader` may see.
    fn denied<'py>(&self, py: Python<'py>, reader: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let reader = uid::of(reader)?;
        let denied = self.with(py, move |store| store.denied(&reader))?;
        python_of(py, &denied)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }

    fn __reduce__(&self) -> PyResult<()> {
        crate::pickle::refused("Store", "each process opens its own path with `Store.open`")
    }

    fn __repr__(&self) -> String {
        format!("<Store: {}>", caseward_store::shown(Path::new(&self.place)).display())
    }
}

/// The answer to a command: `done`, `denied`, `refused` or `invalid`.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Done {
    answer: caseward_store::Answer,
}

fn strings(all: &[std::sync::Arc<str>]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[pymethods]
impl Done {
    /// `done`, `denied`, `refused` or `invalid`.
    #[getter]
    fn outcome(&self) -> &'static str {
        match self.answer.outcome {
            caseward_store::Outcome::Done => "done",
            caseward_store::Outcome::Denied => "denied",
            caseward_store::Outcome::Refused => "refused",
            caseward_store::Outcome::Invalid => "invalid",
        }
    }

    /// Whether it is done.
    #[getter]
    fn is_done(&self) -> bool {
        self.answer.outcome == caseward_store::Outcome::Done
    }

    /// The deciding policies.
    #[getter]
    fn policies(&self) -> Vec<String> {
        strings(&self.answer.policies)
    }

    /// The rules that they write down.
    #[getter]
    fn rules(&self) -> Vec<String> {
        strings(&self.answer.rules)
    }

    /// Why it was not done.
    #[getter]
    fn errors(&self) -> Vec<String> {
        self.answer.errors.clone()
    }

    /// The version of the data after it.
    #[getter]
    fn version(&self) -> u64 {
        self.answer.version
    }

    /// The number of its entry in the audit log; None where nothing was audited.
    #[getter]
    fn event(&self) -> Option<u64> {
        self.answer.event
    }

    /// The entities that it made.
    #[getter]
    fn made(&self, py: Python<'_>) -> PyResult<Vec<EntityUid>> {
        let parsed = self.answer.made.iter().map(|name| name.parse::<caseward::EntityUid>().or_raise(py));
        parsed.map(|uid| uid.map(EntityUid::from)).collect()
    }

    /// The ids of those who are to be told of it.
    #[getter]
    fn alerts(&self) -> Vec<String> {
        self.answer.alerts.clone()
    }

    /// SHA-256 of the schema, policies and catalogue that decided it.
    #[getter]
    fn policy_hash(&self) -> &str {
        &self.answer.policy_hash
    }

    /// Whether it was done before, under the same key.
    #[getter]
    fn repeated(&self) -> bool {
        self.answer.repeated
    }

    /// What was asked for: all that is held of a person; None of other commands.
    #[getter]
    fn exported<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.answer.exported.as_ref().map(|exported| python_of(py, exported)).transpose()
    }

    /// The answer in JSON, as `caseward do` prints it.
    fn to_json(&self) -> PyResult<String> {
        crate::question::json(&self.answer)
    }

    fn __reduce__(&self) -> PyResult<()> {
        crate::pickle::refused("Done", "`to_json` gives it as text")
    }

    fn __repr__(&self) -> String {
        let errors = self.answer.errors.join("; ");
        let why = if errors.is_empty() { String::new() } else { format!(": {errors}") };
        format!("<Done: {}, version {}{why}>", self.outcome(), self.answer.version)
    }
}

/// The answer to a line of a feed: `done`, `unchanged` or `bad`.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct LineAnswer {
    told: Told,
}

#[pymethods]
impl LineAnswer {
    /// The line's number in the file, from 1.
    #[getter]
    fn line(&self) -> usize {
        self.told.line
    }

    /// `done`, `unchanged` or `bad`.
    #[getter]
    fn outcome(&self) -> &'static str {
        match self.told.outcome {
            caseward_store::Taken::Done => "done",
            caseward_store::Taken::Unchanged => "unchanged",
            caseward_store::Taken::Bad => "bad",
        }
    }

    /// Why it was not taken, or what it says that cannot all be so; else None.
    #[getter]
    fn why(&self) -> Option<&str> {
        self.told.why.as_deref()
    }

    fn __reduce__(&self) -> PyResult<()> {
        crate::pickle::refused("LineAnswer", "its fields are numbers and texts")
    }

    fn __repr__(&self) -> String {
        let why = self.told.why.as_deref().map_or(String::new(), |why| format!(": {why}"));
        format!("<LineAnswer: line {}, {}{why}>", self.told.line, self.outcome())
    }
}

/// A past moment of a store, ready to be asked about: its policies, its facts, and the `now` of its questions.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Past {
    past: caseward_store::Past,
}

#[pymethods]
impl Past {
    /// The policies.
    #[getter]
    fn ward(&self) -> Ward {
        Ward::from(self.past.ward.clone())
    }

    /// The facts.
    #[getter]
    fn world(&self) -> World {
        World::kept(self.past.world.clone())
    }

    /// The `now` of questions about it.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::datetime(py, self.past.now)
    }

    fn __reduce__(&self) -> PyResult<()> {
        crate::pickle::refused("Past", "each process asks its own store with `as_of`")
    }

    fn __repr__(&self) -> String {
        format!("<Past: {} entities>", self.past.world.len())
    }
}
