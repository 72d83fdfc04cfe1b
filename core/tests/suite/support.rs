//! What the suite's modules share: the two domains, and worlds drawn by proptest.

use std::path::Path;
use std::sync::LazyLock;

use caseward::testing::{Choices, Facts};
use caseward::{ActionName, Context, EntityUid, Request, Ward, World};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The attendance rules.
pub(crate) static ATTENDANCE: LazyLock<Ward> = LazyLock::new(|| Ward::attendance().unwrap());

/// The second domain, with hierarchies, tags, records, decimals and addresses.
pub(crate) static CLINIC: LazyLock<Ward> =
    LazyLock::new(|| Ward::from_folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clinic")).unwrap());

/// 2026-05-11T09:00:00+12:00, when everything is rolled out.
pub(crate) const NOW: i64 = 1_778_446_800_000;

/// A number that the environment gives.
pub(crate) fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

/// How a law is run: `cases` worlds, the same ones each time, so that a run tells of the change and not of its
/// luck. `CASEWARD_SEED` draws others; `CASEWARD_CASES` takes so many times as many.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases * number("CASEWARD_CASES").unwrap_or(1),
        rng_seed: RngSeed::Fixed(number("CASEWARD_SEED").unwrap_or(1).into()),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    }
}

/// Bytes that choices are drawn from, short in messages.
#[derive(Clone)]
pub(crate) struct Bytes(Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes that make a small world with what a test draws besides.
pub(crate) fn bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 600..1_800).prop_map(Bytes)
}

pub(crate) fn facts(ward: &Ward, bytes: &[u8]) -> (Facts, World) {
    let facts = Facts::new(ward, &mut Choices::new(bytes));
    let world = facts.build().unwrap();
    (facts, world)
}

/// Every request that the schema allows among the entities of `facts`, with the contexts that `choices` draw.
pub(crate) fn every_request(ward: &Ward, facts: &Facts, choices: &mut Choices<'_>) -> Vec<Request> {
    let mut all = Vec::new();
    for action in ward.schema().actions() {
        let types = |types: &[_]| types.iter().flat_map(|&ty| facts.of_type(ty)).collect::<Vec<EntityUid>>();
        for principal in types(&action.principals) {
            for resource in types(&action.resources) {
                let context = facts.record(ward, choices, &action.context);
                let action = ActionName::new(action.uid.to_string());
                all.push(Request::new(principal.clone(), action, resource).in_context(context));
            }
        }
    }
    all
}

pub(crate) fn at(now: i64) -> Context {
    Context::at(now)
}
