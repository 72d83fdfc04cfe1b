//! Folders of cases: which files there are, and reading them.

use std::fs;
use std::path::{Path, PathBuf};

use caseward::author::{Case, CaseFile};
use caseward::{Decision, Error, Problem, Source, Ward};

use crate::failure::Failure;
use crate::input;
use crate::load::PolicyArgs;
use crate::report::Report;

/// Bytes of one file.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Files of cases in one run.
const MAX_FILES: usize = 100_000;
/// Folders inside folders; this also ends a walk through linked folders.
const MAX_DEPTH: usize = 16;
/// Conditions that cannot be reached stand beside the cases, and are none.
pub(crate) const UNREACHABLE: &str = "unreachable.toml";

/// Which cases.
#[derive(clap::Args)]
pub(crate) struct CaseArgs {
    #[command(flatten)]
    pub(crate) policies: PolicyArgs,
    /// Folders or files of cases: TOML, and JSON in folders ALLOW and DENY; by default `tests` in the folder of
    /// policies.
    #[arg(value_name = "DIR")]
    paths: Vec<PathBuf>,
}

/// Policies and the cases for them.
pub(crate) struct Suite {
    pub(crate) ward: Ward,
    pub(crate) files: Vec<CaseFile>,
}

impl Suite {
    pub(crate) fn cases(&self) -> impl Iterator<Item = &Case> {
        self.files.iter().flat_map(|file| &file.cases)
    }
}

/// A file to read, and for JSON what its folder expects.
struct Found {
    path: PathBuf,
    expect: Option<Decision>,
}

impl CaseArgs {
    /// The folders and files that are meant.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        match self.paths.as_slice() {
            [] => vec![self.policies.folder().unwrap_or(Path::new("policies")).join("tests")],
            paths => paths.to_vec(),
        }
    }

    /// The files of cases that are tables, in TOML.
    pub(crate) fn tables(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut found = Vec::new();
        for path in self.paths() {
            walk(&path, None, 0, &mut found)?;
        }
        Ok(found.into_iter().filter(|found| found.expect.is_none()).map(|found| found.path).collect())
    }

    /// Reads policies and cases; no case at all is a failure, never a pass.
    pub(crate) fn load(&self) -> Result<Suite, Failure> {
        let ward = self.policies.load()?;
        let mut found = Vec::new();
        for path in self.paths() {
            walk(&path, None, 0, &mut found)?;
        }
        let (mut files, mut reports) = (Vec::new(), Vec::new());
        for found in &found {
            match read(&ward, found) {
                Ok(file) => files.push(file),
                Err(Refused::Failure(failure)) => return Err(failure),
                Err(Refused::Problems(found)) => reports.extend(found),
            }
        }
        if !reports.is_empty() {
            return Err(Failure::Cases(reports));
        }
        if files.iter().all(|file| file.cases.is_empty()) {
            let paths: Vec<String> = self.paths().iter().map(|path| input::name(path)).collect();
            return Err(Failure::other(format!("no cases in {}", paths.join(", "))));
        }
        Ok(Suite { ward, files })
    }
}

enum Refused {
    Failure(Failure),
    Problems(Vec<Report>),
}

fn read(ward: &Ward, found: &Found) -> Result<CaseFile, Refused> {
    let name = found.path.display().to_string();
    let text = input::text(&found.path, MAX_BYTES).map_err(Refused::Failure)?;
    let read = match found.expect {
        Some(expect) => {
            let sentence = found.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            CaseFile::read_json(ward, &name, &sentence.unwrap_or_default(), expect, &text)
        }
        None => CaseFile::read(ward, &name, &text),
    };
    read.map_err(|error| Refused::Problems(reports(&error, &Source::new(name, text))))
}

/// The problems beside the text that they are in.
pub(crate) fn reports(error: &Error, source: &Source) -> Vec<Report> {
    let of = |problem: &Problem| Report::in_text(problem, source, &source.name);
    error.problems().iter().map(of).collect()
}

fn walk(path: &Path, expect: Option<Decision>, depth: usize, found: &mut Vec<Found>) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::other(format!("{}: more than {MAX_DEPTH} folders deep", input::name(path))));
    }
    if !path.is_dir() {
        let expect = match (expect, path.extension().and_then(|ext| ext.to_str())) {
            (Some(expect), _) => Some(expect),
            (None, Some("json")) => path.parent().and_then(expectation),
            (None, _) => None,
        };
        found.push(Found { path: path.to_owned(), expect });
        return Ok(());
    }
    let expect = expectation(path).or(expect);
    let entries = fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let entries = entries.map_err(|e| Failure::file("read", input::name(path), &e))?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let extension = path.extension().and_then(|ext| ext.to_str()).unwrap_or_default();
        let is_case = match expect {
            Some(_) => extension == "json",
            None => extension == "toml" && path.file_name().is_some_and(|name| name != UNREACHABLE),
        };
        if path.is_dir() || is_case {
            walk(&path, expect, depth + 1, found)?;
        }
        if found.len() > MAX_FILES {
            return Err(Failure::other(format!("more than {MAX_FILES} files of cases")));
        }
    }
    Ok(())
}

/// What a folder expects by its name.
fn expectation(folder: &Path) -> Option<Decision> {
    match folder.file_name()?.to_str()? {
        "ALLOW" => Some(Decision::Allow),
        "DENY" => Some(Decision::Deny),
        _ => None,
    }
}
