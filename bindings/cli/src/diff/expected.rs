//! The file of expected changes: what a change of policies is meant to give to whom, and which protections it is meant
//! to change.

use std::io::Read as _;
use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::failure::Failure;
use crate::{git, input};

/// Bytes of a file of announcements.
const MOST_BYTES: u64 = input::MAX_WRITTEN as u64;

/// What is meant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    #[serde(default, deserialize_with = "caseward::object::list")]
    pub(crate) gain: Vec<Gain>,
    /// Invariants that are taken out or written otherwise.
    #[serde(default, deserialize_with = "caseward::object::list")]
    invariant: Vec<Protection>,
    /// Guarantees that are taken out or written otherwise.
    #[serde(default, deserialize_with = "caseward::object::list")]
    guarantee: Vec<Protection>,
    /// Conditions of who fits where a record names somebody, new or otherwise than before.
    #[serde(default, deserialize_with = "caseward::object::list")]
    fit: Vec<Protection>,
    /// Entries of the catalogue that are shown otherwise.
    #[serde(default, deserialize_with = "caseward::object::list")]
    catalogue: Vec<Entry>,
    /// What stood there before as it stands now, and so announces nothing of what is changed.
    #[serde(skip)]
    before: Vec<String>,
    #[serde(skip)]
    looked_in: Option<String>,
}

/// What was announced before; `None` for what is no announcement to this version of the command.
struct Before {
    gain: Vec<Option<Gain>>,
    invariant: Vec<Option<Protection>>,
    guarantee: Vec<Option<Protection>>,
    fit: Vec<Option<Protection>>,
    catalogue: Vec<Option<Entry>>,
}

impl Before {
    fn read(text: &str) -> Result<Self, String> {
        let tables: toml::Table = toml::from_str(text).map_err(|e| input::not_toml(text, &e))?;
        fn all<T: serde::de::DeserializeOwned>(tables: &toml::Table, name: &str) -> Vec<Option<T>> {
            let all = tables.get(name).and_then(toml::Value::as_array);
            all.into_iter().flatten().map(|one| one.clone().try_into().ok()).collect()
        }
        Ok(Before {
            gain: all(&tables, "gain"),
            invariant: all(&tables, "invariant"),
            guarantee: all(&tables, "guarantee"),
            fit: all(&tables, "fit"),
            catalogue: all(&tables, "catalogue"),
        })
    }
}

/// One gain that is meant; what it leaves out may be anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gain {
    /// Why, for those who read the file.
    #[serde(deserialize_with = "a_reason")]
    pub(crate) reason: String,
    /// The action's id.
    action: Option<String>,
    /// The type of the record.
    #[serde(rename = "type")]
    resource_type: Option<String>,
    rule: Option<String>,
    policy: Option<String>,
    /// An attribute of the person that names the role.
    role: Option<String>,
    /// Decisions (a person, an action and a record each) that it may come to in one line of the summary.
    pub(crate) at_most: Option<u64>,
}

/// One invariant, guarantee or condition of who fits that is meant to change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protection {
    #[serde(deserialize_with = "a_reason")]
    reason: String,
    /// Its id, as `invariants.X2-consent` or `fits.P7`.
    id: String,
}

/// One entry of the catalogue that is meant to change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(deserialize_with = "a_reason")]
    reason: String,
    /// The type of the record.
    #[serde(rename = "type")]
    type_name: String,
    /// A field, or a setting such as `known_by`.
    field: String,
    /// The only role that may see more by it.
    role: Option<String>,
    /// Records, a person and a record each, that one role may see it on and did not before.
    at_most: Option<u64>,
}

/// A reason that says something: who signs a change off reads it in the place of the warning. What nobody sees is left out.
fn a_reason<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let unseen = |c: &char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let seen: String = String::deserialize(from)?.chars().filter(|c| !unseen(c)).collect();
    let reason = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    match reason.chars().any(char::is_alphanumeric) {
        true => Ok(reason),
        false => Err(D::Error::custom("a `reason` says nothing: say in words why the change is meant")),
    }
}

/// What somebody gains.
pub(crate) struct Gained<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource_type: &'a str,
    /// The policies that are responsible, each with its rule.
    pub(crate) by: Vec<(&'a str, Option<&'a str>)>,
    pub(crate) roles: &'a [String],
}

/// What a gain that is announced may be of: what is left out may be anything.
#[cfg(feature = "prove")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limit {
    policy: Option<String>,
    rule: Option<String>,
    pub(crate) role: Option<String>,
}

#[cfg(feature = "prove")]
impl Limit {
    pub(crate) fn names_policies(&self) -> bool {
        self.policy.is_some() || self.rule.is_some()
    }

    /// Whether a policy is one of those that it names.
    pub(crate) fn is_of(&self, policy: &str, of_rule: Option<&str>) -> bool {
        self.policy.as_deref().is_none_or(|wanted| wanted == policy)
            && self.rule.as_deref().is_none_or(|wanted| Some(wanted) == of_rule)
    }
}

/// What an announcement comes to.
pub(crate) enum Announced<'a> {
    /// Nobody announced it.
    No,
    /// For this reason.
    For(&'a str),
    /// It was, and not that much of it.
    Exceeded { most: u64 },
    /// It was for a role or for so much at most, and it has no such limit.
    Limited,
}

/// Who sees an entry of the catalogue that did not before.
#[derive(Clone, Copy)]
pub(crate) enum Sight<'a> {
    /// Each role, with the records on which it does: all others see no more than before.
    Counted(&'a [(String, u64)]),
    /// Everybody, or people whom nobody counted.
    Anybody,
}

/// The version that a change starts from, where its file of expected changes is looked for.
pub(crate) enum Since<'a> {
    /// A folder of policies, and the one that it became.
    Folder(&'a Path, &'a Path),
    /// A revision of the repository that a folder lies in.
    Revision(&'a Path, &'a str),
}

impl Since<'_> {
    /// The text of the file there; `None` where it is not there.
    fn text(&self, file: &Path) -> Result<Option<String>, Failure> {
        match self {
            Since::Folder(old, new) => {
                let (Ok(new), Ok(file)) = (new.canonicalize(), file.canonicalize()) else { return Ok(None) };
                // As it stands to the new folder, within it or beside it, so to the old one.
                let above = new.ancestors().position(|above| file.starts_with(above));
                let around = above.and_then(|above| Some((above, new.ancestors().nth(above)?)));
                let Some((above, around)) = around else { return Ok(None) };
                let Ok(below) = file.strip_prefix(around) else { return Ok(None) };
                let mut before = old.to_path_buf();
                before.extend(std::iter::repeat_n("..", above));
                before.push(below);
                let is_itself = before.canonicalize().is_ok_and(|before| before == file);
                if !is_itself && input::is_there(&before)? {
                    input::text(&before, input::MAX_WRITTEN).map(Some)
                } else {
                    Ok(None)
                }
            }
            Since::Revision(at, revision) => git::text_of_file(at, revision, file),
        }
    }

    /// What [`Since::text`] and [`Since::each`] look through, in words.
    fn looked_in(&self) -> String {
        match self {
            Since::Folder(old, _) => format!(
                "the files of the folder `{}`, and in the file that stands to it as this one stands to the newer folder",
                old.display()
            ),
            Since::Revision(_, revision) => {
                format!("the files of the revision `{revision}`, but not in submodules")
            }
        }
    }

    /// Hands over the text of every file there that may be such a file under another name: whatever it is called, if it is
    /// text of that length.
    fn each(&self, take: &mut dyn FnMut(&str)) -> Result<(), Failure> {
        match self {
            Since::Folder(old, _) => {
                let mut open = vec![old.to_path_buf()];
                while let Some(folder) = open.pop() {
                    let refuse = |error| Failure::file("read", input::name(&folder), &error);
                    for entry in std::fs::read_dir(&folder).map_err(refuse)? {
                        let entry = entry.map_err(refuse)?;
                        // A link is not followed: what it leads to is no part of the version, or is met by itself.
                        let kind = entry.file_type().map_err(refuse)?;
                        if kind.is_dir() {
                            open.push(entry.path());
                        } else if kind.is_file() {
                            let mut bytes = Vec::new();
                            let file = std::fs::File::open(entry.path()).map_err(refuse)?;
                            file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(refuse)?;
                            // What is too long or no text was no file of announcements either.
                            if let (true, Ok(text)) =
                                (bytes.len() as u64 <= MOST_BYTES, String::from_utf8(bytes))
                            {
                                take(&text);
                            }
                        }
                    }
                }
                Ok(())
            }
            Since::Revision(at, revision) => git::each_text(at, revision, MOST_BYTES, take),
        }
    }
}

impl Expected {
    /// Reads the file. What stands in it as it stood in the version before, there or in a file of another name, was
    /// announced of an earlier change, and announces nothing of this one.
    pub(crate) fn read(path: &Path, since: Option<&Since<'_>>) -> Result<Self, Failure> {
        let text = input::text(path, input::MAX_WRITTEN)?;
        let refuse =
            |why: String| Failure::other(format!("the expected changes in {}: {why}", input::name(path)));
        let mut expected: Expected = toml::from_str(&text).map_err(|e| refuse(input::not_toml(&text, &e)))?;
        // An announcement of everything announces nothing.
        if expected.gain.iter().any(Gain::is_of_all) {
            return Err(refuse("a [[gain]] names neither action, type, rule, policy nor role".to_owned()));
        }
        let before = since.filter(|_| !input::is_dash(path)).map(|since| since.text(path)).transpose()?;
        if let Some(before) = before.flatten() {
            let before = Before::read(&before).map_err(|why| {
                let what = "as they were before, so that it is not known which are new";
                refuse(format!("{what}: {why}; write those of this change into a file of another name"))
            })?;
            expected.leave_out(&before);
        }
        // A file that was moved, copied or linked announces nothing anew.
        if let Some(since) = since {
            since.each(&mut |text| {
                if let Ok(before) = Before::read(text) {
                    expected.leave_out(&before);
                }
            })?;
            expected.looked_in = Some(since.looked_in());
        }
        Ok(expected)
    }

    /// Takes out what was announced before.
    fn leave_out(&mut self, before: &Before) {
        let told = &mut self.before;
        fn split<T: Announcement>(all: &mut Vec<T>, before: &[Option<T>], tell: &mut dyn FnMut(&T)) {
            all.retain(|one| {
                let is_new = !before.iter().flatten().any(|old| is_again(one, old));
                if !is_new {
                    tell(one);
                }
                is_new
            });
        }
        split(&mut self.gain, &before.gain, &mut |gain| told.push(format!("gain: {}", gain.reason)));
        for (kind, all, before) in [
            ("invariant", &mut self.invariant, &before.invariant),
            ("guarantee", &mut self.guarantee, &before.guarantee),
            ("fit", &mut self.fit, &before.fit),
        ] {
            split(all, before, &mut |one| told.push(format!("{kind} `{}`: {}", one.id, one.reason)));
        }
        split(&mut self.catalogue, &before.catalogue, &mut |one| {
            told.push(format!("catalogue `{}.{}`: {}", one.type_name, one.field, one.reason));
        });
    }

    /// Where it was looked whether something was announced before.
    pub(crate) fn looked_in(&self) -> Option<&str> {
        self.looked_in.as_deref()
    }

    /// What stands there as it stood in the version before, and announces nothing now.
    pub(crate) fn before(&self) -> &[String] {
        &self.before
    }

    /// The places of the gains that are announced so, whatever it comes to.
    pub(crate) fn fitting(&self, gained: &Gained<'_>) -> Vec<usize> {
        let fitting = self.gain.iter().enumerate().filter(|(_, gain)| gain.fits(gained));
        fitting.map(|(at, _)| at).collect()
    }

    /// What announcements of one kind of request are limited to, each limit once.
    #[cfg(feature = "prove")]
    pub(crate) fn limits(&self, action: &str, resource_type: &str) -> Vec<Limit> {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
        let of_kind = |gain: &&Gain| is(&gain.action, action) && is(&gain.resource_type, resource_type);
        let mut limits = Vec::new();
        for gain in self.gain.iter().filter(of_kind) {
            let Gain { policy, rule, role, .. } = gain;
            let limit = Limit { policy: policy.clone(), rule: rule.clone(), role: role.clone() };
            if !limits.contains(&limit) {
                limits.push(limit);
            }
        }
        limits
    }

    /// The first gain that is announced so and is not bounded: by how much the schema gives, nobody counts.
    pub(crate) fn unbounded(&self, gained: &Gained<'_>) -> Option<(usize, &Gain)> {
        self.gain.iter().enumerate().find(|(_, gain)| gain.at_most.is_none() && gain.fits(gained))
    }

    /// Whether a change of an invariant is announced, of a guarantee, or of who fits.
    pub(crate) fn protection(&self, kind: &str, id: &str) -> Announced<'_> {
        let all = match kind {
            "guarantee" => &self.guarantee,
            "fit" => &self.fit,
            _ => &self.invariant,
        };
        let found = all.iter().find(|protection| protection.id == id);
        found.map_or(Announced::No, |protection| Announced::For(&protection.reason))
    }

    /// Whether it is announced that an entry of the catalogue is shown otherwise, which these people see by it.
    pub(crate) fn entry(&self, type_name: &str, field: &str, sight: Sight<'_>) -> Announced<'_> {
        let of = |entry: &&Entry| entry.type_name == type_name && entry.field == field;
        let Sight::Counted(seen) = sight else {
            let mut all = self.catalogue.iter().filter(of).peekable();
            if all.peek().is_none() {
                return Announced::No;
            }
            let unlimited = all.find(|entry| entry.is_unlimited());
            return unlimited.map_or(Announced::Limited, |entry| Announced::For(&entry.reason));
        };
        let mut last = None;
        for (role, records) in seen {
            let fits =
                |entry: &&Entry| entry.role.as_deref().is_none_or(|only| role.split(", ").any(|r| r == only));
            let mut fitting = self.catalogue.iter().filter(of).filter(fits).peekable();
            if fitting.peek().is_none() {
                return Announced::No;
            }
            let mut most = 0;
            let enough = fitting.find(|entry| {
                most = most.max(entry.at_most.unwrap_or(u64::MAX));
                entry.at_most.is_none_or(|most| *records <= most)
            });
            match enough {
                Some(entry) => last = Some(entry),
                None => return Announced::Exceeded { most },
            }
        }
        let found = last.or_else(|| self.catalogue.iter().find(of));
        found.map_or(Announced::No, |entry| Announced::For(&entry.reason))
    }

    /// Whether an entry of the catalogue is announced for a role alone, or for so many records.
    pub(crate) fn is_limited(&self, type_name: &str, field: &str) -> bool {
        let mut of =
            self.catalogue.iter().filter(|entry| entry.type_name == type_name && entry.field == field);
        !of.any(Entry::is_unlimited)
    }

    /// Announcements of protections that are as they were, each with its reason; `changed` tells which are not.
    pub(crate) fn unused(&self, changed: &dyn Fn(&str, &str) -> bool) -> Vec<String> {
        let protections =
            [("invariant", &self.invariant), ("guarantee", &self.guarantee), ("fit", &self.fit)]
                .into_iter()
                .flat_map(|(kind, all)| all.iter().map(move |protection| (kind, protection)));
        let mut unused: Vec<String> = protections
            .filter(|(kind, protection)| !changed(kind, &protection.id))
            .map(|(kind, protection)| format!("{kind} `{}`: {}", protection.id, protection.reason))
            .collect();
        let entries =
            self.catalogue.iter().map(|entry| (format!("{}.{}", entry.type_name, entry.field), entry));
        unused.extend(
            entries
                .filter(|(name, _)| !changed("catalogue", name))
                .map(|(name, entry)| format!("catalogue `{name}`: {}", entry.reason)),
        );
        unused
    }
}

/// What tells one announcement from another.
trait Announcement {
    fn reason(&self) -> &str;

    /// What it is about, where it says so; its limits are no part of that.
    fn about(&self) -> [Option<&str>; 2];
}

impl Announcement for Gain {
    fn reason(&self) -> &str {
        &self.reason
    }

    fn about(&self) -> [Option<&str>; 2] {
        [self.policy.as_deref(), self.rule.as_deref()]
    }
}

impl Announcement for Protection {
    fn reason(&self) -> &str {
        &self.reason
    }

    fn about(&self) -> [Option<&str>; 2] {
        [Some(&self.id), None]
    }
}

impl Announcement for Entry {
    fn reason(&self) -> &str {
        &self.reason
    }

    fn about(&self) -> [Option<&str>; 2] {
        [Some(&self.type_name), Some(&self.field)]
    }
}

/// Whether one was made before: for the same reason, whatever its case and marks, and of nothing that is said to be
/// something else.
fn is_again<T: Announcement>(one: &T, old: &T) -> bool {
    let words = |reason: &str| -> String {
        reason.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let mut about = one.about().into_iter().zip(old.about());
    words(one.reason()) == words(old.reason())
        && about.all(|(one, old)| one.zip(old).is_none_or(|(one, old)| one == old))
}

impl Entry {
    fn is_unlimited(&self) -> bool {
        self.role.is_none() && self.at_most.is_none()
    }
}

impl Gain {
    fn is_of_all(&self) -> bool {
        [&self.action, &self.resource_type, &self.rule, &self.policy, &self.role]
            .iter()
            .all(|field| field.is_none())
    }

    /// Whether it speaks of one action of a line, whatever that comes to.
    fn fits(&self, gained: &Gained<'_>) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
        let by = |wanted: &Option<String>, found: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(found);
        is(&self.action, gained.action)
            && is(&self.resource_type, gained.resource_type)
            && by(&self.rule, &|rule| gained.by.iter().any(|(_, found)| *found == Some(rule)))
            && by(&self.policy, &|policy| gained.by.iter().any(|(found, _)| *found == policy))
            && by(&self.role, &|role| gained.roles.iter().any(|found| found == role))
    }
}
