//! Strategies of `proptest`: schemas, worlds, requests and changes, made small when a test fails.
//!
//! Each is drawn from bytes, which shrink: fewer and smaller bytes make fewer and plainer things.
//!
//! # Example
//! A service tests its own policies:
//! ```
//! use caseward::Sources;
//! use caseward::testing::laws::Own;
//! use caseward::testing::strategies::{changes, requests};
//! use proptest::test_runner::{Config, TestCaseError, TestRunner};
//!
//! let own = Own::new(Sources::attendance())?; // or Sources::read_folder("policies", None)
//! let mut runner = TestRunner::new(Config { cases: 4, ..Config::default() });
//! runner
//!     .run(&requests(own.ward()), |(world, request)| {
//!         let answer = own.ward().check(&world, &request).map_err(|e| TestCaseError::fail(e.to_string()))?;
//!         // Something that must hold of these policies, whatever the data.
//!         let is_active = world.attribute(&request.principal, "loginActive")? == Some(true.into());
//!         proptest::prop_assert!(is_active || !answer.is_allowed());
//!         Ok(())
//!     })
//!     .expect("nobody without an active login may do anything");
//! runner
//!     .run(&changes(own.ward()), |(world, batch)| {
//!         own.changes_as_made_anew(&world, &batch, &[]).map(|_| ()).map_err(TestCaseError::fail)
//!     })
//!     .expect("a world that changes answers as one that is made so");
//! # Ok::<(), caseward::Error>(())
//! ```

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};

use super::laws::batch;
use super::{Aim, Choices, Facts, aimed};
use crate::model::Request;
use crate::ward::Ward;
use crate::world::{Changes, World};

/// Bytes that a schema, a world and what is asked of it, or a batch are drawn from.
const SCHEMA: usize = 400;
const WORLD: usize = 3_000;
const BATCH: usize = 600;
const ASKED: usize = 1_200;
/// Entities of each type in a world, at most.
const ENTITIES: usize = 6;

/// Schemas in Cedar's schema language, as [`schema`](super::schema) makes them.
pub fn schemas() -> impl Strategy<Value = String> {
    drawn(SCHEMA).prop_map(|bytes| super::schema(&mut Choices::new(&bytes)))
}

/// Worlds of the ward's schema, as [`Facts`] makes them: near what the policies compare with.
pub fn worlds(ward: &Ward) -> impl Strategy<Value = World> + use<> {
    let ward = ward.clone();
    drawn(WORLD).prop_filter_map("no world is whole without an entity that is asked for", move |bytes| {
        Facts::sized(&ward, &mut Choices::new(&bytes), 1, ENTITIES).build().ok()
    })
}

/// Requests that the schema allows, each with a world that has what it names.
///
/// Six in ten are aimed at an allow, and one in ten at a policy that cannot be evaluated, as far as the world has such
/// a request: under the rules of attendance half of all and more are allowed, under those of a clinic besides one in
/// twenty and more in error. So an assertion that nothing is allowed does not hold for want of a case.
pub fn requests(ward: &Ward) -> impl Strategy<Value = (World, Request)> + use<> {
    let ward = ward.clone();
    (drawn(WORLD), drawn(ASKED)).prop_filter_map("nothing can be asked", move |(bytes, asked)| {
        let facts = Facts::sized(&ward, &mut Choices::new(&bytes), 1, ENTITIES);
        let world = facts.build().ok()?;
        let mut choices = Choices::new(&asked);
        // What the first bytes choose is what small cases come to.
        let aim = match choices.below(10) {
            0..6 => Some(Aim::Allow),
            6 => Some(Aim::Error),
            _ => None,
        };
        let aimed = aim.and_then(|aim| aimed(&ward, &world, &facts, &mut choices, aim));
        let request = aimed.or_else(|| super::request(&ward, &facts, &mut choices))?;
        Some((world, request))
    })
}

/// Batches of changes, good and bad, each with a world for it.
pub fn changes(ward: &Ward) -> impl Strategy<Value = (World, Changes)> + use<> {
    let ward = ward.clone();
    (drawn(WORLD), drawn(BATCH)).prop_filter_map("no world is whole", move |(world, bytes)| {
        let facts = Facts::sized(&ward, &mut Choices::new(&world), 1, ENTITIES);
        let (changes, _) = batch(&ward, &facts, &mut Choices::new(&bytes));
        Some((facts.build().ok()?, changes))
    })
}

fn drawn(len: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=len)
}
