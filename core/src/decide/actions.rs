//! What may this person do to that record?
//!
//! All actions are asked at once, in one program: what several of them ask is evaluated once. Where an action's
//! context is not given, or not all of it, its policies are folded with what is known; what is left says whether
//! it is allowed or denied whatever is given, or what it still needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cache::{Group, Part};
use crate::engine::Engine;
use crate::ir::{Entry, Evaluation, Failure, FieldSet, Opening, Program};
use crate::model::context::Fields;
use crate::model::{Action, Answer, Attribute, Decision, Effect, EntityUid, Error, Fault, Type, Value};
use crate::world::{Place, World};

/// Ways to fill in what is not given, beyond which they are not gone through one by one.
const WAYS: usize = 64;

/// What is known about one action on one record.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ActionAnswer {
    /// The action's id, or its whole name where the id alone is ambiguous.
    pub action: Arc<str>,
    /// The answer, where it is allowed as it is, or nothing that the context could still be given would change it.
    pub answer: Option<Answer>,
    /// What the action's context needs, where it is possible and depends on that. Fields that it asks for in any
    /// case come with those that may be left out and decide it here.
    pub needs: Vec<Need>,
}

carried!(struct ActionAnswer { action, answer, needs });

/// A field of a context on which an action depends.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Need {
    /// The field's name.
    pub field: Arc<str>,
    /// Its type, as the schema has it.
    #[serde(rename = "type")]
    pub ty: Arc<str>,
    /// Whether the action asks for it in any case.
    pub required: bool,
    /// The values with which the action can be allowed, in Cedar's JSON; `None` where they were not gone through.
    ///
    /// Fields of few values (`Bool`, enumerated entities) are gone through where no other field decides.
    #[cfg_attr(feature = "schemars", schemars(with = "Option<Vec<serde_json::Value>>"))]
    pub values: Option<Vec<Value>>,
}

carried!(struct Need { field, ty, required, values });

/// What a group's actions are asked with.
struct Asked<'a> {
    world: &'a World,
    pair: (Place, Place),
    /// What is given, for any of them.
    context: &'a Fields,
    /// Entities that it names and that are taken as absent.
    hidden: &'a BTreeSet<EntityUid>,
}

impl Engine {
    pub(crate) fn actions(
        &self,
        world: &World,
        principal: &EntityUid,
        resource: &EntityUid,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Vec<ActionAnswer>, Error> {
        self.belongs_to(world)?;
        for uid in [principal, resource] {
            self.schema().known_type(uid.type_name())?;
        }
        let _still = world.still();
        let all = self.actions_now(world, principal, resource, context, &BTreeSet::new())?;
        Ok(all.into_iter().map(|(_, answer)| answer).collect())
    }

    /// As [`Ward::actions`], while the data is held still; each with the action's place. What the context names of
    /// `hidden` is taken as absent.
    pub(crate) fn actions_now(
        &self,
        world: &World,
        principal: &EntityUid,
        resource: &EntityUid,
        context: &BTreeMap<Arc<str>, Value>,
        hidden: &BTreeSet<EntityUid>,
    ) -> Result<Vec<(usize, ActionAnswer)>, Error> {
        let actions: Vec<&Action> =
            self.schema().actions_for(principal.type_name(), resource.type_name()).collect();
        for action in &actions {
            for (name, value) in context {
                if let Some(field) = action.context.get(name) {
                    self.field_conforms(action, name, field, value)?;
                }
            }
        }
        let (Some(from), Some(to)) = (world.place(principal), world.place(resource)) else {
            let absent = [principal, resource].into_iter().filter(|uid| !world.contains(uid));
            let absent: BTreeSet<EntityUid> = absent.cloned().collect();
            let answer = |action: &&Action| {
                let absent = absent.union(&absent_in(world, action, context, hidden)).cloned().collect();
                (action.place, self.absent(world, action, context, absent))
            };
            return Ok(actions.iter().map(answer).collect());
        };
        let joint = self.link(world).joint(&self.loaded, (from.0, to.0));
        let mut all = Vec::with_capacity(actions.len());
        let asked = Asked { world, pair: (from, to), context, hidden };
        for group in &joint.groups {
            match group.parts.as_slice() {
                // Alone: it may take the context as a whole.
                [part] => {
                    let action = self.schema().actions().get(part.action);
                    let known = context
                        .iter()
                        .filter(|(name, _)| action.is_some_and(|a| a.context.contains_key(*name)));
                    let context = known.map(|(name, value)| (name.clone(), value.clone())).collect();
                    self.ask_group(group, &Asked { context: &context, ..asked }, &mut all);
                }
                _ => self.ask_group(group, &asked, &mut all),
            }
        }
        all.sort_by_key(|(place, _)| *place);
        Ok(all)
    }

    fn ask_group(&self, group: &Group, asked: &Asked<'_>, all: &mut Vec<(usize, ActionAnswer)>) {
        let Asked { world, pair, context, hidden } = *asked;
        let missing = FieldSet::of(&group.fields, |field| !context.contains_key(field));
        let mut opening = Opening::new(&group.program, world, pair, context, (&group.asked, missing));
        for Part { action, name, entries } in &group.parts {
            let Some(action) = self.schema().actions().get(*action) else { continue };
            let entries = group.program.entries.get(entries.clone()).unwrap_or_default();
            let absent = absent_in(world, action, context, hidden);
            let answer = match absent.is_empty() {
                true => self.ask((action, name), entries, &mut opening, asked),
                false => self.absent(world, action, context, absent),
            };
            all.push((action.place, answer));
        }
    }

    /// One action, everything that the request names being there.
    fn ask(
        &self,
        (action, name): (&Action, &Arc<str>),
        entries: &[Entry],
        opening: &mut Opening<'_>,
        asked: &Asked<'_>,
    ) -> ActionAnswer {
        let (Asked { world, context, .. }, name) = (asked, name.clone());
        let certain = |name, answer| ActionAnswer { action: name, answer: Some(answer), needs: Vec::new() };
        let asks_for =
            |(name, field): &(&Arc<str>, &Attribute)| field.required && !context.contains_key(*name);
        let is_open = entries.iter().any(|entry| opening.is_open(entry.root));
        // Those that ask for nothing that is missing, evaluated once.
        let outcomes: Vec<Option<Outcome>> =
            entries.iter().map(|e| (!opening.is_open(e.root)).then(|| opening.holds(e.root))).collect();
        let known = Tally::new(self, entries.iter().zip(outcomes.iter().copied()));
        // The answer without what is missing, where the action can be done without.
        let without = (!action.context.iter().any(|field| asks_for(&field))).then(|| {
            let all = entries.iter().zip(&outcomes);
            let evaluated = all.map(|(e, known)| (e, Some(known.unwrap_or_else(|| opening.holds(e.root)))));
            Tally::new(self, evaluated.collect::<Vec<_>>())
        });
        if let Some(without) = &without
            && (without.allows() || !is_open)
        {
            return certain(name, without.answer(self, world, action, context));
        }
        let denied = |tally: Tally| without.as_ref().unwrap_or(&tally).denied(self, world, action, context);
        // Most actions are nobody's business whom the record does not concern: no need to fold their policies.
        let mut permits = entries.iter().zip(&outcomes).filter(|(entry, _)| entry.effect == Effect::Permit);
        let is_possible = permits.any(|(entry, outcome)| match outcome {
            Some(outcome) => *outcome == Ok(true),
            None => !opening.is_never(entry.root),
        });
        if known.denies() || !is_possible {
            return certain(name, denied(known));
        }
        let residual = opening.residual(entries);
        let constant = |entry: &Entry| match residual.constant(entry.root) {
            Some(Value::Bool(value)) => Some(Ok(*value)),
            _ => None,
        };
        let folded = Tally::new(self, residual.entries.iter().map(|entry| (entry, constant(entry))));
        let of = |effect| residual.entries.iter().filter(move |entry| entry.effect == effect).count();
        if folded.denies() || of(Effect::Permit) == 0 {
            return certain(name, denied(folded));
        }
        if folded.allows() && of(Effect::Forbid) == 0 && !residual.can_fail() {
            return certain(name, folded.answer(self, world, action, context));
        }
        match self.ways(action, &residual, asked) {
            Ways::None => certain(name, denied(folded)),
            Ways::All => certain(name, folded.allowed(self, world, action, context)),
            Ways::Some(needs) => ActionAnswer { action: name, answer: None, needs },
        }
    }

    /// What is needed for the policies that are left to allow it.
    fn ways(&self, action: &Action, residual: &Program, asked: &Asked<'_>) -> Ways {
        let given = residual.given();
        let decides = |name: &Arc<str>| given.as_ref().is_none_or(|fields| fields.contains(name));
        let fields = action.context.iter().filter(|(name, _)| !asked.context.contains_key(*name));
        let fields: Vec<(&Arc<str>, &Attribute)> =
            fields.filter(|(name, field)| field.required || decides(name)).collect();
        let deciding = || fields.iter().copied().filter(|(name, _)| decides(name));
        let domains: Option<Vec<Vec<Option<Value>>>> =
            deciding().map(|(_, field)| self.domain(field)).collect();
        let ways = domains.filter(|all| {
            all.iter()
                .try_fold(1_usize, |ways, domain| ways.checked_mul(domain.len()))
                .is_some_and(|n| n <= WAYS)
        });
        let mut allowing: BTreeMap<&Arc<str>, BTreeSet<Value>> = BTreeMap::new();
        if let Some(domains) = &ways {
            let (mut tried, mut allowed) = (0, 0);
            for_each_way(domains, &mut |way| {
                let mut context = asked.context.clone();
                let filled =
                    || deciding().zip(way).filter_map(|((name, _), value)| Some((name, value.as_ref()?)));
                context.extend(filled().map(|(name, value)| (name.clone(), value.clone())));
                let mut evaluation =
                    Evaluation::new(residual, asked.world, asked.pair.0, Some(asked.pair.1), &context);
                tried += 1;
                if evaluation.allows() {
                    allowed += 1;
                    filled().for_each(|(name, value)| {
                        allowing.entry(name).or_default().insert(value.clone());
                    });
                }
            });
            if allowed == 0 {
                return Ways::None;
            }
            if allowed == tried {
                return Ways::All;
            }
        }
        let need = |(name, field): &(&Arc<str>, &Attribute)| Need {
            field: (*name).clone(),
            ty: self.schema().show(&field.ty).into(),
            required: field.required,
            values: (ways.is_some() && decides(name))
                .then(|| allowing.remove(*name).into_iter().flatten().collect()),
        };
        Ways::Some(fields.iter().map(need).collect())
    }

    /// Every value that a field can have, and `None` where it can be left out; `None` where they are many.
    fn domain(&self, field: &Attribute) -> Option<Vec<Option<Value>>> {
        let mut values: Vec<Option<Value>> = match &field.ty {
            Type::Bool => vec![Some(Value::Bool(false)), Some(Value::Bool(true))],
            Type::Entity(ty) => {
                let ty = self.schema().entity_type(*ty)?;
                let choices = ty.choices.as_ref()?.iter();
                let uid = |id: &Arc<str>| Value::Entity(EntityUid::new(ty.name.clone(), id.clone()));
                choices.map(|id| Some(uid(id))).collect()
            }
            _ => return None,
        };
        if !field.required {
            values.push(None);
        }
        Some(values)
    }

    fn absent(
        &self,
        world: &World,
        action: &Action,
        context: &BTreeMap<Arc<str>, Value>,
        absent: BTreeSet<EntityUid>,
    ) -> ActionAnswer {
        let tally = Tally { faults: absent.into_iter().map(Fault::Absent).collect(), ..Tally::default() };
        let answer = Some(tally.denied(self, world, action, context));
        ActionAnswer { action: self.schema().action_name(action), answer, needs: Vec::new() }
    }
}

/// How what is missing can be filled in.
enum Ways {
    /// Nothing allows it.
    None,
    /// Anything does.
    All,
    /// It depends on these.
    Some(Vec<Need>),
}

fn for_each_way(domains: &[Vec<Option<Value>>], visit: &mut impl FnMut(&[Option<Value>])) {
    let ways: usize = domains.iter().map(Vec::len).product();
    for mut number in 0..ways {
        let mut way = Vec::with_capacity(domains.len());
        for domain in domains {
            way.extend(domain.get(number % domain.len().max(1)).cloned());
            number /= domain.len().max(1);
        }
        visit(&way);
    }
}

/// The entities that what an action knows of the context names and the data lacks, or that are hidden.
fn absent_in(
    world: &World,
    action: &Action,
    context: &Fields,
    hidden: &BTreeSet<EntityUid>,
) -> BTreeSet<EntityUid> {
    let mut absent = BTreeSet::new();
    for (_, value) in context.iter().filter(|(name, _)| action.context.contains_key(*name)) {
        value.for_each_entity(&mut |uid| {
            if !world.contains(uid) || hidden.contains(uid) {
                absent.insert(uid.clone());
            }
        });
    }
    absent
}

/// How a policy's condition came out.
type Outcome = Result<bool, Failure>;

/// How policies came out, those of which it is known.
#[derive(Default)]
struct Tally {
    permits: Vec<Arc<str>>,
    forbids: Vec<Arc<str>>,
    faults: Vec<Fault>,
}

impl Tally {
    fn new<'e>(ward: &Engine, outcomes: impl IntoIterator<Item = (&'e Entry, Option<Outcome>)>) -> Self {
        let mut tally = Tally::default();
        for (entry, outcome) in outcomes {
            let Some(policy) = ward.policies().get(entry.policy) else { continue };
            match (outcome, entry.effect) {
                (None | Some(Ok(false)), _) => {}
                (Some(Ok(true)), Effect::Permit) => tally.permits.push(policy.id.clone()),
                (Some(Ok(true)), Effect::Forbid) => tally.forbids.push(policy.id.clone()),
                (Some(Err(failure)), _) => {
                    let fault = Fault::Policy { id: policy.id.clone(), message: failure.to_string() };
                    tally.faults.push(fault);
                }
            }
        }
        tally
    }

    fn denies(&self) -> bool {
        !self.forbids.is_empty() || !self.faults.is_empty()
    }

    fn allows(&self) -> bool {
        !self.permits.is_empty() && !self.denies()
    }

    fn answer(&self, ward: &Engine, world: &World, action: &Action, context: &Fields) -> Answer {
        if self.allows() {
            self.allowed(ward, world, action, context)
        } else {
            self.denied(ward, world, action, context)
        }
    }

    fn allowed(&self, ward: &Engine, world: &World, action: &Action, context: &Fields) -> Answer {
        ward.answer(world, of_action(action, context), Decision::Allow, self.permits.clone(), Vec::new())
    }

    fn denied(&self, ward: &Engine, world: &World, action: &Action, context: &Fields) -> Answer {
        let (forbids, faults) = (self.forbids.clone(), self.faults.clone());
        ward.answer(world, of_action(action, context), Decision::Deny, forbids, faults)
    }
}

static NOTHING: Fields = Fields::new();

/// What an answer is to say that it was made with: nothing of a context that the action does not have.
fn of_action<'a>(action: &Action, context: &'a Fields) -> &'a Fields {
    if action.context.contains_key("now") { context } else { &NOTHING }
}
