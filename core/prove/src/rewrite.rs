//! Rewriting policies as JSON: what they say of a world after a change, or of another action and record.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::claims::{Becomes, Sort, Step};
use caseward::{Attribute, Schema, Type};
use serde_json::{Map, Value as Json, json};

use crate::model::{self, Ghost, Policy};

/// The types of the variables in a kind of request.
pub(crate) struct Scope<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) principal: Type,
    pub(crate) resource: Type,
    pub(crate) context: &'a BTreeMap<Arc<str>, Attribute>,
}

impl<'a> Scope<'a> {
    /// The types in a kind of request; `None` where the schema lacks one.
    pub(crate) fn new(schema: &'a Schema, principal: &str, action: &str, resource: &str) -> Option<Self> {
        Some(Scope {
            schema,
            principal: Type::Entity(schema.type_id(principal)?),
            resource: Type::Entity(schema.type_id(resource)?),
            context: &schema.action(action)?.context,
        })
    }

    /// The type of an expression that leads along attributes; `None` for any other.
    pub(crate) fn type_of(&self, expr: &Json) -> Option<Type> {
        let (operator, operand) = expr.as_object()?.iter().next()?;
        match operator.as_str() {
            "Var" => match operand.as_str()? {
                "principal" => Some(self.principal.clone()),
                "resource" => Some(self.resource.clone()),
                "context" => Some(Type::Record(Arc::new(self.context.clone()))),
                _ => None,
            },
            "Value" => {
                let name = operand.get("__entity")?.get("type")?.as_str()?;
                Some(Type::Entity(self.schema.type_id(name)?))
            }
            "." => self.attribute(&self.type_of(operand.get("left")?)?, operand.get("attr")?.as_str()?),
            "getTag" => match self.type_of(operand.get("left")?)? {
                Type::Entity(of) => self.schema.entity_type(of)?.tags.clone(),
                _ => None,
            },
            "if-then-else" => {
                self.type_of(operand.get("then")?).or_else(|| self.type_of(operand.get("else")?))
            }
            _ => None,
        }
    }

    fn attribute(&self, of: &Type, name: &str) -> Option<Type> {
        match of {
            Type::Entity(of) => Some(self.schema.entity_type(*of)?.attribute(name)?.1.ty.clone()),
            Type::Record(fields) => Some(fields.get(name)?.ty.clone()),
            _ => None,
        }
    }

    /// Whether every `left` has the attribute `name`; `None` where that is not known.
    pub(crate) fn is_required(&self, left: &Json, name: &str) -> Option<bool> {
        match self.type_of(left)? {
            Type::Entity(of) => Some(self.schema.entity_type(of)?.attribute(name)?.1.required),
            Type::Record(fields) => Some(fields.get(name)?.required),
            _ => None,
        }
    }

    fn type_name(&self, expr: &Json) -> Option<&'a str> {
        match self.type_of(expr)? {
            Type::Entity(of) => Some(&self.schema.entity_type(of)?.name),
            _ => None,
        }
    }
}

/// The attribute that stands for what is left to any entities in a step.
pub(crate) fn ghost(step: &Step, schema: &Schema) -> Option<Ghost> {
    let same_type = match (&step.becomes, step.sort(schema)?) {
        (Becomes::Less | Becomes::More, Sort::Set) => true,
        (Becomes::Less | Becomes::More, _) => false,
        _ => return None,
    };
    Some(Ghost { type_name: step.type_name.clone(), attribute: step.attribute.clone(), same_type })
}

/// Rewrites a policy to say of the world as it is what it would say of the world after the change.
pub(crate) struct After<'a> {
    pub(crate) scope: &'a Scope<'a>,
    pub(crate) steps: &'a [Step],
}

impl After<'_> {
    pub(crate) fn policy(&self, mut policy: Json) -> Result<Json, String> {
        each_condition(&mut policy, &mut |body| self.expr(body))?;
        Ok(policy)
    }

    fn expr(&self, expr: &Json) -> Result<Json, String> {
        let Some((operator, operand)) = expr.as_object().and_then(|o| o.iter().next()) else {
            return Err("an expression is not in the form that Cedar writes".to_owned());
        };
        match operator.as_str() {
            "has" => self.has(operand),
            "." => match self.step(operand)? {
                Some(step) => self.read(step, operand),
                None => children(expr, &mut |child| self.expr(child)),
            },
            "contains" => match operand.get("left").and_then(|set| set.get(".")) {
                Some(set) => match self.step(set)? {
                    Some(step) => self.contains(step, set, operand),
                    None => children(expr, &mut |child| self.expr(child)),
                },
                None => children(expr, &mut |child| self.expr(child)),
            },
            _ => children(expr, &mut |child| self.expr(child)),
        }
    }

    /// The step that concerns the attribute that `access` reads.
    fn step(&self, access: &Json) -> Result<Option<&Step>, String> {
        let (Some(left), Some(name)) = (access.get("left"), access.get("attr").and_then(Json::as_str)) else {
            return Ok(None);
        };
        let mut named = self.steps.iter().filter(|step| step.attribute == name).peekable();
        if named.peek().is_none() {
            return Ok(None);
        }
        match self.scope.type_of(left) {
            None => Err(format!("whose `{name}` is read cannot be told")),
            Some(Type::Entity(_)) => {
                let ty = self.scope.type_name(left);
                Ok(named.find(|step| Some(step.type_name.as_str()) == ty))
            }
            Some(_) => Ok(None),
        }
    }

    fn read(&self, step: &Step, access: &Json) -> Result<Json, String> {
        let left = self.expr(access.get("left").unwrap_or(&Json::Null))?;
        let own = get(&left, &step.attribute);
        let ghost = get(&left, &Ghost::name_of(&step.attribute));
        let sort = step.sort(self.scope.schema);
        Ok(match (&step.becomes, sort) {
            (Becomes::Less, Some(Sort::Bool)) => binary("&&", own, ghost),
            (Becomes::More, Some(Sort::Bool)) => binary("||", own, ghost),
            (Becomes::Truth(truth), _) => json!({ "Value": truth }),
            (Becomes::What(other), _) => get(&left, other),
            (_, Some(Sort::Optional)) => own,
            _ => return Err(format!("`{}` is asked otherwise than by `contains`", step.attribute)),
        })
    }

    fn contains(&self, step: &Step, set: &Json, operand: &Json) -> Result<Json, String> {
        let left = self.expr(set.get("left").unwrap_or(&Json::Null))?;
        let member = self.expr(operand.get("right").unwrap_or(&Json::Null))?;
        let asked = |name: &str| binary("contains", get(&left, name), member.clone());
        let (own, ghost) = (asked(&step.attribute), asked(&Ghost::name_of(&step.attribute)));
        match (&step.becomes, step.sort(self.scope.schema)) {
            (Becomes::Less, Some(Sort::Set)) => Ok(binary("&&", own, ghost)),
            (Becomes::More, Some(Sort::Set)) => Ok(binary("||", own, ghost)),
            _ => Ok(binary("contains", self.read(step, set)?, member)),
        }
    }

    fn has(&self, operand: &Json) -> Result<Json, String> {
        let left = operand.get("left").unwrap_or(&Json::Null);
        // `a has b.c` is `a has b && a.b has c`.
        if let Some(names) = operand.get("attr").and_then(Json::as_array) {
            let (mut left, mut all) = (left.clone(), None);
            for name in names.iter().filter_map(Json::as_str) {
                let here = self.has(&json!({ "left": left, "attr": name }))?;
                left = get(&left, name);
                all = Some(match all {
                    Some(before) => binary("&&", before, here),
                    None => here,
                });
            }
            return all.ok_or_else(|| "a `has` without a name".to_owned());
        }
        let step = self.step(operand)?;
        let left = self.expr(left)?;
        let has = |name: &str| json!({ "has": { "left": left, "attr": name } });
        let name = operand.get("attr").and_then(Json::as_str).unwrap_or_default();
        Ok(match step.map(|step| (&step.becomes, step.sort(self.scope.schema))) {
            Some((Becomes::Less, Some(Sort::Optional))) => {
                binary("&&", has(name), get(&left, &Ghost::name_of(name)))
            }
            Some((Becomes::Absent, _)) => json!({ "Value": false }),
            Some((Becomes::What(other), _)) => has(other),
            _ => has(name),
        })
    }
}

/// Rewrites a policy about another action and record to one about this request: the action becomes `action`, the
/// record what `record` leads to.
pub(crate) fn elsewhere(mut policy: Json, action: &Json, record: &Json) -> Result<Json, String> {
    fn swap(expr: &Json, action: &Json, record: &Json) -> Result<Json, String> {
        match expr.get("Var").and_then(Json::as_str) {
            Some("resource") => Ok(record.clone()),
            Some("action") => Ok(action.clone()),
            _ => children(expr, &mut |child| swap(child, action, record)),
        }
    }
    let resource = constraint(&policy, "resource")?;
    each_condition(&mut policy, &mut |body| swap(body, action, record))?;
    let resource = swap(&resource, action, record)?;
    let Some(fields) = policy.as_object_mut() else { return Err("not a policy".to_owned()) };
    // That the other action is meant was asked when the policy was found to apply to it.
    fields.insert("action".to_owned(), json!({ "op": "All" }));
    fields.insert("resource".to_owned(), json!({ "op": "All" }));
    let conditions = fields.entry("conditions").or_insert_with(|| json!([]));
    if let Some(conditions) = conditions.as_array_mut() {
        conditions.insert(0, json!({ "kind": "when", "body": resource }));
    }
    Ok(policy)
}

/// Everything that a policy asks, as one expression.
pub(crate) fn all_that_is_asked(policy: &Json) -> Result<Json, String> {
    let mut asked = constraint(policy, "principal")?;
    for part in ["action", "resource"] {
        asked = binary("&&", asked, constraint(policy, part)?);
    }
    for condition in policy.get("conditions").and_then(Json::as_array).into_iter().flatten() {
        let body = condition.get("body").cloned().unwrap_or(Json::Null);
        let body = match condition.get("kind").and_then(Json::as_str) {
            Some("unless") => json!({ "!": { "arg": body } }),
            _ => body,
        };
        asked = binary("&&", asked, body);
    }
    Ok(asked)
}

/// A forbid of everything but what `asked` holds of.
pub(crate) fn only_where(asked: Json) -> Json {
    json!({
        "effect": "forbid",
        "principal": { "op": "All" }, "action": { "op": "All" }, "resource": { "op": "All" },
        "conditions": [{ "kind": "unless", "body": asked }],
    })
}

/// A policy that applies only where `only`, a forbid of everything else, does not: its `unless` goes first.
pub(crate) fn behind(policy: &Policy, only: &Policy) -> Result<Policy, String> {
    let only = model::to_json(only)?;
    let body = only.get("conditions").and_then(|all| all.get(0)?.get("body")).cloned();
    let mut json = model::to_json(policy)?;
    let Some(fields) = json.as_object_mut() else { return Err("not a policy".to_owned()) };
    let conditions = fields.entry("conditions").or_insert_with(|| json!([]));
    if let (Some(conditions), Some(body)) = (conditions.as_array_mut(), body) {
        conditions.insert(0, json!({ "kind": "when", "body": body }));
    }
    model::from_json(policy.id().as_ref(), json)
}

/// What the head of a policy asks of one variable, as an expression.
fn constraint(policy: &Json, part: &str) -> Result<Json, String> {
    let variable = json!({ "Var": part });
    let constraint = policy.get(part).cloned().unwrap_or(Json::Null);
    let field =
        |name: &str| constraint.get(name).cloned().ok_or_else(|| "a head without its entity".to_owned());
    let entity = |uid: Json| json!({ "Value": { "__entity": uid.get("__entity").cloned().unwrap_or(uid) } });
    match constraint.get("op").and_then(Json::as_str) {
        Some("All") => Ok(json!({ "Value": true })),
        Some("==") => Ok(binary("==", variable, entity(field("entity")?))),
        Some("in") => match constraint.get("entities").and_then(Json::as_array) {
            Some(all) => Ok(binary(
                "in",
                variable,
                json!({ "Set": all.iter().cloned().map(entity).collect::<Vec<_>>() }),
            )),
            None => Ok(binary("in", variable, entity(field("entity")?))),
        },
        Some("is") => {
            let mut is = json!({ "is": { "left": variable, "entity_type": field("entity_type")? } });
            if let (Some(above), Some(is)) =
                (constraint.get("in"), is.get_mut("is").and_then(Json::as_object_mut))
            {
                let above = above.get("entity").cloned().unwrap_or(Json::Null);
                is.insert("in".to_owned(), entity(above));
            }
            Ok(is)
        }
        _ => Err("a head of a form that is not known".to_owned()),
    }
}

/// The expression `expr.name`.
pub(crate) fn get(expr: &Json, name: &str) -> Json {
    json!({ ".": { "left": expr, "attr": name } })
}

/// The expression `left operator right`.
pub(crate) fn binary(operator: &str, left: Json, right: Json) -> Json {
    let mut expr = Map::new();
    expr.insert(operator.to_owned(), json!({ "left": left, "right": right }));
    Json::Object(expr)
}

fn each_condition(
    policy: &mut Json,
    rewrite: &mut impl FnMut(&Json) -> Result<Json, String>,
) -> Result<(), String> {
    for condition in policy.get_mut("conditions").and_then(Json::as_array_mut).into_iter().flatten() {
        if let Some(body) = condition.get_mut("body") {
            *body = rewrite(body)?;
        }
    }
    Ok(())
}

/// The expression with each of its direct parts rewritten.
fn children(expr: &Json, rewrite: &mut impl FnMut(&Json) -> Result<Json, String>) -> Result<Json, String> {
    let Some((operator, operand)) = expr.as_object().and_then(|o| o.iter().next()) else {
        return Err("an expression is not in the form that Cedar writes".to_owned());
    };
    let rewritten = match (operator.as_str(), operand) {
        ("Value" | "Var" | "Slot", _) => operand.clone(),
        (_, Json::Array(parts)) => Json::Array(parts.iter().map(rewrite).collect::<Result<_, _>>()?),
        (_, Json::Object(parts)) => {
            let mut rewritten = Map::new();
            for (name, part) in parts {
                // Names and patterns are no expressions; every field of a record is one.
                let plain =
                    operator != "Record" && matches!(name.as_str(), "attr" | "entity_type" | "pattern");
                rewritten.insert(name.clone(), if plain { part.clone() } else { rewrite(part)? });
            }
            Json::Object(rewritten)
        }
        _ => operand.clone(),
    };
    let mut expr = Map::new();
    expr.insert(operator.clone(), rewritten);
    Ok(Json::Object(expr))
}
