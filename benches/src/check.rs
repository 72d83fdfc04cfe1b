//! Requests in bulk: what `caseward check --requests` does, beside Cedar's authorizer with ready slices.

use std::str::FromStr;

use caseward::testing::slice_json;
use caseward::{Decision, Request, Value};
use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet};

use crate::report::{Report, timed};
use crate::world::{Data, NOW};

const REQUESTS: usize = 100_000;
/// Requests to a sample, so that both are timed turn by turn on a noisy machine.
const ROUND: usize = 5_000;

/// A reproducible sequence (Steele, Lea and Flood, "SplitMix", 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// Requests as a service makes them: the people of a case and strangers, on cases, items and requests.
fn requests(data: &Data) -> Vec<Request> {
    let (users, cases, items, asked) =
        (data.all("User"), data.all("Case"), data.all("Item"), data.all("Request"));
    let mut random = Random(7);
    let reference = |uid: &caseward::EntityUid, name: &str| match data.world.attribute(uid, name) {
        Some(Value::Entity(uid)) => Some(uid),
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
        Request::new(principal, action, resource).with("now", Value::Datetime(NOW))
    };
    (0..REQUESTS).map(make).collect()
}

/// Cedar's form of a request, with the slice that it needs.
struct Ready {
    request: cedar_policy::Request,
    entities: Entities,
}

fn ready(data: &Data, request: &Request) -> Result<Ready, Box<dyn std::error::Error>> {
    let uid = |uid: &caseward::EntityUid| EntityUid::from_str(&uid.to_string());
    let context = Context::from_json_str(&serde_json::to_string(&request.context)?, None)?;
    let action = EntityUid::from_str(&format!("Action::\"{}\"", request.action))?;
    Ok(Ready {
        request: cedar_policy::Request::new(
            uid(&request.principal)?,
            action,
            uid(&request.resource)?,
            context,
            None,
        )?,
        entities: Entities::from_json_str(&slice_json(&data.ward, &data.world, request)?, None)?,
    })
}

fn policies(data: &Data) -> Result<PolicySet, Box<dyn std::error::Error>> {
    let mut set = PolicySet::new();
    for policy in data.ward.policies() {
        let text = data.ward.source(&policy.id).map_or("", |s| &s.text);
        set.add(cedar_policy::Policy::parse(Some(cedar_policy::PolicyId::new(policy.id.as_ref())), text)?)?;
    }
    Ok(set)
}

/// JSON lines in, JSON lines out, turn by turn with Cedar's authorizer on slices that are ready.
pub fn batch(data: &Data, report: &mut Report) -> Result<(), Box<dyn std::error::Error>> {
    let requests = requests(data);
    let lines = requests.iter().map(|r| {
        let (principal, resource) = (r.principal.to_string(), r.resource.to_string());
        let action = format!("Action::\"{}\"", r.action);
        serde_json::json!({ "principal": principal, "action": action, "resource": resource, "context": r.context })
            .to_string()
    });
    let lines: Vec<String> = lines.collect();
    let set = policies(data)?;
    let authorizer = Authorizer::new();
    let (mut ours, mut cedars, mut checks, mut references) = (vec![], vec![], vec![], vec![]);
    let mut allows = 0;
    for (lines, requests) in lines.chunks(ROUND).zip(requests.chunks(ROUND)) {
        let ready: Vec<Ready> = requests.iter().map(|r| ready(data, r)).collect::<Result<_, _>>()?;
        let (answers, time) = timed(|| {
            let answer = |line: &String| {
                let request = data.ward.read_request(line, NOW).ok()?;
                let answer = data.ward.check(&data.world, &request).ok()?;
                serde_json::to_string(&answer).ok().map(|json| (answer.decision, json))
            };
            lines.iter().map(answer).collect::<Vec<_>>()
        });
        ours.push(time / ROUND as f64);
        let (_, time) = timed(|| requests.iter().filter(|r| data.ward.check(&data.world, r).is_ok()).count());
        checks.push(time / ROUND as f64);
        let by_reference = |r: &&Request| data.ward.check_by_reference(&data.world, r).is_ok();
        let (_, time) = timed(|| requests.iter().filter(by_reference).count());
        references.push(time / ROUND as f64);
        let (decisions, time) = timed(|| {
            ready
                .iter()
                .map(|r| authorizer.is_authorized(&r.request, &set, &r.entities).decision())
                .collect::<Vec<_>>()
        });
        cedars.push(time / ROUND as f64);
        for (answer, cedar) in answers.iter().zip(decisions) {
            let decision = answer.as_ref().map(|(decision, _)| *decision);
            assert_eq!(decision == Some(Decision::Allow), cedar == cedar_policy::Decision::Allow);
            allows += usize::from(decision == Some(Decision::Allow));
        }
    }
    let name = format!("check_requests/{}", data.cases);
    let answer = format!("{allows} of {REQUESTS} allowed");
    report.record_all(name.clone(), "caseward", "ns", ours, answer.clone());
    report.record_all(name.clone(), "caseward --reference", "ns", references, answer.clone());
    report.record_all(name.clone(), "caseward check", "ns", checks, answer.clone());
    report.record_all(name.clone(), "cedar, ready slices", "ns", cedars, answer);
    if let Some(ratio) = report.ratio(&name, "caseward", "cedar, ready slices") {
        println!("{name}: {ratio:.3} times Cedar's authorizer with ready slices");
    }
    Ok(())
}
