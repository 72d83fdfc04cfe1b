//! Lists: rows `list/<who>/<cases>`, the cases of which people of different roles may `viewSummary`.
//!
//! `caseward` is a list that was asked for before, as a set; `caseward, ids` each of its ids read, `caseward, named` names that
//! are kept; `caseward, new person` the first of a person whose like were served already.

use caseward::testing::asks::query;
use std::hint::black_box;

use caseward::{Live, Ward};
use roaring::RoaringBitmap;

use crate::Failure;
use crate::compare::{Work, compare_work};
use crate::floor::{Floor, Lists, NATIONAL_CONTRACTS, PROSECUTIONS, Places, User};
use crate::peers::cedar::{self, Cedar};
use crate::peers::sqlite::{self, Sqlite};
use crate::random::Random;
use crate::report::{Report, timed, timed_at_work};
use crate::world::{Data, NOW, Question};

/// Cases that the loop over Cedar's authorizer looks at; its time for all is this, scaled up.
const SAMPLED: usize = 500;
/// People besides, whose lists are compared without being timed.
const OTHERS: usize = 40;

/// All rows of lists.
///
/// # Errors
/// A peer that cannot be set up.
pub fn rows(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    let (made, index) = timed(|| data.ward.make_indices(&data.world));
    made?;
    let bytes: usize = data.ward.index_sizes(&data.world).iter().map(|(_, _, bytes)| bytes).sum();
    report.record(format!("indices/{}", data.cases), "caseward", "ns", index, format!("{bytes} bytes"));
    let (lists, index) = timed(|| Lists::new(floor));
    let name = format!("list_indices/{}", data.cases);
    report.record(name, "floor", "ns", index, format!("{} bytes", lists.bytes()));
    let question = Question::new(data, "viewSummary", "Case", NOW);
    let database = Sqlite::new(floor)?;
    let mut random = Random(11);
    for _ in 0..OTHERS {
        let user = random.below(floor.users.len()) as u32;
        let found = lists.view_summary_cases(user, NOW);
        assert_eq!(found, listed(data, floor, &question, user)?, "the list of {}", question.user_id(user));
    }
    for (who, user, others) in people(floor, &lists) {
        let name = format!("list/{who}/{}", data.cases);
        let expected = listed(data, floor, &question, user)?;
        assert_eq!(lists.view_summary_cases(user, NOW), expected, "{name}: floor");
        let mut by_role = database.list_for(floor, user, NOW)?.ok_or("a person without a role")?;
        let mut by_any = database.list()?;
        for statement in [&mut by_role, &mut by_any] {
            assert_eq!(sqlite::cases(statement, user, NOW)?, expected, "{name}: sqlite");
        }
        let context = question.context();
        let person = question.user(user);
        let visible = || data.ward.visible(&data.world, &query(&person, "viewSummary", "Case", &context));
        let list = || data.ward.list(&data.world, &query(&person, "viewSummary", "Case", &context));
        let mut all: Vec<(&'static str, Work<'_>)> = vec![
            ("caseward", Box::new(|| visible().map_or(0, |list| list.len()))),
            (
                "caseward, ids",
                Box::new(|| visible().map_or(0, |list| list.ids().inspect(|id| _ = black_box(*id)).count())),
            ),
            ("caseward, named", Box::new(|| list().map_or(0, |list| black_box(list).len()))),
            ("floor", Box::new(|| black_box(lists.view_summary_cases(user, NOW)).len() as usize)),
            (
                "floor, numbers",
                Box::new(|| black_box(lists.view_summary_cases(user, NOW).iter().collect::<Vec<_>>()).len()),
            ),
            (
                "sqlite, the role's WHERE",
                Box::new(|| sqlite::cases(&mut by_role, user, NOW).map_or(0, |list| list.len() as usize)),
            ),
            (
                "sqlite, one WHERE",
                Box::new(|| sqlite::cases(&mut by_any, user, NOW).map_or(0, |list| list.len() as usize)),
            ),
        ];
        compare_work(report, &name, expected.len() as usize, &mut all);
        new_people(data, &lists, &question, (&name, &others), report)?;
        cedar_loop(data, &question, user, (&name, &expected), report)?;
        report.print_ratios(&name);
    }
    Ok(())
}

/// What caseward lists, in the floor's numbers.
///
/// # Errors
/// Never for a question about the data.
pub fn listed(
    data: &Data,
    floor: &Floor<'_>,
    question: &Question<'_>,
    user: u32,
) -> Result<RoaringBitmap, Failure> {
    let (person, context) = (question.user(user), question.context());
    let found =
        data.ward.list(&data.world, &query(&person, question.action, question.resource_type, &context))?;
    Ok(found.iter().filter_map(|case| floor.case_numbers.get(case.id()).copied()).collect())
}

/// The first lists of people of one role, each timed once, with policies that have served nobody.
fn new_people(
    data: &Data,
    lists: &Lists<'_>,
    question: &Question<'_>,
    (name, people): (&str, &[u32]),
    report: &mut Report,
) -> Result<(), Failure> {
    let ward = Ward::attendance()?;
    let ward = Live::new(ward, data.world.clone())?.now().ward().clone();
    let (context, mut times, mut longest) = (question.context(), Vec::new(), 0);
    for (at, user) in people.iter().enumerate() {
        let person = question.user(*user);
        let list =
            || ward.visible(&data.world, &query(&person, question.action, question.resource_type, &context));
        let (found, time) = timed_at_work(list);
        let found = found?.len();
        assert_eq!(found as u64, lists.view_summary_cases(*user, NOW).len(), "{name}: {}", person.id());
        longest = longest.max(found);
        // What the first of them costs more is the program of all.
        if at > 0 || people.len() == 1 {
            times.push(time);
        }
    }
    let answer = format!("{} people, up to {longest}", people.len());
    report.record_all(name.to_owned(), "caseward, new person", "ns", times, answer);
    Ok(())
}

/// How many people of a role are new ones.
const NEW_PEOPLE: usize = 31;

/// The people whose lists are timed: a name for the row, the person, and those with lists about as long.
pub fn people(floor: &Floor<'_>, lists: &Lists<'_>) -> Vec<(&'static str, u32, Vec<u32>)> {
    let has = |user: &User, places| !floor.places(user, places).is_empty();
    let by_length = |is: &dyn Fn(&User) -> bool| {
        let users = (0u32..).zip(&floor.users).filter(|(_, user)| user.active && is(user));
        let mut found: Vec<(u64, u32)> =
            users.map(|(number, _)| (lists.view_summary_cases(number, NOW).len(), number)).collect();
        found.retain(|(length, _)| *length > 0);
        found.sort_unstable();
        found
    };
    let managers = by_length(&|user| {
        user.is_cleared(NOW) && has(user, Places::CaseManagerAt) && !has(user, Places::WorkflowLeadAt)
    });
    let leads = by_length(&|user| has(user, Places::AttendanceLeadAt) && user.teams == 0);
    let workflow = by_length(&|user| {
        user.is_cleared(NOW) && has(user, Places::WorkflowLeadAt) && !has(user, Places::CaseManagerAt)
    });
    let all = floor.cases.len();
    let of_team = |is: &dyn Fn(&User) -> bool| (by_length(is), 0);
    let found = [
        ("new_case_manager", (managers.clone(), 40)),
        ("busy_case_manager", (managers, (all / 400).max(200))),
        ("attendance_lead", (leads, all / 2_500)),
        ("workflow_lead", (workflow, all / 80)),
        ("prosecutions", of_team(&|user| user.teams == PROSECUTIONS)),
        ("national", of_team(&|user| user.teams & NATIONAL_CONTRACTS != 0)),
    ];
    let nearest = |(who, (mut found, length)): (_, (Vec<(u64, u32)>, usize))| {
        found.sort_by_key(|(is, _)| is.abs_diff(length as u64));
        let near: Vec<u32> = found.iter().take(NEW_PEOPLE).map(|(_, user)| *user).collect();
        Some((who, *near.first()?, near))
    };
    found.into_iter().filter_map(nearest).collect()
}

/// A loop over Cedar's authorizer with all policies, timed on a sample of the cases with their slices ready.
fn cedar_loop(
    data: &Data,
    question: &Question<'_>,
    user: u32,
    (name, expected): (&str, &RoaringBitmap),
    report: &mut Report,
) -> Result<(), Failure> {
    let authorizer = Cedar::new(&data.ward)?;
    let step = (data.cases / SAMPLED).max(1);
    let sample: Vec<u32> = (0..data.cases as u32).step_by(step).collect();
    let ready = sample.iter().map(|case| cedar::ready(data, &question.request(user, *case)));
    let ready: Vec<_> = ready.collect::<Result<_, _>>()?;
    let (allowed, time) = timed_at_work(|| ready.iter().filter(|ready| authorizer.allows(ready)).count());
    assert_eq!(allowed, sample.iter().filter(|case| expected.contains(**case)).count(), "{name}: cedar");
    let all = time / sample.len() as f64 * data.cases as f64;
    let answer = format!("{allowed} of {} sampled", sample.len());
    report.record(name.to_owned(), "cedar loop, scaled up from a sample", "ns", all, answer);
    Ok(())
}
