//! Values that can be: for counterexamples that people can picture.
//!
//! A solver picks any text and any time that fits. What it finds is sought again where each text that policies read
//! is one that they know, or `other`, and each time is one of these years; a verdict never follows from that.

use std::collections::{BTreeMap, BTreeSet};

use caseward::{Schema, Type};
use serde_json::{Value as Json, json};

use crate::model::{self, Environment, Model, Policies, Policy};
use crate::rewrite::{self, Scope};

/// From when and until when things happen.
const YEARS: [&str; 2] = ["2020-01-01", "2040-01-01"];
/// The greatest number that is common, below and above zero.
const MANY: i64 = 1_000_000_000;
/// A text that no policy knows.
pub(crate) const OTHER: &str = "other";
/// The owner of what stands in the context.
pub(crate) const CONTEXT: &str = "context";
/// How many attributes one question is narrowed by.
const MOST: usize = 200;

/// The texts that policies compare each attribute with, by whose it is and its name.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<(String, String), BTreeSet<String>>);

impl Known {
    /// What `sets` compare with.
    pub(crate) fn of(sets: &[&Policies], model: &Model, schema: &Schema) -> Self {
        let mut known = Known::default();
        for environment in &model.environments {
            let Some(scope) = scope(schema, environment) else { continue };
            for rule in sets.iter().flat_map(|set| set.applying(environment, model)) {
                if let Ok(json) = model::to_json(&rule.policy) {
                    known.collect(&json, &scope);
                }
            }
        }
        known
    }

    /// The texts that `name` of `owner` is compared with, in order.
    pub(crate) fn texts(&self, owner: &str, name: &str) -> impl Iterator<Item = &str> {
        let key = (owner.to_owned(), name.to_owned());
        self.0.get(&key).into_iter().flatten().map(String::as_str)
    }

    fn collect(&mut self, expr: &Json, scope: &Scope<'_>) {
        match expr {
            Json::Array(all) => all.iter().for_each(|expr| self.collect(expr, scope)),
            Json::Object(fields) => {
                for (operator, operand) in fields {
                    let sides = [operand.get("left"), operand.get("right")];
                    if let ("==" | "!=" | "contains", [Some(a), Some(b)]) = (operator.as_str(), sides) {
                        self.compared(a, b, scope);
                        self.compared(b, a, scope);
                    }
                    self.collect(operand, scope);
                }
            }
            _ => {}
        }
    }

    fn compared(&mut self, read: &Json, with: &Json, scope: &Scope<'_>) {
        let (Some(Type::String), Some((owner, name))) = (scope.type_of(read), owned(read, scope)) else {
            return;
        };
        let texts: Vec<&Json> = match with.get("Set").and_then(Json::as_array) {
            Some(all) => all.iter().collect(),
            None => vec![with],
        };
        let texts = texts.into_iter().filter_map(|text| text.get("Value")?.as_str());
        let mut texts = texts.peekable();
        if texts.peek().is_some() {
            self.0.entry((owner, name)).or_default().extend(texts.map(str::to_owned));
        }
    }

    /// A forbid of all but requests and data in which what `policies` read has values that can be; `None` where
    /// there is nothing to narrow.
    pub(crate) fn only_plausible(
        &self,
        policies: &[&Policy],
        environment: &Environment,
        schema: &Schema,
    ) -> Option<Policy> {
        let scope = scope(schema, environment)?;
        let mut read: BTreeMap<String, Json> = BTreeMap::new();
        for policy in policies {
            reads(&model::to_json(policy).ok()?, &mut read);
        }
        let mut all: Option<Json> = None;
        for path in read.values().take(MOST) {
            let Some(asked) = self.plausible(path, &scope) else { continue };
            let asked = guarded(path, asked, &scope);
            all = Some(match all {
                Some(before) => rewrite::binary("&&", before, asked),
                None => asked,
            });
        }
        model::from_json("(only what can be)", rewrite::only_where(all?)).ok()
    }

    /// That what `path` leads to can be.
    fn plausible(&self, path: &Json, scope: &Scope<'_>) -> Option<Json> {
        let between = |least: Json, most: Json| {
            let least = rewrite::binary(">=", path.clone(), least);
            rewrite::binary("&&", least, rewrite::binary("<=", path.clone(), most))
        };
        match scope.type_of(path)? {
            Type::String => {
                let (owner, name) = owned(path, scope)?;
                let texts: Vec<&str> = self.texts(&owner, &name).collect();
                let texts = (!texts.is_empty()).then(|| texts.into_iter().chain([OTHER]))?;
                let texts: Vec<Json> = texts.map(|text| json!({ "Value": text })).collect();
                Some(rewrite::binary("contains", json!({ "Set": texts }), path.clone()))
            }
            Type::Datetime => {
                let [from, until] = YEARS.map(|day| json!({ "datetime": [{ "Value": day }] }));
                Some(between(from, until))
            }
            Type::Long => Some(between(json!({ "Value": -MANY }), json!({ "Value": MANY }))),
            _ => None,
        }
    }
}

fn scope<'a>(schema: &'a Schema, environment: &Environment) -> Option<Scope<'a>> {
    Scope::new(schema, &environment.principal, &environment.action, &environment.resource)
}

/// Whose attribute is read, and its name.
fn owned(read: &Json, scope: &Scope<'_>) -> Option<(String, String)> {
    let access = read.get(".")?;
    let (left, name) = (access.get("left")?, access.get("attr")?.as_str()?);
    let owner = match scope.type_of(left)? {
        Type::Entity(of) => scope.schema.entity_type(of)?.name.to_string(),
        _ if left.get("Var").and_then(Json::as_str) == Some(CONTEXT) => CONTEXT.to_owned(),
        _ => return None,
    };
    Some((owner, name.to_owned()))
}

/// Every attribute that an expression reads along a path from a variable.
fn reads(expr: &Json, found: &mut BTreeMap<String, Json>) {
    match expr {
        Json::Array(all) => all.iter().for_each(|expr| reads(expr, found)),
        Json::Object(fields) => {
            if fields.len() == 1 && fields.contains_key(".") && starts_from_variable(expr) {
                found.insert(expr.to_string(), expr.clone());
            }
            fields.values().for_each(|expr| reads(expr, found));
        }
        _ => {}
    }
}

fn starts_from_variable(expr: &Json) -> bool {
    match expr.get(".").and_then(|access| access.get("left")) {
        Some(left) => left.get("Var").is_some() || starts_from_variable(left),
        None => false,
    }
}

/// `asked`, where all that `path` reads is there.
fn guarded(path: &Json, asked: Json, scope: &Scope<'_>) -> Json {
    let Some(access) = path.get(".") else { return asked };
    let (Some(left), Some(name)) = (access.get("left"), access.get("attr").and_then(Json::as_str)) else {
        return asked;
    };
    let asked = match scope.is_required(left, name) {
        Some(true) => asked,
        _ => json!({ "if-then-else": {
            "if": { "has": { "left": left, "attr": name } }, "then": asked, "else": { "Value": true },
        } }),
    };
    guarded(left, asked, scope)
}
