//! All actions at once, with a part of what their contexts ask for: what is said of each holds for every way to
//! give the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Extent;
use super::run::{Counts, over};
use crate::decide::actions::ActionAnswer;
use crate::model::{Action, ActionName, EntityUid, Request, Type, Value};
use crate::policy::Sources;
use crate::testing::policies::ward;
use crate::testing::{Choices, Facts, clinic_sources};
use crate::ward::Ward;
use crate::world::World;

/// Bytes for the policies, and for the world and its questions.
const POLICIES: usize = 3_000;
const WORLD: usize = 6_000;
/// Questions in each world, and ways to give the rest of a context.
const QUESTIONS: usize = 12;
const WAYS: usize = 8;

type Context = BTreeMap<Arc<str>, Value>;

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
        let Ok(world) = facts.build() else { return Ok(counts) };
        counts.worlds = 1;
        for _ in 0..QUESTIONS {
            Question::draw(&ward, &facts, &world, &mut choices)
                .map_or(Ok(()), |question| question.ask(&mut choices, &mut counts))?;
        }
        Ok(counts)
    })
}

/// One person on one record, with a part of a context.
struct Question<'a> {
    ward: &'a Ward,
    facts: &'a Facts,
    world: &'a World,
    principal: EntityUid,
    resource: EntityUid,
    /// Those that apply to the types.
    actions: Vec<&'a Action>,
    given: Context,
}

impl<'a> Question<'a> {
    fn draw(ward: &'a Ward, facts: &'a Facts, world: &'a World, choices: &mut Choices<'_>) -> Option<Self> {
        let action = choices.pick(ward.schema().actions())?;
        let (&from, &to) = (choices.pick(&action.principals)?, choices.pick(&action.resources)?);
        let principal = choices.pick(&facts.of_type(from))?.clone();
        let mut resource = choices.pick(&facts.of_type(to))?.clone();
        if choices.chance(1, 12) {
            resource = EntityUid::new(resource.type_name(), "nobody");
        }
        let takes = |a: &&Action| a.principals.contains(&from) && a.resources.contains(&to);
        let actions: Vec<&Action> = ward.schema().actions().iter().filter(takes).collect();
        let mut types: BTreeMap<&Arc<str>, Vec<&Type>> = BTreeMap::new();
        for (name, field) in actions.iter().flat_map(|action| action.context.iter()) {
            types.entry(name).or_default().push(&field.ty);
        }
        let mut given = Context::new();
        let share = 1 + choices.below(3);
        for (name, all) in types {
            // A field that two actions have of two types can be given to neither.
            let first = all.first()?;
            if all.iter().all(|ty| ty == first) && choices.chance(share, 4) {
                given.insert(name.clone(), facts.value(ward, choices, name, first));
            }
        }
        Some(Question { ward, facts, world, principal, resource, actions, given })
    }

    fn ask(&self, choices: &mut Choices<'_>, counts: &mut Counts) -> Result<(), String> {
        let answers = self.ward.engine.actions(self.world, &self.principal, &self.resource, &self.given);
        let answers = answers.map_err(|e| e.to_string())?;
        if !answers.iter().map(|a| &a.action).eq(self
            .actions
            .iter()
            .map(|a| self.ward.schema().action_name(a))
            .collect::<Vec<_>>()
            .iter())
        {
            return Err(format!("other actions than apply: {answers:?}"));
        }
        for (action, answer) in self.actions.iter().zip(&answers) {
            if answer.answer.is_some() != answer.needs.is_empty() {
                return Err(format!("both an answer and needs, or neither: {answer:?}"));
            }
            for way in 0..WAYS {
                let context = self.filled(action, choices, way);
                self.compare(action, answer, &context, counts)?;
            }
        }
        Ok(())
    }

    /// What is given, with all that the action asks for; the first time nothing that it could do without.
    fn filled(&self, action: &Action, choices: &mut Choices<'_>, way: usize) -> Context {
        let drawn = self.facts.record(self.ward, choices, &action.context);
        let keep = |name: &Arc<str>| way > 0 || action.context.get(name).is_some_and(|field| field.required);
        let mut context: Context = drawn.into_iter().filter(|(name, _)| keep(name)).collect();
        let known = self.given.iter().filter(|(name, _)| action.context.contains_key(*name));
        context.extend(known.map(|(name, value)| (name.clone(), value.clone())));
        context
    }

    /// Whether all is given that the action asks for in any case.
    fn is_whole(&self, action: &Action) -> bool {
        action.context.iter().all(|(name, field)| !field.required || self.given.contains_key(name))
    }

    fn compare(
        &self,
        action: &Action,
        found: &ActionAnswer,
        context: &Context,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let request = Request {
            principal: self.principal.clone(),
            action: ActionName::new(action.uid.to_string()),
            resource: self.resource.clone(),
            context: context.clone().into(),
        };
        let check = self.ward.check(self.world, &request).map_err(|e| e.to_string())?;
        let is_all = context.keys().all(|name| self.given.contains_key(name));
        let fits = match &found.answer {
            // With nothing more given it is the same answer, to the last word.
            Some(answer) if is_all => *answer == check,
            // It is allowed as it is, which a field that can be left out may yet take away.
            Some(answer) if answer.is_allowed() && self.is_whole(action) => true,
            Some(answer) => answer.decision == check.decision,
            None => {
                let names = |name: &Arc<str>| found.needs.iter().any(|need| need.field == *name);
                let required = action.context.iter().filter(|(_, field)| field.required);
                let mut missing = required.filter(|(name, _)| !self.given.contains_key(*name));
                let is_named = missing.all(|(name, _)| names(name));
                let is_among =
                    found.needs.iter().all(|need| match (&need.values, context.get(&need.field)) {
                        (Some(values), Some(value)) => values.contains(value),
                        _ => true,
                    });
                is_named && (is_among || !check.is_allowed())
            }
        };
        counts.decisions += 1;
        counts.allows += u64::from(check.is_allowed());
        counts.errors += u64::from(!check.errors.is_empty());
        counts.open += u64::from(found.answer.is_none());
        counts.opened += u64::from(found.answer.is_none() && check.is_allowed());
        if fits {
            return Ok(());
        }
        let policies = self.ward.policies().iter().filter_map(|policy| self.ward.source(&policy.id));
        let policies: Vec<&str> = policies.map(|source| source.text.as_ref()).collect();
        let many = if policies.len() > 30 { String::new() } else { policies.join("\n") };
        Err(format!("given {:?}: {found:?}\n{request:?}: {check:?}\n{many}", self.given))
    }
}
