//! Where a student is enrolled, by the lines of the feed.

use std::collections::{BTreeMap, BTreeSet};

use caseward::{EntityUid, Value};
use serde_json::Value as Json;

use super::kind::{count, day};
use super::read::Fields;
use super::subject::Subject;
use crate::attendance::{Making, Stop, routing};

/// One line: half-open, from a midnight to a midnight.
struct Interval {
    school: EntityUid,
    start: i64,
    end: Option<i64>,
    nsn: Option<String>,
    year_level: Option<i64>,
}

impl Interval {
    fn read(fields: &Fields) -> Result<Self, String> {
        let school = fields.get("school").map_or("", String::as_str);
        let start = day(fields, "start")?.ok_or("it lacks `start`")?;
        let end = day(fields, "end")?;
        if end.is_some_and(|end| end < start) {
            return Err("it ends before it starts".to_owned());
        }
        Ok(Interval {
            school: EntityUid::new("School", school),
            start,
            end,
            nsn: fields.get("nsn").cloned(),
            year_level: count(fields, "yearLevel")?,
        })
    }

    /// One that ends where it starts cancels what it said before.
    fn is_cancelled(&self) -> bool {
        self.end == Some(self.start)
    }

    fn holds(&self, at: i64) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }
}

/// What is wrong with a line, given what is in the data.
pub(super) fn check(making: &mut Making<'_>, subject: &Subject, fields: &Fields) -> Result<(), Stop> {
    let interval = Interval::read(fields).map_err(Stop::Invalid)?;
    if !making.draft.has(&interval.school)? {
        return Err(Stop::Invalid(format!("{} is not in the data", interval.school)));
    }
    if interval.nsn.is_none() && !making.draft.has(&subject.uid)? {
        return Err(Stop::Invalid(format!(
            "{} is not in the data, and a new student needs `nsn`",
            subject.uid
        )));
    }
    Ok(())
}

/// The instants at which something begins or ends.
pub(super) fn boundaries(fields: &Fields) -> Vec<i64> {
    let interval = Interval::read(fields);
    interval
        .map_or(Vec::new(), |interval| [Some(interval.start), interval.end].into_iter().flatten().collect())
}

/// What was so before the feed first spoke of the student.
pub(super) fn base(
    making: &mut Making<'_>,
    student: &EntityUid,
) -> Result<Vec<(&'static str, String)>, Stop> {
    let mut base = Vec::new();
    if making.draft.has(student)? {
        for name in ["enrolledAt", "lastSchool"] {
            base.extend(making.draft.entity(student, name)?.map(|school| (name, school.id().to_owned())));
        }
        if let Some(Value::Long(level)) = making.draft.get(student, "yearLevel")? {
            base.push(("yearLevel", level.to_string()));
        }
    }
    Ok(base)
}

/// Makes the student's enrolment what it is at an instant; gives what cannot all be so.
pub(super) fn apply(
    making: &mut Making<'_>,
    subject: &Subject,
    lines: &[Fields],
    at: i64,
) -> Result<Option<String>, Stop> {
    let student = &subject.uid;
    let mut all: Vec<Interval> = lines.iter().filter_map(|fields| Interval::read(fields).ok()).collect();
    all.sort_by_key(|interval| interval.start);
    if !making.draft.has(student)? {
        let nsn = all.iter().rev().find_map(|interval| interval.nsn.clone()).unwrap_or_default();
        making.draft.make(student, vec![("nsn", Value::string(nsn))]);
    }
    let begun = |interval: &&Interval| interval.start <= at;
    let numbered = all.first().into_iter().chain(all.iter().filter(begun));
    if let Some(nsn) = numbered.filter_map(|interval| interval.nsn.clone()).next_back() {
        making.draft.set(student, "nsn", Some(Value::string(nsn)))?;
    }
    all.retain(|interval| !interval.is_cancelled());
    // Who somebody is holds at once; a year level from the day on which its line begins.
    let year_level = all.iter().filter(begun).filter_map(|interval| interval.year_level).next_back();
    let before = || subject.base.get("yearLevel").and_then(|level| level.parse().ok());
    making.draft.set(student, "yearLevel", year_level.or_else(before).map(Value::Long))?;
    let state = State::at(&all, &subject.base, at);
    routing::change_school(making, student, state.enrolled.as_ref())?;
    let last = if state.enrolled.is_some() { None } else { state.last };
    making.draft.refer(student, "lastSchool", last.as_ref())?;
    Ok(state.flag)
}

/// Where a student is at an instant: the school, or else the last one.
pub(super) fn place(
    lines: &[Fields],
    base: &BTreeMap<String, String>,
    at: i64,
) -> (Option<EntityUid>, Option<EntityUid>) {
    let state = state(lines, base, at);
    let last = if state.enrolled.is_some() { None } else { state.last };
    (state.enrolled, last)
}

/// What lines of a student say that cannot all be so at an instant.
pub(super) fn flag(lines: &[Fields], at: i64) -> Option<String> {
    // What was so before the lines contradicts none of them.
    state(lines, &BTreeMap::new(), at).flag
}

fn state(lines: &[Fields], base: &BTreeMap<String, String>, at: i64) -> State {
    let mut all: Vec<Interval> = lines.iter().filter_map(|fields| Interval::read(fields).ok()).collect();
    all.sort_by_key(|interval| interval.start);
    all.retain(|interval| !interval.is_cancelled());
    State::at(&all, base, at)
}

/// Where a student is.
#[derive(Debug, PartialEq, Eq)]
struct State {
    enrolled: Option<EntityUid>,
    last: Option<EntityUid>,
    flag: Option<String>,
}

impl State {
    /// The school of the last day on which the student was at one.
    fn attended_last(all: &[Interval], at: i64) -> Option<EntityUid> {
        let mut days: Vec<i64> = all.iter().flat_map(|one| [Some(one.start), one.end]).flatten().collect();
        days.retain(|day| *day <= at);
        days.sort_unstable();
        days.iter().rev().find_map(|day| match Self::newest(all, *day).as_slice() {
            [one] => Some(one.school.clone()),
            _ => None,
        })
    }

    /// Of the intervals that hold an instant those that start last.
    fn newest(all: &[Interval], at: i64) -> Vec<&Interval> {
        let holding = || all.iter().filter(|interval| interval.holds(at));
        let latest = holding().map(|interval| interval.start).max();
        holding().filter(|interval| Some(interval.start) == latest).collect()
    }

    /// INVARIANT: it follows from the lines and the base alone, in whatever order they came.
    fn at(all: &[Interval], base: &BTreeMap<String, String>, at: i64) -> Self {
        let school = |name: &str| base.get(name).map(|id| EntityUid::new("School", id.as_str()));
        let first = all.iter().map(|interval| interval.start).min();
        if first.is_none_or(|first| at < first) {
            return State { enrolled: school("enrolledAt"), last: school("lastSchool"), flag: None };
        }
        let holding: Vec<&Interval> = all.iter().filter(|interval| interval.holds(at)).collect();
        let newest = Self::newest(all, at);
        let last =
            Self::attended_last(all, at).or_else(|| school("enrolledAt")).or_else(|| school("lastSchool"));
        let names = |of: &[&Interval]| {
            let names: BTreeSet<&str> = of.iter().map(|interval| interval.school.id()).collect();
            names.into_iter().collect::<Vec<_>>().join(", ")
        };
        match newest.as_slice() {
            [] => State { enrolled: None, last, flag: None },
            [one] => {
                let is_at_one = holding.iter().all(|interval| interval.school == one.school);
                let flag = (!is_at_one).then(|| format!("enrolled at several schools: {}", names(&holding)));
                State { enrolled: Some(one.school.clone()), last: None, flag }
            }
            _ => State {
                enrolled: None,
                last,
                flag: Some(format!("several enrolments start together: {}", names(&holding))),
            },
        }
    }
}

/// The days and codes of a student as content, and the rate of the term that holds the instant.
pub(super) fn apply_days(
    making: &mut Making<'_>,
    student: &EntityUid,
    lines: &[Fields],
    terms: &[(i64, i64)],
    at: i64,
) -> Result<(), Stop> {
    let term = terms.iter().find(|(start, end)| *start <= at && at < *end);
    let (mut attended, mut open) = (0_i64, 0_i64);
    for fields in lines {
        let Ok(Some(date)) = day(fields, "date") else { continue };
        if term.is_some_and(|(start, end)| *start <= date && date < *end) {
            attended = attended.saturating_add(half_days(fields, "attended"));
            open = open.saturating_add(half_days(fields, "open"));
        }
    }
    let rate = (open > 0).then(|| Value::Long(attended.saturating_mul(1_000) / open));
    making.draft.set(student, "attendanceRate", rate)?;
    for (field, value) in days(lines) {
        making.draft.content(student, field, Some(value));
    }
    Ok(())
}

/// What days are as content: their codes, and their half-days, by date.
pub(crate) fn days<'a>(lines: impl IntoIterator<Item = &'a Fields>) -> [(&'static str, Json); 2] {
    let (mut codes, mut times) = (serde_json::Map::new(), serde_json::Map::new());
    for fields in lines {
        let (Some(name), Ok(Some(_))) = (fields.get("date"), day(fields, "date")) else { continue };
        codes.extend(fields.get("code").map(|code| (name.clone(), Json::from(code.as_str()))));
        let half = |name| half_days(fields, name);
        times.insert(name.clone(), serde_json::json!({"attended": half("attended"), "open": half("open")}));
    }
    [("attendanceCodes", Json::Object(codes)), ("attendanceTimes", Json::Object(times))]
}

fn half_days(fields: &Fields, name: &str) -> i64 {
    count(fields, name).ok().flatten().unwrap_or(0)
}

/// What is wrong with a day.
pub(super) fn check_day(making: &mut Making<'_>, subject: &Subject, fields: &Fields) -> Result<(), Stop> {
    let bad = |why: String| Err(Stop::Invalid(why));
    if let Err(why) = day(fields, "date") {
        return bad(why);
    }
    match (count(fields, "attended"), count(fields, "open")) {
        (Err(why), _) | (_, Err(why)) => return bad(why),
        (Ok(Some(attended)), Ok(Some(open))) if attended > open || open > 2 => {
            return bad(format!(
                "{attended} half-days of {open}: a day has two at most, and no more are attended than open"
            ));
        }
        _ => {}
    }
    match making.draft.has(&subject.uid)? {
        true => Ok(()),
        false => bad(format!("{} is not in the data", subject.uid)),
    }
}
