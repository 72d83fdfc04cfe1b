//! Problems as programs take them: a list in JSON, or annotations of GitHub's workflows.

use caseward::Problem;
use clap::ValueEnum;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::github::annotate;
use crate::output;

/// How problems are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// Annotations of GitHub's workflows.
    Github,
}

/// A problem, under the name of the lint that found it, where one did.
#[derive(Serialize)]
pub(crate) struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lint: Option<&'static str>,
    #[serde(flatten)]
    pub(crate) problem: &'a Problem,
    /// The file, as people open it, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<&'a str>,
}

/// Tells programs why there is no answer, in the form that they asked for: what else would be on standard output is not
/// there. For people the failure is given back.
pub(crate) fn or_told(answer: Result<Exit, Failure>, form: Form) -> Result<Exit, Failure> {
    let Err(failure) = answer else { return answer };
    let problems = failure.problems();
    let told = problems.iter().map(|(problem, file)| Told { lint: None, problem, file: file.as_deref() });
    match (form, &failure) {
        // What was typed is wrong, not what was given.
        (Form::Text, _) | (_, Failure::Usage(_)) => return Err(failure),
        (Form::Json, _) => output::print_json(&told.collect::<Vec<_>>())?,
        (Form::Github, _) => {
            let mut out = String::new();
            told.for_each(|told| told.annotate(&mut out));
            output::print(&out)?;
        }
    }
    Ok(failure.exit())
}

impl Told<'_> {
    /// Appends it as an annotation.
    pub(crate) fn annotate(&self, out: &mut String) {
        let Told { lint, problem, file } = *self;
        let help = problem.help.iter().map(|help| format!("\n{help}"));
        // Data is named by its entity, which stands in the file somewhere.
        let is_named = problem.source.is_empty() || file.is_some_and(|file| file.ends_with(&problem.source));
        let named = if is_named { String::new() } else { format!("{}: ", problem.source) };
        let text = format!("{named}{}{}", problem.message, help.collect::<String>());
        annotate(out, problem.severity, file, problem.span, lint, &text);
    }
}
