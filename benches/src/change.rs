//! Students who move school: `change/school_move/<cases>` at 1,000 a second, and `check_while_changing/…`,
//! checks with such a writer and without.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use caseward::{Changes, EntityUid, Value};

use crate::Failure;
use crate::check::{Ours, answers};
use crate::floor::{Floor, Lists, Status};
use crate::list::listed;
use crate::pairs::pairs;
use crate::random::Random;
use crate::report::{Report, timed, timed_at_work};
use crate::world::{Data, NOW, Question};

/// Between two changes.
const PACE: Duration = Duration::from_millis(1);
const CHANGES: usize = 3_000;
const REQUESTS: usize = 1_000;
const ROUNDS: usize = 21;
/// Checks to one side of a round: long enough for many changes.
const ROUND: Duration = Duration::from_millis(60);
/// People whose lists are compared after all.
const LISTS: usize = 40;

/// Open cases of students, and schools, by name.
struct Moves {
    cases: Vec<(u32, EntityUid, EntityUid)>,
    schools: Vec<EntityUid>,
}

impl Moves {
    fn new(data: &Data, floor: &Floor<'_>) -> Self {
        let (students, cases) = (data.all("Student"), data.all("Case"));
        let open = (0u32..).zip(&floor.cases).filter(|(_, case)| case.status == Status::Open);
        let named = |(number, case): (u32, &crate::floor::Case)| {
            (number, cases[number as usize].clone(), students[case.student as usize].clone())
        };
        Moves { cases: open.map(named).collect(), schools: data.all("School") }
    }

    /// A student with an open case enrols elsewhere.
    fn apply(&self, data: &Data, random: &mut Random) -> bool {
        let (_, case, student) = &self.cases[random.below(self.cases.len())];
        let school = Value::Entity(self.schools[random.below(self.schools.len())].clone());
        let changes = Changes::new().set(student, "enrolledAt", school.clone()).set(case, "school", school);
        data.world.apply(&changes).is_ok()
    }
}

/// All rows of changes.
///
/// # Errors
/// Never for the policies that come with caseward.
pub fn rows(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    let moves = Moves::new(data, floor);
    while_changing(data, floor, &moves, report)?;
    paced(data, &moves, report);
    let floor = Floor::new(&data.world)?;
    let (lists, question) = (Lists::new(&floor), Question::new(data, "viewSummary", "Case", NOW));
    let mut random = Random(13);
    for _ in 0..LISTS {
        let user = random.below(floor.users.len()) as u32;
        let found = listed(data, &floor, &question, user)?;
        assert_eq!(lists.view_summary_cases(user, NOW), found, "after changes: {}", question.user_id(user));
    }
    Ok(())
}

/// Changes at their pace by the clock, and half-way between two of them nothing at all, timed alike.
fn paced(data: &Data, moves: &Moves, report: &mut Report) {
    let (mut random, mut ours, mut empty) = (Random(17), Vec::new(), Vec::new());
    let (start, version) = (Instant::now(), data.world.version());
    let until = |at: Duration| {
        while start.elapsed() < at {
            std::hint::spin_loop();
        }
    };
    for nth in 0..CHANGES as u32 {
        until(PACE * nth);
        let (applied, time) = timed(|| moves.apply(data, &mut random));
        assert!(applied, "a change was refused");
        ours.push(time);
        until(PACE * nth + PACE / 2);
        empty.push(timed(|| black_box(nth)).1);
    }
    assert_eq!(data.world.version(), version + CHANGES as u64);
    let name = format!("change/school_move/{}", data.cases);
    report.record_all(name.clone(), "caseward", "ns", ours, format!("{CHANGES} applied and indexed"));
    report.record_all(name.clone(), "an empty loop", "ns", empty, String::new());
    report.print_ratios(&name);
}

/// Hot checks of what no change touches, with a writer on another core and without, turn by turn.
fn while_changing(data: &Data, floor: &Floor<'_>, moves: &Moves, report: &mut Report) -> Result<(), Failure> {
    let question = Question::new(data, "viewSummary", "Case", NOW);
    let pairs = pairs(floor, REQUESTS, floor.cases.len(), 7, |case| case);
    let asked: std::collections::HashSet<u32> =
        pairs.iter().map(|pair| floor.cases[pair.resource as usize].student).collect();
    let is_free = |case: &u32| !asked.contains(&floor.cases[*case as usize].student);
    let cases = moves.cases.iter().filter(|(case, ..)| is_free(case)).cloned().collect();
    let moves = Moves { cases, schools: moves.schools.clone() };
    let expected = answers(data, &question, &pairs)?;
    let ours = Ours::new(data, &question)?;
    let ready: Vec<_> = pairs.iter().map(|pair| ours.handles(pair)).collect();
    let check = || ready.iter().zip(&expected).filter(|(pair, is)| ours.allows(**pair) != **is).count();
    let side = || {
        let (start, mut times, mut wrong) = (Instant::now(), 0, 0);
        let ((), time) = timed_at_work(|| {
            while start.elapsed() < ROUND {
                wrong += check();
                times += REQUESTS;
            }
        });
        assert_eq!(wrong, 0, "answers changed by what does not concern them");
        time / times as f64
    };
    let (mut still, mut changing, mut slower) = (Vec::new(), Vec::new(), Vec::new());
    let changed = AtomicUsize::new(0);
    for round in 0..ROUNDS {
        let mut both = [0.0; 2];
        for turn in 0..2 {
            let is_changing = (round + turn) % 2 == 1;
            both[usize::from(is_changing)] =
                if is_changing { with_writer(data, &moves, round, &changed, side) } else { side() };
        }
        still.push(both[0]);
        changing.push(both[1]);
        slower.push((both[1] / both[0] - 1.0) * 100.0);
    }
    let name = format!("check_while_changing/viewSummary/{}", data.cases);
    report.record_all(name.clone(), "caseward", "ns", still, "no writer".into());
    let answer = format!("{} changes meanwhile", changed.into_inner());
    report.record_all(name.clone(), "caseward, while changing", "ns", changing, answer);
    report.record_all(name.clone(), "slower while changing, by", "%", slower, "round by round".into());
    report.print_ratios(&name);
    Ok(())
}

/// What `side` gives while another thread applies changes at their pace.
fn with_writer(
    data: &Data,
    moves: &Moves,
    seed: usize,
    changed: &AtomicUsize,
    side: impl Fn() -> f64,
) -> f64 {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut random, mut next) = (Random(seed as u64), Instant::now());
            while !done.load(Ordering::Relaxed) {
                assert!(moves.apply(data, &mut random), "a change was refused");
                changed.fetch_add(1, Ordering::Relaxed);
                next += PACE;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        let time = side();
        done.store(true, Ordering::Relaxed);
        time
    })
}
