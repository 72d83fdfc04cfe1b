//! Requests in bulk: what `caseward check --requests` does, beside Cedar's authorizer with ready slices.

use caseward::{ActionName, Decision, Request, Value};

use crate::Failure;
use crate::peers::cedar::{Cedar, Ready, ready};
use crate::random::Random;
use crate::report::{Report, timed_at_work};
use crate::world::{Data, NOW};

const REQUESTS: usize = 100_000;
/// Requests to a sample, so that both are timed turn by turn on a noisy machine.
const ROUND: usize = 5_000;

/// Requests as a service makes them: the people of a case and strangers, on cases, items and requests.
fn requests(data: &Data) -> Vec<Request> {
    let (users, cases, items, asked) =
        (data.all("User"), data.all("Case"), data.all("Item"), data.all("Request"));
    let mut random = Random(7);
    let reference = |uid: &caseward::EntityUid, name: &str| match data.world.attribute(uid, name) {
        Ok(Some(Value::Entity(uid))) => Some(uid),
        _ => None,
    };
    let make = |_| {
        let (action, resource) = match random.below(6) {
            0 => ("viewSummary", &cases),
            1 => ("viewRecord", &cases),
            2 => ("addComment", &cases),
            3 => ("viewSummary", &asked),
            _ => ("viewItem", &items),
        };
        let resource = resource[random.below(resource.len())].clone();
        let case = reference(&resource, "case").unwrap_or_else(|| resource.clone());
        let principal = match random.below(4) {
            0 => reference(&case, "caseManager"),
            1 => reference(&case, "primaryContact"),
            _ => None,
        };
        let principal = principal.unwrap_or_else(|| users[random.below(users.len())].clone());
        Request::new(principal, ActionName::new(action), resource).with("now", Value::Datetime(NOW))
    };
    (0..REQUESTS).map(make).collect()
}

/// JSON lines in, JSON lines out, turn by turn with Cedar's authorizer on slices that are ready.
///
/// # Errors
/// Never for the policies that come with caseward.
pub fn rows(data: &Data, report: &mut Report) -> Result<(), Failure> {
    let requests = requests(data);
    let lines = requests.iter().map(|r| {
        let (principal, resource) = (r.principal.to_string(), r.resource.to_string());
        let action = format!("Action::\"{}\"", r.action);
        serde_json::json!({ "principal": principal, "action": action, "resource": resource, "context": r.context })
            .to_string()
    });
    let lines: Vec<String> = lines.collect();
    let cedar = Cedar::new(&data.ward)?;
    let (mut ours, mut cedars, mut checks, mut references) = (vec![], vec![], vec![], vec![]);
    let mut allows = 0;
    for (lines, requests) in lines.chunks(ROUND).zip(requests.chunks(ROUND)) {
        let ready: Vec<Ready> = requests.iter().map(|r| ready(data, r)).collect::<Result<_, _>>()?;
        let (answers, time) = timed_at_work(|| {
            let answer = |line: &String| {
                let request = data.ward.read_request(line).ok()?.at(NOW);
                let answer = data.ward.check(&data.world, &request).ok()?;
                serde_json::to_string(&answer).ok().map(|json| (answer.decision, json))
            };
            lines.iter().map(answer).collect::<Vec<_>>()
        });
        ours.push(time / ROUND as f64);
        let (_, time) =
            timed_at_work(|| requests.iter().filter(|r| data.ward.check(&data.world, r).is_ok()).count());
        checks.push(time / ROUND as f64);
        let by_reference = |r: &&Request| data.ward.check_by_reference(&data.world, r).is_ok();
        let (_, time) = timed_at_work(|| requests.iter().filter(by_reference).count());
        references.push(time / ROUND as f64);
        let (decisions, time) = timed_at_work(|| ready.iter().map(|r| cedar.allows(r)).collect::<Vec<_>>());
        cedars.push(time / ROUND as f64);
        for (answer, allowed) in answers.iter().zip(decisions) {
            let decision = answer.as_ref().map(|(decision, _)| *decision);
            assert_eq!(decision == Some(Decision::Allow), allowed);
            allows += usize::from(decision == Some(Decision::Allow));
        }
    }
    let name = format!("check_requests/{}", data.cases);
    let answer = format!("{allows} of {REQUESTS} allowed");
    report.record_all(name.clone(), "caseward", "ns", ours, answer.clone());
    report.record_all(name.clone(), "caseward --reference", "ns", references, answer.clone());
    report.record_all(name.clone(), "caseward check", "ns", checks, answer.clone());
    report.record_all(name.clone(), "cedar, ready slices", "ns", cedars, answer);
    report.print_ratios(&name);
    Ok(())
}
