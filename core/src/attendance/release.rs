//! Releases: tables of one report that are published together.

use serde::Deserialize;

use super::reports::{RECORDS, ReportKind, ReportQuestion, of_report, zone};
use crate::model::object;
use crate::model::{Error, Provenance};
use crate::table::disclosure::{Protection, Together};
use crate::table::group::Group;
use crate::table::{Part, Table};
use crate::ward::Ward;
use crate::world::World;

/// Tables, and groups of all tables together, at most.
const TABLES: usize = 24;
const GROUPS: usize = 16;
/// Groups of one table.
const OF_TABLE: usize = 4;
/// Bytes of a release's text.
const LONGEST: usize = 65_536;
/// Profiles at most: combinations of what tables are grouped by.
const PROFILES: usize = 200_000;

/// Tables of one kind of report that are published together: none of them tells what another leaves out.
///
/// It is written down in TOML, so that what is published is known beforehand:
///
/// ```toml
/// name = "term 1 of 2026"
/// kind = "anonymised"
/// # The smallest count that is told; 6 where nothing is said. With a key for rounding there is none.
/// below = 6
///
/// [[tables]]
/// name = "providers"
/// by = ["provider", "status"]
///
/// [[tables]]
/// by = ["quarter of openedAt"]
/// ```
///
/// Periods are those of New Zealand's calendar: a release has one zone, and names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    name: String,
    kind: &'static ReportKind,
    below: Option<u64>,
    tables: Vec<(String, Vec<Group>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRelease {
    name: String,
    kind: String,
    below: Option<u64>,
    #[serde(deserialize_with = "object::list")]
    tables: Vec<RawTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    name: Option<String>,
    by: Vec<String>,
}

impl Release {
    /// Reads a release.
    ///
    /// # Errors
    /// [`Error::is_request`], with the line where it is one of the text: for TOML that is none or names what a release
    /// has not, for a kind of report that covers no cases in aggregate, for groups that make no sense, two tables of one
    /// name or none at all.
    pub fn read(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST {
            return Err(Error::request(format!("a release's text has at most {LONGEST} bytes")));
        }
        if text.starts_with('\u{feff}') {
            let why = "the release starts with a byte order mark (BOM); save it as UTF-8 without one";
            return Err(Error::request(why));
        }
        let raw: RawRelease = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            Error::request(format!("the release cannot be read: line {line}: {}", error.message()))
        })?;
        let kind = ReportKind::named(&raw.kind)?;
        if !kind.in_aggregate {
            return Err(Error::request(format!(
                "a report of kind `{}` is no release: its readers see its cases one by one. Releases are of kinds in \
                aggregate",
                kind.name
            )));
        }
        if raw.tables.is_empty() || raw.tables.len() > TABLES {
            return Err(Error::request(format!("a release has one table or more, and at most {TABLES}")));
        }
        let mut tables: Vec<(String, Vec<Group>)> = Vec::new();
        for RawTable { name, by } in raw.tables {
            let groups: Vec<Group> =
                by.iter().map(|text| Group::parse(text, &zone())).collect::<Result<_, _>>()?;
            let called = |groups: &[Group]| {
                let names: Vec<_> = groups.iter().map(Group::name).collect();
                if names.is_empty() { "all".to_owned() } else { format!("by {}", names.join(", ")) }
            };
            let name = name.unwrap_or_else(|| called(&groups));
            if groups.len() > OF_TABLE {
                return Err(Error::request(format!("table `{name}` has more than {OF_TABLE} groups")));
            }
            if tables.iter().any(|(other, _)| *other == name) {
                return Err(Error::request(format!("the release has two tables `{name}`")));
            }
            tables.push((name, groups));
        }
        Ok(Release { name: raw.name, kind, below: raw.below, tables })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of report that its tables are of.
    pub fn kind(&self) -> &'static ReportKind {
        self.kind
    }

    /// The names of its tables.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|(name, _)| name.as_str())
    }

    /// Every group of its tables once, and for each table which of them.
    fn groups(&self) -> (Vec<Group>, Vec<Vec<usize>>) {
        let mut all: Vec<Group> = Vec::new();
        let mut tables = Vec::new();
        for (_, groups) in &self.tables {
            let place = |group: &Group| {
                all.iter().position(|other| other == group).unwrap_or_else(|| {
                    all.push(group.clone());
                    all.len() - 1
                })
            };
            tables.push(groups.iter().map(place).collect());
        }
        (all, tables)
    }
}

/// Counts the cases that a report is about in all tables of a release, which are protected together; `None` where there
/// is no such report that the person may see.
///
/// Who may have it is as for [`report`](super::report), whose question it takes: its kind is the release's, it is
/// grouped by nothing besides, and its protection holds where it is rounding, else the release's threshold.
///
/// No table of a release tells what another leaves out: quarters do not give months away, nor groups by two things
/// those by one. Every table says which others it was protected with. What is promised stands in the module
/// `disclosure`.
///
/// # Errors
/// As [`report`](super::report); and [`Error::is_request`] for a release that cannot be protected, which says what can
/// be done instead.
///
/// # Example
/// ```
/// use caseward::attendance::{Release, ReportQuestion, Sample, release};
/// use caseward::{EntityUid, Protection, Ward};
///
/// let ward = Ward::attendance()?;
/// let world = Sample { cases: 300, seed: 7 }.build(&ward, &mut |_| {})?;
/// let tables = Release::read(
///     "name = 'of 2026'\nkind = 'anonymised'\n[[tables]]\nby = ['quarter of openedAt']\n[[tables]]\nby = ['status']\n",
/// )?;
/// let people = world.ids("User")?.map(|id| EntityUid::new("User", id));
/// let protection = Protection::default();
/// for principal in people {
///     let question = ReportQuestion::of(&principal, tables.kind().name, 1_778_446_800_000, &protection);
///     for table in release(&ward, &world, &tables, &question)?.into_iter().flatten() {
///         assert_eq!(table.release().map(|part| part.with.len()), Some(1));
///     }
/// }
/// # Ok::<(), caseward::Error>(())
/// ```
pub fn release(
    ward: &Ward,
    world: &World,
    release: &Release,
    question: &ReportQuestion<'_>,
) -> Result<Option<Vec<Table>>, Error> {
    let (groups, tables) = release.groups();
    if groups.len() > GROUPS {
        return Err(Error::request(format!("the tables of a release have at most {GROUPS} groups together")));
    }
    let protection = match (question.protection, release.below) {
        (Protection::Round(_), Some(_)) => {
            let why = "the release has a threshold, `below`, and is to be rounded: one of both";
            return Err(Error::request(why));
        }
        (Protection::Round(key), None) => Protection::Round(key.clone()),
        (Protection::Suppress { below }, None) => Protection::Suppress { below: *below },
        (Protection::Suppress { .. }, Some(below)) => Protection::Suppress { below },
    };
    protection.check()?;
    let question =
        ReportQuestion { kind: release.kind.name, by: &groups, protection: &protection, ..*question };
    let found = of_report(ward, world, &question, |answer, population| {
        let profiles = ward.engine.profile_population(
            world,
            answer.provenance.version,
            population,
            (groups.as_slice(), PROFILES),
        )?;
        Ok(profiles.map(|profiles| (profiles, answer.provenance.version)))
    })?;
    let Some((profiles, version)) = found else { return Ok(None) };
    let names: Vec<_> = groups.iter().map(Group::name).collect();
    let together = Together { profiles: &profiles, tables: &tables, names: &names };
    let (told, protected) = together.protect(&protection)?;
    let made = told.into_iter().zip(&release.tables).map(|(lines, (name, by))| {
        let part = Part {
            release: release.name.as_str().into(),
            table: name.as_str().into(),
            with: release.tables().filter(|other| *other != name.as_str()).map(Into::into).collect(),
        };
        let by = by.iter().map(Group::name).collect();
        Table::of_release(
            (RECORDS, by, lines),
            (part, protected),
            Provenance::new(ward.policy_hash().clone(), version, Some(question.now)),
        )
    });
    Ok(Some(made.collect()))
}
