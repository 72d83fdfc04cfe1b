//! What must hold of policies whatever the data: the files of the folders `invariants` and `guarantees`, as they are
//! meant.
//!
//! An invariant is written as a `forbid`: what it matches must never be allowed. It carries its sentence in
//! `@description` and its number, or the rule behind it, in `@invariant`. Two annotations make it another claim:
//!
//! | annotation | the claim |
//! |---|---|
//! | `@implies("viewSummary")`, `@of("resource.case")` | whoever is allowed what it matches is allowed that action on the resource, or on what `@of` leads to |
//! | `@change("User.roles shrinks")` | what it matches is not allowed after the change where it was not before; with `@implies`, where what is implied was not |
//!
//! A guarantee is written as a `permit`: what it matches must always be allowed. It carries the rules that it holds to
//! account in `@guarantee`.
//!
//! A change is a list, between commas, of `Type.attribute shrinks` or `grows` (a set loses or gains members, a truth
//! becomes false or true, an optional attribute goes: for any entities), and `Type.attribute = none`, `= true`,
//! `= false` or `= Type.other` (for all of them).
//!
//! # Example
//! ```
//! use caseward::claims::{Form, Invariant};
//! use caseward::{Sources, Ward};
//!
//! let ward = Ward::new(&Sources::attendance_invariants())?;
//! let login = ward.policy("invariants.2-login").map(|policy| Invariant::read(policy, ward.schema()));
//! assert!(matches!(login, Some(Ok(Invariant { form: Form::Change(steps, None), .. })) if steps.len() == 1));
//! # Ok::<(), caseward::Error>(())
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use super::annotations;
use super::load::Policy;
use crate::model::suggest::hint;
use crate::model::{Effect, Problem, Schema, Source, Type};

/// What must never be allowed, or, for a guarantee, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invariant {
    /// The `@id` of its file.
    pub id: Arc<str>,
    /// The number or rule that it writes down: `@invariant`, or `@guarantee`.
    pub number: Arc<str>,
    /// The sentence that it stands for: `@description`.
    pub sentence: Arc<str>,
    /// How it is meant.
    pub form: Form,
}

/// How an invariant is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// What it matches is never allowed.
    Never,
    /// What it matches is always allowed: a guarantee.
    Always,
    /// Whoever is allowed what it matches is allowed what is implied.
    Implies(Implied),
    /// What it matches is not allowed after a change where it was not before; or, where something is implied, where
    /// that was not allowed before.
    Change(Vec<Step>, Option<Implied>),
}

/// What has to be allowed too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Implied {
    /// The other action's uid, as Cedar writes it.
    pub action: String,
    /// The references that lead from the resource to what the other action is asked of; none for the resource.
    pub path: Vec<String>,
}

/// What becomes of an attribute of the entities of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The entity type.
    pub type_name: String,
    /// The attribute.
    pub attribute: String,
    /// What it becomes.
    pub becomes: Becomes,
}

/// What an attribute becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// A set loses members, true becomes false, an optional attribute goes: for any entities.
    Less,
    /// A set gains members, false becomes true: for any entities.
    More,
    /// It goes, for all.
    Absent,
    /// What another attribute of the entity was, for all.
    What(String),
    /// A truth, for all.
    Truth(bool),
}

/// The sorts of attributes that can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A set that is always there.
    Set,
    /// A truth that is always there.
    Bool,
    /// Anything that may be absent.
    Optional,
}

/// Why a file says no claim, and which of its annotations is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// The annotation concerned, where it is there.
    pub annotation: Option<&'static str>,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
}

impl Unclear {
    fn at(annotation: &'static str, message: impl Into<String>) -> Self {
        Unclear { annotation: Some(annotation), message: message.into() }
    }

    fn whole(message: impl Into<String>) -> Self {
        Unclear { annotation: None, message: message.into() }
    }
}

impl Invariant {
    /// What a file of the folder `invariants`, or of `guarantees`, claims.
    ///
    /// # Errors
    /// [`Unclear`], where it claims nothing or what the schema cannot say.
    pub fn read(policy: &Policy, schema: &Schema) -> Result<Self, Unclear> {
        let annotation = |name: &str| policy.annotations.get(name).filter(|text| !text.trim().is_empty());
        let sentence = || {
            let sentence = annotation("description").cloned();
            sentence
                .ok_or_else(|| Unclear::whole("it has no `@description`, the sentence that it stands for"))
        };
        if annotations::Kind::of(&policy.source) == annotations::Kind::Guarantee {
            if policy.effect == Effect::Forbid {
                return Err(Unclear::whole(
                    "what must always be allowed is written as a `permit`, not as a `forbid`",
                ));
            }
            let number = annotation("guarantee").cloned().ok_or_else(|| {
                Unclear::whole("it has no `@guarantee`, the rules that it holds to account")
            })?;
            return Ok(Invariant {
                id: policy.id.clone(),
                number,
                sentence: sentence()?,
                form: Form::Always,
            });
        }
        if policy.effect == Effect::Permit {
            return Err(Unclear::whole(
                "what must never be allowed is written as a `forbid`, not as a `permit`; what must always be stands \
                 in the folder `guarantees`",
            ));
        }
        let sentence = sentence()?;
        let number = annotation("invariant")
            .ok_or_else(|| Unclear::whole("it has no `@invariant`, its number or the rule behind it"))?;
        let implied = match (annotation("implies"), annotation("of")) {
            (Some(action), of) => Some(implied(action, of.map(AsRef::as_ref), policy, schema)?),
            (None, Some(_)) => {
                return Err(Unclear::at("of", "`@of` says of what `@implies` speaks, and there is none"));
            }
            (None, None) => None,
        };
        let form = match (annotation("change"), implied) {
            (Some(change), implied) => {
                Form::Change(steps(change, schema).map_err(|why| Unclear::at("change", why))?, implied)
            }
            (None, Some(implied)) => Form::Implies(implied),
            (None, None) => Form::Never,
        };
        Ok(Invariant { id: policy.id.clone(), number: number.clone(), sentence, form })
    }
}

fn implied(name: &str, of: Option<&str>, policy: &Policy, schema: &Schema) -> Result<Implied, Unclear> {
    let Some(action) = schema.action(name) else {
        let hint = hint(name, schema.actions().iter().map(|action| action.uid.id()));
        return Err(Unclear::at("implies", format!("the schema has no action `{name}`{hint}")));
    };
    let path = of.unwrap_or("resource");
    let mut steps = path.split('.');
    if steps.next() != Some("resource") {
        return Err(Unclear::at("of", format!("`@of` is `{path}`, which does not start from `resource`")));
    }
    let path: Vec<String> = steps.map(str::to_owned).collect();
    let known = |name: &String| schema.entity_types().iter().any(|ty| ty.attribute(name).is_some());
    if let Some(name) = path.iter().find(|name| !known(name)) {
        let names = schema.entity_types().iter().flat_map(|ty| ty.attributes.iter());
        let hint = hint(name, names.map(|(name, _)| name.as_ref()));
        return Err(Unclear::at("of", format!("no type of `{}` has an attribute `{name}`{hint}", policy.id)));
    }
    Ok(Implied { action: action.uid.to_string(), path })
}

impl Step {
    /// What sort of attribute it is; `None` where it is not in the schema, or what it becomes makes no sense.
    pub fn sort(&self, schema: &Schema) -> Option<Sort> {
        let ty = schema.entity_type(schema.type_id(&self.type_name)?)?;
        let (_, attribute) = ty.attribute(&self.attribute)?;
        let sort = match (&attribute.ty, attribute.required) {
            (Type::Set(_), true) => Sort::Set,
            (Type::Bool, true) => Sort::Bool,
            (_, false) => Sort::Optional,
            _ => return None,
        };
        let fits = match (&self.becomes, sort) {
            (Becomes::Less, _) | (Becomes::More, Sort::Set | Sort::Bool) => true,
            (Becomes::Absent, Sort::Optional) | (Becomes::Truth(_), Sort::Bool) => true,
            (Becomes::What(other), _) => {
                let (_, other) = ty.attribute(other)?;
                other.ty == attribute.ty && (other.required || !attribute.required)
            }
            _ => false,
        };
        fits.then_some(sort)
    }
}

/// Reads `Type.attribute shrinks`, `grows`, `= none`, `= true`, `= false` or `= Type.other`, between commas.
fn steps(text: &str, schema: &Schema) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    for part in text.split(',') {
        let words: Vec<&str> = part.split_whitespace().collect();
        let form = || {
            format!(
                "`{}` is no change such as `User.roles shrinks`, `Item.secret grows`, `Item.owner = none`, \
                 `Item.secret = true` or `Item.owner = Item.maker`",
                part.trim()
            )
        };
        let (of, becomes) = match words.as_slice() {
            [of, "shrinks"] => (of, Becomes::Less),
            [of, "grows"] => (of, Becomes::More),
            [of, "=", "none"] => (of, Becomes::Absent),
            [of, "=", "true"] => (of, Becomes::Truth(true)),
            [of, "=", "false"] => (of, Becomes::Truth(false)),
            [of, "=", other] => {
                let (ty, attribute) = other.rsplit_once('.').ok_or_else(form)?;
                if of.rsplit_once('.').is_none_or(|(of, _)| of != ty) {
                    return Err(form());
                }
                (of, Becomes::What(attribute.to_owned()))
            }
            _ => return Err(form()),
        };
        let (ty, attribute) = of.rsplit_once('.').ok_or_else(form)?;
        let step = Step { type_name: ty.to_owned(), attribute: attribute.to_owned(), becomes };
        if step.sort(schema).is_none() {
            let names = schema
                .entity_types()
                .iter()
                .flat_map(|ty| ty.attributes.iter().map(move |(name, _)| format!("{}.{name}", ty.name)));
            let names: Vec<String> = names.collect();
            let hint = match names.iter().any(|name| name == *of) {
                true => String::new(),
                false => hint(of, names.iter().map(String::as_str)),
            };
            return Err(format!(
                "`{}`: the schema has no such attribute that can change so{hint}",
                part.trim()
            ));
        }
        steps.push(step);
    }
    Ok(steps)
}

/// What of the files of the folders of claims is none.
pub(super) fn check(
    set: &cedar_policy::PolicySet,
    policies: &[Policy],
    sources: &HashMap<Arc<str>, Source>,
    schema: &Schema,
) -> Vec<Problem> {
    let kind = |policy: &Policy| annotations::Kind::of(&policy.source);
    let invariants = policies.iter().filter(|policy| kind(policy) != annotations::Kind::Policy);
    let refused = invariants.filter_map(|policy| {
        let unclear = Invariant::read(policy, schema).err()?;
        let problem = Problem::error(unclear.message).in_source(&policy.source);
        let parsed = set.policy(&cedar_policy::PolicyId::new(policy.id.as_ref()))?;
        let span = match unclear.annotation {
            Some(name) => annotations::place(parsed, name),
            None => annotations::whole(parsed),
        };
        Some(match (span, sources.get(&policy.id)) {
            (Some(span), Some(source)) => problem.at(&source.text, span),
            _ => problem,
        })
    });
    refused.collect()
}
