//! The same question at one instant after the other: what is kept of a person holds for as long as it says.

use std::sync::Arc;

use super::Extent;
use super::run::{Counts, over};
use crate::model::{ActionName, EntityUid, Request, Type, Value};
use crate::policy::Sources;
use crate::testing::policies::ward;
use crate::testing::{Choices, Facts, clinic_sources};
use crate::ward::Ward;
use crate::world::World;

/// Bytes for the policies, and for the world and its questions.
const POLICIES: usize = 3_000;
const WORLD: usize = 4_000;
/// Questions in each world.
const QUESTIONS: usize = 30;

pub(super) fn run(extent: &Extent) -> Result<Counts, String> {
    let sources = [Sources::attendance(), clinic_sources()];
    let fixed = sources.iter().map(Ward::new).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    over(extent, POLICIES + WORLD, |bytes| {
        let mut counts = Counts::default();
        let (first, rest) = bytes.split_at_checked(POLICIES).ok_or("too few bytes")?;
        let mut choices = Choices::new(first);
        let ward = match fixed.get(choices.below(3)) {
            Some(ward) => ward.clone(),
            None => match ward(&mut choices, 12) {
                Some(drawn) => drawn.ward,
                None => return Ok(counts),
            },
        };
        let mut choices = Choices::new(rest);
        let facts = Facts::sized(&ward, &mut choices, 2, 5);
        let world = facts.build().map_err(|e| e.to_string())?;
        counts.worlds = 1;
        for _ in 0..QUESTIONS {
            ask(&ward, &facts, &world, &mut choices, &mut counts)?;
        }
        Ok(counts)
    })
}

/// One person's list about an instant that the policies speak of, before, at and after it.
fn ask(
    ward: &Ward,
    facts: &Facts,
    world: &World,
    choices: &mut Choices<'_>,
    counts: &mut Counts,
) -> Result<(), String> {
    let timed =
        |action: &&crate::model::Action| action.context.values().any(|field| field.ty == Type::Datetime);
    let actions: Vec<_> = ward.schema().actions().iter().filter(timed).collect();
    let Some(action) = choices.pick(&actions) else { return Ok(()) };
    let (Some(&from), Some(&to)) = (choices.pick(&action.principals), choices.pick(&action.resources)) else {
        return Ok(());
    };
    let (principals, resources) = (facts.of_type(from), facts.of_type(to));
    let (Some(principal), Some(ty)) =
        (choices.pick(&principals), resources.first().map(EntityUid::type_name))
    else {
        return Ok(());
    };
    let name: Arc<str> = action.uid.to_string().into();
    let context = facts.record(ward, choices, &action.context);
    let first = if choices.chance(1, 2) { -1 } else { 1 };
    for step in [first, 0, -first, 0] {
        let mut context = context.clone();
        for value in context.values_mut() {
            if let Value::Datetime(at) = value {
                *at = at.saturating_add(step);
            }
        }
        let list = ward.engine.list(world, principal, &name, ty, &context).map_err(|e| e.to_string())?;
        for resource in &resources {
            let request = Request {
                principal: principal.clone(),
                action: ActionName::new(&name),
                resource: resource.clone(),
                context: context.clone().into(),
            };
            let allowed = ward.check(world, &request).map_err(|e| e.to_string())?.is_allowed();
            if list.contains(resource) != allowed {
                return Err(format!("{request:?}: allowed {allowed}, listed {list:?}"));
            }
            let who = ward.engine.who(world, &name, resource, principal.type_name(), &context);
            if who.map_err(|e| e.to_string())?.contains(principal) != allowed {
                return Err(format!("{request:?}: allowed {allowed}, and not so among those who may"));
            }
            counts.decisions += 1;
            counts.allows += u64::from(allowed);
        }
        counts.lists += 1;
        counts.listed += list.len() as u64;
    }
    Ok(())
}
