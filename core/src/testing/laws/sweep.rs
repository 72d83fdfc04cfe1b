//! Everyone asks for everything in one world: each answer is compared with Cedar's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use cedar_policy::{Context, EntityUid as CedarUid};

use super::groups;
use super::run::{Counts, Seen};
use crate::model::{
    Action, ActionName, EntityUid, Error, Fault, Request, RequestEnvironment, TypeName, Value,
};
use crate::policy::Sources;
use crate::testing::{Asked, Cedar, CedarWorld, Choices, Facts, Verdict, cedar_uid, plain_json};
use crate::visible::Granted;
use crate::ward::Ward;
use crate::world::World;

/// Policies, as the engine and as Cedar have them.
pub(super) struct Subject {
    pub(super) ward: Ward,
    pub(super) sources: Sources,
    cedar: Cedar,
}

/// Those that are allowed, with the policies that permit each.
type Permits = BTreeMap<EntityUid, Vec<Arc<str>>>;
/// By record, the people who are allowed.
type Grants = BTreeMap<EntityUid, Permits>;

/// How a world is asked about.
pub(super) struct Manner {
    /// Contexts for each action.
    pub(super) contexts: usize,
    /// What each action's decisions tell of, where they tell of one thing each.
    pub(super) operator: fn(&Action) -> Option<&'static str>,
}

/// One world, as the engine and as Cedar have it.
struct Scene<'a> {
    subject: &'a Subject,
    facts: &'a Facts,
    world: World,
    cedar: CedarWorld,
    there: BTreeSet<EntityUid>,
}

/// One action with one context.
struct Act<'a> {
    action: &'a Action,
    name: Arc<str>,
    cedar_name: CedarUid,
    context: BTreeMap<Arc<str>, Value>,
    cedar_context: Context,
    absent: bool,
    operator: Option<&'static str>,
}

impl Subject {
    pub(super) fn new(ward: Ward, sources: Sources) -> Result<Self, String> {
        let cedar = Cedar::new(&ward, &sources)?;
        Ok(Subject { ward, sources, cedar })
    }

    /// Counts the policies and what stands in them.
    pub(super) fn count(&self, counts: &mut Counts) -> Result<(), String> {
        counts.wards += 1;
        counts.policies += self.ward.policies().len() as u64;
        for policy in self.cedar.policies_json()? {
            crate::testing::operators::count_operators(&policy, &mut counts.uses);
        }
        Ok(())
    }

    /// Compares everything that can be asked in a world of `facts`; notes which policies decided something.
    pub(super) fn sweep(
        &self,
        facts: &Facts,
        choices: &mut Choices<'_>,
        manner: &Manner,
        deciding: &mut BTreeSet<Arc<str>>,
    ) -> Result<Counts, String> {
        let start = Instant::now();
        let mut counts = Counts { worlds: 1, ..Counts::default() };
        let world = facts.build().map_err(|e| format!("the engine refuses facts: {e}"))?;
        let cedar = self.cedar.world(facts)?;
        let scene = Scene { subject: self, facts, world, cedar, there: facts.all() };
        for action in self.ward.schema().actions() {
            for _ in 0..manner.contexts {
                let act = scene.act(action, choices, (manner.operator)(action))?;
                scene.everyone(&act, choices, &mut counts, deciding)?;
            }
        }
        counts.whole = start.elapsed();
        Ok(counts)
    }
}

impl<'a> Scene<'a> {
    fn act(
        &self,
        action: &'a Action,
        choices: &mut Choices<'_>,
        operator: Option<&'static str>,
    ) -> Result<Act<'a>, String> {
        let mut context = self.facts.record(&self.subject.ward, choices, &action.context);
        if choices.chance(1, 12) {
            // A name of nothing, where the context has one on its surface.
            for value in context.values_mut() {
                if let Value::Entity(uid) = value
                    && self.facts.entities.contains_key(uid)
                {
                    *uid = EntityUid::new(uid.type_name(), "nobody");
                }
            }
        }
        let mut absent = false;
        context.values().for_each(|v| v.for_each_entity(&mut |uid| absent |= !self.there.contains(uid)));
        Ok(Act {
            action,
            name: action.uid.to_string().into(),
            cedar_name: cedar_uid(&action.uid)?,
            cedar_context: self.subject.cedar.context(&action.uid, &context)?,
            context,
            absent,
            operator,
        })
    }

    fn everyone(
        &self,
        act: &Act<'_>,
        choices: &mut Choices<'_>,
        counts: &mut Counts,
        deciding: &mut BTreeSet<Arc<str>>,
    ) -> Result<(), String> {
        let schema = self.subject.ward.schema();
        for &from in &act.action.principals {
            for &to in &act.action.resources {
                let (mut principals, mut resources) = (self.facts.of_type(from), self.facts.of_type(to));
                let name = |ty| schema.entity_type(ty).map_or_else(|| "".into(), |ty| ty.name.clone());
                if choices.chance(1, 8) {
                    principals.push(EntityUid::new(name(from), "nobody"));
                    resources.push(EntityUid::new(name(to), ""));
                }
                let mut granted = Grants::new();
                for principal in &principals {
                    let permits = self.row(act, principal, &resources, counts, deciding)?;
                    let allowed: Vec<EntityUid> = permits.keys().cloned().collect();
                    self.decisions(act, principal, &resources, &allowed)?;
                    self.list(act, principal, &name(to), allowed, counts)?;
                    for (resource, policies) in permits {
                        granted.entry(resource).or_default().insert(principal.clone(), policies);
                    }
                }
                for resource in &resources {
                    let granted = granted.remove(resource).unwrap_or_default();
                    self.who(act, resource, &name(from), &granted, counts)?;
                }
            }
        }
        Ok(())
    }

    /// Compares one person's decisions on every record; the permits of those that are allowed.
    fn row(
        &self,
        act: &Act<'_>,
        principal: &EntityUid,
        resources: &[EntityUid],
        counts: &mut Counts,
        deciding: &mut BTreeSet<Arc<str>>,
    ) -> Result<Permits, String> {
        let (subject, start) = (self.subject, Instant::now());
        let ask = |resource| {
            if act.absent || !self.there.contains(principal) || !self.there.contains(resource) {
                return Ok(None);
            }
            let asked = Asked { principal, action: &act.cedar_name, resource, context: &act.cedar_context };
            subject.cedar.decide(&self.cedar, &asked).map(Some)
        };
        let expected: Vec<Option<Verdict>> = resources.iter().map(ask).collect::<Result<_, String>>()?;
        counts.cedar += start.elapsed();

        let start = Instant::now();
        let mut request = act.request(principal, principal);
        let mut answers = Vec::with_capacity(resources.len());
        for resource in resources {
            request.resource = resource.clone();
            answers.push(subject.ward.check(&self.world, &request).map_err(|e| e.to_string())?);
        }
        counts.checks += start.elapsed();

        let mut allowed = Permits::new();
        for ((resource, answer), expected) in resources.iter().zip(answers).zip(&expected) {
            let failed = answer.errors.iter().filter_map(|fault| match fault {
                Fault::Policy { id, .. } => Some(id.clone()),
                _ => None,
            });
            let found =
                Verdict { allowed: answer.is_allowed(), failed: failed.collect(), policies: answer.policies };
            let denied = Verdict::default();
            if found != *expected.as_ref().unwrap_or(&denied) {
                return Err(self.tell(act, principal, resource, &format!("{found:?}\nCedar: {expected:?}")));
            }
            counts.decisions += 1;
            counts.allows += u64::from(found.allowed);
            counts.errors += u64::from(!found.failed.is_empty());
            counts.absent += u64::from(expected.is_none());
            act.tell_operator(&found, expected.is_some(), counts);
            if found.allowed {
                allowed.insert(resource.clone(), found.policies.clone());
            }
            deciding.extend(found.policies);
        }
        Ok(allowed)
    }

    /// Compares a list, and its length, with what was allowed one by one.
    fn list(
        &self,
        act: &Act<'_>,
        principal: &EntityUid,
        ty: &str,
        mut allowed: Vec<EntityUid>,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let (ward, start) = (&self.subject.ward, Instant::now());
        let mut listed = ward
            .engine
            .list(&self.world, principal, &act.name, ty, &act.context)
            .map_err(|e| e.to_string())?;
        let count = ward
            .engine
            .count(&self.world, principal, &act.name, ty, &act.context)
            .map_err(|e| e.to_string())?;
        counts.listing += start.elapsed();
        let seed = counts.lists;
        if seed.is_multiple_of(2) {
            let asked = (principal, act.name.as_ref(), ty);
            groups::counted_as_listed((ward, &self.world), asked, &act.context, (&listed, seed))
                .map_err(|what| self.tell(act, principal, &EntityUid::new(ty, "…"), &what))?;
        }
        listed.sort();
        allowed.sort();
        if listed != allowed || count != listed.len() {
            let what = format!("a list of {count}: {listed:?}\nallowed one by one: {allowed:?}");
            return Err(self.tell(act, principal, &EntityUid::new(ty, "…"), &what));
        }
        counts.lists += 1;
        counts.listed += listed.len() as u64;
        Ok(())
    }

    /// Compares who may do something to a record, and why, with what was allowed one by one.
    fn who(
        &self,
        act: &Act<'_>,
        resource: &EntityUid,
        ty: &str,
        granted: &Permits,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let (ward, start) = (&self.subject.ward, Instant::now());
        let ask = |found: Result<Vec<Granted>, Error>| found.map_err(|e| e.to_string());
        let found = ask(ward.engine.who_with_reasons(&self.world, &act.name, resource, ty, &act.context))?;
        counts.listing += start.elapsed();
        let reasons: Permits =
            found.iter().map(|one| (one.principal.clone(), one.policies.clone())).collect();
        let people =
            ward.engine.who(&self.world, &act.name, resource, ty, &act.context).map_err(|e| e.to_string())?;
        let listed: Vec<EntityUid> = people.iter().collect();
        if reasons != *granted || !listed.iter().eq(found.iter().map(|one| &one.principal)) {
            let what = format!("who: {found:?}\nlisted: {listed:?}\nallowed one by one: {granted:?}");
            return Err(self.tell(act, &EntityUid::new(ty, "…"), resource, &what));
        }
        counts.lists += 1;
        counts.people += found.len() as u64;
        Ok(())
    }

    /// Compares decisions without reasons, one by one and as a column, with what was allowed.
    fn decisions(
        &self,
        act: &Act<'_>,
        principal: &EntityUid,
        resources: &[EntityUid],
        allowed: &[EntityUid],
    ) -> Result<(), String> {
        let Some(ty) = resources.first().map(EntityUid::type_name) else { return Ok(()) };
        let (ward, world) = (&self.subject.ward, &self.world);
        let environment = RequestEnvironment::new(
            TypeName::new(principal.type_name()),
            ActionName::new(&act.name),
            TypeName::new(ty),
        );
        let decider = ward.decider(world, &environment).map_err(|e| e.to_string())?;
        let context = decider.prepare(&act.context.clone().into()).map_err(|e| e.to_string())?;
        let (mut principals, mut known) = (Vec::new(), Vec::new());
        for resource in resources {
            let decided = decider.allows_named(principal, resource, &context).map_err(|e| e.to_string())?;
            if decided != allowed.contains(resource) {
                return Err(self.tell(
                    act,
                    principal,
                    resource,
                    &format!("decided {decided}, and checked otherwise"),
                ));
            }
            let request = act.request(principal, resource);
            let answer = ward.check(world, &request).map_err(|e| e.to_string())?;
            let other = ward.check_by_reference(world, &request).map_err(|e| e.to_string())?;
            if answer != other {
                let what = format!(
                    "{answer:?}
by Cedar's authorizer: {other:?}"
                );
                return Err(self.tell(act, principal, resource, &what));
            }
            if let (Some(principal), Some(resource)) = (world.handle(principal), world.handle(resource)) {
                principals.push(principal);
                known.push(resource);
            }
        }
        let column = decider.decide_columns(&principals, &known, &context).map_err(|e| e.to_string())?;
        if column.allowed.iter().filter(|allowed| **allowed).count() != allowed.len() {
            return Err(self.tell(
                act,
                principal,
                &EntityUid::new(ty, "…"),
                &format!("as a column {column:?}"),
            ));
        }
        let ids: Vec<&str> = resources.iter().map(EntityUid::id).collect();
        let principals = vec![principal.id(); ids.len()];
        let column = decider.decide_ids(&principals, &ids, &context).map_err(|e| e.to_string())?;
        if !column.allowed.iter().zip(resources).all(|(is, resource)| *is == allowed.contains(resource)) {
            let what = format!("as a column of ids {column:?}");
            return Err(self.tell(act, principal, &EntityUid::new(ty, "…"), &what));
        }
        Ok(())
    }

    /// All that is needed to see a failure again.
    fn tell(&self, act: &Act<'_>, principal: &EntityUid, resource: &EntityUid, what: &str) -> String {
        let sources = &self.subject.sources;
        let policies: Vec<&str> = sources.policies.iter().map(|policy| policy.text.as_ref()).collect();
        let context = serde_json::to_string(&act.context).unwrap_or_default();
        format!(
            "{principal} {} {resource}, context {context}\ncaseward: {what}\nschema:\n{}\npolicies:\n{}\nworld:\n{}",
            act.name,
            sources.schema.text,
            policies.join("\n"),
            plain_json(self.facts)
        )
    }
}

impl Act<'_> {
    fn request(&self, principal: &EntityUid, resource: &EntityUid) -> Request {
        Request {
            principal: principal.clone(),
            action: ActionName::new(&self.name),
            resource: resource.clone(),
            context: self.context.clone().into(),
        }
    }

    /// Where the action's one policy is one operator: how that came out.
    fn tell_operator(&self, found: &Verdict, evaluated: bool, counts: &mut Counts) {
        let (Some(operator), true) = (self.operator, evaluated) else { return };
        let seen: &mut Seen = counts.operators.entry(operator).or_default();
        match (found.allowed, found.failed.is_empty()) {
            (true, _) => seen.yes += 1,
            (false, true) => seen.no += 1,
            (false, false) => seen.failed += 1,
        }
    }
}
