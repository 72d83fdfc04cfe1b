//! Invariants and guarantees as properties: tried on random worlds through the engine, with or without a solver.

use std::collections::BTreeSet;

use caseward::ActionName;
use caseward::facts::{Choices, Facts, bytes};
use caseward::{Request, Value, World};

use crate::claim::{Form, Kind, Sides};
use crate::scene::{Move, Scene, moved};

/// Bytes that one world and its requests are drawn from.
const BYTES: usize = 2_400;

/// What random worlds said.
pub(crate) struct Tried {
    pub(crate) worlds: u64,
    /// Requests that were allowed, and so put the invariants to a test.
    pub(crate) allowed: usize,
    /// What goes against a claim, at most one for each.
    pub(crate) found: Vec<(Kind, Scene)>,
}

/// Tries every invariant and guarantee, and what the old version did not allow, on so many worlds.
pub(crate) fn run(sides: &Sides, worlds: u64, compare: Option<Kind>, progress: &dyn Fn()) -> Tried {
    let mut tried = Tried { worlds, allowed: 0, found: Vec::new() };
    for seed in 1..=worlds {
        let bytes = bytes(seed, BYTES);
        let mut choices = Choices::new(&bytes);
        let facts = Facts::new(&sides.now.ward, &mut choices);
        let Ok(world) = facts.build() else { continue };
        let requests = requests(sides, &facts, &mut choices);
        for request in &requests {
            let Ok(answer) = sides.now.ward.check(&world, request) else { continue };
            if let (Some(kind), Some(old)) = (compare, &sides.old)
                && old.ward.check(&world, request).is_ok_and(|old| old.decision != answer.decision)
            {
                keep(sides, &mut tried, kind, &facts, Vec::new(), request);
            }
            if answer.is_allowed() {
                tried.allowed += 1;
                on_allowed(sides, &mut tried, &facts, &world, request);
            } else {
                on_denied(sides, &mut tried, &facts, &world, request);
            }
        }
        on_changes(sides, &mut tried, &facts, &requests, &mut choices);
        progress();
    }
    tried
}

fn requests(sides: &Sides, facts: &Facts, choices: &mut Choices<'_>) -> Vec<Request> {
    let mut all = Vec::new();
    let schema = sides.now.ward.schema();
    for action in schema.actions() {
        for principal in action.principals.iter().flat_map(|ty| facts.of_type(*ty)) {
            for resource in action.resources.iter().flat_map(|ty| facts.of_type(*ty)) {
                let context = facts.record(&sides.now.ward, choices, &action.context);
                let action = ActionName::new(action.uid.to_string());
                all.push(Request::new(principal.clone(), action, resource).in_context(context));
            }
        }
    }
    all
}

/// Invariants that an allowed request goes against by itself.
fn on_allowed(sides: &Sides, tried: &mut Tried, facts: &Facts, world: &World, request: &Request) {
    let Ok(fired) = sides.invariants.never.ward.check(world, request) else { return };
    for (at, invariant) in sides.invariants.all.iter().enumerate() {
        let fires = fired.policies.iter().any(|id| id.as_ref() == invariant.rule.id);
        if fires && !matches!(invariant.form, Form::Change(..)) {
            keep(sides, tried, Kind::Invariant(at), facts, Vec::new(), request);
        }
    }
}

/// Guarantees that a denied request goes against.
fn on_denied(sides: &Sides, tried: &mut Tried, facts: &Facts, world: &World, request: &Request) {
    let Ok(meant) = sides.invariants.always.ward.check(world, request) else { return };
    for (at, invariant) in sides.invariants.all.iter().enumerate().filter(|(_, i)| i.is_guarantee()) {
        if meant.is_allowed() && meant.policies.iter().any(|id| id.as_ref() == invariant.rule.id) {
            keep(sides, tried, Kind::Guarantee(at), facts, Vec::new(), request);
        }
    }
}

/// Invariants about changes: each change made to some of those whom it concerns.
fn on_changes(
    sides: &Sides,
    tried: &mut Tried,
    facts: &Facts,
    requests: &[Request],
    choices: &mut Choices<'_>,
) {
    let schema = sides.now.ward.schema();
    for (at, invariant) in sides.invariants.all.iter().enumerate() {
        let Form::Change(steps, _) = &invariant.form else { continue };
        let mut moves: Vec<Move> = Vec::new();
        for (step, uid) in steps.iter().flat_map(|step| facts.entities.keys().map(move |uid| (step, uid))) {
            let truth = choices.chance(1, 2);
            let lost: BTreeSet<Value> = match facts.get(uid, &step.attribute) {
                Some(Value::Set(all)) => all.iter().filter(|_| choices.chance(1, 2)).cloned().collect(),
                _ => BTreeSet::new(),
            };
            if uid.type_name() == step.type_name {
                moves.extend(moved(
                    facts,
                    step,
                    uid,
                    schema,
                    truth,
                    &|value| !lost.contains(value),
                    &BTreeSet::new,
                ));
            }
        }
        let scene = |request: &Request| Scene {
            facts: facts.clone(),
            moves: moves.clone(),
            request: request.clone(),
        };
        let Some(Ok(after)) = requests.first().map(|request| scene(request).after().build()) else {
            continue;
        };
        for request in requests {
            if sides.now.ward.check(&after, request).is_ok_and(|answer| answer.is_allowed()) {
                keep(sides, tried, Kind::Invariant(at), facts, moves.clone(), request);
            }
        }
    }
}

/// Keeps what goes against a claim, the first of each.
fn keep(sides: &Sides, tried: &mut Tried, kind: Kind, facts: &Facts, moves: Vec<Move>, request: &Request) {
    if tried.found.iter().any(|(other, _)| *other == kind) {
        return;
    }
    let scene = Scene { facts: facts.clone(), moves, request: request.clone() };
    if scene.replay(kind, sides).is_some() {
        tried.found.push((kind, scene));
    }
}
