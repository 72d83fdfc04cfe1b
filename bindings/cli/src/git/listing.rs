//! All files of a revision, with links followed as in folders.
//!
//! INVARIANT: a link is followed where it leads to something of the same revision, and is told as a link elsewhere; what it
//! leads to outside of it is never read.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use super::{contents, git};
use crate::failure::Failure;

/// Links that are followed on the way to one file, and folders that links lead into from each other.
const MOST_LINKS: usize = 40;
const MOST_FOLDERS: usize = 16;
/// Files below one folder, also through links.
const MOST_NAMES: usize = 100_000;

/// What stands at a path.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    mode: String,
    pub(super) object: String,
    /// Bytes; `None` for what is no file.
    pub(super) size: Option<u64>,
}

impl Entry {
    pub(super) fn is_file(&self) -> bool {
        self.mode.starts_with("100")
    }

    fn is_link(&self) -> bool {
        self.mode == "120000"
    }
}

/// Where a path leads.
pub(super) enum Place {
    /// A file, or another repository.
    File(Entry),
    Folder(String),
}

/// A file below a folder.
pub(super) struct Listed {
    /// Its path below the folder, by which it is called.
    pub(super) name: String,
    /// Its path in the repository, or that of the link to it.
    pub(super) path: String,
    pub(super) entry: Entry,
    /// For a link that leads nowhere in the revision, where to.
    pub(super) link: Option<String>,
}

/// The entries of a revision, by path.
pub(super) struct Listing<'a> {
    at: &'a Path,
    /// What the revision is called in messages.
    revision: String,
    entries: BTreeMap<String, Entry>,
    /// Paths that are not UTF-8, as they can be shown.
    pub(super) unnamed: Vec<String>,
    /// What stands at these.
    nameless: Vec<Entry>,
    /// Where links lead, by their objects.
    targets: RefCell<BTreeMap<String, String>>,
}

impl<'a> Listing<'a> {
    pub(super) fn read(at: &'a Path, commit: &str, revision: &str) -> Result<Self, Failure> {
        let listed = git(at, ["ls-tree", "-r", "-l", "-z", "--full-tree", commit])?;
        let mut listing = Listing {
            at,
            revision: revision.escape_debug().to_string(),
            entries: BTreeMap::new(),
            unnamed: Vec::new(),
            nameless: Vec::new(),
            targets: RefCell::default(),
        };
        for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let told = String::from_utf8_lossy(entry);
            let Some((about, path)) = told.split_once('\t') else { continue };
            let about: Vec<&str> = about.split_whitespace().collect();
            let &[mode, _, object, size] = about.as_slice() else { continue };
            let entry = Entry { mode: mode.to_owned(), object: object.to_owned(), size: size.parse().ok() };
            if matches!(told, Cow::Owned(_)) {
                listing.unnamed.push(path.to_owned());
                listing.nameless.push(entry);
                continue;
            }
            listing.entries.insert(path.to_owned(), entry);
        }
        Ok(listing)
    }

    /// The objects of all plain files of so many bytes at most, also of those whose names are no text.
    pub(super) fn plain_files(&self, most: u64) -> impl Iterator<Item = String> {
        let is_plain = move |entry: &&Entry| entry.is_file() && entry.size.is_some_and(|size| size <= most);
        let named = self.entries.values();
        named.chain(&self.nameless).filter(is_plain).map(|entry| entry.object.clone())
    }

    /// Whether a link stands there.
    pub(super) fn is_link(&self, path: &str) -> bool {
        self.entries.get(path).is_some_and(Entry::is_link)
    }

    /// Where a link leads, as it says.
    fn target(&self, link: &Entry) -> Result<String, Failure> {
        if let Some(target) = self.targets.borrow().get(&link.object) {
            return Ok(target.clone());
        }
        let target = contents(self.at, std::slice::from_ref(&link.object))?.pop().unwrap_or_default();
        self.targets.borrow_mut().insert(link.object.clone(), target.clone());
        Ok(target)
    }

    /// Where a path leads, links on the way followed; `None` where that is not in the revision.
    pub(super) fn resolve(&self, path: &str) -> Result<Option<Place>, Failure> {
        let mut ahead: VecDeque<String> = path.split('/').map(str::to_owned).collect();
        let (mut here, mut links): (Vec<String>, usize) = (Vec::new(), 0);
        while let Some(name) = ahead.pop_front() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    if here.pop().is_none() {
                        return Ok(None);
                    }
                    continue;
                }
                _ => here.push(name),
            }
            let Some(entry) = self.entries.get(&here.join("/")) else { continue };
            if entry.is_link() {
                let target = self.target(entry)?;
                links += 1;
                if target.starts_with('/') || links > MOST_LINKS {
                    return Ok(None);
                }
                here.pop();
                target.split('/').rev().for_each(|part| ahead.push_front(part.to_owned()));
            } else if ahead.iter().any(|rest| !rest.is_empty() && rest != ".") {
                return Ok(None);
            }
        }
        let path = here.join("/");
        if let Some(entry) = self.entries.get(&path) {
            return Ok(Some(Place::File(entry.clone())));
        }
        let is_folder = path.is_empty() || self.in_folder(&path).next().is_some();
        Ok(is_folder.then_some(Place::Folder(path)))
    }

    /// The entries below a folder, each with its path below it.
    fn in_folder(&self, folder: &str) -> impl Iterator<Item = (&str, &str, &Entry)> {
        let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let from = self.entries.range(below.clone()..);
        from.map_while(move |(path, entry)| Some((path.as_str(), path.strip_prefix(&below)?.len(), entry)))
            .map(|(path, len, entry)| (path, path.get(path.len() - len..).unwrap_or_default(), entry))
    }

    /// Every file below a folder, also through links; nothing where there is no such folder.
    ///
    /// # Errors
    /// Why they cannot be listed.
    pub(super) fn below(&self, folder: &str) -> Result<Vec<Listed>, Failure> {
        let mut all = Vec::new();
        if let Some(Place::Folder(folder)) = self.resolve(folder)? {
            self.walk(&folder, "", &mut vec![folder.clone()], &mut all)?;
        }
        all.sort_by(|a: &Listed, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn walk(
        &self,
        folder: &str,
        called: &str,
        inside: &mut Vec<String>,
        all: &mut Vec<Listed>,
    ) -> Result<(), Failure> {
        for (path, name, entry) in self.in_folder(folder) {
            let refuse = |why: &str| Failure::other(format!("`{path}` of {}: {why}", self.revision));
            if all.len() > MOST_NAMES {
                return Err(refuse(&format!("there are more than {MOST_NAMES} files")));
            }
            let name = if called.is_empty() { name.to_owned() } else { format!("{called}/{name}") };
            let listed = |entry: &Entry, link| Listed {
                name: name.clone(),
                path: path.to_owned(),
                entry: entry.clone(),
                link,
            };
            // As in a folder: what starts with a dot is not followed.
            if !entry.is_link() || name.split('/').any(|part| part.starts_with('.')) {
                all.push(listed(entry, None));
                continue;
            }
            match self.resolve(path)? {
                Some(Place::File(entry)) => all.push(listed(&entry, None)),
                Some(Place::Folder(to)) => {
                    let is_around = |folder: &String| {
                        to.is_empty() || *folder == to || folder.starts_with(&format!("{to}/"))
                    };
                    if inside.iter().any(is_around) || path.starts_with(&format!("{to}/")) {
                        return Err(refuse("it is a link back to a folder that it stands in"));
                    }
                    if inside.len() > MOST_FOLDERS {
                        return Err(refuse(&format!("it is more than {MOST_FOLDERS} links deep")));
                    }
                    inside.push(to.clone());
                    self.walk(&to, &name, inside, all)?;
                    inside.pop();
                }
                None => {
                    let target = self.target(entry)?;
                    all.push(listed(entry, Some(target)));
                }
            }
        }
        Ok(())
    }
}
