//! Random schemas, random policies that strict validation takes, random worlds: the programs decide as Cedar's
//! authorizer does, whatever the language can say.

use std::cell::RefCell;

use caseward::testing::{Choices, Facts, policies};
use proptest::prelude::*;

use crate::support::{Bytes, config, every_request};

#[derive(Default)]
struct Counts {
    wards: usize,
    policies: usize,
    refused: usize,
    decisions: usize,
    allows: usize,
    errors: usize,
    listed: usize,
}

fn many_bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 4_000).prop_map(Bytes::new)
}

fn compare(bytes: &Bytes, counts: &mut Counts) {
    let (schema, rest) = bytes.split_at(1_500);
    let (ward, refused) = policies::ward(&mut Choices::new(schema), 12);
    let Some(ward) = ward else { return };
    counts.wards += 1;
    counts.policies += ward.policies().len();
    counts.refused += refused;
    let mut choices = Choices::new(rest);
    let facts = Facts::new(&ward, &mut choices);
    // Values of an entity type that has no entities name nothing: such worlds are refused, and left out.
    let Ok(world) = facts.build() else { return };
    for request in every_request(&ward, &facts, &mut choices) {
        let Ok(reference) = ward.check_by_reference(&world, &request) else { continue };
        let answer = ward.check(&world, &request).unwrap();
        let failed = |answer: &caseward::Answer| {
            answer
                .errors
                .iter()
                .map(|e| e.to_string().split('`').nth(1).map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let plan = || {
            let texts = ward.policies().iter().map(|p| ward.source(&p.id).unwrap().text.to_string());
            texts.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            (answer.decision, &answer.policies, failed(&answer)),
            (reference.decision, &reference.policies, failed(&reference)),
            "{request:?}\n{}\n{reference:?}",
            plan()
        );
        let ty = request.resource.type_name();
        let listed = ward.list(&world, &request.principal, &request.action, ty, &request.context).unwrap();
        assert_eq!(listed.contains(&request.resource), answer.is_allowed(), "{request:?}\n{}", plan());
        counts.decisions += 1;
        counts.allows += usize::from(answer.is_allowed());
        counts.errors += usize::from(!answer.errors.is_empty());
        counts.listed += listed.len();
    }
}

#[test]
fn random_policies_decide_as_cedar_does() {
    let counts = RefCell::new(Counts::default());
    proptest!(config(700), |(bytes in many_bytes())| compare(&bytes, &mut counts.borrow_mut()));
    let Counts { wards, policies, refused, decisions, allows, errors, listed } = counts.into_inner();
    println!(
        "{wards} schemas, {policies} policies ({refused} refused by validation), {decisions} decisions, \
        {allows} allows, {errors} with errors, {listed} listed"
    );
    assert!(policies > 2 * refused, "most random policies are to be valid");
    assert!(decisions > 10_000 && allows * 10 > decisions && errors * 50 > decisions);
}
