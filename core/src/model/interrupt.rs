//! Ending a call that takes long before it is done: on Ctrl-C, at a deadline, when nobody waits for it any more.
//!
//! Whoever calls says whom to ask. Calls that look at many entities or requests ask now and then, and end with an
//! [`Error::is_interrupted`](crate::Error::is_interrupted) where they are told to; what is quick never asks.
//!
//! INVARIANT: nobody is asked while a lock is held that a single decision may wait for.
//! INVARIANT: whoever is asked may call the library again, on the same thread, while the call that asks holds the data
//! still. What would wait for that call is refused: batches, and indices that are not made yet.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::model::Error;

/// Steps between two questions: some tens of microseconds.
const STEPS: u32 = 512;

thread_local! {
    static ASK: RefCell<Option<Rc<dyn Fn() -> bool>>> = const { RefCell::new(None) };
    /// Whether somebody is being asked.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`, asking `ask` now and then, on this thread, whether it is to end.
///
/// # Example
/// ```
/// use std::rc::Rc;
/// use caseward::attendance::Sample;
/// use caseward::{Ward, interrupt};
///
/// let ward = Ward::attendance()?;
/// let made = interrupt::watched(Rc::new(|| true), || {
///     Sample { cases: 1_000_000, seed: 1 }.build(&ward, &mut |_| {})
/// });
/// assert!(made.is_err_and(|error| error.is_interrupted()));
/// # Ok::<(), caseward::Error>(())
/// ```
pub fn watched<T>(ask: Rc<dyn Fn() -> bool>, work: impl FnOnce() -> T) -> T {
    let _before = Restore(ASK.replace(Some(ask)));
    work()
}

/// Does `work` without asking anybody: for what is done while a lock is held that whoever is asked may want.
pub(crate) fn unasked<T>(work: impl FnOnce() -> T) -> T {
    let _before = Restore(ASK.take());
    work()
}

/// Puts back who was asked before, also where the work panics.
struct Restore(Option<Rc<dyn Fn() -> bool>>);

impl Drop for Restore {
    fn drop(&mut self) {
        ASK.set(self.0.take());
    }
}

/// Counts the steps of something long.
#[derive(Default)]
pub(crate) struct Pulse {
    steps: Cell<u32>,
    ended: Cell<bool>,
}

impl Pulse {
    /// One step further; false once it is to end.
    pub(crate) fn goes_on(&self) -> bool {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() >= STEPS {
            self.steps.set(0);
            self.ended.set(self.ended.get() || is_to_end());
        }
        !self.ended.get()
    }

    /// As [`Pulse::goes_on`], as an error where it is to end.
    pub(crate) fn step(&self) -> Result<(), Error> {
        if self.goes_on() { Ok(()) } else { Err(Error::interrupted()) }
    }

    /// Whether it was told to end.
    pub(crate) fn result(&self) -> Result<(), Error> {
        if self.ended.get() { Err(Error::interrupted()) } else { Ok(()) }
    }
}

/// Asks at once, for steps that take long themselves.
pub(crate) fn ask() -> Result<(), Error> {
    if is_to_end() { Err(Error::interrupted()) } else { Ok(()) }
}

fn is_to_end() -> bool {
    // Whoever is asked may call the library again: nothing is borrowed meanwhile, and nobody asked once more.
    let Some(ask) = ASK.take() else { return false };
    let _before = (Restore(Some(ask.clone())), Asked(ASKING.replace(true)));
    ask()
}

/// Puts back whether somebody was being asked before, also where they panic.
struct Asked(bool);

impl Drop for Asked {
    fn drop(&mut self) {
        ASKING.set(self.0);
    }
}

/// Refuses what would wait for the call that is asking just now, on this thread, whether it is to end.
pub(crate) fn refuse_within(what: &str) -> Result<(), Error> {
    if ASKING.get() {
        return Err(Error::request(format!(
            "{what} while a call on this thread is interrupted, as by a signal's handler: let that call end first"
        )));
    }
    Ok(())
}
