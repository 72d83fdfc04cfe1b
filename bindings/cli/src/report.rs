//! Problems of policies and data, drawn with the text that they concern.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use caseward::{Problem, Severity, Source};
use miette::{Diagnostic, GraphicalReportHandler, LabeledSpan, NamedSource, SourceCode};

use crate::shown::{in_a_line, is_plain, mark, printable};
use crate::terminal::{Terminal, say_lines};

/// Something to tell, at a place in a text where it has one.
#[derive(Debug)]
pub(crate) struct Report {
    /// What programs are told of it, where it is a problem of what was given.
    problem: Option<Problem>,
    /// The file that it is in, as people open it.
    file: Option<String>,
    severity: miette::Severity,
    message: String,
    help: Option<String>,
    text: Option<NamedSource<Arc<str>>>,
    labels: Vec<LabeledSpan>,
}

impl Report {
    /// A problem in `source`, which is shown under the name `shown`.
    pub(crate) fn in_text(problem: &Problem, source: &Source, shown: &str) -> Self {
        let mut report = Report { file: Some(shown.to_owned()), ..Report::new(problem) };
        let Some(span) = &problem.span else {
            report.message = format!("{}: {}", in_a_line(shown), report.message);
            return report;
        };
        report.text = Some(NamedSource::new(in_a_line(shown), as_shown(&source.text)));
        report.labels = vec![label(None, &span.range(), &source.text)];
        report
    }

    /// A problem whose text is not at hand; its place is told in words.
    pub(crate) fn without_text(problem: &Problem) -> Self {
        let mut report = Report::new(problem);
        // An entity is told by its name alone.
        if let Some(span) = problem.span.filter(|_| problem.entity.is_none()) {
            report.message = format!("line {}, column {}: {}", span.line, span.column, report.message);
        }
        if !problem.source.is_empty() {
            report.message = format!("{}: {}", in_a_line(&problem.source), report.message);
        }
        report
    }

    /// The problem, and the file that it is in where that is known.
    pub(crate) fn problem(&self) -> Option<(&Problem, Option<&str>)> {
        self.problem.as_ref().map(|problem| (problem, self.file.as_deref()))
    }

    /// A case in its file that came out otherwise.
    pub(crate) fn failed(message: &str, source: &Source, span: &Range<usize>, here: &str) -> Self {
        Report {
            problem: None,
            file: None,
            severity: miette::Severity::Error,
            message: in_a_line(message),
            help: None,
            labels: vec![label(Some(in_a_line(here)), span, &source.text)],
            text: Some(NamedSource::new(in_a_line(&source.name), as_shown(&source.text))),
        }
    }

    fn new(problem: &Problem) -> Self {
        Report {
            problem: Some(problem.clone()),
            file: None,
            severity: match problem.severity {
                Severity::Warning => miette::Severity::Warning,
                Severity::Error => miette::Severity::Error,
            },
            message: in_a_line(&problem.message),
            help: problem.help.as_deref().map(in_a_line),
            text: None,
            labels: Vec::new(),
        }
    }

    /// Draws the report; the bare message where it cannot be drawn.
    pub(crate) fn draw(&self, drawer: &GraphicalReportHandler) -> String {
        let mut out = String::new();
        match drawer.render_report(&mut out, self) {
            // The text was made printable before: what is left is the drawer's own colours.
            Ok(()) => out.replace("\u{1b}[", mark()),
            Err(_) => format!("{}\n", self.message),
        }
    }
}

/// Draws the reports on standard error.
pub(crate) fn draw_all<'a>(reports: impl IntoIterator<Item = &'a Report>, terminal: &Terminal) {
    let drawer = terminal.drawer_err();
    for report in reports {
        say_lines(&report.draw(&drawer));
    }
}

/// A label within the text, also where the span is not.
fn label(here: Option<String>, span: &Range<usize>, text: &str) -> LabeledSpan {
    let start = span.start.min(text.len());
    let end = span.end.clamp(start, text.len());
    // The text is drawn as it is shown, in which a place may lie further on.
    let shown = |at: usize| {
        text.get(..at).map_or(at, |before| if is_plain(before) { at } else { printable(before).len() })
    };
    let (start, end) = (shown(start), shown(end));
    LabeledSpan::new(here, start, end.saturating_sub(start))
}

fn as_shown(text: &Arc<str>) -> Arc<str> {
    if is_plain(text) { text.clone() } else { printable(text).into() }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.text.as_ref().map(|text| text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as Box<_>)
    }
}
