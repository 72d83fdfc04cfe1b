//! What a change of policies changes in a world: who gains and who loses which action on which records.
//!
//! Only kinds of request are looked at in which the two versions have other policies; kinds whose policies are the
//! same are looked at once. Whom the policies that differ do not concern is told from these alone; of the others,
//! a person's records are compared as sets, and what differs is divided among the policies that are responsible.
//!
//! INVARIANT: what is told is exact for the people, records and circumstances that were looked at, and says which
//! these were.

mod circumstances;
mod seen;
mod touched;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use circumstances::Instants;
use circumstances::{Circumstance, NOW, circumstances};
use hashbrown::HashMap;
use roaring::RoaringBitmap;
pub use seen::{Moved, Seen, Way};
use touched::{Classes, Left};

use super::madeup::Drawn;
use crate::model::schema::Environment;
use crate::model::{EntityUid, Error, Type, Value};
use crate::policy::Sources;
use crate::visible::Asking;
use crate::ward::Ward;
use crate::world::{Row, World};

/// Two versions of policies under one schema, made ready to be compared.
pub struct Diff {
    old: Ward,
    new: Ward,
    changed: Vec<Changed>,
    /// By place in `changed`, as one of the actions is asked.
    environments: Vec<Environment>,
    classes: Classes,
}

/// Kinds of request in which the versions differ, and all in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The type of the person.
    pub principal_type: Arc<str>,
    /// The actions, in order: their ids, whole names where several have one id.
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
        let new = Ward::new(new)?;
        // A world is of this very schema then, for both.
        let old = Ward::new(&old)?.with_schema(new.schema());
        let changed = changed(&old, &new);
        let schema = new.schema();
        let environment = |changed: &Changed| {
            let action = schema.action(changed.actions.first()?)?.place;
            Some((schema.type_id(&changed.principal_type)?, action, schema.type_id(&changed.resource_type)?))
        };
        let environments = changed.iter().filter_map(environment).collect();
        Ok(Diff { changed, environments, classes: Classes::default(), old, new })
    }

    /// The newer version.
    pub fn ward(&self) -> &Ward {
        &self.new
    }

    /// The older version.
    pub fn old(&self) -> &Ward {
        &self.old
    }

    /// Both, the older first.
    fn versions(&self) -> [&Ward; 2] {
        [&self.old, &self.new]
    }

    /// The kinds of request in which the versions can differ; those left out have the very same policies.
    pub fn changed(&self) -> &[Changed] {
        &self.changed
    }

    /// The kinds of request, each as one of its actions is asked.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&Changed, Environment)> {
        self.changed.iter().zip(self.environments.iter().copied())
    }

    /// The circumstances that a kind of request is looked at under, and whether there are no others: booleans both
    /// ways, numbers and texts that policies of either version name and what is next to them, some entities of each
    /// type; the clock stands at each of [`Diff::instants`]. What neither version reads keeps one value.
    pub fn circumstances(&self, changed: &Changed, world: &World, now: i64) -> (Vec<Circumstance>, bool) {
        let action = changed.actions.first().and_then(|action| self.new.schema().action(action));
        let at = self.changed.iter().position(|known| known == changed);
        let environment = at.and_then(|at| self.environments.get(at));
        let (Some(action), Some(&(principal, place, resource))) = (action, environment) else {
            return (Vec::new(), true);
        };
        let is_read = |field: &str| {
            let program =
                |ward: &Ward| ward.engine.loaded.programs.of(principal, place, resource).reads_field(field);
            program(&self.old) || program(&self.new)
        };
        let instants = self.instants(now);
        let read = instants.all().take(if is_read(NOW) { usize::MAX } else { 1 });
        let (mut all, mut complete) = (Vec::new(), true);
        for now in read {
            let (some, no_others) = circumstances(&self.versions(), action, is_read, world, now);
            all.extend(some);
            complete &= no_others;
        }
        (all, complete)
    }

    /// The instants that the clock is looked at: `now`, and later ones that policies of either version name.
    pub fn instants(&self, now: i64) -> Instants {
        Instants::new(&self.versions(), now)
    }

    /// Whether a policy of either version reads the clock in a kind of request in which they differ.
    pub fn reads_now(&self) -> bool {
        self.environments.iter().any(|&(principal, action, resource)| {
            let program =
                |ward: &&Ward| ward.engine.loaded.programs.of(principal, action, resource).reads_field(NOW);
            self.versions().iter().any(program)
        })
    }

    /// The circumstances to look at for one person: these, by kind of request, those in which the person stands in the
    /// roles of the context that a person can have, and those that were drawn for them.
    pub fn circumstances_for(
        &self,
        person: &EntityUid,
        circumstances: &[Vec<Circumstance>],
        drawn: Option<&Drawn>,
    ) -> Vec<Vec<Circumstance>> {
        let of_kind = |(at, all): (usize, &Vec<Circumstance>)| {
            let own = drawn.map_or(&[][..], |drawn| drawn.of(person, at));
            let asking = self.with_asker(at, person, all);
            all.iter().chain(own).cloned().chain(asking).collect()
        };
        circumstances.iter().enumerate().map(of_kind).collect()
    }

    /// Circumstances in which the person who asks stands in every role of the context that they can, besides others.
    fn with_asker(&self, at: usize, person: &EntityUid, all: &[Circumstance]) -> BTreeSet<Circumstance> {
        let mut with = BTreeSet::new();
        let Some(&(principal, place, resource)) = self.environments.get(at) else { return with };
        let is_read = |name: &str| {
            let program =
                |ward: &Ward| ward.engine.loaded.programs.of(principal, place, resource).reads_field(name);
            program(&self.old) || program(&self.new)
        };
        let action = self.new.schema().actions().get(place);
        let fields = action.into_iter().flat_map(|action| action.context.iter());
        for (name, _) in fields.filter(|(name, field)| field.ty == Type::Entity(principal) && is_read(name)) {
            for context in all {
                let mut context = context.clone();
                context.insert(name.clone(), Value::Entity(person.clone()));
                with.insert(context);
            }
        }
        with
    }

    /// What a person gains and loses, under these circumstances by kind of request.
    ///
    /// Cost: a few conditions where the policies that differ cannot hold for the person; else two lists for each
    /// kind of request and circumstance.
    ///
    /// # Errors
    /// [`Error::is_schema`] for a world of another schema.
    pub fn of_person(
        &self,
        world: &World,
        person: &EntityUid,
        circumstances: &[Vec<Circumstance>],
    ) -> Result<Vec<Difference>, Error> {
        self.new.engine.belongs_to(world)?;
        let Some(place) = world.place(person) else { return Ok(Vec::new()) };
        let mut known: HashMap<(usize, Circumstance), Option<Left>> = HashMap::new();
        let mut found: BTreeMap<(usize, bool, Option<Arc<str>>), RoaringBitmap> = BTreeMap::new();
        let kinds = self.changed.iter().zip(&self.environments).zip(circumstances);
        for (at, ((changed, &environment), circumstances)) in kinds.enumerate() {
            if environment.0 != place.0 {
                continue;
            }
            let asking = Asking { world, environment, person: place };
            let Some((number, touched)) = self.classes.of(self.versions(), &asking, (at, &changed.policies))
            else {
                continue;
            };
            for context in circumstances {
                let key = (number, touched.read_of(context));
                let left = known.entry(key).or_insert_with_key(|(_, read)| touched.left(&asking, read));
                let Some(left) = left else { continue };
                let [old, new] = self.rows(world, person, at, context, left.few())?;
                for (gained, rows) in [(true, &new - &old), (false, &old - &new)] {
                    for (policy, rows) in left.divide(self.versions(), &asking, context, &rows, gained) {
                        *found.entry((at, gained, policy)).or_default() |= rows;
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

    /// The rows that each version allows, of those that may be decided otherwise where they are told.
    fn rows(
        &self,
        world: &World,
        person: &EntityUid,
        at: usize,
        context: &Circumstance,
        few: Option<&RoaringBitmap>,
    ) -> Result<[RoaringBitmap; 2], Error> {
        let mut rows = <[RoaringBitmap; 2]>::default();
        let Some(Changed { actions, resource_type, .. }) = self.changed.get(at) else { return Ok(rows) };
        let action = actions.first().map_or("", AsRef::as_ref);
        for (rows, ward) in rows.iter_mut().zip(self.versions()) {
            *rows = match few {
                Some(few) => ward.engine.visible_among(world, person, action, resource_type, context, few)?,
                None => ward.engine.visible(world, person, action, resource_type, context)?.bitmap().clone(),
            };
        }
        Ok(rows)
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

    /// The person's attributes that a policy reads and that hold sets of entities, and what they hold.
    fn roles(
        &self,
        world: &World,
        person: &EntityUid,
        policy: Option<&str>,
    ) -> (Vec<Arc<str>>, Vec<EntityUid>) {
        let source = policy.and_then(|id| self.new.source(id).or_else(|| self.old.source(id)));
        let (mut roles, mut organisations) = (Vec::new(), BTreeSet::new());
        for (name, value) in world.all_found(person).unwrap_or_default() {
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
                let policies = &ward.engine.loaded.needs().of(principal, &action.uid, resource).policies;
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
            kind.actions.push(new.schema().action_name(action));
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
