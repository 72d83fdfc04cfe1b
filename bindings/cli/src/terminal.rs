//! What the streams can show.

use std::io::{IsTerminal, Write as _, stderr, stdout};
use std::sync::OnceLock;

use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::shown::{for_terminal, in_a_line, mark};

/// Columns to which messages are wrapped.
const WIDTH: usize = 100;

/// Whether `--quiet` was said.
static QUIET: OnceLock<bool> = OnceLock::new();

/// Which streams people look at, and how much they want to see.
pub(crate) struct Terminal {
    quiet: bool,
    colour: bool,
}

impl Terminal {
    pub(crate) fn new(quiet: bool) -> Self {
        let _ = QUIET.set(quiet);
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Terminal { quiet, colour: !refused && !dumb }
    }

    /// Whether progress is shown at all.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && shows_progress()
    }

    /// Draws reports for standard output.
    pub(crate) fn drawer_out(&self) -> GraphicalReportHandler {
        drawer(self.has_colour_out())
    }

    /// Draws reports for standard error.
    pub(crate) fn drawer_err(&self) -> GraphicalReportHandler {
        drawer(self.colour && stderr().is_terminal())
    }

    /// The escape codes for standard output.
    pub(crate) fn palette(&self) -> Palette {
        if self.has_colour_out() { colours() } else { Palette::default() }
    }

    /// Whether standard output shows colours.
    pub(crate) fn has_colour_out(&self) -> bool {
        self.colour && stdout().is_terminal()
    }

    /// A remark for people, left out when `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        note(text);
    }
}

/// Whether progress is shown by what has no terminal at hand.
pub(crate) fn shows_progress() -> bool {
    !QUIET.get().is_some_and(|quiet| *quiet) && stderr().is_terminal()
}

/// A remark for people, left out when `--quiet`.
pub(crate) fn note(text: &str) {
    if !QUIET.get().is_some_and(|quiet| *quiet) {
        say(&format!("note: {text}"));
    }
}

/// Writes a line to standard error, whatever names it repeats: one with a line break in it forges no line. There is
/// nowhere to report it where that fails.
pub(crate) fn say(text: &str) {
    say_lines(&in_a_line(text.trim_end()));
}

/// Writes lines of our own to standard error: what they repeat of others has been put into a line each.
pub(crate) fn say_lines(text: &str) {
    let _ = writeln!(stderr().lock(), "{}", for_terminal(text.trim_end()));
}

fn drawer(colour: bool) -> GraphicalReportHandler {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false)
}

/// Colours, as marks that become escape codes where they are printed; all empty where there is no colour.
#[derive(Clone, Copy, Default)]
pub(crate) struct Palette {
    pub(crate) good: &'static str,
    pub(crate) bad: &'static str,
    pub(crate) dim: &'static str,
    pub(crate) reset: &'static str,
}

fn colours() -> Palette {
    static CODES: OnceLock<[String; 4]> = OnceLock::new();
    let [good, bad, dim, reset] =
        CODES.get_or_init(|| ["32m", "31m", "2m", "0m"].map(|code| format!("{}{code}", mark())));
    Palette { good, bad, dim, reset }
}
