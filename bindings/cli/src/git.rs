//! Policies as they stand in a revision of a git repository, read through the `git` command.

mod home;
mod listing;

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use caseward::{FilePart, Source, Sources};

use crate::failure::{Failure, in_a_line, printable};
use crate::terminal::note;
use home::Home;
use listing::{Listed, Listing, Place};

/// Policies that are read from a revision.
const MOST_FILES: usize = 10_000;
/// Bytes of one of them; how much is taken of policies is for others to say.
const MOST_BYTES: u64 = 16 << 20;
/// Files that are held at once where all of a revision are looked at.
const AT_ONCE: usize = 64;

/// Whether a file is wanted, by its path below the folder of policies; an error where that cannot be told.
pub(crate) type Wanted<'a> = &'a dyn Fn(&str) -> Result<bool, String>;

/// The policies of `folder` as they were in revision `revision` of the repository that it lies in.
pub(crate) fn policies_of_folder(folder: &Path, revision: &str) -> Result<Sources, Failure> {
    part_of_folder(folder, revision, FilePart::Policy)
}

/// The policies, the claims of a kind or who fits, of `folder` as they were in revision `revision`.
pub(crate) fn part_of_folder(folder: &Path, revision: &str, part: FilePart) -> Result<Sources, Failure> {
    let Home { at, path } = home::of(folder)?;
    part_of(&at, revision, &path, part)
}

/// The policies below `path` (from the root of the repository that `at` lies in) as they were in `revision`.
pub(crate) fn policies(at: &Path, revision: &str, path: &str) -> Result<Sources, Failure> {
    part_of(at, revision, path, FilePart::Policy)
}

fn part_of(at: &Path, revision: &str, path: &str, part: FilePart) -> Result<Sources, Failure> {
    let below = if path.is_empty() { String::new() } else { format!("{path}/") };
    let mut policies = Vec::new();
    let (mut schema, mut catalogue, mut actions) = (None, None, None);
    let wanted = |name: &str| {
        let of = FilePart::of(name)?;
        let is_asked = part == FilePart::Fit && of == Some(FilePart::FitActions);
        Ok(is_asked || of == Some(part) || matches!(of, Some(FilePart::Schema | FilePart::Catalogue)))
    };
    for (name, text) in files(at, revision, path, &wanted)?.1 {
        match FilePart::of(&name) {
            Ok(Some(FilePart::Schema)) => {
                schema = Some(Source::new(format!("{revision}:{below}{name}"), text));
            }
            Ok(Some(FilePart::Catalogue)) => catalogue = Some(Source::new(name, text)),
            Ok(Some(FilePart::FitActions)) => actions = Some(Source::new(name, text)),
            _ => policies.push(Source::new(name, text)),
        }
    }
    let schema = schema.ok_or_else(|| {
        let shown = revision.escape_debug();
        Failure::other(format!(
            "revision `{shown}` has no `{below}schema.cedarschema`: no policy folder is there"
        ))
    })?;
    let sources = Sources { schema, policies, catalogue };
    Ok(match actions {
        Some(actions) => sources.asked_by(&actions),
        None => sources,
    })
}

/// The files of `folder`, by their path below it, as they were in `revision` of the repository that it lies in, and
/// the commit that this is; only those whose names are wanted.
pub(crate) fn files_of_folder(
    folder: &Path,
    revision: &str,
    wanted: Wanted<'_>,
) -> Result<(String, Vec<(String, String)>), Failure> {
    let Home { at, path } = home::of(folder)?;
    files(&at, revision, &path, wanted)
}

/// The text of a file as it was in `revision` of the repository that `at` lies in; `None` where it was not there, or lies
/// in no repository that has this revision.
pub(crate) fn text_of_file(at: &Path, revision: &str, file: &Path) -> Result<Option<String>, Failure> {
    let commit = commit(&home::of(at)?.at, revision)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = file.file_name().and_then(OsStr::to_str) else { return Ok(None) };
    if try_git(folder, ["rev-parse", "--show-prefix"])?.is_err() {
        return Ok(None);
    }
    let home = home::of(folder)?;
    let path = if home.path.is_empty() { name.to_owned() } else { format!("{}/{name}", home.path) };
    let Ok(listing) = Listing::read(&home.at, &commit, revision) else { return Ok(None) };
    let entry = match listing.resolve(&path)? {
        Some(Place::File(entry)) => entry,
        _ if listing.is_link(&path) => {
            let shown = revision.escape_debug();
            return Err(Failure::other(format!(
                "`{path}` of {shown} is a link that leads out of the revision, so that it is not known what it said there"
            )));
        }
        _ => return Ok(None),
    };
    match entry.is_file() && entry.size.is_some_and(|size| size <= MOST_BYTES) {
        true => Ok(contents(&home.at, &[entry.object])?.pop()),
        false => {
            let shown = revision.escape_debug();
            Err(Failure::other(format!("`{path}` of {shown} is no plain file of {MOST_BYTES} bytes at most")))
        }
    }
}

/// Hands over the text of every plain file of `revision` of so many bytes at most; what is no text is left out.
pub(crate) fn each_text(
    at: &Path,
    revision: &str,
    most: u64,
    take: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let Home { at, .. } = home::of(at)?;
    let listing = Listing::read(&at, &commit(&at, revision)?, revision)?;
    let objects: Vec<String> = listing.plain_files(most).collect();
    for some in objects.chunks(AT_ONCE) {
        for bytes in bytes(&at, some)? {
            if let Ok(text) = String::from_utf8(bytes) {
                take(&text);
            }
        }
    }
    Ok(())
}

/// Whether the repository that `at` lies in has a revision of this name, or several; where there is no git, it has none.
pub(crate) fn knows(at: &Path, revision: &str) -> bool {
    let named = home::of(at).and_then(|home| named(&home.at, revision));
    named.is_ok_and(|named| !matches!(named, Named::Nothing))
}

/// What a name is to git.
enum Named {
    Commit(String),
    Nothing,
    /// Such as a tag and a branch, or a branch and the beginning of a commit's id: git takes one of them, and whoever proposes a
    /// change may be able to add it.
    Several,
}

fn named(at: &Path, revision: &str) -> Result<Named, Failure> {
    let mut command = command(at, ["-c", "core.warnAmbiguousRefs=true", "rev-parse", "--verify"]);
    // A revision that starts with a dash is none, whatever git would take it for.
    command.args(["--end-of-options", &format!("{revision}^{{commit}}")]);
    // What it warns of is read.
    command.env("LC_ALL", "C").env_remove("LANGUAGE").stdin(Stdio::null());
    let found = command.output().map_err(|e| missing(&e))?;
    let said = String::from_utf8_lossy(&found.stderr);
    if said.contains("is ambiguous") {
        return Ok(Named::Several);
    }
    if found.status.success() {
        return Ok(Named::Commit(String::from_utf8_lossy(&found.stdout).trim().to_owned()));
    }
    if said.contains("Needed a single revision") {
        return Ok(Named::Nothing);
    }
    Err(Failure::other(in_a_line(&format!("git: {}", said.lines().next().unwrap_or_default()))))
}

/// The commit of a revision of the repository that `at` lies in.
fn commit(at: &Path, revision: &str) -> Result<String, Failure> {
    let shown = revision.escape_debug();
    match named(at, revision)? {
        Named::Commit(commit) => Ok(commit),
        Named::Nothing => {
            Err(Failure::other(format!("git knows no revision `{shown}` in `{}`", at.display())))
        }
        Named::Several => Err(Failure::other(format!(
            "`{shown}` is the name of several revisions, such as a tag and a branch, and git would take one of them: say which, as \
             `refs/heads/…`, `refs/remotes/…` or `refs/tags/…`, or give the commit's whole id"
        ))),
    }
}

fn files(
    at: &Path,
    revision: &str,
    path: &str,
    wanted: Wanted<'_>,
) -> Result<(String, Vec<(String, String)>), Failure> {
    let shown = revision.escape_debug();
    let commit = commit(at, revision)?;
    let listing = Listing::read(at, &commit, revision)?;
    if let Some(file) = listing.unnamed.iter().find(|file| is_seen(file, path)) {
        return Err(Failure::other(format!("`{file}` of {shown}: its name is not UTF-8")));
    }
    let (mut names, mut objects) = (Vec::new(), Vec::new());
    for Listed { name, path: file, entry, link } in listing.below(path)? {
        let is_wanted = match wanted(&name) {
            Ok(false) => continue,
            Ok(true) => Ok(()),
            Err(why) => Err(why),
        };
        if let Some(target) = link {
            let target = printable(&target);
            return Err(Failure::other(format!(
                "`{file}` of {shown} is a link to `{target}`, which is not there in the revision: links are followed within \
                 the repository; commit what it leads to, or compare with a folder"
            )));
        }
        match is_wanted {
            Ok(()) => {}
            // Another repository: what is in it is not listed.
            Err(why) if !entry.is_file() => {
                return Err(Failure::other(format!("`{file}` of {shown}: it is no plain file: {why}")));
            }
            // No version of this command took it for a policy, so it was none: the change that renames it brings it.
            Err(why) => {
                note(&format!("`{file}` of {shown} is left out: {why}"));
                continue;
            }
        }
        if !entry.is_file() {
            return Err(Failure::other(format!("`{file}` of {shown} is no plain file")));
        }
        if entry.size.is_none_or(|size| size > MOST_BYTES) || names.len() == MOST_FILES {
            return Err(Failure::other(format!(
                "`{file}` of {shown}: more than the {MOST_BYTES} bytes or the {MOST_FILES} files that are taken"
            )));
        }
        names.push(name);
        objects.push(entry.object);
    }
    let texts = contents(at, &objects)?;
    Ok((commit, names.into_iter().zip(texts).collect()))
}

/// Whether a file is below a folder, and none of the names from there on starts with a dot: what does may be called
/// anything, as in a folder.
fn is_seen(file: &str, folder: &str) -> bool {
    let below = if folder.is_empty() {
        Some(file)
    } else {
        file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
    };
    below.is_some_and(|name| !name.split('/').any(|part| part.starts_with('.')))
}

/// The contents of objects, in their order, as text.
fn contents(at: &Path, objects: &[String]) -> Result<Vec<String>, Failure> {
    let not_text = |object: &String| Failure::other(format!("git: object {object} is not UTF-8"));
    let all = bytes(at, objects)?.into_iter().zip(objects);
    all.map(|(bytes, object)| String::from_utf8(bytes).map_err(|_| not_text(object))).collect()
}

/// The contents of objects, in their order.
fn bytes(at: &Path, objects: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
    let refuse = |why: &str| Failure::other(format!("git: {why}"));
    let mut child = command(at, ["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| missing(&e))?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(refuse("cannot be spoken to"));
    };
    let asked = objects.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(asked.as_bytes()));
    let mut stdout = BufReader::new(stdout);
    let mut texts = Vec::new();
    for object in objects {
        let mut head = String::new();
        stdout.read_line(&mut head).map_err(|e| refuse(&e.to_string()))?;
        let size = head.split_whitespace().nth(2).and_then(|size| size.parse::<u64>().ok());
        let size = size
            .filter(|size| *size <= MOST_BYTES)
            .ok_or_else(|| refuse(&format!("object {object} is lost")))?;
        let mut text = Vec::new();
        stdout.by_ref().take(size + 1).read_to_end(&mut text).map_err(|e| refuse(&e.to_string()))?;
        text.pop();
        texts.push(text);
    }
    drop(stdout);
    let _ = writer.join();
    let _ = child.wait();
    Ok(texts)
}

/// What git prints; a failure where it fails.
pub(crate) fn git<'a>(at: &Path, args: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>, Failure> {
    try_git(at, args)?.map_err(|message| Failure::other(format!("git: {message}")))
}

/// What git prints, or what it has against it.
fn try_git<'a>(
    at: &Path,
    args: impl IntoIterator<Item = &'a str>,
) -> Result<Result<Vec<u8>, String>, Failure> {
    let output = command(at, args).stdin(Stdio::null()).output().map_err(|e| missing(&e))?;
    if output.status.success() {
        return Ok(Ok(output.stdout));
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Ok(Err(message.lines().next().unwrap_or_default().to_owned()))
}

fn command<S: AsRef<OsStr>>(at: &Path, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(at).args(args);
    // A hook of git's says which repository it runs for; what is asked about is the one around the folder.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    // What a commit has is what its hash says: a reference or a file may put other objects in the place of it.
    command.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_GRAFT_FILE", "/dev/null");
    command
}

fn missing(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::NotFound => Failure::other("the command `git` is not on this machine"),
        _ => Failure::other(format!("git: {error}")),
    }
}
