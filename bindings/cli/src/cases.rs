//! Reading policies and the cases for them.

use std::path::{Path, PathBuf};

use caseward::author::{Case, CaseFile, CasePath};
use caseward::{Error, Problem, Source, Ward};

use crate::failure::Failure;
use crate::input;
use crate::load::PolicyArgs;
use crate::report::Report;

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

impl CaseArgs {
    /// Whether other cases are asked for than those of the folder of policies.
    pub(crate) fn are_elsewhere(&self) -> bool {
        !self.paths.is_empty()
    }
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

impl CaseArgs {
    /// The folders and files that are meant.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        match self.paths.as_slice() {
            [] => vec![self.policies.folder().unwrap_or(Path::new("policies")).join("tests")],
            paths => paths.to_vec(),
        }
    }

    /// The files of cases.
    pub(crate) fn found(&self) -> Result<Vec<CasePath>, Failure> {
        let mut found = Vec::new();
        for path in self.paths() {
            found.extend(CasePath::find(&path)?);
        }
        Ok(found)
    }

    /// Reads policies and cases; no case at all is a failure, never a pass.
    pub(crate) fn load(&self) -> Result<Suite, Failure> {
        let ward = self.policies.load()?;
        let (mut files, mut reports) = (Vec::new(), Vec::new());
        for found in self.found()? {
            let text = input::text(&found.path, input::MAX_WRITTEN)?;
            match found.read_text(&ward, &text) {
                Ok(file) => files.push(file),
                Err(error) => {
                    let source = Source::new(found.path.display().to_string(), text);
                    reports.extend(self::reports(&error, &source));
                }
            }
        }
        if !reports.is_empty() {
            return Err(Failure::Cases(reports));
        }
        if files.is_empty() {
            let paths: Vec<String> = self.paths().iter().map(|path| input::name(path)).collect();
            return Err(Failure::other(format!("no cases in {}", paths.join(", "))));
        }
        Ok(Suite { ward, files })
    }
}

/// The problems beside the text that they are in.
pub(crate) fn reports(error: &Error, source: &Source) -> Vec<Report> {
    let of = |problem: &Problem| Report::in_text(problem, source, &source.name);
    error.problems().iter().map(of).collect()
}
