//! The one way into the library: with the interpreter released, left at a fork, and ended by Ctrl-C.
//!
//! A child of `os.fork()` has the thread that forked and nothing of the others, whose locks stay locked for ever.
//! So a fork waits until no other thread is inside the library, and holds back those that want in.
//!
//! INVARIANT: every call of the library that may take a lock goes through [`released`] or [`kept`].
//! INVARIANT: a thread inside [`kept`] has the interpreter, and with a global interpreter lock no other thread can fork.
//! INVARIANT: nobody waits here with the interpreter in hand: it is released, so that a thread which wants it for a
//! moment, inside, can have it and leave.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

/// Threads share a count with few others, so that they seldom wait for each other's memory.
const SLOTS: usize = 16;
/// How long one who waits sleeps before looking again.
const NAP: Duration = Duration::from_micros(50);
/// How often one who may have the interpreter does so: a fifth of a second.
const NAPS: usize = 4_000;
/// How often a long call looks whether Python wants to end it.
const LOOK_UP: Duration = Duration::from_millis(50);

/// How many threads are inside, in memory of its own.
#[repr(align(128))]
struct Slot(AtomicUsize);

static INSIDE: [Slot; SLOTS] = [const { Slot(AtomicUsize::new(0)) }; SLOTS];
/// Forks that are waited for.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// Whether a thread that holds the interpreter can be forked by another: where there is no global interpreter lock. With
/// one, a fork waits for the interpreter, which [`kept`] does not give away.
static UNLOCKED: AtomicBool = AtomicBool::new(true);

thread_local! {
    /// The slot of this thread.
    static SLOT: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, SeqCst) % SLOTS
    };
    /// How many calls this thread is inside of: a signal's handler may call from within a call.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// What Python wants to end the call with.
    static PENDING: RefCell<Option<PyErr>> = const { RefCell::new(None) };
    /// When this thread last asked Python.
    static ASKED: Cell<Option<Instant>> = const { Cell::new(None) };
    /// What the library asks, time and again, in a long call.
    static HOOK: Rc<dyn Fn() -> bool> = Rc::new(wants_to_end);
}

fn slot() -> &'static AtomicUsize {
    // The number is below that of the slots; the first one is there in any case.
    let [first, ..] = &INSIDE;
    SLOT.with(|at| &INSIDE.get(*at).unwrap_or(first).0)
}

/// A thread inside the library, until it is dropped.
struct Visit;

impl Visit {
    /// Nothing where a fork is waited for.
    fn begin() -> Option<Self> {
        let depth = DEPTH.get();
        if depth == 0 {
            let slot = slot();
            slot.fetch_add(1, SeqCst);
            if FORKS.load(SeqCst) != 0 {
                slot.fetch_sub(1, SeqCst);
                return None;
            }
        }
        DEPTH.set(depth + 1);
        Some(Visit)
    }

    /// As soon as no fork is waited for. Not to be called with the interpreter in hand.
    fn wait() -> Self {
        loop {
            match Visit::begin() {
                Some(visit) => return visit,
                None => thread::sleep(NAP),
            }
        }
    }
}

impl Visit {
    /// Whether this thread is inside for the first time: a signal's handler may call from within a call.
    fn is_outermost(&self) -> bool {
        DEPTH.get() == 1
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let depth = DEPTH.get().saturating_sub(1);
        DEPTH.set(depth);
        if depth == 0 {
            slot().fetch_sub(1, SeqCst);
        }
    }
}

/// Does what may take longer than a microsecond, with the interpreter released. Ctrl-C ends it, where the library
/// looks.
pub(crate) fn released<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    #[expect(clippy::disallowed_methods, reason = "this is where it is allowed")]
    py.detach(|| {
        let visit = Visit::wait();
        ASKED.set(None);
        // What ended an earlier call ends no later one; a call within a call is ended with it.
        if visit.is_outermost() {
            PENDING.set(None);
        }
        HOOK.with(|hook| caseward::interrupt::watched(hook.clone(), work))
    })
}

/// Does what takes a microsecond at most and waits for nobody, with the interpreter kept.
pub(crate) fn kept<T>(py: Python<'_>, work: impl FnOnce() -> T) -> T {
    if !UNLOCKED.load(Relaxed) {
        return work();
    }
    let visit = Visit::begin().unwrap_or_else(|| {
        #[expect(clippy::disallowed_methods, reason = "this is where it is allowed")]
        py.detach(Visit::wait)
    });
    let done = work();
    drop(visit);
    done
}

/// Does what is quick and asks nobody, called back by a library in C: nobody knows there whether this thread has the
/// interpreter, so that it is neither taken nor released.
///
/// A fork that is waited for is left to happen first. Where this thread does have the interpreter, that one cannot happen
/// before it is back: then the work is done after a moment, and the fork comes behind it.
pub(crate) fn called_back<T>(work: impl FnOnce() -> T) -> T {
    let mut visit = Visit::begin();
    for _ in 0..NAPS {
        if visit.is_some() {
            break;
        }
        thread::sleep(NAP);
        visit = Visit::begin();
    }
    let done = work();
    drop(visit);
    done
}

/// What Python ended a call with, once.
pub(crate) fn ended_with() -> Option<PyErr> {
    PENDING.take()
}

/// Runs what is to be done for signals, on the main thread; whether that raised something.
///
/// The library asks this from within a call, where it may hold the data still: whoever waits for that has released
/// the interpreter, so that it can be had.
fn wants_to_end() -> bool {
    let now = Instant::now();
    let asked = ASKED.get().unwrap_or_else(|| {
        ASKED.set(Some(now));
        now
    });
    if now.duration_since(asked) < LOOK_UP {
        return false;
    }
    let raised = Python::try_attach(|py| py.check_signals().err()).flatten();
    ASKED.set(Some(Instant::now()));
    let is_raised = raised.is_some();
    PENDING.set(raised);
    is_raised
}

/// Has the library left before every fork, and entered again after it.
pub(crate) fn watch_forks(py: Python<'_>) -> PyResult<()> {
    let (os, sys) = (py.import("os")?, py.import("sys")?);
    // By how it was built: while it runs, such an interpreter can turn the lock on, here for the time of this import.
    let flags = sys.getattr("abiflags").and_then(|flags| flags.extract::<String>());
    UNLOCKED.store(flags.map_or(true, |flags| flags.contains('t')), Relaxed);
    // Not every system has it.
    let Ok(register) = os.getattr("register_at_fork") else { return Ok(()) };
    type Hook = fn(Python<'_>);
    let hooks: [(&str, Hook); 3] =
        [("before", before), ("after_in_parent", after_in_parent), ("after_in_child", after_in_child)];
    let given = PyDict::new(py);
    for (name, hook) in hooks {
        let call = move |args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| hook(args.py());
        given.set_item(name, PyCFunction::new_closure(py, None, None, call)?)?;
    }
    register.call((), Some(&given)).map(drop)
}

/// Waits until no other thread is inside. Whoever forks has the interpreter, which is released meanwhile.
fn before(py: Python<'_>) {
    FORKS.fetch_add(1, SeqCst);
    let own = usize::from(DEPTH.get() > 0);
    while INSIDE.iter().map(|slot| slot.0.load(SeqCst)).sum::<usize>() > own {
        #[expect(clippy::disallowed_methods, reason = "this is where it is allowed")]
        py.detach(|| thread::sleep(NAP));
    }
}

fn after_in_parent(_: Python<'_>) {
    FORKS.fetch_sub(1, SeqCst);
}

/// The other threads are gone, and what they counted with them.
fn after_in_child(_: Python<'_>) {
    INSIDE.iter().for_each(|slot| slot.0.store(0, SeqCst));
    slot().store(usize::from(DEPTH.get() > 0), SeqCst);
    FORKS.store(0, SeqCst);
}
