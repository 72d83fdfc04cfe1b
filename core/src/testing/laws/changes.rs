//! A world that changes, beside worlds that are made anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::run::{Counts, over};
use super::{Extent, groups};
use crate::model::{Action, ActionName, EntityUid, Request, RequestEnvironment, TypeName, Value};
use crate::policy::Sources;
use crate::testing::policies::ward;
use crate::testing::{Choices, Facts, clinic_sources, plain_json};
use crate::ward::Ward;
use crate::world::{Changes, World};

/// Bytes for the policies, the first world and the batches.
const POLICIES: usize = 3_000;
const WORLD: usize = 3_000;
const BATCH: usize = 600;
/// Batches on one world.
const BATCHES: usize = 14;

pub(super) fn run(extent: &Extent) -> Result<Counts, String> {
    let fixed = fixed()?;
    over(extent, POLICIES + WORLD + BATCH * BATCHES, |bytes| case(&fixed, bytes))
}

/// Batches on one world, drawn from bytes as fuzzers find them.
///
/// # Errors
/// What does not hold.
pub fn change_sequence(data: &[u8]) -> Result<(), String> {
    static FIXED: std::sync::OnceLock<Result<Vec<Ward>, String>> = std::sync::OnceLock::new();
    let fixed = FIXED.get_or_init(fixed).as_ref().map_err(Clone::clone)?;
    // Short inputs say as much as long ones: each part begins early, and is filled up.
    let mut bytes = Vec::with_capacity(POLICIES + WORLD + BATCH * BATCHES);
    let parts = [POLICIES, WORLD].into_iter().chain([BATCH; BATCHES]);
    let shares = data.len() / (2 + BATCHES);
    for (part, size) in data.chunks(shares.max(1)).chain(std::iter::repeat(&[][..])).zip(parts) {
        bytes.extend(part.iter().copied().chain(std::iter::repeat(0)).take(size));
    }
    case(fixed, &bytes).map(|_| ())
}

/// The two domains.
fn fixed() -> Result<Vec<Ward>, String> {
    let sources = [Sources::attendance(), clinic_sources()];
    sources.iter().map(|sources| Ward::new(sources).map_err(|e| e.to_string())).collect()
}

fn case(fixed: &[Ward], bytes: &[u8]) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let (first, rest) = bytes.split_at_checked(POLICIES).ok_or("too few bytes")?;
    let (world, batches) = rest.split_at_checked(WORLD).ok_or("too few bytes")?;
    let mut choices = Choices::new(first);
    let ward = match fixed.get(choices.below(4)) {
        Some(ward) => ward.clone(),
        None => match ward(&mut choices, 8) {
            Some(drawn) => drawn.ward,
            None => return Ok(counts),
        },
    };
    let mut choices = Choices::new(world);
    let facts = Facts::sized(&ward, &mut choices, 2, 6);
    // A type may ask for one that has no entities: then no world is whole.
    let Ok(world) = facts.build() else { return Ok(counts) };
    let mut story = Story { ward, facts, world, pages: BTreeMap::new() };
    counts.worlds = 1;
    for bytes in batches.chunks(BATCH) {
        story.step(&mut Choices::new(bytes), &mut counts)?;
    }
    Ok(counts)
}

/// A world that changes, and what it must be equal to.
pub(super) struct Story {
    pub(super) ward: Ward,
    pub(super) facts: Facts,
    pub(super) world: World,
    /// Who pages through which list.
    pub(super) pages: BTreeMap<(EntityUid, Arc<str>), Paging>,
}

/// What somebody saw of a list so far, and where they are.
pub(super) type Paging = (BTreeSet<EntityUid>, Option<crate::visible::Cursor>);

impl Story {
    /// A batch that is drawn.
    pub(super) fn step(&mut self, choices: &mut Choices<'_>, counts: &mut Counts) -> Result<(), String> {
        let (changes, facts) = batch(&self.ward, &self.facts, choices);
        self.take(&changes, facts, choices, counts)
    }

    /// A batch that makes these facts, or, where no world holds them, must be refused.
    pub(super) fn take(
        &mut self,
        changes: &Changes,
        facts: Facts,
        choices: &mut Choices<'_>,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let (before, version) = (entities(&self.world), self.world.version());
        let expected = facts.build();
        let through = self.world.with(changes);
        if through.is_ok() != expected.is_ok() || entities(&self.world) != before {
            return Err(self.tell(changes, &format!("seen through: {through:?}, made anew: {expected:?}")));
        }
        let ward = self.ward.clone();
        let asked = Asked::draw(&ward, &facts, choices);
        if let (Ok(through), Ok(expected)) = (&through, &expected) {
            self.compare("seen through", through, expected, &asked, changes, counts)?;
            let asked = Asked::draw(&ward, &self.facts, choices);
            self.compare("beneath", &self.world, &self.rebuilt()?, &asked, changes, counts)?;
        }
        match (self.world.apply(changes), expected) {
            (Ok(new), Ok(expected)) => {
                if new != version + 1 || self.world.version() != new {
                    return Err(self.tell(changes, &format!("version {new} after {version}")));
                }
                self.facts = facts;
                self.compare("applied", &self.world, &expected, &asked, changes, counts)?;
            }
            (Err(_), Err(_)) if entities(&self.world) == before && self.world.version() == version => {
                counts.not_taken += 1;
            }
            (applied, expected) => {
                return Err(self.tell(changes, &format!("applied: {applied:?}, made anew: {expected:?}")));
            }
        }
        self.page(&asked)
    }

    /// A batch that cannot be seen through cannot be applied, and leaves all as it was.
    pub(super) fn refuses(&self, changes: &Changes) -> Result<(), String> {
        let (before, version) = (entities(&self.world), self.world.version());
        let applied = self.world.apply(changes);
        if applied.is_ok() || entities(&self.world) != before || self.world.version() != version {
            return Err(self.tell(changes, &format!("refused, and then applied: {applied:?}")));
        }
        Ok(())
    }

    fn rebuilt(&self) -> Result<World, String> {
        self.facts.build().map_err(|e| e.to_string())
    }

    /// Compares the data and every answer of two worlds.
    fn compare(
        &self,
        how: &str,
        world: &World,
        expected: &World,
        asked: &[Asked<'_>],
        changes: &Changes,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let fail = |what: String| Err(self.tell(changes, &format!("{how}: {what}")));
        if entities(world) != entities(expected) {
            return fail(format!("{:#?}\nmade anew: {:#?}", entities(world), entities(expected)));
        }
        for Asked { action, principal, resources, context } in asked {
            let name: Arc<str> = action.uid.to_string().into();
            let Some(ty) = resources.first().map(EntityUid::type_name) else { continue };
            let list = |world: &World| {
                let mut listed =
                    self.ward.engine.list(world, principal, &name, ty, context).map_err(|e| e.to_string())?;
                listed.sort();
                Ok::<_, String>(listed)
            };
            let environment = RequestEnvironment::new(
                TypeName::new(principal.type_name()),
                ActionName::new(&name),
                TypeName::new(ty),
            );
            let decider = self.ward.decider(world, &environment).map_err(|e| e.to_string())?;
            let given = decider.prepare(&context.clone().into()).map_err(|e| e.to_string())?;
            let mut allowed = Vec::new();
            for resource in resources {
                let request = Request {
                    principal: principal.clone(),
                    action: ActionName::new(&name),
                    resource: resource.clone(),
                    context: context.clone().into(),
                };
                let check = |world: &World| self.ward.check(world, &request).map_err(|e| e.to_string());
                let (found, wanted) = (check(world)?, check(expected)?);
                let decided = decider.allows_named(principal, resource, &given).map_err(|e| e.to_string())?;
                if (found.decision, &found.policies, &found.errors)
                    != (wanted.decision, &wanted.policies, &wanted.errors)
                    || decided != wanted.is_allowed()
                {
                    return fail(format!(
                        "{request:?} is {found:?}, decided {decided}; made anew {wanted:?}"
                    ));
                }
                counts.decisions += 1;
                counts.allows += u64::from(decided);
                counts.errors += u64::from(!found.errors.is_empty());
                if decided {
                    allowed.push(resource.clone());
                }
            }
            allowed.sort();
            let (found, wanted) = (list(world)?, list(expected)?);
            if found != wanted || found != allowed {
                return fail(format!(
                    "{principal} {name} lists {found:?}; made anew {wanted:?}; checked {allowed:?}"
                ));
            }
            let question = (principal, name.as_ref(), ty);
            groups::counted_as_listed((&self.ward, world), question, context, (&found, counts.lists))
                .or_else(&fail)?;
            counts.lists += 1;
            counts.listed += found.len() as u64;
            let of = |world: &World| self.view(world, principal, resources.first());
            let (view, anew) = (of(world), of(expected));
            if view != anew {
                return fail(format!("{principal} views {view}; made anew {anew}"));
            }
            if let Some(why) = self.differing_people(world, expected, (action, resources, context), counts)? {
                return fail(why);
            }
        }
        Ok(())
    }

    /// What somebody sees of a record, but for the version of the data.
    fn view(&self, world: &World, principal: &EntityUid, resource: Option<&EntityUid>) -> serde_json::Value {
        let Some(resource) = resource else { return serde_json::Value::Null };
        let at = [("now".into(), Value::Datetime(1_778_446_800_000))].into();
        let view = self.ward.engine.view(world, principal, resource, &at);
        let mut view = match view {
            Ok(view) => serde_json::to_value(view).unwrap_or_default(),
            Err(error) => error.to_string().into(),
        };
        view.as_object_mut().and_then(|fields| fields.remove("version"));
        view
    }

    /// Who may do something to the first record: compared with a world made anew, and with checks.
    fn differing_people(
        &self,
        world: &World,
        expected: &World,
        (action, resources, context): (&Action, &[EntityUid], &BTreeMap<Arc<str>, Value>),
        counts: &mut Counts,
    ) -> Result<Option<String>, String> {
        let name: Arc<str> = action.uid.to_string().into();
        for (&ty, resource) in
            action.principals.iter().flat_map(|ty| resources.iter().take(1).map(move |r| (ty, r)))
        {
            let Some(ty) = self.ward.schema().entity_type(ty).map(|ty| ty.name.clone()) else { continue };
            let who = |world: &World| {
                let found = self.ward.engine.who_with_reasons(world, &name, resource, &ty, context);
                let mut found = found.map_err(|e| e.to_string())?;
                found.sort_by(|a, b| a.principal.cmp(&b.principal));
                Ok::<_, String>(found)
            };
            let (found, wanted) = (who(world)?, who(expected)?);
            let mut allowed = Vec::new();
            for id in expected.ids(&ty).into_iter().flatten() {
                let principal = EntityUid::new(ty.clone(), id);
                let request = Request {
                    principal: principal.clone(),
                    action: ActionName::new(&name),
                    resource: resource.clone(),
                    context: context.clone().into(),
                };
                if self.ward.check(expected, &request).map_err(|e| e.to_string())?.is_allowed() {
                    allowed.push(principal);
                }
            }
            allowed.sort();
            if found != wanted || !found.iter().map(|one| &one.principal).eq(&allowed) {
                let why = format!(
                    "who may {name} {resource}: {found:?}; made anew {wanted:?}; checked {allowed:?}"
                );
                return Ok(Some(why));
            }
            counts.lists += 1;
            counts.people += found.len() as u64;
        }
        Ok(None)
    }

    /// Everyone who was asked about goes on to the next page of their list.
    fn page(&mut self, asked: &[Asked<'_>]) -> Result<(), String> {
        for Asked { action, principal, resources, context } in asked {
            let name: Arc<str> = action.uid.to_string().into();
            let Some(ty) = resources.first().map(EntityUid::type_name) else { continue };
            let visible = self
                .ward
                .engine
                .visible(&self.world, principal, &name, ty, context)
                .map_err(|e| e.to_string())?;
            let (seen, cursor) =
                self.pages.entry((principal.clone(), format!("{name} {ty}").into())).or_default();
            let page = visible.page(*cursor, 2).map_err(|e| e.to_string())?;
            for entity in page.entities {
                if !visible.contains(&entity) || !seen.insert(entity.clone()) {
                    return Err(format!("{entity} comes twice, or is not seen, in {name} of {principal}"));
                }
            }
            *cursor = page.next;
            if page.next.is_none() {
                seen.clear();
            }
        }
        Ok(())
    }

    fn tell(&self, changes: &Changes, what: &str) -> String {
        let policies = self.ward.policies().iter().filter_map(|policy| self.ward.source(&policy.id));
        let policies: Vec<&str> = policies.map(|source| source.text.as_ref()).collect();
        let many = if policies.len() > 30 { String::new() } else { policies.join("\n") };
        format!(
            "{what}\nchanges: {changes:#?}\nworld before:\n{}\npolicies:\n{many}",
            plain_json(&self.facts)
        )
    }
}

/// Somebody's question about all records of a type.
struct Asked<'a> {
    action: &'a Action,
    principal: EntityUid,
    resources: Vec<EntityUid>,
    context: BTreeMap<Arc<str>, Value>,
}

impl<'a> Asked<'a> {
    fn draw(ward: &'a Ward, facts: &Facts, choices: &mut Choices<'_>) -> Vec<Self> {
        let mut all = Vec::new();
        for _ in 0..6 {
            let Some(action) = choices.pick(ward.schema().actions()) else { break };
            let (Some(&from), Some(&to)) =
                (choices.pick(&action.principals), choices.pick(&action.resources))
            else {
                continue;
            };
            // The first of them more often than others, so that what is kept of them is used again.
            let principals = facts.of_type(from);
            let principal = if choices.chance(1, 2) { principals.first() } else { choices.pick(&principals) };
            let Some(principal) = principal.cloned() else { continue };
            let context = facts.record(ward, choices, &action.context);
            all.push(Asked { action, principal, resources: facts.of_type(to), context });
        }
        all
    }
}

/// Every entity as JSON, with its parents, in an order of their own.
fn entities(world: &World) -> BTreeSet<String> {
    let mut json = Vec::new();
    if world.write_json(&mut json).is_err() {
        return BTreeSet::new();
    }
    let mut entities: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap_or_default();
    for entity in &mut entities {
        if let Some(parents) = entity.get_mut("parents").and_then(serde_json::Value::as_array_mut) {
            parents.sort_by_key(ToString::to_string);
        }
    }
    entities.iter().map(ToString::to_string).collect()
}

/// A batch, and the facts as it leaves them; it may be one that is to be refused.
pub(in crate::testing) fn batch(ward: &Ward, facts: &Facts, choices: &mut Choices<'_>) -> (Changes, Facts) {
    let (mut changes, mut facts) = (Changes::new(), facts.clone());
    for _ in 0..=choices.below(5) {
        let all: Vec<EntityUid> = facts.entities.keys().cloned().collect();
        let Some(uid) = choices.pick(&all).cloned() else { break };
        let schema = ward.schema().clone();
        let Some(ty) = schema.type_id(uid.type_name()).and_then(|ty| schema.entity_type(ty)) else {
            continue;
        };
        match choices.below(12) {
            0 => {
                changes = changes.remove(&uid);
                facts.remove(&uid);
            }
            1 | 2 => {
                // A new one, or another in its place.
                let new = EntityUid::new(uid.type_name(), format!("{}", choices.below(9)));
                facts.remove(&new);
                facts.entities.insert(new.clone(), BTreeMap::new());
                facts.fill(ward, choices, &new);
                changes = facts.put(changes, &new);
            }
            3 if ty.tags.is_some() => {
                let (name, value) = ("a", ty.tags.as_ref().map(|of| facts.value(ward, choices, "a", of)));
                match value.filter(|_| choices.chance(2, 3)) {
                    Some(value) => {
                        changes = changes.set_tag(&uid, name, value.clone());
                        facts.tags.entry(uid).or_default().insert(name.into(), value);
                    }
                    None => {
                        changes = changes.unset_tag(&uid, name);
                        facts.tags.entry(uid).or_default().remove(name);
                    }
                }
            }
            4 if !ty.ancestors.is_empty() => {
                let fits = |other: &EntityUid| {
                    schema.type_id(other.type_name()).is_some_and(|of| ty.ancestors.contains(&of))
                };
                let parents: Vec<EntityUid> =
                    all.iter().filter(|other| fits(other) && choices.chance(1, 3)).cloned().collect();
                changes = changes.set_parents(&uid, parents.clone());
                facts.parents.insert(uid, parents);
            }
            _ => {
                let Some((name, attribute)) = choices.pick(&ty.attributes) else { continue };
                if choices.chance(1, 5) {
                    changes = changes.unset(&uid, name);
                    facts.unset(&uid, name);
                } else {
                    let value = facts.value(ward, choices, name, &attribute.ty);
                    changes = changes.set(&uid, name, value.clone());
                    facts.set(&uid, name, value);
                }
            }
        }
    }
    (changes, facts)
}
