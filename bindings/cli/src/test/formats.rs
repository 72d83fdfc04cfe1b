//! Results of cases for programs: JUnit, JSON and GitHub's annotations.

use std::time::Duration;

use caseward::{Severity, Span};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::Ran;
use crate::failure::Failure;
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

/// JUnit's XML, a suite for each file of cases.
///
/// # Errors
/// What cannot be laid out.
pub(super) fn junit(ran: &[Ran<'_>]) -> Result<String, Failure> {
    let seconds = |ran: &[Ran<'_>]| ran.iter().map(|ran| ran.took).sum::<Duration>();
    let mut report = Report::new("caseward");
    report.set_time(seconds(ran));
    for ran in ran.chunk_by(|a, b| std::ptr::eq(a.file, b.file)) {
        let Some(first) = ran.first() else { continue };
        let file = xml(&first.file.name);
        let mut suite = TestSuite::new(file.as_str());
        suite.set_time(seconds(ran));
        for ran in ran {
            let mut status = TestCaseStatus::success();
            if let Some(mismatch) = &ran.mismatch {
                status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(xml(&mismatch.difference)).set_description(xml(&mismatch.explanation));
            }
            let mut case = TestCase::new(xml(&ran.case.name), status);
            case.set_classname(file.as_str()).set_time(ran.took);
            case.extra.insert("file".into(), file.as_str().into());
            case.extra.insert("line".into(), ran.file.line(ran.case.span.start).to_string().into());
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report.to_string().map_err(|e| Failure::other(format!("the results cannot be laid out: {e}")))
}

/// The text with U+FFFD for what XML cannot hold, which is left out otherwise, and nobody sees that something was there.
fn xml(text: &str) -> String {
    let is_kept =
        |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
    text.chars().map(|c| if is_kept(c) { c } else { '\u{fffd}' }).collect()
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
    fn what_xml_cannot_hold_is_seen() {
        assert_eq!(xml("<a>&\u{1b}[31m\n\u{ffff}"), "<a>&\u{fffd}[31m\n\u{fffd}");
    }
}
