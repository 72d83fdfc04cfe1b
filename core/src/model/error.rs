//! What can go wrong, as one opaque error with predicates.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::model::span::Places;
use crate::model::{Span, span};

/// An error of this crate.
///
/// A denial is never an error: it is an [`Answer`](crate::Answer). An error never stands for an allow.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] Kind);

#[derive(Clone, Debug, thiserror::Error)]
enum Kind {
    #[error("{}", lines("the policies cannot be used", .0))]
    Policies(Arc<[Problem]>),
    #[error("{}", lines("the data cannot be used", .0))]
    Data(Arc<[Problem]>),
    #[error("{}", lines("the mapping cannot be used", .0))]
    Mapping(Arc<[Problem]>),
    #[error("{}", lines("there is no filter", .0))]
    Untranslatable(Arc<[Problem]>),
    #[error("{0}")]
    Request(String),
    #[error("the data was built for another schema than the policies")]
    Schema,
    #[error("version {wanted} has not come: the data is of version {found}")]
    Timeout { wanted: u64, found: u64 },
    #[error("the snapshot cannot be opened: {0}")]
    Snapshot(String),
    #[cfg(feature = "bundle")]
    #[error("the bundle cannot be used: {0}")]
    Bundle(String),
    #[error("the call was ended before it was done")]
    Interrupted,
    #[error("cannot read {what}: {why}")]
    Read { what: String, why: String, file: Option<Arc<Path>> },
}

/// What kind of error it is.
///
/// Each binding maps every kind, by a `match` without a wildcard, so that a new one cannot be forgotten anywhere. That is
/// why it is not `#[non_exhaustive]`, which would ask for a wildcard in other crates; and why it does not depend on
/// features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// [`Error::is_policies`]
    Policies,
    /// [`Error::is_data`]
    Data,
    /// [`Error::is_mapping`]
    Mapping,
    /// [`Error::is_untranslatable`]
    Untranslatable,
    /// [`Error::is_request`]
    Request,
    /// [`Error::is_schema`]
    Schema,
    /// [`Error::is_timeout`]
    Timeout,
    /// [`Error::is_snapshot`]
    Snapshot,
    /// A bundle is damaged, of another format, signed by nobody who is trusted, or none at all. Feature `bundle`.
    Bundle,
    /// [`Error::is_interrupted`]
    Interrupted,
    /// [`Error::is_read`]
    Read,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [ErrorKind; 11] = [
        ErrorKind::Policies,
        ErrorKind::Data,
        ErrorKind::Mapping,
        ErrorKind::Untranslatable,
        ErrorKind::Request,
        ErrorKind::Schema,
        ErrorKind::Timeout,
        ErrorKind::Snapshot,
        ErrorKind::Bundle,
        ErrorKind::Interrupted,
        ErrorKind::Read,
    ];
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Kind::Policies(_) => ErrorKind::Policies,
            Kind::Data(_) => ErrorKind::Data,
            Kind::Mapping(_) => ErrorKind::Mapping,
            Kind::Untranslatable(_) => ErrorKind::Untranslatable,
            Kind::Request(_) => ErrorKind::Request,
            Kind::Schema => ErrorKind::Schema,
            Kind::Timeout { .. } => ErrorKind::Timeout,
            Kind::Snapshot(_) => ErrorKind::Snapshot,
            #[cfg(feature = "bundle")]
            Kind::Bundle(_) => ErrorKind::Bundle,
            Kind::Interrupted => ErrorKind::Interrupted,
            Kind::Read { .. } => ErrorKind::Read,
        }
    }

    /// Policies or a schema were refused; [`Error::problems`] says where and why.
    pub fn is_policies(&self) -> bool {
        self.kind() == ErrorKind::Policies
    }

    /// Data was refused; [`Error::problems`] names every entity and attribute concerned.
    pub fn is_data(&self) -> bool {
        self.kind() == ErrorKind::Data
    }

    /// A mapping to tables names what the schema lacks, or columns that cannot hold what they should.
    pub fn is_mapping(&self) -> bool {
        self.kind() == ErrorKind::Mapping
    }

    /// A policy asks what a database cannot answer exactly; [`Error::problems`] says which, and where.
    pub fn is_untranslatable(&self) -> bool {
        self.kind() == ErrorKind::Untranslatable
    }

    /// A request makes no sense under the schema: an unknown action, a context of another shape.
    pub fn is_request(&self) -> bool {
        self.kind() == ErrorKind::Request
    }

    /// Data and policies that do not belong together were used together.
    pub fn is_schema(&self) -> bool {
        self.kind() == ErrorKind::Schema
    }

    /// A version of the data that was waited for has not come.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// A file or a stream could not be read.
    pub fn is_read(&self) -> bool {
        self.kind() == ErrorKind::Read
    }

    /// A snapshot is damaged, of another format, or none at all.
    pub fn is_snapshot(&self) -> bool {
        self.kind() == ErrorKind::Snapshot
    }

    /// A bundle is damaged, of another format, signed by nobody who is trusted, or none at all.
    #[cfg(feature = "bundle")]
    pub fn is_bundle(&self) -> bool {
        self.kind() == ErrorKind::Bundle
    }

    /// A call was ended before it was done, by whom [`interrupt::watched`](crate::model::interrupt::watched) asks.
    pub fn is_interrupted(&self) -> bool {
        self.kind() == ErrorKind::Interrupted
    }

    /// The problems behind a refusal of policies, data, a mapping or a filter; empty for other errors.
    pub fn problems(&self) -> &[Problem] {
        match &self.0 {
            Kind::Policies(problems)
            | Kind::Data(problems)
            | Kind::Mapping(problems)
            | Kind::Untranslatable(problems) => problems,
            _ => &[],
        }
    }

    /// The file or the folder that could not be read, where it was one.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Read { file, .. } => file.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn policies(mut problems: Vec<Problem>) -> Self {
        Problem::sort(&mut problems);
        Error(Kind::Policies(problems.into()))
    }

    pub(crate) fn data(problems: Vec<Problem>) -> Self {
        Error(Kind::Data(problems.into()))
    }

    pub(crate) fn mapping(problems: Vec<Problem>) -> Self {
        Error(Kind::Mapping(problems.into()))
    }

    pub(crate) fn untranslatable(problems: Vec<Problem>) -> Self {
        Error(Kind::Untranslatable(problems.into()))
    }

    pub(crate) fn request(message: impl Into<String>) -> Self {
        Error(Kind::Request(in_a_line(message.into())))
    }

    pub(crate) fn interrupted() -> Self {
        Error(Kind::Interrupted)
    }

    pub(crate) fn schema() -> Self {
        Error(Kind::Schema)
    }

    pub(crate) fn timeout(wanted: u64, found: u64) -> Self {
        Error(Kind::Timeout { wanted, found })
    }

    #[cfg(feature = "bundle")]
    pub(crate) fn bundle(what: impl Into<String>) -> Self {
        Error(Kind::Bundle(in_a_line(what.into())))
    }

    pub(crate) fn snapshot(what: impl Into<String>) -> Self {
        Error(Kind::Snapshot(in_a_line(what.into())))
    }

    pub(crate) fn read(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Error(Kind::Read { what: in_a_line(what.into()), why: in_a_line(why.to_string()), file: None })
    }

    /// A file or a folder that cannot be read, or must not stand where it does.
    #[cfg(feature = "fs")]
    pub(crate) fn read_file(file: &Path, why: impl fmt::Display) -> Self {
        let what = in_a_line(format!("`{}`", file.display()));
        Error(Kind::Read { what, why: in_a_line(why.to_string()), file: Some(file.into()) })
    }
}

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look; nothing is refused for it.
    Warning,
    /// What was given cannot be used.
    Error,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in a sentence without a full stop; in one line, whatever the names are that it repeats.
    pub message: String,
    /// The source concerned, as it was named when it was given; empty where it has no name.
    pub source: String,
    /// The place in that source.
    #[serde(flatten, serialize_with = "span::if_any")]
    pub span: Option<Span>,
    /// What to do about it.
    pub help: Option<String>,
    /// For an entity of a list in JSON that is not as it should be, which one it is, from 1. Then [`span`](Self::span)
    /// is its place in that text, or that of what is wrong in it, and [`source`](Self::source) is its name, where it has
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<NonZeroU32>,
}

impl Problem {
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Error,
            message: in_a_line(message.into()),
            source: String::new(),
            span: None,
            help: None,
            entity: None,
        }
    }

    /// Puts problems of texts into their order, which is the same however they were found.
    pub(crate) fn sort(problems: &mut [Problem]) {
        problems.sort_by(Problem::order);
    }

    /// By source, then in the order of the text.
    pub(crate) fn order(a: &Problem, b: &Problem) -> std::cmp::Ordering {
        a.place().cmp(&b.place())
    }

    pub(crate) fn in_source(mut self, source: &str) -> Self {
        self.source = source.to_owned();
        self
    }

    /// At these bytes of the source's text.
    pub(crate) fn at(self, text: &str, bytes: Range<usize>) -> Self {
        self.at_place(&Places::new(text), bytes)
    }

    /// As [`Problem::at`], for many problems of one text.
    pub(crate) fn at_place(mut self, places: &Places<'_>, bytes: Range<usize>) -> Self {
        self.span = Some(places.span(bytes));
        self
    }

    /// The entity of a list that it is in, and its place in the text.
    pub(crate) fn in_entity(mut self, number: u64, span: Span) -> Self {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        (self.entity, self.span) = (NonZeroU32::new(number), Some(span));
        self
    }

    /// Where it stands among others: by source, then in the order of the text.
    fn place(&self) -> impl Ord + '_ {
        (&self.source, self.span.map(|span| (span.start, span.end)), self.severity, &self.message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An entity is told by its name: a place behind that would look like one in a file of this name.
        let span = self.span.as_ref().filter(|_| self.entity.is_none());
        match (in_a_line(self.source.clone()).as_str(), span) {
            ("", None) => {}
            ("", Some(span)) => write!(f, "line {}, column {}: ", span.line, span.column)?,
            (source, None) => write!(f, "{source}: ")?,
            (source, Some(span)) => write!(f, "{source}:{}:{}: ", span.line, span.column)?,
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({})", in_a_line(help.clone())),
            None => Ok(()),
        }
    }
}

/// The text in one line, with what would break it by its escape: a name with a line break in it forges no line.
///
/// INVARIANT: whatever is said of what others wrote passes through here; lines are broken between problems alone.
fn in_a_line(text: String) -> String {
    let breaks = |c: char| c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(breaks) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if breaks(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

fn lines<'a>(what: &'a str, problems: &'a [Problem]) -> Lines<'a> {
    Lines { what, problems }
}

/// Prints the first problems of a list and how many more there are.
struct Lines<'a> {
    what: &'a str,
    problems: &'a [Problem],
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        if let [only] = self.problems {
            return write!(f, "{}: {only}", self.what);
        }
        write!(f, "{} ({} problems)", self.what, self.problems.len())?;
        for problem in self.problems.iter().take(SHOWN) {
            write!(f, "\n  {problem}")?;
        }
        match self.problems.len().checked_sub(SHOWN) {
            Some(rest @ 1..) => write!(f, "\n  and {rest} more"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Problem};

    #[test]
    fn what_is_repeated_forges_no_line() {
        let name = "x\r\nallow\u{85}\u{2028}\u{1b}[2J\ty";
        let shown = "x\\r\\nallow\\u{85}\\u{2028}\\u{1b}[2J\ty";
        let problem = || Problem { help: Some(name.to_owned()), ..Problem::error(name).in_source(name) };
        for error in [
            Error::request(name),
            Error::snapshot(name),
            Error::read(name, name),
            Error::data(vec![problem()]),
            Error::policies(vec![problem()]),
        ] {
            let told = error.to_string();
            assert!(told.contains(shown) && told.lines().count() == 1 && !told.contains('\r'), "{told:?}");
        }
        let told = Error::data(vec![problem(), problem(), problem()]).to_string();
        assert_eq!(told.lines().count(), 4, "lines are broken between problems alone: {told:?}");
    }
}
