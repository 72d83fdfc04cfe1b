//! The lines of feeds, and what they say of a person or a student at an instant.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::{Map, Value as Json};

use crate::facts::{Uid, instant, instant_of, named, uid};
use crate::time;

/// A line's fields, without those that say nothing.
pub(crate) type Fields = BTreeMap<String, String>;

/// A user's attributes that are roles, with the type of what they name.
pub(crate) const ROLES: [(&str, &str); 10] = [
    ("attendanceLeadAt", "School"),
    ("primaryContactAt", "School"),
    ("officeSupportAt", "School"),
    ("delegatedAuthoriserAt", "School"),
    ("workflowLeadAt", "Provider"),
    ("caseManagerAt", "Provider"),
    ("attendanceOfficerAt", "Provider"),
    ("delegatedAuthoriserFor", "Provider"),
    ("monitors", "Provider"),
    ("ministryTeams", "MinistryTeam"),
];

pub(crate) const TEAMS: [&str; 8] = [
    "centralInvestigation",
    "nationalContracts",
    "regionalContracts",
    "regionalOffice",
    "prosecutions",
    "privacy",
    "resourcingAudit",
    "research",
];

pub(crate) fn place_type(role: &str) -> Option<&'static str> {
    ROLES.iter().find(|(name, _)| *name == role).map(|(_, ty)| *ty)
}

/// A role of somebody somewhere.
pub(crate) type Role = (String, String, String);

/// Half-open, from a day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enrolment {
    pub(crate) end: Option<Date>,
    pub(crate) year: Option<i64>,
}

/// All lines that were taken, as they stand.
#[derive(Default)]
pub(crate) struct Lines {
    /// Every line that was ever taken.
    pub(crate) taken: BTreeSet<(String, Fields)>,
    /// Until when, by role and when it begins.
    pub(crate) staff: BTreeMap<(Role, i64), Option<i64>>,
    /// What commands said of a role, and when.
    pub(crate) marks: BTreeMap<Role, BTreeMap<i64, bool>>,
    pub(crate) logins: BTreeMap<(String, i64), bool>,
    /// When it is processed, by person and when it was passed.
    pub(crate) training: BTreeMap<(String, i64), i64>,
    pub(crate) enrolment: BTreeMap<(String, Date, String), Enrolment>,
    /// When somebody's records were disposed of last.
    pub(crate) disposed: BTreeMap<String, i64>,
    pub(crate) terms: BTreeMap<String, (Date, Date)>,
    /// Half-days attended and open.
    pub(crate) attendance: BTreeMap<(String, Date), (i64, i64)>,
    /// What was imported.
    pub(crate) base: BTreeMap<Uid, Map<String, Json>>,
}

impl Lines {
    fn base(&self, uid: &Uid, name: &str) -> Option<&Json> {
        self.base.get(uid)?.get(name)
    }

    /// When something begins or ends, after an instant and up to another.
    pub(crate) fn due(&self, after: i64, upto: i64) -> BTreeSet<i64> {
        let mut all = BTreeSet::new();
        for ((_, from), until) in &self.staff {
            all.insert(*from);
            all.extend(*until);
        }
        all.extend(self.logins.keys().map(|(_, at)| *at));
        for ((_, start, _), line) in &self.enrolment {
            all.insert(time::midnight(*start));
            all.extend(line.end.map(time::midnight));
        }
        for (start, end) in self.terms.values() {
            all.insert(time::midnight(*start));
            all.insert(time::midnight(time::later(*end, 1)));
        }
        all.into_iter().filter(|at| *at > after && *at <= upto).collect()
    }

    /// Where somebody holds a role.
    pub(crate) fn places(&self, user: &str, role: &str, at: i64) -> BTreeSet<Uid> {
        let ty = place_type(role).unwrap();
        let base = self.base(&uid("User", user), role).and_then(Json::as_array);
        let mut places: BTreeSet<String> =
            base.into_iter().flatten().filter_map(named).map(|place| place.1).collect();
        let imported = places.clone();
        let ours = |key: &Role| key.0 == user && key.1 == role;
        places.extend(self.staff.keys().filter(|(key, _)| ours(key)).map(|(key, _)| key.2.clone()));
        places.extend(self.marks.keys().filter(|key| ours(key)).map(|key| key.2.clone()));
        let key = |place: &String| (user.to_owned(), role.to_owned(), place.clone());
        places
            .into_iter()
            .filter(|place| self.holds(&key(place), imported.contains(place), at))
            .map(|place| uid(ty, &place))
            .collect()
    }

    /// What a command said, until a later line begins; what was imported, until the first line begins.
    fn holds(&self, key: &Role, imported: bool, at: i64) -> bool {
        let mark = self.marks.get(key).and_then(|marks| marks.range(..=at).next_back());
        let since = mark.map_or(i64::MIN, |(at, _)| *at);
        // READING: a line that ends where it starts begins and ends there; only of enrolment it is cancelled.
        let lines = || self.staff.range((key.clone(), i64::MIN)..=(key.clone(), at));
        if lines().any(|((_, from), _)| *from > since) {
            lines().any(|((_, from), until)| *from > since && until.is_none_or(|until| at < until))
        } else {
            mark.map_or(imported, |(_, held)| *held)
        }
    }

    pub(crate) fn active(&self, user: &str, at: i64) -> bool {
        let range = (user.to_owned(), i64::MIN)..=(user.to_owned(), at);
        let imported = || self.base(&uid("User", user), "loginActive").and_then(Json::as_bool);
        self.logins.range(range).next_back().map(|(_, active)| *active).or_else(imported).unwrap_or(false)
    }

    /// From when somebody is cleared: READING: by the first time that they passed, also by an import.
    pub(crate) fn cleared(&self, user: &str) -> Option<Json> {
        let range = (user.to_owned(), i64::MIN)..=(user.to_owned(), i64::MAX);
        let imported = self.base(&uid("User", user), "providerAccessFrom").and_then(instant_of);
        self.training.range(range).map(|(_, from)| *from).chain(imported).min().map(instant)
    }

    /// A student's lines but those that are cancelled.
    fn enrolments(&self, student: &str) -> impl Iterator<Item = (Date, &str, Enrolment)> {
        self.enrolment
            .iter()
            .filter(move |((who, ..), _)| who == student)
            .filter(|((_, start, _), line)| line.end.is_none_or(|end| end > *start))
            .map(|((_, start, school), line)| (*start, school.as_str(), *line))
    }

    /// The school of the interval that holds a day: of several the one that starts last, of two that start together none.
    fn school_on(&self, student: &str, day: Date) -> Option<&str> {
        let holding = || {
            self.enrolments(student)
                .filter(move |(start, _, line)| *start <= day && line.end.is_none_or(|end| day < end))
        };
        let last = holding().map(|(start, ..)| start).max()?;
        let mut all = holding().filter(|(start, ..)| *start == last);
        let (_, school, _) = all.next()?;
        all.next().is_none().then_some(school)
    }

    /// A student's school at an instant, and the last one of who is enrolled nowhere.
    pub(crate) fn enrolled(&self, student: &str, at: i64) -> (Option<Uid>, Option<Uid>) {
        let school = |name: &str| uid("School", name);
        let imported = |name: &str| self.base(&uid("Student", student), name).and_then(named);
        let (base, last) = (imported("enrolledAt"), imported("lastSchool"));
        let today = time::day_of(at);
        if self.enrolments(student).all(|(start, ..)| start > today) {
            return (base, last);
        }
        if let Some(now) = self.school_on(student, today) {
            return (Some(school(now)), None);
        }
        // Days on which it may have changed, the latest first.
        let mut days: BTreeSet<Date> = BTreeSet::new();
        for (start, _, line) in self.enrolments(student) {
            days.insert(start);
            days.extend(line.end);
        }
        let before = days.range(..=today).rev().find_map(|day| self.school_on(student, *day));
        (None, before.map(school).or(base).or(last))
    }

    /// The year level that the line that began last and has one says.
    pub(crate) fn year_level(&self, student: &str, at: i64) -> Option<Json> {
        let today = time::day_of(at);
        let begun =
            self.enrolments(student).filter(|(start, _, line)| *start <= today && line.year.is_some());
        let year = begun.max_by_key(|(start, ..)| *start).and_then(|(_, _, line)| line.year);
        year.map(Json::from).or_else(|| self.base(&uid("Student", student), "yearLevel").cloned())
    }

    /// Half-days attended per 1,000 open, over the term that holds the day.
    pub(crate) fn rate(&self, student: &str, at: i64) -> Option<Json> {
        let today = time::day_of(at);
        let (start, end) = *self.terms.values().find(|(start, end)| *start <= today && today <= *end)?;
        let range = (student.to_owned(), start)..=(student.to_owned(), end);
        let (attended, open) = self
            .attendance
            .range(range)
            .fold((0, 0), |(attended, open), (_, day)| (attended + day.0, open + day.1));
        (open > 0).then(|| (1_000 * attended / open).into())
    }
}
