//! A world of tables that others write.
//!
//! INVARIANT: what holds a moment is a thread of its own, which never wants the interpreter: whoever waits for it has released
//! it, and whoever holds it may have it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use caseward::sql::Mapping;
use caseward_store::{Error, MirrorOptions};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDelta;

use crate::error::{OrRaise, StoreError};
use crate::gate::released;
use crate::store::raised;
use crate::ward::Ward;
use crate::world::World;
use crate::{pickle, time, whole};

/// How long Python waits for Ctrl-C and a fork for this thread.
const SLICE: Duration = Duration::from_millis(50);

/// A world of tables of one's own, read through a mapping and kept fresh from the outbox that their triggers write.
///
/// `with Mirror.open("yours.db", ward) as mirror:` ends it. Threads share it. Nothing is written to the database.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Mirror {
    /// `None` once it is closed.
    mirror: Mutex<Option<caseward_store::Mirror>>,
    place: PathBuf,
    /// A child of a fork has nobody who follows.
    process: u32,
}

impl Mirror {
    fn mirror(&self) -> PyResult<caseward_store::Mirror> {
        if self.process != std::process::id() {
            return Err(StoreError::new_err(
                "the mirror is of the process that forked this one: open it anew",
            ));
        }
        let mirror = self.mirror.lock().unwrap_or_else(PoisonError::into_inner);
        mirror.clone().ok_or_else(|| StoreError::new_err("the mirror is closed"))
    }

    fn held(&self, py: Python<'_>, look: Look, within: Duration) -> PyResult<Mirrored> {
        let mirror = self.mirror()?;
        let world = mirror.world().clone();
        let ((tell, told), (release, released_by)) = (mpsc::channel(), mpsc::channel());
        let hold = move || hold(&mirror, look, within, &tell, &released_by);
        std::thread::Builder::new().name("caseward-moment".to_owned()).spawn(hold)?;
        // Ctrl-C may end the waiting: then nobody is told, and nothing stays held.
        let told = Mutex::new(told);
        loop {
            let heard =
                released(py, || told.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(SLICE));
            match heard {
                Ok(looked) => {
                    let looked = raised(py, looked)?;
                    return Ok(Mirrored { release: Mutex::new(Some(release)), world, looked });
                }
                Err(RecvTimeoutError::Timeout) => py.check_signals()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(StoreError::new_err("what held the moment ended"));
                }
            }
        }
    }
}

/// Which moment is held.
enum Look {
    Reading,
    Newest,
    AtLeast(u64),
}

/// Holds a moment until it is released; tells when the tables were looked at.
fn hold(
    mirror: &caseward_store::Mirror,
    look: Look,
    within: Duration,
    tell: &Sender<Result<Instant, Error>>,
    released: &Receiver<()>,
) {
    let held = match look {
        Look::Reading => mirror.reading(),
        Look::Newest => mirror.newest(within),
        Look::AtLeast(position) => mirror.at_least(position, within),
    };
    match held {
        Ok(held) => {
            if tell.send(Ok(held.looked())).is_ok() {
                // Nothing is ever sent: it ends with whoever could.
                let _ = released.recv();
            }
        }
        Err(error) => drop(tell.send(Err(error))),
    }
}

/// A duration that is given, or the one that is usual.
fn duration(given: Option<&Bound<'_, PyDelta>>, usual: Duration, name: &str) -> PyResult<Duration> {
    let Some(given) = given else { return Ok(usual) };
    let ms = u64::try_from(time::milliseconds(given)?)
        .map_err(|_| PyValueError::new_err(format!("{name}: expected a duration that is not negative")))?;
    Ok(Duration::from_millis(ms))
}

#[pymethods]
impl Mirror {
    /// Reads the world that the tables of a database hold, and follows them from that moment on: a file of SQLite, or an address
    /// of PostgreSQL. `mapping`, in TOML, says where they hold what the schema speaks of, as for `Database`; the tables have the
    /// triggers of `Database.outbox()`. It looks after them `every` 200 ms, and shows nothing that is older than `stale`, 10 s.
    ///
    /// Raises MappingError for a mapping that does not fit, DataError for tables with what no world can hold, RequestError for
    /// tables without the triggers of this mapping, and StoreError for what is no database.
    #[staticmethod]
    #[pyo3(signature = (place, ward, *, mapping = None, every = None, stale = None))]
    fn open(
        py: Python<'_>,
        place: PathBuf,
        ward: &Bound<'_, Ward>,
        mapping: Option<&str>,
        every: Option<&Bound<'_, PyDelta>>,
        stale: Option<&Bound<'_, PyDelta>>,
    ) -> PyResult<Self> {
        let mapping = mapping.map_or_else(|| Ok(Mapping::default()), Mapping::from_toml).or_raise(py)?;
        let mut options = MirrorOptions::default();
        options.every = duration(every, options.every, "every")?;
        options.stale = duration(stale, options.stale, "stale")?;
        let ward = &ward.get().ward;
        let opened = released(py, || caseward_store::Mirror::open(&place, ward, &mapping, &options));
        let mirror = Mutex::new(Some(raised(py, opened)?));
        Ok(Mirror { mirror, place, process: std::process::id() })
    }

    /// The facts as they were followed so far, however long ago that was: each question sees one moment, two questions may see
    /// two. Its data is changed by whoever writes the tables.
    #[getter]
    fn world(&self) -> PyResult<World> {
        Ok(World::mirrored(self.mirror()?.world().clone()))
    }

    /// The facts of one moment, no longer ago than `stale`: `with mirror.reading() as world:`. While it is held, nothing that
    /// is committed is seen. Raises StoreError, with why, while the tables cannot be followed.
    fn reading(&self, py: Python<'_>) -> PyResult<Mirrored> {
        self.held(py, Look::Reading, Duration::ZERO)
    }

    /// As `reading`, with everything that was committed before this call. Raises StoreError where that cannot be seen within
    /// this time.
    fn newest(&self, py: Python<'_>, within: &Bound<'_, PyDelta>) -> PyResult<Mirrored> {
        self.held(py, Look::Newest, duration(Some(within), Duration::ZERO, "within")?)
    }

    /// As `reading`, with what a transaction wrote, by the position that it asked for before it was committed. In SQLite it is
    /// `SELECT seq FROM sqlite_sequence WHERE name = 'caseward_mirror_outbox'`, in PostgreSQL `SELECT pg_current_xact_id()`.
    /// Raises StoreError where it is not seen within this time.
    fn at_least(
        &self,
        py: Python<'_>,
        position: &Bound<'_, PyAny>,
        within: &Bound<'_, PyDelta>,
    ) -> PyResult<Mirrored> {
        let position = whole::given(position, "position", 0, u64::MAX)?;
        self.held(py, Look::AtLeast(position), duration(Some(within), Duration::ZERO, "within")?)
    }

    /// Ends it.
    fn close(&self, py: Python<'_>) {
        let mirror = self.mirror.lock().unwrap_or_else(PoisonError::into_inner).take();
        ended(mirror, self.process, |mirror| released(py, move || drop(mirror)));
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Mirror", "each process opens its own with `Mirror.open`")
    }

    fn __repr__(&self) -> String {
        format!("<Mirror: {}>", caseward_store::shown(Path::new(&self.place)).display())
    }
}

/// Ends a mirror. In a child of a fork its thread is not there, and would be waited for for ever.
fn ended(mirror: Option<caseward_store::Mirror>, process: u32, end: impl FnOnce(caseward_store::Mirror)) {
    let Some(mirror) = mirror else { return };
    match process == std::process::id() {
        true => end(mirror),
        false => std::mem::forget(mirror),
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let mirror = self.mirror.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // Its thread never wants the interpreter.
        ended(mirror, self.process, drop);
    }
}

/// One moment of the tables, held until `with` ends or `close`: nothing that is committed meanwhile is seen. It holds up the
/// mirror: ask it for no other one in the same thread meanwhile.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Mirrored {
    /// `None` once it is released.
    release: Mutex<Option<Sender<()>>>,
    world: caseward::World,
    looked: Instant,
}

#[pymethods]
impl Mirrored {
    /// The facts. Raises StoreError once it is released.
    #[getter]
    fn world(&self) -> PyResult<World> {
        match self.release.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            true => Ok(World::mirrored(self.world.clone())),
            false => Err(StoreError::new_err("the moment was released: ask the mirror for another one")),
        }
    }

    /// How long ago the tables were looked at.
    #[getter]
    fn age<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDelta>> {
        time::timedelta(py, i64::try_from(self.looked.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Releases it; again does nothing.
    fn close(&self) {
        drop(self.release.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn __enter__(&self) -> PyResult<World> {
        self.world()
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, _raised: &Bound<'_, pyo3::types::PyTuple>) {
        self.close();
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Mirrored", "a moment is of this process's mirror")
    }

    fn __repr__(&self) -> String {
        format!("<Mirrored: version {}>", self.world.version())
    }
}
