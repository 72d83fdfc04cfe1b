//! Counts by group: rows `count_by/<who>/<groups>/<cases>`, the cases of which people may `viewSummary`, and
//! `protect/<groups>/<cases>`, what it takes to suppress or to round the whole country's table.
//!
//! `floor` finds the cases by hand-written bitmaps and adds them up from the floor's structs, one by one, with what
//! it groups by as dense numbers; months it knows beforehand. `list, by hand` is what there is without `count_by`:
//! the ids of a list, and a look at each of them.

use caseward::testing::asks::query;
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;

use caseward::attendance::zone;
use caseward::{EntityUid, Group, Protection, RoundingKey, Table, Unit, Value};

use crate::Failure;
use crate::compare::{Work, compare_work};
use crate::floor::{Case, Floor, Lists, Status};
use crate::list::people;
use crate::report::Report;
use crate::world::{Data, NOW, Question};

/// What a case is counted under, by hand.
type Keys<'a> = Box<dyn Fn(u32, &Case) -> u64 + 'a>;

/// All rows of counts.
///
/// # Errors
/// Never for a question about the data.
pub fn rows(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    let lists = Lists::new(floor);
    let question = Question::new(data, "viewSummary", "Case", NOW);
    let months = months(data);
    let status = |case: &Case| if case.status == Status::Open { 0 } else { 1 };
    let month = Group::period(Unit::Month, "openedAt", &zone());
    let all: [(&str, Vec<Group>, Keys<'_>); 5] = [
        ("status", vec![Group::of("status")], Box::new(|_, case| status(case))),
        ("provider", vec![Group::of("provider")], Box::new(|_, case| u64::from(case.provider))),
        ("school", vec![Group::of("school")], Box::new(|_, case| u64::from(case.school))),
        (
            "status,provider",
            vec![Group::of("status"), Group::of("provider")],
            Box::new(|_, case| u64::from(case.provider) << 1 | status(case)),
        ),
        ("month", vec![month], Box::new(|number, _| u64::from(months[number as usize]))),
    ];
    let chosen = ["attendance_lead", "workflow_lead", "prosecutions", "national"];
    for (who, user, _) in people(floor, &lists).into_iter().filter(|(who, ..)| chosen.contains(who)) {
        let (person, context) = (question.user(user), question.context());
        for (groups, by, keys) in &all {
            let name = format!("count_by/{who}/{groups}/{}", data.cases);
            let count =
                || data.ward.count_by(&data.world, &query(&person, "viewSummary", "Case", &context), by);
            let by_hand = || {
                let mut counts: HashMap<u64, u64> = HashMap::new();
                for case in &lists.view_summary_cases(user, NOW) {
                    *counts.entry(keys(case, &floor.cases[case as usize])).or_default() += 1;
                }
                counts
            };
            let (table, mut wanted) = (count()?, by_hand().into_values().collect::<Vec<_>>());
            let mut found = counts(&table);
            found.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{name}");
            let mut all: Vec<(&'static str, Work<'_>)> = vec![
                ("caseward", Box::new(|| count().map_or(0, |table| table.cells().len()))),
                ("floor", Box::new(|| black_box(by_hand()).len())),
            ];
            if *groups == "status" {
                let list = || data.ward.list(&data.world, &query(&person, "viewSummary", "Case", &context));
                let listed = move || {
                    let mut counts: BTreeMap<Option<Value>, u64> = BTreeMap::new();
                    for case in list().unwrap_or_default() {
                        let status = data.world.attribute(&case, "status").unwrap_or_default();
                        *counts.entry(status).or_default() += 1;
                    }
                    counts.len()
                };
                all.push(("list, by hand", Box::new(listed)));
            }
            compare_work(report, &name, wanted.len(), &mut all);
            report.print_ratios(&name);
        }
        if who == "national" {
            protect(data, &person, &question, report)?;
        }
    }
    Ok(())
}

fn counts(table: &Table) -> Vec<u64> {
    table.cells().iter().filter_map(|line| line.count.number()).collect()
}

/// The month in which each case was opened, as a number.
fn months(data: &Data) -> Vec<u32> {
    let opened = |case: EntityUid| match data.world.attribute(&case, "openedAt") {
        Ok(Some(Value::Datetime(ms))) => month_of(ms) as u32,
        _ => u32::MAX,
    };
    data.all("Case").into_iter().map(opened).collect()
}

/// Months since 1970 in New Zealand, written by hand: twelve hours ahead, thirteen from the last Sunday of September
/// to the first of April.
fn month_of(ms: i64) -> i64 {
    const HOUR: i64 = 3_600_000;
    let civil = |ms: i64| {
        let days = ms.div_euclid(24 * HOUR);
        let (mut year, mut left) = (1970, days);
        let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        while left >= 365 + i64::from(is_leap(year)) {
            left -= 365 + i64::from(is_leap(year));
            year += 1;
        }
        let lengths = [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut month = 0;
        while left >= lengths[month] {
            left -= lengths[month];
            month += 1;
        }
        (year, month as i64, left + 1, days)
    };
    // A change of the clocks is never near the end of a month but for September's.
    let standard = ms + 12 * HOUR;
    let (_, month, day, days) = civil(standard);
    // 1970-01-01 was a Thursday.
    let weekday = (days + 4).rem_euclid(7);
    let last_sunday = day - weekday;
    let is_summer = match month {
        3 => last_sunday < 1,
        8 => last_sunday + 7 > 30,
        month => !(3..=8).contains(&month),
    };
    let (year, month, ..) = civil(if is_summer { standard + HOUR } else { standard });
    (year - 1970) * 12 + month
}

/// What it takes to protect the country's tables.
fn protect(
    data: &Data,
    person: &EntityUid,
    question: &Question<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let month = Group::period(Unit::Month, "openedAt", &zone());
    let key = Protection::Round(RoundingKey::new(*b"a key that is told to everybody.")?);
    let suppress = Protection::default();
    for (groups, by) in [
        ("status,provider", vec![Group::of("status"), Group::of("provider")]),
        ("provider,month", vec![Group::of("provider"), month]),
        ("school,status", vec![Group::of("school"), Group::of("status")]),
    ] {
        let context = question.context();
        let table = data.ward.count_by(&data.world, &query(person, "viewSummary", "Case", &context), &by)?;
        let (lines, hidden) = {
            let told = table.protect(&suppress)?;
            let lines = told.cells().iter().chain(told.totals());
            (
                told.cells().len() + told.totals().len(),
                lines.filter(|line| line.count.number().is_none()).count(),
            )
        };
        println!("{groups}: {hidden} of {lines} lines suppressed");
        let name = format!("protect/{groups}/{}", data.cases);
        let hidden_again = || {
            let told = table.protect(&suppress).ok()?;
            Some(
                told.cells().iter().chain(told.totals()).filter(|line| line.count.number().is_none()).count(),
            )
        };
        let mut all: Vec<(&'static str, Work<'_>)> =
            vec![("caseward, suppressed", Box::new(|| hidden_again().unwrap_or(0)))];
        compare_work(report, &name, hidden, &mut all);
        // Rounding looks at each record, so that it is timed with the count.
        let cases = query(person, "viewSummary", "Case", &context);
        let round = || data.ward.count_by_protected(&data.world, &cases, &by, &key);
        let total = round()?.total().number().unwrap_or(0) as usize;
        let rounded = || round().ok().and_then(|table| table.total().number()).unwrap_or(0);
        let mut all: Vec<(&'static str, Work<'_>)> =
            vec![("caseward, counted and rounded", Box::new(|| rounded() as usize))];
        compare_work(report, &name, total, &mut all);
    }
    Ok(())
}
