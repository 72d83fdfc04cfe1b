//! Cedar's own store of entities and its query over resources, on the data as it is: `memory/…`,
//! `change/school_move/…` and `list/…`.
//!
//! Up to 100,000 cases, since it takes gigabytes beyond; lists up to 10,000, since each takes seconds.

use std::fs;

use crate::Failure;
use crate::floor::{Floor, Lists};
use crate::list::people;
use crate::peers::cedar::{Cedar, Stored};
use crate::random::Random;
use crate::report::{Report, timed, timed_at_work};
use crate::world::{Data, NOW, Question};

const MOST_STORED: usize = 100_000;
const MOST_LISTED: usize = 10_000;
/// Students who move school.
const MOVES: usize = 5;

/// All rows of Cedar's store; the data must be as the floor has it.
///
/// # Errors
/// Never for data that caseward took.
pub fn rows(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    if data.cases > MOST_STORED {
        return Ok(());
    }
    let before = resident()?;
    let mut stored = Stored::new(data)?;
    let held = resident()?.saturating_sub(before);
    let answer = format!("{} entities, growth of the resident set", stored.len());
    report.record(format!("memory/{}", data.cases), "cedar entities", "bytes", held as f64, answer);
    if data.cases <= MOST_LISTED {
        lists(data, floor, &stored, report)?;
    }
    let (cases, schools) = (data.all("Case"), data.all("School"));
    let (mut random, mut times) = (Random(29), Vec::new());
    for _ in 0..MOVES {
        let case = &cases[random.below(cases.len())];
        let school = &schools[random.below(schools.len())];
        let moved = stored.moved(data, case, school)?;
        let (all, time) = timed_at_work(|| stored.upserted(moved));
        stored = all?;
        times.push(time);
    }
    let name = format!("change/school_move/{}", data.cases);
    report.record_all(name, "cedar, upsert", "ns", times, format!("{MOVES} applied"));
    Ok(())
}

/// What people of different roles may see, each asked once.
fn lists(data: &Data, floor: &Floor<'_>, stored: &Stored, report: &mut Report) -> Result<(), Failure> {
    let (cedar, lists) = (Cedar::new(&data.ward)?, Lists::new(floor));
    let question = Question::new(data, "viewSummary", "Case", NOW);
    for (who, user, _) in people(floor, &lists) {
        let asked = question.request(user, 0);
        let (found, time) = timed(|| stored.query(&cedar, &asked));
        let found = found?;
        let expected = lists.view_summary_cases(user, NOW).len();
        assert_eq!(found as u64, expected, "{who}: cedar's query over resources");
        let name = format!("list/{who}/{}", data.cases);
        report.record(name, "cedar, query over resources (TPE)", "ns", time, found.to_string());
    }
    Ok(())
}

/// Bytes of memory that this process holds; 0 where the system does not say.
fn resident() -> Result<usize, Failure> {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return Ok(0) };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no resident set")?;
    Ok(kilobytes.parse::<usize>()? * 1024)
}
