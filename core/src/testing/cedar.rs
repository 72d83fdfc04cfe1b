//! Cedar itself, on all policies and all data: what the laws compare the engine with.
//!
//! It shares nothing with the engine but the texts of schema and policies and the facts. `policy/` has another
//! reference, which works on slices of the engine's own world; this one does without either.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Entities, EntityId, EntityTypeName, EntityUid as CedarUid, Policy, PolicyId,
    PolicySet, Request, Schema,
};
use serde_json::Value as Json;

use super::Facts;
use super::json::plain_json;
use crate::model::{EntityUid, Value};
use crate::policy::Sources;
use crate::ward::Ward;

/// A schema and policies, parsed once.
pub struct Cedar {
    authorizer: Authorizer,
    schema: Schema,
    policies: PolicySet,
}

/// What a decision is and who made it, failing closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is an allow.
    pub allowed: bool,
    /// Ids of the deciding policies, in order.
    pub policies: Vec<Arc<str>>,
    /// Ids of the policies that could not be evaluated, in order.
    pub failed: Vec<Arc<str>>,
}

/// Facts in Cedar's form.
pub struct CedarWorld {
    entities: Entities,
    /// Every entity that is there, in Cedar's form.
    names: HashMap<EntityUid, CedarUid>,
}

impl Cedar {
    /// The schema of `sources`, with the policies of `ward`, which was made from them.
    ///
    /// # Errors
    /// What Cedar says of a text that it does not take.
    pub fn new(ward: &Ward, sources: &Sources) -> Result<Self, String> {
        let schema = Schema::from_str(&sources.schema.text).map_err(|e| e.to_string())?;
        let mut policies = PolicySet::new();
        for policy in ward.policies() {
            let source = ward.source(&policy.id).ok_or_else(|| format!("{} has no source", policy.id))?;
            let id = PolicyId::new(policy.id.as_ref());
            let parsed = Policy::parse(Some(id), source.text.as_ref()).map_err(|e| e.to_string())?;
            policies.add(parsed).map_err(|e| e.to_string())?;
        }
        Ok(Cedar { authorizer: Authorizer::new(), schema, policies })
    }

    /// Each policy in Cedar's JSON form.
    ///
    /// # Errors
    /// Where a policy has no such form.
    pub fn policies_json(&self) -> Result<Vec<Json>, String> {
        self.policies.policies().map(|policy| policy.to_json().map_err(|e| e.to_string())).collect()
    }

    /// The facts in Cedar's form.
    ///
    /// # Errors
    /// What Cedar says of facts that it does not take.
    pub fn world(&self, facts: &Facts) -> Result<CedarWorld, String> {
        let entities =
            Entities::from_json_value(plain_json(facts), Some(&self.schema)).map_err(|e| format!("{e:?}"))?;
        let all = facts.all();
        let names: Result<_, String> =
            all.into_iter().map(|uid| Ok((uid.clone(), cedar_uid(&uid)?))).collect();
        Ok(CedarWorld { entities, names: names? })
    }

    /// Reads entities JSON with the schema.
    ///
    /// # Errors
    /// Cedar's message, where it does not take the text.
    pub fn read(&self, json: &str) -> Result<Entities, String> {
        Entities::from_json_str(json, Some(&self.schema)).map_err(|e| e.to_string())
    }

    /// A context in Cedar's form.
    ///
    /// # Errors
    /// What Cedar says of a context that is not the action's.
    pub fn context(&self, action: &EntityUid, fields: &BTreeMap<Arc<str>, Value>) -> Result<Context, String> {
        let json = serde_json::to_value(fields).map_err(|e| e.to_string())?;
        let action = cedar_uid(action)?;
        Context::from_json_value(json, Some((&self.schema, &action))).map_err(|e| format!("{e:?}"))
    }

    /// The verdict: `Authorizer`'s, save that a policy in error denies, whatever the others say.
    ///
    /// # Errors
    /// For names that Cedar does not take.
    pub fn decide(&self, world: &CedarWorld, asked: &Asked<'_>) -> Result<Verdict, String> {
        let uid = |uid: &EntityUid| match world.names.get(uid) {
            Some(known) => Ok(known.clone()),
            None => cedar_uid(uid),
        };
        let request = Request::new(
            uid(asked.principal)?,
            asked.action.clone(),
            uid(asked.resource)?,
            asked.context.clone(),
            None,
        );
        let request = request.map_err(|e| e.to_string())?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &world.entities);
        let diagnostics = response.diagnostics();
        let sorted = |ids: &mut dyn Iterator<Item = &PolicyId>| {
            let ids: BTreeSet<Arc<str>> = ids.map(|id| Arc::from(AsRef::<str>::as_ref(id))).collect();
            ids.into_iter().collect::<Vec<_>>()
        };
        let failed = sorted(&mut diagnostics.errors().map(|error| {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            error.policy_id()
        }));
        let allows = response.decision() == cedar_policy::Decision::Allow;
        // What allowed it does not stand where something could not be evaluated.
        let policies =
            if allows && !failed.is_empty() { Vec::new() } else { sorted(&mut diagnostics.reason()) };
        Ok(Verdict { allowed: allows && failed.is_empty(), policies, failed })
    }
}

/// A request, in Cedar's form as far as many requests have it in common.
pub struct Asked<'a> {
    /// Who asks.
    pub principal: &'a EntityUid,
    /// For what.
    pub action: &'a CedarUid,
    /// On which record.
    pub resource: &'a EntityUid,
    /// And how.
    pub context: &'a Context,
}

/// A name in Cedar's form.
///
/// # Errors
/// Where Cedar does not take the type's name.
pub fn cedar_uid(uid: &EntityUid) -> Result<CedarUid, String> {
    let ty = EntityTypeName::from_str(uid.type_name()).map_err(|e| format!("{uid}: {e}"))?;
    Ok(CedarUid::from_type_name_and_id(ty, EntityId::new(uid.id())))
}
