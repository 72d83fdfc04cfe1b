//! Folders of cases: which files are cases, and what each folder expects.
//!
//! What may stand in such a folder is told where folders of policies are, which hold one.

use std::path::{Path, PathBuf};

use super::{Accepted, CaseFile};
use crate::cedar::limits::MAX_BYTES;
use crate::model::{Decision, Error, Problem};
use crate::policy::files;
use crate::policy::files::{Found, Kind, Step};
use crate::policy::{FilePart, cases, hidden};
use crate::ward::Ward;

/// A file of cases that was found, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasePath {
    /// Where it is.
    pub path: PathBuf,
    /// For a case in JSON, what its folder expects; `None` for TOML.
    pub expect: Option<Decision>,
}

impl CasePath {
    /// The files of cases at `path`: itself, or those below it, in the order of their names.
    ///
    /// | place | what may stand there |
    /// |---|---|
    /// | a folder `ALLOW` or `DENY`, or below | one case in each `.json`, and `.md` |
    /// | any other folder | cases in each `.toml`, `.md`, and code (`.rs`, `.py`, `.pyi`, `.js`, `.mjs`, `.ts`, `.sh`) |
    /// | the folder `path` itself | `unreachable.toml` too, which holds none |
    ///
    /// Of what starts with a dot, the files and folders of systems and editors are left out; [`FilePart::of`] says of
    /// which.
    ///
    /// # Errors
    /// [`Error::is_read`], naming the file, where something else stands there, such as a case that would not be run
    /// (`allow/x.json`, `x.TOML`, `x.toml.bak`, `.x.toml`) or a policy, or cannot be read.
    pub fn find(path: &Path) -> Result<Vec<Self>, Error> {
        if !path.is_dir() {
            let expect = path.parent().and_then(expected_by_folder);
            let is_json = path.extension().is_some_and(|ending| ending == "json");
            if is_json && expect.is_none() {
                return Err(Error::read_file(path, "a case in JSON stands in a folder `ALLOW` or `DENY`"));
            }
            return Ok(vec![CasePath { path: path.to_owned(), expect: expect.filter(|_| is_json) }]);
        }
        let around = expected_by_folder(path);
        let found = files::walk(path, &mut |name, kind| match kind {
            Kind::Hidden => hidden(name, false).map(|()| Step::Leave),
            Kind::HiddenFolder => hidden(name, true).map(|()| Step::Leave),
            Kind::Folder => cases::folder(name),
            Kind::File => Ok(match cases::file(name, cases::expected(name).or(around))? {
                Some(FilePart::Case) => Step::Take,
                _ => Step::Leave,
            }),
        })?;
        let of =
            |found: Found| CasePath { expect: cases::expected(&found.name).or(around), path: found.path };
        Ok(found.into_iter().map(of).collect())
    }

    /// Reads the cases.
    ///
    /// # Errors
    /// [`Error::is_read`] where the file cannot be read; else as [`CaseFile::read`], also for a file without a case.
    pub fn read(&self, ward: &Ward) -> Result<CaseFile, Error> {
        self.read_text(ward, &files::read_text(&self.path, MAX_BYTES)?)
    }

    /// Reads the cases from the file's text, which is at hand.
    ///
    /// # Errors
    /// As [`CaseFile::read`], also for a file without a case.
    pub fn read_text(&self, ward: &Ward, text: &str) -> Result<CaseFile, Error> {
        let name = self.path.display().to_string();
        let Some(expect) = self.expect else {
            let file = CaseFile::read(ward, &name, text)?;
            return match file.cases.is_empty() {
                false => Ok(file),
                true => {
                    let problem = Problem::error("it holds no `[[case]]`").in_source(&name);
                    Err(Error::data(vec![problem.at(text, 0..0)]))
                }
            };
        };
        CaseFile::read_json(ward, &name, &self.sentence(), expect, text)
    }
}

impl CasePath {
    /// Takes what decides now for what the cases in the file's text expect: [`CaseFile::accept`].
    ///
    /// # Errors
    /// As [`CaseFile::accept`].
    pub fn accept_text(&self, ward: &Ward, text: &str) -> Result<Accepted, Error> {
        let name = self.path.display().to_string();
        match self.expect {
            Some(expect) => CaseFile::accept_json(ward, &name, &self.sentence(), expect, text),
            None => CaseFile::accept(ward, &name, text),
        }
    }

    /// What a case in JSON is called.
    fn sentence(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What the folder of a path expects by its name.
fn expected_by_folder(folder: &Path) -> Option<Decision> {
    cases::expected_in(folder.file_name()?.to_str()?)
}
