//! What a change of policies changes in a world: who gains and who loses which action on which records.
//!
//! Only kinds of request are looked at in which the two versions have other policies; kinds whose policies are the
//! same are looked at once. A person's records are compared as sets, and each set is divided among the policies
//! that are responsible for it, with wards that hold these alone.
//!
//! INVARIANT: what is told is exact for the people, records and circumstances that were looked at, and says which
//! these were.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::error::Error;
use crate::policy::{Effect, Sources};
use crate::schema::{Action, Attribute, Type};
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::{Row, World};

/// Entities of one type that a circumstance may name: more people than these are not tried as an assignee.
const MOST_ENTITIES: usize = 3;
/// Circumstances that one action is looked at under.
const MOST_CIRCUMSTANCES: usize = 12;

/// A context.
type Circumstance = BTreeMap<Arc<str>, Value>;

/// Two versions of policies under one schema, made ready to be compared.
pub struct Diff {
    old: Ward,
    new: Ward,
    changed: Vec<Changed>,
    /// Changed permits with all forbids of their version, and changed forbids with a permit of everything, by
    /// version (old first) and id.
    alone: [BTreeMap<Arc<str>, Ward>; 2],
}

/// Kinds of request in which the versions differ, and all in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The type of the person.
    pub principal_type: Arc<str>,
    /// The actions' ids, in order.
    pub actions: Vec<Arc<str>>,
    /// The type of the record.
    pub resource_type: Arc<str>,
    /// The policies that are new there, gone or written otherwise.
    pub policies: BTreeSet<Arc<str>>,
}

/// What one person gains or loses for one policy's sake.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The person.
    pub person: EntityUid,
    /// The place of the kinds of request in [`Diff::changed`].
    pub changed: usize,
    /// Whether it is gained; it is lost otherwise.
    pub gained: bool,
    /// The policy responsible; `None` where several only together are.
    pub policy: Option<Arc<str>>,
    /// The roles that matter: attributes of the person that the policy reads, which hold sets of entities.
    pub roles: Vec<Arc<str>>,
    /// What these hold.
    pub organisations: Vec<EntityUid>,
    /// The records, as numbers in the world.
    pub records: RoaringBitmap,
}

impl Diff {
    /// Compares `new` with `old`, whose policies are read under the schema of `new`.
    ///
    /// # Errors
    /// [`Error::is_policies`] where either version is refused.
    pub fn new(old: &Sources, new: &Sources) -> Result<Self, Error> {
        // What a catalogue shows is no decision.
        let old = Sources { schema: new.schema.clone(), policies: old.policies.clone(), catalogue: None };
        let (old_ward, new_ward) = (Ward::new(&old)?, Ward::new(new)?);
        let mut diff = Diff {
            changed: changed(&old_ward, &new_ward),
            alone: [BTreeMap::new(), BTreeMap::new()],
            old: old_ward,
            new: new_ward,
        };
        let all: BTreeSet<Arc<str>> = diff.changed.iter().flat_map(|c| c.policies.iter().cloned()).collect();
        for id in all {
            for (at, sources) in [&old, new].into_iter().enumerate() {
                let ward = if at == 0 { &diff.old } else { &diff.new };
                let Some(alone) = alone(ward, sources, &id)? else { continue };
                if let Some(wards) = diff.alone.get_mut(at) {
                    wards.insert(id.clone(), alone);
                }
            }
        }
        Ok(diff)
    }

    /// The newer version.
    pub fn ward(&self) -> &Ward {
        &self.new
    }

    /// The older version.
    pub fn old(&self) -> &Ward {
        &self.old
    }

    /// The kinds of request in which the versions can differ; those left out have the very same policies.
    pub fn changed(&self) -> &[Changed] {
        &self.changed
    }

    /// The circumstances that a kind of request is looked at under, and whether there are no others: booleans both
    /// ways, numbers and texts next to those that policies name, some entities of each type; `now` is given.
    pub fn circumstances(&self, changed: &Changed, world: &World, now: i64) -> (Vec<Circumstance>, bool) {
        let action = changed.actions.first().and_then(|action| self.new.schema().action(action));
        action.map_or((Vec::new(), true), |action| circumstances(&self.new, action, world, now))
    }

    /// What a person gains and loses.
    ///
    /// Cost: two lists for each kind of request that changed, and circumstance; more where they differ.
    ///
    /// # Errors
    /// [`Error::is_schema`] for a world of another schema.
    pub fn of_person(
        &self,
        world: &World,
        person: &EntityUid,
        circumstances: &[Vec<Circumstance>],
    ) -> Result<Vec<Difference>, Error> {
        let mut found: BTreeMap<(usize, bool, Option<Arc<str>>), RoaringBitmap> = BTreeMap::new();
        for (at, (changed, circumstances)) in self.changed.iter().zip(circumstances).enumerate() {
            if person.type_name() != changed.principal_type.as_ref() {
                continue;
            }
            for context in circumstances {
                let asked = Asked { world, person, changed, context };
                let (old, new) = (asked.of(&self.old)?, asked.of(&self.new)?);
                for (gained, rest) in [(true, &new - &old), (false, &old - &new)] {
                    if !rest.is_empty() {
                        self.divide(&asked, gained, rest, &mut |policy, records| {
                            *found.entry((at, gained, policy)).or_default() |= records;
                        })?;
                    }
                }
            }
        }
        let differences = found.into_iter().map(|((changed, gained, policy), records)| {
            let (roles, organisations) = self.roles(world, person, policy.as_deref());
            Difference { person: person.clone(), changed, gained, policy, roles, organisations, records }
        });
        Ok(differences.collect())
    }

    /// The records of a difference.
    pub fn records<'a>(
        &self,
        world: &'a World,
        difference: &'a Difference,
    ) -> impl Iterator<Item = EntityUid> + 'a {
        let ty = self
            .changed
            .get(difference.changed)
            .and_then(|changed| self.new.schema().type_id(&changed.resource_type));
        ty.into_iter().flat_map(move |ty| difference.records.iter().map(move |row| world.uid((ty, Row(row)))))
    }

    /// Divides records among the changed policies that are responsible: what is gained, among permits that are new
    /// and then forbids that are gone; what is lost, among forbids that are new and then permits that are gone.
    fn divide(
        &self,
        asked: &Asked<'_>,
        gained: bool,
        mut rest: RoaringBitmap,
        give: &mut dyn FnMut(Option<Arc<str>>, RoaringBitmap),
    ) -> Result<(), Error> {
        let [old, new] = &self.alone;
        let order = if gained {
            [(new, Effect::Permit), (old, Effect::Forbid)]
        } else {
            [(new, Effect::Forbid), (old, Effect::Permit)]
        };
        for (wards, effect) in order {
            for id in &asked.changed.policies {
                let Some(ward) =
                    wards.get(id).filter(|ward| ward.policy(id).is_some_and(|p| p.effect == effect))
                else {
                    continue;
                };
                let allowed = asked.of(ward)?;
                let share = match effect {
                    Effect::Permit => &rest & &allowed,
                    Effect::Forbid => &rest - &allowed,
                };
                rest -= &share;
                if !share.is_empty() {
                    give(Some(id.clone()), share);
                }
                if rest.is_empty() {
                    return Ok(());
                }
            }
        }
        give(None, rest);
        Ok(())
    }

    /// The person's attributes that a policy reads and that hold sets of entities, and what they hold.
    fn roles(
        &self,
        world: &World,
        person: &EntityUid,
        policy: Option<&str>,
    ) -> (Vec<Arc<str>>, Vec<EntityUid>) {
        let source = policy.and_then(|id| self.new.source(id).or_else(|| self.old.source(id)));
        let (mut roles, mut organisations) = (Vec::new(), BTreeSet::new());
        for (name, value) in world.attributes(person).unwrap_or_default() {
            let Value::Set(all) = value else { continue };
            let entities: Vec<EntityUid> = all
                .into_iter()
                .filter_map(|value| if let Value::Entity(uid) = value { Some(uid) } else { None })
                .collect();
            if !entities.is_empty() && source.is_none_or(|source| reads(&source.text, &name)) {
                roles.push(name);
                organisations.extend(entities);
            }
        }
        (roles, organisations.into_iter().collect())
    }
}

/// A list that is asked of several wards.
struct Asked<'a> {
    world: &'a World,
    person: &'a EntityUid,
    changed: &'a Changed,
    context: &'a Circumstance,
}

impl Asked<'_> {
    fn of(&self, ward: &Ward) -> Result<RoaringBitmap, Error> {
        let action = self.changed.actions.first().map_or("", AsRef::as_ref);
        let visible =
            ward.visible(self.world, self.person, action, &self.changed.resource_type, self.context)?;
        Ok(visible.bitmap().clone())
    }
}

/// Whether a policy's text reads this attribute of the principal.
fn reads(text: &str, attribute: &str) -> bool {
    text.match_indices("principal.").any(|(at, found)| {
        let rest = text.get(at + found.len()..).and_then(|rest| rest.strip_prefix(attribute));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// Types, context and the texts of the policies on both sides: what the answers depend on.
type Alike = (Arc<str>, Arc<str>, String, Vec<String>);

/// The kinds of request in which the versions have other policies, those that differ alike as one.
fn changed(old: &Ward, new: &Ward) -> Vec<Changed> {
    let mut alike: BTreeMap<Alike, Changed> = BTreeMap::new();
    for action in new.schema().actions() {
        for (&principal, &resource) in
            action.principals.iter().flat_map(|p| action.resources.iter().map(move |r| (p, r)))
        {
            let texts = |ward: &Ward| -> BTreeMap<Arc<str>, Arc<str>> {
                let policies = &ward.inner.loaded.needs().of(principal, &action.uid, resource).policies;
                let text = |id: &Arc<str>| Some((id.clone(), ward.source(id)?.text.clone()));
                policies.iter().filter_map(text).collect()
            };
            let (before, after) = (texts(old), texts(new));
            let differing = |id: &&Arc<str>| before.get(*id) != after.get(*id);
            let policies: BTreeSet<Arc<str>> =
                before.keys().chain(after.keys()).filter(differing).cloned().collect();
            let names =
                [principal, resource].map(|ty| new.schema().entity_type(ty).map(|ty| ty.name.clone()));
            let ([Some(principal_type), Some(resource_type)], false) = (names, policies.is_empty()) else {
                continue;
            };
            let mut both: Vec<String> = Vec::new();
            for (id, text) in before
                .iter()
                .map(|t| (0, t))
                .chain(after.iter().map(|t| (1, t)))
                .map(|(n, (id, t))| (format!("{n} {id}"), t))
            {
                both.push(id);
                if asks_action(text) {
                    both.push(action.uid.to_string());
                }
            }
            let key = (principal_type.clone(), resource_type.clone(), format!("{:?}", action.context), both);
            let actions = Vec::new();
            let kind =
                alike.entry(key).or_insert(Changed { principal_type, actions, resource_type, policies });
            kind.actions.push(action.uid.id().into());
        }
    }
    let mut changed: Vec<Changed> = alike.into_values().collect();
    changed.iter_mut().for_each(|kind| kind.actions.sort());
    changed.sort_by(|a, b| (&a.resource_type, &a.actions).cmp(&(&b.resource_type, &b.actions)));
    changed
}

/// Whether a policy may ask for the action outside of its head; where in doubt, yes.
fn asks_action(text: &str) -> bool {
    let word = |at: usize| {
        let end = text.get(at + "action".len()..).and_then(|rest| rest.chars().next());
        end.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    };
    text.match_indices("action").filter(|(at, _)| word(*at)).count() > 1
}

/// A permit with the forbids of its version, or a forbid with a permit of everything; `None` where the version lacks it.
fn alone(ward: &Ward, sources: &Sources, id: &str) -> Result<Option<Ward>, Error> {
    let Some(policy) = ward.policy(id) else { return Ok(None) };
    let of = |keep: &dyn Fn(&crate::policy::Policy) -> bool| {
        let names: BTreeSet<&str> =
            ward.policies().iter().filter(|p| keep(p)).map(|p| p.source.as_ref()).collect();
        sources
            .policies
            .iter()
            .filter(|source| names.contains(source.name.as_ref()))
            .cloned()
            .collect::<Vec<_>>()
    };
    let policies = match policy.effect {
        Effect::Permit => of(&|other| other.effect == Effect::Forbid || other.id == policy.id),
        Effect::Forbid => {
            let mut policies = of(&|other| other.id == policy.id);
            policies.push(crate::policy::Source::new(
                "everything",
                "@id(\"(everything)\") permit (principal, action, resource);",
            ));
            policies
        }
    };
    Ward::new(&Sources { schema: sources.schema.clone(), policies, catalogue: None }).map(Some)
}

fn circumstances(ward: &Ward, action: &Action, world: &World, now: i64) -> (Vec<Circumstance>, bool) {
    let (mut all, mut complete) = (vec![Circumstance::new()], true);
    for (name, field) in action.context.iter() {
        let (values, no_others) = values(ward, name, field, world, now);
        complete &= no_others;
        let mut wider = Vec::new();
        for circumstance in &all {
            if !field.required {
                wider.push(circumstance.clone());
            }
            for value in &values {
                let mut more = circumstance.clone();
                more.insert(name.clone(), value.clone());
                wider.push(more);
            }
        }
        // Spread over what there is, so that no field keeps one value only.
        if wider.len() > MOST_CIRCUMSTANCES {
            complete = false;
            let step = wider.len().div_ceil(MOST_CIRCUMSTANCES) | 1;
            wider = wider.into_iter().step_by(step).collect();
        }
        all = wider;
    }
    (all, complete)
}

/// Values of a field of a context, and whether there are no others.
fn values(ward: &Ward, name: &str, field: &Attribute, world: &World, now: i64) -> (Vec<Value>, bool) {
    match &field.ty {
        Type::Bool => (vec![Value::Bool(true), Value::Bool(false)], true),
        // The one circumstance that is given.
        Type::Datetime if name == "now" => (vec![Value::Datetime(now)], true),
        Type::Entity(of) => {
            let Some(ty) = ward.schema().entity_type(*of) else { return (Vec::new(), true) };
            if let Some(choices) = &ty.choices {
                return (
                    choices.iter().map(|id| EntityUid::new(ty.name.clone(), id.clone()).into()).collect(),
                    true,
                );
            }
            let total = world.count(&ty.name);
            let step = total.div_ceil(MOST_ENTITIES).max(1);
            let some = world.ids(&ty.name).step_by(step).map(|id| EntityUid::new(ty.name.clone(), id).into());
            (some.collect(), total <= MOST_ENTITIES)
        }
        ty => {
            let known = ward.literals_of(name);
            let mut values: BTreeSet<Value> =
                known.into_iter().filter(|value| ty.has_literal(value)).collect();
            values.extend(plain(ty));
            (values.into_iter().collect(), false)
        }
    }
}

/// A plain value of a type that policies name no value of.
fn plain(ty: &Type) -> Option<Value> {
    match ty {
        Type::Long => Some(Value::Long(1)),
        Type::String => Some(Value::string("")),
        Type::Set(_) => Some(Value::set([])),
        Type::Decimal => Some(Value::Decimal(0)),
        Type::Datetime => Some(Value::Datetime(0)),
        Type::Duration => Some(Value::Duration(0)),
        Type::Record(fields) => {
            let required = fields.iter().filter(|(_, field)| field.required);
            let values =
                required.map(|(name, field)| Some((name.clone(), plain(&field.ty).or(bool_of(&field.ty))?)));
            values.collect::<Option<BTreeMap<_, _>>>().map(Value::Record)
        }
        Type::Bool | Type::Entity(_) | Type::Ip => None,
    }
}

fn bool_of(ty: &Type) -> Option<Value> {
    matches!(ty, Type::Bool).then_some(Value::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::{asks_action, reads};

    #[test]
    fn attributes_are_read_as_whole_words() {
        let text = "when { principal.leadAt.contains(x) || principal.managerAtAll.contains(y) }";
        assert!(reads(text, "leadAt") && reads(text, "managerAtAll"));
        assert!(!reads(text, "lead") && !reads(text, "managerAt") && !reads(text, "x"));
    }

    #[test]
    fn an_action_in_a_condition_is_seen() {
        let head = "permit (principal, action in [Action::\"a\"], resource)";
        assert!(!asks_action(head));
        assert!(asks_action(&format!("{head} when {{ action == Action::\"a\" }}")));
        assert!(!asks_action(&format!("{head} when {{ resource.actions }}")));
    }
}
