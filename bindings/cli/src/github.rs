//! Annotations of GitHub's workflows.

use caseward::{Problem, Severity, Sources};

use crate::load::PolicyArgs;

/// A problem as an annotation, at its line.
pub(crate) fn annotation(title: &str, problem: &Problem, policies: &PolicyArgs, sources: &Sources) -> String {
    let what = if problem.severity == Severity::Error { "error" } else { "warning" };
    let mut told = problem.message.clone();
    if let Some(help) = &problem.help {
        told = format!("{told}\n{help}");
    }
    let place = policies
        .place(problem, sources)
        .map_or_else(String::new, |(file, line)| format!("file={},line={line},", property(&file)));
    format!("::{what} {place}title={}::{}\n", property(title), message(&told))
}

/// The text of a workflow command.
pub(crate) fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The text of a property of a workflow command.
pub(crate) fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::property;

    #[test]
    fn what_steers_a_workflow_is_escaped() {
        assert_eq!(property("S1: a, b\n100 %"), "S1%3A a%2C b%0A100 %25");
    }
}
