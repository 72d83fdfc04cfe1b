//! Folders of cases: which files are cases, and what each folder expects.
//!
//! INVARIANT: what looks like a case and would not be run is refused. A case that nobody runs is believed.

use std::path::{Path, PathBuf};

use super::{Accepted, CaseFile, MAX_BYTES};
use crate::model::{Decision, Error, Problem};
use crate::policy::files;
use crate::policy::files::{Found, Kind, Step};
use crate::ward::Ward;

/// Conditions that cannot be reached stand beside the cases, and are none.
const UNREACHABLE: &str = "unreachable.toml";

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
    /// | any other folder | cases in each `.toml`, and files that look like no case |
    /// | the folder `path` itself | `unreachable.toml` too, which holds none |
    ///
    /// What starts with a dot is left out.
    ///
    /// # Errors
    /// [`Error::is_read`], naming the file, where something looks like a case and would not be run (`allow/x.json`,
    /// `x.TOML`, `x.toml.bak`), or cannot be read.
    pub fn find(path: &Path) -> Result<Vec<Self>, Error> {
        if !path.is_dir() {
            let expect = path.parent().and_then(expected_by_folder);
            let is_json = path.extension().is_some_and(|ending| ending == "json");
            if is_json && expect.is_none() {
                let what = format!("`{}`", path.display());
                return Err(Error::read(what, "a case in JSON stands in a folder `ALLOW` or `DENY`"));
            }
            return Ok(vec![CasePath { path: path.to_owned(), expect: expect.filter(|_| is_json) }]);
        }
        let around = expected_by_folder(path);
        let found = files::walk(path, &mut |name, kind| match kind {
            Kind::Hidden => Ok(Step::Leave),
            Kind::Folder => folder(name),
            Kind::File => file(name, expected(name).or(around)),
        })?;
        let of = |found: Found| CasePath { expect: expected(&found.name).or(around), path: found.path };
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

fn folder(name: &str) -> Result<Step, String> {
    let last = last(name);
    let mistyped = ["ALLOW", "DENY"].into_iter().find(|it| last.eq_ignore_ascii_case(it) && last != *it);
    match mistyped {
        Some(meant) => Err(format!("its cases would not be run: call the folder `{meant}`")),
        None if looks_like_a_case(last) => Err("it has the name of a file, and is a folder".to_owned()),
        None => Ok(Step::Take),
    }
}

fn file(name: &str, expect: Option<Decision>) -> Result<Step, String> {
    let file = last(name);
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    match (expect, ending) {
        (Some(_), "json") => Ok(Step::Take),
        (Some(_), "md") if !looks_like_a_case(file) => Ok(Step::Leave),
        (Some(_), _) => {
            Err("in `ALLOW` and `DENY` only `.json` is a case: rename it, or move it away".to_owned())
        }
        (None, "toml") if file != UNREACHABLE => Ok(Step::Take),
        (None, "toml") if file == name => Ok(Step::Leave),
        (None, "toml") => Err("it would not be read: it stands in the folder of cases itself".to_owned()),
        (None, "json") => {
            Err("it would not be run: a case in JSON stands in a folder `ALLOW` or `DENY`".to_owned())
        }
        (None, _) if looks_like_a_case(file) => {
            Err("it looks like a case and would not be run: rename it to end in `.toml`, or move it away"
                .to_owned())
        }
        (None, _) => Ok(Step::Leave),
    }
}

/// `x.TOML`, `x.toml.bak`, `x.jsonl`.
fn looks_like_a_case(file: &str) -> bool {
    let lower = file.to_ascii_lowercase();
    lower.contains(".toml") || lower.contains(".json")
}

fn last(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

/// What the folders that a name goes through expect; the innermost decides.
fn expected(name: &str) -> Option<Decision> {
    name.rsplit('/').skip(1).find_map(by_name)
}

/// What a folder expects by its name.
fn expected_by_folder(folder: &Path) -> Option<Decision> {
    by_name(folder.file_name()?.to_str()?)
}

fn by_name(folder: &str) -> Option<Decision> {
    match folder {
        "ALLOW" => Some(Decision::Allow),
        "DENY" => Some(Decision::Deny),
        _ => None,
    }
}
