//! Situations in which one version allows what the other denies, sought policy by policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Circumstance;
use super::pool::Pool;
use super::stage::{Held, Stage};
use crate::ir::{Evaluation, Program};
use crate::model::random::Random;
use crate::model::schema::Environment;
use crate::model::{Effect, EntityUid, Schema, Value};
use crate::ward::Ward;
use crate::world::{World, WorldBuilder};

/// Attempts at one policy, in one kind of request and one direction.
const ATTEMPTS: usize = 60;
/// Situations that are enough of these.
const ENOUGH: usize = 2;

/// A small piece of data and a request about it.
pub(crate) struct Situation {
    pub(crate) entities: BTreeMap<EntityUid, Held>,
    pub(crate) principal: EntityUid,
    pub(crate) resource: EntityUid,
    pub(crate) context: Circumstance,
}

/// One kind of request, in two versions.
pub(super) struct Contest<'a> {
    pub(super) schema: &'a Arc<Schema>,
    pub(super) environment: Environment,
    /// By version: the ward and its program.
    pub(super) sides: [(&'a Ward, &'a Program); 2],
    pub(super) pool: &'a Pool,
    pub(super) now: i64,
}

impl Contest<'_> {
    /// Adds situations in which side `winner` allows what the other denies, for the sake of policy `id`; gives who asks in
    /// each, and in what context.
    pub(super) fn seek(
        &self,
        id: &str,
        winner: usize,
        random: &mut Random,
        prefix: &str,
        added: &mut BTreeMap<EntityUid, Held>,
    ) -> Vec<(EntityUid, Circumstance)> {
        let mut found = Vec::new();
        for attempt in 0..ATTEMPTS {
            let prefix = format!("{prefix}{attempt}-");
            let situation = self.attempt(id, winner, random, (&prefix, added));
            let Some(situation) = situation.filter(|situation| self.differs(situation)) else { continue };
            // What stood there before stands there still, and maybe more.
            added.extend(situation.entities);
            found.push((situation.principal, situation.context));
            if found.len() == ENOUGH {
                break;
            }
        }
        found
    }

    fn attempt(
        &self,
        id: &str,
        winner: usize,
        random: &mut Random,
        (prefix, earlier): (&str, &BTreeMap<EntityUid, Held>),
    ) -> Option<Situation> {
        let (principal, action, resource) = self.environment;
        let action = self.schema.actions().get(action)?;
        let kind = (principal, action, resource);
        let mut stage = Stage::new((self.schema, self.pool, earlier), kind, random, prefix)?;
        let (win, lose) = match winner {
            0 => (self.sides[0], self.sides[1]),
            _ => (self.sides[1], self.sides[0]),
        };
        let of = |(ward, program): (&Ward, &Program)| {
            let is = |at: usize| ward.policies().get(at).is_some_and(|policy| policy.id.as_ref() == id);
            program.entries.iter().copied().find(|entry| is(entry.policy))
        };
        let (ours, theirs) = (of(win), of(lose));
        // Who wins permits: by this policy, or by any.
        let permits: Vec<_> = win.1.entries.iter().filter(|entry| entry.effect == Effect::Permit).collect();
        let permit = match ours.filter(|entry| entry.effect == Effect::Permit) {
            Some(entry) => entry,
            None => **permits.get(stage.random.number(permits.len()))?,
        };
        let achieved = |stage: &mut Stage<'_>, program: &Program, root, want| {
            let before = stage.state.clone();
            let is = stage.achieve(program, root, want);
            if !is {
                stage.state = before;
            }
            is
        };
        // A forbid that is gone comes first: what it asks is narrower.
        if let Some(entry) = theirs.filter(|entry| entry.effect == Effect::Forbid)
            && !achieved(&mut stage, lose.1, entry.root, true)
        {
            return None;
        }
        if !achieved(&mut stage, win.1, permit.root, true) {
            return None;
        }
        if let Some(entry) = theirs.filter(|entry| entry.effect == Effect::Permit)
            && !achieved(&mut stage, lose.1, entry.root, false)
        {
            return None;
        }
        for entry in win.1.entries.iter().filter(|entry| entry.effect == Effect::Forbid) {
            achieved(&mut stage, win.1, entry.root, false);
        }
        // Permits that the other side has besides would allow it there as well.
        if theirs.is_none_or(|entry| entry.effect == Effect::Permit) {
            let others = lose.1.entries.iter().filter(|entry| entry.effect == Effect::Permit);
            for entry in others {
                achieved(&mut stage, lose.1, entry.root, false);
            }
        }
        situation(stage, self.now)
    }

    /// Whether the two versions decide it otherwise, in a world of its own.
    fn differs(&self, situation: &Situation) -> bool {
        let Some(world) = situation.world(self.schema) else { return false };
        let [old, new] = self.sides.map(|(_, program)| situation.is_allowed(&world, program));
        old != new
    }
}

/// What a stage comes to, once everything that has to be there is.
pub(super) fn situation(mut stage: Stage<'_>, now: i64) -> Option<Situation> {
    let clock: Arc<str> = "now".into();
    if stage.action.context.get(&clock).is_some_and(|field| field.ty == crate::model::schema::Type::Datetime)
    {
        stage.state.context.entry(clock).or_insert(Value::Datetime(now));
    }
    if !stage.complete() {
        return None;
    }
    let Stage { principal, resource, state, .. } = stage;
    Some(Situation { entities: state.entities, principal, resource, context: state.context })
}

impl Situation {
    pub(super) fn world(&self, schema: &Arc<Schema>) -> Option<World> {
        let mut builder = WorldBuilder::new(schema);
        for (uid, held) in &self.entities {
            let attributes = held.attributes.iter().map(|(name, value)| (name.as_ref(), value.clone()));
            builder.add_whole(uid, attributes, held.parents.iter().cloned(), held.tags.clone());
        }
        builder.finish().ok()
    }

    pub(super) fn is_allowed(&self, world: &World, program: &Program) -> bool {
        let (Some(principal), Some(resource)) = (world.place(&self.principal), world.place(&self.resource))
        else {
            return false;
        };
        Evaluation::new(program, world, principal, Some(resource), &self.context).allows()
    }
}
