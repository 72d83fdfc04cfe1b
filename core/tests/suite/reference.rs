//! A check on a slice decides as Cedar's authorizer does on the whole data.

use std::str::FromStr;

use caseward::testing::{Choices, Facts};
use caseward::{Decision, Request, Ward, World};
use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Schema};
use proptest::prelude::*;

use crate::support::{ATTENDANCE, CLINIC, bytes, config, every_request, facts};

/// Cedar itself, on all policies and all data.
struct Cedar {
    schema: Schema,
    policies: PolicySet,
    entities: Entities,
}

impl Cedar {
    fn new(ward: &Ward, schema_text: &str, world: &World) -> Self {
        let schema = Schema::from_str(schema_text).unwrap();
        let mut policies = PolicySet::new();
        for policy in ward.policies() {
            let text = &ward.source(&policy.id).unwrap().text;
            let id = cedar_policy::PolicyId::new(policy.id.as_ref());
            policies.add(cedar_policy::Policy::parse(Some(id), text).unwrap()).unwrap();
        }
        let mut json = Vec::new();
        world.write_json(&mut json).unwrap();
        let entities = Entities::from_json_str(std::str::from_utf8(&json).unwrap(), Some(&schema)).unwrap();
        Cedar { schema, policies, entities }
    }

    /// The decision, failing closed, and the ids of the deciding policies.
    fn decide(&self, request: &Request) -> (Decision, Vec<String>, bool) {
        let uid = |uid: &caseward::EntityUid| EntityUid::from_str(&uid.to_string()).unwrap();
        let action = EntityUid::from_str(&request.action).unwrap();
        let json = serde_json::to_string(&request.context).unwrap();
        let context = Context::from_json_str(&json, Some((&self.schema, &action))).unwrap();
        let asked = cedar_policy::Request::new(
            uid(&request.principal),
            action,
            uid(&request.resource),
            context,
            Some(&self.schema),
        )
        .unwrap();
        let response = Authorizer::new().is_authorized(&asked, &self.policies, &self.entities);
        let failed = response.diagnostics().errors().next().is_some();
        let mut ids: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        ids.sort();
        match response.decision() {
            cedar_policy::Decision::Allow if failed => (Decision::Deny, Vec::new(), failed),
            cedar_policy::Decision::Allow => (Decision::Allow, ids, failed),
            cedar_policy::Decision::Deny => (Decision::Deny, ids, failed),
        }
    }
}

/// Counts of what was compared: decisions, allows, errors.
type Counts = (u32, u32, u32);

fn compare(ward: &Ward, schema: &str, facts: &Facts, world: &World, choices: &mut Choices<'_>) -> Counts {
    let cedar = Cedar::new(ward, schema, world);
    let mut counts = (0, 0, 0);
    for request in every_request(ward, facts, choices) {
        let answer = ward.check(world, &request).unwrap();
        let (decision, policies, failed) = cedar.decide(&request);
        let reference = ward.check_by_reference(world, &request).unwrap();
        assert_eq!(
            (reference.decision, &reference.policies),
            (answer.decision, &answer.policies),
            "{request:?}"
        );
        assert_eq!(answer.decision, decision, "{request:?}");
        assert_eq!(
            answer.policies.iter().map(ToString::to_string).collect::<Vec<_>>(),
            policies,
            "{request:?}"
        );
        assert_eq!(!answer.errors.is_empty(), failed, "{request:?}");
        counts.0 += 1;
        counts.1 += u32::from(answer.is_allowed());
        counts.2 += u32::from(failed);
    }
    counts
}

fn run(ward: &Ward, schema: &str, cases: u32, least: Counts) {
    let total = std::cell::Cell::new((0, 0, 0));
    proptest!(config(cases), |(bytes in bytes())| {
        let (facts, world) = facts(ward, &bytes);
        let mut choices = Choices::new(&bytes);
        let (all, allows, errors) = compare(ward, schema, &facts, &world, &mut choices);
        let (a, b, c) = total.get();
        total.set((a + all, b + allows, c + errors));
    });
    let (all, allows, errors) = total.get();
    println!("{all} decisions compared, {allows} allows, {errors} with errors");
    assert!(all >= least.0 && allows >= least.1 && errors >= least.2, "too little was compared");
}

#[test]
fn attendance_decides_as_cedar_does() {
    run(&ATTENDANCE, caseward_policies::SCHEMA, 60, (10_000, 100, 0));
}

#[test]
fn clinic_decides_as_cedar_does() {
    run(&CLINIC, include_str!("../clinic/schema.cedarschema"), 400, (5_000, 1_000, 500));
}
