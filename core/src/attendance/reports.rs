//! Reports: which cases each kind of report is about, and counts of them.
//!
//! Whether a person may have a report is decided by the policies alone, as `viewReport` on the report. What it is
//! about follows from its kind, by the table [`KINDS`]: that is a definition and no access rule, so that a research
//! team that may see no case still gets its table, and everyone else exactly what their report covers.

use std::collections::BTreeMap;

use crate::count::{Condition, Population};
use crate::model::suggest::hint;
use crate::model::{ActionName, Answer, EntityUid, Error, Request, Value, Zone};
use crate::table::Table;
use crate::table::disclosure::Protection;
use crate::table::group::Group;
use crate::ward::Ward;
use crate::world::World;

/// What reports count.
pub(super) const RECORDS: &str = "Case";
const REPORT: &str = "Report";
const ACTION: &str = "viewReport";

/// A kind of report, for those who choose one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportKind {
    /// What it is called, such as `provider`.
    pub name: &'static str,
    /// Which cases it is about, in words.
    pub about: &'static str,
    /// Whether it covers cases that its readers may not see one by one, so that its counts must tell of nobody. What
    /// such a report is grouped by, the catalogue of fields says; it is published, in one zone.
    pub in_aggregate: bool,
}

/// The cases that a kind of report is about.
struct Kind {
    name: &'static str,
    /// Of reports on a provider: the provider's kind.
    of_provider: Option<&'static str>,
    /// Those for which all of this holds.
    about: &'static [(&'static str, Is)],
    /// What it can be grouped by besides [`GROUPS`].
    groups: &'static [&'static str],
}

/// What a path of a case leads to.
enum Is {
    /// The same as a path of the report.
    Reports(&'static str),
    OneOf(&'static [&'static str]),
    True,
}

/// A case of an unknown status is in no report, as it is in nobody's list.
const KNOWN: (&str, Is) = ("status", Is::OneOf(&["open", "closed"]));
/// An in-school provider has to do with students of its own school only.
const BOUND: (&str, Is) = ("student.enrolledAt", Is::Reports("provider.school"));
const OF_PROVIDER: (&str, Is) = ("provider", Is::Reports("provider"));
const OF_OWNER: (&str, Is) = ("caseManager", Is::Reports("owner"));
const OF_SCHOOL: (&str, Is) = ("student.enrolledAt", Is::Reports("school"));
const ASP: Option<&str> = Some("asp");
const ISP: Option<&str> = Some("isp");

const ONE: Kind = Kind { name: "", of_provider: None, about: &[], groups: &[] };

/// Every kind of report. One that names a provider of a kind that is not here is about no case.
static KINDS: [Kind; 9] = [
    Kind { name: "caseload", of_provider: ASP, about: &[KNOWN, OF_OWNER, OF_PROVIDER], ..ONE },
    Kind { name: "caseload", of_provider: ISP, about: &[KNOWN, OF_OWNER, OF_PROVIDER, BOUND], ..ONE },
    Kind { name: "school", about: &[KNOWN, OF_SCHOOL], ..ONE },
    Kind { name: "provider", of_provider: ASP, about: &[KNOWN, OF_PROVIDER], groups: STAFF },
    Kind { name: "provider", of_provider: ISP, about: &[KNOWN, OF_PROVIDER, BOUND], groups: STAFF },
    Kind { name: "national", about: &[KNOWN], ..ONE },
    Kind { name: "performance", about: &[KNOWN], ..ONE },
    Kind { name: "anonymised", about: &[KNOWN], ..ONE },
    Kind {
        name: "prosecutions",
        about: &[("status", Is::OneOf(&["open"])), ("prosecutionNotified", Is::True)],
        ..ONE
    },
];

const fn of_cases(name: &'static str, about: &'static str) -> ReportKind {
    ReportKind { name, about, in_aggregate: false }
}

/// The same kinds for people, by name.
static REPORTS: [ReportKind; 7] = [
    ReportKind { name: "anonymised", about: "all cases, in aggregate only", in_aggregate: true },
    of_cases("caseload", "the cases of which the report's owner is case manager at its provider"),
    of_cases("national", "all cases"),
    ReportKind { name: "performance", about: "all cases, in aggregate only", in_aggregate: true },
    of_cases("prosecutions", "open cases that are notified for prosecution"),
    of_cases(
        "provider",
        "the cases that the report's provider holds; of an in-school one, those of students at its school",
    ),
    of_cases("school", "the cases of students who are now enrolled at the report's school"),
];

/// What a report on cases that its readers may see can be grouped by, where they see it of each: nothing that names a
/// person, or a record.
const GROUPS: &[&str] = &[
    "closedAt",
    "openedAt",
    "prosecutionNotified",
    "provider",
    "provider.kind",
    "school",
    "school.catchmentProvider",
    "school.kind",
    "status",
    "student.enrolledAt",
    "student.enrolledAt.catchmentProvider",
    "student.enrolledAt.kind",
    "student.yearLevel",
];
/// A provider's own staff.
const STAFF: &[&str] = &["caseManager"];

/// New Zealand's time, which dates of this domain are understood in.
pub fn zone() -> Zone {
    // The rule since September 2007.
    "NZST-12NZDT,M9.5.0,M4.1.0/3".parse().unwrap_or_else(|_| Zone::utc())
}

/// The kinds of report, by name.
pub fn report_kinds() -> &'static [ReportKind] {
    &REPORTS
}

impl ReportKind {
    /// The kind called `name`.
    ///
    /// # Errors
    /// [`Error::is_request`] where there is none, or no name; it tells all that there are, and what each is about.
    pub fn named(name: &str) -> Result<&'static ReportKind, Error> {
        if let Some(kind) = REPORTS.iter().find(|kind| kind.name == name) {
            return Ok(kind);
        }
        let about = |kind: &ReportKind| format!("`{}` ({})", kind.name, kind.about);
        let kinds: Vec<String> = REPORTS.iter().map(about).collect();
        let why = match name {
            "" => "a report has a kind".to_owned(),
            name => {
                format!(
                    "there is no report of kind `{name}`{}",
                    hint(name, REPORTS.iter().map(|kind| kind.name))
                )
            }
        };
        Err(Error::request(format!("{why}; the kinds are {}", kinds.join(", "))))
    }
}

/// A person's question for a report.
#[derive(Clone, Copy, Debug)]
pub struct ReportQuestion<'a> {
    /// Who asks.
    pub principal: &'a EntityUid,
    /// The kind of report, such as `provider` or `anonymised`.
    pub kind: &'a str,
    /// Which report; the only one of that kind that the person may see, where none is named.
    pub report: Option<&'a EntityUid>,
    /// What to group its cases by.
    pub by: &'a [Group],
    /// The instant of the question, in milliseconds since 1970-01-01T00:00:00Z.
    pub now: i64,
    /// How counts are kept from telling of anybody, in a report that covers cases in aggregate only.
    pub protection: &'a Protection,
}

/// Counts the cases that a report is about, by group; `None` where there is no such report that the person may see.
///
/// | kind | cases |
/// |---|---|
/// | `caseload` | of which the report's owner is case manager at the report's provider |
/// | `school` | of students now enrolled at the report's school |
/// | `provider` | held by the report's provider; by an in-school one, of students at its school |
/// | `national` | all |
/// | `performance`, `anonymised` | all, in aggregate only: counts are [protected](Table::protect) |
/// | `prosecutions` | open and notified for prosecution |
///
/// What it is grouped by must be what the person may see of each of these cases, as [`Ward::require_field`] says. In
/// aggregate it must be what the catalogue of fields allows tables of that kind, as their `statistics`; periods are
/// those of New Zealand's calendar, for two tables by the calendars of two zones differ by single cases.
///
/// Whether the person may have it, `viewReport` says. A report that is denied, one of another kind than was asked
/// for and one that is not there come out alike.
///
/// # Errors
/// [`Error::is_request`] for a kind of report that there is not, for a group that names people or records, that the
/// person may not see of every case or, in aggregate, that the catalogue does not allow, for another zone there, for a
/// report that has to be named because the person may see several; and as [`Ward::check`], [`Ward::count_by`] and
/// [`Table::protect`].
///
/// # Example
/// ```
/// use caseward::attendance::{ReportQuestion, Sample, report};
/// use caseward::{EntityUid, Group, Protection, Value, Ward};
///
/// let ward = Ward::attendance()?;
/// let world = Sample { cases: 1_000, seed: 7 }.build(&ward, &mut |_| {})?;
/// let research = Value::Entity(EntityUid::new("MinistryTeam", "research"));
/// let is_researcher = |user: &EntityUid| match world.attribute(user, "ministryTeams") {
///     Ok(Some(Value::Set(teams))) => teams.contains(&research) && teams.len() == 1,
///     _ => false,
/// };
/// let people: Vec<_> = world.ids("User")?.map(|id| EntityUid::new("User", id)).collect();
/// let researcher = people.iter().find(|user| is_researcher(user)).expect("a researcher");
/// let table = report(&ward, &world, &ReportQuestion {
///     principal: researcher,
///     kind: "anonymised",
///     report: None,
///     by: &[Group::of("status"), Group::of("provider")],
///     now: 1_778_446_800_000,
///     protection: &Protection::default(),
/// })?;
/// println!("{}", table.expect("a report"));
/// # Ok::<(), caseward::Error>(())
/// ```
pub fn report(ward: &Ward, world: &World, question: &ReportQuestion<'_>) -> Result<Option<Table>, Error> {
    let kind = ReportKind::named(question.kind)?;
    if kind.in_aggregate {
        question.protection.check()?;
    }
    let table = of_report(ward, world, question, |answer, population| {
        ward.engine.count_population(world, answer.provenance.version, population, question.by)
    })?;
    match table {
        Some(table) if kind.in_aggregate => table.protect(question.protection).map(Some),
        table => Ok(table),
    }
}

/// What `count` makes of the cases that a report is about; `None` where there is no such report that the person may see.
/// Where `count` finds the data changed it gives `None`, and the person is asked about again.
pub(super) fn of_report<T>(
    ward: &Ward,
    world: &World,
    question: &ReportQuestion<'_>,
    mut count: impl FnMut(&Answer, &Population<'_>) -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    let kind = ReportKind::named(question.kind)?;
    question.by.iter().try_for_each(|group| kind.takes(ward, group))?;
    let context = BTreeMap::from([("now".into(), Value::Datetime(question.now))]);
    let named = match question.report {
        Some(report) => Some(report.clone()),
        None => the_only_one(ward, world, question, kind, &context)?,
    };
    let Some(report) = named else { return Ok(None) };
    let request = Request {
        context: context.into(),
        ..Request::new(question.principal.clone(), ActionName::new(ACTION), report.clone())
    };
    world.undisturbed(|| {
        let answer = ward.check(world, &request)?;
        if !answer.is_allowed() || at(world, &report, "kind") != Some(question.kind.into()) {
            return Ok(Some(None));
        }
        let kind_of_provider = at(world, &report, "provider.kind");
        let is_it =
            |kind: &&Kind| kind.of_provider.is_none_or(|of| kind_of_provider.as_ref() == Some(&of.into()));
        // Nothing satisfies a condition that takes no value.
        let conditions = kind.cases().find(is_it).map_or_else(
            || vec![Condition { path: KNOWN.0, is: Vec::new() }],
            |kind| kind.about.iter().map(|(path, is)| is.condition(path, world, &report)).collect(),
        );
        let population = Population {
            of: RECORDS,
            conditions: &conditions,
            now: Some(question.now),
            marked: kind.in_aggregate && matches!(question.protection, Protection::Round(_)),
            shown_to: (!kind.in_aggregate).then_some((question.principal, request.context.fields())),
        };
        Ok(count(&answer, &population)?.map(Some))
    })
}

impl<'a> ReportQuestion<'a> {
    /// For the cases of a report that the person may see, by no group.
    pub fn of(principal: &'a EntityUid, kind: &'a str, now: i64, protection: &'a Protection) -> Self {
        ReportQuestion { principal, kind, report: None, by: &[], now, protection }
    }
}

impl ReportKind {
    /// What it is about, by the kind of its provider where that matters.
    fn cases(&self) -> impl Iterator<Item = &'static Kind> {
        KINDS.iter().filter(|kind| kind.name == self.name)
    }

    /// Whether it can be grouped so.
    fn takes(&self, ward: &Ward, group: &Group) -> Result<(), Error> {
        let name = group.name();
        let refuse = |text: &str, known: &[&str]| {
            let hint = hint(text, known.iter().copied());
            let why = format!("a report of kind `{}` is not grouped by `{text}`{hint}", self.name);
            Err(Error::request(why))
        };
        if !self.in_aggregate {
            let groups = self.cases().flat_map(|kind| kind.groups).chain(GROUPS);
            let known: Vec<&str> = groups.copied().collect();
            return if known.contains(&group.path()) { Ok(()) } else { refuse(group.path(), &known) };
        }
        if !ward.engine.has_catalogue() {
            return Err(Error::request(format!(
                "a report of kind `{}` is grouped by nothing: the policies have no catalogue of fields, `fields.toml`, which \
                 says what by, as `statistics`",
                self.name
            )));
        }
        let declared = ward.engine.statistics(RECORDS, self.name);
        if !declared.iter().any(|known| **known == *name) {
            let known: Vec<&str> = declared.iter().map(|name| name.as_ref()).collect();
            return refuse(&name, &known);
        }
        if group.zone().is_some_and(|given| *given != zone()) {
            return Err(Error::request(format!(
                "a report of kind `{}` is published, in New Zealand's time: tables by the calendars of two zones \
                would tell the cases between them",
                self.name
            )));
        }
        Ok(())
    }

    /// Whether reports of this kind differ in what they are about.
    fn is_one_of_many(&self) -> bool {
        self.cases().any(|kind| kind.about.iter().any(|(_, is)| matches!(is, Is::Reports(_))))
    }
}

impl Is {
    fn condition<'a>(&self, path: &'a str, world: &World, report: &EntityUid) -> Condition<'a> {
        let is = match self {
            Is::Reports(path) => at(world, report, path).into_iter().collect(),
            Is::OneOf(texts) => texts.iter().map(|text| Value::from(*text)).collect(),
            Is::True => vec![Value::Bool(true)],
        };
        Condition { path, is }
    }
}

/// The value at the end of an entity's path.
fn at(world: &World, start: &EntityUid, path: &str) -> Option<Value> {
    let mut value = Value::Entity(start.clone());
    for name in path.split('.') {
        let Value::Entity(uid) = &value else { return None };
        value = world.found(uid, name)?;
    }
    Some(value)
}

/// The report of a kind that the person may see, where all of them are about the same or there is one.
fn the_only_one(
    ward: &Ward,
    world: &World,
    question: &ReportQuestion<'_>,
    kind: &ReportKind,
    context: &BTreeMap<std::sync::Arc<str>, Value>,
) -> Result<Option<EntityUid>, Error> {
    /// Reports that are named.
    const SHOWN: usize = 5;
    let wanted = Some(Value::from(kind.name));
    let mut found = ward.engine.list(world, question.principal, ACTION, REPORT, context)?;
    found.retain(|report| world.found(report, "kind") == wanted);
    if found.len() > 1 && kind.is_one_of_many() {
        found.sort();
        let shown: Vec<String> = found.iter().take(SHOWN).map(EntityUid::to_string).collect();
        let more = if found.len() > SHOWN { ", …" } else { "" };
        return Err(Error::request(format!(
            "there are {} reports of kind `{}`; name one of {}{more}",
            found.len(),
            kind.name,
            shown.join(", ")
        )));
    }
    Ok(found.into_iter().next())
}
