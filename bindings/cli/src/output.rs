//! Standard output, buffered and without panics.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Standard output through a buffer of its own; [`finish`] it.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// Writes out what is left, so that its failure is heard.
pub(crate) fn finish(mut out: impl Write) -> Result<(), Failure> {
    out.flush().map_err(|e| Failure::output(&e))
}

/// Writes a text.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout();
    out.write_all(text.as_bytes()).map_err(|e| Failure::output(&e))?;
    finish(out)
}

/// Writes a value as one line of JSON.
pub(crate) fn json_line(out: &mut impl Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, value)
        .map_err(io::Error::from)
        .and_then(|()| out.write_all(b"\n"))
        .map_err(|e| Failure::output(&e))
}

/// Writes a value as one line of JSON and nothing else.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = stdout();
    json_line(&mut out, value)?;
    finish(out)
}
