//! Who may do this to that record?
//!
//! A list from the other side: the record is known, and the people are found by index over what policies ask of
//! them. It is the list of the mirrored program, so that there is one way of finding, not two.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{Open, Search, Visible};
use crate::decide::AskedOf;
use crate::error::Error;
use crate::interrupt::Pulse;
use crate::ir::Evaluation;
use crate::policy::Effect;
use crate::schema::TypeId;
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
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

impl Ward {
    /// The entities of type `principal_type` that may do `action` to `resource`, as a set in the world's order:
    /// exactly those for which [`Ward::check`] answers with an allow.
    ///
    /// A record that is not in the data gives nobody. It tells everything and is for a trusted caller alone.
    /// Cost: the policies are specialised on the record, which is kept for the next time; what is left of them is
    /// looked up in indices over people, so that it follows the size of the answer and not the number of people.
    ///
    /// # Errors
    /// As [`Ward::check`], and [`Error::is_request`] for a type that the schema lacks.
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{EntityUid, Request, Value, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
    /// let case = EntityUid::new("Case", "c0000001");
    /// let at = [("now".into(), Value::Datetime(1_778_446_800_000))].into();
    ///
    /// let people = ward.who(&world, "viewSummary", &case, "User", &at)?;
    /// for person in people.page(None, 20)?.entities {
    ///     let request = Request { principal: person, action: "viewSummary".into(), resource: case.clone(), context: at.clone() };
    ///     assert!(ward.check(&world, &request)?.is_allowed());
    /// }
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn who(
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

    /// As [`Ward::who`], each with the policies that permit it, in the world's order.
    ///
    /// Cost: one evaluation of the policies for each of them besides, what is asked of the record alone being
    /// asked once.
    ///
    /// # Errors
    /// As [`Ward::who`].
    pub fn who_with_reasons(
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
            if found.version() != world.version() {
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
        let program = self.link(world).mirrored(self, environment);
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
