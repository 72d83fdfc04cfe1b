//! A decision on somebody else tells nothing to whoever may not see who may do what.

use super::Extent;
use super::explaining::tell;
use super::run::{Counts, over};
use super::unseen::{CATALOGUE, POLICIES, Subject, WORLD};
use crate::explain::Sight;
use crate::model::{EntityUid, Error, Request};
use crate::policy::Sources;
use crate::testing::policies::ward;
use crate::testing::{Choices, Facts, clinic_sources, plain_json, request};
use crate::world::World;

/// Requests of a world, and facts that are changed for each.
const REQUESTS: usize = 12;
const FACTS: usize = 10;

pub(super) fn random(extent: &Extent) -> Result<Counts, String> {
    over(extent, POLICIES + CATALOGUE + WORLD, |bytes| {
        let (first, rest) = bytes.split_at_checked(POLICIES).ok_or("too few bytes")?;
        let mut choices = Choices::new(first);
        let many = 3 + choices.below(8);
        let Some(drawn) = ward(&mut choices, many) else { return Ok(Counts::default()) };
        of_sources(drawn.sources, rest)
    })
}

pub(super) fn domains(extent: &Extent) -> Result<Counts, String> {
    over(extent, CATALOGUE + WORLD, |bytes| {
        let mut counts = of_sources(Sources::attendance(), bytes)?;
        counts.add(&of_sources(clinic_sources(), bytes)?);
        Ok(counts)
    })
}

fn of_sources(sources: Sources, bytes: &[u8]) -> Result<Counts, String> {
    let (first, rest) = bytes.split_at_checked(CATALOGUE).ok_or("too few bytes")?;
    let subject = Subject::new(sources, &mut Choices::new(first))?;
    let mut choices = Choices::new(rest);
    let facts = Facts::sized(&subject.ward, &mut choices, 1, 4);
    let Ok(world) = facts.build() else { return Ok(Counts::default()) };
    let mut counts = Counts { worlds: 1, wards: 1, ..Counts::default() };
    for _ in 0..REQUESTS {
        let Some(asked) = request(&subject.ward, &facts, &mut choices) else { continue };
        let types = subject.ward.schema().actions().iter().flat_map(|action| action.principals.clone());
        let others: Vec<EntityUid> = types.flat_map(|ty| facts.of_type(ty)).collect();
        let Some(viewer) = choices.pick(&others).filter(|viewer| **viewer != asked.principal) else {
            continue;
        };
        for _ in 0..FACTS {
            let Some((other, changed)) = another(&subject, &facts, &asked, &mut choices) else { continue };
            let worlds = [&world, &other];
            let compared = compare(&subject, worlds, &asked, viewer, &changed, &mut counts);
            compared.map_err(|what| {
                let others = plain_json(&Facts::of(&other));
                let what = format!("{viewer}: {what}\nwith another world:\n{others}");
                tell(&subject.sources, &facts, &asked, &what)
            })?;
        }
    }
    Ok(counts)
}

/// The world with another value of one attribute, and which: mostly of who asks, or of the record.
fn another(
    subject: &Subject,
    facts: &Facts,
    asked: &Request,
    choices: &mut Choices<'_>,
) -> Option<(World, (EntityUid, String))> {
    let schema = subject.ward.schema();
    let all: Vec<EntityUid> = facts.entities.keys().cloned().collect();
    let near: Vec<EntityUid> = [&asked.principal, &asked.resource].map(Clone::clone).to_vec();
    let of = if choices.chance(4, 5) { &near } else { &all };
    let uid = choices.pick(of)?;
    if !facts.entities.contains_key(uid) {
        return None;
    }
    let ty = schema.entity_type(schema.type_id(uid.type_name())?)?;
    let (name, attribute) = choices.pick(&ty.attributes)?;
    let mut other = facts.clone();
    if !attribute.required && choices.chance(1, 3) {
        other.unset(uid, name);
    } else {
        let value = facts.value(&subject.ward, choices, name, &attribute.ty);
        other.set(uid, name, value);
    }
    Some((other.build().ok()?, (uid.clone(), name.to_string())))
}

/// Compares what the viewer is told in two worlds, where they see no difference between them and may not see who may.
fn compare(
    subject: &Subject,
    worlds: [&World; 2],
    asked: &Request,
    viewer: &EntityUid,
    (changed, attribute): &(EntityUid, String),
    counts: &mut Counts,
) -> Result<(), String> {
    // Without a catalogue a viewer is told nothing at all.
    let Ok(disclosure) = subject.ward.disclosure() else { return Ok(()) };
    let text = |error: Error| error.to_string();
    let mut views = Vec::new();
    for world in worlds {
        let sight = subject.ward.viewer(world, viewer, asked, &disclosure).map_err(text)?;
        if sight.may_see_who(&asked.resource) || sight.may_see(changed, attribute) {
            return Ok(());
        }
        let view = subject.ward.engine.view(world, viewer, changed, asked.context.fields());
        views.push(view.map(|view| serde_json::to_string(&view).unwrap_or_default()).map_err(text));
    }
    if views.first() != views.last() {
        return Ok(());
    }
    counts.compared += 1;
    let mut told = Vec::new();
    let mut decided = Vec::new();
    for world in worlds {
        let sight = subject.ward.viewer(world, viewer, asked, &disclosure).map_err(text)?;
        let explained = subject.ward.explain_for(world, asked, &sight);
        told.push(explained.map(|explained| super::explaining::all_of(&explained)).map_err(text));
        decided.push(subject.ward.check(world, asked).map_err(text)?.decision);
    }
    counts.decisions += 1;
    counts.apart += u64::from(decided.first() != decided.last());
    match told.as_slice() {
        [Err(one), Err(two)] if one == two => Ok(()),
        told => Err(format!("{told:?}, though `{attribute}` of {changed} is withheld")),
    }
}
