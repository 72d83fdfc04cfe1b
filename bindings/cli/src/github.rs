//! Annotations of GitHub's workflows: what is wrong, shown beside the line that it concerns.

use std::fmt::Write as _;

use caseward::{Severity, Span};

/// Appends an annotation of a file, at a place in it where one is known.
pub(crate) fn annotate(
    out: &mut String,
    severity: Severity,
    file: Option<&str>,
    place: Option<Span>,
    title: Option<&str>,
    text: &str,
) {
    let command = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = Vec::new();
    if let Some(file) = file {
        properties.push(format!("file={}", property(file)));
        if let Some(Span { line, column, end_line, end_column, .. }) = place {
            properties.push(format!("line={line},col={column},endLine={end_line}"));
            // GitHub shows the columns of what lies in one line alone.
            if line == end_line {
                properties.push(format!("endColumn={end_column}"));
            }
        }
    }
    properties.extend(title.map(|title| format!("title={}", property(title))));
    let space = if properties.is_empty() { "" } else { " " };
    let _ = writeln!(out, "::{command}{space}{}::{}", properties.join(","), message(text));
}

/// Appends a line that GitHub shows for the whole run.
pub(crate) fn notice(out: &mut String, text: &str) {
    let _ = writeln!(out, "::notice::{}", message(text));
}

/// The text of a workflow command.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The text of a property of a workflow command.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{annotate, property};
    use caseward::{Severity, Span};

    #[test]
    fn what_steers_the_format_is_escaped() {
        assert_eq!(property("S1: a, b\n100 %"), "S1%3A a%2C b%0A100 %25");
        let mut out = String::new();
        let place = Some(Span::of("a\nbc: d", 2..4));
        annotate(&mut out, Severity::Error, Some("a,b.cedar"), place, None, "one\r\n::error::two");
        assert_eq!(
            out,
            "::error file=a%2Cb.cedar,line=2,col=1,endLine=2,endColumn=3::one%0D%0A::error::two\n"
        );
    }
}
