//! Lists of cases for people of different roles, beside a loop over Cedar's authorizer.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::{EntityUid, Request, Value};

use crate::report::{Report, timed};
use crate::world::{Data, NOW};

const ROUNDS: usize = 5;
/// Cases that the loop over Cedar's authorizer looks at; its time for all is this, scaled up.
const SAMPLED: usize = 1_000;

/// The people whose lists are timed: a name for the row, and the person.
fn people(data: &Data) -> Vec<(&'static str, EntityUid)> {
    let references = |case: &EntityUid, name: &str| match data.world.attribute(case, name) {
        Some(Value::Entity(uid)) => Some(uid),
        _ => None,
    };
    let mut open: BTreeMap<EntityUid, usize> = BTreeMap::new();
    for case in data.all("Case") {
        if data.world.attribute(&case, "status") == Some("open".into())
            && let Some(manager) = references(&case, "caseManager")
        {
            *open.entry(manager).or_default() += 1;
        }
    }
    let users = data.all("User");
    let has = |user: &EntityUid, role: &str| match data.world.attribute(user, role) {
        Some(Value::Set(all)) => !all.is_empty() && is_cleared(data, user),
        _ => false,
    };
    let in_team = |user: &EntityUid, team: &str| match data.world.attribute(user, "ministryTeams") {
        Some(Value::Set(all)) => all.contains(&Value::Entity(EntityUid::new("MinistryTeam", team))),
        _ => false,
    };
    let mut managers: Vec<_> = open.iter().filter(|(user, _)| is_cleared(data, user)).collect();
    managers.sort_by_key(|(_, count)| **count);
    let first = |is: &dyn Fn(&EntityUid) -> bool| users.iter().find(|user| is(user)).cloned();
    let found = [
        ("new case manager", managers.get(managers.len() / 10).map(|(user, _)| (*user).clone())),
        ("busy case manager", managers.last().map(|(user, _)| (*user).clone())),
        ("attendance lead", first(&|user| has(user, "attendanceLeadAt"))),
        ("workflow lead", first(&|user| has(user, "workflowLeadAt"))),
        ("prosecutions", first(&|user| in_team(user, "prosecutions"))),
        ("national", first(&|user| in_team(user, "nationalContracts"))),
    ];
    found.into_iter().filter_map(|(name, user)| Some((name, user?))).collect()
}

fn is_cleared(data: &Data, user: &EntityUid) -> bool {
    data.world.attribute(user, "loginActive") == Some(true.into())
        && matches!(data.world.attribute(user, "providerAccessFrom"), None | Some(Value::Datetime(..=NOW)))
}

pub fn lists(data: &Data, report: &mut Report) -> Result<(), caseward::Error> {
    let context: BTreeMap<Arc<str>, Value> = BTreeMap::from([("now".into(), Value::Datetime(NOW))]);
    let cases = data.all("Case");
    let step = (cases.len() / SAMPLED).max(1);
    let sample: Vec<&EntityUid> = cases.iter().step_by(step).collect();
    for (who, person) in people(data) {
        let name = format!("list/{who}/{}", data.cases);
        let listed = data.ward.list(&data.world, &person, "viewSummary", "Case", &context)?;
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let (count, time) =
                timed(|| data.ward.count(&data.world, &person, "viewSummary", "Case", &context));
            assert_eq!(count?, listed.len());
            times.push(time);
        }
        report.record_all(name.clone(), "caseward", "ns", times, listed.len().to_string());
        let asked = |case: &EntityUid| Request {
            principal: person.clone(),
            action: "viewSummary".into(),
            resource: case.clone(),
            context: context.clone(),
        };
        let (allowed, time) = timed(|| {
            let allows = |case: &&EntityUid| {
                data.ward
                    .check_by_reference(&data.world, &asked(case))
                    .is_ok_and(|answer| answer.is_allowed())
            };
            sample.iter().filter(|case| allows(case)).count()
        });
        let expected = sample.iter().filter(|case| listed.binary_search(case).is_ok()).count();
        assert_eq!(allowed, expected);
        let all = time / sample.len() as f64 * cases.len() as f64;
        report.record(name, "cedar loop, from a sample", "ns", all, format!("{allowed} of {}", sample.len()));
    }
    Ok(())
}
