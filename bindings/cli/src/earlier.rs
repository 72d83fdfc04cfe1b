//! The version that a change starts from, as `--base` names it: a folder, or a revision of git.
//!
//! INVARIANT: a name means one of the two. Whoever proposes a change can add folders to it, and none of them may be taken
//! for the revision that it is to be compared with.

use std::path::Path;

use clap::error::ErrorKind;

use crate::failure::{Failure, in_a_line};
use crate::git;

/// What `--base` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Earlier<'a> {
    Folder(&'a Path),
    /// Of the repository that the policies lie in.
    Revision(&'a str),
}

impl<'a> Earlier<'a> {
    /// `git:REV` is a revision, and what starts with a dot or a slash a folder; any other name is what there is of it.
    ///
    /// # Errors
    /// Where there are both, and for the folder of policies itself.
    pub(crate) fn named(name: &'a str, policies: &Path) -> Result<Self, Failure> {
        if let Some(revision) = name.strip_prefix("git:") {
            return Ok(Earlier::Revision(revision));
        }
        let path = Path::new(name);
        if !path.is_dir() {
            return Ok(Earlier::Revision(name));
        }
        if !is_path(path) && git::knows(policies, name) {
            let why = format!(
                "`{name}` is a folder, and a revision of git: write `git:{name}` for the revision, `./{name}` for the folder"
            );
            return Err(Failure::other(in_a_line(&why)));
        }
        if let (Ok(base), Ok(policies)) = (path.canonicalize(), policies.canonicalize())
            && base == policies
        {
            let why = "the folder that is to be compared with is that of the policies itself: nothing can be compared";
            return Err(Failure::usage(ErrorKind::ArgumentConflict, why));
        }
        Ok(Earlier::Folder(path))
    }
}

/// Whether it is written as no revision can be.
fn is_path(path: &Path) -> bool {
    let written = path.to_string_lossy();
    path.is_absolute()
        || written == "."
        || written == ".."
        || written.starts_with("./")
        || written.starts_with("../")
}
