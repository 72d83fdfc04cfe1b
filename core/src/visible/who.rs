//! Who may do this to that record?
//!
//! A list from the other side: the record is known, and the people are found by index over what policies ask of
//! them. It is the list of the mirrored program, so that there is one way of finding, not two.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{Open, Search, Visible};
use crate::decide::AskedOf;
use crate::engine::Engine;
use crate::ir::Evaluation;
use crate::model::interrupt::Pulse;
use crate::model::{Effect, EntityUid, Error, TypeId, Value};
use crate::world::{Place, Row, World};

/// Somebody who may do something to a record, and why. For a trusted caller alone.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Granted {
    /// Who.
    pub principal: EntityUid,
    /// Ids of the policies that permit it, in order.
    pub policies: Vec<Arc<str>>,
    /// The rules that these policies write down, each once, in order.
    pub rules: Vec<Arc<str>>,
}

carried!(struct Granted { principal, policies, rules });

impl Engine {
    pub(crate) fn who(
        &self,
        world: &World,
        action: &str,
        resource: &EntityUid,
        principal_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Visible, Error> {
        let ty = self.schema().known_type(principal_type)?;
        let (asked, version) =
            world.consistent(|| self.examine_asked(world, action, resource, principal_type, context));
        let AskedOf { action, resource, absent } = asked?;
        let (rows, version) = match resource {
            Some(known) if absent.is_empty() || mutant!(AbsentResourceAsks) => {
                self.find(world, &Search { open: Open::Principal, known, action, ty, context }, |rows, _| {
                    rows
                })?
            }
            _ => (RoaringBitmap::new(), version),
        };
        Ok(self.found(world, ty, rows, context, version))
    }

    pub(crate) fn who_with_reasons(
        &self,
        world: &World,
        action: &str,
        resource: &EntityUid,
        principal_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Vec<Granted>, Error> {
        world.undisturbed(|| {
            let found = self.who(world, action, resource, principal_type, context)?;
            let _still = world.still();
            // A batch may have come in since: those found and their reasons are of one version of the data.
            if found.provenance().version != world.version() {
                return Ok(None);
            }
            let asked = self.examine_asked(world, action, resource, principal_type, context)?;
            let Some(known) = asked.resource else { return Ok(Some(Vec::new())) };
            let environment = (found.ty, asked.action.place, known.0);
            self.reasons_of(world, environment, known, context, &found.rows).map(Some)
        })
    }

    /// Why each of these people, who may, may.
    fn reasons_of(
        &self,
        world: &World,
        environment: (TypeId, usize, TypeId),
        known: Place,
        context: &BTreeMap<Arc<str>, Value>,
        rows: &RoaringBitmap,
    ) -> Result<Vec<Granted>, Error> {
        let pulse = Pulse::default();
        let program = self.link(world).mirrored(&self.loaded, environment);
        let mut evaluation = Evaluation::new(&program, world, known, None, context);
        let grant = |row: u32| {
            pulse.step()?;
            let person = (environment.0, Row(row));
            evaluation.turn_to(person);
            let permits = program.entries.iter().filter(|entry| entry.effect == Effect::Permit);
            let held = permits.filter(|entry| evaluation.holds(entry.root) == Ok(true));
            let policies: Vec<_> = held.filter_map(|entry| self.policies().get(entry.policy)).collect();
            let mut rules: Vec<Arc<str>> = Vec::new();
            for rule in policies.iter().filter_map(|policy| policy.rule.as_ref()) {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
            let policies = policies.iter().map(|policy| policy.id.clone()).collect();
            Ok(Granted { principal: world.uid(person), policies, rules })
        };
        rows.iter().map(grant).collect()
    }
}
