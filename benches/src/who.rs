//! Who may do something: rows `who/<which>/<cases>`, the people who may `viewSummary` of a case.
//!
//! `caseward` is a record that was asked about before, `caseward, new record` the first question about each of
//! many records, with indices ready.

use caseward::testing::asks::{self, about, who_may};
use std::hint::black_box;

use roaring::RoaringBitmap;

use crate::Failure;
use crate::compare::{Work, compare_work};
use crate::floor::{Floor, People, Status};
use crate::peers::cedar::{self, Cedar};
use crate::report::{Report, timed_at_work};
use crate::world::{Data, NOW, Question};

/// Records that are asked about for the first time.
const NEW_RECORDS: usize = 301;
/// People that the loop over Cedar's authorizer looks at; its time for all is this, scaled up.
const SAMPLED: usize = 500;

/// All rows of `who`.
///
/// # Errors
/// A peer that cannot be set up.
pub fn rows(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    data.ward.make_indices(&data.world)?;
    let (people, question) = (People::new(floor), Question::new(data, "viewSummary", "Case", NOW));
    let cases = |is: &dyn Fn(u32) -> bool| (0..floor.cases.len() as u32).filter(|case| is(*case)).collect();
    let has = |case: u32, status| floor.cases[case as usize].status == status;
    let kinds: [(&str, Vec<u32>); 3] = [
        ("open", cases(&|case| has(case, Status::Open) && !floor.cases[case as usize].prosecution_notified)),
        (
            "notified",
            cases(&|case| has(case, Status::Open) && floor.cases[case as usize].prosecution_notified),
        ),
        ("closed", cases(&|case| has(case, Status::Closed))),
    ];
    for (kind, all) in kinds {
        let step = (all.len() / NEW_RECORDS).max(1);
        let some: Vec<u32> = all.into_iter().step_by(step).take(NEW_RECORDS).collect();
        let (Some(&case), name) = (some.first(), format!("who/{kind}/{}", data.cases)) else { continue };
        let expected = people.view_summary_case(case, NOW);
        let (record, context) = (question.resource(case), question.context());
        let who = || data.ward.who(&data.world, &who_may("viewSummary", &record, "User", &context));
        let mut times = Vec::with_capacity(some.len());
        for &case in &some {
            let record = question.resource(case);
            let ask = || data.ward.who(&data.world, &who_may("viewSummary", &record, "User", &context));
            let (found, time) = timed_at_work(ask);
            let found: RoaringBitmap =
                found?.iter().filter_map(|user| floor.user_numbers.get(user.id()).copied()).collect();
            assert_eq!(found, people.view_summary_case(case, NOW), "{name}: {record}");
            times.push(time);
        }
        let mut all: Vec<(&'static str, Work<'_>)> = vec![
            ("caseward", Box::new(|| who().map_or(0, |people| people.len()))),
            (
                "caseward, string ids",
                Box::new(|| who().map_or(0, |people| black_box(people.iter().collect::<Vec<_>>()).len())),
            ),
            (
                "caseward, with reasons",
                Box::new(|| {
                    let found = data
                        .ward
                        .who_with_reasons(&data.world, &who_may("viewSummary", &record, "User", &context));
                    found.map_or(0, |people| black_box(people).len())
                }),
            ),
            ("floor", Box::new(|| black_box(people.view_summary_case(case, NOW)).len() as usize)),
        ];
        compare_work(report, &name, expected.len() as usize, &mut all);
        buttons(data, &question, (kind, case), &expected, report)?;
        let answer = format!("{} records, {} people", times.len(), floor.users.len());
        report.record_all(name.clone(), "caseward, new record", "ns", times, answer);
        cedar_loop(data, &question, case, (&name, &expected), report)?;
        report.print_ratios(&name);
    }
    Ok(())
}

/// Rows `actions/<which>/<cases>`: what one of the people may do to the case, and what they see of it; beside a
/// check of each action that needs nothing but the time.
fn buttons(
    data: &Data,
    question: &Question<'_>,
    (kind, case): (&str, u32),
    people: &RoaringBitmap,
    report: &mut Report,
) -> Result<(), Failure> {
    let Some(user) = people.max() else { return Ok(()) };
    let (person, record, context) = (question.user(user), question.resource(case), question.context());
    let name = format!("actions/{kind}/{}", data.cases);
    let actions = || data.ward.actions(&data.world, &about(&person, &record, &context));
    let allowed = |all: &[caseward::ActionAnswer]| {
        all.iter().filter(|one| one.answer.as_ref().is_some_and(|answer| answer.is_allowed())).count()
    };
    let all = actions()?;
    let timed: Vec<&str> = all.iter().map(|one| &*one.action).collect();
    let is_timed = |name: &&str| {
        let action = data.ward.schema().action(name);
        action.is_some_and(|action| action.context.keys().all(|field| &**field == "now"))
    };
    let timed: Vec<&str> = timed.into_iter().filter(is_timed).collect();
    let requests: Vec<caseward::Request> =
        timed.iter().map(|action| asks::request(&person, action, &record, &context)).collect();
    let check = |request: &caseward::Request| {
        data.ward.check(&data.world, request).is_ok_and(|answer| answer.is_allowed())
    };
    let view = || data.ward.view(&data.world, &about(&person, &record, &context));
    let expected = allowed(&all);
    let sections = view()?.sections().len();
    assert!(sections > 0, "{name}: a person who may see the summary sees nothing");
    let mut all: Vec<(&'static str, Work<'_>)> = vec![
        ("caseward", Box::new(|| actions().map_or(0, |all| allowed(&all)))),
        ("caseward, a check each", Box::new(|| requests.iter().filter(|request| check(request)).count())),
        (
            "caseward, the view",
            Box::new(|| view().map_or(0, |view| expected + black_box(view).sections().len() - sections)),
        ),
    ];
    compare_work(report, &name, expected, &mut all);
    report.print_ratios(&name);
    Ok(())
}

/// A loop over Cedar's authorizer with all policies, timed on a sample of the people with their slices ready.
fn cedar_loop(
    data: &Data,
    question: &Question<'_>,
    case: u32,
    (name, expected): (&str, &RoaringBitmap),
    report: &mut Report,
) -> Result<(), Failure> {
    let (authorizer, people) = (Cedar::new(&data.ward)?, data.world.count("User")?);
    let sample: Vec<u32> = (0..people as u32).step_by((people / SAMPLED).max(1)).collect();
    let ready = sample.iter().map(|user| cedar::ready(data, &question.request(*user, case)));
    let ready: Vec<_> = ready.collect::<Result<_, _>>()?;
    let (allowed, time) = timed_at_work(|| ready.iter().filter(|ready| authorizer.allows(ready)).count());
    assert_eq!(allowed, sample.iter().filter(|user| expected.contains(**user)).count(), "{name}: cedar");
    let all = time / sample.len() as f64 * people as f64;
    let answer = format!("{allowed} of {} sampled", sample.len());
    report.record(name.to_owned(), "cedar loop, scaled up from a sample", "ns", all, answer);
    Ok(())
}
