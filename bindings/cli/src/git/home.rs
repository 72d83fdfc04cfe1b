//! Where a folder belongs in its repository, by the name that it is given.
//!
//! INVARIANT: a folder is what its name says, in the repository around it: a change can make any folder a link to another or a
//! repository of its own, and neither may be compared with itself instead of with what stood under the name before.

use std::path::{Component, Path, PathBuf};

use super::{git, try_git};
use crate::failure::Failure;
use crate::shown::in_a_line;

/// Links outside of repositories that are followed on the way to a folder.
const MOST_LINKS: usize = 40;

/// The place of a folder in the repository that it lies in.
pub(super) struct Home {
    /// Where git is asked: a folder of the repository.
    pub(super) at: PathBuf,
    /// The folder's path from the repository's root; empty for the root.
    pub(super) path: String,
}

/// Finds the repository that `folder` lies in by its name, and its path there.
///
/// # Errors
/// Where it lies in no repository, in one that is a submodule of another, or beyond a link by `..`.
pub(super) fn of(folder: &Path) -> Result<Home, Failure> {
    let refuse = |why: String| Failure::other(in_a_line(&why));
    let (at, below) = match linked(folder)? {
        Some(linked) => linked,
        None => (folder.to_owned(), PathBuf::new()),
    };
    let outer = git(&at, ["rev-parse", "--show-superproject-working-tree"])?;
    if !outer.iter().all(u8::is_ascii_whitespace) {
        let why = format!(
            "`{}` lies in a submodule: which commit of it a revision has is not looked up; give the version before as a folder",
            folder.display()
        );
        return Err(refuse(why));
    }
    let prefix = git(&at, ["rev-parse", "--show-prefix"])?;
    let prefix = String::from_utf8_lossy(&prefix);
    let mut path = prefix.trim_end_matches(['\n', '\r']).trim_end_matches('/').to_owned();
    for part in below.components() {
        let Component::Normal(name) = part else {
            let why = format!(
                "`{}` leads through a link and back by `..`: give the folder's own name",
                folder.display()
            );
            return Err(refuse(why));
        };
        let Some(name) = name.to_str() else {
            return Err(refuse(format!("`{}`: its name is not UTF-8", folder.display())));
        };
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name);
    }
    Ok(Home { at, path })
}

/// The first link on the way to a folder that stands in a repository: the folder that it stands in, and the way from there.
fn linked(folder: &Path) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
    let whole = absolute(folder).map_err(|error| Failure::file("read", folder.display(), &error))?;
    walk(&whole, MOST_LINKS)
}

/// As [`linked`], of a whole name, through so many links outside of repositories.
fn walk(whole: &Path, most: usize) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
    let mut at = PathBuf::new();
    let mut parts = whole.components();
    while let Some(part) = parts.next() {
        if part == Component::ParentDir {
            at = at.canonicalize().unwrap_or(at);
            at.pop();
            continue;
        }
        let stands_in = at.clone();
        at.push(part);
        if !at.is_symlink() {
            continue;
        }
        if try_git(&stands_in, ["rev-parse", "--is-inside-work-tree"])?.is_ok() {
            return Ok(Some((stands_in, Path::new(part.as_os_str()).join(parts.as_path()))));
        }
        // What it leads to may be a link in a repository.
        if let (Ok(target), Some(most)) = (at.read_link(), most.checked_sub(1)) {
            return walk(&stands_in.join(target).join(parts.as_path()), most);
        }
    }
    Ok(None)
}

/// The folder's whole name, by the way on which the working folder was come to where that is known.
fn absolute(folder: &Path) -> std::io::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let come = std::env::var_os("PWD").map(PathBuf::from).filter(|come| {
        come.is_absolute()
            && come.canonicalize().ok().is_some_and(|come| here.canonicalize().is_ok_and(|here| come == here))
    });
    match (folder.is_relative(), come) {
        (true, Some(come)) => std::path::absolute(come.join(folder)),
        _ => std::path::absolute(folder),
    }
}
