//! What is valid and probably not meant: lints for those who write policies.
//!
//! A lint has a name, which says what it finds; a finding has its place, what is wrong there and what to do about it.
//! How much each matters is chosen with [`Levels`]; a policy takes itself out with `@allow("name")`.
//!
//! # Example
//! ```
//! use caseward::author::{Levels, Lint, Subject};
//! use caseward::{Source, Sources, Ward};
//!
//! let mut sources = Sources::attendance();
//! sources.policies.push(Source::new("mine", r#"@id("mine") permit (principal, action, resource is Case);"#));
//! let ward = Ward::new(&sources)?;
//! let found = Subject::new(&ward, &sources).lint(&Levels::default());
//! assert!(found.iter().any(|finding| finding.lint == Lint::UnconditionalPermit));
//! # Ok::<(), caseward::Error>(())
//! ```

mod actions;
mod annotations;
mod catalogue;
mod descriptions;
mod levels;
mod names;
mod pages;
mod texts;

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::known::Known;
use crate::model::{Problem, Severity, Source};
use crate::policy::{Policy, Sources, Survey};
use crate::ward::Ward;

pub use levels::{Level, Levels};
pub use pages::Page;

/// What is found. The variants are in the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lint {
    /// An action in a list that the policy cannot apply to.
    ActionNeverApplies,
    /// An attribute of the schema that is in no section.
    AttributeWithoutSection,
    /// A condition that carries the name of another one.
    ConditionName,
    /// A condition without a name.
    ConditionWithoutName,
    /// `datetime("2026-02-28")`: midnight UTC, noon in New Zealand.
    DateWithoutTime,
    /// A text that an attribute is compared with, here and nowhere else, or a pattern that none of its texts matches.
    LonelyText,
    /// A file that is not called after the rule that it writes down.
    RuleFileName,
    /// A policy, an invariant or a guarantee that was changed while its description was not.
    StaleDescription,
    /// A page made from the policies that no longer says what they do.
    StalePage,
    /// An entity type that actions are asked of and that the catalogue of fields does not name.
    TypeWithoutEntry,
    /// A permit that asks nothing.
    UnconditionalPermit,
    /// An annotation that names what `annotations.toml` does not.
    UnknownName,
}

impl Lint {
    /// Every lint, by name.
    pub const ALL: [Lint; 12] = [
        Lint::ActionNeverApplies,
        Lint::AttributeWithoutSection,
        Lint::ConditionName,
        Lint::ConditionWithoutName,
        Lint::DateWithoutTime,
        Lint::LonelyText,
        Lint::RuleFileName,
        Lint::StaleDescription,
        Lint::StalePage,
        Lint::TypeWithoutEntry,
        Lint::UnconditionalPermit,
        Lint::UnknownName,
    ];

    /// The name, as levels and `@allow` have it: `lonely-text`.
    pub fn name(self) -> &'static str {
        match self {
            Lint::ActionNeverApplies => "action-never-applies",
            Lint::AttributeWithoutSection => "attribute-without-section",
            Lint::ConditionName => "condition-name",
            Lint::ConditionWithoutName => "condition-without-name",
            Lint::DateWithoutTime => "date-without-time",
            Lint::LonelyText => "lonely-text",
            Lint::RuleFileName => "rule-file-name",
            Lint::StaleDescription => "stale-description",
            Lint::StalePage => "stale-page",
            Lint::TypeWithoutEntry => "type-without-entry",
            Lint::UnconditionalPermit => "unconditional-permit",
            Lint::UnknownName => "unknown-name",
        }
    }

    /// The lint of a name.
    pub fn named(name: &str) -> Option<Self> {
        Lint::ALL.into_iter().find(|lint| lint.name() == name)
    }

    /// How much it matters unless something else is chosen.
    pub fn default_level(self) -> Level {
        match self {
            // A habit worth having, and no sign of a mistake.
            Lint::ConditionWithoutName => Level::Allow,
            Lint::UnknownName => Level::Deny,
            _ => Level::Warn,
        }
    }

    /// What it finds and why that matters, in a few sentences.
    pub fn explanation(self) -> &'static str {
        match self {
            Lint::ActionNeverApplies => {
                "A policy's head lists an action that takes no resource, or no principal, of the types that the head \
                 asks for. The policy never says anything about that action: it reads as if it granted more, or \
                 denied more, than it does."
            }
            Lint::AttributeWithoutSection => {
                "An attribute of the schema carries no `@section`, so that no view ever shows it. Fields that nobody \
                 is to see have a section whose action nobody is permitted."
            }
            Lint::ConditionName => {
                "The comment above a condition is its name. Two conditions of one name have one text, letter for \
                 letter, so that who has read one has read them all, and an edit in one file that was forgotten in \
                 another is found. A reference before the path counts for nothing: what `resource.case` is to an \
                 item, `resource` is to the case. Nor does it count whether `when` or `unless` stands before it."
            }
            Lint::ConditionWithoutName => {
                "A condition has no comment line above it. The comment is the name by which explanations, tests and \
                 readers know the condition."
            }
            Lint::DateWithoutTime => {
                "A date without a time is midnight in UTC, which is noon or one in the afternoon in New Zealand: the \
                 policy would begin, or end, half a day late."
            }
            Lint::LonelyText => {
                "An attribute is compared with a text that stands nowhere else: in no other policy and not in the \
                 schema, where comments tell what values an attribute has. A text that was mistyped never matches, \
                 and its policy grants nothing, or forbids nothing, without a word. So does a `like` whose pattern none of the \
                 attribute's texts matches."
            }
            Lint::RuleFileName => {
                "A policy's file is called after the rule that it writes down, with the part behind a dash: `Q3`, \
                 `Q3-draft`. One whose `@rule` says otherwise is told of under the wrong rule by explanations and \
                 pages."
            }
            Lint::StaleDescription => {
                "What a policy asks, or what it applies to, was changed since the version that is compared with, and \
                 its `@description` was not. Help desks read the description out; that of an invariant or a guarantee \
                 is the sentence that is said to be proved."
            }
            Lint::StalePage => {
                "A page that is made from the policies, and kept beside them, is not what would be made now."
            }
            Lint::TypeWithoutEntry => {
                "Actions are asked of records of this type, and the catalogue of fields does not name it, so that \
                 views and explanations show nothing of them."
            }
            Lint::UnconditionalPermit => {
                "A permit allows an action to everybody, on every record and in every circumstance. What is meant \
                 for everybody is rare enough to be said."
            }
            Lint::UnknownName => {
                "An annotation names a decision, a gate, a source or a lint that is not known: `annotations.toml` in \
                 the policy folder lists those that are, for every annotation that it has a table of."
            }
        }
    }
}

impl Serialize for Lint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a lint found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which lint.
    pub lint: Lint,
    /// What and where; an error where the lint is denied.
    #[serde(flatten)]
    pub problem: Problem,
}

impl Finding {
    fn new(lint: Lint, file: File<'_>, span: Option<Range<usize>>, message: impl Into<String>) -> Self {
        let problem = Problem::error(message).in_source(file.name);
        let problem = match span {
            Some(span) => problem.at(file.text, span),
            None => problem,
        };
        Finding { lint, problem }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.problem.help = Some(help.into());
        self
    }
}

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    ward: &'a Ward,
    sources: &'a Sources,
    /// Files of claims, in the form of policies, as they were loaded.
    claims: &'a [Ward],
    base: Option<&'a Sources>,
    base_claims: &'a [Sources],
    known: Option<&'a Known>,
    pages: &'a [Page],
}

impl<'a> Subject<'a> {
    /// Policies and the texts that they were loaded from.
    pub fn new(ward: &'a Ward, sources: &'a Sources) -> Self {
        Subject { ward, sources, claims: &[], base: None, base_claims: &[], known: None, pages: &[] }
    }

    /// With what is claimed of them: invariants and the like, each loaded as policies are.
    pub fn claims(self, claims: &'a [Ward]) -> Self {
        Subject { claims, ..self }
    }

    /// With the version that they are compared with.
    pub fn base(self, base: &'a Sources) -> Self {
        Subject { base: Some(base), ..self }
    }

    /// With the claims of the version that they are compared with.
    pub fn base_claims(self, base_claims: &'a [Sources]) -> Self {
        Subject { base_claims, ..self }
    }

    /// With what their annotations may name.
    pub fn known(self, known: &'a Known) -> Self {
        Subject { known: Some(known), ..self }
    }

    /// With the pages that were made from them.
    pub fn pages(self, pages: &'a [Page]) -> Self {
        Subject { pages, ..self }
    }

    /// All that is found at a level other than [`Level::Allow`], by source and place.
    pub fn lint(&self, levels: &Levels) -> Vec<Finding> {
        let looked = Looked::new(self);
        let lints: [fn(&Looked<'_>) -> Vec<Finding>; 9] = [
            actions::never_applies,
            actions::unconditional,
            annotations::lint,
            catalogue::lint,
            descriptions::stale,
            names::lint,
            pages::stale,
            texts::dates,
            texts::lonely,
        ];
        let mut found: Vec<Finding> = lints.iter().flat_map(|lint| lint(&looked)).collect();
        found.retain_mut(|finding| {
            finding.problem.severity = match levels.of(finding.lint) {
                Level::Allow => return false,
                Level::Warn => Severity::Warning,
                Level::Deny => Severity::Error,
            };
            !looked.is_allowed(finding)
        });
        let place = |finding: &Finding| finding.problem.span.as_ref().map_or(0, |span| span.start);
        found.sort_by(|a, b| {
            (&a.problem.source, place(a), a.lint).cmp(&(&b.problem.source, place(b), b.lint))
        });
        found.dedup();
        found
    }
}

/// A policy, or a claim in the form of one.
struct Looker<'a> {
    ward: &'a Ward,
    policy: &'a Policy,
    survey: Survey,
    text: Arc<str>,
}

impl Looker<'_> {
    fn file(&self) -> File<'_> {
        File { name: &self.policy.source, text: &self.text }
    }
}

/// Where something is found.
#[derive(Clone, Copy)]
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl<'a> File<'a> {
    fn of(source: &'a Source) -> Self {
        File { name: &source.name, text: &source.text }
    }
}

/// What every lint looks at.
struct Looked<'a> {
    subject: &'a Subject<'a>,
    policies: Vec<Looker<'a>>,
    claims: Vec<Looker<'a>>,
}

impl<'a> Looked<'a> {
    fn new(subject: &'a Subject<'a>) -> Self {
        Looked {
            subject,
            policies: lookers(subject.ward),
            claims: subject.claims.iter().flat_map(lookers).collect(),
        }
    }

    /// Policies and claims.
    fn all(&self) -> impl Iterator<Item = &Looker<'a>> {
        self.policies.iter().chain(&self.claims)
    }

    /// Whether the policy at the place of a finding carries `@allow` with its lint.
    fn is_allowed(&self, finding: &Finding) -> bool {
        let Some(span) = &finding.problem.span else { return false };
        self.all().any(|one| {
            let allowed = one.policy.annotations.get("allow").map_or("", AsRef::as_ref);
            let starts = one.survey.annotations.iter().map(|(_, span)| span.start).min();
            one.policy.source.as_ref() == finding.problem.source
                && (starts.unwrap_or(one.survey.body.start)..one.survey.body.end).contains(&span.start)
                && allowed.split(',').any(|name| name.trim() == finding.lint.name())
        })
    }
}

fn lookers(ward: &Ward) -> Vec<Looker<'_>> {
    let surveys = ward.engine.loaded.surveys();
    let all = ward.policies().iter().zip(surveys).map(|(policy, survey)| Looker {
        ward,
        policy,
        survey,
        text: ward.source(&policy.id).map_or_else(|| "".into(), |source| source.text.clone()),
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::Lint;

    #[test]
    fn names_are_in_order_and_lead_back() {
        let names = Lint::ALL.map(Lint::name);
        assert!(names.is_sorted(), "{names:?}");
        for lint in Lint::ALL {
            assert_eq!(Lint::named(lint.name()), Some(lint));
            assert!(lint.explanation().ends_with('.'));
        }
    }
}
