//! Schema and policies in Cedar's own form, for the solver's compiler.
//!
//! INVARIANT: this file, `query` and `solver` are the only ones of the crate that name Cedar's crates. What is made here
//! comes from texts that the library took first, so that their size and nesting are bounded.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr as _;
use std::sync::{Arc, OnceLock};

use caseward::{Effect, Sources, Ward};
pub(crate) use cedar_policy::{EntityUid as CedarUid, Policy};
use cedar_policy::{PolicyId, PolicySet, RequestEnv, Schema, SchemaFragment};
use serde_json::{Value as Json, json};

/// A schema, and the kinds of request that it allows.
pub(crate) struct Model {
    pub(crate) schema: Schema,
    pub(crate) environments: Vec<Environment>,
    /// What sets it apart from other models.
    pub(crate) name: String,
    /// What the schema says to whoever proves: without layout, comments and annotations.
    pub(crate) meaning: String,
}

/// A kind of request: principal type, action and resource type.
#[derive(Clone)]
pub(crate) struct Environment {
    pub(crate) cedar: RequestEnv,
    pub(crate) principal: String,
    /// The action's whole name, such as `Action::"viewSummary"`.
    pub(crate) action: String,
    /// Its id alone.
    pub(crate) action_id: String,
    pub(crate) resource: String,
}

impl Environment {
    fn new(cedar: RequestEnv) -> Self {
        let action_id: &str = cedar.action().id().as_ref();
        Environment {
            principal: cedar.principal().to_string(),
            action: cedar.action().to_string(),
            action_id: action_id.to_owned(),
            resource: cedar.resource().to_string(),
            cedar,
        }
    }

    pub(crate) fn key(&self) -> (&str, &str, &str) {
        (&self.principal, &self.action, &self.resource)
    }

    /// Such as `viewSummary on Case`.
    pub(crate) fn shown(&self) -> String {
        match self.principal.as_str() {
            "User" => format!("{} on {}", self.action_id, self.resource),
            other => format!("{} on {} by {other}", self.action_id, self.resource),
        }
    }
}

/// An attribute that a schema is given besides its own, to say what another one is after a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ghost {
    pub(crate) type_name: String,
    pub(crate) attribute: String,
    /// Whether it is of the attribute's own type; it is a Bool otherwise.
    pub(crate) same_type: bool,
}

impl Ghost {
    pub(crate) fn name_of(attribute: &str) -> String {
        format!("after {attribute}")
    }
}

impl Model {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let (fragment, _) = SchemaFragment::from_cedarschema_str(text).map_err(|e| e.to_string())?;
        Self::of(fragment, "".to_owned())
    }

    /// The schema with more attributes.
    pub(crate) fn with(text: &str, ghosts: &[Ghost]) -> Result<Self, String> {
        let (fragment, _) = SchemaFragment::from_cedarschema_str(text).map_err(|e| e.to_string())?;
        let mut json = fragment.to_json_value().map_err(|e| e.to_string())?;
        for ghost in ghosts {
            add(&mut json, ghost)
                .ok_or_else(|| format!("`{}.{}` is not in the schema", ghost.type_name, ghost.attribute))?;
        }
        let fragment = SchemaFragment::from_json_value(json).map_err(|e| e.to_string())?;
        let names: Vec<String> = ghosts.iter().map(|g| format!("{}.{}", g.type_name, g.attribute)).collect();
        Self::of(fragment, names.join(" "))
    }

    fn of(fragment: SchemaFragment, name: String) -> Result<Self, String> {
        let mut json = fragment.clone().to_json_value().map_err(|e| e.to_string())?;
        strip(&mut json);
        let meaning = canonical(&json);
        let schema = Schema::from_schema_fragments([fragment]).map_err(|e| e.to_string())?;
        let mut environments: Vec<Environment> = schema.request_envs().map(Environment::new).collect();
        environments.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(Model { schema, environments, name, meaning })
    }
}

fn add(json: &mut Json, ghost: &Ghost) -> Option<()> {
    let (namespace, name) = ghost.type_name.rsplit_once("::").unwrap_or(("", &ghost.type_name));
    let ty = json.get_mut(namespace)?.get_mut("entityTypes")?.get_mut(name)?;
    let attributes = ty.get_mut("shape")?.get_mut("attributes")?.as_object_mut()?;
    let mut added = match ghost.same_type {
        true => attributes.get(&ghost.attribute)?.clone(),
        false => json!({ "type": "Boolean" }),
    };
    added.as_object_mut()?.insert("required".to_owned(), Json::Bool(true));
    attributes.insert(Ghost::name_of(&ghost.attribute), added);
    Some(())
}

/// One policy in Cedar's form.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) effect: Effect,
    pub(crate) policy: Policy,
    /// The text that it was read from.
    pub(crate) text: Arc<str>,
    /// Whether its conditions ask for the action, which its head does not count as.
    pub(crate) asks_action: bool,
}

/// Policies that the library took, in both forms.
#[derive(Clone)]
pub(crate) struct Policies {
    pub(crate) ward: Ward,
    pub(crate) schema_text: Arc<str>,
    /// In the order of their ids.
    pub(crate) rules: Vec<Rule>,
    /// For each kind of request, the places of the rules that can apply.
    applicable: OnceLock<HashMap<(String, String, String), Vec<usize>>>,
}

impl Policies {
    /// Takes policies that `ward` was made of.
    pub(crate) fn new(ward: Ward, sources: &Sources) -> Result<Self, String> {
        let mut rules = Vec::new();
        for source in &sources.policies {
            let set = PolicySet::from_str(&source.text).map_err(|e| format!("{}: {e}", source.name))?;
            for policy in set.policies() {
                let id = policy.annotation("id").unwrap_or_default().to_owned();
                let effect = match policy.effect() {
                    cedar_policy::Effect::Permit => Effect::Permit,
                    cedar_policy::Effect::Forbid => Effect::Forbid,
                };
                let text = source.text.clone();
                let asks_action = mentions(to_json(policy)?.get("conditions"), "action");
                rules.push(Rule { policy: policy.new_id(PolicyId::new(&id)), id, effect, text, asks_action });
            }
        }
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Policies { ward, schema_text: sources.schema.text.clone(), rules, applicable: OnceLock::new() })
    }

    /// The rules that can apply to a kind of request, in the order of their ids.
    pub(crate) fn applying(&self, environment: &Environment, model: &Model) -> Vec<&Rule> {
        let all = self.applicable.get_or_init(|| {
            let mut all: HashMap<_, Vec<usize>> = HashMap::new();
            for (at, rule) in self.rules.iter().enumerate() {
                for found in rule.policy.get_valid_request_envs(&model.schema) {
                    let found = Environment::new(found);
                    all.entry((found.principal, found.action, found.resource)).or_default().push(at);
                }
            }
            all
        });
        let key = (environment.principal.clone(), environment.action.clone(), environment.resource.clone());
        all.get(&key).into_iter().flatten().filter_map(|at| self.rules.get(*at)).collect()
    }
}

/// A policy as JSON, to be rewritten.
pub(crate) fn to_json(policy: &Policy) -> Result<Json, String> {
    policy.to_json().map_err(|e| e.to_string())
}

/// The policy that the JSON writes.
pub(crate) fn from_json(id: &str, json: Json) -> Result<Policy, String> {
    Policy::from_json(Some(PolicyId::new(id)), json).map_err(|e| e.to_string())
}

/// What a policy says to whoever proves: without layout, comments and annotations.
pub(crate) fn meaning(policy: &Policy) -> String {
    let mut json = to_json(policy).unwrap_or_else(|_| Json::String(policy.to_string()));
    if let Some(fields) = json.as_object_mut() {
        fields.remove("annotations");
    }
    canonical(&json)
}

/// JSON with its names in order, whatever order they were made in.
fn canonical(json: &Json) -> String {
    match json {
        Json::Array(all) => format!("[{}]", all.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Json::Object(fields) => {
            let fields: BTreeMap<&String, String> =
                fields.iter().map(|(name, value)| (name, canonical(value))).collect();
            let fields: Vec<String> =
                fields.into_iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
            format!("{{{}}}", fields.join(","))
        }
        plain => plain.to_string(),
    }
}

/// Takes the annotations out of a schema.
fn strip(json: &mut Json) {
    match json {
        Json::Array(all) => all.iter_mut().for_each(strip),
        Json::Object(fields) => {
            // An attribute may be called so too: it has a type, and annotations have none.
            if fields.get("annotations").is_some_and(|all| all.get("type").is_none()) {
                fields.remove("annotations");
            }
            fields.values_mut().for_each(strip);
        }
        _ => {}
    }
}

/// A permit of everything, or with a condition that never holds: what keeps a set from being empty.
pub(crate) fn everything(allowed: bool) -> Result<Policy, String> {
    let text = if allowed {
        "permit (principal, action, resource);"
    } else {
        "permit (principal, action, resource) when { false };"
    };
    Policy::parse(Some(PolicyId::new("(everything)")), text).map_err(|e| e.to_string())
}

/// Whether a variable stands somewhere in an expression.
fn mentions(expr: Option<&Json>, variable: &str) -> bool {
    match expr {
        Some(Json::Array(all)) => all.iter().any(|expr| mentions(Some(expr), variable)),
        Some(Json::Object(fields)) => {
            fields.get("Var").and_then(Json::as_str) == Some(variable)
                || fields.values().any(|expr| mentions(Some(expr), variable))
        }
        _ => false,
    }
}
