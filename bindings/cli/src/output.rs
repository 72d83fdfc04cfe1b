//! Standard output: buffered, without panics, and with nothing in it that steers a terminal.
//!
//! INVARIANT: what becomes of the output never changes a verdict. A reader that leaves (`… | head -1`) ends the
//! writing, not the work; what else goes wrong is told at the end by [`settle`], and makes a failure of a success
//! alone.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::shown::{Json, for_terminal};
use crate::terminal::{Terminal, say};

/// What first went wrong with standard output.
static TROUBLE: OnceLock<io::Error> = OnceLock::new();

/// Standard output through a buffer of its own; [`finish`] it. Bytes go out as they are: text for people goes through
/// [`line`] or [`print`], JSON through [`json_line`], [`print_json`] or [`json`].
///
/// It takes what can no longer be written, and drops it.
pub(crate) struct Out(BufWriter<StdoutLock<'static>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !is_open() {
            return Ok(bytes.len());
        }
        match self.0.write(bytes) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let _ = TROUBLE.set(error);
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if is_open()
            && let Err(error) = self.0.flush()
        {
            let _ = TROUBLE.set(error);
        }
        Ok(())
    }
}

/// Whether standard output still takes what is written.
pub(crate) fn is_open() -> bool {
    TROUBLE.get().is_none()
}

/// Whether something that was to be written besides could not be.
static UNWRITTEN: AtomicBool = AtomicBool::new(false);

/// Tells what went wrong with a file that a run writes besides its answer, such as a page or a case: it makes a failure of a
/// success, and the verdict stands.
pub(crate) fn besides(written: Result<(), Failure>, terminal: &Terminal) {
    if let Err(failure) = written {
        failure.show(terminal);
        UNWRITTEN.store(true, Ordering::Relaxed);
    }
}

/// The exit code of a run that came to `exit`, now that all is written.
pub(crate) fn settle(exit: Exit) -> Exit {
    let exit = match exit {
        Exit::Success if UNWRITTEN.load(Ordering::Relaxed) => Exit::Failure,
        exit => exit,
    };
    match TROUBLE.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("error: cannot write to standard output: {error}"));
            if exit == Exit::Success { Exit::Failure } else { exit }
        }
        _ => exit,
    }
}

pub(crate) fn stdout() -> Out {
    Out(BufWriter::with_capacity(1 << 16, io::stdout().lock()))
}

/// Standard output for JSON that others write.
pub(crate) fn json() -> Json<Out> {
    Json::new(stdout())
}

/// Writes out what is left.
pub(crate) fn finish(mut out: impl Write) -> Result<(), Failure> {
    out.flush().map_err(|e| Failure::output(&e))
}

/// Writes a line of text for people.
pub(crate) fn line(out: &mut Out, text: &str) -> Result<(), Failure> {
    writeln!(out, "{}", for_terminal(text)).map_err(|e| Failure::output(&e))
}

/// Writes a text for people.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    exactly(&for_terminal(text))
}

/// Writes a text that is data for another program, as it is.
pub(crate) fn exactly(text: &str) -> Result<(), Failure> {
    let mut out = stdout();
    out.write_all(text.as_bytes()).map_err(|e| Failure::output(&e))?;
    finish(out)
}

/// Writes a value as one line of JSON.
pub(crate) fn json_line(out: &mut Out, value: &impl Serialize) -> Result<(), Failure> {
    let mut json = Json::new(&mut *out);
    serde_json::to_writer(&mut json, value)
        .map_err(io::Error::from)
        .and_then(|()| json.write_all(b"\n"))
        .map_err(|e| Failure::output(&e))
}

/// Writes a value as one line of JSON and nothing else.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = stdout();
    json_line(&mut out, value)?;
    finish(out)
}
