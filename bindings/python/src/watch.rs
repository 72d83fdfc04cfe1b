//! What comes into a person's sight and goes out of it, while a store is open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use caseward_store::Error;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::StoreError;
use crate::gate::released;
use crate::time;
use crate::uid::EntityUid;

/// How long Python waits for Ctrl-C, a fork for this thread, and whoever closes the watch from another one.
const SLICE: Duration = Duration::from_millis(50);

/// What comes into a person's sight and goes out of it: an iterator that waits for the next change. It ends when it or the
/// store is closed. Ctrl-C ends the waiting.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Watch {
    /// `None` once it is closed; nobody else waits meanwhile.
    watch: Mutex<Option<caseward_store::Watch>>,
    is_closed: AtomicBool,
    first: Vec<caseward::EntityUid>,
    version: u64,
    /// A child of a fork has nobody who tells it of anything.
    process: u32,
}

impl Watch {
    pub(crate) fn new(watch: caseward_store::Watch) -> Self {
        Watch {
            first: watch.first().to_vec(),
            version: watch.version(),
            watch: Mutex::new(Some(watch)),
            is_closed: AtomicBool::new(false),
            process: std::process::id(),
        }
    }

    /// The next change until an instant; `None` where there is none, and `Err` within where there will be none.
    fn waited(&self, py: Python<'_>, until: Option<Instant>) -> PyResult<Result<Option<Seen>, Ended>> {
        if self.process != std::process::id() {
            return Err(StoreError::new_err("the watch is of the process that forked this one: watch anew"));
        }
        loop {
            let left =
                until.map_or(SLICE, |until| until.saturating_duration_since(Instant::now()).min(SLICE));
            let heard = released(py, || self.heard(left));
            match heard {
                Ok(Some(seen)) => return Ok(Ok(Some(Seen { seen }))),
                Ok(None) => {}
                Err(Error::Stopped) => return Ok(Err(Ended)),
                Err(other) => return Err(StoreError::new_err(other.to_string())),
            }
            py.check_signals()?;
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Ok(None));
            }
        }
    }

    fn heard(&self, within: Duration) -> Result<Option<caseward_store::Seen>, Error> {
        let mut held = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_closed.load(Ordering::Acquire) {
            *held = None;
        }
        held.as_mut().map_or(Err(Error::Stopped), |watch| watch.within(within))
    }
}

/// Nothing more will be seen.
struct Ended;

#[pymethods]
impl Watch {
    /// What was seen when the watch began.
    #[getter]
    fn first(&self) -> Vec<EntityUid> {
        self.first.iter().cloned().map(EntityUid::from).collect()
    }

    /// The store's version then.
    #[getter]
    fn version(&self) -> u64 {
        self.version
    }

    /// The next change within so many seconds, else None. Raises StoreError where more changed than waits to be taken, after
    /// those that waited were given, and once the watch or the store is closed.
    fn within(&self, py: Python<'_>, seconds: f64) -> PyResult<Option<Seen>> {
        let time = Duration::try_from_secs_f64(seconds)
            .map_err(|_| PyValueError::new_err("seconds: expected a number that is not negative"))?;
        match self.waited(py, Instant::now().checked_add(time))? {
            Ok(seen) => Ok(seen),
            Err(Ended) => Err(StoreError::new_err("the watch is closed, or its store")),
        }
    }

    /// Ends it; whoever waits in another thread is given nothing more.
    fn close(&self, py: Python<'_>) {
        self.is_closed.store(true, Ordering::Release);
        released(py, || drop(self.watch.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Seen>> {
        Ok(self.waited(py, None)?.unwrap_or(None))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }

    fn __reduce__(&self) -> PyResult<()> {
        crate::pickle::refused("Watch", "each process watches its own store with `watch`")
    }

    fn __repr__(&self) -> String {
        format!("<Watch: since version {}>", self.version)
    }
}

/// What one batch changed of what a person sees.
#[pyclass(frozen, eq, module = "caseward")]
#[derive(PartialEq)]
pub(crate) struct Seen {
    seen: caseward_store::Seen,
}

#[pymethods]
impl Seen {
    /// The store's version since which it is so.
    #[getter]
    fn version(&self) -> u64 {
        self.seen.version
    }

    /// The store's clock then.
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::datetime(py, self.seen.now)
    }

    /// What came into sight.
    #[getter]
    fn came(&self) -> Vec<EntityUid> {
        self.seen.came.iter().cloned().map(EntityUid::from).collect()
    }

    /// What went out of it.
    #[getter]
    fn went(&self) -> Vec<EntityUid> {
        self.seen.went.iter().cloned().map(EntityUid::from).collect()
    }

    fn __reduce__(&self) -> PyResult<()> {
        crate::pickle::refused("Seen", "its fields are numbers and entities")
    }

    fn __repr__(&self) -> String {
        let (came, went) = (self.seen.came.len(), self.seen.went.len());
        format!("<Seen: version {}, {came} came, {went} went>", self.seen.version)
    }
}
