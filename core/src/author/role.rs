//! What a role may do, read off the policies.
//!
//! A role is a set of entities that a principal has, such as `officeSupportAt`, or an optional reference; where the
//! schema lists the entities, each of them is a role, as `ministryTeams:privacy`. The programs of all request
//! environments are folded for somebody who has this role and no other, and for whoever lacks it: what comes and goes
//! with it are the permits that the role opens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ir::{Binary, Id, Node, Program};
use crate::model::suggest::hint;
use crate::model::{Action, AttrId, Effect, EntityType, EntityUid, Error, Type, TypeId, Value};
use crate::policy::{Anatomy, Policy, Term};
use crate::ward::Ward;

/// What a role lets somebody do.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Role {
    /// The type of those who can have it.
    #[serde(rename = "type")]
    pub ty: Arc<str>,
    /// The attribute that holds where they have it.
    pub attribute: Arc<str>,
    /// The listed entity, where that makes the role.
    pub element: Option<EntityUid>,
    /// What it lets them do: by type of the record, then by policy.
    pub may: Vec<Rule>,
    /// What keeps them from it: policies that forbid, by type of the record.
    pub never: Vec<Rule>,
}

/// A policy, with the actions for which it speaks of a role.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Rule {
    /// The type of the record.
    pub resource: Arc<str>,
    /// The actions' ids, or their whole names where the id alone is ambiguous.
    pub actions: Vec<Arc<str>>,
    /// The policy.
    pub policy: Policy,
    /// The gates that it carries as conditions: `@gate`.
    pub gates: Vec<Arc<str>>,
    /// What must hold for it to apply: the names of its conditions, or their texts.
    pub when: Vec<Arc<str>>,
}

/// For which actions a policy speaks of a role, and what it asks.
#[derive(Default)]
struct Asks {
    actions: Vec<Arc<str>>,
    when: Vec<Arc<str>>,
}

/// A role as it was asked for.
struct Asked<'a> {
    id: TypeId,
    ty: &'a EntityType,
    attr: AttrId,
    element: Option<EntityUid>,
}

impl Ward {
    /// What this role lets somebody do: what it opens alone, and what nobody may do without it.
    ///
    /// `name` is an attribute that is a set of entities (`officeSupportAt`) or an optional reference to one, with an id
    /// where the schema lists them (`ministryTeams:privacy`), and with the type before it where several have one of
    /// that name (`User.ministryTeams:privacy`).
    /// What anybody may do without any role is not among it.
    ///
    /// # Errors
    /// [`Error::is_request`] for a name that is no role, with the one that was probably meant.
    ///
    /// # Example
    /// ```
    /// let ward = caseward::Ward::attendance()?;
    /// let role = ward.role("officeSupportAt")?;
    /// let s1 = role.may.iter().find(|rule| &*rule.policy.id == "school.S1");
    /// assert!(s1.is_some_and(|rule| *rule.actions == ["viewSummary".into()]));
    /// assert!(ward.role("officeSuportAt").is_err());
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn role(&self, name: &str) -> Result<Role, Error> {
        let asked = self.asked_role(name)?;
        let mut found: BTreeMap<(Effect, Arc<str>, usize), Asks> = BTreeMap::new();
        for action in self.schema().actions().iter().filter(|action| action.principals.contains(&asked.id)) {
            for &resource in &action.resources {
                let folded = |fold: Fold| self.folded(&asked, fold, action, resource);
                let alone = folded(Fold { has_it: true, has_others: Some(false) });
                let nothing = folded(Fold { has_it: false, has_others: Some(false) });
                let with = folded(Fold { has_it: true, has_others: None });
                let without = folded(Fold { has_it: false, has_others: None });
                // It is opened by the role alone, or never without it, as by a team and what it monitors.
                let opens = |policy: usize| {
                    has(&alone, policy) && !has(&nothing, policy)
                        || has(&with, policy) && !has(&without, policy)
                };
                // What forbids is worth a word where there is something to forbid.
                if !with.entries.iter().any(|entry| entry.effect == Effect::Permit && opens(entry.policy)) {
                    continue;
                }
                let anatomy = self.engine.loaded.anatomy(asked.id, action, resource);
                let of = self.schema().entity_type(resource).map_or_else(|| "".into(), |ty| ty.name.clone());
                for entry in &with.entries {
                    if entry.effect == Effect::Permit && !opens(entry.policy) {
                        continue;
                    }
                    let known = found.entry((entry.effect, of.clone(), entry.policy)).or_default();
                    known.actions.push(self.schema().action_name(action));
                    for condition in self.conditions_of(&anatomy, entry.policy) {
                        if !known.when.contains(&condition) {
                            known.when.push(condition);
                        }
                    }
                }
            }
        }
        let mut role = Role {
            ty: asked.ty.name.clone(),
            attribute: asked.attribute().clone(),
            element: asked.element.clone(),
            may: Vec::new(),
            never: Vec::new(),
        };
        for ((effect, resource, policy), Asks { actions, when }) in found {
            let Some(policy) = self.policies().get(policy).cloned() else { continue };
            let gates = policy.annotations.get("gate").map_or("", AsRef::as_ref);
            let gates =
                gates.split(',').map(str::trim).filter(|gate| !gate.is_empty()).map(Arc::from).collect();
            let rule = Rule { resource, actions, policy, gates, when };
            match effect {
                Effect::Permit => role.may.push(rule),
                Effect::Forbid => role.never.push(rule),
            }
        }
        Ok(role)
    }

    /// Every role that the schema has, by the names that [`Ward::role`] takes.
    pub fn roles(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (_, ty) in self.principal_types() {
            for Held { name, of, .. } in held(ty) {
                let is_alone =
                    self.principal_types().filter(|(_, ty)| ty.attribute(name).is_some()).count() == 1;
                let name = if is_alone { name.to_string() } else { format!("{}.{name}", ty.name) };
                match self.schema().entity_type(of).and_then(|of| of.choices.as_ref()) {
                    Some(ids) => names.extend(ids.iter().map(|id| format!("{name}:{id}"))),
                    None => names.push(name),
                }
            }
        }
        names
    }

    /// Types that some action takes as principals.
    fn principal_types(&self) -> impl Iterator<Item = (TypeId, &EntityType)> {
        let ids: BTreeSet<TypeId> =
            self.schema().actions().iter().flat_map(|action| action.principals.iter().copied()).collect();
        ids.into_iter().filter_map(|id| Some((id, self.schema().entity_type(id)?)))
    }

    fn asked_role(&self, text: &str) -> Result<Asked<'_>, Error> {
        let names = self.roles();
        let unknown = || {
            let near = hint(text, names.iter().map(String::as_str));
            let all = if near.is_empty() { format!("; there are {}", names.join(", ")) } else { near };
            Error::request(format!("there is no role `{text}`{all}"))
        };
        let (ty, rest) = match text.rsplit_once('.') {
            Some((ty, rest)) => (Some(ty), rest),
            None => (None, text),
        };
        let (attribute, id) = match rest.split_once(':') {
            Some((attribute, id)) => (attribute, Some(id)),
            None => (rest, None),
        };
        let of_that_name = || {
            self.principal_types().filter(|(_, of)| ty.is_none_or(|ty| of.name.as_ref() == ty)).filter_map(
                |(id, ty)| {
                    let Held { attr, of, .. } = held(ty).find(|held| held.name.as_ref() == attribute)?;
                    Some((id, ty, attr, of))
                },
            )
        };
        if of_that_name().count() > 1 {
            let all: Vec<String> =
                of_that_name().map(|(_, ty, ..)| format!("`{}.{rest}`", ty.name)).collect();
            return Err(Error::request(format!("several types have a role `{rest}`: {}", all.join(", "))));
        }
        let (type_id, ty, attr, of) = of_that_name().next().ok_or_else(unknown)?;
        let choices = self.schema().entity_type(of).and_then(|of| Some((of, of.choices.as_ref()?)));
        let element = match (choices, id) {
            (None, None) => None,
            (Some((of, ids)), Some(id)) if ids.iter().any(|known| known.as_ref() == id) => {
                Some(EntityUid::new(of.name.clone(), id))
            }
            (Some((_, ids)), None) => {
                let all: Vec<String> = ids.iter().map(|id| format!("`{text}:{id}`")).collect();
                return Err(Error::request(format!(
                    "`{text}` is one role for each of these: {}",
                    all.join(", ")
                )));
            }
            _ => return Err(unknown()),
        };
        Ok(Asked { id: type_id, ty, attr, element })
    }

    /// What is left of the policies for somebody who has this role or not, and others, none, or whatever.
    fn folded(&self, asked: &Asked<'_>, fold: Fold, action: &Action, resource: TypeId) -> Program {
        let program = self.engine.program(asked.id, action, resource);
        let schema = self.schema();
        let roles: BTreeMap<AttrId, bool> = held(asked.ty).map(|held| (held.attr, held.is_set)).collect();
        let is_own = |of: Id, ty: TypeId| ty == asked.id && *program.node(of) == Node::Principal;
        let known = program.rebuilt(schema, |_, node| match node {
            Node::Attr(of, ty, attr) if is_own(*of, *ty) => {
                let is_set = *roles.get(attr)?;
                let element = asked.element.as_ref().map(|element| Value::Entity(element.clone()));
                match (fold.has(*attr == asked.attr), is_set) {
                    (Some(false), true) => Some(Value::set([])),
                    (Some(true), true) => Some(Value::set([element?])),
                    (Some(true), false) => element,
                    (Some(false), false) | (None, _) => None,
                }
            }
            Node::HasAttr(of, ty, attr) if is_own(*of, *ty) && roles.contains_key(attr) => {
                fold.has(*attr == asked.attr).map(Value::Bool)
            }
            _ => None,
        });
        without_empty(&known, schema)
    }

    /// What a policy asks, by the names of its conditions.
    fn conditions_of(&self, anatomy: &Anatomy, policy: usize) -> Vec<Arc<str>> {
        let text = self.policies().get(policy).and_then(|policy| self.source(&policy.id));
        let body = anatomy.bodies.iter().find(|body| body.policy == policy);
        let named = |term: &Term| -> Option<Arc<str>> {
            let name = match &term.name {
                Some(name) => name.to_string(),
                None => {
                    let text = text.and_then(|source| source.text.get(term.part.span.clone()))?;
                    text.split_whitespace().collect::<Vec<_>>().join(" ")
                }
            };
            Some(if term.negated { format!("unless {name}").into() } else { name.into() })
        };
        body.into_iter().flat_map(|body| &body.terms).filter_map(named).collect()
    }
}

impl Asked<'_> {
    fn attribute(&self) -> &Arc<str> {
        static NONE: std::sync::LazyLock<Arc<str>> = std::sync::LazyLock::new(|| "".into());
        self.ty.attributes.get(self.attr.index()).map_or(&NONE, |(name, _)| name)
    }
}

/// What roles somebody is taken to have.
#[derive(Clone, Copy)]
struct Fold {
    /// The one that is asked about.
    has_it: bool,
    /// All others; `None` where it is left open.
    has_others: Option<bool>,
}

impl Fold {
    fn has(self, is_it: bool) -> Option<bool> {
        if is_it { Some(self.has_it) } else { self.has_others }
    }
}

/// An attribute that can be a role.
struct Held<'a> {
    attr: AttrId,
    name: &'a Arc<str>,
    /// The type of the entities at which it is held.
    of: TypeId,
    is_set: bool,
}

/// The attributes of a type that are sets of entities, or optional references.
fn held(ty: &EntityType) -> impl Iterator<Item = Held<'_>> {
    (0u16..).zip(&ty.attributes).filter_map(|(at, (name, attribute))| {
        let (of, is_set) = match &attribute.ty {
            Type::Set(element) => match **element {
                Type::Entity(of) => (of, true),
                _ => return None,
            },
            Type::Entity(of) if !attribute.required => (*of, false),
            _ => return None,
        };
        Some(Held { attr: AttrId(at), name, of, is_set })
    })
}

fn has(program: &Program, policy: usize) -> bool {
    program.entries.iter().any(|entry| entry.policy == policy)
}

/// The program without what is looked for in empty sets: nothing is there, whatever it is.
fn without_empty(program: &Program, schema: &crate::model::Schema) -> Program {
    let is_empty = |id| matches!(program.constant(id), Some(Value::Set(all)) if all.is_empty());
    program.rebuilt(schema, |_, node| match node {
        Node::Binary(Binary::Contains, set, of) if is_empty(*set) && !program.node_can_fail(*of) => {
            Some(Value::Bool(false))
        }
        Node::Binary(Binary::ContainsAny, a, b)
            if is_empty(*a) && !program.node_can_fail(*b) || is_empty(*b) && !program.node_can_fail(*a) =>
        {
            Some(Value::Bool(false))
        }
        _ => None,
    })
}
