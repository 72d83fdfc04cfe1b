//! Results of cases for programs: JUnit, JSON and GitHub's annotations.

use std::fmt::Write as _;

use caseward::{Severity, Span};
use serde::Serialize;

use super::Ran;
use crate::github::{annotate, notice};

#[derive(Serialize)]
pub(super) struct Results<'a> {
    cases: usize,
    failed: usize,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    file: &'a str,
    #[serde(flatten)]
    span: Span,
    name: &'a str,
    passed: bool,
    seconds: f64,
    #[serde(flatten)]
    mismatch: Option<Differs<'a>>,
}

#[derive(Serialize)]
struct Differs<'a> {
    difference: &'a str,
    explanation: &'a str,
    why: &'a Option<caseward::Explanation>,
}

pub(super) fn json<'a>(ran: &'a [Ran<'a>]) -> Results<'a> {
    let results = ran.iter().map(|ran| Outcome {
        file: &ran.file.name,
        span: place(ran),
        name: &ran.case.name,
        passed: ran.mismatch.is_none(),
        seconds: ran.took.as_secs_f64(),
        mismatch: ran.mismatch.as_ref().map(|mismatch| Differs {
            difference: &mismatch.difference,
            explanation: &mismatch.explanation,
            why: &mismatch.why,
        }),
    });
    Results { cases: ran.len(), failed: failed(ran), results: results.collect() }
}

fn failed(ran: &[Ran<'_>]) -> usize {
    ran.iter().filter(|ran| ran.mismatch.is_some()).count()
}

pub(super) fn junit(ran: &[Ran<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let seconds = |ran: &[Ran<'_>]| ran.iter().map(|ran| ran.took.as_secs_f64()).sum::<f64>();
    let _ = writeln!(
        out,
        "<testsuites name=\"caseward\" tests=\"{}\" failures=\"{}\" time=\"{:.6}\">",
        ran.len(),
        failed(ran),
        seconds(ran)
    );
    for ran in ran.chunk_by(|a, b| std::ptr::eq(a.file, b.file)) {
        let Some(first) = ran.first() else { continue };
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" time=\"{:.6}\">",
            xml(&first.file.name),
            ran.len(),
            failed(ran),
            seconds(ran)
        );
        for ran in ran {
            let _ = write!(
                out,
                "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.6}\"",
                xml(&ran.case.name),
                xml(&ran.file.name),
                xml(&ran.file.name),
                ran.file.line(ran.case.span.start),
                ran.took.as_secs_f64()
            );
            match &ran.mismatch {
                None => out.push_str("/>\n"),
                Some(mismatch) => {
                    let (message, body) = (xml(&mismatch.difference), xml(&mismatch.explanation));
                    let _ = write!(
                        out,
                        ">\n      <failure message=\"{message}\">{body}</failure>\n    </testcase>\n"
                    );
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// The text as XML's content or a quoted attribute; what XML cannot hold becomes U+FFFD.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn github(ran: &[Ran<'_>]) -> String {
    let mut out = String::new();
    for ran in ran {
        if let Some(mismatch) = &ran.mismatch {
            annotate(
                &mut out,
                Severity::Error,
                Some(&ran.file.name),
                Some(place(ran)),
                Some(&ran.case.name),
                &format!("{}\n{}", mismatch.difference, mismatch.explanation),
            );
        }
    }
    notice(&mut out, &format!("{} of {} cases passed", ran.len() - failed(ran), ran.len()));
    out
}

/// Where the case stands in its file.
fn place(ran: &Ran<'_>) -> Span {
    Span::of(&ran.file.text, ran.case.span.clone())
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn what_steers_a_format_is_escaped() {
        assert_eq!(xml("<a b=\"c\">&\u{1b}"), "&lt;a b=&quot;c&quot;&gt;&amp;\u{fffd}");
    }
}
