//! What is wrong with a folder of policies, file by file: also where some of its files cannot be read at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Folder, SCHEMA, is_policies};
use crate::author::{Case, CaseFile, Coverage, Known, Levels, Lint, Subject};
use crate::matrix::Matrix;
use crate::model::{Error, Problem, Source, Span};
use crate::policy::{FilePart, Sources, cases};
use crate::ward::Ward;

/// Times that policies are loaded without those in which something is wrong: more is told in each.
const MOST_TRIES: usize = 4;
/// The folder of cases.
const TESTS: &str = "tests/";

/// Something that is wrong, or worth a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file, by its path below the folder.
    pub file: Arc<str>,
    /// The lint that found it, where one did.
    pub lint: Option<Lint>,
    /// What is wrong, and where.
    pub problem: Problem,
}

/// What is wrong with a folder.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// File by file, in the order of their texts.
    pub found: Vec<Found>,
    /// What can be asked: the policies in which nothing is wrong, where the schema can be read.
    pub ward: Option<Ward>,
    /// Whether these are all policies: else cases may ask about some that are not there.
    pub is_whole: bool,
}

/// What the cases say of the policies.
#[derive(Clone, Debug, Default)]
pub struct CasesChecked {
    /// Cases that cannot be read, and those that come out otherwise.
    pub found: Vec<Found>,
    /// How many there are, and how many of them come out otherwise.
    pub cases: usize,
    /// How many come out otherwise.
    pub failed: usize,
    /// What they cover; `None` where some cannot be read, so that less would be told than is so.
    pub coverage: Option<Coverage>,
}

impl Folder {
    /// What is wrong with one file, looked at with the schema alone: for a keystroke. Cases are read by `ward`, the last
    /// that [`Folder::check`] made.
    pub fn check_file(&self, name: &str, ward: Option<&Ward>) -> Vec<Found> {
        if let Some(why) = self.refused.get(name) {
            return vec![refusal(name, why)];
        }
        let Some(file) = self.files.get(name) else { return Vec::new() };
        let problems = match file.part {
            part if is_policies(part) => self.check_policy(name, part),
            FilePart::Schema => problems(Ward::new(&self.sources_without_policies()).err()),
            FilePart::FitActions => {
                problems(Ward::new(&self.asked_by_fits(self.sources_without_policies())).err())
            }
            FilePart::Catalogue => {
                let catalogue = self.source(name);
                problems(Ward::new(&Sources { catalogue, ..self.sources_without_policies() }).err())
            }
            FilePart::Annotations => {
                problems(self.source(name).and_then(|source| Known::read(&source).err()))
            }
            FilePart::Matrix => problems(self.source(name).and_then(|source| Matrix::check(&source).err())),
            FilePart::Case => match ward {
                Some(ward) => problems(read_case(ward, name, &file.text).err()),
                None => Vec::new(),
            },
            _ => Vec::new(),
        };
        let own = problems.into_iter().filter(|problem| problem.source == name);
        own.map(|problem| Found { file: name.into(), lint: None, problem }).collect()
    }

    fn check_policy(&self, name: &str, part: FilePart) -> Vec<Problem> {
        let Some(source) = self.source(name) else { return Vec::new() };
        // A file that is in no folder of policies: nothing is known of it but its syntax.
        if self.text(SCHEMA).is_none() {
            return syntax(&source);
        }
        let sources = self.sources(part);
        match Ward::new(&Sources { policies: vec![source.clone()], catalogue: None, ..sources }) {
            Ok(ward) => ward.warnings().iter().cloned().chain(ward.advice()).collect(),
            // Of a schema that cannot be read, the schema's own file tells.
            Err(error) if error.problems().iter().all(|problem| problem.source != name) => syntax(&source),
            Err(error) => problems(Some(error)),
        }
    }

    /// What is wrong with the folder: what validation refuses and warns of, and what lints find. Cases are read by
    /// [`Folder::check_cases`].
    pub fn check(&self) -> Checked {
        let mut found: Vec<Found> = self.refused.iter().map(|(name, why)| refusal(name, why)).collect();
        let (ward, sources, is_whole) = self.load(FilePart::Policy, &mut found);
        let mut claims = Vec::new();
        for part in [FilePart::Invariant, FilePart::Guarantee, FilePart::Fit] {
            claims.extend(self.load(part, &mut found).0);
        }
        for part in [FilePart::Annotations, FilePart::Matrix] {
            for (name, _) in self.of_part(part) {
                found.extend(self.check_file(name, None));
            }
        }
        if let Some(ward) = &ward {
            let known = self.known.as_deref();
            let subject = Subject::new(ward, &sources).claims(&claims);
            let subject = known.into_iter().fold(subject, |subject, known| subject.known(known));
            let findings = subject.lint(&Levels::default()).into_iter();
            found.extend(findings.map(|one| Found {
                file: one.problem.source.as_str().into(),
                lint: Some(one.lint),
                problem: one.problem,
            }));
            if is_whole {
                found.extend(self.unreachable(ward));
            }
        }
        found.retain(|one| self.files.contains_key(&one.file) || self.refused.contains_key(&one.file));
        found.sort_by(|a, b| {
            (&a.file, place(a), &a.problem.message).cmp(&(&b.file, place(b), &b.problem.message))
        });
        found.dedup();
        Checked { found, ward, is_whole }
    }

    /// Loads the policies of a part, without those in which something is wrong; whether these are all.
    fn load(&self, part: FilePart, found: &mut Vec<Found>) -> (Option<Ward>, Sources, bool) {
        let mut sources = self.sources(part);
        let all = sources.policies.len();
        if self.text(SCHEMA).is_none() {
            found.extend(sources.policies.iter().flat_map(syntax).map(told));
            return (None, sources, false);
        }
        for _ in 0..MOST_TRIES {
            let error = match Ward::new(&sources) {
                Ok(ward) => {
                    let advice = ward.warnings().iter().cloned().chain(ward.advice());
                    found.extend(advice.map(told));
                    let is_whole = sources.policies.len() == all;
                    return (Some(ward), sources, is_whole);
                }
                Err(error) => error,
            };
            let wrong: BTreeSet<String> =
                error.problems().iter().map(|problem| problem.source.clone()).collect();
            found.extend(error.problems().iter().cloned().map(told));
            // A section that nothing shows is wrong in the schema for the catalogue's sake.
            if wrong.contains(sources.schema.name.as_ref()) && sources.catalogue.take().is_some() {
                continue;
            }
            if wrong.contains(sources.schema.name.as_ref()) || wrong.is_empty() {
                found.extend(sources.policies.iter().flat_map(syntax).map(told));
                break;
            }
            sources.policies.retain(|source| !wrong.contains(source.name.as_ref()));
            sources.catalogue = sources.catalogue.filter(|source| !wrong.contains(source.name.as_ref()));
        }
        (None, sources, false)
    }

    fn sources(&self, part: FilePart) -> Sources {
        let policies = self.of_part(part).map(|(name, file)| Source::new(name.clone(), file.text.clone()));
        let mut sources = Sources { policies: policies.collect(), ..self.sources_without_policies() };
        match part {
            FilePart::Policy => {
                sources.catalogue =
                    self.of_part(FilePart::Catalogue).next().and_then(|(name, _)| self.source(name));
            }
            FilePart::Fit => return self.asked_by_fits(sources),
            _ => {}
        }
        sources
    }

    fn unreachable(&self, ward: &Ward) -> Vec<Found> {
        let Some((name, file)) = self.of_part(FilePart::Unreachable).next() else { return Vec::new() };
        let read = ward.coverage([]).and_then(|mut coverage| coverage.excuse(name, &file.text));
        problems(read.err()).into_iter().map(told).collect()
    }

    /// What the cases say of the policies of a check; `go_on` is asked between cases.
    ///
    /// Cost: reading each case, and a decision.
    ///
    /// # Errors
    /// [`Error::is_interrupted`], where `go_on` says no.
    pub fn check_cases(
        &self,
        checked: &Checked,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<CasesChecked, Error> {
        let mut all = CasesChecked::default();
        let Some(ward) = checked.ward.as_ref().filter(|_| checked.is_whole) else { return Ok(all) };
        let (mut files, mut is_read) = (Vec::new(), true);
        for (name, file) in self.of_part(FilePart::Case) {
            step(go_on)?;
            match read_case(ward, name, &file.text) {
                Ok(read) => files.push((name, read)),
                Err(error) => {
                    is_read = false;
                    all.found.extend(problems(Some(error)).into_iter().map(told));
                }
            }
        }
        for (name, file) in &files {
            for case in &file.cases {
                step(go_on)?;
                all.cases += 1;
                if let Some(mismatch) = file.run_case(ward, case)? {
                    all.failed += 1;
                    all.found.push(otherwise(name, file, case, mismatch.difference));
                }
            }
        }
        step(go_on)?;
        if is_read {
            let mut coverage = ward.coverage(files.iter().flat_map(|(_, file)| &file.cases))?;
            if let Some((name, file)) = self.of_part(FilePart::Unreachable).next() {
                // What is wrong with it was told by the check.
                let _ = coverage.excuse(name, &file.text);
            }
            all.coverage = Some(coverage);
        }
        Ok(all)
    }
}

fn step(go_on: &mut dyn FnMut() -> bool) -> Result<(), Error> {
    if go_on() { Ok(()) } else { Err(Error::interrupted()) }
}

/// Reads a file of cases, by its path below the folder.
fn read_case(ward: &Ward, name: &str, text: &str) -> Result<CaseFile, Error> {
    let below = name.strip_prefix(TESTS).unwrap_or(name);
    match cases::expected(below) {
        Some(expect) => {
            let file = below.rsplit('/').next().unwrap_or(below);
            let sentence = file.strip_suffix(".json").unwrap_or(file);
            CaseFile::read_json(ward, name, sentence, expect, text)
        }
        None => CaseFile::read(ward, name, text),
    }
}

/// A case that comes out otherwise, told in its first line.
fn otherwise(name: &Arc<str>, file: &CaseFile, case: &Case, difference: String) -> Found {
    let start = case.span.start;
    let line = file.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let problem = Problem::error(format!("`{}` comes out otherwise: {difference}", case.name));
    let problem = problem.in_source(name).at(&file.text, start..start + line.len());
    Found { file: name.clone(), lint: None, problem }
}

/// What is wrong with the syntax of policies, whatever the schema says.
fn syntax(source: &Source) -> Vec<Problem> {
    problems(Sources::annotations(source).err())
}

fn told(problem: Problem) -> Found {
    Found { file: problem.source.as_str().into(), lint: None, problem }
}

fn problems(error: Option<Error>) -> Vec<Problem> {
    match error {
        None => Vec::new(),
        Some(error) if error.problems().is_empty() => {
            vec![Problem::error(error.to_string()).in_source(SCHEMA)]
        }
        Some(error) => error.problems().to_vec(),
    }
}

fn refusal(name: &str, why: &str) -> Found {
    let problem = Problem::error(why).in_source(name);
    Found { file: name.into(), lint: None, problem }
}

fn place(found: &Found) -> (usize, usize) {
    found.problem.span.map_or((0, 0), |span: Span| (span.start, span.end))
}
