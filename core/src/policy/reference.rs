//! Cedar's own authorizer, failing closed: the reference that every other road is held against.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{Authorizer, Decision, Entities, PolicySet, Request, Schema as CedarSchema};
use cedar_policy_core::ast::{
    self, Context, Eid, Entity, EntityType as CedarEntityType, EntityUID, EntityUIDEntry, PartialValue,
};
use cedar_policy_core::entities::{NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;

use crate::cedar::value::{to_cedar, uid_from_cedar};
use crate::ir::Failure;
use crate::model::{EntityUid, Error, Problem, Value};

/// The part of an entity that a request's slice holds.
pub(crate) struct Fact {
    pub(crate) uid: EntityUid,
    pub(crate) attributes: Vec<(Arc<str>, Value)>,
    /// Every entity that it lies in, at any distance.
    pub(crate) ancestors: Vec<EntityUid>,
    pub(crate) tags: Vec<(Arc<str>, Value)>,
}

/// A request with a slice that holds all that the policies can read.
pub(crate) struct Question<'a> {
    pub(crate) principal: &'a EntityUid,
    pub(crate) action: &'a EntityUid,
    pub(crate) resource: &'a EntityUid,
    /// A record.
    pub(crate) context: &'a Value,
    pub(crate) facts: Vec<Fact>,
}

/// What Cedar's authorizer says, with rule 3 of failing closed on top.
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    /// Ids of the policies that decided, in order.
    pub(crate) policies: Vec<String>,
    /// Policies that could not be evaluated, each with why.
    pub(crate) errors: Vec<(String, String)>,
}

/// Why a policy could not be evaluated, in the words of the engine, so that both roads say the same.
fn in_words(error: &cedar_policy::EvaluationError) -> String {
    use cedar_policy::EvaluationError as Cedar;
    let text = error.to_string();
    let failure = match error {
        Cedar::IntegerOverflow(_) => Failure::Overflow,
        Cedar::EntityDoesNotExist(_) => Failure::NoEntity,
        Cedar::EntityAttrDoesNotExist(_) if text.contains("the tag") => Failure::NoTag,
        Cedar::EntityAttrDoesNotExist(_) | Cedar::RecordAttrDoesNotExist(_) => Failure::NoAttribute,
        // Of dates and durations; a constructor that overflows was given a text that it does not take.
        Cedar::FailedExtensionFunctionExecution(_) if text.contains("overflows when") => Failure::Overflow,
        Cedar::FailedExtensionFunctionExecution(_) => Failure::BadText,
        _ => return text,
    };
    failure.to_string()
}

/// Policies in Cedar's form, with its authorizer.
pub(crate) struct Reference {
    authorizer: Authorizer,
    policies: PolicySet,
    types: HashMap<Arc<str>, CedarEntityType>,
    actions: HashMap<EntityUid, (EntityUID, Arc<Entity>)>,
    unknown: CedarEntityType,
}

impl Reference {
    pub(super) fn new(policies: PolicySet, schema: &CedarSchema) -> Result<Self, Error> {
        let schema: &cedar_policy_core::validator::ValidatorSchema = schema.as_ref();
        let types = schema.entity_type_names().map(|name| (Arc::from(name.to_string()), name.clone()));
        let actions =
            schema.action_entities().map_err(|e| Error::policies(vec![Problem::error(e.to_string())]))?;
        let unknown = "Unknown".parse().map_err(|_| Error::request("no name for unknown types"))?;
        Ok(Reference {
            unknown,
            authorizer: Authorizer::new(),
            policies,
            types: types.collect(),
            actions: actions
                .iter()
                .map(|e| (uid_from_cedar(e.uid()), (e.uid().clone(), Arc::new(e.clone()))))
                .collect(),
        })
    }

    pub(super) fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// Decides, failing closed: a policy that cannot be evaluated denies.
    pub(crate) fn decide(&self, question: Question<'_>) -> Verdict {
        let (request, entities) = self.question(question);
        let response = self.authorizer.is_authorized(&request, &self.policies, &entities);
        let diagnostics = response.diagnostics();
        let mut errors: Vec<(String, String)> = diagnostics
            .errors()
            .map(|e| {
                let cedar_policy::AuthorizationError::PolicyEvaluationError(e) = e;
                (e.policy_id().to_string(), in_words(e.inner()))
            })
            .collect();
        errors.sort();
        let mut policies: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
        policies.sort();
        let allowed = response.decision() == Decision::Allow;
        if allowed && !errors.is_empty() {
            // What allowed it does not stand; the errors are the reason of the denial.
            policies.clear();
        }
        Verdict { allowed: allowed && errors.is_empty(), policies, errors }
    }

    /// The request and its slice in Cedar's form.
    fn question(&self, question: Question<'_>) -> (Request, Entities) {
        let Question { principal, action, resource, context, facts } = question;
        let entry = |uid| EntityUIDEntry::known(uid, None);
        let (action_uid, action_entity) = match self.actions.get(action) {
            Some((uid, entity)) => (uid.clone(), Some(entity.as_ref().clone())),
            None => (self.uid(action), None),
        };
        let request = ast::Request::new_unchecked(
            entry(self.uid(principal)),
            entry(action_uid),
            entry(self.uid(resource)),
            Some(self.context(context)),
        );
        let entities = facts.into_iter().map(|fact| self.entity(fact)).chain(action_entity);
        // Ancestors are complete already, and no entity comes twice; so nothing here can fail.
        let entities = cedar_policy_core::entities::Entities::from_entities(
            entities,
            None::<&NoEntitiesSchema>,
            TCComputation::AssumeAlreadyComputed,
            Extensions::all_available(),
        );
        (request.into(), entities.unwrap_or_default().into())
    }

    fn context(&self, context: &Value) -> Context {
        let Value::Record(fields) = context else { return Context::empty() };
        let fields =
            fields.iter().map(|(name, value)| (SmolStr::new(name), to_cedar(value, &|uid| self.uid(uid))));
        Context::Value(Arc::new(fields.collect()))
    }

    fn entity(&self, fact: Fact) -> Entity {
        let convert = |pairs: Vec<(Arc<str>, Value)>| {
            pairs.into_iter().map(|(name, value)| {
                (SmolStr::new(name), PartialValue::Value(to_cedar(&value, &|uid| self.uid(uid))))
            })
        };
        let ancestors: HashSet<EntityUID> = fact.ancestors.iter().map(|uid| self.uid(uid)).collect();
        let uid = self.uid(&fact.uid);
        Entity::new_with_attr_partial_value(
            uid,
            convert(fact.attributes),
            HashSet::new(),
            ancestors,
            convert(fact.tags),
        )
    }

    /// A name in Cedar's form; the types of the schema need no parsing.
    fn uid(&self, uid: &EntityUid) -> EntityUID {
        let eid = Eid::new(uid.id());
        match self.types.get(uid.type_name()) {
            Some(ty) => EntityUID::from_components(ty.clone(), eid, None),
            // Requests and worlds are checked against the schema, so this is not reached; such a name
            // equals no other and leads nowhere.
            None => EntityUID::from_components(self.unknown.clone(), eid, None),
        }
    }
}
