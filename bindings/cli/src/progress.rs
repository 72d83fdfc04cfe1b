//! Progress on long work, on standard error, for people alone.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::Terminal;

/// Progress in bytes, of `total` where it is known.
pub(crate) fn bytes(terminal: &Terminal, what: &str, total: Option<u64>) -> ProgressBar {
    match total {
        Some(total) => {
            let bar = "{msg} [{bar:40}] {bytes}/{total_bytes} {eta}";
            begin(terminal, what, || ProgressBar::new(total).with_style(style(bar)))
        }
        None => {
            begin(terminal, what, || ProgressBar::new_spinner().with_style(style("{spinner} {msg} {bytes}")))
        }
    }
}

/// Progress in parts of a whole.
pub(crate) fn parts(terminal: &Terminal, what: &str, total: u64) -> ProgressBar {
    begin(terminal, what, || ProgressBar::new(total).with_style(style("{msg} [{bar:40}] {percent}% {eta}")))
}

/// Shows how much is done, and of how much.
#[cfg(feature = "prove")]
pub(crate) fn told(bar: &ProgressBar) -> impl Fn(usize, usize) + Sync + '_ {
    |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }
}

/// Work whose end cannot be told.
pub(crate) fn spinner(terminal: &Terminal, what: &str) -> ProgressBar {
    begin(terminal, what, || {
        let bar = ProgressBar::new_spinner().with_style(style("{spinner} {msg} {elapsed}"));
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    })
}

/// Rows of a store that is opened, whose number is not known before.
#[cfg(feature = "store")]
pub(crate) fn while_opening() -> ProgressBar {
    if !crate::terminal::shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner()
        .with_style(style("{spinner} reading the store: {human_pos} rows, {elapsed}"));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn begin(terminal: &Terminal, what: &str, bar: impl FnOnce() -> ProgressBar) -> ProgressBar {
    if terminal.shows_progress() { bar().with_message(what.to_owned()) } else { ProgressBar::hidden() }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
