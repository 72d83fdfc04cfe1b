//! The annotations that are known, by what a file holds.
//!
//! An annotation that is mistyped would be none: an invariant without its `@change` is another claim. So what is not
//! known is refused. Annotations of one's own begin with `x_`; the name of an annotation is an identifier in Cedar, so
//! that `x-` cannot be written.

use std::ops::Range;

use cedar_policy_core::ast;

use crate::model::suggest::nearest;
use crate::model::{Problem, Source};

/// What annotations of one's own begin with.
const OWN: &str = "x_";

/// What a source holds, by the folder that it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What is allowed or denied.
    Policy,
    /// What must never be allowed.
    Invariant,
    /// What must be allowed.
    Guarantee,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Policy, Kind::Invariant, Kind::Guarantee];

    /// By the name of the source.
    pub(super) fn of(source: &str) -> Self {
        match source.split(['/', '\\']).next() {
            Some("invariants") => Kind::Invariant,
            Some("guarantees") => Kind::Guarantee,
            _ => Kind::Policy,
        }
    }

    fn known(self) -> &'static [&'static str] {
        match self {
            Kind::Policy => &["id", "rule", "gate", "decision", "description", "source", "allow"],
            Kind::Invariant => {
                &["id", "invariant", "description", "change", "implies", "of", "decision", "source", "allow"]
            }
            Kind::Guarantee => &["id", "guarantee", "description", "decision", "source", "allow"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Policy => "a policy",
            Kind::Invariant => "an invariant",
            Kind::Guarantee => "a guarantee",
        }
    }
}

/// Annotations that are not known, that say nothing, or that say what they cannot.
pub(super) fn check(policy: &cedar_policy::Policy, source: &Source) -> Vec<Problem> {
    let kind = Kind::of(&source.name);
    let policy: &ast::Policy = policy.as_ref();
    let own = |name: &str| name.len() > OWN.len() && name.starts_with(OWN);
    let asked = policy.annotations().filter(|(name, _)| !own(name.as_ref()) && name.as_ref() != "id");
    let refused = asked.filter_map(|(name, annotation)| {
        let (name, text): (&str, &str) = (name.as_ref(), annotation.as_ref());
        let (message, help) = if !kind.known().contains(&name) {
            unknown(kind, name)
        } else if text.trim().is_empty() {
            (format!("`@{name}` says nothing"), None)
        } else if name == "rule" && !is_name(text) {
            (
                format!("`@rule` names one rule, such as `S1`, and `{text}` is not one"),
                Some("a file for each rule says which policy writes down which".to_owned()),
            )
        } else {
            return None;
        };
        let problem = Problem::error(message).in_source(&source.name);
        let problem = match annotation.loc.as_ref() {
            Some(loc) => problem.at(&source.text, loc.start()..loc.end()),
            None => problem,
        };
        Some(Problem { help, ..problem })
    });
    refused.collect()
}

/// The annotations that are known in a source of this name.
#[cfg(all(feature = "author", feature = "fs"))]
pub(crate) fn known_in(source: &str) -> &'static [&'static str] {
    Kind::of(source).known()
}

/// Where a policy carries an annotation.
pub(super) fn place(policy: &cedar_policy::Policy, name: &str) -> Option<Range<usize>> {
    let policy: &ast::Policy = policy.as_ref();
    let (_, annotation) = policy.annotations().find(|(key, _)| AsRef::<str>::as_ref(key) == name)?;
    annotation.loc.as_ref().map(|loc| loc.start()..loc.end())
}

/// Where a policy stands in its source.
pub(super) fn whole(policy: &cedar_policy::Policy) -> Option<Range<usize>> {
    let policy: &ast::Policy = policy.as_ref();
    policy.loc().map(|loc| loc.start()..loc.end())
}

fn unknown(kind: Kind, name: &str) -> (String, Option<String>) {
    let message = format!("`@{name}` is no annotation of {}", kind.name());
    let help = match nearest(name, kind.known().iter().copied()) {
        Some(near) => format!("did you mean `@{near}`?"),
        None => match Kind::ALL.into_iter().find(|other| other.known().contains(&name)) {
            Some(other) => format!("it is one of {}", other.name()),
            None => {
                let known: Vec<String> = kind.known().iter().map(|name| format!("`@{name}`")).collect();
                format!("there are {}", known.join(", "))
            }
        },
    };
    (message, Some(format!("{help}; annotations of one's own begin with `{OWN}`")))
}

/// Whether it is one name: letters and digits, with `-`, `_` and `.` between them.
fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || ['-', '_', '.'].contains(&c))
}
