//! What mends a problem, where that is known: the name that was probably meant, an `@id` that is the file's path, a date
//! with its time, or `@allow`.

use std::ops::Range;

use super::problems::Found;
use super::sketch::Sketch;
use super::{Folder, Place, Replacement, is_policies};
use crate::author::Lint;

/// A change that mends a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mending {
    /// What it does, in a few words.
    pub title: String,
    /// What it changes.
    pub edits: Vec<Replacement>,
    /// Whether it is most probably what was meant.
    pub is_preferred: bool,
}

impl Folder {
    /// What mends a problem of a file, the most probable first; none where only its author can know.
    pub fn mendings(&self, found: &Found) -> Vec<Mending> {
        let Some(text) = self.text(&found.file) else { return Vec::new() };
        let mut all = Vec::new();
        all.extend(meant(text, found));
        all.extend(id(text, found));
        all.extend(dates(found));
        all.extend(self.allow(text, found));
        all
    }

    /// Takes the policy out of a lint.
    fn allow(&self, text: &str, found: &Found) -> Option<Mending> {
        let lint = found.lint.filter(|lint| *lint != Lint::UnknownName)?;
        self.part(&found.file).filter(|part| is_policies(*part))?;
        let sketch = Sketch::of(text);
        let policy = sketch.policy_at(found.problem.span?.start)?;
        let written = policy.annotations.iter().find(|one| one.name == "allow");
        let (span, text) = match (written, policy.annotations.last()) {
            (Some(allow), _) => (allow.place.end..allow.place.end, format!(", {}", lint.name())),
            (None, Some(last)) => {
                // Behind the quotation mark and the bracket.
                let behind = text.get(last.place.end..)?.find(')')? + last.place.end + 1;
                (behind..behind, format!("\n@allow(\"{}\")", lint.name()))
            }
            (None, None) => return None,
        };
        let title = format!("take this policy out of `{}`", lint.name());
        Some(mending(title, found, span, text, false))
    }
}

/// The name that was probably meant, in the place of the one that was written.
fn meant(text: &str, found: &Found) -> Option<Mending> {
    let problem = &found.problem;
    let span = problem.span?;
    let says = [Some(problem.message.as_str()), problem.help.as_deref()];
    let meant = says.into_iter().flatten().find_map(|text| {
        let rest = text.split_once("did you mean `")?.1;
        rest.split_once('`').map(|(name, _)| name)
    })?;
    let head = problem.message.split("did you mean").next().unwrap_or_default();
    let quoted: Vec<&str> = head.split('`').skip(1).step_by(2).collect();
    let own = text.get(span.range())?;
    // What is marked, or the one token of it that the message repeats.
    let bare = |name: &str| {
        let inner = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        inner.unwrap_or(name).to_owned()
    };
    let written = quoted.iter().rev().find_map(|name| {
        let name = bare(name);
        let name = name.trim_start_matches('@');
        if bare(own) == name {
            return Some(span.range());
        }
        token(own, name).map(|at| span.start + at.start..span.start + at.end)
    })?;
    let old = text.get(written.clone())?;
    let meant = bare(meant);
    let meant = meant.trim_start_matches('@');
    let new = if old.starts_with('"') { format!("{meant:?}") } else { meant.to_owned() };
    (old != new).then(|| mending(format!("write `{meant}`"), found, written, new, true))
}

/// The only token that is a name, or the only word of a text that is.
fn token(text: &str, name: &str) -> Option<Range<usize>> {
    if name.is_empty() {
        return None;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut places = text.match_indices(name).filter(|(at, _)| {
        let (before, behind) = (text.get(..*at), text.get(at + name.len()..));
        !before.is_some_and(|text| text.ends_with(is_word))
            && !behind.is_some_and(|text| text.starts_with(is_word))
    });
    match (places.next(), places.next()) {
        (Some((at, _)), None) => Some(at..at + name.len()),
        _ => None,
    }
}

/// An `@id` that is the file's path with dots.
fn id(text: &str, found: &Found) -> Option<Mending> {
    let message = &found.problem.message;
    if !message.contains("its place asks for") {
        return None;
    }
    let wanted = found.file.strip_suffix(".cedar")?.replace('/', ".");
    let sketch = Sketch::of(text);
    let policy = sketch.policies.first()?;
    let title = format!("write `@id(\"{wanted}\")`");
    match policy.annotations.iter().find(|one| one.name == "id") {
        Some(own) => Some(mending(title, found, own.place.clone(), wanted, true)),
        None => {
            let at = policy.span.start;
            Some(mending(title, found, at..at, format!("@id(\"{wanted}\")\n"), true))
        }
    }
}

/// The dates with a time that the help proposes.
fn dates(found: &Found) -> Vec<Mending> {
    let (Some(Lint::DateWithoutTime), Some(span), Some(help)) =
        (found.lint, found.problem.span, found.problem.help.as_deref())
    else {
        return Vec::new();
    };
    let proposed = help.split('`').skip(1).step_by(2).filter(|text| text.starts_with("datetime("));
    let all = proposed.map(|text| {
        let says =
            if text.ends_with("Z\")") { "midnight in UTC" } else { "midnight in New Zealand, in summer" };
        mending(format!("write `{text}`: {says}"), found, span.range(), text.to_owned(), false)
    });
    all.collect()
}

fn mending(title: String, found: &Found, span: Range<usize>, text: String, is_preferred: bool) -> Mending {
    let place = Place { file: found.file.clone(), span };
    Mending { title, edits: vec![Replacement { place, text }], is_preferred }
}
