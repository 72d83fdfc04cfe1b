//! Text that is written from the policies and kept in a file: whether the file still says the same.

use std::path::PathBuf;

use similar::TextDiff;

use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::terminal::say;
use crate::{input, output};

/// Bytes of a file to compare with.
const MAX_BYTES: usize = 64 << 20;

/// Which file to compare with, if any.
#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// Print nothing but what differs from this file, or from standard input for `-`.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

/// A file that was written before.
pub(crate) struct Written {
    name: String,
    text: String,
}

/// How a difference is told.
pub(crate) struct Telling {
    /// Lines around each difference.
    pub(crate) context: usize,
    /// What is the matter, behind the name of the file.
    pub(crate) what: &'static str,
    pub(crate) exit: Exit,
}

impl CheckArgs {
    /// Reads the file; `None` where none is named.
    pub(crate) fn read(&self) -> Result<Option<Written>, Failure> {
        let Some(file) = &self.check else { return Ok(None) };
        Ok(Some(Written { name: input::name(file), text: input::text(file, MAX_BYTES)? }))
    }
}

impl Written {
    /// Compares it with what would be written now, and prints what differs.
    pub(crate) fn compare(&self, now: &str, telling: &Telling) -> Result<Exit, Failure> {
        let Written { name, text } = self;
        if now == text {
            return Ok(Exit::Success);
        }
        let diff = TextDiff::from_lines(text.as_str(), now);
        let shown =
            diff.unified_diff().context_radius(telling.context).header(name, "the policies").to_string();
        say(&format!("error: {name} {}", telling.what));
        output::print(&printable(&shown))?;
        Ok(telling.exit)
    }
}
