//! Why a run ended without its answer.

use std::fmt::Display;
use std::io;
use std::path::Path;

use caseward::{Error, ErrorKind, Problem, Severity};
use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::report::{Report, draw_all};
pub(crate) use crate::shown::{in_a_line, printable};
use crate::terminal::{Terminal, say, say_lines};

/// Problems of data that are shown when the verb is not `validate`.
const SHOWN: usize = 20;

/// Why a run ended without its answer.
pub(crate) enum Failure {
    /// Flags that do not go together, where clap's own rules cannot say so.
    Usage(clap::Error),
    /// Policies or schema were refused.
    Policies(Vec<Report>),
    /// Data was refused.
    Data {
        /// The file.
        file: String,
        problems: Vec<Problem>,
    },
    /// Cases that cannot be used.
    Cases(Vec<Report>),
    /// Anything else, in a line.
    Other(String),
    /// Anything else, in lines of our own.
    Lines(String),
    /// A file that cannot be used, in a line.
    InFile {
        /// As it was named.
        file: String,
        message: String,
    },
    /// What the library reports, with the exit code of its kind and the file concerned.
    Error(Exit, String, Option<String>),
}

impl Failure {
    pub(crate) fn usage(kind: clap::error::ErrorKind, message: impl Display) -> Self {
        Failure::Usage(Cli::command().error(kind, in_a_line(&message.to_string())))
    }

    /// A message in a line, whatever it repeats.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Failure::Other(message.into())
    }

    /// A message that may have several lines of our own, such as an error with its problems. What `head` repeats is put
    /// into a line.
    pub(crate) fn lines(head: &str, rest: impl Display) -> Self {
        Failure::Lines(format!("{}{rest}", in_a_line(head)))
    }

    /// A file that is there and cannot be used.
    pub(crate) fn in_file(path: &Path, message: impl Into<String>) -> Self {
        Failure::InFile { file: path.display().to_string(), message: message.into() }
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(what: &str, file: impl Display, why: &io::Error) -> Self {
        Failure::Other(format!("cannot {what} {file}: {why}"))
    }

    /// What writing to standard output reports.
    pub(crate) fn output(error: &io::Error) -> Self {
        Failure::Other(format!("cannot write to standard output: {error}"))
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Policies(_) => Exit::Invalid,
            Failure::Error(exit, ..) => *exit,
            Failure::Data { .. }
            | Failure::Cases(_)
            | Failure::Other(_)
            | Failure::InFile { .. }
            | Failure::Lines(_) => Exit::Failure,
        }
    }

    /// Tells people and gives the exit code.
    pub(crate) fn show(&self, terminal: &Terminal) -> Exit {
        match self {
            // Without its colours: it repeats what was typed.
            Failure::Usage(error) => say_lines(&error.render().to_string()),
            Failure::Policies(reports) => {
                draw_all(reports, terminal);
                say(&format!("error: the policies cannot be used ({})", counted(reports.len(), "problem")));
            }
            Failure::Data { file, problems } => {
                let shown: Vec<Report> = problems.iter().take(SHOWN).map(Report::without_text).collect();
                draw_all(&shown, terminal);
                let rest = problems.len().saturating_sub(SHOWN);
                if rest > 0 {
                    say(&format!("  and {rest} more: `caseward validate --entities` shows all"));
                }
                say(&format!(
                    "error: the data in {file} cannot be used ({})",
                    counted(problems.len(), "problem")
                ));
            }
            Failure::Cases(reports) => {
                draw_all(reports, terminal);
                say(&format!("error: the cases cannot be used ({})", counted(reports.len(), "problem")));
            }
            Failure::Other(message) | Failure::InFile { message, .. } => say(&format!("error: {message}")),
            Failure::Lines(message) | Failure::Error(_, message, _) => {
                say_lines(&format!("error: {message}"));
            }
        }
        self.exit()
    }

    /// What programs are told: problems, each with the file that it is in, where that is known.
    pub(crate) fn problems(&self) -> Vec<(Problem, Option<String>)> {
        let bare = |message: &str| Problem {
            severity: Severity::Error,
            message: in_a_line(message),
            source: String::new(),
            span: None,
            help: None,
            entity: None,
        };
        match self {
            Failure::Policies(reports) | Failure::Cases(reports) => {
                let told = reports.iter().filter_map(Report::problem);
                told.map(|(problem, file)| (problem.clone(), file.map(str::to_owned))).collect()
            }
            Failure::Data { problems, .. } => {
                problems.iter().map(|problem| (problem.clone(), None)).collect()
            }
            Failure::Usage(error) => vec![(bare(&error.render().to_string()), None)],
            Failure::Other(message) | Failure::Lines(message) => vec![(bare(message), None)],
            Failure::InFile { file, message } => vec![(bare(message), Some(file.clone()))],
            Failure::Error(_, message, file) => vec![(bare(message), file.clone())],
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // Each of its problems is in a line.
        let file = error.file().map(|file| file.display().to_string());
        Failure::Error(exit(error.kind()), error.to_string(), file)
    }
}

/// The exit code of an error of the library: `Exit` says what each means.
fn exit(kind: ErrorKind) -> Exit {
    match kind {
        ErrorKind::Policies => Exit::Invalid,
        ErrorKind::Data
        | ErrorKind::Mapping
        | ErrorKind::Untranslatable
        | ErrorKind::Request
        | ErrorKind::Schema
        | ErrorKind::Timeout
        | ErrorKind::Snapshot
        | ErrorKind::Bundle
        | ErrorKind::Interrupted
        | ErrorKind::Read => Exit::Failure,
    }
}

/// `1 problem`, `2 problems`.
pub(crate) fn counted(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use caseward::ErrorKind;

    use super::exit;
    use crate::exit::Exit;

    #[test]
    fn an_error_of_the_library_is_no_denial() {
        for kind in ErrorKind::ALL {
            let expected = if kind == ErrorKind::Policies { Exit::Invalid } else { Exit::Failure };
            assert_eq!(exit(kind), expected, "{kind:?}");
        }
    }
}
