//! What stands where in a folder of policies: the one list that decides which files are policies.
//!
//! INVARIANT: what is in no line of this list is refused. A file that looks like a policy and is passed over would
//! be a policy that nobody misses until it is needed.

use std::path::Path;

use super::{cases, dotted};
use crate::policy::files;
use crate::policy::files::{Kind, Step};

/// What a file of a policy folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FilePart {
    /// A policy: a `.cedar` file in the folder or a folder below, as `school/S1.cedar`.
    Policy,
    /// What must never be allowed: a `.cedar` file below `invariants`.
    Invariant,
    /// What must always be allowed: a `.cedar` file below `guarantees`.
    Guarantee,
    /// `schema.cedarschema`.
    Schema,
    /// `fields.toml`, the catalogue of fields.
    Catalogue,
    /// `annotations.toml`: what annotations may name.
    Annotations,
    /// `matrix.toml`: the people and the situations of the matrix.
    Matrix,
    /// `proofs.lock`: what was proved.
    Proofs,
    /// A page that is written from the policies: `matrix.out`, `RULES.md`.
    Page,
    /// Cases: below `tests`, a `.toml`, or a `.json` in a folder `ALLOW` or `DENY`.
    Case,
    /// Who fits where a record names somebody, which a case store asks: a `.cedar` file in `fits`.
    Fit,
    /// `fits/actions.cedarschema`: what these are asked, beside the schema.
    FitActions,
    /// `tests/unreachable.toml`: conditions that can never decide one way.
    Unreachable,
}

/// Folders directly in a folder of policies that hold something else than policies.
const INVARIANTS: &str = "invariants";
const GUARANTEES: &str = "guarantees";
const FITS: &str = "fits";
const FIT_ACTIONS: &str = "actions.cedarschema";
const TESTS: &str = "tests";
/// What a build leaves, copies of the policies among it.
const TARGET: &str = "target";
const RESERVED: [&str; 5] = [INVARIANTS, GUARANTEES, FITS, TESTS, TARGET];
/// The code of a crate that carries the policies: files of any kind, and no policies.
const CODE: &str = "src";

/// Files of a purpose, which stand directly in the folder.
const KNOWN: [(&str, FilePart); 7] = [
    ("schema.cedarschema", FilePart::Schema),
    ("fields.toml", FilePart::Catalogue),
    ("annotations.toml", FilePart::Annotations),
    ("matrix.toml", FilePart::Matrix),
    ("proofs.lock", FilePart::Proofs),
    ("matrix.out", FilePart::Page),
    ("RULES.md", FilePart::Page),
];
/// Those without which less is checked or shown: one that is mistyped by a letter would not be missed.
const MISSED_BY_NOBODY: [&str; 3] = ["fields.toml", "annotations.toml", "matrix.toml"];
/// What builds put into the folder that they leave, and how that starts (<https://bford.info/cachedir/>).
const BUILT: [(&str, &str); 2] =
    [("CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"), (".rustc_info.json", "{")];
/// Bytes of such a mark.
const MOST_MARK: usize = 1 << 20;

/// Endings of files that may stand beside policies directly in their folder.
const BESIDE: [&str; 13] =
    ["cedarschema", "csv", "html", "json", "jsonl", "lock", "md", "out", "rs", "svg", "toml", "yaml", "yml"];
/// Names without an ending that may stand there.
const NAMED: [&str; 7] = ["AUTHORS", "CODEOWNERS", "LICENSE", "LICENCE", "Makefile", "NOTICE", "justfile"];

impl FilePart {
    /// What the file of this name is, which is its path below a folder of policies with forward slashes; `None` for
    /// what may stand there and is no part of the policies.
    ///
    /// | place | what may stand there |
    /// |---|---|
    /// | in the folder and in folders of topics | policies (`.cedar`), `.md` |
    /// | in the folder itself | `schema.cedarschema`, `fields.toml`, `annotations.toml`, `matrix.toml`, `proofs.lock`, and files of their own purpose: `.toml`, `.json`, `.lock`, `.out`, `.rs`, `.yaml`, `.html`, `.csv`, `.svg`, other `.cedarschema`, `LICENSE`, `Makefile`, `CODEOWNERS` |
    /// | `invariants/`, `guarantees/` | what must never, and what must always be allowed (`.cedar`), and `.md` |
    /// | `fits/` | who fits where a record names somebody (`.cedar`), `actions.cedarschema`, and `.md` |
    /// | `tests/` | cases (`.toml`; in `ALLOW` and `DENY` `.json`), `unreachable.toml`, `.md` and code |
    /// | `src/` | anything but policies |
    /// | `target/` | what a build leaves, which marks it with a `CACHEDIR.TAG`; otherwise anything but policies |
    ///
    /// What starts with a dot is passed over where it is known, and refused where it is not. Known are `.git`,
    /// `.gitignore`, `.gitattributes`, `.gitkeep`, `.gitmodules`, `.git-blame-ignore-revs`, `.githooks`, `.github`,
    /// `.gitlab-ci.yml`, `.hg`, `.hgignore`, `.svn`, `.bzr`, `.jj`, `.mailmap`, `.keep`, `.ignore`, `.DS_Store`,
    /// `.directory`, `.fseventsd`, `.editorconfig`, `.vscode`, `.vs`, `.idea`, `.zed`, `.helix`, `.fleet`,
    /// `.devcontainer`, `.cargo`, `.venv`, `.pytest_cache`, `.mypy_cache`, `.ruff_cache`, `.hypothesis`,
    /// `.pre-commit-config.yaml`, `.yamllint`, `.dockerignore`, `.helmignore`; swap files and marks of open files
    /// (`.x.swp`, `.x~`, `.#x`, `._x`, `.~x`, `.nfs…`, `.fuse_hidden…`, `.caseward-…`); and the folders that Kubernetes
    /// mounts (`..data`, `..data_tmp`, `..2026_01_01`).
    ///
    /// # Errors
    /// Why it cannot stand there, and what to do.
    ///
    /// # Example
    /// ```
    /// use caseward::FilePart;
    ///
    /// assert_eq!(FilePart::of("school/S1.cedar"), Ok(Some(FilePart::Policy)));
    /// assert_eq!(FilePart::of("invariants/I4.cedar"), Ok(Some(FilePart::Invariant)));
    /// assert_eq!(FilePart::of("README.md"), Ok(None));
    /// assert!(FilePart::of("school/S1.cedar.txt").is_err());
    /// ```
    pub fn of(name: &str) -> Result<Option<Self>, String> {
        let folders: Vec<&str> = name.split('/').collect();
        let (file, folders) = folders.split_last().unwrap_or((&name, &[]));
        for at in 0..folders.len() {
            let below = folders.get(..=at).unwrap_or_default().join("/");
            if folders.get(at).is_some_and(|folder| folder.starts_with('.')) {
                return hidden(&below, true).map(|()| None);
            }
            if enters(&below)? == Step::Leave {
                return Ok(None);
            }
        }
        if file.starts_with('.') {
            return hidden(name, false).map(|()| None);
        }
        if let Some((TESTS, below)) = name.split_once('/') {
            return cases::file(below, cases::expected(below));
        }
        let ending = file.rsplit_once('.').map(|(_, ending)| ending);
        match folders.first().copied() {
            Some(CODE) => match ending {
                Some("cedar") => {
                    Err(format!("policies do not stand below `{CODE}`: move it to a folder of its topic"))
                }
                _ => Ok(None),
            },
            Some(INVARIANTS) => named(file, ending, FilePart::Invariant),
            Some(GUARANTEES) => named(file, ending, FilePart::Guarantee),
            Some(FITS) if *file == FIT_ACTIONS => Ok(Some(FilePart::FitActions)),
            Some(FITS) => named(file, ending, FilePart::Fit),
            Some(_) => named(file, ending, FilePart::Policy),
            None => beside(file, ending),
        }
    }
}

/// Whether a folder of this name is looked into.
pub(super) fn enters(name: &str) -> Result<Step, String> {
    match name.split_once('/') {
        Some((CODE, _)) => return Ok(Step::Take),
        Some((TESTS, below)) => return cases::folder(below),
        _ if name == CODE => return Ok(Step::Take),
        _ => {}
    }
    if let Some((file, _)) = KNOWN.iter().find(|(file, _)| name.eq_ignore_ascii_case(file)) {
        return Err(format!("`{file}` is the name of a file, and this is a folder"));
    }
    if looks_like_a_policy(name) {
        return Err("what ends in `.cedar` is the name of a file, and this is a folder".to_owned());
    }
    let (last, is_top) = name.rsplit_once('/').map_or((name, true), |(_, last)| (last, false));
    let reserved = RESERVED.into_iter().find(|reserved| last.eq_ignore_ascii_case(reserved));
    match reserved {
        Some(TARGET) if last != TARGET || !is_top => Ok(Step::Take),
        Some(reserved) if last != reserved => {
            Err(format!("call it `{reserved}`, or something else if it holds policies"))
        }
        Some(reserved) if !is_top => Err(format!(
            "`{reserved}` stands directly in the folder of policies; call this one something else if it holds policies"
        )),
        Some(TARGET) => Ok(Step::Leave),
        _ => Ok(Step::Take),
    }
}

/// Names that start with a dot are for other programs, which are known.
pub(crate) fn hidden(name: &str, is_folder: bool) -> Result<(), String> {
    dotted::passes(name.rsplit_once('/').map_or(name, |(_, file)| file), is_folder)
}

/// Whether a build has made the folder's `target`: by what it leaves there, which is never empty.
pub(super) fn is_built(folder: &Path) -> bool {
    BUILT.iter().any(|(mark, starts)| {
        let text = files::read(&folder.join(TARGET).join(mark), MOST_MARK);
        text.is_ok_and(|text| text.starts_with(starts.as_bytes()))
    })
}

/// A folder that Kubernetes mounts is a link, `..data`, or stands beside it: else it is somebody's own, and what is in it
/// would be missed.
pub(super) fn mounted(folder: &Path, name: &str) -> Result<(), String> {
    let (around, last) = match name.rsplit_once('/') {
        Some((around, last)) => (folder.join(around), last),
        None => (folder.to_owned(), name),
    };
    if !dotted::is_mounted(last) {
        return Ok(());
    }
    let is_link = |name: &str| around.join(name).is_symlink();
    let beside =
        if last.starts_with("..data") { is_link(last) } else { is_link("..data") || is_link("..data_tmp") };
    match beside {
        true => Ok(()),
        false => Err("it is called as a folder that Kubernetes mounts, and no link `..data` leads to it: rename it, or move \
                      it away"
            .to_owned()),
    }
}

/// Whether something is the folder's `target`, or below it.
pub(super) fn is_in_target(name: &str) -> bool {
    name.strip_prefix(TARGET).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A `target` that no build has made may be anything but a place of policies.
pub(super) fn not_built(name: &str, kind: Kind) -> Result<Step, String> {
    match kind {
        Kind::Folder if !looks_like_a_policy(name) => Ok(Step::Take),
        Kind::Folder | Kind::File if looks_like_a_policy(name) => Err(format!(
            "policies do not stand below `{TARGET}`, and no build has left this one (it has no `CACHEDIR.TAG` with its signature): move it \
             to a folder of its topic"
        )),
        _ => Ok(Step::Leave),
    }
}

/// A file where `.cedar` files stand.
fn named(file: &str, ending: Option<&str>, as_part: FilePart) -> Result<Option<FilePart>, String> {
    match ending {
        Some("cedar") => Ok(Some(as_part)),
        Some("md") if !looks_like_a_policy(file) => Ok(None),
        _ => Err(not_understood(file)),
    }
}

/// A file directly in the folder.
fn beside(file: &str, ending: Option<&str>) -> Result<Option<FilePart>, String> {
    for (known, part) in KNOWN {
        if file == known {
            return Ok(Some(part));
        }
        if file.eq_ignore_ascii_case(known) {
            return Err(format!("it would not be read: call it `{known}`"));
        }
    }
    let lower = file.to_lowercase();
    if let Some(known) =
        MISSED_BY_NOBODY.into_iter().find(|known| strsim::damerau_levenshtein(&lower, known) == 1)
    {
        return Err(format!("it would not be read: call it `{known}`, or something less like that"));
    }
    if RESERVED.iter().any(|reserved| file.eq_ignore_ascii_case(reserved)) {
        return Err(format!("`{file}` is the name of a folder, and this is a file"));
    }
    match ending {
        Some("cedar") => Ok(Some(FilePart::Policy)),
        _ if looks_like_a_policy(file) => Err(not_understood(file)),
        Some(ending) if BESIDE.contains(&ending) => Ok(None),
        _ if NAMED.contains(&file) => Ok(None),
        _ => Err(not_understood(file)),
    }
}

/// `S1.cedar.bak`, `S1.Cedar`, `S1.cedar~`.
pub(super) fn looks_like_a_policy(file: &str) -> bool {
    let lower = file.to_ascii_lowercase();
    lower
        .match_indices(".cedar")
        .any(|(at, dot)| lower.get(at + dot.len()..).is_none_or(|rest| rest != "schema"))
}

fn not_understood(file: &str) -> String {
    match looks_like_a_policy(file) {
        true => "it looks like a policy, and only what ends in `.cedar` is one: rename it, or move it away"
            .to_owned(),
        false => {
            "it is no policy (`.cedar`), and no file that may stand beside policies: move it away".to_owned()
        }
    }
}
